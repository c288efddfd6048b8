//! Opening and saving, and the question about unsaved labels in between.

use std::path::{Path, PathBuf};

use eframe::egui::ViewportCommand;

use super::App;
use super::background::Task;
use super::file_dialog::Picked;
use super::state::{AfterOpening, Dialog, Loading, Next, Purpose, Saving};
use crate::domain::PictureFacts;
use crate::domain::phantom::PhantomKind;
use crate::engine::{Job, ModelInfo};
use crate::io::{is_label_path, stem};

/// The sample that the start page opens: equal seeds give equal voxels. One of the test split's, which no model was trained
/// on.
const SAMPLE_SEED: u64 = 2_000_007;
/// The model that was trained on such samples.
const SAMPLE_MODELS: &str = "phantom";

impl App {
    /// Does `next`, after asking what to do with unsaved labels.
    pub(super) fn request(&mut self, next: Next) {
        if self.state.has_unsaved_changes() {
            self.state.dialog = Some(Dialog::Unsaved(next));
        } else {
            self.proceed(next);
        }
    }

    /// Does `next`; unsaved labels are gone.
    pub(super) fn proceed(&mut self, next: Next) {
        match next {
            Next::Quit => {
                self.is_quitting = true;
                self.ctx.send_viewport_cmd(ViewportCommand::Close);
            }
            Next::Close => self.close_case(),
            Next::OpenImage(path, labels) => self.open_image(path, labels, PictureFacts::default()),
            Next::OpenSample(kind) => self.load_sample(kind, None),
            Next::Recover(journal) => self.load_for_recovery(journal),
        }
    }

    /// Opens an image of which this is said, and labels on it.
    pub(super) fn open_image(&mut self, path: PathBuf, labels: Option<PathBuf>, facts: PictureFacts) {
        let name = file_name(&path);
        self.load(Job::Open { path, facts }, name, labels.map(AfterOpening::Labels));
    }

    /// Where the labels of a journal are saved by default: named after its image, in the person's own folder.
    fn suggested_for(&self, journal: &Path) -> Option<PathBuf> {
        let found = self.state.recoverable.iter().flatten().find(|found| found.path == journal)?;
        let home = directories::UserDirs::new()?.home_dir().to_owned();
        Some(home.join(format!("{}_labels.nii.gz", stem(&found.header.case))))
    }

    /// Opens the image that the work in a journal was done on.
    fn load_for_recovery(&mut self, journal: PathBuf) {
        let known = self.state.recoverable.iter().flatten().find(|found| found.path == journal);
        let Some(header) = known.map(|found| found.header.clone()) else { return };
        let then = Some(AfterOpening::Recover(journal));
        match header.image.as_ref().map(|image| image.path.clone()) {
            Some(path) => {
                let name = file_name(&path);
                self.load(Job::Open { path, facts: header.facts() }, name, then);
            }
            None => self.load_sample(header.sample(), then),
        }
    }

    fn load_sample(&mut self, kind: PhantomKind, then: Option<AfterOpening>) {
        let job = Job::Phantom { kind, seed: SAMPLE_SEED };
        self.load(job, "Sample".to_owned(), then);
    }

    /// Opens what was dropped on the window: an image and labels on it, in that order; one file alone is an
    /// image.
    pub(super) fn open_files(&mut self, paths: Vec<PathBuf>) {
        let mut paths = paths.into_iter();
        let (first, second) = (paths.next(), paths.next());
        if paths.next().is_some() {
            self.state.notices.warning("Only the first two files were opened: an image and the labels on it");
        }
        if let Some(image) = first {
            self.request(Next::OpenImage(image, second));
        }
    }

    pub(super) fn open_labels(&mut self, path: PathBuf) {
        let Some(case) = &self.state.case else { return };
        self.state.opening_labels = Some(self.engine.submit(case.open_labels_job(path)));
    }

    /// Saves to the file of last time, or asks for one; then does `next`.
    pub(super) fn save(&mut self, next: Option<Next>) {
        match self.state.case.as_ref().and_then(|case| case.labels_path.clone()) {
            Some(path) => self.save_to(path, next),
            None => self.pick(Purpose::SaveLabels(next)),
        }
    }

