//! Connected regions of a map above a threshold, the weightiest first: where a person should look next.

use super::grid::VoxelBox;

/// Voxels above a threshold that hang together through faces.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The voxel with the largest value; of equal ones the nearest to the region's middle.
    pub peak: [usize; 3],
    /// How many voxels it has.
    pub n_voxels: usize,
    /// Sum of the map over it: its weight.
    pub sum: f64,
    /// The smallest box around it.
    pub bounds: VoxelBox,
}

/// The regions of `map` (first axis fastest) whose values are above `threshold`, by falling sum; equal ones as they lie in
/// memory. NaN is above nothing.
///
/// # Panics
/// Where `map` has not one value for each voxel of `shape`.
pub fn regions_above(map: &[f32], shape: [usize; 3], threshold: f32) -> Vec<Region> {
    assert_eq!(map.len(), shape.iter().product::<usize>(), "one value for each voxel");
    let mut is_seen = vec![false; map.len()];
    let mut waiting = Vec::new();
    let mut regions: Vec<Region> = Vec::new();
    for first in 0..map.len() {
        if is_seen[first] || !exceeds(map[first], threshold) {
            continue;
        }
        is_seen[first] = true;
        waiting.push(first);
        regions.push(collect(map, shape, threshold, &mut is_seen, &mut waiting));
    }
    regions.sort_by(|a, b| b.sum.total_cmp(&a.sum));
    regions
}

fn exceeds(value: f32, threshold: f32) -> bool {
    value > threshold
}

/// The region around the voxels that are `waiting`, which are marked as seen.
fn collect(map: &[f32], shape: [usize; 3], threshold: f32, is_seen: &mut [bool], waiting: &mut Vec<usize>) -> Region {
    let strides = [1, shape[0], shape[0] * shape[1]];
    let voxel = |at: usize| [0, 1, 2].map(|axis| at / strides[axis] % shape[axis]);
    let (mut peaks, mut n_voxels, mut sum, mut places) = (Vec::new(), 0, 0.0, [0; 3]);
    let mut bounds: Option<VoxelBox> = None;
    while let Some(at) = waiting.pop() {
        n_voxels += 1;
        sum += f64::from(map[at]);
        if peaks.first().is_some_and(|&peak: &usize| map[at] > map[peak]) {
            peaks.clear();
        }
        if peaks.first().is_none_or(|&peak| map[at] == map[peak]) {
            peaks.push(at);
        }
        let here = voxel(at);
        places = [0, 1, 2].map(|axis| places[axis] + here[axis]);
        let alone = VoxelBox(here.map(|v| v..v + 1));
        bounds = Some(bounds.map_or(alone.clone(), |bounds| bounds.union(&alone)));
        for axis in 0..3 {
            let before = (here[axis] > 0).then(|| at - strides[axis]);
            let after = (here[axis] + 1 < shape[axis]).then(|| at + strides[axis]);
            for beside in before.into_iter().chain(after) {
                if !is_seen[beside] && exceeds(map[beside], threshold) {
                    is_seen[beside] = true;
                    waiting.push(beside);
                }
            }
        }
    }
    // Scaled by the number of voxels, so that all of it is whole.
    let from_middle = |&at: &usize| -> u128 {
        let along = |axis: usize| (voxel(at)[axis] * n_voxels).abs_diff(places[axis]) as u128;
        (0..3).map(|axis| along(axis).pow(2)).sum()
    };
    let peak = peaks.iter().copied().min_by_key(|at| (from_middle(at), *at)).map_or([0; 3], voxel);
    Region { peak, n_voxels, sum, bounds: bounds.unwrap_or(VoxelBox([0..0, 0..0, 0..0])) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHAPE: [usize; 3] = [5, 4, 3];

    #[test]
    fn regions_come_by_their_weight_with_their_peak() {
        let mut map = vec![0.0; 60];
        // A bright voxel alone, and three dimmer ones in a row across a sheet.
        map[0] = 0.9;
        (map[7], map[27], map[47]) = (0.4, 0.45, 0.4);
        let regions = regions_above(&map, SHAPE, 0.3);
        assert_eq!(regions.len(), 2);
        assert_eq!((regions[0].peak, regions[0].n_voxels), ([2, 1, 1], 3));
        assert_eq!(regions[0].bounds, VoxelBox([2..3, 1..2, 0..3]));
        assert!((regions[0].sum - 1.25).abs() < 1e-6);
        assert_eq!((regions[1].peak, regions[1].n_voxels), ([0, 0, 0], 1));
    }

    #[test]
    fn of_equal_values_the_one_in_the_middle_is_the_peak() {
        let mut map = vec![0.0; 60];
        map[5..10].fill(0.5);
        assert_eq!(regions_above(&map, SHAPE, 0.3)[0].peak, [2, 1, 0]);
        map[5] = 0.6;
        assert_eq!(regions_above(&map, SHAPE, 0.3)[0].peak, [0, 1, 0]);
    }

    #[test]
    fn corners_do_not_connect_and_rows_do_not_wrap() {
        let mut map = vec![0.0; 60];
        for at in [4, 5, 11] {
            map[at] = 1.0;
        }
        assert_eq!(regions_above(&map, SHAPE, 0.5).len(), 3);
        assert!(regions_above(&map, SHAPE, 1.0).is_empty());
        assert!(regions_above(&[f32::NAN; 60], SHAPE, 0.5).is_empty());
    }

    proptest! {
        #[test]
        fn every_voxel_above_is_in_one_region(map in prop::collection::vec(0.0..1.0_f32, 60), threshold in 0.0..1.0_f32) {
            let regions = regions_above(&map, SHAPE, threshold);
            let above: Vec<f32> = map.iter().copied().filter(|&value| value > threshold).collect();
            prop_assert_eq!(regions.iter().map(|region| region.n_voxels).sum::<usize>(), above.len());
            let sum: f64 = above.iter().map(|&value| f64::from(value)).sum();
            prop_assert!((regions.iter().map(|region| region.sum).sum::<f64>() - sum).abs() < 1e-5);
            prop_assert!(regions.windows(2).all(|pair| pair[0].sum >= pair[1].sum));
        }
    }
}
