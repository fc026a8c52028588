//! Neural matrix factorisation whose users are also what of their history fits the item: query, key and value.
//!
//! Xiangnan He, Zhankui He, Jingkuan Song, Zhenguang Liu, Yu-Gang Jiang, Tat-Seng Chua: *NAIS: Neural Attentive Item Similarity Model
//! for Recommendation*, TKDE 30(12), 2018, <https://arxiv.org/abs/1809.07053>, has an item attend to a history; here it does so by scaled
//! products (Ashish Vaswani and others: *Attention Is All You Need*, NIPS 2017), in the vectors of `neumf` (He, Liao, Zhang, Nie, Hu,
//! Chua: *Neural Collaborative Filtering*, WWW 2017):
//!
//! ```text
//! c_ui = Σ_{j liked by u} softmax_j((W_q q_i) · (W_k q_j) / √d) W_v q_j          the same for q' of the perceptron
//! s(u, i) = h · [(p_u + c_ui) ⊙ q_i; z_last(p'_u + c'_ui, q'_i)] + b             z as in `mlp`
//! ```
//!
//! Cost of an epoch: that of `neumf`, and O(likes · (1 + negatives) · `history_length` · (`factors` + half of the first layer)).
//!
//! Useful where histories say more than who somebody is: new users are answered by their likes at once. Not useful where time is
//! short: each pair reads the whole history.
//!
//! A history is what the user liked before the like, where the log has times, and any other likes where it has none. Training
//! does without the user's own vectors at some likes (`id_dropout`), so that histories learn to answer alone: a guest has nothing
//! else. A dislike is read like a like, with the sign of its value turned. Checked against `PyTorch` (`golden/neural/pairs.py`).

use candle_core::Tensor;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, ModelInfo, Output, ParamError, TrainData,
};

use crate::engine::{Computed, Parameter, Start, Weights};
use crate::fused::{affine, products};
use crate::layers::{Dropout, Tower, linear, linear_parameters};
use crate::optimise::{Optimisation, neural_params};
use crate::pairs::{self, PairModel, PairNet, Pairing};
use crate::reading::{Stretches, attend};

neural_params! {
    /// Parameters of neural matrix factorisation with attention.
    pub struct NeuMfAttention {
        /// Length of the vectors of the inner product.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "mf_dim", alias "embedding_dim", alias "emb_dim";
        /// Length of a user's and an item's vector of the perceptron together, then of each hidden layer.
        mlp_layers: Vec<usize> = vec![128, 64, 32, 16], alias "layers";
        /// Share of the neurons of each hidden layer that a sample does without.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
        /// Likes that are read at most, the last.
        history_length: usize = 50, range Interval::between(1.0, 4096.0), alias "max_history";
        /// Share of likes at which training does without the user's own vectors.
        id_dropout: f32 = 0.5, range Interval::between(0.0, 0.95);
    }
    training { epochs: 30, batch_size: 1024, learning_rate: 0.001, negatives: 4, loss: Bce, optimizer: LazyAdam, init_std: 0.01 }
}

/// The vectors of which both parts are made, with the names of what attends in them.
const PARTS: [&str; 2] = ["factors", "layers"];

impl NeuMfAttention {
    fn tower(&self) -> Tower<'_> {
        Tower { widths: &self.mlp_layers }
    }
}

impl Algorithm for NeuMfAttention {
    const INFO: ModelInfo = ModelInfo {
        name: "neumf_attention",
        aliases: &[],
        title: "Neural matrix factorisation with attention to the history",
        citation: "He, He, Song, Liu, Jiang, Chua: NAIS: Neural Attentive Item Similarity Model for Recommendation, TKDE 2018",
        useful_for: "histories that say more than who somebody is; new users",
        not_useful_for: "short time: each pair reads the whole history",
        scale: "a million likes; with more `two_tower`",
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

impl PairNet for NeuMfAttention {
    type Net<'a> = &'a Self;

    fn net(&self) -> &Self {
        self
    }

    fn training(&self) -> Optimisation {
        self.optimisation()
    }
}

impl Pairing for &NeuMfAttention {
    fn widths(&self) -> Vec<usize> {
        vec![self.factors, self.tower().half()]
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.tower().parameters();
        all.push(Parameter::new("output.factors", &[self.factors, 1], Start::Glorot));
        all.extend(linear_parameters("output", self.tower().last(), 1));
        for (part, width) in PARTS.iter().zip(self.widths()) {
            for (what, start) in [("query", Start::Glorot), ("key", Start::Glorot), ("value", Start::Identity)] {
                all.push(Parameter::new(format!("{part}.{what}"), &[width, width], start));
            }
        }
        all
    }

    fn users(&self, rows: &[Tensor], _: &Weights) -> Computed<Vec<Tensor>> {
        Ok(rows.to_vec())
    }

    /// The factors, what the item adds to the first layer, and what both vectors ask.
    fn items(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>> {
        let asked = |part: usize| turned(&rows[part], weights, &format!("{}.query", PARTS[part]));
        Ok(vec![rows[0].clone(), Tower::items(&rows[1], weights)?, asked(0)?, asked(1)?])
    }

    fn history(&self) -> usize {
        self.history_length
    }

    fn id_dropout(&self) -> f32 {
        self.id_dropout
    }

    /// Keys and values of each vector.
    fn said(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>> {
        let of = |(rows, part): (&Tensor, &str)| {
            ["key", "value"].map(|what| turned(rows, weights, &format!("{part}.{what}")))
        };
        rows.iter().zip(PARTS).flat_map(of).collect()
    }

    fn meet(
        &self,
        users: &[Tensor],
        items: &[Tensor],
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        // Whoever reads nothing is their own vectors alone.
        let nothing = Stretches::of((0..users[0].dim(0)?).map(|_| &[][..]));
        self.meet_reading(users, items, (&[], &nothing), weights, dropout)
    }

    fn meet_reading(
        &self,
        users: &[Tensor],
        items: &[Tensor],
        (said, liked): (&[Tensor], &Stretches),
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        let b = users[0].dim(0)?;
        let n = items[0].dim(0)?;
        let read = |part: usize| match said {
            [] => items[2 + part].zeros_like(),
            said => attend(&items[2 + part], &said[2 * part], &said[2 * part + 1], liked),
        };
        // A vector of its own for every pair.
        let of_pairs = |part: usize| {
            let width = users[part].dim(1)?;
            let own = users[part].unsqueeze(1)?.broadcast_as((b, n / b, width))?.reshape((n, width))?;
            own + read(part)?
        };
        let factors = of_pairs(0)?.broadcast_mul(&weights.get("output.factors")?.t()?)?;
        let first = Tower::users(&of_pairs(1)?, weights)?;
        let last = self.tower().meet(&first, &items[1], weights, dropout)?;
        (products(&factors, &items[0])? + linear(&last, weights, "output")?)?.reshape((b, n / b))
    }

    fn dropout(&self) -> f32 {
        self.dropout
    }
}

/// `x W`.
fn turned(x: &Tensor, weights: &Weights, name: &str) -> Computed<Tensor> {
    let weight = weights.get(name)?;
    affine(x, weight, &Tensor::zeros(weight.dim(1)?, x.dtype(), x.device())?, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_losses_and_gradients_agree_with_pytorch() {
        crate::golden::pairs_agree::<NeuMfAttention>();
    }
}
