//! Everything that the views read. They change nothing here: they push [`Action`](super::action::Action)s.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use eframe::egui::Vec2;

use super::case::Case;
use super::controls::Editing;
use super::lab::{Export, Room};
use super::notice::Notices;
use super::report::Reporting;
use super::settings::Settings;
use super::time::Playing;
use super::tools::{Outline, Ruler, Tool};
use crate::domain::phantom::PhantomKind;
use crate::domain::{Plane, Volume, Window};
use crate::engine::{DeviceReport, JobId, ModelInfo};
use crate::io::journal::Found;
use crate::monitor::Progress;

/// The whole of the window's state.
#[derive(Debug)]
pub struct State {
    /// What is remembered from one start to the next.
    pub settings: Settings,
    /// What the left button does in a slice view.
    pub tool: Tool,
    /// What the panels beside and below the views are about.
    pub room: Room,
    /// The room of the laboratory that was entered last.
    pub laboratory: Room,
    /// Which views are shown.
    pub layout: Layout,
    /// Frames that are being played.
    pub playing: Option<Playing>,
    /// Labels are drawn at all.
    pub labels_visible: bool,
    /// The panels beside the views are shown.
    pub panels_visible: bool,
    /// The open image, if any.
    pub case: Option<Case>,
    /// An image that is being read.
    pub loading: Option<Loading>,
    /// Labels that are being read.
    pub opening_labels: Option<JobId>,
    /// Labels that are being read to be pasted.
    pub pasting: Option<JobId>,
    /// A map that is being read.
    pub opening_map: Option<JobId>,
    /// A mask to combine the labels with, that is being read.
    pub opening_other: Option<JobId>,
    /// A segmentation that is running.
    pub segmenting: Option<Segmenting>,
    /// A report that is being written.
    pub reporting: Option<Reporting>,
    /// Labels that are being saved.
    pub saving: Option<Saving>,
    /// The check of the devices that is running.
    pub checking_devices: Option<JobId>,
    /// What the last check of the devices found.
    pub devices: Option<Vec<DeviceReport>>,
    /// The models that can be chosen.
    pub models: Vec<ModelInfo>,
    /// The device that the networks run on, for the status bar.
    pub device_line: String,
    /// How the last segmentation ended.
    pub last_run: Option<LastRun>,
    /// Messages on the screen.
    pub notices: Notices,
    /// Work that earlier windows left behind; `None` until it has been looked for.
    pub recoverable: Option<Vec<Found>>,
    /// Why changes are not kept in a journal, where they should be.
    pub unprotected: Option<String>,
    /// The dialog that is open.
    pub dialog: Option<Dialog>,
    /// What the pointer is over.
    pub pointed: Option<Pointed>,
    /// The plane that keys act on: the last one under the pointer.
    pub active_plane: Plane,
    /// The plane in whose view a button went down last.
    pub pressed_in: Plane,
}

/// Which views are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// All four.
    #[default]
    Grid,
    /// One slice view.
    Slice(Plane),
    /// The 3D view.
    Volume,
}

/// Zoom and pan of a slice view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Size relative to the one that fits the view.
    pub zoom: f32,
    /// From the view's middle to the slice's middle, in millimetres on the screen.
    pub pan_mm: Vec2,
}

impl Default for Camera {
    fn default() -> Self {
        Self { zoom: 1.0, pan_mm: Vec2::ZERO }
    }
}

/// The voxel under the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointed {
    /// In which view.
    pub plane: Plane,
    /// Its indices.
    pub voxel: [usize; 3],
}

/// An image that is being read.
#[derive(Debug)]
pub struct Loading {
    /// The job.
    pub job: JobId,
    /// Shown while it lasts.
    pub name: String,
    /// How far it is.
    pub progress: Option<Progress>,
    /// The first slices, and a window for them.
    pub first_look: Option<(Arc<Volume>, Window)>,
    /// What to do when it is open.
    pub then: Option<AfterOpening>,
}

/// What is to be done with an image when it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterOpening {
    /// Open these labels on it.
    Labels(PathBuf),
    /// Take up the work in this journal.
    Recover(PathBuf),
}

/// A segmentation that is running.
#[derive(Debug)]
pub struct Segmenting {
    /// The job.
    pub job: JobId,
    /// How far it is.
    pub progress: Option<Progress>,
    /// When it was asked for.
    pub started: Instant,
    /// It has been told to stop.
    pub cancelling: bool,
}

/// How the last segmentation ended, for the segment panel.
#[derive(Clone, Debug, PartialEq)]
pub enum LastRun {
    /// With a result.
    Finished {
        /// How long it took.
        elapsed_s: f64,
        /// On which device.
        device: String,
        /// What the person should know.
        warnings: Vec<String>,
    },
    /// It was cancelled.
    Cancelled,
    /// It failed; the message is among the notices too.
    Failed(String),
}

