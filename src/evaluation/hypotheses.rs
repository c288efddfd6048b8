//! The samples of one image as hypotheses: kept as runs of equal labels, so that a thousand fit into memory, and compared with
//! each other by Dice.

use std::sync::Arc;

use rayon::prelude::*;

use super::clustering::Dendrogram;

/// One sample's classes as runs: a few kilobytes where one byte a voxel would be a hundred. Copies share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Where each run ends (one past its last voxel) and its class; neighbours differ.
    runs: Arc<[(u32, u8)]>,
}

impl Mask {
    /// From one class a voxel.
    pub fn new(classes: &[u8]) -> Self {
        let mut end = 0;
        let runs = classes.chunk_by(|a, b| a == b).map(|run| {
            end += run.len() as u32;
            (end, run[0])
        });
        Self { runs: runs.collect() }
    }

    /// One class a voxel.
    pub fn to_classes(&self) -> Vec<u8> {
        let mut classes = Vec::with_capacity(self.n_voxels());
        for &(end, class) in self.runs.iter() {
            classes.resize(end as usize, class);
        }
        classes
    }

    /// Voxels, background among them.
    pub fn n_voxels(&self) -> usize {
        self.runs.last().map_or(0, |&(end, _)| end as usize)
    }

    /// Memory that the runs take.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.runs)
    }
}

/// The voxels of one label in one mask.
struct LabelSet {
    n_voxels: u64,
    /// Those of them where all masks agree.
    n_common: u64,
    /// The others: a bit for each voxel where masks differ.
    bits: Vec<u64>,
}

impl LabelSet {
    /// `None` where both are empty.
    fn dice(&self, other: &Self) -> Option<f64> {
        let shared: u32 = self.bits.iter().zip(&other.bits).map(|(a, b)| (a & b).count_ones()).sum();
        let n = self.n_voxels + other.n_voxels;
        (n > 0).then(|| 2.0 * (self.n_common + u64::from(shared)) as f64 / n as f64)
    }
}

/// The voxels where not all masks are of one class.
fn differing(masks: &[Mask]) -> Vec<usize> {
    let Some(first) = masks.first().map(Mask::to_classes) else { return Vec::new() };
    let mut is_differing = vec![false; first.len()];
    for mask in &masks[1..] {
        assert_eq!(mask.n_voxels(), first.len(), "masks of one image");
        let mut from = 0;
        for &(end, class) in mask.runs.iter() {
            let run = from..end as usize;
            from = run.end;
            for (is_differing, own) in is_differing[run.clone()].iter_mut().zip(&first[run]) {
                *is_differing |= *own != class;
            }
        }
    }
    (0..first.len()).filter(|&at| is_differing[at]).collect()
}

/// Of each label from 1 on; `places` are the voxels where masks differ.
fn label_sets(mask: &Mask, n_classes: usize, places: &[usize]) -> Vec<LabelSet> {
    let classes = mask.to_classes();
    let mut counts = vec![0_u64; n_classes];
    classes.iter().for_each(|&class| counts[usize::from(class)] += 1);
    let of_class = |class: usize| {
        let bit = |at: usize| u64::from(usize::from(classes[at]) == class);
        let word = |places: &[usize]| places.iter().rev().fold(0, |word, &at| word << 1 | bit(at));
        let bits: Vec<u64> = places.chunks(64).map(word).collect();
        let n_differing: u64 = bits.iter().map(|word| u64::from(word.count_ones())).sum();
        LabelSet { n_voxels: counts[class], n_common: counts[class] - n_differing, bits }
    };
    (1..n_classes).map(of_class).collect()
}

/// Dice of every pair of masks.
#[derive(Clone, Debug, PartialEq)]
pub struct PairwiseDice {
    n: usize,
    /// Row after row, each sample with those after it.
    dice: Vec<f64>,
}

