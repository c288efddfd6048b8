//! Where the tools may paint, as far as the image and a map on its grid say.

use std::sync::Arc;

use crate::domain::Window;
use crate::domain::similar::similarity_tolerance;
use crate::domain::volume::Histogram;

/// Limits of painting in one image, in that image's own units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Paint only voxels of the intensities `low` to `high`.
    pub by_intensity: bool,
    /// Smallest intensity that may be painted.
    pub low: f64,
    /// Largest intensity that may be painted.
    pub high: f64,
    /// Paint only where the map has the values `map_low` to `map_high`.
    pub by_map: bool,
    /// Smallest value of the map where one may paint.
    pub map_low: f32,
    /// Largest value of the map where one may paint.
    pub map_high: f32,
    /// How far an intensity may be from that under the pointer and still be similar to it.
    pub tolerance: f64,
}

impl Limits {
    /// No limits. What they would be if they were turned on follows the first window.
    pub fn new(window: Window) -> Self {
        Self {
            by_intensity: false,
            low: window.level,
            high: window.high(),
            by_map: false,
            map_low: 0.0,
            map_high: f32::INFINITY,
            tolerance: similarity_tolerance(window),
        }
    }

    /// The same limits with painting kept to the upper half of a map's range.
    pub fn with_map(self, map: &ValueMap) -> Self {
        let (low, high) = (map.histogram.low, map.histogram.high);
        Self { by_map: true, map_low: ((low + high) / 2.0) as f32, map_high: high as f32, ..self }
    }
}

/// One number a voxel of an image, such as a model's uncertainty.
#[derive(Clone, Debug)]
pub struct ValueMap {
    /// Shown to the person.
    pub name: String,
    /// One value a voxel, `i` fastest.
    pub values: Arc<Vec<f32>>,
    /// How often values occur.
    pub histogram: Histogram,
}
