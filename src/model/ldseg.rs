//! LDSeg: label encoder, image encoder, conditional denoiser and label decoder together (Zaman et al., "Latent Diffusion
//! for Medical Image Segmentation: End-to-End Learning for Fast Sampling and Accuracy").

use burn::prelude::*;

use super::config::{LabelInput, NetworkConfig};
use super::denoiser::{Denoiser, DenoiserChannels};
use super::stack::Stack;

/// The four networks.
#[derive(Module, Debug)]
pub struct Ldseg {
    /// Label map to latent; needed for training and for measuring the ceiling only.
    pub label_encoder: Stack,
    /// Image to embedding.
    pub image_encoder: Stack,
    /// Noisy latent, embedding and time to noise.
    pub denoiser: Denoiser,
    /// Latent to class scores.
    pub label_decoder: Stack,
}

impl NetworkConfig {
    /// Initialises the networks on `device`.
    pub fn init(&self, image_channels: usize, n_classes: usize, device: &Device) -> Ldseg {
        let embedding = self.image_encoder.iter().fold(image_channels, |channels, layer| layer.channels_out(channels));
        let channels = DenoiserChannels { latent: self.latent_channels, embedding };
        Ldseg {
            label_encoder: Stack::init(&self.label_encoder, self.label_channels(n_classes), self.planar, device),
            image_encoder: Stack::init(&self.image_encoder, image_channels, self.planar, device),
            denoiser: Denoiser::init(&self.denoiser, channels, self.planar, device),
            label_decoder: Stack::init(&self.label_decoder, self.latent_channels, self.planar, device),
        }
    }

    /// Sizes along depth, height and width must be multiples of these: the latent's factor times the denoiser's.
    pub fn size_multiple(&self) -> [usize; 3] {
        let multiple = self.downsampling << (self.denoiser.widths.len() - 1);
        [if self.planar { 1 } else { multiple }, multiple, multiple]
    }

    /// A label map as the label encoder wants it.
    ///
    /// # Shapes
    /// one-hot `[batch, class, depth, height, width]` → `[batch, 1 or class, depth, height, width]`
    pub fn label_tensor(&self, one_hot: Tensor<5>) -> Tensor<5> {
        match self.label_input {
            LabelInput::OneHot => one_hot,
            LabelInput::Index => {
                let n_classes = one_hot.dims()[1];
                let ids = Tensor::<1, Int>::arange(0..n_classes as i64, &one_hot.device()).float();
                (one_hot * ids.reshape([1, n_classes, 1, 1, 1])).sum_dim(1)
            }
        }
    }
}
