//! Headings, rows of a name and a value, notes, and colour marks.

use eframe::egui::collapsing_header::CollapsingState;
use eframe::egui::{
    Align, Align2, Color32, FontId, Label, Layout, Rect, Response, RichText, Role, Sense, Shape, Stroke, StrokeKind,
    Ui, Vec2, WidgetInfo, emath::Rot2, vec2,
};

use super::icon::{Icon, paint};
use crate::app::theme::{caption, contrast, size, space, strong_family, tokens, type_size};

/// A part of a side panel under a heading; a click on the heading folds it away.
pub fn section(ui: &mut Ui, heading: &str, add_contents: impl FnOnce(&mut Ui)) {
    ui.add_space(space::TIGHT);
    let id = ui.make_persistent_id(("section", heading));
    let mut folding = CollapsingState::load_with_default_open(ui.ctx(), id, true);
    if heading_ui(ui, heading, folding.openness(ui.ctx())).clicked() {
        folding.toggle(ui);
    }
    let is_open = folding.is_open();
    folding.show_body_unindented(ui, |ui| {
        ui.add_space(space::TIGHT);
        add_contents(ui);
    });
    ui.add_space(if is_open { space::LARGE } else { space::TIGHT });
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens(ui).border));
    ui.add_space(space::MEDIUM);
}

/// The heading of a part that is open or not, as a button; what a click does is the caller's.
pub fn fold_heading(ui: &mut Ui, name: &str, is_open: bool) -> Response {
    heading_ui(ui, name, if is_open { 1.0 } else { 0.0 })
}

/// A heading with the mark that says whether its section is open.
fn heading_ui(ui: &mut Ui, heading: &str, openness: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::DisclosureTriangle, true, heading));
    let color = if response.hovered() { tokens(ui).accent } else { tokens(ui).text };
    let text = FontId::new(type_size::HEADING, strong_family());
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, heading, text, color);
    // Points down while open and to the left while folded.
    let middle = rect.right_center() - vec2(8.0, 0.0);
    let turn = Rot2::from_angle(std::f32::consts::FRAC_PI_2 * (1.0 - openness));
    let mark = [vec2(-3.5, -2.0), vec2(0.0, 2.0), vec2(3.5, -2.0)].map(|corner| middle + turn * corner);
    ui.painter().add(Shape::line(mark.to_vec(), Stroke::new(1.3, tokens(ui).text_weak)));
    response
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
