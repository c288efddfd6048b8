//! The ablations of LDSeg's table V: the label encoder, the image encoder or both replaced by nearest-neighbour down-sampling.

use super::{Architecture, LayerConfig, ModelConfig, NetworkConfig};
use crate::config::Ablation;

impl ModelConfig {
    /// The same model without the encoders named, under another name; `None` where it has no such encoders.
    #[must_use]
    pub fn without(self, ablations: &[Ablation]) -> Option<Self> {
        let has = |ablation| ablations.contains(&ablation);
        let (suffix, what) = match (has(Ablation::LabelEncoder), has(Ablation::ImageEncoder)) {
            (true, true) => ("no-encoders", "label and image encoder"),
            (true, false) => ("no-label-encoder", "label encoder"),
            (false, true) => ("no-image-encoder", "image encoder"),
            (false, false) => return Some(self),
        };
        let n_classes = self.n_classes();
        let Architecture::Ldseg(mut ldseg) = self.architecture else { return None };
        for ablation in ablations {
            match ablation {
                Ablation::LabelEncoder => ldseg.network.remove_label_encoder(n_classes),
                Ablation::ImageEncoder => ldseg.network.remove_image_encoder(),
            }
        }
        Some(Self {
            name: format!("{}-{suffix}", self.name),
            title: format!("{} (without {what})", self.title),
            description: format!(
                "{} An ablation of `{}`: nearest-neighbour down-sampling in place of the {what}.",
                self.description, self.name
            ),
            architecture: Architecture::Ldseg(ldseg),
            ..self
        })
    }

    /// The image's embedding can be taken for a latent and decoded without denoising; a deterministic model always does so.
    pub fn decodes_embedding(&self) -> bool {
        self.ldseg().is_none_or(|ldseg| ldseg.network.decodes_embedding())
    }
}

impl NetworkConfig {
    /// The image encoder makes embeddings in the shape of a latent: it is not a mere smaller copy of the image.
    pub fn decodes_embedding(&self) -> bool {
        !matches!(self.image_encoder[..], [LayerConfig::Subsample { .. }])
    }

    /// The latent becomes the label map itself, smaller and standardised; a learned image encoder ends in its channels.
    fn remove_label_encoder(&mut self, n_classes: usize) {
        self.latent_channels = self.label_channels(n_classes);
        self.label_encoder = vec![LayerConfig::Subsample { factor: self.downsampling }, LayerConfig::Standardise];
        let convolutions = self.image_encoder.iter_mut().rev().filter_map(|layer| match layer {
            LayerConfig::Conv { out, .. } => Some(out),
            _ => None,
        });
        if let Some(last) = convolutions.into_iter().next() {
            *last = self.latent_channels;
        }
    }

    /// The embedding becomes the image itself, smaller.
    fn remove_image_encoder(&mut self) {
        self.image_encoder = vec![LayerConfig::Subsample { factor: self.downsampling }];
    }
}

#[cfg(test)]
mod tests {
    use burn::prelude::*;

    use super::super::super::preset;
    use super::*;

    const BOTH: [Ablation; 2] = [Ablation::LabelEncoder, Ablation::ImageEncoder];

    /// Shapes of latent, embedding and scores of two images of 16³.
    #[track_caller]
    fn shapes(ablations: &[Ablation]) -> [[usize; 5]; 3] {
        let config = preset::phantom_3d().without(ablations).expect("an LDSeg preset");
        config.check().expect("it can be built");
        let device = Device::flex();
        let network = &config.ldseg().expect("an LDSeg preset").network;
        let networks = network.init(1, config.n_classes(), &device);
        let labels = network.label_tensor(Tensor::ones([2, config.n_classes(), 16, 16, 16], &device));
        let latent = networks.label_encoder.forward(labels);
        let embedding = networks.image_encoder.forward(Tensor::ones([2, 1, 16, 16, 16], &device));
        let denoised = networks.denoiser.forward(latent.clone(), embedding.clone(), &[500.0]);
        assert_eq!(denoised.dims(), latent.dims());
        [latent.dims(), embedding.dims(), networks.label_decoder.forward(denoised).dims()]
    }

    #[test]
    fn each_ablation_has_the_shapes_of_what_is_left() {
        let scores = [2, 3, 16, 16, 16];
        assert_eq!(shapes(&[]), [[2, 8, 4, 4, 4], [2, 8, 4, 4, 4], scores]);
        assert_eq!(shapes(&[Ablation::LabelEncoder]), [[2, 3, 4, 4, 4], [2, 3, 4, 4, 4], scores]);
        assert_eq!(shapes(&[Ablation::ImageEncoder]), [[2, 8, 4, 4, 4], [2, 1, 4, 4, 4], scores]);
        assert_eq!(shapes(&BOTH), [[2, 3, 4, 4, 4], [2, 1, 4, 4, 4], scores]);
    }

    #[test]
    fn every_preset_with_encoders_can_lose_them_and_says_so_in_its_file() {
        for name in preset::NAMES {
            let config = preset::by_name(name).expect("a listed preset");
            let Some(ablated) = config.clone().without(&BOTH) else {
                assert!(config.is_deterministic(), "{name}");
                continue;
            };
            ablated.check().expect(name);
            assert!(ablated.name.ends_with("-no-encoders") && !ablated.decodes_embedding(), "{name}");
            let text = serde_json::to_string(&ablated).expect("a config is plain data");
            assert!(text.contains("subsample"), "{text}");
            assert_eq!(serde_json::from_str::<ModelConfig>(&text).expect("it was just written"), ablated);
            let twice = config.clone().without(&[BOTH[1], BOTH[0], BOTH[1]]).expect(name);
            assert_eq!(twice.architecture, ablated.architecture, "order and repetition mean nothing");
            assert_eq!(config.clone().without(&[]), Some(config), "{name}");
        }
    }
}
