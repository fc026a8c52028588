//! The dials of the sample world and what they may be set to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::words::N_MOODS;

/// A domain of the sample world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// Songs.
    Music,
    /// Films.
    Films,
    /// Books.
    Books,
}

impl Medium {
    /// All of them, in the order of the catalogue.
    pub const ALL: [Self; 3] = [Self::Music, Self::Films, Self::Books];

    /// The name of the domain.
    pub fn name(self) -> &'static str {
        match self {
            Self::Music => "music",
            Self::Films => "films",
            Self::Books => "books",
        }
    }
}

/// One domain: how much there is and how much people meet of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainConfig {
    /// Number of items; 0 leaves the domain out.
    pub n_items: usize,
    /// Median number of events of a person who is active in this domain, `[1, ∞)`.
    pub median_events: f64,
    /// Spread of that number: the standard deviation of its logarithm, `[0, 3]`.
    pub spread: f64,
    /// Least number of events of an active person, `[1, n_items / 2]`; nobody meets more than half of the items.
    pub min_events: usize,
    /// Exponent of Zipf's law of item popularity, `[0, 3]`; 0 makes all items equally popular.
    pub zipf: f64,
}

/// A sample world: the same values give the same world to the last byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorldConfig {
    /// Root of all random streams.
    pub seed: u64,
    /// The dial: correlation of a person's tastes in two domains, `[0, 1]`. 0 plants nothing, 1 gives everyone one taste.
    pub strength: f64,
    /// Number of people, at least 1.
    pub n_users: usize,
    /// Share of people who are active in all domains, `[0, 1]`; everyone else is active in one.
    pub overlap: f64,
    /// Songs.
    pub music: DomainConfig,
    /// Films.
    pub films: DomainConfig,
    /// Books.
    pub books: DomainConfig,
    /// Dimension of tastes and item vectors, `[1, 64]`.
    pub dimension: usize,
    /// Number of genres, `[1, 12]`; genre g of one domain points where genre g of every other does.
    pub n_genres: usize,
    /// How strictly people follow their taste, `[0, 20]`: the factor of the affinity beside the logarithm of popularity.
    pub sharpness: f64,
    /// Angle in radians by which every taste turns over the whole time, `[0, π]`; 0 keeps tastes still.
    pub drift: f64,
    /// Share of items without a title, and share of items without genres, `[0, 1]`.
    pub missing_metadata: f64,
    /// Share of rows that are spoilt in a way that preparation must mend, `[0, 0.5]`.
    pub dirty: f64,
    /// First moment, unix seconds.
    pub start: i64,
    /// Length of the time in days, `[1, 36500]`.
    pub days: u32,
}

impl Default for WorldConfig {
    /// The world of `segue demo`: about 120 000 events, many songs and few films per person.
    fn default() -> Self {
        Self {
            seed: 1,
            strength: 1.0,
            n_users: 2_000,
            overlap: 0.85,
            music: DomainConfig { n_items: 1_200, median_events: 36.0, spread: 0.7, min_events: 8, zipf: 0.7 },
            films: DomainConfig { n_items: 800, median_events: 6.0, spread: 0.6, min_events: 3, zipf: 0.7 },
            books: DomainConfig { n_items: 600, median_events: 8.0, spread: 0.6, min_events: 3, zipf: 0.7 },
            dimension: 6,
            n_genres: 12,
            sharpness: 1.7,
            drift: 0.4,
            missing_metadata: 0.03,
            dirty: 0.02,
            start: 1_546_300_800, // 2019-01-01
            days: 1_096,
        }
    }
}

impl WorldConfig {
    /// A world for tests: 300 people, about 12 000 events, an eighth of the items.
    pub fn small() -> Self {
        let whole = Self::default();
        Self {
            n_users: 300,
            music: DomainConfig { n_items: 160, median_events: 24.0, ..whole.music },
            films: DomainConfig { n_items: 120, ..whole.films },
            books: DomainConfig { n_items: 80, ..whole.books },
            ..whole
        }
    }

    /// The settings of one domain.
    pub fn domain(&self, medium: Medium) -> &DomainConfig {
        match medium {
            Medium::Music => &self.music,
            Medium::Films => &self.films,
            Medium::Books => &self.books,
        }
    }

