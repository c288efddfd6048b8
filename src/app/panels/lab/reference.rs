//! The room of reference.

use eframe::egui::{Label, RichText, Ui};

use crate::app::action::Actions;
use crate::app::case::Case;
use crate::app::command::Command;
use crate::app::state::State;
use crate::app::theme::{caption, space};
use crate::app::widgets::command_button;

/// The panel beside the views.
pub fn panel_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    ui.label(caption(ui, "Compare the labels with"));
    match case.reference_name() {
        Some(name) => ui.add(Label::new(RichText::new(name)).wrap()),
        None => ui.label(caption(ui, "No reference yet: open a mask, or keep the labels as they stand")),
    };
    ui.add_space(space::TIGHT);
    ui.horizontal_wrapped(|ui| {
        for command in [Command::OpenReference, Command::FreezeLabels, Command::CloseReference] {
            command_button(ui, state, command, actions);
        }
    });
}

/// Whether the room has something to show below the views.
pub fn has_dock(_case: &Case) -> bool {
    false
}

/// What it shows there.
pub fn dock_ui(_ui: &mut Ui, _state: &State, _case: &Case, _actions: &mut Actions) {}
