//! The rows of the label table: found by name, drawn as far as they are seen, and put into another order by dragging.

use eframe::egui::{Id, ScrollArea, TextEdit, Ui, vec2};

use super::row;
use crate::app::action::Actions;
use crate::app::case::Case;
use crate::app::state::State;
use crate::app::theme::{caption, size, space};
use crate::domain::Label;

/// Height of a row with the gap below it, in points.
pub const ROW_HEIGHT: f32 = size::ROW + 4.0;
/// Rows that are seen at once; with more, the list scrolls and can be searched.
const N_ROWS: usize = 12;

/// What the list remembers from frame to frame: what is searched for, and the label that was active.
#[derive(Clone, Default)]
struct Memory {
    search: String,
    active: u16,
}

/// Draws the rows.
pub fn list_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let id = Id::unique("label list");
    let mut memory: Memory = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let labels = &case.table.labels;
    if labels.len() > N_ROWS {
        let field = TextEdit::singleline(&mut memory.search).desired_width(f32::INFINITY).hint_text("Find a label");
        ui.add(field.margin(vec2(6.0, 4.0))).accessible_name("Find a label");
        ui.add_space(space::TIGHT);
    } else {
        memory.search.clear();
    }
    let shown: Vec<&Label> = labels.iter().filter(|label| is_found(label, &memory.search)).collect();
    if shown.is_empty() && !labels.is_empty() {
        ui.label(caption(ui, "No label of that name."));
    }
    let active = case.active_label().map_or(0, |label| label.id);
    let asked = if active == memory.active { None } else { shown.iter().position(|label| label.id == active) };
    memory.active = active;
    let can_move = memory.search.is_empty();
    ui.data_mut(|data| data.insert_temp(id, memory));
    let height = ROW_HEIGHT * shown.len().min(N_ROWS) as f32;
    let area = ScrollArea::vertical().id_salt("labels").max_height(height).min_scrolled_height(height);
    area.show_viewport(ui, |ui, viewport| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.set_height(ROW_HEIGHT * shown.len() as f32);
        let top = ui.max_rect().top();
        let first = (viewport.top() / ROW_HEIGHT).floor().max(0.0) as usize;
        let last = ((viewport.bottom() / ROW_HEIGHT).ceil().max(0.0) as usize).min(shown.len());
        for (at, label) in shown.iter().enumerate().take(last).skip(first) {
            let place = row::Place { at, top, can_move, n_rows: shown.len() };
            row::row_ui(ui, (state, case), label, place, actions);
        }
        if let Some(at) = asked {
            ui.scroll_to_rect(row::rect(ui, top, at), None);
        }
    });
}

/// By name, or by id.
fn is_found(label: &Label, search: &str) -> bool {
    let search = search.trim().to_lowercase();
    label.name.to_lowercase().contains(&search) || label.id.to_string() == search
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_a_part_of_their_name_or_by_their_id() {
        let label = Label::new(17, "Left-Hippocampus");
        for search in ["", "hippo", " LEFT", "17"] {
            assert!(is_found(&label, search), "{search}");
        }
        assert!(!is_found(&label, "right") && !is_found(&label, "1"));
    }
}
