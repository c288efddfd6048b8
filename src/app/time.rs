//! Time: which frame is shown, playing them, and what each label measures from frame to frame.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::App;
use super::background::Task;
use super::case::Case;
use super::panels::{millilitres, number};
use super::state::State;
use super::widgets::plot::{Axis, Chart, Place, Point, Series};
use crate::domain::Label;
use crate::domain::over_time::{FrameMeasure, emptying};
use crate::domain::{FrameTimes, Volume};
use crate::engine::Job;

/// How frames are played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Playback {
    /// Frames a second.
    pub speed: f32,
    /// After the last frame comes the first.
    pub loops: bool,
}

/// Speeds that can be set.
pub const SPEEDS: std::ops::RangeInclusive<f32> = 1.0..=120.0;

impl Default for Playback {
    fn default() -> Self {
        Self { speed: 20.0, loops: true }
    }
}

/// Frames that are being played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playing {
    /// When the frame shown now was due.
    due: Instant,
}

impl Playing {
    /// From now on.
    pub fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// Frames to go on by at `now`, so that the speed is kept where drawing is slow: some are then left out.
    fn steps(&mut self, now: Instant, speed: f32) -> usize {
        let period = period(speed);
        let late = now.saturating_duration_since(self.due);
        let steps = (late.as_secs_f64() / period.as_secs_f64()) as u32;
        self.due += period * steps;
        steps as usize
    }

    /// How long nothing changes.
    fn wait(self, now: Instant, speed: f32) -> Duration {
        let period = period(speed);
        (self.due + period).saturating_duration_since(now)
    }
}

/// How long a frame is shown.
fn period(speed: f32) -> Duration {
    Duration::from_secs_f64(1.0 / f64::from(speed.clamp(*SPEEDS.start(), *SPEEDS.end())))
}

/// What the labels measure in each frame.
#[derive(Clone, Debug, Default)]
pub struct OverTime {
    /// The labels that were sent to be measured, by the revision of the history.
    asked: Option<u64>,
    /// The newest measures.
    pub measures: Option<Arc<Measures>>,
}

/// Every label that is somewhere, frame by frame.
pub type Measures = BTreeMap<u16, Vec<FrameMeasure>>;

/// How a time is written: in milliseconds where all of it takes less than ten seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Clock {
    unit: &'static str,
    per_second: f64,
}

impl Clock {
    fn of(times: &FrameTimes) -> Self {
        match times.duration_s() < 10.0 {
            true => Self { unit: "ms", per_second: 1000.0 },
            false => Self { unit: "s", per_second: 1.0 },
        }
    }

    fn text(self, time_s: f64) -> String {
        format!("{:.1} {}", time_s * self.per_second, self.unit)
    }
}

impl Case {
    /// When a frame was taken after the first one, for people, where the file says it.
    pub fn time_text(&self, frame: usize) -> Option<String> {
        let times = self.opened.volume.frame_times()?;
        Some(Clock::of(times).text(times.of(frame)))
    }

    /// The number of frames and the one that is shown, where the image has more than one.
    pub fn frames(&self) -> Option<(usize, usize)> {
        let (n_frames, frame) = match self.grid().is_series() {
            true => (self.grid().shape()[2], self.crosshair[2]),
            false => (self.opened.volume.n_frames(), self.frame),
        };
        (n_frames > 1).then_some((n_frames, frame))
    }

    /// Area, or of a volume over time volume, against frame of every label.
    pub fn over_time_chart(&self) -> Option<Chart> {
        if !self.grid().is_series() {
            let (quantity, unit) = ("Volume", self.grid().units().volume());
            let all = self.table.labels.iter().map(|label| (label, self.volumes(label.id).unwrap_or_default()));
            return Some(self.chart(quantity, unit, all));
        }
        let measures = self.over_time.measures.as_ref()?;
        let unit = self.grid().units().area();
        let areas = |label: &Label| measures.get(&label.id).into_iter().flatten().map(|frame| frame.area).collect();
        Some(self.chart("Area", unit, self.table.labels.iter().map(|label| (label, areas(label)))))
    }

