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
use crate::config::SamplerKind;
use crate::domain::{LabelMap, Volume};
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

/// Hears of a running experiment: how far it is and what it has found. Says whether to go on.
pub(super) trait Observer: Monitor {
    /// Takes what has been found; also after a cancel, so that it is not lost.
    fn find(&self, finding: Finding);
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
        observer: &dyn Observer,
    ) -> anyhow::Result<Outcome> {
        match experiment {
            Experiment::Samples => self.draw_samples(subject, observer),
            Experiment::Steps { samplers, steps } => self.compare_steps(subject, samplers, steps, observer),
            Experiment::Walk => self.walk(subject, observer),
            Experiment::State { step } => self.state(subject, *step, observer),
            Experiment::Noise { plan, models, truth } => {
                self.measure_noise(subject, plan, models, truth.as_deref(), observer)
            }
            Experiment::Damage { perturbation, strength, models } => {
                self.damage(subject, *perturbation, *strength, models, observer)
            }
        }
    }

    fn draw_samples(&mut self, subject: &Subject, observer: &dyn Observer) -> anyhow::Result<Outcome> {
        let bench = self.bench(subject, std::slice::from_ref(&subject.settings.model), observer)?;
        let model = bench.sampled("there is nothing to draw")?;
        let segmenter = &model.segmenter;
        observer.report("Encoding the image", 0, 0)?;
        let (encoded, _) = self.encode(model, &subject.volume, subject.stamp.frame, subject.focus);
        let grid = subject.volume.grid().clone();
        let mut samples = SamplesSoFar {
            conditions: bench.conditions(subject),
            uncertainty: Uncertainty::new(segmenter.sampled_image(&encoded), grid.clone()),
            masks: Vec::new(),
            table: segmenter.config().label_table(),
            grid,
        };
        let whole = Whole::new(observer, "Drawing samples", subject.settings.samples);
        let (mut next, mut n_shown) = (Instant::now(), 0);
        let drawn = segmenter.draw(&encoded, &Draw::new(&subject.settings), &whole, &mut |sample| {
            samples.uncertainty.add(&sample);
            samples.masks.push(Mask::new(&sample.classes));
            samples.conditions.elapsed_s = bench.start.elapsed().as_secs_f64();
            whole.advance();
            let start = Instant::now();
            if start >= next {
                n_shown = samples.masks.len();
                observer.find(Finding::Samples(Arc::new(samples.clone())));
                next = Instant::now() + SNAPSHOT_EVERY.max(start.elapsed() * SNAPSHOT_SHARE);
            }
            Ok(())
        });
        let (n_drawn, samples) = (samples.masks.len(), Arc::new(samples));
        if drawn.is_err() && n_drawn > n_shown {
            // Stopped: what has been drawn since the last snapshot is not lost.
            observer.find(Finding::Samples(Arc::clone(&samples)));
        }
        drawn?;
        Ok(Outcome::Samples(samples))
    }

    fn compare_steps(
        &mut self,
        subject: &Subject,
        samplers: &[SamplerKind],
        steps: &[usize],
        observer: &dyn Observer,
    ) -> anyhow::Result<Outcome> {
        let bench = self.bench(subject, std::slice::from_ref(&subject.settings.model), observer)?;
        let model = bench.sampled("there are no steps to compare")?;
        if steps.contains(&0) {
            bail!("a run has at least 1 step, not 0");
        }
        let plan = StepPlan { samplers: samplers.to_vec(), steps: steps.to_vec(), seed: subject.settings.seed };
        observer.report("Encoding the image", 0, 0)?;
        let (encoded, encode_s) = self.encode(model, &subject.volume, subject.stamp.frame, subject.focus);
        let whole = Whole::new(observer, "Comparing numbers of steps", samplers.len() * steps.iter().sum::<usize>());
        plan.run_encoded(&model.segmenter, (&encoded, encode_s), &whole, &mut |run| {
            whole.advance_by(run.steps);
            observer.find(Finding::Run(Box::new(run), Box::new(bench.conditions(subject))));
        })?;
        Ok(Outcome::Steps(Box::new(bench.conditions(subject))))
    }

    fn walk(&mut self, subject: &Subject, observer: &dyn Observer) -> anyhow::Result<Outcome> {
        // A walk that is stopped leaves none: its window has moved on from the one before.
        self.walk = None;
        let bench = self.bench(subject, std::slice::from_ref(&subject.settings.model), observer)?;
        let model = bench.sampled("there are no steps to follow")?;
        let (segmenter, settings) = (&model.segmenter, &subject.settings);
        observer.report("Encoding the image", 0, 0)?;
        let (encoded, _) = self.encode(model, &subject.volume, subject.stamp.frame, subject.focus);
        let trajectory = segmenter.trajectory(&encoded, settings.sampler, settings.steps, settings.seed, observer)?;
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
        observer: &dyn Observer,
    ) -> anyhow::Result<Outcome> {
        let difference = truth.and_then(|truth| truth.grid().differs_from(subject.volume.grid()));
        if let Some(difference) = difference {
            bail!("the reference does not lie on the grid of the image: {difference}");
        }
        // Found out before any model runs.
        damaged(subject, plan.perturbation, 0.0, plan.seed)?;
        let bench = self.bench(subject, models, observer)?;
        let contenders = bench.contenders(subject, |model, sampled| Route::of(model.segmenter.config(), [sampled]));
        let n_routes: usize = contenders.iter().map(|contender| contender.routes.len()).sum();
        let contenders: Vec<&dyn Contender> = contenders.iter().map(|contender| contender as &dyn Contender).collect();
        let n_answers = plan.strengths.len() * n_routes * plan.repeats as usize;
        let whole = Whole::new(observer, "Answering damaged images", n_answers);
        plan.run(&contenders, (&subject.volume, subject.stamp.frame), truth, &whole, &mut |answer| {
            whole.advance();
            observer.find(Finding::Noise(answer));
        })?;
        Ok(Outcome::Noise(Box::new(bench.conditions(subject))))
    }

    fn damage(
        &mut self,
        subject: &Subject,
        perturbation: Perturbation,
        strength: f64,
        models: &[String],
        observer: &dyn Observer,
    ) -> anyhow::Result<Outcome> {
        let seed = subject.settings.seed;
        let volume = damaged(subject, perturbation, strength, seed)?;
        let bench = self.bench(subject, models, observer)?;
        let contenders = bench.contenders(subject, |model, sampled| {
            Route::of(model.segmenter.config(), [sampled]).into_iter().take(1).collect()
        });
        let mut answers = Vec::new();
        for contender in contenders {
            let routes = contender.routes();
            let labels = contender.answers(&volume, seed, observer)?;
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
fn damaged(subject: &Subject, perturbation: Perturbation, strength: f64, seed: u64) -> anyhow::Result<Volume> {
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
            slice: self
                .models
                .first()
                .and_then(|Named { model, .. }| model.segmenter.one_slice(subject.volume.grid(), subject.focus)),
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::config::{DeviceChoice, SegmentSettings};
    use crate::domain::phantom::{PhantomKind, generate};
    use crate::domain::{OneSlice, Voxels};
    use crate::engine::DeviceLine;

    /// Counts the questions whether to go on and says no from one of them on.
    #[derive(Default)]
    struct Watch {
        n_asked: Cell<u64>,
        stop_at: Option<u64>,
        found: RefCell<Vec<Finding>>,
    }

    impl Watch {
        fn n_samples(&self) -> Vec<usize> {
            let n = |finding: &Finding| match finding {
                Finding::Samples(samples) => samples.uncertainty.n_samples(),
                Finding::Run(..) | Finding::Noise(_) => panic!("no samples"),
            };
            self.found.borrow().iter().map(n).collect()
        }
    }

    impl Monitor for Watch {
        fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
            self.n_asked.set(self.n_asked.get() + 1);
            if self.stop_at.is_some_and(|at| self.n_asked.get() >= at) { Err(Cancelled) } else { Ok(()) }
        }
    }

    impl Observer for Watch {
        fn find(&self, finding: Finding) {
            self.found.borrow_mut().push(finding);
        }
    }

    fn compute() -> Compute {
        Compute::new(None, Arc::new(DeviceLine::default()))
    }

    fn subject(change: impl FnOnce(&mut SegmentSettings)) -> Subject {
        let mut settings =
            SegmentSettings { model: "phantom-3d".to_owned(), device: DeviceChoice::Cpu, ..SegmentSettings::default() };
        change(&mut settings);
        let volume = Arc::new(generate(PhantomKind::TwoBodies, 5).volume);
        Subject { stamp: Stamp { case: 7, frame: 0 }, volume, focus: None, settings }
    }

    #[test]
    fn samples_stream_and_a_stop_keeps_those_that_came() {
        let (mut compute, subject) = (compute(), subject(|settings| settings.samples = 6));
        let watch = Watch::default();
        let outcome = compute.experiment(&subject, &Experiment::Samples, &watch).unwrap();
        let Outcome::Samples(all) = outcome else { panic!("samples") };
        assert_eq!((all.masks.len(), all.uncertainty.n_samples(), all.conditions.stamp.case), (6, 6, 7));
        assert_eq!(all.conditions.models[0].sha256.len(), 64);
        assert!(all.conditions.elapsed_s > 0.0);
        assert!(watch.n_samples().is_sorted() && !watch.n_samples().is_empty());

        // Two questions before the last sample is decoded.
        let stopped = Watch { stop_at: Some(watch.n_asked.get() - 2), ..Watch::default() };
        let error = compute.experiment(&subject, &Experiment::Samples, &stopped).unwrap_err();
        assert_eq!(error.to_string(), Cancelled.to_string());
        assert_eq!(stopped.n_asked.get(), watch.n_asked.get() - 2, "nothing is done after the stop");
        assert_eq!(stopped.n_samples().last(), Some(&4));
        let found = stopped.found.borrow();
        let Some(Finding::Samples(kept)) = found.last() else { panic!("samples") };
        assert_eq!(kept.masks[..], all.masks[..4], "they are the same samples");
    }

    #[test]
    fn an_image_is_encoded_once_for_all_experiments_on_it_and_again_for_another() {
        let (mut compute, here) = (compute(), subject(|_| ()));
        let encode_s = |compute: &mut Compute, subject: &Subject| {
            let watch = Watch::default();
            let steps = Experiment::Steps { samplers: vec![SamplerKind::Ddim], steps: vec![2] };
            compute.experiment(subject, &steps, &watch).unwrap();
            match watch.found.into_inner().pop() {
                Some(Finding::Run(run, _)) => (run.timing.encode_s, run.labels),
                other => panic!("expected a run, found {other:?}"),
            }
        };
        let first = encode_s(&mut compute, &here);
        compute.experiment(&here, &Experiment::Samples, &Watch::default()).unwrap();
        // The measured time is that of the one encoding.
        assert_eq!(encode_s(&mut compute, &here), first);
        let copy = Subject { volume: Arc::new(Volume::clone(&here.volume)), ..here.clone() };
        let again = encode_s(&mut compute, &copy);
        assert!(again.0 != first.0 && again.1 == first.1, "another image in memory, though an equal one");
        let other = Subject { volume: Arc::new(generate(PhantomKind::TwoBodies, 6).volume), ..here };
        assert_ne!(encode_s(&mut compute, &other).1, first.1);
    }

    #[test]
    fn what_is_found_of_one_frame_is_compared_in_that_frame() {
        let heart = generate(PhantomKind::FourChambers, 3);
        let (truth, volume) = (Arc::new(heart.labels), Arc::new(heart.volume));
        let subject = subject(|settings| settings.model = "phantom-echo".to_owned());
        let subject = Subject { volume, focus: Some([80, 80, 4]), ..subject };
        let plan = NoisePlan { perturbation: Perturbation::Gaussian, strengths: vec![0.0], repeats: 1, seed: 0 };
        let models = vec!["phantom-echo".to_owned()];
        let (mut compute, watch) = (compute(), Watch::default());
        let noise = Experiment::Noise { plan, models, truth: Some(Arc::clone(&truth)) };
        let Outcome::Noise(conditions) = compute.experiment(&subject, &noise, &watch).unwrap() else { panic!("noise") };
        let slice = OneSlice { axis: 2, index: 4 };
        assert_eq!(conditions.slice, Some(slice));
        let found = watch.found.into_inner();
        let answers = found.iter().filter_map(|finding| match finding {
            Finding::Noise(answer) => Some(&answer.labels),
            Finding::Samples(_) | Finding::Run(..) => None,
        });
        for label in answers.flatten() {
            assert!(label.dice > Some(0.9), "{}: {:?}, of 24 frames were one seen", label.name, label.dice);
        }
        let Outcome::Samples(samples) = compute.experiment(&subject, &Experiment::Samples, &Watch::default()).unwrap()
        else {
            panic!("samples")
        };
        assert_eq!(samples.conditions.slice, Some(slice));
        assert_eq!(samples.uncertainty.image().region.0[2], 4..5, "no memory for frames that were not seen");
    }

    #[test]
    fn every_denoising_step_asks_whether_to_go_on() {
        let mut compute = compute();
        let ask = |compute: &mut Compute, steps, experiment: &Experiment| {
            let watch = Watch::default();
            compute.experiment(&subject(|settings| settings.steps = steps), experiment, &watch).unwrap();
            watch.n_asked.get()
        };
        let models = vec!["phantom-3d".to_owned()];
        let damage = Experiment::Damage { perturbation: Perturbation::Gaussian, strength: 0.1, models };
        for experiment in [Experiment::Samples, Experiment::Walk, damage] {
            let (few, many) = (ask(&mut compute, 5, &experiment), ask(&mut compute, 15, &experiment));
            assert_eq!(many - few, 10, "{experiment:?}");
        }
    }

    #[test]
    fn the_states_of_a_walk_end_where_a_run_ends() {
        let (mut compute, subject) = (compute(), subject(|settings| settings.steps = 5));
        let silent = Watch::default();
        let state = Experiment::State { step: 4 };
        let error = compute.experiment(&subject, &state, &silent).unwrap_err().to_string();
        assert!(error.contains("follow one"), "{error}");
        let Outcome::Walk(walked) = compute.experiment(&subject, &Experiment::Walk, &silent).unwrap() else { panic!() };
        assert_eq!((walked.times.len(), walked.times[0], walked.times[4]), (5, 999.0, 0.0));
        let Outcome::State(last) = compute.experiment(&subject, &state, &silent).unwrap() else { panic!() };
        let steps = Experiment::Steps { samplers: vec![subject.settings.sampler], steps: vec![5] };
        compute.experiment(&subject, &steps, &silent).unwrap();
        let found = silent.found.borrow();
        let Some(Finding::Run(run, conditions)) = found.last() else { panic!("a run") };
        assert_eq!(conditions.models[0].sha256.len(), 64, "a run can be told from the others though more were to come");
        let (a, b) = (last.labels.to_ids(), run.labels.to_ids());
        let n_different = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        assert!(n_different * 1000 < a.len(), "only the rounding of kept states lies between: {n_different}");
        let past = compute.experiment(&subject, &Experiment::State { step: 5 }, &silent).unwrap_err();
        assert!(past.to_string().contains("5 states"), "{past}");
        let elsewhere = Subject { stamp: Stamp { case: 8, frame: 0 }, ..subject };
        assert!(compute.experiment(&elsewhere, &state, &silent).is_err(), "another image has no walk");
    }

    #[test]
    fn the_frame_shown_is_the_one_that_is_damaged() {
        let single = subject(|_| ());
        let values = single.volume.values(0);
        let both: Vec<f32> = values.iter().rev().chain(&values).copied().collect();
        let volume = Volume::new(single.volume.grid().clone(), Voxels::F32(both), single.volume.scaling(), 2).unwrap();
        let second = Subject { stamp: Stamp { case: 7, frame: 1 }, volume: Arc::new(volume), ..single.clone() };
        let models = ["phantom-3d", "phantom-3d-resunet"].map(str::to_owned).to_vec();
        let perturbation = Perturbation::Gaussian;
        let mut compute = compute();
        let mut answers = |subject: &Subject| {
            let experiment = Experiment::Damage { perturbation, strength: 0.1, models: models.clone() };
            let outcome = compute.experiment(subject, &experiment, &Watch::default()).unwrap();
            let Outcome::Damaged(damaged) = outcome else { panic!("a damaged image") };
            assert_eq!(damaged.volume.n_frames(), 1);
            damaged.answers.into_iter().map(|answer| (answer.route, answer.labels)).collect::<Vec<_>>()
        };
        let (of_one, of_two) = (answers(&single), answers(&second));
        assert_eq!(of_one, of_two);
        assert_eq!(of_one.iter().map(|(route, _)| route.as_str()).collect::<Vec<_>>(), ["DDIM K = 2", "deterministic"]);

        let plan = NoisePlan { perturbation, strengths: vec![0.0, 0.3], repeats: 2, seed: 1 };
        let experiment = Experiment::Noise { plan, models: models.clone(), truth: None };
        let noise = |compute: &mut Compute, subject: &Subject| {
            let watch = Watch::default();
            compute.experiment(subject, &experiment, &watch).unwrap();
            format!("{:?}", watch.found.into_inner())
        };
        let found = noise(&mut compute, &single);
        assert_eq!(found.matches("Noise(").count(), 2 * 2 * 3, "two strengths, twice, in three ways");
        assert_eq!(found, noise(&mut compute, &second));
    }

    #[test]
    fn what_needs_chance_is_refused_for_a_model_without() {
        let subject = subject(|settings| settings.model = "phantom-3d-resunet".to_owned());
        let steps = Experiment::Steps { samplers: vec![SamplerKind::Ddim], steps: vec![2] };
        for experiment in [Experiment::Samples, steps, Experiment::Walk] {
            let error = compute().experiment(&subject, &experiment, &Watch::default()).unwrap_err().to_string();
            assert!(error.contains("deterministic") && error.contains("phantom-3d-resunet"), "{error}");
        }
    }
}
