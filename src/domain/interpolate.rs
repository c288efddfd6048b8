//! Labels between drawn slices, from the shapes in the slices on both sides. Gesture to [`Edit`].
//!
//! Shape-based interpolation: the signed distances from the outlines are blended, and the label is where the blend is inside
//! (Raya & Udupa, "Shape-based interpolation of multidimensional objects", IEEE Transactions on Medical Imaging 9, 1990). The
//! blend is cubic across four drawn slices (Herman, Zheng & Bucholtz, "Shape-based interpolation", IEEE Computer Graphics and
//! Applications 12, 1992), of the shapes where they lie and of the shapes moved onto one centre in equal parts: the first
//! keeps what stays in its place, the second what drifts from slice to slice.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::paint::Canvas;
use super::{Edit, LabelMap, distance, edit::Stroke};
use crate::monitor::{Cancelled, Monitor};

/// Voxels around all shapes of a label in which it may come to lie between them.
const MARGIN: usize = 4;
/// A blend that is this far outside still counts as inside: what lies just between is the label's, rounded or not.
const TIE_MM: f32 = 1e-4;
/// By how many voxels the outline of the next but one slice may draw the blend its way: it bends, and does not carry off.
const MAX_BEND: f32 = 6.0;

/// Gives each label of `ids` the voxels between those slices across the voxel axis `axis` in which it was drawn, as far as the
/// canvas' rules let them change. Slices in which a label was drawn do not gain any of it. Where two labels claim a voxel, the one
/// deeper inside its shape there has it. Locked labels are left out.
///
/// `None` where nothing changes.
///
/// # Errors
/// [`Cancelled`] where the monitor says so.
pub fn between_slices(
    canvas: &Canvas,
    ids: &[u16],
    axis: usize,
    monitor: &dyn Monitor,
) -> Result<Option<Edit>, Cancelled> {
    let (labels, shape) = (canvas.labels(), canvas.labels().grid().shape());
    let open = ids.iter().filter(|&&id| id != 0 && !canvas.is_locked(id));
    let mut shapes: Vec<Shapes> = open.filter_map(|&id| Shapes::drawn(labels, id, axis)).collect();
    let across = across(axis);
    let width = shape[across[0]];
    let mut stroke = Stroke::new("Interpolate slices", labels);
    for index in 0..shape[axis] {
        monitor.report("Interpolating slices", index as u64, shape[axis] as u64)?;
        let mut claims: BTreeMap<usize, (f32, u16)> = BTreeMap::new();
        for shapes in &mut shapes {
            for (pixel, depth) in shapes.between(labels, index) {
                let claim = claims.entry(pixel).or_insert((depth, shapes.id));
                if depth < claim.0 {
                    *claim = (depth, shapes.id);
                }
            }
        }
        for (pixel, (_, id)) in claims {
            let mut voxel = [index; 3];
            (voxel[across[0]], voxel[across[1]]) = (pixel % width, pixel / width);
            canvas.paint(&mut stroke, voxel, id);
        }
    }
    Ok(stroke.finish())
}

/// The two voxel axes of a slice across `axis`.
fn across(axis: usize) -> [usize; 2] {
    [usize::from(axis == 0), 2 - usize::from(axis == 2)]
}

/// The slices in which a label was drawn.
struct Shapes {
    id: u16,
    axis: usize,
    /// The first voxel along both axes of the slice of the box around all shapes, and its size.
    low: [usize; 2],
    size: [usize; 2],
    /// Pixels in a row of a whole slice.
    width: usize,
    spacing_mm: [f64; 2],
    /// Ascending.
    slices: Vec<usize>,
    /// Of the slices around the one that is worked on.
    fields: BTreeMap<usize, Field>,
}

impl Shapes {
    /// `None` where the label does not occur.
    fn drawn(labels: &LabelMap, id: u16, axis: usize) -> Option<Self> {
        let bounds = labels.bounds_of(|other| other == id)?.0;
        let grid = labels.grid();
        let across = across(axis);
        let low = across.map(|axis| bounds[axis].start.saturating_sub(MARGIN));
        let high = across.map(|axis| (bounds[axis].end + MARGIN).min(grid.shape()[axis]));
        let mut shapes = Self {
            id,
            axis,
            low,
            size: [high[0] - low[0], high[1] - low[1]],
            width: grid.shape()[across[0]],
            spacing_mm: across.map(|axis| grid.spacing_mm()[axis]),
            slices: Vec::new(),
            fields: BTreeMap::new(),
        };
        shapes.slices = bounds[axis].clone().filter(|&index| shapes.mask(labels, index).any(|is_in| is_in)).collect();
        Some(shapes)
    }

