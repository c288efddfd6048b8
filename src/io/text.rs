//! Text and pictures for other programs, such as tables of numbers and plots.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::Error;
use super::replace::replace;

/// Writes a text file in UTF-8, whole or not at all.
///
/// # Errors
/// What the system reports; a file that was there before is then untouched.
pub fn write(path: &Path, text: &str) -> Result<(), Error> {
    write_bytes(path, text.as_bytes())
}

/// Writes bytes, such as a picture's, whole or not at all.
///
/// # Errors
/// As [`write()`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = |file: &mut File| file.write_all(bytes).map_err(|error| Error::writing(path, error));
    replace(path, write, |_| Ok(()))
}
