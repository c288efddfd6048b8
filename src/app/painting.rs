//! What the tools do to the labels: every gesture is one change that can be undone.

use super::App;
use super::case::Case;
use super::command::Command;
use super::rules::{canvas, canvas_for};
use super::state::State;
use super::tools::{BrushEffect, BrushLook, PointerEvent, PointerKind, Tool};
use crate::domain::{Label, Plane};

impl App {
    /// Uses another tool from now on; what was begun with the last one is given up.
    pub(super) fn choose_tool(&mut self, tool: Tool) {
        self.give_up_gesture();
        self.state.tool = tool;
    }

    /// Gives up what was begun and is not finished yet.
    pub(super) fn give_up_gesture(&mut self) {
        self.use_tool(self.state.pressed_in, &PointerEvent::key(PointerKind::Cancel));
    }

    /// Hands an event to the tool in use and carries out what comes of it.
    pub(super) fn use_tool(&mut self, plane: Plane, event: &PointerEvent) {
        if event.kind == PointerKind::Press {
            self.state.pressed_in = plane;
        }
        match self.state.tool {
            Tool::Crosshair | Tool::Window => {}
            Tool::Brush | Tool::Eraser => self.use_brush(plane, event),
            Tool::Polygon | Tool::Lasso | Tool::Livewire | Tool::Scissors => self.use_outline(plane, event),
            Tool::Bucket | Tool::FillHole | Tool::Grow if event.kind == PointerKind::Press => self.fill(plane, event),
            Tool::Bucket | Tool::FillHole | Tool::Grow => {}
            Tool::Distance | Tool::Angle | Tool::Area => self.use_ruler(plane, event),
        }
    }

    fn use_brush(&mut self, plane: Plane, event: &PointerEvent) {
        let (look, always_erases) = (self.state.settings.brush, self.state.tool == Tool::Eraser);
        if event.kind == PointerKind::Press && !event.alt && !self.can_begin(always_erases || event.erases) {
            return;
        }
        let Some(case) = &mut self.state.case else { return };
        let through = case.through(plane).0;
        let (strokes, effect) = case.strokes.next(event, look, through, always_erases);
        case.strokes = strokes;
        match effect {
            Some(BrushEffect::Draw { from, to, erases }) => {
                let id = painted_id(case, erases);
                for (from, to) in parts(case, look, through, (from, to), id) {
                    let edit = dab(case, look, through, (from, to), id);
                    edit.into_iter().for_each(|edit| case.history.stage(edit));
                }
            }
            Some(BrushEffect::Finish) => case.history.commit(),
            Some(BrushEffect::GiveUp) => case.history.rollback(),
            Some(BrushEffect::Resize(diameter)) => self.remember(|known| known.brush = known.brush.sized(diameter)),
            None => {}
        }
    }

    /// Whether something can be drawn now. Says why not, and makes a label to draw with where there is none.
    pub(super) fn can_begin(&mut self, erases: bool) -> bool {
        if Command::BrushTool.enabled(&self.state).is_err() {
            return false;
        }
        if !erases && self.state.case.as_ref().is_some_and(|case| case.table.labels.is_empty()) {
            self.new_label();
        }
        let locked = |state: &State| {
            let case = state.case.as_ref()?;
            let id = painted_id(case, erases);
            canvas(case).is_locked(id).then(|| case.table.name(id))
        };
        if let Some(name) = locked(&self.state) {
            self.state.notices.warning(format!("{name} is locked; unlock it in the label table to paint with it"));
            return false;
        }
        true
    }

    /// Adds a label under a free id and paints with it.
    pub(super) fn new_label(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let Some(id) = case.free_label_id() else {
            self.state.notices.error("The label table is full: it holds 65535 labels");
            return;
        };
        let color = self.state.settings.palette.color(id);
        case.table.push(Label { color, ..Label::new(id, format!("Label {id}")) });
        case.touch_table();
        case.active_label = id;
    }
}

/// The parts in which a move of the brush is drawn: one, or where the image is asked about each place, so many that
/// neighbouring dabs overlap.
fn parts(
    case: &Case,
    look: BrushLook,
    through: usize,
    (from, to): ([usize; 3], [usize; 3]),
    id: u16,
) -> Vec<([usize; 3], [usize; 3])> {
    if !look.is_adaptive || id == 0 || from == to {
        return vec![(from, to)];
    }
    let radii = look.brush(through).radii(case.grid());
    let away = |axis: usize| from[axis].abs_diff(to[axis]) as f64 / radii[axis].max(1.0);
    let n_steps = (0..3).map(away).fold(1.0, f64::max).ceil() as usize;
    let at = |step: usize| {
        let part = step as f64 / n_steps as f64;
        [0, 1, 2].map(|axis| (from[axis] as f64 + part * (to[axis] as f64 - from[axis] as f64)).round() as usize)
    };
    (1..=n_steps).map(|step| (at(step), at(step))).collect()
}

/// What one move of the brush changes.
fn dab(
    case: &Case,
    look: BrushLook,
    through: usize,
    (from, to): ([usize; 3], [usize; 3]),
    id: u16,
) -> Option<crate::domain::Edit> {
    let (canvas, brush) = (canvas_for(case, id), look.brush(through));
    // Erasing is never guided by the image: what is wrong goes, whatever it looks like.
    if !look.is_adaptive || id == 0 {
        return brush.draw(&canvas, from, to, id);
    }
    brush.draw_similar(&canvas, &case.opened.volume, case.frame, case.limits.tolerance, to, id)
}

/// The id that drawing gives to voxels.
pub(super) fn painted_id(case: &Case, erases: bool) -> u16 {
    if erases { 0 } else { case.active_label().map_or(0, |label| label.id) }
}
