//! The room of uncertainty.

use eframe::egui::Ui;

use crate::app::action::Actions;
use crate::app::case::Case;
use crate::app::state::State;

/// The panel beside the views.
pub fn panel_ui(_ui: &mut Ui, _state: &State, _case: &Case, _actions: &mut Actions) {}

/// Whether the room has something to show below the views.
pub fn has_dock(_case: &Case) -> bool {
    false
}

/// What it shows there.
pub fn dock_ui(_ui: &mut Ui, _state: &State, _case: &Case, _actions: &mut Actions) {}
