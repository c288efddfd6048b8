//! Scissors: an outline drawn in one slice cuts through many. Gesture to [`Edit`].

use std::ops::Range;

use rayon::prelude::*;

use super::fill::pixels_inside;
use super::{Edit, edit::Stroke, grid::SliceAxes, paint::Canvas};

/// What the scissors do with what they cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScissorsMode {
    /// Erases what the outline encloses.
    #[default]
    EraseInside,
    /// Erases what the outline does not enclose.
    EraseOutside,
    /// Gives a label to what the outline encloses.
    FillInside,
}

/// Cuts through the slices `slices` along the outline `vertices`, pixels as those of [`polygon`](super::fill::polygon).
///
/// `id` is the label that [`ScissorsMode::FillInside`] gives. To erase one label alone, limit the canvas to painting over it.
/// Erasing costs what is labelled, filling what is enclosed. Slices beyond the volume are left out. `None` where nothing
/// changes.
pub fn scissors(
    canvas: &Canvas,
    axes: &SliceAxes,
    slices: Range<usize>,
    vertices: &[[f64; 2]],
    mode: ScissorsMode,
    id: u16,
) -> Option<Edit> {
    let slices = slices.start..slices.end.min(canvas.labels().grid().shape()[axes.through]);
    match mode {
        ScissorsMode::FillInside => filled(canvas, axes, slices, vertices, id),
        ScissorsMode::EraseInside => erased(canvas, axes, slices, vertices, true),
        ScissorsMode::EraseOutside => erased(canvas, axes, slices, vertices, false),
    }
}

fn filled(canvas: &Canvas, axes: &SliceAxes, slices: Range<usize>, vertices: &[[f64; 2]], id: u16) -> Option<Edit> {
    if canvas.is_locked(id) {
        return None;
    }
    let shape = canvas.labels().grid().shape();
    let pixels: Vec<[usize; 2]> = pixels_inside(vertices, [shape[axes.right], shape[axes.down]]).collect();
    let mut stroke = Stroke::new("Scissors", canvas.labels());
    for index in slices {
        pixels.iter().for_each(|&pixel| canvas.paint(&mut stroke, axes.voxel(shape, pixel, index), id));
    }
    stroke.finish()
}

fn erased(
    canvas: &Canvas,
    axes: &SliceAxes,
    slices: Range<usize>,
    vertices: &[[f64; 2]],
    is_inside: bool,
) -> Option<Edit> {
    let (labels, grid) = (canvas.labels(), canvas.labels().grid());
    let shape = grid.shape();
    let enclosed = Enclosed::by(vertices, [shape[axes.right], shape[axes.down]]);
    let is_cut = |voxel: [usize; 3]| {
        let pixel = axes.pixel(shape, voxel);
        slices.contains(&voxel[axes.through]) && enclosed.contains(pixel) == is_inside && canvas.allows(voxel)
    };
    let runs_of = |(start, ids): (usize, &[u16])| {
        let mut runs: Vec<(Range<usize>, u16)> = Vec::new();
        for (position, &id) in (start..).zip(ids).filter(|&(_, &id)| id != 0) {
            if is_cut(grid.voxel(position)) {
                match runs.last_mut() {
                    Some((run, old)) if run.end == position && *old == id => run.end += 1,
                    _ => runs.push((position..position + 1, id)),
                }
            }
        }
        runs
    };
    let runs: Vec<_> = labels.labelled_chunks().map(runs_of).collect();
    let mut stroke = Stroke::new("Scissors", labels);
    runs.into_iter().flatten().for_each(|(run, old)| stroke.set_all(run, old, 0));
    stroke.finish()
}

/// The pixels inside an outline, kept for the box around them: the slice may be much larger.
struct Enclosed {
    first: [usize; 2],
    size: [usize; 2],
    is_in: Vec<bool>,
}

impl Enclosed {
    fn by(vertices: &[[f64; 2]], slice: [usize; 2]) -> Self {
        // Casts of floats saturate: what lies before the first pixel becomes it.
        let end = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| {
            vertices.iter().map(|vertex| vertex[axis]).fold(start, pick).clamp(0.0, slice[axis] as f64) as usize
        };
        let first = [0, 1].map(|axis| end(axis, f64::min, f64::INFINITY));
        let last = [0, 1].map(|axis| end(axis, f64::max, f64::NEG_INFINITY));
        let size = [0, 1].map(|axis| (last[axis] + 1).min(slice[axis]).saturating_sub(first[axis]));
        let mut is_in = vec![false; size[0] * size[1]];
        for [x, y] in pixels_inside(vertices, slice) {
            is_in[x - first[0] + (y - first[1]) * size[0]] = true;
        }
        Self { first, size, is_in }
    }

