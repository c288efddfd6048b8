//! Image ↔ tensor: canonical orientation, the model's voxel size, a box of the right size, intensity scaling, and the way
//! back.
//!
//! A model's lattice runs right, anterior, superior (x fastest) at the model's spacing. Where the image already has that
//! spacing, its voxels are flipped and permuted, never interpolated.

use burn::prelude::TensorData;
use glam::{DAffine3, DMat3, DVec3};
use rayon::prelude::*;

use super::config::{InputConfig, IntensityConfig};
use crate::domain::grid::VoxelBox;
use crate::domain::{Grid, LabelMap, Volume};

/// Voxel sizes this close (in mm) count as the model's own.
const SPACING_TOLERANCE_MM: f64 = 1e-3;

/// Voxels this near to the edge of a box lie on it.
const ROUNDING: f64 = 1e-6;

/// Most places along one side of a pixel over which an image that is scaled down is averaged.
const MAX_PLACES: usize = 16;

/// Where the model's box lies in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelBox {
    /// Voxels along x, y, z that the image fills.
    shape: [usize; 3],
    /// Source voxel (fractional) from box voxel.
    source_from_box: DAffine3,
    /// The image is larger than the box.
    is_cropped: bool,
    /// Places within a pixel of the box, along x and y, over which the image is averaged: more than one where the image is scaled
    /// down, so that its grain does not turn into a pattern.
    places: usize,
}

impl ModelBox {
    /// The box for an image on `grid`: all of it where it fits into `max_shape` (depth, height, width), else a box of that
    /// size around `focus` (a voxel of the image; its middle where there is none).
    pub fn new(grid: &Grid, input: &InputConfig, focus: Option<[usize; 3]>) -> Self {
        let (axes, flipped) = grid.canonical_axes();
        let size = grid.shape();
        let spacing = grid.spacing_mm();
        let shrunk = input.longer_side.map(|side| size[axes[0]].max(size[axes[1]]) as f64 / side as f64);
        let step = |world: usize| match input.spacing_mm {
            _ if shrunk.is_some() => shrunk.filter(|_| world < 2).unwrap_or(1.0),
            Some(wanted) if (wanted[world] - spacing[axes[world]]).abs() > SPACING_TOLERANCE_MM => {
                wanted[world] / spacing[axes[world]]
            }
            _ => 1.0,
        };
        let full = [0, 1, 2].map(|w| ((size[axes[w]] as f64 / step(w) - 1e-6).ceil() as usize).max(1));
        let [depth, height, width] = input.max_shape;
        let limit = [width, height, depth];
        let shape = [0, 1, 2].map(|w| full[w].min(limit[w]));

        let mut columns = [DVec3::ZERO; 3];
        let mut origin = DVec3::ZERO;
        for world in 0..3 {
            let axis = axes[world];
            let step = step(world);
            let sign = if flipped[world] { -1.0 } else { 1.0 };
            columns[world][axis] = sign * step;
            // The middle of the box's row lies on the middle of the image's row, or as near the focus as the image allows.
            let middle = (size[axis] as f64 - 1.0) / 2.0;
            let half = (shape[world] as f64 - 1.0) / 2.0 * step;
            let centre = match focus {
                Some(focus) if shape[world] < full[world] => {
                    let centre = (focus[axis] as f64).clamp(half, (size[axis] as f64 - 1.0 - half).max(half));
                    // Whole voxels stay whole.
                    if step == 1.0 { (centre - half).round() + half } else { centre }
                }
                _ if step == 1.0 => (middle - half).floor() + half,
                _ => middle,
            };
            origin[axis] = centre - sign * half;
        }
        let source_from_box =
            DAffine3 { matrix3: DMat3::from_cols(columns[0], columns[1], columns[2]), translation: origin };
        let places = shrunk.map_or(1, |step| (step.ceil() as usize).clamp(1, MAX_PLACES));
        Self { shape, source_from_box, is_cropped: shape != full, places }
    }

    /// Voxels along depth, height and width (z, y, x).
    pub fn shape(&self) -> [usize; 3] {
        let [x, y, z] = self.shape;
        [z, y, x]
    }

    /// The middle of the box along a voxel axis of the source.
    pub fn slice(&self, axis: usize) -> usize {
        let middle = (DVec3::from_array(self.shape.map(|n| n as f64)) - 1.0) / 2.0;
        self.source_from_box.transform_point3(middle)[axis].round().max(0.0) as usize
    }

    /// The image is larger than the box.
    pub fn is_cropped(&self) -> bool {
        self.is_cropped
    }

    /// The image's intensities in the box, scaled as the model wants them, trilinear; x fastest, and channel after channel where
    /// the model takes colours.
    pub fn image(&self, volume: &Volume, frame: usize, input: &InputConfig) -> Vec<f32> {
        let brightness = volume.values(frame);
        let scale = IntensityScale::new(&brightness, volume, frame, input.intensity);
        let of = |values: &[f32]| {
            let sampler = Trilinear { values, shape: volume.grid().shape() };
            self.map_voxels(|source| scale.apply(self.mean_around(source, &sampler)))
        };
        match input.channels {
            1 => of(&brightness),
            n_channels => (0..n_channels).flat_map(|channel| of(&volume.channel(frame, channel))).collect(),
        }
    }

