//! Ready-made networks: ours, and the authors' two.

use super::config::{
    Architecture, DenoiserConfig, DiffusionConfig, ImageDown, Init, InputConfig, IntensityConfig, LabelConfig,
    LabelInput, LayerConfig, LdsegConfig, ModelConfig, NetworkConfig, Prediction, ResUnetConfig, ScheduleKind,
};

/// Sizes of our network.
#[derive(Clone, Debug)]
pub struct Compact {
    /// 2D.
    pub planar: bool,
    /// Channels at 1/2, 1/4, … of the image; as many down-samplings as there are widths.
    pub widths: Vec<usize>,
    /// Channels of the latent and of the embedding.
    pub latent_channels: usize,
    /// Channels of the denoiser at the latent's resolution and below.
    pub denoiser_widths: Vec<usize>,
    /// Residual blocks of the image encoder at the latent's resolution.
    pub depth: usize,
}

/// Groups of every norm in our networks: widths are multiples of it.
const GROUPS: usize = 8;

fn conv(out: usize, kernel: usize, stride: usize) -> LayerConfig {
    LayerConfig::Conv { out, kernel, stride, groups: 1, init: Init::Kaiming }
}

fn residual(out: usize) -> LayerConfig {
    LayerConfig::Residual { out, groups: GROUPS }
}

impl Compact {
    /// The network. Nothing but the first convolution and the last touches the image's own resolution, where a layer
    /// costs most; the latent's norm has no weights, so that any size works.
    pub fn network(&self, n_classes: usize) -> NetworkConfig {
        NetworkConfig {
            planar: self.planar,
            label_input: LabelInput::OneHot,
            latent_channels: self.latent_channels,
            downsampling: 1 << self.widths.len(),
            label_encoder: self.encoder(1, false),
            image_encoder: self.encoder(self.depth, true),
            denoiser: DenoiserConfig {
                widths: self.denoiser_widths.clone(),
                blocks: 1,
                attention: (1..self.denoiser_widths.len()).collect(),
                groups: GROUPS,
                time_dim: 64,
                dense_skips: false,
                attention_on_normalised: false,
            },
            label_decoder: self.decoder(n_classes),
        }
    }

    /// Down to the latent; `deep_blocks` residual blocks at the coarsest resolution.
    fn encoder(&self, deep_blocks: usize, attention: bool) -> Vec<LayerConfig> {
        let mut layers = Vec::new();
        for (level, &width) in self.widths.iter().enumerate() {
            layers.push(if level == 0 { conv(width, 4, 2) } else { conv(width, 2, 2) });
            let is_last = level + 1 == self.widths.len();
            layers.extend((0..if is_last { deep_blocks } else { 1 }).map(|_| residual(width)));
        }
        if attention {
            layers.push(LayerConfig::Attention { heads: 4, groups: GROUPS, reduce: 1 });
        }
        layers.extend([LayerConfig::GroupNorm { groups: GROUPS }, LayerConfig::Silu, conv(self.latent_channels, 1, 1)]);
        layers.push(LayerConfig::Standardise);
        layers
    }

    /// Up from the latent.
    fn decoder(&self, n_classes: usize) -> Vec<LayerConfig> {
        let mut layers = Vec::new();
        for (level, &width) in self.widths.iter().enumerate().rev() {
            let is_first = level + 1 == self.widths.len();
            layers.push(if is_first {
                conv(width, 3, 1)
            } else {
                LayerConfig::ConvTranspose { out: width, kernel: 2 }
            });
            layers.push(residual(width));
        }
        layers.push(LayerConfig::GroupNorm { groups: GROUPS });
        layers.push(LayerConfig::Silu);
        layers.push(LayerConfig::ConvTranspose { out: n_classes, kernel: 2 });
        layers
    }
}

fn label(name: &str, color: [u8; 3]) -> LabelConfig {
    LabelConfig { name: name.to_owned(), color }
}

