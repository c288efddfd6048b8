//! A journal read back into a history.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::format::{Step, Steps};
use super::write::{Journal, lock};
use super::{Header, JournalError};
use crate::domain::{Edit, Grid, GridError, History, LabelMap, LabelTable};
use crate::io::Error;
use crate::io::provenance::ModelRun;

/// What was read of a journal.
#[derive(Debug)]
pub struct Recovered {
    /// What the work was done on.
    pub header: Header,
    /// The labels, with every change that can be undone and redone.
    pub history: History,
    /// What the labels' ids mean.
    pub table: LabelTable,
    /// The table is as it was saved.
    pub table_is_saved: bool,
    /// The file that the labels came from or were saved to.
    pub labels_path: Option<PathBuf>,
    /// The model whose prediction was made part of the labels last.
    pub model: Option<ModelRun>,
    /// The size that the picture's pixels were given, in millimetres; the inner one is none where it was forgotten.
    pub pixel_mm: Option<Option<f64>>,
    /// Records that were read.
    pub n_records: usize,
    /// What the person should know.
    pub warnings: Vec<String>,
}

/// Reads the journal at `path` for the open image named `case` on `grid`, as far as it is whole. The journal goes on
/// from there and is the caller's to write; a torn end is cut off.
///
/// # Errors
/// [`JournalError`] where it is no journal, another window holds it, or the image is not the one that the work was
/// done on. The file is then untouched.
pub fn recover(path: &Path, case: &str, grid: &Grid) -> Result<(Recovered, Journal), JournalError> {
    let file = open(path)?;
    let (header, steps) = Steps::open(&file, path)?;
    if let Some(difference) = header.differs_from(case, grid) {
        return Err(JournalError::OtherImage { difference, path: path.to_owned() });
    }
    let (mut recovered, end) = replay(header, steps, grid);
    recovered.warnings.extend(recovered.header.image.as_ref().and_then(|image| image.warning()));
    Ok((recovered, Journal::resume(file, path.to_owned(), end)?))
}

/// Reads the journal at `path` without its image, on the grid that the image had. The journal is left as it is.
///
/// # Errors
/// [`JournalError`] where it is no journal, or another window holds it.
pub fn recover_without_image(path: &Path) -> Result<Recovered, JournalError> {
    let file = open(path)?;
    let (header, steps) = Steps::open(&file, path)?;
    let fault = |error: GridError| JournalError::NotJournal { fault: error.to_string(), path: path.to_owned() };
    let grid = header.grid().map_err(fault)?;
    Ok(replay(header, steps, &grid).0)
}

/// A journal that nobody else holds.
fn open(path: &Path) -> Result<File, JournalError> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(|source| Error::reading(path, source))?;
    lock(&file, path)?;
    Ok(file)
}

/// Does all steps again; says where the last one ends that could be done.
fn replay(header: Header, mut steps: Steps<'_>, grid: &Grid) -> (Recovered, u64) {
    let mut replay = Replay::new(grid, header.table.clone());
    let mut end = steps.end();
    while let Some(step) = steps.next() {
        if !replay.take(step) {
            break;
        }
        end = steps.end();
    }
    let n_lost_bytes = steps.n_torn_bytes() + steps.end() - end;
    let Replay { mut history, table, table_is_saved, labels_path, model, pixel_mm, n_records, grid: _ } = replay;
    let lost = format!(
        "The last {n_lost_bytes} bytes of the journal are damaged: the {n_records} changes before them are back"
    );
    let warnings = if n_lost_bytes > 0 { vec![lost] } else { Vec::new() };
    history.set_budget(History::BUDGET_BYTES);
    history.take_changes();
    (Recovered { header, history, table, table_is_saved, labels_path, model, pixel_mm, n_records, warnings }, end)
}

/// The work so far.
struct Replay<'a> {
    grid: &'a Grid,
    /// Without a budget: what the journal takes back must not have been dropped here.
    history: History,
    table: LabelTable,
    table_is_saved: bool,
    labels_path: Option<PathBuf>,
    model: Option<ModelRun>,
    pixel_mm: Option<Option<f64>>,
    n_records: usize,
}

impl<'a> Replay<'a> {
    fn new(grid: &'a Grid, table: LabelTable) -> Self {
        let history = History::with_budget(LabelMap::empty(grid.clone()), usize::MAX);
        Self {
            grid,
            history,
            table,
            table_is_saved: true,
            labels_path: None,
            model: None,
            pixel_mm: None,
            n_records: 0,
        }
    }

    /// Does a step again. Says whether it could: a step that cannot be done is the end of what is whole.
    fn take(&mut self, step: Step) -> bool {
        let shape = self.grid.shape();
        let can = match step {
            Step::Base(bytes) => self.begin(&bytes),
            Step::Applied(bytes) => Edit::from_bytes(&bytes, shape).map(|edit| self.history.apply(edit)).is_ok(),
            Step::Undone => self.history.undo().is_some(),
            Step::Redone => self.history.redo().is_some(),
            Step::Table(table) => {
                self.table = table;
                self.table_is_saved = false;
                true
            }
            Step::Model(run) => {
                self.model = Some(run);
                true
            }
            Step::PixelSize(pixel_mm) => {
                self.pixel_mm = Some(pixel_mm);
                true
            }
            Step::Saved(saved) => {
                if saved.labels {
                    self.history.mark_saved();
                }
                self.table_is_saved |= saved.table;
                self.labels_path = Some(saved.path);
                true
            }
        };
        self.n_records += usize::from(can);
        can
    }

    fn begin(&mut self, bytes: &[u8]) -> bool {
        let mut base = History::with_budget(LabelMap::empty(self.grid.clone()), usize::MAX);
        if !bytes.is_empty() {
            let Ok(edit) = Edit::from_bytes(bytes, self.grid.shape()) else { return false };
            base.apply(edit);
        }
        self.history = History::with_budget(base.labels().clone(), usize::MAX);
        true
    }
}
