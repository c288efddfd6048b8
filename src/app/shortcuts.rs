//! Pressed keys become commands; shortcuts become text.

use eframe::egui::{Context, Event, Key, KeyboardShortcut, ModifierNames, Modifiers};

use super::action::{Action, Actions};
use super::state::State;
use super::tools::PointerKind;

/// Turns the keys pressed since the last frame into commands. Keys that a focused control needs are left to it.
pub fn collect(ctx: &Context, state: &State, actions: &mut Actions) {
    if state.dialog.is_some() {
        return;
    }
    gesture_keys(ctx, state, actions);
    let is_typing = ctx.egui_wants_keyboard_input();
    let is_focused = is_typing || ctx.memory(|memory| memory.focused().is_some());
    let command_of = |event: &Event| {
        let Event::Key { key, modifiers, pressed: true, .. } = event else { return None };
        let is_theirs = (is_focused && is_plain(*modifiers)) || (is_typing && edits_text(*key));
        if is_theirs { None } else { state.settings.keymap.command(*key, *modifiers) }
    };
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let command = command_of(event);
            command.into_iter().for_each(|command| actions.command(command));
            command.is_none()
        });
    });
}

/// Keys that a gesture going on takes before any command.
fn gesture_keys(ctx: &Context, state: &State, actions: &mut Actions) {
    if !state.is_gesture_open() || ctx.egui_wants_keyboard_input() {
        return;
    }
    for (key, kind) in
        [(Key::Escape, PointerKind::Cancel), (Key::Enter, PointerKind::Confirm), (Key::Backspace, PointerKind::Back)]
    {
        if ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
            actions.push(Action::GestureKey(kind));
        }
    }
}

/// A shortcut as people write it.
pub fn text(ctx: &Context, shortcut: &KeyboardShortcut) -> String {
    let names = ModifierNames::NAMES;
    let modifiers = names.format(&shortcut.modifiers, ctx.os().is_mac());
    let key = match shortcut.logical_key {
        Key::ArrowUp => "↑",
        Key::ArrowDown => "↓",
        Key::ArrowLeft => "←",
        Key::ArrowRight => "→",
        Key::PageUp => "Page up",
        Key::PageDown => "Page down",
        Key::Escape => "Esc",
        Key::Minus => "-",
        key => key.symbol_or_name(),
    };
    if modifiers.is_empty() { key.to_owned() } else { format!("{modifiers}{}{key}", names.concat) }
}

fn is_plain(modifiers: Modifiers) -> bool {
    !modifiers.command && !modifiers.ctrl && !modifiers.alt
}

/// Keys that a text field understands together with Ctrl.
fn edits_text(key: Key) -> bool {
    matches!(key, Key::A | Key::Z | Key::Y | Key::ArrowLeft | Key::ArrowRight | Key::Backspace | Key::Delete)
}
