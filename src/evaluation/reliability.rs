//! How far the uncertainty of one image's samples can be trusted, where the truth is known.

use super::quality::{auroc, expected_calibration_error};
use super::report::Statistic;
use super::uncertainty::Uncertainty;

/// Voxels at most so far, along every axis, from a label of the answer or of the truth count as near: elsewhere all is
/// background, easy to get right, and makes every number look good.
pub const NEAR_VOXELS: usize = 3;

/// One image. The answer that is judged is the most probable class of the mean; its uncertainty is the largest SD of the
/// probabilities over classes; an error is a voxel of another class than the truth's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reliability {
    /// AUROC of the SD as a detector of errors over all voxels; `None` without an error or without samples enough.
    pub auroc: Option<f64>,
    /// The same over voxels near a label.
    pub auroc_near: Option<f64>,
    /// Expected calibration error of the mean probabilities over all voxels.
    pub ece: Option<f64>,
    /// The same over voxels near a label.
    pub ece_near: Option<f64>,
    /// Mean SD at wrong voxels.
    pub sd_wrong: Option<f64>,
    /// Mean SD at right voxels.
    pub sd_right: Option<f64>,
    /// Mean SD over the voxels that have a label in the answer: one number for how unsure the image is.
    pub sd_inside: Option<f64>,
}

impl Reliability {
    /// Of samples whose `truth` has one class for each voxel of the region.
    ///
    /// # Panics
    /// Where it has not.
    pub fn of(maps: &Uncertainty, truth: &[u16]) -> Self {
        let n_voxels = maps.image().n_voxels();
        assert_eq!(truth.len(), n_voxels, "one class for each voxel of the region");
        let answer = maps.mean_classes();
        let is_wrong: Vec<bool> = answer.iter().zip(truth).map(|(&a, &t)| u16::from(a) != t).collect();
        let is_right: Vec<bool> = is_wrong.iter().map(|wrong| !wrong).collect();
        let confidence: Vec<f32> =
            answer.iter().enumerate().map(|(at, &class)| maps.mean(usize::from(class))[at]).collect();
        let labelled: Vec<bool> = answer.iter().zip(truth).map(|(&a, &t)| a > 0 || t > 0).collect();
        let near = dilated(&labelled, maps.image().region.shape(), NEAR_VOXELS);
        let part = |values: &[bool]| only(values, &near);
        let sd = maps.largest_sd();
        let mean_sd = |is_meant: &dyn Fn(usize) -> bool| {
            let sd = sd.as_ref()?;
            Statistic::of((0..n_voxels).filter(|&at| is_meant(at)).map(|at| Some(f64::from(sd[at])))).mean
        };
        Self {
            auroc: sd.as_ref().and_then(|sd| auroc(sd, &is_wrong)),
            auroc_near: sd.as_ref().and_then(|sd| auroc(&only(sd, &near), &part(&is_wrong))),
            ece: expected_calibration_error(&confidence, &is_right),
            ece_near: expected_calibration_error(&only(&confidence, &near), &part(&is_right)),
            sd_wrong: mean_sd(&|at| is_wrong[at]),
            sd_right: mean_sd(&|at| is_right[at]),
            sd_inside: mean_sd(&|at| answer[at] > 0),
        }
    }
}

/// The values where `is_meant`.
fn only<T: Copy>(values: &[T], is_meant: &[bool]) -> Vec<T> {
    values.iter().zip(is_meant).filter(|&(_, &is)| is).map(|(&value, _)| value).collect()
}

/// Voxels with one of `mask` at most `reach` away along every axis: a box grown axis by axis.
fn dilated(mask: &[bool], shape: [usize; 3], reach: usize) -> Vec<bool> {
    let mut grown = mask.to_vec();
    let mut stride = 1;
    for n in shape {
        let before = grown.clone();
        for (at, _) in before.iter().enumerate().filter(|&(_, &is)| is) {
            let i = at / stride % n;
            for step in 1..=reach {
                if step <= i {
                    grown[at - step * stride] = true;
                }
                if i + step < n {
                    grown[at + step * stride] = true;
                }
            }
        }
        stride *= n;
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;
    use crate::domain::grid::VoxelBox;
    use crate::model::segment::{Sample, SampledImage};

    #[test]
    fn boxes_grow_along_every_axis_and_stop_at_the_edge() {
        let shape = [5, 4, 3];
        let mut mask = vec![false; 60];
        mask[0] = true;
        let grown = dilated(&mask, shape, 1);
        assert_eq!(grown.iter().filter(|&&is| is).count(), 8);
        assert!(grown[1 + 5 + 20] && !grown[2]);
        mask[0] = false;
        mask[2 + 5 + 20] = true;
        assert_eq!(dilated(&mask, shape, 1).iter().filter(|&&is| is).count(), 27);
    }

    /// Two samples of a row of voxels with these probabilities of label 1.
    fn maps(samples: [&[f32]; 2]) -> Uncertainty {
        let n = samples[0].len();
        let image = SampledImage { region: VoxelBox([0..n, 0..1, 0..1]), n_classes: 2 };
        let mut maps = Uncertainty::new(image, Grid::axis_aligned([n, 1, 1], [1.0; 3]).unwrap());
        for (index, p) in (0..).zip(samples) {
            let probabilities = p.iter().map(|p| 1.0 - p).chain(p.iter().copied()).collect();
            maps.add(&Sample { index, probabilities, classes: p.iter().map(|&p| u8::from(p > 0.5)).collect() });
        }
        maps
    }

    #[test]
    fn spread_at_the_errors_is_found_and_far_background_is_left_out_nearby() {
        let mut p = vec![0.0; 30];
        (p[0], p[1], p[2]) = (1.0, 1.0, 0.9);
        let mut other = p.clone();
        other[2] = 0.3;
        let mut truth = vec![0; 30];
        (truth[0], truth[1]) = (1, 1);
        let found = Reliability::of(&maps([&p, &other]), &truth);
        // The mean gives voxel 2 to the label, which is wrong, and only there samples differ.
        assert_eq!((found.auroc, found.auroc_near), (Some(1.0), Some(1.0)));
        assert!((found.sd_wrong.unwrap() - 0.6 / 2.0_f64.sqrt()).abs() < 1e-6);
        assert_eq!(found.sd_right, Some(0.0));
        // 0.6 sure of what is wrong, over 30 voxels and over the 6 near ones.
        assert!((found.ece.unwrap() - 0.6 / 30.0).abs() < 1e-6 && (found.ece_near.unwrap() - 0.1).abs() < 1e-6);
        assert!((found.sd_inside.unwrap() - found.sd_wrong.unwrap() / 3.0).abs() < 1e-6);
    }

    #[test]
    fn without_an_error_there_is_nothing_to_detect() {
        let p = vec![1.0, 0.0];
        let found = Reliability::of(&maps([&p, &p]), &[1, 0]);
        assert_eq!((found.auroc, found.sd_wrong, found.ece), (None, None, Some(0.0)));
    }
}
