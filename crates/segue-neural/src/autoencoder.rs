//! Autoencoders of histories: from what somebody likes to what they would like, by way of a narrow layer.
//!
//! A history is a row with `1 / √n` at each of its `n` likes (`-1 / √n` at a dislike). The first layer is a table with a row for
//! each item, of which a batch moves those that it touches; the last is the table of [`crate::softmax`]; in between are small
//! layers. Nobody has a vector of their own: known users, users with a new history and guests are all answered by the encoder.
//!
//! Forward and backward are written by hand: the chain is short, all but the last layer is cheap, and the last one, some 97 % of
//! the work, is one fused kernel anyway. `golden/neural/autoencoders.py` has loss and gradients of the same network in `PyTorch`.
//!
//! Small layers run in fixed chunks of rows, whose gradients are summed in their order, so that the model is the same to the bit
//! at any number of threads.

use rayon::prelude::*;
use segue_core::kernels::{Block, axpy, gather_sum, hyperbolic_tangents, matmul};
use segue_core::training::adam::{LazyAdam, Moments, descend, matrix_like};
use segue_core::training::rows::{Terms, distinct};
use segue_core::training::sampler::{Positives, shuffled};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, FitCx, FitError, ItemId, Matrix, ParamError,
    Query, Recommender, Scorer, Seed, TrainData, Trainable, UserId, Work, run_epochs,
};

use crate::engine::{Parameter, Start, shaped};
use crate::optimise::{Descent, Optimizer, Pace};
use crate::softmax::{self, Liked, Mover};

/// Rows that pass the small layers together.
const CHUNK: usize = 64;

/// Layers between the tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Architecture {
    /// Widths of the layers from the items to the code.
    pub(crate) hidden: Vec<usize>,
    /// Widths of the layers from the code to the items.
    pub(crate) back: Vec<usize>,
    /// Width of the code.
    pub(crate) latent: usize,
    /// Whether the code is drawn from a normal distribution that the encoder describes.
    pub(crate) variational: bool,
}

impl Architecture {
    /// Input and output of each layer; the first one's input is the table.
    fn layers(&self) -> Vec<(usize, usize)> {
        let code = if self.variational { 2 * self.latent } else { self.latent };
        let mut all = vec![];
        let mut from = 0;
        for &width in self.hidden.iter().chain([&code]) {
            all.push((from, width));
            from = width;
        }
        from = self.latent;
        for &width in &self.back {
            all.push((from, width));
            from = width;
        }
        all
    }

    /// The layer whose output is the code.
    fn bottleneck(&self) -> usize {
        self.hidden.len()
    }

    /// Width of the rows of the first table.
    fn first(&self) -> usize {
        self.layers()[0].1
    }

    /// Width of the rows of the last table, with the bias.
    fn last(&self) -> usize {
        1 + self.back.last().unwrap_or(&self.latent)
    }

    fn bends(&self, layer: usize) -> bool {
        !(self.variational && layer == self.bottleneck())
    }

    pub(crate) fn check(&self, model: &str) -> Result<(), ParamError> {
        for (key, widths) in [("hidden_dims", &self.hidden), ("decoder_dims", &self.back)] {
            if widths.len() > 8 || !widths.iter().all(|width| (1..=16_384).contains(width)) {
                let message = format!("`{key}` = {widths:?}: at most 8 layers of 1 to 16384 neurons, e.g. [600]");
                return Err(ParamError::Value { model: model.into(), message });
            }
        }
        Ok(())
    }
}

/// What an autoencoder is beside its layers.
pub(crate) trait Autoencoder: Algorithm<Model = AutoencoderModel<Self>> {
    fn architecture(&self) -> Architecture;
    fn training(&self) -> Descent;
    /// Share of a history that a step does without.
    fn dropout(&self) -> f32;
    /// Weight of the divergence from the prior at step `t`, from 1.
    fn anneal(&self, t: u64) -> f32;
}

