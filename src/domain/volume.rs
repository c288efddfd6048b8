//! An image: voxels in the type in which they were stored, on a [`Grid`], over one or more frames of time.
//!
//! Stored values become intensities through [`Scaling`] only where somebody looks at them, so a CT of 300 MB stays one.

use std::sync::Arc;

use rayon::prelude::*;

use super::{FrameTimes, Grid};

/// Voxel values in their stored type, `i` fastest, then `j`, `k`, then time.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is named for the type that it holds")]
pub enum Voxels {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Rgb(Vec<[u8; 3]>),
    Rgba(Vec<[u8; 4]>),
}

/// Runs `$scalar` with `$values` bound to the typed vector of a scalar variant, or `$color` with the colour vector.
macro_rules! each_type {
    ($voxels:expr, $values:ident => $scalar:expr, $pixels:ident => $color:expr) => {
        match $voxels {
            Voxels::U8($values) => $scalar,
            Voxels::I8($values) => $scalar,
            Voxels::U16($values) => $scalar,
            Voxels::I16($values) => $scalar,
            Voxels::U32($values) => $scalar,
            Voxels::I32($values) => $scalar,
            Voxels::U64($values) => $scalar,
            Voxels::I64($values) => $scalar,
            Voxels::F32($values) => $scalar,
            Voxels::F64($values) => $scalar,
            Voxels::Rgb($pixels) => $color,
            Voxels::Rgba($pixels) => $color,
        }
    };
}

mod slices;

pub use self::slices::Means;

impl Voxels {
    /// Stored values, over all frames; a colour is one value.
    pub fn len(&self) -> usize {
        each_type!(self, v => v.len(), p => p.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of one stored value.
    pub fn bytes_per_voxel(&self) -> usize {
        each_type!(self, v => size_of_val_of(v), p => size_of_val_of(p))
    }

    /// The values at these positions, which must lie inside.
    fn picked(&self, positions: impl Iterator<Item = usize>) -> Self {
        macro_rules! pick {
            ($($kind:ident),*) => {
                match self {
                    $(Self::$kind(values) => Self::$kind(positions.map(|at| values[at]).collect()),)*
                }
            };
        }
        pick!(U8, I8, U16, I16, U32, I32, U64, I64, F32, F64, Rgb, Rgba)
    }

    /// The stored type, by the name that NumPy gives it; colours are `rgb` and `rgba`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "uint8",
            Self::I8(_) => "int8",
            Self::U16(_) => "uint16",
            Self::I16(_) => "int16",
            Self::U32(_) => "uint32",
            Self::I32(_) => "int32",
            Self::U64(_) => "uint64",
            Self::I64(_) => "int64",
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
            Self::Rgb(_) => "rgb",
            Self::Rgba(_) => "rgba",
        }
    }
}

fn size_of_val_of<T>(_: &[T]) -> usize {
    size_of::<T>()
}

/// A stored scalar that reads as a number.
trait Stored: Copy + Send + Sync {
    /// The value; 64-bit integers beyond 2^53 round.
    fn number(self) -> f64;
}

macro_rules! stored {
    ($($t:ty),*) => { $(impl Stored for $t { #[inline] fn number(self) -> f64 { self as f64 } })* };
}
stored!(u8, i8, u16, i16, u32, i32, u64, i64, f32, f64);

/// A stored colour.
trait Pixel: Copy + Send + Sync {
    fn rgba(self) -> [u8; 4];

    /// Brightness, 0 to 255 (ITU-R BT.601).
    #[inline]
    fn luminance(self) -> f32 {
        let [r, g, b, _] = self.rgba().map(f32::from);
        0.299 * r + 0.587 * g + 0.114 * b
    }
}

impl Pixel for [u8; 3] {
    #[inline]
    fn rgba(self) -> [u8; 4] {
        [self[0], self[1], self[2], 255]
    }
}

impl Pixel for [u8; 4] {
    #[inline]
    fn rgba(self) -> [u8; 4] {
        self
    }
}

/// Intensity from stored value: `stored * slope + intercept`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// Factor; never 0 or NaN.
    pub slope: f64,
    /// Offset, in intensity units.
    pub intercept: f64,
}

impl Scaling {
    /// Stored values are intensities.
    pub const NONE: Self = Self { slope: 1.0, intercept: 0.0 };

    /// The intensity of a stored number.
    #[inline]
    pub fn apply(self, stored: f64) -> f64 {
        stored * self.slope + self.intercept
    }
}

impl Default for Scaling {
    fn default() -> Self {
        Self::NONE
    }
}

/// The range of intensities that the screen spreads from black to white.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// Width of the range ("window"), in intensity units, above 0.
    pub width: f64,
    /// Middle of the range ("level"), in intensity units.
    pub level: f64,
}

impl Window {
    /// The window from black at `low` to white at `high`; at least a sliver wide where the two are equal.
    pub fn from_range(low: f64, high: f64) -> Self {
        let level = low + (high - low) / 2.0;
        let sliver = (level.abs() * 1e-6).max(1e-6);
        Self { width: (high - low).max(sliver), level }
    }

    /// The intensity shown black.
    pub fn low(self) -> f64 {
        self.level - self.width / 2.0
    }

    /// The intensity shown white.
    pub fn high(self) -> f64 {
        self.level + self.width / 2.0
    }
}

/// How often intensities occur: `counts.len()` bins of equal width from `low` to `high`.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Lower edge of the first bin, in intensity units.
    pub low: f64,
    /// Upper edge of the last bin.
    pub high: f64,
    /// Voxels in each bin.
    pub counts: Vec<u64>,
}

