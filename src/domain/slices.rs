//! Slices and frames taken one by one.

use super::Grid;

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
