//! All edits of a case, in order, with undo and redo. The only holder of a `&mut LabelMap`.
//!
//! A gesture that lasts, such as a brush stroke, is shown while it goes on: each part is [staged](History::stage), and
//! [`History::commit`] makes one entry of all parts.

use std::{collections::VecDeque, sync::Arc};

use super::grid::VoxelBox;
use super::{Edit, LabelMap, change_map::ChangeMap, edit::Stroke};

/// The labels of a case and every change made to them that can still be undone.
#[derive(Debug)]
pub struct History {
    labels: Arc<LabelMap>,
    /// Oldest first; the first `n_applied` are in the labels, the others can be redone.
    edits: VecDeque<Arc<Edit>>,
    bytes: usize,
    n_applied: usize,
    n_dropped: usize,
    open: Option<Stroke>,
    revision: u64,
    changed: ChangeMap,
    /// How many edits, dropped ones included, were in the labels when they were saved.
    saved_at: Option<usize>,
    budget_bytes: usize,
    /// What happened since it was asked for last.
    changes: Vec<Change>,
}

/// A change of the labels that is complete: a whole gesture, or one step back or on.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new entry; entries that could have been redone are gone.
    Applied(Arc<Edit>),
    /// The newest entry was taken back.
    Undone(Arc<Edit>),
    /// The entry that was taken back last was carried out again.
    Redone(Arc<Edit>),
}

/// A line of the history panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What was done.
    pub name: &'a str,
    /// How many voxels it changed.
    pub n_voxels: usize,
    /// Whether it is in the labels now; otherwise it can be redone.
    pub is_applied: bool,
}

impl History {
    /// Memory that edits may take, unless told otherwise: thousands of brush strokes.
    pub const BUDGET_BYTES: usize = 256_000_000;

    /// A history that begins with `labels`, which count as saved.
    pub fn new(labels: LabelMap) -> Self {
        Self::with_budget(labels, Self::BUDGET_BYTES)
    }

    /// As [`History::new`], dropping the oldest edits where all together take more than `budget_bytes`.
    pub fn with_budget(labels: LabelMap, budget_bytes: usize) -> Self {
        Self {
            changed: ChangeMap::new(labels.grid().shape()),
            labels: Arc::new(labels),
            edits: VecDeque::new(),
            bytes: 0,
            n_applied: 0,
            n_dropped: 0,
            open: None,
            revision: 0,
            saved_at: Some(0),
            budget_bytes,
            changes: Vec::new(),
        }
    }

    /// The labels as they are now.
    pub fn labels(&self) -> &LabelMap {
        &self.labels
    }

    /// The labels as they are now, for another thread: a snapshot that later changes leave alone.
    pub fn shared(&self) -> Arc<LabelMap> {
        Arc::clone(&self.labels)
    }

    /// Gives the pixels of a picture another size, as [`super::Grid::with_pixel_mm`]: no change of the labels.
    pub fn set_pixel_mm(&mut self, pixel_mm: Option<f64>) {
        self.labels.with_pixel_mm(pixel_mm).into_iter().for_each(|labels| self.labels = Arc::new(labels));
    }

    /// Reads slices as frames, or the other way round, as [`super::Grid::with_time_swapped`]: no change of the labels.
    pub fn swap_time(&mut self) {
        self.labels = Arc::new(self.labels.with_time_swapped());
    }

    /// Carries `edit` out as an entry of its own; edits that could have been redone are forgotten.
    ///
    /// Where the labels changed since the edit was made, its new ids count and undoing brings back what was there.
    ///
    /// # Panics
    /// Where the edit was made for labels of another shape.
    pub fn apply(&mut self, edit: Edit) {
        self.commit();
        if let Some(edit) = edit.rebased(&self.labels) {
            self.carry_out(&edit);
            self.push(edit);
        }
    }

    /// Carries `edit` out as a part of the gesture that is going on, under the name of the gesture's first part.
    ///
    /// # Panics
    /// Where the edit was made for labels of another shape.
    pub fn stage(&mut self, edit: Edit) {
        let Some(edit) = edit.rebased(&self.labels) else { return };
        self.open.get_or_insert_with(|| Stroke::new(edit.name(), &self.labels)).extend(&edit);
        self.carry_out(&edit);
    }

