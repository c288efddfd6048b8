//! Many samples of one image: encoded once, denoised in batches, decoded one by one, so that memory is bounded by the batch
//! and not by their number. And the way of one run, latent by latent.

use std::ops::Range;

use burn::prelude::*;
use burn::tensor::DType;
use half::f16;

use super::{Encoded, SegmentError, Segmenter, Walk};
use crate::config::{SamplerKind, SegmentSettings};
use crate::domain::grid::VoxelBox;
use crate::monitor::{Cancelled, Monitor};

/// Samples that are denoised together unless something else is asked for: on a CPU more of them gain nothing, and each is shown
/// the sooner.
const BATCH: usize = 4;

/// Which samples are drawn, and how. Sample i depends on (seed, i) alone, whatever the range and the batch are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// DDIM or DDPM.
    pub sampler: SamplerKind,
    /// K.
    pub steps: usize,
    /// Of all samples.
    pub seed: u64,
    /// The samples' numbers.
    pub samples: Range<u64>,
    /// Samples that are denoised together, at least 1.
    pub batch: usize,
}

impl Draw {
    /// The samples of `settings`, from the first.
    pub fn new(settings: &SegmentSettings) -> Self {
        let SegmentSettings { sampler, steps, seed, samples, .. } = *settings;
        Self { sampler, steps, seed, samples: 0..samples as u64, batch: BATCH }
    }
}

/// Where samples lie in their image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampledImage {
    /// The voxels of the image that samples are of; what lies outside is background.
    pub region: VoxelBox,
    /// Background among them.
    pub n_classes: usize,
}

impl SampledImage {
    /// Voxels in the region.
    pub fn n_voxels(&self) -> usize {
        self.region.shape().iter().product()
    }
}

/// One sample on the image's grid, in the region of its [`SampledImage`], first axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its number.
    pub index: u64,
    /// Probabilities, 0 to 1: all voxels of class 0, then of class 1, and so on.
    pub probabilities: Vec<f32>,
    /// The most probable class of every voxel.
    pub classes: Vec<u8>,
}

/// Every latent of one run, from the first noise to the last step.
#[derive(Clone, Debug)]
pub struct Trajectory {
    times: Vec<f64>,
    latents: Vec<Vec<f16>>,
    shape: [usize; 5],
}

impl Trajectory {
    /// The time of every latent kept, T − 1 for pure noise to 0 for the result. K of them.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Memory that the latents take.
    pub fn bytes(&self) -> usize {
        self.latents.iter().map(|latent| latent.len() * size_of::<f16>()).sum()
    }
}

impl Segmenter {
    /// Where samples of `encoded` lie in its image.
    pub fn sampled_image(&self, encoded: &Encoded) -> SampledImage {
        SampledImage { region: encoded.place.source_region(&encoded.grid), n_classes: self.config.n_classes() }
    }

    /// Draws samples one after another and hands each to `on_sample` as soon as it is there.
    ///
    /// # Errors
    /// [`SegmentError::Cancelled`] within one denoising step, or where `on_sample` says so; what was handed over stays good.
    /// [`SegmentError::NotFinite`].
    pub fn draw(
        &self,
        encoded: &Encoded,
        draw: &Draw,
        monitor: &dyn Monitor,
        on_sample: &mut dyn FnMut(Sample) -> Result<(), Cancelled>,
    ) -> Result<(), SegmentError> {
        self.draw_decoded(encoded, draw, monitor, &mut |index, probabilities| {
            Ok(on_sample(self.sample_on_image(encoded, index, probabilities)?)?)
        })
    }