    /// The mean over the pixel of the box around a place in the source.
    fn mean_around(&self, source: DVec3, sampler: &Trilinear<'_>) -> f32 {
        if self.places == 1 {
            return sampler.at(source);
        }
        let n = self.places;
        let offset = |i: usize| (i as f64 + 0.5) / n as f64 - 0.5;
        let across = |x: usize, y: usize| self.source_from_box.matrix3 * DVec3::new(offset(x), offset(y), 0.0);
        let sum: f32 = (0..n * n).map(|i| sampler.at(source + across(i % n, i / n))).sum();
        sum / (n * n) as f32
    }

    /// The label ids in the box, nearest; x fastest.
    pub fn labels(&self, labels: &LabelMap) -> Vec<u16> {
        let [nx, ny, nz] = labels.grid().shape();
        self.map_voxels(|source| {
            labels.get([nearest_index(source.x, nx), nearest_index(source.y, ny), nearest_index(source.z, nz)])
        })
    }

    fn map_voxels<T: Send>(&self, value: impl Fn(DVec3) -> T + Sync) -> Vec<T> {
        let [nx, ny, nz] = self.shape;
        let row = |row: usize| {
            let (y, z) = (row % ny, row / ny);
            let value = &value;
            (0..nx).map(move |x| value(self.source_from_box.transform_point3(DVec3::new(x as f64, y as f64, z as f64))))
        };
        (0..ny * nz).into_par_iter().flat_map_iter(row).collect()
    }

    /// Carries class probabilities back onto the image's grid: for every source voxel inside the box, `write(index, values)`
    /// with the probability of each class, trilinear.
    ///
    /// `classes[c]` holds the box's voxels, x fastest, in rows of `stride` (depth, height, width may be padded).
    pub fn for_each_source_voxel(
        &self,
        grid: &Grid,
        classes: &[&[f32]],
        padded: [usize; 3],
        mut write: impl FnMut(usize, &[f32]),
    ) {
        let box_from_source = self.source_from_box.inverse();
        let [depth, height, width] = padded;
        let shape = [width, height, depth];
        let VoxelBox([i_range, j_range, k_range]) = self.source_region(grid);
        let last = self.shape.map(|n| n as f64 - 0.5);
        let mut probabilities = vec![0.0; classes.len()];
        for k in k_range {
            for j in j_range.clone() {
                for i in i_range.clone() {
                    let p = box_from_source.transform_point3(DVec3::new(i as f64, j as f64, k as f64));
                    if p.min_element() < -0.5 || p.x > last[0] || p.y > last[1] || p.z > last[2] {
                        continue;
                    }
                    let corners = Corners::new(shape, p);
                    for (probability, values) in probabilities.iter_mut().zip(classes) {
                        *probability = corners.mix(values);
                    }
                    write(grid.index([i, j, k]), &probabilities);
                }
            }
        }
    }

    /// The smallest box of source voxels that holds all those that the model's box covers.
    pub fn source_region(&self, grid: &Grid) -> VoxelBox {
        let size = grid.shape();
        let corner = |far: bool| {
            let edge = |n: usize| if far { n as f64 - 0.5 } else { -0.5 };
            self.source_from_box.transform_point3(DVec3::new(
                edge(self.shape[0]),
                edge(self.shape[1]),
                edge(self.shape[2]),
            ))
        };
        let (a, b) = (corner(false), corner(true));
        let low = a.min(b).to_array();
        let high = a.max(b).to_array();
        VoxelBox([0, 1, 2].map(|axis| {
            let bound = |at: f64| (at.max(0.0) as usize).min(size[axis]);
            bound((low[axis] - ROUNDING).ceil())..bound((high[axis] + ROUNDING).floor() + 1.0)
        }))
    }
}

/// A linear map of intensities, held within bounds.
#[derive(Clone, Copy, Debug)]
struct IntensityScale {
    low: f64,
    factor: f64,
    offset: f64,
    bounds: [f64; 2],
}

impl IntensityScale {
    /// The scale for the frame of `volume` whose `values` these are. Colour has no percentiles of its own: its brightness spans
    /// a byte.
    fn new(values: &[f32], volume: &Volume, frame: usize, intensity: IntensityConfig) -> Self {
        let of_color = || volume.is_color().then(|| brightness_range(values)).flatten();
        let (ends, target, bounds) = match intensity {
            IntensityConfig::MinMax => (volume.range(frame).or_else(of_color), [0.0, 1.0], [0.0, 1.0]),
            IntensityConfig::Percentiles { low, high, clip } => {
                let ends = volume.percentiles(frame, &[low, high]).map(|p| (p[0], p[1]));
                (ends.or_else(of_color), [-1.0, 1.0], [-clip, clip])
            }
        };
        let (low, high) = ends.unwrap_or((0.0, 1.0));
        let factor = if high > low { (target[1] - target[0]) / (high - low) } else { 0.0 };
        Self { low, factor, offset: target[0], bounds }
    }

