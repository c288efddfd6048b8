//! From a volume to the texture that projections sample: half-precision numbers, small enough for any GPU.
//!
//! A volume beyond the texture's limit is reduced by keeping the **largest** value of each group of voxels, because that
//! is what a maximum intensity projection of the whole volume would show.

use half::f16;
use rayon::prelude::*;

use crate::domain::{Volume, Voxels};
use crate::monitor::{Cancelled, Monitor};

/// Texels along each edge of a block of [`ReducedImage::peaks`].
pub const PEAK_BLOCK: usize = 8;

/// One frame of a volume as the ray caster samples it, `i` fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct ReducedImage {
    /// Texels along each axis.
    pub size: [usize; 3],
    /// Voxels that one texel spans along each axis. The last texel may reach beyond the volume.
    pub voxels_per_texel: [usize; 3],
    /// The intensities that texels of 0 and 1 stand for.
    pub range: [f64; 2],
    /// Intensities, from 0 at the volume's least to 1 at its greatest.
    pub texels: Vec<f16>,
    /// Blocks along each axis of [`Self::peaks`].
    pub peak_size: [usize; 3],
    /// The greatest that interpolation can find in each block: a ray that has seen more passes it.
    pub peaks: Vec<f16>,
}

impl ReducedImage {
    /// One frame of `volume` with at most `max_edge` texels along an edge.
    ///
    /// # Errors
    /// [`Cancelled`] when the monitor says so.
    pub fn build(volume: &Volume, frame: usize, max_edge: usize, monitor: &dyn Monitor) -> Result<Self, Cancelled> {
        const STAGE: &str = "Preparing the projection";
        monitor.report(STAGE, 0, 3)?;
        let (low, high) = volume.range(frame).unwrap_or((0.0, 255.0));
        let shape = volume.grid().shape();
        let voxels_per_texel = shape.map(|edge| edge.div_ceil(max_edge));
        let size = std::array::from_fn(|a| shape[a].div_ceil(voxels_per_texel[a]));
        monitor.report(STAGE, 1, 3)?;
        let unit_from_intensity = 1.0 / (high - low).max(f64::MIN_POSITIVE);
        let scaling = volume.scaling();
        let unit = move |stored: f64| ((scaling.apply(stored) - low) * unit_from_intensity) as f32;
        let luminance = move |r: u8, g: u8, b: u8| {
            let gray = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
            ((gray - low) * unit_from_intensity) as f32
        };
        let lattice = Lattice { shape, size, voxels_per_texel };
        let stored = volume.frame_range(frame);
        let texels = match volume.voxels() {
            Voxels::U8(v) => lattice.reduce(&v[stored], |x| unit(f64::from(x))),
            Voxels::I8(v) => lattice.reduce(&v[stored], |x| unit(f64::from(x))),
            Voxels::U16(v) => lattice.reduce(&v[stored], |x| unit(f64::from(x))),
            Voxels::I16(v) => lattice.reduce(&v[stored], |x| unit(f64::from(x))),
            Voxels::U32(v) => lattice.reduce(&v[stored], |x| unit(f64::from(x))),
            Voxels::I32(v) => lattice.reduce(&v[stored], |x| unit(f64::from(x))),
            Voxels::U64(v) => lattice.reduce(&v[stored], |x| unit(x as f64)),
            Voxels::I64(v) => lattice.reduce(&v[stored], |x| unit(x as f64)),
            Voxels::F32(v) => lattice.reduce(&v[stored], |x| unit(f64::from(x))),
            Voxels::F64(v) => lattice.reduce(&v[stored], unit),
            Voxels::Rgb(v) => lattice.reduce(&v[stored], |[r, g, b]| luminance(r, g, b)),
            Voxels::Rgba(v) => lattice.reduce(&v[stored], |[r, g, b, _]| luminance(r, g, b)),
        };
        monitor.report(STAGE, 2, 3)?;
        let (peak_size, peaks) = peaks(&texels, size);
        Ok(Self { size, voxels_per_texel, range: [low, high], texels, peak_size, peaks })
    }

    /// The texel value of an intensity.
    pub fn unit_from_intensity(&self, intensity: f64) -> f64 {
        (intensity - self.range[0]) / (self.range[1] - self.range[0]).max(f64::MIN_POSITIVE)
    }
}

/// How texels lie on voxels.
struct Lattice {
    shape: [usize; 3],
    size: [usize; 3],
    voxels_per_texel: [usize; 3],
}

impl Lattice {
    /// The greatest `unit` of each texel's voxels; 0 where none is a number.
    fn reduce<T: Copy + Sync>(&self, stored: &[T], unit: impl Fn(T) -> f32 + Sync) -> Vec<f16> {
        let [width, height, _] = self.size;
        let mut texels = vec![f16::ZERO; self.size.iter().product()];
        texels.par_chunks_exact_mut(width * height).enumerate().for_each(|(k, slice)| {
            let mut row = vec![0f32; width];
            for (j, out) in slice.chunks_exact_mut(width).enumerate() {
                row.fill(0.0);
                for line in self.lines(stored, j, k) {
                    // `f32::max` drops NaN, which no projection should show.
                    for (greatest, group) in row.iter_mut().zip(line.chunks(self.voxels_per_texel[0])) {
                        *greatest = group.iter().fold(*greatest, |greatest, &value| greatest.max(unit(value)));
                    }
                }
                out.iter_mut().zip(&row).for_each(|(out, &value)| *out = f16::from_f32(value.min(1.0)));
            }
        });
        texels
    }

