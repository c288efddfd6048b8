//! Maps of samples as they are drawn: one number a voxel, contours of votes, volumes. Worked out beside the window.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::grid::{SliceAxes, VoxelBox};
use crate::domain::patch::Patch;
use crate::domain::region::{Region, regions_above};
use crate::domain::volume::Histogram;
use crate::engine::laboratory::SamplesSoFar;
use crate::evaluation::uncertainty::{Uncertainty, VolumeInterval};

/// Shares of the samples that contours are drawn at.
pub const SHARES: [f32; 3] = [0.1, 0.5, 0.9];
/// Upper ends that a colour scale may have.
const SCALES: [f32; 6] = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0];
/// Bins of a map's histogram.
const N_BINS: usize = 64;

/// Which number a map shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapKind {
    /// Mean over samples of the label's probability.
    Mean,
    /// SD over samples of that probability.
    #[default]
    Sd,
    /// Entropy of the mean probabilities.
    Entropy,
    /// How many samples vote against the majority.
    Disagreement,
}

impl MapKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mean, Self::Sd, Self::Entropy, Self::Disagreement];

    /// On a button.
    pub fn short(self) -> &'static str {
        match self {
            Self::Mean => "Mean",
            Self::Sd => "SD",
            Self::Entropy => "Entropy",
            Self::Disagreement => "Votes",
        }
    }

    /// On a legend.
    pub fn title(self) -> &'static str {
        match self {
            Self::Mean => "Mean probability",
            Self::Sd => "SD of the probability",
            Self::Entropy => "Entropy, share of its maximum",
            Self::Disagreement => "Disagreement, share of the samples",
        }
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Mean => "How probable the samples find the label on average: 0 none, 1 all of them are sure of it.",
            Self::Sd => {
                "How much the label's probability varies from sample to sample: 0 where they are alike, \
                 about 0.5 where half are sure of it and half are sure it is absent."
            }
            Self::Entropy => {
                "How undecided the mean of the samples is: 0 where it is sure of one label, \
                 1 where all labels are equally probable."
            }
            Self::Disagreement => "The share of samples that give the voxel another label than most samples do.",
        }
    }

    /// Whether large values are uncertain ones.
    pub fn is_uncertainty(self) -> bool {
        self != Self::Mean
    }

    /// Position in [`MapKind::ALL`].
    pub fn position(self) -> usize {
        self as usize
    }

    /// One value for each voxel of the region; `None` where it takes more samples. `class`: of one label; `None`: of all.
    pub fn values(self, of: &Uncertainty, class: Option<u8>) -> Option<Vec<f32>> {
        let class = class.map(usize::from);
        if of.n_samples() == 0 {
            return None;
        }
        match (self, class) {
            (Self::Mean, Some(class)) => Some(of.mean(class).to_vec()),
            (Self::Mean, None) => Some(of.mean(0).iter().map(|&background| (1.0 - background).max(0.0)).collect()),
            (Self::Sd, Some(class)) => of.sd(class),
            (Self::Sd, None) => of.largest_sd(),
            (Self::Entropy, Some(class)) => Some(of.mean(class).iter().map(|&p| binary_entropy(p)).collect()),
            (Self::Entropy, None) => of.entropy(),
            (Self::Disagreement, Some(class)) => {
                Some(of.vote_share(class)?.into_iter().map(|share| share.min(1.0 - share)).collect())
            }
            (Self::Disagreement, None) => of.disagreement(),
        }
    }
}

/// Entropy of "this label or another", as a share of its maximum.
fn binary_entropy(p: f32) -> f32 {
    let term = |p: f32| if p > 0.0 { -p * p.log2() } else { 0.0 };
    term(p) + term(1.0 - p)
}

/// How samples are drawn over the image; remembered from one start to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Samples to draw.
    pub n_samples: usize,
    /// The map shown.
    pub map: MapKind,
    /// Of the map: 0 is clear, 1 hides the image.
    pub opacity: f32,
    /// What lies at or below is not drawn; one for each map, in the map's unit.
    pub thresholds: [f32; 4],
    /// Contours of votes are drawn.
    pub contours: bool,
    /// Voxels that a region above the threshold has at least; smaller ones are passed over.
    pub least_voxels: usize,
}

