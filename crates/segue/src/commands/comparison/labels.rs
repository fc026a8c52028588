//! What tells the rows of a comparison apart.

use segue_lab::{Comparison, Row};
use serde_json::{Value, json};

use crate::terminal::plain;

/// What tells rows apart: columns that say the same of all of them are left out.
pub(crate) struct Labels {
    data: bool,
    question: bool,
    /// Hyper-parameters of each row, where those of one model differ.
    params: Vec<String>,
    pub(super) seed: bool,
    /// Which protocol each row follows, where there are several.
    protocol: Option<Vec<usize>>,
}

impl Labels {
    pub(crate) fn of(comparison: &Comparison) -> Self {
        let differ = |of: &dyn Fn(&Row) -> &str| comparison.rows.windows(2).any(|two| of(&two[0]) != of(&two[1]));
        let (protocols, followed) = comparison.protocols();
        Self {
            data: differ(&|row| &row.data),
            question: differ(&|row| &row.question),
            params: params(comparison),
            seed: comparison.has_several_seeds(),
            protocol: (protocols.len() > 1).then_some(followed),
        }
    }

    pub(super) fn header(&self) -> Vec<String> {
        let recipes = !self.params.is_empty();
        let optional =
            [(self.data, "data"), (self.question, "question"), (recipes, "hyper-parameters"), (self.seed, "seed")];
        let optional = optional.into_iter().filter(|(shown, _)| *shown).map(|(_, name)| name);
        let protocol = self.protocol.as_ref().map(|_| "protocol");
        ["model", "scope"].into_iter().chain(optional).chain(protocol).map(String::from).collect()
    }

    pub(super) fn values(&self, row: &Row, n: usize) -> Vec<Value> {
        let mut label = vec![json!(row.model), json!(row.scope.to_string())];
        label.extend(self.data.then(|| json!(row.data)));
        label.extend(self.question.then(|| json!(row.question)));
        label.extend(self.params.get(n).map(|params| json!(params)));
        label.extend(self.seed.then(|| json!(row.seed)));
        label.extend(self.protocol.as_ref().map(|followed| json!(followed[n] + 1)));
        label
    }

    pub(super) fn of_row(&self, row: &Row, n: usize) -> Vec<String> {
        self.values(row, n).iter().map(plain).collect()
    }

    /// The label of a picture; its question is its title's.
    pub(crate) fn words(&self, row: &Row, n: usize) -> String {
        let seed = if self.seed { format!(" seed {}", row.seed) } else { String::new() };
        self.of_recipe(row, n) + &seed
    }

    /// The same of all its seeds.
    pub(crate) fn of_recipe(&self, row: &Row, n: usize) -> String {
        let data = self.data.then(|| row.data.clone());
        let params = self.params.get(n).filter(|params| !params.is_empty()).cloned();
        let words = [row.model.clone(), row.scope.to_string()].into_iter().chain(data).chain(params);
        words.collect::<Vec<_>>().join(" ")
    }

    /// Those hyper-parameters of a row in which rows of its model differ.
    pub(crate) fn recipe(&self, n: usize) -> &str {
        self.params.get(n).map_or("", String::as_str)
    }

    /// Where the seed stands.
    pub(super) fn seed_at(&self) -> usize {
        2 + usize::from(self.data) + usize::from(self.question) + usize::from(!self.params.is_empty())
    }
}

/// Of each row those hyper-parameters in which rows of its model differ, e.g. `l2=10`; nothing where none differ.
fn params(comparison: &Comparison) -> Vec<String> {
    let differing = |row: &Row| -> Vec<String> {
        let twins = || comparison.rows.iter().filter(|other| other.model == row.model);
        let differs = |key: &String| twins().any(|other| other.params.get(key) != row.params.get(key));
        let own = row.params.as_object().into_iter().flatten().filter(|(key, _)| differs(key));
        let trained =
            row.trainer.iter().filter(|(key, value)| twins().any(|other| other.trainer.get(*key) != Some(*value)));
        own.chain(trained).map(|(key, value)| format!("{key}={value}")).collect()
    };
    let words: Vec<String> = comparison.rows.iter().map(|row| differing(row).join(" ")).collect();
    if words.iter().all(String::is_empty) { Vec::new() } else { words }
}
