//! Painting with the brush: pointer, keys and options.

use super::*;
use crate::domain::LabelMap;

fn labels(window: &Window) -> &LabelMap {
    case(window).history.labels()
}

/// The window with the brush in hand.
fn with_brush() -> Window {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::B);
    window
}

#[test]
fn a_stroke_of_the_brush_is_one_change_and_the_right_button_erases() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::B);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    let n_painted = n_labelled(&window);
    assert!(n_painted > 0);
    assert_eq!(case(&window).history.entries().len(), 1);
    drag(&mut window, at, PointerButton::Secondary);
    assert!(n_labelled(&window) < n_painted);
    assert_eq!(case(&window).camera(Plane::Axial).zoom, 1.0, "the right button does not zoom while painting");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), n_painted);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0);
}

#[test]
fn a_preview_cannot_be_painted_over() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::B);
    show_preview(&mut window);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    assert_eq!(n_labelled(&window), 0);
    assert!(window.query_by_label("Accept or discard the preview first").is_some());
}

#[test]
fn the_palette_marks_the_tool_in_use() {
    let mut window = sample_window();
    let is_chosen = |window: &Window, name: &str| {
        window.get_all_by_label(name).any(|node| node.accesskit_node().toggled().is_some_and(|t| t == true.into()))
    };
    assert!(is_chosen(&window, "Crosshair"));
    click(&mut window, "Eraser");
    assert!(is_chosen(&window, "Eraser") && !is_chosen(&window, "Crosshair"));
}

#[test]
fn escape_takes_back_a_stroke_that_is_going_on() {
    let mut window = with_brush();
    let at = view_center(&window, Plane::Axial);
    window.hover_at(at);
    window.drag_at(at);
    window.run_steps(2);
    window.hover_at(at + vec2(40.0, 0.0));
    window.run_steps(2);
    assert!(n_labelled(&window) > 0);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(n_labelled(&window), 0);
    window.drop_at(at + vec2(40.0, 0.0));
    window.run_steps(2);
    assert_eq!(case(&window).history.entries().len(), 0);
}

#[test]
fn shift_and_a_click_draw_a_straight_line() {
    let mut window = with_brush();
    click(&mut window, "Brush shape: Square");
    let at = view_center(&window, Plane::Axial);
    click_at(&mut window, at, Modifiers::NONE);
    let dab = n_labelled(&window);
    click_at(&mut window, at + vec2(90.0, 0.0), Modifiers::SHIFT);
    assert!(n_labelled(&window) > 3 * dab, "{} after a dab of {dab}", n_labelled(&window));
    assert_eq!(case(&window).history.entries().len(), 2);
}

#[test]
fn brackets_and_alt_with_a_drag_change_the_size() {
    let mut window = with_brush();
    let size = |window: &Window| window.state().state.settings.brush.diameter;
    let before = size(&window);
    press(&mut window, Modifiers::NONE, Key::CloseBracket);
    assert_eq!(size(&window), before + 1.0);
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    let at = view_center(&window, Plane::Axial);
    drag_by(&mut window, at, vec2(40.0, 0.0), PointerButton::Primary, Modifiers::ALT);
    assert!(size(&window) > before);
    assert_eq!(n_labelled(&window), 0, "resizing paints nothing");
}

#[test]
fn a_brush_in_3d_reaches_into_the_slices_beside() {
    let mut window = with_brush();
    let at = view_center(&window, Plane::Axial);
    click(&mut window, "Brush depth: 3D");
    click_at(&mut window, at, Modifiers::NONE);
    let axis = case(&window).through(Plane::Axial).0;
    let bounds = labels(&window).bounds_of(|id| id != 0).expect("painted");
    assert!(bounds.shape()[axis] > 1);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    click(&mut window, "Brush depth: 2D");
    click_at(&mut window, at, Modifiers::NONE);
    assert_eq!(labels(&window).bounds_of(|id| id != 0).expect("painted").shape()[axis], 1);
}

