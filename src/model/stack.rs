//! A list of layers run one after another: the label encoder, the image encoder and the label decoder are each one.

use burn::nn::BatchNorm;
use burn::prelude::*;

use super::block::{Attention, AttentionShape, GroupNorm, ResidualBlock, silu};
use super::config::LayerConfig;
use super::conv::{Conv, ConvShape, ConvTranspose, max_pool, nearest, subsample};
use super::cpu;
use super::reference::{ElementNorm, ImageBlock, PostNormBlock, batch_norm, standardise};

/// Added to the variance of a latent when it is standardised: below any that the first step of a run leaves.
const LATENT_EPSILON: f64 = 1e-10;

/// One layer; see [`LayerConfig`].
#[derive(Module, Debug)]
#[expect(missing_docs, clippy::large_enum_variant, reason = "each variant is its LayerConfig; a stack holds a dozen")]
pub enum Layer {
    Conv(Conv),
    ConvTranspose(ConvTranspose),
    Residual(ResidualBlock),
    PostNorm(PostNormBlock),
    Image(ImageBlock),
    Attention(Attention),
    GroupNorm(GroupNorm),
    BatchNorm(BatchNorm),
    ElementNorm(ElementNorm),
    Plain(Plain),
}

/// A layer without weights.
#[derive(Module, Debug)]
pub struct Plain {
    #[module(skip)]
    operation: Operation,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    MaxPool { planar: bool },
    Nearest { planar: bool },
    Subsample { factor: usize, planar: bool },
    Silu,
    Standardise,
}

/// Layers run one after another.
#[derive(Module, Debug)]
pub struct Stack {
    /// First to last.
    pub layers: Vec<Layer>,
}

impl Stack {
    /// Initialises the layers of `configs` on `device` for an input of `channels`.
    pub fn init(configs: &[LayerConfig], mut channels: usize, planar: bool, device: &Device) -> Self {
        let mut layers = Vec::with_capacity(configs.len());
        for config in configs {
            layers.push(Layer::init(config, channels, planar, device));
            channels = config.channels_out(channels);
        }
        Self { layers }
    }

    /// # Shapes
    /// `[batch, channel, depth, height, width]`, in and out; channels and sizes change as the layers say.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        cpu::on_pool(&x.device(), || self.forward_here(x))
    }

    fn forward_here(&self, mut x: Tensor<5>) -> Tensor<5> {
        let mut layers = self.layers.as_slice();
        while let [layer, rest @ ..] = layers {
            (x, layers) = match (layer, rest) {
                // One pass instead of two on the CPU.
                (Layer::GroupNorm(norm), [Layer::Plain(Plain { operation: Operation::Silu }), rest @ ..]) => {
                    (norm.forward_silu(x), rest)
                }
                _ => (layer.forward(x), rest),
            };
        }
        x
    }
}

impl LayerConfig {
    /// Channels that come out where `channels` go in.
    pub fn channels_out(&self, channels: usize) -> usize {
        match *self {
            Self::Conv { out, .. }
            | Self::ConvTranspose { out, .. }
            | Self::Residual { out, .. }
            | Self::PostNorm { out }
            | Self::Image { out, .. } => out,
            _ => channels,
        }
    }
}

impl Layer {
    fn init(config: &LayerConfig, channels: usize, planar: bool, device: &Device) -> Self {
        let plain = |operation| Self::Plain(Plain { operation });
        match *config {
            LayerConfig::Conv { out, kernel, stride, groups, init } => {
                let shape = ConvShape { stride, groups, ..ConvShape::new(channels, out, kernel, planar) };
                Self::Conv(shape.init(init, device))
            }
            LayerConfig::ConvTranspose { out, kernel } => {
                Self::ConvTranspose(ConvTranspose::init(channels, out, kernel, planar, device))
            }
            LayerConfig::Residual { out, groups } => {
                Self::Residual(ResidualBlock::init([channels, out], groups, None, planar, device))
            }
            LayerConfig::PostNorm { out } => Self::PostNorm(PostNormBlock::init(channels, out, planar, device)),
            LayerConfig::Image { out, groups, down } => {
                Self::Image(ImageBlock::init([channels, out], groups, down, planar, device))
            }
            LayerConfig::Attention { heads, groups, reduce } => {
                let shape = AttentionShape { channels, heads, groups, add_to_normalised: false, reduce, planar };
                Self::Attention(Attention::init(shape, device))
            }
            LayerConfig::GroupNorm { groups } => Self::GroupNorm(GroupNorm::init(channels, groups, device)),
            LayerConfig::BatchNorm => Self::BatchNorm(batch_norm(channels, device)),
            LayerConfig::ElementNorm { shape } => Self::ElementNorm(ElementNorm::init(shape, device)),
            LayerConfig::MaxPool => plain(Operation::MaxPool { planar }),
            LayerConfig::Nearest => plain(Operation::Nearest { planar }),
            LayerConfig::Subsample { factor } => plain(Operation::Subsample { factor, planar }),
            LayerConfig::Silu => plain(Operation::Silu),
            LayerConfig::Standardise => plain(Operation::Standardise),
        }
    }

    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        match self {
            Self::Conv(layer) => layer.forward(x),
            Self::ConvTranspose(layer) => layer.forward(x),
            Self::Residual(layer) => layer.forward(x, None),
            Self::PostNorm(layer) => layer.forward(x),
            Self::Image(layer) => layer.forward(x),
            Self::Attention(layer) => layer.forward(x),
            Self::GroupNorm(layer) => layer.forward(x),
            Self::BatchNorm(layer) => layer.forward(x),
            Self::ElementNorm(layer) => layer.forward(x),
            Self::Plain(layer) => match layer.operation {
                Operation::MaxPool { planar } => max_pool(x, planar),
                Operation::Nearest { planar } => nearest(x, planar),
                Operation::Subsample { factor, planar } => subsample(x, factor, planar),
                Operation::Silu => silu(x),
                Operation::Standardise => standardise_latent(x),
            },
        }
    }
}

/// Zero mean and unit SD over each sample, as latents are kept.
///
/// # Shapes
/// `[batch, channel, depth, height, width]`, in and out.
pub fn standardise_latent(x: Tensor<5>) -> Tensor<5> {
    standardise(x, LATENT_EPSILON)
}