    /// The columns that say which frame a row of a table is of.
    pub fn frame_columns(&self) -> &'static str {
        if self.opened.volume.frame_times().is_some() { "frame,time_ms" } else { "frame" }
    }

    /// What stands in [`Case::frame_columns`]: people count from 1.
    pub fn frame_fields(&self, frame: usize) -> String {
        match self.opened.volume.frame_times() {
            Some(times) => format!("{},{:.3}", frame + 1, times.of(frame) * 1000.0),
            None => (frame + 1).to_string(),
        }
    }

    /// Where a frame stands on the chart's axis across: its time, or its number.
    fn across(&self, frame: usize) -> f64 {
        match self.opened.volume.frame_times() {
            Some(times) => times.of(frame) * Clock::of(times).per_second,
            None => frame as f64 + 1.0,
        }
    }

    /// The frame nearest to a place on the chart's axis across.
    pub fn frame_at(&self, across: f64) -> Option<usize> {
        let (n_frames, _) = self.frames()?;
        let apart = |frame: &usize| (self.across(*frame) - across).abs();
        (0..n_frames).min_by(|a, b| apart(a).total_cmp(&apart(b)))
    }

    /// A chart of what labels measure in each frame; where that is 0, they were not drawn.
    fn chart<'a>(&self, quantity: &str, unit: &str, values: impl Iterator<Item = (&'a Label, Vec<f64>)>) -> Chart {
        let clock = self.opened.volume.frame_times().map(|times| (times, Clock::of(times)));
        let name = |frame: usize| match clock {
            Some((times, clock)) => format!("Frame {}, {}", frame + 1, clock.text(times.of(frame))),
            None => format!("Frame {}", frame + 1),
        };
        let series = values.filter_map(|(label, values)| {
            let drawn = values.into_iter().enumerate().filter(|(_, value)| *value > 0.0);
            let point = |(frame, value): (usize, f64)| Point {
                x: self.across(frame),
                y: value,
                sd: None,
                words: format!("{}: {} {unit}", name(frame), number(value)),
            };
            let points: Vec<Point> = drawn.map(point).collect();
            let series = Series { name: label.name.clone(), own_color: Some(label.color), ..Series::default() };
            (!points.is_empty()).then_some(Series { points, ..series })
        });
        let last = self.frames().map_or(0, |(n_frames, _)| n_frames - 1);
        let axis = clock.map_or_else(|| "Frame".to_owned(), |(_, clock)| format!("Time ({})", clock.unit));
        Chart {
            title: format!("{quantity} over time"),
            note: self.opened.name.clone(),
            x: Axis::linear(&axis, &[self.across(0), self.across(last)]),
            y: Axis::linear(&format!("{quantity} ({unit})"), &[0.0]),
            legend: Place::Above,
            cursor: self.frames().map(|(_, frame)| self.across(frame)),
            series: series.collect(),
        }
    }

    /// What the active label loses from its largest to its smallest frame, in sentences.
    pub fn emptying_text(&self) -> Option<String> {
        let label = self.active_label()?;
        if !self.grid().is_series() {
            return self.ejection_text(label);
        }
        let frames = self.over_time.measures.as_ref()?.get(&label.id)?;
        let areas: Vec<f64> = frames.iter().map(|frame| frame.area).collect();
        let volumes: Vec<f64> = frames.iter().map(FrameMeasure::revolved_volume).collect();
        let (by_area, by_volume) = (emptying(&areas)?, emptying(&volumes)?);
        let volume = |frame: usize| match self.grid().is_scaled() {
            true => millilitres(volumes[frame] / 1000.0),
            false => format!("{:.0} px³", volumes[frame]),
        };
        Some(format!(
            "{}: fractional area change {:.0} % (frames {} and {}). Ejection fraction {:.0} % by area and length, V = 8 A² / (3 π L): {} in \
             frame {}, {} in frame {}; it means something of a left ventricle in a long-axis view.",
            label.name,
            100.0 * by_area.fraction,
            by_area.largest + 1,
            by_area.smallest + 1,
            100.0 * by_volume.fraction,
            volume(by_volume.largest),
            by_volume.largest + 1,
            volume(by_volume.smallest),
            by_volume.smallest + 1,
        ))
    }

    /// Area and length, or volume, of every label in every frame, as CSV; with the frames' times in milliseconds where they are known.
    pub fn over_time_csv(&self) -> Option<String> {
        if !self.grid().is_series() {
            return Some(self.volumes_csv());
        }
        let measures = self.over_time.measures.as_ref()?;
        let (area, length) =
            if self.grid().is_scaled() { ("area_mm2", "length_mm") } else { ("area_px2", "length_px") };
        let mut text = format!("{},label,name,pixels,{area},{length}\n", self.frame_columns());
        for (id, frames) in measures.iter() {
            let name =
                self.table.get(*id).map(|label| crate::domain::measure::csv_field(&label.name)).unwrap_or_default();
            for (frame, FrameMeasure { n_pixels, area, long_axis }) in frames.iter().enumerate() {
                let at = self.frame_fields(frame);
                text += &format!("{at},{id},{name},{n_pixels},{area},{long_axis:.3}\n");
            }
        }
        Some(text)
    }
}

