//! `ldseg sweep noise`: Dice against σ (LDSeg's figure 8), and against other damage, for every model and way to an answer.

use clap::Args;
use serde_json::json;

use super::{Bench, CaseMonitor, Common, push_labels};
use crate::config::{SamplerKind, steps_from_text};
use crate::evaluation::contender::{Contender, NoisePlan, RoutedModel};
use crate::evaluation::robustness::Perturbation;
use crate::evaluation::route::Route;
use crate::evaluation::table::{Cell, Table};
use crate::training::cases::LabelledImage;

/// Arguments of `ldseg sweep noise`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "σ is a standard deviation on the image scaled to 0 … 1. The damaged image is scaled again by the model, \
    image by image. Agreement is Dice with the same model's answer to the undamaged image, and no accuracy.\n\n\
    Examples:\n  ldseg sweep noise --data msd_hippocampus --model hippocampus --model hippocampus-resunet --csv both.csv\n  \
    ldseg sweep noise --data msd_hippocampus --strengths 0,0.1,0.2 --repeats 1 --csv noise.csv\n  \
    ldseg sweep noise --data msd_hippocampus --perturbation contrast --csv contrast.csv"
)]
pub(super) struct NoiseArgs {
    #[command(flatten)]
    common: Common,
    /// Kind of damage
    #[arg(long, value_enum, default_value_t)]
    perturbation: Perturbation,
    /// Strengths: σ for the noises, SD in voxels for blur, log-amplitude for bias and contrast; the kind's own if not given
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    strengths: Vec<f64>,
    /// Seeds for each strength; blur and contrast have no randomness, and sampling has
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    repeats: u64,
    /// Numbers of steps K to compare with the embedding decoded as it is, each 1 to 1000; a deterministic model has none
    #[arg(long, value_delimiter = ',', default_value = "2,10", value_parser = steps_from_text)]
    steps: Vec<usize>,
    /// Sampler
    #[arg(long, value_enum, default_value_t)]
    sampler: SamplerKind,
}

pub(super) fn run(args: &NoiseArgs) -> anyhow::Result<()> {
    let strengths =
        if args.strengths.is_empty() { args.perturbation.strengths().to_vec() } else { args.strengths.clone() };
    let settings = json!({
        "perturbation": args.perturbation, "strengths": strengths, "repeats": args.repeats, "steps": args.steps,
        "sampler": args.sampler,
    });
    let bench = Bench::new("noise", &args.common, settings)?;
    let contenders: Vec<RoutedModel> = bench
        .models
        .iter()
        .map(|model| {
            let (segmenter, sampled) = (model.segmenter.clone(), args.steps.iter().map(|&steps| sampled(args, steps)));
            let routes = Route::of(segmenter.config(), sampled);
            RoutedModel { name: model.name.clone(), routes, segmenter, focus: None }
        })
        .collect();
    let contenders: Vec<&dyn Contender> = contenders.iter().map(|contender| contender as &dyn Contender).collect();
    let n_answers: usize = contenders.iter().map(|contender| contender.routes().len()).sum();
    let n_steps = args.repeats * (n_answers * strengths.len()) as u64;
    let columns = ["model", "route", "perturbation", "strength", "repeat", "case", "label", "dice", "agreement"];
    let measure = |case_idx: usize, image: &LabelledImage, monitor: &CaseMonitor<'_>, table: &mut Table| {
        let plan = NoisePlan {
            perturbation: args.perturbation,
            strengths: strengths.clone(),
            repeats: args.repeats,
            // No two images share their noise.
            seed: args.common.seed + case_idx as u64 * args.repeats,
        };
        plan.run(&contenders, (&image.volume, 0), Some(&image.labels), monitor, &mut |answer| {
            let rows: Vec<(String, Vec<Option<f64>>)> =
                answer.labels.iter().map(|label| (label.name.clone(), vec![label.dice, label.agreement])).collect();
            let before: [Cell; 6] = [
                answer.model.into(),
                answer.route.into(),
                format!("{:?}", args.perturbation).to_lowercase().into(),
                answer.strength.into(),
                (answer.repeat as f64).into(),
                image.name.as_str().into(),
            ];
            push_labels(table, &before, &rows, &[]);
            monitor.advance();
        })?;
        Ok(())
    };
    let summary =
        |table: &Table| table.summary(&["model", "route", "perturbation", "strength", "label"], &["dice", "agreement"]);
    bench.run(Table::new(&columns), n_steps, measure, summary)?;
    Ok(())
}

fn sampled(args: &NoiseArgs, steps: usize) -> Route {
    Route::Sampled { sampler: args.sampler, steps }
}
