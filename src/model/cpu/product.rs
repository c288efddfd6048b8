//! The one inner loop of convolutions and of attention: rows of sums of shifted rows, each with its weight, kept in vector
//! registers until they are done.

use macerator::{Simd, Vector};

/// Rows of weights that are worked on at a time.
pub const ROWS: usize = 4;

/// Vectors of each of them: 12 sums, 3 sources and a weight fill the 16 registers of AVX2.
const VECTORS: usize = 3;

/// Taps that are added up for all rows before the next are: what they read stays in the nearest cache.
const TAPS: usize = 288;

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
    /// `[row, tap]`
    pub fn of_rows(weights: &[f32], n_taps: usize) -> Self {
        let mut packed = Vec::with_capacity((weights.len() / n_taps).next_multiple_of(ROWS) * n_taps);
        for rows in weights.chunks(ROWS * n_taps) {
            let weight = |row: usize, tap: usize| rows.get(row * n_taps + tap).copied().unwrap_or(0.0);
            packed.extend((0..n_taps).flat_map(|tap| std::array::from_fn::<_, ROWS, _>(|row| weight(row, tap))));
        }
        Self { packed, n_taps }
    }

    /// `[tap, row]`
    pub fn of_columns(weights: &[f32], n_taps: usize) -> Self {
        let n_rows = weights.len() / n_taps;
        let mut packed = vec![0.0; n_rows.next_multiple_of(ROWS) * n_taps];
        for (block, out) in packed.chunks_exact_mut(ROWS * n_taps).enumerate() {
            let n = ROWS.min(n_rows - block * ROWS);
            for (out, taps) in out.chunks_exact_mut(ROWS).zip(weights.chunks_exact(n_rows)) {
                out[..n].copy_from_slice(&taps[block * ROWS..][..n]);
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
        for (tile, part) in offsets.chunks(TAPS).enumerate() {
            let all = packed.chunks_exact(ROWS * offsets.len()).zip(out.chunks_exact_mut(ROWS * length));
            for (weights, rows) in all {
                let weights = &weights[tile * TAPS * ROWS..][..part.len() * ROWS];
                let mut sums = [[macerator::Scalar::splat::<S>(0.0f32); VECTORS]; ROWS];
                if tile > 0 {
                    for (row, sums) in rows.chunks_exact(length).zip(&mut sums) {
                        *sums = vectors::<S>(&row[start..]);
                    }
                }
                let sums = block::<S>(weights, &source[start..], part, sums);
                for (row, sums) in rows.chunks_exact_mut(length).zip(sums) {
                    for (out, sum) in row[start..].chunks_exact_mut(lanes).zip(sums) {
                        out.copy_from_slice(bytemuck::cast_slice(&[*sum]));
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn block<S: Simd>(
    weights: &[f32],
    source: &[f32],
    offsets: &[usize],
    mut sums: [[Vector<S, f32>; VECTORS]; ROWS],
) -> [[Vector<S, f32>; VECTORS]; ROWS] {
    for (weights, &offset) in weights.chunks_exact(ROWS).zip(offsets) {
        let vectors = vectors::<S>(&source[offset..]);
        for row in 0..ROWS {
            let weight = macerator::Scalar::splat::<S>(weights[row]);
            for i in 0..VECTORS {
                sums[row][i] = vectors[i].mul_add(weight, sums[row][i]);
            }
        }
    }
    sums
}

#[inline(always)]
fn vectors<S: Simd>(values: &[f32]) -> [Vector<S, f32>; VECTORS] {
    let lanes = S::lanes32();
    let values = &values[..VECTORS * lanes];
    [0, 1, 2].map(|i| S::typed(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&values[i * lanes..][..lanes]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_taps_than_are_added_up_at_a_time_are_all_added() {
        let n_taps = 2 * TAPS + 5;
        let weights: Vec<f32> = (0..n_taps).map(|i| (i % 13) as f32 - 6.0).collect();
        let offsets: Vec<usize> = (0..n_taps).collect();
        let source: Vec<f32> = (0..n_taps + STEP).map(|i| (i % 7) as f32).collect();
        let mut out = vec![f32::NAN; ROWS * STEP];
        weighted_sums(&Weights::of_rows(&weights, n_taps), &source, &offsets, STEP, &mut out);
        for i in 0..STEP {
            assert_eq!(out[i], weights.iter().zip(&source[i..]).map(|(w, s)| w * s).sum::<f32>());
        }
    }

    #[test]
    fn sums_are_those_of_a_plain_loop() {
        let weight = |row: usize, tap: usize| (row * 3 + tap) as f32 - 4.0;
        let rows: Vec<f32> = (0..18).map(|i| weight(i / 3, i % 3)).collect();
        let columns: Vec<f32> = (0..18).map(|i| weight(i % 6, i / 6)).collect();
        let source: Vec<f32> = (0..STEP * 3).map(|i| (i as f32 * 0.37).sin()).collect();
        let offsets = [0, 5, 31];
        for weights in [Weights::of_rows(&rows, 3), Weights::of_columns(&columns, 3)] {
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
}
