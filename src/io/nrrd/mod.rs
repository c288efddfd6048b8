//! NRRD, attached and detached, and the segmentations that 3D Slicer keeps in it (`.seg.nrrd`).
//!
//! Format: <https://teem.sourceforge.net/nrrd/format.html>.

mod header;
mod segments;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;

use self::header::{Encoding, Header};
pub(super) use self::write::write_labels;
use super::Error;
use super::formats::ReadVolume;
use super::source::{Packing, Source};
use super::voxels;
use crate::domain::{FrameTimes, Scaling, Volume, Voxels};
use crate::monitor::Monitor;

/// Reads an image; an axis that is none of space becomes frames.
pub(super) fn read_volume(path: &Path, monitor: &dyn Monitor) -> Result<ReadVolume, Error> {
    let mut source = Source::open(path)?;
    let header = Header::read(&mut source)?;
    let layout = header.layout()?;
    if let Some(voxels) = header.voxel_file()? {
        source = Source::open(&voxels)?;
    }
    header.skip(&mut source, layout.stored)?;
    match header.encoding()? {
        Encoding::Raw => {}
        Encoding::Gzip => source.unpack(Packing::Gzip),
    }
    let voxels = voxels::read(&mut source, layout.stored, monitor, &mut |_, _| {})?;
    let mut warnings: Vec<String> = source.finish()?.into_iter().collect();
    warnings.extend(layout.warnings);
    let voxels = if layout.frames_first { frames_last(voxels, layout.stored.n_frames) } else { voxels };
    let n_frames = layout.stored.n_frames;
    let volume = Volume::new(layout.grid, voxels, Scaling::NONE, n_frames)
        .map_err(|error| header.wrong("sizes", "voxels for all", error.to_string()))?;
    let volume = volume.with_frame_times(header.frame_step_s().and_then(|step_s| FrameTimes::even(n_frames, step_s)));
    let table = segments::table(&header)?;
    Ok(ReadVolume { volume, header: None, table, name: None, warnings })
}

/// Voxels whose frames lie side by side, frame after frame.
fn frames_last(voxels: Voxels, n_frames: usize) -> Voxels {
    fn apart<T: Copy>(values: &[T], n_frames: usize) -> Vec<T> {
        (0..n_frames).flat_map(|frame| values.iter().skip(frame).step_by(n_frames).copied()).collect()
    }
    match voxels {
        Voxels::U8(v) => Voxels::U8(apart(&v, n_frames)),
        Voxels::I8(v) => Voxels::I8(apart(&v, n_frames)),
        Voxels::U16(v) => Voxels::U16(apart(&v, n_frames)),
        Voxels::I16(v) => Voxels::I16(apart(&v, n_frames)),
        Voxels::U32(v) => Voxels::U32(apart(&v, n_frames)),
        Voxels::I32(v) => Voxels::I32(apart(&v, n_frames)),
        Voxels::U64(v) => Voxels::U64(apart(&v, n_frames)),
        Voxels::I64(v) => Voxels::I64(apart(&v, n_frames)),
        Voxels::F32(v) => Voxels::F32(apart(&v, n_frames)),
        Voxels::F64(v) => Voxels::F64(apart(&v, n_frames)),
        Voxels::Rgb(v) => Voxels::Rgb(apart(&v, n_frames)),
        Voxels::Rgba(v) => Voxels::Rgba(apart(&v, n_frames)),
    }
}
