//! The rules that hold for every tool that changes the labels, as the person has set them.

use std::sync::Arc;

use super::case::Case;
use super::painting::painted_id;
use super::tools::{Limits, ValueMap};
use crate::domain::canvas::{Canvas, IntensityRange, MapRange};
use crate::domain::{LabelMap, LabelTable, Volume};

/// The rules at one moment, for another thread.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The image.
    pub volume: Arc<Volume>,
    /// The frame shown.
    pub frame: usize,
    table: LabelTable,
    limits: Limits,
    active: u16,
    map: Option<ValueMap>,
}

impl Rules {
    /// Those in force in a case now.
    pub fn of(case: &Case) -> Self {
        Self {
            volume: Arc::clone(&case.opened.volume),
            frame: case.frame,
            table: case.table.clone(),
            limits: case.limits,
            active: painted_id(case, false),
            map: case.map.clone(),
        }
    }

    /// The same rules in another frame.
    #[must_use]
    pub fn in_frame(&self, frame: usize) -> Self {
        Self { frame, ..self.clone() }
    }

    /// `labels` under these rules.
    pub fn canvas<'a>(&'a self, labels: &'a LabelMap) -> Canvas<'a> {
        limited(Canvas::new(labels, &self.table), &self.limits, (&self.volume, self.frame), self.map.as_ref())
    }

    /// `labels` under these rules for drawing with `id`; with 0 for erasing.
    pub fn canvas_for<'a>(&'a self, labels: &'a LabelMap, id: u16) -> Canvas<'a> {
        self.canvas(labels).painting_over(self.limits.rule(id == 0, self.active))
    }
}

/// The labels of a case under the rules in force now.
pub fn canvas(case: &Case) -> Canvas<'_> {
    let canvas = Canvas::new(case.history.labels(), &case.table);
    limited(canvas, &case.limits, (&case.opened.volume, case.frame), case.map.as_ref())
}

/// The labels of a case under the rules in force now for drawing with `id`; with 0 for erasing.
pub fn canvas_for(case: &Case, id: u16) -> Canvas<'_> {
    canvas(case).painting_over(case.limits.rule(id == 0, painted_id(case, false)))
}

fn limited<'a>(
    mut canvas: Canvas<'a>,
    limits: &Limits,
    (volume, frame): (&'a Volume, usize),
    map: Option<&'a ValueMap>,
) -> Canvas<'a> {
    canvas = canvas.painting_over(limits.over);
    if limits.by_intensity && !volume.is_color() {
        canvas = canvas.within(IntensityRange { volume, frame, low: limits.low, high: limits.high });
    }
    if let Some(map) = map.filter(|_| limits.by_map) {
        canvas = canvas.within_map(MapRange { values: &map.values, low: limits.map_low, high: limits.map_high });
    }
    canvas
}
