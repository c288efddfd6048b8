//! A slice view: the image with its labels, and what the pointer does in it.

use eframe::egui::{
    Align2, CursorIcon, FontId, Painter, PointerButton, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2,
};

use super::comparison::{compared_name, compared_ui, divider_ui, echo_ui, halves, legend_ui, look, reference_ui};
use super::footprint::footprint_ui;
use super::geometry::Placement;
use super::ghost::ghost_ui;
use super::lab_damage::{damage_ui, damaged_image};
use super::lab_steps::state_ui;
use super::measurements::measurements_ui;
use super::outline::outline_ui;
use super::overlay::{
    INSET, crosshair_ui, letters_ui, outlines_ui, preview_outlines_ui, scale_bar_ui, shaded_text, strong,
};
use super::pointer::View;
use super::texture::{Cut, SliceCache};
use super::uncertainty::{map_legend_ui, uncertainty_ui};
use crate::app::action::{Action, Actions};
use crate::app::case::{Case, plane_name};
use crate::app::lab::reference::Look;
use crate::app::state::{Layout, State};
use crate::app::theme::{tokens, type_size};
use crate::app::tools::Tool;
use crate::app::widgets::{Icon, overlay_button, slice_slider};
use crate::domain::{Plane, Space};

/// Room at the right edge for the slider.
pub const SLIDER_WIDTH: f32 = 16.0;

/// What is drawn over the image of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// The labels and the preview.
    Labels,
    /// They, with the reference as the room for it wants it.
    Compared(Look),
    /// The reference alone, in the left half of a view.
    Reference,
}

/// A slice's place, and what it shows.
struct Pane {
    rect: Rect,
    plane: Plane,
    shown: Shown,
    /// The pointer is over its other half.
    is_echo: bool,
}

/// Draws one plane of the open case into `rect`. `wheel` gathers parts of a notch.
pub fn slice_ui(
    ui: &mut Ui,
    rect: Rect,
    plane: Plane,
    (state, case): (&State, &Case),
    (cache, wheel): (&mut SliceCache, &mut f32),
    actions: &mut Actions,
) {
    let look = look(state, case);
    if look != Some(Look::SideBySide) {
        let pane = Pane { rect, plane, shown: look.map_or(Shown::Labels, Shown::Compared), is_echo: false };
        return pane_ui(ui, &pane, (state, case), (cache, wheel), actions);
    }
    let halves = halves(rect);
    let pointer = ui.input(|input| input.pointer.hover_pos());
    for (half, shown) in [Shown::Reference, Shown::Compared(Look::SideBySide)].into_iter().enumerate() {
        let is_echo = pointer.is_some_and(|pointer| halves[1 - half].contains(pointer));
        let pane = Pane { rect: halves[half], plane, shown, is_echo };
        pane_ui(ui, &pane, (state, case), (cache, wheel), actions);
    }
}

/// Draws one slice.
fn pane_ui(
    ui: &mut Ui,
    &Pane { rect, plane, shown, is_echo }: &Pane,
    (state, case): (&State, &Case),
    (cache, wheel): (&mut SliceCache, &mut f32),
    actions: &mut Actions,
) {
    let axes = case.axes(plane, state.settings.convention);
    let placement = Placement::new(rect, case.grid(), &axes, case.camera(plane));
    let cut = Cut::new(ui.ctx(), (plane, axes), case.crosshair[axes.through], &placement);
    let is_reference = shown == Shown::Reference;
    let name = format!("{} {}", plane_name(plane), if is_reference { "reference" } else { "view" });
    let response = ui.interact(rect, ui.scope_id().with(("slice", &name)), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));

    let view = View { plane, axes, placement, state, case, is_reference };
    paint(ui, &view, cut, shown, cache);
    captions_ui(ui, &view, cut, shown);
    if is_echo {
        echo_ui(ui, &view);
    } else {
        view.point(&response, actions);
    }
    view.drag(ui, &response, actions);
    if !is_reference {
        tools_ui(ui, &view, &response, cache);
    }
    view.turn_wheel(ui, &response, wheel, actions);
    if response.double_clicked_by(PointerButton::Primary) && !state.tool.takes_events() {
        actions.push(Action::SetLayout(other_layout(state.layout, plane)));
    }
    match shown {
        Shown::Labels => {}
        Shown::Reference | Shown::Compared(Look::SideBySide) => {}
        Shown::Compared(Look::Swipe) => divider_ui(ui, &view, actions),
        Shown::Compared(Look::Difference | Look::Off) => legend_ui(ui, &view),
    }
    if !is_reference {
        controls_ui(ui, rect, &view, cut, actions);
    }
}

