//! The outlines of the labels in a slice, as closed lines along voxel edges: sharp at every zoom, and thin where voxels
//! are large.

use std::ops::Range;

use eframe::egui::{Pos2, Vec2, vec2};

use super::geometry::Placement;
use crate::domain::patch::Patch;
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

/// The outlines of every visible label in a part of slice `index`, by id; along the blocks of a part that is reduced.
pub fn outlines(
    labels: &LabelMap,
    table: &LabelTable,
    (axes, index): (&SliceAxes, usize),
    patch: &Patch,
) -> Vec<Outline> {
    let [width, height] = patch.size();
    let ids = labels.patch_ids(axes, index, patch);
    let is_drawn = |id: u16| table.get(id).is_none_or(|label| label.visible && label.opacity > 0.0);
    let mut outlines = outlines_in(&ids, width, height, is_drawn);
    lay_on_slice(&mut outlines, patch);
    outlines
}

/// Lays outlines in a part on the slice that it is of, along its blocks where it is reduced.
pub fn lay_on_slice(outlines: &mut [Outline], patch: &Patch) {
    for corner in outlines.iter_mut().flat_map(|outline| &mut outline.corners) {
        let on_slice =
            |at: u32, pixels: &Range<usize>| (pixels.start + at as usize * patch.step).min(pixels.end) as u32;
        *corner = [on_slice(corner[0], &patch.columns), on_slice(corner[1], &patch.rows)];
    }
}

/// The outlines in an image of ids of those labels that are drawn.
pub fn outlines_in(ids: &[u16], width: usize, height: usize, is_drawn: impl Fn(u16) -> bool) -> Vec<Outline> {
    let mut borders = borders(ids, width, height);
    borders.sort_by_key(|border| border.id);
    let mut edges = Edges::new(width, height);
    let mut outlines = Vec::new();
    for borders in borders.chunk_by(|a, b| a.id == b.id) {
        let id = borders[0].id;
        if is_drawn(id) {
            edges.trace(id, borders, &mut outlines);
        }
    }
    outlines
}

/// An edge of a pixel beyond which another label lies, in the direction that has the pixel on its right.
struct Border {
    id: u16,
    from: [u32; 2],
    step: Step,
}

/// The borders of all labels in an image of ids, row by row. Most pixels have none, and rows that are equal are passed over.
fn borders(ids: &[u16], width: usize, height: usize) -> Vec<Border> {
    let mut borders = Vec::new();
    let mut push = |id: u16, x: usize, y: usize, step: Step| {
        if id != 0 {
            borders.push(Border { id, from: [x as u32, y as u32], step });
        }
    };
    let nothing = vec![0; width];
    for y in 0..=height {
        let row = |y: Option<usize>| y.and_then(|y| ids.get(y * width..(y + 1) * width)).unwrap_or(&nothing);
        let (above, below) = (row(y.checked_sub(1)), row(Some(y)));
        if above != below {
            for x in (0..width).filter(|&x| above[x] != below[x]) {
                push(above[x], x + 1, y, Step::Left);
                push(below[x], x, y, Step::Right);
            }
        }
        let mut left = 0;
        for (x, &right) in below.iter().chain([&0]).enumerate() {
            if left != right {
                push(left, x, y, Step::Down);
                push(right, x, y + 1, Step::Up);
            }
            left = right;
        }
    }
    borders
}

/// For each corner of the pixel lattice, a bit for each step along an edge that has the label on its right.
struct Edges {
    width: usize,
    /// All 0 between two labels.
    leaving: Vec<u8>,
}

impl Edges {
    fn new(width: usize, height: usize) -> Self {
        Self { width, leaving: vec![0; (width + 1) * (height + 1)] }
    }

    /// Adds the closed lines that the borders of one label make.
    fn trace(&mut self, id: u16, borders: &[Border], outlines: &mut Vec<Outline>) {
        for border in borders {
            let at = self.position(border.from);
            self.leaving[at] |= 1 << border.step as u8;
        }
        for border in borders {
            while let Some(step) = self.any_from(self.position(border.from)) {
                let corners = self.walk(border.from, step);
                outlines.push(Outline { id, corners });
            }
        }
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
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(rows: &[&str], expected: &[&[[u32; 2]]]) {
        let width = rows[0].len();
        let ids: Vec<u16> = rows.concat().bytes().map(|byte| u16::from(byte - b'0')).collect();
        let outlines = outlines_in(&ids, width, rows.len(), |id| id == 1);
        let found: Vec<_> = outlines.into_iter().map(|outline| outline.corners).collect();
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
        check(&["111", "101", "111"], &[&[[0, 0], [3, 0], [3, 3], [0, 3]], &[[2, 1], [1, 1], [1, 2], [2, 2]]]);
    }

    #[test]
    fn diagonal_neighbours_have_outlines_of_their_own() {
        check(&["10", "01"], &[&[[0, 0], [1, 0], [1, 1], [0, 1]], &[[1, 1], [2, 1], [2, 2], [1, 2]]]);
    }

    #[test]
    fn other_labels_are_outside() {
        check(&["12"], &[&[[0, 0], [1, 0], [1, 1], [0, 1]]]);
    }

    /// The area that a closed line has on its right.
    fn area(corners: &[[u32; 2]]) -> i64 {
        let ends = corners.iter().zip(corners.iter().cycle().skip(1));
        ends.map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])).sum::<i64>() / 2
    }

    proptest! {
        #[test]
        fn the_outlines_of_a_label_enclose_as_much_as_it_has_pixels(ids in prop::collection::vec(0..4u16, 48)) {
            let outlines = outlines_in(&ids, 8, 6, |id| id != 2);
            for id in 0..4 {
                let enclosed: i64 = outlines.iter().filter(|x| x.id == id).map(|outline| area(&outline.corners)).sum();
                let n_pixels = ids.iter().filter(|&&other| other == id).count() as i64;
                prop_assert_eq!(enclosed, if [0, 2].contains(&id) { 0 } else { n_pixels });
            }
        }
    }
}
