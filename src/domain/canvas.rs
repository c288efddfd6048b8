//! The rules of every tool that paints: what may be painted over, where, and that locked labels never change.

use std::ops::Range;

use super::{LabelMap, LabelTable, Volume, edit::Stroke};

/// Which voxels a tool may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaintOver {
    /// Any.
    #[default]
    All,
    /// Background alone.
    Unlabelled,
    /// Voxels of one label.
    Only(u16),
}

/// Limits a tool to voxels of some intensities.
#[derive(Clone, Copy, Debug)]
pub struct IntensityRange<'a> {
    /// Where intensities are read, on the labels' grid. In a colour image no voxel is within any range.
    pub volume: &'a Volume,
    /// Which frame of it.
    pub frame: usize,
    /// Smallest intensity that may be painted.
    pub low: f64,
    /// Largest intensity that may be painted.
    pub high: f64,
}

/// Limits a tool to voxels where a map on the labels' grid, such as one of uncertainty, has some values.
#[derive(Clone, Copy, Debug)]
pub struct MapRange<'a> {
    /// One value a voxel, `i` fastest. NaN is within no range.
    pub values: &'a [f32],
    /// Smallest value where may be painted.
    pub low: f32,
    /// Largest value where may be painted.
    pub high: f32,
}

/// The labels that a tool works on and the rules that it keeps.
#[derive(Clone, Debug)]
pub struct Canvas<'a> {
    labels: &'a LabelMap,
    locked: Vec<u16>,
    over: PaintOver,
    intensities: Option<IntensityRange<'a>>,
    map: Option<MapRange<'a>>,
    slab: Option<(usize, Range<usize>)>,
}

impl<'a> Canvas<'a> {
    /// Any voxel may be painted, except those of labels that are locked in `table`.
    pub fn new(labels: &'a LabelMap, table: &LabelTable) -> Self {
        let locked = table.labels.iter().filter(|label| label.locked).map(|label| label.id).collect();
        Self { labels, locked, over: PaintOver::All, intensities: None, map: None, slab: None }
    }

    /// The same canvas with a rule of what may be painted over.
    #[must_use]
    pub fn painting_over(self, over: PaintOver) -> Self {
        Self { over, ..self }
    }

    /// The same canvas where only voxels of some intensities may be painted.
    #[must_use]
    pub fn within(self, range: IntensityRange<'a>) -> Self {
        Self { intensities: Some(range), ..self }
    }

    /// The same canvas where only voxels at which a map has some values may be painted.
    ///
    /// # Panics
    /// Where the map has not one value a voxel.
    #[must_use]
    pub fn within_map(self, range: MapRange<'a>) -> Self {
        assert_eq!(range.values.len(), self.labels.grid().n_voxels(), "a map has one value a voxel of the labels");
        Self { map: Some(range), ..self }
    }

    /// The same canvas where only the slices `indices` across the voxel axis `axis` may be painted.
    #[must_use]
    pub fn keep_slab(self, axis: usize, indices: Range<usize>) -> Self {
        Self { slab: Some((axis, indices)), ..self }
    }

