//! The brush and the eraser: how large, of what shape, how deep.

use eframe::egui::{Slider, Ui};

use super::tolerance_ui;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::state::State;
use crate::app::theme::caption;
use crate::app::tools::SizeUnit;
use crate::app::widgets::{named_row, segmented};
use crate::domain::Units;
use crate::domain::paint::BrushShape;

/// Draws the rows.
pub fn brush_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let (mut look, units) = (state.settings.brush, case.grid().units());
    // Where no length is known, pixels are the unit of both.
    let has_units = units == Units::Millimetres;
    if !has_units {
        look = look.in_unit(SizeUnit::Voxels, case.grid());
    }
    named_row(ui, "Size", |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 78.0;
        let slider =
            Slider::new(&mut look.diameter, look.unit.diameters()).logarithmic(true).suffix(look.unit.suffix(units));
        let slider = match look.unit {
            SizeUnit::Voxels => slider.integer(),
            SizeUnit::Mm => slider.step_by(0.2).fixed_decimals(1),
        };
        ui.add(slider).accessible_name("Brush size");
    });
    if has_units {
        named_row(ui, "Unit", |ui| {
            let kinds = [
                (SizeUnit::Voxels, "Voxels", "As many voxels along each axis"),
                (SizeUnit::Mm, units.length(), "As long along each axis, however long the voxels are"),
            ];
            if let Some(unit) = segmented(ui, "Brush unit", look.unit, &kinds) {
                look = look.in_unit(unit, case.grid());
            }
        });
    }
    named_row(ui, "Shape", |ui| {
        let shapes = [
            (BrushShape::Round, "Round", "A disc, or a ball in 3D"),
            (BrushShape::Square, "Square", "A square, or a cube in 3D"),
        ];
        if let Some(shape) = segmented(ui, "Brush shape", look.shape, &shapes) {
            look.shape = shape;
        }
    });
    if !case.is_flat() {
        named_row(ui, "Reach", |ui| {
            let depths = [(false, "2D", "Paints in this slice"), (true, "3D", "Paints in the slices beside, too")];
            if let Some(is_ball) = segmented(ui, "Brush depth", look.is_ball, &depths) {
                look.is_ball = is_ball;
            }
        });
    }
    named_row(ui, "Paints", |ui| {
        let kinds = [
            (false, "All", "Every voxel under the brush"),
            (true, "Alike", "Only what looks like the voxel under the pointer and hangs together with it"),
        ];
        if let Some(is_adaptive) = segmented(ui, "Brush paints", look.is_adaptive, &kinds) {
            look.is_adaptive = is_adaptive;
        }
    });
    if look.is_adaptive {
        tolerance_ui(ui, case, actions);
    }
    if look != state.settings.brush {
        actions.push(Action::SetBrush(look));
    }
    ui.label(caption(ui, "Size: [ and ], or Alt + drag to the side"));
    ui.label(caption(ui, "Right button erases, Shift + click draws a line"));
}
