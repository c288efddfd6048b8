//! The editor of keys and mouse: presets, what the mouse does, and every command with its keys.

use eframe::egui::{
    Align, Button, ComboBox, Event, Key, KeyboardShortcut, Layout, RichText, ScrollArea, TextEdit, Ui, vec2,
};

use super::super::action::{Action, Actions};
use super::super::command::Command;
use super::super::controls::{ControlEdit, Editing, Gesture, Keymap, Mouse, Preset, Slot, Step, Wheel, shortcut};
use super::super::settings::Settings;
use super::super::shortcuts;
use super::super::theme::{caption, size, space, strong, tokens, type_size};
use super::super::widgets::{Icon, icon_button, note, segmented};
use super::top_bar::MENUS;

const MOUSE_WIDTH: f32 = 296.0;
const KEYS_WIDTH: f32 = 470.0;

/// What cannot be changed.
const FIXED: &[(&str, &str)] = &[
    ("W + left drag", "Contrast and brightness"),
    ("Ctrl + left click", "Pick the label there"),
    ("Shift + left drag", "Move the crosshair (its tool)"),
    ("Double click", "Maximize a view, or show all"),
];

/// Draws the dialog's content.
pub fn controls_ui(ui: &mut Ui, settings: &Settings, editing: &Editing, actions: &mut Actions) {
    let edit = |actions: &mut Actions, edit| actions.push(Action::EditControls(edit));
    ui.set_width(MOUSE_WIDTH + KEYS_WIDTH + space::SECTION);
    if let Some(pressed) = pressed_ui(ui, editing) {
        edit(actions, pressed);
    }
    ui.label(strong("Keys and mouse", type_size::DIALOG));
    ui.add_space(space::MEDIUM);
    ui.horizontal(|ui| {
        ui.set_height(size::ROW);
        ui.label(caption(ui, "As in"));
        let choices = Preset::ALL.map(|preset| (preset, preset.words().0, preset.words().1));
        if let Some(preset) = segmented(ui, "Preset", settings.keymap.preset(), &choices) {
            edit(actions, ControlEdit::UsePreset(preset));
        }
        let is_changed = settings.keymap.has_changes() || settings.mouse != Mouse::preset(settings.keymap.preset());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let reset = ui.add_enabled(is_changed, Button::new("Reset all").min_size(vec2(80.0, size::ROW)));
            let reset = reset.on_hover_text("Keys and mouse as the preset has them");
            if reset.on_disabled_hover_text("Nothing differs from the preset").clicked() {
                edit(actions, ControlEdit::ResetAll);
            }
        });
    });
    ui.add_space(space::LARGE);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::SECTION;
        ui.vertical(|ui| {
            ui.set_width(MOUSE_WIDTH);
            if let Some(mouse) = mouse_ui(ui, settings.mouse) {
                edit(actions, ControlEdit::SetMouse(mouse));
            }
        });
        ui.vertical(|ui| {
            ui.set_width(KEYS_WIDTH);
            ui.spacing_mut().item_spacing.x = space::SMALL;
            keys_ui(ui, &settings.keymap, editing, actions);
        });
    });
}

/// The key that is pressed while the editor waits for one.
fn pressed_ui(ui: &Ui, editing: &Editing) -> Option<ControlEdit> {
    let is_asking = match editing.step {
        Step::Idle => return None,
        Step::Press { .. } => false,
        Step::Clash { .. } => true,
    };
    ui.input_mut(|input| {
        let pressed = input.events.iter().find_map(|event| match event {
            Event::Key { key, modifiers, pressed: true, repeat: false, .. } => Some(shortcut(*key, *modifiers)),
            _ => None,
        })?;
        let is_escape = pressed.logical_key == Key::Escape;
        if is_asking && !is_escape {
            return None;
        }
        // None of it is for the search field or the dialog itself.
        input.events.retain(|event| !matches!(event, Event::Key { .. } | Event::Text(_)));
        Some(if is_escape { ControlEdit::Stop } else { ControlEdit::Press(pressed) })
    })
}