    /// Asks for a file through the system's dialog.
    pub(super) fn pick(&mut self, purpose: Purpose) {
        let suggestion = self.suggested(&purpose);
        let ctx = self.ctx.clone();
        self.file_dialog.open(purpose, suggestion, move || ctx.request_repaint());
    }

    /// Where a person would look first, or what a file is called by default.
    fn suggested(&self, purpose: &Purpose) -> Option<PathBuf> {
        match purpose {
            Purpose::OpenImage | Purpose::OpenFolder => {
                self.state.settings.recent.first()?.parent().map(Path::to_owned)
            }
            Purpose::OpenLabels
            | Purpose::PasteLabels
            | Purpose::OpenMap
            | Purpose::OpenReference
            | Purpose::OpenOtherMask
            | Purpose::OpenLabelNames => self.state.case.as_ref()?.opened.path.clone(),
            Purpose::SaveLabels(_) => self.suggested_mask(),
            Purpose::SaveFolder => self.suggested_beside("_masks/"),
            Purpose::SaveRecovered(journal) => self.suggested_for(journal),
            Purpose::SaveLabelNames => self.suggested_beside("_labels.txt"),
            Purpose::ExportOverTime => self.suggested_beside("_over_time.csv"),
            Purpose::ExportStatistics => self.suggested_beside("_statistics.csv"),
            Purpose::ExportMeasurements => self.suggested_beside("_measurements.csv"),
            Purpose::SaveReport => self.suggested_beside("_report.html"),
            Purpose::ExportAgreement => self.suggested_beside("_agreement.csv"),
            Purpose::ExportFinding(export) => self.suggested_beside(export.ending()),
        }
    }

    pub(super) fn use_picked(&mut self, picked: Picked) {
        match picked {
            Picked::File(purpose, path) => self.use_path(purpose, path),
            Picked::Nothing => {}
            Picked::Unavailable(purpose) => {
                let suggestion = self.suggested(&purpose).filter(|_| purpose.writes());
                let text = suggestion.map(|path| path.display().to_string()).unwrap_or_default();
                self.state.dialog = Some(Dialog::TypePath { purpose, text });
            }
        }
    }

    pub(super) fn submit_path(&mut self) {
        if let Some(Dialog::TypePath { purpose, text }) = self.state.dialog.take() {
            self.use_path(purpose, PathBuf::from(text.trim()));
        }
    }

    fn use_path(&mut self, purpose: Purpose, path: PathBuf) {
        match purpose {
            Purpose::OpenImage | Purpose::OpenFolder => self.request(Next::OpenImage(path, None)),
            Purpose::OpenLabels => self.open_labels(path),
            Purpose::PasteLabels => self.open_to_paste(path),
            Purpose::OpenMap => self.open_map(path),
            Purpose::OpenOtherMask => self.open_other_mask(path),
            Purpose::OpenReference => self.open_reference(path),
            Purpose::SaveLabels(next) => self.save_to(with_extension(path), next),
            Purpose::SaveFolder => self.save_to(path.join(""), None),
            Purpose::SaveRecovered(journal) => {
                self.engine.submit(Job::SaveRecovered { journal, path: with_extension(path) });
            }
            Purpose::OpenLabelNames => self.open_label_names(path),
            Purpose::SaveLabelNames => self.save_label_names(path),
            Purpose::ExportOverTime => self.write_over_time(path),
            Purpose::ExportStatistics => self.write_statistics(path),
            Purpose::ExportMeasurements => self.write_measurements(path),
            Purpose::SaveReport => self.write_report(path),
            Purpose::ExportAgreement => self.write_agreement(path),
            Purpose::ExportFinding(export) => self.write_finding(export, path),
        }
    }

