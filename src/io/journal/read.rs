//! A journal read back into a history.

use std::path::{Path, PathBuf};

use super::format::{Step, Steps};
use super::held::Held;
use super::write::Journal;
use super::{Header, JournalError};
use crate::domain::{Edit, FrameEdits, FrameLabels, Grid, GridError, History, LabelMap, LabelTable};
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

/// Reads the journal at `path` for the open image named `case` of this many frames on `grid`, as far as it is whole. The journal goes on
/// from there and is the caller's to write; a torn end is cut off.
///
/// # Errors
/// [`JournalError`] where it is no journal, another window holds it, or the image is not the one that the work was
/// done on. The file is then untouched.
pub fn recover(path: &Path, case: &str, grid: &Grid, n_frames: usize) -> Result<(Recovered, Journal), JournalError> {
    let file = Held::open(path)?;
    let (header, steps) = Steps::open(&file, path)?;
    if let Some(difference) = header.differs_from(case, grid, n_frames) {
        return Err(JournalError::OtherImage { difference, path: path.to_owned() });
    }
    let (mut recovered, end) = replay(header, steps, grid, n_frames);
    recovered.warnings.extend(recovered.header.image.as_ref().and_then(|image| image.warning()));
    let mut journal = Journal::resume(file, path.to_owned(), end)?;
    if n_frames > 1 {
        journal.say_that_frames_follow()?;
    }
    Ok((recovered, journal))
}

/// Reads the journal at `path` without its image, on the grid that the image had. The journal is left as it is.
///
/// # Errors
/// [`JournalError`] where it is no journal, or another window holds it.
pub fn recover_without_image(path: &Path) -> Result<Recovered, JournalError> {
    let file = Held::open(path)?;
    let (header, steps) = Steps::open(&file, path)?;
    let fault = |fault: String| JournalError::NotJournal { fault, path: path.to_owned() };
    let grid = header.grid().map_err(|error: GridError| fault(error.to_string()))?;
    let n_frames = header.n_frames;
    if n_frames as u64 > FrameEdits::MAX_FRAMES {
        return Err(fault(format!("it claims {n_frames} frames")));
    }
    let (mut recovered, _) = replay(header, steps, &grid, n_frames);
    if let Some(pixel_mm) = recovered.pixel_mm {
        recovered.history.read_as(|labels| labels.with_pixel_mm(pixel_mm));
    }
    Ok(recovered)
}

/// Does all steps again; says where the last one ends that could be done.
fn replay(header: Header, mut steps: Steps<'_>, grid: &Grid, n_frames: usize) -> (Recovered, u64) {
    // A journal that knows of one mask alone is of one for all frames.
    let one_for_all = (header.n_frames != n_frames).then_some(0);
    let mut replay = Replay::new(grid, (n_frames, one_for_all), header.table.clone());
    let mut end = steps.end();
    while let Some(step) = steps.next() {
        if !replay.take(step) {
            break;
        }
        end = steps.end();
    }
    let n_lost_bytes = steps.n_torn_bytes() + steps.end() - end;
    let Replay { mut history, table, table_is_saved, labels_path, model, pixel_mm, n_records, .. } = replay;
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
    /// How many frames there are, and the one whose mask is for all at the beginning.
    frames: (usize, Option<usize>),
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
    fn new(grid: &'a Grid, frames: (usize, Option<usize>), table: LabelTable) -> Self {
        Self {
            history: beginning(grid, frames, None),
            grid,
            frames,
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
            Step::BaseOfFrames(bytes) => self.begin_frames(&bytes),
            Step::Applied(bytes) => {
                let edit = Edit::from_bytes(&bytes, shape);
                edit.map(|edit| self.apply(FrameEdits::of_one(0, edit))).is_ok()
            }
            Step::AppliedInFrames(bytes) => {
                FrameEdits::from_bytes(&bytes, shape).map(|edits| self.apply(edits)).is_ok()
            }
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

    fn apply(&mut self, edits: FrameEdits) {
        // Work that began on one mask and went on on several is read without its image too.
        let n_frames = edits.parts().last().map_or(0, |(last, _)| last + 1);
        self.history.grow(n_frames);
        self.history.apply_to_frames(edits);
    }

    fn begin(&mut self, bytes: &[u8]) -> bool {
        let edit = (!bytes.is_empty()).then(|| Edit::from_bytes(bytes, self.grid.shape()));
        let Ok(edit) = edit.transpose() else { return false };
        self.history = beginning(self.grid, self.frames, edit.map(|edit| FrameEdits::of_one(0, edit)));
        true
    }

    fn begin_frames(&mut self, bytes: &[u8]) -> bool {
        let edits = (!bytes.is_empty()).then(|| FrameEdits::from_bytes(bytes, self.grid.shape()));
        let Ok(edits) = edits.transpose() else { return false };
        let one_for_all = edits.as_ref().and_then(FrameEdits::one_for_all).and_then(|[_, after]| after);
        self.history = beginning(self.grid, (self.frames.0, one_for_all), edits);
        true
    }
}

/// A history that begins with the masks that these edits make from none.
fn beginning(grid: &Grid, (n_frames, one_for_all): (usize, Option<usize>), edits: Option<FrameEdits>) -> History {
    let begin = |masks, one_for_all| {
        let mut history = History::of_frames(FrameLabels::new(masks, one_for_all));
        history.set_budget(usize::MAX);
        history
    };
    let mut base = begin(vec![LabelMap::empty(grid.clone()); n_frames.max(1)], None);
    edits.into_iter().for_each(|edits| base.apply_to_frames(edits));
    begin(base.frames().masks().iter().map(|mask| LabelMap::clone(mask)).collect(), one_for_all)
}