    /// As [`Segmenter::draw`], with class probabilities `[1, class, depth, height, width]` in the padded box.
    pub(super) fn draw_decoded(
        &self,
        encoded: &Encoded,
        draw: &Draw,
        monitor: &dyn Monitor,
        on_decoded: &mut dyn FnMut(u64, Tensor<5>) -> Result<(), SegmentError>,
    ) -> Result<(), SegmentError> {
        let walk = Walk { sampler: draw.sampler, steps: draw.steps, seed: draw.seed };
        let (start, end) = (draw.samples.start, draw.samples.end);
        let n_samples = end.saturating_sub(start);
        for first in (start..end).step_by(draw.batch.max(1)) {
            let last = (first + draw.batch.max(1) as u64).min(end);
            let latents = self.networks.latents(&encoded.embedding, walk, first..last, monitor, &mut |_, _| {})?;
            for (index, latent) in (first..last).zip(latents.chunk((last - first) as usize, 0)) {
                monitor.report("Decoding", index - start, n_samples)?;
                on_decoded(index, self.decode(latent))?;
            }
        }
        Ok(monitor.report("Decoding", n_samples, n_samples)?)
    }

    /// Decoded probabilities on the image's grid.
    ///
    /// # Shapes
    /// probabilities: `[1, class, depth, height, width]` in the padded box
    ///
    /// # Errors
    /// [`SegmentError::NotFinite`].
    pub fn sample_on_image(
        &self,
        encoded: &Encoded,
        index: u64,
        probabilities: Tensor<5>,
    ) -> Result<Sample, SegmentError> {
        let n_classes = self.config.n_classes();
        let decoded: Vec<f32> = probabilities.into_data().iter::<f32>().collect();
        if !decoded.iter().all(|value| value.is_finite()) {
            return Err(SegmentError::NotFinite);
        }
        let by_class: Vec<&[f32]> = decoded.chunks_exact(decoded.len() / n_classes).collect();
        let region = encoded.place.source_region(&encoded.grid);
        let n_voxels = region.shape().iter().product::<usize>();
        let mut probabilities = vec![0.0; n_classes * n_voxels];
        probabilities[..n_voxels].fill(1.0);
        let mut classes = vec![0; n_voxels];
        encoded.place.for_each_source_voxel(&encoded.grid, &by_class, encoded.padded, |position, values| {
            let at = region.position_within(encoded.grid.shape(), position);
            classes[at] = most_probable(values) as u8;
            values.iter().enumerate().for_each(|(class, &value)| probabilities[class * n_voxels + at] = value);
        });
        Ok(Sample { index, probabilities, classes })
    }

    /// Every latent of the run of sample 0 under `seed`.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn trajectory(
        &self,
        encoded: &Encoded,
        kind: SamplerKind,
        steps: usize,
        seed: u64,
        monitor: &dyn Monitor,
    ) -> Result<Trajectory, Cancelled> {
        let walk = Walk { sampler: kind, steps, seed };
        let mut kept = Trajectory { times: Vec::new(), latents: Vec::new(), shape: encoded.embedding.dims() };
        self.networks.latents(&encoded.embedding, walk, 0..1, monitor, &mut |time, latent| {
            kept.times.push(time);
            kept.shape = latent.dims();
            kept.latents.push(latent.clone().into_data().iter::<f32>().map(f16::from_f32).collect());
        })?;
        Ok(kept)
    }

    /// The class probabilities `[1, class, depth, height, width]` that the latent at `step` of a run decodes to: one run's
    /// way, which is not what a run of fewer steps would give. `None` past the end.
    pub fn decode_step(&self, trajectory: &Trajectory, step: usize) -> Option<Tensor<5>> {
        let values: Vec<f32> = trajectory.latents.get(step)?.iter().map(|value| value.to_f32()).collect();
        let data = TensorData::new(values, trajectory.shape);
        Some(self.decode(Tensor::from_data(data, (&self.device, DType::F32))))
    }
}

