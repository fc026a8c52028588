//! Operations that the engine would take in several passes over memory, each in one on the CPU: a layer with its bias and
//! activation, layer norm, means of stretches, the first meeting of users and items, inner products. On other devices they are the engine's own operations.
//!
//! Matrix products are those of `segue-core`: on the thread that asks, so that a sum has one order at any number of threads,
//! and without asking the system for its number of processors each time.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, D, DType, Layout, Shape, Storage, Tensor};
use segue_core::kernels::{Block, axpy, dot, matmul};

use crate::engine::Computed;

/// The numbers of a contiguous tensor in our memory.
pub(crate) fn slice<'s>(storage: &'s CpuStorage, layout: &Layout) -> Computed<&'s [f32]> {
    let range = layout.contiguous_offsets();
    let (start, end) =
        range.ok_or_else(|| candle_core::Error::Msg("a fused operation wants contiguous rows".into()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

pub(crate) fn cpu_slice<'s>(storage: &'s Storage, layout: &Layout) -> Computed<&'s [f32]> {
    match storage {
        Storage::Cpu(storage) => slice(storage, layout),
        _ => Err(candle_core::Error::Msg("a fused operation runs on the CPU".into())),
    }
}

/// Names the numbers of contiguous tensors for the rest of the block.
macro_rules! slices {
    ($($name:ident = $tensor:expr),+) => {
        $(let (storage, layout) = $tensor.storage_and_layout();
        let $name = crate::fused::cpu_slice(&storage, layout)?;)+
    };
}
pub(crate) use slices;

pub(crate) fn is_ours(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == DType::F32
}

/// `x W + b`, or what of it is positive: `(n, k)`, `(k, m)`, `(m)` to `(n, m)`.
pub(crate) fn affine(x: &Tensor, weight: &Tensor, bias: &Tensor, relu: bool) -> Computed<Tensor> {
    if is_ours(x) {
        return x.contiguous()?.apply_op3(weight, bias, Affine { relu });
    }
    let y = x.matmul(weight)?.broadcast_add(bias)?;
    if relu { y.relu() } else { Ok(y) }
}

struct Affine {
    relu: bool,
}

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Computed<(CpuStorage, Shape)> {
        let ((n, k), (_, m)) = (x_layout.shape().dims2()?, weight_layout.shape().dims2()?);
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let mut out = slice(bias, bias_layout)?.repeat(n);
        matmul((&mut out, Block::whole(n, m)), (x, Block::whole(n, k)), (weight, Block::whole(k, m)), 1.0, 1.0);
        if self.relu {
            for y in &mut out {
                *y = y.max(0.0);
            }
        }
        Ok((CpuStorage::F32(out), (n, m).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        out: &Tensor,
        slope: &Tensor,
    ) -> Computed<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ((n, k), m) = (x.dims2()?, weight.dim(1)?);
        let slope = slope.contiguous()?;
        slices!(x_numbers = x, w = weight, y = out, given = slope);
        let passed: Vec<f32>;
        let slope = if self.relu {
            passed = given.iter().zip(y).map(|(g, y)| if *y > 0.0 { *g } else { 0.0 }).collect();
            &passed
        } else {
            given
        };
        let device = x.device();
        // Of constants nobody wants to know.
        let of_x = x.track_op().then(|| {
            let mut out = vec![0.0; n * k];
            matmul((&mut out, Block::whole(n, k)), (slope, Block::whole(n, m)), (w, Block::turned(k, m)), 1.0, 0.0);
            Tensor::from_vec(out, (n, k), device)
        });
        let of_weight = weight.track_op().then(|| {
            let mut out = vec![0.0; k * m];
            matmul(
                (&mut out, Block::whole(k, m)),
                (x_numbers, Block::turned(n, k)),
                (slope, Block::whole(n, m)),
                1.0,
                0.0,
            );
            Tensor::from_vec(out, (k, m), device)
        });
        let of_bias = bias.track_op().then(|| {
            let mut out = vec![0.0; m];
            slope.chunks_exact(m).for_each(|row| axpy(1.0, row, &mut out));
            Tensor::from_vec(out, m, device)
        });
        Ok((of_x.transpose()?, of_weight.transpose()?, of_bias.transpose()?))
    }
}

/// Users, and how many of the items, in their order, each of them meets.
fn shares(users: &Shape, items: &Shape) -> Computed<(usize, usize, usize)> {
    let ((b, d), (n, _)) = (users.dims2()?, items.dims2()?);
    Ok((b, n / b, d))
}

