//! The page before anything is open, and the hint while files are dragged over the window.

use std::path::Path;

use eframe::egui::{
    Align, Align2, Button, Color32, Frame, Id, Label, LayerId, Layout, Margin, Order, Rect, RichText, Sense, Stroke,
    StrokeKind, Ui, UiBuilder, pos2, vec2,
};

use super::super::action::{Action, Actions};
use super::super::command::Command;
use super::super::files::file_name;
use super::super::state::State;
use super::super::theme::{caption, size, space, strong, tokens, type_size};
use super::super::views::overlay::strong as strong_font;
use super::super::widgets::{Icon, command_button, main_button, paint_icon};
use super::about::NOTICE;

/// Width of the page.
const WIDTH: f32 = 620.0;

/// Draws the start page.
pub fn start_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let space_left = ui.available_rect_before_wrap();
    let n_recent = state.settings.recent.len().min(5) as f32;
    let left_behind = if state.recoverable.iter().flatten().next().is_some() { 56.0 } else { 0.0 };
    let height = 400.0 + left_behind + if n_recent > 0.0 { 36.0 + 34.0 * n_recent } else { 0.0 };
    let top = (space_left.center().y - height / 2.0).max(space_left.top() + 16.0);
    let width = WIDTH.min(space_left.width() - 32.0);
    let page = Rect::from_min_size(pos2(space_left.center().x - width / 2.0, top), vec2(width, height));
    ui.scope_builder(UiBuilder::new().max_rect(page), |ui| {
        ui.label(strong("LDSeg", type_size::DISPLAY));
        ui.label(
            RichText::new("Segment medical images with latent diffusion, and see what the model sees.")
                .size(15.0)
                .color(tokens(ui).text_weak),
        );
        ui.add_space(space::SECTION);
        drop_zone_ui(ui, state, actions);
        ui.add_space(space::SECTION);
        left_behind_ui(ui, state, actions);
        recent_ui(ui, &state.settings.recent, actions);
        notice_ui(ui);
    });
}

fn drop_zone_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let tokens = tokens(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 188.0), Sense::hover());
    let radius = f32::from(size::CARD_RADIUS) + 2.0;
    ui.painter().rect_filled(rect, radius, tokens.surface);
    ui.painter().extend(dashed_frame(rect.shrink(0.5), tokens.border));
    let icon = Rect::from_center_size(pos2(rect.center().x, rect.top() + 40.0), vec2(34.0, 34.0));
    paint_icon(ui.painter(), icon, 34.0, Icon::Folder, tokens.accent);
    let center = rect.center().x;
    let text = |y: f32, text: &str, size: f32, color: Color32| {
        let font = if size > type_size::BODY { strong_font(size) } else { eframe::egui::FontId::proportional(size) };
        ui.painter().text(pos2(center, rect.top() + y), Align2::CENTER_CENTER, text, font, color);
    };
    text(76.0, "Drop an image or a folder here", 15.0, tokens.text);
    text(98.0, "NIfTI, DICOM, NRRD or MetaImage; PNG, JPEG, TIFF, BMP or GIF", type_size::SMALL, tokens.text_weak);
    let row = Rect::from_center_size(pos2(center, rect.top() + 144.0), vec2(580.0, 36.0));
    ui.scope_builder(UiBuilder::new().max_rect(row).layout(Layout::left_to_right(Align::Center)), |ui| {
        ui.spacing_mut().item_spacing.x = space::MEDIUM;
        ui.scope(|ui| {
            ui.set_max_width(130.0);
            main_button(ui, state, Command::OpenImage, actions);
        });
        command_button(ui, state, Command::OpenFolder, actions);
        command_button(ui, state, Command::OpenSample, actions);
        command_button(ui, state, Command::OpenHeart, actions);
    });
    // The buttons lie within the zone: what follows comes after the zone.
    ui.advance_cursor_after_rect(rect);
}

fn dashed_frame(rect: Rect, color: Color32) -> Vec<eframe::egui::Shape> {
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    eframe::egui::Shape::dashed_line(&corners, Stroke::new(1.2, color), 6.0, 4.0)
}

/// Says that work can be had back.
fn left_behind_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let text = match state.recoverable.as_ref().map_or(0, Vec::len) {
        0 => return,
        1 => "Work on one image was not saved".to_owned(),
        n => format!("Work on {n} images was not saved"),
    };
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, size::ROW + 2.0), Sense::hover());
        paint_icon(ui.painter(), rect, 14.0, Icon::Warning, tokens(ui).warning);
        ui.label(text);
        command_button(ui, state, Command::ShowRecovery, actions);
    });
    ui.add_space(space::SECTION);
}

fn recent_ui(ui: &mut Ui, recent: &[std::path::PathBuf], actions: &mut Actions) {
    if recent.is_empty() {
        return;
    }
    ui.label(strong("Recent", type_size::HEADING));
    ui.add_space(space::TIGHT);
    for path in recent.iter().take(5) {
        recent_row_ui(ui, path, actions);
    }
    ui.add_space(space::SECTION);
}

fn recent_row_ui(ui: &mut Ui, path: &Path, actions: &mut Actions) {
    let name = file_name(path);
    let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let text = RichText::new(&name).size(type_size::BODY);
    let row = Button::new(text).right_text(caption(ui, shortened(&folder, 52))).frame_when_inactive(false);
    let response = ui.add(row.min_size(vec2(ui.available_width(), size::ROW)));
    if response.on_hover_text(path.display().to_string()).clicked() {
        actions.push(Action::OpenImage(path.to_owned()));
    }
}

/// The end of a path that is too long, since it says most.
fn shortened(text: &str, limit: usize) -> String {
    let n = text.chars().count();
    if n <= limit { text.to_owned() } else { format!("…{}", text.chars().skip(n - limit + 1).collect::<String>()) }
}

fn notice_ui(ui: &mut Ui) {
    let tokens = tokens(ui);
    Frame::new().inner_margin(Margin::symmetric(0, 4)).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
            paint_icon(ui.painter(), rect, 14.0, Icon::Warning, tokens.warning);
            ui.add(Label::new(RichText::new(NOTICE).size(type_size::SMALL).color(tokens.text_weak)).wrap());
        });
    });
}

/// Says what dropping will do while files are held over the window.
pub fn drop_hint_ui(ui: &Ui) {
    let n_files = ui.ctx().input(|input| input.raw.hovered_files.len());
    if n_files == 0 {
        return;
    }
    let tokens = tokens(ui);
    let painter = ui.ctx().layer_painter(LayerId::new(Order::Foreground, Id::unique("drop hint")));
    let rect = ui.ctx().content_rect();
    painter.rect_filled(rect, 0.0, tokens.scrim);
    let frame = rect.shrink(24.0);
    painter.rect_stroke(frame, 10.0, Stroke::new(2.0, tokens.accent), StrokeKind::Inside);
    let text = if n_files == 1 { "Drop to open the image" } else { "Drop to open the image and its labels" };
    painter.text(rect.center(), Align2::CENTER_CENTER, text, strong_font(type_size::DIALOG), Color32::WHITE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_folders_keep_their_end() {
        assert_eq!(shortened("/a/b", 10), "/a/b");
        assert_eq!(shortened("/long/way/to/scans", 7), "…/scans");
    }
}
