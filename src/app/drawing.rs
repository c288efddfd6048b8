//! What outlines and fills do to the labels.

use std::ops::Range;

use super::App;
use super::case::Case;
use super::command::can_change_labels;
use super::long_edit::{Ending, Outcome, Snapshot};
use super::painting::painted_id;
use super::rules::{canvas, canvas_for};
use super::state::State;
use super::tools::{Outline, OutlineKind, OutlineStep, Place, PointerEvent, PointerKind, Tool, ToolOptions};
use crate::domain::grow::{GrowLimit, GrowSettings, region_grow};
use crate::domain::interpolate::between_slices;
use crate::domain::livewire::LiveWire;
use crate::domain::patch::Patch;
use crate::domain::scissors::{ScissorsMode, scissors};
use crate::domain::slice_copy::copy_slice;
use crate::domain::{Edit, Plane, fill};
use crate::monitor::{Cancelled, Monitor, Silent};

/// A slice with at most so many pixels is filled within the frame; more, or a volume, on a thread of its own.
pub(super) const QUICK_PIXELS: usize = 1024 * 1024;

impl App {
    /// Begins an outline, goes on with it, or fills it.
    pub(super) fn use_outline(&mut self, plane: Plane, event: &PointerEvent) {
        let here = self.place(plane);
        let open = self.state.case.as_mut().and_then(|case| case.outline.take());
        let step = match open {
            Some(outline) if event.kind == PointerKind::Press && here != Some(outline.place()) => {
                self.state.notices.warning("An outline is open in another slice: Enter fills it, Escape gives it up");
                OutlineStep::Open(outline)
            }
            Some(outline) => self.lead_outline(outline, event),
            None if event.kind == PointerKind::Press => self.begin_outline(here, event),
            None => OutlineStep::Nothing,
        };
        match step {
            OutlineStep::Open(outline) => self.with_case(|case| case.outline = Some(outline)),
            OutlineStep::Closed { place, vertices, erases } => self.close_outline(place, &vertices, erases),
            OutlineStep::Nothing => {}
        }
    }

    /// The next state of an outline; a wire is led along the image.
    fn lead_outline(&mut self, outline: Outline, event: &PointerEvent) -> OutlineStep {
        let Some(case) = self.state.case.as_mut().filter(|_| outline.kind() == OutlineKind::Livewire) else {
            return outline.next(event, &mut |_, _| Vec::new());
        };
        let place = outline.place();
        let shape = case.grid().shape();
        let size = [shape[place.axes.right], shape[place.axes.down]];
        let pixel = |at: [f64; 2]| [0, 1].map(|axis| (at[axis].round().max(0.0) as usize).min(size[axis] - 1));
        let step = outline.next(event, &mut |from, to| {
            let seed = pixel(from);
            if case.wire.as_ref().is_none_or(|(known, wire)| *known != place || wire.seed() != seed) {
                let (volume, frame) = (&case.opened.volume, case.frame);
                let values = |patch: &Patch| volume.patch_values(frame, &place.axes, place.index, patch);
                case.wire = Some((place, LiveWire::new(seed, size, values)));
            }
            let Some((_, wire)) = &mut case.wire else { return Vec::new() };
            let path = wire.path_to(pixel(to));
            // The ends are the anchors themselves.
            path.iter().skip(1).rev().skip(1).rev().map(|pixel| pixel.map(|at| at as f64)).collect()
        });
        if !matches!(step, OutlineStep::Open(_)) {
            case.wire = None;
        }
        step
    }

    /// The slice shown in a view.
    pub(super) fn place(&self, plane: Plane) -> Option<Place> {
        let case = self.state.case.as_ref()?;
        let axes = case.axes(plane, self.state.settings.convention);
        Some(Place { plane, axes, index: case.crosshair[axes.through] })
    }

    fn begin_outline(&mut self, here: Option<Place>, event: &PointerEvent) -> OutlineStep {
        let kind = self.state.tool.outline(&self.state.settings.tools);
        match (kind, here) {
            (Some(kind), Some(here)) if self.can_begin(self.erases(event)) => {
                OutlineStep::Open(Outline::begin(kind, here, event))
            }
            _ => OutlineStep::Nothing,
        }
    }

    /// Whether what is begun takes labels away: then no label needs to be unlocked for it.
    fn erases(&self, event: &PointerEvent) -> bool {
        let cuts = self.state.tool == Tool::Scissors && self.state.settings.tools.scissors != ScissorsMode::FillInside;
        event.erases || cuts
    }

    fn close_outline(&mut self, place: Place, vertices: &[[f64; 2]], erases: bool) {
        // A preview may have come while it was drawn.
        if can_change_labels(&self.state).is_err() {
            return;
        }
        let State { tool, settings, case: Some(case), .. } = &mut self.state else { return };
        let id = painted_id(case, erases);
        let edit = match tool {
            Tool::Scissors => {
                let slices = slab(case, place, settings.tools.scissors_slab);
                let cuts = settings.tools.scissors != ScissorsMode::FillInside;
                let canvas = canvas_for(case, if cuts { 0 } else { id });
                scissors(&canvas, &place.axes, slices, vertices, settings.tools.scissors, id)
            }
            // The history names the tool that was used.
            _ => fill::polygon(&canvas_for(case, id), &place.axes, place.index, vertices, id)
                .map(|edit| edit.named(tool.words().0)),
        };
        edit.into_iter().for_each(|edit| case.history.apply(edit));
    }

