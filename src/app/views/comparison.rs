//! The labels beside a reference: what differs in colours, a divider to swipe with, or both side by side.

use std::hash::Hash;

use eframe::egui::{
    Align2, Color32, Context, CursorIcon, FontId, Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, WidgetInfo,
    epaint::PathShape, pos2, vec2,
};

use super::contour::Outline;
use super::geometry::Placement;
use super::overlay::{INSET, outlines_ui, preview_outlines_ui, shaded_text};
use super::pointer::View;
use super::slice::labels_ui;
use super::texture::{Cut, Layer, SliceCache, key};
use super::tiles::Picture;
use crate::app::action::{Action, Actions};
use crate::app::case::{Case, plane_name};
use crate::app::lab::reference::{Look, ReferenceAction};
use crate::app::lab::{LabAction, Room};
use crate::app::settings::{Overlay, OverlayStyle};
use crate::app::state::{Layout, State};
use crate::app::theme::size::VIEW_GAP;
use crate::app::theme::{contrast, difference, tokens, type_size};
use crate::domain::Plane;
use crate::domain::patch::Patch;
use crate::evaluation::partners::Change;

/// Width of the reference's outline, in points.
const OUTLINE_WIDTH: f32 = 1.2;
/// Length of a dot and of the gap after it.
const DOT: (f32, f32) = (2.0, 3.0);
/// How far from the divider it can be taken hold of.
const REACH: f32 = 6.0;
/// Height of a line of the legend.
const LEGEND_LINE: f32 = 17.0;
/// What the colours mean.
const LEGEND: [(Change, &str); 4] = [
    (Change::Added, "Added"),
    (Change::Removed, "Missing"),
    (Change::Swapped, "Another label"),
    (Change::Kept, "The same"),
];
/// What did not change is drawn this much fainter than the labels.
const KEPT: f32 = 0.4;
/// And what did this much stronger.
const CHANGED: f32 = 1.6;

/// How the reference is shown now; `None` where none is compared with.
pub fn look(state: &State, case: &Case) -> Option<Look> {
    let is_compared = state.room == Room::Reference && case.reference().is_some() && state.labels_visible;
    is_compared.then_some(case.lab.reference.look)
}

/// The two halves of a view that shows both side by side: the reference's and the labels'.
pub fn halves(rect: Rect) -> [Rect; 2] {
    let width = ((rect.width() - VIEW_GAP) / 2.0).floor();
    [rect.with_max_x(rect.left() + width), rect.with_min_x(rect.right() - width)]
}

/// Paints the reference over a slice as labels are painted: its areas and outlines, in the colours of their partners.
pub fn reference_ui(painter: &Painter, view: &View<'_>, cut: Cut, cache: &mut SliceCache) {
    let overlay = view.state.settings.overlay;
    if let Some(areas) = cache.reference(painter.ctx(), view.case, cut, overlay) {
        areas.paint(painter, &view.placement);
    }
    if overlay.style != OverlayStyle::Filled {
        let table = &view.case.lab.reference.matched.table;
        outlines_ui(painter, &view.placement, cache.reference_outlines(painter.ctx(), view.case, cut), table);
    }
}

/// Paints labels and reference over a slice.
pub fn compared_ui(painter: &Painter, view: &View<'_>, cut: Cut, look: Look, cache: &mut SliceCache) {
    let (case, placement) = (view.case, &view.placement);
    match look {
        Look::Difference => {
            let overlay = view.state.settings.overlay;
            cache.difference(painter.ctx(), case, cut, overlay.opacity).paint(painter, placement);
            match &case.preview {
                Some(preview) => {
                    preview_outlines_ui(
                        painter,
                        placement,
                        cache.preview_outlines(painter.ctx(), preview, cut),
                        &preview.table,
                    );
                }
                None => outlines_ui(
                    painter,
                    placement,
                    cache.label_outlines(painter.ctx(), case, cut, overlay),
                    &case.table,
                ),
            }
        }
        Look::Swipe => {
            let x = divider_x(placement.view(), case);
            let clip = painter.clip_rect();
            reference_ui(&painter.with_clip_rect(clip.with_max_x(x)), view, cut, cache);
            labels_ui(&painter.with_clip_rect(clip.with_min_x(x)), view, cut, cache);
        }
        Look::SideBySide | Look::Off => labels_ui(painter, view, cut, cache),
    }
    if has_outline(case) {
        reference_outline_ui(painter, placement, cache.reference_outlines(painter.ctx(), case, cut));
    }
}

/// Whether the reference's outline is drawn over the labels. Where the reference itself is drawn beside them, it is not.
fn has_outline(case: &Case) -> bool {
    let reference = &case.lab.reference;
    reference.outlined && matches!(reference.look, Look::Difference | Look::Off)
}

