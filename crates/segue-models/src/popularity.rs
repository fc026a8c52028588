//! Recommends to everyone what most people liked.
//!
//! No paper of its own: the baseline that every comparison needs (`TopPop` in Cremonesi, Koren, Turrin: *Performance of
//! Recommender Algorithms on Top-N Recommendation Tasks*, ACM Recommender Systems 2010,
//! <https://doi.org/10.1145/1864708.1864721>).
//!
//! ```text
//! s(u, i) = Σ_v 1[v liked i]          or, with `weighted`,  Σ_v w_vi
//! ```
//!
//! Cost: one pass over the log, one number per item.
//!
//! Useful for a floor below which no model should fall, and for guests without history. Not useful for telling people
//! apart: everyone gets one list.
//!
//! An item that one user liked twice counts once (its latest event). Checked against a count by hand, and against the
//! published most-popular anchor of the Gowalla split.

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, FitCx, FitError, ModelInfo, Output, Query,
    Recommender, Scorer, TrainData,
};

segue_core::params! {
    /// Parameters of [`PopularityModel`].
    pub struct Popularity {
        /// Sum the weights of the likes instead of counting them.
        weighted: bool = false;
    }
}

/// One score per item.
#[derive(Debug, Clone, PartialEq)]
pub struct PopularityModel {
    scores: Vec<f32>,
}

impl Algorithm for Popularity {
    const INFO: ModelInfo = ModelInfo {
        name: "popularity",
        aliases: &["pop", "most_popular"],
        title: "Most popular",
        citation: "Cremonesi, Koren, Turrin: Performance of Recommender Algorithms on Top-N Recommendation Tasks, RecSys 2010",
        useful_for: "a floor for every comparison; guests without history",
        not_useful_for: "telling people apart: everyone gets one list",
        scale: "any log: 20 million interactions in a second",
        output: Output::Ranking,
        personalised: false,
    };
    type Model = PopularityModel;

    fn fit(&self, data: &TrainData<'_>, _: &mut FitCx<'_>) -> Result<PopularityModel, FitError> {
        let mut sums = vec![0.0_f64; data.log.n_items()];
        let likes = data.log.positives();
        for (&item, &weight) in likes.cols().iter().zip(likes.values()) {
            sums[item as usize] += if self.weighted { f64::from(weight) } else { 1.0 };
        }
        Ok(PopularityModel { scores: sums.into_iter().map(|sum| sum as f32).collect() })
    }

    fn load(from: &ArtifactReader<'_>) -> Result<PopularityModel, ArtifactError> {
        Ok(PopularityModel { scores: from.vector("scores", None)? })
    }
}

impl Recommender for PopularityModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(SameForAll { scores: &self.scores, n_queries: queries.len() })
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.tensor("scores", &[self.scores.len()], self.scores.as_slice());
        Ok(())
    }
}

struct SameForAll<'a> {
    scores: &'a [f32],
    n_queries: usize,
}

impl Scorer for SameForAll<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let n = items.len();
        for row in out.chunks_exact_mut(n.max(1)).take(self.n_queries) {
            match &items {
                Candidates::Range(range) => row.copy_from_slice(&self.scores[range.start as usize..range.end as usize]),
                Candidates::List(list) => {
                    row.iter_mut().zip(*list).for_each(|(score, &item)| *score = self.scores[item as usize]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::{Catalogue, Event, History, Interactions, Registry, Signal, Silent};

    fn fit(params: &Popularity) -> PopularityModel {
        let like = |user, item, weight, signal| Event { user, item, weight, signal, value: 1.0, time: None };
        let (yes, no) = (Signal::Positive, Signal::Negative);
        let events = vec![
            like(0, 0, 1.0, yes),
            like(1, 0, 1.0, yes),
            like(1, 1, 3.0, yes),
            like(1, 1, 3.0, yes),
            like(2, 2, 1.0, no),
        ];
        let log = Interactions::new(3, 4, events).unwrap();
        let (catalogue, registry, mut silent) = (Catalogue::default(), Registry::default(), Silent);
        let mut cx = FitCx::plain(1, &registry, &mut silent);
        params.fit(&TrainData { catalogue: &catalogue, log: &log }, &mut cx).unwrap()
    }

    #[test]
    fn likes_count_once_per_user_and_dislikes_not_at_all() {
        assert_eq!(fit(&Popularity::default()).scores, [2.0, 1.0, 0.0, 0.0]);
        assert_eq!(fit(&Popularity { weighted: true }).scores, [2.0, 3.0, 0.0, 0.0]);
    }

    #[test]
    fn everyone_gets_the_same_and_what_is_saved_is_loaded() {
        let model = fit(&Popularity::default());
        let mut out = [9.0; 4];
        model.encode(&[Query::guest(History::EMPTY); 2]).score(Candidates::List(&[1, 0]), &mut out);
        assert_eq!(out, [1.0, 2.0, 1.0, 2.0]);
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(Popularity::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);
    }
}
