//! `ldseg train`: a new model from labelled images, or from phantoms.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use burn::tensor::Device;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::config::{Ablation, TrainSettings};
use crate::domain::phantom::PhantomKind;
use crate::engine;
use crate::io::dataset::Dataset;
use crate::model::config::ModelConfig;
use crate::model::preset;
use crate::model::registry::{self, ModelFiles};
use crate::monitor::{Cancelled, Monitor};
use crate::training::cases::Source;
use crate::training::{EpochLog, Images, Run, train};

/// Arguments of `ldseg train`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    ldseg train --data msd_hippocampus --model runs/hippocampus --epochs 100\n  \
    ldseg train --data msd_hippocampus --model runs/hippocampus --resume\n  \
    ldseg train --data msd_hippocampus --preset hippocampus-resunet --model runs/resunet\n  \
    ldseg train --data phantom --preset phantom-3d --model runs/phantom-3d\n  \
    ldseg train --data phantom --preset phantom-3d --ablate label-encoder,image-encoder --model runs/ablated\n  \
    ldseg train --data phantom --preset phantom-3d --two-step --model runs/two-step\n\n\
    The folder holds a checkpoint after every epoch: a run that was stopped or killed goes on with --resume.")]
pub(super) struct TrainArgs {
    /// Folder with images, labels and splits.csv; or `phantom` or `phantom-echo` for procedural images
    #[arg(long)]
    data: String,
    /// Folder for the model, its log and its checkpoint
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    /// Go on with the run that the folder holds, with that run's settings
    #[arg(long)]
    resume: bool,
    /// Replace encoders by nearest-neighbour down-sampling, to see what they are worth
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ENCODERS", conflicts_with = "resume")]
    ablate: Vec<Ablation>,
    /// Pixels along the longer side that pictures are brought to, other than the preset's
    #[arg(long, value_name = "PIXELS", conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(32..=2048))]
    longer_side: Option<u64>,
    /// Start from the weights of this model, a built-in one or a folder, not from random ones
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    init: Option<String>,
    /// Where to train: the GPU where there is one that passes its check, or the CPU
    #[arg(long, value_enum, default_value_t)]
    device: TrainDevice,
    #[command(flatten)]
    settings: TrainSettings,
}

/// Where to train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum TrainDevice {
    /// The GPU where there is one that passes its check, else the CPU.
    #[default]
    Auto,
    /// Pure Rust.
    Cpu,
    /// PyTorch's CPU library, in builds with the feature `libtorch`.
    Libtorch,
}

pub(super) fn run(args: TrainArgs) -> anyhow::Result<()> {
    // A run that goes on is the run that it was, whatever the presets have become.
    let resumed = args.resume.then(|| registry::read_config(&args.model)).transpose()?;
    let config = resumed.map_or_else(|| described(&args), Ok)?;
    let images = Images::read(&source(&args.data)?)?;
    let (device, device_name) = device(args.device)?;
    eprintln!("Training `{}` on {device_name}", config.name);
    let bar = Bar::new(args.settings.epochs);
    let on_epoch = |log: &EpochLog| bar.epoch(log);
    let first = args.init.as_deref().map(registry::find).transpose()?;
    let first_weights = first.as_ref().map(ModelFiles::weights);
    let run =
        Run { folder: &args.model, resume: args.resume, first_weights, device, monitor: &bar, on_epoch: &on_epoch };
    train(&config, args.settings, &images, &run)?;
    bar.bar.finish_and_clear();
    Ok(output::line(args.model.join("weights.safetensors").display().to_string())?)
}

/// The preset, at the size that is wanted and without the encoders that are not.
fn described(args: &TrainArgs) -> anyhow::Result<ModelConfig> {
    let name = &args.settings.preset;
    let Some(mut preset) = preset::by_name(name) else {
        bail!("no preset named `{name}`; there are {}", preset::NAMES.join(", "));
    };
    if let Some(side) = args.longer_side {
        let input = preset.input.with_longer_side(side as usize);
        preset.input =
            input.with_context(|| format!("the preset `{name}` is not for pictures: it has no longer side"))?;
    }
    preset
        .without(&args.ablate)
        .with_context(|| format!("the deterministic preset `{name}` has no encoders to replace"))
}

/// The data set in a folder, or phantoms.
pub(super) fn source(data: &str) -> anyhow::Result<Source> {
    match data {
        "phantom" => return Ok(Source::Phantom(PhantomKind::TwoBodies)),
        "phantom-echo" => return Ok(Source::Phantom(PhantomKind::FourChambers)),
        _ => {}
    }
    Ok(Source::Folder(Dataset::open(data.as_ref()).context("expected a folder with images, labels and splits.csv")?))
}

fn device(choice: TrainDevice) -> anyhow::Result<(Device, String)> {
    match choice {
        TrainDevice::Auto => engine::training_device(),
        TrainDevice::Cpu => Ok((Device::flex(), "the CPU".to_owned())),
        TrainDevice::Libtorch => libtorch(),
    }
}

#[cfg(feature = "libtorch")]
#[expect(deprecated, reason = "Burn steers to its own CPU backend, which trains several times slower today")]
pub(super) fn libtorch() -> anyhow::Result<(Device, String)> {
    Ok((Device::libtorch(), "the CPU through libtorch".to_owned()))
}

#[cfg(not(feature = "libtorch"))]
pub(super) fn libtorch() -> anyhow::Result<(Device, String)> {
    bail!("this build has no libtorch; build with `--features libtorch` (the README says how)")
}

/// Steps as a bar, epochs as lines above it.
struct Bar {
    bar: ProgressBar,
    n_epochs: usize,
}

impl Bar {
    fn new(n_epochs: usize) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg:12} [{bar:30}] {pos}/{len}  {per_sec}  {eta} left") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self { bar, n_epochs }
    }

    fn epoch(&self, log: &EpochLog) {
        let score = |name: &str, value: Option<f64>| value.map(|v| format!("  {name} {v:.4}")).unwrap_or_default();
        self.bar.suspend(|| {
            eprintln!(
                "epoch {:>3}/{}  loss {:.4} (segmentation {:.4}, noise {:.4}){}{}{}{}",
                log.epoch,
                self.n_epochs,
                log.loss,
                log.segmentation,
                log.noise,
                score("Dice", log.dice),
                score("K=10", log.dice_k10),
                score("embedding", log.dice_embedding),
                score("ceiling", log.dice_ceiling),
            );
        });
    }
}

impl Monitor for Bar {
    fn report(&self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        self.bar.set_message(stage);
        self.bar.set_length(total);
        self.bar.set_position(done);
        Ok(())
    }
}
