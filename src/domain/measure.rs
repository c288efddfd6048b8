//! Measurements: lengths and angles between points, what a contour encloses, what each label holds.
//!
//! Everything is measured in the world, so anisotropic and oblique grids give the same numbers as isotropic ones.
//! Points are in voxels, `[i, j, k]`, with centres on whole numbers; vertices of a contour are in pixels of a slice, as
//! in [`fill::polygon`](super::fill::polygon).

use std::collections::BTreeMap;

use glam::DVec3;
use rayon::prelude::*;

use super::fill::pixels_inside;
use super::grid::SliceAxes;
use super::{Grid, LabelMap, LabelTable, Units, Volume};

/// The distance between two points, in mm.
pub fn distance_mm(grid: &Grid, a: [f64; 3], b: [f64; 3]) -> f64 {
    arm(grid, a, b).length()
}

/// The longest of 1, 2, 5, 10, 20, 50 … (and of their tenths, hundredths …) that is at most `limit`, for scale bars.
pub fn round_length(limit: f64) -> f64 {
    let decade = 10_f64.powf(limit.max(1e-6).log10().floor());
    [5.0, 2.0].into_iter().map(|step| step * decade).find(|length| *length <= limit).unwrap_or(decade)
}

/// The angle at `vertex` between the arms to `a` and to `b`, 0 to 180 degrees; `None` where an arm has no length.
pub fn angle_deg(grid: &Grid, a: [f64; 3], vertex: [f64; 3], b: [f64; 3]) -> Option<f64> {
    let (to_a, to_b) = (arm(grid, vertex, a), arm(grid, vertex, b));
    let (sine, cosine) = (to_a.cross(to_b).length(), to_a.dot(to_b));
    // The arctangent of both keeps its digits near 0 and 180 degrees, where the arccosine loses them.
    (to_a.length() > 0.0 && to_b.length() > 0.0).then(|| sine.atan2(cosine).to_degrees())
}

fn arm(grid: &Grid, from: [f64; 3], to: [f64; 3]) -> DVec3 {
    grid.world_from_voxel().transform_vector3(DVec3::from(to) - DVec3::from(from))
}

/// The outline of a closed contour in a slice, in mm; the last vertex is joined with the first.
pub fn perimeter_mm(grid: &Grid, axes: &SliceAxes, vertices: &[[f64; 2]]) -> f64 {
    let steps = pixel_steps(grid, axes);
    edges(vertices).map(|([ax, ay], [bx, by])| (steps[0] * (bx - ax) + steps[1] * (by - ay)).length()).sum()
}

/// What a closed contour in a slice encloses, in mm²; where the contour crosses itself, parts run round in opposite
/// directions count against each other.
pub fn area_mm2(grid: &Grid, axes: &SliceAxes, vertices: &[[f64; 2]]) -> f64 {
    let [right, down] = pixel_steps(grid, axes);
    let twice: f64 = edges(vertices).map(|([ax, ay], [bx, by])| ax * by - bx * ay).sum();
    (twice / 2.0).abs() * right.cross(down).length()
}

/// One pixel to the right and one down, in mm.
fn pixel_steps(grid: &Grid, axes: &SliceAxes) -> [DVec3; 2] {
    let step = |axis: usize, flip: bool| {
        let mut voxel = DVec3::ZERO;
        voxel[axis] = if flip { -1.0 } else { 1.0 };
        grid.world_from_voxel().transform_vector3(voxel)
    };
    [step(axes.right, axes.flip_right), step(axes.down, axes.flip_down)]
}

fn edges(vertices: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    vertices.iter().copied().zip(vertices.iter().copied().cycle().skip(1))
}

