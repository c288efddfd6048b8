//! The views: three slices and the 3D view, and what they keep from frame to frame.

mod contour;
mod geometry;
mod grid;
mod loading;
pub mod overlay;
mod slice;
mod texture;
pub mod view3d;

use eframe::egui::{Rect, Ui};
use eframe::egui_wgpu::RenderState;

use self::texture::SliceCache;
use super::action::Actions;
use super::case::Case;
use super::state::State;

pub use self::grid::grid_ui;
pub use self::loading::loading_ui;

/// What drawing keeps from frame to frame: pictures of what the state holds, never more than that.
pub struct Screen {
    slices: SliceCache,
    /// Part of a notch that the wheel has turned.
    wheel: f32,
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
        Self { slices: SliceCache::default(), wheel: 0.0, gpu }
    }

    /// Frees the pictures of a case that was closed.
    pub fn forget(&mut self) {
        self.slices.clear();
    }

    fn volume_ui(&mut self, ui: &mut Ui, rect: Rect, _of: (&State, &Case), _actions: &mut Actions) {
        ui.painter().rect_filled(rect, 0.0, super::theme::tokens(ui).canvas);
    }
}
