//! Many questions of one log: of cold items, of cold users, of few-shot users with several numbers of support events, and
//! of everyone else, of whom one is left out.
//!
//! Each is asked as the kind of split of its name asks it. Items are cold first. Cold and few-shot users are drawn by
//! what they have of the others, each by a hash of its own and of those whom no question before it has drawn; their
//! events on cold items are in no part, so that the history of a few-shot user is the support and nothing else. Whoever is
//! left is asked about cold items, and by leaving one out about the others.

use segue_core::{Seed, TaskKind};

use super::asked::Questions;
use super::cold_item::ColdItem;
use super::cold_user::ColdUser;
use super::few_shot::FewShot;
use super::leave_one_out::LeaveOneOut;
use super::{Forbids, Ids, Plan};
use crate::DataError;
use crate::prepare::config::SplitConfig;
use crate::prepare::links::ItemLinks;
use crate::prepare::rows::{Part, Row, World};

/// Numbers of support events at most.
pub(super) const MOST_SUPPORTS: usize = 16;

/// The questions before those of few-shot users.
const FIRST: [TaskKind; 3] = [TaskKind::Intra, TaskKind::ColdUser, TaskKind::ColdItem];
const COLD_USER: u8 = 1;
const COLD_ITEM: u8 = 2;
const FEW_SHOT: u8 = 3;

pub(super) struct ManyQuestions {
    questions: Questions,
    intra: LeaveOneOut,
    cold_users: ColdUser,
    cold_items: ColdItem,
    few_shot: Vec<FewShot>,
    config: SplitConfig,
    /// Whether there is a domain that a cold user could be known from.
    others: bool,
}

/// What a user has in a domain on items that are not cold.
#[derive(Debug, Clone, Copy, Default)]
struct Warm {
    n: usize,
    /// Whether some of it is learnt from, were the user asked by leaving one out.
    stays: bool,
}

impl ManyQuestions {
    pub(super) fn plan(world: &World, config: &SplitConfig, links: &ItemLinks, seed: Seed) -> Result<Self, DataError> {
        let least = config.min_history;
        let intra = LeaveOneOut { min_history: least };
        let cold_items = ColdItem::plan(world, config, links, seed.named("cold_item"));
        let warm = warm(world, &cold_items, &intra)?;
        let may_be_cold = |d: usize, user: usize| {
            let is_known = (0..warm.len()).any(|other| other != d && warm[other][user].stays);
            is_known && warm[d][user].n >= least.max(1)
        };
        let cold_users = ColdUser::among(world, config, seed.named("cold_user"), &may_be_cold);

        let is_split = |d: usize| world.targets.contains(&d);
        let n_users = world.users.len();
        let draw = |plan: &dyn Plan, question: u8, of_users: &mut Vec<Vec<u8>>| {
            for (d, of_users) in of_users.iter_mut().enumerate() {
                let drawn = (0..).zip(of_users).filter(|(user, _)| plan.is_closed(d, *user));
                drawn.for_each(|(_, of_user)| *of_user = question);
            }
        };
        let mut of_users: Vec<Vec<u8>> =
            (0..warm.len()).map(|d| if is_split(d) { vec![0; n_users] } else { Vec::new() }).collect();
        draw(&cold_users, COLD_USER, &mut of_users);
        let mut few_shot = Vec::new();
        for (question, &k) in (FEW_SHOT..).zip(config.supports()) {
            let may_be = |d: usize, user: usize| {
                let n = warm[d][user].n;
                of_users[d][user] == 0 && n > k as usize && n >= least
            };
            let config = SplitConfig { support: k, cold: config.support_shares(), ..config.clone() };
            let who = seed.named("few_shot").named(&k.to_string());
            let plan = FewShot::among(world, &config, [who, seed.named("support")], &may_be);
            draw(&plan, question, &mut of_users);
            few_shot.push(plan);
        }
        let of_items = |d: usize| {
            let of_item = |is_asked: bool| if is_asked { COLD_ITEM } else { 0 };
            if is_split(d) { cold_items.asked(d).map(of_item).collect() } else { Vec::new() }
        };
        let kinds = config.supports().iter().map(|&k| TaskKind::FewShot(k));
        let questions = Questions {
            kinds: FIRST.into_iter().chain(kinds).collect(),
            of_items: (0..warm.len()).map(of_items).collect(),
            of_users,
        };
        let others = world.domains.len() > 1;
        Ok(Self { questions, intra, cold_users, cold_items, few_shot, config: config.clone(), others })
    }

