//! The room of steps: a run's path, and runs side by side.

use super::*;
use crate::app::file_dialog::Picked;
use crate::app::lab::steps::{Middle, StepsAction};
use crate::app::lab::{Export, LabAction, Room};

fn steps(window: &Window) -> &crate::app::lab::steps::Steps {
    &case(window).lab.steps
}

/// The sample in the room of steps, few runs chosen, on the CPU.
fn steps_window(chosen: &[usize]) -> Window {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::F3);
    let state = &mut window.state_mut().state;
    (state.settings.segment.device, state.settings.segment.steps) = (DeviceChoice::Cpu, 4);
    let lab = &mut state.case.as_mut().expect("a case is open").lab.steps;
    lab.chosen = chosen.iter().copied().collect();
    window.run_steps(3);
    window
}

fn is_scored(app: &App) -> bool {
    let Some(lab) = app.state.case.as_ref().map(|case| &case.lab) else { return false };
    let Some(comparison) = &lab.steps.comparison else { return false };
    lab.running.is_none() && comparison.runs.iter().all(|run| run.scores.is_some())
}

#[test]
fn the_panel_says_what_k_is_and_the_numbers_are_chosen_by_clicks() {
    let mut window = steps_window(&[2]);
    assert!(window.query_by_label_contains("K = 2 is one useful call").is_some());
    assert!(window.query_by_label_contains("scaled back to mean 0 and SD 1 after every step").is_some());
    window.get_by_label("Compare K = 50").click();
    window.run_steps(3);
    assert!(steps(&window).chosen.contains(&50));
    window.get_by_label("Compare K = 50").click();
    window.get_by_label("Compare K = 2").click();
    window.run_steps(3);
    assert!(steps(&window).chosen.is_empty());
    let why = Command::CompareSteps.enabled(&window.state().state).expect_err("nothing is chosen");
    assert!(why.0.contains("Choose a number of steps"));
}

#[test]
fn runs_stand_side_by_side_with_dice_and_time_and_one_is_used_by_a_click() {
    let mut window = steps_window(&[1, 2, 3]);
    click(&mut window, "Samplers to compare: Both");
    click(&mut window, "Compare numbers of steps");
    wait(&mut window, is_scored);
    assert!(window.state().state.notices.shown().is_empty(), "{:?}", window.state().state.notices);
    let comparison = steps(&window).comparison.as_ref().expect("compared");
    assert_eq!(comparison.runs.len(), 6);
    let dice = |at: usize| comparison.score_of(&comparison.runs[at]).expect("scored").0;
    assert!(dice(0) < 0.4 && dice(1) > 0.8, "noise and one useful call: {} {}", dice(0), dice(1));
    assert!(comparison.runs.iter().all(|run| run.timing.total_s() > 0.0));
    for label in ["Plot: Dice to the reference against K", "Plot: Time of one run against K"] {
        assert!(window.query_by_label(label).is_some(), "{label}");
    }
    assert!(window.query_by_label_contains("Dice with: Known truth of the sample").is_some());
    assert!(window.query_by_label_contains("by what was measured so far").is_some());

    let labels = Arc::clone(&comparison.runs[1].labels);
    assert!(window.query_by_label("Axial view").is_none(), "runs stand where the views were");
    click(&mut window, "Use DDIM K = 2");
    let preview = case(&window).preview.as_ref().expect("the run is a preview");
    assert!(Arc::ptr_eq(&preview.labels, &labels));
    let Source::Model(origin) = &preview.source else { panic!("a model found it") };
    assert!(origin.settings.steps == 2 && origin.model_sha256.len() == 64 && !origin.device.is_empty());
    assert!(window.query_by_label("Axial view").is_some(), "a preview is looked at in the usual views");
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, App::is_idle);
    assert!(n_labelled(&window) > 0);
}

