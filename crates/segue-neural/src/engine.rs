//! The bridge to the autodiff engine: small dense parameters, gradients, errors.
//!
//! Tables of embeddings never enter the engine: a step gathers the rows it needs into leaves. What does enter whole is small,
//! and is kept here, on our side, between steps.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use segue_core::kernels::axpy;
use segue_core::training::adam::{Adam, Decay};
use segue_core::{ArtifactError, ArtifactReader, ArtifactWriter, FitError, Matrix, Seed};

use crate::optimise::{Descent, Optimizer, Pace};

/// What comes of the engine.
pub(crate) type Computed<T> = candle_core::Result<T>;

/// Numbers that the engine works on without help: operations on more it shares out among threads of its own, one operation at
/// a time for all of ours, which wait for it.
pub(crate) const ALONE: usize = (1 << 16) - 1;

/// Cuts a list into pieces of at most `most` members, of which each piece but one of a single member is worked on
/// [alone](ALONE); `numbers` is how many a member has.
pub(crate) fn shards<T>(all: &[T], most: usize, numbers: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let (mut pieces, mut start, mut held) = (Vec::new(), 0, 0);
    for (n, member) in all.iter().enumerate() {
        let own = numbers(member);
        if n > start && (n - start == most || held + own > ALONE) {
            pieces.push(&all[start..n]);
            (start, held) = (n, 0);
        }
        held += own;
    }
    pieces.extend((start < all.len()).then(|| &all[start..]));
    pieces
}

/// What the engine says when it fails: only a bug of ours or a lack of memory make it.
pub(crate) fn failed(error: &candle_core::Error) -> FitError {
    FitError::Numeric(format!("the autodiff engine failed: {error}"))
}

/// How a parameter starts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    /// Zeros: biases.
    Zeros,
    /// Ones: gains.
    Ones,
    /// One on the diagonal: what enters leaves unchanged.
    Identity,
    /// Normal, with this standard deviation.
    Normal(f32),
    /// Uniform within `√(6 / (rows + columns))`. Xavier Glorot, Yoshua Bengio: *Understanding the difficulty of training deep
    /// feedforward neural networks*, AISTATS 2010.
    Glorot,
}

/// A dense parameter: name, shape, start.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) start: Start,
}

impl Parameter {
    pub(crate) fn new(name: impl Into<String>, shape: &[usize], start: Start) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), start }
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub(crate) fn draw(&self, seed: Seed) -> Vec<f32> {
        let mut stream = seed.named(&self.name).stream();
        match self.start {
            Start::Zeros => vec![0.0; self.len()],
            Start::Ones => vec![1.0; self.len()],
            Start::Identity => {
                let n = self.shape[self.shape.len() - 1];
                (0..self.len()).map(|at| if at / n == at % n { 1.0 } else { 0.0 }).collect()
            }
            Start::Normal(deviation) => (0..self.len()).map(|_| deviation * stream.normal() as f32).collect(),
            Start::Glorot => {
                let bound = (6.0 / self.shape.iter().sum::<usize>() as f64).sqrt();
                (0..self.len()).map(|_| ((2.0 * stream.unit() - 1.0) * bound) as f32).collect()
            }
        }
    }
}

/// A matrix of this shape; `None` for any number of rows.
pub(crate) fn shaped(
    from: &ArtifactReader<'_>,
    name: &str,
    (n_rows, n_cols): (Option<usize>, usize),
) -> Result<Matrix, ArtifactError> {
    let matrix = from.matrix(name)?;
    let found = (matrix.n_rows(), matrix.n_cols());
    let wanted = (n_rows.unwrap_or(found.0), n_cols);
    if found == wanted {
        return Ok(matrix);
    }
    Err(from.entry(name, format!("has shape {found:?}, but this architecture has {wanted:?}")))
}

/// The dense parameters of a model, by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense {
    names: Vec<String>,
    shapes: Vec<Vec<usize>>,
    values: Vec<Vec<f32>>,
}

impl Dense {
    pub(crate) fn draw(parameters: &[Parameter], seed: Seed) -> Self {
        Self {
            names: parameters.iter().map(|p| p.name.clone()).collect(),
            shapes: parameters.iter().map(|p| p.shape.clone()).collect(),
            values: parameters.iter().map(|p| p.draw(seed)).collect(),
        }
    }

    /// The numbers of the parameter of this name, which the model has declared.
    pub(crate) fn values(&self, name: &str) -> &[f32] {
        &self.values[self.place(name)]
    }

    /// The same, to be changed.
    pub(crate) fn values_mut(&mut self, name: &str) -> &mut [f32] {
        let place = self.place(name);
        &mut self.values[place]
    }

    fn place(&self, name: &str) -> usize {
        let place = self.names.iter().position(|known| known == name);
        place.unwrap_or_else(|| unreachable!("no parameter is called `{name}`"))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(crate) fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) {
        for (n, name) in self.names.iter().enumerate() {
            out.tensor(name, &self.shapes[n], self.values[n].as_slice());
        }
    }

    /// Reads parameters in the shapes that the model's hyper-parameters give them.
    pub(crate) fn load(parameters: &[Parameter], from: &ArtifactReader<'_>) -> Result<Self, ArtifactError> {
        let mut all = Self { names: Vec::new(), shapes: Vec::new(), values: Vec::new() };
        for parameter in parameters {
            let (shape, values) = from.tensor(&parameter.name)?;
            if shape != parameter.shape {
                let wanted = &parameter.shape;
                return Err(
                    from.entry(&parameter.name, format!("has shape {shape:?}, but this architecture has {wanted:?}"))
                );
            }
            all.names.push(parameter.name.clone());
            all.shapes.push(shape);
            all.values.push(values);
        }
        Ok(all)
    }

