//! Neural matrix factorisation: a weighed inner product and a perceptron, each with vectors of its own, behind one output.
//!
//! Xiangnan He, Lizi Liao, Hanwang Zhang, Liqiang Nie, Xia Hu, Tat-Seng Chua: *Neural Collaborative Filtering*, WWW 2017,
//! <https://arxiv.org/abs/1708.05031>, section 3.4:
//!
//! ```text
//! s(u, i) = h · [p_u ⊙ q_i; z_last(p'_u, q'_i)] + b        z as in `mlp`
//! ```
//!
//! Cost of an epoch: that of `gmf` and that of `mlp`.
//!
//! Useful as the field's common neural baseline. Not useful where time is short: `mf` and `ease` are stronger for less (Rendle,
//! Krichene, Zhang, Anderson: *Neural Collaborative Filtering vs. Matrix Factorization Revisited*, `RecSys` 2020).
//!
//! With `pretrain_epochs` the two parts are `gmf` and `mlp` first, trained for themselves; their outputs are weighed by `pretrain_share`
//! and what is left of it (section 3.4.1 of the paper, where both are one half), and all parts learn together from there.
//!
//! Deviations: the output is a logit; Adam updates the rows that a batch touches; all parts learn together from the start unless
//! `pretrain_epochs` says otherwise.

use segue_core::kernels::{axpy, scale};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, Matrix, ModelInfo, Output, ParamError, Seed,
    TrainData,
};

use crate::engine::Dense;
use crate::layers::Tower;
use crate::ncf::{BESIDE, BIAS, Ncf, OUTPUT};
use crate::optimise::{Optimisation, neural_params};
use crate::pairs::{self, PairModel, PairNet, Pairing as _, Parts};

neural_params! {
    /// Parameters of neural matrix factorisation.
    pub struct NeuMf {
        /// Length of the vectors of the inner product.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "mf_dim", alias "embedding_dim";
        /// Length of a user's and an item's vector of the perceptron together, then of each hidden layer.
        mlp_layers: Vec<usize> = vec![128, 64, 32, 16], alias "layers";
        /// Share of the neurons of each hidden layer that a sample does without.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
        /// Epochs in which both parts are trained for themselves first.
        pretrain_epochs: usize = 0, range Interval::at_least(0.0);
        /// Weight of the inner product's output in the beginning, where it was trained for itself.
        pretrain_share: f32 = 0.5, range Interval::between(0.0, 1.0), alias "alpha";
    }
    training { epochs: 50, batch_size: 1024, learning_rate: 0.001, negatives: 4, loss: Bce, optimizer: LazyAdam, init_std: 0.01 }
}

impl NeuMf {
    fn tower(&self) -> Tower<'_> {
        Tower { widths: &self.mlp_layers }
    }

    /// Both parts, trained for themselves.
    fn pretrained(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<[Parts; 2], FitError> {
        let how = || (Self::INFO.name, self.optimisation(), self.pretrain_epochs);
        let factors = Ncf { tower: None, ..self.net() };
        let layers = Ncf { factors: None, ..self.net() };
        let first = pairs::pretrained(factors, how(), data, ("pre-training of the inner product", &mut *cx))?;
        Ok([first, pairs::pretrained(layers, how(), data, ("pre-training of the perceptron", cx))?])
    }

    /// One model of both parts.
    fn joined(&self, [factors, layers]: &[Parts; 2], seed: Seed) -> Parts {
        let side = |left: &Matrix, right: &Matrix| {
            let rows = (0..left.n_rows()).flat_map(|row| left.row(row).iter().chain(right.row(row)).copied());
            Matrix::from_vec(left.n_rows(), left.n_cols() + right.n_cols(), rows.collect())
        };
        let mut dense = Dense::draw(&self.net().parameters(), seed);
        for name in layers.dense.names() {
            dense.values_mut(name).copy_from_slice(layers.dense.values(name));
        }
        dense.values_mut(BESIDE).copy_from_slice(factors.dense.values(OUTPUT));
        let share = self.pretrain_share;
        for (name, share) in [(BESIDE, share), (OUTPUT, 1.0 - share), (BIAS, 1.0 - share)] {
            scale(share, dense.values_mut(name));
        }
        axpy(share, factors.dense.values(BIAS), dense.values_mut(BIAS));
        let (users, items) = (side(&factors.users, &layers.users), side(&factors.items, &layers.items));
        Parts { users, items, dense }
    }
}

