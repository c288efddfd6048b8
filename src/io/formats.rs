//! Images and label maps in whichever format their file is.

use std::path::Path;

use image::ImageFormat;
use rayon::prelude::*;

use super::source::{Source, lower_name};
use super::{Error, dicom, metaimage, nifti, nrrd, picture};
use crate::domain::{Grid, LabelMap, LabelTable, Scaling, Volume, Voxels};
use crate::monitor::Monitor;

/// How far a float may lie from the whole number that it stands for, after scaling in 32 bits.
const ROUNDING: f64 = 1e-4;

/// An image that has been read.
#[derive(Clone, Debug)]
pub struct ReadVolume {
    /// The image.
    pub volume: Volume,
    /// Its header, to be copied when labels are saved; of NIfTI files alone.
    pub header: Option<nifti::Header>,
    /// Names of labels that the file gives, where it holds labels and names them.
    pub table: Option<LabelTable>,
    /// What the image is called, where that is not the file's name.
    pub name: Option<String>,
    /// What a person should know: which affine was used, that two disagree, that orientation is unknown.
    pub warnings: Vec<String>,
}

/// A label map that has been read.
#[derive(Clone, Debug)]
pub struct ReadLabels {
    /// One id a voxel; of a file with several frames, of the first.
    pub labels: LabelMap,
    /// Of the frames after the first, on the same grid.
    pub later: Vec<LabelMap>,
    /// Names that the file itself gives.
    pub table: Option<LabelTable>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A format of files that hold volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Nifti,
    Dicom,
    Nrrd,
    MetaImage,
    Picture(ImageFormat),
    /// A folder of pictures, or those whose names fit a pattern.
    Pictures,
}

impl Format {
    /// By the first bytes; a MetaImage has no mark and goes by its name.
    fn of(path: &Path) -> Result<Self, Error> {
        if path.is_dir() && dicom::is_series_folder(path) {
            return Ok(Self::Dicom);
        }
        if path.is_dir() || picture::is_pattern(path) {
            return Ok(Self::Pictures);
        }
        let mut start = [0; dicom::START_BYTES];
        let mut source = Source::open(path)?;
        let n = source.fill(&mut start)?;
        let start = &start[..n];
        Ok(match picture::format(start) {
            // First: the preamble of a DICOM file may be the start of a TIFF.
            _ if dicom::is_dicom(start) => Self::Dicom,
            Some(format) => Self::Picture(format),
            None if start.starts_with(b"NRRD") => Self::Nrrd,
            None if metaimage::is_name(path) => Self::MetaImage,
            None => Self::Nifti,
        })
    }
}

/// The endings of names of images, longer ones first.
const ENDINGS: [&str; 20] = [
    ".coco.json",
    ".nii.gz",
    ".hdr.gz",
    ".img.gz",
    ".seg.nrrd",
    ".nii",
    ".hdr",
    ".img",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".png",
    ".jpg",
    ".jpeg",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".dcm",
];

/// The endings of names of label maps that can be written.
const WRITTEN: [&str; 9] = [".nii.gz", ".nii", ".nrrd", ".mha", ".dcm", ".png", ".tif", ".tiff", ".coco.json"];

