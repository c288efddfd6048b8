//! The smallest box around a label, cut out of the map: most labels are small and most volumes are not.

use super::LabelMap;

/// A box of ids around all voxels of one label.
pub(in crate::domain) struct Cutout {
    /// The label.
    pub id: u16,
    /// Ids in the box, first axis fastest.
    pub ids: Vec<u16>,
    /// Voxels of the box along each axis.
    pub shape: [usize; 3],
    low: [usize; 3],
    whole_shape: [usize; 3],
}

impl Cutout {
    /// The box that just holds label `id`, wider by `margin` voxels on every side where the volume goes on. `None` where the
    /// label does not occur, or is background.
    pub fn around(labels: &LabelMap, id: u16, margin: [usize; 3]) -> Option<Self> {
        let bounds = labels.bounds_of(|other| other == id)?.0;
        let whole_shape = labels.grid().shape();
        let low = [0, 1, 2].map(|axis| bounds[axis].start.saturating_sub(margin[axis]));
        let high = [0, 1, 2].map(|axis| (bounds[axis].end + margin[axis]).min(whole_shape[axis]));
        let shape = [0, 1, 2].map(|axis| high[axis] - low[axis]);
        let mut ids = vec![0; shape.iter().product()];
        let mut rows = ids.chunks_exact_mut(shape[0]);
        for k in low[2]..high[2] {
            for (j, row) in (low[1]..high[1]).zip(&mut rows) {
                labels.copy_range(labels.grid().index([low[0], j, k]), row);
            }
        }
        Some(Self { id, ids, shape, low, whole_shape })
    }

    /// Whether a position in the box has the label.
    pub fn is_inside(&self, position: usize) -> bool {
        self.ids[position] == self.id
    }

    /// The voxel of the box at a position in it.
    pub fn voxel(&self, position: usize) -> [usize; 3] {
        let [ni, nj, _] = self.shape;
        [position % ni, position / ni % nj, position / (ni * nj)]
    }

    /// The position in the whole map.
    pub fn position_in_whole(&self, position: usize) -> usize {
        let voxel = self.voxel(position);
        let [i, j, k] = [0, 1, 2].map(|axis| voxel[axis] + self.low[axis]);
        i + self.whole_shape[0] * (j + self.whole_shape[1] * k)
    }
}
