//! The laboratory: experiments on the frame shown, each in a room of its own with its own state and its own actions.
//!
//! One experiment runs at a time; what it has found so far stays when it is stopped.

pub mod reference;
pub mod robustness;
pub mod steps;
pub mod uncertainty;

use std::time::Instant;

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
        let Some(case) = &mut self.state.case else { return };
        let subject = Box::new(Subject {
            stamp: Stamp { case: case.id, frame: case.frame },
            volume: case.opened.volume.clone(),
            focus: Some(case.crosshair),
            settings,
        });
        let job = self.engine.submit(Job::Experiment { subject, experiment });
        case.lab.running = Some(Running { job, room, started: Instant::now(), progress: None });
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
            Finding::Run(run) => case.lab.steps.runs.push(*run),
            Finding::Noise(answer) => case.lab.robustness.answers.push(answer),
        }
    }

    /// Keeps what has come of an experiment, where it is about the open case.
    pub(super) fn finish_experiment(&mut self, job: JobId, outcome: Outcome) {
        self.end_experiment(job);
        let Some(case) = &mut self.state.case else { return };
        let (id, lab) = (case.id, &mut case.lab);
        match outcome {
            Outcome::Samples(samples) if samples.conditions.stamp.case == id => lab.uncertainty.take(samples),
            Outcome::Steps(conditions) if conditions.stamp.case == id => lab.steps.conditions = Some(conditions),
            Outcome::Walk(walked) if walked.conditions.stamp.case == id => lab.steps.walked = Some(walked),
            Outcome::State(state) if state.stamp.case == id => lab.steps.state = Some(state),
            Outcome::Noise(conditions) if conditions.stamp.case == id => lab.robustness.conditions = Some(conditions),
            Outcome::Damaged(damaged) if damaged.conditions.stamp.case == id => lab.robustness.damaged = Some(damaged),
            _ => {}
        }
    }

    /// Stops the experiment that is running; what it has found stays.
    pub(super) fn stop_experiment(&mut self) {
        let running = self.state.case.as_ref().and_then(|case| case.lab.running.as_ref());
        running.map(|running| running.job).into_iter().for_each(|job| self.engine.cancel(job));
    }
}
