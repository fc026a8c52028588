//! Whether other domains helped: the verdict on a cross-domain claim, by its controls.
//!
//! A joint model is held against itself on the target alone, and against itself with the source histories dealt out anew among
//! the people (the placebo). Only who beats both has learnt from knowing who is who. Each question is asked of all models
//! together: its ps are corrected by Holm. Runs that differ by their seeds have one verdict.

use std::fmt;

use segue_eval::MetricSpec;

use crate::compare::{Comparison, Tested};
use crate::effect::Effect;
use crate::error::LabError;
use crate::settings::Scope;

/// Level of the tests, and of the least difference that is told.
pub const ALPHA: f64 = 0.05;
/// How often that difference would be found.
pub const POWER: f64 = 0.8;

/// What the controls say of a joint model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Better than the target alone, and than with shuffled links where those were run.
    Transfer,
    /// Better than the target alone, and not told apart from shuffled links, or worse: nothing shows that it is for the same people.
    NotByLinks,
    /// No better and no worse than the target alone.
    None,
    /// Worse than the target alone.
    Negative,
}

impl Verdict {
    /// What differences to the two controls with their corrected ps say; of an error less is a gain.
    fn of(over_target: &Effect, over_shuffled: Option<&Effect>) -> Self {
        let gain = |effect: &Effect| if effect.p < ALPHA { effect.gain() } else { 0.0 };
        match over_shuffled {
            _ if gain(over_target) < 0.0 => Self::Negative,
            _ if gain(over_target) <= 0.0 => Self::None,
            Some(over_shuffled) if gain(over_shuffled) <= 0.0 => Self::NotByLinks,
            _ => Self::Transfer,
        }
    }
}

/// A joint model beside its controls.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Name of the model.
    pub model: String,
    /// What it was asked, where there are several questions.
    pub question: Option<String>,
    /// Seed of the row, where there are several and it has but one.
    pub seed: Option<u64>,
    /// Over the target alone.
    pub over_target: Effect,
    /// Over shuffled links, where they were run.
    pub over_shuffled: Option<Effect>,
    /// What follows.
    pub verdict: Verdict,
}

impl Transfer {
    /// The rows that it is of, by position.
    pub fn rows(&self) -> &[usize] {
        &self.over_target.rows
    }

    /// The verdict in a word, for programs.
    pub fn word(&self) -> &'static str {
        match (self.verdict, &self.over_shuffled) {
            (Verdict::Transfer, Some(_)) => "transfer",
            (Verdict::Transfer, None) => "cause_unknown",
            (Verdict::NotByLinks, _) => "not_by_links",
            (Verdict::None, _) => "none",
            (Verdict::Negative, _) => "negative",
        }
    }
}

impl Comparison {
    /// The verdict on every joint model that has rows on the target alone beside its own: one for all of its seeds.
    pub fn transfers(&self, metric: MetricSpec, resamples: usize) -> Result<Vec<Transfer>, LabError> {
        let over_target = self.effects(Scope::Target, metric, resamples)?;
        let over_shuffled = self.effects(Scope::Shuffled, metric, resamples)?;
        let several = self.rows.windows(2).any(|two| two[0].question != two[1].question);
        let transfer = |over_target: Effect| {
            let row = &self.rows[over_target.rows[0]];
            let shuffled = over_shuffled.iter().find(|other| other.rows.iter().any(|n| over_target.rows.contains(n)));
            let shuffled = shuffled.cloned();
            let one_of_several = self.has_several_seeds() && !over_target.is_over_seeds();
            Transfer {
                model: row.model.clone(),
                question: several.then(|| row.question.clone()),
                seed: one_of_several.then_some(row.seed),
                verdict: Verdict::of(&over_target, shuffled.as_ref()),
                over_target,
                over_shuffled: shuffled,
            }
        };
        Ok(over_target.into_iter().map(transfer).collect())
    }

