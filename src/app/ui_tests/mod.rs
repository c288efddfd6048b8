//! The window driven as a person drives it: by what is written on controls, by keys and by the mouse.

mod controls;
mod correction;
mod drawing;
mod frames;
mod history;
mod lab_reference;
mod lab_robustness;
mod lab_steps;
mod lab_uncertainty;
mod labels;
mod measuring;
mod operations;
mod painting;
mod pictures;
mod recovery;
mod report;
mod statistics;
mod time;

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, OutputCommand, PointerButton, Pos2, Role, TouchPhase,
    Vec2, vec2,
};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::app::action::Action;
use crate::app::case::{Case, Origin, Preview, Source, plane_name};
use crate::app::command::Command;
use crate::app::state::{Dialog, Layout, Next, Purpose};
use crate::app::{App, Places, Start};
use crate::config::{DeviceChoice, SegmentSettings};
use crate::domain::phantom::PhantomKind;
use crate::domain::{Convention, Plane};
use crate::engine::Engine;

type Window = Harness<'static, App>;

fn window(start: Start) -> Window {
    let open = |creation: &mut eframe::CreationContext<'_>| {
        App::with_places(&creation.egui_ctx, None, Engine::start(None, || {}), start, Places::default())
    };
    Harness::builder().with_size(vec2(1440.0, 900.0)).with_max_steps(64).with_step_dt(1.0 / 60.0).build_eframe(open)
}

/// A window on the built-in sample, with its statistics known.
fn sample_window() -> Window {
    let mut window = window(Start { sample: true, ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    window
}

/// Draws frames until `is_done`.
#[track_caller]
fn wait(window: &mut Window, is_done: impl Fn(&App) -> bool) {
    let started = Instant::now();
    while !is_done(window.state()) {
        assert!(started.elapsed() < Duration::from_secs(120), "it never came");
        window.step();
        std::thread::sleep(Duration::from_millis(2));
    }
    window.run_steps(3);
}

fn case(window: &Window) -> &Case {
    window.state().state.case.as_ref().expect("a case is open")
}

fn notices(window: &Window) -> String {
    format!("{:?}", window.state().state.notices)
}

fn n_labelled(window: &Window) -> usize {
    case(window).history.labels().iter().filter(|id| *id != 0).count()
}

#[track_caller]
fn click(window: &mut Window, label: &str) {
    let is_control = |role| matches!(role, Role::Button | Role::RadioButton);
    let mut nodes = window.get_all_by_label(label).filter(|node| is_control(node.accesskit_node().role()));
    nodes.next().expect("a control of that name").click();
    drop(nodes);
    window.run_steps(3);
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
}

fn view_center(window: &Window, plane: Plane) -> Pos2 {
    window.get_by_label(&format!("{} view", plane_name(plane))).rect().center()
}

fn turn_wheel(window: &mut Window, at: Pos2, notches: f32, modifiers: Modifiers) {
    window.hover_at(at);
    window.run_steps(2);
    window.event_modifiers(
        Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: vec2(0.0, notches),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Unknown,
            modifiers,
        },
        modifiers,
    );
    window.run_steps(3);
}

/// Presses, moves in steps and releases, each seen by the window on its own.
fn drag_by(window: &mut Window, from: Pos2, by: Vec2, button: PointerButton, modifiers: Modifiers) {
    window.hover_at(from);
    window.event_modifiers(Event::PointerButton { pos: from, button, pressed: true, modifiers }, modifiers);
    for step in 1..=4 {
        window.event_modifiers(Event::PointerMoved(from + by * step as f32 / 4.0), modifiers);
    }
    window.event_modifiers(Event::PointerButton { pos: from + by, button, pressed: false, modifiers }, modifiers);
    window.run_steps(12);
}

fn drag(window: &mut Window, from: Pos2, button: PointerButton) {
    drag_by(window, from, vec2(32.0, 0.0), button, Modifiers::NONE);
}

fn click_at(window: &mut Window, at: Pos2, modifiers: Modifiers) {
    drag_by(window, at, vec2(0.0, 0.0), PointerButton::Primary, modifiers);
}

/// Shows the sample's truth as if a model had found it.
fn show_preview(window: &mut Window) {
    let state = &mut window.state_mut().state;
    let case = state.case.as_mut().expect("a case is open");
    let (labels, table) = case.opened.reference.clone().expect("the sample has a truth");
    let (settings, device) = (state.settings.segment.clone(), "CPU".to_owned());
    let origin = Origin { settings, model_sha256: String::new(), device, slice: None, which: None };
    case.preview = Some(Preview {
        labels,
        table,
        source: Source::Model(origin),
        counts: None,
        serial: 1,
        frame: case.frame,
        frames: Vec::new(),
    });
    window.run_steps(3);
}

/// What the window puts on the clipboard in the next frames.
fn copied_text(window: &mut Window) -> String {
    let mut copied = String::new();
    for _ in 0..4 {
        window.step();
        for command in &window.output().platform_output.commands {
            if let OutputCommand::CopyText(text) = command {
                copied.clone_from(text);
            }
        }
    }
    copied
}

#[test]
fn the_start_page_offers_files_and_a_sample_and_says_what_the_program_is_not() {
    let window = window(Start::default());
    assert!(window.query_all_by_label("Open image…").count() >= 2);
    assert!(window.query_by_label("Open sample").is_some());
    assert!(window.query_by_label_contains("Not a medical device; not for diagnosis").is_some());
}

#[test]
fn the_sample_opens_by_its_button() {
    let mut window = window(Start::default());
    click(&mut window, "Open sample");
    wait(&mut window, |app| app.state.case.is_some());
    for plane in [Plane::Axial, Plane::Coronal, Plane::Sagittal] {
        assert!(window.query_by_label(&format!("{} view", plane_name(plane))).is_some());
    }
}

#[test]
fn a_segmentation_is_a_preview_until_enter_and_control_z_takes_it_back() {
    let mut window = sample_window();
    let settings = &mut window.state_mut().state.settings.segment;
    assert_eq!(settings.model, "phantom-3d", "the sample's own model is chosen");
    settings.device = DeviceChoice::Cpu;
    click(&mut window, "Segment");
    wait(&mut window, |app| app.state.segmenting.is_none());
    assert_eq!(window.state().state.notices.shown().len(), 0, "{:?}", window.state().state.notices);
    assert!(case(&window).preview.is_some());
    assert_eq!(n_labelled(&window), 0, "a preview is no part of the labels");
    assert!(window.query_by_label("not yet part of your labels").is_some());

    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, |app| app.is_idle());
    assert!(case(&window).preview.is_none());
    assert!(n_labelled(&window) > 0);
    assert!(window.state().state.has_unsaved_changes());

    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(n_labelled(&window) > 0);
}