/// Declares the parameters of an autoencoder: its own, then those that all have.
macro_rules! autoencoder_params {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* } hidden_dims: $hidden:expr, l2: $l2:expr) => {
        crate::optimise::descent_params! {
            $(#[$meta])* pub struct $name {
                /// Widths of the layers from the items to the code.
                hidden_dims: Vec<usize> = $hidden, alias "mlp_hidden_size";
                /// Widths of the layers from the code back to the items; null: those of `hidden_dims`, backwards.
                decoder_dims: Option<Vec<usize>> = None;
                /// Length of the code.
                latent_dim: usize = 200, range segue_core::Interval::between(1.0, 16_384.0), alias "latent_dimension", alias "factors", alias "embedding_dim";
                /// Share of each history that a step does without.
                dropout: f32 = 0.5, range segue_core::Interval::between(0.0, 0.95), alias "dropout_prob";
                $($own)*
            }
            descent { epochs: 100, batch_size: 500, learning_rate: 0.001, optimizer: Adam, l2: $l2 }
        }

        impl $name {
            fn layers(&self, variational: bool) -> crate::autoencoder::Architecture {
                let mirrored = || self.hidden_dims.iter().rev().copied().collect();
                crate::autoencoder::Architecture {
                    hidden: self.hidden_dims.clone(),
                    back: self.decoder_dims.clone().unwrap_or_else(mirrored),
                    latent: self.latent_dim,
                    variational,
                }
            }
        }
    };
}
pub(crate) use autoencoder_params;

/// Trains an autoencoder.
pub(crate) fn fit<A: Autoencoder>(
    params: &A,
    data: &TrainData<'_>,
    cx: &mut FitCx<'_>,
) -> Result<AutoencoderModel<A>, FitError> {
    let mut training = Training::new(params, data, cx.seed)?;
    run_epochs(&mut training, params.training().epochs, cx, load)
}

/// Reads what [`AutoencoderModel::save`] wrote.
pub(crate) fn load<A: Autoencoder>(from: &ArtifactReader<'_>) -> Result<AutoencoderModel<A>, ArtifactError> {
    let params: A = from.meta("params")?;
    let checked = params.check_ranges(A::INFO.name).and_then(|()| params.check());
    checked.map_err(|error| from.entry("params", error.to_string()))?;
    let weights = Weights::load(&params.architecture(), from)?;
    Ok(AutoencoderModel { params, weights })
}

/// What one epoch cannot do without.
pub(crate) fn work<A: Autoencoder>(params: &A, data: &TrainData<'_>) -> Vec<Work> {
    let (architecture, how) = (params.architecture(), params.training());
    let likes = data.log.positives();
    let n_users = (0..likes.n_rows()).filter(|&u| !likes.range(u).is_empty()).count() as f64;
    let (n_items, h) = (likes.n_cols() as f64, architecture.last() as f64);
    let n_steps = (n_users / how.batch_size as f64).ceil();
    let small: usize = architecture.layers().iter().map(|(from, to)| from * to).sum();
    let kept = likes.len() as f64 * f64::from(1.0 - params.dropout());
    let by_item = likes.transpose();
    let shares = (0..likes.n_cols()).map(|i| by_item.cols_of(i).len() as f64 / likes.len().max(1) as f64);
    let touched = n_steps * distinct(shares, kept / n_steps.max(1.0));
    let first = architecture.first();
    vec![
        Work::of("first layer").rows(2.0 * kept, first, likes.n_cols()).rows(6.0 * touched, first, likes.n_cols()),
        Work::of("small layers").arithmetic(3.0 * n_users * small as f64),
        Work::of("all items").arithmetic(3.0 * n_users * n_items * h).numbers(n_steps * 6.0 * n_items * h),
    ]
}

/// Everything that is learnt.
#[derive(Debug, Clone, PartialEq)]
struct Weights {
    /// `(n_items, first)`.
    table: Matrix,
    /// Of each layer `(input + 1, output)`: weights, then the bias.
    layers: Vec<Matrix>,
    /// `(n_items, last)`: weights and the bias.
    output: Matrix,
}

