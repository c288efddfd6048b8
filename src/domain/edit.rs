//! One reversible change of the labels: which voxels, their ids before, their ids after.
//!
//! Kept as runs of voxels that change alike, so an edit weighs what it changes and not what the volume weighs. Making an
//! edit changes nothing; only [`History`](super::History) can carry it out or take it back.

mod codec;

use std::collections::BTreeMap;
use std::ops::Range;

use super::grid::VoxelBox;
use super::id_chunks::IdChunks;
use super::{LabelMap, LabelTable, table_change::TableChange};

pub use self::codec::EditError;

/// A named, reversible change of a [`LabelMap`].
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    name: String,
    shape: [usize; 3],
    /// Ascending, disjoint, no two mergeable, never empty, old and new ids differ.
    runs: Vec<Run>,
    n_voxels: usize,
    /// How the labels' names change with it.
    table: Option<Box<TableChange>>,
}

/// Neighbours in memory that change from one id to one other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    start: usize,
    /// Not `usize`: a run then takes 16 bytes; longer ones are cut.
    length: u32,
    old: u16,
    new: u16,
}

impl Run {
    fn end(&self) -> usize {
        self.start + self.length as usize
    }

    fn range(&self) -> Range<usize> {
        self.start..self.end()
    }
}

impl Edit {
    /// The edit that turns `current` into `next` (ids, `i` fastest), or `None` where they are equal already.
    ///
    /// # Panics
    /// Where `next` has not one id for each voxel of `current`.
    pub fn replace(name: impl Into<String>, current: &LabelMap, next: &[u16]) -> Option<Self> {
        assert_eq!(current.grid().n_voxels(), next.len(), "one id a voxel on the same grid");
        Self::between(name, current, &LabelMap::new(current.grid().clone(), next.to_vec()).ok()?)
    }

    /// The edit that turns `current` into `next`, or `None` where they are equal already. Costs what differs: parts that both
    /// share are not looked at.
    ///
    /// # Panics
    /// Where the shapes differ.
    pub fn between(name: impl Into<String>, current: &LabelMap, next: &LabelMap) -> Option<Self> {
        assert_eq!(current.grid().shape(), next.grid().shape(), "one id a voxel on the same grid");
        let mut stroke = Stroke::new(name, current);
        for (start, old, new) in current.id_chunks().differing(next.id_chunks()) {
            for (offset, (&old, &new)) in old.iter().zip(new).enumerate() {
                stroke.record(Run { start: start + offset, length: 1, old, new });
            }
        }
        stroke.finish()
    }

    /// What was done, as the history panel says it: "Brush", "Accept prediction".
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same edit, with which the label table changes from `before` to `after`.
    #[must_use]
    pub fn with_tables(self, before: &LabelTable, after: &LabelTable) -> Self {
        Self { table: TableChange::between(before, after).map(Box::new), ..self }
    }

    /// The same edit under another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// How the label table changes with it, where it does.
    pub fn table_change(&self) -> Option<&TableChange> {
        self.table.as_deref()
    }

    /// How many voxels change.
    pub fn n_voxels(&self) -> usize {
        self.n_voxels
    }

    /// Memory that the edit takes; grows with the changed runs.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.name.capacity() + self.runs.capacity() * size_of::<Run>()
    }

    /// The smallest box of voxels that holds the change.
    pub fn bounds(&self) -> VoxelBox {
        let boxes = self.runs.iter().map(|run| VoxelBox::of_run(self.shape, run.range()));
        // An edit is never without runs.
        boxes.reduce(|a, b| a.union(&b)).unwrap_or_else(|| VoxelBox::of_run(self.shape, 0..1))
    }

    /// How many voxels each id gains or loses, background included.
    pub fn gains(&self) -> BTreeMap<u16, i64> {
        let mut gains = BTreeMap::new();
        for run in &self.runs {
            *gains.entry(run.old).or_default() -= i64::from(run.length);
            *gains.entry(run.new).or_default() += i64::from(run.length);
        }
        gains
    }

    /// The same new ids with the old ids of `labels`, which may have changed since the edit was made; `None` where
    /// `labels` hold the new ids already.
    ///
    /// # Panics
    /// Where the edit was made for labels of another shape.
    pub(in crate::domain) fn rebased(self, labels: &LabelMap) -> Option<Self> {
        assert_eq!(self.shape, labels.grid().shape(), "an edit is carried out on the grid for which it was made");
        if self.runs.iter().all(|run| run.range().all(|position| labels.id_at(position) == run.old)) {
            return Some(self);
        }
        let mut stroke = Stroke::new(self.name, labels);
        for run in &self.runs {
            run.range().for_each(|position| stroke.set(position, labels.id_at(position), run.new));
        }
        stroke.finish().map(|edit| Self { table: self.table, ..edit })
    }

    /// Carries the edit out on ids that are as they were when it was made.
    pub(in crate::domain) fn apply(&self, ids: &mut IdChunks) {
        for run in &self.runs {
            debug_assert!(run.range().all(|at| ids.get(at) == run.old), "applied to other labels: {run:?}");
            ids.fill(run.range(), run.new);
        }
    }

    /// Takes the edit back from ids that are as it left them.
    pub(in crate::domain) fn revert(&self, ids: &mut IdChunks) {
        for run in &self.runs {
            debug_assert!(run.range().all(|at| ids.get(at) == run.new), "reverted on other labels: {run:?}");
            ids.fill(run.range(), run.old);
        }
    }

    /// The labels after the edit; shares with `labels` what it leaves alone.
    ///
    /// # Panics
    /// Where the edit was made for labels of another shape.
    pub fn after(&self, labels: &LabelMap) -> LabelMap {
        let mut after = labels.clone();
        self.apply(after.ids_mut());
        after
    }
}

