//! The event tables of a folder: one file a part, all written in one pass over the users.

use std::ops::Range;

use parquet::basic::{Encoding, Type as Physical};
use parquet::errors::ParquetError;
use segue_core::{Catalogue, Event, IdMap, Signal};

use crate::DataError;
use crate::parquet_columns::{Fill, GROUP, IdTexts, TableWriter, leaf, told};
use crate::place::{Hashed, Place};

/// One event as written, with its time scaled to [0,1] within the user's events of all parts.
type Timed = (Event, Option<f32>);

/// Ids as text, by dense id, and each item's domain.
#[derive(Debug)]
struct Texts {
    users: IdTexts,
    items: IdTexts,
    domains: IdTexts,
    /// First item of each domain.
    starts: Vec<u32>,
}

/// The files of all parts.
#[derive(Debug)]
pub(super) struct EventFiles {
    texts: Texts,
    time_per_user: bool,
    files: Vec<EventFile>,
}

#[derive(Debug)]
struct EventFile {
    path: std::path::PathBuf,
    table: TableWriter<Hashed>,
    waiting: Vec<Timed>,
}

impl EventFiles {
    /// No file yet; `time_per_user`: whether scaled times are written.
    pub(super) fn new(users: &IdMap, catalogue: &Catalogue, time_per_user: bool) -> Self {
        let domains = catalogue.domains();
        let texts = Texts {
            users: IdTexts::of(users.iter()),
            items: IdTexts::of(domains.iter().flat_map(|domain| domain.ids.iter())),
            domains: IdTexts::of(domains.iter().map(|domain| domain.name.as_str())),
            starts: (0..domains.len()).map(|d| catalogue.range(d).start).collect(),
        };
        Self { texts, time_per_user, files: Vec::new() }
    }

    /// Opens the file of the next part.
    pub(super) fn open(&mut self, place: &Place, name: &str) -> Result<(), DataError> {
        let out = place.create(name)?;
        let path = out.path.clone();
        let table = table(out).map_err(|error| told(&path, error))?;
        self.files.push(EventFile { path, table, waiting: Vec::new() });
        Ok(())
    }

    /// Appends the events of some users, part by part, each by user; returns how many there were.
    pub(super) fn append(&mut self, parts: Vec<Vec<Event>>) -> Result<usize, DataError> {
        let n = parts.iter().map(Vec::len).sum();
        let spans = self.time_per_user.then(|| Spans::of(&parts));
        for (file, events) in self.files.iter_mut().zip(parts) {
            let scaled = |e: &Event| spans.as_ref().zip(e.time).map(|(spans, time)| spans.unit(e.user, time));
            for rows in events.chunks(GROUP) {
                file.waiting.extend(rows.iter().map(|e| (*e, scaled(e))));
                while file.waiting.len() >= GROUP {
                    file.write(0..GROUP, &self.texts)?;
                    file.waiting.drain(..GROUP);
                }
            }
        }
        Ok(n)
    }

    /// Writes what waits and closes the files, in the order in which they were opened.
    pub(super) fn close(self, place: &mut Place) -> Result<(), DataError> {
        for mut file in self.files {
            if !file.waiting.is_empty() {
                file.write(0..file.waiting.len(), &self.texts)?;
            }
            let path = file.path;
            place.close(file.table.finish().map_err(|error| told(&path, error))?)?;
        }
        Ok(())
    }
}

fn table(out: Hashed) -> Result<TableWriter<Hashed>, ParquetError> {
    let fields = vec![
        leaf("user", Physical::BYTE_ARRAY, false)?,
        leaf("item", Physical::BYTE_ARRAY, false)?,
        leaf("domain", Physical::BYTE_ARRAY, false)?,
        leaf("user_id", Physical::INT32, false)?,
        leaf("item_id", Physical::INT32, false)?,
        leaf("rating", Physical::FLOAT, false)?,
        leaf("rating_norm", Physical::FLOAT, false)?,
        leaf("signal", Physical::INT32, false)?,
        leaf("timestamp", Physical::INT64, true)?,
        leaf("timestamp_norm", Physical::FLOAT, true)?,
    ];
    // Users rise, so their differences are few bits; the other three hardly repeat, and a dictionary would not hold.
    let plain = [
        ("user_id", Encoding::DELTA_BINARY_PACKED),
        ("item_id", Encoding::PLAIN),
        ("timestamp", Encoding::PLAIN),
        ("timestamp_norm", Encoding::PLAIN),
    ];
    TableWriter::new(out, fields, &plain)
}

impl EventFile {
    fn write(&mut self, range: Range<usize>, texts: &Texts) -> Result<(), DataError> {
        let rows = &self.waiting[range];
        let domain = |item: u32| texts.starts.partition_point(|&start| start <= item) - 1;
        let columns: [Fill<'_>; 10] = [
            &|c| c.texts(rows.iter().map(|(e, _)| texts.users.get(e.user))),
            &|c| c.texts(rows.iter().map(|(e, _)| texts.items.get(e.item))),
            &|c| c.texts(rows.iter().map(|(e, _)| texts.domains.get(domain(e.item) as u32))),
            &|c| c.ints(rows.iter().map(|(e, _)| e.user as i32)),
            &|c| c.ints(rows.iter().map(|(e, _)| e.item as i32)),
            &|c| c.floats(rows.iter().map(|(e, _)| e.value)),
            &|c| c.floats(rows.iter().map(|(e, _)| e.weight)),
            &|c| c.ints(rows.iter().map(|(e, _)| signal_code(e.signal))),
            &|c| c.optional_longs(rows.iter().map(|(e, _)| e.time)),
            &|c| c.optional_floats(rows.iter().map(|(_, scaled)| *scaled)),
        ];
        self.table.group(&columns).map_err(|error| told(&self.path, error))
    }
}

fn signal_code(signal: Signal) -> i32 {
    match signal {
        Signal::Negative => -1,
        Signal::Neutral => 0,
        Signal::Positive => 1,
    }
}

/// First and last time of each of some users over all parts.
#[derive(Debug)]
struct Spans {
    first_user: u32,
    of_user: Vec<(i64, i64)>,
}

impl Spans {
    fn of(parts: &[Vec<Event>]) -> Self {
        let users = || parts.iter().flatten().map(|e| e.user);
        let (first_user, last) = (users().min().unwrap_or(0), users().max().unwrap_or(0));
        let mut of_user = vec![(i64::MAX, i64::MIN); (last - first_user) as usize + 1];
        for event in parts.iter().flatten() {
            let span = &mut of_user[(event.user - first_user) as usize];
            let time = event.time.unwrap_or_default();
            *span = (span.0.min(time), span.1.max(time));
        }
        Self { first_user, of_user }
    }

    fn unit(&self, user: u32, time: i64) -> f32 {
        let (first, last) = self.of_user[(user - self.first_user) as usize];
        if first >= last { 1.0 } else { ((time as f64 - first as f64) / (last as f64 - first as f64)) as f32 }
    }
}
