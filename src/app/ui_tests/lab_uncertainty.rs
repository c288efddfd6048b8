//! The room of uncertainty, driven as a person drives it, with the built-in model.

use eframe::egui::accesskit::Toggled;

use super::*;
use crate::app::lab::uncertainty::Uncertain;
use crate::app::lab::uncertainty::maps::{MapKind, Picture};
use crate::domain::region::Region;
use crate::domain::{Volume, Voxels};

/// Samples that are drawn here.
const N: usize = 4;

fn known(window: &Window) -> &Uncertain {
    &case(window).lab.uncertainty
}

fn picture(window: &Window) -> &Picture {
    known(window).picture.as_ref().expect("a picture is shown")
}

/// A window on the sample in the room of uncertainty.
fn room() -> Window {
    let mut window = sample_window();
    let settings = &mut window.state_mut().state.settings;
    (settings.segment.device, settings.segment.steps) = (DeviceChoice::Cpu, 2);
    settings.uncertainty.n_samples = N;
    press(&mut window, Modifiers::NONE, Key::F4);
    window
}

/// The same with samples drawn and everything shown of them.
fn with_samples() -> Window {
    let mut window = room();
    click(&mut window, "Draw samples");
    settle(&mut window);
    assert_eq!(window.state().state.notices.shown().len(), 0, "{:?}", window.state().state.notices);
    window
}

/// Waits until the samples are drawn and shown.
#[track_caller]
fn settle(window: &mut Window) {
    wait(window, |app| {
        let case = app.state.case.as_ref().expect("a case is open");
        let known = &case.lab.uncertainty;
        case.lab.running.is_none() && known.samples.is_some() && known.is_settled() && known.thumbnails.is_some()
    });
}

/// Waits until the map chosen is shown.
#[track_caller]
fn wait_for_map(window: &mut Window, map: MapKind, class: Option<u8>) {
    wait(window, |app| {
        let picture = app.state.case.as_ref().and_then(|case| case.lab.uncertainty.picture.as_ref());
        picture.is_some_and(|picture| (picture.key.map, picture.key.class) == (map, class))
    });
}

/// Waits until the regions of at least so many voxels are known.
#[track_caller]
fn wait_for_regions(window: &mut Window, least_voxels: usize) -> Vec<Region> {
    window.state_mut().state.settings.uncertainty.least_voxels = least_voxels;
    window.run_steps(3);
    wait(window, |app| app.state.case.as_ref().is_some_and(|case| case.lab.uncertainty.has_regions()));
    known(window).regions.as_ref().expect("they are known").found.clone()
}

#[test]
fn samples_are_drawn_and_counted_and_each_map_is_its_own_with_a_sentence() {
    let mut window = with_samples();
    assert!(window.query_by_label("4 of 4 samples").is_some());
    assert!(window.query_by_label_contains("11 % of the cases").is_some(), "the interval says what it is not");
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for (map, button) in MapKind::ALL.into_iter().zip(["Mean", "SD", "Entropy", "Votes"]) {
        if window.state().state.settings.uncertainty.map != map {
            click(&mut window, &format!("Map: {button}"));
        }
        wait_for_map(&mut window, map, None);
        assert!(window.query_by_label(map.meaning()).is_some());
        let values = picture(&window).values.clone().expect("there are samples enough");
        assert!(seen.iter().all(|other| *other != values), "{map:?} is a map of its own");
        seen.push(values);
    }
    let all = seen.pop().expect("the votes");
    window.state_mut().apply(crate::app::action::Action::Lab(crate::app::lab::LabAction::Uncertainty(
        crate::app::lab::uncertainty::UncertaintyAction::ShowClass(Some(1)),
    )));
    wait_for_map(&mut window, MapKind::Disagreement, Some(1));
    assert_ne!(picture(&window).values.as_ref(), Some(&all), "one label's votes are not those of all");
    assert_eq!(picture(&window).levels.len(), 1);
}

