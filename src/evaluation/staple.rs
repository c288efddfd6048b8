//! STAPLE: one mask from many, each weighted by how good it turns out to be (Warfield, Zou and Wells 2004), for each label by
//! itself.
//!
//! The prior is the label's mean share of the region's voxels over all masks, as in ITK; it is the same everywhere, so a region
//! with more background around the structure makes the answer a little smaller.

use serde::Serialize;

use super::hypotheses::Mask;

const MAX_ITERATIONS: usize = 1000;
/// Expectation maximisation has converged when no sensitivity or specificity moves by more than this.
const TOLERANCE: f64 = 1e-7;
/// Sensitivity and specificity to begin with, as in the paper.
const FIRST: f64 = 0.99999;
/// Keeps a mask that was never wrong from having a veto.
const SURE: f64 = 1.0 - 1e-10;

/// How the masks agree about one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelConsensus {
    /// The label's class.
    pub class: u8,
    /// Of each mask: the share of the consensus that it has.
    pub sensitivity: Vec<f64>,
    /// Of each mask: the share of what is not consensus that it leaves out.
    pub specificity: Vec<f64>,
    /// Rounds of expectation maximisation.
    pub n_iterations: usize,
    /// Whether it came to rest before the limit of 1000 rounds.
    pub is_converged: bool,
}

/// One mask from many.
#[derive(Clone, Debug, PartialEq)]
pub struct Consensus {
    /// For each voxel the label whose probability is largest, where that is more than ½; else background.
    pub classes: Vec<u8>,
    /// That probability; of background where no label has more than ½: one less the largest.
    pub confidence: Vec<f32>,
    /// One for each label 1 to n − 1.
    pub labels: Vec<LabelConsensus>,
}

/// The consensus of `masks` over the labels 1 to `n_classes` − 1; `None` for no masks.
pub fn staple(masks: &[Mask], n_classes: usize) -> Option<Consensus> {
    let n_voxels = masks.first()?.n_voxels();
    let mut best = vec![0.0_f64; n_voxels];
    let mut classes = vec![0_u8; n_voxels];
    let mut labels = Vec::new();
    for class in 1..n_classes as u8 {
        let votes = Votes::new(masks, class, n_voxels);
        let (label, posterior) = votes.maximise(class);
        votes.for_each(&posterior, |at, probability| {
            if probability > best[at] {
                best[at] = probability;
                classes[at] = if probability > 0.5 { class } else { 0 };
            }
        });
        labels.push(label);
    }
    let confidence = best.iter().map(|&p| if p > 0.5 { p } else { 1.0 - p } as f32).collect();
    Some(Consensus { classes, confidence, labels })
}

/// What the masks say of one label. Where all agree nothing is kept but how many voxels that are.
struct Votes {
    n_masks: usize,
    /// Masks that have the label, for each voxel.
    counts: Vec<u16>,
    /// The voxels about which the masks differ.
    disputed: Vec<u32>,
    /// For each of them what each mask says, voxel after voxel.
    decisions: Vec<bool>,
    n_nobody: f64,
    n_everybody: f64,
}

/// The probability that a voxel has the label.
struct Posterior {
    disputed: Vec<f64>,
    nobody: f64,
    everybody: f64,
}

impl Votes {
    fn new(masks: &[Mask], class: u8, n_voxels: usize) -> Self {
        let n_masks = masks.len();
        let mut counts = vec![0_u16; n_voxels];
        for mask in masks {
            counts.iter_mut().zip(mask.to_classes()).for_each(|(count, of)| *count += u16::from(of == class));
        }
        let is_disputed = |count: u16| count > 0 && usize::from(count) < n_masks;
        let disputed: Vec<u32> = (0..n_voxels as u32).filter(|&at| is_disputed(counts[at as usize])).collect();
        let mut decisions = vec![false; disputed.len() * n_masks];
        for (mask_idx, mask) in masks.iter().enumerate() {
            let classes = mask.to_classes();
            for (row, &at) in disputed.iter().enumerate() {
                decisions[row * n_masks + mask_idx] = classes[at as usize] == class;
            }
        }
        let n_nobody = counts.iter().filter(|&&count| count == 0).count() as f64;
        let n_everybody = n_voxels as f64 - n_nobody - disputed.len() as f64;
        Self { n_masks, counts, disputed, decisions, n_nobody, n_everybody }
    }

    fn maximise(&self, class: u8) -> (LabelConsensus, Posterior) {
        let n_voted: f64 = self.counts.iter().map(|&count| f64::from(count)).sum();
        let prior = n_voted / (self.counts.len() * self.n_masks) as f64;
        let (mut sensitivity, mut specificity) = (vec![FIRST; self.n_masks], vec![FIRST; self.n_masks]);
        let mut n_iterations = 0;
        let mut is_converged = false;
        while !is_converged && n_iterations < MAX_ITERATIONS {
            let posterior = self.expect(prior, &sensitivity, &specificity);
            let (p, q) = self.performance(&posterior);
            let moved = |new: &[f64], old: &[f64]| new.iter().zip(old).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            is_converged = moved(&p, &sensitivity).max(moved(&q, &specificity)) <= TOLERANCE;
            (sensitivity, specificity) = (p, q);
            n_iterations += 1;
        }
        let posterior = self.expect(prior, &sensitivity, &specificity);
        (LabelConsensus { class, sensitivity, specificity, n_iterations, is_converged }, posterior)
    }