#[test]
fn without_a_reference_agreement_is_never_called_accuracy_and_a_new_reference_scores_anew() {
    let mut window = steps_window(&[2, 3]);
    window.state_mut().state.case.as_mut().expect("open").opened.reference = None;
    click(&mut window, "Compare numbers of steps");
    wait(&mut window, is_scored);
    let comparison = steps(&window).comparison.as_ref().expect("compared");
    let last = &comparison.runs[1];
    assert_eq!(comparison.score_of(last).expect("it agrees with itself").0, 1.0);
    assert!(window.query_by_label("Plot: Agreement with the longest run against K").is_some());
    assert!(window.query_by_label_contains("A run can agree and be wrong").is_some());
    assert_eq!(window.query_all_by_label_contains("ccuracy").count(), 0);

    click(&mut window, "Use DDIM K = 3");
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, App::is_idle);
    window.state_mut().apply(Action::Command(Command::FreezeLabels));
    wait(&mut window, |app| {
        let comparison = app.state.case.as_ref().and_then(|case| case.lab.steps.comparison.as_ref());
        comparison.is_some_and(|comparison| {
            comparison.runs.iter().all(|run| run.scores.as_ref().is_some_and(|scores| scores.reference.is_some()))
        })
    });
    assert!(window.query_by_label("Plot: Dice to the reference against K").is_some());
}

#[test]
fn a_run_is_followed_state_by_state_and_only_the_newest_place_is_decoded() {
    let mut window = steps_window(&[2]);
    click(&mut window, "Follow one run");
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.lab.steps.walk.shown.is_some()));
    let walk = &steps(&window).walk;
    assert_eq!(walk.walked.as_ref().expect("walked").times.len(), 4);
    let end = walk.shown.as_ref().expect("shown").clone();
    assert_eq!((end.step, end.time), (3, 0.0));
    assert!(window.query_by_label_contains("which is not what a run with fewer steps gives").is_some());
    assert!(case(&window).preview.is_none() && n_labelled(&window) == 0, "it is no edit");

    // As a drag over three places within a frame.
    for step in [2, 1, 0] {
        window.state_mut().apply(Action::Lab(LabAction::Steps(StepsAction::GoToState(step))));
    }
    wait(&mut window, |app| {
        let shown = app.state.case.as_ref().and_then(|case| case.lab.steps.walk.shown.as_ref());
        shown.is_some_and(|state| state.step == 0)
    });
    let noise = steps(&window).walk.shown.as_ref().expect("shown");
    assert!(noise.time > 900.0 && noise.labels.to_ids() != end.labels.to_ids());
    assert!(steps(&window).walk.serial <= 3, "places that were only passed are not decoded");
}

#[test]
fn the_least_number_of_steps_is_one_and_says_what_that_is() {
    let mut window = steps_window(&[2]);
    window.state_mut().state.settings.segment.steps = 1;
    window.run_steps(3);
    assert!(window.query_by_label("1 step = pure noise, decoded").is_some());
    let value = window.get_by_role_and_label(Role::SpinButton, "K of the run").accesskit_node().numeric_value();
    assert_eq!(value, Some(1.0), "the slider leaves it as it is");
    click(&mut window, "Follow one run");
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.lab.steps.walk.shown.is_some()));
    assert_eq!(steps(&window).walk.walked.as_ref().expect("walked").times, [0.0]);
    window.state_mut().apply(Action::Command(Command::Segment));
    wait(&mut window, |app| app.state.segmenting.is_none());
    assert!(window.state().state.notices.shown().is_empty(), "{:?}", window.state().state.notices);
    assert!(case(&window).preview.is_some());
}

#[test]
fn a_deterministic_model_says_why_it_has_no_steps() {
    let mut window = steps_window(&[2]);
    window.state_mut().state.settings.segment.model = "phantom-3d-resunet".to_owned();
    window.run_steps(3);
    assert!(window.query_by_label_contains("without noise and without steps").is_some());
    for command in [Command::FollowRun, Command::CompareSteps] {
        let why = command.enabled(&window.state().state).expect_err("there are no steps");
        assert!(why.0.contains("deterministic"));
    }
}

