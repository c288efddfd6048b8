//! Convolutions. A part of the padded maps, small enough for the cache, is one long row: a tap of the kernel is that row, moved, so
//! that a convolution is a sum of moved rows and nothing is copied for each tap. A step of 2 splits the maps into their parities
//! first. What comes before (a group norm) and after (a bias, a skip connection) is done on the way.

use std::cell::RefCell;

use burn::prelude::*;
use rayon::prelude::*;

use super::norm::Scaling;
use super::product::{STEP, Weights, weighted_sums};
use super::{Maps, Norm, values, with_values};

/// Numbers that one part may read and compute: half of the second cache of a common processor.
const CACHED: usize = 1 << 17;

/// Multiplications that take as long as copying and normalising one number.
const COPY: usize = 40;

thread_local! {
    /// What one part reads, what it computes, and what a group norm makes of one slice.
    static SCRATCH: RefCell<[Vec<f32>; 3]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
}

/// A convolution with "same" padding; along depth, height and width each.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Of each group of channels.
    weights: Vec<Weights>,
    bias: Vec<f32>,
    size: [usize; 3],
    stride: [usize; 3],
    before: [usize; 3],
}

impl Kernel {
    /// # Shapes
    /// - weight: `[out, in / groups, depth, height, width]`, bias: `[out]`
    /// - `before`: zeros before the first slice, row and column
    pub fn new(weight: Tensor<5>, bias: Tensor<1>, groups: usize, stride: [usize; 3], before: [usize; 3]) -> Self {
        let [out, channels, size @ ..] = weight.dims();
        let n_taps = channels * size.iter().product::<usize>();
        let weights = with_values(weight, |weight| {
            weight.chunks_exact(out / groups * n_taps).map(|weight| Weights::of_rows(weight, n_taps)).collect()
        });
        Self { weights, bias: values(bias), size, stride, before }
    }

    /// A dense layer at every position.
    ///
    /// # Shapes
    /// weight: `[in, out]`, bias: `[out]`
    pub fn dense(weight: Tensor<2>, bias: Option<Tensor<1>>) -> Self {
        let [channels, out] = weight.dims();
        let bias = bias.map_or_else(|| vec![0.0; out], values);
        let weights = with_values(weight, |weight| Weights::of_columns(weight, channels));
        Self { weights: vec![weights], bias, size: [1; 3], stride: [1; 3], before: [0; 3] }
    }
}

/// What is done before and after a convolution.
#[derive(Debug, Default)]
pub struct Around<'a> {
    /// Before.
    pub norm: Option<Norm>,
    /// Added to each channel, `[batch, out]` or `[1, out]`.
    pub shift: Option<Tensor<2>>,
    /// Added to the result, of its shape.
    pub add: Option<&'a Maps>,
}

/// Sizes of one convolution, along depth, height and width.
#[derive(Clone, Copy, Debug)]
struct Shape {
    batch: usize,
    channels: usize,
    size: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    before: [usize; 3],
}

impl Shape {
    /// Of a kernel that looks at one position at a time.
    fn pointwise(x: &Maps) -> Self {
        let [batch, channels, size @ ..] = x.dims;
        Self { batch, channels, size, kernel: [1; 3], stride: [1; 3], before: [0; 3] }
    }

    /// A picture as a volume of one row a slice: parts are made of slices.
    fn upright(self) -> Self {
        let turn = |[depth, height, width]: [usize; 3]| [height, depth, width];
        let [size, kernel, stride, before] = [self.size, self.kernel, self.stride, self.before].map(turn);
        Self { size, kernel, stride, before, ..self }
    }

