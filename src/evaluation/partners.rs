//! Which labels of two label maps are the same, whatever their ids, and what a voxel's change from one map to the other is.

use std::collections::BTreeMap;

use crate::domain::{Label, LabelMap, LabelTable};

/// What says that two labels are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedBy {
    /// They have the same name, whatever its case.
    Name,
    /// They have the same id, and neither has a partner of its name.
    Id,
}

/// A label of the reference, a label of the labels, or one of both that are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The labels' name for it, else the reference's.
    pub name: String,
    /// Its id in the reference; `None` where it has no such label.
    pub reference: Option<u16>,
    /// Its id in the labels; `None` where they have no such label.
    pub labels: Option<u16>,
    /// Why both are one; `None` where it has no partner.
    pub by: Option<MatchedBy>,
}

/// What became of a voxel of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has a label that the reference has not there.
    Added,
    /// It has none where the reference has one.
    Removed,
    /// Both have the same label.
    Kept,
    /// Both have a label, but not the same.
    Swapped,
}

/// All labels of two tables, those that are the same as one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partners {
    pairs: Vec<Pair>,
    /// The number of each id in the reference: its place among the pairs from 1 on; 0 for ids that are none of its.
    of_reference: Vec<u32>,
    of_labels: Vec<u32>,
}

impl Partners {
    /// Matches labels of the same name first, then, of those that are left, labels of the same id. The reference's labels come
    /// first, in its order.
    pub fn of(reference: &LabelTable, theirs: &LabelTable) -> Self {
        let mut free: Vec<&Label> = theirs.labels.iter().collect();
        let mut take =
            |is_it: &dyn Fn(&Label) -> bool| free.iter().position(|label| is_it(label)).map(|at| free.remove(at).id);
        let by_name: Vec<Option<u16>> =
            reference.labels.iter().map(|known| take(&|label| is_same_name(&known.name, &label.name))).collect();
        let mut pairs: Vec<Pair> = Vec::with_capacity(reference.labels.len());
        for (known, by_name) in reference.labels.iter().zip(by_name) {
            let (labels, by) = match by_name {
                Some(id) => (Some(id), Some(MatchedBy::Name)),
                None => {
                    let id = take(&|label| label.id == known.id);
                    (id, id.map(|_| MatchedBy::Id))
                }
            };
            let name = labels.map_or_else(|| known.name.clone(), |id| theirs.name(id));
            pairs.push(Pair { name, reference: Some(known.id), labels, by });
        }
        pairs.extend(free.into_iter().map(|label| Pair {
            name: label.name.clone(),
            reference: None,
            labels: Some(label.id),
            by: None,
        }));
        let numbers = |id_of: &dyn Fn(&Pair) -> Option<u16>| {
            let mut numbers = vec![0; pairs.iter().filter_map(id_of).max().map_or(0, |id| usize::from(id) + 1)];
            for (number, pair) in (1..).zip(&pairs) {
                id_of(pair).into_iter().for_each(|id| numbers[usize::from(id)] = number);
            }
            numbers
        };
        let (of_reference, of_labels) = (numbers(&|pair| pair.reference), numbers(&|pair| pair.labels));
        Self { pairs, of_reference, of_labels }
    }

    /// The labels, those of the reference first.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// What became of a voxel that has `reference` in the one and `labels` in the other; `None` where it has none in either.
    /// With `only`, the place of a pair, all other labels count as none.
    pub fn change(&self, reference: u16, labels: u16, only: Option<usize>) -> Option<Change> {
        if (reference, labels) == (0, 0) {
            return None;
        }
        let is_meant = |number: &u32| only.is_none_or(|only| *number as usize == only + 1);
        let was = number(&self.of_reference, reference).filter(is_meant);
        let is = number(&self.of_labels, labels).filter(is_meant);
        match (was, is) {
            (None, None) => None,
            (None, Some(_)) => Some(Change::Added),
            (Some(_), None) => Some(Change::Removed),
            (Some(was), Some(is)) if was == is => Some(Change::Kept),
            (Some(_), Some(_)) => Some(Change::Swapped),
        }
    }
}

