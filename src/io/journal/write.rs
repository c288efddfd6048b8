//! The living end of a journal: one file, held by one program, that only grows.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::format::{VERSION, VERSION_AT, framed, opening};
use super::held::Held;
use super::{Header, JournalError, Record};
use crate::io::Error;

/// What a journal's file name ends in.
pub(super) const ENDING: &str = "journal";

/// A journal that this program holds and writes. Dropping it lets go of the file and leaves it where it is.
#[derive(Debug)]
pub struct Journal {
    file: Held,
    path: PathBuf,
    /// Where the last whole record ends.
    n_bytes: u64,
}

impl Journal {
    /// A new journal in `folder`, which is made where it is missing. Only this person may read either.
    ///
    /// # Errors
    /// [`JournalError::File`] with what the system reports; no file is left then.
    pub fn create(folder: &Path, header: &Header) -> Result<Self, JournalError> {
        make_folder(folder).map_err(|source| Error::writing(folder, source))?;
        let (file, path) = new_file(folder, header)?;
        let mut journal = Self { file: Held::new(file, &path)?, path, n_bytes: 0 };
        if let Err(error) = journal.write(&opening(header)) {
            journal.remove().unwrap_or_else(|error| log::warn!("{error}"));
            return Err(error);
        }
        Ok(journal)
    }

    /// A journal that was read up to `n_bytes` and goes on from there; what follows is cut off.
    pub(super) fn resume(file: Held, path: PathBuf, n_bytes: u64) -> Result<Self, JournalError> {
        file.set_len(n_bytes).map_err(|source| Error::writing(&path, source))?;
        Ok(Self { file, path, n_bytes })
    }

    /// Makes a journal that an older program began on one mask one of several, so that such a program does not take their records
    /// for a torn end.
    pub(super) fn say_that_frames_follow(&mut self) -> Result<(), JournalError> {
        let written =
            self.file.seek(SeekFrom::Start(VERSION_AT)).and_then(|_| self.file.write_all(&VERSION.to_le_bytes()));
        written.map_err(|source| Error::writing(&self.path, source).into())
    }

    /// Adds a record, in one write. It outlives this program at once, and the machine once [synced](Journal::sync).
    ///
    /// # Errors
    /// [`JournalError::File`] with what the system reports; the journal is then as it was before.
    pub fn append(&mut self, record: &Record<'_>) -> Result<(), JournalError> {
        self.write(&framed(record))
    }

    /// Waits until all records are safe from a power cut.
    ///
    /// # Errors
    /// [`JournalError::File`] with what the system reports.
    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|source| Error::writing(&self.path, source).into())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the file away: all work is saved, or nobody wants it.
    ///
    /// # Errors
    /// [`JournalError::File`] with what the system reports.
    pub fn remove(self) -> Result<(), JournalError> {
        std::fs::remove_file(&self.path).map_err(|source| Error::writing(&self.path, source).into())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let written = self.file.seek(SeekFrom::Start(self.n_bytes)).and_then(|_| self.file.write_all(bytes));
        if let Err(source) = written {
            // A part of the record may be there: reading would stop at it and miss what is written later.
            if let Err(error) = self.file.set_len(self.n_bytes) {
                log::warn!("the journal has a torn record: {error} ({})", self.path.display());
            }
            return Err(Error::writing(&self.path, source).into());
        }
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A file of a name that no other has, named after the moment.
fn new_file(folder: &Path, header: &Header) -> Result<(File, PathBuf), JournalError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut serial = 0;
    loop {
        let name = format!("{}-{}-{serial}.{ENDING}", header.started_s, std::process::id());
        let path = folder.join(name);
        match options.open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => serial += 1,
            Err(error) => return Err(Error::writing(&path, error).into()),
        }
    }
}
