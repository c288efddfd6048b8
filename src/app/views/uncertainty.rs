//! Samples over a slice: a map with its legend, and the contours of what their votes agree on.

use eframe::egui::{
    Align2, Color32, FontId, Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, epaint::PathShape, pos2, vec2,
};

use super::contour::{Outline, lay_on_slice, outlines_in};
use super::geometry::Placement;
use super::overlay::{INSET, shaded_text};
use super::pointer::View;
use super::texture::{Cut, SliceCache};
use crate::app::case::Case;
use crate::app::inferno::inferno;
use crate::app::lab::Room;
use crate::app::lab::uncertainty::maps::{Look, Picture, SHARES};
use crate::app::state::{Layout, State};
use crate::app::theme::{Tokens, caption, contrast, label_color, map_color, tokens, type_size};
use crate::domain::patch::Patch;
use crate::domain::{LabelTable, Plane};

/// The colour bar's size, in points.
const BAR: (f32, f32) = (150.0, 9.0);
/// Steps that its colours are drawn in.
const N_STEPS: usize = 64;
/// Dash and gap of each of [`SHARES`]'s contours; none: a whole line.
const DASHES: [Option<(f32, f32)>; 3] = [Some((2.0, 3.0)), None, Some((7.0, 3.0))];
/// Width of a contour, in points.
const WIDTH: f32 = 1.1;
/// How far inside its voxels each is drawn: side by side where they run along the same edges, the smallest share outermost.
const INSETS: [f32; 3] = [-2.0, 0.0, 2.0];
/// Contours of one label have ids of this distance from those of the next.
const N_LEVELS: u16 = SHARES.len() as u16;

/// The picture, where the room shows it.
fn picture<'a>(state: &State, case: &'a Case) -> Option<&'a Picture> {
    case.lab.uncertainty.picture.as_deref().filter(|_| state.room == Room::Uncertainty)
}

/// Draws the map and the contours.
pub fn uncertainty_ui(painter: &Painter, view: &View<'_>, cut: Cut, cache: &mut SliceCache) {
    let Some(picture) = picture(view.state, view.case) else { return };
    let look = view.state.settings.uncertainty;
    let (key, threshold) = (picture.key, look.threshold());
    let of = (view.case.id, key.samples, key.map, key.class);
    if picture.values.is_some() {
        let key = (of, threshold.to_bits(), look.opacity.to_bits());
        let map = cache.map(painter.ctx(), cut, key, |patch| {
            picture.patch_rgba((&cut.axes, cut.index), patch, (threshold, look.opacity), inferno)
        });
        map.paint(painter, &view.placement);
    }
    if look.contours {
        let contours = cache.map_contours(painter.ctx(), cut, of, |patch| contours(picture, cut, patch));
        contours_ui(painter, &view.placement, contours, &picture.samples.table);
    }
}

/// The contours of a part of a slice. Their ids say of which label and of which share.
fn contours(picture: &Picture, cut: Cut, patch: &Patch) -> Vec<Outline> {
    let mut found = Vec::new();
    let [width, height] = patch.size();
    for (class, levels) in picture.patch_levels(&cut.axes, cut.index, patch) {
        for level in 0..N_LEVELS {
            let id = (u16::from(class) - 1) * N_LEVELS + level + 1;
            let reached: Vec<u16> = levels.iter().map(|&n| if n > level { id } else { 0 }).collect();
            found.extend(outlines_in(&reached, width, height, |_| true));
        }
    }
    lay_on_slice(&mut found, patch);
    found
}

fn contours_ui(painter: &Painter, placement: &Placement, contours: &[Outline], table: &LabelTable) {
    let level = |contour: &Outline| usize::from((contour.id - 1) % N_LEVELS);
    let lines: Vec<_> = contours.iter().map(|contour| contour.on_screen(placement, INSETS[level(contour)])).collect();
    for points in &lines {
        painter.add(PathShape::line(points.clone(), Stroke::new(WIDTH + 1.2, contrast::UNDER_LINE)));
    }
    for (contour, points) in contours.iter().zip(&lines) {
        let class = (contour.id - 1) / N_LEVELS + 1;
        let own = table.get(class).map_or_else(|| LabelTable::palette(usize::from(class) - 1), |label| label.color);
        line_ui(painter, points, level(contour), label_color(own));
    }
}

