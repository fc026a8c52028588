//! Recommends in a random order that is fixed per person.
//!
//! No paper: the floor of every table, and a test of the evaluation itself (its expected metrics are known).
//!
//! ```text
//! s(u, i) = hash(seed, u, i) ∈ [0, 1)          for a guest: hash(seed, history, i)
//! ```
//!
//! Cost: nothing to fit, one hash per score, eight bytes to store.
//!
//! Useful for checking that an evaluation gives chance level to chance. Not useful for recommending.
//!
//! A guest is known by the fingerprint of their history, so the same guest sees the same order twice.

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, FitCx, FitError, ModelInfo, Output, Query,
    Recommender, Scorer, Seed, TrainData,
};

segue_core::params! {
    /// Parameters of [`RandomModel`]: none.
    pub struct Random {}
}

/// A seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomModel {
    seed: u64,
}

impl Algorithm for Random {
    const INFO: ModelInfo = ModelInfo {
        name: "random",
        aliases: &[],
        title: "Random order",
        citation: "none: the chance level",
        useful_for: "checking that an evaluation gives chance level to chance",
        not_useful_for: "recommending",
        scale: "any log",
        output: Output::Ranking,
        // The order differs between people but says nothing of their taste.
        personalised: false,
    };
    type Model = RandomModel;

    fn fit(&self, _: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<RandomModel, FitError> {
        Ok(RandomModel { seed: cx.seed.named("random").value() })
    }

    fn load(from: &ArtifactReader<'_>) -> Result<RandomModel, ArtifactError> {
        let seed = from.vector("seed", Some(1))?;
        Ok(RandomModel { seed: seed[0] })
    }
}

impl Recommender for RandomModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let root = Seed::new(self.seed);
        let seeds = queries.iter().map(|query| match query.user {
            Some(user) => root.named("user").at(u64::from(user)),
            None => root.named("guest").at(query.history.fingerprint()),
        });
        Box::new(Hashes(seeds.collect()))
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.tensor("seed", &[1], vec![self.seed]);
        Ok(())
    }
}

/// One seed per query.
struct Hashes(Vec<Seed>);

impl Scorer for Hashes {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let n = items.len();
        for (row, seed) in out.chunks_exact_mut(n.max(1)).zip(&self.0) {
            // The top 24 bits fill a float exactly; rounding a longer fraction could give 1.
            let unit = |item| (seed.at(item).value() >> 40) as f32 / (1_u32 << 24) as f32;
            row.iter_mut().zip(items.iter()).for_each(|(score, item)| *score = unit(u64::from(item)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::HistoryBuf;

    fn scores(model: &RandomModel, query: Query<'_>) -> Vec<f32> {
        let mut out = vec![0.0; 1000];
        model.encode(&[query]).score(Candidates::Range(0..1000), &mut out);
        out
    }

    #[test]
    fn orders_are_uniform_and_fixed_per_person() {
        let model = RandomModel { seed: 3 };
        let (one, two) = (HistoryBuf::likes(&[1]), HistoryBuf::likes(&[1, 2]));
        let (one, two) = (one.as_history(), two.as_history());
        let user = |user, history| Query { user: Some(user), history };
        let a = scores(&model, user(0, one));
        assert_eq!(a, scores(&model, user(0, two)));
        assert_ne!(a, scores(&model, user(1, one)));
        assert_ne!(scores(&model, Query::guest(one)), scores(&model, Query::guest(two)));
        assert_ne!(a, scores(&RandomModel { seed: 4 }, user(0, one)));
        assert!(a.iter().all(|score| (0.0..1.0).contains(score)));
        let mean = a.iter().sum::<f32>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }
}