    fn size_out(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.size[axis].div_ceil(self.stride[axis]))
    }

    fn n_parities(&self) -> usize {
        self.stride.iter().product()
    }

    /// What a part that computes so many slices and rows reads.
    fn window(&self, [slices, rows]: [usize; 2]) -> Window {
        let [_, all_rows, columns] = self.size_out();
        let halo = |axis: usize| (self.kernel[axis] - 1) / self.stride[axis];
        // The zeros between two rows, or between whole slices, are those after the one and before the other.
        let shared = |axis: usize| match self.stride[axis] {
            1 => self.before[axis].min(self.kernel[axis] - 1 - self.before[axis]),
            _ => 0,
        };
        let shared_rows = if rows == all_rows { shared(1) } else { 0 };
        let size = [slices + halo(0), rows + halo(1) - shared_rows, columns + halo(2) - shared(2)];
        let last = ((slices - 1) * size[1] + rows - 1) * size[2] + columns;
        Window { out: [slices, rows], size, length: last.next_multiple_of(STEP) }
    }

    /// Of the windows that the cache holds, halved from the whole, the one that keeps the threads busy the shortest; one row of one
    /// slice where none fits.
    fn best_window(&self, n_sums: usize) -> Window {
        let [slices, rows, _] = self.size_out();
        let halves = |[slices, rows]: [usize; 2]| match (slices, rows) {
            (1, 1) => None,
            _ if rows > slices => Some([slices, rows.div_ceil(2)]),
            _ => Some([slices.div_ceil(2), rows]),
        };
        let n_read = |window: &Window| self.channels * self.n_parities() * window.n_positions();
        let n_taps = self.channels * self.kernel.iter().product::<usize>();
        let time = |window: &Window| {
            let n_parts = self.batch * slices.div_ceil(window.out[0]) * rows.div_ceil(window.out[1]);
            n_parts.div_ceil(rayon::current_num_threads()) * (n_sums * n_taps * window.length + COPY * n_read(window))
        };
        std::iter::successors(Some([slices, rows]), |out| halves(*out))
            .map(|out| self.window(out))
            .filter(|window| n_read(window) + n_sums * window.length <= CACHED)
            .min_by_key(time)
            .unwrap_or_else(|| self.window([1, 1]))
    }

    /// Where the taps of a kernel read in a window, `[channel, z, y, x]`.
    fn offsets(&self, window: Window) -> Vec<usize> {
        let ([depth, height, width], s) = (self.kernel, self.stride);
        let n_taps = depth * height * width;
        let offset = |i: usize| {
            let (channel, tap) = (i / n_taps, [i % n_taps / (height * width), i / width % height, i % width]);
            let at = |axis: usize| (tap[axis] % s[axis], tap[axis] / s[axis]);
            let [(pz, z), (py, y), (px, x)] = [at(0), at(1), at(2)];
            let parity = ((channel * s[0] + pz) * s[1] + py) * s[2] + px;
            ((parity * window.size[0] + z) * window.size[1] + y) * window.size[2] + x
        };
        (0..self.channels * n_taps).map(offset).collect()
    }
}

/// What one part computes and reads.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Slices and rows that come out.
    out: [usize; 2],
    /// Slices, rows and columns of each parity that go in.
    size: [usize; 3],
    /// Positions from the first to the last that comes out, those between them included, in whole steps.
    length: usize,
}

impl Window {
    /// Of one parity.
    fn n_positions(&self) -> usize {
        self.size.iter().product()
    }
}

/// Copies what a part reads of one channel into `out`, `[parities, slice, row, column]`, which is all zeros. `scaled` holds the rows
/// of one slice after `scaling`.
fn copy_channel(
    (shape, window): (&Shape, Window),
    first: [usize; 2],
    channel: &[f32],
    (scaling, scaled): (Option<Scaling>, &mut Vec<f32>),
    out: &mut [f32],
) {
    let ([slices, rows, columns], s) = (window.size, shape.stride);
    let [_, height, width] = shape.size;
    // Of the maps, what the window reaches along an axis.
    let reached = |axis: usize| {
        let of_maps = |i: usize| i.saturating_sub(shape.before[axis]).min(shape.size[axis]);
        of_maps(first[axis] * s[axis])..of_maps((first[axis] + window.size[axis]) * s[axis])
    };
    let reached_rows = reached(1);
    for z in reached(0) {
        let mut source = &channel[(z * height + reached_rows.start) * width..][..reached_rows.len() * width];
        if let Some(scaling) = scaling {
            scaled.clear();
            scaled.extend_from_slice(source);
            scaling.apply(scaled);
            source = scaled;
        }
        let place = |axis: usize, i: usize| {
            let padded = i + shape.before[axis] - first[axis] * s[axis];
            (padded % s[axis], padded / s[axis])
        };
        let (parity_z, slice) = place(0, z);
        for (row_in, y) in source.chunks_exact(width).zip(reached_rows.clone()) {
            let (parity_y, row) = place(1, y);
            for parity_x in 0..s[2] {
                let parity = (parity_z * s[1] + parity_y) * s[2] + parity_x;
                let out = &mut out[((parity * slices + slice) * rows + row) * columns..][..columns];
                // The first column that is not padding, and what it reads.
                let start = shape.before[2].saturating_sub(parity_x).div_ceil(s[2]);
                let from = start * s[2] + parity_x - shape.before[2];
                let (read, out) = (&row_in[from.min(width)..], &mut out[start..]);
                match s[2] {
                    1 => out[..width].copy_from_slice(read),
                    step => out.iter_mut().zip(read.iter().step_by(step)).for_each(|(out, value)| *out = *value),
                }
            }
        }
    }
}