/// Ids that no table knows are the same where they are equal.
fn number(numbers: &[u32], id: u16) -> Option<u32> {
    let known = numbers.get(usize::from(id)).copied().filter(|number| *number != 0);
    (id != 0).then(|| known.unwrap_or(u32::from(u16::MAX) + 1 + u32::from(id)))
}

fn is_same_name(a: &str, b: &str) -> bool {
    let plain = |name: &str| name.trim().to_lowercase();
    !a.trim().is_empty() && plain(a) == plain(b)
}

/// `labels` with the ids that `table` has for the labels' names; `None` where they have them already.
pub fn with_ids_of(labels: &LabelMap, labels_table: &LabelTable, table: &LabelTable) -> Option<LabelMap> {
    let own = ids_in(table, labels_table);
    if own.iter().all(|(other, own)| other == own) {
        return None;
    }
    let ids = labels.iter().map(|id| own.get(&id).copied().unwrap_or(id)).collect();
    LabelMap::new(labels.grid().clone(), ids).ok()
}

/// By the other table's id: the id in `table` of the label that is the same.
pub fn ids_in(table: &LabelTable, other: &LabelTable) -> BTreeMap<u16, u16> {
    let partners = Partners::of(other, table);
    // A label without a partner is none of those of `table`, whatever its id.
    let own = |pair: &Pair| Some((pair.reference?, pair.labels.unwrap_or(0)));
    partners.pairs().iter().filter_map(own).collect()
}