    /// As leaves whose gradients are wanted.
    pub(crate) fn leaves(&self) -> Computed<Weights> {
        let leaf =
            |n: usize| Ok(Var::from_slice(&self.values[n], self.shapes[n].as_slice(), &Device::Cpu)?.into_inner());
        Ok(Weights { names: self.names.clone(), tensors: (0..self.names.len()).map(leaf).collect::<Computed<_>>()? })
    }

    /// As constants.
    pub(crate) fn constants(&self) -> Computed<Weights> {
        let constant = |n: usize| Tensor::from_slice(&self.values[n], self.shapes[n].as_slice(), &Device::Cpu);
        Ok(Weights {
            names: self.names.clone(),
            tensors: (0..self.names.len()).map(constant).collect::<Computed<_>>()?,
        })
    }
}

/// Dense parameters inside the engine.
#[derive(Debug)]
pub(crate) struct Weights {
    names: Vec<String>,
    tensors: Vec<Tensor>,
}

impl Weights {
    /// The parameter of this name, which the model has declared.
    pub(crate) fn get(&self, name: &str) -> Computed<&Tensor> {
        let found = self.names.iter().position(|known| known == name);
        found
            .map(|n| &self.tensors[n])
            .ok_or_else(|| candle_core::Error::Msg(format!("no parameter is called `{name}`")))
    }

    /// The same parameters without gradients.
    pub(crate) fn detached(&self) -> Self {
        Self { names: self.names.clone(), tensors: self.tensors.iter().map(Tensor::detach).collect() }
    }

    /// The gradient of each parameter, row-major.
    pub(crate) fn gradients(&self, all: &GradStore) -> Computed<Vec<Vec<f32>>> {
        self.tensors.iter().map(|leaf| gradient(all, leaf)).collect()
    }

    /// The gradients of several shards as one, in their order.
    pub(crate) fn summed<'g>(&self, shards: impl Iterator<Item = &'g Vec<Vec<f32>>>) -> Vec<Vec<f32>> {
        let mut sums: Vec<_> = self.tensors.iter().map(|leaf| vec![0.0; leaf.elem_count()]).collect();
        for shard in shards {
            sums.iter_mut().zip(shard).for_each(|(sum, part)| axpy(1.0, part, sum));
        }
        sums
    }
}

/// The numbers of a tensor, row-major.
pub(crate) fn numbers(tensor: &Tensor) -> Computed<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// The gradient of a leaf, row-major; zeros where nothing depends on it.
pub(crate) fn gradient(all: &GradStore, leaf: &Tensor) -> Computed<Vec<f32>> {
    all.get(leaf).map_or_else(|| Ok(vec![0.0; leaf.elem_count()]), numbers)
}

/// The dense parameters while they are learnt: their values, what moves them, and how far the step sizes have come.
#[derive(Debug)]
pub(crate) struct Learning {
    pub(crate) dense: Dense,
    moments: Vec<(Vec<f32>, Vec<f32>)>,
    pub(crate) pace: Pace,
}

impl Learning {
    pub(crate) fn of(dense: Dense) -> Self {
        let moments = dense.values.iter().map(|value| (vec![0.0; value.len()], vec![0.0; value.len()])).collect();
        Self { dense, moments, pace: Pace::new() }
    }

    /// Step `t`, from 1: vectors (biases) are not held back by the penalty.
    pub(crate) fn update(&mut self, gradients: Vec<Vec<f32>>, (how, rate, t): (&Descent, f32, u64)) {
        let (adam, dense) = (Adam::with(how.betas, rate, t), &mut self.dense);
        let parts = dense.values.iter_mut().zip(&dense.shapes).zip(&mut self.moments).zip(gradients);
        for (((value, shape), (m, v)), mut gradient) in parts {
            match how.decay() {
                _ if shape.len() < 2 => {}
                Decay::Coupled(l2) => gradient.iter_mut().zip(&*value).for_each(|(g, x)| *g += l2 * x),
                Decay::Decoupled(strength) => value.iter_mut().for_each(|x| *x *= 1.0 - rate * strength),
            }
            match how.optimizer {
                Optimizer::Sgd => value.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= rate * g),
                Optimizer::Adam | Optimizer::LazyAdam | Optimizer::AdamW => {
                    adam.step(value, (m, v), &gradient, (1.0, 1.0));
                }
            }
        }
    }

    pub(crate) fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.scope("dense", |out| self.dense.save(out));
        out.scope("adam_dense", |out| {
            for (name, (m, v)) in self.dense.names.iter().zip(&self.moments) {
                out.tensor(&format!("{name}.first_moment"), &[m.len()], m.as_slice());
                out.tensor(&format!("{name}.second_moment"), &[v.len()], v.as_slice());
            }
        });
        out.meta("pace", &self.pace)
    }

    pub(crate) fn load(&mut self, parameters: &[Parameter], from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.dense = Dense::load(parameters, &from.scope("dense"))?;
        let moments = from.scope("adam_dense");
        for (name, (m, v)) in self.dense.names.iter().zip(&mut self.moments) {
            *m = moments.vector(&format!("{name}.first_moment"), Some(m.len()))?;
            *v = moments.vector(&format!("{name}.second_moment"), Some(v.len()))?;
        }
        self.pace = from.meta("pace")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_whole_in_order_and_small() {
        let sizes = [3, ALONE, 1, ALONE - 1, 2, 2, 2, 2 * ALONE, 5];
        let pieces = shards(&sizes, 2, |&size| size);
        assert_eq!(pieces, [&sizes[..1], &[ALONE], &[1, ALONE - 1], &[2, 2], &[2], &[2 * ALONE], &[5]]);
        assert!(shards(&[0; 0], 2, |&size| size).is_empty());
    }
}
