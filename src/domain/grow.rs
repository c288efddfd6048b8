//! A region that grows from a seed through similar voxels: gesture to [`Edit`], at a cost that grows with the region.

use std::collections::VecDeque;

use glam::DVec3;

use super::paint::Canvas;
use super::{Edit, Volume, edit::Stroke, similar::Similar, voxel_set::VoxelSet};
use crate::monitor::{Cancelled, Monitor};

/// How many voxels are visited between two reports.
const REPORT_EVERY: usize = 1 << 14;

/// How far a region grows from its seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowSettings {
    /// By how much an intensity may differ from the mean around the seed.
    pub tolerance: f64,
    /// The voxel axis across the slice in which the region stays; `None` for a region in space.
    pub through: Option<usize>,
    /// Voxels at which it stops.
    pub max_voxels: usize,
    /// Distance from the seed that no voxel exceeds.
    pub max_radius_mm: Option<f64>,
}

/// A region that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Grown {
    /// Gives the region its label.
    pub edit: Edit,
    /// What kept the region from growing on.
    pub stopped: Option<GrowLimit>,
}

/// A bound at which a region stopped though more was similar and connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowLimit {
    /// [`GrowSettings::max_voxels`].
    Voxels,
    /// [`GrowSettings::max_radius_mm`].
    Radius,
}

/// Gives `id` to the voxels that are similar to `seed` and connected with it, nearest first, as far as the canvas' rules let them
/// change. The cost grows with the region. `seed` must lie inside.
///
/// `None` where nothing changes: as with a locked label, or where the seed is not similar to the voxels around it.
///
/// # Errors
/// [`Cancelled`] where the monitor says so.
pub fn region_grow(
    canvas: &Canvas,
    volume: &Volume,
    frame: usize,
    seed: [usize; 3],
    settings: &GrowSettings,
    id: u16,
    monitor: &dyn Monitor,
) -> Result<Option<Grown>, Cancelled> {
    let similar = Similar::around(volume, frame, seed, settings.through, settings.tolerance);
    let Some(similar) = similar.filter(|_| !canvas.is_locked(id)) else { return Ok(None) };
    let mut region = Region::new(canvas, similar, seed, settings, id);
    region.grow(monitor)?;
    let stopped = region.stopped;
    Ok(region.painted().map(|edit| Grown { edit, stopped }))
}

struct Region<'a> {
    canvas: &'a Canvas<'a>,
    similar: Similar<'a>,
    seed: [usize; 3],
    settings: &'a GrowSettings,
    id: u16,
    found: VoxelSet,
    n_found: usize,
    /// First and last position found.
    span: (usize, usize),
    /// Found, and not looked around from yet.
    border: VecDeque<usize>,
    stopped: Option<GrowLimit>,
}

impl<'a> Region<'a> {
    fn new(canvas: &'a Canvas, similar: Similar<'a>, seed: [usize; 3], settings: &'a GrowSettings, id: u16) -> Self {
        let found = VoxelSet::new(canvas.labels().grid().shape());
        let (n_found, span, border) = (0, (usize::MAX, 0), VecDeque::new());
        Self { canvas, similar, seed, settings, id, found, n_found, span, border, stopped: None }
    }

    fn grow(&mut self, monitor: &dyn Monitor) -> Result<(), Cancelled> {
        let grid = self.canvas.labels().grid();
        let axes: Vec<usize> = (0..3).filter(|&axis| Some(axis) != self.settings.through).collect();
        self.visit(grid.index(self.seed));
        let mut n_visited = 0;
        while let Some(position) = self.border.pop_front() {
            for &axis in &axes {
                for offset in self.found.neighbors(position, axis) {
                    self.visit(position.wrapping_add_signed(offset));
                }
            }
            if self.stopped == Some(GrowLimit::Voxels) {
                break;
            }
            n_visited += 1;
            if n_visited % REPORT_EVERY == 0 {
                // How large the region becomes shows only in the end.
                monitor.report("Growing a region", n_visited as u64, 0)?;
            }
        }
        Ok(())
    }

    /// Adds the voxel where it belongs to the region and does not exceed its bounds.
    fn visit(&mut self, position: usize) {
        let voxel = self.canvas.labels().grid().voxel(position);
        if self.found.contains(position)
            || !self.similar.accepts(voxel)
            || !self.canvas.lets_through(voxel, self.id)
            || self.stopped == Some(GrowLimit::Voxels)
        {
            return;
        }
        if self.settings.max_radius_mm.is_some_and(|max_mm| self.away_mm(voxel) > max_mm) {
            self.stopped = Some(GrowLimit::Radius);
        } else if self.n_found == self.settings.max_voxels {
            self.stopped = Some(GrowLimit::Voxels);
        } else {
            self.found.insert(position);
            self.n_found += 1;
            self.span = (self.span.0.min(position), self.span.1.max(position));
            self.border.push_back(position);
        }
    }

    fn away_mm(&self, voxel: [usize; 3]) -> f64 {
        let offset = [0, 1, 2].map(|axis| voxel[axis] as f64 - self.seed[axis] as f64);
        self.canvas.labels().grid().world_from_voxel().transform_vector3(DVec3::from_array(offset)).length()
    }