/// Labels that are being saved.
#[derive(Debug)]
pub struct Saving {
    /// The job.
    pub job: JobId,
    /// The edition of the labels that is being written.
    pub edition: u64,
    /// The revision of the label table that is being written.
    pub table_revision: u64,
    /// What was asked for before the labels had to be saved.
    pub then: Option<Next>,
}

/// What comes after the question about unsaved labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Close the window.
    Quit,
    /// Close the image.
    Close,
    /// Open this image, and these labels on it.
    OpenImage(PathBuf, Option<PathBuf>),
    /// Open the built-in sample.
    /// A made-up image of this kind.
    OpenSample(PhantomKind),
    /// Open the image that the work in this journal was done on, and the work on it.
    Recover(PathBuf),
}

/// A dialog over the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// What the program is and is not.
    About,
    /// Every key and mouse action, to see and to change.
    Controls(Editing),
    /// What the check of the devices found.
    Devices,
    /// Delete this label and its voxels?
    DeleteLabel(u16),
    /// Save the labels before going on?
    Unsaved(Next),
    /// Work that an earlier window left behind.
    Recovery,
    /// What each label holds.
    Statistics,
    /// A path is typed, where the system has no file dialog.
    TypePath {
        /// What the path is for.
        purpose: Purpose,
        /// What has been typed.
        text: String,
    },
}

/// What a path is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An image to open.
    OpenImage,
    /// A folder with the files of one image to open.
    OpenFolder,
    /// Labels to open.
    OpenLabels,
    /// Labels to lay over those that are there.
    PasteLabels,
    /// A map to paint within.
    OpenMap,
    /// A mask to combine the labels with.
    OpenOtherMask,
    /// A mask to compare the labels with.
    OpenReference,
    /// Where to write the table of agreement with the reference.
    ExportAgreement,
    /// Where to write the measurements.
    ExportMeasurements,
    /// Where to save the labels, and what to do then.
    SaveLabels(Option<Next>),
    /// A folder to save a picture of each slice's labels in.
    SaveFolder,
    /// Where to save the labels of this journal, without their image.
    SaveRecovered(PathBuf),
    /// Names and colours of labels to read.
    OpenLabelNames,
    /// Where to write names and colours of labels.
    SaveLabelNames,
    /// Where to write the table of what each label holds.
    ExportStatistics,
    /// Where to write what labels measure over time.
    ExportOverTime,
    /// Where to write a report.
    SaveReport,
    /// Where to write what the laboratory has found.
    ExportFinding(Export),
}

impl Purpose {
    /// Whether a file is written there.
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Self::SaveLabels(_)
                | Self::SaveFolder
                | Self::SaveRecovered(_)
                | Self::SaveLabelNames
                | Self::ExportStatistics
                | Self::ExportOverTime
                | Self::SaveReport
                | Self::ExportMeasurements
                | Self::ExportAgreement
                | Self::ExportFinding(_)
        )
    }
}

impl State {
    /// The state at the start, before anything is open.
    pub fn new(settings: Settings, models: Vec<ModelInfo>) -> Self {
        Self {
            settings,
            room: Room::default(),
            laboratory: Room::Uncertainty,
            tool: Tool::default(),
            layout: Layout::default(),
            playing: None,
            labels_visible: true,
            panels_visible: true,
            case: None,
            loading: None,
            opening_labels: None,
            pasting: None,
            opening_map: None,
            opening_other: None,
            segmenting: None,
            reporting: None,
            saving: None,
            checking_devices: None,
            devices: None,
            models,
            device_line: String::new(),
            last_run: None,
            notices: Notices::default(),
            recoverable: None,
            unprotected: None,
            dialog: None,
            pointed: None,
            active_plane: Plane::Axial,
            pressed_in: Plane::Axial,
        }
    }

    /// The model that is chosen, where it is one of those listed.
    pub fn model(&self) -> Option<&ModelInfo> {
        self.models.iter().find(|model| model.name == self.settings.segment.model)
    }

    /// Whether a button went down in this plane's view that the tool in use answers, and is not up again.
    pub fn is_held_in(&self, plane: Plane) -> bool {
        let is_held = |case: &Case| {
            case.strokes.is_busy()
                || case.outline.as_ref().is_some_and(Outline::is_held)
                || case.ruler.as_ref().is_some_and(Ruler::is_held)
                || case.grabbed.is_some()
        };
        self.pressed_in == plane && self.case.as_ref().is_some_and(is_held)
    }

    /// Whether something was begun with the tool in use that is not finished.
    pub fn is_gesture_open(&self) -> bool {
        self.case.as_ref().is_some_and(|case| {
            case.strokes.is_busy() || case.outline.is_some() || case.ruler.is_some() || case.grabbed.is_some()
        })
    }

    /// Whether labels would be lost by closing the case.
    pub fn has_unsaved_changes(&self) -> bool {
        self.case.as_ref().is_some_and(Case::has_unsaved_changes)
    }
}
