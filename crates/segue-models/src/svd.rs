//! Rating prediction by matrix factorisation with biases, trained by stochastic gradient descent.
//!
//! Funk: *Netflix Update: Try This at Home*, 2006, <https://sifter.org/~simon/journal/20061211.html>; Koren, Bell,
//! Volinsky: *Matrix Factorization Techniques for Recommender Systems*, IEEE Computer 42(8), 2009,
//! <https://doi.org/10.1109/MC.2009.263>. Folding in: Rendle, Schmidt-Thieme: *Online-Updating Regularized Kernel Matrix
//! Factorization Models*, ACM Recommender Systems 2008, <https://doi.org/10.1145/1454008.1454047>.
//!
//! ```text
//! r̂_ui = μ + b_u + b_i + q_i · p_u                       unbiased: r̂_ui = q_i · p_u
//! min  Σ_{(u,i) rated} (r_ui - r̂_ui)² + l2 (‖p_u‖² + ‖q_i‖²) + l2_bias (b_u² + b_i²)
//! ```
//!
//! With `e = r_ui - r̂_ui`, one step is `p_u += η (e q_i - l2 p_u)`, `q_i += η (e p_u - l2 q_i)`,
//! `b += η_bias (e - l2_bias b)`: half the negative gradient of one term.
//!
//! Cost: time `epochs · ratings · factors`, memory `(users + items) · factors` numbers; on one thread, so that the order
//! of the steps, and with it every bit, is fixed.
//!
//! Useful for predicting stars. Not useful for ranking from likes alone: it learns nothing from what was not rated.
//!
//! Deviations: every epoch visits the ratings in a new random order (Surprise: always in storage order). Users and items
//! without ratings have no factors. A guest starts at the mean user and takes the steps above with the items fixed; a
//! user whose history has moved on starts at the trained vector. With `clip` a prediction outside the training range is
//! brought to its end but for a thousandth of the range, so that the order survives that plain clipping would turn into
//! ties. The raw values of all domains must stand on one scale. Reference: scikit-surprise (`golden/svd`).

use segue_core::kernels::{axpy, dot};
use segue_core::training::ratings::{self, Scale};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, Csr, DotScorer, FitCx, FitError, History,
    Interval, Matrix, ModelInfo, Output, Query, Recommender, Scorer, Seed, TrainData, Trainable, UserId, Work,
    run_epochs,
};

segue_core::params! {
    /// Parameters of [`SvdModel`]; defaults are those of Surprise.
    pub struct Svd {
        /// Length of the factor vectors.
        factors: usize = 100, range Interval::at_least(0.0), alias "n_factors";
        /// Passes over the ratings.
        epochs: usize = 20, range Interval::at_least(0.0), alias "n_epochs";
        /// Step size η.
        learning_rate: f64 = 0.005, range Interval::above(0.0), alias "lr_all";
        /// Step size of the biases; absent: `learning_rate`.
        learning_rate_bias: Option<f64> = None, range Interval::above(0.0);
        /// Factor on both step sizes after each epoch.
        learning_rate_decay: f64 = 1.0, range Interval { min: 0.0, max: 1.0, open: true };
        /// Penalty on the factors.
        l2: f64 = 0.02, range Interval::at_least(0.0), alias "reg_all";
        /// Penalty on the biases; absent: `l2`.
        l2_bias: Option<f64> = None, range Interval::at_least(0.0);
        /// Whether to model the mean and the biases.
        biased: bool = true;
        /// Mean of the initial factors.
        init_mean: f64 = 0.0, range Interval::between(-10.0, 10.0);
        /// Standard deviation of the initial factors.
        init_std_dev: f64 = 0.1, range Interval::between(0.0, 10.0);
        /// Whether predictions stay within the range of the training ratings.
        clip: bool = true;
    }
}

/// Biases and factors.
#[derive(Debug, Clone, PartialEq)]
pub struct SvdModel {
    params: Svd,
    weights: Weights,
    /// The mean of the users with ratings: where a guest starts.
    guest: Taste,
    scale: Scale,
    /// Of the history that each user was trained on; 0 where it was empty.
    fingerprints: Vec<u64>,
}

