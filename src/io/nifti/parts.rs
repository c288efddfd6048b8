//! The files of an image: one, or a header and its voxels side by side.

use std::path::{Path, PathBuf};

use crate::io::Error;
use crate::io::source::lower_name;

/// The files that hold the header and the voxels: one and the same, or a pair.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub header: PathBuf,
    pub voxels: PathBuf,
}

impl Parts {
    /// Finds the mate of a `.hdr` or `.img` file, compressed or not; any other file holds both.
    ///
    /// # Errors
    /// [`Error::MissingMate`] where one half of a pair is not there.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let name = lower_name(path);
        let bare = name.strip_suffix(".gz").unwrap_or(&name);
        let given = path.to_owned();
        if bare.ends_with(".hdr") {
            Ok(Self { voxels: mate(path, "img")?, header: given })
        } else if bare.ends_with(".img") {
            Ok(Self { header: mate(path, "hdr")?, voxels: given })
        } else {
            Ok(Self { header: given.clone(), voxels: given })
        }
    }

    pub fn is_pair(&self) -> bool {
        self.header != self.voxels
    }
}

/// The other half of a pair: the same name with another ending, in small or capital letters, compressed or not.
fn mate(path: &Path, ending: &str) -> Result<PathBuf, Error> {
    let is_gzip = lower_name(path).ends_with(".gz");
    let stem = if is_gzip { path.with_extension("") } else { path.to_owned() };
    let plain = stem.with_extension(ending);
    let capital = stem.with_extension(ending.to_uppercase());
    let with_gz = |path: &Path| PathBuf::from(format!("{}.gz", path.display()));
    let mut candidates = vec![plain.clone(), with_gz(&plain), capital.clone(), with_gz(&capital)];
    if is_gzip {
        candidates.swap(0, 1);
    }
    let missing = candidates[0].clone();
    candidates
        .into_iter()
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Error::MissingMate { missing, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mates_are_found_in_any_spelling_or_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a.hdr", "a.img.gz", "b.HDR", "b.IMG"] {
            std::fs::write(at(name), b"x").unwrap();
        }
        assert_eq!(Parts::of(&at("a.hdr")).unwrap(), Parts { header: at("a.hdr"), voxels: at("a.img.gz") });
        assert_eq!(Parts::of(&at("a.img.gz")).unwrap(), Parts { header: at("a.hdr"), voxels: at("a.img.gz") });
        assert_eq!(Parts::of(&at("b.HDR")).unwrap(), Parts { header: at("b.HDR"), voxels: at("b.IMG") });
        assert!(!Parts::of(&at("c.nii.gz")).unwrap().is_pair());
        let error = Parts::of(&at("c.hdr")).unwrap_err();
        assert!(error.to_string().contains("c.img is missing"), "{error}");
    }
}
