//! Which sections a report has, and what each says.

use crate::describe::Statistics;
use crate::facts::Rows;
use crate::findings::Level;
use crate::statistics::long_tail::Spread;
use crate::statistics::over_time::Times;

/// A section: its name, question, meaning, the names of its two keys, and the writer of its facts.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) keys: [&'static str; 2],
    pub(crate) write: fn(&Statistics, &mut Rows),
}

pub(crate) const SECTIONS: [Section; 16] = [
    Section {
        name: "findings",
        title: "What to know before trusting a number",
        meaning: "A warning says that numbers measured on this split may be wrong.",
        keys: ["section", "level"],
        write: findings,
    },
    Section {
        name: "sizes",
        title: "How large, how sparse",
        meaning: "Over all parts. Sparsity is 1 - distinct pairs / (users · items), of those met at least once.",
        keys: ["domain", ""],
        write: sizes,
    },
    Section {
        name: "parts",
        title: "The split",
        meaning: "Users, items and interactions of each part.",
        keys: ["domain", "part"],
        write: parts,
    },
    Section {
        name: "overlap",
        title: "Who is in two domains",
        meaning: "Users met in both, in percent of each; the events that they made, likewise.",
        keys: ["first", "second"],
        write: overlap,
    },
    Section {
        name: "combinations",
        title: "Who is in exactly which domains",
        meaning: "Every user counts once.",
        keys: ["domains", ""],
        write: combinations,
    },
    Section {
        name: "duplicates",
        title: "What is there twice",
        meaning: "Repeats are events beyond the first of their pair within a part; identical ones have its time and value, too.",
        keys: ["domain", "part"],
        write: duplicates,
    },
    Section {
        name: "preparation",
        title: "What preparation removed",
        meaning: "Rows left after each step, and rows that it removed.",
        keys: ["domain", "step"],
        write: preparation,
    },
    Section {
        name: "leaked_pairs",
        title: "Held-out pairs that training knows",
        meaning: "Distinct pairs of user and item that stand in two parts.",
        keys: ["task", ""],
        write: leaked_pairs,
    },
    Section {
        name: "late_events",
        title: "Training events after the test",
        meaning: "Training events after (or in the second of) their own user's first test event, and after the \
                  earliest test event of all.",
        keys: ["task", "domain"],
        write: late_events,
    },
    Section {
        name: "cold",
        title: "Whom the test asks about",
        meaning: "Test users and items by what training has of them.",
        keys: ["task", ""],
        write: cold,
    },
    Section {
        name: "values",
        title: "Stars, plays and other values",
        meaning: "Of all events; variance with n - 1, quantiles interpolated.",
        keys: ["domain", ""],
        write: values,
    },
    Section {
        name: "activity",
        title: "Events of each user",
        meaning: "Gini 0: all alike; tail: share of events of the 80 % with the fewest; head: the fewest, in percent, \
                  that make 80 % of events.",
        keys: ["domain", ""],
        write: activity,
    },
    Section {
        name: "popularity",
        title: "Events of each item",
        meaning: "As above, for items.",
        keys: ["domain", ""],
        write: popularity,
    },
    Section {
        name: "genres",
        title: "Genres",
        meaning: "An item of several genres counts in each.",
        keys: ["domain", "genre"],
        write: genres,
    },
    Section {
        name: "over_time",
        title: "Events over time",
        meaning: "In UTC.",
        keys: ["domain", "period"],
        write: over_time,
    },
    Section {
        name: "taste",
        title: "What people carry across domains",
        meaning: "Over users of both, with 95 % intervals (Fisher's z). Profiles: mean cosine of a user's genres in the two \
                  domains, and the placebo of different users.",
        keys: ["first and second", "of"],
        write: taste,
    },
];

/// Why a section has no rows.
pub(crate) fn why_none(section: &str, all: &Statistics) -> &'static str {
    match section {
        "findings" => "Nothing stands out.",
        "overlap" | "taste" if all.domains.len() < 2 => "Has none: there is one domain.",
        "late_events" | "over_time" if all.over_time.times == Times::None => "Has none: the log has no times.",
        "over_time" => "Has none: times are places in an order, not dates.",
        "genres" => "Has none: no item has a genre.",
        "preparation" => "Has none: the data were not prepared from a log.",
        "leaked_pairs" | "late_events" | "cold" => "Has none: nothing is asked of these data.",
        _ => "Has none: there is no event.",
    }
}

fn findings(all: &Statistics, rows: &mut Rows) {
    for finding in &all.findings {
        let level = match finding.level {
            Level::Warning => "warning",
            Level::Note => "note",
        };
        rows.row(&finding.section, level).text("finding", &finding.text);
    }
}

fn sizes(all: &Statistics, rows: &mut Rows) {
    for size in &all.sizes.domains {
        rows.row(&size.domain, "")
            .count("users", size.users)
            .count("items", size.items)
            .count("interactions", size.interactions)
            .count("pairs", size.pairs)
            .number("sparsity", size.sparsity)
            .number("per_user", size.per_user)
            .number("per_item", size.per_item)
            .count("likes", size.likes)
            .count("neutral", size.neutral)
            .count("dislikes", size.dislikes);
    }
}

fn parts(all: &Statistics, rows: &mut Rows) {
    for part in &all.sizes.parts {
        rows.row(&part.domain, &part.part)
            .count("users", part.users)
            .count("items", part.items)
            .count("interactions", part.interactions);
    }
}

