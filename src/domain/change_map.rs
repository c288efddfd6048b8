//! When each part of a volume changed last, so that what shows one part need not be made anew for a change of another.

use super::grid::VoxelBox;

/// Voxels along each side of a part.
const EDGE: usize = 128;

/// When each part of a volume changed last.
#[derive(Clone, Debug)]
pub struct ChangeMap {
    n_parts: [usize; 3],
    /// The number of the last change of each part, 0 for none; the first axis fastest.
    last: Vec<u64>,
}

impl ChangeMap {
    /// Of a volume that has not changed yet.
    pub fn new(shape: [usize; 3]) -> Self {
        let n_parts = shape.map(|size| size.div_ceil(EDGE));
        Self { n_parts, last: vec![0; n_parts.iter().product()] }
    }

    /// Says that change number `revision`, greater than those before it, was within a box.
    pub fn mark(&mut self, within: &VoxelBox, revision: u64) {
        for part in self.parts(within) {
            self.last[part] = revision;
        }
    }

    /// The number of the last change that may have been within a box; 0 for none.
    pub fn last_within(&self, within: &VoxelBox) -> u64 {
        self.parts(within).map(|part| self.last[part]).max().unwrap_or(0)
    }

    /// The parts that a box, which is not empty, touches.
    fn parts(&self, VoxelBox(ranges): &VoxelBox) -> impl Iterator<Item = usize> + use<> {
        let [ni, nj, _] = self.n_parts;
        let [i, j, k] = [0, 1, 2].map(|axis| ranges[axis].start / EDGE..(ranges[axis].end - 1) / EDGE + 1);
        k.flat_map(move |k| {
            let i = i.clone();
            j.clone().flat_map(move |j| i.clone().map(move |i| i + ni * (j + nj * k)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_known_where_it_was_and_nowhere_far() {
        let mut map = ChangeMap::new([1000, 300, 5]);
        let at = |i, j| VoxelBox([i..i + 1, j..j + 1, 2..3]);
        map.mark(&at(200, 100), 1);
        map.mark(&VoxelBox([900..1000, 0..300, 0..5]), 2);
        assert_eq!([(200, 100), (700, 100), (999, 299)].map(|(i, j)| map.last_within(&at(i, j))), [1, 0, 2]);
        assert_eq!(map.last_within(&VoxelBox([0..1000, 0..300, 0..5])), 2);
    }
}
