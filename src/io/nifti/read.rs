//! Reads images.

use std::path::Path;

use nifti::NiftiType;

use super::affine::place;
use super::header::{self, Header};
use super::layout::{Block, Version};
use super::parts::Parts;
use crate::domain::{Grid, Volume, Voxels};
use crate::io::Error;
use crate::io::source::Source;
use crate::io::voxels::{self, Kind, Stored};
use crate::monitor::Monitor;

/// The most that is kept of what lies between header and voxels.
const MAX_EXTENSION_BYTES: usize = 64 << 20;

/// An image with the header that it came with.
#[derive(Clone, Debug)]
pub struct ReadVolume {
    /// The image.
    pub volume: Volume,
    /// Its header, to be copied when labels are saved.
    pub header: Header,
    /// What a person should know: which affine was used, that two disagree, that orientation is unknown.
    pub warnings: Vec<String>,
}

/// Reads an image in its stored type. Sizes beyond three become frames, one after the other as they are stored.
///
/// `preview` is called at most once, for images large enough that reading can be noticed, with their first slices.
/// Progress counts bytes of the file.
///
/// # Errors
/// [`Error`], with a sentence for the person who chose the file.
pub fn read_volume(path: &Path, monitor: &dyn Monitor, preview: &mut dyn FnMut(Volume)) -> Result<ReadVolume, Error> {
    let parts = Parts::of(path)?;
    let Opened { mut source, header, mut warnings } = open(&parts)?;
    let voxel_type = header::voxel_type(&header.block, path)?;
    let scaling = header::scaling(&header.block, path)?;
    check_bits(&header.block, voxel_type, &mut warnings);
    if parts.is_pair() {
        source = Source::open(&parts.voxels)?;
        let offset = vox_offset(&header.block, 0, &parts.header)?;
        take(&mut source, offset)?;
    }

    let mut make_preview = |voxels: Voxels, n_slices: usize| {
        let [width, height, _] = header.shape();
        let slab = Grid::new([width, height, n_slices], header.grid.world_from_voxel()).ok();
        if let Some(volume) = slab.and_then(|grid| Volume::new(grid, voxels, scaling, 1).ok()) {
            preview(volume);
        }
    };
    let (shape, n_frames, is_big_endian) = (header.shape(), header.n_frames, header.block.is_big_endian);
    let kind = kind(voxel_type, path)?;
    let stored = Stored { kind, shape, n_frames, is_big_endian };
    let voxels = voxels::read(&mut source, stored, monitor, &mut make_preview)?;
    warnings.extend(source.finish()?);
    let scaling = if matches!(voxels, Voxels::Rgb(_) | Voxels::Rgba(_)) { Default::default() } else { scaling };
    let volume = Volume::new(header.grid.clone(), voxels, scaling, header.n_frames).map_err(|error| Error::Header {
        field: "sizes",
        expected: "voxels for all".into(),
        found: error.to_string(),
        path: path.into(),
    })?;
    let volume = volume.with_frame_times(header.frame_times());
    Ok(ReadVolume { volume, header, warnings })
}

/// Reads a file's header alone, with what a person should know of it.
///
/// # Errors
/// As [`read_volume`], as far as the header goes.
pub fn read_header(path: &Path) -> Result<(Header, Vec<String>), Error> {
    let opened = open(&Parts::of(path)?)?;
    Ok((opened.header, opened.warnings))
}

/// A file read up to its voxels (or, of a pair, to the end of its header).
struct Opened {
    source: Source,
    header: Header,
    warnings: Vec<String>,
}

