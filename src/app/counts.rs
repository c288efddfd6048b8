//! How many voxels each label has, kept up to date by what each change says of itself: no stroke has the volume counted
//! again.

use std::collections::BTreeMap;

use super::App;
use super::case::Case;
use crate::domain::history::Change;
use crate::domain::{Edit, LabelTable};

/// Voxels of each id now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// At the beginning of the history; `None` until they have been counted.
    base: Option<BTreeMap<u16, u64>>,
    /// What the changes since then have added up to.
    gains: BTreeMap<u16, i64>,
}

impl Counts {
    /// Of labels that are empty at first.
    pub fn of_empty() -> Self {
        Self { base: Some(BTreeMap::new()), gains: BTreeMap::new() }
    }

    /// Sets what was counted at the beginning of the history.
    pub fn set_base(&mut self, voxels: BTreeMap<u16, u64>) {
        self.base = Some(voxels);
    }

    /// Takes a change in.
    pub fn follow(&mut self, change: &Change) {
        let (edit, sign) = match change {
            Change::Applied(edit) | Change::Redone(edit) => (edit, 1),
            Change::Undone(edit) => (edit, -1),
        };
        for (id, gain) in edit.gains() {
            *self.gains.entry(id).or_default() += sign * gain;
        }
    }

    /// Voxels of label `id`, which is not background; `None` until they have been counted.
    pub fn of(&self, id: u16) -> Option<u64> {
        let base = self.base.as_ref()?.get(&id).copied().unwrap_or(0);
        Some(base.saturating_add_signed(self.gains.get(&id).copied().unwrap_or(0)))
    }

    /// Whether they have been counted.
    pub fn is_known(&self) -> bool {
        self.base.is_some()
    }

    /// Whether no voxel has a label. Labels that were not counted yet came from a file and count as some.
    pub fn is_empty(&self) -> bool {
        let Some(base) = &self.base else { return false };
        base.keys().chain(self.gains.keys()).all(|&id| id == 0 || self.of(id) == Some(0))
    }
}

/// Voxels of each label of `table` after `edit`.
pub fn after(counts: &Counts, edit: &Edit, table: &LabelTable) -> Option<BTreeMap<u16, u64>> {
    let gains = edit.gains();
    let count = |id: u16| Some((id, counts.of(id)?.saturating_add_signed(gains.get(&id).copied().unwrap_or(0))));
    table.labels.iter().map(|label| count(label.id)).collect()
}

impl Case {
    /// The names that change with an edit of the labels.
    fn follow_table(&mut self, change: &Change) {
        let mut table = self.table.clone();
        match change {
            Change::Applied(edit) | Change::Redone(edit) => edit.table_change().map(|change| change.forth(&mut table)),
            Change::Undone(edit) => edit.table_change().map(|change| change.back(&mut table)),
        };
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
    use crate::domain::{Grid, History, LabelMap};

    fn labels(ids: [u16; 4]) -> LabelMap {
        LabelMap::new(Grid::axis_aligned([4, 1, 1], [1.0; 3]).expect("valid"), ids.to_vec()).expect("fits")
    }

    #[test]
    fn changes_are_followed_forth_and_back() {
        let mut history = History::new(labels([0, 1, 1, 2]));
        let mut counts = Counts::default();
        assert_eq!((counts.of(1), counts.is_empty()), (None, false));
        history.apply(Edit::between("x", history.labels(), &labels([2, 2, 1, 0])).expect("differs"));
        history.take_changes().iter().for_each(|change| counts.follow(change));
        counts.set_base(labels([0, 1, 1, 2]).counts());
        assert_eq!((counts.of(1), counts.of(2), counts.of(9)), (Some(1), Some(2), Some(0)));
        history.undo();
        history.take_changes().iter().for_each(|change| counts.follow(change));
        assert_eq!((counts.of(1), counts.of(2)), (Some(2), Some(1)));
    }

    #[test]
    fn labels_are_empty_again_when_all_is_erased() {
        let mut counts = Counts::of_empty();
        assert!(counts.is_empty());
        let mut history = History::new(labels([0; 4]));
        history.apply(Edit::between("x", history.labels(), &labels([2, 2, 1, 0])).expect("differs"));
        history.take_changes().iter().for_each(|change| counts.follow(change));
        assert!(!counts.is_empty());
        history.undo();
        history.take_changes().iter().for_each(|change| counts.follow(change));
        assert!(counts.is_empty());
    }
}
