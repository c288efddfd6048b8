//! Keys and mouse as the person has chosen them: presets of the field's programs, changed at will.

mod editing;
mod keymap;
mod mouse;
mod presets;

pub use self::editing::{ControlEdit, Editing, Slot, Step};
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

impl Preset {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Default, Self::ItkSnap, Self::Slicer, Self::Pacs];

    /// Name and explanation on the switch.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Default => ("LDSeg", "This program's own keys and mouse"),
            Self::ItkSnap => ("ITK-SNAP", "As in ITK-SNAP 4: brush on 4, labels on , and ."),
            Self::Slicer => ("3D Slicer", "As in 3D Slicer 5: brush on 1, slices on B and F, Z takes back"),
            Self::Pacs => ("PACS", "As in reading workstations: the left button changes contrast"),
        }
    }
}
