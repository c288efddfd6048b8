//! Operations on the whole active label: what is chosen in their panel, and doing it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::App;
use super::case::Case;
use super::long_edit::{Ending, Outcome, Refusal};
use crate::domain::operation::{Operand, Operation, OperationError};
use crate::domain::reshape::Smoothing;
use crate::domain::{LabelMap, LabelTable};
use crate::engine::OpenedLabels;

/// Which operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    #[default]
    KeepLargest,
    RemoveIslands,
    FillHoles,
    Grow,
    Shrink,
    Smooth,
    Hollow,
    Union,
    Intersection,
    Difference,
    Split,
    Merge,
    Relabel,
}

impl Kind {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 13] = [
        Self::KeepLargest,
        Self::RemoveIslands,
        Self::FillHoles,
        Self::Smooth,
        Self::Grow,
        Self::Shrink,
        Self::Hollow,
        Self::Split,
        Self::Merge,
        Self::Union,
        Self::Intersection,
        Self::Difference,
        Self::Relabel,
    ];

    /// Its name, and what it does in one sentence.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::KeepLargest => ("Keep largest piece", "Erases all but the largest connected piece"),
            Self::RemoveIslands => ("Remove islands", "Erases connected pieces smaller than this"),
            Self::FillHoles => ("Fill holes", "Adds the background that the label encloses"),
            Self::Smooth => ("Smooth", "Makes the surface smooth; other labels stay"),
            Self::Grow => ("Grow", "Adds the background within this distance"),
            Self::Shrink => ("Shrink", "Takes what lies within this distance of anything else"),
            Self::Hollow => ("Hollow", "Leaves a wall of this thickness along the outside"),
            Self::Split => ("Split into pieces", "Gives every connected piece but the largest a label of its own"),
            Self::Merge => ("Merge into", "Makes it part of another label and takes its own off the list"),
            Self::Union => ("Add another label", "Union: adds the voxels of another label"),
            Self::Intersection => ("Keep what both have", "Intersection with a label of another mask"),
            Self::Difference => ("Take another label away", "Difference from a label of another mask"),
            Self::Relabel => ("Change id", "Keeps name and colour, and saves it under another number"),
        }
    }

    /// Whether it needs a second label.
    pub fn needs_other(self) -> bool {
        matches!(self, Self::Union | Self::Intersection | Self::Difference | Self::Merge)
    }

    /// Whether that second label can be one of another mask.
    pub fn takes_other_mask(self) -> bool {
        matches!(self, Self::Union | Self::Intersection | Self::Difference)
    }
}

/// What is set in the panel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Which operation.
    pub kind: Kind,
    /// How far a label grows, shrinks or is smoothed, or how thick its wall is, in mm.
    pub mm: f64,
    /// The largest piece that is removed as an island, in mm³.
    pub mm3: f64,
    /// Holes are filled in each slice of the active plane.
    pub in_slices: bool,
    /// Smoothed by the median instead of the blurred distance.
    pub by_median: bool,
    /// The second label's id.
    pub other: u16,
    /// The id to change to.
    pub new_id: u16,
}

impl Default for Choice {
    fn default() -> Self {
        Self { kind: Kind::default(), mm: 2.0, mm3: 100.0, in_slices: false, by_median: false, other: 0, new_id: 1 }
    }
}

/// A mask beside the labels, to combine them with.
#[derive(Clone, Debug)]
pub struct OtherMask {
    /// Its name, for people.
    pub name: String,
    /// Its labels, on the image's grid.
    pub labels: Arc<LabelMap>,
    /// What they mean.
    pub table: LabelTable,
}

impl Case {
    /// The labels among which the second one of an operation is chosen.
    pub fn operands(&self, kind: Kind) -> &LabelTable {
        match &self.other_mask {
            Some(mask) if kind.takes_other_mask() => &mask.table,
            _ => &self.table,
        }
    }

