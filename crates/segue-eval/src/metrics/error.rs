//! Errors of predicted ratings. Only for models whose scores are ratings; a ranking model's score has no scale.

use super::spec::{Measure, Metric, Trait};

/// Root of the mean squared error over all held-out events.
///
/// Events are pooled, as everywhere but in Elliot and some papers that average per user. Clipping predictions to the rating
/// scale is the model's business; predictions off the scale are counted.
pub(super) static RMSE: Metric = Metric {
    name: "rmse",
    aliases: &["root_mean_squared_error"],
    doc: "root mean squared error of predicted ratings, pooled over events (rating models only)",
    traits: &[Trait::LessIsBetter],
    measure: Measure::Error { of: |predicted, value| (predicted - value) * (predicted - value), total: f64::sqrt },
};

/// Mean of the squared error over all held-out events.
pub(super) static MSE: Metric = Metric {
    name: "mse",
    aliases: &["mean_squared_error"],
    doc: "mean squared error of predicted ratings, pooled over events (rating models only)",
    traits: &[Trait::LessIsBetter],
    measure: Measure::Error { of: |predicted, value| (predicted - value) * (predicted - value), total: |mean| mean },
};

/// Mean absolute error over all held-out events.
pub(super) static MAE: Metric = Metric {
    name: "mae",
    aliases: &["mean_absolute_error"],
    doc: "mean absolute error of predicted ratings, pooled over events (rating models only)",
    traits: &[Trait::LessIsBetter],
    measure: Measure::Error { of: |predicted, value| (predicted - value).abs(), total: |mean| mean },
};
