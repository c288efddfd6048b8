//! Writes images and labels: whole or not at all, read back and compared before the old file goes.
//!
//! Under a source's header its bytes are copied and only what must differ is set, so that affine, codes, sizes and units
//! stay as they are, bit for bit. Extensions and free texts are left out: they describe the image, and may name the
//! patient.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use glam::{DMat3, DQuat, DVec3};
use nifti::{Intent, NiftiType};

use super::affine::{PICTURE_MARK, place};
use super::header::{self, Header};
use super::layout::{Block, Slot, Version};
use crate::domain::{Grid, LabelMap, Scaling, Space, Volume, Voxels};
use crate::io::Error;
use crate::io::replace::replace;
use crate::io::source::{Source, lower_name};
use crate::monitor::Monitor;

/// Values turned into bytes at once.
const CHUNK_VALUES: usize = 1 << 20;

/// Images larger than this are compressed fast rather than small: level 6 takes six times as long for a few percent.
const FAST_ABOVE_BYTES: u64 = 32 << 20;

/// Writes labels as `.nii` or `.nii.gz`, in the smallest of uint8 and uint16 that holds the ids, never scaled.
///
/// With a `source` the labels must lie on its grid; without one a header is made from the labels' grid.
///
/// # Errors
/// [`Error`]; a file that was there before is then untouched.
pub fn write_labels(
    path: &Path,
    labels: &LabelMap,
    source: Option<&Header>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    write_label_frames(path, (&[labels], None), source, monitor)
}

/// As [`write_labels`], the masks of several frames on one grid, along a fourth axis. The time between them is the source's own;
/// without a source, these seconds.
///
/// # Errors
/// As [`write_labels`].
///
/// # Panics
/// Where there is no frame.
pub fn write_label_frames(
    path: &Path,
    (frames, step_s): (&[&LabelMap], Option<f64>),
    source: Option<&Header>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let highest = frames.iter().filter_map(|labels| labels.used_ids().last().copied()).max().unwrap_or(0);
    let grid = frames[0].grid();
    let voxel_type = if highest <= 255 { NiftiType::Uint8 } else { NiftiType::Uint16 };
    let mut block = new_block(path, grid, frames.len(), source)?;
    let layout = block.version.layout();
    set_type(&mut block, voxel_type, Scaling::NONE);
    if let (None, Some(step_s)) = (source, step_s.filter(|_| frames.len() > 1 || grid.is_series())) {
        block.set_float(layout.pixdim.nth(4), step_s);
    }
    set_intent(&mut block, Intent::Label, b"labels");
    block.set_float(layout.cal_max, f64::from(highest));
    let swap = must_swap(&block);
    let bytes = |range: Range<usize>, bytes: &mut Vec<u8>| {
        let mut ids = vec![0; range.len()];
        copy_of_frames(frames, range.start, &mut ids);
        match voxel_type {
            NiftiType::Uint8 => bytes.extend(ids.iter().map(|&id| id as u8)),
            _ => bytes.extend(ids.iter().flat_map(|&id| if swap { id.swap_bytes() } else { id }.to_ne_bytes())),
        }
    };
    let n_values = grid.n_voxels() * frames.len();
    let image = Image { block, n_values, value_bytes: voxel_type.size_of(), bytes: &bytes };
    image.write(path, grid, monitor)
}

/// Copies ids from a position on, the frames one after the other.
fn copy_of_frames(frames: &[&LabelMap], start: usize, ids: &mut [u16]) {
    let n_voxels = frames[0].grid().n_voxels();
    let (mut at, mut rest) = (start, ids);
    while !rest.is_empty() {
        let (part, others) = rest.split_at_mut(rest.len().min(n_voxels - at % n_voxels));
        frames[at / n_voxels].copy_range(at % n_voxels, part);
        (at, rest) = (at + part.len(), others);
    }
}

/// Writes an image in its stored type as `.nii` or `.nii.gz`.
///
/// # Errors
/// As [`write_labels`].
pub fn write_volume(path: &Path, volume: &Volume, source: Option<&Header>, monitor: &dyn Monitor) -> Result<(), Error> {
    let mut block = new_block(path, volume.grid(), volume.n_frames(), source)?;
    let (voxel_type, stored, number_bytes) = stored_bytes(volume.voxels());
    set_type(&mut block, voxel_type, volume.scaling());
    let (swap, value_bytes) = (must_swap(&block), voxel_type.size_of());
    let bytes = |range: Range<usize>, bytes: &mut Vec<u8>| {
        bytes.extend_from_slice(&stored[range.start * value_bytes..range.end * value_bytes]);
        if swap {
            bytes.chunks_exact_mut(number_bytes).for_each(<[u8]>::reverse);
        }
    };
    let image = Image { block, n_values: volume.voxels().len(), value_bytes, bytes: &bytes };
    image.write(path, volume.grid(), monitor)
}