fn open(parts: &Parts) -> Result<Opened, Error> {
    let path = &parts.header;
    let mut source = Source::open(path)?;
    let block = header::recognise(&header::first_bytes(&mut source)?, path)?;
    let (shape, n_frames) = header::shape(&block, path)?;
    let placed = place(&block, shape).map_err(|reason| Error::Affine { reason, path: path.clone() })?;
    let mut warnings = placed.warnings;
    if block.int(block.version.layout().dim) > 4 && n_frames > 1 {
        warnings.push(format!("The image has more than four dimensions; its {n_frames} volumes are shown as frames."));
    }
    let mut extensions = Vec::new();
    if !parts.is_pair() {
        // Some writers leave the offset out of single files; the voxels then follow the four extender bytes.
        let header_bytes = block.version.layout().header_bytes as u64;
        let offset = vox_offset(&block, header_bytes + 4, path)?;
        extensions = take(&mut source, offset - header_bytes)?;
    }
    let header = Header { block, extensions, grid: placed.grid, n_frames };
    Ok(Opened { source, header, warnings })
}

/// Where the voxels start, checked. `least` is what an offset of 0 stands for, and the smallest that can be.
fn vox_offset(block: &Block, least: u64, path: &Path) -> Result<u64, Error> {
    let slot = block.version.layout().vox_offset;
    let wrong = |found: String| Error::Header {
        field: "vox_offset",
        expected: format!("a whole number from {least} to the file's size"),
        found,
        path: path.to_owned(),
    };
    let offset = match block.version {
        Version::One => {
            let offset = block.float(slot);
            // Casting NaN, infinity and fractions would hide them.
            if !(0.0..9e15).contains(&offset) || offset.fract() != 0.0 {
                return Err(wrong(offset.to_string()));
            }
            offset as u64
        }
        Version::Two => u64::try_from(block.int(slot)).map_err(|_| wrong(block.int(slot).to_string()))?,
    };
    match offset {
        0 => Ok(least),
        offset if offset < least => Err(wrong(offset.to_string())),
        offset => Ok(offset),
    }
}

/// Takes the next `n` bytes and returns them, or the first of them where they are too many to be kept.
fn take(source: &mut Source, n: u64) -> Result<Vec<u8>, Error> {
    let cut_off = |found: u64, source: &Source| {
        let path = source.path().to_owned();
        Error::CutOff { what: "what precedes the voxels", expected: n, found, path }
    };
    if n > source.most_left() {
        return Err(cut_off(source.most_left(), source));
    }
    let mut kept = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let mut done = 0;
    while done < n {
        let step = (n - done).min(buffer.len() as u64) as usize;
        let filled = source.fill(&mut buffer[..step])?;
        if kept.len() < MAX_EXTENSION_BYTES {
            kept.extend_from_slice(&buffer[..filled]);
        }
        done += filled as u64;
        if filled < step {
            return Err(cut_off(done, source));
        }
    }
    Ok(kept)
}

fn check_bits(block: &Block, voxel_type: NiftiType, warnings: &mut Vec<String>) {
    let bits = block.int(block.version.layout().bitpix);
    let expected = voxel_type.size_of() as i64 * 8;
    if bits != expected {
        warnings.push(format!(
            "The header gives {bits} bits a voxel, {voxel_type:?} has {expected}; the type was believed."
        ));
    }
}

/// The type in which voxels of a NIfTI type are kept.
fn kind(voxel_type: NiftiType, path: &Path) -> Result<Kind, Error> {
    Ok(match voxel_type {
        NiftiType::Uint8 => Kind::U8,
        NiftiType::Int8 => Kind::I8,
        NiftiType::Uint16 => Kind::U16,
        NiftiType::Int16 => Kind::I16,
        NiftiType::Uint32 => Kind::U32,
        NiftiType::Int32 => Kind::I32,
        NiftiType::Uint64 => Kind::U64,
        NiftiType::Int64 => Kind::I64,
        NiftiType::Float32 => Kind::F32,
        NiftiType::Float64 => Kind::F64,
        NiftiType::Rgb24 => Kind::Rgb,
        NiftiType::Rgba32 => Kind::Rgba,
        NiftiType::Complex64 | NiftiType::Complex128 | NiftiType::Complex256 | NiftiType::Float128 => {
            let code = voxel_type as i64;
            return Err(Error::Datatype { code, found: "of a type that is not shown", path: path.to_owned() });
        }
    })
}
