//! The hypotheses below the views: what sums the samples up, and the samples in groups of those that are alike.

use eframe::egui::{
    Button, Color32, Image, Label, Response, RichText, Role, Sense, Slider, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    load::SizedTexture, vec2,
};

use super::{ask, sample_number_ui};
use crate::app::action::Actions;
use crate::app::case::{Case, Source};
use crate::app::command::{Why, can_show_hypothesis};
use crate::app::lab::uncertainty::browse::{Browse, Cluster, Frame, Pick};
use crate::app::lab::uncertainty::{Thumbnails, UncertaintyAction};
use crate::app::state::State;
use crate::app::theme::{caption, size, space, strong, tokens, type_size};

/// The longer side of a thumbnail, in points.
const SIDE: f32 = 104.0;
/// Clusters that can be asked for.
const MOST_CLUSTERS: usize = 12;

/// Whether the room has something to show below the views.
pub fn has_dock(case: &Case) -> bool {
    case.lab.uncertainty.samples.is_some()
}

/// The hypotheses.
pub fn dock_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let known = &case.lab.uncertainty;
    let Some(browse) = &known.browse else {
        ui.label(caption(ui, "Comparing the samples with each other…"));
        return;
    };
    head_ui(ui, state, case, browse, actions);
    ui.add_space(space::SMALL);
    let Some(thumbnails) = &known.thumbnails else {
        let text = match known.picture.as_ref().and_then(|picture| picture.bounds.as_ref()) {
            Some(_) => "Drawing the hypotheses…",
            None => "No sample finds any label here",
        };
        ui.label(caption(ui, text));
        return;
    };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::SECTION;
        group_ui(ui, "All samples", "Summed up", |ui| {
            for pick in Pick::SUMMARIES {
                thumbnail_ui(ui, (state, case), thumbnails, pick, actions);
            }
        });
        for (at, cluster) in known.clusters.iter().enumerate() {
            cluster_ui(ui, (state, case), (thumbnails, browse), (at, cluster), actions);
        }
    });
}

/// How alike the samples are, into how many groups they are put, and any sample by its number.
fn head_ui(ui: &mut Ui, state: &State, case: &Case, browse: &Browse, actions: &mut Actions) {
    let known = &case.lab.uncertainty;
    let n_samples = browse.samples.masks.len();
    let slice =
        known.thumbnails.as_ref().map_or_else(String::new, |shown| format!(", axial slice {}", shown.frame.index + 1));
    ui.horizontal(|ui| {
        ui.label(strong("Hypotheses", type_size::HEADING));
        let alike = match browse.mean_dice {
            Some(dice) => format!("{n_samples} samples, mean Dice of pairs {dice:.3}{slice}"),
            None => "One sample: there is nothing to compare it with".to_owned(),
        };
        ui.label(caption(ui, alike));
        ui.add_space(space::MEDIUM);
        ui.label(caption(ui, "Clusters"));
        let mut n_clusters = known.n_clusters;
        ui.spacing_mut().slider_width = 90.0;
        let most = MOST_CLUSTERS.min(n_samples.max(1));
        let slider = Slider::new(&mut n_clusters, 1..=most).clamping(eframe::egui::SliderClamping::Edits);
        let tooltip = "Samples that overlap more with each other than with the rest, by their mean Dice";
        if ui.add(slider).accessible_name("Clusters").on_hover_text(tooltip).changed() {
            ask(actions, UncertaintyAction::SetClusters(n_clusters));
        }
        ui.add_space(space::MEDIUM);
        ui.label(caption(ui, "Sample"));
        if let Some(at) = sample_number_ui(ui, known.numbered, n_samples) {
            ask(actions, UncertaintyAction::SetNumbered(at));
        }
        let can = can_show_hypothesis(state);
        let button = ui.add_enabled(can.is_ok(), Button::new("Show as preview").min_size(vec2(0.0, size::ROW)));
        if with_reason(button, can, "Show this sample beside the labels").clicked() {
            ask(actions, UncertaintyAction::Use(Pick::Sample(known.numbered.min(n_samples - 1))));
        }
    });
}

