//! Rulers: two points for a distance, three for an angle.

use super::{Place, PointerEvent, PointerKind, distance};

/// A ruler that is being laid.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruler {
    place: Place,
    n_points: usize,
    points: Vec<[f64; 2]>,
    ahead: Option<[f64; 2]>,
    is_held: bool,
}

/// What comes of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum RulerStep {
    /// It goes on.
    Open(Ruler),
    /// All points are set, in pixels of the slice.
    Done {
        /// Where.
        place: Place,
        /// In order; the vertex of an angle is the second.
        points: Vec<[f64; 2]>,
    },
    /// It is given up, or nothing was begun.
    Nothing,
}

impl Ruler {
    /// Begins one of `n_points` with a press.
    pub fn begin(n_points: usize, place: Place, event: &PointerEvent) -> Self {
        Self { place, n_points, points: vec![event.at], ahead: None, is_held: true }
    }

    /// Where it lies.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether a button is down in it.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// The points so far, and the one under the pointer.
    pub fn points(&self) -> Vec<[f64; 2]> {
        self.points.iter().copied().chain(self.ahead).collect()
    }

    /// The next state. Each click sets a point, and so does the end of a drag.
    pub fn next(mut self, event: &PointerEvent) -> RulerStep {
        match event.kind {
            PointerKind::Cancel => return RulerStep::Nothing,
            PointerKind::Back => {
                self.points.pop();
                if self.points.is_empty() {
                    return RulerStep::Nothing;
                }
            }
            PointerKind::Press => {
                self.is_held = true;
                self.ahead = Some(event.at);
            }
            PointerKind::Move => self.ahead = Some(event.at),
            PointerKind::Release => {
                self.is_held = false;
                self.ahead = None;
                // The release of the click that set a point sets no other one there.
                if self.points.last().is_none_or(|last| distance(*last, event.at) > event.reach) {
                    self.points.push(event.at);
                }
                if self.points.len() == self.n_points {
                    return RulerStep::Done { place: self.place, points: self.points };
                }
            }
            PointerKind::Double | PointerKind::Confirm => {}
        }
        RulerStep::Open(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PLACE, left};
    use super::*;

    /// Presses at the first place of each pair and releases at the second.
    fn laid(n_points: usize, drags: &[[[f64; 2]; 2]]) -> RulerStep {
        let mut step = RulerStep::Nothing;
        for [from, to] in drags {
            let press = left(PointerKind::Press, *from);
            step = match step {
                RulerStep::Open(ruler) => ruler.next(&press),
                _ => RulerStep::Open(Ruler::begin(n_points, PLACE, &press)),
            };
            for kind in [PointerKind::Move, PointerKind::Release] {
                step = match step {
                    RulerStep::Open(ruler) => ruler.next(&left(kind, *to)),
                    done => done,
                };
            }
        }
        step
    }

    #[track_caller]
    fn check(step: &RulerStep, expected: &[[f64; 2]]) {
        assert!(matches!(step, RulerStep::Done { points, .. } if points == expected), "{step:?}");
    }

    const A: [f64; 2] = [1.0, 1.0];
    const B: [f64; 2] = [8.0, 1.0];
    const C: [f64; 2] = [8.0, 9.0];

    #[test]
    fn a_distance_is_a_drag_or_two_clicks() {
        check(&laid(2, &[[A, B]]), &[A, B]);
        check(&laid(2, &[[A, A], [B, B]]), &[A, B]);
    }

    #[test]
    fn an_angle_is_three_clicks_or_a_drag_and_a_click() {
        check(&laid(3, &[[A, A], [B, B], [C, C]]), &[A, B, C]);
        check(&laid(3, &[[A, B], [C, C]]), &[A, B, C]);
    }

    #[test]
    fn a_ruler_is_given_up_point_by_point_or_at_once() {
        let open = || laid(3, &[[A, A], [B, B]]);
        let RulerStep::Open(ruler) = open() else { panic!("two points of three") };
        let RulerStep::Open(ruler) = ruler.next(&left(PointerKind::Back, A)) else { panic!("one is left") };
        assert_eq!(ruler.next(&left(PointerKind::Back, A)), RulerStep::Nothing);
        let RulerStep::Open(ruler) = open() else { panic!("two points of three") };
        assert_eq!(ruler.next(&left(PointerKind::Cancel, A)), RulerStep::Nothing);
    }
}
