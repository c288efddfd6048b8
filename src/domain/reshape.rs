//! The shape of a whole label: grown, shrunk, smoothed, hollowed, by distances in millimetres from its border.
//!
//! A label grows into background alone, so others stay, and what it gives up becomes background. Distances go from voxel centre
//! to voxel centre; what lies beyond the volume is neither label nor background, so a label that is cut off by the volume's
//! edge is not eaten from there. Each function says `None` where nothing changes.

use rayon::prelude::*;

use super::{Edit, Grid, LabelMap, cutout::Cutout, distance, edit::Stroke};
use crate::monitor::{Cancelled, Monitor};

const STAGE: &str = "Measuring distances";
/// Positions between two reports.
const BLOCK: usize = 1 << 16;
/// Room for rounding where a voxel lies just at the distance that was asked for.
const ROUNDING_MM: f32 = 1e-4;

/// How a label is smoothed.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// A voxel becomes what most voxels within this radius in millimetres are: small bumps go, straight borders stay.
    Median(f64),
    /// The signed distance to the border is blurred with this standard deviation in millimetres: all of the surface becomes
    /// smooth, and hardly moves where it is smooth already.
    Gaussian(f64),
}

/// Adds the background within `mm` of label `id`.
///
/// # Errors
/// [`Cancelled`], as for all of these.
pub fn grow(labels: &LabelMap, id: u16, mm: f64, monitor: &dyn Monitor) -> Result<Option<Edit>, Cancelled> {
    let Some(part) = Cutout::around(labels, id, margin(labels.grid(), mm)) else { return Ok(None) };
    monitor.report(STAGE, 0, 2)?;
    let squared: Vec<f32> =
        distance::squared_mm2(part.shape, labels.grid().spacing_mm(), |position| part.is_inside(position));
    monitor.report(STAGE, 1, 2)?;
    let limit = (mm as f32 + ROUNDING_MM).powi(2);
    Ok(part.redrawn(labels, "Grow", |position| squared[position] <= limit))
}

/// Takes the voxels of label `id` within `mm` of what is not of it.
///
/// # Errors
/// [`Cancelled`].
pub fn shrink(labels: &LabelMap, id: u16, mm: f64, monitor: &dyn Monitor) -> Result<Option<Edit>, Cancelled> {
    let Some((part, depth)) = depths(labels, id, monitor)? else { return Ok(None) };
    let limit = (mm as f32 + ROUNDING_MM).powi(2);
    Ok(part.redrawn(labels, "Shrink", |position| depth[position] > limit))
}

/// Leaves of label `id` a wall of `mm` along its border, at least one voxel.
///
/// # Errors
/// [`Cancelled`].
pub fn hollow(labels: &LabelMap, id: u16, mm: f64, monitor: &dyn Monitor) -> Result<Option<Edit>, Cancelled> {
    let Some((part, depth)) = depths(labels, id, monitor)? else { return Ok(None) };
    let widest = labels.grid().spacing_mm().into_iter().fold(0.0, f64::max);
    let limit = (mm.max(widest) as f32 + ROUNDING_MM).powi(2);
    Ok(part.redrawn(labels, "Hollow", |position| part.is_inside(position) && depth[position] <= limit))
}

/// Smooths label `id`.
///
/// # Errors
/// [`Cancelled`].
pub fn smooth(labels: &LabelMap, id: u16, how: Smoothing, monitor: &dyn Monitor) -> Result<Option<Edit>, Cancelled> {
    let (Smoothing::Median(reach_mm) | Smoothing::Gaussian(reach_mm)) = how;
    let Some(part) = Cutout::around(labels, id, margin(labels.grid(), 2.0 * reach_mm)) else { return Ok(None) };
    let spacing_mm = labels.grid().spacing_mm();
    monitor.report(STAGE, 0, 2)?;
    let mask: Vec<bool> = (0..part.ids.len()).map(|position| part.is_inside(position)).collect();
    let signed_mm = distance::signed_mm(&mask, part.shape, spacing_mm);
    Ok(match how {
        Smoothing::Median(radius_mm) => {
            let offsets = ball(radius_mm, spacing_mm);
            // Beyond the radius from the border all neighbours are alike.
            let is_most = |position: usize| match signed_mm[position].abs() > radius_mm as f32 + ROUNDING_MM {
                true => mask[position],
                false => majority(&mask, &part, position, &offsets),
            };
            let next = in_blocks(mask.len(), monitor, (0, 1), is_most)?;
            part.redrawn(labels, "Smooth", |position| next[position])
        }
        Smoothing::Gaussian(sigma_mm) => {
            let blurred = blurred(signed_mm, part.shape, spacing_mm.map(|mm| sigma_mm / mm), monitor)?;
            part.redrawn(labels, "Smooth", |position| blurred[position] < 0.0)
        }
    })
}

