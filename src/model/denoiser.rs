//! The conditional denoiser: from a noisy label latent, the image's embedding and the time, the noise (LDSeg §III-C; a
//! U-Net after Ho et al. 2020).

use burn::prelude::*;
use burn::tensor::activation::silu;

use super::block::{Attention, AttentionShape, GroupNorm, ResidualBlock, TimeEmbedding};
use super::config::{DenoiserConfig, Init};
use super::conv::{Conv, ConvShape, nearest};
use super::cpu;

/// A residual block and, at some resolutions, self-attention.
#[derive(Module, Debug)]
pub struct Step {
    /// Takes the time.
    pub residual: ResidualBlock,
    /// `None` at resolutions without attention.
    pub attention: Option<Attention>,
}

/// One resolution of the U-Net: steps, then a convolution to the next resolution (`None` at the end of the way).
#[derive(Module, Debug)]
pub struct Level {
    /// In order.
    pub steps: Vec<Step>,
    /// Down: stride 2. Up: after doubling by repetition.
    pub resample: Option<Conv>,
}

/// The denoiser.
#[derive(Module, Debug)]
pub struct Denoiser {
    /// Shared by all residual blocks.
    pub time: TimeEmbedding,
    /// Latent and embedding to the first width.
    pub stem: Conv,
    /// Finest resolution first.
    pub down: Vec<Level>,
    /// Residual, attention, residual at the coarsest resolution.
    pub middle: Vec<Step>,
    /// Coarsest resolution first.
    pub up: Vec<Level>,
    /// Before the last convolution.
    pub norm: GroupNorm,
    /// To the latent's channels.
    pub head: Conv,
    latent_channels: usize,
    dense_skips: bool,
    planar: bool,
}

/// What goes in side by side.
#[derive(Clone, Copy, Debug)]
pub struct DenoiserChannels {
    /// Of the latent, and of what comes out.
    pub latent: usize,
    /// Of the image's embedding.
    pub embedding: usize,
}

/// Builds steps of one denoiser.
struct Builder<'a> {
    config: &'a DenoiserConfig,
    planar: bool,
    device: &'a Device,
}

impl Builder<'_> {
    fn step(&self, channels_in_out: [usize; 2], attention: bool) -> Step {
        let DenoiserConfig { groups, time_dim, attention_on_normalised, .. } = *self.config;
        let planar = self.planar;
        let [_, channels] = channels_in_out;
        let shape = AttentionShape {
            channels,
            heads: 1,
            groups,
            add_to_normalised: attention_on_normalised,
            reduce: 0,
            planar,
        };
        Step {
            residual: ResidualBlock::init(channels_in_out, groups, Some(time_dim), planar, self.device),
            attention: attention.then(|| Attention::init(shape, self.device)),
        }
    }

    fn conv(&self, channels_in: usize, channels_out: usize, stride: usize) -> Conv {
        let shape = ConvShape { stride, ..ConvShape::new(channels_in, channels_out, 3, self.planar) };
        shape.init(Init::Kaiming, self.device)
    }
}

impl Denoiser {
    /// Initialises the network on `device`.
    pub fn init(config: &DenoiserConfig, channels: DenoiserChannels, planar: bool, device: &Device) -> Self {
        let builder = Builder { config, planar, device };
        let widths = &config.widths;
        let (first, last) = (widths[0], widths[widths.len() - 1]);
        let has_attention = |level: usize| config.attention.contains(&level);

        let mut width = first;
        let mut skips = if config.dense_skips { vec![first] } else { Vec::new() };
        let mut down = Vec::with_capacity(widths.len());
        for (level, &out) in widths.iter().enumerate() {
            let mut steps = Vec::with_capacity(config.blocks);
            for _ in 0..config.blocks {
                steps.push(builder.step([width, out], has_attention(level)));
                width = out;
                skips.push(width);
            }
            let is_last = level + 1 == widths.len();
            if !is_last && config.dense_skips {
                skips.push(width);
            }
            down.push(Level { steps, resample: (!is_last).then(|| builder.conv(width, width, 2)) });
        }

        let middle = vec![builder.step([last, last], true), builder.step([last, last], false)];

        let blocks_up = config.blocks + usize::from(config.dense_skips);
        let mut up = Vec::with_capacity(widths.len());
        for (level, &out) in widths.iter().enumerate().rev() {
            let mut steps = Vec::with_capacity(blocks_up);
            for _ in 0..blocks_up {
                let skip = skips.pop().unwrap_or(0);
                steps.push(builder.step([width + skip, out], has_attention(level)));
                width = out;
            }
            up.push(Level { steps, resample: (level > 0).then(|| builder.conv(width, width, 1)) });
        }

        Self {
            time: TimeEmbedding::init(config.time_dim, device),
            stem: builder.conv(channels.latent + channels.embedding, first, 1),
            down,
            middle,
            up,
            norm: GroupNorm::init(first, config.groups, device),
            head: builder.conv(first, channels.latent, 1),
            latent_channels: channels.latent,
            dense_skips: config.dense_skips,
            planar,
        }
    }

    /// Channels of the latents that it denoises.
    pub fn latent_channels(&self) -> usize {
        self.latent_channels
    }

    /// The noise in `latent`.
    ///
    /// # Shapes
    /// - latent, embedding, output: `[batch, channel, depth, height, width]`, channels as in [`DenoiserChannels`]; every size
    ///   that is halved is even
    /// - times: one for each sample, or one for all
    pub fn forward(&self, latent: Tensor<5>, embedding: Tensor<5>, times: &[f64]) -> Tensor<5> {
        cpu::on_pool(&latent.device(), || self.forward_here(latent, embedding, times))
    }

    fn forward_here(&self, latent: Tensor<5>, embedding: Tensor<5>, times: &[f64]) -> Tensor<5> {
        let time = silu(self.time.forward(times, &latent.device()));
        let mut x = self.stem.forward(Tensor::cat(vec![latent, embedding], 1));
        let mut skips = if self.dense_skips { vec![x.clone()] } else { Vec::new() };
        for level in &self.down {
            for step in &level.steps {
                x = step.forward(x, &time);
                skips.push(x.clone());
            }
            if let Some(conv) = &level.resample {
                x = conv.forward(x);
                if self.dense_skips {
                    skips.push(x.clone());
                }
            }
        }
        for step in &self.middle {
            x = step.forward(x, &time);
        }
        for level in &self.up {
            for step in &level.steps {
                if let Some(skip) = skips.pop() {
                    x = Tensor::cat(vec![x, skip], 1);
                }
                x = step.forward(x, &time);
            }
            if let Some(conv) = &level.resample {
                x = conv.forward(nearest(x, self.planar));
            }
        }
        self.head.forward(self.norm.forward_silu(x))
    }
}

impl Step {
    fn forward(&self, x: Tensor<5>, time: &Tensor<2>) -> Tensor<5> {
        let x = self.residual.forward(x, Some(time));
        match &self.attention {
            Some(attention) => attention.forward(x),
            None => x,
        }
    }
}