/// Why voxels and a grid do not make a [`Volume`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VolumeError {
    /// The voxels do not fill the grid's frames.
    #[error("{n_frames} frame(s) of {shape:?} voxels need {expected} values, found {found}")]
    Length {
        /// Values that the frames need.
        expected: usize,
        /// Values given.
        found: usize,
        /// The grid's shape.
        shape: [usize; 3],
        /// Frames asked for.
        n_frames: usize,
    },
    /// A slope of 0 or a scaling that is not finite.
    #[error("intensities cannot be scaled by slope {} and intercept {}", .0.slope, .0.intercept)]
    Scaling(Scaling),
}

/// An image on a grid. Voxels stay in their stored type; [`Scaling`] is applied when they are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    grid: Grid,
    /// Shared, so that another grid for the same voxels costs nothing.
    voxels: Arc<Voxels>,
    scaling: Scaling,
    n_frames: usize,
    pub(in crate::domain) frame_times: Option<FrameTimes>,
}

/// Enough samples for percentiles and histograms of large volumes: a second of work becomes ten milliseconds.
const MAX_SAMPLES: usize = 1 << 20;

impl Volume {
    /// `n_frames` frames of `grid`'s shape, one after the other in `voxels`. Colours are not scaled.
    ///
    /// # Errors
    /// [`VolumeError`] where `voxels` has not exactly `grid.n_voxels() * n_frames` values, there is no frame, or
    /// `scaling` is not finite or has slope 0.
    pub fn new(grid: Grid, voxels: Voxels, scaling: Scaling, n_frames: usize) -> Result<Self, VolumeError> {
        let expected = grid.n_voxels().saturating_mul(n_frames);
        let found = voxels.len();
        if found != expected || n_frames == 0 {
            return Err(VolumeError::Length { expected, found, shape: grid.shape(), n_frames });
        }
        if scaling.slope == 0.0 || !scaling.slope.is_finite() || !scaling.intercept.is_finite() {
            return Err(VolumeError::Scaling(scaling));
        }
        Ok(Self { grid, voxels: Arc::new(voxels), scaling, n_frames, frame_times: None })
    }

    /// The same image with the frames of a flat one along the third axis, as a [series](Grid::in_time): what can be done with slices
    /// can then be done with frames.
    #[must_use]
    pub fn in_time(self) -> Self {
        if self.n_frames == 1 || self.grid.shape()[2] > 1 {
            return self;
        }
        Self { grid: self.grid.in_time(self.n_frames), n_frames: 1, ..self }
    }

    /// The same image with its slices read as frames of a series, or the other way round; `None` of an image of one slice.
    pub fn with_time_swapped(&self) -> Option<Self> {
        (self.grid.shape()[2] > 1).then(|| Self { grid: self.grid.with_time_swapped(), ..self.clone() })
    }

    /// Where the voxels lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The same picture with pixels of another size, as [`Grid::with_pixel_mm`].
    pub fn with_pixel_mm(&self, pixel_mm: Option<f64>) -> Option<Self> {
        Some(Self { grid: self.grid.with_pixel_mm(pixel_mm)?, ..self.clone() })
    }

    /// The stored values of all frames.
    pub fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    /// The stored values, without the grid.
    pub fn into_voxels(self) -> Voxels {
        Arc::unwrap_or_clone(self.voxels)
    }

