//! What buttons and wheel do in a slice view: one pure function from a press to its meaning.

use eframe::egui::{Modifiers, PointerButton};
use serde::{Deserialize, Serialize};

use super::Preset;
use crate::app::tools::Tool;

/// What a press or a drag of a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gesture {
    /// What the chosen tool does.
    #[serde(skip)]
    Tool,
    /// Makes the label under the pointer the active one.
    #[serde(skip)]
    Pick,
    /// The tool's work with background in place of the active label.
    Erase,
    /// Moves the crosshair.
    Crosshair,
    /// Changes contrast and brightness.
    Window,
    /// Moves the slice.
    Pan,
    /// Enlarges or shrinks the slice about the place of the press.
    Zoom,
}

impl Gesture {
    /// Its name in a list.
    pub fn text(self) -> &'static str {
        match self {
            Self::Tool => "Use the tool",
            Self::Pick => "Pick the label",
            Self::Erase => "Erase",
            Self::Crosshair => "Move the crosshair",
            Self::Window => "Contrast and brightness",
            Self::Pan => "Pan",
            Self::Zoom => "Zoom",
        }
    }
}

/// What a turn of the wheel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wheel {
    /// Steps through the slices.
    Slice,
    /// Enlarges or shrinks the slice about the pointer.
    Zoom,
}

impl Wheel {
    /// Both, in the order in which they are offered.
    pub const ALL: &[Self] = &[Self::Slice, Self::Zoom];

    /// Its name in a list.
    pub fn text(self) -> &'static str {
        match self {
            Self::Slice => "Next, previous slice",
            Self::Zoom => "Zoom at the pointer",
        }
    }
}

/// What the buttons and the wheel are set to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mouse {
    /// The wheel alone.
    pub wheel: Wheel,
    /// The wheel while Ctrl is held.
    pub ctrl_wheel: Wheel,
    /// The left button with the crosshair tool.
    pub left: Gesture,
    /// The middle button.
    pub middle: Gesture,
    /// The right button with a tool that does not paint.
    pub right: Gesture,
    /// The right button with a tool that paints.
    pub right_painting: Gesture,
}

impl Default for Mouse {
    fn default() -> Self {
        Self::preset(Preset::Default)
    }
}

impl Mouse {
    /// What can be chosen for [`Mouse::left`].
    pub const LEFT: &[Gesture] = &[Gesture::Crosshair, Gesture::Window, Gesture::Pan];
    /// What can be chosen for [`Mouse::middle`] and [`Mouse::right`].
    pub const BESIDE: &[Gesture] = &[Gesture::Pan, Gesture::Zoom, Gesture::Window];
    /// What can be chosen for [`Mouse::right_painting`].
    pub const PAINTING: &[Gesture] = &[Gesture::Erase, Gesture::Zoom, Gesture::Pan, Gesture::Window];

    /// The habits of a program. Sources: ITK-SNAP 4.4 `CrosshairsInteractionMode.cxx`, Slicer 5 "Mouse operations",
    /// OHIF 3 `initToolGroups.js`.
    pub fn preset(preset: Preset) -> Self {
        let own = Self {
            wheel: Wheel::Slice,
            ctrl_wheel: Wheel::Zoom,
            left: Gesture::Crosshair,
            middle: Gesture::Pan,
            right: Gesture::Zoom,
            right_painting: Gesture::Erase,
        };
        match preset {
            Preset::Default | Preset::ItkSnap => own,
            Preset::Slicer => Self { right_painting: Gesture::Zoom, ..own },
            Preset::Pacs => Self { left: Gesture::Window, ..own },
        }
    }

    /// What a press of `button` starts. `is_windowing`: the key for contrast is held.
    pub fn gesture(&self, button: PointerButton, modifiers: Modifiers, is_windowing: bool, tool: Tool) -> Gesture {
        match button {
            PointerButton::Primary => self.left_gesture(modifiers, is_windowing, tool),
            PointerButton::Middle => self.middle,
            PointerButton::Secondary if tool.paints() => self.right_painting,
            _ => self.right,
        }
    }

    fn left_gesture(&self, modifiers: Modifiers, is_windowing: bool, tool: Tool) -> Gesture {
        match tool {
            _ if is_windowing => Gesture::Window,
            Tool::Window => Gesture::Window,
            _ if modifiers.command => Gesture::Pick,
            // The crosshair can be moved whatever the button is set to.
            Tool::Crosshair if modifiers.shift => Gesture::Crosshair,
            Tool::Crosshair => self.left,
            _ => Gesture::Tool,
        }
    }

    /// What a turn of the wheel does.
    pub fn wheel(&self, modifiers: Modifiers) -> Wheel {
        if modifiers.command || modifiers.ctrl { self.ctrl_wheel } else { self.wheel }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Modifiers = Modifiers::NONE;

    #[test]
    fn the_right_button_erases_only_with_a_tool_that_paints() {
        let right = |mouse: Mouse, tool| mouse.gesture(PointerButton::Secondary, NONE, false, tool);
        assert_eq!(right(Mouse::default(), Tool::Brush), Gesture::Erase);
        assert_eq!(right(Mouse::default(), Tool::Crosshair), Gesture::Zoom);
        assert_eq!(right(Mouse::preset(Preset::Slicer), Tool::Brush), Gesture::Zoom);
    }

    #[test]
    fn holding_the_window_key_comes_before_every_tool() {
        let left = |tool, modifiers| Mouse::default().gesture(PointerButton::Primary, modifiers, true, tool);
        for tool in [Tool::Crosshair, Tool::Window, Tool::Brush, Tool::Eraser] {
            assert_eq!(left(tool, NONE), Gesture::Window);
            assert_eq!(left(tool, Modifiers::COMMAND), Gesture::Window);
        }
    }

    #[test]
    fn control_and_the_left_button_pick_the_label_with_every_tool_but_the_window() {
        let left = |tool| Mouse::default().gesture(PointerButton::Primary, Modifiers::COMMAND, false, tool);
        assert_eq!([Tool::Crosshair, Tool::Brush, Tool::Eraser].map(left), [Gesture::Pick; 3]);
        assert_eq!(left(Tool::Window), Gesture::Window);
    }

    #[test]
    fn the_crosshair_can_be_moved_in_every_preset() {
        for preset in Preset::ALL {
            let mouse = Mouse::preset(preset);
            let shift = mouse.gesture(PointerButton::Primary, Modifiers::SHIFT, false, Tool::Crosshair);
            assert_eq!(shift, Gesture::Crosshair);
            assert!(Mouse::LEFT.contains(&mouse.left) && Mouse::BESIDE.contains(&mouse.middle));
            assert!(Mouse::BESIDE.contains(&mouse.right) && Mouse::PAINTING.contains(&mouse.right_painting));
        }
    }

    #[test]
    fn the_wheel_with_control_does_what_it_is_set_to() {
        let mouse = Mouse { wheel: Wheel::Zoom, ctrl_wheel: Wheel::Slice, ..Mouse::default() };
        assert_eq!((mouse.wheel(NONE), mouse.wheel(Modifiers::COMMAND)), (Wheel::Zoom, Wheel::Slice));
    }
}
