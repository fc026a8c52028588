//! Answers for people: the best items of a domain for a user or a guest, each with its reasons.

use segue_core::ranking::{Ask, rank_range};
use segue_core::{
    Candidates, DomainId, History, HistoryBuf, ItemId, Query, Recommender, Scored, Signal, TopK, UserId, kernels,
    nearest,
};

use crate::bundle::Bundle;
use crate::error::LabError;

/// Who asks for what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// External id of a known user; `None` is a guest.
    pub user: Option<String>,
    /// Titles or ids of liked items, each optionally `domain:title`.
    pub likes: Vec<String>,
    /// Titles or ids of disliked items, likewise.
    pub dislikes: Vec<String>,
    /// Name of the domain to recommend from; the model's target by default.
    pub target: Option<String>,
    /// Number of items wanted, at least 1.
    pub k: usize,
}

/// Why an item is recommended: one event of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The item of the history.
    pub item: ItemId,
    /// What this event did to it.
    pub signal: Signal,
    /// What the event adds to the score (additive models), or by how much the score falls without it.
    pub contribution: f32,
}

/// One recommended item.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// The item.
    pub item: ItemId,
    /// Its score under the model.
    pub score: f32,
    /// What the score owes to no event (popularity, the user's own vector): with all contributions it adds up to the score.
    /// `None` where contributions are leave-one-out differences, which need not add up.
    pub base: Option<f32>,
    /// One for each event that changes the score, the most positive first.
    pub reasons: Vec<Reason>,
}

/// The best items for a request; seen, liked and disliked items are never among them.
pub fn recommend(bundle: &Bundle, request: &Request) -> Result<Vec<Recommendation>, LabError> {
    if request.k == 0 {
        return Err(LabError::Config("k = 0 recommends nothing; ask for at least 1".into()));
    }
    let target = match &request.target {
        Some(name) => find_domain(bundle, name)?,
        None => bundle.target,
    };
    let user = request.user.as_deref().map(|id| find_user(bundle, id)).transpose()?;
    let mut history = user.map_or_else(HistoryBuf::default, |u| bundle.log.user(u).into());
    let mut said: Vec<(ItemId, Signal)> = Vec::new();
    for (titles, signal) in [(&request.likes, Signal::Positive), (&request.dislikes, Signal::Negative)] {
        for title in titles {
            let item = find_item(bundle, title)?;
            match said.iter().find(|(other, _)| *other == item) {
                Some((_, before)) if *before != signal => {
                    let title = bundle.catalogue.title(item);
                    return Err(LabError::Config(format!("\"{title}\" is both liked and disliked; say one of them")));
                }
                Some(_) => {}
                None => said.push((item, signal)),
            }
        }
    }
    for (item, signal) in said {
        history.push(item, signal);
    }
    let query = Query { user, history: history.as_history() };
    let mut hidden = query.history.items.to_vec();
    hidden.sort_unstable();
    hidden.dedup();
    let ask = Ask { query, hidden: &hidden, relevant: &[] };
    let ranking = rank_range(bundle.model.as_ref(), &[ask], bundle.catalogue.range(target), request.k)
        .map_err(|error| LabError::Internal(error.to_string()))?;
    let top = ranking.into_iter().next().unwrap_or_default().top;
    Ok(top
        .into_iter()
        .map(|Scored { item, score }| {
            let (base, mut reasons) = reasons(bundle.model.as_ref(), &query, item, score);
            reasons.retain(|reason| reason.contribution != 0.0);
            reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution).then(a.item.cmp(&b.item)));
            Recommendation { item, score, base, reasons }
        })
        .collect())
}

/// What each event of the history does to the score of `item`, oldest first: the model's own additive contributions
/// and what they leave of the score, where it has them; else the difference that leaving the event out makes.
pub fn reasons(model: &dyn Recommender, query: &Query<'_>, item: ItemId, score: f32) -> (Option<f32>, Vec<Reason>) {
    let additive = model.contributions(query, item);
    let base = additive.as_ref().map(|parts| {
        let sum: f64 = parts.iter().copied().map(f64::from).sum();
        (f64::from(score) - sum) as f32
    });
    let contributions = additive.unwrap_or_else(|| leave_one_out(model, query, item));
    let History { items, signals, .. } = query.history;
    let events = items.iter().zip(signals).zip(contributions);
    (base, events.map(|((&item, &signal), contribution)| Reason { item, signal, contribution }).collect())
}

