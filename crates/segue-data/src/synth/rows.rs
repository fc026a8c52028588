//! The world as files: rows with the flaws of real exports, and their CSV in the layout of `MovieLens`.

use std::fs;
use std::io;
use std::path::Path;

use segue_core::Stream;

use super::config::{Medium, WorldConfig, WorldError};
use super::world::{Meeting, World};

/// One row of a log as a file would hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRow {
    /// External user id; may be empty.
    pub user: String,
    /// External item id; may be empty.
    pub item: String,
    /// Stars; may be missing or out of range.
    pub rating: Option<f32>,
    /// Unix seconds; may be missing.
    pub time: Option<i64>,
}

/// One row of metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// External item id.
    pub item: String,
    /// Title, where there is one.
    pub title: Option<String>,
    /// Genres; none where they are missing.
    pub genres: Vec<String>,
}

/// One domain of raw rows.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainRows {
    /// `music`, `films` or `books`.
    pub name: String,
    /// The log by user, then time, dirty rows among the clean ones.
    pub rows: Vec<RawRow>,
    /// The metadata of every item.
    pub items: Vec<ItemRow>,
}

/// The rows of the world that `config` describes, domain by domain, for preparation without files.
pub fn sample_rows(config: &WorldConfig) -> Result<Vec<DomainRows>, WorldError> {
    Ok(World::generate(config)?.domains)
}

/// Writes rows down carelessly.
///
/// Every flaw can be mended from what is left: 5 stars become 7 and 1 star becomes −1 in place, which clipping to `[1, 5]`
/// undoes; other flaws are additions: a copy without a rating, time, item or user, which dropping incomplete rows
/// removes, or an older rating of the same item, over which the latest wins. Prepared, the log is the clean one.
pub(super) fn spoil(clean: &[Meeting], share: f64, stream: &mut Stream) -> Vec<RawRow> {
    let mut rows = Vec::with_capacity(clean.len());
    for meeting in clean {
        let mut row = RawRow {
            user: (meeting.user + 1).to_string(),
            item: (meeting.item + 1).to_string(),
            rating: Some(f32::from(meeting.stars)),
            time: Some(meeting.time),
        };
        if stream.unit() < share {
            let copy = row.clone();
            match (stream.below(6), meeting.stars) {
                (0 | 1, 5) => row.rating = Some(7.0),
                (0 | 1, 1) => row.rating = Some(-1.0),
                (0..=2, _) => {
                    let days_before = 1 + i64::from(stream.below(30));
                    let rating = Some(1.0 + stream.below(5) as f32);
                    rows.push(RawRow { rating, time: Some(meeting.time - 86_400 * days_before), ..copy });
                }
                (3, _) => rows.push(RawRow { rating: None, ..copy }),
                (4, _) => rows.push(RawRow { time: None, ..copy }),
                _ if stream.below(2) == 0 => rows.push(RawRow { item: String::new(), ..copy }),
                _ => rows.push(RawRow { user: String::new(), ..copy }),
            }
        }
        rows.push(row);
    }
    rows
}

impl World {
    /// Writes `<folder>/<domain>/ratings.csv` (`userId,itemId,rating,timestamp`) and `items.csv`
    /// (`itemId,title,genres`, genres joined by `|`) for every domain.
    pub fn write_csv(&self, folder: &Path) -> Result<(), WorldError> {
        for domain in &self.domains {
            let folder = folder.join(&domain.name);
            write_ratings(&folder, domain, "itemId")?;
            write_items(&folder, "items.csv", domain, "itemId")?;
        }
        Ok(())
    }

    /// Writes the films alone as `ratings.csv` (`userId,movieId,rating,timestamp`) and `movies.csv`
    /// (`movieId,title,genres`): the files and columns of `MovieLens` latest.
    pub fn write_movielens_small(&self, folder: &Path) -> Result<(), WorldError> {
        let films = Medium::Films.name();
        let domain = self.domains.iter().find(|domain| domain.name == films).ok_or(WorldError::LeftOut(films))?;
        write_ratings(folder, domain, "movieId")?;
        write_items(folder, "movies.csv", domain, "movieId")
    }
}

fn write_ratings(folder: &Path, domain: &DomainRows, item_column: &str) -> Result<(), WorldError> {
    let header = ["userId", item_column, "rating", "timestamp"];
    write_table(folder, "ratings.csv", &header, domain.rows.iter(), |row| {
        let rating = row.rating.map_or_else(String::new, |stars| format!("{stars:.1}"));
        let time = row.time.map_or_else(String::new, |time| time.to_string());
        vec![row.user.clone(), row.item.clone(), rating, time]
    })
}

fn write_items(folder: &Path, file: &str, domain: &DomainRows, item_column: &str) -> Result<(), WorldError> {
    write_table(folder, file, &[item_column, "title", "genres"], domain.items.iter(), |row| {
        vec![row.item.clone(), row.title.clone().unwrap_or_default(), row.genres.join("|")]
    })
}

/// Writes one CSV file aside and renames it, so that a file that is there is whole.
fn write_table<R>(
    folder: &Path,
    file: &str,
    header: &[&str],
    rows: impl Iterator<Item = R>,
    fields: impl Fn(R) -> Vec<String>,
) -> Result<(), WorldError> {
    let path = folder.join(file);
    let aside = folder.join(format!("{file}.part"));
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut out = csv::Writer::from_path(&aside)?;
        out.write_record(header)?;
        for row in rows {
            out.write_record(fields(row))?;
        }
        out.flush()?;
        drop(out);
        fs::rename(&aside, &path)
    };
    write().map_err(|source| WorldError::Write { path: path.clone(), source })
}

#[cfg(test)]
mod tests {
    use segue_core::Seed;

    use super::*;

    fn spoilt(share: f64) -> (Vec<Meeting>, Vec<RawRow>) {
        let meetings: Vec<Meeting> = (0..4_000)
            .map(|n| Meeting {
                user: n / 100,
                item: n % 100,
                stars: (n % 5 + 1) as u8,
                time: 1_000_000_000 + i64::from(n),
            })
            .collect();
        let rows = spoil(&meetings, share, &mut Seed::new(1).stream());
        (meetings, rows)
    }

    #[test]
    fn every_flaw_occurs_as_often_as_asked() {
        let (meetings, rows) = spoilt(0.1);
        let count = |flaw: fn(&RawRow) -> bool| rows.iter().filter(|row| flaw(row)).count();
        let flaws = [
            count(|row| row.rating == Some(7.0)),
            count(|row| row.rating == Some(-1.0)),
            count(|row| row.rating.is_none()),
            count(|row| row.time.is_none()),
            count(|row| row.item.is_empty()),
            count(|row| row.user.is_empty()),
            count(|row| row.time.is_some_and(|time| time < 1_000_000_000)),
        ];
        assert!(flaws.iter().all(|&n| n > 5), "{flaws:?}");
        let share = flaws.iter().sum::<usize>() as f64 / meetings.len() as f64;
        assert!((0.08..0.12).contains(&share), "{flaws:?}");
    }

    #[test]
    fn nothing_is_spoilt_where_nothing_should_be() {
        let (meetings, rows) = spoilt(0.0);
        assert_eq!(rows.len(), meetings.len());
        assert_eq!(
            rows[101],
            RawRow { user: "2".into(), item: "2".into(), rating: Some(2.0), time: Some(1_000_000_101) }
        );
    }
}
