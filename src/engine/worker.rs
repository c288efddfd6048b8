//! A thread that does one job after another and survives each of them.
//!
//! What a job does is a [`Runner`]'s business; this file knows only that every job gets exactly one ending, that a
//! panic is an ending too, and that a lost device gets the job a second chance.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender};

use super::experiments::Observer;
use super::job::{Ending, Event, Failure, Job, JobId, Outcome};
use super::laboratory::{Finding, SamplesSoFar};
use crate::domain::Volume;
use crate::monitor::{Cancelled, Monitor, Progress};

/// Does the jobs of one thread. It is made on that thread and never leaves it.
pub(super) trait Runner {
    /// Does `job`; called again for the same job after a [`Runner::fall_back`].
    fn run(&mut self, job: &Job, reporter: &Reporter) -> anyhow::Result<Outcome>;

    /// Called after a job failed: gives up the device that it ran on if that was to blame, and says whether the job is
    /// worth another try. `panicked` tells that it ended in a panic rather than an error.
    fn fall_back(&mut self, panicked: bool) -> bool {
        let _ = panicked;
        false
    }
}

/// One job on its way to a worker.
#[derive(Debug)]
pub(super) struct Request {
    pub ticket: Arc<Ticket>,
    pub job: Job,
}

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const CANCELLED: u8 = 2;

/// What both sides share of a job: whether it is still wanted, its newest progress and its newest samples.
#[derive(Debug)]
pub(super) struct Ticket {
    pub id: JobId,
    state: AtomicU8,
    progress: Newest<Progress>,
    samples: Newest<Arc<SamplesSoFar>>,
}

/// The newest of a stream of news that nobody has taken yet.
#[derive(Debug)]
struct Newest<T>(Mutex<Option<T>>);

impl<T> Newest<T> {
    fn none() -> Self {
        Self(Mutex::new(None))
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// True where what came before had been taken, so that a note is due.
    fn put(&self, news: T) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(news).is_none()
    }
}

impl Ticket {
    pub fn new(id: JobId) -> Self {
        Self { id, state: AtomicU8::new(WAITING), progress: Newest::none(), samples: Newest::none() }
    }

    /// Marks the job as unwanted. True where it had not begun: then nobody but the caller will end it.
    pub fn cancel(&self) -> bool {
        self.state.swap(CANCELLED, Ordering::AcqRel) == WAITING
    }

    /// The newest progress that nobody has taken yet.
    pub fn take_progress(&self) -> Option<Progress> {
        self.progress.take()
    }

    /// The newest samples that nobody has taken yet.
    pub fn take_samples(&self) -> Option<Arc<SamplesSoFar>> {
        self.samples.take()
    }

    /// Takes the job for a worker. False where it was cancelled before, and so has had its ending.
    fn begin(&self) -> bool {
        self.state.compare_exchange(WAITING, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Acquire) == CANCELLED
    }
}

/// What travels back. Progress and samples are mere knocks, at most one of each on its way for a job: the newest lies in the
/// ticket, so that a window which does not poll for a while finds one progress a job and not a thousand.
#[derive(Debug)]
pub(super) enum Note {
    Progress(Arc<Ticket>),
    Samples(Arc<Ticket>),
    Event(Event),
}

/// The way back to whoever polls.
#[derive(Clone)]
pub(super) struct Outbox {
    notes: Sender<Note>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    pub fn new(notes: Sender<Note>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { notes, wake: Arc::new(wake) }
    }

    pub fn done(&self, id: JobId, ending: Ending) {
        self.send(Note::Event(Event::Done { id, ending }));
    }

    fn send(&self, note: Note) {
        // It fails only where the engine is being dropped: nobody is left to tell.
        self.notes.send(note).ok();
        (self.wake)();
    }
}

/// Through this a running job reports progress, shows what it has so far and hears that it is no longer wanted.
pub(super) struct Reporter {
    ticket: Arc<Ticket>,
    outbox: Outbox,
}

impl Reporter {
    /// Shows the part of an image that has been read.
    pub fn preview(&self, volume: Volume) {
        let preview = Event::Preview { id: self.ticket.id, volume: Arc::new(volume) };
        self.outbox.send(Note::Event(preview));
    }
}

impl Observer for Reporter {
    fn find(&self, finding: Finding) {
        match finding {
            Finding::Samples(samples) => {
                if self.ticket.samples.put(samples) {
                    self.outbox.send(Note::Samples(Arc::clone(&self.ticket)));
                }
            }
            finding => self.outbox.send(Note::Event(Event::Finding { id: self.ticket.id, finding })),
        }
    }
}

impl Monitor for Reporter {
    fn report(&self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        if self.ticket.is_cancelled() {
            return Err(Cancelled);
        }
        if self.ticket.progress.put(Progress { stage, done, total }) {
            self.outbox.send(Note::Progress(Arc::clone(&self.ticket)));
        }
        Ok(())
    }
}

/// Starts a named thread that makes a runner and serves requests until the other end of `inbox` is dropped.
pub(super) fn spawn<R: Runner>(
    name: &str,
    inbox: Receiver<Request>,
    outbox: Outbox,
    runner: impl FnOnce() -> R + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(move || serve(&inbox, &outbox, &mut runner()))
}

fn serve(inbox: &Receiver<Request>, outbox: &Outbox, runner: &mut impl Runner) {
    for Request { ticket, job } in inbox {
        if ticket.begin() {
            let reporter = Reporter { ticket: Arc::clone(&ticket), outbox: outbox.clone() };
            let ending = run_to_its_end(runner, &job, &reporter);
            outbox.done(ticket.id, ending);
        }
    }
}

fn run_to_its_end(runner: &mut impl Runner, job: &Job, reporter: &Reporter) -> Ending {
    let mut may_try_again = true;
    loop {
        // The runner's own state may be half changed by a panic; `fall_back` and the next `run` start from its models
        // and devices, which are replaced whole or not at all.
        let (failure, panicked) = match catch_unwind(AssertUnwindSafe(|| runner.run(job, reporter))) {
            Ok(Ok(outcome)) => return ending_of(outcome, reporter),
            Ok(Err(error)) => (Failure::from(error), false),
            Err(payload) => (Failure::of_panic(job, &*payload), true),
        };
        if reporter.ticket.is_cancelled() {
            return Ending::Cancelled;
        }
        if !may_try_again || !runner.fall_back(panicked) {
            return Ending::Failed(failure);
        }
        log::warn!("could not {} on this device ({}): trying the next one", job.name(), failure.message);
        may_try_again = false;
    }
}

/// A result that came after the job was cancelled is dropped, except for a file: it has been written, and to say
/// otherwise would be a lie.
fn ending_of(outcome: Outcome, reporter: &Reporter) -> Ending {
    let is_done_in_the_world = matches!(outcome, Outcome::Saved(_));
    if reporter.ticket.is_cancelled() && !is_done_in_the_world { Ending::Cancelled } else { Ending::Finished(outcome) }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { message: format!("{error:#}"), details: format!("{error:?}") }
    }
}

impl Failure {
    fn of_panic(job: &Job, payload: &(dyn Any + Send)) -> Self {
        let text = panic_text(payload);
        Self {
            message: format!("could not {} because of a fault in the program: {text}", job.name()),
            details: "The program goes on; please report this with the steps that led here.".to_owned(),
        }
    }
}

/// What a panic said.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
