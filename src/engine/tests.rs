//! The engine's invariants, with runners that do what a test tells them: no GPU, no files, no models.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::*;
use crate::config::SegmentSettings;
use crate::domain::grid::VoxelBox;
use crate::domain::{Grid, LabelTable, PictureFacts, Scaling, Volume, Voxels};
use crate::engine::experiments::Observer as _;
use crate::engine::laboratory::{Conditions, SamplesSoFar, Subject};
use crate::engine::worker::Reporter;
use crate::evaluation::uncertainty::Uncertainty;
use crate::model::segment::SampledImage;
use crate::monitor::{Monitor, Progress};

fn open(path: &str) -> Job {
    Job::Open { path: PathBuf::from(path), facts: PictureFacts::default() }
}

const PATIENCE: Duration = Duration::from_secs(20);

/// A runner that is a closure; `fall_backs` counts how often it may be tried on another device.
struct Scripted<F> {
    run: F,
    fall_backs: usize,
}

impl<F: FnMut(&Job, &Reporter) -> anyhow::Result<Outcome>> Runner for Scripted<F> {
    fn run(&mut self, job: &Job, reporter: &Reporter) -> anyhow::Result<Outcome> {
        (self.run)(job, reporter)
    }

    fn fall_back(&mut self, _panicked: bool) -> bool {
        let may = self.fall_backs > 0;
        self.fall_backs = self.fall_backs.saturating_sub(1);
        may
    }
}

fn engine_with<F>(fall_backs: usize, run: F) -> Engine
where
    F: FnMut(&Job, &Reporter) -> anyhow::Result<Outcome> + Send + 'static,
{
    let files = || Scripted { run: |_: &Job, _: &Reporter| Ok(saved()), fall_backs: 0 };
    Engine::with_runners(|| (), Arc::default(), move || Scripted { run, fall_backs }, files)
}

fn engine<F>(run: F) -> Engine
where
    F: FnMut(&Job, &Reporter) -> anyhow::Result<Outcome> + Send + 'static,
{
    engine_with(0, run)
}

fn saved() -> Outcome {
    Outcome::Saved(PathBuf::from("mask.nii"))
}

fn devices() -> Outcome {
    Outcome::Devices(Vec::new())
}

fn segment_job() -> Job {
    let grid = Grid::axis_aligned([1, 1, 1], [1.0; 3]).unwrap();
    let scaling = Scaling { slope: 1.0, intercept: 0.0 };
    let volume = Arc::new(Volume::new(grid, Voxels::U8(vec![0]), scaling, 1).unwrap());
    Job::Segment { stamp: Stamp::default(), volume, focus: None, settings: SegmentSettings::default() }
}

fn experiment_job(experiment: Experiment) -> Job {
    let Job::Segment { stamp, volume, focus, settings } = segment_job() else { unreachable!("it is one") };
    Job::Experiment { subject: Box::new(Subject { stamp, volume, focus, settings }), experiment }
}

/// Samples that say which they are by their time.
fn samples(n: u32) -> SamplesSoFar {
    let grid = Grid::axis_aligned([1, 1, 1], [1.0; 3]).unwrap();
    let image = SampledImage { region: VoxelBox([0..1, 0..1, 0..1]), n_classes: 2 };
    SamplesSoFar {
        conditions: Conditions {
            stamp: Stamp::default(),
            settings: SegmentSettings::default(),
            slice: None,
            models: Vec::new(),
            device: String::new(),
            elapsed_s: f64::from(n),
            warnings: Vec::new(),
        },
        uncertainty: Uncertainty::new(image, grid.clone()),
        masks: Vec::new(),
        table: LabelTable::default(),
        grid,
    }
}

/// Polls until every job has had its ending; panics where that takes too long.
fn events_until_idle(engine: &mut Engine) -> Vec<Event> {
    let start = Instant::now();
    let mut events = Vec::new();
    while !engine.live.is_empty() {
        assert!(start.elapsed() < PATIENCE, "no ending after {PATIENCE:?}: {events:?}");
        events.extend(engine.poll());
        thread::sleep(Duration::from_millis(1));
    }
    // Whatever else is on its way would be one ending too many.
    thread::sleep(Duration::from_millis(20));
    events.extend(engine.poll());
    events
}

