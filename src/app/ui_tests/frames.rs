//! A volume over time: a mask for each frame, or one for all.

use std::path::{Path, PathBuf};

use super::recovery::{next_window, wait_for_recorder, window_with};
use super::*;
use crate::app::file_dialog::Picked;
use crate::domain::{Grid, LabelMap, Scaling, Volume, Voxels};
use crate::io::nifti::{read_header, write_labels, write_volume};
use crate::io::read_volume;
use crate::monitor::Silent;

const N_FRAMES: usize = 4;
const SHAPE: [usize; 3] = [24, 20, 12];

fn grid() -> Grid {
    Grid::axis_aligned(SHAPE, [2.0, 2.0, 2.0]).expect("valid")
}

/// A ball of noise that beats.
fn cine(folder: &Path) -> PathBuf {
    let n_voxels: usize = SHAPE.iter().product();
    let values = (0..n_voxels * N_FRAMES).map(|at| (at * 7919 % 251) as i16).collect();
    let volume = Volume::new(grid(), Voxels::I16(values), Scaling::NONE, N_FRAMES).expect("fits");
    let path = folder.join("cine.nii.gz");
    write_volume(&path, &volume, None, &Silent).expect("writable");
    path
}

fn open(window: &mut Window) {
    wait(window, |app| app.state.case.is_some() && app.is_idle());
}

/// A window on a volume of four frames, whose masks are empty.
fn cine_window(folder: &Path) -> Window {
    let mut window = window(Start { image: Some(cine(folder)), ..Start::default() });
    open(&mut window);
    window
}

/// Paints a stroke in the frame shown.
fn paint(window: &mut Window) {
    press(window, Modifiers::NONE, Key::B);
    let at = view_center(window, Plane::Axial);
    drag(window, at, PointerButton::Primary);
    window.run_steps(2);
}

/// A window on it with a stroke in each of the first two frames, of which it shows the second.
fn painted_twice(folder: &Path) -> Window {
    let mut window = cine_window(folder);
    paint(&mut window);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    paint(&mut window);
    window
}

/// Labelled voxels of each mask.
fn drawn(window: &Window) -> Vec<usize> {
    let masks = case(window).history.frames().masks();
    masks.iter().map(|mask| mask.iter().filter(|id| *id != 0).count()).collect()
}

fn save_as(window: &mut Window, path: &Path) {
    window.state_mut().use_picked(Picked::File(Purpose::SaveLabels(None), path.to_owned()));
    wait(window, |app| app.state.saving.is_none());
}

#[test]
fn each_frame_has_its_own_mask_and_undo_goes_to_the_frame_of_the_change() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    paint(&mut window);
    let first = n_labelled(&window);
    assert!(first > 0);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!((case(&window).frame, n_labelled(&window)), (1, 0), "the next frame is another mask");
    assert_eq!(case(&window).count(1), Some(0), "what is counted is of the frame shown");
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    paint(&mut window);
    assert_eq!(drawn(&window), [first, 0, n_labelled(&window), 0]);
    assert!(window.query_by_label("A mask for each frame: 2 of 4 are drawn on").is_some());

    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!((case(&window).frame, drawn(&window)), (2, vec![first, 0, 0, 0]));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!((case(&window).frame, drawn(&window)), (0, vec![0; 4]));
    assert!(window.query_by_label_contains("Frame 1 of 4").is_some());
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(case(&window).frame, 2);
    assert_eq!(drawn(&window).iter().filter(|n| **n > 0).count(), 2);
}

#[test]
fn an_outline_stays_in_the_frame_that_it_was_begun_in() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    click(&mut window, "Polygon");
    let middle = view_center(&window, Plane::Axial);
    for by in [vec2(-40.0, -40.0), vec2(40.0, -40.0), vec2(0.0, 40.0)] {
        click_at(&mut window, middle + by, Modifiers::NONE);
        window.run_steps(40);
    }
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(case(&window).frame, 0);
    assert!(notices(&window).contains("The outline is of this frame"), "{}", notices(&window));
    press(&mut window, Modifiers::NONE, Key::Enter);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(case(&window).frame, 1);
    assert!(drawn(&window)[0] > 0 && drawn(&window)[1..] == [0; 3]);
}

#[test]
fn masks_that_are_kept_aside_are_not_closed_with_the_one_that_was_saved() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = painted_twice(folder.path());
    click(&mut window, "Masks: One for all");
    let purpose = Purpose::SaveLabels(Some(Next::Close));
    window.state_mut().use_picked(Picked::File(purpose, folder.path().join("one.nii.gz")));
    wait(&mut window, |app| app.state.saving.is_none());
    assert!(window.state().state.case.is_some(), "it would be gone");
    assert!(notices(&window).contains("those of 1 other frame are not in the file"), "{}", notices(&window));
}

