//! The header of a NIfTI file: the bytes as they were read, and what they say once checked.

use std::path::Path;

use nifti::{NiftiHeader, NiftiType, Unit};

use super::layout::{Block, GLMIN, Slot, Version};
use crate::domain::{FrameTimes, Grid, Scaling};
use crate::io::Error;
use crate::io::source::Source;

/// A header that has been read from a file. Its bytes are kept, so that a mask can be written under an exact copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    pub(super) block: Block,
    /// What lies between header and voxels: the four extender bytes and the extensions themselves.
    pub(super) extensions: Vec<u8>,
    /// Where the voxels lie, by this header.
    pub(super) grid: Grid,
    pub(super) n_frames: usize,
}

/// As many of a file's first bytes as its header has, by what the first of them look like.
///
/// # Errors
/// As [`Source::fill`].
pub(super) fn first_bytes(source: &mut Source) -> Result<Vec<u8>, Error> {
    let mut start = vec![0; Version::One.layout().header_bytes];
    let mut n = source.fill(&mut start)?;
    if n == start.len() && has_magic(&start, Version::Two) {
        start.resize(Version::Two.layout().header_bytes, 0);
        n += source.fill(&mut start[n..])?;
    }
    start.truncate(n);
    Ok(start)
}

/// Whether the bytes carry a version's mark, of a single file or of a pair.
fn has_magic(start: &[u8], version: Version) -> bool {
    let marks: [&[u8]; 2] = match version {
        Version::One => [b"n+1\0", b"ni1\0"],
        Version::Two => [b"n+2\0", b"ni2\0"],
    };
    start.get(version.layout().magic.clone()).is_some_and(|magic| marks.iter().any(|mark| magic.starts_with(mark)))
}

/// Finds out which NIfTI the first bytes of a file are, and in which byte order.
///
/// # Errors
/// [`Error::NotNifti`] where they are none, [`Error::CutOff`] where they are too few.
pub(super) fn recognise(start: &[u8], path: &Path) -> Result<Block, Error> {
    let size_field = start.first_chunk::<4>().map(|&bytes| (u32::from_le_bytes(bytes), u32::from_be_bytes(bytes)));
    let Some(version) = [Version::One, Version::Two].into_iter().find(|&version| has_magic(start, version)) else {
        return Err(not_nifti(start, path));
    };
    let layout = version.layout();
    let Some(bytes) = start.get(..layout.header_bytes) else {
        let (expected, found) = (layout.header_bytes as u64, start.len() as u64);
        return Err(Error::CutOff { what: "header", expected, found, path: path.to_owned() });
    };
    // The first bytes that FTP in text mode spoils.
    if version == Version::Two && bytes[8..12] != *b"\r\n\x1a\n" {
        return Err(Error::Header {
            field: "magic",
            expected: "\"n+2\\0\\r\\n\\x1a\\n\"".to_owned(),
            found: format!("\"{}\", as after a transfer in text mode", bytes[4..12].escape_ascii()),
            path: path.to_owned(),
        });
    }
    // Either field tells the byte order; of the two, the number of dimensions is the one that must be right.
    let little = Block::new(bytes.to_vec(), version, false);
    let big = Block::new(bytes.to_vec(), version, true);
    let is_dimensionality = |block: &Block| (1..=7).contains(&block.int(layout.dim));
    let is_big_endian = match (is_dimensionality(&little), is_dimensionality(&big)) {
        (true, false) => false,
        (false, true) => true,
        _ => size_field.is_some_and(|(_, big)| big as usize == layout.header_bytes),
    };
    Ok(if is_big_endian { big } else { little })
}

