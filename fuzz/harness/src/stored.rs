//! Target `stored`: Parquet logs and prepared folders, whole or damaged.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use segue_core::{OpenedTests, Prepared};
use segue_data::prepare::{
    DataConfig, DomainConfig, OneOrMany, PrepareOptions, Progress, SplitConfig, SplitKind, load_folder, prepare,
    write_folder,
};
use serde_json::{Value, json};

use crate::case::Case;
use crate::draw::Draw;
use crate::parquet;

/// The files of a prepared folder.
const FILES: [&str; 8] = [
    "manifest.json",
    "data/train.parquet",
    "data/val.parquet",
    "data/test.parquet",
    "data/items.parquet",
    "maps/user_id_map.json",
    "maps/item_id_map.json",
    "split_stats.csv",
];

/// Invents a Parquet log, or damage to one file of a folder.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    if draw.once_in(2) {
        return parquet::invent(draw);
    }
    let mut options = json!({"folder": draw.pick(&FILES), "rehash": !draw.once_in(4)});
    match draw.below(4) {
        0 => {
            let words = ["[", "\"", "1", "train", "user", "domain", "1.0", "null", "{", "2", "a", "books", "rating"];
            options["replace"] = json!([draw.pick(&words), draw.odd()]);
        }
        _ => parquet::damage(draw, &mut options),
    }
    Case::of(options, "")
}

/// A log as [`parquet::check`]. A folder loads as it was written; a changed file is refused by its hash; one whose hash
/// was changed with it is refused or loads as something sound.
pub(crate) fn check(bytes: &[u8]) {
    let case = Case::parse(bytes);
    match case.option::<Option<String>>("folder") {
        Some(name) => folder(&case, &name),
        None => parquet::check(&case),
    }
}

fn folder(case: &Case, name: &str) {
    let place = tempfile::tempdir().unwrap();
    let mut files = whole().clone();
    let mut is_changed = false;
    if let Some((_, bytes)) = files.iter_mut().find(|(known, _)| known == name) {
        if let Some((from, to)) =
            case.option::<Option<(String, String)>>("replace").filter(|(from, _)| !from.is_empty())
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            let text = text.replacen(&from, &to, 2).into_bytes();
            is_changed |= text != *bytes;
            *bytes = text;
        }
        is_changed |= parquet::damaged(case, bytes);
        // Given files stand in the place of ours.
        if let Some((_, given)) = case.files.iter().find(|(given, _)| given == name) {
            is_changed |= given != bytes;
            bytes.clone_from(given);
        }
        let (size, hash) = (bytes.len(), fnv(bytes));
        if case.option("rehash") && name != FILES[0] {
            rehash(&mut files, name, size, &hash);
        }
    }
    for (name, bytes) in &files {
        let path = place.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    match load_folder(place.path()) {
        Ok((prepared, manifest)) => {
            let text = described(&prepared);
            assert!(is_changed || text == described(&load(&place, whole())), "loads as it was written");
            let is_hashed = name == FILES[0] || case.option("rehash");
            assert!(!is_changed || is_hashed, "{name} is changed and loads: {manifest:?}");
        }
        Err(error) => {
            assert!(is_changed, "a whole folder is refused: {error}");
            assert!(error.to_string().contains(&*place.path().to_string_lossy()), "names no file: {error}");
        }
    }
}

fn load(place: &tempfile::TempDir, files: &[(String, Vec<u8>)]) -> Prepared {
    for (name, bytes) in files {
        std::fs::write(place.path().join(name), bytes).unwrap();
    }
    load_folder(place.path()).unwrap().0
}

/// Every event by external ids: a dense id out of range would panic here.
fn described(prepared: &Prepared) -> String {
    let mut text = String::new();
    let mut add = |log: &segue_core::Interactions| {
        for event in log.events() {
            let (user, item) = (prepared.users.external(event.user), prepared.catalogue.external(event.item));
            let info = prepared.catalogue.info(event.item);
            text.push_str(&format!("{user} {item} {} {:?} {:?} {:?}\n", event.value, event.time, event.signal, info));
        }
    };
    add(&prepared.split.train);
    for task in &prepared.split.tasks {
        add(&task.valid.events);
        add(&task.test.open(&mut OpenedTests::default(), "looked at after loading").events);
    }
    text
}

/// The files of a small prepared folder, made once.
fn whole() -> &'static Vec<(String, Vec<u8>)> {
    static WHOLE: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let domain = |name: &str, items: usize| {
            let rows = (0..40).map(|n| format!("u{},{name}{},{},{}\n", n % 7, n * n % items, 1 + n % 5, 1_000 + n));
            let path = place.path().join(name);
            std::fs::write(&path, format!("user,item,rating,timestamp\n{}", rows.collect::<String>())).unwrap();
            let titles = (0..items).map(|n| format!("{name}{n},Title {n},a|b{n}\n"));
            let about = place.path().join(format!("{name}.items"));
            std::fs::write(&about, format!("item,title,categories\n{}", titles.collect::<String>())).unwrap();
            let (interactions, items) = (Some(OneOrMany::One(path)), Some(OneOrMany::One(about)));
            DomainConfig { name: name.into(), interactions, items, ..DomainConfig::default() }
        };
        let (name, domains) = ("small".to_owned(), vec![domain("books", 11), domain("films", 9)]);
        let data = DataConfig { name, domains, target: "films".into(), ..DataConfig::default() };
        let split = SplitConfig { kind: SplitKind::Ratio, ..SplitConfig::default() };
        let mut progress = |_: Progress<'_>| ControlFlow::Continue(());
        let (prepared, report) = prepare(&data, &PrepareOptions::default(), &split, 7, &mut progress).unwrap();
        let out = place.path().join("out");
        write_folder(&out, &prepared, &report).unwrap();
        let manifest: Value = serde_json::from_slice(&std::fs::read(out.join(FILES[0])).unwrap()).unwrap();
        let listed = manifest["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned());
        let read = |name: String| {
            let mut bytes = std::fs::read(out.join(&name)).unwrap();
            if name == FILES[0] {
                // The places of damage must not depend on the name of a temporary folder.
                bytes = String::from_utf8(bytes).unwrap().replace(&*place.path().to_string_lossy(), "raw").into();
            }
            (name, bytes)
        };
        listed.chain([FILES[0].to_owned()]).map(read).collect()
    })
}

/// States another size and hash of one file in the manifest.
fn rehash(files: &mut [(String, Vec<u8>)], name: &str, size: usize, hash: &str) {
    let Some((_, manifest)) = files.iter_mut().find(|(known, _)| known == FILES[0]) else { return };
    let mut stated: Value = serde_json::from_slice(manifest).unwrap();
    for file in stated["files"].as_array_mut().unwrap() {
        if file["path"] == name {
            file["bytes"] = size.into();
            file["fnv1a64"] = hash.into();
        }
    }
    *manifest = stated.to_string().into_bytes();
}

/// FNV-1a with 64 bits.
fn fnv(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}
