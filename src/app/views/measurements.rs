//! Measurements on their slice: lines, points to catch, and numbers that stay legible over any grey.

use eframe::egui::{Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, Ui, Vec2, epaint::PathShape, pos2, vec2};

use super::overlay::strong;
use super::pointer::View;
use super::slice::SLIDER_WIDTH;
use crate::app::measuring::{Kind, Measurement};
use crate::app::theme::{contrast, tokens, type_size};
use crate::app::tools::Place;

/// From a point to its number.
const GAP: f32 = 12.0;
/// From a number to the edge of the shade behind it.
const PADDING: f32 = 4.0;

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
    let lines = [(known.reading.text(), strong(type_size::BODY))].into_iter();
    let lines = lines.chain(known.reading.inside().map(|text| (text, FontId::proportional(type_size::SMALL))));
    let galleys: Vec<_> = lines.map(|(text, font)| painter.layout_no_wrap(text, font, color)).collect();
    let size =
        galleys.iter().fold(Vec2::ZERO, |size, galley| vec2(size.x.max(galley.size().x), size.y + galley.size().y));
    let fits = at.x + GAP + size.x + PADDING < painter.clip_rect().right() - SLIDER_WIDTH;
    let left = if fits { at.x + GAP } else { at.x - GAP - size.x };
    let area = Rect::from_min_size(pos2(left, at.y - size.y / 2.0), size);
    painter.rect_filled(area.expand2(vec2(PADDING, 1.0)), 3.0, contrast::AROUND_TEXT);
    let mut top = area.top();
    for galley in galleys {
        let height = galley.size().y;
        painter.galley(pos2(left, top), galley, color);
        top += height;
    }
}
