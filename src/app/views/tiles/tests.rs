//! Tiles against the slice that they are cut from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Context, ImageData, RawInput, Rect, TextureId, Vec2, pos2, vec2};

use super::*;
use crate::app::case::Case;
use crate::app::settings::{Interpolation, Overlay, OverlayStyle};
use crate::app::state::Camera;
use crate::app::views::texture::{Cut, SliceCache};
use crate::domain::canvas::Canvas;
use crate::domain::paint::{Brush, BrushShape, BrushSize};
use crate::domain::{Convention, Grid, Label, LabelTable, Plane, Scaling, Volume, Voxels};
use crate::engine::Opened;

const SHAPE: [usize; 3] = [9000, 300, 1];
/// The smallest that letters can do with.
const LIMIT: usize = 1024;
const BACKGROUND: [u8; 4] = [0; 4];

/// Neighbours differ, and so do places a tile apart.
fn gray(x: usize, y: usize) -> u8 {
    ((x * 7 + y * 13 + x / 100) % 251) as u8
}

fn case() -> Case {
    let grid = Grid::picture(SHAPE, None).unwrap();
    let voxels = Voxels::U8((0..SHAPE[1]).flat_map(|y| (0..SHAPE[0]).map(move |x| gray(x, y))).collect());
    let volume = Arc::new(Volume::new(grid, voxels, Scaling::NONE, 1).unwrap());
    let opened =
        Opened { path: None, name: "Wide".into(), volume, header: None, reference: None, warnings: Vec::new() };
    let mut case = Case::new(1, opened);
    case.window = crate::domain::Window::from_range(0.0, 255.0);
    case.table = LabelTable { labels: vec![Label::new(1, "one")] };
    case
}

/// A view, and what its graphics card holds.
struct Stage {
    ctx: Context,
    cache: SliceCache,
    textures: HashMap<TextureId, eframe::egui::ColorImage>,
    camera: Camera,
}

impl Stage {
    /// So many points a pixel, moved by so many pixels.
    fn new(scale: f32, pan_mm: Vec2) -> Self {
        let fit = 0.88 * Self::view().width() / SHAPE[0] as f32;
        let camera = Camera { zoom: scale / fit, pan_mm };
        Self { ctx: Context::default(), cache: SliceCache::default(), textures: HashMap::new(), camera }
    }

    fn view() -> Rect {
        Rect::from_min_size(pos2(0.0, 0.0), vec2(4000.0, 400.0))
    }

    /// Draws frames until the pictures of image and labels no longer change; which textures were set.
    fn settle(&mut self, case: &Case) -> (Picture, Picture, HashSet<TextureId>) {
        let (mut all, mut n_quiet, started, mut last) = (HashSet::new(), 0, Instant::now(), None);
        while n_quiet < 3 {
            assert!(started.elapsed() < Duration::from_secs(60), "it never settles");
            let input =
                RawInput { screen_rect: Some(Self::view()), max_texture_side: Some(LIMIT), ..RawInput::default() };
            let (cache, camera) = (&mut self.cache, self.camera);
            let mut output = self.ctx.run_ui(input, |ui| {
                let axes = case.axes(Plane::Axial, Convention::Radiological);
                let placement = Placement::new(Self::view(), case.grid(), &axes, camera);
                let cut = Cut::new(ui.ctx(), (Plane::Axial, axes), 0, &placement);
                let image = cache.image(ui.ctx(), case, cut, Interpolation::Nearest);
                let overlay = Overlay { style: OverlayStyle::Filled, opacity: 1.0 };
                last = cache.labels(ui.ctx(), case, cut, overlay).map(|labels| (image, labels));
            });
            let mut n_set = 0;
            for (id, images) in output.textures_delta.set.drain() {
                for delta in images {
                    let ImageData::Color(image) = delta.image;
                    // The font is not ours.
                    if matches!(id, TextureId::Managed(1..)) {
                        self.textures.insert(id, (*image).clone());
                        all.insert(id);
                        n_set += 1;
                    }
                }
            }
            let is_waited_for = self.cache.is_waiting();
            n_quiet = if n_set == 0 && !is_waited_for { n_quiet + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(1));
        }
        let (image, labels) = last.expect("labels are drawn");
        (image, labels, all)
    }

    /// What a picture shows at the middle of a pixel; `None` outside it. No two of its parts overlap.
    fn color(&self, picture: &Picture, [x, y]: [usize; 2]) -> Option<[u8; 4]> {
        let at = pos2(x as f32 + 0.5, y as f32 + 0.5);
        let mut parts = picture.parts.iter().filter(|part| part.at.contains(at));
        let part = parts.next()?;
        assert!(parts.next().is_none(), "two parts at {at}");
        let image = &self.textures[&part.texture.id()];
        assert!(image.size.into_iter().all(|side| side <= LIMIT));
        let uv = part.uv.min + (at - part.at.min) / part.at.size() * part.uv.size();
        let texel = [uv.x * image.size[0] as f32, uv.y * image.size[1] as f32].map(|at| at as usize);
        Some(image[(texel[0], texel[1])].to_array())
    }
}

