//! Training: LDSeg's four networks end to end (its algorithm 1) or in two steps, or the deterministic network beside them.
//!
//! Everything that chance decides is drawn from (seed, step, case), never from the state of a generator that a stop would
//! lose: a run that was killed and resumed does what it would have done.

pub mod augment;
pub mod cases;
pub mod checkpoint;
pub mod loss;
mod objective;
mod stage;
#[cfg(test)]
mod stage_tests;
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
use serde::Serialize;

use self::augment::{Crop, TrainingCase, augmented_crop};
use self::cases::{LabelledImage, Source, training_case};
use self::checkpoint::{Checkpoint, RunState};
use self::loss::Loss;
use self::objective::{Diffusion, Examples, Objective, Purpose, Segmentation, rng};
use self::stage::{Part, Stage};
pub use self::validate::{Scores, validate};
use crate::config::TrainSettings;
use crate::io::dataset::Split;
use crate::model::config::{Architecture, ModelConfig};
use crate::model::segment::Segmenter;
use crate::model::tensors::one_hot;
use crate::model::weights::{self, Precision, WeightsError};
use crate::monitor::{Cancelled, Monitor};

/// Steps over which the learning rate rises from 0.
const WARM_UP_STEPS: usize = 100;
/// Gradients of a parameter are shortened to this norm.
const GRADIENT_NORM: f32 = 1.0;

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
    #[error("a run needs at least one epoch and one case in a step, and two epochs to be trained in two steps")]
    NothingToDo,
    #[error("a deterministic network has no label encoder, so it cannot be trained in two steps")]
    NoLatent,
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
    /// … of the segmentation loss of the denoised latent, or of a deterministic network's answer, …
    pub segmentation: f64,
    /// … of the noise's squared error, …
    pub noise: f64,
    /// … of the embedding's segmentation loss, …
    pub embedding: f64,
    /// … and of the label latent's.
    pub autoencoder: f64,
    /// Mean validation Dice with K = 2, or of a deterministic network, where this epoch was validated.
    pub dice: Option<f64>,
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
    if settings.batch == 0 || settings.epochs < if settings.two_step.is_some() { 2 } else { 1 } {
        return Err(TrainError::NothingToDo);
    }
    let cases = training.iter().map(|image| training_case(image, config)).collect::<Result<Vec<_>, _>>()?;
    if cases.is_empty() {
        return Err(TrainError::Empty { split: "train" });
    }
    let found = checkpoint::read_state(run.folder)?;
    // A run that goes on keeps the settings that it was started with.
    let settings = found.as_ref().filter(|_| run.resume).map_or(settings, |state| state.settings.clone());
    let steps_per_epoch = cases.len().div_ceil(settings.batch);
    let (settings, cases) = (&settings, &cases[..]);
    match &config.architecture {
        Architecture::Ldseg(ldseg) => {
            let objective = Diffusion::new(ldseg, settings);
            Trainer { config, objective, settings, cases, steps_per_epoch }.run(found, validation, run)
        }
        Architecture::ResUnet(_) if settings.two_step.is_some() => Err(TrainError::NoLatent),
        Architecture::ResUnet(resunet) => {
            let objective = Segmentation { config: resunet, settings: &settings.loss };
            Trainer { config, objective, settings, cases, steps_per_epoch }.run(found, validation, run)
        }
    }
}

fn append_log(path: &Path, log: &EpochLog) -> Result<(), TrainError> {
    use std::io::Write as _;
    let is_new = !path.exists();
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        if is_new {
            writeln!(
                file,
                "epoch,step,learning_rate,loss,segmentation,noise,embedding,autoencoder,dice,dice_k10,dice_embedding,\
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
            score(log.dice),
            score(log.dice_k10),
            score(log.dice_embedding),
            score(log.dice_ceiling),
            log.elapsed_s
        )
    };
    write().map_err(|source| TrainError::File { source, path: path.to_owned() })
}

/// What does not change during a run.
struct Trainer<'a, O> {
    config: &'a ModelConfig,
    objective: O,
    settings: &'a TrainSettings,
    cases: &'a [TrainingCase],
    steps_per_epoch: usize,
}

