//! From a label map to what the ray caster samples: smooth masks, cropped to what is labelled.
//!
//! A binary mask drawn as it is looks like bricks; one that is merely blurred loses its one-voxel vessels. Here masks are
//! blurred and their sum is then held to its side of the surface level wherever a voxel's centre lies, so the surface of
//! the labelled body is smooth, never more than half a voxel from the masks' own border, and nothing vanishes or merges.
//! Within the body a point belongs to the label whose mask is strongest.
//!
//! Masks share the four channels of one texture. Labels that touch get different channels, so that their common border
//! is drawn; labels that do not touch can share one.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::domain::LabelMap;
use crate::monitor::{Cancelled, Monitor};

/// Labels that one picture can tell apart: an index texel has 14 bits for the label and 2 for its channel.
pub const MAX_LABELS: usize = (1 << CHANNEL_SHIFT) - 1;
/// Texels along each edge of a block of [`LabelField::skip`].
pub const SKIP_BLOCK: usize = 4;
/// Where the channel's two bits begin in an index texel.
const CHANNEL_SHIFT: u32 = 14;
const MAX_CHANNELS: usize = 4;
/// Empty texels kept round the labels: the surface closes there, and shading looks that far.
pub const MARGIN: usize = 3;
/// The least an occupied texel and the most an empty one may hold, round the surface level of 127.5.
const INSIDE_MIN: u8 = 132;
const OUTSIDE_MAX: u8 = 123;

/// What the ray caster samples to draw labels, `i` fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelField {
    /// Texels along each axis.
    pub size: [usize; 3],
    /// The voxel at whose lower corner the first texel begins; before the volume where labels touch its edge.
    pub first_voxel: [i64; 3],
    /// Voxels that one texel spans along each axis; above 1 where the labels are too large for a texture.
    pub voxels_per_texel: [usize; 3],
    /// Masks in each texel: 1, 2 or 4.
    pub n_channels: usize,
    /// The masks' strengths, 0 to 255, interleaved; the surface lies where their sum is 127.5.
    pub occupancy: Vec<u8>,
    /// 0 where there is no label, else the channel (2 bits) and the position in [`Self::ids`] plus 1 (14 bits).
    pub index: Vec<u16>,
    /// The label ids that are drawn.
    pub ids: Vec<u16>,
    /// Blocks along each axis of [`Self::skip`].
    pub skip_size: [usize; 3],
    /// Blocks from here to the nearest block that a surface may cross, along the axis on which they are farthest apart;
    /// a ray can pass that far without looking.
    pub skip: Vec<u8>,
}

impl LabelField {
    /// The field of those labels of `labels` that `is_drawn` names, with at most `max_edge` texels along an edge; `None`
    /// where nothing is labelled.
    ///
    /// # Errors
    /// [`Cancelled`] when the monitor says so.
    pub fn build(
        labels: &LabelMap,
        is_drawn: &dyn Fn(u16) -> bool,
        max_edge: usize,
        monitor: &dyn Monitor,
    ) -> Result<Option<Self>, Cancelled> {
        const STAGE: &str = "Shaping the labels";
        const PARTS: u64 = 4 + MAX_CHANNELS as u64;
        monitor.report(STAGE, 0, PARTS)?;
        let ids: Vec<u16> = labels.used_ids().into_iter().filter(|&id| is_drawn(id)).take(MAX_LABELS).collect();
        let positions = positions_of(&ids);
        let Some(bounds) = bounds(labels, &positions) else { return Ok(None) };
        monitor.report(STAGE, 1, PARTS)?;
        let (mut index, frame) = crop(labels, &positions, bounds, max_edge);
        monitor.report(STAGE, 2, PARTS)?;
        let channels = assign_channels(ids.len(), &contacts(&index, frame.size));
        let n_used = channels.iter().max().map_or(1, |&most| usize::from(most) + 1);
        let n_channels = n_used.next_power_of_two();
        monitor.report(STAGE, 3, PARTS)?;
        let kernels = kernels(labels.grid().spacing_mm(), frame.voxels_per_texel);
        let mut occupancy = vec![0u8; index.len() * n_channels];
        for channel in 0..n_used {
            let mask = smooth_mask(&index, frame.size, &kernels, |at| usize::from(channels[at]) == channel);
            let texels = occupancy.par_chunks_exact_mut(n_channels).zip(&mask);
            texels.for_each(|(texel, &value)| texel[channel] = value);
            monitor.report(STAGE, 4 + channel as u64, PARTS)?;
        }
        let texels = occupancy.par_chunks_exact_mut(n_channels).zip(&index);
        texels.for_each(|(texel, &label)| {
            let own = channels.get(usize::from(label).wrapping_sub(1));
            hold_to_side(texel, own.map(|&channel| usize::from(channel)));
        });
        for texel in index.iter_mut().filter(|texel| **texel != 0) {
            *texel |= u16::from(channels[usize::from(*texel) - 1]) << CHANNEL_SHIFT;
        }
        let (skip_size, skip) = skip_distances(&occupancy, n_channels, frame.size);
        let Frame { size, first_voxel, voxels_per_texel } = frame;
        Ok(Some(Self { size, first_voxel, voxels_per_texel, n_channels, occupancy, index, ids, skip_size, skip }))
    }

