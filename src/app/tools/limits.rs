//! Where the tools may paint, as far as the image says.

use crate::domain::Window;

/// Limits of painting in one image, in that image's own units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Paint only voxels of the intensities `low` to `high`.
    pub by_intensity: bool,
    /// Smallest intensity that may be painted.
    pub low: f64,
    /// Largest intensity that may be painted.
    pub high: f64,
}

impl Limits {
    /// No limits. What they would be if they were turned on follows the first window.
    pub fn new(window: Window) -> Self {
        Self { by_intensity: false, low: window.level, high: window.high() }
    }
}
