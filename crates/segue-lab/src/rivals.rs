//! Several recipes of one model on one test question: which of them validation chooses to stand for it.

use std::fmt;

use segue_eval::MetricSpec;

use crate::compare::Comparison;
use crate::row::Row;

/// Means are equal that are so near each other, as a share of them.
const TIED: f64 = 1e-12;

/// Recipes of one model that learnt from the same and were asked the same on test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rivals {
    /// The rows of each recipe, by position; they differ in their seeds.
    pub recipes: Vec<Vec<usize>>,
    /// The recipe that validation chooses, and by which metric.
    pub chosen: Result<(usize, MetricSpec), Unchosen>,
    /// The recipes that none is better than on validation; one where it chooses, none where it compares none.
    pub best: Vec<usize>,
}

/// Why validation chooses none of several recipes: the best of them is chosen on test, and its value is too good for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchosen {
    /// A run has no value on validation.
    NotValidated,
    /// They were to be chosen by different metrics.
    OtherMetrics,
    /// Their logs were divided otherwise before the test part.
    OtherParts,
    /// The best of them have the same value of this metric, so that the order in which they are named would choose.
    Tied(MetricSpec),
}

impl fmt::Display for Unchosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tied(by) => return write!(f, "they are tied on validation, by {by}"),
            Self::NotValidated => "not every one of them has a value on validation",
            Self::OtherMetrics => "they watch different metrics on validation (trainer.early_stopping.metric)",
            Self::OtherParts => "their validation parts are not the same",
        })
    }
}

/// What a row stands for among the recipes of its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// There is no other recipe.
    #[default]
    Alone,
    /// The recipe that validation chose: it stands for the model.
    Chosen,
    /// Another recipe: it is shown, and nothing is claimed of it.
    Other,
    /// One of several that validation does not choose among.
    Open,
    /// One of several that are the best on validation, and equal.
    Tied,
}

impl Row {
    /// A metric on validation, by its name.
    pub fn validated(&self, name: &str) -> Option<f64> {
        self.valid.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    /// Whether validation chose another recipe to stand for the model.
    pub fn is_aside(&self) -> bool {
        self.standing == Standing::Other
    }

    /// What the row stands for among the recipes of its model; `None` where it has no other.
    pub fn standing_words(&self) -> Option<String> {
        match self.standing {
            Standing::Alone => None,
            Standing::Chosen => Some("chosen on validation".into()),
            Standing::Other => Some(format!("other recipe of {}, not chosen on validation", self.model)),
            Standing::Open => Some(format!("one recipe of {}, none chosen on validation", self.model)),
            Standing::Tied => Some(format!("one recipe of {}, tied on validation, none chosen", self.model)),
        }
    }
}

impl Comparison {
    /// Where rows are recipes of one model that differ in nothing but their settings. Validation chooses by the mean over seeds of the
    /// metric that all of them watch, as in a sweep, or where that was not kept, of `shown`; of equal ones none.
    pub fn rivals(&self, shown: MetricSpec) -> Vec<Rivals> {
        let mut found: Vec<Vec<Vec<usize>>> = Vec::new();
        for (n, row) in self.rows.iter().enumerate() {
            let first = |recipes: &Vec<Vec<usize>>| &self.rows[recipes[0][0]];
            let beside = |other: &Row| other.model == row.model && other.scope == row.scope && other.is_asked_as(row);
            match found.iter_mut().find(|recipes| beside(first(recipes))) {
                Some(recipes) => match recipes.iter_mut().find(|runs| self.rows[runs[0]].is_recipe_of(row)) {
                    Some(runs) => runs.push(n),
                    None => recipes.push(vec![n]),
                },
                None => found.push(vec![vec![n]]),
            }
        }
        found.retain(|recipes| recipes.len() > 1);
        let of = |recipes: Vec<Vec<usize>>| match self.foremost(&recipes, shown) {
            Ok((best, by)) => {
                let chosen = if let [one] = best[..] { Ok((one, by)) } else { Err(Unchosen::Tied(by)) };
                Rivals { recipes, chosen, best }
            }
            Err(why) => Rivals { recipes, chosen: Err(why), best: Vec::new() },
        };
        found.into_iter().map(of).collect()
    }

    /// Lets validation choose among the recipes of each model: those it does not choose are shown, and take no part in marks, verdicts
    /// and whatever else is claimed.
    pub fn choose_recipes(&mut self, shown: MetricSpec) {
        for rivals in self.rivals(shown) {
            for (n, runs) in rivals.recipes.iter().enumerate() {
                let standing = match rivals.chosen {
                    Ok((chosen, _)) if chosen == n => Standing::Chosen,
                    Err(Unchosen::Tied(_)) if rivals.best.contains(&n) => Standing::Tied,
                    Ok(_) | Err(Unchosen::Tied(_)) => Standing::Other,
                    Err(_) => Standing::Open,
                };
                for &run in runs {
                    self.rows[run].standing = standing;
                }
            }
        }
    }

