//! A set of voxels, one bit each, that can be grown through what is connected.

use std::ops::RangeInclusive;

/// Some of the voxels of a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::domain) struct VoxelSet {
    shape: [usize; 3],
    bits: Vec<u64>,
}

impl VoxelSet {
    /// No voxels of a grid of this shape.
    pub fn new(shape: [usize; 3]) -> Self {
        Self { shape, bits: vec![0; shape.iter().product::<usize>().div_ceil(64)] }
    }

    pub fn contains(&self, position: usize) -> bool {
        self.bits[position / 64] >> (position % 64) & 1 == 1
    }

    pub fn insert(&mut self, position: usize) {
        self.bits[position / 64] |= 1 << (position % 64);
    }

    /// Positions in memory, ascending.
    pub fn positions(&self) -> impl Iterator<Item = usize> {
        self.positions_in(0..=self.bits.len() * 64)
    }

    /// As [`VoxelSet::positions`] for a set that has none before the first or after the last of `span`, at the cost of that
    /// part alone.
    pub fn positions_in(&self, span: RangeInclusive<usize>) -> impl Iterator<Item = usize> {
        let words = self.bits.iter().enumerate().take(span.end() / 64 + 1).skip(span.start() / 64);
        words.filter(|&(_, &word)| word != 0).flat_map(|(word_idx, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| word_idx * 64 + bit)
        })
    }

    /// Adds all voxels that are `allowed` and connected with `seed` along `axes` (faces, not corners), as far as they are
    /// not in the set yet, and says how many were added.
    ///
    /// Fills whole lines at a time, so that what is still to be visited stays short.
    pub fn grow(&mut self, seed: usize, axes: &[usize], allowed: impl Fn(usize) -> bool) -> usize {
        let Some((&along, across)) = axes.split_first() else { return 0 };
        let is_free = |set: &Self, position: usize| allowed(position) && !set.contains(position);
        let stride = self.stride(along);
        let mut n_added = 0;
        let mut seeds = vec![seed];
        while let Some(seed) = seeds.pop() {
            if !is_free(self, seed) {
                continue;
            }
            let at = self.coordinate(seed, along);
            let n_before = (1..=at).take_while(|n| is_free(self, seed - n * stride)).count();
            let n_after = (1..self.shape[along] - at).take_while(|n| is_free(self, seed + n * stride)).count();
            let first = seed - n_before * stride;
            let line = (0..=n_before + n_after).map(|n| first + n * stride);
            line.clone().for_each(|position| self.insert(position));
            n_added += n_before + n_after + 1;
            for offset in across.iter().flat_map(|&axis| self.neighbors(seed, axis)) {
                // One seed is enough for each free stretch of a line beside.
                let mut was_free = false;
                for position in line.clone() {
                    let beside = position.wrapping_add_signed(offset);
                    let free = is_free(self, beside);
                    seeds.extend((free && !was_free).then_some(beside));
                    was_free = free;
                }
            }
        }
        n_added
    }

    fn stride(&self, axis: usize) -> usize {
        self.shape[..axis].iter().product()
    }

    fn coordinate(&self, position: usize, axis: usize) -> usize {
        position / self.stride(axis) % self.shape[axis]
    }

    /// Steps in memory to the neighbours along `axis` that lie inside.
    pub fn neighbors(&self, position: usize, axis: usize) -> impl Iterator<Item = isize> + use<> {
        let at = self.coordinate(position, axis);
        let stride = self.stride(axis) as isize;
        let before = (at > 0).then_some(-stride);
        let after = (at + 1 < self.shape[axis]).then_some(stride);
        before.into_iter().chain(after)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHAPE: [usize; 3] = [7, 5, 4];
    const N: usize = 140;

    /// Asks for all neighbours of all voxels until nothing is added.
    fn slow_grow(seed: usize, axes: &[usize], allowed: &[bool]) -> VoxelSet {
        let mut set = VoxelSet::new(SHAPE);
        if allowed[seed] {
            set.insert(seed);
        }
        loop {
            let before = set.clone();
            for position in before.positions() {
                for &axis in axes {
                    for offset in before.neighbors(position, axis) {
                        let near = position.wrapping_add_signed(offset);
                        if allowed[near] {
                            set.insert(near);
                        }
                    }
                }
            }
            if set == before {
                return set;
            }
        }
    }

    proptest! {
        #[test]
        fn growing_finds_what_is_connected_and_nothing_else(
            allowed in prop::collection::vec(prop::bool::weighted(0.6), N),
            seed in 0..N,
            axes in prop::sample::select(vec![vec![0, 1, 2], vec![1, 2], vec![0, 2], vec![0, 1], vec![2]]),
        ) {
            let mut set = VoxelSet::new(SHAPE);
            let n_added = set.grow(seed, &axes, |position| allowed[position]);
            prop_assert_eq!(&set, &slow_grow(seed, &axes, &allowed));
            prop_assert_eq!(set.positions().count(), n_added);
            prop_assert_eq!(set.grow(seed, &axes, |position| allowed[position]), 0);
        }

        #[test]
        fn positions_are_those_inserted_in_order(mut positions in prop::collection::vec(0..N, 0..50)) {
            let mut set = VoxelSet::new(SHAPE);
            positions.iter().for_each(|&position| set.insert(position));
            positions.sort_unstable();
            positions.dedup();
            if let (Some(&first), Some(&last)) = (positions.first(), positions.last()) {
                prop_assert_eq!(set.positions_in(first..=last).collect::<Vec<_>>(), positions.clone());
            }
            prop_assert_eq!(set.positions().collect::<Vec<_>>(), positions);
        }
    }
}