/// The image that labels were drawn on: what a file of labels copies from it.
#[derive(Clone, Copy, Debug)]
pub enum DrawnOn<'a> {
    /// Its header.
    Nifti(&'a nifti::Header),
    /// Its file or folder, which is read again: a DICOM segmentation belongs to its patient, study and slices.
    File(&'a Path),
}

/// A file's name without the ending of its format: `scan.nii.gz` is `scan`.
pub fn stem(name: &str) -> &str {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Whether labels can be written there: the name says a format, or it is a folder's.
pub fn is_label_path(path: &Path) -> bool {
    let name = lower_name(path);
    is_folder(path) || WRITTEN.iter().any(|ending| name.ends_with(ending))
}

/// Refuses a place where labels cannot be written, as [`write_labels`] does, before any work is done for them.
///
/// # Errors
/// [`Error::Name`].
pub fn check_label_path(path: &Path) -> Result<(), Error> {
    match is_label_path(path) {
        true => Ok(()),
        false => Err(Error::Name {
            expected: ".nii.gz, .nii, .nrrd, .seg.nrrd, .mha, .dcm, .png, .tif, .coco.json or a folder, which ends in /",
            path: path.to_owned(),
        }),
    }
}

/// Reads an image in its stored type: a file, a folder with a DICOM series or with pictures of one size, or a pattern of such
/// pictures' names, `frames/*.png`. Sizes beyond three become frames; those of a flat image lie along the third axis, as a
/// [series](Grid::in_time).
///
/// `preview` is called at most once, for images large enough that reading can be noticed, with their first slices.
/// Progress counts bytes of the file.
///
/// # Errors
/// [`Error`], with a sentence for the person who chose the file.
pub fn read_volume(path: &Path, monitor: &dyn Monitor, preview: &mut dyn FnMut(Volume)) -> Result<ReadVolume, Error> {
    let read = match Format::of(path)? {
        Format::Nifti => {
            let nifti::ReadVolume { volume, header, warnings } = nifti::read_volume(path, monitor, preview)?;
            ReadVolume { volume, header: Some(header), table: None, name: None, warnings }
        }
        Format::Dicom => dicom::read_volume(path, monitor)?,
        Format::Nrrd => nrrd::read_volume(path, monitor)?,
        Format::MetaImage => metaimage::read_volume(path, monitor)?,
        Format::Picture(format) => picture::read_volume(path, format, monitor)?,
        Format::Pictures => picture::read_folder(path, monitor)?,
    };
    Ok(ReadVolume { volume: read.volume.in_time(), ..read })
}

/// Writes labels in the format that the name's ending says: `.nii`, `.nii.gz`, `.nrrd`, `.mha`, `.dcm`, `.tif`, of
/// one slice `.png`, and COCO's `.coco.json`; into a folder, or a path that ends as one, a `.png` of each slice. They must lie
/// on the grid of a NIfTI or DICOM `source`.
///
/// # Errors
/// [`Error`]; a file that was there before is then untouched.
pub fn write_labels(
    path: &Path,
    labels: &LabelMap,
    table: &LabelTable,
    source: Option<DrawnOn<'_>>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    check_label_path(path)?;
    let (source, file) = match source {
        Some(DrawnOn::Nifti(header)) => (Some(header), None),
        Some(DrawnOn::File(file)) => (None, Some(file)),
        None => (None, None),
    };
    if let Some(difference) = source.and_then(|source| labels.grid().of_one_time().differs_from(source.grid())) {
        return Err(Error::OtherGrid { difference, path: path.to_owned() });
    }
    let name = lower_name(path);
    let alone = (&[labels][..], None);
    if is_folder(path) {
        picture::write_folder(path, labels, table, file, monitor)
    } else if name.ends_with(".nrrd") {
        nrrd::write_labels(path, alone, table, monitor)
    } else if name.ends_with(".mha") {
        metaimage::write_labels(path, alone, monitor)
    } else if name.ends_with(".dcm") {
        dicom::write_labels(path, labels, table, file, monitor)
    } else if name.ends_with(".png") {
        picture::write_labels(path, labels, table, monitor)
    } else if name.ends_with(".tif") || name.ends_with(".tiff") {
        picture::write_tiff(path, labels, monitor)
    } else if name.ends_with(".coco.json") {
        picture::write_coco(path, labels, table, monitor)
    } else {
        nifti::write_labels(path, labels, source, monitor)
    }
}

/// Writes the masks of several frames, as [`write_labels`] writes one: as `.nii`, `.nii.gz`, `.nrrd` or `.mha` with a fourth axis.
/// The seconds between frames are told where they are known and the source does not say them.
///
/// # Errors
/// As [`write_labels`]; [`Error::OneMask`] for the other formats.
pub fn write_frames(
    path: &Path,
    (frames, step_s): (&[&LabelMap], Option<f64>),
    table: &LabelTable,
    source: Option<DrawnOn<'_>>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let header = match source {
        Some(DrawnOn::Nifti(header)) => Some(header),
        _ => None,
    };
    let name = lower_name(path);
    match frames {
        _ if is_nifti_name(&name) => nifti::write_label_frames(path, (frames, step_s), header, monitor),
        [only] => write_labels(path, only, table, source, monitor),
        _ if !holds_frames(path) => Err(Error::OneMask { n_frames: frames.len(), path: path.to_owned() }),
        _ if name.ends_with(".mha") => metaimage::write_labels(path, (frames, step_s), monitor),
        _ => nrrd::write_labels(path, (frames, step_s), table, monitor),
    }
}

/// Whether a path is a folder or ends as that of one.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().last().is_some_and(|&end| std::path::is_separator(end.into()))
}

