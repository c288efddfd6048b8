//! Brush strokes: gesture to [`Edit`], at a cost that grows with the voxels touched. Erasing is painting background.

use super::{Edit, Grid, edit::Stroke};

pub use super::canvas::{Canvas, IntensityRange, MapRange, PaintOver};

/// The outline of a brush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrushShape {
    /// A disc or a ball.
    #[default]
    Round,
    /// A square or a cube, along the voxel axes.
    Square,
}

/// How far a brush reaches across.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrushSize {
    /// Diameter in voxels, the same number along each axis.
    Voxels(f64),
    /// Diameter in millimetres: as wide along each axis however long its voxels are.
    Mm(f64),
}

/// Paints the voxels whose centres it covers; always the one under it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brush {
    /// Outline.
    pub shape: BrushShape,
    /// Diameter.
    pub size: BrushSize,
    /// The voxel axis across the slice to which the brush is kept; `None` for a brush that reaches into depth.
    pub through: Option<usize>,
}

impl Brush {
    /// Draws from one voxel straight to another, both of which must lie inside; a dab where they are the same. `None`
    /// where that changes nothing, as with a locked label.
    pub fn draw(&self, canvas: &Canvas, from: [usize; 3], to: [usize; 3], id: u16) -> Option<Edit> {
        if canvas.is_locked(id) {
            return None;
        }
        let mut stroke = Stroke::new(if id == 0 { "Eraser" } else { "Brush" }, canvas.labels());
        self.cover(canvas.labels().grid(), from, to, |voxel| canvas.paint(&mut stroke, voxel, id));
        stroke.finish()
    }

    /// How far the brush reaches from the voxel under it along each axis, in voxels.
    pub fn radii(&self, grid: &Grid) -> [f64; 3] {
        let spacing_mm = grid.spacing_mm();
        [0, 1, 2].map(|axis| {
            let diameter = match self.size {
                BrushSize::Voxels(voxels) => voxels,
                BrushSize::Mm(mm) => mm / spacing_mm[axis],
            };
            // At least the voxel under it; and room for rounding where a centre lies just on the brush's border.
            if self.through == Some(axis) { 0.5 } else { (diameter / 2.0).max(0.5) + 1e-9 }
        })
    }

    /// Whether a dab at `at` covers `voxel`.
    pub fn covers(&self, grid: &Grid, at: [usize; 3], voxel: [usize; 3]) -> bool {
        let path = Path::new(at, at, self.radii(grid));
        match self.shape {
            BrushShape::Square => (0..3).all(|axis| (voxel[axis] as f64 - at[axis] as f64).abs() <= path.radii[axis]),
            BrushShape::Round => path.is_near(voxel),
        }
    }

    /// Visits, once and in memory order, every voxel under a brush drawn from `from` to `to`.
    pub(in crate::domain) fn cover(
        &self,
        grid: &Grid,
        from: [usize; 3],
        to: [usize; 3],
        mut visit: impl FnMut([usize; 3]),
    ) {
        let path = Path::new(from, to, self.radii(grid));
        let last = |axis: usize| grid.shape()[axis] as f64 - 1.0;
        for k in whole(path.reach(2, 0.0, 1.0), last(2)) {
            for j in whole(path.reach(1, 0.0, 1.0), last(1)) {
                let Some((start, end)) = path.beside(j, k) else { continue };
                for i in whole(path.reach(0, start, end), last(0)) {
                    if self.shape == BrushShape::Square || path.is_near([i, j, k]) {
                        visit([i, j, k]);
                    }
                }
            }
        }
    }
}

/// The whole numbers of an interval, from 0 to `last`.
fn whole((low, high): (f64, f64), last: f64) -> std::ops::RangeInclusive<usize> {
    // `high` is never below 0, which the cast would make 0: a brush reaches beyond the voxel under it, which lies inside.
    low.ceil().max(0.0) as usize..=high.floor().min(last) as usize
}

/// A straight line from one voxel to another, and how far voxels may lie from it.
struct Path {
    from: [f64; 3],
    delta: [f64; 3],
    radii: [f64; 3],
}

impl Path {
    fn new(from: [usize; 3], to: [usize; 3], radii: [f64; 3]) -> Self {
        let [from, to] = [from, to].map(|voxel| voxel.map(|x| x as f64));
        Self { from, delta: [0, 1, 2].map(|axis| to[axis] - from[axis]), radii }
    }

    /// The interval along `axis` that the brush covers between two parts of the way, 0 to 1.
    fn reach(&self, axis: usize, start: f64, end: f64) -> (f64, f64) {
        let [a, b] = [start, end].map(|part| self.from[axis] + part * self.delta[axis]);
        (a.min(b) - self.radii[axis], a.max(b) + self.radii[axis])
    }

