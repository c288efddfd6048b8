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

    /// Mean Dice over the labels 1 to `n_classes` − 1 that occur in either; 1 where none does: two empty answers agree.
    ///
    /// # Panics
    /// Where the masks differ in length or hold a class from `n_classes` on.
    pub fn mean_dice(&self, other: &Self, n_classes: usize) -> f64 {
        assert_eq!(self.n_voxels(), other.n_voxels(), "masks of one image");
        let (mut total, mut both) = (vec![0_u64; n_classes], vec![0_u64; n_classes]);
        let (mut a, mut b, mut from) = (0, 0, 0);
        while a < self.runs.len() && b < other.runs.len() {
            let ((end_a, class_a), (end_b, class_b)) = (self.runs[a], other.runs[b]);
            let end = end_a.min(end_b);
            let n = u64::from(end - from);
            total[usize::from(class_a)] += n;
            total[usize::from(class_b)] += n;
            if class_a == class_b {
                both[usize::from(class_a)] += n;
            }
            a += usize::from(end_a == end);
            b += usize::from(end_b == end);
            from = end;
        }
        let dice: Vec<f64> = (1..n_classes)
            .filter(|&class| total[class] > 0)
            .map(|class| 2.0 * both[class] as f64 / total[class] as f64)
            .collect();
        if dice.is_empty() { 1.0 } else { dice.iter().sum::<f64>() / dice.len() as f64 }
    }
}

/// Dice of every pair of masks.
#[derive(Clone, Debug, PartialEq)]
pub struct PairwiseDice {
    n: usize,
    /// Row after row, each sample with those after it.
    dice: Vec<f64>,
}

impl PairwiseDice {
    /// Of all `masks`; see [`Mask::mean_dice`].
    pub fn new(masks: &[Mask], n_classes: usize) -> Self {
        let n = masks.len();
        let dice = (0..n)
            .into_par_iter()
            .flat_map_iter(|a| (a + 1..n).map(move |b| masks[a].mean_dice(&masks[b], n_classes)))
            .collect();
        Self { n, dice }
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
        assert_eq!((empty.mean_dice(&empty, 3), empty.mean_dice(&one, 3)), (1.0, 0.0));
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

    proptest! {
        #[test]
        fn runs_are_the_mask_and_their_dice_is_that_of_the_voxels(
            pairs in prop::collection::vec((0..3_u8, 0..3_u8), 1..60),
        ) {
            let (a, b): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            let (x, y) = (Mask::new(&a), Mask::new(&b));
            prop_assert_eq!(&x.to_classes(), &a);
            let ids = |classes: &[u8]| classes.iter().map(|&class| u16::from(class)).collect::<Vec<_>>();
            let dice: Vec<f64> = (1..3).filter_map(|id| metrics::dice(&ids(&a), &ids(&b), id)).collect();
            let expected = if dice.is_empty() { 1.0 } else { dice.iter().sum::<f64>() / dice.len() as f64 };
            prop_assert!((x.mean_dice(&y, 3) - expected).abs() < 1e-12);
            prop_assert_eq!(x.mean_dice(&y, 3), y.mean_dice(&x, 3));
        }

        #[test]
        fn every_pair_is_found_again(n in 1..8_usize) {
            let all: Vec<Vec<u8>> = (0..n).map(|i| (0..9).map(|at| u8::from(at <= i)).collect()).collect();
            let masks = masks(&all);
            let pairs = PairwiseDice::new(&masks, 2);
            for a in 0..n {
                for b in 0..n {
                    prop_assert!((pairs.of(a, b) - masks[a].mean_dice(&masks[b], 2)).abs() < 1e-12);
                }
            }
        }
    }
}
