//! The rows that preparation works on, and counting them.
//!
//! Rows are held in chunks of consecutive users, the same in every domain: whatever concerns one user is found in one
//! chunk, and chunks are worked on by themselves, in parallel, in memory or from a file. Nothing that a step finds may
//! depend on where chunks begin; what is summed in floating point is summed over [`Rows::in_order`].

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;
use segue_core::{IdMap, Signal};
use serde::{Deserialize, Serialize};

use super::report::StepCount;
use crate::DataError;
use crate::spill::{Blocks, Spill, block, put, time_cell, time_of, value_of};

/// Which part a row belongs to. The order is the rank: where a pair stands in two given parts, the higher keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Part {
    /// In no part.
    Unused,
    Train,
    Valid,
    Test,
}

const PARTS: [Part; 4] = [Part::Unused, Part::Train, Part::Valid, Part::Test];
const SIGNALS: [Signal; 3] = [Signal::Negative, Signal::Neutral, Signal::Positive];

/// One event; ids are positions in [`World::users`] and [`DomainRows::items`], both in external order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    pub(crate) user: u32,
    pub(crate) item: u32,
    pub(crate) value: f32,
    pub(crate) weight: f32,
    /// Unix milliseconds; 0 where the domain has no times.
    pub(crate) time: i64,
    pub(crate) signal: Signal,
    pub(crate) part: Part,
}

/// Columns in a file after user and item.
const REST: usize = 5;

/// One domain on its way.
#[derive(Debug)]
pub(crate) struct DomainRows {
    pub(crate) name: String,
    pub(crate) items: IdMap,
    /// By user, then item, once cleaned.
    pub(crate) rows: Rows,
    pub(crate) timed: bool,
}

/// Given negatives, by user and item.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) negatives: Vec<(u32, u32)>,
    /// What the file says was asked with them; empty where it names users alone.
    pub(crate) asked: Vec<(u32, u32)>,
}

/// All domains on their way.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) users: IdMap,
    pub(crate) domains: Vec<DomainRows>,
    /// Position of the target among the domains.
    pub(crate) target: usize,
    /// Positions of the domains that are split, the target first.
    pub(crate) targets: Vec<usize>,
    /// Given negatives of the target.
    pub(crate) negatives: Option<Given>,
    pub(crate) steps: Vec<StepCount>,
    pub(crate) notes: Vec<String>,
}

/// How often each user and item is met.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) users: Vec<u32>,
    pub(crate) items: Vec<u32>,
    pub(crate) rows: usize,
}

impl Counts {
    pub(crate) fn of(n_users: usize, n_items: usize) -> Self {
        Self { users: vec![0; n_users], items: vec![0; n_items], rows: 0 }
    }

    /// Numbers of distinct users and items.
    pub(crate) fn distinct(&self) -> (usize, usize) {
        let met = |counts: &[u32]| counts.iter().filter(|&&n| n > 0).count();
        (met(&self.users), met(&self.items))
    }
}

impl World {
    /// Records what a step left; a domain left empty is an error that names the step.
    pub(crate) fn record(&mut self, step: &str, before: &[usize], way_out: &str) -> Result<(), DataError> {
        for (domain, &before) in self.domains.iter().zip(before) {
            let counted = step_count(step, domain, domain.rows.counts(), before);
            self.steps.push(counted);
            check_left(step, domain, domain.rows.len(), before, way_out)?;
        }
        Ok(())
    }

    /// [`Self::record`] of rows that are still there, but already chosen to go.
    pub(crate) fn record_as(
        &mut self,
        (step, way_out): (&str, &str),
        counts: &[Counts],
        before: &[usize],
    ) -> Result<(), DataError> {
        for ((domain, counts), &before) in self.domains.iter().zip(counts).zip(before) {
            self.steps.push(step_count(step, domain, counts, before));
            check_left(step, domain, counts.rows, before, way_out)?;
        }
        Ok(())
    }

    /// Interactions per domain.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.domains.iter().map(|d| d.rows.len()).collect()
    }
}