/// One grey volume, resampled to 1 mm where it is not.
fn grey_at_1_mm(crop: [usize; 3], max_shape: [usize; 3]) -> InputConfig {
    let intensity = IntensityConfig::Percentiles { low: 1.0, high: 99.0, clip: 2.0 };
    InputConfig { channels: 1, spacing_mm: Some([1.0; 3]), longer_side: None, crop, max_shape, intensity }
}

/// Pictures brought to `longer_side` pixels, of which a training crop takes `height` rows.
fn picture(channels: usize, longer_side: usize, height: usize) -> InputConfig {
    let intensity = IntensityConfig::Percentiles { low: 1.0, high: 99.0, clip: 2.0 };
    InputConfig {
        channels,
        spacing_mm: None,
        longer_side: Some(longer_side),
        crop: [1, height, longer_side],
        max_shape: [1, longer_side, longer_side],
        intensity,
    }
}

/// Our network for pictures.
fn planar(widths: &[usize], latent_channels: usize, denoiser_widths: &[usize]) -> Compact {
    let (widths, denoiser_widths) = (widths.to_vec(), denoiser_widths.to_vec());
    Compact { planar: true, widths, latent_channels, denoiser_widths, depth: 2 }
}

/// Our network for pictures whose shapes vary a lot.
fn deep_planar() -> Compact {
    Compact { depth: 4, ..planar(&[24, 48, 72], 8, &[48, 72]) }
}

/// LDSeg with the cosine schedule.
fn ldseg(network: NetworkConfig, prediction: Prediction) -> Architecture {
    let diffusion = DiffusionConfig { schedule: ScheduleKind::Cosine, times: 1000, prediction };
    Architecture::Ldseg(LdsegConfig { network, diffusion })
}

/// `config` with a ResUNet instead of LDSeg's networks, to be compared with it.
fn resunet(config: ModelConfig, widths: &[usize]) -> ModelConfig {
    let planar = config.is_planar();
    ModelConfig {
        name: format!("{}-resunet", config.name),
        title: format!("{} (ResUNet)", config.title),
        description: format!(
            "{} A deterministic network, for comparison with `{}`: the same answer each time, no samples.",
            config.description, config.name
        ),
        architecture: Architecture::ResUnet(ResUnetConfig { planar, widths: widths.to_vec(), groups: GROUPS }),
        ..config
    }
}

/// Hippocampus head and body in small T1-weighted MR crops at 1 mm.
pub fn hippocampus() -> ModelConfig {
    let compact =
        Compact { planar: false, widths: vec![16, 64], latent_channels: 12, denoiser_widths: vec![48, 64], depth: 2 };
    ModelConfig {
        name: "hippocampus".to_owned(),
        title: "Hippocampus in T1 MR".to_owned(),
        description:
            "Anterior and posterior hippocampus in a T1-weighted MR image cropped around one hippocampus, at 1 mm."
                .to_owned(),
        labels: vec![label("Anterior hippocampus", [230, 159, 0]), label("Posterior hippocampus", [86, 180, 233])],
        input: grey_at_1_mm([32, 48, 32], [48, 64, 48]),
        architecture: ldseg(compact.network(3), Prediction::Velocity),
    }
}

/// The two touching bodies of [`PhantomKind::TwoBodies`](crate::domain::phantom::PhantomKind::TwoBodies).
pub fn phantom_3d() -> ModelConfig {
    let compact =
        Compact { planar: false, widths: vec![16, 40], latent_channels: 8, denoiser_widths: vec![32, 48], depth: 2 };
    ModelConfig {
        name: "phantom-3d".to_owned(),
        title: "Procedural phantom, two bodies".to_owned(),
        description: "Head and body of the built-in procedural phantom: needs no patient data, for trying the program."
            .to_owned(),
        labels: vec![label("Head", [230, 159, 0]), label("Body", [86, 180, 233])],
        input: grey_at_1_mm([40, 40, 40], [64, 64, 64]),
        architecture: ldseg(compact.network(3), Prediction::Velocity),
    }
}

