//! Which keys ask for which command: a preset, and what the person changed of it.

use std::collections::{BTreeMap, HashMap};

use eframe::egui::{Key, KeyboardShortcut, Modifiers};
use serde::{Deserialize, Serialize};

use super::{Preset, presets};
use crate::app::command::Command;

/// While this is held, the left button changes contrast and brightness.
pub const WINDOW_KEY: Key = Key::W;

/// Keys and commands, both ways. No shortcut asks for two commands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "InFile", into = "InFile")]
pub struct Keymap {
    preset: Preset,
    /// Commands whose keys are not the preset's.
    changed: BTreeMap<Command, Vec<KeyboardShortcut>>,
    /// Commands of another version of the program, kept for it.
    unknown: BTreeMap<String, Vec<String>>,
    keys: HashMap<Command, Vec<KeyboardShortcut>>,
    commands: HashMap<KeyboardShortcut, Command>,
}

/// Why a shortcut cannot be given to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// It asks for this command already.
    Command(Command),
    /// The key is held to change contrast.
    Held,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::of(Preset::Default)
    }
}

impl Keymap {
    /// A preset as it is.
    pub fn of(preset: Preset) -> Self {
        Self::new(preset, BTreeMap::new(), BTreeMap::new())
    }

    fn new(
        preset: Preset,
        changed: BTreeMap<Command, Vec<KeyboardShortcut>>,
        unknown: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let mut map = Self { preset, changed, unknown, keys: HashMap::new(), commands: HashMap::new() };
        map.fill();
        map
    }

    /// Gives every command its keys. What the person chose comes first, then what the preset sets, then the default.
    fn fill(&mut self) {
        (self.keys, self.commands) = (HashMap::new(), HashMap::new());
        let changed: Vec<_> = self.changed.iter().map(|(command, keys)| (*command, keys.clone())).collect();
        for (command, keys) in &changed {
            self.give(*command, keys);
        }
        let own = |command: &Command| presets::own_keys(self.preset, *command).map(|keys| (*command, keys));
        for (command, keys) in Command::ALL.iter().filter_map(own).collect::<Vec<_>>() {
            self.give(command, keys);
        }
        for command in Command::ALL {
            self.give(*command, presets::default_keys(*command));
        }
    }

    /// Gives those of `keys` that are free to a command that has been given none yet.
    fn give(&mut self, command: Command, keys: &[KeyboardShortcut]) {
        if self.keys.contains_key(&command) {
            return;
        }
        let is_free = |keys: &&KeyboardShortcut| !self.commands.contains_key(keys) && !is_held(keys);
        let given: Vec<_> = keys.iter().filter(is_free).copied().collect();
        self.commands.extend(given.iter().map(|shortcut| (*shortcut, command)));
        self.keys.insert(command, given);
    }

    /// Puts another preset under the changes.
    pub fn use_preset(&mut self, preset: Preset) {
        self.preset = preset;
        self.fill();
    }

    /// The preset under the changes.
    pub fn preset(&self) -> Preset {
        self.preset
    }

    /// Keys that ask for a command; the first is the one shown.
    pub fn shortcuts(&self, command: Command) -> &[KeyboardShortcut] {
        self.keys.get(&command).map_or(&[], Vec::as_slice)
    }

    /// The command that a pressed key asks for.
    pub fn command(&self, key: Key, modifiers: Modifiers) -> Option<Command> {
        let shortcut = shortcut(key, modifiers);
        let exact = self.commands.get(&shortcut);
        // On some keyboards a symbol such as "?" needs Shift, on others it does not.
        let bare = KeyboardShortcut::new(Modifiers { shift: false, ..shortcut.modifiers }, key);
        exact.or_else(|| self.commands.get(&bare).filter(|_| is_symbol(key))).copied()
    }

    /// Whether the person changed a command's keys.
    pub fn is_changed(&self, command: Command) -> bool {
        self.changed.contains_key(&command)
    }

    /// Whether the person changed any.
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What stands against giving a shortcut to a command.
    pub fn clash(&self, command: Command, shortcut: KeyboardShortcut) -> Option<Clash> {
        match self.commands.get(&shortcut) {
            _ if is_held(&shortcut) => Some(Clash::Held),
            Some(owner) if *owner != command => Some(Clash::Command(*owner)),
            _ => None,
        }
    }

    /// Gives a command a shortcut in the place of `now`, or as a further one, and takes it from the command that had
    /// it. Does nothing with a held key.
    pub fn set(&mut self, command: Command, now: Option<KeyboardShortcut>, shortcut: KeyboardShortcut) {
        let mut keys = self.shortcuts(command).to_vec();
        if is_held(&shortcut) || keys.contains(&shortcut) {
            return;
        }
        match keys.iter_mut().find(|known| Some(**known) == now) {
            Some(known) => *known = shortcut,
            None => keys.push(shortcut),
        }
        if let Some(owner) = self.commands.get(&shortcut).copied() {
            self.remove(owner, shortcut);
        }
        self.change(command, keys);
    }

