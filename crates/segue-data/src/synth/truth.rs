//! What is hidden from models: the tastes of people and the vectors of items.
//!
//! A taste is `√s · shared + √(1 − s) · private_domain` of independent standard normal vectors, s the strength, so that
//! the tastes of one person in two domains correlate by exactly s and each is standard normal whatever s is. Drift turns
//! every vector in a plane of its own, `cos(θτ) a + sin(θτ) b` with τ in `[0, 1]` the share of the time gone by, which
//! keeps lengths and correlations. Items have unit vectors near the direction of their genre; genres with one number
//! have one direction in every domain. An affinity, taste · item, is therefore standard normal over people.

use segue_core::{DomainId, Matrix, Seed, Stream, kernels::dot};

use super::config::WorldConfig;

/// The tastes, the item vectors and the genres.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    strength: f64,
    drift: f64,
    shared: Drifting,
    private: Vec<Drifting>,
    items: Vec<Matrix>,
    genres: Vec<Vec<Vec<usize>>>,
}

/// One vector per person that turns from `a` towards `b`.
#[derive(Debug, Clone, PartialEq)]
struct Drifting {
    a: Matrix, // (n_users, dimension)
    b: Matrix,
}

impl Drifting {
    fn draw(n_users: usize, dimension: usize, seed: Seed) -> Self {
        let draw = |name| Matrix::normal(n_users, dimension, 1.0, &mut seed.named(name).stream());
        Self { a: draw("from"), b: draw("towards") }
    }

    fn add(&self, user: usize, angle: f64, weight: f64, out: &mut [f32]) {
        let (cos, sin) = ((weight * angle.cos()) as f32, (weight * angle.sin()) as f32);
        for ((out, a), b) in out.iter_mut().zip(self.a.row(user)).zip(self.b.row(user)) {
            *out += cos * a + sin * b;
        }
    }
}

impl Truth {
    pub(super) fn draw(config: &WorldConfig, seed: Seed) -> Self {
        let media = config.media();
        let tastes = |name: &str| Drifting::draw(config.n_users, config.dimension, seed.named("tastes").named(name));
        let directions = directions(config.n_genres, config.dimension, &mut seed.named("genres").stream());
        let (mut items, mut genres) = (Vec::new(), Vec::new());
        for &medium in &media {
            let mut stream = seed.named("items").named(medium.name()).stream();
            let n_items = config.domain(medium).n_items;
            let mut vectors = Matrix::zeros(n_items, config.dimension);
            let of_items = (0..n_items).map(|i| {
                let of_item = draw_genres(config.n_genres, &mut stream);
                place_item(&of_item, &directions, vectors.row_mut(i), &mut stream);
                of_item
            });
            genres.push(of_items.collect());
            items.push(vectors);
        }
        Self {
            strength: config.strength,
            drift: config.drift,
            shared: tastes("shared"),
            private: media.iter().map(|medium| tastes(medium.name())).collect(),
            items,
            genres,
        }
    }

    /// The taste of a person in one domain at `moment` in `[0, 1]`, the share of the world's time gone by.
    pub fn taste(&self, user: usize, domain: DomainId, moment: f64) -> Vec<f32> {
        let mut taste = vec![0.0; self.shared.a.n_cols()];
        let angle = self.drift * moment;
        self.shared.add(user, angle, self.strength.sqrt(), &mut taste);
        self.private[domain].add(user, angle, (1.0 - self.strength).sqrt(), &mut taste);
        taste
    }

    /// How much a person likes an item when the world ends: standard normal over people.
    pub fn affinity(&self, user: usize, domain: DomainId, item: usize) -> f32 {
        dot(&self.taste(user, domain, 1.0), self.items[domain].row(item))
    }

    /// The unit vectors of a domain's items, `n_items × dimension`.
    pub fn items(&self, domain: DomainId) -> &Matrix {
        &self.items[domain]
    }

    /// The numbers of an item's genres, the leading one first, whether its metadata tells them or not.
    pub fn genres(&self, domain: DomainId, item: usize) -> &[usize] {
        &self.genres[domain][item]
    }
}

