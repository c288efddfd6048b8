//! Where the tools may paint: a range of intensities or of a map's values, chosen on a histogram.

use eframe::egui::{DragValue, Ui};

use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::command::Command;
use crate::app::panels::status::number;
use crate::app::state::State;
use crate::app::theme::{caption, space};
use crate::app::tools::Limits;
use crate::app::widgets::{command_button, range_histogram};

/// Draws the rows.
pub fn limits_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
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
    map_ui(ui, state, case, &mut limits, actions);
    if limits != case.limits {
        actions.push(Action::SetLimits(limits));
    }
}

fn map_ui(ui: &mut Ui, state: &State, case: &Case, limits: &mut Limits, actions: &mut Actions) {
    let has_map = case.map.is_some();
    ui.horizontal(|ui| {
        let toggle = ui.add_enabled_ui(has_map, |ui| ui.checkbox(&mut limits.by_map, "Only where a map is high")).inner;
        toggle
            .on_hover_text("Paint and erase only where the map, such as a model's uncertainty, lies in a range")
            .on_disabled_hover_text("There is no map yet: load one that lies on this image's grid");
    });
    let Some(map) = &case.map else {
        command_button(ui, state, Command::LoadMap, actions);
        return;
    };
    if limits.by_map {
        let range = (f64::from(limits.map_low), f64::from(limits.map_high));
        if let Some((low, high)) = range_histogram(ui, &map.name, &map.histogram, range) {
            (limits.map_low, limits.map_high) = (low as f32, high as f32);
        }
        ui.label(caption(
            ui,
            format!("{}: {} to {}", map.name, number(limits.map_low.into()), number(limits.map_high.into())),
        ));
    }
    command_button(ui, state, Command::LoadMap, actions);
}
