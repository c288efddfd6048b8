//! A slice view: the image with its labels, and what the pointer does in it.

use eframe::egui::{
    Align2, Color32, CursorIcon, Event, FontId, MouseWheelUnit, PointerButton, Pos2, Rect, Response, Role, Sense, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::geometry::Placement;
use super::overlay::{
    INSET, brush_outline_ui, crosshair_ui, letters_ui, outlines_ui, preview_outlines_ui, scale_bar_ui, shaded_text,
    strong,
};
use super::texture::{Cut, SliceCache};
use crate::app::action::{Action, Actions};
use crate::app::case::{Case, plane_name};
use crate::app::controls::{Gesture, WINDOW_KEY, Wheel};
use crate::app::state::{Layout, Pointed, State};
use crate::app::theme::{label_color, tokens, type_size};
use crate::app::tools::{Tool, camera_after_pan, camera_after_zoom, window_after_drag, zoom_of_drag, zoom_of_wheel};
use crate::app::widgets::{Icon, overlay_button, slice_slider};
use crate::domain::{Plane, grid::SliceAxes, paint::BrushShape};

/// Points of a smooth wheel that count as one notch.
const POINTS_PER_NOTCH: f32 = 40.0;
/// Room at the right edge for the slider.
const SLIDER_WIDTH: f32 = 16.0;

/// Draws one plane of the open case into `rect`. `wheel` gathers parts of a notch.
pub fn slice_ui(
    ui: &mut Ui,
    rect: Rect,
    plane: Plane,
    (state, case): (&State, &Case),
    (cache, wheel): (&mut SliceCache, &mut f32),
    actions: &mut Actions,
) {
    let axes = case.axes(plane, state.settings.convention);
    let cut = Cut { plane, axes, index: case.crosshair[axes.through] };
    let placement = Placement::new(rect, case.grid(), &axes, case.camera(plane));
    let name = plane_name(plane);
    let response = ui.interact(rect, ui.scope_id().with(("slice", name)), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{name} view")));

    let stride = paint(ui, &placement, cut, (state, case), cache);
    captions_ui(ui, rect, (state, case), cut, stride);
    let view = View { plane, axes, placement, state, case };
    view.point(&response, actions);
    view.drag(ui, &response, actions);
    if state.tool.paints() {
        view.brush_ui(ui, &response, actions);
    }
    view.turn_wheel(ui, &response, wheel, actions);
    if response.double_clicked_by(PointerButton::Primary) && !state.tool.paints() {
        actions.push(Action::SetLayout(other_layout(state.layout, plane)));
    }
    controls_ui(ui, rect, &view, cut, actions);
}

fn other_layout(layout: Layout, plane: Plane) -> Layout {
    if layout == Layout::Grid { Layout::Slice(plane) } else { Layout::Grid }
}

/// Paints image, labels, preview and crosshair; returns every how many-th pixel is shown.
fn paint(ui: &Ui, placement: &Placement, cut: Cut, (state, case): (&State, &Case), cache: &mut SliceCache) -> usize {
    let tokens = tokens(ui);
    let painter = ui.painter_at(placement.view());
    painter.rect_filled(placement.view(), 0.0, tokens.canvas);
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let draw = |texture: &eframe::egui::TextureHandle| {
        painter.image(texture.id(), placement.slice_rect(), whole, Color32::WHITE);
    };
    let image = cache.image(ui.ctx(), case, cut, state.settings.interpolation);
    draw(&image.texture);
    let overlay = state.settings.overlay;
    if state.labels_visible && !case.is_empty() {
        if let Some(labels) = cache.labels(ui.ctx(), case, cut, overlay) {
            draw(&labels.texture);
        }
        outlines_ui(&painter, placement, cache.label_outlines(case, cut, overlay), &case.table);
    }
    if let Some(preview) = &case.preview {
        draw(&cache.preview(ui.ctx(), preview, cut).texture);
        preview_outlines_ui(&painter, placement, cache.preview_outlines(preview, cut), &preview.table);
    }
    if state.settings.crosshair_visible {
        let at = placement.screen_from_pixel(cut.axes.pixel(case.grid().shape(), case.crosshair));
        // A line stands for the plane that it is the trace of: the vertical one for the plane across the screen's x.
        let trace = |axis: usize| tokens.plane(plane_through(case, axis));
        crosshair_ui(&painter, placement.view(), at, trace(cut.axes.right), trace(cut.axes.down));
    }
    image.stride
}

/// The plane whose slices a voxel axis counts.
fn plane_through(case: &Case, axis: usize) -> Plane {
    let all = [Plane::Axial, Plane::Coronal, Plane::Sagittal];
    all.into_iter().find(|plane| case.through(*plane).0 == axis).unwrap_or(Plane::Axial)
}

fn captions_ui(ui: &Ui, rect: Rect, (state, case): (&State, &Case), cut: Cut, stride: usize) {
    let tokens = tokens(ui);
    let painter = ui.painter_at(rect);
    let grid = case.grid();
    let clear = rect.with_max_x(rect.right() - SLIDER_WIDTH);
    letters_ui(&painter, tokens, clear, grid.edge_letters(cut.plane, state.settings.convention));
    let placement = Placement::new(rect, grid, &cut.axes, case.camera(cut.plane));
    scale_bar_ui(&painter, tokens, rect, placement.points_per_mm());

    let corner = rect.min + vec2(INSET, INSET - 2.0);
    let name = shaded_text(
        &painter,
        corner,
        Align2::LEFT_TOP,
        plane_name(cut.plane),
        strong(type_size::BODY),
        tokens.plane(cut.plane),
    );
    let small = FontId::proportional(type_size::SMALL);
    let slice = format!("{} / {}", cut.index + 1, grid.shape()[cut.axes.through]);
    let beside = pos2(name.right() + 8.0, name.bottom() - 1.5);
    shaded_text(&painter, beside, Align2::LEFT_BOTTOM, &slice, small.clone(), tokens.overlay_weak);
    if stride > 1 {
        let note = format!("Shown at 1/{stride} of its resolution: larger than this device's textures");
        let below = name.left_bottom() + vec2(0.0, 4.0);
        shaded_text(&painter, below, Align2::LEFT_TOP, &note, small.clone(), tokens.warning);
    }
    let zoom = format!("{:.0} %", 100.0 * case.camera(cut.plane).zoom);
    let corner = pos2(rect.right() - INSET - SLIDER_WIDTH, rect.bottom() - INSET + 2.0);
    shaded_text(&painter, corner, Align2::RIGHT_BOTTOM, &zoom, small, tokens.overlay_weak);
}

fn controls_ui(ui: &mut Ui, rect: Rect, view: &View<'_>, cut: Cut, actions: &mut Actions) {
    let name = plane_name(cut.plane);
    let is_grid = view.state.layout == Layout::Grid;
    let (icon, text) = match is_grid {
        true => (Icon::Maximize, format!("Maximize {}", name.to_lowercase())),
        false => (Icon::Restore, "Show all views".to_owned()),
    };
    let corner = Rect::from_min_size(pos2(rect.right() - 30.0 - SLIDER_WIDTH, rect.top() + 5.0), vec2(24.0, 24.0));
    if overlay_button(ui, corner, icon, &text).clicked() {
        actions.push(Action::SetLayout(other_layout(view.state.layout, cut.plane)));
    }
    let n_slices = view.case.grid().shape()[cut.axes.through];
    let (_, flip) = view.case.through(cut.plane);
    let rail = Rect::from_min_max(
        pos2(rect.right() - SLIDER_WIDTH, rect.top() + INSET),
        pos2(rect.right() - 4.0, rect.bottom() - INSET),
    );
    let label = format!("{name} slice");
    if let Some(index) = slice_slider(ui, rail, &label, cut.index, n_slices, flip) {
        actions.push(Action::SetSlice { plane: cut.plane, index });
    }
}

/// The button that is down on a view.
fn pressed(ui: &Ui, response: &Response) -> Option<PointerButton> {
    let buttons = [PointerButton::Middle, PointerButton::Primary, PointerButton::Secondary];
    let is_down = |button: &PointerButton| ui.input(|input| input.pointer.button_down(*button));
    buttons.into_iter().find(is_down).filter(|_| response.is_pointer_button_down_on())
}

/// One view for the time of one frame.
struct View<'a> {
    plane: Plane,
    axes: SliceAxes,
    placement: Placement,
    state: &'a State,
    case: &'a Case,
}

impl View<'_> {
    fn voxel(&self, pixel: [usize; 2]) -> [usize; 3] {
        self.axes.voxel(self.case.grid().shape(), pixel, self.case.crosshair[self.axes.through])
    }

    /// Tells what the pointer is over.
    fn point(&self, response: &Response, actions: &mut Actions) {
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

    fn drag(&self, ui: &Ui, response: &Response, actions: &mut Actions) {
        let Some(button) = pressed(ui, response) else { return };
        let (modifiers, is_windowing) = ui.input(|input| (input.modifiers, input.key_down(WINDOW_KEY)));
        let gesture = self.state.settings.mouse.gesture(button, modifiers, is_windowing, self.state.tool);
        let delta = response.drag_delta();
        let set_camera = |camera| Action::SetCamera { plane: self.plane, camera };
        let cursor = match gesture {
            Gesture::Tool | Gesture::Erase => self.paint(response, gesture == Gesture::Erase, actions),
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

    /// Paints the active label, or takes labels away.
    fn paint(&self, response: &Response, erases: bool, actions: &mut Actions) -> CursorIcon {
        let under = response.interact_pointer_pos().and_then(|position| self.placement.pixel_from_screen(position));
        if let Some(pixel) = under {
            let erases = erases || self.state.tool == Tool::Eraser;
            actions.push(Action::Paint { plane: self.plane, to: self.voxel(pixel), erases });
        }
        CursorIcon::None
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

    /// Ends a stroke, and shows what the brush would cover.
    fn brush_ui(&self, ui: &Ui, response: &Response, actions: &mut Actions) {
        if self.case.stroke.is_some() && !ui.input(|input| input.pointer.any_down()) {
            actions.push(Action::EndStroke);
        }
        let position = response.hover_pos().or(response.interact_pointer_pos());
        let Some(pixel) = position.and_then(|position| self.placement.pixel_from_screen(position)) else { return };
        let color = match (self.state.tool, self.case.active_label()) {
            (Tool::Brush, Some(label)) => label_color(label.color),
            _ => tokens(ui).overlay_text,
        };
        let radii = self.state.settings.brush.brush(self.axes.through).radii(self.case.grid());
        let radii = [radii[self.axes.right] as f32, radii[self.axes.down] as f32];
        let is_round = self.state.settings.brush.shape == BrushShape::Round;
        brush_outline_ui(&ui.painter_at(self.placement.view()), &self.placement, pixel, radii, is_round, color);
        ui.ctx().set_cursor_icon(CursorIcon::None);
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

    fn zoomed(&self, factor: f32, fixed: Pos2) -> crate::app::state::Camera {
        let camera = self.case.camera(self.plane);
        let middle = self.placement.view().center();
        camera_after_zoom(camera, factor, fixed, middle, self.placement.fit_points_per_mm())
    }

    fn turn_wheel(&self, ui: &Ui, response: &Response, wheel: &mut f32, actions: &mut Actions) {
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
