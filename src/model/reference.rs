//! The blocks of the authors' networks that ours do without, so that their published weights can be loaded and their
//! figures reproduced: batch-normed residual block, image block, element-wise layer norm.

use burn::module::Param;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::prelude::*;

use super::block::{GroupNorm, NORM_EPSILON, silu};
use super::config::{ImageDown, Init};
use super::conv::{Conv, ConvShape, max_pool};
use super::cpu::{self, Around, Maps};

/// Groups of the norm that ends every image block.
const IMAGE_GROUPS: usize = 4;

/// Batch norm with Keras's defaults (ε = 1e-3, momentum 0.99).
pub fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(NORM_EPSILON).with_momentum(0.01).init(device)
}

/// The residual block of the authors' label encoder and decoder: conv3 → BN → SiLU → conv3 → BN, plus BN of a
/// 1-convolution of the input, then SiLU. The shortcut is projected even where the widths are equal.
#[derive(Module, Debug)]
pub struct PostNormBlock {
    /// First convolution.
    pub conv_in: Conv,
    /// After the first convolution.
    pub norm_in: BatchNorm,
    /// Second convolution.
    pub conv_out: Conv,
    /// After the second convolution.
    pub norm_out: BatchNorm,
    /// 1-convolution of the input.
    pub shortcut: Conv,
    /// After the shortcut.
    pub norm_shortcut: BatchNorm,
}

impl PostNormBlock {
    /// Initialises the block on `device`.
    pub fn init(channels_in: usize, channels_out: usize, planar: bool, device: &Device) -> Self {
        let conv = |from, kernel| ConvShape::new(from, channels_out, kernel, planar).init(Init::Kaiming, device);
        Self {
            conv_in: conv(channels_in, 3),
            norm_in: batch_norm(channels_out, device),
            conv_out: conv(channels_out, 3),
            norm_out: batch_norm(channels_out, device),
            shortcut: conv(channels_in, 1),
            norm_shortcut: batch_norm(channels_out, device),
        }
    }

    /// # Shapes
    /// `[batch, in, depth, height, width]` → `[batch, out, depth, height, width]`
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        if self.conv_in.runs_on_cpu(&x) {
            return self.forward_on_cpu(x);
        }
        let h = silu(self.norm_in.forward(self.conv_in.forward(x.clone())));
        let h = self.norm_out.forward(self.conv_out.forward(h));
        silu(h + self.norm_shortcut.forward(self.shortcut.forward(x)))
    }

    /// The norms, which only scale and shift where nothing is trained, in the weights of the convolutions before them.
    fn forward_on_cpu(&self, x: Tensor<5>) -> Tensor<5> {
        let [_, _, size @ ..] = x.dims();
        let conv = |x: &Maps, conv: &Conv, norm: &BatchNorm, add: Option<&Maps>| {
            let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
            let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
            cpu::conv(x, &conv.on_cpu_scaled(size, scale, shift), Around { add, ..Around::default() })
        };
        let x = Maps::from(x);
        let h = cpu::silu(conv(&x, &self.conv_in, &self.norm_in, None));
        let shortcut = conv(&x, &self.shortcut, &self.norm_shortcut, None);
        cpu::silu(conv(&h, &self.conv_out, &self.norm_out, Some(&shortcut))).into()
    }
}

/// The block of the authors' image encoder, which halves its input: SiLU → conv3 → SiLU → conv3, plus a 1-convolution of
/// the input, SiLU, down-sampling, GroupNorm. In 3D its 3-convolutions are grouped.
#[derive(Module, Debug)]
pub struct ImageBlock {
    /// First convolution.
    pub conv_in: Conv,
    /// Second convolution, near zero at first.
    pub conv_out: Conv,
    /// 1-convolution of the input.
    pub shortcut: Conv,
    /// The strided convolution; `None` where the block pools.
    pub down: Option<Conv>,
    /// Ends the block.
    pub norm: GroupNorm,
    planar: bool,
}

impl ImageBlock {
    /// Initialises the block on `device`.
    pub fn init(channels: [usize; 2], groups: usize, down: ImageDown, planar: bool, device: &Device) -> Self {
        let [channels_in, channels_out] = channels;
        let grouped = |from| ConvShape { groups, ..ConvShape::new(from, channels_out, 3, planar) };
        let strided = ConvShape { stride: 2, ..ConvShape::new(channels_out, channels_out, 3, planar) };
        Self {
            conv_in: grouped(channels_in).init(Init::Kaiming, device),
            conv_out: grouped(channels_out).init(Init::Zero, device),
            shortcut: ConvShape::new(channels_in, channels_out, 1, planar).init(Init::Kaiming, device),
            down: (down == ImageDown::Strided).then(|| strided.init(Init::Kaiming, device)),
            norm: GroupNorm::init(channels_out, IMAGE_GROUPS, device),
            planar,
        }
    }

    /// # Shapes
    /// `[batch, in, depth, height, width]` → `[batch, out, depth/2, height/2, width/2]`; a planar block keeps the depth.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let h = silu(self.conv_in.forward(silu(x.clone())));
        let h = silu(self.conv_out.forward(h) + self.shortcut.forward(x));
        let h = match &self.down {
            Some(conv) => conv.forward(h),
            None => max_pool(h, self.planar),
        };
        self.norm.forward(h)
    }
}

/// Zero mean and unit SD over a sample, then a scale and a shift for each element: ties the weights to one size.
#[derive(Module, Debug)]
pub struct ElementNorm {
    /// Scale, `[1, depth, height, width]`.
    pub gamma: Param<Tensor<4>>,
    /// Shift, `[1, depth, height, width]`.
    pub beta: Param<Tensor<4>>,
}

impl ElementNorm {
    /// Initialises the layer on `device` for latents of `shape` (depth, height, width).
    pub fn init([depth, height, width]: [usize; 3], device: &Device) -> Self {
        let shape = [1, depth, height, width];
        Self {
            gamma: Param::from_tensor(Tensor::ones(shape, device)),
            beta: Param::from_tensor(Tensor::zeros(shape, device)),
        }
    }

    /// # Shapes
    /// `[batch, 1, depth, height, width]`, in and out.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let [_, depth, height, width] = self.gamma.dims();
        let shape = [1, 1, depth, height, width];
        standardise(x, NORM_EPSILON) * self.gamma.val().reshape(shape) + self.beta.val().reshape(shape)
    }
}

/// Zero mean and unit SD over each sample; `epsilon` is added to the variance.
///
/// # Shapes
/// `[batch, channel, depth, height, width]`, in and out.
pub fn standardise(x: Tensor<5>, epsilon: f64) -> Tensor<5> {
    let dims = x.dims();
    let rows = x.reshape([dims[0], dims[1..].iter().product::<usize>()]);
    let mean = rows.clone().mean_dim(1);
    let centred = rows - mean;
    let variance = centred.clone().powi_scalar(2).mean_dim(1);
    (centred / (variance + epsilon).sqrt()).reshape(dims)
}