/// Everything that is learnt, and μ.
#[derive(Debug, Clone, PartialEq)]
struct Weights {
    mean: f32,
    user_bias: Vec<f32>,
    /// Of an unbiased model: 0, and μ for items without ratings.
    item_bias: Vec<f32>,
    users: Matrix, // (n_users, factors)
    items: Matrix, // (n_items, factors)
}

/// `b_u` and `p_u`.
#[derive(Debug, Clone, PartialEq)]
struct Taste {
    bias: f32,
    factors: Vec<f32>,
}

/// Step sizes and penalties of one epoch.
#[derive(Debug, Clone, Copy)]
struct Rates {
    eta: f32,
    l2: f32,
    /// 0 for an unbiased model, whose biases so never move.
    eta_bias: f32,
    l2_bias: f32,
}

impl Svd {
    fn rates(&self, epoch: usize) -> Rates {
        let decay = self.learning_rate_decay.powi(epoch as i32 - 1);
        let eta_bias = if self.biased { self.learning_rate_bias.unwrap_or(self.learning_rate) } else { 0.0 };
        Rates {
            eta: (self.learning_rate * decay) as f32,
            l2: self.l2 as f32,
            eta_bias: (eta_bias * decay) as f32,
            l2_bias: self.l2_bias.unwrap_or(self.l2) as f32,
        }
    }
}

impl Algorithm for Svd {
    const INFO: ModelInfo = ModelInfo {
        name: "svd",
        aliases: &["funk_svd"],
        title: "Biased matrix factorisation of ratings (SVD)",
        citation: "Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems, IEEE Computer 2009",
        useful_for: "predicting stars",
        not_useful_for: "ranking from likes alone: it learns nothing from what was not rated",
        scale: "any log that memory holds: 25 s an epoch of 20 million ratings",
        output: Output::Rating,
        personalised: true,
    };
    type Model = SvdModel;

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        let (n, d) = (data.log.len() as f64, self.factors);
        let (n_users, n_items) = (data.log.n_users(), data.log.n_items());
        // A product and two updates; both rows are read and written.
        vec![
            Work::of("step users").rows(2.0 * n, d, n_users).arithmetic(n * d as f64),
            Work::of("step items").rows(2.0 * n, d, n_items).arithmetic(n * d as f64),
        ]
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<SvdModel, FitError> {
        let ratings = ratings::by_user(data.log)?;
        if ratings.is_empty() {
            return Err(FitError::Data(
                "svd needs at least one rating to learn from, but the training log is empty".into(),
            ));
        }
        let n_users = data.log.n_users() as UserId;
        let mut training = Training {
            params: self.clone(),
            weights: Weights::initial(self, &ratings, cx.seed),
            users: (0..n_users).flat_map(|user| ratings.cols_of(user as usize).iter().map(move |_| user)).collect(),
            scale: Scale::of(ratings.values()),
            ratings,
            fingerprints: (0..n_users).map(|user| data.log.user(user).fingerprint()).collect(),
            seed: cx.seed.named("order"),
        };
        run_epochs(&mut training, self.epochs, cx, Self::load)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<SvdModel, ArtifactError> {
        let weights = Weights::load(from)?;
        let factors = from.vector("guest.factors", Some(weights.items.n_cols()))?;
        let bias: Vec<f32> = from.vector("guest.bias", Some(1))?;
        let scale: Vec<f32> = from.vector("range", Some(2))?;
        Ok(SvdModel {
            params: from.meta("params")?,
            guest: Taste { bias: bias[0], factors },
            scale: Scale { min: scale[0], max: scale[1] },
            fingerprints: from.vector("fingerprints", Some(weights.users.n_rows()))?,
            weights,
        })
    }
}

impl Weights {
    fn initial(params: &Svd, ratings: &Csr<f32>, seed: Seed) -> Self {
        let (n_users, n_items) = (ratings.n_rows(), ratings.n_cols());
        let mut rated = vec![false; n_items];
        ratings.cols().iter().for_each(|&item| rated[item as usize] = true);
        let mean = (ratings.values().iter().map(|&r| f64::from(r)).sum::<f64>() / ratings.len() as f64) as f32;
        let normal = |n, name: &str, known: &dyn Fn(usize) -> bool| {
            let mut stream = seed.named(name).stream();
            let mut matrix = Matrix::normal(n, params.factors, params.init_std_dev as f32, &mut stream);
            for row in 0..n {
                let shift = params.init_mean as f32;
                matrix.row_mut(row).iter_mut().for_each(|x| *x = if known(row) { *x + shift } else { 0.0 });
            }
            matrix
        };
        let unrated = if params.biased { 0.0 } else { mean };
        Self {
            mean: if params.biased { mean } else { 0.0 },
            user_bias: vec![0.0; n_users],
            item_bias: rated.iter().map(|&rated| if rated { 0.0 } else { unrated }).collect(),
            users: normal(n_users, "users", &|user| !ratings.range(user).is_empty()),
            items: normal(n_items, "items", &|item| rated[item]),
        }
    }