    /// The recipes that none is better than on validation, and by which metric.
    fn foremost(&self, recipes: &[Vec<usize>], shown: MetricSpec) -> Result<(Vec<usize>, MetricSpec), Unchosen> {
        let runs = || recipes.iter().flatten().map(|&run| &self.rows[run]);
        let alike = |of: fn(&Row) -> &str| runs().zip(runs().skip(1)).all(|(one, other)| of(one) == of(other));
        if !alike(|row| &row.split) {
            return Err(Unchosen::OtherParts);
        }
        if !alike(|row| &row.watched) {
            return Err(Unchosen::OtherMetrics);
        }
        let watched = runs().next().and_then(|row| row.watched.parse().ok());
        let has_all = |metric: &MetricSpec| runs().all(|row| self.chosen_by(row, *metric).is_some());
        let metric = watched.into_iter().chain([shown]).find(has_all).ok_or(Unchosen::NotValidated)?;
        let sign = if metric.metric.more_is_better() { 1.0 } else { -1.0 };
        let mean = |runs: &Vec<usize>| {
            let values = runs.iter().filter_map(|&run| self.chosen_by(&self.rows[run], metric));
            sign * values.sum::<f64>() / runs.len() as f64
        };
        let means: Vec<f64> = recipes.iter().map(mean).collect();
        let most = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The same values in another order of seeds have sums that are apart by rounding.
        let ties = |mean: f64| most - mean <= TIED * most.abs();
        Ok(((0..means.len()).filter(|&n| ties(means[n])).collect(), metric))
    }

    /// What a row is chosen by: its own question on validation; one without a validation part goes by the first of its fit that has one.
    pub fn chosen_by(&self, row: &Row, metric: MetricSpec) -> Option<f64> {
        let name = metric.to_string();
        let of_fit = || self.rows.iter().filter(|other| other.fit == row.fit).find_map(|other| other.validated(&name));
        if row.valid.is_empty() { of_fit() } else { row.validated(&name) }
    }
}

#[cfg(test)]
mod tests {
    use segue_core::TaskKind;

    use super::*;
    use crate::row::by_hand;
    use crate::settings::Scope;

    /// A recipe with its values on test and validation.
    fn recipe(l2: u32, fit: usize, (test, valid): (f64, Option<f64>)) -> Row {
        let row = by_hand::row(Scope::Joint, TaskKind::Intra, "films", test);
        let valid = valid.map(|value| ("ndcg@10".to_owned(), value)).into_iter().collect();
        Row { params: serde_json::json!({ "l2": l2 }), fit, valid, ..row }
    }

    fn standings(rows: Vec<Row>) -> Vec<Standing> {
        let mut comparison = Comparison { rows };
        comparison.choose_recipes("ndcg@10".parse().unwrap());
        comparison.rows.iter().map(|row| row.standing).collect()
    }

    #[test]
    fn validation_chooses_whatever_test_says() {
        use Standing::{Alone, Chosen, Open, Other};
        let ease = |a: Option<f64>, b: Option<f64>| vec![recipe(1, 0, (0.9, a)), recipe(2, 1, (0.1, b))];
        assert_eq!(standings(ease(Some(0.2), Some(0.3))), [Other, Chosen]);
        assert_eq!(standings(ease(Some(0.3), Some(0.2))), [Chosen, Other]);
        // Without a value of each nobody but test could choose, of this model alone.
        let mf = |row: Row| Row { model: "mf".into(), ..row };
        let mut rows = ease(Some(0.2), Some(0.3));
        rows.extend([mf(recipe(1, 2, (0.5, None))), mf(recipe(2, 3, (0.4, Some(0.1))))]);
        rows.push(Row { model: "popularity".into(), ..recipe(0, 4, (0.1, None)) });
        assert_eq!(standings(rows), [Other, Chosen, Open, Open, Alone]);
        // The mean over seeds decides.
        let seed = |row: Row| Row { seed: 2, ..row };
        let mut rows = ease(Some(0.35), Some(0.3));
        rows.extend([seed(recipe(1, 2, (0.9, Some(0.1)))), seed(recipe(2, 3, (0.1, Some(0.3))))]);
        assert_eq!(standings(rows), [Other, Chosen, Other, Chosen]);
    }

