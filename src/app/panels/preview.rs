//! The banner over the views while a segmentation waits to be accepted or discarded.

use eframe::egui::{Align, Button, Frame, Layout, Margin, RichText, Sense, Ui, containers::menu::MenuButton, vec2};

use super::super::action::{Action, Actions};
use super::super::case::{Origin, Preview, Source};
use super::super::command::Command;
use super::super::state::State;
use super::super::theme::{size, space, strong, tokens, type_size};
use super::super::widgets::{Icon, command_button, command_item, main_button, paint_icon};
use super::status::grouped;

/// Height of the banner.
const HEIGHT: f32 = 46.0;

/// Draws the banner.
pub fn banner_ui(ui: &mut Ui, state: &State, preview: &Preview, actions: &mut Actions) {
    let tokens = tokens(ui);
    let frame = Frame::new().fill(tokens.accent_subtle).inner_margin(Margin::symmetric(14, 0));
    frame.show(ui, |ui| {
        ui.set_height(HEIGHT);
        ui.horizontal_centered(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(18.0, 18.0), Sense::hover());
            paint_icon(ui.painter(), rect, 17.0, Icon::Layers, tokens.accent);
            ui.label(strong("Preview", type_size::BODY).color(tokens.text));
            ui.label(RichText::new("not yet part of your labels").color(tokens.text_weak));
            let origin = match &preview.source {
                Source::Model(Origin { settings, which, .. }) => {
                    let which = which.as_ref().map_or_else(String::new, |which| format!(", {which}"));
                    format!("{}, {} steps, seed {}{which}", settings.model, settings.steps, settings.seed)
                }
                Source::Change { name, edits } => format!("{name}: {} voxels change", grouped(edits.n_voxels() as u64)),
            };
            ui.add_space(space::MEDIUM);
            ui.label(RichText::new(origin).size(type_size::SMALL).color(tokens.text_weak));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = space::MEDIUM;
                command_button(ui, state, Command::DiscardPreview, actions);
                if matches!(preview.source, Source::Model(_)) {
                    parts_ui(ui, state, preview, actions);
                }
                ui.allocate_ui(vec2(104.0, HEIGHT), |ui| main_button(ui, state, Command::AcceptPreview, actions));
            });
        });
    });
    ui.add_space(-ui.spacing().item_spacing.y);
}

/// What can be accepted short of everything.
fn parts_ui(ui: &mut Ui, state: &State, preview: &Preview, actions: &mut Actions) {
    let button = Button::new("Accept part").min_size(vec2(0.0, size::ROW + 4.0));
    MenuButton::from_button(button).ui(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        command_item(ui, state, Command::AcceptUnlabelled, actions);
        command_item(ui, state, Command::AcceptRegion, actions);
        ui.separator();
        for label in &preview.table.labels {
            let item = Button::new(format!("Only {}", label.name)).frame(false).min_size(vec2(210.0, size::ROW));
            if ui.add_enabled(Command::AcceptPreview.enabled(state).is_ok(), item).clicked() {
                actions.push(Action::AcceptLabel(label.id));
            }
        }
    });
}
