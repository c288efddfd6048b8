//! What a segmentation says of the series that it was drawn on.

use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::Tag;
use dicom_object::mem::InMemElement;

use crate::domain::Grid;
use crate::io::Error;
use crate::io::dicom::head::Head;
use crate::io::dicom::open::{open, start};
use crate::io::dicom::series::{self, Stack};
use crate::io::dicom::{is_dicom, is_series_folder};
use crate::io::picture;
use crate::monitor::Monitor;

/// Patient, study, frame of reference, and what compression has lost.
const COPIED: [Tag; 23] = [
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::PATIENT_SIZE,
    tags::PATIENT_WEIGHT,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::DEIDENTIFICATION_METHOD,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_ID,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::STUDY_DESCRIPTION,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::FRAME_OF_REFERENCE_UID,
    tags::POSITION_REFERENCE_INDICATOR,
    tags::BODY_PART_EXAMINED,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
];

/// A series as others refer to it. Not printable: it holds a patient's name.
pub(super) struct Reference {
    /// Of the first file, as far as it has them.
    pub copied: Vec<InMemElement>,
    /// Its UID.
    pub series: String,
    /// UIDs of class and instance of each file.
    pub instances: Vec<[String; 2]>,
    slices: Vec<Option<SliceSource>>,
}

/// Where a slice was read from.
#[derive(Clone, Copy)]
pub(super) struct SliceSource {
    /// Which of the instances.
    pub instance: usize,
    /// Counted from 1; of a file that has several.
    pub frame: Option<usize>,
}

impl Reference {
    /// Reads the series that `path` stands for again, whose slices, or frames of time, are those of `grid`; `None` where it is no DICOM image.
    ///
    /// # Errors
    /// What the system reports, [`Error::Dicom`], and [`Error::OtherGrid`] where the series has changed.
    pub fn read(path: &Path, grid: &Grid, monitor: &dyn Monitor) -> Result<Option<Self>, Error> {
        if !is_image(path)? {
            return Ok(None);
        }
        let mut heads = series::heads(path, monitor, &mut Vec::new())?;
        let copied = copied(&heads[0].path)?;
        let series = heads[0].series.clone();
        let mut slices = Vec::new();
        // A segmentation that was opened as an image refers to none.
        if heads[0].is_segmentation() {
            heads.clear();
        } else {
            let stack = Stack::of(heads, &mut Vec::new(), path)?;
            if let Some(difference) = stack.grid.differs_from(&grid.of_one_time()) {
                return Err(Error::OtherGrid { difference, path: path.to_owned() });
            }
            let of_frame = |frame: &series::Frame| {
                let is_one_of_many = stack.files[frame.file].n_frames > 1;
                SliceSource { instance: frame.file, frame: is_one_of_many.then_some(frame.frame + 1) }
            };
            slices = stack.frames.iter().map(|frame| frame.as_ref().map(of_frame)).collect();
            heads = stack.files;
        }
        let instances = heads.into_iter().map(|head: Head| head.sop).collect();
        Ok(Some(Self { copied, series, instances, slices }))
    }

    /// Where slice or frame `k` of the grid was read from, where it is known.
    pub fn slice(&self, k: usize) -> Option<SliceSource> {
        self.slices.get(k).copied().flatten()
    }
}

fn is_image(path: &Path) -> Result<bool, Error> {
    if path.is_dir() {
        return Ok(is_series_folder(path));
    }
    if picture::is_pattern(path) {
        return Ok(false);
    }
    Ok(is_dicom(&start(path)?))
}

fn copied(path: &Path) -> Result<Vec<InMemElement>, Error> {
    let object = open(path, Some(tags::PIXEL_DATA))?;
    Ok(COPIED.iter().filter_map(|&tag| object.get(tag).cloned()).collect())
}
