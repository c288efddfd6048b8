//! Self-attention that never holds all weights: some positions look at all others, then the next do.

use burn::prelude::*;
use macerator::Simd;
use rayon::prelude::*;

use super::product::{STEP, Weights, weighted_sums};
use super::{exp, tensor, with_values};

/// Positions that look at the same time.
const QUERIES: usize = STEP;

/// softmax(qᵀ k / √d) v of every head (Vaswani et al. 2017, equation 1).
///
/// # Shapes
/// - query: `[batch, channels, positions]`; key and value: `[batch, channels, positions seen]`; a head has channels / heads
///   channels, which follow each other
/// - output: `[batch, channels, positions]`
pub fn attend(query: Tensor<3>, key: Tensor<3>, value: Tensor<3>, heads: usize) -> Tensor<3> {
    let dims @ [batch, channels, n_queries] = query.dims();
    let n_keys = key.dims()[2];
    let width = channels / heads;
    let heads = with_values(key, |key| {
        with_values(value, |value| {
            let head = |i: usize| Head::new(&key[i * width * n_keys..], &value[i * width * n_keys..], [width, n_keys]);
            (0..batch * heads).into_par_iter().map(head).collect::<Vec<_>>()
        })
    });
    let n_blocks = n_queries.div_ceil(QUERIES);
    let blocks: Vec<Vec<f32>> = with_values(query, |query| {
        let block = |i: usize| {
            let (head, first) = (i / n_blocks, i % n_blocks * QUERIES);
            let n = QUERIES.min(n_queries - first);
            let mut queries = vec![0.0; width * QUERIES];
            for (row, out) in queries.chunks_exact_mut(QUERIES).enumerate() {
                out[..n].copy_from_slice(&query[(head * width + row) * n_queries + first..][..n]);
            }
            heads[head].answer(&queries)
        };
        (0..heads.len() * n_blocks).into_par_iter().map(block).collect()
    });
    let mut out = vec![0.0; dims.iter().product()];
    out.par_chunks_exact_mut(n_queries).enumerate().for_each(|(i, out)| {
        let (head, row) = (i / width, i % width);
        for (out, block) in out.chunks_mut(QUERIES).zip(&blocks[head * n_blocks..]) {
            out.copy_from_slice(&block[row * QUERIES..][..out.len()]);
        }
    });
    tensor(out, dims)
}

/// Keys and values of one head of one sample.
struct Head {
    keys: Weights,
    values: Weights,
    n_keys: usize,
    scale: f32,
}

impl Head {
    /// Of `[width, n_keys]` each.
    fn new(keys: &[f32], values: &[f32], [width, n_keys]: [usize; 2]) -> Self {
        Self {
            keys: Weights::new(n_keys, width, |row, tap| keys[tap * n_keys + row]),
            values: Weights::new(width, n_keys, |row, tap| values[row * n_keys + tap]),
            n_keys,
            scale: 1.0 / (width as f32).sqrt(),
        }
    }

    /// `[width, QUERIES]` → `[width, QUERIES]`
    fn answer(&self, queries: &[f32]) -> Vec<f32> {
        let offsets: Vec<usize> = (0..self.n_keys.max(queries.len() / QUERIES)).map(|row| row * QUERIES).collect();
        let mut scores = vec![0.0; self.keys.n_rows() * QUERIES];
        weighted_sums(&self.keys, queries, &offsets[..queries.len() / QUERIES], QUERIES, &mut scores);
        let mut totals = [0.0; QUERIES];
        exponentials(&mut scores[..self.n_keys * QUERIES], self.scale, &mut totals);
        let mut out = vec![0.0; self.values.n_rows() * QUERIES];
        weighted_sums(&self.values, &scores, &offsets[..self.n_keys], QUERIES, &mut out);
        for row in out.chunks_exact_mut(QUERIES) {
            row.iter_mut().zip(totals).for_each(|(value, total)| *value /= total);
        }
        out
    }
}

/// Turns scores into weights that are still to be divided by their totals.
#[macerator::with_simd]
#[allow(clippy::extra_unused_type_parameters, reason = "it says for which processor the loops are compiled")]
fn exponentials<'a, S: Simd>(scores: &'a mut [f32], scale: f32, totals: &'a mut [f32; QUERIES]) {
    let mut largest = [f32::NEG_INFINITY; QUERIES];
    for row in scores.chunks_exact(QUERIES) {
        for (largest, score) in largest.iter_mut().zip(row) {
            *largest = largest.max(*score);
        }
    }
    for row in scores.chunks_exact_mut(QUERIES) {
        for i in 0..QUERIES {
            row[i] = exp((row[i] - largest[i]) * scale);
            totals[i] += row[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;
    use burn::tensor::activation::softmax;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn is_attention_as_it_is_written_down(
            batch in 1usize..3, heads in 1usize..4, width in 1usize..20, n_queries in 1usize..130, n_keys in 1usize..90,
        ) {
            let random = |n: usize| {
                let dims = [batch, heads * width, n];
                Tensor::<3>::random(dims, Distribution::Normal(0.0, 2.0), &Device::flex())
            };
            let (query, key, value) = (random(n_queries), random(n_keys), random(n_keys));
            let split = |t: &Tensor<3>| t.clone().reshape([batch, heads, width, t.dims()[2]]).swap_dims(2, 3);
            let scores = split(&query).matmul(split(&key).swap_dims(2, 3)) / (width as f64).sqrt();
            let expected = softmax(scores, 3).matmul(split(&value)).swap_dims(2, 3).reshape([batch, heads * width, n_queries]);
            let difference = (attend(query, key, value, heads) - expected).abs().max().into_scalar::<f32>();
            prop_assert!(difference < 2e-5, "{}", difference);
        }
    }
}
