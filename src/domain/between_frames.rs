//! Labels in the frames between drawn ones, from the shapes in the frames on both sides. Gesture to [`Edit`]s.
//!
//! Shape-based interpolation as between slices ([`super::interpolate`]), a dimension higher: the signed distances from the
//! surfaces in the two frames are blended in proportion to the time, and the label is where the blend is inside.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::canvas::Canvas;
use super::grid::VoxelBox;
use super::{Edit, LabelMap, distance, edit::Stroke};
use crate::monitor::{Cancelled, Monitor};

/// Voxels around both shapes of a label in which it may come to lie between them.
const MARGIN: usize = 2;
/// A blend that is this far outside still counts as inside: what lies just between is the label's, rounded or not.
const TIE_MM: f32 = 1e-4;
/// What the history calls it.
const NAME: &str = "Fill between frames";

/// Gives every label, or `only` one, the voxels in the frames between those in which it was drawn, as far as the rules of each
/// frame's canvas let them change. Frames in which a label was drawn do not gain any of it. Where two labels claim a voxel, the
/// one deeper inside its shape there has it. Locked labels are left out.
///
/// All canvases are of one grid, one a frame. Returns what changes in which frame.
///
/// # Errors
/// [`Cancelled`] where the monitor says so.
pub fn between_frames(
    canvases: &[Canvas<'_>],
    only: Option<u16>,
    monitor: &dyn Monitor,
) -> Result<Vec<(usize, Edit)>, Cancelled> {
    let used: Vec<Vec<u16>> = canvases.iter().map(|canvas| canvas.labels().used_ids()).collect();
    let mut ids: Vec<u16> = used.iter().flatten().copied().filter(|id| only.is_none_or(|only| only == *id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| !canvases[0].is_locked(*id));
    // By frame, by position: how deep inside the label lies that has it.
    let mut claims: BTreeMap<usize, BTreeMap<usize, (f32, u16)>> = BTreeMap::new();
    for (n_done, &id) in ids.iter().enumerate() {
        let drawn: Vec<usize> = (0..canvases.len()).filter(|frame| used[*frame].binary_search(&id).is_ok()).collect();
        for pair in drawn.windows(2).filter(|pair| pair[1] > pair[0] + 1) {
            let gap = Gap::new(id, pair[0], pair[1], canvases);
            for frame in pair[0] + 1..pair[1] {
                monitor.report(NAME, n_done as u64, ids.len() as u64)?;
                let of_frame = claims.entry(frame).or_default();
                for (position, depth) in gap.inside(frame) {
                    let claim = of_frame.entry(position).or_insert((depth, id));
                    if depth < claim.0 {
                        *claim = (depth, id);
                    }
                }
            }
        }
    }
    let painted = claims.into_iter().filter_map(|(frame, claims)| {
        let (canvas, grid) = (&canvases[frame], canvases[frame].labels().grid());
        let mut stroke = Stroke::new(NAME, canvas.labels());
        claims.into_iter().for_each(|(position, (_, id))| canvas.paint(&mut stroke, grid.voxel(position), id));
        Some((frame, stroke.finish()?))
    });
    Ok(painted.collect())
}

/// A label in two frames between which it was not drawn.
struct Gap<'a> {
    labels: &'a LabelMap,
    frames: [usize; 2],
    region: VoxelBox,
    /// Distances from its surface within the region, in both frames.
    signed_mm: [Vec<f32>; 2],
}

impl<'a> Gap<'a> {
    fn new(id: u16, first: usize, last: usize, canvases: &[Canvas<'a>]) -> Self {
        let maps = [first, last].map(|frame| canvases[frame].labels());
        let grid = maps[0].grid();
        let bounds = maps.iter().filter_map(|labels| labels.bounds_of(|other| other == id));
        let both = bounds.reduce(|a, b| a.union(&b)).unwrap_or(VoxelBox([0..1, 0..1, 0..1]));
        let wider = |axis: usize| {
            let range = &both.0[axis];
            range.start.saturating_sub(MARGIN)..(range.end + MARGIN).min(grid.shape()[axis])
        };
        let region = VoxelBox([0, 1, 2].map(wider));
        let size = region.shape();
        let signed_mm = maps.map(|labels| {
            let n: usize = size.iter().product();
            let is_in = |at: usize| labels.id_at(region.position_in_grid(grid.shape(), at)) == id;
            let mask: Vec<bool> = (0..n).into_par_iter().map(is_in).collect();
            distance::signed_mm(&mask, size, grid.spacing_mm())
        });
        Self { labels: maps[0], frames: [first, last], region, signed_mm }
    }

    /// The positions that the label gains in a frame between, and how deep inside they lie (the more negative, the deeper).
    fn inside(&self, frame: usize) -> Vec<(usize, f32)> {
        let [first, last] = self.frames;
        let weight = (frame - first) as f32 / (last - first) as f32;
        let [before, after] = &self.signed_mm;
        let depth = |at: usize| (1.0 - weight) * before[at] + weight * after[at];
        let deep = (0..before.len()).into_par_iter().map(|at| (at, depth(at))).filter(|(_, depth)| *depth <= TIE_MM);
        let shape = self.labels.grid().shape();
        deep.map(|(at, depth)| (self.region.position_in_grid(shape, at), depth)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label, LabelTable};
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [31, 31, 15];

    /// Balls of these radii in millimetres in the middle, one a frame; none where the radius is 0.
    fn balls(radii: &[f64]) -> Vec<LabelMap> {
        let grid = Grid::axis_aligned(SHAPE, [1.0, 1.0, 2.0]).unwrap();
        let is_in = |at: usize, radius: f64| {
            let [i, j, k] = grid.voxel(at).map(|index| index as f64);
            (i - 15.0).powi(2) + (j - 15.0).powi(2) + (2.0 * (k - 7.0)).powi(2) <= radius * radius && radius > 0.0
        };
        let ids = |radius: &f64| (0..grid.n_voxels()).map(|at| u16::from(is_in(at, *radius))).collect();
        radii.iter().map(|radius| LabelMap::new(grid.clone(), ids(radius)).unwrap()).collect()
    }

    fn filled(frames: &[LabelMap], table: &LabelTable) -> Vec<u64> {
        let canvases: Vec<_> = frames.iter().map(|labels| Canvas::new(labels, table)).collect();
        let edits = between_frames(&canvases, None, &Silent).unwrap();
        let count = |(frame, labels): (usize, &LabelMap)| {
            let edit = edits.iter().find(|(of, _)| *of == frame).map(|(_, edit)| edit);
            let labels = edit.map_or_else(|| labels.clone(), |edit| edit.after(labels));
            labels.counts().get(&1).copied().unwrap_or(0)
        };
        frames.iter().enumerate().map(count).collect()
    }

    #[test]
    fn a_ball_that_shrinks_has_the_radii_between() {
        let frames = balls(&[0.0, 12.0, 0.0, 0.0, 6.0, 0.0]);
        let n_voxels = filled(&frames, &LabelTable::with_ids(&[1]));
        let expected: Vec<u64> = balls(&[0.0, 12.0, 10.0, 8.0, 6.0, 0.0])
            .iter()
            .map(|ball| ball.counts().get(&1).copied().unwrap_or(0))
            .collect();
        for (found, expected) in n_voxels.iter().zip(&expected) {
            assert!(found.abs_diff(*expected) as f64 <= 0.12 * *expected as f64, "{n_voxels:?} for {expected:?}");
        }
        assert!(n_voxels[1] > n_voxels[2] && n_voxels[2] > n_voxels[3] && n_voxels[3] > n_voxels[4]);
    }

    #[test]
    fn what_is_locked_or_was_drawn_stays() {
        let frames = balls(&[8.0, 0.0, 8.0]);
        let locked = LabelTable { labels: vec![Label { locked: true, ..Label::new(1, "locked") }] };
        assert_eq!(filled(&frames, &locked)[1], 0);
        let n_voxels = filled(&frames, &LabelTable::with_ids(&[1]));
        assert_eq!(n_voxels, vec![n_voxels[0]; 3], "equal shapes have themselves between");
    }
}
