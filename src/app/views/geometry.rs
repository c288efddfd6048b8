//! Where a slice lies on the screen: millimetres have the same length along both axes, whatever the voxels' shape.

use eframe::egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::app::state::Camera;
use crate::domain::measure::round_length;
use crate::domain::{Grid, grid::SliceAxes};

/// Part of a view that a slice fills at zoom 1; the rest is left for letters and the scale bar.
const FIT: f32 = 0.88;

/// The place of one slice in one view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    view: Rect,
    /// Pixels of the slice.
    n_pixels: [usize; 2],
    /// Where the slice's middle is on the screen.
    middle: Pos2,
    points_per_pixel: Vec2,
    points_per_mm: f32,
    fit_points_per_mm: f32,
}

impl Placement {
    /// The place of a slice of `grid` cut along `axes`, seen by `camera` in `view`.
    pub fn new(view: Rect, grid: &Grid, axes: &SliceAxes, camera: Camera) -> Self {
        let (shape, spacing) = (grid.shape(), grid.spacing_mm());
        let n_pixels = [shape[axes.right], shape[axes.down]];
        let mm_per_pixel = vec2(spacing[axes.right] as f32, spacing[axes.down] as f32);
        let size_mm = vec2(n_pixels[0] as f32, n_pixels[1] as f32) * mm_per_pixel;
        let fit_points_per_mm = FIT * (view.width() / size_mm.x).min(view.height() / size_mm.y).max(1e-6);
        let points_per_mm = fit_points_per_mm * camera.zoom;
        Self {
            view,
            n_pixels,
            middle: view.center() + camera.pan_mm * points_per_mm,
            points_per_pixel: mm_per_pixel * points_per_mm,
            points_per_mm,
            fit_points_per_mm,
        }
    }

    /// Points on the screen of one millimetre.
    pub fn points_per_mm(&self) -> f32 {
        self.points_per_mm
    }

    /// The same at zoom 1.
    pub fn fit_points_per_mm(&self) -> f32 {
        self.fit_points_per_mm
    }

    /// The view that the slice is seen in.
    pub fn view(&self) -> Rect {
        self.view
    }

    /// Where the whole slice lies; may reach beyond the view.
    pub fn slice_rect(&self) -> Rect {
        let size = vec2(self.n_pixels[0] as f32, self.n_pixels[1] as f32) * self.points_per_pixel;
        Rect::from_center_size(self.middle, size)
    }

    /// The screen position of pixel coordinates; pixel 0 covers 0 to 1.
    pub fn screen_from_slice(&self, [x, y]: [f32; 2]) -> Pos2 {
        self.slice_rect().min + vec2(x, y) * self.points_per_pixel
    }

    /// The screen position of a pixel's middle.
    pub fn screen_from_pixel(&self, [x, y]: [usize; 2]) -> Pos2 {
        self.screen_from_slice([x as f32 + 0.5, y as f32 + 0.5])
    }

    /// The pixel under a screen position, `None` outside the slice.
    pub fn pixel_from_screen(&self, position: Pos2) -> Option<[usize; 2]> {
        let at = (position - self.slice_rect().min) / self.points_per_pixel;
        let is_inside = at.x >= 0.0 && at.y >= 0.0;
        let pixel = [at.x as usize, at.y as usize];
        (is_inside && pixel[0] < self.n_pixels[0] && pixel[1] < self.n_pixels[1]).then_some(pixel)
    }

    /// A screen position in pixels of the slice, where the middle of the first one is 0, 0. May lie outside.
    pub fn slice_from_screen(&self, position: Pos2) -> [f64; 2] {
        let at = (position - self.slice_rect().min) / self.points_per_pixel;
        [f64::from(at.x) - 0.5, f64::from(at.y) - 0.5]
    }

    /// The inverse of [`Placement::slice_from_screen`].
    pub fn screen_from_center(&self, [x, y]: [f64; 2]) -> Pos2 {
        self.screen_from_slice([x as f32 + 0.5, y as f32 + 0.5])
    }

    /// Pixels of the whole slice.
    pub fn n_pixels(&self) -> [usize; 2] {
        self.n_pixels
    }

    /// The pixels that lie in the view, at least one: the first column and row, and those behind the last.
    pub fn pixels_in_view(&self) -> ([usize; 2], [usize; 2]) {
        let first = self.nearest_pixel(self.view.min);
        (first, self.nearest_pixel(self.view.max).map(|last| last + 1))
    }

    /// How large a pixel of the slice is on the screen.
    pub fn points_per_pixel(&self) -> Vec2 {
        self.points_per_pixel
    }

    /// The pixel nearest to a screen position.
    pub fn nearest_pixel(&self, position: Pos2) -> [usize; 2] {
        let at = (position - self.slice_rect().min) / self.points_per_pixel;
        let clamp = |at: f32, n: usize| (at.max(0.0) as usize).min(n - 1);
        [clamp(at.x, self.n_pixels[0]), clamp(at.y, self.n_pixels[1])]
    }
}

/// A round length for a scale bar that is at most `limit_points` long, and how long it is on the screen.
pub fn scale_bar(points_per_mm: f32, limit_points: f32) -> (f32, f32) {
    let length_mm = round_length(f64::from(limit_points / points_per_mm)) as f32;
    (length_mm, length_mm * points_per_mm)
}

/// The middle of the view's edges, in the order left, right, top, bottom, `inset` points inside.
pub fn edge_middles(view: Rect, inset: f32) -> [Pos2; 4] {
    let middle = view.center();
    [
        pos2(view.left() + inset, middle.y),
        pos2(view.right() - inset, middle.y),
        pos2(middle.x, view.top() + inset),
        pos2(middle.x, view.bottom() - inset),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Convention, Plane};

    fn placement(camera: Camera) -> Placement {
        let grid = Grid::axis_aligned([10, 20, 5], [1.0, 1.0, 4.0]).expect("valid");
        let axes = grid.slice_axes(Plane::Coronal, Convention::Radiological);
        Placement::new(Rect::from_min_size(pos2(100.0, 50.0), vec2(400.0, 300.0)), &grid, &axes, camera)
    }

    #[test]
    fn a_millimetre_is_as_long_down_as_across() {
        let placement = placement(Camera::default());
        let size = placement.slice_rect().size();
        // 10 voxels of 1 mm across, 5 of 4 mm down.
        assert!((size.y / size.x - 2.0).abs() < 1e-4);
    }

    #[test]
    fn the_slice_fits_its_view_at_first() {
        let placement = placement(Camera::default());
        assert!(placement.view().contains_rect(placement.slice_rect()));
        assert_eq!(placement.slice_rect().center(), placement.view().center());
    }

    #[test]
    fn pixels_come_back_from_the_screen() {
        let placement = placement(Camera { zoom: 1.3, pan_mm: vec2(2.0, -3.0) });
        for pixel in [[0, 0], [9, 4], [3, 2]] {
            assert_eq!(placement.pixel_from_screen(placement.screen_from_pixel(pixel)), Some(pixel));
        }
        assert_eq!(placement.pixel_from_screen(pos2(-1000.0, 0.0)), None);
        assert_eq!(placement.nearest_pixel(pos2(-1000.0, 1e6)), [0, 4]);
    }

    #[test]
    fn scale_bars_have_round_lengths() {
        assert_eq!(scale_bar(3.0, 100.0).0, 20.0);
        assert_eq!(scale_bar(1.0, 100.0).0, 100.0);
        assert!((scale_bar(40.0, 100.0).0 - 2.0).abs() < 1e-6);
    }
}
