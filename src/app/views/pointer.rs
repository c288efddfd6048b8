//! What the mouse does in a slice view: the crosshair, pan, zoom and slices here, the rest as events for the tool in use.

use eframe::egui::{CursorIcon, Event, MouseWheelUnit, PointerButton, Pos2, Response, Ui, Vec2};

use super::geometry::Placement;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::controls::{Gesture, WINDOW_KEY, Wheel};
use crate::app::state::{Camera, Pointed, State};
use crate::app::tools::{
    Outline, PointerEvent, PointerKind, Ruler, Tool, camera_after_pan, camera_after_zoom, window_after_drag,
    zoom_of_drag, zoom_of_wheel,
};
use crate::domain::{Plane, grid::SliceAxes};

/// Points of a smooth wheel that count as one notch.
const POINTS_PER_NOTCH: f32 = 40.0;

/// Points from a corner at which the pointer is on it.
const CORNER_REACH: f32 = 8.0;

/// One view for the time of one frame.
pub struct View<'a> {
    pub plane: Plane,
    pub axes: SliceAxes,
    pub placement: Placement,
    pub state: &'a State,
    pub case: &'a Case,
    /// It shows the reference beside the labels: tools change nothing in it.
    pub is_reference: bool,
}

impl View<'_> {
    /// The slice shown.
    pub fn index(&self) -> usize {
        self.case.crosshair[self.axes.through]
    }

    /// What the left button does here.
    fn tool(&self) -> Tool {
        if self.is_reference { Tool::Crosshair } else { self.state.tool }
    }

    pub fn voxel(&self, pixel: [usize; 2]) -> [usize; 3] {
        self.axes.voxel(self.case.grid().shape(), pixel, self.index())
    }

    /// Tells what the pointer is over.
    pub fn point(&self, response: &Response, actions: &mut Actions) {
        let under = |position: Pos2| {
            let voxel = self.voxel(self.placement.pixel_from_screen(position)?);
            Some(Pointed { plane: self.plane, voxel })
        };
        let before = self.state.pointed;
        let now = response.hover_pos().and_then(under);
        // Each view speaks for itself: it takes back only what it said.
        if now != before && (now.is_some() || before.is_some_and(|pointed| pointed.plane == self.plane)) {
            actions.push(Action::Point(now));
        }
        if response.hovered() && self.state.active_plane != self.plane {
            actions.push(Action::Activate(self.plane));
        }
    }

    /// Answers the buttons.
    pub fn drag(&self, ui: &Ui, response: &Response, actions: &mut Actions) {
        self.feed_tool(ui, response, actions);
        let Some(button) = pressed(ui, response) else { return };
        let delta = response.drag_delta();
        let set_camera = |camera| Action::SetCamera { plane: self.plane, camera };
        let cursor = match self.gesture(ui, button) {
            Gesture::Tool | Gesture::Erase => return,
            Gesture::Pick => self.pick(response, actions),
            Gesture::Crosshair => self.move_crosshair(response, actions),
            Gesture::Window => self.change_window(delta, actions),
            Gesture::Pan => {
                let camera = self.case.camera(self.plane);
                actions.push(set_camera(camera_after_pan(camera, delta, self.placement.points_per_mm())));
                CursorIcon::Grabbing
            }
            Gesture::Zoom => {
                let fixed = ui.input(|input| input.pointer.press_origin()).unwrap_or(self.placement.view().center());
                actions.push(set_camera(self.zoomed(zoom_of_drag(delta.y), fixed)));
                CursorIcon::ZoomIn
            }
        };
        ui.ctx().set_cursor_icon(cursor);
    }

    /// What a press of a button means now.
    fn gesture(&self, ui: &Ui, button: PointerButton) -> Gesture {
        let (modifiers, is_windowing) = ui.input(|input| (input.modifiers, input.key_down(WINDOW_KEY)));
        self.state.settings.mouse.gesture(button, modifiers, is_windowing, self.tool())
    }

    /// Hands the presses that are the tool's, and every move up to the release, to the tool in use.
    fn feed_tool(&self, ui: &Ui, response: &Response, actions: &mut Actions) {
        if !self.tool().takes_events() {
            return;
        }
        // A button that goes down and up within one frame is a click and no longer down.
        let is_meant = response.is_pointer_button_down_on() || response.clicked() || response.secondary_clicked();
        let is_tools = |button| matches!(self.gesture(ui, button), Gesture::Tool | Gesture::Erase);
        let is_busy = self.state.is_held_in(self.plane);
        let open = self.case.outline.as_ref().map(Outline::place).or(self.case.ruler.as_ref().map(Ruler::place));
        let follows = open.is_some_and(|place| place.plane == self.plane);
        let mut is_held = is_busy;
        let mut push = |kind, position, button| {
            let event = self.event(ui, kind, position, button);
            actions.push(Action::Pointer { plane: self.plane, event });
        };
        for event in ui.input(|input| input.events.clone()) {
            match event {
                Event::PointerButton { pos, button, pressed: true, .. } if is_meant && !is_held && is_tools(button) => {
                    push(PointerKind::Press, pos, button);
                    is_held = true;
                }
                Event::PointerMoved(position) if is_held || follows => {
                    push(PointerKind::Move, position, PointerButton::Primary)
                }
                Event::PointerButton { pos, button, pressed: false, .. } if is_held => {
                    push(PointerKind::Release, pos, button);
                    is_held = false;
                }
                _ => {}
            }
        }
        // The button may have gone up where no one told: outside the window, or in another program.
        if is_busy && is_held && !ui.input(|input| input.pointer.any_down()) {
            let position = ui.input(|input| input.pointer.latest_pos()).unwrap_or(self.placement.view().center());
            push(PointerKind::Release, position, PointerButton::Primary);
        }
        if let Some(position) = response.interact_pointer_pos().filter(|_| response.double_clicked()) {
            push(PointerKind::Double, position, PointerButton::Primary);
        }
    }

    fn event(&self, ui: &Ui, kind: PointerKind, position: Pos2, button: PointerButton) -> PointerEvent {
        let modifiers = ui.input(|input| input.modifiers);
        PointerEvent {
            kind,
            at: self.placement.slice_from_screen(position),
            voxel: self.placement.pixel_from_screen(position).map(|pixel| self.voxel(pixel)),
            erases: self.gesture(ui, button) == Gesture::Erase,
            shift: modifiers.shift,
            alt: modifiers.alt,
            reach: f64::from(CORNER_REACH / self.placement.points_per_pixel().min_elem()),
        }
    }

    /// Makes the label under the pointer the active one.
    fn pick(&self, response: &Response, actions: &mut Actions) -> CursorIcon {
        let under = response.interact_pointer_pos().and_then(|position| self.placement.pixel_from_screen(position));
        let id = under.map_or(0, |pixel| self.case.history.labels().get(self.voxel(pixel)));
        if id != 0 && self.case.active_label().is_none_or(|active| active.id != id) {
            actions.push(Action::ActivateLabel(id));
        }
        CursorIcon::PointingHand
    }

    fn change_window(&self, delta: Vec2, actions: &mut Actions) -> CursorIcon {
        if delta != Vec2::ZERO && !self.case.opened.volume.is_color() {
            let height = self.placement.view().height();
            actions.push(Action::SetWindow(window_after_drag(self.case.window, delta, height)));
        }
        CursorIcon::AllScroll
    }

    fn move_crosshair(&self, response: &Response, actions: &mut Actions) -> CursorIcon {
        if let Some(position) = response.interact_pointer_pos() {
            let voxel = self.voxel(self.placement.nearest_pixel(position));
            if voxel != self.case.crosshair {
                actions.push(Action::MoveCrosshair(voxel));
            }
        }
        CursorIcon::Crosshair
    }

    fn zoomed(&self, factor: f32, fixed: Pos2) -> Camera {
        let camera = self.case.camera(self.plane);
        let middle = self.placement.view().center();
        camera_after_zoom(camera, factor, fixed, middle, self.placement.fit_points_per_mm())
    }

    /// Changes the slice or the zoom. `wheel` gathers parts of a notch.
    pub fn turn_wheel(&self, ui: &Ui, response: &Response, wheel: &mut f32, actions: &mut Actions) {
        let Some(pointer) = response.hover_pos() else { return };
        for event in ui.input(|input| input.events.clone()) {
            let Event::MouseWheel { unit, delta, modifiers, .. } = event else { continue };
            let notches = match unit {
                MouseWheelUnit::Point => delta.y / POINTS_PER_NOTCH,
                MouseWheelUnit::Line | MouseWheelUnit::Page => delta.y,
            };
            match self.state.settings.mouse.wheel(modifiers) {
                Wheel::Zoom => {
                    let camera = self.zoomed(zoom_of_wheel(notches), pointer);
                    actions.push(Action::SetCamera { plane: self.plane, camera });
                }
                Wheel::Slice => {
                    *wheel += notches;
                    let n_slices = wheel.trunc();
                    *wheel -= n_slices;
                    if n_slices != 0.0 {
                        actions.push(Action::Scroll { plane: self.plane, n_slices: n_slices as isize });
                    }
                }
            }
        }
    }
}

/// The button that is down on a view.
fn pressed(ui: &Ui, response: &Response) -> Option<PointerButton> {
    let buttons = [PointerButton::Middle, PointerButton::Primary, PointerButton::Secondary];
    let is_down = |button: &PointerButton| ui.input(|input| input.pointer.button_down(*button));
    buttons.into_iter().find(is_down).filter(|_| response.is_pointer_button_down_on())
}