/// Whether the format that a name says holds the masks of several frames.
pub fn holds_frames(path: &Path) -> bool {
    let name = lower_name(path);
    is_nifti_name(&name) || name.ends_with(".mha") || name.ends_with(".nrrd") && !name.ends_with(".seg.nrrd")
}

fn is_nifti_name(name: &str) -> bool {
    name.ends_with(".nii.gz") || name.ends_with(".nii")
}

/// Reads a label map and what a person should know about the file.
///
/// Masks stored as floats are accepted where every value is whole. A scaling in the header is applied, as every other
/// program does, and must give whole numbers too.
///
/// # Errors
/// As [`read_volume`], and [`Error::NotLabel`] for the first voxel that is no id, [`Error::NotLabelMap`] for
/// colours and time series.
pub fn read_labels(path: &Path, monitor: &dyn Monitor) -> Result<ReadLabels, Error> {
    read_label_frames(path, 1, monitor)
}

/// As [`read_labels`], of a file with one frame or this many.
fn read_label_frames(path: &Path, n_frames: usize, monitor: &dyn Monitor) -> Result<ReadLabels, Error> {
    let indexed = match Format::of(path)? {
        Format::Picture(format) => picture::read_indexed(path, format, monitor)?,
        Format::Pictures => picture::read_mask_folder(path, monitor)?,
        _ => None,
    };
    match indexed {
        Some(read) => Ok(read),
        None => ids_of_frames(path, n_frames, read_volume(path, monitor, &mut |_| {})?),
    }
}

/// The ids of what was read, where it has one frame or as many as these.
fn ids_of_frames(path: &Path, n_frames: usize, read: ReadVolume) -> Result<ReadLabels, Error> {
    let found = match (read.volume.n_frames(), n_frames) {
        (found, expected) if found == 1 || found == expected => return ids_of(path, read),
        (found, 1) => format!("{found} frames; save one frame as a 3D file, or open this as an image"),
        (found, expected) => format!("{found} frames, where the image has {expected}"),
    };
    Err(Error::NotLabelMap { found, path: path.to_owned() })
}