    /// The part of the way on which the brush's box covers the row `j`, `k`.
    fn beside(&self, j: usize, k: usize) -> Option<(f64, f64)> {
        let (mut start, mut end) = (0.0_f64, 1.0_f64);
        for (axis, at) in [(1, j), (2, k)] {
            let offset = at as f64 - self.from[axis];
            if self.delta[axis] == 0.0 {
                if offset.abs() > self.radii[axis] {
                    return None;
                }
                continue;
            }
            let [a, b] = [-1.0, 1.0].map(|side| (offset + side * self.radii[axis]) / self.delta[axis]);
            (start, end) = (start.max(a.min(b)), end.min(a.max(b)));
        }
        (start <= end).then_some((start, end))
    }

    /// Whether the ball about some point of the way covers the voxel.
    fn is_near(&self, voxel: [usize; 3]) -> bool {
        // In units of the radii the ball is a unit ball.
        let offset = [0, 1, 2].map(|axis| (voxel[axis] as f64 - self.from[axis]) / self.radii[axis]);
        let delta = [0, 1, 2].map(|axis| self.delta[axis] / self.radii[axis]);
        let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let length2 = dot(delta, delta);
        let part = if length2 > 0.0 { (dot(offset, delta) / length2).clamp(0.0, 1.0) } else { 0.0 };
        let rest = [0, 1, 2].map(|axis| offset[axis] - part * delta[axis]);
        dot(rest, rest) <= 1.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Label, LabelMap, LabelTable};

    const SHAPE: [usize; 3] = [12, 10, 8];

    fn blank(spacing_mm: [f64; 3]) -> LabelMap {
        LabelMap::empty(Grid::axis_aligned(SHAPE, spacing_mm).unwrap())
    }

    fn round_mm(mm: f64) -> Brush {
        Brush { shape: BrushShape::Round, size: BrushSize::Mm(mm), through: None }
    }

    fn voxels() -> impl Iterator<Item = [usize; 3]> {
        (0..SHAPE[2]).flat_map(|k| (0..SHAPE[1]).flat_map(move |j| (0..SHAPE[0]).map(move |i| [i, j, k])))
    }

    /// The ids after drawing.
    fn after(canvas: &Canvas, edit: Option<&Edit>) -> Vec<u16> {
        edit.map_or_else(|| canvas.labels().to_ids(), |edit| edit.after(canvas.labels()).to_ids())
    }

    fn drawn(brush: &Brush, labels: &LabelMap, from: [usize; 3], to: [usize; 3]) -> Vec<[usize; 3]> {
        let canvas = Canvas::new(labels, &LabelTable::default());
        let ids = after(&canvas, brush.draw(&canvas, from, to, 1).as_ref());
        voxels().filter(|&voxel| ids[labels.grid().index(voxel)] == 1).collect()
    }

    #[track_caller]
    fn check_size(brush: Brush, spacing_mm: [f64; 3], expected: usize) {
        let at = [5, 5, 4];
        assert_eq!(drawn(&brush, &blank(spacing_mm), at, at).len(), expected, "{brush:?}");
    }

    #[test]
    fn dabs_have_the_sizes_counted_by_hand() {
        let brush = |shape, voxels, through| Brush { shape, size: BrushSize::Voxels(voxels), through };
        check_size(brush(BrushShape::Round, 0.0, None), [1.0; 3], 1);
        check_size(brush(BrushShape::Round, 1.0, None), [1.0; 3], 1);
        check_size(brush(BrushShape::Round, 2.0, Some(2)), [1.0; 3], 5);
        check_size(brush(BrushShape::Round, 2.0, None), [1.0; 3], 7);
        check_size(brush(BrushShape::Round, 3.0, Some(0)), [1.0; 3], 9);
        check_size(brush(BrushShape::Round, 3.0, None), [1.0; 3], 19);
        check_size(brush(BrushShape::Square, 3.0, None), [1.0; 3], 27);
        check_size(brush(BrushShape::Square, 5.0, Some(1)), [1.0; 3], 25);
        // Sheets 3 mm apart: only one of them within 2 mm.
        check_size(round_mm(4.0), [1.0, 1.0, 3.0], 13);
    }

    #[test]
    fn a_thin_line_has_no_gaps() {
        let brush = Brush { shape: BrushShape::Round, size: BrushSize::Voxels(1.0), through: Some(2) };
        let line = drawn(&brush, &blank([1.0; 3]), [0, 1, 3], [11, 6, 3]);
        for i in 0..12 {
            assert!(line.iter().any(|voxel| voxel[0] == i), "column {i}");
        }
        assert!(line.iter().all(|voxel| voxel[2] == 3));
    }

    #[test]
    fn a_locked_label_gains_nothing() {
        let labels = blank([1.0; 3]);
        let table = LabelTable { labels: vec![Label { locked: true, ..Label::new(1, "x") }] };
        assert_eq!(round_mm(5.0).draw(&Canvas::new(&labels, &table), [5; 3], [5; 3], 1), None);
    }

