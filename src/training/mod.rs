//! End-to-end training of the four networks (LDSeg algorithm 1).
//!
//! Everything that chance decides is drawn from (seed, step, case), never from the state of a generator that a stop would
//! lose: a run that was killed and resumed does what it would have done.

pub mod augment;
pub mod cases;
pub mod checkpoint;
pub mod loss;
#[cfg(test)]
mod tests;
mod validate;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::optim::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::prelude::*;
use burn::tensor::DType;
use crossbeam_channel::bounded;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use self::augment::{Crop, TrainingCase, augmented_crop};
use self::cases::{LabelledImage, Source, training_case};
use self::checkpoint::{Checkpoint, RunState};
use self::loss::{Batch, Loss, loss};
pub use self::validate::{Scores, validate};
use crate::config::TrainSettings;
use crate::io::dataset::Split;
use crate::model::config::ModelConfig;
use crate::model::sampler::NoiseSource;
use crate::model::schedule::Schedule;
use crate::model::weights::{self, Precision, WeightsError};
use crate::monitor::{Cancelled, Monitor};

/// Steps over which the learning rate rises from 0.
const WARM_UP_STEPS: usize = 100;
/// Gradients of a parameter are shortened to this norm.
const GRADIENT_NORM: f32 = 1.0;
/// Times from this share of T on are "late": where a two-step run does its work.
const LATE_FROM: f64 = 0.9;

/// Why training stopped before its end.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum TrainError {
    #[error(transparent)]
    Io(#[from] crate::io::Error),
    #[error("label {found} in case {case}; the model has classes 0 to {}", n_classes - 1)]
    Class { found: u16, n_classes: usize, case: String },
    #[error("the labels do not lie on their image: {difference}: {}", path.display())]
    Grids { difference: String, path: PathBuf },
    #[error("a run needs at least one epoch and one case in a step")]
    NothingToDo,
    #[error("the split `{split}` has no cases")]
    Empty { split: &'static str },
    #[error("the loss is no longer a finite number after step {step}; try a lower --learning-rate")]
    Diverged { step: usize },
    #[error("{} already holds a model or a training run; go on with a run by --resume, or name another folder", path.display())]
    Occupied { path: PathBuf },
    #[error("no training run to resume in {}", path.display())]
    NothingToResume { path: PathBuf },
    #[error("optimizer state: {message}: {}", path.display())]
    Optimizer { message: String, path: PathBuf },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("{source}: {}", path.display())]
    Json { source: serde_json::Error, path: PathBuf },
    #[error("{source}: {}", path.display())]
    File { source: std::io::Error, path: PathBuf },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// One line of the training log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EpochLog {
    /// From 1.
    pub epoch: usize,
    /// Optimizer steps so far.
    pub step: usize,
    /// Of the last step.
    pub learning_rate: f64,
    /// Means over the epoch of the total loss, …
    pub loss: f64,
    /// … of the denoised latent's segmentation loss, …
    pub segmentation: f64,
    /// … of the noise's squared error, …
    pub noise: f64,
    /// … of the embedding's segmentation loss, …
    pub embedding: f64,
    /// … and of the label latent's.
    pub autoencoder: f64,
    /// Mean validation Dice with K = 2, where this epoch was validated.
    pub dice_k2: Option<f64>,
    /// Mean validation Dice with K = 10.
    pub dice_k10: Option<f64>,
    /// Mean validation Dice of the embedding decoded as it is.
    pub dice_embedding: Option<f64>,
    /// Mean validation Dice of label → latent → label.
    pub dice_ceiling: Option<f64>,
    /// Wall time of the whole run so far, in seconds.
    pub elapsed_s: f64,
}

/// Where a run keeps its files and how it is watched.
pub struct Run<'a> {
    /// The model's folder: config, weights, log, checkpoint.
    pub folder: &'a Path,
    /// Continue the run that the folder holds.
    pub resume: bool,
    /// First weights of a new run, from a model of the same network; random where there are none.
    pub first_weights: Option<&'a [u8]>,
    /// Without autodiff; it is switched on here.
    pub device: Device,
    /// Hears of every step, and stops the run between two.
    pub monitor: &'a dyn Monitor,
    /// Hears of every epoch.
    pub on_epoch: &'a dyn Fn(&EpochLog),
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { folder, resume, device, .. } = self;
        f.debug_struct("Run")
            .field("folder", folder)
            .field("resume", resume)
            .field("device", device)
            .finish_non_exhaustive()
    }
}

