//! The state of a training run on disk: complete or not there at all, so that a kill at any moment costs at most one epoch.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use serde::{Deserialize, Serialize};

use super::TrainError;
use crate::config::TrainSettings;
use crate::model::weights::{self, Precision};

const FOLDER: &str = "checkpoint";

/// What a run needs beside weights to go on as if it had never stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// As started; a resumed run keeps them.
    pub settings: TrainSettings,
    /// Epochs finished.
    pub epochs_done: usize,
    /// Optimizer steps finished.
    pub steps_done: usize,
    /// Wall time of all parts of the run, in seconds.
    pub elapsed_s: f64,
    /// Best validation Dice so far and its epoch.
    pub best: Option<(f64, usize)>,
}

/// A run as it is kept.
#[expect(missing_debug_implementations, reason = "the optimizer has none")]
pub struct Checkpoint<N> {
    /// Numbers.
    pub state: RunState,
    /// As trained.
    pub networks: N,
    /// Running average.
    pub average: N,
    /// Moments of the optimizer.
    pub optimizer: ModuleOptimizer,
}

/// The numbers of the checkpoint in `folder`, or `None` where there is none.
///
/// # Errors
/// [`TrainError`] where it is there and cannot be read.
pub fn read_state(folder: &Path) -> Result<Option<RunState>, TrainError> {
    let path = current(folder).join("state.json");
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(|source| TrainError::File { source, path: path.clone() })?;
    serde_json::from_str(&text).map(Some).map_err(|source| TrainError::Json { source, path })
}

/// Loads the checkpoint of `folder` into freshly initialised networks (parameters numbered) and optimizer.
///
/// # Errors
/// [`TrainError`] where a file is missing or belongs to another network.
pub fn load<N: Module>(
    folder: &Path,
    state: RunState,
    networks: N,
    average: N,
    optimizer: ModuleOptimizer,
) -> Result<Checkpoint<N>, TrainError> {
    let folder = current(folder);
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|source| TrainError::File { source, path })
    };
    let path = folder.join("optimizer.bpk");
    Ok(Checkpoint {
        state,
        networks: weights::from_bytes(networks, &read("weights.safetensors")?)?,
        average: weights::from_bytes(average, &read("average.safetensors")?)?,
        optimizer: optimizer
            .load(&path)
            .map_err(|error| TrainError::Optimizer { message: format!("{error:?}"), path })?,
    })
}

/// Writes the checkpoint beside the old one, then puts it in its place.
///
/// # Errors
/// [`TrainError`] where a file cannot be written; the old checkpoint is then still whole.
pub fn save<N: Module>(folder: &Path, checkpoint: &Checkpoint<N>) -> Result<(), TrainError> {
    let next = folder.join(format!("{FOLDER}.next"));
    let at = |path: PathBuf| move |source| TrainError::File { source, path };
    if next.exists() {
        fs::remove_dir_all(&next).map_err(at(next.clone()))?;
    }
    fs::create_dir_all(&next).map_err(at(next.clone()))?;
    write_weights(&next.join("weights.safetensors"), &checkpoint.networks, Precision::Full)?;
    write_weights(&next.join("average.safetensors"), &checkpoint.average, Precision::Full)?;
    let path = next.join("optimizer.bpk");
    checkpoint
        .optimizer
        .save(&path)
        .map_err(|error| TrainError::Optimizer { message: format!("{error:?}"), path: path.clone() })?;
    let path = next.join("state.json");
    let text = serde_json::to_string_pretty(&checkpoint.state)
        .map_err(|source| TrainError::Json { source, path: path.clone() })?;
    write(&path, text.as_bytes())?;

    // Between the two renames there is no `checkpoint`, but a whole `checkpoint.old`: `current` finds it.
    let (now, old) = (folder.join(FOLDER), folder.join(format!("{FOLDER}.old")));
    if now.exists() {
        if old.exists() {
            fs::remove_dir_all(&old).map_err(at(old.clone()))?;
        }
        fs::rename(&now, &old).map_err(at(now.clone()))?;
    }
    fs::rename(&next, &now).map_err(at(next))?;
    if old.exists() {
        fs::remove_dir_all(&old).map_err(at(old))?;
    }
    Ok(())
}

/// Writes weights to `path`, whole.
///
/// # Errors
/// [`TrainError`] where the file cannot be written.
pub fn write_weights<M: Module>(path: &Path, module: &M, precision: Precision) -> Result<(), TrainError> {
    write(path, &weights::to_bytes(module, precision)?)
}

/// Writes a file and waits until it is on the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    use std::io::Write as _;
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| TrainError::File { source, path: path.to_owned() })
}

fn current(folder: &Path) -> PathBuf {
    let now = folder.join(FOLDER);
    let old = folder.join(format!("{FOLDER}.old"));
    if now.exists() || !old.exists() { now } else { old }
}
