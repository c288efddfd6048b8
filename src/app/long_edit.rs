//! Changes of the labels that may take longer than a frame: worked out on a thread of their own from a snapshot, with
//! progress and a way to stop them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::App;
use super::rules::Rules;
use crate::domain::{Edit, LabelMap};
use crate::monitor::{Cancelled, Monitor, Progress};

/// What a change is worked out from. The snapshot costs nothing and stays as it is.
#[derive(Debug)]
pub struct Snapshot {
    /// The labels.
    pub labels: Arc<LabelMap>,
    /// Where tools may paint.
    pub rules: Rules,
}

/// What came of it: the change, and what the person should know about it.
pub type Found = Result<(Option<Edit>, Option<&'static str>), Cancelled>;

/// A change that is being worked out. Dropping it stops the work.
#[derive(Debug)]
pub struct LongEdit {
    /// What is being done, for people.
    pub name: &'static str,
    /// Since when.
    pub started: Instant,
    watch: Arc<Watch>,
    found: Receiver<Found>,
}

#[derive(Debug, Default)]
struct Watch {
    is_cancelled: AtomicBool,
    progress: Mutex<Option<Progress>>,
}

impl Monitor for Watch {
    fn report(&self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(Progress { stage, done, total });
        if self.is_cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}

impl LongEdit {
    /// Begins `work`; `wake` is called when it has ended. `None` where the system has no thread for it.
    fn start(
        name: &'static str,
        snapshot: Snapshot,
        work: impl FnOnce(&Snapshot, &dyn Monitor) -> Found + Send + 'static,
        wake: impl FnOnce() + Send + 'static,
    ) -> Option<Self> {
        let (sender, found) = bounded(1);
        let watch = Arc::new(Watch::default());
        let heard = Arc::clone(&watch);
        let thread = std::thread::Builder::new().name("ldseg-long-edit".to_owned()).spawn(move || {
            let result = work(&snapshot, &*heard);
            // Gone before anyone looks, so that changing the labels copies nothing on its account.
            drop(snapshot);
            // Nobody listens where the case has been closed.
            sender.send(result).ok();
            wake();
        });
        thread.inspect_err(|error| log::error!("a thread for a change of the labels did not start: {error}")).ok()?;
        Some(Self { name, started: Instant::now(), watch, found })
    }

    /// How far it is.
    pub fn progress(&self) -> Option<Progress> {
        self.watch.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells it to stop; it ends at its next step.
    pub fn cancel(&self) {
        self.watch.is_cancelled.store(true, Ordering::Relaxed);
    }
}

impl Drop for LongEdit {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl App {
    /// Works a change of the labels out away from the window and makes it when it is known. Nothing else changes the labels
    /// meanwhile.
    pub(super) fn change_at_length(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&Snapshot, &dyn Monitor) -> Found + Send + 'static,
    ) {
        let ctx = self.ctx.clone();
        let Some(case) = &mut self.state.case else { return };
        let snapshot = Snapshot { labels: case.history.shared(), rules: Rules::of(case) };
        case.long_edit = LongEdit::start(name, snapshot, work, move || ctx.request_repaint());
        if case.long_edit.is_none() {
            self.state.notices.error("The labels could not be changed: the system refused a thread to do it");
        }
    }

    /// Makes the change that has been worked out, if one has. Never waits.
    pub(super) fn finish_long_edit(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let Some(found) = case.long_edit.as_ref().map(|running| running.found.try_recv()) else { return };
        let name = case.long_edit.as_ref().map_or("", |running| running.name);
        match found {
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => {
                self.state.notices.error(format!("{name} failed: please report this, with the log"));
            }
            Ok(Err(Cancelled)) => {}
            Ok(Ok((edit, note))) => {
                if edit.is_none() {
                    self.state.notices.warning(format!("{name}: nothing to change here"));
                }
                edit.into_iter().for_each(|edit| case.history.apply(edit));
                if let Some(note) = note {
                    self.state.notices.warning(note);
                }
            }
        }
        case.long_edit = None;
    }
}
