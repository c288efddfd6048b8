//! Operations on a whole label: chosen by their names, seen as a preview, accepted, taken back.

use super::*;
use crate::app::operations::Kind;

/// A window on the sample with its truth as labels.
fn labelled_window() -> Window {
    let mut window = sample_window();
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    // Folded away to make room.
    window.get_by_role_and_label(Role::DisclosureTriangle, "Segment").click();
    window.run_steps(30);
    window
}

fn choose(window: &mut Window, kind: Kind) {
    choose_in(window, "Operation", kind.words().0);
}

/// Chooses a line of a combo box.
fn choose_in(window: &mut Window, combo: &str, line: &str) {
    window.get_by_label(combo).click();
    window.run_steps(4);
    window.query_all_by_label(line).last().expect("a line of that name").click();
    window.run_steps(4);
}

fn ids(window: &Window) -> Vec<u16> {
    case(window).history.labels().to_ids()
}

#[test]
fn every_operation_is_previewed_accepted_and_taken_back() {
    let mut window = labelled_window();
    let before = ids(&window);
    let table = case(&window).table.clone();
    window.state_mut().state.settings.operation.other = table.labels[1].id;
    window.state_mut().state.settings.operation.new_id = 77;
    for kind in [Kind::Smooth, Kind::Grow, Kind::Shrink, Kind::Hollow, Kind::Union, Kind::Merge, Kind::Relabel] {
        choose(&mut window, kind);
        click(&mut window, "Preview");
        wait(&mut window, App::is_idle);
        let preview = case(&window).preview.as_ref().unwrap_or_else(|| panic!("{kind:?} shows a preview"));
        let expected = preview.labels.to_ids();
        assert_ne!(expected, before, "{kind:?}");
        assert_eq!(ids(&window), before, "{kind:?} changes nothing before it is accepted");
        press(&mut window, Modifiers::NONE, Key::Enter);
        assert_eq!(ids(&window), expected, "{kind:?}");
        assert_eq!(case(&window).history.n_applied(), 2, "{kind:?} is one step");
        press(&mut window, Modifiers::COMMAND, Key::Z);
        assert_eq!(ids(&window), before, "{kind:?}");
        assert_eq!(case(&window).table, table, "{kind:?} gives the names back");
    }
}

#[test]
fn what_is_applied_at_once_is_named_in_the_history() {
    let mut window = labelled_window();
    choose(&mut window, Kind::Shrink);
    click(&mut window, "Apply");
    wait(&mut window, App::is_idle);
    let name = case(&window).history.can_undo().expect("a change").to_owned();
    let label = case(&window).table.labels[0].name.clone();
    assert_eq!(name, format!("Shrink {label} by 2 mm"));
}

#[test]
fn a_preview_of_an_operation_is_discarded_with_escape() {
    let mut window = labelled_window();
    let before = ids(&window);
    choose(&mut window, Kind::Grow);
    click(&mut window, "Preview");
    wait(&mut window, App::is_idle);
    assert!(window.query_by_label_contains("voxels change").is_some());
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(case(&window).preview.is_none());
    assert_eq!(ids(&window), before);
}

#[test]
fn an_operation_that_cannot_be_done_says_why() {
    let mut window = sample_window();
    let why = |window: &Window| Command::ApplyOperation.enabled(&window.state().state).map_err(|why| why.0);
    assert_eq!(why(&window), Err("The label has no voxels yet"));
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    choose(&mut window, Kind::Intersection);
    assert!(why(&window).is_err_and(|text| text.contains("never overlap")));
    choose(&mut window, Kind::KeepLargest);
    assert_eq!(why(&window), Ok(()));
    let locked = crate::domain::Label { locked: true, ..case(&window).table.labels[0].clone() };
    window.state_mut().apply(Action::SetLabel(locked));
    assert!(why(&window).is_err_and(|text| text.contains("locked")));
}

#[test]
fn another_mask_is_opened_and_taken_away() {
    let mut window = labelled_window();
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("other.nii.gz");
    let labels = case(&window).history.shared();
    crate::io::nifti::write_labels(&path, &labels, None, &crate::monitor::Silent).expect("writable");
    window.state_mut().state.dialog =
        Some(Dialog::TypePath { purpose: Purpose::OpenOtherMask, text: path.display().to_string() });
    window.state_mut().apply(Action::SubmitPath);
    wait(&mut window, App::is_idle);
    choose(&mut window, Kind::Difference);
    let id = case(&window).table.labels[0].id;
    choose_in(&mut window, "Other label", &format!("Label {id}"));
    click(&mut window, "Apply");
    wait(&mut window, App::is_idle);
    assert_eq!(case(&window).history.labels().iter().filter(|other| *other == id).count(), 0);
    click(&mut window, "Use these labels");
    assert!(case(&window).other_mask.is_none());
}