/// What one step needs, still on the host.
struct Prepared {
    crops: Vec<Crop>,
    step: usize,
}

impl<O: Objective> Trainer<'_, O> {
    /// The whole run, from its beginning or from the checkpoint that was `found`.
    fn run(&self, found: Option<RunState>, validation: &[LabelledImage], run: &Run<'_>) -> Result<(), TrainError> {
        let mut checkpoint = self.start(found, run)?;
        let mut clock = Instant::now();
        while checkpoint.state.epochs_done < self.settings.epochs {
            let mut log;
            checkpoint = self.freeze(checkpoint)?;
            (checkpoint, log) = self.epoch(checkpoint, run)?;
            checkpoint.state.elapsed_s += clock.elapsed().as_secs_f64();
            clock = Instant::now();
            log.elapsed_s = checkpoint.state.elapsed_s;
            let epoch = checkpoint.state.epochs_done;
            let is_last = epoch == self.settings.epochs;
            if (epoch.is_multiple_of(self.settings.validate_every.max(1)) || is_last) && !validation.is_empty() {
                self.score(&mut log, &mut checkpoint, validation, run)?;
            }
            append_log(&run.folder.join("training.csv"), &log)?;
            checkpoint::save(run.folder, &checkpoint)?;
            (run.on_epoch)(&log);
        }
        checkpoint::write_weights(&run.folder.join("weights.safetensors"), &checkpoint.average, Precision::Half)
    }

    /// A new run, or the one that the folder holds.
    fn start(&self, found: Option<RunState>, run: &Run<'_>) -> Result<Checkpoint<O::Networks>, TrainError> {
        let device = run.device.clone().autodiff();
        device.seed(self.settings.seed);
        let networks = self.objective.init(self.config, &device);
        let networks = match run.first_weights {
            Some(bytes) => weights::from_bytes(networks, bytes)?,
            None => networks,
        };
        let networks = weights::number_parameters(networks);
        let average = networks.clone().valid();
        let clipping = GradientClippingConfig::Norm(GRADIENT_NORM);
        let optimizer = AdamWConfig::new().with_epsilon(1e-7).with_grad_clipping(Some(clipping)).init();
        let folder = run.folder.to_owned();
        match (found, run.resume) {
            (Some(state), true) => checkpoint::load(run.folder, state, networks, average, optimizer),
            (Some(_), false) => Err(TrainError::Occupied { path: folder }),
            (None, true) => Err(TrainError::NothingToResume { path: folder }),
            (None, false) if folder.join("weights.safetensors").exists() => Err(TrainError::Occupied { path: folder }),
            (None, false) => {
                fs::create_dir_all(&folder).map_err(|source| TrainError::File { source, path: folder.clone() })?;
                let path = folder.join("config.json");
                let text = serde_json::to_string_pretty(self.config)
                    .map_err(|source| TrainError::Json { source, path: path.clone() })?;
                checkpoint::write(&path, text.as_bytes())?;
                let settings = self.settings.clone();
                let state = RunState { settings, epochs_done: 0, steps_done: 0, elapsed_s: 0.0, best: None };
                Ok(Checkpoint { state, networks, average, optimizer })
            }
        }
    }

    /// Where the second of two steps begins: what is frozen from here on is the running average, which is what will ship.
    fn freeze(&self, mut checkpoint: Checkpoint<O::Networks>) -> Result<Checkpoint<O::Networks>, TrainError> {
        let epoch = checkpoint.state.epochs_done;
        if (Part { stage: Stage::Latent, epochs: epoch..self.settings.epochs }) == Part::at(epoch, self.settings) {
            let average = weights::to_bytes(&checkpoint.average, Precision::Full)?;
            checkpoint.networks = weights::from_bytes(checkpoint.networks, &average)?;
        }
        Ok(checkpoint)
    }

    fn score(
        &self,
        log: &mut EpochLog,
        checkpoint: &mut Checkpoint<O::Networks>,
        validation: &[LabelledImage],
        run: &Run<'_>,
    ) -> Result<(), TrainError> {
        let networks = self.objective.finished(checkpoint.average.clone());
        let segmenter = Segmenter::new(self.config.clone(), networks, run.device.clone());
        let scores = validate(&segmenter, validation, run.monitor)?;
        (log.dice, log.dice_k10) = (scores.answer, scores.k10);
        (log.dice_embedding, log.dice_ceiling) = (scores.embedding, scores.ceiling);
        let Some(dice) = scores.answer else { return Ok(()) };
        if checkpoint.state.best.is_none_or(|(best, _)| dice > best) {
            checkpoint.state.best = Some((dice, checkpoint.state.epochs_done));
            checkpoint::write_weights(&run.folder.join("best.safetensors"), &checkpoint.average, Precision::Half)?;
        }
        Ok(())
    }

    /// One pass over the cases; crops are cut on a thread of their own while the networks train.
    fn epoch(
        &self,
        mut checkpoint: Checkpoint<O::Networks>,
        run: &Run<'_>,
    ) -> Result<(Checkpoint<O::Networks>, EpochLog), TrainError> {
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
        order.shuffle(&mut rng(self.settings.seed, Purpose::Order, epoch));
        order
    }

    fn prepare(&self, cases: &[usize], step: usize) -> Prepared {
        let mut rng = rng(self.settings.seed, Purpose::Crops, step);
        let crop =
            |&case: &usize| augmented_crop(&self.cases[case], self.config.input.crop, &self.settings.augment, &mut rng);
        Prepared { crops: cases.iter().map(crop).collect(), step }
    }

    /// The part of the run that a step belongs to.
    fn part(&self, step: usize) -> Part {
        Part::at(step / self.steps_per_epoch, self.settings)
    }

    /// The step's number within its part.
    fn step_in_part(&self, step: usize) -> usize {
        step - self.part(step).epochs.start * self.steps_per_epoch
    }

    fn learning_rate(&self, step: usize) -> f64 {
        let n_steps = (self.part(step).epochs.len() * self.steps_per_epoch) as f64;
        let step = self.step_in_part(step);
        let rise = ((step + 1) as f64 / WARM_UP_STEPS as f64).min(1.0);
        let fall = (1.0 + (std::f64::consts::PI * step as f64 / n_steps).cos()) / 2.0;
        self.settings.learning_rate * rise * fall
    }

    /// Forward, backward, one step of the optimizer and of the average; the loss terms.
    fn step(
        &self,
        checkpoint: &mut Checkpoint<O::Networks>,
        prepared: &Prepared,
        learning_rate: f64,
        device: &Device,
    ) -> Result<[f64; 5], TrainError> {
        let Loss { total, segmentation, noise, embedding, autoencoder } =
            self.objective.loss(&checkpoint.networks, self.examples(prepared, device));
        let number = |term: Tensor<1>| f64::from(term.into_scalar::<f32>());
        let terms = [
            number(total.clone()),
            segmentation.map_or(0.0, number),
            noise.map_or(0.0, number),
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
        let age = self.step_in_part(prepared.step) as f64;
        let decay = self.settings.average_decay.min((1.0 + age) / (10.0 + age));
        let average = checkpoint.average.clone();
        checkpoint.average = weights::move_average(average, &checkpoint.networks, decay);
        Ok(terms)
    }

    fn examples(&self, prepared: &Prepared, device: &Device) -> Examples {
        let crop @ [depth, height, width] = self.config.input.crop;
        let image: Vec<f32> = prepared.crops.iter().flat_map(|crop| crop.image.iter().copied()).collect();
        let labels: Vec<&[u8]> = prepared.crops.iter().map(|crop| &crop.labels[..]).collect();
        let shape = [prepared.crops.len(), self.config.input.channels, depth, height, width];
        let tensor = |data| Tensor::from_data(data, (device, DType::F32));
        Examples {
            image: tensor(TensorData::new(image, shape)),
            one_hot: tensor(one_hot(&labels, self.config.n_classes(), crop)),
            step: prepared.step,
            stage: self.part(prepared.step).stage,
        }
    }
}
