//! One row of the label table: where it is moved by, what is shown, colour, name, lock, volume, and what else can be done.

use eframe::egui::{
    Align, Button, CursorIcon, Id, Key, Label as Text, Layout, Popup, PopupCloseBehavior, Rect, Role, Sense, Slider,
    TextEdit, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::list::ROW_HEIGHT;
use super::volume_ui;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::command::{Why, can_delete, can_go_to};
use crate::app::label_table::TableEdit;
use crate::app::state::State;
use crate::app::theme::{caption, label_color, size, tokens};
use crate::app::widgets::{Icon, small_icon};
use crate::domain::Label;

/// Where a row stands.
#[derive(Clone, Copy)]
pub struct Place {
    /// Its number among the rows shown.
    pub at: usize,
    /// The top of the first row, on the screen.
    pub top: f32,
    /// Rows can be moved: all are shown.
    pub can_move: bool,
    /// How many are shown.
    pub n_rows: usize,
}

/// Where row `at` is drawn in a list that begins at `top`.
pub fn rect(ui: &Ui, top: f32, at: usize) -> Rect {
    let corner = pos2(ui.max_rect().left(), top + ROW_HEIGHT * at as f32);
    Rect::from_min_size(corner, vec2(ui.max_rect().width(), ROW_HEIGHT - 2.0))
}

/// Draws a row.
pub fn row_ui(ui: &mut Ui, (state, case): (&State, &Case), label: &Label, place: Place, actions: &mut Actions) {
    let rect = rect(ui, place.top, place.at);
    let is_active = case.active_label().is_some_and(|active| active.id == label.id);
    background_ui(ui, rect, label, is_active, actions);
    let mut changed = label.clone();
    let content = rect.shrink2(vec2(1.0, 0.0));
    let layout = Layout::left_to_right(Align::Center);
    let mut ui = ui.new_child(UiBuilder::new().max_rect(content).layout(layout).id_salt(("label row", label.id)));
    let ui = &mut ui;
    ui.spacing_mut().item_spacing.x = 2.0;
    handle_ui(ui, label, place, actions);
    visibility_ui(ui, case, &mut changed, actions);
    look_ui(ui, &mut changed);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        menu_ui(ui, (state, case), label, place, actions);
        lock_ui(ui, &mut changed);
        volume_ui(ui, case, case.count(label.id));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| name_ui(ui, &mut changed, is_active));
    });
    if changed != *label {
        actions.push(Action::SetLabel(changed));
    }
}

/// The whole row can be clicked: it is painted with from then on. A second click goes to it.
fn background_ui(ui: &mut Ui, rect: Rect, label: &Label, is_active: bool, actions: &mut Actions) {
    let tokens = tokens(ui);
    let response = ui.interact(rect, ui.scope_id().with(("label", label.id)), Sense::click());
    let name = format!("Paint with {}", label.name);
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_active, &name));
    let radius = f32::from(size::RADIUS);
    if is_active {
        ui.painter().rect_filled(rect, radius, tokens.accent_subtle);
        let bar = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        ui.painter().rect_filled(bar, radius, tokens.accent);
    } else if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, radius, tokens.raised);
    }
    if response.clicked() && !is_active {
        actions.push(Action::ActivateLabel(label.id));
    }
    if response.double_clicked() {
        actions.push(Action::EditTable(TableEdit::GoTo(label.id)));
    }
}

/// Dragged, or moved with the arrow keys while it has the focus.
fn handle_ui(ui: &mut Ui, label: &Label, place: Place, actions: &mut Actions) {
    let (rect, _) = ui.allocate_exact_size(vec2(12.0, size::ROW), Sense::hover());
    let response = ui.interact(rect, Id::unique(("label handle", label.id)), Sense::click_and_drag());
    let name = format!("Move {}", label.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, place.can_move, &name));
    let is_hot = response.hovered() || response.dragged() || response.has_focus();
    let color = if is_hot { tokens(ui).text } else { tokens(ui).text_disabled };
    crate::app::widgets::paint_icon(ui.painter(), rect, 13.0, Icon::Handle, color);
    if !place.can_move {
        response.on_hover_text("Labels can be moved while all are listed");
        return;
    }
    let mut move_to = |row| actions.push(Action::EditTable(TableEdit::Move { id: label.id, row }));
    if response.dragged() {
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        let row = |y: f32| ((y - place.top) / ROW_HEIGHT).floor().clamp(0.0, place.n_rows as f32 - 1.0) as usize;
        if let Some(row) = response.interact_pointer_pos().map(|at| row(at.y)).filter(|row| *row != place.at) {
            move_to(row);
        }
    } else if response.has_focus() {
        let (up, down) = ui.input(|input| (input.key_pressed(Key::ArrowUp), input.key_pressed(Key::ArrowDown)));
        match (up, down) {
            (true, false) if place.at > 0 => move_to(place.at - 1),
            (false, true) => move_to(place.at + 1),
            _ => {}
        }
    }
    response.on_hover_cursor(CursorIcon::Grab).on_hover_text("Drag to another row");
}

