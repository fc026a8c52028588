//! The k best of a stream of scored items.

use std::cmp::Ordering;

use crate::ids::ItemId;

/// An item and its score; higher is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The item.
    pub item: ItemId,
    /// Its score, finite.
    pub score: f32,
}

impl Scored {
    /// Best first: by falling score, ties by rising item id.
    pub fn rank_order(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.item.cmp(&other.item))
    }
}

/// Keeps the k best of what is pushed, in a heap whose root is the worst kept.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    heap: Vec<Scored>,
}

impl TopK {
    /// An empty collector of at most `k` items.
    pub fn new(k: usize) -> Self {
        Self { k, heap: Vec::with_capacity(k.min(1024)) }
    }

    /// Offers one item.
    #[inline]
    pub fn push(&mut self, item: ItemId, score: f32) {
        let new = Scored { item, score };
        if self.heap.len() < self.k {
            self.heap.push(new);
            self.sift_up(self.heap.len() - 1);
        } else if let Some(worst) = self.heap.first()
            && new.rank_order(worst) == Ordering::Less
        {
            self.heap[0] = new;
            self.sift_down();
        }
    }

    /// The score an item must reach to be kept, once k items are.
    #[inline]
    pub fn threshold(&self) -> Option<f32> {
        if self.heap.len() < self.k { None } else { self.heap.first().map(|worst| worst.score) }
    }

    /// The kept items, best first.
    pub fn into_sorted(mut self) -> Vec<Scored> {
        self.heap.sort_unstable_by(Scored::rank_order);
        self.heap
    }

    fn sift_up(&mut self, mut child: usize) {
        while child > 0 {
            let parent = (child - 1) / 2;
            if self.heap[child].rank_order(&self.heap[parent]) != Ordering::Greater {
                return;
            }
            self.heap.swap(child, parent);
            child = parent;
        }
    }

    fn sift_down(&mut self) {
        let mut parent = 0;
        loop {
            let left = 2 * parent + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let worse = if right < self.heap.len() && self.heap[right].rank_order(&self.heap[left]) == Ordering::Greater
            {
                right
            } else {
                left
            };
            if self.heap[worse].rank_order(&self.heap[parent]) != Ordering::Greater {
                return;
            }
            self.heap.swap(parent, worse);
            parent = worse;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn equals_a_full_sort(scores in proptest::collection::vec(0_u8..20, 0..200), k in 0_usize..30) {
            let mut top = TopK::new(k);
            let mut all = Vec::new();
            for (item, &score) in scores.iter().enumerate() {
                top.push(item as u32, f32::from(score));
                all.push(Scored { item: item as u32, score: f32::from(score) });
            }
            all.sort_by(Scored::rank_order);
            all.truncate(k);
            proptest::prop_assert_eq!(top.into_sorted(), all);
        }
    }
}
