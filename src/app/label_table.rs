//! What the label table's controls do: order, colours, what is shown, labels that go, and files of names.
//!
//! Names, colours and order are not part of the history. A label goes and comes back with its voxels.

use std::path::{Path, PathBuf};

use super::App;
use super::background::Task;
use super::case::Case;
use super::files::file_name;
use super::long_edit::{Ending, Outcome};
use super::state::{Dialog, State};
use crate::domain::history::Change;
use crate::domain::{Label, LabelTable, Palette};
use crate::engine::Job;
use crate::io::label_table;

/// A change of the label table.
#[derive(Clone, Debug, PartialEq)]
pub enum TableEdit {
    /// Put a label into another row.
    Move {
        /// The label.
        id: u16,
        /// Counted from 0.
        row: usize,
    },
    /// Show only this label, or all again that this has hidden.
    Isolate(u16),
    /// Put the crosshair into the middle of a label.
    GoTo(u16),
    /// Delete a label; asks first where it has voxels.
    Delete(u16),
    /// Delete a label and make background of its voxels.
    Erase(u16),
    /// Delete every label that has no voxels and is not locked.
    RemoveUnused,
    /// Give every label its colour of a palette, and new labels theirs from now on.
    Recolor(Palette),
}

/// One label is shown alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// The label.
    pub id: u16,
    /// Labels that were shown before.
    hidden: Vec<u16>,
}

impl Case {
    /// The row of a label, from 0.
    pub fn row_of(&self, id: u16) -> Option<usize> {
        self.table.labels.iter().position(|label| label.id == id)
    }

    /// The table is another one now and has to be saved.
    pub fn touch_table(&mut self) {
        self.table_revision += 1;
        self.table_is_saved = false;
    }

    /// Shows one label alone, or all again if it was. What was hidden before stays hidden.
    fn isolate(&mut self, id: u16) {
        let before = self.isolation.take();
        before.iter().for_each(|isolation| self.show(&isolation.hidden));
        if before.is_none_or(|isolation| isolation.id != id) {
            let others = self.table.labels.iter_mut().filter(|label| label.id != id && label.visible);
            let hidden = others.filter_map(|label| std::mem::replace(&mut label.visible, false).then_some(label.id));
            self.isolation = Some(Isolation { id, hidden: hidden.collect() });
            self.show(&[id]);
        }
        // What is shown is no change that has to be saved.
        self.table_revision += 1;
    }

    /// The table without a label.
    fn table_without(&self, id: u16) -> LabelTable {
        LabelTable { labels: self.table.labels.iter().filter(|label| label.id != id).cloned().collect() }
    }

    /// Lets go of what belongs to the labels that are in `before` and no longer in the table. Undoing may need them again.
    pub fn forget_missing(&mut self, before: LabelTable) {
        for (row, label) in before.labels.into_iter().enumerate() {
            if self.table.get(label.id).is_some() {
                continue;
            }
            if self.active_label == label.id {
                let next = self.table.labels.get(row).or(self.table.labels.last());
                self.active_label = next.map_or(0, |label| label.id);
            }
            if let Some(isolation) = self.isolation.take_if(|isolation| isolation.id == label.id) {
                self.show(&isolation.hidden);
            }
            self.limits.forget(label.id);
            self.removed.insert(label.id, label);
        }
    }

    fn show(&mut self, ids: &[u16]) {
        ids.iter().for_each(|id| self.table.get_mut(*id).into_iter().for_each(|label| label.visible = true));
    }

    /// Brings labels back into the table that a change has given voxels.
    pub fn keep_labels_known(&mut self, change: &Change) {
        let (edits, sign) = change.signed();
        for (id, gain) in edits.parts().iter().flat_map(|(_, edit)| edit.gains()) {
            if id != 0 && sign * gain > 0 && self.table.get(id).is_none() {
                let label = self.removed.remove(&id).unwrap_or_else(|| Label::new(id, format!("Label {id}")));
                self.table.push(label);
                self.touch_table();
            }
        }
    }

    /// The smallest id that no label has or had: a step back must not give a new label the voxels of an old one.
    pub fn free_label_id(&self) -> Option<u16> {
        let mut known = self.table.clone();
        self.removed.values().for_each(|label| known.push(label.clone()));
        known.free_id()
    }

    /// Ids of the labels that have no voxels in any frame and are not locked; `None` until the voxels have been counted.
    pub fn unused_labels(&self) -> Option<Vec<u16>> {
        let unused = |label: &&Label| !label.locked && self.counts.in_all(label.id) == Some(0);
        self.counts.is_known().then(|| self.table.labels.iter().filter(unused).map(|label| label.id).collect())
    }
}

/// The table after reading names from a file: its labels take the place of those of the same id, which stay locked as
/// they were; new ones come last.
fn with_names(table: &LabelTable, names: LabelTable) -> LabelTable {
    let mut table = table.clone();
    for name in names.labels {
        let locked = table.get(name.id).is_some_and(|known| known.locked);
        table.push(Label { locked, ..name });
    }
    table
}

impl App {
    pub(super) fn edit_table(&mut self, edit: TableEdit) {
        match edit {
            TableEdit::Move { id, row } => self.with_case(|case| {
                case.table.move_to(id, row);
                case.touch_table();
            }),
            TableEdit::Isolate(id) => self.with_case(|case| case.isolate(id)),
            TableEdit::GoTo(id) => self.go_to_label(id),
            TableEdit::Delete(id) => self.delete_label(id),
            TableEdit::Erase(id) => self.erase_label(id),
            TableEdit::RemoveUnused => self.with_case(|case| {
                let unused = case.unused_labels().unwrap_or_default();
                let kept = case.table.labels.iter().filter(|label| !unused.contains(&label.id));
                case.set_table(LabelTable { labels: kept.cloned().collect() });
            }),
            TableEdit::Recolor(palette) => {
                self.remember(|known| known.palette = palette);
                self.with_case(|case| {
                    case.table.recolor(palette);
                    case.touch_table();
                });
            }
        }
    }