    /// Intensity from stored value.
    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// Frames over time, at least 1.
    pub fn n_frames(&self) -> usize {
        self.n_frames
    }

    /// Memory that the voxels take.
    pub fn stored_bytes(&self) -> usize {
        self.voxels.len() * self.voxels.bytes_per_voxel()
    }

    /// Whether voxels are colours rather than intensities.
    pub fn is_color(&self) -> bool {
        matches!(*self.voxels, Voxels::Rgb(_) | Voxels::Rgba(_))
    }

    /// Positions in [`Volume::voxels`] of one frame, clamped to the last.
    pub fn frame_range(&self, frame: usize) -> std::ops::Range<usize> {
        let n = self.grid.n_voxels();
        let first = frame.min(self.n_frames - 1) * n;
        first..first + n
    }

    /// The intensity of a voxel; `None` for colours and outside.
    pub fn value(&self, frame: usize, voxel: [usize; 3]) -> Option<f64> {
        let at = self.position(frame, voxel)?;
        each_type!(&*self.voxels, v => v.get(at).map(|s| self.scaling.apply(s.number())), _p => None)
    }

    /// The colour of a voxel; `None` for intensities and outside.
    pub fn color(&self, frame: usize, voxel: [usize; 3]) -> Option<[u8; 4]> {
        let at = self.position(frame, voxel)?;
        each_type!(&*self.voxels, _v => None, p => p.get(at).map(|pixel| pixel.rgba()))
    }

    /// The intensity of a voxel, of colours their luminance, 0 to 255; `None` outside.
    pub fn brightness(&self, frame: usize, voxel: [usize; 3]) -> Option<f64> {
        let at = self.position(frame, voxel)?;
        each_type!(
            &*self.voxels,
            v => v.get(at).map(|s| self.scaling.apply(s.number())),
            p => p.get(at).map(|pixel| f64::from(pixel.luminance()))
        )
    }

    fn position(&self, frame: usize, voxel: [usize; 3]) -> Option<usize> {
        let inside = frame < self.n_frames && voxel.iter().zip(self.grid.shape()).all(|(&v, size)| v < size);
        inside.then(|| frame * self.grid.n_voxels() + self.grid.index(voxel))
    }

    /// The intensities of a frame, `i` fastest; colours become their luminance, 0 to 255.
    pub fn values(&self, frame: usize) -> Vec<f32> {
        let (range, scaling) = (self.frame_range(frame), self.scaling);
        each_type!(
            &*self.voxels,
            v => v[range].par_iter().map(|s| scaling.apply(s.number()) as f32).collect(),
            p => p[range].par_iter().map(|pixel| pixel.luminance()).collect()
        )
    }

    /// One of the colours red, green and blue of a frame, 0 to 255, `i` fastest; of grey images the intensities.
    pub fn channel(&self, frame: usize, channel: usize) -> Vec<f32> {
        let range = self.frame_range(frame);
        each_type!(
            &*self.voxels,
            _v => self.values(frame),
            p => p[range].par_iter().map(|pixel| f32::from(pixel.rgba()[channel.min(2)])).collect()
        )
    }

    /// The slice `index` of a frame along voxel axis `axis`, where it lies; clamped to the last one.
    pub fn slice(&self, frame: usize, axis: usize, index: usize) -> Self {
        let grid = self.grid.slice(axis, index);
        let (shape, thin) = (self.grid.shape(), grid.shape());
        let index = index.min(shape[axis] - 1);
        let first = self.frame_range(frame).start;
        let position = |at: usize| {
            let mut voxel = [at % thin[0], at / thin[0] % thin[1], at / thin[0] / thin[1]];
            voxel[axis] = index;
            first + self.grid.index(voxel)
        };
        let n = grid.n_voxels();
        let voxels = self.voxels.picked((0..n).map(position));
        Self { grid, voxels: Arc::new(voxels), scaling: self.scaling, n_frames: 1, frame_times: None }
    }

    /// Copies the intensities of a frame from position `start` in memory on; they must lie inside. Leaves `values` as they are
    /// for colours.
    pub fn copy_range(&self, frame: usize, start: usize, values: &mut [f64]) {
        let first = self.frame_range(frame).start + start;
        let (range, scaling) = (first..first + values.len(), self.scaling);
        each_type!(
            &*self.voxels,
            v => values.iter_mut().zip(&v[range]).for_each(|(value, stored)| *value = scaling.apply(stored.number())),
            _p => {}
        );
    }

