//! Measurements on their slice: lines, points to catch, and numbers that stay legible over any grey.

use eframe::egui::{Align2, Color32, FontId, Painter, Pos2, Shape, Stroke, Ui, epaint::PathShape, pos2};

use super::overlay::{shaded_text, strong};
use super::pointer::View;
use super::slice::SLIDER_WIDTH;
use crate::app::measuring::{Kind, Measurement};
use crate::app::theme::{contrast, tokens, type_size};
use crate::app::tools::Place;

/// From a point to its number.
const GAP: f32 = 9.0;

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

/// The number beside the last point, or beside the vertex of an angle; what an area encloses below it. On the other side
/// where the view ends.
fn text_ui(painter: &Painter, known: &Measurement, points: &[Pos2], color: Color32) {
    let at = match known.kind {
        Kind::Distance => points.last(),
        Kind::Angle => points.get(1),
        Kind::Area => points.iter().max_by(|a, b| a.x.total_cmp(&b.x)),
    };
    let Some(at) = at else { return };
    let small = FontId::proportional(type_size::SMALL);
    let (value, inside) = (known.reading.text(), known.reading.inside().unwrap_or_default());
    let width = |text: &str, font: FontId| painter.layout_no_wrap(text.to_owned(), font, color).size().x;
    let widest = width(&value, strong(type_size::BODY)).max(width(&inside, small.clone()));
    let fits = at.x + GAP + widest < painter.clip_rect().right() - SLIDER_WIDTH;
    let (x, above, below) = match fits {
        true => (at.x + GAP, Align2::LEFT_BOTTOM, Align2::LEFT_TOP),
        false => (at.x - GAP, Align2::RIGHT_BOTTOM, Align2::RIGHT_TOP),
    };
    let y = at.y - 3.0;
    shaded_text(painter, pos2(x, y), above, &value, strong(type_size::BODY), color);
    if !inside.is_empty() {
        shaded_text(painter, pos2(x, y), below, &inside, small, color);
    }
}
