//! What every user of the training was known to like and dislike then: what has changed since is new evidence.

use segue_core::kernels::{axpy, dot};
use segue_core::{ArtifactError, ArtifactReader, ArtifactWriter, History, Interactions, ItemId, Matrix, UserId};

/// Items with whether they are liked, rising.
pub(crate) type Signed = Vec<(ItemId, bool)>;

/// The signed items of a history that a model with `n_items` items can know.
pub(crate) fn signed(history: History<'_>, n_items: usize) -> Signed {
    let all = history.signed().into_iter().filter(|&(item, _)| (item as usize) < n_items);
    all.map(|(item, strength)| (item, strength >= 0.0)).collect()
}

/// Turns a vector away from the items that are disliked, by half its length (J. J. Rocchio: *Relevance feedback in information
/// retrieval*, 1971).
pub(crate) fn turn_away(vector: &mut [f32], items: &Matrix, signed: &Signed) {
    const STRENGTH: f32 = 0.5;
    let mut away = vec![0.0; vector.len()];
    for &(item, _) in signed.iter().filter(|&&(_, liked)| !liked) {
        axpy(1.0, items.row(item as usize), &mut away);
    }
    let (length, from) = (dot(vector, vector).sqrt(), dot(&away, &away).sqrt());
    if from > 0.0 {
        axpy(-STRENGTH * length / from, &away, vector);
    }
}

/// The signed items of every user at training.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histories {
    /// Where each user's items end; the first begin at 0.
    ends: Vec<u64>,
    items: Vec<ItemId>,
    /// 1 for a like, 0 for a dislike.
    liked: Vec<u8>,
}

impl Histories {
    pub(crate) fn of(log: &Interactions) -> Self {
        let mut all = Self { ends: Vec::with_capacity(log.n_users()), items: Vec::new(), liked: Vec::new() };
        for user in 0..log.n_users() as UserId {
            for (item, liked) in signed(log.user(user), log.n_items()) {
                all.items.push(item);
                all.liked.push(u8::from(liked));
            }
            all.ends.push(all.items.len() as u64);
        }
        all
    }

    /// The signed items of a user.
    pub(crate) fn user(&self, user: usize) -> Signed {
        let start = if user == 0 { 0 } else { self.ends[user - 1] as usize };
        let range = start..self.ends[user] as usize;
        self.items[range.clone()].iter().zip(&self.liked[range]).map(|(&item, &liked)| (item, liked == 1)).collect()
    }

    pub(crate) fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) {
        out.tensor("ends", &[self.ends.len()], self.ends.as_slice());
        out.tensor("items", &[self.items.len()], self.items.as_slice());
        out.tensor("liked", &[self.liked.len()], self.liked.as_slice());
    }

    /// Reads what [`Histories::save`] wrote of `n_users` users and items below `n_items`.
    pub(crate) fn load(from: &ArtifactReader<'_>, n_users: usize, n_items: usize) -> Result<Self, ArtifactError> {
        let ends: Vec<u64> = from.vector("ends", Some(n_users))?;
        let len = ends.last().map_or(0, |&end| end as usize);
        if !ends.is_sorted() {
            return Err(from.entry("ends", "does not rise".into()));
        }
        let items: Vec<ItemId> = from.vector("items", Some(len))?;
        if items.iter().any(|&item| item as usize >= n_items) {
            return Err(from.entry("items", format!("names an item beyond the {n_items} of the model")));
        }
        Ok(Self { ends, items, liked: from.vector("liked", Some(len))? })
    }
}
