//! Labels brought from elsewhere: from another slice, or from another label map on the same grid. Gesture to [`Edit`].

use super::{Edit, LabelMap, edit::Stroke, paint::Canvas};

/// Gives every voxel of slice `to` across the voxel axis `axis` the label of its neighbour in slice `from`: all labels, or
/// `only` one. Where `from` has none (or another than `only`) slice `to` stays as it is.
///
/// Both slices must lie inside. `None` where nothing changes.
pub fn copy_slice(canvas: &Canvas, axis: usize, from: usize, to: usize, only: Option<u16>) -> Option<Edit> {
    let labels = canvas.labels();
    let mut shape = labels.grid().shape();
    shape[axis] = 1;
    let mut stroke = Stroke::new("Copy slice", labels);
    for k in 0..shape[2] {
        for j in 0..shape[1] {
            for i in 0..shape[0] {
                let at = |index: usize| {
                    let mut voxel = [i, j, k];
                    voxel[axis] = index;
                    voxel
                };
                let id = labels.get(at(from));
                if id != 0 && only.is_none_or(|only| only == id) && !canvas.is_locked(id) {
                    canvas.paint(&mut stroke, at(to), id);
                }
            }
        }
    }
    stroke.finish()
}

/// Lays the labels of `other` over those of the canvas, as far as its rules allow. `id_here` says what an id of `other` becomes;
/// where that is 0, and where `other` has no label, nothing changes. Costs what either has labelled.
///
/// `name` is what the history panel says: "Paste". `None` where nothing changes.
///
/// # Panics
/// Where the shapes differ.
pub fn paste(canvas: &Canvas, other: &LabelMap, id_here: impl Fn(u16) -> u16, name: &str) -> Option<Edit> {
    let grid = canvas.labels().grid();
    assert_eq!(grid.shape(), other.grid().shape(), "labels are pasted on the grid on which they were made");
    let mut stroke = Stroke::new(name, canvas.labels());
    for (start, theirs, _) in other.id_chunks().either_labelled(canvas.labels().id_chunks()) {
        let mut position = start;
        for run in theirs.chunk_by(|a, b| a == b) {
            let id = if run[0] == 0 { 0 } else { id_here(run[0]) };
            if id != 0 && !canvas.is_locked(id) {
                let positions = position..position + run.len();
                positions.for_each(|position| canvas.paint(&mut stroke, grid.voxel(position), id));
            }
            position += run.len();
        }
    }
    stroke.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::paint::PaintOver;
    use crate::domain::{Grid, Label, LabelTable};

    const SHAPE: [usize; 3] = [5, 4, 3];
    const N: usize = 60;

    fn labels(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), ids).unwrap()
    }

    fn after(canvas: &Canvas, edit: Option<Edit>) -> LabelMap {
        edit.map_or_else(|| canvas.labels().clone(), |edit| edit.after(canvas.labels()))
    }

    #[test]
    fn locked_labels_are_neither_copied_nor_pasted_nor_replaced() {
        let labels = labels((0..N).map(|at| [1, 2, 3][at / 20]).collect());
        let lock = |id| LabelTable { labels: vec![Label { locked: true, ..Label::new(id, "locked") }] };
        for id in [1, 2] {
            assert_eq!(copy_slice(&Canvas::new(&labels, &lock(id)), 2, 0, 1, None), None);
        }
        let edit = copy_slice(&Canvas::new(&labels, &lock(3)), 2, 0, 1, None).unwrap();
        assert_eq!((edit.n_voxels(), edit.name()), (20, "Copy slice"));
        let ones = LabelMap::new(labels.grid().clone(), vec![1; N]).unwrap();
        assert_eq!(paste(&Canvas::new(&labels, &lock(1)), &ones, |id| id, "Paste"), None);
        assert_eq!(paste(&Canvas::new(&labels, &lock(3)), &ones, |id| id, "Paste").unwrap().n_voxels(), 20);
    }

    #[test]
    #[should_panic(expected = "on the grid")]
    fn labels_of_another_shape_are_refused() {
        let other = LabelMap::empty(Grid::axis_aligned([1, 2, 3], [1.0; 3]).unwrap());
        paste(&Canvas::new(&labels(vec![0; N]), &LabelTable::default()), &other, |id| id, "Paste");
    }

    proptest! {
        #[test]
        fn a_copied_slice_replaces_where_it_has_labels(
            ids in prop::collection::vec(0..4u16, N),
            axis in 0..3usize,
            slices in (0..60usize, 0..60usize),
            only in prop::sample::select(vec![None, Some(1), Some(2)]),
        ) {
            let labels = labels(ids);
            let (from, to) = (slices.0 % SHAPE[axis], slices.1 % SHAPE[axis]);
            let canvas = Canvas::new(&labels, &LabelTable::default());
            let next = after(&canvas, copy_slice(&canvas, axis, from, to, only));
            for at in 0..N {
                let mut voxel = labels.grid().voxel(at);
                let is_target = voxel[axis] == to;
                voxel[axis] = from;
                let copied = Some(labels.get(voxel)).filter(|&id| is_target && id != 0 && only.is_none_or(|only| only == id));
                prop_assert_eq!(next.id_at(at), copied.unwrap_or(labels.id_at(at)));
            }
        }

        #[test]
        fn pasting_lays_labels_over_those_that_may_be_painted_over(
            ids in prop::collection::vec(0..3u16, N),
            other in prop::collection::vec(0..4u16, N),
            over in prop::sample::select(vec![PaintOver::All, PaintOver::Unlabelled, PaintOver::Only(2)]),
        ) {
            let (labels, other) = (labels(ids), labels(other));
            let canvas = Canvas::new(&labels, &LabelTable::default()).painting_over(over);
            let id_here = |id| [7, 5, 0, 6][usize::from(id)];
            let next = after(&canvas, paste(&canvas, &other, id_here, "Paste"));
            for at in 0..N {
                let (old, theirs) = (labels.id_at(at), other.id_at(at));
                let is_pasted = [1, 3].contains(&theirs) && canvas.allows_label(old);
                prop_assert_eq!(next.id_at(at), if is_pasted { id_here(theirs) } else { old });
            }
        }
    }
}