/// The label's box with background around, and for each voxel the square of the distance in mm² to what is not of the label.
fn depths(labels: &LabelMap, id: u16, monitor: &dyn Monitor) -> Result<Option<(Cutout, Vec<f32>)>, Cancelled> {
    let Some(part) = Cutout::around(labels, id, [1; 3]) else { return Ok(None) };
    monitor.report(STAGE, 0, 2)?;
    let depth = distance::squared_mm2(part.shape, labels.grid().spacing_mm(), |position| !part.is_inside(position));
    monitor.report(STAGE, 1, 2)?;
    Ok(Some((part, depth)))
}

fn margin(grid: &Grid, mm: f64) -> [usize; 3] {
    grid.spacing_mm().map(|spacing_mm| (mm / spacing_mm).ceil() as usize + 1)
}

impl Cutout {
    /// The edit after which the label has the voxels that `is_label` names, as far as they are its own or background.
    fn redrawn(&self, labels: &LabelMap, name: &str, is_label: impl Fn(usize) -> bool) -> Option<Edit> {
        let mut stroke = Stroke::new(name, labels);
        for (position, &old) in self.ids.iter().enumerate().filter(|&(_, &old)| old == self.id || old == 0) {
            let new = if is_label(position) { self.id } else { 0 };
            if old != new {
                stroke.set(self.position_in_whole(position), old, new);
            }
        }
        stroke.finish()
    }
}

/// Steps to all voxels within a radius.
fn ball(radius_mm: f64, spacing_mm: [f64; 3]) -> Vec<[isize; 3]> {
    let reach = spacing_mm.map(|mm| (radius_mm / mm) as isize);
    let mut offsets = Vec::new();
    for k in -reach[2]..=reach[2] {
        for j in -reach[1]..=reach[1] {
            for i in -reach[0]..=reach[0] {
                let mm = |step: isize, axis: usize| step as f64 * spacing_mm[axis];
                if mm(i, 0).powi(2) + mm(j, 1).powi(2) + mm(k, 2).powi(2) <= radius_mm.powi(2) + 1e-9 {
                    offsets.push([i, j, k]);
                }
            }
        }
    }
    offsets
}

/// Whether most of the voxels around are of the mask; as it is where they are equally many.
fn majority(mask: &[bool], part: &Cutout, position: usize, offsets: &[[isize; 3]]) -> bool {
    let voxel = part.voxel(position);
    let mut balance = 0_i64;
    for offset in offsets {
        let near = [0, 1, 2].map(|axis| voxel[axis].wrapping_add_signed(offset[axis]));
        if (0..3).all(|axis| near[axis] < part.shape[axis]) {
            let at = near[0] + part.shape[0] * (near[1] + part.shape[1] * near[2]);
            balance += if mask[at] { 1 } else { -1 };
        }
    }
    if balance == 0 { mask[position] } else { balance > 0 }
}

