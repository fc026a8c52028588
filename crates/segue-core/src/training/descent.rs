//! Minimising a smooth function of few variables: how a vector of someone new is found while everything else stays fixed.

use crate::kernels::dot;
use crate::{ItemId, Seed};

/// Items against which every fold-in compares: one fixed draw for all, so that answers do not depend on chance.
pub fn pool(n_items: usize) -> Vec<ItemId> {
    const SIZE: usize = 512;
    let all: Vec<ItemId> = (0..n_items as ItemId).collect();
    if n_items <= SIZE {
        return all;
    }
    let mut stream = Seed::new(0).named("fold-in pool").stream();
    (0..SIZE).map(|_| stream.below(n_items as u32)).collect()
}

/// Gradient descent with the steps of Jonathan Barzilai and Jonathan M. Borwein (*Two-point step size gradient methods*, IMA
/// Journal of Numerical Analysis 8, 1988), quartered until the objective falls: few evaluations, and never worse than `start`.
///
/// `evaluate` gives the value at a point and fills in the gradient. Stops after `evaluations`, or where the gradient is a
/// thousandth of what it was.
pub fn minimise(start: &[f32], evaluations: usize, mut evaluate: impl FnMut(&[f32], &mut [f32]) -> f64) -> Vec<f32> {
    let mut p = start.to_vec();
    let mut gradient = vec![0.0; p.len()];
    let mut value = evaluate(&p, &mut gradient);
    let steepest = dot(&gradient, &gradient).sqrt();
    let mut rate = 0.1 / steepest.max(1e-12);
    let mut next_gradient = vec![0.0; p.len()];
    for _ in 0..evaluations {
        let next: Vec<f32> = p.iter().zip(&gradient).map(|(x, g)| x - rate * g).collect();
        let next_value = evaluate(&next, &mut next_gradient);
        if next_value.is_nan() || next_value > value {
            rate *= 0.25;
            continue;
        }
        let step: Vec<f32> = next.iter().zip(&p).map(|(a, b)| a - b).collect();
        let change: Vec<f32> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &change);
        rate = if curvature > 0.0 { (dot(&step, &step) / curvature).min(1e6) } else { rate * 2.0 };
        (p, value) = (next, next_value);
        std::mem::swap(&mut gradient, &mut next_gradient);
        if dot(&gradient, &gradient).sqrt() < 1e-3 * steepest {
            break;
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bowl_is_left_at_its_lowest_point() {
        let lowest = [1.0_f32, -2.0];
        let curvature = [1.0_f32, 4.0];
        let found = minimise(&[5.0, 5.0], 50, |p, gradient| {
            let parts = (0..2).map(|c| {
                gradient[c] = curvature[c] * (p[c] - lowest[c]);
                f64::from(0.5 * curvature[c] * (p[c] - lowest[c]).powi(2))
            });
            parts.sum()
        });
        assert!(found.iter().zip(lowest).all(|(x, y)| (x - y).abs() < 0.05), "{found:?}");
    }

    #[test]
    fn what_is_not_a_number_is_never_taken() {
        let found = minimise(&[1.0], 10, |p, gradient| {
            gradient[0] = 1.0;
            if p[0] < 1.0 { f64::NAN } else { 0.0 }
        });
        assert_eq!(found, [1.0]);
    }
}
