//! Samples of known content: what is drawn of them is what they say.

use std::sync::Arc;

use super::browse::{Browse, Cluster, Frame, Pick, shown};
use super::maps::{Look, MapKind, Picture, PictureKey, RegionKey};
use crate::config::SegmentSettings;
use crate::domain::grid::VoxelBox;
use crate::domain::patch::Patch;
use crate::domain::{Convention, Grid, LabelTable, Plane, Window};
use crate::engine::Stamp;
use crate::engine::laboratory::{Conditions, SamplesSoFar};
use crate::evaluation::hypotheses::Mask;
use crate::evaluation::uncertainty::{Sample, SampledImage, Uncertainty};

const SHAPE: [usize; 3] = [6, 5, 4];

/// Ten samples in a part of a grid of 6 × 5 × 4 voxels: label 1 is in voxel (2, 1, 1) of the first `n` of them and in voxel
/// (3, 2, 1) of all.
fn samples(n: u64) -> Arc<SamplesSoFar> {
    let grid = Grid::axis_aligned(SHAPE, [1.0, 2.0, 3.0]).expect("valid");
    let image = SampledImage { region: VoxelBox([1..5, 1..4, 1..3]), n_classes: 2 };
    let n_voxels = image.n_voxels();
    let at = |voxel: [usize; 3]| image.region.position_within(SHAPE, grid.index(voxel));
    let mut uncertainty = Uncertainty::new(image.clone(), grid.clone());
    let mut masks = Vec::new();
    for index in 0..10 {
        let mut classes = vec![0; n_voxels];
        classes[at([3, 2, 1])] = 1;
        classes[at([2, 1, 1])] = u8::from(index < n);
        let of = |class: u8| classes.iter().map(move |known| if *known == class { 0.9 } else { 0.1 });
        let probabilities = of(0).chain(of(1)).collect();
        masks.push(Mask::new(&classes));
        uncertainty.add(&Sample { index, probabilities, classes });
    }
    let conditions = Conditions {
        stamp: Stamp::default(),
        settings: SegmentSettings::default(),
        slice: None,
        models: Vec::new(),
        device: String::new(),
        elapsed_s: 1.0,
        warnings: Vec::new(),
    };
    Arc::new(SamplesSoFar { conditions, uncertainty, masks, table: LabelTable::default(), grid })
}

fn picture(map: MapKind, n: u64) -> Picture {
    Picture::new(PictureKey { samples: 1, map, class: None }, samples(n))
}

#[test]
fn values_lie_on_the_voxels_of_the_image() {
    let picture = picture(MapKind::Disagreement, 3);
    assert!((picture.value([2, 1, 1]).expect("inside") - 0.3).abs() < 1e-6);
    assert_eq!(picture.value([3, 2, 1]), Some(0.0));
    assert_eq!(picture.value([0, 0, 0]), None, "the samples do not reach there");
    assert_eq!(picture.bounds, Some(VoxelBox([2..4, 1..3, 1..2])));
    let regions = |least_voxels| {
        let look = Look { map: MapKind::Disagreement, least_voxels, ..Look::default() };
        picture.regions(RegionKey::new(picture.key, &look))
    };
    let (found, n_smaller) = regions(1);
    assert_eq!((found.len(), found[0].peak, n_smaller), (1, [2, 1, 1], 0));
    assert_eq!(regions(2), (Vec::new(), 1), "too small");
    let (whole, histogram) = picture.on_grid().expect("it has values");
    assert!((whole[picture.samples.grid.index([2, 1, 1])] - 0.3).abs() < 1e-6);
    assert_eq!(histogram.counts.iter().sum::<u64>(), 1);
}

