//! Runs of several numbers of steps side by side, and a state of one run over the usual views.

use eframe::egui::{
    Align2, FontId, Painter, PointerButton, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::Screen;
use super::geometry::{Placement, edge_middles};
use super::overlay::{crosshair_ui, letters_ui, preview_outlines_ui, shaded_text, strong};
use super::pointer::View;
use super::slice::plane_through;
use super::texture::{Cut, Layer, SliceCache, key};
use crate::app::action::{Action, Actions};
use crate::app::case::{Case, plane_name};
use crate::app::lab::steps::{Comparison, StepsAction};
use crate::app::lab::steps_chart::seconds;
use crate::app::lab::{LabAction, Room};
use crate::app::state::State;
use crate::app::theme::size::VIEW_GAP;
use crate::app::theme::{tokens, type_size};
use crate::domain::{LabelMap, LabelTable};

/// Opacity of the areas of a mask that is no part of the labels.
const OPACITY: f32 = 0.28;
/// Distance of captions from a tile's edge.
const INSET: f32 = 8.0;
/// A tile narrower than this has no room for letters.
const LETTERS_FROM: f32 = 170.0;

/// The runs that the middle of the window shows; a preview is looked at in the usual views.
pub fn shown_runs<'a>(state: &State, case: &'a Case) -> Option<&'a Comparison> {
    let is_free = state.room == Room::Steps && case.preview.is_none();
    case.lab.steps.shown_comparison().filter(|comparison| is_free && !comparison.runs.is_empty())
}

/// Draws every run in one plane: the same slice, crosshair and zoom in each.
pub fn runs_ui(
    ui: &mut Ui,
    rect: Rect,
    comparison: &Comparison,
    (state, case): (&State, &Case),
    screen: &mut Screen,
    actions: &mut Actions,
) {
    // Equal numbers of steps side by side.
    let mut order: Vec<usize> = (0..comparison.runs.len()).collect();
    order.sort_by_key(|&at| (comparison.runs[at].steps, comparison.runs[at].sampler as usize));
    let n_samplers = 1 + usize::from(comparison.runs.iter().any(|run| run.sampler != comparison.runs[0].sampler));
    for (at, rect) in order.into_iter().zip(tiles(rect, comparison.runs.len(), n_samplers)) {
        tile_ui(ui, rect, (comparison, at), (state, case), screen, actions);
    }
}

/// Places for `n` tiles, in rows, as large as they can be; `group` of them stay in one row.
fn tiles(rect: Rect, n: usize, group: usize) -> Vec<Rect> {
    let side = |columns: usize| (rect.width() / columns as f32).min(rect.height() / n.div_ceil(columns) as f32);
    let columns = (1..=n.div_ceil(group)).map(|groups| groups * group);
    let columns = columns.max_by(|a, b| side(*a).total_cmp(&side(*b))).unwrap_or(1);
    let size = vec2(rect.width() / columns as f32, rect.height() / n.div_ceil(columns) as f32);
    let place = |at: usize| {
        let corner = rect.min + vec2((at % columns) as f32, (at / columns) as f32) * size;
        Rect::from_min_size(corner, size).shrink(VIEW_GAP / 2.0)
    };
    (0..n).map(place).collect()
}

fn tile_ui(
    ui: &mut Ui,
    rect: Rect,
    (comparison, at): (&Comparison, usize),
    (state, case): (&State, &Case),
    screen: &mut Screen,
    actions: &mut Actions,
) {
    let run = &comparison.runs[at];
    let plane = case.lab.steps.plane;
    let axes = case.axes(plane, state.settings.convention);
    let placement = Placement::new(rect, case.grid(), &axes, case.camera(plane));
    let cut = Cut::new(ui.ctx(), (plane, axes), case.crosshair[axes.through], &placement);
    let view = View { plane, axes, placement, state, case, is_reference: false };
    let response = ui.interact(rect, ui.scope_id().with(("run", at)), Sense::click_and_drag());
    let can_use = case.can_use_runs();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, can_use.is_ok(), format!("Use {}", run.name())));

    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, tokens(ui).canvas);
    screen.slices.image(ui.ctx(), case, cut, state.settings.interpolation).paint(&painter, &view.placement);
    let mask = Mask { layer: Layer::Run(at), serial: comparison.serial, labels: &run.labels, table: &comparison.table };
    mask_ui(&painter, &view, cut, &mask, &mut screen.slices);
    if state.settings.crosshair_visible {
        let at = view.placement.screen_from_pixel(axes.pixel(case.grid().shape(), case.crosshair));
        let trace = |axis: usize| tokens(ui).plane(plane_through(case, axis)).gamma_multiply(0.6);
        crosshair_ui(&painter, rect, at, trace(axes.right), trace(axes.down));
    }
    tile_captions_ui(ui, &view, cut, (comparison, at), &response);
    view.point(&response, actions);
    view.turn_wheel(ui, &response, &mut screen.wheel, actions);
    if !response.dragged_by(PointerButton::Primary) && !state.tool.takes_events() {
        view.drag(ui, &response, actions);
    }
    if response.clicked() && can_use.is_ok() {
        actions.push(Action::Lab(LabAction::Steps(StepsAction::Use(at))));
    }
    let hint = match can_use {
        Ok(()) => format!("Click: show {} as a preview, to accept or to discard", run.name()),
        Err(why) => why.to_owned(),
    };
    response.on_hover_text(hint);
}

