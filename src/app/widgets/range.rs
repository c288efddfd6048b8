//! A histogram with two handles that choose a range of it.

use eframe::egui::{Key, Rect, Response, Sense, Shape, Stroke, Ui, WidgetInfo, lerp, pos2, remap, remap_clamp, vec2};

use crate::app::theme::{size, tokens};
use crate::domain::volume::Histogram;

/// Height of the bars, in points.
const HEIGHT: f32 = 56.0;
/// How wide a handle can be caught.
const HANDLE_REACH: f32 = 10.0;

/// Draws a histogram of `name` and the range on it; returns the range as the person drags its ends. An end beyond the
/// histogram is drawn at its edge.
pub fn range_histogram(ui: &mut Ui, name: &str, histogram: &Histogram, (low, high): (f64, f64)) -> Option<(f64, f64)> {
    if histogram.counts.is_empty() || histogram.high <= histogram.low {
        return None;
    }
    let tokens = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(eframe::egui::Role::Image, true, format!("Histogram of {name}")));
    let rect = rect.shrink2(vec2(HANDLE_REACH / 2.0, 0.0));
    ui.painter().rect_filled(rect, f32::from(size::RADIUS), tokens.backdrop);
    let x_of = |value: f64| {
        let part = remap_clamp(value, histogram.low..=histogram.high, 0.0..=1.0);
        lerp(rect.x_range(), part as f32)
    };
    let chosen = Rect::from_x_y_ranges(x_of(low)..=x_of(high), rect.y_range());
    ui.painter().rect_filled(chosen, 0.0, tokens.accent.gamma_multiply(0.16));
    bars_ui(ui, rect, histogram, chosen);

    let mut range = (low, high);
    for (is_low, value, end) in [(true, &mut range.0, "Low"), (false, &mut range.1, "High")] {
        let x = x_of(*value);
        let place = Rect::from_center_size(pos2(x, rect.center().y), vec2(HANDLE_REACH, HEIGHT));
        let handle = ui.interact(place, ui.scope_id().with((name, end)), Sense::click_and_drag());
        let text = format!("{end} end of {name}");
        let now = *value;
        handle.widget_info(|| WidgetInfo::slider(true, now, &text));
        let color =
            if handle.hovered() || handle.dragged() || handle.has_focus() { tokens.text } else { tokens.accent };
        ui.painter().vline(x, rect.y_range(), Stroke::new(1.5, color));
        let tip = if is_low { rect.left_top() } else { rect.left_bottom() };
        ui.painter().circle_filled(pos2(x, tip.y), 4.0, color);
        *value = moved(ui, &handle, *value, |x| remap_clamp(x, rect.x_range(), 0.0..=1.0), histogram);
        handle.on_hover_cursor(eframe::egui::CursorIcon::ResizeHorizontal).on_hover_text(text);
    }
    // The ends never cross.
    let range = if range.0 != low { (range.0.min(high), high) } else { (low, range.1.max(low)) };
    (range != (low, high)).then_some(range)
}

/// Where a handle is after this frame: dragged, or moved by the arrow keys by a hundredth of the histogram.
fn moved(ui: &Ui, handle: &Response, value: f64, part: impl Fn(f32) -> f32, histogram: &Histogram) -> f64 {
    let range = histogram.low..=histogram.high;
    if let Some(pointer) = handle.interact_pointer_pos().filter(|_| handle.dragged()) {
        return lerp(range, f64::from(part(pointer.x)));
    }
    if !handle.has_focus() {
        return value;
    }
    let step = (histogram.high - histogram.low) / 100.0;
    ui.input(|input| match (input.key_pressed(Key::ArrowLeft), input.key_pressed(Key::ArrowRight)) {
        (true, false) => value - step,
        (false, true) => value + step,
        _ => value,
    })
}

/// The bars, brighter where they are chosen. The square root keeps small structures visible beside the background's peak.
fn bars_ui(ui: &Ui, rect: Rect, histogram: &Histogram, chosen: Rect) {
    let tokens = tokens(ui);
    let n_bins = histogram.counts.len() as f32;
    let root = |count: u64| (count as f32).sqrt();
    let highest = histogram.counts.iter().map(|count| root(*count)).fold(1.0, f32::max);
    let shapes = histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(i, count)| {
        let x = |i: f32| lerp(rect.x_range(), i / n_bins);
        let top = remap(root(*count), 0.0..=highest, rect.bottom()..=rect.top() + 3.0);
        let bar = Rect::from_min_max(pos2(x(i as f32), top), pos2(x(i as f32 + 1.0), rect.bottom()));
        let is_chosen = chosen.x_range().contains(bar.center().x);
        Shape::rect_filled(bar, 0.0, if is_chosen { tokens.accent } else { tokens.histogram })
    });
    ui.painter().extend(shapes);
}
