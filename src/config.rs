//! Every knob that a person can set. One struct is the command line's flags, the saved file and the sliders; ranges are
//! constants here, so that all three agree.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Sampling steps K, counted as the LDSeg paper counts them: K evenly spaced times of which the last, t = 0, costs nothing,
/// so K steps are K − 1 calls of the denoiser. K = 1 decodes pure noise.
pub const STEPS: RangeInclusive<usize> = 1..=1000;
/// Latents denoised for one segmentation; above 1 their probabilities are averaged.
pub const SAMPLES: RangeInclusive<usize> = 1..=1000;

/// How a latent walks from noise to label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SamplerKind {
    /// Deterministic after the first noise (η = 0; Song et al. 2021).
    #[default]
    Ddim,
    /// Fresh noise at every step (η = 1; Ho et al. 2020).
    Ddpm,
}

/// Where the networks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// The GPU where there is one that passes its check, else the CPU.
    #[default]
    Auto,
    /// The GPU, or an error that says why not.
    Gpu,
    /// The CPU.
    Cpu,
}

/// How an image is segmented.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(default)]
pub struct SegmentSettings {
    /// Model: the name of a built-in one (see `ldseg models`) or a model folder
    #[arg(long, default_value = "hippocampus")]
    pub model: String,
    /// Sampling steps K, 1 to 1000; K steps are K − 1 calls of the denoiser, so K = 1 decodes pure noise
    #[arg(long, default_value_t = 2, value_parser = steps_from_text)]
    pub steps: usize,
    /// Sampler
    #[arg(long, value_enum, default_value_t)]
    pub sampler: SamplerKind,
    /// Samples to draw; their probabilities are averaged
    #[arg(long, default_value_t = 1, value_parser = samples_from_text)]
    pub samples: usize,
    /// Seed; sample i depends on (seed, i) alone
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Segment every slice or frame with a model for pictures, not one alone
    #[arg(long)]
    pub all_slices: bool,
    /// Segment every frame of a volume over time, with a model for pictures every slice of it; a flag of `ldseg segment` alone
    #[arg(skip)]
    pub all_frames: bool,
    /// Where the networks run
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
}

impl Default for SegmentSettings {
    fn default() -> Self {
        Self {
            model: "hippocampus".to_owned(),
            steps: 2,
            sampler: SamplerKind::default(),
            samples: 1,
            seed: 0,
            all_slices: false,
            all_frames: false,
            device: DeviceChoice::default(),
        }
    }
}

/// An encoder that nearest-neighbour down-sampling takes the place of, as in the LDSeg paper's table V.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ablation {
    /// The latent is the label map, smaller.
    LabelEncoder,
    /// The denoiser sees the image, smaller; there is no embedding to decode.
    ImageEncoder,
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
pub struct TrainSettings {
    /// Network: hippocampus, phantom-3d, each with -resunet for its deterministic counterpart, paper-2d or paper-3d
    #[arg(long, default_value = "hippocampus")]
    pub preset: String,
    /// Passes over the training cases
    #[arg(long, default_value_t = 100)]
    pub epochs: usize,
    /// Cases in one step
    #[arg(long, default_value_t = 2)]
    pub batch: usize,
    /// Largest learning rate; it rises over the first hundred steps and falls to 0 along a cosine
    #[arg(long, default_value_t = 1.5e-3)]
    pub learning_rate: f64,
    /// Decay of the running average of the weights, which is what is validated and shipped
    #[arg(long, default_value_t = 0.998)]
    pub average_decay: f64,
    /// Seed of the first weights, the order of the cases, the augmentation and the noise
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Validate after every so many epochs
    #[arg(long, default_value_t = 10)]
    pub validate_every: usize,
    /// Train in two steps, as LSegDiff does: this share of the epochs for the autoencoder of the labels alone, the others, with
    /// that frozen, for the image encoder and the denoiser by the noise's squared error alone
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "0.3",
        value_parser = share_from_text)]
    #[serde(default)]
    pub two_step: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    #[expect(missing_docs, reason = "documented at its type; a comment here would become the command's help")]
    pub loss: LossSettings,
    #[command(flatten)]
    #[serde(flatten)]
    #[expect(missing_docs, reason = "documented at its type; a comment here would become the command's help")]
    pub augment: AugmentSettings,
}

