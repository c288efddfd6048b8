//! Everything that a person can ask for by name: menus, buttons and keys all come from this one list.

mod enabled;

pub use self::enabled::{can_change_labels, can_delete, can_experiment, can_go_to, can_show_hypothesis};

use serde::{Deserialize, Serialize};

use super::lab::Room;
use super::state::{Layout, State};
use super::tools::Tool;
use super::widgets::Icon;
use crate::domain::Plane;

/// A request without further data. [`Action`](super::action::Action) carries those that need some.
///
/// The names stand in the settings file beside the keys that a person gave them: one that is renamed keeps its old name
/// as `#[serde(alias)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    OpenImage,
    OpenFolder,
    OpenLabels,
    OpenSample,
    OpenHeart,
    CancelLoading,
    CloseCase,
    SaveLabels,
    SaveLabelsAs,
    SaveFolder,
    SaveReport,
    CancelReport,
    ShowRecovery,
    Quit,
    Undo,
    Redo,
    UseReference,
    ShowStatistics,
    Segment,
    CancelSegment,
    AcceptPreview,
    AcceptUnlabelled,
    AcceptRegion,
    DiscardPreview,
    CheckDevices,
    CrosshairTool,
    WindowTool,
    BrushTool,
    EraserTool,
    PolygonTool,
    LassoTool,
    LivewireTool,
    BucketTool,
    FillHoleTool,
    GrowTool,
    ScissorsTool,
    DistanceTool,
    AngleTool,
    AreaTool,
    CopyToNextSlice,
    CopyToPreviousSlice,
    FillBetweenSlices,
    PasteLabels,
    CancelLongEdit,
    LoadMap,
    PreviewOperation,
    ApplyOperation,
    OpenOtherMask,
    CloseOtherMask,
    SmallerBrush,
    LargerBrush,
    NewLabel,
    NextLabel,
    PreviousLabel,
    MoveLabelUp,
    MoveLabelDown,
    GoToLabel,
    IsolateLabel,
    DeleteLabel,
    RemoveUnusedLabels,
    RecolorSafe,
    RecolorItkSnap,
    OpenLabelNames,
    SaveLabelNames,
    NextSlice,
    PreviousSlice,
    FirstSlice,
    LastSlice,
    NextFrame,
    PreviousFrame,
    PlayFrames,
    ShowOverTime,
    OneMaskForAll,
    CopyToNextFrame,
    CopyToPreviousFrame,
    CopyToFollowingFrames,
    FillBetweenFrames,
    SwapTime,
    EnterAnnotate,
    EnterSteps,
    EnterUncertainty,
    EnterRobustness,
    EnterReference,
    DrawSamples,
    NextUncertain,
    LimitToUncertain,
    OpenReference,
    FreezeLabels,
    CloseReference,
    NextComparison,
    NextDifference,
    PreviousDifference,
    FollowRun,
    CompareSteps,
    SweepDamage,
    FitViews,
    CenterViews,
    MaximizeView,
    ShowGrid,
    ShowAxial,
    ShowCoronal,
    ShowSagittal,
    ShowVolume,
    WindowAuto,
    WindowFull,
    ToggleCrosshair,
    ToggleLabels,
    TogglePanels,
    NextOverlayStyle,
    ToggleInterpolation,
    ToggleConvention,
    ToggleTheme,
    ShowShortcuts,
    ShowAbout,
}

/// Why a command cannot be used now, as a sentence for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why(pub &'static str);

const NO_CASE: Why = Why("Open an image first");

