//! What changes with the number of sampling steps.

use super::Report;
use super::html::{Page, Table, number};
use super::plot::{Axis, Point, Series, figure};
use crate::config::SamplerKind;
use crate::domain::LabelMap;
use crate::evaluation::partners::dice_by_label;
use crate::evaluation::steps::StepRun;

const STEPS: Axis = Axis { label: "Steps K", is_log: true, includes: None };

/// A run and how its labels compare: the mean Dice over labels with the truth, or with the longest run of the same sampler.
struct Judged<'a> {
    run: &'a StepRun,
    dice: Option<f64>,
}

pub(super) fn section(report: &Report, page: &mut Page) {
    if report.steps.is_empty() {
        return;
    }
    page.heading("Sampling steps");
    let truth = report.truth_for(&report.steps_table, report.steps_slice);
    let judge = |run| Judged { run, dice: dice(report, run, truth.as_deref()) };
    let judged: Vec<Judged<'_>> = report.steps.iter().map(judge).collect();
    let name = if report.truth().is_some() { "Mean Dice" } else { "Agreement with the longest run" };
    let mut rows = Table::new(&["Sampler", "Steps K", name, "Denoising (s)", "In all (s)"]);
    for Judged { run, dice } in &judged {
        let timing = run.timing;
        let times = [timing.denoise_s, timing.total_s()].map(|s| format!("{s:.3}"));
        let first = [sampler_name(run.sampler).to_owned(), run.steps.to_string(), number(*dice, 3)];
        rows.push(None, first.into_iter().chain(times));
    }
    page.table(&rows);
    let curves = |y: &dyn Fn(&Judged<'_>) -> Option<f64>| -> Vec<Series> {
        [SamplerKind::Ddim, SamplerKind::Ddpm]
            .into_iter()
            .map(|sampler| Series { name: sampler_name(sampler).to_owned(), points: points(&judged, sampler, y) })
            .filter(|series| !series.points.is_empty())
            .collect()
    };
    let (dice, time) = (curves(&|judged| judged.dice), curves(&|judged| Some(judged.run.timing.total_s())));
    let overlap = Axis { label: name, is_log: false, includes: Some(1.0) };
    let seconds = Axis { label: "Seconds", is_log: true, includes: None };
    let plots =
        [figure(&format!("{name} against K"), STEPS, overlap, &dice), figure("Time against K", STEPS, seconds, &time)];
    page.raw(&format!("<div class=\"plots\">{}</div>", plots.concat()));
    if report.truth().is_none() {
        page.note(
            "Agreement is the mean Dice with the run of most steps of the same sampler. It is no accuracy: runs can agree and \
             be wrong.",
        );
    }
    page.note(
        "K steps are K − 1 calls of the denoiser, all runs from the same noise. K = 1 decodes pure noise; K = 2 is one useful \
         call. Each step standardises the latent again, which is why few steps go far.",
    );
}

fn points(judged: &[Judged<'_>], sampler: SamplerKind, y: &dyn Fn(&Judged<'_>) -> Option<f64>) -> Vec<Point> {
    let of_sampler = judged.iter().filter(|judged| judged.run.sampler == sampler);
    let point = |judged: &Judged<'_>| Some(Point { x: judged.run.steps as f64, y: y(judged)?, sd: None });
    let mut points: Vec<Point> = of_sampler.filter_map(point).collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    points
}

/// Mean over the labels that are in either; `None` where none is.
fn dice(report: &Report, run: &StepRun, truth: Option<&LabelMap>) -> Option<f64> {
    let of_sampler = report.steps.iter().filter(|other| other.sampler == run.sampler);
    let longest = of_sampler.max_by_key(|other| other.steps)?;
    let other = truth.unwrap_or(&longest.labels);
    let table = &report.steps_table;
    let all: Vec<f64> = dice_by_label((&run.labels, table), (other, table)).into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

fn sampler_name(sampler: SamplerKind) -> &'static str {
    match sampler {
        SamplerKind::Ddim => "DDIM",
        SamplerKind::Ddpm => "DDPM",
    }
}
