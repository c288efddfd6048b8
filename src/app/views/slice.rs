//! A slice view: the image with its labels, and what the pointer does in it.

use eframe::egui::{Align2, Color32, CursorIcon, FontId, PointerButton, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::footprint::footprint_ui;
use super::geometry::Placement;
use super::ghost::ghost_ui;
use super::measurements::measurements_ui;
use super::outline::outline_ui;
use super::overlay::{
    INSET, crosshair_ui, letters_ui, outlines_ui, preview_outlines_ui, scale_bar_ui, shaded_text, strong,
};
use super::pointer::View;
use super::texture::{Cut, SliceCache};
use crate::app::action::{Action, Actions};
use crate::app::case::{Case, plane_name};
use crate::app::state::{Layout, State};
use crate::app::theme::{tokens, type_size};
use crate::app::tools::Tool;
use crate::app::widgets::{Icon, overlay_button, slice_slider};
use crate::domain::Plane;

/// Room at the right edge for the slider.
pub const SLIDER_WIDTH: f32 = 16.0;

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
    if state.tool == Tool::Grow || state.tool == Tool::Brush {
        ghost_ui(ui, &view, &response, cache);
    }
    if state.tool.is_brush() {
        footprint_ui(ui, &view, &response);
    } else if state.tool.takes_events() && response.hovered() {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
    measurements_ui(ui, &view);
    outline_ui(ui, &view);
    view.turn_wheel(ui, &response, wheel, actions);
    if response.double_clicked_by(PointerButton::Primary) && !state.tool.takes_events() {
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
