//! Where a mask comes from, as a JSON file beside it: which model, seed and steps, and what was edited by hand.
//!
//! Nothing of the image's header goes in. The source is named by its file name alone, without folders: who names files
//! after patients should not share this file.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Error;
use super::replace::replace;

/// How a mask was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The program and its version: "ldseg 0.1.0".
    pub program: String,
    /// When the mask was saved, in UTC: "2026-01-31T12:00:00Z".
    pub time: String,
    /// File name of the image, without folders; `None` for a sample that the program made.
    pub source: Option<String>,
    /// The model's part; `None` where everything was drawn by hand.
    pub model: Option<ModelRun>,
    /// Names of the edits in the order in which they were made, those undone left out.
    pub edits: Vec<String>,
}

/// One run of a model, with all that is needed to do it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRun {
    /// The model's name.
    pub model: String,
    /// SHA-256 of its weights, in hexadecimal digits.
    pub model_sha256: String,
    /// Seed of the first sample. This, steps and samples mean nothing to a deterministic model.
    pub seed: u64,
    /// "ddim" or "ddpm"; "none" of a deterministic model.
    pub sampler: String,
    /// Denoising steps.
    pub steps: usize,
    /// Samples averaged.
    pub samples: usize,
    /// The device that computed it.
    pub device: String,
    /// Which of the samples' answers it is, such as "sample 7 of 32" or their majority; left out of their mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub which: Option<String>,
}

impl Provenance {
    /// A record of this program and this moment, of a mask drawn on `source` by hand, without edits yet.
    pub fn new(source: Option<&Path>) -> Self {
        Self {
            program: concat!("ldseg ", env!("CARGO_PKG_VERSION")).to_owned(),
            time: utc(SystemTime::now()),
            source: source.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()),
            model: None,
            edits: Vec::new(),
        }
    }

    /// Writes the record beside a mask: `a.nii.gz` gets `a.json`. A file of that name that this program did not write is
    /// left alone, and `a.ldseg.json` written. Returns the file.
    ///
    /// # Errors
    /// What the system reports; a file that was there before is then untouched.
    pub fn write_beside(&self, mask: &Path) -> Result<PathBuf, Error> {
        let mut path = beside(mask, "json");
        if path.exists() && read(&path).is_err() {
            path = beside(mask, "ldseg.json");
        }
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::writing(&path, error.into()))?;
        let write = |file: &mut File| writeln!(file, "{text}").map_err(|error| Error::writing(&path, error));
        replace(&path, write, |_| Ok(()))?;
        Ok(path)
    }

    /// Reads the record beside a mask; `None` where there is none that this program wrote.
    pub fn read_beside(mask: &Path) -> Option<Self> {
        read(&beside(mask, "json")).or_else(|_| read(&beside(mask, "ldseg.json"))).ok()
    }
}

fn read(path: &Path) -> Result<Provenance, Error> {
    let bytes = std::fs::read(path).map_err(|error| Error::reading(path, error))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Content {
        expected: "a record of where a mask comes from",
        found: error.to_string(),
        path: path.to_owned(),
    })
}

/// The mask's name with another ending than `.nii.gz` or the like.
fn beside(mask: &Path, ending: &str) -> PathBuf {
    let name = mask.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bare = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = bare.rsplit_once('.').map_or(bare, |(stem, _)| stem);
    mask.with_file_name(format!("{stem}.{ending}"))
}

/// A moment in UTC, to the second, as RFC 3339 writes it.
pub(super) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

/// Year, month and day of a number of days since 1970, by Hinnant's `civil_from_days`: years start in March, so that the
/// leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_and_centuries() {
        let at = |seconds| utc(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn the_record_lies_beside_the_mask_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let mask = folder.path().join("case.mask.nii.gz");
        let mut record = Provenance::new(Some(Path::new("/somewhere/case.nii.gz")));
        record.edits = vec!["Brush".to_owned()];
        let path = record.write_beside(&mask).unwrap();
        assert_eq!(path, folder.path().join("case.mask.json"));
        assert_eq!(record.source.as_deref(), Some("case.nii.gz"));
        assert_eq!(Provenance::read_beside(&mask), Some(record));
    }

    #[test]
    fn a_foreign_json_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mask = folder.path().join("a.nii");
        std::fs::write(folder.path().join("a.json"), "{\"EchoTime\": 0.003}").unwrap();
        let record = Provenance::new(None);
        for _ in 0..2 {
            assert_eq!(record.write_beside(&mask).unwrap(), folder.path().join("a.ldseg.json"));
        }
        assert_eq!(Provenance::read_beside(&mask), Some(record));
        assert_eq!(std::fs::read_to_string(folder.path().join("a.json")).unwrap(), "{\"EchoTime\": 0.003}");
    }
}
