//! Slices as a screen shows them, drawn without one: the image, labels on it, or a map on it, as PNG.

use std::collections::BTreeSet;
use std::io::Cursor;

use anyhow::Context as _;
use image::imageops::{FilterType, resize};
use image::{ImageFormat, Rgb, RgbImage};

use super::Report;
use super::html::base64;
use crate::domain::grid::SliceAxes;
use crate::domain::measure::round_length;
use crate::domain::{LabelMap, LabelTable, Plane};

const PLANES: [Plane; 3] = [Plane::Axial, Plane::Coronal, Plane::Sagittal];

/// Pixels of a picture's longer side.
const LONGER_SIDE: f64 = 420.0;
/// The largest part of a picture's width that its bar takes.
const BAR_SHARE: f64 = 0.25;
/// Height of the bar, and its distance from the picture's edges, in pixels.
const BAR_HEIGHT: u32 = 3;
const BAR_INSET: u32 = 10;
/// How strongly labels cover the image: inside, and along their outline.
const FILL: f32 = 0.28;
const OUTLINE: f32 = 0.95;
/// How strongly the largest value of a map covers the image.
const HEAT: f32 = 0.9;

/// Dark to bright, evenly to the eye and to the colour-blind: van der Walt and Smith's "inferno", every eighth of the way.
pub(super) const RAMP: [[u8; 3]; 9] = [
    [0, 0, 4],
    [31, 12, 72],
    [85, 15, 109],
    [136, 34, 106],
    [186, 54, 85],
    [227, 89, 51],
    [249, 140, 10],
    [249, 201, 50],
    [252, 255, 164],
];

/// One slice of the report's frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice<'a> {
    report: &'a Report,
    /// The plane that it is nearest to.
    pub plane: Plane,
    axes: SliceAxes,
    /// Counted along the axis that goes through.
    pub index: usize,
}

impl<'a> Slice<'a> {
    /// Those that a report shows: of a volume one in each plane, of a picture that alone, of several pictures or frames the one that
    /// was answered, or else the first, the one that [`Slice::of`] chooses and the last.
    pub fn shown(report: &'a Report) -> Vec<Self> {
        let all = PLANES.map(|plane| Self::of(report, plane));
        let grid = report.volume.grid();
        if !report.shows_pictures() {
            let is_thin =
                |slice: &Self| [slice.axes.right, slice.axes.down].iter().any(|axis| grid.shape()[*axis] == 1);
            return all.into_iter().filter(|slice| !is_thin(slice)).collect();
        }
        let chosen = all.into_iter().filter(|slice| slice.axes.through == 2);
        let with_ends = |slice: Self| {
            let indices = match report.answer.slice {
                Some(only) => BTreeSet::from([only.index]),
                None => BTreeSet::from([0, slice.index, slice.n_slices() - 1]),
            };
            indices.into_iter().map(move |index| Self { index, ..slice })
        };
        chosen.flat_map(with_ends).collect()
    }

    /// What it is called.
    pub fn name(&self) -> String {
        let plane = match self.plane {
            Plane::Axial => "Axial",
            Plane::Coronal => "Coronal",
            Plane::Sagittal => "Sagittal",
        };
        let grid = self.report.volume.grid();
        match (self.index + 1, self.n_slices()) {
            (number, n) if grid.is_series() => format!("Frame {number} of {n}"),
            (_, 1) if self.report.shows_pictures() => "Picture".to_owned(),
            (number, n) if self.report.shows_pictures() => format!("Slice {number} of {n}"),
            (number, n) => format!("{plane}, slice {number} of {n}"),
        }
    }

    /// The slice through the report's focus; without one that with most labelled voxels, the middle one where nothing is.
    pub fn of(report: &'a Report, plane: Plane) -> Self {
        let grid = report.volume.grid();
        let axes = grid.slice_axes(plane, report.convention);
        if let Some(focus) = report.focus {
            return Self { report, plane, axes, index: focus[axes.through] };
        }
        let mut counts = vec![0_u64; grid.shape()[axes.through]];
        for (at, _) in report.answer.labels.iter().enumerate().filter(|&(_, id)| id != 0) {
            counts[grid.voxel(at)[axes.through]] += 1;
        }
        let most = counts.iter().copied().max().filter(|&most| most > 0);
        let index = most.and_then(|most| counts.iter().position(|&count| count == most)).unwrap_or(counts.len() / 2);
        Self { report, plane, axes, index }
    }

    /// Slices that there are.
    pub fn n_slices(&self) -> usize {
        self.shape()[self.axes.through]
    }

    /// The sides of the patient at the left, right, top and bottom edge; `None` of a picture.
    pub fn letters(&self) -> Option<[char; 4]> {
        self.report.volume.grid().edge_letters(self.plane, self.report.convention)
    }

    /// The length of the bar in the pictures, a round one, with its unit: millimetres, or pixels where those are the world's.
    pub fn bar(&self) -> (f64, &'static str) {
        let unit = if self.report.volume.grid().is_scaled() { "mm" } else { "px" };
        (round_length(self.size_mm()[0] * BAR_SHARE), unit)
    }

