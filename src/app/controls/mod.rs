//! Keys and mouse as the person has chosen them: presets of the field's programs, changed at will.

mod keymap;
mod mouse;
mod presets;

pub use self::keymap::{Clash, Keymap, WINDOW_KEY, shortcut};
pub use self::mouse::{Gesture, Mouse, Wheel};

/// The habits of a program that people come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// This program's own.
    #[default]
    Default,
    /// ITK-SNAP 4.
    ItkSnap,
    /// 3D Slicer 5.
    Slicer,
    /// Reading workstations, as OHIF sets them up.
    Pacs,
}
