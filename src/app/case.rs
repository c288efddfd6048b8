//! One open image with its labels, and where the person is looking.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::counts::Counts;
use super::lab::Lab;
use super::label_table::Isolation;
use super::long_edit::LongEdit;
use super::measuring::Measurement;
use super::operations::OtherMask;
use super::state::Camera;
use super::time::{OverTime, own_speed};
use super::tools::{Limits, Outline, Place, Ruler, Strokes, ValueMap};
use crate::config::SegmentSettings;
use crate::domain::grid::SliceAxes;
use crate::domain::livewire::LiveWire;
use crate::domain::measure::LabelStatistics;
use crate::domain::volume::Histogram;
use crate::domain::{
    Convention, FrameEdits, FrameLabels, Grid, History, Label, LabelMap, LabelTable, OneSlice, Plane, Window,
};
use crate::engine::Opened;
use crate::io::provenance::ModelRun;

/// The three planes in the order in which they are shown.
pub const PLANES: [Plane; 3] = [Plane::Axial, Plane::Coronal, Plane::Sagittal];

/// One open image with its labels.
#[derive(Debug)]
pub struct Case {
    /// Counts the cases opened in this window; results of another case are not shown here.
    pub id: u64,
    /// The image as it was opened.
    pub opened: Opened,
    /// The labels and every change of them.
    pub history: History,
    /// What the labels' ids mean.
    pub table: LabelTable,
    /// Changes with every change of the table.
    pub table_revision: u64,
    /// The revision of the table that the journal knows.
    pub recorded_table_revision: u64,
    /// The table is as it was saved.
    pub table_is_saved: bool,
    /// The file that the labels came from or were saved to.
    pub labels_path: Option<PathBuf>,
    /// The frame shown.
    pub frame: usize,
    /// Frames a second at which it is played, where the file says when they were taken; else as last set.
    pub speed: Option<f32>,
    /// The voxel under the crosshair.
    pub crosshair: [usize; 3],
    /// Intensities from black to white.
    pub window: Window,
    /// Zoom and pan of each plane, in the order of [`PLANES`].
    pub cameras: [Camera; 3],
    /// The label that the brush paints; 0 for the first of the table.
    pub active_label: u16,
    /// Where the tools may paint.
    pub limits: Limits,
    /// A map on the image's grid that painting can be kept to.
    pub map: Option<ValueMap>,
    /// Measurements, in the order in which they were made. No part of the history: they are not labels.
    pub measurements: Vec<Measurement>,
    /// A ruler that is being laid.
    pub ruler: Option<Ruler>,
    /// The measurement and its point that are being dragged.
    pub grabbed: Option<(u64, usize)>,
    /// The wire that is being led, and the slice that it is on.
    pub wire: Option<(Place, LiveWire)>,
    /// An outline that is being drawn.
    pub outline: Option<Outline>,
    /// A change of the labels that is being worked out.
    pub long_edit: Option<LongEdit>,
    /// Strokes of the brush.
    pub strokes: Strokes,
    /// A segmentation that is not yet part of the labels.
    pub preview: Option<Preview>,
    /// Such ones of other frames than the one shown.
    pub parked_previews: Vec<Preview>,
    /// The last segmentation that was made part of the labels.
    pub accepted: Option<ModelRun>,
    /// A mask to combine the labels with.
    pub other_mask: Option<OtherMask>,
    /// A change of the whole label map that is being worked out in the background.
    pub merging: Option<Merging>,
    /// Statistics of the frame shown, once they are known.
    pub statistics: Option<ImageStatistics>,
    /// Voxels of each id.
    pub counts: Counts,
    /// The label that is shown alone, if any.
    pub isolation: Option<Isolation>,
    /// What the laboratory has found.
    pub lab: Lab,
    /// What the labels measure from frame to frame.
    pub over_time: OverTime,
    /// Labels that were deleted, by id, in case their voxels come back.
    pub removed: BTreeMap<u16, Label>,
    /// What each label held when the table of it was asked for, once it is known.
    pub label_statistics: Option<Vec<LabelStatistics>>,
}

/// A segmentation beside the labels.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The labels that the model found.
    pub labels: Arc<LabelMap>,
    /// What their ids mean.
    pub table: LabelTable,
    /// Where they come from.
    pub source: Source,
    /// Voxels of each of its labels, once they are known.
    pub counts: Option<BTreeMap<u16, u64>>,
    /// Counts the previews of this window.
    pub serial: u64,
    /// The frame that it is of.
    pub frame: usize,
    /// What was found in every frame, where all were segmented; `labels` are those of the frame shown.
    pub frames: Vec<Arc<LabelMap>>,
}

impl Preview {
    /// The one slice that it is of, where a model saw no other of several.
    pub fn one_slice(&self) -> Option<OneSlice> {
        match &self.source {
            Source::Model(origin) => origin.slice,
            Source::Change { .. } => None,
        }
    }
}

