//! The window's parts around the views.

mod about;
mod controls;
mod devices;
mod dialogs;
mod history;
mod image;
mod lab;
mod labels;
mod measurements;
mod notices;
mod operations;
mod over_time;
mod preview;
mod recovery;
mod segment;
mod start;
mod statistics;
pub mod status;
mod tools;
mod top_bar;

pub use self::labels::millilitres;
pub use self::status::number;

use eframe::egui::{CentralPanel, Frame, Margin, Panel, ScrollArea, Ui};

use super::action::Actions;
use super::case::Case;
use super::lab::Room;
use super::state::State;
use super::theme::{panel_frame, size, tokens};
use super::views::{Screen, grid_ui, loading_ui};

/// Draws the whole window.
pub fn window_ui(ui: &mut Ui, state: &State, screen: &mut Screen, actions: &mut Actions) {
    let tokens = tokens(ui);
    let bar = |margin| panel_frame(tokens, margin);
    Panel::top("top bar")
        .exact_size(size::TOP_BAR)
        .frame(bar(Margin::symmetric(12, 0)))
        .show(ui, |ui| top_bar::top_bar_ui(ui, state, actions));
    Panel::bottom("status bar")
        .exact_size(size::STATUS_BAR)
        .frame(bar(Margin::symmetric(12, 0)))
        .show(ui, |ui| status::status_ui(ui, state));
    if let Some(case) = state.case.as_ref().filter(|_| state.panels_visible) {
        side_panels_ui(ui, state, case, actions);
    }
    if state.case.is_some() {
        Panel::left("tool palette")
            .exact_size(size::PALETTE)
            .frame(bar(Margin::symmetric(0, 8)))
            .show(ui, |ui| tools::palette_ui(ui, state, actions));
    }
    if let Some(case) = state.case.as_ref().filter(|_| state.panels_visible) {
        lab::dock_ui(ui, state, case, actions);
        over_time::dock_ui(ui, state, case, actions);
    }
    CentralPanel::default().frame(Frame::new().fill(tokens.backdrop)).show(ui, |ui| {
        match (&state.loading, &state.case) {
            (Some(loading), _) => loading_ui(ui, state, loading, screen, actions),
            (None, Some(case)) => {
                if let Some(preview) = &case.preview {
                    preview::banner_ui(ui, state, preview, actions);
                }
                grid_ui(ui, (state, case), screen, actions);
            }
            (None, None) => start::start_ui(ui, state, actions),
        }
    });
    start::drop_hint_ui(ui);
    dialogs::dialog_ui(ui, state, actions);
    notices::notices_ui(ui, &state.notices, actions);
}

fn side_panels_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let frame = panel_frame(tokens(ui), Margin { left: 14, right: 4, top: 10, bottom: 8 });
    Panel::left("image panel").exact_size(size::SIDE_PANEL).frame(frame).show(ui, |ui| {
        history::history_ui(ui, state, case, actions);
        scrolled(ui, |ui| {
            measurements::measurements_ui(ui, case, actions);
            image::image_ui(ui, state, case, actions);
        });
    });
    Panel::right("labels panel").exact_size(size::SIDE_PANEL).frame(frame).show(ui, |ui| {
        lab::rooms_ui(ui, state, actions);
        scrolled(ui, |ui| {
            if state.room != Room::Annotate {
                return lab::laboratory_ui(ui, state, case, actions);
            }
            // First, so that the options are seen as soon as a tool is chosen.
            if let Some(running) = &case.long_edit {
                tools::progress_ui(ui, state, running, actions);
            }
            tools::options_ui(ui, state, case, actions);
            // Who paints wants the labels at hand, who does not wants the model.
            if !state.tool.paints() {
                segment::segment_ui(ui, state, actions);
            }
            if let Some(preview) = &case.preview {
                labels::preview_labels_ui(ui, case, preview);
            }
            labels::labels_ui(ui, state, case, actions);
            operations::operations_ui(ui, state, case, actions);
            tools::slices_ui(ui, state, actions);
            if state.tool.paints() {
                segment::segment_ui(ui, state, actions);
            }
        });
    });
}

fn scrolled(ui: &mut Ui, add_contents: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - 10.0);
        add_contents(ui);
    });
}