    /// Fills from the voxel under the pointer.
    pub(super) fn fill(&mut self, plane: Plane, event: &PointerEvent) {
        let Some(voxel) = event.voxel else { return };
        if !self.can_begin(event.erases) {
            return;
        }
        let (tool, options) = (self.state.tool, self.state.settings.tools);
        let Some(case) = &mut self.state.case else { return };
        let axis = case.through(plane).0;
        let through = (!options.fills_depth || case.is_flat()).then_some(axis);
        let id = painted_id(case, event.erases);
        let n_pixels = case.grid().n_voxels() / case.grid().shape()[axis];
        let settings = GrowSettings {
            tolerance: case.limits.tolerance,
            through,
            max_voxels: ToolOptions::GROW_MAX_VOXELS,
            max_radius_mm: Some(options.grow_radius_mm),
        };
        let is_quick = through.is_some() && n_pixels <= QUICK_PIXELS;
        match tool {
            Tool::Grow => self.change_at_length("Region growing", Ending::Apply, move |snapshot, monitor| {
                let canvas = snapshot.rules.canvas_for(&snapshot.labels, id);
                let Snapshot { rules, .. } = snapshot;
                let grown = region_grow(&canvas, &rules.volume, rules.frame, voxel, &settings, id, monitor)?;
                let note = grown.as_ref().and_then(|grown| grown.stopped).map(limit_text);
                Ok(Outcome { edit: grown.map(|grown| grown.edit), note, ..Outcome::default() })
            }),
            _ if is_quick => {
                let edit = filled(tool, &canvas_for(case, id), voxel, through, id, &Silent);
                edit.ok().flatten().into_iter().for_each(|edit| case.history.apply(edit));
            }
            _ => self.change_at_length(tool.words().0, Ending::Apply, move |snapshot, monitor| {
                let canvas = snapshot.rules.canvas_for(&snapshot.labels, id);
                let edit = filled(tool, &canvas, voxel, through, id, monitor)?;
                Ok(Outcome { edit, ..Outcome::default() })
            }),
        }
    }

    /// Lays the labels of the slice shown over the one beside it, and shows that.
    pub(super) fn copy_slice(&mut self, n_slices: isize) {
        let plane = self.state.active_plane;
        let all = self.state.settings.tools.copies_all;
        let Some(case) = &mut self.state.case else { return };
        let (axis, from) = (case.through(plane).0, case.crosshair[case.through(plane).0]);
        case.scroll(plane, n_slices);
        let to = case.crosshair[axis];
        let only = if all { None } else { case.active_label().map(|label| label.id) };
        if to != from {
            let edit = copy_slice(&canvas(case), axis, from, to, only);
            edit.into_iter().for_each(|edit| case.history.apply(edit));
        }
    }

    /// Labels what lies between the slices that are drawn on.
    pub(super) fn fill_between_slices(&mut self) {
        let (plane, all) = (self.state.active_plane, self.state.settings.tools.copies_all);
        let Some(case) = &self.state.case else { return };
        let axis = case.through(plane).0;
        let active = case.active_label().map(|label| label.id);
        self.change_at_length("Fill between slices", Ending::Apply, move |snapshot, monitor| {
            let ids = if all { snapshot.labels.used_ids() } else { active.into_iter().collect() };
            let edit = between_slices(&snapshot.rules.canvas(&snapshot.labels), &ids, axis, monitor)?;
            Ok(Outcome { edit, ..Outcome::default() })
        });
    }
}

fn filled(
    tool: Tool,
    canvas: &crate::domain::canvas::Canvas<'_>,
    voxel: [usize; 3],
    through: Option<usize>,
    id: u16,
    monitor: &dyn Monitor,
) -> Result<Option<Edit>, Cancelled> {
    match tool {
        Tool::FillHole => fill::fill_hole(canvas, voxel, through, id, monitor),
        _ => fill::bucket(canvas, voxel, through, id, monitor),
    }
}

/// The slices that the scissors cut.
fn slab(case: &Case, place: Place, n_beside: Option<usize>) -> Range<usize> {
    let n_slices = case.grid().shape()[place.axes.through];
    match n_beside {
        None => 0..n_slices,
        Some(n) => place.index.saturating_sub(n)..(place.index + n + 1).min(n_slices),
    }
}

fn limit_text(limit: GrowLimit) -> &'static str {
    match limit {
        GrowLimit::Voxels => "The region was larger than 20 million voxels and stopped there",
        GrowLimit::Radius => "The region stopped at the largest distance from its seed; there is more beyond",
    }
}