fn step_count(step: &str, domain: &DomainRows, counts: &Counts, before: usize) -> StepCount {
    let (users, items) = counts.distinct();
    let (interactions, removed) = (counts.rows, before - counts.rows);
    StepCount { step: step.into(), domain: domain.name.clone(), users, items, interactions, removed }
}

fn check_left(step: &str, domain: &DomainRows, n: usize, before: usize, way_out: &str) -> Result<(), DataError> {
    if n > 0 {
        return Ok(());
    }
    let step = format!("step `{step}` in domain {} ({before} interactions before it)", domain.name);
    Err(DataError::Nothing { step, way_out: way_out.into() })
}

/// Where chunks of users begin and end: chunk `k` holds users `cuts[k]..cuts[k + 1]`.
pub(crate) type Cuts = Arc<[u32]>;

/// Cuts users into chunks of about so many rows; `counts` are rows per user, over all domains.
pub(crate) fn cut(counts: &[u32], rows_per_chunk: usize) -> Cuts {
    let (mut cuts, mut n) = (vec![0], 0);
    for (user, &count) in counts.iter().enumerate() {
        if n > 0 && n + count as usize > rows_per_chunk {
            cuts.push(user as u32);
            n = 0;
        }
        n += count as usize;
    }
    cuts.push(counts.len() as u32);
    cuts.into()
}

/// The rows of one domain.
#[derive(Debug)]
pub(crate) struct Rows {
    chunks: Vec<Chunk>,
    cuts: Cuts,
    /// Of the rows as they are.
    counts: Counts,
}

/// Where the chunks of a domain are that are not held.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) spill: Arc<Spill>,
    /// What their names begin with.
    pub(crate) prefix: String,
}

#[derive(Debug)]
enum Chunk {
    Held(Vec<Row>),
    Away(ChunkFile),
}

/// The file of a chunk; a chunk that never had a row has none.
struct ChunkFile {
    spill: Arc<Spill>,
    name: String,
    /// What becomes of the rows in the file whenever they are read.
    change: Option<Arc<Change>>,
}

type Change = dyn Fn(&mut Vec<Row>) + Send + Sync;

impl fmt::Debug for ChunkFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The chunk of every user: a small table, for rows come in no order of users and a large one would be out of cache.
#[derive(Debug)]
struct ChunkOf {
    cuts: Cuts,
    /// The chunk of each 128th user.
    first: Vec<u16>,
}

impl ChunkOf {
    const EVERY: usize = 1 << 7;

    fn new(cuts: &Cuts) -> Self {
        let n_users = cuts.last().map_or(0, |&end| end as usize);
        let chunk = |user: usize| cuts.partition_point(|&start| start as usize <= user) - 1;
        let first = (0..n_users).step_by(Self::EVERY).map(|user| chunk(user) as u16).collect();
        Self { cuts: Arc::clone(cuts), first }
    }

    fn of(&self, user: u32) -> usize {
        let mut k = usize::from(self.first[user as usize / Self::EVERY]);
        while self.cuts[k + 1] <= user {
            k += 1;
        }
        k
    }
}

/// Puts rows into chunks.
#[derive(Debug)]
pub(crate) struct Scatter {
    rows: Rows,
    chunk_of: ChunkOf,
    buffers: Vec<Vec<Row>>,
}

/// Rows that wait to be written together.
const BUFFERED: usize = 1 << 11;

impl Scatter {
    /// `counts`: what will come; rows that turn out to be none are told to [`Self::lacks`]. With `files` no row is held.
    pub(crate) fn new(cuts: &Cuts, counts: Counts, files: Option<&Files>) -> Self {
        let users = &counts.users;
        let (mut chunks, mut buffers) = (Vec::new(), Vec::new());
        for (k, ends) in cuts.windows(2).enumerate() {
            let n = users[ends[0] as usize..ends[1] as usize].iter().map(|&n| n as usize).sum();
            let file = files.map(|files| (Arc::clone(&files.spill), format!("{}.{k}", files.prefix)));
            let (chunk, waiting) = match file {
                None => (Chunk::Held(Vec::with_capacity(n)), 0),
                Some((spill, name)) => (Chunk::Away(ChunkFile { spill, name, change: None }), BUFFERED.min(n)),
            };
            chunks.push(chunk);
            buffers.push(Vec::with_capacity(waiting));
        }
        Self { rows: Rows { chunks, cuts: Arc::clone(cuts), counts }, chunk_of: ChunkOf::new(cuts), buffers }
    }

