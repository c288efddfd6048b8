//! Every knob that a person can set. One struct is the command line's flags, the saved file and the sliders; ranges are
//! constants here, so that all three agree.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Sampling steps K, counted as the LDSeg paper counts them: K evenly spaced times of which the last, t = 0, costs nothing,
/// so K steps are K − 1 calls of the denoiser.
pub const STEPS: RangeInclusive<usize> = 2..=1000;
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
    /// Sampling steps K, 2 to 1000; K steps are K − 1 calls of the denoiser
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
            device: DeviceChoice::default(),
        }
    }
}

/// Where models are looked for beside those in the binary: folders that hold `config.json` and `weights.safetensors`.
pub fn model_path(model: &str) -> Option<PathBuf> {
    let path = PathBuf::from(model);
    path.join("config.json").is_file().then_some(path)
}

fn steps_from_text(text: &str) -> Result<usize, String> {
    number_within(text, &STEPS)
}

fn samples_from_text(text: &str) -> Result<usize, String> {
    number_within(text, &SAMPLES)
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
    fn steps_outside_their_range_are_refused_with_the_range() {
        assert_eq!(steps_from_text("2"), Ok(2));
        assert_eq!(steps_from_text("1"), Err("expected a whole number from 2 to 1000".to_owned()));
        assert!(steps_from_text("1001").is_err());
        assert!(steps_from_text("two").is_err());
    }
}
