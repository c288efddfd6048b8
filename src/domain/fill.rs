//! Filling: what a polygon encloses, and what is connected with a voxel. Gesture to [`Edit`].

use std::cell::Cell;

use super::{Edit, edit::Stroke, grid::SliceAxes, paint::Canvas, voxel_set::VoxelSet};
use crate::monitor::{Cancelled, Monitor};

/// How many voxels are looked at between two reports.
const REPORT_EVERY: u64 = 1 << 18;

/// Fills the pixels of a slice whose centres lie inside a polygon.
///
/// `vertices` are in pixels of the slice, `[x, y]`, where pixel centres lie on whole numbers; the last is joined with the
/// first. Where the outline crosses itself, what it encloses an even number of times is outside. `index` must lie inside
/// the volume; vertices may lie outside. `None` where nothing changes.
pub fn polygon(canvas: &Canvas, axes: &SliceAxes, index: usize, vertices: &[[f64; 2]], id: u16) -> Option<Edit> {
    if canvas.is_locked(id) {
        return None;
    }
    let shape = canvas.labels().grid().shape();
    let (width, height) = (shape[axes.right], shape[axes.down]);
    let mut stroke = Stroke::new("Polygon", canvas.labels());
    for pixel in pixels_inside(vertices, [width, height]) {
        canvas.paint(&mut stroke, axes.voxel(shape, pixel, index), id);
    }
    stroke.finish()
}

/// The pixels of a slice of `width` × `height` whose centres lie inside a polygon, row by row.
pub(in crate::domain) fn pixels_inside(
    vertices: &[[f64; 2]],
    [width, height]: [usize; 2],
) -> impl Iterator<Item = [usize; 2]> {
    let (top, bottom) = vertices
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(top, bottom), vertex| (top.min(vertex[1]), bottom.max(vertex[1])));
    whole(top, bottom, height).flat_map(move |y| {
        let places = crossings(vertices, y as f64);
        let pairs: Vec<_> = places.chunks_exact(2).map(|pair| whole(pair[0], pair[1], width)).collect();
        pairs.into_iter().flatten().map(move |x| [x, y])
    })
}

/// The whole numbers from `low` (with it) to `high` (without), of those from 0 to `size` - 1.
fn whole(low: f64, high: f64, size: usize) -> std::ops::Range<usize> {
    // Casts of floats saturate: below 0 and NaN become 0.
    (low.ceil() as usize)..(high.ceil() as usize).min(size)
}