impl PairwiseDice {
    /// Of each pair of `masks` the mean over the labels 1 to `n_classes` − 1 that occur in either; 1 where none does: two empty
    /// answers agree. Samples differ in few voxels, and only those are compared pair by pair.
    ///
    /// # Panics
    /// Where the masks differ in length or hold a class from `n_classes` on.
    pub fn new(masks: &[Mask], n_classes: usize) -> Self {
        let n = masks.len();
        let places = differing(masks);
        let sets: Vec<Vec<LabelSet>> = masks.par_iter().map(|mask| label_sets(mask, n_classes, &places)).collect();
        let dice = |a: usize, b: usize| {
            let known: Vec<f64> = sets[a].iter().zip(&sets[b]).filter_map(|(a, b)| a.dice(b)).collect();
            if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / known.len() as f64 }
        };
        let dice = (0..n).into_par_iter().flat_map_iter(|a| (a + 1..n).map(move |b| (a, b))).map(|(a, b)| dice(a, b));
        Self { n, dice: dice.collect() }
    }

    /// Samples.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The Dice of two samples; 1 for a sample with itself.
    pub fn of(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (a.min(b), a.max(b));
        if a == b { 1.0 } else { self.dice[a * self.n - a * (a + 1) / 2 + b - a - 1] }
    }

    /// Mean over all pairs; `None` for fewer than two samples. One less it is the diversity of the samples.
    pub fn mean(&self) -> Option<f64> {
        (!self.dice.is_empty()).then(|| self.dice.iter().sum::<f64>() / self.dice.len() as f64)
    }

    /// The sample among `members` that is most like the others: what stands for a cluster. `None` for no members.
    pub fn medoid(&self, members: &[usize]) -> Option<usize> {
        let likeness = |&a: &usize| members.iter().map(|&b| self.of(a, b)).sum::<f64>();
        // The first of equals: `max_by` takes the last, so from behind.
        members.iter().rev().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).copied()
    }

    /// Agglomerative clustering by average linkage on the distance 1 − Dice.
    pub fn clusters(&self) -> Dendrogram {
        Dendrogram::average_linkage(self.n, |a, b| 1.0 - self.of(a, b))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evaluation::metrics;

    fn masks(all: &[Vec<u8>]) -> Vec<Mask> {
        all.iter().map(|classes| Mask::new(classes)).collect()
    }

    #[test]
    fn two_empty_answers_agree_and_one_alone_does_not() {
        let [empty, one] = [Mask::new(&[0, 0, 0]), Mask::new(&[0, 1, 0])];
        let pairs = PairwiseDice::new(&[empty.clone(), empty, one], 3);
        assert_eq!((pairs.of(0, 1), pairs.of(0, 2)), (1.0, 0.0));
        assert_eq!(Mask::new(&[]).to_classes(), [0; 0]);
    }

    #[test]
    fn hypotheses_of_two_kinds_fall_into_two_clusters() {
        let kinds = [vec![1, 1, 1, 1, 0, 0, 0, 0], vec![0, 0, 0, 1, 2, 2, 2, 2]];
        let mut all: Vec<Vec<u8>> = (0..6).map(|i| kinds[i % 2].clone()).collect();
        all[4][0] = 0;
        let pairs = PairwiseDice::new(&masks(&all), 3);
        let clusters = pairs.clusters().cut(2);
        assert_eq!(clusters, [vec![0, 2, 4], vec![1, 3, 5]]);
        assert_eq!(pairs.medoid(&clusters[0]), Some(0));
        assert_eq!(pairs.medoid(&[]), None);
        assert!(pairs.mean().unwrap() < 1.0);
        assert_eq!(PairwiseDice::new(&masks(&all[..1]), 3).mean(), None);
    }

    /// By the definition, voxel by voxel.
    fn mean_dice(a: &[u8], b: &[u8]) -> f64 {
        let ids = |classes: &[u8]| classes.iter().map(|&class| u16::from(class)).collect::<Vec<_>>();
        let dice: Vec<f64> = (1..3).filter_map(|id| metrics::dice(&ids(a), &ids(b), id)).collect();
        if dice.is_empty() { 1.0 } else { dice.iter().sum::<f64>() / dice.len() as f64 }
    }

    proptest! {
        #[test]
        fn runs_are_the_mask_and_the_dice_of_each_pair_is_that_of_the_voxels(
            all in (0..200_usize, 0..8_usize).prop_flat_map(|(n_voxels, n)| {
                // Half of the voxels are the same in all.
                let voxel = |at: usize| if at.is_multiple_of(2) { 0..3_u8 } else { 1..2_u8 };
                prop::collection::vec((0..n_voxels).map(voxel).collect::<Vec<_>>(), n)
            }),
        ) {
            let masks = masks(&all);
            let pairs = PairwiseDice::new(&masks, 3);
            for a in 0..all.len() {
                prop_assert_eq!(&masks[a].to_classes(), &all[a]);
                for b in 0..all.len() {
                    prop_assert!((pairs.of(a, b) - mean_dice(&all[a], &all[b])).abs() < 1e-12);
                }
            }
        }
    }
}