/// What run it is, how it compares, and what it cost.
fn tile_captions_ui(ui: &Ui, view: &View<'_>, cut: Cut, (comparison, at): (&Comparison, usize), response: &Response) {
    let (tokens, rect, run) = (tokens(ui), view.placement.view(), &comparison.runs[at]);
    let painter = ui.painter_at(rect);
    let has_room = rect.width() >= LETTERS_FROM && rect.height() >= LETTERS_FROM;
    // A picture has no sides; which side of a patient is which is never left out.
    match view.case.grid().edge_letters(cut.plane, view.state.settings.convention) {
        Some(letters) if has_room => letters_ui(&painter, tokens, rect, letters),
        letters => {
            for (letter, at) in letters.into_iter().flatten().zip(edge_middles(rect, INSET + 2.0)).take(2) {
                let font = strong(type_size::SMALL);
                shaded_text(&painter, at, Align2::CENTER_CENTER, &letter.to_string(), font, tokens.overlay_text);
            }
        }
    }
    let small = FontId::proportional(type_size::SMALL);
    let corner = rect.min + vec2(INSET, INSET - 2.0);
    let color = if run.sampler as usize == 0 { tokens.overlay_text } else { tokens.measurement };
    let name = shaded_text(&painter, corner, Align2::LEFT_TOP, &run.name(), strong(type_size::BODY), color);
    let score = match comparison.score_of(run) {
        Some((value, _)) if comparison.has_reference() => format!("Dice {value:.3}"),
        Some((value, _)) => format!("Agreement {value:.3}"),
        None if run.scores.is_none() => "Comparing…".to_owned(),
        None if comparison.has_reference() => "Dice undefined".to_owned(),
        None => "Agreement to come".to_owned(),
    };
    let below = name.left_bottom() + vec2(0.0, 2.0);
    shaded_text(&painter, below, Align2::LEFT_TOP, &score, small.clone(), tokens.overlay_text);
    let time = seconds(run.timing.total_s());
    let bottom = pos2(rect.right() - INSET, rect.bottom() - INSET + 2.0);
    shaded_text(&painter, bottom, Align2::RIGHT_BOTTOM, &time, small.clone(), tokens.overlay_weak);
    if at == 0 {
        let n_slices = view.case.grid().shape()[cut.axes.through];
        let slice = format!("{} {} / {n_slices}", plane_name(cut.plane), cut.index + 1);
        let left = pos2(rect.left() + INSET, bottom.y);
        shaded_text(&painter, left, Align2::LEFT_BOTTOM, &slice, small, tokens.plane(cut.plane));
    }
    if response.hovered() || response.has_focus() {
        painter.rect_stroke(rect, 0.0, Stroke::new(2.0, tokens.accent), StrokeKind::Inside);
    }
}

/// A mask that is no part of the labels.
pub struct Mask<'a> {
    /// Where its pictures are kept.
    pub layer: Layer,
    /// Changes with the mask.
    pub serial: u64,
    /// The mask.
    pub labels: &'a LabelMap,
    /// What its ids mean.
    pub table: &'a LabelTable,
}

/// Paints a mask over a slice as previews are painted.
pub fn mask_ui(painter: &Painter, view: &View<'_>, cut: Cut, mask: &Mask<'_>, cache: &mut SliceCache) {
    let &Mask { layer, serial, labels, table } = mask;
    let key = key(cut, |hasher| std::hash::Hash::hash(&(view.case.id, serial), hasher));
    let slot = (cut.plane, layer);
    let areas = cache.picture(painter.ctx(), layer, cut, key, |patch| {
        labels.patch_rgba(table, (&cut.axes, cut.index), patch, OPACITY)
    });
    areas.paint(painter, &view.placement);
    let outlines = cache.outlines_of(painter.ctx(), slot, key, labels, table, cut);
    preview_outlines_ui(painter, &view.placement, outlines, table);
}

/// Paints the state of the run that is followed, and says what it is.
pub fn state_ui(painter: &Painter, view: &View<'_>, cut: Cut, cache: &mut SliceCache) {
    let (case, walk) = (view.case, &view.case.lab.steps.walk);
    let is_here = view.state.room == Room::Steps && case.preview.is_none();
    let Some(state) = case.lab.steps.shown_state().filter(|_| is_here) else { return };
    let mask = Mask { layer: Layer::Walk, serial: walk.serial, labels: &state.labels, table: &state.table };
    mask_ui(painter, view, cut, &mask, cache);
    let n_states = walk.walked.as_ref().map_or(0, |walked| walked.times.len());
    let text = format!("One run's path: state {} of {n_states}, t = {:.0}", state.step + 1, state.time);
    note_ui(painter, view, &text);
}

/// Says under a view's name what lies over it.
pub fn note_ui(painter: &Painter, view: &View<'_>, text: &str) {
    let tokens = if painter.ctx().global_style().visuals.dark_mode {
        &crate::app::theme::DARK
    } else {
        &crate::app::theme::LIGHT
    };
    let at = view.placement.view().left_top() + vec2(super::overlay::INSET, super::overlay::INSET + 18.0);
    shaded_text(painter, at, Align2::LEFT_TOP, text, strong(type_size::SMALL), tokens.measurement);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_lie_beside_each_other_and_pairs_in_one_row() {
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(800.0, 500.0));
        for (n, group) in [(1, 1), (2, 2), (8, 1), (9, 1), (18, 2)] {
            let tiles = tiles(rect, n, group);
            assert_eq!(tiles.len(), n);
            for (i, a) in tiles.iter().enumerate() {
                assert!(rect.contains_rect(*a), "{n}");
                assert!(tiles[i + 1..].iter().all(|b| !a.intersects(*b)), "{n}");
            }
            assert!(tiles.chunks(group).all(|pair| pair.iter().all(|tile| tile.top() == pair[0].top())), "{n}");
        }
    }
}