/// Blurs with standard deviations in voxels, one axis after the other; the edge is repeated beyond the box.
fn blurred(
    mut values: Vec<f32>,
    shape: [usize; 3],
    sigmas: [f64; 3],
    monitor: &dyn Monitor,
) -> Result<Vec<f32>, Cancelled> {
    for (axis, sigma) in sigmas.into_iter().enumerate().filter(|&(axis, sigma)| sigma > 1e-3 && shape[axis] > 1) {
        let reach = (3.0 * sigma).ceil() as isize;
        let weights: Vec<f32> =
            (-reach..=reach).map(|step| (-0.5 * (step as f64 / sigma).powi(2)).exp() as f32).collect();
        let sum: f32 = weights.iter().sum();
        let stride: usize = shape[..axis].iter().product();
        let last = shape[axis] as isize - 1;
        let blur = |position: usize| {
            let at = (position / stride % shape[axis]) as isize;
            let near = |step: isize| position.wrapping_add_signed(((at + step).clamp(0, last) - at) * stride as isize);
            let total: f32 = (-reach..=reach).zip(&weights).map(|(step, weight)| weight * values[near(step)]).sum();
            total / sum
        };
        values = in_blocks(values.len(), monitor, (axis, 3), blur)?;
    }
    Ok(values)
}