    fn apply(&self, value: f32) -> f32 {
        let value = f64::from(value);
        // A voxel that is no number (masked background, as a rule) is as dark as the darkest.
        let value = if value.is_finite() { value } else { self.low };
        ((value - self.low) * self.factor + self.offset).clamp(self.bounds[0], self.bounds[1]) as f32
    }
}

/// Darkest and brightest of a colour image.
fn brightness_range(values: &[f32]) -> Option<(f64, f64)> {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
    (low < high).then(|| (f64::from(low), f64::from(high)))
}

/// Reads between voxels; beyond the border the border's value goes on.
#[derive(Clone, Copy, Debug)]
pub struct Trilinear<'a> {
    /// x fastest.
    pub values: &'a [f32],
    /// Along x, y, z.
    pub shape: [usize; 3],
}

impl Trilinear<'_> {
    /// The value at a fractional voxel.
    pub fn at(&self, p: DVec3) -> f32 {
        Corners::new(self.shape, p).mix(self.values)
    }
}

/// The eight voxels around a fractional one and how much each counts: worked out once for all classes.
struct Corners {
    /// Positions of the first voxel of the rows y0 z0, y1 z0, y0 z1, y1 z1.
    rows: [usize; 4],
    /// Along x, y, z.
    fractions: [f32; 3],
    /// From one voxel of a row to the next that counts; 0 in a row of one.
    step: usize,
}

impl Corners {
    fn new(shape: [usize; 3], p: DVec3) -> Self {
        let [nx, ny, nz] = shape;
        let split = |v: f64, n: usize| {
            let v = v.clamp(0.0, (n - 1) as f64);
            let below = (v as usize).min(n.saturating_sub(2));
            (below, (below + 1).min(n - 1), (v - below as f64) as f32)
        };
        let ((x0, x1, fx), (y0, y1, fy), (z0, z1, fz)) = (split(p.x, nx), split(p.y, ny), split(p.z, nz));
        let row = |y: usize, z: usize| x0 + nx * (y + ny * z);
        Self { rows: [row(y0, z0), row(y1, z0), row(y0, z1), row(y1, z1)], fractions: [fx, fy, fz], step: x1 - x0 }
    }

    fn mix(&self, values: &[f32]) -> f32 {
        let [fx, fy, fz] = self.fractions;
        let line = |row: usize| mix(values[row], values[row + self.step], fx);
        let plane = |first: usize| mix(line(self.rows[first]), line(self.rows[first + 1]), fy);
        if fz == 0.0 { plane(0) } else { mix(plane(0), plane(2), fz) }
    }
}

/// `a` where `f` is 0, exactly: a voxel beside NaN or infinity does not catch it.
fn mix(a: f32, b: f32, f: f32) -> f32 {
    if f == 0.0 { a } else { a + (b - a) * f }
}

/// The index below `n` that lies nearest to `at`.
pub fn nearest_index(at: f64, n: usize) -> usize {
    (at.round().max(0.0) as usize).min(n - 1)
}

/// Each size rounded up to its multiple.
pub fn rounded_up(shape: [usize; 3], multiple: [usize; 3]) -> [usize; 3] {
    [0, 1, 2].map(|axis| shape[axis].div_ceil(multiple[axis]) * multiple[axis])
}

/// Label maps of one `shape` (depth, height, width) as 0 and 1 for each class, `[map, class, depth, height, width]`.
pub fn one_hot<T: Copy + Into<usize>>(maps: &[&[T]], n_classes: usize, shape: [usize; 3]) -> TensorData {
    let is_class = |class: usize| move |&id: &T| f32::from(u8::from(id.into() == class));
    let values = maps.iter().flat_map(|ids| (0..n_classes).flat_map(move |class| ids.iter().map(is_class(class))));
    let [depth, height, width] = shape;
    TensorData::new(values.collect::<Vec<f32>>(), [maps.len(), n_classes, depth, height, width])
}

/// Voxels of `shape` laid into a larger `padded` box (both depth, height, width), the last row, column and slice repeated.
pub fn pad_edges<T: Copy>(values: &[T], shape: [usize; 3], padded: [usize; 3]) -> Vec<T> {
    let [depth, height, width] = shape;
    let [padded_depth, padded_height, padded_width] = padded;
    let mut out = Vec::with_capacity(padded.iter().product());
    for z in 0..padded_depth {
        for y in 0..padded_height {
            let start = width * (y.min(height - 1) + height * z.min(depth - 1));
            let row = &values[start..start + width];
            out.extend_from_slice(row);
            out.extend(std::iter::repeat_n(row[width - 1], padded_width - width));
        }
    }
    out
}
