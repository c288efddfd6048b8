//! A part of the interface as a PNG, drawn on the processor: the same on every machine, with a graphics card or without.

use eframe::egui::epaint::{ClippedPrimitive, ImageData, Mesh, Primitive, Vertex};
use eframe::egui::{Color32, Context, Pos2, RawInput, Rect, TextureId, Theme, Ui, pos2, vec2};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::theme;

/// Pixels to the point: sharp in print.
const SCALE: f32 = 2.0;
/// Frames until sizes have settled.
const N_FRAMES: usize = 4;

/// A PNG of what `draw` draws on `size` points, in the light theme, as documents are. Takes tens of milliseconds: not for a frame.
///
/// # Errors
/// The picture could not be encoded.
pub fn png(size: [f32; 2], mut draw: impl FnMut(&mut Ui)) -> Result<Vec<u8>, image::ImageError> {
    let ctx = Context::default();
    theme::install(&ctx);
    ctx.set_theme(Theme::Light);
    let mut glyphs = Pixels::default();
    let mut primitives = Vec::new();
    for frame in 0..N_FRAMES {
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(size[0], size[1]))),
            // Nothing is half faded in.
            time: Some(frame as f64),
            ..RawInput::default()
        };
        input.viewports.entry(input.viewport_id).or_default().native_pixels_per_point = Some(SCALE);
        let output = ctx.run_ui(input, |ui| draw(ui));
        // The font's texture is the only one: charts hold no pictures.
        for delta in output.textures_delta.set.get(&TextureId::default()).into_iter().flatten() {
            let ImageData::Color(image) = &delta.image;
            glyphs.set(delta.pos, image.size, &image.pixels);
        }
        primitives = ctx.tessellate(output.shapes, output.pixels_per_point);
    }
    let mut page = Pixels::new(size.map(|points| (points * SCALE).round() as usize), Color32::WHITE);
    for ClippedPrimitive { clip_rect, primitive } in &primitives {
        if let Primitive::Mesh(mesh) = primitive {
            page.draw(mesh, *clip_rect, &glyphs);
        }
    }
    page.encode()
}

/// Premultiplied pixels, row by row.
#[derive(Default)]
struct Pixels {
    size: [usize; 2],
    colors: Vec<Color32>,
}

impl Pixels {
    fn new(size: [usize; 2], color: Color32) -> Self {
        Self { size, colors: vec![color; size[0] * size[1]] }
    }

    /// Replaces a part, or everything.
    fn set(&mut self, at: Option<[usize; 2]>, [width, height]: [usize; 2], colors: &[Color32]) {
        let Some([x, y]) = at else {
            *self = Self { size: [width, height], colors: colors.to_vec() };
            return;
        };
        for row in 0..height {
            let start = (y + row) * self.size[0] + x;
            self.colors[start..start + width].copy_from_slice(&colors[row * width..(row + 1) * width]);
        }
    }

    /// Draws triangles in points.
    fn draw(&mut self, mesh: &Mesh, clip: Rect, glyphs: &Self) {
        let clip = Rect::from_min_max((clip.min.to_vec2() * SCALE).to_pos2(), (clip.max.to_vec2() * SCALE).to_pos2());
        for corners in mesh.indices.chunks_exact(3) {
            let corners = [0, 1, 2].map(|i| mesh.vertices[corners[i] as usize]);
            self.triangle(
                corners.map(|Vertex { pos, uv, color }| Vertex { pos: pos * SCALE, uv, color }),
                clip,
                glyphs,
            );
        }
    }

