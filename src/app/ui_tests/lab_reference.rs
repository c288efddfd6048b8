//! The room of reference: what labels are compared with, what the slices show of it, and the table of agreement.

use super::*;
use crate::app::file_dialog::Picked;
use crate::app::lab::Room;
use crate::app::lab::reference::Look;
use crate::app::views::shown_instead;
use crate::domain::{Grid, LabelMap};
use crate::evaluation::agreement::{Agreement, Measure};
use crate::io::nifti::write_labels;
use crate::monitor::Silent;

/// The sample with its known truth as labels, compared with that truth.
fn reference_window() -> Window {
    let mut window = sample_window();
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    press(&mut window, Modifiers::NONE, Key::F6);
    wait_for_agreement(&mut window);
    window
}

#[track_caller]
fn wait_for_agreement(window: &mut Window) {
    let is_known = |case: &Case| case.agreement().is_some_and(|(_, is_current)| is_current);
    wait(window, |app| app.state.case.as_ref().is_some_and(is_known));
}

fn agreement(window: &Window) -> &Agreement {
    case(window).agreement().expect("labels were compared").0
}

fn dice(window: &Window, row: usize) -> Option<f64> {
    agreement(window).rows[row].value(Measure::Dice)
}

fn look(window: &Window) -> Look {
    case(window).lab.reference.look
}

/// Erases a disc in the middle of the axial view.
fn erase(window: &mut Window) {
    press(window, Modifiers::NONE, Key::E);
    let at = view_center(window, Plane::Axial);
    drag(window, at, PointerButton::Primary);
}

#[test]
fn labels_that_are_the_truth_agree_wholly_until_some_are_erased() {
    let mut window = reference_window();
    assert_eq!(window.state().state.room, Room::Reference);
    assert!(window.query_by_label("Known truth of the sample").is_some());
    assert!(window.query_by_label("No voxel differs").is_some());
    assert!(window.query_by_label("2 labels matched by name").is_some());
    assert_eq!((dice(&window, 0), dice(&window, 1)), (Some(1.0), Some(1.0)));
    assert!(Command::NextDifference.enabled(&window.state().state).is_err());

    erase(&mut window);
    // Unless the new ones are there already.
    let is_computing = window.query_by_label("computing…").is_some();
    assert!(
        is_computing || (0..2).any(|row| dice(&window, row) != Some(1.0)),
        "numbers of labels that are no more are said to be so"
    );
    wait_for_agreement(&mut window);
    assert!(window.query_by_label("computing…").is_none());
    let mean = agreement(&window).mean(Measure::Dice).mean.expect("defined");
    assert!(mean < 1.0, "{mean}");
    let n_missing: usize = agreement(&window).regions.iter().map(|region| region.n_voxels).sum();
    let truth = &case(&window).opened.reference.as_ref().expect("the truth").0;
    assert_eq!(n_missing, truth.iter().filter(|id| *id != 0).count() - n_labelled(&window));

    press(&mut window, Modifiers::COMMAND, Key::Z);
    wait_for_agreement(&mut window);
    assert_eq!((dice(&window, 0), dice(&window, 1)), (Some(1.0), Some(1.0)));
}

#[test]
fn a_key_goes_from_difference_to_difference_the_largest_first() {
    let mut window = reference_window();
    erase(&mut window);
    // A smaller one elsewhere.
    window.state_mut().state.settings.brush.diameter = 2.0;
    let at = view_center(&window, Plane::Coronal) + vec2(0.0, -40.0);
    press(&mut window, Modifiers::NONE, Key::B);
    click_at(&mut window, at, Modifiers::NONE);
    wait_for_agreement(&mut window);
    let regions = agreement(&window).regions.clone();
    assert!(regions.len() >= 2 && regions[0].n_voxels > regions[1].n_voxels, "{regions:?}");
    for (shift, expected) in [(false, 0), (false, 1), (true, 0), (true, regions.len() - 1), (false, 0)] {
        press(&mut window, if shift { Modifiers::SHIFT } else { Modifiers::NONE }, Key::V);
        let crosshair = case(&window).crosshair;
        assert_eq!(crosshair, regions[expected].peak);
        let truth = &case(&window).opened.reference.as_ref().expect("the truth").0;
        assert_ne!(truth.get(crosshair), case(&window).history.labels().get(crosshair));
    }
    assert!(window.query_by_label_contains("Number 1 by size: ").is_some());
}

