//! What becomes of the values of a domain: an interval, a range, a logarithm, a scale.

use std::f64::consts::LN_2;

use super::config::{DomainConfig, Logarithm, PrepareOptions, Scale, Values};
use super::rows::{DomainRows, Part, Row};
use crate::DataError;

/// The values of one domain, as configured by itself or by group `prepare`.
#[derive(Debug)]
pub(super) struct DomainValues {
    values: Values,
    domain: String,
    /// What the names of the keys follow.
    keys: String,
}

impl DomainValues {
    pub(super) fn of(domain: &DomainConfig, options: &PrepareOptions) -> Self {
        let name = &domain.name;
        let keys = if domain.values.is_some() { format!("data.domains.{name}.values.") } else { "prepare.".into() };
        Self { values: options.values_of(domain), domain: name.clone(), keys }
    }

    /// The full name of a key, for messages.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.keys)
    }

    /// Checks the numbers before anything is read.
    pub(super) fn check(&self) -> Result<(), DataError> {
        if let Some(interval) = self.values.value_interval.as_ref().filter(|interval| !interval.is_sound()) {
            let what = format!("{interval} must have finite ends with a number between them; null is no end");
            return Err(DataError::config(self.key("value_interval"), what));
        }
        if let Some([low, high]) = self.values.clip
            && !(low.is_finite() && high.is_finite() && low <= high)
        {
            let what = format!("[{low}, {high}] must be two finite numbers, the first not above the second");
            return Err(DataError::config(self.key("clip"), what));
        }
        Ok(())
    }

    pub(super) fn has_interval(&self) -> bool {
        self.values.value_interval.is_some()
    }

    /// Drops rows with a value outside the interval.
    pub(super) fn keep_inside(&self, rows: &mut Vec<Row>) {
        if let Some(interval) = &self.values.value_interval {
            rows.retain(|row| interval.contains(row.value));
        }
    }

    /// Returns how many values were clipped.
    pub(super) fn clip(&self, rows: &mut [Row]) -> usize {
        let Some([low, high]) = self.values.clip else { return 0 };
        let mut n_clipped = 0;
        for row in rows {
            let clipped = row.value.clamp(low, high);
            n_clipped += usize::from(clipped != row.value);
            row.value = clipped;
        }
        n_clipped
    }

    pub(super) fn log(&self, rows: &mut [Row]) -> Result<(), DataError> {
        let Some(log) = self.values.log else { return Ok(()) };
        if let Some(row) = rows.iter().find(|row| row.value < 0.0) {
            let what = format!(
                "domain {} has the value {}, and a logarithm is of values of at least 0; drop lower ones with {}=[0, null], \
                 or set it to null",
                self.domain,
                row.value,
                self.key("value_interval")
            );
            return Err(DataError::config(self.key("log"), what));
        }
        for row in rows {
            let ln = f64::from(row.value).ln_1p();
            row.value = match log {
                Logarithm::Ln => ln,
                Logarithm::Log2 => ln / LN_2,
            } as f32;
        }
        Ok(())
    }

    /// Scales all values as the training rows say, so that nothing of the held-out ones is learnt; returns a note.
    pub(super) fn scale(&self, domain: &mut DomainRows) -> Result<Option<String>, DataError> {
        let Some(scale) = self.values.scale else { return Ok(None) };
        // Row by row in their order: a sum must not depend on how rows are held.
        let training = |take: &mut dyn FnMut(f64)| {
            domain.rows.in_order(|rows| {
                rows.iter().filter(|row| row.part == Part::Train).for_each(|row| take(f64::from(row.value)));
            })
        };
        let (mut n, mut sum, mut low, mut high) = (0_u32, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        training(&mut |value| (n, sum, low, high) = (n + 1, sum + value, low.min(value), high.max(value)))?;
        if n == 0 {
            return Ok(None);
        }
        let (offset, spread) = match scale {
            Scale::Standard => {
                let (mean, mut squares) = (sum / f64::from(n), 0.0);
                training(&mut |value| squares += (value - mean).powi(2))?;
                (mean, (squares / f64::from(n)).sqrt())
            }
            Scale::MinMax => (low, high - low),
        };
        let spread = if spread > 0.0 { spread } else { 1.0 };
        domain.rows.edit(|rows| {
            for row in rows {
                row.value = finite((f64::from(row.value) - offset) / spread);
            }
            Ok(())
        })?;
        Ok(Some(format!("{}: values are (x - {offset}) / {spread}, from {n} training rows", self.domain)))
    }

    /// What a number in these values should say of them, e.g. `log2(1+x), standard`; `None`: they are in their own units.
    pub(super) fn units(&self) -> Option<String> {
        let log = self.values.log.map(|log| match log {
            Logarithm::Log2 => "log2(1+x)",
            Logarithm::Ln => "ln(1+x)",
        });
        let scale = self.values.scale.map(|scale| match scale {
            Scale::Standard => "standard",
            Scale::MinMax => "min-max",
        });
        let steps: Vec<&str> = log.into_iter().chain(scale).collect();
        (!steps.is_empty()).then(|| format!("values of {} are {}", self.domain, steps.join(", ")))
    }
}