    /// The part of [`Self::index`] that names the label: its position in [`Self::ids`] plus 1.
    #[cfg(test)]
    fn label_at(&self, texel: [usize; 3]) -> Option<u16> {
        let value = self.index[at(self.size, texel)] & ((1 << CHANNEL_SHIFT) - 1);
        (value != 0).then(|| self.ids[usize::from(value) - 1])
    }
}

/// How texels lie on voxels.
#[derive(Clone, Copy, Debug)]
struct Frame {
    size: [usize; 3],
    first_voxel: [i64; 3],
    voxels_per_texel: [usize; 3],
}

fn at(size: [usize; 3], [i, j, k]: [usize; 3]) -> usize {
    i + size[0] * (j + size[1] * k)
}

/// For each of the 65,536 ids, its position in `ids` plus 1, or 0.
fn positions_of(ids: &[u16]) -> Vec<u16> {
    let mut positions = vec![0; 1 << 16];
    for (position, &id) in ids.iter().enumerate() {
        positions[usize::from(id)] = position as u16 + 1;
    }
    positions
}

/// The first voxel that is drawn and the one behind the last, along each axis.
fn bounds(labels: &LabelMap, positions: &[u16]) -> Option<[[usize; 2]; 3]> {
    let bounds = labels.bounds_of(|id| positions[usize::from(id)] != 0)?;
    Some(bounds.0.map(|range| [range.start, range.end]))
}

/// The label positions inside `bounds` and a margin, reduced by whole factors where they exceed `max_edge`.
fn crop(labels: &LabelMap, positions: &[u16], bounds: [[usize; 2]; 3], max_edge: usize) -> (Vec<u16>, Frame) {
    let room = max_edge.saturating_sub(2 * MARGIN).max(1);
    let voxels_per_texel = bounds.map(|[low, high]| (high - low).div_ceil(room));
    let size = std::array::from_fn(|a| (bounds[a][1] - bounds[a][0]).div_ceil(voxels_per_texel[a]) + 2 * MARGIN);
    let first_voxel = std::array::from_fn(|a| bounds[a][0] as i64 - (MARGIN * voxels_per_texel[a]) as i64);
    let frame = Frame { size, first_voxel, voxels_per_texel };
    let mut index = vec![0u16; size.iter().product()];
    index.par_chunks_exact_mut(size[0] * size[1]).enumerate().for_each(|(k, slice)| {
        let mut votes = Votes::default();
        for (j, row) in slice.chunks_exact_mut(size[0]).enumerate() {
            for (i, texel) in row.iter_mut().enumerate() {
                *texel = votes.winner(labels, positions, &frame, [i, j, k]);
            }
        }
    });
    (index, frame)
}

