//! Keys and mouse are seen, changed and kept.

use super::*;
use crate::app::controls::{Gesture, Preset, Wheel};
use crate::app::settings::Settings;

fn open_editor(window: &mut Window) {
    press(window, Modifiers::NONE, Key::F1);
    assert!(matches!(window.state().state.dialog, Some(Dialog::Controls(_))));
}

fn search(window: &mut Window, text: &str) {
    window.get_by_label("Find a command").click();
    window.run_steps(2);
    window.get_by_label("Find a command").type_text(text);
    window.run_steps(3);
}

fn choose(window: &mut Window, list: &str, choice: &str) {
    window.get_by_role_and_label(Role::ComboBox, list).click();
    window.run_steps(3);
    click(window, choice);
}

#[test]
fn a_key_is_changed_by_pressing_another_and_is_kept_for_the_next_start() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let settings = folder.path().join("window.json");
    let places = Places { settings: Some(settings.clone()), ..Places::default() };
    let open = move |creation: &mut eframe::CreationContext<'_>| {
        let start = Start { sample: true, ..Start::default() };
        App::with_places(&creation.egui_ctx, None, Engine::start(None, || {}), start, places.clone())
    };
    let mut window = Harness::builder().with_size(vec2(1440.0, 900.0)).with_max_steps(64).build_eframe(open);
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    open_editor(&mut window);
    search(&mut window, "zoom to fit");
    click(&mut window, "F: Zoom to fit");
    assert!(window.query_by_label_contains("Press a key").is_some());
    press(&mut window, Modifiers::NONE, Key::F9);
    click(&mut window, "Close");
    let command = |key| window.state().state.settings.keymap.command(key, Modifiers::NONE);
    assert_eq!((command(Key::F9), command(Key::F)), (Some(Command::FitViews), None));
    assert_eq!(Settings::load(Some(&settings)).keymap, window.state().state.settings.keymap);

    let zoomed = super::super::state::Camera { zoom: 3.0, ..Default::default() };
    window.state_mut().apply(Action::SetCamera { plane: Plane::Axial, camera: zoomed });
    press(&mut window, Modifiers::NONE, Key::F);
    assert_eq!(case(&window).camera(Plane::Axial).zoom, 3.0);
    press(&mut window, Modifiers::NONE, Key::F9);
    assert_eq!(case(&window).camera(Plane::Axial).zoom, 1.0);
}

#[test]
fn a_key_that_another_command_has_is_asked_about_in_words() {
    let mut window = sample_window();
    open_editor(&mut window);
    search(&mut window, "eraser");
    click(&mut window, "Add a key for Eraser");
    press(&mut window, Modifiers::COMMAND, Key::S);
    assert!(window.query_by_label("Ctrl+S is a key of “Save mask”. Take it from there?").is_some());
    click(&mut window, "Take Ctrl+S");
    let keymap = |window: &Window| window.state().state.settings.keymap.clone();
    assert_eq!(keymap(&window).command(Key::S, Modifiers::COMMAND), Some(Command::EraserTool));
    click(&mut window, "Reset keys of Eraser");
    click(&mut window, "Remove E from Eraser");
    assert_eq!(keymap(&window).command(Key::E, Modifiers::NONE), None);
    click(&mut window, "Reset all");
    assert!(!keymap(&window).has_changes());
}

#[test]
fn escape_ends_the_wait_for_a_key_and_only_then_closes_the_dialog() {
    let mut window = sample_window();
    open_editor(&mut window);
    search(&mut window, "undo");
    click(&mut window, "Add a key for Undo");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label_contains("Press a key").is_none());
    assert!(window.state().state.dialog.is_some());
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.state().state.dialog.is_none());
}

#[test]
fn a_preset_changes_keys_and_mouse_together() {
    let mut window = sample_window();
    open_editor(&mut window);
    click(&mut window, "Preset: PACS");
    click(&mut window, "Close");
    assert_eq!(window.state().state.settings.keymap.preset(), Preset::Pacs);
    let (before, crosshair) = (case(&window).window, case(&window).crosshair);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    assert_ne!(case(&window).window, before, "the left button changes contrast");
    assert_eq!(case(&window).crosshair, crosshair);
}

#[test]
fn the_wheel_does_what_it_is_set_to() {
    let mut window = sample_window();
    open_editor(&mut window);
    choose(&mut window, "Wheel", "Zoom at the pointer");
    click(&mut window, "Close");
    assert_eq!(window.state().state.settings.mouse.wheel, Wheel::Zoom);
    let (at, before) = (view_center(&window, Plane::Axial), case(&window).crosshair);
    turn_wheel(&mut window, at, 1.0, Modifiers::NONE);
    assert_eq!(case(&window).crosshair, before);
    assert!(case(&window).camera(Plane::Axial).zoom > 1.0);
}

#[test]
fn the_right_button_can_be_set_to_pan_while_painting() {
    let mut window = sample_window();
    open_editor(&mut window);
    choose(&mut window, "… while painting", "Pan");
    click(&mut window, "Close");
    assert_eq!(window.state().state.settings.mouse.right_painting, Gesture::Pan);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Secondary);
    assert!(case(&window).camera(Plane::Axial).pan_mm.x > 0.0);
}
