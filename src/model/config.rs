//! What a model is made of, as data: saved as `config.json` beside the weights, so that inference rebuilds exactly the
//! network that was trained.
//!
//! The label encoder, image encoder and label decoder are lists of [`LayerConfig`]; the denoiser is a U-Net described by
//! [`DenoiserConfig`]. The presets that fill these in live in [`preset`](super::preset).

mod ablation;
mod file;

use serde::{Deserialize, Serialize};

use self::file::ModelFile;
use crate::domain::{Label, LabelTable};

/// A whole model: what it sees, what it says, and the networks between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ModelFile", into = "ModelFile")]
pub struct ModelConfig {
    /// Name of the model's folder.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What it was trained on and what it is for, in a sentence or two.
    pub description: String,
    /// The structures that it finds, ids 1, 2, …; class 0 is background.
    pub labels: Vec<LabelConfig>,
    /// How an image becomes a tensor.
    pub input: InputConfig,
    /// The networks between.
    pub architecture: Architecture,
}

/// What kind of networks a model has.
#[derive(Clone, Debug, PartialEq)]
pub enum Architecture {
    /// Latent diffusion: samples that differ.
    Ldseg(LdsegConfig),
    /// Image to labels in one pass, the same answer each time: what LDSeg is compared with.
    ResUnet(ResUnetConfig),
}

/// LDSeg: four networks, and noise.
#[derive(Clone, Debug, PartialEq)]
pub struct LdsegConfig {
    /// The four networks.
    pub network: NetworkConfig,
    /// The noise that the denoiser was trained against.
    pub diffusion: DiffusionConfig,
}

/// A residual U-Net (Zhang, Liu and Wang 2018): see [`ResUnet`](super::resunet::ResUnet).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResUnetConfig {
    /// 2D: every kernel has depth 1.
    pub planar: bool,
    /// Channels at half of the image's resolution, at a quarter, …
    pub widths: Vec<usize>,
    /// Groups of every group norm.
    pub groups: usize,
}

/// Name and colour of one structure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelConfig {
    /// Name shown to people.
    pub name: String,
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// How an image becomes a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputConfig {
    /// Image channels: 1 for grey, 3 for colour.
    pub channels: usize,
    /// Voxel size that the network expects, along the body's right-left, back-front and feet-head axes; `None` takes the
    /// voxels as they are stored.
    pub spacing_mm: Option<[f64; 3]>,
    /// Pixels along the longer side of a slice, whatever the size of the image's own pixels: for pictures, of which as a rule
    /// nobody knows it. Then `spacing_mm` means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longer_side: Option<usize>,
    /// Depth, height, width of a training crop (z, y, x). A planar model has depth 1.
    pub crop: [usize; 3],
    /// Largest box that is segmented in one piece; a larger image is cut to this box around the point of interest.
    pub max_shape: [usize; 3],
    /// How intensities are scaled.
    pub intensity: IntensityConfig,
}

impl InputConfig {
    /// The same for pictures brought to another length of their longer side: crop and box change in proportion, up to multiples of
    /// 16 pixels. `None` of an input that is not for pictures.
    pub fn with_longer_side(&self, longer_side: usize) -> Option<Self> {
        const MULTIPLE: usize = 16;
        let known = self.longer_side?;
        let scaled = |[depth, height, width]: [usize; 3]| {
            let pixels = |n: usize| (n * longer_side).div_ceil(known).next_multiple_of(MULTIPLE);
            [depth, pixels(height), pixels(width)]
        };
        let (crop, max_shape) = (scaled(self.crop), scaled(self.max_shape));
        Some(Self { longer_side: Some(longer_side), crop, max_shape, ..self.clone() })
    }
}

/// How intensities are scaled before the network sees them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntensityConfig {
    /// Smallest value to 0, largest to 1 (the authors' preprocessing).
    MinMax,
    /// These two percentiles (0 to 100) to −1 and 1, values beyond them kept up to ±`clip`: bears any intensity scale and
    /// a few bright outliers.
    Percentiles {
        /// Sent to −1.
        low: f64,
        /// Sent to 1.
        high: f64,
        /// Values are held within ±this.
        clip: f64,
    },
}

