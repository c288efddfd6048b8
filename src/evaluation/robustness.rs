//! What noise and other damage to an image do to an answer: seeded perturbations, and the damaged image.
//!
//! The image is scaled to 0 … 1 between its smallest and its largest intensity, damaged there, and scaled back, so that a
//! strength means the same for every image. Models scale intensities of the damaged image by themselves, image by image, so
//! whatever a perturbation does to the range, a model sees its own range again: LDSeg's protocol, but for each image by itself where
//! the authors' code rescales a whole batch.

use clap::ValueEnum;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::domain::{Scaling, Volume, Voxels};

/// A way to damage an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Perturbation {
    /// Additive Gaussian noise: I + N(0, σ). Strength: σ, the *SD* on the image scaled to 0 … 1.
    #[default]
    Gaussian,
    /// Multiplicative noise: I · (1 + N(0, σ)). Strength: σ.
    Speckle,
    /// Magnitude noise of MR: √((I + N(0, σ))² + N(0, σ)²). Strength: σ.
    Rician,
    /// Gaussian blur. Strength: its SD in voxels.
    Blur,
    /// A smooth multiplicative field exp(s · b), b between −1 and 1. Strength: s.
    Bias,
    /// Another contrast, I to the power of exp(s): darker middle tones for s > 0, lighter for s < 0. Strength: s.
    Contrast,
}

impl Perturbation {
    /// Every one, in the order in which they are listed.
    pub const ALL: [Self; 6] = [Self::Gaussian, Self::Speckle, Self::Rician, Self::Blur, Self::Bias, Self::Contrast];

    /// Strengths worth sweeping; the first leaves the image as it is.
    pub fn strengths(self) -> &'static [f64] {
        match self {
            Self::Gaussian | Self::Speckle | Self::Rician => &[0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5],
            Self::Blur => &[0.0, 0.5, 0.75, 1.0, 1.5, 2.0],
            Self::Bias => &[0.0, 0.1, 0.2, 0.3, 0.5, 1.0],
            Self::Contrast => &[0.0, -0.7, -0.35, 0.35, 0.7],
        }
    }

    /// Whether repeats with other seeds give other images.
    pub fn is_random(self) -> bool {
        !matches!(self, Self::Blur | Self::Contrast)
    }

    /// One frame of `volume`, damaged; `None` where it has no two different finite intensities, or has colours. Equal seeds
    /// give equal noise, and noise of another strength is the same noise scaled. A strength of 0 changes nothing.
    pub fn apply(self, volume: &Volume, frame: usize, strength: f64, seed: u64) -> Option<Volume> {
        let (low, high) = volume.range(frame).filter(|(low, high)| high > low && !volume.is_color())?;
        let scale = |value: f32| ((f64::from(value) - low) / (high - low)) as f32;
        // What is no number is as dark as the darkest, as models have it.
        let mut values: Vec<f32> = volume.values(frame);
        values.iter_mut().for_each(|value| *value = if value.is_finite() { scale(*value) } else { 0.0 });
        if strength != 0.0 {
            self.damage(&mut values, volume.grid().shape(), strength as f32, seed);
        }
        values.iter_mut().for_each(|value| *value = (low + f64::from(*value) * (high - low)) as f32);
        Volume::new(volume.grid().clone(), Voxels::F32(values), Scaling::default(), 1).ok()
    }

    fn damage(self, values: &mut [f32], shape: [usize; 3], strength: f32, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut noise = || -> f32 {
            let normal: f32 = StandardNormal.sample(&mut rng);
            strength * normal
        };
        match self {
            Self::Gaussian => values.iter_mut().for_each(|value| *value += noise()),
            Self::Speckle => values.iter_mut().for_each(|value| *value *= 1.0 + noise()),
            Self::Rician => values.iter_mut().for_each(|value| *value = (*value + noise()).hypot(noise())),
            Self::Blur => (0..3).for_each(|axis| blur_along(values, shape, axis, strength)),
            Self::Bias => {
                let field = smooth_field(shape, &mut rng);
                values.iter_mut().zip(field).for_each(|(value, b)| *value *= (strength * b).exp());
            }
            Self::Contrast => {
                let power = strength.exp();
                values.iter_mut().for_each(|value| *value = value.max(0.0).powf(power));
            }
        }
    }
}