fn overlap(all: &Statistics, rows: &mut Rows) {
    for pair in &all.overlap.pairs {
        rows.row(&pair.first, &pair.second)
            .count("users_of_first", pair.users_of_first)
            .count("users_of_second", pair.users_of_second)
            .count("users", pair.users)
            .number("percent_of_first", pair.percent_of_first)
            .number("percent_of_second", pair.percent_of_second)
            .number("jaccard", pair.jaccard)
            .number("events_percent_of_first", pair.events_percent_of_first)
            .number("events_percent_of_second", pair.events_percent_of_second);
    }
}

fn combinations(all: &Statistics, rows: &mut Rows) {
    for combination in &all.overlap.combinations {
        rows.row(combination.domains.join(" + "), "").count("users", combination.users);
    }
}

fn duplicates(all: &Statistics, rows: &mut Rows) {
    for part in &all.duplicates.parts {
        rows.row(&part.domain, &part.part)
            .count("interactions", part.interactions)
            .count("repeats", part.repeats)
            .count("identical", part.identical)
            .count("pairs_repeated", part.pairs_repeated)
            .count("most", part.most);
    }
}

fn preparation(all: &Statistics, rows: &mut Rows) {
    for step in &all.duplicates.steps {
        rows.row(&step.domain, &step.step).count("removed", step.removed).count("interactions", step.interactions);
    }
}

fn leaked_pairs(all: &Statistics, rows: &mut Rows) {
    for leakage in &all.leakage {
        rows.row(&leakage.task, "")
            .count("test", leakage.pairs.test)
            .count("test_in_train", leakage.pairs.test_in_train)
            .count("test_in_valid", leakage.pairs.test_in_valid)
            .count("valid", leakage.pairs.valid)
            .count("valid_in_train", leakage.pairs.valid_in_train);
    }
}

fn late_events(all: &Statistics, rows: &mut Rows) {
    for leakage in &all.leakage {
        for late in leakage.times.iter().flatten() {
            rows.row(&leakage.task, &late.domain)
                .count("train", late.train)
                .count("of_test_users", late.of_test_users)
                .count("after_own_test", late.after_own_test)
                .count("with_own_test", late.with_own_test)
                .count("after_first_test", late.after_first_test)
                .count("with_first_test", late.with_first_test);
        }
    }
}

fn cold(all: &Statistics, rows: &mut Rows) {
    for leakage in &all.leakage {
        let cold = &leakage.cold;
        rows.row(&leakage.task, "")
            .count("test_users", cold.test_users)
            .count("users_without_history", cold.users_without_history)
            .count("users_without_target_history", cold.users_without_target_history)
            .count("users_with_source_history", cold.users_with_source_history)
            .count("test_items", cold.test_items)
            .count("items_without_history", cold.items_without_history);
    }
}

fn values(all: &Statistics, rows: &mut Rows) {
    for values in &all.values {
        if let Some(moments) = &values.moments {
            rows.row(&values.domain, "").count("events", moments.n).count("distinct", values.distinct).moments(moments);
        }
    }
}

fn activity(all: &Statistics, rows: &mut Rows) {
    let spreads = all.long_tail.iter().filter_map(|tail| Some((&tail.domain, tail.activity.as_ref()?)));
    spreads.for_each(|(domain, spread)| write_spread(rows, domain, "users", spread));
}

fn popularity(all: &Statistics, rows: &mut Rows) {
    let spreads = all.long_tail.iter().filter_map(|tail| Some((&tail.domain, tail.popularity.as_ref()?)));
    spreads.for_each(|(domain, spread)| write_spread(rows, domain, "items", spread));
}

fn write_spread(rows: &mut Rows, domain: &str, of: &'static str, spread: &Spread) {
    rows.row(domain, "")
        .count(of, spread.moments.n)
        .moments(&spread.moments)
        .number("gini", spread.gini)
        .number("tail_percent", 100.0 * spread.tail_share)
        .number("head_percent", 100.0 * spread.head_size);
}

fn genres(all: &Statistics, rows: &mut Rows) {
    for genres in &all.genres {
        for genre in &genres.listed {
            rows.row(&genres.domain, &genre.name)
                .count("items", genre.items)
                .count("events", genre.events)
                .number("percent_of_events", genre.percent_of_events)
                .number("percent_liked", genre.percent_liked)
                .number("mean_value", genre.mean_value);
        }
    }
}

fn over_time(all: &Statistics, rows: &mut Rows) {
    for (d, domain) in all.over_time.domains.iter().enumerate() {
        for period in &all.over_time.periods {
            rows.row(domain, &period.name).count("events", period.events[d]);
        }
    }
}

fn taste(all: &Statistics, rows: &mut Rows) {
    for pair in &all.correlation {
        let names = format!("{} and {}", pair.first, pair.second);
        for (of, both) in [("activity", &pair.activity), ("mean value", &pair.mean_value)] {
            rows.row(&names, format!("{of} (Spearman)")).correlation(both.spearman.as_ref());
            rows.row(&names, format!("{of} (Pearson)")).correlation(both.pearson.as_ref());
        }
        for genre in &pair.taste.shared {
            rows.row(&names, format!("genre {}", genre.genre)).correlation(genre.correlation.as_ref());
        }
        if let Some(found) = &pair.taste.profiles {
            rows.row(&names, "profiles (own)").count("users", found.users).number("value", found.own);
            rows.row(&names, "profiles (others)").count("users", found.users).number("value", found.others);
            rows.row(&names, "profiles (difference)")
                .count("users", found.users)
                .number("value", found.difference)
                .number("low", found.low)
                .number("high", found.high);
        }
    }
}
