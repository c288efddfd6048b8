//! Pictures and outlines of slices, made anew only when what they show has changed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use eframe::egui::{Context, TextureOptions};

use super::contour::{Outline, outlines};
use super::geometry::Placement;
use super::means::MeansCache;
use super::tiles::{Picture, Recipe, Seen, Tiles};
use crate::app::case::{Case, Preview};
use crate::app::settings::{Interpolation, Overlay, OverlayStyle};
use crate::domain::patch::Patch;
use crate::domain::{LabelMap, LabelTable, Plane, Volume, Window, grid::SliceAxes};

/// Opacity of a preview's areas, whatever the labels' is.
const PREVIEW_OPACITY: f32 = 0.28;

/// What a picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Layer {
    Image,
    Labels,
    Preview,
    Ghost,
    Reference,
    Difference,
    Map,
    /// One of several runs side by side.
    Run(usize),
    /// A state of the run that is followed.
    Walk,
    /// The answer to a damaged image.
    Damage,
}

/// Pictures and outlines of the slices on the screen.
#[derive(Default)]
pub struct SliceCache {
    tiles: Tiles,
    means: MeansCache,
    outlines: HashMap<(Plane, Layer), (u64, Vec<Outline>)>,
}

/// Which slice of what.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The plane.
    pub plane: Plane,
    /// How it is laid on the screen.
    pub axes: SliceAxes,
    /// Which slice.
    pub index: usize,
    /// What of it is seen.
    pub seen: Seen,
}

impl Cut {
    /// Slice `index` of a plane in its place.
    pub fn new(ctx: &Context, (plane, axes): (Plane, SliceAxes), index: usize, placement: &Placement) -> Self {
        Self { plane, axes, index, seen: Seen::new(ctx, placement) }
    }

    fn hash(&self, hasher: &mut DefaultHasher) {
        let SliceAxes { right, down, through, flip_right, flip_down } = self.axes;
        (right, down, through, flip_right, flip_down, self.index).hash(hasher);
    }
}

impl std::fmt::Debug for SliceCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SliceCache").field("tiles", &self.tiles).finish_non_exhaustive()
    }
}

impl SliceCache {
    /// Whether something is still being worked out.
    #[cfg(test)]
    pub fn is_waiting(&self) -> bool {
        !self.means.is_complete
    }

    /// Frees everything.
    pub fn clear(&mut self) {
        self.tiles.clear();
        self.means.clear();
        self.outlines.clear();
    }

    /// The image of a case.
    pub fn image(&mut self, ctx: &Context, case: &Case, cut: Cut, interpolation: Interpolation) -> Picture {
        self.volume(ctx, &case.opened.volume, case.id, case.frame, cut, case.window, interpolation)
    }

    /// A slice of a volume; `serial` tells volumes apart.
    #[expect(clippy::too_many_arguments, reason = "each is one thing that the picture depends on")]
    pub fn volume(
        &mut self,
        ctx: &Context,
        volume: &Arc<Volume>,
        serial: u64,
        frame: usize,
        cut: Cut,
        window: Window,
        interpolation: Interpolation,
    ) -> Picture {
        self.means.poll();
        let slice = key(cut, |hasher| (serial, frame).hash(hasher));
        let is_smooth = interpolation == Interpolation::Linear;
        let options = match interpolation {
            Interpolation::Linear => TextureOptions::LINEAR,
            Interpolation::Nearest => {
                TextureOptions { minification: TextureOptions::LINEAR.minification, ..TextureOptions::NEAREST }
            }
        };
        let key = |patch: &Patch| {
            let means = self.means.get(slice, patch).is_some();
            hashed((slice, window.width.to_bits(), window.level.to_bits(), is_smooth, means))
        };
        let rgba = |patch: &Patch| match self.means.get(slice, patch) {
            Some(means) => means.rgba(window),
            None => volume.patch_rgba(frame, &cut.axes, cut.index, patch, window),
        };
        let recipe = Recipe { slot: (cut.plane, Layer::Image), options, key: &key, rgba: &rgba };
        let picture = self.tiles.picture(ctx, &cut.seen, &recipe);
        self.means.want(ctx, (volume, frame), (cut, slice), cut.seen.reduced());
        picture
    }

