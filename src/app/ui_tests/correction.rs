//! A whole piece of work: a model's answer is corrected by hand, saved, opened again.

use std::path::PathBuf;

use super::*;
use crate::app::views::geometry::Placement;
use crate::domain::LabelMap;
use crate::evaluation::metrics::dice;
use crate::io::read_labels;
use crate::monitor::Silent;

/// Slices that the person corrects: those with most errors.
const N_SLICES: usize = 6;

/// The mean Dice of both parts of the hippocampus.
fn mean_dice(truth: &[u16], labels: &LabelMap) -> f64 {
    let ids = labels.to_ids();
    [1, 2].map(|id| dice(truth, &ids, id).expect("the truth has both")).iter().sum::<f64>() / 2.0
}

/// Where a voxel of the slice shown lies on the screen.
fn on_screen(window: &Window, voxel: [usize; 3]) -> Pos2 {
    let (state, case) = (&window.state().state, case(window));
    let view = window.get_by_label("Axial view").rect();
    let axes = case.axes(Plane::Axial, state.settings.convention);
    let placement = Placement::new(view, case.grid(), &axes, case.camera(Plane::Axial));
    placement.screen_from_pixel(axes.pixel(case.grid().shape(), voxel))
}

fn set_brush(window: &mut Window, id: u16) {
    window.state_mut().apply(Action::ActivateLabel(id));
    window.run_steps(1);
}

/// Paints what the truth has in a slice, a stroke for each run of wrong voxels; the right button erases.
fn correct_slice(window: &mut Window, truth: &LabelMap, k: usize) {
    let shape = truth.grid().shape();
    window.state_mut().apply(Action::SetSlice { plane: Plane::Axial, index: k });
    window.run_steps(2);
    for id in [1, 2, 0] {
        if id != 0 {
            set_brush(window, id);
        }
        let button = if id == 0 { PointerButton::Secondary } else { PointerButton::Primary };
        for j in 0..shape[1] {
            let is_wrong = |i: usize| truth.get([i, j, k]) == id && case(window).history.labels().get([i, j, k]) != id;
            let wrong: Vec<usize> = (0..shape[0]).filter(|&i| is_wrong(i)).collect();
            for run in wrong.chunk_by(|a, b| a + 1 == *b) {
                let (from, to) = (on_screen(window, [run[0], j, k]), on_screen(window, [run[run.len() - 1], j, k]));
                drag_by(window, from, to - from, button, Modifiers::NONE);
            }
        }
    }
}

#[test]
fn a_prediction_is_corrected_by_hand_saved_and_opened_again() {
    let Some(data) = std::env::var_os("LDSEG_DATA").map(|data| PathBuf::from(data).join("msd_hippocampus")) else {
        eprintln!("skipped: LDSEG_DATA names no data folder");
        return;
    };
    let image = data.join("images/hippocampus_003.nii.gz");
    let truth = read_labels(&data.join("labels/hippocampus_003.nii.gz"), &Silent).expect("the truth").labels;
    let truth_ids = truth.to_ids();
    let mut window = window(Start { image: Some(image.clone()), ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    window.state_mut().state.settings.segment.device = DeviceChoice::Cpu;
    click(&mut window, "Segment");
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.preview.is_some()));
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, App::is_idle);
    let before = mean_dice(&truth_ids, case(&window).history.labels());

    press(&mut window, Modifiers::NONE, Key::Num3);
    window.state_mut().state.settings.brush.diameter = 1.0;
    let n_errors = |k: usize| {
        let sheet = truth.grid().shape()[0] * truth.grid().shape()[1];
        (k * sheet..(k + 1) * sheet).filter(|&at| truth_ids[at] != case(&window).history.labels().id_at(at)).count()
    };
    let mut slices: Vec<usize> = (0..truth.grid().shape()[2]).collect();
    slices.sort_by_key(|&k| std::cmp::Reverse(n_errors(k)));
    for k in slices.into_iter().take(N_SLICES) {
        correct_slice(&mut window, &truth, k);
    }
    let after = mean_dice(&truth_ids, case(&window).history.labels());
    let n_strokes = case(&window).history.n_applied() - 1;
    eprintln!("Dice {before:.3} as predicted, {after:.3} after {n_strokes} strokes");
    assert!(after > before + 0.01, "{before} {after}");

    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("corrected.nii.gz");
    window.state_mut().state.dialog =
        Some(Dialog::TypePath { purpose: Purpose::SaveLabels(None), text: path.display().to_string() });
    window.state_mut().apply(Action::SubmitPath);
    wait(&mut window, App::is_idle);
    assert!(!window.state().state.has_unsaved_changes());

    let mut again = super::window(Start { image: Some(image), labels: Some(path), ..Start::default() });
    wait(&mut again, |app| app.is_idle() && app.state.case.as_ref().is_some_and(|case| case.labels_path.is_some()));
    assert_eq!(case(&again).history.labels(), case(&window).history.labels());
    assert_eq!(case(&again).table, case(&window).table);
}
