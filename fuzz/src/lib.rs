//! What every target needs: [`fuzz!`].

use std::sync::Once;

/// The entry points of libFuzzer for the target of this name.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::check($crate::target($name), bytes));
        libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, limit: usize, seed: u32| {
            $crate::mutated($crate::target($name), bytes, size, limit, seed)
        });
    };
}

/// The target called `name`.
pub fn target(name: &str) -> &'static segue_fuzz::Target {
    segue_fuzz::target(name).expect("every binary is named after its target")
}

/// Checks one input. A panic of the Parquet library that the readers make an error of is no finding.
pub fn check(target: &segue_fuzz::Target, bytes: &[u8]) {
    static HOOK: Once = Once::new();
    HOOK.call_once(segue_fuzz::hush_guarded_panics);
    (target.check)(bytes);
}

/// Mutates the first `size` bytes in place; the new size.
pub fn mutated(target: &segue_fuzz::Target, bytes: &mut [u8], size: usize, limit: usize, seed: u32) -> usize {
    let raw = |content: &[u8]| {
        let mut changed = content.to_vec();
        changed.resize(limit.max(size), 0);
        let n = libfuzzer_sys::fuzzer_mutate(&mut changed, size, limit);
        changed.truncate(n);
        changed
    };
    let changed = segue_fuzz::mutate(target, &bytes[..size], (limit, seed), raw);
    bytes[..changed.len()].copy_from_slice(&changed);
    changed.len()
}
