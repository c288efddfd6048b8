//! What a click would do, seen before it: the region that would grow or be filled, and what a brush for similar voxels
//! would take. Shown where it is found within a frame.

use std::hash::{DefaultHasher, Hash, Hasher};

use eframe::egui::{Response, Shape, Stroke, Ui, epaint::PathShape};

use super::contour::{Outline, outlines_in};
use super::pointer::View;
use super::texture::SliceCache;
use crate::app::command::can_change_labels;
use crate::app::drawing::QUICK_PIXELS;
use crate::app::painting::painted_id;
use crate::app::rules::canvas;
use crate::app::theme::{contrast, tokens};
use crate::app::tools::Tool;
use crate::domain::Edit;
use crate::domain::grow::{GrowSettings, region_grow};
use crate::monitor::Silent;

/// A region larger than this is not shown before it is asked for.
const MOST_VOXELS: usize = 60_000;
/// Nor is what a brush wider than this would take, in voxels.
const WIDEST_BRUSH: f64 = 40.0;

/// Draws the outline of what a click at the pointer would change in this slice.
pub fn ghost_ui(ui: &Ui, view: &View<'_>, response: &Response, cache: &mut SliceCache) {
    let is_meant = !view.state.is_gesture_open() && can_change_labels(view.state).is_ok();
    let under = response.hover_pos().filter(|_| is_meant).and_then(|at| view.placement.pixel_from_screen(at));
    let Some(voxel) = under.map(|pixel| view.voxel(pixel)) else { return };
    if view.case.grid().n_voxels() / view.case.grid().shape()[view.axes.through] > QUICK_PIXELS {
        return;
    }
    let settings = (view.state.tool, view.state.settings.tools, view.state.settings.brush, view.case.limits);
    let mut hasher = DefaultHasher::new();
    (view.case.id, view.case.history.revision(), view.case.frame, voxel, view.case.active_label).hash(&mut hasher);
    format!("{settings:?} {:?}", view.axes).hash(&mut hasher);
    let outlines = cache.ghost_outlines(view.plane, hasher.finish(), || {
        change(view, voxel).map_or_else(Vec::new, |edit| outlines(view, &edit))
    });
    let painter = ui.painter_at(view.placement.view());
    for outline in outlines {
        let points = outline.on_screen(&view.placement, 0.0);
        painter.add(PathShape::line(points.clone(), Stroke::new(2.6, contrast::UNDER_LINE)));
        painter.extend(Shape::dashed_line(&points, Stroke::new(1.2, tokens(ui).overlay_text), 3.0, 3.0));
    }
}

/// What a click would change in the slice.
fn change(view: &View<'_>, voxel: [usize; 3]) -> Option<Edit> {
    let (case, canvas, through) = (view.case, canvas(view.case), view.axes.through);
    let (options, look) = (view.state.settings.tools, view.state.settings.brush);
    let id = painted_id(case, false);
    let volume = &case.opened.volume;
    match view.state.tool {
        Tool::Grow => {
            let settings = GrowSettings {
                tolerance: case.limits.tolerance,
                through: Some(through),
                max_voxels: MOST_VOXELS,
                max_radius_mm: Some(options.grow_radius_mm),
            };
            let grown = region_grow(&canvas, volume, case.frame, voxel, &settings, id, &Silent);
            grown.ok().flatten().map(|grown| grown.edit)
        }
        Tool::Brush if look.is_adaptive => {
            let brush = look.brush(through);
            let is_small = brush.radii(case.grid()).into_iter().all(|radius| 2.0 * radius <= WIDEST_BRUSH);
            is_small
                .then(|| brush.draw_similar(&canvas, volume, case.frame, case.limits.tolerance, voxel, id))
                .flatten()
        }
        _ => None,
    }
}

/// The outlines of what changes in the view's slice.
fn outlines(view: &View<'_>, edit: &Edit) -> Vec<Outline> {
    let labels = view.case.history.labels();
    let (width, height, before) = labels.slice_ids(&view.axes, view.index());
    let (_, _, after) = edit.after(labels).slice_ids(&view.axes, view.index());
    let changed: Vec<u16> = before.iter().zip(&after).map(|(a, b)| u16::from(a != b)).collect();
    outlines_in(&changed, width, height, |_| true)
}