/// Intensities of some voxels. Those that are not finite are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intensities {
    /// Finite ones; at least 1.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (n − 1); `None` for one alone.
    pub sd: Option<f64>,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// What a contour in a slice encloses.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionStatistics {
    /// Voxels whose centres lie inside.
    pub n_voxels: u64,
    /// Of the contour itself, not of the voxels.
    pub area_mm2: f64,
    /// Length of the contour.
    pub perimeter_mm: f64,
    /// `None` for colours, and where no voxel inside is finite.
    pub intensities: Option<Intensities>,
    /// The middle intensity, or the mean of the two middle ones.
    pub median: Option<f64>,
}

/// Measures a contour on slice `index` of a frame; `index` must lie inside, vertices may lie outside.
pub fn region(
    volume: &Volume,
    frame: usize,
    axes: &SliceAxes,
    index: usize,
    vertices: &[[f64; 2]],
) -> RegionStatistics {
    let grid = volume.grid();
    let shape = grid.shape();
    let inside: Vec<[usize; 2]> = pixels_inside(vertices, [shape[axes.right], shape[axes.down]]).collect();
    let value = |pixel: &[usize; 2]| volume.value(frame, axes.voxel(shape, *pixel, index));
    let mut values: Vec<f64> = inside.iter().filter_map(value).filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    RegionStatistics {
        n_voxels: inside.len() as u64,
        area_mm2: area_mm2(grid, axes, vertices),
        perimeter_mm: perimeter_mm(grid, axes, vertices),
        intensities: Moments::of(&values).intensities(),
        median: (n > 0).then(|| f64::midpoint(values[(n - 1) / 2], values[n / 2])),
    }
}

/// What one label holds.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelStatistics {
    /// The label.
    pub id: u16,
    /// Its name in the table.
    pub name: String,
    /// Its voxels.
    pub n_voxels: u64,
    /// Their volume in millilitres; their number where nobody knows how large they are.
    pub volume_ml: f64,
    /// `None` for colours, and where none of its voxels is finite.
    pub intensities: Option<Intensities>,
}

/// Measures every label of `table`, in its order, and after them those that occur without being in it. `labels` lie on
/// the grid of `volume`.
pub fn per_label(labels: &LabelMap, table: &LabelTable, volume: &Volume, frame: usize) -> Vec<LabelStatistics> {
    let mut found = moments_of_labels(labels, volume, frame);
    let listed = table.labels.iter().map(|label| label.id);
    let unlisted: Vec<u16> = found.keys().copied().filter(|&id| table.get(id).is_none()).collect();
    let statistics = |id: u16| {
        let (n_voxels, moments) = found.remove(&id).unwrap_or_default();
        LabelStatistics {
            id,
            name: table.name(id),
            n_voxels,
            volume_ml: labels.grid().volume_of(n_voxels),
            intensities: moments.intensities(),
        }
    };
    listed.chain(unlisted).map(statistics).collect()
}

/// Voxels and moments of every id that occurs, background left out.
fn moments_of_labels(labels: &LabelMap, volume: &Volume, frame: usize) -> BTreeMap<u16, (u64, Moments)> {
    let of_chunk = |(start, ids): (usize, &[u16])| {
        let mut values = vec![f64::NAN; ids.len()];
        volume.copy_range(frame, start, &mut values);
        let mut at = 0;
        let mut parts = Vec::new();
        for run in ids.chunk_by(|a, b| a == b) {
            if run[0] != 0 {
                parts.push((run[0], run.len() as u64, Moments::of(&values[at..at + run.len()])));
            }
            at += run.len();
        }
        parts
    };
    // In the order of memory, whichever thread was first, so that the last digits are the same each time.
    let parts: Vec<_> = labels.labelled_chunks().map(of_chunk).collect();
    let mut found: BTreeMap<u16, (u64, Moments)> = BTreeMap::new();
    for (id, n_voxels, moments) in parts.into_iter().flatten() {
        let (n, sum) = found.entry(id).or_default();
        *n += n_voxels;
        *sum = sum.with(moments);
    }
    found
}