/// The pixels of the slice that a camera sees all of, a few of each row and column, and all near the borders of tiles.
fn looked_at(seen: impl Fn([usize; 2]) -> bool) -> Vec<[usize; 2]> {
    let side = TILE;
    let near = move |at: usize| at % side < 2 || at % side >= side - 2 || at.is_multiple_of(37);
    let all = (0..SHAPE[1]).filter(move |y| near(*y)).flat_map(move |y| (0..SHAPE[0]).map(move |x| [x, y]));
    all.filter(|[x, _]| near(*x)).filter(|pixel| seen(*pixel)).collect()
}

#[test]
fn at_full_size_every_pixel_lies_where_it_should() {
    let case = case();
    // Two points a pixel, the view over the middle.
    let mut stage = Stage::new(2.0, vec2(0.0, 0.0));
    let (image, labels, _) = stage.settle(&case);
    assert!(image.parts.len() >= 4, "{}", image.parts.len());
    let visible = looked_at(|[x, y]| (3505..5495).contains(&x) && (55..245).contains(&y));
    assert!(visible.len() > 100);
    for [x, y] in visible {
        let g = gray(x, y);
        assert_eq!(stage.color(&image, [x, y]), Some([g, g, g, 255]), "{x} {y}");
        assert_eq!(stage.color(&labels, [x, y]), Some(BACKGROUND));
    }
    assert_eq!(stage.color(&image, [10, 10]), None, "what is not seen is not kept");
}

#[test]
fn reduced_every_block_shows_its_mean_in_its_place() {
    let case = case();
    // Ten pixels a point: blocks of 8.
    let mut stage = Stage::new(0.1, vec2(0.0, 0.0));
    let (image, _, _) = stage.settle(&case);
    let step = 8;
    for [x, y] in looked_at(|_| true) {
        let block = |at: usize, end: usize| at / step * step..(at / step * step + step).min(end);
        let (columns, rows) = (block(x, SHAPE[0]), block(y, SHAPE[1]));
        let sum: usize = rows.clone().flat_map(|y| columns.clone().map(move |x| usize::from(gray(x, y)))).sum();
        let mean = sum as f64 / (columns.len() * rows.len()) as f64;
        let shown = stage.color(&image, [x, y]).expect("all of it is seen")[0];
        assert!((f64::from(shown) - mean).abs() <= 0.51, "{x} {y}: {shown} for {mean}");
    }
}

/// Paints a square of 9 × 9 pixels about a voxel.
fn paint(case: &mut Case, at: [usize; 3]) {
    let brush = Brush { shape: BrushShape::Square, size: BrushSize::Voxels(9.0), through: Some(2) };
    let edit = brush.draw(&Canvas::new(case.history.labels(), &case.table), at, at, 1).expect("it changes something");
    case.history.apply(edit);
}

#[test]
fn a_stroke_over_the_border_of_tiles_is_drawn_whole_and_sets_their_textures_alone() {
    let mut case = case();
    let border = 9 * TILE;
    let mut stage = Stage::new(1.0, vec2(4500.0 - border as f32, 0.0));
    let (_, labels, _) = stage.settle(&case);
    let n_visible = labels.parts.len();
    paint(&mut case, [border, 60, 0]);
    let (_, labels, set) = stage.settle(&case);
    // The tiles on both sides, and the coarse picture where there was no time for them.
    assert!(n_visible >= 7 && (2..=3).contains(&set.len()), "{} of {n_visible}", set.len());
    let color = LabelTable::palette(0);
    for y in 50..70 {
        for x in border - 10..border + 10 {
            let is_painted = (border - 4..=border + 4).contains(&x) && (56..=64).contains(&y);
            assert_eq!(case.history.labels().get([x, y, 0]), u16::from(is_painted));
            let expected = if is_painted { [color[0], color[1], color[2], 255] } else { BACKGROUND };
            assert_eq!(stage.color(&labels, [x, y]), Some(expected), "{x} {y}");
        }
    }
    case.history.undo();
    let (_, labels, _) = stage.settle(&case);
    assert_eq!(stage.color(&labels, [border, 60]), Some(BACKGROUND));
}

#[test]
fn reduced_outlines_lie_on_the_slice() {
    let mut case = case();
    for x in (4..SHAPE[0]).step_by(9) {
        for y in (4..SHAPE[1]).step_by(9) {
            paint(&mut case, [x, y, 0]);
        }
    }
    let axes = case.axes(Plane::Axial, Convention::Radiological);
    let camera = Stage::new(0.1, vec2(0.0, 0.0)).camera;
    let placement = Placement::new(Stage::view(), case.grid(), &axes, camera);
    let ctx = Context::default();
    let cut = Cut::new(&ctx, (Plane::Axial, axes), 0, &placement);
    assert_eq!(cut.seen.step, 8);
    let mut cache = SliceCache::default();
    let overlay = Overlay { style: OverlayStyle::Outline, opacity: 1.0 };
    let outlines = cache.label_outlines(&ctx, &case, cut, overlay);
    let corners: Vec<[u32; 2]> = outlines.iter().flat_map(|outline| outline.corners.clone()).collect();
    // The last square ends before row 297, behind the middle of the last block of 16.
    assert_eq!(corners, [[0, 0], [9000, 0], [9000, 300], [0, 300]]);
}