#[test]
fn the_divider_is_dragged_without_painting() {
    let mut window = reference_window();
    press(&mut window, Modifiers::NONE, Key::E);
    press(&mut window, Modifiers::NONE, Key::Y);
    assert_eq!(look(&window), Look::Swipe);
    let (before, crosshair) = (n_labelled(&window), case(&window).crosshair);
    let at = window.get_by_label("Axial divider").rect().center();
    drag_by(&mut window, at, vec2(60.0, 0.0), PointerButton::Primary, Modifiers::NONE);
    let divider = case(&window).lab.reference.divider;
    let width = window.get_by_label("Axial view").rect().width();
    assert!((divider - (0.5 + 60.0 / width)).abs() < 0.01, "{divider}");
    assert_eq!((n_labelled(&window), case(&window).crosshair), (before, crosshair));
    let moved = window.get_by_label("Sagittal divider").rect().center();
    assert!(moved.x > view_center(&window, Plane::Sagittal).x, "all dividers stand at one place");
}

#[test]
fn both_halves_of_a_view_are_linked_and_tools_work_on_the_labels_alone() {
    let mut window = reference_window();
    click(&mut window, "Show: Side by side");
    press(&mut window, Modifiers::NONE, Key::E);
    let before = n_labelled(&window);
    let left = window.get_by_label("Axial reference").rect();
    let right = window.get_by_label("Axial view").rect();
    assert_eq!(left.size(), right.size());
    drag(&mut window, left.center(), PointerButton::Primary);
    assert_eq!(n_labelled(&window), before, "nothing is erased in the reference");
    assert_eq!(case(&window).history.entries().len(), 1);

    window.hover_at(left.center());
    window.run_steps(3);
    let pointed = window.state().state.pointed;
    window.hover_at(left.center() + (right.center() - left.center()));
    window.run_steps(3);
    assert!(pointed.is_some());
    assert_eq!(window.state().state.pointed, pointed, "both halves show one place");
    turn_wheel(&mut window, left.center(), 3.0, Modifiers::COMMAND);
    assert!(case(&window).camera(Plane::Axial).zoom > 1.0);

    drag(&mut window, right.center(), PointerButton::Primary);
    assert!(n_labelled(&window) < before);
}

#[test]
fn labels_kept_as_reference_are_what_later_changes_are_compared_with() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::F6);
    let why = Command::FreezeLabels.enabled(&window.state().state).expect_err("there is nothing to keep");
    assert!(why.0.contains("no labels yet"), "{why:?}");
    window.state_mut().apply(Action::Command(Command::UseReference));
    wait(&mut window, App::is_idle);
    erase(&mut window);
    click(&mut window, "Keep labels as reference");
    wait_for_agreement(&mut window);
    assert!(window.query_by_label("Labels after change 2: Eraser").is_some());
    assert!(window.query_by_label("No voxel differs").is_some());
    press(&mut window, Modifiers::COMMAND, Key::Z);
    wait_for_agreement(&mut window);
    assert!(agreement(&window).mean(Measure::Dice).mean.expect("defined") < 1.0);
    click(&mut window, "Close reference");
    wait_for_agreement(&mut window);
    assert!(window.query_by_label("Known truth of the sample").is_some());
    assert_eq!(dice(&window, 0), Some(1.0));
}

