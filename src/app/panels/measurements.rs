//! The list of measurements: names, numbers, and ways to them.

use eframe::egui::{Align, Label, Layout, RichText, TextEdit, Ui, vec2};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::measuring::Measurement;
use super::super::theme::{caption, space, tokens, type_size};
use super::super::widgets::{Icon, icon_button, section};

/// Draws the section, where there is a measurement.
pub fn measurements_ui(ui: &mut Ui, case: &Case, actions: &mut Actions) {
    if case.measurements.is_empty() {
        return;
    }
    section(ui, "Measurements", |ui| {
        for known in &case.measurements {
            row_ui(ui, known, actions);
        }
        ui.add_space(space::TIGHT);
        ui.horizontal(|ui| {
            if ui.button("Copy all").on_hover_text("Copy the measurements for a spreadsheet").clicked() {
                actions.push(Action::CopyMeasurements);
            }
            if ui.button("Export CSV…").on_hover_text("Write the measurements into a file").clicked() {
                actions.push(Action::ExportMeasurements);
            }
        });
    });
}

fn row_ui(ui: &mut Ui, known: &Measurement, actions: &mut Actions) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::TIGHT;
        if icon_button(ui, Icon::Crosshair, &format!("Show {}", known.name)).clicked() {
            actions.push(Action::ShowMeasurement(known.id));
        }
        let mut name = known.name.clone();
        let field = TextEdit::singleline(&mut name).id_salt(("measurement", known.id)).desired_width(96.0);
        let field = ui.add(field.margin(vec2(6.0, 4.0))).accessible_name(format!("Name of measurement {}", known.id));
        if field.changed() {
            actions.push(Action::NameMeasurement(known.id, name));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Close, &format!("Delete {}", known.name)).clicked() {
                actions.push(Action::DeleteMeasurement(known.id));
            }
            let value = RichText::new(known.reading.text()).size(type_size::BODY).color(tokens(ui).text);
            ui.add(Label::new(value).truncate());
        });
    });
    if let Some(inside) = known.reading.inside() {
        ui.horizontal(|ui| {
            ui.add_space(34.0);
            ui.label(caption(ui, format!("Inside {inside}"))).on_hover_text("Mean ± SD (smallest to largest)");
        });
    }
}
