//! Fill, fill hole and region growing: how deep, how alike, how far.

use eframe::egui::{Slider, Ui};

use super::tolerance_ui;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::state::State;
use crate::app::theme::caption;
use crate::app::tools::{Tool, ToolOptions};
use crate::app::widgets::{named_row, segmented};

/// Draws the rows.
pub fn fill_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let mut options = state.settings.tools;
    if !case.is_flat() {
        named_row(ui, "Reach", |ui| {
            let depths = [(false, "2D", "In this slice"), (true, "3D", "In the whole volume")];
            if let Some(depth) = segmented(ui, "Fill depth", options.fills_depth, &depths) {
                options.fills_depth = depth;
            }
        });
    }
    if state.tool == Tool::Grow {
        tolerance_ui(ui, case, actions);
        named_row(ui, "Radius", |ui| {
            ui.spacing_mut().slider_width = ui.available_width() - 78.0;
            let slider = Slider::new(&mut options.grow_radius_mm, ToolOptions::GROW_RADII_MM).logarithmic(true);
            let suffix = format!(" {}", case.grid().units().length());
            ui.add(slider.suffix(suffix).fixed_decimals(0)).accessible_name("Largest distance from the seed");
        });
    }
    let line = match state.tool {
        Tool::FillHole => "Click into a hole that labels enclose",
        Tool::Grow => "Click a seed: its surroundings decide what is alike",
        _ => "Click: what has one label and hangs together",
    };
    ui.label(caption(ui, line));
    ui.label(caption(ui, "Right button erases"));
    if options != state.settings.tools {
        actions.push(Action::SetTools(options));
    }
}