/// The four networks of LDSeg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// 2D: every kernel has depth 1.
    pub planar: bool,
    /// The label map goes in as one channel of ids (the authors') or as one channel a class.
    pub label_input: LabelInput,
    /// Channels of the latent, and of the image embedding where the image encoder is learned.
    pub latent_channels: usize,
    /// Factor by which the latent is smaller than the image, along each axis that is not planar.
    pub downsampling: usize,
    /// Label map to latent.
    pub label_encoder: Vec<LayerConfig>,
    /// Image to embedding.
    pub image_encoder: Vec<LayerConfig>,
    /// Noisy latent, embedding and time to noise.
    pub denoiser: DenoiserConfig,
    /// Latent to class scores.
    pub label_decoder: Vec<LayerConfig>,
}

/// How a label map is shown to the label encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelInput {
    /// One channel that holds the id as a number.
    Index,
    /// One channel of 0 and 1 for each class, background included.
    OneHot,
}

/// One layer of a [`Stack`](super::stack::Stack). Channels in are those that the layer before gives out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "layer")]
#[expect(missing_docs, reason = "the fields are the usual ones: out for channels, kernel, stride, groups, heads")]
pub enum LayerConfig {
    /// Convolution, padded so that the output is the input's size over the stride, rounded up ("same").
    Conv {
        out: usize,
        kernel: usize,
        stride: usize,
        #[serde(default = "one")]
        groups: usize,
        #[serde(default)]
        init: Init,
    },
    /// Transposed convolution that doubles each axis.
    ConvTranspose { out: usize, kernel: usize },
    /// GroupNorm → SiLU → conv → GroupNorm → SiLU → conv, plus the input (through a 1-convolution where widths differ).
    Residual { out: usize, groups: usize },
    /// The authors' residual block: conv → BN → SiLU → conv → BN, plus BN of a 1-convolution, then SiLU.
    PostNorm { out: usize },
    /// The authors' image block: see [`ImageBlock`](super::reference::ImageBlock).
    Image {
        out: usize,
        #[serde(default = "one")]
        groups: usize,
        down: ImageDown,
    },
    /// Multi-head self-attention over all positions, added to its input. Keys and values may come from a map that is pooled
    /// `reduce` times (spatial reduction, Wang et al. 2021): 8 times fewer of them, in 3D, each time.
    Attention {
        heads: usize,
        groups: usize,
        #[serde(default)]
        reduce: usize,
    },
    /// Largest of every 2×2(×2) positions.
    MaxPool,
    /// Every position repeated 2×2(×2) times.
    Nearest,
    /// The middle one of every `factor` positions along each axis: nearest-neighbour down-sampling.
    Subsample { factor: usize },
    /// x · sigmoid(x).
    Silu,
    /// Normalisation over groups of channels and space, with a scale and shift a channel.
    GroupNorm { groups: usize },
    /// Normalisation with the running statistics of training.
    BatchNorm,
    /// Zero mean and unit SD over a whole sample; no parameters, so any size works.
    Standardise,
    /// The authors' last layer of the label encoder: standardise, then a scale and shift for each element, which ties the
    /// weights to one size (depth, height, width).
    ElementNorm { shape: [usize; 3] },
}

/// How the authors' image block halves its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageDown {
    /// A 3-convolution of stride 2 (their 2D code).
    Strided,
    /// Largest of 2×2×2 (their 3D code).
    MaxPool,
}

/// First values of a convolution's weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Uniform, of variance one over the inputs of a number (LeCun et al. 1998).
    #[default]
    Kaiming,
    /// Nearly zero, so that a residual branch starts as the identity.
    Zero,
}

/// The conditional denoiser, a U-Net over the latent (Ho et al. 2020, as adapted by LDSeg).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DenoiserConfig {
    /// Channels at each resolution, the latent's own first.
    pub widths: Vec<usize>,
    /// Residual blocks at each resolution on the way down; the way up has as many, plus one where `dense_skips`.
    pub blocks: usize,
    /// Resolutions (0 = the latent's own) that have self-attention after each block.
    pub attention: Vec<usize>,
    /// Groups of every group norm.
    pub groups: usize,
    /// Numbers in the time embedding.
    pub time_dim: usize,
    /// Skip also from the stem and from the strided convolutions (the authors' 2D code does, their 3D code does not).
    pub dense_skips: bool,
    /// The attention adds to the normalised input, as in the authors' code, not to the input itself as in DDPM.
    pub attention_on_normalised: bool,
}