/// What a network is trained on and what it is tried on.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// Seen in training.
    pub training: Vec<LabelledImage>,
    /// Not seen; may be empty.
    pub validation: Vec<LabelledImage>,
}

impl Images {
    /// The splits `train` and `val` of `source`.
    ///
    /// # Errors
    /// [`TrainError`] that names the first file that cannot be read.
    pub fn read(source: &Source) -> Result<Self, TrainError> {
        Ok(Self { training: source.read(Split::Train)?, validation: source.read(Split::Val)? })
    }
}

/// Trains the network that `config` describes.
///
/// # Errors
/// [`TrainError`]; the last checkpoint stays whole.
pub fn train(config: &ModelConfig, settings: TrainSettings, images: &Images, run: &Run<'_>) -> Result<(), TrainError> {
    let Images { training, validation } = images;
    if settings.batch == 0 || settings.epochs == 0 {
        return Err(TrainError::NothingToDo);
    }
    let cases = training.iter().map(|image| training_case(image, config)).collect::<Result<Vec<_>, _>>()?;
    if cases.is_empty() {
        return Err(TrainError::Empty { split: "train" });
    }
    let mut checkpoint = start(config, settings, run)?;
    let settings = checkpoint.state.settings.clone();
    let schedule = Schedule::new(&config.diffusion);
    let steps_per_epoch = cases.len().div_ceil(settings.batch);
    let trainer = Trainer { config, settings: &settings, schedule: &schedule, cases: &cases, steps_per_epoch };
    let mut clock = Instant::now();
    while checkpoint.state.epochs_done < settings.epochs {
        let mut log;
        (checkpoint, log) = trainer.epoch(checkpoint, run)?;
        checkpoint.state.elapsed_s += clock.elapsed().as_secs_f64();
        clock = Instant::now();
        log.elapsed_s = checkpoint.state.elapsed_s;
        let epoch = checkpoint.state.epochs_done;
        let is_last = epoch == settings.epochs;
        if (epoch.is_multiple_of(settings.validate_every.max(1)) || is_last) && !validation.is_empty() {
            score(&mut log, &mut checkpoint, config, validation, run)?;
        }
        append_log(&run.folder.join("training.csv"), &log)?;
        checkpoint::save(run.folder, &checkpoint)?;
        (run.on_epoch)(&log);
    }
    checkpoint::write_weights(&run.folder.join("weights.safetensors"), &checkpoint.average, Precision::Half)
}

/// A new run, or the one that the folder holds.
fn start(config: &ModelConfig, settings: TrainSettings, run: &Run<'_>) -> Result<Checkpoint, TrainError> {
    let device = run.device.clone().autodiff();
    device.seed(settings.seed);
    let networks = config.network.init(config.input.channels, config.n_classes(), &device);
    let networks = match run.first_weights {
        Some(bytes) => weights::from_bytes(networks, bytes)?,
        None => networks,
    };
    let networks = weights::number_parameters(networks);
    let average = networks.clone().valid();
    let clipping = GradientClippingConfig::Norm(GRADIENT_NORM);
    let optimizer = AdamWConfig::new().with_epsilon(1e-7).with_grad_clipping(Some(clipping)).init();
    let found = checkpoint::read_state(run.folder)?;
    let folder = run.folder.to_owned();
    match (found, run.resume) {
        (Some(state), true) => checkpoint::load(run.folder, state, networks, average, optimizer),
        (Some(_), false) => Err(TrainError::Occupied { path: folder }),
        (None, true) => Err(TrainError::NothingToResume { path: folder }),
        (None, false) if folder.join("weights.safetensors").exists() => Err(TrainError::Occupied { path: folder }),
        (None, false) => {
            fs::create_dir_all(&folder).map_err(|source| TrainError::File { source, path: folder.clone() })?;
            let path = folder.join("config.json");
            let text = serde_json::to_string_pretty(config)
                .map_err(|source| TrainError::Json { source, path: path.clone() })?;
            checkpoint::write(&path, text.as_bytes())?;
            let state = RunState { settings, epochs_done: 0, steps_done: 0, elapsed_s: 0.0, best: None };
            Ok(Checkpoint { state, networks, average, optimizer })
        }
    }
}

