//! Outlines and the scissors: what closes them, and what the scissors cut.

use eframe::egui::{DragValue, Ui};

use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::state::State;
use crate::app::theme::caption;
use crate::app::tools::{OutlineKind, Tool, ToolOptions};
use crate::app::widgets::{named_row, segmented};
use crate::domain::scissors::ScissorsMode;

/// Draws the rows.
pub fn outline_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    if state.tool == Tool::Scissors {
        scissors_ui(ui, state, case, actions);
    }
    let lines: &[&str] = match state.tool.outline(&state.settings.tools) {
        Some(OutlineKind::Freehand) => &["Drag around it; let go to close", "Right button erases"],
        Some(OutlineKind::Polygon) => &[
            "Click corners, drag them to move them",
            "Close: Enter, double click or first corner",
            "Right click closes and erases",
            "Backspace: last corner. Escape: give up",
        ],
        Some(OutlineKind::Livewire) => &[
            "Click along an edge; the line follows it",
            "Close: Enter, double click or first anchor",
            "Right click closes and erases",
            "Backspace: last anchor. Escape: give up",
        ],
        None => &[],
    };
    for line in lines {
        ui.label(caption(ui, *line));
    }
}

fn scissors_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let mut options = state.settings.tools;
    named_row(ui, "Cut", |ui| {
        let modes = [
            (ScissorsMode::EraseInside, "Erase in", "Erase what the outline encloses"),
            (ScissorsMode::EraseOutside, "Erase out", "Erase what the outline does not enclose"),
            (ScissorsMode::FillInside, "Fill", "Give what the outline encloses the active label"),
        ];
        if let Some(mode) = segmented(ui, "Scissors", options.scissors, &modes) {
            options.scissors = mode;
        }
    });
    named_row(ui, "Outline", |ui| {
        let kinds = [(false, "Drag", "Drawn freehand"), (true, "Click", "Clicked corner by corner")];
        if let Some(clicks) = segmented(ui, "Scissors outline", options.scissors_click, &kinds) {
            options.scissors_click = clicks;
        }
    });
    if !case.is_flat() {
        depth_ui(ui, &mut options);
    }
    if options != state.settings.tools {
        actions.push(Action::SetTools(options));
    }
}

fn depth_ui(ui: &mut Ui, options: &mut ToolOptions) {
    named_row(ui, "Depth", |ui| {
        let depths = [
            (false, "All", "Through the whole volume"),
            (true, "Slab", "Through this slice and some on each side of it"),
        ];
        if let Some(slab) = segmented(ui, "Scissors depth", options.scissors_slab.is_some(), &depths) {
            options.scissors_slab = slab.then_some(2);
        }
        if let Some(n_beside) = &mut options.scissors_slab {
            let field = DragValue::new(n_beside).range(0..=500).speed(0.1).prefix("± ");
            ui.add(field).accessible_name("Slices on each side");
        }
    });
}
