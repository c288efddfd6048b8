//! What the header of one file says of its place and its pixels.

use std::path::{Path, PathBuf};

use dicom_dictionary_std::{tags, uids};
use dicom_object::mem::InMemDicomObject;
use dicom_object::{DefaultDicomObject, Tag};
use glam::DVec3;

use super::open::open;
use super::timing::Timing;
use crate::io::Error;
use crate::io::voxels::check_size_on_disk;

/// One file without its pixels.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub path: PathBuf,
    /// UIDs of its class and of itself.
    pub sop: [String; 2],
    pub series: String,
    pub modality: Option<String>,
    pub series_number: Option<i64>,
    pub instance: Option<i64>,
    /// Columns and rows.
    pub size: [usize; 2],
    pub n_frames: usize,
    pub samples: usize,
    /// Where the frames lie, one each; empty where the file does not say.
    pub places: Vec<Place>,
    /// Between columns and between rows, in millimetres.
    pub pixel_mm: Option<[f64; 2]>,
    /// From one slice to the next, where an enhanced file says so.
    pub slice_mm: Option<f64>,
    /// For all frames.
    pub rescale: Rescale,
    /// When its frames were taken.
    pub timing: Timing,
}

/// Where a slice lies, in the patient's left, posterior, superior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// The middle of the first pixel.
    pub origin: DVec3,
    /// Along a row, towards higher columns.
    pub along_row: DVec3,
    /// Down a column, towards higher rows.
    pub down_column: DVec3,
}

impl Place {
    pub fn normal(&self) -> DVec3 {
        self.along_row.cross(self.down_column)
    }
}

/// Intensity from stored value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rescale {
    pub slope: f64,
    pub intercept: f64,
}

impl Head {
    /// Reads a header up to its pixels.
    ///
    /// # Errors
    /// [`Error::Dicom`] for what is no image.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let object = open(path, Some(tags::PIXEL_DATA))?;
        Self::of(&object, path)
    }

    /// # Errors
    /// [`Error::Dicom`] for what is no image.
    pub fn of(object: &DefaultDicomObject, path: &Path) -> Result<Self, Error> {
        let missing =
            |what: &str| Error::Dicom { reason: format!("it has no {what}: is it an image?"), path: path.to_owned() };
        let size = |tag, what| number(object, tag).filter(|&n| n > 0).map(|n| n as usize).ok_or_else(|| missing(what));
        let [columns, rows] = [size(tags::COLUMNS, "Columns")?, size(tags::ROWS, "Rows")?];
        let n_frames = number(object, tags::NUMBER_OF_FRAMES).filter(|&n| n > 0).unwrap_or(1) as usize;
        check_size_on_disk(path, n_frames as u64)?;
        let shared = item(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0);
        Ok(Self {
            path: path.to_owned(),
            sop: [tags::SOP_CLASS_UID, tags::SOP_INSTANCE_UID].map(|tag| text(object, tag).unwrap_or_default()),
            series: text(object, tags::SERIES_INSTANCE_UID).unwrap_or_default(),
            modality: text(object, tags::MODALITY),
            series_number: number(object, tags::SERIES_NUMBER),
            instance: number(object, tags::INSTANCE_NUMBER),
            size: [columns, rows],
            n_frames,
            samples: number(object, tags::SAMPLES_PER_PIXEL).unwrap_or(1).clamp(1, 4) as usize,
            places: places(object, shared, n_frames),
            pixel_mm: pixel_mm(object, shared),
            slice_mm: slice_mm(object, shared),
            rescale: rescale(object, shared),
            timing: Timing::of(object, n_frames),
        })
    }

    /// Its frames are masks of segments.
    pub fn is_segmentation(&self) -> bool {
        [uids::SEGMENTATION_STORAGE, uids::LABEL_MAP_SEGMENTATION_STORAGE].contains(&self.sop[0].as_str())
    }
}

