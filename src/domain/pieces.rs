//! The connected pieces of a label, and its holes. Voxels are connected through faces.
//!
//! Locked labels neither gain nor lose voxels; each function says `None` where nothing changes, and ends with [`Cancelled`]
//! where its monitor wants no more of it.

use super::{Edit, LabelMap, LabelTable, cutout::Cutout, edit::Stroke, voxel_set::VoxelSet};
use crate::monitor::{Cancelled, Monitor};

const AXES: [usize; 3] = [0, 1, 2];

/// The sizes in voxels of the connected pieces of label `id`, largest first.
///
/// # Errors
/// [`Cancelled`], as for all of these.
pub fn component_sizes(labels: &LabelMap, id: u16, monitor: &dyn Monitor) -> Result<Vec<usize>, Cancelled> {
    let Some(part) = Cutout::around(labels, id, [0; 3]) else { return Ok(Vec::new()) };
    let mut sizes: Vec<usize> = part.components(monitor)?.iter().map(|component| component.n_voxels).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    Ok(sizes)
}

/// Erases all of label `id` but its largest connected piece; of equally large ones the first in memory stays.
///
/// # Errors
/// [`Cancelled`].
pub fn keep_largest(
    labels: &LabelMap,
    table: &LabelTable,
    id: u16,
    monitor: &dyn Monitor,
) -> Result<Option<Edit>, Cancelled> {
    let Some(part) = unlocked(labels, table, id) else { return Ok(None) };
    let dropped: Vec<Component> = part.components_by_size(monitor)?.into_iter().skip(1).collect();
    Ok(part.erase(Stroke::new("Keep largest piece", labels), &dropped))
}

/// Erases the connected pieces of label `id` that have fewer than `min_voxels` voxels.
///
/// # Errors
/// [`Cancelled`].
pub fn remove_islands(
    labels: &LabelMap,
    table: &LabelTable,
    id: u16,
    min_voxels: usize,
    monitor: &dyn Monitor,
) -> Result<Option<Edit>, Cancelled> {
    let Some(part) = unlocked(labels, table, id) else { return Ok(None) };
    let mut islands = part.components(monitor)?;
    islands.retain(|component| component.n_voxels < min_voxels);
    Ok(part.erase(Stroke::new("Remove islands", labels), &islands))
}

/// Gives each connected piece of label `id` but its largest an id of its own: the largest of those the first of `ids`, and so
/// on. Pieces for which there is no id stay as they are.
///
/// # Errors
/// [`Cancelled`].
pub fn split(labels: &LabelMap, id: u16, ids: &[u16], monitor: &dyn Monitor) -> Result<Option<Edit>, Cancelled> {
    let Some(part) = Cutout::around(labels, id, [0; 3]) else { return Ok(None) };
    let components = part.components_by_size(monitor)?;
    let mut stroke = Stroke::new("Split into pieces", labels);
    for (piece_idx, (component, &new)) in components.iter().skip(1).zip(ids).enumerate() {
        monitor.report("Splitting", piece_idx as u64, ids.len() as u64)?;
        let mut piece = VoxelSet::new(part.shape);
        piece.grow(component.first, &AXES, |position| part.is_inside(position));
        piece.positions().for_each(|position| stroke.set(part.position_in_whole(position), id, new));
    }
    Ok(stroke.finish())
}

/// Gives label `id` the background that it encloses: in the volume, or in each slice across the voxel axis `through`.
///
/// Other labels inside a hole stay, and what an edge of the volume helps to enclose is not a hole.
///
/// # Errors
/// [`Cancelled`].
pub fn fill_holes(
    labels: &LabelMap,
    table: &LabelTable,
    id: u16,
    through: Option<usize>,
    monitor: &dyn Monitor,
) -> Result<Option<Edit>, Cancelled> {
    let Some(part) = unlocked(labels, table, id) else { return Ok(None) };
    let axes: Vec<usize> = AXES.into_iter().filter(|&axis| Some(axis) != through).collect();
    let is_at_edge = |position: usize| {
        let voxel = part.voxel(position);
        axes.iter().any(|&axis| voxel[axis] == 0 || voxel[axis] + 1 == part.shape[axis])
    };
    // From outside the box that just holds the label, nothing bars the way to the edge of the volume.
    let mut outside = VoxelSet::new(part.shape);
    part.each_position("Looking for holes", monitor, |position| {
        if is_at_edge(position) {
            outside.grow(position, &axes, |position| !part.is_inside(position));
        }
    })?;
    let mut stroke = Stroke::new("Fill holes", labels);
    for position in (0..part.ids.len()).filter(|&position| part.ids[position] == 0 && !outside.contains(position)) {
        stroke.set(part.position_in_whole(position), 0, id);
    }
    Ok(stroke.finish())
}

