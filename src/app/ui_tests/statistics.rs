//! The table of what each label holds.

use super::*;
use crate::app::file_dialog::Picked;
use crate::domain::measure::per_label;

/// The sample with its known truth and the table open.
fn window_with_table() -> Window {
    let mut window = sample_window();
    assert!(Command::ShowStatistics.enabled(&window.state().state).is_err(), "there are no labels to measure");
    click(&mut window, "Use known truth");
    wait(&mut window, App::is_idle);
    assert!(window.query_by_label("Label statistics…").is_some());
    window.state_mut().apply(Action::Command(Command::ShowStatistics));
    wait(&mut window, |app| app.state.case.as_ref().is_some_and(|case| case.label_statistics.is_some()));
    window
}

#[test]
fn the_table_lists_every_label_with_its_intensities() {
    let window = window_with_table();
    let case = case(&window);
    let expected = per_label(case.history.labels(), &case.table, &case.opened.volume, 0);
    assert_eq!(case.label_statistics.as_ref(), Some(&expected));
    assert!(expected.iter().all(|label| label.n_voxels > 0 && label.intensities.is_some()));
    for head in ["Voxels", "Volume", "Mean", "SD", "Min", "Max"] {
        assert!(window.query_by_label(head).is_some(), "{head}");
    }
    let mean = expected[0].intensities.expect("measured").mean;
    assert!(window.query_by_label(&crate::app::panels::status::number(mean)).is_some());
}

#[test]
fn the_table_is_copied_and_exported() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut window = window_with_table();
    let mut nodes = window.get_all_by_label("Copy");
    nodes.next().expect("a button").click();
    drop(nodes);
    let copied = copied_text(&mut window);
    assert!(copied.starts_with("Id\tLabel\tVoxels\tVolume (mL)\t"), "{copied:?}");

    let path = folder.path().join("table");
    window.state_mut().use_picked(Picked::File(Purpose::ExportStatistics, path.clone()));
    let path = path.with_extension("csv");
    wait(&mut window, |_| path.exists());
    let text = std::fs::read_to_string(&path).expect("readable");
    assert_eq!(text.lines().count(), case(&window).table.labels.len() + 1);
    assert!(text.starts_with("Id,Label,Voxels,Volume (mL),"), "{text}");
}
