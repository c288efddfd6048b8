//! The ways from an image to an answer that are worth comparing: sampled with K steps, the embedding decoded as it is, the
//! ceiling that no denoiser passes, and a deterministic model's one way.

use std::fmt;

use serde::Serialize;

use crate::config::SamplerKind;
use crate::domain::LabelMap;
use crate::model::config::ModelConfig;
use crate::model::segment::{Encoded, Segmenter};
use crate::monitor::{Cancelled, Monitor};

/// A way to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// One latent, sampled.
    Sampled {
        /// DDIM or DDPM.
        sampler: SamplerKind,
        /// K.
        steps: usize,
    },
    /// The image's embedding, decoded without any denoising.
    Embedding,
    /// The true labels, encoded and decoded.
    Ceiling,
    /// One pass of a deterministic model: no noise, no steps, no seed.
    Deterministic,
}

impl Route {
    /// The ways of a model that need no truth: the `sampled` ones and its embedding where that can be decoded, or the only one of
    /// a deterministic model.
    pub fn of(config: &ModelConfig, sampled: impl IntoIterator<Item = Self>) -> Vec<Self> {
        if config.is_deterministic() {
            return vec![Self::Deterministic];
        }
        sampled.into_iter().chain(config.decodes_embedding().then_some(Self::Embedding)).collect()
    }

    /// As [`Route::of`], and the ceiling where there is one.
    pub fn with_ceiling(config: &ModelConfig, sampled: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let ceiling = (!config.is_deterministic()).then_some(Self::Ceiling);
        Self::of(config, sampled).into_iter().chain(ceiling).collect()
    }

    /// DDIM with K `steps`.
    pub fn ddim(steps: usize) -> Self {
        Self::Sampled { sampler: SamplerKind::Ddim, steps }
    }

    /// The labels that this way leads to, on the image's grid. `truth` is looked at by [`Route::Ceiling`] alone.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn answer(
        self,
        segmenter: &Segmenter,
        encoded: &Encoded,
        truth: &LabelMap,
        seed: u64,
        monitor: &dyn Monitor,
    ) -> Result<LabelMap, Cancelled> {
        let probabilities = match self {
            Self::Sampled { sampler, steps } => segmenter.sample(encoded, sampler, steps, seed, monitor)?,
            Self::Embedding | Self::Deterministic => segmenter.decode_embedding(encoded),
            Self::Ceiling => segmenter.autoencode(encoded, truth),
        };
        Ok(segmenter.restore(encoded, probabilities).0)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sampled { sampler: SamplerKind::Ddim, steps } => write!(f, "DDIM K = {steps}"),
            Self::Sampled { sampler: SamplerKind::Ddpm, steps } => write!(f, "DDPM K = {steps}"),
            Self::Embedding => f.write_str("embedding only"),
            Self::Ceiling => f.write_str("label → latent → label"),
            Self::Deterministic => f.write_str("deterministic"),
        }
    }
}
