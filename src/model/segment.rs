//! From an image to labels with a trained model: box, encode once, denoise, decode, and back onto the image's grid.

mod samples;
mod slices;

use burn::prelude::*;
use burn::tensor::DType;

use self::samples::most_probable;
pub use self::samples::{Draw, Sample, SampledImage, Trajectory};
use super::config::ModelConfig;
use super::networks::{Networks, Walk};
use super::tensors::{ModelBox, one_hot, pad_edges, rounded_up};
use crate::config::{SamplerKind, SegmentSettings};
use crate::domain::{Grid, LabelMap, LabelTable, OneSlice, Volume};
use crate::monitor::{Cancelled, Monitor};

/// Why an image was not segmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// It was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The networks computed NaN or infinity.
    #[error("the networks gave numbers that are not finite; the weights or the device are at fault: try the CPU")]
    NotFinite,
}

/// A model on a device, ready to segment.
#[derive(Clone, Debug)]
pub struct Segmenter {
    config: ModelConfig,
    networks: Networks,
    device: Device,
}

/// What a model says of an image.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The most probable class of every voxel, on the image's grid.
    pub labels: LabelMap,
    /// The model's labels.
    pub table: LabelTable,
    /// Probability of every label of `table`, in its order, one value a voxel: 0 to 255 for 0 to 1, averaged over samples.
    pub probabilities: Vec<Vec<u8>>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// An image that has been encoded, and where it lies.
#[derive(Clone, Debug)]
pub struct Encoded {
    place: ModelBox,
    padded: [usize; 3],
    grid: Grid,
    /// The image's embedding, `[1, channel, depth, height, width]`; of a deterministic model its class scores.
    pub embedding: Tensor<5>,
}

impl Segmenter {
    /// Networks of `config` that are on `device` already.
    pub fn new(config: ModelConfig, networks: Networks, device: Device) -> Self {
        Self { config, networks, device }
    }

    /// The model's description.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Segments one frame; with a model for pictures, one slice of it. Where the image is larger than the model's box, the box lies around `focus` and the rest stays
    /// background, with a warning.
    ///
    /// # Errors
    /// [`SegmentError::Cancelled`], within one denoising step.
    pub fn segment(
        &self,
        volume: &Volume,
        frame: usize,
        focus: Option<[usize; 3]>,
        settings: &SegmentSettings,
        monitor: &dyn Monitor,
    ) -> Result<Prediction, SegmentError> {
        monitor.report("Encoding the image", 0, 1)?;
        let encoded = self.encode_image(volume, frame, focus);
        monitor.report("Encoding the image", 1, 1)?;
        self.segment_encoded(&encoded, volume, settings, monitor)
    }

    /// As [`Segmenter::segment`], of `volume` as it has been encoded.
    ///
    /// # Errors
    /// [`SegmentError::Cancelled`], within one denoising step.
    pub fn segment_encoded(
        &self,
        encoded: &Encoded,
        volume: &Volume,
        settings: &SegmentSettings,
        monitor: &dyn Monitor,
    ) -> Result<Prediction, SegmentError> {
        let n_samples = if self.config.is_deterministic() { 1 } else { settings.samples };
        let draw = Draw { samples: 0..n_samples as u64, ..Draw::new(settings) };
        let mut sum: Option<Tensor<5>> = None;
        self.draw_decoded(encoded, &draw, monitor, &mut |_, probability| {
            sum = Some(match sum.take() {
                Some(sum) => sum + probability,
                None => probability,
            });
            Ok(())
        })?;
        let (labels, probabilities) = match sum {
            Some(sum) if sum.clone().sum().into_scalar::<f32>().is_finite() => {
                self.restore(encoded, sum / n_samples as f64)
            }
            Some(_) => return Err(SegmentError::NotFinite),
            None => (LabelMap::empty(encoded.grid.clone()), Vec::new()),
        };
        let warnings = self.warnings(volume, settings);
        Ok(Prediction { labels, table: self.config.label_table(), probabilities, warnings })
    }

