//! Zoom, pan, contrast and brightness: pure functions from a drag to a new camera or window.

use eframe::egui::{Pos2, Vec2, vec2};

use crate::app::state::Camera;
use crate::domain::Window;

/// Zoom steps of one notch of the wheel.
const ZOOM_PER_NOTCH: f32 = 1.15;
/// The smallest and the largest zoom, relative to fitting the view.
const ZOOM_RANGE: std::ops::RangeInclusive<f32> = 0.2..=60.0;
/// Points of dragging that double or halve a window or a zoom.
const POINTS_PER_DOUBLING: f32 = 220.0;

/// The window after dragging by `delta` points: right narrows the contrast's reach (wider window) and down darkens
/// (higher level), as in most workstations. `delta.y` of a view's height moves the level by the window's width.
pub fn window_after_drag(window: Window, delta: Vec2, view_height: f32) -> Window {
    let width = window.width * f64::from(2.0_f32.powf(delta.x / POINTS_PER_DOUBLING));
    let level = window.level + window.width * f64::from(delta.y / view_height.max(1.0));
    if width.is_finite() && width > f64::MIN_POSITIVE { Window { width, level } } else { window }
}

/// The camera after dragging the slice by `delta` points.
pub fn camera_after_pan(camera: Camera, delta: Vec2, points_per_mm: f32) -> Camera {
    Camera { pan_mm: camera.pan_mm + delta / points_per_mm, ..camera }
}

/// The camera after zooming by `factor` so that what is under `fixed` stays there. `middle` is the view's middle;
/// `fit_points_per_mm` the scale at zoom 1.
pub fn camera_after_zoom(camera: Camera, factor: f32, fixed: Pos2, middle: Pos2, fit_points_per_mm: f32) -> Camera {
    let zoom = (camera.zoom * factor).clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
    let before = camera.zoom * fit_points_per_mm;
    let after = zoom * fit_points_per_mm;
    let fixed_mm = (fixed - middle) / before - camera.pan_mm;
    Camera { zoom, pan_mm: (fixed - middle) / after - fixed_mm }
}

/// The zoom factor of turning the wheel by `notches`.
pub fn zoom_of_wheel(notches: f32) -> f32 {
    ZOOM_PER_NOTCH.powf(notches)
}

/// The zoom factor of dragging by `delta_y` points: up enlarges.
pub fn zoom_of_drag(delta_y: f32) -> f32 {
    2.0_f32.powf(-delta_y / POINTS_PER_DOUBLING)
}

/// The camera that brings a point, `offset_mm` from the slice's middle, to the view's middle.
pub fn camera_centered(camera: Camera, offset_mm: Vec2) -> Camera {
    Camera { pan_mm: vec2(-offset_mm.x, -offset_mm.y), ..camera }
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;

    use super::*;

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let camera = Camera { zoom: 1.7, pan_mm: vec2(4.0, -9.0) };
        let (middle, pointer, fit) = (pos2(200.0, 150.0), pos2(260.0, 90.0), 2.5);
        let zoomed = camera_after_zoom(camera, 1.5, pointer, middle, fit);
        let mm_under = |camera: Camera| (pointer - middle) / (camera.zoom * fit) - camera.pan_mm;
        assert!((mm_under(camera) - mm_under(zoomed)).length() < 1e-4);
        assert!((zoomed.zoom - 2.55).abs() < 1e-5);
    }

    #[test]
    fn zoom_stays_within_its_range() {
        let middle = pos2(0.0, 0.0);
        let far = camera_after_zoom(Camera::default(), 1e9, middle, middle, 1.0);
        assert_eq!(far.zoom, *ZOOM_RANGE.end());
    }

    #[test]
    fn dragging_right_widens_the_window_and_down_raises_its_level() {
        let window = Window { width: 100.0, level: 40.0 };
        let dragged = window_after_drag(window, vec2(POINTS_PER_DOUBLING, 0.0), 400.0);
        assert!((dragged.width - 200.0).abs() < 1e-3 && dragged.level == 40.0);
        let dragged = window_after_drag(window, vec2(0.0, 200.0), 400.0);
        assert_eq!(dragged, Window { width: 100.0, level: 90.0 });
    }

    #[test]
    fn panning_moves_by_the_same_distance_at_every_zoom() {
        let camera = camera_after_pan(Camera::default(), vec2(30.0, 0.0), 3.0);
        assert_eq!(camera.pan_mm, vec2(10.0, 0.0));
    }
}
