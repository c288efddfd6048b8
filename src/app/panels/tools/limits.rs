//! Where the tools may paint: a range of intensities, chosen on a histogram.

use eframe::egui::{DragValue, Ui};

use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::panels::status::number;
use crate::app::theme::{caption, space};
use crate::app::widgets::range_histogram;

/// Draws the rows.
pub fn limits_ui(ui: &mut Ui, case: &Case, actions: &mut Actions) {
    let mut limits = case.limits;
    ui.add_space(space::SMALL);
    let is_grey = !case.opened.volume.is_color();
    let toggle = ui.add_enabled_ui(is_grey, |ui| ui.checkbox(&mut limits.by_intensity, "Only these intensities")).inner;
    toggle
        .on_hover_text("Paint and erase only voxels whose intensity lies in a range")
        .on_disabled_hover_text("A colour image has no intensities");
    if limits.by_intensity && is_grey {
        let name = "intensity";
        match &case.statistics {
            Some(statistics) => {
                if let Some((low, high)) = range_histogram(ui, name, &statistics.histogram, (limits.low, limits.high)) {
                    (limits.low, limits.high) = (low, high);
                }
            }
            None => {
                ui.label(caption(ui, "Counting intensities…"));
            }
        }
        ui.horizontal(|ui| {
            let speed = ((limits.high - limits.low).abs() / 200.0).max(1e-9);
            ui.label(caption(ui, "From"));
            let low = DragValue::new(&mut limits.low).speed(speed).custom_formatter(|value, _| number(value));
            ui.add(low).accessible_name("Lowest intensity painted");
            ui.label(caption(ui, "to"));
            let high = DragValue::new(&mut limits.high).speed(speed).custom_formatter(|value, _| number(value));
            ui.add(high).accessible_name("Highest intensity painted");
        });
    }
    if limits != case.limits {
        actions.push(Action::SetLimits(limits));
    }
}
