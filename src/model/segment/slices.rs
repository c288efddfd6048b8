//! All slices of a volume, or all frames of a series, by a model for pictures: encoded and denoised several at a time.

use std::ops::Range;

use burn::prelude::*;

use super::{Prediction, SegmentError, Segmenter, Walk};
use crate::config::SegmentSettings;
use crate::domain::{LabelMap, Volume};
use crate::model::tensors::ModelBox;
use crate::monitor::Monitor;

/// Slices that go through the networks together.
const BATCH: usize = 8;

impl Segmenter {
    /// Segments every slice of one frame with a model for pictures, each as it would be [segmented](Segmenter::segment) alone with
    /// the model's box around `focus` moved into it. With a model for volumes, or of an image of one slice, it is the same as
    /// that.
    ///
    /// # Errors
    /// [`SegmentError::Cancelled`], within one denoising step. [`SegmentError::NotFinite`].
    pub fn segment_slices(
        &self,
        volume: &Volume,
        frame: usize,
        focus: Option<[usize; 3]>,
        settings: &SegmentSettings,
        monitor: &dyn Monitor,
    ) -> Result<Prediction, SegmentError> {
        let grid = volume.grid();
        let Some(axis) = self.through(grid) else { return self.segment(volume, frame, focus, settings, monitor) };
        let n_slices = grid.shape()[axis];
        let mut ids = vec![0u16; grid.n_voxels()];
        let mut probabilities = vec![vec![0u8; grid.n_voxels()]; self.config.n_classes() - 1];
        for first in (0..n_slices).step_by(BATCH) {
            monitor.report("Segmenting slices", first as u64, n_slices as u64)?;
            let slices = first..(first + BATCH).min(n_slices);
            let decoded = self.decoded_slices((volume, frame), (axis, slices.clone()), focus, settings, monitor)?;
            for (slice, decoded) in slices.clone().zip(decoded.chunk(slices.len(), 0)) {
                let thin = grid.slice(axis, slice);
                let place = ModelBox::new(&thin, &self.config.input, focus);
                let padded = self.padded(&place);
                let decoded: Vec<f32> = decoded.into_data().iter::<f32>().collect();
                if !decoded.iter().all(|value| value.is_finite()) {
                    return Err(SegmentError::NotFinite);
                }
                let (labels, maps) = self.on_grid(&place, padded, &thin, &decoded);
                let position = |at: usize| {
                    let mut voxel = thin.voxel(at);
                    voxel[axis] = slice;
                    grid.index(voxel)
                };
                for (at, id) in labels.into_iter().enumerate().filter(|(_, id)| *id != 0) {
                    ids[position(at)] = id;
                }
                for (all, map) in probabilities.iter_mut().zip(maps) {
                    map.into_iter().enumerate().for_each(|(at, p)| all[position(at)] = p);
                }
            }
        }
        monitor.report("Segmenting slices", n_slices as u64, n_slices as u64)?;
        let labels = LabelMap::new(grid.clone(), ids).unwrap_or_else(|_| LabelMap::empty(grid.clone()));
        let warnings = self.warnings(volume, settings);
        Ok(Prediction { labels, table: self.config.label_table(), probabilities, warnings })
    }

    /// Class probabilities of these slices, `[slice, class, 1, height, width]`, averaged over the samples.
    fn decoded_slices(
        &self,
        (volume, frame): (&Volume, usize),
        (axis, slices): (usize, Range<usize>),
        focus: Option<[usize; 3]>,
        settings: &SegmentSettings,
        monitor: &dyn Monitor,
    ) -> Result<Tensor<5>, SegmentError> {
        let images = slices.map(|slice| self.image_tensor(&volume.slice(frame, axis, slice), 0, focus)).collect();
        let embeddings = self.networks.encode(Tensor::cat(images, 0));
        let walk = Walk { sampler: settings.sampler, steps: settings.steps, seed: settings.seed };
        let n_samples = if self.config.is_deterministic() { 1 } else { settings.samples.max(1) as u64 };
        let mut sum = self.decode(self.networks.latents_of_images(&embeddings, walk, 0, monitor)?);
        for sample in 1..n_samples {
            sum = sum + self.decode(self.networks.latents_of_images(&embeddings, walk, sample, monitor)?);
        }
        Ok(sum / n_samples as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::config::Architecture;
    use super::super::super::networks::Networks;
    use super::super::super::preset;
    use super::*;
    use crate::config::SamplerKind;
    use crate::domain::phantom::{PhantomKind, generate};
    use crate::monitor::Silent;

    /// Networks that nobody trained: what they say is noise, but always the same.
    fn segmenter() -> Segmenter {
        let (config, device) = (preset::phantom_echo(), Device::flex());
        device.seed(5);
        let Architecture::Ldseg(ldseg) = &config.architecture else { panic!("the preset is LDSeg") };
        let networks = ldseg.network.init(config.input.channels, config.n_classes(), &device);
        let networks = Networks::ldseg(ldseg, networks);
        Segmenter::new(config, networks, device)
    }

    #[test]
    fn a_box_smaller_than_the_frames_follows_the_focus_through_all_of_them() {
        let boxed = segmenter().with_max_shape([1, 96, 96]);
        let series = generate(PhantomKind::FourChambers, 3).volume;
        let settings = SegmentSettings::default();
        let [width, height, _] = series.grid().shape();
        let focus = Some([width - 10, 10, 4]);
        let all = boxed.segment_slices(&series, 0, focus, &settings, &Silent).unwrap();
        let alone = boxed.segment(&series, 0, focus, &settings, &Silent).unwrap();
        let frame = 4 * width * height..5 * width * height;
        assert_eq!(all.labels.to_ids()[frame.clone()], alone.labels.to_ids()[frame]);
        assert_eq!(all.warnings, alone.warnings);
        assert!(all.warnings[0].contains("a box of 96×96 pixels"), "{:?}", all.warnings);
        let whole = segmenter().segment(&series, 0, focus, &settings, &Silent).unwrap();
        assert!(whole.warnings.is_empty(), "{:?}", whole.warnings);
    }

    #[test]
    fn frames_in_batches_are_what_each_would_be_alone() {
        let segmenter = segmenter();
        let series = generate(PhantomKind::FourChambers, 3).volume;
        let settings =
            SegmentSettings { steps: 3, sampler: SamplerKind::Ddpm, samples: 2, seed: 9, ..SegmentSettings::default() };
        let all = segmenter.segment_slices(&series, 0, None, &settings, &Silent).unwrap();
        let [width, height, n_frames] = series.grid().shape();
        for frame in [0, 7, 8, n_frames - 1] {
            let focus = Some([width / 2, height / 2, frame]);
            let alone = segmenter.segment(&series, 0, focus, &settings, &Silent).unwrap();
            let frame = frame * width * height..(frame + 1) * width * height;
            assert_eq!(all.labels.to_ids()[frame.clone()], alone.labels.to_ids()[frame.clone()]);
            let (of_all, of_one) = (&all.probabilities[0][frame.clone()], &alone.probabilities[0][frame]);
            assert!(of_all.iter().zip(of_one).all(|(a, b)| a.abs_diff(*b) <= 1));
        }
        assert!(all.labels.to_ids().iter().any(|&id| id != 0), "the test would hold of an empty answer too");
    }
}
