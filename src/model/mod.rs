//! The networks in Burn. Tensors in, tensors out; every `init` takes the device.

pub mod block;
pub mod config;
pub mod conv;
mod cpu;
pub mod denoiser;
pub mod ldseg;
pub mod networks;
pub mod official;
pub mod preset;
pub mod probe;
pub mod reference;
pub mod registry;
pub mod resunet;
pub mod sampler;
pub mod schedule;
pub mod segment;
pub mod stack;
pub mod tensors;
pub mod weights;

use std::path::PathBuf;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a built-in model nor a model folder.
    #[error(
        "no model named `{name}`; built in: {known}. A folder with config.json and weights.safetensors is a model too"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The description of the networks is not one.
    #[error("{source}: {}", path.display())]
    Config {
        /// Line and column.
        source: serde_json::Error,
        /// The file.
        path: PathBuf,
    },
    /// The description describes no network that can be built.
    #[error("{reason}: {}", path.display())]
    Network {
        /// What was expected and what was found.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// The weights do not belong to the description.
    #[error("{source}: {}", path.display())]
    Weights {
        /// The first tensor that does not fit.
        source: weights::WeightsError,
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("{source}: {}", path.display())]
    File {
        /// The system's word.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
}
