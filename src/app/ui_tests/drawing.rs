//! Outlines, fills, scissors and whole slices: pointer, keys and options.

use super::*;
use crate::app::long_edit::Ending;
use crate::app::state::State;

/// Four corners of a square of `side` points about `middle`.
fn square(middle: Pos2, side: f32) -> [Pos2; 4] {
    let half = side / 2.0;
    [vec2(-half, -half), vec2(half, -half), vec2(half, half), vec2(-half, half)].map(|by| middle + by)
}

fn click_each(window: &mut Window, places: &[Pos2]) {
    for at in places {
        click_at(window, *at, Modifiers::NONE);
        // Long enough for the next click not to count as a double click.
        window.run_steps(40);
    }
}

/// A polygon clicked in the axial view and closed by Enter.
fn draw_square(window: &mut Window, side: f32) {
    click(window, "Polygon");
    let corners = square(view_center(window, Plane::Axial), side);
    click_each(window, &corners);
    press(window, Modifiers::NONE, Key::Enter);
}

fn state(window: &Window) -> &State {
    &window.state().state
}

fn outline_is_open(window: &Window) -> bool {
    case(window).outline.is_some()
}

#[test]
fn a_polygon_is_clicked_and_filled_by_enter_as_one_change() {
    let mut window = sample_window();
    draw_square(&mut window, 80.0);
    assert!(n_labelled(&window) > 50);
    assert!(!outline_is_open(&window));
    assert_eq!(case(&window).history.entries().len(), 1);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0);
}

#[test]
fn the_first_corner_closes_a_polygon_and_so_does_a_double_click() {
    let mut window = sample_window();
    click(&mut window, "Polygon");
    let corners = square(view_center(&window, Plane::Axial), 80.0);
    click_each(&mut window, &corners);
    click_each(&mut window, &corners[..1]);
    let n = n_labelled(&window);
    assert!(n > 50 && !outline_is_open(&window));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    click_each(&mut window, &corners[..3]);
    for _ in 0..2 {
        for pressed in [true, false] {
            let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
            window.event(Event::PointerButton { pos: corners[3], button, pressed, modifiers });
        }
    }
    window.run_steps(60);
    assert!(!outline_is_open(&window));
    assert_eq!(n_labelled(&window), n);
    assert_eq!(state(&window).layout, Layout::Grid, "the double click was the tool's");
}

#[test]
fn backspace_takes_a_corner_back_and_escape_gives_up() {
    let mut window = sample_window();
    click(&mut window, "Polygon");
    let corners = square(view_center(&window, Plane::Axial), 80.0);
    click_each(&mut window, &corners);
    press(&mut window, Modifiers::NONE, Key::Backspace);
    assert_eq!(case(&window).outline.as_ref().map(|outline| outline.corners().len()), Some(3));
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(!outline_is_open(&window));
    assert_eq!(n_labelled(&window), 0);
}

#[test]
fn a_corner_is_dragged_before_the_polygon_is_filled() {
    let mut window = sample_window();
    draw_square(&mut window, 60.0);
    let n = n_labelled(&window);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    let corners = square(view_center(&window, Plane::Axial), 60.0);
    click_each(&mut window, &corners);
    drag_by(&mut window, corners[2], vec2(40.0, 40.0), PointerButton::Primary, Modifiers::NONE);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(n_labelled(&window) > n + n / 4, "{} after {n}", n_labelled(&window));
}

#[test]
fn an_outline_waits_in_its_slice_while_another_is_looked_at() {
    let mut window = sample_window();
    click(&mut window, "Polygon");
    let at = view_center(&window, Plane::Axial);
    click_each(&mut window, &square(at, 80.0));
    let drawn_in = case(&window).crosshair[case(&window).through(Plane::Axial).0];
    turn_wheel(&mut window, at, 2.0, Modifiers::NONE);
    click_each(&mut window, &[at]);
    assert!(window.query_by_label_contains("An outline is open in another slice").is_some());
    press(&mut window, Modifiers::NONE, Key::Enter);
    let axis = case(&window).through(Plane::Axial).0;
    let bounds = case(&window).history.labels().bounds_of(|id| id != 0).expect("filled");
    assert_eq!(bounds.0[axis], drawn_in..drawn_in + 1);
}