/// What of the sum of each user and the items that it meets is positive: `(b, f)`, `(b · c, f)` to `(b · c, f)`.
pub(crate) fn meeting(users: &Tensor, items: &Tensor) -> Computed<Tensor> {
    if is_ours(users) {
        return users.contiguous()?.apply_op2(&items.contiguous()?, Meeting);
    }
    let shape = shares(users.shape(), items.shape())?;
    users.unsqueeze(1)?.broadcast_add(&items.reshape(shape)?)?.relu()?.reshape(items.shape())
}

struct Meeting;

impl CustomOp2 for Meeting {
    fn name(&self) -> &'static str {
        "meeting"
    }

    fn cpu_fwd(
        &self,
        users: &CpuStorage,
        user_layout: &Layout,
        items: &CpuStorage,
        item_layout: &Layout,
    ) -> Computed<(CpuStorage, Shape)> {
        let (b, c, f) = shares(user_layout.shape(), item_layout.shape())?;
        let (users, items) = (slice(users, user_layout)?, slice(items, item_layout)?);
        let mut out = Vec::with_capacity(items.len());
        for (user, items) in users.chunks_exact(f).zip(items.chunks_exact(c * f)) {
            for item in items.chunks_exact(f) {
                out.extend(user.iter().zip(item).map(|(u, i)| (u + i).max(0.0)));
            }
        }
        Ok((CpuStorage::F32(out), (b * c, f).into()))
    }

    fn bwd(
        &self,
        users: &Tensor,
        items: &Tensor,
        out: &Tensor,
        slope: &Tensor,
    ) -> Computed<(Option<Tensor>, Option<Tensor>)> {
        let (b, c, f) = shares(users.shape(), items.shape())?;
        let slope = slope.contiguous()?;
        slices!(y = out, given = slope);
        let passed: Vec<f32> = given.iter().zip(y).map(|(g, y)| if *y > 0.0 { *g } else { 0.0 }).collect();
        let mut of_users = vec![0.0; b * f];
        for (sum, rows) in of_users.chunks_exact_mut(f).zip(passed.chunks_exact(c * f)) {
            rows.chunks_exact(f).for_each(|row| axpy(1.0, row, sum));
        }
        let device = users.device();
        let of_items = items.track_op().then(|| Tensor::from_vec(passed, (b * c, f), device));
        Ok((Some(Tensor::from_vec(of_users, (b, f), device)?), of_items.transpose()?))
    }
}

/// Each row less its mean, over its deviation, times `gain`, plus `bias`: `(n, d)`, `(d)`, `(d)` to `(n, d)`. Jimmy Lei Ba,
/// Jamie Ryan Kiros, Geoffrey Hinton: *Layer Normalization*, 2016, with `ε = 10⁻⁵`.
pub(crate) fn layer_norm(x: &Tensor, gain: &Tensor, bias: &Tensor) -> Computed<Tensor> {
    if is_ours(x) {
        return x.contiguous()?.apply_op3(gain, bias, LayerNorm);
    }
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + f64::from(EPSILON))?.sqrt()?;
    centred.broadcast_div(&deviation)?.broadcast_mul(gain)?.broadcast_add(bias)
}

/// What keeps the deviation of a constant row from being zero.
const EPSILON: f32 = 1e-5;

struct LayerNorm;

/// Mean of a row, and one over its deviation.
fn moments(row: &[f32]) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = row.iter().sum::<f32>() / n;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
    (mean, 1.0 / (variance + EPSILON).sqrt())
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gain: &CpuStorage,
        gain_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Computed<(CpuStorage, Shape)> {
        let (x, gain, bias) = (slice(x, x_layout)?, slice(gain, gain_layout)?, slice(bias, bias_layout)?);
        let mut out = Vec::with_capacity(x.len());
        for row in x.chunks_exact(gain.len()) {
            let (mean, scale) = moments(row);
            out.extend(row.iter().zip(gain).zip(bias).map(|((x, gain), bias)| (x - mean) * scale * gain + bias));
        }
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Computed<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, d) = x.dims2()?;
        let slope = slope.contiguous()?;
        slices!(rows = x, gains = gain, given = slope);
        let (mut of_x, mut of_gain, mut of_bias) = (Vec::with_capacity(n * d), vec![0.0; d], vec![0.0; d]);
        let (mut normal, mut passed) = (vec![0.0; d], vec![0.0; d]);
        for (row, slope) in rows.chunks_exact(d).zip(given.chunks_exact(d)) {
            let (mean, scale) = moments(row);
            for c in 0..d {
                normal[c] = (row[c] - mean) * scale;
                passed[c] = slope[c] * gains[c];
                of_gain[c] += slope[c] * normal[c];
                of_bias[c] += slope[c];
            }
            let shift = passed.iter().sum::<f32>() / d as f32;
            let turn = dot(&passed, &normal) / d as f32;
            of_x.extend(passed.iter().zip(&normal).map(|(g, x)| scale * (g - shift - x * turn)));
        }
        let device = x.device();
        let of_bias = bias.track_op().then(|| Tensor::from_vec(of_bias, d, device));
        let of_gain = gain.track_op().then(|| Tensor::from_vec(of_gain, d, device));
        Ok((Some(Tensor::from_vec(of_x, (n, d), device)?), of_gain.transpose()?, of_bias.transpose()?))
    }
}

