//! The views: three slices and the 3D view, and what they keep from frame to frame.

mod comparison;
mod contour;
mod footprint;
pub mod geometry;
mod ghost;
mod grid;
mod lab_damage;
mod lab_steps;
mod loading;
mod means;
mod measurements;
mod outline;
pub mod overlay;
mod pointer;
mod slice;
mod texture;
mod tiles;
pub mod uncertainty;
pub mod view3d;

use std::sync::Arc;

use eframe::egui::{PointerButton, Rect, Ui, pos2, vec2};
use eframe::egui_wgpu::RenderState;

use self::texture::SliceCache;
use self::view3d::{View3d, View3dInput};
use super::action::{Action, Actions};
use super::case::Case;
use super::lab::Room;
use super::state::{Layout, State};
use super::widgets::{Icon, overlay_button};

use crate::domain::{LabelMap, LabelTable};

pub use self::grid::grid_ui;
pub use self::loading::loading_ui;

/// Tell numbers of previews and of references from revisions of labels, and from each other.
const PREVIEW: u64 = 1 << 63;
const REFERENCE: u64 = 1 << 62;

/// What drawing keeps from frame to frame: pictures of what the state holds, never more than that.
pub struct Screen {
    slices: SliceCache,
    /// Part of a notch that the wheel has turned.
    wheel: f32,
    view3d: View3d,
    /// The labels' revision that the 3D view shows.
    revision: u64,
    gpu: Option<RenderState>,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("slices", &self.slices).field("has_gpu", &self.gpu.is_some()).finish()
    }
}

impl Screen {
    /// Nothing kept yet. `gpu` is what the 3D view draws with.
    pub fn new(gpu: Option<RenderState>) -> Self {
        Self { slices: SliceCache::default(), wheel: 0.0, view3d: View3d::default(), revision: 0, gpu }
    }

    /// Frees the pictures of a case that was closed.
    pub fn forget(&mut self) {
        self.slices.clear();
        self.view3d.forget();
    }

    fn volume_ui(&mut self, ui: &mut Ui, rect: Rect, (state, case): (&State, &Case), actions: &mut Actions) {
        let own_labels = case.history.shared();
        // While a stroke goes on, the 3D view waits: reading the labels would have every dab copy them.
        if !case.strokes.is_painting() {
            self.revision = case.history.revision();
        }
        let (labels, revision, table, note) =
            shown_instead(state, case).unwrap_or((&own_labels, self.revision, &case.table, None));
        let input = View3dInput {
            volume: &case.opened.volume,
            frame: case.frame,
            window: case.window,
            labels: (state.labels_visible || note.is_some()).then_some(labels),
            labels_frame: case.history.frames().mask(),
            revision,
            table,
            // Slices beside it are of a damaged one.
            note: note.or(lab_damage::shown_damage(state, case).map(|_| "Undamaged image")),
            crosshair: case.crosshair,
            crosshair_visible: state.settings.crosshair_visible,
        };
        let response = self.view3d.ui(ui, rect, &input, self.gpu.as_ref());
        let (icon, name, layout) = match state.layout {
            Layout::Volume => (Icon::Restore, "Show all views", Layout::Grid),
            _ => (Icon::Maximize, "Maximize 3D", Layout::Volume),
        };
        let corner = Rect::from_min_size(pos2(rect.right() - 30.0, rect.top() + 5.0), vec2(24.0, 24.0));
        let is_clicked = overlay_button(ui, corner, icon, name).clicked();
        if is_clicked || response.double_clicked_by(PointerButton::Primary) {
            actions.push(Action::SetLayout(layout));
        }
    }
}

/// Labels, a number that changes with them, what their ids mean, and what to say of them.
pub(super) type Shown<'a> = (&'a Arc<LabelMap>, u64, &'a LabelTable, Option<&'static str>);

/// What the 3D view shows in place of the labels: a reference that is asked for, else the preview, since a person wants to
/// see it before accepting it. Their numbers are none that a state of the labels will ever have.
pub(super) fn shown_instead<'a>(state: &State, case: &'a Case) -> Option<Shown<'a>> {
    let is_asked_for = state.room == Room::Reference && case.lab.reference.in_3d;
    if let Some((labels, table)) = case.reference().filter(|_| is_asked_for) {
        return Some((labels, REFERENCE | case.lab.reference.serial, table, Some("Reference")));
    }
    let preview = case.preview.as_ref()?;
    Some((&preview.labels, PREVIEW | preview.serial, &preview.table, Some("Preview")))
}
