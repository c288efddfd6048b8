//! DICOM files and series, as far as images go: single slices, series in a folder, frames of one file; and segmentations, which
//! are written too.
//!
//! What names a patient is copied from a series into the segmentation drawn on it, and goes nowhere else: a case is called by its
//! modality and series number, and errors name files and tags alone.

mod head;
mod open;
mod pixels;
mod seg;
mod series;
mod timing;

use std::path::Path;

use self::head::Head;
pub(super) use self::open::{START_BYTES, is_dicom};
pub(super) use self::seg::{read_labels_on, write_labels};
pub(super) use self::series::read_volume;

/// What a case is called.
fn name(head: &Head) -> String {
    let modality = head.modality.as_deref().unwrap_or("DICOM");
    match head.series_number {
        Some(number) => format!("{modality} series {number}"),
        None => format!("{modality} image"),
    }
}

/// Whether a path is a folder that holds DICOM files.
pub(super) fn is_series_folder(path: &Path) -> bool {
    path.is_dir() && series::files(path).is_ok_and(|mut files| files.next().is_some())
}