fn mouse_ui(ui: &mut Ui, now: Mouse) -> Option<Mouse> {
    let mut mouse = now;
    ui.label(strong("Mouse, in a slice view", type_size::HEADING));
    ui.add_space(space::SMALL);
    choice_ui(ui, "Wheel", &mut mouse.wheel, Wheel::ALL, Wheel::text);
    choice_ui(ui, "Ctrl + wheel", &mut mouse.ctrl_wheel, Wheel::ALL, Wheel::text);
    choice_ui(ui, "Left drag", &mut mouse.left, Mouse::LEFT, Gesture::text);
    choice_ui(ui, "Middle drag", &mut mouse.middle, Mouse::BESIDE, Gesture::text);
    choice_ui(ui, "Right drag", &mut mouse.right, Mouse::BESIDE, Gesture::text);
    choice_ui(ui, "… while painting", &mut mouse.right_painting, Mouse::PAINTING, Gesture::text);
    ui.label(caption(ui, "Left drag is the tool's; the choice is for the crosshair tool."));
    ui.add_space(space::LARGE);
    ui.label(strong("Always", type_size::HEADING));
    ui.add_space(space::TIGHT);
    for (gesture, meaning) in FIXED {
        ui.horizontal(|ui| {
            name_ui(ui, gesture);
            ui.label(RichText::new(*meaning).size(type_size::SMALL));
        });
    }
    (mouse != now).then_some(mouse)
}

fn name_ui(ui: &mut Ui, name: &str) {
    ui.allocate_ui_with_layout(vec2(104.0, size::ROW), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(104.0);
        ui.label(caption(ui, name));
    });
}

fn choice_ui<T: Copy + PartialEq>(ui: &mut Ui, name: &str, now: &mut T, choices: &[T], text: fn(T) -> &'static str) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::SMALL;
        name_ui(ui, name);
        let combo = ComboBox::from_id_salt(name).selected_text(text(*now)).width(ui.available_width()).truncate();
        let response = combo.show_ui(ui, |ui| {
            for choice in choices {
                ui.selectable_value(now, *choice, text(*choice));
            }
        });
        response.response.accessible_name(name);
    });
}

fn keys_ui(ui: &mut Ui, keymap: &Keymap, editing: &Editing, actions: &mut Actions) {
    ui.horizontal(|ui| {
        ui.label(strong("Keys", type_size::HEADING));
        let mut search = editing.search.clone();
        let field = TextEdit::singleline(&mut search).desired_width(f32::INFINITY).hint_text("Find a command or a key");
        if ui.add(field.margin(vec2(6.0, 4.0))).accessible_name("Find a command").changed() {
            actions.push(Action::EditControls(ControlEdit::Search(search)));
        }
    });
    ui.add_space(space::SMALL);
    let height = (ui.ctx().content_rect().height() - 280.0).max(160.0);
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(KEYS_WIDTH - 14.0);
        let mut is_any = false;
        for (title, commands) in groups() {
            let found: Vec<_> = commands.into_iter().filter(|it| is_found(ui, keymap, *it, &editing.search)).collect();
            if found.is_empty() {
                continue;
            }
            ui.add_space(if is_any { space::MEDIUM } else { 0.0 });
            is_any = true;
            ui.label(strong(title, type_size::BODY).color(tokens(ui).text_weak));
            for command in found {
                row_ui(ui, keymap, editing.step, command, actions);
            }
        }
        if !is_any {
            ui.label(caption(ui, "No command and no key of that name."));
        }
    });
}

/// Commands as the menus have them, then those that are in no menu.
fn groups() -> Vec<(&'static str, Vec<Command>)> {
    let is_in_menu = |command: &Command| MENUS.iter().any(|(_, commands)| commands.contains(command));
    let others = Command::ALL.iter().filter(|command| !is_in_menu(command)).copied().collect();
    let menus = MENUS.iter().map(|(title, commands)| (*title, commands.to_vec()));
    std::iter::once(("Tools, labels and slices", others)).chain(menus).collect()
}

