//! `ldseg report`: what a model says of one image, how sure it is and how it would have been otherwise, as one page.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::output;
use super::picture::PictureArgs;
use super::segment::focus;
use super::session::Session;
use crate::config::{DeviceChoice, SamplerKind, SegmentSettings, samples_from_text, steps_from_text};
use crate::domain::{Convention, LabelMap, LabelTable};
use crate::engine::laboratory::{Experiment, Finding, Subject};
use crate::engine::report::{Answer, Report, Run};
use crate::engine::{Job, Opened, OpenedLabels, Outcome, Stamp};
use crate::evaluation::contender::NoisePlan;
use crate::evaluation::partners::with_ids_of;
use crate::evaluation::robustness::Perturbation;
use crate::model::registry;

/// Arguments of `ldseg report`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "The page holds everything: images, plots, numbers, settings, the model's SHA-256. It loads nothing from \
    elsewhere.\n\nExamples:\n  \
    ldseg report scan.nii.gz -o report.html\n  \
    ldseg report scan.nii.gz --reference truth.nii.gz --samples 100 -o report.html\n  \
    ldseg report scan.nii.gz --focus 120 96 40 -o report.html\n  \
    ldseg report scan.nii.gz --baseline hippocampus-resunet --compare 1,2,10,100 -o report.html"
)]
pub(super) struct ReportArgs {
    /// Image to segment
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    #[command(flatten)]
    picture: PictureArgs,
    /// File to write the page to
    #[arg(short, long, value_name = "HTML")]
    output: PathBuf,
    /// Labels to compare with
    #[arg(long, value_name = "LABELS")]
    reference: Option<PathBuf>,
    /// Model: the name of a built-in one (see `ldseg models`) or a model folder
    #[arg(long, default_value = "hippocampus")]
    model: String,
    /// Sampling steps K, 1 to 1000
    #[arg(long, default_value_t = 2, value_parser = steps_from_text)]
    steps: usize,
    /// Sampler
    #[arg(long, value_enum, default_value_t)]
    sampler: SamplerKind,
    /// Samples to draw for the uncertainty, 1 to 1000; their mean is the answer
    #[arg(long, default_value_t = 20, value_parser = samples_from_text)]
    samples: usize,
    /// Seed of samples and damage
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Numbers of steps K to compare, each 1 to 1000
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,5,10,25,50", value_parser = steps_from_text)]
    compare: Vec<usize>,
    /// Kind of damage
    #[arg(long, value_enum, default_value_t)]
    perturbation: Perturbation,
    /// Strengths of the damage; the kind's own if not given
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    strengths: Vec<f64>,
    /// Seeds for each strength
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    repeats: u64,
    /// Another model to answer the damaged images too
    #[arg(long = "baseline", value_name = "MODEL")]
    baselines: Vec<String>,
    /// Frame of a time series, from 0
    #[arg(long, default_value_t = 0)]
    frame: usize,
    /// Voxel that the pictures show, and that the model's box is laid around where the image is larger than it; else the middle,
    /// and the slices with most labelled voxels
    #[arg(long, num_args = 3, value_names = ["I", "J", "K"])]
    focus: Option<Vec<usize>>,
    /// Where the networks run
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<()> {
    // Before any work.
    let is_deterministic = registry::find(&args.model)?.config().is_deterministic();
    for model in &args.baselines {
        registry::find(model)?;
    }
    let mut session = Session::start()?;
    let opened = session.open(&args.image, args.picture)?;
    let n_frames = opened.volume.n_frames();
    if args.frame >= n_frames {
        bail!("expected a frame below {n_frames}, found {}: {}", args.frame, args.image.display());
    }
    let grid = opened.volume.grid().clone();
    let focus = focus(args.focus.as_deref(), grid.shape())?;
    let reference = args.reference.as_ref().map(|path| session.open_labels(path, &grid, 1)).transpose()?;
    let mut report = Report { focus, ..begin(args, &opened, reference.as_ref()) };
    if is_deterministic {
        answer(args, &opened, &mut session, &mut report)?;
    } else {
        sample(args, &opened, &mut session, &mut report)?;
    }
    damage(args, &opened, &mut session, &mut report)?;
    let warnings = opened.warnings.iter().chain(report.runs.iter().flat_map(|run| &run.warnings)).cloned();
    let mut warnings: Vec<String> = warnings.collect();
    warnings.dedup();
    output::warnings(&warnings, &args.image);
    session.run(Job::WriteReport { path: args.output.clone(), report: Box::new(report) })?;
    drop(session);
    output::line(format!("Report: {}", args.output.display()))?;
    Ok(())
}

fn begin(args: &ReportArgs, opened: &Opened, reference: Option<&OpenedLabels>) -> Report {
    let grid = opened.volume.grid().clone();
    Report {
        name: opened.name.clone(),
        path: Some(args.image.clone()),
        volume: Arc::clone(&opened.volume),
        frame: args.frame,
        focus: None,
        window: opened.volume.auto_window(args.frame),
        convention: Convention::default(),
        answer: Answer {
            origin: String::new(),
            labels: Arc::new(LabelMap::empty(grid)),
            table: LabelTable::default(),
            slice: None,
        },
        reference: reference.map(|reference| (Arc::new(reference.labels.clone()), reference.table.clone())),
        runs: Vec::new(),
        samples: None,
        steps: Vec::new(),
        steps_table: LabelTable::default(),
        steps_slice: None,
        robustness: Vec::new(),
    }
}

fn subject(args: &ReportArgs, opened: &Opened, focus: Option<[usize; 3]>) -> Subject {
    let settings = SegmentSettings {
        model: args.model.clone(),
        steps: args.steps,
        sampler: args.sampler,
        samples: args.samples,
        seed: args.seed,
        device: args.device,
        ..SegmentSettings::default()
    };
    let stamp = Stamp { case: 0, frame: args.frame };
    Subject { stamp, volume: Arc::clone(&opened.volume), focus, settings }
}

/// The one answer of a deterministic model.
fn answer(args: &ReportArgs, opened: &Opened, session: &mut Session, report: &mut Report) -> anyhow::Result<()> {
    let Subject { settings, focus, .. } = subject(args, opened, report.focus);
    let found = session.segment(&opened.volume, args.frame, focus, &settings)?;
    report.runs.push(Run {
        title: "Segmentation".to_owned(),
        models: vec![(args.model.clone(), found.model_sha256)],
        settings: "none: the model is deterministic".to_owned(),
        device: found.device,
        elapsed_s: Some(found.elapsed_s),
        warnings: found.warnings,
    });
    let origin = format!("{}, deterministic", args.model);
    report.answer = Answer { origin, labels: Arc::new(found.labels), table: found.table, slice: found.slice };
    Ok(())
}

/// Samples, their mean as the answer, and other numbers of steps.
fn sample(args: &ReportArgs, opened: &Opened, session: &mut Session, report: &mut Report) -> anyhow::Result<()> {
    let subject = subject(args, opened, report.focus);
    let (outcome, _) = session.experiment(subject.clone(), Experiment::Samples)?;
    let Outcome::Samples(samples) = outcome else { bail!("the engine answered a question that was not asked") };
    let maps = &samples.uncertainty;
    let labels = maps.image().labels(&maps.mean_classes(), opened.volume.grid());
    let origin = format!("{}, mean of {} samples with K = {}", args.model, maps.n_samples(), args.steps);
    report.answer =
        Answer { origin, labels: Arc::new(labels), table: samples.table.clone(), slice: samples.conditions.slice };
    report.steps_table = samples.table.clone();
    report.steps_slice = samples.conditions.slice;
    report.runs.push(Run::of_experiment("Samples", &samples.conditions));
    report.samples = Some(samples);
    let steps = args.compare.clone();
    let experiment = Experiment::Steps { samplers: vec![args.sampler], steps };
    let (outcome, findings) = session.experiment(subject, experiment)?;
    report.steps.extend(findings.into_iter().filter_map(|finding| match finding {
        Finding::Run(run, _) => Some(*run),
        Finding::Samples(_) | Finding::Noise(_) => None,
    }));
    if let Outcome::Steps(conditions) = outcome {
        report.runs.push(Run::of_steps(&conditions, &report.steps));
    }
    Ok(())
}

fn damage(args: &ReportArgs, opened: &Opened, session: &mut Session, report: &mut Report) -> anyhow::Result<()> {
    let perturbation = args.perturbation;
    // Colours and flat images have no scale for a strength: the report is then without this part.
    if perturbation.apply(&opened.volume, args.frame, 0.0, args.seed).is_none() {
        return Ok(());
    }
    let strengths = if args.strengths.is_empty() { perturbation.strengths().to_vec() } else { args.strengths.clone() };
    let models = std::iter::once(&args.model).chain(&args.baselines).cloned().collect();
    let plan = NoisePlan { perturbation, strengths, repeats: args.repeats, seed: args.seed };
    let truth = report.reference.as_ref().map(|(labels, table)| {
        let matched = with_ids_of(labels, table, &report.answer.table);
        matched.map_or_else(|| Arc::clone(labels), Arc::new)
    });
    let subject = subject(args, opened, report.focus);
    let (outcome, findings) = session.experiment(subject, Experiment::Noise { plan, models, truth })?;
    let answers = findings.into_iter().filter_map(|finding| match finding {
        Finding::Noise(answer) => Some(answer),
        Finding::Samples(_) | Finding::Run(..) => None,
    });
    report.robustness = answers.collect();
    if let Outcome::Noise(conditions) = outcome {
        report.runs.push(Run::of_noise(&conditions, &report.robustness));
    }
    Ok(())
}
