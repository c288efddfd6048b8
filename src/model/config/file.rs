//! A model's description as `config.json` holds it: `network` and `diffusion` make it LDSeg, `resunet` a ResUNet.

use serde::{Deserialize, Serialize};

use super::{
    Architecture, DiffusionConfig, InputConfig, LabelConfig, LdsegConfig, ModelConfig, NetworkConfig, ResUnetConfig,
};

/// The fields of [`ModelConfig`], and one section for each kind of networks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ModelFile {
    name: String,
    title: String,
    description: String,
    labels: Vec<LabelConfig>,
    input: InputConfig,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<NetworkConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diffusion: Option<DiffusionConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resunet: Option<ResUnetConfig>,
}

impl TryFrom<ModelFile> for ModelConfig {
    type Error = &'static str;

    fn try_from(file: ModelFile) -> Result<Self, Self::Error> {
        let architecture = match (file.network, file.diffusion, file.resunet) {
            (Some(network), Some(diffusion), None) => Architecture::Ldseg(LdsegConfig { network, diffusion }),
            (None, None, Some(resunet)) => Architecture::ResUnet(resunet),
            _ => return Err("expected the sections `network` and `diffusion`, or `resunet` alone"),
        };
        let ModelFile { name, title, description, labels, input, .. } = file;
        Ok(Self { name, title, description, labels, input, architecture })
    }
}

impl From<ModelConfig> for ModelFile {
    fn from(config: ModelConfig) -> Self {
        let ModelConfig { name, title, description, labels, input, architecture } = config;
        let (network, diffusion, resunet) = match architecture {
            Architecture::Ldseg(LdsegConfig { network, diffusion }) => (Some(network), Some(diffusion), None),
            Architecture::ResUnet(resunet) => (None, None, Some(resunet)),
        };
        Self { name, title, description, labels, input, network, diffusion, resunet }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::preset;
    use super::*;

    #[test]
    fn a_description_is_of_one_kind() {
        let mut value = serde_json::to_value(preset::hippocampus_resunet()).expect("a config is plain data");
        assert!(value.get("network").is_none());
        value["diffusion"] =
            serde_json::to_value(preset::hippocampus()).expect("a config is plain data")["diffusion"].clone();
        let error = serde_json::from_value::<ModelConfig>(value).expect_err("of two kinds").to_string();
        assert!(error.contains("`resunet` alone"), "{error}");
    }
}
