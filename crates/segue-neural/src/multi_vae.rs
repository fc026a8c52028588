//! A variational autoencoder of histories with a multinomial likelihood.
//!
//! Dawen Liang, Rahul G. Krishnan, Matthew D. Hoffman, Tony Jebara: *Variational Autoencoders for Collaborative Filtering*, WWW
//! 2018, <https://arxiv.org/abs/1802.05814>. With `x_u` the likes of a user, `n_u` many, and half of them left out of the input:
//!
//! ```text
//! h = tanh(W₁ x_u / √n_u + b₁)        μ, ln σ² = W₂ h + b₂        z = μ + σ ε,  ε ~ N(0, I)
//! s(u, ·) = W₄ tanh(W₃ z + b₃) + b₄
//! loss = -Σ_{i liked} ln softmax(s(u, ·))_i + β · KL(N(μ, σ²) ‖ N(0, I)),      β = min(cap, t / total)  at step t
//! ```
//!
//! Cost of an epoch: 3 · users · items · (hidden + 1) multiplications with an addition, nearly all in the last layer. Memory: two
//! tables of items × hidden three times with Adam, and batch × items logits.
//!
//! Useful for likes on up to some 50,000 items, and for guests: the encoder answers any history. Not useful for larger catalogues,
//! since every user is compared with every item, nor for ratings.
//!
//! Deviations: Adam moves rows of the first layer when a batch meets their item; a dislike enters a history with its sign turned.
//! Checked against `PyTorch` (`golden/neural/autoencoders.py`).
//!
//! | name | default | meaning | range |
//! |---|---|---|---|
//! | `hidden_dims` | 600 (the paper's) | layers between items and code | |
//! | `decoder_dims` | those of `hidden_dims`, backwards (the paper's) | layers between code and items; without any, the last layer is as wide as the code | |
//! | `latent_dim` | 200 (the paper's) | length of the code | 1 to 16384 |
//! | `dropout` | .5 (the paper's) | share of a history left out | 0 to .95 |
//! | `anneal_cap`, `total_anneal_steps` | .2, 200,000 (the authors' program) | the largest β, and the steps after which it would be 1 | |

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, ModelInfo, Output, ParamError, TrainData, Work,
};

use crate::autoencoder::{self, Architecture, Autoencoder, AutoencoderModel, autoencoder_params};
use crate::optimise::Descent;

autoencoder_params! {
    /// Parameters of the variational autoencoder.
    pub struct MultiVae {
        /// The largest weight of the divergence.
        anneal_cap: f32 = 0.2, range Interval::at_least(0.0), alias "beta";
        /// Steps after which the weight of the divergence would be 1; 0: it is `anneal_cap` from the start.
        total_anneal_steps: usize = 200_000, range Interval::at_least(0.0), alias "anneal_steps";
    }
    hidden_dims: vec![600], l2: 0.0
}

impl Algorithm for MultiVae {
    const INFO: ModelInfo = ModelInfo {
        name: "multi_vae",
        aliases: &["vae", "mult_vae", "multivae"],
        title: "Multinomial variational autoencoder",
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

impl Autoencoder for MultiVae {
    fn architecture(&self) -> Architecture {
        self.layers(true)
    }

    fn training(&self) -> Descent {
        self.descent()
    }

    fn dropout(&self) -> f32 {
        self.dropout
    }

    /// The first step has none, as in the authors' program.
    fn anneal(&self, t: u64) -> f32 {
        if self.total_anneal_steps == 0 {
            return self.anneal_cap;
        }
        self.anneal_cap.min((t - 1) as f32 / self.total_anneal_steps as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_losses_and_gradients_agree_with_pytorch() {
        crate::autoencoder::tests::agrees_with_pytorch::<MultiVae>();
    }

    #[test]
    fn the_divergence_counts_more_and_more_up_to_its_cap() {
        let vae = MultiVae { anneal_cap: 0.2, total_anneal_steps: 100, ..MultiVae::default() };
        assert_eq!([1, 11, 21, 1000].map(|t| vae.anneal(t)), [0.0, 0.1, 0.2, 0.2]);
        assert_eq!(MultiVae { total_anneal_steps: 0, ..vae }.anneal(1), 0.2);
    }
}
