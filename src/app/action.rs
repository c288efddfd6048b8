//! What views and panels ask for while they draw; applied in order once drawing is over.

use std::path::PathBuf;

use super::command::Command;
use super::controls::ControlEdit;
use super::lab::{LabAction, Room};
use super::label_table::TableEdit;
use super::operations::Choice;
use super::settings::{Interpolation, Overlay};
use super::state::{Camera, Layout, Pointed};
use super::time::Playback;
use super::tools::{BrushLook, Limits, PointerEvent, PointerKind, ToolOptions};
use crate::config::SegmentSettings;
use crate::domain::{Convention, Label, Plane, Window};

/// One request.
#[derive(Clone, Debug)]
pub enum Action {
    /// A named command.
    Command(Command),
    /// Open this image, after asking about unsaved labels.
    OpenImage(PathBuf),
    /// Files were dropped on the window: an image, and labels on it.
    OpenFiles(Vec<PathBuf>),
    /// Put the crosshair into this voxel.
    MoveCrosshair([usize; 3]),
    /// Move through a plane's slices, positive towards right, anterior or superior.
    Scroll {
        /// Whose slices.
        plane: Plane,
        /// How many.
        n_slices: isize,
    },
    /// Show this slice.
    SetSlice {
        /// Of which plane.
        plane: Plane,
        /// Voxel index along the axis through it.
        index: usize,
    },
    /// Spread these intensities from black to white.
    SetWindow(Window),
    /// The pointer did something that the tool in use may answer.
    Pointer {
        /// In which view.
        plane: Plane,
        /// What it did.
        event: PointerEvent,
    },
    /// A key that the gesture going on answers.
    GestureKey(PointerKind),
    /// What is set for operations on whole labels.
    SetOperation(Choice),
    /// Accept one structure of the preview, by the model's id.
    AcceptLabel(u16),
    /// Paint this label from now on.
    ActivateLabel(u16),
    /// How the brush and the eraser reach.
    SetBrush(BrushLook),
    /// How the other tools work.
    SetTools(ToolOptions),
    /// Where the tools may paint.
    SetLimits(Limits),
    /// Zoom and pan a slice view.
    SetCamera {
        /// Which view.
        plane: Plane,
        /// Its new zoom and pan.
        camera: Camera,
    },
    /// Show these views.
    SetLayout(Layout),
    /// The pointer is over this, or over no voxel.
    Point(Option<Pointed>),
    /// Keys now act on this plane.
    Activate(Plane),
    /// Show this frame of a time series.
    SetFrame(usize),
    /// How frames are played.
    SetPlayback(Playback),
    /// Ask where to write labels over time.
    ExportOverTime,
    /// The size of the picture's pixels in millimetres; none that is known.
    SetPixelSize(Option<f64>),
    /// Settings of the segment panel.
    SetSegment(SegmentSettings),
    /// How labels lie over the image.
    SetOverlay(Overlay),
    /// How images are drawn between voxel centres.
    SetInterpolation(Interpolation),
    /// Which side of the patient is on the left.
    SetConvention(Convention),
    /// Show the slice that a measurement lies on.
    ShowMeasurement(u64),
    /// A measurement's name.
    NameMeasurement(u64, String),
    /// Take a measurement away.
    DeleteMeasurement(u64),
    /// Copy the measurements for a spreadsheet.
    CopyMeasurements,
    /// Write the measurements into a file.
    ExportMeasurements,
    /// Go into this room.
    Enter(Room),
    /// Something in the laboratory.
    Lab(LabAction),
    /// A label's name, colour, visibility, opacity or lock.
    SetLabel(Label),
    /// Change keys or mouse.
    EditControls(ControlEdit),
    /// Change the label table.
    EditTable(TableEdit),
    /// Close the dialog that is open.
    CloseDialog,
    /// Copy the table of what each label holds.
    CopyStatistics,
    /// Ask where to write that table.
    ExportStatistics,
    /// Undo or redo until this many entries of the history are in the labels.
    GoTo(usize),
    /// Take up the work in this journal.
    Recover(PathBuf),
    /// Save the labels in this journal without opening their image.
    SaveRecovered(PathBuf),
    /// Nobody wants the work in this journal.
    DiscardJournal(PathBuf),
    /// The answer to "save your changes?".
    Resolve(Resolution),
    /// The path that was typed so far in the dialog that asks for one.
    TypePath(String),
    /// The path typed is complete.
    SubmitPath,
    /// Take a message off the screen.
    Dismiss(u64),
}

/// What to do with unsaved labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Save them, then go on.
    Save,
    /// Go on without them.
    Discard,
}

/// The requests of one frame.
#[derive(Debug, Default)]
pub struct Actions(Vec<Action>);

impl Actions {
    /// Asks for something.
    pub fn push(&mut self, action: Action) {
        self.0.push(action);
    }

    /// Asks for a named command.
    pub fn command(&mut self, command: Command) {
        self.push(Action::Command(command));
    }

    /// Takes all requests, in order.
    pub fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.0)
    }
}
