//! The masks of several frames come back, and so does work that older programs did on one.

use super::*;
use crate::domain::{FrameEdits, FrameLabels};

const N_FRAMES: usize = 3;

/// A case of several frames at work, with its journal.
struct FrameDesk {
    folder: TempDir,
    history: History,
    journal: Journal,
}

impl FrameDesk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let header = Header::new("Sample 1", None, &grid(), N_FRAMES, LabelTable::with_ids(&[1]));
        let journal = Journal::create(folder.path(), &header).unwrap();
        let masks = vec![LabelMap::empty(grid()); N_FRAMES];
        Self { folder, history: History::of_frames(FrameLabels::new(masks, None)), journal }
    }

    fn dot(&mut self, position: usize, id: u16) {
        let mut stroke = Stroke::new(format!("Dot {position}"), self.history.labels());
        stroke.set(position, self.history.labels().id_at(position), id);
        stroke.finish().into_iter().for_each(|edit| self.history.apply(edit));
    }

    /// The same dot in every frame at once.
    fn dots(&mut self, position: usize, id: u16) {
        let dot = |(mask, labels): (usize, &std::sync::Arc<LabelMap>)| {
            let mut stroke = Stroke::new("Dots", labels);
            stroke.set(position, labels.id_at(position), id);
            Some((mask, stroke.finish()?))
        };
        let parts = self.history.frames().masks().iter().enumerate().filter_map(dot).collect();
        FrameEdits::of_several("Dots", parts).into_iter().for_each(|edits| self.history.apply_to_frames(edits));
    }

    fn write(&mut self) {
        for change in self.history.take_changes() {
            let record = match &change {
                Change::Applied(edits) => Record::Applied(edits),
                Change::Undone(_) => Record::Undone,
                Change::Redone(_) => Record::Redone,
            };
            self.journal.append(&record).unwrap();
        }
    }

    fn die(self) -> (TempDir, PathBuf, History) {
        (self.folder, self.journal.path().to_owned(), self.history)
    }
}

fn frames_back(path: &Path) -> History {
    recover(path, "Sample 1", &grid(), N_FRAMES).unwrap().0.history
}

#[test]
fn an_image_of_another_number_of_frames_is_another_image() {
    let mut desk = FrameDesk::new();
    desk.dot(1, 1);
    desk.write();
    let (_folder, path, _) = desk.die();
    for n_frames in [1, 2, 4] {
        let error = recover(&path, "Sample 1", &grid(), n_frames).unwrap_err();
        assert!(error.to_string().contains(&format!("it had 3 frames, this has {n_frames}")), "{error}");
    }
}

#[test]
fn work_of_an_older_program_is_one_mask_for_all_frames_and_goes_on_as_several() {
    // As it was written before frames were known: one mask, version 1, no word of frames.
    let mut desk = Desk::new();
    desk.dot(7, 2);
    let (folder, path, one) = desk.die();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[8..12], [1, 0, 0, 0]);
    let (recovered, journal) = recover(&path, "Sample 1", &grid(), N_FRAMES).unwrap();
    assert_eq!(recovered.history.frames().one_for_all(), Some(0));
    assert_eq!(recovered.history.labels(), one.labels());

    let mut desk = FrameDesk { folder, history: recovered.history, journal };
    desk.history.share_mask(false);
    desk.history.show(2);
    desk.dot(9, 1);
    desk.write();
    let (_folder, path, history) = desk.die();
    assert_eq!(fs::read(&path).unwrap()[8..12], [2, 0, 0, 0], "the older program must not take frames for a torn end");
    assert_eq!(frames_back(&path).frames().masks(), history.frames().masks());
    let alone = recover_without_image(&path).unwrap().history;
    assert_eq!(alone.frames().masks(), history.frames().masks());
    assert_eq!(alone.in_use().len(), N_FRAMES);
}

#[test]
fn masks_of_a_file_are_where_the_history_of_all_frames_begins() {
    let mut desk = FrameDesk::new();
    desk.dot(3, 4);
    desk.history.show(1);
    desk.dot(4, 2);
    let masks: Vec<LabelMap> = desk.history.frames().masks().iter().map(|mask| LabelMap::clone(mask)).collect();
    let parts = masks
        .iter()
        .enumerate()
        .filter_map(|(mask, labels)| Some((mask, Edit::between("Base", &LabelMap::empty(grid()), labels)?)));
    let base = FrameEdits::of_base("Base", parts.collect(), Some(1)).unwrap();
    desk.journal.append(&Record::BaseOfFrames(Some(&base))).unwrap();
    desk.history = History::of_frames(FrameLabels::new(masks.clone(), Some(1)));
    desk.dot(5, 1);
    desk.write();
    let (folder, path, history) = desk.die();
    assert_eq!(survey(folder.path())[0].n_changes, 1);
    let mut recovered = frames_back(&path);
    assert_eq!(recovered.frames().masks(), history.frames().masks());
    recovered.go_to(0);
    assert_eq!(recovered.frames().one_for_all(), Some(1));
    assert!(recovered.frames().masks().iter().map(|mask| &**mask).eq(&masks));
}

proptest! {
    #[test]
    fn whatever_was_done_in_whichever_frames_comes_back(
        acts in prop::collection::vec((0..10u8, 0..120usize, 0..4u16), 0..40),
    ) {
        let mut desk = FrameDesk::new();
        for (act, position, id) in acts {
            match act {
                0 => drop(desk.history.undo().map(str::to_owned)),
                1 => drop(desk.history.redo().map(str::to_owned)),
                2 => desk.history.share_mask(id % 2 == 0),
                3 => desk.dots(position, id),
                4..7 => desk.history.show(position % N_FRAMES),
                _ => desk.dot(position, id),
            }
            desk.write();
        }
        let (_folder, path, mut history) = desk.die();
        for mut recovered in [frames_back(&path), recover_without_image(&path).unwrap().history] {
            prop_assert_eq!(recovered.frames().masks(), history.frames().masks());
            prop_assert_eq!(recovered.frames().one_for_all(), history.frames().one_for_all());
            prop_assert!(recovered.entries().eq(history.entries()));
            let n_entries = history.entries().len();
            for n_applied in (0..=n_entries).rev() {
                recovered.go_to(n_applied);
                history.go_to(n_applied);
                prop_assert_eq!(recovered.frames().masks(), history.frames().masks());
            }
            history.go_to(usize::MAX);
            recovered.go_to(usize::MAX);
            prop_assert_eq!(recovered.frames().masks(), history.frames().masks());
            history = frames_back(&path);
        }
    }
}
