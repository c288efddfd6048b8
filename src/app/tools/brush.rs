//! The brush and the eraser: how they reach, and what press, drag and release mean to them.

use serde::{Deserialize, Serialize};

use super::{PointerEvent, PointerKind};
use crate::domain::paint::{Brush, BrushShape, BrushSize};
use crate::domain::{Grid, Units};

/// How the brush and the eraser reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BrushLook {
    /// In `unit`s.
    pub diameter: f64,
    /// Voxels or millimetres.
    pub unit: SizeUnit,
    /// Round or square.
    pub shape: BrushShape,
    /// Reaches into the slices beside.
    pub is_ball: bool,
    /// Paints only what looks like the voxel under the pointer and hangs together with it.
    pub is_adaptive: bool,
}

/// What a brush is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SizeUnit {
    /// The same number of voxels along each axis.
    #[default]
    Voxels,
    /// As wide along each axis, however long its voxels are.
    Mm,
}

impl SizeUnit {
    /// Smallest and largest diameter of a brush.
    pub fn diameters(self) -> std::ops::RangeInclusive<f64> {
        match self {
            Self::Voxels => 1.0..=80.0,
            Self::Mm => 0.2..=100.0,
        }
    }

    /// Written behind a number.
    pub fn suffix(self, units: Units) -> &'static str {
        match (self, units) {
            (_, Units::Pixels) => " px",
            (Self::Voxels, Units::Millimetres) => " vx",
            (Self::Mm, Units::Millimetres) => " mm",
        }
    }

    /// The smallest difference between two brushes.
    fn step(self) -> f64 {
        match self {
            Self::Voxels => 1.0,
            Self::Mm => 0.2,
        }
    }
}

impl Default for BrushLook {
    fn default() -> Self {
        Self { diameter: 4.0, unit: SizeUnit::Voxels, shape: BrushShape::Round, is_ball: false, is_adaptive: false }
    }
}

impl BrushLook {
    /// The brush for a slice across the voxel axis `through`.
    pub fn brush(self, through: usize) -> Brush {
        let size = match self.unit {
            SizeUnit::Voxels => BrushSize::Voxels(self.diameter),
            SizeUnit::Mm => BrushSize::Mm(self.diameter),
        };
        Brush { shape: self.shape, size, through: (!self.is_ball).then_some(through) }
    }

    /// One size up or down: by one step while small, then by a tenth.
    pub fn resized(self, grows: bool) -> Self {
        let step = (self.diameter / 10.0).max(self.unit.step());
        self.sized(if grows { self.diameter + step } else { self.diameter - step })
    }

    /// The same brush with another diameter, kept within what its unit allows.
    pub fn sized(self, diameter: f64) -> Self {
        let range = self.unit.diameters();
        let whole_steps = (diameter / self.unit.step()).round() * self.unit.step();
        Self { diameter: whole_steps.clamp(*range.start(), *range.end()), ..self }
    }

    /// The same brush measured in another unit, about as large on `grid`.
    pub fn in_unit(self, unit: SizeUnit, grid: &Grid) -> Self {
        let mm_per_voxel = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let diameter = match (self.unit, unit) {
            (SizeUnit::Voxels, SizeUnit::Mm) => self.diameter * mm_per_voxel,
            (SizeUnit::Mm, SizeUnit::Voxels) => self.diameter / mm_per_voxel,
            _ => self.diameter,
        };
        Self { unit, ..self }.sized(diameter)
    }
}

/// Where the strokes of the brush have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Strokes {
    doing: Doing,
    /// Where the last stroke ended: the next straight line begins there.
    last: Option<[usize; 3]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Doing {
    #[default]
    Nothing,
    Painting {
        at: Option<[usize; 3]>,
        erases: bool,
    },
    /// A drag that began at `x` changes the size from `diameter`, about the voxel `over`.
    Sizing {
        x: f64,
        diameter: f64,
        over: Option<[usize; 3]>,
    },
}

/// What a brush does to the labels or to itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BrushEffect {
    /// Paint, or erase, from one voxel straight to another.
    Draw {
        /// Where from.
        from: [usize; 3],
        /// Where to.
        to: [usize; 3],
        /// Takes labels away.
        erases: bool,
    },
    /// What was drawn is one change.
    Finish,
    /// What was drawn is taken back.
    GiveUp,
    /// The brush has this diameter, in its unit.
    Resize(f64),
}

