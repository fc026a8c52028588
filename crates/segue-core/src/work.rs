//! What a kernel cannot do without: operations and bytes, and the least time that follows from them on a machine.
//!
//! A floor is a bound, not a forecast: arithmetic at the rate of a blocked matrix product in cache, rows read at random at
//! the rate of the level of cache that holds their whole table, everything else at the rate of memory; arithmetic and
//! memory overlap perfectly, and what is read twice in a row is read once. Choosing, sorting and drawing cost nothing.

use serde::Serialize;

/// Operations and bytes of one kernel, over all threads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Work {
    /// What is done, e.g. `propagation`.
    pub kernel: &'static str,
    /// Multiplications with an addition, single precision.
    pub multiply_adds: f64,
    /// Bytes of rows that are read or written at random.
    pub gathered: f64,
    /// Bytes of the table that these rows belong to.
    pub table: f64,
    /// Bytes that are read or written in order and fit no cache.
    pub streamed: f64,
}

/// What a machine does per second with all threads that are used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Multiplications with an addition, single precision, by the library's matrix product in cache.
    pub multiply_adds: f64,
    /// Bytes of rows of 256 bytes gathered from a table in each level, nearest first.
    pub gather: [(Level, f64); 3],
    /// Bytes read in order from memory.
    pub stream: f64,
}

/// Where a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A second-level cache, one for each core.
    L2,
    /// The last-level cache, shared by the cores.
    L3,
    /// Main memory.
    Memory,
}

impl Level {
    /// Tables of up to so many bytes are taken to be in this level: common sizes, on the generous side, so that a floor stays one.
    pub const fn holds(self) -> f64 {
        match self {
            Self::L2 => (1_u64 << 20) as f64,
            Self::L3 => (1_u64 << 25) as f64,
            Self::Memory => f64::INFINITY,
        }
    }
}

impl Work {
    /// Nothing yet, by the name of `kernel`.
    pub const fn of(kernel: &'static str) -> Self {
        Self { kernel, multiply_adds: 0.0, gathered: 0.0, table: 0.0, streamed: 0.0 }
    }

    /// `n` rows of `d` numbers read at random from a table of `rows` rows, each number multiplied and added once.
    #[must_use]
    pub fn rows(self, n: f64, d: usize, rows: usize) -> Self {
        let row = 4.0 * d as f64;
        Self {
            multiply_adds: self.multiply_adds + n * d as f64,
            gathered: self.gathered + n * row,
            table: self.table.max(rows as f64 * row),
            ..self
        }
    }

    /// `n` multiplications and additions of what is at hand.
    #[must_use]
    pub fn arithmetic(self, n: f64) -> Self {
        Self { multiply_adds: self.multiply_adds + n, ..self }
    }

    /// `n` single-precision numbers read or written in order.
    #[must_use]
    pub fn numbers(self, n: f64) -> Self {
        Self { streamed: self.streamed + 4.0 * n, ..self }
    }

    /// The same work `n` times.
    #[must_use]
    pub fn times(self, n: f64) -> Self {
        Self { multiply_adds: self.multiply_adds * n, gathered: self.gathered * n, streamed: self.streamed * n, ..self }
    }

    /// The least seconds it can take.
    pub fn floor(&self, rates: &Rates) -> f64 {
        (self.multiply_adds / rates.multiply_adds)
            .max(self.gathered / rates.gathering(self.table) + self.streamed / rates.stream)
    }
}

impl Rates {
    /// Bytes per second of rows gathered from a table of so many bytes.
    pub fn gathering(&self, table: f64) -> f64 {
        let level = self.gather.iter().find(|(level, _)| table <= level.holds());
        level.map_or(self.stream, |&(_, rate)| rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_arithmetic_and_memory_is_the_floor() {
        let gather = [(Level::L2, 40.0), (Level::L3, 20.0), (Level::Memory, 10.0)];
        let rates = Rates { multiply_adds: 100.0, gather, stream: 8.0 };
        let near = Work::of("gather").rows(50.0, 2, 3);
        assert_eq!((near.multiply_adds, near.gathered, near.table), (100.0, 400.0, 24.0));
        assert_eq!((near.floor(&rates), near.times(2.0).floor(&rates)), (10.0, 20.0));
        assert_eq!(near.arithmetic(2000.0).floor(&rates), 21.0);
        assert_eq!(near.numbers(2.0).floor(&rates), 11.0);
        assert_eq!(Work { table: 2e6, ..near }.floor(&rates), 20.0);
        assert_eq!(Work { table: 1e9, ..near }.floor(&rates), 40.0);
    }
}
