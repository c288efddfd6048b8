//! The room of reference: what labels are compared with, how slices show it, and how far both agree.

use eframe::egui::{Align, Button, Label, Layout, Rect, RichText, Ui, vec2};

use crate::app::action::{Action, Actions};
use crate::app::case::Case;
use crate::app::command::Command;
use crate::app::lab::LabAction;
use crate::app::lab::reference::{Look, ReferenceAction};
use crate::app::panels::labels::extent;
use crate::app::panels::status::grouped;
use crate::app::state::State;
use crate::app::theme::{caption, label_color, size, space, strong, tokens, type_size};
use crate::app::widgets::{Icon, command_button, note, segmented, swatch};
use crate::evaluation::agreement::{Agreement, Measure, Row};
use crate::evaluation::partners::{MatchedBy, Pair};

/// Height of a line of the table, in points.
const LINE: f32 = 24.0;
/// Width of the column of names.
const NAME_WIDTH: f32 = 184.0;

fn ask(actions: &mut Actions, action: ReferenceAction) {
    actions.push(Action::Lab(LabAction::Reference(action)));
}

/// The panel beside the views.
pub fn panel_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let subject = if case.preview.is_some() { "The preview is compared with" } else { "The labels are compared with" };
    match case.reference_name() {
        Some(name) => {
            ui.label(caption(ui, subject));
            ui.add(Label::new(strong(name, type_size::BODY)).wrap());
        }
        None => {
            let text = "Compare the labels with a mask, or keep them as they stand now and see what you change";
            ui.add(Label::new(caption(ui, text)).wrap());
        }
    }
    ui.add_space(space::TIGHT);
    ui.horizontal(|ui| {
        command_button(ui, state, Command::OpenReference, actions);
        if case.lab.reference.chosen.is_some() {
            command_button(ui, state, Command::CloseReference, actions);
        }
    });
    command_button(ui, state, Command::FreezeLabels, actions);
    if case.reference().is_none() {
        return;
    }
    ui.add_space(space::MEDIUM);
    look_ui(ui, state, case, actions);
    ui.add_space(space::MEDIUM);
    differences_ui(ui, state, case, actions);
    partners_ui(ui, case);
}

/// How slices show the reference.
fn look_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let reference = &case.lab.reference;
    let looks = [
        (Look::Difference, "Difference", "What was added, what is missing and what is the same, in colours"),
        (Look::Swipe, "Swipe", "The reference on the left of a line that you drag, the labels on its right"),
        (
            Look::SideBySide,
            "Side by side",
            "Each view in two halves at one place: the reference left, the labels right",
        ),
        (Look::Off, "Off", "The labels alone"),
    ];
    if let Some(look) = segmented(ui, "Show", reference.look, &looks) {
        ask(actions, ReferenceAction::Show(look));
    }
    let mut outlined = reference.outlined;
    let has_outline = matches!(reference.look, Look::Difference | Look::Off);
    let text = "Outline of the reference";
    let response = ui.add_enabled_ui(has_outline, |ui| ui.checkbox(&mut outlined, text)).inner;
    let response = response.on_hover_text("A dotted white line over every slice");
    if response.on_disabled_hover_text("The reference itself is drawn beside the labels").changed() {
        ask(actions, ReferenceAction::Outline(outlined));
    }
    let mut in_3d = reference.in_3d;
    let response = ui.checkbox(&mut in_3d, "Reference in 3D");
    if response.on_hover_text("The 3D view shows the reference in place of the labels").changed() {
        ask(actions, ReferenceAction::Show3d(in_3d));
    }
    if !state.labels_visible {
        note(ui, Icon::Info, tokens(ui).text_weak, "Labels are hidden; show them to see the comparison");
    }
}

