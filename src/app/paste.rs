//! Labels and maps brought in from other files.

use super::App;
use super::long_edit::{Ending, Outcome};
use super::tools::ValueMap;
use crate::domain::slice_copy::paste;
use crate::domain::{Label, LabelTable};
use crate::engine::{Job, OpenedLabels, OpenedMap};

impl App {
    /// Reads a map to paint within.
    pub(super) fn open_map(&mut self, path: std::path::PathBuf) {
        let Some(case) = &self.state.case else { return };
        let grid = case.grid().clone();
        self.state.opening_map = Some(self.engine.submit(Job::OpenMap { path, grid }));
    }

    /// Reads labels to lay over those that are there.
    pub(super) fn open_to_paste(&mut self, path: std::path::PathBuf) {
        let Some(case) = &self.state.case else { return };
        self.state.pasting = Some(self.engine.submit(case.open_labels_job(path)));
    }

    pub(super) fn show_map(&mut self, opened: OpenedMap) {
        let OpenedMap { name, values, histogram } = opened;
        self.with_case(|case| {
            let map = ValueMap { name, values: std::sync::Arc::new(values), histogram };
            case.limits = case.limits.with_map(&map);
            case.map = Some(map);
        });
    }

    /// Lays labels over those that are there, as one change that can be undone.
    pub(super) fn paste(&mut self, opened: OpenedLabels) {
        let all = self.state.settings.tools.copies_all;
        let Some(case) = &mut self.state.case else { return };
        let only = if all { None } else { case.active_label().map(|label| label.name.clone()) };
        let mut table = case.table.clone();
        let ids = ids_here(&mut table, &opened.table, only.as_deref());
        if ids.is_empty() {
            let wanted = only.unwrap_or_default();
            self.state.notices.warning(format!("The file has no label {wanted}; choose that of all labels to paste"));
            return;
        }
        if table != case.table {
            case.table = table;
            case.table_revision += 1;
            case.table_is_saved = false;
        }
        let labels = opened.of_frame(case.frame);
        self.change_at_length("Paste", Ending::Apply, move |snapshot, _| {
            let here = |id: u16| ids.iter().find(|(theirs, _)| *theirs == id).map_or(0, |(_, here)| *here);
            let edit = paste(&snapshot.rules.canvas(&snapshot.labels), &labels, here, "Paste");
            Ok(Outcome { edit, ..Outcome::default() })
        });
    }
}

/// What the ids of another table are in `table`, to which labels that it lacks are added: the same name is the same label. With
/// `only`, that name alone.
fn ids_here(table: &mut LabelTable, theirs: &LabelTable, only: Option<&str>) -> Vec<(u16, u16)> {
    let wanted = theirs.labels.iter().filter(|label| only.is_none_or(|name| name == label.name));
    wanted.filter_map(|label| Some((label.id, id_here(table, label)?))).collect()
}

fn id_here(table: &mut LabelTable, label: &Label) -> Option<u16> {
    if let Some(known) = table.labels.iter().find(|known| known.name == label.name) {
        return Some(known.id);
    }
    let id = if table.get(label.id).is_none() { label.id } else { table.free_id()? };
    table.push(Label { id, ..label.clone() });
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[(u16, &str)]) -> LabelTable {
        LabelTable { labels: names.iter().map(|(id, name)| Label::new(*id, *name)).collect() }
    }

    #[test]
    fn labels_of_one_name_are_one_label_and_others_get_free_ids() {
        let mut here = table(&[(1, "Head"), (2, "Body")]);
        let ids = ids_here(&mut here, &table(&[(1, "Body"), (2, "Cyst"), (5, "Vein")]), None);
        assert_eq!(ids, [(1, 2), (2, 3), (5, 5)]);
        assert_eq!((here.name(3), here.name(5)), ("Cyst".to_owned(), "Vein".to_owned()));
    }

    #[test]
    fn one_label_alone_adds_no_other() {
        let mut here = table(&[(1, "Head")]);
        assert_eq!(ids_here(&mut here, &table(&[(4, "Head"), (5, "Vein")]), Some("Head")), [(4, 1)]);
        assert_eq!(ids_here(&mut here, &table(&[(5, "Vein")]), Some("Head")), []);
        assert_eq!(here, table(&[(1, "Head")]));
    }
}
