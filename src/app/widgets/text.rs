//! Headings, rows of a name and a value, notes, and colour marks.

use eframe::egui::{
    Align, Color32, Label, Layout, Rect, Response, RichText, Sense, Stroke, StrokeKind, Ui, Vec2, vec2,
};

use super::icon::{Icon, paint};
use crate::app::theme::{caption, contrast, size, space, strong, tokens, type_size};

/// A part of a side panel under a heading.
pub fn section(ui: &mut Ui, heading: &str, add_contents: impl FnOnce(&mut Ui)) {
    ui.add_space(space::TIGHT);
    ui.label(strong(heading, type_size::HEADING));
    ui.add_space(space::TIGHT);
    add_contents(ui);
    ui.add_space(space::LARGE);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens(ui).border));
    ui.add_space(space::MEDIUM);
}

/// A name on the left and a value on the right, cut where it is too long and then shown whole on hover.
pub fn caption_row(ui: &mut Ui, name: &str, value: &str) {
    ui.horizontal(|ui| {
        ui.set_height(18.0);
        ui.label(caption(ui, name));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(value).size(type_size::SMALL + 0.5)).truncate());
        });
    });
}

/// A name in a narrow column and a control beside it.
pub fn named_row(ui: &mut Ui, name: &str, control: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.allocate_ui_with_layout(vec2(62.0, size::ROW), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(62.0);
            ui.label(caption(ui, name));
        });
        control(ui);
    });
}

/// A mark with a paragraph beside it.
pub fn note(ui: &mut Ui, icon: Icon, color: Color32, text: &str) {
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::hover());
        paint(ui.painter(), rect, 14.0, icon, color);
        ui.add(Label::new(RichText::new(text).size(type_size::SMALL)).wrap());
    });
}

/// A square of a label's colour.
pub fn swatch(ui: &mut Ui, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(14.0), Sense::hover());
    let square = Rect::from_center_size(rect.center(), Vec2::splat(12.0));
    ui.painter().rect(square, 3.0, color, Stroke::new(1.0, contrast::AROUND_SWATCH), StrokeKind::Inside);
    response
}
