//! What each label holds: voxels, volume and intensities, to read, copy and export.

use eframe::egui::{Align, Button, Label, Layout, RichText, ScrollArea, Ui, vec2};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::state::State;
use super::super::theme::{caption, label_color, size, space, strong, tokens, type_size};
use super::super::widgets::swatch;
use super::labels::extent;
use super::status::{grouped, number};
use crate::domain::measure::LabelStatistics;

/// Width of the column of names, in points.
const NAME_WIDTH: f32 = 170.0;
/// Width of a column of numbers.
const NUMBER_WIDTH: f32 = 74.0;
const HEADS: [&str; 6] = ["Voxels", "Volume", "Mean", "SD", "Min", "Max"];

/// Draws the table.
pub fn statistics_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ui.set_width(NAME_WIDTH + NUMBER_WIDTH * HEADS.len() as f32 + 60.0);
    ui.label(strong("Label statistics", type_size::DIALOG));
    let Some(case) = &state.case else { return };
    ui.label(caption(ui, subject(case)));
    ui.add_space(space::MEDIUM);
    let Some(rows) = &case.label_statistics else {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(caption(ui, "Measuring…"));
        });
        return;
    };
    line_ui(ui, |ui| drop(ui.label(caption(ui, "Label"))), HEADS.map(str::to_owned));
    ScrollArea::vertical().max_height(360.0).show_rows(ui, size::ROW, rows.len(), |ui, range| {
        for row in rows.get(range).unwrap_or_default() {
            row_ui(ui, case, row);
        }
    });
    ui.add_space(space::MEDIUM);
    ui.horizontal(|ui| {
        let button = |text| Button::new(text).min_size(vec2(80.0, size::ROW + 2.0));
        let copy = ui.add(button("Copy")).on_hover_text("Copy the table for a spreadsheet");
        if copy.clicked() {
            actions.push(Action::CopyStatistics);
        }
        if ui.add(button("Export CSV…")).on_hover_text("Write the table into a file").clicked() {
            actions.push(Action::ExportStatistics);
        }
    });
}

/// What the numbers are of.
fn subject(case: &Case) -> String {
    let volume = &case.opened.volume;
    let frame = if volume.n_frames() > 1 { format!(", frame {}", case.frame + 1) } else { String::new() };
    let note = if volume.is_color() { "; a colour image has no intensities" } else { "" };
    format!("Intensities of {}{frame}{note}. SD is the sample standard deviation.", case.opened.name)
}

fn row_ui(ui: &mut Ui, case: &Case, row: &LabelStatistics) {
    let known = row.intensities.as_ref();
    let or_none = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    let numbers = [
        grouped(row.n_voxels),
        extent(case.grid(), row.n_voxels),
        or_none(known.map(|known| known.mean)),
        or_none(known.and_then(|known| known.sd)),
        or_none(known.map(|known| known.min)),
        or_none(known.map(|known| known.max)),
    ];
    let name_ui = |ui: &mut Ui| {
        if let Some(label) = case.table.get(row.id) {
            swatch(ui, label_color(label.color));
        }
        ui.add(Label::new(&row.name).truncate());
    };
    line_ui(ui, name_ui, numbers);
}

fn line_ui(ui: &mut Ui, name_ui: impl FnOnce(&mut Ui), numbers: [String; 6]) {
    ui.horizontal(|ui| {
        let column = |width: f32| vec2(width, size::ROW);
        ui.allocate_ui_with_layout(column(NAME_WIDTH), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(NAME_WIDTH);
            name_ui(ui);
        });
        for text in numbers {
            ui.allocate_ui_with_layout(column(NUMBER_WIDTH), Layout::right_to_left(Align::Center), |ui| {
                ui.set_min_width(NUMBER_WIDTH);
                ui.label(RichText::new(text).size(type_size::SMALL + 0.5).color(tokens(ui).text));
            });
        }
    });
}
