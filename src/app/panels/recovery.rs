//! Work that an earlier window left behind: take it up again, drop it, or decide later.

use std::time::{Duration, SystemTime};

use eframe::egui::{Align, Button, Frame, Layout, Margin, ScrollArea, Ui, vec2};

use super::super::action::{Action, Actions};
use super::super::state::State;
use super::super::theme::{caption, size, space, strong, tokens, type_size};
use super::dialogs::main;
use crate::io::journal::Found;

/// Draws the list.
pub fn recovery_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ui.set_width(520.0);
    ui.label(strong("Work that was not saved", type_size::DIALOG));
    ui.add_space(space::TIGHT);
    ui.label(caption(ui, "The program ended before these labels were saved. Nothing is lost until you discard it."));
    ui.add_space(space::MEDIUM);
    ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        for found in state.recoverable.iter().flatten() {
            found_ui(ui, found, actions);
            ui.add_space(space::SMALL);
        }
    });
}

fn found_ui(ui: &mut Ui, found: &Found, actions: &mut Actions) {
    let name = &found.header.case;
    let frame =
        Frame::new().fill(tokens(ui).raised).corner_radius(size::CARD_RADIUS).inner_margin(Margin::symmetric(12, 8));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.vertical(|ui| {
                ui.label(strong(name, type_size::BODY));
                ui.label(caption(ui, summary(found, SystemTime::now())));
            });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let button = |text| Button::new(text).min_size(vec2(80.0, size::ROW));
                let recover = ui.add(main(ui, "Recover")).accessible_name(format!("Recover {name}"));
                let place = found
                    .header
                    .image
                    .as_ref()
                    .map_or("The built-in sample".into(), |image| image.path.display().to_string());
                if recover.on_hover_text(place).clicked() {
                    actions.push(Action::Recover(found.path.clone()));
                }
                let save = ui.add(button("Save labels…")).accessible_name(format!("Save labels of {name}"));
                if save.on_hover_text("Write the labels into a file, without their image").clicked() {
                    actions.push(Action::SaveRecovered(found.path.clone()));
                }
                let discard = ui.add(button("Discard")).accessible_name(format!("Discard {name}"));
                if discard.on_hover_text("The journal is put aside and deleted after a week").clicked() {
                    actions.push(Action::DiscardJournal(found.path.clone()));
                }
            });
        });
    });
}

/// How much work, and how long ago.
fn summary(found: &Found, now: SystemTime) -> String {
    let changes = if found.n_changes == 1 { "1 change".to_owned() } else { format!("{} changes", found.n_changes) };
    format!("{changes}, {}", ago(now.duration_since(found.modified).unwrap_or_default()))
}

fn ago(since: Duration) -> String {
    let minutes = since.as_secs() / 60;
    let (n, unit) = match minutes {
        0 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let ending = if n == 1 { "" } else { "s" };
    format!("{n} {unit}{ending} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        for (minutes, expected) in
            [(0, "just now"), (1, "1 minute ago"), (59, "59 minutes ago"), (61, "1 hour ago"), (2880, "2 days ago")]
        {
            assert_eq!(ago(Duration::from_secs(60 * minutes + 5)), expected);
        }
    }
}
