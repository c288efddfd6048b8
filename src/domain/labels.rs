//! The segmentation: one id a voxel, and what the ids mean.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Grid;
use super::grid::{SliceAxes, VoxelBox};
use super::id_chunks::IdChunks;
use super::patch::Patch;

/// One label id a voxel, 0 for background, on a grid. Ids are never scaled.
///
/// A clone shares its voxels with the original: it costs microseconds, and a later change of either copies only the few
/// thousand voxels around what it touches. So other threads are given snapshots, and no one waits.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMap {
    grid: Grid,
    ids: IdChunks,
}

/// The ids do not fill the grid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("labels on {shape:?} voxels need {expected} ids, found {found}")]
pub struct LabelMapError {
    /// Ids that the grid needs.
    pub expected: usize,
    /// Ids given.
    pub found: usize,
    /// The grid's shape.
    pub shape: [usize; 3],
}

impl LabelMap {
    /// Labels on `grid`, `i` fastest.
    ///
    /// # Errors
    /// [`LabelMapError`] where there is not exactly one id a voxel.
    pub fn new(grid: Grid, ids: Vec<u16>) -> Result<Self, LabelMapError> {
        if ids.len() != grid.n_voxels() {
            return Err(LabelMapError { expected: grid.n_voxels(), found: ids.len(), shape: grid.shape() });
        }
        Ok(Self { grid, ids: IdChunks::from_ids(&ids) })
    }

    /// All background; takes next to no memory.
    pub fn empty(grid: Grid) -> Self {
        let ids = IdChunks::background(grid.n_voxels());
        Self { grid, ids }
    }

    /// Where the voxels lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The same labels of a picture with pixels of another size, as [`Grid::with_pixel_mm`].
    pub fn with_pixel_mm(&self, pixel_mm: Option<f64>) -> Option<Self> {
        Some(Self { grid: self.grid.with_pixel_mm(pixel_mm)?, ids: self.ids.clone() })
    }

    /// The same labels with slices read as frames, or the other way round, as [`Grid::with_time_swapped`].
    #[must_use]
    pub fn with_time_swapped(&self) -> Self {
        Self { grid: self.grid.with_time_swapped(), ids: self.ids.clone() }
    }

    /// The same labels on another grid of their shape; on their own where it has another one.
    #[must_use]
    pub fn laid_on(self, grid: &Grid) -> Self {
        if grid.shape() == self.grid.shape() { Self { grid: grid.clone(), ids: self.ids } } else { self }
    }

    /// For [`History`](super::History) alone, so that every change can be undone.
    pub(in crate::domain) fn ids_mut(&mut self) -> &mut IdChunks {
        &mut self.ids
    }

    /// For [`Edit`](super::Edit), which looks at whole chunks.
    pub(in crate::domain) fn id_chunks(&self) -> &IdChunks {
        &self.ids
    }

    /// The id of voxel `[i, j, k]`, which must lie inside.
    pub fn get(&self, voxel: [usize; 3]) -> u16 {
        self.ids.get(self.grid.index(voxel))
    }

    /// The id at a position in memory, [`Grid::index`] of its voxel.
    pub fn id_at(&self, position: usize) -> u16 {
        self.ids.get(position)
    }

