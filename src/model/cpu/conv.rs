//! Convolutions of pictures. The padded picture is one long row: a tap of the kernel is that row, moved, so that a convolution is
//! a sum of moved rows and nothing is copied for each tap. A step of 2 splits the picture into its four parities first.

use burn::prelude::*;
use rayon::prelude::*;

use super::product::{STEP, Weights, weighted_sums};
use super::{tensor, with_values};

/// Positions that one task works on, up to a row more.
const TASK: usize = 2048;

/// Pictures with zeros around them, split by parity.
struct Padded {
    /// `[sample, channel, parity of y, parity of x, row, column]`, and zeros for a whole task beyond the end.
    values: Vec<f32>,
    batch: usize,
    /// Numbers of one sample.
    sample: usize,
    /// Columns with padding.
    columns: usize,
}

/// Sizes of one convolution.
#[derive(Clone, Copy)]
struct Shape {
    batch: usize,
    channels: usize,
    height: usize,
    width: usize,
    kernel: usize,
    stride: usize,
    /// Zeros above and to the left.
    before: [usize; 2],
}

impl Shape {
    fn size_out(&self) -> [usize; 2] {
        [self.height.div_ceil(self.stride), self.width.div_ceil(self.stride)]
    }

    /// Rows and columns of each parity of the padded picture.
    fn size_padded(&self) -> [usize; 2] {
        self.size_out().map(|n| n + (self.kernel - 1) / self.stride)
    }

    /// Where the taps of a kernel read, `[channel, y, x]`.
    fn offsets(&self) -> Vec<usize> {
        let ([rows, columns], s) = (self.size_padded(), self.stride);
        let taps = self.kernel * self.kernel;
        let offset = |i: usize| {
            let (channel, ky, kx) = (i / taps, i % taps / self.kernel, i % self.kernel);
            ((channel * s + ky % s) * s + kx % s) * rows * columns + ky / s * columns + kx / s
        };
        (0..self.channels * taps).map(offset).collect()
    }

    fn padded(&self, x: &[f32]) -> Padded {
        let ([rows, columns], s) = (self.size_padded(), self.stride);
        let parities = s * s * rows * columns;
        let n = self.batch * self.channels * parities;
        let mut values = vec![0.0; n + TASK + columns + STEP];
        let planes = x.par_chunks_exact(self.height * self.width);
        values[..n].par_chunks_exact_mut(parities).zip(planes).for_each(|(out, plane)| {
            for (i, out) in out.chunks_exact_mut(columns).enumerate() {
                let (parity, row) = (i / rows, i % rows);
                let Some(y) = (row * s + parity / s).checked_sub(self.before[0]).filter(|&y| y < self.height) else {
                    continue;
                };
                // The first column that is not padding, and what it reads.
                let shift = self.before[1] as isize - (parity % s) as isize;
                let first = shift.max(0).unsigned_abs().div_ceil(s);
                let from = (first * s).wrapping_add_signed(-shift);
                let source = plane[y * self.width..][..self.width].get(from..).unwrap_or_default();
                if s == 1 {
                    let n = source.len().min(columns - first);
                    out[first..first + n].copy_from_slice(&source[..n]);
                } else {
                    out[first..].iter_mut().zip(source.iter().step_by(s)).for_each(|(out, value)| *out = *value);
                }
            }
        });
        Padded { values, batch: self.batch, sample: n / self.batch.max(1), columns }
    }
}

/// Sums for every position of a picture, in chunks of whole rows.
struct Sums {
    /// `[chunk, row of weights, position]`, for each sample.
    chunks: Vec<Vec<f32>>,
    chunks_per_sample: usize,
    rows_per_chunk: usize,
    columns: usize,
    width: usize,
    /// Positions of a chunk.
    length: usize,
}

impl Sums {
    fn new(padded: &Padded, weights: &Weights, offsets: &[usize], [height, width]: [usize; 2]) -> Self {
        let columns = padded.columns;
        let by_size = TASK.div_ceil(columns);
        let rows_per_chunk = by_size.min(height.div_ceil(rayon::current_num_threads())).max(1);
        let chunks_per_sample = height.div_ceil(rows_per_chunk);
        let length = (rows_per_chunk.min(height) * columns).next_multiple_of(STEP);
        // What the last chunk computes beyond the picture is never looked at: the zeros at the end are enough for it.
        let furthest = offsets.iter().max().copied().unwrap_or(0) + length;
        let chunk = |i: usize| {
            let (sample, first) = (i / chunks_per_sample, i % chunks_per_sample * rows_per_chunk * columns);
            let start = sample * padded.sample + first;
            let mut out = vec![0.0; weights.n_rows() * length];
            weighted_sums(weights, &padded.values[start..start + furthest], offsets, length, &mut out);
            out
        };
        let chunks = (0..padded.batch * chunks_per_sample).into_par_iter().map(chunk).collect();
        Self { chunks, chunks_per_sample, rows_per_chunk, columns, width, length }
    }

    fn row(&self, sample: usize, of_weights: usize, y: usize) -> &[f32] {
        let chunk = &self.chunks[sample * self.chunks_per_sample + y / self.rows_per_chunk];
        &chunk[of_weights * self.length + y % self.rows_per_chunk * self.columns..][..self.width]
    }
}

