//! What a person sees meanwhile: a bar on a terminal, else a line now and then, or nothing.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// In a log, nobody wants more.
const LINE_EVERY: Duration = Duration::from_secs(10);
const STYLE: &str = "{bar:30} {pos}/{len} {msg} {elapsed}";

pub(super) struct Progress {
    bar: ProgressBar,
    /// When the last line was written, where lines are.
    lines: Option<Mutex<Instant>>,
}

impl Progress {
    pub(super) fn new(is_quiet: bool) -> Self {
        let target = if is_quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        let has_lines = !is_quiet && bar.is_hidden();
        Self {
            lines: has_lines.then(|| Mutex::new(Instant::now())),
            bar,
        }
    }

    /// So many of `total` are done, and `bytes` came.
    pub(super) fn set(&self, done: usize, total: usize, bytes: u64) {
        self.bar.set_length(total as u64);
        self.bar.set_message(BinaryBytes(bytes).to_string());
        self.bar.set_position(done as u64);
        let Some(last) = &self.lines else { return };
        let Ok(mut last) = last.lock() else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            eprintln!("{done} of {total}, {} fetched", BinaryBytes(bytes));
        }
    }

    /// Says something beside the bar.
    pub(super) fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