/// The class with the largest probability.
pub(super) fn most_probable(probabilities: &[f32]) -> usize {
    (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phantom::{PhantomKind, generate};
    use crate::model::registry;
    use crate::monitor::Silent;

    fn drawn(segmenter: &Segmenter, encoded: &Encoded, samples: Range<u64>, batch: usize) -> Vec<Sample> {
        // DDPM draws fresh noise on the way, which is what a batch could mix up.
        let draw = Draw { sampler: SamplerKind::Ddpm, steps: 3, seed: 11, samples, batch };
        let mut samples = Vec::new();
        segmenter
            .draw(encoded, &draw, &Silent, &mut |sample| {
                samples.push(sample);
                Ok(())
            })
            .unwrap();
        samples
    }

    fn encoded_phantom() -> (Segmenter, Encoded) {
        let segmenter = registry::find("phantom-3d").unwrap().load(&Device::flex()).unwrap();
        let encoded = segmenter.encode_image(&generate(PhantomKind::TwoBodies, 5).volume, 0, None);
        (segmenter, encoded)
    }

    #[test]
    fn a_sample_is_the_same_in_every_batch() {
        let (segmenter, encoded) = encoded_phantom();
        let (of_7, of_32) = (drawn(&segmenter, &encoded, 0..9, 7), drawn(&segmenter, &encoded, 0..32, 32));
        assert_eq!(of_7.iter().map(|sample| sample.index).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
        for index in [0, 6, 7, 31] {
            let alone = drawn(&segmenter, &encoded, index..index + 1, 1).remove(0);
            for same in [&of_7, &of_32].into_iter().filter_map(|batch| batch.get(index as usize)) {
                let difference = alone.probabilities.iter().zip(&same.probabilities).map(|(a, b)| (a - b).abs());
                let largest = difference.fold(0.0, f32::max);
                assert!(largest <= 1e-5 && same.index == index, "sample {index}: {largest}");
            }
        }
        assert_ne!(of_7[0].probabilities, of_7[1].probabilities);
    }

    #[test]
    fn a_segmentation_is_the_mean_of_its_samples() {
        let (segmenter, encoded) = encoded_phantom();
        let samples = drawn(&segmenter, &encoded, 0..5, 4);
        let volume = generate(PhantomKind::TwoBodies, 5).volume;
        let settings = SegmentSettings {
            sampler: SamplerKind::Ddpm,
            steps: 3,
            seed: 11,
            samples: 5,
            ..SegmentSettings::default()
        };
        let prediction = segmenter.segment(&volume, 0, None, &settings, &Silent).unwrap();
        let n_voxels = segmenter.sampled_image(&encoded).n_voxels();
        assert_eq!(n_voxels, volume.grid().n_voxels(), "a phantom fits into the model's box");
        let mean = |at: usize| samples.iter().map(|sample| sample.probabilities[n_voxels + at]).sum::<f32>() / 5.0;
        for at in (0..n_voxels).step_by(97) {
            assert!((mean(at) * 255.0 - f32::from(prediction.probabilities[0][at])).abs() < 0.51);
        }
    }

    #[test]
    fn the_last_latent_kept_decodes_to_the_result() {
        let (segmenter, encoded) = encoded_phantom();
        let kept = segmenter.trajectory(&encoded, SamplerKind::Ddim, 5, 3, &Silent).unwrap();
        assert_eq!(kept.times().len(), 5);
        assert_eq!((kept.times()[0], kept.times()[4]), (999.0, 0.0));
        assert_eq!(kept.bytes(), 5 * 2 * encoded.embedding.dims().iter().product::<usize>());
        let classes = |decoded| segmenter.sample_on_image(&encoded, 0, decoded).unwrap().classes;
        let result = classes(segmenter.sample(&encoded, SamplerKind::Ddim, 5, 3, &Silent).unwrap());
        let last = classes(segmenter.decode_step(&kept, 4).unwrap());
        let first = classes(segmenter.decode_step(&kept, 0).unwrap());
        let n_different = |other: &[u8]| result.iter().zip(other).filter(|(a, b)| a != b).count();
        // Only f16 lies between them.
        assert!(n_different(&last) * 1000 < result.len(), "{}", n_different(&last));
        assert!(n_different(&first) * 50 > result.len(), "{}", n_different(&first));
        assert!(segmenter.decode_step(&kept, 5).is_none());
    }
}
