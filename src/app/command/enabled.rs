//! When each command can be used, and why it cannot.

use super::{Command, NO_CASE, Why};
use crate::app::case::{Case, Source};
use crate::app::lab::Room;
use crate::app::operations::Kind;
use crate::app::state::State;
use crate::domain::{Label, Plane, Space};

impl Command {
    /// Whether it can be used now.
    ///
    /// # Errors
    /// [`Why`] not.
    #[expect(clippy::too_many_lines, reason = "one line a command")]
    pub fn enabled(self, state: &State) -> Result<(), Why> {
        match self {
            Self::OpenImage | Self::OpenFolder | Self::OpenSample | Self::OpenHeart => not_loading(state),
            Self::OpenLabels => can_open_labels(state),
            Self::ShowGrid | Self::ShowVolume | Self::MaximizeView => has_depth(state),
            Self::ShowAxial => shows(state, Plane::Axial),
            Self::ShowCoronal => shows(state, Plane::Coronal),
            Self::ShowSagittal => shows(state, Plane::Sagittal),
            Self::CancelLoading => because(state.loading.is_some(), "No file is being read"),
            Self::SaveLabels | Self::SaveLabelsAs => can_save(state),
            Self::SaveFolder => can_save_folder(state),
            Self::SaveReport => case(state).and(because(state.reporting.is_none(), "A report is being written")),
            Self::CancelReport => because(state.reporting.is_some(), "No report is being written"),
            Self::ShowRecovery => has_recoverable(state),
            Self::ShowStatistics => has_labelled(case(state)?),
            Self::Undo => can_undo(state),
            Self::Redo => can_redo(state),
            Self::UseReference => can_use_reference(state),
            Self::Segment => can_segment(state),
            Self::CancelSegment => something_runs(state),
            Self::AcceptPreview => can_accept(state),
            Self::AcceptUnlabelled | Self::AcceptRegion => can_accept_part(state),
            Self::DiscardPreview => has_preview(state),
            Self::CheckDevices => because(state.checking_devices.is_none(), "The devices are being checked"),
            Self::NextFrame | Self::PreviousFrame | Self::PlayFrames => has_frames(state),
            Self::SwapTime => can_swap_time(state),
            Self::ShowOverTime => can_show_over_time(case(state)?),
            Self::OneMaskForAll => can_change_labels(state).and_then(|()| has_masks(case(state)?)),
            Self::CopyToNextFrame | Self::CopyToFollowingFrames => can_copy_frame(state, 1),
            Self::CopyToPreviousFrame => can_copy_frame(state, -1),
            Self::FillBetweenFrames => can_change_labels(state).and_then(|()| each_has_mask(case(state)?)),
            Self::WindowAuto | Self::WindowFull => has_grey_values(state),
            Self::BrushTool
            | Self::EraserTool
            | Self::PolygonTool
            | Self::LassoTool
            | Self::LivewireTool
            | Self::BucketTool
            | Self::FillHoleTool
            | Self::ScissorsTool => can_change_labels(state),
            Self::GrowTool => can_change_labels(state).and_then(|()| has_grey_values(state)),
            Self::CopyToNextSlice | Self::CopyToPreviousSlice | Self::FillBetweenSlices => {
                can_change_labels(state).and_then(|()| because(!case(state)?.is_empty(), "There are no labels yet"))
            }
            Self::CancelLongEdit => {
                because(case(state)?.long_edit.is_some(), "No change of the labels is being worked out")
            }
            Self::PreviewOperation | Self::ApplyOperation => can_operate(state),
            Self::OpenOtherMask => case(state).and(because(state.opening_other.is_none(), "A mask is being read")),
            Self::CloseOtherMask => because(case(state)?.other_mask.is_some(), "There is no other mask"),
            Self::LoadMap => case(state).and(because(state.opening_map.is_none(), "A map is being read")),
            Self::PasteLabels => can_paste(state),
            Self::SmallerBrush | Self::LargerBrush => {
                because(state.tool.is_brush(), "Choose the brush or the eraser first")
            }
            Self::NextLabel
            | Self::PreviousLabel
            | Self::IsolateLabel
            | Self::RecolorSafe
            | Self::RecolorItkSnap
            | Self::SaveLabelNames => has_labels(state),
            Self::MoveLabelUp => because(active_row(state)?.0 > 0, "The label is in the first row"),
            Self::MoveLabelDown => because(active_row(state)?.1 > 0, "The label is in the last row"),
            Self::GoToLabel => can_go_to(state, active(state)?.id),
            Self::DeleteLabel => can_delete(state, active(state)?.id),
            Self::RemoveUnusedLabels => can_remove_unused(state),
            Self::OpenLabelNames => case(state).and_then(settled).map(|_| ()),
            Self::DrawSamples => can_draw_samples(state),
            Self::NextUncertain => has_uncertainty(state),
            Self::LimitToUncertain => can_change_labels(state).and_then(|()| has_uncertainty(state)),
            Self::OpenReference => can_open_reference(state),
            Self::FreezeLabels => can_freeze(state),
            Self::FollowRun => can_experiment(state).and_then(|()| has_steps(state)),
            Self::CompareSteps => can_compare_steps(state),
            Self::SweepDamage => can_sweep(state),
            Self::CloseReference => {
                because(case(state)?.lab.reference.chosen.is_some(), "No reference was opened or kept")
            }
            Self::NextComparison => is_comparing(state).map(|_| ()),
            Self::NextDifference | Self::PreviousDifference => has_differences(state),
            Self::CloseCase
            | Self::NewLabel
            | Self::NextSlice
            | Self::PreviousSlice
            | Self::FirstSlice
            | Self::LastSlice
            | Self::EnterAnnotate
            | Self::EnterSteps
            | Self::EnterUncertainty
            | Self::EnterRobustness
            | Self::EnterReference
            | Self::FitViews
            | Self::CenterViews
            | Self::ToggleLabels
            | Self::TogglePanels
            | Self::CrosshairTool
            | Self::DistanceTool
            | Self::AngleTool
            | Self::AreaTool
            | Self::WindowTool => case(state).map(|_| ()),
            Self::Quit
            | Self::ToggleCrosshair
            | Self::NextOverlayStyle
            | Self::ToggleInterpolation
            | Self::ToggleConvention
            | Self::ToggleTheme
            | Self::ShowShortcuts
            | Self::ShowAbout => Ok(()),
        }
    }
}