/// The left ventricle's blood pool in cine MR.
pub fn lv_cine() -> ModelConfig {
    ModelConfig {
        name: "lv-cine".to_owned(),
        title: "Left ventricle in cine MR".to_owned(),
        description: "The left ventricle's blood pool in a short-axis slice of cardiac cine MR, frame by frame."
            .to_owned(),
        labels: vec![label("Left ventricle", [213, 94, 0])],
        // The heart lies in the middle of such a slice: at full resolution the box need not hold all of it.
        input: InputConfig { crop: [1, 144, 144], max_shape: [1, 160, 160], ..picture(1, 256, 160) },
        architecture: ldseg(deep_planar().network(2), Prediction::Velocity),
    }
}

/// The head of a fetus in ultrasound.
pub fn fetal_head() -> ModelConfig {
    ModelConfig {
        name: "fetal-head".to_owned(),
        title: "Fetal head in ultrasound".to_owned(),
        description:
            "The head of a fetus in the standard plane of an ultrasound image, in which its circumference is measured."
                .to_owned(),
        labels: vec![label("Fetal head", [86, 180, 233])],
        input: picture(1, 256, 176),
        architecture: ldseg(planar(&[16, 32, 64], 8, &[48, 64]).network(2), Prediction::Velocity),
    }
}

/// The chambers of [`PhantomKind::FourChambers`](crate::domain::phantom::PhantomKind::FourChambers).
pub fn phantom_echo() -> ModelConfig {
    let chambers = [
        ("Left ventricle", [213, 94, 0]),
        ("Right ventricle", [0, 114, 178]),
        ("Left atrium", [230, 159, 0]),
        ("Right atrium", [86, 180, 233]),
    ];
    ModelConfig {
        name: "phantom-echo".to_owned(),
        title: "Procedural echo phantom, four chambers".to_owned(),
        description:
            "The four chambers in the frames of the built-in procedural heart with speckle: needs no patient data."
                .to_owned(),
        labels: chambers.map(|(name, color)| label(name, color)).to_vec(),
        input: picture(1, 160, 160),
        architecture: ldseg(planar(&[16, 32, 48], 12, &[32, 48]).network(5), Prediction::Velocity),
    }
}

/// Glands in stained sections of the colon, in colour, at half of the resolution of GlaS. For local comparison alone: the terms
/// of the data set do not let weights ship.
pub fn glas() -> ModelConfig {
    ModelConfig {
        name: "glas".to_owned(),
        title: "Glands in histology".to_owned(),
        description: "Glands of the colon in sections stained with haematoxylin and eosin, in colour.".to_owned(),
        labels: vec![label("Gland", [230, 159, 0])],
        input: InputConfig { crop: [1, 192, 192], ..picture(3, 384, 384) },
        architecture: ldseg(deep_planar().network(2), Prediction::Velocity),
    }
}

/// Skin lesions in dermoscopy, in colour, at half of the resolution of `isic2018_256`. For local comparison alone, as [`glas`].
pub fn isic() -> ModelConfig {
    ModelConfig {
        name: "isic".to_owned(),
        title: "Skin lesion in dermoscopy".to_owned(),
        description: "The lesion in a dermoscopic picture of the skin, in colour.".to_owned(),
        labels: vec![label("Lesion", [213, 94, 0])],
        input: picture(3, 128, 128),
        architecture: ldseg(deep_planar().network(2), Prediction::Velocity),
    }
}

/// The deterministic counterpart of [`hippocampus`].
pub fn hippocampus_resunet() -> ModelConfig {
    resunet(hippocampus(), &[16, 64, 128])
}

/// The deterministic counterpart of [`phantom_3d`].
pub fn phantom_3d_resunet() -> ModelConfig {
    resunet(phantom_3d(), &[16, 40, 64])
}