    /// Every joint row beside its own control, with its p of the randomisation test corrected by Holm for all of them: where each has one
    /// seed, those that the verdicts go by.
    pub fn over(&self, control: Scope, metric: MetricSpec, resamples: usize) -> Result<Vec<(Tested, f64)>, LabError> {
        let joint = self.rows.iter().enumerate().filter(|(_, row)| row.scope == Scope::Joint);
        let pairs: Vec<(usize, usize)> =
            joint.filter_map(|(n, row)| Some((n, self.control_of(row, control)?))).collect();
        self.corrected(&pairs, metric, resamples)
    }
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.over_target.metric;
        let (over, less) =
            if metric.metric.more_is_better() { ("over", "") } else { ("beside", ", less of which is better,") };
        let over_target = format!("{metric}{less} {} {over} the target alone", self.over_target.told());
        let seed = self.seed.map(|seed| format!(" with seed {seed}")).unwrap_or_default();
        let on = self.question.as_ref().map(|question| format!(" on {question}")).unwrap_or_default();
        let model = format!("{}{seed}{}{on}", self.model, runs(&self.over_target));
        // Shuffled links may have been run with fewer seeds.
        let told = |shuffled: &Effect| {
            let seeds = if shuffled.seeds == self.over_target.seeds {
                String::new()
            } else {
                format!(" (seeds {})", listed(&shuffled.seeds))
            };
            format!("{} {over} shuffled links{seeds}", shuffled.told())
        };
        match (self.verdict, &self.over_shuffled) {
            (Verdict::Negative, _) => {
                write!(f, "NEGATIVE TRANSFER: {model} is worse for the other domains ({over_target})")
            }
            (Verdict::None, _) => {
                write!(f, "no evidence of transfer: {model} ({over_target}; {})", self.over_target.could_find())
            }
            (Verdict::NotByLinks, Some(shuffled)) => {
                // Of which nothing but a loss is beyond chance.
                let (is, could) = if shuffled.p < ALPHA {
                    ("worse than with", String::new())
                } else {
                    ("not told apart from", format!("; {}", shuffled.could_find()))
                };
                let left = 1.0 - shuffled.difference / self.over_target.difference;
                write!(
                    f,
                    "no evidence of transfer between people: {model} is better than on the target alone, and {is} shuffled links, \
                     which leave {:.0} % of the gain ({over_target}; {}{could})",
                    100.0 * left,
                    told(shuffled)
                )
            }
            (_, Some(shuffled)) => {
                write!(f, "transfer: {model} ({over_target}; {})", told(shuffled))
            }
            (_, None) => write!(
                f,
                "a gain, its cause unknown: {model} ({over_target}); scope=shuffled, or --controls, tells whether it comes from \
                 knowing who is who"
            ),
        }
    }
}

/// Over which runs an effect is the mean, if it is.
fn runs(effect: &Effect) -> String {
    match (effect.is_over_seeds(), effect.splits) {
        (false, _) => String::new(),
        (true, 1) => format!(" over seeds {}", listed(&effect.seeds)),
        (true, splits) => {
            let plural = if effect.seeds.len() > 1 { "seeds" } else { "seed" };
            format!(" over {splits} splits ({plural} {})", listed(&effect.seeds))
        }
    }
}