#[test]
fn slices_agree_with_values_in_every_plane_and_convention() {
    let picture = picture(MapKind::Disagreement, 3);
    for plane in [Plane::Axial, Plane::Coronal, Plane::Sagittal] {
        for convention in [Convention::Radiological, Convention::Neurological] {
            let axes = picture.samples.grid.slice_axes(plane, convention);
            for index in 0..SHAPE[axes.through] {
                let patch = Patch::whole([SHAPE[axes.right], SHAPE[axes.down]]);
                let rgba = picture.patch_rgba((&axes, index), &patch, (0.1, 1.0), |_| [9, 9, 9]);
                let (_, levels) = picture.patch_levels(&axes, index, &patch).remove(0);
                let [width, height] = patch.size();
                for (at, pixel) in rgba.chunks_exact(4).enumerate() {
                    let voxel = axes.voxel(SHAPE, [at % width, at / width], index);
                    assert_eq!(pixel[3] == 255, voxel == [2, 1, 1], "{plane:?} {voxel:?}");
                    let expected = match voxel {
                        [2, 1, 1] => 1,
                        [3, 2, 1] => 3,
                        _ => 0,
                    };
                    assert_eq!(levels[at], expected, "{plane:?} {voxel:?}");
                }
                assert_eq!(levels.len(), width * height);
                let part = Patch { columns: 1..width, rows: 0..height - 1, step: 2 };
                let (_, of_part) = picture.patch_levels(&axes, index, &part).remove(0);
                let expected: Vec<u16> = part.middles().map(|[x, y]| levels[x + y * width]).collect();
                assert_eq!(of_part, expected, "{plane:?}");
            }
        }
    }
}

#[test]
fn a_contour_needs_its_share_of_the_votes() {
    for (n, expected) in [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (10, 3)] {
        let picture = picture(MapKind::Mean, n);
        let axes = picture.samples.grid.slice_axes(Plane::Axial, Convention::Radiological);
        let patch = Patch::whole([SHAPE[axes.right], SHAPE[axes.down]]);
        let (_, levels) = picture.patch_levels(&axes, 1, &patch).remove(0);
        let [x, y] = axes.pixel(SHAPE, [2, 1, 1]);
        assert_eq!(levels[y * SHAPE[axes.right] + x], expected, "{n} of 10 samples");
    }
}

#[test]
fn the_mean_of_all_labels_is_what_background_leaves() {
    let picture = picture(MapKind::Mean, 10);
    assert!((picture.value([2, 1, 1]).expect("inside") - 0.9).abs() < 1e-6);
    assert!((picture.value([1, 1, 1]).expect("inside") - 0.1).abs() < 1e-6);
}

#[test]
fn groups_are_of_like_samples_and_the_summaries_follow_the_votes() {
    let browse = Browse::new(1, samples(3));
    let clusters = browse.clusters(2);
    assert_eq!(clusters, [Cluster { members: (3..10).collect() }, Cluster { members: vec![0, 1, 2] }]);
    assert_eq!(shown(&clusters).len(), 3 + 6 + 3);
    let labels = browse.labels(Pick::Majority);
    assert_eq!((labels.get([2, 1, 1]), labels.get([3, 2, 1])), (0, 1));
    assert_eq!(browse.labels(Pick::Sample(0)).get([2, 1, 1]), 1);
    // Three of ten say so, and the other seven are alike.
    assert_eq!(browse.labels(Pick::Staple).get([3, 2, 1]), 1);
}

#[test]
fn thumbnails_show_the_structures_where_the_crosshairs_slice_misses_them() {
    let bounds = VoxelBox([2..4, 1..3, 1..2]);
    let grid = Grid::axis_aligned(SHAPE, [1.0; 3]).expect("valid");
    let axes = grid.slice_axes(Plane::Axial, Convention::Radiological);
    let window = Window::from_range(0.0, 1.0);
    let frame = |crosshair| Frame::around(&bounds, SHAPE, axes, crosshair, window);
    assert_eq!(frame([0, 0, 3]).index, 1);
    assert_eq!(frame([0, 0, 1]).size(), [6, 5], "the margin ends at the image's edge");
}
