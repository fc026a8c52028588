//! Who is drawn in pairwise training: positives in a random order, negatives uniformly among what a user does not like.
//!
//! Every sample draws from its own counter-based stream, (epoch, position), so that the draws do not depend on threads,
//! shards or batches. Negatives are drawn without rejection: the n-th item that is absent from a sorted row is found by
//! bisection, so a user who likes almost everything costs no more than another.

use std::ops::Range;

use crate::{Catalogue, Csr, FitError, ItemId, Matrix, Seed, Stream, TrainData, UserId};

/// The likes of a log, and the item range from which each like's negatives come.
#[derive(Debug)]
pub struct Positives {
    likes: Csr<f32>,
    /// User of each stored like.
    users: Vec<UserId>,
    /// Users with at least one like.
    active: Vec<UserId>,
    /// First item of each domain and, last, the number of items.
    starts: Vec<ItemId>,
    /// Item of each like, rising, so that those of a domain are side by side.
    by_item: Vec<ItemId>,
}

impl Positives {
    /// Reads the likes; a log without any cannot be trained on.
    pub fn new(data: &TrainData<'_>, model: &str) -> Result<Self, FitError> {
        let likes = data.log.positives();
        if likes.is_empty() {
            return Err(FitError::Data(format!(
                "model `{model}` learns from liked items, but none of the {} training events is positive: lower the \
                 positive threshold of `prepare`, or train on a log with likes",
                data.log.len()
            )));
        }
        let starts = starts(data.catalogue, likes.n_cols());
        Ok(Self::of(likes, starts))
    }

    /// Likes `(n_users, n_items)`, and the first item of each domain with, last, the number of items.
    pub fn of(likes: Csr<f32>, starts: Vec<ItemId>) -> Self {
        let rows = || 0..likes.n_rows() as UserId;
        let users = rows().flat_map(|u| std::iter::repeat_n(u, likes.range(u as usize).len())).collect();
        let active = rows().filter(|&u| !likes.range(u as usize).is_empty()).collect();
        let mut by_item = likes.cols().to_vec();
        by_item.sort_unstable();
        Self { likes, users, active, starts, by_item }
    }

    /// First item of each domain and, last, the number of items.
    pub fn starts(&self) -> &[ItemId] {
        &self.starts
    }

    /// The same likes under new ids, of which `users` and `items` list the old ones; items stay in the ranges of their domains.
    #[must_use]
    pub fn renamed(self, users: &[UserId], items: &[ItemId]) -> Self {
        let mut new = vec![0; items.len()];
        items.iter().zip(0..).for_each(|(&old, id)| new[old as usize] = id);
        let row = |&old: &UserId| {
            let (cols, weights) = self.likes.row(old as usize);
            cols.iter().map(|&item| new[item as usize]).zip(weights.iter().copied()).collect()
        };
        let Ok(likes) = Csr::from_rows(items.len(), users.iter().map(row).collect()) else {
            unreachable!("new ids of a checked matrix are in range")
        };
        Self::of(likes, self.starts)
    }

    /// Users × items, the liked ones stored.
    pub fn likes(&self) -> &Csr<f32> {
        &self.likes
    }

    /// Number of likes, at least one: the samples of one epoch.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.likes.len()
    }

    /// Users with at least one like, rising.
    pub fn active(&self) -> &[UserId] {
        &self.active
    }

    /// The mean vector of the users with likes, and the table of users in which all others have it, too.
    pub fn with_mean_user(&self, users: &Matrix) -> (Vec<f32>, Matrix) {
        let mut sums = vec![0.0_f64; users.n_cols()];
        for &user in &self.active {
            sums.iter_mut().zip(users.row(user as usize)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let mean: Vec<f32> = sums.iter().map(|sum| (sum / self.active.len() as f64) as f32).collect();
        let mut users = users.clone();
        for user in (0..users.n_rows()).filter(|&u| self.likes.cols_of(u).is_empty()) {
            users.row_mut(user).copy_from_slice(&mean);
        }
        (mean, users)
    }

    /// Like number `n` in row order.
    pub fn pair(&self, n: u32) -> (UserId, ItemId) {
        (self.users[n as usize], self.likes.cols()[n as usize])
    }

    /// A user drawn uniformly among those with likes, then one of their likes.
    pub fn draw_by_user(&self, stream: &mut Stream) -> (UserId, ItemId) {
        let user = self.active[stream.below(self.active.len() as u32) as usize];
        let items = self.likes.cols_of(user as usize);
        (user, items[stream.below(items.len() as u32) as usize])
    }

    /// An item of the domain of `item` that `user` does not like, as often as it is liked by others: a like drawn at random.
    /// Who likes nearly all that is popular gets a uniform draw after sixteen draws in vain; there must be such an item.
    pub fn popular(&self, user: UserId, item: ItemId, stream: &mut Stream) -> ItemId {
        const DRAWS: usize = 16;
        let end = self.starts.partition_point(|&start| start <= item);
        let bound = |start: ItemId| self.by_item.partition_point(|&liked| liked < start);
        let domain = &self.by_item[bound(self.starts[end - 1])..bound(self.starts[end])];
        let own = self.likes.cols_of(user as usize);
        let drawn = (0..DRAWS).map(|_| domain[stream.below(domain.len() as u32) as usize]);
        let found = drawn.into_iter().find(|drawn| own.binary_search(drawn).is_err());
        found.unwrap_or_else(|| self.others(user, item).draw(stream))
    }

    /// The items of the domain of `item` that `user` does not like.
    pub fn others(&self, user: UserId, item: ItemId) -> Absent<'_> {
        let likes = self.likes.cols_of(user as usize);
        if let [first, end] = self.starts[..] {
            // One domain: nothing of the row lies outside it.
            return Absent { present: likes, first, len: end - first - likes.len() as u32 };
        }
        let end = self.starts.partition_point(|&start| start <= item);
        Absent::new(likes, self.starts[end - 1]..self.starts[end])
    }
}

