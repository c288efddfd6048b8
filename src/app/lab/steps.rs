//! The room of steps: one run followed state by state, and runs of several numbers of steps side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::scores::LabelDice;
use super::{Export, Room};
use crate::app::App;
use crate::app::background::Task;
use crate::app::case::{Case, Origin, Source};
use crate::app::state::Purpose;
use crate::config::{SamplerKind, SegmentSettings};
use crate::domain::{LabelMap, LabelTable, Plane};
use crate::engine::JobId;
use crate::engine::laboratory::{Conditions, Experiment, State, Walked};
use crate::evaluation::steps::{StepRun, Timing};

/// Numbers of steps that can be compared. 1000 is slow, and not chosen at first.
pub const CHOICES: [usize; 9] = [1, 2, 3, 5, 10, 15, 50, 100, 1000];

/// What the room knows of a case.
#[derive(Debug)]
pub struct Steps {
    /// Numbers of steps to compare.
    pub chosen: BTreeSet<usize>,
    /// With which samplers.
    pub samplers: Samplers,
    /// What the middle of the window shows.
    pub middle: Middle,
    /// The plane in which runs are shown side by side.
    pub plane: Plane,
    /// Runs side by side.
    pub comparison: Option<Comparison>,
    /// One run, state by state.
    pub walk: Walk,
    /// What runs of a model have cost so far.
    pub speed: Option<Speed>,
}

/// Samplers to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samplers {
    /// DDIM alone.
    Ddim,
    /// DDPM alone.
    Ddpm,
    /// Both.
    Both,
}

/// What the middle of the window shows in this room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Middle {
    /// The usual views, with the state of the run that is followed.
    Views,
    /// Runs side by side, where there are any.
    Runs,
}

/// Runs of several numbers of steps, from one noise.
#[derive(Debug)]
pub struct Comparison {
    /// Model, seed and device; steps and sampler are each run's own.
    pub settings: SegmentSettings,
    /// What the labels of the runs mean.
    pub table: LabelTable,
    /// Counts the comparisons of a case, to tell their pictures apart.
    pub serial: u64,
    /// The largest number of steps of the plan.
    pub most_steps: usize,
    /// What the runs are compared with, where there is something.
    pub reference: Option<String>,
    /// Those that have come.
    pub runs: Vec<Run>,
    /// Under what they ran; `None` until the first has come.
    pub conditions: Option<Box<Conditions>>,
}

/// One run of a comparison.
#[derive(Clone, Debug)]
pub struct Run {
    /// DDIM or DDPM.
    pub sampler: SamplerKind,
    /// K.
    pub steps: usize,
    /// The answer.
    pub labels: Arc<LabelMap>,
    /// What it cost.
    pub timing: Timing,
    /// How it compares, once that is known.
    pub scores: Option<RunScores>,
    /// What it was last compared with.
    asked: Option<ScoreKey>,
}

/// How a run compares with others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunScores {
    /// Dice with the reference, label by label; `None` without one.
    pub reference: Option<Vec<LabelDice>>,
    /// Dice with the longest run of the same sampler: agreement, not accuracy. `None` as long as that has not come.
    pub longest: Option<Vec<LabelDice>>,
}

/// What a run is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ScoreKey {
    /// The serial number of the reference.
    reference: Option<u64>,
    /// The position of the longest run.
    longest: Option<usize>,
}

/// One run whose states are kept by the worker.
#[derive(Debug, Default)]
pub struct Walk {
    /// The run, once it has ended.
    pub walked: Option<Box<Walked>>,
    /// The state that is wanted.
    pub wanted: usize,
    /// The newest state that has been decoded.
    pub shown: Option<Box<State>>,
    /// Counts the states shown, to tell their pictures apart.
    pub serial: u64,
    /// The state that is being decoded.
    decoding: Option<JobId>,
}

/// What runs of a model have cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Speed {
    /// The model.
    pub model: String,
    /// One call of the denoiser, in seconds.
    pub call_s: f64,
    /// Encoding and decoding of one run, in seconds.
    pub rest_s: f64,
}

/// What the room's controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum StepsAction {
    /// Compare this number of steps, or do not.
    Choose(usize, bool),
    /// Compare these samplers.
    SetSamplers(Samplers),
    /// Show this in the middle of the window.
    Show(Middle),
    /// Show runs in this plane.
    ShowPlane(Plane),
    /// Show this state of the run that is followed.
    GoToState(usize),
    /// Show this run as a preview.
    Use(usize),
    /// Ask where to write something.
    Export(Export),
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            chosen: CHOICES.into_iter().filter(|steps| *steps <= 100).collect(),
            samplers: Samplers::Ddim,
            middle: Middle::Views,
            plane: Plane::Axial,
            comparison: None,
            walk: Walk::default(),
            speed: None,
        }
    }
}

impl Samplers {
    /// One by one.
    pub fn list(self) -> Vec<SamplerKind> {
        match self {
            Self::Ddim => vec![SamplerKind::Ddim],
            Self::Ddpm => vec![SamplerKind::Ddpm],
            Self::Both => vec![SamplerKind::Ddim, SamplerKind::Ddpm],
        }
    }
}

