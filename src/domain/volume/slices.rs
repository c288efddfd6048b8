//! Slices of an image as the screen shows them, whole and in reduced parts.

use std::iter::zip;

use super::{Pixel, Stored, Volume, Voxels, Window};
use crate::domain::grid::{SliceAxes, SliceWalk};
use crate::domain::patch::Patch;

/// A part of a slice, each pixel the mean of its block.
#[derive(Clone, Debug, PartialEq)]
pub enum Means {
    /// Intensities, row by row.
    Gray(Vec<f32>),
    /// Red, green, blue, opacity, row by row.
    Color(Vec<[u8; 4]>),
}

impl Means {
    /// As the screen shows it: rows of opaque grey or of colour, 4 bytes a pixel. NaN is black.
    pub fn rgba(&self, window: Window) -> Vec<u8> {
        match self {
            Self::Gray(values) => {
                let (factor, low) = ((255.0 / window.width) as f32, window.low() as f32);
                let gray = |value: &f32| ((value - low) * factor + 0.5) as u8;
                values.iter().map(gray).map(|g| [g, g, g, 255]).collect::<Vec<_>>().into_flattened()
            }
            Self::Color(colors) => colors.as_flattened().to_vec(),
        }
    }
}

impl Volume {
    /// A slice as the screen shows it: width, height, and rows of opaque grey or of colour, 4 bytes a pixel.
    ///
    /// `index` counts along `axes.through`, clamped to the last slice. NaN is black. Colours ignore the window.
    pub fn slice_rgba(&self, frame: usize, axes: &SliceAxes, index: usize, window: Window) -> (usize, usize, Vec<u8>) {
        let shape = self.grid.shape();
        let [width, height] = [shape[axes.right], shape[axes.down]];
        (width, height, self.patch_rgba(frame, axes, index, &Patch::whole([width, height]), window))
    }

    /// A part of a slice, as [`Volume::slice_rgba`]; reduced, the voxel in the middle of each block.
    pub fn patch_rgba(&self, frame: usize, axes: &SliceAxes, index: usize, patch: &Patch, window: Window) -> Vec<u8> {
        let walk = self.walk(axes, index);
        let range = self.frame_range(frame);
        let [width, height] = patch.size();
        let mut image = vec![0u8; width * height * 4];
        let pixels: &mut [[u8; 4]] = bytemuck::cast_slice_mut(&mut image);
        // One multiplication and addition from stored value to grey.
        let per_intensity = 255.0 / window.width;
        let factor = self.scaling.slope * per_intensity;
        let offset = (self.scaling.intercept - window.low()) * per_intensity + 0.5;
        let gray = |stored: f64| {
            let g = (stored * factor + offset) as u8;
            [g, g, g, 255]
        };
        each_type!(
            &*self.voxels,
            v => {
                let frame = &v[range];
                walk.sample(patch, pixels, |at| gray(frame[at].number()))
            },
            p => {
                let frame = &p[range];
                walk.sample(patch, pixels, |at| frame[at].rgba())
            }
        );
        image
    }

    /// A part of a slice, each pixel the mean of its block. Looks at all its voxels.
    pub fn patch_means(&self, frame: usize, axes: &SliceAxes, index: usize, patch: &Patch) -> Means {
        let walk = self.walk(axes, index).part(patch);
        let range = self.frame_range(frame);
        let blocks = Blocks { walk, step: patch.step };
        each_type!(
            &*self.voxels,
            v => {
                let frame = &v[range];
                let means = blocks.means(frame, |value| [value.number() as f32]);
                Means::Gray(means.map(|[mean]| self.scaling.apply(f64::from(mean)) as f32).collect())
            },
            p => {
                let frame = &p[range];
                let means = blocks.means(frame, |pixel| pixel.rgba().map(f32::from));
                Means::Color(means.map(|color| color.map(|mean| (mean + 0.5) as u8)).collect())
            }
        )
    }

    /// A slice as the screen shows it: width, height, and its intensities (of colours their luminance) row by row.
    ///
    /// `index` counts along `axes.through`, clamped to the last slice.
    pub fn slice_values(&self, frame: usize, axes: &SliceAxes, index: usize) -> (usize, usize, Vec<f32>) {
        let shape = self.grid.shape();
        let [width, height] = [shape[axes.right], shape[axes.down]];
        (width, height, self.patch_values(frame, axes, index, &Patch::whole([width, height])))
    }

    /// A part of a slice, as [`Volume::slice_values`]; reduced, the voxel in the middle of each block.
    pub fn patch_values(&self, frame: usize, axes: &SliceAxes, index: usize, patch: &Patch) -> Vec<f32> {
        let walk = self.walk(axes, index);
        let first = self.frame_range(frame).start;
        let [width, height] = patch.size();
        let mut values = vec![0.0; width * height];
        each_type!(
            &*self.voxels,
            v => walk.sample(patch, &mut values, |at| self.scaling.apply(v[first + at].number()) as f32),
            p => walk.sample(patch, &mut values, |at| p[first + at].luminance())
        );
        values
    }

    fn walk(&self, axes: &SliceAxes, index: usize) -> SliceWalk {
        let shape = self.grid.shape();
        axes.walk(shape, index.min(shape[axes.through] - 1))
    }
}

/// A part of a slice in blocks of `step` × `step` pixels.
struct Blocks {
    walk: SliceWalk,
    step: usize,
}

