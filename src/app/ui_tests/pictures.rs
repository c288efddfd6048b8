//! Pictures: the size of their pixels.

use std::path::{Path, PathBuf};

use super::recovery::{next_window, wait_for_recorder, window_with};
use super::*;
use crate::app::file_dialog::Picked;
use crate::app::tools::SizeUnit;
use crate::domain::PictureFacts;
use crate::io::read_volume;
use crate::monitor::Silent;

/// A picture of 60 × 40 pixels.
fn picture(folder: &Path) -> PathBuf {
    let path = folder.join("cells.png");
    image::GrayImage::from_fn(60, 40, |x, y| image::Luma([(x * 3 + y) as u8])).save(&path).expect("writable");
    path
}

/// A window on it in which something was painted and a distance laid.
fn painted_picture(folder: &Path) -> Window {
    let start = Start { image: Some(picture(folder)), ..Start::default() };
    let mut window = window_with(&folder.join("journal"), start);
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    press(&mut window, Modifiers::NONE, Key::B);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    assert!(n_labelled(&window) > 0);
    window.state_mut().apply(Action::Command(Command::DistanceTool));
    drag(&mut window, at, PointerButton::Primary);
    assert_eq!(case(&window).measurements.len(), 1);
    window
}

fn set_pixel_size(window: &mut Window, mm: &str) {
    window.get_by_label("Forget pixel size").scroll_to_me();
    window.run_steps(30);
    window.get_by_label("Pixel size in mm").click();
    window.run_steps(3);
    window.get_by_label("Pixel size in mm").type_text(mm);
    press(window, Modifiers::NONE, Key::Enter);
    click(window, "Set pixel size");
}

/// A folder with three pictures.
fn folder_of_pictures(within: &Path) -> PathBuf {
    let folder = within.join("stack");
    std::fs::create_dir(&folder).expect("writable");
    for level in [10, 20, 30] {
        let path = folder.join(format!("z{level}.png"));
        image::GrayImage::from_pixel(12, 8, image::Luma([level])).save(&path).expect("writable");
    }
    folder
}

#[test]
fn a_folder_is_opened_from_the_menu_or_by_dropping_it() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = folder_of_pictures(scratch.path());
    let mut window = window(Start::default());
    let is_open = |app: &App| app.state.case.is_some() && app.is_idle();
    assert!(window.query_by_label("Open folder…").is_some());
    // As where the system has no dialog.
    window.state_mut().use_picked(Picked::Unavailable(Purpose::OpenFolder));
    window.run_steps(3);
    assert!(window.query_by_label_contains("Type the folder's path instead").is_some());
    window.state_mut().apply(Action::TypePath(folder.display().to_string()));
    window.state_mut().apply(Action::SubmitPath);
    wait(&mut window, is_open);
    assert_eq!(case(&window).grid().shape(), [12, 8, 3]);
    assert!(!case(&window).grid().is_series());

    window.state_mut().apply(Action::Command(Command::CloseCase));
    window.state_mut().apply(Action::OpenFiles(vec![folder]));
    wait(&mut window, is_open);
    assert_eq!(case(&window).grid().shape(), [12, 8, 3]);
}

#[test]
fn masks_of_a_folder_of_pictures_are_saved_as_a_folder_and_opened_from_it() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let images = folder_of_pictures(scratch.path());
    let mut window = window(Start { image: Some(images.clone()), ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    assert!(Command::SaveFolder.enabled(&window.state().state).is_err(), "there is nothing to save");
    press(&mut window, Modifiers::NONE, Key::B);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    let labels = case(&window).history.labels().to_ids();
    assert!(labels.iter().any(|id| *id > 0));
    // As where the system has no dialog.
    window.state_mut().use_picked(Picked::Unavailable(Purpose::SaveFolder));
    window.run_steps(2);
    let masks = scratch.path().join("stack_masks");
    let Some(Dialog::TypePath { text, .. }) = &window.state().state.dialog else { panic!("no dialog") };
    assert_eq!(Path::new(text), masks);
    click(&mut window, "Save");
    wait(&mut window, |app| app.is_idle());
    for name in ["z10.png", "z20.png", "z30.png"] {
        assert!(masks.join(name).is_file(), "{name}: {}", notices(&window));
    }
    assert!(!window.state().state.has_unsaved_changes());

    window.state_mut().use_picked(Picked::File(Purpose::SaveFolder, images));
    wait(&mut window, |app| app.is_idle());
    assert!(notices(&window).contains("the image itself lies in this folder"), "{}", notices(&window));

    drag(&mut window, at + vec2(6.0, 6.0), PointerButton::Primary);
    press(&mut window, Modifiers::COMMAND, Key::S);
    wait(&mut window, |app| app.is_idle());
    let labels = case(&window).history.labels().to_ids();
    window.state_mut().apply(Action::Command(Command::Undo));
    window.state_mut().use_picked(Picked::File(Purpose::OpenLabels, masks.join("z20.png")));
    wait(&mut window, |app| app.is_idle());
    assert_eq!(case(&window).history.labels().to_ids(), labels, "one of the masks opens all of them");
}

#[test]
fn a_picture_alone_has_pixels_and_nothing_beside_it_to_reach() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let rows = |mut window: Window| {
        [Command::BrushTool, Command::BucketTool, Command::ScissorsTool].map(|tool| {
            window.state_mut().apply(Action::Command(tool));
            window.run_steps(3);
            ["Unit", "Reach", "Depth"].map(|name| window.query_by_label(name).is_some())
        })
    };
    let picture = painted_picture(scratch.path());
    assert!(picture.query_by_label("60 × 40 pixels").is_some());
    assert_eq!(rows(picture), [[false; 3]; 3]);

    let start = Start { image: Some(folder_of_pictures(scratch.path())), ..Start::default() };
    let mut stack = window_with(&scratch.path().join("another"), start);
    wait(&mut stack, |app| app.state.case.is_some() && app.is_idle());
    assert_eq!(rows(stack), [[false, true, false], [false, true, false], [false, false, true]]);
}

