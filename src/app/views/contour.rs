//! The outlines of the labels in a slice, as closed lines along voxel edges: sharp at every zoom, and thin where voxels
//! are large.

use eframe::egui::{Pos2, Vec2, vec2};

use super::geometry::Placement;
use crate::domain::{LabelMap, LabelTable, grid::SliceAxes};

/// One closed outline. The label lies on the right of its direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Whose outline it is.
    pub id: u16,
    /// Its corners, on the slice's pixel lattice: pixel 0 covers 0 to 1.
    pub corners: Vec<[u32; 2]>,
}

/// A step along a pixel's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Right = 0,
    Down = 1,
    Left = 2,
    Up = 3,
}

const STEPS: [Step; 4] = [Step::Right, Step::Down, Step::Left, Step::Up];

impl Step {
    fn turned(self, quarter_turns: usize) -> Self {
        STEPS[(self as usize + quarter_turns) % 4]
    }

    fn from(self, [x, y]: [u32; 2]) -> [u32; 2] {
        match self {
            Self::Right => [x + 1, y],
            Self::Down => [x, y + 1],
            Self::Left => [x - 1, y],
            Self::Up => [x, y - 1],
        }
    }
}

/// The outlines of every visible label in slice `index`.
pub fn outlines(labels: &LabelMap, table: &LabelTable, axes: &SliceAxes, index: usize) -> Vec<Outline> {
    let shape = labels.grid().shape();
    let (width, height) = (shape[axes.right], shape[axes.down]);
    let mut ids = Vec::with_capacity(width * height);
    for y in 0..height {
        ids.extend((0..width).map(|x| labels.get(axes.voxel(shape, [x, y], index))));
    }
    let mut used = ids.clone();
    used.sort_unstable();
    used.dedup();
    used.retain(|id| *id != 0 && table.get(*id).is_none_or(|label| label.visible && label.opacity > 0.0));
    used.into_iter().flat_map(|id| outlines_of(id, &ids, width, height)).collect()
}

/// The outlines of one label in an image of ids.
fn outlines_of(id: u16, ids: &[u16], width: usize, height: usize) -> Vec<Outline> {
    let mut edges = Edges::new(id, ids, width, height);
    let mut outlines = Vec::new();
    for start in 0..edges.leaving.len() {
        while let Some(step) = edges.any_from(start) {
            let corners = edges.walk([(start % (width + 1)) as u32, (start / (width + 1)) as u32], step);
            outlines.push(Outline { id, corners });
        }
    }
    outlines
}

/// For each corner of the pixel lattice, a bit for each step along an edge that has the label on its right.
struct Edges {
    width: usize,
    leaving: Vec<u8>,
}

impl Edges {
    fn new(id: u16, ids: &[u16], width: usize, height: usize) -> Self {
        let is_inside = |x: isize, y: isize| {
            x >= 0 && y >= 0 && x < width as isize && y < height as isize && ids[y as usize * width + x as usize] == id
        };
        let mut edges = Self { width, leaving: vec![0; (width + 1) * (height + 1)] };
        for y in 0..height as isize {
            for x in (0..width as isize).filter(|x| is_inside(*x, y)) {
                let (left, top) = (x as u32, y as u32);
                for (outside, corner, step) in [
                    ((x, y - 1), [left, top], Step::Right),
                    ((x + 1, y), [left + 1, top], Step::Down),
                    ((x, y + 1), [left + 1, top + 1], Step::Left),
                    ((x - 1, y), [left, top + 1], Step::Up),
                ] {
                    if !is_inside(outside.0, outside.1) {
                        let at = edges.position(corner);
                        edges.leaving[at] |= 1 << step as u8;
                    }
                }
            }
        }
        edges
    }

    fn position(&self, [x, y]: [u32; 2]) -> usize {
        y as usize * (self.width + 1) + x as usize
    }

    fn any_from(&self, position: usize) -> Option<Step> {
        STEPS.into_iter().find(|step| self.leaving[position] & (1 << *step as u8) != 0)
    }

    /// Follows and removes edges from `start` until it is reached again. Where two outlines touch at a corner it keeps to
    /// the right, so that diagonal neighbours have outlines of their own.
    fn walk(&mut self, start: [u32; 2], first: Step) -> Vec<[u32; 2]> {
        let mut corners = Vec::new();
        let (mut at, mut step, mut last) = (start, first, None);
        loop {
            let position = self.position(at);
            self.leaving[position] &= !(1 << step as u8);
            if last != Some(step) {
                corners.push(at);
            }
            at = step.from(at);
            last = Some(step);
            let leaving = self.leaving[self.position(at)];
            let next =
                [1, 0, 3].into_iter().map(|turn| step.turned(turn)).find(|step| leaving & (1 << *step as u8) != 0);
            match next {
                Some(next) => step = next,
                None => return corners,
            }
        }
    }
}

impl Outline {
    /// The outline on the screen, `inset` points inside the label, so that neighbours' outlines lie side by side. The
    /// first corner is repeated at the end.
    pub fn on_screen(&self, placement: &Placement, inset: f32) -> Vec<Pos2> {
        let n = self.corners.len();
        let corner = |i: usize| self.corners[i % n].map(|at| at as f32);
        let inward = |from: [f32; 2], to: [f32; 2]| -> Vec2 {
            let (dx, dy) = ((to[0] - from[0]).signum_or_zero(), (to[1] - from[1]).signum_or_zero());
            vec2(-dy, dx)
        };
        (0..=n)
            .map(|i| {
                let (before, at, after) = (corner(i + n - 1), corner(i), corner(i + 1));
                placement.screen_from_slice(at) + (inward(before, at) + inward(at, after)) * inset
            })
            .collect()
    }
}

trait SignumOrZero {
    fn signum_or_zero(self) -> f32;
}

impl SignumOrZero for f32 {
    fn signum_or_zero(self) -> f32 {
        if self == 0.0 { 0.0 } else { self.signum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[&str], expected: &[&[[u32; 2]]]) {
        let width = rows[0].len();
        let ids: Vec<u16> = rows.concat().bytes().map(|byte| u16::from(byte - b'0')).collect();
        let found: Vec<_> =
            outlines_of(1, &ids, width, rows.len()).into_iter().map(|outline| outline.corners).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn one_pixel_has_four_corners() {
        check(&["000", "010", "000"], &[&[[1, 1], [2, 1], [2, 2], [1, 2]]]);
    }

    #[test]
    fn straight_edges_are_one_line() {
        check(&["111"], &[&[[0, 0], [3, 0], [3, 1], [0, 1]]]);
    }

    #[test]
    fn a_hole_has_an_outline_that_runs_the_other_way() {
        check(&["111", "101", "111"], &[&[[0, 0], [3, 0], [3, 3], [0, 3]], &[[1, 1], [1, 2], [2, 2], [2, 1]]]);
    }

    #[test]
    fn diagonal_neighbours_have_outlines_of_their_own() {
        check(&["10", "01"], &[&[[0, 0], [1, 0], [1, 1], [0, 1]], &[[1, 1], [2, 1], [2, 2], [1, 2]]]);
    }

    #[test]
    fn other_labels_are_outside() {
        check(&["12"], &[&[[0, 0], [1, 0], [1, 1], [0, 1]]]);
    }
}
