//! Every change of the labels, oldest on top: where the person stands, what was saved, and what it takes in memory.

use eframe::egui::{Button, Frame, Id, Margin, Panel, RichText, ScrollArea, Ui, vec2};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::command::{Why, can_change_labels};
use super::super::state::State;
use super::super::theme::{caption, size, space, tokens};
use super::super::widgets::fold_heading;
use super::status::grouped;
use crate::domain::History;
use crate::domain::history::Entry;

/// Height of a line of the list, in points.
const ROW: f32 = size::ROW - 2.0;
/// Height of the heading alone.
const FOLDED: f32 = 34.0;
/// Share of the side panel, and its limits.
const SHARE: f32 = 0.23;
const HEIGHTS: std::ops::RangeInclusive<f32> = 150.0..=420.0;

/// Draws the panel at the bottom of the space.
pub fn history_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let id = Id::unique("history is open");
    let is_open = ui.data(|data| data.get_temp(id)).unwrap_or(true);
    let height = if is_open { (ui.available_height() * SHARE).clamp(*HEIGHTS.start(), *HEIGHTS.end()) } else { FOLDED };
    // As wide as the sections above it, which leave room for a scroll bar.
    let frame = Frame::new().inner_margin(Margin { right: 10, ..Margin::ZERO });
    let panel = Panel::bottom("history").exact_size(height).resizable(false).frame(frame);
    panel.show(ui, |ui| {
        ui.add_space(space::SMALL);
        if fold_heading(ui, "History", is_open).clicked() {
            ui.data_mut(|data| data.insert_temp(id, !is_open));
        }
        if !is_open {
            return;
        }
        ui.add_space(space::TIGHT);
        let reason = can_change_labels(state).err();
        let list_height = ui.available_height() - 28.0;
        ui.add_enabled_ui(reason.is_none(), |ui| list_ui(ui, list_height, case, reason, actions));
        ui.add_space(space::TIGHT);
        ui.label(caption(ui, memory(&case.history))).on_hover_text("Beyond that the oldest changes cannot be undone");
    });
}

fn list_ui(ui: &mut Ui, height: f32, case: &Case, reason: Option<Why>, actions: &mut Actions) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let history = &case.history;
    let n_rows = history.entries().len() + 1;
    let mut area = ScrollArea::vertical().id_salt("history").max_height(height).auto_shrink(false);
    if let Some(offset) = offset_after_a_step(ui, height, history.n_applied()) {
        area = area.vertical_scroll_offset(offset);
    }
    area.show_rows(ui, ROW, n_rows, |ui, rows| {
        for n_applied in rows {
            let entry = n_applied.checked_sub(1).and_then(|idx| history.entry(idx));
            if let Some(action) = row_ui(ui, case, n_applied, entry, reason) {
                actions.push(action);
            }
        }
    });
}

/// Where to scroll so that the newest applied entry is seen, once after each step; between steps the person scrolls.
fn offset_after_a_step(ui: &Ui, height: f32, n_applied: usize) -> Option<f32> {
    let id = Id::unique("history is at");
    let before = ui.data_mut(|data| {
        let before = data.get_temp::<usize>(id);
        data.insert_temp(id, n_applied);
        before
    });
    (before != Some(n_applied)).then(|| ((n_applied + 2) as f32 * ROW - height).max(0.0))
}

/// The line after which `n_applied` entries are in the labels.
fn row_ui(ui: &mut Ui, case: &Case, n_applied: usize, entry: Option<Entry<'_>>, reason: Option<Why>) -> Option<Action> {
    let (tokens, history) = (tokens(ui), &case.history);
    let is_now = history.n_applied() == n_applied;
    let first = if history.n_dropped() > 0 { "Oldest change kept" } else { "Beginning" };
    let name = match entry {
        Some(Entry { name, frame: Some(frame), .. }) if history.frames().one_for_all().is_none() => {
            &format!("{name}, frame {}", frame + 1)
        }
        Some(entry) => entry.name,
        None => first,
    };
    let color = if n_applied <= history.n_applied() { tokens.text } else { tokens.text_disabled };
    let saved = if case.labels_path.is_some() && history.saved_at() == Some(n_applied) { "saved" } else { "" };
    let size = entry.map_or_else(String::new, |entry| grouped(entry.n_voxels as u64));
    let right = [saved, &size].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("  ");
    let row = Button::selectable(is_now, RichText::new(name).color(color)).right_text(caption(ui, right)).truncate();
    let response = ui.add(row.min_size(vec2(ui.available_width(), ROW)));
    let response = response.accessible_name(format!("Change {n_applied}: {name}"));
    let now = if is_now { "the labels are as after this change" } else { "click to go here" };
    let response = match entry {
        Some(entry) => response.on_hover_text(format!("{} voxels; {now}", grouped(entry.n_voxels as u64))),
        None => response.on_hover_text(now),
    };
    let response = match reason {
        Some(Why(reason)) => response.on_disabled_hover_text(reason),
        None => response,
    };
    (response.clicked() && !is_now).then_some(Action::GoTo(n_applied))
}

/// "12 of 256 MB, 1,034 changes".
fn memory(history: &History) -> String {
    let megabytes = |bytes: usize| bytes.div_ceil(1_000_000);
    let n = history.entries().len();
    let changes = if n == 1 { "change" } else { "changes" };
    let dropped = match history.n_dropped() {
        0 => String::new(),
        n => format!(", {} given up", grouped(n as u64)),
    };
    let (taken, budget) = (megabytes(history.bytes()), megabytes(history.budget_bytes()));
    format!("{taken} of {budget} MB, {} {changes}{dropped}", grouped(n as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::edit::Stroke;
    use crate::domain::{Grid, LabelMap};

    #[test]
    fn the_line_says_what_is_taken_and_what_was_given_up() {
        let labels = LabelMap::empty(Grid::axis_aligned([50, 1, 1], [1.0; 3]).expect("valid"));
        let mut history = History::with_budget(labels, 1_000_000);
        assert_eq!(memory(&history), "0 of 1 MB, 0 changes");
        for position in 0..2 {
            let mut stroke = Stroke::new("Brush", history.labels());
            stroke.set(position, 0, 1);
            history.apply(stroke.finish().expect("a change"));
        }
        assert_eq!(memory(&history), "1 of 1 MB, 2 changes");
        history.set_budget(0);
        assert_eq!(memory(&history), "1 of 0 MB, 1 change, 1 given up");
    }
}
