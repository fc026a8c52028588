//! The README's commands run, in its order, in a fresh folder.

use std::io::Write as _;

use segue_data::synth::{World, WorldConfig};
use serde_json::json;

use crate::support::Scratch;

/// JSON lines, gzipped.
fn gzipped(lines: impl Iterator<Item = serde_json::Value>) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    lines.for_each(|line| writeln!(gzip, "{line}").unwrap());
    gzip.finish().unwrap()
}

#[test]
fn the_five_more_commands_run() {
    let readme = include_str!("../../../../README.md");
    let section = readme.split("## Five more").nth(1).unwrap();
    let block = section.split("```console").nth(1).unwrap().split("```").next().unwrap();
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("segue ")).collect();
    assert_eq!(commands.len(), 5, "{block}");
    let scratch = Scratch::new();
    for command in commands {
        scratch.ok(command);
    }
}

#[test]
fn music_to_films_is_three_commands() {
    let readme = include_str!("../../../../README.md");
    let section = readme.split("### Your own logs").nth(1).unwrap();
    let block = section.split("```console").nth(1).unwrap().split("```").next().unwrap().replace("\\\n", "");
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("segue ")).collect();
    assert_eq!(commands.len(), 3, "{block}");
    let scratch = Scratch::new();
    let world = World::generate(&WorldConfig::small()).unwrap();
    for (domain, category) in world.domains.iter().zip(["Digital_Music", "Movies_and_TV"]) {
        let reviews = domain.rows.iter().map(|row| {
            json!({ "reviewerID": row.user, "asin": row.item, "overall": row.rating, "unixReviewTime": row.time })
        });
        scratch.write(&format!("data/amazon2018/reviews/{category}.json.gz"), gzipped(reviews));
        let items = domain.items.iter().map(|item| json!({ "asin": item.item, "title": item.title }));
        scratch.write(&format!("data/amazon2018/metadata/meta_{category}.json.gz"), gzipped(items));
    }
    let said: Vec<String> = commands.into_iter().map(|command| scratch.ok(command)).collect();
    assert!(said[2].contains("ndcg@10"), "{}", said[2]);
    let stats = std::fs::read_to_string(scratch.path("artifacts/movies_from_music/split_stats.csv")).unwrap();
    assert!(stats.contains("Movies_and_TV") && stats.contains("Digital_Music"), "{stats}");
}
