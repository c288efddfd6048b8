//! A file that one program holds.

use std::fs::{File, OpenOptions, TryLockError};
use std::ops::{Deref, DerefMut};
use std::path::Path;

use super::JournalError;
use crate::io::Error;

/// A file that this program alone may write, until it is dropped.
#[derive(Debug)]
pub(super) struct Held(File);

impl Held {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// [`JournalError::InUse`] where another window holds it, and what the system reports.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        Self::new(file.map_err(|source| Error::reading(path, source))?, path)
    }

    /// Takes an open file.
    ///
    /// # Errors
    /// [`JournalError::InUse`] where another window holds it.
    pub fn new(file: File, path: &Path) -> Result<Self, JournalError> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse { path: path.to_owned() }),
            // Some file systems have no locks. Two windows that offer the same work are better than work that is not kept.
            Err(TryLockError::Error(error)) => {
                log::warn!("the journal cannot be locked: {error} ({})", path.display());
            }
        }
        Ok(Self(file))
    }
}

/// To close the file is not enough: a process that another thread is about to start has it open as well for a moment.
impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            log::debug!("a journal stays locked until it is closed: {error}");
        }
    }
}

impl Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_let_go_even_where_another_process_has_it_open_for_a_moment() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let held = Held::open(file.path()).unwrap();
        assert!(matches!(Held::open(file.path()), Err(JournalError::InUse { .. })));
        // What a process has between its fork and its own program.
        let _inherited = held.try_clone().unwrap();
        drop(held);
        Held::open(file.path()).unwrap();
    }
}