fn because(holds: bool, otherwise: &'static str) -> Result<(), Why> {
    if holds { Ok(()) } else { Err(Why(otherwise)) }
}

fn case(state: &State) -> Result<&Case, Why> {
    state.case.as_ref().ok_or(NO_CASE)
}

fn no_preview(case: &Case) -> Result<&Case, Why> {
    because(case.preview.is_none(), "Accept or discard the preview first").map(|()| case)
}

fn has_depth(state: &State) -> Result<(), Why> {
    because(case(state)?.only_plane().is_none(), "This image is one slice")
}

fn shows(state: &State, plane: Plane) -> Result<(), Why> {
    because(case(state)?.only_plane().is_none_or(|only| only == plane), "This image is one slice in another plane")
}

fn something_runs(state: &State) -> Result<(), Why> {
    let experiments = state.case.as_ref().is_some_and(|case| case.lab.running.is_some());
    because(state.segmenting.is_some() || experiments, "Neither a segmentation nor an experiment is running")
}

fn can_swap_time(state: &State) -> Result<(), Why> {
    let case = case(state).and_then(no_preview).and_then(settled)?;
    because(case.opened.volume.with_time_swapped().is_some(), "This image has one slice")?;
    because(case.grid().space() != Space::Patient, "The slices of a patient are no frames of time")?;
    because(state.segmenting.is_none() && case.lab.running.is_none(), "Wait until the model is done, or stop it")?;
    let is_reading =
        [state.opening_labels, state.pasting, state.opening_map, state.opening_other, case.lab.reference.opening];
    because(is_reading.iter().all(Option::is_none), "A file is being read")
}

fn not_loading(state: &State) -> Result<(), Why> {
    because(state.loading.is_none(), "A file is being read")
}

fn can_open_labels(state: &State) -> Result<(), Why> {
    case(state).and_then(no_preview).and_then(settled)?;
    because(state.opening_labels.is_none(), "Labels are being read")?;
    not_loading(state)
}

fn can_paste(state: &State) -> Result<(), Why> {
    can_change_labels(state)?;
    because(state.pasting.is_none(), "Labels to paste are being read")
}

fn can_save(state: &State) -> Result<(), Why> {
    let case = case(state)?;
    because(state.saving.is_none(), "The mask is being saved")?;
    has_labelled(case)
}

fn can_save_folder(state: &State) -> Result<(), Why> {
    let grid = case(state)?.grid();
    because(grid.is_series() || matches!(grid.space(), Space::Picture { .. }), "The image is no stack of pictures")?;
    because(grid.shape()[2] > 1, "The image is one picture: \u{201c}Save mask as\u{2026}\u{201d} writes a PNG of it")?;
    can_save(state)
}

fn has_labelled(case: &Case) -> Result<(), Why> {
    because(!case.is_empty(), "There are no labels yet: segment the image or open labels")
}

fn settled(case: &Case) -> Result<&Case, Why> {
    because(case.merging.is_none() && case.long_edit.is_none(), "The labels are being changed").map(|()| case)
}