    fn triangle(&mut self, [a, b, c]: [Vertex; 3], clip: Rect, glyphs: &Self) {
        let area = cross(a.pos, b.pos, c.pos);
        if area == 0.0 {
            return;
        }
        let bounds = Rect::from_points(&[a.pos, b.pos, c.pos]).intersect(clip);
        let range =
            |low: f32, high: f32, n: usize| (low.floor().max(0.0) as usize)..(high.ceil().max(0.0) as usize).min(n);
        for y in range(bounds.top(), bounds.bottom(), self.size[1]) {
            for x in range(bounds.left(), bounds.right(), self.size[0]) {
                let middle = pos2(x as f32 + 0.5, y as f32 + 0.5);
                let edges =
                    [(b, c), (c, a), (a, b)].map(|(from, to)| (cross(from.pos, to.pos, middle) / area, from, to));
                // A pixel on an edge that two triangles share belongs to one of them.
                let is_in = |(part, from, to): &(f32, Vertex, Vertex)| {
                    *part > 0.0 || *part == 0.0 && owns_edge(from.pos, to.pos, area)
                };
                if !clip.contains(middle) || !edges.iter().all(is_in) {
                    continue;
                }
                let [u, v, w] = edges.map(|(part, ..)| part);
                let mix = |of: fn(&Vertex) -> f32| u * of(&a) + v * of(&b) + w * of(&c);
                let glyph = glyphs.at(mix(|vertex| vertex.uv.x), mix(|vertex| vertex.uv.y));
                let color: [f32; 4] = std::array::from_fn(|channel| {
                    let of = |vertex: &Vertex| f32::from(vertex.color.to_array()[channel]);
                    (u * of(&a) + v * of(&b) + w * of(&c)) * f32::from(glyph.to_array()[channel]) / 255.0
                });
                self.blend(y * self.size[0] + x, color);
            }
        }
    }

    fn blend(&mut self, at: usize, color: [f32; 4]) {
        let under = self.colors[at].to_array();
        let [r, g, b, _]: [u8; 4] =
            std::array::from_fn(|i| (color[i] + f32::from(under[i]) * (1.0 - color[3] / 255.0)).round() as u8);
        self.colors[at] = Color32::from_rgb(r, g, b);
    }

    /// The nearest pixel, by parts of the width and height.
    fn at(&self, u: f32, v: f32) -> Color32 {
        let of = |part: f32, n: usize| ((part * n as f32).max(0.0) as usize).min(n.saturating_sub(1));
        let position = of(v, self.size[1]) * self.size[0] + of(u, self.size[0]);
        self.colors.get(position).copied().unwrap_or(Color32::WHITE)
    }

    fn encode(&self) -> Result<Vec<u8>, image::ImageError> {
        let rgb: Vec<u8> = self.colors.iter().flat_map(|color| [color.r(), color.g(), color.b()]).collect();
        let mut bytes = Vec::new();
        let encoder = PngEncoder::new(&mut bytes);
        encoder.write_image(&rgb, self.size[0] as u32, self.size[1] as u32, ExtendedColorType::Rgb8)?;
        Ok(bytes)
    }
}

/// Twice the area of a triangle, positive one way round.
fn cross(a: Pos2, b: Pos2, c: Pos2) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// One of the two directions that an edge can be walked in, whichever way round its triangle is.
fn owns_edge(from: Pos2, to: Pos2, area: f32) -> bool {
    let (dx, dy) = ((to.x - from.x) * area.signum(), (to.y - from.y) * area.signum());
    dy > 0.0 || dy == 0.0 && dx < 0.0
}

#[cfg(test)]
mod tests {
    use eframe::egui::Sense;

    use super::*;

    fn decoded(bytes: &[u8]) -> image::RgbImage {
        image::load_from_memory(bytes).expect("a picture").into_rgb8()
    }

    #[test]
    fn a_square_is_drawn_where_it_lies_and_without_a_seam() {
        let red = crate::app::theme::label_color([200, 10, 20]);
        let bytes = png([40.0, 30.0], |ui| {
            ui.painter().rect_filled(
                Rect::from_min_size(pos2(10.0, 5.0), vec2(20.0, 10.0)),
                0.0,
                red.gamma_multiply(0.5),
            );
            ui.allocate_exact_size(vec2(1.0, 1.0), Sense::hover());
        });
        let picture = decoded(&bytes.expect("encoded"));
        assert_eq!(picture.dimensions(), (80, 60));
        let inside = *picture.get_pixel(40, 20);
        assert!(inside[0] > inside[1]);
        // The diagonal between its two triangles is neither left out nor drawn twice.
        for x in 24..56 {
            for y in 14..26 {
                assert_eq!(*picture.get_pixel(x, y), inside, "{x} {y}");
            }
        }
        assert_ne!(*picture.get_pixel(4, 4), inside);
    }

    #[test]
    fn text_is_drawn() {
        let picture = |text: &'static str| decoded(&png([80.0, 30.0], |ui| drop(ui.label(text))).expect("encoded"));
        let dark = |picture: &image::RgbImage| picture.pixels().filter(|pixel| pixel[0] < 110).count();
        assert!(dark(&picture("Dice")) > 100, "{}", dark(&picture("Dice")));
        assert_eq!(dark(&picture("")), 0);
    }
}