    /// Takes a shortcut from a command.
    pub fn remove(&mut self, command: Command, shortcut: KeyboardShortcut) {
        let keys = self.shortcuts(command).iter().filter(|known| **known != shortcut).copied().collect();
        self.change(command, keys);
    }

    /// Gives a command the preset's keys back, as far as no other command was given them since.
    pub fn reset(&mut self, command: Command) {
        self.changed.remove(&command);
        self.fill();
    }

    fn change(&mut self, command: Command, keys: Vec<KeyboardShortcut>) {
        self.changed.insert(command, keys);
        self.fill();
        // Back at the preset's keys, nothing is changed.
        let mut without = self.clone();
        without.reset(command);
        if without.shortcuts(command) == self.shortcuts(command) {
            *self = without;
        }
    }
}

/// A key with modifiers written the one way in which they are compared.
pub fn shortcut(key: Key, modifiers: Modifiers) -> KeyboardShortcut {
    let is_ctrl_alone = modifiers.ctrl && !modifiers.command;
    KeyboardShortcut::new(Modifiers { ctrl: is_ctrl_alone, mac_cmd: false, ..modifiers }, key)
}

fn is_held(shortcut: &KeyboardShortcut) -> bool {
    shortcut.modifiers == Modifiers::NONE && shortcut.logical_key == WINDOW_KEY
}

fn is_symbol(key: Key) -> bool {
    !key.symbol_or_name().contains(|letter: char| letter.is_alphanumeric()) && !is_named(key)
}

/// Keys that egui writes as a symbol although they bear a name.
fn is_named(key: Key) -> bool {
    use Key::{ArrowDown, ArrowLeft, ArrowRight, ArrowUp};
    matches!(key, ArrowDown | ArrowLeft | ArrowRight | ArrowUp)
}

/// How a keymap stands in the settings file: commands by name, keys as text.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct InFile {
    preset: Preset,
    changed: BTreeMap<String, Vec<String>>,
}

impl From<InFile> for Keymap {
    fn from(file: InFile) -> Self {
        let (mut changed, mut unknown) = (BTreeMap::new(), BTreeMap::new());
        for (name, keys) in file.changed {
            match serde_json::from_value::<Command>(serde_json::Value::String(name.clone())) {
                // Keys of another version are left out; the command keeps those that are known.
                Ok(command) => {
                    changed.insert(command, keys.iter().filter_map(|keys| from_text(keys)).collect());
                }
                Err(_) => {
                    unknown.insert(name, keys);
                }
            }
        }
        Self::new(file.preset, changed, unknown)
    }
}

impl From<Keymap> for InFile {
    fn from(map: Keymap) -> Self {
        let mut changed = map.unknown;
        for (command, keys) in map.changed {
            if let Ok(serde_json::Value::String(name)) = serde_json::to_value(command) {
                changed.insert(name, keys.iter().map(to_text).collect());
            }
        }
        Self { preset: map.preset, changed }
    }
}

/// Modifiers and their names in the settings file, in the order in which they are written.
const MODIFIERS: [(&str, Modifiers); 4] =
    [("ctrl", Modifiers::COMMAND), ("mac-ctrl", Modifiers::CTRL), ("alt", Modifiers::ALT), ("shift", Modifiers::SHIFT)];

fn to_text(shortcut: &KeyboardShortcut) -> String {
    let Modifiers { alt, ctrl, shift, command, .. } = shortcut.modifiers;
    let held = MODIFIERS.iter().zip([command, ctrl, alt, shift]).filter(|(_, is_held)| *is_held);
    held.map(|((name, _), _)| *name).chain([shortcut.logical_key.name()]).collect::<Vec<_>>().join("+")
}

