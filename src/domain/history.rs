//! All edits of a case, in order, with undo and redo. The only holder of a `&mut LabelMap`.
//!
//! A gesture that lasts, such as a brush stroke, is shown while it goes on: each part is [staged](History::stage), and
//! [`History::commit`] makes one entry of all parts.
//!
//! An image with several frames has a mask for each, or one for all ([`FrameLabels`]), and one history of them all: the tools
//! work on the mask of the frame shown, and a step back of another frame's mask goes to that frame.

use std::ops::Range;
use std::{collections::VecDeque, sync::Arc};

use super::grid::VoxelBox;
use super::{Edit, FrameEdits, FrameLabels, LabelMap, change_map::ChangeMap, edit::Stroke};

/// The labels of a case and every change made to them that can still be undone.
#[derive(Debug)]
pub struct History {
    frames: FrameLabels,
    /// Oldest first; the first `n_applied` are in the labels, the others can be redone.
    edits: VecDeque<Arc<FrameEdits>>,
    bytes: usize,
    n_applied: usize,
    n_dropped: usize,
    open: Option<Stroke>,
    revision: u64,
    edition: u64,
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
    Applied(Arc<FrameEdits>),
    /// The newest entry was taken back.
    Undone(Arc<FrameEdits>),
    /// The entry that was taken back last was carried out again.
    Redone(Arc<FrameEdits>),
}

impl Change {
    /// What changed, and 1 where it was carried out, −1 where it was taken back.
    pub fn signed(&self) -> (&FrameEdits, i64) {
        match self {
            Self::Applied(edits) | Self::Redone(edits) => (edits, 1),
            Self::Undone(edits) => (edits, -1),
        }
    }
}

/// A line of the history panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What was done.
    pub name: &'a str,
    /// How many voxels it changed.
    pub n_voxels: usize,
    /// The frame whose mask it changed, where the image has several and it changed one.
    pub frame: Option<usize>,
    /// Whether it is in the labels now; otherwise it can be redone.
    pub is_applied: bool,
}

impl History {
    /// Memory that edits may take, unless told otherwise: thousands of brush strokes.
    pub const BUDGET_BYTES: usize = 256_000_000;

    /// A history that begins with the one mask `labels`, which counts as saved.
    pub fn new(labels: LabelMap) -> Self {
        Self::with_budget(labels, Self::BUDGET_BYTES)
    }

    /// As [`History::new`], dropping the oldest edits where all together take more than `budget_bytes`.
    pub fn with_budget(labels: LabelMap, budget_bytes: usize) -> Self {
        Self { budget_bytes, ..Self::of_frames(FrameLabels::new(vec![labels], None)) }
    }

    /// A history that begins with the masks of several frames, which count as saved.
    pub fn of_frames(frames: FrameLabels) -> Self {
        Self {
            changed: ChangeMap::new(frames.shown().grid().shape()),
            frames,
            edits: VecDeque::new(),
            bytes: 0,
            n_applied: 0,
            n_dropped: 0,
            open: None,
            revision: 0,
            edition: 0,
            saved_at: Some(0),
            budget_bytes: Self::BUDGET_BYTES,
            changes: Vec::new(),
        }
    }

    /// The labels as they are now: the mask of the frame shown, or the one for all frames.
    pub fn labels(&self) -> &LabelMap {
        self.frames.shown()
    }

    /// The same for another thread: a snapshot that later changes leave alone.
    pub fn shared(&self) -> Arc<LabelMap> {
        Arc::clone(self.frames.shown())
    }

    /// The masks of all frames.
    pub fn frames(&self) -> &FrameLabels {
        &self.frames
    }

    /// The masks that are saved, as snapshots: one for each frame, or one for all.
    pub fn in_use(&self) -> Vec<Arc<LabelMap>> {
        self.frames.masks()[self.frames.in_use()].to_vec()
    }

    /// Shows a frame: from now on the tools work on its mask. A gesture that is going on ends.
    pub fn show(&mut self, frame: usize) {
        self.commit();
        self.following(|history| history.frames.show(frame));
    }

    /// Adds frames with empty masks where there are fewer.
    pub fn grow(&mut self, n_frames: usize) {
        self.frames.grow(n_frames);
    }

