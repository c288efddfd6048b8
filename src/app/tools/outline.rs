//! Outlines drawn in one slice: clicked corner by corner, drawn freehand, or led along edges of the image between clicks.

use super::{PointerEvent, PointerKind, distance};
use crate::domain::{Plane, grid::SliceAxes};

/// How an outline is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutlineKind {
    /// A click a corner, straight lines between them; corners can be dragged.
    Polygon,
    /// Drawn in one drag.
    Freehand,
    /// A click an anchor; the line between them follows the image.
    Livewire,
}

/// The slice that an outline lies in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// In which view.
    pub plane: Plane,
    /// How that view lies on the screen.
    pub axes: SliceAxes,
    /// Which slice.
    pub index: usize,
}

/// A corner, and what lies between it and the one before.
#[derive(Clone, Debug, PartialEq)]
struct Corner {
    at: [f64; 2],
    way: Vec<[f64; 2]>,
}

/// An outline that is being drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    kind: OutlineKind,
    place: Place,
    corners: Vec<Corner>,
    /// The corner that is pressed, and whether it has been dragged away from where it was.
    dragged: Option<(usize, bool)>,
    /// A button is down.
    is_held: bool,
    erases: bool,
    /// From the last corner to the pointer.
    ahead: Vec<[f64; 2]>,
}

/// What comes of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum OutlineStep {
    /// It goes on.
    Open(Outline),
    /// It is complete: corners in order, in pixels of the slice.
    Closed {
        /// Where.
        place: Place,
        /// At least three.
        vertices: Vec<[f64; 2]>,
        /// By the button that erases.
        erases: bool,
    },
    /// It is given up, or nothing was begun.
    Nothing,
}

/// Finds the way of a line between two places; straight where it has no points.
pub type Wire<'a> = dyn FnMut([f64; 2], [f64; 2]) -> Vec<[f64; 2]> + 'a;

impl Outline {
    /// Begins one with a press.
    pub fn begin(kind: OutlineKind, place: Place, event: &PointerEvent) -> Self {
        let corner = Corner { at: event.at, way: Vec::new() };
        let corners = vec![corner];
        Self { kind, place, corners, dragged: None, is_held: true, erases: event.erases, ahead: Vec::new() }
    }

    /// Where it lies.
    pub fn place(&self) -> Place {
        self.place
    }

    /// How it is drawn.
    pub fn kind(&self) -> OutlineKind {
        self.kind
    }

    /// Whether a button is down in it.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// The corners that were clicked.
    pub fn corners(&self) -> impl ExactSizeIterator<Item = [f64; 2]> {
        self.corners.iter().map(|corner| corner.at)
    }

    /// All points so far, in order.
    pub fn points(&self) -> Vec<[f64; 2]> {
        self.corners.iter().flat_map(|corner| corner.way.iter().copied().chain([corner.at])).collect()
    }

    /// From the last corner to the pointer, where that is known.
    pub fn ahead(&self) -> &[[f64; 2]] {
        &self.ahead
    }

    /// The next state. `wire` leads lines of the kind that follow the image.
    ///
    /// A double click, Enter or a click on the first corner closes it, as does the button that erases, which then
    /// takes away what it encloses. Backspace takes the last corner back, Escape gives up.
    pub fn next(mut self, event: &PointerEvent, wire: &mut Wire<'_>) -> OutlineStep {
        match event.kind {
            PointerKind::Cancel => return OutlineStep::Nothing,
            PointerKind::Confirm | PointerKind::Double => return self.close(wire),
            PointerKind::Back => {
                self.corners.pop();
                self.ahead.clear();
                return if self.corners.is_empty() { OutlineStep::Nothing } else { OutlineStep::Open(self) };
            }
            _ if self.kind == OutlineKind::Freehand => return self.draw(event),
            PointerKind::Press => {
                self.is_held = true;
                if event.erases {
                    self.erases = true;
                    return self.close(wire);
                }
                self.press(event, wire);
            }
            PointerKind::Move => self.follow(event, wire),
            PointerKind::Release => {
                self.is_held = false;
                let was_clicked = matches!(self.dragged.take(), Some((0, false)));
                if was_clicked && self.corners.len() > 2 {
                    return self.close(wire);
                }
            }
        }
        OutlineStep::Open(self)
    }

