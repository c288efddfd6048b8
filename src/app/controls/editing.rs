//! Changing keys and mouse, step by step: choose a command's key, press another, and decide where two would clash.

use eframe::egui::KeyboardShortcut;

use super::{Clash, Keymap, Mouse, Preset};
use crate::app::App;
use crate::app::command::Command;
use crate::app::state::Dialog;

/// Where the editor of keys and mouse stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editing {
    /// Only commands in whose name this occurs are listed.
    pub search: String,
    /// What it waits for.
    pub step: Step,
}

/// What the editor waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// A choice of what to change.
    #[default]
    Idle,
    /// The next key that is pressed.
    Press {
        /// What the key is for.
        slot: Slot,
        /// The key pressed before is held for contrast and cannot be had.
        is_refused: bool,
    },
    /// Whether a shortcut is taken from the command that has it.
    Clash {
        /// What the key is for.
        slot: Slot,
        /// The shortcut in question.
        shortcut: KeyboardShortcut,
        /// Whose it is.
        owner: Command,
    },
}

/// The place of one shortcut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What it asks for.
    pub command: Command,
    /// The shortcut that it has now; `None` for a further one.
    pub now: Option<KeyboardShortcut>,
}

/// One change of keys or mouse, or a step towards it.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlEdit {
    /// List only some commands.
    Search(String),
    /// Wait for a key.
    Await(Slot),
    /// This was pressed.
    Press(KeyboardShortcut),
    /// Take the shortcut in question from the command that has it.
    Take,
    /// Leave things as they are.
    Stop,
    /// Take a shortcut from a command.
    Remove(Command, KeyboardShortcut),
    /// Give a command the preset's keys back.
    Reset(Command),
    /// Give every command and the mouse the preset's settings back.
    ResetAll,
    /// Go by another program's habits; keys that the person changed stay changed.
    UsePreset(Preset),
    /// Set the mouse.
    SetMouse(Mouse),
}

impl Editing {
    /// Takes one step, which may change the settings.
    pub fn step(&mut self, edit: ControlEdit, keymap: &mut Keymap, mouse: &mut Mouse) {
        match edit {
            ControlEdit::Search(text) => self.search = text,
            ControlEdit::Await(slot) => self.step = Step::Press { slot, is_refused: false },
            ControlEdit::Press(shortcut) => self.press(shortcut, keymap),
            ControlEdit::Take => {
                if let Step::Clash { slot, shortcut, .. } = std::mem::take(&mut self.step) {
                    keymap.set(slot.command, slot.now, shortcut);
                }
            }
            ControlEdit::Stop => self.step = Step::Idle,
            ControlEdit::Remove(command, shortcut) => keymap.remove(command, shortcut),
            ControlEdit::Reset(command) => keymap.reset(command),
            ControlEdit::ResetAll => (*keymap, *mouse) = (Keymap::of(keymap.preset()), Mouse::preset(keymap.preset())),
            ControlEdit::UsePreset(preset) => {
                keymap.use_preset(preset);
                *mouse = Mouse::preset(preset);
            }
            ControlEdit::SetMouse(chosen) => *mouse = chosen,
        }
    }

    fn press(&mut self, shortcut: KeyboardShortcut, keymap: &mut Keymap) {
        let Step::Press { slot, .. } = self.step else { return };
        self.step = match keymap.clash(slot.command, shortcut) {
            Some(Clash::Held) => Step::Press { slot, is_refused: true },
            Some(Clash::Command(owner)) => Step::Clash { slot, shortcut, owner },
            None => {
                keymap.set(slot.command, slot.now, shortcut);
                Step::Idle
            }
        };
    }
}

impl App {
    /// Takes one step of the editor, and keeps what it changed.
    pub(in crate::app) fn edit_controls(&mut self, edit: ControlEdit) {
        let Some(Dialog::Controls(editing)) = &mut self.state.dialog else { return };
        let settings = &mut self.state.settings;
        let before = (settings.keymap.clone(), settings.mouse);
        editing.step(edit, &mut settings.keymap, &mut settings.mouse);
        if before != (settings.keymap.clone(), settings.mouse) {
            self.remember(|_| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Key, Modifiers};

    use super::*;

    fn key(key: Key) -> KeyboardShortcut {
        KeyboardShortcut::new(Modifiers::NONE, key)
    }

    /// The editor and the keymap after some steps.
    fn after(edits: &[ControlEdit]) -> (Editing, Keymap, Mouse) {
        let (mut editing, mut keymap, mut mouse) = (Editing::default(), Keymap::default(), Mouse::default());
        for edit in edits {
            editing.step(edit.clone(), &mut keymap, &mut mouse);
        }
        (editing, keymap, mouse)
    }

    #[test]
    fn a_free_key_is_set_at_once_in_the_place_of_the_one_chosen() {
        let slot = Slot { command: Command::BrushTool, now: Some(key(Key::Num3)) };
        let (editing, keymap, _) = after(&[ControlEdit::Await(slot), ControlEdit::Press(key(Key::F9))]);
        assert_eq!(editing.step, Step::Idle);
        assert_eq!(keymap.shortcuts(Command::BrushTool), [key(Key::F9), key(Key::B)]);
    }

    #[test]
    fn a_key_that_is_taken_is_given_only_after_a_yes() {
        let slot = Slot { command: Command::BrushTool, now: None };
        let asked = [ControlEdit::Await(slot), ControlEdit::Press(key(Key::E))];
        let (editing, keymap, _) = after(&asked);
        assert_eq!(editing.step, Step::Clash { slot, shortcut: key(Key::E), owner: Command::EraserTool });
        assert!(!keymap.has_changes());
        let (_, keymap, _) = after(&[asked.as_slice(), &[ControlEdit::Stop]].concat());
        assert!(!keymap.has_changes());
        let (_, keymap, _) = after(&[asked.as_slice(), &[ControlEdit::Take]].concat());
        assert_eq!(keymap.shortcuts(Command::BrushTool), [key(Key::Num3), key(Key::B), key(Key::E)]);
        assert_eq!(keymap.shortcuts(Command::EraserTool), [key(Key::Num4)]);
    }

    #[test]
    fn the_held_key_is_refused_and_the_editor_waits_for_another() {
        let slot = Slot { command: Command::BrushTool, now: None };
        let (editing, keymap, _) = after(&[ControlEdit::Await(slot), ControlEdit::Press(key(Key::W))]);
        assert_eq!(editing.step, Step::Press { slot, is_refused: true });
        assert!(!keymap.has_changes());
    }

    #[test]
    fn a_preset_keeps_the_persons_own_keys_until_all_is_reset() {
        let slot = Slot { command: Command::Quit, now: None };
        let own = [ControlEdit::Await(slot), ControlEdit::Press(key(Key::F9))];
        let preset = ControlEdit::UsePreset(Preset::Pacs);
        let (_, keymap, mouse) = after(&[own.as_slice(), std::slice::from_ref(&preset)].concat());
        assert!(keymap.shortcuts(Command::Quit).contains(&key(Key::F9)));
        assert_eq!(mouse, Mouse::preset(Preset::Pacs));
        let (_, keymap, _) = after(&[own.as_slice(), &[preset, ControlEdit::ResetAll]].concat());
        assert_eq!(keymap, Keymap::of(Preset::Pacs));
    }
}
