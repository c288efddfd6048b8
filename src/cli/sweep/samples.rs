//! `ldseg sweep samples`: does the spread of samples point at the errors, how many samples does that take, and what do they
//! cost.

use std::time::Instant;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::{Bench, CaseMonitor, Common, LoadedModel};
use crate::config::{SamplerKind, SegmentSettings, samples_from_text, steps_from_text};
use crate::evaluation::hypotheses::{Mask, PairwiseDice};
use crate::evaluation::metrics;
use crate::evaluation::quality::spearman;
use crate::evaluation::reliability::Reliability;
use crate::evaluation::report::Statistic;
use crate::evaluation::staple::staple;
use crate::evaluation::table::{Cell, Table};
use crate::evaluation::uncertainty::Uncertainty;
use crate::model::segment::Draw;
use crate::training::cases::LabelledImage;

const COLUMNS: [&str; 20] = [
    "model",
    "steps",
    "samples",
    "case",
    "auroc",
    "auroc_near",
    "ece",
    "ece_near",
    "sd_wrong",
    "sd_right",
    "sd_inside",
    "dice_single",
    "dice_mean",
    "dice_majority",
    "dice_staple",
    "pairwise_dice",
    "volume_covered",
    "elapsed_s",
    "single_s",
    "cost_ratio",
];

/// Whole segmentations by themselves that are timed for `single_s`, their median: the first one warms up.
const SINGLE_RUNS: usize = 5;

/// Those of [`COLUMNS`] whose means are printed.
const PRINTED: [&str; 7] = ["auroc", "auroc_near", "ece_near", "dice_single", "dice_mean", "dice_staple", "cost_ratio"];

/// Arguments of `ldseg sweep samples`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "The uncertainty of a voxel is the largest SD of its probabilities over classes; an error is a voxel where \
    the mean of the samples names another class than the truth. `near` is within 3 voxels of a label of either, where errors \
    can be. Dice are means over labels: of one sample, of the mean of all, of the majority, of STAPLE; pairwise between samples. \
    volume_covered is the share of labels whose true volume lies between the 2.5th and the 97.5th percentile of the samples'. \
    cost_ratio is the time of all samples over that of as many single runs.\n\n\
    Example:\n  ldseg sweep samples --data msd_hippocampus --samples 8,32,100 --csv samples.csv"
)]
pub(super) struct SamplesArgs {
    #[command(flatten)]
    common: Common,
    /// Numbers of samples, each 1 to 1000; the smaller ones are the first of the largest
    #[arg(long, value_delimiter = ',', default_value = "8,32,100", value_parser = samples_from_text)]
    samples: Vec<usize>,
    /// Sampling steps K, 1 to 1000
    #[arg(long, default_value_t = 2, value_parser = steps_from_text)]
    steps: usize,
    /// Sampler
    #[arg(long, value_enum, default_value_t)]
    sampler: SamplerKind,
    /// Samples denoised together; changes time and memory, never a sample
    #[arg(long, default_value_t = 4, value_parser = samples_from_text)]
    batch: usize,
}

pub(super) fn run(args: &SamplesArgs) -> anyhow::Result<()> {
    let settings =
        json!({ "samples": args.samples, "steps": args.steps, "sampler": args.sampler, "batch": args.batch });
    let bench = Bench::new("samples", &args.common, settings)?;
    bench.expect_sampling()?;
    if let Some(model) = bench.models.iter().find(|model| model.segmenter.config().is_deterministic()) {
        bail!("the model `{}` is deterministic: all its samples are the same", model.name);
    }
    let n_samples = args.samples.iter().max().copied().unwrap_or(0) as u64;
    let measure = |case_idx: usize, image: &LabelledImage, monitor: &CaseMonitor<'_>, table: &mut Table| {
        for model in &bench.models {
            let seed = args.common.seed + case_idx as u64;
            measure_case(args, model, image, seed, monitor, table)?;
        }
        Ok(())
    };
    let summary = |table: &Table| table.summary(&COLUMNS[..3], &PRINTED);
    let table = bench.run(Table::new(&COLUMNS), n_samples * bench.models.len() as u64, measure, summary)?;
    for (key, group) in table.groups(&COLUMNS[..3]) {
        let rank = spearman(&group.numbers("dice_mean"), &group.numbers("sd_inside"));
        let rank = rank.map_or_else(|| "undefined".to_owned(), |rank| format!("{rank:.3}"));
        super::output::line(format!(
            "{}: rank correlation of dice_mean and sd_inside over cases {rank}",
            key.join(", ")
        ))?;
    }
    Ok(())
}

