//! The laboratory: experiments on the frame shown, each in a room of its own with its own state and its own actions.
//!
//! One experiment runs at a time; what it has found so far stays when it is stopped.

mod export;
pub mod reference;
pub mod robustness;
pub mod robustness_chart;
pub mod scores;
pub mod steps;
pub mod steps_chart;
pub mod uncertainty;

use std::time::Instant;

pub use self::export::Export;
use self::reference::{Reference, ReferenceAction};
use self::robustness::{Robustness, RobustnessAction};
use self::steps::{Steps, StepsAction};
use self::uncertainty::{Uncertain, UncertaintyAction};
use super::App;
use crate::config::SegmentSettings;
use crate::engine::laboratory::{Experiment, Finding, Subject};
use crate::engine::{Job, JobId, Outcome, Stamp};
use crate::monitor::Progress;

/// What the right panel, the dock below the views and the overlays are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Labels and tools.
    #[default]
    Annotate,
    /// Numbers of sampling steps.
    Steps,
    /// Where samples differ.
    Uncertainty,
    /// What noise does.
    Robustness,
    /// How labels differ from a reference.
    Reference,
}

impl Room {
    /// The laboratory's rooms, in the order in which they are listed.
    pub const LABORATORY: [Self; 4] = [Self::Steps, Self::Uncertainty, Self::Robustness, Self::Reference];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Annotate => "Annotate",
            Self::Steps => "Steps",
            Self::Uncertainty => "Uncertainty",
            Self::Robustness => "Robustness",
            Self::Reference => "Reference",
        }
    }
}

/// What the rooms know of a case.
#[derive(Debug, Default)]
pub struct Lab {
    /// Numbers of steps.
    pub steps: Steps,
    /// Samples.
    pub uncertainty: Uncertain,
    /// Damaged images.
    pub robustness: Robustness,
    /// Differences from a reference.
    pub reference: Reference,
    /// The experiment that is running.
    pub running: Option<Running>,
}

/// An experiment that is running.
#[derive(Debug)]
pub struct Running {
    /// The job.
    pub job: JobId,
    /// Whose it is.
    pub room: Room,
    /// What stopping it means, in one sentence without a period.
    pub stop_text: &'static str,
    /// Since when.
    pub started: Instant,
    /// How far it is.
    pub progress: Option<Progress>,
}

/// What a room's controls ask for.
#[derive(Clone, Debug)]
pub enum LabAction {
    /// Of the room of steps.
    Steps(StepsAction),
    /// Of the room of uncertainty.
    Uncertainty(UncertaintyAction),
    /// Of the room of robustness.
    Robustness(RobustnessAction),
    /// Of the room of references.
    Reference(ReferenceAction),
}

/// What stopping an experiment means.
fn stop_text(experiment: &Experiment) -> &'static str {
    match experiment {
        Experiment::Samples => "Stop drawing samples; those that have come stay",
        Experiment::Steps { .. } => "Stop comparing numbers of steps; the runs that have come stay",
        Experiment::Walk => "Stop following this run",
        Experiment::Noise { .. } => "Stop damaging the image; the answers that have come stay",
        Experiment::State { .. } | Experiment::Damage { .. } => "Stop what the worker does",
    }
}

impl App {
    /// Does what a room asks for.
    pub(super) fn experiment(&mut self, action: LabAction) {
        match action {
            LabAction::Steps(action) => self.act_on_steps(action),
            LabAction::Uncertainty(action) => self.act_on_uncertainty(action),
            LabAction::Robustness(action) => self.act_on_robustness(action),
            LabAction::Reference(action) => self.act_on_reference(action),
        }
    }

    /// Goes into a room.
    pub(super) fn enter(&mut self, room: Room) {
        self.state.room = room;
        if room != Room::Annotate {
            self.state.laboratory = room;
        }
    }

    /// Begins an experiment on the frame shown. One that runs is stopped.
    pub(super) fn begin_experiment(&mut self, room: Room, experiment: Experiment, settings: SegmentSettings) {
        self.stop_experiment();
        let stop_text = stop_text(&experiment);
        let Some(job) = self.submit_experiment(experiment, settings) else { return };
        self.with_case(|case| {
            case.lab.running = Some(Running { job, room, stop_text, started: Instant::now(), progress: None });
        });
    }

    /// Has the engine do something on the frame shown that others need not wait for.
    pub(super) fn submit_experiment(&mut self, experiment: Experiment, settings: SegmentSettings) -> Option<JobId> {
        let case = self.state.case.as_ref()?;
        let subject = Box::new(Subject {
            stamp: Stamp { case: case.id, frame: case.frame },
            volume: case.opened.volume.clone(),
            focus: Some(case.crosshair),
            settings,
        });
        Some(self.engine.submit(Job::Experiment { subject, experiment }))
    }

    /// Stops and forgets what is about the frame before.
    pub(super) fn leave_frame(&mut self) {
        self.stop_experiment();
        self.with_case(|case| {
            case.lab.running = None;
            case.lab.steps.leave_frame();
            case.lab.robustness.leave_frame();
        });
    }

    /// Asks for what the rooms are to show next, where that has changed.
    pub(super) fn tend_laboratory(&mut self) {
        self.score_runs();
        self.tend_damage();
    }

    /// The running experiment, if `job` is its.
    pub(super) fn experiment_of(&mut self, job: JobId) -> Option<&mut Running> {
        self.state.case.as_mut()?.lab.running.as_mut().filter(|running| running.job == job)
    }

    /// Notes that an experiment has ended. The room that it was for, if it was one.
    pub(super) fn end_experiment(&mut self, job: JobId) -> Option<Room> {
        let running = &mut self.state.case.as_mut()?.lab.running;
        running.take_if(|running| running.job == job).map(|running| running.room)
    }

    /// Keeps what the running experiment has found; what comes of another one is late and not wanted.
    pub(super) fn note_finding(&mut self, job: JobId, finding: Finding) {
        if self.experiment_of(job).is_none() {
            return;
        }
        let Some(case) = &mut self.state.case else { return };
        match finding {
            Finding::Samples(samples) => case.lab.uncertainty.take(samples),
            Finding::Run(run, conditions) => case.lab.steps.add(*run, conditions),
            Finding::Noise(answer) => case.lab.robustness.add(answer),
        }
    }

    /// Keeps what has come of an experiment, where it is about the open case.
    pub(super) fn finish_experiment(&mut self, job: JobId, outcome: Outcome) {
        let is_running = self.end_experiment(job).is_some();
        let Some(case) = &mut self.state.case else { return };
        let (id, lab) = (case.id, &mut case.lab);
        match outcome {
            Outcome::Samples(samples) if samples.conditions.stamp.case == id => lab.uncertainty.take(samples),
            Outcome::Noise(conditions) if is_running => lab.robustness.end(conditions),
            Outcome::Walk(walked) if is_running => self.show_walked(walked),
            Outcome::State(state) => self.show_state(job, state),
            Outcome::Damaged(damaged) => self.show_damaged(job, damaged),
            _ => {}
        }
    }

    /// Stops the experiment that is running; what it has found stays.
    pub(super) fn stop_experiment(&mut self) {
        let running = self.state.case.as_ref().and_then(|case| case.lab.running.as_ref());
        running.map(|running| running.job).into_iter().for_each(|job| self.engine.cancel(job));
    }
}