#[test]
fn one_mask_for_all_frames_is_a_choice_that_loses_nothing() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = painted_twice(folder.path());
    let before = drawn(&window);
    click(&mut window, "Masks: One for all");
    let text = "One mask for all 4 frames: that of frame 2. The mask of 1 other frame is kept aside";
    assert!(window.query_by_label(text).is_some());
    save_as(&mut window, &folder.path().join("one.nii.gz"));
    assert!(notices(&window).contains("those of 1 other frame are not in the file"), "{}", notices(&window));
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(n_labelled(&window), before[1], "the mask of frame 2 is that of frame 3");
    assert!(Command::ShowOverTime.enabled(&window.state().state).is_err());
    click(&mut window, "Masks: Each frame");
    assert_eq!((n_labelled(&window), drawn(&window)), (0, before.clone()));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), before[1], "the choice itself can be undone");
}

#[test]
fn masks_of_all_frames_are_saved_as_one_file_and_opened_again() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    paint(&mut window);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    press(&mut window, Modifiers::NONE, Key::ArrowUp);
    paint(&mut window);
    let (masks, before) = (case(&window).history.frames().masks().to_vec(), drawn(&window));
    let path = folder.path().join("mask.nii.gz");
    save_as(&mut window, &path);
    assert!(!window.state().state.has_unsaved_changes(), "{}", notices(&window));
    let saved = read_volume(&path, &Silent, &mut |_| {}).expect("readable").volume;
    assert_eq!((saved.grid().shape(), saved.n_frames()), (SHAPE, N_FRAMES));

    save_as(&mut window, &folder.path().join("mask.seg.nrrd"));
    assert!(notices(&window).contains("one for each of 4 frames: save them as .nii.gz"), "{}", notices(&window));

    let start = Start { image: Some(folder.path().join("cine.nii.gz")), labels: Some(path), ..Start::default() };
    let mut window = super::window(start);
    wait(&mut window, |app| app.is_idle() && app.state.case.as_ref().is_some_and(|case| !case.is_empty()));
    assert_eq!(case(&window).history.frames().masks(), masks);
    assert_eq!((case(&window).history.frames().one_for_all(), drawn(&window)), (None, before));
    assert!(!window.state().state.has_unsaved_changes());
}

#[test]
fn a_mask_of_one_frame_is_one_for_all_and_saved_as_one() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let image = cine(folder.path());
    let mask = folder.path().join("mask.nii.gz");
    let n_voxels: usize = SHAPE.iter().product();
    let labels = LabelMap::new(grid(), (0..n_voxels).map(|at| u16::from(at < 100)).collect()).expect("fits");
    write_labels(&mask, &labels, None, &Silent).expect("writable");
    let mut window = window(Start { image: Some(image), labels: Some(mask), ..Start::default() });
    wait(&mut window, |app| app.is_idle() && app.state.case.as_ref().is_some_and(|case| !case.is_empty()));
    for _ in 0..N_FRAMES {
        assert_eq!(n_labelled(&window), 100);
        press(&mut window, Modifiers::NONE, Key::ArrowRight);
    }
    assert!(notices(&window).contains("One mask for all 4 frames"));
    let again = folder.path().join("again.nii.gz");
    save_as(&mut window, &again);
    assert_eq!(read_header(&again).expect("readable").0.n_frames(), 1);
    click(&mut window, "Masks: Each frame");
    assert_eq!(drawn(&window), [100, 0, 0, 0], "it was of the frame that was shown");
    // A mask that comes now is that of the frame shown.
    window.state_mut().use_picked(Picked::File(Purpose::OpenLabels, again));
    wait(&mut window, |app| app.is_idle());
    assert_eq!(drawn(&window), [100, 0, 0, 100]);
}

#[test]
fn masks_of_a_window_that_was_killed_come_back_in_their_frames() {
    let (folder, journal) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let start = Start { image: Some(cine(folder.path())), ..Start::default() };
    let mut window = window_with(journal.path(), start);
    open(&mut window);
    paint(&mut window);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    press(&mut window, Modifiers::NONE, Key::ArrowUp);
    paint(&mut window);
    let (masks, name) = (case(&window).history.frames().masks().to_vec(), case(&window).opened.name.clone());
    assert_eq!(drawn(&window).iter().filter(|n| **n > 0).count(), 2);
    wait_for_recorder(&window);
    // Without the goodbye of a window that is closed.
    drop(window);

    let mut window = next_window(journal.path());
    click(&mut window, &format!("Recover {name}"));
    open(&mut window);
    assert_eq!(case(&window).history.frames().masks(), masks);
    assert_eq!(case(&window).count(1), Some(drawn(&window)[0] as u64));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!((case(&window).frame, drawn(&window)[1]), (1, 0), "undo goes to the second frame");
}

#[test]
fn labels_are_copied_to_other_frames_and_filled_in_between() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    paint(&mut window);
    let n = n_labelled(&window);
    press(&mut window, Modifiers::SHIFT, Key::ArrowRight);
    wait(&mut window, |app| app.is_idle());
    assert_eq!((case(&window).frame, drawn(&window)), (1, vec![n, n, 0, 0]));
    click(&mut window, "Copy to all following");
    wait(&mut window, |app| app.is_idle());
    assert_eq!(drawn(&window), [n; 4]);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(drawn(&window), [n, n, 0, 0], "all of it is one step");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    window.state_mut().apply(Action::SetFrame(0));
    click(&mut window, "Copy to all following");
    wait(&mut window, |app| app.is_idle());
    for frame in [1, 2] {
        window.state_mut().apply(Action::SetFrame(frame));
        let case = window.state_mut().state.case.as_mut().expect("open");
        let edit = case.history.labels().without("Erase", 1).expect("it has voxels");
        case.history.apply(edit);
        window.run_steps(2);
    }
    assert_eq!(drawn(&window), [n, 0, 0, n]);
    click(&mut window, "Fill between frames");
    wait(&mut window, |app| app.is_idle());
    assert_eq!(drawn(&window), [n; 4]);
}