/// Counts which label fills most of a texel.
#[derive(Default)]
struct Votes(Vec<(u16, u32)>);

impl Votes {
    fn winner(&mut self, labels: &LabelMap, positions: &[u16], frame: &Frame, texel: [usize; 3]) -> u16 {
        let shape = labels.grid().shape();
        let span: [[usize; 2]; 3] = std::array::from_fn(|a| {
            let low = frame.first_voxel[a] + (texel[a] * frame.voxels_per_texel[a]) as i64;
            let inside = |voxel: i64| voxel.clamp(0, shape[a] as i64) as usize;
            [inside(low), inside(low + frame.voxels_per_texel[a] as i64)]
        });
        self.0.clear();
        for k in span[2][0]..span[2][1] {
            for j in span[1][0]..span[1][1] {
                for i in span[0][0]..span[0][1] {
                    let position = positions[usize::from(labels.id_at(at(shape, [i, j, k])))];
                    if position != 0 {
                        self.count(position);
                    }
                }
            }
        }
        // As many voxels as a line through the texel has: a vessel of one voxel is drawn a texel wide, noise is not drawn.
        let filled: u32 = self.0.iter().map(|&(_, n)| n).sum();
        let of_line = frame.voxels_per_texel.into_iter().min().unwrap_or(1);
        let is_enough = filled as usize >= of_line;
        self.0.iter().max_by_key(|&&(_, n)| n).filter(|_| is_enough).map_or(0, |&(position, _)| position)
    }

    fn count(&mut self, position: u16) {
        match self.0.iter_mut().find(|(other, _)| *other == position) {
            Some((_, n)) => *n += 1,
            None => self.0.push((position, 1)),
        }
    }
}

/// Faces that each pair of labels shares, by position in the list of ids, lower first.
fn contacts(index: &[u16], size: [usize; 3]) -> BTreeMap<(u16, u16), u64> {
    let strides = [1, size[0], size[0] * size[1]];
    let of_slice = |k: usize| {
        let mut faces = BTreeMap::new();
        for here in k * strides[2]..(k + 1) * strides[2] {
            // The margin keeps neighbours of labelled texels inside and on the same row.
            for stride in strides.into_iter().filter(|_| index[here] != 0) {
                let (a, b) = (index[here], index[here + stride]);
                if b != 0 && a != b {
                    *faces.entry((a.min(b) - 1, a.max(b) - 1)).or_insert(0) += 1;
                }
            }
        }
        faces
    };
    (0..size[2]).into_par_iter().map(of_slice).reduce(BTreeMap::new, |mut all, some| {
        for (pair, n) in some {
            *all.entry(pair).or_insert(0) += n;
        }
        all
    })
}

/// A channel for each label: the labels with most neighbours choose first, each the lowest channel that shares the
/// fewest faces with its neighbours. Four channels separate nearly all anatomies; where they do not, the smallest
/// contact is drawn without an inner border.
fn assign_channels(n_labels: usize, contacts: &BTreeMap<(u16, u16), u64>) -> Vec<u8> {
    let mut neighbors: Vec<BTreeSet<(usize, u64)>> = vec![BTreeSet::new(); n_labels];
    for (&(a, b), &faces) in contacts {
        let (a, b) = (usize::from(a), usize::from(b));
        neighbors[a].insert((b, faces));
        neighbors[b].insert((a, faces));
    }
    let mut order: Vec<usize> = (0..n_labels).collect();
    order.sort_by_key(|&label| std::cmp::Reverse(neighbors[label].len()));
    let mut channels: Vec<Option<u8>> = vec![None; n_labels];
    for label in order {
        let mut shared = [0u64; MAX_CHANNELS];
        for &(neighbor, faces) in &neighbors[label] {
            if let Some(channel) = channels[neighbor] {
                shared[usize::from(channel)] += faces;
            }
        }
        let best = (0..MAX_CHANNELS).min_by_key(|&channel| shared[channel]).unwrap_or(0);
        channels[label] = Some(best as u8);
    }
    channels.into_iter().map(Option::unwrap_or_default).collect()
}

