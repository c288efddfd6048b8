//! The networks of a model, of whichever kind, as the rest of the program uses them: encode an image, find a latent, decode it.
//!
//! A deterministic network fits in as one whose encoding is the answer: its class scores stand for the embedding and for the
//! latent of every sample, and only softmax is left to decode.

use burn::prelude::*;
use burn::tensor::activation::softmax;

use super::config::{Architecture, LdsegConfig, ModelConfig};
use super::ldseg::Ldseg;
use super::resunet::ResUnet;
use super::sampler::{NoiseSource, Sampler};
use super::schedule::Schedule;
use super::stack::standardise_latent;
use super::weights::{self, WeightsError};
use crate::config::SamplerKind;
use crate::monitor::{Cancelled, Monitor};

/// Networks on a device, with what they need beside their weights.
#[derive(Clone, Debug)]
pub struct Networks {
    kind: Kind,
    size_multiple: [usize; 3],
}

#[derive(Clone, Debug)]
enum Kind {
    Ldseg(Box<Diffusion>),
    ResUnet(Box<ResUnet>),
}

#[derive(Clone, Debug)]
struct Diffusion {
    config: LdsegConfig,
    networks: Ldseg,
    schedule: Schedule,
}

/// Which samples are wanted, and how they walk from noise to latent. Means nothing to a deterministic network.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// DDIM or DDPM.
    pub sampler: SamplerKind,
    /// K.
    pub steps: usize,
    /// Sample i depends on (seed, i) alone.
    pub seed: u64,
}

impl Networks {
    /// LDSeg's, as `config` describes them.
    pub fn ldseg(config: &LdsegConfig, networks: Ldseg) -> Self {
        let schedule = Schedule::new(&config.diffusion);
        let size_multiple = config.network.size_multiple();
        Self { kind: Kind::Ldseg(Box::new(Diffusion { config: config.clone(), networks, schedule })), size_multiple }
    }

    /// A ResUNet whose sizes are multiples of `size_multiple`.
    pub fn resunet(network: ResUnet, size_multiple: [usize; 3]) -> Self {
        Self { kind: Kind::ResUnet(Box::new(network)), size_multiple }
    }

    /// The networks of `config` with the weights of a safetensors file.
    ///
    /// # Errors
    /// [`WeightsError`] where these belong to other networks.
    pub fn load(config: &ModelConfig, bytes: &[u8], device: &Device) -> Result<Self, WeightsError> {
        let (channels, n_classes) = (config.input.channels, config.n_classes());
        Ok(match &config.architecture {
            Architecture::Ldseg(config) => {
                let networks = config.network.init(channels, n_classes, device);
                Self::ldseg(config, weights::from_bytes(networks, bytes)?)
            }
            Architecture::ResUnet(config) => {
                let network = config.init(channels, n_classes, device);
                Self::resunet(weights::from_bytes(network, bytes)?, config.size_multiple())
            }
        })
    }

    /// Sizes of an image along depth, height and width must be multiples of these.
    pub fn size_multiple(&self) -> [usize; 3] {
        self.size_multiple
    }

    /// The image's embedding; of a deterministic network the class scores.
    ///
    /// # Shapes
    /// `[batch, channel, depth, height, width]`, in and out
    pub fn encode(&self, image: Tensor<5>) -> Tensor<5> {
        match &self.kind {
            Kind::Ldseg(diffusion) => diffusion.networks.image_encoder.forward(image),
            Kind::ResUnet(network) => network.forward(image),
        }
    }

    /// The latents of the `samples` with these numbers, denoised together. `on_latent` sees every latent of the way with its
    /// time; a deterministic network has no way, and its scores are seen once, at time 0.
    ///
    /// # Shapes
    /// `[1, channel, depth, height, width]` → `[samples, channel, depth, height, width]`
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn latents(
        &self,
        embedding: &Tensor<5>,
        walk: Walk,
        samples: std::ops::Range<u64>,
        monitor: &dyn Monitor,
        on_latent: &mut dyn FnMut(f64, &Tensor<5>),
    ) -> Result<Tensor<5>, Cancelled> {
        match &self.kind {
            Kind::Ldseg(diffusion) => {
                let sampler = Sampler { schedule: &diffusion.schedule, kind: walk.sampler, steps: walk.steps };
                let mut noise = NoiseSource::new(walk.seed, samples);
                sampler.run(&diffusion.networks, embedding, &mut noise, monitor, on_latent)
            }
            Kind::ResUnet(_) => {
                monitor.report("Segmenting", 1, 1)?;
                on_latent(0.0, embedding);
                let [_, channels, depth, height, width] = embedding.dims();
                let n_samples = samples.end.saturating_sub(samples.start) as usize;
                Ok(embedding.clone().expand([n_samples, channels, depth, height, width]))
            }
        }
    }

    /// As [`Networks::latents`], of one sample of each of several images that were encoded together.
    ///
    /// # Shapes
    /// `[image, channel, depth, height, width]`, in and out
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn latents_of_images(
        &self,
        embeddings: &Tensor<5>,
        walk: Walk,
        sample: u64,
        monitor: &dyn Monitor,
    ) -> Result<Tensor<5>, Cancelled> {
        match &self.kind {
            Kind::Ldseg(diffusion) => {
                let sampler = Sampler { schedule: &diffusion.schedule, kind: walk.sampler, steps: walk.steps };
                let mut noise = NoiseSource::repeated(walk.seed, sample, embeddings.dims()[0]);
                sampler.run(&diffusion.networks, embeddings, &mut noise, monitor, &mut |_, _| {})
            }
            Kind::ResUnet(_) => Ok(embeddings.clone()),
        }
    }

    /// The latent that an embedding is taken for where it is decoded as it is, in a model that
    /// [can do that](super::config::ModelConfig::decodes_embedding).
    pub fn latent_of_embedding(&self, embedding: Tensor<5>) -> Tensor<5> {
        match &self.kind {
            Kind::Ldseg(_) => standardise_latent(embedding),
            Kind::ResUnet(_) => embedding,
        }
    }

    /// Class probabilities of a latent.
    ///
    /// # Shapes
    /// `[batch, channel, depth, height, width]` → `[batch, class, depth, height, width]` of the image's size
    pub fn decode(&self, latent: Tensor<5>) -> Tensor<5> {
        let scores = match &self.kind {
            Kind::Ldseg(diffusion) => diffusion.networks.label_decoder.forward(latent),
            Kind::ResUnet(_) => latent,
        };
        softmax(scores, 1)
    }

    /// Class probabilities of label → latent → label; without a latent nothing is lost on the way.
    ///
    /// # Shapes
    /// one-hot `[batch, class, depth, height, width]`, in and out
    pub fn autoencode(&self, one_hot: Tensor<5>) -> Tensor<5> {
        match &self.kind {
            Kind::Ldseg(diffusion) => {
                let labels = diffusion.config.network.label_tensor(one_hot);
                self.decode(diffusion.networks.label_encoder.forward(labels))
            }
            Kind::ResUnet(_) => one_hot,
        }
    }
}
