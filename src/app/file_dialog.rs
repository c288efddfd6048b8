//! The system's file dialog, on a thread of its own: it may be open for minutes, and the window goes on drawing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::state::Purpose;

/// A dialog that ends sooner than this without a file never opened: no person closes one so fast.
const TOO_FAST_FOR_A_PERSON: Duration = Duration::from_millis(350);
/// Endings of the files that can be opened.
const EXTENSIONS: [&str; 17] = [
    "dcm", "dicom", "nii", "gz", "hdr", "img", "nrrd", "nhdr", "mha", "mhd", "png", "jpg", "jpeg", "tif", "tiff",
    "bmp", "gif",
];
/// Endings of files with names of labels.
const LABEL_NAMES: [&str; 4] = ["txt", "label", "lut", "ctab"];

/// What came of a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// A file.
    File(Purpose, PathBuf),
    /// The person changed their mind.
    Nothing,
    /// The system has no file dialog.
    Unavailable(Purpose),
}

/// At most one dialog at a time.
#[derive(Debug)]
pub struct FileDialog {
    sender: Sender<Picked>,
    picked: Receiver<Picked>,
    is_open: bool,
}

impl Default for FileDialog {
    fn default() -> Self {
        let (sender, picked) = unbounded();
        Self { sender, picked, is_open: false }
    }
}

impl FileDialog {
    /// Asks for a file; `suggestion` is a folder to start in or, for saving, a file. `wake` is called when the dialog
    /// has closed. Does nothing while another dialog is open.
    pub fn open(&mut self, purpose: Purpose, suggestion: Option<PathBuf>, wake: impl Fn() + Send + 'static) {
        if self.is_open {
            return;
        }
        let sender = self.sender.clone();
        let asked = purpose.clone();
        let thread = std::thread::Builder::new().name("ldseg-file-dialog".to_owned());
        let started = thread.spawn(move || {
            // The window has gone where nobody listens.
            sender.send(ask(asked, suggestion.as_deref())).ok();
            wake();
        });
        match started {
            Ok(_) => self.is_open = true,
            Err(error) => {
                log::error!("the file dialog's thread did not start: {error}");
                self.sender.send(Picked::Unavailable(purpose)).ok();
            }
        }
    }

    /// What came of the dialog, once.
    pub fn poll(&mut self) -> Option<Picked> {
        let picked = self.picked.try_recv().ok()?;
        self.is_open = false;
        Some(picked)
    }
}

fn ask(purpose: Purpose, suggestion: Option<&Path>) -> Picked {
    let opened = Instant::now();
    // Beside the last one, to take the next.
    let folder = suggestion.map(|path| if path.is_dir() { path } else { path.parent().unwrap_or(path) });
    let mut dialog = rfd::FileDialog::new().set_title(title(&purpose));
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        dialog = dialog.set_directory(folder);
    }
    let path = match &purpose {
        Purpose::OpenFolder | Purpose::SaveFolder => dialog.pick_folder(),
        Purpose::OpenImage
        | Purpose::OpenLabels
        | Purpose::PasteLabels
        | Purpose::OpenMap
        | Purpose::OpenReference
        | Purpose::OpenOtherMask => {
            dialog.add_filter("Images", &EXTENSIONS).add_filter("All files", &["*"]).pick_file()
        }
        Purpose::OpenLabelNames => {
            dialog.add_filter("Label names", &LABEL_NAMES).add_filter("All files", &["*"]).pick_file()
        }
        Purpose::SaveLabelNames => {
            let name = suggestion.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
            let dialog = dialog.add_filter("ITK-SNAP", &["txt", "label"]).add_filter("FreeSurfer", &["ctab", "lut"]);
            dialog.set_file_name(name).save_file()
        }
        Purpose::ExportFinding(export) if export.is_picture() => {
            let name = suggestion.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
            dialog.add_filter("PNG", &["png"]).set_file_name(name).save_file()
        }
        Purpose::ExportStatistics
        | Purpose::ExportOverTime
        | Purpose::ExportMeasurements
        | Purpose::ExportAgreement
        | Purpose::ExportFinding(_) => {
            let name = suggestion.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
            dialog.add_filter("Comma-separated values", &["csv"]).set_file_name(name).save_file()
        }
        Purpose::SaveReport => {
            let name = suggestion.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
            dialog.add_filter("Web page", &["html"]).set_file_name(name).save_file()
        }
        Purpose::SaveLabels(_) | Purpose::SaveRecovered(_) => {
            let name = suggestion.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            let dialog = dialog.add_filter("NIfTI, compressed", &["nii.gz"]).add_filter("NIfTI", &["nii"]);
            let dialog = dialog.add_filter("NRRD", &["seg.nrrd", "nrrd"]).add_filter("MetaImage", &["mha"]);
            let dialog = dialog.add_filter("DICOM segmentation", &["dcm"]);
            let dialog = dialog.add_filter("PNG", &["png"]).add_filter("TIFF", &["tif", "tiff"]);
            let dialog = dialog.add_filter("COCO", &["coco.json"]);
            dialog.set_file_name(name.unwrap_or_else(|| "labels.nii.gz".to_owned())).save_file()
        }
    };
    match path {
        Some(path) => Picked::File(purpose, path),
        None if opened.elapsed() < TOO_FAST_FOR_A_PERSON => Picked::Unavailable(purpose),
        None => Picked::Nothing,
    }
}

/// What the dialog asks.
pub fn title(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::OpenImage => "Open image",
        Purpose::OpenFolder => "Open folder",
        Purpose::OpenLabels => "Open labels",
        Purpose::PasteLabels => "Paste from mask",
        Purpose::OpenMap => "Load map",
        Purpose::OpenOtherMask => "Open another mask",
        Purpose::OpenReference => "Open reference",
        Purpose::ExportMeasurements => "Export measurements",
        Purpose::ExportAgreement => "Export agreement",
        Purpose::SaveReport => "Save report",
        Purpose::SaveLabels(_) => "Save mask",
        Purpose::SaveFolder => "Save mask as folder",
        Purpose::SaveRecovered(_) => "Save recovered labels",
        Purpose::OpenLabelNames => "Open label names",
        Purpose::SaveLabelNames => "Save label names",
        Purpose::ExportStatistics => "Export label statistics",
        Purpose::ExportOverTime => "Export labels over time",
        Purpose::ExportFinding(export) => export.title(),
    }
}