fn visibility_ui(ui: &mut Ui, case: &Case, label: &mut Label, actions: &mut Actions) {
    let is_isolated = case.isolation.as_ref().is_some_and(|isolation| isolation.id == label.id);
    let (icon, verb) = if label.visible { (Icon::Eye, "Hide") } else { (Icon::EyeOff, "Show") };
    let color = if label.visible { tokens(ui).text_weak } else { tokens(ui).text_disabled };
    let color = if is_isolated { tokens(ui).accent } else { color };
    let response = small_icon(ui, icon, &format!("{verb} {}", label.name), color);
    let response = response.on_hover_text("Alt + click: show only this label, or all again");
    if response.clicked() {
        match ui.input(|input| input.modifiers.alt) {
            true => actions.push(Action::EditTable(TableEdit::Isolate(label.id))),
            false => label.visible = !label.visible,
        }
    }
}

/// The colour mark; a click opens colour and opacity.
fn look_ui(ui: &mut Ui, label: &mut Label) {
    let color = label_color(label.color);
    let button = Button::new("").fill(color).min_size(vec2(16.0, 16.0)).corner_radius(4);
    let response = ui.add(button).accessible_name(format!("Look of {}", label.name));
    let response = response.on_hover_text("Colour and opacity");
    Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_width(220.0);
        ui.horizontal(|ui| {
            ui.label(caption(ui, "Colour"));
            ui.color_edit_button_srgb(&mut label.color).accessible_name(format!("Colour of {}", label.name));
        });
        ui.horizontal(|ui| {
            ui.label(caption(ui, "Opacity"));
            let mut percent = label.opacity * 100.0;
            let slider = Slider::new(&mut percent, 0.0..=100.0).integer().suffix(" %");
            if ui.add(slider).accessible_name(format!("Opacity of {}", label.name)).changed() {
                label.opacity = percent / 100.0;
            }
        });
    });
}

fn lock_ui(ui: &mut Ui, label: &mut Label) {
    let (icon, verb, color) = match label.locked {
        true => (Icon::Lock, "Unlock", tokens(ui).warning),
        false => (Icon::Unlock, "Lock", tokens(ui).text_disabled),
    };
    let response = small_icon(ui, icon, &format!("{verb} {}", label.name), color);
    if response.on_hover_text("A locked label is changed by no tool and no model").clicked() {
        label.locked = !label.locked;
    }
}

/// The name; of the active label, a field to change it.
fn name_ui(ui: &mut Ui, label: &mut Label, is_active: bool) {
    let color = if label.visible { tokens(ui).text } else { tokens(ui).text_disabled };
    if is_active {
        let field = TextEdit::singleline(&mut label.name).id_salt(("label name", label.id));
        let field = field.desired_width(ui.available_width() - 2.0).text_color(color).margin(vec2(4.0, 3.0));
        ui.add(field).accessible_name(format!("Name of label {}", label.id));
    } else {
        ui.add_space(5.0);
        let text = eframe::egui::RichText::new(&label.name).color(color);
        ui.add(Text::new(text).truncate().selectable(false));
    }
}

fn menu_ui(ui: &mut Ui, (state, case): (&State, &Case), label: &Label, place: Place, actions: &mut Actions) {
    let color = tokens(ui).text_weak;
    let response = small_icon(ui, Icon::More, &format!("More for {}", label.name), color);
    Popup::menu(&response).show(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let id = label.id;
        let row_of = |up: bool| case.row_of(id).map_or(0, |row| row.saturating_add_signed(if up { -1 } else { 1 }));
        let is_alone = case.isolation.as_ref().is_some_and(|isolation| isolation.id == id);
        let is_last = case.row_of(id) == case.table.labels.len().checked_sub(1);
        let only = |holds: bool, why| if holds { Ok(()) } else { Err(Why(why)) };
        let listed = only(place.can_move, "Labels can be moved while all are listed");
        let up = listed.and(only(case.row_of(id) != Some(0), "It is in the first row"));
        let down = listed.and(only(!is_last, "It is in the last row"));
        let items = [
            ("Go to its middle", can_go_to(state, id), TableEdit::GoTo(id)),
            (if is_alone { "Show all again" } else { "Show only this" }, Ok(()), TableEdit::Isolate(id)),
            ("Move up", up, TableEdit::Move { id, row: row_of(true) }),
            ("Move down", down, TableEdit::Move { id, row: row_of(false) }),
            ("Delete…", can_delete(state, id), TableEdit::Delete(id)),
        ];
        for (text, enabled, edit) in items {
            let item = Button::new(text).frame(false).min_size(vec2(150.0, size::ROW));
            let response = ui.add_enabled(enabled.is_ok(), item);
            if response.clicked() {
                actions.push(Action::EditTable(edit));
                ui.close();
            }
            if let Err(Why(reason)) = enabled {
                response.on_disabled_hover_text(reason);
            }
        }
    });
}