    /// How a user is asked about items that are not cold.
    fn asks(&self, question: u8) -> &dyn Plan {
        match (question, self.few_shot.get(usize::from(question.saturating_sub(FEW_SHOT)))) {
            (COLD_USER, _) => &self.cold_users,
            (FEW_SHOT.., Some(few_shot)) => few_shot,
            _ => &self.intra,
        }
    }
}

/// What every user has in every domain.
fn warm(world: &World, cold_items: &ColdItem, intra: &LeaveOneOut) -> Result<Vec<Vec<Warm>>, DataError> {
    let of_domain = |(d, domain): (usize, &crate::prepare::rows::DomainRows)| {
        let ids = Ids { users: &world.users, items: &domain.items, domain: &domain.name };
        let is_split = world.targets.contains(&d);
        let of_user = |rows: &[Row]| {
            let mut rows: Vec<Row> =
                rows.iter().filter(|row| cold_items.part(d, row.item) == Part::Train).copied().collect();
            let user = rows.first()?.user;
            if is_split {
                intra.split(d, &mut rows, &ids);
            }
            Some((user, Warm { n: rows.len(), stays: rows.iter().any(|row| row.part == Part::Train) }))
        };
        let found =
            domain.rows.read(|rows| rows.chunk_by(|a, b| a.user == b.user).filter_map(of_user).collect::<Vec<_>>())?;
        let mut warm = vec![Warm::default(); world.users.len()];
        found.into_iter().flatten().for_each(|(user, of_user)| warm[user as usize] = of_user);
        Ok(warm)
    };
    world.domains.iter().enumerate().map(of_domain).collect()
}

impl Plan for ManyQuestions {
    fn split(&self, d: usize, rows: &mut [Row], ids: &Ids<'_>) {
        let Some(user) = rows.first().map(|row| row.user) else { return };
        self.cold_items.split(d, rows, ids);
        let question = self.questions.of_user(d, user);
        if question > 0 {
            rows.iter_mut().filter(|row| row.part > Part::Train).for_each(|row| row.part = Part::Unused);
        }
        let mut warm: Vec<Row> = rows.iter().filter(|row| row.part == Part::Train).copied().collect();
        self.asks(question).split(d, &mut warm, ids);
        let places = rows.iter_mut().filter(|row| row.part == Part::Train);
        places.zip(warm).for_each(|(row, asked)| row.part = asked.part);
    }

    fn source(&self) -> Option<&dyn Forbids> {
        self.cold_items.source()
    }

    fn protocol(&self, on: &str) -> String {
        let SplitConfig { cold: [valid, test], min_history, .. } = self.config;
        let ([few_valid, few_test], least) = (self.config.support_shares(), min_history.max(1));
        let cold_users = if self.others {
            format!(
                " cold users by hash, of those known from another domain and with at least {least} events on other items \
                 {test} test and {valid} validation, with all of these;"
            )
        } else {
            String::new()
        };
        let supports: Vec<String> = self.config.supports().iter().map(u32::to_string).collect();
        let few_shot = if supports.is_empty() {
            String::new()
        } else {
            format!(
                " few-shot users by hash, for each k of {} of those left with more than k and at least {least} events on \
                 other items {few_test} test and {few_valid} validation, with all of these but their first k (by time, \
                 value, item id falling);",
                supports.join(", ")
            )
        };
        format!(
            "several questions of {on}: cold items by hash, {test} of the items test and {valid} validation, with all their \
             events of users who are neither cold nor few-shot and have at least {least};{cold_users}{few_shot} of those \
             left, on the other items, {}",
            self.intra.protocol(on)
        )
    }

    fn why_unused(&self) -> String {
        format!(
            "are in no part: on cold items of users who are cold or few-shot or have fewer than {} events, or no likes and \
             after a held-out like",
            self.config.min_history.max(1)
        )
    }

    fn questions(&self) -> Questions {
        self.questions.clone()
    }

    fn is_closed(&self, d: usize, user: u32) -> bool {
        self.questions.of_user(d, user) > 0
    }

