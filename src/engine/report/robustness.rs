//! What damage to the image does to the answers.

use super::Report;
use super::html::{Page, Table, number};
use super::plot::{Axis, Point, Series, figure};
use crate::evaluation::contender::NoisyAnswer;
use crate::evaluation::report::Statistic;
use crate::evaluation::robustness::Perturbation;

/// One way of one model at one strength.
struct Group<'a> {
    model: &'a str,
    route: &'a str,
    strength: f64,
    dice: Statistic,
    agreement: Statistic,
}

impl Group<'_> {
    fn shown(&self, has_truth: bool) -> Statistic {
        if has_truth { self.dice } else { self.agreement }
    }
}

pub(super) fn section(report: &Report, page: &mut Page) {
    let answers = &report.robustness;
    let Some(first) = answers.first() else { return };
    let (name, unit) = words(first.perturbation);
    page.heading("Robustness");
    page.paragraph(&format!("The image was damaged with {name} and segmented again."));
    let groups = groups(answers);
    let has_truth = groups.iter().any(|group| group.dice.mean.is_some());
    let measure = if has_truth { "Mean Dice" } else { "Agreement with the undamaged image's answer" };
    let mut series: Vec<Series> = Vec::new();
    for group in &groups {
        let name = format!("{}, {}", group.model, group.route);
        let shown = group.shown(has_truth);
        let Some(y) = shown.mean else { continue };
        let point = Point { x: group.strength, y, sd: shown.sd };
        match series.iter_mut().find(|series| series.name == name) {
            Some(series) => series.points.push(point),
            None => series.push(Series { name, points: vec![point] }),
        }
    }
    series.iter_mut().for_each(|series| series.points.sort_by(|a, b| a.x.total_cmp(&b.x)));
    let x = Axis { label: unit, is_log: false, includes: Some(0.0) };
    let y = Axis { label: measure, is_log: false, includes: Some(1.0) };
    page.raw(&format!("<div class=\"plots\">{}</div>", figure(&format!("{measure} against {unit}"), x, y, &series)));
    let mut rows = Table::new(&["Model", "Way", unit, "Dice", "SD", "Agreement", "SD", "Repeats"]);
    for Group { model, route, strength, dice, agreement } in &groups {
        let numbers = [dice.mean, dice.sd, agreement.mean, agreement.sd].map(|value| number(value, 3));
        let first = [(*model).to_owned(), (*route).to_owned(), format!("{strength}")];
        rows.push(None, first.into_iter().chain(numbers).chain([agreement.n.to_string()]));
    }
    page.table(&rows);
    page.note(
        "Means over labels, then mean and SD over repeats with other noise; bars reach one SD up and down. Strengths are on the \
         image scaled to 0 … 1, and each model scales the damaged image again. Agreement is Dice with the same model's answer to \
         the undamaged image: no accuracy, since an answer can be wrong and stay the same.",
    );
}

/// In the order in which they first occur.
fn groups(answers: &[NoisyAnswer]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for answer in answers {
        let NoisyAnswer { model, route, strength, .. } = answer;
        let is_same = |group: &Group<'_>| group.model == model && group.route == route && group.strength == *strength;
        if groups.iter().any(is_same) {
            continue;
        }
        let is_member =
            |other: &&NoisyAnswer| other.model == *model && other.route == *route && other.strength == *strength;
        let members = || answers.iter().filter(is_member);
        let dice = Statistic::of(members().map(|answer| mean(answer.labels.iter().map(|label| label.dice))));
        let agreement = Statistic::of(members().map(|answer| mean(answer.labels.iter().map(|label| label.agreement))));
        groups.push(Group { model, route, strength: *strength, dice, agreement });
    }
    groups
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    Statistic::of(values).mean
}

/// The damage in words, and what its strength is.
fn words(perturbation: Perturbation) -> (&'static str, &'static str) {
    match perturbation {
        Perturbation::Gaussian => ("additive Gaussian noise, I + N(0, σ)", "σ"),
        Perturbation::Speckle => ("multiplicative noise, I · (1 + N(0, σ))", "σ"),
        Perturbation::Rician => ("Rician noise", "σ"),
        Perturbation::Blur => ("Gaussian blur", "SD (voxels)"),
        Perturbation::Bias => ("a smooth bias field exp(s · b)", "s"),
        Perturbation::Contrast => ("another contrast, I to the power of exp(s)", "s"),
    }
}
