//! What can be done to a whole label at once. Each operation makes one [`Edit`] and, where labels come or go, a new table.

use std::sync::Arc;

use super::reshape::{self, Smoothing};
use super::{Edit, Label, LabelMap, LabelTable, edit::Stroke, pieces};
use crate::monitor::{Cancelled, Monitor};

/// Most pieces into which a label is split: more are noise, and no list for a person.
pub const MOST_PIECES: usize = 200;

/// Something to do to a whole label.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Erases all but the largest connected piece.
    KeepLargest,
    /// Erases connected pieces smaller than this, in mm³.
    RemoveIslands(f64),
    /// Adds the background that it encloses: in the volume, or in each slice across a voxel axis.
    FillHoles(Option<usize>),
    /// Adds the background within this distance in mm.
    Grow(f64),
    /// Takes what lies within this distance in mm of anything else.
    Shrink(f64),
    /// Makes its surface smooth.
    Smooth(Smoothing),
    /// Leaves a wall of this thickness in mm.
    Hollow(f64),
    /// Adds the voxels of another label.
    Union(Operand),
    /// Leaves what it has in common with a label of another map.
    Intersection(Operand),
    /// Takes the voxels of a label of another map away.
    Difference(Operand),
    /// Gives every connected piece but the largest a label of its own.
    Split,
    /// Makes it part of another label; its own goes.
    Merge(u16),
    /// Gives it another id that is free.
    Relabel(u16),
}

/// The other label of an operation on two.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// The map that it lies in, of the same shape; `None` for the labels themselves, in which no two overlap.
    pub map: Option<Arc<LabelMap>>,
    /// Its id there.
    pub id: u16,
}

/// What an operation makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Operated {
    /// The change; `None` where no voxel changes.
    pub edit: Option<Edit>,
    /// The labels' names after it.
    pub table: LabelTable,
}

/// Why an operation cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// It was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Id 0 is no label.
    #[error("0 is the background, which is no label: choose a label")]
    Background,
    /// Locked labels do not change.
    #[error("{name} is locked: unlock it first")]
    Locked {
        /// The label's name.
        name: String,
    },
    /// There is nothing to work on.
    #[error("{name} has no voxels")]
    Empty {
        /// The label's name.
        name: String,
    },
    /// A split would make a list that nobody reads.
    #[error(
        "{name} has {n_pieces} pieces, more than the {MOST_PIECES} that can become labels: remove its islands first"
    )]
    TooManyPieces {
        /// The label's name.
        name: String,
        /// Its connected pieces.
        n_pieces: usize,
    },
    /// There is no id left, or the wanted one means something else.
    #[error("the id {id} is taken by {name}: choose a free one")]
    Taken {
        /// The id.
        id: u16,
        /// What it means.
        name: String,
    },
    /// Another grid.
    #[error("the other map has {found:?} voxels, the labels {expected:?}")]
    Shape {
        /// Of the labels.
        expected: [usize; 3],
        /// Of the other map.
        found: [usize; 3],
    },
}