/// Mean and squared deviations of finite values, which can be put together from parts without losing digits.
#[derive(Clone, Copy, Debug)]
struct Moments {
    n: u64,
    mean: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { n: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let n = finite().count() as u64;
        if n == 0 {
            return Self::default();
        }
        let mean = finite().sum::<f64>() / n as f64;
        let squares = finite().map(|value| (value - mean).powi(2)).sum();
        let (min, max) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        Self { n, mean, squares, min, max }
    }

    /// Both together (Chan, Golub and LeVeque, 1979).
    fn with(self, other: Self) -> Self {
        if self.n == 0 || other.n == 0 {
            return if self.n == 0 { other } else { self };
        }
        let n = self.n + other.n;
        let apart = other.mean - self.mean;
        let share = other.n as f64 / n as f64;
        Self {
            n,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * self.n as f64 * share,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    fn intensities(self) -> Option<Intensities> {
        let Self { n, mean, squares, min, max } = self;
        let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        (n > 0).then_some(Intensities { n, mean, sd, min, max })
    }
}

/// Heads of the columns of a table of labels.
pub const COLUMNS: [&str; 8] = ["Id", "Label", "Voxels", "Volume (mL)", "Mean", "SD", "Min", "Max"];

impl LabelStatistics {
    /// One field for each of [`COLUMNS`]; empty where a number is undefined.
    pub fn fields(&self) -> [String; 8] {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let of = |value: fn(&Intensities) -> f64| number(self.intensities.as_ref().map(value));
        [
            self.id.to_string(),
            self.name.clone(),
            self.n_voxels.to_string(),
            self.volume_ml.to_string(),
            of(|known| known.mean),
            number(self.intensities.as_ref().and_then(|known| known.sd)),
            of(|known| known.min),
            of(|known| known.max),
        ]
    }
}

/// The table as RFC 4180 has it: a line of heads with units, commas, lines that end in CR LF.
pub fn to_csv(labels: &[LabelStatistics], units: Units) -> String {
    text(labels, units, ",", "\r\n", csv_field)
}

/// The table as spreadsheets take it from the clipboard: fields apart by tabs.
pub fn to_tsv(labels: &[LabelStatistics], units: Units) -> String {
    text(labels, units, "\t", "\n", |field| field.replace(['\t', '\n', '\r'], " "))
}

fn text(labels: &[LabelStatistics], units: Units, between: &str, end: &str, field: impl Fn(&str) -> String) -> String {
    let line = |fields: [&str; 8]| fields.map(&field).join(between) + end;
    let rows = labels.iter().map(|label| line(label.fields().each_ref().map(String::as_str)));
    let heads = COLUMNS.map(|head| units.renamed(head));
    std::iter::once(line(heads.each_ref().map(String::as_str))).chain(rows).collect()
}

/// A field of a CSV file, in quotes where it needs them.
pub fn csv_field(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use glam::{DAffine3, DMat3};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::grid::{Convention, Plane};
    use crate::domain::{Scaling, Voxels};

    const SHAPE: [usize; 3] = [12, 10, 4];
    const N: usize = 480;

    #[test]
    fn lengths_of_bars_are_round_and_not_too_long() {
        let found = [33.0, 5.0, 4.9, 1.0, 0.3, 999.0].map(round_length);
        for (found, expected) in found.into_iter().zip([20.0, 5.0, 2.0, 1.0, 0.2, 500.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    fn grid() -> Grid {
        Grid::axis_aligned(SHAPE, [0.5, 2.0, 3.0]).unwrap()
    }

    /// The same spacing, turned in space.
    fn turned() -> Grid {
        let turn = DMat3::from_rotation_z(0.4) * DMat3::from_rotation_x(1.1);
        let affine = DAffine3::from_mat3_translation(
            turn * DMat3::from_diagonal(DVec3::new(0.5, 2.0, 3.0)),
            DVec3::new(-40.0, 7.0, 9.0),
        );
        Grid::new(SHAPE, affine).unwrap()
    }

    fn volume(voxels: Voxels) -> Volume {
        Volume::new(grid(), voxels, Scaling { slope: 2.0, intercept: -10.0 }, 1).unwrap()
    }

    fn axial() -> SliceAxes {
        grid().slice_axes(Plane::Axial, Convention::Radiological)
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
    }

    #[test]
    fn lengths_and_angles_are_those_of_the_world() {
        for grid in [grid(), turned()] {
            assert!(near(distance_mm(&grid, [1.0, 1.0, 1.0], [7.0, 3.0, 1.0]), 5.0));
            let angle = |a, b| angle_deg(&grid, a, [2.0, 2.0, 0.0], b);
            assert!(near(angle([4.0, 2.0, 0.0], [2.0, 5.0, 0.0]).unwrap(), 90.0));
            // One millimetre each way: 2 voxels by half a voxel.
            assert!(near(angle([4.0, 2.0, 0.0], [4.0, 2.5, 0.0]).unwrap(), 45.0));
            assert!(near(angle([4.0, 2.0, 0.0], [0.0, 2.0, 0.0]).unwrap(), 180.0));
            assert_eq!(angle([4.0, 2.0, 0.0], [2.0, 2.0, 0.0]), None);
        }
    }

    #[test]
    fn a_rectangle_has_its_area_whichever_way_it_is_drawn() {
        let mut vertices = vec![[1.0, 1.0], [7.0, 1.0], [7.0, 4.0], [1.0, 4.0]];
        for grid in [grid(), turned()] {
            let axes = SliceAxes { flip_right: true, flip_down: false, ..axial() };
            assert!(near(area_mm2(&grid, &axes, &vertices), 3.0 * 6.0));
            assert!(near(perimeter_mm(&grid, &axes, &vertices), 2.0 * (3.0 + 6.0)));
            vertices.reverse();
        }
        assert_eq!(area_mm2(&grid(), &axial(), &[]), 0.0);
        assert_eq!(perimeter_mm(&grid(), &axial(), &[[3.0, 3.0]]), 0.0);
    }

    #[test]
    fn a_region_is_the_voxels_whose_centres_it_holds() {
        let volume = volume(Voxels::I16((0..N as i16).collect()));
        let axes = axial();
        let region = region(&volume, 0, &axes, 2, &[[1.5, 0.5], [4.5, 0.5], [4.5, 2.5], [1.5, 2.5]]);
        let pixels = (2..5).flat_map(|x| [[x, 1], [x, 2]]);
        let mut values: Vec<f64> = pixels.filter_map(|pixel| volume.value(0, axes.voxel(SHAPE, pixel, 2))).collect();
        values.sort_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / 6.0;
        let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 5.0).sqrt();
        let found = region.intensities.unwrap();
        assert_eq!((region.n_voxels, found.n, found.min, found.max), (6, 6, values[0], values[5]));
        assert!(near(found.mean, mean) && near(found.sd.unwrap(), sd));
        assert!(near(region.median.unwrap(), (values[2] + values[3]) / 2.0));
    }

    #[test]
    fn what_has_no_intensity_has_no_statistics() {
        let square = [[1.5, 0.5], [4.5, 0.5], [4.5, 2.5], [1.5, 2.5]];
        for voxels in [Voxels::Rgb(vec![[1, 2, 3]; N]), Voxels::F32(vec![f32::NAN; N])] {
            let region = region(&volume(voxels.clone()), 0, &axial(), 0, &square);
            assert_eq!((region.n_voxels, region.intensities, region.median), (6, None, None));
            let labels = LabelMap::new(grid(), vec![1; N]).unwrap();
            let labels = per_label(&labels, &LabelTable::default(), &volume(voxels), 0);
            assert_eq!((labels[0].n_voxels, labels[0].intensities), (N as u64, None));
        }
        let outside = region(&volume(Voxels::U8(vec![1; N])), 0, &axial(), 0, &[[-9.0, 0.0], [-5.0, 0.0], [-5.0, 3.0]]);
        assert_eq!((outside.n_voxels, outside.intensities), (0, None));
    }

    #[test]
    fn labels_are_listed_as_in_the_table_and_unknown_ones_after_them() {
        let ids = (0..N).map(|at| [0, 5, 2, 2][at % 4]).collect();
        let labels = LabelMap::new(grid(), ids).unwrap();
        let mut table = LabelTable::with_ids(&[2, 9]);
        table.labels.reverse();
        let found = per_label(&labels, &table, &volume(Voxels::U8(vec![7; N])), 0);
        let told: Vec<_> = found.iter().map(|label| (label.id, label.n_voxels)).collect();
        assert_eq!(told, [(9, 0), (2, 240), (5, 120)]);
        assert!(near(found[1].volume_ml, 240.0 * 3.0 / 1000.0));
        let four = Intensities { n: 240, mean: 4.0, sd: Some(0.0), min: 4.0, max: 4.0 };
        assert_eq!(found[1].intensities, Some(four));
    }

    #[test]
    fn tables_are_quoted_and_say_their_units() {
        let intensities = Some(Intensities { n: 1, mean: 1.5, sd: None, min: 1.5, max: 1.5 });
        let name = "left, \"old\"\tscar".to_owned();
        let labels = [LabelStatistics { id: 3, name, n_voxels: 1, volume_ml: 0.25, intensities }];
        let head = "Id,Label,Voxels,Volume (mL),Mean,SD,Min,Max\r\n";
        assert_eq!(
            to_csv(&labels, Units::Millimetres),
            format!("{head}3,\"left, \"\"old\"\"\tscar\",1,0.25,1.5,,1.5,1.5\r\n")
        );
        let lines = to_tsv(&labels, Units::Pixels);
        assert!(lines.starts_with("Id\tLabel\tVoxels\tVolume (voxels)\t"), "{lines}");
        assert_eq!(lines.lines().nth(1), Some("3\tleft, \"old\" scar\t1\t0.25\t1.5\t\t1.5\t1.5"));
    }

    proptest! {
        #[test]
        fn moments_of_parts_are_those_of_the_whole(
            values in prop::collection::vec(prop_oneof![9 => -1e3..1e3, 1 => Just(f64::NAN)], 0..60), cut in 0..60usize,
        ) {
            let (a, b) = values.split_at(cut.min(values.len()));
            let (parts, whole) = (Moments::of(a).with(Moments::of(b)), Moments::of(&values));
            prop_assert_eq!((parts.n, parts.min, parts.max), (whole.n, whole.min, whole.max));
            prop_assert!(near(parts.mean, whole.mean) && (parts.squares - whole.squares).abs() < 1e-6);
        }

        #[test]
        fn labels_are_measured_as_voxel_by_voxel(
            ids in prop::collection::vec(0..4u16, N), stored in prop::collection::vec(any::<i16>(), N),
        ) {
            let volume = volume(Voxels::I16(stored));
            let labels = LabelMap::new(grid(), ids.clone()).unwrap();
            for label in per_label(&labels, &LabelTable::default(), &volume, 0) {
                let positions = (0..N).filter(|&at| ids[at] == label.id);
                let voxel = |at: usize| [at % 12, at / 12 % 10, at / 120];
                let values: Vec<f64> = positions.filter_map(|at| volume.value(0, voxel(at))).collect();
                let (found, expected) = (label.intensities.unwrap(), Moments::of(&values));
                prop_assert_eq!((found.n, found.min, found.max), (expected.n, expected.min, expected.max));
                prop_assert!(near(found.mean, expected.mean));
                prop_assert_eq!(found.sd.is_some(), expected.n > 1);
                if let Some(sd) = found.sd {
                    prop_assert!(near(sd, (expected.squares / (expected.n - 1) as f64).sqrt()));
                }
            }
        }
    }
}
