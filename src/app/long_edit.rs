//! Changes of the labels that may take longer than a frame: worked out on a thread of their own from a snapshot, with
//! progress and a way to stop them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::App;
use super::case::{Preview, Source};
use super::rules::Rules;
use crate::domain::{Edit, FrameEdits, LabelMap, LabelTable};
use crate::monitor::{Cancelled, Monitor, Progress};

/// What a change is worked out from. The snapshot costs nothing and stays as it is.
#[derive(Debug)]
pub struct Snapshot {
    /// The labels: the mask that is worked on.
    pub labels: Arc<LabelMap>,
    /// The masks of other frames.
    others: Vec<(usize, Arc<LabelMap>)>,
    /// What their ids mean.
    pub table: LabelTable,
    /// Where tools may paint.
    pub rules: Rules,
}

impl Snapshot {
    /// The masks of the other frames, changed in the same way.
    pub fn elsewhere(&self, change: impl Fn(&LabelMap) -> Option<Edit>) -> Vec<(usize, Edit)> {
        self.others.iter().filter_map(|(mask, labels)| Some((*mask, change(labels)?))).collect()
    }

    /// The masks of the other frames, by frame.
    pub fn others(&self) -> &[(usize, Arc<LabelMap>)] {
        &self.others
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The change of the mask that is worked on; `None` where no voxel changes.
    pub edit: Option<Edit>,
    /// Changes of other frames' masks.
    pub elsewhere: Vec<(usize, Edit)>,
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
    /// The mask that it is a change of, and the frame that was shown.
    of: (usize, usize),
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
        (name, ending, of): (String, Ending, (usize, usize)),
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
        Some(Self { name, started: Instant::now(), ending, of, watch, found })
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
        let frames = case.history.frames();
        let of = (frames.mask(), frames.frame());
        let others = frames.masks().iter().cloned().enumerate().filter(|(mask, _)| *mask != of.0).collect();
        let (labels, table, rules) = (case.history.shared(), case.table.clone(), Rules::of(case));
        let snapshot = Snapshot { labels, others, table, rules };
        case.long_edit = LongEdit::start((name.into(), ending, of), snapshot, work, move || ctx.request_repaint());
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
        let Some((name, ending, of)) =
            case.long_edit.take().map(|running| (running.name.clone(), running.ending, running.of))
        else {
            return;
        };
        match found {
            Ok(Ok(outcome)) => self.end_long_edit(name, ending, of, outcome),
            Ok(Err(Refusal::Because(reason))) => self.state.notices.warning(reason),
            Ok(Err(Refusal::Cancelled(_))) => {}
            Err(_) => self.state.notices.error(format!("{name} failed: please report this, with the log")),
        }
    }

    fn end_long_edit(&mut self, name: String, ending: Ending, (mask, frame): (usize, usize), outcome: Outcome) {
        let Outcome { edit, elsewhere, table, note } = outcome;
        let Some(case) = &mut self.state.case else { return };
        if let Some(note) = note {
            self.state.notices.warning(note);
        }
        let table = table.unwrap_or_else(|| case.table.clone());
        let title = edit.as_ref().or(elsewhere.first().map(|(_, edit)| edit)).map(|edit| edit.name().to_owned());
        let parts = edit.map(|edit| (mask, edit)).into_iter().chain(elsewhere).collect();
        let edits = title.and_then(|title| FrameEdits::of_several(title, parts));
        match edits.map(|edits| edits.with_tables(&case.table, &table)) {
            None if table == case.table => self.state.notices.warning(format!("{name}: nothing to change here")),
            None => case.set_table(table),
            Some(edits) if ending == Ending::Apply => case.history.apply_to_frames(edits),
            Some(edits) => {
                self.n_previews += 1;
                let now = &case.history.frames().masks()[mask];
                let part = edits.parts().iter().find(|(part, _)| *part == mask);
                let preview = Preview {
                    labels: part.map_or_else(|| Arc::clone(now), |(_, edit)| Arc::new(edit.after(now))),
                    counts: case.counts_after(&edits, &table).filter(|_| case.history.frames().mask() == mask),
                    source: Source::Change { name, edits: Arc::new(edits) },
                    table,
                    serial: self.n_previews,
                    frame,
                    frames: Vec::new(),
                };
                self.present(preview);
            }
        }
        self.note_changes();
    }
}
