//! Changes that keep a case a case: a line, a cell or an option at a time; now and then a new invention.

use segue_core::Seed;

use crate::Target;
use crate::case::Case;
use crate::draw::Draw;

/// What `target` is tried with after `bytes`, at most `limit` bytes long. `raw` is the fuzzer's own change of bytes, which
/// is made in three of ten cases.
pub fn mutate(
    target: &Target,
    bytes: &[u8],
    (limit, seed): (usize, u32),
    raw: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut stream = Seed::new(seed.into()).stream();
    let noise: Vec<u8> = (0..256).flat_map(|_| stream.next_u64().to_le_bytes()).collect();
    let mut draw = Draw::new(&noise);
    let mutated = match draw.below(10) {
        0..3 => raw(bytes),
        3..5 => (target.invent)(&mut draw).print(),
        change => {
            let mut case = Case::parse(bytes);
            let other = (target.invent)(&mut draw);
            if change == 5 {
                swap_option(&mut draw, &mut case, other)
            } else {
                change_file(&mut draw, &mut case, &other)
            }
            case.print()
        }
    };
    if mutated.len() <= limit { mutated } else { mutated[..limit].to_vec() }
}

fn swap_option(draw: &mut Draw<'_>, case: &mut Case, other: Case) {
    let Case { options, files } = other;
    if draw.once_in(4) {
        let gone = case.options.keys().nth(draw.below(case.options.len())).cloned();
        gone.map(|gone| case.options.shift_remove(&gone));
    } else if !options.is_empty() && draw.once_in(2) {
        case.options.extend(options);
    } else {
        case.files = files;
    }
}

/// Changes lines of one file, with those of another case as material.
fn change_file(draw: &mut Draw<'_>, case: &mut Case, other: &Case) {
    if case.files.is_empty() {
        case.files.clone_from(&other.files);
    }
    let n = case.files.len();
    let Some((_, content)) = case.files.get_mut(draw.below(n)) else { return };
    let mut lines: Vec<Vec<u8>> = content.split(|&b| b == b'\n').map(Vec::from).collect();
    let theirs: Vec<&[u8]> =
        other.files.first().map(|(_, text)| text.split(|&b| b == b'\n').collect()).unwrap_or_default();
    for _ in 0..=draw.below(3) {
        let at = draw.below(lines.len());
        let Some(line) = lines.get(at).cloned() else { break };
        match draw.below(8) {
            0 => lines.insert(at, line),
            1 => drop(lines.remove(at)),
            2 => lines.insert(at, theirs.get(draw.below(theirs.len())).copied().unwrap_or_default().into()),
            3 => {
                let with = draw.below(lines.len());
                lines.swap(at, with);
            }
            _ => lines[at] = change_line(draw, &line),
        }
    }
    *content = lines.join(&b'\n');
}

fn change_line(draw: &mut Draw<'_>, line: &[u8]) -> Vec<u8> {
    let delimiter = draw.pick(&["\t", ",", ";", "|", " ", ":", "\"", "="]).as_bytes()[0];
    let mut cells: Vec<Vec<u8>> = line.split(|&b| b == delimiter).map(Vec::from).collect();
    let at = draw.below(cells.len());
    let cell = match draw.below(7) {
        0 => draw.id(),
        1 => draw.value(),
        2 => draw.time(),
        3 => draw.words(),
        _ => draw.odd(),
    };
    match draw.below(6) {
        0 => cells.insert(at, cell.into_bytes()),
        1 => drop(cells.remove(at)),
        2 => cells[at] = [&b"\""[..], &cells[at], b"\""].concat(),
        3 => cells[at].extend(cell.into_bytes()),
        _ => cells[at] = cell.into_bytes(),
    }
    cells.join(&delimiter)
}