/// The mean of the rows of each of some stretches, one behind the other: `(t, d)` to `(n, d)`; of none it is zero.
pub(crate) fn means(rows: &Tensor, lengths: &Arc<[usize]>) -> Computed<Tensor> {
    rows.contiguous()?.apply_op1(Means { lengths: lengths.clone() })
}

struct Means {
    lengths: Arc<[usize]>,
}

impl CustomOp1 for Means {
    fn name(&self) -> &'static str {
        "means"
    }

    fn cpu_fwd(&self, rows: &CpuStorage, layout: &Layout) -> Computed<(CpuStorage, Shape)> {
        let d = layout.shape().dims2()?.1;
        let (rows, mut out) = (slice(rows, layout)?, vec![0.0; self.lengths.len() * d]);
        let mut rest = rows;
        for (&n, sum) in self.lengths.iter().zip(out.chunks_exact_mut(d)) {
            let (own, after) = rest.split_at(n * d);
            own.chunks_exact(d).for_each(|row| axpy(1.0 / n as f32, row, sum));
            rest = after;
        }
        Ok((CpuStorage::F32(out), (self.lengths.len(), d).into()))
    }

    fn bwd(&self, rows: &Tensor, _: &Tensor, slope: &Tensor) -> Computed<Option<Tensor>> {
        let (t, d) = rows.dims2()?;
        let slope = slope.contiguous()?;
        slices!(given = slope);
        let (mut out, mut share) = (Vec::with_capacity(t * d), vec![0.0; d]);
        for (&n, slope) in self.lengths.iter().zip(given.chunks_exact(d)) {
            share.iter_mut().zip(slope).for_each(|(share, x)| *share = x / n as f32);
            (0..n).for_each(|_| out.extend_from_slice(&share));
        }
        Tensor::from_vec(out, (t, d), rows.device()).map(Some)
    }
}

/// Inner products of users `(b, d)` with the items that each meets, `(b · c, d)`: `(b, c)`.
pub(crate) fn products(users: &Tensor, items: &Tensor) -> Computed<Tensor> {
    if is_ours(users) {
        return users.contiguous()?.apply_op2(&items.contiguous()?, Products);
    }
    let shape = shares(users.shape(), items.shape())?;
    items.reshape(shape)?.matmul(&users.unsqueeze(2)?)?.squeeze(2)
}

struct Products;

impl CustomOp2 for Products {
    fn name(&self) -> &'static str {
        "products"
    }

    fn cpu_fwd(
        &self,
        users: &CpuStorage,
        user_layout: &Layout,
        items: &CpuStorage,
        item_layout: &Layout,
    ) -> Computed<(CpuStorage, Shape)> {
        let (b, c, d) = shares(user_layout.shape(), item_layout.shape())?;
        let (users, items) = (slice(users, user_layout)?, slice(items, item_layout)?);
        let mut out = Vec::with_capacity(b * c);
        for (user, items) in users.chunks_exact(d).zip(items.chunks_exact(c * d)) {
            out.extend(items.chunks_exact(d).map(|item| dot(user, item)));
        }
        Ok((CpuStorage::F32(out), (b, c).into()))
    }

    fn bwd(
        &self,
        users: &Tensor,
        items: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Computed<(Option<Tensor>, Option<Tensor>)> {
        let (b, c, d) = shares(users.shape(), items.shape())?;
        let slope = slope.contiguous()?;
        slices!(u = users, i = items, given = slope);
        let wanted = items.track_op();
        let (mut of_users, mut of_items) = (vec![0.0; b * d], vec![0.0; if wanted { b * c * d } else { 0 }]);
        for (row, &slope) in given.iter().enumerate() {
            let (user, item) = (row / c * d, row * d);
            axpy(slope, &i[item..item + d], &mut of_users[user..user + d]);
            if wanted {
                axpy(slope, &u[user..user + d], &mut of_items[item..item + d]);
            }
        }
        let device = users.device();
        let of_items = wanted.then(|| Tensor::from_vec(of_items, (b * c, d), device));
        Ok((Some(Tensor::from_vec(of_users, (b, d), device)?), of_items.transpose()?))
    }
}
