//! The label table: chosen, moved, locked, shown alone, deleted, and read from files.

use super::*;
use crate::app::state::Purpose;
use crate::domain::canvas::PaintOver;
use crate::domain::{Label, LabelTable};

fn ids(window: &Window) -> Vec<u16> {
    case(window).table.labels.iter().map(|label| label.id).collect()
}

fn active(window: &Window) -> u16 {
    case(window).active_label().expect("a label").id
}

/// A window with the sample's truth as labels: 1 "Head", 2 "Body".
fn labelled_window() -> Window {
    let mut window = sample_window();
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    assert_eq!(ids(&window), [1, 2]);
    window
}

fn voxels(window: &Window, id: u16) -> usize {
    case(window).history.labels().iter().filter(|it| *it == id).count()
}

fn choose_from_menu(window: &mut Window, label: &str, item: &str) {
    click(window, &format!("More for {label}"));
    click(window, item);
}

#[test]
fn a_click_on_a_row_or_a_key_chooses_the_label_to_paint_with() {
    let mut window = labelled_window();
    assert_eq!(active(&window), 1);
    click(&mut window, "Paint with Body");
    assert_eq!(active(&window), 2);
    press(&mut window, Modifiers::NONE, Key::Period);
    assert_eq!(active(&window), 1, "after the last comes the first");
    press(&mut window, Modifiers::NONE, Key::Comma);
    assert_eq!(active(&window), 2);
}

