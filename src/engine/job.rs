//! What the engine is asked and what it answers: plain data, no tensors.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::laboratory::{Conditions, Damaged, Experiment, Finding, SamplesSoFar, State, Subject, Walked};
use super::report::Report;
use crate::config::SegmentSettings;
use crate::domain::phantom::PhantomKind;
use crate::domain::volume::Histogram;
use crate::domain::{Grid, LabelMap, LabelTable, OneSlice, PictureFacts, Volume};
use crate::io::nifti::Header;
use crate::io::provenance::Provenance;
use crate::monitor::Progress;

/// Names one submitted [`Job`] until its [`Event::Done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// Which state of which case a result was computed from, so that a late one is never laid over another image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Counts the cases opened in this window.
    pub case: u64,
    /// The frame of a time series.
    pub frame: usize,
}

/// One piece of work. Files go to the file thread, everything else to the worker that owns the device.
#[derive(Clone, Debug)]
pub enum Job {
    /// Read an image file.
    Open {
        /// The file.
        path: PathBuf,
        /// What is said of it, should it be a picture.
        facts: PictureFacts,
    },
    /// Make a sample with known truth.
    Phantom {
        /// Which anatomy.
        kind: PhantomKind,
        /// Equal seeds give equal voxels.
        seed: u64,
    },
    /// Read a label file that belongs on `grid`.
    OpenLabels {
        /// The file.
        path: PathBuf,
        /// The grid of the open image; a file on another one is refused.
        grid: Grid,
        /// Frames of the image: a file has one mask, or one for each.
        n_frames: usize,
    },
    /// Read one number a voxel, such as a map of uncertainty, that belongs on `grid`.
    OpenMap {
        /// The file.
        path: PathBuf,
        /// The grid of the open image; a file on another one is refused.
        grid: Grid,
    },
    /// Write labels on the source's own grid, whole or not at all, read back and compared.
    SaveLabels {
        /// The file to write or replace.
        path: PathBuf,
        /// What to write: one mask, or one for each frame.
        labels: Vec<Arc<LabelMap>>,
        /// Seconds between frames, where they are known.
        step_s: Option<f64>,
        /// What the ids mean.
        table: LabelTable,
        /// The source image's header, copied field by field; `None` for an image that came from no file.
        header: Option<Arc<Header>>,
        /// The source image's file or folder, where there is one: a DICOM segmentation refers to its slices.
        image: Option<PathBuf>,
        /// Where the labels come from, written as JSON beside the file.
        provenance: Box<Provenance>,
    },
    /// Read names and colours of labels.
    OpenTable {
        /// The file: ITK-SNAP's or FreeSurfer's.
        path: PathBuf,
    },
    /// Write the labels of a journal whose image is not at hand, on the grid that the image had.
    SaveRecovered {
        /// The journal, which is left as it is.
        journal: PathBuf,
        /// The file to write or replace.
        path: PathBuf,
    },
    /// Write a text file, whole or not at all.
    WriteText {
        /// The file to write or replace.
        path: PathBuf,
        /// What to write.
        text: String,
    },
    /// Write a report as one HTML page, whole or not at all.
    WriteReport {
        /// The file to write or replace.
        path: PathBuf,
        /// What to say.
        report: Box<Report>,
    },
    /// Write bytes, whole or not at all.
    WriteBytes {
        /// The file to write or replace.
        path: PathBuf,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Segment one frame, or with [`SegmentSettings::all_frames`] every one.
    Segment {
        /// Returned with the result.
        stamp: Stamp,
        /// The image.
        volume: Arc<Volume>,
        /// Where the person is looking: the middle of the box that is segmented where the image is larger than what the
        /// model was trained on.
        focus: Option<[usize; 3]>,
        /// Model, steps, sampler, samples, seed, device.
        settings: SegmentSettings,
    },
    /// Try something on one frame. A newer experiment of the same kind supersedes it.
    Experiment {
        /// The frame, and how it is segmented.
        subject: Box<Subject>,
        /// What is tried.
        experiment: Experiment,
    },
    /// Check every device against the CPU backend and time it.
    CheckDevices,
}

/// News of a job.
#[derive(Clone, Debug)]
pub enum Event {
    /// How far the job is; only the newest of a job is kept.
    Progress {
        /// The job.
        id: JobId,
        /// Its newest progress.
        progress: Progress,
    },
    /// The first slices of a file that is still being read: a volume with the file's in-plane size and few slices.
    Preview {
        /// The job.
        id: JobId,
        /// What has been read so far.
        volume: Arc<Volume>,
    },
    /// Something that an experiment has found on its way. Of growing samples only the newest are kept; what came before a
    /// cancel stays good.
    Finding {
        /// The job.
        id: JobId,
        /// What it has found.
        finding: Finding,
    },
    /// The job's one and only ending.
    Done {
        /// The job.
        id: JobId,
        /// How it ended.
        ending: Ending,
    },
}

/// How a job ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// With a result.
    Finished(Outcome),
    /// Told to stop, or superseded by a newer job of its kind.
    Cancelled,
    /// With an error that a person can act on.
    Failed(Failure),
}

