//! The masks of an image with several frames: showing one, one mask for all, and labels that come for each.

use std::path::PathBuf;
use std::sync::Arc;

use super::App;
use super::background::Task;
use super::case::{Case, Merging, Preview};
use super::counts::Counts;
use super::long_edit::{Ending, Outcome};
use super::rules::Rules;
use crate::domain::accept::Part;
use crate::domain::between_frames::between_frames;
use crate::domain::canvas::Canvas;
use crate::domain::slice_copy::paste;
use crate::domain::{Edit, FrameLabels, History, LabelMap};
use crate::engine::{Job, OpenedLabels};

/// What the history calls it.
const COPY: &str = "Copy frame";

/// What changes where labels of another frame, or `only` one of them, are laid over those of a canvas.
fn copied(canvas: &Canvas<'_>, source: &LabelMap, only: Option<u16>) -> Option<Edit> {
    paste(canvas, source, |id| if only.is_none_or(|only| only == id) { id } else { 0 }, COPY)
}

impl Case {
    /// How many frames have a mask of their own or could have one; 1 of a flat image in time, whose mask holds all frames.
    pub fn n_masks(&self) -> usize {
        self.history.frames().masks().len()
    }

    /// Whether there are several frames, and each has its own mask.
    pub fn has_mask_per_frame(&self) -> bool {
        self.n_masks() > 1 && self.history.frames().one_for_all().is_none()
    }

    /// How many masks have labels that do not count, since that of another frame is for all.
    pub fn n_hidden(&self) -> usize {
        let in_use = self.history.frames().in_use();
        (0..self.n_masks()).filter(|mask| !in_use.contains(mask) && !self.counts.is_empty(*mask..mask + 1)).count()
    }

    /// Reads labels that belong on the image.
    pub fn open_labels_job(&self, path: PathBuf) -> Job {
        Job::OpenLabels { path, grid: self.grid().clone(), n_frames: self.n_masks() }
    }

    /// What a part of a preview lays over which masks: in every frame what was found there, but of a region what was found in
    /// the frame shown.
    pub fn found_in_frames(&self, preview: &Preview, part: Part) -> Vec<(usize, Arc<LabelMap>)> {
        let frames = self.history.frames();
        let is_of_all = preview.frames.len() == frames.masks().len() && frames.one_for_all().is_none();
        match part {
            Part::All | Part::Unlabelled | Part::Label(_) if is_of_all => {
                preview.frames.iter().cloned().enumerate().collect()
            }
            _ => vec![(frames.mask(), Arc::clone(&preview.labels))],
        }
    }

    /// Puts away the preview of another frame and takes out that of the one shown. Says whether one of all frames has to be
    /// numbered anew, since it shows other labels now.
    fn follow_with_preview(&mut self) -> bool {
        if self.history.frames().one_for_all().is_some() {
            return false;
        }
        let frame = self.frame;
        if let Some(preview) = self.preview.as_mut().filter(|preview| !preview.frames.is_empty()) {
            let found = preview.frames.get(frame).cloned();
            (preview.frame, preview.counts) = (frame, None);
            return found.map(|labels| preview.labels = labels).is_some();
        }
        self.parked_previews.extend(self.preview.take_if(|preview| preview.frame != frame));
        let own = self.parked_previews.iter().position(|preview| preview.frame == frame);
        if let Some(own) = own.filter(|_| self.preview.is_none()) {
            self.preview = Some(self.parked_previews.remove(own));
        }
        false
    }
}

impl App {
    /// Shows a frame, with its mask and its preview.
    pub(super) fn show_frame(&mut self, frame: usize) {
        let Some(case) = &mut self.state.case else { return };
        let before = std::mem::replace(&mut case.frame, frame.min(case.opened.volume.n_frames() - 1));
        let is_other = case.frame != before;
        case.history.show(case.frame);
        case.remeasure();
        // They were made for the frame before.
        case.wire = None;
        case.outline.take_if(|_| is_other);
        if is_other && case.follow_with_preview() {
            self.renumber_preview();
        }
        if is_other {
            self.with_case(Case::follow_with_reference);
            self.leave_frame();
        }
        self.refresh_statistics();
    }

    fn renumber_preview(&mut self) {
        let Some(preview) = self.state.case.as_mut().and_then(|case| case.preview.as_mut()) else { return };
        self.n_previews += 1;
        preview.serial = self.n_previews;
        self.background.submit(Task::CountPreview { serial: preview.serial, labels: Arc::clone(&preview.labels) });
    }

    /// Shows a preview, or keeps it for when its frame is shown.
    pub(super) fn present(&mut self, preview: Preview) {
        let Some(case) = &mut self.state.case else { return };
        let is_elsewhere = preview.frame != case.frame && case.history.frames().one_for_all().is_none();
        if is_elsewhere && preview.frames.is_empty() {
            let message = format!("The preview is ready in frame {}", preview.frame + 1);
            case.parked_previews.retain(|parked| parked.frame != preview.frame);
            case.parked_previews.push(preview);
            self.state.notices.success(message);
            return;
        }
        case.preview = Some(preview);
        if is_elsewhere && case.follow_with_preview() {
            self.renumber_preview();
        }
    }

