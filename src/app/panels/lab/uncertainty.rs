//! The room of uncertainty: how many samples, what is drawn of them, where to look next, and what volumes they give.

mod dock;

pub use self::dock::{dock_ui, has_dock};

use std::ops::RangeInclusive;

use eframe::egui::{ComboBox, DragValue, Label, RichText, Slider, Ui};

use super::running_ui;
use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::command::Command;
use crate::app::lab::uncertainty::maps::{Look, MapKind, Picture};
use crate::app::lab::uncertainty::{Regions, UncertaintyAction};
use crate::app::lab::{LabAction, Room};
use crate::app::panels::millilitres;
use crate::app::panels::status::number;
use crate::app::state::State;
use crate::app::theme::{caption, label_color, space, tokens, type_size};
use crate::app::views::uncertainty::contour_key_ui;
use crate::app::widgets::{Icon, caption_row, command_button, main_button, named_row, note, segmented, swatch};
use crate::config::{SAMPLES, SamplerKind, SegmentSettings};
use crate::domain::{LabelTable, Units};
use crate::engine::laboratory::SamplesSoFar;

/// What the interval over samples is not. Measured on the test cases of `msd_hippocampus`.
const CAUTION: &str = "Mean and the middle 95 % of the samples. This says how much the model varies, not how wrong it is: \
                       on the hippocampus test set the interval held the true volume in 11 % of the cases only.";

/// Room for a slider's value beside it, in points.
const VALUE: f32 = 72.0;
/// Voxels that a region can be asked to have.
const LEAST_VOXELS: RangeInclusive<usize> = 1..=1000;

fn ask(actions: &mut Actions, action: UncertaintyAction) {
    actions.push(Action::Lab(LabAction::Uncertainty(action)));
}

/// The panel beside the views.
pub fn panel_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let mut look = state.settings.uncertainty;
    draw_ui(ui, state, case, &mut look, actions);
    if let Some(samples) = &case.lab.uncertainty.samples {
        counter_ui(ui, case, samples);
        ui.add_space(space::MEDIUM);
        map_ui(ui, case, samples, &mut look, actions);
        where_ui(ui, state, case, &mut look, actions);
        if let Some(picture) = &case.lab.uncertainty.picture {
            volumes_ui(ui, picture);
        }
    }
    if look != state.settings.uncertainty {
        ask(actions, UncertaintyAction::SetLook(look));
    }
}

/// How many samples, and the button that draws them or what they are waiting for.
fn draw_ui(ui: &mut Ui, state: &State, case: &Case, look: &mut Look, actions: &mut Actions) {
    let running = case.lab.running.as_ref().filter(|running| running.room == Room::Uncertainty);
    named_row(ui, "Samples N", |ui| {
        ui.add_enabled_ui(running.is_none(), |ui| {
            ui.spacing_mut().slider_width = ui.available_width() - VALUE;
            let slider = Slider::new(&mut look.n_samples, SAMPLES).logarithmic(true).integer();
            ui.add(slider).accessible_name("Samples N").on_hover_text("Each is one answer from another noise");
        });
    });
    let settings = &state.settings.segment;
    named_row(ui, "", |ui| {
        ui.label(caption(ui, conditions(settings))).on_hover_text("Set below, under Segment");
    });
    if state.model().is_some_and(|model| model.is_deterministic) {
        let why =
            "This model gives the same answer each time, so there is nothing to sample: choose a diffusion model below";
        note(ui, Icon::Info, tokens(ui).text_weak, why);
    }
    ui.add_space(space::TIGHT);
    match running {
        Some(running) => running_ui(ui, state, running, actions),
        None => {
            main_button(ui, state, Command::DrawSamples, actions);
        }
    }
    if case.lab.uncertainty.samples.is_none() && running.is_none() {
        ui.add_space(space::TIGHT);
        let text = "Draws many answers of the model to this frame and shows where they differ. Samples agree where the model \
                    is sure, which it can be and still be wrong.";
        ui.add(Label::new(caption(ui, text)).wrap());
    }
}

