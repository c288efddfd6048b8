//! Which labels the tools may paint over.

use eframe::egui::{ComboBox, Ui};

use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::widgets::named_row;
use crate::domain::canvas::PaintOver;

/// Draws the row.
pub fn over_ui(ui: &mut Ui, case: &Case, actions: &mut Actions) {
    let mut limits = case.limits;
    named_row(ui, "Over", |ui| {
        let combo = ComboBox::from_id_salt("paint over").selected_text(text(case, limits.over)).truncate();
        let response = combo.width(ui.available_width()).show_ui(ui, |ui| {
            let labels = case.table.labels.iter().map(|label| PaintOver::Only(label.id));
            for over in [PaintOver::All, PaintOver::Unlabelled].into_iter().chain(labels) {
                ui.selectable_value(&mut limits.over, over, text(case, over));
            }
        });
        let tooltip = "What may be painted over. Locked labels never change";
        response.response.on_hover_text(tooltip).accessible_name("Paint over");
    });
    if limits != case.limits {
        actions.push(Action::SetLimits(limits));
    }
}

fn text(case: &Case, over: PaintOver) -> String {
    match over {
        PaintOver::All => "All labels".to_owned(),
        PaintOver::Unlabelled => "Only unlabelled voxels".to_owned(),
        PaintOver::Only(id) => format!("Only {}", case.table.name(id)),
    }
}
