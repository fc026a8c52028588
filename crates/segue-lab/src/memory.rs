//! How much memory work took at its peak, as far as the system tells.
//!
//! Before work begins, what the process has freed is handed back to the system: the allocator keeps it otherwise, to be used again
//! without being told, and work after other work would seem to need little or none. The peak so far is forgotten then, so that the
//! next is that of what follows. Both are of Linux with the GNU C library. Without the second there is one peak, of the whole process;
//! so where either cannot be done, the first work of a process is told alone.
//!
//! The process is measured, not the work: of two that run at once each is told the memory of both.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

static MEASURED: AtomicBool = AtomicBool::new(false);

/// Work that begins now.
pub(crate) struct Peak {
    held: Option<u64>,
}

impl Peak {
    /// Any can be told where the system lets go of what came before; else the first of a process.
    pub(crate) fn from_now() -> Self {
        let afresh = hand_back() && forget_peak();
        let first = !MEASURED.swap(true, Ordering::Relaxed);
        Self { held: if afresh || first { told("VmRSS:") } else { None } }
    }

    /// Bytes resident at the peak since, beyond those held before; `None` too where it needed no page more.
    pub(crate) fn told(&self) -> Option<u64> {
        Some(told("VmHWM:")?.saturating_sub(self.held?)).filter(|&bytes| bytes > 0)
    }
}

/// Hands memory that was freed back to the system; says whether that can be done here.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn hand_back() -> bool {
    #[expect(
        unsafe_code,
        reason = "no safe interface hands memory back, without which nothing but the first fit can be measured"
    )]
    // SAFETY: as the library declares it (malloc.h): it takes a number of bytes to keep, any will do, touches nothing that is in use,
    // and may be called by several threads at once (MT-Safe).
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // Says whether there was anything to hand back.
    let _ = malloc_trim(0);
    true
}

/// Other allocators keep what they keep.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn hand_back() -> bool {
    false
}

/// Forgets the peak so far, so that the next one is that of what follows; says whether the system did. Linux alone, and where a
/// container lets it.
fn forget_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn told(what: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn work_after_other_work_is_told_as_if_it_were_the_first() {
        // 256 MiB in pieces that the allocator keeps when they are freed, for one after them stays.
        let work = || -> Vec<Vec<u8>> { (0..4096).map(|_| vec![1; 64 << 10]).collect() };
        let mut last = Vec::new();
        for _ in 0..3 {
            let peak = Peak::from_now();
            let pieces = work();
            last.push(vec![1_u8; 100]);
            assert!(peak.told().unwrap() >= 128 << 20, "{}", pieces.len());
        }
    }
}
