//! A generated world of five domains with every kind of link, as files and as what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use segue_core::{Interactions, OpenedTests, Prepared, Seed};
use segue_data::prepare::{DataConfig, DomainConfig, LinkFile, UserIdentity};

use super::{domain, files};

/// Domain, user and item by external ids: one event, for no pair comes twice.
pub(crate) type Name = (String, String, String);

/// The domains: films and music share people, books and games by a file of links, shows has viewers of its own who are
/// called like those of films. Some music is films' (soundtracks) by a file of links, some games are shows'.
pub(crate) const DOMAINS: [&str; 5] = ["films", "music", "books", "games", "shows"];

/// Everything that was generated, before preparation.
pub(crate) struct Five {
    dir: tempfile::TempDir,
    pub(crate) config: DataConfig,
    /// When each event was and how many stars it has; users as preparation calls them.
    pub(crate) events: BTreeMap<Name, (i64, u8)>,
    /// The group of every linked item, by domain and item.
    pub(crate) groups: BTreeMap<(String, String), usize>,
}

/// How ids are written.
#[derive(Clone, Copy)]
pub(crate) struct Naming {
    pub(crate) user: fn(&str) -> String,
    pub(crate) item: fn(&str) -> String,
}

pub(crate) const PLAIN: Naming = Naming { user: str::to_owned, item: str::to_owned };

/// Names that keep nothing of the order of the plain ones.
pub(crate) const RENAMED: Naming = Naming {
    user: |id| format!("{:016x}-{id}", Seed::new(5).named(id).value()),
    item: |id| format!("{:016x}_{id}", Seed::new(6).named(id).value()),
};

/// How a plain user of preparation, `books:r1`, is called where ids are written otherwise.
pub(crate) fn renamed(user: &str, naming: Naming) -> String {
    match user.split_once(':') {
        Some((domain, id)) => format!("{domain}:{}", (naming.user)(id)),
        None => (naming.user)(user),
    }
}

/// Names that keep the order of the plain items, and nothing of that of users.
pub(crate) const IN_ORDER: Naming = Naming { user: RENAMED.user, item: |id| format!("item-{id}") };

/// World `n`; `order` shuffles the lines of every file. All times differ, so that no tie is decided by an id.
pub(crate) fn five(n: u64, naming: Naming, order: u64) -> Five {
    five_at(n, naming, order, |n| 1_500_000_000 + 997 * n)
}

/// The same with only six moments, so that many events of a user are at one time and have as many stars.
pub(crate) fn five_tied(n: u64, naming: Naming) -> Five {
    five_at(n, naming, 0, |n| 1_500_000_000 + 1_000_000 * (n / 1000))
}

/// `moment` of the numbers to 6000 is when the events are.
fn five_at(n: u64, naming: Naming, order: u64, moment: fn(i64) -> i64) -> Five {
    let mut events = BTreeMap::new();
    let mut texts = Vec::new();
    let mut stream = Seed::new(n).named("five").stream();
    let mut times: Vec<i64> = (0..6000).map(moment).collect();
    stream.shuffle(&mut times);
    for domain in DOMAINS {
        let mut lines = Vec::new();
        for person in 0..60 {
            let n_events = if stream.below(10) < 7 { 1 + stream.below(12) } else { 0 };
            let items: BTreeSet<u32> = (0..n_events).map(|_| stream.below(24)).collect();
            for item in items {
                let id = match domain {
                    "books" => format!("r{person}"),
                    "games" => format!("g{person}"),
                    _ => person.to_string(),
                };
                // Everybody who reads and plays is linked.
                let user = match domain {
                    "books" | "games" if person < 48 => format!("books:r{person}"),
                    "games" => format!("games:g{person}"),
                    "books" => format!("books:r{person}"),
                    "shows" => format!("shows:{person}"),
                    _ => person.to_string(),
                };
                let item = format!("{}{item}", &domain[..1]);
                let (time, stars) = (times.pop().unwrap(), 1 + stream.below(5) as u8);
                lines.push(format!("{},{},{stars},{time}\n", (naming.user)(&id), (naming.item)(&item)));
                events.insert((domain.to_owned(), renamed(&user, naming), (naming.item)(&item)), (time, stars));
            }
        }
        Seed::new(order).named(domain).stream().shuffle(&mut lines);
        texts.push((format!("{domain}.csv"), format!("user,item,rating,timestamp\n{}", lines.concat())));
    }
    let readers = (0..48).fold(String::new(), |mut text, person| {
        writeln!(text, "{}\t{}", (naming.user)(&format!("r{person}")), (naming.user)(&format!("g{person}"))).unwrap();
        text
    });
    let mut groups = BTreeMap::new();
    let mut link = |[a, b]: [&str; 2], n: usize| {
        (0..n).fold(String::new(), |mut text, item| {
            let [left, right] = [a, b].map(|domain| (naming.item)(&format!("{}{item}", &domain[..1])));
            writeln!(text, "{left}\t{right}").unwrap();
            let group = groups.len();
            groups.extend([((a.to_owned(), left), group), ((b.to_owned(), right), group)]);
            text
        })
    };
    texts.push(("soundtracks".into(), link(["music", "films"], 6)));
    texts.push(("adapted".into(), link(["games", "shows"], 4)));
    texts.push(("readers".into(), readers));
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let dir = files(&texts);
    let link = |file: &str, domains: [&str; 2]| LinkFile {
        file: dir.path().join(file),
        domains: domains.map(String::from),
        header: Some(false),
    };
    let domains = DOMAINS.map(|name| DomainConfig {
        users: (name == "shows").then_some(UserIdentity::Own),
        ..domain(dir.path(), name, &format!("{name}.csv"))
    });
    let config = DataConfig {
        name: "five".into(),
        domains: domains.into(),
        target: "films".into(),
        user_links: vec![link("readers", ["books", "games"])],
        item_links: vec![link("soundtracks", ["music", "films"]), link("adapted", ["games", "shows"])],
        ..DataConfig::default()
    };
    Five { dir, config, events, groups }
}

