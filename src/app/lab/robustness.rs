//! The room of robustness: a damaged image with the answer to it, and sweeps over strengths of damage.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::robustness_chart::Sweep;
use super::{Export, Room};
use crate::app::App;
use crate::app::background::Task;
use crate::app::state::{Purpose, State};
use crate::config::SegmentSettings;
use crate::domain::grid::VoxelBox;
use crate::domain::{LabelMap, LabelTable};
use crate::engine::JobId;
use crate::engine::laboratory::{Conditions, Damaged, Experiment};
use crate::evaluation::contender::{NoisePlan, NoisyAnswer};
use crate::evaluation::partners::with_ids_of;
use crate::evaluation::robustness::Perturbation;

/// How long a slider rests before its image is damaged anew.
const REST: Duration = Duration::from_millis(120);
/// Repeats of a sweep.
pub const REPEATS: RangeInclusive<u64> = 1..=20;

/// What the room knows of a case.
#[derive(Debug)]
pub struct Robustness {
    /// What is done to the image.
    pub perturbation: Perturbation,
    /// How strongly, in the views.
    pub strength: f64,
    /// The damaged image is shown in the views.
    pub is_live: bool,
    /// Strengths of the perturbation that are left out of a sweep.
    pub left_out: Vec<f64>,
    /// Seeds for each strength of a sweep.
    pub repeats: u64,
    /// The damaged image.
    pub preview: Preview,
    /// The newest sweep.
    pub sweep: Option<Sweep>,
    /// The reference is being matched with the model's labels.
    pub is_matching: bool,
}

/// The damaged image that is shown, and the one that is wanted.
#[derive(Debug, Default)]
pub struct Preview {
    /// The newest that has come.
    pub shown: Option<Box<Damaged>>,
    /// Counts those shown, to tell their pictures apart.
    pub serial: u64,
    /// The one that is being made.
    pub job: Option<JobId>,
    /// What was asked for last.
    asked: Option<Wanted>,
    /// What is wanted, and since when.
    wanted: Option<(Wanted, Instant)>,
}

/// All that a damaged image and its answer depend on.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    perturbation: Perturbation,
    strength: f64,
    settings: SegmentSettings,
    frame: usize,
    /// What the model sees of an image that is larger than its box: it lies around the crosshair.
    region: Option<VoxelBox>,
}

/// What the room's controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum RobustnessAction {
    /// Damage the image in this way.
    SetPerturbation(Perturbation),
    /// So strongly.
    SetStrength(f64),
    /// Show the damaged image in the views, or the file's.
    SetLive(bool),
    /// Take this strength into the sweep, or leave it out.
    Choose(f64, bool),
    /// Seeds for each strength.
    SetRepeats(u64),
    /// Ask where to write something.
    Export(Export),
}

impl Default for Robustness {
    fn default() -> Self {
        Self {
            perturbation: Perturbation::Gaussian,
            strength: 0.1,
            is_live: false,
            left_out: Vec::new(),
            repeats: 3,
            preview: Preview::default(),
            sweep: None,
            is_matching: false,
        }
    }
}

impl Robustness {
    /// The strengths that a sweep takes.
    pub fn strengths(&self) -> Vec<f64> {
        self.perturbation.strengths().iter().copied().filter(|strength| !self.left_out.contains(strength)).collect()
    }

    /// Keeps an answer of a sweep.
    pub(super) fn add(&mut self, answer: NoisyAnswer) {
        if let Some(sweep) = &mut self.sweep {
            sweep.answers.push(answer);
        }
    }

    /// Notes that no more answers come.
    pub(super) fn end(&mut self, conditions: Box<Conditions>) {
        if let Some(sweep) = &mut self.sweep {
            sweep.conditions = Some(conditions);
        }
    }

    /// Forgets what belongs to another frame.
    pub(super) fn leave_frame(&mut self) {
        let serial = self.preview.serial;
        self.preview = Preview { serial, ..Preview::default() };
        (self.sweep, self.is_matching) = (None, false);
    }
}

/// Its name, what its strength is called, and what it does, in one sentence.
pub fn words(perturbation: Perturbation) -> (&'static str, &'static str, &'static str) {
    match perturbation {
        Perturbation::Gaussian => {
            ("Gaussian noise", "σ", "I + N(0, σ): σ is the standard deviation on the image scaled to 0 … 1.")
        }
        Perturbation::Speckle => {
            ("Speckle", "σ", "I · (1 + N(0, σ)): noise that grows with the signal, as in ultrasound.")
        }
        Perturbation::Rician => {
            ("Rician noise", "σ", "√((I + N(0, σ))² + N(0, σ)²): noise of MR magnitude images; it lifts the dark.")
        }
        Perturbation::Blur => ("Blur", "SD", "Gaussian blur; the strength is its standard deviation in voxels."),
        Perturbation::Bias => {
            ("Bias field", "s", "A smooth field exp(s · b), b from −1 to 1, as of an uneven receiving coil.")
        }
        Perturbation::Contrast => {
            ("Contrast", "s", "I to the power of exp(s): darker middle tones for s > 0, lighter for s < 0.")
        }
    }
}

/// Between which strengths the slider goes.
pub fn range(perturbation: Perturbation) -> RangeInclusive<f64> {
    let strengths = perturbation.strengths();
    let end = |best: fn(f64, f64) -> f64| strengths.iter().copied().fold(0.0, best);
    end(f64::min)..=end(f64::max)
}