    /// Freehand: every move is a corner, the release closes.
    fn draw(mut self, event: &PointerEvent) -> OutlineStep {
        match event.kind {
            PointerKind::Release => return self.close(&mut |_, _| Vec::new()),
            _ if self.is_held && self.corners.last().is_none_or(|last| last.at != event.at) => {
                self.corners.push(Corner { at: event.at, way: Vec::new() });
            }
            _ => {}
        }
        OutlineStep::Open(self)
    }

    /// Catches the corner under the pointer, or adds one there.
    fn press(&mut self, event: &PointerEvent, wire: &mut Wire<'_>) {
        let at = event.at;
        let caught = self.corners.iter().position(|corner| distance(corner.at, at) <= event.reach);
        // The way to a corner of a wire is found once: such corners are not dragged, and a second click on one adds none.
        self.dragged = caught.map(|corner| (corner, false));
        if caught.is_none()
            && let Some(last) = self.corners.last()
        {
            let way = self.way(wire, last.at, at);
            self.corners.push(Corner { at, way });
            self.ahead.clear();
        }
    }

    fn follow(&mut self, event: &PointerEvent, wire: &mut Wire<'_>) {
        match &mut self.dragged {
            Some((corner, has_moved)) if self.is_held && self.kind == OutlineKind::Polygon => {
                // A hand that clicks is not perfectly still.
                *has_moved |= distance(self.corners[*corner].at, event.at) > event.reach;
                if *has_moved {
                    self.corners[*corner].at = event.at;
                }
            }
            _ => {
                let Some(last) = self.corners.last().map(|corner| corner.at) else { return };
                self.ahead = self.way(wire, last, event.at);
                self.ahead.push(event.at);
            }
        }
    }

    fn way(&self, wire: &mut Wire<'_>, from: [f64; 2], to: [f64; 2]) -> Vec<[f64; 2]> {
        if self.kind == OutlineKind::Livewire { wire(from, to) } else { Vec::new() }
    }

