//! The cube that tells from which side one looks, and the buttons that choose one.

use eframe::egui::epaint::PathShape;
use eframe::egui::{Align2, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use glam::DVec3;

use crate::app::gpu::camera::{Projection, Side};
use crate::app::theme::tokens;
use crate::app::views::overlay::{INSET, strong};
use crate::app::widgets::{Icon, overlay_button};

/// Half of the cube's edge, in points.
const HALF: f64 = 17.0;
/// Room for the cube's corners in every direction.
const REACH: f32 = 32.0;
/// A button with a letter.
const LETTER: f32 = 20.0;

/// Draws cube and buttons into the lower right corner; returns the side that was clicked.
pub(super) fn cube_ui(ui: &mut Ui, rect: Rect, projection: &Projection) -> Option<Side> {
    let buttons_top = rect.bottom() - INSET - LETTER + 4.0;
    let middle = pos2(rect.right() - INSET - REACH, buttons_top - 6.0 - REACH);
    let area = Rect::from_center_size(middle, vec2(2.0 * REACH, 2.0 * REACH));
    let response = ui.interact(area, ui.scope_id().with("3D cube"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Side that faces you"));
    let pointed = response.hover_pos().and_then(|pointer| {
        faces(projection, middle).into_iter().find(|face| contains(&face.corners, pointer)).map(|face| face.side)
    });
    let painter = ui.painter_at(rect);
    let tokens = tokens(ui);
    for face in faces(projection, middle) {
        let light = 0.25 + 0.55 * face.facing as f32;
        let fill = if pointed == Some(face.side) { tokens.volume } else { tokens.overlay_weak };
        let fill = fill.gamma_multiply(light * 0.8);
        let edge = Stroke::new(1.0, tokens.canvas.gamma_multiply(0.8));
        painter.add(PathShape::convex_polygon(face.corners.to_vec(), fill, edge));
        if face.facing > 0.3 {
            let size = 8.0 + 7.0 * face.facing as f32;
            painter.text(face.middle, Align2::CENTER_CENTER, face.side.letter(), strong(size), tokens.overlay_text);
        }
    }
    let clicked = pointed.filter(|_| response.clicked());
    if let Some(side) = pointed {
        response.on_hover_text(format!("Look from {}", side.name().to_lowercase()));
    }
    clicked.or(buttons_ui(ui, rect, buttons_top))
}

/// A button for every side, so that those behind the cube can be reached too.
fn buttons_ui(ui: &mut Ui, rect: Rect, top: f32) -> Option<Side> {
    let tokens = tokens(ui);
    let mut clicked = None;
    let left = rect.right() - INSET - LETTER * Side::ALL.len() as f32;
    if left < rect.left() + 140.0 {
        return None;
    }
    for (n, side) in Side::ALL.into_iter().enumerate() {
        let button = Rect::from_min_size(pos2(left + LETTER * n as f32, top), vec2(LETTER, LETTER));
        let name = format!("Look from {}", side.name().to_lowercase());
        let response = ui.interact(button, ui.scope_id().with(("3D side", side.letter())), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        let is_pointed = response.hovered() || response.has_focus();
        let color = if is_pointed { tokens.overlay_text } else { tokens.overlay_weak };
        if is_pointed {
            let edge = Stroke::new(1.0, tokens.overlay_weak);
            ui.painter().rect_stroke(button.shrink(1.0), 4.0, edge, StrokeKind::Inside);
        }
        ui.painter().text(button.center(), Align2::CENTER_CENTER, side.letter(), strong(11.5), color);
        if response.on_hover_text(name).clicked() {
            clicked = Some(side);
        }
    }
    clicked
}

/// The button that shows everything again; true where it was clicked.
pub(super) fn reset_ui(ui: &mut Ui, rect: Rect) -> bool {
    // To the left of the corner, which the window keeps for its own button.
    let button = Rect::from_min_size(pos2(rect.right() - 58.0, rect.top() + 5.0), vec2(24.0, 24.0));
    overlay_button(ui, button, Icon::Fit, "Fit the 3D view").clicked()
}

struct Face {
    side: Side,
    /// How squarely it faces the person, above 0 to 1.
    facing: f64,
    middle: Pos2,
    corners: [Pos2; 4],
}

/// The sides of the cube that are seen, those that face the person least first.
fn faces(projection: &Projection, middle: Pos2) -> Vec<Face> {
    let on_screen = |direction: DVec3| {
        let view = projection.view_from_world() * direction * HALF;
        middle + vec2(view.x as f32, -view.y as f32)
    };
    let mut faces: Vec<Face> = Side::ALL
        .into_iter()
        .map(|side| {
            let outward = side.outward();
            let (u, v) = (DVec3::from(outward.to_array().map(f64::abs)), DVec3::ONE);
            // The two other axes, whatever their sign.
            let first = if u.x > 0.5 { DVec3::Y } else { DVec3::X };
            let second = v - u - first;
            let corner = |a: f64, b: f64| on_screen(outward + first * a + second * b);
            let corners = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
            Face { side, facing: outward.dot(projection.toward), middle: on_screen(outward), corners }
        })
        .filter(|face| face.facing > 0.02)
        .collect();
    faces.sort_by(|a, b| a.facing.total_cmp(&b.facing));
    faces
}

/// Whether a point lies within a convex polygon, whichever way round its corners run.
fn contains(corners: &[Pos2; 4], point: Pos2) -> bool {
    let turn = |n: usize| {
        let (a, b) = (corners[n], corners[(n + 1) % 4]);
        (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x)
    };
    let turns = [0, 1, 2, 3].map(turn);
    turns.iter().all(|turn| *turn >= 0.0) || turns.iter().all(|turn| *turn <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::gpu::camera::Camera;

    #[test]
    fn a_click_in_the_middle_of_the_cube_meets_the_side_that_faces_the_person() {
        for side in Side::ALL {
            let mut camera = Camera::default();
            camera.look_from(side);
            let projection = camera.project(Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 300.0)));
            let middle = pos2(50.0, 50.0);
            let met: Vec<Side> = faces(&projection, middle)
                .into_iter()
                .filter(|face| contains(&face.corners, middle))
                .map(|face| face.side)
                .collect();
            assert_eq!(met, [side]);
        }
    }

    #[test]
    fn at_most_three_sides_are_seen_and_none_twice() {
        let mut camera = Camera::default();
        for _ in 0..50 {
            camera.rotate(vec2(37.0, 11.0));
            let projection = camera.project(Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 300.0)));
            assert!((1..=3).contains(&faces(&projection, pos2(0.0, 0.0)).len()));
        }
    }
}
