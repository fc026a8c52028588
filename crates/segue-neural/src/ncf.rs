//! Neural collaborative filtering: what `gmf`, `mlp` and `neumf` compute, which are its inner product, its perceptron, and both.
//!
//! Xiangnan He, Lizi Liao, Hanwang Zhang, Liqiang Nie, Xia Hu, Tat-Seng Chua: *Neural Collaborative Filtering*, WWW 2017,
//! <https://arxiv.org/abs/1708.05031>.

use candle_core::Tensor;

use crate::engine::{Computed, Parameter, Start, Weights};
use crate::fused::products;
use crate::layers::{Dropout, Tower, linear, linear_parameters};
use crate::pairs::Pairing;

/// A weighed inner product, a perceptron, or the two behind one output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ncf<'a> {
    /// Length of the vectors of the inner product, if there is one.
    pub(crate) factors: Option<usize>,
    /// The layers of the perceptron, if there is one.
    pub(crate) tower: Option<Tower<'a>>,
    /// Share of the neurons of each hidden layer that a sample does without.
    pub(crate) dropout: f32,
}

/// The weights of the inner product beside a perceptron, whose output has the plain name.
pub(crate) const BESIDE: &str = "output.factors";
/// The weights of the inner product alone, and of a perceptron's last layer.
pub(crate) const OUTPUT: &str = "output.weight";
/// The bias of the score.
pub(crate) const BIAS: &str = "output.bias";

impl Ncf<'_> {
    /// The name of the inner product's weights.
    fn weighed_by(&self) -> &'static str {
        if self.tower.is_some() { BESIDE } else { OUTPUT }
    }

    /// The part of the perceptron.
    fn deep<'t>(&self, parts: &'t [Tensor]) -> &'t Tensor {
        &parts[usize::from(self.factors.is_some())]
    }
}

impl Pairing for Ncf<'_> {
    fn widths(&self) -> Vec<usize> {
        self.factors.into_iter().chain(self.tower.map(Tower::half)).collect()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.tower.map(Tower::parameters).unwrap_or_default();
        all.extend(self.factors.map(|factors| Parameter::new(self.weighed_by(), &[factors, 1], Start::Glorot)));
        match self.tower {
            Some(tower) => all.extend(linear_parameters("output", tower.last(), 1)),
            None => all.push(Parameter::new(BIAS, &[1], Start::Zeros)),
        }
        all
    }

    fn users(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>> {
        let weighed = || rows[0].broadcast_mul(&weights.get(self.weighed_by())?.t()?);
        let factors = self.factors.map(|_| weighed());
        factors.into_iter().chain(self.tower.map(|_| Tower::users(self.deep(rows), weights))).collect()
    }

    fn items(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>> {
        let factors = self.factors.map(|_| Ok(rows[0].clone()));
        factors.into_iter().chain(self.tower.map(|_| Tower::items(self.deep(rows), weights))).collect()
    }

    fn meet(
        &self,
        users: &[Tensor],
        items: &[Tensor],
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        let Some(tower) = self.tower else {
            return products(&users[0], &items[0])?.broadcast_add(weights.get(BIAS)?);
        };
        let last = tower.meet(self.deep(users), self.deep(items), weights, dropout)?;
        let deep = linear(&last, weights, "output")?.reshape((users[0].dim(0)?, ()))?;
        if self.factors.is_some() { products(&users[0], &items[0])? + deep } else { Ok(deep) }
    }

    fn dropout(&self) -> f32 {
        self.dropout
    }
}