/// Convolves lines along `axis` with a Gaussian of `sd` voxels; beyond the border the border's value goes on.
fn blur_along(values: &mut [f32], shape: [usize; 3], axis: usize, sd: f32) {
    let reach = (3.0 * sd).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach).map(|d| (-0.5 * (d as f32 / sd).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    let stride: usize = shape[..axis].iter().product();
    let n = shape[axis];
    if n == 1 {
        return;
    }
    // A block holds all lines that start within one stride.
    values.par_chunks_mut(stride * n).for_each(|block| {
        let mut line = vec![0.0; n];
        for start in 0..stride {
            line.iter_mut().enumerate().for_each(|(i, value)| *value = block[start + i * stride]);
            for i in 0..n {
                let at = |d: isize| line[(i as isize + d).clamp(0, n as isize - 1) as usize];
                let total: f32 = (-reach..=reach).zip(&weights).map(|(d, weight)| weight * at(d)).sum();
                block[start + i * stride] = total / sum;
            }
        }
    });
}

/// Long waves in every direction, scaled so that the largest magnitude is 1.
fn smooth_field(shape: [usize; 3], rng: &mut impl Rng) -> Vec<f32> {
    const N_WAVES: usize = 6;
    // At most one wave along an axis, as coil fields have it.
    let waves: Vec<([f32; 3], f32)> = (0..N_WAVES)
        .map(|_| ([0; 3].map(|_| rng.random_range(-1.0..1.0_f32)), rng.random_range(0.0..std::f32::consts::TAU)))
        .collect();
    let [ni, nj, _] = shape;
    let at = |position: usize| {
        let voxel = [position % ni, position / ni % nj, position / (ni * nj)];
        let place = [0, 1, 2].map(|axis| voxel[axis] as f32 / shape[axis] as f32 * std::f32::consts::TAU);
        let phase = |wave: &[f32; 3]| wave.iter().zip(place).map(|(w, x)| w * x).sum::<f32>();
        waves.iter().map(|(wave, shift)| (phase(wave) + shift).cos()).sum::<f32>()
    };
    let mut field: Vec<f32> = (0..shape.iter().product()).into_par_iter().map(at).collect();
    let largest = field.par_iter().map(|value| value.abs()).reduce(|| f32::MIN_POSITIVE, f32::max);
    field.iter_mut().for_each(|value| *value /= largest);
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    /// From 100 to 300, a ramp along i.
    fn ramp(shape: [usize; 3]) -> Volume {
        let n: usize = shape.iter().product();
        let values = (0..n).map(|at| 100.0 + 200.0 * (at % shape[0]) as f32 / (shape[0] - 1) as f32).collect();
        let grid = Grid::axis_aligned(shape, [1.0; 3]).unwrap();
        Volume::new(grid, Voxels::F32(values), Scaling::default(), 1).unwrap()
    }

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        (mean, (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
    }

    #[test]
    fn no_strength_changes_nothing_and_equal_seeds_give_equal_images() {
        let volume = ramp([16, 16, 8]);
        for kind in Perturbation::ALL {
            let untouched = kind.apply(&volume, 0, 0.0, 1).unwrap().values(0);
            assert!(untouched.iter().zip(volume.values(0)).all(|(a, b)| (a - b).abs() < 1e-3), "{kind:?}");
            let [a, b, c] = [5, 5, 6].map(|seed| kind.apply(&volume, 0, 0.3, seed).unwrap().values(0));
            assert_eq!(a, b, "{kind:?}");
            assert_eq!(a != c, kind.is_random(), "{kind:?}");
            assert_ne!(a, untouched, "{kind:?}");
            assert_eq!(kind.strengths()[0], 0.0);
        }
    }

    #[test]
    fn sigma_is_the_sd_on_the_image_scaled_to_one() {
        let volume = ramp([32, 32, 32]);
        let noisy = Perturbation::Gaussian.apply(&volume, 0, 0.1, 3).unwrap().values(0);
        let noise: Vec<f32> = noisy.iter().zip(volume.values(0)).map(|(a, b)| (a - b) / 200.0).collect();
        let (mean, sd) = moments(&noise);
        assert!(mean.abs() < 0.002 && (sd - 0.1).abs() < 0.002, "{mean} {sd}");
        // The same noise, twice as strong.
        let doubled = Perturbation::Gaussian.apply(&volume, 0, 0.2, 3).unwrap().values(0);
        let is_double = |at: usize| ((doubled[at] - volume.values(0)[at]) / 200.0 - 2.0 * noise[at]).abs() < 1e-4;
        assert!((0..100).all(is_double));
    }

    #[test]
    fn speckle_leaves_the_dark_alone_and_rician_lifts_it() {
        let volume = ramp([2, 64, 64]);
        let dark = |kind: Perturbation| -> Vec<f32> {
            let values = kind.apply(&volume, 0, 0.1, 3).unwrap().values(0);
            values.iter().step_by(2).map(|v| (v - 100.0) / 200.0).collect()
        };
        assert!(dark(Perturbation::Speckle).iter().all(|v| v.abs() < 1e-6));
        // The mean of a Rayleigh distribution is σ √(π/2).
        let (mean, _) = moments(&dark(Perturbation::Rician));
        assert!((mean - 0.1 * (std::f64::consts::PI / 2.0).sqrt()).abs() < 0.005, "{mean}");
    }

    #[test]
    fn blur_keeps_the_sum_of_a_point_and_spreads_it_by_its_sd() {
        let shape = [21, 21, 21];
        let mut values = vec![0.0; 9261];
        values[10 + 21 * (10 + 21 * 10)] = 1.0;
        (0..3).for_each(|axis| blur_along(&mut values, shape, axis, 1.5));
        let sum: f32 = values.iter().sum();
        let variance: f32 = values.iter().enumerate().map(|(at, v)| v * ((at % 21) as f32 - 10.0).powi(2)).sum();
        assert!((sum - 1.0).abs() < 1e-5 && (variance.sqrt() - 1.5).abs() < 0.03, "{sum} {variance}");
    }

    #[test]
    fn what_has_no_range_is_not_damaged() {
        let grid = Grid::axis_aligned([2, 2, 1], [1.0; 3]).unwrap();
        let flat = Volume::new(grid, Voxels::F32(vec![7.0; 4]), Scaling::default(), 1).unwrap();
        assert!(Perturbation::Gaussian.apply(&flat, 0, 0.1, 0).is_none());
    }
}