fn is_found(ui: &Ui, keymap: &Keymap, command: Command, search: &str) -> bool {
    let search = search.trim().to_lowercase();
    let has_key = |keys: &KeyboardShortcut| shortcuts::text(ui.ctx(), keys).to_lowercase() == search;
    search.is_empty()
        || [name(command), command.tooltip()].iter().any(|text| text.to_lowercase().contains(&search))
        || keymap.shortcuts(command).iter().any(has_key)
}

/// The text on the command's button, or more where that needs what stands around it.
fn name(command: Command) -> &'static str {
    match command {
        Command::WindowAuto => "Window: auto",
        Command::WindowFull => "Window: full range",
        Command::Segment => "Segment the image",
        Command::CancelSegment => "Cancel segmentation or experiment",
        Command::CancelLoading => "Cancel reading a file",
        Command::AcceptPreview => "Accept the preview",
        Command::DiscardPreview => "Discard the preview",
        _ => command.text().trim_end_matches('…'),
    }
}

fn row_ui(ui: &mut Ui, keymap: &Keymap, step: Step, command: Command, actions: &mut Actions) {
    let mut edit = |edit| actions.push(Action::EditControls(edit));
    let name = name(command);
    ui.horizontal(|ui| {
        ui.set_height(size::ROW);
        ui.label(name).on_hover_text(command.tooltip());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if icon_button(ui, Icon::Plus, &format!("Add a key for {name}")).clicked() {
                edit(ControlEdit::Await(Slot { command, now: None }));
            }
            if keymap.is_changed(command) && icon_button(ui, Icon::Undo, &format!("Reset keys of {name}")).clicked() {
                edit(ControlEdit::Reset(command));
            }
            for keys in keymap.shortcuts(command).iter().rev() {
                let text = shortcuts::text(ui.ctx(), keys);
                if icon_button(ui, Icon::Close, &format!("Remove {text} from {name}")).clicked() {
                    edit(ControlEdit::Remove(command, *keys));
                }
                let chip = ui.add(Button::new(&text).min_size(vec2(34.0, 22.0)));
                let chip = chip.accessible_name(format!("{text}: {name}")).on_hover_text("Press another key instead");
                if chip.clicked() {
                    edit(ControlEdit::Await(Slot { command, now: Some(*keys) }));
                }
            }
        });
    });
    question_ui(ui, step, command, actions);
}

/// What the editor asks about a command, below its row.
fn question_ui(ui: &mut Ui, step: Step, command: Command, actions: &mut Actions) {
    let mut edit = |edit| actions.push(Action::EditControls(edit));
    match step {
        Step::Press { slot, is_refused } if slot.command == command => {
            let text = match is_refused {
                false => "Press a key, with Ctrl, Shift or Alt if you like. Esc leaves it as it is.",
                true => "W is held for contrast and brightness. Press another key, or Esc.",
            };
            note(ui, Icon::Info, if is_refused { tokens(ui).warning } else { tokens(ui).accent }, text);
        }
        Step::Clash { slot, shortcut, owner } if slot.command == command => {
            let text = shortcuts::text(ui.ctx(), &shortcut);
            let question = format!("{text} is a key of “{}”. Take it from there?", name(owner));
            note(ui, Icon::Warning, tokens(ui).warning, &question);
            ui.horizontal(|ui| {
                ui.add_space(22.0);
                if ui.button(format!("Take {text}")).clicked() {
                    edit(ControlEdit::Take);
                }
                if ui.button("Choose another key").clicked() {
                    edit(ControlEdit::Await(slot));
                }
                if ui.button("Leave as it is").clicked() {
                    edit(ControlEdit::Stop);
                }
            });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_once() {
        let mut listed: Vec<Command> = groups().into_iter().flat_map(|(_, commands)| commands).collect();
        listed.sort();
        let mut all = Command::ALL.to_vec();
        all.sort();
        assert_eq!(listed, all);
    }
}
