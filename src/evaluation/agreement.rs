//! How far labels agree with a reference on one grid: the scores of each label, and the regions where they differ.

use super::metrics::{self, LabelScores};
use super::partners::{Change, MatchedBy, Pair, Partners};
use super::report::Statistic;
use super::table::{Cell, Table};
use crate::domain::grid::VoxelBox;
use crate::domain::region::{Region, regions_above};
use crate::domain::{Grid, LabelMap, LabelTable, Units, distance};
use crate::monitor::{Cancelled, Monitor};

/// How labels compare with a reference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreement {
    /// One row a label.
    pub rows: Vec<Row>,
    /// The connected regions whose voxels differ, the largest first, of equal ones the first in memory; the peak is the voxel
    /// deepest inside.
    pub regions: Vec<Region>,
    /// What distances and volumes are counted in.
    pub units: Units,
}

/// How one label compares.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which label.
    pub pair: Pair,
    /// Its scores, the reference taken for the truth; those of a label without a partner are undefined.
    pub scores: LabelScores,
}

/// What a column of the table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Dice coefficient.
    Dice,
    /// Intersection over union.
    Iou,
    /// 95 % Hausdorff distance.
    Hd95,
    /// Average symmetric surface distance.
    Assd,
    /// Volume in the reference.
    ReferenceMl,
    /// Volume in the labels.
    LabelsMl,
    /// The labels' volume less the reference's.
    DifferenceMl,
    /// That in percent of the reference's.
    DifferencePercent,
}

impl Measure {
    /// All, in the order of the columns.
    pub const ALL: [Self; 8] = [
        Self::Dice,
        Self::Iou,
        Self::Hd95,
        Self::Assd,
        Self::ReferenceMl,
        Self::LabelsMl,
        Self::DifferenceMl,
        Self::DifferencePercent,
    ];

    /// The column's head, with its unit.
    pub fn head(self, units: Units) -> String {
        units.renamed(match self {
            Self::Dice => "Dice",
            Self::Iou => "IoU",
            Self::Hd95 => "HD95 (mm)",
            Self::Assd => "ASSD (mm)",
            Self::ReferenceMl => "Reference (mL)",
            Self::LabelsMl => "Labels (mL)",
            Self::DifferenceMl => "Difference (mL)",
            Self::DifferencePercent => "Difference (%)",
        })
    }
}

impl Row {
    /// A measure of the label; `None` where it is undefined.
    pub fn value(&self, measure: Measure) -> Option<f64> {
        let scores = &self.scores;
        match measure {
            Measure::Dice => scores.dice,
            Measure::Iou => scores.iou,
            Measure::Hd95 => scores.hd95_mm,
            Measure::Assd => scores.assd_mm,
            Measure::ReferenceMl => self.pair.reference.map(|_| scores.truth_ml),
            Measure::LabelsMl => self.pair.labels.map(|_| scores.predicted_ml),
            Measure::DifferenceMl => self.pair.by.map(|_| scores.volume_error_ml),
            Measure::DifferencePercent => {
                self.pair.by.filter(|_| scores.truth_ml > 0.0).map(|_| 100.0 * scores.volume_error_ml / scores.truth_ml)
            }
        }
    }

    /// Why a measure of the label is undefined; `None` where it is defined.
    pub fn why_undefined(&self, measure: Measure) -> Option<&'static str> {
        if self.value(measure).is_some() {
            return None;
        }
        let (in_reference, in_labels) = (self.scores.truth_ml > 0.0, self.scores.predicted_ml > 0.0);
        Some(match (self.pair.reference, self.pair.labels) {
            (None, _) => "The reference has no label of this name or id",
            (_, None) => "The labels have none of this name or id",
            _ if !in_reference && !in_labels => "Neither has a voxel of it",
            _ if measure == Measure::DifferencePercent => "The reference has no volume to take a percentage of",
            _ if !in_reference => "The reference has no voxel of it, and so no surface",
            _ => "The labels have no voxel of it, and so no surface",
        })
    }
}