    /// One id a voxel, `i` fastest.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.ids.iter()
    }

    /// Which slices along voxel axis `axis` have any label.
    pub fn labelled_slices(&self, axis: usize) -> Vec<bool> {
        let n_slices = self.grid.shape()[axis];
        let of_chunk = |(start, ids): (usize, &[u16])| {
            let mut found = vec![false; n_slices];
            let labelled = ids.iter().enumerate().filter(|(_, id)| **id != 0);
            labelled.for_each(|(offset, _)| found[self.grid.voxel(start + offset)[axis]] = true);
            found
        };
        let either = |a: Vec<bool>, b: Vec<bool>| a.into_iter().zip(b).map(|(a, b)| a || b).collect();
        self.labelled_chunks().map(of_chunk).reduce(|| vec![false; n_slices], either)
    }

    /// The slice `index` along voxel axis `axis`, where it lies; clamped to the last one.
    pub fn slice(&self, axis: usize, index: usize) -> Self {
        let grid = self.grid().slice(axis, index);
        let index = index.min(self.grid().shape()[axis] - 1);
        let id = |at: usize| {
            let mut voxel = grid.voxel(at);
            voxel[axis] = index;
            self.get(voxel)
        };
        let ids = (0..grid.n_voxels()).map(id).collect();
        Self::new(grid, ids).expect("one id was picked for each voxel of the slice")
    }

    /// A copy of all ids, `i` fastest.
    pub fn to_ids(&self) -> Vec<u16> {
        let mut ids = vec![0; self.ids.len()];
        self.copy_range(0, &mut ids);
        ids
    }

    /// Copies the ids from position `start` in memory on; they must lie inside.
    pub fn copy_range(&self, start: usize, ids: &mut [u16]) {
        self.ids.copy_to(start, ids);
    }

    /// All ids in chunks for several threads: the position of the first, and the ids. Large parts without any label are left out.
    pub fn labelled_chunks(&self) -> impl ParallelIterator<Item = (usize, &[u16])> {
        self.ids.labelled_chunks()
    }

    /// The smallest box that holds all voxels whose id `is_meant`; 0 is never meant.
    pub fn bounds_of(&self, is_meant: impl Fn(u16) -> bool + Sync) -> Option<VoxelBox> {
        let boxes = self.labelled_chunks().filter_map(|(start, ids)| {
            let mut bounds = None;
            let mut first = start;
            for run in ids.chunk_by(|a, b| a == b) {
                if run[0] != 0 && is_meant(run[0]) {
                    let this = VoxelBox::of_run(self.grid.shape(), first..first + run.len());
                    bounds = Some(bounds.map_or(this.clone(), |other: VoxelBox| other.union(&this)));
                }
                first += run.len();
            }
            bounds
        });
        boxes.reduce_with(|a, b| a.union(&b))
    }

    /// Voxels of every id that occurs, background included.
    pub fn counts(&self) -> BTreeMap<u16, u64> {
        let merge = |mut a: BTreeMap<u16, u64>, b: BTreeMap<u16, u64>| {
            for (id, n) in b {
                *a.entry(id).or_default() += n;
            }
            a
        };
        let mut counts = self.labelled_chunks().map(|(_, ids)| count_runs(ids)).reduce(BTreeMap::new, merge);
        let n_seen: u64 = counts.values().sum();
        let n_skipped = self.ids.len() as u64 - n_seen;
        if n_skipped > 0 {
            *counts.entry(0).or_default() += n_skipped;
        }
        counts
    }

    /// The ids that occur, ascending, without background.
    pub fn used_ids(&self) -> Vec<u16> {
        self.counts().into_keys().filter(|&id| id != 0).collect()
    }

    /// The ids of a slice as it lies on the screen: width, height, rows.
    pub fn slice_ids(&self, axes: &SliceAxes, index: usize) -> (usize, usize, Vec<u16>) {
        let shape = self.grid.shape();
        let walk = axes.walk(shape, index.min(shape[axes.through] - 1));
        let mut ids = vec![0; walk.width * walk.height];
        walk.fill(&mut ids, |position| self.ids.get(position));
        (walk.width, walk.height, ids)
    }

    /// A part of a slice to lay over the image: rows of RGBA (not premultiplied), clear where there is no label or the label is
    /// hidden; reduced, the label in the middle of each block. Ids that `table` does not know are drawn in their palette colour
    /// rather than left out. `opacity` (0 to 1) multiplies each label's own.
    pub fn patch_rgba(
        &self,
        table: &LabelTable,
        (axes, index): (&SliceAxes, usize),
        patch: &Patch,
        opacity: f32,
    ) -> Vec<u8> {
        let colors = table.colors(opacity);
        let color = |id: u16| colors.get(usize::from(id)).copied().unwrap_or_else(|| unnamed_color(id, opacity));
        self.patch_ids(axes, index, patch).into_iter().map(color).collect::<Vec<_>>().into_flattened()
    }
}

/// Labels come in long runs: counting a run at a time spares a map look-up a voxel.
fn count_runs(ids: &[u16]) -> BTreeMap<u16, u64> {
    let mut counts = BTreeMap::new();
    for run in ids.chunk_by(|a, b| a == b) {
        *counts.entry(run[0]).or_default() += run.len() as u64;
    }
    counts
}

fn unnamed_color(id: u16, opacity: f32) -> [u8; 4] {
    let [r, g, b] = LabelTable::palette(usize::from(id) - 1);
    [r, g, b, alpha(opacity)]
}