    fn contains(&self, pixel: [usize; 2]) -> bool {
        let [x, y] = [0, 1].map(|axis| pixel[axis].wrapping_sub(self.first[axis]));
        x < self.size[0] && y < self.size[1] && self.is_in[x + y * self.size[0]]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fill::polygon;
    use crate::domain::paint::PaintOver;
    use crate::domain::{Grid, Label, LabelMap, LabelTable};

    const SHAPE: [usize; 3] = [7, 6, 5];
    const N: usize = 210;

    /// Coronal, lying on its side.
    const AXES: SliceAxes = SliceAxes { right: 2, down: 0, through: 1, flip_right: true, flip_down: false };
    const SQUARE: [[f64; 2]; 4] = [[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]];

    fn labels(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), ids).unwrap()
    }

    #[track_caller]
    fn check(mode: ScissorsMode, slices: Range<usize>, over: PaintOver, expected: usize) {
        // Label 1, and label 2 in the first three columns.
        let labels = labels((0..N).map(|at| if at % 7 < 2 { 2 } else { 1 }).collect());
        let canvas = Canvas::new(&labels, &LabelTable::default()).painting_over(over);
        let edit = scissors(&canvas, &AXES, slices, &SQUARE, mode, 3);
        assert!(edit.as_ref().is_none_or(|edit| edit.name() == "Scissors"));
        assert_eq!(edit.map_or(0, |edit| edit.n_voxels()), expected, "{mode:?}");
    }

    #[test]
    fn all_slices_or_a_slab_are_cut() {
        check(ScissorsMode::EraseInside, 0..6, PaintOver::All, 4 * 6);
        check(ScissorsMode::EraseInside, 2..4, PaintOver::All, 4 * 2);
        check(ScissorsMode::EraseInside, 4..99, PaintOver::All, 4 * 2);
        check(ScissorsMode::EraseOutside, 0..6, PaintOver::All, (35 - 4) * 6);
        check(ScissorsMode::FillInside, 1..4, PaintOver::All, 4 * 3);
        check(ScissorsMode::FillInside, 3..3, PaintOver::All, 0);
    }

    #[test]
    fn one_label_alone_can_be_cut() {
        check(ScissorsMode::EraseInside, 0..6, PaintOver::Only(2), 2 * 6);
        check(ScissorsMode::EraseOutside, 0..6, PaintOver::Only(2), (10 - 2) * 6);
        check(ScissorsMode::FillInside, 0..6, PaintOver::Unlabelled, 0);
    }

    #[test]
    fn locked_labels_are_neither_cut_nor_filled_with() {
        let labels = labels((0..N).map(|at| (at % 2) as u16).collect());
        let table = LabelTable { labels: vec![Label { locked: true, ..Label::new(1, "locked") }] };
        let canvas = Canvas::new(&labels, &table);
        for mode in [ScissorsMode::EraseInside, ScissorsMode::EraseOutside, ScissorsMode::FillInside] {
            assert_eq!(scissors(&canvas, &AXES, 0..6, &SQUARE, mode, 1), None);
        }
    }

    proptest! {
        #[test]
        fn filling_is_a_polygon_in_every_slice_and_erasing_takes_away_the_one_or_the_other(
            ids in prop::collection::vec(0..3u16, N),
            vertices in prop::collection::vec(prop::array::uniform2(-2.0..9.0), 3..7),
            first in 0..6usize, n in 0..6usize,
        ) {
            let labels = labels(ids);
            let canvas = Canvas::new(&labels, &LabelTable::default());
            let cut = |mode| scissors(&canvas, &AXES, first..first + n, &vertices, mode, 9)
                .map_or_else(|| labels.clone(), |edit| edit.after(&labels));
            let [filled, inside, outside] =
                [ScissorsMode::FillInside, ScissorsMode::EraseInside, ScissorsMode::EraseOutside].map(cut);
            let mut expected = labels.clone();
            for index in first..(first + n).min(6) {
                let canvas = Canvas::new(&expected, &LabelTable::default());
                expected = polygon(&canvas, &AXES, index, &vertices, 9).map_or(expected.clone(), |edit| edit.after(&expected));
            }
            prop_assert_eq!(&filled, &expected);
            for at in 0..N {
                let (id, index) = (labels.id_at(at), labels.grid().voxel(at)[1]);
                let is_slab = (first..first + n).contains(&index);
                let is_inside = filled.id_at(at) == 9;
                prop_assert_eq!(inside.id_at(at), if is_inside { 0 } else { id });
                prop_assert_eq!(outside.id_at(at), if is_slab && !is_inside { 0 } else { id });
            }
        }
    }
}
