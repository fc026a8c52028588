//! Last.fm listening logs without header, separated by tabs.
//!
//! 360K (`usersha1-artmbid-artname-plays.tsv`): `user, artist's MusicBrainz id, artist, plays`. 1K
//! (`userid-timestamp-artid-artname-traid-traname.tsv`): `user, time, artist's MusicBrainz id, artist, track's id,
//! track`, one line per play. Items are artists: by their `MusicBrainz` id, or by name where they have none. Tracks of
//! 1K: `format: table, header: false, columns: {user: 0, time: 1, item: 5}`.
//!
//! Celma, *Music Recommendation and Discovery in the Long Tail*, Springer 2010.

use super::format::Layout;
use super::items::Shelf;
use super::log::RawLog;
use super::open::Input;
use super::session::{Reason, Session, parse_time, parse_value};
use crate::DataError;

/// One line of either file.
struct Play<'a> {
    user: &'a str,
    artist: &'a str,
    name: &'a str,
    plays: Option<&'a str>,
    time: Option<&'a str>,
}

impl<'a> Play<'a> {
    fn parse(line: &'a str) -> Result<Self, Reason> {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let artist = |id: &'a str, name: &'a str| if id.is_empty() { name } else { id };
        match *cells.as_slice() {
            [user, id, name, plays] => {
                Ok(Self { user, artist: artist(id, name), name, plays: Some(plays), time: None })
            }
            [user, time, id, name, _, _] => {
                Ok(Self { user, artist: artist(id, name), name, plays: None, time: Some(time) })
            }
            _ => Err(format!("has {} tab-separated fields, 4 (360K) or 6 (1K) are needed", cells.len()).into()),
        }
    }
}

/// True if a first line has either layout: a hashed user and plays, or a date after the user.
pub(super) fn is_one(line: &str) -> bool {
    match Play::parse(line) {
        Ok(Play { user, plays: Some(plays), .. }) => {
            user.len() == 40 && user.bytes().all(|b| b.is_ascii_hexdigit()) && plays.parse::<f64>().is_ok()
        }
        Ok(Play { time: Some(time), .. }) => time.contains('-') && parse_time(time).is_ok_and(|time| time.is_some()),
        _ => false,
    }
}

pub(super) fn read(
    input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    session.each_line(input, |line| {
        let play = Play::parse(line)?;
        let value = play.plays.map_or(Ok(Some(1.0)), parse_value)?;
        log.push(play.user, play.artist, layout.rated(value), play.time.map_or(Ok(None), parse_time)?);
        Ok(())
    })
}

/// Names of the artists, from the log itself.
pub(super) fn item(line: &str, shelf: &mut Shelf<'_>) -> Result<(), Reason> {
    let play = Play::parse(line)?;
    shelf.put(play.artist, play.name, std::iter::empty());
    Ok(())
}
