//! What can go wrong between a file and the domain, said so that a person can act on it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::monitor::Cancelled;

/// Why a file was not read or not written. Files that were there before a failed write are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The person changed their mind.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),

    /// Nothing of that name.
    #[error("there is no such file or folder; was it moved or renamed? ({})", path.display())]
    NotFound {
        /// The file asked for.
        path: PathBuf,
    },
    /// The system forbids it.
    #[error("no permission to {action} this file; change its permissions or choose another folder ({})", path.display())]
    Denied {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A folder where a file was expected.
    #[error("this is a folder; choose a file inside it ({})", path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// No room left.
    #[error("the disk is full; free some space and save again ({})", path.display())]
    DiskFull {
        /// The file being written.
        path: PathBuf,
    },
    /// Anything else that the system reports.
    #[error("cannot {action} the file ({})", path.display())]
    System {
        /// "read" or "write".
        action: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },

    /// A file of no bytes.
    #[error("the file is empty; copy or export it again ({})", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Another format under a NIfTI name.
    #[error("expected a NIfTI, DICOM, NRRD, MetaImage or picture, found {found}; {advice} ({})", path.display())]
    NotNifti {
        /// What the first bytes look like.
        found: String,
        /// What to do about it.
        advice: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A picture that cannot be decoded.
    #[error("the picture cannot be read: {reason}; open and save it again in another program ({})", path.display())]
    Picture {
        /// What the decoder says.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// Pictures of a folder that are no slices of one image.
    #[error("the pictures cannot be opened as slices of one image: {reason} ({})", path.display())]
    Frames {
        /// Which picture is unlike the first one, and what to do.
        reason: String,
        /// The picture, the folder or the pattern.
        path: PathBuf,
    },
    /// A DICOM file that cannot be shown.
    #[error("the DICOM file cannot be read: {reason} ({})", path.display())]
    Dicom {
        /// What is wrong.
        reason: String,
        /// The file, or the folder of a series.
        path: PathBuf,
    },
    /// A mask for each of several frames, in a format that holds one.
    #[error("this kind of file holds one mask, the labels have one for each of {n_frames} frames: save them as .nii.gz, .nrrd or .mha, or, in the window, choose \"One for all\" first ({})", path.display())]
    OneMask {
        /// Frames with a mask.
        n_frames: usize,
        /// The file.
        path: PathBuf,
    },
    /// Labels that cannot be a DICOM segmentation.
    #[error("the labels cannot be saved as a DICOM segmentation: {reason} ({})", path.display())]
    Segmentation {
        /// Why, and what to do.
        reason: String,
        /// The file asked for.
        path: PathBuf,
    },
    /// More slices than a picture holds.
    #[error("a picture holds one slice, the labels have {n_slices} slices; choose a folder for a .png of each, or .tif, .nii.gz, .nrrd or .mha ({})", path.display())]
    Slices {
        /// How many.
        n_slices: usize,
        /// The file asked for.
        path: PathBuf,
    },
    /// A folder of pictures that are no masks, where masks would take their place.
    #[error("the masks would take the place of other pictures: {reason}; choose an empty folder ({})", path.display())]
    NoMask {
        /// Which pictures.
        reason: &'static str,
        /// The picture or its folder.
        path: PathBuf,
    },
    /// A header field that no image can have.
    #[error("the header's {field} is {found}, expected {expected}; the file is damaged or was written wrongly ({})", path.display())]
    Header {
        /// The field, by its name in the standard.
        field: &'static str,
        /// What the standard allows.
        expected: String,
        /// What the file says.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A type of voxel that is not shown.
    #[error("voxels are {found} (NIfTI datatype {code}), expected integers, float32, float64, RGB or RGBA; convert the file to one of these ({})", path.display())]
    Datatype {
        /// The header's code.
        code: i64,
        /// Its name.
        found: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The header promises more than the file can hold.
    #[error("the header promises {needed} bytes of voxels, but the file can hold at most {available}; it was cut off or its header is wrong ({})", path.display())]
    ClaimsTooMuch {
        /// Bytes of voxels by the header.
        needed: u64,
        /// Bytes that the file can give, after decompression.
        available: u64,
        /// The file.
        path: PathBuf,
    },
    /// Larger than the program reads.
    #[error("the image takes {} GiB of memory, this program reads at most {} GiB; crop or resample it ({})", gib(*needed), gib(*limit), path.display())]
    TooLarge {
        /// Bytes of voxels.
        needed: u64,
        /// The limit, in bytes.
        limit: u64,
        /// The file.
        path: PathBuf,
    },
    /// Memory ran out.
    #[error("not enough memory for an image of {needed} bytes; close other programs, or crop the image ({})", path.display())]
    OutOfMemory {
        /// Bytes of voxels.
        needed: u64,
        /// The file.
        path: PathBuf,
    },
    /// The file ends early.
    #[error("the file ends after {found} bytes of {what}, expected {expected}; it was cut off: copy or export it again ({})", path.display())]
    CutOff {
        /// "header" or "voxels".
        what: &'static str,
        /// Bytes expected, after decompression.
        expected: u64,
        /// Bytes found.
        found: u64,
        /// The file.
        path: PathBuf,
    },
    /// Compressed data that do not decompress, or not to what was compressed.
    #[error("the compressed data are damaged near byte {at} of the file; copy or export it again ({})", path.display())]
    Damaged {
        /// How far the file had been read.
        at: u64,
        /// What the decompressor says.
        #[source]
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// One half of a header and image pair is missing.
    #[error("a NIfTI pair needs a header (.hdr) and an image (.img) side by side; {} is missing ({})", missing.display(), path.display())]
    MissingMate {
        /// The file that is not there.
        missing: PathBuf,
        /// The file asked for.
        path: PathBuf,
    },
    /// No usable place in the world.
    #[error("the image cannot be placed in the world: {reason}; its header needs repair ({})", path.display())]
    Affine {
        /// Why.
        reason: String,
        /// The file.
        path: PathBuf,
    },

    /// A value that is no label id.
    #[error("expected label ids (whole numbers 0 to 65535), found {value} at voxel {voxel:?}; {advice} ({})", path.display())]
    NotLabel {
        /// The first value that is none.
        value: f64,
        /// Where it is.
        voxel: [usize; 3],
        /// What to do about it.
        advice: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// An image that cannot be a label map, whatever its values.
    #[error("expected one label id a voxel, found {found} ({})", path.display())]
    NotLabelMap {
        /// What was found, and what to do.
        found: String,
        /// The file.
        path: PathBuf,
    },

    /// A name that does not say how to write.
    #[error("expected a name ending in {expected} ({})", path.display())]
    Name {
        /// The endings that can be written.
        expected: &'static str,
        /// The file asked for.
        path: PathBuf,
    },
    /// Voxels that do not belong under the header they should be written with.
    #[error("what is to be saved does not lie on the source image's grid: {difference}; nothing was written ({})", path.display())]
    OtherGrid {
        /// How the two differ.
        difference: String,
        /// The file being written.
        path: PathBuf,
    },
    /// The disk gave back something else than was written.
    #[error("the file that was written does not read back as it should: {difference}; the old file was kept. Check the disk ({})", path.display())]
    ReadBack {
        /// How it differs.
        difference: String,
        /// The file being written.
        path: PathBuf,
    },

    /// A line of a text table that cannot be understood.
    #[error("line {line}: expected {expected}, found \"{found}\" ({})", path.display())]
    Table {
        /// Counted from 1.
        line: usize,
        /// What the line should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A text file that is not as it should be, as a whole.
    #[error("expected {expected}, found {found} ({})", path.display())]
    Content {
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: String,
        /// The file.
        path: PathBuf,
    },
}

fn gib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 30))
}

impl Error {
    /// What the system reported while reading `path`.
    pub(super) fn reading(path: &Path, source: std::io::Error) -> Self {
        Self::from_system("read", path, source)
    }

    /// What the system reported while writing `path`.
    pub(super) fn writing(path: &Path, source: std::io::Error) -> Self {
        Self::from_system("write", path, source)
    }

    fn from_system(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::NotFound => Self::NotFound { path },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied { action, path },
            ErrorKind::IsADirectory => Self::IsFolder { path },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::System { action, source, path },
        }
    }

    /// Whether the work was told to stop rather than failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_in_plain_words() {
        let error = Error::writing(Path::new("a.nii.gz"), ErrorKind::StorageFull.into());
        assert_eq!(error.to_string(), "the disk is full; free some space and save again (a.nii.gz)");
    }

    #[test]
    fn sizes_are_said_in_gibibytes() {
        let error = Error::TooLarge { needed: 3 << 30, limit: 1 << 30, path: "a.nii".into() };
        assert!(error.to_string().contains("3.0 GiB of memory, this program reads at most 1.0 GiB"), "{error}");
    }
}