#[test]
fn a_label_that_is_deleted_goes_from_every_frame() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = painted_twice(folder.path());
    let before = drawn(&window);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    window.state_mut().apply(Action::Command(Command::DeleteLabel));
    window.run_steps(2);
    assert!(matches!(window.state().state.dialog, Some(Dialog::DeleteLabel(1))), "it has voxels in other frames");
    click(&mut window, "Delete");
    wait(&mut window, |app| app.is_idle());
    assert_eq!((drawn(&window), case(&window).table.labels.len()), (vec![0; 4], 0));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!((drawn(&window), case(&window).table.labels.len()), (before, 1));
}

#[test]
fn all_frames_are_segmented_each_into_its_own_mask() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    let settings = &mut window.state_mut().state.settings.segment;
    (settings.model, settings.device) = ("phantom-3d".to_owned(), DeviceChoice::Cpu);
    window.run_steps(2);
    click(&mut window, "Frames to segment: All frames");
    click(&mut window, "Segment");
    wait(&mut window, |app| app.state.segmenting.is_none());
    let preview = case(&window).preview.as_ref().expect("it was segmented");
    assert_eq!(preview.frames.len(), N_FRAMES);
    // Noise is no body: what counts is which frame's answer is shown and accepted where.
    let found =
        |frame: usize| LabelMap::new(grid(), vec![frame as u16 % 2 + 1; SHAPE.iter().product()]).expect("fits").into();
    let preview = window.state_mut().state.case.as_mut().and_then(|case| case.preview.as_mut()).expect("a preview");
    preview.frames = (0..N_FRAMES).map(found).collect();
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    let shown = case(&window).preview.as_ref().expect("it is of all frames");
    assert_eq!((shown.frame, shown.labels.id_at(0)), (1, 2));
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, |app| app.is_idle());
    let masks = case(&window).history.frames().masks();
    assert!(case(&window).preview.is_none());
    assert_eq!(masks[0].id_at(0), masks[2].id_at(0));
    assert!(masks[0].id_at(0) != 0 && masks[1].id_at(0) != 0 && masks[0].id_at(0) != masks[1].id_at(0));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(drawn(&window), [0; 4], "accepting is one step");
}

#[test]
fn a_preview_of_one_frame_waits_there() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    let labels: std::sync::Arc<_> = LabelMap::new(grid(), vec![1; SHAPE.iter().product()]).expect("fits").into();
    let origin = Origin {
        settings: SegmentSettings::default(),
        model_sha256: String::new(),
        device: "CPU".to_owned(),
        slice: None,
        which: None,
    };
    let table = crate::domain::LabelTable::with_ids(&[1]);
    window.state_mut().show_as_preview((labels, Vec::new()), 2, table, Source::Model(origin));
    window.run_steps(2);
    assert!(case(&window).preview.is_none() && notices(&window).contains("ready in frame 3"));
    window.state_mut().apply(Action::SetFrame(2));
    assert!(case(&window).preview.is_some());
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, |app| app.is_idle());
    assert_eq!(drawn(&window), [0, 0, SHAPE.iter().product(), 0]);
}

#[test]
fn volumes_over_time_are_plotted_with_the_ejection_fraction() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    press(&mut window, Modifiers::SHIFT, Key::K);
    assert!(window.query_by_label("There are no labels to measure yet").is_some());
    for frame in [0, 2] {
        window.state_mut().apply(Action::SetFrame(frame));
        paint(&mut window);
    }
    assert!(window.query_by_label("Plot: Volume over time").is_some());
    assert!(window.query_by_label_contains("Drawn in 2 of 4 frames").is_some());
}

#[test]
fn a_reference_with_a_mask_for_each_frame_follows_the_frame_shown() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = cine_window(folder.path());
    for _ in 0..2 {
        paint(&mut window);
        press(&mut window, Modifiers::NONE, Key::ArrowRight);
    }
    let path = folder.path().join("reference.nii.gz");
    save_as(&mut window, &path);
    let masks = case(&window).history.frames().masks().to_vec();
    for opens in [true, false] {
        match opens {
            true => window.state_mut().use_picked(Picked::File(Purpose::OpenReference, path.clone())),
            false => window.state_mut().apply(Action::Command(Command::FreezeLabels)),
        }
        wait(&mut window, |app| app.is_idle());
        for frame in [0, 3, 1] {
            window.state_mut().apply(Action::SetFrame(frame));
            assert_eq!(case(&window).reference().expect("it was chosen").0, &masks[frame]);
        }
    }
}
