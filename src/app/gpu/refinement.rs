//! How much of a picture a frame has time for.
//!
//! While things move, a quick picture of as many pixels as fit into one frame is drawn. Once they rest, the full picture
//! is drawn in bands of rows, one band a frame, and then again and again with shifted samples until it is smooth. A slow
//! GPU, or none, makes the bands narrower and the quick picture coarser; it does not make the window stall.

use std::ops::Range;

use super::canvas::PictureKind;

/// Passes over a still picture.
const PASSES: u32 = 4;
/// How long things must rest before the full picture is begun.
const REST_S: f64 = 0.09;
/// A frame should take no longer, the rest of the window included.
const FRAME_S: f64 = 0.050;
/// The cost of a ray of a still picture, in rays of a quick one.
const FINE_COST: f64 = 2.5;
/// Bounds of the rays drawn in a frame. Software Vulkan on two cores casts the lower one in some 10 to 50 ms, so where
/// frames take longer than that, it is the rest of the window that is slow, and fewer rays would only delay the picture.
/// The upper one is more than any screen has.
const RAYS: [f64; 2] = [5e4, 2e7];

/// What to draw in this frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A quick picture of this many pixels.
    Quick([u32; 2]),
    /// These rows of this pass of the full picture.
    Refine {
        /// From 0.
        pass: u32,
        /// From the top.
        rows: Range<u32>,
    },
    /// Nothing, but come back after this many seconds.
    Wait(f64),
    /// Nothing: the picture is finished.
    Done,
}

/// How far the picture is, and how fast it gets there.
#[derive(Clone, Debug)]
pub struct Refinement {
    rays_per_frame: f64,
    pass: u32,
    row: u32,
    quick_size: [u32; 2],
    rests_at_s: f64,
    /// When the last frame began, if it drew anything and asked for this one at once.
    drawn_at_s: Option<f64>,
}

impl Refinement {
    /// For a GPU, or for a processor that pretends to be one.
    pub fn new(is_software: bool) -> Self {
        let rays_per_frame = if is_software { RAYS[0] } else { 2e6 };
        Self { rays_per_frame, pass: 0, row: 0, quick_size: [1, 1], rests_at_s: 0.0, drawn_at_s: None }
    }

    /// Decides on this frame of a picture of `size` pixels; `is_changed` where it shows something else than in the last
    /// frame, `now_s` from any clock that runs evenly.
    pub fn next(&mut self, is_changed: bool, size: [u32; 2], now_s: f64) -> Step {
        self.learn(now_s);
        let step = self.step(is_changed, size, now_s);
        let is_drawing = matches!(step, Step::Quick(_) | Step::Refine { .. });
        self.drawn_at_s = is_drawing.then_some(now_s);
        step
    }

    /// The picture to show, and how many of its pixels.
    pub fn shown(&self, size: [u32; 2]) -> (PictureKind, [u32; 2]) {
        if self.pass > 0 { (PictureKind::Full, size) } else { (PictureKind::Quick, self.quick_size) }
    }

    /// Frames that drew follow one another as fast as they are drawn, so the time between two tells what one costs.
    fn learn(&mut self, now_s: f64) {
        let Some(drawn_at_s) = self.drawn_at_s else { return };
        let factor = FRAME_S / (now_s - drawn_at_s).max(1e-3);
        // Grow carefully: a screen's refresh hides how much faster the GPU could be. A single slow frame is often not
        // its fault.
        self.rays_per_frame = (self.rays_per_frame * factor.clamp(0.7, 1.4)).clamp(RAYS[0], RAYS[1]);
    }

    fn step(&mut self, is_changed: bool, size: [u32; 2], now_s: f64) -> Step {
        if is_changed {
            (self.pass, self.row) = (0, 0);
            self.rests_at_s = now_s + REST_S;
            self.quick_size = reduced(size, self.rays_per_frame);
            return Step::Quick(self.quick_size);
        }
        if now_s < self.rests_at_s {
            return Step::Wait(self.rests_at_s - now_s);
        }
        if self.pass == PASSES {
            return Step::Done;
        }
        let n_rows = (self.rays_per_frame / FINE_COST / f64::from(size[0].max(1))).max(1.0) as u32;
        let rows = self.row..self.row.saturating_add(n_rows).min(size[1]);
        let pass = self.pass;
        self.row = rows.end;
        if self.row >= size[1] {
            (self.pass, self.row) = (pass + 1, 0);
        }
        Step::Refine { pass, rows }
    }
}

/// A size of the same shape with at most `rays` pixels.
fn reduced(size: [u32; 2], rays: f64) -> [u32; 2] {
    let pixels = f64::from(size[0]) * f64::from(size[1]);
    let scale = (rays / pixels.max(1.0)).sqrt().min(1.0);
    size.map(|edge| ((f64::from(edge) * scale) as u32).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [u32; 2] = [800, 600];

    #[test]
    fn a_still_view_draws_every_row_of_every_pass_once_and_then_nothing() {
        let mut refinement = Refinement::new(true);
        assert!(matches!(refinement.next(true, SIZE, 0.0), Step::Quick(_)));
        assert!(matches!(refinement.next(false, SIZE, 0.03), Step::Wait(_)));
        let mut now_s = 1.0;
        let mut drawn = Vec::new();
        loop {
            now_s += 0.03;
            match refinement.next(false, SIZE, now_s) {
                Step::Refine { pass, rows } => drawn.extend(rows.map(|row| (pass, row))),
                Step::Done => break,
                step => panic!("{step:?}"),
            }
        }
        let expected: Vec<_> = (0..PASSES).flat_map(|pass| (0..600).map(move |row| (pass, row))).collect();
        assert_eq!(drawn, expected);
        assert_eq!(refinement.next(false, SIZE, now_s + 9.0), Step::Done);
        assert_eq!(refinement.shown(SIZE), (PictureKind::Full, SIZE));
    }

    #[test]
    fn the_quick_picture_stays_until_the_full_one_is_whole() {
        let mut refinement = Refinement::new(true);
        refinement.next(true, SIZE, 0.0);
        refinement.next(false, SIZE, 1.0);
        assert_eq!(refinement.shown(SIZE).0, PictureKind::Quick);
    }

    #[test]
    fn slow_frames_make_coarser_pictures_and_fast_ones_finer() {
        let mut refinement = Refinement::new(true);
        let mut pixels = |frame_s: f64| {
            let mut n = 0;
            for frame in 0..40 {
                let Step::Quick([width, height]) = refinement.next(true, SIZE, f64::from(frame) * frame_s) else {
                    panic!()
                };
                n = width * height;
            }
            n
        };
        let slow = pixels(0.2);
        let fast = pixels(0.016);
        assert!(slow <= RAYS[0] as u32, "{slow}");
        assert_eq!(fast, SIZE[0] * SIZE[1]);
    }

    #[test]
    fn a_pause_between_frames_is_not_taken_for_work() {
        let mut refinement = Refinement::new(true);
        refinement.next(true, SIZE, 0.0);
        refinement.next(false, SIZE, 0.02);
        let before = refinement.rays_per_frame;
        refinement.next(false, SIZE, 60.0);
        assert!(refinement.rays_per_frame >= before);
    }
}