/// Convolution of pictures with "same" padding.
///
/// # Shapes
/// - x: `[batch, in, 1, height, width]`
/// - weight: `[out, in, 1, kernel, kernel]`, bias: `[out]`
/// - `before`: zeros above and to the left
/// - output: `[batch, out, 1, ⌈height/stride⌉, ⌈width/stride⌉]`
pub fn conv(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>, stride: usize, before: [usize; 2]) -> Tensor<5> {
    let [batch, channels, _, height, width] = x.dims();
    let [out, _, _, kernel, _] = weight.dims();
    let shape = Shape { batch, channels, height, width, kernel, stride, before };
    let offsets = shape.offsets();
    let weights = with_values(weight, |w| Weights::new(out, offsets.len(), |row, tap| w[row * offsets.len() + tap]));
    let padded = with_values(x, |x| shape.padded(x));
    let [height, width] = shape.size_out();
    let sums = Sums::new(&padded, &weights, &offsets, [height, width]);
    let mut y = vec![0.0; batch * out * height * width];
    with_values(bias, |bias| {
        y.par_chunks_exact_mut(height * width).enumerate().for_each(|(i, plane)| {
            let (sample, channel) = (i / out, i % out);
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                for (out, sum) in row.iter_mut().zip(sums.row(sample, channel, y)) {
                    *out = sum + bias[channel];
                }
            }
        });
    });
    tensor(y, [batch, out, 1, height, width])
}

/// Transposed convolution of pictures with a kernel of 2 and a step of 2: each pixel becomes four.
///
/// # Shapes
/// - x: `[batch, in, 1, height, width]`
/// - weight: `[in, out, 1, 2, 2]`, bias: `[out]`
/// - output: `[batch, out, 1, 2·height, 2·width]`
pub fn double(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let [batch, channels, _, height, width] = x.dims();
    let out = weight.dims()[1];
    let shape = Shape { batch, channels, height, width, kernel: 1, stride: 1, before: [0; 2] };
    let weights = with_values(weight, |w| Weights::new(4 * out, channels, |row, tap| w[tap * 4 * out + row]));
    let padded = with_values(x, |x| shape.padded(x));
    let sums = Sums::new(&padded, &weights, &shape.offsets(), [height, width]);
    let mut y = vec![0.0; batch * out * 4 * height * width];
    with_values(bias, |bias| {
        y.par_chunks_exact_mut(4 * height * width).enumerate().for_each(|(i, plane)| {
            let (sample, channel) = (i / out, i % out);
            for (y, row) in plane.chunks_exact_mut(2 * width).enumerate() {
                let part = 4 * channel + 2 * (y % 2);
                let (left, right) = (sums.row(sample, part, y / 2), sums.row(sample, part + 1, y / 2));
                for ((pair, left), right) in row.chunks_exact_mut(2).zip(left).zip(right) {
                    pair[0] = left + bias[channel];
                    pair[1] = right + bias[channel];
                }
            }
        });
    });
    tensor(y, [batch, out, 1, 2 * height, 2 * width])
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;
    use burn::tensor::module::{conv_transpose2d, conv2d};
    use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
    use proptest::prelude::*;

    use super::*;

    fn check_equal(answer: Tensor<4>, expected: Tensor<4>) -> Result<(), TestCaseError> {
        prop_assert_eq!(answer.dims(), expected.dims());
        let largest = expected.clone().abs().max().into_scalar::<f32>();
        let difference = (answer - expected).abs().max().into_scalar::<f32>();
        prop_assert!(difference <= 1e-5 * largest.max(1.0), "{} of {}", difference, largest);
        Ok(())
    }

    fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
        Tensor::random(dims, Distribution::Normal(0.0, 1.0), &Device::flex())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn gives_what_a_plain_convolution_gives(
            batch in 1usize..4, channels in 1usize..7, out in 1usize..11, kernel in 1usize..5, stride in 1usize..3,
            height in 1usize..70, width in 1usize..70,
        ) {
            let x = random([batch, channels, 1, height, width]);
            let (weight, bias) = (random([out, channels, 1, kernel, kernel]), random([out]));
            let total = |n: usize| ((n.div_ceil(stride) - 1) * stride + kernel).saturating_sub(n);
            let (above, left) = (total(height) / 2, total(width) / 2);
            let padded = x.clone().reshape([batch, channels, height, width])
                .pad((left, total(width) - left, above, total(height) - above), 0.0);
            let options = ConvOptions::new([stride; 2], [0; 2], [1; 2], 1);
            let flat = weight.clone().reshape([out, channels, kernel, kernel]);
            let expected = conv2d(padded, flat, Some(bias.clone()), options);
            let answer = conv(x, weight, bias, stride, [above, left]);
            check_equal(answer.squeeze_dim::<4>(2), expected)?;
        }

        #[test]
        fn doubles_as_a_transposed_convolution_does(
            batch in 1usize..4, channels in 1usize..7, out in 1usize..7, height in 1usize..40, width in 1usize..60,
        ) {
            let x = random([batch, channels, 1, height, width]);
            let (weight, bias) = (random([channels, out, 1, 2, 2]), random([out]));
            let options = ConvTransposeOptions::new([2; 2], [0; 2], [0; 2], [1; 2], 1);
            let flat = weight.clone().reshape([channels, out, 2, 2]);
            let expected =
                conv_transpose2d(x.clone().reshape([batch, channels, height, width]), flat, Some(bias.clone()), options);
            check_equal(double(x, weight, bias).squeeze_dim::<4>(2), expected)?;
        }
    }
}
