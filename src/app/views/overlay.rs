//! What is drawn over a slice: outlines, crosshair, orientation letters, scale bar, captions.

use eframe::egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, epaint::PathShape, pos2, vec2};

use super::contour::Outline;
use super::geometry::{Placement, edge_middles, scale_bar};
use crate::app::theme::{Tokens, contrast, label_color, strong_family, type_size};
use crate::domain::LabelTable;

/// Width of a label's outline, in points.
const OUTLINE_WIDTH: f32 = 1.6;
/// Length of a dash and of the gap after it in a preview's outline.
const DASH: (f32, f32) = (5.0, 3.5);
/// Half of the gap in the crosshair's lines, where the voxel that they meet in is left free.
const CROSSHAIR_GAP: f32 = 9.0;
/// Distance of captions from the view's edge.
pub const INSET: f32 = 12.0;

/// Draws the outlines of labels as lines.
pub fn outlines_ui(painter: &Painter, placement: &Placement, outlines: &[Outline], table: &LabelTable) {
    for outline in outlines {
        let Some(stroke) = outline_stroke(outline, table) else { continue };
        let points = outline.on_screen(placement, OUTLINE_WIDTH / 2.0);
        painter.add(PathShape::line(points, stroke));
    }
}

/// Draws the outlines of a preview, dashed over a dark line, so that they are told from labels at a glance.
pub fn preview_outlines_ui(painter: &Painter, placement: &Placement, outlines: &[Outline], table: &LabelTable) {
    let mut shapes = Vec::new();
    for outline in outlines {
        let Some(stroke) = outline_stroke(outline, table) else { continue };
        let points = outline.on_screen(placement, OUTLINE_WIDTH / 2.0);
        let under = Stroke::new(OUTLINE_WIDTH + 1.2, contrast::UNDER_LINE);
        shapes.push(PathShape::line(points.clone(), under).into());
        Shape::dashed_line_many(&points, Stroke::new(OUTLINE_WIDTH + 0.2, stroke.color), DASH.0, DASH.1, &mut shapes);
    }
    painter.extend(shapes);
}

fn outline_stroke(outline: &Outline, table: &LabelTable) -> Option<Stroke> {
    let color = match table.get(outline.id) {
        Some(label) if label.visible => label_color(label.color).gamma_multiply(label.opacity),
        Some(_) => return None,
        None => label_color(LabelTable::palette(usize::from(outline.id) - 1)),
    };
    Some(Stroke::new(OUTLINE_WIDTH, color))
}

/// Draws the crosshair: each line in the colour of the plane that it stands for.
pub fn crosshair_ui(painter: &Painter, view: Rect, at: Pos2, vertical: Color32, horizontal: Color32) {
    let (vertical, horizontal) = [vertical, horizontal].map(|color| Stroke::new(1.0, color.gamma_multiply(0.8))).into();
    painter.vline(at.x, view.top()..=(at.y - CROSSHAIR_GAP).max(view.top()), vertical);
    painter.vline(at.x, (at.y + CROSSHAIR_GAP).min(view.bottom())..=view.bottom(), vertical);
    painter.hline(view.left()..=(at.x - CROSSHAIR_GAP).max(view.left()), at.y, horizontal);
    painter.hline((at.x + CROSSHAIR_GAP).min(view.right())..=view.right(), at.y, horizontal);
}

/// Draws which way is left, right, front, back, up and down: letters in the order left, right, top, bottom.
pub fn letters_ui(painter: &Painter, tokens: &Tokens, view: Rect, letters: [char; 4]) {
    for (letter, at) in letters.into_iter().zip(edge_middles(view, INSET + 2.0)) {
        painter.circle_filled(at, 10.0, tokens.overlay_shade);
        shaded_text(painter, at, Align2::CENTER_CENTER, &letter.to_string(), strong(14.0), tokens.overlay_text);
    }
}

/// Draws a bar of a round length, with the length in `unit`: millimetres, or pixels where those are the world's.
pub fn scale_bar_ui(painter: &Painter, tokens: &Tokens, view: Rect, points_per_mm: f32, unit: &str) {
    let (length_mm, length) = scale_bar(points_per_mm, (view.width() * 0.25).clamp(30.0, 110.0));
    let (left, y) = (view.left() + INSET, view.bottom() - INSET);
    for (width, color) in [(4.0, tokens.overlay_shade), (1.5, tokens.overlay_text)] {
        let stroke = Stroke::new(width, color);
        painter.hline(left..=left + length, y, stroke);
        painter.vline(left, y - 4.0..=y + 0.75, stroke);
        painter.vline(left + length, y - 4.0..=y + 0.75, stroke);
    }
    let (length, unit) = match unit {
        "mm" if length_mm < 0.1 => (length_mm * 1000.0, "µm"),
        _ => (length_mm, unit),
    };
    let text = if length >= 1.0 { format!("{length:.0} {unit}") } else { format!("{length} {unit}") };
    let at = pos2(left, y - 6.0);
    shaded_text(painter, at, Align2::LEFT_BOTTOM, &text, FontId::proportional(type_size::SMALL), tokens.overlay_text);
}

/// Text over an image, with a shade around it that keeps it readable on white.
pub fn shaded_text(painter: &Painter, at: Pos2, anchor: Align2, text: &str, font: FontId, color: Color32) -> Rect {
    let galley = painter.layout_no_wrap(text.to_owned(), font, color);
    let rect = anchor.anchor_size(at, galley.size());
    let shade = contrast::AROUND_TEXT;
    for offset in [vec2(-1.0, 0.0), vec2(1.0, 0.0), vec2(0.0, -1.0), vec2(0.0, 1.0)] {
        painter.galley_with_override_text_color(rect.min + offset, galley.clone(), shade);
    }
    painter.galley(rect.min, galley, color);
    rect
}

/// The heading weight at a size.
pub fn strong(size: f32) -> FontId {
    FontId::new(size, strong_family())
}