/// Where the outline crosses the line at `y`, ascending, an even number of places.
fn crossings(vertices: &[[f64; 2]], y: f64) -> Vec<f64> {
    let ends = vertices.iter().zip(vertices.iter().cycle().skip(1));
    let mut places: Vec<f64> = ends
        // An edge owns its upper end and not its lower one, so that a vertex on the line counts once.
        .filter(|(a, b)| (a[1] <= y) != (b[1] <= y))
        .map(|(a, b)| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
        .collect();
    places.sort_unstable_by(f64::total_cmp);
    places
}

/// Fills what has the label of the voxel `seed` and is connected with it through faces, as far as the canvas' rules let
/// it change: in the slice across the voxel axis `through`, or in the whole volume for `None`.
///
/// `seed` must lie inside. `None` where nothing changes.
///
/// # Errors
/// [`Cancelled`] when it is no longer wanted.
pub fn bucket(
    canvas: &Canvas,
    seed: [usize; 3],
    through: Option<usize>,
    id: u16,
    monitor: &dyn Monitor,
) -> Result<Option<Edit>, Cancelled> {
    let grid = canvas.labels().grid();
    let labels = canvas.labels();
    let old = canvas.labels().get(seed);
    if canvas.is_locked(id) || old == id || !canvas.allows_label(old) {
        return Ok(None);
    }
    let axes: Vec<usize> = (0..3).filter(|&axis| Some(axis) != through).collect();
    let mut filled = VoxelSet::new(grid.shape());
    let (n_seen, is_unwanted) = (Cell::new(0), Cell::new(false));
    filled.grow(grid.index(seed), &axes, |position| {
        n_seen.set(n_seen.get() + 1);
        if n_seen.get() % REPORT_EVERY == 0 {
            is_unwanted.set(monitor.report("Filling", n_seen.get(), 0).is_err());
        }
        // Where it is unwanted there is nowhere to go on to.
        !is_unwanted.get() && labels.id_at(position) == old && canvas.allows_place(grid.voxel(position))
    });
    if is_unwanted.get() {
        return Err(Cancelled);
    }

    let mut stroke = Stroke::new("Fill", canvas.labels());
    for (n_done, position) in (0..).zip(filled.positions()) {
        if n_done % REPORT_EVERY == 0 {
            monitor.report("Filling", n_done, 0)?;
        }
        stroke.set(position, old, id);
    }
    Ok(stroke.finish())
}

/// Fills the background around a voxel where other labels enclose it on all sides: in the slice across the voxel axis `through`,
/// or in the volume for `None`.
///
/// `None` where the voxel (which must lie inside) is labelled, where its background goes on to an edge of the slice or of the
/// volume, and where nothing may change.
///
/// # Errors
/// [`Cancelled`] when it is no longer wanted.
pub fn fill_hole(
    canvas: &Canvas,
    voxel: [usize; 3],
    through: Option<usize>,
    id: u16,
    monitor: &dyn Monitor,
) -> Result<Option<Edit>, Cancelled> {
    let (labels, grid) = (canvas.labels(), canvas.labels().grid());
    if canvas.is_locked(id) || labels.get(voxel) != 0 {
        return Ok(None);
    }
    let axes: Vec<usize> = (0..3).filter(|&axis| Some(axis) != through).collect();
    let mut hole = VoxelSet::new(grid.shape());
    let mut waiting = vec![grid.index(voxel)];
    let (mut first, mut last) = (waiting[0], waiting[0]);
    hole.insert(waiting[0]);
    // Goes on from what was found last, which leads straight to an edge where there is a way.
    let mut n_seen = 0;
    while let Some(position) = waiting.pop() {
        n_seen += 1;
        if n_seen % REPORT_EVERY == 0 {
            monitor.report("Looking for the hole's end", n_seen, 0)?;
        }
        (first, last) = (first.min(position), last.max(position));
        for &axis in &axes {
            let mut n_beside = 0;
            for offset in hole.neighbors(position, axis) {
                n_beside += 1;
                let beside = position.wrapping_add_signed(offset);
                if labels.id_at(beside) == 0 && !hole.contains(beside) {
                    hole.insert(beside);
                    waiting.push(beside);
                }
            }
            if n_beside < 2 {
                return Ok(None);
            }
        }
    }
    let mut stroke = Stroke::new("Fill hole", labels);
    hole.positions_in(first..=last).for_each(|position| canvas.paint(&mut stroke, grid.voxel(position), id));
    Ok(stroke.finish())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Grid, Label, LabelMap, LabelTable, paint::PaintOver};
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [9, 8, 5];
    const N: usize = 360;

    /// The slice as it lies in memory: x is i, y is j.
    const AXES: SliceAxes = SliceAxes { right: 0, down: 1, through: 2, flip_right: false, flip_down: false };

    fn labels(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), ids).unwrap()
    }

    fn bucket(canvas: &Canvas, seed: [usize; 3], through: Option<usize>, id: u16) -> Option<Edit> {
        super::bucket(canvas, seed, through, id, &Silent).unwrap()
    }

    fn fill_hole(canvas: &Canvas, voxel: [usize; 3], through: Option<usize>, id: u16) -> Option<Edit> {
        super::fill_hole(canvas, voxel, through, id, &Silent).unwrap()
    }

    #[test]
    fn a_fill_that_is_no_longer_wanted_stops_on_the_way() {
        struct Stop(Cell<u64>);
        impl Monitor for Stop {
            fn report(&self, _stage: &'static str, done: u64, _total: u64) -> Result<(), Cancelled> {
                self.0.set(self.0.get().max(done));
                Err(Cancelled)
            }
        }
        let mut ids = vec![0; 100 * 100 * 100];
        let grid = Grid::axis_aligned([100; 3], [1.0; 3]).unwrap();
        let check = |found: Result<Option<Edit>, Cancelled>, stop: &Stop| {
            assert_eq!(found, Err(Cancelled));
            assert_eq!(stop.0.get(), REPORT_EVERY, "at the first report");
        };
        let (stop, open, table) =
            (Stop(Cell::new(0)), LabelMap::new(grid.clone(), ids.clone()).unwrap(), LabelTable::default());
        check(super::bucket(&Canvas::new(&open, &table), [0; 3], None, 1, &stop), &stop);
        // A box without a way out.
        for (at, id) in ids.iter_mut().enumerate() {
            *id = u16::from(grid.voxel(at).into_iter().any(|v| v == 0 || v == 99));
        }
        let (stop, closed) = (Stop(Cell::new(0)), LabelMap::new(grid, ids).unwrap());
        check(super::fill_hole(&Canvas::new(&closed, &table), [50; 3], None, 2, &stop), &stop);
    }

    fn filled_pixels(axes: &SliceAxes, vertices: &[[f64; 2]]) -> Vec<[usize; 2]> {
        let labels = labels(vec![0; N]);
        let edit = polygon(&Canvas::new(&labels, &LabelTable::default()), axes, 1, vertices, 1);
        let mut ids = edit.map_or(vec![0; N], |edit| edit.after(&labels).to_ids());
        let mut pixels = Vec::new();
        for y in 0..SHAPE[axes.down] {
            for x in 0..SHAPE[axes.right] {
                let voxel = axes.voxel(SHAPE, [x, y], 1);
                if std::mem::take(&mut ids[labels.grid().index(voxel)]) == 1 {
                    pixels.push([x, y]);
                }
            }
        }
        assert!(ids.iter().all(|&id| id == 0), "painted in another slice");
        pixels
    }

    #[test]
    fn a_rectangle_holds_the_pixels_whose_centres_it_encloses() {
        let pixels = filled_pixels(&AXES, &[[1.5, 2.5], [4.5, 2.5], [4.5, 4.5], [1.5, 4.5]]);
        assert_eq!(pixels, [[2, 3], [3, 3], [4, 3], [2, 4], [3, 4], [4, 4]]);
    }

    #[test]
    fn polygons_side_by_side_share_no_pixel_and_leave_none_out() {
        let left = filled_pixels(&AXES, &[[0.0, 0.0], [4.0, 0.0], [4.0, 6.0], [0.0, 6.0]]);
        let right = filled_pixels(&AXES, &[[4.0, 0.0], [8.0, 0.0], [8.0, 6.0], [4.0, 6.0]]);
        assert!(left.iter().all(|pixel| !right.contains(pixel)));
        assert_eq!(left.len() + right.len(), 8 * 6);
    }

    #[test]
    fn a_flipped_slice_is_filled_where_it_is_drawn() {
        let flipped = SliceAxes { right: 1, down: 2, through: 0, flip_right: true, flip_down: true };
        let pixels = filled_pixels(&flipped, &[[0.5, 0.5], [2.5, 0.5], [2.5, 1.5], [0.5, 1.5]]);
        assert_eq!(pixels, [[1, 1], [2, 1]]);
    }

    #[test]
    fn lines_and_points_enclose_nothing() {
        for vertices in [&[][..], &[[2.0, 2.0]], &[[2.0, 2.0], [5.0, 5.0]]] {
            assert!(filled_pixels(&AXES, vertices).is_empty());
        }
    }

    #[test]
    fn a_polygon_larger_than_the_slice_fills_it() {
        let pixels = filled_pixels(&AXES, &[[-50.0, -50.0], [50.0, -50.0], [50.0, 50.0], [-50.0, 50.0]]);
        assert_eq!(pixels.len(), 72);
    }

    #[test]
    fn a_bucket_stops_at_other_labels_and_stays_in_its_slice() {
        let mut ids = vec![0; N];
        // A wall at i = 4 in every sheet.
        (0..N).filter(|at| at % 9 == 4).for_each(|at| ids[at] = 2);
        let labels = labels(ids);
        let canvas = Canvas::new(&labels, &LabelTable::default());
        assert_eq!(bucket(&canvas, [0, 0, 0], None, 1).unwrap().n_voxels(), 4 * 8 * 5);
        assert_eq!(bucket(&canvas, [0, 0, 0], Some(2), 1).unwrap().n_voxels(), 4 * 8);
        assert_eq!(bucket(&canvas, [8, 0, 0], Some(1), 1).unwrap().n_voxels(), 4 * 5);
        assert_eq!(bucket(&canvas, [4, 3, 2], None, 1).unwrap().n_voxels(), 8 * 5);
        assert_eq!(bucket(&canvas, [4, 3, 2], None, 2), None);
    }

    #[test]
    fn a_bucket_keeps_the_rules() {
        let labels = labels(vec![3; N]);
        let table = LabelTable { labels: vec![Label { locked: true, ..Label::new(3, "locked") }] };
        assert_eq!(bucket(&Canvas::new(&labels, &table), [0; 3], None, 1), None);
        let open = LabelTable::default();
        assert_eq!(bucket(&Canvas::new(&labels, &open).painting_over(PaintOver::Unlabelled), [0; 3], None, 1), None);
        assert!(bucket(&Canvas::new(&labels, &open).painting_over(PaintOver::Only(3)), [0; 3], None, 1).is_some());
    }

    /// A tube of label 2 along k about the voxels 3 to 4 of i and j, closed by a lid of label 3 at both ends if `has_lids`.
    fn tube(has_lids: bool) -> LabelMap {
        let id = |at: usize| {
            let [i, j, k] = [at % 9, at / 9 % 8, at / 72];
            let is_within = |low: usize, high: usize| (low..=high).contains(&i) && (low..=high).contains(&j);
            match () {
                () if !is_within(2, 5) => 0,
                () if has_lids && (k == 0 || k == 4) => 3,
                () if is_within(3, 4) => 0,
                () => 2,
            }
        };
        labels((0..N).map(id).collect())
    }

    #[test]
    fn a_hole_is_filled_and_nothing_else_is() {
        let (open, closed) = (tube(false), tube(true));
        let table = LabelTable::default();
        let (open, closed) = (Canvas::new(&open, &table), Canvas::new(&closed, &table));
        assert_eq!(fill_hole(&open, [3, 3, 2], None, 1), None);
        assert_eq!(fill_hole(&open, [3, 3, 2], Some(2), 1).unwrap().n_voxels(), 4);
        assert_eq!(fill_hole(&open, [3, 3, 2], Some(0), 1), None);
        let edit = fill_hole(&closed, [3, 4, 2], None, 1).unwrap();
        assert_eq!((edit.n_voxels(), edit.name()), (4 * 3, "Fill hole"));
        assert_eq!(fill_hole(&closed, [3, 4, 2], Some(0), 1).unwrap().n_voxels(), 2 * 3);
        // Outside the tube, and on it.
        assert_eq!(fill_hole(&closed, [7, 7, 2], None, 1), None);
        assert_eq!(fill_hole(&closed, [2, 2, 2], None, 1), None);
        assert_eq!(fill_hole(&closed.painting_over(PaintOver::Only(2)), [3, 4, 2], None, 1), None);
    }

    /// Whether a ray to the right of the point crosses the outline an odd number of times.
    fn is_inside(vertices: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
        let n = vertices.len();
        (0..n).fold(false, |inside, at| {
            let (a, b) = (vertices[at], vertices[(at + 1) % n]);
            let crosses = (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0];
            inside != crosses
        })
    }

    proptest! {
        #[test]
        fn a_polygon_fills_what_a_ray_test_calls_inside(
            vertices in prop::collection::vec(prop::array::uniform2(-3.0..12.0), 3..9),
        ) {
            let pixels = filled_pixels(&AXES, &vertices);
            for y in 0..SHAPE[1] {
                for x in 0..SHAPE[0] {
                    prop_assert_eq!(pixels.contains(&[x, y]), is_inside(&vertices, [x as f64, y as f64]));
                }
            }
        }

        #[test]
        fn a_hole_is_the_background_that_does_not_reach_an_edge(ids in prop::collection::vec(0..3u16, N), at in 0..N) {
            let labels = labels(ids);
            let mut region = VoxelSet::new(SHAPE);
            region.grow(at, &[0, 1, 2], |position| labels.id_at(position) == 0);
            let is_at_edge = |position| (0..3).any(|axis| region.neighbors(position, axis).count() < 2);
            let is_hole = labels.id_at(at) == 0 && !region.positions().any(is_at_edge);
            let edit = fill_hole(&Canvas::new(&labels, &LabelTable::default()), labels.grid().voxel(at), None, 7);
            prop_assert_eq!(edit.map(|edit| edit.n_voxels()), is_hole.then(|| region.positions().count()));
        }

        #[test]
        fn a_bucket_changes_one_label_to_one_other(
            ids in prop::collection::vec(0..3u16, N), at in 0..N,
        ) {
            let seed = [at % 9, at / 9 % 8, at / 72];
            let labels = labels(ids.clone());
            let edit = bucket(&Canvas::new(&labels, &LabelTable::default()), seed, None, 7).unwrap();
            let next = edit.after(&labels).to_ids();
            prop_assert_eq!(next[at], 7);
            prop_assert!(ids.iter().zip(&next).all(|(&old, &new)| old == new || (old == ids[at] && new == 7)));
        }
    }
}
