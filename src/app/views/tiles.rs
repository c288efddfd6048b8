//! Pictures of slices on the graphics card: a slice that fits is one texture; of a larger one only the part that is seen is
//! kept, in tiles, reduced as far as the screen shows it.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use eframe::egui::{Color32, ColorImage, Context, Painter, Rect, TextureHandle, TextureOptions, pos2};

use super::geometry::Placement;
use super::texture::Layer;
use crate::domain::Plane;
use crate::domain::patch::Patch;

/// A slice with no longer side than this is one texture.
const LARGEST_WHOLE: usize = 2048;
/// Pixels along each side of a tile, without the rim.
const TILE: usize = 512;
/// How long tiles are made in a frame; the others wait for the next one.
const TIME_A_FRAME: Duration = Duration::from_millis(10);
/// Textures that are kept.
const MAX_TILES: usize = 256;

/// What of a slice is seen, and how finely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Pixels of the whole slice.
    pub size: [usize; 2],
    /// The first column and row that are seen.
    pub first: [usize; 2],
    /// The column and row behind the last that are seen.
    pub end: [usize; 2],
    /// Pixels of the slice along each side of what is one pixel of the screen, or a little less than one: a power of two.
    pub step: usize,
    /// The longest side of a texture that the device can have.
    pub limit: usize,
}

impl Seen {
    /// What of a slice is seen in its place.
    pub fn new(ctx: &Context, placement: &Placement) -> Self {
        let (first, end) = placement.pixels_in_view();
        // Where pixels are longer one way, that way decides.
        let pixels_each = 1.0 / (placement.points_per_pixel().max_elem() * ctx.pixels_per_point());
        let step = 1 << (pixels_each.max(1.0).log2() as u32).min(20);
        Self { size: placement.n_pixels(), first, end, step, limit: ctx.input(|input| input.max_texture_side) }
    }

    /// The parts of which something is seen, where the screen shows them reduced.
    pub fn reduced(&self) -> impl Iterator<Item = Patch> + use<> {
        let step = self.step.min(self.coarsest());
        let is_reduced = !self.is_whole() && step > 1;
        is_reduced.then(|| tiles(self, step).map(|(_, _, outer)| outer)).into_iter().flatten()
    }

    /// Whether the slice is one texture.
    pub fn is_whole(&self) -> bool {
        self.size.into_iter().all(|n| n <= LARGEST_WHOLE.min(self.limit))
    }

    /// Pixels along each side of a tile, without the rim.
    fn tile(&self) -> usize {
        TILE.min(self.limit.saturating_sub(2)).max(1)
    }

    /// The step at which one tile holds the whole slice.
    fn coarsest(&self) -> usize {
        self.size[0].max(self.size[1]).div_ceil(self.tile()).next_power_of_two()
    }

    /// The part of the slice that is seen, or all of one that is small. Moves in steps with what is seen.
    pub fn patch(&self) -> Patch {
        if self.is_whole() {
            return Patch::whole(self.size);
        }
        let grain = self.step * self.tile() / 4;
        let span = |axis: usize| {
            let (first, end) = (self.first[axis] / grain * grain, self.end[axis].div_ceil(grain) * grain);
            first..end.clamp(first + 1, self.size[axis])
        };
        Patch { columns: span(0), rows: span(1), step: self.step }
    }

    /// The same for outlines, which take longer: where the slice is reduced they keep to blocks of up to two pixels of the screen.
    pub fn outlined(&self) -> Patch {
        let patch = self.patch();
        let step = if self.is_whole() || patch.step == 1 { patch.step } else { patch.step * 2 };
        Patch { step, ..patch }
    }
}

/// What a picture is for, how far it is reduced, and which tile of it this is.
type Place = ((Plane, Layer), usize, [usize; 2]);

/// A slice on the graphics card.
#[derive(Clone)]
pub struct Picture {
    parts: Vec<Part>,
}

/// A texture, or a part of one, and where it lies.
#[derive(Clone)]
struct Part {
    texture: TextureHandle,
    /// In pixels of the slice.
    at: Rect,
    /// The part of the texture.
    uv: Rect,
}

impl Picture {
    /// Paints it in its place.
    pub fn paint(&self, painter: &Painter, placement: &Placement) {
        for Part { texture, at, uv } in &self.parts {
            let corner = |at: eframe::egui::Pos2| placement.screen_from_slice([at.x, at.y]);
            painter.image(texture.id(), Rect::from_min_max(corner(at.min), corner(at.max)), *uv, Color32::WHITE);
        }
    }
}

/// How a picture is made.
pub struct Recipe<'a> {
    /// What it is for.
    pub slot: (Plane, Layer),
    /// How the graphics card shows it.
    pub options: TextureOptions,
    /// Changes with all that a part of the picture depends on.
    pub key: &'a dyn Fn(&Patch) -> u64,
    /// Rows of RGBA of a part.
    pub rgba: &'a dyn Fn(&Patch) -> Vec<u8>,
}

/// The textures of all slices on the screen.
#[derive(Default)]
pub struct Tiles {
    tiles: HashMap<Place, Tile>,
    /// The frame, and how long tiles were made in it.
    spent: (u64, Duration),
}

struct Tile {
    key: u64,
    part: Part,
    used_in: u64,
}

impl std::fmt::Debug for Tiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tiles").field("n", &self.tiles.len()).finish_non_exhaustive()
    }
}

impl Tiles {
    /// Frees everything.
    pub fn clear(&mut self) {
        self.tiles.clear();
    }