    /// One latent with K `steps`, decoded: class probabilities `[1, class, depth, height, width]` in the padded box.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn sample(
        &self,
        encoded: &Encoded,
        kind: SamplerKind,
        steps: usize,
        seed: u64,
        monitor: &dyn Monitor,
    ) -> Result<Tensor<5>, Cancelled> {
        Ok(self.decode(self.latent(encoded, kind, steps, seed, monitor)?))
    }

    /// The latent of sample 0 under `seed` with K `steps`, not yet decoded.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn latent(
        &self,
        encoded: &Encoded,
        kind: SamplerKind,
        steps: usize,
        seed: u64,
        monitor: &dyn Monitor,
    ) -> Result<Tensor<5>, Cancelled> {
        let walk = Walk { sampler: kind, steps, seed };
        self.networks.latents(&encoded.embedding, walk, 0..1, monitor, &mut |_, _| {})
    }

    /// Waits until the device has done what it was asked to, for whoever measures time.
    pub fn wait(&self) {
        // A device that cannot say so any more fails at the next tensor that is read.
        self.device.sync().ok();
    }

    /// The same model for images up to `max_shape` (depth, height, width) in one piece, whatever it was trained on.
    #[must_use]
    pub fn with_max_shape(mut self, max_shape: [usize; 3]) -> Self {
        self.config.input.max_shape = max_shape;
        self
    }

    /// The image's embedding and where it lies. A model for pictures sees one slice of a volume: the one through `focus`, else
    /// the middle one.
    pub fn encode_image(&self, volume: &Volume, frame: usize, focus: Option<[usize; 3]>) -> Encoded {
        let grid = volume.grid().clone();
        let place = ModelBox::new(&grid, &self.config.input, focus);
        let image = match self.through(&grid) {
            Some(axis) => self.image_tensor(&volume.slice(frame, axis, place.slice(axis)), 0, focus),
            None => self.image_tensor(volume, frame, focus),
        };
        let embedding = self.networks.encode(image);
        let padded = self.padded(&place);
        Encoded { place, padded, grid, embedding }
    }

    /// The voxel axis through the slices that a model for pictures takes one by one; `None` where there is one slice, or where
    /// the model takes volumes.
    pub fn through(&self, grid: &Grid) -> Option<usize> {
        grid.slices_axis().filter(|_| self.config.is_planar())
    }

    /// All of an image that this model answers at once, where that is one slice of several; see [`Segmenter::encode_image`].
    pub fn one_slice(&self, grid: &Grid, focus: Option<[usize; 3]>) -> Option<OneSlice> {
        let axis = self.through(grid)?;
        Some(OneSlice { axis, index: ModelBox::new(grid, &self.config.input, focus).slice(axis) })
    }

    fn padded(&self, place: &ModelBox) -> [usize; 3] {
        rounded_up(place.shape(), self.networks.size_multiple())
    }

    /// `[1, channel, depth, height, width]`
    fn image_tensor(&self, volume: &Volume, frame: usize, focus: Option<[usize; 3]>) -> Tensor<5> {
        let input = &self.config.input;
        let place = ModelBox::new(volume.grid(), input, focus);
        let values = place.image(volume, frame, input);
        let (shape, padded @ [depth, height, width]) = (place.shape(), self.padded(&place));
        let channels = values.chunks_exact(shape.iter().product());
        let values: Vec<f32> = channels.flat_map(|values| pad_edges(values, shape, padded)).collect();
        let data = TensorData::new(values, [1, input.channels, depth, height, width]);
        Tensor::from_data(data, (&self.device, DType::F32))
    }

    /// Whether an image on `grid` would be encoded in the box that `encoded` lies in.
    pub fn has_box_of(&self, encoded: &Encoded, grid: &Grid, focus: Option<[usize; 3]>) -> bool {
        encoded.place == ModelBox::new(grid, &self.config.input, focus)
    }

    /// Class probabilities of the embedding decoded as it is: what LDSeg would say without its denoiser, and all that a
    /// deterministic model says. For models that [can do that](ModelConfig::decodes_embedding).
    pub fn decode_embedding(&self, encoded: &Encoded) -> Tensor<5> {
        self.decode(self.networks.latent_of_embedding(encoded.embedding.clone()))
    }

    /// Class probabilities of label → latent → label: the ceiling that no denoiser passes.
    ///
    /// `labels` lie on the grid of the encoded image and hold none but the model's classes.
    pub fn autoencode(&self, encoded: &Encoded, labels: &LabelMap) -> Tensor<5> {
        let ids = pad_edges(&encoded.place.labels(labels), encoded.place.shape(), encoded.padded);
        let data = one_hot(&[&ids], self.config.n_classes(), encoded.padded);
        self.networks.autoencode(Tensor::from_data(data, (&self.device, DType::F32)))
    }

    /// Class probabilities of a latent.
    ///
    /// # Shapes
    /// `[batch, channel, depth, height, width]` of the latent → `[batch, class, depth, height, width]` of the padded box
    pub fn decode(&self, latent: Tensor<5>) -> Tensor<5> {
        self.networks.decode(latent)
    }

    /// Probabilities in the padded box to labels and probabilities on the image's grid.
    ///
    /// # Shapes
    /// `[1, class, depth, height, width]`
    pub fn restore(&self, encoded: &Encoded, probabilities: Tensor<5>) -> (LabelMap, Vec<Vec<u8>>) {
        let grid = &encoded.grid;
        let values: Vec<f32> = probabilities.into_data().iter::<f32>().collect();
        let (ids, maps) = self.on_grid(&encoded.place, encoded.padded, grid, &values);
        let labels = LabelMap::new(grid.clone(), ids).unwrap_or_else(|_| LabelMap::empty(grid.clone()));
        (labels, maps)
    }

    /// Class after class of the padded box to the id, and to the probability of each label, of every voxel of `grid`.
    fn on_grid(&self, place: &ModelBox, padded: [usize; 3], grid: &Grid, values: &[f32]) -> (Vec<u16>, Vec<Vec<u8>>) {
        let n_classes = self.config.n_classes();
        let classes: Vec<&[f32]> = values.chunks_exact(values.len() / n_classes).collect();
        let mut ids = vec![0u16; grid.n_voxels()];
        let mut maps = vec![vec![0u8; grid.n_voxels()]; n_classes - 1];
        place.for_each_source_voxel(grid, &classes, padded, |index, probability| {
            ids[index] = most_probable(probability) as u16;
            for (map, p) in maps.iter_mut().zip(&probability[1..]) {
                map[index] = (p * 255.0).round() as u8;
            }
        });
        (ids, maps)
    }

    /// What a person should know of an answer.
    fn warnings(&self, volume: &Volume, settings: &SegmentSettings) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.config.is_deterministic() && asks_for_chance(settings) {
            warnings.push(format!(
                "`{}` is deterministic: steps, sampler, samples and seed change nothing, its answer is always the same.",
                self.config.name
            ));
        }
        if volume.is_color() && self.config.input.channels == 1 {
            warnings.push("The model expects a grey image: the colours were turned into brightness.".to_owned());
        }
        let place = match self.through(volume.grid()) {
            Some(axis) => ModelBox::new(&volume.grid().slice(axis, 0), &self.config.input, None),
            None => ModelBox::new(volume.grid(), &self.config.input, None),
        };
        if place.is_cropped() {
            let [depth, height, width] = place.shape();
            let size = match self.config.is_planar() {
                true => format!("{width}×{height} pixels"),
                false => format!("{width}×{height}×{depth} voxels"),
            };
            warnings.push(format!(
                "The image is larger than what this model was trained on: only a box of {size} of the model's size was segmented. \
                 Put the crosshair on the structure to place the box."
            ));
        }
        warnings
    }
}

