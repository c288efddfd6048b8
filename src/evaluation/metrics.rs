//! How well two segmentations agree: pure functions of two lists of ids on one grid.
//!
//! What is undefined is `None`, never a number: the Dice of two empty masks, the distance to a surface that is not there.
//! Where one mask alone is empty Dice and IoU are 0.
//!
//! # Surface distances
//! A surface voxel lies in the mask and has one of its six neighbours (four in a planar image) outside the mask or outside
//! the volume. Distances run between voxel centres, in millimetres along the grid's axes (which are taken to be at right angles), to the
//! nearest surface voxel of the other mask; they are exact.
//!
//! [`hd95_mm`] is the *larger of the two directed 95th percentiles*, each with linear interpolation, as MONAI and
//! DeepMind's surface-distance have it. Libraries that take one percentile of both directions pooled (MedPy) report
//! smaller values. [`assd_mm`] is the mean over both directions pooled.

use rayon::prelude::*;

use crate::domain::{Grid, LabelTable, distance};

/// How a predicted label compares with the true one.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LabelScores {
    /// The label's id.
    pub id: u16,
    /// 0 to 1; `None` where both are empty.
    pub dice: Option<f64>,
    /// Intersection over union, 0 to 1; `None` where both are empty.
    pub iou: Option<f64>,
    /// 95 % Hausdorff distance; `None` where either is empty.
    pub hd95_mm: Option<f64>,
    /// Average symmetric surface distance; `None` where either is empty.
    pub assd_mm: Option<f64>,
    /// Volume of the true label, in millilitres; here and below in voxels where the grid has no scale ([`Grid::units`]), as
    /// distances are in pixels then.
    pub truth_ml: f64,
    /// Volume of the predicted label.
    pub predicted_ml: f64,
    /// Predicted less true volume.
    pub volume_error_ml: f64,
}

/// Scores of every label of `table`, in its order.
///
/// # Panics
/// Where `truth` or `predicted` has not one id for each voxel of `grid`.
pub fn score(truth: &[u16], predicted: &[u16], grid: &Grid, table: &LabelTable) -> Vec<LabelScores> {
    table.labels.par_iter().map(|label| score_label(truth, predicted, grid, label.id)).collect()
}

fn score_label(truth: &[u16], predicted: &[u16], grid: &Grid, id: u16) -> LabelScores {
    let overlap = Overlap::of(truth, predicted, id);
    let distances = SurfaceDistances::of(truth, predicted, id, grid);
    LabelScores {
        id,
        dice: overlap.dice(),
        iou: overlap.iou(),
        hd95_mm: distances.as_ref().map(SurfaceDistances::hd95_mm),
        assd_mm: distances.as_ref().map(SurfaceDistances::assd_mm),
        truth_ml: grid.volume_of(overlap.n_a),
        predicted_ml: grid.volume_of(overlap.n_b),
        volume_error_ml: grid.volume_of(overlap.n_b) - grid.volume_of(overlap.n_a),
    }
}

/// Dice coefficient of label `id`, 2 |a and b| / (|a| + |b|); `None` where it occurs in neither.
///
/// # Panics
/// Where `a` and `b` differ in length.
pub fn dice(a: &[u16], b: &[u16], id: u16) -> Option<f64> {
    Overlap::of(a, b, id).dice()
}

/// Intersection over union of label `id`; `None` where it occurs in neither.
///
/// # Panics
/// Where `a` and `b` differ in length.
pub fn iou(a: &[u16], b: &[u16], id: u16) -> Option<f64> {
    Overlap::of(a, b, id).iou()
}

/// Larger of the two directed 95th percentiles of the distances between the surfaces of label `id`; `None` where it is
/// missing from either.
///
/// # Panics
/// Where `a` or `b` has not one id for each voxel of `grid`.
pub fn hd95_mm(a: &[u16], b: &[u16], id: u16, grid: &Grid) -> Option<f64> {
    SurfaceDistances::of(a, b, id, grid).map(|distances| distances.hd95_mm())
}

/// Average of the distances between the surfaces of label `id`, both ways; `None` where it is missing from either.
///
/// # Panics
/// Where `a` or `b` has not one id for each voxel of `grid`.
pub fn assd_mm(a: &[u16], b: &[u16], id: u16, grid: &Grid) -> Option<f64> {
    SurfaceDistances::of(a, b, id, grid).map(|distances| distances.assd_mm())
}

/// Volume of label `id` in millilitres, or voxels where the grid has no scale.
pub fn volume_ml(ids: &[u16], id: u16, grid: &Grid) -> f64 {
    grid.volume_of(ids.iter().filter(|&&x| x == id).count() as u64)
}