    /// Ends the gesture: what was staged becomes one entry. Does nothing where nothing is staged.
    pub fn commit(&mut self) {
        if let Some(edit) = self.open.take().and_then(Stroke::finish) {
            self.push(edit);
        }
    }

    /// Gives the gesture up: takes back what was staged.
    pub fn rollback(&mut self) {
        if let Some(edit) = self.open.take().and_then(Stroke::finish) {
            self.take_back(&edit);
        }
    }

    /// Takes the newest entry back and says its name, or does nothing at the beginning. A gesture that is going on
    /// ends.
    pub fn undo(&mut self) -> Option<&str> {
        self.commit();
        self.n_applied = self.n_applied.checked_sub(1)?;
        let edit = Arc::clone(&self.edits[self.n_applied]);
        self.take_back(&edit);
        self.changes.push(Change::Undone(edit));
        Some(self.edits[self.n_applied].name())
    }

    /// Carries the entry out again that was taken back last and says its name, or does nothing at the end.
    pub fn redo(&mut self) -> Option<&str> {
        self.commit();
        let edit = Arc::clone(self.edits.get(self.n_applied)?);
        self.carry_out(&edit);
        self.changes.push(Change::Redone(edit));
        self.n_applied += 1;
        Some(self.edits[self.n_applied - 1].name())
    }

    /// The name of what [`History::undo`] would take back.
    pub fn can_undo(&self) -> Option<&str> {
        self.edits.get(self.n_applied.checked_sub(1)?).map(|edit| edit.name())
    }

    /// The name of what [`History::redo`] would carry out.
    pub fn can_redo(&self) -> Option<&str> {
        self.edits.get(self.n_applied).map(|edit| edit.name())
    }

    /// Undoes or redoes until the first `n_applied` entries are in the labels; all of them where there are fewer.
    pub fn go_to(&mut self, n_applied: usize) {
        self.commit();
        while self.n_applied > n_applied {
            self.undo();
        }
        while self.n_applied < n_applied && self.redo().is_some() {}
    }

