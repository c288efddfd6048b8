//! Bits of frames: which frames labels make, and how their pixels are packed.

use std::collections::BTreeMap;

use crate::domain::LabelMap;
use crate::monitor::{Cancelled, Monitor};

/// The mask of one segment in one slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Frame {
    /// Number of the segment, from 1.
    pub segment: u16,
    /// Along the grid's last axis.
    pub slice: usize,
}

/// Labels as frames, segment after segment, each from its first slice on. Slices without a label make none.
pub(super) struct Packed {
    pub frames: Vec<Frame>,
    /// One bit a pixel, the lowest first, frames right behind each other (PS3.5, 8.1.1).
    pub bits: Vec<u8>,
}

impl Packed {
    /// Packs the labels whose ids are `used`, ascending: the first is segment 1.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn of(labels: &LabelMap, used: &[u16], monitor: &dyn Monitor) -> Result<Self, Cancelled> {
        let [width, height, n_slices] = labels.grid().shape();
        let n_pixels = width * height;
        let mut ids = vec![0; n_pixels];
        let mut frames = Vec::new();
        let segment = |id: u16| used.binary_search(&id).ok().map(|at| at as u16 + 1);
        for slice in 0..n_slices {
            monitor.report("Writing", slice as u64, 2 * n_slices as u64)?;
            labels.copy_range(slice * n_pixels, &mut ids);
            let mut is_seen = vec![false; used.len() + 1];
            ids.iter().filter_map(|&id| segment(id)).for_each(|segment| is_seen[usize::from(segment)] = true);
            frames.extend((1..=used.len()).filter(|&n| is_seen[n]).map(|n| Frame { segment: n as u16, slice }));
        }
        frames.sort();
        let places: BTreeMap<Frame, usize> = frames.iter().enumerate().map(|(at, frame)| (*frame, at)).collect();
        // An even number of bytes, as all values have.
        let mut bits = vec![0; (frames.len() * n_pixels).div_ceil(16) * 2];
        for slice in 0..n_slices {
            monitor.report("Writing", (n_slices + slice) as u64, 2 * n_slices as u64)?;
            labels.copy_range(slice * n_pixels, &mut ids);
            let mut at = 0;
            for run in ids.chunk_by(|a, b| a == b) {
                let frame = segment(run[0]).and_then(|segment| places.get(&Frame { segment, slice }));
                for pixel in
                    frame.map(|frame| frame * n_pixels + at..frame * n_pixels + at + run.len()).into_iter().flatten()
                {
                    bits[pixel / 8] |= 1 << (pixel % 8);
                }
                at += run.len();
            }
        }
        Ok(Self { frames, bits })
    }
}

/// Whether bit `at` is set.
pub(super) fn is_set(bits: &[u8], at: usize) -> bool {
    bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;
    use crate::monitor::Silent;

    #[test]
    fn frames_follow_each_other_bit_by_bit() {
        // 3 × 1 × 3: 7 5 0 | 0 0 0 | 0 7 7.
        let grid = Grid::axis_aligned([3, 1, 3], [1.0; 3]).unwrap();
        let labels = LabelMap::new(grid, vec![7, 5, 0, 0, 0, 0, 0, 7, 7]).unwrap();
        let Packed { frames, bits } = Packed::of(&labels, &[5, 7], &Silent).unwrap();
        let frame = |segment, slice| Frame { segment, slice };
        assert_eq!(frames, [frame(1, 0), frame(2, 0), frame(2, 2)]);
        // 010 100 011, the lowest bit first.
        assert_eq!(bits, [0b1000_1010, 0b1]);
        let set: Vec<usize> = (0..20).filter(|&at| is_set(&bits, at)).collect();
        assert_eq!(set, [1, 3, 7, 8]);
    }
}
