//! What looks alike, and the brush that paints only that.
//!
//! A voxel is similar where its intensity (of colours the luminance) differs from the mean around the voxel under the pointer by
//! no more than a tolerance. Only what is connected through faces is taken, so that a similar structure beside stays out.

use super::grid::VoxelBox;
use super::paint::{Brush, Canvas};
use super::{Edit, Grid, Volume, Window, edit::Stroke, voxel_set::VoxelSet};

/// The tolerance to begin with: a tenth of the greys that the window spreads out.
pub fn similarity_tolerance(window: Window) -> f64 {
    window.width / 10.0
}

/// What a voxel is compared with.
pub(in crate::domain) struct Similar<'a> {
    volume: &'a Volume,
    frame: usize,
    mean: f64,
    tolerance: f64,
}

impl<'a> Similar<'a> {
    /// To the mean of the finite intensities of `seed` and its neighbours, corners included, in its slice across the axis
    /// `through` or in space; `None` where none is finite.
    pub fn around(
        volume: &'a Volume,
        frame: usize,
        seed: [usize; 3],
        through: Option<usize>,
        tolerance: f64,
    ) -> Option<Self> {
        let span = |axis: usize| {
            let reach = usize::from(Some(axis) != through);
            seed[axis].saturating_sub(reach)..=seed[axis] + reach
        };
        let (mut sum, mut n) = (0.0, 0);
        for k in span(2) {
            for j in span(1) {
                for i in span(0) {
                    if let Some(value) = volume.brightness(frame, [i, j, k]).filter(|value| value.is_finite()) {
                        sum += value;
                        n += 1;
                    }
                }
            }
        }
        (n > 0).then(|| Self { volume, frame, mean: sum / f64::from(n), tolerance })
    }

    pub fn accepts(&self, voxel: [usize; 3]) -> bool {
        let value = self.volume.brightness(self.frame, voxel);
        value.is_some_and(|value| (value - self.mean).abs() <= self.tolerance)
    }
}

impl Brush {
    /// Paints those voxels under the brush that are similar to the one at `at` and connected with it through such voxels,
    /// all under the brush. `at` must lie inside.
    ///
    /// `None` where that changes nothing: as with a locked label, or where the voxel at `at` is not similar to those around.
    pub fn draw_similar(
        &self,
        canvas: &Canvas,
        volume: &Volume,
        frame: usize,
        tolerance: f64,
        at: [usize; 3],
        id: u16,
    ) -> Option<Edit> {
        if canvas.is_locked(id) {
            return None;
        }
        let similar = Similar::around(volume, frame, at, self.through, tolerance)?;
        let bounds = self.bounds(canvas.labels().grid(), at);
        let low = bounds.0.clone().map(|span| span.start);
        let shape = bounds.shape();
        let local = |voxel: [usize; 3]| {
            let [i, j, k] = [0, 1, 2].map(|axis| voxel[axis] - low[axis]);
            i + shape[0] * (j + shape[1] * k)
        };
        let mut open = VoxelSet::new(shape);
        self.cover(canvas.labels().grid(), at, at, |voxel| {
            if similar.accepts(voxel) && canvas.lets_through(voxel, id) {
                open.insert(local(voxel));
            }
        });
        let mut reached = VoxelSet::new(shape);
        reached.grow(local(at), &[0, 1, 2], |position| open.contains(position));

        let mut stroke = Stroke::new("Adaptive brush", canvas.labels());
        for position in reached.positions() {
            let local = [position % shape[0], position / shape[0] % shape[1], position / (shape[0] * shape[1])];
            canvas.paint(&mut stroke, [0, 1, 2].map(|axis| low[axis] + local[axis]), id);
        }
        stroke.finish()
    }