    /// The operation that is chosen, on the active label, in words and in numbers; `None` without an active label.
    fn operation(&self, choice: Choice, through: usize) -> Option<(u16, String, Operation)> {
        let label = self.active_label()?;
        let (name, mm, units) = (&label.name, choice.mm, self.grid().units());
        let (length, cube) = (units.length(), units.cube());
        let map = self.other_mask.as_ref().filter(|_| choice.kind.takes_other_mask());
        let operand = || Operand { map: map.map(|mask| Arc::clone(&mask.labels)), id: choice.other };
        let other = self.operands(choice.kind).name(choice.other);
        let (text, operation) = match choice.kind {
            Kind::KeepLargest => (format!("Keep largest piece of {name}"), Operation::KeepLargest),
            Kind::RemoveIslands => {
                (format!("Remove islands of {name} under {} {cube}", choice.mm3), Operation::RemoveIslands(choice.mm3))
            }
            Kind::FillHoles => {
                (format!("Fill holes of {name}"), Operation::FillHoles(choice.in_slices.then_some(through)))
            }
            Kind::Grow => (format!("Grow {name} by {mm} {length}"), Operation::Grow(mm)),
            Kind::Shrink => (format!("Shrink {name} by {mm} {length}"), Operation::Shrink(mm)),
            Kind::Smooth if choice.by_median => {
                (format!("Smooth {name} over {mm} {length}"), Operation::Smooth(Smoothing::Median(mm)))
            }
            Kind::Smooth => (format!("Smooth {name} over {mm} {length}"), Operation::Smooth(Smoothing::Gaussian(mm))),
            Kind::Hollow => (format!("Hollow {name}, wall {mm} {length}"), Operation::Hollow(mm)),
            Kind::Union => (format!("Add {other} to {name}"), Operation::Union(operand())),
            Kind::Intersection => (format!("Keep what {name} has of {other}"), Operation::Intersection(operand())),
            Kind::Difference => (format!("Take {other} from {name}"), Operation::Difference(operand())),
            Kind::Split => (format!("Split {name} into pieces"), Operation::Split),
            Kind::Merge => (format!("Merge {name} into {other}"), Operation::Merge(choice.other)),
            Kind::Relabel => (format!("Change id of {name} to {}", choice.new_id), Operation::Relabel(choice.new_id)),
        };
        Some((label.id, text, operation))
    }
}

impl App {
    /// Does the operation that is chosen to the active label.
    pub(super) fn operate(&mut self, ending: Ending) {
        let choice = self.state.settings.operation;
        let Some(case) = &self.state.case else { return };
        let through = case.through(self.state.active_plane).0;
        let Some((id, name, operation)) = case.operation(choice, through) else { return };
        let history_name = name.clone();
        self.change_at_length(name, ending, move |snapshot, monitor| {
            let run = |labels: &LabelMap| operation.run(labels, &snapshot.table, id, monitor);
            let made = run(&snapshot.labels).map_err(refusal)?;
            let edit = made.edit.map(|edit| edit.named(history_name.clone()));
            let mut elsewhere = Vec::new();
            if made.table != snapshot.table && !matches!(operation, Operation::Split) {
                // The label's id means something else now, or nothing, in every frame.
                for (mask, labels) in snapshot.others() {
                    let other = match run(labels) {
                        Err(OperationError::Empty { .. }) => None,
                        made => made.map_err(refusal)?.edit,
                    };
                    elsewhere.extend(other.map(|edit| (*mask, edit.named(history_name.clone()))));
                }
            }
            Ok(Outcome { edit, elsewhere, table: Some(made.table), note: None })
        });
    }

    /// Reads a mask to combine the labels with.
    pub(super) fn open_other_mask(&mut self, path: std::path::PathBuf) {
        let Some(case) = &self.state.case else { return };
        self.state.opening_other = Some(self.engine.submit(case.open_labels_job(path)));
    }

    pub(super) fn show_other_mask(&mut self, opened: OpenedLabels) {
        let mut name = super::files::file_name(&opened.path);
        let (frame, table) = (self.state.case.as_ref().map_or(0, |case| case.frame), opened.table.clone());
        if opened.has_frames() {
            name += &format!(", frame {}", frame + 1);
        }
        let mask = OtherMask { name, labels: Arc::new(opened.of_frame(frame)), table };
        if let Some(first) = mask.table.labels.first().map(|label| label.id) {
            self.remember(|known| known.operation.other = first);
        }
        self.with_case(|case| case.other_mask = Some(mask));
    }
}

fn refusal(error: OperationError) -> Refusal {
    match error {
        OperationError::Cancelled(cancelled) => Refusal::Cancelled(cancelled),
        other => Refusal::Because(sentence(&other)),
    }
}

/// An error as a sentence of its own.
fn sentence(error: &OperationError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
