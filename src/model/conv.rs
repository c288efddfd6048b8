//! Convolutions, pooling and up-sampling on `[batch, channel, depth, height, width]`, one code for 2D and 3D.
//!
//! A planar layer has kernels of depth 1 and leaves the depth alone; where the depth is 1 it runs as a 2D convolution.

use burn::module::{Initializer, Param};
use burn::prelude::*;
use burn::tensor::module::{conv_transpose2d, conv_transpose3d, conv2d, conv3d, max_pool2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};

use super::config::Init;
use super::cpu::{self, Around, Kernel, Maps};

/// Size, stride and grouping of a [`Conv`].
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    /// Channels in.
    pub channels_in: usize,
    /// Channels out.
    pub channels_out: usize,
    /// Kernel edge.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Independent groups of channels.
    pub groups: usize,
    /// Kernel of depth 1.
    pub planar: bool,
}

impl ConvShape {
    /// A convolution of stride 1 and one group.
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize, planar: bool) -> Self {
        Self { channels_in, channels_out, kernel, stride: 1, groups: 1, planar }
    }

    /// Initialises the layer on `device`.
    pub fn init(self, init: Init, device: &Device) -> Conv {
        let depth = if self.planar { 1 } else { self.kernel };
        let shape = [self.channels_out, self.channels_in / self.groups, depth, self.kernel, self.kernel];
        let fan_in = shape[1..].iter().product::<usize>();
        let bound = (3.0 / fan_in as f64).sqrt();
        let initializer = match init {
            Init::Kaiming => Initializer::Uniform { min: -bound, max: bound },
            Init::Zero => Initializer::Uniform { min: -1e-10, max: 1e-10 },
        };
        Conv {
            weight: initializer.init(shape, device),
            bias: Initializer::Zeros.init([self.channels_out], device),
            stride: self.stride,
            groups: self.groups,
        }
    }
}

/// Convolution with "same" padding as TensorFlow counts it: output = ⌈input / stride⌉, and where the padding is odd the
/// extra row comes last (so a kernel of 3 with stride 2 on an even size pads 0 before and 1 after).
#[derive(Module, Debug)]
pub struct Conv {
    /// `[out, in / groups, depth, height, width]`
    pub weight: Param<Tensor<5>>,
    /// `[out]`
    pub bias: Param<Tensor<1>>,
    stride: usize,
    groups: usize,
}

impl Conv {
    /// # Shapes
    /// `[batch, in, depth, height, width]` → `[batch, out, ⌈depth/stride⌉, ⌈height/stride⌉, ⌈width/stride⌉]`; a planar
    /// kernel leaves the depth as it is.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let [_, _, size @ ..] = x.dims();
        if self.runs_on_cpu(&x) {
            return cpu::conv(&Maps::from(x), &self.on_cpu(size), Around::default()).into();
        }
        let (weight, bias) = (self.weight.val(), self.bias.val());
        let (stride, pads) = (self.stride_along_axes(), self.padding(size));
        let symmetric = pads.iter().all(|(before, after)| before == after);
        let (x, padding) = if symmetric { (x, pads.map(|(before, _)| before)) } else { (pad(x, pads), [0; 3]) };
        let [_, _, kernel_depth, kernel, _] = weight.dims();
        if kernel_depth == 1 && kernel != 1 {
            return self.forward_planar(x, [padding[1], padding[2]]);
        }
        conv3d(x, weight, Some(bias), ConvOptions::new(stride, padding, [1; 3], self.groups))
    }

    /// Whether [`cpu::conv`] stands in for [`forward`](Self::forward).
    pub(super) fn runs_on_cpu(&self, x: &Tensor<5>) -> bool {
        cpu::runs(x, &self.weight.val())
    }

    /// What [`cpu::conv`] needs for maps of this depth, height and width.
    pub(super) fn on_cpu(&self, size: [usize; 3]) -> Kernel {
        self.kernel_of(self.weight.val(), self.bias.val(), size)
    }

    /// [`on_cpu`](Self::on_cpu), and then y · scale + shift in each channel.
    pub(super) fn on_cpu_scaled(&self, size: [usize; 3], scale: Tensor<1>, shift: Tensor<1>) -> Kernel {
        let weight = self.weight.val() * scale.clone().reshape([self.bias.dims()[0], 1, 1, 1, 1]);
        self.kernel_of(weight, self.bias.val() * scale + shift, size)
    }

    fn kernel_of(&self, weight: Tensor<5>, bias: Tensor<1>, size: [usize; 3]) -> Kernel {
        let before = self.padding(size).map(|(before, _)| before);
        Kernel::new(weight, bias, self.groups, self.stride_along_axes(), before)
    }

    fn stride_along_axes(&self) -> [usize; 3] {
        [if self.weight.dims()[2] == 1 { 1 } else { self.stride }, self.stride, self.stride]
    }

    /// Zeros before and after maps of this depth, height and width.
    fn padding(&self, size: [usize; 3]) -> [(usize, usize); 3] {
        let ([_, _, kernel @ ..], stride) = (self.weight.dims(), self.stride_along_axes());
        [0, 1, 2].map(|axis| same_padding(size[axis], kernel[axis], stride[axis]))
    }

    /// The same through conv2d, each depth an image of its own.
    fn forward_planar(&self, x: Tensor<5>, padding: [usize; 2]) -> Tensor<5> {
        let [batch, channels, depth, height, width] = x.dims();
        let [out, channels_in, _, kernel, _] = self.weight.dims();
        let images = x.swap_dims(1, 2).reshape([batch * depth, channels, height, width]);
        let weight = self.weight.val().reshape([out, channels_in, kernel, kernel]);
        let options = ConvOptions::new([self.stride; 2], padding, [1; 2], self.groups);
        let y = conv2d(images, weight, Some(self.bias.val()), options);
        let [_, _, height, width] = y.dims();
        y.reshape([batch, depth, out, height, width]).swap_dims(1, 2)
    }
}

