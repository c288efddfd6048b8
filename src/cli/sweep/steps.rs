//! `ldseg sweep steps`: the papers' Dice against K and time against K (LDSeg's table IV).

use clap::Args;
use serde_json::json;

use super::{Bench, CaseMonitor, Common, LoadedModel, push_labels};
use crate::config::{SamplerKind, steps_from_text};
use crate::evaluation::partners::dice_by_label;
use crate::evaluation::steps::{StepPlan, StepRun};
use crate::evaluation::table::{Cell, Table};
use crate::training::cases::LabelledImage;

/// Arguments of `ldseg sweep steps`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "K steps are K − 1 calls of the denoiser: K = 2 is one call, K = 1 decodes pure noise. A deterministic model has one row, without a sampler. Agreement is \
    Dice with the run of the same sampler that has the most steps, and no accuracy. Times are of this machine: denoising and \
    decoding of one sample, encoding once for all.\n\n\
    Example:\n  ldseg sweep steps --data msd_hippocampus --steps 2,10,100 --sampler ddim,ddpm --csv steps.csv"
)]
pub(super) struct StepsArgs {
    #[command(flatten)]
    common: Common,
    /// Numbers of steps K, each 1 to 1000
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "2,3,5,10,15,50,100,1000",
        value_parser = steps_from_text
    )]
    steps: Vec<usize>,
    /// Samplers
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ddim")]
    sampler: Vec<SamplerKind>,
}

pub(super) fn run(args: &StepsArgs) -> anyhow::Result<()> {
    let settings = json!({ "steps": args.steps, "samplers": args.sampler });
    let bench = Bench::new("steps", &args.common, settings)?;
    bench.expect_sampling()?;
    let plan = |seed| StepPlan { samplers: args.sampler.clone(), steps: args.steps.clone(), seed };
    let table = Table::new(&[
        "model",
        "sampler",
        "steps",
        "case",
        "label",
        "dice",
        "agreement",
        "encode_s",
        "denoise_s",
        "decode_s",
        "total_s",
    ]);
    let n_runs = (args.steps.len() * args.sampler.len() * bench.models.len()) as u64;
    let measure = |case_idx: usize, image: &LabelledImage, monitor: &CaseMonitor<'_>, table: &mut Table| {
        for model in &bench.models {
            let mut runs = Vec::new();
            let mut plan = plan(args.common.seed + case_idx as u64);
            if model.segmenter.config().is_deterministic() {
                // Its one answer is the line to compare the others with.
                (plan.samplers, plan.steps) = (vec![SamplerKind::Ddim], vec![1]);
            }
            let ended = plan.run(&model.segmenter, (&image.volume, 0, None), monitor, &mut |run| {
                runs.push(run);
                monitor.advance();
            });
            push_runs(table, model, image, &plan, &runs);
            ended?;
        }
        Ok(())
    };
    let summary = |table: &Table| {
        table.summary(&["model", "sampler", "steps", "label"], &["dice", "agreement", "denoise_s", "total_s"])
    };
    bench.run(table, n_runs, measure, summary)?;
    Ok(())
}

fn push_runs(table: &mut Table, model: &LoadedModel, image: &LabelledImage, plan: &StepPlan, runs: &[StepRun]) {
    let labels = &model.segmenter.config().label_table();
    for run in runs {
        let dice = dice_by_label((&run.labels, labels), (&image.labels, labels));
        let agreement = plan
            .longest(runs, run.sampler)
            .map(|longest| dice_by_label((&run.labels, labels), (&longest.labels, labels)));
        let rows: Vec<(String, Vec<Option<f64>>)> = labels
            .labels
            .iter()
            .enumerate()
            .map(|(at, label)| (label.name.clone(), vec![dice[at], agreement.as_ref().and_then(|dice| dice[at])]))
            .collect();
        let is_deterministic = model.segmenter.config().is_deterministic();
        let sampler = if is_deterministic { "none".to_owned() } else { format!("{:?}", run.sampler).to_uppercase() };
        let before: [Cell; 4] =
            [model.name.as_str().into(), sampler.into(), (run.steps as f64).into(), image.name.as_str().into()];
        let timing = run.timing;
        let after = [timing.encode_s, timing.denoise_s, timing.decode_s, timing.total_s()].map(Cell::from);
        push_labels(table, &before, &rows, &after);
    }
}
