//! An outline that is being drawn: its lines, its corners, and the way to the pointer.

use eframe::egui::{
    Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, Vec2, epaint::PathShape, vec2,
};

use super::geometry::Placement;
use super::overlay::{INSET, shaded_text};
use super::pointer::View;
use crate::app::theme::{contrast, label_color, tokens, type_size};
use crate::app::tools::{Outline, OutlineKind, Tool};

/// Draws the outline that is open in this view, or where it is if another slice is shown.
pub fn outline_ui(ui: &Ui, view: &View<'_>) {
    let Some(outline) = view.case.outline.as_ref().filter(|outline| outline.place().plane == view.plane) else {
        return;
    };
    let painter = ui.painter_at(view.placement.view());
    let place = outline.place();
    if place.index != view.index() || place.axes != view.axes {
        let text = format!("An outline is open in slice {}: Enter fills it, Escape gives it up", place.index + 1);
        let at = view.placement.view().left_top() + vec2(INSET, INSET + 18.0);
        let font = FontId::proportional(type_size::SMALL);
        shaded_text(&painter, at, Align2::LEFT_TOP, &text, font, tokens(ui).warning);
        return;
    }
    let color = match (view.state.tool, view.case.active_label()) {
        (Tool::Polygon | Tool::Lasso | Tool::Livewire, Some(label)) => label_color(label.color),
        (Tool::Area, _) => tokens(ui).measurement,
        _ => tokens(ui).overlay_text,
    };
    lines_ui(&painter, &view.placement, outline, color);
    if outline.kind() != OutlineKind::Freehand {
        corners_ui(&painter, &view.placement, outline, color);
    }
}

fn lines_ui(painter: &Painter, placement: &Placement, outline: &Outline, color: Color32) {
    let points: Vec<Pos2> = outline.points().into_iter().map(|at| placement.screen_from_center(at)).collect();
    let ahead: Vec<Pos2> = points
        .last()
        .into_iter()
        .copied()
        .chain(outline.ahead().iter().map(|at| placement.screen_from_center(*at)))
        .collect();
    let home: Vec<Pos2> = ahead.last().into_iter().chain(points.first()).copied().collect();
    for line in [&points, &ahead] {
        painter.add(PathShape::line(line.clone(), Stroke::new(3.0, contrast::UNDER_LINE)));
    }
    painter.add(PathShape::line(points, Stroke::new(1.5, color)));
    let mut dashes = Vec::new();
    Shape::dashed_line_many(&ahead, Stroke::new(1.5, color), 5.0, 3.5, &mut dashes);
    // Where it would be closed, fainter than what is drawn.
    Shape::dashed_line_many(&home, Stroke::new(1.0, color.gamma_multiply(0.6)), 2.0, 4.0, &mut dashes);
    painter.extend(dashes);
}

/// Squares to drag; the first one, which closes the outline, is larger.
fn corners_ui(painter: &Painter, placement: &Placement, outline: &Outline, color: Color32) {
    for (i, corner) in outline.corners().enumerate() {
        let side = if i == 0 { 9.0 } else { 6.0 };
        let square = Rect::from_center_size(placement.screen_from_center(corner), Vec2::splat(side));
        let border = Stroke::new(1.0, contrast::AROUND_TEXT);
        painter.rect(square, 1.0, color, border, StrokeKind::Outside);
    }
}
