//! What concerns one label of a map as a whole: where its middle lies, and taking it away.

use std::ops::Range;

use rayon::iter::ParallelIterator;

use super::{Edit, LabelMap, edit::Stroke};

impl LabelMap {
    /// The voxel of label `id` that lies nearest, in millimetres, to the middle of all of its voxels; `None` where it
    /// has none. Looks at the whole map: not for the time of a frame.
    pub fn center_of(&self, id: u16) -> Option<[usize; 3]> {
        let voxel = |position: usize| self.grid().voxel(position).map(|index| index as f64);
        let add = |a: ([f64; 3], u64), b: ([f64; 3], u64)| ([0, 1, 2].map(|axis| a.0[axis] + b.0[axis]), a.1 + b.1);
        let parts = self.labelled_chunks().map(|(start, ids)| {
            let positions = runs(start, ids, id).flatten();
            positions.fold(([0.0; 3], 0), |sum, position| add(sum, (voxel(position), 1)))
        });
        let (sum, n_voxels) = parts.reduce(|| ([0.0; 3], 0), add);
        let middle = sum.map(|sum| sum / n_voxels as f64);
        let spacing_mm = self.grid().spacing_mm();
        let distance2 = |position: usize| -> f64 {
            let at = voxel(position);
            [0, 1, 2].iter().map(|&axis| ((at[axis] - middle[axis]) * spacing_mm[axis]).powi(2)).sum()
        };
        let nearest = self.labelled_chunks().filter_map(|(start, ids)| {
            let positions = runs(start, ids, id).flatten().map(|position| (distance2(position), position));
            positions.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
        });
        let nearest = nearest.reduce_with(|a, b| if (b.0, b.1) < (a.0, a.1) { b } else { a });
        nearest.map(|(_, position)| self.grid().voxel(position))
    }

    /// The edit that makes background of all voxels of label `id`; `None` where it has none. Looks at the whole map: not
    /// for the time of a frame.
    pub fn without(&self, name: impl Into<String>, id: u16) -> Option<Edit> {
        let mut found: Vec<Range<usize>> =
            self.labelled_chunks().flat_map_iter(|(start, ids)| runs(start, ids, id).collect::<Vec<_>>()).collect();
        found.sort_unstable_by_key(|run| run.start);
        let mut stroke = Stroke::new(name, self);
        found.into_iter().for_each(|run| stroke.set_all(run, id, 0));
        stroke.finish()
    }
}

/// The positions in memory of label `id` among `ids`, of which the first lies at `start`.
fn runs(start: usize, ids: &[u16], id: u16) -> impl Iterator<Item = Range<usize>> {
    let mut end = start;
    ids.chunk_by(|a, b| a == b).filter_map(move |run| {
        let first = end;
        end += run.len();
        (run[0] == id && id != 0).then_some(first..first + run.len())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Grid, History};

    fn map(shape: [usize; 3], ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(shape, [1.0, 1.0, 3.0]).unwrap(), ids).unwrap()
    }

    #[test]
    fn the_middle_of_a_ring_is_a_voxel_of_the_ring() {
        let ids = (0..25).map(|at| u16::from(at != 12)).collect();
        let ring = map([5, 5, 1], ids);
        let center = ring.center_of(1).unwrap();
        assert_eq!(ring.get(center), 1);
        assert_eq!(center[0].abs_diff(2) + center[1].abs_diff(2), 1);
        assert_eq!(ring.center_of(2), None);
        assert_eq!(ring.center_of(0), None, "background has no middle");
    }

    #[test]
    fn distances_count_in_millimetres() {
        // The third voxel is the nearest to the middle by index, the farthest in millimetres.
        let mut ids = vec![0; 5 * 5];
        (ids[0], ids[4], ids[2 + 5 * 2]) = (1, 1, 1);
        let center = map([5, 1, 5], ids).center_of(1).unwrap();
        assert_eq!(center, [0, 0, 0]);
    }

    proptest! {
        #[test]
        fn taking_a_label_away_leaves_all_others_and_can_be_undone(
            ids in prop::collection::vec(0u16..4, 60), id in 0u16..4,
        ) {
            let mut history = History::new(map([5, 4, 3], ids.clone()));
            let expected: Vec<u16> = ids.iter().map(|&was| if was == id { 0 } else { was }).collect();
            if let Some(edit) = history.labels().without("Delete", id) {
                history.apply(edit);
            }
            prop_assert_eq!(history.labels().to_ids(), expected);
            history.undo();
            prop_assert_eq!(history.labels().to_ids(), ids);
        }
    }
}
