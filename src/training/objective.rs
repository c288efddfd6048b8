//! What a network is trained for: LDSeg to denoise and to segment, a deterministic network to segment.

use burn::module::Module;
use burn::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::loss::{self, Batch, Loss, segmentation_loss};
use super::stage::Stage;
use crate::config::{LossSettings, TrainSettings};
use crate::model::config::{LdsegConfig, ModelConfig, ResUnetConfig};
use crate::model::ldseg::Ldseg;
use crate::model::networks::Networks;
use crate::model::resunet::ResUnet;
use crate::model::sampler::NoiseSource;
use crate::model::schedule::Schedule;

/// Times from this share of T on are "late": where a two-step run does its work.
const LATE_FROM: f64 = 0.9;

/// What chance decides, each from a stream of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The cases' order in an epoch.
    Order = 1,
    /// The crops of a step.
    Crops = 2,
    /// The times of a step.
    Times = 3,
}

/// A generator for one purpose and one place in the run.
pub(super) fn rng(seed: u64, purpose: Purpose, place: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose as u64) << 48 | place as u64);
    rng
}

/// Images and truth of one step, on the device.
#[derive(Debug)]
pub(super) struct Examples {
    /// `[batch, channel, depth, height, width]`
    pub image: Tensor<5>,
    /// 0 and 1, `[batch, class, depth, height, width]`
    pub one_hot: Tensor<5>,
    /// The step's number, from 0.
    pub step: usize,
    /// What of the networks they are to train.
    pub stage: Stage,
}

/// Networks to train, and the loss that they are to make small.
pub(super) trait Objective: Sync {
    /// The networks.
    type Networks: Module;

    /// Networks with random weights on `device`.
    fn init(&self, config: &ModelConfig, device: &Device) -> Self::Networks;

    /// The loss of one step.
    fn loss(&self, networks: &Self::Networks, examples: Examples) -> Loss;

    /// The networks as those who segment use them.
    fn finished(&self, networks: Self::Networks) -> Networks;
}

/// LDSeg's algorithm 1.
#[derive(Debug)]
pub(super) struct Diffusion<'a> {
    config: &'a LdsegConfig,
    settings: &'a TrainSettings,
    schedule: Schedule,
}

impl<'a> Diffusion<'a> {
    pub fn new(config: &'a LdsegConfig, settings: &'a TrainSettings) -> Self {
        Self { config, settings, schedule: Schedule::new(&config.diffusion) }
    }

    /// A whole time 0 … T − 1, from the last tenth more often than its share.
    fn draw_time(&self, rng: &mut impl Rng) -> f64 {
        let n = self.schedule.n_times();
        let is_late = rng.random_bool(self.settings.loss.late_share.clamp(0.0, 1.0));
        let first = if is_late { (n as f64 * LATE_FROM) as usize } else { 0 };
        rng.random_range(first..n) as f64
    }

    /// The examples with noise and times, all drawn from (seed, step).
    fn batch(&self, examples: Examples) -> Batch {
        let Examples { image, one_hot, step, stage } = examples;
        let [n, _, depth, height, width] = image.dims();
        let mut rng = rng(self.settings.seed, Purpose::Times, step);
        let times: Vec<f64> = (0..n).map(|_| self.draw_time(&mut rng)).collect();
        let share = self.settings.loss.rollout_share.clamp(0.0, 1.0);
        let is_rolled = (0..n).map(|_| rng.random_bool(share) && stage == Stage::EndToEnd).collect();
        let network = &self.config.network;
        let small =
            |size: usize, axis: usize| if network.planar && axis == 0 { size } else { size / network.downsampling };
        let latent = [network.latent_channels, small(depth, 0), small(height, 1), small(width, 2)];
        let first = (step * self.settings.batch) as u64;
        let mut noise = NoiseSource::new(self.settings.seed, first..first + n as u64);
        let device = image.device();
        Batch {
            image,
            one_hot,
            alpha_bars: times.iter().map(|&t| self.schedule.alpha_bar(t)).collect(),
            times,
            noise: noise.next(latent, &device),
            first_noise: noise.next(latent, &device),
            is_rolled,
            turn: step,
        }
    }
}

impl Objective for Diffusion<'_> {
    type Networks = Ldseg;

    fn init(&self, config: &ModelConfig, device: &Device) -> Ldseg {
        self.config.network.init(config.input.channels, config.n_classes(), device)
    }

    fn loss(&self, networks: &Ldseg, examples: Examples) -> Loss {
        let network = &self.config.network;
        let settings = &self.settings.loss;
        match examples.stage {
            Stage::EndToEnd => loss::loss(networks, network, &self.schedule, settings, &self.batch(examples)),
            Stage::Autoencoder => loss::autoencoder_loss(networks, network, settings, examples.one_hot),
            Stage::Latent => loss::latent_loss(networks, network, &self.schedule, &self.batch(examples)),
        }
    }

    fn finished(&self, networks: Ldseg) -> Networks {
        Networks::ldseg(self.config, networks)
    }
}

/// CE + γ (1 − Dice) of a deterministic network's answer.
#[derive(Debug)]
pub(super) struct Segmentation<'a> {
    pub config: &'a ResUnetConfig,
    pub settings: &'a LossSettings,
}

impl Objective for Segmentation<'_> {
    type Networks = ResUnet;

    fn init(&self, config: &ModelConfig, device: &Device) -> ResUnet {
        self.config.init(config.input.channels, config.n_classes(), device)
    }

    fn loss(&self, network: &ResUnet, examples: Examples) -> Loss {
        let scores = network.forward(examples.image);
        let segmentation = segmentation_loss(scores, examples.one_hot, self.settings);
        Loss {
            total: segmentation.clone(),
            segmentation: Some(segmentation),
            noise: None,
            embedding: None,
            autoencoder: None,
        }
    }

    fn finished(&self, network: ResUnet) -> Networks {
        Networks::resunet(network, self.config.size_multiple())
    }
}