    fn close(self, wire: &mut Wire<'_>) -> OutlineStep {
        let mut vertices = self.points();
        if let [first, .., last] = &self.corners[..] {
            vertices.extend(self.way(wire, last.at, first.at));
        }
        match vertices.len() {
            0..=2 => OutlineStep::Nothing,
            _ => OutlineStep::Closed { place: self.place, vertices, erases: self.erases },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PLACE, left};
    use super::*;

    /// Presses and releases at each place; a wire goes around a corner.
    fn clicked(kind: OutlineKind, places: &[[f64; 2]]) -> OutlineStep {
        let mut step = OutlineStep::Nothing;
        for at in places {
            step = match step {
                OutlineStep::Open(outline) => outline.next(&left(PointerKind::Press, *at), &mut around),
                _ => OutlineStep::Open(Outline::begin(kind, PLACE, &left(PointerKind::Press, *at))),
            };
            step = then(step, left(PointerKind::Release, *at));
        }
        step
    }

    fn around(from: [f64; 2], to: [f64; 2]) -> Vec<[f64; 2]> {
        vec![[from[0], to[1]]]
    }

    fn then(step: OutlineStep, event: PointerEvent) -> OutlineStep {
        match step {
            OutlineStep::Open(outline) => outline.next(&event, &mut around),
            done => done,
        }
    }

    fn closed(vertices: &[[f64; 2]], erases: bool) -> OutlineStep {
        OutlineStep::Closed { place: PLACE, vertices: vertices.to_vec(), erases }
    }

    const TRIANGLE: [[f64; 2]; 3] = [[2.0, 2.0], [9.0, 2.0], [5.0, 8.0]];

    #[test]
    fn enter_a_double_click_and_the_first_corner_close_a_polygon() {
        for kind in [PointerKind::Confirm, PointerKind::Double] {
            let step = then(clicked(OutlineKind::Polygon, &TRIANGLE), left(kind, TRIANGLE[2]));
            assert_eq!(step, closed(&TRIANGLE, false));
        }
        let step = clicked(OutlineKind::Polygon, &[TRIANGLE[0], TRIANGLE[1], TRIANGLE[2], [2.4, 2.3]]);
        assert_eq!(step, closed(&TRIANGLE, false));
    }

    #[test]
    fn a_double_click_adds_its_corner_once() {
        let step = clicked(OutlineKind::Polygon, &[TRIANGLE[0], TRIANGLE[1], TRIANGLE[2], TRIANGLE[2]]);
        assert_eq!(then(step, left(PointerKind::Double, TRIANGLE[2])), closed(&TRIANGLE, false));
    }

    #[test]
    fn the_button_that_erases_closes_and_erases() {
        let press = PointerEvent { erases: true, ..left(PointerKind::Press, [0.0, 0.0]) };
        assert_eq!(then(clicked(OutlineKind::Polygon, &TRIANGLE), press), closed(&TRIANGLE, true));
    }

    #[test]
    fn a_corner_is_dragged_to_another_place() {
        let mut step = clicked(OutlineKind::Polygon, &TRIANGLE);
        for (kind, at) in [
            (PointerKind::Press, [9.3, 2.2]),
            (PointerKind::Move, [12.0, 3.0]),
            (PointerKind::Release, [12.0, 3.0]),
            (PointerKind::Confirm, [12.0, 3.0]),
        ] {
            step = then(step, left(kind, at));
        }
        assert_eq!(step, closed(&[TRIANGLE[0], [12.0, 3.0], TRIANGLE[2]], false));
    }

    #[test]
    fn backspace_takes_the_last_corner_and_at_last_the_outline() {
        let mut step = clicked(OutlineKind::Polygon, &TRIANGLE);
        for n_left in [2, 1] {
            step = then(step, left(PointerKind::Back, [0.0, 0.0]));
            assert!(matches!(&step, OutlineStep::Open(outline) if outline.corners().len() == n_left));
        }
        assert_eq!(then(step, left(PointerKind::Back, [0.0, 0.0])), OutlineStep::Nothing);
    }

    #[test]
    fn two_corners_enclose_nothing_and_escape_gives_up() {
        let step = clicked(OutlineKind::Polygon, &TRIANGLE[..2]);
        assert_eq!(then(step, left(PointerKind::Confirm, [0.0, 0.0])), OutlineStep::Nothing);
        let step = clicked(OutlineKind::Polygon, &TRIANGLE);
        assert_eq!(then(step, left(PointerKind::Cancel, [0.0, 0.0])), OutlineStep::Nothing);
    }

    #[test]
    fn a_freehand_outline_is_one_drag() {
        let mut step =
            OutlineStep::Open(Outline::begin(OutlineKind::Freehand, PLACE, &left(PointerKind::Press, TRIANGLE[0])));
        for at in &TRIANGLE[1..] {
            step = then(step, left(PointerKind::Move, *at));
        }
        assert_eq!(then(step, left(PointerKind::Release, TRIANGLE[2])), closed(&TRIANGLE, false));
    }

    #[test]
    fn a_wire_follows_the_pointer_and_leads_from_anchor_to_anchor_and_home() {
        let step = clicked(OutlineKind::Livewire, &[[0.0, 0.0], [6.0, 5.0]]);
        let step = then(step, left(PointerKind::Move, [9.0, 9.0]));
        assert!(matches!(&step, OutlineStep::Open(outline) if outline.ahead() == [[6.0, 9.0], [9.0, 9.0]]));
        let step = then(step, left(PointerKind::Confirm, [0.0, 0.0]));
        assert_eq!(step, closed(&[[0.0, 0.0], [0.0, 5.0], [6.0, 5.0], [6.0, 0.0]], false));
    }
}