/// A connected piece of a label.
struct Component {
    /// Its first voxel in memory.
    first: usize,
    n_voxels: usize,
}

impl Cutout {
    /// The pieces of the label, by their first voxel in memory.
    fn components(&self, monitor: &dyn Monitor) -> Result<Vec<Component>, Cancelled> {
        let mut seen = VoxelSet::new(self.shape);
        let mut components = Vec::new();
        self.each_position("Finding connected pieces", monitor, |first| {
            if self.is_inside(first) {
                let n_voxels = seen.grow(first, &AXES, |position| self.is_inside(position));
                components.extend((n_voxels > 0).then_some(Component { first, n_voxels }));
            }
        })?;
        Ok(components)
    }

    /// The pieces of the label, largest first, of equally large ones the first in memory.
    fn components_by_size(&self, monitor: &dyn Monitor) -> Result<Vec<Component>, Cancelled> {
        let mut components = self.components(monitor)?;
        // Stable, so that the order in memory stays.
        components.sort_by_key(|component| std::cmp::Reverse(component.n_voxels));
        Ok(components)
    }

    /// Visits every position of the box in memory's order and reports at each of its slices.
    fn each_position(
        &self,
        stage: &'static str,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(usize),
    ) -> Result<(), Cancelled> {
        let [ni, nj, nk] = self.shape;
        for k in 0..nk {
            monitor.report(stage, k as u64, nk as u64)?;
            (k * ni * nj..(k + 1) * ni * nj).for_each(&mut visit);
        }
        Ok(())
    }

    fn erase(&self, mut stroke: Stroke, components: &[Component]) -> Option<Edit> {
        let mut erased = VoxelSet::new(self.shape);
        for component in components {
            erased.grow(component.first, &AXES, |position| self.is_inside(position));
        }
        erased.positions().for_each(|position| stroke.set(self.position_in_whole(position), self.id, 0));
        stroke.finish()
    }
}

