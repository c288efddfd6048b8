//! Pictures: PNG, JPEG, TIFF, BMP and GIF, as a volume of one slice, of pages (TIFF) or of frames (GIF).
//!
//! A picture says nothing of a patient's sides and, as a rule, nothing of millimetres: its grid is
//! [`Space::Picture`](crate::domain::Space::Picture), its columns run right and its rows down, whatever the convention.
//!
//! Several pictures of one size in a folder are the slices of one volume.
//!
//! Masks of pictures are written as PNG, indexed with the labels' colours where ids go up to 255, else of 16 bits, as TIFF with a
//! page for each slice, and as COCO's JSON.

mod coco;
mod folder;
mod read;
mod size;
mod tiff_pages;
mod write;

pub(super) use coco::write_labels as write_coco;
pub(super) use folder::{is_pattern, read_volume as read_folder};
pub(super) use read::{format, read_volume};
pub(super) use tiff_pages::write_labels as write_tiff;
pub(super) use write::{read_indexed, write_labels};
