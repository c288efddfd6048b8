//! A report of what is there now: the labels or the preview, the frame shown, and what the laboratory has found of it.

use std::path::{Path, PathBuf};

use super::App;
use super::case::{Case, Source};
use super::files::file_name;
use super::lab::steps::Comparison;
use super::provenance::model_run;
use crate::domain::Convention;
use crate::engine::laboratory::Conditions;
use crate::engine::report::{Answer, Report, Run};
use crate::engine::{Job, JobId};
use crate::monitor::Progress;

/// A report that is being written.
#[derive(Debug)]
pub struct Reporting {
    /// The job.
    pub job: JobId,
    /// How far it is.
    pub progress: Option<Progress>,
}

impl App {
    /// Has a report written.
    pub(super) fn write_report(&mut self, path: PathBuf) {
        let Some(case) = &self.state.case else { return };
        let report = Box::new(of(case, self.state.settings.convention));
        let job = self.engine.submit(Job::WriteReport { path: with_extension(path), report });
        self.state.reporting = Some(Reporting { job, progress: None });
    }

    /// Stops the report that is being written; no half of it is left.
    pub(super) fn cancel_report(&mut self) {
        self.state.reporting.iter().for_each(|reporting| self.engine.cancel(reporting.job));
    }
}

/// What there is to say of a case. Experiments on another frame, and sweeps that were stopped before their end, are left out.
fn of(case: &Case, convention: Convention) -> Report {
    let (answer, run) = answer(case);
    let mut runs: Vec<Run> = run.into_iter().collect();
    let lab = &case.lab;
    let samples = lab.uncertainty.samples.clone().filter(|samples| samples.conditions.stamp.frame == case.frame);
    runs.extend(samples.iter().map(|samples| Run::of_experiment("Samples", &samples.conditions)));
    let is_here = |conditions: &&Conditions| conditions.stamp.frame == case.frame;
    let comparison = lab.steps.comparison.as_ref();
    let steps = comparison.and_then(|comparison| comparison.conditions.as_deref()).filter(is_here);
    let step_runs = steps.and(comparison).map(Comparison::step_runs).unwrap_or_default();
    runs.extend(steps.map(|conditions| Run::of_steps(conditions, &step_runs)));
    let sweep = lab.robustness.sweep.as_ref();
    let noise = sweep.and_then(|sweep| sweep.conditions.as_deref()).filter(is_here);
    let answers = noise.and(sweep).map(|sweep| sweep.answers.clone()).unwrap_or_default();
    runs.extend(noise.map(|conditions| Run::of_noise(conditions, &answers)));
    Report {
        name: case.opened.name.clone(),
        path: case.opened.path.clone(),
        volume: case.opened.volume.clone(),
        frame: case.frame,
        focus: None,
        window: case.window,
        convention,
        answer,
        reference: case.reference().map(|(labels, table)| (labels.clone(), table.clone())),
        runs,
        samples,
        steps: step_runs,
        steps_table: comparison.map(|comparison| comparison.table.clone()).unwrap_or_default(),
        steps_slice: steps.and_then(|conditions| conditions.slice),
        robustness: answers,
    }
}

/// The preview, or else the labels as they stand; and the model's run that they come from.
fn answer(case: &Case) -> (Answer, Option<Run>) {
    if let Some(preview) = &case.preview {
        let (origin, run) = match &preview.source {
            Source::Model(origin) => {
                let run = Run::of_model("Segmentation", &model_run(origin));
                (format!("{}, not yet accepted", origin.settings.model), Some(run))
            }
            Source::Change { name, .. } => (format!("labels as they would be after: {name}"), None),
        };
        let slice = preview.one_slice();
        return (Answer { origin, labels: preview.labels.clone(), table: preview.table.clone(), slice }, run);
    }
    let (n_changes, saved) = (case.history.n_applied(), case.labels_path.as_deref().map(file_name));
    let from = saved.map(|name| format!(", file {name}")).unwrap_or_default();
    let origin = format!("as they stand in the window{from}, changes made: {n_changes}");
    let run = case.accepted.as_ref().map(|run| Run::of_model("Segmentation that was accepted", run));
    (Answer { origin, labels: case.history.shared(), table: case.table.clone(), slice: None }, run)
}

/// A name that says no format gets that of pages.
fn with_extension(path: PathBuf) -> PathBuf {
    let is_page = |ending: &str| ["html", "htm"].contains(&ending.to_ascii_lowercase().as_str());
    let ending = Path::extension(&path).and_then(|ending| ending.to_str());
    if ending.is_some_and(is_page) { path } else { path.with_file_name(file_name(&path) + ".html") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_ending_gets_that_of_pages() {
        assert_eq!(with_extension(PathBuf::from("/a/scan.v2")), PathBuf::from("/a/scan.v2.html"));
        for name in ["/a/b.html", "/a/b.HTM"] {
            assert_eq!(with_extension(PathBuf::from(name)), PathBuf::from(name));
        }
    }
}
