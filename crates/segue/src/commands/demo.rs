//! `segue demo`: the whole road on the sample world, from raw logs to films for a listener of three songs.

use std::path::PathBuf;

use clap::Args;
use segue_core::{DomainId, ItemId, Signal};
use segue_lab::{Bundle, Composer, Request, Settings, compare, recommend};

use super::comparison::{Baseline, POPULARITY, marks_note, shown, table};
use super::{prepare as prepare_command, recommend as recommend_command, train};
use crate::terminal::{Bar, Format, print_table, say};

/// The models of the tour, with settings that suit a small world.
const TOUR: [&[&str]; 6] =
    [&["model=popularity"], &["model=item_knn"], &["model=mf"], &["model=ease"], &["model=ials"], &["model=lightgcn"]];

/// Generate a world, prepare it, compare six models, and recommend films to a listener of three songs.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where the prepared data and the chosen model are written; replaced at every run.
    #[arg(long, default_value = "outputs/demo", value_name = "DIR")]
    out: PathBuf,
    /// Seed of the world and of all training.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    let composer = Composer::new(None, &registry)?;
    let seed = format!("seed={}", args.seed);
    let settings: Vec<Settings> = TOUR
        .iter()
        .map(|model| {
            let common = ["experiment=demo", seed.as_str()];
            let overrides: Vec<String> = common.iter().chain(*model).map(|o| (*o).to_owned()).collect();
            Ok(composer.job(&overrides)?.settings()?)
        })
        .collect::<anyhow::Result<_>>()?;
    let Some(first) = settings.first() else { anyhow::bail!("the tour is empty") };

    say("1. A world of songs, films and books whose people carry one taste through all three; its raw logs prepared:");
    let loaded = train::load(first)?;
    let data = args.out.join("data");
    segue_data::prepare::write_folder(&data, &loaded.data, &loaded.report)?;
    prepare_command::print_report(&loaded.report, Format::or_fitting(None))?;

    say("\n2. Six models learn from all domains and rank every film for every person:");
    let mut fitted = Vec::new();
    let comparison = compare((&settings, false), (&loaded, &registry), Bar::new, |one| fitted.push(one))?;
    let baseline = Baseline { model: POPULARITY, resamples: first.evaluation.resamples() };
    let names = shown(&comparison, &[], first)?;
    let (header, rows) = table(&comparison, &baseline, &names)?;
    print_table(&header, &rows, Format::or_fitting(None))?;
    comparison.protocols().0.into_iter().for_each(say);
    if let Some(note) = marks_note(&rows, &baseline) {
        say(&note);
    }

    let metric = &first.trainer.early_stopping.metric;
    let chosen = comparison.chosen(metric).unwrap_or_default();
    let bundle = fitted.swap_remove(comparison.rows[chosen].fit).bundle;
    let file = args.out.join("model.safetensors");
    bundle.save(&file)?;

    let songs = three_songs(&bundle)?;
    let titles: Vec<&str> = songs.iter().map(|&item| bundle.catalogue.title(item)).collect();
    say(&format!(
        "\n3. {} is best on validation ({metric}). Films for someone new who loves the songs {}:",
        bundle.model_name,
        titles.join(", ")
    ));
    let likes = songs.iter().map(|&item| format!("music:{}", bundle.catalogue.external(item))).collect();
    let request = Request { likes, k: 10, ..Request::default() };
    let recommendations = recommend(&bundle, &request)?;
    let (header, rows) = recommend_command::table(&bundle, &recommendations, 2);
    print_table(&header, &rows, Format::or_fitting(None))?;

    say(&format!(
        "\nGo on with your own songs:\n  segue recommend --run {} --like \"{}\" --target books\n  segue train model={} data_dir={}",
        file.display(),
        titles.first().unwrap_or(&""),
        bundle.model_name,
        data.display()
    ));
    Ok(())
}

/// The three most liked songs of one genre that have a title.
fn three_songs(bundle: &Bundle) -> anyhow::Result<Vec<ItemId>> {
    let catalogue = &bundle.catalogue;
    let music: DomainId = segue_lab::find_domain(bundle, "music")?;
    let mut likes = vec![0_u32; catalogue.n_items()];
    for event in bundle.log.events().filter(|e| e.signal == Signal::Positive) {
        likes[event.item as usize] += 1;
    }
    let mut songs: Vec<ItemId> = catalogue.range(music).filter(|&i| catalogue.info(i).title.is_some()).collect();
    songs.sort_by_key(|&item| (std::cmp::Reverse(likes[item as usize]), item));
    let genre = |item: ItemId| catalogue.info(item).categories.first().cloned();
    let Some(favourite) = songs.iter().find_map(|&item| genre(item).filter(|g| g != "unknown")) else {
        anyhow::bail!("the sample world has no song with a title and a genre");
    };
    songs.retain(|&item| genre(item).as_ref() == Some(&favourite));
    songs.truncate(3);
    Ok(songs)
}
