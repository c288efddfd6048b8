//! A page that says what was found in one frame of an image, and how: one HTML file that needs nothing else to be read, years
//! later, on another machine. Images lie in it as PNG, plots as SVG; it loads nothing and runs nothing.

mod html;
mod picture;
mod plot;
mod robustness;
mod sections;
mod steps;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::laboratory::{Conditions, SamplesSoFar};
use crate::config::{SamplerKind, SegmentSettings};
use crate::domain::{Convention, LabelMap, LabelTable, OneSlice, Space, Volume, Window};
use crate::evaluation::contender::NoisyAnswer;
use crate::evaluation::partners::with_ids_of;
use crate::evaluation::steps::StepRun;
use crate::io::provenance::{ModelRun, Provenance};
use crate::monitor::Monitor;

/// What there is to say. Parts that are not there are left out of the page.
#[derive(Clone, Debug)]
pub struct Report {
    /// The case's name.
    pub name: String,
    /// The image's file.
    pub path: Option<PathBuf>,
    /// The image.
    pub volume: Arc<Volume>,
    /// The frame that all of this is about.
    pub frame: usize,
    /// The voxel that the pictures show; `None`: the slices with most labelled voxels.
    pub focus: Option<[usize; 3]>,
    /// Intensities from black to white.
    pub window: Window,
    /// Which side of the patient is drawn on the left.
    pub convention: Convention,
    /// The labels that are shown and measured.
    pub answer: Answer,
    /// What they are compared with.
    pub reference: Option<(Arc<LabelMap>, LabelTable)>,
    /// What ran.
    pub runs: Vec<Run>,
    /// Samples and their maps.
    pub samples: Option<Arc<SamplesSoFar>>,
    /// Runs with different numbers of steps.
    pub steps: Vec<StepRun>,
    /// What the ids of those runs mean.
    pub steps_table: LabelTable,
    /// The one slice that they are of, where the model saw no other of several.
    pub steps_slice: Option<OneSlice>,
    /// Answers to damaged images, all of one kind of damage.
    pub robustness: Vec<NoisyAnswer>,
}

impl Report {
    /// The image is a picture, or several, and not slices of a patient.
    fn shows_pictures(&self) -> bool {
        let grid = self.volume.grid();
        grid.is_series() || grid.space() != Space::Patient
    }
}

/// Something that ran, and how.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it was.
    pub title: String,
    /// Names of the models and the SHA-256 of their weights.
    pub models: Vec<(String, String)>,
    /// In words.
    pub settings: String,
    /// What it ran on.
    pub device: String,
    /// `None` where it was not kept.
    pub elapsed_s: Option<f64>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// The labels of a [`Report`].
#[derive(Clone, Debug)]
pub struct Answer {
    /// Where they come from, in a few words.
    pub origin: String,
    /// On the image's grid.
    pub labels: Arc<LabelMap>,
    /// What the ids mean.
    pub table: LabelTable,
    /// The one slice that was answered, where a model saw no other of several; the reference counts there alone.
    pub slice: Option<OneSlice>,
}

impl Run {
    /// Of an experiment.
    pub fn of_experiment(title: impl Into<String>, conditions: &Conditions) -> Self {
        let SegmentSettings { steps, sampler, samples, seed, .. } = conditions.settings;
        let sampler = match sampler {
            SamplerKind::Ddim => "DDIM",
            SamplerKind::Ddpm => "DDPM",
        };
        Self {
            title: title.into(),
            models: conditions.models.iter().map(|model| (model.name.clone(), model.sha256.clone())).collect(),
            settings: settings_text(steps, sampler, samples, seed),
            device: conditions.device.clone(),
            elapsed_s: Some(conditions.elapsed_s),
            warnings: conditions.warnings.clone(),
        }
    }