    /// Which voxels of the box have the label, row by row.
    fn mask<'a>(&'a self, labels: &'a LabelMap, index: usize) -> impl Iterator<Item = bool> + use<'a> {
        let across = across(self.axis);
        (0..self.size[1]).flat_map(move |y| {
            (0..self.size[0]).map(move |x| {
                let mut voxel = [index; 3];
                (voxel[across[0]], voxel[across[1]]) = (self.low[0] + x, self.low[1] + y);
                labels.get(voxel) == self.id
            })
        })
    }

    /// The pixels of slice `index` that the label gains, and how deep inside they lie (the more negative, the deeper); none
    /// in a slice that was drawn, or before the first or after the last.
    fn between(&mut self, labels: &LabelMap, index: usize) -> Vec<(usize, f32)> {
        let next = self.slices.partition_point(|&slice| slice < index);
        if next == 0 || next == self.slices.len() || self.slices[next] == index {
            return Vec::new();
        }
        let around = next.saturating_sub(2)..(next + 2).min(self.slices.len());
        let slices = self.slices[around].to_vec();
        self.fields.retain(|slice, _| slices.contains(slice));
        for slice in slices {
            if !self.fields.contains_key(&slice) {
                let field = Field::new(self.mask(labels, slice).collect(), self.size, self.spacing_mm);
                self.fields.insert(slice, field);
            }
        }
        let Some(blend) = Blend::new(&self.fields, index) else { return Vec::new() };
        let in_box = (0..self.size[0] * self.size[1]).into_par_iter();
        let claims = in_box.map(|at| {
            let [x, y] = [at % self.size[0], at / self.size[0]];
            ((self.low[0] + x) + (self.low[1] + y) * self.width, blend.at([x, y]))
        });
        claims.filter(|&(_, signed)| signed <= TIE_MM).collect()
    }
}

/// A drawn shape as distances from its outline, in millimetres, negative inside.
struct Field {
    size: [usize; 2],
    signed_mm: Vec<f32>,
    centre: [f32; 2],
    /// [`MAX_BEND`] in millimetres.
    max_bend_mm: f32,
}

impl Field {
    /// `mask` has a voxel of the shape.
    fn new(mask: Vec<bool>, size: [usize; 2], spacing_mm: [f64; 2]) -> Self {
        let [width, height] = size;
        let mut signed_mm = distance::signed_mm(&mask, [width, height, 1], [spacing_mm[0], spacing_mm[1], 1.0]);
        // A shape that fills the slice is as deep as the slice is wide, so that blends stay finite.
        let far_mm = (width as f64 * spacing_mm[0] + height as f64 * spacing_mm[1]) as f32;
        signed_mm.iter_mut().for_each(|mm| *mm = mm.clamp(-far_mm, far_mm));
        let inside = || mask.iter().enumerate().filter(|&(_, &is_in)| is_in).map(|(at, _)| [at % width, at / width]);
        let n = inside().count() as f32;
        let centre = [0, 1].map(|axis| inside().map(|pixel| pixel[axis] as f32).sum::<f32>() / n);
        Self { size, signed_mm, centre, max_bend_mm: MAX_BEND * spacing_mm[0].max(spacing_mm[1]) as f32 }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.signed_mm.iter().zip(&other.signed_mm).any(|(&a, &b)| a < 0.0 && b < 0.0)
    }

    /// Between pixels, interpolated; as at the nearest edge outside.
    fn sample(&self, at: [f32; 2]) -> f32 {
        let pixel = |axis: usize| {
            let place = at[axis].clamp(0.0, self.size[axis] as f32 - 1.0);
            let below = place as usize;
            (below, (below + 1).min(self.size[axis] - 1), place - below as f32)
        };
        let ((x0, x1, right), (y0, y1, down)) = (pixel(0), pixel(1));
        let row = |y: usize| {
            let row = &self.signed_mm[y * self.size[0]..][..self.size[0]];
            row[x0] + right * (row[x1] - row[x0])
        };
        row(y0) + down * (row(y1) - row(y0))
    }
}

