//! Painting on the labels: each stroke is one change that can be undone.

use super::App;
use super::command::Command;
use crate::domain::paint::Canvas;
use crate::domain::{Label, Plane};

impl App {
    /// Goes on with a stroke, or begins one.
    pub(super) fn paint(&mut self, plane: Plane, to: [usize; 3], erases: bool) {
        if Command::BrushTool.enabled(&self.state).is_err() {
            return;
        }
        if !erases && self.state.case.as_ref().is_some_and(|case| case.table.labels.is_empty()) {
            self.new_label();
        }
        let look = self.state.settings.brush;
        let Some(case) = &mut self.state.case else { return };
        let id = if erases { 0 } else { case.active_label().map_or(0, |label| label.id) };
        // A stroke that jumps to another slice begins anew there.
        let through = case.through(plane).0;
        let from = case.stroke.filter(|from| from[through] == to[through]).unwrap_or(to);
        let canvas = Canvas::new(case.history.labels(), &case.table);
        if canvas.is_locked(id) {
            let name = case.table.name(id);
            self.state.notices.warning(format!("{name} is locked; unlock it in the label table to paint with it"));
            return;
        }
        if let Some(edit) = look.brush(through).draw(&canvas, from, to, id) {
            case.history.stage(edit);
        }
        case.stroke = Some(to);
    }

    /// Makes one change of a stroke.
    pub(super) fn end_stroke(&mut self) {
        self.with_case(|case| {
            case.stroke = None;
            case.history.commit();
        });
    }

    /// Adds a label under a free id and paints with it.
    pub(super) fn new_label(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let Some(id) = case.table.free_id() else {
            self.state.notices.error("The label table is full: it holds 65535 labels");
            return;
        };
        case.table.push(Label::new(id, format!("Label {id}")));
        case.table_revision += 1;
        case.table_is_saved = false;
        case.active_label = id;
    }
}