    /// The rows of voxels that make row `j` of slice `k` of the texels.
    fn lines<'a, T>(&self, stored: &'a [T], j: usize, k: usize) -> impl Iterator<Item = &'a [T]> {
        let [ni, nj, _] = self.shape;
        let voxels = |axis: usize, texel: usize| {
            let first = texel * self.voxels_per_texel[axis];
            first..(first + self.voxels_per_texel[axis]).min(self.shape[axis])
        };
        let js = voxels(1, j);
        voxels(2, k).flat_map(move |k| js.clone().map(move |j| &stored[ni * (j + nj * k)..][..ni]))
    }
}

fn peaks(texels: &[f16], size: [usize; 3]) -> ([usize; 3], Vec<f16>) {
    let blocks = size.map(|edge| edge.div_ceil(PEAK_BLOCK));
    let mut peaks = vec![f16::ZERO; blocks.iter().product()];
    peaks.par_iter_mut().enumerate().for_each(|(n, peak)| {
        let block = [n % blocks[0], n / blocks[0] % blocks[1], n / (blocks[0] * blocks[1])];
        // Interpolation reaches one texel beyond the block.
        let reach = |a: usize| {
            let low = block[a] * PEAK_BLOCK;
            low.saturating_sub(1)..(low + PEAK_BLOCK + 1).min(size[a])
        };
        let mut greatest = f16::ZERO;
        for k in reach(2) {
            for j in reach(1) {
                let row = size[0] * (j + size[1] * k);
                // Numbers from 0 up sort like their bits.
                let bits = texels[row + reach(0).start..row + reach(0).end].iter().map(|value| value.to_bits()).max();
                greatest = greatest.max(f16::from_bits(bits.unwrap_or(0)));
            }
        }
        *peak = greatest;
    });
    (blocks, peaks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Scaling};
    use crate::monitor::Silent;

    fn volume(shape: [usize; 3], voxels: Voxels, scaling: Scaling) -> Volume {
        Volume::new(Grid::axis_aligned(shape, [1.0; 3]).unwrap(), voxels, scaling, 1).unwrap()
    }

    #[test]
    fn a_small_volume_keeps_every_voxel() {
        let stored: Vec<i16> = (0..60).map(|n| n * 10 - 100).collect();
        let image = ReducedImage::build(&volume([3, 4, 5], Voxels::I16(stored.clone()), Scaling::NONE), 0, 64, &Silent)
            .unwrap();
        assert_eq!((image.size, image.voxels_per_texel), ([3, 4, 5], [1; 3]));
        for (texel, stored) in image.texels.iter().zip(stored) {
            assert!((f64::from(texel.to_f32()) - image.unit_from_intensity(f64::from(stored))).abs() < 1e-3);
        }
    }

    #[test]
    fn reduction_keeps_the_brightest_voxel_even_at_the_ragged_end() {
        let shape = [11, 7, 9];
        for bright in [[0, 0, 0], [10, 6, 8], [5, 3, 8], [9, 6, 1]] {
            let mut stored = vec![0u8; 11 * 7 * 9];
            stored[bright[0] + 11 * (bright[1] + 7 * bright[2])] = 200;
            let image = ReducedImage::build(&volume(shape, Voxels::U8(stored), Scaling::NONE), 0, 4, &Silent).unwrap();
            assert_eq!((image.size, image.voxels_per_texel), ([4, 4, 3], [3, 2, 3]));
            let texel: [usize; 3] = std::array::from_fn(|a| bright[a] / image.voxels_per_texel[a]);
            for (n, value) in image.texels.iter().enumerate() {
                let is_bright = n == texel[0] + 4 * (texel[1] + 4 * texel[2]);
                assert_eq!(*value, if is_bright { f16::ONE } else { f16::ZERO });
            }
        }
    }

    #[test]
    fn the_greatest_is_of_intensities_not_of_stored_values() {
        let scaling = Scaling { slope: -2.0, intercept: 7.0 };
        let image = ReducedImage::build(&volume([2, 1, 1], Voxels::I16(vec![0, 50]), scaling), 0, 1, &Silent).unwrap();
        assert_eq!(image.range, [-93.0, 7.0]);
        assert_eq!(image.texels, [f16::ONE]);
    }

    #[test]
    fn what_is_no_number_is_passed_over() {
        let stored = vec![f32::NAN, 1.0, f32::NAN, f32::NAN, 3.0, 2.0];
        let image = ReducedImage::build(&volume([6, 1, 1], Voxels::F32(stored), Scaling::NONE), 0, 3, &Silent).unwrap();
        assert_eq!(image.texels, [f16::ZERO, f16::ZERO, f16::ONE]);
    }

    #[test]
    fn a_peak_is_at_least_every_texel_that_its_block_interpolates() {
        let stored: Vec<u8> = (0..20 * 20 * 20).map(|n: usize| (n * 7919 % 251) as u8).collect();
        let image = ReducedImage::build(&volume([20; 3], Voxels::U8(stored), Scaling::NONE), 0, 64, &Silent).unwrap();
        assert_eq!(image.peak_size, [3; 3]);
        for (n, texel) in image.texels.iter().enumerate() {
            let position = [n % 20, n / 20 % 20, n / 400];
            for reach in [0, 1] {
                let [bi, bj, bk] = position.map(|p: usize| p.saturating_sub(reach) / PEAK_BLOCK);
                assert!(image.peaks[bi + 3 * (bj + 3 * bk)] >= *texel);
            }
        }
    }
}
