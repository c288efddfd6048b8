//! 3×3×3 convolutions on the CPU with 3.4 times fewer multiplications: Winograd's F(2, 3) along each axis (Lavin and Gray
//! 2016). The output is computed in tiles of 2×2×2, each from a patch of 4×4×4, as 64 small matrix products.
//!
//! For inference on the CPU backend alone, where convolutions take nearly all the time; it has no gradient.

use burn::prelude::*;
use rayon::prelude::*;

use super::{tensor, with_values};

/// Weights to the frequencies of a patch, along one axis.
const WEIGHTS: [[f32; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// Frequencies of a 4×4×4 patch.
const N_FREQUENCIES: usize = 64;

/// Below this many tiles the transformation of the weights costs more than it saves.
const MIN_TILES: usize = 48;

/// Tiles of as many samples as make up this number are transformed together.
const CACHED_TILES: usize = 96;

/// Sizes of one convolution.
#[derive(Clone, Copy, Debug)]
struct Tiling {
    batch: usize,
    /// Depth, height, width of input and output.
    size: [usize; 3],
    /// Tiles along depth, height and width.
    tiles: [usize; 3],
}

impl Tiling {
    fn new([batch, _, depth, height, width]: [usize; 5]) -> Self {
        let size = [depth, height, width];
        Self { batch, size, tiles: size.map(|n| n.div_ceil(2)) }
    }

    fn n_voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Tiles of one sample.
    fn n_tiles(&self) -> usize {
        self.tiles.iter().product()
    }
}

/// Whether [`conv3`] is faster than a plain convolution of stride 1 and one group.
pub fn pays(x: &Tensor<5>, weight: &Tensor<5>) -> bool {
    weight.dims()[2..] == [3; 3] && Tiling::new(x.dims()).n_tiles() >= MIN_TILES
}

/// Convolution of stride 1 that keeps the size.
///
/// # Shapes
/// - x: `[batch, in, depth, height, width]`
/// - weight: `[out, in, 3, 3, 3]`, bias: `[out]`
/// - output: `[batch, out, depth, height, width]`
pub fn conv3(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let tiling = Tiling::new(x.dims());
    let weight = weight_frequencies(weight);
    let bias: Vec<f32> = bias.into_data().iter::<f32>().collect();
    // A few samples at a time, so that what lies between the steps stays in the cache.
    let samples = CACHED_TILES.div_ceil(tiling.n_tiles());
    if tiling.batch <= samples {
        return conv3_together(x, &weight, &bias);
    }
    let parts = x.split(samples, 0).into_iter().map(|x| conv3_together(x, &weight, &bias)).collect();
    Tensor::cat(parts, 0)
}

/// [`conv3`] from the weights' frequencies.
fn conv3_together(x: Tensor<5>, weight: &Tensor<3>, bias: &[f32]) -> Tensor<5> {
    let [batch, channels, depth, height, width] = x.dims();
    let tiling = Tiling::new(x.dims());
    let n_tiles = batch * tiling.n_tiles();
    let patches = with_values(x, |values| to_frequencies(values, channels, tiling));
    let patches = tensor(patches, [channels, N_FREQUENCIES, n_tiles]);
    let products = weight.clone().matmul(patches.swap_dims(0, 1));
    let y = with_values(products, |values| from_frequencies(values, bias, tiling));
    tensor(y, [batch, bias.len(), depth, height, width])
}

/// `[out, in, 3, 3, 3]` → `[frequency, out, in]`
fn weight_frequencies(weight: Tensor<5>) -> Tensor<3> {
    let [channels_out, channels_in, ..] = weight.dims();
    let row = |frequency: usize| {
        let [d, h, w] = [frequency / 16, frequency / 4 % 4, frequency % 4].map(|axis| WEIGHTS[axis]);
        (0..27).map(move |tap| d[tap / 9] * h[tap / 3 % 3] * w[tap % 3])
    };
    let transform: Vec<f32> = (0..N_FREQUENCIES).flat_map(row).collect();
    let transform = tensor(transform, [N_FREQUENCIES, 27]);
    let taps = weight.reshape([channels_out * channels_in, 27]).swap_dims(0, 1);
    transform.matmul(taps).reshape([N_FREQUENCIES, channels_out, channels_in])
}

/// One value of a patch's frequencies from the four along an axis.
fn forward(frequency: usize, d: [f32; 4]) -> f32 {
    match frequency {
        0 => d[0] - d[2],
        1 => d[1] + d[2],
        2 => d[2] - d[1],
        _ => d[1] - d[3],
    }
}

/// `[batch, channel, voxel]` → `[channel, frequency, tile of the batch]`
fn to_frequencies(x: &[f32], channels: usize, tiling: Tiling) -> Vec<f32> {
    let n_tiles = tiling.n_tiles();
    let mut out = vec![0.0; channels * N_FREQUENCIES * tiling.batch * n_tiles];
    out.par_chunks_mut(N_FREQUENCIES * tiling.batch * n_tiles).enumerate().for_each(|(channel, out)| {
        for sample in 0..tiling.batch {
            let start = (sample * channels + channel) * tiling.n_voxels();
            let rows = along_width(&x[start..start + tiling.n_voxels()], tiling);
            let planes = along_height(&rows, tiling);
            along_depth(&planes, tiling, sample, out);
        }
    });
    out
}

/// `[depth, height, width]` → `[frequency of width, padded depth, padded height, tile]`, padding included.
fn along_width(x: &[f32], tiling: Tiling) -> Vec<f32> {
    let ([depth, height, width], [td, th, tw]) = (tiling.size, tiling.tiles);
    let (padded_depth, padded_height) = (2 * td + 2, 2 * th + 2);
    let part = padded_depth * padded_height * tw;
    let mut out = vec![0.0; 4 * part];
    let mut padded = vec![0.0; 2 * tw + 2];
    for z in 0..depth {
        for y in 0..height {
            let start = (z * height + y) * width;
            padded[1..=width].copy_from_slice(&x[start..start + width]);
            let row = ((z + 1) * padded_height + y + 1) * tw;
            for tile in 0..tw {
                let d = [padded[2 * tile], padded[2 * tile + 1], padded[2 * tile + 2], padded[2 * tile + 3]];
                for frequency in 0..4 {
                    out[frequency * part + row + tile] = forward(frequency, d);
                }
            }
        }
    }
    out
}

/// → `[frequency of height, frequency of width, padded depth, tile of height, tile of width]`
fn along_height(x: &[f32], tiling: Tiling) -> Vec<f32> {
    let [td, th, tw] = tiling.tiles;
    let (padded_depth, padded_height) = (2 * td + 2, 2 * th + 2);
    let mut out = vec![0.0; 16 * padded_depth * th * tw];
    for (i, out) in out.chunks_exact_mut(th * tw).enumerate() {
        let (frequency, plane) = (i / (4 * padded_depth), i % (4 * padded_depth));
        let plane = &x[plane * padded_height * tw..(plane + 1) * padded_height * tw];
        for (tile, out) in out.chunks_exact_mut(tw).enumerate() {
            combine(frequency, &plane[2 * tile * tw..(2 * tile + 4) * tw], out);
        }
    }
    out
}

/// → `[frequency of depth, of height, of width, tile of the batch]`: the part of `sample`.
fn along_depth(x: &[f32], tiling: Tiling, sample: usize, out: &mut [f32]) {
    let [td, th, tw] = tiling.tiles;
    let (plane, n_tiles) = (th * tw, tiling.n_tiles());
    let stack = (2 * td + 2) * plane;
    for (i, out) in out.chunks_exact_mut(tiling.batch * n_tiles).enumerate() {
        let (frequency, rest) = (i / 16, i % 16);
        let stack = &x[rest * stack..(rest + 1) * stack];
        let out = &mut out[sample * n_tiles..(sample + 1) * n_tiles];
        for (tile, out) in out.chunks_exact_mut(plane).enumerate() {
            combine(frequency, &stack[2 * tile * plane..(2 * tile + 4) * plane], out);
        }
    }
}

/// [`forward`] for four rows at once.
fn combine(frequency: usize, rows: &[f32], out: &mut [f32]) {
    let n = out.len();
    let (a, b, sign) = match frequency {
        0 => (0, 2, -1.0),
        1 => (1, 2, 1.0),
        2 => (2, 1, -1.0),
        _ => (1, 3, -1.0),
    };
    let (a, b) = (&rows[a * n..(a + 1) * n], &rows[b * n..(b + 1) * n]);
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = a + sign * b;
    }
}

/// `[frequency, out, tile of the batch]` → `[batch, out, voxel]`
fn from_frequencies(products: &[f32], bias: &[f32], tiling: Tiling) -> Vec<f32> {
    let n_tiles = tiling.n_tiles();
    let channels = bias.len();
    let mut out = vec![0.0; tiling.batch * channels * tiling.n_voxels()];
    out.par_chunks_mut(tiling.n_voxels()).enumerate().for_each(|(i, out)| {
        let (sample, channel) = (i / channels, i % channels);
        let frequency = |f: usize| {
            let start = ((f * channels + channel) * tiling.batch + sample) * n_tiles;
            &products[start..start + n_tiles]
        };
        // Along depth: two outputs for each of the 16 frequencies of height and width.
        let mut depths = vec![0.0; 32 * n_tiles];
        for (rest, out) in depths.chunks_exact_mut(2 * n_tiles).enumerate() {
            let (even, odd) = out.split_at_mut(n_tiles);
            gather([0, 16, 32, 48].map(|f| frequency(f + rest)), even, odd);
        }
        let mut heights = vec![0.0; 16 * n_tiles];
        for (rest, out) in heights.chunks_exact_mut(4 * n_tiles).enumerate() {
            let (even, odd) = out.split_at_mut(2 * n_tiles);
            gather([0, 4, 8, 12].map(|f| &depths[(f + rest) * 2 * n_tiles..(f + rest + 1) * 2 * n_tiles]), even, odd);
        }
        let mut widths = vec![0.0; 8 * n_tiles];
        let (even, odd) = widths.split_at_mut(4 * n_tiles);
        gather([0, 1, 2, 3].map(|f| &heights[f * 4 * n_tiles..(f + 1) * 4 * n_tiles]), even, odd);
        interleave(&widths, bias[channel], tiling, out);
    });
    out
}

/// The two outputs of a tile from its four frequencies along an axis.
fn gather(frequencies: [&[f32]; 4], even: &mut [f32], odd: &mut [f32]) {
    let [a, b, c, d] = frequencies;
    for i in 0..even.len() {
        even[i] = a[i] + b[i] + c[i];
        odd[i] = b[i] - c[i] - d[i];
    }
}

/// `[parity of width, of height, of depth, tile]` → `[depth, height, width]`
fn interleave(parts: &[f32], bias: f32, tiling: Tiling, out: &mut [f32]) {
    let ([_, height, width], [_, th, tw]) = (tiling.size, tiling.tiles);
    let n_tiles = tiling.n_tiles();
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        let (z, y) = (row / height, row % height);
        let start = ((y % 2) * 2 + z % 2) * n_tiles + ((z / 2) * th + y / 2) * tw;
        let (even, odd) = (&parts[start..start + tw], &parts[start + 4 * n_tiles..start + 4 * n_tiles + tw]);
        for (pair, (even, odd)) in out.chunks_mut(2).zip(even.iter().zip(odd)) {
            pair[0] = even + bias;
            if let Some(last) = pair.get_mut(1) {
                *last = odd + bias;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;
    use burn::tensor::module::conv3d;
    use burn::tensor::ops::ConvOptions;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn gives_what_a_plain_convolution_gives(
            batch in 1usize..4, channels in 1usize..9, out in 1usize..9,
            depth in 1usize..8, height in 1usize..8, width in 1usize..8,
        ) {
            let device = Device::flex();
            let normal = Distribution::Normal(0.0, 1.0);
            let x = Tensor::<5>::random([batch, channels, depth, height, width], normal, &device);
            let weight = Tensor::<5>::random([out, channels, 3, 3, 3], normal, &device);
            let bias = Tensor::<1>::random([out], normal, &device);
            let options = ConvOptions::new([1; 3], [1; 3], [1; 3], 1);
            let expected = conv3d(x.clone(), weight.clone(), Some(bias.clone()), options);
            let largest = expected.clone().abs().max().into_scalar::<f32>();
            let difference = (conv3(x, weight, bias) - expected).abs().max().into_scalar::<f32>();
            prop_assert!(difference <= 1e-5 * largest.max(1.0), "{difference} of {largest}");
        }
    }
}
