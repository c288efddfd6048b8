//! Segmentations (DICOM PS3.3, A.51): masks of segments, one frame for each slice that a segment lies in.
//!
//! A file numbers its segments from 1 on, without gaps. The ids of labels go into a private element beside, so that they come back.

mod color;
mod frames;
mod read;
mod reference;
mod write;

pub(super) use self::read::read_volume;
pub(in crate::io) use self::{read::read_labels_on, write::write_labels};

/// Group, creator and number of the private element of a segment that holds the label's id.
const LABEL_ID: (u16, &str, u8) = (0x0063, "LDSEG", 0x01);