/// Some slices, or rows of some slices, of the output of one sample.
struct Part<'a> {
    sample: usize,
    /// First slice and row of the sums.
    first: [usize; 2],
    /// `[channel, slice]`, rows one after the other.
    slices: Vec<&'a mut [f32]>,
}

/// Sums for a part.
struct Sums<'a> {
    /// `[row of weights, position]`
    values: &'a [f32],
    window: Window,
    width: usize,
}

impl Sums<'_> {
    /// Of one row of weights.
    fn row(&self, of_weights: usize, slice: usize, row: usize) -> &[f32] {
        let Window { size: [_, rows, columns], length, .. } = self.window;
        &self.values[of_weights * length + (slice * rows + row) * columns..][..self.width]
    }
}

/// Computes the sums part by part, and has `finish` write to `y` what came of them: `up` slices, rows and columns for each. The
/// samples take turns with the weights: groups of channels are samples with weights of their own.
fn for_each_part(
    x: &Maps,
    shape: Shape,
    weights: &[Weights],
    norm: Option<Norm>,
    (y, up): (&mut [f32], [usize; 3]),
    finish: impl Fn(Part, &Sums) + Sync,
) {
    let scalings = norm.map(|norm| norm.scalings(x));
    let n_sums = weights[0].n_rows();
    let window = shape.best_window(n_sums);
    let offsets = shape.offsets(window);
    let channel_in = shape.n_parities() * window.n_positions();
    // What is computed beyond the part is never looked at; it needs something to read.
    let n_read = offsets.iter().max().copied().unwrap_or(0) + window.length;
    let [.., width] = shape.size_out();
    parts(y, shape, window, up).into_par_iter().for_each(|part| {
        SCRATCH.with_borrow_mut(|[read, sums, scaled]| {
            read.clear();
            read.resize(n_read.max(shape.channels * channel_in), 0.0);
            sums.resize(sums.len().max(n_sums * window.length), 0.0);
            let sums = &mut sums[..n_sums * window.length];
            for (i, out) in read[..shape.channels * channel_in].chunks_exact_mut(channel_in).enumerate() {
                let channel = part.sample * shape.channels + i;
                let scaling = scalings.as_ref().map(|scalings| scalings[channel]);
                let n = x.n_positions();
                copy_channel((&shape, window), part.first, &x.values[channel * n..][..n], (scaling, scaled), out);
            }
            weighted_sums(&weights[part.sample % weights.len()], read, &offsets, window.length, sums);
            finish(part, &Sums { values: sums, window, width });
        });
    });
}

/// The parts of `y`.
fn parts(y: &mut [f32], shape: Shape, window: Window, up: [usize; 3]) -> Vec<Part<'_>> {
    let [n_slices, n_rows, width] = shape.size_out();
    let [slices, rows] = window.out;
    let n = [n_slices.div_ceil(slices), n_rows.div_ceil(rows)];
    let part = |i: usize| {
        let first = [i / n[1] % n[0] * slices, i % n[1] * rows];
        Part { sample: i / n[1] / n[0], first, slices: Vec::new() }
    };
    let mut parts: Vec<_> = (0..shape.batch * n[0] * n[1]).map(part).collect();
    let width = width * up[2];
    let channels = y.len() / (shape.batch * n_slices * up[0] * n_rows * up[1] * width);
    for (i, slice) in y.chunks_exact_mut(n_rows * up[1] * width).enumerate() {
        let (sample, z) = (i / (n_slices * up[0]) / channels, i % (n_slices * up[0]));
        let first = (sample * n[0] + z / (slices * up[0])) * n[1];
        for (part, rows) in parts[first..].iter_mut().zip(slice.chunks_mut(rows * up[1] * width)) {
            part.slices.push(rows);
        }
    }
    parts
}