/// The networks of the authors' code, of which the 2D one and the 3D one differ in the layers and in the denoiser's skips.
fn paper(planar: bool, stacks: [Vec<LayerConfig>; 3]) -> Architecture {
    let [label_encoder, image_encoder, label_decoder] = stacks;
    let denoiser = DenoiserConfig {
        widths: vec![16, 32, 64],
        blocks: 2,
        attention: vec![1, 2],
        groups: 4,
        time_dim: 64,
        dense_skips: planar,
        attention_on_normalised: true,
    };
    let network = NetworkConfig {
        planar,
        label_input: LabelInput::Index,
        latent_channels: 1,
        downsampling: 16,
        label_encoder,
        image_encoder,
        denoiser,
        label_decoder,
    };
    ldseg(network, Prediction::Noise)
}

/// Images as the authors' code takes them: one size, voxels as they are stored.
fn paper_input(channels: usize, shape: [usize; 3]) -> InputConfig {
    let intensity = IntensityConfig::MinMax;
    InputConfig { channels, spacing_mm: None, longer_side: None, crop: shape, max_shape: shape, intensity }
}

/// To the latent or to the embedding, almost nothing at first.
fn conv_from_zero(kernel: usize) -> LayerConfig {
    LayerConfig::Conv { out: 1, kernel, stride: 1, groups: 1, init: Init::Zero }
}

/// The authors' 2D network for GlaS: 512×512 colour, two classes.
pub fn paper_2d() -> ModelConfig {
    let post_norm = |out| LayerConfig::PostNorm { out };
    let up = |out| LayerConfig::ConvTranspose { out, kernel: 3 };
    let image = |out| LayerConfig::Image { out, groups: 1, down: ImageDown::Strided };
    let attention = |heads, groups| LayerConfig::Attention { heads, groups, reduce: 0 };
    let mut label_encoder: Vec<_> =
        [16, 32, 64, 64].into_iter().flat_map(|out| [post_norm(out), LayerConfig::MaxPool]).collect();
    label_encoder.extend([post_norm(32), conv(1, 1, 1), LayerConfig::ElementNorm { shape: [1, 32, 32] }]);
    let image_encoder = vec![
        conv(16, 3, 1),
        image(32),
        image(64),
        image(64),
        attention(8, 8),
        image(32),
        attention(8, 8),
        conv_from_zero(1),
        attention(1, 1),
        LayerConfig::Silu,
        LayerConfig::BatchNorm,
    ];
    let mut label_decoder: Vec<_> = [32, 64, 64, 32].into_iter().flat_map(|out| [up(out), post_norm(out)]).collect();
    label_decoder.extend([LayerConfig::Silu, conv(2, 1, 1), LayerConfig::BatchNorm]);
    ModelConfig {
        name: "paper-2d".to_owned(),
        title: "LDSeg as published, 2D".to_owned(),
        description: "The authors' network for glands in histology (GlaS), for comparison with their weights."
            .to_owned(),
        labels: vec![label("Gland", [230, 159, 0])],
        input: paper_input(3, [1, 512, 512]),
        architecture: paper(true, [label_encoder, image_encoder, label_decoder]),
    }
}

/// The authors' 3D network for the knee: 128×128×256 grey, three classes.
pub fn paper_3d() -> ModelConfig {
    let post_norm = |out| LayerConfig::PostNorm { out };
    let image = |out| LayerConfig::Image { out, groups: 4, down: ImageDown::MaxPool };
    let mut label_encoder: Vec<_> =
        [16, 32, 64, 64].into_iter().flat_map(|out| [post_norm(out), conv(out, 3, 2)]).collect();
    label_encoder.extend([post_norm(32), conv(1, 2, 1), LayerConfig::ElementNorm { shape: [8, 8, 16] }]);
    let image_encoder =
        vec![conv(16, 3, 1), image(32), image(64), image(64), image(32), conv_from_zero(3), LayerConfig::BatchNorm];
    let mut label_decoder: Vec<_> =
        [32, 64, 64, 32].into_iter().flat_map(|out| [LayerConfig::Nearest, conv(out, 3, 1), post_norm(out)]).collect();
    label_decoder.extend([LayerConfig::Silu, conv(3, 1, 1), LayerConfig::BatchNorm]);
    ModelConfig {
        name: "paper-3d".to_owned(),
        title: "LDSeg as published, 3D".to_owned(),
        description: "The authors' network for the knee in MR, for comparison with their weights.".to_owned(),
        labels: vec![label("Tibia with cartilage", [230, 159, 0]), label("Femur with cartilage", [86, 180, 233])],
        input: paper_input(1, [128, 128, 256]),
        architecture: paper(false, [label_encoder, image_encoder, label_decoder]),
    }
}

