//! Where samples of one image differ: maps that are updated sample by sample (Welford 1962) and whose memory does not grow
//! with the number of samples.
//!
//! Two kinds of spread, never mixed: *probabilities* (mean, SD, entropy of the mean) are of what each sample's softmax says;
//! *votes* (share, disagreement) are of the label that each sample gives to a voxel. Probabilities settle with two to three
//! times fewer samples.

use rayon::prelude::*;
use serde::Serialize;

use super::metrics::percentile;
use super::report::Statistic;
use crate::domain::{Grid, LabelMap};
pub use crate::model::segment::{Sample, SampledImage};

/// Running maps over samples. Maps have one value for each voxel of the [`SampledImage::region`], first axis fastest; class 0
/// is background.
#[derive(Clone, Debug)]
pub struct Uncertainty {
    image: SampledImage,
    grid: Grid,
    n_samples: u16,
    /// Class after class.
    mean: Vec<f32>,
    /// Sums of squared distances from the mean, class after class.
    squares: Vec<f32>,
    /// Samples that give the voxel to the class, class after class.
    votes: Vec<u16>,
    /// For each class its volume in each sample.
    volumes_ml: Vec<Vec<f64>>,
}

/// The volume of one label over samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VolumeInterval {
    /// Mean and SD.
    pub ml: Statistic,
    /// 2.5th percentile.
    pub low_ml: f64,
    /// Median.
    pub median_ml: f64,
    /// 97.5th percentile.
    pub high_ml: f64,
}

impl Uncertainty {
    /// No samples yet of an image on `grid`.
    pub fn new(image: SampledImage, grid: Grid) -> Self {
        let n = image.n_classes * image.n_voxels();
        Self {
            n_samples: 0,
            mean: vec![0.0; n],
            squares: vec![0.0; n],
            votes: vec![0; n],
            volumes_ml: vec![Vec::new(); image.n_classes],
            image,
            grid,
        }
    }

    /// Takes in one more sample.
    ///
    /// # Panics
    /// Where the sample is of another region, or after 65,535 samples.
    pub fn add(&mut self, sample: &Sample) {
        let n_voxels = self.image.n_voxels();
        assert_eq!(sample.probabilities.len(), self.mean.len(), "a sample of the same region");
        assert_eq!(sample.classes.len(), n_voxels, "a sample of the same region");
        assert!(self.n_samples < u16::MAX, "votes are counted in 16 bits");
        self.n_samples += 1;
        let n = f32::from(self.n_samples);
        (&mut self.mean, &mut self.squares, &sample.probabilities).into_par_iter().for_each(|(mean, squares, &p)| {
            let before = p - *mean;
            *mean += before / n;
            *squares += before * (p - *mean);
        });
        let mut counts = vec![0; self.image.n_classes];
        for (at, &class) in sample.classes.iter().enumerate() {
            self.votes[usize::from(class) * n_voxels + at] += 1;
            counts[usize::from(class)] += 1;
        }
        let volumes_ml: Vec<f64> = counts.into_iter().map(|count| self.voxels_ml(count)).collect();
        self.volumes_ml.iter_mut().zip(volumes_ml).for_each(|(volumes, ml)| volumes.push(ml));
    }

    /// The volume of so many voxels.
    pub fn voxels_ml(&self, n_voxels: usize) -> f64 {
        n_voxels as f64 * self.grid.voxel_volume_mm3() / 1000.0
    }

    /// Where the maps lie.
    pub fn image(&self) -> &SampledImage {
        &self.image
    }

    /// Samples taken in so far.
    pub fn n_samples(&self) -> usize {
        usize::from(self.n_samples)
    }