    /// A row of `user` and `item` that was counted is none.
    pub(crate) fn lacks(&mut self, user: u32, item: u32) {
        let Counts { users, items, rows } = &mut self.rows.counts;
        users[user as usize] -= 1;
        items[item as usize] -= 1;
        *rows -= 1;
    }

    pub(crate) fn push(&mut self, row: Row) -> Result<(), DataError> {
        let k = self.chunk_of.of(row.user);
        let buffer = &mut self.buffers[k];
        match &mut self.rows.chunks[k] {
            Chunk::Held(rows) => rows.push(row),
            Chunk::Away(file) => {
                buffer.push(row);
                if buffer.len() == BUFFERED {
                    file.append(buffer)?;
                    buffer.clear();
                }
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Rows, DataError> {
        for (chunk, buffer) in self.rows.chunks.iter().zip(&self.buffers) {
            if let Chunk::Away(file) = chunk
                && !buffer.is_empty()
            {
                file.append(buffer)?;
            }
        }
        Ok(self.rows)
    }
}

impl Rows {
    /// The rows that files of an earlier run hold, `None` where they cannot be those.
    pub(crate) fn kept(
        spill: &Arc<Spill>,
        prefix: &str,
        cuts: &Cuts,
        (n_users, n_items): (usize, usize),
    ) -> Option<Self> {
        let sorted = cuts.is_sorted() && cuts.first() == Some(&0) && cuts.last() == Some(&(n_users as u32));
        let chunk = |k| ChunkFile { spill: Arc::clone(spill), name: format!("{prefix}.{k}"), change: None };
        let chunks = (0..cuts.len().saturating_sub(1)).map(|k| Chunk::Away(chunk(k))).collect();
        let mut rows = Self { chunks, cuts: Arc::clone(cuts), counts: Counts::of(n_users, n_items) };
        let fits = |(chunk, ends): (&Chunk, &[u32])| {
            let fits = |row: &Row| (ends[0]..ends[1]).contains(&row.user) && (row.item as usize) < n_items;
            chunk.with(|rows| rows.iter().all(fits)).unwrap_or(false)
        };
        if !sorted || !rows.chunks.par_iter().zip(cuts.par_windows(2)).all(fits) {
            return None;
        }
        rows.recount().ok()?;
        Some(rows)
    }

    /// Whether the rows are in files.
    pub(crate) fn in_files(&self) -> bool {
        self.chunks.iter().all(|chunk| matches!(chunk, Chunk::Away(_)))
    }

    /// Where chunks of users begin and end.
    pub(crate) fn cuts(&self) -> &[u32] {
        &self.cuts
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.counts.rows
    }

    /// How often each user and item is met.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Number of chunks; equal in all domains of a world.
    pub(crate) fn n_chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Changes the rows of each chunk, chunks in parallel; what `change` returns, by chunk.
    pub(crate) fn edit<T: Send>(
        &mut self,
        change: impl Fn(&mut Vec<Row>) -> Result<T, DataError> + Sync,
    ) -> Result<Vec<T>, DataError> {
        self.edit_each(|_, rows| change(rows))
    }

    /// [`Self::edit`] of which `counts` is what it leaves. Rows in files are changed whenever they are read, until the
    /// next edit writes them: no pass for a change that another one follows.
    pub(crate) fn edit_as_read(&mut self, counts: Counts, change: impl Fn(&mut Vec<Row>) + Send + Sync + 'static) {
        let change: Arc<Change> = Arc::new(change);
        self.chunks.par_iter_mut().for_each(|chunk| match chunk {
            Chunk::Held(rows) => change(rows),
            Chunk::Away(file) => {
                let next = Arc::clone(&change);
                file.change = Some(match file.change.take() {
                    None => next,
                    Some(first) => Arc::new(move |rows: &mut Vec<Row>| {
                        first(rows);
                        next(rows);
                    }),
                });
            }
        });
        self.counts = counts;
    }

    /// Writes what [`Self::edit_as_read`] left to be done.
    pub(crate) fn write_changes(&mut self) -> Result<(), DataError> {
        self.chunks.par_iter_mut().try_for_each(|chunk| match chunk {
            Chunk::Away(ChunkFile { change: Some(_), .. }) => {
                let rows = chunk.take()?;
                chunk.put(rows)
            }
            Chunk::Held(_) | Chunk::Away(_) => Ok(()),
        })
    }

    /// [`Self::edit`] that is told the number of the chunk.
    pub(crate) fn edit_each<T: Send>(
        &mut self,
        change: impl Fn(usize, &mut Vec<Row>) -> Result<T, DataError> + Sync,
    ) -> Result<Vec<T>, DataError> {
        self.edit_items(self.counts.items.len(), change)
    }

    /// [`Self::edit_each`] that leaves rows with items of a smaller or larger map.
    pub(crate) fn edit_items<T: Send>(
        &mut self,
        n_items: usize,
        change: impl Fn(usize, &mut Vec<Row>) -> Result<T, DataError> + Sync,
    ) -> Result<Vec<T>, DataError> {
        let Self { chunks, cuts, counts } = self;
        counts.users.fill(0);
        let users = at_cuts(&mut counts.users, cuts);
        let work = chunks.par_iter_mut().zip(users).enumerate();
        let done = work.try_fold(
            || (Vec::new(), vec![0; n_items], 0),
            |(mut told, mut items, n), (k, (chunk, users))| {
                let mut rows = chunk.take()?;
                told.push((k, change(k, &mut rows)?));
                let first = cuts[k];
                for row in &rows {
                    users[(row.user - first) as usize] += 1;
                    items[row.item as usize] += 1;
                }
                let n = n + rows.len();
                chunk.put(rows)?;
                Ok::<_, DataError>((told, items, n))
            },
        );
        let whole = done.try_reduce(
            || (Vec::new(), Vec::new(), 0),
            |mut a, mut b| {
                a.0.append(&mut b.0);
                Ok((a.0, summed(a.1, b.1), a.2 + b.2))
            },
        );
        let (mut told, items, n) = whole?;
        counts.items = summed(items, vec![0; n_items]);
        counts.rows = n;
        told.sort_unstable_by_key(|(k, _)| *k);
        Ok(told.into_iter().map(|(_, told)| told).collect())
    }

    /// Shows the rows of each chunk, chunks in parallel; what `look` returns, by chunk.
    pub(crate) fn read<T: Send>(&self, look: impl Fn(&[Row]) -> T + Sync) -> Result<Vec<T>, DataError> {
        self.chunks.par_iter().map(|chunk| chunk.with(&look)).collect()
    }

    /// Shows the rows of one chunk after the other.
    pub(crate) fn in_order(&self, mut look: impl FnMut(&[Row])) -> Result<(), DataError> {
        self.chunks.iter().try_for_each(|chunk| chunk.with(&mut look))
    }

    /// Shows the rows of chunk `k`.
    pub(crate) fn with_chunk<T>(&self, k: usize, look: impl FnOnce(&[Row]) -> T) -> Result<T, DataError> {
        self.chunks[k].with(look)
    }

    /// Takes the rows of chunk `k` out, to be changed and [`Self::put`] back.
    pub(crate) fn take(&mut self, k: usize) -> Result<Vec<Row>, DataError> {
        self.chunks[k].take()
    }

    /// Puts the rows of chunk `k` in place; [`Self::recount`] must follow.
    pub(crate) fn put(&mut self, k: usize, rows: Vec<Row>) -> Result<(), DataError> {
        self.chunks[k].put(rows)
    }

    /// Gives back the room of chunk `k`, whose rows are not needed any more.
    pub(crate) fn release(&mut self, k: usize) {
        if let Chunk::Away(file) = std::mem::replace(&mut self.chunks[k], Chunk::Held(Vec::new())) {
            file.spill.remove(&file.name);
        }
    }

    /// Counts again, after [`Self::put`].
    pub(crate) fn recount(&mut self) -> Result<(), DataError> {
        self.counts = self.count(|_, _| true)?;
        Ok(())
    }

    /// Counts the rows whose user and item `keep` accepts; of a file only these two columns are read.
    pub(crate) fn count(&self, keep: impl Fn(u32, u32) -> bool + Sync) -> Result<Counts, DataError> {
        let [counts] = self.counted(|chunk, take| {
            chunk.pairs(|user, item| {
                if keep(user, item) {
                    take(0, user, item);
                }
            })
        })?;
        Ok(counts)
    }

    /// Counts the rows of each part, in the order of [`Part`].
    pub(crate) fn count_parts(&self) -> Result<[Counts; 4], DataError> {
        self.counted(|chunk, take| {
            chunk.with(|rows| rows.iter().for_each(|row| take(row.part as usize, row.user, row.item)))
        })
    }

    /// Sorts the pairs that `show` takes out of each chunk into `N` counts.
    fn counted<const N: usize>(
        &self,
        show: impl Fn(&Chunk, &mut dyn FnMut(usize, u32, u32)) -> Result<(), DataError> + Sync,
    ) -> Result<[Counts; N], DataError> {
        let n_items = self.counts.items.len();
        let mut counts: [Counts; N] = std::array::from_fn(|_| Counts::of(self.counts.users.len(), 0));
        let mut users: Vec<Vec<&mut [u32]>> = self.chunks.iter().map(|_| Vec::new()).collect();
        for counts in &mut counts {
            users
                .iter_mut()
                .zip(at_cuts(&mut counts.users, &self.cuts))
                .for_each(|(of_chunk, piece)| of_chunk.push(piece));
        }
        let none = || (0..N).map(|_| (Vec::new(), 0)).collect::<Vec<(Vec<u32>, usize)>>();
        let done =
            self.chunks.par_iter().zip(users).enumerate().try_fold(none, |mut slots, (k, (chunk, mut users))| {
                for slot in &mut slots {
                    slot.0.resize(n_items, 0);
                }
                let first = self.cuts[k];
                show(chunk, &mut |slot, user, item| {
                    users[slot][(user - first) as usize] += 1;
                    slots[slot].0[item as usize] += 1;
                    slots[slot].1 += 1;
                })?;
                Ok::<_, DataError>(slots)
            });
        let slots = done
            .try_reduce(none, |a, b| Ok(a.into_iter().zip(b).map(|(a, b)| (summed(a.0, b.0), a.1 + b.1)).collect()))?;
        for (counts, (items, n)) in counts.iter_mut().zip(slots) {
            (counts.items, counts.rows) = (summed(items, vec![0; n_items]), n);
        }
        Ok(counts)
    }

    /// Rows in memory, as one chunk.
    #[cfg(test)]
    pub(crate) fn of(rows: Vec<Row>, n_users: usize, n_items: usize) -> Self {
        let mut counts = Counts::of(n_users, n_items);
        for row in &rows {
            counts.users[row.user as usize] += 1;
            counts.items[row.item as usize] += 1;
            counts.rows += 1;
        }
        let mut scatter = Scatter::new(&[0, n_users as u32].into(), counts, None);
        rows.into_iter().try_for_each(|row| scatter.push(row)).unwrap();
        scatter.finish().unwrap()
    }

    /// All rows, in order.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<Row> {
        (0..self.n_chunks()).flat_map(|k| self.with_chunk(k, <[Row]>::to_vec).unwrap()).collect()
    }
}

impl Chunk {
    fn take(&mut self) -> Result<Vec<Row>, DataError> {
        match self {
            Self::Held(rows) => Ok(std::mem::take(rows)),
            Self::Away(file) => file.rows(),
        }
    }

    fn put(&mut self, rows: Vec<Row>) -> Result<(), DataError> {
        match self {
            Self::Held(held) => *held = rows,
            Self::Away(file) => {
                file.spill.write(&file.name, &encode(&rows), true)?;
                file.change = None;
            }
        }
        Ok(())
    }

    fn with<T>(&self, look: impl FnOnce(&[Row]) -> T) -> Result<T, DataError> {
        match self {
            Self::Held(rows) => Ok(look(rows)),
            Self::Away(file) => Ok(look(&file.rows()?)),
        }
    }

    fn pairs(&self, mut take: impl FnMut(u32, u32)) -> Result<(), DataError> {
        match self {
            Self::Held(rows) => rows.iter().for_each(|row| take(row.user, row.item)),
            Self::Away(file) if file.change.is_some() => {
                file.rows()?.iter().for_each(|row| take(row.user, row.item));
            }
            Self::Away(file) => {
                let Some(mut blocks) = file.open()? else { return Ok(()) };
                let (mut users, mut items) = (Vec::new(), Vec::new());
                while let Some(n) = blocks.next()? {
                    users.clear();
                    items.clear();
                    blocks.column(n, &mut users, |id| id as u32)?;
                    blocks.column(n, &mut items, |id| id as u32)?;
                    (0..REST).try_for_each(|_| blocks.skip(n))?;
                    users.iter().zip(&items).for_each(|(&user, &item)| take(user, item));
                }
            }
        }
        Ok(())
    }
}

impl ChunkFile {
    fn open(&self) -> Result<Option<Blocks>, DataError> {
        self.spill.has(&self.name).then(|| self.spill.read(&self.name)).transpose()
    }

    fn append(&self, rows: &[Row]) -> Result<(), DataError> {
        self.spill.write(&self.name, &encode(rows), false)
    }

    fn rows(&self) -> Result<Vec<Row>, DataError> {
        let Some(blocks) = self.open()? else { return Ok(Vec::new()) };
        let mut rows = decode(blocks)?;
        if let Some(change) = &self.change {
            change(&mut rows);
        }
        Ok(rows)
    }
}

/// Blocks of so few rows that every pass over them after the first finds them in the cache.
fn encode(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::with_capacity(size_of_val(rows) / 2);
    for rows in rows.chunks(BUFFERED) {
        out.extend(block(rows.len()));
        put(&mut out, rows, |row| u64::from(row.user));
        put(&mut out, rows, |row| u64::from(row.item));
        put(&mut out, rows, |row| u64::from(row.value.to_bits()));
        put(&mut out, rows, |row| u64::from(row.weight.to_bits()));
        put(&mut out, rows, |row| time_cell(row.time));
        put(&mut out, rows, |row| row.signal as u64);
        put(&mut out, rows, |row| row.part as u64);
    }
    out
}

fn decode(mut blocks: Blocks) -> Result<Vec<Row>, DataError> {
    let mut rows: Vec<Row> = Vec::new();
    let (mut users, mut items, mut values, mut weights) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut signals, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(n) = blocks.next()? {
        users.clear();
        items.clear();
        values.clear();
        weights.clear();
        times.clear();
        signals.clear();
        parts.clear();
        blocks.column(n, &mut users, |id| id as u32)?;
        blocks.column(n, &mut items, |id| id as u32)?;
        blocks.column(n, &mut values, value_of)?;
        blocks.column(n, &mut weights, value_of)?;
        blocks.column(n, &mut times, time_of)?;
        blocks.column(n, &mut signals, |code| SIGNALS[(code as usize).min(2)])?;
        blocks.column(n, &mut parts, |code| PARTS[(code as usize).min(3)])?;
        rows.reserve(n);
        rows.extend((0..n).map(|n| Row {
            user: users[n],
            item: items[n],
            value: values[n],
            weight: weights[n],
            time: times[n],
            signal: signals[n],
            part: parts[n],
        }));
    }
    Ok(rows)
}

/// A column by user in the pieces of the chunks.
fn at_cuts<'a>(mut column: &'a mut [u32], cuts: &Cuts) -> Vec<&'a mut [u32]> {
    let mut pieces = Vec::new();
    for ends in cuts.windows(2) {
        let (piece, rest) = column.split_at_mut((ends[1] - ends[0]) as usize);
        pieces.push(piece);
        column = rest;
    }
    pieces
}