fn alpha(opacity: f32) -> u8 {
    (opacity.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// What one id means and how it is drawn.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Label {
    /// The value in the label map; never 0.
    pub id: u16,
    /// Name shown to people.
    pub name: String,
    /// Red, green, blue.
    pub color: [u8; 3],
    /// Drawn at all.
    pub visible: bool,
    /// 0 (clear) to 1 (opaque).
    pub opacity: f32,
    /// Protected from edits.
    pub locked: bool,
}

impl Label {
    /// A visible, opaque, unlocked label in its palette colour. `id` is not 0.
    pub fn new(id: u16, name: impl Into<String>) -> Self {
        let color = LabelTable::palette(usize::from(id.max(1)) - 1);
        Self { id, name: name.into(), color, visible: true, opacity: 1.0, locked: false }
    }
}

/// The labels of a case, in the order in which they are listed.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LabelTable {
    /// Sorted as shown.
    pub labels: Vec<Label>,
}

/// Okabe and Ito's colours that people of all kinds of colour vision tell apart, those that stand out on grey first.
const DISTINCT: [[u8; 3]; 7] =
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [204, 121, 167], [213, 94, 0], [0, 114, 178]];

impl LabelTable {
    /// Default names ("Label 1") and colours for `ids`, ascending, each once, without 0.
    pub fn with_ids(ids: &[u16]) -> Self {
        let mut ids: Vec<u16> = ids.iter().copied().filter(|&id| id != 0).collect();
        ids.sort_unstable();
        ids.dedup();
        Self { labels: ids.into_iter().map(|id| Label::new(id, format!("Label {id}"))).collect() }
    }

    /// The colour of the label number `i` (id − 1): seven safe for colour-blind eyes, the same lighter, the same darker,
    /// then hues a golden angle apart.
    pub fn palette(i: usize) -> [u8; 3] {
        let base = DISTINCT[i % DISTINCT.len()];
        match i / DISTINCT.len() {
            0 => base,
            1 => base.map(|c| c + (255 - c) / 2),
            2 => base.map(|c| (u16::from(c) * 11 / 20) as u8),
            _ => spread_hue(i),
        }
    }

    /// The label of `id`.
    pub fn get(&self, id: u16) -> Option<&Label> {
        self.labels.iter().find(|label| label.id == id)
    }

    /// The label of `id`, to change it.
    pub fn get_mut(&mut self, id: u16) -> Option<&mut Label> {
        self.labels.iter_mut().find(|label| label.id == id)
    }

    /// Adds a label, or replaces the one of the same id in its place.
    pub fn push(&mut self, label: Label) {
        match self.get_mut(label.id) {
            Some(known) => *known = label,
            None => self.labels.push(label),
        }
    }

    /// The name of `id`, made up where the table does not know it.
    pub fn name(&self, id: u16) -> String {
        match (id, self.get(id)) {
            (0, _) => "Background".to_owned(),
            (_, Some(label)) => label.name.clone(),
            (_, None) => format!("Label {id}"),
        }
    }

    /// Adds a default label for every one of `ids` that is not known yet.
    pub fn add_missing(&mut self, ids: &[u16]) {
        for label in Self::with_ids(ids).labels {
            if self.get(label.id).is_none() {
                self.labels.push(label);
            }
        }
    }

    /// The smallest id that is not taken; `None` where all 65535 are.
    pub fn free_id(&self) -> Option<u16> {
        let taken: std::collections::BTreeSet<u16> = self.labels.iter().map(|label| label.id).collect();
        (1..=u16::MAX).find(|id| !taken.contains(id))
    }

    /// RGBA by id, up to the highest id known; palette colours for ids between.
    fn colors(&self, opacity: f32) -> Vec<[u8; 4]> {
        let highest = self.labels.iter().map(|label| label.id).max().unwrap_or(0);
        let mut colors = vec![[0; 4]];
        colors.extend((1..=highest).map(|id| unnamed_color(id, opacity)));
        for label in &self.labels {
            let [r, g, b] = label.color;
            let shown = if label.visible { label.opacity } else { 0.0 };
            colors[usize::from(label.id)] = if shown > 0.0 { [r, g, b, alpha(opacity * shown)] } else { [0; 4] };
        }
        colors[0] = [0; 4];
        colors
    }
}

