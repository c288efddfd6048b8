//! Counting and merging over whole volumes, on a thread of its own, so that no frame waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::case::{Case, ImageStatistics};
use super::lab::robustness::matched;
use super::lab::scores::scores;
use super::lab::steps::RunScores;
use super::lab::uncertainty::work::{Work, Worked};
use super::picture;
use super::time::Measures;
use super::widgets::plot::{self, Chart};
use crate::domain::accept::{Part, accepted};
use crate::domain::measure::{LabelStatistics, per_label};
use crate::domain::over_time::over_time;
use crate::domain::{Edit, FrameEdits, LabelMap, LabelTable, OneSlice, Volume};

/// Bins of the histogram.
const N_BINS: usize = 128;

/// Something to work out.
pub enum Task {
    /// The statistics of a frame.
    Image {
        /// Whose image.
        case: u64,
        /// Which frame.
        frame: usize,
        /// The image.
        volume: Arc<Volume>,
    },
    /// The voxels of each label at the beginning of a history.
    Count {
        /// Whose labels.
        case: u64,
        /// Every mask.
        masks: Vec<Arc<LabelMap>>,
    },
    /// The voxels of each label of a preview.
    CountPreview {
        /// The preview's number.
        serial: u64,
        /// Its labels.
        labels: Arc<LabelMap>,
    },
    /// The change that makes label maps part of others.
    Merge {
        /// Whose labels.
        case: u64,
        /// Name of the change.
        name: &'static str,
        /// The masks that change, as they are now.
        masks: Vec<Laying>,
        /// What the ids mean now.
        table: LabelTable,
        /// What the ids of the labels mean that are laid over them.
        added_table: LabelTable,
        /// How much of them is accepted; `None`: they replace all.
        part: Option<Part>,
        /// The one slice that they are of, where the model saw no other of several.
        slice: Option<OneSlice>,
    },
    /// What each label holds.
    Labels {
        /// Whose labels.
        case: u64,
        /// The labels.
        labels: Arc<LabelMap>,
        /// What their ids mean.
        table: LabelTable,
        /// The image.
        volume: Arc<Volume>,
        /// Which frame of it.
        frame: usize,
    },
    /// What each label measures in each frame of a series.
    OverTime {
        /// Whose labels.
        case: u64,
        /// The labels.
        labels: Arc<LabelMap>,
    },
    /// The middle of a label.
    Center {
        /// Whose labels.
        case: u64,
        /// The labels.
        labels: Arc<LabelMap>,
        /// The label.
        id: u16,
    },
    /// Something about samples.
    Uncertainty {
        /// Whose samples.
        case: u64,
        /// What.
        work: Work,
    },
    /// How a run of a comparison compares with others.
    ScoreRun {
        /// Whose run.
        case: u64,
        /// The comparison, and the run in it.
        run: (u64, usize),
        /// Its labels.
        labels: Arc<LabelMap>,
        /// What their ids mean.
        table: LabelTable,
        /// What to compare it with, where there is a reference.
        reference: Option<(Arc<LabelMap>, LabelTable)>,
        /// The one slice that it is of, where the model saw no other of several.
        slice: Option<OneSlice>,
        /// The longest run, once it has come.
        longest: Option<Arc<LabelMap>>,
    },
    /// A reference in the ids that a model has for its labels.
    MatchTruth {
        /// Whose reference.
        case: u64,
        /// The reference.
        labels: Arc<LabelMap>,
        /// What its ids mean.
        table: LabelTable,
        /// What the model's ids mean.
        model_table: LabelTable,
    },
    /// Draw a chart into a file.
    Draw {
        /// The chart.
        chart: Box<Chart>,
        /// The file.
        path: PathBuf,
    },
    /// Give a closed case's memory back, which takes a while for a large one.
    Free(Box<Case>),
}

/// Labels to lay over those of a mask.
pub struct Laying {
    /// Which mask.
    pub mask: usize,
    /// Its labels now.
    pub labels: Arc<LabelMap>,
    /// The labels to lay over them.
    pub added: Arc<LabelMap>,
}

/// Something worked out.
pub enum Answer {
    /// Of [`Task::Image`].
    Image {
        /// Whose image.
        case: u64,
        /// Its statistics.
        statistics: ImageStatistics,
    },
    /// Of [`Task::Count`].
    Count {
        /// Whose labels.
        case: u64,
        /// Voxels by id, without background, of each mask.
        voxels: Vec<BTreeMap<u16, u64>>,
    },
    /// Of [`Task::CountPreview`].
    CountPreview {
        /// The preview's number.
        serial: u64,
        /// Voxels by id, without background.
        voxels: BTreeMap<u16, u64>,
    },
    /// Of [`Task::Merge`].
    Merged {
        /// Whose labels.
        case: u64,
        /// The change; `None` where nothing differs.
        edits: Option<FrameEdits>,
        /// The table after it.
        table: LabelTable,
    },
    /// Of [`Task::Center`], where the label has voxels.
    Center {
        /// Whose labels.
        case: u64,
        /// The voxel of the label nearest to its middle.
        voxel: [usize; 3],
    },
    /// Of [`Task::Uncertainty`].
    Uncertainty {
        /// Whose samples.
        case: u64,
        /// What was worked out.
        worked: Worked,
    },
    /// Of [`Task::ScoreRun`].
    ScoredRun {
        /// Whose run.
        case: u64,
        /// The comparison, and the run in it.
        run: (u64, usize),
        /// How it compares.
        scores: RunScores,
    },
    /// Of [`Task::MatchTruth`].
    MatchedTruth {
        /// Whose reference.
        case: u64,
        /// It, in the model's ids.
        labels: Arc<LabelMap>,
    },
    /// Of [`Task::Draw`]: the picture, or why there is none.
    Drawn {
        /// Where it is to be written.
        path: PathBuf,
        /// A PNG.
        picture: Result<Vec<u8>, String>,
    },
    /// Of [`Task::OverTime`].
    OverTime {
        /// Whose labels.
        case: u64,
        /// What they measure.
        measures: Arc<Measures>,
    },
    /// Of [`Task::Labels`].
    Labels {
        /// Whose labels.
        case: u64,
        /// What each holds.
        statistics: Vec<LabelStatistics>,
    },
}