/// Weights of the training loss: CE + γ (1 − Dice) on the decoded latent plus λ times the noise's squared error (LDSeg
/// algorithm 1), and two terms of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
pub struct LossSettings {
    /// γ: weight of 1 − Dice beside the cross-entropy
    #[arg(long, default_value_t = 2.0)]
    pub dice_weight: f64,
    /// Take the Dice of each image by itself, so that a small structure counts as much as a large one; otherwise it is pooled
    /// over the batch
    #[arg(long)]
    #[serde(default)]
    pub dice_by_image: bool,
    /// λ: weight of the squared error of what the denoiser predicts (1 in the paper)
    #[arg(long, default_value_t = 0.5)]
    pub noise_weight: f64,
    /// Weight of the segmentation loss of the image embedding decoded as it is (0 in the paper)
    #[arg(long, default_value_t = 0.5)]
    pub embedding_weight: f64,
    /// Weight of the segmentation loss of the label latent decoded as it is (0 in the paper)
    #[arg(long, default_value_t = 0.5)]
    pub autoencoder_weight: f64,
    /// Share of the samples whose time is drawn from the last tenth, where a two-step run does its work (0 in the paper)
    #[arg(long, default_value_t = 0.5)]
    pub late_share: f64,
    /// Share of the samples whose noisy latent is made from the network's own first estimate, not from the truth, so that
    /// later steps learn to mend earlier ones (0 in the paper)
    #[arg(long, default_value_t = 0.3)]
    pub rollout_share: f64,
    /// What is decoded under the segmentation loss
    #[arg(long, value_enum, default_value_t)]
    pub decoded: DecodedLatent,
}

/// What the label decoder is shown in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DecodedLatent {
    /// The standardised estimate of the label latent, as the sampler leaves it.
    #[default]
    Standardised,
    /// z_t − ε̂, as the paper's eq. 12 is printed and its code runs.
    Printed,
}

/// How training cases are varied. Every range is the largest change; each case draws its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
pub struct AugmentSettings {
    /// Chance to mirror left and right
    #[arg(long, default_value_t = 0.5)]
    pub flip: f64,
    /// Chance to mirror front and back, of pictures top and bottom
    #[arg(long, default_value_t = 0.0)]
    #[serde(default)]
    pub flip_vertical: f64,
    /// Largest rotation about each axis, in degrees
    #[arg(long, default_value_t = 12.0)]
    pub rotate_deg: f64,
    /// Largest relative change of scale
    #[arg(long, default_value_t = 0.15)]
    pub scale: f64,
    /// Largest shift along each axis, in voxels
    #[arg(long, default_value_t = 3.0)]
    pub shift_voxels: f64,
    /// SD of the elastic displacement, in voxels
    #[arg(long, default_value_t = 1.0)]
    pub elastic_voxels: f64,
    /// Largest relative change of contrast, and half as much of brightness
    #[arg(long, default_value_t = 0.25)]
    pub contrast: f64,
    /// Largest exponent of gamma, and one over it
    #[arg(long, default_value_t = 1.4)]
    pub gamma: f64,
    /// Largest SD of added noise, where the image spans −1 to 1
    #[arg(long, default_value_t = 0.12)]
    pub noise: f64,
    /// Largest log-amplitude of a smooth bias field
    #[arg(long, default_value_t = 0.2)]
    pub bias: f64,
    /// Largest SD of speckle, noise that is multiplied
    #[arg(long, default_value_t = 0.0)]
    #[serde(default)]
    pub speckle: f64,
    /// Largest relative change of each colour on its own, as stains and their ages differ
    #[arg(long, default_value_t = 0.0)]
    #[serde(default)]
    pub stain: f64,
}

/// Where models are looked for beside those in the binary: folders that hold `config.json` and `weights.safetensors`.
pub fn model_path(model: &str) -> Option<PathBuf> {
    let path = PathBuf::from(model);
    path.join("config.json").is_file().then_some(path)
}

/// A number of steps K that a person has typed.
///
/// # Errors
/// The range that it is not in.
pub fn steps_from_text(text: &str) -> Result<usize, String> {
    number_within(text, &STEPS)
}

/// A number of samples that a person has typed.
///
/// # Errors
/// The range that it is not in.
pub fn samples_from_text(text: &str) -> Result<usize, String> {
    number_within(text, &SAMPLES)
}

fn share_from_text(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn number_within(text: &str, range: &RangeInclusive<usize>) -> Result<usize, String> {
    let (low, high) = (range.start(), range.end());
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from {low} to {high}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_their_range_are_refused_with_the_range() {
        assert_eq!(steps_from_text("1"), Ok(1));
        assert_eq!(steps_from_text("0"), Err("expected a whole number from 1 to 1000".to_owned()));
        assert!(steps_from_text("1001").is_err());
        assert!(steps_from_text("two").is_err());
        assert_eq!(samples_from_text("1000"), Ok(1000));
        assert!(samples_from_text("0").is_err() && samples_from_text("1001").is_err());
    }
}