/// The noise that the denoiser was trained against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiffusionConfig {
    /// How ᾱ falls.
    pub schedule: ScheduleKind,
    /// Times T, 0 to T − 1.
    pub times: usize,
    /// What the denoiser's output means.
    #[serde(default)]
    pub prediction: Prediction,
}

/// What the denoiser's output means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// ε, the noise in the latent (Ho et al. 2020; LDSeg).
    #[default]
    Noise,
    /// v = √ᾱ ε − √(1−ᾱ) x₀ (Salimans and Ho 2022). At the latest times this is the label latent itself, so that a two-step
    /// run need not carry the noise through the network only to take it away again.
    Velocity,
}

/// How ᾱ falls from 1 to nearly 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// β linear from 1e-4 to 0.02 (Ho et al. 2020).
    Linear,
    /// √β linear between the same ends.
    Quadratic,
    /// ᾱ = cos² (Nichol and Dhariwal 2021), s = 0.008, as in LDSeg's code: f(t/T) with t from 0.
    Cosine,
}

fn one() -> usize {
    1
}

impl ModelConfig {
    /// What is LDSeg's own; `None` for a model of another kind.
    pub fn ldseg(&self) -> Option<&LdsegConfig> {
        match &self.architecture {
            Architecture::Ldseg(config) => Some(config),
            Architecture::ResUnet(_) => None,
        }
    }

    /// Answers the same each time: there are no steps, samples or seeds to choose.
    pub fn is_deterministic(&self) -> bool {
        self.ldseg().is_none()
    }

    /// 2D: the depth is left alone.
    pub fn is_planar(&self) -> bool {
        match &self.architecture {
            Architecture::Ldseg(config) => config.network.planar,
            Architecture::ResUnet(config) => config.planar,
        }
    }

    /// Classes, background included.
    pub fn n_classes(&self) -> usize {
        self.labels.len() + 1
    }

    /// The labels as a table, ids from 1.
    pub fn label_table(&self) -> LabelTable {
        let label = |(i, label): (usize, &LabelConfig)| Label {
            id: u16::try_from(i + 1).unwrap_or(u16::MAX),
            name: label.name.clone(),
            color: label.color,
            visible: true,
            opacity: 1.0,
            locked: false,
        };
        LabelTable { labels: self.labels.iter().enumerate().map(label).collect() }
    }
}

/// More channels than any network of this kind has: a slip of the pen, and a huge allocation.
const MAX_CHANNELS: usize = 4096;

impl ModelConfig {
    /// Whether a network can be built from this and fits its input.
    ///
    /// # Errors
    /// What was expected and what was found, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        let InputConfig { channels, spacing_mm, longer_side, crop, max_shape, .. } = &self.input;
        expect([1, 3].contains(channels), "1 channel for grey images or 3 for colours")?;
        expect(longer_side.is_none_or(|side| (1..=MAX_CHANNELS).contains(&side)), "a longer side of 1 to 4096 pixels")?;
        expect(
            crop.iter().chain(max_shape).all(|n| (1..=MAX_CHANNELS).contains(n)),
            "a crop and a box of 1 to 4096 voxels",
        )?;
        let is_size = |mm: &f64| mm.is_finite() && *mm > 0.0;
        expect(spacing_mm.is_none_or(|spacing| spacing.iter().all(is_size)), "a voxel size above 0 mm")?;
        expect(!self.labels.is_empty() && self.labels.len() < 256, "1 to 255 labels")?;
        match &self.architecture {
            Architecture::Ldseg(config) => config.check(*channels, self.n_classes()),
            Architecture::ResUnet(config) => config.check(*crop),
        }
    }
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("expected {what} in the model")) }
}

