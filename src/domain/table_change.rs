//! How a label table changes with an edit, so that undoing the edit brings the names back.

use super::{Label, LabelTable};

/// The labels that come, go or change, and nothing of those that stay: what a person renames in between is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct TableChange {
    /// With their places in the list.
    before: Vec<(usize, Label)>,
    after: Vec<(usize, Label)>,
}

impl TableChange {
    /// What turns `before` into `after`; `None` where they are equal.
    pub fn between(before: &LabelTable, after: &LabelTable) -> Option<Self> {
        let missing = |from: &LabelTable, of: &LabelTable| -> Vec<(usize, Label)> {
            let labels = of.labels.iter().cloned().enumerate();
            labels.filter(|(_, label)| from.get(label.id) != Some(label)).collect()
        };
        let change = Self { before: missing(after, before), after: missing(before, after) };
        (!change.before.is_empty() || !change.after.is_empty()).then_some(change)
    }

    /// Carries the change out.
    pub fn forth(&self, table: &mut LabelTable) {
        exchange(table, &self.before, &self.after);
    }

    /// Takes the change back.
    pub fn back(&self, table: &mut LabelTable) {
        exchange(table, &self.after, &self.before);
    }
}

fn exchange(table: &mut LabelTable, gone: &[(usize, Label)], come: &[(usize, Label)]) {
    table.labels.retain(|label| !gone.iter().chain(come).any(|(_, other)| other.id == label.id));
    for (place, label) in come {
        table.labels.insert((*place).min(table.labels.len()), label.clone());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_table() -> impl Strategy<Value = LabelTable> {
        prop::collection::btree_map(1..8u16, prop::sample::select(vec!["a", "b"]), 0..6).prop_map(|labels| LabelTable {
            labels: labels.into_iter().map(|(id, name)| Label::new(id, name)).collect(),
        })
    }

    #[test]
    fn equal_tables_make_no_change() {
        assert_eq!(TableChange::between(&LabelTable::with_ids(&[1, 2]), &LabelTable::with_ids(&[1, 2])), None);
    }

    #[test]
    fn what_is_renamed_in_between_keeps_its_name() {
        let (before, after) = (LabelTable::with_ids(&[1]), LabelTable::with_ids(&[1, 2]));
        let change = TableChange::between(&before, &after).unwrap();
        let mut table = after;
        table.get_mut(1).unwrap().name = "Liver".to_owned();
        change.back(&mut table);
        assert_eq!((table.name(1), table.labels.len()), ("Liver".to_owned(), 1));
    }

    proptest! {
        #[test]
        fn a_change_goes_forth_and_back(before in any_table(), after in any_table()) {
            let mut table = before.clone();
            let Some(change) = TableChange::between(&before, &after) else { return Ok(()) };
            change.forth(&mut table);
            prop_assert_eq!(&table, &after);
            change.back(&mut table);
            prop_assert_eq!(&table, &before);
        }
    }
}