impl Blocks {
    /// The means of what `parts` makes of the pixels of each block, row by row.
    fn means<T: Copy, const N: usize>(
        &self,
        frame: &[T],
        parts: impl Fn(T) -> [f32; N],
    ) -> impl Iterator<Item = [f32; N]> {
        let Self { walk, step } = *self;
        let width = walk.width.div_ceil(step);
        let mut sums = vec![[0.0; N]; width * walk.height.div_ceil(step)];
        let mut line = Vec::with_capacity(walk.width);
        for y in 0..walk.height {
            let start = walk.at([0, y]);
            let row = if walk.step_right == 1 {
                &frame[start..start + walk.width]
            } else {
                line.clear();
                line.extend((0..walk.width).map(|x| frame[walk.at([x, y])]));
                &line[..]
            };
            for (sum, block) in zip(&mut sums[y / step * width..], row.chunks(step)) {
                for &value in block {
                    zip(&mut *sum, parts(value)).for_each(|(sum, part)| *sum += part);
                }
            }
        }
        let (columns, rows) = (walk.width, walk.height);
        let length = move |at: usize, all: usize| step.min(all - at * step) as f32;
        sums.into_iter().enumerate().map(move |(at, sum)| {
            let n_pixels = length(at % width, columns) * length(at / width, rows);
            sum.map(|part| part / n_pixels)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::grid::{Convention, Plane};
    use crate::domain::{Grid, Scaling};

    fn volume(voxels: Voxels) -> Volume {
        Volume::new(Grid::axis_aligned([4, 3, 2], [1.0; 3]).unwrap(), voxels, Scaling::NONE, 1).unwrap()
    }

    #[test]
    fn colours_are_averaged_channel_by_channel() {
        let mut colors = vec![[0, 0, 0]; 24];
        (colors[0], colors[1], colors[4]) = ([100, 0, 4], [100, 200, 0], [0, 0, 8]);
        let volume = volume(Voxels::Rgb(colors));
        let axes = SliceAxes { right: 0, down: 1, through: 2, flip_right: false, flip_down: false };
        let patch = Patch { columns: 0..3, rows: 0..3, step: 2 };
        let means = volume.patch_means(0, &axes, 0, &patch);
        let black = [0, 0, 0, 255];
        assert_eq!(means, Means::Color(vec![[50, 50, 3, 255], black, black, black]));
        assert_eq!(means.rgba(Window::from_range(0.0, 1.0))[..4], [50, 50, 3, 255]);
    }

    proptest! {
        #[test]
        fn a_reduced_part_holds_the_means_of_its_blocks(
            values in prop::collection::vec(-1000i16..1000, 24),
            plane in prop::sample::select(vec![Plane::Axial, Plane::Coronal, Plane::Sagittal]),
            is_radiological: bool,
            (index, step, left, bottom) in (0usize..2, 1usize..4, 0usize..2, 0usize..2),
        ) {
            let grid = Grid::axis_aligned([4, 3, 2], [1.0; 3]).unwrap();
            let scaling = Scaling { slope: 2.0, intercept: -7.0 };
            let volume = Volume::new(grid, Voxels::I16(values), scaling, 1).unwrap();
            let convention = if is_radiological { Convention::Radiological } else { Convention::Neurological };
            let axes = volume.grid().slice_axes(plane, convention);
            let (width, height, whole) = volume.slice_values(0, &axes, index);
            let patch = Patch { columns: left..width, rows: 0..height - bottom, step };
            let Means::Gray(means) = volume.patch_means(0, &axes, index, &patch) else { panic!("it is grey") };
            let sampled = volume.patch_values(0, &axes, index, &patch);
            prop_assert_eq!(means.len(), patch.size()[0] * patch.size()[1]);
            for (at, [x, y]) in patch.middles().enumerate() {
                prop_assert_eq!(sampled[at], whole[x + y * width]);
                let [column, row] = [at % patch.size()[0], at / patch.size()[0]];
                let inside: Vec<f32> = (row * step..((row + 1) * step).min(patch.rows.len()))
                    .flat_map(|y| (column * step..((column + 1) * step).min(patch.columns.len())).map(move |x| [x, y]))
                    .map(|[x, y]| whole[x + left + y * width])
                    .collect();
                let mean = inside.iter().sum::<f32>() / inside.len() as f32;
                prop_assert!((means[at] - mean).abs() < 0.01, "{} against {}", means[at], mean);
            }
        }

        #[test]
        fn a_slice_shows_the_voxels_that_its_axes_name(
            values in prop::collection::vec(-1000i16..1000, 24),
            plane in prop::sample::select(vec![Plane::Axial, Plane::Coronal, Plane::Sagittal]),
            is_radiological: bool,
            index in 0usize..2,
            level in -500f64..500.0,
            width in 1f64..2000.0,
        ) {
            let volume = volume(Voxels::I16(values));
            let convention = if is_radiological { Convention::Radiological } else { Convention::Neurological };
            let axes = volume.grid().slice_axes(plane, convention);
            let window = Window { width, level };
            let (columns, rows, image) = volume.slice_rgba(0, &axes, index, window);
            prop_assert_eq!(image.len(), columns * rows * 4);
            let (_, _, values) = volume.slice_values(0, &axes, index);
            for (at, pixel) in image.chunks(4).enumerate() {
                let voxel = axes.voxel(volume.grid().shape(), [at % columns, at / columns], index);
                let value = volume.value(0, voxel).unwrap();
                let gray = ((value - window.low()) / width * 255.0).clamp(0.0, 255.0);
                prop_assert!((f64::from(pixel[0]) - gray).abs() <= 0.5 + 1e-9);
                prop_assert_eq!(pixel[3], 255);
                prop_assert_eq!(f64::from(values[at]), value);
                prop_assert_eq!(volume.brightness(0, voxel), Some(value));
            }
        }
    }
}