fn endings(events: &[Event], job: JobId) -> Vec<&Ending> {
    let ending_of_job = |event| match event {
        &Event::Done { id, ref ending } if id == job => Some(ending),
        _ => None,
    };
    events.iter().filter_map(ending_of_job).collect()
}

#[track_caller]
fn check_one_ending(events: &[Event], job: JobId, is_expected: impl Fn(&Ending) -> bool) {
    let found = endings(events, job);
    assert!(found.len() == 1 && is_expected(found[0]), "one ending of the expected kind, found {found:?}");
}

fn is_finished(ending: &Ending) -> bool {
    matches!(ending, Ending::Finished(_))
}

fn is_cancelled(ending: &Ending) -> bool {
    matches!(ending, Ending::Cancelled)
}

fn is_failed(ending: &Ending) -> bool {
    matches!(ending, Ending::Failed(_))
}

/// A runner that says that it has begun and then reports steps until it is stopped.
fn endless(begun: Sender<()>) -> impl FnMut(&Job, &Reporter) -> anyhow::Result<Outcome> {
    move |_, reporter| {
        begun.send(()).unwrap();
        for step in 0.. {
            reporter.report("Denoising", step, 0)?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(devices())
    }
}

/// A runner that says that it has begun and waits for the word to go on.
fn gated(begun: Sender<()>, gate: Receiver<()>) -> impl FnMut(&Job, &Reporter) -> anyhow::Result<Outcome> {
    move |_, _| {
        begun.send(()).unwrap();
        gate.recv()?;
        Ok(devices())
    }
}

#[test]
fn every_job_ends_once_in_the_order_of_submission() {
    let mut engine = engine(|_, _| Ok(devices()));
    let ids: Vec<_> = (0..50).map(|_| engine.submit(Job::CheckDevices)).collect();
    let events = events_until_idle(&mut engine);
    let ended: Vec<_> =
        events.iter().map(|event| if let Event::Done { id, .. } = event { *id } else { panic!() }).collect();
    assert_eq!(ended, ids);
}

#[test]
fn an_error_is_a_failure_with_its_whole_chain() {
    let mut engine = engine(|_, _| Err(anyhow::anyhow!("file ends early").context("cannot read a.nii")));
    let id = engine.submit(Job::CheckDevices);
    let events = events_until_idle(&mut engine);
    check_one_ending(
        &events,
        id,
        |ending| matches!(ending, Ending::Failed(failure) if failure.message == "cannot read a.nii: file ends early"),
    );
}

#[test]
fn a_panic_costs_its_own_job_and_no_other() {
    let mut n_runs = 0;
    let mut engine = engine(move |_, _| {
        n_runs += 1;
        assert!(n_runs != 1, "the first one falls");
        Ok(devices())
    });
    let first = engine.submit(Job::CheckDevices);
    let second = engine.submit(Job::CheckDevices);
    let events = events_until_idle(&mut engine);
    check_one_ending(
        &events,
        first,
        |ending| matches!(ending, Ending::Failed(failure) if failure.message.contains("the first one falls")),
    );
    check_one_ending(&events, second, is_finished);
}

#[test]
fn a_lost_device_gets_the_job_a_second_run() {
    let mut n_runs = 0;
    let mut engine = engine_with(1, move |_, _| {
        n_runs += 1;
        if n_runs == 1 { panic!("device lost") } else { Ok(devices()) }
    });
    let id = engine.submit(Job::CheckDevices);
    check_one_ending(&events_until_idle(&mut engine), id, is_finished);
}

#[test]
fn a_job_that_fails_on_the_second_device_too_is_not_tried_for_ever() {
    let mut engine = engine_with(usize::MAX, |_, _| bail!("no luck"));
    let id = engine.submit(Job::CheckDevices);
    check_one_ending(&events_until_idle(&mut engine), id, is_failed);
}

#[test]
fn a_running_job_is_cancelled_at_its_next_step() {
    let (begun_sender, begun) = bounded(1);
    let mut engine = engine(endless(begun_sender));
    let id = engine.submit(Job::CheckDevices);
    begun.recv_timeout(PATIENCE).unwrap();
    engine.cancel(id);
    engine.cancel(id);
    check_one_ending(&events_until_idle(&mut engine), id, is_cancelled);
}

#[test]
fn a_waiting_job_is_cancelled_at_once_and_never_runs() {
    let (begun_sender, begun) = bounded(2);
    let (gate, gate_receiver) = bounded(2);
    let mut engine = engine(gated(begun_sender, gate_receiver));
    let running = engine.submit(Job::CheckDevices);
    let waiting = engine.submit(Job::CheckDevices);
    begun.recv_timeout(PATIENCE).unwrap();
    engine.cancel(waiting);
    check_one_ending(&engine.poll(), waiting, is_cancelled);
    gate.send(()).unwrap();
    let events = events_until_idle(&mut engine);
    check_one_ending(&events, running, is_finished);
    assert!(endings(&events, waiting).is_empty());
    assert!(begun.try_recv().is_err(), "the cancelled job ran");
}

#[test]
fn a_result_that_comes_after_the_cancel_is_dropped_but_a_written_file_is_told() {
    for (outcome, is_expected) in [(devices(), is_cancelled as fn(&Ending) -> bool), (saved(), is_finished)] {
        let (begun_sender, begun) = bounded(1);
        let (gate, gate_receiver) = bounded::<()>(1);
        let mut engine = engine(move |_, _| {
            begun_sender.send(())?;
            gate_receiver.recv()?;
            Ok(outcome.clone())
        });
        let id = engine.submit(Job::CheckDevices);
        begun.recv_timeout(PATIENCE).unwrap();
        engine.cancel(id);
        gate.send(()).unwrap();
        check_one_ending(&events_until_idle(&mut engine), id, is_expected);
    }
}

#[test]
fn cancelling_a_job_that_has_ended_does_nothing() {
    let mut engine = engine(|_, _| Ok(devices()));
    let id = engine.submit(Job::CheckDevices);
    events_until_idle(&mut engine);
    engine.cancel(id);
    engine.cancel(JobId(77));
    assert!(engine.poll().is_empty());
}

#[test]
fn the_newest_segmentation_supersedes_those_before_it() {
    let (begun_sender, begun) = bounded(3);
    let mut n_runs = 0;
    let mut endless = endless(begun_sender);
    let mut engine = engine(move |job, reporter| {
        n_runs += 1;
        if n_runs == 1 { endless(job, reporter) } else { Ok(devices()) }
    });
    let running = engine.submit(segment_job());
    begun.recv_timeout(PATIENCE).unwrap();
    let between = engine.submit(Job::CheckDevices);
    let waiting = engine.submit(segment_job());
    let newest = engine.submit(segment_job());
    let events = events_until_idle(&mut engine);
    check_one_ending(&events, running, is_cancelled);
    check_one_ending(&events, waiting, is_cancelled);
    check_one_ending(&events, between, is_finished);
    check_one_ending(&events, newest, is_finished);
}

#[test]
fn the_newest_experiment_supersedes_those_of_its_kind_alone() {
    let (begun_sender, begun) = bounded(4);
    let mut n_runs = 0;
    let mut endless = endless(begun_sender);
    let mut engine = engine(move |job, reporter| {
        n_runs += 1;
        if n_runs == 1 { endless(job, reporter) } else { Ok(devices()) }
    });
    let running = engine.submit(experiment_job(Experiment::State { step: 3 }));
    begun.recv_timeout(PATIENCE).unwrap();
    let other = engine.submit(experiment_job(Experiment::Walk));
    let segmentation = engine.submit(segment_job());
    let newest = engine.submit(experiment_job(Experiment::State { step: 4 }));
    let events = events_until_idle(&mut engine);
    check_one_ending(&events, running, is_cancelled);
    for job in [other, segmentation, newest] {
        check_one_ending(&events, job, is_finished);
    }
}

#[test]
fn of_growing_samples_the_newest_waits_and_comes_before_the_ending() {
    let (begun_sender, begun) = bounded(1);
    let mut engine = engine(move |_, reporter| {
        for n in 0..100 {
            reporter.find(Finding::Samples(Arc::new(samples(n))));
        }
        begun_sender.send(())?;
        reporter.report("Drawing samples", 0, 0)?;
        loop {
            reporter.report("Drawing samples", 100, 0)?;
            thread::sleep(Duration::from_millis(1));
        }
    });
    let job = engine.submit(experiment_job(Experiment::Samples));
    begun.recv_timeout(PATIENCE).unwrap();
    engine.cancel(job);
    let events = events_until_idle(&mut engine);
    let found: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Finding { finding: Finding::Samples(samples), .. } => Some(samples.conditions.elapsed_s),
            _ => None,
        })
        .collect();
    assert_eq!(found, [99.0], "the newest of a hundred");
    check_one_ending(&events, job, is_cancelled);
    assert!(matches!(events.last(), Some(Event::Done { .. })), "what was found comes before the ending");
}