impl Agreement {
    /// Compares `labels` with `reference`, which lie on one grid. `only` is the place of the pair whose regions are wanted.
    ///
    /// # Errors
    /// [`Cancelled`] when it is no longer wanted.
    pub fn of(
        reference: &LabelMap,
        labels: &LabelMap,
        partners: &Partners,
        only: Option<usize>,
        monitor: &dyn Monitor,
    ) -> Result<Self, Cancelled> {
        let n_pairs = partners.pairs().len() as u64;
        let mut rows = Vec::with_capacity(partners.pairs().len());
        for (done, pair) in (0..).zip(partners.pairs()) {
            monitor.report("Comparing labels", done, n_pairs)?;
            rows.push(Row { pair: pair.clone(), scores: score(reference, labels, pair) });
        }
        let regions = regions(reference, labels, partners, only, monitor)?;
        Ok(Self { rows, regions, units: reference.grid().units() })
    }

    /// The mean of a measure over the labels for which it is defined, and how many those are.
    pub fn mean(&self, measure: Measure) -> Statistic {
        Statistic::of(self.rows.iter().map(|row| row.value(measure)))
    }

    /// The table to export: a row a label, and the mean.
    pub fn table(&self) -> Table {
        let heads = ["Label", "Reference id", "Labels id", "Matched by"];
        let measures = Measure::ALL.map(|measure| measure.head(self.units));
        let columns: Vec<&str> = heads.into_iter().chain(measures.iter().map(String::as_str)).collect();
        let mut table = Table::new(&columns);
        let id = |id: Option<u16>| Cell::from(id.map(f64::from));
        for row in &self.rows {
            let by = match row.pair.by {
                Some(MatchedBy::Name) => "name",
                Some(MatchedBy::Id) => "id",
                None => "",
            };
            let names = [row.pair.name.as_str().into(), id(row.pair.reference), id(row.pair.labels), by.into()];
            let values = Measure::ALL.map(|measure| Cell::from(row.value(measure)));
            table.push(names.into_iter().chain(values).collect());
        }
        let names = ["Mean".into(), id(None), id(None), "".into()];
        let means = Measure::ALL.map(|measure| Cell::from(self.mean(measure).mean));
        table.push(names.into_iter().chain(means).collect());
        table
    }
}

/// The scores of one label, from the part of the volume that it lies in.
fn score(reference: &LabelMap, labels: &LabelMap, pair: &Pair) -> LabelScores {
    let bounds_in = |map: &LabelMap, id: Option<u16>| id.and_then(|id| map.bounds_of(|other| other == id));
    let bounds = merged(bounds_in(reference, pair.reference), bounds_in(labels, pair.labels));
    let nothing = LabelScores {
        id: pair.reference.or(pair.labels).unwrap_or(0),
        dice: None,
        iou: None,
        hd95_mm: None,
        assd_mm: None,
        truth_ml: 0.0,
        predicted_ml: 0.0,
        volume_error_ml: 0.0,
    };
    let Some((bounds, grid)) = bounds.and_then(|bounds| with_margin(&bounds, reference.grid())) else { return nothing };
    let mask = |map: &LabelMap, id: Option<u16>| -> Vec<u16> {
        let is_it = |other: u16| u16::from(Some(other) == id);
        cropped(map, &bounds).into_iter().map(is_it).collect()
    };
    let (truth, predicted) = (mask(reference, pair.reference), mask(labels, pair.labels));
    let scores = metrics::score(&truth, &predicted, &grid, &LabelTable::with_ids(&[1])).into_iter().next();
    let scores = scores.map_or(nothing.clone(), |scores| LabelScores { id: nothing.id, ..scores });
    match pair.by {
        Some(_) => scores,
        None => LabelScores { dice: None, iou: None, hd95_mm: None, assd_mm: None, ..scores },
    }
}