/// Writes one map of probabilities a label as the frames of a 4D image: bytes with slope 1/255, so that they read as 0
/// to 1. Each map holds `grid.n_voxels()` bytes, `i` fastest.
///
/// # Errors
/// As [`write_labels`]; [`Error::OtherGrid`] where there is no map or one is not of the grid's size.
pub fn write_probabilities(
    path: &Path,
    grid: &Grid,
    maps: &[Vec<u8>],
    source: Option<&Header>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let n_voxels = grid.n_voxels();
    if maps.is_empty() || maps.iter().any(|map| map.len() != n_voxels) {
        let difference = format!("{} maps, not all of {n_voxels} voxels", maps.len());
        return Err(Error::OtherGrid { difference, path: path.to_owned() });
    }
    let mut block = new_block(path, grid, maps.len(), source)?;
    let layout = block.version.layout();
    set_type(&mut block, NiftiType::Uint8, Scaling { slope: 1.0 / 255.0, intercept: 0.0 });
    set_intent(&mut block, Intent::Estimate, b"probability");
    block.set_float(layout.cal_max, 1.0);
    let bytes = |mut range: Range<usize>, bytes: &mut Vec<u8>| {
        while !range.is_empty() {
            let (map, start) = (range.start / n_voxels, range.start % n_voxels);
            let end = n_voxels.min(start + range.len());
            bytes.extend_from_slice(&maps[map][start..end]);
            range.start += end - start;
        }
    };
    let image = Image { block, n_values: n_voxels * maps.len(), value_bytes: 1, bytes: &bytes };
    image.write(path, grid, monitor)
}

/// The NIfTI type of stored voxels, their bytes, and the size of the numbers among them whose byte order matters.
fn stored_bytes(voxels: &Voxels) -> (NiftiType, &[u8], usize) {
    use bytemuck::cast_slice;
    match voxels {
        Voxels::U8(v) => (NiftiType::Uint8, v, 1),
        Voxels::I8(v) => (NiftiType::Int8, cast_slice(v), 1),
        Voxels::U16(v) => (NiftiType::Uint16, cast_slice(v), 2),
        Voxels::I16(v) => (NiftiType::Int16, cast_slice(v), 2),
        Voxels::U32(v) => (NiftiType::Uint32, cast_slice(v), 4),
        Voxels::I32(v) => (NiftiType::Int32, cast_slice(v), 4),
        Voxels::U64(v) => (NiftiType::Uint64, cast_slice(v), 8),
        Voxels::I64(v) => (NiftiType::Int64, cast_slice(v), 8),
        Voxels::F32(v) => (NiftiType::Float32, cast_slice(v), 4),
        Voxels::F64(v) => (NiftiType::Float64, cast_slice(v), 8),
        Voxels::Rgb(v) => (NiftiType::Rgb24, cast_slice(v), 1),
        Voxels::Rgba(v) => (NiftiType::Rgba32, cast_slice(v), 1),
    }
}

fn must_swap(block: &Block) -> bool {
    block.is_big_endian != cfg!(target_endian = "big")
}

/// A header for `n_frames` images on `grid`: a copy of the source's, or one made from the grid.
fn new_block(path: &Path, grid: &Grid, n_frames: usize, source: Option<&Header>) -> Result<Block, Error> {
    let other_grid = |difference: String| Error::OtherGrid { difference, path: path.to_owned() };
    // A series has its frames where the standard has time, and whatever else there is several of after that.
    let (n_frames, n_more) = if grid.is_series() { (grid.shape()[2], n_frames) } else { (n_frames, 1) };
    let grid = &grid.of_one_time();
    let mut block = match source {
        Some(source) => match grid.differs_from(&source.grid) {
            Some(difference) => return Err(other_grid(difference)),
            None => copy_of(source),
        },
        None => from_grid(grid, n_frames),
    };
    let layout = block.version.layout();
    let most_frames = if block.version == Version::One { i16::MAX as usize } else { usize::MAX };
    if n_frames > most_frames {
        return Err(other_grid(format!("{n_frames} frames do not fit into a NIfTI-1 header")));
    }
    // Unused sizes are 1, as the standard wishes; the source's own first three stay as they are.
    let n_dims = block.int(layout.dim).clamp(1, 3);
    for unused in n_dims as usize + 1..8 {
        block.set_int(layout.dim.nth(unused), 1);
    }
    let n_dims = match (n_frames, n_more) {
        (1, 1) => n_dims,
        (_, 1) => 4,
        _ => 5,
    };
    block.set_int(layout.dim, n_dims);
    block.set_int(layout.dim.nth(4), n_frames as i64);
    block.set_int(layout.dim.nth(5), n_more as i64);
    Ok(block)
}

