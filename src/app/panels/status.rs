//! The line at the bottom: what is under the pointer, and which device is in use.

use eframe::egui::{Align, Layout, RichText, Sense, Stroke, Ui, vec2};

use super::super::case::{Case, plane_name};
use super::super::lab::Room;
use super::super::state::{Pointed, State};
use super::super::theme::{label_color, space, tokens, type_size};
use super::super::widgets::{Icon, paint_icon, swatch};
use crate::domain::{Convention, LabelTable, Space};

/// Draws the line.
pub fn status_ui(ui: &mut Ui, state: &State) {
    let tokens = tokens(ui);
    let line = ui.max_rect().expand2(vec2(12.0, 0.0));
    ui.painter().hline(line.x_range(), line.top(), Stroke::new(1.0, tokens.border));
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = space::LARGE;
        match (&state.case, state.pointed) {
            (Some(case), Some(pointed)) => {
                read_out_ui(ui, case, pointed);
                if let Some((reference, table)) = case.reference().filter(|_| state.room == Room::Reference) {
                    label_ui(ui, "Reference", reference.get(pointed.voxel), table);
                }
                uncertainty_text(state, case, pointed).iter().for_each(|text| small(ui, text));
            }
            (Some(case), None) => {
                small(ui, &format!("Crosshair  {}", place(case, case.crosshair)));
            }
            (None, _) => small(ui, "For research only; not a medical device"),
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            device_ui(ui, state);
            if let Some(reporting) = &state.reporting {
                let done =
                    reporting.progress.as_ref().map(|progress| format!(", {} of {}", progress.done, progress.total));
                small(ui, &format!("Writing the report{}", done.unwrap_or_default()));
            }
            if let Some(why) = &state.unprotected {
                let text = RichText::new("Work is not protected").size(type_size::SMALL).color(tokens.danger);
                ui.label(text).on_hover_text(format!("Changes would be lost in a crash: {why}"));
            }
            if let Some(case) = &state.case {
                convention_ui(ui, case.grid().space(), state.settings.convention);
            }
        });
    });
}

/// What the map of the samples says of the voxel under the pointer.
fn uncertainty_text(state: &State, case: &Case, pointed: Pointed) -> Option<String> {
    let picture = case.lab.uncertainty.picture.as_ref().filter(|_| state.room == Room::Uncertainty)?;
    Some(format!("{} {:.3}", picture.key.map.short(), picture.value(pointed.voxel)?))
}

fn read_out_ui(ui: &mut Ui, case: &Case, pointed: Pointed) {
    let view = match case.grid().space() {
        _ if case.grid().is_series() => format!("Frame {}", pointed.voxel[2] + 1),
        Space::Patient => plane_name(pointed.plane).to_owned(),
        Space::Picture { .. } => "Picture".to_owned(),
    };
    small(ui, &format!("{view}  {}", place(case, pointed.voxel)));
    small(ui, &format!("Value {}", intensity(case, pointed.voxel)));
    let id = case.history.labels().get(pointed.voxel);
    label_ui(ui, "Label", id, &case.table);
    if let Some(preview) = &case.preview {
        label_ui(ui, "Preview", preview.labels.get(pointed.voxel), &preview.table);
    }
}

fn label_ui(ui: &mut Ui, caption: &str, id: u16, table: &LabelTable) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = space::TIGHT;
        small(ui, caption);
        if let Some(label) = table.get(id) {
            swatch(ui, label_color(label.color));
        }
        small(ui, &table.name(id));
    });
}

/// Voxel indices, and millimetres towards right, anterior and superior; of a picture column and row.
fn place(case: &Case, voxel: [usize; 3]) -> String {
    if case.grid().space() != Space::Patient {
        let [column, row, _] = voxel;
        return format!("Column {column}, row {row}");
    }
    let [x, y, z] = case.grid().world_from_voxel().transform_point3(voxel.map(|i| i as f64).into()).to_array();
    let [i, j, k] = voxel;
    format!("Voxel {i}, {j}, {k}   RAS {x:.1}, {y:.1}, {z:.1} mm")
}

/// An intensity with as many digits as it needs.
fn intensity(case: &Case, voxel: [usize; 3]) -> String {
    let volume = &case.opened.volume;
    match (volume.value(case.frame, voxel), volume.color(case.frame, voxel)) {
        (Some(value), _) => number(value),
        (None, Some([r, g, b, _])) => format!("RGB {r}, {g}, {b}"),
        (None, None) => "none".to_owned(),
    }
}

/// A whole number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// A number as people write it: whole where it is whole, else with four digits that count.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return format!("{value}");
    }
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return format!("{value:.0}");
    }
    match value.abs() {
        size if !(1e-3..1e6).contains(&size) => format!("{value:.3e}"),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn convention_ui(ui: &mut Ui, space: Space, convention: Convention) {
    let text = match (space, convention) {
        (Space::Picture { .. }, _) => "As the picture is stored: sides not known",
        (Space::Patient, Convention::Radiological) => "Radiological: R is on the left",
        (Space::Patient, Convention::Neurological) => "Neurological: L is on the left",
    };
    small(ui, text);
}

fn device_ui(ui: &mut Ui, state: &State) {
    ui.spacing_mut().item_spacing.x = space::SMALL;
    let line = if state.device_line.is_empty() { "No device in use yet" } else { &state.device_line };
    small(ui, line);
    let (rect, response) = ui.allocate_exact_size(vec2(15.0, 15.0), Sense::hover());
    paint_icon(ui.painter(), rect, 14.0, Icon::Chip, tokens(ui).text_weak);
    response.on_hover_text("The device that the networks run on");
    ui.add_space(space::MEDIUM);
}

fn small(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).size(type_size::SMALL).color(tokens(ui).text_weak));
}

#[cfg(test)]
mod tests {
    use super::{grouped, number};

    #[test]
    fn thousands_are_apart() {
        for (value, text) in [(0, "0"), (999, "999"), (1034, "1,034"), (1_000_000, "1,000,000")] {
            assert_eq!(grouped(value), text);
        }
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        for (value, text) in [
            (5.0, "5"),
            (-1024.0, "-1024"),
            (1234.56, "1235"),
            (12.345, "12.3"),
            (1.2345, "1.23"),
            (0.012_345, "0.0123"),
            (1e-7, "1.000e-7"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
