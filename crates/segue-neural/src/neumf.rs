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
//! Deviations: the output is a logit; Adam updates the rows that a batch touches; all parts learn together from the start.

use candle_core::Tensor;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, ModelInfo, Output, ParamError, TrainData,
};

use crate::engine::{Computed, Parameter, Start, Weights};
use crate::fused::products;
use crate::layers::{Dropout, Tower, linear, linear_parameters};
use crate::optimise::{Optimisation, neural_params};
use crate::pairs::{self, PairModel, PairNet};

neural_params! {
    /// Parameters of neural matrix factorisation.
    pub struct NeuMf {
        /// Length of the vectors of the inner product.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "mf_dim", alias "embedding_dim";
        /// Length of a user's and an item's vector of the perceptron together, then of each hidden layer.
        mlp_layers: Vec<usize> = vec![128, 64, 32, 16], alias "layers";
        /// Share of the neurons of each hidden layer that a sample does without.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
    }
    training { epochs: 50, batch_size: 1024, learning_rate: 0.001, negatives: 4, loss: Bce, optimizer: LazyAdam, init_std: 0.01 }
}

impl NeuMf {
    fn tower(&self) -> Tower<'_> {
        Tower { widths: &self.mlp_layers }
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
        pairs::fit(self, data, cx)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        pairs::load(from)
    }
}

impl PairNet for NeuMf {
    fn widths(&self) -> Vec<usize> {
        vec![self.factors, self.tower().half()]
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.tower().parameters();
        all.push(Parameter::new("output.factors", &[self.factors, 1], Start::Glorot));
        all.extend(linear_parameters("output", self.tower().last(), 1));
        all
    }

    fn users(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>> {
        let factors = rows[0].broadcast_mul(&weights.get("output.factors")?.t()?)?;
        Ok(vec![factors, Tower::users(&rows[1], weights)?])
    }

    fn items(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>> {
        Ok(vec![rows[0].clone(), Tower::items(&rows[1], weights)?])
    }

    fn meet(
        &self,
        users: &[Tensor],
        items: &[Tensor],
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        let b = users[0].dim(0)?;
        let last = self.tower().meet(&users[1], &items[1], weights, dropout)?;
        products(&users[0], &items[0])? + linear(&last, weights, "output")?.reshape((b, ()))?
    }

    fn dropout(&self) -> f32 {
        self.dropout
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
        crate::golden::pairs_agree::<NeuMf>();
    }
}