    /// Memory that the maps take.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.mean) + size_of_val(&*self.squares) + size_of_val(&*self.votes)
    }

    /// Mean probability of `class`, 0 to 1.
    pub fn mean(&self, class: usize) -> &[f32] {
        self.class(&self.mean, class)
    }

    /// SD (n − 1) of the probability of `class`, 0 to 0.71 for two samples and about 0.5 for many; `None` for fewer than two.
    pub fn sd(&self, class: usize) -> Option<Vec<f32>> {
        let divisor = f32::from(self.n_samples.checked_sub(1).filter(|&n| n > 0)?);
        Some(self.class(&self.squares, class).iter().map(|squares| (squares / divisor).sqrt()).collect())
    }

    /// The largest SD over all classes: one map that says where samples differ. `None` for fewer than two samples.
    pub fn largest_sd(&self) -> Option<Vec<f32>> {
        let mut largest = self.sd(0)?;
        for class in 1..self.image.n_classes {
            largest.iter_mut().zip(self.sd(class)?).for_each(|(largest, sd)| *largest = largest.max(sd));
        }
        Some(largest)
    }

    /// Entropy of the mean probabilities over that of an even guess, 0 to 1. Times ln(classes) it is in nats. `None` without
    /// samples.
    pub fn entropy(&self) -> Option<Vec<f32>> {
        let (n_voxels, n_classes) = (self.image.n_voxels(), self.image.n_classes);
        let most = (n_classes.max(2) as f32).ln();
        let term = |p: f32| if p > 0.0 { -p * p.ln() } else { 0.0 };
        let at = |at: usize| (0..n_classes).map(|class| term(self.mean[class * n_voxels + at])).sum::<f32>() / most;
        (self.n_samples > 0).then(|| (0..n_voxels).into_par_iter().map(at).collect())
    }

    /// Share of the samples that give the voxel to `class`, 0 to 1: contours at 0.1, 0.5 and 0.9 are where at least so many
    /// samples see the label. `None` without samples.
    pub fn vote_share(&self, class: usize) -> Option<Vec<f32>> {
        let n = f32::from(self.n_samples);
        (n > 0.0).then(|| self.class(&self.votes, class).iter().map(|&votes| f32::from(votes) / n).collect())
    }

    /// Share of the samples that do not give the voxel the label that most do, 0 to 1 − 1/classes. `None` without samples.
    pub fn disagreement(&self) -> Option<Vec<f32>> {
        let n_voxels = self.image.n_voxels();
        let n = f32::from(self.n_samples);
        let most = |at: usize| self.votes.iter().skip(at).step_by(n_voxels).max().copied().unwrap_or(0);
        (n > 0.0).then(|| (0..n_voxels).map(|at| 1.0 - f32::from(most(at)) / n).collect())
    }

    /// The class with the largest mean probability, for each voxel of the region.
    pub fn mean_classes(&self) -> Vec<u8> {
        let n_voxels = self.image.n_voxels();
        largest_class(n_voxels, self.image.n_classes, |class, at| self.mean[class * n_voxels + at])
    }

    /// The class that most samples vote for; of equally many the lowest.
    pub fn majority_classes(&self) -> Vec<u8> {
        let n_voxels = self.image.n_voxels();
        largest_class(n_voxels, self.image.n_classes, |class, at| f32::from(self.votes[class * n_voxels + at]))
    }

    /// The volume of `class` over samples; `None` without samples.
    pub fn volume(&self, class: usize) -> Option<VolumeInterval> {
        let mut sorted = self.volumes_ml.get(class)?.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        (!sorted.is_empty()).then(|| VolumeInterval {
            ml: Statistic::of(sorted.iter().map(|&ml| Some(ml))),
            low_ml: percentile(&sorted, 2.5),
            median_ml: percentile(&sorted, 50.0),
            high_ml: percentile(&sorted, 97.5),
        })
    }

    fn class<'a, T>(&self, maps: &'a [T], class: usize) -> &'a [T] {
        let n_voxels = self.image.n_voxels();
        &maps[class * n_voxels..(class + 1) * n_voxels]
    }
}

impl SampledImage {
    /// A map of the region laid into the whole image, `outside` where there is none.
    pub fn on_grid<T: Copy>(&self, map: &[T], grid: &Grid, outside: T) -> Vec<T> {
        let mut whole = vec![outside; grid.n_voxels()];
        for (at, &value) in map.iter().enumerate() {
            whole[self.region.position_in_grid(grid.shape(), at)] = value;
        }
        whole
    }