fn with_reason(response: Response, can: Result<(), Why>, tooltip: &str) -> Response {
    match can {
        Ok(()) => response.on_hover_text(tooltip),
        Err(Why(why)) => response.on_disabled_hover_text(format!("{tooltip}\n{why}")),
    }
}

fn group_ui(ui: &mut Ui, heading: &str, what: &str, add_contents: impl FnOnce(&mut Ui)) {
    ui.vertical(|ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::SMALL;
            ui.label(RichText::new(heading).size(type_size::SMALL).color(tokens(ui).text));
            ui.label(caption(ui, what));
        });
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::SMALL;
            add_contents(ui);
        });
    });
}

fn cluster_ui(
    ui: &mut Ui,
    (state, case): (&State, &Case),
    (thumbnails, browse): (&Thumbnails, &Browse),
    (at, cluster): (usize, &Cluster),
    actions: &mut Actions,
) {
    let (n, n_samples) = (cluster.members.len(), browse.samples.masks.len());
    let share = 100.0 * n as f64 / n_samples as f64;
    group_ui(ui, &format!("Cluster {}", at + 1), &format!("{share:.0} %: {n} of {n_samples}"), |ui| {
        let picks = cluster.members.iter().map(|member| Pick::Sample(*member));
        let n_shown = picks.filter(|pick| thumbnail_ui(ui, (state, case), thumbnails, *pick, actions)).count();
        if n > n_shown {
            ui.add(Label::new(caption(ui, format!("and {} more", n - n_shown))).sense(Sense::hover()))
                .on_hover_text("More clusters show more samples; any of them is shown by its number");
        }
    });
}

/// One thumbnail with its name, as a button that shows the answer as a preview. Says whether there was one to draw.
fn thumbnail_ui(
    ui: &mut Ui,
    (state, case): (&State, &Case),
    thumbnails: &Thumbnails,
    pick: Pick,
    actions: &mut Actions,
) -> bool {
    let Some((_, texture)) = thumbnails.textures.iter().find(|(known, _)| *known == pick) else { return false };
    let (tokens, name, can) = (tokens(ui), pick.name(), can_show_hypothesis(state));
    ui.vertical(|ui| {
        let picture = thumbnail_size(&thumbnails.frame, case.grid().spacing_mm());
        let sense = if can.is_ok() { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(picture, sense);
        let is_shown = is_shown(case, pick);
        response.widget_info(|| WidgetInfo::selected(Role::Button, can.is_ok(), is_shown, &name));
        Image::new(SizedTexture::new(texture.id(), picture)).tint(Color32::WHITE).paint_at(ui, rect);
        let border = match (is_shown, response.hovered() || response.has_focus()) {
            (true, _) => Stroke::new(2.0, tokens.accent),
            (false, true) => Stroke::new(1.0, tokens.text),
            (false, false) => Stroke::new(1.0, tokens.border),
        };
        ui.painter().rect_stroke(rect, 0.0, border, StrokeKind::Outside);
        if with_reason(response, can, pick.meaning()).clicked() {
            ask(actions, UncertaintyAction::Use(pick));
        }
        ui.label(caption(ui, name));
    });
    true
}

/// Whether the preview is this answer.
fn is_shown(case: &Case, pick: Pick) -> bool {
    let Some(Source::Model(origin)) = case.preview.as_ref().map(|preview| &preview.source) else { return false };
    let n_samples = case.lab.uncertainty.browse.as_ref().map_or(0, |browse| browse.samples.masks.len());
    origin.which == Some(pick.which(n_samples))
}

/// Millimetres are as long across as down.
fn thumbnail_size(frame: &Frame, spacing_mm: [f64; 3]) -> Vec2 {
    let [width, height] = frame.size();
    let mm =
        vec2(width as f32 * spacing_mm[frame.axes.right] as f32, height as f32 * spacing_mm[frame.axes.down] as f32);
    mm * (SIDE / mm.max_elem().max(1e-6))
}