fn from_text(text: &str) -> Option<KeyboardShortcut> {
    let mut parts: Vec<&str> = text.split('+').collect();
    let key = Key::from_name(parts.pop()?)?;
    let named = |part: &str| MODIFIERS.iter().find(|(name, _)| *name == part).map(|(_, modifier)| *modifier);
    let modifiers = parts.into_iter().try_fold(Modifiers::NONE, |all, part| Some(all.plus(named(part)?)))?;
    Some(KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CTRL: Modifiers = Modifiers::COMMAND;

    fn key(key: Key) -> KeyboardShortcut {
        KeyboardShortcut::new(Modifiers::NONE, key)
    }

    fn read(text: &str) -> Keymap {
        serde_json::from_str(text).expect("a keymap")
    }

    #[test]
    fn no_preset_gives_one_shortcut_to_two_commands() {
        let clash_free = |kind: &str, keys: &dyn Fn(Command) -> &'static [KeyboardShortcut]| {
            let mut owners = HashMap::new();
            for command in Command::ALL {
                for shortcut in keys(*command) {
                    let other = owners.insert(*shortcut, *command);
                    assert_eq!(other, None, "{kind}: {shortcut:?} asks for {command:?} too");
                }
            }
        };
        for preset in Preset::ALL {
            clash_free(&format!("{preset:?}"), &|command| presets::own_keys(preset, command).unwrap_or(&[]));
        }
        clash_free("default", &presets::default_keys);
    }

    #[test]
    fn no_preset_uses_the_key_that_is_held_for_contrast() {
        for preset in Preset::ALL {
            for command in Command::ALL {
                let keys = presets::own_keys(preset, *command).unwrap_or(presets::default_keys(*command));
                assert!(!keys.contains(&key(WINDOW_KEY)), "{preset:?}: {command:?}");
            }
        }
    }

    #[test]
    fn a_command_that_a_preset_gives_keys_has_them_all() {
        for preset in Preset::ALL {
            let map = Keymap::of(preset);
            for command in Command::ALL {
                if let Some(keys) = presets::own_keys(preset, *command) {
                    assert_eq!(map.shortcuts(*command), keys, "{preset:?}");
                }
            }
        }
    }

    #[test]
    fn what_the_work_depends_on_has_a_key_in_every_preset() {
        use Command::{BrushTool, EraserTool, NextSlice, PreviousSlice, Redo, SaveLabels, ShowShortcuts, Undo};
        for preset in Preset::ALL {
            for command in [BrushTool, EraserTool, NextSlice, PreviousSlice, Redo, SaveLabels, ShowShortcuts, Undo] {
                assert!(!Keymap::of(preset).shortcuts(command).is_empty(), "{preset:?}: {command:?}");
            }
        }
    }

    #[test]
    fn shift_matters_with_letters_but_not_with_symbols() {
        let map = Keymap::default();
        assert_eq!(map.command(Key::Z, CTRL), Some(Command::Undo));
        assert_eq!(map.command(Key::Z, CTRL | Modifiers::SHIFT), Some(Command::Redo));
        assert_eq!(map.command(Key::B, Modifiers::SHIFT), None);
        assert_eq!(map.command(Key::Questionmark, Modifiers::SHIFT), Some(Command::ShowShortcuts));
        assert_eq!(map.command(Key::Z, CTRL | Modifiers::CTRL), Some(Command::Undo), "as systems without ⌘ report it");
    }

    #[test]
    fn a_key_taken_from_a_command_comes_back_with_a_reset() {
        let mut map = Keymap::default();
        let ctrl_s = KeyboardShortcut::new(CTRL, Key::S);
        assert_eq!(map.clash(Command::BrushTool, ctrl_s), Some(Clash::Command(Command::SaveLabels)));
        map.set(Command::BrushTool, None, ctrl_s);
        assert_eq!(map.command(Key::S, CTRL), Some(Command::BrushTool));
        assert!(map.shortcuts(Command::SaveLabels).is_empty() && map.is_changed(Command::SaveLabels));
        map.reset(Command::BrushTool);
        map.reset(Command::SaveLabels);
        assert_eq!(map, Keymap::default());
    }

    #[test]
    fn a_key_put_back_by_hand_is_no_change() {
        let mut map = Keymap::default();
        map.remove(Command::FitViews, key(Key::F));
        assert!(map.has_changes() && map.command(Key::F, Modifiers::NONE).is_none());
        map.set(Command::FitViews, None, key(Key::F));
        assert!(!map.has_changes());
    }

    #[test]
    fn the_held_key_cannot_be_given_away() {
        let mut map = Keymap::default();
        assert_eq!(map.clash(Command::BrushTool, key(WINDOW_KEY)), Some(Clash::Held));
        map.set(Command::BrushTool, None, key(WINDOW_KEY));
        assert_eq!(map, Keymap::default());
    }

    #[test]
    fn commands_and_keys_of_another_version_do_no_harm_and_are_kept() {
        let text = r#"{"preset":"slicer","changed":{"fly":["ctrl+F"],"undo":["ctrl+U","hyper+Q","W"]}}"#;
        let map = read(text);
        assert_eq!(map.shortcuts(Command::Undo), [KeyboardShortcut::new(CTRL, Key::U)]);
        let written = serde_json::to_string(&map).expect("plain data");
        assert!(written.contains(r#""fly":["ctrl+F"]"#), "{written}");
    }

    proptest! {
        #[test]
        fn any_changes_keep_shortcuts_unique_and_come_back_from_the_file(
            preset in 0..Preset::ALL.len(),
            changes in prop::collection::vec((0..Command::ALL.len(), 0..Key::ALL.len(), any::<[bool; 4]>()), 0..12),
        ) {
            let mut map = Keymap::of(Preset::ALL[preset]);
            for (command, key, [is_ctrl, is_shift, is_alt, is_removed]) in changes {
                let modifiers = Modifiers { alt: is_alt, shift: is_shift, command: is_ctrl, ..Modifiers::NONE };
                let (command, shortcut) = (Command::ALL[command], shortcut(Key::ALL[key], modifiers));
                if is_removed { map.remove(command, shortcut) } else { map.set(command, None, shortcut) }
            }
            let n_keys: usize = Command::ALL.iter().map(|command| map.shortcuts(*command).len()).sum();
            prop_assert_eq!(n_keys, map.commands.len());
            let text = serde_json::to_string(&map).expect("plain data");
            prop_assert_eq!(read(&text), map);
        }
    }
}