/// The source's header for a single file, without what was said of its own voxels.
fn copy_of(source: &Header) -> Block {
    let mut block = source.block.clone();
    let layout = block.version.layout();
    set_single_file(&mut block);
    for slot in [layout.slice_start, layout.slice_end, layout.slice_code] {
        block.set_int(slot, 0);
    }
    for slot in [layout.slice_duration, layout.toffset, layout.cal_min, layout.cal_max] {
        block.set_float(slot, 0.0);
    }
    for text in [&layout.analyze_text, &layout.aux_file] {
        block.set_text(text.clone(), b"");
    }
    set_intent(&mut block, Intent::None, b"");
    block
}

/// A header that places `grid` by sform and, where it is not sheared, by an equal qform.
fn from_grid(grid: &Grid, n_frames: usize) -> Block {
    let shape = grid.shape();
    let fits_one = shape.iter().chain([&n_frames]).all(|&n| n <= i16::MAX as usize);
    let version = if fits_one { Version::One } else { Version::Two };
    let layout = version.layout();
    let mut block = Block::new(vec![0; layout.header_bytes], version, false);
    set_single_file(&mut block);
    block.set_int(layout.dim, 3);
    let (affine, spacing) = (grid.world_from_voxel(), grid.spacing_mm());
    block.set_float(layout.pixdim, 1.0);
    for axis in 0..3 {
        block.set_int(layout.dim.nth(axis + 1), shape[axis] as i64);
        block.set_float(layout.pixdim.nth(axis + 1), spacing[axis]);
    }
    let rows = affine.matrix3.transpose();
    for row in 0..3 {
        set_vector(&mut block, layout.srow.nth(4 * row), rows.col(row));
        block.set_float(layout.srow.nth(4 * row + 3), affine.translation[row]);
    }
    if grid.space() != Space::Patient {
        block.set_text(layout.descrip.clone(), PICTURE_MARK);
    }
    const MM: i64 = 2;
    const SECONDS: i64 = 8;
    let of_space = if grid.is_scaled() { MM } else { 0 };
    block.set_int(layout.xyzt_units, if n_frames > 1 { of_space + SECONDS } else { of_space });
    block.set_int(layout.sform_code, 1);
    if let Some((qfac, quaternion)) = quaternion(affine.matrix3) {
        block.set_int(layout.qform_code, 1);
        block.set_float(layout.pixdim, qfac);
        set_vector(&mut block, layout.quatern, DVec3::new(quaternion.x, quaternion.y, quaternion.z));
        set_vector(&mut block, layout.qoffset, affine.translation);
    }
    block
}

fn set_vector(block: &mut Block, slot: Slot, vector: DVec3) {
    for (i, value) in vector.to_array().into_iter().enumerate() {
        block.set_float(slot.nth(i), value);
    }
}

/// The rotation of an affine as qfac and a quaternion with w ≥ 0; `None` where it is sheared.
fn quaternion(matrix: DMat3) -> Option<(f64, DQuat)> {
    let qfac = matrix.determinant().signum();
    let rotation =
        DMat3::from_cols(matrix.x_axis.normalize(), matrix.y_axis.normalize(), matrix.z_axis.normalize() * qfac);
    let product = rotation * rotation.transpose();
    let shear = (product - DMat3::IDENTITY).to_cols_array().iter().map(|x| x.abs()).fold(0.0, f64::max);
    if shear > 1e-6 {
        return None;
    }
    let quaternion = DQuat::from_mat3(&rotation).normalize();
    Some((qfac, if quaternion.w < 0.0 { -quaternion } else { quaternion }))
}

/// Voxels follow the header in one file, without extensions.
fn set_single_file(block: &mut Block) {
    let layout = block.version.layout();
    let n = layout.header_bytes as i64;
    block.set_int(Slot::SIZE_OF_HEADER, n);
    match block.version {
        Version::One => {
            block.set_text(layout.magic.clone(), b"n+1");
            block.set_float(layout.vox_offset, n as f64 + 4.0);
        }
        Version::Two => {
            block.set_text(layout.magic.clone(), b"n+2\0\r\n\x1a\n");
            block.set_int(layout.vox_offset, n + 4);
        }
    }
    block.set_text(layout.descrip.clone(), concat!("ldseg ", env!("CARGO_PKG_VERSION")).as_bytes());
}

fn set_type(block: &mut Block, voxel_type: NiftiType, scaling: Scaling) {
    let layout = block.version.layout();
    block.set_int(layout.datatype, voxel_type as i64);
    block.set_int(layout.bitpix, voxel_type.size_of() as i64 * 8);
    block.set_float(layout.scl_slope, scaling.slope);
    block.set_float(layout.scl_inter, scaling.intercept);
}