/// The preset of that name.
pub fn by_name(name: &str) -> Option<ModelConfig> {
    match name {
        "hippocampus" => Some(hippocampus()),
        "phantom-3d" => Some(phantom_3d()),
        "hippocampus-resunet" => Some(hippocampus_resunet()),
        "phantom-3d-resunet" => Some(phantom_3d_resunet()),
        "lv-cine" => Some(lv_cine()),
        "fetal-head" => Some(fetal_head()),
        "phantom-echo" => Some(phantom_echo()),
        "lv-cine-resunet" => Some(resunet(lv_cine(), &PICTURE_RESUNET)),
        // As it was trained, at the size that its counterpart had then.
        "fetal-head-resunet" => {
            Some(resunet(ModelConfig { input: picture(1, 192, 128), ..fetal_head() }, &PICTURE_RESUNET))
        }
        "phantom-echo-resunet" => Some(resunet(phantom_echo(), &PICTURE_RESUNET)),
        "glas" => Some(glas()),
        "isic" => Some(isic()),
        "paper-2d" => Some(paper_2d()),
        "paper-3d" => Some(paper_3d()),
        _ => None,
    }
}

/// Widths of the ResUNets for pictures.
const PICTURE_RESUNET: [usize; 4] = [16, 32, 64, 96];

/// Names that [`by_name`] knows.
pub const NAMES: [&str; 14] = [
    "hippocampus",
    "phantom-3d",
    "hippocampus-resunet",
    "phantom-3d-resunet",
    "lv-cine",
    "fetal-head",
    "phantom-echo",
    "lv-cine-resunet",
    "fetal-head-resunet",
    "phantom-echo-resunet",
    "glas",
    "isic",
    "paper-2d",
    "paper-3d",
];

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::prelude::Device;

    use super::super::registry;
    use super::*;

    /// Parameters, running statistics included, of the four parts (label encoder, image encoder, denoiser, label decoder).
    fn parameters(config: &ModelConfig) -> [usize; 4] {
        let network = &config.ldseg().expect("an LDSeg preset").network;
        let networks = network.init(config.input.channels, config.n_classes(), &Device::flex());
        [
            networks.label_encoder.num_params(),
            networks.image_encoder.num_params(),
            networks.denoiser.num_params(),
            networks.label_decoder.num_params(),
        ]
    }

    #[test]
    fn authors_networks_have_the_authors_parameter_counts() {
        assert_eq!(parameters(&paper_2d()), [186_865, 294_063, 1_013_873, 271_722]);
        assert_eq!(parameters(&paper_3d()), [788_897, 138_853, 2_209_937, 788_431]);
    }

    #[test]
    fn every_preset_survives_its_config_file() {
        for name in NAMES {
            let config = by_name(name).expect("a listed preset exists");
            let text = serde_json::to_string_pretty(&config).expect("a config is plain data");
            assert_eq!(serde_json::from_str::<ModelConfig>(&text).expect("it was just written"), config);
        }
    }
    #[test]
    fn shipped_models_are_what_their_presets_describe() {
        for info in registry::list() {
            let files = registry::find(&info.name).expect("a listed model is found");
            assert_eq!(Some(files.config().clone()), by_name(&info.name));
        }
    }
}