fn listed(seeds: &[u64]) -> String {
    seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_eval::{Difference, Interval, Paired};

    /// A row whose users have so much more than those of its control, with a p.
    fn beside(spec: &str, more: f64, p: f64) -> Effect {
        let paired = Paired::of(&[more; 30], &[0.0; 30], (99, 1)).unwrap();
        let interval = Interval { low: more, high: more, level: 0.95 };
        let difference = Difference { spec: spec.parse().unwrap(), difference: more, interval, p, n_users: 30 };
        Effect::of_row(Tested { row: 0, difference, paired, family: 1 }, p, 1)
    }

    #[test]
    fn less_of_an_error_is_a_gain() {
        use Verdict::{Negative, None, NotByLinks, Transfer};
        for (spec, gain) in [("ndcg@10", 0.1), ("rmse", -0.1), ("mae", -0.1)] {
            let verdict = |target: (f64, f64), shuffled: Option<(f64, f64)>| {
                let [target, shuffled] =
                    [Some(target), shuffled].map(|of| of.map(|(times, p)| beside(spec, times * gain, p)));
                Verdict::of(&target.unwrap(), shuffled.as_ref())
            };
            assert_eq!(verdict((1.0, 0.01), Some((1.0, 0.01))), Transfer, "{spec}");
            assert_eq!(verdict((1.0, 0.01), Option::None), Transfer, "{spec}");
            assert_eq!(verdict((1.0, 0.01), Some((1.0, 0.2))), NotByLinks, "{spec}");
            assert_eq!(verdict((1.0, 0.01), Some((-1.0, 0.01))), NotByLinks, "{spec}");
            assert_eq!(verdict((1.0, 0.2), Some((1.0, 0.01))), None, "{spec}");
            assert_eq!(verdict((0.0, 0.01), Option::None), None, "{spec}");
            assert_eq!(verdict((-1.0, 0.01), Some((1.0, 0.01))), Negative, "{spec}");
        }
        let told = super::Transfer {
            model: "svd".into(),
            question: Option::None,
            seed: Option::None,
            over_target: beside("rmse", -0.1, 0.01),
            over_shuffled: Some(beside("rmse", -0.05, 0.02)),
            verdict: Transfer,
        };
        let text = told.to_string();
        assert!(
            text.starts_with("transfer: svd (rmse, less of which is better, -0.1000 [-0.1000, -0.1000], p "),
            "{text}"
        );
        assert!(
            text.contains(" beside the target alone; -0.0500 ") && text.ends_with(" beside shuffled links)"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_told_apart_is_not_called_as_much() {
        let values = |mean: f64| -> Vec<f64> { (0..40).map(|n| f64::from(n * 7 % 11) / 10.0 - 0.5 + mean).collect() };
        let beside = |mean: f64, p: f64| {
            let paired = Paired::of(&values(mean), &[0.0; 40], (99, 1)).unwrap();
            let interval = Interval { low: mean - 0.1, high: mean + 0.1, level: 0.95 };
            let difference =
                Difference { spec: "ndcg@10".parse().unwrap(), difference: mean, interval, p, n_users: 40 };
            Effect::of_row(Tested { row: 0, difference, paired, family: 3 }, p, 1)
        };
        let told = |shuffled: (f64, f64)| {
            let transfer = Transfer {
                model: "ease".into(),
                question: None,
                seed: None,
                over_target: beside(0.4, 0.01),
                over_shuffled: Some(beside(shuffled.0, shuffled.1)),
                verdict: Verdict::NotByLinks,
            };
            transfer.to_string()
        };
        let text = told((0.1, 0.3));
        let begins = "no evidence of transfer between people: ease is better than on the target alone, and not told apart from \
                      shuffled links, which leave 75 % of the gain (ndcg@10 +0.4000 ";
        assert!(text.starts_with(begins), "{text}");
        let ends = " over shuffled links; this test, one of 3, would find 0.";
        assert!(text.contains(ends) && text.ends_with(" in four of five tries)"), "{text}");
        assert!(!text.contains("as much"), "{text}");
        let text = told((-0.2, 0.01));
        assert!(text.contains("and worse than with shuffled links, which leave 150 % of the gain ("), "{text}");
        assert!(!text.contains("would find") && !text.contains("told apart"), "{text}");
    }

    /// A gain of the joint row of so many users, one of a family of tests, that proves nothing.
    fn told(n_users: usize, family: usize) -> String {
        let values: Vec<f64> = (0..n_users).map(|n| f64::from(n as u32 * 7 % 11) / 10.0 - 0.4).collect();
        let paired = Paired::of(&values, &vec![0.0; n_users], (99, 1)).unwrap();
        let interval = Interval { low: -0.1, high: 0.3, level: 0.95 };
        let spec = "ndcg@10".parse().unwrap();
        let difference = Difference { spec, difference: paired.mean, interval, p: 0.3, n_users };
        Transfer {
            model: "ease".into(),
            question: None,
            seed: None,
            over_target: Effect::of_row(Tested { row: 0, difference, paired, family }, 1.0, 1),
            over_shuffled: None,
            verdict: Verdict::None,
        }
        .to_string()
    }

    #[test]
    fn what_could_be_found_is_held_to_the_level_of_the_verdict() {
        let found = |family: usize| -> f64 {
            let told = told(40, family);
            let number = told.split(" would find ").nth(1).unwrap().split(' ').next().unwrap();
            number.parse().unwrap()
        };
        assert!(found(1) < found(3) && found(3) < found(12), "{} {} {}", found(1), found(3), found(12));
        assert!(told(40, 12).contains("this test, one of 12, would find 0."), "{}", told(40, 12));
        // Eight users: p is 2 / 2^8 at the least, and twelve times that when corrected.
        assert!(told(8, 1).contains("this test would find 0."), "{}", told(8, 1));
        let few = "8 users are too few for the randomisation test, one of 12, to reach p < 0.05 at all";
        assert!(told(8, 12).contains(few), "{}", told(8, 12));
    }
}