    /// The labels as they are before painting.
    pub fn labels(&self) -> &'a LabelMap {
        self.labels
    }

    /// Whether `id` may neither gain nor lose voxels.
    pub fn is_locked(&self, id: u16) -> bool {
        self.locked.contains(&id)
    }

    /// Whether the rules let a voxel change.
    pub fn allows(&self, voxel: [usize; 3]) -> bool {
        self.allows_label(self.labels.get(voxel)) && self.allows_place(voxel)
    }

    /// Whether the rules let voxels of label `id` change, wherever they lie.
    pub fn allows_label(&self, id: u16) -> bool {
        let is_over = match self.over {
            PaintOver::All => true,
            PaintOver::Unlabelled => id == 0,
            PaintOver::Only(only) => id == only,
        };
        is_over && !self.is_locked(id)
    }

    /// Whether the voxel lies in the slab and within the intensities and values to which the canvas is limited, whatever its
    /// label.
    pub fn allows_place(&self, voxel: [usize; 3]) -> bool {
        let is_in_slab = self.slab.as_ref().is_none_or(|(axis, indices)| indices.contains(&voxel[*axis]));
        let is_in_map = || {
            let value = |map: &MapRange| map.values[self.labels.grid().index(voxel)];
            self.map.as_ref().is_none_or(|map| (map.low..=map.high).contains(&value(map)))
        };
        let has_intensity = || {
            self.intensities.as_ref().is_none_or(|range| {
                range.volume.value(range.frame, voxel).is_some_and(|value| (range.low..=range.high).contains(&value))
            })
        };
        is_in_slab && is_in_map() && has_intensity()
    }

    /// Whether a tool that paints `id` and follows what is connected goes through the voxel: it may become `id` or is.
    pub(in crate::domain) fn lets_through(&self, voxel: [usize; 3], id: u16) -> bool {
        let now = self.labels.get(voxel);
        (now == id || self.allows_label(now)) && self.allows_place(voxel)
    }

    /// Makes `id` of a voxel where the rules let it change. `id` must not be locked.
    pub(in crate::domain) fn paint(&self, stroke: &mut Stroke, voxel: [usize; 3], id: u16) {
        let old = self.labels.get(voxel);
        if old != id && self.allows(voxel) {
            stroke.set(self.labels.grid().index(voxel), old, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label, Scaling, Voxels};

    const SHAPE: [usize; 3] = [4, 3, 2];

    /// Label 1 in the first row of each sheet, label 2 in the second.
    fn labels() -> LabelMap {
        let grid = Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap();
        LabelMap::new(grid, [[1; 4], [2; 4], [0; 4]].concat().repeat(2)).unwrap()
    }

    fn allowed(canvas: &Canvas) -> Vec<usize> {
        (0..24).filter(|at| canvas.allows([at % 4, at / 4 % 3, at / 12])).collect()
    }

    fn open(labels: &LabelMap) -> Canvas<'_> {
        Canvas::new(labels, &LabelTable::default())
    }

    #[test]
    fn what_may_be_painted_over_and_what_is_locked() {
        let labels = labels();
        assert_eq!(allowed(&open(&labels)).len(), 24);
        assert_eq!(allowed(&open(&labels).painting_over(PaintOver::Unlabelled)), [8, 9, 10, 11, 20, 21, 22, 23]);
        assert_eq!(allowed(&open(&labels).painting_over(PaintOver::Only(2))), [4, 5, 6, 7, 16, 17, 18, 19]);
        let table = LabelTable { labels: vec![Label { locked: true, ..Label::new(2, "locked") }] };
        let canvas = Canvas::new(&labels, &table);
        assert_eq!(allowed(&canvas).len(), 16);
        assert!(allowed(&canvas.painting_over(PaintOver::Only(2))).is_empty());
    }

    #[test]
    fn limits_of_intensity_map_and_slab_all_hold() {
        let labels = labels();
        let voxels = Voxels::U8((0..24).collect());
        let volume = Volume::new(labels.grid().clone(), voxels, Scaling::NONE, 1).unwrap();
        let range = IntensityRange { volume: &volume, frame: 0, low: 3.0, high: 17.5 };
        let canvas = open(&labels).within(range);
        assert_eq!(allowed(&canvas), (3..18).collect::<Vec<_>>());
        let map: Vec<f32> = (0..24).map(|at| if at == 5 { f32::NAN } else { at as f32 / 10.0 }).collect();
        let canvas = canvas.within_map(MapRange { values: &map, low: 0.0, high: 1.3 });
        assert_eq!(allowed(&canvas), [3, 4, 6, 7, 8, 9, 10, 11, 12, 13]);
        assert_eq!(allowed(&canvas.clone().keep_slab(2, 1..2)), [12, 13]);
        assert_eq!(allowed(&canvas.keep_slab(0, 2..3)), [6, 10]);
    }

    #[test]
    fn colours_have_no_intensity_to_be_within() {
        let labels = labels();
        let volume = Volume::new(labels.grid().clone(), Voxels::Rgb(vec![[9; 3]; 24]), Scaling::NONE, 1).unwrap();
        let range = IntensityRange { volume: &volume, frame: 0, low: f64::MIN, high: f64::MAX };
        assert!(allowed(&open(&labels).within(range)).is_empty());
    }

    #[test]
    #[should_panic(expected = "one value a voxel")]
    fn a_map_of_another_size_is_refused() {
        let _ = open(&labels()).within_map(MapRange { values: &[0.0; 5], low: 0.0, high: 1.0 });
    }
}