/// One value for each of `n` positions, worked out on all cores as pass `pass.0` of `pass.1`, with a report every few
/// milliseconds.
fn in_blocks<T: Send>(
    n: usize,
    monitor: &dyn Monitor,
    (pass, n_passes): (usize, usize),
    value: impl Fn(usize) -> T + Sync,
) -> Result<Vec<T>, Cancelled> {
    let mut values = Vec::with_capacity(n);
    for start in (0..n).step_by(BLOCK) {
        monitor.report("Smoothing", (pass * n + start) as u64, (n_passes * n) as u64)?;
        values.par_extend((start..(start + BLOCK).min(n)).into_par_iter().map(&value));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::monitor::Silent;

    const SHAPE: [usize; 3] = [9, 8, 7];
    const N: usize = 504;

    fn labels(spacing_mm: [f64; 3], ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, spacing_mm).unwrap(), ids).unwrap()
    }

    fn any_labels() -> impl Strategy<Value = LabelMap> {
        let spacing_mm = prop::sample::select(vec![[1.0; 3], [0.5, 1.0, 2.5], [3.0, 1.0, 0.7]]);
        (spacing_mm, prop::collection::vec(prop::sample::select(vec![0, 0, 0, 0, 1, 2]), N))
            .prop_map(|(spacing_mm, ids)| labels(spacing_mm, ids))
    }

    fn after(labels: &LabelMap, edit: Result<Option<Edit>, Cancelled>) -> LabelMap {
        edit.unwrap().map_or_else(|| labels.clone(), |edit| edit.after(labels))
    }

    fn voxel(position: usize) -> [f64; 3] {
        [position % 9, position / 9 % 8, position / 72].map(|x| x as f64)
    }

    /// Whether a voxel for which `is_meant` lies within `mm`, found by asking all.
    fn is_near(labels: &LabelMap, position: usize, mm: f64, is_meant: impl Fn(u16) -> bool) -> bool {
        let spacing_mm = labels.grid().spacing_mm();
        (0..N).filter(|&other| is_meant(labels.id_at(other))).any(|other| {
            let (a, b) = (voxel(position), voxel(other));
            (0..3).map(|axis| ((a[axis] - b[axis]) * spacing_mm[axis]).powi(2)).sum::<f64>().sqrt() <= mm + 1e-4
        })
    }

    /// A ball of label 1, its radius in voxels, in the middle of a cube of 1 mm voxels.
    fn ball_of(radius: f64, edge: usize) -> LabelMap {
        let middle = (edge as f64 - 1.0) / 2.0;
        let is_inside = |position: usize| {
            let at = [position % edge, position / edge % edge, position / (edge * edge)];
            at.iter().map(|&x| (x as f64 - middle).powi(2)).sum::<f64>() <= radius * radius
        };
        let ids = (0..edge.pow(3)).map(|position| u16::from(is_inside(position))).collect();
        LabelMap::new(Grid::axis_aligned([edge; 3], [1.0; 3]).unwrap(), ids).unwrap()
    }

    fn volume(labels: &LabelMap) -> f64 {
        labels.counts().get(&1).copied().unwrap_or(0) as f64
    }

    #[test]
    fn smoothing_hardly_moves_a_ball() {
        let ball = ball_of(10.0, 31);
        for how in [Smoothing::Gaussian(1.0), Smoothing::Gaussian(2.0), Smoothing::Median(2.0)] {
            let smooth = after(&ball, smooth(&ball, 1, how, &Silent));
            // A voxel less in radius would be a factor of 0.73.
            let ratio = volume(&smooth) / volume(&ball);
            assert!((0.85..1.1).contains(&ratio), "{how:?}: {ratio}");
        }
    }

    #[test]
    fn smoothing_takes_a_thorn_away_and_closes_a_dent() {
        let ball = ball_of(8.0, 31);
        let at = |i: usize| i + 31 * (15 + 31 * 15);
        let mut ids = ball.to_ids();
        (24..27).for_each(|i| ids[at(i)] = 1);
        ids[at(7)] = 0;
        let rough = LabelMap::new(ball.grid().clone(), ids).unwrap();
        for how in [Smoothing::Median(2.0), Smoothing::Gaussian(1.5)] {
            let smooth = after(&rough, smooth(&rough, 1, how, &Silent));
            assert_eq!((smooth.id_at(at(26)), smooth.id_at(at(8))), (0, 1), "{how:?}");
        }
    }

    #[test]
    fn smoothing_stops_when_it_is_told_to() {
        /// Wants no more once smoothing has begun in earnest.
        struct Impatient;

        impl Monitor for Impatient {
            fn report(&self, stage: &'static str, done: u64, _total: u64) -> Result<(), Cancelled> {
                if stage == "Smoothing" && done > 0 { Err(Cancelled) } else { Ok(()) }
            }
        }

        let ball = ball_of(20.0, 61);
        for how in [Smoothing::Median(2.0), Smoothing::Gaussian(2.0)] {
            assert_eq!(smooth(&ball, 1, how, &Impatient), Err(Cancelled), "{how:?}");
        }
    }

    #[test]
    fn a_hollow_ball_keeps_its_outside_and_its_wall() {
        let ball = ball_of(10.0, 31);
        let shell = after(&ball, hollow(&ball, 1, 3.0, &Silent));
        let row = |labels: &LabelMap| -> Vec<u16> { (0..31).map(|i| labels.get([i, 15, 15])).collect() };
        assert_eq!(row(&shell).iter().filter(|&&id| id == 1).count(), 6);
        assert_eq!(row(&shell)[5..8], [1, 1, 1]);
        assert_eq!(after(&shell, hollow(&shell, 1, 3.0, &Silent)), shell);
    }

    #[test]
    fn what_the_volume_cuts_off_is_not_eaten_from_there() {
        let all = labels([1.0; 3], vec![1; N]);
        assert_eq!(shrink(&all, 1, 2.0, &Silent), Ok(None));
        assert_eq!(grow(&all, 1, 2.0, &Silent), Ok(None));
    }

    proptest! {
        #[test]
        fn growing_takes_the_background_within_the_distance_and_nothing_else(labels in any_labels(), mm in 0.3..4.0) {
            let grown = after(&labels, grow(&labels, 1, mm, &Silent));
            for at in 0..N {
                let old = labels.id_at(at);
                let expected = if old == 0 && is_near(&labels, at, mm, |id| id == 1) { 1 } else { old };
                prop_assert_eq!(grown.id_at(at), expected);
            }
        }

        #[test]
        fn shrinking_gives_up_what_lies_within_the_distance_of_anything_else(labels in any_labels(), mm in 0.3..4.0) {
            let shrunk = after(&labels, shrink(&labels, 1, mm, &Silent));
            for at in 0..N {
                let old = labels.id_at(at);
                let expected = if old == 1 && is_near(&labels, at, mm, |id| id != 1) { 0 } else { old };
                prop_assert_eq!(shrunk.id_at(at), expected);
            }
        }

        #[test]
        fn no_shaping_touches_another_label(labels in any_labels(), mm in 0.5..3.0, which in 0..4) {
            let next = after(&labels, match which {
                0 => hollow(&labels, 1, mm, &Silent),
                1 => smooth(&labels, 1, Smoothing::Median(mm), &Silent),
                2 => smooth(&labels, 1, Smoothing::Gaussian(mm), &Silent),
                _ => grow(&labels, 1, mm, &Silent),
            });
            prop_assert!(labels.iter().zip(next.iter()).all(|(old, new)| (old == 2) == (new == 2)));
        }
    }
}