/// What the tool in use shows, and what was measured.
fn tools_ui(ui: &Ui, view: &View<'_>, response: &Response, cache: &mut SliceCache) {
    let tool = view.state.tool;
    if tool == Tool::Grow || tool == Tool::Brush {
        ghost_ui(ui, view, response, cache);
    }
    if tool.is_brush() {
        footprint_ui(ui, view, response);
    } else if tool.takes_events() && response.hovered() {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
    measurements_ui(ui, view);
    outline_ui(ui, view);
}

fn other_layout(layout: Layout, plane: Plane) -> Layout {
    if layout == Layout::Grid { Layout::Slice(plane) } else { Layout::Grid }
}

/// Paints image, labels, preview and crosshair.
fn paint(ui: &Ui, view: &View<'_>, cut: Cut, shown: Shown, cache: &mut SliceCache) {
    let (tokens, placement, case) = (tokens(ui), &view.placement, view.case);
    let painter = ui.painter_at(placement.view());
    painter.rect_filled(placement.view(), 0.0, tokens.canvas);
    let image = damaged_image(ui.ctx(), view, cut, cache)
        .unwrap_or_else(|| cache.image(ui.ctx(), case, cut, view.state.settings.interpolation));
    image.paint(&painter, placement);
    match shown {
        Shown::Labels => {
            labels_ui(&painter, view, cut, cache);
            state_ui(&painter, view, cut, cache);
            damage_ui(&painter, view, cut, cache);
        }
        Shown::Reference => reference_ui(&painter, view, cut, cache),
        Shown::Compared(look) => compared_ui(&painter, view, cut, look, cache),
    }
    uncertainty_ui(&painter, view, cut, cache);
    if view.state.settings.crosshair_visible {
        let at = placement.screen_from_pixel(cut.axes.pixel(case.grid().shape(), case.crosshair));
        // A line stands for the plane that it is the trace of: the vertical one for the plane across the screen's x.
        let trace = |axis: usize| tokens.plane(plane_through(case, axis));
        crosshair_ui(&painter, placement.view(), at, trace(cut.axes.right), trace(cut.axes.down));
    }
}

/// Paints labels and preview.
pub fn labels_ui(painter: &Painter, view: &View<'_>, cut: Cut, cache: &mut SliceCache) {
    let (state, case, placement) = (view.state, view.case, &view.placement);
    if state.labels_visible && !case.is_empty() {
        if let Some(labels) = cache.labels(painter.ctx(), case, cut, state.settings.overlay) {
            labels.paint(painter, placement);
        }
        outlines_ui(
            painter,
            placement,
            cache.label_outlines(painter.ctx(), case, cut, state.settings.overlay),
            &case.table,
        );
    }
    if let Some(preview) = &case.preview {
        cache.preview(painter.ctx(), preview, cut).paint(painter, placement);
        preview_outlines_ui(painter, placement, cache.preview_outlines(painter.ctx(), preview, cut), &preview.table);
    }
}

/// The plane whose slices a voxel axis counts.
pub fn plane_through(case: &Case, axis: usize) -> Plane {
    let all = [Plane::Axial, Plane::Coronal, Plane::Sagittal];
    all.into_iter().find(|plane| case.through(*plane).0 == axis).unwrap_or(Plane::Axial)
}

fn captions_ui(ui: &Ui, view: &View<'_>, cut: Cut, shown: Shown) {
    let (tokens, rect, case) = (tokens(ui), view.placement.view(), view.case);
    let painter = ui.painter_at(rect);
    map_legend_ui(&painter, tokens, view);
    let grid = case.grid();
    let clear = rect.with_max_x(rect.right() - SLIDER_WIDTH);
    if let Some(letters) = grid.edge_letters(cut.plane, view.state.settings.convention) {
        letters_ui(&painter, tokens, clear, letters);
    }
    let unit = if grid.is_scaled() { "mm" } else { "px" };
    scale_bar_ui(&painter, tokens, rect, view.placement.points_per_mm(), unit);

    let corner = rect.min + vec2(INSET, INSET - 2.0);
    let (strong, color) = (strong(type_size::BODY), tokens.plane(cut.plane));
    let name = match grid.space() {
        _ if grid.is_series() => "Frame",
        Space::Patient => plane_name(cut.plane),
        Space::Picture { .. } => "Picture",
    };
    let name = shaded_text(&painter, corner, Align2::LEFT_TOP, name, strong, color);
    let small = FontId::proportional(type_size::SMALL);
    let slice = format!("{} / {}", cut.index + 1, grid.shape()[cut.axes.through]);
    let side = match shown {
        Shown::Reference => Some("Reference"),
        Shown::Compared(Look::SideBySide) => Some(compared_name(case)),
        _ => None,
    };
    let below = name.left_bottom() + vec2(0.0, 4.0);
    match side {
        // Beside the name there is no room for it in half a view.
        Some(side) => {
            let text = format!("{side}  {slice}");
            shaded_text(&painter, below, Align2::LEFT_TOP, &text, small.clone(), tokens.overlay_text);
        }
        None => {
            let beside = pos2(name.right() + 8.0, name.bottom() - 1.5);
            shaded_text(&painter, beside, Align2::LEFT_BOTTOM, &slice, small.clone(), tokens.overlay_weak);
        }
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
    let is_only = view.case.only_plane().is_some();
    if !is_only && overlay_button(ui, corner, icon, &text).clicked() {
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