/// Says what a file that is no NIfTI looks like.
fn not_nifti(start: &[u8], path: &Path) -> Error {
    let is_analyze = start.len() >= 348 && matches!(start[..4], [0x5c, 1, 0, 0] | [0, 0, 1, 0x5c]);
    let known: [(bool, &str, &'static str); 8] = [
        (is_analyze, "an ANALYZE 7.5 header", "it does not say where left and right are: convert it to NIfTI first"),
        (start.starts_with(b"\x89HDF"), "an HDF5 or MINC file", "convert it to NIfTI"),
        (start.starts_with(b"PK\x03\x04"), "a zip archive", "unpack it first"),
        (start.starts_with(b"\x1f\x8b"), "a file compressed twice", "decompress it once"),
        (start.starts_with(b"%PDF"), "a PDF document", "choose an image"),
        (start.starts_with(b"<"), "a web page or XML", "the download may have failed: fetch the file again"),
        (!start.is_empty() && start.iter().all(|&b| b == 0), "nothing but zeros", "copy or export it again"),
        (is_text(start), "a text file", "choose an image; a Git LFS or DataLad file must be fetched first"),
    ];
    let path = path.to_owned();
    if let Some((_, found, advice)) = known.into_iter().find(|(fits, ..)| *fits) {
        return Error::NotNifti { found: found.to_owned(), advice, path };
    }
    if start.len() < 348 {
        return Error::CutOff { what: "header", expected: 348, found: start.len() as u64, path };
    }
    let found = format!("a file that starts with \"{}\"", start[..8].escape_ascii());
    Error::NotNifti { found, advice: "check that it is the right file, or export it again", path }
}

fn is_text(start: &[u8]) -> bool {
    let is_printed = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    start.len() >= 4 && start.iter().all(is_printed) && std::str::from_utf8(&start[..start.len().min(64)]).is_ok()
}

/// Sizes of an image by its header: the voxel axes and the frames.
pub(super) fn shape(block: &Block, path: &Path) -> Result<([usize; 3], usize), Error> {
    let layout = block.version.layout();
    let wrong = |field: &'static str, expected: &str, found: i64| Error::Header {
        field,
        expected: expected.to_owned(),
        found: found.to_string(),
        path: path.to_owned(),
    };
    let n_dims = block.int(layout.dim);
    if !(1..=7).contains(&n_dims) {
        return Err(wrong("number of dimensions (dim[0])", "1 to 7", n_dims));
    }
    let mut dims = [1i64; 7];
    for (i, dim) in dims.iter_mut().enumerate().take(n_dims as usize) {
        *dim = block.int(layout.dim.nth(i + 1));
    }
    // FreeSurfer stores surfaces, longer than 16 bits can say, in two ways that nibabel undoes too.
    if block.version == Version::One {
        match dims[..3] {
            [-1, 1, 1] => dims[0] = block.int(GLMIN),
            [27307, 1, 6] => dims[..3].copy_from_slice(&[163_842, 1, 1]),
            _ => {}
        }
    }
    let mut sizes = [1usize; 7];
    for (i, (&dim, size)) in dims.iter().zip(&mut sizes).enumerate() {
        const FIELDS: [&str; 7] = ["dim[1]", "dim[2]", "dim[3]", "dim[4]", "dim[5]", "dim[6]", "dim[7]"];
        let positive = usize::try_from(dim).ok().filter(|&n| n > 0);
        *size = positive.ok_or_else(|| wrong(FIELDS[i], "at least 1", dim))?;
    }
    let all = sizes.iter().try_fold(1u64, |n, &size| n.checked_mul(size as u64)).filter(|&n| n < 1 << 60);
    if all.is_none() {
        let found = format!("{sizes:?}");
        let expected = "sizes that fit into a file".to_owned();
        return Err(Error::Header { field: "sizes (dim)", expected, found, path: path.to_owned() });
    }
    Ok(([sizes[0], sizes[1], sizes[2]], sizes[3..].iter().product()))
}

/// How intensities follow from what is stored; as nibabel, a slope of 0 or one that is not finite means "as stored".
pub(super) fn scaling(block: &Block, path: &Path) -> Result<Scaling, Error> {
    let layout = block.version.layout();
    let (slope, intercept) = (block.float(layout.scl_slope), block.float(layout.scl_inter));
    if slope == 0.0 || !slope.is_finite() {
        return Ok(Scaling::NONE);
    }
    if !intercept.is_finite() {
        return Err(Error::Header {
            field: "scl_inter",
            expected: "a finite number beside a valid scl_slope".to_owned(),
            found: intercept.to_string(),
            path: path.to_owned(),
        });
    }
    Ok(Scaling { slope, intercept })
}

/// The type of the voxels, one that the program shows.
pub(super) fn voxel_type(block: &Block, path: &Path) -> Result<NiftiType, Error> {
    let code = block.int(block.version.layout().datatype);
    let found = match names(block).data_type() {
        Ok(NiftiType::Complex64 | NiftiType::Complex128 | NiftiType::Complex256) => "complex numbers",
        Ok(NiftiType::Float128) => "128-bit floats",
        Ok(known) => return Ok(known),
        Err(_) if code == 1 => "single bits",
        Err(_) => "of no known type",
    };
    Err(Error::Datatype { code, found, path: path.to_owned() })
}

/// The header's codes in the form for which the `nifti` crate knows the standard's names.
pub(super) fn names(block: &Block) -> NiftiHeader {
    let layout = block.version.layout();
    // A code that does not fit into 16 bits is none of the standard's; -1 is none either.
    let code = |slot| i16::try_from(block.int(slot)).unwrap_or(-1);
    NiftiHeader {
        datatype: code(layout.datatype),
        intent_code: code(layout.intent_code),
        qform_code: code(layout.qform_code),
        sform_code: code(layout.sform_code),
        xyzt_units: u8::try_from(block.int(layout.xyzt_units) & 0xff).unwrap_or(0),
        ..NiftiHeader::default()
    }
}

