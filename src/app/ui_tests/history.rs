//! The history panel: where the person stands, and going somewhere else by a click.

use super::*;
use crate::domain::edit::Stroke;

/// A sample with three strokes of the brush.
fn painted_window() -> Window {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::B);
    let at = view_center(&window, Plane::Axial);
    for stroke_idx in 0..3 {
        drag(&mut window, at + vec2(0.0, 40.0 * stroke_idx as f32), PointerButton::Primary);
    }
    assert_eq!(case(&window).history.n_applied(), 3);
    window
}

#[test]
fn a_click_in_the_history_goes_there_and_the_later_changes_stay() {
    let mut window = painted_window();
    let labels = case(&window).history.labels().clone();
    click(&mut window, "Change 1: Brush");
    assert_eq!(case(&window).history.n_applied(), 1);
    let after_one = n_labelled(&window);
    click(&mut window, "Change 0: Beginning");
    assert_eq!((case(&window).history.n_applied(), n_labelled(&window)), (0, 0));
    click(&mut window, "Change 3: Brush");
    assert_eq!(case(&window).history.labels(), &labels);
    click(&mut window, "Change 1: Brush");
    assert_eq!(n_labelled(&window), after_one);
    assert_eq!(case(&window).history.entries().len(), 3);
}

#[test]
fn the_history_says_what_it_takes_and_where_the_labels_were_saved() {
    let mut window = painted_window();
    assert!(window.query_by_label_contains("of 256 MB, 3 changes").is_some());
    window.state_mut().state.case.as_mut().expect("open").history.mark_saved();
    click(&mut window, "Change 2: Brush");
    assert_eq!(case(&window).history.saved_at(), Some(3));
    assert!(window.state().state.has_unsaved_changes());
}

#[test]
fn the_history_waits_while_a_preview_is_shown() {
    let mut window = painted_window();
    show_preview(&mut window);
    assert!(window.get_by_label("Change 1: Brush").accesskit_node().is_disabled());
    window.state_mut().apply(Action::GoTo(1));
    assert_eq!(case(&window).history.n_applied(), 3);
}

#[test]
fn of_thousands_of_changes_only_those_in_sight_are_drawn() {
    let mut window = sample_window();
    let history = &mut window.state_mut().state.case.as_mut().expect("open").history;
    for position in 0..5000 {
        let mut stroke = Stroke::new("Brush", history.labels());
        stroke.set(position, 0, 1);
        history.apply(stroke.finish().expect("a change"));
    }
    window.run_steps(3);
    let n_drawn = window.query_all_by_label_contains("Change ").count();
    assert!((1..20).contains(&n_drawn), "{n_drawn} lines");
    assert!(window.query_by_label("Change 5000: Brush").is_some(), "the newest is in sight");
}