#[test]
fn a_mask_on_the_grid_is_compared_with_and_one_of_another_grid_refused() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = reference_window();
    let (good, bad) = (folder.path().join("theirs.nii.gz"), folder.path().join("other.nii.gz"));
    let mut theirs = case(&window).history.labels().to_ids();
    theirs.iter_mut().filter(|id| **id == 2).for_each(|id| *id = 7);
    let theirs = LabelMap::new(case(&window).grid().clone(), theirs).expect("as large");
    write_labels(&good, &theirs, None, &Silent).expect("writable");
    let other = LabelMap::empty(Grid::axis_aligned([4, 4, 4], [1.0; 3]).expect("valid"));
    write_labels(&bad, &other, None, &Silent).expect("writable");

    window.state_mut().use_picked(Picked::File(Purpose::OpenReference, bad));
    assert!(Command::OpenReference.enabled(&window.state().state).is_err(), "one at a time");
    wait(&mut window, App::is_idle);
    assert!(window.query_by_label_contains("do not lie on the grid of the open image").is_some());
    assert!(case(&window).lab.reference.chosen.is_none());

    window.state_mut().use_picked(Picked::File(Purpose::OpenReference, good));
    wait(&mut window, App::is_idle);
    wait_for_agreement(&mut window);
    assert!(window.query_by_label("theirs.nii.gz").is_some());
    assert_eq!(dice(&window, 0), Some(1.0));
    assert_eq!(dice(&window, 1), None, "a label without a partner is not scored");
    assert!(window.query_by_label_contains("Without a partner in your labels, and so not scored: Label 7").is_some());
    assert!(window.query_by_label_contains(" (Label 1 there)").is_some());
}

#[test]
fn a_preview_is_what_is_compared_while_it_is_shown() {
    let mut window = sample_window();
    press(&mut window, Modifiers::NONE, Key::F6);
    wait_for_agreement(&mut window);
    assert_eq!(dice(&window, 0), Some(0.0), "there are no labels yet");
    show_preview(&mut window);
    wait_for_agreement(&mut window);
    assert!(window.query_by_label("The preview is compared with").is_some());
    assert_eq!(dice(&window, 0), Some(1.0));
}

#[test]
fn the_3d_view_shows_the_reference_where_that_is_asked_for() {
    let mut window = reference_window();
    show_preview(&mut window);
    let shown = |window: &Window| {
        let state = &window.state().state;
        shown_instead(state, state.case.as_ref().expect("open")).map(|(_, _, _, note)| note)
    };
    assert_eq!(shown(&window), Some(Some("Preview")));
    window.get_by_label("Reference in 3D").click();
    window.run_steps(3);
    assert_eq!(shown(&window), Some(Some("Reference")));
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(shown(&window), Some(Some("Reference")));
    press(&mut window, Modifiers::NONE, Key::F3);
    assert_eq!(shown(&window), None, "only in its room");
}

#[test]
fn one_label_is_compared_alone_by_a_click_in_the_table() {
    let mut window = reference_window();
    erase(&mut window);
    wait_for_agreement(&mut window);
    let names: Vec<String> = agreement(&window).rows.iter().map(|row| row.pair.name.clone()).collect();
    let all: usize = agreement(&window).regions.iter().map(|region| region.n_voxels).sum();
    let mut parts = 0;
    for name in &names {
        click(&mut window, &format!("Differences of {name} alone"));
        wait_for_agreement(&mut window);
        parts += agreement(&window).regions.iter().map(|region| region.n_voxels).sum::<usize>();
        assert_eq!(case(&window).lab.reference.only.as_ref(), Some(name));
    }
    assert_eq!(parts, all);
    click(&mut window, &format!("Differences of {} alone", names[1]));
    assert_eq!(case(&window).lab.reference.only, None);
}

#[test]
fn the_table_is_copied_and_exported() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = reference_window();
    window.get_all_by_label("Copy").next().expect("a button").click();
    let copied = copied_text(&mut window);
    assert!(copied.starts_with("Label\tReference id\tLabels id\tMatched by\tDice\tIoU\tHD95 (mm)\t"), "{copied:?}");
    let path = folder.path().join("agreement");
    window.state_mut().use_picked(Picked::File(Purpose::ExportAgreement, path.clone()));
    let path = path.with_extension("csv");
    wait(&mut window, |_| path.exists());
    let text = std::fs::read_to_string(&path).expect("readable");
    assert_eq!(text.lines().count(), agreement(&window).rows.len() + 2, "heads, a row a label, the mean");
    assert!(text.lines().last().is_some_and(|line| line.starts_with("Mean,,,,1,1,0,0,")), "{text}");
}
