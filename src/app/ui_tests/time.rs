//! Frames: played, segmented, measured.

use std::path::{Path, PathBuf};

use super::recovery::{next_window, wait_for_recorder, window_with};
use super::*;
use crate::app::time::Playback;
use crate::domain::{LabelMap, OneSlice};

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

/// A GIF of four frames, each of which is shown for 40 ms.
fn animation(folder: &Path) -> PathBuf {
    let path = folder.join("beat.gif");
    let file = std::fs::File::create(&path).expect("writable");
    let mut encoder = image::codecs::gif::GifEncoder::new(file);
    for level in [0, 80, 160, 240] {
        let image = image::RgbaImage::from_fn(32, 32, |x, _| image::Rgba([level + (x / 4) as u8, level, level, 255]));
        let delay = image::Delay::from_numer_denom_ms(40, 1);
        encoder.encode_frame(image::Frame::from_parts(image, 0, 0, delay)).expect("written");
    }
    path
}

#[test]
fn frames_play_at_the_speed_that_their_file_says_until_another_is_set() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = window(Start { image: Some(animation(folder.path())), ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    let usual = window.state().state.settings.playback.speed;
    assert_eq!(window.state().state.playback().speed, 25.0);
    assert!(window.query_by_label_contains("Frame 3 of 4, 80.0 ms").is_some());

    window.state_mut().apply(Action::SetPlayback(Playback { speed: 7.0, loops: false }));
    assert_eq!(window.state().state.playback(), Playback { speed: 7.0, loops: false });
    assert_eq!(window.state().state.settings.playback, Playback { speed: usual, loops: false }, "for this file alone");

    press(&mut window, Modifiers::SHIFT, Key::K);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = view_center(&window, Plane::Axial);
    drag(&mut window, at, PointerButton::Primary);
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.over_time_csv().is_some()));
    let csv = case(&window).over_time_csv().expect("measured");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "frame,time_ms,label,name,pixels,area_px2,length_px");
    assert!(lines[3].starts_with("3,80.000,1,"), "{csv}");
    assert_eq!(case(&window).over_time_chart().expect("measured").x.name, "Time (ms)");
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
    let plot = window.get_by_label("Plot: Area over time").rect();
    for (at, frames) in [(plot.right_center() - vec2(30.0, 0.0), 20..24), (plot.left_center() + vec2(60.0, 0.0), 0..4)]
    {
        click_at(&mut window, at, Modifiers::NONE);
        window.run_steps(2);
        let shown = case(&window).crosshair[2];
        assert!(frames.contains(&shown), "{shown}, expected within {frames:?}");
        let chart = case(&window).over_time_chart().expect("measured");
        assert_eq!(chart.cursor, Some(shown as f64 + 1.0));
    }
}

#[test]
fn work_on_the_built_in_heart_comes_back_on_the_heart() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = window_with(folder.path(), Start::default());
    click(&mut window, "Open beating heart");
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    window.state_mut().apply(Action::Command(Command::UseReference));
    wait(&mut window, App::is_idle);
    let (name, labels) = (case(&window).opened.name.clone(), case(&window).history.labels().clone());
    wait_for_recorder(&window);
    drop(window);

    let mut window = next_window(folder.path());
    click(&mut window, &format!("Recover {name}"));
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.merging.is_none()) && app.is_idle());
    assert!(case(&window).grid().is_series());
    assert_eq!(case(&window).history.labels(), &labels);
}

#[test]
fn what_was_found_in_one_frame_leaves_the_others_alone() {
    let mut window = heart_window();
    window.state_mut().apply(Action::Command(Command::UseReference));
    wait(&mut window, |app| app.is_idle());
    let before = case(&window).history.labels().clone();
    show_preview(&mut window);
    let state = &mut window.state_mut().state;
    // What is chosen for the next run says nothing of what this one saw.
    state.settings.segment.all_slices = true;
    let preview = state.case.as_mut().and_then(|case| case.preview.as_mut()).expect("it is shown");
    // The truth of frame 5 without its first label, and nothing elsewhere.
    let [width, height, _] = before.grid().shape();
    let in_frame = |at: usize| at / (width * height) == 5;
    let ids = before.iter().enumerate().map(|(at, id)| if in_frame(at) && id != 1 { id } else { 0 }).collect();
    preview.labels = LabelMap::new(before.grid().clone(), ids).expect("one id a pixel").into();
    let Source::Model(origin) = &mut preview.source else { panic!("a model's") };
    origin.slice = Some(OneSlice { axis: 2, index: 5 });
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
fn frames_can_be_read_as_slices_and_back_with_their_labels() {
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
    let labels = case(&window).history.labels().to_ids();
    click(&mut window, "Frames or slices");
    assert!(window.query_by_label("Coronal view").is_some());
    let slices = case(&window).history.labels();
    assert_eq!((slices.grid(), slices.to_ids()), (case(&window).grid(), labels.clone()));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0, "what was done before can be undone");
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    click(&mut window, "Frames or slices");
    assert_eq!(case(&window).history.labels().to_ids(), labels);
    press(&mut window, Modifiers::SHIFT, Key::K);
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.over_time.measures.is_some()));
    show_preview(&mut window);
    assert!(Command::SwapTime.enabled(&window.state().state).is_err());
}