impl Steps {
    /// How long the chosen runs will take with `model`, where such runs have been measured.
    pub fn estimate_s(&self, model: &str) -> Option<f64> {
        let speed = self.speed.as_ref().filter(|speed| speed.model == model)?;
        let run_s = |steps: &usize| speed.rest_s + (steps - 1) as f64 * speed.call_s;
        Some(self.chosen.iter().map(run_s).sum::<f64>() * self.samplers.list().len() as f64)
    }

    /// The comparison that the middle of the window shows.
    pub fn shown_comparison(&self) -> Option<&Comparison> {
        self.comparison.as_ref().filter(|_| self.middle == Middle::Runs)
    }

    /// The state that lies over the usual views.
    pub fn shown_state(&self) -> Option<&State> {
        self.walk.shown.as_deref().filter(|_| self.middle == Middle::Views)
    }

    /// Keeps a run that has come.
    pub(super) fn add(&mut self, run: StepRun, conditions: Box<Conditions>) {
        let Some(comparison) = &mut self.comparison else { return };
        let StepRun { sampler, steps, labels, timing } = run;
        let labels = Arc::new(labels);
        comparison.runs.push(Run { sampler, steps, labels, timing, scores: None, asked: None });
        comparison.conditions = Some(conditions);
        self.speed = comparison.speed().or(self.speed.take());
    }

    /// Forgets what belongs to another frame.
    pub(super) fn leave_frame(&mut self) {
        self.comparison = None;
        self.walk = Walk::default();
    }
}

impl Comparison {
    /// The run that others of its sampler are compared with: the longest of the plan, or, once no more come, the longest that came.
    pub fn longest(&self, sampler: SamplerKind, is_running: bool) -> Option<usize> {
        let own = self.runs.iter().enumerate().filter(|(_, run)| run.sampler == sampler);
        let (at, longest) = own.max_by_key(|(_, run)| run.steps)?;
        (!is_running || longest.steps == self.most_steps).then_some(at)
    }

    /// The runs as a report takes them; their labels are shared, not copied.
    pub fn step_runs(&self) -> Vec<StepRun> {
        let run = |run: &Run| StepRun {
            sampler: run.sampler,
            steps: run.steps,
            labels: LabelMap::clone(&run.labels),
            timing: run.timing,
        };
        self.runs.iter().map(run).collect()
    }

    fn speed(&self) -> Option<Speed> {
        let calls: usize = self.runs.iter().map(|run| run.steps - 1).sum();
        let denoise_s: f64 = self.runs.iter().filter(|run| run.steps > 1).map(|run| run.timing.denoise_s).sum();
        let rest_s: f64 = self.runs.iter().map(|run| run.timing.decode_s).sum::<f64>() / self.runs.len() as f64;
        let model = self.settings.model.clone();
        (calls > 0).then(|| Speed { model, call_s: denoise_s / calls as f64, rest_s })
    }
}

impl App {
    pub(in crate::app) fn act_on_steps(&mut self, action: StepsAction) {
        match action {
            StepsAction::Use(run) => self.use_run(run),
            StepsAction::Export(export) => self.pick(Purpose::ExportFinding(export)),
            StepsAction::GoToState(step) => self.with_case(|case| case.lab.steps.walk.wanted = step),
            StepsAction::Choose(steps, is_chosen) => self.with_case(|case| {
                let chosen = &mut case.lab.steps.chosen;
                if is_chosen {
                    chosen.insert(steps)
                } else {
                    chosen.remove(&steps)
                };
            }),
            StepsAction::SetSamplers(samplers) => self.with_case(|case| case.lab.steps.samplers = samplers),
            StepsAction::Show(middle) => self.with_case(|case| case.lab.steps.middle = middle),
            StepsAction::ShowPlane(plane) => self.with_case(|case| case.lab.steps.plane = plane),
        }
        self.decode_wanted();
    }

    /// Runs every chosen number of steps with every chosen sampler, from one noise.
    pub(in crate::app) fn compare_steps(&mut self) {
        let Some(table) = self.state.model().map(|model| model.table.clone()) else { return };
        let settings = self.state.settings.segment.clone();
        self.enter(Room::Steps);
        let Some(case) = &mut self.state.case else { return };
        let lab = &mut case.lab.steps;
        let steps: Vec<usize> = lab.chosen.iter().copied().collect();
        let experiment = Experiment::Steps { samplers: lab.samplers.list(), steps: steps.clone() };
        lab.comparison = Some(Comparison {
            settings: settings.clone(),
            table,
            serial: lab.comparison.as_ref().map_or(0, |before| before.serial) + 1,
            most_steps: steps.last().copied().unwrap_or_default(),
            reference: None,
            runs: Vec::new(),
            conditions: None,
        });
        lab.middle = Middle::Runs;
        self.begin_experiment(Room::Steps, experiment, settings);
    }