    /// The region's part of a map of the whole image.
    pub fn within<T: Copy>(&self, whole: &[T], grid: &Grid) -> Vec<T> {
        (0..self.n_voxels()).map(|at| whole[self.region.position_in_grid(grid.shape(), at)]).collect()
    }

    /// Classes of the region as labels of the whole image.
    pub fn labels(&self, classes: &[u8], grid: &Grid) -> LabelMap {
        let ids = self.on_grid(classes, grid, 0).into_iter().map(u16::from).collect();
        LabelMap::new(grid.clone(), ids).unwrap_or_else(|_| LabelMap::empty(grid.clone()))
    }
}

fn largest_class(n_voxels: usize, n_classes: usize, value: impl Fn(usize, usize) -> f32 + Sync) -> Vec<u8> {
    let of = |at: usize| {
        let best = (1..n_classes).fold(0, |best, class| if value(class, at) > value(best, at) { class } else { best });
        best as u8
    };
    (0..n_voxels).into_par_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::domain::grid::VoxelBox;

    const N_CLASSES: usize = 3;
    const N_VOXELS: usize = 24;

    fn image() -> (SampledImage, Grid) {
        let grid = Grid::axis_aligned([6, 5, 4], [1.0, 2.0, 0.5]).unwrap();
        (SampledImage { region: VoxelBox([1..5, 2..4, 0..3]), n_classes: N_CLASSES }, grid)
    }

    fn samples(seed: u64, n_samples: u64) -> Vec<Sample> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let sample = |index| {
            let raw: Vec<[f32; N_CLASSES]> = (0..N_VOXELS)
                .map(|at| [1.0 + at as f32 / 10.0, rng.random(), rng.random()].map(|v| v + 1e-3))
                .collect();
            let sum = |at: usize| raw[at].iter().sum::<f32>();
            let probabilities = (0..N_CLASSES)
                .flat_map(|class| (0..N_VOXELS).map(move |at| (class, at)))
                .map(|(class, at)| raw[at][class] / sum(at))
                .collect();
            let best = |values: &[f32; N_CLASSES]| (0..N_CLASSES).max_by(|&a, &b| values[a].total_cmp(&values[b]));
            Sample { index, probabilities, classes: raw.iter().map(|v| best(v).unwrap() as u8).collect() }
        };
        (0..n_samples).map(sample).collect()
    }

    fn taken_in(samples: &[Sample]) -> Uncertainty {
        let (image, grid) = image();
        let mut maps = Uncertainty::new(image, grid);
        samples.iter().for_each(|sample| maps.add(sample));
        maps
    }

    /// Mean and SD of one probability over samples, in two passes and double precision.
    fn two_pass(samples: &[Sample], at: usize) -> (f64, f64) {
        let statistic = Statistic::of(samples.iter().map(|sample| Some(f64::from(sample.probabilities[at]))));
        (statistic.mean.unwrap(), statistic.sd.unwrap())
    }

    #[test]
    fn running_maps_are_those_of_two_passes() {
        let samples = samples(1, 100);
        let maps = taken_in(&samples);
        for class in 0..N_CLASSES {
            let sd = maps.sd(class).unwrap();
            assert_eq!(sd.len(), N_VOXELS);
            for (at, &sd) in sd.iter().enumerate() {
                let (mean, expected_sd) = two_pass(&samples, class * N_VOXELS + at);
                assert!((f64::from(maps.mean(class)[at]) - mean).abs() < 1e-5);
                assert!((f64::from(sd) - expected_sd).abs() < 1e-5);
                let votes = samples.iter().filter(|sample| usize::from(sample.classes[at]) == class).count();
                assert!((maps.vote_share(class).unwrap()[at] - votes as f32 / 100.0).abs() < 1e-6);
            }
        }
        let largest = maps.largest_sd().unwrap();
        assert!((0..N_VOXELS).all(|at| (0..N_CLASSES).all(|class| largest[at] >= maps.sd(class).unwrap()[at])));
    }

    #[test]
    fn a_thousand_nearly_equal_samples_lose_no_digits() {
        let mut many = samples(2, 1);
        let first = many[0].clone();
        many.extend((1..1000).map(|index| Sample { index, ..first.clone() }));
        let maps = taken_in(&many);
        assert!(maps.largest_sd().unwrap().iter().all(|&sd| sd < 1e-5));
        assert!(maps.mean(1).iter().zip(&first.probabilities[N_VOXELS..]).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!(maps.disagreement().unwrap().iter().all(|&share| share == 0.0));
    }

    #[test]
    fn what_too_few_samples_cannot_say_is_none() {
        let (none, one) = (taken_in(&[]), taken_in(&samples(3, 1)));
        assert!(none.entropy().is_none() && none.vote_share(0).is_none() && none.volume(1).is_none());
        assert!(none.disagreement().is_none() && none.largest_sd().is_none());
        assert!(one.largest_sd().is_none() && one.entropy().is_some() && one.volume(1).unwrap().ml.sd.is_none());
    }

    #[test]
    fn entropy_is_0_for_the_certain_and_1_for_an_even_guess() {
        let mut sample = samples(4, 1).remove(0);
        for class in 0..N_CLASSES {
            sample.probabilities[class * N_VOXELS] = f32::from(u8::from(class == 1));
            sample.probabilities[class * N_VOXELS + 1] = 1.0 / 3.0;
        }
        let entropy = taken_in(&[sample]).entropy().unwrap();
        assert!(entropy[0] == 0.0 && (entropy[1] - 1.0).abs() < 1e-6);
        assert!(entropy.iter().all(|value| (0.0..=1.000_001).contains(value)));
    }

    #[test]
    fn volumes_have_their_interval() {
        let mut samples = samples(5, 5);
        for (sample, n) in samples.iter_mut().zip([1, 2, 4, 8, 16]) {
            sample.classes = (0..N_VOXELS).map(|at| u8::from(at < n) * 2).collect();
        }
        // Voxels of 1 mm³; the percentiles are numpy's.
        let volume = taken_in(&samples).volume(2).unwrap();
        assert!((volume.ml.mean.unwrap() - 0.0062).abs() < 1e-12);
        assert!((volume.low_ml - 0.0011).abs() < 1e-12 && (volume.high_ml - 0.0152).abs() < 1e-12);
        assert!((volume.median_ml - 0.004).abs() < 1e-12);
    }

    #[test]
    fn maps_are_laid_into_the_image_where_they_belong() {
        let (image, grid) = image();
        let map: Vec<u8> = (1..=N_VOXELS as u8).collect();
        let whole = image.on_grid(&map, &grid, 0);
        assert_eq!(image.within(&whole, &grid), map);
        assert_eq!(whole.iter().filter(|&&value| value > 0).count(), N_VOXELS);
        assert_eq!(image.labels(&map, &grid).get([1, 2, 0]), 1);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_bound_the_disagreement(seed in 0..1000_u64, n_samples in 1..9_u64) {
            let maps = taken_in(&samples(seed, n_samples));
            let shares: Vec<_> = (0..N_CLASSES).map(|class| maps.vote_share(class).unwrap()).collect();
            let disagreement = maps.disagreement().unwrap();
            for at in 0..N_VOXELS {
                prop_assert!((shares.iter().map(|share| share[at]).sum::<f32>() - 1.0).abs() < 1e-5);
                let of_majority = shares[usize::from(maps.majority_classes()[at])][at];
                prop_assert!((1.0 - of_majority - disagreement[at]).abs() < 1e-6);
            }
            let total: f64 = (0..N_CLASSES).map(|class| maps.volume(class).unwrap().ml.mean.unwrap()).sum();
            prop_assert!((total - N_VOXELS as f64 / 1000.0).abs() < 1e-9);
        }
    }
}