/// Where a preview comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A model found it.
    Model(Origin),
    /// It is what the labels would be after a change.
    Change {
        /// What the change is, for the banner: "Grow Liver by 2 mm".
        name: String,
        /// The change, of the labels as they are.
        edits: Arc<FrameEdits>,
    },
}

/// What is being made part of the labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merging {
    /// The preview, or a part of it.
    Preview {
        /// It is shown on, since more of it may be wanted.
        stays: bool,
    },
    /// The sample's known truth.
    Reference,
    /// A file.
    File {
        /// Where.
        path: PathBuf,
        /// It has a mask for each frame.
        has_frames: bool,
    },
    /// The journal of an earlier window.
    Recovery(PathBuf),
}

/// Where a model's labels come from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The settings used.
    pub settings: SegmentSettings,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// The device that did it.
    pub device: String,
    /// The one slice that it answered, where it saw no other of several.
    pub slice: Option<OneSlice>,
    /// Which of several answers it is, such as "sample 7 of 32"; `None` of the one answer of a segmentation.
    pub which: Option<String>,
}

/// What the image panel shows of a frame.
#[derive(Clone, Debug)]
pub struct ImageStatistics {
    /// The frame.
    pub frame: usize,
    /// Smallest and largest finite intensity.
    pub range: Option<(f64, f64)>,
    /// The range without its outermost 0.1 %.
    pub auto_window: Window,
    /// How often intensities occur.
    pub histogram: Histogram,
}

impl Case {
    /// A newly opened image with empty labels and the crosshair in its middle.
    pub fn new(id: u64, opened: Opened) -> Self {
        let grid = opened.volume.grid().clone();
        let table = opened.reference.as_ref().map(|(_, table)| table.clone()).unwrap_or_default();
        let window = first_window(&opened, 0);
        // A flat image in time has its frames along the third axis of one mask.
        let n_masks = if grid.is_series() { 1 } else { opened.volume.n_frames() };
        let masks = vec![LabelMap::empty(grid.clone()); n_masks];
        Self {
            id,
            crosshair: grid.shape().map(|n| n / 2),
            history: History::of_frames(FrameLabels::new(masks, None)),
            table,
            table_revision: 0,
            recorded_table_revision: 0,
            table_is_saved: true,
            labels_path: None,
            frame: 0,
            speed: own_speed(&opened.volume),
            window,
            cameras: [Camera::default(); 3],
            active_label: 0,
            limits: Limits::new(window),
            map: None,
            measurements: Vec::new(),
            ruler: None,
            grabbed: None,
            wire: None,
            outline: None,
            long_edit: None,
            other_mask: None,
            strokes: Strokes::default(),
            preview: None,
            parked_previews: Vec::new(),
            accepted: None,
            merging: None,
            statistics: None,
            counts: Counts::of_empty(n_masks),
            lab: Lab::default(),
            over_time: OverTime::default(),
            isolation: None,
            removed: BTreeMap::new(),
            label_statistics: None,
            opened,
        }
    }

    /// The image's lattice.
    pub fn grid(&self) -> &Grid {
        self.opened.volume.grid()
    }

    /// How a plane is laid on the screen.
    pub fn axes(&self, plane: Plane, convention: Convention) -> SliceAxes {
        self.grid().slice_axes(plane, convention)
    }

    /// The voxel axis that a plane's slices count along, and whether its index falls towards right, anterior, superior.
    pub fn through(&self, plane: Plane) -> (usize, bool) {
        let (axes, flips) = self.grid().canonical_axes();
        let world = match plane {
            Plane::Sagittal => 0,
            Plane::Coronal => 1,
            Plane::Axial => 2,
        };
        (axes[world], flips[world])
    }

    /// One slice alone: nothing lies beside it.
    pub fn is_flat(&self) -> bool {
        self.grid().shape().contains(&1)
    }

    /// The only plane that a flat image has, or one whose third axis is time.
    pub fn only_plane(&self) -> Option<Plane> {
        let shape = self.grid().shape();
        let flat = if self.grid().is_series() { 2 } else { (0..3).find(|axis| shape[*axis] == 1)? };
        PLANES.into_iter().find(|plane| self.through(*plane).0 == flat)
    }

    /// Moves the crosshair by `n_slices` through a plane, positive towards right, anterior or superior; stops at the
    /// ends.
    pub fn scroll(&mut self, plane: Plane, n_slices: isize) {
        let (axis, flip) = self.through(plane);
        let last = self.grid().shape()[axis] as isize - 1;
        let step = if flip { -n_slices } else { n_slices };
        self.crosshair[axis] = (self.crosshair[axis] as isize + step).clamp(0, last) as usize;
    }