/// The speed at which the frames of a volume were taken, as far as they can be played at it.
pub fn own_speed(volume: &Volume) -> Option<f32> {
    let speed = volume.frame_times()?.frames_per_second() as f32;
    Some(speed.clamp(*SPEEDS.start(), *SPEEDS.end()))
}

impl State {
    /// How the frames of the open image are played: at their own speed where they have one.
    pub fn playback(&self) -> Playback {
        let known = self.settings.playback;
        Playback { speed: self.case.as_ref().and_then(|case| case.speed).unwrap_or(known.speed), ..known }
    }

    /// Whether every frame of a volume is segmented, each into its own mask.
    pub fn segments_all_frames(&self) -> bool {
        self.settings.segment.all_frames && self.case.as_ref().is_some_and(Case::has_mask_per_frame)
    }
}

impl App {
    /// Plays from this frame on, or stops.
    pub(super) fn toggle_play(&mut self) {
        self.state.playing = match self.state.playing {
            Some(_) => None,
            None => Some(Playing::new(Instant::now())),
        };
    }

    /// Changes how frames are played; the speed only of this image where its frames have one of their own.
    pub(super) fn set_playback(&mut self, playback: Playback) {
        let speed = match self.state.case.as_mut().and_then(|case| case.speed.as_mut()) {
            Some(own) => {
                *own = playback.speed;
                self.state.settings.playback.speed
            }
            None => playback.speed,
        };
        self.remember(|known| known.playback = Playback { speed, ..playback });
    }

    /// Shows the frame that is due.
    pub(super) fn play(&mut self) {
        let playback = self.state.playback();
        let Some(playing) = &mut self.state.playing else { return };
        let Some((n_frames, frame)) = self.state.case.as_ref().and_then(Case::frames) else {
            self.state.playing = None;
            return;
        };
        let (now, Playback { speed, loops }) = (Instant::now(), playback);
        let steps = playing.steps(now, speed);
        self.ctx.request_repaint_after(playing.wait(now, speed));
        if steps == 0 {
            return;
        }
        let next = frame + steps;
        if next >= n_frames && !loops {
            self.state.playing = None;
        }
        self.set_frame(if loops { next % n_frames } else { next.min(n_frames - 1) });
    }

    /// Has the labels measured anew where they have changed and somebody looks.
    pub(super) fn follow_over_time(&mut self) {
        if !self.state.settings.shows_over_time {
            return;
        }
        let Some(case) = self.state.case.as_mut().filter(|case| case.grid().is_series()) else { return };
        let revision = case.history.revision();
        if case.over_time.asked == Some(revision) || case.strokes.is_painting() {
            return;
        }
        let labels = case.history.shared();
        if self.background.submit(Task::OverTime { case: case.id, labels }) {
            case.over_time.asked = Some(revision);
        }
    }

    /// Writes area and length, or volume, of every label in every frame.
    pub(super) fn write_over_time(&mut self, path: std::path::PathBuf) {
        let Some(text) = self.state.case.as_ref().and_then(Case::over_time_csv) else { return };
        let path = if path.extension().is_none() { path.with_extension("csv") } else { path };
        self.engine.submit(Job::WriteText { path, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_kept_by_leaving_frames_out() {
        let start = Instant::now();
        let mut playing = Playing::new(start);
        let at = |ms: u64| start + Duration::from_millis(ms);
        // 20 frames a second: one in 50 ms.
        assert_eq!(playing.steps(at(49), 20.0), 0);
        assert_eq!(playing.wait(at(49), 20.0), Duration::from_millis(1));
        assert_eq!(playing.steps(at(60), 20.0), 1);
        assert_eq!(playing.steps(at(99), 20.0), 0);
        assert_eq!(playing.steps(at(260), 20.0), 4);
        assert_eq!(playing.wait(at(260), 20.0), Duration::from_millis(40));
    }
}