/// The models of a sweep: the chosen one, and its deterministic counterpart where that is installed.
pub fn contenders(state: &State) -> Vec<String> {
    let Some(model) = state.model() else { return Vec::new() };
    let counterpart = format!("{}-resunet", model.name);
    let counterpart = state.models.iter().find(|other| other.name == counterpart && other.is_deterministic);
    std::iter::once(model).chain(counterpart).map(|model| model.name.clone()).collect()
}

impl App {
    pub(in crate::app) fn act_on_robustness(&mut self, action: RobustnessAction) {
        self.with_case(|case| {
            let lab = &mut case.lab.robustness;
            match action {
                RobustnessAction::SetPerturbation(perturbation) => {
                    lab.perturbation = perturbation;
                    lab.left_out.clear();
                    let range = range(perturbation);
                    lab.strength = lab.strength.clamp(*range.start(), *range.end());
                }
                RobustnessAction::SetStrength(strength) => lab.strength = strength,
                RobustnessAction::SetLive(is_live) => lab.is_live = is_live,
                RobustnessAction::Choose(strength, true) => lab.left_out.retain(|known| *known != strength),
                RobustnessAction::Choose(strength, false) => lab.left_out.push(strength),
                RobustnessAction::SetRepeats(repeats) => lab.repeats = repeats,
                RobustnessAction::Export(_) => {}
            }
        });
        if let RobustnessAction::Export(export) = action {
            self.pick(Purpose::ExportFinding(export));
        }
    }

    /// Damages the image anew once what is wanted has been wanted for a moment. A newer wish supersedes an older.
    pub(in crate::app) fn tend_damage(&mut self) {
        let settings = SegmentSettings { samples: 1, ..self.state.settings.segment.clone() };
        let is_here = self.state.room == Room::Robustness && self.state.segmenting.is_none();
        let looked_at = self.state.case.as_ref().map(|case| (case.grid(), case.crosshair));
        let region = self.state.model().zip(looked_at).map(|(model, (grid, crosshair))| model.region(grid, crosshair));
        let Some(case) = &mut self.state.case else { return };
        let (frame, lab) = (case.frame, &mut case.lab.robustness);
        if !lab.is_live || !is_here || case.lab.running.is_some() {
            lab.preview.wanted = None;
            return;
        }
        let wanted = Wanted { perturbation: lab.perturbation, strength: lab.strength, settings, frame, region };
        let preview = &mut lab.preview;
        if preview.asked.as_ref() == Some(&wanted) {
            preview.wanted = None;
            return;
        }
        let since = match &preview.wanted {
            Some((known, since)) if *known == wanted => *since,
            _ => Instant::now(),
        };
        preview.wanted = Some((wanted.clone(), since));
        if let Some(rest) = REST.checked_sub(since.elapsed()) {
            self.ctx.request_repaint_after(rest);
            return;
        }
        preview.asked = Some(wanted.clone());
        let Wanted { perturbation, strength, settings, .. } = wanted;
        let experiment = Experiment::Damage { perturbation, strength, models: vec![settings.model.clone()] };
        let job = self.submit_experiment(experiment, settings);
        self.with_case(|case| case.lab.robustness.preview.job = job);
    }

    /// Shows a damaged image, if it is the newest asked for.
    pub(in crate::app) fn show_damaged(&mut self, job: JobId, damaged: Box<Damaged>) {
        self.with_case(|case| {
            let preview = &mut case.lab.robustness.preview;
            if preview.job.take_if(|known| *known == job).is_some() {
                preview.serial += 1;
                preview.shown = Some(damaged);
            }
        });
    }

    /// Notes that no damaged image comes of a job.
    pub(in crate::app) fn end_damage(&mut self, job: JobId) {
        self.with_case(|case| {
            case.lab.robustness.preview.job.take_if(|known| *known == job);
        });
    }

    /// Damages the image in every strength, after the reference's labels have been matched with the model's.
    pub(in crate::app) fn sweep_damage(&mut self) {
        self.enter(Room::Robustness);
        let Some(model) = self.state.model().map(|model| model.table.clone()) else { return };
        let Some(case) = &mut self.state.case else { return };
        let Some((labels, table)) = case.reference() else { return self.begin_sweep(None) };
        let task =
            Task::MatchTruth { case: case.id, labels: Arc::clone(labels), table: table.clone(), model_table: model };
        case.lab.robustness.is_matching = true;
        self.background.submit(task);
    }

    /// Begins a sweep, with the truth in the model's ids where there is one.
    pub(in crate::app) fn begin_sweep(&mut self, truth: Option<Arc<LabelMap>>) {
        let models = contenders(&self.state);
        let settings = SegmentSettings { samples: 1, ..self.state.settings.segment.clone() };
        let Some(case) = &mut self.state.case else { return };
        let reference = truth.as_ref().and_then(|_| case.reference_name());
        let lab = &mut case.lab.robustness;
        lab.is_matching = false;
        let plan = NoisePlan {
            perturbation: lab.perturbation,
            strengths: lab.strengths(),
            repeats: lab.repeats,
            seed: settings.seed,
        };
        lab.sweep = Some(Sweep {
            settings: settings.clone(),
            plan: plan.clone(),
            reference,
            answers: Vec::new(),
            conditions: None,
        });
        self.begin_experiment(Room::Robustness, Experiment::Noise { plan, models, truth }, settings);
    }
}

/// The truth in the ids of a model; shared where it has them already.
pub fn matched(labels: &Arc<LabelMap>, table: &LabelTable, model_table: &LabelTable) -> Arc<LabelMap> {
    with_ids_of(labels, table, model_table).map_or_else(|| Arc::clone(labels), Arc::new)
}