    /// The domains that have items, in the order of the catalogue.
    pub fn media(&self) -> Vec<Medium> {
        Medium::ALL.into_iter().filter(|&medium| self.domain(medium).n_items > 0).collect()
    }

    /// Checks every value against its range.
    pub fn check(&self) -> Result<(), WorldError> {
        let check = |key: String, value: f64, (min, max): (f64, f64)| {
            if (min..=max).contains(&value) { Ok(()) } else { Err(WorldError::Range { key, value, min, max }) }
        };
        let whole = |key: &str, value, range| check(key.into(), value, range);
        whole("strength", self.strength, (0.0, 1.0))?;
        whole("n_users", self.n_users as f64, (1.0, f64::from(u32::MAX)))?;
        whole("overlap", self.overlap, (0.0, 1.0))?;
        whole("dimension", self.dimension as f64, (1.0, 64.0))?;
        whole("n_genres", self.n_genres as f64, (1.0, N_MOODS as f64))?;
        whole("sharpness", self.sharpness, (0.0, 20.0))?;
        whole("drift", self.drift, (0.0, std::f64::consts::PI))?;
        whole("missing_metadata", self.missing_metadata, (0.0, 1.0))?;
        whole("dirty", self.dirty, (0.0, 0.5))?;
        whole("start", self.start as f64, (0.0, 1e11))?;
        whole("days", f64::from(self.days), (1.0, 36_500.0))?;
        if self.media().is_empty() {
            return Err(WorldError::NoItems);
        }
        for medium in self.media() {
            let domain = self.domain(medium);
            let key = |field: &str| format!("{}.{field}", medium.name());
            check(key("n_items"), domain.n_items as f64, (2.0, 1e7))?;
            check(key("median_events"), domain.median_events, (1.0, 1e6))?;
            check(key("spread"), domain.spread, (0.0, 3.0))?;
            check(key("min_events"), domain.min_events as f64, (1.0, (domain.n_items / 2) as f64))?;
            check(key("zipf"), domain.zipf, (0.0, 3.0))?;
        }
        Ok(())
    }
}

/// Why there is no sample world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A setting outside its range.
    #[error("sample world: `{key}` = {value} is outside [{min}, {max}]")]
    Range {
        /// The setting, e.g. `films.zipf`.
        key: String,
        /// The value given.
        value: f64,
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
    /// Every domain was left out.
    #[error("sample world: no domain has items; give at least one of music, films and books `n_items` above 0")]
    NoItems,
    /// A domain that was asked for was left out.
    #[error("sample world: there are no {0}; give `{0}.n_items` a value above 0")]
    LeftOut(&'static str),
    /// The caller asked to stop.
    #[error("sample world: stopped before it was complete; nothing was written")]
    Interrupted,
    /// A file could not be written.
    #[error("{}: {source}; check that the folder exists, may be written and has room", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_and_round_trip() {
        for config in [WorldConfig::default(), WorldConfig::small()] {
            config.check().unwrap();
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<WorldConfig>(&text).unwrap(), config);
        }
        assert_eq!(serde_json::from_str::<WorldConfig>("{}").unwrap(), WorldConfig::default());
    }

    #[test]
    fn bad_settings_name_key_and_range() {
        #[track_caller]
        fn check(change: impl Fn(&mut WorldConfig), expected: &str) {
            let mut config = WorldConfig::small();
            change(&mut config);
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        check(|c| c.strength = 1.5, "`strength` = 1.5 is outside [0, 1]");
        check(|c| c.strength = f64::NAN, "`strength` = NaN");
        check(|c| c.n_users = 0, "`n_users` = 0");
        check(|c| c.n_genres = 13, "outside [1, 12]");
        check(|c| c.films.min_events = 61, "`films.min_events` = 61 is outside [1, 60]");
        check(|c| (c.music.n_items, c.films.n_items, c.books.n_items) = (0, 0, 0), "no domain has items");
        let error = serde_json::from_str::<WorldConfig>(r#"{"strenght": 1}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `strenght`") && error.contains("`strength`"), "{error}");
    }
}
