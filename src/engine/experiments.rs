//! The worker's experiments: samples, numbers of steps, the way of one run, damaged images.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::compute::{Compute, LoadedModel};
use super::device::Selected;
use super::job::{Outcome, Stamp};
use super::laboratory::{
    Conditions, Damaged, Experiment, Finding, ModelAnswer, ModelUsed, SamplesSoFar, State, Subject, Walked,
};
use super::worker::Reporter;
use crate::config::SamplerKind;
use crate::domain::LabelMap;
use crate::evaluation::contender::{Contender, NoisePlan, RoutedModel};
use crate::evaluation::hypotheses::Mask;
use crate::evaluation::robustness::Perturbation;
use crate::evaluation::route::Route;
use crate::evaluation::steps::StepPlan;
use crate::evaluation::uncertainty::Uncertainty;
use crate::model::segment::{Draw, Encoded, Trajectory};
use crate::monitor::{Cancelled, Monitor};

/// Time between two snapshots of growing samples, where copying one costs next to nothing.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(150);
/// Where copying costs more: at most one part of so many of the time goes into it.
const SNAPSHOT_SHARE: u32 = 20;

/// The newest walk: its states, and what decodes them.
pub(super) struct KeptWalk {
    stamp: Stamp,
    model: Arc<LoadedModel>,
    encoded: Encoded,
    trajectory: Trajectory,
}

/// A model that an experiment asked for, by the name that it asked with.
struct Named {
    name: String,
    model: Arc<LoadedModel>,
}

/// The models of one experiment and the device that they are on.
struct Bench {
    start: Instant,
    device: Selected,
    models: Vec<Named>,
}

/// Progress of the whole experiment in place of that of its parts.
struct Whole<'a> {
    monitor: &'a dyn Monitor,
    stage: &'static str,
    done: Cell<u64>,
    total: u64,
}

impl Compute {
    pub(super) fn experiment(
        &mut self,
        subject: &Subject,
        experiment: &Experiment,
        reporter: &Reporter,
    ) -> anyhow::Result<Outcome> {
        match experiment {
            Experiment::Samples => self.draw_samples(subject, reporter),
            Experiment::Steps { samplers, steps } => self.compare_steps(subject, samplers, steps, reporter),
            Experiment::Walk => self.walk(subject, reporter),
            Experiment::State { step } => self.state(subject, *step, reporter),
            Experiment::Noise { plan, models, truth } => {
                self.measure_noise(subject, plan, models, truth.as_deref(), reporter)
            }
            Experiment::Damage { perturbation, strength, models } => {
                self.damage(subject, *perturbation, *strength, models, reporter)
            }
        }
    }

    fn draw_samples(&mut self, subject: &Subject, reporter: &Reporter) -> anyhow::Result<Outcome> {
        let bench = self.bench(subject, &[subject.settings.model.clone()], reporter)?;
        let model = bench.sampled("there is nothing to draw")?;
        let segmenter = &model.segmenter;
        reporter.report("Encoding the image", 0, 0)?;
        let encoded = segmenter.encode_image(&subject.volume, subject.stamp.frame, subject.focus);
        let grid = subject.volume.grid().clone();
        let mut samples = SamplesSoFar {
            conditions: bench.conditions(subject),
            uncertainty: Uncertainty::new(segmenter.sampled_image(&encoded), grid.clone()),
            masks: Vec::new(),
            table: segmenter.config().label_table(),
            grid,
        };
        let whole = Whole::new(reporter, "Drawing samples", subject.settings.samples);
        let (mut next, mut n_shown) = (Instant::now(), 0);
        let drawn = segmenter.draw(&encoded, &Draw::new(&subject.settings), &whole, &mut |sample| {
            samples.uncertainty.add(&sample);
            samples.masks.push(Mask::new(&sample.classes));
            samples.conditions.elapsed_s = bench.start.elapsed().as_secs_f64();
            whole.advance();
            let start = Instant::now();
            if start >= next {
                n_shown = samples.masks.len();
                reporter.find(Finding::Samples(Arc::new(samples.clone())));
                next = Instant::now() + SNAPSHOT_EVERY.max(start.elapsed() * SNAPSHOT_SHARE);
            }
            Ok(())
        });
        let (n_drawn, samples) = (samples.masks.len(), Arc::new(samples));
        if drawn.is_err() && n_drawn > n_shown {
            // Stopped: what has been drawn since the last snapshot is not lost.
            reporter.find(Finding::Samples(Arc::clone(&samples)));
        }
        drawn?;
        Ok(Outcome::Samples(samples))
    }

