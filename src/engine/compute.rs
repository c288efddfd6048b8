//! The worker's own work: choosing a device, keeping models loaded, segmenting.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Instant;

use anyhow::bail;

use super::DeviceLine;
use super::device::{Devices, GpuHandles, Selected, Task};
use super::experiments::KeptWalk;
use super::job::{Job, Outcome, Segmentation, Stamp};
use super::worker::{Reporter, Runner};
use crate::config::{DeviceChoice, SegmentSettings};
use crate::domain::Volume;
use crate::model::registry;
use crate::model::segment::{Encoded, Prediction, Segmenter};
use crate::monitor::{Cancelled, Monitor};

/// Owns the device and the models that have been loaded onto it.
pub(super) struct Compute {
    /// Taken when the first job needs it: looking for devices can take a second.
    shared: Option<GpuHandles>,
    devices: Option<Devices>,
    selected: Option<Selected>,
    /// By the name that they were asked for, all on `selected`'s device.
    models: HashMap<String, Arc<LoadedModel>>,
    /// On `selected`'s device too.
    pub(super) walk: Option<KeptWalk>,
    /// On `selected`'s device as well.
    encoding: Option<KeptEncoding>,
    line: Arc<DeviceLine>,
}

/// The image that was encoded last: a person often tries one thing after another on it.
struct KeptEncoding {
    /// Not kept alive: the window may have closed it.
    volume: Weak<Volume>,
    frame: usize,
    model: Arc<LoadedModel>,
    encoded: Encoded,
    /// What encoding it took.
    encode_s: f64,
}

impl Compute {
    pub fn new(shared: Option<GpuHandles>, line: Arc<DeviceLine>) -> Self {
        Self { shared, devices: None, selected: None, models: HashMap::new(), walk: None, encoding: None, line }
    }

    /// The device for `choice`. Models stay loaded as long as it stays the same.
    pub(super) fn select(&mut self, choice: DeviceChoice, monitor: &dyn Monitor) -> anyhow::Result<Selected> {
        let selected = match choice {
            // Needs no list of devices, and so no drivers.
            DeviceChoice::Cpu => Devices::cpu(),
            DeviceChoice::Auto | DeviceChoice::Gpu => {
                let shared = &mut self.shared;
                let devices = self.devices.get_or_insert_with(|| Devices::new(shared.take()));
                devices.select(choice, Task::Inference, monitor)?
            }
        };
        if self.selected.as_ref().is_none_or(|previous| previous.device != selected.device) {
            self.forget_models();
        }
        self.line.set(selected.name.clone());
        self.selected = Some(selected.clone());
        Ok(selected)
    }

