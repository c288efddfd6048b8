//! Rulers, angles and areas: laid, moved, listed and exported.

use super::*;

fn values(window: &Window) -> Vec<f64> {
    case(window).measurements.iter().map(|known| known.reading.value.expect("defined")).collect()
}

/// Points on the screen of a millimetre in the axial view.
fn points_per_mm(window: &mut Window) -> f64 {
    let at = view_center(window, Plane::Axial);
    drag_by(window, at, vec2(100.0, 0.0), PointerButton::Primary, Modifiers::NONE);
    let length_mm = values(window).last().copied().expect("measured");
    100.0 / length_mm
}

#[test]
fn a_distance_is_dragged_moved_at_its_end_and_deleted() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::D);
    let scale = points_per_mm(&mut window);
    let at = view_center(&window, Plane::Axial);
    assert!(window.query_by_label("Name of measurement 1").is_some());
    drag_by(&mut window, at + vec2(100.0, 0.0), vec2(0.0, 75.0), PointerButton::Primary, Modifiers::NONE);
    assert_eq!(values(&window).len(), 1, "an end was moved, none was added");
    assert!((values(&window)[0] - 125.0 / scale).abs() < 0.02 * 125.0 / scale);
    assert_eq!(case(&window).history.entries().len(), 0, "measurements are no edits of the labels");
    click(&mut window, "Delete Distance 1");
    assert!(case(&window).measurements.is_empty());
}

#[test]
fn an_angle_is_three_clicks() {
    let mut window = sample_window();
    click(&mut window, "Angle");
    let at = view_center(&window, Plane::Axial);
    for by in [vec2(70.0, 0.0), vec2(0.0, 0.0), vec2(0.0, 70.0)] {
        click_at(&mut window, at + by, Modifiers::NONE);
        window.run_steps(40);
    }
    assert!((values(&window)[0] - 90.0).abs() < 1.0);
}

#[test]
fn an_area_says_what_it_encloses_and_leads_back_to_its_slice() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::D);
    let scale = points_per_mm(&mut window);
    press(&mut window, Modifiers::SHIFT, Key::A);
    let at = view_center(&window, Plane::Axial);
    for by in [vec2(-40.0, -40.0), vec2(40.0, -40.0), vec2(40.0, 40.0), vec2(-40.0, 40.0)] {
        click_at(&mut window, at + by, Modifiers::NONE);
        window.run_steps(40);
    }
    press(&mut window, Modifiers::NONE, Key::Enter);
    let expected = (80.0 / scale).powi(2);
    assert!((values(&window)[1] - expected).abs() < 0.03 * expected);
    let region = case(&window).measurements[1].reading.region.clone().expect("an area");
    assert!(region.intensities.is_some() && region.n_voxels > 0);
    assert_eq!(n_labelled(&window), 0);

    let axis = case(&window).through(Plane::Axial).0;
    let slice = case(&window).crosshair[axis];
    turn_wheel(&mut window, at, 3.0, Modifiers::NONE);
    assert_ne!(case(&window).crosshair[axis], slice);
    click(&mut window, "Show Area 1");
    assert_eq!(case(&window).crosshair[axis], slice);
}

#[test]
fn escape_gives_a_ruler_up() {
    let mut window = sample_window();
    click(&mut window, "Angle");
    let at = view_center(&window, Plane::Axial);
    click_at(&mut window, at, Modifiers::NONE);
    assert!(case(&window).ruler.is_some());
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(case(&window).ruler.is_none() && case(&window).measurements.is_empty());
}

#[test]
fn measurements_are_written_into_a_file() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("measured");
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::D);
    points_per_mm(&mut window);
    let text = path.display().to_string();
    window.state_mut().state.dialog = Some(Dialog::TypePath { purpose: Purpose::ExportMeasurements, text });
    window.run_steps(3);
    press(&mut window, Modifiers::NONE, Key::Enter);
    let file = path.with_extension("csv");
    wait(&mut window, |_| file.is_file());
    let table = std::fs::read_to_string(&file).expect("readable");
    assert!(table.starts_with("Name,Plane,Slice,Value,Unit"));
    assert!(table.contains("Distance 1,Axial,"));
}