impl Operation {
    /// Does it to label `id` of `labels`, in time that grows with the box around the label.
    ///
    /// # Errors
    /// [`OperationError`].
    pub fn run(
        &self,
        labels: &LabelMap,
        table: &LabelTable,
        id: u16,
        monitor: &dyn Monitor,
    ) -> Result<Operated, OperationError> {
        if id == 0 || self.other_id() == Some(0) {
            return Err(OperationError::Background);
        }
        for id in self.changed_ids(id) {
            if table.get(id).is_some_and(|label| label.locked) {
                return Err(OperationError::Locked { name: table.name(id) });
            }
        }
        if labels.bounds_of(|other| other == id).is_none() && !matches!(self, Self::Union(_) | Self::Merge(_)) {
            return Err(OperationError::Empty { name: table.name(id) });
        }
        let edit = match self {
            Self::Split => return split(labels, table, id, monitor),
            Self::Merge(into) => return Ok(merge(labels, table, id, *into)),
            Self::Relabel(to) => return relabel(labels, table, id, *to),
            Self::KeepLargest => pieces::keep_largest(labels, table, id, monitor)?,
            Self::RemoveIslands(mm3) => {
                // Pieces of just this volume stay, whatever the division rounds to.
                let min_voxels = (mm3 / labels.grid().voxel_volume_mm3() - 1e-9).ceil() as usize;
                pieces::remove_islands(labels, table, id, min_voxels, monitor)?
            }
            Self::FillHoles(through) => pieces::fill_holes(labels, table, id, *through, monitor)?,
            Self::Grow(mm) => reshape::grow(labels, id, *mm, monitor)?,
            Self::Shrink(mm) => reshape::shrink(labels, id, *mm, monitor)?,
            Self::Smooth(how) => reshape::smooth(labels, id, *how, monitor)?,
            Self::Hollow(mm) => reshape::hollow(labels, id, *mm, monitor)?,
            Self::Union(other) => combine(labels, table, other, "Union", |now, has| (has && now != id).then_some(id))?,
            Self::Intersection(other) => {
                combine(labels, table, other, "Intersection", |now, has| (now == id && !has).then_some(0))?
            }
            Self::Difference(other) => {
                combine(labels, table, other, "Difference", |now, has| (now == id && has).then_some(0))?
            }
        };
        Ok(Operated { edit, table: table.clone() })
    }

    /// The second label that it is about.
    fn other_id(&self) -> Option<u16> {
        match self {
            Self::Union(other) | Self::Intersection(other) | Self::Difference(other) => Some(other.id),
            Self::Merge(into) => Some(*into),
            Self::Relabel(to) => Some(*to),
            _ => None,
        }
    }

    /// The labels that must not be locked.
    fn changed_ids(&self, id: u16) -> Vec<u16> {
        match self {
            Self::Union(Operand { map: None, id: other }) | Self::Merge(other) => vec![id, *other],
            _ => vec![id],
        }
    }
}

/// Changes voxels by their id and whether the other label has them, as `next` says.
fn combine(
    labels: &LabelMap,
    table: &LabelTable,
    other: &Operand,
    name: &str,
    next: impl Fn(u16, bool) -> Option<u16>,
) -> Result<Option<Edit>, OperationError> {
    let theirs = other.map.as_deref().unwrap_or(labels);
    let (expected, found) = (labels.grid().shape(), theirs.grid().shape());
    if expected != found {
        return Err(OperationError::Shape { expected, found });
    }
    let mut stroke = Stroke::new(name, labels);
    let is_locked = |id: u16| table.get(id).is_some_and(|label| label.locked);
    for (start, ours, theirs) in labels.id_chunks().either_labelled(theirs.id_chunks()) {
        for (offset, (&now, &their)) in ours.iter().zip(theirs).enumerate() {
            if let Some(new) = next(now, their == other.id)
                && !is_locked(now)
            {
                stroke.set(start + offset, now, new);
            }
        }
    }
    Ok(stroke.finish())
}

fn split(labels: &LabelMap, table: &LabelTable, id: u16, monitor: &dyn Monitor) -> Result<Operated, OperationError> {
    let n_pieces = pieces::component_sizes(labels, id, monitor)?.len();
    let name = table.name(id);
    if n_pieces > MOST_PIECES {
        return Err(OperationError::TooManyPieces { name, n_pieces });
    }
    let mut table = table.clone();
    let mut ids = Vec::new();
    for piece in 2..=n_pieces {
        let Some(new) = table.free_id() else {
            return Err(OperationError::Taken { id: u16::MAX, name: table.name(u16::MAX) });
        };
        table.push(Label::new(new, format!("{name} {piece}")));
        ids.push(new);
    }
    Ok(Operated { edit: pieces::split(labels, id, &ids, monitor)?, table })
}

fn merge(labels: &LabelMap, table: &LabelTable, id: u16, into: u16) -> Operated {
    let mut table = table.clone();
    if id != into {
        table.labels.retain(|label| label.id != id);
    }
    Operated { edit: renamed(labels, id, into, "Merge"), table }
}