impl Default for Look {
    fn default() -> Self {
        let thresholds = [0.05, 0.1, 0.2, 0.1];
        Self { n_samples: 32, map: MapKind::default(), opacity: 0.75, thresholds, contours: true, least_voxels: 8 }
    }
}

impl Look {
    /// The threshold of the map shown.
    pub fn threshold(&self) -> f32 {
        self.thresholds[self.map.position()]
    }
}

/// What a picture is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureKey {
    /// Counts the states of the samples.
    pub samples: u64,
    /// The map.
    pub map: MapKind,
    /// Of one label; `None`: of all.
    pub class: Option<u8>,
}

/// Which regions are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionKey {
    picture: PictureKey,
    threshold: f32,
    least_voxels: usize,
}

impl RegionKey {
    /// Those of a picture that are as large as is asked for.
    pub fn new(picture: PictureKey, look: &Look) -> Self {
        Self { picture, threshold: look.threshold(), least_voxels: look.least_voxels }
    }
}

/// What is drawn of samples.
#[derive(Debug)]
pub struct Picture {
    /// What it is of.
    pub key: PictureKey,
    /// The samples.
    pub samples: Arc<SamplesSoFar>,
    /// One value for each voxel of the region; `None` where the map takes more samples.
    pub values: Option<Vec<f32>>,
    /// Upper end of the colour scale, whose lower end is 0.
    pub high: f32,
    /// For each label shown: how many of [`SHARES`] its share of votes reaches.
    pub levels: Vec<(u8, Vec<u8>)>,
    /// For each label its volume.
    pub volumes: Vec<(u8, VolumeInterval)>,
    /// The smallest box around the voxels in which any sample sees a label.
    pub bounds: Option<VoxelBox>,
}

impl Picture {
    /// Works it out.
    pub fn new(key: PictureKey, samples: Arc<SamplesSoFar>) -> Self {
        let of = &samples.uncertainty;
        let n_classes = of.image().n_classes as u8;
        let values = key.map.values(of, key.class);
        let largest = values.iter().flatten().copied().fold(0.0, f32::max);
        let shown = (1..n_classes).filter(|class| key.class.is_none_or(|only| only == *class));
        let levels = shown.filter_map(|class| Some((class, levels(&of.vote_share(class.into())?)))).collect();
        let volumes = (1..n_classes).filter_map(|class| Some((class, of.volume(class.into())?))).collect();
        let bounds = bounds(&samples);
        Self { key, values, high: scale(largest), levels, volumes, bounds, samples }
    }

    /// The position in the region's maps of a voxel of the image; `None` outside the region.
    fn position(&self, voxel: [usize; 3]) -> Option<usize> {
        let region = &self.samples.uncertainty.image().region;
        let is_inside = (0..3).all(|axis| region.0[axis].contains(&voxel[axis]));
        let grid = &self.samples.grid;
        is_inside.then(|| region.position_within(grid.shape(), grid.index(voxel)))
    }

    /// The map's value at a voxel of the image; `None` outside the region.
    pub fn value(&self, voxel: [usize; 3]) -> Option<f32> {
        self.values.as_ref()?.get(self.position(voxel)?).copied()
    }