impl Header {
    /// Voxels along each axis, `[i, j, k]`.
    pub fn shape(&self) -> [usize; 3] {
        self.grid.shape()
    }

    /// Frames over time, at least 1.
    pub fn n_frames(&self) -> usize {
        self.n_frames
    }

    /// When its frames were taken, where the file says it with its unit.
    pub fn frame_times(&self) -> Option<FrameTimes> {
        let (block, layout) = (&self.block, self.block.version.layout());
        let unit_s = match names(block).xyzt_to_time() {
            Ok(Unit::Sec) => 1.0,
            Ok(Unit::Msec) => 1e-3,
            Ok(Unit::Usec) => 1e-6,
            _ => return None,
        };
        // Of more dimensions only the first after space is time.
        let is_time = block.int(layout.dim.nth(4)) == self.n_frames as i64;
        let step = block.float(layout.pixdim.nth(4));
        FrameTimes::even(self.n_frames, step * unit_s).filter(|_| is_time)
    }

    /// Where the voxels lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Whether the file says how large its voxels are: by an affine, or by sizes that are not all the 1 that stands for
    /// nothing known.
    pub fn has_voxel_size(&self) -> bool {
        let (block, layout) = (&self.block, self.block.version.layout());
        let has_affine = block.int(layout.sform_code) != 0 || block.int(layout.qform_code) != 0;
        let sizes = (1..=3).map(|axis| block.float(layout.pixdim.nth(axis)));
        has_affine || sizes.into_iter().any(|size| size != 0.0 && size != 1.0)
    }

    /// The header's fields by name, for people. Texts are left out: they may name the patient.
    pub fn describe(&self) -> Vec<(String, String)> {
        let (block, layout) = (&self.block, self.block.version.layout());
        let names = names(block);
        let coded = |slot, name: Option<String>| {
            let code = block.int(slot);
            name.map_or_else(|| format!("{code}, unknown"), |name| format!("{code}, {name}"))
        };
        let ints = |slot: Slot, n| {
            let all: Vec<String> = (0..n).map(|i| block.int(slot.nth(i)).to_string()).collect();
            all.join(" ")
        };
        let floats = |slot: Slot, first: usize, n| {
            let all: Vec<String> = (first..first + n).map(|i| block.float(slot.nth(i)).to_string()).collect();
            all.join(" ")
        };
        let debug = |name: Result<String, nifti::NiftiError>| name.ok();
        let version = match block.version {
            Version::One => "NIfTI-1",
            Version::Two => "NIfTI-2",
        };
        let order = if block.is_big_endian { "big-endian" } else { "little-endian" };
        let units = names.xyzt_units().map(|(space, time)| format!("{space:?}, {time:?}"));
        let n_dims = block.int(layout.dim).clamp(0, 7) as usize;
        let fields = [
            ("format", format!("{version}, {order}")),
            ("dim", ints(layout.dim, n_dims + 1)),
            ("datatype", coded(layout.datatype, debug(names.data_type().map(|x| format!("{x:?}"))))),
            ("bitpix", ints(layout.bitpix, 1)),
            ("pixdim", floats(layout.pixdim, 0, n_dims + 1)),
            ("xyzt_units", coded(layout.xyzt_units, debug(units))),
            ("vox_offset", self.vox_offset_text()),
            ("scl_slope", floats(layout.scl_slope, 0, 1)),
            ("scl_inter", floats(layout.scl_inter, 0, 1)),
            ("intent_code", coded(layout.intent_code, debug(names.intent().map(|x| format!("{x:?}"))))),
            ("qform_code", coded(layout.qform_code, debug(names.qform().map(|x| format!("{x:?}"))))),
            ("sform_code", coded(layout.sform_code, debug(names.sform().map(|x| format!("{x:?}"))))),
            ("quatern", floats(layout.quatern, 0, 3)),
            ("qoffset", floats(layout.qoffset, 0, 3)),
            ("srow_x", floats(layout.srow, 0, 4)),
            ("srow_y", floats(layout.srow, 4, 4)),
            ("srow_z", floats(layout.srow, 8, 4)),
            ("extensions", format!("{} bytes", self.extensions.len().saturating_sub(4))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn vox_offset_text(&self) -> String {
        let slot = self.block.version.layout().vox_offset;
        match self.block.version {
            Version::One => self.block.float(slot).to_string(),
            Version::Two => self.block.int(slot).to_string(),
        }
    }
}