/// Predicted less true volume of label `id`, as [`volume_ml`].
pub fn volume_error_ml(truth: &[u16], predicted: &[u16], id: u16, grid: &Grid) -> f64 {
    volume_ml(predicted, id, grid) - volume_ml(truth, id, grid)
}

/// Voxel counts of one label in two label maps.
struct Overlap {
    n_a: u64,
    n_b: u64,
    n_both: u64,
}

impl Overlap {
    fn of(a: &[u16], b: &[u16], id: u16) -> Self {
        assert_eq!(a.len(), b.len(), "label maps of one grid");
        let (mut n_a, mut n_b, mut n_both) = (0, 0, 0);
        for (&a, &b) in a.iter().zip(b) {
            n_a += u64::from(a == id);
            n_b += u64::from(b == id);
            n_both += u64::from(a == id && b == id);
        }
        Self { n_a, n_b, n_both }
    }

    fn dice(&self) -> Option<f64> {
        let total = self.n_a + self.n_b;
        (total > 0).then(|| 2.0 * self.n_both as f64 / total as f64)
    }

    fn iou(&self) -> Option<f64> {
        let union = self.n_a + self.n_b - self.n_both;
        (union > 0).then(|| self.n_both as f64 / union as f64)
    }
}

/// Distances of the surface voxels of each of two masks from the surface of the other, in millimetres, ascending. Neither
/// list is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceDistances {
    /// One distance for each surface voxel of the first mask.
    pub from_a_mm: Vec<f64>,
    /// One distance for each surface voxel of the second mask.
    pub from_b_mm: Vec<f64>,
}

impl SurfaceDistances {
    /// Distances between the surfaces of label `id`; `None` where it is missing from either.
    ///
    /// # Panics
    /// Where `a` or `b` has not one id for each voxel of `grid`.
    pub fn of(a: &[u16], b: &[u16], id: u16, grid: &Grid) -> Option<Self> {
        assert_eq!((a.len(), b.len()), (grid.n_voxels(), grid.n_voxels()), "one id for each voxel of the grid");
        let [a, b] = [surface(a, id, grid.shape()), surface(b, id, grid.shape())];
        Some(Self {
            from_a_mm: Sheets::new(&b, grid.spacing_mm(), &a)?.distances_mm(&a),
            from_b_mm: Sheets::new(&a, grid.spacing_mm(), &b)?.distances_mm(&b),
        })
    }

    /// Larger of the two directed 95th percentiles.
    pub fn hd95_mm(&self) -> f64 {
        percentile(&self.from_a_mm, 95.0).max(percentile(&self.from_b_mm, 95.0))
    }

    /// Mean over both directions.
    pub fn assd_mm(&self) -> f64 {
        let n = self.from_a_mm.len() + self.from_b_mm.len();
        self.from_a_mm.iter().chain(&self.from_b_mm).sum::<f64>() / n as f64
    }
}

/// Percentile of ascending values, which must not be empty, with linear interpolation between ranks (numpy's default).
pub(super) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (sorted.len() - 1) as f64 * percent / 100.0;
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64)
}

/// The voxels of label `id` with a neighbour of another id or at the border of the volume, in memory order.
fn surface(ids: &[u16], id: u16, shape: [usize; 3]) -> Vec<[usize; 3]> {
    let strides = [1, shape[0], shape[0] * shape[1]];
    let is_surface = |at: usize, voxel: [usize; 3]| {
        // Along an axis of one voxel, as in a planar image, there is neither neighbour nor border.
        (0..3).filter(|&axis| shape[axis] > 1).any(|axis| {
            voxel[axis] == 0
                || voxel[axis] + 1 == shape[axis]
                || ids[at - strides[axis]] != id
                || ids[at + strides[axis]] != id
        }) || shape == [1; 3]
    };
    let mut voxels = Vec::new();
    for (row_idx, row) in ids.chunks_exact(shape[0]).enumerate() {
        for i in (0..shape[0]).filter(|&i| row[i] == id) {
            let voxel = [i, row_idx % shape[1], row_idx / shape[1]];
            if is_surface(row_idx * shape[0] + i, voxel) {
                voxels.push(voxel);
            }
        }
    }
    voxels
}

/// For every point of the box that holds all sites and queries: the squared distance to the nearest site *in its own
/// sheet* of constant k. The third dimension is searched for each query, outward and no further than the best so far.
struct Sheets {
    low: [usize; 3],
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    squared_mm2: Vec<f64>,
}