/// Convolution with "same" padding.
///
/// # Shapes
/// `[batch, in, depth, height, width]` → `[batch, out, …]`, each size divided by its stride and rounded up
pub fn conv(x: &Maps, kernel: &Kernel, Around { norm, shift, add }: Around) -> Maps {
    let shape = Shape { kernel: kernel.size, stride: kernel.stride, before: kernel.before, ..Shape::pointwise(x) };
    let (batch, groups, n_out) = (shape.batch, kernel.weights.len(), kernel.bias.len());
    let shape = Shape { batch: batch * groups, channels: shape.channels / groups, ..shape };
    let ([depth, height, width], out) = (shape.size_out(), n_out / groups);
    let shape = if shape.size[0] == 1 && shape.kernel[0] == 1 { shape.upright() } else { shape };
    let dims = [batch, n_out, depth, height, width];
    let mut values = vec![0.0; dims.iter().product()];
    let biases = biases(&kernel.bias, shift);
    debug_assert!([n_out, batch * n_out].contains(&biases.len()), "one shift for each sample, or one for all");
    debug_assert!(add.is_none_or(|add| add.dims == dims), "what is added has the shape of the result");
    let [n_slices, n_rows, _] = shape.size_out();
    for_each_part(x, shape, &kernel.weights, norm, (&mut values, [1; 3]), |mut part, sums| {
        let biases = &biases[part.sample * out % biases.len()..];
        let n = part.slices.len() / out;
        for (i, slices) in part.slices.chunks_exact_mut(n).enumerate() {
            for (z, slice) in slices.iter_mut().enumerate() {
                let from = ((part.sample * out + i) * n_slices + part.first[0] + z) * n_rows + part.first[1];
                for (y, row) in slice.chunks_exact_mut(width).enumerate() {
                    let sums = row.iter_mut().zip(sums.row(i, z, y));
                    match add {
                        Some(add) => {
                            let added = &add.values[(from + y) * width..][..width];
                            sums.zip(added).for_each(|((out, sum), added)| *out = sum + biases[i] + added);
                        }
                        None => sums.for_each(|(out, sum)| *out = sum + biases[i]),
                    }
                }
            }
        }
    });
    Maps { values, dims }
}

/// `[batch or 1, out]`
fn biases(bias: &[f32], shift: Option<Tensor<2>>) -> Vec<f32> {
    match shift {
        Some(shift) => values(shift).iter().zip(bias.iter().cycle()).map(|(shift, bias)| shift + bias).collect(),
        None => bias.to_vec(),
    }
}