/// Zeros before and after so that the output has ⌈n / stride⌉ positions.
fn same_padding(n: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let total = ((n.div_ceil(stride) - 1) * stride + kernel).saturating_sub(n);
    (total / 2, total - total / 2)
}

/// Zeros around depth, height and width.
fn pad(x: Tensor<5>, pads: [(usize, usize); 3]) -> Tensor<5> {
    pads.iter().enumerate().fold(x, |x, (axis, &(before, after))| {
        let mut parts = Vec::with_capacity(3);
        let zeros = |n: usize| {
            let mut dims = x.dims();
            dims[axis + 2] = n;
            Tensor::zeros(dims, &x.device())
        };
        let (front, back) = ((before > 0).then(|| zeros(before)), (after > 0).then(|| zeros(after)));
        if front.is_none() && back.is_none() {
            return x;
        }
        parts.extend(front);
        parts.push(x);
        parts.extend(back);
        Tensor::cat(parts, axis + 2)
    })
}

/// Transposed convolution of stride 2 that exactly doubles each axis (TensorFlow's "same": rows past 2n are dropped).
#[derive(Module, Debug)]
pub struct ConvTranspose {
    /// `[in, out, depth, height, width]`
    pub weight: Param<Tensor<5>>,
    /// `[out]`
    pub bias: Param<Tensor<1>>,
}

impl ConvTranspose {
    /// Initialises the layer on `device`.
    pub fn init(channels_in: usize, channels_out: usize, kernel: usize, planar: bool, device: &Device) -> Self {
        let depth = if planar { 1 } else { kernel };
        let taps = depth * kernel * kernel / if planar { 4 } else { 8 };
        let bound = (3.0 / (channels_in * taps.max(1)) as f64).sqrt();
        let shape = [channels_in, channels_out, depth, kernel, kernel];
        Self {
            weight: Initializer::Uniform { min: -bound, max: bound }.init(shape, device),
            bias: Initializer::Zeros.init([channels_out], device),
        }
    }

    /// # Shapes
    /// `[batch, in, depth, height, width]` → `[batch, out, 2·depth, 2·height, 2·width]`; a planar kernel keeps the depth.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let [batch, channels, depth, height, width] = x.dims();
        let [_, out, kernel_depth, kernel, _] = self.weight.dims();
        if kernel == 2 && cpu::runs(&x, &self.weight.val()) {
            return cpu::double(&Maps::from(x), self.weight.val(), self.bias.val()).into();
        }
        if kernel_depth == 1 {
            let images = x.swap_dims(1, 2).reshape([batch * depth, channels, height, width]);
            let weight = self.weight.val().reshape([channels, out, kernel, kernel]);
            let options = ConvTransposeOptions::new([2; 2], [0; 2], [0; 2], [1; 2], 1);
            let y = conv_transpose2d(images, weight, Some(self.bias.val()), options);
            let y = y.slice([0..batch * depth, 0..out, 0..2 * height, 0..2 * width]);
            return y.reshape([batch, depth, out, 2 * height, 2 * width]).swap_dims(1, 2);
        }
        let options = ConvTransposeOptions::new([2; 3], [0; 3], [0; 3], [1; 3], 1);
        let y = conv_transpose3d(x, self.weight.val(), Some(self.bias.val()), options);
        if kernel == 2 { y } else { y.slice([0..batch, 0..out, 0..2 * depth, 0..2 * height, 0..2 * width]) }
    }
}