/// The nearest finite f32: what is computed from finite values may leave its range.
pub(super) fn finite(value: f64) -> f32 {
    value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

#[cfg(test)]
mod tests {
    use segue_core::{IdMap, Signal};

    use super::super::rows::Rows;
    use super::*;

    fn row((value, part): (f32, Part)) -> Row {
        Row { user: 0, item: 0, value, weight: 1.0, time: 0, signal: Signal::Positive, part }
    }

    fn rows(values: &[f32]) -> Vec<Row> {
        values.iter().map(|&value| row((value, Part::Train))).collect()
    }

    fn values(rows: &[Row]) -> Vec<f32> {
        rows.iter().map(|row| row.value).collect()
    }

    fn of(values: Values) -> DomainValues {
        let domain = DomainConfig { name: "music".into(), values: Some(values), ..DomainConfig::default() };
        DomainValues::of(&domain, &PrepareOptions::default())
    }

    fn scaled(scale: Scale, with_parts: &[(f32, Part)]) -> (Vec<f32>, Option<String>) {
        let rows = with_parts.iter().copied().map(row).collect();
        let rows = Rows::of(rows, 1, 1);
        let mut domain = DomainRows { name: "music".into(), items: IdMap::default(), rows, timed: false };
        let note = of(Values { scale: Some(scale), ..Values::default() }).scale(&mut domain).unwrap();
        (values(&domain.rows.all()), note)
    }

    #[test]
    fn a_row_outside_the_interval_goes() {
        let inside = |interval: &str| {
            let mut rows = rows(&[-1.0, 0.0, 2.0, 5.0, 9.0]);
            let value_interval = Some(interval.parse().unwrap());
            of(Values { value_interval, ..Values::default() }).keep_inside(&mut rows);
            values(&rows)
        };
        assert_eq!(inside("[0, 5]"), [0.0, 2.0, 5.0]);
        assert_eq!(inside("(0, 5)"), [2.0]);
        assert_eq!(inside("[, 0); (2, 5]"), [-1.0, 5.0]);
        assert_eq!(inside("[, ]").len(), 5);
    }

    #[test]
    fn logarithms_are_of_one_more() {
        let log = |log| {
            let mut rows = rows(&[0.0, 1.0, 3.0, 7.0]);
            of(Values { log: Some(log), ..Values::default() }).log(&mut rows).unwrap();
            values(&rows)
        };
        assert_eq!(log(Logarithm::Log2), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(log(Logarithm::Ln), [0.0, 1.0, 2.0, 3.0].map(|n| n * std::f32::consts::LN_2));
        let refused = of(Values { log: Some(Logarithm::Ln), ..Values::default() }).log(&mut rows(&[-0.5]));
        let message = refused.unwrap_err().to_string();
        assert!(message.starts_with("data.domains.music.values.log: ") && message.contains("-0.5"), "{message}");
        assert!(message.contains("data.domains.music.values.value_interval=[0, null]"), "{message}");
    }

    #[test]
    fn scales_are_of_training_rows_alone() {
        use Part::{Test, Train, Unused, Valid};
        // Mean 3, deviation 2 of the training rows 1 and 5.
        let log = [(1.0, Train), (5.0, Train), (9.0, Test), (3.0, Valid), (100.0, Unused)];
        let (values, note) = scaled(Scale::Standard, &log);
        assert_eq!(values, [-1.0, 1.0, 3.0, 0.0, 48.5]);
        assert_eq!(note.unwrap(), "music: values are (x - 3) / 2, from 2 training rows");
        assert_eq!(scaled(Scale::MinMax, &log[..4]).0, [0.0, 1.0, 2.0, 0.5]);
    }

    #[test]
    fn equal_values_have_a_spread_of_one_and_nothing_leaves_f32() {
        use Part::{Test, Train};
        for scale in [Scale::Standard, Scale::MinMax] {
            assert_eq!(scaled(scale, &[(2.0, Train), (2.0, Train), (5.0, Test)]).0, [0.0, 0.0, 3.0]);
            assert_eq!(scaled(scale, &[(2.0, Test)]), (vec![2.0], None));
            let values = scaled(scale, &[(0.0, Train), (f32::MIN_POSITIVE, Train), (f32::MAX, Test)]).0;
            assert!(values.iter().all(|value| value.is_finite()), "{values:?}");
        }
    }
}
