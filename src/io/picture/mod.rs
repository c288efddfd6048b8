//! Pictures: PNG, JPEG, TIFF, BMP and GIF, as a volume of one slice, of pages (TIFF) or of frames (GIF).
//!
//! A picture says nothing of a patient's sides and, as a rule, nothing of millimetres: its grid is
//! [`Space::Picture`](crate::domain::Space::Picture), its columns run right and its rows down, whatever the convention.
//!
//! Several pictures of one size in a folder are the slices of one volume, or frames where they are called so.
//!
//! Masks of pictures are written as PNG, indexed with the labels' colours where ids go up to 255, else of 16 bits, as TIFF with a
//! page for each slice, and as COCO's JSON.

mod coco;
mod folder;
mod masks;
mod palette;
mod read;
mod size;
mod tiff_pages;
mod write;

pub(super) use coco::write_labels as write_coco;
pub(super) use folder::{is_pattern, read_volume as read_folder};
pub(super) use masks::{is_stack, read_labels as read_mask_folder, write_labels as write_folder};
pub(super) use read::{format, read_volume};
pub(super) use tiff_pages::write_labels as write_tiff;
pub(super) use write::write_labels;

use std::path::Path;

use image::ImageFormat;

use crate::io::{Error, ReadLabels};
use crate::monitor::Monitor;

/// Reads a picture whose pixels are numbers of colours as labels of these ids and colours; `None` of any other one.
///
/// # Errors
/// [`Error`], of what cannot be decoded.
pub(super) fn read_indexed(
    path: &Path,
    format: ImageFormat,
    monitor: &dyn Monitor,
) -> Result<Option<ReadLabels>, Error> {
    let damaged = |reason: String| Error::Picture { reason, path: path.to_owned() };
    match format {
        ImageFormat::Png => {
            let read = write::read_indexed(path)?;
            Ok(read.map(|(labels, table)| ReadLabels {
                labels,
                later: Vec::new(),
                table: Some(table),
                warnings: Vec::new(),
            }))
        }
        ImageFormat::Tiff => palette::read(path, monitor)?.map(|read| read.into_labels().map_err(damaged)).transpose(),
        _ => Ok(None),
    }
}
