//! From numbers to places, with ticks at round numbers.

use super::text::short;
use crate::numbers::number;

/// An axis: the numbers `low..high` on the places `from..to`.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    /// The places are those of the logarithm.
    logarithmic: bool,
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// Ends and ticks at multiples of 1, 2 or 5 times a power of ten, about `n` of them.
    pub(super) fn linear((low, high): (f64, f64), (from, to): (f64, f64), n: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = round_step((high - low) / n as f64);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let ticks: Vec<f64> = (0..=(last - first) as usize).map(|k| (first + k as f64) * step).collect();
        Self { low: first * step, high: last * step, from, to, logarithmic: false, ticks }
    }

    /// The given ends exactly, without rounding them outwards.
    pub(super) fn exact((low, high): (f64, f64), (from, to): (f64, f64), n: usize) -> Self {
        let mut scale = Self::linear((low, high), (from, to), n);
        let high = if high > low { high } else { low + 1.0 };
        scale.ticks.retain(|tick| (low..=high).contains(tick));
        Self { low, high, ..scale }
    }

    /// Powers of ten, every one or every few; where there are not two, also twice and five times them. `low > 0`.
    pub(super) fn logarithmic((low, high): (f64, f64), (from, to): (f64, f64), n: usize) -> Self {
        let high = if high > low * 1.5 { high } else { low * 10.0 };
        let inside = |tick: &f64| (low * 0.999..=high * 1.001).contains(tick);
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let powers: Vec<f64> = (first..=last).map(|k| 10_f64.powi(k)).filter(inside).collect();
        let ticks = if powers.len() < 3 {
            (first..=last).flat_map(|k| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(k))).filter(inside).collect()
        } else {
            powers.iter().copied().step_by(powers.len().div_ceil(n)).collect()
        };
        Self { low, high, from, to, logarithmic: true, ticks }
    }

    /// The place of a number.
    pub(super) fn at(&self, x: f64) -> f64 {
        let part = if self.logarithmic {
            (x.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (x - self.low) / (self.high - self.low)
        };
        self.from + part * (self.to - self.from)
    }

    /// Ticks with their names and places. No two names are the same: they have as many digits as that takes.
    pub(super) fn labels(&self) -> impl Iterator<Item = (String, f64)> {
        let distinct = |names: &Vec<String>| names.windows(2).all(|two| two[0] != two[1]);
        let named = |name: &dyn Fn(f64) -> String| self.ticks.iter().map(|&tick| name(tick)).collect::<Vec<_>>();
        let precise = (0..=12).map(|digits| named(&|tick| number(tick, digits)));
        let names = std::iter::once(named(&short)).chain(precise).find(distinct).unwrap_or_else(|| named(&short));
        names.into_iter().zip(&self.ticks).map(|(name, &tick)| (name, self.at(tick)))
    }

    /// Those of [`Self::labels`] that stand side by side without running into each other: all, or every second, third, ...
    pub(super) fn labels_across(&self) -> Vec<(String, f64)> {
        let all: Vec<_> = self.labels().collect();
        let every = |k: usize| all.iter().step_by(k).cloned().collect::<Vec<_>>();
        let ends = |(label, at): &(String, f64)| {
            let half = label.chars().count() as f64 * TICK / 2.0;
            (at - half, at + half)
        };
        let fits = |labels: &Vec<_>| labels.windows(2).all(|two| ends(&two[0]).1 + TICK <= ends(&two[1]).0);
        (1..all.len()).map(every).find(fits).unwrap_or_else(|| every(all.len().max(1)))
    }
}

/// Width of a digit of a tick.
const TICK: f64 = 6.5;

/// The least of 1, 2 and 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let steps = [1.0, 2.0, 5.0].into_iter().map(|times| times * power);
    steps.into_iter().find(|round| *round >= step * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let scale = Scale::linear((0.0, 87.0), (0.0, 100.0), 5);
        assert_eq!((scale.ticks.as_slice(), scale.at(50.0)), (&[0.0, 20.0, 40.0, 60.0, 80.0, 100.0][..], 50.0));
        let labels: Vec<String> = Scale::linear((0.0, 0.31), (0.0, 1.0), 4).labels().map(|label| label.0).collect();
        assert_eq!(labels, ["0", "0.1", "0.2", "0.3", "0.4"]);
        let small =
            |high: f64| Scale::linear((0.0, high), (0.0, 1.0), 4).labels().map(|label| label.0).collect::<Vec<_>>();
        assert_eq!(small(0.00018), ["0", "0.00005", "0.0001", "0.00015", "0.0002"]);
        assert_eq!(small(3e-8)[1], "0.00000001");
        assert_eq!(Scale::linear((3.0, 3.0), (0.0, 1.0), 2).ticks, [3.0, 3.5, 4.0]);
    }

    #[test]
    fn labels_do_not_run_into_each_other() {
        let labels = |high: f64, width: f64| {
            let scale = Scale::logarithmic((0.0003, high), (0.0, width), 4);
            scale.labels_across().into_iter().map(|label| label.0).collect::<Vec<_>>()
        };
        assert_eq!(labels(0.007, 400.0), ["0.0005", "0.001", "0.002", "0.005"]);
        assert_eq!(labels(0.007, 160.0), ["0.0005", "0.002"]);
        assert_eq!(labels(0.007, 10.0), ["0.0005"]);
    }

    #[test]
    fn decades_and_less_than_one() {
        assert_eq!(Scale::logarithmic((1.0, 5000.0), (0.0, 1.0), 6).ticks, [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(Scale::logarithmic((1.0, 30.0), (0.0, 1.0), 6).ticks, [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(Scale::logarithmic((1.0, 1.0), (0.0, 2.0), 6).at(10.0), 2.0);
        let wide = Scale::logarithmic((1e-8, 1.0), (0.0, 1.0), 4);
        assert!(wide.ticks.len() <= 4, "{:?}", wide.ticks);
    }
}
