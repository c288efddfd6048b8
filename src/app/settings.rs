//! What the window remembers from one start to the next, as JSON in the person's configuration folder.
//!
//! A file that cannot be read is no reason not to start: the defaults are used and the log says why.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::controls::{Keymap, Mouse};
use super::lab::uncertainty::maps::Look;
use super::operations::Choice;
use super::time::Playback;
use super::tools::{BrushLook, ToolOptions};
use crate::config::SegmentSettings;
use crate::domain::{Convention, Palette};

/// Files kept in the list on the start page.
const N_RECENT: usize = 8;

/// Everything remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Dark or light.
    pub theme: ThemeChoice,
    /// Which side of the patient is on the left of the screen.
    pub convention: Convention,
    /// How images are drawn between voxel centres.
    pub interpolation: Interpolation,
    /// How labels lie over the image.
    pub overlay: Overlay,
    /// The crosshair's lines are drawn.
    pub crosshair_visible: bool,
    /// Images opened, newest first.
    pub recent: Vec<PathBuf>,
    /// The last settings of the segment panel.
    pub segment: SegmentSettings,
    /// How the brush and the eraser reach.
    pub brush: BrushLook,
    /// How the other tools work.
    pub tools: ToolOptions,
    /// What is set for operations on whole labels.
    pub operation: Choice,
    /// How frames are played.
    pub playback: Playback,
    /// Labels over time are shown below the views of a series.
    pub shows_over_time: bool,
    /// How samples are drawn over the image.
    pub uncertainty: Look,
    /// Colours of new labels.
    pub palette: Palette,
    /// Which keys ask for which command.
    pub keymap: Keymap,
    /// What buttons and wheel do in a slice view.
    pub mouse: Mouse,
}

/// Dark or light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    #[default]
    Dark,
    Light,
}

/// How an image is drawn between voxel centres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Blended, as most viewers show it.
    #[default]
    Linear,
    /// Each voxel as the box that it is.
    Nearest,
}

/// How labels lie over the image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overlay {
    /// Areas, outlines or both.
    pub style: OverlayStyle,
    /// Of the areas: 0 is clear, 1 hides the image.
    pub opacity: f32,
}

/// What is drawn of a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverlayStyle {
    /// Its area and its outline.
    #[default]
    Both,
    /// Its area.
    Filled,
    /// Its outline.
    Outline,
}

impl OverlayStyle {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Both, Self::Filled, Self::Outline];

    /// The name on the switch.
    pub fn text(self) -> &'static str {
        match self {
            Self::Both => "Both",
            Self::Filled => "Filled",
            Self::Outline => "Outline",
        }
    }

    /// The one after this.
    pub fn next(self) -> Self {
        match self {
            Self::Both => Self::Filled,
            Self::Filled => Self::Outline,
            Self::Outline => Self::Both,
        }
    }
}

impl Default for Overlay {
    fn default() -> Self {
        Self { style: OverlayStyle::default(), opacity: 0.4 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            convention: Convention::default(),
            interpolation: Interpolation::default(),
            overlay: Overlay::default(),
            crosshair_visible: true,
            recent: Vec::new(),
            segment: SegmentSettings::default(),
            brush: BrushLook::default(),
            operation: Choice::default(),
            tools: ToolOptions::default(),
            playback: Playback::default(),
            shows_over_time: false,
            uncertainty: Look::default(),
            palette: Palette::default(),
            keymap: Keymap::default(),
            mouse: Mouse::default(),
        }
    }
}

impl Settings {
    /// The settings of the last time, or the defaults.
    pub fn load(path: Option<&Path>) -> Self {
        let Some(path) = path.filter(|path| path.exists()) else { return Self::default() };
        Self::read(path).unwrap_or_else(|error| {
            log::warn!("the settings could not be read, the defaults are used: {error}: {}", path.display());
            Self::default()
        })
    }