fn starts(catalogue: &Catalogue, n_items: usize) -> Vec<ItemId> {
    let mut starts: Vec<ItemId> = (0..catalogue.domains().len()).map(|d| catalogue.range(d).start).collect();
    starts.extend([0, n_items as ItemId]);
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The items of a range that are absent from a sorted list.
#[derive(Debug)]
pub struct Absent<'a> {
    present: &'a [ItemId],
    first: ItemId,
    len: u32,
}

impl<'a> Absent<'a> {
    /// `sorted` rises strictly; it may hold items outside `range`.
    pub fn new(sorted: &'a [ItemId], range: Range<ItemId>) -> Self {
        let from = sorted.partition_point(|&item| item < range.start);
        let to = from + sorted[from..].partition_point(|&item| item < range.end);
        let present = &sorted[from..to];
        Self { present, first: range.start, len: range.end - range.start - present.len() as u32 }
    }

    /// True if every item of the range is present.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One of them, uniformly; there must be one.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> ItemId {
        self.nth(stream.below(self.len))
    }

    fn nth(&self, n: u32) -> ItemId {
        // `present[m] - first - m` items are absent before present[m]; find the first m with more than n.
        let (mut low, mut high) = (0, self.present.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.present[middle] - self.first - middle as u32 > n {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.first + n + low as u32
    }
}

/// All likes in the random order of one epoch.
pub fn shuffled(n: usize, epoch: Seed) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    epoch.named("order").stream().shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_items_are_numbered_in_order() {
        let absent = Absent::new(&[0, 3, 5, 6, 9], 2..8);
        let all: Vec<u32> = (0..3).map(|n| absent.nth(n)).collect();
        assert_eq!((absent.len, all), (3, vec![2, 4, 7]));
        assert!(Absent::new(&[2, 3], 2..4).is_empty());
    }

    #[test]
    fn a_shuffle_is_a_permutation_that_depends_on_the_epoch() {
        let seed = Seed::new(1);
        let (a, b) = (shuffled(50, seed.at(1)), shuffled(50, seed.at(2)));
        assert_ne!(a, b);
        let mut sorted = a;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn popular_items_are_drawn_as_often_as_they_are_liked_and_never_the_own() {
        // Item 0 is liked by the user who asks, 1 thrice, 2 once; 3 is of another domain.
        let likes =
            Csr::from_rows(4, vec![vec![(0, 1.0)], vec![(1, 1.0), (3, 1.0)], vec![(1, 1.0), (2, 1.0)], vec![(1, 1.0)]]);
        let positives = Positives::of(likes.unwrap(), vec![0, 3, 4]);
        let mut stream = Seed::new(5).stream();
        let mut drawn = [0; 4];
        (0..4000).for_each(|_| drawn[positives.popular(0, 0, &mut stream) as usize] += 1);
        assert_eq!((drawn[0], drawn[3]), (0, 0));
        assert!((drawn[1] - 3000_i32).abs() < 150, "{drawn:?}");
    }

    proptest::proptest! {
        #[test]
        fn draws_are_exactly_the_absent_items(present in proptest::collection::btree_set(0_u32..40, 0..40), end in 1_u32..40) {
            let present: Vec<u32> = present.into_iter().collect();
            let absent = Absent::new(&present, 0..end);
            let drawn: Vec<u32> = (0..absent.len).map(|n| absent.nth(n)).collect();
            let expected: Vec<u32> = (0..end).filter(|i| !present.contains(i)).collect();
            proptest::prop_assert_eq!(drawn, expected);
        }
    }
}
