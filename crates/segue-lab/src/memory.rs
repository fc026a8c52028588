//! How much memory work took at its peak, as far as the system tells.
//!
//! What a process has freed stays with its allocator and is used again without being told: work after other work seems to need
//! little or none. So the first work that is measured in a process is told alone.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

static MEASURED: AtomicBool = AtomicBool::new(false);

/// Work that begins now.
pub(crate) struct Peak {
    held: Option<u64>,
}

impl Peak {
    /// The first of a process can be told, those after it cannot.
    pub(crate) fn from_now() -> Self {
        Self::unless(&MEASURED)
    }

    fn unless(measured: &AtomicBool) -> Self {
        if measured.swap(true, Ordering::Relaxed) {
            return Self { held: None };
        }
        forget_peak();
        Self { held: held() }
    }

    /// Bytes resident at the peak since, beyond those held before.
    pub(crate) fn told(&self) -> Option<u64> {
        beyond(self.held).filter(|&bytes| bytes > 0)
    }
}

/// Forgets the peak so far, so that the next one is that of what follows.
fn forget_peak() {
    // Linux alone; where this fails the peak is that of the whole program, which is never too low.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Bytes resident now.
fn held() -> Option<u64> {
    told("VmRSS:")
}

/// Bytes resident at the peak since [`forget_peak`], beyond those held before.
fn beyond(held: Option<u64>) -> Option<u64> {
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
        let measured = AtomicBool::new(false);
        let (first, second) = (Peak::unless(&measured), Peak::unless(&measured));
        let buffer = vec![1_u8; 256 << 20];
        assert!(first.told().unwrap() >= 128 << 20, "{}", buffer.len());
        // What came before it may have left memory to be used again.
        assert_eq!(second.told(), None);
    }
}