fn relabel(labels: &LabelMap, table: &LabelTable, id: u16, to: u16) -> Result<Operated, OperationError> {
    let is_taken = table.get(to).is_some() || labels.bounds_of(|other| other == to).is_some();
    if is_taken && to != id {
        return Err(OperationError::Taken { id: to, name: table.name(to) });
    }
    let mut table = table.clone();
    if let Some(label) = table.get_mut(id) {
        label.id = to;
    }
    Ok(Operated { edit: renamed(labels, id, to, "Change id"), table })
}

/// All voxels of one label become another's.
fn renamed(labels: &LabelMap, id: u16, to: u16, name: &str) -> Option<Edit> {
    let mut stroke = Stroke::new(name, labels);
    for (start, ids, _) in labels.id_chunks().either_labelled(labels.id_chunks()) {
        let has_id = ids.iter().enumerate().filter(|&(_, &now)| now == id);
        has_id.for_each(|(offset, _)| stroke.set(start + offset, id, to));
    }
    stroke.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Grid;
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [8, 6, 4];
    const N: usize = 192;

    fn labels(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0, 1.0, 2.0]).unwrap(), ids).unwrap()
    }

    fn table() -> LabelTable {
        LabelTable { labels: [(1, "Liver"), (2, "Tumor"), (5, "Spleen")].map(|(id, name)| Label::new(id, name)).into() }
    }

    fn row(ids: &[u16]) -> LabelMap {
        let mut all = vec![0; N];
        all[..ids.len()].copy_from_slice(ids);
        labels(all)
    }

    fn run(operation: &Operation, labels: &LabelMap, id: u16) -> (LabelMap, LabelTable) {
        let made = operation.run(labels, &table(), id, &Silent).unwrap();
        (made.edit.map_or_else(|| labels.clone(), |edit| edit.after(labels)), made.table)
    }

    #[track_caller]
    fn check(operation: Operation, before: &[u16], after: &[u16]) {
        assert_eq!(run(&operation, &row(before), 1).0, row(after));
    }

    #[test]
    fn background_is_no_label_to_work_on_or_with() {
        let (labels, other) = (row(&[1, 1, 0, 2]), || Operand { map: None, id: 0 });
        let run = |operation: Operation, id| operation.run(&labels, &table(), id, &Silent).map(|made| made.edit);
        let with_nothing = [
            Operation::Merge(0),
            Operation::Relabel(0),
            Operation::Union(other()),
            Operation::Intersection(other()),
            Operation::Difference(other()),
        ];
        for operation in with_nothing {
            assert_eq!(run(operation, 1), Err(OperationError::Background));
        }
        assert_eq!(run(Operation::KeepLargest, 0), Err(OperationError::Background));
    }

    #[test]
    fn pieces_become_labels_named_after_the_whole_the_largest_stays() {
        let (after, table) = run(&Operation::Split, &row(&[1, 0, 1, 1, 0, 1]), 1);
        assert_eq!(after, row(&[3, 0, 1, 1, 0, 4]));
        assert_eq!((table.name(3), table.name(4)), ("Liver 2".to_owned(), "Liver 3".to_owned()));
    }

    #[test]
    fn a_label_in_dust_is_not_split() {
        let dust = labels((0..N).map(|at| ((at + at / 8 + at / 48) % 2) as u16).collect());
        let n_pieces = pieces::component_sizes(&dust, 1, &Silent).unwrap().len();
        assert!(n_pieces > 90);
        let twice = LabelMap::new(
            Grid::axis_aligned([8, 6, 16], [1.0; 3]).unwrap(),
            (0..768).map(|at| ((at + at / 8 + at / 48) % 2) as u16).collect(),
        );
        let error = Operation::Split.run(&twice.unwrap(), &table(), 1, &Silent).unwrap_err();
        assert!(error.to_string().contains("remove its islands first"), "{error}");
    }

    #[test]
    fn labels_merge_and_the_one_that_is_empty_goes() {
        let (after, table) = run(&Operation::Merge(2), &row(&[1, 2, 0, 5]), 1);
        assert_eq!(after, row(&[2, 2, 0, 5]));
        assert_eq!(table.get(1), None);
    }

    #[test]
    fn an_id_changes_with_its_name_and_only_to_a_free_one() {
        let (after, table) = run(&Operation::Relabel(9), &row(&[1, 2]), 1);
        assert_eq!((after, table.name(9)), (row(&[9, 2]), "Liver".to_owned()));
        let error = Operation::Relabel(5).run(&row(&[1]), &super::tests::table(), 1, &Silent).unwrap_err();
        assert_eq!(error.to_string(), "the id 5 is taken by Spleen: choose a free one");
    }

    #[test]
    fn two_labels_are_combined() {
        let other = |ids: &[u16]| Operand { map: Some(Arc::new(row(ids))), id: 7 };
        check(Operation::Union(Operand { map: None, id: 2 }), &[1, 2, 5, 0], &[1, 1, 5, 0]);
        check(Operation::Union(other(&[0, 7, 7, 7])), &[1, 2, 5, 0], &[1, 1, 1, 1]);
        check(Operation::Intersection(other(&[7, 0, 7, 0])), &[1, 1, 5, 0], &[1, 0, 5, 0]);
        check(Operation::Difference(other(&[7, 0, 7, 0])), &[1, 1, 5, 0], &[0, 1, 5, 0]);
    }

    #[test]
    fn islands_are_told_by_their_volume() {
        // A voxel is 2 mm³.
        check(Operation::RemoveIslands(3.0), &[1, 0, 1, 1], &[0, 0, 1, 1]);
        check(Operation::RemoveIslands(2.0), &[1, 0, 1, 1], &[1, 0, 1, 1]);
    }

    #[test]
    fn what_takes_its_time_can_be_stopped() {
        struct Unwilling;

        impl Monitor for Unwilling {
            fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
                Err(Cancelled)
            }
        }

        for operation in [
            Operation::KeepLargest,
            Operation::RemoveIslands(2.0),
            Operation::FillHoles(None),
            Operation::Grow(2.0),
            Operation::Shrink(2.0),
            Operation::Smooth(Smoothing::Median(2.0)),
            Operation::Hollow(2.0),
            Operation::Split,
        ] {
            let found = operation.run(&row(&[1, 0, 1, 1]), &table(), 1, &Unwilling);
            assert_eq!(found, Err(OperationError::Cancelled(Cancelled)), "{operation:?}");
        }
    }

    #[test]
    fn what_cannot_be_done_says_why() {
        let mut locked = table();
        locked.labels[1].locked = true;
        let error =
            |operation: Operation, id| operation.run(&row(&[1, 2]), &locked, id, &Silent).unwrap_err().to_string();
        assert_eq!(error(Operation::KeepLargest, 2), "Tumor is locked: unlock it first");
        assert_eq!(error(Operation::Merge(2), 1), "Tumor is locked: unlock it first");
        assert_eq!(error(Operation::Grow(1.0), 5), "Spleen has no voxels");
    }

    fn any_operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            Just(Operation::KeepLargest),
            (0.0..8.0).prop_map(Operation::RemoveIslands),
            prop::option::of(0..3usize).prop_map(Operation::FillHoles),
            (0.5..4.0).prop_map(Operation::Grow),
            (0.5..3.0).prop_map(Operation::Shrink),
            (0.5..3.0).prop_map(|mm| Operation::Smooth(Smoothing::Median(mm))),
            (0.5..3.0).prop_map(|mm| Operation::Smooth(Smoothing::Gaussian(mm))),
            (0.5..3.0).prop_map(Operation::Hollow),
            Just(Operation::Union(Operand { map: None, id: 2 })),
            Just(Operation::Merge(2)),
            Just(Operation::Split),
        ]
    }

    proptest! {
        #[test]
        fn locked_labels_keep_every_voxel(ids in prop::collection::vec(prop::sample::select(vec![0, 0, 1, 1, 2, 5]), N), operation in any_operation()) {
            let labels = labels(ids);
            let mut table = table();
            table.labels[2].locked = true;
            let Ok(made) = operation.run(&labels, &table, 1, &Silent) else { return Ok(()) };
            let after = made.edit.map_or_else(|| labels.clone(), |edit| edit.after(&labels));
            prop_assert!(labels.iter().zip(after.iter()).all(|(old, new)| (old == 5) == (new == 5)));
            prop_assert!(after.used_ids().into_iter().all(|id| made.table.get(id).is_some()));
        }
    }
}