/// Where the maps differ, the largest region first.
fn regions(
    reference: &LabelMap,
    labels: &LabelMap,
    partners: &Partners,
    only: Option<usize>,
    monitor: &dyn Monitor,
) -> Result<Vec<Region>, Cancelled> {
    let differs = |was: u16, is: u16| partners.change(was, is, only).is_some_and(|change| change != Change::Kept);
    let Some(bounds) = bounds_of_difference(reference, labels, &differs, monitor)? else { return Ok(Vec::new()) };
    let Some((bounds, grid)) = with_margin(&bounds, reference.grid()) else { return Ok(Vec::new()) };
    let pairs = cropped(reference, &bounds).into_iter().zip(cropped(labels, &bounds));
    let is_difference: Vec<bool> = pairs.map(|(was, is)| differs(was, is)).collect();
    monitor.report("Finding differences", 1, 2)?;
    let mut depth: Vec<f32> = distance::squared_mm2(grid.shape(), grid.spacing_mm(), |at| !is_difference[at]);
    drop(is_difference);
    // Where the maps differ everywhere, no voxel is deeper than another.
    depth.iter_mut().filter(|depth| depth.is_infinite()).for_each(|depth| *depth = 1.0);
    let mut regions = regions_above(&depth, grid.shape(), 0.0);
    for region in &mut regions {
        for (axis, range) in bounds.0.iter().enumerate() {
            region.peak[axis] += range.start;
            region.bounds.0[axis] = region.bounds.0[axis].start + range.start..region.bounds.0[axis].end + range.start;
        }
    }
    regions.sort_by_key(|region| (std::cmp::Reverse(region.n_voxels), reference.grid().index(region.peak)));
    Ok(regions)
}

/// The smallest box around all voxels that differ, read a sheet at a time.
fn bounds_of_difference(
    reference: &LabelMap,
    labels: &LabelMap,
    differs: &impl Fn(u16, u16) -> bool,
    monitor: &dyn Monitor,
) -> Result<Option<VoxelBox>, Cancelled> {
    let Some(within) = merged(reference.bounds_of(|_| true), labels.bounds_of(|_| true)) else { return Ok(None) };
    let [ni, nj, _] = reference.grid().shape();
    let (mut was, mut is) = (vec![0; ni * nj], vec![0; ni * nj]);
    let mut bounds = None;
    for k in within.0[2].clone() {
        monitor.report("Finding differences", 0, 2)?;
        reference.copy_range(k * ni * nj, &mut was);
        labels.copy_range(k * ni * nj, &mut is);
        for (row, (was, is)) in was.chunks_exact(ni).zip(is.chunks_exact(ni)).enumerate() {
            let place = |at: usize| differs(was[at], is[at]);
            if let (Some(first), Some(last)) = ((0..ni).find(|&i| place(i)), (0..ni).rfind(|&i| place(i))) {
                let this = VoxelBox([first..last + 1, row..row + 1, k..k + 1]);
                bounds = merged(bounds, Some(this));
            }
        }
    }
    Ok(bounds)
}

fn merged(a: Option<VoxelBox>, b: Option<VoxelBox>) -> Option<VoxelBox> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.union(&b)),
        (a, b) => a.or(b),
    }
}

/// The box with one more voxel on each side where the grid has one, so that what borders on the box still has neighbours, and
/// a grid of its shape. `None` only where the grid is none.
fn with_margin(bounds: &VoxelBox, grid: &Grid) -> Option<(VoxelBox, Grid)> {
    let wider = |axis: usize| {
        let range = &bounds.0[axis];
        range.start.saturating_sub(1)..(range.end + 1).min(grid.shape()[axis])
    };
    let bounds = VoxelBox([0, 1, 2].map(wider));
    let grid = match grid.units() {
        Units::Millimetres => Grid::axis_aligned(bounds.shape(), grid.spacing_mm()),
        Units::Pixels => Grid::picture(bounds.shape(), None),
    };
    let grid = grid.ok()?;
    Some((bounds, grid))
}

