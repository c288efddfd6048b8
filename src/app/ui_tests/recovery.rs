//! Work that was not saved outlives the window, unless a person has said that nobody wants it.

use std::fs;
use std::path::{Path, PathBuf};

use eframe::egui::{ViewportEvent, ViewportId};

use super::*;
use crate::app::file_dialog::Picked;
use crate::domain::edit::Stroke;
use crate::domain::{Grid, History, LabelMap, LabelTable};
use crate::engine::journal::Recorder;

pub(super) fn window_with(journal: &Path, start: Start) -> Window {
    let places = Places { settings: None, journal: Some(journal.to_owned()) };
    let open = move |creation: &mut eframe::CreationContext<'_>| {
        App::with_places(&creation.egui_ctx, None, Engine::start(None, || {}), start.clone(), places.clone())
    };
    Harness::builder().with_size(vec2(1440.0, 900.0)).with_max_steps(64).with_step_dt(1.0 / 60.0).build_eframe(open)
}

/// A window on the sample in which one stroke was painted.
fn painted_window(journal: &Path) -> Window {
    let mut window = window_with(journal, Start { sample: true, ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    press(&mut window, Modifiers::NONE, Key::B);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    assert!(n_labelled(&window) > 0);
    wait_for_recorder(&window);
    window
}

pub(super) fn wait_for_recorder(window: &Window) {
    window.state().recorder.as_ref().expect("a journal is kept").wait();
}

/// A window opened after another one was killed.
pub(super) fn next_window(journal: &Path) -> Window {
    let mut window = window_with(journal, Start::default());
    wait(&mut window, |app| app.state.recoverable.is_some());
    window
}

fn files(journal: &Path) -> Vec<PathBuf> {
    fs::read_dir(journal).into_iter().flatten().map(|entry| entry.expect("readable").path()).collect()
}

fn ask_to_close(window: &mut Window) {
    let viewport = window.input_mut().viewports.entry(ViewportId::ROOT).or_default();
    viewport.events.push(ViewportEvent::Close);
    window.step();
}

#[test]
fn a_stroke_of_a_window_that_was_killed_comes_back_and_can_be_undone() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let window = painted_window(folder.path());
    let labels = case(&window).history.labels().clone();
    let name = case(&window).opened.name.clone();
    // Without the goodbye of a window that is closed.
    drop(window);

    let mut window = next_window(folder.path());
    assert_eq!(window.state().state.dialog, Some(Dialog::Recovery));
    assert!(window.query_by_label_contains("change").is_some());
    click(&mut window, &format!("Recover {name}"));
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    assert_eq!(case(&window).history.labels(), &labels);
    assert!(window.state().state.has_unsaved_changes());
    assert!(case(&window).count(1).is_some_and(|n| n > 0));
    assert_eq!(window.state().state.recoverable.as_ref().map(Vec::len), Some(0));

    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    wait_for_recorder(&window);
    drop(window);
    let mut window = next_window(folder.path());
    click(&mut window, &format!("Recover {name}"));
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    assert_eq!(case(&window).history.labels(), &labels, "what was recovered is protected like any work");
}

#[test]
fn a_prediction_that_was_accepted_comes_back_with_the_model_that_made_it() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = window_with(folder.path(), Start { sample: true, ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    show_preview(&mut window);
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, App::is_idle);
    let (labels, name) = (case(&window).history.labels().clone(), case(&window).opened.name.clone());
    let run = case(&window).accepted.clone();
    assert!(run.is_some());
    drop(window);
    let mut window = next_window(folder.path());
    click(&mut window, &format!("Recover {name}"));
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    assert_eq!(case(&window).history.labels(), &labels);
    assert_eq!(case(&window).accepted, run);
}

#[test]
fn work_can_be_discarded_or_left_for_later() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let window = painted_window(folder.path());
    let name = case(&window).opened.name.clone();
    drop(window);
    let mut window = next_window(folder.path());
    click(&mut window, "Later");
    assert_eq!(window.state().state.dialog, None);
    assert!(window.query_by_label_contains("Work on one image was not saved").is_some());
    click(&mut window, "Recover work…");
    assert_eq!(window.state().state.dialog, Some(Dialog::Recovery));
    click(&mut window, &format!("Discard {name}"));
    wait(&mut window, |app| app.state.recoverable.as_ref().is_some_and(Vec::is_empty));
    assert_eq!(window.state().state.dialog, None);
    assert!(Command::ShowRecovery.enabled(&window.state().state).is_err());
    let files = files(folder.path());
    assert!(files.len() == 1 && files[0].extension().is_some_and(|ending| ending == "discarded"), "{files:?}");
}

