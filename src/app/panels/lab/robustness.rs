//! The room of robustness: a damaged image, and sweeps over strengths.

use eframe::egui::{Button, Checkbox, ComboBox, DragValue, Label, Slider, Ui, vec2};

use super::running_ui;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::command::{Command, can_experiment};
use crate::app::lab::robustness::{REPEATS, Robustness, RobustnessAction, contenders, range, words};
use crate::app::lab::robustness_chart::Sweep;
use crate::app::lab::{Export, LabAction, Room};
use crate::app::state::State;
use crate::app::theme::{caption, size, space, strong, type_size};
use crate::app::widgets::plot::{chart_to_come_ui, chart_ui};
use crate::app::widgets::{main_button, named_row};
use crate::evaluation::robustness::Perturbation;

/// The panel beside the views.
pub fn panel_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let lab = &case.lab.robustness;
    damage_ui(ui, lab, actions);
    ui.add_space(space::SMALL);
    live_ui(ui, state, lab, actions);
    if let Some(running) = case.lab.running.as_ref().filter(|running| running.room == Room::Robustness) {
        ui.add_space(space::SMALL);
        running_ui(ui, state, running, actions);
    }
    ui.add_space(space::LARGE);
    sweep_ui(ui, state, case, actions);
}

fn push(actions: &mut Actions, action: RobustnessAction) {
    actions.push(Action::Lab(LabAction::Robustness(action)));
}

/// What is done to the image, and how strongly.
fn damage_ui(ui: &mut Ui, lab: &Robustness, actions: &mut Actions) {
    let (name, symbol, about) = words(lab.perturbation);
    named_row(ui, "Damage", |ui| {
        let combo = ComboBox::from_id_salt("damage").selected_text(name).width(ui.available_width());
        let response = combo.show_ui(ui, |ui| {
            for perturbation in Perturbation::ALL {
                let (name, _, about) = words(perturbation);
                let item = ui.selectable_label(perturbation == lab.perturbation, name).on_hover_text(about);
                if item.clicked() {
                    push(actions, RobustnessAction::SetPerturbation(perturbation));
                }
            }
        });
        response.response.accessible_name("Damage");
    });
    ui.add(Label::new(caption(ui, about)).wrap());
    let mut strength = lab.strength;
    named_row(ui, symbol, |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 58.0;
        let slider = Slider::new(&mut strength, range(lab.perturbation)).fixed_decimals(2);
        if ui.add(slider).accessible_name("Strength of the damage").changed() {
            push(actions, RobustnessAction::SetStrength(strength));
        }
    });
}

/// Whether the views show the damaged image.
fn live_ui(ui: &mut Ui, state: &State, lab: &Robustness, actions: &mut Actions) {
    let mut is_live = lab.is_live;
    let can = can_experiment(state);
    let enabled = can.is_ok() || is_live;
    let response = ui.add_enabled(enabled, Checkbox::new(&mut is_live, "Show the damaged image and its mask"));
    let response = response.on_disabled_hover_text(can.err().map_or("", |why| why.0));
    if response.changed() {
        push(actions, RobustnessAction::SetLive(is_live));
    }
    if !lab.is_live {
        return;
    }
    let text = match (&lab.preview.job, &lab.preview.shown) {
        (Some(_), _) => "Damaging and segmenting…".to_owned(),
        (None, Some(damaged)) => {
            let route = damaged.answers.first().map(|answer| answer.route.clone()).unwrap_or_default();
            let conditions = &damaged.conditions;
            format!(
                "{}, {route}, seed {}, on {}",
                conditions.settings.model, conditions.settings.seed, conditions.device
            )
        }
        (None, None) => "Waiting".to_owned(),
    };
    ui.add(Label::new(caption(ui, text)).wrap());
}

/// What a sweep does.
fn sweep_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let lab = &case.lab.robustness;
    ui.label(strong("Sweep", type_size::BODY));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::TIGHT, space::TIGHT);
        for strength in lab.perturbation.strengths() {
            let is_chosen = !lab.left_out.contains(strength);
            let response = ui.add(Button::selectable(is_chosen, strength.to_string()).min_size(vec2(36.0, size::ROW)));
            response.widget_info(|| {
                let name = format!("Sweep strength {strength}");
                eframe::egui::WidgetInfo::selected(eframe::egui::Role::CheckBox, true, is_chosen, name)
            });
            if response.clicked() {
                push(actions, RobustnessAction::Choose(*strength, !is_chosen));
            }
        }
    });
    let mut repeats = lab.repeats;
    named_row(ui, "Repeats", |ui| {
        let value = DragValue::new(&mut repeats).range(REPEATS).speed(0.1);
        let response = ui.add(value).accessible_name("Repeats").on_hover_text("Each with a seed of its own");
        if response.changed() {
            push(actions, RobustnessAction::SetRepeats(repeats));
        }
    });
    let against = match case.reference_name() {
        Some(name) => format!("Dice with: {name}."),
        None => {
            "No reference: agreement with the answer to the undamaged image. An answer can agree and be wrong.".into()
        }
    };
    let models = contenders(state);
    let counterpart = match models.get(1) {
        Some(name) => format!(" Beside it {name}, trained on the same data without diffusion."),
        None => String::new(),
    };
    let settings = &state.settings.segment;
    let is_deterministic = state.model().is_some_and(|model| model.is_deterministic);
    let ways = match is_deterministic {
        true => format!("{} has one way to an answer.", settings.model),
        false => format!("{} with K = {} and by its embedding alone.", settings.model, settings.steps),
    };
    ui.add(Label::new(caption(ui, format!("{ways}{counterpart} {against}"))).wrap());
    main_button(ui, state, Command::SweepDamage, actions);
}

/// Whether the room has something to show below the views.
pub fn has_dock(case: &Case) -> bool {
    case.lab.robustness.sweep.is_some()
}

/// What it shows there.
pub fn dock_ui(ui: &mut Ui, _state: &State, case: &Case, actions: &mut Actions) {
    let Some(sweep) = &case.lab.robustness.sweep else { return };
    let (width, height) = (ui.clip_rect().width() - 2.0 * space::MEDIUM, ui.available_height());
    ui.set_max_width(width);
    ui.horizontal_wrapped(|ui| {
        ui.label(caption(ui, meaning(sweep)));
        for (export, name) in [(Export::DamageTable, "Export table…"), (Export::DamagePlot, "Export plot…")] {
            if ui.button(name).clicked() {
                push(actions, RobustnessAction::Export(export));
            }
        }
    });
    let height = height - size::ROW - space::SMALL;
    if sweep.answers.is_empty() {
        return chart_to_come_ui(ui, "The first answers are on their way", height);
    }
    chart_ui(ui, &sweep.chart(&case.opened.name), height);
}

/// What the numbers mean, and what they do not.
fn meaning(sweep: &Sweep) -> String {
    let repeats = sweep.plan.repeats;
    match &sweep.reference {
        Some(name) => format!("Mean ± SD over {repeats} repeats of Dice with: {name}. One image."),
        None => format!("Mean ± SD over {repeats} repeats; agreement is not accuracy. One image."),
    }
}