/// Gathers changes, a voxel at a time and in any order, into one [`Edit`].
///
/// Where a voxel is set more than once the first old id and the last new id count.
#[derive(Clone, Debug)]
pub struct Stroke {
    name: String,
    shape: [usize; 3],
    /// In the order in which they were made; neighbours merged as they come.
    log: Vec<Run>,
}

impl Stroke {
    /// An empty stroke over `labels`.
    pub fn new(name: impl Into<String>, labels: &LabelMap) -> Self {
        Self { name: name.into(), shape: labels.grid().shape(), log: Vec::new() }
    }

    /// Whether nothing was changed yet.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// Says that the voxel at `position` in memory changes from `old` to `new`. Nothing happens where they are equal.
    pub fn set(&mut self, position: usize, old: u16, new: u16) {
        self.record(Run { start: position, length: 1, old, new });
    }

    /// Says that all voxels at `positions` in memory change from `old` to `new`.
    pub fn set_all(&mut self, positions: Range<usize>, old: u16, new: u16) {
        for start in positions.clone().step_by(u32::MAX as usize) {
            let length = (positions.end - start).min(u32::MAX as usize) as u32;
            self.record(Run { start, length, old, new });
        }
    }

    /// Adds all changes of `edit`, which follows on what was gathered so far.
    pub(in crate::domain) fn extend(&mut self, edit: &Edit) {
        edit.runs.iter().for_each(|&run| self.record(run));
    }

    /// The whole stroke as one edit, or `None` where it changes nothing in the end.
    pub fn finish(self) -> Option<Edit> {
        let mut sorted = self.log.clone();
        sorted.sort_unstable_by_key(|run| run.start);
        let overlaps = sorted.windows(2).any(|pair| pair[0].end() > pair[1].start);
        let mut runs = if overlaps { resolved(&self.log) } else { merged(sorted) };
        runs.shrink_to_fit();
        let n_voxels = runs.iter().map(|run| run.length as usize).sum();
        (n_voxels > 0).then_some(Edit { name: self.name, shape: self.shape, runs, n_voxels, table: None })
    }

    fn record(&mut self, run: Run) {
        push_merged(&mut self.log, run);
    }
}

/// Appends `run`, as part of the last one where it goes on in the same way.
fn push_merged(runs: &mut Vec<Run>, run: Run) {
    if run.old == run.new {
        return;
    }
    if let Some(last) = runs.last_mut()
        && last.end() == run.start
        && (last.old, last.new) == (run.old, run.new)
        && let Some(length) = last.length.checked_add(run.length)
    {
        last.length = length;
        return;
    }
    runs.push(run);
}

/// The same changes in as few runs as possible; `sorted` are disjoint.
fn merged(sorted: Vec<Run>) -> Vec<Run> {
    let mut runs = Vec::with_capacity(sorted.len());
    sorted.into_iter().for_each(|run| push_merged(&mut runs, run));
    runs
}