#[test]
fn labels_move_by_key_by_menu_and_by_dragging() {
    let mut window = labelled_window();
    press(&mut window, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(ids(&window), [2, 1]);
    choose_from_menu(&mut window, "Head", "Move up");
    assert_eq!(ids(&window), [1, 2]);
    let handle = window.get_by_label("Move Head").rect().center();
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    window.hover_at(handle);
    window.event(Event::PointerButton { pos: handle, button, pressed: true, modifiers });
    for step in 1..=4 {
        window.event(Event::PointerMoved(handle + vec2(0.0, 8.0 * step as f32)));
        window.run_steps(1);
    }
    window.event(Event::PointerButton { pos: handle + vec2(0.0, 32.0), button, pressed: false, modifiers });
    window.run_steps(4);
    assert_eq!(ids(&window), [2, 1]);
    assert!(window.state().state.has_unsaved_changes());
}

#[test]
fn a_locked_label_is_not_deleted_and_the_row_shows_the_lock() {
    let mut window = labelled_window();
    click(&mut window, "Lock Head");
    assert!(window.query_by_label("Unlock Head").is_some());
    let why = Command::DeleteLabel.enabled(&window.state().state).expect_err("it is locked");
    assert!(why.0.contains("unlock it first"));
}

#[test]
fn one_label_is_shown_alone_and_then_all_again() {
    let mut window = labelled_window();
    let visible = |window: &Window| case(window).table.labels.iter().filter(|label| label.visible).count();
    choose_from_menu(&mut window, "Body", "Show only this");
    assert_eq!(visible(&window), 1);
    assert!(window.query_by_label("Only Body is shown").is_some());
    click(&mut window, "Show all again");
    assert_eq!(visible(&window), 2);
}

#[test]
fn the_crosshair_goes_to_the_middle_of_a_label() {
    let mut window = labelled_window();
    let middle = case(&window).history.labels().center_of(2).expect("it has voxels");
    assert_ne!(case(&window).crosshair, middle);
    choose_from_menu(&mut window, "Body", "Go to its middle");
    wait(&mut window, move |app| app.state.case.as_ref().is_some_and(|case| case.crosshair == middle));
}

#[test]
fn a_label_is_deleted_with_its_voxels_and_comes_back_with_them() {
    let mut window = labelled_window();
    let n_voxels = voxels(&window, 2);
    choose_from_menu(&mut window, "Body", "Delete…");
    assert!(window.query_by_label("Delete Body?").is_some());
    click(&mut window, "Delete");
    wait(&mut window, App::is_idle);
    assert_eq!((voxels(&window, 2), ids(&window)), (0, vec![1]));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!((voxels(&window, 2), ids(&window)), (n_voxels, vec![1, 2]));
    assert_eq!(case(&window).table.name(2), "Body");
}

#[test]
fn control_and_a_click_pick_the_label_under_the_pointer() {
    let mut window = labelled_window();
    for key in [Key::Num1, Key::B] {
        press(&mut window, Modifiers::NONE, key);
        let at = view_center(&window, Plane::Axial);
        window.hover_at(at);
        window.run_steps(2);
        let pointed = window.state().state.pointed.expect("a voxel under the pointer").voxel;
        let under = case(&window).history.labels().get(pointed);
        assert_ne!(under, 0, "the sample has a body in its middle");
        let other = if under == 1 { 2 } else { 1 };
        window.state_mut().apply(Action::ActivateLabel(other));
        let entries = case(&window).history.entries().len();
        let (button, modifiers) = (PointerButton::Primary, Modifiers::COMMAND);
        for pressed in [true, false] {
            window.event_modifiers(Event::PointerButton { pos: at, button, pressed, modifiers }, modifiers);
            window.run_steps(2);
        }
        assert_eq!(active(&window), under);
        assert_eq!(case(&window).history.entries().len(), entries, "nothing is painted");
    }
}

#[test]
fn painting_only_unlabelled_voxels_leaves_other_labels_alone() {
    let mut window = labelled_window();
    press(&mut window, Modifiers::NONE, Key::M);
    press(&mut window, Modifiers::NONE, Key::B);
    window.get_by_role_and_label(Role::ComboBox, "Paint over").click();
    window.run_steps(3);
    click(&mut window, "Only unlabelled voxels");
    assert_eq!(case(&window).limits.over, PaintOver::Unlabelled);
    let before = [1, 2].map(|id| voxels(&window, id));
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    drag(&mut window, at, PointerButton::Secondary);
    assert_eq!([1, 2].map(|id| voxels(&window, id)), before);
}

#[test]
fn names_are_saved_and_read_again() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("names.txt");
    let mut window = labelled_window();
    let pick = |window: &mut Window, purpose| {
        let picked = super::super::file_dialog::Picked::File(purpose, path.clone());
        window.state_mut().use_picked(picked);
    };
    pick(&mut window, Purpose::SaveLabelNames);
    let written = path.clone();
    wait(&mut window, move |_| written.is_file());
    let table = case(&window).table.clone();
    window.state_mut().apply(Action::SetLabel(Label { name: "Something else".to_owned(), ..table.labels[0].clone() }));
    pick(&mut window, Purpose::OpenLabelNames);
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.table.name(1) == "Head"));
    assert_eq!(case(&window).table, table);
}

#[test]
fn all_labels_take_another_palettes_colours() {
    let mut window = labelled_window();
    let before = case(&window).table.clone();
    window.state_mut().apply(Action::Command(Command::RecolorItkSnap));
    assert_eq!(case(&window).table.labels[1].color, [0, 255, 0]);
    window.state_mut().apply(Action::Command(Command::RecolorSafe));
    assert_eq!(case(&window).table, before);
}

#[test]
fn thousands_of_labels_are_drawn_as_far_as_they_are_seen_and_found_by_name() {
    let mut window = sample_window();
    let ids: Vec<u16> = (1..=5000).collect();
    window.state_mut().state.case.as_mut().expect("open").table = LabelTable::with_ids(&ids);
    window.run_steps(3);
    assert!(window.query_all_by_label_contains("Paint with").count() < 40);
    window.get_by_label("Find a label").click();
    window.run_steps(2);
    window.get_by_label("Find a label").type_text("label 4321");
    window.run_steps(3);
    click(&mut window, "Paint with Label 4321");
    assert_eq!(active(&window), 4321);
}