    fn is_last(&self, d: usize, row: &Row) -> bool {
        self.questions.of(d, row) == 0 && self.intra.is_last(d, row)
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{IdMap, Signal};

    use super::super::by_hand::row;
    use super::super::{drawn, split};
    use super::*;
    use crate::prepare::config::SplitKind;
    use crate::prepare::report::QuestionCount;
    use crate::prepare::rows::{Counts, DomainRows, Scatter, cut};

    const SHARES: [f64; 2] = [0.3, 0.3];

    /// A name that the seed draws as wanted, in all of these draws.
    fn named(prefix: &str, draws: &[(&[&str], Part)]) -> String {
        let draw = |path: &[&str], name: &str| {
            drawn(SHARES, path.iter().fold(Seed::new(0), |seed, step| seed.named(step)).named(name).unit())
        };
        let fits = |name: &String| draws.iter().all(|&(path, part)| draw(path, name) == part);
        (0..999).map(|n| format!("{prefix}{n}")).find(fits).unwrap()
    }

    /// Likes of user, item and time.
    fn domain(name: &str, users: &IdMap, likes: &[(&str, &str, i64)]) -> DomainRows {
        let items = IdMap::new(likes.iter().map(|like| like.1).collect());
        let id = |&(user, item, time): &(&str, &str, i64)| Row {
            user: users.find(user).unwrap(),
            ..row(items.find(item).unwrap(), 1.0, time, Signal::Positive)
        };
        let mut rows: Vec<Row> = likes.iter().map(id).collect();
        rows.sort_by_key(|row| (row.user, row.item));
        let mut counts = Counts::of(users.len(), items.len());
        for row in &rows {
            counts.users[row.user as usize] += 1;
            counts.items[row.item as usize] += 1;
            counts.rows += 1;
        }
        // Each user is a chunk.
        let mut scatter = Scatter::new(&cut(&vec![9; users.len()], 1), counts, None);
        for row in rows {
            scatter.push(row).unwrap();
        }
        DomainRows { name: name.into(), items, rows: scatter.finish().unwrap(), timed: true }
    }

    #[test]
    fn every_question_takes_its_own() {
        use Part::{Test, Train, Unused, Valid};
        let item = |part| named("f", &[(&["cold_item", "films"], part)]);
        let warm: Vec<String> =
            ["a", "b", "c", "d"].map(|name| named(name, &[(&["cold_item", "films"], Train)])).into();
        let (tested, valid) = (item(Test), item(Valid));
        let user = |name: &str, cold: Part, few: Part| {
            named(name, &[(&["cold_user", "films"], cold), (&["few_shot", "1", "films"], few)])
        };
        let (cold, few, other) = (user("c", Test, Test), user("f", Train, Test), user("o", Train, Valid));
        // Nobody who is met in films alone is cold there.
        let (rest, alone) = (user("r", Train, Train), user("a", Test, Train));
        let names = [&cold, &few, &other, &rest, &alone];
        let users = IdMap::new(names.iter().map(|name| name.as_str()).collect());
        let mut likes = Vec::new();
        for name in names {
            let items = warm.iter().chain([&tested, &valid]);
            likes.extend(items.zip(1..).map(|(item, time)| (name.as_str(), item.as_str(), time)));
        }
        let songs: Vec<(&str, &str, i64)> = names[..4].iter().map(|name| (name.as_str(), "song", 1)).collect();
        let domains = vec![domain("films", &users, &likes), domain("music", &users, &songs)];
        let (target, targets) = (0, vec![0]);
        let mut world =
            World { users, domains, target, targets, negatives: None, steps: Vec::new(), notes: Vec::new() };
        let config = SplitConfig {
            kind: SplitKind::Questions,
            cold: SHARES,
            supports: Some(vec![1, 7]),
            support_shares: Some(SHARES),
            ..SplitConfig::default()
        };
        let made = split(&mut world, &config, &ItemLinks::default(), Seed::new(0)).unwrap();

        let parts = |user: &str| {
            let mut rows: Vec<Row> = world.domains[0].rows.read(<[Row]>::to_vec).unwrap().concat();
            rows.retain(|row| world.users.external(row.user) == user);
            rows.sort_by_key(|row| row.time);
            rows.iter().map(|row| row.part).collect::<Vec<_>>()
        };
        assert_eq!(parts(&cold), [Test, Test, Test, Test, Unused, Unused]);
        assert_eq!(parts(&few), [Train, Test, Test, Test, Unused, Unused]);
        assert_eq!(parts(&other), [Train, Valid, Valid, Valid, Unused, Unused]);
        assert_eq!(parts(&rest), [Train, Train, Valid, Test, Test, Valid]);
        assert_eq!(parts(&alone), parts(&rest));
        let count = |task: &str, part: &str, users, interactions| QuestionCount {
            task: task.into(),
            part: part.into(),
            users,
            interactions,
        };
        // Nobody has more than 7 films.
        let expected = [
            count("films", "val", 2, 2),
            count("films", "test", 2, 2),
            count("films_cold_user", "val", 0, 0),
            count("films_cold_user", "test", 1, 4),
            count("films_cold_item", "val", 2, 2),
            count("films_cold_item", "test", 2, 2),
            count("films_few_shot_1", "val", 1, 3),
            count("films_few_shot_1", "test", 1, 3),
        ];
        assert_eq!(made.asked.count(&world).unwrap(), expected);
        assert!(made.is_closed(0, world.users.find(&few).unwrap()));
    }
}
