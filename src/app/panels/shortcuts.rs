//! Every key and mouse action, made from the commands themselves.

use eframe::egui::{Grid, RichText, ScrollArea, Ui};

use super::super::command::Command;
use super::super::controls::Keymap;
use super::super::shortcuts;
use super::super::theme::{caption, space, strong, tokens, type_size};

const MOUSE: &[(&str, &str)] = &[
    ("Wheel", "Next or previous slice"),
    ("Ctrl + wheel", "Zoom at the pointer"),
    ("Left click or drag", "Move the crosshair"),
    ("W + left drag", "Contrast and brightness"),
    ("Middle drag", "Pan"),
    ("Right drag", "Zoom"),
    ("Double click", "Maximize a view, or show all"),
];

/// Draws the dialog's content.
pub fn shortcuts_ui(ui: &mut Ui, keymap: &Keymap) {
    ui.set_width(620.0);
    ui.label(strong("Keys and mouse", type_size::DIALOG));
    ui.add_space(space::MEDIUM);
    ScrollArea::vertical().max_height(ui.ctx().content_rect().height() - 220.0).show(ui, |ui| {
        ui.columns(2, |columns| {
            table_ui(
                &mut columns[0],
                "Mouse, in a slice view",
                MOUSE.iter().map(|(keys, what)| ((*keys).to_owned(), *what)),
            );
            let with_keys = Command::ALL.iter().filter(|command| !keymap.shortcuts(**command).is_empty());
            let rows: Vec<(String, &str)> =
                with_keys.map(|command| (keys(&columns[0], keymap, *command), name(*command))).collect();
            let (first, second) = rows.split_at(rows.len() / 2 - 4);
            columns[0].add_space(space::LARGE);
            table_ui(&mut columns[0], "Keys", first.iter().cloned());
            table_ui(&mut columns[1], "More keys", second.iter().cloned());
        });
    });
}

/// The text on the command's button, or more where that needs what stands around it.
fn name(command: Command) -> &'static str {
    match command {
        Command::WindowAuto => "Window: auto",
        Command::WindowFull => "Window: full range",
        Command::Segment => "Segment the image",
        Command::CancelSegment => "Cancel the segmentation",
        Command::AcceptPreview => "Accept the preview",
        Command::DiscardPreview => "Discard the preview",
        _ => command.text(),
    }
}

fn keys(ui: &Ui, keymap: &Keymap, command: Command) -> String {
    let all: Vec<_> = keymap.shortcuts(command).iter().map(|shortcut| shortcuts::text(ui.ctx(), shortcut)).collect();
    all.join(", ")
}

fn table_ui<'a>(ui: &mut Ui, heading: &str, rows: impl Iterator<Item = (String, &'a str)>) {
    ui.label(strong(heading, type_size::HEADING));
    ui.add_space(space::TIGHT);
    Grid::new(heading).num_columns(2).min_col_width(110.0).spacing([12.0, 4.0]).show(ui, |ui| {
        for (keys, what) in rows {
            ui.label(RichText::new(keys).size(type_size::SMALL).color(tokens(ui).accent));
            ui.label(caption(ui, what).color(tokens(ui).text));
            ui.end_row();
        }
    });
}