/// The regions that differ, and the way from one to the next.
fn differences_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    let reference = &case.lab.reference;
    let agreement = case.agreement();
    let text = match agreement {
        None | Some((_, false)) => "Looking for differences…".to_owned(),
        Some((found, true)) => count_of(case, found),
    };
    ui.label(text);
    if let Some((found, true)) = agreement
        && let Some(at) = reference.visited.as_ref().and_then(|known| found.regions.iter().position(|it| it == known))
    {
        let region = &found.regions[at];
        let volume = extent(case.grid(), region.n_voxels as u64);
        let n_voxels = grouped(region.n_voxels as u64);
        ui.label(caption(ui, format!("Number {} by size: {n_voxels} voxels, {volume}", at + 1)));
    }
    ui.horizontal(|ui| {
        command_button(ui, state, Command::NextDifference, actions);
        command_button(ui, state, Command::PreviousDifference, actions);
    });
}

/// "12 regions differ, 3,456 voxels in all".
fn count_of(case: &Case, found: &Agreement) -> String {
    let of = case.lab.reference.only.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
    let n_voxels: usize = found.regions.iter().map(|region| region.n_voxels).sum();
    match found.regions.len() {
        0 => format!("No voxel differs{of}"),
        1 => format!("1 region differs{of}, {} voxels", grouped(n_voxels as u64)),
        n => format!("{} regions differ{of}, {} voxels in all", grouped(n as u64), grouped(n_voxels as u64)),
    }
}

/// Which labels were matched how, and which have no partner.
fn partners_ui(ui: &mut Ui, case: &Case) {
    let pairs = case.lab.reference.matched.partners.pairs();
    let names = |is_it: &dyn Fn(&Pair) -> bool| -> Vec<&str> {
        pairs.iter().filter(|pair| is_it(pair)).map(|pair| pair.name.as_str()).collect()
    };
    let in_reference = |pair: &Pair| case.lab.reference.matched.table.name(pair.reference.unwrap_or(0));
    let by_id: Vec<String> = pairs
        .iter()
        .filter(|pair| pair.by == Some(MatchedBy::Id))
        .map(|pair| format!("{} ({} there)", pair.name, in_reference(pair)))
        .collect();
    let only_there = names(&|pair| pair.labels.is_none());
    let only_here = names(&|pair| pair.reference.is_none());
    let tokens = tokens(ui);
    ui.add_space(space::MEDIUM);
    let n_by_name = pairs.iter().filter(|pair| pair.by == Some(MatchedBy::Name)).count();
    if n_by_name > 0 {
        let labels = if n_by_name == 1 { "label" } else { "labels" };
        note(ui, Icon::Check, tokens.success, &format!("{n_by_name} {labels} matched by name"));
    }
    if !by_id.is_empty() {
        let text = format!("Matched by id, because the names differ: {}", by_id.join(", "));
        note(ui, Icon::Info, tokens.text_weak, &text);
    }
    let here = if case.preview.is_some() { "the preview" } else { "your labels" };
    for (alone, where_not) in [(only_there, here), (only_here, "the reference")] {
        if !alone.is_empty() {
            let text = format!("Without a partner in {where_not}, and so not scored: {}", alone.join(", "));
            note(ui, Icon::Warning, tokens.warning, &text);
        }
    }
}

/// Whether the room has something to show below the views.
pub fn has_dock(case: &Case) -> bool {
    case.reference().is_some()
}