fn set_intent(block: &mut Block, intent: Intent, name: &[u8]) {
    let layout = block.version.layout();
    block.set_int(layout.intent_code, intent as i64);
    (0..3).for_each(|i| block.set_float(layout.intent_p.nth(i), 0.0));
    block.set_text(layout.intent_name.clone(), name);
}

/// A header and the voxels under it, as bytes on demand.
struct Image<'a> {
    block: Block,
    n_values: usize,
    value_bytes: usize,
    /// Appends the bytes of a range of values, in the header's byte order.
    bytes: &'a dyn Fn(Range<usize>, &mut Vec<u8>),
}

impl Image<'_> {
    fn write(&self, path: &Path, grid: &Grid, monitor: &dyn Monitor) -> Result<(), Error> {
        let name = lower_name(path);
        let is_gzip = name.ends_with(".nii.gz");
        if !is_gzip && !name.ends_with(".nii") {
            return Err(Error::Name { expected: ".nii or .nii.gz", path: path.to_owned() });
        }
        let write = |file: &mut File| {
            let system = |error| Error::writing(path, error);
            let mut file = BufWriter::with_capacity(1 << 18, file);
            if is_gzip {
                let level = if self.n_bytes() > FAST_ABOVE_BYTES { Compression::fast() } else { Compression::new(6) };
                let mut encoder = GzEncoder::new(file, level);
                self.write_to(&mut encoder, path, monitor)?;
                encoder.finish().and_then(|mut file| file.flush()).map_err(system)
            } else {
                self.write_to(&mut file, path, monitor)?;
                file.flush().map_err(system)
            }
        };
        let check = |written: &Path| {
            let read_back = |difference: String| Error::ReadBack { difference, path: path.to_owned() };
            match self.differs_from(written, grid, monitor) {
                Ok(None) => Ok(()),
                Ok(Some(difference)) => Err(read_back(difference)),
                Err(Error::Cancelled(cancelled)) => Err(cancelled.into()),
                Err(error) => Err(read_back(error.to_string())),
            }
        };
        replace(path, write, check)
    }

    fn n_bytes(&self) -> u64 {
        (self.n_values * self.value_bytes) as u64
    }

    /// Header, an extender that announces no extensions, voxels.
    fn write_to(&self, sink: &mut impl Write, path: &Path, monitor: &dyn Monitor) -> Result<(), Error> {
        let system = |error| Error::writing(path, error);
        sink.write_all(self.block.bytes()).map_err(system)?;
        sink.write_all(&[0; 4]).map_err(system)?;
        self.each_chunk("Writing", monitor, |bytes| sink.write_all(bytes).map(|()| None::<()>).map_err(system))
            .map(|_| ())
    }

    /// Says how the file at `written` differs from what it should hold, or `None`.
    fn differs_from(&self, written: &Path, grid: &Grid, monitor: &dyn Monitor) -> Result<Option<String>, Error> {
        let mut source = Source::open(written)?;
        let block = header::recognise(&header::first_bytes(&mut source)?, written)?;
        if block != self.block {
            return Ok(Some("its header differs".to_owned()));
        }
        let (shape, _) = header::shape(&block, written)?;
        let placed = match place(&block, shape) {
            Ok(placed) => placed.grid,
            Err(reason) => return Ok(Some(reason)),
        };
        if let Some(difference) = placed.differs_from(&grid.of_one_time()) {
            return Ok(Some(difference));
        }
        source.fill(&mut [0; 4])?;
        let mut read = Vec::new();
        let difference = self.each_chunk("Checking what was written", monitor, |bytes| {
            read.resize(bytes.len(), 0);
            let filled = source.fill(&mut read)?;
            Ok((read[..filled] != *bytes).then(|| "its voxels differ".to_owned()))
        })?;
        Ok(difference.or(source.finish()?))
    }

    /// Hands the voxels' bytes to `take`, a chunk at a time, until it returns something.
    fn each_chunk<T>(
        &self,
        stage: &'static str,
        monitor: &dyn Monitor,
        mut take: impl FnMut(&[u8]) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let mut bytes = Vec::with_capacity(CHUNK_VALUES.min(self.n_values) * self.value_bytes);
        for start in (0..self.n_values).step_by(CHUNK_VALUES) {
            let end = self.n_values.min(start + CHUNK_VALUES);
            bytes.clear();
            (self.bytes)(start..end, &mut bytes);
            if let Some(found) = take(&bytes)? {
                return Ok(Some(found));
            }
            monitor.report(stage, (end * self.value_bytes) as u64, self.n_bytes())?;
        }
        Ok(None)
    }
}
