//! Feasibility of what has no cut-off: areas under the curve, and errors of predicted ratings.
//!
//! An area is a share. Of errors e, MAE = mean |e|, MSE = mean e² and RMSE = √MSE, so that RMSE ≥ MAE (Jensen). Means of these over
//! users or folds keep that order, and MSE ≥ RMSE² and MSE ≥ MAE²; where MSE and RMSE are of all ratings together, MSE = RMSE².

use super::{Finding, Printed, ROUNDING, Span, Told};

/// What a row says without a cut-off.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Overall {
    /// Area under the curve.
    pub auc: Option<Printed>,
    /// The same, weighted by user.
    pub gauc: Option<Printed>,
    /// Mean squared error.
    pub mse: Option<Printed>,
    /// Its root.
    pub rmse: Option<Printed>,
    /// Mean absolute error.
    pub mae: Option<Printed>,
}

/// Every bound that these break. `percent`: how areas are told.
pub fn check_overall(row: &Overall, percent: bool) -> Vec<Finding> {
    let mut found = Told { percent, findings: Vec::new() };
    for (name, area) in [("AUC", row.auc), ("GAUC", row.gauc)] {
        if let Some(area) = area {
            found.outside(name, area.span(), (0.0, 1.0), "everything");
        }
    }
    let errors = Told { percent: false, findings: found.findings };
    check_errors(row, errors)
}

fn check_errors(row: &Overall, mut found: Told) -> Vec<Finding> {
    let [mse, rmse, mae] = [row.mse, row.rmse, row.mae].map(|error| error.map(Printed::span));
    for (name, error) in [("MSE", mse), ("RMSE", rmse), ("MAE", mae)] {
        if let Some((_, high)) = error.filter(|(_, high)| *high < 0.0) {
            let most = found.number(high);
            found.impossible(format!("{name} ≤ {most} is below 0, as no error is"));
        }
    }
    let square = |(low, high): Span| (low.max(0.0).powi(2), high.max(0.0).powi(2));
    let [rmse_squared, mae_squared] = [rmse, mae].map(|error| error.map(square));
    for (name, error, other_name, other) in
        [("RMSE", rmse, "MAE", mae), ("MSE", mse, "RMSE²", rmse_squared), ("MSE", mse, "MAE²", mae_squared)]
    {
        if let (Some((_, most)), Some((least, _))) = (error, other)
            && most < least - ROUNDING
        {
            let (most, least) = (found.number(most), found.number(least));
            found.impossible(format!("{name} ≤ {most} is less than {other_name} ≥ {least}"));
        }
    }
    if let (Some((least, _)), Some((_, most))) = (mse, rmse_squared)
        && least > most + ROUNDING
    {
        let (least, most) = (found.number(least), found.number(most));
        found.at_odds(format!("MSE ≥ {least} is more than RMSE² ≤ {most}: means over parts, or of different runs"));
    }
    found.findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict::{self, AtOdds, Impossible};

    fn printed(value: f64, digits: i32) -> Printed {
        let unit = 10_f64.powi(-digits);
        Printed { value: (value / unit).round() * unit, within: unit / 2.0 }
    }

    proptest::proptest! {
        /// Whatever was measured passes, over all ratings or in the mean over two parts, however it is rounded.
        #[test]
        fn what_can_be_measured_is_feasible(
            parts in proptest::collection::vec(proptest::collection::vec(-4.0..4.0_f64, 1..20), 1..3),
            digits in 0..9_i32,
        ) {
            let mean = |values: &mut dyn ExactSizeIterator<Item = f64>| {
                let n = values.len() as f64;
                values.sum::<f64>() / n
            };
            let over = |of: &dyn Fn(&Vec<f64>) -> f64| printed(mean(&mut parts.iter().map(of)), digits);
            let mse = |errors: &Vec<f64>| mean(&mut errors.iter().map(|e| e * e));
            let row = Overall {
                mse: Some(over(&mse)),
                rmse: Some(over(&|errors| mse(errors).sqrt())),
                mae: Some(over(&|errors| mean(&mut errors.iter().map(|e| e.abs())))),
                ..Overall::default()
            };
            let found = check_overall(&row, false);
            let possible = found.iter().all(|finding| finding.verdict == AtOdds && parts.len() > 1);
            proptest::prop_assert!(possible, "{:?}", found);
        }
    }

    #[test]
    fn what_cannot_be_measured_is_named() {
        #[track_caller]
        fn check(row: Overall, expected: &[(Verdict, &str)]) {
            let found = check_overall(&row, false);
            let told: Vec<(Verdict, &str)> = found.iter().map(|f| (f.verdict, f.text.as_str())).collect();
            assert_eq!(told, expected);
        }
        let errors = |mse: Option<f64>, rmse: Option<f64>, mae: f64| {
            let [mse, rmse] = [mse, rmse].map(|error| error.map(|error| printed(error, 2)));
            Overall { mse, rmse, mae: Some(printed(mae, 2)), ..Overall::default() }
        };
        check(errors(Some(0.85), Some(0.92), 0.72), &[]);
        check(errors(None, Some(0.7), 0.7), &[]);
        check(errors(None, Some(0.7), 0.72), &[(Impossible, "RMSE ≤ 0.70500 is less than MAE ≥ 0.71500")]);
        check(errors(Some(0.8), Some(0.92), 0.72), &[(Impossible, "MSE ≤ 0.80500 is less than RMSE² ≥ 0.83723")]);
        let text = "MSE ≥ 0.89500 is more than RMSE² ≤ 0.85563: means over parts, or of different runs";
        check(errors(Some(0.9), Some(0.92), 0.72), &[(AtOdds, text)]);
        check(errors(Some(0.3), None, 0.7), &[(Impossible, "MSE ≤ 0.30500 is less than MAE² ≥ 0.48303")]);
        check(errors(None, None, -0.7), &[(Impossible, "MAE ≤ -0.69500 is below 0, as no error is")]);
        let areas = |auc, gauc| Overall { auc: Some(auc), gauc: Some(gauc), ..Overall::default() };
        let text = "AUC = 1.01000 is outside 0.00000 to 1.00000, which is all that everything allows";
        check(areas(printed(1.01, 2), printed(1.0, 2)), &[(Impossible, text)]);
        // A constant model, to the digit.
        check(areas(printed(0.5, 4), printed(0.0, 1)), &[]);
    }
}