/// Where each frame lies; of an enhanced file by its functional groups. Empty where one is missing.
fn places(object: &InMemDicomObject, shared: Option<&InMemDicomObject>, n_frames: usize) -> Vec<Place> {
    let place = |group: Option<&InMemDicomObject>| {
        let within = |sequence, tag| {
            let of = |group: &InMemDicomObject| numbers(item(group, sequence, 0)?, tag);
            group.and_then(of).or_else(|| shared.and_then(of))
        };
        let position = within(tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT)
            .or_else(|| numbers(object, tags::IMAGE_POSITION_PATIENT));
        let orientation = within(tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT)
            .or_else(|| numbers(object, tags::IMAGE_ORIENTATION_PATIENT));
        match (position.as_deref(), orientation.as_deref()) {
            (Some(&[x, y, z]), Some(&[a, b, c, d, e, f])) => {
                let (along_row, down_column) = (DVec3::new(a, b, c), DVec3::new(d, e, f));
                let is_good = along_row.cross(down_column).length() > 0.5;
                is_good.then_some(Place { origin: DVec3::new(x, y, z), along_row, down_column })
            }
            _ => None,
        }
    };
    let groups = |frame: usize| item(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame);
    let has_groups = groups(0).is_some();
    // Frames without places of their own are no slices.
    let n_places = if has_groups { n_frames } else { 1 };
    let places: Option<Vec<Place>> = (0..n_places).map(|frame| place(groups(frame))).collect();
    places.unwrap_or_default()
}

fn pixel_mm(object: &InMemDicomObject, shared: Option<&InMemDicomObject>) -> Option<[f64; 2]> {
    let measures =
        |group: &InMemDicomObject| numbers(item(group, tags::PIXEL_MEASURES_SEQUENCE, 0)?, tags::PIXEL_SPACING);
    let first = item(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, 0);
    let spacing = shared
        .and_then(measures)
        .or_else(|| first.and_then(measures))
        .or_else(|| numbers(object, tags::PIXEL_SPACING))
        .or_else(|| numbers(object, tags::IMAGER_PIXEL_SPACING));
    // Between rows comes first.
    if let Some(&[between_rows, between_columns]) = spacing.as_deref() {
        return Some([between_columns, between_rows]).filter(|mm| mm.iter().all(|&mm| mm > 0.0));
    }
    let region = item(object, tags::SEQUENCE_OF_ULTRASOUND_REGIONS, 0)?;
    const CENTIMETRES: i64 = 3;
    let delta = |units, tag| {
        let in_cm = number(region, units) == Some(CENTIMETRES);
        numbers(region, tag)?.first().map(|cm| cm.abs() * 10.0).filter(|&mm| in_cm && mm > 0.0)
    };
    Some([
        delta(tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_DELTA_X)?,
        delta(tags::PHYSICAL_UNITS_Y_DIRECTION, tags::PHYSICAL_DELTA_Y)?,
    ])
}

fn slice_mm(object: &InMemDicomObject, shared: Option<&InMemDicomObject>) -> Option<f64> {
    let first = item(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, 0);
    let measures = [shared, first].into_iter().flatten().find_map(|of| item(of, tags::PIXEL_MEASURES_SEQUENCE, 0))?;
    let of = |tag| numbers(measures, tag)?.first().copied().filter(|&mm| mm > 0.0);
    of(tags::SPACING_BETWEEN_SLICES).or_else(|| of(tags::SLICE_THICKNESS))
}

fn rescale(object: &InMemDicomObject, shared: Option<&InMemDicomObject>) -> Rescale {
    let transformation = |group: &InMemDicomObject| item(group, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, 0).cloned();
    let first = item(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, 0);
    let group = shared.and_then(transformation).or_else(|| first.and_then(transformation));
    let within = group.as_ref().unwrap_or(object);
    let value = |tag| numbers(within, tag).and_then(|values| values.first().copied());
    let slope = value(tags::RESCALE_SLOPE).filter(|&slope| slope != 0.0);
    Rescale { slope: slope.unwrap_or(1.0), intercept: value(tags::RESCALE_INTERCEPT).unwrap_or(0.0) }
}

pub(super) fn text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    let text = object.get(tag)?.to_str().ok()?;
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn number(object: &InMemDicomObject, tag: Tag) -> Option<i64> {
    object.get(tag)?.to_int().ok()
}

/// Finite numbers; `None` where one is not.
pub(super) fn numbers(object: &InMemDicomObject, tag: Tag) -> Option<Vec<f64>> {
    let numbers = object.get(tag)?.to_multi_float64().ok()?;
    numbers.iter().all(|number| number.is_finite()).then_some(numbers)
}

pub(super) fn item(object: &InMemDicomObject, tag: Tag, at: usize) -> Option<&InMemDicomObject> {
    object.get(tag)?.items()?.get(at)
}
