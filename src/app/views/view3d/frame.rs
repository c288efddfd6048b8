//! What stands round the picture: the ground behind it, the volume's edges, the crosshair's lines.

use eframe::egui::epaint::{Mesh, Vertex, WHITE_UV};
use eframe::egui::{Color32, Painter, Rect, Stroke, Ui};
use glam::{DVec3, dvec3};

use crate::app::gpu::camera::{Projection, corners};
use crate::app::gpu::raycaster::world_from_box;
use crate::app::theme::{DARK, Tokens, tokens};
use crate::domain::Grid;

/// A ground that is a little lighter below, so that the body stands rather than floats.
pub(super) fn background_ui(ui: &Ui, rect: Rect) {
    let top = tokens(ui).canvas;
    // Near-black in both themes, as all image views are.
    let bottom = top.lerp_to_gamma(DARK.surface, 0.9);
    let mut mesh = Mesh::default();
    for (pos, color) in
        [(rect.left_top(), top), (rect.right_top(), top), (rect.right_bottom(), bottom), (rect.left_bottom(), bottom)]
    {
        mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color });
    }
    mesh.add_triangle(0, 1, 2);
    mesh.add_triangle(0, 2, 3);
    ui.painter_at(rect).add(mesh);
}

/// Which edges of the volume's box are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edges {
    /// Those that the picture may cover.
    Behind,
    /// Those nearer than all of the volume.
    Before,
}

/// Draws edges of the box that the volume fills.
pub(super) fn box_ui(painter: &Painter, tokens: &Tokens, grid: &Grid, projection: &Projection, edges: Edges) {
    let world_from_box = world_from_box(grid);
    let screen = corners().map(|corner| projection.screen_from_world(world_from_box.transform_point3(corner)));
    let stroke = match edges {
        Edges::Behind => Stroke::new(1.0, tokens.overlay_weak.gamma_multiply(0.45)),
        Edges::Before => Stroke::new(1.0, tokens.overlay_weak.gamma_multiply(0.2)),
    };
    for (a, b) in edge_corners() {
        let is_before = faces_of_edge(a, b).iter().all(|&face| faces_viewer(grid, projection, face));
        if is_before == (edges == Edges::Before) {
            painter.line_segment([screen[a], screen[b]], stroke);
        }
    }
}

/// The twelve pairs of corners that differ in one coordinate.
fn edge_corners() -> impl Iterator<Item = (usize, usize)> {
    (0..8).flat_map(|a| [1, 2, 4].into_iter().filter(move |bit| a & bit == 0).map(move |bit| (a, a | bit)))
}

/// The outward directions, in the box, of the two faces that meet in an edge.
fn faces_of_edge(a: usize, b: usize) -> Vec<DVec3> {
    let axis_bits = [1, 2, 4].into_iter().filter(|bit| (a ^ b) & bit == 0);
    axis_bits
        .map(|bit| {
            let sign = if a & bit == 0 { -1.0 } else { 1.0 };
            sign * dvec3(f64::from(u8::from(bit == 1)), f64::from(u8::from(bit == 2)), f64::from(u8::from(bit == 4)))
        })
        .collect()
}

fn faces_viewer(grid: &Grid, projection: &Projection, outward: DVec3) -> bool {
    // A face turns as planes do: by the inverse's transpose.
    let normal = world_from_box(grid).matrix3.inverse().transpose() * outward;
    normal.dot(projection.toward) > 0.0
}

/// Draws the three lines through a voxel, along the volume's axes.
pub(super) fn crosshair_ui(
    painter: &Painter,
    tokens: &Tokens,
    grid: &Grid,
    projection: &Projection,
    voxel: [usize; 3],
) {
    let voxel = DVec3::from_array(voxel.map(|v| v as f64));
    let on_screen = |voxel: DVec3| projection.screen_from_world(grid.world_from_voxel().transform_point3(voxel));
    let stroke = Stroke::new(1.0, faint(tokens.overlay_text));
    for (axis, edge) in grid.shape().into_iter().enumerate() {
        let at = |value: f64| {
            let mut end = voxel;
            end[axis] = value;
            on_screen(end)
        };
        painter.line_segment([at(-0.5), at(edge as f64 - 0.5)], stroke);
    }
    painter.circle_filled(on_screen(voxel), 2.2, tokens.overlay_text.gamma_multiply(0.7));
}

fn faint(color: Color32) -> Color32 {
    color.gamma_multiply(0.28)
}

#[cfg(test)]
mod tests {
    use eframe::egui::{pos2, vec2};

    use super::*;
    use crate::app::gpu::camera::{Camera, Side};

    #[test]
    fn a_box_has_twelve_edges_of_two_faces_each() {
        let edges: Vec<_> = edge_corners().collect();
        assert_eq!(edges.len(), 12);
        for (a, b) in edges {
            assert_eq!(faces_of_edge(a, b).len(), 2);
        }
    }

    #[test]
    fn from_the_front_only_the_anterior_face_faces_the_viewer() {
        let grid = Grid::axis_aligned([10, 20, 30], [1.0, 1.5, 2.0]).unwrap();
        let mut camera = Camera::default();
        camera.look_from(Side::Anterior);
        let projection = camera.project(Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 100.0)));
        for outward in [DVec3::X, DVec3::NEG_X, DVec3::Y, DVec3::NEG_Y, DVec3::Z, DVec3::NEG_Z] {
            assert_eq!(faces_viewer(&grid, &projection, outward), outward == DVec3::Y, "{outward}");
        }
    }
}