    fn painted(self) -> Option<Edit> {
        let grid = self.canvas.labels().grid();
        let mut stroke = Stroke::new("Grow region", self.canvas.labels());
        for position in self.found.positions_in(self.span.0..=self.span.1) {
            self.canvas.paint(&mut stroke, grid.voxel(position), self.id);
        }
        stroke.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::grid::VoxelBox;
    use crate::domain::paint::PaintOver;
    use crate::domain::{Grid, Label, LabelMap, LabelTable, Scaling, Voxels};
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [9, 8, 5];
    const N: usize = 360;
    const ALL: GrowSettings =
        GrowSettings { tolerance: 10.0, through: None, max_voxels: usize::MAX, max_radius_mm: None };

    fn grid() -> Grid {
        Grid::axis_aligned(SHAPE, [1.0, 1.0, 2.0]).unwrap()
    }

    fn volume(values: Vec<u8>) -> Volume {
        Volume::new(grid(), Voxels::U8(values), Scaling::NONE, 1).unwrap()
    }

    /// Dark from i = 4 on.
    fn halves() -> Volume {
        volume((0..N).map(|at| if at % 9 < 4 { 100 } else { 0 }).collect())
    }

    fn grown(volume: &Volume, labels: &LabelMap, seed: [usize; 3], settings: &GrowSettings) -> Option<Grown> {
        region_grow(&Canvas::new(labels, &LabelTable::default()), volume, 0, seed, settings, 1, &Silent).unwrap()
    }

    #[track_caller]
    fn check(settings: GrowSettings, n_voxels: usize, bounds: [std::ops::Range<usize>; 3], stopped: Option<GrowLimit>) {
        let found = grown(&halves(), &LabelMap::empty(grid()), [1, 4, 2], &settings).unwrap();
        assert_eq!((found.edit.n_voxels(), found.edit.bounds()), (n_voxels, VoxelBox(bounds)));
        assert_eq!((found.stopped, found.edit.name()), (stopped, "Grow region"));
    }

    #[test]
    fn a_region_is_the_half_of_its_seed() {
        check(ALL, 4 * 8 * 5, [0..4, 0..8, 0..5], None);
        check(GrowSettings { through: Some(2), ..ALL }, 4 * 8, [0..4, 0..8, 2..3], None);
        check(GrowSettings { through: Some(1), ..ALL }, 4 * 5, [0..4, 4..5, 0..5], None);
    }

    #[test]
    fn it_says_at_which_bound_it_stopped() {
        // The seed and the nearest around it; sheets are 2 mm apart.
        check(GrowSettings { max_voxels: 7, ..ALL }, 7, [0..3, 3..6, 1..4], Some(GrowLimit::Voxels));
        check(GrowSettings { max_voxels: 160, ..ALL }, 160, [0..4, 0..8, 0..5], None);
        check(GrowSettings { max_radius_mm: Some(1.0), ..ALL }, 5, [0..3, 3..6, 2..3], Some(GrowLimit::Radius));
        check(GrowSettings { max_radius_mm: Some(2.0), ..ALL }, 12 + 2, [0..4, 2..7, 1..4], Some(GrowLimit::Radius));
        check(GrowSettings { max_radius_mm: Some(99.0), ..ALL }, 160, [0..4, 0..8, 0..5], None);
    }

    #[test]
    fn the_rules_hold() {
        let labels = LabelMap::new(grid(), (0..N).map(|at| if at % 9 == 2 { 3 } else { 0 }).collect()).unwrap();
        let locked = LabelTable { labels: vec![Label { locked: true, ..Label::new(1, "x") }] };
        let grow = |canvas: &Canvas| region_grow(canvas, &halves(), 0, [1, 4, 2], &ALL, 1, &Silent).unwrap();
        assert_eq!(grow(&Canvas::new(&labels, &locked)), None);
        let unlabelled = Canvas::new(&labels, &LabelTable::default()).painting_over(PaintOver::Unlabelled);
        assert_eq!(grow(&unlabelled).unwrap().edit.n_voxels(), 2 * 8 * 5);
    }

    #[test]
    fn it_can_be_stopped() {
        struct Stop;
        impl Monitor for Stop {
            fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
                Err(Cancelled)
            }
        }
        let grid = Grid::axis_aligned([40, 40, 40], [1.0; 3]).unwrap();
        let volume = Volume::new(grid.clone(), Voxels::U8(vec![7; 64_000]), Scaling::NONE, 1).unwrap();
        let labels = LabelMap::empty(grid);
        let canvas = Canvas::new(&labels, &LabelTable::default());
        assert_eq!(region_grow(&canvas, &volume, 0, [20; 3], &ALL, 1, &Stop), Err(Cancelled));
    }

    proptest! {
        #[test]
        fn a_region_is_all_that_is_similar_and_connected(
            values in prop::collection::vec(prop::sample::select(vec![0u8, 10, 20, 30]), N),
            at in 0..N,
            tolerance in 0.0..15.0,
            through in prop::sample::select(vec![None, Some(0), Some(1), Some(2)]),
        ) {
            let (volume, labels, seed) = (volume(values), LabelMap::empty(grid()), grid().voxel(at));
            let similar = Similar::around(&volume, 0, seed, through, tolerance).unwrap();
            let axes: Vec<usize> = (0..3).filter(|&axis| Some(axis) != through).collect();
            let mut expected = VoxelSet::new(SHAPE);
            expected.grow(at, &axes, |position| similar.accepts(grid().voxel(position)));
            let found = grown(&volume, &labels, seed, &GrowSettings { tolerance, through, ..ALL });
            let after = found.map_or(labels.clone(), |found| found.edit.after(&labels));
            let found: Vec<usize> = (0..N).filter(|&at| after.id_at(at) == 1).collect();
            prop_assert_eq!(found, expected.positions().collect::<Vec<_>>());
        }
    }
}
