//! The room of robustness: a damaged image, and a sweep.

use super::*;
use crate::app::file_dialog::Picked;
use crate::app::lab::robustness::{Robustness, RobustnessAction};
use crate::app::lab::{Export, LabAction};
use crate::evaluation::robustness::Perturbation;

fn lab(window: &Window) -> &Robustness {
    &case(window).lab.robustness
}

fn act(window: &mut Window, action: RobustnessAction) {
    window.state_mut().apply(Action::Lab(LabAction::Robustness(action)));
    window.run_steps(2);
}

/// The sample in the room of robustness, on the CPU.
fn robustness_window() -> Window {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::F5);
    let settings = &mut window.state_mut().state.settings.segment;
    (settings.device, settings.steps) = (DeviceChoice::Cpu, 2);
    window.run_steps(3);
    window
}

/// Leaves two strengths to sweep.
fn choose_two(window: &mut Window) {
    for strength in lab(window).strengths() {
        if ![0.0, 0.2].contains(&strength) {
            act(window, RobustnessAction::Choose(strength, false));
        }
    }
    act(window, RobustnessAction::SetRepeats(2));
}

fn has_ended(app: &App) -> bool {
    let sweep = app.state.case.as_ref().and_then(|case| case.lab.robustness.sweep.as_ref());
    sweep.is_some_and(|sweep| sweep.conditions.is_some())
}

#[test]
fn the_damaged_image_is_shown_with_its_mask_and_the_newest_strength_wins() {
    let mut window = robustness_window();
    window.get_by_label("Show the damaged image and its mask").click();
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.lab.robustness.preview.shown.is_some()));
    let shown = lab(&window).preview.shown.as_ref().expect("shown");
    assert_eq!((shown.perturbation, shown.strength, shown.answers.len()), (Perturbation::Gaussian, 0.1, 1));
    assert_ne!(shown.volume.values(0), case(&window).opened.volume.values(0));
    assert!(case(&window).preview.is_none() && n_labelled(&window) == 0);

    for strength in [0.2, 0.3, 0.4] {
        act(&mut window, RobustnessAction::SetStrength(strength));
    }
    wait(&mut window, |app| {
        let shown = app.state.case.as_ref().and_then(|case| case.lab.robustness.preview.shown.as_ref());
        shown.is_some_and(|shown| shown.strength == 0.4)
    });
    assert!(lab(&window).preview.serial <= 3, "strengths that were only passed are not worked out");
    window.get_by_label("Show the damaged image and its mask").click();
    window.run_steps(3);
    assert!(!lab(&window).is_live);
}

#[test]
fn in_an_image_larger_than_the_models_box_the_damaged_image_follows_the_crosshair() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wide.png");
    image::GrayImage::from_fn(200, 40, |x, y| image::Luma([(x + 3 * y) as u8])).save(&path).expect("written");
    let mut window = window(Start { image: Some(path), ..Start::default() });
    wait(&mut window, |app| app.state.case.is_some() && app.is_idle());
    let settings = &mut window.state_mut().state.settings.segment;
    (settings.model, settings.device, settings.steps) = ("phantom-3d".to_owned(), DeviceChoice::Cpu, 2);
    press(&mut window, Modifiers::NONE, Key::F5);
    act(&mut window, RobustnessAction::SetLive(true));
    let look_at = |window: &mut Window, i: usize, serial: u64| {
        window.state_mut().state.case.as_mut().expect("open").crosshair[0] = i;
        window.run_steps(3);
        wait(window, |app| app.state.case.as_ref().is_some_and(|case| case.lab.robustness.preview.serial == serial));
    };
    look_at(&mut window, 199, 1);
    look_at(&mut window, 0, 2);
    // The box is at the image's edge, and stays there.
    look_at(&mut window, 7, 2);
    std::thread::sleep(Duration::from_millis(200));
    window.run_steps(3);
    assert!(lab(&window).preview.job.is_none(), "nothing is worked out anew");
    look_at(&mut window, 120, 3);
}

#[test]
fn a_sweep_compares_the_model_its_embedding_and_its_deterministic_counterpart() {
    let mut window = robustness_window();
    choose_two(&mut window);
    assert!(window.query_by_label_contains("Beside it phantom-3d-resunet").is_some());
    click(&mut window, "Sweep strengths");
    wait(&mut window, has_ended);
    let sweep = lab(&window).sweep.as_ref().expect("swept");
    assert_eq!(sweep.answers.len(), 2 * 2 * 3);
    let chart = sweep.chart("sample");
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["phantom-3d, DDIM K = 2", "phantom-3d, embedding only", "phantom-3d-resunet, deterministic"]);
    assert!(chart.series[0].points[0].y > 0.8, "{:?}", chart.series[0].points);
    assert!(window.query_by_label("Plot: Dice to the reference against Gaussian noise").is_some());

    let folder = tempfile::tempdir().expect("a scratch folder");
    for (export, name) in [(Export::DamageTable, "a.csv"), (Export::DamagePlot, "a.png")] {
        let path = folder.path().join(name);
        window.state_mut().use_picked(Picked::File(Purpose::ExportFinding(export), path.clone()));
        wait(&mut window, |_| path.exists());
    }
}

#[test]
fn without_a_reference_a_sweep_measures_agreement_and_can_be_stopped() {
    let mut window = robustness_window();
    window.state_mut().state.case.as_mut().expect("open").opened.reference = None;
    act(&mut window, RobustnessAction::SetRepeats(20));
    assert!(window.query_by_label_contains("An answer can agree and be wrong").is_some());
    click(&mut window, "Sweep strengths");
    wait(&mut window, |app| {
        let sweep = app.state.case.as_ref().and_then(|case| case.lab.robustness.sweep.as_ref());
        sweep.is_some_and(|sweep| !sweep.answers.is_empty())
    });
    assert!(Command::SweepDamage.enabled(&window.state().state).is_err());
    click(&mut window, "Cancel");
    wait(&mut window, App::is_idle);
    let sweep = lab(&window).sweep.as_ref().expect("what came is kept");
    assert!(!sweep.answers.is_empty() && sweep.conditions.is_none());
    assert!(sweep.chart("sample").title.starts_with("Agreement"));
    assert!(window.query_by_label_contains("agreement is not accuracy").is_some());
}

#[test]
fn every_damage_says_what_it_is() {
    let mut window = robustness_window();
    for (perturbation, words) in [
        (Perturbation::Speckle, "noise that grows with the signal"),
        (Perturbation::Rician, "MR magnitude images"),
        (Perturbation::Blur, "standard deviation in voxels"),
        (Perturbation::Bias, "uneven receiving coil"),
        (Perturbation::Contrast, "darker middle tones"),
        (Perturbation::Gaussian, "image scaled to 0 … 1"),
    ] {
        act(&mut window, RobustnessAction::SetPerturbation(perturbation));
        assert!(window.query_by_label_contains(words).is_some(), "{words}");
    }
}
