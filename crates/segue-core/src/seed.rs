//! Counter-based random streams named by purpose.
//!
//! A stream is a pure function of (seed, names, indices), so that work may be sharded in any way and still draw the same
//! numbers. The generator is `SplitMix64` (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*,
//! OOPSLA 2014), whose n-th output is a mix of `key + n · γ` and needs no state but the counter.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A point in the tree of random streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The root of a run.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// The branch for one purpose, e.g. `"negatives"`.
    #[must_use]
    pub fn named(self, purpose: &str) -> Self {
        let hash = purpose.bytes().fold(self.0, |h, byte| mix(h ^ u64::from(byte)).wrapping_add(GOLDEN));
        Self(mix(hash))
    }

    /// The branch for one index: an epoch, a shard, a user.
    #[must_use]
    pub fn at(self, index: u64) -> Self {
        Self(mix(self.0 ^ mix(index.wrapping_mul(GOLDEN).wrapping_add(1))))
    }

    /// The stream that starts here.
    pub fn stream(self) -> Stream {
        Stream { key: self.0, counter: 0 }
    }

    /// One 64-bit value: the hash of the path to this point.
    pub fn value(self) -> u64 {
        mix(self.0)
    }

    /// One value in `[0, 1)`: the hash of the path to this point.
    pub fn unit(self) -> f64 {
        (self.value() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

/// A sequence of random numbers.
#[derive(Debug, Clone)]
pub struct Stream {
    key: u64,
    counter: u64,
}

impl Stream {
    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(GOLDEN);
        mix(self.key.wrapping_add(self.counter))
    }

    /// Uniform in `[0, 1)`.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in `0..n`, `n > 0`, without modulo bias (Lemire, *Fast random integer generation in an interval*, 2019).
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        loop {
            let product = (self.next_u64() >> 32) * u64::from(n);
            let low = product as u32;
            if low >= n || low >= n.wrapping_neg() % n {
                return (product >> 32) as u32;
            }
        }
    }

    /// Standard normal (Box and Muller, 1958); one of the pair is used, so that draws stay countable.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A random order of `items` (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_name_and_index_and_repeat() {
        let seed = Seed::new(7);
        let draw = |s: Seed| s.stream().next_u64();
        assert_eq!(draw(seed.named("a").at(3)), draw(Seed::new(7).named("a").at(3)));
        assert_ne!(draw(seed.named("a")), draw(seed.named("b")));
        assert_ne!(draw(seed.at(0)), draw(seed.at(1)));
        assert_ne!(draw(seed.named("ab")), draw(seed.named("a").named("b")));
    }

    #[test]
    fn moments_are_right() {
        let mut stream = Seed::new(1).stream();
        let n = 100_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let x = stream.normal();
            sum += x;
            squares += x * x;
        }
        assert!((sum / f64::from(n)).abs() < 0.02);
        assert!((squares / f64::from(n) - 1.0).abs() < 0.02);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|c| (9_500..10_500).contains(c)), "{counts:?}");
    }
}
