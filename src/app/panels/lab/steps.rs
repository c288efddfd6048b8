//! The room of steps: one run followed state by state, and runs of several numbers of steps.

use eframe::egui::{Button, Label, Slider, Ui, vec2};

use super::running_ui;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::command::Command;
use crate::app::lab::steps::{CHOICES, Comparison, Middle, Samplers, Steps, StepsAction};
use crate::app::lab::steps_chart::seconds;
use crate::app::lab::{Export, LabAction, Room};
use crate::app::panels::segment::SAMPLERS;
use crate::app::state::State;
use crate::app::theme::{caption, size, space, strong, tokens, type_size};
use crate::app::widgets::plot::{chart_to_come_ui, chart_ui};
use crate::app::widgets::{Icon, command_button, main_button, named_row, note, segmented};
use crate::config::STEPS;
use crate::domain::Plane;

/// What a number of steps is, in plain words.
const ABOUT: &str = "K steps are K − 1 calls of the denoiser: the call at t = 0 would change nothing. So K = 2 is one \
                     useful call. With larger K the latent is scaled back to mean 0 and SD 1 after every step, and it is \
                     this that keeps long runs good. K = 1 decodes pure noise.";

/// The panel beside the views.
pub fn panel_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let steps = &case.lab.steps;
    ui.add(Label::new(caption(ui, ABOUT)).wrap());
    ui.add_space(space::SMALL);
    if let Some(model) = state.model().filter(|model| model.is_deterministic) {
        let text = format!(
            "{} is deterministic: its answer comes from the image in one pass, without noise and without steps. Choose a \
             diffusion model below.",
            model.title
        );
        note(ui, Icon::Info, tokens(ui).warning, &text);
        return;
    }
    let middles = [
        (Middle::Views, "Views", "The usual views, with the run that is followed"),
        (Middle::Runs, "Runs", "The runs that were compared, side by side"),
    ];
    named_row(ui, "Show", |ui| {
        if let Some(middle) = segmented(ui, "Show", steps.middle, &middles) {
            push(actions, StepsAction::Show(middle));
        }
    });
    if let Some(running) = case.lab.running.as_ref().filter(|running| running.room == Room::Steps) {
        ui.add_space(space::SMALL);
        running_ui(ui, state, running, actions);
    }
    ui.add_space(space::MEDIUM);
    path_ui(ui, state, case, actions);
    ui.add_space(space::LARGE);
    compare_ui(ui, state, steps, actions);
}

fn push(actions: &mut Actions, action: StepsAction) {
    actions.push(Action::Lab(LabAction::Steps(action)));
}

/// One run: its K, and a slider along its path.
fn path_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    ui.label(strong("One run's path", type_size::BODY));
    let mut settings = state.settings.segment.clone();
    named_row(ui, "K", |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 58.0;
        let slider = Slider::new(&mut settings.steps, STEPS).logarithmic(true).integer();
        ui.add(slider).accessible_name("K of the run");
    });
    named_row(ui, "Sampler", |ui| {
        if let Some(sampler) = segmented(ui, "Sampler of the run", settings.sampler, &SAMPLERS) {
            settings.sampler = sampler;
        }
    });
    if settings != state.settings.segment {
        actions.push(Action::SetSegment(settings));
    }
    main_button(ui, state, Command::FollowRun, actions);
    let walk = &case.lab.steps.walk;
    let Some(walked) = &walk.walked else { return };
    ui.add_space(space::SMALL);
    let n_states = walked.times.len();
    let mut at = walk.wanted + 1;
    let is_free = case.lab.running.is_none();
    named_row(ui, "State", |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 58.0;
        let slider = ui.add_enabled(is_free, Slider::new(&mut at, 1..=n_states).integer());
        let slider = slider.on_disabled_hover_text("An experiment is running; stop it first");
        if slider.accessible_name("State of the run").changed() {
            push(actions, StepsAction::GoToState(at - 1));
        }
    });
    let time = walked.times.get(walk.wanted).copied().unwrap_or_default();
    let text = format!(
        "State {at} of {n_states} of one run with K = {n_states}, at t = {time:.0}, decoded. It is a place on this run's \
         path, which is not what a run with fewer steps gives."
    );
    ui.add(Label::new(caption(ui, text)).wrap());
}