/// What it shows there: the table of agreement.
pub fn dock_ui(ui: &mut Ui, _state: &State, case: &Case, actions: &mut Actions) {
    let agreement = case.agreement();
    ui.horizontal(|ui| {
        ui.label(strong("Agreement with the reference", type_size::HEADING));
        if agreement.is_none_or(|(_, is_current)| !is_current) {
            ui.spinner();
            ui.label(caption(ui, "computing…"));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let can = agreement.is_some_and(|(_, is_current)| is_current);
            let button = |text| Button::new(text).min_size(vec2(70.0, size::ROW));
            for (text, tooltip, action) in [
                ("Export CSV…", "Write the table into a file", ReferenceAction::Export),
                ("Copy", "Copy the table for a spreadsheet", ReferenceAction::Copy),
            ] {
                let response = ui.add_enabled(can, button(text)).on_hover_text(tooltip);
                if response.on_disabled_hover_text("The labels are being compared").clicked() {
                    ask(actions, action);
                }
            }
        });
    });
    if let Some((found, is_current)) = agreement {
        // Numbers of labels as they were are seen to be so.
        ui.scope(|ui| {
            if !is_current {
                ui.multiply_opacity(0.55);
            }
            table_ui(ui, case, found, actions);
        });
    }
    let text = "Agreement with this reference, which may be wrong itself. Click a label to see its differences alone.";
    ui.label(caption(ui, text));
}

fn table_ui(ui: &mut Ui, case: &Case, found: &Agreement, actions: &mut Actions) {
    let units = found.units;
    let head = |measure: Measure| match measure {
        Measure::LabelsMl if case.preview.is_some() => units.renamed("Preview (mL)"),
        measure => measure.head(units),
    };
    line_ui(
        ui,
        |ui| drop(ui.label(caption(ui, "Label"))),
        |ui| {
            for measure in Measure::ALL {
                cell(ui, width(measure), |ui| {
                    ui.label(caption(ui, head(measure))).on_hover_text(meaning(measure));
                });
            }
        },
    );
    for row in &found.rows {
        // What is scrolled out of sight takes its room and no time.
        let room = Rect::from_min_size(ui.cursor().min, vec2(NAME_WIDTH, LINE));
        if ui.is_rect_visible(room) {
            row_ui(ui, case, row, actions);
        } else {
            ui.allocate_space(vec2(NAME_WIDTH, LINE));
        }
    }
    if found.rows.len() > 1 {
        mean_ui(ui, found);
    }
}

fn row_ui(ui: &mut Ui, case: &Case, row: &Row, actions: &mut Actions) {
    let only = &case.lab.reference.only;
    let is_only = only.as_ref() == Some(&row.pair.name);
    let (_, labels, _) = case.compared();
    let known = row.pair.labels.and_then(|id| labels.get(id));
    let theirs = row.pair.reference.and_then(|id| case.lab.reference.matched.table.get(id));
    let color = known.or(theirs);
    let name_ui = |ui: &mut Ui| {
        color.into_iter().for_each(|label| drop(swatch(ui, label_color(label.color))));
        let button = Button::selectable(is_only, &row.pair.name).truncate();
        let response = ui.add(button).accessible_name(format!("Differences of {} alone", row.pair.name));
        let text = if is_only { "Show the differences of all labels again" } else { "Show its differences alone" };
        let why = matched(&row.pair, theirs.map(|label| label.name.as_str()));
        if response.on_hover_text(format!("{}: {why}\n{text}", row.pair.name)).clicked() {
            ask(actions, ReferenceAction::Only((!is_only).then(|| row.pair.name.clone())));
        }
    };
    line_ui(ui, name_ui, |ui| {
        for measure in Measure::ALL {
            value_ui(ui, measure, row.value(measure), row.why_undefined(measure));
        }
    });
}

/// How a label was matched; `theirs` is the reference's name for it.
fn matched(pair: &Pair, theirs: Option<&str>) -> String {
    match pair.by {
        Some(MatchedBy::Name) => "both have a label of this name".to_owned(),
        Some(MatchedBy::Id) => {
            let id = pair.reference.unwrap_or_default();
            format!("both have a label of id {id}, which the reference calls {}", theirs.unwrap_or("nothing"))
        }
        None if pair.reference.is_some() => "only the reference has a label of this name or id".to_owned(),
        None => "the reference has no label of this name or id".to_owned(),
    }
}