impl Weights {
    fn draw(architecture: &Architecture, n_items: usize, seed: Seed) -> Self {
        let glorot = |name: &str, n_rows: usize, n_cols: usize| {
            Parameter::new(name, &[n_rows, n_cols], Start::Glorot).draw(seed)
        };
        let layer = |(n, (from, to)): (usize, (usize, usize))| {
            let mut weights = glorot(&layer_name(n), from, to);
            weights.resize((from + 1) * to, 0.0);
            Matrix::from_vec(from + 1, to, weights)
        };
        let h = architecture.last();
        let mut output = Matrix::zeros(n_items, h);
        let weights = glorot("output", n_items, h - 1);
        for (row, weights) in output.as_mut_slice().chunks_exact_mut(h).zip(weights.chunks_exact(h - 1)) {
            row[..h - 1].copy_from_slice(weights);
        }
        let first = architecture.first();
        Self {
            table: Matrix::from_vec(n_items, first, glorot("table", n_items, first)),
            layers: architecture.layers().into_iter().enumerate().map(layer).collect(),
            output,
        }
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) {
        out.matrix("table", &self.table);
        out.matrix("output", &self.output);
        for (n, layer) in self.layers.iter().enumerate() {
            out.matrix(&layer_name(n), layer);
        }
    }

    fn load(architecture: &Architecture, from: &ArtifactReader<'_>) -> Result<Self, ArtifactError> {
        let matrix = |name: &str, (n_rows, n_cols): (usize, usize)| shaped(from, name, (Some(n_rows), n_cols));
        let n_items = from.matrix("table")?.n_rows();
        let layers = architecture.layers().into_iter().enumerate();
        Ok(Self {
            table: matrix("table", (n_items, architecture.first()))?,
            layers: layers.map(|(n, (from, to))| matrix(&layer_name(n), (from + 1, to))).collect::<Result<_, _>>()?,
            output: matrix("output", (n_items, architecture.last()))?,
        })
    }
}

fn layer_name(n: usize) -> String {
    format!("layer{n}")
}

/// A history as the encoder takes it: items and what stands there.
#[derive(Debug, Clone, Default)]
struct Row {
    items: Vec<ItemId>,
    values: Vec<f32>,
}

/// Rows on their way through the layers.
struct Pass {
    n: usize,
    /// What each layer gives.
    outputs: Vec<Vec<f32>>,
    /// What the layer after the code takes: `(n, latent)`.
    code: Vec<f32>,
    /// `noise · σ` of the code, `(n, latent)`; empty where nothing is drawn.
    drawn: Vec<f32>,
}

impl Architecture {
    /// Takes some rows through all layers; `noise` is `(n, latent)`, or empty for the mean.
    fn forward(&self, weights: &Weights, rows: &[Row], noise: &[f32]) -> Pass {
        let (n, latent) = (rows.len(), self.latent);
        let mut pass = Pass { n, outputs: Vec::new(), code: Vec::new(), drawn: Vec::new() };
        for (layer, (from, to)) in self.layers().into_iter().enumerate() {
            let (given, bias) = weights.layers[layer].as_slice().split_at(from * to);
            let mut out = bias.repeat(n);
            if layer == 0 {
                let mut sum = vec![0.0; to];
                for (row, out) in rows.iter().zip(out.chunks_exact_mut(to)) {
                    gather_sum(weights.table.as_slice(), &row.items, &row.values, &mut sum);
                    axpy(1.0, &sum, out);
                }
            } else {
                let x = if layer == self.bottleneck() + 1 { &pass.code } else { &pass.outputs[layer - 1] };
                matmul(
                    (&mut out, Block::whole(n, to)),
                    (x, Block::whole(n, from)),
                    (given, Block::whole(from, to)),
                    1.0,
                    1.0,
                );
            }
            if self.bends(layer) {
                hyperbolic_tangents(&mut out);
            }
            if layer == self.bottleneck() {
                // Mean and logarithm of the variance side by side.
                pass.code = out.chunks_exact(to).flat_map(|row| &row[..latent]).copied().collect();
                if !noise.is_empty() {
                    let variances = out.chunks_exact(to).flat_map(|row| &row[latent..]);
                    pass.drawn = variances.zip(noise).map(|(v, noise)| noise * (0.5 * v).exp()).collect();
                    axpy(1.0, &pass.drawn, &mut pass.code);
                }
            }
            pass.outputs.push(out);
        }
        pass
    }