    /// The model of that name, loaded once.
    pub(super) fn model(&mut self, name: &str, selected: &Selected) -> anyhow::Result<Arc<LoadedModel>> {
        if let Some(loaded) = self.models.get(name) {
            return Ok(Arc::clone(loaded));
        }
        let files = registry::find(name)?;
        let loaded = Arc::new(LoadedModel { segmenter: files.load(&selected.device)?, sha256: files.sha256() });
        self.models.insert(name.to_owned(), Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Frees all that is on the device before.
    fn forget_models(&mut self) {
        self.models.clear();
        (self.walk, self.encoding) = (None, None);
    }

    /// The image's embedding, and the seconds that encoding took; taken from the job before where nothing has changed.
    pub(super) fn encode(
        &mut self,
        model: &Arc<LoadedModel>,
        volume: &Arc<Volume>,
        frame: usize,
        focus: Option<[usize; 3]>,
    ) -> (Encoded, f64) {
        let segmenter = &model.segmenter;
        self.encoding.take_if(|known| {
            let is_same_image = Weak::as_ptr(&known.volume) == Arc::as_ptr(volume) && known.frame == frame;
            let is_same_model = Arc::ptr_eq(&known.model, model);
            !is_same_image || !is_same_model || !segmenter.has_box_of(&known.encoded, volume.grid(), focus)
        });
        let kept = self.encoding.get_or_insert_with(|| {
            let start = Instant::now();
            let encoded = segmenter.encode_image(volume, frame, focus);
            segmenter.wait();
            let encode_s = start.elapsed().as_secs_f64();
            KeptEncoding { volume: Arc::downgrade(volume), frame, model: Arc::clone(model), encoded, encode_s }
        });
        (kept.encoded.clone(), kept.encode_s)
    }

    fn segment(&mut self, request: &SegmentRequest<'_>, monitor: &dyn Monitor) -> anyhow::Result<Segmentation> {
        let start = Instant::now();
        let SegmentRequest { stamp, volume, focus, settings } = *request;
        monitor.report("Choosing the device", 0, 0)?;
        let selected = self.select(settings.device, monitor)?;
        monitor.report("Loading the model", 0, 0)?;
        let loaded = self.model(&settings.model, &selected)?;
        let (mut frames, mut warnings) = (Vec::new(), selected.warnings);
        let takes_frames = settings.all_frames && volume.n_frames() > 1;
        let takes_one = !takes_frames && !settings.all_slices;
        let slice = loaded.segmenter.one_slice(volume.grid(), focus).filter(|_| takes_one);
        let prediction = if takes_frames {
            let mut predictions = all_frames(&loaded.segmenter, request, monitor)?;
            frames.extend(predictions.iter().map(|prediction| prediction.labels.clone()));
            predictions.swap_remove(stamp.frame.min(frames.len() - 1))
        } else if settings.all_slices {
            loaded.segmenter.segment_slices(volume, stamp.frame, focus, settings, monitor)?
        } else {
            monitor.report("Encoding the image", 0, 1)?;
            let (encoded, _) = self.encode(&loaded, volume, stamp.frame, focus);
            monitor.report("Encoding the image", 1, 1)?;
            loaded.segmenter.segment_encoded(&encoded, volume, settings, monitor)?
        };
        warnings.extend(prediction.warnings);
        Ok(Segmentation {
            stamp,
            labels: prediction.labels,
            frames,
            slice,
            table: prediction.table,
            probabilities: prediction.probabilities,
            settings: settings.clone(),
            is_deterministic: loaded.segmenter.config().is_deterministic(),
            model_sha256: loaded.sha256.clone(),
            device: selected.name,
            elapsed_s: start.elapsed().as_secs_f64(),
            warnings,
        })
    }
}

/// What a model says of every frame of an image; of those beside the one asked for no probabilities are kept.
fn all_frames(
    segmenter: &Segmenter,
    request: &SegmentRequest<'_>,
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<Prediction>> {
    let SegmentRequest { stamp, volume, focus, settings } = *request;
    let n_frames = volume.n_frames();
    let predictions = (0..n_frames).map(|frame| {
        let monitor = FrameMonitor { monitor, frame, n_frames };
        monitor.report("", 0, 0)?;
        let mut prediction = segmenter.segment_slices(volume, frame, focus, settings, &monitor)?;
        if frame != stamp.frame {
            prediction.probabilities = Vec::new();
        }
        Ok(prediction)
    });
    predictions.collect()
}

/// Tells how many frames are done, whatever goes on within one.
struct FrameMonitor<'a> {
    monitor: &'a dyn Monitor,
    frame: usize,
    n_frames: usize,
}

impl Monitor for FrameMonitor<'_> {
    fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        self.monitor.report("Segmenting frames", self.frame as u64, self.n_frames as u64)
    }
}

/// A model on the selected device.
pub(super) struct LoadedModel {
    pub segmenter: Segmenter,
    pub sha256: String,
}

/// The fields of [`Job::Segment`].
#[derive(Clone, Copy)]
struct SegmentRequest<'a> {
    stamp: Stamp,
    volume: &'a Arc<Volume>,
    focus: Option<[usize; 3]>,
    settings: &'a SegmentSettings,
}

impl Runner for Compute {
    fn run(&mut self, job: &Job, reporter: &Reporter) -> anyhow::Result<Outcome> {
        match job {
            Job::Segment { stamp, volume, focus, settings } => {
                let request = SegmentRequest { stamp: *stamp, volume, focus: *focus, settings };
                Ok(Outcome::Segmentation(Box::new(self.segment(&request, reporter)?)))
            }
            Job::Experiment { subject, experiment } => self.experiment(subject, experiment, reporter),
            Job::CheckDevices => {
                let shared = &mut self.shared;
                let devices = self.devices.get_or_insert_with(|| Devices::new(shared.take()));
                Ok(Outcome::Devices(devices.report(reporter)?))
            }
            Job::Open { .. }
            | Job::Phantom { .. }
            | Job::OpenLabels { .. }
            | Job::OpenMap { .. }
            | Job::SaveLabels { .. }
            | Job::SaveRecovered { .. }
            | Job::OpenTable { .. }
            | Job::WriteReport { .. }
            | Job::WriteText { .. }
            | Job::WriteBytes { .. } => {
                bail!("the worker was asked to {}, which is the file thread's work", job.name())
            }
        }
    }

    /// A panic on a GPU is taken for the GPU's: Burn reports a lost device, a kernel that does not compile and memory
    /// that has run out in no other way. An error is the GPU's only where the device no longer answers.
    fn fall_back(&mut self, panicked: bool) -> bool {
        let Some(selected) = self.selected.take_if(|selected| selected.is_gpu) else { return false };
        let is_lost = panicked || !catch_unwind(AssertUnwindSafe(|| selected.device.sync().is_ok())).unwrap_or(false);
        if is_lost {
            self.forget_models();
            if let Some(devices) = &mut self.devices {
                devices.give_up(&selected, "failed in the middle of a job");
            }
        }
        is_lost
    }
}