/// A smoothing kernel's weights from its middle outwards; with the mirrored half they sum to 256.
type Kernel = Vec<u32>;

/// Gaussians for the three axes. Their width follows the coarsest spacing, so that thick slices flow into one another.
fn kernels(spacing_mm: [f64; 3], voxels_per_texel: [usize; 3]) -> [Kernel; 3] {
    let texel_mm: [f64; 3] = std::array::from_fn(|a| spacing_mm[a] * voxels_per_texel[a] as f64);
    let coarsest_mm = texel_mm.into_iter().fold(0.0, f64::max);
    texel_mm.map(|mm| kernel((0.9 * coarsest_mm / mm).clamp(0.9, 3.0)))
}

fn kernel(sigma: f64) -> Kernel {
    let radius = (2.5 * sigma).ceil() as usize;
    let weights: Vec<f64> = (0..=radius).map(|d| (-0.5 * (d as f64 / sigma).powi(2)).exp()).collect();
    let total = 2.0 * weights.iter().sum::<f64>() - weights[0];
    let mut kernel: Kernel = weights.iter().map(|w| (w / total * 256.0).round() as u32).collect();
    kernel[0] = 256 - 2 * kernel[1..].iter().sum::<u32>();
    kernel
}

/// The blurred mask of the labels for which `is_member` holds (by position), 0 to 255.
fn smooth_mask(
    index: &[u16],
    size: [usize; 3],
    kernels: &[Kernel; 3],
    is_member: impl Fn(usize) -> bool + Sync,
) -> Vec<u8> {
    let occupied = |texel: u16| texel != 0 && is_member(usize::from(texel) - 1);
    let mut mask: Vec<u8> = index.par_iter().map(|&texel| if occupied(texel) { 255 } else { 0 }).collect();
    for (axis, kernel) in kernels.iter().enumerate() {
        mask = blur(&mask, size, axis, kernel);
    }
    mask
}

/// Scales the masks of a texel so that their sum lies on the side of the surface on which the texel itself does; `own`
/// is the channel of the texel's label.
fn hold_to_side(masks: &mut [u8], own: Option<usize>) {
    let sum: u32 = masks.iter().map(|&mask| u32::from(mask)).sum();
    let (least, most) = if own.is_some() { (u32::from(INSIDE_MIN), 255) } else { (0, u32::from(OUTSIDE_MAX)) };
    let wanted = sum.clamp(least, most);
    if sum > 0 && wanted != sum {
        // Rounding down keeps what lies outside there; what lies inside gets the remainder.
        masks.iter_mut().for_each(|mask| *mask = (u32::from(*mask) * wanted / sum) as u8);
    }
    let Some(own) = own else { return };
    let others: u32 = masks.iter().enumerate().filter(|&(c, _)| c != own).map(|(_, &mask)| u32::from(mask)).sum();
    masks[own] = masks[own].max(wanted.saturating_sub(others) as u8);
}

/// Smooths along one axis. Lines that lie side by side in memory are summed together.
fn blur(field: &[u8], size: [usize; 3], axis: usize, kernel: &Kernel) -> Vec<u8> {
    let stride: usize = size[..axis].iter().product();
    let mut blurred = vec![0u8; field.len()];
    let rows_per_task = (4096 / stride).max(1);
    let tasks = blurred.par_chunks_mut(stride * rows_per_task).enumerate();
    tasks.for_each_init(
        || vec![0u32; stride],
        |sums, (task, rows)| {
            for (row, out) in rows.chunks_exact_mut(stride).enumerate() {
                let row = task * rows_per_task + row;
                let position = row % size[axis];
                sums.fill(128);
                for (distance, &weight) in kernel.iter().enumerate() {
                    let behind = (distance > 0 && distance <= position).then(|| row - distance);
                    let ahead = (position + distance < size[axis]).then_some(row + distance);
                    for other in behind.into_iter().chain(ahead) {
                        let line = &field[other * stride..(other + 1) * stride];
                        sums.iter_mut().zip(line).for_each(|(sum, &value)| *sum += weight * u32::from(value));
                    }
                }
                out.iter_mut().zip(sums.iter()).for_each(|(out, &sum)| *out = (sum >> 8) as u8);
            }
        },
    );
    blurred
}

