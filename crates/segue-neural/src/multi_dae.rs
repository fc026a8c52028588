//! A denoising autoencoder of histories with a multinomial likelihood.
//!
//! Dawen Liang, Rahul G. Krishnan, Matthew D. Hoffman, Tony Jebara: *Variational Autoencoders for Collaborative Filtering*, WWW
//! 2018, <https://arxiv.org/abs/1802.05814>: `multi_vae` without a distribution of codes, held back by a penalty instead. With half
//! of the `n_u` likes `x_u` left out of the input:
//!
//! ```text
//! z = tanh(W₁ x_u / √n_u + b₁)        s(u, ·) = W₂ z + b₂
//! loss = -Σ_{i liked} ln softmax(s(u, ·))_i + l2 / 2 · |W|²
//! ```
//!
//! Cost of an epoch: 3 · users · items · (latent + 1) multiplications with an addition. Memory: two tables of items × latent
//! three times with Adam, and batch × items logits.
//!
//! Useful for likes on up to some 50,000 items, and for guests: the encoder answers any history. Not useful for larger catalogues,
//! since every user is compared with every item, nor for ratings.
//!
//! Deviations: as those of `multi_vae`; the penalty of a row of the first layer counts when its item is met.
//! Checked against `PyTorch` (`golden/neural/autoencoders.py`).
//!
//! | name | default | meaning | range |
//! |---|---|---|---|
//! | `hidden_dims` | none (the paper's) | layers between items and code | |
//! | `decoder_dims` | those of `hidden_dims`, backwards (the paper's) | layers between code and items; without any, the last layer is as wide as the code | |
//! | `latent_dim` | 200 (the paper's) | length of the code | 1 to 16384 |
//! | `dropout` | .5 (the paper's) | share of a history left out | 0 to .95 |
//! | `l2` | 4e-5 (.01 / 500 of the authors' program, which takes twice the half square) | penalty | at least 0 |

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, ModelInfo, Output, ParamError, TrainData, Work,
};

use crate::autoencoder::{self, Architecture, Autoencoder, AutoencoderModel, autoencoder_params};
use crate::optimise::Descent;

autoencoder_params! {
    /// Parameters of the denoising autoencoder.
    pub struct MultiDae {}
    hidden_dims: vec![], l2: 4e-5
}

impl Algorithm for MultiDae {
    const INFO: ModelInfo = ModelInfo {
        name: "multi_dae",
        aliases: &["dae", "mult_dae", "multidae"],
        title: "Multinomial denoising autoencoder",
        citation: "Liang, Krishnan, Hoffman, Jebara: Variational Autoencoders for Collaborative Filtering, WWW 2018",
        useful_for: "likes on up to some 50,000 items; instant answers to guests",
        not_useful_for: "larger catalogues: every user is compared with every item; ratings",
        scale: "30,000 users and 40,000 items; with more `ials`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = AutoencoderModel<Self>;

    fn check(&self) -> Result<(), ParamError> {
        self.architecture().check(Self::INFO.name)?;
        self.descent().check(Self::INFO.name)
    }

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        autoencoder::work(self, data)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Self::Model, FitError> {
        autoencoder::fit(self, data, cx)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        autoencoder::load(from)
    }
}

impl Autoencoder for MultiDae {
    fn architecture(&self) -> Architecture {
        self.layers(false)
    }

    fn training(&self) -> Descent {
        self.descent()
    }

    fn dropout(&self) -> f32 {
        self.dropout
    }

    fn anneal(&self, _: u64) -> f32 {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_losses_and_gradients_agree_with_pytorch() {
        crate::autoencoder::tests::agrees_with_pytorch::<MultiDae>();
    }
}