    /// A part of a slice of the map: rows of RGBA (not premultiplied), clear where it is not above `threshold`.
    pub fn patch_rgba(
        &self,
        (axes, index): (&SliceAxes, usize),
        patch: &Patch,
        (threshold, opacity): (f32, f32),
        color: impl Fn(f32) -> [u8; 3],
    ) -> Vec<u8> {
        let shape = self.samples.grid.shape();
        let alpha = (opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        let pixel = |pixel: [usize; 2]| match self.value(axes.voxel(shape, pixel, index)) {
            Some(value) if value > threshold => {
                let [r, g, b] = color(value / self.high);
                [r, g, b, alpha]
            }
            _ => [0; 4],
        };
        patch.middles().map(pixel).collect::<Vec<_>>().into_flattened()
    }

    /// Of each label shown, a part of a slice of how many of [`SHARES`] its votes reach: class, and one number a pixel of the part.
    pub fn patch_levels(&self, axes: &SliceAxes, index: usize, patch: &Patch) -> Vec<(u8, Vec<u16>)> {
        let (shape, region) = (self.samples.grid.shape(), &self.samples.uncertainty.image().region);
        let [ni, nj, _] = region.shape();
        let strides = [1, ni, ni * nj];
        // How far a voxel's index along an axis leads into the region's maps.
        let along = |axis: usize, at: usize| {
            let range = &region.0[axis];
            range.contains(&at).then(|| (at - range.start) * strides[axis])
        };
        let first = [patch.columns.start, patch.rows.start];
        let right =
            patch.middle_columns().map(|x| along(axes.right, axes.voxel(shape, [x, first[1]], index)[axes.right]));
        let down = patch.middle_rows().map(|y| along(axes.down, axes.voxel(shape, [first[0], y], index)[axes.down]));
        let (right, down): (Vec<_>, Vec<_>) = (right.collect(), down.collect());
        let sheet = along(axes.through, index);
        let of_class = |(class, levels): &(u8, Vec<u8>)| {
            let level = |(down, right): (Option<usize>, Option<usize>)| match (sheet, down, right) {
                (Some(sheet), Some(down), Some(right)) => u16::from(levels[sheet + down + right]),
                _ => 0,
            };
            let of_row = |down: &Option<usize>| right.iter().map(|&right| level((*down, right))).collect::<Vec<_>>();
            (*class, down.iter().flat_map(of_row).collect())
        };
        self.levels.iter().map(of_class).collect()
    }

    /// The regions above the threshold that are large enough, by falling sum, in voxels of the image, and how many are not.
    pub fn regions(&self, key: RegionKey) -> (Vec<Region>, usize) {
        let region = &self.samples.uncertainty.image().region;
        let Some(values) = &self.values else { return (Vec::new(), 0) };
        let start = [0, 1, 2].map(|axis| region.0[axis].start);
        let moved = |found: Region| {
            let VoxelBox(bounds) = found.bounds;
            let bounds = [0, 1, 2].map(|axis| bounds[axis].start + start[axis]..bounds[axis].end + start[axis]);
            let peak = [0, 1, 2].map(|axis| found.peak[axis] + start[axis]);
            Region { peak, bounds: VoxelBox(bounds), ..found }
        };
        let mut found = regions_above(values, region.shape(), key.threshold);
        let n_all = found.len();
        found.retain(|region| region.n_voxels >= key.least_voxels);
        let n_smaller = n_all - found.len();
        (found.into_iter().map(moved).collect(), n_smaller)
    }

    /// The map on the image's grid, 0 outside the region, and how often values above 0 occur.
    pub fn on_grid(&self) -> Option<(Vec<f32>, Histogram)> {
        let values = self.values.as_ref()?;
        let mut counts = vec![0; N_BINS];
        for &value in values.iter().filter(|value| **value > 0.0) {
            counts[((value / self.high * N_BINS as f32) as usize).min(N_BINS - 1)] += 1;
        }
        let whole = self.samples.uncertainty.image().on_grid(values, &self.samples.grid, 0.0);
        Some((whole, Histogram { low: 0.0, high: f64::from(self.high), counts }))
    }
}

/// For each voxel how many of [`SHARES`] are reached.
fn levels(share: &[f32]) -> Vec<u8> {
    // A share is a ratio of small numbers: 1 of 10 is meant to reach 10 %, whatever 32 bits make of it.
    share.iter().map(|&share| SHARES.iter().filter(|least| share + 1e-6 >= **least).count() as u8).collect()
}

/// The smallest upper end of a scale that holds `largest`.
fn scale(largest: f32) -> f32 {
    SCALES.into_iter().find(|end| largest <= *end).unwrap_or(1.0)
}

/// The smallest box around the voxels that not every sample leaves to the background.
fn bounds(samples: &SamplesSoFar) -> Option<VoxelBox> {
    let region = &samples.uncertainty.image().region;
    let [ni, nj, _] = region.shape();
    let background = samples.uncertainty.vote_share(0)?;
    let mut span: Option<[[usize; 2]; 3]> = None;
    for (position, _) in background.iter().enumerate().filter(|(_, share)| **share < 1.0) {
        let voxel = [position % ni, position / ni % nj, position / (ni * nj)];
        let span = span.get_or_insert(voxel.map(|at| [at, at]));
        for axis in 0..3 {
            span[axis] = [span[axis][0].min(voxel[axis]), span[axis][1].max(voxel[axis])];
        }
    }
    let span = span?;
    Some(VoxelBox([0, 1, 2].map(|axis| {
        let start = region.0[axis].start;
        start + span[axis][0]..start + span[axis][1] + 1
    })))
}
