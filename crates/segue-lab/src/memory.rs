//! How much memory the program held at its peak, as far as the system tells.

use std::fs;

/// Forgets the peak so far, so that the next one is that of what follows.
pub(crate) fn forget_peak() {
    // Linux alone; where this fails the peak is that of the whole program, which is never too low.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Bytes resident at the peak since [`forget_peak`].
pub(crate) fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_raises_the_peak() {
        forget_peak();
        let before = peak().unwrap();
        let buffer = vec![1_u8; 64 << 20];
        assert!(peak().unwrap() >= before.min(buffer.len() as u64), "{before}");
        assert!(peak().unwrap() >= 64 << 20);
    }
}
