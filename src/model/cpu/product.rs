//! The one inner loop of convolutions and of attention: rows of sums of shifted rows, each with its weight, kept in vector
//! registers until they are done.

use macerator::{Simd, Vector};

/// Rows of weights that are worked on at a time.
const ROWS: usize = 4;

/// Vectors of each of them: 12 sums, 3 sources and a weight fill the 16 registers of AVX2.
const VECTORS: usize = 3;

/// A multiple of what any processor works on at a time: rows of sums are as long as a multiple of it, and sources can be read
/// that far.
pub const STEP: usize = 48;

/// Weights in the order in which [`weighted_sums`] takes them.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `[block of rows, tap, row of the block]`
    packed: Vec<f32>,
    n_taps: usize,
}

impl Weights {
    /// `weight(row, tap)` for so many rows and taps.
    pub fn new(n_rows: usize, n_taps: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let mut packed = Vec::with_capacity(n_rows.next_multiple_of(ROWS) * n_taps);
        for first in (0..n_rows).step_by(ROWS) {
            for tap in 0..n_taps {
                packed.extend((first..first + ROWS).map(|row| if row < n_rows { weight(row, tap) } else { 0.0 }));
            }
        }
        Self { packed, n_taps }
    }

    /// Rows that come out: those that went in and zeros up to a whole block.
    pub fn n_rows(&self) -> usize {
        self.packed.len() / self.n_taps.max(1)
    }
}

/// `out[row][i] = Σ weight(row, tap) · source[offsets[tap] + i]`.
///
/// # Shapes
/// - `offsets`: one for each tap; the source goes on for the length of a row after the largest
/// - `out`: as many rows as the weights have, each `length` long, a multiple of [`STEP`]
pub fn weighted_sums(weights: &Weights, source: &[f32], offsets: &[usize], length: usize, out: &mut [f32]) {
    assert_eq!(length % STEP, 0, "rows of sums come in whole steps");
    assert_eq!(offsets.len(), weights.n_taps, "one offset for each tap");
    sums(&weights.packed, source, offsets, length, out);
}

#[macerator::with_simd]
fn sums<'a, S: Simd>(packed: &'a [f32], source: &'a [f32], offsets: &'a [usize], length: usize, out: &'a mut [f32]) {
    let lanes = S::lanes32();
    for start in (0..length).step_by(VECTORS * lanes) {
        for (weights, rows) in packed.chunks_exact(ROWS * offsets.len()).zip(out.chunks_exact_mut(ROWS * length)) {
            let sums = block::<S>(weights, &source[start..], offsets);
            for (row, sums) in rows.chunks_exact_mut(length).zip(sums) {
                for (out, sum) in row[start..].chunks_exact_mut(lanes).zip(sums) {
                    out.copy_from_slice(bytemuck::cast_slice(&[*sum]));
                }
            }
        }
    }
}

#[inline(always)]
fn block<S: Simd>(weights: &[f32], source: &[f32], offsets: &[usize]) -> [[Vector<S, f32>; VECTORS]; ROWS] {
    let lanes = S::lanes32();
    let mut sums = [[macerator::Scalar::splat::<S>(0.0f32); VECTORS]; ROWS];
    for (weights, &offset) in weights.chunks_exact(ROWS).zip(offsets) {
        let source = &source[offset..][..VECTORS * lanes];
        let vector = |i: usize| -> Vector<S, f32> {
            S::typed(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&source[i * lanes..][..lanes])))
        };
        let vectors = [vector(0), vector(1), vector(2)];
        for row in 0..ROWS {
            let weight = macerator::Scalar::splat::<S>(weights[row]);
            for i in 0..VECTORS {
                sums[row][i] = vectors[i].mul_add(weight, sums[row][i]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_a_plain_loop() {
        let weight = |row: usize, tap: usize| (row * 3 + tap) as f32 - 4.0;
        let source: Vec<f32> = (0..STEP * 3).map(|i| (i as f32 * 0.37).sin()).collect();
        let offsets = [0, 5, 31];
        let weights = Weights::new(6, offsets.len(), weight);
        assert_eq!(weights.n_rows(), 8);
        let length = 2 * STEP;
        let mut out = vec![f32::NAN; 8 * length];
        weighted_sums(&weights, &source, &offsets, length, &mut out);
        for row in 0..8 {
            for i in 0..length {
                let expected: f32 =
                    (0..3).map(|t| if row < 6 { weight(row, t) * source[offsets[t] + i] } else { 0.0 }).sum();
                assert!((out[row * length + i] - expected).abs() < 1e-4, "row {row}, {i}");
            }
        }
    }
}
