//! What a model is worth to those of whom little or nothing is known in the target: cold-start performance and the domain
//! generalisation score.

use std::fmt;

use segue_core::TaskKind;
use segue_eval::MetricSpec;

use crate::compare::Comparison;
use crate::row::Row;
use crate::settings::Scope;

/// A model that learnt from all domains, asked about strangers to one.
#[derive(Debug, Clone, PartialEq)]
pub struct ColdStart {
    /// Name of the model.
    pub model: String,
    /// The domain to which the people are strangers.
    pub target: String,
    /// Seed of the rows, where there are several.
    pub seed: Option<u64>,
    /// The metric.
    pub metric: MetricSpec,
    /// Cold-start performance: its value on people without any event in the target.
    pub cold: Option<f64>,
    /// The domain generalisation score by number of support events k, rising: the value on people with k events in the target,
    /// over that of the same model which learnt from the target alone, asked the same of the same people. (People as they come
    /// are asked about one event, these about all but k: their values have no common scale.)
    pub scores: Vec<(u32, f64)>,
    /// Those k, rising, at which the model of the target alone comes to 0, over which there is no score.
    pub undefined: Vec<u32>,
}

impl Comparison {
    /// Every joint model and seed that was asked about cold or few-shot users. Scores need the model's rows on the target alone.
    pub fn cold_starts(&self, metric: MetricSpec) -> Vec<ColdStart> {
        let mut found: Vec<ColdStart> = Vec::new();
        let joint = || self.rows.iter().filter(|row| row.scope == Scope::Joint && !row.is_aside());
        for row in joint() {
            let same = |other: &&Row| {
                other.is_recipe_of(row)
                    && other.seed == row.seed
                    && other.data == row.data
                    && other.target == row.target
            };
            if self
                .rows
                .iter()
                .take_while(|other| !std::ptr::eq(*other, row))
                .filter(same)
                .any(|other| other.scope == Scope::Joint)
            {
                continue;
            }
            let own = || joint().filter(same);
            let cold = own().find(|row| row.kind == TaskKind::ColdUser).and_then(|row| row.test.value(metric));
            let alone = |row: &Row| self.rows[self.control_of(row, Scope::Target)?].test.value(metric);
            let mut few: Vec<(u32, f64, f64)> = own()
                .filter_map(|row| match row.kind {
                    TaskKind::FewShot(k) => Some((k, row.test.value(metric)?, alone(row)?)),
                    _ => None,
                })
                .collect();
            few.sort_by_key(|(k, ..)| *k);
            let (defined, undefined): (Vec<_>, Vec<_>) = few.into_iter().partition(|(.., alone)| *alone > 0.0);
            let scores: Vec<(u32, f64)> = defined.into_iter().map(|(k, value, alone)| (k, value / alone)).collect();
            let undefined: Vec<u32> = undefined.into_iter().map(|(k, ..)| k).collect();
            if cold.is_some() || !scores.is_empty() || !undefined.is_empty() {
                found.push(ColdStart {
                    model: row.model.clone(),
                    target: row.target.clone(),
                    seed: self.has_several_seeds().then_some(row.seed),
                    metric,
                    cold,
                    scores,
                    undefined,
                });
            }
        }
        found
    }
}

impl fmt::Display for ColdStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.seed.map(|seed| format!(" with seed {seed}")).unwrap_or_default();
        write!(f, "{}{seed} on {}:", self.model, self.target)?;
        if let Some(cold) = self.cold {
            write!(f, " cold-start performance {} {cold:.4}", self.metric)?;
        }
        let scores = self.scores.iter().map(|(k, score)| format!("{score:.2} with {k}")).collect::<Vec<_>>().join(", ");
        let undefined = self.undefined.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let why = "for the model of the target alone comes to 0 there";
        let and = if self.cold.is_some() { ";" } else { "" };
        match (scores.is_empty(), undefined.is_empty()) {
            (true, true) => Ok(()),
            (false, true) => write!(f, "{and} domain generalisation score {scores} events"),
            (true, false) => write!(f, "{and} no domain generalisation score with {undefined} events, {why}"),
            (false, false) => {
                write!(f, "{and} domain generalisation score {scores} events, none with {undefined}, {why}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::by_hand::row;

    #[test]
    fn scores_are_over_the_model_of_the_target_alone() {
        let rows = vec![
            row(Scope::Joint, TaskKind::Intra, "films", 0.5),
            row(Scope::Joint, TaskKind::ColdUser, "films_cold_user", 0.1),
            row(Scope::Joint, TaskKind::FewShot(3), "films_few_shot_3", 0.3),
            row(Scope::Joint, TaskKind::FewShot(1), "films_few_shot_1", 0.2),
            row(Scope::Target, TaskKind::Intra, "films", 0.9),
            row(Scope::Target, TaskKind::FewShot(1), "films_few_shot_1", 0.4),
            row(Scope::Target, TaskKind::FewShot(3), "films_few_shot_3", 0.4),
        ];
        let mut comparison = Comparison { rows };
        let found = comparison.cold_starts("ndcg@10".parse().unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].cold, Some(0.1));
        assert_eq!(
            found[0].scores.iter().map(|(k, score)| (*k, (score * 100.0).round())).collect::<Vec<_>>(),
            [(1, 50.0), (3, 75.0)]
        );
        assert_eq!(
            found[0].to_string(),
            "ease on films: cold-start performance ndcg@10 0.1000; domain generalisation score 0.50 with 1, 0.75 with 3 events"
        );
        let other = Row { seed: 2, ..row(Scope::Joint, TaskKind::ColdUser, "films_cold_user", 0.2) };
        let seeds = Comparison { rows: vec![comparison.rows[1].clone(), other] };
        let told: Vec<String> = seeds.cold_starts("ndcg@10".parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "ease with seed 1 on films: cold-start performance ndcg@10 0.1000",
                "ease with seed 2 on films: cold-start performance ndcg@10 0.2000"
            ]
        );
        // Over a model that finds nothing there is no score, and that is said.
        comparison.rows[5].test.metrics[0].value = 0.0;
        let told = |comparison: &Comparison| comparison.cold_starts("ndcg@10".parse().unwrap())[0].to_string();
        let why = "for the model of the target alone comes to 0 there";
        let cold = "ease on films: cold-start performance ndcg@10 0.1000";
        assert_eq!(
            told(&comparison),
            format!("{cold}; domain generalisation score 0.75 with 3 events, none with 1, {why}")
        );
        comparison.rows[6].test.metrics[0].value = 0.0;
        assert_eq!(told(&comparison), format!("{cold}; no domain generalisation score with 1, 3 events, {why}"));
        let without_cold = Comparison { rows: comparison.rows.iter().skip(2).cloned().collect() };
        let score = format!("ease on films: no domain generalisation score with 1, 3 events, {why}");
        assert_eq!(told(&without_cold), score);
        // Without the model of the target alone there is nothing to divide by.
        comparison.rows.truncate(4);
        assert_eq!(comparison.cold_starts("ndcg@10".parse().unwrap())[0].scores, []);
        comparison.rows.truncate(1);
        assert_eq!(comparison.cold_starts("ndcg@10".parse().unwrap()), []);
    }
}