impl Command {
    /// Every command, in the order in which the overview lists them.
    pub const ALL: &[Self] = &[
        Self::OpenImage,
        Self::OpenFolder,
        Self::OpenLabels,
        Self::OpenSample,
        Self::OpenHeart,
        Self::CancelLoading,
        Self::SaveLabels,
        Self::SaveLabelsAs,
        Self::SaveFolder,
        Self::SaveReport,
        Self::CancelReport,
        Self::ShowRecovery,
        Self::CloseCase,
        Self::Quit,
        Self::Undo,
        Self::Redo,
        Self::UseReference,
        Self::ShowStatistics,
        Self::Segment,
        Self::CancelSegment,
        Self::AcceptPreview,
        Self::AcceptUnlabelled,
        Self::AcceptRegion,
        Self::DiscardPreview,
        Self::CheckDevices,
        Self::CrosshairTool,
        Self::WindowTool,
        Self::BrushTool,
        Self::EraserTool,
        Self::PolygonTool,
        Self::LassoTool,
        Self::LivewireTool,
        Self::BucketTool,
        Self::FillHoleTool,
        Self::GrowTool,
        Self::ScissorsTool,
        Self::DistanceTool,
        Self::AngleTool,
        Self::AreaTool,
        Self::CopyToNextSlice,
        Self::CopyToPreviousSlice,
        Self::FillBetweenSlices,
        Self::PasteLabels,
        Self::CancelLongEdit,
        Self::LoadMap,
        Self::PreviewOperation,
        Self::ApplyOperation,
        Self::OpenOtherMask,
        Self::CloseOtherMask,
        Self::SmallerBrush,
        Self::LargerBrush,
        Self::NewLabel,
        Self::NextLabel,
        Self::PreviousLabel,
        Self::MoveLabelUp,
        Self::MoveLabelDown,
        Self::GoToLabel,
        Self::IsolateLabel,
        Self::DeleteLabel,
        Self::RemoveUnusedLabels,
        Self::RecolorSafe,
        Self::RecolorItkSnap,
        Self::OpenLabelNames,
        Self::SaveLabelNames,
        Self::NextSlice,
        Self::PreviousSlice,
        Self::FirstSlice,
        Self::LastSlice,
        Self::NextFrame,
        Self::PreviousFrame,
        Self::PlayFrames,
        Self::ShowOverTime,
        Self::OneMaskForAll,
        Self::CopyToNextFrame,
        Self::CopyToPreviousFrame,
        Self::CopyToFollowingFrames,
        Self::FillBetweenFrames,
        Self::SwapTime,
        Self::EnterAnnotate,
        Self::EnterSteps,
        Self::EnterUncertainty,
        Self::EnterRobustness,
        Self::EnterReference,
        Self::DrawSamples,
        Self::NextUncertain,
        Self::LimitToUncertain,
        Self::OpenReference,
        Self::FreezeLabels,
        Self::CloseReference,
        Self::NextComparison,
        Self::NextDifference,
        Self::PreviousDifference,
        Self::FollowRun,
        Self::CompareSteps,
        Self::SweepDamage,
        Self::FitViews,
        Self::CenterViews,
        Self::MaximizeView,
        Self::ShowGrid,
        Self::ShowAxial,
        Self::ShowCoronal,
        Self::ShowSagittal,
        Self::ShowVolume,
        Self::WindowAuto,
        Self::WindowFull,
        Self::ToggleCrosshair,
        Self::ToggleLabels,
        Self::TogglePanels,
        Self::NextOverlayStyle,
        Self::ToggleInterpolation,
        Self::ToggleConvention,
        Self::ToggleTheme,
        Self::ShowShortcuts,
        Self::ShowAbout,
    ];

