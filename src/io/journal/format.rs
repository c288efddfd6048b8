//! Records as bytes: `length: u64, kind: u8, checksum: u32, payload`, little-endian, the checksum (CRC-32) over length,
//! kind and payload.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::Crc;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Header, JournalError, Record, Saved};
use crate::domain::{FrameEdits, LabelTable};
use crate::io::Error;
use crate::io::provenance::ModelRun;

/// The first bytes of every journal.
const MAGIC: [u8; 8] = *b"LDSEGJNL";
/// Of the masks of several frames, which version 1 could not hold.
pub(super) const VERSION: u32 = 2;
/// Where the version stands in a file.
pub(super) const VERSION_AT: u64 = MAGIC.len() as u64;
/// Of one mask alone.
const VERSION_OF_ONE: u32 = 1;
/// Magic and version.
const N_OPENING_BYTES: usize = 12;
/// Length, kind and checksum.
const N_HEAD_BYTES: usize = 13;

const HEADER: u8 = 0;
const BASE: u8 = 1;
const APPLIED: u8 = 2;
const UNDONE: u8 = 3;
const REDONE: u8 = 4;
const TABLE: u8 = 5;
const SAVED: u8 = 6;
const MODEL: u8 = 7;
const PIXEL_SIZE: u8 = 8;
const BASE_OF_FRAMES: u8 = 9;
const APPLIED_IN_FRAMES: u8 = 10;

/// A record that was read. Edits are still bytes, since counting records needs no edits.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Base(Vec<u8>),
    BaseOfFrames(Vec<u8>),
    Applied(Vec<u8>),
    AppliedInFrames(Vec<u8>),
    Undone,
    Redone,
    Table(LabelTable),
    Saved(Saved),
    Model(ModelRun),
    PixelSize(Option<f64>),
}

/// The first bytes of a journal, its header included.
pub(super) fn opening(header: &Header) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let version = if header.n_frames > 1 { VERSION } else { VERSION_OF_ONE };
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend(frame(HEADER, &json(header)));
    bytes
}

/// A record with its length and checksum.
pub(super) fn framed(record: &Record<'_>) -> Vec<u8> {
    match record {
        Record::Base(edit) => frame(BASE, &edit.map(|edit| edit.to_bytes()).unwrap_or_default()),
        Record::BaseOfFrames(edits) => frame(BASE_OF_FRAMES, &edits.map(FrameEdits::to_bytes).unwrap_or_default()),
        Record::Applied(edits) => match (edits.parts(), edits.one_for_all()) {
            // The only mask of most images is told as it always was.
            ([(0, edit)], None) => frame(APPLIED, &edit.to_bytes()),
            _ => frame(APPLIED_IN_FRAMES, &edits.to_bytes()),
        },
        Record::Undone => frame(UNDONE, &[]),
        Record::Redone => frame(REDONE, &[]),
        Record::Table(table) => frame(TABLE, &json(table)),
        Record::Model(run) => frame(MODEL, &json(run)),
        Record::PixelSize(pixel_mm) => frame(PIXEL_SIZE, &json(pixel_mm)),
        Record::Saved(saved) => frame(SAVED, &json(saved)),
    }
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(N_HEAD_BYTES + payload.len());
    bytes.extend_from_slice(&length);
    bytes.push(kind);
    bytes.extend_from_slice(&checksum(length, kind, payload).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn checksum(length: [u8; 8], kind: u8, payload: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&length);
    crc.update(&[kind]);
    crc.update(payload);
    crc.sum()
}

/// Numbers, text and lists of them: JSON can say them all.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Reads a journal record by record.
pub(super) struct Steps<'a> {
    source: BufReader<&'a File>,
    path: &'a Path,
    n_bytes: u64,
    /// Where the last whole record ends.
    end: u64,
}

impl<'a> Steps<'a> {
    /// Reads the header of a file from its beginning.
    pub fn open(file: &'a File, path: &'a Path) -> Result<(Header, Self), JournalError> {
        let reading = |source| Error::reading(path, source);
        let n_bytes = file.metadata().map_err(reading)?.len();
        let mut steps = Self { source: BufReader::with_capacity(1 << 16, file), path, n_bytes, end: 0 };
        let foreign = |fault: &str| JournalError::NotJournal { fault: fault.to_owned(), path: path.to_owned() };
        let mut opening = [0; N_OPENING_BYTES];
        steps.source.read_exact(&mut opening).map_err(|_| foreign("it is too short"))?;
        let (magic, version) = opening.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(foreign("it begins in another way"));
        }
        let found = version.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte));
        if found != VERSION && found != VERSION_OF_ONE {
            return Err(JournalError::Version { found, expected: VERSION, path: path.to_owned() });
        }
        steps.end = N_OPENING_BYTES as u64;
        let header = match steps.frame() {
            Some((HEADER, payload)) => parse(&payload),
            _ => None,
        };
        Ok((header.ok_or_else(|| foreign("its header is damaged"))?, steps))
    }

    /// Where the last whole record ends, in bytes from the beginning.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// What follows the last whole record and is no record.
    pub fn n_torn_bytes(&self) -> u64 {
        self.n_bytes.saturating_sub(self.end)
    }

    /// The next record; `None` at the end, or at bytes that are none.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; N_HEAD_BYTES];
        self.source.read_exact(&mut head).ok()?;
        let (length, rest) = head.split_first_chunk::<8>()?;
        let (kind, expected) = rest.split_first()?;
        let n_payload_bytes = u64::from_le_bytes(*length);
        let end = self.end.checked_add(N_HEAD_BYTES as u64)?.checked_add(n_payload_bytes)?;
        // A length that the file does not back is not believed.
        if end > self.n_bytes {
            return None;
        }
        let mut payload = vec![0; usize::try_from(n_payload_bytes).ok()?];
        if let Err(error) = self.source.read_exact(&mut payload) {
            log::warn!("the journal could not be read on: {error} ({})", self.path.display());
            return None;
        }
        if checksum(*length, *kind, &payload).to_le_bytes() != expected {
            return None;
        }
        self.end = end;
        Some((*kind, payload))
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let before = self.end;
        let step = match self.frame()? {
            (BASE, edit) => Some(Step::Base(edit)),
            (BASE_OF_FRAMES, edits) => Some(Step::BaseOfFrames(edits)),
            (APPLIED, edit) => Some(Step::Applied(edit)),
            (APPLIED_IN_FRAMES, edits) => Some(Step::AppliedInFrames(edits)),
            (UNDONE, _) => Some(Step::Undone),
            (REDONE, _) => Some(Step::Redone),
            (TABLE, payload) => parse(&payload).map(Step::Table),
            (MODEL, payload) => parse(&payload).map(Step::Model),
            (PIXEL_SIZE, payload) => parse(&payload).map(Step::PixelSize),
            (SAVED, payload) => parse(&payload).map(Step::Saved),
            _ => None,
        };
        if step.is_none() {
            self.end = before;
        }
        step
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}