/// Disjoint runs from a log in the order of time that changes some voxels more than once.
fn resolved(log: &[Run]) -> Vec<Run> {
    let mut changes: Vec<(usize, u16, u16)> =
        log.iter().flat_map(|run| run.range().map(|position| (position, run.old, run.new))).collect();
    // Stable, so that the changes of one voxel stay in the order of time.
    changes.sort_by_key(|&(position, ..)| position);
    let mut runs = Vec::new();
    for chain in changes.chunk_by(|a, b| a.0 == b.0) {
        let (start, old, _) = chain[0];
        push_merged(&mut runs, Run { start, length: 1, old, new: chain[chain.len() - 1].2 });
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Grid;

    const SHAPE: [usize; 3] = [5, 4, 3];

    fn labels(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), ids).unwrap()
    }

    fn blank() -> LabelMap {
        labels(vec![0; 60])
    }

    /// Ids in which neighbours are often equal, so that there are runs.
    fn any_ids() -> impl Strategy<Value = Vec<u16>> {
        prop::collection::vec((0..4u16, 1..12usize), 60)
            .prop_map(|runs| runs.into_iter().flat_map(|(id, n)| std::iter::repeat_n(id, n)).take(60).collect())
    }

    #[track_caller]
    fn check_bounds(positions: &[usize], expected: [Range<usize>; 3]) {
        let mut stroke = Stroke::new("x", &blank());
        positions.iter().for_each(|&position| stroke.set(position, 0, 1));
        assert_eq!(stroke.finish().unwrap().bounds().0, expected);
    }

    #[test]
    fn bounds_hold_the_change_tightly() {
        check_bounds(&[0], [0..1, 0..1, 0..1]);
        check_bounds(&[59], [4..5, 3..4, 2..3]);
        check_bounds(&[6, 7], [1..3, 1..2, 0..1]);
        check_bounds(&[4, 5], [0..5, 0..2, 0..1]);
        check_bounds(&[19, 20], [0..5, 0..4, 0..2]);
        check_bounds(&[1, 58], [1..4, 0..4, 0..3]);
    }

    #[test]
    fn equal_labels_make_no_edit() {
        assert_eq!(Edit::replace("x", &blank(), &[0; 60]), None);
        assert!(Stroke::new("x", &blank()).finish().is_none());
    }

    #[test]
    fn an_edit_weighs_its_runs_and_not_the_volume() {
        let grid = Grid::axis_aligned([200, 200, 200], [1.0; 3]).unwrap();
        let mut next = vec![0; 8_000_000];
        next[123_456..1_123_456].fill(3);
        let edit = Edit::replace("x", &LabelMap::empty(grid), &next).unwrap();
        assert_eq!(edit.n_voxels(), 1_000_000);
        assert!(edit.bytes() < 200, "{} bytes", edit.bytes());
    }

    #[test]
    fn the_first_old_and_the_last_new_id_of_a_voxel_count() {
        let mut stroke = Stroke::new("x", &blank());
        for (position, old, new) in [(7, 0, 1), (9, 0, 2), (7, 1, 3), (9, 2, 0), (8, 0, 3)] {
            stroke.set(position, old, new);
        }
        let edit = stroke.finish().unwrap();
        assert_eq!(edit.runs, [Run { start: 7, length: 2, old: 0, new: 3 }]);
    }

    #[test]
    fn the_order_of_time_wins_over_the_order_in_memory() {
        let mut next = vec![0; 60];
        next[10..20].fill(1);
        let first = Edit::replace("x", &blank(), &next).unwrap();
        let mut stroke = Stroke::new("x", &blank());
        stroke.extend(&first);
        stroke.set(15, 1, 0);
        stroke.set(15, 0, 2);
        next[15] = 2;
        assert_eq!(stroke.finish().unwrap().after(&blank()).to_ids(), next);
    }

    #[test]
    #[should_panic(expected = "one id a voxel")]
    fn ids_of_another_size_are_refused() {
        Edit::replace("x", &blank(), &[0; 59]);
    }

    proptest! {
        #[test]
        fn replace_makes_next_from_current_and_back(current in any_ids(), next in any_ids()) {
            let before = labels(current.clone());
            if let Some(edit) = Edit::replace("x", &before, &next) {
                let mut after = edit.after(&before);
                prop_assert_eq!(&after.to_ids(), &next);
                prop_assert_eq!(edit.n_voxels(), current.iter().zip(&next).filter(|(a, b)| a != b).count());
                for (id, gain) in edit.gains() {
                    let count = |ids: &[u16]| ids.iter().filter(|&&x| x == id).count() as i64;
                    prop_assert_eq!(count(&next) - count(&current), gain);
                }
                edit.revert(after.ids_mut());
                prop_assert_eq!(&after, &before);
            } else {
                prop_assert_eq!(current, next);
            }
        }

        #[test]
        fn a_stroke_is_the_sum_of_its_dabs(
            current in any_ids(),
            dabs in prop::collection::vec((0..60usize, 0..4u16), 0..200),
        ) {
            let mut stroke = Stroke::new("x", &labels(current.clone()));
            let mut expected = current.clone();
            for (position, new) in dabs {
                stroke.set(position, expected[position], new);
                expected[position] = new;
            }
            prop_assert_eq!(stroke.finish(), Edit::replace("x", &labels(current), &expected));
        }

        #[test]
        fn rebasing_keeps_the_new_ids_and_takes_the_old_from_what_is_there(
            made_for in any_ids(), next in any_ids(), there in any_ids(),
        ) {
            let Some(edit) = Edit::replace("x", &labels(made_for.clone()), &next) else { return Ok(()) };
            let expected: Vec<u16> = (0..60)
                .map(|at| if made_for[at] == next[at] { there[at] } else { next[at] })
                .collect();
            prop_assert_eq!(edit.rebased(&labels(there.clone())), Edit::replace("x", &labels(there), &expected));
        }
    }
}