/// Draws the outline of the reference, dotted, so that it is told from those of labels.
fn reference_outline_ui(painter: &Painter, placement: &Placement, outlines: &[Outline]) {
    let mut shapes = Vec::new();
    for outline in outlines {
        let points = outline.on_screen(placement, 0.0);
        shapes.push(PathShape::line(points.clone(), Stroke::new(OUTLINE_WIDTH + 0.6, contrast::UNDER_LINE)).into());
        dotted(&points, &mut shapes);
    }
    painter.extend(shapes);
}

fn dotted(points: &[Pos2], shapes: &mut Vec<Shape>) {
    Shape::dashed_line_many(points, Stroke::new(OUTLINE_WIDTH, difference::REFERENCE), DOT.0, DOT.1, shapes);
}

/// Marks the voxel that the pointer is over in the other half of the view.
pub fn echo_ui(ui: &Ui, view: &View<'_>) {
    let Some(pointed) = view.state.pointed.filter(|pointed| pointed.plane == view.plane) else { return };
    let at = view.placement.screen_from_pixel(view.axes.pixel(view.case.grid().shape(), pointed.voxel));
    let painter = ui.painter_at(view.placement.view());
    painter.circle_stroke(at, 6.0, Stroke::new(3.0, contrast::UNDER_LINE));
    painter.circle_stroke(at, 6.0, Stroke::new(1.4, tokens(ui).overlay_text));
}

/// Where the divider of a view stands.
fn divider_x(view: Rect, case: &Case) -> f32 {
    view.left() + view.width() * case.lab.reference.divider
}

/// Draws the divider with what lies on either side of it, and lets it be dragged.
pub fn divider_ui(ui: &mut Ui, view: &View<'_>, actions: &mut Actions) {
    let (rect, tokens) = (view.placement.view(), tokens(ui));
    let x = divider_x(rect, view.case);
    let grip = Rect::from_center_size(pos2(x, rect.center().y), vec2(2.0 * REACH, rect.height()));
    let name = format!("{} divider", plane_name(view.plane));
    let response = ui.interact(grip, ui.scope_id().with(&name), Sense::drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(view.case.lab.reference.divider), &name));
    let is_hot = response.hovered() || response.dragged();
    if is_hot {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        let at = (pointer.x - rect.left()) / rect.width().max(1.0);
        actions.push(Action::Lab(LabAction::Reference(ReferenceAction::Divide(at))));
    }
    let painter = ui.painter_at(rect);
    painter.vline(x, rect.y_range(), Stroke::new(3.6, contrast::UNDER_LINE));
    painter.vline(x, rect.y_range(), Stroke::new(1.6, if is_hot { tokens.accent } else { tokens.overlay_text }));
    let knob = Rect::from_center_size(pos2(x, rect.bottom() - 42.0), vec2(22.0, 22.0));
    painter.circle(knob.center(), 10.0, tokens.surface, Stroke::new(1.2, tokens.overlay_text));
    for side in [-1.0, 1.0] {
        let tip = knob.center() + vec2(side * 6.0, 0.0);
        let arrow = [vec2(-side * 3.0, -3.0), vec2(0.0, 0.0), vec2(-side * 3.0, 3.0)].map(|corner| tip + corner);
        painter.add(Shape::line(arrow.to_vec(), Stroke::new(1.3, tokens.text)));
    }
    let font = FontId::proportional(type_size::SMALL);
    let y = rect.top() + INSET + 22.0;
    for (offset, anchor, text) in
        [(-8.0, Align2::RIGHT_TOP, "Reference"), (8.0, Align2::LEFT_TOP, compared_name(view.case))]
    {
        shaded_text(&painter, pos2(x + offset, y), anchor, text, font.clone(), tokens.overlay_text);
    }
}

/// What is compared with the reference.
pub fn compared_name(case: &Case) -> &'static str {
    if case.preview.is_some() { "Preview" } else { "Labels" }
}

/// Draws what the colours mean, in the first slice view.
pub fn legend_ui(ui: &Ui, view: &View<'_>) {
    if view.state.layout == Layout::Grid && view.plane != Plane::Axial {
        return;
    }
    let (tokens, painter) = (tokens(ui), ui.painter_at(view.placement.view()));
    let font = FontId::proportional(type_size::SMALL);
    let line = |at: Pos2, text: &str| {
        shaded_text(&painter, at + vec2(19.0, 0.0), Align2::LEFT_CENTER, text, font.clone(), tokens.overlay_text);
    };
    let mut at = view.placement.view().left_top() + vec2(INSET, INSET + 28.0);
    if view.case.lab.reference.look == Look::Difference {
        for (change, name) in LEGEND {
            let square = Rect::from_center_size(at + vec2(6.0, 0.0), vec2(11.0, 11.0));
            painter.rect_filled(square.expand(1.5), 3.0, contrast::UNDER_LINE);
            painter.rect_filled(square, 2.0, color_of(change));
            line(at, name);
            at.y += LEGEND_LINE;
        }
    }
    if has_outline(view.case) {
        let ends = [at, at + vec2(13.0, 0.0)];
        let mut dots = vec![Shape::line_segment(ends, Stroke::new(3.0, contrast::UNDER_LINE))];
        dotted(&ends, &mut dots);
        painter.extend(dots);
        line(at, "Reference");
    }
}