impl Sheets {
    /// `None` where there are no sites or no queries.
    fn new(sites: &[[usize; 3]], spacing_mm: [f64; 3], queries: &[[usize; 3]]) -> Option<Self> {
        if sites.is_empty() || queries.is_empty() {
            return None;
        }
        let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
        for voxel in sites.iter().chain(queries) {
            for axis in 0..3 {
                low[axis] = low[axis].min(voxel[axis]);
                high[axis] = high[axis].max(voxel[axis]);
            }
        }
        let shape = [0, 1, 2].map(|axis| high[axis] - low[axis] + 1);
        let mut sheets = Self { low, shape, spacing_mm, squared_mm2: vec![f64::INFINITY; shape.iter().product()] };
        for &site in sites {
            let at = sheets.index(site);
            sheets.squared_mm2[at] = 0.0;
        }
        for axis in [0, 1] {
            distance::spread(&mut sheets.squared_mm2, shape, axis, spacing_mm[axis]);
        }
        Some(sheets)
    }

    fn index(&self, voxel: [usize; 3]) -> usize {
        let [i, j, k] = [0, 1, 2].map(|axis| voxel[axis] - self.low[axis]);
        i + self.shape[0] * (j + self.shape[1] * k)
    }

    /// Distances of `queries` from their nearest sites, ascending.
    fn distances_mm(&self, queries: &[[usize; 3]]) -> Vec<f64> {
        let mut distances_mm: Vec<f64> = queries.par_iter().map(|&query| self.nearest_mm2(query).sqrt()).collect();
        distances_mm.sort_unstable_by(f64::total_cmp);
        distances_mm
    }

    fn nearest_mm2(&self, query: [usize; 3]) -> f64 {
        let at = self.index(query);
        let sheet_size = self.shape[0] * self.shape[1];
        let k = at / sheet_size;
        let mut best_mm2 = self.squared_mm2[at];
        for step in 1..self.shape[2] {
            let along_mm2 = square(step as f64 * self.spacing_mm[2]);
            if along_mm2 >= best_mm2 {
                break;
            }
            if step <= k {
                best_mm2 = best_mm2.min(self.squared_mm2[at - step * sheet_size] + along_mm2);
            }
            if k + step < self.shape[2] {
                best_mm2 = best_mm2.min(self.squared_mm2[at + step * sheet_size] + along_mm2);
            }
        }
        best_mm2
    }
}