impl Algorithm for NeuMf {
    const INFO: ModelInfo = ModelInfo {
        name: "neumf",
        aliases: &["ncf"],
        title: "Neural matrix factorisation",
        citation: "He, Liao, Zhang, Nie, Hu, Chua: Neural Collaborative Filtering, WWW 2017",
        useful_for: "comparisons: the common neural baseline",
        not_useful_for: "short time; a tuned inner product is as good",
        scale: "a few million likes; with more `mf`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = PairModel<Self>;

    fn check(&self) -> Result<(), ParamError> {
        self.tower().check(Self::INFO.name)?;
        pairs::check(self)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Self::Model, FitError> {
        // A checkpoint has left it behind.
        if self.pretrain_epochs == 0 || cx.resume.is_some() {
            return pairs::fit(self, data, cx);
        }
        let parts = self.pretrained(data, cx)?;
        pairs::fit_from(self, Some(self.joined(&parts, cx.seed)), data, cx)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        pairs::load(from)
    }
}

impl PairNet for NeuMf {
    type Net<'a> = Ncf<'a>;

    fn net(&self) -> Ncf<'_> {
        Ncf { factors: Some(self.factors), tower: Some(self.tower()), dropout: self.dropout }
    }

    fn training(&self) -> Optimisation {
        self.optimisation()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use segue_core::{Candidates, FitEvent, Halt, Query, Recommender as _, Registry, Silent, Trainer, Watch};
    use segue_testkit::{World, likes};

    use super::*;

    #[test]
    fn scores_losses_and_gradients_agree_with_pytorch() {
        crate::golden::pairs_agree::<NeuMf>();
    }

    /// Has had enough from the second epoch of each part on.
    #[derive(Default)]
    struct Hasty(Vec<(&'static str, u64)>);

    impl Watch for Hasty {
        fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
            match event {
                FitEvent::Progress { stage, done, total } => {
                    self.0.push((stage, *done));
                    if *done > 0 && done < total { ControlFlow::Break(Halt::Finish) } else { ControlFlow::Continue(()) }
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }

    #[test]
    fn pre_training_ends_where_time_is_up() {
        let World { catalogue, log, .. } = World::of(likes(3, 3, &[(0, 0), (1, 1), (2, 2)]));
        let (registry, mut hasty) = (Registry::default(), Hasty::default());
        let net = NeuMf { factors: 2, mlp_layers: vec![4, 2], epochs: 1, pretrain_epochs: 9, ..NeuMf::default() };
        let mut cx = FitCx {
            seed: Seed::new(1),
            trainer: Trainer::default(),
            validator: None,
            watch: &mut hasty,
            registry: &registry,
            resume: None,
        };
        net.fit(&TrainData { catalogue: &catalogue, log: &log }, &mut cx).unwrap();
        let epochs: Vec<u64> = hasty.0.iter().map(|(_, done)| *done).collect();
        assert_eq!(epochs, [0, 1, 9, 0, 1, 9], "{:?}", hasty.0);
    }

    /// Right after pre-training, a score is the weighed sum of the two parts' scores.
    #[test]
    fn pre_training_begins_with_both_parts() {
        let pairs: Vec<_> =
            (0..12).flat_map(|u| (0..12).filter(move |i| (u + i) % 3 == 0).map(move |i| (u, i))).collect();
        let World { catalogue, log, .. } = World::of(likes(12, 12, &pairs));
        let data = TrainData { catalogue: &catalogue, log: &log };
        let (registry, mut silent) = (Registry::default(), Silent);
        let small = NeuMf { factors: 3, mlp_layers: vec![4, 4], learning_rate: 0.05, epochs: 0, ..NeuMf::default() };
        let score = |share: f32| {
            let net = NeuMf { pretrain_epochs: 3, pretrain_share: share, ..small.clone() };
            let model = net.fit(&data, &mut FitCx::plain(1, &registry, &mut silent)).unwrap();
            let mut scores = vec![0.0; 12];
            let query = Query { user: Some(0), history: log.user(0) };
            model.encode(&[query]).score(Candidates::Range(0..12), &mut scores);
            scores
        };
        let [layers, factors, both] = [0.0, 1.0, 0.25].map(score);
        assert_ne!(layers, factors);
        for ((layers, factors), both) in layers.iter().zip(factors).zip(both) {
            assert!((0.75 * layers + 0.25 * factors - both).abs() < 1e-5, "{layers}, {factors}: {both}");
        }
    }
}