    /// One descent step on one rating; returns the error before it.
    fn step(&mut self, user: usize, item: usize, rating: f32, rates: Rates) -> f32 {
        let Rates { eta, l2, eta_bias, l2_bias } = rates;
        let (p, q) = (self.users.row_mut(user), self.items.row_mut(item));
        let (b_u, b_i) = (&mut self.user_bias[user], &mut self.item_bias[item]);
        let error = rating - (self.mean + *b_u + *b_i + dot(p, q));
        *b_u += eta_bias * (error - l2_bias * *b_u);
        *b_i += eta_bias * (error - l2_bias * *b_i);
        for (p, q) in p.iter_mut().zip(q) {
            (*p, *q) = (*p + eta * (error * *q - l2 * *p), *q + eta * (error * *p - l2 * *q));
        }
        error
    }

    fn taste(&self, user: usize) -> Taste {
        Taste { bias: self.user_bias[user], factors: self.users.row(user).to_vec() }
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) {
        out.tensor("mean", &[1], vec![self.mean]);
        out.tensor("user_bias", &[self.user_bias.len()], self.user_bias.as_slice());
        out.tensor("item_bias", &[self.item_bias.len()], self.item_bias.as_slice());
        out.matrix("user_factors", &self.users);
        out.matrix("item_factors", &self.items);
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self, ArtifactError> {
        let (users, items) = (from.matrix("user_factors")?, from.matrix("item_factors")?);
        if users.n_cols() != items.n_cols() {
            return Err(from.entry("user_factors", format!("has {} factors, not {}", users.n_cols(), items.n_cols())));
        }
        let mean: Vec<f32> = from.vector("mean", Some(1))?;
        Ok(Self {
            mean: mean[0],
            user_bias: from.vector("user_bias", Some(users.n_rows()))?,
            item_bias: from.vector("item_bias", Some(items.n_rows()))?,
            users,
            items,
        })
    }
}

struct Training {
    params: Svd,
    weights: Weights,
    ratings: Csr<f32>,
    /// The user of every rating.
    users: Vec<UserId>,
    scale: Scale,
    fingerprints: Vec<u64>,
    seed: Seed,
}

impl Trainable for Training {
    type Model = SvdModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let mut order: Vec<u32> = (0..self.users.len() as u32).collect();
        self.seed.at(epoch as u64).stream().shuffle(&mut order);
        let rates = self.params.rates(epoch);
        let mut squares = 0.0;
        for entry in order {
            let entry = entry as usize;
            let (user, item) = (self.users[entry] as usize, self.ratings.cols()[entry] as usize);
            squares += f64::from(self.weights.step(user, item, self.ratings.values()[entry], rates)).powi(2);
        }
        Ok(squares / self.users.len() as f64)
    }

    fn snapshot(&self) -> SvdModel {
        let weights = self.weights.clone();
        let rated = (0..self.ratings.n_rows()).filter(|&user| !self.ratings.range(user).is_empty());
        let (mut n, mut bias, mut factors) = (0.0, 0.0, vec![0.0; self.params.factors]);
        for user in rated {
            n += 1.0;
            bias += weights.user_bias[user];
            axpy(1.0, weights.users.row(user), &mut factors);
        }
        for x in &mut factors {
            *x /= n;
        }
        SvdModel {
            params: self.params.clone(),
            guest: Taste { bias: bias / n, factors },
            weights,
            scale: self.scale,
            fingerprints: self.fingerprints.clone(),
        }
    }