#[test]
fn what_was_chosen_for_volumes_does_no_harm_to_a_picture() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let start = Start { image: Some(picture(scratch.path())), ..Start::default() };
    let mut window = window_with(&scratch.path().join("journal"), start);
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    window.state_mut().state.settings.tools.fills_depth = true;
    window.state_mut().state.settings.brush.unit = SizeUnit::Mm;
    window.state_mut().state.settings.brush.diameter = 3.4;
    press(&mut window, Modifiers::NONE, Key::B);
    window.run_steps(3);
    assert_eq!(window.state().state.settings.brush.diameter, 3.0);

    // A ring, and the hole in it.
    let middle = view_center(&window, Plane::Axial);
    let corner = middle - vec2(60.0, 60.0);
    for (from, by) in [
        (corner, vec2(120.0, 0.0)),
        (corner, vec2(0.0, 120.0)),
        (corner + vec2(120.0, 0.0), vec2(0.0, 120.0)),
        (corner + vec2(0.0, 120.0), vec2(120.0, 0.0)),
    ] {
        drag_by(&mut window, from, by, PointerButton::Primary, Modifiers::NONE);
    }
    let ring = n_labelled(&window);
    window.state_mut().apply(Action::Command(Command::FillHoleTool));
    click_at(&mut window, middle, Modifiers::NONE);
    wait(&mut window, App::is_idle);
    assert!(n_labelled(&window) > ring, "{ring}");
}

#[test]
fn what_is_said_of_a_picture_when_it_is_opened_is_so() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let facts = PictureFacts { is_series: Some(true), pixel_mm: Some(0.5) };
    let start = Start { image: Some(folder_of_pictures(scratch.path())), facts, ..Start::default() };
    let mut window = window(start);
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    assert!(case(&window).grid().is_series());
    assert_eq!(case(&window).grid().spacing_mm(), [0.5, 0.5, 1.0]);
    assert!(window.query_by_label_contains("Frame 2 of 3").is_some());
}

#[test]
fn lengths_and_areas_are_in_millimetres_once_the_size_of_a_pixel_is_set() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = painted_picture(folder.path());
    let (labels, length_px) = (case(&window).history.labels().to_ids(), case(&window).measurements[0].reading.clone());
    assert_eq!(length_px.unit, "px");
    assert!(window.query_by_label("Not known: lengths are in pixels").is_some());

    set_pixel_size(&mut window, "0.25");
    assert_eq!(case(&window).grid().spacing_mm(), [0.25; 3]);
    assert_eq!(case(&window).history.labels().grid(), case(&window).grid());
    assert_eq!(case(&window).history.labels().to_ids(), labels);
    assert!(case(&window).history.can_undo().is_some());
    let length = &case(&window).measurements[0].reading;
    assert_eq!(length.unit, "mm");
    assert!((length.value.expect("a length") - 0.25 * length_px.value.expect("a length")).abs() < 1e-9);
    assert!(window.query_by_label("0.25 × 0.25 mm").is_some());
    let n_labelled = n_labelled(&window) as f64;
    let area = format!("{} mm²", crate::app::panels::number(n_labelled * 0.0625));
    assert!(window.query_by_label(&area).is_some(), "{area}");

    let mask = folder.path().join("mask.nii.gz");
    window.state_mut().use_picked(Picked::File(Purpose::SaveLabels(None), mask.clone()));
    wait(&mut window, |app| app.is_idle());
    let saved = read_volume(&mask, &Silent, &mut |_| {}).expect("readable").volume;
    assert!(saved.grid().spacing_mm().into_iter().all(|mm| (mm - 0.25).abs() < 1e-6));

    click(&mut window, "Forget pixel size");
    assert!(!case(&window).grid().is_scaled());
    assert_eq!(case(&window).measurements[0].reading, length_px);
}

#[test]
fn a_size_that_was_set_comes_back_with_the_work_after_a_crash() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = painted_picture(folder.path());
    let (name, labels) = (case(&window).opened.name.clone(), case(&window).history.labels().to_ids());
    set_pixel_size(&mut window, "0.25");
    wait_for_recorder(&window);
    // Without the goodbye of a window that is closed.
    drop(window);

    let journal = folder.path().join("journal");
    let mut window = next_window(&journal);
    let found = window.state().state.recoverable.as_ref().expect("looked for")[0].path.clone();
    let mask = folder.path().join("mask.nii.gz");
    window.state_mut().use_picked(Picked::File(Purpose::SaveRecovered(found), mask.clone()));
    wait(&mut window, |_| mask.exists());
    let alone = read_volume(&mask, &Silent, &mut |_| {}).expect("readable").volume;
    assert!(alone.grid().spacing_mm().into_iter().all(|mm| (mm - 0.25).abs() < 1e-6), "without its image too");
    click(&mut window, &format!("Recover {name}"));
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.merging.is_none()) && app.is_idle());
    assert_eq!(case(&window).history.labels().to_ids(), labels);
    assert_eq!(case(&window).grid().spacing_mm(), [0.25; 3]);
    assert!(case(&window).history.labels().grid().is_scaled());
}