    /// Has one run's states kept.
    pub(in crate::app) fn follow_run(&mut self) {
        self.enter(Room::Steps);
        self.with_case(|case| {
            // Its serial goes on, since pictures of the walk before may still be kept.
            let serial = case.lab.steps.walk.serial;
            case.lab.steps.walk = Walk { serial, ..Walk::default() };
            case.lab.steps.middle = Middle::Views;
        });
        let settings = self.state.settings.segment.clone();
        self.begin_experiment(Room::Steps, Experiment::Walk, settings);
    }

    /// Shows the end of a run that has just been followed.
    pub(in crate::app) fn show_walked(&mut self, walked: Box<Walked>) {
        let Some(case) = &mut self.state.case else { return };
        let walk = &mut case.lab.steps.walk;
        walk.wanted = walked.times.len().saturating_sub(1);
        walk.walked = Some(walked);
        self.decode_wanted();
    }

    /// Shows a state that has been decoded, and has the one decoded that is wanted by now.
    pub(in crate::app) fn show_state(&mut self, job: JobId, state: Box<State>) {
        let Some(case) = &mut self.state.case else { return };
        let walk = &mut case.lab.steps.walk;
        if walk.decoding.take_if(|decoding| *decoding == job).is_some() {
            walk.serial += 1;
            walk.shown = Some(state);
        }
        self.decode_wanted();
    }

    /// Notes that a state could not be decoded.
    pub(in crate::app) fn end_state(&mut self, job: JobId) {
        self.with_case(|case| {
            let walk = &mut case.lab.steps.walk;
            if walk.decoding.take_if(|decoding| *decoding == job).is_some() {
                // The worker keeps it no longer, as after a lost device.
                walk.walked = None;
            }
        });
    }

    /// Asks for the state that is wanted, one at a time: while a slider is dragged only the newest place is ever waiting.
    fn decode_wanted(&mut self) {
        let Some(case) = &self.state.case else { return };
        let walk = &case.lab.steps.walk;
        let Some(walked) = &walk.walked else { return };
        let is_shown = walk.shown.as_ref().is_some_and(|state| state.step == walk.wanted);
        if is_shown || walk.decoding.is_some() || case.lab.running.is_some() {
            return;
        }
        let settings = walked.conditions.settings.clone();
        let experiment = Experiment::State { step: walk.wanted };
        let job = self.submit_experiment(experiment, settings);
        self.with_case(|case| case.lab.steps.walk.decoding = job);
    }

    fn use_run(&mut self, at: usize) {
        let Some(case) = &self.state.case else { return };
        if case.can_use_runs().is_err() {
            return;
        }
        let frame = case.frame;
        let Some(comparison) = &case.lab.steps.comparison else { return };
        let (Some(run), Some(conditions)) = (comparison.runs.get(at), &comparison.conditions) else { return };
        let (labels, table) = (Arc::clone(&run.labels), comparison.table.clone());
        let settings =
            SegmentSettings { steps: run.steps, sampler: run.sampler, samples: 1, ..comparison.settings.clone() };
        let model_sha256 = conditions.models.first().map(|model| model.sha256.clone()).unwrap_or_default();
        let device = conditions.device.clone();
        let source = Source::Model(Origin { settings, model_sha256, device, slice: conditions.slice, which: None });
        self.show_as_preview((labels, Vec::new()), frame, table, source);
    }

    /// Has the runs compared that are not compared yet with what they are to be compared with now.
    pub(in crate::app) fn score_runs(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let is_running = case.lab.running.as_ref().is_some_and(|running| running.room == Room::Steps);
        let reference = case.reference().map(|(labels, table)| (Arc::clone(labels), table.clone()));
        let (name, serial) = (case.reference_name(), case.lab.reference.serial);
        let Some(comparison) = &mut case.lab.steps.comparison else { return };
        comparison.reference = name;
        let slice = comparison.conditions.as_ref().and_then(|conditions| conditions.slice);
        for at in 0..comparison.runs.len() {
            let longest = comparison.longest(comparison.runs[at].sampler, is_running);
            let key = ScoreKey { reference: reference.as_ref().map(|_| serial), longest };
            if comparison.runs[at].asked == Some(key) {
                continue;
            }
            let longest = longest.map(|at| Arc::clone(&comparison.runs[at].labels));
            let run = &mut comparison.runs[at];
            run.asked = Some(key);
            self.background.submit(Task::ScoreRun {
                case: case.id,
                run: (comparison.serial, at),
                labels: Arc::clone(&run.labels),
                table: comparison.table.clone(),
                reference: reference.clone(),
                slice,
                longest,
            });
        }
    }

    /// Keeps how a run compares.
    pub(in crate::app) fn note_scores(&mut self, (comparison, at): (u64, usize), scores: RunScores) {
        self.with_case(|case| {
            let known = case.lab.steps.comparison.as_mut().filter(|known| known.serial == comparison);
            if let Some(run) = known.and_then(|known| known.runs.get_mut(at)) {
                run.scores = Some(scores);
            }
        });
    }
}

impl Case {
    /// Whether a run can be shown as a preview.
    ///
    /// # Errors
    /// Why not.
    pub fn can_use_runs(&self) -> Result<(), &'static str> {
        match self.preview {
            Some(_) => Err("Accept or discard the preview first"),
            None => Ok(()),
        }
    }
}
