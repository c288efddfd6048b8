//! Operations on the whole active label: which one, with what numbers, seen before it is done.

use eframe::egui::{ComboBox, DragValue, Slider, Ui};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::command::Command;
use super::super::operations::{Choice, Kind};
use super::super::state::State;
use super::super::theme::{caption, label_color};
use super::super::widgets::{command_button, named_row, section, segmented, swatch};
use crate::domain::Units;

/// Distances that make sense for a label, in mm.
const DISTANCES_MM: std::ops::RangeInclusive<f64> = 0.1..=50.0;
/// Volumes of islands, in mm³.
const ISLANDS_MM3: std::ops::RangeInclusive<f64> = 0.1..=1e6;

/// Room for all operations at once, in points.
const HEIGHT_OF_LIST: f32 = 600.0;

/// Draws the panel.
pub fn operations_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    section(ui, "Whole label", |ui| {
        let mut choice = state.settings.operation;
        named_row(ui, "Label", |ui| match case.active_label() {
            Some(label) => {
                swatch(ui, label_color(label.color));
                ui.label(&label.name);
            }
            None => {
                ui.label(caption(ui, "Add a label first"));
            }
        });
        kind_ui(ui, &mut choice);
        numbers_ui(ui, case.grid().units(), &mut choice);
        if choice.kind.needs_other() {
            other_ui(ui, state, case, &mut choice, actions);
        }
        if choice != state.settings.operation {
            actions.push(Action::SetOperation(choice));
        }
        ui.horizontal(|ui| {
            command_button(ui, state, Command::PreviewOperation, actions);
            command_button(ui, state, Command::ApplyOperation, actions);
        });
    });
}

fn kind_ui(ui: &mut Ui, choice: &mut Choice) {
    named_row(ui, "Do", |ui| {
        let combo =
            ComboBox::from_id_salt("operation").selected_text(choice.kind.words().0).width(ui.available_width());
        let combo = combo.height(HEIGHT_OF_LIST);
        let response = combo.show_ui(ui, |ui| {
            for kind in Kind::ALL {
                let (text, tooltip) = kind.words();
                ui.selectable_value(&mut choice.kind, kind, text).on_hover_text(tooltip);
            }
        });
        response.response.on_hover_text(choice.kind.words().1).accessible_name("Operation");
    });
}

fn numbers_ui(ui: &mut Ui, units: Units, choice: &mut Choice) {
    match choice.kind {
        Kind::Grow | Kind::Shrink => distance_ui(ui, "By", units, choice),
        Kind::Hollow => distance_ui(ui, "Wall", units, choice),
        Kind::Smooth => {
            let ways = [
                (false, "Surface", "Blurs the distance to the surface: smooth everywhere, hardly any shrinking"),
                (true, "Median", "What most voxels around are: bumps go, straight edges stay"),
            ];
            named_row(ui, "Way", |ui| {
                if let Some(by_median) = segmented(ui, "Way of smoothing", choice.by_median, &ways) {
                    choice.by_median = by_median;
                }
            });
            distance_ui(ui, "Over", units, choice);
        }
        Kind::RemoveIslands => named_row(ui, "Under", |ui| {
            ui.spacing_mut().slider_width = ui.available_width() - 96.0;
            let slider =
                Slider::new(&mut choice.mm3, ISLANDS_MM3).logarithmic(true).suffix(format!(" {}", units.cube()));
            ui.add(slider).accessible_name("Largest island");
        }),
        Kind::FillHoles => named_row(ui, "Where", |ui| {
            let places = [
                (false, "In 3D", "Holes that are closed on all sides"),
                (true, "In slices", "Holes in each slice of the view under the pointer"),
            ];
            if let Some(in_slices) = segmented(ui, "Where holes are filled", choice.in_slices, &places) {
                choice.in_slices = in_slices;
            }
        }),
        Kind::Relabel => named_row(ui, "New id", |ui| {
            ui.add(DragValue::new(&mut choice.new_id).range(1..=u16::MAX)).accessible_name("New id");
        }),
        _ => {}
    }
}

fn distance_ui(ui: &mut Ui, name: &str, units: Units, choice: &mut Choice) {
    named_row(ui, name, |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 84.0;
        let slider = Slider::new(&mut choice.mm, DISTANCES_MM)
            .logarithmic(true)
            .fixed_decimals(1)
            .suffix(format!(" {}", units.length()));
        ui.add(slider).accessible_name("Distance");
    });
}

/// The second label, and where it is taken from.
fn other_ui(ui: &mut Ui, state: &State, case: &Case, choice: &mut Choice, actions: &mut Actions) {
    let table = case.operands(choice.kind);
    named_row(ui, "With", |ui| {
        let known = table.get(choice.other);
        if let Some(label) = known {
            swatch(ui, label_color(label.color));
        }
        let text = known.map_or("Choose…", |label| label.name.as_str());
        let combo = ComboBox::from_id_salt("other label").selected_text(text).width(ui.available_width()).truncate();
        let response = combo.show_ui(ui, |ui| {
            for label in &table.labels {
                ui.selectable_value(&mut choice.other, label.id, &label.name);
            }
        });
        response.response.accessible_name("Other label");
    });
    if choice.kind.takes_other_mask() {
        named_row(ui, "From", |ui| {
            let name = case.other_mask.as_ref().map_or("these labels", |mask| mask.name.as_str());
            ui.label(caption(ui, name));
        });
        ui.horizontal(|ui| {
            command_button(ui, state, Command::OpenOtherMask, actions);
            if case.other_mask.is_some() {
                command_button(ui, state, Command::CloseOtherMask, actions);
            }
        });
    }
}