#[test]
fn a_brush_in_millimetres_is_about_as_large() {
    let mut window = with_brush();
    click(&mut window, "Brush unit: mm");
    let (look, grid) = (window.state().state.settings.brush, case(&window).grid().clone());
    let radii = look.brush(2).radii(&grid);
    let spacing_mm = grid.spacing_mm();
    assert!((2.0 * radii[0] * spacing_mm[0] - look.diameter).abs() < 1e-3);
    assert!((2.0 * radii[1] * spacing_mm[1] - look.diameter).abs() < 1e-3);
}

#[test]
fn painting_keeps_to_the_intensities_chosen() {
    let mut window = with_brush();
    window.get_by_label("Only these intensities").click();
    window.run_steps(3);
    assert!(case(&window).limits.by_intensity);
    let handle = window.get_by_label("Low end of intensity").rect().center();
    let before = case(&window).limits;
    drag_by(&mut window, handle, vec2(-20.0, 0.0), PointerButton::Primary, Modifiers::NONE);
    let limits = case(&window).limits;
    assert!(limits.low < before.low && limits.high == before.high);
    (0..12).for_each(|_| press(&mut window, Modifiers::NONE, Key::CloseBracket));
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    let (volume, grid) = (case(&window).opened.volume.clone(), case(&window).grid().clone());
    let [ni, nj, nk] = grid.shape();
    let mut n_painted = 0;
    for (i, j, k) in (0..nk).flat_map(|k| (0..nj).flat_map(move |j| (0..ni).map(move |i| (i, j, k)))) {
        if labels(&window).get([i, j, k]) != 0 {
            n_painted += 1;
            let value = volume.value(0, [i, j, k]).expect("grey");
            assert!((limits.low..=limits.high).contains(&value), "{value}");
        }
    }
    assert!(n_painted > 0);
}

#[test]
fn a_locked_label_is_not_painted_and_the_window_says_so() {
    let mut window = with_brush();
    let label = case(&window).table.labels[0].clone();
    window.state_mut().apply(Action::SetLabel(crate::domain::Label { locked: true, ..label }));
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    assert_eq!(n_labelled(&window), 0);
    assert!(window.query_by_label_contains("is locked").is_some());
}

#[test]
fn a_brush_for_what_is_alike_stops_where_the_image_changes() {
    let mut window = with_brush();
    window.state_mut().state.settings.brush.diameter = 60.0;
    let at = view_center(&window, Plane::Axial);
    click_at(&mut window, at, Modifiers::NONE);
    let everything = n_labelled(&window);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    click(&mut window, "Brush paints: Alike");
    assert!(window.query_all_by_label("Tolerance").count() > 0);
    click_at(&mut window, at, Modifiers::NONE);
    let alike = n_labelled(&window);
    assert!(0 < alike && alike < everything, "{alike} of {everything}");
}

#[test]
fn painting_keeps_to_where_a_loaded_map_is_high() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("uncertainty.nii.gz");
    let mut window = with_brush();
    assert!(window.get_by_label("Only where a map is high").accesskit_node().is_disabled());
    let volume = case(&window).opened.volume.clone();
    crate::io::nifti::write_volume(&path, &volume, None, &crate::monitor::Silent).expect("written");
    window.state_mut().open_map(path);
    wait(&mut window, App::is_idle);
    let limits = case(&window).limits;
    assert!(limits.by_map && case(&window).map.is_some());
    window.state_mut().state.settings.brush.diameter = 60.0;
    let at = view_center(&window, Plane::Axial);
    click_at(&mut window, at, Modifiers::NONE);
    let (labels, grid) = (labels(&window), case(&window).grid());
    let painted: Vec<_> = (0..grid.n_voxels()).filter(|position| labels.id_at(*position) != 0).collect();
    assert!(!painted.is_empty());
    for position in painted {
        let value = volume.value(0, grid.voxel(position)).expect("grey") as f32;
        assert!((limits.map_low..=limits.map_high).contains(&value), "{value}");
    }
}