    /// The areas of a case's labels, where they are drawn.
    pub fn labels(&mut self, ctx: &Context, case: &Case, cut: Cut, overlay: Overlay) -> Option<Picture> {
        if overlay.style == OverlayStyle::Outline {
            return None;
        }
        let (history, axes) = (&case.history, &cut.axes);
        let slice = key(cut, |hasher| (case.id, case.table_revision, overlay.opacity.to_bits()).hash(hasher));
        // A stroke changes the tiles that it is on.
        let key = |patch: &Patch| {
            hashed((slice, history.last_change_within(&patch.voxels(case.grid().shape(), axes, cut.index))))
        };
        let rgba = |patch: &Patch| history.labels().patch_rgba(&case.table, (axes, cut.index), patch, overlay.opacity);
        let (slot, options) = ((cut.plane, Layer::Labels), TextureOptions::NEAREST);
        Some(self.tiles.picture(ctx, &cut.seen, &Recipe { slot, options, key: &key, rgba: &rgba }))
    }

    /// The areas of a preview.
    pub fn preview(&mut self, ctx: &Context, preview: &Preview, cut: Cut) -> Picture {
        let key = key(cut, |hasher| preview.serial.hash(hasher));
        self.picture(ctx, Layer::Preview, cut, key, |patch| {
            preview.labels.patch_rgba(&preview.table, (&cut.axes, cut.index), patch, PREVIEW_OPACITY)
        })
    }

    /// The outlines of a case's labels, where they are drawn.
    pub fn label_outlines(&mut self, case: &Case, cut: Cut, overlay: Overlay) -> &[Outline] {
        if overlay.style == OverlayStyle::Filled {
            return &[];
        }
        let revisions = (case.id, case.history.revision(), case.table_revision);
        let key = key(cut, |hasher| revisions.hash(hasher));
        self.outlines_of((cut.plane, Layer::Labels), key, case.history.labels(), &case.table, cut)
    }

    /// The outlines of a preview.
    pub fn preview_outlines(&mut self, preview: &Preview, cut: Cut) -> &[Outline] {
        let key = key(cut, |hasher| preview.serial.hash(hasher));
        self.outlines_of((cut.plane, Layer::Preview), key, &preview.labels, &preview.table, cut)
    }

    /// A map laid over the image; `rgba` makes it where `state` is new.
    pub fn map(&mut self, ctx: &Context, cut: Cut, state: impl Hash, rgba: impl Fn(&Patch) -> Vec<u8>) -> Picture {
        let key = key(cut, |hasher| state.hash(hasher));
        self.picture(ctx, Layer::Map, cut, key, rgba)
    }

    /// The contours of a map in the part of it that is seen; `make` works them out where `state` or that part is new.
    pub fn map_contours(
        &mut self,
        cut: Cut,
        state: impl Hash,
        make: impl FnOnce(&Patch) -> Vec<Outline>,
    ) -> &[Outline] {
        let patch = cut.seen.patch();
        let key = key(cut, |hasher| (state, &patch).hash(hasher));
        let entry = self.outlines.entry((cut.plane, Layer::Map)).or_insert_with(|| (!key, Vec::new()));
        if entry.0 != key {
            *entry = (key, make(&patch));
        }
        &entry.1
    }

    /// The outlines of what a click would change; `make` works them out where `key` is new.
    pub fn ghost_outlines(&mut self, plane: Plane, key: u64, make: impl FnOnce() -> Vec<Outline>) -> &[Outline] {
        let entry = self.outlines.entry((plane, Layer::Ghost)).or_insert_with(|| (!key, Vec::new()));
        if entry.0 != key {
            *entry = (key, make());
        }
        &entry.1
    }

    /// The outlines of a slice of labels; worked out where `key` is new.
    pub(super) fn outlines_of(
        &mut self,
        slot: (Plane, Layer),
        key: u64,
        labels: &LabelMap,
        table: &LabelTable,
        cut: Cut,
    ) -> &[Outline] {
        let patch = cut.seen.patch();
        let key = hashed((key, &patch));
        let entry = self.outlines.entry(slot).or_insert_with(|| (!key, Vec::new()));
        if entry.0 != key {
            *entry = (key, outlines(labels, table, (&cut.axes, cut.index), &patch));
        }
        &entry.1
    }

    /// Something laid over the image; made where `key` is new.
    pub(super) fn picture(
        &mut self,
        ctx: &Context,
        layer: Layer,
        cut: Cut,
        key: u64,
        rgba: impl Fn(&Patch) -> Vec<u8>,
    ) -> Picture {
        let (slot, options) = ((cut.plane, layer), TextureOptions::NEAREST);
        self.tiles.picture(ctx, &cut.seen, &Recipe { slot, options, key: &|_| key, rgba: &rgba })
    }
}

/// What a slice and all that its picture depends on hash to.
pub(super) fn key(cut: Cut, rest: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    cut.hash(&mut hasher);
    rest(&mut hasher);
    hasher.finish()
}

fn hashed(state: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