fn measure_case(
    args: &SamplesArgs,
    model: &LoadedModel,
    image: &LabelledImage,
    seed: u64,
    monitor: &CaseMonitor<'_>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let segmenter = &model.segmenter;
    let steps = args.steps;
    let single = SegmentSettings { steps, sampler: args.sampler, seed, ..SegmentSettings::default() };
    let mut single_s = Vec::new();
    for _ in 0..SINGLE_RUNS {
        let start = Instant::now();
        segmenter.segment(&image.volume, 0, None, &single, monitor)?;
        single_s.push(start.elapsed().as_secs_f64());
    }
    single_s.sort_unstable_by(f64::total_cmp);
    let single_s = single_s[SINGLE_RUNS / 2];

    let start = Instant::now();
    // Judging what has been drawn so far is not part of what drawing costs.
    let mut judging_s = 0.0;
    let encoded = segmenter.encode_image(&image.volume, 0, None);
    let sampled = segmenter.sampled_image(&encoded);
    let grid = image.volume.grid();
    let truth = sampled.within(&image.labels.to_ids(), grid);
    let mut maps = Uncertainty::new(sampled, grid.clone());
    let mut masks: Vec<Mask> = Vec::new();
    let n_samples = args.samples.iter().max().copied().unwrap_or(0) as u64;
    let draw = Draw { sampler: args.sampler, steps, seed, samples: 0..n_samples, batch: args.batch };
    segmenter.draw(&encoded, &draw, monitor, &mut |sample| {
        maps.add(&sample);
        masks.push(Mask::new(&sample.classes));
        monitor.advance();
        if args.samples.contains(&maps.n_samples()) {
            let elapsed_s = start.elapsed().as_secs_f64() - judging_s;
            let judging = Instant::now();
            let mut row: Vec<Cell> = vec![model.name.as_str().into(), (steps as f64).into()];
            row.extend([(maps.n_samples() as f64).into(), image.name.as_str().into()]);
            row.extend(scores(&maps, &masks, &truth).map(Cell::from));
            let ratio = elapsed_s / (single_s * maps.n_samples() as f64);
            row.extend([elapsed_s, single_s, ratio].map(Cell::from));
            table.push(row);
            judging_s += judging.elapsed().as_secs_f64();
        }
        Ok(())
    })?;
    Ok(())
}

/// From `auroc` to `volume_covered` of [`COLUMNS`].
fn scores(maps: &Uncertainty, masks: &[Mask], truth: &[u16]) -> [Option<f64>; 13] {
    let n_classes = maps.image().n_classes;
    let dice = |classes: &[u8]| {
        let ids: Vec<u16> = classes.iter().map(|&class| u16::from(class)).collect();
        Statistic::of((1..n_classes as u16).map(|id| metrics::dice(truth, &ids, id))).mean
    };
    let Reliability { auroc, auroc_near, ece, ece_near, sd_wrong, sd_right, sd_inside } = Reliability::of(maps, truth);
    let single = masks.first().and_then(|mask| dice(&mask.to_classes()));
    let consensus = staple(masks, n_classes).and_then(|consensus| dice(&consensus.classes));
    let pairwise = PairwiseDice::new(masks, n_classes).mean();
    [
        auroc,
        auroc_near,
        ece,
        ece_near,
        sd_wrong,
        sd_right,
        sd_inside,
        single,
        dice(&maps.mean_classes()),
        dice(&maps.majority_classes()),
        consensus,
        pairwise,
        volume_covered(maps, truth),
    ]
}

/// Share of the labels whose true volume lies within the samples' interval.
fn volume_covered(maps: &Uncertainty, truth: &[u16]) -> Option<f64> {
    let is_covered = |class: usize| {
        let volume = maps.volume(class)?;
        let truth_ml = maps.voxels_ml(truth.iter().filter(|&&id| usize::from(id) == class).count());
        Some(f64::from(u8::from((volume.low_ml..=volume.high_ml).contains(&truth_ml))))
    };
    Statistic::of((1..maps.image().n_classes).map(is_covered)).mean
}
