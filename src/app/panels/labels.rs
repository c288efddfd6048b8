//! The label table: colour, name, visibility, opacity, lock, and volume.

use eframe::egui::{Align, Layout, Popup, PopupCloseBehavior, Slider, TextEdit, Ui, vec2};

use super::super::action::{Action, Actions};
use super::super::case::{Case, Preview};
use super::super::command::Command;
use super::super::state::State;
use super::super::theme::{caption, label_color, size, space, tokens};
use super::super::widgets::{Icon, command_button, icon_button, note, section, swatch};
use crate::domain::Label;

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
            ui.label(caption(ui, "None yet. Segment the image, or open a mask."));
        }
        for label in &case.table.labels {
            row_ui(ui, case, label, actions);
        }
        if !state.labels_visible {
            note(ui, Icon::EyeOff, tokens(ui).warning, "All labels are hidden (key L)");
        }
        ui.add_space(space::SMALL);
        ui.horizontal(|ui| {
            command_button(ui, state, Command::OpenLabels, actions);
            command_button(ui, state, Command::SaveLabels, actions);
        });
        ui.horizontal(|ui| {
            command_button(ui, state, Command::NewLabel, actions);
            command_button(ui, state, Command::ShowStatistics, actions);
        });
        if case.opened.reference.is_some() {
            command_button(ui, state, Command::UseReference, actions);
        }
        saved_ui(ui, case);
    });
}

fn row_ui(ui: &mut Ui, case: &Case, label: &Label, actions: &mut Actions) {
    let mut changed = label.clone();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::TIGHT;
        let (icon, verb) = if label.visible { (Icon::Eye, "Hide") } else { (Icon::EyeOff, "Show") };
        if icon_button(ui, icon, &format!("{verb} {}", label.name)).clicked() {
            changed.visible = !label.visible;
        }
        look_ui(ui, &mut changed);
        let width = (ui.available_width() - 66.0).max(60.0);
        let field = TextEdit::singleline(&mut changed.name).id_salt(("label name", label.id)).desired_width(width);
        let color = if label.visible { tokens(ui).text } else { tokens(ui).text_disabled };
        ui.add(field.text_color(color).margin(vec2(6.0, 4.0))).accessible_name(format!("Name of label {}", label.id));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            volume_ui(ui, case, case.counts.of(label.id));
        });
    });
    if changed != *label {
        actions.push(Action::SetLabel(changed));
    }
}

/// The colour mark; a click opens colour, opacity and lock.
fn look_ui(ui: &mut Ui, label: &mut Label) {
    let color = label_color(label.color);
    let button = eframe::egui::Button::new("").fill(color).min_size(vec2(18.0, 18.0)).corner_radius(4);
    let response = ui.add(button).accessible_name(format!("Look of {}", label.name));
    let response = response.on_hover_text("Colour, opacity, lock");
    Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_width(220.0);
        ui.horizontal(|ui| {
            ui.label(caption(ui, "Colour"));
            ui.color_edit_button_srgb(&mut label.color);
        });
        ui.horizontal(|ui| {
            ui.label(caption(ui, "Opacity"));
            let mut percent = label.opacity * 100.0;
            let slider = Slider::new(&mut percent, 0.0..=100.0).integer().suffix(" %");
            if ui.add(slider).accessible_name(format!("Opacity of {}", label.name)).changed() {
                label.opacity = percent / 100.0;
            }
        });
        ui.checkbox(&mut label.locked, "Locked: not changed by tools or models");
    });
}

/// A label's volume; "…" until its voxels have been counted.
fn volume_ui(ui: &mut Ui, case: &Case, n_voxels: Option<u64>) {
    ui.set_height(size::ROW);
    let volume_ml = |n_voxels: u64| n_voxels as f64 * case.grid().voxel_volume_mm3() / 1000.0;
    let text = n_voxels.map_or_else(|| "…".to_owned(), |n_voxels| millilitres(volume_ml(n_voxels)));
    ui.label(caption(ui, text));
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
        (Some(path), false) => (Icon::Check, tokens(ui).success, super::super::files::file_name(path)),
        (None, false) => return,
    };
    ui.add_space(space::SMALL);
    note(ui, icon, color, &text);
}

#[cfg(test)]
mod tests {
    use super::millilitres;

    #[test]
    fn volumes_have_three_digits() {
        for (volume_ml, text) in [(0.0, "0 mL"), (1.234, "1.23 mL"), (12.34, "12.3 mL"), (1234.5, "1234 mL")] {
            assert_eq!(millilitres(volume_ml), text);
        }
    }
}
