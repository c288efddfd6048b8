//! Self-attention that never holds all weights: some positions look at all others, then the next do.

use macerator::Simd;
use rayon::prelude::*;

use super::product::{ROWS, STEP, Weights, weighted_sums};
use super::{Maps, exp};

/// Positions that look at the same time.
const QUERIES: usize = STEP;

/// Positions that they look at before the next are taken: their scores fill half of the nearest cache.
const KEYS: usize = 96;

/// softmax(qᵀ k / √d) v of every head (Vaswani et al. 2017, equation 1); a head has channels / heads channels, which follow each
/// other.
///
/// # Shapes
/// key and value have the same positions, query and output as many as they like
pub fn attend(query: &Maps, key: &Maps, value: &Maps, heads: usize) -> Maps {
    let [batch, channels, ..] = query.dims;
    let (n_queries, n_keys) = (query.n_positions(), key.n_positions());
    let width = channels / heads;
    let head = |i: usize| {
        let part = i * width * n_keys..(i + 1) * width * n_keys;
        Head::new(&key.values[part.clone()], &value.values[part], [width, n_keys])
    };
    let heads: Vec<Head> = (0..batch * heads).into_par_iter().map(head).collect();
    let n_blocks = n_queries.div_ceil(QUERIES);
    let block = |i: usize| {
        let (head, first) = (i / n_blocks, i % n_blocks * QUERIES);
        let n = QUERIES.min(n_queries - first);
        let mut queries = vec![0.0; width * QUERIES];
        for (row, out) in queries.chunks_exact_mut(QUERIES).enumerate() {
            out[..n].copy_from_slice(&query.values[(head * width + row) * n_queries + first..][..n]);
        }
        heads[head].answer(&queries)
    };
    let blocks: Vec<Vec<f32>> = (0..heads.len() * n_blocks).into_par_iter().map(block).collect();
    let mut values = vec![0.0; query.values.len()];
    values.par_chunks_exact_mut(n_queries).enumerate().for_each(|(i, out)| {
        let (head, row) = (i / width, i % width);
        for (out, block) in out.chunks_mut(QUERIES).zip(&blocks[head * n_blocks..]) {
            out.copy_from_slice(&block[row * QUERIES..][..out.len()]);
        }
    });
    Maps { values, dims: query.dims }
}

/// Keys and values of one head of one sample, some positions after the other.
struct Head {
    tiles: Vec<Tile>,
    width: usize,
    scale: f32,
}

struct Tile {
    keys: Weights,
    values: Weights,
    n_keys: usize,
}

impl Head {
    /// Of `[width, n_keys]` each.
    fn new(keys: &[f32], values: &[f32], [width, n_keys]: [usize; 2]) -> Self {
        let part = |rows: &[f32], first: usize, n: usize| -> Vec<f32> {
            rows.chunks_exact(n_keys).flat_map(|row| &row[first..first + n]).copied().collect()
        };
        let tile = |first: usize| {
            let n = KEYS.min(n_keys - first);
            let keys = Weights::of_columns(&part(keys, first, n), width);
            Tile { keys, values: Weights::of_rows(&part(values, first, n), n), n_keys: n }
        };
        Self { tiles: (0..n_keys).step_by(KEYS).map(tile).collect(), width, scale: 1.0 / (width as f32).sqrt() }
    }

    /// `[width, QUERIES]` → `[width, QUERIES]`. What the tiles so far have given is scaled down whenever a larger score comes
    /// (Milakov and Gimelshein 2018), so that a tile's scores never leave the nearest cache.
    fn answer(&self, queries: &[f32]) -> Vec<f32> {
        let offsets: [usize; KEYS] = std::array::from_fn(|row| row * QUERIES);
        let of_queries: Vec<usize> = (0..self.width).map(|row| row * QUERIES).collect();
        let mut out = vec![0.0; self.width * QUERIES];
        let mut of_tile = vec![0.0; self.width.next_multiple_of(ROWS) * QUERIES];
        let mut scores = [0.0; KEYS * QUERIES];
        let mut softmax = Softmax { largest: [f32::NEG_INFINITY; QUERIES], totals: [0.0; QUERIES], scale: self.scale };
        for tile in &self.tiles {
            let scores = &mut scores[..tile.keys.n_rows() * QUERIES];
            weighted_sums(&tile.keys, queries, &of_queries, QUERIES, scores);
            let shrink = exponentials(&mut softmax, &mut scores[..tile.n_keys * QUERIES]);
            weighted_sums(&tile.values, scores, &offsets[..tile.n_keys], QUERIES, &mut of_tile);
            for (out, of_tile) in out.chunks_exact_mut(QUERIES).zip(of_tile.chunks_exact(QUERIES)) {
                for i in 0..QUERIES {
                    out[i] = out[i] * shrink[i] + of_tile[i];
                }
            }
        }
        for row in out.chunks_exact_mut(QUERIES) {
            row.iter_mut().zip(softmax.totals).for_each(|(value, total)| *value /= total);
        }
        out
    }
}

/// Of all scores so far.
struct Softmax {
    largest: [f32; QUERIES],
    totals: [f32; QUERIES],
    scale: f32,
}

/// Turns a tile's scores into weights that are still to be divided by their totals; by how much the weights of earlier tiles
/// shrink.
#[macerator::with_simd]
#[allow(clippy::extra_unused_type_parameters, reason = "it says for which processor the loops are compiled")]
fn exponentials<'a, S: Simd>(softmax: &'a mut Softmax, scores: &'a mut [f32]) -> [f32; QUERIES] {
    let mut largest = softmax.largest;
    for row in scores.chunks_exact(QUERIES) {
        for (largest, score) in largest.iter_mut().zip(row) {
            *largest = largest.max(*score);
        }
    }
    let shrink = std::array::from_fn(|i| exp((softmax.largest[i] - largest[i]) * softmax.scale));
    let mut totals = std::array::from_fn(|i| softmax.totals[i] * shrink[i]);
    for row in scores.chunks_exact_mut(QUERIES) {
        for i in 0..QUERIES {
            row[i] = exp((row[i] - largest[i]) * softmax.scale);
            totals[i] += row[i];
        }
    }
    (softmax.largest, softmax.totals) = (largest, totals);
    shrink
}

#[cfg(test)]
mod tests {
    use burn::prelude::*;
    use burn::tensor::Distribution;
    use burn::tensor::activation::softmax;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn is_attention_as_it_is_written_down(
            batch in 1usize..3, heads in 1usize..4, width in 1usize..20, n_queries in 1usize..130, n_keys in 1usize..300,
        ) {
            let random = |n: usize| {
                let dims = [batch, heads * width, n];
                Tensor::<3>::random(dims, Distribution::Normal(0.0, 2.0), &Device::flex())
            };
            let (query, key, value) = (random(n_queries), random(n_keys), random(n_keys));
            let split = |t: &Tensor<3>| t.clone().reshape([batch, heads, width, t.dims()[2]]).swap_dims(2, 3);
            let scores = split(&query).matmul(split(&key).swap_dims(2, 3)) / (width as f64).sqrt();
            let expected = softmax(scores, 3).matmul(split(&value)).swap_dims(2, 3).reshape([batch, heads * width, n_queries]);
            let maps = |t: Tensor<3>| Maps::from(t.clone().reshape([batch, heads * width, 1, 1, t.dims()[2]]));
            let answer = Tensor::<5>::from(attend(&maps(query), &maps(key), &maps(value), heads)).reshape(expected.dims());
            let difference = (answer - expected).abs().max().into_scalar::<f32>();
            prop_assert!(difference < 2e-5, "{}", difference);
        }
    }
}
