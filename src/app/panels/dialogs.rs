//! Dialogs over the window: one at a time, closed by Escape or a click beside them.

use eframe::egui::{Align, Button, Frame, Id, Key, Label, Layout, Margin, Modal, RichText, TextEdit, Ui, vec2};

use super::super::action::{Action, Actions, Resolution};
use super::super::file_dialog::title;
use super::super::label_table::TableEdit;
use super::super::state::{Dialog, Next, Purpose, State};
use super::super::theme::{caption, size, space, strong, tokens, type_size};
use super::{about, controls, devices, labels, recovery, statistics, status};

/// Draws the dialog that is open, if any.
pub fn dialog_ui(ui: &Ui, state: &State, actions: &mut Actions) {
    let Some(dialog) = &state.dialog else { return };
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(22));
    let modal =
        Modal::new(Id::unique("dialog")).backdrop_color(tokens(ui).scrim).frame(frame).show(
            ui.ctx(),
            |ui| match dialog {
                Dialog::About => with_close(ui, actions, about::about_ui),
                Dialog::Controls(editing) => with_closing(ui, "Close", actions, |ui, actions| {
                    controls::controls_ui(ui, &state.settings, editing, actions);
                }),
                Dialog::Devices => with_close(ui, actions, |ui| devices::devices_ui(ui, state)),
                Dialog::Statistics => {
                    with_closing(ui, "Close", actions, |ui, actions| statistics::statistics_ui(ui, state, actions));
                }
                Dialog::Recovery => {
                    with_closing(ui, "Later", actions, |ui, actions| recovery::recovery_ui(ui, state, actions))
                }
                Dialog::DeleteLabel(id) => delete_ui(ui, state, *id, actions),
                Dialog::Unsaved(next) => unsaved_ui(ui, next, actions),
                Dialog::TypePath { purpose, text } => path_ui(ui, purpose, text, actions),
            },
        );
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}

fn with_close(ui: &mut Ui, actions: &mut Actions, content: impl FnOnce(&mut Ui)) {
    with_closing(ui, "Close", actions, |ui, _| content(ui));
}

fn with_closing(ui: &mut Ui, verb: &str, actions: &mut Actions, content: impl FnOnce(&mut Ui, &mut Actions)) {
    content(ui, actions);
    ui.add_space(space::LARGE);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.add(plain(verb)).clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

fn delete_ui(ui: &mut Ui, state: &State, id: u16, actions: &mut Actions) {
    ui.set_width(420.0);
    let Some(case) = &state.case else { return };
    let name = case.table.name(id);
    ui.label(strong(format!("Delete {name}?"), type_size::DIALOG));
    ui.add_space(space::SMALL);
    let what = match case.counts.in_all(id) {
        Some(n_voxels) if case.n_masks() > 1 => format!("{} voxels in all frames", status::grouped(n_voxels)),
        Some(n_voxels) => {
            format!("{} voxels ({})", status::grouped(n_voxels), labels::extent(case.grid(), n_voxels))
        }
        None => "Its voxels".to_owned(),
    };
    ui.add(Label::new(format!("{what} become background. Undo brings them back, with the label.")).wrap());
    ui.add_space(space::LARGE);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let delete = Button::new(RichText::new("Delete").color(tokens(ui).danger));
        if ui.add(delete.min_size(vec2(80.0, size::ROW + 2.0))).clicked() {
            actions.push(Action::EditTable(TableEdit::Erase(id)));
        }
        if ui.add(plain("Cancel")).clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

fn unsaved_ui(ui: &mut Ui, next: &Next, actions: &mut Actions) {
    ui.set_width(420.0);
    ui.label(strong("Save your labels?", type_size::DIALOG));
    ui.add_space(space::SMALL);
    let before = match next {
        Next::Quit => "before the program closes",
        Next::Close => "before the image is closed",
        Next::OpenImage(..) | Next::OpenSample(_) | Next::Recover(_) => "before another image is opened",
    };
    ui.add(Label::new(format!("The labels have changes that are not saved. Save them {before}?")).wrap());
    ui.add_space(space::LARGE);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.add(main(ui, "Save…")).clicked() {
            actions.push(Action::Resolve(Resolution::Save));
        }
        if ui.add(plain("Cancel")).clicked() {
            actions.push(Action::CloseDialog);
        }
        let discard = Button::new(RichText::new("Discard changes").color(tokens(ui).danger));
        if ui.add(discard.min_size(vec2(80.0, size::ROW + 2.0))).clicked() {
            actions.push(Action::Resolve(Resolution::Discard));
        }
    });
}

fn path_ui(ui: &mut Ui, purpose: &Purpose, text: &str, actions: &mut Actions) {
    ui.set_width(520.0);
    ui.label(strong(title(purpose), type_size::DIALOG));
    let (what, hint) = match purpose {
        Purpose::OpenFolder => ("folder", "/folder/of/one/series"),
        Purpose::SaveFolder => ("folder", "/folder/for/masks"),
        _ => ("file", "/folder/image.nii.gz"),
    };
    let text_of =
        format!("This system has no file dialog that the program could open. Type the {what}'s path instead.");
    ui.label(caption(ui, text_of));
    ui.add_space(space::MEDIUM);
    let mut typed = text.to_owned();
    let field = TextEdit::singleline(&mut typed).desired_width(f32::INFINITY).hint_text(hint);
    let response = ui.add(field.margin(vec2(8.0, 6.0))).accessible_name("Path");
    // Asked before the field takes the focus again.
    let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if ui.memory(|memory| memory.focused().is_none()) {
        response.request_focus();
    }
    if response.changed() {
        actions.push(Action::TypePath(typed));
    }
    ui.add_space(space::LARGE);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let verb = if purpose.writes() { "Save" } else { "Open" };
        let confirm = ui.add_enabled(!text.trim().is_empty(), main(ui, verb));
        let is_confirmed = confirm.on_disabled_hover_text("Type a path first").clicked();
        if is_confirmed || (is_entered && !text.trim().is_empty()) {
            actions.push(Action::SubmitPath);
        }
        if ui.add(plain("Cancel")).clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

fn plain(text: &str) -> Button<'_> {
    Button::new(text).min_size(vec2(80.0, size::ROW + 2.0))
}

pub fn main<'a>(ui: &Ui, text: &str) -> Button<'a> {
    let tokens = tokens(ui);
    let text = strong(text, type_size::BODY).color(tokens.on_accent);
    Button::new(text).fill(tokens.accent_fill).min_size(vec2(80.0, size::ROW + 2.0))
}
