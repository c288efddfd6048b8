//! The journal of the open case, and work that an earlier window left behind.

use std::path::{Path, PathBuf};

use super::App;
use super::background::Task;
use super::case::Merging;
use super::counts::Counts;
use super::state::{AfterOpening, Dialog, Next};
use crate::domain::history::Change;
use crate::engine::Failure;
use crate::engine::journal::{Note, Recorder};
use crate::io::journal::{Found, Recovered, Saved};

/// The folder `LDSEG_STATE_DIR` where that is set, else the one that the system keeps for what programs must not
/// forget.
pub fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("LDSEG_STATE_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let folders = directories::ProjectDirs::from("", "", "ldseg")?;
            folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).to_owned()
        }
    };
    Some(folder.join("journal"))
}

impl App {
    /// What the journal's thread has to say.
    pub(super) fn hear_recorder(&mut self) {
        for note in self.recorder.as_ref().map(Recorder::poll).unwrap_or_default() {
            match note {
                Note::Found(found) => self.show_found(found),
                Note::Recovered { case, result } => self.show_recovered(case, result),
                Note::Failed(failure) => self.state.notices.failure(failure),
                Note::Unprotected(failure) => {
                    self.state.unprotected = Some(failure.message.clone());
                    let message = format!("Your work is not protected from a crash: {}", failure.message);
                    self.state.notices.failure(Failure { message, ..failure });
                }
                Note::Protected => {
                    self.state.unprotected = None;
                    self.state.notices.success("Your work is protected from a crash again");
                }
            }
        }
    }

    /// The journal of the case that was just opened begins, or goes on where an earlier window left it.
    pub(super) fn begin_journal(&mut self, left_behind: Option<&Path>) {
        let (Some(recorder), Some(case)) = (&self.recorder, &mut self.state.case) else { return };
        let (name, grid) = (&case.opened.name, case.opened.volume.grid().clone());
        let n_frames = case.history.frames().masks().len();
        match left_behind {
            Some(path) => {
                case.merging = Some(Merging::Recovery(path.to_owned()));
                recorder.recover(case.id, path.to_owned(), name, grid, n_frames);
            }
            None => recorder.begin(name, case.opened.path.clone(), grid, n_frames, case.table.clone()),
        }
    }

    /// The labels of the case, and the history with them, begin anew with those of its file.
    pub(super) fn record_base(&mut self) {
        let (Some(recorder), Some(case)) = (&self.recorder, &mut self.state.case) else { return };
        if let Some(path) = case.labels_path.clone() {
            case.recorded_table_revision = case.table_revision;
            recorder.base(case.history.frames().clone(), case.table.clone(), path);
        }
    }

    /// Puts down what has changed.
    pub(super) fn record(&mut self, changes: Vec<Change>) {
        let (Some(recorder), Some(case)) = (&self.recorder, &mut self.state.case) else { return };
        if !changes.is_empty() {
            recorder.changes(changes);
        }
        // What is being recovered brings its own table.
        if case.recorded_table_revision != case.table_revision && case.merging.is_none() {
            case.recorded_table_revision = case.table_revision;
            recorder.table(case.table.clone());
        }
    }

    /// Puts down which model the prediction came from that was just accepted.
    pub(super) fn record_model(&self) {
        let accepted = self.state.case.as_ref().and_then(|case| case.accepted.clone());
        if let (Some(recorder), Some(run)) = (&self.recorder, accepted) {
            recorder.model(run);
        }
    }

    /// Puts down that the labels or their table, as they are now, are in a file.
    pub(super) fn record_saved(&mut self, saved: Saved) {
        self.note_changes();
        if let Some(recorder) = &self.recorder {
            recorder.saved(saved);
        }
    }

    /// The case is closed, and what is not saved is not wanted.
    pub(super) fn end_journal(&self) {
        let Some(recorder) = &self.recorder else { return };
        match self.state.case.as_ref().map(|case| &case.merging) {
            // Nobody has seen yet what is being recovered.
            Some(Some(Merging::Recovery(_))) => recorder.leave(),
            _ => recorder.end(),
        }
    }

    /// Lists what can be recovered.
    pub(super) fn show_recovery(&mut self) {
        self.state.dialog = Some(Dialog::Recovery);
        self.survey_journals();
    }

    pub(super) fn survey_journals(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.survey();
        }
    }

    /// Opens the image that work was done on, and the work on it.
    pub(super) fn recover(&mut self, path: PathBuf) {
        self.state.dialog = None;
        self.request(Next::Recover(path));
    }

    /// Puts work aside that nobody wants.
    pub(super) fn discard_journal(&mut self, path: PathBuf) {
        let Some(recorder) = &self.recorder else { return };
        let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        self.state.notices.success(format!("Discarded; the journal is kept for a week in {folder}"));
        recorder.discard(path);
    }

    /// Says where the work is that cannot be shown without its image.
    pub(super) fn note_kept(&mut self, after: Option<AfterOpening>) {
        if let Some(AfterOpening::Recover(path)) = after {
            let message = "The work on this image is kept: put the image back where it was, or save the labels alone, by File > Recover work…";
            self.state.notices.failure(Failure { message: message.to_owned(), details: path.display().to_string() });
        }
    }

    fn show_found(&mut self, found: Vec<Found>) {
        let is_first = self.state.recoverable.is_none();
        if is_first && !found.is_empty() && self.state.dialog.is_none() {
            self.state.dialog = Some(Dialog::Recovery);
        }
        if found.is_empty() {
            self.state.dialog.take_if(|dialog| *dialog == Dialog::Recovery);
        }
        self.state.recoverable = Some(found);
    }

    fn show_recovered(&mut self, id: u64, result: Result<Box<Recovered>, Failure>) {
        let Some(case) = self.state.case.as_mut().filter(|case| case.id == id) else { return };
        case.merging = None;
        match result {
            Ok(recovered) => {
                let (n_records, warnings) = (recovered.n_records, recovered.warnings.clone());
                let Recovered { history, table, table_is_saved, labels_path, model, pixel_mm, .. } = *recovered;
                (case.history, case.table, case.table_is_saved) = (history.after(&case.history), table, table_is_saved);
                case.history.show(case.frame);
                case.table_revision += 1;
                case.recorded_table_revision = case.table_revision;
                (case.labels_path, case.accepted) = (labels_path, model);
                case.counts = Counts::unknown(case.history.frames().masks().len());
                if let Some(pixel_mm) = pixel_mm {
                    case.set_pixel_mm(pixel_mm);
                    self.screen.forget();
                }
                self.background.submit(Task::Count { case: id, masks: case.history.frames().masks().to_vec() });
                let changes = if n_records == 1 { "change" } else { "changes" };
                self.state.notices.success(format!("Recovered {n_records} {changes}; save the labels to keep them"));
                warnings.into_iter().for_each(|warning| self.state.notices.warning(warning));
            }
            Err(failure) => {
                self.state.notices.failure(failure);
                self.begin_journal(None);
            }
        }
        self.survey_journals();
    }
}
