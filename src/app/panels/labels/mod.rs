//! The label table, and what a preview would bring.

mod list;
mod row;

use eframe::egui::{Align, Button, Layout, Ui, containers::menu::MenuButton, vec2};

use super::super::action::{Action, Actions};
use super::super::case::{Case, Preview};
use super::super::command::Command;
use super::super::label_table::TableEdit;
use super::super::shortcuts;
use super::super::state::State;
use super::super::theme::{caption, label_color, size, space, tokens};
use super::super::widgets::{Icon, command_button, command_item, note, section, swatch};
use super::status::{grouped, number};
use crate::domain::{Grid, Space};

/// Lists what a preview would bring.
pub fn preview_labels_ui(ui: &mut Ui, case: &Case, preview: &Preview) {
    section(ui, "Preview", |ui| {
        for label in &preview.table.labels {
            ui.horizontal(|ui| {
                ui.set_height(size::ROW);
                swatch(ui, label_color(label.color));
                ui.label(&label.name);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let n_voxels = preview.counts.as_ref().map(|counts| counts.get(&label.id).copied().unwrap_or(0));
                    volume_ui(ui, case, n_voxels);
                });
            });
        }
    });
}

/// Draws the table.
pub fn labels_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    section(ui, "Labels", |ui| {
        if case.table.labels.is_empty() {
            ui.label(caption(ui, "None yet. Segment the image, open a mask, or add a label."));
        }
        list::list_ui(ui, state, case, actions);
        notes_ui(ui, state, case, actions);
        ui.add_space(space::SMALL);
        ui.horizontal(|ui| {
            command_button(ui, state, Command::NewLabel, actions);
            table_menu_ui(ui, state, actions);
        });
        ui.horizontal(|ui| {
            command_button(ui, state, Command::OpenLabels, actions);
            command_button(ui, state, Command::SaveLabels, actions);
        });
        ui.horizontal(|ui| {
            command_button(ui, state, Command::ShowStatistics, actions);
            if case.opened.reference.is_some() {
                command_button(ui, state, Command::UseReference, actions);
            }
        });
        saved_ui(ui, case);
    });
}

/// What is not shown, and how to show it.
fn notes_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    if !state.labels_visible {
        let keys = state.settings.keymap.shortcuts(Command::ToggleLabels).first();
        let keys = keys.map(|keys| format!(" (key {})", shortcuts::text(ui.ctx(), keys))).unwrap_or_default();
        note(ui, Icon::EyeOff, tokens(ui).warning, &format!("All labels are hidden{keys}"));
    }
    if let Some(isolation) = &case.isolation {
        note(ui, Icon::Eye, tokens(ui).warning, &format!("Only {} is shown", case.table.name(isolation.id)));
        if ui.add(Button::new("Show all again").min_size(vec2(80.0, size::ROW))).clicked() {
            actions.push(Action::EditTable(TableEdit::Isolate(isolation.id)));
        }
    }
}

/// What can be done with the table as a whole.
fn table_menu_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let button = Button::new("Table…").min_size(vec2(64.0, size::ROW + 2.0));
    let (response, _) = MenuButton::from_button(button).ui(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        command_item(ui, state, Command::OpenLabelNames, actions);
        command_item(ui, state, Command::SaveLabelNames, actions);
        ui.separator();
        command_item(ui, state, Command::RecolorSafe, actions);
        command_item(ui, state, Command::RecolorItkSnap, actions);
        ui.separator();
        command_item(ui, state, Command::RemoveUnusedLabels, actions);
    });
    response.on_hover_text("Files of names, colours, unused labels").accessible_name("Label table");
}

/// How large a label is; "…" until its voxels have been counted.
fn volume_ui(ui: &mut Ui, case: &Case, n_voxels: Option<u64>) {
    ui.set_height(size::ROW);
    let text = n_voxels.map_or_else(|| "…".to_owned(), |n_voxels| extent(case.grid(), n_voxels));
    ui.label(caption(ui, text));
}

/// How large so many voxels are: a volume, in a flat picture an area, in pixels where nobody knows how large they are.
pub fn extent(grid: &Grid, n_voxels: u64) -> String {
    let [width, height, _] = grid.spacing_mm();
    match grid.space() {
        _ if !grid.is_scaled() => format!("{} px", grouped(n_voxels)),
        Space::Picture { .. } if grid.shape()[2] == 1 || grid.is_series() => {
            square_millimetres(n_voxels as f64 * width * height)
        }
        _ => millilitres(n_voxels as f64 * grid.voxel_volume_mm3() / 1000.0),
    }
}

/// An area with three digits that count, in a unit in which it is no tiny fraction.
fn square_millimetres(area_mm2: f64) -> String {
    match area_mm2 {
        small if small > 0.0 && small < 0.01 => format!("{} µm²", number(small * 1e6)),
        large => format!("{} mm²", number(large)),
    }
}

/// A volume with three digits that count, where there are any.
pub fn millilitres(volume_ml: f64) -> String {
    match volume_ml {
        0.0 => "0 mL".to_owned(),
        small if small < 10.0 => format!("{small:.2} mL"),
        middle if middle < 100.0 => format!("{middle:.1} mL"),
        large => format!("{large:.0} mL"),
    }
}

fn saved_ui(ui: &mut Ui, case: &Case) {
    if case.is_empty() {
        return;
    }
    let (icon, color, text) = match (&case.labels_path, case.has_unsaved_changes()) {
        (_, true) => (Icon::Warning, tokens(ui).warning, "Changes are not saved".to_owned()),
        (Some(path), false) => (Icon::Check, tokens(ui).success, crate::app::files::file_name(path)),
        (None, false) => return,
    };
    ui.add_space(space::SMALL);
    note(ui, icon, color, &text);
}

#[cfg(test)]
mod tests {
    use super::{extent, millilitres};
    use crate::domain::Grid;

    #[test]
    fn volumes_have_three_digits() {
        for (volume_ml, text) in [(0.0, "0 mL"), (1.234, "1.23 mL"), (12.34, "12.3 mL"), (1234.5, "1234 mL")] {
            assert_eq!(millilitres(volume_ml), text);
        }
    }

    #[test]
    fn areas_of_pictures_are_in_pixels_until_their_size_is_known() {
        let picture = |pixel_mm| Grid::picture([9, 9, 1], pixel_mm).expect("valid");
        for (pixel_mm, text) in [(None, "120 px"), (Some([0.5; 3]), "30 mm²"), (Some([0.001; 3]), "120 µm²")] {
            assert_eq!(extent(&picture(pixel_mm), 120), text);
        }
        let stack = Grid::picture([9, 9, 4], Some([1.0; 3])).expect("valid");
        assert_eq!(extent(&stack, 1200), "1.20 mL");
    }
}
