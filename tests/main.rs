//! The one integration test binary: what holds for the program and the repository as a whole.
//!
//! - `cli`: the real binary, from its exit codes to the sentences it prints about bad files
//! - `dicom`: series and frames are put together as SimpleITK puts them
//! - `formats`: images of other programs lie where they say, and masks where they are read
//! - `interpolation`: shapes of which a few slices were drawn come back
//! - `journal`: what a killed program leaves is what was painted
//! - `segment_grid`: masks lie where their images lie, as nibabel sees it too
//! - `readme`: the commands that the README shows exist
//! - `tidy`: who imports whom, how long files are, where colours and threads come from

mod cli;
mod dicom;
mod formats;
mod interpolation;
mod journal;
mod program;
mod readme;
mod segment_grid;
mod tidy;
