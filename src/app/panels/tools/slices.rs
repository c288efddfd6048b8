//! What is done with whole slices and with labels of other files, whatever the tool.

use eframe::egui::Ui;

use crate::app::action::{Action, Actions};
use crate::app::command::Command;
use crate::app::state::State;
use crate::app::theme::space;
use crate::app::widgets::{command_button, named_row, section, segmented};

/// Draws the section.
pub fn slices_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    section(ui, "Slices", |ui| {
        let mut options = state.settings.tools;
        named_row(ui, "Take", |ui| {
            let scopes = [
                (false, "Active label", "Copy, fill between and paste the active label alone"),
                (true, "All labels", "Copy, fill between and paste all labels"),
            ];
            if let Some(all) = segmented(ui, "Copies", options.copies_all, &scopes) {
                options.copies_all = all;
            }
        });
        ui.add_space(space::TIGHT);
        for command in
            [Command::CopyToNextSlice, Command::CopyToPreviousSlice, Command::FillBetweenSlices, Command::PasteLabels]
        {
            command_button(ui, state, command, actions);
        }
        if options != state.settings.tools {
            actions.push(Action::SetTools(options));
        }
    });
}
