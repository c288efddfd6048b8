//! Group norm, and the SiLU that follows it.

use burn::prelude::*;
use macerator::Simd;
use rayon::prelude::*;

use super::{Maps, exp, values};

/// Sums that run side by side, as wide as any processor's vector.
const LANES: usize = 16;

/// Numbers whose mean and variance are found while they are in the nearest cache.
const RUN: usize = 4096;

/// A group norm.
#[derive(Clone, Debug)]
pub struct Norm {
    /// Scale of each channel.
    pub gamma: Tensor<1>,
    /// Shift of each channel.
    pub beta: Tensor<1>,
    /// Groups of channels.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// x · σ(x) afterwards.
    pub silu: bool,
}

/// What a group norm does to the numbers of one channel of one sample.
#[derive(Clone, Copy, Debug)]
pub struct Scaling {
    scale: f32,
    shift: f32,
    silu: bool,
}

impl Scaling {
    pub fn apply(self, values: &mut [f32]) {
        apply(self, values);
    }
}

impl Norm {
    /// For each channel of each sample.
    pub(super) fn scalings(self, x: &Maps) -> Vec<Scaling> {
        let (per_group, silu) = (x.dims[1] / self.groups, self.silu);
        let (gamma, beta) = (values(self.gamma), values(self.beta));
        let of_group = |(i, group): (usize, &[f32])| {
            let (mean, variance) = moments(group);
            let inverse = (1.0 / (variance + self.epsilon).sqrt()) as f32;
            let first = i % self.groups * per_group;
            let of_channel = |channel: usize| {
                let scale = inverse * gamma[channel];
                Scaling { scale, shift: beta[channel] - mean as f32 * scale, silu }
            };
            (first..first + per_group).map(of_channel).collect::<Vec<_>>()
        };
        x.values.par_chunks_exact(per_group * x.n_positions()).enumerate().flat_map_iter(of_group).collect()
    }
}

/// Normalisation over groups of channels and all of space (Wu and He 2018).
pub fn group_norm(mut x: Maps, norm: Norm) -> Maps {
    let scalings = norm.scalings(&x);
    let n = x.n_positions();
    x.values.par_chunks_exact_mut(n).zip(scalings).for_each(|(channel, scaling)| scaling.apply(channel));
    x
}

/// x · σ(x).
pub fn silu(mut x: Maps) -> Maps {
    let scaling = Scaling { scale: 1.0, shift: 0.0, silu: true };
    x.values.par_chunks_mut(RUN).for_each(|run| scaling.apply(run));
    x
}

#[macerator::with_simd]
#[allow(clippy::extra_unused_type_parameters, reason = "it says for which processor the loops are compiled")]
#[allow(clippy::needless_lifetimes, reason = "the macro wants them named")]
fn apply<'a, S: Simd>(scaling: Scaling, values: &'a mut [f32]) {
    let scaled = |value: f32| value * scaling.scale + scaling.shift;
    let silu = |value: f32| value / (1.0 + exp(-value));
    match scaling.silu {
        true => values.iter_mut().for_each(|value| *value = silu(scaled(*value))),
        false => values.iter_mut().for_each(|value| *value = scaled(*value)),
    }
}

/// Mean and variance, run by run (Chan et al. 1979).
#[macerator::with_simd]
#[allow(clippy::extra_unused_type_parameters, reason = "it says for which processor the loops are compiled")]
#[allow(clippy::needless_lifetimes, reason = "the macro wants them named")]
fn moments<'a, S: Simd>(values: &'a [f32]) -> (f64, f64) {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for run in values.chunks(RUN) {
        let n_run = run.len() as f64;
        let centre = (sum(run, |value| value) / n_run) as f32;
        // Single precision has added up far from zero; what is left of it has not.
        let rest = sum(run, |value| value - centre) / n_run;
        let squares_run = sum(run, |value| (value - centre) * (value - centre)) - rest * rest * n_run;
        let mean_run = f64::from(centre) + rest;
        let (delta, total) = (mean_run - mean, n + n_run);
        mean += delta * n_run / total;
        squares += squares_run + delta * delta * n * n_run / total;
        n = total;
    }
    (mean, squares / n)
}

/// The sum of `term` over a run.
#[inline(always)]
fn sum(run: &[f32], term: impl Fn(f32) -> f32) -> f64 {
    let mut sums = [0.0f32; LANES];
    let mut rows = run.chunks_exact(LANES);
    for row in &mut rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += term(*value);
        }
    }
    let rest: f32 = rows.remainder().iter().map(|value| term(*value)).sum();
    f64::from(sums.iter().sum::<f32>() + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cpu::tensor;

    fn maps(values: Vec<f32>, channels: usize) -> Maps {
        Maps { dims: [1, channels, 1, 1, values.len() / channels], values }
    }

    #[test]
    fn channels_are_normalised_in_their_groups() {
        // Two groups of two channels; 0 and 2 have mean 1 and SD 1.
        let x = maps(vec![0.0, 2.0, 2.0, 0.0, 10.0, 10.0, 12.0, 12.0], 4);
        let (gamma, beta) = (tensor(vec![1.0, 2.0, 1.0, 1.0], [4]), tensor(vec![0.0, 0.0, 0.0, 3.0], [4]));
        let norm = |silu| Norm { gamma: gamma.clone(), beta: beta.clone(), groups: 2, epsilon: 0.0, silu };
        let values = |silu| group_norm(x.clone(), norm(silu)).values;
        let expected = [-1.0, 1.0, 2.0, -2.0, -1.0, -1.0, 4.0, 4.0];
        for (value, expected) in values(false).into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} for {expected}");
        }
        for (value, expected) in values(true).into_iter().zip(expected) {
            let expected = expected / (1.0 + (-expected).exp());
            assert!((value - expected).abs() < 1e-6, "{value} for {expected}");
        }
    }

    #[test]
    fn silu_of_what_is_far_below_zero_is_nothing() {
        for scale in [80.0, 90.0, 181.0, 300.0, 1e6] {
            let norm = Norm {
                gamma: tensor(vec![scale], [1]),
                beta: tensor(vec![0.0], [1]),
                groups: 1,
                epsilon: 0.0,
                silu: true,
            };
            let values = group_norm(maps(vec![-1.0, 1.0], 1), norm).values;
            assert!(values[0].abs() < 1e-30 && values[1] == scale, "{values:?} for {scale}");
        }
    }

    #[test]
    fn a_million_numbers_far_from_zero_have_their_mean_and_variance() {
        let values: Vec<f32> = (0..1_000_003).map(|i| 1000.0 + (i % 7) as f32).collect();
        let (mean, variance) = moments(&values);
        assert!((mean - 1003.0).abs() < 1e-3 && (variance - 4.0).abs() < 1e-3, "{mean}, {variance}");
    }

    #[test]
    fn what_is_the_same_everywhere_is_zero() {
        for value in [0.1, 1000.1, 16777.3] {
            let norm = Norm {
                gamma: tensor(vec![1.0], [1]),
                beta: tensor(vec![0.0], [1]),
                groups: 1,
                epsilon: 1e-3,
                silu: false,
            };
            let largest =
                group_norm(maps(vec![value; 10_000], 1), norm).values.into_iter().map(f32::abs).fold(0.0, f32::max);
            assert!(largest < 1e-3, "{largest} for {value}");
        }
    }
}
