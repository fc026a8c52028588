//! How much memory work took at its peak, as far as the system tells.

use std::fs;

/// Forgets the peak so far, so that the next one is that of what follows.
pub(crate) fn forget_peak() {
    // Linux alone; where this fails the peak is that of the whole program, which is never too low.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Bytes resident now.
pub(crate) fn held() -> Option<u64> {
    told("VmRSS:")
}

/// Bytes resident at the peak since [`forget_peak`], beyond those held before.
pub(crate) fn beyond(held: Option<u64>) -> Option<u64> {
    Some(told("VmHWM:")?.saturating_sub(held?))
}

fn told(what: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_is_told() {
        let before = held();
        forget_peak();
        let buffer = vec![1_u8; 256 << 20];
        assert!(beyond(before).unwrap() >= 128 << 20, "{}", buffer.len());
    }
}