    fn save_to(&mut self, path: PathBuf, then: Option<Next>) {
        let Some(case) = &self.state.case else { return };
        let job = Job::SaveLabels {
            path,
            labels: case.history.in_use(),
            step_s: case.opened.volume.frame_times().map(|times| times.frames_per_second().recip()),
            table: case.table.clone(),
            header: case.opened.header.clone(),
            image: case.opened.path.clone(),
            provenance: Box::new(super::provenance::of(case)),
        };
        let (edition, table_revision) = (case.history.edition(), case.table_revision);
        self.state.saving = Some(Saving { job: self.engine.submit(job), edition, table_revision, then });
    }

    /// Beside the image, named after it.
    fn suggested_mask(&self) -> Option<PathBuf> {
        let case = self.state.case.as_ref()?;
        case.labels_path.clone().or_else(|| self.suggested_beside("_labels.nii.gz"))
    }

    /// Beside the image, named after it with another ending.
    fn suggested_beside(&self, ending: &str) -> Option<PathBuf> {
        let case = self.state.case.as_ref()?;
        let folder = match &case.opened.path {
            Some(path) => path.parent().map(Path::to_owned)?,
            None => directories::UserDirs::new()?.home_dir().to_owned(),
        };
        Some(folder.join(format!("{}{ending}", stem(&case.opened.name))))
    }

    fn load(&mut self, job: Job, name: String, then: Option<AfterOpening>) {
        self.cancel_loading();
        let job = self.engine.submit(job);
        self.state.loading = Some(Loading { job, name, progress: None, first_look: None, then });
    }

    /// Chooses another model where the one that is set is not for this kind of image: a sample has its own, and pictures have others
    /// than volumes.
    pub(super) fn choose_fitting_model(&mut self) {
        let Some(case) = &self.state.case else { return };
        let (is_sample, is_flat) = (case.opened.path.is_none(), case.only_plane().is_some());
        let fits = |model: &ModelInfo| {
            model.name.starts_with(SAMPLE_MODELS) == is_sample
                && (model.is_planar == is_flat || model.is_planar && !is_sample)
        };
        let best =
            |model: &&ModelInfo| model.name.starts_with(SAMPLE_MODELS) == is_sample && model.is_planar == is_flat;
        if self.state.model().is_none_or(fits) {
            return;
        }
        if let Some(model) = self.state.models.iter().find(best) {
            self.state.settings.segment.model = model.name.clone();
        }
    }

    pub(super) fn cancel_loading(&mut self) {
        if let Some(loading) = self.state.loading.take() {
            self.engine.cancel(loading.job);
        }
    }

    pub(super) fn close_case(&mut self) {
        if let Some(running) = self.state.segmenting.take() {
            self.engine.cancel(running.job);
        }
        self.stop_experiment();
        self.end_journal();
        if let Some(case) = self.state.case.take() {
            self.background.submit(Task::Free(Box::new(case)));
        }
        self.state.last_run = None;
        self.state.pointed = None;
        // What is still being read for the case finds nobody.
        (self.state.pasting, self.state.opening_map, self.state.opening_other) = (None, None, None);
        self.screen.forget();
    }

    /// Has the frame's statistics worked out in the background.
    pub(super) fn refresh_statistics(&self) {
        if let Some(case) = &self.state.case {
            let volume = case.opened.volume.clone();
            self.background.submit(Task::Image { case: case.id, frame: case.frame, volume });
        }
    }
}

/// The last part of a path, for people.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A name that says no format in which labels are written, and is no folder's, gets the usual one.
fn with_extension(path: PathBuf) -> PathBuf {
    if is_label_path(&path) { path } else { path.with_file_name(stem(&file_name(&path)).to_owned() + ".nii.gz") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_ending_gets_the_usual_one() {
        assert_eq!(with_extension(PathBuf::from("/a/b")), PathBuf::from("/a/b.nii.gz"));
        for name in ["/a/b.nii", "/a/b.seg.nrrd", "/a/b.MHA", "/a/b/"] {
            assert_eq!(with_extension(PathBuf::from(name)), PathBuf::from(name));
        }
        assert_eq!(with_extension(PathBuf::from("/a/b.mhd")), PathBuf::from("/a/b.nii.gz"));
    }
}