#[test]
fn a_case_that_is_closed_leaves_no_journal() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = painted_window(folder.path());
    assert_eq!(files(folder.path()).len(), 1);
    window.state_mut().apply(Action::Command(Command::CloseCase));
    window.run_steps(3);
    click(&mut window, "Discard changes");
    wait_for_recorder(&window);
    assert!(files(folder.path()).is_empty());
}

#[test]
fn saved_work_leaves_no_journal_behind_the_window() {
    let (folder, masks) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut window = painted_window(folder.path());
    window.state_mut().state.case.as_mut().expect("open").labels_path = Some(masks.path().join("mask.nii.gz"));
    press(&mut window, Modifiers::COMMAND, Key::S);
    wait(&mut window, App::is_idle);
    assert!(!window.state().state.has_unsaved_changes(), "{:?}", window.state().state.notices);
    eframe::App::on_exit(window.state_mut());
    wait_for_recorder(&window);
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_window_closed_while_it_saves_ends_when_the_file_is_written() {
    let (folder, masks) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let path = masks.path().join("mask.nii.gz");
    let mut window = painted_window(folder.path());
    window.state_mut().state.case.as_mut().expect("open").labels_path = Some(path.clone());
    window.state_mut().save(None);
    ask_to_close(&mut window);
    assert!(!window.state().is_quitting);
    wait(&mut window, |app| app.is_quitting);
    assert!(path.exists());
}

#[test]
fn a_stroke_that_is_going_on_is_asked_about() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = painted_window(folder.path());
    let case = window.state_mut().state.case.as_mut().expect("open");
    case.history.mark_saved();
    case.table_is_saved = true;
    assert!(!case.has_unsaved_changes());
    let mut dab = Stroke::new("Brush", case.history.labels());
    dab.set(0, 0, 1);
    case.history.stage(dab.finish().expect("a change"));
    ask_to_close(&mut window);
    assert_eq!(window.state().state.dialog, Some(Dialog::Unsaved(Next::Quit)));
}

#[test]
fn a_label_that_was_renamed_is_asked_about() {
    let mut window = sample_window();
    let mut label = case(&window).table.labels[0].clone();
    label.name = "Hippocampus".to_owned();
    window.state_mut().apply(Action::SetLabel(label));
    ask_to_close(&mut window);
    assert_eq!(window.state().state.dialog, Some(Dialog::Unsaved(Next::Quit)));
}

#[test]
fn work_whose_image_is_gone_is_kept_and_said() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let grid = Grid::axis_aligned([4, 4, 4], [1.0; 3]).expect("valid");
    let mut history = History::new(LabelMap::empty(grid.clone()));
    let mut stroke = Stroke::new("Brush", history.labels());
    stroke.set(3, 0, 1);
    history.apply(stroke.finish().expect("a change"));
    let recorder = Recorder::start(folder.path().to_owned(), || {});
    recorder.begin("scan", Some(folder.path().join("gone.nii")), grid, 1, LabelTable::default());
    recorder.changes(history.take_changes());
    drop(recorder);

    let mut window = next_window(folder.path());
    click(&mut window, "Recover scan");
    wait(&mut window, |app| app.state.loading.is_none() && !app.state.notices.shown().is_empty());
    assert!(window.query_by_label_contains("The work on this image is kept").is_some());
    assert_eq!(files(folder.path()).len(), 1);

    let journal = files(folder.path()).remove(0);
    let masks = tempfile::tempdir().expect("a scratch folder");
    let mask = masks.path().join("mask.nii.gz");
    window.state_mut().use_picked(Picked::File(Purpose::SaveRecovered(journal), mask.clone()));
    wait(&mut window, |app| app.state.notices.shown().iter().any(|notice| notice.message.contains("Exported")));
    let labels = crate::io::read_labels(&mask, &crate::monitor::Silent).expect("readable").labels;
    assert_eq!(labels.counts().get(&1), Some(&1));
}

#[test]
fn a_disk_that_refuses_is_said_in_the_status_bar() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let journal = folder.path().join("journal");
    fs::write(&journal, "a file in the way").expect("writable");
    let mut window = painted_window(&journal);
    wait(&mut window, |app| app.state.unprotected.is_some());
    assert!(window.query_by_label("Work is not protected").is_some());
    fs::remove_file(&journal).expect("removable");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    wait(&mut window, |app| app.state.unprotected.is_none());
}