#[test]
fn of_a_thousand_steps_one_poll_sees_the_newest() {
    let (begun_sender, begun) = bounded(1);
    let (gate, gate_receiver) = bounded::<()>(1);
    let mut engine = engine(move |_, reporter| {
        for step in 0..=1000 {
            reporter.report("Denoising", step, 1000)?;
        }
        begun_sender.send(())?;
        gate_receiver.recv()?;
        Ok(devices())
    });
    let job = engine.submit(Job::CheckDevices);
    begun.recv_timeout(PATIENCE).unwrap();
    let events = engine.poll();
    let newest = Progress { stage: "Denoising", done: 1000, total: 1000 };
    assert!(
        matches!(&events[..], [Event::Progress { id, progress }] if *id == job && *progress == newest),
        "{events:?}"
    );
    gate.send(()).unwrap();
    check_one_ending(&events_until_idle(&mut engine), job, is_finished);
}

#[test]
fn the_window_is_woken_for_every_ending() {
    let n_wakes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&n_wakes);
    let runner = || Scripted { run: |_: &Job, _: &Reporter| Ok(devices()), fall_backs: 0 };
    let wake = move || {
        counter.fetch_add(1, Ordering::SeqCst);
    };
    let mut engine = Engine::with_runners(wake, Arc::default(), runner, runner);
    engine.submit(Job::CheckDevices);
    engine.submit(Job::CheckDevices);
    events_until_idle(&mut engine);
    assert_eq!(n_wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn files_are_read_while_the_worker_is_busy() {
    let (begun_sender, begun) = bounded(1);
    let mut engine = engine(endless(begun_sender));
    let busy = engine.submit(Job::CheckDevices);
    begun.recv_timeout(PATIENCE).unwrap();
    let file = engine.submit(open("a.nii"));
    let start = Instant::now();
    let mut events = Vec::new();
    while endings(&events, file).is_empty() && start.elapsed() < PATIENCE {
        events.extend(engine.poll());
        thread::sleep(Duration::from_millis(1));
    }
    check_one_ending(&events, file, is_finished);
    engine.cancel(busy);
    check_one_ending(&events_until_idle(&mut engine), busy, is_cancelled);
}

#[test]
fn dropping_the_engine_stops_its_work_and_joins_its_threads() {
    let (begun_sender, begun) = bounded(1);
    let (gone_sender, gone) = bounded::<()>(0);
    let mut endless = endless(begun_sender);
    let mut engine = engine(move |job, reporter| {
        let _held_by_the_worker = &gone_sender;
        endless(job, reporter)
    });
    engine.submit(Job::CheckDevices);
    engine.submit(Job::CheckDevices);
    begun.recv_timeout(PATIENCE).unwrap();
    drop(engine);
    assert!(gone.try_recv().is_err_and(|error| error.is_disconnected()), "the worker still lives");
}

#[test]
fn the_threads_carry_names() {
    let named = || Scripted {
        run: |_: &Job, _: &Reporter| bail!("{}", thread::current().name().unwrap_or("nobody")),
        fall_backs: 0,
    };
    let mut engine = Engine::with_runners(|| (), Arc::default(), named, named);
    let worker = engine.submit(Job::CheckDevices);
    let files = engine.submit(open(""));
    let events = events_until_idle(&mut engine);
    let says = |name: &'static str| move |ending: &Ending| matches!(ending, Ending::Failed(failure) if failure.message == name);
    check_one_ending(&events, worker, says("ldseg-worker"));
    check_one_ending(&events, files, says("ldseg-files"));
}
