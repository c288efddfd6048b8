//! `ldseg evaluate`: a model's scores on a data set, for every number of steps asked for, beside the embedding decoded as it
//! is and the ceiling of label → latent → label.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressIterator as _};
use serde_json::json;

use super::{output, train};
use crate::config::{SamplerKind, steps_from_text};
use crate::domain::Grid;
use crate::evaluation::metrics;
use crate::evaluation::report::Report;
use crate::evaluation::route::Route;
use crate::io::dataset::Split;
use crate::model::registry;
use crate::monitor::Silent;
use crate::training::cases::LabelledImage;

/// Arguments of `ldseg evaluate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    ldseg evaluate --data msd_hippocampus --split test --model hippocampus --json scores.json\n  \
    ldseg evaluate --data phantom --split test --model phantom-3d --steps 2,3,10")]
pub(super) struct EvaluateArgs {
    /// Folder with images, labels and splits.csv; or `phantom` for procedural images
    #[arg(long)]
    data: String,
    /// Which cases
    #[arg(long, value_enum, default_value_t)]
    split: SplitName,
    /// A built-in model or a model folder
    #[arg(long, default_value = "hippocampus")]
    model: String,
    /// Numbers of sampling steps K, each 1 to 1000; a deterministic model has none
    #[arg(long, value_delimiter = ',', default_value = "2", value_parser = steps_from_text)]
    steps: Vec<usize>,
    /// Sampler
    #[arg(long, value_enum, default_value_t)]
    sampler: SamplerKind,
    /// Seed; case i is sampled with seed + i
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop after so many cases
    #[arg(long)]
    limit: Option<usize>,
    /// Write every score, and the summary, to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write every score as CSV to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Run on PyTorch's CPU library, in builds with the feature `libtorch`
    #[arg(long)]
    libtorch: bool,
}

/// A split as it is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SplitName {
    Train,
    Val,
    #[default]
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Train => Self::Train,
            SplitName::Val => Self::Val,
            SplitName::Test => Self::Test,
        }
    }
}

/// One way to an answer, its scores and what it cost.
struct Column {
    route: Route,
    report: Report,
    elapsed_s: f64,
}

pub(super) fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    let files = registry::find(&args.model)?;
    let device = if args.libtorch { train::libtorch()?.0 } else { Device::flex() };
    let mut images = train::source(&args.data)?.read(args.split.into())?;
    images.truncate(args.limit.unwrap_or(usize::MAX));
    anyhow::ensure!(!images.is_empty(), "the split {:?} of {} has no cases", args.split, args.data);

    let sampled = args.steps.iter().map(|&steps| Route::Sampled { sampler: args.sampler, steps });
    let routes = Route::with_ceiling(files.config(), sampled);
    let mut columns: Vec<Column> =
        routes.into_iter().map(|route| Column { route, report: Report::default(), elapsed_s: 0.0 }).collect();
    let encode_s = score(&mut columns, &files.load(&device)?, &images, args.seed)?;
    let n_cases = images.len();
    let split = format!("{:?}", args.split).to_lowercase();
    output::line(format!("{} on {split} of {}: {n_cases} cases", args.model, args.data))?;
    for column in &columns {
        let per_case = column.elapsed_s / n_cases as f64;
        let encode_s = encode_s / n_cases as f64;
        let heading = format!("\n{} ({per_case:.3} s a case, after {encode_s:.3} s of encoding)", column.route);
        output::line(heading)?;
        output::line(column.report.to_table().trim_end())?;
    }
    write(&args, &files.sha256(), &columns, encode_s / n_cases as f64)
}

/// The grid of an image; without the size of its pixels where other images have none, so that lengths can be averaged.
fn grid_to_measure(images: &[LabelledImage], image: &LabelledImage) -> Grid {
    let grid = image.volume.grid();
    let in_pixels = || Grid::picture(grid.shape(), None).ok();
    let is_mixed = images.iter().any(|other| !other.volume.grid().is_scaled());
    is_mixed.then(in_pixels).flatten().unwrap_or_else(|| grid.clone())
}

/// Fills the columns; the seconds that encoding took.
fn score(
    columns: &mut [Column],
    segmenter: &crate::model::segment::Segmenter,
    images: &[LabelledImage],
    seed: u64,
) -> anyhow::Result<f64> {
    let table = segmenter.config().label_table();
    let mut encode_s = 0.0;
    for (image, seed) in images.iter().progress_with(ProgressBar::new(images.len() as u64)).zip(seed..) {
        let grid = grid_to_measure(images, image);
        let start = Instant::now();
        let encoded = segmenter.encode_image(&image.volume, 0, None);
        encode_s += start.elapsed().as_secs_f64();
        for column in &mut *columns {
            let start = Instant::now();
            let found = column.route.answer(segmenter, &encoded, &image.labels, seed, &Silent)?;
            column.elapsed_s += start.elapsed().as_secs_f64();
            let scores = metrics::score(&image.labels.to_ids(), &found.to_ids(), &grid, &table);
            column.report.add(&image.name, scores, grid.units(), &table);
        }
    }
    Ok(encode_s)
}

fn write(args: &EvaluateArgs, sha256: &str, columns: &[Column], encode_s: f64) -> anyhow::Result<()> {
    if let Some(path) = &args.json {
        let routes: Vec<_> = columns
            .iter()
            .map(|column| {
                let n_cases = column.report.rows.iter().map(|row| &row.case).collect::<std::collections::BTreeSet<_>>();
                json!({
                    "route": column.route.to_string(),
                    "seconds_a_case": column.elapsed_s / n_cases.len().max(1) as f64,
                    "scores": column.report.to_json(),
                })
            })
            .collect();
        let text = serde_json::to_string_pretty(&json!({
            "model": args.model, "model_sha256": sha256, "data": args.data,
            "split": format!("{:?}", args.split).to_lowercase(), "seed": args.seed,
            "encoding_seconds_a_case": encode_s, "routes": routes,
        }))?;
        fs::write(path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    if let Some(path) = &args.csv {
        let mut text = String::new();
        for column in columns {
            let csv = column.report.to_csv();
            let mut lines = csv.lines();
            let heading = lines.next().unwrap_or_default();
            if text.is_empty() {
                text = format!("route,{heading}\n");
            }
            lines.for_each(|line| text += &format!("{},{line}\n", column.route));
        }
        fs::write(path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}
