//! Experiments on one frame: what is asked, what is found on the way and what comes of it. Plain data, no tensors.

use std::sync::Arc;

use super::job::Stamp;
use crate::config::{SamplerKind, SegmentSettings};
use crate::domain::{Grid, LabelMap, LabelTable, OneSlice, Volume};
use crate::evaluation::contender::{NoisePlan, NoisyAnswer};
use crate::evaluation::hypotheses::Mask;
use crate::evaluation::robustness::Perturbation;
use crate::evaluation::steps::StepRun;
use crate::evaluation::uncertainty::Uncertainty;

/// One frame of an image, and how it is segmented.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Returned with whatever is found; its frame is the one that is looked at.
    pub stamp: Stamp,
    /// The image.
    pub volume: Arc<Volume>,
    /// Where the person is looking; see [`super::Job::Segment`].
    pub focus: Option<[usize; 3]>,
    /// Model, steps, sampler, samples, seed, device.
    pub settings: SegmentSettings,
}

/// What is tried.
#[derive(Clone, Debug)]
pub enum Experiment {
    /// Draw as many samples as the settings say; [`Finding::Samples`] on the way, [`super::Outcome::Samples`] at the end.
    Samples,
    /// Run every sampler with every number of steps from one noise; [`Finding::Run`] after each, then
    /// [`super::Outcome::Steps`].
    Steps {
        /// DDIM, DDPM or both.
        samplers: Vec<SamplerKind>,
        /// Numbers of steps K. 1 decodes pure noise.
        steps: Vec<usize>,
    },
    /// One run with the settings' steps, of which every state is kept until the next walk: [`super::Outcome::Walk`].
    Walk,
    /// Decode one state of the newest walk: [`super::Outcome::State`]. Fails where no walk on this stamp is kept.
    State {
        /// From 0, the first noise.
        step: usize,
    },
    /// Damage the image in every way of the plan; [`Finding::Noise`] for each answer, then [`super::Outcome::Noise`]. Each
    /// model answers in all its ways: sampled as the settings say and its embedding alone, or its only one.
    Noise {
        /// The damage, its strengths, repeats and seed.
        plan: NoisePlan,
        /// Names of models or their folders.
        models: Vec<String>,
        /// On the image's grid; without it answers are compared with those to the undamaged image alone.
        truth: Option<Arc<LabelMap>>,
    },
    /// One damaged image and each model's answer to it: [`super::Outcome::Damaged`]. The settings' seed is the damage's too.
    Damage {
        /// The damage.
        perturbation: Perturbation,
        /// Its strength; 0 leaves the image as it is.
        strength: f64,
        /// Names of models or their folders.
        models: Vec<String>,
    },
}

/// What a running experiment has found so far.
#[derive(Clone, Debug)]
pub enum Finding {
    /// All samples so far. Of one job only the newest is ever waiting.
    Samples(Arc<SamplesSoFar>),
    /// One more number of steps, and under what it and those before it ran.
    Run(Box<StepRun>, Box<Conditions>),
    /// One more answer to a damaged image.
    Noise(NoisyAnswer),
}

/// Under what an experiment ran.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// As submitted.
    pub stamp: Stamp,
    /// As submitted.
    pub settings: SegmentSettings,
    /// The one slice that the first model answered, where it saw no other of several.
    pub slice: Option<OneSlice>,
    /// The models that took part.
    pub models: Vec<ModelUsed>,
    /// The device that it ran on.
    pub device: String,
    /// Loading of models included.
    pub elapsed_s: f64,
    /// What a person should know, such as a GPU that failed its check.
    pub warnings: Vec<String>,
}

/// A model that took part in an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelUsed {
    /// As it was asked for.
    pub name: String,
    /// SHA-256 of its weights, as hexadecimal digits.
    pub sha256: String,
    /// What the ids in its answers mean.
    pub table: LabelTable,
}

/// The samples that have been drawn of one frame.
#[derive(Clone, Debug)]
pub struct SamplesSoFar {
    /// Model, seed, device, time so far.
    pub conditions: Conditions,
    /// Running maps, and how many samples they hold.
    pub uncertainty: Uncertainty,
    /// Each sample's labels, in the region of the maps; the i-th is sample i.
    pub masks: Vec<Mask>,
    /// The model's labels.
    pub table: LabelTable,
    /// The image's grid, in which the maps' region lies.
    pub grid: Grid,
}

/// The states of one run, which stay with the worker.
#[derive(Clone, Debug)]
pub struct Walked {
    /// Model, steps, sampler and seed of the run.
    pub conditions: Conditions,
    /// The time t of each state: the first noise first, t = 0 last. As many as there are steps.
    pub times: Vec<f64>,
}

/// One decoded state of a run: where this run is on its way, which is not what a run of fewer steps would give.
#[derive(Clone, Debug)]
pub struct State {
    /// As submitted.
    pub stamp: Stamp,
    /// As submitted.
    pub step: usize,
    /// Its time t.
    pub time: f64,
    /// On the image's grid.
    pub labels: Arc<LabelMap>,
    /// The model's labels.
    pub table: LabelTable,
}

/// A damaged image and what models say of it.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// The models, in the order asked for.
    pub conditions: Conditions,
    /// As submitted.
    pub perturbation: Perturbation,
    /// As submitted.
    pub strength: f64,
    /// One frame of 32-bit numbers, in the units of the image.
    pub volume: Arc<Volume>,
    /// One for each model, in order: sampled as the settings say, or a deterministic model's one way.
    pub answers: Vec<ModelAnswer>,
}

/// What one model says of one image.
#[derive(Clone, Debug)]
pub struct ModelAnswer {
    /// As it was asked for.
    pub model: String,
    /// The way to the answer, as [`NoisyAnswer::route`] has it.
    pub route: String,
    /// On the image's grid.
    pub labels: Arc<LabelMap>,
    /// The model's labels.
    pub table: LabelTable,
}

impl Experiment {
    /// What is done, for messages and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Samples => "draw samples",
            Self::Steps { .. } => "compare numbers of steps",
            Self::Walk => "follow a run",
            Self::State { .. } => "show a step of a run",
            Self::Noise { .. } => "measure robustness",
            Self::Damage { .. } => "damage the image",
        }
    }
}