    /// Probability of the label given what each mask says and how good it is; sums of logarithms, so that a thousand masks do
    /// not underflow.
    fn expect(&self, prior: f64, sensitivity: &[f64], specificity: &[f64]) -> Posterior {
        let held = |p: f64| p.clamp(1.0 - SURE, SURE);
        // How much more likely the label is where the mask has it, and where it has not.
        let evidence: Vec<[f64; 2]> = sensitivity
            .iter()
            .zip(specificity)
            .map(|(&p, &q)| (held(p), held(q)))
            .map(|(p, q)| [((1.0 - p) / q).ln(), (p / (1.0 - q)).ln()])
            .collect();
        let odds = (held(prior) / (1.0 - held(prior))).ln();
        let probability = |log_odds: f64| 1.0 / (1.0 + (-log_odds).exp());
        let of_row =
            |row: &[bool]| row.iter().zip(&evidence).map(|(&has, evidence)| evidence[usize::from(has)]).sum::<f64>();
        let alike = |has: usize| evidence.iter().map(|evidence| evidence[has]).sum::<f64>();
        let disputed = self.decisions.chunks_exact(self.n_masks).map(|row| probability(odds + of_row(row))).collect();
        Posterior { disputed, nobody: probability(odds + alike(0)), everybody: probability(odds + alike(1)) }
    }

    /// Sensitivity and specificity of each mask against the consensus; 1 where there is nothing to find or to leave out.
    fn performance(&self, posterior: &Posterior) -> (Vec<f64>, Vec<f64>) {
        let inside = posterior.everybody * self.n_everybody;
        let outside = (1.0 - posterior.nobody) * self.n_nobody;
        let (mut found, mut left_out) = (vec![inside; self.n_masks], vec![outside; self.n_masks]);
        let mut n_in = inside + posterior.nobody * self.n_nobody;
        let mut n_out = outside + (1.0 - posterior.everybody) * self.n_everybody;
        for (row, &p) in self.decisions.chunks_exact(self.n_masks).zip(&posterior.disputed) {
            n_in += p;
            n_out += 1.0 - p;
            for (mask_idx, &has) in row.iter().enumerate() {
                if has { found[mask_idx] += p } else { left_out[mask_idx] += 1.0 - p }
            }
        }
        let share = |part: Vec<f64>, whole: f64| {
            part.into_iter().map(|part| if whole > 0.0 { part / whole } else { 1.0 }).collect::<Vec<f64>>()
        };
        (share(found, n_in), share(left_out, n_out))
    }

    fn for_each(&self, posterior: &Posterior, mut visit: impl FnMut(usize, f64)) {
        let mut disputed = posterior.disputed.iter();
        let mut next = self.disputed.iter().peekable();
        for at in 0..self.counts.len() {
            let is_disputed = next.next_if(|&&voxel| voxel as usize == at).is_some();
            let agreed = if self.counts[at] == 0 { posterior.nobody } else { posterior.everybody };
            let probability = if is_disputed { disputed.next().copied() } else { None };
            visit(at, probability.unwrap_or(agreed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight by eight pixels, the first in the highest bit.
    fn mask(bits: u64) -> Mask {
        Mask::new(&(0..64).map(|at| (bits >> (63 - at) & 1) as u8).collect::<Vec<_>>())
    }

    #[test]
    fn sensitivity_and_specificity_are_those_of_itk() {
        let masks = [
            16_267_708_901_715_636_449,
            5_242_910_206_978_453_537,
            16_231_824_177_902_526_889,
            16_992_045_727_540_444_145,
        ]
        .map(mask);
        let consensus = staple(&masks, 2).unwrap();
        let label = &consensus.labels[0];
        assert!(label.is_converged, "{label:?}");
        // SimpleITK 2.5.7, STAPLEImageFilter with up to 1000 rounds.
        let expected = [[0.875_339, 0.820_753, 0.621_783, 1.0], [0.959_612, 1.0, 0.803_842, 0.489_087]];
        for (found, expected) in [&label.sensitivity, &label.specificity].into_iter().zip(expected) {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-4), "{label:?}");
        }
        assert!((consensus.confidence[0] - 0.957).abs() < 1e-3 && consensus.classes[0] == 1);
        assert!((consensus.confidence[6] - 0.98).abs() < 2e-3 && consensus.classes[6] == 0);
    }

    #[test]
    fn equal_masks_are_their_own_consensus() {
        let one = Mask::new(&[0, 0, 1, 1, 2, 0, 0, 0]);
        let consensus = staple(&vec![one.clone(); 5], 4).unwrap();
        assert_eq!(consensus.classes, one.to_classes());
        assert!(consensus.labels.iter().all(|label| label.is_converged));
        assert!(consensus.confidence.iter().all(|&p| p > 0.999));
        assert_eq!(staple(&[], 3), None);
    }

    #[test]
    fn a_thousand_masks_do_not_underflow_and_two_bad_ones_do_not_count() {
        let good = Mask::new(&[0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        let bad = Mask::new(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        let mut masks = vec![good.clone(); 1000];
        masks[3] = bad.clone();
        masks[500] = bad;
        let consensus = staple(&masks, 2).unwrap();
        assert_eq!(consensus.classes, good.to_classes());
        assert!(consensus.labels[0].sensitivity[3] < 0.1 && consensus.labels[0].sensitivity[4] > 0.99);
    }
}
