//! Buttons, most of them made from a [`Command`]: text, tooltip, key and the reason why it cannot be used now.

use eframe::egui::{
    Align2, Button, Color32, CornerRadius, FontId, Rect, Response, Role, Sense, Stroke, TextStyle, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::icon::{Icon, paint};
use crate::app::action::Actions;
use crate::app::command::{Command, Why};
use crate::app::shortcuts;
use crate::app::state::State;
use crate::app::theme::{Tokens, contrast, size, space, strong_family, tokens, type_size};

/// How a button stands out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// The one thing to do here.
    Main,
    Plain,
    /// Without a frame until the pointer is over it.
    Quiet,
}

/// What is drawn on a button.
struct Face<'a> {
    icon: Option<Icon>,
    text: &'a str,
    weight: Weight,
    is_chosen: bool,
}

/// The main button of a panel or dialog, for a command, as wide as the space.
pub fn main_button(ui: &mut Ui, state: &State, command: Command, actions: &mut Actions) -> Response {
    let size = vec2(ui.available_width(), size::ROW + 8.0);
    let face = Face { icon: command.icon(), text: command.text(), weight: Weight::Main, is_chosen: false };
    for_command(ui, state, command, actions, |ui| face_ui(ui, size, &face))
}

/// A button for a command, as wide as its text.
pub fn command_button(ui: &mut Ui, state: &State, command: Command, actions: &mut Actions) -> Response {
    let face = Face { icon: command.icon(), text: command.text(), weight: Weight::Plain, is_chosen: false };
    let size = natural_size(ui, &face);
    for_command(ui, state, command, actions, |ui| face_ui(ui, size, &face))
}

/// A square button for a command; drawn as chosen where the command names what is in force.
pub fn command_icon(ui: &mut Ui, state: &State, command: Command, actions: &mut Actions) -> Response {
    let is_chosen = command.is_chosen(state);
    let face = Face { icon: command.icon(), text: command.text(), weight: Weight::Quiet, is_chosen };
    for_command(ui, state, command, actions, |ui| face_ui(ui, Vec2::splat(size::ICON_BUTTON), &face))
}

/// A line in a menu.
pub fn command_item(ui: &mut Ui, state: &State, command: Command, actions: &mut Actions) {
    let keys = shortcut_text(ui, state, command).unwrap_or_default();
    let item = Button::new(command.text()).shortcut_text(keys).frame(false).min_size(vec2(210.0, size::ROW));
    let response = for_command(ui, state, command, actions, |ui| ui.add(item));
    if response.clicked() {
        ui.close();
    }
}

/// A square button that is only an icon, with its name as tooltip.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let face = Face { icon: Some(icon), text: name, weight: Weight::Quiet, is_chosen: false };
    face_ui(ui, Vec2::splat(size::ROW), &face).on_hover_text(name)
}

/// A narrow button that is only an icon, with its name as tooltip; drawn in `color` until the pointer is over it.
pub fn small_icon(ui: &mut Ui, icon: Icon, name: &str, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(20.0, size::ROW), Sense::click());
    let is_enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, is_enabled, name));
    let is_hot = response.hovered() || response.has_focus();
    paint(ui.painter(), rect, 15.0, icon, if is_hot { tokens(ui).text } else { color });
    response.on_hover_text(name)
}

/// A small icon laid over an image.
pub fn overlay_button(ui: &mut Ui, rect: Rect, icon: Icon, name: &str) -> Response {
    let tokens = tokens(ui);
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let color = if response.hovered() || response.has_focus() { tokens.overlay_text } else { tokens.overlay_weak };
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, f32::from(size::RADIUS), contrast::BEHIND_ICON);
    }
    paint(ui.painter(), rect, 14.0, icon, color);
    response.on_hover_text(name)
}

/// A row of choices of which one is in force. Returns the one that was clicked.
pub fn segmented<T: Copy + PartialEq>(ui: &mut Ui, name: &str, now: T, choices: &[(T, &str, &str)]) -> Option<T> {
    let tokens = tokens(ui);
    let mut clicked = None;
    let font = FontId::proportional(type_size::SMALL + 0.5);
    // Four have to fit a side panel.
    let padding = if choices.len() < 4 { 20.0 } else { 17.0 };
    let width = |text: &str| ui.painter().layout_no_wrap(text.to_owned(), font.clone(), tokens.text).size().x + padding;
    let widths: Vec<f32> = choices.iter().map(|(_, text, _)| width(text)).collect();
    let (rect, _) = ui.allocate_exact_size(vec2(widths.iter().sum::<f32>() + 4.0, size::ROW), Sense::hover());
    let radius = CornerRadius::same(size::RADIUS);
    ui.painter().rect(rect, radius, tokens.raised, Stroke::new(1.0, tokens.border), eframe::egui::StrokeKind::Inside);
    let mut left = rect.left() + 2.0;
    for ((value, text, tooltip), width) in choices.iter().zip(widths) {
        let part = Rect::from_min_size(pos2(left, rect.top() + 2.0), vec2(width, rect.height() - 4.0));
        left += width;
        let response = ui.interact(part, ui.scope_id().with((name, text)), Sense::click());
        let is_chosen = *value == now;
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("{name}: {text}")));
        let (fill, color) = match (is_chosen, response.hovered() || response.has_focus()) {
            (true, _) => (tokens.accent_subtle, tokens.accent),
            (false, true) => (tokens.hovered, tokens.text),
            (false, false) => (Color32::TRANSPARENT, tokens.text_weak),
        };
        ui.painter().rect_filled(part, f32::from(size::RADIUS) - 1.0, fill);
        ui.painter().text(part.center(), Align2::CENTER_CENTER, text, font.clone(), color);
        if response.clicked() && !is_chosen {
            clicked = Some(*value);
        }
        response.on_hover_text(*tooltip);
    }
    clicked
}