fn ids_of(path: &Path, read: ReadVolume) -> Result<ReadLabels, Error> {
    let ReadVolume { volume, table, mut warnings, .. } = read;
    let refused = |found: &str| Error::NotLabelMap { found: found.to_owned(), path: path.to_owned() };
    let scaling = volume.scaling();
    if scaling != Scaling::NONE {
        let Scaling { slope, intercept } = scaling;
        warnings.push(format!("The labels are stored scaled (slope {slope}, intercept {intercept}); this was undone."));
    }
    let grid = volume.grid().clone();
    let voxels = volume.into_voxels();
    let ids = match voxels {
        Voxels::U16(ids) if scaling == Scaling::NONE => ids,
        Voxels::U8(ids) if scaling == Scaling::NONE => ids.into_iter().map(u16::from).collect(),
        Voxels::U8(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::I8(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::U16(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::I16(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::U32(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::I32(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::U64(v) => ids(&v, |x| x as f64, scaling, &grid, path)?,
        Voxels::I64(v) => ids(&v, |x| x as f64, scaling, &grid, path)?,
        Voxels::F32(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::F64(v) => ids(&v, |x| x, scaling, &grid, path)?,
        Voxels::Rgb(_) | Voxels::Rgba(_) => return Err(refused("colours; open this as an image")),
    };
    let n_found = ids.len();
    let mask =
        |ids: &[u16]| LabelMap::new(grid.clone(), ids.to_vec()).map_err(|_| refused(&format!("{n_found} values")));
    let n_voxels = grid.n_voxels();
    let labels = mask(&ids[..n_voxels.min(n_found)])?;
    let later = ids[n_voxels..].chunks(n_voxels).map(mask).collect::<Result<_, _>>()?;
    Ok(ReadLabels { labels, later, table, warnings })
}

/// As [`read_labels`], for an image of this many frames on `grid`: the file may have as many. A file that holds labelled slices
/// alone is laid on that grid, where its slices lie there; a PNG among as many as the grid has slices stands for all of them.
///
/// # Errors
/// As [`read_labels`].
pub fn read_labels_on(path: &Path, grid: &Grid, n_frames: usize, monitor: &dyn Monitor) -> Result<ReadLabels, Error> {
    match Format::of(path)? {
        Format::Dicom => ids_of_frames(path, n_frames, dicom::read_labels_on(path, grid, monitor)?),
        Format::Picture(ImageFormat::Png) if picture::is_stack(path, grid, monitor) => {
            read_labels(path.parent().unwrap_or(path), monitor)
        }
        _ => read_label_frames(path, n_frames, monitor),
    }
}

/// Turns stored values into ids.
fn ids<T: Copy + Sync>(
    stored: &[T],
    number: impl Fn(T) -> f64 + Sync,
    scaling: Scaling,
    grid: &Grid,
    path: &Path,
) -> Result<Vec<u16>, Error> {
    let id = |at: usize| {
        let value = scaling.apply(number(stored[at]));
        let whole = value.round();
        let is_id = (0.0..=65535.0).contains(&whole) && (value - whole).abs() <= ROUNDING;
        is_id.then_some(whole as u16).ok_or((at, value))
    };
    let read: Result<Vec<u16>, (usize, f64)> = (0..stored.len()).into_par_iter().map(id).collect();
    read.map_err(|found| {
        // The threads race: look again for the first.
        let (at, value) = (0..stored.len()).find_map(|at| id(at).err()).unwrap_or(found);
        // Of a later frame as of the first.
        let voxel = grid.voxel(at % grid.n_voxels());
        Error::NotLabel { value, voxel, advice: advice(value), path: path.to_owned() }
    })
}

fn advice(value: f64) -> &'static str {
    if value.is_nan() {
        "replace values that are not numbers by 0"
    } else if value < 0.0 {
        "ids are never negative: is this an image?"
    } else if value > 65535.0 {
        "give the labels smaller ids"
    } else {
        "fractions come from interpolation: resample masks with the nearest neighbour, or open this as an image"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_named_after_its_file_without_the_format() {
        for (name, short) in
            [("scan.nii.gz", "scan"), ("scan.v2.nii", "scan.v2"), ("x.img", "x"), ("a.seg.nrrd", "a"), ("mask", "mask")]
        {
            assert_eq!(stem(name), short);
        }
    }

    #[test]
    fn a_name_that_says_no_format_is_refused() {
        let labels = LabelMap::empty(Grid::axis_aligned([1, 1, 1], [1.0; 3]).unwrap());
        let error = write_labels(Path::new("a.jpg"), &labels, &LabelTable::default(), None, &crate::monitor::Silent);
        assert!(matches!(error, Err(Error::Name { .. })));
    }
}