fn leave_one_out(model: &dyn Recommender, query: &Query<'_>, item: ItemId) -> Vec<f32> {
    let score_all = |queries: &[Query<'_>]| {
        let mut scores = vec![0.0; queries.len()];
        model.encode(queries).score(Candidates::List(&[item]), &mut scores);
        scores
    };
    let whole = score_all(&[*query])[0];
    let h = query.history;
    let without: Vec<HistoryBuf> = (0..h.len())
        .map(|left_out| {
            let mut history = HistoryBuf::default();
            for n in (0..h.len()).filter(|&n| h.items[n] != h.items[left_out]) {
                history.push_event(h.items[n], h.signals[n], h.weights[n], h.values[n]);
            }
            history
        })
        .collect();
    let queries: Vec<Query<'_>> = without.iter().map(|h| Query { user: query.user, history: h.as_history() }).collect();
    queries.chunks(64).flat_map(score_all).map(|score| whole - score).collect()
}

/// The items most like one item: by the angle of their vectors where the model has vectors, else by what the model
/// recommends to a guest who likes that item alone.
pub fn similar(bundle: &Bundle, item: ItemId, target: DomainId, k: usize) -> Result<Vec<Scored>, LabError> {
    let range = bundle.catalogue.range(target);
    if let Some(vector) = bundle.model.likeness(item) {
        let norm = |v: &[f32]| kernels::dot(v, v).sqrt().max(f32::MIN_POSITIVE);
        let scale = norm(vector);
        let mut top = TopK::new(k);
        for other in range.filter(|&other| other != item) {
            if let Some(row) = bundle.model.likeness(other) {
                top.push(other, kernels::dot(vector, row) / (scale * norm(row)));
            }
        }
        return Ok(top.into_sorted());
    }
    let history = HistoryBuf::likes(&[item]);
    let ask = Ask { query: Query::guest(history.as_history()), hidden: &[item], relevant: &[] };
    let ranking =
        rank_range(bundle.model.as_ref(), &[ask], range, k).map_err(|error| LabError::Internal(error.to_string()))?;
    Ok(ranking.into_iter().next().unwrap_or_default().top)
}

/// The dense id of a known user.
pub fn find_user(bundle: &Bundle, id: &str) -> Result<UserId, LabError> {
    bundle.users.find(id).ok_or_else(|| {
        let hint = nearest(id, bundle.users.iter()).map(|n| format!("; the nearest id is `{n}`")).unwrap_or_default();
        LabError::NotFound(format!(
            "user `{id}` is not among the {} users of this model{hint}. For someone new, name what they like: --like \"title\"",
            bundle.users.len()
        ))
    })
}

/// The domain called `name`.
pub fn find_domain(bundle: &Bundle, name: &str) -> Result<DomainId, LabError> {
    bundle.catalogue.find_domain(name).ok_or_else(|| {
        let names: Vec<&str> = bundle.catalogue.domains().iter().map(|d| d.name.as_str()).collect();
        LabError::NotFound(format!("this model knows no domain `{name}`; it knows: {}", names.join(", ")))
    })
}

/// An item by `domain:title`, title, part of a title that only one item has, or external id; case does not matter.
pub fn find_item(bundle: &Bundle, text: &str) -> Result<ItemId, LabError> {
    let catalogue = &bundle.catalogue;
    let prefixed = text.split_once(':').and_then(|(d, rest)| Some((catalogue.find_domain(d.trim())?, rest.trim())));
    let (domains, wanted) = match prefixed {
        Some((domain, rest)) => (domain..domain + 1, rest),
        None => (0..catalogue.domains().len(), text.trim()),
    };
    if wanted.is_empty() {
        return Err(LabError::NotFound("an empty title names nothing; give a title, a part of one, or an id".into()));
    }
    let lower = wanted.to_lowercase();
    let items = || domains.clone().flat_map(|d| catalogue.range(d));
    let titled = |matches: &dyn Fn(&str) -> bool| -> Vec<ItemId> {
        items().filter(|&i| matches(&catalogue.title(i).to_lowercase())).collect()
    };
    let mut found = titled(&|title| title == lower);
    if found.is_empty() {
        found = domains.clone().filter_map(|d| catalogue.find(d, wanted)).collect();
    }
    if found.is_empty() {
        found = titled(&|title| title.contains(&lower));
    }
    let name = |i: ItemId| {
        let domain = &catalogue.domains()[catalogue.domain_of(i)].name;
        format!("{domain}:{} ({})", catalogue.external(i), catalogue.title(i))
    };
    match found[..] {
        [item] => Ok(item),
        [] => {
            let hint = nearest(wanted, items().map(|i| catalogue.title(i)));
            let hint = hint.map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
            Err(LabError::NotFound(format!("no item has a title or id like \"{wanted}\"{hint}")))
        }
        _ => {
            let some: Vec<String> = found.iter().take(5).map(|&i| name(i)).collect();
            Err(LabError::NotFound(format!(
                "\"{wanted}\" could be {} items: {}{}; write one of them as domain:id",
                found.len(),
                some.join("; "),
                if found.len() > 5 { "; ..." } else { "" }
            )))
        }
    }
}