/// How far each block is from the nearest one that a surface may cross.
fn skip_distances(occupancy: &[u8], n_channels: usize, size: [usize; 3]) -> ([usize; 3], Vec<u8>) {
    let blocks = size.map(|edge| edge.div_ceil(SKIP_BLOCK));
    let mut distances = vec![u8::MAX; blocks.iter().product()];
    distances.par_chunks_exact_mut(blocks[0] * blocks[1]).enumerate().for_each(|(bk, slice)| {
        for (b, distance) in slice.iter_mut().enumerate() {
            // Interpolation reaches one texel beyond the block.
            let block = [b % blocks[0], b / blocks[0], bk];
            let reach = |a: usize| {
                let low = block[a] * SKIP_BLOCK;
                low.saturating_sub(1)..(low + SKIP_BLOCK + 1).min(size[a])
            };
            let is_crossed = reach(2).any(|k| {
                reach(1).any(|j| {
                    let row = at(size, [0, j, k]);
                    let texels = (row + reach(0).start) * n_channels..(row + reach(0).end) * n_channels;
                    occupancy[texels].chunks_exact(n_channels).any(is_inside)
                })
            });
            if is_crossed {
                *distance = 0;
            }
        }
    });
    spread(&mut distances, blocks);
    (blocks, distances)
}

fn is_inside(masks: &[u8]) -> bool {
    masks.iter().map(|&mask| u32::from(mask)).sum::<u32>() >= u32::from(INSIDE_MIN)
}