fn conditions(settings: &SegmentSettings) -> String {
    let sampler = match settings.sampler {
        SamplerKind::Ddim => "DDIM",
        SamplerKind::Ddpm => "DDPM",
    };
    format!("K = {}, {sampler}, seed {}", settings.steps, settings.seed)
}

/// How many there are, always: a map of few samples says little.
fn counter_ui(ui: &mut Ui, case: &Case, samples: &SamplesSoFar) {
    let of = &samples.conditions;
    let (n, wanted) = (samples.masks.len(), of.settings.samples);
    let count = format!("{n} of {wanted} samples");
    ui.add_space(space::TIGHT);
    ui.label(RichText::new(count).size(type_size::BODY).color(tokens(ui).text));
    let mut facts = vec![conditions(&of.settings), format!("{:.1} s", of.elapsed_s), of.device.clone()];
    if case.lab.running.is_none() && n < wanted {
        facts.push("stopped before the end".to_owned());
    }
    ui.add(Label::new(caption(ui, facts.join("  ·  "))).wrap());
    for warning in &of.warnings {
        note(ui, Icon::Warning, tokens(ui).warning, warning);
    }
}

/// Which map, of what, and how it is drawn.
fn map_ui(ui: &mut Ui, case: &Case, samples: &SamplesSoFar, look: &mut Look, actions: &mut Actions) {
    let choices = MapKind::ALL.map(|kind| (kind, kind.short(), kind.title()));
    if let Some(kind) = segmented(ui, "Map", look.map, &choices) {
        look.map = kind;
    }
    ui.add(Label::new(caption(ui, look.map.meaning())).wrap());
    if samples.masks.len() < 2 && look.map == MapKind::Sd {
        note(ui, Icon::Info, tokens(ui).text_weak, "The SD takes at least two samples");
    }
    ui.add_space(space::TIGHT);
    named_row(ui, "Label", |ui| class_ui(ui, case, samples, actions));
    let high = case.lab.uncertainty.picture.as_ref().map_or(1.0, |picture| picture.high);
    slider_ui(ui, "Threshold", &mut look.thresholds[look.map.position()], high, "What lies at or below is not drawn");
    slider_ui(ui, "Opacity", &mut look.opacity, 1.0, "0 is clear, 1 hides the image");
    ui.checkbox(&mut look.contours, "Contours of the votes")
        .on_hover_text("Where at least so many of the samples see the label");
    if look.contours {
        contour_key_ui(ui);
        ui.label(caption(ui, "of the samples see the label inside the line"));
    }
}

fn class_ui(ui: &mut Ui, case: &Case, samples: &SamplesSoFar, actions: &mut Actions) {
    let now = case.lab.uncertainty.class;
    let name = |class: Option<u8>| class.map_or("All labels".to_owned(), |class| samples.table.name(class.into()));
    let combo =
        ComboBox::from_id_salt("uncertain label").selected_text(name(now)).width(ui.available_width()).truncate();
    let response = combo.show_ui(ui, |ui| {
        let classes = (1..samples.uncertainty.image().n_classes as u8).map(Some);
        for class in std::iter::once(None).chain(classes) {
            if ui.selectable_label(class == now, name(class)).clicked() {
                ask(actions, UncertaintyAction::ShowClass(class));
            }
        }
    });
    response.response.accessible_name("Label of the map");
}

fn slider_ui(ui: &mut Ui, name: &str, value: &mut f32, high: f32, tooltip: &str) {
    named_row(ui, name, |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - VALUE;
        let slider = Slider::new(value, 0.0..=high).max_decimals(3).clamping(eframe::egui::SliderClamping::Edits);
        ui.add(slider).accessible_name(name).on_hover_text(tooltip);
    });
}

/// Where to look and where to paint.
fn where_ui(ui: &mut Ui, state: &State, case: &Case, look: &mut Look, actions: &mut Actions) {
    ui.add_space(space::MEDIUM);
    least_size_ui(ui, case, &mut look.least_voxels);
    command_button(ui, state, Command::NextUncertain, actions);
    if let Some(regions) = &case.lab.uncertainty.regions {
        ui.add(Label::new(caption(ui, words(regions))).wrap());
    }
    ui.horizontal(|ui| {
        let mut limits = case.limits;
        command_button(ui, state, Command::LimitToUncertain, actions);
        if case.map.is_some() && limits.by_map {
            ui.checkbox(&mut limits.by_map, "on").on_hover_text("Painting is kept to where the map is high");
        }
        if limits != case.limits {
            actions.push(Action::SetLimits(limits));
        }
    });
}

