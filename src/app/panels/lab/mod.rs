//! The laboratory's panels: the rooms one below the other, of which one is open, and the dock below the views.

mod reference;
mod robustness;
mod steps;
mod uncertainty;

use eframe::egui::{Margin, Panel, ProgressBar, ScrollArea, Ui};

use super::segment::segment_ui;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::command::Command;
use crate::app::lab::{Room, Running};
use crate::app::state::State;
use crate::app::theme::{caption, panel_frame, size, space, tokens};
use crate::app::widgets::{command_button, fold_heading, segmented};
use crate::monitor::Progress;

/// The choice between annotating and the laboratory.
pub fn rooms_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let is_lab = state.room != Room::Annotate;
    let choices = [
        (false, "Annotate", "Labels and the tools that change them"),
        (true, "Laboratory", "Steps, uncertainty, robustness and a reference, on this image"),
    ];
    if let Some(lab) = segmented(ui, "Room", is_lab, &choices) {
        actions.push(Action::Enter(if lab { state.laboratory } else { Room::Annotate }));
    }
    ui.add_space(space::SMALL);
}

/// The rooms; a click on a heading enters its room.
pub fn laboratory_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    for room in Room::LABORATORY {
        let is_open = state.room == room;
        if fold_heading(ui, room.name(), is_open).clicked() && !is_open {
            actions.push(Action::Enter(room));
        }
        if !is_open {
            continue;
        }
        ui.add_space(space::TIGHT);
        ui.push_id(room.name(), |ui| match room {
            Room::Steps => steps::panel_ui(ui, state, case, actions),
            Room::Uncertainty => uncertainty::panel_ui(ui, state, case, actions),
            Room::Robustness => robustness::panel_ui(ui, state, case, actions),
            Room::Reference => reference::panel_ui(ui, state, case, actions),
            Room::Annotate => {}
        });
        ui.add_space(space::LARGE);
    }
    ui.add_space(space::MEDIUM);
    segment_ui(ui, state, actions);
    ui.add_space(space::LARGE);
    command_button(ui, state, Command::SaveReport, actions);
    if state.reporting.is_some() {
        command_button(ui, state, Command::CancelReport, actions);
    }
}

/// What belongs to the room below the views, where there is anything.
pub fn dock_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let has_dock = match state.room {
        Room::Annotate => false,
        Room::Steps => steps::has_dock(case),
        Room::Uncertainty => uncertainty::has_dock(case),
        Room::Robustness => robustness::has_dock(case),
        Room::Reference => reference::has_dock(case),
    };
    if !has_dock {
        return;
    }
    let frame = panel_frame(tokens(ui), Margin::symmetric(14, 10));
    let panel = Panel::bottom("dock").resizable(true).default_size(size::DOCK).min_size(140.0).frame(frame);
    panel.show(ui, |ui| {
        ScrollArea::both().auto_shrink(false).show(ui, |ui| match state.room {
            Room::Annotate => {}
            Room::Steps => steps::dock_ui(ui, state, case, actions),
            Room::Uncertainty => uncertainty::dock_ui(ui, state, case, actions),
            Room::Robustness => robustness::dock_ui(ui, state, case, actions),
            Room::Reference => reference::dock_ui(ui, state, case, actions),
        });
    });
}

/// How far an experiment is, with a button to stop it.
pub fn running_ui(ui: &mut Ui, state: &State, running: &Running, actions: &mut Actions) {
    let fraction = running.progress.as_ref().and_then(Progress::fraction);
    let stage = match &running.progress {
        Some(progress) if progress.total > 0 => format!("{} {} of {}", progress.stage, progress.done, progress.total),
        Some(progress) => progress.stage.to_owned(),
        None => "Waiting for the worker".to_owned(),
    };
    ui.label(caption(ui, format!("{stage}  ·  {:.1} s", running.started.elapsed().as_secs_f64())));
    let bar = ProgressBar::new(fraction.unwrap_or(0.0)).desired_height(8.0).fill(tokens(ui).accent_fill);
    ui.add(bar.animate(fraction.is_none())).accessible_name("Progress of the experiment");
    ui.add_space(space::TIGHT);
    command_button(ui, state, Command::CancelSegment, actions);
    // The seconds go on even where the engine has nothing to say.
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
}
