//! The frames of a series: a slider and how they are played in the image panel, labels over time below the views.

use eframe::egui::{Checkbox, DragValue, Label, Margin, Panel, Slider, Ui};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::command::{Command, Why};
use super::super::lab::Room;
use super::super::state::State;
use super::super::theme::{caption, panel_frame, size, space, tokens};
use super::super::time::SPEEDS;
use super::super::widgets::plot::{chart_to_come_ui, chart_ui};
use super::super::widgets::{command_button, named_row, segmented};

/// What is done with the masks of whole frames.
const FRAME_COMMANDS: [Command; 4] = [
    Command::CopyToNextFrame,
    Command::CopyToPreviousFrame,
    Command::CopyToFollowingFrames,
    Command::FillBetweenFrames,
];

/// Draws the frame slider and the controls of playing.
pub fn frames_ui(ui: &mut Ui, state: &State, case: &Case, (n_frames, frame): (usize, usize), actions: &mut Actions) {
    let mut shown = frame + 1;
    ui.spacing_mut().slider_width = ui.available_width() - 64.0;
    let slider = ui.add(Slider::new(&mut shown, 1..=n_frames).integer()).accessible_name("Frame");
    if slider.changed() {
        actions.push(Action::SetFrame(shown - 1));
    }
    let time = case.time_text(frame).map_or_else(String::new, |time| format!(", {time}"));
    ui.label(caption(ui, format!("Frame {} of {n_frames}{time}", frame + 1)));
    let before = state.playback();
    let mut playback = before;
    named_row(ui, "Speed", |ui| {
        let speed = DragValue::new(&mut playback.speed).range(SPEEDS).speed(0.5).max_decimals(1).suffix(" frames/s");
        ui.add(speed).accessible_name("Speed").on_hover_text(speed_text(case));
        ui.add(Checkbox::new(&mut playback.loops, "Loop")).on_hover_text("After the last frame comes the first");
    });
    if playback != before {
        actions.push(Action::SetPlayback(playback));
    }
    ui.add_space(space::TIGHT);
    command_button(ui, state, Command::PlayFrames, actions);
    command_button(ui, state, Command::ShowOverTime, actions);
    if case.n_masks() > 1 {
        ui.add_space(space::SMALL);
        masks_ui(ui, state, case, actions);
    }
}

/// Whether each frame has its own mask, and copies of the one shown.
fn masks_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    const CHOICES: [(bool, &str, &str); 2] = [
        (false, "Each frame", "A mask for each frame; the tools work on that of the frame shown"),
        (
            true,
            "One for all",
            "The mask of the frame shown is that of all frames; the others are kept until each has its own again",
        ),
    ];
    let one_for_all = case.history.frames().one_for_all();
    let can = Command::OneMaskForAll.enabled(state);
    let row = ui.add_enabled_ui(can.is_ok(), |ui| {
        named_row(ui, "Masks", |ui| {
            if segmented(ui, "Masks", one_for_all.is_some(), &CHOICES).is_some() {
                actions.command(Command::OneMaskForAll);
            }
        });
    });
    if let Err(Why(reason)) = can {
        row.response.on_disabled_hover_text(reason);
    }
    let n_frames = case.n_masks();
    let is_known = case.counts.is_known();
    let text = match one_for_all {
        Some(frame) => {
            let hidden = match case.n_hidden() {
                _ if !is_known => "…".to_owned(),
                0 => String::new(),
                1 => ". The mask of 1 other frame is kept aside".to_owned(),
                n => format!(". The masks of {n} other frames are kept aside"),
            };
            format!("One mask for all {n_frames} frames: that of frame {}{hidden}", frame + 1)
        }
        None if !is_known => "A mask for each frame: their voxels are being counted…".to_owned(),
        None => {
            let n_drawn = (0..n_frames).filter(|frame| !case.counts.is_empty(*frame..frame + 1)).count();
            format!("A mask for each frame: {n_drawn} of {n_frames} are drawn on")
        }
    };
    ui.add(Label::new(caption(ui, text)).wrap());
    ui.add_space(space::TIGHT);
    for command in FRAME_COMMANDS {
        command_button(ui, state, command, actions);
    }
}

/// What the speed is, and the one that the file says.
fn speed_text(case: &Case) -> String {
    let own = case.opened.volume.frame_times().map(|times| {
        let mean = if times.is_even() { "" } else { " on the mean" };
        format!("; the file says {:.1}{mean}", times.frames_per_second())
    });
    format!("Frames a second{}; some are left out where drawing is slower", own.unwrap_or_default())
}

/// Draws labels over time below the views.
pub fn dock_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let is_wanted = state.room == Room::Annotate && state.settings.shows_over_time;
    if !is_wanted || Command::ShowOverTime.enabled(state).is_err() {
        return;
    }
    let frame = panel_frame(tokens(ui), Margin::symmetric(14, 10));
    let panel = Panel::bottom("over time").resizable(true).default_size(size::DOCK + 40.0).min_size(140.0).frame(frame);
    panel.show(ui, |ui| match case.over_time_chart().filter(|chart| !chart.series.is_empty()) {
        None => chart_to_come_ui(ui, "There are no labels to measure yet", ui.available_height()),
        Some(chart) => {
            ui.horizontal_wrapped(|ui| {
                if let Some(text) = case.emptying_text() {
                    ui.add(Label::new(caption(ui, text)).wrap());
                }
                if ui.button("Export table…").clicked() {
                    actions.push(Action::ExportOverTime);
                }
            });
            let clicked = chart_ui(ui, &chart, ui.available_height());
            if let Some(frame) = clicked.and_then(|at| case.frame_at(at)) {
                actions.push(Action::SetFrame(frame));
            }
        }
    });
}
