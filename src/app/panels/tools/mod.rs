//! The tools: the strip to choose one, and the options of the one in use.

mod brush;
mod limits;
mod palette;

use eframe::egui::{ComboBox, Ui};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::command::{Command, Why};
use super::super::state::State;
use super::super::theme::{label_color, tokens};
use super::super::tools::Tool;
use super::super::widgets::{Icon, named_row, note, section, swatch};

pub use self::palette::palette_ui;

/// Draws the options of the tool in use, where it has some.
pub fn options_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    if !state.tool.paints() {
        return;
    }
    section(ui, state.tool.name(), |ui| {
        if let Err(Why(reason)) = Command::BrushTool.enabled(state) {
            note(ui, Icon::Info, tokens(ui).warning, reason);
        }
        if state.tool != Tool::Eraser {
            label_ui(ui, case, actions);
        }
        if state.tool.is_brush() {
            brush::brush_ui(ui, state, case, actions);
        }
        limits::limits_ui(ui, case, actions);
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