#[test]
fn the_key_goes_through_the_uncertain_regions_the_weightiest_first_and_round() {
    let mut window = with_samples();
    let before = case(&window).crosshair;
    let regions = wait_for_regions(&mut window, 1);
    press(&mut window, Modifiers::NONE, Key::Q);
    assert!(regions.len() > 1, "the samples differ in several places");
    assert!(regions.windows(2).all(|pair| pair[0].sum >= pair[1].sum));
    assert_eq!(case(&window).crosshair, regions[0].peak);
    assert_ne!(case(&window).crosshair, before);
    let threshold = window.state().state.settings.uncertainty.threshold();
    assert!(picture(&window).value(regions[0].peak).expect("it is in the region") > threshold);
    press(&mut window, Modifiers::NONE, Key::Q);
    assert_eq!(case(&window).crosshair, regions[1].peak);
    for _ in 2..=regions.len() {
        press(&mut window, Modifiers::NONE, Key::Q);
    }
    assert_eq!(case(&window).crosshair, regions[0].peak, "after the last comes the first");
    assert!(window.query_by_label_contains(&format!("Region 1 of {}", regions.len())).is_some());
}

#[test]
fn regions_that_are_too_small_are_neither_counted_nor_gone_to() {
    let mut window = with_samples();
    let all = wait_for_regions(&mut window, 1);
    let least = 1 + all.iter().map(|region| region.n_voxels).min().expect("there are regions");
    let kept = wait_for_regions(&mut window, least);
    assert!(!kept.is_empty() && kept.len() < all.len(), "{} of {}", kept.len(), all.len());
    assert!(kept.iter().all(|region| region.n_voxels >= least));
    let n_smaller = all.len() - kept.len();
    assert!(window.query_by_label_contains(&format!("; {n_smaller} smaller")).is_some());
    for expected in kept.iter().chain([&kept[0]]) {
        press(&mut window, Modifiers::NONE, Key::Q);
        assert_eq!(case(&window).crosshair, expected.peak);
    }
    let slider = window.get_by_role_and_label(Role::SpinButton, "Smallest region");
    assert_eq!(slider.accesskit_node().numeric_value(), Some(least as f64));
}

#[test]
fn a_mean_probability_is_no_uncertainty_and_the_buttons_say_so() {
    let mut window = with_samples();
    click(&mut window, "Map: Mean");
    wait_for_map(&mut window, MapKind::Mean, None);
    let why = Command::NextUncertain.enabled(&window.state().state).expect_err("there is nothing to go to");
    assert!(why.0.contains("no uncertainty"));
    assert!(window.get_by_label("Next uncertain region").accesskit_node().is_disabled());
}

#[test]
fn painting_keeps_to_what_is_above_the_threshold() {
    let mut window = with_samples();
    click(&mut window, "Paint only where uncertain");
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.map.is_some()));
    assert!(case(&window).limits.by_map);
    let threshold = window.state().state.settings.uncertainty.threshold();
    wait_for_regions(&mut window, 1);
    press(&mut window, Modifiers::NONE, Key::Q);
    // The crosshair's pixel is uncertain; the brush reaches beyond it.
    press(&mut window, Modifiers::NONE, Key::C);
    press(&mut window, Modifiers::NONE, Key::Num3);
    let at = view_center(&window, Plane::Axial);
    click_at(&mut window, at, Modifiers::NONE);
    wait(&mut window, App::is_idle);
    let labels = case(&window).history.labels();
    let painted: Vec<[usize; 3]> = (0..labels.grid().n_voxels())
        .map(|at| labels.grid().voxel(at))
        .filter(|voxel| labels.get(*voxel) != 0)
        .collect();
    assert!(!painted.is_empty());
    assert!(painted.iter().all(|voxel| picture(&window).value(*voxel).is_some_and(|value| value > threshold)));
}

#[test]
fn an_answer_is_shown_accepted_named_and_taken_back_in_one_step() {
    let mut window = with_samples();
    click(&mut window, "Sample 2");
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.preview.is_some()));
    let samples = known(&window).samples.clone().expect("there are samples");
    let labels = samples.uncertainty.image().labels(&samples.masks[1].to_classes(), &samples.grid).to_ids();
    assert_eq!(case(&window).preview.as_ref().expect("a preview").labels.to_ids(), labels);
    assert!(window.query_by_label_contains("sample 2 of 4").is_some(), "the banner says which it is");
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, App::is_idle);
    assert_eq!(n_labelled(&window), labels.iter().filter(|id| **id != 0).count());
    let accepted = case(&window).accepted.as_ref().expect("it is known where the labels come from");
    assert_eq!(accepted.which.as_deref(), Some("sample 2 of 4"));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(n_labelled(&window), 0);

    for name in ["Mean", "Majority", "STAPLE"] {
        click(&mut window, name);
        wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.preview.is_some()));
        assert!(case(&window).preview.as_ref().expect("a preview").labels.iter().any(|id| id != 0), "{name}");
        press(&mut window, Modifiers::NONE, Key::Escape);
    }
}

