//! What each action does to the state. Every arm is a call or a line.

use std::sync::Arc;

use eframe::egui::{ViewportCommand, vec2};

use super::App;
use super::action::{Action, Resolution};
use super::background::{Laying, Task};
use super::case::{Case, Merging, PLANES, Preview, Source, plane_index};
use super::command::{Command, can_change_labels};
use super::controls::Editing;
use super::lab::Room;
use super::lab::reference::ReferenceAction;
use super::lab::uncertainty::UncertaintyAction;
use super::label_table::TableEdit;
use super::long_edit::{Ending, LongEdit};
use super::settings::{Interpolation, ThemeChoice};
use super::state::{Dialog, Layout, Next, Purpose, Segmenting};
use super::tools::{PointerEvent, camera_centered};
use crate::config::SegmentSettings;
use crate::domain::accept::Part;
use crate::domain::phantom::PhantomKind;
use crate::domain::{Convention, Label, LabelMap, LabelTable, Palette, Plane, Window};
use crate::engine::{Job, Stamp};

impl App {
    pub(super) fn apply(&mut self, action: Action) {
        match action {
            Action::Command(command) => self.command(command),
            Action::OpenImage(path) => self.request(Next::OpenImage(path, None)),
            Action::OpenFiles(paths) => self.open_files(paths),
            Action::MoveCrosshair(voxel) => self.with_case(|case| case.crosshair = voxel),
            Action::Scroll { plane, n_slices } => self.with_case(|case| case.scroll(plane, n_slices)),
            Action::SetSlice { plane, index } => self.with_case(|case| case.crosshair[case.through(plane).0] = index),
            Action::SetWindow(window) => self.with_case(|case| case.window = window),
            Action::SetCamera { plane, camera } => self.with_case(|case| case.cameras[plane_index(plane)] = camera),
            Action::Pointer { plane, event } => self.use_tool(plane, &event),
            Action::GestureKey(kind) => self.use_tool(self.state.pressed_in, &PointerEvent::key(kind)),
            Action::SetOperation(choice) => self.remember(|known| known.operation = choice),
            Action::AcceptLabel(id) => self.accept_preview(Part::Label(id)),
            Action::ActivateLabel(id) => self.with_case(|case| case.active_label = id),
            Action::SetBrush(look) => self.remember(|known| known.brush = look),
            Action::ShowMeasurement(id) => self.show_measurement(id),
            Action::NameMeasurement(id, name) => self.name_measurement(id, name),
            Action::DeleteMeasurement(id) => self.with_case(|case| case.measurements.retain(|known| known.id != id)),
            Action::CopyMeasurements => self.copy_measurements(),
            Action::ExportMeasurements => self.export_measurements(),
            Action::SetTools(options) => self.remember(|known| known.tools = options),
            Action::SetLimits(limits) => self.with_case(|case| case.limits = limits),
            Action::SetLayout(layout) => self.state.layout = layout,
            Action::Point(pointed) => self.state.pointed = pointed,
            Action::Activate(plane) => self.state.active_plane = plane,
            Action::SetPixelSize(pixel_mm) => self.set_pixel_size(pixel_mm),
            Action::SetFrame(frame) => self.set_frame(frame),
            Action::SetPlayback(playback) => self.set_playback(playback),
            Action::ExportOverTime => self.pick(Purpose::ExportOverTime),
            Action::SetSegment(settings) => self.remember(|known| known.segment = settings),
            Action::SetOverlay(overlay) => self.remember(|known| known.overlay = overlay),
            Action::SetInterpolation(interpolation) => self.remember(|known| known.interpolation = interpolation),
            Action::SetConvention(convention) if convention == self.state.settings.convention => {}
            Action::SetConvention(_) => self.toggle_convention(),
            Action::SetLabel(label) => self.set_label(label),
            Action::EditTable(edit) => self.edit_table(edit),
            Action::EditControls(edit) => self.edit_controls(edit),
            Action::CloseDialog => self.state.dialog = None,
            Action::CopyStatistics => self.copy_statistics(),
            Action::Enter(room) => self.enter(room),
            Action::Lab(action) => self.experiment(action),
            Action::ExportStatistics => self.export_statistics(),
            Action::GoTo(n_applied) => self.go_to(n_applied),
            Action::Recover(path) => self.recover(path),
            Action::SaveRecovered(path) => self.pick(Purpose::SaveRecovered(path)),
            Action::DiscardJournal(path) => self.discard_journal(path),
            Action::Resolve(resolution) => self.resolve(resolution),
            Action::TypePath(text) => self.type_path(text),
            Action::SubmitPath => self.submit_path(),
            Action::Dismiss(id) => self.state.notices.dismiss(id),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one line a command")]
    fn command(&mut self, command: Command) {
        if command.enabled(&self.state).is_err() {
            return;
        }
        let plane = self.state.active_plane;
        match command {
            Command::OpenImage => self.pick(Purpose::OpenImage),
            Command::OpenFolder => self.pick(Purpose::OpenFolder),
            Command::OpenLabels => self.pick(Purpose::OpenLabels),
            Command::OpenSample => self.request(Next::OpenSample(PhantomKind::TwoBodies)),
            Command::OpenHeart => self.request(Next::OpenSample(PhantomKind::FourChambers)),
            Command::CancelLoading => self.cancel_loading(),
            Command::ShowStatistics => self.show_statistics(),
            Command::ShowRecovery => self.show_recovery(),
            Command::CloseCase => self.request(Next::Close),
            Command::SaveLabels => self.save(None),
            Command::SaveLabelsAs => self.pick(Purpose::SaveLabels(None)),
            Command::SaveFolder => self.pick(Purpose::SaveFolder),
            Command::SaveReport => self.pick(Purpose::SaveReport),
            Command::CancelReport => self.cancel_report(),
            Command::Quit => self.ctx.send_viewport_cmd(ViewportCommand::Close),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::UseReference => self.use_reference(),
            Command::Segment => self.start_segmentation(),
            Command::CancelSegment => {
                self.cancel_segmentation();
                self.stop_experiment();
            }
            Command::AcceptPreview => self.accept_preview(Part::All),
            Command::AcceptUnlabelled => self.accept_preview(Part::Unlabelled),
            Command::AcceptRegion => self.accept_region(),
            Command::DiscardPreview => self.with_case(|case| case.preview = None),
            Command::CheckDevices => self.check_devices(),
            Command::CrosshairTool
            | Command::WindowTool
            | Command::BrushTool
            | Command::EraserTool
            | Command::PolygonTool
            | Command::LassoTool
            | Command::BucketTool
            | Command::FillHoleTool
            | Command::GrowTool
            | Command::LivewireTool
            | Command::DistanceTool
            | Command::AngleTool
            | Command::AreaTool
            | Command::ScissorsTool => command.tool().into_iter().for_each(|tool| self.choose_tool(tool)),
            Command::CopyToNextSlice => self.copy_slice(1),
            Command::CopyToPreviousSlice => self.copy_slice(-1),
            Command::FillBetweenSlices => self.fill_between_slices(),
            Command::PasteLabels => self.pick(Purpose::PasteLabels),
            Command::CancelLongEdit => self.with_case(|case| case.long_edit.iter().for_each(LongEdit::cancel)),
            Command::LoadMap => self.pick(Purpose::OpenMap),
            Command::PreviewOperation => self.operate(Ending::Preview),
            Command::ApplyOperation => self.operate(Ending::Apply),
            Command::OpenOtherMask => self.pick(Purpose::OpenOtherMask),
            Command::CloseOtherMask => self.with_case(|case| case.other_mask = None),
            Command::SmallerBrush => self.remember(|known| known.brush = known.brush.resized(false)),
            Command::LargerBrush => self.remember(|known| known.brush = known.brush.resized(true)),
            Command::NewLabel => self.new_label(),
            Command::NextLabel => self.with_case(|case| case.step_label(1)),
            Command::PreviousLabel => self.with_case(|case| case.step_label(-1)),
            Command::MoveLabelUp => self.move_active_label(-1),
            Command::MoveLabelDown => self.move_active_label(1),
            Command::GoToLabel => self.edit_active_label(TableEdit::GoTo),
            Command::IsolateLabel => self.edit_active_label(TableEdit::Isolate),
            Command::DeleteLabel => self.edit_active_label(TableEdit::Delete),
            Command::RemoveUnusedLabels => self.edit_table(TableEdit::RemoveUnused),
            Command::RecolorSafe => self.edit_table(TableEdit::Recolor(Palette::ColorBlindSafe)),
            Command::RecolorItkSnap => self.edit_table(TableEdit::Recolor(Palette::ItkSnap)),
            Command::OpenLabelNames => self.pick(Purpose::OpenLabelNames),
            Command::SaveLabelNames => self.pick(Purpose::SaveLabelNames),
            Command::NextSlice => self.with_case(|case| case.scroll(plane, 1)),
            Command::PreviousSlice => self.with_case(|case| case.scroll(plane, -1)),
            Command::FirstSlice => self.with_case(|case| case.scroll(plane, isize::from(i16::MIN))),
            Command::LastSlice => self.with_case(|case| case.scroll(plane, isize::from(i16::MAX))),
            Command::PlayFrames => self.toggle_play(),
            Command::SwapTime => self.swap_time(),
            Command::OneMaskForAll => self.toggle_one_mask(),
            Command::CopyToNextFrame => self.copy_frame(1),
            Command::CopyToPreviousFrame => self.copy_frame(-1),
            Command::CopyToFollowingFrames => self.copy_to_following_frames(),
            Command::FillBetweenFrames => self.fill_between_frames(),
            Command::ShowOverTime => self.remember(|known| known.shows_over_time = !known.shows_over_time),
            Command::NextFrame => self.step_frame(1),
            Command::PreviousFrame => self.step_frame(-1),
            Command::EnterAnnotate => self.enter(Room::Annotate),
            Command::EnterSteps => self.enter(Room::Steps),
            Command::EnterUncertainty => self.enter(Room::Uncertainty),
            Command::EnterRobustness => self.enter(Room::Robustness),
            Command::EnterReference => self.enter(Room::Reference),
            Command::DrawSamples => self.act_on_uncertainty(UncertaintyAction::Draw),
            Command::NextUncertain => self.act_on_uncertainty(UncertaintyAction::NextRegion),
            Command::LimitToUncertain => self.act_on_uncertainty(UncertaintyAction::Limit),
            Command::OpenReference => self.act_on_reference(ReferenceAction::Open),
            Command::FreezeLabels => self.act_on_reference(ReferenceAction::Freeze),
            Command::CloseReference => self.act_on_reference(ReferenceAction::Close),
            Command::NextComparison => self.act_on_reference(ReferenceAction::ShowNext),
            Command::NextDifference => self.act_on_reference(ReferenceAction::GoTo { back: false }),
            Command::PreviousDifference => self.act_on_reference(ReferenceAction::GoTo { back: true }),
            Command::FollowRun => self.follow_run(),
            Command::CompareSteps => self.compare_steps(),
            Command::SweepDamage => self.sweep_damage(),
            Command::FitViews => self.with_case(|case| case.cameras = Default::default()),
            Command::CenterViews => self.center_views(),
            Command::MaximizeView => self.toggle_layout(Layout::Slice(plane)),
            Command::ShowGrid => self.state.layout = Layout::Grid,
            Command::ShowAxial => self.state.layout = Layout::Slice(Plane::Axial),
            Command::ShowCoronal => self.state.layout = Layout::Slice(Plane::Coronal),
            Command::ShowSagittal => self.state.layout = Layout::Slice(Plane::Sagittal),
            Command::ShowVolume => self.state.layout = Layout::Volume,
            Command::WindowAuto => self.auto_window(),
            Command::WindowFull => self.full_window(),
            Command::ToggleCrosshair => self.remember(|known| known.crosshair_visible = !known.crosshair_visible),
            Command::ToggleLabels => self.state.labels_visible = !self.state.labels_visible,
            Command::TogglePanels => self.state.panels_visible = !self.state.panels_visible,
            Command::NextOverlayStyle => self.remember(|known| known.overlay.style = known.overlay.style.next()),
            Command::ToggleInterpolation => self.toggle_interpolation(),
            Command::ToggleConvention => self.toggle_convention(),
            Command::ToggleTheme => self.toggle_theme(),
            Command::ShowShortcuts => self.state.dialog = Some(Dialog::Controls(Editing::default())),
            Command::ShowAbout => self.state.dialog = Some(Dialog::About),
        }
    }

    pub(super) fn with_case(&mut self, change: impl FnOnce(&mut Case)) {
        if let Some(case) = &mut self.state.case {
            change(case);
        }
    }

    /// Changes what is remembered from one start to the next.
    pub(super) fn remember(&mut self, change: impl FnOnce(&mut super::settings::Settings)) {
        change(&mut self.state.settings);
        self.state.settings.save(self.settings_path.as_deref());
    }

    fn toggle_layout(&mut self, layout: Layout) {
        self.state.layout = if self.state.layout == Layout::Grid { layout } else { Layout::Grid };
    }

    fn toggle_interpolation(&mut self) {
        self.remember(|known| {
            known.interpolation = match known.interpolation {
                Interpolation::Linear => Interpolation::Nearest,
                Interpolation::Nearest => Interpolation::Linear,
            };
        });
    }

    fn toggle_convention(&mut self) {
        self.give_up_gesture();
        self.remember(|known| {
            known.convention = match known.convention {
                Convention::Radiological => Convention::Neurological,
                Convention::Neurological => Convention::Radiological,
            };
        });
    }

    fn toggle_theme(&mut self) {
        self.remember(|known| {
            known.theme = match known.theme {
                ThemeChoice::Dark => ThemeChoice::Light,
                ThemeChoice::Light => ThemeChoice::Dark,
            };
        });
        self.show_theme();
    }

    fn auto_window(&mut self) {
        self.with_case(|case| {
            if let Some(statistics) = &case.statistics {
                case.window = statistics.auto_window;
            }
        });
    }

    fn full_window(&mut self) {
        self.with_case(|case| {
            if let Some((low, high)) = case.statistics.as_ref().and_then(|statistics| statistics.range) {
                case.window = Window::from_range(low, high);
            }
        });
    }

    pub(super) fn set_frame(&mut self, frame: usize) {
        let Some(case) = &mut self.state.case else { return };
        if case.grid().is_series() {
            case.crosshair[2] = frame.min(case.grid().shape()[2] - 1);
            return;
        }
        // A gesture is of one frame, and so is what is being made part of the labels.
        if case.strokes.is_painting() || case.merging.is_some() {
            return;
        }
        if case.outline.is_some() && frame != case.frame {
            self.state.playing = None;
            self.state
                .notices
                .warning("The outline is of this frame: close it with Enter, or give it up with Escape, to go on");
            return;
        }
        self.show_frame(frame);
    }

    fn step_frame(&mut self, step: isize) {
        let Some((_, frame)) = self.state.case.as_ref().and_then(Case::frames) else { return };
        self.set_frame(frame.saturating_add_signed(step));
    }

    pub(super) fn center_views(&mut self) {
        let convention = self.state.settings.convention;
        self.with_case(|case| {
            let (shape, spacing) = (case.grid().shape(), case.grid().spacing_mm());
            for plane in PLANES {
                let axes = case.axes(plane, convention);
                let [x, y] = axes.pixel(shape, case.crosshair);
                let from_middle = |pixel: usize, axis: usize| {
                    ((pixel as f64 + 0.5 - shape[axis] as f64 / 2.0) * spacing[axis]) as f32
                };
                let offset_mm = vec2(from_middle(x, axes.right), from_middle(y, axes.down));
                case.cameras[plane_index(plane)] = camera_centered(case.camera(plane), offset_mm);
            }
        });
    }

    fn set_label(&mut self, label: Label) {
        self.with_case(|case| {
            case.table.push(label);
            case.touch_table();
        });
    }

    fn undo(&mut self) {
        self.step_history(|history| {
            history.undo();
        });
    }

    fn go_to(&mut self, n_applied: usize) {
        if can_change_labels(&self.state).is_ok() {
            self.step_history(|history| history.go_to(n_applied));
        }
    }

    fn redo(&mut self) {
        self.step_history(|history| {
            history.redo();
        });
    }

    fn start_segmentation(&mut self) {
        let Some(case) = &self.state.case else { return };
        let job = Job::Segment {
            stamp: Stamp { case: case.id, frame: case.frame },
            volume: case.opened.volume.clone(),
            focus: Some(case.crosshair),
            settings: SegmentSettings {
                all_frames: self.state.segments_all_frames(),
                ..self.state.settings.segment.clone()
            },
        };
        let job = self.engine.submit(job);
        let started = std::time::Instant::now();
        self.state.segmenting = Some(Segmenting { job, progress: None, started, cancelling: false });
        self.state.last_run = None;
    }

    fn cancel_segmentation(&mut self) {
        if let Some(running) = &mut self.state.segmenting {
            running.cancelling = true;
            self.engine.cancel(running.job);
        }
    }

    /// Makes a part of the preview part of the labels. The preview stays where more of it may be wanted.
    fn accept_preview(&mut self, part: Part) {
        let Some(case) = &mut self.state.case else { return };
        let Some(preview) = case.preview.clone() else { return };
        if let Source::Change { edits, .. } = preview.source {
            case.preview = None;
            case.history.apply_to_frames(Arc::unwrap_or_clone(edits));
            return;
        }
        let (name, stays) = match part {
            Part::All => ("Accept segmentation", false),
            Part::Unlabelled => ("Accept where unlabelled", false),
            Part::Label(_) => ("Accept one label", true),
            Part::Region(_) => ("Accept one region", true),
        };
        let added = case.found_in_frames(&preview, part);
        self.merge(Merging::Preview { stays }, name, (added, preview.table), Some(part));
    }

    /// Under the pointer, or under the crosshair where the pointer is over no voxel.
    fn accept_region(&mut self) {
        let Some(case) = &self.state.case else { return };
        let voxel = self.state.pointed.map_or(case.crosshair, |pointed| pointed.voxel);
        self.accept_preview(Part::Region(voxel));
    }

    fn use_reference(&mut self) {
        let reference = self.state.case.as_ref().and_then(|case| case.opened.reference.clone());
        let Some((labels, table)) = reference else { return };
        self.merge_shown(Merging::Reference, "Use known truth", (labels, table), Some(Part::All));
    }

    /// As [`App::merge`], for the mask that is worked on.
    pub(super) fn merge_shown(
        &mut self,
        what: Merging,
        name: &'static str,
        (labels, table): (Arc<LabelMap>, LabelTable),
        part: Option<Part>,
    ) {
        let Some(case) = &self.state.case else { return };
        let mask = case.history.frames().mask();
        self.merge(what, name, (vec![(mask, labels)], table), part);
    }

    /// Works out in the background how masks change over which labels are laid; [`App::learn`] makes the change.
    pub(super) fn merge(
        &mut self,
        what: Merging,
        name: &'static str,
        (added, added_table): (Vec<(usize, Arc<LabelMap>)>, LabelTable),
        part: Option<Part>,
    ) {
        let Some(case) = &mut self.state.case else { return };
        let is_preview = matches!(what, Merging::Preview { .. });
        let slice = case.preview.as_ref().filter(|_| is_preview).and_then(Preview::one_slice);
        let now = case.history.frames().masks();
        let laying = |(mask, added)| Laying { mask, labels: Arc::clone(&now[mask]), added };
        let (masks, table) = (added.into_iter().map(laying).collect(), case.table.clone());
        if self.background.submit(Task::Merge { case: case.id, name, masks, table, added_table, part, slice }) {
            case.merging = Some(what);
        } else {
            self.state
                .notices
                .error("The labels could not be changed: the thread that does it has ended. Save and start again");
        }
    }

    fn check_devices(&mut self) {
        self.state.checking_devices = Some(self.engine.submit(Job::CheckDevices));
        self.state.dialog = Some(Dialog::Devices);
    }

    fn resolve(&mut self, resolution: Resolution) {
        let Some(Dialog::Unsaved(next)) = self.state.dialog.take() else { return };
        match resolution {
            Resolution::Save => self.save(Some(next)),
            Resolution::Discard => self.proceed(next),
        }
    }

    fn type_path(&mut self, typed: String) {
        if let Some(Dialog::TypePath { text, .. }) = &mut self.state.dialog {
            *text = typed;
        }
    }
}