/// A saturated colour whose hue is a golden angle from that of `i - 1`.
pub(super) fn spread_hue(i: usize) -> [u8; 3] {
    let hue = (i as f64 * 0.618_033_988_749_895).fract() * 6.0;
    let channel = |shift: f64| {
        let h = (hue + shift).rem_euclid(6.0);
        let level = (h.min(4.0 - h)).clamp(0.0, 1.0);
        (70.0 + 170.0 * level) as u8
    };
    [channel(2.0), channel(0.0), channel(4.0)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::grid::{Convention, Plane};

    fn map(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned([ids.len(), 1, 1], [1.0; 3]).unwrap(), ids).unwrap()
    }

    /// A 5×5 slice with a 3×3 square of `id` in its middle.
    fn square(id: u16) -> LabelMap {
        let inside = |at: usize| (1..4).contains(&(at % 5)) && (1..4).contains(&(at / 5));
        let ids = (0..25).map(|at| if inside(at) { id } else { 0 }).collect();
        LabelMap::new(Grid::axis_aligned([5, 5, 1], [1.0; 3]).unwrap(), ids).unwrap()
    }

    fn draw(map: &LabelMap, table: &LabelTable, opacity: f32) -> Vec<[u8; 4]> {
        let axes = map.grid().slice_axes(Plane::Axial, Convention::Neurological);
        let image = map.patch_rgba(table, (&axes, 0), &Patch::whole([5, 5]), opacity);
        bytemuck::cast_slice(&image).to_vec()
    }

    #[test]
    fn ids_must_fill_the_grid() {
        let grid = Grid::axis_aligned([2, 2, 2], [1.0; 3]).unwrap();
        let error = LabelMap::new(grid, vec![0; 7]).unwrap_err();
        assert_eq!(error.to_string(), "labels on [2, 2, 2] voxels need 8 ids, found 7");
    }

    #[test]
    fn a_hidden_label_is_not_drawn_and_an_unknown_one_is() {
        let map = square(2);
        let mut table = LabelTable::with_ids(&[2]);
        let [r, g, b] = table.labels[0].color;
        assert_eq!(draw(&map, &table, 0.5)[12], [r, g, b, 128]);
        assert_eq!(draw(&map, &table, 0.5)[0], [0; 4]);
        table.labels[0].visible = false;
        assert_eq!(draw(&map, &table, 0.5)[12], [0; 4]);
        let [r, g, b] = LabelTable::palette(1);
        for ids in [&[][..], &[7]] {
            assert_eq!(draw(&map, &LabelTable::with_ids(ids), 1.0)[12], [r, g, b, 255]);
        }
    }

    #[test]
    fn a_table_lists_every_id_once_without_background() {
        let mut table = LabelTable::with_ids(&[5, 0, 2, 5]);
        assert_eq!(table.labels.iter().map(|label| label.id).collect::<Vec<_>>(), [2, 5]);
        assert_eq!(
            (table.name(5), table.name(9), table.name(0)),
            ("Label 5".into(), "Label 9".into(), "Background".into())
        );
        assert_eq!(table.free_id(), Some(1));
        table.push(Label::new(5, "heart"));
        table.add_missing(&[1, 2]);
        assert_eq!(
            table.labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(),
            ["Label 2", "heart", "Label 1"]
        );
        let full: Vec<u16> = (1..=u16::MAX).collect();
        assert_eq!(LabelTable::with_ids(&full).free_id(), None);
    }

    #[test]
    fn the_first_64_colours_differ_and_none_is_dark() {
        let colors: Vec<[u8; 3]> = (0..64).map(LabelTable::palette).collect();
        for (i, a) in colors.iter().enumerate() {
            assert!(a.iter().map(|&c| u32::from(c)).max() > Some(60), "{a:?}");
            for b in &colors[..i] {
                let apart: i32 = a.iter().zip(b).map(|(&x, &y)| (i32::from(x) - i32::from(y)).abs()).sum();
                assert!(apart > 6, "{i}: {a:?} {b:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn counts_are_those_of_counting_one_by_one(ids in prop::collection::vec(0u16..4, 1..300)) {
            let mut counts = BTreeMap::new();
            for &id in &ids {
                *counts.entry(id).or_insert(0u64) += 1;
            }
            prop_assert_eq!(map(ids).counts(), counts);
        }
    }
}