    /// A change of the label that is drawn with.
    pub(super) fn edit_active_label(&mut self, edit: impl FnOnce(u16) -> TableEdit) {
        if let Some(id) = active_id(&self.state) {
            self.edit_table(edit(id));
        }
    }

    /// Moves the label that is drawn with by `step` rows.
    pub(super) fn move_active_label(&mut self, step: isize) {
        let row = |case: &Case| case.row_of(case.active_label()?.id);
        let Some(row) = self.state.case.as_ref().and_then(row) else { return };
        self.edit_active_label(|id| TableEdit::Move { id, row: row.saturating_add_signed(step) });
    }

    fn go_to_label(&mut self, id: u16) {
        let Some(case) = &self.state.case else { return };
        self.background.submit(Task::Center { case: case.id, labels: case.history.shared(), id });
    }

    /// Shows the place of a label that was asked for.
    pub(super) fn show_center(&mut self, voxel: [usize; 3]) {
        self.with_case(|case| case.crosshair = voxel);
        if self.state.case.as_ref().is_some_and(|case| case.cameras.iter().any(|camera| camera.zoom > 1.0)) {
            self.center_views();
        }
    }

    fn delete_label(&mut self, id: u16) {
        let Some(case) = &mut self.state.case else { return };
        match case.counts.in_all(id) {
            Some(0) => case.set_table(case.table_without(id)),
            _ => self.state.dialog = Some(Dialog::DeleteLabel(id)),
        }
    }

    fn erase_label(&mut self, id: u16) {
        self.state.dialog = None;
        let Some(case) = &self.state.case else { return };
        let name = format!("Delete {}", case.table.name(id));
        let table = case.table_without(id);
        self.change_at_length(name.clone(), Ending::Apply, move |snapshot, _| {
            // A label that is gone is gone from every frame.
            let elsewhere = snapshot.elsewhere(|labels| labels.without(name.clone(), id));
            Ok(Outcome { edit: snapshot.labels.without(name, id), elsewhere, table: Some(table), note: None })
        });
    }

    /// Has a file of names read.
    pub(super) fn open_label_names(&mut self, path: PathBuf) {
        self.engine.submit(Job::OpenTable { path });
    }

    /// Takes in the names of a file.
    pub(super) fn use_label_names(&mut self, path: &Path, names: LabelTable) {
        let Some(case) = &mut self.state.case else { return };
        let n_labels = names.labels.len();
        case.table = with_names(&case.table, names);
        case.touch_table();
        self.state.notices.success(format!("Read {n_labels} label names from {}", file_name(path)));
    }

    /// Has the names written.
    pub(super) fn save_label_names(&mut self, path: PathBuf) {
        let Some(case) = &self.state.case else { return };
        let path = if path.extension().is_none() { path.with_extension("txt") } else { path };
        let text = label_table::to_text(&path, &case.table);
        self.engine.submit(Job::WriteText { path, text });
    }
}

fn active_id(state: &State) -> Option<u16> {
    Some(state.case.as_ref()?.active_label()?.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::case::tests::sample_case;

    fn case() -> Case {
        let mut case = sample_case();
        case.table = LabelTable::with_ids(&[1, 2, 3]);
        case
    }

    fn visible(case: &Case) -> Vec<u16> {
        case.table.labels.iter().filter(|label| label.visible).map(|label| label.id).collect()
    }

    #[test]
    fn isolation_shows_one_label_and_then_those_that_were_shown_before() {
        let mut case = case();
        case.table.labels[0].visible = false;
        case.isolate(2);
        assert_eq!(visible(&case), [2]);
        case.isolate(3);
        assert_eq!(visible(&case), [3], "another one takes its place");
        case.isolate(3);
        assert_eq!((visible(&case), case.isolation.clone()), (vec![2, 3], None));
        assert!(case.table_is_saved, "what is shown need not be saved");
    }

    #[test]
    fn a_deleted_label_comes_back_when_its_voxels_do() {
        let mut case = case();
        case.table.labels[1].name = "Cyst".to_owned();
        let mut stroke = crate::domain::edit::Stroke::new("Brush", case.history.labels());
        stroke.set(5, 0, 2);
        case.history.apply(stroke.finish().expect("a change"));
        let edit = case.history.labels().without("Delete Cyst", 2).expect("it has a voxel");
        case.history.apply(edit);
        case.set_table(case.table_without(2));
        case.history.take_changes();
        assert_eq!((case.table.get(2), case.free_label_id()), (None, Some(4)));
        case.history.undo();
        let changes = case.history.take_changes();
        changes.iter().for_each(|change| case.keep_labels_known(change));
        assert_eq!(case.table.name(2), "Cyst");
    }

    #[test]
    fn names_from_a_file_keep_locks_and_labels_that_it_does_not_name() {
        let mut case = case();
        case.table.labels[0].locked = true;
        let names = LabelTable { labels: vec![Label::new(7, "Stone"), Label::new(1, "Kidney")] };
        let table = with_names(&case.table, names);
        let listed: Vec<_> = table.labels.iter().map(|label| (label.id, label.name.as_str(), label.locked)).collect();
        assert_eq!(listed, [(1, "Kidney", true), (2, "Label 2", false), (3, "Label 3", false), (7, "Stone", false)]);
    }
}