/// Chessboard distances from the zeros: one sweep each way over the neighbours already visited.
fn spread(distances: &mut [u8], size: [usize; 3]) {
    let n = distances.len();
    for is_backward in [false, true] {
        for step in 0..n {
            let here = if is_backward { n - 1 - step } else { step };
            let position = [here % size[0], here / size[0] % size[1], here / (size[0] * size[1])];
            let mut least = distances[here];
            for neighbor in 0..13 {
                // The 13 of 26 neighbours that come before this one in memory; mirrored on the way back.
                let offset = [neighbor % 3, neighbor / 3 % 3, neighbor / 9].map(|o: i64| o - 1);
                let sign = if is_backward { -1 } else { 1 };
                let other = |a: usize| position[a].checked_add_signed((sign * offset[a]) as isize);
                let Some(other) = other(0).zip(other(1)).zip(other(2)).map(|((i, j), k)| [i, j, k]) else { continue };
                if (0..3).all(|a| other[a] < size[a]) {
                    least = least.min(distances[at(size, other)].saturating_add(1));
                }
            }
            distances[here] = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;
    use crate::monitor::Silent;

    fn labels_where(shape: [usize; 3], id: impl Fn([usize; 3]) -> u16) -> LabelMap {
        let grid = Grid::axis_aligned(shape, [1.0; 3]).unwrap();
        let ids = (0..grid.n_voxels()).map(|n| id([n % shape[0], n / shape[0] % shape[1], n / (shape[0] * shape[1])]));
        LabelMap::new(grid, ids.collect()).unwrap()
    }

    fn field_of(labels: &LabelMap, max_edge: usize) -> LabelField {
        LabelField::build(labels, &|_| true, max_edge, &Silent).unwrap().unwrap()
    }

    #[test]
    fn an_empty_map_has_no_field() {
        let labels = labels_where([4, 5, 6], |_| 0);
        assert_eq!(LabelField::build(&labels, &|_| true, 64, &Silent), Ok(None));
        let hidden = labels_where([4, 5, 6], |_| 3);
        assert_eq!(LabelField::build(&hidden, &|id| id != 3, 64, &Silent), Ok(None));
    }

    #[test]
    fn every_voxel_lies_on_its_own_side_of_the_surface() {
        // A ball with a vessel of one voxel and a speck, all of which must stay.
        let labels = labels_where([30, 30, 30], |[i, j, k]| {
            let d = |a: usize, b: usize| (a as f64 - b as f64).powi(2);
            let in_ball = d(i, 12) + d(j, 12) + d(k, 12) < 64.0;
            u16::from(in_ball || (j == 12 && k == 12) || [i, j, k] == [25, 25, 25])
        });
        let field = field_of(&labels, 64);
        for (index, value) in field.index.iter().zip(&field.occupancy) {
            assert_eq!(*index != 0, *value > 127);
        }
        assert_eq!(field.index.iter().filter(|index| **index != 0).count() as u64, labels.counts()[&1]);
    }

    #[test]
    fn labels_that_touch_lie_in_different_channels() {
        let labels = labels_where([20, 12, 12], |[i, j, k]| match i {
            _ if j < 3 || k < 3 || j > 8 || k > 8 => 0,
            2..6 => 10,
            6..10 => 20,
            14..18 => 30,
            _ => 0,
        });
        let field = field_of(&labels, 64);
        assert_eq!(field.ids, [10, 20, 30]);
        assert_eq!(field.n_channels, 2);
        let channel_of = |id: u16| {
            let position = field.ids.iter().position(|&other| other == id).unwrap() as u16 + 1;
            field.index.iter().find(|index| **index & 0x3fff == position).map(|index| index >> 14)
        };
        assert_ne!(channel_of(10), channel_of(20));
    }

    #[test]
    fn the_crop_tells_where_it_was_taken() {
        let labels = labels_where([40, 40, 40], |voxel| if voxel == [0, 20, 39] { 7 } else { 0 });
        let field = field_of(&labels, 64);
        assert_eq!(field.first_voxel, [-3, 17, 36]);
        assert_eq!(field.size, [7; 3]);
        assert_eq!(field.label_at([3, 3, 3]), Some(7));
    }

    #[test]
    fn what_is_too_large_is_reduced_and_keeps_its_vessels() {
        let labels = labels_where([200, 40, 40], |[i, j, k]| match (i, j, k) {
            (_, 10, 10) => 2,
            (_, 20..30, 20..30) => 1,
            _ => 0,
        });
        let field = field_of(&labels, 106);
        assert_eq!(field.voxels_per_texel, [2, 1, 1]);
        assert!(field.size.iter().all(|&edge| edge <= 106));
        let of = |id: u16| {
            (0..field.index.len())
                .filter(|&n| field.ids[usize::from(field.index[n] & 0x3fff).max(1) - 1] == id && field.index[n] != 0)
                .count()
        };
        assert_eq!(of(2), 100);
        assert_eq!(of(1), 100 * 100);
    }

    #[test]
    fn skip_distances_never_pass_a_crossed_block() {
        let labels = labels_where([60, 60, 60], |[i, j, k]| match (i, j, k) {
            (0..3, 0..3, 0..3) => 1,
            (50.., 40.., 55..) => 2,
            _ => 0,
        });
        let field = field_of(&labels, 128);
        let [ni, nj, nk] = field.skip_size;
        let blocks = || (0..ni * nj * nk).map(|n| [n % ni, n / ni % nj, n / (ni * nj)]);
        let crossed: Vec<[usize; 3]> = blocks().filter(|&b| field.skip[at(field.skip_size, b)] == 0).collect();
        assert!(!crossed.is_empty());
        for block in blocks() {
            let chessboard = |c: &[usize; 3]| (0..3).map(|a| block[a].abs_diff(c[a])).max().unwrap_or(0);
            let nearest = crossed.iter().map(chessboard).min().unwrap();
            assert_eq!(usize::from(field.skip[at(field.skip_size, block)]), nearest);
        }
    }

    #[test]
    fn kernels_keep_the_sum() {
        for sigma in [0.5, 0.9, 1.7, 3.0] {
            let kernel = kernel(sigma);
            assert_eq!(kernel[0] + 2 * kernel[1..].iter().sum::<u32>(), 256);
        }
    }
}