/// Whether anything is set that a deterministic model cannot do.
fn asks_for_chance(settings: &SegmentSettings) -> bool {
    let SegmentSettings { steps, sampler, samples, seed, .. } = SegmentSettings::default();
    (settings.steps, settings.sampler, settings.samples, settings.seed) != (steps, sampler, samples, seed)
}

#[cfg(test)]
mod tests {
    use super::super::config::Architecture;
    use super::super::preset;
    use super::*;
    use crate::domain::phantom::{PhantomKind, generate};
    use crate::monitor::Silent;

    fn resunet() -> Segmenter {
        let (config, device) = (preset::phantom_3d_resunet(), Device::flex());
        device.seed(3);
        let Architecture::ResUnet(resunet) = &config.architecture else { panic!("the preset is a ResUNet") };
        let network = resunet.init(config.input.channels, config.n_classes(), &device);
        let networks = Networks::resunet(network, resunet.size_multiple());
        Segmenter::new(config, networks, device)
    }

    #[test]
    fn a_deterministic_model_says_that_chance_changes_nothing() {
        let (segmenter, volume) = (resunet(), generate(PhantomKind::TwoBodies, 2).volume);
        let plain = SegmentSettings::default();
        let asked = SegmentSettings { steps: 50, samples: 20, seed: 7, ..plain.clone() };
        let [plain, asked] =
            [plain, asked].map(|settings| segmenter.segment(&volume, 0, None, &settings, &Silent).unwrap());
        assert!(plain.warnings.is_empty(), "{:?}", plain.warnings);
        assert!(asked.warnings[0].contains("deterministic"), "{:?}", asked.warnings);
        assert_eq!((plain.labels, plain.probabilities), (asked.labels, asked.probabilities));
    }

    #[test]
    fn a_deterministic_model_has_no_way_from_noise_and_no_ceiling_but_the_truth() {
        let (segmenter, phantom) = (resunet(), generate(PhantomKind::TwoBodies, 2));
        let encoded = segmenter.encode_image(&phantom.volume, 0, None);
        let way = segmenter.trajectory(&encoded, SamplerKind::Ddim, 10, 0, &Silent).unwrap();
        assert_eq!(way.times(), [0.0]);
        let (labels, _) = segmenter.restore(&encoded, segmenter.autoencode(&encoded, &phantom.labels));
        assert_eq!(labels, phantom.labels);
    }
}