fn color_of(change: Change) -> Color32 {
    match change {
        Change::Added => difference::ADDED,
        Change::Removed => difference::REMOVED,
        Change::Kept => difference::KEPT,
        Change::Swapped => difference::SWAPPED,
    }
}

impl SliceCache {
    /// The areas of the reference, where areas are drawn.
    fn reference(&mut self, ctx: &Context, case: &Case, cut: Cut, overlay: Overlay) -> Option<Picture> {
        let (labels, _) = case.reference().filter(|_| overlay.style != OverlayStyle::Outline)?;
        let reference = &case.lab.reference;
        let (serials, opacity) = ((reference.serial, reference.matched.table_serial), overlay.opacity);
        let key = key(cut, |hasher| (case.id, serials, opacity.to_bits()).hash(hasher));
        Some(self.picture(ctx, Layer::Reference, cut, key, |patch| {
            labels.patch_rgba(&reference.matched.table, (&cut.axes, cut.index), patch, opacity)
        }))
    }

    /// The outlines of the reference.
    fn reference_outlines(&mut self, ctx: &Context, case: &Case, cut: Cut) -> &[Outline] {
        let Some((labels, _)) = case.reference() else { return &[] };
        let reference = &case.lab.reference;
        let serials = (reference.serial, reference.matched.table_serial);
        let key = key(cut, |hasher| (case.id, serials).hash(hasher));
        self.outlines_of(ctx, (cut.plane, Layer::Reference), key, labels, &reference.matched.table, cut)
    }

    /// What differs from the reference in a slice, in colours.
    fn difference(&mut self, ctx: &Context, case: &Case, cut: Cut, opacity: f32) -> Picture {
        let key = key(cut, |hasher| (case.id, case.comparison_key(), opacity.to_bits()).hash(hasher));
        self.picture(ctx, Layer::Difference, cut, key, |patch| difference_rgba(case, cut, patch, opacity))
    }
}

/// The colours of what differs in a part of a slice: rows of RGBA (not premultiplied).
fn difference_rgba(case: &Case, cut: Cut, patch: &Patch, opacity: f32) -> Vec<u8> {
    let (labels, _, _) = case.compared();
    let is = labels.patch_ids(&cut.axes, cut.index, patch);
    let was = match case.reference() {
        Some((reference, _)) => reference.patch_ids(&cut.axes, cut.index, patch),
        None => vec![0; is.len()],
    };
    let (only, partners) = (case.comparison_key().only, &case.lab.reference.matched.partners);
    let mut rgba = Vec::with_capacity(is.len() * 4);
    for (was, is) in was.into_iter().zip(is) {
        let pixel = match partners.change(was, is, only) {
            Some(change) => {
                let [r, g, b, _] = color_of(change).to_array();
                let strength = if change == Change::Kept { KEPT } else { CHANGED };
                [r, g, b, (255.0 * (opacity * strength).min(1.0)).round() as u8]
            }
            None => [0; 4],
        };
        rgba.extend(pixel);
    }
    rgba
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::case::tests::sample_case;
    use crate::domain::{Convention, History};

    #[test]
    fn halves_are_of_one_size_and_leave_a_gap() {
        for width in [400.0, 401.0, 402.5] {
            let [left, right] = halves(Rect::from_min_size(pos2(10.0, 5.0), vec2(width, 300.0)));
            assert_eq!(left.size(), right.size());
            assert!(right.left() - left.right() >= VIEW_GAP);
        }
    }

    #[test]
    fn a_slice_has_the_colour_of_each_change() {
        let mut case = sample_case();
        let truth = Arc::clone(&case.opened.reference.as_ref().expect("the sample's truth").0);
        let axes = case.axes(Plane::Axial, Convention::Radiological);
        let view = Rect::from_min_size(Pos2::ZERO, vec2(100.0, 100.0));
        let placement = Placement::new(view, case.grid(), &axes, case.camera(Plane::Axial));
        let cut = Cut::new(&Context::default(), (Plane::Axial, axes), case.crosshair[axes.through], &placement);
        let count = |case: &Case, change: Change| {
            let [r, g, b, _] = color_of(change).to_array();
            let rgba = difference_rgba(case, cut, &cut.seen.patch(), 0.4);
            rgba.chunks_exact(4).filter(|pixel| pixel[..3] == [r, g, b] && pixel[3] > 0).count()
        };
        let n_labelled = truth.slice_ids(&axes, cut.index).2.iter().filter(|id| **id != 0).count();
        case.lab.reference.matched.partners =
            Arc::new(crate::evaluation::partners::Partners::of(&case.table, &case.table));
        assert_eq!((count(&case, Change::Removed), count(&case, Change::Kept)), (n_labelled, 0));
        case.history = History::new((*truth).clone());
        assert_eq!((count(&case, Change::Removed), count(&case, Change::Kept)), (0, n_labelled));
    }
}
