//! How many voxels each label has, kept up to date by what each change says of itself: no stroke has the volume counted
//! again.

use std::collections::BTreeMap;
use std::ops::Range;

use super::App;
use super::case::Case;
use crate::domain::history::Change;
use crate::domain::{FrameEdits, LabelTable};

/// Voxels of each id now, in each mask of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    masks: Vec<MaskCounts>,
}

/// Of one mask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct MaskCounts {
    /// At the beginning of the history; `None` until they have been counted.
    base: Option<BTreeMap<u16, u64>>,
    /// What the changes since then have added up to.
    gains: BTreeMap<u16, i64>,
}

impl MaskCounts {
    fn of(&self, id: u16) -> Option<u64> {
        let base = self.base.as_ref()?.get(&id).copied().unwrap_or(0);
        Some(base.saturating_add_signed(self.gains.get(&id).copied().unwrap_or(0)))
    }

    fn is_empty(&self) -> bool {
        let Some(base) = &self.base else { return false };
        base.keys().chain(self.gains.keys()).all(|&id| id == 0 || self.of(id) == Some(0))
    }
}

impl Counts {
    /// Of masks that are empty at first.
    pub fn of_empty(n_masks: usize) -> Self {
        let mut counts = Self::unknown(n_masks);
        counts.set_base(vec![BTreeMap::new(); n_masks]);
        counts
    }

    /// Of masks that are still to be counted.
    pub fn unknown(n_masks: usize) -> Self {
        Self { masks: vec![MaskCounts::default(); n_masks] }
    }

    /// Sets what was counted at the beginning of the history, by mask.
    pub fn set_base(&mut self, voxels: Vec<BTreeMap<u16, u64>>) {
        for (mask, voxels) in self.masks.iter_mut().zip(voxels) {
            mask.base = Some(voxels);
        }
    }

    /// Takes a change in.
    pub fn follow(&mut self, change: &Change) {
        let (edits, sign) = change.signed();
        for (mask, edit) in edits.parts() {
            let Some(mask) = self.masks.get_mut(*mask) else { continue };
            for (id, gain) in edit.gains() {
                *mask.gains.entry(id).or_default() += sign * gain;
            }
        }
    }

    /// Voxels of label `id`, which is not background, in a mask; `None` until they have been counted.
    pub fn of(&self, mask: usize, id: u16) -> Option<u64> {
        self.masks.get(mask)?.of(id)
    }

    /// Voxels of label `id`, which is not background, in all masks together; `None` until they have been counted.
    pub fn in_all(&self, id: u16) -> Option<u64> {
        self.masks.iter().map(|mask| mask.of(id)).sum()
    }

    /// Whether they have been counted.
    pub fn is_known(&self) -> bool {
        self.masks.iter().all(|mask| mask.base.is_some())
    }

    /// Whether no voxel of these masks has a label. Labels that were not counted yet came from a file and count as some.
    pub fn is_empty(&self, masks: Range<usize>) -> bool {
        self.masks[masks].iter().all(MaskCounts::is_empty)
    }
}

impl Case {
    /// Voxels of a label in the mask that is worked on; `None` until they have been counted.
    pub fn count(&self, id: u16) -> Option<u64> {
        self.counts.of(self.history.frames().mask(), id)
    }

    /// Voxels of each label of `table` in the mask that is worked on after `edits`.
    pub fn counts_after(&self, edits: &FrameEdits, table: &LabelTable) -> Option<BTreeMap<u16, u64>> {
        let mask = self.history.frames().mask();
        let part = edits.parts().iter().find(|(part, _)| *part == mask);
        let gains = part.map(|(_, edit)| edit.gains()).unwrap_or_default();
        let count = |id: u16| Some((id, self.count(id)?.saturating_add_signed(gains.get(&id).copied().unwrap_or(0))));
        table.labels.iter().map(|label| count(label.id)).collect()
    }

    /// The names that change with an edit of the labels.
    fn follow_table(&mut self, change: &Change) {
        let mut table = self.table.clone();
        let (edits, sign) = change.signed();
        match edits.table_change() {
            Some(change) if sign > 0 => change.forth(&mut table),
            Some(change) => change.back(&mut table),
            None => {}
        }
        self.set_table(table);
    }
}

impl App {
    /// Hears of every change of the labels that is complete.
    pub(super) fn note_changes(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let changes = case.history.take_changes();
        for change in &changes {
            case.counts.follow(change);
            case.follow_table(change);
            case.keep_labels_known(change);
        }
        self.record(changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Edit, FrameLabels, Grid, History, LabelMap};

    fn labels(ids: [u16; 4]) -> LabelMap {
        LabelMap::new(Grid::axis_aligned([4, 1, 1], [1.0; 3]).expect("valid"), ids.to_vec()).expect("fits")
    }

    #[test]
    fn changes_are_followed_forth_and_back() {
        let mut history = History::new(labels([0, 1, 1, 2]));
        let mut counts = Counts::unknown(1);
        assert_eq!((counts.of(0, 1), counts.is_empty(0..1)), (None, false));
        history.apply(Edit::between("x", history.labels(), &labels([2, 2, 1, 0])).expect("differs"));
        history.take_changes().iter().for_each(|change| counts.follow(change));
        counts.set_base(vec![labels([0, 1, 1, 2]).counts()]);
        assert_eq!((counts.of(0, 1), counts.of(0, 2), counts.of(0, 9)), (Some(1), Some(2), Some(0)));
        history.undo();
        history.take_changes().iter().for_each(|change| counts.follow(change));
        assert_eq!((counts.of(0, 1), counts.of(0, 2)), (Some(2), Some(1)));
    }

    #[test]
    fn labels_are_empty_again_when_all_is_erased() {
        let mut counts = Counts::of_empty(1);
        assert!(counts.is_empty(0..1));
        let mut history = History::new(labels([0; 4]));
        history.apply(Edit::between("x", history.labels(), &labels([2, 2, 1, 0])).expect("differs"));
        history.take_changes().iter().for_each(|change| counts.follow(change));
        assert!(!counts.is_empty(0..1));
        history.undo();
        history.take_changes().iter().for_each(|change| counts.follow(change));
        assert!(counts.is_empty(0..1));
    }

    #[test]
    fn each_frame_is_counted_on_its_own() {
        let mut history = History::of_frames(FrameLabels::new(vec![labels([0; 4]); 3], None));
        let mut counts = Counts::of_empty(3);
        history.show(1);
        history.apply(Edit::between("x", history.labels(), &labels([2, 2, 1, 0])).expect("differs"));
        history.show(2);
        history.apply(Edit::between("x", history.labels(), &labels([2, 0, 0, 0])).expect("differs"));
        history.take_changes().iter().for_each(|change| counts.follow(change));
        assert_eq!([0, 1, 2].map(|mask| counts.of(mask, 2)), [Some(0), Some(2), Some(1)]);
        assert_eq!((counts.in_all(2), counts.in_all(1)), (Some(3), Some(1)));
        assert!(counts.is_empty(0..1) && !counts.is_empty(0..3));
    }
}
