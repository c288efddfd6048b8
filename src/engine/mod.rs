//! The engine: long work away from the window. Jobs go in, events come out, nothing blocks.
//!
//! Two named threads for jobs: `ldseg-worker` owns the Burn device and the loaded models, so that no tensor ever crosses a
//! thread (CubeCL keys its streams on the OS thread); `ldseg-files` reads and writes, so that a slow disk does not hold
//! up a segmentation. A third, `ldseg-journal`, keeps the [`journal`] of what a person does.
//!
//! Invariants, each with its test below:
//! - every job ends in exactly one [`Event::Done`], whatever happens: an error, a panic, a lost device, a cancel;
//! - a panic costs its job and no other;
//! - of one job's progress only the newest is ever waiting;
//! - a cancelled job that has not begun ends at once, one that has ends at its next step;
//! - the newest [`Job::Segment`] supersedes the ones before it, the newest experiment those of its kind;
//! - of the samples that an experiment draws only the newest snapshot is ever waiting;
//! - dropping the engine cancels all work and waits for the threads.

mod check;
mod compute;
pub mod device;
mod experiments;
mod files;
pub mod job;
pub mod journal;
pub mod laboratory;
pub mod report;
#[cfg(test)]
mod tests;
mod worker;

use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

pub use self::device::{GpuHandles, training_device};
pub use self::job::{
    DeviceCheck, DeviceReport, Ending, Event, Failure, Job, JobId, Opened, OpenedLabels, OpenedMap, Outcome,
    Segmentation, Stamp,
};
use self::laboratory::{Experiment, Finding};
use self::worker::{Note, Outbox, Request, Runner, Ticket};
pub use crate::model::registry::{ModelInfo, list as models};

/// Takes jobs and gives events back. See the module's documentation for what holds.
pub struct Engine {
    /// `None` only while dropping: the threads end when their inboxes close.
    inboxes: Option<Inboxes>,
    notes: Receiver<Note>,
    outbox: Outbox,
    live: Vec<Live>,
    n_submitted: u64,
    device_line: Arc<DeviceLine>,
    threads: Vec<JoinHandle<()>>,
}

struct Inboxes {
    compute: Sender<Request>,
    files: Sender<Request>,
}

/// A job whose ending has not been polled yet.
struct Live {
    ticket: Arc<Ticket>,
    line: Option<Line>,
}

/// Jobs of which only the newest is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Segmentation,
    Experiment(Discriminant<Experiment>),
}

impl Line {
    fn of(job: &Job) -> Option<Self> {
        match job {
            Job::Segment { .. } => Some(Self::Segmentation),
            Job::Experiment { experiment, .. } => Some(Self::Experiment(discriminant(experiment))),
            _ => None,
        }
    }
}

/// Which device is in use, for a status bar: written by the worker, read by whoever draws.
#[derive(Debug, Default)]
struct DeviceLine(Mutex<String>);