fn square(x: f64) -> f64 {
    x * x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::phantom::{PhantomKind, generate};

    fn grid(shape: [usize; 3], spacing_mm: [f64; 3]) -> Grid {
        Grid::axis_aligned(shape, spacing_mm).unwrap()
    }

    #[track_caller]
    fn check_near(found: Option<f64>, expected: f64) {
        let found = found.expect("defined");
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[track_caller]
    fn check_overlap(a: &[u16], b: &[u16], expected_dice: Option<f64>, expected_iou: Option<f64>) {
        assert_eq!((dice(a, b, 1), iou(a, b, 1)), (expected_dice, expected_iou));
    }

    #[test]
    fn overlaps_are_those_worked_out_by_hand() {
        check_overlap(&[1, 1, 0, 0], &[1, 1, 0, 0], Some(1.0), Some(1.0));
        check_overlap(&[1, 1, 0, 0], &[0, 1, 1, 0], Some(0.5), Some(1.0 / 3.0));
        check_overlap(&[1, 1, 1, 0], &[1, 0, 0, 0], Some(0.5), Some(1.0 / 3.0));
        check_overlap(&[1, 1, 0, 0], &[0, 0, 1, 1], Some(0.0), Some(0.0));
        check_overlap(&[1, 1, 0, 0], &[2, 2, 0, 0], Some(0.0), Some(0.0));
        check_overlap(&[1, 1, 0, 0], &[0, 0, 0, 0], Some(0.0), Some(0.0));
        check_overlap(&[0, 0, 0, 0], &[0, 0, 0, 0], None, None);
        check_overlap(&[2, 2, 0, 0], &[0, 2, 0, 0], None, None);
    }

    #[test]
    fn distances_of_two_points_are_straight_lines_in_millimetres() {
        let grid = grid([5, 5, 5], [1.0, 2.0, 3.0]);
        let point = |voxel| {
            let mut ids = vec![0; 125];
            ids[grid.index(voxel)] = 1;
            ids
        };
        for (voxel, expected) in
            [([4, 1, 1], 3.0), ([1, 4, 1], 6.0), ([1, 1, 4], 9.0), ([2, 2, 2], 14.0_f64.sqrt()), ([1, 1, 1], 0.0)]
        {
            check_near(hd95_mm(&point([1, 1, 1]), &point(voxel), 1, &grid), expected);
            check_near(assd_mm(&point([1, 1, 1]), &point(voxel), 1, &grid), expected);
        }
    }

    #[test]
    fn a_row_against_its_first_voxel_is_worked_out_by_hand() {
        // In a line only the two ends are surface. From the row: 0 and 4, whose 95th percentile is 3.8; from the voxel: 0.
        let grid = grid([5, 1, 1], [1.0; 3]);
        let (row, voxel) = ([1, 1, 1, 1, 1], [1, 0, 0, 0, 0]);
        check_near(hd95_mm(&row, &voxel, 1, &grid), 3.8);
        check_near(assd_mm(&row, &voxel, 1, &grid), 4.0 / 3.0);
    }

    #[test]
    fn in_a_planar_image_only_the_outline_is_surface() {
        let ids = [1; 25];
        assert_eq!(surface(&ids, 1, [5, 5, 1]).len(), 16);
        assert_eq!(surface(&[1; 125], 1, [5, 5, 5]).len(), 125 - 27);
        assert_eq!(surface(&[1], 1, [1, 1, 1]).len(), 1);
    }

    #[test]
    fn distances_to_nothing_are_undefined() {
        let grid = grid([2, 2, 1], [1.0; 3]);
        let (some, none) = ([1, 0, 0, 0], [0; 4]);
        for (a, b) in [(&some, &none), (&none, &some), (&none, &none)] {
            assert_eq!((hd95_mm(a, b, 1, &grid), assd_mm(a, b, 1, &grid)), (None, None));
        }
    }

    #[test]
    fn percentiles_are_those_of_numpy() {
        assert_eq!(percentile(&[3.0], 95.0), 3.0);
        assert!((percentile(&[1.0, 2.0, 3.0, 4.0], 50.0) - 2.5).abs() < 1e-12);
        assert!((percentile(&[0.0, 10.0, 20.0], 95.0) - 19.0).abs() < 1e-12);
    }

    #[test]
    fn volumes_are_in_millilitres() {
        let grid = grid([2, 2, 1], [10.0, 10.0, 5.0]);
        assert!((volume_ml(&[1, 1, 0, 2], 1, &grid) - 1.0).abs() < 1e-12);
        assert!((volume_error_ml(&[1, 1, 0, 2], &[1, 0, 0, 2], 1, &grid) + 0.5).abs() < 1e-12);
    }

    /// A phantom's truth, moved one voxel along i and two against k, and the first made the second at some voxels.
    fn moved(ids: &[u16], [ni, nj, nk]: [usize; 3]) -> Vec<u16> {
        let at = |i: usize, j: usize, k: usize| ids[i + ni * (j + nj * k)];
        let mut next = Vec::with_capacity(ids.len());
        for k in 0..nk {
            for j in 0..nj {
                for i in 0..ni {
                    let id = if i >= 1 && k + 2 < nk { at(i - 1, j, k + 2) } else { 0 };
                    next.push(if id == 1 && (i + j + k) % 7 == 0 { 2 } else { id });
                }
            }
        }
        next
    }

    #[test]
    fn scores_of_a_phantom_are_those_of_scipy() {
        // Computed with scipy.ndimage (binary_erosion, distance_transform_edt) and numpy.percentile; see the module's
        // documentation for the definitions.
        let phantom = generate(PhantomKind::TwoBodies, 1);
        let grid = grid(phantom.labels.grid().shape(), [0.7, 1.0, 2.5]);
        let truth = &phantom.labels.to_ids();
        let scores = score(truth, &moved(truth, grid.shape()), &grid, &phantom.table);
        let golden = [
            (
                1,
                0.654_699_049_630_411_8,
                0.486_656_200_941_915_25,
                3.339_819_879_627_838,
                1.297_302_632_609_610_4,
                -0.238,
            ),
            (
                2,
                0.654_887_218_045_112_7,
                0.486_864_169_927_333_7,
                8.313_272_911_951_602,
                1.999_498_963_663_287_8,
                0.238,
            ),
        ];
        for (found, (id, dice, iou, hd95_mm, assd_mm, volume_error_ml)) in scores.iter().zip(golden) {
            assert_eq!(found.id, id);
            check_near(found.dice, dice);
            check_near(found.iou, iou);
            check_near(found.hd95_mm, hd95_mm);
            check_near(found.assd_mm, assd_mm);
            check_near(Some(found.volume_error_ml), volume_error_ml);
        }
        assert_eq!(scores.len(), golden.len());
    }

    const SHAPE: [usize; 3] = [6, 5, 4];

    /// Sparse or dense masks of 6 x 5 x 4 voxels.
    fn any_mask() -> impl Strategy<Value = Vec<u16>> {
        (0.02..0.9).prop_flat_map(|density| {
            prop::collection::vec(prop::bool::weighted(density).prop_map(u16::from), SHAPE.iter().product::<usize>())
        })
    }

    fn brute_force(a: &[u16], b: &[u16], grid: &Grid) -> Vec<f64> {
        let [a, b] = [surface(a, 1, SHAPE), surface(b, 1, SHAPE)];
        let spacing_mm = grid.spacing_mm();
        let distance = |p: &[usize; 3], q: &[usize; 3]| {
            (0..3).map(|axis| square((p[axis] as f64 - q[axis] as f64) * spacing_mm[axis])).sum::<f64>().sqrt()
        };
        let nearest = |p| b.iter().map(|q| distance(p, q)).fold(f64::INFINITY, f64::min);
        let mut distances_mm: Vec<f64> = a.iter().map(nearest).collect();
        distances_mm.sort_by(f64::total_cmp);
        distances_mm
    }

    proptest! {
        #[test]
        fn distances_are_exact(
            a in any_mask(), b in any_mask(), spacing_mm in prop::array::uniform3(0.2..4.0),
        ) {
            let grid = grid(SHAPE, spacing_mm);
            let Some(found) = SurfaceDistances::of(&a, &b, 1, &grid) else {
                prop_assert!(!a.contains(&1) || !b.contains(&1));
                return Ok(());
            };
            for (found, expected) in
                [(&found.from_a_mm, brute_force(&a, &b, &grid)), (&found.from_b_mm, brute_force(&b, &a, &grid))]
            {
                prop_assert_eq!(found.len(), expected.len());
                prop_assert!(found.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-9));
            }
        }

        #[test]
        fn a_mask_agrees_with_itself(a in any_mask()) {
            let grid = grid(SHAPE, [1.0, 2.0, 3.0]);
            let expected = a.contains(&1).then_some(1.0);
            prop_assert_eq!((dice(&a, &a, 1), iou(&a, &a, 1)), (expected, expected));
            let expected = a.contains(&1).then_some(0.0);
            prop_assert_eq!((hd95_mm(&a, &a, 1, &grid), assd_mm(&a, &a, 1, &grid)), (expected, expected));
        }

        #[test]
        fn neither_mask_comes_first(a in any_mask(), b in any_mask()) {
            let grid = grid(SHAPE, [1.0, 2.0, 3.0]);
            prop_assert_eq!(dice(&a, &b, 1), dice(&b, &a, 1));
            prop_assert_eq!(iou(&a, &b, 1), iou(&b, &a, 1));
            prop_assert_eq!(hd95_mm(&a, &b, 1, &grid), hd95_mm(&b, &a, 1, &grid));
            if let (Some(ab), Some(ba)) = (assd_mm(&a, &b, 1, &grid), assd_mm(&b, &a, 1, &grid)) {
                prop_assert!((ab - ba).abs() < 1e-12);
            }
        }

        #[test]
        fn iou_follows_from_dice_and_both_stay_within_bounds(a in any_mask(), b in any_mask()) {
            if let (Some(dice), Some(iou)) = (dice(&a, &b, 1), iou(&a, &b, 1)) {
                prop_assert!((0.0..=1.0).contains(&dice) && iou <= dice);
                prop_assert!((iou - dice / (2.0 - dice)).abs() < 1e-12);
            }
        }

        #[test]
        fn distances_scale_with_the_voxels(a in any_mask(), b in any_mask(), factor in 0.1..10.0) {
            let small = grid(SHAPE, [1.0, 2.0, 3.0]);
            let large = grid(SHAPE, [factor, 2.0 * factor, 3.0 * factor]);
            for metric in [hd95_mm, assd_mm] {
                if let (Some(small), Some(large)) = (metric(&a, &b, 1, &small), metric(&a, &b, 1, &large)) {
                    prop_assert!((large - factor * small).abs() < 1e-9 * factor);
                }
            }
        }

        #[test]
        fn no_distance_is_longer_than_the_volume(a in any_mask(), b in any_mask()) {
            let grid = grid(SHAPE, [1.0; 3]);
            if let (Some(hd95_mm), Some(assd_mm)) = (hd95_mm(&a, &b, 1, &grid), assd_mm(&a, &b, 1, &grid)) {
                let diagonal_mm = (25.0_f64 + 16.0 + 9.0).sqrt();
                prop_assert!((0.0..=diagonal_mm).contains(&hd95_mm) && (0.0..=diagonal_mm).contains(&assd_mm));
            }
        }
    }
}
