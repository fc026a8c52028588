//! Raw logs into training, validation and sealed test.
//!
//! Every step is relational: its result depends on the set of rows, never on their order, and its ties are decided by
//! columns. So any engine (ours, SQL, a data-frame library) can be held to equal rows.
//!
//! | # | step | result | ties and order |
//! |---|---|---|---|
//! | 1 | read | one row per event; rows without user, item, value, or time where the domain's log has times, are dropped | – |
//! | 1 | only users, only items | rows whose user, whose item is in the file; given negatives likewise by item | – |
//! | 2 | value interval | rows with `low <= value <= high`, or `<` at an end that is left out; of several intervals, within one of them | – |
//! | 2 | clip | `value = min(max(value, low), high)` | – |
//! | 3 | given parts | a pair in two parts stays in the later: test, then validation, then train | – |
//! | 4 | deduplicate: latest | one row per (domain, user, item) | time desc, value desc, then the later line |
//! | 4 | deduplicate: first | the same | time asc, value desc |
//! | 4 | deduplicate: max | the same | value desc, time desc |
//! | 4 | deduplicate: sum | one row with the sum of the values | the latest time; added in f64, values falling |
//! | 5 | signal | negative if `value <= negative_threshold`, else positive if `value >= positive_threshold`, else neutral | – |
//! | 6 | log | `value = log2(1 + value)` or `ln(1 + value)` | – |
//! | 7 | max rows | the `max_rows` rows of a domain with the least `hash(seed, domain, user, item)` | user id, item id, then as 4 |
//! | 7 | positives only | rows with a positive signal | – |
//! | 8 | train size | users with `hash(seed, user) < train_size` | – |
//! | 9 | overlapping users | users with a row in the target and one in a source | – |
//! | 10 | core | users and items with enough rows, both counted on the same rows; `until_stable` repeats 9 (if on) and 10 | – |
//! | 11 | leave-one-out | likes per user and domain: rank 1 is test, rank 2 validation; rows before rank 2 train; rows after it that are no likes go | time desc, value desc, item id |
//! | 11 | ratio, random | `hash("ratio", user, item)` against the shares | – |
//! | 11 | ratio, by time | per user and domain: the first `round(n · test)` ranks test, the next `round(n · valid)` validation; one row stays | time desc, value desc, item id |
//! | 11 | given | files; validation, where missing: rows of train with `hash("carve", user, item) < valid_fraction` but each user's largest hash | hash |
//! | 11 | time cut | rows before the first moment train, before the second validation, from it on test; rows of domains that are not split, and of users who are not asked, from the first moment on go | – |
//! | 11 | time cut, by ratios | moment of `share`: the time at rank `min(round(n · share), n - 1)`, from 0, of the times of all rows of the domains that are split; the shares are train, and train + validation | – |
//! | 11 | k-fold | `floor(folds · hash("fold", user, item))`: `fold` is test, `(fold + 1) mod folds` validation (of two folds none) | – |
//! | 11 | cold user | users of the domain who have rows in another one: all rows there are test if `h < test`, validation if `h < test + valid`, where `h = hash("cold_user", domain, user)`; domains draw in the order of the targets, and who is cold in one is in no other | – |
//! | 11 | cold item | the same with all rows of an item and `h = hash("cold_item", domain, item)`; linked items are as cold as the first of them; rows of users who are not asked, and of domains that are not split, on cold items go | – |
//! | 11 | few shot | the same with the rows of a user but the first `support` and `h = hash("few_shot", domain, user)`, where the user has more | time asc, value asc, item id desc; without times `hash("support", domain, user, item)` |
//! | 11 | questions | items are cold as above, and whatever follows counts rows on other items alone. Users are cold as above, where leave-one-out keeps a row of another domain in training; of the users left those with more than k rows are few-shot as above, for each k of `supports` in turn, with `h = hash("few_shot", k, domain, user)` and `support_shares`; rows of both on cold items go. Of everyone else the rows on cold items are cold item questions, and leave-one-out divides the others | as theirs |
//! | 11 | questions without a test row | a question but the first of its domain is not asked, and its validation rows go; a domain of `split.targets=all` but the target whose first question has none is learnt from alone, and all that is held out there goes | – |
//! | 12 | weight | `(value - min) / (max - min)`, below 0 it is 0 and above 1 it is 1; both of the domain's training rows and of the rows that "positives only" dropped; 1 where these are equal | – |
//! | 12 | scale | `(value - mean) / deviation` or `(value - min) / (max - min)`, all four of the domain's training rows; a spread of 0 counts as 1 | – |
//! | 12 | linked items | training rows of domains that are not split become training rows of the item that they are linked to, or go where their user has a row of it; those stay as they are whose user is cold or a few-shot user there, or has an earlier row there that leave-one-out or a ratio by time holds out; then training rows go whose user has a held-out row of a linked item | as 4; `sum` keeps the largest value |
//! | 13 | train | all training rows, of whatever domain | – |
//! | 13 | history | of a training row the user's training rows before it; of a held-out one those no later than it, and for a test row the validation rows of its domain that are no later; the last `history` of them, of its domain or of all by `history_domains` | time, training before validation, item id |
//!
//! The target is split, or every domain of `split.targets`, each by itself; the others train. Of a user with fewer than
//! `min_history` rows in a domain (likes, for leave-one-out) nothing is held out there.
//!
//! Rows of one number are steps in the order of the lines. Thresholds are in the units of the log, whatever `log` and
//! `scale` make of the values; neither changes which of two values is larger, so no tie depends on them.
//!
//! Item ids compare as [`segue_core::external_order`] says: numbers by value, before everything else by bytes. Hashes
//! are those of [`segue_core::Seed`]: `Seed::new(seed).named(step).named(user).named(item)`, with the
//! domain after the step where the line names it; those of step 11 begin with `Seed::new(seed).named("split")` and name
//! what their line names, in its order.
//!
//! Every line but what it says of given negatives has a twin in SQL, `golden/prepare`, and a test compares the rows; the head
//! of the program there says which options it does not take.

mod assemble;
mod clean;
mod config;
mod deduplicate;
mod divided;
mod features;
mod filter;
mod folder;
mod found_links;
mod idle;
mod ingest;
mod interval;
mod links;
mod locate;
mod pipeline;
mod report;
mod rows;
mod sample;
mod split;
mod subset;
mod values;
mod weights;

pub use self::config::{
    Core, CoreMode, CoreScope, DataConfig, Deduplicate, DomainConfig, FeatureOptions, HistoryDomains, LinkFile,
    Logarithm, Moment, OneOrMany, PrepareOptions, RatioOrder, Scale, SplitConfig, SplitKind, UserFilter, UserIdentity,
    Values,
};
pub use self::folder::{Manifest, TaskEntry, load_folder, write_folder};
pub use self::interval::Interval;
pub use self::pipeline::{kept_beside, prepare, prepare_folder};
pub use self::report::{Overlap, PartCount, PrepareReport, QuestionCount, StepCount};
pub use crate::place::WrittenFile;
pub use crate::readers::{Column, ColumnMap, InputFile, Progress};
