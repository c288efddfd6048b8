//! Label ids as bytes of a file, and whether a file gives them back.

use std::path::Path;

use super::Error;
use crate::domain::{LabelMap, Volume, Voxels};
use crate::monitor::Monitor;

/// Ids turned into bytes at once.
const CHUNK: usize = 1 << 20;

/// Gives `sink` all ids, one byte each where all are below 256, else two, the lower one first. Says whether it was two.
///
/// # Errors
/// What `sink` returns; [`Error::Cancelled`].
pub(super) fn for_each_bytes(
    labels: &LabelMap,
    monitor: &dyn Monitor,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<bool, Error> {
    let is_wide = labels.used_ids().last().is_some_and(|&id| id > 255);
    let n = labels.grid().n_voxels();
    for start in (0..n).step_by(CHUNK) {
        monitor.report("Writing", start as u64, n as u64)?;
        let mut ids = vec![0; CHUNK.min(n - start)];
        labels.copy_range(start, &mut ids);
        let bytes: Vec<u8> = match is_wide {
            true => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
            false => ids.iter().map(|&id| id as u8).collect(),
        };
        sink(&bytes)?;
    }
    Ok(is_wide)
}

/// Compares what was written with what should have been.
///
/// # Errors
/// [`Error::ReadBack`] where they differ.
pub(super) fn check(labels: &LabelMap, path: &Path, written: Result<Volume, Error>) -> Result<(), Error> {
    let wrong = |difference: String| Error::ReadBack { difference, path: path.to_owned() };
    let volume = match written {
        Ok(volume) => volume,
        Err(Error::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    if let Some(difference) = volume.grid().differs_from(labels.grid()) {
        return Err(wrong(difference));
    }
    let is_same = match volume.voxels() {
        Voxels::U8(ids) => labels.iter().eq(ids.iter().map(|&id| u16::from(id))),
        Voxels::U16(ids) => labels.iter().eq(ids.iter().copied()),
        _ => false,
    };
    if is_same { Ok(()) } else { Err(wrong("its labels differ".to_owned())) }
}