#[test]
fn while_runs_come_nothing_else_starts_and_what_came_stays_when_it_is_stopped() {
    let mut window = steps_window(&[2, 1000]);
    click(&mut window, "Compare numbers of steps");
    for command in [Command::FollowRun, Command::SweepDamage, Command::Segment] {
        assert!(command.enabled(&window.state().state).is_err(), "{command:?}");
    }
    let stop = Command::CancelSegment;
    assert!(stop.tooltip_in(&window.state().state).starts_with("Stop comparing numbers of steps"));
    wait(&mut window, |app| {
        let comparison = app.state.case.as_ref().and_then(|case| case.lab.steps.comparison.as_ref());
        comparison.is_some_and(|comparison| !comparison.runs.is_empty())
    });
    click(&mut window, "Cancel");
    wait(&mut window, App::is_idle);
    let comparison = steps(&window).comparison.as_ref().expect("kept");
    assert_eq!(comparison.runs.len(), 1);
    assert!(Command::CompareSteps.enabled(&window.state().state).is_ok());
    assert_eq!(stop.tooltip_in(&window.state().state), stop.tooltip(), "nothing runs");
    let labels = Arc::clone(&comparison.runs[0].labels);
    click(&mut window, "Use DDIM K = 2");
    let preview = case(&window).preview.as_ref().expect("what came can be used");
    assert!(Arc::ptr_eq(&preview.labels, &labels));
    let Source::Model(origin) = &preview.source else { panic!("a model found it") };
    assert_eq!(origin.model_sha256.len(), 64);
}

#[test]
fn the_table_and_the_plots_are_written() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = steps_window(&[1, 2]);
    click(&mut window, "Compare numbers of steps");
    wait(&mut window, is_scored);
    for (export, name) in
        [(Export::StepsTable, "a.csv"), (Export::StepsPlot, "dice.png"), (Export::TimePlot, "time.png")]
    {
        let path = folder.path().join(name);
        window.state_mut().use_picked(Picked::File(Purpose::ExportFinding(export), path.with_extension("")));
        wait(&mut window, |_| path.exists());
    }
    let csv = std::fs::read_to_string(folder.path().join("a.csv")).expect("readable");
    let n_labels = case(&window).opened.reference.as_ref().expect("a truth").1.labels.len();
    assert_eq!(csv.lines().count(), 1 + 2 * (n_labels + 1));
    assert!(csv.starts_with("image,model,model_sha256,device,seed,sampler,steps,label,dice_to_reference"), "{csv}");
    let bytes = std::fs::read(folder.path().join("dice.png")).expect("readable");
    let picture = image::load_from_memory(&bytes).expect("a picture").into_rgb8();
    assert_eq!(picture.dimensions(), (1520, 960));
    let is_blue = |pixel: &image::Rgb<u8>| pixel[2] > 150 && pixel[0] < 60;
    assert!(picture.pixels().filter(|pixel| is_blue(pixel)).count() > 500, "the line is there");
}

#[test]
fn another_middle_and_another_room_are_one_click_away() {
    let mut window = steps_window(&[2]);
    click(&mut window, "Compare numbers of steps");
    wait(&mut window, is_scored);
    click(&mut window, "Plane of the runs: Coronal");
    assert_eq!(steps(&window).plane, Plane::Coronal);
    click(&mut window, "Show: Views");
    assert_eq!(steps(&window).middle, Middle::Views);
    assert!(window.query_by_label("Axial view").is_some());
    click(&mut window, "Show: Runs");
    assert!(window.query_by_label("Use DDIM K = 2").is_some());
    press(&mut window, Modifiers::NONE, Key::F5);
    assert_eq!(window.state().state.room, Room::Robustness);
    assert!(window.query_by_label("Use DDIM K = 2").is_none());
}