    /// The lowest and highest finite intensity of a frame; `None` where there is none, and for colours.
    pub fn range(&self, frame: usize) -> Option<(f64, f64)> {
        let range = self.frame_range(frame);
        let (low, high) = each_type!(&*self.voxels, v => finite_range(&v[range])?, _p => return None);
        let (a, b) = (self.scaling.apply(low), self.scaling.apply(high));
        Some((a.min(b), a.max(b)))
    }

    /// The intensities below which `percents` (0 to 100) of a frame's finite voxels lie, interpolated as NumPy does.
    ///
    /// Exact up to a million voxels; of larger frames a million voxels spread evenly over the frame are looked at.
    /// `None` where no voxel is finite, and for colours.
    pub fn percentiles(&self, frame: usize, percents: &[f64]) -> Option<Vec<f64>> {
        let mut samples = self.samples(frame)?;
        samples.par_sort_unstable_by(f64::total_cmp);
        let last = samples.len() - 1;
        let at = |percent: &f64| {
            let position = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
            let (below, above) = (samples[position.floor() as usize], samples[position.ceil() as usize]);
            below + (above - below) * position.fract()
        };
        Some(percents.iter().map(at).collect())
    }

    /// How often intensities occur in a frame, in `n_bins` (at least 1) bins over its range. Large frames are sampled as
    /// by [`Volume::percentiles`]. Empty (no counts) for colours and frames without a finite voxel.
    pub fn histogram(&self, frame: usize, n_bins: usize) -> Histogram {
        let (Some((low, high)), Some(samples)) = (self.range(frame), self.samples(frame)) else {
            return Histogram { low: 0.0, high: 0.0, counts: Vec::new() };
        };
        let mut counts = vec![0; n_bins.max(1)];
        let (last, scale) = (counts.len() - 1, counts.len() as f64 / (high - low));
        for value in samples {
            // NaN, where all are equal, goes to bin 0.
            let bin = ((value - low) * scale) as usize;
            counts[bin.min(last)] += 1;
        }
        Histogram { low, high, counts }
    }

    /// The window that shows a frame without its darkest and brightest 0.1 %. Colours get 0 to 255.
    pub fn auto_window(&self, frame: usize) -> Window {
        if self.is_color() {
            return Window::from_range(0.0, 255.0);
        }
        let inner = self.percentiles(frame, &[0.1, 99.9]).map(|p| (p[0], p[1]));
        // Where almost all of a frame is one value (a mask, a sparse map) the window is the full range.
        let (low, high) = inner.filter(|(low, high)| low < high).or_else(|| self.range(frame)).unwrap_or((0.0, 1.0));
        Window::from_range(low, high)
    }

    /// Up to [`MAX_SAMPLES`] finite intensities of a frame; `None` where there is none, and for colours.
    fn samples(&self, frame: usize) -> Option<Vec<f64>> {
        let range = self.frame_range(frame);
        let step = sampling_step(self.grid.shape(), MAX_SAMPLES);
        let scaling = self.scaling;
        let samples: Vec<f64> = each_type!(
            &*self.voxels,
            v => v[range].iter().step_by(step).map(|s| scaling.apply(s.number())).filter(|x| x.is_finite()).collect(),
            _p => return None
        );
        (!samples.is_empty()).then_some(samples)
    }
}