fn line_ui(painter: &Painter, points: &[Pos2], level: usize, color: Color32) {
    let stroke = Stroke::new(WIDTH, color);
    match DASHES[level] {
        Some((dash, gap)) => painter.extend(Shape::dashed_line(points, stroke, dash, gap)),
        None => {
            painter.add(PathShape::line(points.to_vec(), stroke));
        }
    }
}

/// Says beside the views which line is which.
pub fn contour_key_ui(ui: &mut Ui) {
    ui.horizontal(|ui| {
        for (level, share) in SHARES.iter().enumerate() {
            let (rect, _) = ui.allocate_exact_size(vec2(26.0, 16.0), Sense::hover());
            line_ui(ui.painter(), &[rect.left_center(), rect.right_center()], level, tokens(ui).text);
            ui.label(caption(ui, format!("≥ {:.0} %", share * 100.0)));
        }
    });
}

/// Draws what the colours mean into one of the views: the axial one, or the only slice view shown.
pub fn map_legend_ui(painter: &Painter, tokens: &Tokens, view: &View<'_>) {
    let state = view.state;
    let is_here = view.plane == Plane::Axial || state.layout == Layout::Slice(view.plane);
    let Some(picture) = picture(state, view.case).filter(|_| is_here) else { return };
    let small = FontId::proportional(type_size::SMALL);
    let text = |at: Pos2, anchor: Align2, text: &str| {
        shaded_text(painter, at, anchor, text, small.clone(), tokens.overlay_text)
    };
    let look = &state.settings.uncertainty;
    let corner = view.placement.view().min + vec2(INSET, INSET + 24.0);
    let title = text(corner, Align2::LEFT_TOP, &legend_title(picture));
    let bar = Rect::from_min_size(title.left_bottom() + vec2(0.0, 4.0), vec2(BAR.0, BAR.1));
    if picture.values.is_some() {
        bar_ui(painter, bar, picture.high, look);
        for (value, anchor) in [(0.0, Align2::LEFT_TOP), (0.5, Align2::CENTER_TOP), (1.0, Align2::RIGHT_TOP)] {
            let at = pos2(bar.left() + value * bar.width(), bar.bottom() + 2.0);
            text(at, anchor, &tick(value * picture.high));
        }
    }
}

fn legend_title(picture: &Picture) -> String {
    let n = picture.samples.masks.len();
    let of =
        picture.key.class.map_or_else(|| "all labels".to_owned(), |class| picture.samples.table.name(class.into()));
    let noun = if n == 1 { "sample" } else { "samples" };
    format!("{}, {of}, {n} {noun}", picture.key.map.title())
}

/// A number on the colour bar, with no more digits than it has.
fn tick(value: f32) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The colour bar; what is not drawn is dark on it.
fn bar_ui(painter: &Painter, bar: Rect, high: f32, look: &Look) {
    painter.rect_filled(bar.expand(1.0), 0.0, contrast::UNDER_LINE);
    let width = bar.width() / N_STEPS as f32;
    for step in 0..N_STEPS {
        let part = (step as f32 + 0.5) / N_STEPS as f32;
        if part * high > look.threshold() {
            let left = bar.left() + step as f32 * width;
            let piece = Rect::from_min_size(pos2(left, bar.top()), vec2(width + 0.5, bar.height()));
            painter.rect_filled(piece.intersect(bar), 0.0, map_color(part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tick;

    #[test]
    fn ticks_have_no_digits_too_many() {
        assert_eq!([0.0, 0.025, 0.5, 1.0].map(tick), ["0", "0.025", "0.5", "1"]);
    }
}
