//! Slices as textures, made anew only when what they show has changed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};

use super::contour::{Outline, outlines};
use crate::app::case::{Case, Preview};
use crate::app::settings::{Interpolation, Overlay, OverlayStyle};
use crate::domain::{LabelMap, LabelTable, Plane, Volume, Window, grid::SliceAxes};

/// Opacity of a preview's areas, whatever the labels' is.
const PREVIEW_OPACITY: f32 = 0.28;

/// A slice on the graphics card.
#[derive(Clone)]
pub struct SliceTexture {
    /// To draw it with.
    pub texture: TextureHandle,
    /// Every how many-th pixel it holds: more than 1 where the slice is larger than the device's textures can be.
    pub stride: usize,
}

/// What a texture is for.
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

/// Textures and outlines of the slices on the screen.
#[derive(Default)]
pub struct SliceCache {
    textures: HashMap<(Plane, Layer), (u64, SliceTexture)>,
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
}

impl Cut {
    fn hash(&self, hasher: &mut DefaultHasher) {
        let SliceAxes { right, down, through, flip_right, flip_down } = self.axes;
        (right, down, through, flip_right, flip_down, self.index).hash(hasher);
    }
}

impl std::fmt::Debug for SliceCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SliceCache").field("textures", &self.textures.len()).finish_non_exhaustive()
    }
}

impl SliceCache {
    /// Frees everything.
    pub fn clear(&mut self) {
        self.textures.clear();
        self.outlines.clear();
    }

    /// The image of a case.
    pub fn image(&mut self, ctx: &Context, case: &Case, cut: Cut, interpolation: Interpolation) -> SliceTexture {
        self.volume(ctx, &case.opened.volume, case.id, case.frame, cut, case.window, interpolation)
    }

    /// A slice of a volume; `serial` tells volumes apart.
    #[expect(clippy::too_many_arguments, reason = "each is one thing that the picture depends on")]
    pub fn volume(
        &mut self,
        ctx: &Context,
        volume: &Volume,
        serial: u64,
        frame: usize,
        cut: Cut,
        window: Window,
        interpolation: Interpolation,
    ) -> SliceTexture {
        let key = key(cut, |hasher| {
            (serial, frame, window.width.to_bits(), window.level.to_bits()).hash(hasher);
            (interpolation == Interpolation::Linear).hash(hasher);
        });
        let options = match interpolation {
            Interpolation::Linear => TextureOptions::LINEAR,
            Interpolation::Nearest => {
                TextureOptions { minification: TextureOptions::LINEAR.minification, ..TextureOptions::NEAREST }
            }
        };
        self.texture(ctx, (cut.plane, Layer::Image), key, options, || {
            volume.slice_rgba(frame, &cut.axes, cut.index, window)
        })
    }

    /// The areas of a case's labels, where they are drawn.
    pub fn labels(&mut self, ctx: &Context, case: &Case, cut: Cut, overlay: Overlay) -> Option<SliceTexture> {
        if overlay.style == OverlayStyle::Outline {
            return None;
        }
        let revisions = (case.id, case.history.revision(), case.table_revision);
        let key = key(cut, |hasher| (revisions, overlay.opacity.to_bits()).hash(hasher));
        Some(self.texture(ctx, (cut.plane, Layer::Labels), key, TextureOptions::NEAREST, || {
            case.history.labels().slice_rgba(&case.table, &cut.axes, cut.index, overlay.opacity, false)
        }))
    }

    /// The areas of a preview.
    pub fn preview(&mut self, ctx: &Context, preview: &Preview, cut: Cut) -> SliceTexture {
        let key = key(cut, |hasher| preview.serial.hash(hasher));
        self.texture(ctx, (cut.plane, Layer::Preview), key, TextureOptions::NEAREST, || {
            preview.labels.slice_rgba(&preview.table, &cut.axes, cut.index, PREVIEW_OPACITY, false)
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
    pub fn map(
        &mut self,
        ctx: &Context,
        cut: Cut,
        state: impl Hash,
        rgba: impl FnOnce() -> (usize, usize, Vec<u8>),
    ) -> SliceTexture {
        let key = key(cut, |hasher| state.hash(hasher));
        self.texture(ctx, (cut.plane, Layer::Map), key, TextureOptions::NEAREST, rgba)
    }

    /// The contours of a map; `make` works them out where `state` is new.
    pub fn map_contours(&mut self, cut: Cut, state: impl Hash, make: impl FnOnce() -> Vec<Outline>) -> &[Outline] {
        let key = key(cut, |hasher| state.hash(hasher));
        let entry = self.outlines.entry((cut.plane, Layer::Map)).or_insert_with(|| (!key, Vec::new()));
        if entry.0 != key {
            *entry = (key, make());
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
        let entry = self.outlines.entry(slot).or_insert_with(|| (!key, Vec::new()));
        if entry.0 != key {
            *entry = (key, outlines(labels, table, &cut.axes, cut.index));
        }
        &entry.1
    }

    /// A texture; made where `key` is new.
    pub(super) fn texture(
        &mut self,
        ctx: &Context,
        slot: (Plane, Layer),
        key: u64,
        options: TextureOptions,
        rgba: impl FnOnce() -> (usize, usize, Vec<u8>),
    ) -> SliceTexture {
        if let Some((known, texture)) = self.textures.get(&slot)
            && *known == key
        {
            return texture.clone();
        }
        let limit = ctx.input(|input| input.max_texture_side);
        let (image, stride) = image_within(rgba(), limit, slot.1 == Layer::Image);
        let texture = match self.textures.remove(&slot) {
            Some((_, mut old)) => {
                old.texture.set(image, options);
                old.texture
            }
            None => ctx.load_texture(format!("{slot:?}"), image, options),
        };
        let texture = SliceTexture { texture, stride };
        self.textures.insert(slot, (key, texture.clone()));
        texture
    }
}

/// What a slice and all that its picture depends on hash to.
pub(super) fn key(cut: Cut, rest: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    cut.hash(&mut hasher);
    rest(&mut hasher);
    hasher.finish()
}

/// The image, thinned to every `stride`-th pixel where a side is longer than `limit`.
fn image_within((width, height, rgba): (usize, usize, Vec<u8>), limit: usize, is_opaque: bool) -> (ColorImage, usize) {
    let stride = width.max(height).div_ceil(limit.max(1)).max(1);
    let build = if is_opaque { ColorImage::from_rgba_premultiplied } else { ColorImage::from_rgba_unmultiplied };
    if stride == 1 {
        return (build([width, height], &rgba), 1);
    }
    let size = [width.div_ceil(stride), height.div_ceil(stride)];
    let mut thinned = Vec::with_capacity(size[0] * size[1] * 4);
    for row in rgba.chunks_exact(width * 4).step_by(stride) {
        for pixel in row.chunks_exact(4).step_by(stride) {
            thinned.extend_from_slice(pixel);
        }
    }
    (build(size, &thinned), stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_larger_than_the_device_allows_is_thinned_and_says_so() {
        let rgba: Vec<u8> = (0..5 * 3).flat_map(|i| [i, i, i, 255]).collect();
        let (image, stride) = image_within((5, 3, rgba), 3, true);
        assert_eq!((image.size, stride), ([3, 2], 2));
        let reds: Vec<u8> = image.pixels.iter().map(|pixel| pixel.r()).collect();
        assert_eq!(reds, [0, 2, 4, 10, 12, 14]);
    }

    #[test]
    fn a_slice_that_fits_is_left_alone() {
        let (image, stride) = image_within((2, 1, vec![9; 8]), 2048, true);
        assert_eq!((image.size, stride), ([2, 1], 1));
    }
}
