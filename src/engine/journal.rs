//! Keeps the journal of the open case, on the thread `ldseg-journal`: no stroke waits for a disk.
//!
//! Changes are written in the order in which they were handed over, each as soon as it comes, so a killed program loses
//! at most the one that is being written; every two seconds all of it is made safe from a power cut. A journal is begun
//! with the first change, and taken away when the case is closed with nothing left to lose. Where the disk refuses,
//! changes wait in memory and are tried again; [`Note::Unprotected`] says so once, [`Note::Protected`] when all is
//! written after all.

mod desk;

use std::path::PathBuf;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use self::desk::Desk;
use super::job::Failure;
use crate::domain::history::Change;
use crate::domain::{FrameLabels, Grid, LabelTable};
use crate::io::journal::{Found, Recovered, Saved};
use crate::io::provenance::ModelRun;

/// What the thread has to say.
#[derive(Debug)]
pub enum Note {
    /// Journals of work that was not saved, newest first.
    Found(Vec<Found>),
    /// Of [`Recorder::recover`].
    Recovered {
        /// As asked.
        case: u64,
        /// The work, or why it could not be read.
        result: Result<Box<Recovered>, Failure>,
    },
    /// A journal could not be put aside.
    Failed(Failure),
    /// Changes could not be written: they would be lost with the program.
    Unprotected(Failure),
    /// What had waited is written.
    Protected,
}

/// What the thread is told.
enum Message {
    Begin { case: String, image: Option<PathBuf>, grid: Grid, n_frames: usize, table: LabelTable },
    Base(FrameLabels, LabelTable, PathBuf),
    Changes(Vec<Change>),
    Table(LabelTable),
    Model(ModelRun),
    PixelSize(Option<f64>),
    Saved(Saved),
    Leave,
    End,
    Survey,
    Discard(PathBuf),
    Recover { case: u64, path: PathBuf, name: String, grid: Grid, n_frames: usize },
    Wait(Sender<()>),
}

/// The thread. Dropping this waits until all that was handed over is written; the journal then stays where it is.
#[derive(Debug)]
pub struct Recorder {
    /// `None` only while dropping.
    messages: Option<Sender<Message>>,
    notes: Receiver<Note>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread, which keeps its files in `folder`. `wake` is called after each note.
    pub fn start(folder: PathBuf, wake: impl Fn() + Send + 'static) -> Self {
        let (messages, inbox) = unbounded();
        let (outbox, notes) = unbounded();
        let say = move |note: Note| {
            // Nobody listens where the window has gone.
            outbox.send(note).ok();
            wake();
        };
        let thread = std::thread::Builder::new().name("ldseg-journal".to_owned());
        let started = thread.spawn(move || Desk::new(folder, say).work(&inbox));
        let thread = started.inspect_err(|error| log::error!("the journal's thread did not start: {error}")).ok();
        Self { messages: Some(messages), notes, thread }
    }

    /// Work on the case named `case` begins: on the image in a file or, without one, on the built-in sample of that
    /// name. The image has this many frames.
    pub fn begin(&self, case: &str, image: Option<PathBuf>, grid: Grid, n_frames: usize, table: LabelTable) {
        self.tell(Message::Begin { case: case.to_owned(), image, grid, n_frames, table });
    }

    /// The history begins anew with the labels and the table of a file.
    pub fn base(&self, labels: FrameLabels, table: LabelTable, path: PathBuf) {
        self.tell(Message::Base(labels, table, path));
    }

    /// The labels changed, in this order.
    pub fn changes(&self, changes: Vec<Change>) {
        self.tell(Message::Changes(changes));
    }

    /// The label table is this now.
    pub fn table(&self, table: LabelTable) {
        self.tell(Message::Table(table));
    }

    /// A prediction of this run became part of the labels.
    pub fn model(&self, run: ModelRun) {
        self.tell(Message::Model(run));
    }

    /// The pixels of the picture have this size in millimetres now; none that is known.
    pub fn pixel_size(&self, pixel_mm: Option<f64>) {
        self.tell(Message::PixelSize(pixel_mm));
    }

    /// What was handed over so far is in a file.
    pub fn saved(&self, saved: Saved) {
        self.tell(Message::Saved(saved));
    }

    /// The case is closed and there is nothing left that anybody wants: its journal is taken away.
    pub fn end(&self) {
        self.tell(Message::End);
    }

    /// The case is closed, but its work may still be wanted: its journal stays where it is.
    pub fn leave(&self) {
        self.tell(Message::Leave);
    }

    /// Looks for work that was not saved; [`Note::Found`] follows.
    pub fn survey(&self) {
        self.tell(Message::Survey);
    }

    /// Puts a journal aside; [`Note::Found`] with the others follows.
    pub fn discard(&self, path: PathBuf) {
        self.tell(Message::Discard(path));
    }

    /// Reads the journal at `path` for the open image of this many frames named `name`; [`Note::Recovered`] follows. On success it is the
    /// journal of this case from then on.
    pub fn recover(&self, case: u64, path: PathBuf, name: &str, grid: Grid, n_frames: usize) {
        self.tell(Message::Recover { case, path, name: name.to_owned(), grid, n_frames });
    }

    /// What the thread has said since the last call; never waits.
    pub fn poll(&self) -> Vec<Note> {
        self.notes.try_iter().collect()
    }

    /// Waits until all that was handed over is written, or could not be. Not for a frame.
    pub fn wait(&self) {
        let (done, is_done) = bounded(1);
        self.tell(Message::Wait(done));
        // A thread that has ended holds no sender: then there is nothing to wait for.
        is_done.recv().ok();
    }

    fn tell(&self, message: Message) {
        let is_heard = self.messages.as_ref().is_some_and(|messages| messages.send(message).is_ok());
        if !is_heard {
            log::error!("the journal's thread has ended: changes are not kept");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the journal's thread ended in a panic");
        }
    }
}
