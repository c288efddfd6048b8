//! The journal thread's own side: what waits to be written, and the file.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{Message, Note};
use crate::domain::history::Change;
use crate::domain::{Edit, FrameEdits, FrameLabels, LabelMap, LabelTable};
use crate::engine::job::Failure;
use crate::io::journal::{self, Header, Journal, JournalError, Record, Saved};
use crate::io::provenance::ModelRun;

/// Longest time between a change and its safety from a power cut, and between two tries on a disk that refuses.
const SYNC_EVERY: Duration = Duration::from_secs(2);
/// A table changes with each step of a slider: only where it comes to rest is written, unless something else comes.
const TABLE_RESTS: Duration = Duration::from_millis(300);

/// Something to write.
#[derive(Debug)]
enum Item {
    Base(FrameLabels, LabelTable),
    Change(Change),
    Table(LabelTable),
    Model(ModelRun),
    PixelSize(Option<f64>),
    Saved(Saved),
}

impl Item {
    /// Whether it is work that could be lost: only such has a journal begun.
    fn is_work(&self) -> bool {
        matches!(self, Self::Change(_) | Self::Table(_))
    }
}

/// The thread's state.
pub(super) struct Desk<S> {
    folder: PathBuf,
    say: S,
    /// What the journal will be about, until it is begun.
    header: Option<Header>,
    journal: Option<Journal>,
    waiting: VecDeque<Item>,
    /// The newest table, and when it is written at the latest.
    table: Option<(LabelTable, Instant)>,
    /// When the file is synced next, where something was written since the last time.
    sync_at: Option<Instant>,
    /// When the disk is tried again, where it refused.
    retry_at: Option<Instant>,
}

impl<S: Fn(Note)> Desk<S> {
    pub fn new(folder: PathBuf, say: S) -> Self {
        Self {
            folder,
            say,
            header: None,
            journal: None,
            waiting: VecDeque::new(),
            table: None,
            sync_at: None,
            retry_at: None,
        }
    }