/// A slice that is not drawn, by the drawn ones around it.
struct Blend<'a> {
    /// The last drawn one before and the first after.
    beside: [&'a Field; 2],
    /// The ones before and after those, where there are, and how many gaps away from the nearer of `beside`.
    beyond: [Option<(&'a Field, f32)>; 2],
    /// The part of the way from the one beside to the other, 0 to 1.
    part: f32,
    /// Where the shape's centre lies.
    centre: [f32; 2],
    /// What part the shapes moved onto one centre have in the blend.
    moved: f32,
}

impl<'a> Blend<'a> {
    /// `fields` are at most two slices before `index` and two after it; `None` where there is none on one side.
    fn new(fields: &'a BTreeMap<usize, Field>, index: usize) -> Option<Self> {
        let mut before = fields.range(..index).rev();
        let mut after = fields.range(index..);
        let ((&first, a), (&last, b)) = (before.next()?, after.next()?);
        let gap = (last - first) as f32;
        let beyond = [
            before.next().map(|(&slice, field)| (field, (first - slice) as f32 / gap)),
            after.next().map(|(&slice, field)| (field, (slice - last) as f32 / gap)),
        ];
        // Shapes apart from each other have nothing in common where they lie.
        let moved = if a.overlaps(b) { 0.5 } else { 1.0 };
        let part = (index - first) as f32 / gap;
        let mut blend = Self { beside: [a, b], beyond, part, centre: [0.0; 2], moved };
        blend.centre = [0, 1].map(|axis| blend.cubic(|field| field.centre[axis]));
        Some(blend)
    }

    /// The signed distance at a pixel of the box.
    fn at(&self, pixel: [usize; 2]) -> f32 {
        let [x, y] = pixel.map(|at| at as f32);
        let moved = self
            .cubic(|field| field.sample([x - self.centre[0] + field.centre[0], y - self.centre[1] + field.centre[1]]));
        if self.moved == 1.0 {
            return moved;
        }
        let in_place = self.cubic(|field| field.signed_mm[pixel[0] + pixel[1] * field.size[0]]);
        self.moved * moved + (1.0 - self.moved) * in_place
    }

    /// The cubic through a number of the slices beside, with the slopes there that the slices beyond give it.
    fn cubic(&self, number: impl Fn(&Field) -> f32) -> f32 {
        let [a, b] = self.beside.map(&number);
        let slope = |beyond: Option<(&Field, f32)>, near: f32, other: f32| match beyond {
            Some((field, gaps)) => {
                let bend = (number(field) - near).clamp(-field.max_bend_mm, field.max_bend_mm);
                (other - near - bend) / (1.0 + gaps)
            }
            None => other - near,
        };
        let (slope_a, slope_b) = (slope(self.beyond[0], a, b), -slope(self.beyond[1], b, a));
        let t = self.part;
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * a
            + (t3 - 2.0 * t2 + t) * slope_a
            + (3.0 * t2 - 2.0 * t3) * b
            + (t3 - t2) * slope_b
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::paint::PaintOver;
    use crate::domain::{Grid, Label, LabelTable};
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [24, 20, 9];

    fn labels(id: impl Fn([usize; 3]) -> u16) -> LabelMap {
        let grid = Grid::axis_aligned(SHAPE, [1.0, 1.0, 3.0]).unwrap();
        let ids = (0..grid.n_voxels()).map(|at| id(grid.voxel(at))).collect();
        LabelMap::new(grid, ids).unwrap()
    }

    fn is_in_disc(voxel: [usize; 3], centre: [f64; 2], radius: f64) -> bool {
        (voxel[0] as f64 - centre[0]).hypot(voxel[1] as f64 - centre[1]) <= radius
    }

    fn interpolated(labels: &LabelMap, ids: &[u16], axis: usize) -> LabelMap {
        let canvas = Canvas::new(labels, &LabelTable::default());
        let edit = between_slices(&canvas, ids, axis, &Silent).unwrap();
        assert!(edit.as_ref().is_none_or(|edit| edit.name() == "Interpolate slices"));
        edit.map_or_else(|| labels.clone(), |edit| edit.after(labels))
    }

    #[test]
    fn a_cylinder_drawn_in_three_slices_is_whole() {
        let cylinder = labels(|voxel| u16::from(is_in_disc(voxel, [10.0, 9.0], 6.0)));
        let drawn = labels(|voxel| if [0, 3, 8].contains(&voxel[2]) { cylinder.get(voxel) } else { 0 });
        assert_eq!(interpolated(&drawn, &[1], 2), cylinder);
    }

    #[test]
    fn a_cylinder_drawn_along_its_axis_is_whole_too() {
        let plate = labels(|[i, ..]| u16::from((4..=12).contains(&i)));
        let drawn = labels(|voxel| if voxel[0] % 4 == 0 { plate.get(voxel) } else { 0 });
        assert_eq!(interpolated(&drawn, &[1], 0), plate);
    }

    #[test]
    fn a_disc_that_jumps_beyond_itself_moves_from_one_place_to_the_other() {
        let drawn = labels(|voxel| {
            let centre = [6.0 + 10.0 * f64::from(u8::from(voxel[2] == 8)), 9.0];
            u16::from([0, 8].contains(&voxel[2]) && is_in_disc(voxel, centre, 3.0))
        });
        let found = interpolated(&drawn, &[1], 2);
        for k in 0..9 {
            let disc: Vec<[usize; 3]> =
                (0..480).map(|at| [at % 24, at / 24, k]).filter(|&voxel| found.get(voxel) == 1).collect();
            let mean = |axis: usize| disc.iter().map(|voxel| voxel[axis] as f64).sum::<f64>() / disc.len() as f64;
            assert!((25..=37).contains(&disc.len()), "{} voxels in slice {k}", disc.len());
            assert!((mean(0) - 6.0 - 10.0 * k as f64 / 8.0).abs() < 0.3 && (mean(1) - 9.0).abs() < 0.3, "slice {k}");
        }
    }

    #[test]
    fn the_deeper_of_two_labels_has_the_voxel_that_both_claim() {
        // Two discs change places.
        let drawn = labels(|voxel| {
            let left = if voxel[2] == 0 { 1 } else { 2 };
            match () {
                () if ![0, 8].contains(&voxel[2]) => 0,
                () if is_in_disc(voxel, [8.0, 9.0], 5.0) => left,
                () if is_in_disc(voxel, [15.0, 9.0], 5.0) => 3 - left,
                () => 0,
            }
        });
        let found = interpolated(&drawn, &[1, 2], 2);
        let both_ways = interpolated(&drawn, &[2, 1], 2);
        assert_eq!(found.get([4, 9, 1]), 1);
        assert_eq!(found.get([4, 9, 7]), 2);
        let n_differ = found.iter().zip(both_ways.iter()).filter(|(a, b)| a != b).count();
        // The first of `ids` has what both claim equally.
        assert!(n_differ <= 40, "{n_differ}");
    }

    #[test]
    fn the_rules_hold_and_cancelling_is_heard() {
        let drawn = labels(|voxel| if voxel[2] % 8 == 0 { 1 } else { 2 * u16::from(voxel[0] < 5) });
        let lock = |id| LabelTable { labels: vec![Label { locked: true, ..Label::new(id, "locked") }] };
        let count = |canvas: &Canvas| between_slices(canvas, &[1], 2, &Silent).unwrap().map(|edit| edit.n_voxels());
        assert_eq!(count(&Canvas::new(&drawn, &lock(1))), None);
        assert_eq!(count(&Canvas::new(&drawn, &lock(2))), Some(19 * 20 * 7));
        let unlabelled = Canvas::new(&drawn, &LabelTable::default()).painting_over(PaintOver::Unlabelled);
        assert_eq!(count(&unlabelled), Some(19 * 20 * 7));
        assert_eq!(count(&Canvas::new(&drawn, &LabelTable::default())), Some(24 * 20 * 7));
        struct Stop;
        impl Monitor for Stop {
            fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
                Err(Cancelled)
            }
        }
        assert_eq!(between_slices(&unlabelled, &[1], 2, &Stop), Err(Cancelled));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn drawn_slices_stay_and_only_slices_between_them_gain(
            ids in prop::collection::vec(prop::sample::select(vec![0, 0, 0, 1, 2]), 24 * 20 * 9),
            drawn in prop::array::uniform9(prop::bool::weighted(0.4)),
        ) {
            let before = labels(|[i, j, k]| if drawn[k] { ids[i + 24 * (j + 20 * k)] } else { 0 });
            let after = interpolated(&before, &[1], 2);
            let slices: Vec<usize> = (0..9).filter(|&k| drawn[k]).collect();
            for at in 0..ids.len() {
                let k = before.grid().voxel(at)[2];
                let is_between = slices.first() < Some(&k) && Some(&k) < slices.last() && !drawn[k];
                prop_assert!(is_between || before.id_at(at) == after.id_at(at));
            }
        }
    }
}