/// Whether the labels may be changed now.
///
/// # Errors
/// [`Why`] not.
pub fn can_change_labels(state: &State) -> Result<(), Why> {
    case(state).and_then(no_preview).and_then(settled).map(|_| ())
}

fn can_undo(state: &State) -> Result<(), Why> {
    because(case(state).and_then(settled)?.history.can_undo().is_some(), "Nothing to undo")
}

fn can_redo(state: &State) -> Result<(), Why> {
    because(case(state).and_then(settled)?.history.can_redo().is_some(), "Nothing to redo")
}

fn can_use_reference(state: &State) -> Result<(), Why> {
    let case = case(state).and_then(no_preview).and_then(settled)?;
    because(case.opened.reference.is_some(), "Only the built-in sample has a known truth")
}

fn can_segment(state: &State) -> Result<(), Why> {
    let case = case(state).and_then(no_preview)?;
    because(state.segmenting.is_none(), "A segmentation is running")?;
    because(case.lab.running.is_none(), "An experiment is running; stop it first")?;
    can_read(state, case)
}

/// Whether there is a model that reads the image.
fn can_read(state: &State, case: &Case) -> Result<(), Why> {
    because(!state.models.is_empty(), "No model is installed")?;
    let is_volumetric = state.model().is_some_and(|model| !model.is_planar);
    because(!is_volumetric || case.only_plane().is_none(), "This model is for volumes; choose one for pictures")
}

/// Whether an experiment can begin: one runs at a time.
///
/// # Errors
/// [`Why`] not.
pub fn can_experiment(state: &State) -> Result<(), Why> {
    let case = case(state)?;
    because(state.segmenting.is_none(), "A segmentation is running; stop it first")?;
    match case.lab.running.as_ref().map(|running| running.room) {
        Some(Room::Steps) => Err(Why("Numbers of steps are being compared; stop that first")),
        Some(Room::Uncertainty) => Err(Why("Samples are being drawn; stop them first")),
        Some(Room::Robustness) => Err(Why("The image is being damaged; stop that first")),
        Some(Room::Annotate | Room::Reference) => Err(Why("An experiment is running; stop it first")),
        None => can_read(state, case),
    }
}

fn can_draw_samples(state: &State) -> Result<(), Why> {
    can_experiment(state)?;
    because(
        !state.model().is_some_and(|model| model.is_deterministic),
        "This model gives the same answer each time, so there is nothing to sample: choose a diffusion model",
    )
}

/// Whether a map of uncertainty is shown that has values.
fn has_uncertainty(state: &State) -> Result<(), Why> {
    let picture = case(state)?.lab.uncertainty.picture.as_ref().ok_or(Why("Draw samples first"))?;
    because(picture.key.map.is_uncertainty(), "A mean probability is no uncertainty: choose SD, entropy or votes")?;
    because(picture.values.is_some(), "The SD takes at least two samples")
}

/// Whether one of the samples' answers can be shown as a preview.
///
/// # Errors
/// [`Why`] not.
pub fn can_show_hypothesis(state: &State) -> Result<(), Why> {
    case(state).and_then(settled).map(|_| ())
}

fn has_steps(state: &State) -> Result<(), Why> {
    let is_deterministic = state.model().is_some_and(|model| model.is_deterministic);
    because(!is_deterministic, "This model is deterministic: it begins with no noise, so it takes no steps")
}

fn can_sweep(state: &State) -> Result<(), Why> {
    can_experiment(state)?;
    let lab = &case(state)?.lab.robustness;
    because(!lab.is_matching, "The reference is being matched with the model's labels")?;
    because(!lab.strengths().is_empty(), "Choose a strength first")
}

fn can_compare_steps(state: &State) -> Result<(), Why> {
    can_experiment(state).and_then(|()| has_steps(state))?;
    because(!case(state)?.lab.steps.chosen.is_empty(), "Choose a number of steps first")
}

fn has_recoverable(state: &State) -> Result<(), Why> {
    because(
        state.recoverable.iter().flatten().next().is_some(),
        "No work was left behind: all of it was saved or discarded",
    )
}

fn has_preview(state: &State) -> Result<(), Why> {
    because(case(state)?.preview.is_some(), "There is no preview")
}

fn can_accept(state: &State) -> Result<(), Why> {
    has_preview(state)?;
    case(state).and_then(settled).map(|_| ())
}

