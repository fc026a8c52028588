//! Generation: who meets what, when, and how they like it.
//!
//! A person's next item is drawn without repetition by `softmax(ln popularity + sharpness · affinity)`, which is the
//! order of Gumbel-perturbed logits (Kool, van Hoof and Welling, *Stochastic beams and where to find them*, ICML 2019).
//! Numbers of events, and which domains a person uses, do not depend on tastes or on other domains: at strength 0 nothing
//! of one domain tells anything of another.

use std::ops::ControlFlow;

use segue_core::{
    Catalogue, Domain, DomainId, Event, IdMap, Interactions, ItemId, ItemInfo, Seed, Signal, Stream, UserId,
};

use super::config::{DomainConfig, Medium, WorldConfig, WorldError};
use super::rows::{DomainRows, ItemRow, spoil};
use super::truth::Truth;
use super::words::{genre_name, titles};
use crate::readers::Progress;

/// Progress is told, and a wish to stop heard, after so many people.
const PEOPLE_BETWEEN_REPORTS: usize = 64;

/// A generated world: rows as a careless export would hold them, and the truth behind them.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// What generated it.
    pub config: WorldConfig,
    /// The domains, dirty rows included. Position is the [`DomainId`]; item n has external id n + 1, as has user n.
    pub domains: Vec<DomainRows>,
    /// Tastes, item vectors and genres.
    pub truth: Truth,
    clean: Vec<Vec<Meeting>>,
}

/// One event before it is spoilt: a person gives an item stars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meeting {
    pub(super) user: u32,
    pub(super) item: u32,
    pub(super) stars: u8,
    pub(super) time: i64,
}

/// A clean log with its users and items.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanLog {
    /// All people of the world, active or not.
    pub users: IdMap,
    /// All items of the world, met or not.
    pub catalogue: Catalogue,
    /// The events: value = stars, weight = (stars − 1) / 4, positive from 4 stars, negative up to 2.
    pub log: Interactions,
}

impl World {
    /// Generates a world; a pure function of `config`.
    pub fn generate(config: &WorldConfig) -> Result<Self, WorldError> {
        Self::generate_watched(config, &mut |_| ControlFlow::Continue(()))
    }

    /// The same, telling how far it has come; `Break` ends in [`WorldError::Interrupted`].
    pub fn generate_watched(
        config: &WorldConfig,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Self, WorldError> {
        config.check()?;
        let seed = Seed::new(config.seed).named("sample world");
        let truth = Truth::draw(config, seed);
        let media = config.media();
        let people: Vec<Person> = (0..config.n_users).map(|user| Person::draw(user, config, seed)).collect();
        let mut domains = Vec::new();
        let mut clean = Vec::new();
        for (d, &medium) in media.iter().enumerate() {
            let place = Place { config, domain: d, settings: config.domain(medium), truth: &truth };
            let meetings = place.meetings(&people, seed.named("events").named(medium.name()), progress)?;
            let mut rows = seed.named("rows").named(medium.name()).stream();
            domains.push(DomainRows {
                name: medium.name().into(),
                rows: spoil(&meetings, config.dirty, &mut rows),
                items: describe(medium, d, config, &truth, seed.named("titles").named(medium.name())),
            });
            clean.push(meetings);
        }
        Ok(Self { config: config.clone(), domains, truth, clean })
    }

    /// How much person `user` likes item `item` of a domain when the world ends; see [`Truth::affinity`].
    pub fn affinity(&self, user: usize, domain: DomainId, item: usize) -> f32 {
        self.truth.affinity(user, domain, item)
    }

    /// The log as flawless preparation would give it, without filters: every person and item of the world keeps its
    /// number as its dense id (items count on from domain to domain).
    pub fn interactions(&self) -> CleanLog {
        let numbered = |n: usize| IdMap::new((1..=n).map(|id| id.to_string()).collect());
        let domains = self.domains.iter().map(|d| Domain { name: d.name.clone(), ids: numbered(d.items.len()) });
        let catalogue = Catalogue::new(domains.collect(), |d, id| {
            let row = id.parse::<usize>().ok().and_then(|n| self.domains[d].items.get(n - 1));
            row.map_or_else(ItemInfo::default, |row| ItemInfo {
                title: row.title.clone(),
                categories: row.genres.clone(),
            })
        });
        let event = |m: &Meeting, start: ItemId| Event {
            user: m.user,
            item: start + m.item,
            weight: (f32::from(m.stars) - 1.0) / 4.0,
            signal: match m.stars {
                0..=2 => Signal::Negative,
                3 => Signal::Neutral,
                _ => Signal::Positive,
            },
            value: f32::from(m.stars),
            time: Some(m.time),
        };
        let of_domain = |(d, meetings): (usize, &Vec<Meeting>)| {
            let start = catalogue.range(d).start;
            meetings.iter().map(|m| event(m, start)).collect::<Vec<_>>()
        };
        let events = self.clean.iter().enumerate().flat_map(of_domain).collect();
        match Interactions::new(self.config.n_users, catalogue.n_items(), events) {
            Ok(log) => CleanLog { users: numbered(self.config.n_users), catalogue, log },
            Err(error) => unreachable!("generated events are in range, finite and timed: {error}"),
        }
    }
}

/// What a person is beside their taste.
struct Person {
    /// The only domain of a person who does not use all.
    only: Option<DomainId>,
    /// When they are active, as shares of the world's time.
    window: (f64, f64),
}

impl Person {
    fn draw(user: usize, config: &WorldConfig, seed: Seed) -> Self {
        let mut stream = seed.named("people").at(user as u64).stream();
        let overlaps = stream.unit() < config.overlap;
        let domain = stream.below(config.media().len() as u32) as usize;
        let from = 0.7 * stream.unit();
        let length = 0.1 + (0.9 - from) * stream.unit();
        Self { only: (!overlaps).then_some(domain), window: (from, from + length) }
    }

