//! Work that is cut off anywhere comes back as it was before or after the last change.

mod frames;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::domain::edit::Stroke;
use crate::domain::history::Change;
use crate::domain::{History, Label, LabelMap};

const SHAPE: [usize; 3] = [6, 5, 4];

fn grid() -> Grid {
    Grid::axis_aligned(SHAPE, [0.7, 1.1, 3.0]).unwrap()
}

/// A case at work, as the window holds it, with its journal.
struct Desk {
    folder: TempDir,
    history: History,
    journal: Journal,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let header = Header::new("Sample 1", None, &grid(), 1, LabelTable::with_ids(&[1]));
        let journal = Journal::create(folder.path(), &header).unwrap();
        Self { folder, history: History::new(LabelMap::empty(grid())), journal }
    }

    fn dot(&mut self, position: usize, id: u16) {
        let mut stroke = Stroke::new(format!("Dot {position}"), self.history.labels());
        stroke.set(position, self.history.labels().id_at(position), id);
        if let Some(edit) = stroke.finish() {
            self.history.apply(edit);
        }
        self.write();
    }

    fn undo(&mut self) {
        self.history.undo();
        self.write();
    }

    fn redo(&mut self) {
        self.history.redo();
        self.write();
    }

    fn write(&mut self) {
        for change in self.history.take_changes() {
            let record = match &change {
                Change::Applied(edit) => Record::Applied(edit),
                Change::Undone(_) => Record::Undone,
                Change::Redone(_) => Record::Redone,
            };
            self.journal.append(&record).unwrap();
        }
    }

    fn save(&mut self) {
        self.history.mark_saved();
        self.journal.append(&Record::Saved(&saved("mask.nii"))).unwrap();
    }

    /// The program ends without a word.
    fn die(self) -> (TempDir, PathBuf, History) {
        (self.folder, self.journal.path().to_owned(), self.history)
    }
}

fn saved(path: &str) -> Saved {
    Saved { path: path.into(), labels: true, table: true }
}

fn back(path: &Path) -> Recovered {
    recover(path, "Sample 1", &grid(), 1).unwrap().0
}

#[test]
fn work_comes_back_with_its_history() {
    let mut desk = Desk::new();
    for position in 0..5 {
        desk.dot(position, 2);
    }
    desk.undo();
    desk.undo();
    desk.redo();
    let (_folder, path, mut history) = desk.die();
    let mut recovered = back(&path);
    assert_eq!(recovered.history.labels(), history.labels());
    assert!(recovered.history.entries().eq(history.entries()));
    assert!(!recovered.history.is_saved());
    assert_eq!((recovered.history.redo(), history.redo()), (Some("Dot 4"), Some("Dot 4")));
    recovered.history.go_to(0);
    assert_eq!(recovered.history.labels(), &LabelMap::empty(grid()));
    assert_eq!((recovered.n_records, recovered.warnings.len()), (8, 0));
}