    /// Of runs with different numbers of steps.
    pub fn of_steps(conditions: &Conditions, runs: &[StepRun]) -> Self {
        let steps: BTreeSet<usize> = runs.iter().map(|run| run.steps).collect();
        let steps: Vec<String> = steps.iter().map(usize::to_string).collect();
        let seed = conditions.settings.seed;
        let settings = format!("K = {}, one sample each, seed {seed}", steps.join(", "));
        Self { settings, ..Self::of_experiment("Comparison of steps", conditions) }
    }

    /// Of answers to damaged images.
    pub fn of_noise(conditions: &Conditions, answers: &[NoisyAnswer]) -> Self {
        let mut strengths: Vec<f64> = answers.iter().map(|answer| answer.strength).collect();
        strengths.sort_unstable_by(f64::total_cmp);
        strengths.dedup();
        let strengths: Vec<String> = strengths.iter().map(f64::to_string).collect();
        let n_repeats = answers.iter().map(|answer| answer.repeat + 1).max().unwrap_or(0);
        let one = SegmentSettings { samples: 1, ..conditions.settings.clone() };
        let run = Self::of_experiment("Robustness", &Conditions { settings: one, ..conditions.clone() });
        let settings = format!("{}; strengths {}; repeats {n_repeats}", run.settings, strengths.join(", "));
        Self { settings, ..run }
    }

    /// Of a segmentation.
    pub fn of_model(title: impl Into<String>, run: &ModelRun) -> Self {
        Self {
            title: title.into(),
            models: vec![(run.model.clone(), run.model_sha256.clone())],
            settings: settings_text(run.steps, &run.sampler.to_uppercase(), run.samples, run.seed),
            device: run.device.clone(),
            elapsed_s: None,
            warnings: Vec::new(),
        }
    }
}

fn settings_text(steps: usize, sampler: &str, samples: usize, seed: u64) -> String {
    let samples = if samples == 1 { "1 sample".to_owned() } else { format!("{samples} samples") };
    format!("K = {steps}, sampler {sampler}, {samples}, seed {seed}")
}

impl Report {
    /// The page.
    ///
    /// # Errors
    /// [`crate::monitor::Cancelled`] between two sections; a slice that cannot be written as PNG.
    pub fn to_html(&self, monitor: &dyn Monitor) -> anyhow::Result<String> {
        const STAGE: &str = "Writing the report";
        const N_SECTIONS: u64 = 6;
        let mut page = html::Page::new(&format!("Segmentation report: {}", self.name));
        sections::head(self, &mut page, &Provenance::new(None).time);
        monitor.report(STAGE, 0, N_SECTIONS)?;
        sections::images(self, &mut page)?;
        monitor.report(STAGE, 1, N_SECTIONS)?;
        sections::labels(self, &mut page);
        monitor.report(STAGE, 2, N_SECTIONS)?;
        sections::uncertainty(self, &mut page);
        monitor.report(STAGE, 3, N_SECTIONS)?;
        steps::section(self, &mut page);
        monitor.report(STAGE, 4, N_SECTIONS)?;
        robustness::section(self, &mut page);
        monitor.report(STAGE, 5, N_SECTIONS)?;
        sections::conditions(self, &mut page);
        monitor.report(STAGE, N_SECTIONS, N_SECTIONS)?;
        Ok(page.finish())
    }

    /// The reference in the ids of `table`: labels are matched by name, else by id. Of what was answered as one slice that slice.
    fn truth_for(&self, table: &LabelTable, slice: Option<OneSlice>) -> Option<Cow<'_, LabelMap>> {
        let (truth, (_, own)) = (self.truth()?, self.reference.as_ref()?);
        Some(match with_ids_of(truth, own, table) {
            Some(matched) => Cow::Owned(matched.seen(slice).into_owned()),
            None => truth.seen(slice),
        })
    }

    /// The reference on the answer's grid; one that lies elsewhere is not compared with.
    fn truth(&self) -> Option<&LabelMap> {
        let (labels, _) = self.reference.as_ref()?;
        labels.grid().differs_from(self.answer.labels.grid()).is_none().then_some(&**labels)
    }
}

#[cfg(test)]
mod tests;
