//! Samples as hypotheses: grouped by how much they overlap, summed up by their mean, their majority and STAPLE, and seen as
//! thumbnails of one axial slice.

use std::ops::Range;
use std::sync::Arc;

use crate::domain::grid::{SliceAxes, VoxelBox};
use crate::domain::{LabelMap, LabelTable, Volume, Window};
use crate::engine::laboratory::SamplesSoFar;
use crate::evaluation::clustering::Dendrogram;
use crate::evaluation::hypotheses::PairwiseDice;
use crate::evaluation::staple::staple;

/// Thumbnails of one cluster; its other samples are reached by their numbers.
pub const SHOWN_OF_CLUSTER: usize = 6;
/// Thumbnails in all.
const SHOWN: usize = 48;
/// Voxels around the structures on a thumbnail.
const MARGIN: usize = 4;
/// How much of a label's colour lies over the image on a thumbnail.
const TINT: f32 = 0.5;

/// One answer among those that the samples give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pick {
    /// The label with the largest mean probability.
    Mean,
    /// The label that most samples vote for.
    Majority,
    /// The consensus that weighs each sample by how well it agrees (Warfield 2004).
    Staple,
    /// One sample, from 0.
    Sample(usize),
}

impl Pick {
    /// Answers that sum up all samples.
    pub const SUMMARIES: [Self; 3] = [Self::Mean, Self::Majority, Self::Staple];

    /// Its name; people count from 1.
    pub fn name(self) -> String {
        match self {
            Self::Mean => "Mean".to_owned(),
            Self::Majority => "Majority".to_owned(),
            Self::Staple => "STAPLE".to_owned(),
            Self::Sample(at) => format!("Sample {}", at + 1),
        }
    }

    /// What it is, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Mean => "Each voxel has the label whose probability is largest on average",
            Self::Majority => "Each voxel has the label that most samples give it",
            Self::Staple => "The consensus that trusts samples more that agree with the others (Warfield 2004)",
            Self::Sample(_) => "One sample: one answer that the model finds plausible",
        }
    }

    /// How it is written down where it is saved.
    pub fn which(self, n_samples: usize) -> String {
        match self {
            Self::Mean => format!("mean of {n_samples} samples"),
            Self::Majority => format!("majority of {n_samples} samples"),
            Self::Staple => format!("STAPLE of {n_samples} samples"),
            Self::Sample(at) => format!("sample {} of {n_samples}", at + 1),
        }
    }
}

/// What is known of samples as a group.
#[derive(Debug)]
pub struct Browse {
    /// The state of the samples that it is of.
    pub serial: u64,
    /// The samples.
    pub samples: Arc<SamplesSoFar>,
    /// Mean Dice over all pairs; `None` for fewer than two.
    pub mean_dice: Option<f64>,
    dice: PairwiseDice,
    tree: Dendrogram,
    /// Classes of [`Pick::SUMMARIES`].
    summaries: [Vec<u8>; 3],
}

/// Samples that are more like each other than like the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its samples: the one most like the others first.
    pub members: Vec<usize>,
}

impl Browse {
    /// Compares all samples with each other.
    pub fn new(serial: u64, samples: Arc<SamplesSoFar>) -> Self {
        let n_classes = samples.uncertainty.image().n_classes;
        let dice = PairwiseDice::new(&samples.masks, n_classes);
        let consensus = staple(&samples.masks, n_classes).map(|consensus| consensus.classes).unwrap_or_default();
        let summaries = [samples.uncertainty.mean_classes(), samples.uncertainty.majority_classes(), consensus];
        Self { serial, mean_dice: dice.mean(), tree: dice.clusters(), dice, summaries, samples }
    }

    /// At most `n_clusters` groups, the largest first.
    pub fn clusters(&self, n_clusters: usize) -> Vec<Cluster> {
        let cut = self.tree.cut(n_clusters);
        cut.into_iter().map(|members| Cluster { members: medoid_first(&self.dice, members) }).collect()
    }

    /// One class for each voxel of the region.
    pub fn classes(&self, pick: Pick) -> Vec<u8> {
        match pick {
            Pick::Mean => self.summaries[0].clone(),
            Pick::Majority => self.summaries[1].clone(),
            Pick::Staple => self.summaries[2].clone(),
            Pick::Sample(at) => self.samples.masks.get(at).map(|mask| mask.to_classes()).unwrap_or_default(),
        }
    }

