//! ResUNet, the deterministic network that LDSeg is compared with (Zhang, Liu and Wang, "Road Extraction by Deep Residual
//! U-Net", 2018): residual blocks on the way down, skips, residual blocks on the way up.
//!
//! Its blocks and widths are those of our LDSeg (group norm, SiLU, nothing but the first layer and the last at the image's own
//! resolution), so that what differs is what is compared: skips in place of a latent, and no noise.

use burn::prelude::*;

use super::config::{Init, LayerConfig, ResUnetConfig};
use super::stack::Stack;

/// Image to class scores in one pass.
#[derive(Module, Debug)]
pub struct ResUnet {
    /// One stack a resolution, half of the image's first; each halves its input.
    encoder: Vec<Stack>,
    /// Up to the next finer resolution, the coarsest first, …
    up: Vec<Stack>,
    /// … and what comes after the encoder's map of that resolution has been put beside it.
    merge: Vec<Stack>,
    /// To class scores at the image's resolution.
    head: Stack,
}

impl ResUnetConfig {
    /// Initialises the network on `device`.
    pub fn init(&self, image_channels: usize, n_classes: usize, device: &Device) -> ResUnet {
        let &Self { planar, groups, ref widths } = self;
        let conv = |out, kernel, stride| LayerConfig::Conv { out, kernel, stride, groups: 1, init: Init::Kaiming };
        let residual = |out| LayerConfig::Residual { out, groups };
        let stack = |layers: &[LayerConfig], channels| Stack::init(layers, channels, planar, device);

        let mut encoder = vec![stack(&[conv(widths[0], 4, 2), residual(widths[0])], image_channels)];
        encoder.extend(widths.windows(2).map(|pair| stack(&[conv(pair[1], 2, 2), residual(pair[1])], pair[0])));
        let ways_up = || widths.windows(2).rev();
        let up = |pair: &[usize]| stack(&[LayerConfig::ConvTranspose { out: pair[0], kernel: 2 }], pair[1]);
        let to_scores = LayerConfig::ConvTranspose { out: n_classes, kernel: 2 };
        let head = [LayerConfig::GroupNorm { groups }, LayerConfig::Silu, to_scores];
        ResUnet {
            encoder,
            up: ways_up().map(up).collect(),
            merge: ways_up().map(|pair| stack(&[residual(pair[0])], 2 * pair[0])).collect(),
            head: stack(&head, widths[0]),
        }
    }

    /// Sizes along depth, height and width must be multiples of these.
    pub fn size_multiple(&self) -> [usize; 3] {
        let multiple = 1 << self.widths.len();
        [if self.planar { 1 } else { multiple }, multiple, multiple]
    }
}

impl ResUnet {
    /// # Shapes
    /// `[batch, channel, depth, height, width]` → `[batch, class, depth, height, width]`; sizes are multiples of
    /// [`ResUnetConfig::size_multiple`].
    pub fn forward(&self, image: Tensor<5>) -> Tensor<5> {
        let mut maps = Vec::with_capacity(self.encoder.len());
        let mut x = image;
        for stage in &self.encoder {
            x = stage.forward(x);
            maps.push(x.clone());
        }
        // The coarsest map is the one that goes up.
        let skips = maps.into_iter().rev().skip(1);
        for ((up, merge), skip) in self.up.iter().zip(&self.merge).zip(skips) {
            x = merge.forward(Tensor::cat(vec![up.forward(x), skip], 1));
        }
        self.head.forward(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(planar: bool, shape: [usize; 5]) -> Tensor<5> {
        let config = ResUnetConfig { planar, widths: vec![8, 16, 24], groups: 8 };
        let device = Device::flex();
        config.init(shape[1], 3, &device).forward(Tensor::ones(shape, &device))
    }

    #[test]
    fn scores_have_the_size_of_the_image() {
        assert_eq!(scores(false, [2, 1, 8, 16, 24]).dims(), [2, 3, 8, 16, 24]);
        assert_eq!(scores(true, [1, 3, 2, 8, 16]).dims(), [1, 3, 2, 8, 16]);
    }

    #[test]
    fn each_width_halves_the_sizes_once() {
        let config = ResUnetConfig { planar: true, widths: vec![8, 16, 24, 32], groups: 8 };
        assert_eq!(config.size_multiple(), [1, 16, 16]);
    }
}
