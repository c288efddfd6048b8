//! What the check of the devices found.

use eframe::egui::{Grid, RichText, Ui};

use super::super::state::State;
use super::super::theme::{caption, space, strong, tokens, type_size};
use crate::engine::{DeviceCheck, DeviceReport};

/// Draws the dialog's content.
pub fn devices_ui(ui: &mut Ui, state: &State) {
    ui.set_width(560.0);
    ui.label(strong("Devices", type_size::DIALOG));
    ui.label(caption(ui, "Each device computes the same network as the CPU; one that disagrees is not used."));
    ui.add_space(space::MEDIUM);
    if state.checking_devices.is_some() {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label("Checking; the first run of a GPU compiles its programs and may take a minute");
        });
    }
    let Some(reports) = &state.devices else { return };
    Grid::new("devices").num_columns(4).spacing([18.0, 8.0]).show(ui, |ui| {
        for heading in ["Device", "Driver", "Check", "Runs per second"] {
            ui.label(caption(ui, heading));
        }
        ui.end_row();
        for report in reports {
            row_ui(ui, report);
        }
    });
}

fn row_ui(ui: &mut Ui, report: &DeviceReport) {
    let tokens = tokens(ui);
    let name = RichText::new(&report.name);
    ui.label(if report.preferred { name.color(tokens.accent) } else { name });
    ui.label(caption(ui, &report.driver));
    let (text, color) = match &report.check {
        DeviceCheck::Reference => ("Reference".to_owned(), tokens.success),
        DeviceCheck::Agrees(_) if report.is_software => {
            ("Software: draws, does not compute".to_owned(), tokens.warning)
        }
        DeviceCheck::Agrees(error) => (format!("Agrees (error {error:.1e})"), tokens.success),
        DeviceCheck::Disagrees(error) => (format!("Disagrees (error {error:.1e}): not used"), tokens.danger),
        DeviceCheck::Failed(reason) => (format!("Failed: {reason}"), tokens.danger),
    };
    ui.label(RichText::new(text).color(color));
    ui.label(report.runs_per_s.map_or_else(|| "–".to_owned(), |runs| format!("{runs:.1}")));
    ui.end_row();
}
