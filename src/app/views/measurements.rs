//! Measurements on their slice: lines, points to catch, and numbers that stay legible over any grey.

use eframe::egui::{Align2, Color32, Painter, Pos2, Shape, Stroke, Ui, epaint::PathShape, vec2};

use super::overlay::{shaded_text, strong};
use super::pointer::View;
use crate::app::measuring::{Kind, Measurement};
use crate::app::theme::{contrast, tokens, type_size};
use crate::app::tools::Place;

/// Draws the measurements of the slice shown, and the ruler that is being laid.
pub fn measurements_ui(ui: &Ui, view: &View<'_>) {
    let painter = ui.painter_at(view.placement.view());
    let color = tokens(ui).measurement;
    let place = Place { plane: view.plane, axes: view.axes, index: view.index() };
    let shape = view.case.grid().shape();
    for known in view.case.measurements_at(place) {
        let points: Vec<Pos2> =
            known.pixels(&view.axes, shape).iter().map(|at| view.placement.screen_from_center(*at)).collect();
        lines_ui(&painter, &points, known.kind == Kind::Area, color);
        text_ui(&painter, known, &points, color);
    }
    if let Some(ruler) = view.case.ruler.as_ref().filter(|ruler| ruler.place() == place) {
        let points: Vec<Pos2> = ruler.points().iter().map(|at| view.placement.screen_from_center(*at)).collect();
        lines_ui(&painter, &points, false, color);
    }
}

fn lines_ui(painter: &Painter, points: &[Pos2], is_closed: bool, color: Color32) {
    for stroke in [Stroke::new(3.2, contrast::UNDER_LINE), Stroke::new(1.5, color)] {
        let path = if is_closed { PathShape::closed_line } else { PathShape::line };
        painter.add(path(points.to_vec(), stroke));
    }
    for point in points {
        painter.add(Shape::circle_filled(*point, 3.6, contrast::UNDER_LINE));
        painter.add(Shape::circle_stroke(*point, 3.2, Stroke::new(1.4, color)));
    }
}

/// The number beside the last point, or beside the vertex of an angle; what an area encloses below it.
fn text_ui(painter: &Painter, known: &Measurement, points: &[Pos2], color: Color32) {
    let at = match known.kind {
        Kind::Distance => points.last(),
        Kind::Angle => points.get(1),
        Kind::Area => points.iter().max_by(|a, b| a.x.total_cmp(&b.x)),
    };
    let Some(at) = at else { return };
    let place = *at + vec2(9.0, -4.0);
    let value = shaded_text(painter, place, Align2::LEFT_BOTTOM, &known.reading.text(), strong(type_size::BODY), color);
    if let Some(inside) = known.reading.inside() {
        let font = eframe::egui::FontId::proportional(type_size::SMALL);
        shaded_text(painter, value.left_bottom() + vec2(0.0, 1.0), Align2::LEFT_TOP, &inside, font, color);
    }
}