impl LdsegConfig {
    fn check(&self, image_channels: usize, n_classes: usize) -> Result<(), String> {
        expect(self.diffusion.times >= 2, "at least 2 times of diffusion")?;
        let network = &self.network;
        let latent = network.latent_channels;
        let label_channels = network.label_channels(n_classes);
        check_stack("label encoder", &network.label_encoder, label_channels, latent)?;
        let embedding = if network.decodes_embedding() { latent } else { image_channels };
        check_stack("image encoder", &network.image_encoder, image_channels, embedding)?;
        check_stack("label decoder", &network.label_decoder, latent, n_classes)?;
        let factor = |layers: &[LayerConfig]| layers.iter().map(LayerConfig::scale).product::<f64>();
        let down = 1.0 / network.downsampling as f64;
        let fits = factor(&network.label_encoder) == down && factor(&network.image_encoder) == down;
        expect(
            fits && factor(&network.label_decoder) * down == 1.0,
            "encoders and decoder that agree with `downsampling`",
        )?;
        network.denoiser.check()
    }
}

impl NetworkConfig {
    /// Channels of a label map as the label encoder wants it.
    pub fn label_channels(&self, n_classes: usize) -> usize {
        match self.label_input {
            LabelInput::Index => 1,
            LabelInput::OneHot => n_classes,
        }
    }
}

impl ResUnetConfig {
    fn check(&self, crop: [usize; 3]) -> Result<(), String> {
        let Self { widths, groups, .. } = self;
        if !(2..=8).contains(&widths.len()) || !widths.iter().all(|&width| is_divided(width, *groups)) {
            return Err(format!("expected 2 to 8 widths that {groups} groups divide, found {widths:?}"));
        }
        let multiple = self.size_multiple();
        expect(
            crop.iter().zip(multiple).all(|(n, multiple)| n.is_multiple_of(multiple)),
            "a crop that can be halved as often as there are widths",
        )
    }
}

impl DenoiserConfig {
    fn check(&self) -> Result<(), String> {
        let is_width = |&width: &usize| is_divided(width, self.groups);
        if self.widths.is_empty() || self.widths.len() > 8 || !self.widths.iter().all(is_width) {
            return Err(format!(
                "expected 1 to 8 denoiser widths that {} groups divide, found {:?}",
                self.groups, self.widths
            ));
        }
        if self.blocks == 0 || self.blocks > 16 || self.time_dim < 4 || !is_divided(self.time_dim, 2) {
            return Err("expected 1 to 16 denoiser blocks and an even time embedding of at least 4".to_owned());
        }
        Ok(())
    }
}

/// A whole number of parts of a plausible number of channels.
fn is_divided(channels: usize, parts: usize) -> bool {
    (1..=MAX_CHANNELS).contains(&channels) && parts > 0 && channels.is_multiple_of(parts)
}

fn check_stack(name: &str, layers: &[LayerConfig], channels_in: usize, channels_out: usize) -> Result<(), String> {
    let mut channels = channels_in;
    for (i, layer) in layers.iter().enumerate() {
        let out = layer.channels_out(channels);
        let holds = match *layer {
            LayerConfig::Conv { kernel, stride, groups, .. } => {
                is_divided(channels, groups)
                    && is_divided(out, groups)
                    && is_divided(kernel, 1)
                    && is_divided(stride, 1)
            }
            LayerConfig::ConvTranspose { kernel, .. } => matches!(kernel, 2 | 3),
            LayerConfig::Residual { groups, .. } => is_divided(channels, groups) && is_divided(out, groups),
            LayerConfig::Image { groups, .. } => {
                is_divided(channels, groups) && is_divided(out, groups) && is_divided(out, 4)
            }
            LayerConfig::Attention { heads, groups, reduce } => {
                is_divided(channels, heads) && is_divided(channels, groups) && reduce < 8
            }
            LayerConfig::GroupNorm { groups } => is_divided(channels, groups),
            LayerConfig::Subsample { factor } => is_divided(factor, 1),
            LayerConfig::ElementNorm { shape } => channels == 1 && shape.iter().all(|&n| is_divided(n, 1)),
            _ => true,
        };
        if !holds || !is_divided(out, 1) {
            return Err(format!("layer {i} of the {name} does not fit the {channels} channels before it: {layer:?}"));
        }
        channels = out;
    }
    if channels == channels_out {
        return Ok(());
    }
    Err(format!("expected a {name} that ends in {channels_out} channels, found {channels}"))
}

