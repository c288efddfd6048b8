//! Pictures and outlines of slices, made anew only when what they show has changed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

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
    outlines: HashMap<(Plane, Layer), Traced>,
}

/// Outlines that were worked out.
struct Traced {
    /// On which slice they lie.
    slice: u64,
    /// Changes with all that they depend on.
    key: u64,
    outlines: Vec<Outline>,
}

impl Traced {
    /// What is never what `key` stands for, on no slice.
    fn nothing(key: u64) -> Self {
        Self { slice: !key, key: !key, outlines: Vec::new() }
    }
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
    pub fn label_outlines(&mut self, ctx: &Context, case: &Case, cut: Cut, overlay: Overlay) -> &[Outline] {
        if overlay.style == OverlayStyle::Filled {
            return &[];
        }
        let revisions = (case.id, case.history.revision(), case.table_revision);
        let key = key(cut, |hasher| revisions.hash(hasher));
        self.outlines_of(ctx, (cut.plane, Layer::Labels), key, case.history.labels(), &case.table, cut)
    }

    /// The outlines of a preview.
    pub fn preview_outlines(&mut self, ctx: &Context, preview: &Preview, cut: Cut) -> &[Outline] {
        let key = key(cut, |hasher| preview.serial.hash(hasher));
        self.outlines_of(ctx, (cut.plane, Layer::Preview), key, &preview.labels, &preview.table, cut)
    }

    /// A map laid over the image; `rgba` makes it where `state` is new.
    pub fn map(&mut self, ctx: &Context, cut: Cut, state: impl Hash, rgba: impl Fn(&Patch) -> Vec<u8>) -> Picture {
        let key = key(cut, |hasher| state.hash(hasher));
        self.picture(ctx, Layer::Map, cut, key, rgba)
    }

    /// The contours of a map in the part of it that is seen; `make` works them out where `state` or that part is new.
    pub fn map_contours(
        &mut self,
        ctx: &Context,
        cut: Cut,
        state: impl Hash,
        make: impl FnOnce(&Patch) -> Vec<Outline>,
    ) -> &[Outline] {
        let key = key(cut, |hasher| state.hash(hasher));
        self.traced(ctx, (cut.plane, Layer::Map), key, cut, make)
    }

    /// The outlines of what a click would change; `make` works them out where `key` is new.
    pub fn ghost_outlines(&mut self, plane: Plane, key: u64, make: impl FnOnce() -> Vec<Outline>) -> &[Outline] {
        let entry = self.outlines.entry((plane, Layer::Ghost)).or_insert_with(|| Traced::nothing(key));
        if entry.key != key {
            *entry = Traced { slice: key, key, outlines: make() };
        }
        &entry.outlines
    }

    /// The outlines of a slice of labels; worked out where `key` is new.
    pub(super) fn outlines_of(
        &mut self,
        ctx: &Context,
        slot: (Plane, Layer),
        key: u64,
        labels: &LabelMap,
        table: &LabelTable,
        cut: Cut,
    ) -> &[Outline] {
        self.traced(ctx, slot, key, cut, |patch| outlines(labels, table, (&cut.axes, cut.index), patch))
    }

    /// Outlines in the part of a slice that is seen, made where `key` or that part is new. Of a large slice those of before stay
    /// for a frame that has no time left: they lie where they lay, whatever is seen of them.
    fn traced(
        &mut self,
        ctx: &Context,
        slot: (Plane, Layer),
        key: u64,
        cut: Cut,
        make: impl FnOnce(&Patch) -> Vec<Outline>,
    ) -> &[Outline] {
        let patch = cut.seen.outlined();
        let (slice, key) = (self::key(cut, |_| ()), hashed((key, &patch)));
        let can_wait = !cut.seen.is_whole() && !self.tiles.has_time(ctx);
        let entry = self.outlines.entry(slot).or_insert_with(|| Traced::nothing(key));
        if entry.key != key && can_wait && entry.slice == slice {
            ctx.request_repaint();
        } else if entry.key != key {
            let started = Instant::now();
            *entry = Traced { slice, key, outlines: make(&patch) };
            self.tiles.spend(started.elapsed());
        }
        &entry.outlines
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eframe::egui::RawInput;

    use super::*;

    fn outline(id: u16) -> Vec<Outline> {
        vec![Outline { id, corners: Vec::new() }]
    }

    #[test]
    fn outlines_of_a_large_slice_wait_for_a_frame_that_has_time() {
        let ctx = Context::default();
        let axes = SliceAxes { right: 0, down: 1, through: 2, flip_right: false, flip_down: false };
        let seen = Seen { size: [20_000; 2], first: [0; 2], end: [4000; 2], step: 4, limit: 8192 };
        let cut = Cut { plane: Plane::Axial, axes, index: 0, seen };
        let (slot, mut cache) = ((Plane::Axial, Layer::Labels), SliceCache::default());
        assert_eq!(cache.traced(&ctx, slot, 1, cut, |_| outline(1)), outline(1));
        cache.tiles.spend(Duration::from_secs(1));
        assert_eq!(cache.traced(&ctx, slot, 2, cut, |_| outline(2)), outline(1), "those of before stay");
        let other = Cut { index: 1, ..cut };
        assert_eq!(cache.traced(&ctx, slot, 3, other, |_| outline(3)), outline(3), "but on no other slice");

        let _ = ctx.run_ui(RawInput::default(), |_| ());
        assert_eq!(
            cache.traced(&ctx, slot, 2, cut, |patch| {
                assert_eq!(patch.step, 8);
                outline(4)
            }),
            outline(4)
        );
    }
}