/// Dice of each label of `table`, in its order, between `labels` and another map of the same shape, whatever ids the other's
/// labels have; `None` where a label is in neither. With the truth it is accuracy; with another answer it is agreement, and
/// no more than that.
pub fn dice_by_label(
    (labels, table): (&LabelMap, &LabelTable),
    (other, other_table): (&LabelMap, &LabelTable),
) -> Vec<Option<f64>> {
    let own = ids_in(table, other_table);
    // By id: voxels of the one, of the other, and of both.
    let mut counts: BTreeMap<u16, [u64; 3]> = table.labels.iter().map(|label| (label.id, [0; 3])).collect();
    let mut last = (0, 0);
    let mut mapped = |id: u16| {
        if last.0 != id {
            last = (id, own.get(&id).copied().unwrap_or(id));
        }
        last.1
    };
    for (a, b) in labels.iter().zip(other.iter()).filter(|pair| *pair != (0, 0)) {
        let b = mapped(b);
        let mut count = |id: u16, which: usize| {
            if let Some(counts) = counts.get_mut(&id) {
                counts[which] += 1;
            }
        };
        count(a, 0);
        count(b, 1);
        if a == b {
            count(a, 2);
        }
    }
    let dice = |[a, b, both]: [u64; 3]| (a + b > 0).then(|| 2.0 * both as f64 / (a + b) as f64);
    table.labels.iter().map(|label| dice(counts[&label.id])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(names: &[(u16, &str)]) -> LabelTable {
        LabelTable { labels: names.iter().map(|(id, name)| Label::new(*id, *name)).collect() }
    }

    fn found(partners: &Partners) -> Vec<(Option<u16>, Option<u16>, Option<MatchedBy>)> {
        partners.pairs().iter().map(|pair| (pair.reference, pair.labels, pair.by)).collect()
    }

    #[test]
    fn names_come_before_ids_and_what_is_left_stands_alone() {
        let partners = Partners::of(
            &table(&[(1, "Anterior"), (2, "Posterior"), (5, "Cyst")]),
            &table(&[(1, "posterior "), (2, "Label 2"), (3, "Anterior"), (9, "Vein")]),
        );
        let (name, id) = (Some(MatchedBy::Name), None);
        assert_eq!(
            found(&partners),
            [
                (Some(1), Some(3), name),
                (Some(2), Some(1), name),
                (Some(5), None, id),
                (None, Some(2), id),
                (None, Some(9), id)
            ]
        );
    }

    #[test]
    fn without_names_labels_of_one_id_are_one() {
        let partners = Partners::of(&table(&[(1, "Anterior"), (2, "")]), &table(&[(2, ""), (1, "Label 1")]));
        let id = Some(MatchedBy::Id);
        assert_eq!(found(&partners), [(Some(1), Some(1), id), (Some(2), Some(2), id)]);
        assert_eq!(partners.pairs()[0].name, "Label 1");
    }

    #[test]
    fn a_voxels_change_goes_by_partners_not_by_ids() {
        let partners = Partners::of(&table(&[(1, "A"), (2, "B")]), &table(&[(1, "B"), (2, "A"), (7, "C")]));
        let changes = [(0, 0), (1, 2), (1, 1), (1, 0), (0, 1), (2, 7), (50, 50), (50, 51)];
        let found = changes.map(|(was, is)| partners.change(was, is, None));
        let [kept, swapped] = [Some(Change::Kept), Some(Change::Swapped)];
        let (removed, added) = (Some(Change::Removed), Some(Change::Added));
        assert_eq!(found, [None, kept, swapped, removed, added, swapped, kept, swapped]);
        // A alone: B counts as none.
        assert_eq!(
            changes.map(|(was, is)| partners.change(was, is, Some(0)))[..5],
            [None, kept, removed, removed, None]
        );
    }

    proptest! {
        #[test]
        fn every_label_is_in_one_pair(a in prop::collection::vec((1..9_u16, "[a-c]{0,2}"), 0..7), b in prop::collection::vec((1..9_u16, "[a-c]{0,2}"), 0..7)) {
            let unique = |labels: Vec<(u16, String)>| {
                let mut table = LabelTable::default();
                labels.into_iter().for_each(|(id, name)| table.push(Label::new(id, name)));
                table
            };
            let (a, b) = (unique(a), unique(b));
            let partners = Partners::of(&a, &b);
            let mut ids: Vec<u16> = partners.pairs().iter().filter_map(|pair| pair.labels).collect();
            let mut expected: Vec<u16> = b.labels.iter().map(|label| label.id).collect();
            ids.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(ids, expected);
            let of_reference: Vec<u16> = partners.pairs().iter().filter_map(|pair| pair.reference).collect();
            prop_assert_eq!(of_reference, a.labels.iter().map(|label| label.id).collect::<Vec<_>>());
            for pair in partners.pairs() {
                prop_assert_eq!(pair.by.is_some(), pair.reference.is_some() && pair.labels.is_some());
            }
        }
    }

    #[test]
    fn dice_goes_by_names_and_else_by_ids_and_is_that_of_the_metrics() {
        let (own, other) = (
            table(&[(1, "Head"), (2, "Tail"), (3, "Neck"), (4, "Rib")]),
            table(&[(7, "tail"), (1, "Head"), (3, "Label 3")]),
        );
        let map = |ids: &[u16]| {
            let grid = crate::domain::Grid::axis_aligned([ids.len(), 1, 1], [1.0; 3]).unwrap();
            LabelMap::new(grid, ids.to_vec()).unwrap()
        };
        let (a, b) = ([1, 1, 2, 2, 0, 3], [1, 0, 7, 7, 7, 3]);
        let found = dice_by_label((&map(&a), &own), (&map(&b), &other));
        assert_eq!(found, [Some(2.0 / 3.0), Some(0.8), Some(1.0), None]);
        let by_id = dice_by_label((&map(&a), &own), (&map(&b), &own));
        let expected: Vec<_> = own.labels.iter().map(|label| super::super::metrics::dice(&a, &b, label.id)).collect();
        assert_eq!(by_id, expected);
    }

    #[test]
    fn labels_get_the_ids_of_another_table_and_those_without_a_partner_none() {
        let table = |labels: &[(u16, &str)]| LabelTable {
            labels: labels.iter().map(|&(id, name)| Label::new(id, name)).collect(),
        };
        let (own, theirs) =
            (table(&[(1, "Liver"), (2, "Spleen")]), table(&[(5, "spleen"), (2, "Kidney"), (1, "Liver")]));
        let grid = crate::domain::Grid::axis_aligned([4, 1, 1], [1.0; 3]).unwrap();
        let labels = LabelMap::new(grid, vec![0, 5, 2, 1]).unwrap();
        assert_eq!(with_ids_of(&labels, &theirs, &own).unwrap().to_ids(), [0, 2, 0, 1]);
        assert!(with_ids_of(&labels, &own, &own).is_none(), "nothing to change");
    }
}
