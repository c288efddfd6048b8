//! The segment panel: what to run, how far it is, and how it ended.

use eframe::egui::{ComboBox, DragValue, Label, ProgressBar, Slider, Ui};

use super::super::action::{Action, Actions};
use super::super::case::Case;
use super::super::command::Command;
use super::super::state::{LastRun, Segmenting, State};
use super::super::theme::{caption, space, tokens};
use super::super::widgets::{Icon, command_button, main_button, named_row, note, section, segmented};
use crate::config::{DeviceChoice, SAMPLES, STEPS, SamplerKind, SegmentSettings};

/// The samplers to choose from.
pub const SAMPLERS: [(SamplerKind, &str, &str); 2] = [
    (SamplerKind::Ddim, "DDIM", "Deterministic after the first noise"),
    (SamplerKind::Ddpm, "DDPM", "Fresh noise at every step"),
];

/// Draws the panel.
pub fn segment_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    section(ui, "Segment", |ui| {
        let mut settings = state.settings.segment.clone();
        ui.add_enabled_ui(state.segmenting.is_none(), |ui| {
            model_ui(ui, state, &mut settings);
            steps_ui(ui, &mut settings);
            sampler_ui(ui, &mut settings);
            numbers_ui(ui, &mut settings);
            frames_ui(ui, state, &mut settings);
            slices_ui(ui, state, &mut settings);
            device_ui(ui, state, &mut settings, actions);
        });
        if settings != state.settings.segment {
            actions.push(Action::SetSegment(settings));
        }
        ui.add_space(space::MEDIUM);
        match &state.segmenting {
            Some(running) => running_ui(ui, state, running, actions),
            None => {
                main_button(ui, state, Command::Segment, actions);
                last_run_ui(ui, state);
            }
        }
    });
}

fn model_ui(ui: &mut Ui, state: &State, settings: &mut SegmentSettings) {
    let title = state.model().map_or_else(|| settings.model.clone(), |model| model.title.clone());
    named_row(ui, "Model", |ui| {
        let combo = ComboBox::from_id_salt("model").selected_text(title).width(ui.available_width()).truncate();
        let response = combo.show_ui(ui, |ui| {
            for model in &state.models {
                let item = ui.selectable_value(&mut settings.model, model.name.clone(), &model.title);
                item.on_hover_text(&model.description);
            }
        });
        response.response.accessible_name("Model");
    });
    if let Some(model) = state.model() {
        ui.add(Label::new(caption(ui, &model.description)).wrap());
        ui.add_space(space::TIGHT);
    }
}

fn steps_ui(ui: &mut Ui, settings: &mut SegmentSettings) {
    named_row(ui, "Steps K", |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - 58.0;
        let slider = Slider::new(&mut settings.steps, STEPS).logarithmic(true).integer();
        ui.add(slider).accessible_name("Steps K").on_hover_text("More steps refine the result; 2 are often enough");
    });
    let meaning = match settings.steps {
        1 => "1 step = pure noise, decoded".to_owned(),
        2 => "2 steps = 1 denoiser call".to_owned(),
        steps => format!("{steps} steps = {} denoiser calls", steps - 1),
    };
    named_row(ui, "", |ui| {
        ui.label(caption(ui, meaning));
    });
}

fn sampler_ui(ui: &mut Ui, settings: &mut SegmentSettings) {
    named_row(ui, "Sampler", |ui| {
        if let Some(sampler) = segmented(ui, "Sampler", settings.sampler, &SAMPLERS) {
            settings.sampler = sampler;
        }
    });
}

fn numbers_ui(ui: &mut Ui, settings: &mut SegmentSettings) {
    named_row(ui, "Samples", |ui| {
        let samples = DragValue::new(&mut settings.samples).range(SAMPLES).speed(0.1);
        ui.add(samples).accessible_name("Samples").on_hover_text("Samples to draw; their probabilities are averaged");
        ui.add_space(space::MEDIUM);
        ui.label(caption(ui, "Seed"));
        let seed = DragValue::new(&mut settings.seed).speed(0.2);
        ui.add(seed).accessible_name("Seed").on_hover_text("Equal seeds give equal results");
    });
}