/// From which size on a region counts, as a volume where one is known.
fn least_size_ui(ui: &mut Ui, case: &Case, least_voxels: &mut usize) {
    let mm3 = case.grid().voxel_volume_mm3();
    let unit = if case.only_plane().is_some() { "px" } else { "voxels" };
    let is_volume = case.has_millimetres() && case.only_plane().is_none();
    let text = |n: f64| match n * mm3 {
        _ if !is_volume => format!("{n:.0} {unit}"),
        mm3 if mm3 < 1000.0 => format!("{} mm³", number(mm3)),
        mm3 => millilitres(mm3 / 1000.0),
    };
    let typed = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let per_voxel = match is_volume {
            true if text.contains('L') => mm3 / 1000.0,
            true => mm3,
            false => 1.0,
        };
        text[..end].parse::<f64>().ok().map(|size| (size / per_voxel).round())
    };
    named_row(ui, "Smallest region", |ui| {
        ui.spacing_mut().slider_width = ui.available_width() - VALUE;
        let slider = Slider::new(least_voxels, LEAST_VOXELS).logarithmic(true).integer();
        let slider = slider.custom_formatter(|n, _| text(n)).custom_parser(typed);
        ui.add(slider).accessible_name("Smallest region").on_hover_text("Smaller regions are passed over");
    });
}

/// How many regions there are, or which one the crosshair was put into.
fn words(regions: &Regions) -> String {
    let n = regions.found.len();
    let here = regions.at.and_then(|at| Some((at + 1, regions.found.get(at)?)));
    let found = match (here, n) {
        (Some((at, region)), _) => {
            format!("Region {at} of {n}: {} voxels, sum {}", region.n_voxels, number(region.sum))
        }
        (None, 0) if regions.n_smaller == 0 => return "No region lies above the threshold".to_owned(),
        (None, 0) => "No region is as large".to_owned(),
        (None, 1) => "1 region".to_owned(),
        (None, n) => format!("{n} regions"),
    };
    match regions.n_smaller {
        0 => found,
        smaller => format!("{found}; {smaller} smaller"),
    }
}

/// The volume of each label over the samples.
fn volumes_ui(ui: &mut Ui, picture: &Picture) {
    // As they were counted: pixels may have been given a size since.
    let units = picture.samples.grid.units();
    let text = |ml: f64| match units {
        Units::Millimetres => format!("{ml:.3}"),
        Units::Pixels => number(units.of_ml(ml)),
    };
    let unit = units.volume();
    ui.add_space(space::MEDIUM);
    ui.label(caption(ui, "Volume over the samples"));
    for (class, volume) in &picture.volumes {
        let table = &picture.samples.table;
        let own = table.get((*class).into()).map(|label| label.color);
        ui.horizontal(|ui| {
            swatch(ui, label_color(own.unwrap_or_else(|| LabelTable::palette(usize::from(*class) - 1))));
            let mean = volume.ml.mean.map_or_else(|| "none".to_owned(), |mean| format!("{} {unit}", text(mean)));
            caption_row(ui, &table.name((*class).into()), &mean);
        });
        caption_row(ui, "", &format!("{} to {} {unit}", text(volume.low_ml), text(volume.high_ml)));
    }
    ui.add(Label::new(caption(ui, CAUTION)).wrap());
}

/// A number that names a sample; people count from 1.
fn sample_number_ui(ui: &mut Ui, at: usize, n_samples: usize) -> Option<usize> {
    let mut shown = at.min(n_samples.saturating_sub(1)) + 1;
    let response = ui.add(DragValue::new(&mut shown).range(1..=n_samples.max(1)).speed(0.1));
    response.accessible_name("Sample number").changed().then_some(shown - 1)
}