/// Which runs to compare, and how long they will take.
fn compare_ui(ui: &mut Ui, state: &State, steps: &Steps, actions: &mut Actions) {
    ui.label(strong("Runs side by side", type_size::BODY));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::TIGHT, space::TIGHT);
        for k in CHOICES {
            let is_chosen = steps.chosen.contains(&k);
            let button = Button::selectable(is_chosen, k.to_string()).min_size(vec2(36.0, size::ROW));
            let response = ui.add(button);
            response.widget_info(|| {
                eframe::egui::WidgetInfo::selected(
                    eframe::egui::Role::CheckBox,
                    true,
                    is_chosen,
                    format!("Compare K = {k}"),
                )
            });
            if response.clicked() {
                push(actions, StepsAction::Choose(k, !is_chosen));
            }
        }
    });
    let samplers = [
        (Samplers::Ddim, "DDIM", "Deterministic after the first noise"),
        (Samplers::Ddpm, "DDPM", "Fresh noise at every step"),
        (Samplers::Both, "Both", "Side by side, from the same noise"),
    ];
    named_row(ui, "Samplers", |ui| {
        if let Some(samplers) = segmented(ui, "Samplers to compare", steps.samplers, &samplers) {
            push(actions, StepsAction::SetSamplers(samplers));
        }
    });
    let planes = [
        (Plane::Axial, "Axial", "Runs in the axial plane"),
        (Plane::Coronal, "Coronal", "Runs in the coronal plane"),
        (Plane::Sagittal, "Sagittal", "Runs in the sagittal plane"),
    ];
    named_row(ui, "Plane", |ui| {
        if let Some(plane) = segmented(ui, "Plane of the runs", steps.plane, &planes) {
            push(actions, StepsAction::ShowPlane(plane));
        }
    });
    let n_runs = steps.chosen.len() * steps.samplers.list().len();
    let time = match steps.estimate_s(&state.settings.segment.model) {
        Some(s) => format!("{n_runs} runs, about {} by what was measured so far", seconds(s)),
        None => format!("{n_runs} runs; how long they take is known after the first"),
    };
    ui.add(Label::new(caption(ui, time)).wrap());
    command_button(ui, state, Command::CompareSteps, actions);
}

/// Whether the room has something to show below the views.
pub fn has_dock(case: &Case) -> bool {
    case.lab.steps.comparison.as_ref().is_some_and(|comparison| !comparison.runs.is_empty())
}

/// What it shows there.
pub fn dock_ui(ui: &mut Ui, _state: &State, case: &Case, actions: &mut Actions) {
    let Some(comparison) = &case.lab.steps.comparison else { return };
    let (width, height) = (ui.clip_rect().width() - 2.0 * space::MEDIUM, ui.available_height());
    ui.set_max_width(width);
    ui.horizontal_wrapped(|ui| {
        ui.label(caption(ui, meaning(comparison)));
        for (export, name) in [
            (Export::StepsTable, "Export table…"),
            (Export::StepsPlot, "Export Dice plot…"),
            (Export::TimePlot, "Export time plot…"),
        ] {
            if ui.button(name).clicked() {
                push(actions, StepsAction::Export(export));
            }
        }
    });
    let height = height - size::ROW - space::SMALL;
    let image = &case.opened.name;
    ui.columns(2, |columns| {
        let dice = comparison.dice_chart(image);
        if dice.series.is_empty() {
            chart_to_come_ui(&mut columns[0], "Agreement is known once the longest run has come", height);
        } else {
            chart_ui(&mut columns[0], &dice, height);
        }
        chart_ui(&mut columns[1], &comparison.time_chart(image), height);
    });
}

/// What the numbers of the runs mean, and what they do not.
fn meaning(comparison: &Comparison) -> String {
    match &comparison.reference {
        Some(name) => format!("Dice with: {name}. One image and one seed."),
        None => "No reference: how far each run agrees with the longest one. A run can agree and be wrong.".to_owned(),
    }
}
