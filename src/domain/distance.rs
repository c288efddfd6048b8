//! Exact Euclidean distances on grids whose voxels need not be cubes.
//!
//! One axis after the other: along each line the squared distances become the lower envelope of the parabolas that stand on
//! them, in time linear in the voxels (Felzenszwalb & Huttenlocher, "Distance transforms of sampled functions", Theory of
//! Computing 8, 2012).

use rayon::prelude::*;

/// Lines that are gathered at a time from rows of memory, so that every piece of memory that is fetched is used.
const BLOCK: usize = 16;

/// Where a mask lies, in millimetres from its border: outside the distance to the nearest voxel of the mask, inside the negative
/// of the distance to the nearest voxel that is not in it, centre to centre.
///
/// `mask` has one value a voxel of `shape`, first axis fastest. What lies beyond the grid does not count as outside. All of an
/// empty mask is infinitely far away, all of a full one infinitely deep inside.
pub fn signed_mm(mask: &[bool], shape: [usize; 3], spacing_mm: [f64; 3]) -> Vec<f32> {
    let mut signed_mm: Vec<f32> = squared_mm2(shape, spacing_mm, |at| mask[at]);
    let inside_mm2: Vec<f32> = squared_mm2(shape, spacing_mm, |at| !mask[at]);
    signed_mm.par_iter_mut().zip(inside_mm2).for_each(|(outside, inside)| {
        // One of the two is 0 everywhere.
        *outside = if inside > 0.0 { -inside.sqrt() } else { outside.sqrt() };
    });
    signed_mm
}

/// The square of the distance to the nearest site in mm², 0 at sites, infinity where there are none.
pub fn squared_mm2<T: Real>(shape: [usize; 3], spacing_mm: [f64; 3], is_site: impl Fn(usize) -> bool + Sync) -> Vec<T> {
    let value = |at| T::from_f64(if is_site(at) { 0.0 } else { f64::INFINITY });
    let mut values: Vec<T> = (0..shape.iter().product()).into_par_iter().map(value).collect();
    for (axis, spacing_mm) in spacing_mm.into_iter().enumerate() {
        spread(&mut values, shape, axis, spacing_mm);
    }
    values
}

/// Adds one dimension to squared distances: each becomes the smallest along its line of the squares there plus the square of the
/// way to there.
pub fn spread<T: Real>(values: &mut [T], shape: [usize; 3], axis: usize, spacing_mm: f64) {
    let [ni, nj, nk] = shape;
    if shape[axis] < 2 || values.is_empty() {
        return;
    }
    match axis {
        0 => values.par_chunks_exact_mut(ni).for_each_init(Lines::default, |lines, row| lines.along(row, spacing_mm)),
        1 => values.par_chunks_exact_mut(ni * nj).for_each_init(Lines::default, |lines, sheet| {
            lines.across(&mut sheet.chunks_exact_mut(ni).collect::<Vec<_>>(), spacing_mm);
        }),
        _ => {
            let mut by_j: Vec<Vec<&mut [T]>> = (0..nj).map(|_| Vec::with_capacity(nk)).collect();
            for (row_idx, row) in values.chunks_exact_mut(ni).enumerate() {
                by_j[row_idx % nj].push(row);
            }
            by_j.par_iter_mut().for_each_init(Lines::default, |lines, rows| lines.across(rows, spacing_mm));
        }
    }
}

/// What working on lines needs, kept from line to line.
#[derive(Default)]
struct Lines {
    /// One line, or [`BLOCK`] of them one after the other.
    lines: Vec<f64>,
    envelope: Vec<Parabola>,
}

impl Lines {
    /// Works on a line whose values lie side by side.
    fn along<T: Real>(&mut self, row: &mut [T], spacing_mm: f64) {
        self.lines.clear();
        self.lines.extend(row.iter().map(|value| value.to_f64()));
        lower_envelope(&mut self.lines, spacing_mm, &mut self.envelope);
        row.iter_mut().zip(&self.lines).for_each(|(value, &new)| *value = T::from_f64(new));
    }

    /// Works on the lines that cross all `rows`, one for each place in a row.
    fn across<T: Real>(&mut self, rows: &mut [&mut [T]], spacing_mm: f64) {
        let n = rows.len();
        let width = rows.first().map_or(0, |row| row.len());
        self.lines.resize(n * BLOCK, 0.0);
        for start in (0..width).step_by(BLOCK) {
            let end = (start + BLOCK).min(width);
            for (at, row) in rows.iter().enumerate() {
                row[start..end].iter().enumerate().for_each(|(line, value)| self.lines[line * n + at] = value.to_f64());
            }
            for line in self.lines.chunks_exact_mut(n).take(end - start) {
                lower_envelope(line, spacing_mm, &mut self.envelope);
            }
            for (at, row) in rows.iter_mut().enumerate() {
                let places = row[start..end].iter_mut().enumerate();
                places.for_each(|(line, value)| *value = T::from_f64(self.lines[line * n + at]));
            }
        }
    }
}

