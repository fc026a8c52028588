//! Small worlds with a known truth.

use segue_core::{
    Catalogue, Domain, Event, IdMap, Interactions, ItemId, ItemInfo, Output, Seed, Signal, UserId,
    ranking::{Ask, rank_range},
};
use segue_core::{Query, Recommender};

/// Items and a log of them.
#[derive(Debug, Clone)]
pub struct World {
    /// The items.
    pub catalogue: Catalogue,
    /// Who met them.
    pub log: Interactions,
}

impl World {
    /// A world of one domain that holds the items of `log`.
    pub fn of(log: Interactions) -> Self {
        Self { catalogue: catalogue(&[("things", log.n_items())]), log }
    }

    /// The query of a known user who comes back with the history of the log.
    pub fn known(&self, user: UserId) -> Query<'_> {
        Query { user: Some(user), history: self.log.user(user) }
    }

    /// The query of a guest who happens to have the history of `user`.
    pub fn guest(&self, user: UserId) -> Query<'_> {
        Query::guest(self.log.user(user))
    }
}

/// Domains of the given names and sizes; the external id of an item is its position in its domain.
pub fn catalogue(domains: &[(&str, usize)]) -> Catalogue {
    let domain = |&(name, n): &(&str, usize)| Domain {
        name: name.into(),
        ids: IdMap::new((0..n).map(|i| i.to_string()).collect()),
    };
    Catalogue::new(domains.iter().map(domain).collect(), |_, _| ItemInfo::default())
}

/// A log of plain likes.
///
/// # Panics
/// If a user or item is out of range: a test that states an impossible log is wrong.
pub fn likes(n_users: usize, n_items: usize, pairs: &[(UserId, ItemId)]) -> Interactions {
    let events = pairs.iter().map(|&(user, item)| event(user, item, 1.0, Signal::Positive));
    log(n_users, n_items, events.collect())
}

/// A log of stars: 4 and more is a like, 2 and less a dislike.
///
/// # Panics
/// As [`likes`].
pub fn rated(n_users: usize, n_items: usize, ratings: &[(UserId, ItemId, f32)]) -> Interactions {
    let signal = |stars| match stars {
        s if s >= 4.0 => Signal::Positive,
        s if s <= 2.0 => Signal::Negative,
        _ => Signal::Neutral,
    };
    let events = ratings.iter().map(|&(user, item, stars)| event(user, item, stars, signal(stars)));
    log(n_users, n_items, events.collect())
}

fn event(user: UserId, item: ItemId, value: f32, signal: Signal) -> Event {
    Event { user, item, weight: 1.0, signal, value, time: None }
}

fn log(n_users: usize, n_items: usize, events: Vec<Event>) -> Interactions {
    match Interactions::new(n_users, n_items, events) {
        Ok(log) => log,
        Err(error) => panic!("a planted log: {error}"),
    }
}

/// The withheld checkerboard, `n × n`, `n` even: users like the items of their own colour (parity), and item `u` is
/// withheld from user `u`, so the best unseen item of every user is known. The idea is that of the tests of
/// [implicit](https://github.com/benfred/implicit).
///
/// A rating model needs contrast: for it the own colour has five stars and the other one star, and item `u + 1`, of the
/// other colour, is withheld too, so that user `u` is left with one good and one bad unseen item.
///
/// Users met the items in an order of their own, which says nothing of taste.
pub fn checkerboard(n: usize, output: Output) -> World {
    let n_ids = n as u32;
    let mut ratings = Vec::new();
    for u in 0..n_ids {
        for i in (0..n_ids).filter(|&i| i != u) {
            let own = u % 2 == i % 2;
            match output {
                Output::Ranking if own => ratings.push((u, i, 1.0)),
                Output::Rating if own || i != (u + 1) % n_ids => ratings.push((u, i, if own { 5.0 } else { 1.0 })),
                _ => {}
            }
        }
    }
    ratings.sort_by_key(|&(u, i, _)| (u, Seed::new(u64::from(u)).named("order").at(u64::from(i)).value()));
    World::of(match output {
        Output::Ranking => likes(n, n, &ratings.iter().map(|&(u, i, _)| (u, i)).collect::<Vec<_>>()),
        Output::Rating => rated(n, n, &ratings),
    })
}

/// A recipe for two domains whose users have one taste in each: in the second domain the same as in the first with
/// probability `strength`, any otherwise. Item `i` of a domain is of taste `i % tastes`.
#[derive(Debug, Clone)]
pub struct Planted {
    /// Users, the same people in both domains.
    pub n_users: usize,
    /// Items of the source and of the target domain.
    pub n_items: [usize; 2],
    /// Number of tastes.
    pub tastes: u32,
    /// Liked source items per user. In the target domain a user likes none, one or two, and one more is withheld.
    pub source_likes: usize,
    /// How much of the taste is shared, in [0, 1].
    pub strength: f64,
    /// Whether users also rate, with one star, as many items of other tastes: what a rating model learns from.
    pub output: Output,
    /// Which of the worlds of this recipe.
    pub seed: u64,
}

impl Default for Planted {
    fn default() -> Self {
        Self {
            n_users: 90,
            n_items: [36, 36],
            tastes: 3,
            source_likes: 6,
            strength: 1.0,
            output: Output::Ranking,
            seed: 1,
        }
    }
}

/// A world of two domains and, for each user, one target item that is of the user's taste and not in the log.
#[derive(Debug, Clone)]
pub struct PlantedWorld {
    /// Source (domain 0) and target (domain 1).
    pub world: World,
    /// Of every user.
    pub withheld: Vec<ItemId>,
}