    /// What the last table meets, `(n, last)`: the last layer with a 1 for the bias.
    fn last_of(&self, pass: &Pass) -> Vec<f32> {
        let h = self.last();
        let layer = if self.back.is_empty() { &pass.code } else { &pass.outputs[pass.outputs.len() - 1] };
        layer.chunks_exact(h - 1).flat_map(|row| row.iter().copied().chain([1.0])).collect()
    }

    /// Sum over the rows of the divergence of what codes are drawn from, from a standard normal distribution.
    fn divergence(&self, pass: &Pass) -> f64 {
        let described = pass.outputs[self.bottleneck()].chunks_exact(2 * self.latent);
        let parts = described.flat_map(|row| row[..self.latent].iter().zip(&row[self.latent..]));
        parts.map(|(mean, v)| 0.5 * f64::from(v.exp() - v + mean * mean - 1.0)).sum()
    }

    /// Gradients of the layers and, `(n, first)`, of what the table gives, from that of what the last table meets and a weight
    /// of the divergence of each row.
    fn backward(&self, weights: &Weights, pass: &Pass, of_last: &[f32], divergence: f32) -> (Vec<Vec<f32>>, Vec<f32>) {
        let (n, latent, layers) = (pass.n, self.latent, self.layers());
        let mut slope: Vec<f32> =
            of_last.chunks_exact(self.last()).flat_map(|row| &row[..row.len() - 1]).copied().collect();
        let mut gradients = vec![Vec::new(); layers.len()];
        for (layer, &(from, to)) in layers.iter().enumerate().rev() {
            let out = &pass.outputs[layer];
            if layer == self.bottleneck() && self.variational {
                let of_code = std::mem::replace(&mut slope, vec![0.0; n * to]);
                for row in 0..n {
                    for c in 0..latent {
                        let (at, mean, g) = (row * latent + c, row * to + c, of_code[row * latent + c]);
                        let spread = mean + latent;
                        let drawn = pass.drawn.get(at).copied().unwrap_or(0.0);
                        slope[mean] = g + divergence * out[mean];
                        slope[spread] = 0.5 * (g * drawn + divergence * (out[spread].exp() - 1.0));
                    }
                }
            }
            if self.bends(layer) {
                slope.iter_mut().zip(out).for_each(|(g, y)| *g *= 1.0 - y * y);
            }
            let mut gradient = vec![0.0; (from + 1) * to];
            let (of_weights, of_bias) = gradient.split_at_mut(from * to);
            slope.chunks_exact(to).for_each(|row| axpy(1.0, row, of_bias));
            if layer > 0 {
                let x = if layer == self.bottleneck() + 1 { &pass.code } else { &pass.outputs[layer - 1] };
                matmul(
                    (of_weights, Block::whole(from, to)),
                    (x, Block::turned(n, from)),
                    (&slope, Block::whole(n, to)),
                    1.0,
                    0.0,
                );
                let given = &weights.layers[layer].as_slice()[..from * to];
                let mut of_x = vec![0.0; n * from];
                matmul(
                    (&mut of_x, Block::whole(n, from)),
                    (&slope, Block::whole(n, to)),
                    (given, Block::turned(from, to)),
                    1.0,
                    0.0,
                );
                slope = of_x;
            }
            gradients[layer] = gradient;
        }
        (gradients, slope)
    }
}

