//! A network of a few hundred numbers, trained on boxes in noise.

use std::cell::RefCell;

use burn::prelude::Device;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use super::cases::LabelledImage;
use super::*;
use crate::config::{AugmentSettings, DecodedLatent, LossSettings};
use crate::domain::{Grid, LabelMap, Scaling, Volume, Voxels};
use crate::model::config::{LdsegConfig, ResUnetConfig};
use crate::model::preset::{self, Compact};
use crate::model::registry;
use crate::monitor::Silent;

const EDGE: usize = 8;

fn image(seed: u64) -> LabelledImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let grid = Grid::axis_aligned([EDGE; 3], [1.0; 3]).expect("eight voxels along each axis");
    let is_inside = |i: usize| [i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE].iter().all(|v| (2..6).contains(v));
    let ids: Vec<u16> = (0..EDGE.pow(3)).map(|i| u16::from(is_inside(i))).collect();
    let voxels = ids.iter().map(|&id| 100 * i16::try_from(id).unwrap_or(0) + rng.random_range(0..20)).collect();
    let volume = Volume::new(grid.clone(), Voxels::I16(voxels), Scaling::NONE, 1).expect("one value a voxel");
    let labels = LabelMap::new(grid, ids).expect("one id a voxel");
    LabelledImage { name: seed.to_string(), volume, labels }
}

pub(super) fn config() -> ModelConfig {
    let mut config = preset::phantom_3d();
    let ldseg = config.ldseg().expect("an LDSeg preset").clone();
    let compact = Compact { planar: false, widths: vec![8], latent_channels: 2, denoiser_widths: vec![8], depth: 2 };
    config.labels.truncate(1);
    config.architecture = Architecture::Ldseg(LdsegConfig { network: compact.network(2), ..ldseg });
    config.input.crop = [EDGE; 3];
    config
}

pub(super) fn settings(epochs: usize) -> TrainSettings {
    TrainSettings {
        preset: "phantom-3d".to_owned(),
        epochs,
        batch: 2,
        learning_rate: 1e-2,
        average_decay: 0.9,
        seed: 5,
        validate_every: 100,
        two_step: None,
        loss: LossSettings {
            dice_weight: 2.0,
            dice_by_image: false,
            noise_weight: 0.5,
            embedding_weight: 0.5,
            autoencoder_weight: 0.5,
            late_share: 0.5,
            rollout_share: 0.5,
            decoded: DecodedLatent::Standardised,
        },
        augment: AugmentSettings {
            flip_vertical: 0.0,
            speckle: 0.0,
            stain: 0.0,
            flip: 0.5,
            rotate_deg: 5.0,
            scale: 0.05,
            shift_voxels: 1.0,
            elastic_voxels: 0.2,
            contrast: 0.1,
            gamma: 1.1,
            noise: 0.05,
            bias: 0.05,
        },
    }
}

pub(super) fn images() -> Images {
    Images { training: (0..4).map(image).collect(), validation: vec![image(9)] }
}

/// Stops a run after so many reports.
struct StopAfter(RefCell<u64>);

impl Monitor for StopAfter {
    fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        let mut left = self.0.borrow_mut();
        *left = left.checked_sub(1).ok_or(Cancelled)?;
        Ok(())
    }
}

pub(super) fn resunet() -> ModelConfig {
    let resunet = ResUnetConfig { planar: false, widths: vec![8, 16], groups: 8 };
    ModelConfig { architecture: Architecture::ResUnet(resunet), ..config() }
}

#[track_caller]
fn run(folder: &Path, epochs: usize, resume: bool, reports: u64) -> (Vec<EpochLog>, Result<(), TrainError>) {
    run_of(&config(), folder, settings(epochs), resume, reports)
}