/// The box around label `id`; `None` where it has no voxels or is locked.
fn unlocked(labels: &LabelMap, table: &LabelTable, id: u16) -> Option<Cutout> {
    let is_locked = table.get(id).is_some_and(|label| label.locked);
    if is_locked { None } else { Cutout::around(labels, id, [0; 3]) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Grid, Label};
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [7, 6, 5];
    const N: usize = 210;

    fn labels(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), ids).unwrap()
    }

    fn any_labels() -> impl Strategy<Value = LabelMap> {
        prop::collection::vec(prop::sample::select(vec![0, 0, 1, 1, 1, 2]), N).prop_map(labels)
    }

    fn sizes_of(labels: &LabelMap, id: u16) -> Vec<usize> {
        component_sizes(labels, id, &Silent).unwrap()
    }

    fn open() -> LabelTable {
        LabelTable::default()
    }

    fn locked() -> LabelTable {
        LabelTable { labels: vec![Label { locked: true, ..Label::new(1, "locked") }] }
    }

    fn after(labels: &LabelMap, edit: Result<Option<Edit>, Cancelled>) -> LabelMap {
        edit.unwrap().map_or_else(|| labels.clone(), |edit| edit.after(labels))
    }

    /// A box of label 1 with its faces at the given distance from those of the volume, hollow.
    fn hollow_box() -> LabelMap {
        let mut ids = vec![0; N];
        for k in 1..4 {
            for j in 1..5 {
                for i in 1..6 {
                    let is_shell = [i == 1, i == 5, j == 1, j == 4, k == 1, k == 3].contains(&true);
                    ids[at([i, j, k])] = u16::from(is_shell);
                }
            }
        }
        labels(ids)
    }

    fn at([i, j, k]: [usize; 3]) -> usize {
        i + SHAPE[0] * (j + SHAPE[1] * k)
    }

    #[test]
    fn a_hollow_box_becomes_solid() {
        let hollow = hollow_box();
        let edit = fill_holes(&hollow, &open(), 1, None, &Silent).unwrap().unwrap();
        assert_eq!(edit.n_voxels(), 3 * 2);
        assert_eq!(fill_holes(&edit.after(&hollow), &open(), 1, None, &Silent), Ok(None));
    }

    #[test]
    fn other_labels_in_a_hole_stay() {
        let mut hollow = hollow_box();
        let at = at([3, 2, 2]);
        hollow.ids_mut().fill(at..at + 1, 2);
        let filled = after(&hollow, fill_holes(&hollow, &open(), 1, None, &Silent));
        assert_eq!((filled.id_at(at), filled.id_at(at + 1)), (2, 1));
    }

    #[test]
    fn an_open_box_has_holes_only_in_slices() {
        let mut opened = hollow_box();
        let at = at([3, 2, 1]);
        opened.ids_mut().fill(at..at + 1, 0);
        assert_eq!(fill_holes(&opened, &open(), 1, None, &Silent), Ok(None));
        assert_eq!(fill_holes(&opened, &open(), 1, Some(2), &Silent).unwrap().unwrap().n_voxels(), 3 * 2 + 1);
        assert_eq!(fill_holes(&opened, &open(), 1, Some(0), &Silent).unwrap().map_or(0, |edit| edit.n_voxels()), 4);
    }

    #[test]
    fn islands_are_those_below_the_size() {
        let mut ids = vec![0; N];
        ids[0..3].fill(1);
        ids[5] = 1;
        ids[30..32].fill(1);
        let labels = labels(ids);
        assert_eq!(sizes_of(&labels, 1), [3, 2, 1]);
        assert_eq!(sizes_of(&labels, 9), [0; 0]);
        assert_eq!(remove_islands(&labels, &open(), 1, 1, &Silent), Ok(None));
        let next = after(&labels, remove_islands(&labels, &open(), 1, 3, &Silent));
        assert_eq!(sizes_of(&next, 1), [3]);
        assert_eq!(after(&labels, keep_largest(&labels, &open(), 1, &Silent)), next);
    }

    #[test]
    fn locked_labels_stay_as_they_are() {
        let hollow = hollow_box();
        assert_eq!(fill_holes(&hollow, &locked(), 1, None, &Silent), Ok(None));
        assert_eq!(remove_islands(&hollow, &locked(), 1, 1000, &Silent), Ok(None));
        assert!(remove_islands(&hollow, &open(), 1, 1000, &Silent).unwrap().is_some());
    }

    proptest! {
        #[test]
        fn the_largest_piece_alone_stays(labels in any_labels()) {
            let sizes = sizes_of(&labels, 1);
            let next = after(&labels, keep_largest(&labels, &open(), 1, &Silent));
            prop_assert_eq!(sizes_of(&next, 1), &sizes[..sizes.len().min(1)]);
            prop_assert_eq!(keep_largest(&next, &open(), 1, &Silent), Ok(None));
            prop_assert_eq!(sizes_of(&next, 2), sizes_of(&labels, 2));
        }

        #[test]
        fn pieces_of_the_size_and_above_stay(labels in any_labels(), min_voxels in 0..8usize) {
            let expected: Vec<usize> =
                sizes_of(&labels, 1).into_iter().filter(|&n_voxels| n_voxels >= min_voxels).collect();
            let next = after(&labels, remove_islands(&labels, &open(), 1, min_voxels, &Silent));
            prop_assert_eq!(sizes_of(&next, 1), expected);
        }

        #[test]
        fn filling_adds_background_alone_and_only_once(
            labels in any_labels(), through in prop::sample::select(vec![None, Some(0), Some(1), Some(2)]),
        ) {
            let next = after(&labels, fill_holes(&labels, &open(), 1, through, &Silent));
            let mut pairs = labels.iter().zip(next.iter());
            prop_assert!(pairs.all(|(old, new)| old == new || (old, new) == (0, 1)));
            prop_assert_eq!(fill_holes(&next, &open(), 1, through, &Silent), Ok(None));
        }
    }
}