    fn compare_steps(
        &mut self,
        subject: &Subject,
        samplers: &[SamplerKind],
        steps: &[usize],
        reporter: &Reporter,
    ) -> anyhow::Result<Outcome> {
        let bench = self.bench(subject, &[subject.settings.model.clone()], reporter)?;
        let model = bench.sampled("there are no steps to compare")?;
        if steps.contains(&0) {
            bail!("a run has at least 1 step, not 0");
        }
        let plan = StepPlan { samplers: samplers.to_vec(), steps: steps.to_vec(), seed: subject.settings.seed };
        let image = (&*subject.volume, subject.stamp.frame, subject.focus);
        let whole = Whole::new(reporter, "Comparing numbers of steps", samplers.len() * steps.iter().sum::<usize>());
        plan.run(&model.segmenter, image, &whole, &mut |run| {
            whole.advance_by(run.steps);
            reporter.find(Finding::Run(Box::new(run)));
        })?;
        Ok(Outcome::Steps(Box::new(bench.conditions(subject))))
    }

    fn walk(&mut self, subject: &Subject, reporter: &Reporter) -> anyhow::Result<Outcome> {
        // A walk that is stopped leaves none: its window has moved on from the one before.
        self.walk = None;
        let bench = self.bench(subject, &[subject.settings.model.clone()], reporter)?;
        let model = bench.sampled("there are no steps to follow")?;
        let (segmenter, settings) = (&model.segmenter, &subject.settings);
        reporter.report("Encoding the image", 0, 0)?;
        let encoded = segmenter.encode_image(&subject.volume, subject.stamp.frame, subject.focus);
        let trajectory = segmenter.trajectory(&encoded, settings.sampler, settings.steps, settings.seed, reporter)?;
        let walked = Walked { conditions: bench.conditions(subject), times: trajectory.times().to_vec() };
        self.walk = Some(KeptWalk { stamp: subject.stamp, model: Arc::clone(model), encoded, trajectory });
        Ok(Outcome::Walk(Box::new(walked)))
    }

    fn state(&mut self, subject: &Subject, step: usize, monitor: &dyn Monitor) -> anyhow::Result<Outcome> {
        let stamp = subject.stamp;
        let kept = self.walk.as_ref().filter(|walk| walk.stamp == stamp);
        let KeptWalk { model, encoded, trajectory, .. } =
            kept.context("no run of this image is kept any more: follow one again")?;
        let segmenter = &model.segmenter;
        let n_states = trajectory.times().len();
        monitor.report("Decoding", 0, 0)?;
        let decoded = segmenter.decode_step(trajectory, step);
        let decoded = decoded.with_context(|| format!("the run has {n_states} states, so none of number {step}"))?;
        Ok(Outcome::State(Box::new(State {
            stamp,
            step,
            time: trajectory.times()[step],
            labels: Arc::new(segmenter.restore(encoded, decoded).0),
            table: segmenter.config().label_table(),
        })))
    }

    fn measure_noise(
        &mut self,
        subject: &Subject,
        plan: &NoisePlan,
        models: &[String],
        truth: Option<&LabelMap>,
        reporter: &Reporter,
    ) -> anyhow::Result<Outcome> {
        let difference = truth.and_then(|truth| truth.grid().differs_from(subject.volume.grid()));
        if let Some(difference) = difference {
            bail!("the reference does not lie on the grid of the image: {difference}");
        }
        // Found out before any model runs.
        damaged(subject, plan.perturbation, 0.0, plan.seed)?;
        let bench = self.bench(subject, models, reporter)?;
        let contenders = bench.contenders(subject, |model, sampled| Route::of(model.segmenter.config(), [sampled]));
        let n_routes: usize = contenders.iter().map(|contender| contender.routes.len()).sum();
        let contenders: Vec<&dyn Contender> = contenders.iter().map(|contender| contender as &dyn Contender).collect();
        let n_answers = plan.strengths.len() * n_routes * plan.repeats as usize;
        let whole = Whole::new(reporter, "Answering damaged images", n_answers);
        plan.run(&contenders, (&subject.volume, subject.stamp.frame), truth, &whole, &mut |answer| {
            whole.advance();
            reporter.find(Finding::Noise(answer));
        })?;
        Ok(Outcome::Noise(Box::new(bench.conditions(subject))))
    }

