//! Group norm, and the SiLU that follows it, in one pass over what a group holds.

use burn::prelude::*;
use macerator::Simd;
use rayon::prelude::*;

use super::{exp, tensor, with_values};

/// Sums that run side by side, as wide as any processor's vector.
const LANES: usize = 16;

/// Numbers that are added up in single precision before they go on in double precision.
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

/// Normalisation over groups of channels and all of space (Wu and He 2018).
///
/// # Shapes
/// `[batch, channels, depth, height, width]`, in and out.
pub fn group_norm(x: Tensor<5>, norm: Norm) -> Tensor<5> {
    let dims @ [_, channels, ..] = x.dims();
    let Norm { gamma, beta, groups, epsilon, silu } = norm;
    let per_group = channels / groups;
    let plane: usize = dims[2..].iter().product();
    let mut out = vec![0.0; dims.iter().product()];
    let scales: Vec<(f32, f32)> =
        with_values(gamma, |gamma| with_values(beta, |beta| gamma.iter().copied().zip(beta.iter().copied()).collect()));
    with_values(x, |x| {
        let groups_in = x.par_chunks_exact(per_group * plane);
        out.par_chunks_exact_mut(per_group * plane).zip(groups_in).enumerate().for_each(|(i, (out, x))| {
            let first = i % groups * per_group;
            normalise(x, out, &scales[first..first + per_group], epsilon, silu);
        });
    });
    tensor(out, dims)
}

#[macerator::with_simd]
#[allow(clippy::extra_unused_type_parameters, reason = "it says for which processor the loops are compiled")]
fn normalise<'a, S: Simd>(x: &'a [f32], out: &'a mut [f32], scales: &'a [(f32, f32)], epsilon: f64, silu: bool) {
    let n = x.len() as f64;
    let mean = (sum(x, |value| value) / n) as f32;
    let variance = sum(x, |value| (value - mean) * (value - mean)) / n;
    let inverse = (1.0 / (variance + epsilon).sqrt()) as f32;
    let plane = x.len() / scales.len();
    for ((out, x), (gamma, beta)) in out.chunks_exact_mut(plane).zip(x.chunks_exact(plane)).zip(scales) {
        let (scale, shift) = (inverse * gamma, beta - mean * inverse * gamma);
        let scaled = out.iter_mut().zip(x).map(|(out, x)| (out, x * scale + shift));
        match silu {
            true => scaled.for_each(|(out, value)| *out = value / (1.0 + exp(-value))),
            false => scaled.for_each(|(out, value)| *out = value),
        }
    }
}

/// The sum of `term` over all values.
#[inline(always)]
fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f64 {
    let of_run = |run: &[f32]| {
        let mut sums = [0.0f32; LANES];
        let mut rows = run.chunks_exact(LANES);
        for row in &mut rows {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += term(*value);
            }
        }
        let rest: f32 = rows.remainder().iter().map(|value| term(*value)).sum();
        f64::from(sums.iter().sum::<f32>() + rest)
    };
    values.chunks(RUN).map(of_run).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_normalised_in_their_groups() {
        // Two groups of two channels; 0 and 2 have mean 1 and SD 1.
        let x = tensor(vec![0.0, 2.0, 2.0, 0.0, 10.0, 10.0, 12.0, 12.0], [1, 4, 1, 1, 2]);
        let (gamma, beta) = (tensor(vec![1.0, 2.0, 1.0, 1.0], [4]), tensor(vec![0.0, 0.0, 0.0, 3.0], [4]));
        let norm = |silu| Norm { gamma: gamma.clone(), beta: beta.clone(), groups: 2, epsilon: 0.0, silu };
        let values = |silu| group_norm(x.clone(), norm(silu)).into_data().iter::<f32>().collect::<Vec<_>>();
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
            let x = tensor(vec![-1.0, 1.0], [1, 1, 1, 1, 2]);
            let norm = Norm {
                gamma: tensor(vec![scale], [1]),
                beta: tensor(vec![0.0], [1]),
                groups: 1,
                epsilon: 0.0,
                silu: true,
            };
            let values = group_norm(x, norm).into_data().iter::<f32>().collect::<Vec<_>>();
            assert!(values[0].abs() < 1e-30 && values[1] == scale, "{values:?} for {scale}");
        }
    }

    #[test]
    fn a_million_equal_numbers_have_their_mean() {
        let values = vec![0.1f32; 1_000_003];
        assert!((sum(&values, |value| value) / values.len() as f64 - f64::from(0.1f32)).abs() < 1e-6);
    }
}
