//! Whether pictures that follow each other are slices or frames of time: turned by the person, with the labels on them.

use std::sync::Arc;

use super::App;
use super::case::Case;
use super::lab::Lab;
use super::state::Layout;
use super::time::OverTime;
use crate::domain::LabelMap;

impl Case {
    /// Reads slices as frames or the other way round: the voxels and their labels stay the same, and so does every step that can
    /// be undone. What the laboratory found is of another image then, but for a reference. Says whether it could.
    fn swap_time(&mut self) -> bool {
        let Some(volume) = self.opened.volume.with_time_swapped() else { return false };
        self.opened.volume = Arc::new(volume);
        self.history.read_as(|labels| Some(labels.with_time_swapped()));
        let swapped = |labels: &mut Arc<LabelMap>| *labels = Arc::new(labels.with_time_swapped());
        self.opened.reference.iter_mut().for_each(|(labels, _)| swapped(labels));
        self.other_mask.iter_mut().for_each(|mask| swapped(&mut mask.labels));
        let chosen = self.lab.reference.chosen.take();
        self.lab = Lab::default();
        self.lab.reference.chosen = chosen.map(|mut chosen| {
            swapped(&mut chosen.labels);
            chosen
        });
        self.over_time = OverTime::default();
        self.label_statistics = None;
        self.remeasure();
        true
    }
}

impl App {
    /// Reads the slices of the open picture as frames, or the other way round.
    pub(super) fn swap_time(&mut self) {
        self.give_up_gesture();
        let Some(case) = &mut self.state.case else { return };
        if !case.swap_time() {
            return;
        }
        let has_work = case.has_unsaved_changes() || case.history.can_undo().is_some() || !case.is_empty();
        self.state.layout = case.only_plane().map_or(Layout::Grid, Layout::Slice);
        self.state.playing = None;
        self.state.pointed = None;
        self.screen.forget();
        self.choose_fitting_model();
        if !has_work {
            // A journal begins with the grid of its image.
            self.end_journal();
            self.begin_journal(None);
        }
    }
}
