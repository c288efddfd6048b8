//! Where the tools may paint, as far as the image and a map on its grid say.

use std::sync::Arc;

use crate::domain::Window;
use crate::domain::canvas::PaintOver;
use crate::domain::similar::similarity_tolerance;
use crate::domain::volume::Histogram;

/// Limits of painting in one image, in that image's own units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Paint only voxels of the intensities `low` to `high`.
    pub by_intensity: bool,
    /// Paint over any label, over none, or over one.
    pub over: PaintOver,
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
    /// What may be painted over. Where only voxels without a label may be painted, the eraser takes back what was painted
    /// so: voxels of the active label.
    pub fn rule(&self, erases: bool, active: u16) -> PaintOver {
        match self.over {
            PaintOver::Unlabelled if erases => PaintOver::Only(active),
            over => over,
        }
    }

    /// Drops the rule that names a label which is gone.
    pub fn forget(&mut self, id: u16) {
        if self.over == PaintOver::Only(id) {
            self.over = PaintOver::All;
        }
    }

    /// No limits. What they would be if they were turned on follows the first window.
    pub fn new(window: Window) -> Self {
        Self {
            over: PaintOver::All,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eraser_keeps_to_the_active_label_where_only_unlabelled_voxels_may_be_painted() {
        let mut limits = Limits::new(Window { width: 1.0, level: 0.0 });
        assert_eq!(limits.rule(true, 3), PaintOver::All);
        limits.over = PaintOver::Unlabelled;
        assert_eq!((limits.rule(false, 3), limits.rule(true, 3)), (PaintOver::Unlabelled, PaintOver::Only(3)));
        limits.over = PaintOver::Only(7);
        assert_eq!(limits.rule(true, 3), PaintOver::Only(7));
    }

    #[test]
    fn a_rule_about_a_label_that_is_gone_is_dropped() {
        let mut limits = Limits { over: PaintOver::Only(7), ..Limits::new(Window { width: 1.0, level: 0.0 }) };
        limits.forget(2);
        assert_eq!(limits.over, PaintOver::Only(7));
        limits.forget(7);
        assert_eq!(limits.over, PaintOver::All);
    }
}
