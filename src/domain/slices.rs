//! Slices and frames taken one by one.

use std::borrow::Cow;

use super::{Grid, LabelMap};

/// One slice, or frame, of several: all that a model for pictures answers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneSlice {
    /// The voxel axis that goes through.
    pub axis: usize,
    /// Counted along it.
    pub index: usize,
}

impl OneSlice {
    /// Whether a position in memory lies in it.
    pub fn holds(self, grid: &Grid, position: usize) -> bool {
        grid.voxel(position)[self.axis] == self.index
    }
}

impl LabelMap {
    /// What the answer of a model is compared with: where it saw one slice alone, the labels of that and background elsewhere.
    pub fn seen(&self, slice: Option<OneSlice>) -> Cow<'_, Self> {
        let Some(slice) = slice else { return Cow::Borrowed(self) };
        let kept = |(at, id)| if id != 0 && slice.holds(self.grid(), at) { id } else { 0 };
        let ids = self.iter().enumerate().map(kept).collect();
        Cow::Owned(Self::new(self.grid().clone(), ids).unwrap_or_else(|_| Self::empty(self.grid().clone())))
    }
}

impl Grid {
    /// Where each frame of a series lies; of other grids the grid itself.
    #[must_use]
    pub fn of_one_time(&self) -> Self {
        if self.is_series() { self.slice(2, 0).in_space() } else { self.clone() }
    }

    /// The same with slices along the third axis read as frames of a series, or the other way round.
    #[must_use]
    pub fn with_time_swapped(&self) -> Self {
        let n_slices = self.shape()[2];
        if self.is_series() { self.clone().in_space() } else { self.clone().in_time(n_slices) }
    }

    /// The voxel axis through the axial slices, or frames, that a model for pictures takes one by one; `None` where there is one
    /// alone.
    pub fn slices_axis(&self) -> Option<usize> {
        let axis = self.canonical_axes().0[2];
        (self.shape()[axis] > 1).then_some(axis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slice_keeps_its_labels_alone() {
        let labels = LabelMap::new(Grid::axis_aligned([2, 3, 2], [1.0; 3]).unwrap(), (1..13).collect()).unwrap();
        let only = |axis, index| labels.seen(Some(OneSlice { axis, index })).to_ids();
        assert_eq!(only(2, 1), [0, 0, 0, 0, 0, 0, 7, 8, 9, 10, 11, 12]);
        assert_eq!(only(0, 0), [1, 0, 3, 0, 5, 0, 7, 0, 9, 0, 11, 0]);
        assert_eq!(only(1, 2), [0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 11, 12]);
        assert_eq!(*labels.seen(None), labels);
    }
}