/// Largest of every 2×2×2 positions (2×2 where planar); odd sizes lose their last row, as TensorFlow's "valid" pooling.
pub fn max_pool(x: Tensor<5>, planar: bool) -> Tensor<5> {
    let [batch, channels, depth, height, width] = x.dims();
    let images = x.reshape([batch, channels * depth, height, width]);
    let options = |kernel: [usize; 2]| MaxPoolOptions::new(kernel).with_stride(kernel);
    let y = max_pool2d(images, options([2, 2]));
    let (height, width) = (height / 2, width / 2);
    if planar {
        return y.reshape([batch, channels, depth, height, width]);
    }
    let y = max_pool2d(y.reshape([batch, channels, depth, height * width]), options([2, 1]));
    y.reshape([batch, channels, depth / 2, height, width])
}

/// Every position repeated 2×2×2 times (2×2 where planar).
pub fn nearest(x: Tensor<5>, planar: bool) -> Tensor<5> {
    (if planar { 3 } else { 2 }..5).fold(x, |x, axis| {
        let mut dims = x.dims();
        let (before, after) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
        let n = dims[axis];
        let rows = x.reshape([before * n, 1, after]).expand([before * n, 2, after]);
        dims[axis] = 2 * n;
        rows.reshape(dims)
    })
}

/// The middle one of every `factor` positions along each axis (`nearest-exact` elsewhere); sizes are multiples of `factor`.
pub fn subsample(x: Tensor<5>, factor: usize, planar: bool) -> Tensor<5> {
    (if planar { 3 } else { 2 }..5).fold(x, |x, axis| {
        let mut dims = x.dims();
        let (before, after) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
        dims[axis] /= factor;
        x.reshape([before * dims[axis], factor, after]).narrow(1, factor / 2, 1).reshape(dims)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_row_last() {
        assert_eq!(same_padding(8, 3, 1), (1, 1));
        assert_eq!(same_padding(8, 3, 2), (0, 1));
        assert_eq!(same_padding(7, 3, 2), (1, 1));
        assert_eq!(same_padding(8, 2, 1), (0, 1));
        assert_eq!(same_padding(8, 2, 2), (0, 0));
        assert_eq!(same_padding(8, 4, 2), (1, 1));
    }

    fn counting(dims: [usize; 5]) -> Tensor<5> {
        let n = dims.iter().product::<usize>() as i64;
        Tensor::<1, Int>::arange(0..n, &Device::flex()).float().reshape(dims)
    }

    #[test]
    fn planar_and_volumetric_convolutions_agree_on_a_single_slice() {
        let device = Device::flex();
        let x = counting([2, 3, 1, 6, 4]) / 100.0;
        let mut flat = ConvShape::new(3, 5, 3, true).init(Init::Kaiming, &device);
        let mut deep = ConvShape::new(3, 5, 3, false).init(Init::Kaiming, &device);
        // The middle of a kernel of depth 3 is all that touches a single slice.
        let weight = flat.weight.val();
        let zeros = weight.zeros_like();
        deep.weight = Param::from_tensor(Tensor::cat(vec![zeros.clone(), weight, zeros], 2));
        flat.stride = 1;
        let difference = (flat.forward(x.clone()) - deep.forward(x)).abs().max().into_scalar::<f32>();
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn strided_convolution_rounds_sizes_up() {
        let conv = ConvShape { stride: 2, ..ConvShape::new(1, 2, 3, false) }.init(Init::Kaiming, &Device::flex());
        assert_eq!(conv.forward(counting([1, 1, 8, 7, 5])).dims(), [1, 2, 4, 4, 3]);
    }

    #[test]
    fn nearest_repeats_and_max_pool_takes_it_back() {
        let x = counting([2, 3, 2, 4, 6]);
        let up = nearest(x.clone(), false);
        assert_eq!(up.dims(), [2, 3, 4, 8, 12]);
        max_pool(up, false).into_data().assert_eq(&x.clone().into_data(), true);
        let flat = nearest(x.clone(), true);
        assert_eq!(flat.dims(), [2, 3, 2, 8, 12]);
        max_pool(flat, true).into_data().assert_eq(&x.into_data(), true);
    }

    #[test]
    fn subsampling_takes_back_what_nearest_repeats() {
        let x = counting([2, 3, 2, 4, 6]);
        for planar in [false, true] {
            let up = nearest(nearest(x.clone(), planar), planar);
            subsample(up, 4, planar).into_data().assert_eq(&x.clone().into_data(), true);
        }
        let square = subsample(counting([1, 1, 1, 4, 8]), 4, true);
        assert_eq!(square.into_data().iter::<f32>().collect::<Vec<_>>(), [18.0, 22.0]);
    }

    #[test]
    fn transposed_convolution_doubles_every_axis() {
        for kernel in [2, 3] {
            let up = ConvTranspose::init(3, 4, kernel, false, &Device::flex());
            assert_eq!(up.forward(counting([1, 3, 2, 3, 4])).dims(), [1, 4, 4, 6, 8]);
            let up = ConvTranspose::init(3, 4, kernel, true, &Device::flex());
            assert_eq!(up.forward(counting([1, 3, 2, 3, 4])).dims(), [1, 4, 2, 6, 8]);
        }
    }
}