/// Whether the operation that is chosen can be done to the active label.
fn can_operate(state: &State) -> Result<(), Why> {
    let case = case(state).and_then(no_preview).and_then(settled)?;
    let choice = state.settings.operation;
    let label = case.active_label().ok_or(Why("Add a label first"))?;
    because(!label.locked, "The label is locked: unlock it in the table first")?;
    let gains = matches!(choice.kind, Kind::Union | Kind::Merge);
    because(gains || case.count(label.id) != Some(0), no_voxels(case, "The label has no voxels yet"))?;
    if !choice.kind.needs_other() {
        return Ok(());
    }
    let is_own = case.other_mask.is_none() || !choice.kind.takes_other_mask();
    let cannot_overlap = is_own && matches!(choice.kind, Kind::Intersection | Kind::Difference);
    because(!cannot_overlap, "Labels of one mask never overlap: open another mask to compare with")?;
    because(case.operands(choice.kind).get(choice.other).is_some(), "Choose the second label")?;
    because(!(is_own && choice.other == label.id), "Choose another label than the active one")
}

fn can_accept_part(state: &State) -> Result<(), Why> {
    can_accept(state)?;
    let is_models = case(state)?.preview.as_ref().is_some_and(|preview| matches!(preview.source, Source::Model(_)));
    because(is_models, "Only what a model found can be taken in parts")
}

fn can_open_reference(state: &State) -> Result<(), Why> {
    because(case(state)?.lab.reference.opening.is_none(), "A reference is being read")
}

fn can_freeze(state: &State) -> Result<(), Why> {
    case(state).and_then(settled).and_then(has_labelled)
}

fn is_comparing(state: &State) -> Result<&Case, Why> {
    let case = case(state)?;
    because(case.reference().is_some(), "Choose a reference first")?;
    because(state.room == Room::Reference, "Go into the room Reference first").map(|()| case)
}

fn has_differences(state: &State) -> Result<(), Why> {
    let (agreement, is_current) = is_comparing(state)?.agreement().ok_or(Why("The labels are being compared"))?;
    because(!agreement.regions.is_empty() || !is_current, "No voxel differs from the reference")
}

fn has_frames(state: &State) -> Result<(), Why> {
    because(case(state)?.frames().is_some(), "This image has one frame")
}

fn has_masks(case: &Case) -> Result<(), Why> {
    let otherwise = match case.frames() {
        Some(_) => "The frames of a flat image are slices of one mask",
        None => "This image has one frame",
    };
    because(case.n_masks() > 1, otherwise)
}

fn each_has_mask(case: &Case) -> Result<(), Why> {
    has_masks(case)?;
    because(case.has_mask_per_frame(), "All frames have one mask: give each its own first")
}

fn can_show_over_time(case: &Case) -> Result<(), Why> {
    because(case.frames().is_some(), "This image is no series of frames")?;
    if case.grid().is_series() { Ok(()) } else { each_has_mask(case) }
}

/// Whether there is a frame `step` on from the one shown that its labels can be laid over.
fn can_copy_frame(state: &State, step: isize) -> Result<(), Why> {
    can_change_labels(state)?;
    let case = case(state)?;
    each_has_mask(case)?;
    let is_there = case.frame.checked_add_signed(step).is_some_and(|frame| frame < case.n_masks());
    because(is_there, if step > 0 { "This is the last frame" } else { "This is the first frame" })?;
    because(!case.counts.is_empty(case.frame..case.frame + 1), "This frame has no labels")
}

fn has_labels(state: &State) -> Result<(), Why> {
    active(state).map(|_| ())
}

/// The label that is drawn with.
fn active(state: &State) -> Result<&Label, Why> {
    case(state)?.active_label().ok_or(Why("There is no label yet"))
}

/// How many rows lie above and below that of the active label.
fn active_row(state: &State) -> Result<(usize, usize), Why> {
    let (id, labels) = (active(state)?.id, &case(state)?.table.labels);
    let row = labels.iter().position(|label| label.id == id).unwrap_or(0);
    Ok((row, labels.len() - 1 - row))
}

/// Whether a label has voxels to go to.
pub fn can_go_to(state: &State, id: u16) -> Result<(), Why> {
    let case = case(state)?;
    because(case.count(id) != Some(0), no_voxels(case, "The label has no voxels"))
}

/// Says of a label that it is missing, from the frame shown where there may be some in others.
fn no_voxels(case: &Case, of_one: &'static str) -> &'static str {
    if case.has_mask_per_frame() { "The label has no voxels in this frame" } else { of_one }
}

/// Whether a label can be deleted.
pub fn can_delete(state: &State, id: u16) -> Result<(), Why> {
    let case = case(state).and_then(no_preview).and_then(settled)?;
    because(case.counts.is_known(), "The voxels are being counted")?;
    because(case.table.get(id).is_some_and(|label| !label.locked), "The label is locked; unlock it first")
}

fn can_remove_unused(state: &State) -> Result<(), Why> {
    let unused = case(state).and_then(settled)?.unused_labels().ok_or(Why("The voxels are being counted"))?;
    because(!unused.is_empty(), "Every label has voxels or is locked")
}

fn has_grey_values(state: &State) -> Result<(), Why> {
    because(!case(state)?.opened.volume.is_color(), "A colour image has no window")
}