/// The means, each with how many labels it is of.
fn mean_ui(ui: &mut Ui, found: &Agreement) {
    line_ui(
        ui,
        |ui| drop(ui.label(strong("Mean", type_size::BODY))),
        |ui| {
            for measure in Measure::ALL {
                let mean = found.mean(measure);
                let of = format!("Over the {} of {} labels for which it is defined", mean.n, mean.n + mean.n_undefined);
                value_ui(ui, measure, mean.mean, Some(&of));
            }
        },
    );
}

/// A number, or a dash; `note` is shown on hover.
fn value_ui(ui: &mut Ui, measure: Measure, value: Option<f64>, note: Option<&str>) {
    let text = value.map_or_else(|| "–".to_owned(), |value| shown(measure, value));
    cell(ui, width(measure), |ui| {
        let response = ui.label(RichText::new(text).size(type_size::SMALL + 0.5).color(tokens(ui).text));
        note.into_iter().for_each(|note| drop(response.clone().on_hover_text(note)));
    });
}

/// As many digits as mean something.
fn shown(measure: Measure, value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    match measure {
        // Only a perfect overlap is written as one.
        Measure::Dice | Measure::Iou if value < 1.0 => format!("{:.4}", value.min(0.9999)),
        Measure::Dice | Measure::Iou => "1".to_owned(),
        Measure::Hd95 | Measure::Assd => format!("{value:.2}"),
        // Voxels are counted, and enough of anything needs no fractions.
        Measure::ReferenceMl | Measure::LabelsMl if value >= 1000.0 => format!("{value:.0}"),
        Measure::DifferenceMl if value.abs() >= 1000.0 => format!("{sign}{value:.0}"),
        Measure::ReferenceMl | Measure::LabelsMl => format!("{value:.3}"),
        Measure::DifferenceMl => format!("{sign}{value:.3}"),
        Measure::DifferencePercent => format!("{sign}{value:.1}"),
    }
}

/// What a column means, in plain words.
fn meaning(measure: Measure) -> &'static str {
    match measure {
        Measure::Dice => {
            "Twice the voxels that both have, divided by the voxels of both together: 1 is the same, 0 is nothing in common"
        }
        Measure::Iou => {
            "Voxels that both have, divided by voxels that either has: 1 is the same, 0 is nothing in common"
        }
        Measure::Hd95 => {
            "95 % Hausdorff distance: 95 % of either surface lies no further than this from the other; 0 is the same"
        }
        Measure::Assd => "Average symmetric surface distance: how far the surfaces are apart on average; 0 is the same",
        Measure::ReferenceMl => "Volume in the reference",
        Measure::LabelsMl => "Volume in what is compared with it",
        Measure::DifferenceMl => "That volume less the reference's; says nothing of where they differ",
        Measure::DifferencePercent => "The difference in percent of the reference's volume",
    }
}

fn width(measure: Measure) -> f32 {
    match measure {
        Measure::Dice | Measure::Iou => 46.0,
        Measure::Hd95 | Measure::Assd => 68.0,
        Measure::LabelsMl => 72.0,
        Measure::ReferenceMl | Measure::DifferenceMl | Measure::DifferencePercent => 86.0,
    }
}

fn line_ui(ui: &mut Ui, name_ui: impl FnOnce(&mut Ui), cells_ui: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::TIGHT;
        start_cell(ui, NAME_WIDTH, name_ui);
        cells_ui(ui);
    });
}

fn start_cell(ui: &mut Ui, width: f32, add_contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(vec2(width, LINE), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(width);
        add_contents(ui);
    });
}

fn cell(ui: &mut Ui, width: f32, add_contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(vec2(width, LINE), Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_width(width);
        add_contents(ui);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_same_has_a_dice_of_one() {
        assert_eq!(shown(Measure::Dice, 1.0), "1");
        assert_eq!(shown(Measure::Dice, 0.999_98), "0.9999");
        assert_eq!(shown(Measure::DifferencePercent, 3.25), "+3.2");
        assert_eq!(shown(Measure::DifferenceMl, -0.5), "-0.500");
    }
}