impl Five {
    /// The same world without links of items.
    pub(crate) fn unlinked(self) -> Self {
        let config = DataConfig { item_links: Vec::new(), ..self.config };
        Self { config, groups: BTreeMap::new(), ..self }
    }

    /// What identifies an item over all domains.
    pub(crate) fn one(&self, domain: &str, item: &str) -> String {
        let group = self.groups.get(&(domain.to_owned(), item.to_owned()));
        group.map_or_else(|| format!("{domain}/{item}"), |group| format!("group {group}"))
    }

    /// Whether the files are there; they live as long as this world.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.dir.path()
    }
}

/// Every event of a log by its names, with its time.
pub(crate) fn named(prepared: &Prepared, log: &Interactions) -> Timed {
    let catalogue = &prepared.catalogue;
    let name = |e: segue_core::Event| {
        let domain = catalogue.domains()[catalogue.domain_of(e.item)].name.clone();
        ((domain, prepared.users.external(e.user).to_owned(), catalogue.external(e.item).to_owned()), e.time.unwrap())
    };
    log.events().map(name).collect()
}

/// Events with their times.
pub(crate) type Timed = Vec<(Name, i64)>;

/// Training events, and for every task its domain, validation and test events.
pub(crate) struct Parts {
    pub(crate) train: Timed,
    pub(crate) tasks: Vec<(String, [Timed; 2])>,
}

impl Parts {
    pub(crate) fn of(prepared: &Prepared) -> Self {
        let task = |task: &segue_core::Task| {
            let test = &task.test.open(&mut OpenedTests::default(), "test of preparation").events;
            (task.name.clone(), [named(prepared, &task.valid.events), named(prepared, test)])
        };
        Self { train: named(prepared, &prepared.split.train), tasks: prepared.split.tasks.iter().map(task).collect() }
    }

    /// All held-out events.
    pub(crate) fn held_out(&self) -> impl Iterator<Item = &(Name, i64)> {
        self.tasks.iter().flat_map(|(_, parts)| parts).flatten()
    }

    /// Part of every event: `train`, or the task and `valid` or `test`, with users and items renamed.
    pub(crate) fn by_name(&self, naming: Naming) -> BTreeMap<Name, String> {
        let name = |(d, u, i): &Name| (d.clone(), renamed(u, naming), (naming.item)(i));
        let train = self.train.iter().map(|(event, _)| (name(event), "train".to_owned()));
        let held_out = self.tasks.iter().flat_map(|(task, parts)| {
            let named = |part: &str, n: usize| {
                let label = format!("{task} {part}");
                parts[n].iter().map(|(event, _)| (name(event), label.clone())).collect::<Vec<_>>()
            };
            [named("valid", 0), named("test", 1)].concat()
        });
        let all: Vec<_> = train.chain(held_out).collect();
        let by_name: BTreeMap<Name, String> = all.iter().cloned().collect();
        assert_eq!(by_name.len(), all.len(), "every event is in one part");
        by_name
    }
}