#[track_caller]
pub(super) fn run_of(
    config: &ModelConfig,
    folder: &Path,
    settings: TrainSettings,
    resume: bool,
    reports: u64,
) -> (Vec<EpochLog>, Result<(), TrainError>) {
    let logs = RefCell::new(Vec::new());
    let on_epoch = |log: &EpochLog| logs.borrow_mut().push(log.clone());
    let run = Run {
        folder,
        resume,
        first_weights: None,
        device: Device::flex(),
        monitor: &StopAfter(RefCell::new(reports)),
        on_epoch: &on_epoch,
    };
    let ending = train(config, settings, &images(), &run);
    (logs.into_inner(), ending)
}

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

pub(super) fn shipped(folder: &TempDir) -> Vec<u8> {
    fs::read(folder.path().join("weights.safetensors")).expect("a finished run leaves its weights")
}

/// The model that a run leaves, loaded as users load it, scores what the run's last line says.
#[track_caller]
pub(super) fn check_shipped(folder: &TempDir, config: &ModelConfig, last: &EpochLog) {
    let files = registry::find(folder.path().to_str().expect("a plain name")).expect("a model folder");
    assert_eq!(files.config(), config);
    let segmenter = files.load(&Device::flex()).expect("weights and description belong together");
    let scores = validate(&segmenter, &images().validation, &Silent).expect("nothing stops it");
    let pairs = [
        (scores.answer, last.dice),
        (scores.k10, last.dice_k10),
        (scores.embedding, last.dice_embedding),
        (scores.ceiling, last.dice_ceiling),
    ];
    for (shipped, logged) in pairs {
        assert_eq!(shipped.is_some(), logged.is_some(), "{scores:?} {last:?}");
        // Only f16 lies between them.
        assert!((shipped.unwrap_or(0.0) - logged.unwrap_or(0.0)).abs() < 0.01, "{scores:?} {last:?}");
    }
}

#[test]
fn a_network_learns_a_bright_box() {
    let folder = folder();
    let (logs, ending) = run(folder.path(), 60, false, u64::MAX);
    ending.expect("nothing stops it");
    let (first, last) = (&logs[0], &logs[logs.len() - 1]);
    assert!(last.loss < 0.5 * first.loss, "{} → {}", first.loss, last.loss);
    let dice = last.dice.expect("the last epoch is validated");
    assert!(dice > 0.7, "{dice}");
}

#[test]
fn a_deterministic_network_learns_a_bright_box_and_ships_as_a_model() {
    let folder = folder();
    let (logs, ending) = run_of(&resunet(), folder.path(), settings(100), false, u64::MAX);
    ending.expect("nothing stops it");
    let (first, last) = (&logs[0], &logs[logs.len() - 1]);
    assert!(last.loss < 0.5 * first.loss, "{} → {}", first.loss, last.loss);
    assert!(last.dice.is_some_and(|dice| dice > 0.8), "{last:?}");
    assert!(last.dice_k10.is_none() && last.dice_embedding.is_none() && last.noise == 0.0, "{last:?}");
    check_shipped(&folder, &resunet(), last);
}

#[test]
fn a_run_that_was_stopped_and_resumed_ends_as_if_it_had_not_been() {
    let (whole, parts) = (folder(), folder());
    run(whole.path(), 3, false, u64::MAX).1.expect("nothing stops it");
    // Two steps an epoch: stopped in the middle of the second one.
    let (logs, ending) = run(parts.path(), 3, false, 3);
    assert!(matches!(ending, Err(TrainError::Cancelled(_))) && logs.len() == 1, "{ending:?}");
    run(parts.path(), 3, true, u64::MAX).1.expect("it goes on");
    assert_eq!(shipped(&whole), shipped(&parts));
}

#[test]
fn a_folder_with_a_run_is_not_overwritten_and_one_without_is_not_resumed() {
    let folder = folder();
    let (_, ending) = run(folder.path(), 1, true, u64::MAX);
    assert!(matches!(ending, Err(TrainError::NothingToResume { .. })));
    run(folder.path(), 1, false, u64::MAX).1.expect("a new run");
    let (_, ending) = run(folder.path(), 1, false, u64::MAX);
    assert!(matches!(ending, Err(TrainError::Occupied { .. })));
}