#[test]
fn a_lasso_is_one_drag() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::Num6);
    let corners = square(view_center(&window, Plane::Axial), 80.0);
    window.hover_at(corners[0]);
    window.drag_at(corners[0]);
    for at in &corners[1..] {
        window.hover_at(*at);
    }
    window.drop_at(corners[3]);
    window.run_steps(6);
    assert!(n_labelled(&window) > 50);
    assert_eq!(case(&window).history.entries().len(), 1);
}

#[test]
fn a_hole_is_erased_by_a_right_click_filled_again_and_the_whole_relabelled() {
    let mut window = sample_window();
    draw_square(&mut window, 120.0);
    let whole = n_labelled(&window);
    let middle = view_center(&window, Plane::Axial);
    click_each(&mut window, &square(middle, 50.0));
    drag_by(&mut window, middle, vec2(0.0, 0.0), PointerButton::Secondary, Modifiers::NONE);
    assert!(n_labelled(&window) < whole, "the right button closes and erases");

    press(&mut window, Modifiers::NONE, Key::H);
    click_at(&mut window, middle, Modifiers::NONE);
    assert_eq!(n_labelled(&window), whole);

    press(&mut window, Modifiers::NONE, Key::G);
    let other = case(&window).table.labels[1].id;
    window.state_mut().apply(Action::ActivateLabel(other));
    click_at(&mut window, middle, Modifiers::NONE);
    let count = case(&window).history.labels().iter().filter(|id| *id == other).count();
    assert_eq!(count, whole);
}

#[test]
fn filling_in_depth_happens_beside_the_window() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::G);
    click(&mut window, "Fill depth: 3D");
    let middle = view_center(&window, Plane::Axial);
    click_at(&mut window, middle, Modifiers::NONE);
    wait(&mut window, App::is_idle);
    assert_eq!(n_labelled(&window), case(&window).grid().n_voxels());
}

#[test]
fn a_region_grows_from_the_voxel_clicked_and_no_farther_than_allowed() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::R);
    let middle = view_center(&window, Plane::Axial);
    click_at(&mut window, middle, Modifiers::NONE);
    wait(&mut window, App::is_idle);
    let flat = n_labelled(&window);
    assert!(flat > 1);
    click(&mut window, "Fill depth: 3D");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    click_at(&mut window, middle, Modifiers::NONE);
    wait(&mut window, App::is_idle);
    let deep = n_labelled(&window);
    assert!(deep > flat);

    press(&mut window, Modifiers::COMMAND, Key::Z);
    window.state_mut().state.settings.tools.grow_radius_mm = 3.0;
    click_at(&mut window, middle, Modifiers::NONE);
    wait(&mut window, App::is_idle);
    assert!(n_labelled(&window) < deep);
    assert!(window.query_by_label_contains("stopped at the largest distance").is_some());
}

#[test]
fn scissors_cut_through_all_slices_or_a_slab() {
    let mut window = sample_window();
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    let whole = n_labelled(&window);
    press(&mut window, Modifiers::NONE, Key::S);
    click(&mut window, "Scissors outline: Click");
    let corners = square(view_center(&window, Plane::Axial), 60.0);
    click_each(&mut window, &corners);
    press(&mut window, Modifiers::NONE, Key::Enter);
    let cut_through = n_labelled(&window);
    assert!(cut_through < whole);

    press(&mut window, Modifiers::COMMAND, Key::Z);
    click(&mut window, "Scissors depth: Slab");
    click_each(&mut window, &corners);
    press(&mut window, Modifiers::NONE, Key::Enter);
    let slab = n_labelled(&window);
    assert!(cut_through < slab && slab < whole, "{cut_through} < {slab} < {whole}");

    press(&mut window, Modifiers::COMMAND, Key::Z);
    click(&mut window, "Scissors: Erase out");
    click_each(&mut window, &corners);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(
        whole - n_labelled(&window) + (whole - slab),
        n_in_slab(&window),
        "inside and outside are all of the slab"
    );
}

/// Labelled voxels of the sample's truth in the five slices about the crosshair.
fn n_in_slab(window: &Window) -> usize {
    let case = case(window);
    let (axis, _) = case.through(Plane::Axial);
    let (truth, at) = (&case.opened.reference.as_ref().expect("a truth").0, case.crosshair[axis]);
    let is_in = |position: &usize| case.grid().voxel(*position)[axis].abs_diff(at) <= 2;
    (0..case.grid().n_voxels()).filter(is_in).filter(|position| truth.id_at(*position) != 0).count()
}

