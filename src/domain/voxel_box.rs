//! Boxes of voxels.

use std::ops::Range;

/// A box of voxels: a range of indices along each axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoxelBox(pub [Range<usize>; 3]);

impl VoxelBox {
    /// The smallest box that holds a run of positions in memory on a grid of this `shape`. The run is not empty.
    pub fn of_run(shape: [usize; 3], run: Range<usize>) -> Self {
        let [ni, nj, _] = shape;
        let [first, last] = [run.start, run.end - 1];
        let [first_row, last_row] = [first / ni, last / ni];
        let [first_sheet, last_sheet] = [first_row / nj, last_row / nj];
        // A run that goes on in the next row touches both ends of the axis, and so for the next sheet.
        let i = if first_row == last_row { first % ni..last % ni + 1 } else { 0..ni };
        let j = if first_sheet == last_sheet { first_row % nj..last_row % nj + 1 } else { 0..nj };
        Self([i, j, first_sheet..last_sheet + 1])
    }

    /// The smallest box that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let span = |axis: usize| {
            let (a, b) = (&self.0[axis], &other.0[axis]);
            a.start.min(b.start)..a.end.max(b.end)
        };
        Self([0, 1, 2].map(span))
    }

    /// How many voxels it has along each axis.
    pub fn shape(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.0[axis].len())
    }

    /// Position among the box's own voxels, first axis fastest, of a voxel inside it that lies at `position` of a grid of
    /// `shape`.
    pub fn position_within(&self, shape: [usize; 3], position: usize) -> usize {
        let voxel = [position % shape[0], position / shape[0] % shape[1], position / (shape[0] * shape[1])];
        let [i, j, k] = [0, 1, 2].map(|axis| voxel[axis] - self.0[axis].start);
        let [ni, nj, _] = self.shape();
        i + ni * (j + nj * k)
    }

    /// The position in a grid of `shape` of the voxel that is the box's own at `position`.
    pub fn position_in_grid(&self, shape: [usize; 3], position: usize) -> usize {
        let [ni, nj, _] = self.shape();
        let voxel = [position % ni, position / ni % nj, position / (ni * nj)];
        let [i, j, k] = [0, 1, 2].map(|axis| voxel[axis] + self.0[axis].start);
        i + shape[0] * (j + shape[1] * k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_in_a_box_and_in_its_grid_are_each_others_way_back() {
        let (shape, inner) = ([5, 4, 6], VoxelBox([1..4, 2..4, 0..5]));
        let n_voxels = inner.shape().iter().product::<usize>();
        let back: Vec<usize> =
            (0..n_voxels).map(|at| inner.position_within(shape, inner.position_in_grid(shape, at))).collect();
        assert_eq!(back, (0..n_voxels).collect::<Vec<_>>());
        assert_eq!(inner.position_in_grid(shape, 0), 1 + 5 * 2);
        assert_eq!(inner.position_in_grid(shape, n_voxels - 1), 3 + 5 * (3 + 4 * 4));
    }
}
