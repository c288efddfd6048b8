//! NIfTI-1 and NIfTI-2: single files and pairs, compressed or not, either byte order.
//!
//! The header's bytes are kept as they were read ([`Header`]); labels are saved under a copy of them, so that what
//! places a mask in the world is the image's own, bit for bit.
//!
//! The `nifti` crate gives the names of the standard's codes and, in tests, a second opinion on NIfTI-1 headers. Its
//! readers are not used: they know no NIfTI-2, stop after the first member of a compressed file, reserve whatever a
//! header asks for, ignore `vox_offset`, panic on colours, and convert voxels to one type.

mod affine;
mod header;
mod layout;
mod parts;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use header::Header;
pub use read::{ReadVolume, read_header, read_volume};
pub use write::{write_label_frames, write_labels, write_probabilities, write_volume};
