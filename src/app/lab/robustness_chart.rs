//! Answers to damaged images as a chart and as a table.

use super::robustness::words;
use crate::app::widgets::plot::{Axis, Chart, Place, Point, Series};
use crate::config::SegmentSettings;
use crate::engine::laboratory::Conditions;
use crate::evaluation::contender::{NoisePlan, NoisyAnswer};
use crate::evaluation::report::Statistic;
use crate::evaluation::table::{Cell, Table};

/// Answers to one image, damaged in several strengths.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Model, steps, sampler, seed, device.
    pub settings: SegmentSettings,
    /// The damage, its strengths and repeats.
    pub plan: NoisePlan,
    /// What answers are compared with; `None` where that is the answer to the undamaged image.
    pub reference: Option<String>,
    /// Those that have come.
    pub answers: Vec<NoisyAnswer>,
    /// Under what they came; `None` until the last has come.
    pub conditions: Option<Box<Conditions>>,
}

impl Sweep {
    /// What the values are, in words.
    pub fn score_name(&self) -> &'static str {
        match self.reference {
            Some(_) => "Dice to the reference",
            None => "Agreement with the answer to the undamaged image",
        }
    }

    /// The mean over labels of one answer.
    fn score(&self, answer: &NoisyAnswer) -> Option<f64> {
        let of = |label: &crate::evaluation::contender::LabelAgreement| match self.reference {
            Some(_) => label.dice,
            None => label.agreement,
        };
        Statistic::of(answer.labels.iter().map(of)).mean
    }

    /// The models and their ways, in the order in which they came.
    fn ways(&self) -> Vec<(String, String)> {
        let mut ways: Vec<(String, String)> = Vec::new();
        for answer in &self.answers {
            let way = (answer.model.clone(), answer.route.clone());
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    }

    /// Mean and SD over repeats against the strength, for each model and way.
    pub fn chart(&self, image: &str) -> Chart {
        let (name, symbol, _) = words(self.plan.perturbation);
        let device = self.conditions.as_ref().map(|conditions| format!(" · {}", conditions.device)).unwrap_or_default();
        let reference = self.reference.as_ref().map(|name| format!(" · reference: {name}")).unwrap_or_default();
        let of = |(color, (model, route)): (usize, (String, String))| {
            let points = self.points(&model, &route);
            Series {
                name: format!("{model}, {route}"),
                color,
                is_dashed: route == "embedding only",
                points,
                own_color: None,
            }
        };
        Chart {
            title: format!("{} against {name}", self.score_name()),
            note: format!(
                "{image} · seed {} · mean ± SD of {} repeats{device}{reference}",
                self.settings.seed, self.plan.repeats
            ),
            x: Axis::linear(&format!("{name}: {symbol}"), &[0.0]),
            y: Axis::linear("Mean Dice over labels", &[0.0, 1.0]),
            legend: Place::TopRight,
            cursor: None,
            series: self.ways().into_iter().enumerate().map(of).collect(),
        }
    }

    fn points(&self, model: &str, route: &str) -> Vec<Point> {
        let mut strengths = self.plan.strengths.clone();
        strengths.sort_by(f64::total_cmp);
        let (_, symbol, _) = words(self.plan.perturbation);
        let point = |strength: f64| {
            let of = self
                .answers
                .iter()
                .filter(|answer| answer.model == model && answer.route == route && answer.strength == strength);
            let statistic = Statistic::of(of.map(|answer| self.score(answer)));
            let y = statistic.mean?;
            let spread = statistic.sd.map(|sd| format!(" ± {sd:.3}")).unwrap_or_default();
            let words = format!("{symbol} = {strength}\n{y:.3}{spread} of {}", statistic.n);
            Some(Point { x: strength, y, sd: statistic.sd, words })
        };
        strengths.into_iter().filter_map(point).collect()
    }

    /// A row for each answer and label.
    pub fn table_of_answers(&self, image: &str) -> Table {
        let mut table = Table::new(&[
            "image",
            "model",
            "route",
            "perturbation",
            "strength",
            "repeat",
            "seed",
            "label",
            "dice_to_reference",
            "agreement_with_undamaged",
        ]);
        for answer in &self.answers {
            for label in &answer.labels {
                table.push(vec![
                    Cell::from(image),
                    Cell::from(answer.model.as_str()),
                    Cell::from(answer.route.as_str()),
                    Cell::from(words(self.plan.perturbation).0),
                    Cell::from(answer.strength),
                    Cell::from(answer.repeat as f64),
                    Cell::from((self.plan.seed + answer.repeat) as f64),
                    Cell::from(label.name.as_str()),
                    Cell::from(label.dice),
                    Cell::from(label.agreement),
                ]);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::contender::LabelAgreement;
    use crate::evaluation::robustness::Perturbation;

    fn sweep(reference: Option<&str>) -> Sweep {
        let plan = NoisePlan { perturbation: Perturbation::Gaussian, strengths: vec![0.0, 0.2], repeats: 2, seed: 4 };
        let answer = |route: &str, strength: f64, repeat: u64, dice: f64| NoisyAnswer {
            perturbation: Perturbation::Gaussian,
            model: "m".to_owned(),
            route: route.to_owned(),
            strength,
            repeat,
            labels: vec![LabelAgreement { name: "Head".to_owned(), dice: Some(dice), agreement: Some(1.0) }],
        };
        Sweep {
            settings: SegmentSettings::default(),
            plan,
            reference: reference.map(str::to_owned),
            answers: vec![
                answer("DDIM K = 2", 0.0, 0, 0.9),
                answer("embedding only", 0.0, 0, 0.5),
                answer("DDIM K = 2", 0.0, 1, 0.7),
                answer("DDIM K = 2", 0.2, 0, 0.6),
            ],
            conditions: None,
        }
    }

    #[test]
    fn repeats_are_averaged_way_by_way() {
        let chart = sweep(Some("Known truth")).chart("case");
        let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["m, DDIM K = 2", "m, embedding only"]);
        let [first, second] = &chart.series[0].points[..] else { panic!("two strengths have answers") };
        assert!((first.y - 0.8).abs() < 1e-12 && (first.sd.expect("of two") - 0.02_f64.sqrt()).abs() < 1e-12);
        assert_eq!((second.x, second.y), (0.2, 0.6));
        assert!(chart.title.starts_with("Dice to the reference"));
    }

    #[test]
    fn without_a_reference_it_is_agreement_and_says_so() {
        let chart = sweep(None).chart("case");
        assert_eq!(chart.series[0].points[0].y, 1.0);
        assert!(chart.title.starts_with("Agreement with the answer to the undamaged image"), "{}", chart.title);
        assert!(!chart.title.contains("accuracy"));
    }

    #[test]
    fn the_table_has_a_row_for_each_answer_and_label() {
        let csv = sweep(None).table_of_answers("case").to_csv();
        assert_eq!(csv.lines().count(), 5);
        assert!(csv.contains("case,m,embedding only,Gaussian noise,0,0,4,Head,0.500000,1"), "{csv}");
    }
}
