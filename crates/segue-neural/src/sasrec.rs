//! Self-attentive sequential recommendation: what came before, weighed by attention, predicts what comes next.
//!
//! Wang-Cheng Kang, Julian `McAuley`: *Self-Attentive Sequential Recommendation*, ICDM 2018, <https://arxiv.org/abs/1808.09781>:
//!
//! ```text
//! x_j = √d e_{i_j} + p_j         the last item at the last position; without √d in the variant `s1`
//! x   = blocks of causal self-attention and of two layers at each place
//! s(i | i_1 … i_n) = norm(x)_n · e_i
//! ```
//!
//! Cost of an epoch over `t` places of sequences of mean length `n`: `6 t d (6 d + n)` operations for each block, beside those of
//! the loss (see `full_softmax`).
//!
//! Useful where the order of events says what comes next. Not useful where logs have no times, or each user a few events.
//!
//! Variants: `paper` norms what enters a layer, as the paper writes it (`x + dropout(f(norm(x)))`; its published code adds the
//! normed input instead), and places nothing before a short sequence. `s1` norms what leaves a layer (`norm(x + dropout(f(x)))`)
//! and fills sequences up with zero vectors, which real places attend to. Both project what attention found, and drop its weights.
//! The paper's loss is `bce` with one negative; full or sampled cross-entropy is clearly better (Klenitskiy, Vasilev: *Turning
//! Dross Into Gold Loss: is `BERT4Rec` really better than `SASRec`?*, `RecSys` 2023), and so the default.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, ModelInfo, Output, ParamError, TrainData,
};
use serde::{Deserialize, Serialize};

use crate::engine::{Computed, Parameter, Start, Weights};
use crate::layers::Dropout;
use crate::losses::Loss;
use crate::optimise::{Optimisation, neural_params};
use crate::sequences::{self, SequenceModel, SequenceNet};
use crate::transformer::Transformer;

/// How blocks are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Norms before layers; no padding.
    #[default]
    #[serde(alias = "pre_ln", alias = "modern")]
    Paper,
    /// Norms after layers; real places attend to padding.
    #[serde(alias = "post_ln")]
    S1,
}

neural_params! {
    /// Parameters of self-attentive sequential recommendation.
    pub struct SasRec {
        /// Length of the vectors, a multiple of `heads`.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "hidden_dim", alias "hidden_units", alias "embedding_dim";
        /// Likes that are read at most, the last.
        max_seq_len: usize = 50, range Interval::between(1.0, 4096.0), alias "maxlen", alias "max_len", alias "history_length";
        /// Blocks of attention.
        blocks: usize = 2, range Interval::between(0.0, 64.0), alias "num_blocks", alias "n_layers";
        /// Parts of a vector that attend by themselves.
        heads: usize = 2, range Interval::between(1.0, 64.0), alias "num_heads", alias "n_heads";
        /// Share of the numbers that a layer does without in training.
        dropout: f32 = 0.2, range Interval::between(0.0, 0.95), alias "dropout_rate";
        /// `paper` (norms before layers) or `s1` (norms after layers, attention to padding).
        variant: Variant = Variant::Paper;
    }
    training { epochs: 200, batch_size: 256, learning_rate: 0.001, negatives: 1, loss: FullSoftmax, optimizer: Adam, init_std: 0.02 }
}

impl SasRec {
    fn transformer(&self) -> Transformer {
        Transformer {
            blocks: self.blocks,
            heads: self.heads,
            width: self.factors,
            norm_first: self.variant == Variant::Paper,
            causal: true,
        }
    }
}

