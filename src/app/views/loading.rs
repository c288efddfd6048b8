//! What is shown while an image is being read: its first slice as soon as there is one, and how far the rest is.

use eframe::egui::{Align2, FontId, ProgressBar, Rect, Ui, UiBuilder, pos2, vec2};

use super::Screen;
use super::geometry::Placement;
use super::overlay::strong;
use super::texture::Cut;
use crate::app::action::Actions;
use crate::app::command::Command;
use crate::app::settings::Interpolation;
use crate::app::state::{Camera, Loading, State};
use crate::app::theme::{size, tokens, type_size};
use crate::app::widgets::command_button;
use crate::domain::{Convention, Plane};

/// Height of the part that tells how far it is.
const FOOT: f32 = 124.0;

/// Draws the first look and the progress.
pub fn loading_ui(ui: &mut Ui, state: &State, loading: &Loading, screen: &mut Screen, actions: &mut Actions) {
    let tokens = tokens(ui);
    let whole = ui.available_rect_before_wrap();
    ui.painter().rect_filled(whole, 0.0, tokens.canvas);
    let view = Rect::from_min_max(whole.min, pos2(whole.right(), whole.bottom() - FOOT));
    first_look_ui(ui, view, loading, screen);

    let middle = pos2(whole.center().x, whole.bottom() - FOOT + 16.0);
    let title = format!("Reading {}", loading.name);
    ui.painter().text(middle, Align2::CENTER_CENTER, title, strong(type_size::BODY), tokens.overlay_text);
    let fraction = loading.progress.as_ref().and_then(crate::monitor::Progress::fraction);
    let bar = Rect::from_center_size(middle + vec2(0.0, 24.0), vec2(340.0, 8.0));
    let progress = ProgressBar::new(fraction.unwrap_or(0.0)).desired_height(8.0).fill(tokens.accent_fill);
    ui.put(bar, progress.animate(fraction.is_none())).accessible_name("Progress of reading");
    if let Some(progress) = &loading.progress {
        let font = FontId::proportional(type_size::SMALL);
        let below = middle + vec2(0.0, 44.0);
        ui.painter().text(below, Align2::CENTER_CENTER, progress.stage, font, tokens.overlay_weak);
    }
    let button = Rect::from_center_size(middle + vec2(0.0, 78.0), vec2(76.0, size::ROW + 2.0));
    ui.scope_builder(UiBuilder::new().max_rect(button), |ui| {
        command_button(ui, state, Command::CancelLoading, actions)
    });
    if fraction.is_none() {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(50));
    }
}

fn first_look_ui(ui: &Ui, view: Rect, loading: &Loading, screen: &mut Screen) {
    let Some((volume, window)) = &loading.first_look else { return };
    let grid = volume.grid();
    // The first slices of a file lie along its last axis, whichever plane that is.
    let plane = [Plane::Axial, Plane::Coronal, Plane::Sagittal]
        .into_iter()
        .find(|plane| grid.slice_axes(*plane, Convention::default()).through == 2)
        .unwrap_or(Plane::Axial);
    let axes = grid.slice_axes(plane, Convention::default());
    let placement = Placement::new(view, grid, &axes, Camera::default());
    let cut = Cut::new(ui.ctx(), (plane, axes), grid.shape()[2] / 2, &placement);
    // Cases count from 1: 0 is nobody's.
    let (serial, smooth) = (loading.job.0 << 32, Interpolation::Linear);
    let slice = screen.slices.volume(ui.ctx(), volume, serial, 0, cut, *window, smooth);
    slice.paint(&ui.painter_at(view), &placement);
}