/// A parabola whose lowest point is `height` over `position`, and from where on it is the lowest of all.
struct Parabola {
    position: f64,
    height: f64,
    from: f64,
}

/// Makes of every value of a line the height there of the lowest parabola that stands on any value.
fn lower_envelope(line: &mut [f64], spacing_mm: f64, envelope: &mut Vec<Parabola>) {
    envelope.clear();
    for (at, &value) in line.iter().enumerate() {
        if value.is_finite() {
            push_parabola(envelope, at as f64 * spacing_mm, value);
        }
    }
    if envelope.is_empty() {
        return;
    }
    let mut lowest = 0;
    for (at, value) in line.iter_mut().enumerate() {
        let position = at as f64 * spacing_mm;
        while lowest + 1 < envelope.len() && envelope[lowest + 1].from <= position {
            lowest += 1;
        }
        *value = square(position - envelope[lowest].position) + envelope[lowest].height;
    }
}

/// Adds a parabola that stands to the right of all others.
fn push_parabola(envelope: &mut Vec<Parabola>, position: f64, height: f64) {
    let mut from = f64::NEG_INFINITY;
    while let Some(last) = envelope.last() {
        let difference = (height + square(position)) - (last.height + square(last.position));
        from = difference / (2.0 * (position - last.position));
        if from > last.from {
            break;
        }
        envelope.pop();
        from = f64::NEG_INFINITY;
    }
    envelope.push(Parabola { position, height, from });
}

fn square(x: f64) -> f64 {
    x * x
}

/// The numbers in which distances are kept; they are worked out in `f64`.
pub trait Real: Copy + Send + Sync {
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By looking at every pair of voxels.
    fn slow_signed_mm(mask: &[bool], [ni, nj, nk]: [usize; 3], spacing_mm: [f64; 3]) -> Vec<f32> {
        let voxel = move |at: usize| [at % ni, at / ni % nj, at / (ni * nj)];
        let nearest = |at: usize, is_in: bool| {
            let others = (0..ni * nj * nk).filter(|&other| mask[other] == is_in);
            let away = |other| {
                (0..3).map(move |axis| square((voxel(at)[axis] as f64 - voxel(other)[axis] as f64) * spacing_mm[axis]))
            };
            others.map(|other| away(other).sum::<f64>()).fold(f64::INFINITY, f64::min).sqrt() as f32
        };
        (0..mask.len()).map(|at| if mask[at] { -nearest(at, false) } else { nearest(at, true) }).collect()
    }

    #[test]
    fn a_line_is_worked_out_by_hand() {
        let mask = [false, false, true, true, true, false];
        assert_eq!(signed_mm(&mask, [6, 1, 1], [2.0, 1.0, 1.0]), [4.0, 2.0, -2.0, -4.0, -2.0, 2.0]);
        assert_eq!(signed_mm(&mask, [1, 1, 6], [2.0, 1.0, 0.5]), [1.0, 0.5, -0.5, -1.0, -0.5, 0.5]);
    }

    #[test]
    fn nothing_is_infinitely_far_and_everything_infinitely_deep() {
        assert_eq!(signed_mm(&[false; 6], [3, 2, 1], [1.0; 3]), [f32::INFINITY; 6]);
        assert_eq!(signed_mm(&[true; 6], [1, 2, 3], [1.0; 3]), [f32::NEG_INFINITY; 6]);
        assert_eq!(signed_mm(&[], [0, 2, 3], [1.0; 3]), [0.0; 0]);
    }

    proptest! {
        #[test]
        fn distances_are_those_to_the_nearest_of_all_voxels(
            shape in (1..20usize, 1..7usize, 1..5usize).prop_map(|(i, j, k)| [i, j, k]),
            spacing_mm in prop::array::uniform3(0.3..4.0),
            density in 0.0..1.0,
            seed in prop::collection::vec(0.0..1.0, 19 * 6 * 4),
        ) {
            let mask: Vec<bool> = seed[..shape.iter().product()].iter().map(|&x| x < density).collect();
            let (found, expected) = (signed_mm(&mask, shape, spacing_mm), slow_signed_mm(&mask, shape, spacing_mm));
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert!(found == expected || (found - expected).abs() <= 1e-5 * expected.abs(), "{found} {expected}");
            }
        }
    }
}
