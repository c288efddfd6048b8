//! The masks of an image with several frames: a mask for each frame, or one for all of them.
//!
//! A frame that nobody has drawn on has an empty mask, which takes next to no memory.

mod codec;

use std::ops::Range;
use std::sync::Arc;

use super::{Edit, LabelMap, LabelTable, table_change::TableChange};

/// The masks of all frames, and which of them is worked on. An image of one frame has one mask.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameLabels {
    /// One a frame; never none.
    masks: Vec<Arc<LabelMap>>,
    /// The frame whose mask counts for all frames; `None`: each frame has its own.
    one_for_all: Option<usize>,
    /// The frame shown.
    frame: usize,
}

impl FrameLabels {
    /// Masks of one shape, one for each frame; the first frame is shown.
    ///
    /// # Panics
    /// Where there are none.
    pub fn new(masks: Vec<LabelMap>, one_for_all: Option<usize>) -> Self {
        assert!(!masks.is_empty(), "an image has a frame");
        let one_for_all = one_for_all.filter(|&frame| frame < masks.len());
        Self { masks: masks.into_iter().map(Arc::new).collect(), one_for_all, frame: 0 }
    }

    /// Which mask is worked on: that of the frame shown, or the one for all.
    pub fn mask(&self) -> usize {
        self.one_for_all.unwrap_or(self.frame)
    }

    /// The mask that is worked on.
    pub fn shown(&self) -> &Arc<LabelMap> {
        &self.masks[self.mask()]
    }

    /// All masks, by frame; those that do not count included.
    pub fn masks(&self) -> &[Arc<LabelMap>] {
        &self.masks
    }

    /// The masks that count: one for all, or that of each frame.
    pub fn in_use(&self) -> Range<usize> {
        self.one_for_all.map_or(0..self.masks.len(), |mask| mask..mask + 1)
    }

    /// The frame whose mask counts for all frames; `None`: each frame has its own.
    pub fn one_for_all(&self) -> Option<usize> {
        self.one_for_all
    }

    /// The frame shown.
    pub fn frame(&self) -> usize {
        self.frame
    }

    /// Shows a frame, or the last where there are fewer.
    pub(in crate::domain) fn show(&mut self, frame: usize) {
        self.frame = frame.min(self.masks.len() - 1);
    }

    pub(in crate::domain) fn set_one_for_all(&mut self, one_for_all: Option<usize>) {
        self.one_for_all = one_for_all.filter(|&frame| frame < self.masks.len());
    }

    /// For [`History`](super::History) alone, so that every change can be undone.
    pub(in crate::domain) fn mask_mut(&mut self, mask: usize) -> &mut Arc<LabelMap> {
        &mut self.masks[mask]
    }

    /// Adds empty masks where there are fewer than `n_frames`.
    pub(in crate::domain) fn grow(&mut self, n_frames: usize) {
        if self.masks.len() < n_frames {
            let empty = Arc::new(LabelMap::empty(self.masks[0].grid().clone()));
            self.masks.resize(n_frames, empty);
        }
    }
}

/// What changes at once in the masks of one or several frames: an entry of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameEdits {
    name: String,
    /// By frame, ascending, each at most once.
    parts: Vec<(usize, Edit)>,
    /// The frame whose mask counts for all, before and after; `None` where that stays.
    one_for_all: Option<[Option<usize>; 2]>,
}

impl FrameEdits {
    /// A change of one mask.
    pub fn of_one(mask: usize, edit: Edit) -> Self {
        Self { name: edit.name().to_owned(), parts: vec![(mask, edit)], one_for_all: None }
    }

    /// Changes of several masks, each given once; `None` where there are none.
    pub fn of_several(name: impl Into<String>, mut parts: Vec<(usize, Edit)>) -> Option<Self> {
        parts.sort_by_key(|(mask, _)| *mask);
        (!parts.is_empty()).then(|| Self { name: name.into(), parts, one_for_all: None })
    }

    /// What makes these masks from none, with the one for all frames where there is one; `None` where all are empty and each
    /// frame has its own.
    pub fn of_base(name: impl Into<String>, parts: Vec<(usize, Edit)>, one_for_all: Option<usize>) -> Option<Self> {
        let sharing = one_for_all.is_some().then_some([None, one_for_all]);
        (!parts.is_empty() || sharing.is_some()).then(|| Self { name: name.into(), parts, one_for_all: sharing })
    }

