//! A report from the window.

use super::*;
use crate::app::file_dialog::Picked;

#[test]
fn a_report_of_what_is_there_is_written_from_the_menu() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = sample_window();
    assert!(Command::CancelReport.enabled(&window.state().state).is_err(), "no report is being written");
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    window.state_mut().use_picked(Picked::File(Purpose::SaveReport, folder.path().join("page")));
    assert!(Command::SaveReport.enabled(&window.state().state).is_err(), "one report at a time");
    wait(&mut window, App::is_idle);
    let page = std::fs::read_to_string(folder.path().join("page.html")).expect("readable");
    assert!(page.contains("as they stand in the window, changes made: 1") && page.contains("1.000"), "{page:.2000}");
    assert_eq!(page.matches("data:image/png;base64,").count(), 9, "image, labels and the known truth");
}

#[test]
fn a_report_that_is_cancelled_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = sample_window();
    let path = folder.path().join("page.html");
    window.state_mut().use_picked(Picked::File(Purpose::SaveReport, path));
    window.state_mut().apply(Action::Command(Command::CancelReport));
    wait(&mut window, App::is_idle);
    assert!(window.state().state.reporting.is_none());
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
}
