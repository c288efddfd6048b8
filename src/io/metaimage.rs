//! MetaImage, `.mha` in one file and `.mhd` beside its voxels: what ITK writes.
//!
//! Fields and their meaning: <https://itk.org/Wiki/ITK/MetaIO/Documentation>. The world of a MetaImage runs to the left,
//! posterior and superior (as DICOM's), ours to the right, anterior and superior.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use glam::{DAffine3, DMat3, DVec3};

use super::formats::ReadVolume;
use super::replace::replace;
use super::source::{Packing, Source, lower_name};
use super::voxels::{self, Kind, Stored};
use super::{Error, ids};
use crate::domain::{Grid, LabelMap, Scaling, Volume};
use crate::monitor::Monitor;

/// The longest line of a header that is read.
const MAX_LINE: usize = 1 << 16;

/// The most lines that a header may have.
const MAX_LINES: usize = 10_000;

/// From left, posterior, superior to right, anterior, superior, and back.
pub(super) const RAS_FROM_LPS: DMat3 = DMat3::from_diagonal(DVec3::new(-1.0, -1.0, 1.0));

/// Whether a path is named like a MetaImage.
pub(super) fn is_name(path: &Path) -> bool {
    let name = lower_name(path);
    name.ends_with(".mha") || name.ends_with(".mhd")
}

/// Reads an image; a fourth dimension becomes frames.
pub(super) fn read_volume(path: &Path, monitor: &dyn Monitor) -> Result<ReadVolume, Error> {
    let mut source = Source::open(path)?;
    let header = Header::read(&mut source)?;
    let stored = header.stored()?;
    let grid = header.grid(stored.shape)?;
    let is_packed = header.flag("CompressedData")?;
    if let Some(voxels) = header.voxel_file()? {
        source = Source::open(&voxels)?;
        header.skip(&mut source, stored)?;
    }
    if is_packed {
        source.unpack(Packing::Zlib);
    }
    let voxels = voxels::read(&mut source, stored, monitor, &mut |_, _| {})?;
    let warnings = source.finish()?.into_iter().collect();
    let volume = Volume::new(grid, voxels, Scaling::NONE, stored.n_frames)
        .map_err(|error| header.wrong("DimSize", "voxels for all", error.to_string()))?;
    Ok(ReadVolume { volume, header: None, table: None, name: None, warnings })
}

/// The fields of a header, by name.
struct Header {
    fields: HashMap<String, String>,
    path: PathBuf,
}

impl Header {
    /// The lines up to that which says where the voxels are.
    fn read(source: &mut Source) -> Result<Self, Error> {
        let path = source.path().to_owned();
        let mut fields = HashMap::new();
        for _ in 0..MAX_LINES {
            let line = source.line(MAX_LINE)?;
            let line = line.as_deref().and_then(|line| std::str::from_utf8(line).ok());
            let Some((name, value)) = line.and_then(|line| line.split_once('=')) else { break };
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            let is_last = name == "ElementDataFile";
            fields.insert(name, value);
            if is_last {
                return Ok(Self { fields, path });
            }
        }
        let (expected, found) = ("a MetaImage header that ends in ElementDataFile", "other text".to_owned());
        Err(Error::Content { expected, found, path })
    }

    fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.fields.get(*name)).map(String::as_str)
    }

    fn wrong(&self, field: &'static str, expected: &str, found: String) -> Error {
        Error::Header { field, expected: expected.to_owned(), found, path: self.path.clone() }
    }

    fn flag(&self, name: &'static str) -> Result<bool, Error> {
        match self.get(&[name]).map(str::to_lowercase).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(self.wrong(name, "True or False", other.to_owned())),
        }
    }

    /// The numbers of the first of `names` that is there.
    fn numbers(&self, names: &[&'static str], n: usize) -> Result<Option<Vec<f64>>, Error> {
        let Some(text) = self.get(names) else { return Ok(None) };
        let numbers: Option<Vec<f64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
        let wrong = || self.wrong(names[0], &format!("{n} finite numbers"), text.to_owned());
        let is_good = |numbers: &Vec<f64>| numbers.len() == n && numbers.iter().all(|number| number.is_finite());
        numbers.filter(is_good).ok_or_else(wrong).map(Some)
    }

    fn sizes(&self) -> Result<Vec<usize>, Error> {
        let text = self.get(&["DimSize"]).unwrap_or_default();
        let sizes: Option<Vec<usize>> =
            text.split_whitespace().map(|word| word.parse().ok().filter(|&n: &usize| n > 0)).collect();
        let fits = |sizes: &Vec<usize>| {
            let n = sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
            (2..=4).contains(&sizes.len()) && n.is_some_and(|n| n < 1 << 56)
        };
        sizes.filter(fits).ok_or_else(|| self.wrong("DimSize", "2 to 4 sizes of at least 1", text.to_owned()))
    }

    fn stored(&self) -> Result<Stored, Error> {
        let sizes = self.sizes()?;
        let n_dims = sizes.len().to_string();
        if self.get(&["NDims"]).is_some_and(|named| named != n_dims) {
            return Err(self.wrong("DimSize", "as many sizes as NDims says", format!("{n_dims} sizes")));
        }
        if !self.flag("BinaryData")? && self.get(&["BinaryData"]).is_some() {
            return Err(self.wrong("BinaryData", "True; save the image again as binary", "False".to_owned()));
        }
        let size = |axis: usize| sizes.get(axis).copied().unwrap_or(1);
        let is_big_endian = self.flag("BinaryDataByteOrderMSB")? || self.flag("ElementByteOrderMSB")?;
        let (kind, shape) = (self.kind()?, [size(0), size(1), size(2)]);
        Ok(Stored { kind, shape, n_frames: size(3), is_big_endian })
    }

    fn kind(&self) -> Result<Kind, Error> {
        let name = self.get(&["ElementType"]).unwrap_or_default();
        let channels = self.get(&["ElementNumberOfChannels"]).unwrap_or("1");
        Ok(match (name, channels) {
            ("MET_UCHAR", "1") => Kind::U8,
            ("MET_CHAR", "1") => Kind::I8,
            ("MET_USHORT", "1") => Kind::U16,
            ("MET_SHORT", "1") => Kind::I16,
            ("MET_UINT", "1") => Kind::U32,
            ("MET_INT", "1") => Kind::I32,
            ("MET_ULONG_LONG", "1") => Kind::U64,
            ("MET_LONG_LONG", "1") => Kind::I64,
            ("MET_FLOAT", "1") => Kind::F32,
            ("MET_DOUBLE", "1") => Kind::F64,
            ("MET_UCHAR", "3") => Kind::Rgb,
            ("MET_UCHAR", "4") => Kind::Rgba,
            _ => {
                let expected = "MET_ with UCHAR, CHAR, (U)SHORT, (U)INT, (U)LONG_LONG, FLOAT or DOUBLE of one channel, or \
                                MET_UCHAR of 3 or 4";
                return Err(self.wrong("ElementType", expected, format!("{name} of {channels} channels")));
            }
        })
    }

    /// Where the voxels lie.
    fn grid(&self, shape: [usize; 3]) -> Result<Grid, Error> {
        let n = self.sizes()?.len();
        let spacing = self.numbers(&["ElementSpacing", "ElementSize"], n)?.unwrap_or_else(|| vec![1.0; n]);
        let offset = self.numbers(&["Offset", "Position", "Origin"], n)?.unwrap_or_else(|| vec![0.0; n]);
        let directions = self.numbers(&["TransformMatrix", "Rotation", "Orientation"], n * n)?;
        let mut matrix = DMat3::IDENTITY;
        for (axis, step) in [&mut matrix.x_axis, &mut matrix.y_axis, &mut matrix.z_axis].into_iter().enumerate().take(n)
        {
            // One row of the field for each axis of the image.
            if let Some(directions) = &directions {
                let part = |world: usize| if world < n { directions[axis * n + world] } else { 0.0 };
                *step = DVec3::new(part(0), part(1), part(2));
            }
            *step *= spacing[axis];
        }
        let offset = DVec3::new(offset[0], offset[1], offset.get(2).copied().unwrap_or(0.0));
        let affine = DAffine3::from_mat3_translation(RAS_FROM_LPS * matrix, RAS_FROM_LPS * offset);
        Grid::new(shape, affine).map_err(|error| Error::Affine { reason: error.to_string(), path: self.path.clone() })
    }

    /// The file of the voxels, where it is another one.
    fn voxel_file(&self) -> Result<Option<PathBuf>, Error> {
        let name = self.get(&["ElementDataFile"]).unwrap_or_default();
        match name {
            "LOCAL" | "local" | "Local" => Ok(None),
            _ if name == "LIST" || name.contains('%') => {
                let expected = "LOCAL or the name of one file; join the slices into one file first";
                Err(self.wrong("ElementDataFile", expected, name.to_owned()))
            }
            _ => Ok(Some(self.path.with_file_name(name))),
        }
    }

    /// Goes to the voxels of a file of their own.
    fn skip(&self, source: &mut Source, stored: Stored) -> Result<(), Error> {
        let text = self.get(&["HeaderSize"]).unwrap_or("0");
        let wrong = || self.wrong("HeaderSize", "-1, or bytes within the file", text.to_owned());
        let skipped: i64 = text.parse().map_err(|_| wrong())?;
        let skipped = match u64::try_from(skipped) {
            Ok(bytes) => bytes,
            Err(_) => source.file_bytes().saturating_sub(stored.n_bytes()),
        };
        if source.skip(skipped)? { Ok(()) } else { Err(wrong()) }
    }
}

