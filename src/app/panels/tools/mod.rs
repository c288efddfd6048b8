//! The tools: the strip to choose one, and the options of the one in use.

mod brush;
mod fill;
mod limits;
mod outline;
mod over;
mod palette;
mod slices;

use eframe::egui::{ComboBox, ProgressBar, Slider, Ui};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::command::{Command, Why};
use super::super::long_edit::LongEdit;
use super::super::state::State;
use super::super::theme::{caption, label_color, tokens};
use super::super::tools::Tool;
use super::super::widgets::{Icon, command_button, named_row, note, section, swatch};
use super::status::number;

use crate::domain::scissors::ScissorsMode;
use crate::monitor::Progress;

pub use self::palette::palette_ui;
pub use self::slices::slices_ui;

/// Draws the options of the tool in use, where it has some.
pub fn options_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    if state.tool.measures() {
        section(ui, state.tool.words().0, |ui| {
            ui.label(caption(ui, state.tool.words().1));
            ui.label(caption(ui, "Drag a point to move it. Escape gives up"));
        });
    }
    if !state.tool.paints() {
        return;
    }
    section(ui, state.tool.words().0, |ui| {
        if let Err(Why(reason)) = Command::BrushTool.enabled(state) {
            note(ui, Icon::Info, tokens(ui).warning, reason);
        }
        let erases = state.tool == Tool::Scissors && state.settings.tools.scissors != ScissorsMode::FillInside;
        if state.tool != Tool::Eraser && !erases {
            label_ui(ui, case, actions);
        }
        if state.tool.is_brush() {
            brush::brush_ui(ui, state, case, actions);
        } else if state.tool.fills() {
            fill::fill_ui(ui, state, case, actions);
        } else {
            outline::outline_ui(ui, state, case, actions);
        }
        over::over_ui(ui, case, actions);
        limits::limits_ui(ui, state, case, actions);
    });
}

/// A change that is being worked out, with a way to stop it.
pub fn progress_ui(ui: &mut Ui, state: &State, running: &LongEdit, actions: &mut Actions) {
    // What ends at once is not worth a flicker.
    if running.started.elapsed().as_millis() < 150 {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(150));
        return;
    }
    let progress = running.progress();
    let part = progress.as_ref().and_then(Progress::fraction);
    let bar = ProgressBar::new(part.unwrap_or(0.0)).animate(part.is_none()).text(&running.name);
    ui.add(bar).accessible_name(&running.name);
    command_button(ui, state, Command::CancelLongEdit, actions);
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(50));
}

/// How far an intensity may be from that under the pointer.
fn tolerance_ui(ui: &mut Ui, case: &Case, actions: &mut Actions) {
    let mut limits = case.limits;
    let largest =
        case.statistics.as_ref().and_then(|statistics| statistics.range).map_or(1.0, |(low, high)| high - low);
    named_row(ui, "Tolerance", |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 78.0;
        let range = 0.0..=largest.max(limits.tolerance);
        let slider = Slider::new(&mut limits.tolerance, range).logarithmic(true);
        let tooltip = "How far an intensity may be from the mean around the pointer, in the image's own units";
        let slider = slider.smallest_positive(largest / 1e4).custom_formatter(|value, _| number(value));
        ui.add(slider).accessible_name("Tolerance").on_hover_text(tooltip);
    });
    if limits != case.limits {
        actions.push(Action::SetLimits(limits));
    }
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
