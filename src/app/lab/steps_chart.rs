//! Runs of several numbers of steps as charts and as a table.

use super::scores::{mean, words};
use super::steps::{Comparison, Run};
use crate::app::widgets::plot::{Axis, Chart, Place, Point, Series};
use crate::config::SamplerKind;
use crate::evaluation::table::{Cell, Table};

/// A sampler's name.
pub fn sampler_name(sampler: SamplerKind) -> &'static str {
    match sampler {
        SamplerKind::Ddim => "DDIM",
        SamplerKind::Ddpm => "DDPM",
    }
}

/// Seconds for people: as many digits as can be told apart.
pub fn seconds(s: f64) -> String {
    match s {
        s if s < 0.1 => format!("{:.0} ms", 1000.0 * s),
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

impl Run {
    /// Its sampler and K.
    pub fn name(&self) -> String {
        format!("{} K = {}", sampler_name(self.sampler), self.steps)
    }
}

impl Comparison {
    /// Whether runs are compared with a reference; else with the longest run.
    pub fn has_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// How a run compares: the mean over labels, and what it is.
    pub fn score_of(&self, run: &Run) -> Option<(f64, String)> {
        let scores = run.scores.as_ref()?;
        let of = if self.has_reference() { scores.reference.as_ref() } else { scores.longest.as_ref() }?;
        Some((mean(of)?, words(of)))
    }

    /// What the score of a run is, in words.
    pub fn score_name(&self) -> String {
        match &self.reference {
            Some(_) => "Dice to the reference".to_owned(),
            None => "Agreement with the longest run".to_owned(),
        }
    }

    /// Dice, or agreement, against K.
    pub fn dice_chart(&self, image: &str) -> Chart {
        let value = |run: &Run| self.score_of(run).map(|(value, words)| (value, format!("mean {value:.4}\n{words}")));
        Chart {
            title: format!("{} against K", self.score_name()),
            note: self.note(image),
            x: Axis::log("Steps K (K − 1 calls of the denoiser)", &[1.0, 10.0]),
            y: Axis::linear("Mean Dice over labels", &[0.0, 1.0]),
            legend: Place::BottomRight,
            cursor: None,
            series: self.series(value),
        }
    }

    /// Measured time against K.
    pub fn time_chart(&self, image: &str) -> Chart {
        let value = |run: &Run| {
            let timing = &run.timing;
            let parts = [timing.encode_s, timing.denoise_s, timing.decode_s].map(seconds);
            let words = format!("encode {} + denoise {} + decode {}", parts[0], parts[1], parts[2]);
            Some((timing.total_s(), format!("{}\n{words}", seconds(timing.total_s()))))
        };
        Chart {
            title: "Time of one run against K".to_owned(),
            note: self.note(image),
            x: Axis::log("Steps K (K − 1 calls of the denoiser)", &[1.0, 10.0]),
            y: Axis::log("Time in s", &[]),
            legend: Place::BottomRight,
            cursor: None,
            series: self.series(value),
        }
    }

    fn series(&self, value: impl Fn(&Run) -> Option<(f64, String)>) -> Vec<Series> {
        let of = |(color, sampler): (usize, SamplerKind)| {
            let mut runs: Vec<&Run> = self.runs.iter().filter(|run| run.sampler == sampler).collect();
            runs.sort_by_key(|run| run.steps);
            let point = |run: &&Run| {
                let (y, words) = value(run)?;
                Some(Point { x: run.steps as f64, y, sd: None, words: format!("K = {}\n{words}", run.steps) })
            };
            let points = runs.iter().filter_map(point).collect();
            Series { name: sampler_name(sampler).to_owned(), color, is_dashed: color == 1, points, own_color: None }
        };
        let both = [SamplerKind::Ddim, SamplerKind::Ddpm].into_iter().enumerate();
        both.map(of).filter(|series| !series.points.is_empty()).collect()
    }

    /// Image, model, seed and device.
    fn note(&self, image: &str) -> String {
        let device = self.conditions.as_ref().map_or("", |conditions| conditions.device.as_str());
        let reference = self.reference.as_ref().map(|name| format!(" · reference: {name}")).unwrap_or_default();
        let device = if device.is_empty() { String::new() } else { format!(" · {device}") };
        format!("{image} · {} · seed {}{device}{reference}", self.settings.model, self.settings.seed)
    }

    /// A row for each run and label, and one for the mean over labels.
    pub fn table_of_runs(&self, image: &str) -> Table {
        let columns = ["image", "model", "model_sha256", "device", "seed", "sampler", "steps", "label"];
        let measured = ["dice_to_reference", "agreement_with_longest", "encode_s", "denoise_s", "decode_s", "total_s"];
        let mut table = Table::new(&[columns.as_slice(), measured.as_slice()].concat());
        let model = self.conditions.as_ref().and_then(|conditions| conditions.models.first());
        let sha256 = model.map(|model| model.sha256.clone()).unwrap_or_default();
        let device = self.conditions.as_ref().map(|conditions| conditions.device.clone()).unwrap_or_default();
        for run in &self.runs {
            let scores = run.scores.clone().unwrap_or_default();
            let of = |scores: &Option<Vec<super::scores::LabelDice>>, at: usize| {
                scores.as_ref().and_then(|all| all[at].dice)
            };
            let rows = self
                .table
                .labels
                .iter()
                .enumerate()
                .map(|(at, label)| (label.name.clone(), of(&scores.reference, at), of(&scores.longest, at)));
            let means = [&scores.reference, &scores.longest].map(|scores| scores.as_deref().and_then(mean));
            for (label, dice, agreement) in rows.chain([("mean".to_owned(), means[0], means[1])]) {
                let timing = &run.timing;
                table.push(vec![
                    Cell::from(image),
                    Cell::from(self.settings.model.as_str()),
                    Cell::from(sha256.as_str()),
                    Cell::from(device.as_str()),
                    Cell::from(self.settings.seed as f64),
                    Cell::from(sampler_name(run.sampler)),
                    Cell::from(run.steps as f64),
                    Cell::from(label),
                    Cell::from(dice),
                    Cell::from(agreement),
                    Cell::from(timing.encode_s),
                    Cell::from(timing.denoise_s),
                    Cell::from(timing.decode_s),
                    Cell::from(timing.total_s()),
                ]);
            }
        }
        table
    }
}