    /// The box of voxels that holds all under a brush at `at`.
    fn bounds(&self, grid: &Grid, at: [usize; 3]) -> VoxelBox {
        let radii = self.radii(grid);
        VoxelBox([0, 1, 2].map(|axis| {
            let reach = radii[axis].floor() as usize;
            at[axis].saturating_sub(reach)..(at[axis] + reach + 1).min(grid.shape()[axis])
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Label, LabelMap, LabelTable, Scaling, Voxels, paint::*};

    const SHAPE: [usize; 3] = [9, 9, 3];

    fn brush(voxels: f64, through: Option<usize>) -> Brush {
        Brush { shape: BrushShape::Square, size: BrushSize::Voxels(voxels), through }
    }

    fn volume(values: impl Fn([usize; 3]) -> u8) -> Volume {
        let grid = Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap();
        let values = (0..grid.n_voxels()).map(|at| values(grid.voxel(at))).collect();
        Volume::new(grid, Voxels::U8(values), Scaling::NONE, 1).unwrap()
    }

    /// Two bright plates, i from 0 to 2 and from 5 to 8, and a dark one between; noise of 2 on all.
    fn plates() -> Volume {
        volume(|[i, j, k]| if (3..5).contains(&i) { 20 } else { 100 + (j + k) as u8 % 3 })
    }

    fn blank() -> LabelMap {
        LabelMap::empty(plates().grid().clone())
    }

    fn drawn(brush: &Brush, canvas: &Canvas, at: [usize; 3]) -> Option<Edit> {
        brush.draw_similar(canvas, &plates(), 0, 10.0, at, 1)
    }

    #[test]
    fn only_what_is_similar_and_connected_under_the_brush_is_painted() {
        let labels = blank();
        let canvas = Canvas::new(&labels, &LabelTable::default());
        let edit = drawn(&brush(7.0, Some(2)), &canvas, [1, 4, 1]).unwrap();
        assert_eq!(edit.name(), "Adaptive brush");
        // Rows 1 to 7 of the plate; the other one begins under the brush's reach but beyond the dark.
        assert_eq!((edit.n_voxels(), edit.bounds()), (3 * 7, VoxelBox([0..3, 1..8, 1..2])));
        let edit = drawn(&brush(15.0, None), &canvas, [1, 4, 1]).unwrap();
        assert_eq!((edit.n_voxels(), edit.bounds()), (3 * 9 * 3, VoxelBox([0..3, 0..9, 0..3])));
    }

    #[test]
    fn it_paints_on_from_what_it_has_painted() {
        let table = LabelTable::default();
        let labels = blank();
        let first = drawn(&brush(3.0, Some(2)), &Canvas::new(&labels, &table), [1, 1, 1]).unwrap();
        let labels = first.after(&labels);
        let canvas = Canvas::new(&labels, &table).painting_over(PaintOver::Unlabelled);
        assert_eq!(drawn(&brush(3.0, Some(2)), &canvas, [1, 2, 1]).unwrap().n_voxels(), 3);
    }

    #[test]
    fn the_rules_hold() {
        let labels = blank();
        let table = LabelTable { labels: vec![Label { locked: true, ..Label::new(1, "locked") }] };
        assert_eq!(drawn(&brush(3.0, None), &Canvas::new(&labels, &table), [1, 1, 1]), None);
        let canvas = Canvas::new(&labels, &LabelTable::default()).keep_slab(1, 2..3);
        assert_eq!(drawn(&brush(3.0, Some(2)), &canvas, [1, 2, 1]).unwrap().n_voxels(), 3);
        assert_eq!(drawn(&brush(3.0, Some(2)), &canvas, [1, 1, 1]), None);
    }

    #[test]
    fn a_speck_unlike_what_surrounds_it_paints_nothing() {
        let labels = blank();
        let speck = volume(|voxel| if voxel == [4, 4, 1] { 200 } else { 50 });
        let canvas = Canvas::new(&labels, &LabelTable::default());
        assert_eq!(brush(5.0, None).draw_similar(&canvas, &speck, 0, 20.0, [4, 4, 1], 1), None);
    }

    #[test]
    fn the_tolerance_begins_at_a_tenth_of_the_window() {
        assert_eq!(similarity_tolerance(Window { width: 400.0, level: 40.0 }), 40.0);
    }
}
