//! Bytes ↔ domain, one format a file.
//!
//! Files are written by others, by mistake and by fuzzers: nothing here believes a size that the file cannot back, and
//! nothing panics. Trouble is one [`Error`] that says what was expected, what was found, where, and what to do next.
//! What can be worked around is a warning beside the result.

pub mod dataset;
mod error;
pub mod journal;
pub mod label_table;
pub mod nifti;
pub mod provenance;
mod replace;
pub mod text;

pub use error::Error;