impl Planted {
    /// Draws the world.
    pub fn build(&self) -> PlantedWorld {
        let catalogue = catalogue(&[("source", self.n_items[0]), ("target", self.n_items[1])]);
        let (mut ratings, mut withheld) = (Vec::new(), Vec::new());
        for u in 0..self.n_users as UserId {
            let mut stream = Seed::new(self.seed).named("planted").at(u64::from(u)).stream();
            let source_taste = stream.below(self.tastes);
            let other_taste = stream.below(self.tastes);
            let target_taste = if stream.unit() < self.strength { source_taste } else { other_taste };
            for (domain, taste) in [source_taste, target_taste].into_iter().enumerate() {
                let items = catalogue.range(domain);
                let (mut own, mut others): (Vec<_>, Vec<_>) =
                    items.clone().partition(|i| (i - items.start) % self.tastes == taste);
                stream.shuffle(&mut own);
                stream.shuffle(&mut others);
                let n_likes = if domain == 0 { self.source_likes } else { u as usize % 3 };
                if domain == 1 {
                    withheld.extend(own.pop());
                }
                ratings.extend(own.iter().take(n_likes).map(|&i| (u, i, 5.0)));
                if self.output == Output::Rating {
                    ratings.extend(others.iter().take(n_likes).map(|&i| (u, i, 1.0)));
                }
            }
        }
        let log = match self.output {
            Output::Rating => rated(self.n_users, catalogue.n_items(), &ratings),
            Output::Ranking => {
                let pairs: Vec<_> = ratings.iter().map(|&(u, i, _)| (u, i)).collect();
                likes(self.n_users, catalogue.n_items(), &pairs)
            }
        };
        PlantedWorld { world: World { catalogue, log }, withheld }
    }
}

impl PlantedWorld {
    /// The placebo: everything the users did in the source domain is given to users drawn at random.
    #[must_use]
    pub fn with_shuffled_links(&self, seed: u64) -> Self {
        let mut owners: Vec<UserId> = (0..self.world.log.n_users() as UserId).collect();
        Seed::new(seed).named("links").stream().shuffle(&mut owners);
        let source = self.world.catalogue.range(0);
        let log =
            self.world.log.with_users(|e| if source.contains(&e.item) { owners[e.user as usize] } else { e.user });
        Self { world: World { log, ..self.world.clone() }, withheld: self.withheld.clone() }
    }

    /// The target domain alone; the same users, the same questions.
    #[must_use]
    pub fn target_only(&self) -> Self {
        let range = self.world.catalogue.range(1);
        let withheld = self.withheld.iter().map(|item| item - range.start).collect();
        let world = World { catalogue: self.world.catalogue.only(1), log: self.world.log.restricted(range) };
        Self { world, withheld }
    }

    /// How well a model finds what was withheld: the mean share of unseen target items that it ranks below the withheld
    /// one, ties counted half. 0.5 is chance, 1 is perfect. The target is the last domain.
    ///
    /// # Panics
    /// If a score is not finite.
    pub fn found(&self, model: &dyn Recommender) -> f64 {
        let World { catalogue, log } = &self.world;
        let range = catalogue.range(catalogue.domains().len() - 1);
        let users: Vec<_> = (0..log.n_users() as UserId).collect();
        let hidden: Vec<_> = users.iter().map(|&u| log.seen(u)).collect();
        let ask = |u: UserId| Ask {
            query: self.world.known(u),
            hidden: &hidden[u as usize],
            relevant: &self.withheld[u as usize..=u as usize],
        };
        let asks: Vec<_> = users.iter().map(|&u| ask(u)).collect();
        let rankings = match rank_range(model, &asks, range, 0) {
            Ok(rankings) => rankings,
            Err(error) => panic!("{error}"),
        };
        let share = rankings.iter().map(|ranking| {
            let block = ranking.relevant[0];
            let better = block.above as f64 + (block.size - 1) as f64 / 2.0;
            1.0 - better / (ranking.n_candidates - 1) as f64
        });
        share.sum::<f64>() / users.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkerboard_is_one() {
        let ranking = checkerboard(4, Output::Ranking);
        assert_eq!(ranking.log.user(1).items, [3]);
        let rating = checkerboard(4, Output::Rating);
        assert_eq!(rating.log.user(1).items, [0, 3]);
        assert_eq!(rating.log.user(1).values, [1.0, 5.0]);
    }

    #[test]
    fn the_strength_is_the_share_of_users_whose_tastes_agree() {
        let agreement = |strength: f64| {
            let planted = Planted { n_users: 2000, strength, ..Planted::default() };
            let built = planted.build();
            let agrees = |u: &usize| {
                let source = built.world.log.user(*u as UserId).items[0];
                source % 3 == built.withheld[*u] % 3
            };
            (0..planted.n_users).filter(agrees).count() as f64 / planted.n_users as f64
        };
        assert_eq!(agreement(1.0), 1.0);
        assert!((agreement(0.5) - 2.0 / 3.0).abs() < 0.04);
        assert!((agreement(0.0) - 1.0 / 3.0).abs() < 0.04);
    }

    #[test]
    fn withheld_items_are_unseen_and_shuffling_moves_the_source_alone() {
        let built = Planted::default().build();
        let placebo = built.with_shuffled_links(1);
        let target = built.world.catalogue.range(1);
        assert_ne!(built.world.log, placebo.world.log);
        assert_eq!(built.world.log.restricted(target.clone()), placebo.world.log.restricted(target));
        for (u, item) in built.withheld.iter().enumerate() {
            assert!(!built.world.log.seen(u as UserId).contains(item));
        }
    }
}