    /// Writes the settings; a failure is logged, since no work depends on it.
    pub fn save(&self, path: Option<&Path>) {
        let Some(path) = path else { return };
        if let Err(error) = self.write(path) {
            log::warn!("the settings could not be saved: {error}: {}", path.display());
        }
    }

    /// Puts a file at the head of the recent ones.
    pub fn remember(&mut self, path: &Path) {
        self.recent.retain(|known| known != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(N_RECENT);
    }

    fn read(path: &Path) -> std::io::Result<Self> {
        let found: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let mut known = serde_json::to_value(Self::default())?;
        adopt(&mut known, &mut Vec::new(), &found);
        Ok(serde_json::from_value(known)?)
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_vec_pretty(self)?)
    }
}

/// Puts `found` into `known` below `names`, where [`Settings`] can be made of that; else those of its parts that can.
/// A file of another version thus keeps all that is understood of it.
fn adopt(known: &mut Value, names: &mut Vec<String>, found: &Value) {
    let mut tried = known.clone();
    let place = names.iter().fold(&mut tried, |place, name| &mut place[name.as_str()]);
    let before = std::mem::replace(place, found.clone());
    if Settings::deserialize(&tried).is_ok() {
        *known = tried;
    } else if let (Value::Object(_), Value::Object(parts)) = (&before, found) {
        for (name, part) in parts {
            names.push(name.clone());
            adopt(known, names, part);
            names.pop();
        }
    } else {
        log::warn!("the setting {} is not understood and left as it is by default", names.join("."));
    }
}

/// The file in the folder `LDSEG_CONFIG_DIR` where that is set, else in the one that the system keeps for programs'
/// configuration.
pub fn path() -> Option<PathBuf> {
    let folder = match std::env::var_os("LDSEG_CONFIG_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => directories::ProjectDirs::from("", "", "ldseg")?.config_dir().to_owned(),
    };
    Some(folder.join("window.json"))
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Key, Modifiers};

    use super::*;
    use crate::app::command::Command;
    use crate::app::controls::Wheel;

    #[test]
    fn recent_files_are_listed_once_and_newest_first() {
        let mut settings = Settings::default();
        for name in ["a", "b", "a"] {
            settings.remember(Path::new(name));
        }
        assert_eq!(settings.recent, [PathBuf::from("a"), PathBuf::from("b")]);
        for i in 0..20 {
            settings.remember(Path::new(&i.to_string()));
        }
        assert_eq!(settings.recent.len(), N_RECENT);
    }

    #[test]
    fn settings_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("deeper").join("window.json");
        let mut settings = Settings { theme: ThemeChoice::Light, ..Settings::default() };
        settings.remember(Path::new("/scans/a.nii.gz"));
        settings.write(&path).expect("writable");
        assert_eq!(Settings::read(&path).expect("readable"), settings);
    }

    #[test]
    fn a_setting_of_a_newer_version_costs_nothing_but_itself() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("window.json");
        let text = r#"{"theme":"sepia","crosshair_visible":false,"future":3,
            "mouse":{"wheel":"zoom","middle":"fly"},"keymap":{"preset":"newest","changed":{"undo":["U"]}}}"#;
        std::fs::write(&path, text).expect("writable");
        let settings = Settings::read(&path).expect("readable");
        assert!(!settings.crosshair_visible);
        assert_eq!(settings.theme, ThemeChoice::Dark);
        assert_eq!(settings.mouse, Mouse { wheel: Wheel::Zoom, ..Mouse::default() });
        assert_eq!(settings.keymap.command(Key::U, Modifiers::NONE), Some(Command::Undo));
        std::fs::write(&path, "[]").expect("writable");
        assert_eq!(Settings::read(&path).expect("readable"), Settings::default());
    }

    #[test]
    fn settings_of_an_older_version_keep_what_they_say() {
        let settings: Settings = serde_json::from_str(r#"{"theme":"light"}"#).expect("valid");
        assert_eq!(settings, Settings { theme: ThemeChoice::Light, ..Settings::default() });
    }
}