/// Sums by position; an empty list is a list of zeros.
fn summed(a: Vec<u32>, b: Vec<u32>) -> Vec<u32> {
    let (mut a, b) = if a.len() < b.len() { (b, a) } else { (a, b) };
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: u32, item: u32, time: i64) -> Row {
        Row { user, item, value: 3.5, weight: 0.25, time, signal: Signal::Neutral, part: Part::Valid }
    }

    /// The same rows in memory and in files, in chunks of about two rows.
    fn both(dir: &std::path::Path) -> [Rows; 2] {
        let rows = [row(4, 0, 1), row(0, 2, -7), row(1, 1, i64::MAX), row(4, 2, 0), row(0, 0, 3), row(3, 2, 9)];
        let cuts = cut(&[2, 1, 0, 1, 2], 2);
        assert_eq!(*cuts, [0, 1, 4, 5]);
        let spill = Arc::new(Spill::new(0, dir.join("spill")).unwrap());
        [None, Some(Files { spill, prefix: "films".into() })].map(|files| {
            // One of user 2, and one more of user 4 than there are.
            let counts = Counts { users: vec![2, 1, 1, 1, 3], items: vec![3, 1, 4], rows: 8 };
            let mut scatter = Scatter::new(&cuts, counts, files.as_ref());
            rows.iter().try_for_each(|&row| scatter.push(row)).unwrap();
            scatter.lacks(2, 0);
            scatter.lacks(4, 2);
            scatter.finish().unwrap()
        })
    }

    #[test]
    fn the_chunk_of_a_user_is_between_its_cuts() {
        for rows in [1, 3, 50, 1000] {
            let counts: Vec<u32> = (0..1000).map(|user| user % 4).collect();
            let cuts = cut(&counts, rows);
            let chunk_of = ChunkOf::new(&cuts);
            for user in 0..1000 {
                let k = chunk_of.of(user);
                assert!(cuts[k] <= user && user < cuts[k + 1]);
            }
        }
    }

    #[test]
    fn rows_in_files_are_the_rows_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let [mut held, mut away] = both(dir.path());
        assert_eq!(held.all(), away.all());
        for rows in [&mut held, &mut away] {
            assert_eq!((rows.counts().distinct(), rows.len()), ((4, 3), 6));
            assert_eq!(rows.count(|user, item| user == 4 || item == 1).unwrap().users, [0, 1, 0, 0, 2]);
            let removed = rows.edit(|rows| {
                let n = rows.len();
                rows.retain(|row| row.item == 2);
                rows.sort_unstable_by_key(|row| row.user);
                Ok(n - rows.len())
            });
            assert_eq!(removed.unwrap(), [1, 1, 1]);
            assert_eq!((&rows.counts().users, &rows.counts().items), (&vec![1, 0, 0, 1, 1], &vec![0, 0, 3]));
            assert_eq!(rows.all(), [row(0, 2, -7), row(3, 2, 9), row(4, 2, 0)]);
            let before = rows.counts().clone();
            rows.recount().unwrap();
            assert_eq!(rows.counts(), &before);
            // Twice: what one leaves, the other finds.
            let counts = rows.count(|user, _| user != 3).unwrap();
            rows.edit_as_read(counts.clone(), |rows| rows.retain(|row| row.user != 3));
            rows.edit_as_read(counts.clone(), |rows| rows.iter_mut().for_each(|row| row.time += 1));
            let left = [row(0, 2, -6), row(4, 2, 1)];
            assert_eq!(
                (rows.counts(), rows.all(), rows.count(|_, _| true).unwrap()),
                (&counts, left.to_vec(), counts.clone())
            );
            rows.write_changes().unwrap();
            assert_eq!((rows.counts(), rows.all()), (&counts, left.to_vec()));
            rows.edit(|_| Ok(())).unwrap();
            assert_eq!((rows.counts(), rows.all()), (&counts, left.to_vec()));
        }
    }
}