/// Unit vectors, each the farthest from those before it among 64 candidates.
fn directions(n_genres: usize, dimension: usize, stream: &mut Stream) -> Matrix {
    const N_CANDIDATES: usize = 64;
    let mut chosen = Matrix::zeros(n_genres, dimension);
    for genre in 0..n_genres {
        let mut best = f32::INFINITY;
        for _ in 0..N_CANDIDATES {
            let candidate = unit_vector(dimension, stream);
            let nearest = (0..genre).map(|g| dot(chosen.row(g), &candidate)).fold(-1.0, f32::max);
            if nearest < best {
                best = nearest;
                chosen.row_mut(genre).copy_from_slice(&candidate);
            }
        }
    }
    chosen
}

/// One genre, and a second one for every third item.
fn draw_genres(n_genres: usize, stream: &mut Stream) -> Vec<usize> {
    let first = stream.below(n_genres as u32) as usize;
    let second = stream.below(n_genres as u32) as usize;
    let has_second = stream.below(3) == 0;
    if has_second && second != first { vec![first, second] } else { vec![first] }
}

/// Puts an item near its leading genre, drawn towards its second one.
fn place_item(genres: &[usize], directions: &Matrix, out: &mut [f32], stream: &mut Stream) {
    const SECOND_GENRE: f32 = 0.6;
    const INDIVIDUALITY: f32 = 0.6;
    let own = unit_vector(out.len(), stream);
    for (out, own) in out.iter_mut().zip(own) {
        *out = INDIVIDUALITY * own;
    }
    for (&genre, weight) in genres.iter().zip([1.0, SECOND_GENRE]) {
        segue_core::kernels::axpy(weight, directions.row(genre), out);
    }
    normalise(out);
}

fn unit_vector(dimension: usize, stream: &mut Stream) -> Vec<f32> {
    let mut vector: Vec<f32> = (0..dimension).map(|_| stream.normal() as f32).collect();
    normalise(&mut vector);
    vector
}

/// Scales to length 1; a vector of no length, which no draw gives, stays as it is.
fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        for x in vector {
            *x /= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(strength: f64) -> Truth {
        let config = WorldConfig { strength, n_users: 2_000, ..WorldConfig::small() };
        Truth::draw(&config, Seed::new(3))
    }

    #[test]
    fn tastes_of_two_domains_correlate_by_the_strength() {
        for (strength, moment) in [(0.0, 0.0), (0.25, 1.0), (0.5, 0.5), (1.0, 0.3)] {
            let truth = truth(strength);
            let (mut product, mut square, mut n) = (0.0, 0.0, 0.0);
            for user in 0..2_000 {
                for (x, y) in truth.taste(user, 0, moment).iter().zip(truth.taste(user, 1, moment)) {
                    product += f64::from(x * y);
                    square += f64::from(x * x);
                    n += 1.0;
                }
            }
            assert!((square / n - 1.0_f64).abs() < 0.04, "variance {}", square / n);
            assert!((product / n - strength).abs() < 0.03, "strength {strength}: correlation {}", product / n);
        }
    }

    #[test]
    fn drift_turns_tastes_by_its_angle() {
        let truth = truth(0.5);
        let cosines = (0..2_000).map(|user| {
            let (early, late) = (truth.taste(user, 1, 0.0), truth.taste(user, 1, 1.0));
            f64::from(dot(&early, &late)) / f64::from(dot(&early, &early) * dot(&late, &late)).sqrt()
        });
        let mean = cosines.sum::<f64>() / 2_000.0;
        assert!((mean - truth.drift.cos()).abs() < 0.02, "mean cosine {mean}");
    }

    #[test]
    fn items_lie_near_their_genre_in_every_domain() {
        let truth = truth(0.5);
        let mean_cosine = |same: bool| {
            let (mut sum, mut n) = (0.0, 0.0);
            for song in 0..truth.items(0).n_rows() {
                for film in 0..truth.items(1).n_rows() {
                    if (truth.genres(0, song)[0] == truth.genres(1, film)[0]) == same {
                        sum += f64::from(dot(truth.items(0).row(song), truth.items(1).row(film)));
                        n += 1.0;
                    }
                }
            }
            sum / n
        };
        assert!(mean_cosine(true) > 0.55, "within genres {}", mean_cosine(true));
        assert!(mean_cosine(false).abs() < 0.1, "between genres {}", mean_cosine(false));
    }
}
