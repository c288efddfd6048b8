//! The bar at the top: files, changes, tools, layout, and which side is left.

use eframe::egui::{Align, Button, Layout, Sense, Stroke, Ui, containers::menu::MenuButton, vec2};

use super::super::action::{Action, Actions};
use super::super::command::Command;
use super::super::settings::ThemeChoice;
use super::super::state::State;
use super::super::theme::{size, space, strong, tokens};
use super::super::widgets::{Icon, command_icon, command_item, icon_button, segmented};
use crate::domain::Convention;

/// In a window narrower than this the bar keeps undo and redo alone; the menus have the rest.
const WIDTH_OF_ALL: f32 = 1080.0;
const FILES: &[Command] = &[Command::OpenImage, Command::OpenLabels, Command::SaveLabels];
const CHANGES: &[Command] = &[Command::Undo, Command::Redo];
const VIEWS: &[Command] = &[Command::FitViews, Command::ShowGrid];

/// Draws the bar.
pub fn top_bar_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.label(strong("LDSeg", 16.0).color(tokens(ui).text));
        ui.add_space(space::LARGE);
        menus_ui(ui, state, actions);
        let groups: &[&[Command]] =
            if ui.max_rect().width() < WIDTH_OF_ALL { &[CHANGES] } else { &[FILES, CHANGES, VIEWS] };
        for group in groups {
            divider(ui);
            for command in *group {
                command_icon(ui, state, *command, actions);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| right_ui(ui, state, actions));
    });
    let line = ui.max_rect().expand2(vec2(12.0, 0.0));
    ui.painter().hline(line.x_range(), line.bottom(), Stroke::new(1.0, tokens(ui).border));
}

/// The menus: title and commands.
pub const MENUS: [(&str, &[Command]); 7] = [
    (
        "File",
        &[
            Command::OpenImage,
            Command::OpenFolder,
            Command::OpenLabels,
            Command::OpenSample,
            Command::OpenHeart,
            Command::SaveLabels,
            Command::SaveLabelsAs,
            Command::SaveFolder,
            Command::SaveReport,
            Command::CancelReport,
            Command::ShowRecovery,
            Command::CloseCase,
            Command::Quit,
        ],
    ),
    (
        "Edit",
        &[
            Command::Undo,
            Command::Redo,
            Command::CopyToNextSlice,
            Command::CopyToPreviousSlice,
            Command::FillBetweenSlices,
            Command::CopyToNextFrame,
            Command::CopyToPreviousFrame,
            Command::CopyToFollowingFrames,
            Command::FillBetweenFrames,
            Command::OneMaskForAll,
            Command::PasteLabels,
            Command::UseReference,
        ],
    ),
    (
        "Tools",
        &[
            Command::CrosshairTool,
            Command::WindowTool,
            Command::BrushTool,
            Command::EraserTool,
            Command::PolygonTool,
            Command::LassoTool,
            Command::LivewireTool,
            Command::BucketTool,
            Command::FillHoleTool,
            Command::GrowTool,
            Command::ScissorsTool,
            Command::DistanceTool,
            Command::AngleTool,
            Command::AreaTool,
            Command::LoadMap,
        ],
    ),
    (
        "View",
        &[
            Command::ShowGrid,
            Command::ShowAxial,
            Command::ShowCoronal,
            Command::ShowSagittal,
            Command::ShowVolume,
            Command::EnterAnnotate,
            Command::EnterSteps,
            Command::EnterUncertainty,
            Command::DrawSamples,
            Command::NextUncertain,
            Command::LimitToUncertain,
            Command::EnterRobustness,
            Command::EnterReference,
            Command::OpenReference,
            Command::FreezeLabels,
            Command::CloseReference,
            Command::NextComparison,
            Command::NextDifference,
            Command::PreviousDifference,
            Command::MaximizeView,
            Command::FitViews,
            Command::CenterViews,
            Command::ToggleCrosshair,
            Command::ToggleLabels,
            Command::TogglePanels,
            Command::NextOverlayStyle,
            Command::ToggleInterpolation,
            Command::ToggleConvention,
            Command::ToggleTheme,
            Command::ShowStatistics,
        ],
    ),
    (
        "Segmentation",
        &[
            Command::Segment,
            Command::CancelSegment,
            Command::FollowRun,
            Command::CompareSteps,
            Command::SweepDamage,
            Command::AcceptPreview,
            Command::AcceptUnlabelled,
            Command::AcceptRegion,
            Command::DiscardPreview,
            Command::CheckDevices,
        ],
    ),
    (
        "Labels",
        &[
            Command::NewLabel,
            Command::NextLabel,
            Command::PreviousLabel,
            Command::MoveLabelUp,
            Command::MoveLabelDown,
            Command::GoToLabel,
            Command::IsolateLabel,
            Command::DeleteLabel,
            Command::RemoveUnusedLabels,
            Command::RecolorSafe,
            Command::RecolorItkSnap,
            Command::OpenLabelNames,
            Command::SaveLabelNames,
        ],
    ),
    ("Help", &[Command::ShowShortcuts, Command::ShowAbout]),
];

fn menus_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    for (title, commands) in MENUS {
        let button = Button::new(title).frame_when_inactive(false);
        MenuButton::from_button(button).ui(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            for command in commands {
                command_item(ui, state, *command, actions);
            }
        });
    }
}

fn right_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    command_icon(ui, state, Command::ShowAbout, actions);
    command_icon(ui, state, Command::ShowShortcuts, actions);
    let (icon, name) = match state.settings.theme {
        ThemeChoice::Dark => (Icon::Sun, "Light theme"),
        ThemeChoice::Light => (Icon::Moon, "Dark theme"),
    };
    if icon_button(ui, icon, name).clicked() {
        actions.command(Command::ToggleTheme);
    }
    ui.add_space(space::MEDIUM);
    let choices = [
        (Convention::Radiological, "Radiological", "The patient's right is on the left of the screen"),
        (Convention::Neurological, "Neurological", "The patient's left is on the left of the screen"),
    ];
    if let Some(convention) = segmented(ui, "Convention", state.settings.convention, &choices) {
        actions.push(Action::SetConvention(convention));
    }
}

fn divider(ui: &mut Ui) {
    ui.add_space(space::SMALL);
    let (rect, _) = ui.allocate_exact_size(vec2(1.0, size::ROW - 6.0), Sense::hover());
    ui.painter().vline(rect.center().x, rect.y_range(), Stroke::new(1.0, tokens(ui).border));
    ui.add_space(space::SMALL);
}
