//! Target `compressed`: gzip and zstd in one part or several, whole, cut or damaged.

use std::io::Read;

use segue_data::readers::Input;
use serde_json::json;

use crate::case::Case;
use crate::draw::Draw;
use crate::guise::{gz, zst};

/// What a case may unpack to: a kilobyte of damaged zstd can stand for a hundred megabytes.
const UNPACKED: u64 = 1 << 26;

/// Invents a text, the parts that it is compressed in, and damage.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let mut options = json!({"codec": draw.pick(&["gz", "zst", "raw"])});
    options["parts"] = draw.some(4, |draw| draw.below(40)).into();
    if draw.once_in(2) {
        options["damage"] = draw.some(3, |draw| json!([draw.below(400), 1 << draw.below(8)])).into();
    }
    if draw.once_in(3) {
        options["cut"] = draw.below(300).into();
    }
    if draw.once_in(6) {
        let (text, times) = (draw.odd(), [3, 200, 5000, 100_000][draw.below(4)]);
        options["repeat"] = json!([text, times]);
    }
    let lines = draw.some(12, |draw| format!("{} {}", draw.id(), draw.words()));
    let text = lines.join("\n");
    if options["codec"] == "raw" {
        // Compressed bytes as they are, for raw mutation.
        let bytes = if draw.once_in(2) { gz(text.as_bytes()) } else { zst(text.as_bytes()) };
        return Case::of(json!({"codec": "raw"}), bytes);
    }
    Case::of(options, text)
}

/// A whole file unpacks to the text, but for comments and a byte order mark, whatever its parts; a damaged gzip file to that or to an
/// error; a cut one to an error, or to the parts before the cut; nothing panics.
pub(crate) fn check(bytes: &[u8]) {
    let case = Case::parse(bytes);
    let content = case.content();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let codec: String = case.option("codec");
    if !matches!(codec.as_str(), "gz" | "zst") {
        std::fs::write(&path, &content).unwrap();
        let _ = unpacked(&path);
        return;
    }
    let [pack, other]: [fn(&[u8]) -> Vec<u8>; 2] = if codec == "gz" { [gz, zst] } else { [zst, gz] };
    // By the other codec, in one part.
    let whole = folder.path().join("whole");
    let expected = |length: usize| {
        std::fs::write(&whole, other(&content[..length])).unwrap();
        let found = unpacked(&whole);
        match &found {
            Ok(found) => assert!(content[..length].ends_with(found), "in one part: {found:?}"),
            // What is no text by how it begins, such as Parquet, is refused however it is packed.
            Err(error) => assert!(error.contains("whole: is "), "in one part: {error}"),
        }
        found.ok()
    };
    let (mut packed, mut ends, mut rest) = (Vec::new(), Vec::new(), content.as_slice());
    for size in case.option::<Vec<usize>>("parts").into_iter().take(8).chain([usize::MAX]) {
        let (part, after) = rest.split_at(size.min(rest.len()));
        packed.extend(pack(part));
        ends.push((packed.len(), content.len() - after.len()));
        rest = after;
    }
    let damage: Vec<(usize, u8)> = case.option("damage");
    let is_damaged = damage.iter().any(|&(_, flip)| flip > 0);
    for (at, flip) in damage {
        let at = at % packed.len();
        packed[at] ^= flip;
    }
    let cut: Option<usize> = case.option("cut");
    let cut = cut.map(|cut| cut % packed.len());
    packed.truncate(cut.unwrap_or(packed.len()));
    std::fs::write(&path, &packed).unwrap();
    let found = unpacked(&path);
    match (is_damaged, cut) {
        (false, None) => assert!(found.as_ref().ok() == expected(content.len()).as_ref(), "whole: {found:?}"),
        (false, Some(cut)) => match (found, ends.iter().find(|(end, _)| *end == cut)) {
            (Ok(found), Some(&(_, length))) => assert!(Some(found) == expected(length), "cut between parts"),
            // A head of one byte tells no codec.
            (Ok(found), None) => assert!(cut < 4 && found == packed, "cut at {cut}: {found:?}"),
            (Err(error), between) => {
                let is_refused = between.is_none_or(|&(_, length)| expected(length).is_none());
                assert!(is_refused, "cut between parts at {cut}: {error}");
            }
        },
        // Damage of the first bytes may make a plain file of it; zstd frames need not have a checksum.
        (true, _) => {
            if let Ok(found) = found
                && codec == "gz"
                && packed.starts_with(&[0x1f, 0x8b])
            {
                let is_known = ends.iter().any(|&(_, length)| expected(length).as_ref() == Some(&found));
                assert!(is_known, "damaged and other: {found:?}");
            }
        }
    }
}

fn unpacked(path: &std::path::Path) -> Result<Vec<u8>, String> {
    let mut input = Input::open(path).map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    let read = (&mut input).take(UNPACKED).read_to_end(&mut content);
    assert!(input.consumed() <= input.size());
    read.map(|_| content).map_err(|error| error.to_string())
}