    /// Whether no voxel of the masks that count has a label.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty(self.history.frames().in_use()) && !self.strokes.is_painting()
    }

    /// Whether anything would be lost by closing the case.
    pub fn has_unsaved_changes(&self) -> bool {
        !self.history.is_saved() || !self.table_is_saved
    }

    /// Replaces the label table by one that is not saved yet.
    pub fn set_table(&mut self, table: LabelTable) {
        if table != self.table {
            let before = std::mem::replace(&mut self.table, table);
            self.forget_missing(before);
            self.touch_table();
        }
    }

    /// The label that the brush paints, where the table has any.
    pub fn active_label(&self) -> Option<&Label> {
        self.table.get(self.active_label).or_else(|| self.table.labels.first())
    }

    /// Makes the label `step` rows further down the table the active one; from the last row on to the first.
    pub fn step_label(&mut self, step: isize) {
        let Some(now) = self.active_label().map(|label| label.id) else { return };
        let labels = &self.table.labels;
        let row = labels.iter().position(|label| label.id == now).unwrap_or(0) as isize;
        self.active_label = labels[(row + step).rem_euclid(labels.len() as isize) as usize].id;
    }

    /// Zoom and pan of a plane.
    pub fn camera(&self, plane: Plane) -> Camera {
        self.cameras[plane_index(plane)]
    }
}

/// Position of a plane in [`PLANES`].
pub fn plane_index(plane: Plane) -> usize {
    match plane {
        Plane::Axial => 0,
        Plane::Coronal => 1,
        Plane::Sagittal => 2,
    }
}

/// A plane's name.
pub fn plane_name(plane: Plane) -> &'static str {
    match plane {
        Plane::Axial => "Axial",
        Plane::Coronal => "Coronal",
        Plane::Sagittal => "Sagittal",
    }
}

/// A window to start with, from a few thousand voxels, so that the first frame is drawn at once; the statistics replace
/// it.
pub fn first_window(opened: &Opened, frame: usize) -> Window {
    quick_window(&opened.volume, frame)
}

/// The range of a few thousand voxels without their outermost half percent.
pub fn quick_window(volume: &crate::domain::Volume, frame: usize) -> Window {
    let [ni, nj, nk] = volume.grid().shape();
    if volume.is_color() {
        return Window::from_range(0.0, 255.0);
    }
    let step = |n: usize| n.div_ceil(20);
    let mut values = Vec::new();
    for k in (step(nk) / 2..nk).step_by(step(nk)) {
        for j in (step(nj) / 2..nj).step_by(step(nj)) {
            for i in (step(ni) / 2..ni).step_by(step(ni)) {
                values.extend(volume.value(frame, [i, j, k]).filter(|value| value.is_finite()));
            }
        }
    }
    values.sort_unstable_by(f64::total_cmp);
    match (values.get(values.len() / 200), values.get((values.len() * 199 / 200).min(values.len().saturating_sub(1)))) {
        (Some(low), Some(high)) => Window::from_range(*low, *high),
        _ => Window::from_range(0.0, 1.0),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::phantom::{PhantomKind, generate};

    /// A case of the built-in sample.
    pub(in crate::app) fn sample_case() -> Case {
        let phantom = generate(PhantomKind::TwoBodies, 0);
        let opened = Opened {
            path: None,
            name: "Sample".to_owned(),
            volume: Arc::new(phantom.volume),
            header: None,
            reference: Some((Arc::new(phantom.labels), phantom.table)),
            warnings: Vec::new(),
        };
        Case::new(1, opened)
    }

    #[test]
    fn scrolling_stops_at_the_first_and_last_slice() {
        let mut case = sample_case();
        let (axis, _) = case.through(Plane::Axial);
        case.scroll(Plane::Axial, 10_000);
        let top = case.crosshair[axis];
        case.scroll(Plane::Axial, 1);
        assert_eq!(case.crosshair[axis], top);
        case.scroll(Plane::Axial, -10_000);
        assert_eq!(case.crosshair[axis].abs_diff(top), case.grid().shape()[axis] - 1);
    }

    #[test]
    fn after_the_last_label_comes_the_first() {
        let mut case = sample_case();
        let ids: Vec<u16> = case.table.labels.iter().map(|label| label.id).collect();
        let active = |case: &Case| case.active_label().map(|label| label.id);
        case.step_label(-1);
        assert_eq!(active(&case), ids.last().copied());
        case.step_label(1);
        assert_eq!(active(&case), ids.first().copied());
        case.table.labels.clear();
        case.step_label(1);
        assert_eq!(active(&case), None);
    }

    #[test]
    fn a_new_case_has_nothing_to_save() {
        let case = sample_case();
        assert!(case.is_empty());
        assert!(!case.has_unsaved_changes());
    }
}