    fn save_state<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        self.weights.save(out);
        Ok(())
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        let weights = Weights::load(from)?;
        let shape = |w: &Weights| (w.users.n_rows(), w.items.n_rows(), w.items.n_cols());
        if shape(&weights) != shape(&self.weights) {
            let problem = "is of other data or another number of factors: resume with what the run was started with";
            return Err(from.entry("user_factors", problem.into()));
        }
        self.weights = weights;
        Ok(())
    }
}

impl SvdModel {
    /// The trained taste where the history is the one it was trained on, else one folded in.
    fn taste(&self, query: &Query<'_>) -> Taste {
        let known = query.user.map(|user| user as usize).filter(|&u| self.fingerprints.get(u).is_some_and(|&f| f != 0));
        match known {
            Some(user) if self.fingerprints[user] == query.history.fingerprint() => self.weights.taste(user),
            Some(user) => self.fold_in(self.weights.taste(user), query.history),
            None => self.fold_in(self.guest.clone(), query.history),
        }
    }

    /// The steps of training on one user's ratings, the items fixed.
    fn fold_in(&self, mut taste: Taste, history: History<'_>) -> Taste {
        let rated = ratings::latest(history);
        for epoch in 1..=self.params.epochs {
            let Rates { eta, l2, eta_bias, l2_bias } = self.params.rates(epoch);
            for &(item, rating) in &rated {
                let q = self.weights.items.row(item as usize);
                let bias = self.weights.mean + taste.bias + self.weights.item_bias[item as usize];
                let error = rating - (bias + dot(&taste.factors, q));
                taste.bias += eta_bias * (error - l2_bias * taste.bias);
                taste.factors.iter_mut().zip(q).for_each(|(p, q)| *p += eta * (error * q - l2 * *p));
            }
        }
        taste
    }
}

impl Recommender for SvdModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let tastes: Vec<Taste> = queries.iter().map(|query| self.taste(query)).collect();
        let factors: Vec<f32> = tastes.iter().flat_map(|taste| taste.factors.iter().copied()).collect();
        let product = DotScorer {
            queries: Matrix::from_vec(queries.len(), self.params.factors, factors),
            items: &self.weights.items,
            item_bias: Some(&self.weights.item_bias),
            query_bias: Some(tastes.iter().map(|taste| self.weights.mean + taste.bias).collect()),
        };
        Box::new(Clipped { product, scale: self.params.clip.then_some(self.scale) })
    }

    fn likeness(&self, item: segue_core::ItemId) -> Option<&[f32]> {
        Some(self.weights.items.row(item as usize))
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.meta("params", &self.params)?;
        self.weights.save(out);
        out.tensor("guest.bias", &[1], vec![self.guest.bias]);
        out.tensor("guest.factors", &[self.guest.factors.len()], self.guest.factors.as_slice());
        out.tensor("range", &[2], vec![self.scale.min, self.scale.max]);
        out.tensor("fingerprints", &[self.fingerprints.len()], self.fingerprints.as_slice());
        Ok(())
    }
}

struct Clipped<'a> {
    product: DotScorer<'a>,
    scale: Option<Scale>,
}