#[test]
fn labels_can_be_had_without_their_image() {
    let mut desk = Desk::new();
    desk.dot(3, 2);
    let (_folder, path, history) = desk.die();
    let before = fs::read(&path).unwrap();
    let recovered = recover_without_image(&path).unwrap();
    assert_eq!(recovered.history.labels(), history.labels());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_was_recovered_goes_on_in_the_same_journal() {
    let mut desk = Desk::new();
    desk.dot(1, 1);
    let (folder, path, _) = desk.die();
    let (Recovered { history, .. }, journal) = recover(&path, "Sample 1", &grid(), 1).unwrap();
    let mut desk = Desk { folder, history, journal };
    desk.undo();
    desk.dot(2, 3);
    let (folder, path, history) = desk.die();
    assert_eq!(back(&path).history.labels(), history.labels());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_torn_end_is_cut_off_and_said() {
    let mut desk = Desk::new();
    desk.dot(1, 1);
    let n_whole_bytes = desk.journal.path().metadata().unwrap().len();
    desk.dot(2, 1);
    let (_folder, path, mut history) = desk.die();
    let n_bytes = path.metadata().unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(n_bytes - 3).unwrap();
    let recovered = back(&path);
    history.undo();
    assert_eq!(recovered.history.labels(), history.labels());
    assert_eq!(recovered.warnings.len(), 1);
    assert_eq!(path.metadata().unwrap().len(), n_whole_bytes);
}

#[test]
fn work_on_another_image_is_refused_and_kept() {
    let mut desk = Desk::new();
    desk.dot(1, 1);
    let (_folder, path, _) = desk.die();
    let other_grid = Grid::axis_aligned(SHAPE, [0.7, 1.1, 2.0]).unwrap();
    for (case, grid) in [("Sample 1", other_grid), ("Sample 2", grid())] {
        let error = recover(&path, case, &grid, 1).unwrap_err();
        assert!(matches!(error, JournalError::OtherImage { .. }), "{error}");
    }
    assert_eq!(back(&path).n_records, 1);
}

#[test]
fn an_image_that_was_written_again_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("scan.nii");
    fs::write(&image, "voxels").unwrap();
    let header = Header::new("scan", Some(&image), &grid(), 1, LabelTable::default());
    let path = Journal::create(folder.path(), &header).unwrap().path().to_owned();
    let warnings = || recover(&path, "scan", &grid(), 1).unwrap().0.warnings;
    assert!(warnings().is_empty());
    fs::write(&image, "other voxels").unwrap();
    assert_eq!(warnings().len(), 1);
}

#[test]
fn live_work_is_not_offered_and_not_taken() {
    let mut desk = Desk::new();
    desk.dot(1, 1);
    assert_eq!(survey(desk.folder.path()), []);
    let path = desk.journal.path().to_owned();
    assert!(matches!(recover(&path, "Sample 1", &grid(), 1), Err(JournalError::InUse { .. })));
    assert!(matches!(discard(&path), Err(JournalError::InUse { .. })));
    let (folder, path, _) = desk.die();
    let found = survey(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].path, found[0].n_changes, found[0].header.case.as_str()), (&path, 1, "Sample 1"));
}

#[test]
fn saved_work_is_not_offered_and_its_journal_goes() {
    let mut desk = Desk::new();
    desk.dot(1, 1);
    desk.save();
    let (folder, path, _) = desk.die();
    assert_eq!(survey(folder.path()), []);
    assert!(!path.exists());
}

#[test]
fn a_table_that_was_not_saved_is_offered() {
    let mut desk = Desk::new();
    desk.dot(1, 1);
    desk.save();
    let mut table = LabelTable::with_ids(&[1]);
    table.push(Label::new(2, "heart"));
    desk.journal.append(&Record::Table(&table)).unwrap();
    let (folder, path, _) = desk.die();
    assert_eq!(survey(folder.path())[0].n_changes, 1);
    let recovered = back(&path);
    assert_eq!((recovered.table, recovered.table_is_saved), (table, false));
    assert!(recovered.history.is_saved());
    assert_eq!(recovered.labels_path.as_deref(), Some(Path::new("mask.nii")));
}

#[test]
fn labels_of_a_file_are_where_the_history_begins() {
    let mut desk = Desk::new();
    desk.dot(3, 4);
    let base = desk.history.labels().clone();
    let edit = Edit::between("Base", &LabelMap::empty(grid()), &base).unwrap();
    desk.journal.append(&Record::Base(Some(&edit))).unwrap();
    desk.history = History::new(base.clone());
    desk.dot(5, 1);
    let (_folder, path, history) = desk.die();
    let mut recovered = back(&path);
    assert_eq!(recovered.history.labels(), history.labels());
    recovered.history.go_to(0);
    assert_eq!(recovered.history.labels(), &base);
}

#[test]
fn the_model_whose_prediction_was_accepted_is_remembered() {
    let mut desk = Desk::new();
    let run = ModelRun {
        model: "hippocampus".to_owned(),
        model_sha256: "ab".to_owned(),
        seed: 3,
        sampler: "ddim".to_owned(),
        steps: 2,
        samples: 1,
        device: "CPU".to_owned(),
        which: None,
    };
    desk.dot(1, 1);
    desk.journal.append(&Record::Model(&run)).unwrap();
    let (folder, path, _) = desk.die();
    assert_eq!(survey(folder.path())[0].n_changes, 1, "where labels come from is no change of them");
    assert_eq!(back(&path).model, Some(run));
}

#[test]
fn a_discarded_journal_is_kept_for_a_week() {
    let mut desk = Desk::new();
    desk.dot(1, 1);
    let (folder, path, _) = desk.die();
    discard(&path).unwrap();
    assert_eq!(survey(folder.path()), []);
    let aside = path.with_extension("journal.discarded");
    assert!(aside.exists() && !path.exists());
    let eight_days_ago = SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
    fs::OpenOptions::new().write(true).open(&aside).unwrap().set_modified(eight_days_ago).unwrap();
    survey(folder.path());
    assert!(!aside.exists());
}

