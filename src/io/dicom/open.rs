//! Opens DICOM files, with the header that the standard asks for (PS3.10, 7.1) and without, as old devices and servers leave them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use dicom_dictionary_std::uids;
use dicom_object::{DefaultDicomObject, OpenFileOptions, Tag};

use crate::io::Error;
use crate::io::source::Source;

/// Bytes that tell whether a file is DICOM.
pub(in crate::io) const START_BYTES: usize = 132;

/// Explicit types, big-endian; retired, and still about.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Elements of group 8 that a data set begins with, in the order of their numbers.
const FIRST_ELEMENTS: [u16; 9] = [0x00, 0x01, 0x05, 0x06, 0x08, 0x12, 0x13, 0x16, 0x18];

/// The most bytes of such an element's value.
const MAX_FIRST_BYTES: u32 = 128;

/// Whether a file begins like a DICOM file: a preamble, then its mark; or at once with its data.
pub(in crate::io) fn is_dicom(start: &[u8]) -> bool {
    has_mark(start) || bare_syntax(start).is_some()
}

fn has_mark(start: &[u8]) -> bool {
    start.get(128..132) == Some(b"DICM")
}

/// The transfer syntax of a data set without a header, by its first element.
fn bare_syntax(start: &[u8]) -> Option<&'static str> {
    let &[a, b, c, d, e, f, g, h] = start.get(..8)?.as_array()?;
    let (little, big) = ([a, b, c, d].map(u16::from), [b, a, d, c].map(u16::from));
    let is_first = |[a, b, c, d]: [u16; 4]| a | b << 8 == 8 && FIRST_ELEMENTS.contains(&(c | d << 8));
    let is_explicit = e.is_ascii_uppercase() && f.is_ascii_uppercase();
    match (is_first(little), is_first(big), is_explicit) {
        (true, _, true) => Some(uids::EXPLICIT_VR_LITTLE_ENDIAN),
        (true, _, false) => {
            (u32::from_le_bytes([e, f, g, h]) <= MAX_FIRST_BYTES).then_some(uids::IMPLICIT_VR_LITTLE_ENDIAN)
        }
        (_, true, true) => Some(BIG_ENDIAN),
        _ => None,
    }
}

/// The first bytes of a file.
///
/// # Errors
/// What the system reports.
pub(super) fn start(path: &Path) -> Result<Vec<u8>, Error> {
    let mut start = vec![0; START_BYTES];
    let n = Source::open(path)?.fill(&mut start)?;
    start.truncate(n);
    Ok(start)
}

/// Opens a file, whole or `until` an element.
///
/// # Errors
/// [`Error::Dicom`] for what is no DICOM.
pub(super) fn open(path: &Path, until: Option<Tag>) -> Result<DefaultDicomObject, Error> {
    let options = OpenFileOptions::new();
    let options = if let Some(tag) = until { options.read_until(tag) } else { options };
    let start = start(path)?;
    let opened = match bare_syntax(&start).filter(|_| !has_mark(&start)) {
        Some(syntax) => {
            let file = File::open(path).map_err(|error| Error::reading(path, error))?;
            options.from_reader(header(syntax).as_slice().chain(file))
        }
        None => options.open_file(path),
    };
    opened.map_err(|error| Error::Dicom { reason: error.to_string(), path: path.to_owned() })
}

/// The header that a file should have had: that its data are written in `syntax`.
fn header(syntax: &str) -> Vec<u8> {
    let mut uid = syntax.as_bytes().to_vec();
    uid.resize(uid.len().next_multiple_of(2), 0);
    let element = |number: u8, kind: &[u8; 2], value: &[u8]| {
        [&[2, 0, number, 0], &kind[..], &(value.len() as u16).to_le_bytes(), value].concat()
    };
    let syntax = element(0x10, b"UI", &uid);
    let length = element(0, b"UL", &(syntax.len() as u32).to_le_bytes());
    [&[0; 128], &b"DICM"[..], &length, &syntax].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_without_a_header_are_known_by_their_first_element() {
        for (start, syntax) in [
            (&b"\x08\0\x05\0CS\x0A\0"[..], Some(uids::EXPLICIT_VR_LITTLE_ENDIAN)),
            (b"\x08\0\0\0\x04\0\0\0", Some(uids::IMPLICIT_VR_LITTLE_ENDIAN)),
            (b"\0\x08\0\x05CS\0\x0A", Some(BIG_ENDIAN)),
            (b"\x08\0\x05\0\0\0\0\x10", None),
            (b"\x08\0\x07\0CS\x0A\0", None),
            (b"\x5C\x01\0\0\0\0\0\0", None),
            (b"\x08\0", None),
        ] {
            assert_eq!(bare_syntax(start), syntax, "{start:?}");
        }
    }
}