    /// No voxel changes, but which masks count: one for all frames from now on, or none where that was so before.
    pub fn of_sharing(name: impl Into<String>, before: Option<usize>, after: Option<usize>) -> Self {
        Self { name: name.into(), parts: Vec::new(), one_for_all: Some([before, after]) }
    }

    /// The same changes, after which each frame has its own mask where that of frame `before` was one for all.
    #[must_use]
    pub fn with_each_frame(self, before: Option<usize>) -> Self {
        Self { one_for_all: before.is_some().then_some([before, None]), ..self }
    }

    /// The same changes, with which the label table changes from `before` to `after`.
    #[must_use]
    pub fn with_tables(mut self, before: &LabelTable, after: &LabelTable) -> Self {
        // The table is one for all masks: the first part says how it changes.
        let parts = self.parts.drain(..).enumerate();
        self.parts = parts
            .map(|(at, (mask, edit))| (mask, if at == 0 { edit.with_tables(before, after) } else { edit }))
            .collect();
        self
    }

    /// What was done, as the history panel says it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The masks that change, by frame, ascending.
    pub fn parts(&self) -> &[(usize, Edit)] {
        &self.parts
    }

    /// The frame whose mask counts for all, before and after; `None` where that stays.
    pub fn one_for_all(&self) -> Option<[Option<usize>; 2]> {
        self.one_for_all
    }

    /// How the label table changes with it, where it does.
    pub fn table_change(&self) -> Option<&TableChange> {
        self.parts.iter().find_map(|(_, edit)| edit.table_change())
    }

    /// How many voxels change, in all masks together.
    pub fn n_voxels(&self) -> usize {
        self.parts.iter().map(|(_, edit)| edit.n_voxels()).sum()
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.name.capacity() + self.parts.iter().map(|(_, edit)| edit.bytes()).sum::<usize>()
    }

    /// As [`Edit::rebased`], for each mask; without those of masks that there are not.
    pub(in crate::domain) fn rebased(self, masks: &[Arc<LabelMap>]) -> Option<Self> {
        let rebased = |(mask, edit): (usize, Edit)| Some((mask, edit.rebased(masks.get(mask)?)?));
        let parts: Vec<_> = self.parts.into_iter().filter_map(rebased).collect();
        (!parts.is_empty() || self.one_for_all.is_some()).then_some(Self { parts, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    fn masks(n: usize) -> Vec<LabelMap> {
        vec![LabelMap::empty(Grid::axis_aligned([2, 2, 1], [1.0; 3]).unwrap()); n]
    }

    #[test]
    fn the_mask_worked_on_is_that_of_the_frame_shown_or_the_one_for_all() {
        let mut labels = FrameLabels::new(masks(3), None);
        labels.show(7);
        assert_eq!((labels.frame(), labels.mask(), labels.in_use()), (2, 2, 0..3));
        labels.set_one_for_all(Some(1));
        assert_eq!((labels.frame(), labels.mask(), labels.in_use()), (2, 1, 1..2));
        labels.set_one_for_all(Some(3));
        assert_eq!(labels.one_for_all(), None, "there is no such frame");
    }

    #[test]
    fn a_change_of_the_table_goes_with_one_part_alone() {
        let empty = &masks(1)[0];
        let full = LabelMap::new(empty.grid().clone(), vec![1; 4]).unwrap();
        let edit = || Edit::between("Delete", &full, empty).unwrap();
        let edits = FrameEdits::of_several("Delete", vec![(4, edit()), (2, edit())]).unwrap();
        let edits = edits.with_tables(&LabelTable::with_ids(&[1]), &LabelTable::default());
        assert_eq!(edits.parts().iter().map(|(mask, _)| *mask).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(edits.parts().iter().filter(|(_, edit)| edit.table_change().is_some()).count(), 1);
        assert!(edits.table_change().is_some());
        assert_eq!(edits.n_voxels(), 8);
        assert_eq!(FrameEdits::of_several("Nothing", Vec::new()), None);
    }
}
