//! Which keys change nothing beside the others.

use super::config::{Core, PrepareOptions, SplitConfig, SplitKind};

/// A note of the keys that were set to something else than their defaults, and change nothing.
pub(super) fn note(options: &PrepareOptions, split: &SplitConfig) -> Option<String> {
    let of_split = split_keys(split).into_iter().map(|key| format!("split.{key}"));
    let of_prepare = prepare_keys(options).into_iter().map(|key| format!("prepare.{key}"));
    let keys: Vec<String> = of_split.chain(of_prepare).collect();
    let kind = serde_json::to_value(split.kind).ok()?;
    let (these, change) = if keys.len() > 1 { ("these keys", "change") } else { ("this key", "changes") };
    (!keys.is_empty()).then(|| {
        let kind = kind.as_str().unwrap_or_default();
        format!("beside split={kind} and the other keys {these} {change} nothing: {}", keys.join(", "))
    })
}

fn split_keys(split: &SplitConfig) -> Vec<&'static str> {
    use SplitKind::{ColdItem, ColdUser, FewShot, Given, KFold, Questions, Ratio, TimeCut};
    let is = |kinds: &[SplitKind]| kinds.contains(&split.kind);
    let usual = SplitConfig::default();
    let by_ratios = is(&[Ratio]) || (is(&[TimeCut]) && split.cut.is_none());
    let set = [
        ("ratios", split.ratios != usual.ratios, by_ratios),
        ("order", split.order != usual.order, is(&[Ratio])),
        ("valid_fraction", split.valid_fraction != usual.valid_fraction, is(&[Given])),
        ("min_history", split.min_history != usual.min_history, !is(&[Given])),
        ("cut", split.cut != usual.cut, is(&[TimeCut])),
        ("folds", split.folds != usual.folds, is(&[KFold])),
        ("fold", split.fold != usual.fold, is(&[KFold])),
        ("cold", split.cold != usual.cold, is(&[ColdUser, ColdItem, FewShot, Questions])),
        ("support", split.support != usual.support, is(&[FewShot])),
        ("supports", split.supports != usual.supports, is(&[Questions])),
        ("support_shares", split.support_shares != usual.support_shares, is(&[Questions])),
    ];
    set.into_iter().filter(|(_, set, matters)| *set && !matters).map(|(key, ..)| key).collect()
}

fn prepare_keys(options: &PrepareOptions) -> Vec<&'static str> {
    let usual = PrepareOptions::default();
    let Core { users, items, mode, scope, strict } = options.core;
    let no_core = users == 0 && items == 0;
    let every_like = options.positive_threshold.is_none() && options.negative_threshold.is_none();
    let set = [
        ("history_domains", options.history_domains != usual.history_domains && options.history.is_none()),
        ("core.mode", mode != usual.core.mode && no_core),
        ("core.scope", scope != usual.core.scope && no_core),
        ("core.strict", strict != usual.core.strict && no_core),
        ("positives_only", options.positives_only && every_like),
    ];
    set.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::super::config::{CoreMode, HistoryDomains};
    use super::*;

    #[test]
    fn keys_that_change_nothing_are_told() {
        let (options, split) = (PrepareOptions::default(), SplitConfig::default());
        assert_eq!(note(&options, &split), None);
        let by_ratios = SplitConfig { ratios: [0.5, 0.2, 0.3], ..split.clone() };
        let told = note(&options, &by_ratios).unwrap();
        assert_eq!(told, "beside split=leave_one_out and the other keys this key changes nothing: split.ratios");
        assert_eq!(note(&options, &SplitConfig { kind: SplitKind::Ratio, ..by_ratios.clone() }), None);
        assert_eq!(note(&options, &SplitConfig { kind: SplitKind::TimeCut, ..by_ratios }), None);
        let folds = SplitConfig { fold: 3, min_history: 9, kind: SplitKind::Given, ..split.clone() };
        let (history_domains, core) = (HistoryDomains::All, Core { mode: CoreMode::UntilStable, ..Core::default() });
        let options = PrepareOptions { history_domains, core, positives_only: true, ..options };
        let told = note(&options, &folds).unwrap();
        assert!(told.starts_with("beside split=given and the other keys these keys change nothing: "), "{told}");
        let keys = "split.min_history, split.fold, prepare.history_domains, prepare.core.mode, prepare.positives_only";
        assert!(told.ends_with(keys), "{told}");
        let used = PrepareOptions {
            history: Some(20),
            positive_threshold: Some(4.0),
            core: Core { users: 5, ..core },
            ..options
        };
        assert_eq!(note(&used, &split), None);
    }
}