/// A trained autoencoder.
#[derive(Debug)]
pub struct AutoencoderModel<A> {
    params: A,
    weights: Weights,
}

#[expect(private_bounds, reason = "nothing in here is public")]
impl<A: Autoencoder> AutoencoderModel<A> {
    /// A history as the encoder takes it.
    fn row(&self, query: &Query<'_>) -> Row {
        let known =
            query.history.signed().into_iter().filter(|&(item, _)| (item as usize) < self.weights.table.n_rows());
        let known: Vec<(ItemId, f32)> = known.collect();
        let share = 1.0 / (known.len() as f32).sqrt();
        let signed = known.into_iter().map(|(item, strength)| (item, if strength < 0.0 { -share } else { share }));
        let (items, values) = signed.unzip();
        Row { items, values }
    }
}

impl<A: Autoencoder> Recommender for AutoencoderModel<A> {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let architecture = self.params.architecture();
        let rows: Vec<Row> = queries.iter().map(|query| self.row(query)).collect();
        let last = architecture.last_of(&architecture.forward(&self.weights, &rows, &[]));
        Box::new(DotScorer {
            queries: Matrix::from_vec(queries.len(), architecture.last(), last),
            items: &self.weights.output,
            item_bias: None,
            query_bias: None,
        })
    }

    fn likeness(&self, item: ItemId) -> Option<&[f32]> {
        let row = self.weights.output.row(item as usize);
        Some(&row[..row.len() - 1])
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        self.weights.save(out);
        out.meta("params", &self.params)
    }
}

/// What a step moves.
#[derive(Debug)]
struct Learner {
    architecture: Architecture,
    how: Descent,
    weights: Weights,
    table_steps: LazyAdam,
    layer_moments: Vec<Moments>,
    output_moments: Moments,
    /// Room for the logits of a batch.
    logits: Vec<f32>,
}

/// Some users of a step: what they like, what of it the encoder sees, the noise of their codes.
struct Batch<'a> {
    liked: Liked,
    rows: &'a [Row],
    /// `(b, latent)`, or empty.
    noise: &'a [f32],
    /// Weight of the divergence.
    anneal: f32,
}

impl Learner {
    fn new(architecture: Architecture, how: Descent, weights: Weights) -> Self {
        Self {
            table_steps: LazyAdam::with(how.betas, &weights.table),
            layer_moments: weights.layers.iter().map(Moments::of).collect(),
            output_moments: Moments::of(&weights.output),
            architecture,
            how,
            weights,
            logits: Vec::new(),
        }
    }