impl DeviceLine {
    fn set(&self, line: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Engine {
    /// Starts both threads. `gpu` are the window's own handles, which the networks then share; without them the worker
    /// looks for a GPU when it first needs one. `wake` is called, on any thread, after each event.
    pub fn start(gpu: Option<GpuHandles>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let device_line = Arc::new(DeviceLine::default());
        device_line.set(device::line_before_first_use(gpu.as_ref()));
        let line = Arc::clone(&device_line);
        Self::with_runners(wake, device_line, move || compute::Compute::new(gpu, line), || files::Files)
    }

    fn with_runners<C: Runner, F: Runner>(
        wake: impl Fn() + Send + Sync + 'static,
        device_line: Arc<DeviceLine>,
        compute: impl FnOnce() -> C + Send + 'static,
        files: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        let (compute_sender, compute_inbox) = unbounded();
        let (files_sender, files_inbox) = unbounded();
        let (note_sender, notes) = unbounded();
        let outbox = Outbox::new(note_sender, wake);
        let started = [
            worker::spawn("ldseg-worker", compute_inbox, outbox.clone(), compute),
            worker::spawn("ldseg-files", files_inbox, outbox.clone(), files),
        ];
        // A thread that did not start has dropped its inbox: its jobs then fail one by one, with a message.
        let threads = started.into_iter().filter_map(|thread| {
            thread.inspect_err(|error| log::error!("a thread of the engine did not start: {error}")).ok()
        });
        Self {
            threads: threads.collect(),
            inboxes: Some(Inboxes { compute: compute_sender, files: files_sender }),
            notes,
            outbox,
            live: Vec::new(),
            n_submitted: 0,
            device_line,
        }
    }

    /// Hands over a job. A segmentation cancels those submitted before it, and an experiment those of its kind: only the newest
    /// is wanted.
    pub fn submit(&mut self, job: Job) -> JobId {
        let id = JobId(self.n_submitted);
        self.n_submitted += 1;
        let line = Line::of(&job);
        if line.is_some() {
            self.cancel_where(|live| live.line == line);
        }
        let ticket = Arc::new(Ticket::new(id));
        self.live.push(Live { ticket: Arc::clone(&ticket), line });
        let name = job.name();
        let is_taken = self.inboxes.as_ref().is_some_and(|inboxes| {
            let inbox = match job {
                Job::Segment { .. } | Job::Experiment { .. } | Job::CheckDevices => &inboxes.compute,
                Job::Open { .. }
                | Job::Phantom { .. }
                | Job::OpenLabels { .. }
                | Job::OpenMap { .. }
                | Job::SaveLabels { .. }
                | Job::SaveRecovered { .. }
                | Job::OpenTable { .. }
                | Job::WriteReport { .. }
                | Job::WriteText { .. }
                | Job::WriteBytes { .. } => &inboxes.files,
            };
            inbox.send(Request { ticket: Arc::clone(&ticket), job }).is_ok()
        });
        if !is_taken && ticket.cancel() {
            let message = format!("could not {name}: the system refused a thread to do it; save and start again");
            self.outbox.done(id, Ending::Failed(Failure { message, details: String::new() }));
        }
        id
    }

    /// Tells a job to stop. Its [`Ending::Cancelled`] follows at once where it has not begun, else after its current
    /// step; a job that has already ended stays as it is.
    pub fn cancel(&mut self, id: JobId) {
        self.cancel_where(|live| live.ticket.id == id);
    }

    /// What has happened since the last call, in order; never waits.
    pub fn poll(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Ok(note) = self.notes.try_recv() {
            self.read(note, &mut events);
        }
        events
    }

    /// The device that the networks run on, as a person would say it.
    pub fn device_line(&self) -> String {
        self.device_line.get()
    }

    fn read(&mut self, note: Note, events: &mut Vec<Event>) {
        match note {
            Note::Progress(ticket) => {
                events.extend(ticket.take_progress().map(|progress| Event::Progress { id: ticket.id, progress }));
            }
            Note::Samples(ticket) => {
                let newest = ticket.take_samples().map(Finding::Samples);
                events.extend(newest.map(|finding| Event::Finding { id: ticket.id, finding }));
            }
            Note::Event(event) => {
                if let Event::Done { id, .. } = &event {
                    self.live.retain(|live| live.ticket.id != *id);
                }
                events.push(event);
            }
        }
    }

    fn cancel_where(&self, is_unwanted: impl Fn(&Live) -> bool) {
        for live in self.live.iter().filter(|live| is_unwanted(live)) {
            if live.ticket.cancel() {
                self.outbox.done(live.ticket.id, Ending::Cancelled);
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.cancel_where(|_| true);
        self.inboxes = None;
        for thread in self.threads.drain(..) {
            // Jobs cannot panic their thread; one that did anyhow has nobody left to hear of it.
            thread.join().ok();
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("live", &self.live.len()).field("device_line", &self.device_line()).finish()
    }
}