/// The lowest and highest finite stored number.
fn finite_range<T: Stored>(values: &[T]) -> Option<(f64, f64)> {
    let of_chunk = |chunk: &[T]| {
        chunk.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            let x = value.number();
            if x.is_finite() { (low.min(x), high.max(x)) } else { (low, high) }
        })
    };
    let (low, high) = values
        .par_chunks(1 << 16)
        .map(of_chunk)
        .reduce(|| (f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    (low <= high).then_some((low, high))
}

/// The step that takes at most `max_samples` of a frame and shares no factor with its row length, so that samples do
/// not all fall into a few columns.
fn sampling_step(shape: [usize; 3], max_samples: usize) -> usize {
    let n_voxels: usize = shape.iter().product();
    let mut step = n_voxels.div_ceil(max_samples).max(1);
    while step > 1 && (gcd(step, shape[0]) > 1 || gcd(step, shape[1]) > 1) {
        step += 1;
    }
    step
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(voxels: Voxels) -> Volume {
        Volume::new(Grid::axis_aligned([4, 3, 2], [1.0; 3]).unwrap(), voxels, Scaling::NONE, 1).unwrap()
    }

    #[test]
    fn voxels_must_fill_the_frames() {
        let grid = Grid::axis_aligned([4, 3, 2], [1.0; 3]).unwrap();
        let error = Volume::new(grid.clone(), Voxels::U8(vec![0; 47]), Scaling::NONE, 2).unwrap_err();
        assert_eq!(error.to_string(), "2 frame(s) of [4, 3, 2] voxels need 48 values, found 47");
        assert!(Volume::new(grid.clone(), Voxels::U8(vec![]), Scaling::NONE, 0).is_err());
        let zero = Scaling { slope: 0.0, intercept: 1.0 };
        assert_eq!(Volume::new(grid, Voxels::U8(vec![0; 24]), zero, 1), Err(VolumeError::Scaling(zero)));
    }

    #[test]
    fn values_are_scaled_and_frames_lie_one_after_the_other() {
        let grid = Grid::axis_aligned([4, 3, 2], [1.0; 3]).unwrap();
        let scaling = Scaling { slope: -2.0, intercept: 5.0 };
        let volume = Volume::new(grid, Voxels::I16((0..48).collect()), scaling, 2).unwrap();
        assert_eq!(volume.value(1, [1, 0, 0]), Some(-45.0));
        assert_eq!(volume.value(0, [4, 0, 0]), None);
        assert_eq!(volume.value(2, [0, 0, 0]), None);
        assert_eq!(volume.range(0), Some((-41.0, 5.0)));
        assert_eq!(volume.values(1)[..2], [-43.0, -45.0]);
        assert_eq!(volume.stored_bytes(), 96);
    }

    #[test]
    fn colours_have_no_values_but_a_luminance() {
        let volume = volume(Voxels::Rgb(vec![[255, 255, 255]; 24]));
        assert_eq!((volume.value(0, [0; 3]), volume.range(0)), (None, None));
        assert_eq!(volume.color(0, [0; 3]), Some([255; 4]));
        assert!((volume.values(0)[0] - 255.0).abs() < 1e-3);
        assert_eq!(volume.auto_window(0), Window { width: 255.0, level: 127.5 });
        assert_eq!(volume.histogram(0, 8).counts, Vec::<u64>::new());
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let mut values = vec![2.0f32; 24];
        values[..3].copy_from_slice(&[f32::NAN, f32::INFINITY, 7.0]);
        let some = volume(Voxels::F32(values));
        assert_eq!(some.range(0), Some((2.0, 7.0)));
        assert_eq!(some.histogram(0, 5).counts, [21, 0, 0, 0, 1]);
        let none = volume(Voxels::F32(vec![f32::NAN; 24]));
        assert_eq!((none.range(0), none.percentiles(0, &[50.0])), (None, None));
        assert_eq!(none.auto_window(0), Window { width: 1.0, level: 0.5 });
    }

    #[test]
    fn percentiles_are_numpys() {
        let volume = volume(Voxels::U8((0..24).collect()));
        assert_eq!(volume.percentiles(0, &[0.0, 10.0, 50.0, 100.0]), Some(vec![0.0, 2.3000000000000003, 11.5, 23.0]));
    }

    #[test]
    fn a_constant_image_has_a_window() {
        let window = volume(Voxels::U8(vec![7; 24])).auto_window(0);
        assert!(window.width > 0.0 && window.low() < 7.0 && window.high() > 7.0);
        assert_eq!(volume(Voxels::U8(vec![7; 24])).histogram(0, 3).counts, [24, 0, 0]);
    }

    #[test]
    fn a_sparse_mask_is_not_windowed_away() {
        let mut values = vec![0u8; 24];
        values[5] = 1;
        let grid = Grid::axis_aligned([24, 100, 10], [1.0; 3]).unwrap();
        values.resize(24_000, 0);
        let volume = Volume::new(grid, Voxels::U8(values), Scaling::NONE, 1).unwrap();
        assert_eq!(volume.auto_window(0), Window { width: 1.0, level: 0.5 });
    }

    #[test]
    fn samples_of_a_large_frame_come_from_all_columns() {
        for shape in [[512, 512, 600], [256, 300, 400], [1024, 1024, 1024], [7, 11, 13]] {
            let step = sampling_step(shape, MAX_SAMPLES);
            let n_voxels: usize = shape.iter().product();
            assert!(n_voxels / step <= MAX_SAMPLES && n_voxels / step >= MAX_SAMPLES.min(n_voxels) / 2);
            assert!(step == 1 || gcd(step, shape[0]) == 1);
        }
    }
}