/// The ids in a box, first axis fastest.
fn cropped(map: &LabelMap, bounds: &VoxelBox) -> Vec<u16> {
    let shape = bounds.shape();
    let mut ids = vec![0; shape.iter().product()];
    for (row, ids) in ids.chunks_exact_mut(shape[0]).enumerate() {
        map.copy_range(bounds.position_in_grid(map.grid().shape(), row * shape[0]), ids);
    }
    ids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Label;
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [5, 4, 3];

    fn grid() -> Grid {
        Grid::axis_aligned(SHAPE, [1.0, 2.0, 2.5]).expect("valid")
    }

    fn map(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(grid(), ids).expect("fits")
    }

    fn with(voxels: &[([usize; 3], u16)]) -> LabelMap {
        let mut ids = vec![0; 60];
        voxels.iter().for_each(|(voxel, id)| ids[grid().index(*voxel)] = *id);
        map(ids)
    }

    fn table(names: &[(u16, &str)]) -> LabelTable {
        LabelTable { labels: names.iter().map(|(id, name)| Label::new(*id, *name)).collect() }
    }

    fn agreement(reference: &LabelMap, labels: &LabelMap, partners: &Partners, only: Option<usize>) -> Agreement {
        Agreement::of(reference, labels, partners, only, &Silent).expect("nobody stops it")
    }

    #[test]
    fn a_label_without_a_partner_has_volumes_and_reasons_but_no_scores() {
        let reference = with(&[([1, 1, 1], 1), ([2, 1, 1], 1), ([4, 3, 2], 2)]);
        let labels = with(&[([1, 1, 1], 5), ([0, 0, 0], 9)]);
        let partners = Partners::of(&table(&[(1, "A"), (2, "B")]), &table(&[(5, "a"), (9, "C")]));
        let found = agreement(&reference, &labels, &partners, None);
        let ml = 0.005;
        let row = |at: usize| &found.rows[at];
        assert_eq!(row(0).value(Measure::Dice), Some(2.0 / 3.0));
        assert_eq!(row(0).value(Measure::DifferencePercent), Some(-50.0));
        assert_eq!((row(1).value(Measure::Dice), row(1).value(Measure::ReferenceMl)), (None, Some(ml)));
        assert_eq!((row(1).value(Measure::LabelsMl), row(1).value(Measure::DifferenceMl)), (None, None));
        assert!(row(1).why_undefined(Measure::Dice).expect("undefined").starts_with("The labels have none"));
        assert_eq!((row(2).value(Measure::Assd), row(2).value(Measure::LabelsMl)), (None, Some(ml)));
        assert!(row(2).why_undefined(Measure::Dice).expect("undefined").starts_with("The reference has no label"));
        assert_eq!(found.mean(Measure::Dice), Statistic { mean: Some(2.0 / 3.0), sd: None, n: 1, n_undefined: 2 });
    }

    #[test]
    fn what_is_undefined_says_why() {
        let partners = Partners::of(&table(&[(1, "A"), (2, "B"), (3, "C")]), &table(&[(1, "A"), (2, "B"), (3, "C")]));
        let found = agreement(&with(&[([1, 1, 1], 1)]), &with(&[([1, 1, 1], 2)]), &partners, None);
        let why = |row: usize, measure| found.rows[row].why_undefined(measure);
        assert_eq!((found.rows[0].value(Measure::Dice), why(0, Measure::Dice)), (Some(0.0), None));
        assert_eq!(why(0, Measure::Hd95), Some("The labels have no voxel of it, and so no surface"));
        assert_eq!(why(1, Measure::Assd), Some("The reference has no voxel of it, and so no surface"));
        assert_eq!(why(1, Measure::DifferencePercent), Some("The reference has no volume to take a percentage of"));
        assert_eq!(why(2, Measure::Iou), Some("Neither has a voxel of it"));
    }

    #[test]
    fn regions_come_by_their_size_and_point_into_their_middle() {
        let row: Vec<_> = (0..5).map(|i| ([i, 0, 0], 1)).collect();
        let block = [0, 1, 2].iter().flat_map(|&i| [1, 2, 3].map(|j| ([i, j, 2], 1)));
        let reference = with(&row.iter().copied().chain(block).collect::<Vec<_>>());
        let partners = Partners::of(&LabelTable::with_ids(&[1]), &LabelTable::with_ids(&[1]));
        let found = agreement(&reference, &with(&[]), &partners, None).regions;
        let sizes: Vec<_> = found.iter().map(|region| region.n_voxels).collect();
        assert_eq!(sizes, [9, 5]);
        // The border of the volume is no border of a region.
        assert_eq!(found[0].peak, [0, 2, 2]);
        assert_eq!(found[0].bounds, VoxelBox([0..3, 1..4, 2..3]));
        assert!(agreement(&reference, &reference, &partners, None).regions.is_empty());
    }

    #[test]
    fn one_label_alone_has_its_own_regions() {
        let (reference, labels) = (with(&[([1, 1, 1], 1), ([3, 1, 1], 2)]), with(&[([1, 1, 1], 2), ([3, 1, 1], 2)]));
        let partners = Partners::of(&LabelTable::with_ids(&[1, 2, 3]), &LabelTable::with_ids(&[1, 2, 3]));
        let peaks = |only| -> Vec<_> {
            agreement(&reference, &labels, &partners, only).regions.iter().map(|region| region.peak).collect()
        };
        assert_eq!((peaks(Some(0)), peaks(Some(1)), peaks(Some(2))), (vec![[1, 1, 1]], vec![[1, 1, 1]], vec![]));
    }

    #[test]
    fn the_table_has_a_row_a_label_and_the_mean() {
        let partners = Partners::of(&table(&[(1, "A, left"), (2, "B")]), &table(&[(1, "A, left")]));
        let found = agreement(&with(&[([1, 1, 1], 1)]), &with(&[([1, 1, 1], 1)]), &partners, None);
        let csv = found.table().to_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].starts_with("Label,Reference id,Labels id,Matched by,Dice,IoU,HD95 (mm),"), "{csv}");
        assert_eq!(lines[1], "\"A, left\",1,1,name,1,1,0,0,0.005000,0.005000,0,0");
        assert_eq!(lines[2], "B,2,,,,,,,0,,,");
        assert!(lines[3].starts_with("Mean,,,,1,1,0,0,0.002500,0.005000,"), "{csv}");
    }

    #[test]
    fn where_pixels_have_no_size_they_are_counted() {
        let stack = Grid::picture([4, 4, 2], None).unwrap();
        let labels = LabelMap::new(stack, (0..32).map(|at| u16::from(at % 4 < 2)).collect()).unwrap();
        let found = agreement(&labels, &labels, &Partners::of(&table(&[(1, "A")]), &table(&[(1, "A")])), None);
        assert_eq!(found.rows[0].value(Measure::ReferenceMl), Some(16.0));
        assert!(found.table().to_csv().contains("HD95 (px),ASSD (px),Reference (voxels),"));
    }

    proptest! {
        #[test]
        fn scores_of_a_part_are_those_of_the_whole(
            a in prop::collection::vec(0..4_u16, 60), b in prop::collection::vec(0..4_u16, 60),
        ) {
            let table = LabelTable::with_ids(&[1, 2, 3]);
            let found = agreement(&map(a.clone()), &map(b.clone()), &Partners::of(&table, &table), None);
            let expected = metrics::score(&a, &b, &grid(), &table);
            let differing: usize = a.iter().zip(&b).filter(|(a, b)| a != b).count();
            prop_assert_eq!(found.regions.iter().map(|region| region.n_voxels).sum::<usize>(), differing);
            for (row, expected) in found.rows.iter().zip(&expected) {
                let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
                    (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                    (a, b) => a == b,
                };
                let scores = &row.scores;
                prop_assert!(near(scores.hd95_mm, expected.hd95_mm) && near(scores.assd_mm, expected.assd_mm));
                prop_assert!(near(scores.dice, expected.dice) && near(scores.iou, expected.iou));
                prop_assert!(near(Some(scores.volume_error_ml), Some(expected.volume_error_ml)));
            }
        }
    }
}
