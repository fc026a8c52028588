//! Target `sequences`: files of names between spaces, and the small files beside a log: links, negatives, ids.

use segue_data::readers::{Negatives, read_ids, read_links, read_negatives};
use serde_json::json;

use crate::case::Case;
use crate::draw::Draw;
use crate::guise::{disguised, may_wear};
use crate::logs::{self, in_session, rows};

/// Invents a file of one kind, with the maps of timed sequences beside it.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let kind = draw.pick(&["adjacency", "sequence", "timed_sequence", "links", "negatives", "ids"]);
    let mut options = draw.options(kind);
    if matches!(kind, "links" | "negatives" | "ids") {
        options["reader"] = kind.into();
    }
    let space = draw.pick(&[" ", " ", "\t", "  ", "\u{b}", "\u{a0}", ","]);
    let line = |draw: &mut Draw<'_>| match kind {
        "timed_sequence" => {
            let timed = |draw: &mut Draw<'_>| {
                format!("{}{}{}", draw.below(6), draw.pick(&["|", "|", "|", "", "||"]), time(draw))
            };
            [vec![draw.below(4).to_string()], draw.some(5, timed)].concat().join(space)
        }
        "links" => format!("{}{}{}", draw.id(), draw.pick(&["\t", ",", ";", " ", ""]), draw.id()),
        "negatives" => {
            let user = if draw.once_in(2) { draw.id() } else { format!("({},{})", draw.id(), draw.id()) };
            [vec![user], draw.some(5, Draw::id)].concat().join(space)
        }
        "ids" => draw.id(),
        _ => draw.some(6, Draw::id).join(space),
    };
    let header = match kind {
        "links" if draw.once_in(2) => vec![draw.pick(&["a:token\tb:token", "user_id,item_id", "x,y"]).to_owned()],
        "ids" if draw.once_in(2) => vec![draw.pick(&["user_id", "item", "id"]).to_owned()],
        _ => Vec::new(),
    };
    let lines = [header, draw.some(7, line)].concat();
    let mut case = Case::of(options, lines.join(draw.pick(&["\n", "\n", "\r\n", "\n\n"])));
    if kind == "timed_sequence" && draw.once_in(2) {
        case.files.push(("map_item.json".into(), map(draw, true).into()));
        if draw.once_in(2) {
            case.files.push(("map_user.json".into(), map(draw, false).into()));
        }
        if draw.once_in(2) {
            case.options.insert("only".into(), json!({"domain": draw.below(3)}));
        }
    }
    case
}

fn time(draw: &mut Draw<'_>) -> String {
    if draw.once_in(6) { draw.time() } else { draw.below(100).to_string() }
}

fn map(draw: &mut Draw<'_>, domains: bool) -> String {
    let mut map = json!({});
    for n in 0..draw.below(7) {
        let id = draw.id();
        map[id] = match draw.below(8) {
            0 => json!(draw.odd()),
            1 => json!([n]),
            2 => json!([n, "x"]),
            _ if domains => json!([n, draw.below(2)]),
            _ => json!(n),
        };
    }
    map.to_string()
}

/// Logs as [`logs::check`]; of the small files every line is either read or bad, names are trimmed and not empty, and
/// the file reads the same in its guise.
pub(crate) fn check(bytes: &[u8]) {
    let mut case = Case::parse(bytes);
    let reader: String = case.option("reader");
    if !matches!(reader.as_str(), "links" | "negatives" | "ids") {
        case.options.entry("format").or_insert_with(|| "adjacency".into());
        let read = logs::check(&case);
        drop(read);
        return;
    }
    let (_folder, path) = case.laid();
    let read = || match reader.as_str() {
        "links" => links(&path, case.option("header")),
        "negatives" => negatives(&path),
        _ => ids(&path),
    };
    let (content, guise) = (case.content(), case.option::<String>("guise"));
    let found = read();
    if may_wear(&guise, &content) {
        std::fs::write(&path, disguised(&guise, &content)).unwrap();
        let other = read();
        assert_eq!(found.as_ref().ok(), other.as_ref().ok(), "as {guise}: {found:?}, {other:?}");
    }
}

/// What was read, as lines, and the number of bad ones.
type Found = Result<(Vec<String>, u64), String>;

fn links(path: &std::path::Path, header: Option<bool>) -> Found {
    let (links, lines, _, bad) = in_session(path, u64::MAX, |session| read_links(path, header, session))?;
    let pairs = links.pairs;
    assert!(header.is_none_or(|header| header == links.header));
    assert_eq!(pairs.len() as u64 + bad, lines);
    let sound = |id: &String| !id.is_empty() && id.trim() == id;
    assert!(pairs.iter().all(|(a, b)| sound(a) && sound(b)), "{pairs:?}");
    Ok((pairs.into_iter().map(|(a, b)| format!("{a}\t{b}")).collect(), bad))
}

fn negatives(path: &std::path::Path) -> Found {
    let (Negatives { log, asked }, lines, _, bad) =
        in_session(path, u64::MAX, |session| read_negatives(path, session))?;
    assert!(asked.len() as u64 + asked.nameless + bad <= lines);
    let rows = rows(&log);
    assert!(rows.len() as u64 + log.nameless + bad >= lines);
    assert!(rows.iter().all(|(_, _, value, time)| *value == Some(1.0_f32.to_bits()) && time.is_none()));
    Ok((rows.into_iter().map(|(user, item, ..)| format!("{user}\t{item}")).collect(), bad))
}

fn ids(path: &std::path::Path) -> Found {
    let (ids, lines, _, bad) = in_session(path, u64::MAX, |session| read_ids(path, session))?;
    assert!((lines - bad).abs_diff(ids.len() as u64) <= 1, "{lines} lines, {bad} bad, {ids:?}");
    assert!(ids.iter().all(|id| !id.is_empty() && id.trim() == id), "{ids:?}");
    Ok((ids, bad))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_small_file_is_accounted_for() {
        super::check(b"{\"reader\":\"links\",\"guise\":\"gz\"}\na,b\nc,d\ne\n");
        super::check(b"{\"reader\":\"negatives\",\"guise\":\"crlf\"}\n(a,b) c d\ne\n");
        super::check(b"{\"reader\":\"ids\",\"guise\":\"end\"}\nuser_id\na\nb");
    }
}
