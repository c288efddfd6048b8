//! What a step of the wire costs: little along a strong edge.

use std::f32::consts::{FRAC_1_SQRT_2, PI, SQRT_2};
use std::sync::LazyLock;

use rayon::prelude::*;

/// No step costs more.
pub(super) const MAX_STEP: u32 = (STEP as f64 * 1.415) as u32 + 1;

/// The cost of a step of one pixel to a place without any edge.
const STEP: f32 = 128.0;

/// What a step costs where the place is no zero crossing of the Laplacian, of 1 in all (Mortensen & Barrett's shares).
const ZERO_CROSSING: f32 = 0.43;
/// What it costs where the place has no gradient.
const GRADIENT: f32 = 0.14;
/// What it costs where the step goes across the edge.
const DIRECTION: f32 = 0.43;

/// The edges of a part of a slice.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    size: [usize; 2],
    pixels: Vec<Pixel>,
}

#[derive(Clone, Copy, Debug)]
struct Pixel {
    /// What it costs to be here, direction aside.
    cost: f32,
    /// Along the edge, as long as the edge is clear: 1 at most, 0 where there is no gradient.
    along: [f32; 2],
}

impl Edges {
    /// The edges of a part of a slice, `size` pixels wide and high, row by row.
    pub fn of(mut values: Vec<f32>, size: [usize; 2]) -> Self {
        values.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = 0.0);
        let smooth = smoothed(smoothed(values, size, 0), size, 1);
        let gradients = map(size, |at| gradient(&smooth, size, at));
        let laplacians = map(size, |at| laplacian(&smooth, size, at));
        let clear = clear_gradient(&gradients);
        let pixel = |[x, y]: [usize; 2]| {
            let [right, down] = gradients[x + y * size[0]];
            let steep = right.hypot(down);
            let strength = if clear > 0.0 { (steep / clear).min(1.0) } else { 0.0 };
            let crossing = if is_zero_crossing(&laplacians, size, [x, y]) { strength } else { 0.0 };
            let along = if steep > 0.0 { [-down, right].map(|part| part * strength / steep) } else { [0.0; 2] };
            Pixel { cost: ZERO_CROSSING * (1.0 - crossing) + GRADIENT * (1.0 - strength), along }
        };
        Self { size, pixels: map(size, pixel) }
    }

    /// Pixels along x and y.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// What it costs to go from one pixel to a neighbour, 1 to [`MAX_STEP`].
    pub fn step(&self, from: usize, to: usize, step: [isize; 2]) -> u32 {
        let (from, to) = (self.pixels[from], self.pixels[to]);
        let is_diagonal = step[0] != 0 && step[1] != 0;
        let shrink = if is_diagonal { FRAC_1_SQRT_2 } else { 1.0 };
        let way = step.map(|part| part as f32 * shrink);
        let dot = |along: [f32; 2]| along[0] * way[0] + along[1] * way[1];
        // An edge has no beginning: the way counts as it leaves `from`, and is compared with the edge at `to`.
        let leaves = dot(from.along);
        let arrives = if leaves < 0.0 { -dot(to.along) } else { dot(to.along) };
        let turn = (angle(leaves.abs()) + angle(arrives)) * (2.0 / (3.0 * PI));
        let length = if is_diagonal { SQRT_2 } else { 1.0 };
        (((to.cost + DIRECTION * turn) * length * STEP).round() as u32).max(1)
    }
}

/// The angle of a cosine, to a thousandth: looked up, since every step needs two.
fn angle(cosine: f32) -> f32 {
    const N: usize = 2048;
    static ANGLES: LazyLock<Vec<f32>> =
        LazyLock::new(|| (0..=N).map(|at| (at as f32 * 2.0 / N as f32 - 1.0).acos()).collect());
    ANGLES[(((cosine + 1.0) * (N / 2) as f32).round() as usize).min(N)]
}

/// What `of` makes of every pixel `[x, y]`, row by row.
fn map<T: Send>(size: [usize; 2], of: impl Fn([usize; 2]) -> T + Sync) -> Vec<T> {
    let of = &of;
    (0..size[1]).into_par_iter().flat_map_iter(|y| (0..size[0]).map(move |x| of([x, y]))).collect()
}

