//! The terminal while long work runs: a bar on standard error, and Ctrl+C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

use crate::monitor::{Cancelled, Monitor, Progress};

/// Shows progress where standard error is a terminal, and turns the first Ctrl+C into a cancel, so that files that are
/// half written are taken away again. The second one ends the program at once.
#[derive(Debug)]
pub(super) struct Terminal {
    bar: ProgressBar,
    is_interrupted: Arc<AtomicBool>,
}

impl Terminal {
    /// # Errors
    /// Where the system refuses to tell of Ctrl+C.
    pub fn new() -> anyhow::Result<Self> {
        let is_interrupted = Arc::new(AtomicBool::new(false));
        for signal in TERM_SIGNALS {
            // In this order: the second signal finds the flag that the first one left.
            flag::register_conditional_shutdown(*signal, 1, Arc::clone(&is_interrupted))
                .and_then(|_| flag::register(*signal, Arc::clone(&is_interrupted)))
                .context("the system does not let the program hear of Ctrl+C")?;
        }
        let bar = ProgressBar::no_length();
        bar.enable_steady_tick(Duration::from_millis(120));
        Ok(Self { bar, is_interrupted })
    }

    /// Whether Ctrl+C was pressed.
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Takes the bar away, so that results stand alone.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Draws `progress`.
    pub fn show(&self, progress: &Progress) {
        let template = if progress.total > 0 { "{msg} {bar:30} {percent:>3} %" } else { "{spinner} {msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
        self.bar.set_message(progress.stage);
    }
}

impl Monitor for Terminal {
    fn report(&self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        self.show(&Progress { stage, done, total });
        if self.is_interrupted() { Err(Cancelled) } else { Ok(()) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