    fn uses(&self, domain: DomainId) -> bool {
        self.only.is_none_or(|only| only == domain)
    }
}

/// One domain while its events are drawn.
struct Place<'a> {
    config: &'a WorldConfig,
    domain: DomainId,
    settings: &'a DomainConfig,
    truth: &'a Truth,
}

impl Place<'_> {
    /// The events of all people, by user and time.
    fn meetings(
        &self,
        people: &[Person],
        seed: Seed,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Meeting>, WorldError> {
        let n_items = self.settings.n_items;
        let mut order: Vec<usize> = (0..n_items).collect();
        seed.named("popularity").stream().shuffle(&mut order);
        let mut log_popularity = vec![0.0; n_items];
        for (rank, item) in order.into_iter().enumerate() {
            log_popularity[item] = -(self.settings.zipf * ((rank + 1) as f64).ln()) as f32;
        }
        let mut quality = seed.named("quality").stream();
        let quality: Vec<f64> = (0..n_items).map(|_| quality.normal()).collect();
        let mut meetings = Vec::new();
        for (user, person) in people.iter().enumerate().filter(|(_, person)| person.uses(self.domain)) {
            let seen = Progress { stage: "generate", rows: meetings.len() as u64, bytes: 0, bytes_total: 0 };
            if user.is_multiple_of(PEOPLE_BETWEEN_REPORTS) && progress(seen).is_break() {
                return Err(WorldError::Interrupted);
            }
            let mut stream = seed.named("choices").at(user as u64).stream();
            let n = self.count(&mut stream);
            let times = self.times(person, n, &mut stream);
            let chosen = self.choices(user, &times, &log_popularity, &mut stream);
            for (&(item, affinity), &time) in chosen.iter().zip(&times) {
                let stars = stars(f64::from(affinity), quality[item], &mut stream);
                meetings.push(Meeting { user: user as UserId, item: item as ItemId, stars, time });
            }
        }
        Ok(meetings)
    }

    /// The number of events of one person: log-normal, at most half of the items.
    fn count(&self, stream: &mut Stream) -> usize {
        let DomainConfig { median_events, spread, min_events, n_items, .. } = *self.settings;
        let drawn = (median_events.ln() + spread * stream.normal()).exp().round() as usize;
        drawn.clamp(min_events, (n_items / 2).max(1))
    }

    /// `n` rising unix times within a person's window: more in winter than in summer, more in the evening than at dawn.
    fn times(&self, person: &Person, n: usize, stream: &mut Stream) -> Vec<i64> {
        const DAY: f64 = 86_400.0;
        const YEAR: f64 = 365.25;
        let days = f64::from(self.config.days);
        let mut draw = |_| {
            let day = loop {
                let day = days * (person.window.0 + (person.window.1 - person.window.0) * stream.unit());
                let season = 0.7 + 0.3 * (std::f64::consts::TAU * day / YEAR).cos();
                if stream.unit() < season {
                    break day.floor().min(days - 1.0);
                }
            };
            // The sum of two halves of a day has its peak at noon; eight hours later it is evening.
            let hour = (0.5 * (stream.unit() + stream.unit()) + 1.0 / 3.0).fract();
            self.config.start + (DAY * (day + hour)) as i64
        };
        let mut times: Vec<i64> = (0..n).map(&mut draw).collect();
        times.sort_unstable();
        times
    }

    /// The items one person meets, in order, each with its affinity at the time.
    ///
    /// A history has at most four chapters of at least four events, and the taste moves on between them.
    fn choices(&self, user: usize, times: &[i64], log_popularity: &[f32], stream: &mut Stream) -> Vec<(usize, f32)> {
        const MAX_CHAPTERS: usize = 4;
        const MIN_EVENTS: usize = 4;
        let items = self.truth.items(self.domain);
        let sharpness = self.config.sharpness as f32;
        let mut chosen: Vec<(usize, f32)> = Vec::with_capacity(times.len());
        let mut met = vec![false; items.n_rows()];
        let mut keys: Vec<(f32, usize, f32)> = Vec::with_capacity(items.n_rows());
        for chapter in times.chunks(times.len().div_ceil(MAX_CHAPTERS).max(MIN_EVENTS)) {
            let seconds = (chapter[chapter.len() / 2] - self.config.start) as f64;
            let moment = seconds / (86_400.0 * f64::from(self.config.days));
            let taste = self.truth.taste(user, self.domain, moment);
            keys.clear();
            keys.extend((0..items.n_rows()).filter(|&item| !met[item]).map(|item| {
                let affinity = segue_core::kernels::dot(&taste, items.row(item));
                let gumbel = -(-(1.0 - stream.unit()).ln()).max(f64::MIN_POSITIVE).ln();
                (log_popularity[item] + sharpness * affinity + gumbel as f32, item, affinity)
            }));
            let best_first = |a: &(f32, usize, f32), b: &(f32, usize, f32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            keys.select_nth_unstable_by(chapter.len() - 1, best_first);
            keys.truncate(chapter.len());
            keys.sort_unstable_by(best_first);
            for &(_, item, affinity) in &keys {
                met[item] = true;
                chosen.push((item, affinity));
            }
        }
        chosen
    }
}

/// Stars from 1 to 5: affinity, the item's quality and chance.
fn stars(affinity: f64, quality: f64, stream: &mut Stream) -> u8 {
    let opinion = 3.1 + 0.6 * affinity + 0.3 * quality + 0.5 * stream.normal();
    opinion.round().clamp(1.0, 5.0) as u8
}

/// The metadata of a domain, some of it missing.
fn describe(medium: Medium, domain: DomainId, config: &WorldConfig, truth: &Truth, seed: Seed) -> Vec<ItemRow> {
    let genres: Vec<Vec<usize>> = (0..truth.items(domain).n_rows()).map(|i| truth.genres(domain, i).to_vec()).collect();
    let titles = titles(medium, &genres, &mut seed.named("words").stream());
    let mut gaps = seed.named("gaps").stream();
    let mut has = || gaps.unit() >= config.missing_metadata;
    let rows = titles.into_iter().zip(&genres).enumerate().map(|(item, (title, genres))| ItemRow {
        item: (item + 1).to_string(),
        title: has().then_some(title),
        genres: if has() { genres.iter().map(|&g| genre_name(medium, g).into()).collect() } else { Vec::new() },
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn world() -> World {
        World::generate(&WorldConfig::small()).unwrap()
    }

    #[test]
    fn one_seed_gives_one_world_and_another_seed_another() {
        assert_eq!(world(), world());
        let other = World::generate(&WorldConfig { seed: 2, ..WorldConfig::small() }).unwrap();
        assert_ne!(world().domains, other.domains);
    }

    #[test]
    fn nobody_meets_an_item_twice_and_times_stay_in_the_world() {
        let world = world();
        let end = world.config.start + 86_400 * i64::from(world.config.days);
        for meetings in &world.clean {
            let pairs: BTreeSet<(u32, u32)> = meetings.iter().map(|m| (m.user, m.item)).collect();
            assert_eq!(pairs.len(), meetings.len());
            assert!(meetings.iter().all(|m| (world.config.start..end).contains(&m.time)));
            assert!(meetings.iter().all(|m| (1..=5).contains(&m.stars)));
        }
    }

    #[test]
    fn people_overlap_as_asked_and_histories_are_long_in_music_and_short_in_films() {
        let config = WorldConfig { n_users: 2_000, ..WorldConfig::small() };
        let log = World::generate(&config).unwrap().interactions();
        let counts = |domain: usize| {
            let range = log.catalogue.range(domain);
            let count = |u| log.log.user(u).items.iter().filter(|&item| range.contains(item)).count();
            (0..2_000).map(count).collect::<Vec<usize>>()
        };
        let [music, films, books] = [counts(0), counts(1), counts(2)];
        let all = (0..2_000).filter(|&u| music[u].min(films[u]).min(books[u]) > 0).count();
        let two =
            (0..2_000).filter(|&u| [music[u], films[u], books[u]].iter().filter(|&&n| n > 0).count() == 2).count();
        assert!((all as f64 / 2_000.0 - config.overlap).abs() < 0.03, "{all}");
        assert_eq!(two, 0);
        let median = |mut counts: Vec<usize>| {
            counts.retain(|&n| n > 0);
            counts.sort_unstable();
            counts[counts.len() / 2]
        };
        assert!((22..=26).contains(&median(music)));
        assert!((5..=7).contains(&median(films)));
    }

    #[test]
    fn popularity_falls_by_zipf_and_tastes_are_followed() {
        let mut config = WorldConfig { sharpness: 0.0, n_users: 2_000, ..WorldConfig::small() };
        (config.music.zipf, config.music.median_events) = (1.0, 8.0);
        let world = World::generate(&config).unwrap();
        let mut counts = vec![0.0_f64; config.music.n_items];
        world.clean[0].iter().for_each(|m| counts[m.item as usize] += 1.0);
        counts.sort_by(|a, b| b.total_cmp(a));
        let slope = (counts[0] / counts[15]).ln() / 16_f64.ln();
        assert!((0.6..1.1).contains(&slope), "people without taste follow popularity: slope {slope}");

        let followed = self::world();
        let affinities = followed.clean[1].iter().map(|m| followed.affinity(m.user as usize, 1, m.item as usize));
        let mean = affinities.map(f64::from).sum::<f64>() / followed.clean[1].len() as f64;
        assert!(mean > 0.7, "mean affinity of what people meet: {mean}");
    }

    #[test]
    fn stars_tell_taste_and_use_the_whole_scale() {
        let world = world();
        let of = |stars: u8| {
            let rated = world.clean[0].iter().filter(|m| m.stars == stars);
            let affinities: Vec<f64> =
                rated.map(|m| f64::from(world.affinity(m.user as usize, 0, m.item as usize))).collect();
            assert!(!affinities.is_empty(), "somebody gives {stars} stars");
            affinities.iter().sum::<f64>() / affinities.len() as f64
        };
        let means = [1, 2, 3, 4, 5].map(of);
        assert!(means.windows(2).all(|pair| pair[0] < pair[1]), "{means:?}");
        let liked = world.interactions().log.events().filter(|e| e.signal == Signal::Positive).count();
        let share = liked as f64 / world.interactions().log.len() as f64;
        assert!((0.4..0.8).contains(&share), "share of likes {share}");
    }

    #[test]
    fn some_metadata_is_missing() {
        let world = World::generate(&WorldConfig { missing_metadata: 0.2, ..WorldConfig::small() }).unwrap();
        for domain in &world.domains {
            let n = domain.items.len() as f64;
            let untitled = domain.items.iter().filter(|row| row.title.is_none()).count() as f64 / n;
            let unsorted = domain.items.iter().filter(|row| row.genres.is_empty()).count() as f64 / n;
            assert!((0.08..0.35).contains(&untitled) && (0.08..0.35).contains(&unsorted), "{untitled} {unsorted}");
        }
        let catalogue = world.interactions().catalogue;
        let row = &world.domains[1].items[4];
        let item = catalogue.find(1, "5").unwrap();
        assert_eq!(
            (catalogue.info(item).title.clone(), catalogue.info(item).categories.clone()),
            (row.title.clone(), row.genres.clone())
        );
    }

    #[test]
    fn a_domain_may_be_left_out_and_a_tiny_world_stands() {
        let mut config = WorldConfig { n_users: 1, ..WorldConfig::small() };
        config.books.n_items = 0;
        (config.music.n_items, config.music.min_events) = (2, 1);
        (config.films.n_items, config.films.min_events) = (2, 1);
        let world = World::generate(&config).unwrap();
        assert_eq!(world.domains.len(), 2);
        assert!(world.clean.iter().all(|meetings| meetings.len() <= 1));
    }
}
