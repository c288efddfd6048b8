//! The models that there are: those inside the program, and folders that hold `config.json` and `weights.safetensors`.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::Device;
use sha2::{Digest, Sha256};

use super::Error;
use super::config::{InputConfig, ModelConfig};
use super::networks::Networks;
use super::segment::Segmenter;
use super::tensors::ModelBox;
use crate::config::model_path;
use crate::domain::grid::VoxelBox;
use crate::domain::{Grid, LabelTable};

/// A model in the binary.
struct Builtin {
    name: &'static str,
    config: &'static str,
    weights: &'static [u8],
}

macro_rules! builtin {
    ($name:literal) => {
        Builtin {
            name: $name,
            config: include_str!(concat!("../../models/", $name, "/config.json")),
            weights: include_bytes!(concat!("../../models/", $name, "/weights.safetensors")),
        }
    };
}

static BUILTIN: [Builtin; 10] = [
    builtin!("hippocampus"),
    builtin!("hippocampus-resunet"),
    builtin!("lv-cine"),
    builtin!("lv-cine-resunet"),
    builtin!("fetal-head"),
    builtin!("fetal-head-resunet"),
    builtin!("phantom-3d"),
    builtin!("phantom-3d-resunet"),
    builtin!("phantom-echo"),
    builtin!("phantom-echo-resunet"),
];

/// What a person needs to choose a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// What `--model` takes.
    pub name: String,
    /// One line.
    pub title: String,
    /// A sentence or two.
    pub description: String,
    /// The structures that it finds.
    pub table: LabelTable,
    /// Answers the same each time: steps, samples and seed mean nothing to it.
    pub is_deterministic: bool,
    /// For pictures and single slices, not for volumes.
    pub is_planar: bool,
    /// In the binary.
    pub is_builtin: bool,
    input: InputConfig,
}

impl ModelInfo {
    /// The voxels of an image on `grid` that it segments for a person who looks at `focus`: all, where they fit into its box.
    pub fn region(&self, grid: &Grid, focus: [usize; 3]) -> VoxelBox {
        ModelBox::new(grid, &self.input, Some(focus)).source_region(grid)
    }
}

/// A model that has been found: its description and the bytes of its weights.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    config: ModelConfig,
    weights: Cow<'static, [u8]>,
    path: PathBuf,
    is_builtin: bool,
}

/// The models in the binary.
pub fn list() -> Vec<ModelInfo> {
    BUILTIN.iter().filter_map(|builtin| builtin.files().ok()).map(|files| files.info()).collect()
}

/// The built-in model of that name, or the model in that folder.
///
/// # Errors
/// [`Error`] that says which models there are, or which file is at fault.
pub fn find(name: &str) -> Result<ModelFiles, Error> {
    if let Some(builtin) = BUILTIN.iter().find(|builtin| builtin.name == name) {
        return builtin.files();
    }
    let Some(folder) = model_path(name) else {
        let known = BUILTIN.each_ref().map(|builtin| builtin.name).join(", ");
        return Err(Error::Unknown { name: name.to_owned(), known });
    };
    let config = read_config(&folder)?;
    let path = folder.join("weights.safetensors");
    let weights = fs::read(&path).map_err(|source| Error::File { source, path: path.clone() })?;
    Ok(ModelFiles { config, weights: weights.into(), path, is_builtin: false })
}

/// The description in a model's folder, checked.
///
/// # Errors
/// [`Error`] where there is none, it is no description, or it describes no network.
pub fn read_config(folder: &Path) -> Result<ModelConfig, Error> {
    let path = folder.join("config.json");
    let text = fs::read_to_string(&path).map_err(|source| Error::File { source, path: path.clone() })?;
    let config: ModelConfig =
        serde_json::from_str(&text).map_err(|source| Error::Config { source, path: path.clone() })?;
    config.check().map_err(|reason| Error::Network { reason, path })?;
    Ok(config)
}

impl Builtin {
    fn files(&self) -> Result<ModelFiles, Error> {
        let path = PathBuf::from(self.name);
        let config = serde_json::from_str(self.config)
            .map_err(|source| Error::Config { source, path: path.join("config.json") })?;
        let path = path.join("weights.safetensors");
        Ok(ModelFiles { config, weights: self.weights.into(), path, is_builtin: true })
    }
}

impl ModelFiles {
    /// What a person needs to choose it.
    pub fn info(&self) -> ModelInfo {
        let ModelConfig { name, title, description, input, .. } = self.config.clone();
        let (table, is_deterministic) = (self.config.label_table(), self.config.is_deterministic());
        let is_planar = self.config.is_planar();
        let is_builtin = self.is_builtin;
        ModelInfo { name, title, description, table, is_deterministic, is_planar, is_builtin, input }
    }

    /// The description of its networks.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The bytes of `weights.safetensors`.
    pub fn weights(&self) -> &[u8] {
        &self.weights
    }

    /// SHA-256 of the weights, as hexadecimal digits.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.weights).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The networks on `device`.
    ///
    /// # Errors
    /// [`Error`] where the weights do not belong to the description.
    pub fn load(&self, device: &Device) -> Result<Segmenter, Error> {
        let config = self.config.clone();
        let networks = Networks::load(&config, &self.weights, device)
            .map_err(|source| Error::Weights { source, path: self.path.clone() })?;
        Ok(Segmenter::new(config, networks, device.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_model_loads() {
        for info in list() {
            let files = find(&info.name).expect("a listed model is found");
            assert_eq!(files.config().name, info.name);
            files.load(&Device::flex()).expect("weights and description belong together");
            assert_eq!(files.sha256().len(), 64);
        }
        assert_eq!(list().len(), BUILTIN.len());
    }

    #[test]
    fn an_unknown_model_is_refused_with_those_that_there_are() {
        let message = find("hipocampus").expect_err("there is none").to_string();
        assert!(message.contains("hipocampus") && message.contains("phantom-3d"), "{message}");
    }
}