impl Strokes {
    /// Whether a stroke is going on.
    pub fn is_painting(&self) -> bool {
        matches!(self.doing, Doing::Painting { .. })
    }

    /// Whether a drag is going on, of whatever kind.
    pub fn is_busy(&self) -> bool {
        self.doing != Doing::Nothing
    }

    /// The voxel about which the brush is being resized: its outline stays there meanwhile.
    pub fn sizing_over(&self) -> Option<[usize; 3]> {
        match self.doing {
            Doing::Sizing { over, .. } => over,
            _ => None,
        }
    }

    /// Where a straight line would begin now.
    pub fn line_start(&self) -> Option<[usize; 3]> {
        if self.is_busy() { None } else { self.last }
    }

    /// The next state. `through` is the voxel axis across the slice; `always_erases` where the tool is the eraser.
    ///
    /// A press paints, or erases with the button that does, Shift begins with a line from where the last stroke ended, Alt changes the size by as
    /// many pixels as the pointer moves to the side.
    pub fn next(
        self,
        event: &PointerEvent,
        look: BrushLook,
        through: usize,
        always_erases: bool,
    ) -> (Self, Option<BrushEffect>) {
        // A stroke that jumps to another slice begins anew there.
        let same_slice = |from: [usize; 3], to: [usize; 3]| from[through] == to[through] || look.is_ball;
        match (self.doing, event.kind) {
            (Doing::Nothing, PointerKind::Press) if event.alt => {
                let doing = Doing::Sizing { x: event.at[0], diameter: look.diameter, over: event.voxel };
                (Self { doing, ..self }, None)
            }
            (Doing::Nothing, PointerKind::Press) => {
                let erases = always_erases || event.erases;
                let next = Self { doing: Doing::Painting { at: event.voxel, erases }, ..self };
                let Some(to) = event.voxel else { return (next, None) };
                let line = self.last.filter(|from| event.shift && same_slice(*from, to));
                (next, Some(BrushEffect::Draw { from: line.unwrap_or(to), to, erases }))
            }
            (Doing::Painting { at, erases }, PointerKind::Move) => {
                let next = Self { doing: Doing::Painting { at: event.voxel, erases }, ..self };
                // Outside the slice the stroke is interrupted, and goes on where the pointer comes in again.
                let Some(to) = event.voxel.filter(|to| at != Some(*to)) else { return (next, None) };
                let from = at.filter(|from| same_slice(*from, to)).unwrap_or(to);
                (next, Some(BrushEffect::Draw { from, to, erases }))
            }
            (Doing::Painting { at, .. }, PointerKind::Release) => {
                (Self { doing: Doing::Nothing, last: at.or(self.last) }, Some(BrushEffect::Finish))
            }
            (Doing::Painting { .. }, PointerKind::Cancel) => {
                (Self { doing: Doing::Nothing, ..self }, Some(BrushEffect::GiveUp))
            }
            (Doing::Sizing { x, diameter, .. }, PointerKind::Move) => {
                (self, Some(BrushEffect::Resize(diameter + 2.0 * (event.at[0] - x))))
            }
            (Doing::Sizing { diameter, .. }, PointerKind::Cancel) => {
                (Self { doing: Doing::Nothing, ..self }, Some(BrushEffect::Resize(diameter)))
            }
            (Doing::Sizing { .. }, PointerKind::Release) => (Self { doing: Doing::Nothing, ..self }, None),
            _ => (self, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::left;
    use super::*;

    /// What comes of events, one after the other.
    fn run(strokes: &mut Strokes, events: &[PointerEvent]) -> Vec<BrushEffect> {
        let mut effects = Vec::new();
        for event in events {
            let (next, effect) = strokes.next(event, BrushLook::default(), 2, false);
            *strokes = next;
            effects.extend(effect);
        }
        effects
    }

    fn draw(from: [usize; 2], to: [usize; 2], erases: bool) -> BrushEffect {
        BrushEffect::Draw { from: [from[0], from[1], 3], to: [to[0], to[1], 3], erases }
    }

    #[test]
    fn a_drag_draws_from_voxel_to_voxel_and_ends_as_one_change() {
        let events = [
            left(PointerKind::Press, [4.0, 5.0]),
            left(PointerKind::Move, [4.2, 5.1]),
            left(PointerKind::Move, [7.0, 5.0]),
            left(PointerKind::Release, [7.0, 5.0]),
        ];
        let expected = [draw([4, 5], [4, 5], false), draw([4, 5], [7, 5], false), BrushEffect::Finish];
        assert_eq!(run(&mut Strokes::default(), &events), expected);
    }

    #[test]
    fn the_button_that_erases_erases() {
        let press = PointerEvent { erases: true, ..left(PointerKind::Press, [1.0, 1.0]) };
        assert_eq!(run(&mut Strokes::default(), &[press]), [draw([1, 1], [1, 1], true)]);
    }

    #[test]
    fn shift_draws_a_straight_line_from_where_the_last_stroke_ended() {
        let mut strokes = Strokes::default();
        run(&mut strokes, &[left(PointerKind::Press, [2.0, 2.0]), left(PointerKind::Release, [2.0, 2.0])]);
        let press = PointerEvent { shift: true, ..left(PointerKind::Press, [9.0, 6.0]) };
        assert_eq!(run(&mut strokes, &[press]), [draw([2, 2], [9, 6], false)]);
    }

    #[test]
    fn a_straight_line_does_not_cross_slices_unless_the_brush_does() {
        let mut strokes = Strokes::default();
        run(&mut strokes, &[left(PointerKind::Press, [2.0, 2.0]), left(PointerKind::Release, [2.0, 2.0])]);
        let press = PointerEvent { shift: true, voxel: Some([9, 6, 4]), ..left(PointerKind::Press, [9.0, 6.0]) };
        let (_, flat) = strokes.next(&press, BrushLook::default(), 2, false);
        assert_eq!(flat, Some(BrushEffect::Draw { from: [9, 6, 4], to: [9, 6, 4], erases: false }));
        let (_, deep) = strokes.next(&press, BrushLook { is_ball: true, ..BrushLook::default() }, 2, false);
        assert_eq!(deep, Some(BrushEffect::Draw { from: [2, 2, 3], to: [9, 6, 4], erases: false }));
    }

    #[test]
    fn a_stroke_is_interrupted_outside_the_slice() {
        let events = [
            left(PointerKind::Press, [1.0, 1.0]),
            left(PointerKind::Move, [-4.0, 1.0]),
            left(PointerKind::Move, [1.0, 8.0]),
        ];
        assert_eq!(run(&mut Strokes::default(), &events), [draw([1, 1], [1, 1], false), draw([1, 8], [1, 8], false)]);
    }

    #[test]
    fn escape_takes_a_stroke_back() {
        let mut strokes = Strokes::default();
        let events = [left(PointerKind::Press, [1.0, 1.0]), left(PointerKind::Cancel, [1.0, 1.0])];
        assert_eq!(run(&mut strokes, &events).last(), Some(&BrushEffect::GiveUp));
        assert_eq!(run(&mut strokes, &[left(PointerKind::Release, [1.0, 1.0])]), []);
    }

    #[test]
    fn alt_and_a_drag_to_the_side_change_the_size() {
        let press = PointerEvent { alt: true, ..left(PointerKind::Press, [10.0, 10.0]) };
        let events = [press, left(PointerKind::Move, [13.0, 20.0]), left(PointerKind::Release, [13.0, 20.0])];
        assert_eq!(run(&mut Strokes::default(), &events), [BrushEffect::Resize(10.0)]);
    }

    #[test]
    fn brushes_stay_within_their_sizes() {
        for unit in [SizeUnit::Voxels, SizeUnit::Mm] {
            let mut look = BrushLook { unit, ..BrushLook::default() };
            (0..200).for_each(|_| look = look.resized(true));
            assert_eq!(look.diameter, *unit.diameters().end());
            (0..200).for_each(|_| look = look.resized(false));
            assert_eq!(look.diameter, *unit.diameters().start());
        }
    }

    #[test]
    fn another_unit_leaves_the_brush_about_as_large() {
        let grid = Grid::axis_aligned([9, 9, 9], [0.5, 0.5, 3.0]).expect("valid");
        let voxels = BrushLook { diameter: 8.0, ..BrushLook::default() };
        let mm = voxels.in_unit(SizeUnit::Mm, &grid);
        assert_eq!(mm.diameter, 4.0);
        assert_eq!(mm.in_unit(SizeUnit::Voxels, &grid).diameter, 8.0);
    }
}
