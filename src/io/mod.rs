//! Bytes ↔ domain, one format a file.
//!
//! Files are written by others, by mistake and by fuzzers: nothing here believes a size that the file cannot back, and
//! nothing panics. Trouble is one [`Error`] that says what was expected, what was found, where, and what to do next.
//! What can be worked around is a warning beside the result.

pub mod dataset;
mod dicom;
mod error;
mod formats;
mod ids;
pub mod journal;
pub mod label_table;
mod metaimage;
pub mod nifti;
mod nrrd;
mod picture;
pub mod provenance;
mod replace;
mod source;
pub mod text;
mod voxels;

pub use error::Error;
pub use formats::{
    DrawnOn, ReadLabels, ReadVolume, check_label_path, holds_frames, is_label_path, read_labels, read_labels_on,
    read_volume, stem, write_frames, write_labels,
};
pub use voxels::MAX_IMAGE_BYTES;