fn score(
    log: &mut EpochLog,
    checkpoint: &mut Checkpoint,
    config: &ModelConfig,
    validation: &[LabelledImage],
    run: &Run<'_>,
) -> Result<(), TrainError> {
    let scores = validate(config, &checkpoint.average, validation, &run.device, run.monitor)?;
    (log.dice_k2, log.dice_k10) = (scores.k2, scores.k10);
    (log.dice_embedding, log.dice_ceiling) = (scores.embedding, scores.ceiling);
    let Some(dice) = scores.k2 else { return Ok(()) };
    if checkpoint.state.best.is_none_or(|(best, _)| dice > best) {
        checkpoint.state.best = Some((dice, checkpoint.state.epochs_done));
        checkpoint::write_weights(&run.folder.join("best.safetensors"), &checkpoint.average, Precision::Half)?;
    }
    Ok(())
}

fn append_log(path: &Path, log: &EpochLog) -> Result<(), TrainError> {
    use std::io::Write as _;
    let is_new = !path.exists();
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        if is_new {
            writeln!(
                file,
                "epoch,step,learning_rate,loss,segmentation,noise,embedding,autoencoder,dice_k2,dice_k10,dice_embedding,\
                 dice_ceiling,elapsed_s"
            )?;
        }
        let score = |value: Option<f64>| value.map(|v| format!("{v:.4}")).unwrap_or_default();
        writeln!(
            file,
            "{},{},{:.3e},{:.4},{:.4},{:.4},{:.4},{:.4},{},{},{},{},{:.0}",
            log.epoch,
            log.step,
            log.learning_rate,
            log.loss,
            log.segmentation,
            log.noise,
            log.embedding,
            log.autoencoder,
            score(log.dice_k2),
            score(log.dice_k10),
            score(log.dice_embedding),
            score(log.dice_ceiling),
            log.elapsed_s
        )
    };
    write().map_err(|source| TrainError::File { source, path: path.to_owned() })
}

/// What does not change during a run.
struct Trainer<'a> {
    config: &'a ModelConfig,
    settings: &'a TrainSettings,
    schedule: &'a Schedule,
    cases: &'a [TrainingCase],
    steps_per_epoch: usize,
}

/// What one step needs, still on the host.
struct Prepared {
    crops: Vec<Crop>,
    times: Vec<f64>,
    is_rolled: Vec<bool>,
    step: usize,
}