    #[test]
    fn painting_what_is_painted_makes_no_edit() {
        let labels = blank([1.0; 3]);
        assert_eq!(round_mm(5.0).draw(&Canvas::new(&labels, &LabelTable::default()), [5; 3], [5; 3], 0), None);
    }

    fn any_voxel() -> impl Strategy<Value = [usize; 3]> {
        (0..SHAPE[0], 0..SHAPE[1], 0..SHAPE[2]).prop_map(|(i, j, k)| [i, j, k])
    }

    fn any_brush() -> impl Strategy<Value = Brush> {
        let shape = prop::sample::select(vec![BrushShape::Round, BrushShape::Square]);
        let size = prop_oneof![(0.0..9.0).prop_map(BrushSize::Voxels), (0.0..9.0).prop_map(BrushSize::Mm)];
        let through = prop::sample::select(vec![None, Some(0), Some(1), Some(2)]);
        (shape, size, through).prop_map(|(shape, size, through)| Brush { shape, size, through })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_dab_draws_what_it_covers(brush in any_brush(), at in any_voxel(), spacing_mm in prop::array::uniform3(0.4..3.0)) {
            let labels = blank(spacing_mm);
            let covered: Vec<_> = voxels().filter(|&voxel| brush.covers(labels.grid(), at, voxel)).collect();
            prop_assert_eq!(drawn(&brush, &labels, at, at), covered);
        }

        #[test]
        fn a_stroke_is_what_many_dabs_along_the_way_cover(
            brush in any_brush(), from in any_voxel(), to in any_voxel(), spacing_mm in prop::array::uniform3(0.4..3.0),
        ) {
            let labels = blank(spacing_mm);
            let radii = brush.radii(labels.grid());
            // Slightly smaller and larger than exact, since the way is sampled.
            let covered = |voxel: [usize; 3], slack: f64| (0..=400).any(|step| {
                let part = f64::from(step) / 400.0;
                let away = [0, 1, 2].map(|axis| {
                    let at = from[axis] as f64 + part * (to[axis] as f64 - from[axis] as f64);
                    (voxel[axis] as f64 - at) / radii[axis]
                });
                match brush.shape {
                    BrushShape::Round => away.iter().map(|x| x * x).sum::<f64>() <= 1.0 + slack,
                    BrushShape::Square => away.iter().all(|x| x.abs() <= 1.0 + slack),
                }
            });
            let found = drawn(&brush, &labels, from, to);
            for voxel in voxels() {
                if found.contains(&voxel) {
                    prop_assert!(covered(voxel, 0.1), "{voxel:?} is too far away");
                } else {
                    prop_assert!(!covered(voxel, -1e-6), "{voxel:?} was left out");
                }
            }
        }

        #[test]
        fn the_voxel_under_the_brush_is_painted_and_there_and_back_are_the_same(
            brush in any_brush(), from in any_voxel(), to in any_voxel(),
        ) {
            let labels = blank([1.0, 0.7, 2.0]);
            let there = drawn(&brush, &labels, from, to);
            prop_assert!(there.contains(&from) && there.contains(&to));
            prop_assert_eq!(there, drawn(&brush, &labels, to, from));
        }

        #[test]
        fn a_planar_brush_stays_in_its_slice(
            brush in any_brush(), from in any_voxel(), mut to in any_voxel(), through in 0..3usize,
        ) {
            to[through] = from[through];
            let brush = Brush { through: Some(through), ..brush };
            let found = drawn(&brush, &blank([1.0, 0.7, 2.0]), from, to);
            prop_assert!(found.iter().all(|voxel| voxel[through] == from[through]));
        }

        #[test]
        fn the_rules_are_kept(
            ids in prop::collection::vec(0..4u16, SHAPE.iter().product::<usize>()),
            brush in any_brush(), from in any_voxel(), to in any_voxel(), id in 0..3u16,
            over in prop::sample::select(vec![PaintOver::All, PaintOver::Unlabelled, PaintOver::Only(2)]),
        ) {
            let labels = LabelMap::new(blank([1.0; 3]).grid().clone(), ids.clone()).unwrap();
            let table = LabelTable { labels: vec![Label { locked: true, ..Label::new(3, "locked") }] };
            let canvas = Canvas::new(&labels, &table).painting_over(over);
            let next = after(&canvas, brush.draw(&canvas, from, to, id).as_ref());
            for (&old, &new) in ids.iter().zip(&next).filter(|(old, new)| old != new) {
                prop_assert_eq!(new, id);
                prop_assert_ne!(old, 3);
                match over {
                    PaintOver::All => {}
                    PaintOver::Unlabelled => prop_assert_eq!(old, 0),
                    PaintOver::Only(only) => prop_assert_eq!(old, only),
                }
            }
        }
    }
}