impl LayerConfig {
    /// By how much it changes the length of an axis.
    fn scale(&self) -> f64 {
        match *self {
            Self::Conv { stride, .. } => 1.0 / stride as f64,
            Self::Subsample { factor } => 1.0 / factor as f64,
            Self::MaxPool | Self::Image { .. } => 0.5,
            Self::ConvTranspose { .. } | Self::Nearest => 2.0,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::preset;
    use super::*;

    #[track_caller]
    fn check_reason(config: &ModelConfig, expected: &str) {
        let reason = config.check().expect_err("a slip");
        assert!(reason.contains(expected), "{reason}");
    }

    #[track_caller]
    fn check_refused(slip: impl Fn(&mut ModelConfig), expected: &str) {
        let mut config = preset::hippocampus();
        slip(&mut config);
        check_reason(&config, expected);
    }

    #[track_caller]
    fn check_ldseg_refused(slip: impl Fn(&mut LdsegConfig), expected: &str) {
        check_refused(
            |config| match &mut config.architecture {
                Architecture::Ldseg(ldseg) => slip(ldseg),
                Architecture::ResUnet(_) => panic!("the preset is LDSeg's"),
            },
            expected,
        );
    }

    #[track_caller]
    fn check_resunet_refused(widths: &[usize], groups: usize, expected: &str) {
        let resunet = ResUnetConfig { planar: false, widths: widths.to_vec(), groups };
        let config = ModelConfig { architecture: Architecture::ResUnet(resunet), ..preset::hippocampus() };
        check_reason(&config, expected);
    }

    #[test]
    fn every_preset_can_be_built() {
        for name in preset::NAMES {
            preset::by_name(name).expect("a listed preset").check().expect(name);
        }
    }

    #[test]
    fn pictures_of_another_length_have_crop_and_box_in_proportion() {
        let input = preset::fetal_head().input;
        let smaller = input.with_longer_side(192).expect("for pictures");
        assert_eq!((smaller.longer_side, smaller.crop, smaller.max_shape), (Some(192), [1, 144, 192], [1, 192, 192]));
        assert_eq!(input.with_longer_side(256), Some(input));
        assert_eq!(preset::hippocampus().input.with_longer_side(256), None);
    }

    #[test]
    fn slips_of_the_pen_are_named_and_never_built() {
        check_refused(|c| c.input.max_shape = [0, 64, 48], "a box");
        check_refused(|c| c.input.spacing_mm = Some([f64::NAN, 1.0, 1.0]), "voxel size");
        check_ldseg_refused(|c| c.diffusion.times = 0, "times");
        check_refused(|c| c.labels.clear(), "labels");
        check_ldseg_refused(|c| c.network.downsampling = 8, "downsampling");
        check_ldseg_refused(|c| c.network.downsampling = 0, "downsampling");
        check_ldseg_refused(|c| c.network.latent_channels = 5, "label encoder");
        check_ldseg_refused(|c| c.network.denoiser.widths.clear(), "widths");
        check_ldseg_refused(|c| c.network.denoiser.groups = 7, "7 groups");
        check_ldseg_refused(|c| c.network.denoiser.time_dim = 2, "time embedding");
        let huge = LayerConfig::Residual { out: 1_000_000_000, groups: 8 };
        check_ldseg_refused(|c| c.network.image_encoder[1] = huge.clone(), "layer 1 of the image encoder");
        let subsample = |factor| vec![LayerConfig::Subsample { factor }];
        check_ldseg_refused(|c| c.network.image_encoder = subsample(0), "layer 0 of the image encoder");
        check_ldseg_refused(|c| c.network.image_encoder = subsample(2), "downsampling");
        check_ldseg_refused(|c| c.network.label_encoder = subsample(4), "label encoder that ends in 12 channels");
        check_resunet_refused(&[8], 8, "2 to 8 widths");
        check_resunet_refused(&[8, 20], 8, "8 groups");
        check_resunet_refused(&[8, 16], 0, "0 groups");
        // 32 × 48 × 32 can be halved four times.
        check_resunet_refused(&[8; 5], 8, "halved");
    }
}