/// The places in memory of a pixel and of the two beside it along an axis; the pixel's own beyond an edge.
fn beside(size: [usize; 2], pixel: [usize; 2], axis: usize) -> [usize; 3] {
    let at = pixel[0] + pixel[1] * size[0];
    let stride = if axis == 0 { 1 } else { size[0] };
    let before = if pixel[axis] > 0 { at - stride } else { at };
    [before, at, if pixel[axis] + 1 < size[axis] { at + stride } else { at }]
}

/// Smoothed along an axis with a Gaussian of one pixel (binomial, five wide), so that noise makes no edges.
fn smoothed(values: Vec<f32>, size: [usize; 2], axis: usize) -> Vec<f32> {
    let half = |values: &[f32], pixel: [usize; 2]| {
        let [a, at, b] = beside(size, pixel, axis);
        (values[a] + 2.0 * values[at] + values[b]) / 4.0
    };
    let once = map(size, |pixel| half(&values, pixel));
    map(size, |pixel| half(&once, pixel))
}

fn gradient(values: &[f32], size: [usize; 2], pixel: [usize; 2]) -> [f32; 2] {
    [0, 1].map(|axis| {
        let [a, _, b] = beside(size, pixel, axis);
        (values[b] - values[a]) / 2.0
    })
}

/// The gradient from which on an edge is as clear as any: the steepest, unless that stands out far, as metal does in CT.
///
/// In noise there are zero crossings and directions everywhere; they count only as far as the gradient there is clear.
fn clear_gradient(gradients: &[[f32; 2]]) -> f32 {
    let squares = || gradients.par_iter().map(|[right, down]| right * right + down * down);
    let steepest = squares().reduce(|| 0.0, f32::max).sqrt();
    let rms = (squares().map(f64::from).sum::<f64>() / gradients.len() as f64).sqrt() as f32;
    steepest.min(4.0 * rms)
}

fn laplacian(values: &[f32], size: [usize; 2], pixel: [usize; 2]) -> f32 {
    let along = |axis: usize| {
        let [a, at, b] = beside(size, pixel, axis);
        (values[a] - values[at]) + (values[b] - values[at])
    };
    along(0) + along(1)
}

/// Whether a neighbour has the other sign, and lies no nearer to zero.
fn is_zero_crossing(laplacians: &[f32], size: [usize; 2], pixel: [usize; 2]) -> bool {
    [0, 1].into_iter().any(|axis| {
        let [a, at, b] = beside(size, pixel, axis);
        let here = laplacians[at];
        let crosses = |other: usize| here * laplacians[other] < 0.0 && here.abs() <= laplacians[other].abs();
        crosses(a) || crosses(b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 2] = [16, 12];

    /// Dark to the left of x = 8, bright from there on.
    fn wall() -> Edges {
        let slice: Vec<f32> = (0..16 * 12).map(|at| if at % 16 < 8 { 0.0 } else { 100.0 }).collect();
        Edges::of(slice, SIZE)
    }

    #[test]
    fn along_an_edge_is_cheap_and_across_or_beside_it_is_not() {
        let edges = wall();
        let at = |x: usize, y: usize| x + 16 * y;
        let along = edges.step(at(7, 5), at(7, 6), [0, 1]);
        assert!(along < 10, "{along}");
        assert!(edges.step(at(7, 5), at(8, 5), [1, 0]) > 3 * along);
        assert!(edges.step(at(3, 5), at(3, 6), [0, 1]) > 100);
        // Both ways cost the same along an edge.
        assert_eq!(edges.step(at(7, 6), at(7, 5), [0, -1]), along);
    }

    #[test]
    fn no_step_costs_nothing_or_more_than_the_most() {
        let edges = wall();
        for at in 17..16 * 11 - 1 {
            for step in [[-1isize, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]] {
                let cost = edges.step(at, at.wrapping_add_signed(step[0] + 16 * step[1]), step);
                assert!((1..=MAX_STEP).contains(&cost), "{cost}");
            }
        }
    }
}