#[test]
fn what_is_no_journal_is_said_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.journal");
    for text in ["", "LDSEG", "something else altogether", "LDSEGJNL\u{1}\0\0\0"] {
        fs::write(&path, text).unwrap();
        let error = recover(&path, "Sample 1", &grid(), 1).unwrap_err();
        assert!(matches!(error, JournalError::NotJournal { .. }), "{error}");
    }
    fs::write(&path, "LDSEGJNL\u{3}\0\0\0").unwrap();
    let error = recover(&path, "Sample 1", &grid(), 1).unwrap_err();
    assert!(matches!(error, JournalError::Version { found: 3, expected: 2, .. }), "{error}");
    assert_eq!(survey(folder.path()), []);
    assert!(path.exists());
}

#[cfg(unix)]
#[test]
fn only_this_person_may_read_a_journal() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/journal");
    let header = Header::new("Sample 1", None, &grid(), 1, LabelTable::default());
    let journal = Journal::create(&folder, &header).unwrap();
    assert_eq!(journal.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let root = tempfile::tempdir().unwrap();
    let blocked = root.path().join("journal");
    fs::write(&blocked, "a file in the way").unwrap();
    let header = Header::new("Sample 1", None, &grid(), 1, LabelTable::default());
    assert!(matches!(Journal::create(&blocked, &header), Err(JournalError::File(_))));
}

/// A few changes, and the labels after each.
fn session() -> (TempDir, PathBuf, Vec<LabelMap>) {
    let mut desk = Desk::new();
    let mut states = vec![desk.history.labels().clone()];
    for step in 0..12 {
        match step % 4 {
            3 => desk.undo(),
            2 => desk.redo(),
            _ => desk.dot(step * 7, step as u16 + 1),
        }
        states.push(desk.history.labels().clone());
    }
    let (folder, path, _) = desk.die();
    (folder, path, states)
}

#[test]
fn a_journal_that_ends_anywhere_gives_a_state_that_there_was_and_never_less_than_the_records_before() {
    let (folder, path, states) = session();
    let whole = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.journal");
    let mut newest = 0;
    for n_bytes in 0..=whole.len() {
        fs::write(&cut, &whole[..n_bytes]).unwrap();
        let Ok((recovered, _)) = recover(&cut, "Sample 1", &grid(), 1) else {
            assert_eq!(newest, 0, "a longer file gives more");
            continue;
        };
        let labels = recovered.history.labels();
        newest += states[newest..].iter().position(|state| state == labels).expect("one of those that there were");
    }
    assert_eq!(states[newest], states[states.len() - 1]);
}

proptest! {
    #[test]
    fn whatever_was_done_comes_back_as_it_was(acts in prop::collection::vec((0..8u8, 0..120usize, 0..4u16), 0..40)) {
        let mut desk = Desk::new();
        for (act, position, id) in acts {
            match act {
                0 => desk.undo(),
                1 => desk.redo(),
                2 => desk.save(),
                3 => {
                    desk.history.go_to(position % 8);
                    desk.write();
                }
                _ => desk.dot(position, id),
            }
        }
        let (folder, path, mut history) = desk.die();
        let found = survey(folder.path());
        prop_assert_eq!(found.is_empty(), history.is_saved(), "unsaved work is offered, and nothing else");
        if history.is_saved() {
            return Ok(());
        }
        let mut recovered = back(&path).history;
        prop_assert_eq!(recovered.labels(), history.labels());
        prop_assert!(recovered.entries().eq(history.entries()));
        prop_assert_eq!(recovered.saved_at(), history.saved_at());
        let n_entries = history.entries().len();
        for n_applied in (0..=n_entries).rev() {
            recovered.go_to(n_applied);
            history.go_to(n_applied);
            prop_assert_eq!(recovered.labels(), history.labels());
        }
    }

    #[test]
    fn a_byte_that_was_flipped_ends_the_journal_there(at in any::<prop::sample::Index>(), bit in 0..8u32) {
        let (_folder, path, states) = session();
        let mut bytes = fs::read(&path).unwrap();
        *at.get_mut(&mut bytes) ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        if let Ok((recovered, _)) = recover(&path, "Sample 1", &grid(), 1) {
            prop_assert!(states.contains(recovered.history.labels()));
        }
    }
}
