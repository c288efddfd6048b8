//! When the frames of a series were taken.

use std::sync::Arc;

use super::Volume;

/// Seconds from the first frame to each frame; they rise.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameTimes(Arc<[f64]>);

impl FrameTimes {
    /// Of frames that are equally far apart; `None` of a single one, and where that is no time.
    pub fn even(n_frames: usize, step_s: f64) -> Option<Self> {
        Self::from_steps(std::iter::repeat_n(step_s, n_frames.saturating_sub(1)))
    }

    /// From the steps between neighbouring frames, one fewer than there are frames. `None` where one is no time above 0, or there is
    /// none.
    pub fn from_steps(steps_s: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut times = vec![0.0];
        for (n, step_s) in steps_s.into_iter().enumerate() {
            times.push(times[n] + step_s);
        }
        let rises = times.windows(2).all(|pair| pair[1] > pair[0] && pair[1].is_finite());
        (rises && times.len() > 1).then(|| Self(times.into()))
    }

    /// From the times themselves, by any clock.
    pub fn at(times_s: &[f64]) -> Option<Self> {
        Self::from_steps(times_s.windows(2).map(|pair| pair[1] - pair[0]))
    }

    /// Seconds from the first frame to this one; to the last one for those behind it.
    pub fn of(&self, frame: usize) -> f64 {
        self.0[frame.min(self.0.len() - 1)]
    }

    /// From the first frame to the last one.
    pub fn duration_s(&self) -> f64 {
        self.of(usize::MAX)
    }

    /// Frames a second, on the mean.
    pub fn frames_per_second(&self) -> f64 {
        (self.0.len() - 1) as f64 / self.duration_s()
    }

    /// All frames are equally far apart, to a thousandth.
    pub fn is_even(&self) -> bool {
        let mean = 1.0 / self.frames_per_second();
        self.0.windows(2).all(|pair| (pair[1] - pair[0] - mean).abs() <= 1e-3 * mean)
    }
}

impl Volume {
    /// The same image, of which it is known when its frames were taken.
    #[must_use]
    pub fn with_frame_times(mut self, frame_times: Option<FrameTimes>) -> Self {
        self.frame_times = frame_times;
        self
    }

    /// When its frames were taken, where that is known of each.
    pub fn frame_times(&self) -> Option<&FrameTimes> {
        let n_frames = if self.grid().is_series() { self.grid().shape()[2] } else { self.n_frames() };
        self.frame_times.as_ref().filter(|times| times.0.len() == n_frames)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Grid, Scaling, Voxels};

    #[test]
    fn what_is_no_time_is_not_known() {
        for step_s in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(FrameTimes::even(3, step_s), None, "{step_s}");
        }
        assert_eq!(FrameTimes::even(1, 0.5), None, "a single frame has no rate");
        assert_eq!(FrameTimes::at(&[0.3, 0.2, 0.4]), None);
    }

    #[test]
    fn uneven_frames_keep_their_times_and_have_a_mean_rate() {
        let times = FrameTimes::from_steps([0.1, 0.3]).unwrap();
        assert_eq!([0, 1, 2, 9].map(|frame| times.of(frame)), [0.0, 0.1, 0.4, 0.4]);
        assert!((times.frames_per_second() - 5.0).abs() < 1e-12 && !times.is_even());
    }

    #[test]
    fn a_volume_knows_the_times_of_frames_and_slices_have_none() {
        let grid = Grid::picture([2, 1, 1], None).unwrap();
        let volume = Volume::new(grid, Voxels::U8(vec![0; 6]), Scaling::NONE, 3).unwrap();
        let times = FrameTimes::even(3, 0.5);
        let volume = volume.with_frame_times(times.clone());
        assert_eq!(volume.frame_times(), times.as_ref());
        let series = volume.in_time();
        assert_eq!(series.frame_times(), times.as_ref());
        let slices = series.with_time_swapped().unwrap();
        assert_eq!(slices.frame_times(), None);
        assert_eq!(slices.with_time_swapped().unwrap().frame_times(), times.as_ref());
        assert_eq!(series.with_frame_times(FrameTimes::even(2, 0.5)).frame_times(), None);
    }

    proptest! {
        #[test]
        fn even_frames_come_at_their_rate(n_frames in 2usize..500, step_s in 1e-4f64..10.0) {
            let times = FrameTimes::even(n_frames, step_s).unwrap();
            prop_assert!(times.is_even());
            prop_assert!((times.frames_per_second() * step_s - 1.0).abs() < 1e-9);
        }
    }
}
