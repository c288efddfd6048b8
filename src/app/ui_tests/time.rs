//! Frames: played, segmented, measured.

use super::*;
use crate::domain::LabelMap;

/// A window on the beating heart.
fn heart_window() -> Window {
    let mut window = window(Start::default());
    click(&mut window, "Open beating heart");
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    window
}

fn shown(window: &Window) -> usize {
    case(window).frames().expect("the heart has frames").1
}

#[test]
fn frames_are_one_view_and_play_until_k_is_pressed_again() {
    let mut window = heart_window();
    assert!(window.query_by_label("Axial view").is_some());
    assert!(window.query_by_label("Coronal view").is_none(), "time is no direction in space");
    assert!(window.query_by_label_contains("Frame 13 of 24").is_some());
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(shown(&window), 13);
    press(&mut window, Modifiers::NONE, Key::K);
    wait(&mut window, |app| app.state.case.as_ref().and_then(Case::frames).is_some_and(|(_, frame)| frame != 13));
    press(&mut window, Modifiers::NONE, Key::K);
    assert!(window.state().state.playing.is_none());
    let stopped = shown(&window);
    window.run_steps(10);
    assert_eq!(shown(&window), stopped);
}

#[test]
fn areas_over_time_are_plotted_with_the_ejection_fraction() {
    let mut window = heart_window();
    press(&mut window, Modifiers::SHIFT, Key::K);
    assert!(window.query_by_label("There are no labels to measure yet").is_some());
    window.state_mut().apply(Action::Command(Command::UseReference));
    wait(&mut window, |app| {
        app.state.case.as_ref().is_some_and(|case| case.over_time.measures.as_ref().is_some_and(|m| m.len() == 4))
    });
    assert!(window.query_by_label("Plot: Area over time").is_some());
    let text = case(&window).emptying_text().expect("the left ventricle is there");
    assert!(text.starts_with("Left ventricle: fractional area change"), "{text}");
    assert!(window.query_by_label_contains("Ejection fraction").is_some());
}

#[test]
fn what_was_found_in_one_frame_leaves_the_others_alone() {
    let mut window = heart_window();
    window.state_mut().apply(Action::Command(Command::UseReference));
    wait(&mut window, |app| app.is_idle());
    let before = case(&window).history.labels().clone();
    show_preview(&mut window);
    let state = &mut window.state_mut().state;
    state.settings.segment.all_slices = false;
    let preview = state.case.as_mut().and_then(|case| case.preview.as_mut()).expect("it is shown");
    // The truth of frame 5 without its first label, and nothing elsewhere.
    let [width, height, _] = before.grid().shape();
    let in_frame = |at: usize| at / (width * height) == 5;
    let ids = before.iter().enumerate().map(|(at, id)| if in_frame(at) && id != 1 { id } else { 0 }).collect();
    preview.labels = LabelMap::new(before.grid().clone(), ids).expect("one id a pixel").into();
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, |app| app.is_idle());
    let after = case(&window).history.labels();
    let changed: Vec<usize> = (0..before.grid().n_voxels()).filter(|&at| before.id_at(at) != after.id_at(at)).collect();
    assert!(!changed.is_empty());
    assert!(changed.iter().all(|&at| in_frame(at) && before.id_at(at) == 1));
}

#[test]
fn all_frames_are_segmented_by_the_hearts_own_model() {
    let mut window = heart_window();
    let settings = &mut window.state_mut().state.settings.segment;
    assert_eq!(settings.model, "phantom-echo");
    settings.device = DeviceChoice::Cpu;
    click(&mut window, "Slices to segment: All frames");
    click(&mut window, "Segment");
    wait(&mut window, |app| app.state.segmenting.is_none());
    let preview = case(&window).preview.as_ref().expect("it was segmented");
    assert!(preview.labels.labelled_slices(2).iter().all(|labelled| *labelled));
}

#[test]
fn frames_can_be_read_as_slices_while_there_are_no_labels() {
    let mut window = heart_window();
    click(&mut window, "Frames or slices");
    wait(&mut window, |app| app.is_idle());
    assert!(!case(&window).grid().is_series());
    assert!(window.query_by_label("Coronal view").is_some(), "slices lie in space");
    click(&mut window, "Frames or slices");
    wait(&mut window, |app| app.is_idle());
    assert!(case(&window).grid().is_series());
    window.state_mut().apply(Action::Command(Command::UseReference));
    wait(&mut window, |app| app.is_idle());
    assert!(Command::SwapTime.enabled(&window.state().state).is_err());
}