/// Writes labels as `.mha`, compressed; those of several frames with a fourth size, and so much from frame to frame where it is
/// known.
pub(super) fn write_labels(
    path: &Path,
    (frames, step_s): (&[&LabelMap], Option<f64>),
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let system = |error| Error::writing(path, error);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let is_wide = ids::for_each_bytes(frames, monitor, &mut |bytes| packed.write_all(bytes).map_err(system))?;
    let packed = packed.finish().map_err(system)?;
    let grid = frames[0].grid();
    let affine = grid.world_from_voxel();
    let (spacing, matrix) = (grid.spacing_mm(), RAS_FROM_LPS * affine.matrix3);
    let offset = RAS_FROM_LPS * affine.translation;
    let rows = (0..3).map(|axis| matrix.col(axis) / spacing[axis]);
    // Time stands across to space.
    let (n_dims, is_timed) = if frames.len() == 1 { (3, false) } else { (4, true) };
    let more = |text: String, time: &str| if is_timed { format!("{text} {time}") } else { text };
    let mut directions: Vec<String> = rows.map(|row| more(numbers(row), "0")).collect();
    directions.extend(is_timed.then(|| "0 0 0 1".to_owned()));
    let [ni, nj, nk] = grid.shape();
    let header = format!(
        "ObjectType = Image\nNDims = {n_dims}\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = True\n\
         CompressedDataSize = {}\nTransformMatrix = {}\nOffset = {}\nCenterOfRotation = {}\n\
         ElementSpacing = {}\nDimSize = {}\nElementType = {}\nElementDataFile = LOCAL\n",
        packed.len(),
        directions.join(" "),
        more(numbers(offset), "0"),
        more("0 0 0".to_owned(), "0"),
        more(numbers(spacing.into()), &step_s.unwrap_or(1.0).to_string()),
        more(format!("{ni} {nj} {nk}"), &frames.len().to_string()),
        if is_wide { "MET_USHORT" } else { "MET_UCHAR" },
    );
    let write =
        |file: &mut File| file.write_all(header.as_bytes()).and_then(|()| file.write_all(&packed)).map_err(system);
    replace(path, write, |written| ids::check(frames, path, read_volume_named(written, monitor)))
}

/// As [`read_volume`]; the name need not be that of a MetaImage.
fn read_volume_named(path: &Path, monitor: &dyn Monitor) -> Result<Volume, Error> {
    read_volume(path, monitor).map(|read| read.volume)
}

fn numbers(vector: DVec3) -> String {
    format!("{} {} {}", vector.x, vector.y, vector.z)
}