#[test]
fn escape_discards_a_preview() {
    let mut window = sample_window();
    show_preview(&mut window);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(case(&window).preview.is_none());
    assert_eq!(n_labelled(&window), 0);
}

#[test]
fn the_preview_has_the_truths_voxels_once_accepted() {
    let mut window = sample_window();
    show_preview(&mut window);
    click(&mut window, "Accept");
    wait(&mut window, App::is_idle);
    let truth = &case(&window).opened.reference.as_ref().expect("a truth").0;
    assert_eq!(case(&window).history.labels().to_ids(), truth.to_ids());
}

#[test]
fn parts_of_a_preview_are_taken_one_by_one_and_each_is_one_step_back() {
    let mut window = sample_window();
    show_preview(&mut window);
    let (truth, table) = case(&window).opened.reference.clone().expect("a truth");
    let count = |id: u16| truth.iter().filter(|x| *x == id).count();
    click(&mut window, "Accept part");
    click(&mut window, &format!("Only {}", table.labels[0].name));
    wait(&mut window, App::is_idle);
    assert_eq!(n_labelled(&window), count(table.labels[0].id));
    assert!(case(&window).preview.is_some(), "more of it may be wanted");

    // The middle of the volume belongs to the other structure.
    window.hover_at(view_center(&window, Plane::Axial));
    window.run_steps(2);
    let under = window.state().state.pointed.expect("the pointer is over the slice").voxel;
    assert_eq!(truth.get(under), table.labels[1].id);
    press(&mut window, Modifiers::SHIFT, Key::Enter);
    wait(&mut window, App::is_idle);
    assert_eq!(n_labelled(&window), count(table.labels[0].id) + count(table.labels[1].id));

    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), count(table.labels[0].id));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0);
}

