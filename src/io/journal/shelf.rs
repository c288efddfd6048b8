//! The folder of journals: what lies there and whether anybody may want it back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::format::{Step, Steps};
use super::held::Held;
use super::write::ENDING;
use super::{Header, JournalError};
use crate::io::Error;

/// A journal that the person did not want any more is kept for so long.
const LIFE_OF_DISCARDED: Duration = Duration::from_secs(7 * 24 * 3600);
/// What its name ends in then.
const DISCARDED: &str = "discarded";

/// A journal that nobody holds, of work that was not saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// What the work was done on.
    pub header: Header,
    /// Changes since the labels were saved last.
    pub n_changes: usize,
    /// When the last change was written.
    pub modified: SystemTime,
}

/// Every journal in `folder` with work that was not saved, newest first. Those that another window holds are left out.
/// Those with nothing to win are taken away, and so are those discarded a week ago.
pub fn survey(folder: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let looked = match ending {
            Some(ENDING) => look(&path).map(|journal| found.extend(journal)),
            Some(DISCARDED) => remove_if_old(&path),
            _ => Ok(()),
        };
        match looked {
            Ok(()) | Err(JournalError::InUse { .. }) => {}
            Err(error) => log::warn!("a journal was passed over: {error}"),
        }
    }
    found.sort_by_key(|journal| std::cmp::Reverse(journal.modified));
    found
}

/// Puts a journal aside: it is offered no more, and taken away after a week.
///
/// # Errors
/// [`JournalError::InUse`] where another window has taken it up, and what the system reports.
pub fn discard(path: &Path) -> Result<(), JournalError> {
    let file = Held::open(path)?;
    // The week begins now.
    let touched = file.set_modified(SystemTime::now());
    touched
        .and_then(|()| fs::rename(path, path.with_extension(format!("{ENDING}.{DISCARDED}"))))
        .map_err(|source| Error::writing(path, source).into())
}

/// What a journal offers; one that offers nothing is taken away.
fn look(path: &Path) -> Result<Option<Found>, JournalError> {
    let file = Held::open(path)?;
    let modified = file.metadata().and_then(|known| known.modified()).map_err(|source| Error::reading(path, source))?;
    let (header, steps) = Steps::open(&file, path)?;
    let tally = steps.fold(Tally::new(), Tally::after);
    if tally.is_saved() {
        fs::remove_file(path).map_err(|source| Error::writing(path, source))?;
        return Ok(None);
    }
    Ok(Some(Found { path: path.to_owned(), header, n_changes: tally.n_changes, modified }))
}

fn remove_if_old(path: &Path) -> Result<(), JournalError> {
    let age = path.metadata().and_then(|known| known.modified()).map(|then| then.elapsed().unwrap_or_default());
    if age.map_err(|source| Error::reading(path, source))? > LIFE_OF_DISCARDED {
        fs::remove_file(path).map_err(|source| Error::writing(path, source))?;
    }
    Ok(())
}

/// Where the work stands, without doing it again.
#[derive(Debug)]
struct Tally {
    at: usize,
    /// Where in the history the labels were saved.
    saved_at: Option<usize>,
    table_is_saved: bool,
    n_changes: usize,
}

impl Tally {
    fn new() -> Self {
        Self { at: 0, saved_at: Some(0), table_is_saved: true, n_changes: 0 }
    }

    fn after(mut self, step: Step) -> Self {
        self.n_changes += usize::from(!matches!(step, Step::Model(_) | Step::PixelSize(_)));
        match step {
            Step::Model(_) | Step::PixelSize(_) => {}
            Step::Base(_) | Step::BaseOfFrames(_) => (self.at, self.saved_at, self.n_changes) = (0, Some(0), 0),
            Step::Applied(_) | Step::AppliedInFrames(_) => {
                self.saved_at = self.saved_at.filter(|&at| at <= self.at);
                self.at += 1;
            }
            Step::Undone => self.at = self.at.saturating_sub(1),
            Step::Redone => self.at += 1,
            Step::Table(_) => self.table_is_saved = false,
            Step::Saved(saved) => {
                if saved.labels {
                    self.saved_at = Some(self.at);
                    self.n_changes = 0;
                }
                self.table_is_saved |= saved.table;
            }
        }
        self
    }

    fn is_saved(&self) -> bool {
        self.saved_at == Some(self.at) && self.table_is_saved
    }
}
