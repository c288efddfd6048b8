//! A journal of every change of a case's labels, so that work outlives the program: after a crash, a kill or a power
//! cut the next start reads it and has the labels, with their history.
//!
//! # The file
//! Append-only: 12 bytes of magic and version, then records of length, kind, checksum and payload. The first record is
//! the [`Header`] (JSON): which image, which grid, which label table. Each record is one write, so a killed program
//! loses at most the one that it was writing; reading stops at the first record that is torn or does not match its
//! checksum, and what comes before is whole.
//!
//! Version 1 knows one mask. Version 2 has the masks of several frames too; it is written for images that have them, so that
//! older programs read all else. A journal of version 1 on such an image was of one mask for all its frames, and still is.
//!
//! The living program holds a lock on its file. A journal that nobody holds is work that somebody may want back.

mod format;
mod held;
mod read;
mod shelf;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use glam::DAffine3;
use serde::{Deserialize, Serialize};

use super::Error;
use super::provenance::ModelRun;
use crate::domain::phantom::PhantomKind;
use crate::domain::{Edit, FrameEdits, Grid, GridError, LabelTable, PictureFacts, Space};

pub use read::{Recovered, recover, recover_without_image};
pub use shelf::{Found, discard, survey};
pub use write::Journal;

/// Why a journal was not read or not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// What the system reports.
    #[error(transparent)]
    File(#[from] Error),
    /// Another kind of file, or one that was cut off within its first lines.
    #[error("this is not the journal of a session: {fault} ({})", path.display())]
    NotJournal {
        /// What is wrong with it.
        fault: String,
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer program.
    #[error("the journal has version {found}, this program reads up to version {expected}: open it with the newer program ({})", path.display())]
    Version {
        /// The file's version.
        found: u32,
        /// The newest version that is read.
        expected: u32,
        /// The file.
        path: PathBuf,
    },
    /// A living program writes it.
    #[error("another window is working on this journal ({})", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The work was done on something else.
    #[error("the work was done on another image: {difference}; the journal was kept ({})", path.display())]
    OtherImage {
        /// How the two differ.
        difference: String,
        /// The file.
        path: PathBuf,
    },
}

/// What a journal is about: its first record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the program that wrote it.
    pub program: String,
    /// When the work began, in seconds since 1970.
    pub started_s: u64,
    /// The case's name, as the window shows it.
    pub case: String,
    /// The image's file; `None` for a built-in sample, which `case` names.
    pub image: Option<ImageFile>,
    /// Voxels of the image along each axis.
    pub shape: [usize; 3],
    /// The image's `world_from_voxel`, column by column.
    pub affine: [f64; 12],
    /// What the labels' ids meant at the beginning.
    pub table: LabelTable,
    /// Frames of the image; 1 in a journal that knows of one mask alone.
    #[serde(default = "one")]
    pub n_frames: usize,
    /// What the image's world is; a patient's in journals of before this was known.
    #[serde(default)]
    pub space: Space,
    /// The image's third axis is time.
    #[serde(default)]
    pub is_series: bool,
}

fn one() -> usize {
    1
}

/// A file as it was when work on it began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// Where.
    pub path: PathBuf,
    /// Its size; `None` where the system did not say.
    pub n_bytes: Option<u64>,
    /// When it was changed last, in seconds since 1970.
    pub modified_s: Option<u64>,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The file.
    pub path: PathBuf,
    /// It holds the labels as they are at this point.
    pub labels: bool,
    /// It holds the label table as it is at this point.
    pub table: bool,
}

/// One step of the work.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// The history begins anew with the labels that this edit makes from none; with none where there is no edit.
    Base(Option<&'a Edit>),
    /// The history begins anew with the masks that these edits make from none, of an image with several frames.
    BaseOfFrames(Option<&'a FrameEdits>),
    /// A new entry of the history.
    Applied(&'a FrameEdits),
    /// The newest entry was taken back.
    Undone,
    /// The entry taken back last was carried out again.
    Redone,
    /// The label table is this now.
    Table(&'a LabelTable),
    /// A prediction became part of the labels, or a part of one.
    Model(&'a ModelRun),
    /// The pixels of the picture have this size in millimetres now; none that is known.
    PixelSize(Option<f64>),
    /// Labels or table are those of a file: they were saved or opened.
    Saved(&'a Saved),
}

impl Header {
    /// The header of work that begins now on an image of this many frames on `grid`. Looks at the image's file.
    pub fn new(case: &str, image: Option<&Path>, grid: &Grid, n_frames: usize, table: LabelTable) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            started_s: seconds(SystemTime::now()),
            case: case.to_owned(),
            image: image.map(ImageFile::now),
            shape: grid.shape(),
            affine: grid.world_from_voxel().to_cols_array(),
            table,
            n_frames,
            space: grid.space(),
            is_series: grid.is_series(),
        }
    }

    /// Where the image's voxels lie.
    ///
    /// # Errors
    /// [`GridError`] where no image can lie so.
    pub fn grid(&self) -> Result<Grid, GridError> {
        let placed = Grid::new(self.shape, DAffine3::from_cols_array(&self.affine))?;
        let grid = match self.space {
            Space::Patient => placed,
            Space::Picture { is_scaled } => Grid::picture(self.shape, is_scaled.then(|| placed.spacing_mm()))?,
        };
        Ok(if self.is_series { grid.in_time(self.shape[2]) } else { grid })
    }

    /// What to say of the image where it is opened again, should it be a picture: what was said of it before is not in its file.
    pub fn facts(&self) -> PictureFacts {
        let size = self.grid().ok().filter(Grid::is_scaled).map(|grid| grid.spacing_mm());
        match self.space {
            Space::Patient => PictureFacts::default(),
            Space::Picture { .. } => PictureFacts {
                is_series: (self.shape[2] > 1).then_some(self.is_series),
                pixel_mm: size.filter(|[x, y, _]| x == y).map(|[x, ..]| x),
            },
        }
    }

    /// The kind of sample that it was, where the image came from no file.
    pub fn sample(&self) -> PhantomKind {
        match self.space {
            Space::Patient => PhantomKind::TwoBodies,
            Space::Picture { .. } => PhantomKind::FourChambers,
        }
    }

    /// How an open image differs from the one that the work was done on, as a sentence; `None` where it does not.
    fn differs_from(&self, case: &str, grid: &Grid, n_frames: usize) -> Option<String> {
        if self.image.is_none() && self.case != case {
            return Some(format!("it was {}, this is {case}", self.case));
        }
        if self.n_frames > 1 && self.n_frames != n_frames {
            return Some(format!("it had {} frames, this has {n_frames}", self.n_frames));
        }
        match self.grid() {
            Ok(known) => known.differs_from(grid),
            Err(error) => Some(format!("its grid is damaged: {error}")),
        }
    }
}

impl ImageFile {
    fn now(path: &Path) -> Self {
        let metadata = path.metadata().ok();
        Self {
            path: path.to_owned(),
            n_bytes: metadata.as_ref().map(|known| known.len()),
            modified_s: metadata.and_then(|known| known.modified().ok()).map(seconds),
        }
    }

    /// What changed about the file since, as a sentence.
    fn warning(&self) -> Option<String> {
        let now = Self::now(&self.path);
        (now != *self)
            .then(|| "The image's file was changed after these labels were drawn: check that they still fit".to_owned())
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