impl Algorithm for SasRec {
    const INFO: ModelInfo = ModelInfo {
        name: "sasrec",
        aliases: &[],
        title: "Self-attentive sequential recommendation",
        citation: "Kang, McAuley: Self-Attentive Sequential Recommendation, ICDM 2018",
        useful_for: "logs whose order says what comes next; sessions and guests need no training",
        not_useful_for: "logs without times, users with one or two events",
        scale: "a few million likes; above some 50,000 items with `loss=softmax` over drawn ones",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = SequenceModel<Self>;

    fn check(&self) -> Result<(), ParamError> {
        if !self.factors.is_multiple_of(self.heads) {
            let message = format!("`factors` = {} cannot be shared by `heads` = {}", self.factors, self.heads);
            return Err(ParamError::Value { model: Self::INFO.name.into(), message });
        }
        if self.loss == Loss::InBatch {
            let message = "`loss` = in_batch is for `two_tower`; full_softmax compares with all items".into();
            return Err(ParamError::Value { model: Self::INFO.name.into(), message });
        }
        self.optimisation().check(Self::INFO.name)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Self::Model, FitError> {
        sequences::fit(self, data, cx)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        sequences::load(from)
    }
}

impl SequenceNet for SasRec {
    fn width(&self) -> usize {
        self.factors
    }

    fn length(&self) -> usize {
        self.max_seq_len
    }

    fn parameters(&self) -> Vec<Parameter> {
        let start = Start::Normal(self.init_std);
        let mut all = vec![Parameter::new("positions", &[self.max_seq_len, self.factors], start)];
        all.extend(self.transformer().parameters());
        all
    }

    fn padded(&self) -> bool {
        self.variant == Variant::S1
    }

    fn states(
        &self,
        items: &Tensor,
        lengths: &Arc<[usize]>,
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        let places: Vec<u32> =
            lengths.iter().flat_map(|&n| self.max_seq_len - n..self.max_seq_len).map(|p| p as u32).collect();
        let places = Tensor::from_vec(places, items.dim(0)?, &Device::Cpu)?;
        // As its published code has it: what an item is outweighs what blocks make of it, whose results are of unit variance.
        let scale = if self.variant == Variant::Paper { (self.factors as f64).sqrt() } else { 1.0 };
        let x = ((items * scale)? + weights.get("positions")?.index_select(&places, 0)?)?;
        let x = dropout.map_or(Ok(x.clone()), |dropout| dropout.of(&x, "input"))?;
        self.transformer().of(x, lengths, weights, dropout)
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
    use serde_json::Value;

    use super::*;
    use crate::sequences::tests;

    #[test]
    fn states_losses_and_gradients_agree_with_pytorch() {
        let golden: Value = serde_json::from_str(include_str!("../../../golden/neural/sequences.json")).unwrap();
        for variant in ["paper", "s1"] {
            let mut params = golden["params"].clone();
            params["variant"] = variant.into();
            let net: SasRec = serde_json::from_value(params).unwrap();
            tests::agrees(&net, &golden, &golden[variant]);
        }
    }

    #[test]
    fn histories_of_any_length_are_learnt_from_and_answered() {
        for variant in [Variant::Paper, Variant::S1] {
            tests::reads_any_length(&SasRec { factors: 8, epochs: 2, variant, max_seq_len: 20, ..SasRec::default() });
        }
    }

    #[test]
    fn what_cannot_be_learnt_from_or_held_is_refused() {
        tests::refuses_single_likes(&SasRec::default());
        tests::refuses_what_memory_does_not_hold::<SasRec>();
    }

    #[test]
    fn a_model_of_another_vocabulary_or_architecture_is_refused() {
        let net = SasRec { factors: 8, epochs: 1, ..SasRec::default() };
        let told = tests::refusal_of(&net, &SasRec { factors: 16, ..net.clone() }, None);
        assert!(told.contains("is 8 wide, but this architecture has 16"), "{told}");
        let told = tests::refusal_of(&net, &SasRec { max_seq_len: 20, ..net.clone() }, None);
        assert!(told.contains("positions") && told.contains("[50, 8]") && told.contains("[20, 8]"), "{told}");
        let told = tests::refusal_of(&net, &net, Some(segue_core::Matrix::zeros(60, 8)));
        assert!(told.contains("beyond the 60 of the model"), "{told}");
    }

    #[test]
    fn vectors_that_heads_cannot_share_are_refused() {
        let refusal = SasRec { factors: 64, heads: 3, ..SasRec::default() }.check().unwrap_err().to_string();
        assert!(refusal.contains("`heads` = 3"), "{refusal}");
    }
}