/// What is segmented of a volume over time in which each frame has its own mask.
fn frames_ui(ui: &mut Ui, state: &State, settings: &mut SegmentSettings) {
    if !state.case.as_ref().is_some_and(Case::has_mask_per_frame) {
        return;
    }
    let choices = [
        (false, "This frame", "The one that is shown, into its own mask"),
        (true, "All frames", "Every frame, each into its own mask; with a model for pictures all slices of each"),
    ];
    named_row(ui, "Frames", |ui| {
        if let Some(all_frames) = segmented(ui, "Frames to segment", settings.all_frames, &choices) {
            settings.all_frames = all_frames;
        }
    });
}

/// What a model for pictures segments of an image that has several.
fn slices_ui(ui: &mut Ui, state: &State, settings: &mut SegmentSettings) {
    if state.segments_all_frames() {
        return;
    }
    let several = state.case.as_ref().filter(|case| case.grid().slices_axis().is_some());
    let Some(case) = several.filter(|_| state.model().is_some_and(|model| model.is_planar)) else { return };
    let [one, all] = match case.grid().is_series() {
        true => ["This frame", "All frames"],
        false => ["This slice", "All slices"],
    };
    let choices = [
        (false, one, "The one that is shown"),
        (true, all, "Each by itself, several at a time; the same answers as one by one"),
    ];
    named_row(ui, "Segment", |ui| {
        if let Some(all_slices) = segmented(ui, "Slices to segment", settings.all_slices, &choices) {
            settings.all_slices = all_slices;
        }
    });
}

fn device_ui(ui: &mut Ui, state: &State, settings: &mut SegmentSettings, actions: &mut Actions) {
    let choices = [
        (DeviceChoice::Auto, "Auto", "The GPU where one passes its check, else the CPU"),
        (DeviceChoice::Gpu, "GPU", "The GPU, or a message that says why not"),
        (DeviceChoice::Cpu, "CPU", "The CPU"),
    ];
    named_row(ui, "Device", |ui| {
        if let Some(device) = segmented(ui, "Device", settings.device, &choices) {
            settings.device = device;
        }
        super::super::widgets::command_icon(ui, state, Command::CheckDevices, actions);
    });
}

fn running_ui(ui: &mut Ui, state: &State, running: &Segmenting, actions: &mut Actions) {
    let (stage, fraction) = match &running.progress {
        Some(progress) if progress.total > 0 => {
            (format!("{} {} of {}", progress.stage, progress.done, progress.total), progress.fraction())
        }
        Some(progress) => (progress.stage.to_owned(), None),
        None => ("Starting".to_owned(), None),
    };
    let stage = if running.cancelling { "Stopping after this step".to_owned() } else { stage };
    ui.label(caption(ui, format!("{stage}  ·  {:.1} s", running.started.elapsed().as_secs_f64())));
    let bar = ProgressBar::new(fraction.unwrap_or(0.0)).desired_height(8.0).fill(tokens(ui).accent_fill);
    ui.add(bar.animate(fraction.is_none())).accessible_name("Progress of the segmentation");
    ui.add_space(space::TIGHT);
    command_button(ui, state, Command::CancelSegment, actions);
    // The seconds go on even where the engine has nothing to say.
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
}

fn last_run_ui(ui: &mut Ui, state: &State) {
    let tokens = tokens(ui);
    let Some(last_run) = &state.last_run else { return };
    ui.add_space(space::TIGHT);
    match last_run {
        LastRun::Finished { elapsed_s, device, warnings } => {
            note(ui, Icon::Clock, tokens.success, &format!("Done in {elapsed_s:.2} s on {device}"));
            for warning in warnings {
                note(ui, Icon::Warning, tokens.warning, warning);
            }
        }
        LastRun::Cancelled => note(ui, Icon::Info, tokens.text_weak, "Cancelled; nothing was changed"),
        LastRun::Failed(message) => note(ui, Icon::Warning, tokens.danger, message),
    }
}
