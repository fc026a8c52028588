//! Histories as sequences: beside each event of a part, what its user met before it.
//!
//! A row for each event of a domain that is asked about. Of a training event the history is the user's training events
//! before it, of a validation event those no later than it, of a test event validation of its domain counts as well,
//! whatever the question; events of one second follow the order of the tables. The newest `length`
//! events stay, oldest first.

use std::ops::Range;

use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use segue_core::{Event, ItemId};

use crate::DataError;
use crate::parquet_columns::{Fill, TableWriter, int_list, leaf, told};
use crate::place::{Hashed, Place};

/// Rows per row group: each holds a list.
const GROUP: usize = 1 << 15;

/// The files of all parts, in the order of the parts.
#[derive(Debug)]
pub(super) struct HistoryFiles {
    length: usize,
    /// Items of the domain of each task.
    asked: Vec<Range<ItemId>>,
    /// Whether histories hold the events of all domains, or those of the row's own.
    all_domains: bool,
    files: Vec<HistoryFile>,
}

#[derive(Debug)]
struct HistoryFile {
    path: std::path::PathBuf,
    table: TableWriter<Hashed>,
    waiting: Vec<(Event, Vec<i32>)>,
}

impl HistoryFiles {
    /// No file yet; `asked`: the items of the domain of each task.
    pub(super) fn new(length: usize, asked: Vec<Range<ItemId>>, all_domains: bool) -> Self {
        Self { length, asked, all_domains, files: Vec::new() }
    }

    /// Opens the file of the next part.
    pub(super) fn open(&mut self, place: &Place, name: &str) -> Result<(), DataError> {
        let out = place.create(name)?;
        let path = out.path.clone();
        let table = table(out).map_err(|error| told(&path, error))?;
        self.files.push(HistoryFile { path, table, waiting: Vec::new() });
        Ok(())
    }

    /// Appends the histories of some users; `parts` are training, then validation and test of each task, by user.
    pub(super) fn append(&mut self, parts: &[Vec<Event>]) -> Result<(), DataError> {
        let [train, held_out @ ..] = parts else { return Ok(()) };
        let of_train = train.iter().enumerate().filter_map(|(n, event)| {
            let domain = self.asked.iter().find(|items| items.contains(&event.item))?;
            let before = train[..n].iter().rev().take_while(|other| other.user == event.user);
            Some((*event, self.newest(before.copied(), domain)))
        });
        let of_train: Vec<_> = of_train.collect();
        self.files[0].extend(of_train)?;
        for (task, two) in held_out.chunks_exact(2).enumerate() {
            let [valid, test] = two else { continue };
            let of_domain = |(_, asked): &(&[Vec<Event>], &Range<ItemId>)| **asked == self.asked[task];
            let valid_of_domain = held_out.chunks_exact(2).zip(&self.asked).filter(of_domain).map(|(two, _)| &two[0]);
            let known: Vec<&Vec<Event>> = std::iter::once(train).chain(valid_of_domain).collect();
            for (part, known) in [(valid, &known[..1]), (test, &known[..])] {
                let rows: Vec<_> = part.iter().map(|event| (*event, self.no_later(event, known, task))).collect();
                let file = 1 + 2 * task + usize::from(std::ptr::eq(part, test));
                self.files[file].extend(rows)?;
            }
        }
        Ok(())
    }

    /// What the user of a held-out event met no later than it, in the parts that are known.
    fn no_later(&self, event: &Event, known: &[&Vec<Event>], task: usize) -> Vec<i32> {
        let of_user = |part: &&Vec<Event>| {
            let start = part.partition_point(|other| other.user < event.user);
            let end = part.partition_point(|other| other.user <= event.user);
            part[start..end].iter().filter(|other| other.time <= event.time).copied().collect::<Vec<_>>()
        };
        let mut before: Vec<Event> = known.iter().flat_map(of_user).collect();
        // Parts are in order themselves; stable, so that what is equal stays as it stands there.
        before.sort_by_key(|other| other.time);
        self.newest(before.into_iter().rev(), &self.asked[task])
    }

    /// The first `length` events that count, turned round.
    fn newest(&self, newest_first: impl Iterator<Item = Event>, domain: &Range<ItemId>) -> Vec<i32> {
        let counts = |event: &Event| self.all_domains || domain.contains(&event.item);
        let mut items: Vec<i32> =
            newest_first.filter(counts).take(self.length).map(|event| event.item as i32).collect();
        items.reverse();
        items
    }

    /// Writes what waits and closes the files, in the order in which they were opened.
    pub(super) fn close(self, place: &mut Place) -> Result<(), DataError> {
        for mut file in self.files {
            file.write(file.waiting.len())?;
            let path = file.path;
            place.close(file.table.finish().map_err(|error| told(&path, error))?)?;
        }
        Ok(())
    }
}

fn table(out: Hashed) -> Result<TableWriter<Hashed>, ParquetError> {
    let fields = vec![
        leaf("user_id", Physical::INT32, false)?,
        leaf("item_id", Physical::INT32, false)?,
        leaf("timestamp", Physical::INT64, true)?,
        int_list("history")?,
    ];
    TableWriter::new(out, fields, &[])
}

impl HistoryFile {
    fn extend(&mut self, rows: Vec<(Event, Vec<i32>)>) -> Result<(), DataError> {
        for row in rows {
            self.waiting.push(row);
            if self.waiting.len() == GROUP {
                self.write(GROUP)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, n: usize) -> Result<(), DataError> {
        if n == 0 {
            return Ok(());
        }
        let rows = &self.waiting[..n];
        let columns: [Fill<'_>; 4] = [
            &|c| c.ints(rows.iter().map(|(e, _)| e.user as i32)),
            &|c| c.ints(rows.iter().map(|(e, _)| e.item as i32)),
            &|c| c.optional_longs(rows.iter().map(|(e, _)| e.time)),
            &|c| c.int_lists(rows.iter().map(|(_, history)| history.as_slice())),
        ];
        self.table.group(&columns).map_err(|error| told(&self.path, error))?;
        self.waiting.drain(..n);
        Ok(())
    }
}