#[test]
fn a_slice_is_copied_to_the_next_by_a_key() {
    let mut window = sample_window();
    draw_square(&mut window, 80.0);
    let n = n_labelled(&window);
    press(&mut window, Modifiers::SHIFT, Key::PageUp);
    assert_eq!(n_labelled(&window), 2 * n);
    press(&mut window, Modifiers::SHIFT, Key::PageUp);
    assert_eq!(n_labelled(&window), 3 * n);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 2 * n);
}

#[test]
fn slices_between_drawn_ones_are_filled() {
    let mut window = sample_window();
    draw_square(&mut window, 80.0);
    let n = n_labelled(&window);
    let at = view_center(&window, Plane::Axial);
    turn_wheel(&mut window, at, 4.0, Modifiers::NONE);
    draw_square(&mut window, 80.0);
    assert_eq!(n_labelled(&window), 2 * n);
    press(&mut window, Modifiers::COMMAND, Key::I);
    wait(&mut window, App::is_idle);
    assert_eq!(n_labelled(&window), 5 * n);
}

#[test]
fn labels_of_another_file_are_pasted_over_those_that_are_there() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("other.nii.gz");
    let mut window = sample_window();
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    window.state_mut().state.case.as_mut().expect("open").labels_path = Some(path.clone());
    press(&mut window, Modifiers::COMMAND, Key::S);
    wait(&mut window, App::is_idle);
    let truth = case(&window).history.labels().to_ids();
    press(&mut window, Modifiers::COMMAND, Key::Z);
    click(&mut window, "Polygon");

    let active = case(&window).active_label().expect("a label").id;
    window.state_mut().open_to_paste(path.clone());
    wait(&mut window, App::is_idle);
    let only: Vec<u16> = truth.iter().map(|id| if *id == active { active } else { 0 }).collect();
    assert!(case(&window).history.labels().to_ids() == only);

    // Below the fold in a window of this height.
    window.get_by_label("Copies: All labels").click_accesskit();
    window.run_steps(3);
    window.state_mut().open_to_paste(path);
    wait(&mut window, App::is_idle);
    assert!(case(&window).history.labels().to_ids() == truth);
}

#[test]
fn a_livewire_clings_to_the_edge_between_its_anchors() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::Num7);
    let corners = square(view_center(&window, Plane::Axial), 120.0);
    click_each(&mut window, &corners[..2]);
    window.hover_at(corners[2]);
    window.run_steps(3);
    let outline = case(&window).outline.as_ref().expect("open");
    assert!(outline.ahead().len() > 2, "the wire is led to the pointer pixel by pixel");
    click_each(&mut window, &corners[2..]);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(n_labelled(&window) > 50);
    assert_eq!(case(&window).history.entries().len(), 1);
    assert!(case(&window).wire.is_none());
}

#[test]
fn a_long_change_shows_how_far_it_is_and_can_be_stopped() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::R);
    window.state_mut().change_at_length("Endless work", Ending::Apply, |_, monitor| {
        loop {
            monitor.report("Working", 1, 2)?;
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.long_edit.is_some()));
    std::thread::sleep(Duration::from_millis(200));
    window.run_steps(3);
    assert!(window.query_all_by_label("Endless work").count() > 0);
    let at = view_center(&window, Plane::Axial);
    click_at(&mut window, at, Modifiers::NONE);
    assert!(window.query_by_label("The labels are being changed").is_some(), "nothing else changes them meanwhile");
    click(&mut window, "Cancel change");
    wait(&mut window, App::is_idle);
    assert_eq!(n_labelled(&window), 0);
}

#[test]
fn what_a_seed_would_grow_into_is_seen_before_the_click() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::R);
    let n_shapes = |window: &mut Window| {
        window.run_steps(3);
        window.output().shapes.len()
    };
    window.hover_at(Pos2::ZERO);
    let without = n_shapes(&mut window);
    let at = view_center(&window, Plane::Axial);
    window.hover_at(at);
    assert!(n_shapes(&mut window) > without);
    assert_eq!(n_labelled(&window), 0);
}

#[test]
fn mirroring_the_display_gives_an_open_outline_up() {
    let mut window = sample_window();
    click(&mut window, "Polygon");
    let corners = square(view_center(&window, Plane::Axial), 80.0);
    click_each(&mut window, &corners);
    press(&mut window, Modifiers::NONE, Key::N);
    assert!(!outline_is_open(&window));
}