    fn damage(
        &mut self,
        subject: &Subject,
        perturbation: Perturbation,
        strength: f64,
        models: &[String],
        reporter: &Reporter,
    ) -> anyhow::Result<Outcome> {
        let seed = subject.settings.seed;
        let volume = damaged(subject, perturbation, strength, seed)?;
        let bench = self.bench(subject, models, reporter)?;
        let contenders = bench.contenders(subject, |model, sampled| {
            Route::of(model.segmenter.config(), [sampled]).into_iter().take(1).collect()
        });
        let mut answers = Vec::new();
        for contender in contenders {
            let routes = contender.routes();
            let labels = contender.answers(&volume, seed, reporter)?;
            answers.extend(routes.into_iter().zip(labels).map(|(route, labels)| ModelAnswer {
                model: contender.name.clone(),
                route,
                labels: Arc::new(labels),
                table: contender.table(),
            }));
        }
        let conditions = bench.conditions(subject);
        let volume = Arc::new(volume);
        Ok(Outcome::Damaged(Box::new(Damaged { conditions, perturbation, strength, volume, answers })))
    }

    fn bench(&mut self, subject: &Subject, models: &[String], monitor: &dyn Monitor) -> anyhow::Result<Bench> {
        let start = Instant::now();
        monitor.report("Choosing the device", 0, 0)?;
        let device = self.select(subject.settings.device, monitor)?;
        monitor.report("Loading the model", 0, 0)?;
        let load = |name: &String| Ok(Named { name: name.clone(), model: self.model(name, &device)? });
        let models = models.iter().map(load).collect::<anyhow::Result<_>>()?;
        Ok(Bench { start, device, models })
    }
}

/// One damaged frame.
fn damaged(
    subject: &Subject,
    perturbation: Perturbation,
    strength: f64,
    seed: u64,
) -> anyhow::Result<crate::domain::Volume> {
    let image = perturbation.apply(&subject.volume, subject.stamp.frame, strength, seed);
    image.context("an image without contrast, or one in colours, is not damaged: a strength has no meaning there")
}

impl Bench {
    /// The one model of an experiment that needs chance.
    fn sampled(&self, so: &str) -> anyhow::Result<&Arc<LoadedModel>> {
        let Named { name, model } = self.models.first().context("the experiment names no model")?;
        if model.segmenter.config().is_deterministic() {
            bail!("`{name}` is deterministic, its answer is always the same: {so}; choose a diffusion model");
        }
        Ok(model)
    }

    fn contenders(&self, subject: &Subject, routes: impl Fn(&LoadedModel, Route) -> Vec<Route>) -> Vec<RoutedModel> {
        let settings = &subject.settings;
        let sampled = Route::Sampled { sampler: settings.sampler, steps: settings.steps };
        let contender = |Named { name, model }: &Named| RoutedModel {
            name: name.clone(),
            segmenter: model.segmenter.clone(),
            routes: routes(model, sampled),
            focus: subject.focus,
        };
        self.models.iter().map(contender).collect()
    }

    fn conditions(&self, subject: &Subject) -> Conditions {
        let used = |Named { name, model }: &Named| ModelUsed {
            name: name.clone(),
            sha256: model.sha256.clone(),
            table: model.segmenter.config().label_table(),
        };
        Conditions {
            stamp: subject.stamp,
            settings: subject.settings.clone(),
            models: self.models.iter().map(used).collect(),
            device: self.device.name.clone(),
            elapsed_s: self.start.elapsed().as_secs_f64(),
            warnings: self.device.warnings.clone(),
        }
    }
}

impl<'a> Whole<'a> {
    fn new(monitor: &'a dyn Monitor, stage: &'static str, total: usize) -> Self {
        Self { monitor, stage, done: Cell::new(0), total: total as u64 }
    }

    fn advance(&self) {
        self.advance_by(1);
    }

    fn advance_by(&self, n: usize) {
        self.done.set(self.done.get() + n as u64);
    }
}

impl Monitor for Whole<'_> {
    fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        self.monitor.report(self.stage, self.done.get(), self.total)
    }
}
