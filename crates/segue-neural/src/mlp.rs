//! A multi-layer perceptron over the vectors of a user and an item.
//!
//! Xiangnan He, Lizi Liao, Hanwang Zhang, Liqiang Nie, Xia Hu, Tat-Seng Chua: *Neural Collaborative Filtering*, WWW 2017,
//! <https://arxiv.org/abs/1708.05031>, section 3.3:
//!
//! ```text
//! z₁ = relu(W₁ [p_u; q_i] + b₁)        zₙ = relu(Wₙ zₙ₋₁ + bₙ)        s(u, i) = h · z_last + b
//! ```
//!
//! Cost of an epoch: O(likes · (1 + negatives) · Σ widths of neighbouring layers).
//!
//! Useful as a part of `neumf`. Not useful alone: an inner product ranks better for less (Steffen Rendle, Walid Krichene, Li
//! Zhang, John Anderson: *Neural Collaborative Filtering vs. Matrix Factorization Revisited*, `RecSys` 2020).
//!
//! Deviations: the output is a logit; Adam updates the rows that a batch touches.

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, ModelInfo, Output, ParamError, TrainData,
};

use crate::layers::Tower;
use crate::ncf::Ncf;
use crate::optimise::{Optimisation, neural_params};
use crate::pairs::{self, PairModel, PairNet};

neural_params! {
    /// Parameters of the perceptron over pairs.
    pub struct Mlp {
        /// Length of a user's and an item's vector together, then of each hidden layer.
        mlp_layers: Vec<usize> = vec![128, 64, 32, 16], alias "layers";
        /// Share of the neurons of each hidden layer that a sample does without.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
    }
    training { epochs: 50, batch_size: 1024, learning_rate: 0.001, negatives: 4, loss: Bce, optimizer: LazyAdam, init_std: 0.01 }
}

impl Mlp {
    fn tower(&self) -> Tower<'_> {
        Tower { widths: &self.mlp_layers }
    }
}

impl Algorithm for Mlp {
    const INFO: ModelInfo = ModelInfo {
        name: "mlp",
        aliases: &[],
        title: "Multi-layer perceptron over users and items",
        citation: "He, Liao, Zhang, Nie, Hu, Chua: Neural Collaborative Filtering, WWW 2017",
        useful_for: "the non-linear half of NeuMF",
        not_useful_for: "ranking alone: an inner product does better for less",
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
        pairs::fit(self, data, cx)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        pairs::load(from)
    }
}

impl PairNet for Mlp {
    type Net<'a> = Ncf<'a>;

    fn net(&self) -> Ncf<'_> {
        Ncf { factors: None, tower: Some(self.tower()), dropout: self.dropout }
    }

    fn training(&self) -> Optimisation {
        self.optimisation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_losses_and_gradients_agree_with_pytorch() {
        crate::golden::pairs_agree::<Mlp>();
    }
}