    /// Step `t`, from 1, of size `rate`: the mean loss of the batch before it.
    fn step(&mut self, batch: &Batch<'_>, (t, rate): (u64, f32)) -> f64 {
        let Self { architecture, weights, how, .. } = self;
        let (b, latent, h) = (batch.rows.len(), architecture.latent, architecture.last());
        let noise = |chunk: usize| {
            let end = batch.noise.len().min((chunk + 1) * CHUNK * latent);
            &batch.noise[end.min(chunk * CHUNK * latent)..end]
        };
        let chunks = batch.rows.par_chunks(CHUNK).enumerate();
        let passes: Vec<Pass> = chunks.map(|(n, rows)| architecture.forward(weights, rows, noise(n))).collect();
        let x: Vec<f32> = passes.iter().flat_map(|pass| architecture.last_of(pass)).collect();
        let mover = Mover::new(how, rate, t);
        let output = (&mut weights.output, &mut self.output_moments);
        let (mut loss, of_x) = softmax::step(output, &x, &batch.liked, mover, &mut self.logits);
        if architecture.variational {
            let divergence = passes.iter().map(|pass| architecture.divergence(pass)).sum::<f64>();
            loss += f64::from(batch.anneal) * divergence / b as f64;
        }

        let chunks = passes.par_iter().zip(of_x.par_chunks(CHUNK * h));
        let back = |(pass, of_x)| architecture.backward(weights, pass, of_x, batch.anneal / b as f32);
        let (gradients, of_table): (Vec<_>, Vec<_>) = chunks.map(back).unzip();
        for (n, (layer, moments)) in weights.layers.iter_mut().zip(&mut self.layer_moments).enumerate() {
            let mut sum = vec![0.0; layer.as_slice().len()];
            for chunk in &gradients {
                axpy(1.0, &chunk[n], &mut sum);
            }
            let bias = layer.as_slice().len() - layer.n_cols();
            let (of_weights, of_biases) = sum.split_at_mut(bias);
            let (weights, biases) = layer.as_mut_slice().split_at_mut(bias);
            let (m, m_bias) = moments.first.as_mut_slice().split_at_mut(bias);
            let (v, v_bias) = moments.second.as_mut_slice().split_at_mut(bias);
            mover.step(weights, (m, v), of_weights, true);
            mover.step(biases, (m_bias, v_bias), of_biases, false);
        }

        let mut terms = Terms::default();
        let mut met = vec![false; weights.table.n_rows()];
        for (n, row) in batch.rows.iter().enumerate() {
            for (&item, &value) in row.items.iter().zip(&row.values) {
                // The penalty of a row counts once a step.
                let first = !std::mem::replace(&mut met[item as usize], true);
                terms.push(item, n as u32, value, f32::from(u8::from(first)));
            }
        }
        let gradients = terms.sum(&of_table.concat(), architecture.first());
        if how.optimizer == Optimizer::Sgd {
            descend(&mut weights.table, &gradients, rate, how.l2);
        } else {
            self.table_steps.update(&mut weights.table, &gradients, rate, how.decay());
        }
        loss
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        self.weights.save(out);
        out.scope("adam_table", |out| self.table_steps.save(out))?;
        out.scope("adam_output", |out| self.output_moments.save(out));
        for (n, moments) in self.layer_moments.iter().enumerate() {
            out.scope(&format!("adam_{}", layer_name(n)), |out| moments.save(out));
        }
        Ok(())
    }

    fn load(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        matrix_like(from, "table", &self.weights.table)?;
        matrix_like(from, "output", &self.weights.output)?;
        self.weights = Weights::load(&self.architecture, from)?;
        self.table_steps.load(&from.scope("adam_table"))?;
        self.output_moments.load(&from.scope("adam_output"))?;
        for (n, moments) in self.layer_moments.iter_mut().enumerate() {
            moments.load(&from.scope(&format!("adam_{}", layer_name(n))))?;
        }
        Ok(())
    }
}

struct Training<'a, A> {
    params: &'a A,
    positives: Positives,
    seed: Seed,
    learner: Learner,
    pace: Pace,
}

impl<'a, A: Autoencoder> Training<'a, A> {
    fn new(params: &'a A, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let positives = Positives::new(data, A::INFO.name)?;
        let (how, architecture) = (params.training(), params.architecture());
        fits(A::INFO.name, how.batch_size.min(positives.active().len()), data.log.n_items())?;
        let weights = Weights::draw(&architecture, data.log.n_items(), seed.named("init"));
        Ok(Self { params, positives, seed, learner: Learner::new(architecture, how, weights), pace: Pace::new() })
    }

    /// The likes of a user as a step sees them: scaled to length 1, then some of them left out and the others grown.
    fn row(&self, user: UserId, draws: Seed) -> Row {
        let items = self.positives.likes().cols_of(user as usize);
        let kept = 1.0 - self.params.dropout();
        let value = 1.0 / ((items.len() as f32).sqrt() * kept);
        let mut stream = draws.stream();
        let items: Vec<ItemId> = items.iter().copied().filter(|_| stream.unit() < f64::from(kept)).collect();
        Row { values: vec![value; items.len()], items }
    }
}

