//! The slider at the edge of a slice view: first slice at the bottom, last at the top.

use eframe::egui::{Color32, Key, Rect, Sense, Ui, WidgetInfo, lerp, pos2, remap_clamp, vec2};

use crate::app::theme::tokens;

/// Draws the slider into `rect`. `flip`: index 0 is at the top. Returns the slice that was asked for.
pub fn slice_slider(ui: &mut Ui, rect: Rect, name: &str, index: usize, n_slices: usize, flip: bool) -> Option<usize> {
    if n_slices < 2 {
        return None;
    }
    let tokens = tokens(ui);
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::slider(true, index as f64, name));
    let last = (n_slices - 1) as f32;
    let up = |index: usize| if flip { last - index as f32 } else { index as f32 };

    let (top, bottom) = (rect.top() + 8.0, rect.bottom() - 8.0);
    let y = lerp(bottom..=top, up(index) / last);
    let is_hot = response.hovered() || response.dragged() || response.has_focus();
    let (width, alpha) = if is_hot { (3.0, 70) } else { (2.0, 36) };
    let rail =
        Rect::from_min_max(pos2(rect.center().x - width / 2.0, top), pos2(rect.center().x + width / 2.0, bottom));
    ui.painter().rect_filled(rail, width / 2.0, Color32::from_white_alpha(alpha));
    let thumb = Rect::from_center_size(pos2(rect.center().x, y), vec2(if is_hot { 8.0 } else { 6.0 }, 22.0));
    let color = if is_hot { tokens.accent } else { tokens.overlay_weak };
    ui.painter().rect_filled(thumb, 3.0, color);

    let dragged = response.interact_pointer_pos().map(|pointer| {
        let up = remap_clamp(pointer.y, bottom..=top, 0.0..=last).round();
        (if flip { last - up } else { up }) as usize
    });
    let stepped = response.has_focus().then(|| stepped(ui, index, n_slices)).flatten();
    response.on_hover_text(name);
    dragged.or(stepped).filter(|asked| *asked != index)
}

/// Left and right move by one while the slider has the focus; up and down belong to the views.
fn stepped(ui: &Ui, index: usize, n_slices: usize) -> Option<usize> {
    ui.input(|input| match (input.key_pressed(Key::ArrowLeft), input.key_pressed(Key::ArrowRight)) {
        (true, false) => Some(index.saturating_sub(1)),
        (false, true) => Some((index + 1).min(n_slices - 1)),
        _ => None,
    })
}