    /// Goes through the history, and to the frame of the step that was taken.
    pub(super) fn step_history(&mut self, step: impl FnOnce(&mut History)) {
        let Some(case) = &mut self.state.case else { return };
        step(&mut case.history);
        let frame = case.history.frames().frame();
        if case.n_masks() == 1 {
            return;
        }
        if frame != case.frame {
            self.show_frame(frame);
        } else if case.follow_with_preview() {
            self.renumber_preview();
        }
    }

    /// Gives all frames the mask of the one shown, or each its own again.
    pub(super) fn toggle_one_mask(&mut self) {
        self.step_history(|history| {
            let is_shared = history.frames().one_for_all().is_some();
            history.share_mask(!is_shared);
        });
    }

    /// Lays the labels of the frame shown over those of the one `step` on, and shows that.
    pub(super) fn copy_frame(&mut self, step: isize) {
        let Some(case) = &self.state.case else { return };
        let (source, only) = (case.history.shared(), self.copied_label());
        self.show_frame(case.frame.saturating_add_signed(step));
        self.change_at_length(COPY, Ending::Apply, move |snapshot, monitor| {
            monitor.report(COPY, 0, 1)?;
            let edit = copied(&snapshot.rules.canvas(&snapshot.labels), &source, only);
            Ok(Outcome { edit, ..Outcome::default() })
        });
    }

    /// Lays the labels of the frame shown over those of every frame after it.
    pub(super) fn copy_to_following_frames(&mut self) {
        let Some(case) = &self.state.case else { return };
        let (frame, only) = (case.frame, self.copied_label());
        self.change_at_length(COPY, Ending::Apply, move |snapshot, monitor| {
            let following = snapshot.others().iter().filter(|(mask, _)| *mask > frame);
            let n_frames = following.clone().count() as u64;
            let mut elsewhere = Vec::new();
            for (n_done, (mask, labels)) in following.enumerate() {
                monitor.report(COPY, n_done as u64, n_frames)?;
                let rules = snapshot.rules.in_frame(*mask);
                elsewhere.extend(copied(&rules.canvas(labels), &snapshot.labels, only).map(|edit| (*mask, edit)));
            }
            Ok(Outcome { elsewhere, ..Outcome::default() })
        });
    }

    /// Labels what lies between the frames that are drawn on.
    pub(super) fn fill_between_frames(&mut self) {
        let only = self.copied_label();
        let Some(case) = &self.state.case else { return };
        let frame = case.frame;
        self.change_at_length("Fill between frames", Ending::Apply, move |snapshot, monitor| {
            let mut frames: Vec<(usize, &LabelMap)> =
                snapshot.others().iter().map(|(mask, labels)| (*mask, &**labels)).collect();
            frames.insert(frame.min(frames.len()), (frame, &snapshot.labels));
            let rules: Vec<Rules> = frames.iter().map(|(mask, _)| snapshot.rules.in_frame(*mask)).collect();
            let canvases: Vec<_> = rules.iter().zip(&frames).map(|(rules, (_, labels))| rules.canvas(labels)).collect();
            let mut parts = between_frames(&canvases, only, monitor)?;
            let own = parts.iter().position(|(mask, _)| *mask == frame).map(|at| parts.remove(at).1);
            Ok(Outcome { edit: own, elsewhere: parts, ..Outcome::default() })
        });
    }

    /// The one label that is copied; `None` for all.
    fn copied_label(&self) -> Option<u16> {
        let active = || self.state.case.as_ref().and_then(Case::active_label).map(|label| label.id);
        if self.state.settings.tools.copies_all { None } else { active() }
    }

    /// Begins with the labels of a file, or makes them a change of those that are there, which can be undone.
    pub(super) fn use_labels(&mut self, opened: OpenedLabels) {
        let Some(case) = &mut self.state.case else { return };
        // Masks that do not count now are work too.
        if !case.is_empty() || case.n_hidden() > 0 || case.history.can_undo().is_some() {
            let what = Merging::File { path: opened.path.clone(), has_frames: opened.has_frames() };
            let table = opened.table.clone();
            if !opened.has_frames() {
                if case.has_mask_per_frame() {
                    let message = format!("Opened as the mask of frame {}", case.frame + 1);
                    self.state.notices.success(message);
                }
                return self.merge_shown(what, "Open labels", (Arc::new(opened.labels), table), None);
            }
            let frames = std::iter::once(opened.labels).chain(opened.later).map(Arc::new).enumerate();
            return self.merge(what, "Open labels", (frames.collect(), table), None);
        }
        let (n_masks, frame) = (case.n_masks(), case.frame);
        let is_shared = n_masks > 1 && !opened.has_frames();
        let masks = if is_shared {
            let mut masks = vec![LabelMap::empty(case.grid().clone()); n_masks];
            masks[frame] = opened.labels;
            masks
        } else {
            std::iter::once(opened.labels).chain(opened.later).collect()
        };
        case.history = History::of_frames(FrameLabels::new(masks, is_shared.then_some(frame))).after(&case.history);
        case.history.show(frame);
        case.table = opened.table;
        case.table_revision += 1;
        case.labels_path = Some(opened.path);
        case.counts = Counts::unknown(n_masks);
        self.background.submit(Task::Count { case: case.id, masks: case.history.frames().masks().to_vec() });
        if is_shared {
            let message = format!(
                "One mask for all {n_masks} frames; choose \u{201c}Each frame\u{201d} under Time for a mask in this frame alone"
            );
            self.state.notices.success(message);
        }
        self.record_base();
    }
}