#[test]
fn a_command_that_cannot_be_used_is_disabled_and_says_why() {
    let window = sample_window();
    let save = window.get_all_by_label("Save mask").next().expect("a save button");
    assert!(save.accesskit_node().is_disabled());
    let why = Command::SaveLabels.enabled(&window.state().state).expect_err("there is nothing to save");
    assert!(why.0.contains("no labels yet"));
}

#[test]
fn the_reason_is_shown_on_hover() {
    let mut window = sample_window();
    window.get_all_by_label("Save mask").last().expect("a save button").hover();
    wait(&mut window, |_| true);
    let started = Instant::now();
    while window.query_by_label_contains("There are no labels yet").is_none() {
        assert!(started.elapsed() < Duration::from_secs(20));
        window.step();
    }
}

#[test]
fn double_click_maximizes_a_view_and_shows_all_again() {
    let mut window = sample_window();
    let at = view_center(&window, Plane::Coronal);
    for expected in [Layout::Slice(Plane::Coronal), Layout::Grid] {
        window.hover_at(at);
        for _ in 0..2 {
            for pressed in [true, false] {
                let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
                window.event(Event::PointerButton { pos: at, button, pressed, modifiers });
            }
        }
        // Long enough for the next click not to count as a third one.
        window.run_steps(60);
        assert_eq!(window.state().state.layout, expected);
    }
}

#[test]
fn the_wheel_changes_the_slice_and_control_wheel_the_zoom() {
    let mut window = sample_window();
    let at = view_center(&window, Plane::Axial);
    let axis = case(&window).through(Plane::Axial).0;
    let before = case(&window).crosshair[axis];
    turn_wheel(&mut window, at, 2.0, Modifiers::NONE);
    assert_eq!(case(&window).crosshair[axis].abs_diff(before), 2);
    assert_eq!(case(&window).camera(Plane::Axial).zoom, 1.0);
    turn_wheel(&mut window, at, 1.0, Modifiers::COMMAND);
    assert_eq!(case(&window).crosshair[axis].abs_diff(before), 2);
    assert!(case(&window).camera(Plane::Axial).zoom > 1.0);
    press(&mut window, Modifiers::NONE, Key::F);
    assert_eq!(case(&window).camera(Plane::Axial).zoom, 1.0);
}

#[test]
fn a_click_in_one_view_moves_the_slices_of_the_others() {
    let mut window = sample_window();
    let before = case(&window).crosshair;
    let at = view_center(&window, Plane::Axial) + vec2(60.0, 40.0);
    window.hover_at(at);
    window.drag_at(at);
    window.drop_at(at);
    window.run_steps(4);
    let after = case(&window).crosshair;
    let moved = |plane| after[case(&window).through(plane).0] != before[case(&window).through(plane).0];
    assert!(moved(Plane::Sagittal) && moved(Plane::Coronal) && !moved(Plane::Axial));
}

#[test]
fn the_window_tool_changes_contrast_by_dragging() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::Num2);
    let (before, crosshair) = (case(&window).window, case(&window).crosshair);
    let at = view_center(&window, Plane::Axial);
    window.hover_at(at);
    window.drag_at(at);
    window.run_steps(1);
    for step in 1..=5 {
        window.hover_at(at + vec2(12.0 * step as f32, 0.0));
    }
    window.run_steps(8);
    assert!(case(&window).window.width > before.width);
    assert_eq!(case(&window).crosshair, crosshair);
    window.drop_at(at);
    press(&mut window, Modifiers::NONE, Key::A);
    assert_eq!(case(&window).window, before);
}

#[test]
fn changing_the_convention_mirrors_the_axial_view() {
    let mut window = sample_window();
    click(&mut window, "Convention: Neurological");
    assert_eq!(window.state().state.settings.convention, Convention::Neurological);
    let letters = |convention| case(&window).grid().edge_letters(Plane::Axial, convention);
    assert_eq!(letters(Convention::Radiological).map(|letters| letters[0]), Some('R'));
    assert_eq!(letters(Convention::Neurological).map(|letters| letters[0]), Some('L'));
}

#[test]
fn unsaved_labels_are_asked_about_before_another_image_is_opened() {
    let mut window = sample_window();
    show_preview(&mut window);
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, App::is_idle);
    window.state_mut().apply(Action::Command(Command::OpenSample));
    window.run_steps(3);
    assert_eq!(window.state().state.dialog, Some(Dialog::Unsaved(Next::OpenSample(PhantomKind::TwoBodies))));
    click(&mut window, "Cancel");
    assert_eq!(window.state().state.dialog, None);
    assert!(n_labelled(&window) > 0);
    window.state_mut().apply(Action::Command(Command::CloseCase));
    window.run_steps(3);
    click(&mut window, "Discard changes");
    assert!(window.state().state.case.is_none());
}