    /// An answer as labels of the whole image.
    pub fn labels(&self, pick: Pick) -> LabelMap {
        self.samples.uncertainty.image().labels(&self.classes(pick), &self.samples.grid)
    }
}

fn medoid_first(dice: &PairwiseDice, mut members: Vec<usize>) -> Vec<usize> {
    if let Some(medoid) = dice.medoid(&members) {
        members.retain(|member| *member != medoid);
        members.insert(0, medoid);
    }
    members
}

/// What is shown as thumbnails: the summaries and the first samples of each cluster.
pub fn shown(clusters: &[Cluster]) -> Vec<Pick> {
    let of_cluster = |cluster: &Cluster| {
        cluster.members.iter().take(SHOWN_OF_CLUSTER).map(|at| Pick::Sample(*at)).collect::<Vec<_>>()
    };
    Pick::SUMMARIES.into_iter().chain(clusters.iter().flat_map(of_cluster)).take(SHOWN).collect()
}

/// The slice that thumbnails show.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// How it lies on the screen.
    pub axes: SliceAxes,
    /// Which slice.
    pub index: usize,
    /// Pixels across and down.
    pub pixels: [Range<usize>; 2],
    /// Intensities from black to white.
    pub window: Window,
}

impl Frame {
    /// The slice through `crosshair`, or through the structures' middle where the crosshair's slice misses them, and the
    /// part of it around the structures.
    pub fn around(
        bounds: &VoxelBox,
        shape: [usize; 3],
        axes: SliceAxes,
        crosshair: [usize; 3],
        window: Window,
    ) -> Self {
        let through = &bounds.0[axes.through];
        let here = crosshair[axes.through];
        let index = if through.contains(&here) { here } else { (through.start + through.end) / 2 };
        let corner = |pick: fn(&Range<usize>) -> usize| axes.pixel(shape, [0, 1, 2].map(|axis| pick(&bounds.0[axis])));
        let (a, b) = (corner(|range| range.start), corner(|range| range.end - 1));
        let limit = [shape[axes.right], shape[axes.down]];
        let pixels = [0, 1].map(|axis| {
            let (low, high) = (a[axis].min(b[axis]), a[axis].max(b[axis]));
            low.saturating_sub(MARGIN)..(high + 1 + MARGIN).min(limit[axis])
        });
        Self { axes, index, pixels, window }
    }

    /// Pixels across and down.
    pub fn size(&self) -> [usize; 2] {
        [self.pixels[0].len(), self.pixels[1].len()]
    }

    /// The image with each answer over it, as rows of RGBA.
    pub fn pictures(&self, browse: &Browse, picks: &[Pick], (volume, frame): (&Volume, usize)) -> Vec<Vec<u8>> {
        let (width, _, image) = volume.slice_rgba(frame, &self.axes, self.index, self.window);
        let picture = |pick: &Pick| self.picture(browse, &browse.classes(*pick), (width, &image));
        picks.iter().map(picture).collect()
    }

    fn picture(&self, browse: &Browse, classes: &[u8], (width, image): (usize, &[u8])) -> Vec<u8> {
        let (grid, region) = (&browse.samples.grid, &browse.samples.uncertainty.image().region);
        let shape = grid.shape();
        let mut rgba = Vec::with_capacity(self.size()[0] * self.size()[1] * 4);
        for y in self.pixels[1].clone() {
            for x in self.pixels[0].clone() {
                let voxel = self.axes.voxel(shape, [x, y], self.index);
                let is_inside = (0..3).all(|axis| region.0[axis].contains(&voxel[axis]));
                let position = is_inside.then(|| region.position_within(shape, grid.index(voxel)));
                let class = position.and_then(|at| classes.get(at)).copied().unwrap_or(0);
                let at = (y * width + x) * 4;
                rgba.extend(tinted(&image[at..at + 4], color(&browse.samples.table, class)));
            }
        }
        rgba
    }
}

fn color(table: &LabelTable, class: u8) -> Option<[u8; 3]> {
    let own = table.get(class.into()).map(|label| label.color);
    (class > 0).then(|| own.unwrap_or_else(|| LabelTable::palette(usize::from(class) - 1)))
}

fn tinted(pixel: &[u8], color: Option<[u8; 3]>) -> [u8; 4] {
    let part = if color.is_some() { TINT } else { 0.0 };
    let color = color.unwrap_or_default();
    let mix = |axis: usize| (f32::from(pixel[axis]) * (1.0 - part) + f32::from(color[axis]) * part).round() as u8;
    [mix(0), mix(1), mix(2), 255]
}