    /// The image alone.
    pub fn image(&self) -> anyhow::Result<String> {
        self.finished(self.scaled(&self.gray()))
    }

    /// The image under labels: filled lightly, outlined strongly.
    pub fn with_labels(&self, labels: &LabelMap, table: &LabelTable) -> anyhow::Result<String> {
        let mut picture = self.scaled(&self.gray());
        let (width, height) = picture.dimensions();
        let (n_right, n_down, ids) = labels.slice_ids(&self.axes, self.index);
        let native = |at: u32, of: u32, n: usize| (at as usize * n / of as usize).min(n - 1);
        let id = |x: u32, y: u32| ids[native(y, height, n_down) * n_right + native(x, width, n_right)];
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            let own = id(x, y);
            let Some(label) = table.get(own).filter(|label| label.visible) else { continue };
            let beside = [
                (x.saturating_sub(1), y),
                (x, y.saturating_sub(1)),
                ((x + 1).min(width - 1), y),
                (x, (y + 1).min(height - 1)),
            ];
            let is_outline = beside.into_iter().any(|(x, y)| id(x, y) != own);
            blend(&mut pixel.0, label.color, if is_outline { OUTLINE } else { FILL });
        }
        self.finished(picture)
    }

    /// The image under a map with one value for each voxel, 0 (clear) to `most`.
    pub fn with_map(&self, map: &[f32], most: f32) -> anyhow::Result<String> {
        let grid = self.report.volume.grid();
        let mut picture = self.gray();
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            let voxel = self.axes.voxel(self.shape(), [x as usize, y as usize], self.index);
            let share = (map[grid.index(voxel)] / most.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0);
            blend(&mut pixel.0, ramp(share), HEAT * share.sqrt());
        }
        self.finished(self.scaled(&picture))
    }

    fn shape(&self) -> [usize; 3] {
        self.report.volume.grid().shape()
    }

    /// One pixel for each voxel.
    fn gray(&self) -> RgbImage {
        let Report { volume, frame, window, .. } = self.report;
        let (width, height, rgba) = volume.slice_rgba(*frame, &self.axes, self.index, *window);
        let rgb = rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        RgbImage::from_raw(width as u32, height as u32, rgb).unwrap_or_else(|| RgbImage::new(1, 1))
    }

    /// Square pixels, whatever the voxels are.
    fn scaled(&self, picture: &RgbImage) -> RgbImage {
        let [width, height] = self.size_mm().map(|mm| ((mm * self.pixels_per_mm()).round() as u32).max(1));
        resize(picture, width, height, FilterType::CatmullRom)
    }

    /// Across and down.
    fn size_mm(&self) -> [f64; 2] {
        let spacing_mm = self.report.volume.grid().spacing_mm();
        [self.axes.right, self.axes.down].map(|axis| self.shape()[axis] as f64 * spacing_mm[axis])
    }

    fn pixels_per_mm(&self) -> f64 {
        let [width_mm, height_mm] = self.size_mm();
        LONGER_SIDE / width_mm.max(height_mm)
    }

    /// A scaled picture with its bar, as a URI that holds it.
    fn finished(&self, picture: RgbImage) -> anyhow::Result<String> {
        encoded(&self.with_bar(picture))
    }

    /// A scaled picture with its bar at the bottom left.
    pub fn with_bar(&self, mut picture: RgbImage) -> RgbImage {
        let length = (self.bar().0 * self.pixels_per_mm()).round() as u32;
        let bottom = picture.height().saturating_sub(BAR_INSET);
        // White with a dark rim, which is seen on every image.
        for (rim, color) in [(1, [0; 3]), (0, [255; 3])] {
            let (left, top) = (BAR_INSET - rim, bottom.saturating_sub(BAR_HEIGHT + rim));
            for y in top..(bottom + rim).min(picture.height()) {
                for x in left..(BAR_INSET + length + rim).min(picture.width()) {
                    picture.put_pixel(x, y, Rgb(color));
                }
            }
        }
        picture
    }
}

/// The colour of a share from 0 to 1.
pub(super) fn ramp(share: f32) -> [u8; 3] {
    let place = share.clamp(0.0, 1.0) * (RAMP.len() - 1) as f32;
    let at = (place as usize).min(RAMP.len() - 2);
    let mut color = RAMP[at];
    blend(&mut color, RAMP[at + 1], place - at as f32);
    color
}

fn blend(under: &mut [u8; 3], over: [u8; 3], opacity: f32) {
    for (under, over) in under.iter_mut().zip(over) {
        *under = (f32::from(*under) + (f32::from(over) - f32::from(*under)) * opacity).round() as u8;
    }
}

/// A picture as a URI that holds it.
fn encoded(picture: &RgbImage) -> anyhow::Result<String> {
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).context("a slice could not be written as PNG")?;
    Ok(format!("data:image/png;base64,{}", base64(png.get_ref())))
}