    /// Works until nobody can send any more.
    pub fn work(mut self, inbox: &Receiver<Message>) {
        loop {
            let due = [self.table.as_ref().map(|(_, at)| *at), self.sync_at, self.retry_at].into_iter().flatten().min();
            let message = match due {
                Some(at) => inbox.recv_deadline(at),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.be_on_time(Instant::now()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.write_all();
        self.sync();
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Begin { case, image, grid, n_frames, table } => {
                self.leave();
                self.header = Some(Header::new(&case, image.as_deref(), &grid, n_frames, table));
            }
            Message::Base(labels, table, path) => {
                let saved = Saved { path, labels: true, table: true };
                self.add([Item::Base(labels, table), Item::Saved(saved)]);
            }
            Message::Changes(changes) => self.add(changes.into_iter().map(Item::Change)),
            Message::Table(table) => {
                let at = self.table.take().map_or_else(|| Instant::now() + TABLE_RESTS, |(_, at)| at);
                self.table = Some((table, at));
            }
            Message::Model(run) => self.add([Item::Model(run)]),
            Message::PixelSize(pixel_mm) => self.add([Item::PixelSize(pixel_mm)]),
            Message::Saved(saved) => self.add([Item::Saved(saved)]),
            Message::Leave => self.leave(),
            Message::End => self.end(),
            Message::Survey => self.survey(),
            Message::Discard(path) => {
                if let Err(error) = journal::discard(&path) {
                    (self.say)(Note::Failed(failure(error)));
                }
                self.survey();
            }
            Message::Recover { case, path, name, grid, n_frames } => {
                let result = journal::recover(&path, &name, &grid, n_frames).map(|(recovered, journal)| {
                    self.leave();
                    self.journal = Some(journal);
                    Box::new(recovered)
                });
                (self.say)(Note::Recovered { case, result: result.map_err(failure) });
            }
            Message::Wait(done) => {
                self.write_all();
                // Whoever waited may have given up.
                done.send(()).ok();
            }
        }
    }

    fn be_on_time(&mut self, now: Instant) {
        if self.table.as_ref().is_some_and(|(_, at)| *at <= now) || self.retry_at.is_some_and(|at| at <= now) {
            self.write_all();
        }
        if self.sync_at.is_some_and(|at| at <= now) {
            self.sync();
        }
    }

    fn add(&mut self, items: impl IntoIterator<Item = Item>) {
        self.take_table();
        self.waiting.extend(items);
        self.write_waiting();
    }

    fn write_all(&mut self) {
        self.take_table();
        self.write_waiting();
    }

    fn take_table(&mut self) {
        if let Some((table, _)) = self.table.take() {
            self.waiting.push_back(Item::Table(table));
        }
    }

    /// Writes what waits, as far as the disk lets it.
    fn write_waiting(&mut self) {
        if self.journal.is_none() && !self.waiting.iter().any(Item::is_work) {
            return;
        }
        match self.try_to_write() {
            Ok(()) => {
                if self.retry_at.take().is_some() {
                    (self.say)(Note::Protected);
                }
            }
            Err(error) => {
                if self.retry_at.is_none() {
                    (self.say)(Note::Unprotected(failure(error)));
                }
                self.retry_at = Some(Instant::now() + SYNC_EVERY);
            }
        }
    }

    fn try_to_write(&mut self) -> Result<(), JournalError> {
        let journal = match (&mut self.journal, &self.header) {
            (Some(journal), _) => journal,
            (None, Some(header)) => self.journal.insert(Journal::create(&self.folder, header)?),
            // Nothing was begun: there is no case whose work this could be.
            (None, None) => {
                self.waiting.clear();
                return Ok(());
            }
        };
        while let Some(item) = self.waiting.front() {
            write(journal, item)?;
            self.waiting.pop_front();
            self.sync_at.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
        }
        Ok(())
    }

    fn sync(&mut self) {
        if self.sync_at.take().is_some()
            && let Some(Err(error)) = self.journal.as_ref().map(Journal::sync)
        {
            log::warn!("the journal may not outlast a power cut: {error}");
        }
    }

    /// Lets go of the journal and leaves it where it is.
    fn leave(&mut self) {
        self.write_all();
        self.sync();
        self.forget();
    }

    fn end(&mut self) {
        let journal = self.journal.take();
        self.forget();
        if let Some(Err(error)) = journal.map(Journal::remove) {
            log::warn!("a journal that nobody needs stays behind: {error}");
        }
    }

    fn forget(&mut self) {
        self.waiting.clear();
        (self.header, self.journal, self.table, self.sync_at) = (None, None, None, None);
        if self.retry_at.take().is_some() {
            (self.say)(Note::Protected);
        }
    }

    fn survey(&self) {
        (self.say)(Note::Found(journal::survey(&self.folder)));
    }
}

fn write(journal: &mut Journal, item: &Item) -> Result<(), JournalError> {
    match item {
        Item::Base(labels, table) => {
            write_base(journal, labels)?;
            journal.append(&Record::Table(table))
        }
        Item::Change(Change::Applied(edit)) => journal.append(&Record::Applied(edit)),
        Item::Change(Change::Undone(_)) => journal.append(&Record::Undone),
        Item::Change(Change::Redone(_)) => journal.append(&Record::Redone),
        Item::Table(table) => journal.append(&Record::Table(table)),
        Item::Model(run) => journal.append(&Record::Model(run)),
        Item::PixelSize(pixel_mm) => journal.append(&Record::PixelSize(*pixel_mm)),
        Item::Saved(saved) => journal.append(&Record::Saved(saved)),
    }
}

fn write_base(journal: &mut Journal, labels: &FrameLabels) -> Result<(), JournalError> {
    const NAME: &str = "Open labels";
    let empty = LabelMap::empty(labels.shown().grid().clone());
    let edit = |mask: &LabelMap| Edit::between(NAME, &empty, mask);
    if let [only] = labels.masks() {
        return journal.append(&Record::Base(edit(only).as_ref()));
    }
    let parts = labels.masks().iter().enumerate().filter_map(|(mask, labels)| Some((mask, edit(labels)?)));
    let edits = FrameEdits::of_base(NAME, parts.collect(), labels.one_for_all());
    journal.append(&Record::BaseOfFrames(edits.as_ref()))
}

fn failure(error: JournalError) -> Failure {
    anyhow::Error::from(error).into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    use super::super::Recorder;
    use super::*;
    use crate::domain::edit::Stroke;
    use crate::domain::{Grid, History};

    fn grid() -> Grid {
        Grid::axis_aligned([8, 8, 8], [1.0; 3]).expect("valid")
    }

    /// A case whose changes are recorded.
    struct Work {
        folder: TempDir,
        history: History,
        recorder: Recorder,
    }

    impl Work {
        fn begin() -> Self {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let recorder = Recorder::start(folder.path().join("journal"), || {});
            recorder.begin("Sample 1", None, grid(), 1, LabelTable::with_ids(&[1]));
            Self { folder, history: History::new(LabelMap::empty(grid())), recorder }
        }

        fn files(&self) -> Vec<PathBuf> {
            self.recorder.wait();
            let entries = fs::read_dir(self.folder.path().join("journal")).into_iter().flatten();
            entries.map(|entry| entry.expect("readable").path()).collect()
        }

        fn dot(&mut self, position: usize) {
            let mut stroke = Stroke::new("Dot", self.history.labels());
            stroke.set(position, 0, 1);
            self.history.apply(stroke.finish().expect("a change"));
            self.recorder.changes(self.history.take_changes());
        }

        #[track_caller]
        fn note(&self) -> Note {
            self.recorder.wait();
            let mut notes = self.recorder.poll();
            assert_eq!(notes.len(), 1, "{notes:?}");
            notes.remove(0)
        }

        /// The program ends, and the next one looks for what it left.
        fn restart(self) -> (Self, Vec<journal::Found>) {
            let Self { folder, history, recorder } = self;
            drop(recorder);
            let recorder = Recorder::start(folder.path().join("journal"), || {});
            recorder.survey();
            let next = Self { folder, history, recorder };
            let Note::Found(found) = next.note() else { panic!("another note") };
            (next, found)
        }
    }

    #[test]
    fn looking_at_an_image_leaves_no_file() {
        let work = Work::begin();
        let empty = FrameLabels::new(vec![LabelMap::empty(grid())], None);
        work.recorder.base(empty, LabelTable::default(), "mask.nii".into());
        assert!(work.files().is_empty());
    }

    #[test]
    fn a_change_is_offered_at_the_next_start_and_goes_on_in_its_journal() {
        let mut work = Work::begin();
        work.dot(5);
        let (mut work, found) = work.restart();
        assert_eq!(found.len(), 1);
        work.recorder.recover(7, found[0].path.clone(), "Sample 1", grid(), 1);
        let Note::Recovered { case: 7, result: Ok(recovered) } = work.note() else { panic!("not recovered") };
        assert_eq!(recovered.history.labels(), work.history.labels());
        work.history = recovered.history;
        work.dot(6);
        assert_eq!(work.files().len(), 1);
        let (work, found) = work.restart();
        assert_eq!(found[0].n_changes, 2);
        work.recorder.discard(found[0].path.clone());
        assert!(matches!(work.note(), Note::Found(found) if found.is_empty()));
    }

    #[test]
    fn what_is_closed_leaves_no_file() {
        let mut work = Work::begin();
        work.dot(5);
        assert_eq!(work.files().len(), 1);
        work.recorder.end();
        assert!(work.files().is_empty());
    }

    #[test]
    fn the_next_case_leaves_the_journal_of_the_last_where_it_is() {
        let mut work = Work::begin();
        work.dot(5);
        work.recorder.begin("Sample 2", None, grid(), 1, LabelTable::default());
        work.history = History::new(LabelMap::empty(grid()));
        work.dot(1);
        assert_eq!(work.files().len(), 2);
    }

    #[test]
    fn labels_of_a_file_come_back_without_the_file() {
        let mut work = Work::begin();
        work.dot(9);
        work.recorder.end();
        work.recorder.begin("Sample 1", None, grid(), 1, LabelTable::default());
        work.recorder.base(work.history.frames().clone(), LabelTable::default(), "mask.nii".into());
        work.history = History::new(work.history.labels().clone());
        work.dot(10);
        let (work, found) = work.restart();
        work.recorder.recover(1, found[0].path.clone(), "Sample 1", grid(), 1);
        let Note::Recovered { result: Ok(recovered), .. } = work.note() else { panic!("not recovered") };
        assert_eq!(recovered.history.labels(), work.history.labels());
        assert_eq!(recovered.labels_path.as_deref(), Some(Path::new("mask.nii")));
    }

    #[test]
    fn only_the_last_table_of_a_slider_is_written() {
        let work = Work::begin();
        for id in 1..100 {
            work.recorder.table(LabelTable::with_ids(&[id]));
        }
        let (_, found) = work.restart();
        assert_eq!(found[0].n_changes, 1);
    }

    #[test]
    fn a_disk_that_refuses_is_said_once_and_what_waited_is_written_when_it_gives_in() {
        let mut work = Work::begin();
        let folder = work.folder.path().join("journal");
        fs::write(&folder, "a file in the way").expect("writable");
        work.dot(1);
        assert!(matches!(work.note(), Note::Unprotected(_)));
        work.dot(2);
        work.recorder.wait();
        assert!(work.recorder.poll().is_empty());
        fs::remove_file(&folder).expect("removable");
        work.dot(3);
        assert!(matches!(work.note(), Note::Protected));
        let (_, found) = work.restart();
        assert_eq!(found[0].n_changes, 3);
    }
}