impl Trainer<'_> {
    /// One pass over the cases; crops are cut on a thread of their own while the networks train.
    fn epoch(&self, mut checkpoint: Checkpoint, run: &Run<'_>) -> Result<(Checkpoint, EpochLog), TrainError> {
        let first_step = checkpoint.state.steps_done;
        let epoch = checkpoint.state.epochs_done;
        let device = run.device.clone().autodiff();
        let mut sums = [0.0; 5];
        let mut learning_rate = 0.0;
        std::thread::scope(|scope| -> Result<(), TrainError> {
            let (sender, receiver) = bounded(2);
            let produce = move || {
                let order = self.order(epoch);
                for (i, chunk) in order.chunks(self.settings.batch).enumerate() {
                    // The receiver is gone when a step failed; its error is the one to report.
                    if sender.send(self.prepare(chunk, first_step + i)).is_err() {
                        return;
                    }
                }
            };
            std::thread::Builder::new()
                .name("ldseg-augment".to_owned())
                .spawn_scoped(scope, produce)
                .map_err(|source| TrainError::File { source, path: run.folder.to_owned() })?;
            for (done, prepared) in receiver.into_iter().enumerate() {
                run.monitor.report("Training", done as u64, self.steps_per_epoch as u64)?;
                learning_rate = self.learning_rate(prepared.step);
                let terms = self.step(&mut checkpoint, &prepared, learning_rate, &device)?;
                for (sum, term) in sums.iter_mut().zip(terms) {
                    *sum += term / self.steps_per_epoch as f64;
                }
            }
            Ok(())
        })?;
        checkpoint.state.epochs_done = epoch + 1;
        let [loss, segmentation, noise, embedding, autoencoder] = sums;
        let step = checkpoint.state.steps_done;
        let log = EpochLog {
            epoch: epoch + 1,
            step,
            learning_rate,
            loss,
            segmentation,
            noise,
            embedding,
            autoencoder,
            ..EpochLog::default()
        };
        Ok((checkpoint, log))
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.cases.len()).collect();
        order.shuffle(&mut self.rng(1, epoch as u64));
        order
    }

    /// A generator for one purpose and one place in the run.
    fn rng(&self, purpose: u64, place: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
        rng.set_stream(purpose << 48 | place);
        rng
    }

    fn prepare(&self, cases: &[usize], step: usize) -> Prepared {
        let mut rng = self.rng(2, step as u64);
        let crop =
            |&case: &usize| augmented_crop(&self.cases[case], self.config.input.crop, &self.settings.augment, &mut rng);
        let crops = cases.iter().map(crop).collect();
        let mut rng = self.rng(3, step as u64);
        let times = cases.iter().map(|_| self.draw_time(&mut rng)).collect();
        let share = self.settings.loss.rollout_share.clamp(0.0, 1.0);
        let is_rolled = cases.iter().map(|_| rng.random_bool(share)).collect();
        Prepared { crops, times, is_rolled, step }
    }

    /// A whole time 0 … T − 1, from the last tenth more often than its share.
    fn draw_time(&self, rng: &mut impl Rng) -> f64 {
        let n = self.schedule.n_times();
        let is_late = rng.random_bool(self.settings.loss.late_share.clamp(0.0, 1.0));
        let first = if is_late { (n as f64 * LATE_FROM) as usize } else { 0 };
        rng.random_range(first..n) as f64
    }

    fn learning_rate(&self, step: usize) -> f64 {
        let n_steps = (self.settings.epochs * self.steps_per_epoch) as f64;
        let rise = ((step + 1) as f64 / WARM_UP_STEPS as f64).min(1.0);
        let fall = (1.0 + (std::f64::consts::PI * step as f64 / n_steps).cos()) / 2.0;
        self.settings.learning_rate * rise * fall
    }

    /// Forward, backward, one step of the optimizer and of the average; the loss terms.
    fn step(
        &self,
        checkpoint: &mut Checkpoint,
        prepared: &Prepared,
        learning_rate: f64,
        device: &Device,
    ) -> Result<[f64; 5], TrainError> {
        let batch = self.batch(prepared, device);
        let Loss { total, segmentation, noise, embedding, autoencoder } =
            loss(&checkpoint.networks, &self.config.network, self.schedule, &self.settings.loss, &batch);
        let number = |term: Tensor<1>| f64::from(term.into_scalar::<f32>());
        let terms = [
            number(total.clone()),
            number(segmentation),
            number(noise),
            embedding.map_or(0.0, number),
            autoencoder.map_or(0.0, number),
        ];
        if !terms[0].is_finite() {
            return Err(TrainError::Diverged { step: prepared.step });
        }
        let gradients = GradientsParams::from_grads(total.backward(), &checkpoint.networks);
        let networks = checkpoint.networks.clone();
        checkpoint.networks = checkpoint.optimizer.step(learning_rate, networks, gradients);
        checkpoint.state.steps_done = prepared.step + 1;
        // Young averages forget faster, so that the first weights do not linger.
        let decay = self.settings.average_decay.min((1.0 + prepared.step as f64) / (10.0 + prepared.step as f64));
        let average = checkpoint.average.clone();
        checkpoint.average = weights::move_average(average, &checkpoint.networks, decay);
        Ok(terms)
    }

    fn batch(&self, prepared: &Prepared, device: &Device) -> Batch {
        let [depth, height, width] = self.config.input.crop;
        let (n, n_classes) = (prepared.crops.len(), self.config.n_classes());
        let image: Vec<f32> = prepared.crops.iter().flat_map(|crop| crop.image.iter().copied()).collect();
        let one_hot: Vec<f32> = prepared
            .crops
            .iter()
            .flat_map(|crop| {
                (0..n_classes).flat_map(move |class| {
                    crop.labels.iter().map(move |&label| f32::from(u8::from(usize::from(label) == class)))
                })
            })
            .collect();
        let tensor = |values, channels| {
            Tensor::from_data(TensorData::new(values, [n, channels, depth, height, width]), (device, DType::F32))
        };
        let network = &self.config.network;
        let small =
            |size: usize, axis: usize| if network.planar && axis == 0 { size } else { size / network.downsampling };
        let latent = [network.latent_channels, small(depth, 0), small(height, 1), small(width, 2)];
        let first = (prepared.step * self.settings.batch) as u64;
        let mut noise = NoiseSource::new(self.settings.seed, first..first + n as u64);
        Batch {
            image: tensor(image, self.config.input.channels),
            one_hot: tensor(one_hot, n_classes),
            alpha_bars: prepared.times.iter().map(|&t| self.schedule.alpha_bar(t)).collect(),
            times: prepared.times.clone(),
            noise: noise.next(latent, device),
            first_noise: noise.next(latent, device),
            is_rolled: prepared.is_rolled.clone(),
            turn: prepared.step,
        }
    }
}