/// What a finished job brings.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Of [`Job::Open`] and [`Job::Phantom`].
    Opened(Box<Opened>),
    /// Of [`Job::OpenLabels`].
    Labels(Box<OpenedLabels>),
    /// Of [`Job::OpenMap`].
    Map(Box<OpenedMap>),
    /// Of [`Job::SaveLabels`]: the file.
    Saved(PathBuf),
    /// Of [`Job::OpenTable`]: the file and what it says.
    Table(PathBuf, LabelTable),
    /// Of [`Job::WriteText`], [`Job::WriteBytes`], [`Job::WriteReport`] and [`Job::SaveRecovered`]: the file.
    Written(PathBuf),
    /// Of [`Job::Segment`].
    Segmentation(Box<Segmentation>),
    /// Of [`Experiment::Samples`]: all of them.
    Samples(Arc<SamplesSoFar>),
    /// Of [`Experiment::Steps`], whose runs have come as findings.
    Steps(Box<Conditions>),
    /// Of [`Experiment::Walk`].
    Walk(Box<Walked>),
    /// Of [`Experiment::State`].
    State(Box<State>),
    /// Of [`Experiment::Noise`], whose answers have come as findings.
    Noise(Box<Conditions>),
    /// Of [`Experiment::Damage`].
    Damaged(Box<Damaged>),
    /// Of [`Job::CheckDevices`].
    Devices(Vec<DeviceReport>),
}

/// An image that has been read or made.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The file, or `None` for a sample that was made here.
    pub path: Option<PathBuf>,
    /// Shown as the case's name.
    pub name: String,
    /// The image.
    pub volume: Arc<Volume>,
    /// The file's header, to be copied when labels are saved.
    pub header: Option<Arc<Header>>,
    /// Known truth of a phantom.
    pub reference: Option<(Arc<LabelMap>, LabelTable)>,
    /// What a person should know: which affine was used, that two disagree, that orientation is unknown.
    pub warnings: Vec<String>,
}