    /// Takes the place of a history whose numbers others may still know: this one's [`revision`](History::revision) goes on from it.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        self.revision += before.revision;
        self.edition += before.edition + 1;
        self.mark_all();
        self
    }

    /// Reads the same ids on another grid of their shape, such as [`LabelMap::with_pixel_mm`] gives: no change of the labels, but of
    /// what they measure.
    pub fn read_as(&mut self, read: impl Fn(&LabelMap) -> Option<LabelMap>) {
        for mask in 0..self.frames.masks().len() {
            let labels = self.frames.mask_mut(mask);
            read(labels).into_iter().for_each(|other| *labels = Arc::new(other));
        }
        self.mark_all();
    }

    /// Carries `edit` out on the mask worked on, as an entry of its own; edits that could have been redone are forgotten.
    ///
    /// Where the labels changed since the edit was made, its new ids count and undoing brings back what was there.
    ///
    /// # Panics
    /// Where the edit was made for labels of another shape.
    pub fn apply(&mut self, edit: Edit) {
        self.apply_to_frames(FrameEdits::of_one(self.frames.mask(), edit));
    }

    /// As [`History::apply`], on the masks that the edits name. What is of frames that there are not is left out.
    ///
    /// # Panics
    /// Where an edit was made for labels of another shape.
    pub fn apply_to_frames(&mut self, edits: FrameEdits) {
        self.commit();
        if let Some(edits) = edits.rebased(self.frames.masks()) {
            self.carry_out(&edits);
            self.push(edits);
        }
    }

    /// Gives all frames the one mask of the frame shown, or each frame its own again. The masks of the other frames stay as
    /// they are meanwhile; it is an entry as any other.
    pub fn share_mask(&mut self, one_for_all: bool) {
        let before = self.frames.one_for_all();
        if before.is_some() != one_for_all {
            let name = if one_for_all { "One mask for all frames" } else { "A mask for each frame" };
            let after = one_for_all.then_some(self.frames.frame());
            self.apply_to_frames(FrameEdits::of_sharing(name, before, after));
        }
    }

    /// Carries `edit` out as a part of the gesture that is going on, under the name of the gesture's first part.
    ///
    /// # Panics
    /// Where the edit was made for labels of another shape.
    pub fn stage(&mut self, edit: Edit) {
        let mask = self.frames.mask();
        let Some(edit) = edit.rebased(&self.frames.masks()[mask]) else { return };
        self.open.get_or_insert_with(|| Stroke::new(edit.name(), self.frames.shown())).extend(&edit);
        self.carry_out(&FrameEdits::of_one(mask, edit));
    }

    /// Ends the gesture: what was staged becomes one entry. Does nothing where nothing is staged.
    pub fn commit(&mut self) {
        if let Some(edit) = self.open.take().and_then(Stroke::finish) {
            self.push(FrameEdits::of_one(self.frames.mask(), edit));
        }
    }

    /// Gives the gesture up: takes back what was staged.
    pub fn rollback(&mut self) {
        if let Some(edit) = self.open.take().and_then(Stroke::finish) {
            self.take_back(&FrameEdits::of_one(self.frames.mask(), edit));
        }
    }

    /// Takes the newest entry back and says its name, or does nothing at the beginning. A gesture that is going on ends.
    /// Where it was of other frames than the one shown, the first of them is shown.
    pub fn undo(&mut self) -> Option<&str> {
        self.commit();
        self.n_applied = self.n_applied.checked_sub(1)?;
        let edits = Arc::clone(&self.edits[self.n_applied]);
        self.take_back(&edits);
        self.go_to_frame_of(&edits);
        self.changes.push(Change::Undone(edits));
        Some(self.edits[self.n_applied].name())
    }

    /// Carries the entry out again that was taken back last and says its name, or does nothing at the end. Goes to its frame as
    /// [`History::undo`] does.
    pub fn redo(&mut self) -> Option<&str> {
        self.commit();
        let edits = Arc::clone(self.edits.get(self.n_applied)?);
        self.carry_out(&edits);
        self.go_to_frame_of(&edits);
        self.changes.push(Change::Redone(edits));
        self.n_applied += 1;
        Some(self.edits[self.n_applied - 1].name())
    }

    /// The name of what [`History::undo`] would take back.
    pub fn can_undo(&self) -> Option<&str> {
        self.edits.get(self.n_applied.checked_sub(1)?).map(|edits| edits.name())
    }

    /// The name of what [`History::redo`] would carry out.
    pub fn can_redo(&self) -> Option<&str> {
        self.edits.get(self.n_applied).map(|edits| edits.name())
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
        self.edits.iter().enumerate().map(|(idx, edits)| self.line(idx, edits))
    }

    fn line<'a>(&self, idx: usize, edits: &'a FrameEdits) -> Entry<'a> {
        let frame = match edits.parts() {
            [(mask, _)] if self.frames.masks().len() > 1 => Some(*mask),
            _ => None,
        };
        Entry { name: edits.name(), n_voxels: edits.n_voxels(), frame, is_applied: idx < self.n_applied }
    }

    /// The entry number `idx`, counted from the oldest.
    pub fn entry(&self, idx: usize) -> Option<Entry<'_>> {
        self.edits.get(idx).map(|edits| self.line(idx, edits))
    }

    /// How many entries are in the labels.
    pub fn n_applied(&self) -> usize {
        self.n_applied
    }

    /// How many of the oldest entries were given up to keep within the budget; they cannot be undone.
    pub fn n_dropped(&self) -> usize {
        self.n_dropped
    }

    /// Grows with every change of [`History::labels`]: with edits, undo and redo, and where another mask is shown.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Grows with every change of any frame's mask, undo and redo included, and stays where another is shown.
    pub fn edition(&self) -> u64 {
        self.edition
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

    fn carry_out(&mut self, edits: &FrameEdits) {
        for (mask, edit) in edits.parts() {
            edit.apply(Arc::make_mut(self.frames.mask_mut(*mask)).ids_mut());
        }
        self.count(edits);
        if let Some([_, after]) = edits.one_for_all() {
            self.following(|history| history.frames.set_one_for_all(after));
        }
    }

    fn take_back(&mut self, edits: &FrameEdits) {
        for (mask, edit) in edits.parts() {
            edit.revert(Arc::make_mut(self.frames.mask_mut(*mask)).ids_mut());
        }
        self.count(edits);
        if let Some([before, _]) = edits.one_for_all() {
            self.following(|history| history.frames.set_one_for_all(before));
        }
    }

    fn count(&mut self, edits: &FrameEdits) {
        self.revision += 1;
        self.edition += 1;
        let shown = self.frames.mask();
        for (_, edit) in edits.parts().iter().filter(|(mask, _)| *mask == shown) {
            self.changed.mark(&edit.bounds(), self.revision);
        }
    }

    /// Does something after which another mask may be the one shown: then all of it has changed.
    fn following(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.frames.mask();
        change(self);
        if self.frames.mask() != before {
            self.mark_all();
        }
    }

    /// Says that all of the labels may be others than before.
    fn mark_all(&mut self) {
        self.revision += 1;
        let whole: [Range<usize>; 3] = self.labels().grid().shape().map(|size| 0..size);
        self.changed.mark(&VoxelBox(whole), self.revision);
    }

    fn go_to_frame_of(&mut self, edits: &FrameEdits) {
        let is_shown = |(mask, _): &(usize, Edit)| *mask == self.frames.mask();
        if self.frames.one_for_all().is_none()
            && !edits.parts().iter().any(is_shown)
            && let Some((first, _)) = edits.parts().first()
        {
            self.following(|history| history.frames.show(*first));
        }
    }

    /// Makes an entry of an edit that is in the labels already.
    fn push(&mut self, edits: FrameEdits) {
        self.bytes -= self.edits.drain(self.n_applied..).map(|edits| edits.bytes()).sum::<usize>();
        if self.saved_at > Some(self.n_dropped + self.n_applied) {
            // What was saved lay ahead, among the edits that were just forgotten.
            self.saved_at = None;
        }
        let edits = Arc::new(edits);
        self.bytes += edits.bytes();
        self.changes.push(Change::Applied(Arc::clone(&edits)));
        self.edits.push_back(edits);
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
mod tests;
