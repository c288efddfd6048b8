//! The brush and the eraser: with which label, how large, of what shape.

use eframe::egui::{ComboBox, Slider, Ui};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::command::{Command, Why};
use super::super::state::State;
use super::super::theme::{caption, label_color, tokens};
use super::super::tools::{BRUSH_DIAMETERS, Tool};
use super::super::widgets::{Icon, named_row, note, section, segmented, swatch};
use crate::domain::paint::BrushShape;

/// Draws the panel.
pub fn paint_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let heading = if state.tool == Tool::Eraser { "Eraser" } else { "Brush" };
    section(ui, heading, |ui| {
        if let Err(Why(reason)) = Command::BrushTool.enabled(state) {
            note(ui, Icon::Info, tokens(ui).warning, reason);
        }
        label_ui(ui, case, actions);
        look_ui(ui, state, actions);
        ui.label(caption(ui, "Right button erases. Size: [ and ]"));
    });
}

fn label_ui(ui: &mut Ui, case: &Case, actions: &mut Actions) {
    named_row(ui, "Label", |ui| {
        let active = case.active_label();
        if let Some(label) = active {
            swatch(ui, label_color(label.color));
        }
        let text = active.map_or("A new one", |label| label.name.as_str());
        let combo = ComboBox::from_id_salt("active label").selected_text(text).width(ui.available_width()).truncate();
        let response = combo.show_ui(ui, |ui| {
            for label in &case.table.labels {
                let is_active = active.is_some_and(|active| active.id == label.id);
                if ui.selectable_label(is_active, &label.name).clicked() {
                    actions.push(Action::ActivateLabel(label.id));
                }
            }
        });
        response.response.accessible_name("Active label");
    });
}

fn look_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let mut look = state.settings.brush;
    named_row(ui, "Size", |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 74.0;
        let slider = Slider::new(&mut look.diameter, BRUSH_DIAMETERS).logarithmic(true).integer().suffix(" vx");
        ui.add(slider).accessible_name("Brush size");
    });
    named_row(ui, "Shape", |ui| {
        let shapes = [
            (BrushShape::Round, "Round", "A disc, or a ball in 3D"),
            (BrushShape::Square, "Square", "A square, or a cube in 3D"),
        ];
        if let Some(shape) = segmented(ui, "Brush shape", look.shape, &shapes) {
            look.shape = shape;
        }
    });
    named_row(ui, "Reach", |ui| {
        let depths = [(false, "2D", "Paints in this slice"), (true, "3D", "Paints in the slices beside, too")];
        if let Some(is_ball) = segmented(ui, "Brush depth", look.is_ball, &depths) {
            look.is_ball = is_ball;
        }
    });
    if look != state.settings.brush {
        actions.push(Action::SetBrush(look));
    }
}