/// Whether the logits of a batch of `n_users` fit into memory.
fn fits(model: &str, n_users: usize, n_items: usize) -> Result<(), FitError> {
    const LIMIT_MIB: u64 = 4096;
    let needed_mib = (n_users as u64).saturating_mul(4 * n_items as u64) >> 20;
    if needed_mib <= LIMIT_MIB {
        return Ok(());
    }
    Err(FitError::Memory {
        what: format!("a step of `{model}` over {n_users} users and {n_items} items"),
        needed_mib,
        limit_mib: LIMIT_MIB,
        way_out: format!("lower `batch_size` to {}", (LIMIT_MIB << 20) / (4 * n_items as u64)),
    })
}

impl<A: Autoencoder> Trainable for Training<'_, A> {
    type Model = AutoencoderModel<A>;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let seed = self.seed.named("epoch").at(epoch as u64);
        let (left_out, noise_of) = (seed.named("dropout"), seed.named("noise"));
        let order = shuffled(self.positives.active().len(), seed);
        let Architecture { latent, variational, .. } = self.learner.architecture;
        let size = self.learner.how.batch_size;
        let mut sum = 0.0;
        for (n, batch) in order.chunks(size).enumerate() {
            let users: Vec<UserId> = batch.iter().map(|&at| self.positives.active()[at as usize]).collect();
            let draws = |of: Seed, row: usize| of.at((n * size + row) as u64);
            let rows = users.par_iter().enumerate();
            let rows: Vec<Row> = rows.map(|(row, &user)| self.row(user, draws(left_out, row))).collect();
            let mut noise = vec![0.0; if variational { users.len() * latent } else { 0 }];
            noise.par_chunks_mut(latent).enumerate().for_each(|(row, noise)| {
                let mut stream = draws(noise_of, row).stream();
                noise.fill_with(|| stream.normal() as f32);
            });
            let liked = Liked::of(users.iter().map(|&user| self.positives.likes().cols_of(user as usize)));
            let pace = self.pace.next(&self.learner.how, epoch);
            let batch = Batch { liked, rows: &rows, noise: &noise, anneal: self.params.anneal(pace.0) };
            let loss = self.learner.step(&batch, pace);
            if !loss.is_finite() {
                return Err(FitError::Diverged { epoch, step: Some(n + 1), loss });
            }
            sum += loss * users.len() as f64;
        }
        let mean = sum / order.len() as f64;
        self.pace.hear(&self.learner.how, mean);
        Ok(mean)
    }

    fn snapshot(&self) -> AutoencoderModel<A> {
        AutoencoderModel { params: self.params.clone(), weights: self.learner.weights.clone() }
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        self.learner.save(out)?;
        out.meta("pace", &self.pace)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.learner.load(from)?;
        self.pace = from.meta("pace")?;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use segue_core::Registry;
    use serde_json::{Value, json};

    use super::*;

    fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn close(found: &[f32], wanted: &[f32], what: &str) {
        assert_eq!(found.len(), wanted.len(), "{what}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() <= 1e-5 * wanted.abs().max(1.0), "{what}: {found} for {wanted}");
        }
    }

    /// Weights of a case, by way of an artifact, as a saved model's come.
    fn weights(architecture: &Architecture, of: &Value) -> Weights {
        let mut writer = ArtifactWriter::new();
        for (name, tensor) in of.as_object().unwrap() {
            writer.tensor(name, &numbers::<Vec<usize>>(&tensor["shape"]), numbers::<Vec<f32>>(&tensor["values"]));
        }
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        Weights::load(architecture, &ArtifactReader::open(&bytes, &registry).unwrap()).unwrap()
    }

    /// Fails where an autoencoder is not the one of `golden/neural/autoencoders.py`: loss, gradients, answers. A step of plain
    /// descent of size 1 tells the gradients.
    pub(crate) fn agrees_with_pytorch<A: Autoencoder>() {
        let golden: Value = serde_json::from_str(include_str!("../../../golden/neural/autoencoders.json")).unwrap();
        let (liked, kept): (Vec<Vec<ItemId>>, Vec<Vec<ItemId>>) = (numbers(&golden["liked"]), numbers(&golden["kept"]));
        let share = 1.0 - golden["dropout"].as_f64().unwrap() as f32;
        for case in golden["models"][A::INFO.name].as_array().unwrap() {
            let params = json!({
                "hidden_dims": case["hidden_dims"], "decoder_dims": case["decoder_dims"], "latent_dim": golden["latent_dim"], "optimizer": "sgd", "learning_rate": 1.0,
                "l2": 0.0,
            });
            let params: A = serde_json::from_value(params).unwrap();
            let architecture = params.architecture();
            let before = weights(&architecture, &case["weights"]);
            let what = |of: &str| format!("{} {:?}, {of}", A::INFO.name, architecture.hidden);

            let whole: Vec<Row> = liked
                .iter()
                .map(|items| Row { items: items.clone(), values: vec![1.0 / (items.len() as f32).sqrt(); items.len()] })
                .collect();
            let last = architecture.last_of(&architecture.forward(&before, &whole, &[]));
            let mut answers = vec![0.0; liked.len() * before.output.n_rows()];
            segue_core::kernels::matmul_nt(&last, before.output.as_slice(), architecture.last(), &mut answers);
            close(&answers, &numbers::<Vec<f32>>(&case["answers"]), &what("answers"));

            let rows = kept
                .iter()
                .zip(&whole)
                .map(|(items, whole)| Row { items: items.clone(), values: vec![whole.values[0] / share; items.len()] });
            let rows: Vec<Row> = rows.collect();
            let noise: Vec<f32> = numbers(&case["noise"]);
            let liked = Liked::of(liked.iter().map(Vec::as_slice));
            let batch = Batch { liked, rows: &rows, noise: &noise, anneal: golden["anneal"].as_f64().unwrap() as f32 };
            let mut learner = Learner::new(architecture.clone(), params.training(), before.clone());
            let loss = learner.step(&batch, (1, 1.0)) as f32;
            close(&[loss], &[case["loss"].as_f64().unwrap() as f32], &what("loss"));
            let wanted = weights(&architecture, &case["gradients"]);
            let gradient = |before: &Matrix, after: &Matrix, wanted: &Matrix, of: &str| {
                let found: Vec<f32> = before.as_slice().iter().zip(after.as_slice()).map(|(a, b)| a - b).collect();
                close(&found, wanted.as_slice(), &what(of));
            };
            gradient(&before.table, &learner.weights.table, &wanted.table, "first table");
            gradient(&before.output, &learner.weights.output, &wanted.output, "last table");
            for (n, wanted) in wanted.layers.iter().enumerate() {
                gradient(&before.layers[n], &learner.weights.layers[n], wanted, &layer_name(n));
            }
        }
    }

    #[test]
    fn a_batch_that_memory_does_not_hold_is_refused_with_one_that_it_does() {
        assert!(fits("multi_vae", 500, 40_981).is_ok());
        let refusal = fits("multi_vae", 100_000, 40_981).unwrap_err().to_string();
        let size: usize = refusal.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(refusal.contains("`batch_size`") && fits("multi_vae", size, 40_981).is_ok(), "{refusal}");
    }

    #[test]
    fn a_code_is_as_wide_as_what_describes_it() {
        let of = |hidden: &[usize], variational| Architecture {
            hidden: hidden.to_vec(),
            back: hidden.iter().rev().copied().collect(),
            latent: 3,
            variational,
        };
        assert_eq!(of(&[], false).layers(), [(0, 3)]);
        assert_eq!(of(&[5, 4], true).layers(), [(0, 5), (5, 4), (4, 6), (3, 4), (4, 5)]);
        assert_eq!((of(&[], true).first(), of(&[], true).last(), of(&[5, 4], true).last()), (6, 4, 6));
        assert!(of(&[0], true).check("multi_vae").unwrap_err().to_string().contains("`hidden_dims`"));
    }
}
