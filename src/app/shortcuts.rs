//! Keys that ask for commands.

use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};

use super::action::Actions;
use super::command::Command;
use super::state::State;

/// While this is held, the left button changes contrast and brightness.
pub const WINDOW_KEY: Key = Key::W;

/// Turns the keys pressed since the last frame into commands. Plain keys go to whatever has the keyboard's focus.
pub fn collect(ctx: &Context, state: &State, actions: &mut Actions) {
    if state.dialog.is_some() {
        return;
    }
    let is_typing = ctx.egui_wants_keyboard_input() || ctx.memory(|memory| memory.focused().is_some());
    let mut shortcuts: Vec<_> = Command::ALL
        .iter()
        .flat_map(|command| command.shortcuts().iter().map(|shortcut| (*command, *shortcut)))
        .filter(|(_, shortcut)| !(is_typing && is_plain(shortcut.modifiers)))
        .collect();
    // Ctrl+Shift+Z must not be taken for Ctrl+Z.
    shortcuts.sort_by_key(|(_, shortcut)| std::cmp::Reverse(n_modifiers(shortcut.modifiers)));
    for (command, shortcut) in shortcuts {
        let n_pressed = ctx.input_mut(|input| input.count_and_consume_key(shortcut.modifiers, shortcut.logical_key));
        for _ in 0..n_pressed {
            actions.command(command);
        }
    }
}

/// A shortcut as people write it.
pub fn text(ctx: &Context, shortcut: &KeyboardShortcut) -> String {
    let key = match shortcut.logical_key {
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::ArrowUp => "↑",
        Key::ArrowDown => "↓",
        Key::ArrowLeft => "←",
        Key::ArrowRight => "→",
        Key::Period => "Ctrl+.",
        Key::Questionmark => "?",
        Key::PageUp => "Page up",
        Key::PageDown => "Page down",
        _ => return ctx.format_shortcut(shortcut),
    };
    key.to_owned()
}

fn is_plain(modifiers: Modifiers) -> bool {
    !modifiers.command && !modifiers.ctrl && !modifiers.alt
}

fn n_modifiers(modifiers: Modifiers) -> usize {
    [modifiers.command || modifiers.ctrl, modifiers.shift, modifiers.alt].into_iter().filter(|held| *held).count()
}
