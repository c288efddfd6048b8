//! What a model is made of, as data: saved as `config.json` beside the weights, so that inference rebuilds exactly the
//! network that was trained.
//!
//! The label encoder, image encoder and label decoder are lists of [`LayerConfig`]; the denoiser is a U-Net described by
//! [`DenoiserConfig`]. The presets that fill these in live in [`preset`](super::preset).

use serde::{Deserialize, Serialize};

use crate::domain::{Label, LabelTable};

/// A whole model: what it sees, what it says, and the networks between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The four networks.
    pub network: NetworkConfig,
    /// The noise that the denoiser was trained against.
    pub diffusion: DiffusionConfig,
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
    /// Depth, height, width of a training crop (z, y, x). A planar model has depth 1.
    pub crop: [usize; 3],
    /// Largest box that is segmented in one piece; a larger image is cut to this box around the point of interest.
    pub max_shape: [usize; 3],
    /// How intensities are scaled.
    pub intensity: IntensityConfig,
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
    /// Channels of the latent and of the image embedding.
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
    /// He et al. 2015, for layers that are followed by a rectifier.
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
