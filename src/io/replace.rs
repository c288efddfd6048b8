//! Replaces a file whole or not at all: a temporary file in the same folder, written, synced, checked, renamed. Several files
//! of a folder likewise.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Error;

/// Writes `path` through `write`, lets `check` read back what reached the disk, and only then puts it in place.
///
/// Whatever fails, a file that was there before is untouched and no other file is left behind. A symbolic link is
/// followed, so that it goes on pointing at the file.
///
/// # Errors
/// What `write` and `check` return, and [`Error`] for what the system reports.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), Error>,
    check: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    if path.is_dir() {
        return Err(Error::IsFolder { path: path.to_owned() });
    }
    let writing = |source| Error::writing(path, source);
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut temporary = new_temporary(&target).tempfile_in(&folder).map_err(writing)?;
    write(temporary.as_file_mut())?;
    temporary.as_file().sync_all().map_err(writing)?;
    check(temporary.path())?;
    temporary.persist(&target).map_err(|failed| writing(failed.error))?;
    sync_folder(&folder);
    Ok(())
}

/// Puts files of these names into a folder, which is made where it is not there: `write` gets the number and the path of each in
/// a temporary folder, and only when all are written each is put in its place.
///
/// # Errors
/// What `write` returns, and [`Error`] for what the system reports. Until all are written nothing is replaced.
pub(super) fn replace_all(
    folder: &Path,
    names: &[String],
    mut write: impl FnMut(usize, &Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let writing = |source| Error::writing(folder, source);
    std::fs::create_dir_all(folder).map_err(writing)?;
    let temporary = tempfile::Builder::new().prefix(".ldseg-").suffix(".part").tempdir_in(folder).map_err(writing)?;
    for (n, name) in names.iter().enumerate() {
        write(n, &temporary.path().join(name))?;
    }
    for name in names {
        std::fs::rename(temporary.path().join(name), folder.join(name)).map_err(writing)?;
    }
    sync_folder(folder);
    Ok(())
}

/// A temporary file with the rights of the file that it replaces, or those of any new file.
fn new_temporary(target: &Path) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ldseg-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The system takes the umask off again.
        let mode = target.metadata().map_or(0o666, |known| known.permissions().mode() & 0o777);
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = target;
    builder
}

/// Makes the new name last through a power cut. The voxels are safe already: where a file system cannot sync a folder
/// that is worth a line in the log, not a failed save.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        log::warn!("cannot sync the folder {}: {error}", folder.display());
    }
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
        replace(path, |file| file.write_all(bytes).map_err(|e| Error::writing(path, e)), |_| Ok(()))
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        put(&path, b"old").unwrap();
        let fail = || Error::DiskFull { path: path.clone() };
        replace(&path, |_| Err(fail()), |_| Ok(())).unwrap_err();
        replace(&path, |file| file.write_all(b"new").map_err(|e| Error::writing(&path, e)), |_| Err(fail()))
            .unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        put(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = put(Path::new("/nowhere/at/all/a.txt"), b"x").unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }

    #[test]
    fn of_several_files_none_is_replaced_until_all_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let masks = folder.path().join("new/masks");
        let names = ["a", "b"].map(str::to_owned);
        let content = |name: &str| std::fs::read_to_string(masks.join(name)).unwrap();
        replace_all(&masks, &names, |n, path| put(path, format!("old {n}").as_bytes())).unwrap();
        assert_eq!((content("a"), content("b")), ("old 0".to_owned(), "old 1".to_owned()));
        let full = || Error::DiskFull { path: masks.clone() };
        replace_all(&masks, &names, |n, path| if n == 1 { Err(full()) } else { put(path, b"new") }).unwrap_err();
        assert_eq!((content("a"), content("b")), ("old 0".to_owned(), "old 1".to_owned()));
        assert_eq!(std::fs::read_dir(&masks).unwrap().count(), 2, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn rights_are_kept_and_links_are_followed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.txt"), folder.path().join("link.txt"));
        put(&path, b"old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        put(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }
}