    /// What is seen of a slice. What there was no time to make is shown coarsely until a later frame.
    pub fn picture(&mut self, ctx: &Context, seen: &Seen, recipe: &Recipe<'_>) -> Picture {
        self.begin_frame(ctx);
        if seen.is_whole() {
            let part = self.part(ctx, recipe, (1, [0, 0]), &Patch::whole(seen.size), Patch::whole(seen.size));
            return Picture { parts: vec![part] };
        }
        let (mut parts, mut waiting) = (Vec::new(), Vec::new());
        let step = seen.step.min(seen.coarsest());
        for (place, inner, outer) in tiles(seen, step) {
            let is_there =
                self.tiles.get(&(recipe.slot, step, place)).is_some_and(|tile| tile.key == (recipe.key)(&outer));
            if is_there || self.spent.1 < TIME_A_FRAME || step == seen.coarsest() {
                parts.push(self.part(ctx, recipe, (step, place), &inner, outer));
            } else {
                waiting.push(inner);
            }
        }
        if !waiting.is_empty() {
            let whole = Patch { step: seen.coarsest(), ..Patch::whole(seen.size) };
            let coarse = self.part(ctx, recipe, (whole.step, [0, 0]), &whole.clone(), whole.clone());
            parts.extend(waiting.into_iter().map(|inner| Part {
                texture: coarse.texture.clone(),
                at: rect(&inner),
                uv: uv(&inner, &whole),
            }));
            ctx.request_repaint();
        }
        self.forget_oldest();
        Picture { parts }
    }

    /// Whether this frame has time left for what can wait for another one.
    pub fn has_time(&mut self, ctx: &Context) -> bool {
        self.begin_frame(ctx);
        self.spent.1 < TIME_A_FRAME
    }

    /// Time of this frame went into something else that is shown with the tiles.
    pub fn spend(&mut self, time: Duration) {
        self.spent.1 += time;
    }

    fn begin_frame(&mut self, ctx: &Context) {
        if self.spent.0 != ctx.cumulative_frame_nr() {
            self.spent = (ctx.cumulative_frame_nr(), Duration::ZERO);
        }
    }

    /// One texture of the pixels `outer`, of which `inner` are shown; made where its key is new.
    fn part(
        &mut self,
        ctx: &Context,
        recipe: &Recipe<'_>,
        (step, place): (usize, [usize; 2]),
        inner: &Patch,
        outer: Patch,
    ) -> Part {
        let (name, key, now) = ((recipe.slot, step, place), (recipe.key)(&outer), self.spent.0);
        if let Some(tile) = self.tiles.get_mut(&name).filter(|tile| tile.key == key) {
            tile.used_in = now;
            return tile.part.clone();
        }
        let started = Instant::now();
        let build = if recipe.slot.1 == Layer::Image {
            ColorImage::from_rgba_premultiplied
        } else {
            ColorImage::from_rgba_unmultiplied
        };
        let image = build(outer.size(), &(recipe.rgba)(&outer));
        let texture = match self.tiles.remove(&name) {
            Some(Tile { part: Part { mut texture, .. }, .. }) => {
                texture.set(image, recipe.options);
                texture
            }
            None => ctx.load_texture(format!("{name:?}"), image, recipe.options),
        };
        let part = Part { texture, at: rect(inner), uv: uv(inner, &outer) };
        self.tiles.insert(name, Tile { key, part: part.clone(), used_in: now });
        self.spent.1 += started.elapsed();
        part
    }

    /// Frees what was not shown for the longest time, where there is too much.
    fn forget_oldest(&mut self) {
        if self.tiles.len() <= MAX_TILES {
            return;
        }
        let mut ages: Vec<u64> = self.tiles.values().map(|tile| tile.used_in).collect();
        ages.sort_unstable();
        // Never what this frame shows.
        let oldest = ages[ages.len() - MAX_TILES * 3 / 4].min(self.spent.0);
        self.tiles.retain(|_, tile| tile.used_in >= oldest);
    }
}

/// The tiles that are seen: the place of each, the pixels that it shows, and with them a rim of one pixel of its own, so that
/// neighbours blend into each other.
fn tiles(seen: &Seen, step: usize) -> impl Iterator<Item = ([usize; 2], Patch, Patch)> + use<> {
    let (size, side) = (seen.size, seen.tile() * step);
    let spans = [0, 1].map(|axis| seen.first[axis] / side..seen.end[axis].div_ceil(side));
    let [columns, rows] = spans;
    let inner = move |at: usize, axis: usize| at * side..((at + 1) * side).min(size[axis]);
    let outer =
        move |range: &Range<usize>, axis: usize| range.start.saturating_sub(step)..(range.end + step).min(size[axis]);
    rows.flat_map(move |y| columns.clone().map(move |x| [x, y])).map(move |[x, y]| {
        let shown = Patch { columns: inner(x, 0), rows: inner(y, 1), step };
        let held = Patch { columns: outer(&shown.columns, 0), rows: outer(&shown.rows, 1), step };
        ([x, y], shown, held)
    })
}

fn rect(patch: &Patch) -> Rect {
    let corner = |x: usize, y: usize| pos2(x as f32, y as f32);
    Rect::from_min_max(corner(patch.columns.start, patch.rows.start), corner(patch.columns.end, patch.rows.end))
}

/// Where the pixels of `inner` lie in a texture of those of `outer`.
fn uv(inner: &Patch, outer: &Patch) -> Rect {
    let [width, height] = outer.size().map(|n| (n * outer.step) as f32);
    let x = |at: usize| (at - outer.columns.start) as f32 / width;
    let y = |at: usize| (at - outer.rows.start) as f32 / height;
    let (columns, rows) = (&inner.columns, &inner.rows);
    Rect::from_min_max(pos2(x(columns.start), y(rows.start)), pos2(x(columns.end), y(rows.end)))
}

#[cfg(test)]
mod tests;
