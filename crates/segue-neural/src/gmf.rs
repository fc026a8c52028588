//! Generalised matrix factorisation: an inner product whose parts are weighed.
//!
//! Xiangnan He, Lizi Liao, Hanwang Zhang, Liqiang Nie, Xia Hu, Tat-Seng Chua: *Neural Collaborative Filtering*, WWW 2017,
//! <https://arxiv.org/abs/1708.05031>, section 3.2:
//!
//! ```text
//! s(u, i) = h · (p_u ⊙ q_i) + b
//! ```
//!
//! Cost of an epoch: O(likes · (1 + negatives) · d). Memory: three tables of each side with Adam.
//!
//! Useful as a part of `neumf`, or as a factorisation with a pointwise loss. Not useful where `mf` is tuned: it can do no more.
//!
//! Deviations: the output is a logit (the paper's sigmoid is in the loss); Adam updates the rows that a batch touches.

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, ModelInfo, Output, ParamError, TrainData,
};

use crate::ncf::Ncf;
use crate::optimise::{Optimisation, neural_params};
use crate::pairs::{self, PairModel, PairNet};

neural_params! {
    /// Parameters of generalised matrix factorisation.
    pub struct Gmf {
        /// Length of the vectors.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "mf_dim", alias "embedding_dim";
    }
    training { epochs: 50, batch_size: 1024, learning_rate: 0.001, negatives: 4, loss: Bce, optimizer: LazyAdam, init_std: 0.01 }
}

impl Algorithm for Gmf {
    const INFO: ModelInfo = ModelInfo {
        name: "gmf",
        aliases: &[],
        title: "Generalised matrix factorisation",
        citation: "He, Liao, Zhang, Nie, Hu, Chua: Neural Collaborative Filtering, WWW 2017",
        useful_for: "implicit logs; the linear half of NeuMF",
        not_useful_for: "new users in great numbers: each is folded in by gradient steps",
        scale: "a few million likes; with more `mf`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = PairModel<Self>;

    fn check(&self) -> Result<(), ParamError> {
        pairs::check(self)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Self::Model, FitError> {
        pairs::fit(self, data, cx)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        pairs::load(from)
    }
}

impl PairNet for Gmf {
    type Net<'a> = Ncf<'a>;

    fn net(&self) -> Ncf<'_> {
        Ncf { factors: Some(self.factors), tower: None, dropout: 0.0 }
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
        crate::golden::pairs_agree::<Gmf>();
    }
}
