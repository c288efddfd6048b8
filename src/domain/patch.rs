//! Parts of slices, at full size or reduced: what a screen can show of a slice that is larger than it.

use std::ops::Range;

use super::LabelMap;
use super::grid::{SliceAxes, SliceWalk, VoxelBox};

/// A rectangle of a slice as it lies on the screen, with one pixel for each block of `step` × `step`. The blocks at the right
/// and lower edge may be smaller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Patch {
    /// Pixels of the slice along the screen's x.
    pub columns: Range<usize>,
    /// Pixels of the slice along the screen's y.
    pub rows: Range<usize>,
    /// Pixels of the slice along each side of a block; at least 1.
    pub step: usize,
}

impl Patch {
    /// All of a slice of `[width, height]` pixels.
    pub fn whole([width, height]: [usize; 2]) -> Self {
        Self { columns: 0..width, rows: 0..height, step: 1 }
    }

    /// Its width and height in pixels of its own.
    pub fn size(&self) -> [usize; 2] {
        [self.columns.len().div_ceil(self.step), self.rows.len().div_ceil(self.step)]
    }

    /// The voxels that it shows of slice `index` of a grid of this `shape`.
    pub fn voxels(&self, shape: [usize; 3], axes: &SliceAxes, index: usize) -> VoxelBox {
        let first = axes.voxel(shape, [self.columns.start, self.rows.start], index);
        let last = axes.voxel(shape, [self.columns.end - 1, self.rows.end - 1], index);
        VoxelBox([0, 1, 2].map(|axis| first[axis].min(last[axis])..first[axis].max(last[axis]) + 1))
    }

    /// The middles of its blocks, row by row, as pixels of the slice.
    pub fn middles(&self) -> impl Iterator<Item = [usize; 2]> {
        let columns = self.middle_columns();
        self.middle_rows().flat_map(move |y| columns.clone().map(move |x| [x, y]))
    }

    /// The columns of the middles of its blocks.
    pub fn middle_columns(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        middles(&self.columns, self.step)
    }

    /// The rows of the middles of its blocks.
    pub fn middle_rows(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        middles(&self.rows, self.step)
    }
}

/// The middle of each block of a range.
fn middles(range: &Range<usize>, step: usize) -> impl Iterator<Item = usize> + Clone + use<> {
    let last = range.end - 1;
    range.clone().step_by(step).map(move |start| (start + step / 2).min(last))
}

impl SliceWalk {
    /// The pixels of a patch at full size.
    pub fn part(&self, patch: &Patch) -> Self {
        let start = self.at([patch.columns.start, patch.rows.start]);
        Self { width: patch.columns.len(), height: patch.rows.len(), start, ..*self }
    }

    /// Fills an image of the patch's own size with `pixel(position in memory)` of the middle of each block.
    pub fn sample<P>(&self, patch: &Patch, image: &mut [P], pixel: impl Fn(usize) -> P) {
        if patch.step == 1 {
            return self.part(patch).fill(image, pixel);
        }
        let [width, _] = patch.size();
        let columns: Vec<isize> = middles(&patch.columns, patch.step).map(|x| x as isize * self.step_right).collect();
        for (row, y) in image.chunks_exact_mut(width).zip(middles(&patch.rows, patch.step)) {
            let start = self.at([0, y]);
            row.iter_mut().zip(&columns).for_each(|(out, &right)| *out = pixel(start.wrapping_add_signed(right)));
        }
    }

    /// The position of a pixel in memory.
    pub fn at(&self, [x, y]: [usize; 2]) -> usize {
        self.start.wrapping_add_signed(x as isize * self.step_right + y as isize * self.step_down)
    }
}

impl LabelMap {
    /// The ids of a part of slice `index`, row by row; reduced, that of each block's middle.
    pub fn patch_ids(&self, axes: &SliceAxes, index: usize, patch: &Patch) -> Vec<u16> {
        let shape = self.grid().shape();
        let walk = axes.walk(shape, index.min(shape[axes.through] - 1));
        let [width, height] = patch.size();
        let mut ids = vec![0; width * height];
        if patch.step == 1 && walk.step_right == 1 {
            let rows = ids.chunks_exact_mut(width).zip(patch.rows.clone());
            rows.for_each(|(row, y)| self.copy_range(walk.at([patch.columns.start, y]), row));
        } else {
            walk.sample(patch, &mut ids, |position| self.id_at(position));
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Convention, Grid, Plane};

    proptest! {
        #[test]
        fn each_pixel_is_the_label_in_the_middle_of_its_block(
            ids in prop::collection::vec(0..9u16, 7 * 6 * 5),
            plane in prop::sample::select(vec![Plane::Axial, Plane::Coronal, Plane::Sagittal]),
            is_radiological: bool,
            (index, step) in (0..5usize, 1..4usize),
            (left, top, right, bottom) in (0..3usize, 0..3usize, 0..2usize, 0..2usize),
        ) {
            let labels = LabelMap::new(Grid::axis_aligned([7, 6, 5], [1.0; 3]).unwrap(), ids).unwrap();
            let convention = if is_radiological { Convention::Radiological } else { Convention::Neurological };
            let axes = labels.grid().slice_axes(plane, convention);
            let (width, height, whole) = labels.slice_ids(&axes, index);
            let patch = Patch { columns: left..width - right, rows: top..height - bottom, step };
            let expected: Vec<u16> = patch.middles().map(|[x, y]| whole[x + y * width]).collect();
            prop_assert_eq!(expected.len(), patch.size().iter().product::<usize>());
            prop_assert_eq!(labels.patch_ids(&axes, index, &patch), expected);
            let inside = patch.voxels([7, 6, 5], &axes, index);
            prop_assert_eq!(inside.shape()[axes.right] * inside.shape()[axes.down], patch.columns.len() * patch.rows.len());
            for [x, y] in patch.middles() {
                prop_assert!(patch.columns.contains(&x) && patch.rows.contains(&y));
                let voxel = axes.voxel([7, 6, 5], [x, y], index);
                prop_assert!((0..3).all(|axis| inside.0[axis].contains(&voxel[axis])));
            }
        }
    }
}