/// Transposed convolution with a step of 2 and a kernel of as much: each position becomes eight, or four where it is planar.
///
/// # Shapes
/// - x: `[batch, in, depth, height, width]`
/// - weight: `[in, out, 2, 2, 2]`, or `[in, out, 1, 2, 2]`, which leaves the depth; bias: `[out]`
pub fn double(x: &Maps, weight: Tensor<5>, bias: Tensor<1>) -> Maps {
    let [_, out, depth, ..] = weight.dims();
    let (mut shape, mut up) = (Shape::pointwise(x), [depth, 2, 2]);
    let dims = [shape.batch, out, depth * shape.size[0], 2 * shape.size[1], 2 * shape.size[2]];
    if shape.size[0] == 1 && depth == 1 {
        (shape, up) = (shape.upright(), [2, 1, 2]);
    }
    let weights = with_values(weight, |weight| Weights::of_columns(weight, shape.channels));
    let mut y = vec![0.0; dims.iter().product()];
    let bias = values(bias);
    for_each_part(x, shape, &[weights], None, (&mut y, up), |mut part, sums| {
        let n = part.slices.len() / out;
        for ((i, slices), bias) in part.slices.chunks_exact_mut(n).enumerate().zip(&bias) {
            for (z, slice) in slices.iter_mut().enumerate() {
                for (y, row) in slice.chunks_exact_mut(2 * sums.width).enumerate() {
                    let weights = ((i * up[0] + z % up[0]) * up[1] + y % up[1]) * 2;
                    let of = |weights: usize| sums.row(weights, z / up[0], y / up[1]);
                    for ((pair, left), right) in row.chunks_exact_mut(2).zip(of(weights)).zip(of(weights + 1)) {
                        pair[0] = left + bias;
                        pair[1] = right + bias;
                    }
                }
            }
        }
    });
    Maps { values: y, dims }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;
    use burn::tensor::module::{conv_transpose3d, conv3d};
    use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
    use proptest::prelude::*;

    use super::*;

    fn check_equal(answer: Maps, expected: Tensor<5>) -> Result<(), TestCaseError> {
        let answer = Tensor::<5>::from(answer);
        prop_assert_eq!(answer.dims(), expected.dims());
        let largest = expected.clone().abs().max().into_scalar::<f32>();
        let difference = (answer - expected).abs().max().into_scalar::<f32>();
        prop_assert!(difference <= 1e-5 * largest.max(1.0), "{} of {}", difference, largest);
        Ok(())
    }

    fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
        Tensor::random(dims, Distribution::Normal(0.0, 1.0), &Device::flex())
    }

    /// Pictures, and small volumes.
    fn sizes() -> impl Strategy<Value = [usize; 3]> {
        prop_oneof![[1usize..2, 1usize..70, 1usize..70], [1usize..12, 1usize..14, 1usize..12]]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn gives_what_a_plain_convolution_gives(
            batch in 1usize..4, channels in 1usize..7, out in 1usize..11, size in sizes(),
            edge in 1usize..5, groups in 1usize..4, planar: bool, strided: bool, add: bool,
        ) {
            let (channels, out) = (channels * groups, out * groups);
            let kernel = [if planar { 1 } else { edge }, edge, edge];
            let stride = kernel.map(|n| if strided && n > 1 { 2 } else { 1 });
            let [depth, height, width] = size;
            let x = random([batch, channels, depth, height, width]);
            let (weight, bias) = (random([out, channels / groups, kernel[0], edge, edge]), random([out]));
            let total = |i: usize| ((size[i].div_ceil(stride[i]) - 1) * stride[i] + kernel[i]).saturating_sub(size[i]);
            let before = [0, 1, 2].map(|i| total(i) / 2);
            let padded = (0..3).fold(x.clone(), |x, i| {
                let zeros = |n: usize| {
                    let mut dims = x.dims();
                    dims[i + 2] = n;
                    Tensor::zeros(dims, &x.device())
                };
                Tensor::cat(vec![zeros(before[i]), x.clone(), zeros(total(i) - before[i])], i + 2)
            });
            let options = ConvOptions::new(stride, [0; 3], [1; 3], groups);
            let expected = conv3d(padded, weight.clone(), Some(bias.clone()), options);
            let skip = random(expected.dims());
            let kernel = Kernel::new(weight, bias, groups, stride, before);
            let (expected, skip) = (if add { expected + skip.clone() } else { expected }, Maps::from(skip));
            let around = Around { add: add.then_some(&skip), ..Around::default() };
            check_equal(conv(&Maps::from(x), &kernel, around), expected)?;
        }

        #[test]
        fn doubles_as_a_transposed_convolution_does(
            batch in 1usize..4, channels in 1usize..7, out in 1usize..7, size in sizes(), planar: bool,
        ) {
            let [depth, height, width] = size;
            let x = random([batch, channels, depth, height, width]);
            let n = if planar { 1 } else { 2 };
            let (weight, bias) = (random([channels, out, n, 2, 2]), random([out]));
            let options = ConvTransposeOptions::new([n, 2, 2], [0; 3], [0; 3], [1; 3], 1);
            let expected = conv_transpose3d(x.clone(), weight.clone(), Some(bias.clone()), options);
            check_equal(double(&Maps::from(x), weight, bias), expected)?;
        }
    }
}