    /// Text on a button or in a menu, and what it does in one sentence.
    #[expect(clippy::too_many_lines, reason = "one line a command")]
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenImage => ("Open image…", "Open a volume or a picture"),
            Self::OpenFolder => ("Open folder…", "Open the series of DICOM files or the pictures in a folder"),
            Self::OpenLabels => ("Open labels…", "Open a label mask that belongs to this image"),
            Self::OpenSample => {
                ("Open sample", "Open a made-up volume of two touching structures whose truth is known")
            }
            Self::OpenHeart => (
                "Open beating heart",
                "Open made-up ultrasound frames of a heart with four chambers whose truth is known",
            ),
            Self::CancelLoading => ("Cancel", "Stop reading the file"),
            Self::CloseCase => ("Close image", "Close this image and go back to the start page"),
            Self::SaveLabels => ("Save mask", "Save the labels on the image's own grid"),
            Self::SaveLabelsAs => ("Save mask as…", "Save the labels in another file"),
            Self::SaveFolder => {
                ("Save mask as folder…", "Save a PNG of each slice or frame, called after the image's own pictures")
            }
            Self::SaveReport => {
                ("Save report…", "Write images, labels and what the laboratory found of this frame as one HTML page")
            }
            Self::CancelReport => ("Cancel report", "Stop writing the report"),
            Self::ShowRecovery => ("Recover work…", "List work that was not saved when the program ended"),
            Self::Quit => ("Quit", "Close the program"),
            Self::Undo => ("Undo", "Take back the last change of the labels"),
            Self::Redo => ("Redo", "Do the change again that was taken back"),
            Self::UseReference => ("Use known truth", "Copy the sample's known truth into the labels"),
            Self::ShowStatistics => ("Label statistics…", "Voxels, volume and intensities of each label"),
            Self::Segment => ("Segment", "Segment this image with the chosen model"),
            Self::CancelSegment => ("Cancel", "Stop the segmentation or the experiment that is running"),
            Self::AcceptPreview => ("Accept", "Make the preview part of the labels; can be undone"),
            Self::AcceptUnlabelled => {
                ("Accept where unlabelled", "Fill only voxels without a label from the preview; can be undone")
            }
            Self::AcceptRegion => (
                "Accept region under pointer",
                "Take the connected region of the preview under the pointer; it stays open",
            ),
            Self::DiscardPreview => ("Discard", "Drop the preview; the labels stay as they are"),
            Self::CheckDevices => ("Check devices", "Compare every device with the CPU and time it"),
            Self::CrosshairTool => Tool::Crosshair.words(),
            Self::WindowTool => Tool::Window.words(),
            Self::BrushTool => Tool::Brush.words(),
            Self::EraserTool => Tool::Eraser.words(),
            Self::PolygonTool => Tool::Polygon.words(),
            Self::LassoTool => Tool::Lasso.words(),
            Self::LivewireTool => Tool::Livewire.words(),
            Self::DistanceTool => Tool::Distance.words(),
            Self::AngleTool => Tool::Angle.words(),
            Self::AreaTool => Tool::Area.words(),
            Self::BucketTool => Tool::Bucket.words(),
            Self::FillHoleTool => Tool::FillHole.words(),
            Self::GrowTool => Tool::Grow.words(),
            Self::ScissorsTool => Tool::Scissors.words(),
            Self::CopyToNextSlice => ("Copy to next slice", "Lay this slice's labels over the next one, and go there"),
            Self::CopyToPreviousSlice => {
                ("Copy to previous slice", "Lay this slice's labels over the one before, and go there")
            }
            Self::FillBetweenSlices => {
                ("Fill between slices", "Interpolate between the slices of the active view that are drawn on")
            }
            Self::PasteLabels => ("Paste from mask…", "Lay labels of another file over those that are there"),
            Self::CancelLongEdit => ("Cancel change", "Stop the change of the labels that is being worked out"),
            Self::PreviewOperation => ("Preview", "Show what the operation would make of the label"),
            Self::ApplyOperation => ("Apply", "Do the operation at once; can be undone"),
            Self::OpenOtherMask => ("Other mask…", "Open a mask on this image's grid to combine labels with"),
            Self::CloseOtherMask => ("Use these labels", "Combine with the labels themselves again"),
            Self::LoadMap => ("Load map…", "Open a map on this image's grid, such as an uncertainty, to paint within"),
            Self::SmallerBrush => ("Smaller brush", "Make the brush and the eraser smaller"),
            Self::LargerBrush => ("Larger brush", "Make the brush and the eraser larger"),
            Self::NewLabel => ("New label", "Add a label to the table and paint with it"),
            Self::NextLabel => ("Next label", "Paint with the label below in the table"),
            Self::PreviousLabel => ("Previous label", "Paint with the label above in the table"),
            Self::MoveLabelUp => ("Move label up", "Put the active label one row higher in the table"),
            Self::MoveLabelDown => ("Move label down", "Put the active label one row lower in the table"),
            Self::GoToLabel => ("Go to label", "Put the crosshair into the middle of the active label"),
            Self::IsolateLabel => ("Show only this label", "Hide all other labels, or show them again"),
            Self::DeleteLabel => ("Delete label…", "Delete the active label and its voxels; asks first"),
            Self::RemoveUnusedLabels => ("Remove unused labels", "Delete every label that has no voxels"),
            Self::RecolorSafe => (
                "Colours safe for colour-blind eyes",
                "Give every label a colour that all kinds of colour vision tell apart",
            ),
            Self::RecolorItkSnap => {
                ("Colours as in ITK-SNAP", "Give every label ITK-SNAP's colour: red, green, blue, …")
            }
            Self::OpenLabelNames => ("Open label names…", "Read names and colours from an ITK-SNAP or FreeSurfer file"),
            Self::SaveLabelNames => {
                ("Save label names…", "Write names and colours into an ITK-SNAP or FreeSurfer file")
            }
            Self::NextSlice => ("Next slice", "One slice on in the view under the pointer"),
            Self::PreviousSlice => ("Previous slice", "One slice back in the view under the pointer"),
            Self::FirstSlice => ("First slice", "To the first slice of the view under the pointer"),
            Self::LastSlice => ("Last slice", "To the last slice of the view under the pointer"),
            Self::NextFrame => ("Next frame", "One frame on in a time series"),
            Self::PreviousFrame => ("Previous frame", "One frame back in a time series"),
            Self::PlayFrames => ("Play or pause", "Show one frame after the other, or stop"),
            Self::SwapTime => {
                ("Frames or slices", "Read the pictures as one after the other in time, or as stacked in space")
            }
            Self::ShowOverTime => {
                ("Labels over time", "Plot area or volume of each label in each frame, with the ejection fraction")
            }
            Self::OneMaskForAll => {
                ("One mask for all frames", "The mask of the frame shown for all of them, or again one for each")
            }
            Self::CopyToNextFrame => {
                ("Copy to next frame", "Lay this frame's labels over the next one's, and go there")
            }
            Self::CopyToPreviousFrame => {
                ("Copy to previous frame", "Lay this frame's labels over those of the one before, and go there")
            }
            Self::CopyToFollowingFrames => {
                ("Copy to all following", "Lay this frame's labels over those of every frame after it")
            }
            Self::FillBetweenFrames => ("Fill between frames", "Interpolate between the frames that are drawn on"),
            Self::EnterAnnotate => ("Annotate", "Labels and the tools that change them"),
            Self::EnterSteps => ("Sampling steps", "Compare numbers of sampling steps on this image"),
            Self::EnterUncertainty => ("Uncertainty", "Draw samples and see where they differ"),
            Self::EnterRobustness => ("Robustness", "Damage the image and see what the answer does"),
            Self::EnterReference => ("Reference", "Compare the labels with a reference"),
            Self::DrawSamples => ("Draw samples", "Segment this image many times over, each time from another noise"),
            Self::NextUncertain => (
                "Next uncertain region",
                "Put the crosshair into the next region above the threshold, the weightiest first",
            ),
            Self::LimitToUncertain => (
                "Paint only where uncertain",
                "Keep every tool to the voxels whose value on this map is above the threshold",
            ),
            Self::OpenReference => ("Open reference…", "Open a mask on this image's grid to compare the labels with"),
            Self::FreezeLabels => {
                ("Keep labels as reference", "Compare what is changed from now on with the labels as they stand")
            }
            Self::CloseReference => {
                ("Close reference", "Let go of the reference; the sample is compared with its known truth again")
            }
            Self::NextComparison => {
                ("Other way to compare", "Show the reference as a difference, by swiping, side by side, or not at all")
            }
            Self::NextDifference => {
                ("Next difference", "Put the crosshair into the next smaller region that differs from the reference")
            }
            Self::PreviousDifference => {
                ("Prior difference", "Put the crosshair into the next larger region that differs from the reference")
            }
            Self::FollowRun => ("Follow one run", "Keep every state of one run, to go back and forth on its path"),
            Self::CompareSteps => ("Compare numbers of steps", "Run every chosen number of steps from one noise"),
            Self::SweepDamage => {
                ("Sweep strengths", "Damage the image in every strength, and see how far answers hold")
            }
            Self::FitViews => ("Zoom to fit", "Fit every view to its frame"),
            Self::CenterViews => ("Center on crosshair", "Bring the crosshair to the middle of every view"),
            Self::MaximizeView => ("Maximize view", "Show only the view under the pointer, or all again"),
            Self::ShowGrid => ("All views", "Axial, coronal, sagittal and 3D together"),
            Self::ShowAxial => ("Axial only", "Show only the axial view"),
            Self::ShowCoronal => ("Coronal only", "Show only the coronal view"),
            Self::ShowSagittal => ("Sagittal only", "Show only the sagittal view"),
            Self::ShowVolume => ("3D only", "Show only the 3D view"),
            Self::WindowAuto => ("Auto", "The image's range without the top and bottom 0.1 %"),
            Self::WindowFull => ("Full range", "From the smallest to the largest intensity"),
            Self::ToggleCrosshair => ("Crosshair lines", "Show or hide the crosshair"),
            Self::ToggleLabels => ("Labels", "Show or hide all labels"),
            Self::TogglePanels => ("Side panels", "Show or hide the panels beside the views"),
            Self::NextOverlayStyle => ("Overlay style", "Filled, outlined, or both"),
            Self::ToggleInterpolation => ("Interpolation", "Smooth between voxels, or show voxels as they are"),
            Self::ToggleConvention => ("Left and right", "Change between radiological and neurological display"),
            Self::ToggleTheme => ("Theme", "Change between the dark and the light theme"),
            Self::ShowShortcuts => ("Keys and mouse", "See and change every key and mouse action"),
            Self::ShowAbout => ("About LDSeg", "What this program is and is not"),
        }
    }

    /// Text on a button or in a menu; ends in "…" where the program asks for more.
    pub fn text(self) -> &'static str {
        self.words().0
    }

    /// What it does, in one sentence without a period.
    pub fn tooltip(self) -> &'static str {
        self.words().1
    }

    /// What it does now: as [`Command::tooltip`], but for what is running by its name.
    pub fn tooltip_in(self, state: &State) -> &'static str {
        let running = state.case.as_ref().and_then(|case| case.lab.running.as_ref());
        match (self, running) {
            (Self::CancelSegment, _) if state.segmenting.is_some() => "Stop the segmentation",
            (Self::CancelSegment, Some(running)) => running.stop_text,
            _ => self.tooltip(),
        }
    }

    /// The mark on buttons that have one.
    pub fn icon(self) -> Option<Icon> {
        Some(match self {
            Self::OpenImage | Self::OpenFolder => Icon::Folder,
            Self::OpenLabels => Icon::Layers,
            Self::OpenSample | Self::OpenHeart => Icon::Sample,
            Self::SaveLabels => Icon::Save,
            Self::Undo => Icon::Undo,
            Self::Redo => Icon::Redo,
            Self::Segment
            | Self::PlayFrames
            | Self::DrawSamples
            | Self::FollowRun
            | Self::CompareSteps
            | Self::SweepDamage => Icon::Play,
            Self::CancelSegment => Icon::Stop,
            Self::AcceptPreview => Icon::Check,
            Self::DiscardPreview => Icon::Close,
            Self::CheckDevices => Icon::Chip,
            Self::FitViews => Icon::Fit,
            Self::ShowGrid => Icon::Grid,
            Self::ShowShortcuts => Icon::Help,
            Self::ShowAbout => Icon::Info,
            Self::LoadMap => Icon::Folder,
            Self::CancelLongEdit => Icon::Stop,
            _ => return self.tool().map(Tool::icon),
        })
    }

    /// Whether it names the choice that is in force, so that its button is drawn as chosen.
    pub fn is_chosen(self, state: &State) -> bool {
        match self {
            Self::ShowGrid => state.layout == Layout::Grid,
            Self::ShowAxial => state.layout == Layout::Slice(Plane::Axial),
            Self::ShowCoronal => state.layout == Layout::Slice(Plane::Coronal),
            Self::ShowSagittal => state.layout == Layout::Slice(Plane::Sagittal),
            Self::ShowVolume => state.layout == Layout::Volume,
            Self::EnterAnnotate => state.room == Room::Annotate,
            Self::EnterSteps => state.room == Room::Steps,
            Self::EnterUncertainty => state.room == Room::Uncertainty,
            Self::EnterRobustness => state.room == Room::Robustness,
            Self::EnterReference => state.room == Room::Reference,
            Self::ToggleCrosshair => state.settings.crosshair_visible,
            Self::PlayFrames => state.playing.is_some(),
            Self::ShowOverTime => state.settings.shows_over_time,
            Self::OneMaskForAll => {
                state.case.as_ref().is_some_and(|case| case.history.frames().one_for_all().is_some())
            }
            Self::ToggleLabels => state.labels_visible,
            Self::IsolateLabel => state.case.as_ref().is_some_and(|case| case.isolation.is_some()),
            Self::TogglePanels => state.panels_visible,
            _ => self.tool() == Some(state.tool),
        }
    }

    /// The tool that it takes in hand.
    pub fn tool(self) -> Option<Tool> {
        Some(match self {
            Self::CrosshairTool => Tool::Crosshair,
            Self::WindowTool => Tool::Window,
            Self::BrushTool => Tool::Brush,
            Self::EraserTool => Tool::Eraser,
            Self::PolygonTool => Tool::Polygon,
            Self::LassoTool => Tool::Lasso,
            Self::LivewireTool => Tool::Livewire,
            Self::DistanceTool => Tool::Distance,
            Self::AngleTool => Tool::Angle,
            Self::AreaTool => Tool::Area,
            Self::BucketTool => Tool::Bucket,
            Self::FillHoleTool => Tool::FillHole,
            Self::GrowTool => Tool::Grow,
            Self::ScissorsTool => Tool::Scissors,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_command_once() {
        let mut seen = Command::ALL.to_vec();
        seen.sort_by_key(|command| *command as usize);
        seen.dedup();
        assert_eq!(seen.len(), Command::ALL.len());
        assert_eq!(seen.len(), Command::ShowAbout as usize + 1);
    }

    #[test]
    fn texts_obey_the_writing_rules() {
        for command in Command::ALL {
            for words in [command.text(), command.tooltip()] {
                assert!(words.starts_with(|first: char| first.is_uppercase() || first.is_numeric()), "{words}");
                assert!(!words.ends_with('.') && !words.ends_with(':'), "{words}");
            }
        }
    }
}
