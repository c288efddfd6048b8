//! What the brush would cover, drawn before it is pressed: the very voxels where they can be told apart on the screen,
//! else the outline; a brush that reaches into depth is seen in the other views too.

use eframe::egui::{Color32, CursorIcon, Painter, Rect, Response, Shape, Stroke, StrokeKind, Ui, epaint::PathShape};

use super::contour::{Outline, outlines_in};
use super::geometry::Placement;
use super::pointer::View;
use crate::app::theme::{contrast, label_color, tokens};
use crate::app::tools::Tool;
use crate::domain::paint::{Brush, BrushShape};

/// Pixels smaller than this, in points, are not drawn one by one.
const SMALLEST_PIXEL: f32 = 2.5;

/// Draws the brush under the pointer, and the straight line that Shift would draw.
pub fn footprint_ui(ui: &Ui, view: &View<'_>, response: &Response) {
    let position = response.hover_pos().or(response.interact_pointer_pos());
    let here = position.and_then(|position| view.placement.pixel_from_screen(position)).map(|pixel| view.voxel(pixel));
    let look = view.state.settings.brush;
    let elsewhere = view.state.pointed.filter(|pointed| pointed.plane != view.plane && look.is_ball);
    if here.is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::None);
    }
    let Some(under) = here.or(elsewhere.map(|pointed| pointed.voxel)) else { return };
    let at = view.case.strokes.sizing_over().unwrap_or(under);
    let color = match (view.state.tool, view.case.active_label()) {
        (Tool::Brush, Some(label)) => label_color(label.color),
        _ => tokens(ui).overlay_text,
    };
    let painter = ui.painter_at(view.placement.view());
    if here.is_some() && ui.input(|input| input.modifiers.shift) {
        line_ui(&painter, view, under, color);
    }
    // In another view the brush is kept to that view's slice, not to this one's.
    let through = elsewhere.map_or(view.axes.through, |pointed| view.case.through(pointed.plane).0);
    let brush = look.brush(through);
    let size = view.placement.points_per_pixel();
    if size.min_elem() >= SMALLEST_PIXEL {
        for outline in exact(view, &brush, at) {
            let points = outline.on_screen(&view.placement, 0.0);
            for stroke in strokes(color) {
                painter.add(PathShape::line(points.clone(), stroke));
            }
        }
    } else if let Some(rect) = reach(view, &brush, at) {
        smooth_ui(&painter, rect, look.shape, color);
    }
}

fn strokes(color: Color32) -> [Stroke; 2] {
    [Stroke::new(3.0, contrast::UNDER_LINE), Stroke::new(1.4, color)]
}

/// The outlines of the pixels of the view's slice that a dab at `at` covers.
fn exact(view: &View<'_>, brush: &Brush, at: [usize; 3]) -> Vec<Outline> {
    let grid = view.case.grid();
    let shape = grid.shape();
    let radii = brush.radii(grid);
    let [x, y] = view.axes.pixel(shape, at);
    let span = |middle: usize, axis: usize| {
        let reach = radii[axis].floor() as usize;
        middle.saturating_sub(reach)..(middle + reach + 1).min(shape[axis])
    };
    let (columns, rows) = (span(x, view.axes.right), span(y, view.axes.down));
    let covers = |x, y| brush.covers(grid, at, view.voxel([x, y]));
    let ids: Vec<u16> = rows.clone().flat_map(|y| columns.clone().map(move |x| u16::from(covers(x, y)))).collect();
    let mut outlines = outlines_in(&ids, columns.len(), rows.len(), |_| true);
    let offset = [columns.start as u32, rows.start as u32];
    for corner in outlines.iter_mut().flat_map(|outline| &mut outline.corners) {
        *corner = [corner[0] + offset[0], corner[1] + offset[1]];
    }
    outlines
}

/// The box on the screen that a dab at `at` covers in the view's slice.
fn reach(view: &View<'_>, brush: &Brush, at: [usize; 3]) -> Option<Rect> {
    let grid = view.case.grid();
    let radii = brush.radii(grid);
    let away = (at[view.axes.through] as f64 - view.index() as f64) / radii[view.axes.through];
    if away.abs() > 1.0 {
        return None;
    }
    let part = if brush.shape == BrushShape::Round { (1.0 - away * away).sqrt() } else { 1.0 };
    let [x, y] = view.axes.pixel(grid.shape(), at).map(|at| at as f32 + 0.5);
    let [right, down] = [view.axes.right, view.axes.down].map(|axis| (radii[axis] * part) as f32);
    let corner = |x, y| view.placement.screen_from_slice([x, y]);
    Some(Rect::from_two_pos(corner(x - right, y - down), corner(x + right, y + down)))
}

fn smooth_ui(painter: &Painter, rect: Rect, shape: BrushShape, color: Color32) {
    for stroke in strokes(color) {
        painter.add(match shape {
            BrushShape::Round => Shape::ellipse_stroke(rect.center(), rect.size() / 2.0, stroke),
            BrushShape::Square => Shape::rect_stroke(rect, 0.0, stroke, StrokeKind::Middle),
        });
    }
}

/// The line from the end of the last stroke to the pointer, where it lies in this slice.
fn line_ui(painter: &Painter, view: &View<'_>, to: [usize; 3], color: Color32) {
    let Some(from) = view.case.strokes.line_start() else { return };
    if from[view.axes.through] != to[view.axes.through] {
        return;
    }
    let ends = [from, to].map(|voxel| middle(&view.placement, view, voxel));
    let mut shapes = vec![Shape::line_segment(ends, Stroke::new(3.0, contrast::UNDER_LINE))];
    shapes.extend(Shape::dashed_line(&ends, Stroke::new(1.4, color), 5.0, 3.5));
    painter.extend(shapes);
}

fn middle(placement: &Placement, view: &View<'_>, voxel: [usize; 3]) -> eframe::egui::Pos2 {
    placement.screen_from_pixel(view.axes.pixel(view.case.grid().shape(), voxel))
}