impl Scorer for Clipped<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        self.product.score(items, out);
        if let Some(scale) = self.scale {
            for score in out {
                *score = scale.keep(*score);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::{Catalogue, Event, HistoryBuf, Interactions, Registry, Signal, Silent};
    use serde_json::Value;

    fn golden() -> Value {
        serde_json::from_str(include_str!("../../../golden/svd/values.json")).unwrap()
    }

    fn log(n_users: usize, n_items: usize, ratings: &[(u32, u32, f32)]) -> Interactions {
        let event = |&(user, item, value): &(u32, u32, f32)| {
            let signal = if value > 3.0 { Signal::Positive } else { Signal::Negative };
            Event { user, item, weight: 1.0, signal, value, time: None }
        };
        Interactions::new(n_users, n_items, ratings.iter().map(event).collect()).unwrap()
    }

    /// Two camps that love what the other hates; user 3 and item 3 have one rating less.
    fn camps() -> Interactions {
        let rated = (0..16_u32).map(|n| (n / 4, n % 4)).filter(|&pair| pair != (3, 3));
        let ratings: Vec<_> = rated.map(|(u, i)| (u, i, if (u + i) % 2 == 0 { 5.0 } else { 1.0 })).collect();
        log(5, 5, &ratings)
    }

    fn fit(params: &Svd, log: &Interactions, seed: u64) -> SvdModel {
        let (catalogue, registry, mut silent) = (Catalogue::default(), Registry::default(), Silent);
        let mut cx = FitCx::plain(seed, &registry, &mut silent);
        params.fit(&TrainData { catalogue: &catalogue, log }, &mut cx).unwrap()
    }

    fn small() -> Svd {
        Svd { factors: 4, epochs: 100, learning_rate: 0.05, ..Svd::default() }
    }

    fn scores(model: &SvdModel, user: Option<UserId>, history: History<'_>) -> Vec<f32> {
        let mut out = vec![0.0; model.weights.items.n_rows()];
        let items = Candidates::Range(0..out.len() as u32);
        model.encode(&[Query { user, history }]).score(items, &mut out);
        out
    }

    #[test]
    fn a_step_is_half_the_negative_gradient() {
        let (rating, l2, l2_bias, eta) = (4.0, 0.3, 0.2, 1e-2);
        let start = Weights {
            mean: 3.0,
            user_bias: vec![0.5],
            item_bias: vec![-0.25],
            users: Matrix::from_vec(1, 3, vec![0.1, -0.4, 0.7]),
            items: Matrix::from_vec(1, 3, vec![0.9, 0.2, -0.3]),
        };
        let flat = |w: &Weights| -> Vec<f64> {
            let all = w.user_bias.iter().chain(&w.item_bias).chain(w.users.as_slice()).chain(w.items.as_slice());
            all.map(|&x| f64::from(x)).collect()
        };
        let loss = |x: &[f64]| {
            let product: f64 = (0..3).map(|f| x[2 + f] * x[5 + f]).sum();
            let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
            let error = rating - (3.0 + x[0] + x[1] + product);
            error * error + l2_bias * squares(&x[..2]) + l2 * squares(&x[2..])
        };
        let mut moved = start.clone();
        let rates = Rates { eta: eta as f32, l2: l2 as f32, eta_bias: eta as f32, l2_bias: l2_bias as f32 };
        moved.step(0, 0, rating as f32, rates);
        let (before, after) = (flat(&start), flat(&moved));
        for n in 0..before.len() {
            // The loss is a parabola along each axis, so that a central difference is exact at any width.
            let at = |shift: f64| {
                let mut x = before.clone();
                x[n] += shift;
                loss(&x)
            };
            let gradient = at(0.5) - at(-0.5);
            let step = (after[n] - before[n]) / eta;
            assert!((step + gradient / 2.0).abs() < 1e-4, "parameter {n}: step {step}, gradient {gradient}");
        }
    }

    #[test]
    fn steps_equal_those_of_surprise() {
        let golden = golden();
        let numbers = |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
        let tolerance = golden["tolerance"]["steps"].as_f64().unwrap();
        for case in golden["steps"].as_array().unwrap() {
            let rated = case["ratings"].as_array().unwrap().iter().map(numbers);
            let rated: Vec<_> = rated.map(|r| (r[0] as u32, r[1] as u32, r[2] as f32)).collect();
            let model = fit(&serde_json::from_value(case["params"].clone()).unwrap(), &log(3, 3, &rated), 1);
            let close = |found: &[f32], expected: &Value| {
                for (found, expected) in found.iter().zip(numbers(expected)) {
                    assert!((f64::from(*found) - expected).abs() < tolerance, "{found}, not {expected}");
                }
            };
            close(&model.weights.user_bias, &case["user_bias"]);
            close(&model.weights.item_bias, &case["item_bias"]);
            for row in 0..3 {
                close(model.weights.users.row(row), &case["user_factors"][row]);
                close(model.weights.items.row(row), &case["item_factors"][row]);
            }
        }
    }

    #[test]
    fn the_camp_of_a_user_tells_the_missing_rating() {
        let log = camps();
        let model = fit(&small(), &log, 1);
        assert!(scores(&model, Some(3), log.user(3))[3] > 4.0);
        assert!(scores(&model, None, log.user(3))[3] > 4.0, "a guest with the history of user 3");
        let plain = fit(&Svd { biased: false, ..small() }, &log, 1);
        assert!(scores(&plain, Some(3), log.user(3))[3] > 4.0);
        assert_eq!(scores(&plain, Some(3), log.user(3))[4], plain.weights.item_bias[4], "nobody rated item 4");
    }

    #[test]
    fn history_wins() {
        let log = camps();
        let model = fit(&small(), &log, 1);
        for user in [Some(0), None] {
            let mut moved = HistoryBuf::from(log.user(0));
            let before = scores(&model, user, moved.as_history());
            moved.push_event(2, Signal::Negative, 1.0, 1.0);
            let after = scores(&model, user, moved.as_history());
            assert!(after[2] < before[2] && after[0] < before[0]);
        }
        // A known user who never rated is a guest.
        assert_eq!(scores(&model, Some(4), History::EMPTY), scores(&model, None, History::EMPTY));
    }

    #[test]
    fn equal_ratings_are_predicted_exactly() {
        let model = fit(&Svd { factors: 0, epochs: 5, ..Svd::default() }, &log(2, 2, &[(0, 0, 3.0), (1, 1, 3.0)]), 1);
        assert_eq!(scores(&model, Some(0), History::EMPTY), [3.0, 3.0], "all ratings are equal");
    }

    #[test]
    fn what_is_saved_is_loaded_and_an_empty_log_is_refused() {
        let log = camps();
        let model = fit(&small(), &log, 1);
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(Svd::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);

        let (catalogue, mut silent) = (Catalogue::default(), Silent);
        let mut cx = FitCx::plain(1, &registry, &mut silent);
        let empty = Interactions::empty(2, 2);
        let error = Svd::default().fit(&TrainData { catalogue: &catalogue, log: &empty }, &mut cx).unwrap_err();
        assert!(matches!(error, FitError::Data(_)), "{error}");
    }

    /// With default hyper-parameters, the mean RMSE of the five official folds is that of Surprise.
    #[test]
    fn folds_agree_with_surprise() {
        let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
        let folder = std::env::var("SEGUE_DATA").unwrap_or_else(|_| default.into());
        if std::env::var_os("SEGUE_REFERENCE").is_none() || !std::path::Path::new(&folder).join("ml-100k").exists() {
            println!("skipped: needs SEGUE_REFERENCE=1 and ml-100k under SEGUE_DATA");
            return;
        }
        let read = |name: String| -> Vec<(u32, u32, f32)> {
            let file = std::fs::File::open(format!("{folder}/ml-100k/{name}.gz")).unwrap();
            let text = std::io::read_to_string(flate2::read::GzDecoder::new(file)).unwrap();
            let number = |field: Option<&str>| field.unwrap().parse::<u32>().unwrap();
            let rating = |line: &str| {
                let mut fields = line.split('\t');
                let (user, item) = (number(fields.next()) - 1, number(fields.next()) - 1);
                (user, item, number(fields.next()) as f32)
            };
            text.lines().map(rating).collect()
        };
        let mut mean = 0.0;
        for fold in 1..=5 {
            let train = log(943, 1682, &read(format!("u{fold}.base")));
            let model = fit(&Svd::default(), &train, 7);
            let test = read(format!("u{fold}.test"));
            let mut squares = 0.0;
            for user in 0..943 {
                let scores = scores(&model, Some(user), train.user(user));
                let asked = test.iter().filter(|r| r.0 == user);
                squares += asked.map(|&(_, item, r)| f64::from(r - scores[item as usize]).powi(2)).sum::<f64>();
            }
            mean += (squares / test.len() as f64).sqrt() / 5.0;
        }
        let golden = golden();
        let seeds = golden["folds"].as_array().unwrap();
        let folds = seeds.iter().flat_map(|seed| seed.as_array().unwrap()).map(|rmse| rmse.as_f64().unwrap());
        let expected = folds.sum::<f64>() / (5 * seeds.len()) as f64;
        let tolerance = golden["tolerance"]["mean_rmse"].as_f64().unwrap();
        assert!((mean - expected).abs() < tolerance, "mean RMSE {mean}, Surprise {expected}");
    }
}
