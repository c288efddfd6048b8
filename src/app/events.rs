//! What the engine and the background report, and what follows from it.

use std::sync::Arc;

use super::App;
use super::background::{Answer, Task};
use super::case::{Case, Merging, Origin, Preview, Source, quick_window};
use super::files::file_name;
use super::provenance::model_run;
use super::state::{AfterOpening, LastRun, Layout};
use crate::domain::{LabelMap, LabelTable};
use crate::engine::{Ending, Event, Failure, Job, JobId, Opened, OpenedLabels, Outcome, Segmentation};
use crate::io::journal::Saved;

impl App {
    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Progress { id, progress } => {
                if let Some(loading) = self.state.loading.as_mut().filter(|loading| loading.job == id) {
                    loading.progress = Some(progress);
                } else if let Some(running) = self.state.segmenting.as_mut().filter(|running| running.job == id) {
                    running.progress = Some(progress);
                } else if let Some(reporting) = self.state.reporting.as_mut().filter(|reporting| reporting.job == id) {
                    reporting.progress = Some(progress);
                } else if let Some(running) = self.experiment_of(id) {
                    running.progress = Some(progress);
                }
            }
            Event::Preview { id, volume } => {
                if let Some(loading) = self.state.loading.as_mut().filter(|loading| loading.job == id) {
                    let window = quick_window(&volume, 0);
                    loading.first_look = Some((volume, window));
                }
            }
            Event::Finding { id, finding } => self.note_finding(id, finding),
            Event::Done { id, ending: Ending::Finished(outcome) } => self.finish(id, outcome),
            Event::Done { id, ending: Ending::Cancelled } => self.end_cancelled(id),
            Event::Done { id, ending: Ending::Failed(failure) } => self.end_failed(id, failure),
        }
    }

    fn finish(&mut self, id: JobId, outcome: Outcome) {
        match outcome {
            Outcome::Opened(opened) => self.show_opened(id, *opened),
            Outcome::Labels(labels) => self.show_labels(id, *labels),
            Outcome::Map(map) => {
                if self.state.opening_map.take_if(|job| *job == id).is_some() {
                    self.show_map(*map);
                }
            }
            Outcome::Saved(path) => self.note_saved(id, path),
            Outcome::Table(path, names) => self.use_label_names(&path, names),
            Outcome::Written(path) => {
                self.state.reporting.take_if(|reporting| reporting.job == id);
                self.state.notices.success(format!("Exported {}", file_name(&path)));
            }
            Outcome::Segmentation(result) => self.show_preview(id, *result),
            Outcome::Samples(_)
            | Outcome::Steps(_)
            | Outcome::Walk(_)
            | Outcome::State(_)
            | Outcome::Noise(_)
            | Outcome::Damaged(_) => self.finish_experiment(id, outcome),
            Outcome::Devices(reports) => {
                self.state.checking_devices = None;
                self.state.devices = Some(reports);
            }
        }
    }

    fn show_opened(&mut self, id: JobId, opened: Opened) {
        let Some(loading) = self.state.loading.take_if(|loading| loading.job == id) else { return };
        self.close_case();
        if let Some(path) = &opened.path {
            self.remember(|known| known.remember(path));
        }
        for warning in &opened.warnings {
            self.state.notices.warning(warning.clone());
        }
        self.begin_case(opened);
        match loading.then {
            Some(AfterOpening::Recover(journal)) => self.begin_journal(Some(&journal)),
            Some(AfterOpening::Labels(labels)) => {
                self.begin_journal(None);
                self.open_labels(labels);
            }
            None => self.begin_journal(None),
        }
    }

    fn begin_case(&mut self, opened: Opened) {
        self.n_cases += 1;
        let case = Case::new(self.n_cases, opened);
        // A flat image is one slice, and the other views of it lines.
        self.state.layout = case.only_plane().map_or(Layout::Grid, Layout::Slice);
        self.state.case = Some(case);
        self.choose_fitting_model();
        self.refresh_statistics();
    }

    fn show_labels(&mut self, id: JobId, opened: OpenedLabels) {
        let is_pasted = self.state.pasting.take_if(|job| *job == id).is_some();
        let is_other = self.state.opening_other.take_if(|job| *job == id).is_some();
        let is_reference = self.end_opening_reference(id);
        if !is_pasted && !is_other && !is_reference && self.state.opening_labels.take_if(|job| *job == id).is_none() {
            return;
        }
        for warning in &opened.warnings {
            self.state.notices.warning(warning.clone());
        }
        if is_pasted {
            return self.paste(opened);
        }
        if is_other {
            return self.show_other_mask(opened);
        }
        if is_reference {
            return self.use_reference_mask(opened);
        }
        self.use_labels(opened);
    }

    fn note_saved(&mut self, id: JobId, path: std::path::PathBuf) {
        let Some(saving) = self.state.saving.take_if(|saving| saving.job == id) else { return };
        let Some(case) = &mut self.state.case else { return };
        let labels = case.history.edition() == saving.edition;
        if labels {
            case.history.mark_saved();
        }
        let table = case.table_revision == saving.table_revision;
        case.table_is_saved |= table;
        self.state.notices.success(format!("Saved {}", file_name(&path)));
        let n_hidden = case.n_hidden();
        if let n @ 1.. = n_hidden {
            let frames = if n == 1 { "frame" } else { "frames" };
            let message = format!(
                "Saved the one mask for all frames; those of {n} other {frames} are not in the file: choose \u{201c}Each frame\u{201d} to save them"
            );
            self.state.notices.warning(message);
        }
        case.labels_path = Some(path.clone());
        self.record_saved(Saved { path, labels, table });
        // What is not in the file is not left behind without a word.
        if let Some(next) = saving.then.filter(|_| n_hidden == 0) {
            // Asks again where something was changed while the file was being written.
            self.request(next);
        }
    }

    fn show_preview(&mut self, id: JobId, result: Segmentation) {
        self.end_experiment(id);
        if self.state.segmenting.take_if(|running| running.job == id).is_none() {
            return;
        }
        self.state.last_run = Some(LastRun::Finished {
            elapsed_s: result.elapsed_s,
            device: result.device.clone(),
            warnings: result.warnings,
        });
        if self.state.case.as_ref().is_none_or(|case| case.id != result.stamp.case) {
            return;
        }
        let source = Source::Model(Origin {
            settings: result.settings,
            model_sha256: result.model_sha256,
            device: result.device,
            slice: result.slice,
            which: None,
        });
        let frames = result.frames.into_iter().map(Arc::new).collect();
        self.show_as_preview((Arc::new(result.labels), frames), result.stamp.frame, result.table, source);
    }

    /// Shows labels of a frame, or with them those of every frame, as a preview in place of any that is there.
    pub(super) fn show_as_preview(
        &mut self,
        (labels, frames): (Arc<LabelMap>, Vec<Arc<LabelMap>>),
        frame: usize,
        table: LabelTable,
        source: Source,
    ) {
        self.n_previews += 1;
        let serial = self.n_previews;
        self.background.submit(Task::CountPreview { serial, labels: Arc::clone(&labels) });
        self.present(Preview { labels, counts: None, table, source, serial, frame, frames });
    }

    fn end_cancelled(&mut self, id: JobId) {
        self.end_experiment(id);
        self.state.reporting.take_if(|reporting| reporting.job == id);
        self.end_state(id);
        self.end_damage(id);
        self.state.loading.take_if(|loading| loading.job == id);
        self.state.opening_labels.take_if(|job| *job == id);
        self.state.pasting.take_if(|job| *job == id);
        self.state.opening_map.take_if(|job| *job == id);
        self.state.opening_other.take_if(|job| *job == id);
        self.end_opening_reference(id);
        self.state.saving.take_if(|saving| saving.job == id);
        self.state.checking_devices.take_if(|job| *job == id);
        if self.state.segmenting.take_if(|running| running.job == id).is_some() {
            self.state.last_run = Some(LastRun::Cancelled);
        }
    }

    fn end_failed(&mut self, id: JobId, failure: Failure) {
        let loading = self.state.loading.take_if(|loading| loading.job == id);
        self.end_cancelled(id);
        if self.state.last_run == Some(LastRun::Cancelled) {
            self.state.last_run = Some(LastRun::Failed(failure.message.clone()));
        }
        self.state.notices.failure(failure);
        self.note_kept(loading.and_then(|loading| loading.then));
    }

    pub(super) fn learn(&mut self, answer: Answer) {
        let Some(case) = &mut self.state.case else { return };
        match answer {
            Answer::Image { case: id, statistics } if id == case.id && statistics.frame == case.frame => {
                // The window of a newly opened image was a guess from a few voxels.
                if case.statistics.is_none() {
                    case.window = statistics.auto_window;
                }
                case.statistics = Some(statistics);
            }
            Answer::Labels { case: id, statistics } if id == case.id => case.label_statistics = Some(statistics),
            Answer::OverTime { case: id, measures } if id == case.id => case.over_time.measures = Some(measures),
            Answer::Count { case: id, voxels } if id == case.id => case.counts.set_base(voxels),
            Answer::Merged { case: id, edits, table } if id == case.id => {
                let one_for_all = case.history.frames().one_for_all();
                let is_each = matches!(case.merging, Some(Merging::File { has_frames: true, .. }));
                match edits.map(|edits| edits.with_tables(&case.table, &table)) {
                    Some(edits) if is_each => case.history.apply_to_frames(edits.with_each_frame(one_for_all)),
                    Some(edits) => case.history.apply_to_frames(edits),
                    None => case.set_table(table),
                }
                if is_each {
                    case.history.share_mask(false);
                }
                if end_merge(case) {
                    self.record_model();
                }
            }
            Answer::Uncertainty { case: id, worked } if id == case.id => self.learn_of_samples(worked),
            Answer::ScoredRun { case: id, run, scores } if id == case.id => self.note_scores(run, scores),
            Answer::MatchedTruth { case: id, labels } if id == case.id && case.lab.robustness.is_matching => {
                self.begin_sweep(Some(labels));
            }
            Answer::Drawn { path, picture: Ok(bytes) } => {
                self.engine.submit(Job::WriteBytes { path, bytes });
            }
            Answer::Drawn { path, picture: Err(why) } => {
                self.state.notices.error(format!("{} could not be drawn: {why}", file_name(&path)));
            }
            Answer::Center { case: id, voxel } if id == case.id => self.show_center(voxel),
            Answer::CountPreview { serial, voxels } => {
                let mut previews = case.preview.iter_mut().chain(&mut case.parked_previews);
                if let Some(preview) = previews.find(|preview| preview.serial == serial) {
                    preview.counts = Some(voxels);
                }
            }
            Answer::Image { .. }
            | Answer::Count { .. }
            | Answer::OverTime { .. }
            | Answer::Merged { .. }
            | Answer::ScoredRun { .. }
            | Answer::MatchedTruth { .. }
            | Answer::Labels { .. }
            | Answer::Uncertainty { .. }
            | Answer::Center { .. } => {}
        }
    }
}

/// Says whether a prediction became part of the labels.
fn end_merge(case: &mut Case) -> bool {
    let merging = case.merging.take();
    let is_prediction = matches!(merging, Some(Merging::Preview { .. }));
    match merging {
        Some(Merging::Preview { stays }) => {
            if let Some(Preview { source: Source::Model(origin), .. }) = &case.preview {
                case.accepted = Some(model_run(origin));
            }
            case.preview.take_if(|_| !stays);
        }
        Some(Merging::File { path, .. }) => case.labels_path = Some(path),
        Some(Merging::Reference | Merging::Recovery(_)) | None => {}
    }
    is_prediction
}