#[test]
fn the_hypotheses_are_grouped_and_every_sample_is_in_one_group() {
    let window = with_samples();
    let mut members: Vec<usize> = known(&window).clusters.iter().flat_map(|cluster| cluster.members.clone()).collect();
    members.sort_unstable();
    assert_eq!(members, (0..N).collect::<Vec<_>>());
    assert!(window.query_by_label_contains("mean Dice of pairs").is_some());
    assert!(window.query_by_label("Cluster 1").is_some());
}

#[test]
fn contours_can_be_hidden() {
    let mut window = with_samples();
    let name = "Contours of the votes";
    assert_eq!(window.get_by_label(name).accesskit_node().toggled(), Some(Toggled::True));
    window.get_by_label(name).click();
    window.run_steps(3);
    assert!(!window.state().state.settings.uncertainty.contours);
}

#[test]
fn another_frame_drops_the_samples_and_all_that_was_made_of_them() {
    let mut window = room();
    let opened = &mut window.state_mut().state.case.as_mut().expect("open").opened;
    let image = &opened.volume;
    let both = image.values(0).repeat(2);
    let series = Volume::new(image.grid().clone(), Voxels::F32(both), image.scaling(), 2).expect("two frames");
    opened.volume = Arc::new(series);
    click(&mut window, "Draw samples");
    settle(&mut window);
    wait_for_regions(&mut window, 1);
    window.state_mut().apply(Action::Command(Command::NextFrame));
    window.run_steps(3);
    let known_now = known(&window);
    assert!(known_now.samples.is_none() && known_now.picture.is_none() && known_now.regions.is_none());
    assert!(known_now.browse.is_none() && known_now.thumbnails.is_none() && known_now.clusters.is_empty());
    assert!(window.query_by_label("4 of 4 samples").is_none());

    // Also while they are being drawn: those of the frame before that come late are not taken in.
    window.state_mut().state.settings.uncertainty.n_samples = 1000;
    click(&mut window, "Draw samples");
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.lab.uncertainty.samples.is_some()));
    window.state_mut().apply(Action::Command(Command::PreviousFrame));
    wait(&mut window, App::is_idle);
    window.run_steps(30);
    assert!(known(&window).samples.is_none() && case(&window).lab.running.is_none());
    assert!(Command::DrawSamples.enabled(&window.state().state).is_ok());
}

#[test]
fn stopping_keeps_what_has_come_and_another_model_drops_it() {
    let mut window = room();
    window.state_mut().state.settings.uncertainty.n_samples = 1000;
    click(&mut window, "Draw samples");
    wait(&mut window, |app| {
        let known = app.state.case.as_ref().map(|case| &case.lab.uncertainty);
        known.is_some_and(|known| known.samples.as_ref().is_some_and(|samples| samples.masks.len() >= 2))
    });
    assert!(
        Command::DrawSamples.enabled(&window.state().state).expect_err("one at a time").0.contains("stop them first")
    );
    press(&mut window, Modifiers::COMMAND, Key::Period);
    settle(&mut window);
    let n = known(&window).samples.as_ref().expect("they are kept").masks.len();
    assert!((2..1000).contains(&n));
    assert!(window.query_by_label(&format!("{n} of 1000 samples")).is_some());

    window.state_mut().state.settings.segment.model = "phantom-3d-resunet".to_owned();
    window.run_steps(3);
    assert!(known(&window).samples.is_none(), "they are not of this model");
    let why = Command::DrawSamples.enabled(&window.state().state).expect_err("it is deterministic");
    assert!(why.0.contains("same answer each time"));
    assert!(window.query_by_label_contains("nothing to sample").is_some());
}