    /// All entries, oldest first, those that can be redone at the end.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.edits.iter().enumerate().map(|(idx, edit)| self.line(idx, edit))
    }

    fn line<'a>(&self, idx: usize, edit: &'a Edit) -> Entry<'a> {
        Entry { name: edit.name(), n_voxels: edit.n_voxels(), is_applied: idx < self.n_applied }
    }

    /// The entry number `idx`, counted from the oldest.
    pub fn entry(&self, idx: usize) -> Option<Entry<'_>> {
        self.edits.get(idx).map(|edit| self.line(idx, edit))
    }

    /// How many entries are in the labels.
    pub fn n_applied(&self) -> usize {
        self.n_applied
    }

    /// How many of the oldest entries were given up to keep within the budget; they cannot be undone.
    pub fn n_dropped(&self) -> usize {
        self.n_dropped
    }

    /// Grows with every change of the labels, undo and redo included.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The revision of the last change that may have been within a box of voxels; 0 where there was none.
    pub fn last_change_within(&self, within: &VoxelBox) -> u64 {
        self.changed.last_within(within)
    }

    /// Whether the labels are as they were when they were saved last.
    pub fn is_saved(&self) -> bool {
        self.open.is_none() && self.saved_at == Some(self.n_dropped + self.n_applied)
    }

    /// Says that the labels were saved as they are now. A gesture that is going on ends.
    pub fn mark_saved(&mut self) {
        self.commit();
        self.saved_at = Some(self.n_dropped + self.n_applied);
    }

    /// Memory that all entries take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory that all entries may take.
    pub fn budget_bytes(&self) -> usize {
        self.budget_bytes
    }

    /// From now on drops the oldest edits where all together take more than `budget_bytes`.
    pub fn set_budget(&mut self, budget_bytes: usize) {
        self.budget_bytes = budget_bytes;
        self.keep_within_budget();
    }

    /// How many entries were in the labels when they were saved last; `None` where that can no longer be reached.
    pub fn saved_at(&self) -> Option<usize> {
        self.saved_at?.checked_sub(self.n_dropped)
    }

    /// What happened since this was asked last, in order. Parts of a gesture that is still going on are not among it.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn carry_out(&mut self, edit: &Edit) {
        edit.apply(Arc::make_mut(&mut self.labels).ids_mut());
        self.count(edit);
    }

    fn take_back(&mut self, edit: &Edit) {
        edit.revert(Arc::make_mut(&mut self.labels).ids_mut());
        self.count(edit);
    }

    fn count(&mut self, edit: &Edit) {
        self.revision += 1;
        self.changed.mark(&edit.bounds(), self.revision);
    }

    /// Makes an entry of an edit that is in the labels already.
    fn push(&mut self, edit: Edit) {
        self.bytes -= self.edits.drain(self.n_applied..).map(|edit| edit.bytes()).sum::<usize>();
        if self.saved_at > Some(self.n_dropped + self.n_applied) {
            // What was saved lay ahead, among the edits that were just forgotten.
            self.saved_at = None;
        }
        let edit = Arc::new(edit);
        self.bytes += edit.bytes();
        self.changes.push(Change::Applied(Arc::clone(&edit)));
        self.edits.push_back(edit);
        self.n_applied += 1;
        self.keep_within_budget();
    }

    fn keep_within_budget(&mut self) {
        // The newest edit stays whatever it takes: a person can always undo the last thing done. What can be redone
        // stays too.
        while self.bytes > self.budget_bytes && self.edits.len() > 1 && self.n_applied > 0 {
            self.bytes -= self.edits.pop_front().map_or(0, |oldest| oldest.bytes());
            self.n_applied -= 1;
            self.n_dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::paint::{Brush, BrushShape, BrushSize, Canvas};
    use crate::domain::{Grid, LabelTable};

    const N: usize = 60;

    fn blank() -> LabelMap {
        LabelMap::empty(Grid::axis_aligned([5, 4, 3], [1.0; 3]).unwrap())
    }

    /// The edit that sets one voxel.
    fn dot(history: &History, name: &str, position: usize, id: u16) -> Edit {
        let mut stroke = Stroke::new(name, history.labels());
        stroke.set(position, history.labels().id_at(position), id);
        stroke.finish().unwrap()
    }

    fn with_dots(n: usize) -> History {
        let mut history = History::new(blank());
        for position in 0..n {
            history.apply(dot(&history, &format!("dot {position}"), position, 1));
        }
        history
    }

    #[test]
    fn names_say_what_can_be_undone_and_redone() {
        let mut history = with_dots(2);
        assert_eq!((history.can_undo(), history.can_redo()), (Some("dot 1"), None));
        assert_eq!(history.undo(), Some("dot 1"));
        assert_eq!((history.can_undo(), history.can_redo()), (Some("dot 0"), Some("dot 1")));
        assert_eq!(history.undo(), Some("dot 0"));
        assert_eq!(history.undo(), None);
        assert_eq!(history.redo(), Some("dot 0"));
        assert_eq!(history.redo(), Some("dot 1"));
        assert_eq!(history.redo(), None);
    }

    #[test]
    fn a_new_edit_forgets_what_could_be_redone() {
        let mut history = with_dots(3);
        history.go_to(1);
        history.apply(dot(&history, "other", 9, 2));
        assert_eq!(history.entries().map(|entry| entry.name).collect::<Vec<_>>(), ["dot 0", "other"]);
        assert_eq!(history.redo(), None);
    }

    #[test]
    fn the_panel_shows_what_is_applied() {
        let mut history = with_dots(3);
        history.go_to(2);
        let applied: Vec<bool> = history.entries().map(|entry| entry.is_applied).collect();
        assert_eq!(applied, [true, true, false]);
        history.go_to(99);
        assert_eq!(history.n_applied(), 3);
        history.go_to(0);
        assert_eq!(history.labels(), &blank());
    }

    #[test]
    fn a_gesture_is_shown_at_once_and_undone_as_one() {
        let mut history = History::new(blank());
        for position in 3..7 {
            history.stage(dot(&history, "Brush", position, 1));
            assert_eq!(history.labels().id_at(position), 1);
            assert!(!history.is_saved());
        }
        history.commit();
        assert_eq!(history.entries().map(|entry| (entry.name, entry.n_voxels)).collect::<Vec<_>>(), [("Brush", 4)]);
        assert_eq!(history.undo(), Some("Brush"));
        assert_eq!(history.labels(), &blank());
    }

    #[test]
    fn a_gesture_that_is_given_up_leaves_nothing() {
        let mut history = with_dots(2);
        let before = history.labels().clone();
        history.stage(dot(&history, "Brush", 1, 2));
        history.stage(dot(&history, "Brush", 1, 3));
        history.rollback();
        assert_eq!(history.labels(), &before);
        assert_eq!(history.entries().len(), 2);
    }

    #[test]
    fn undo_ends_a_gesture_and_takes_it_back() {
        let mut history = with_dots(1);
        history.stage(dot(&history, "Brush", 5, 2));
        assert_eq!(history.undo(), Some("Brush"));
        assert_eq!(history.redo(), Some("Brush"));
        assert_eq!(history.labels().id_at(5), 2);
    }

    #[test]
    fn an_edit_made_for_older_labels_is_undone_to_what_was_there() {
        let mut history = History::new(blank());
        let stale = dot(&history, "stale", 4, 3);
        history.apply(dot(&history, "first", 4, 1));
        history.apply(stale);
        assert_eq!(history.labels().id_at(4), 3);
        history.undo();
        assert_eq!(history.labels().id_at(4), 1);
    }

    #[test]
    fn saved_is_a_place_in_the_history() {
        let mut history = with_dots(2);
        assert!(!history.is_saved());
        history.mark_saved();
        assert!(history.is_saved());
        history.undo();
        assert!(!history.is_saved());
        history.redo();
        assert!(history.is_saved());
        history.undo();
        history.apply(dot(&history, "other", 1, 1));
        assert!(!history.is_saved(), "as many edits as were saved, but not the same");
        history.undo();
        history.undo();
        assert!(!history.is_saved());
    }

    #[test]
    fn every_change_has_a_revision_of_its_own() {
        let mut history = History::new(blank());
        let mut last = history.revision();
        let mut check = |history: &History| {
            assert!(history.revision() > last);
            last = history.revision();
        };
        history.apply(dot(&history, "a", 0, 1));
        check(&history);
        history.undo();
        check(&history);
        history.redo();
        check(&history);
        history.stage(dot(&history, "b", 1, 1));
        check(&history);
        history.rollback();
        check(&history);
    }

    #[test]
    fn sharing_copies_only_when_both_are_needed() {
        let mut history = with_dots(1);
        let before = std::ptr::from_ref(history.labels());
        drop(history.shared());
        history.apply(dot(&history, "x", 9, 1));
        assert!(std::ptr::eq(before, history.labels()), "nobody else held the labels");
        let held = history.shared();
        history.apply(dot(&history, "y", 10, 1));
        assert_eq!((held.id_at(10), history.labels().id_at(10)), (0, 1));
    }

    #[test]
    fn the_oldest_edits_go_when_the_budget_is_spent_and_the_newest_stays() {
        let mut history = History::with_budget(blank(), 0);
        history.apply(dot(&history, "a", 0, 1));
        history.mark_saved();
        history.apply(dot(&history, "b", 1, 1));
        assert_eq!((history.n_dropped(), history.entries().len()), (1, 1));
        assert_eq!(history.undo(), Some("b"));
        assert!(history.is_saved(), "where the dropped edit ended is where the kept one begins");
        assert_eq!(history.undo(), None);
    }

    #[test]
    fn a_thousand_strokes_fit_the_budget_with_room_to_spare() {
        let grid = Grid::axis_aligned([512, 512, 200], [0.8, 0.8, 1.0]).unwrap();
        let mut history = History::new(LabelMap::empty(grid));
        let brush = |is_ball: bool| Brush {
            shape: BrushShape::Round,
            size: BrushSize::Voxels(41.0),
            through: (!is_ball).then_some(2),
        };
        for stroke_idx in 0..1000_usize {
            // Back and forth over the same organ, mostly in a slice, every fourth time in three dimensions.
            let at = |step: usize| {
                [stroke_idx * 37 % 350 + 50 + 12 * step, stroke_idx * 53 % 350 + 50 + 7 * step, stroke_idx % 160 + 20]
            };
            for step in 0..4 {
                let canvas = Canvas::new(history.labels(), &LabelTable::default());
                let dab = brush(stroke_idx % 4 == 0).draw(&canvas, at(step), at(step + 1), stroke_idx as u16 % 5 + 1);
                if let Some(edit) = dab {
                    history.stage(edit);
                }
            }
            history.commit();
        }
        println!("{} strokes take {} of {} bytes", history.entries().len(), history.bytes(), History::BUDGET_BYTES);
        assert_eq!((history.entries().len(), history.n_dropped()), (1000, 0));
        assert!(history.bytes() < History::BUDGET_BYTES / 4, "{} bytes", history.bytes());
    }

    /// What a person may do.
    #[derive(Clone, Debug)]
    enum Act {
        Apply(Vec<u16>),
        Stage(Vec<(usize, u16)>),
        Commit,
        Rollback,
        Undo,
        Redo,
        GoTo(usize),
    }

    fn any_act() -> impl Strategy<Value = Act> {
        prop_oneof![
            prop::collection::vec(0..3u16, N).prop_map(Act::Apply),
            prop::collection::vec((0..N, 0..3u16), 1..20).prop_map(Act::Stage),
            Just(Act::Commit),
            Just(Act::Rollback),
            Just(Act::Undo),
            Just(Act::Redo),
            (0..8usize).prop_map(Act::GoTo),
        ]
    }

    /// A history told in whole copies: slow and plainly right.
    struct Model {
        states: Vec<Vec<u16>>,
        at: usize,
        open: Option<Vec<u16>>,
    }

    impl Model {
        fn now(&self) -> &Vec<u16> {
            self.open.as_ref().unwrap_or(&self.states[self.at])
        }

        fn commit(&mut self) {
            if let Some(next) = self.open.take()
                && next != self.states[self.at]
            {
                self.states.truncate(self.at + 1);
                self.states.push(next);
                self.at += 1;
            }
        }

        fn act(&mut self, act: &Act) {
            match act {
                Act::Stage(dots) => {
                    let mut next = self.now().clone();
                    dots.iter().for_each(|&(position, id)| next[position] = id);
                    self.open = Some(next);
                    return;
                }
                Act::Rollback => {
                    self.open = None;
                    return;
                }
                _ => self.commit(),
            }
            match act {
                Act::Apply(next) => {
                    self.open = Some(next.clone());
                    self.commit();
                }
                Act::Undo => self.at = self.at.saturating_sub(1),
                Act::Redo => self.at = (self.at + 1).min(self.states.len() - 1),
                Act::GoTo(n) => self.at = (*n).min(self.states.len() - 1),
                _ => {}
            }
        }
    }

    fn act_on(history: &mut History, act: &Act) {
        match act {
            Act::Apply(next) => {
                if let Some(edit) = Edit::replace("x", history.labels(), next) {
                    history.apply(edit);
                } else {
                    history.commit();
                }
            }
            Act::Stage(dots) => {
                let mut next = history.labels().to_ids();
                dots.iter().for_each(|&(position, id)| next[position] = id);
                if let Some(edit) = Edit::replace("x", history.labels(), &next) {
                    history.stage(edit);
                }
            }
            Act::Commit => history.commit(),
            Act::Rollback => history.rollback(),
            Act::Undo => drop(history.undo().map(str::to_owned)),
            Act::Redo => drop(history.redo().map(str::to_owned)),
            Act::GoTo(n) => history.go_to(*n),
        }
    }

    proptest! {
        #[test]
        fn whatever_is_done_the_labels_are_bit_for_bit_those_of_a_history_of_copies(
            acts in prop::collection::vec(any_act(), 0..40),
        ) {
            let mut history = History::new(blank());
            let mut model = Model { states: vec![vec![0; N]], at: 0, open: None };
            for act in &acts {
                act_on(&mut history, act);
                model.act(act);
                prop_assert_eq!(&history.labels().to_ids(), model.now());
            }
            history.commit();
            model.commit();
            prop_assert_eq!(history.entries().len() + 1, model.states.len());
            for (n_applied, state) in model.states.iter().enumerate().rev() {
                history.go_to(n_applied);
                prop_assert_eq!(&history.labels().to_ids(), state);
            }
        }
    }
}
