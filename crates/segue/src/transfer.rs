//! How far a download is: bytes, speed and the time that is left.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressStyle};
use segue_download::Event;

use crate::terminal::{Lines, say};

/// A bar on a terminal; elsewhere a line every ten seconds, as long work tells everywhere (`SEGUE_PROGRESS`).
#[derive(Debug)]
pub(crate) struct Transfer {
    drawn: ProgressBar,
    lines: Option<Lines>,
    /// What is under way, since when, and with how many bytes it began.
    label: String,
    since: Instant,
    first: u64,
}

#[expect(clippy::disallowed_methods, reason = "people are told the speed; nothing fitted depends on it")]
impl Transfer {
    /// Waits for its first event.
    pub(crate) fn new() -> Self {
        let lines = Lines::where_no_bar("");
        let drawn = if lines.is_none() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template =
            "{prefix} {bar:28.cyan/blue} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        drawn.set_style(style.progress_chars("━╸─"));
        Self { drawn, lines, label: String::new(), since: Instant::now(), first: 0 }
    }

    /// Shows one event. Ctrl-C ends the program on the spot: what has arrived is kept.
    pub(crate) fn hear(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Note(note) => self.drawn.suspend(|| say(&format!("note: {note}"))),
            Event::Progress { stage, name, done, total } => {
                let label = format!("{} {name}", stage.name());
                if label != self.label {
                    (self.since, self.first) = (Instant::now(), done);
                    self.drawn.set_prefix(label.clone());
                    self.drawn.set_position(done);
                    self.drawn.reset_eta();
                    self.label = label;
                }
                self.drawn.set_length(total.unwrap_or(done).max(done));
                self.drawn.set_position(done);
                if let Some(lines) = &mut self.lines {
                    let seconds = self.since.elapsed().as_secs_f64();
                    let speed = done.saturating_sub(self.first) as f64 / seconds.max(1e-3);
                    lines.tell_as(&self.label, || how_far(done, total, speed));
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.drawn.finish_and_clear();
    }
}

/// `35 %, 70.00 MB of 200.00 MB, 5.00 MB/s, 26 seconds left`.
fn how_far(done: u64, total: Option<u64>, speed: f64) -> String {
    let of = total.map(|total| format!(" of {}", DecimalBytes(total))).unwrap_or_default();
    let percent = total.and_then(|total| (u128::from(done) * 100).checked_div(u128::from(total)));
    let percent = percent.map(|percent| format!("{percent} %, ")).unwrap_or_default();
    let left = total.filter(|_| speed > 0.0).map(|total| total.saturating_sub(done) as f64 / speed);
    let left = left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let left = left.map(|left| format!(", {:#} left", HumanDuration(left))).unwrap_or_default();
    format!("{percent}{}{of}, {}/s{left}", DecimalBytes(done), DecimalBytes(speed as u64))
}

#[cfg(test)]
mod tests {
    use super::how_far;

    #[test]
    fn how_far_it_is() {
        assert_eq!(how_far(70_000_000, Some(200_000_000), 5e6), "35 %, 70.00 MB of 200.00 MB, 5.00 MB/s, 26s left");
        assert_eq!(how_far(1_500, None, 0.0), "1.50 kB, 0 B/s");
        assert_eq!(how_far(0, Some(0), 0.0), "0 B of 0 B, 0 B/s");
    }
}
