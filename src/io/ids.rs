//! Label ids as bytes of a file, and whether a file gives them back.

use std::ops::Range;
use std::path::Path;

use super::Error;
use crate::domain::{LabelMap, Volume, Voxels};
use crate::monitor::Monitor;

/// Ids turned into bytes at once.
const CHUNK: usize = 1 << 20;

/// Whether some id needs two bytes.
pub(super) fn is_wide(labels: &LabelMap) -> bool {
    labels.used_ids().last().is_some_and(|&id| id > 255)
}

/// Gives `sink` all ids, frame after frame, one byte each where all are below 256, else two, the lower one first. Says whether it
/// was two.
///
/// # Errors
/// What `sink` returns; [`Error::Cancelled`].
pub(super) fn for_each_bytes(
    frames: &[&LabelMap],
    monitor: &dyn Monitor,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<bool, Error> {
    let is_wide = frames.iter().any(|labels| is_wide(labels));
    for labels in frames {
        for_each_bytes_of(labels, 0..labels.grid().n_voxels(), is_wide, monitor, sink)?;
    }
    Ok(is_wide)
}

/// As [`for_each_bytes`], of the ids at these positions in memory.
///
/// # Errors
/// What `sink` returns; [`Error::Cancelled`].
pub(super) fn for_each_bytes_of(
    labels: &LabelMap,
    positions: Range<usize>,
    is_wide: bool,
    monitor: &dyn Monitor,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    for start in positions.clone().step_by(CHUNK) {
        monitor.report("Writing", (start - positions.start) as u64, positions.len() as u64)?;
        let mut ids = vec![0; CHUNK.min(positions.end - start)];
        labels.copy_range(start, &mut ids);
        let bytes: Vec<u8> = match is_wide {
            true => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
            false => ids.iter().map(|&id| id as u8).collect(),
        };
        sink(&bytes)?;
    }
    Ok(())
}

/// Compares what was written with what should have been, frame after frame.
///
/// # Errors
/// [`Error::ReadBack`] where they differ.
pub(super) fn check(frames: &[&LabelMap], path: &Path, written: Result<Volume, Error>) -> Result<(), Error> {
    let wrong = |difference: String| Error::ReadBack { difference, path: path.to_owned() };
    let volume = match written {
        Ok(volume) => volume,
        Err(Error::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    if let Some(difference) = frames.first().and_then(|labels| volume.grid().differs_from(labels.grid())) {
        return Err(wrong(difference));
    }
    let expected = frames.iter().flat_map(|labels| labels.iter());
    let is_same = match volume.voxels() {
        Voxels::U8(ids) => expected.eq(ids.iter().map(|&id| u16::from(id))),
        Voxels::U16(ids) => expected.eq(ids.iter().copied()),
        _ => false,
    };
    if is_same { Ok(()) } else { Err(wrong("its labels differ".to_owned())) }
}