/// Draws a control for a command: disabled with the reason where it cannot be used.
fn for_command(
    ui: &mut Ui,
    state: &State,
    command: Command,
    actions: &mut Actions,
    draw: impl FnOnce(&mut Ui) -> Response,
) -> Response {
    let enabled = command.enabled(state);
    let response = ui.add_enabled_ui(enabled.is_ok(), draw).inner;
    if response.clicked() {
        actions.command(command);
    }
    let about = command.tooltip_in(state);
    let tooltip = match shortcut_text(ui, state, command) {
        Some(keys) => format!("{about}  ({keys})"),
        None => about.to_owned(),
    };
    match enabled {
        Ok(()) => response.on_hover_text(tooltip),
        Err(Why(reason)) => response.on_disabled_hover_text(format!("{about}\n{reason}")),
    }
}

fn shortcut_text(ui: &Ui, state: &State, command: Command) -> Option<String> {
    state.settings.keymap.shortcuts(command).first().map(|shortcut| shortcuts::text(ui.ctx(), shortcut))
}

fn natural_size(ui: &Ui, face: &Face<'_>) -> Vec2 {
    let font = TextStyle::Button.resolve(ui.style());
    let text = ui.painter().layout_no_wrap(face.text.to_owned(), font, Color32::PLACEHOLDER).size().x;
    let icon = if face.icon.is_some() { 16.0 + space::SMALL } else { 0.0 };
    vec2(text + icon + 2.0 * 12.0, size::ROW + 2.0)
}

fn face_ui(ui: &mut Ui, size: Vec2, face: &Face<'_>) -> Response {
    let tokens = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let is_enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Button, is_enabled, face.is_chosen, face.text));
    let (fill, border, color) = colors(tokens, face, &response);
    let radius = CornerRadius::same(size::RADIUS);
    let kind = eframe::egui::StrokeKind::Inside;
    ui.painter().rect(rect, radius, fill, Stroke::new(1.0, border), kind);
    if response.has_focus() {
        ui.painter().rect_stroke(
            rect.expand(1.5),
            radius,
            Stroke::new(1.5, tokens.accent),
            eframe::egui::StrokeKind::Outside,
        );
    }
    if face.weight == Weight::Quiet {
        if let Some(icon) = face.icon {
            paint(ui.painter(), rect, 17.0, icon, color);
        }
        return response;
    }
    let font = match face.weight {
        Weight::Main => FontId::new(type_size::BODY, strong_family()),
        _ => TextStyle::Button.resolve(ui.style()),
    };
    let galley = ui.painter().layout_no_wrap(face.text.to_owned(), font, color);
    let icon_width = if face.icon.is_some() { 16.0 + space::SMALL } else { 0.0 };
    let left = rect.center().x - (galley.size().x + icon_width) / 2.0;
    if let Some(icon) = face.icon {
        let square = Rect::from_center_size(pos2(left + 8.0, rect.center().y), Vec2::splat(16.0));
        paint(ui.painter(), square, 15.0, icon, color);
    }
    ui.painter().galley(pos2(left + icon_width, rect.center().y - galley.size().y / 2.0), galley, color);
    response
}

/// Fill, border and text of a button.
fn colors(tokens: &Tokens, face: &Face<'_>, response: &Response) -> (Color32, Color32, Color32) {
    let is_hot = response.hovered() || response.has_focus();
    let is_down = response.is_pointer_button_down_on();
    match face.weight {
        Weight::Main if is_down => (tokens.accent_fill, tokens.accent_fill, tokens.on_accent),
        Weight::Main if is_hot => (tokens.accent_hovered, tokens.accent_hovered, tokens.on_accent),
        Weight::Main => (tokens.accent_fill, tokens.accent_fill, tokens.on_accent),
        Weight::Plain if is_down => (tokens.pressed, tokens.border, tokens.text),
        Weight::Plain if is_hot => (tokens.hovered, tokens.border, tokens.text),
        Weight::Plain => (tokens.raised, tokens.border, tokens.text),
        Weight::Quiet if face.is_chosen => (tokens.accent_subtle, tokens.accent_subtle, tokens.accent),
        Weight::Quiet if is_hot => (tokens.hovered, tokens.hovered, tokens.text),
        Weight::Quiet => (Color32::TRANSPARENT, Color32::TRANSPARENT, tokens.text_weak),
    }
}