#[test]
fn a_mask_is_saved_and_opens_again_as_it_was() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("mask.nii.gz");
    let mut window = sample_window();
    click(&mut window, "Use known truth");
    wait(&mut window, |app| app.is_idle() && app.state.case.as_ref().is_some_and(|case| case.counts.is_known()));
    let ids = case(&window).history.labels().to_ids();
    window.state_mut().state.case.as_mut().expect("open").labels_path = Some(path.clone());
    press(&mut window, Modifiers::COMMAND, Key::S);
    wait(&mut window, App::is_idle);
    assert!(!window.state().state.has_unsaved_changes(), "{:?}", window.state().state.notices);

    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0);
    window.state_mut().open_labels(path);
    wait(&mut window, App::is_idle);
    assert_eq!(case(&window).history.labels().to_ids(), ids);
}

#[test]
fn a_file_that_cannot_be_read_is_a_message_and_the_window_goes_on() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("notes.nii");
    std::fs::write(&path, "not an image").expect("writable");
    let mut window = window(Start { image: Some(path), ..Start::default() });
    wait(&mut window, |app| !app.state.notices.shown().is_empty());
    assert!(window.state().state.loading.is_none());
    assert!(window.query_by_label("Open sample").is_some());
    click(&mut window, "Dismiss");
    assert!(window.state().state.notices.shown().is_empty());
}

#[test]
fn every_control_of_the_window_has_a_name() {
    let window = sample_window();
    for name in [
        "Open image…",
        "Undo",
        "Crosshair",
        "Window/level",
        "Window width",
        "Window level",
        "Histogram",
        "Overlay opacity",
        "Model",
        "Steps K",
        "Seed",
        "Samples",
        "Device: CPU",
        "Sampler: DDIM",
        "Axial slice",
        "Maximize axial",
        "Name of label 1",
        "Light theme",
    ] {
        assert!(window.query_all_by_label(name).count() > 0, "{name}");
    }
}

#[test]
fn both_themes_draw() {
    let mut window = sample_window();
    let is_dark = |window: &Window| window.ctx.global_style().visuals.dark_mode;
    let before = is_dark(&window);
    press(&mut window, Modifiers::NONE, Key::T);
    assert_ne!(is_dark(&window), before);
}

#[test]
fn an_image_counts_its_statistics_beside_the_window() {
    let window = sample_window();
    let statistics = case(&window).statistics.as_ref().expect("counted");
    assert_eq!(statistics.range, case(&window).opened.volume.range(0));
    assert_eq!(case(&window).window, statistics.auto_window);
    assert_eq!(Arc::strong_count(&case(&window).opened.volume), 1, "the background gave the image back");
}

#[test]
fn a_typed_path_is_taken_by_enter() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = sample_window();
    click(&mut window, "Use known truth");
    wait(&mut window, |app| app.is_idle() && app.state.case.as_ref().is_some_and(|case| case.counts.is_known()));
    let text = folder.path().join("typed").display().to_string();
    window.state_mut().state.dialog = Some(Dialog::TypePath { purpose: Purpose::SaveLabels(None), text });
    window.run_steps(3);
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, App::is_idle);
    assert_eq!(window.state().state.dialog, None);
    assert!(folder.path().join("typed.nii.gz").is_file());
}

#[test]
fn a_picture_is_one_view_without_sides_of_a_patient() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cells.png");
    image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, 200])).save(&path).expect("written");
    let mut window = window(Start { image: Some(path), ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    assert_eq!(window.state().state.layout, Layout::Slice(Plane::Axial));
    assert!(window.query_by_label("Coronal view").is_none());
    assert!(Command::ShowGrid.enabled(&window.state().state).is_err());
    assert!(window.query_by_label_contains("R is on the left").is_none(), "nobody knows");
    press(&mut window, Modifiers::NONE, Key::Space);
    assert_eq!(window.state().state.layout, Layout::Slice(Plane::Axial), "there is nothing else to show");
    click(&mut window, "Brush");
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    assert!(n_labelled(&window) > 0);
}
