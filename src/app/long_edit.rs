//! Changes of the labels that may take longer than a frame: worked out on a thread of their own from a snapshot, with
//! progress and a way to stop them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::App;
use super::case::{Preview, Source};
use super::counts;
use super::rules::Rules;
use crate::domain::{Edit, LabelMap, LabelTable};
use crate::monitor::{Cancelled, Monitor, Progress};

/// What a change is worked out from. The snapshot costs nothing and stays as it is.
#[derive(Debug)]
pub struct Snapshot {
    /// The labels.
    pub labels: Arc<LabelMap>,
    /// What their ids mean.
    pub table: LabelTable,
    /// Where tools may paint.
    pub rules: Rules,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The change; `None` where no voxel changes.
    pub edit: Option<Edit>,
    /// The labels' names after it, where they change.
    pub table: Option<LabelTable>,
    /// What the person should know about it.
    pub note: Option<&'static str>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// It cannot be done, as a sentence for the person.
    #[error("{0}")]
    Because(String),
}

/// What the work ends with.
pub type Found = Result<Outcome, Refusal>;

/// What becomes of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is made.
    Apply,
    /// It is shown beside the labels until it is accepted.
    Preview,
}

/// A change that is being worked out. Dropping it stops the work.
#[derive(Debug)]
pub struct LongEdit {
    /// What is being done, for people.
    pub name: String,
    /// Since when.
    pub started: Instant,
    ending: Ending,
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
        (name, ending): (String, Ending),
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
        Some(Self { name, started: Instant::now(), ending, watch, found })
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
    /// Works a change of the labels out away from the window and makes or shows it when it is known. Nothing else changes the
    /// labels meanwhile.
    pub(super) fn change_at_length(
        &mut self,
        name: impl Into<String>,
        ending: Ending,
        work: impl FnOnce(&Snapshot, &dyn Monitor) -> Found + Send + 'static,
    ) {
        let ctx = self.ctx.clone();
        let Some(case) = &mut self.state.case else { return };
        case.history.commit();
        let snapshot = Snapshot { labels: case.history.shared(), table: case.table.clone(), rules: Rules::of(case) };
        case.long_edit = LongEdit::start((name.into(), ending), snapshot, work, move || ctx.request_repaint());
        if case.long_edit.is_none() {
            self.state.notices.error("The labels could not be changed: the system refused a thread to do it");
        }
    }

    /// Makes or shows the change that has been worked out, if one has. Never waits.
    pub(super) fn finish_long_edit(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let Some(found) = case.long_edit.as_ref().map(|running| running.found.try_recv()) else { return };
        if matches!(found, Err(TryRecvError::Empty)) {
            return;
        }
        let Some((name, ending)) = case.long_edit.take().map(|running| (running.name.clone(), running.ending)) else {
            return;
        };
        match found {
            Ok(Ok(outcome)) => self.end_long_edit(name, ending, outcome),
            Ok(Err(Refusal::Because(reason))) => self.state.notices.warning(reason),
            Ok(Err(Refusal::Cancelled(_))) => {}
            Err(_) => self.state.notices.error(format!("{name} failed: please report this, with the log")),
        }
    }

    fn end_long_edit(&mut self, name: String, ending: Ending, Outcome { edit, table, note }: Outcome) {
        let Some(case) = &mut self.state.case else { return };
        if let Some(note) = note {
            self.state.notices.warning(note);
        }
        let table = table.unwrap_or_else(|| case.table.clone());
        match edit.map(|edit| edit.with_tables(&case.table, &table)) {
            None if table == case.table => self.state.notices.warning(format!("{name}: nothing to change here")),
            None => case.set_table(table),
            Some(edit) if ending == Ending::Apply => case.history.apply(edit),
            Some(edit) => {
                self.n_previews += 1;
                case.preview = Some(Preview {
                    labels: Arc::new(edit.after(case.history.labels())),
                    counts: counts::after(&case.counts, &edit, &table),
                    source: Source::Change { name, edit: Arc::new(edit) },
                    table,
                    serial: self.n_previews,
                });
            }
        }
        self.note_changes();
    }
}