    #[test]
    fn of_what_is_tied_none_is_chosen_in_whatever_order() {
        use Standing::{Other, Tied};
        let three = |values: [f64; 3]| {
            let rows = values.iter().zip(0..).map(|(valid, n)| recipe(n, n as usize, (f64::from(n), Some(*valid))));
            rows.collect::<Vec<Row>>()
        };
        // One that is worse than both stays aside.
        assert_eq!(standings(three([0.3, 0.3, 0.2])), [Tied, Tied, Other]);
        assert_eq!(standings(three([0.2, 0.3, 0.3])), [Other, Tied, Tied]);
        // Of two seeds, their order is rounding.
        let seeds = |l2: u32, values: [f64; 3]| {
            let runs = values.into_iter().zip(1..);
            runs.map(move |(valid, seed)| Row { seed, ..recipe(l2, seed as usize, (0.1, Some(valid))) })
        };
        let rows: Vec<Row> = seeds(1, [0.1, 0.2, 0.3]).chain(seeds(2, [0.3, 0.2, 0.1])).collect();
        assert_eq!(standings(rows.clone()), [Tied; 6]);
        let by = "ndcg@10".parse().unwrap();
        let rivals = Comparison { rows }.rivals(by).remove(0);
        assert_eq!((rivals.chosen, rivals.best), (Err(Unchosen::Tied(by)), vec![0, 1]));
        let mut comparison = Comparison { rows: three([0.3, 0.3, 0.2]) };
        comparison.choose_recipes(by);
        let words = comparison.rows[1].standing_words().unwrap();
        assert_eq!(words, "one recipe of ease, tied on validation, none chosen");
    }

    #[test]
    fn what_was_not_validated_alike_is_not_chosen_among() {
        let chosen = |change: &dyn Fn(&mut Row)| {
            let mut rows = vec![recipe(1, 0, (0.9, Some(0.2))), recipe(2, 1, (0.1, Some(0.3)))];
            change(&mut rows[1]);
            Comparison { rows }.rivals("ndcg@10".parse().unwrap()).remove(0).chosen.map(|(recipe, _)| recipe)
        };
        assert_eq!(chosen(&|_| {}), Ok(1));
        assert_eq!(chosen(&|row| row.split = "another".into()), Err(Unchosen::OtherParts));
        assert_eq!(chosen(&|row| row.watched = "hr@10".into()), Err(Unchosen::OtherMetrics));
        assert_eq!(chosen(&|row| row.valid.clear()), Err(Unchosen::NotValidated));
    }

    #[test]
    fn the_metric_that_is_watched_decides_whatever_is_shown() {
        let mut rows = vec![recipe(1, 0, (0.9, Some(0.2))), recipe(2, 1, (0.1, Some(0.3)))];
        for (row, hr) in rows.iter_mut().zip([0.8, 0.7]) {
            row.valid.push(("hr@10".to_owned(), hr));
        }
        let by = |rows: &[Row]| Comparison { rows: rows.to_vec() }.rivals("hr@10".parse().unwrap()).remove(0).chosen;
        assert_eq!(by(&rows), Ok((1, "ndcg@10".parse().unwrap())));
        // Where it was not kept, what is shown.
        for row in &mut rows {
            row.valid.remove(0);
        }
        assert_eq!(by(&rows), Ok((0, "hr@10".parse().unwrap())));
    }

    #[test]
    fn a_question_without_validation_goes_by_the_first_of_its_fit() {
        let cold = |row: Row| Row { question: "films_cold_user".into(), valid: Vec::new(), ..row };
        let (one, two) = (recipe(1, 0, (0.9, Some(0.2))), recipe(2, 1, (0.1, Some(0.3))));
        let rows = vec![one.clone(), cold(one), two.clone(), cold(two)];
        assert_eq!(standings(rows), [Standing::Other, Standing::Other, Standing::Chosen, Standing::Chosen]);
    }

    #[test]
    fn each_scope_stands_with_its_own_recipe() {
        let alone = |row: Row| Row { scope: Scope::Target, ..row };
        let rows = vec![
            recipe(1, 0, (0.9, Some(0.2))),
            recipe(2, 1, (0.1, Some(0.3))),
            alone(recipe(1, 2, (0.2, Some(0.4)))),
            alone(recipe(2, 3, (0.3, Some(0.1)))),
        ];
        let mut comparison = Comparison { rows };
        comparison.choose_recipes("ndcg@10".parse().unwrap());
        let control = |row: usize| comparison.control_of(&comparison.rows[row], Scope::Target);
        assert_eq!([control(0), control(1)], [None, Some(2)]);
        assert_eq!(comparison.same_question(&comparison.rows[0], "ease"), Some(1));
    }
}