/// The thread. It ends when this is dropped.
pub struct Background {
    tasks: Sender<Task>,
    answers: Receiver<Answer>,
}

impl Background {
    /// Starts the thread. `wake` is called after each answer.
    pub fn start(wake: impl Fn() + Send + 'static) -> Self {
        let (tasks, inbox) = unbounded();
        let (outbox, answers) = unbounded();
        let thread = std::thread::Builder::new().name("ldseg-statistics".to_owned());
        if let Err(error) = thread.spawn(move || run(&inbox, &outbox, &wake)) {
            log::error!("the statistics thread did not start: {error}");
        }
        Self { tasks, answers }
    }

    /// Asks for something. Says whether there is a thread to do it.
    pub fn submit(&self, task: Task) -> bool {
        self.tasks.send(task).is_ok()
    }

    /// What has been worked out since the last call.
    pub fn poll(&self) -> Vec<Answer> {
        self.answers.try_iter().collect()
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Background").field("waiting", &self.tasks.len()).finish()
    }
}

fn run(inbox: &Receiver<Task>, outbox: &Sender<Answer>, wake: &dyn Fn()) {
    while let Ok(first) = inbox.recv() {
        let mut tasks: VecDeque<Task> = std::iter::once(first).chain(inbox.try_iter()).collect();
        while let Some(task) = tasks.pop_front() {
            if tasks.iter().any(|newer| supersedes(newer, &task)) {
                continue;
            }
            // The task is gone when its answer is read, and with it every hold on the labels: changing them while they
            // are held would copy them.
            let Some(answer) = answer(task) else { continue };
            if outbox.send(answer).is_err() {
                return;
            }
            wake();
        }
    }
}

/// Newer statistics and maps make older ones useless; a change of the labels is always wanted.
fn supersedes(newer: &Task, older: &Task) -> bool {
    match (newer, older) {
        (Task::Image { .. }, Task::Image { .. }) => true,
        (Task::Uncertainty { work: newer, .. }, Task::Uncertainty { work: older, .. }) => newer.kind() == older.kind(),
        _ => false,
    }
}

fn answer(task: Task) -> Option<Answer> {
    Some(match task {
        Task::Image { case, frame, volume } => Answer::Image { case, statistics: statistics(&volume, frame) },
        Task::Count { case, masks } => {
            Answer::Count { case, voxels: masks.iter().map(|labels| labelled(labels)).collect() }
        }
        Task::CountPreview { serial, labels } => Answer::CountPreview { serial, voxels: labelled(&labels) },
        Task::Merge { case, name, masks, mut table, added_table, part, slice } => {
            let mut parts = Vec::new();
            for Laying { mask, labels, added } in masks {
                let edit = match part {
                    Some(part) => {
                        // What a label of the model is called in one frame, it is called in all.
                        let (edit, named) = accepted(&labels, &table, (&added, &added_table), part, slice, name);
                        table = named;
                        edit
                    }
                    None => Edit::between(name, &labels, &added),
                };
                parts.extend(edit.map(|edit| (mask, edit)));
            }
            let table = if part.is_some() { table } else { added_table };
            Answer::Merged { case, edits: FrameEdits::of_several(name, parts), table }
        }
        Task::OverTime { case, labels } => Answer::OverTime { case, measures: Arc::new(over_time(&labels)) },
        Task::Labels { case, labels, table, volume, frame } => {
            Answer::Labels { case, statistics: per_label(&labels, &table, &volume, frame) }
        }
        Task::Uncertainty { case, work } => Answer::Uncertainty { case, worked: work.done() },
        Task::ScoreRun { case, run, labels, table, reference, slice, longest } => {
            let own = (&*labels, &table);
            let reference = reference.map(|(other, names)| scores(own, (&*other.seen(slice), &names)));
            let longest = longest.map(|other| scores(own, (&other, &table)));
            Answer::ScoredRun { case, run, scores: RunScores { reference, longest } }
        }
        Task::MatchTruth { case, labels, table, model_table } => {
            Answer::MatchedTruth { case, labels: matched(&labels, &table, &model_table) }
        }
        Task::Draw { chart, path } => {
            let picture = picture::png(plot::page_size(), |ui| plot::page_ui(ui, &chart));
            Answer::Drawn { path, picture: picture.map_err(|error| error.to_string()) }
        }
        Task::Center { case, labels, id } => Answer::Center { case, voxel: labels.center_of(id)? },
        Task::Free(case) => {
            drop(case);
            return None;
        }
    })
}

/// Voxels by id, without background.
fn labelled(labels: &LabelMap) -> BTreeMap<u16, u64> {
    let mut voxels = labels.counts();
    voxels.remove(&0);
    voxels
}

fn statistics(volume: &Volume, frame: usize) -> ImageStatistics {
    ImageStatistics {
        frame,
        range: volume.range(frame),
        auto_window: volume.auto_window(frame),
        histogram: volume.histogram(frame, N_BINS),
    }
}