/// Labels that have been read.
#[derive(Clone, Debug)]
pub struct OpenedLabels {
    /// The file.
    pub path: PathBuf,
    /// One id a voxel, on the grid asked for; of a file with a mask for each frame, of the first.
    pub labels: LabelMap,
    /// Of the frames after the first, where the file has them.
    pub later: Vec<LabelMap>,
    /// Names and colours, from a table beside the file or made up.
    pub table: LabelTable,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A map that has been read.
#[derive(Clone, Debug)]
pub struct OpenedMap {
    /// Shown as the map's name.
    pub name: String,
    /// One value a voxel of the grid asked for, `i` fastest.
    pub values: Vec<f32>,
    /// How often values occur.
    pub histogram: Histogram,
}

/// A finished segmentation.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// As submitted.
    pub stamp: Stamp,
    /// The most probable label of every voxel, on the image's grid.
    pub labels: LabelMap,
    /// The same of every frame, where all were asked for; else none.
    pub frames: Vec<LabelMap>,
    /// The one slice that was answered, where the model saw no other of several.
    pub slice: Option<OneSlice>,
    /// The model's labels.
    pub table: LabelTable,
    /// Mean probability of every label of `table`, in its order, `n_voxels` values each, 0 to 255 for 0 to 1.
    pub probabilities: Vec<Vec<u8>>,
    /// The settings used.
    pub settings: SegmentSettings,
    /// The model answers the same each time: steps, sampler, samples and seed meant nothing to it.
    pub is_deterministic: bool,
    /// SHA-256 of the model's weights, as hexadecimal digits.
    pub model_sha256: String,
    /// The device that did it, by name.
    pub device: String,
    /// From submission to result, queueing not counted.
    pub elapsed_s: f64,
    /// What a person should know: a device that failed its check, a volume larger than the model was trained on.
    pub warnings: Vec<String>,
}

/// Why a job failed, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One sentence: what was expected, what was found, where, and what to do.
    pub message: String,
    /// The chain of causes, for the details fold.
    pub details: String,
}

/// One device and whether it can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceReport {
    /// The adapter's name, or "CPU".
    pub name: String,
    /// Graphics interface, driver and its version, or the number of threads.
    pub driver: String,
    /// A program that plays a graphics card on the CPU: good for drawing, counts as no GPU for the networks.
    pub is_software: bool,
    /// What the check found.
    pub check: DeviceCheck,
    /// Forward passes of the check's network in one second.
    pub runs_per_s: Option<f64>,
    /// Is used when the choice is left to the program.
    pub preferred: bool,
}

/// Whether a device computes what the CPU backend computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "detail")]
pub enum DeviceCheck {
    /// It is the reference.
    Reference,
    /// It agrees; the largest relative error seen.
    Agrees(f64),
    /// It does not: named and not used. The largest relative error seen, infinite where a number was not finite.
    Disagrees(f64),
    /// It could not be run at all.
    Failed(String),
}

impl OpenedLabels {
    /// Whether the file has a mask for each frame.
    pub fn has_frames(&self) -> bool {
        !self.later.is_empty()
    }

    /// All masks, by frame.
    #[must_use]
    pub fn into_frames(self) -> Vec<LabelMap> {
        std::iter::once(self.labels).chain(self.later).collect()
    }

    /// The mask of a frame, or the only one.
    #[must_use]
    pub fn of_frame(mut self, frame: usize) -> LabelMap {
        match frame.checked_sub(1).filter(|&at| at < self.later.len()) {
            Some(at) => self.later.swap_remove(at),
            None => self.labels,
        }
    }
}

impl Job {
    /// What the job does, for messages and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Job::Open { .. } => "open the image",
            Job::Phantom { .. } => "make the sample",
            Job::OpenLabels { .. } => "open the labels",
            Job::OpenMap { .. } => "open the map",
            Job::SaveLabels { .. } => "save the labels",
            Job::SaveRecovered { .. } => "save the labels",
            Job::OpenTable { .. } => "read the label names",
            Job::WriteReport { .. } => "write the report",
            Job::WriteText { .. } | Job::WriteBytes { .. } => "write the file",
            Job::Segment { .. } => "segment the image",
            Job::Experiment { experiment, .. } => experiment.name(),
            Job::CheckDevices => "check the devices",
        }
    }
}

impl std::fmt::Display for DeviceCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DeviceCheck::Reference => f.write_str("reference"),
            DeviceCheck::Agrees(error) => write!(f, "agrees with the CPU (largest relative error {error:.1e})"),
            DeviceCheck::Disagrees(error) => write!(f, "disagrees with the CPU (largest relative error {error:.1e})"),
            DeviceCheck::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}
