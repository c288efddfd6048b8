//! The scores of many cases: rows, their summary, and both as CSV, JSON and a table for the terminal.
//!
//! A score that is undefined is left out of a mean, and counted, so that no mean hides how many cases it is of.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::metrics::LabelScores;
use crate::domain::measure::csv_field;
use crate::domain::{LabelTable, Units};

/// The scores of one label in one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The case's name.
    pub case: String,
    /// The label's name.
    pub label: String,
    /// How the prediction compares with the truth.
    #[serde(flatten)]
    pub scores: LabelScores,
}

/// Mean and spread of one score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// `None` where no value is defined.
    pub mean: Option<f64>,
    /// Sample standard deviation (n - 1); `None` for fewer than two values.
    pub sd: Option<f64>,
    /// How many values are defined.
    pub n: usize,
    /// How many are not and were left out.
    pub n_undefined: usize,
}

/// The scores of one label, or of all, over all cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The label's name; `None` for the mean over labels.
    pub label: Option<String>,
    /// Dice coefficient.
    pub dice: Statistic,
    /// Intersection over union.
    pub iou: Statistic,
    /// 95 % Hausdorff distance.
    pub hd95_mm: Statistic,
    /// Average symmetric surface distance.
    pub assd_mm: Statistic,
    /// Predicted less true volume.
    pub volume_error_ml: Statistic,
}

/// All rows of an evaluation, in the order in which cases were added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// One row a label and case.
    pub rows: Vec<Row>,
    /// What distances and volumes are counted in, of all cases alike.
    #[serde(default)]
    pub units: Units,
}

impl Report {
    /// Adds a case on a grid of these units; labels take their names from `table`, or their number where it has none.
    pub fn add(&mut self, case: &str, scores: Vec<LabelScores>, units: Units, table: &LabelTable) {
        self.units = units;
        self.rows.extend(scores.into_iter().map(|scores| {
            let label = table.labels.iter().find(|label| label.id == scores.id);
            let label = label.map_or_else(|| format!("Label {}", scores.id), |label| label.name.clone());
            Row { case: case.to_owned(), label, scores }
        }));
    }

    /// One summary a label, by ascending id, then one over labels.
    ///
    /// The last is of the means over the labels of each case (those that are defined), so that its spread is the spread
    /// between cases.
    pub fn summary(&self) -> Vec<Summary> {
        let mut ids: Vec<u16> = self.rows.iter().map(|row| row.scores.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut summaries: Vec<Summary> = ids.iter().map(|&id| self.label_summary(id)).collect();
        if summaries.len() > 1 {
            summaries.push(self.overall_summary());
        }
        summaries
    }

    fn label_summary(&self, id: u16) -> Summary {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| row.scores.id == id).collect();
        let label = rows.first().map(|row| row.label.clone());
        Summary::new(label, |score| rows.iter().map(|row| score(&row.scores)).collect())
    }

    fn overall_summary(&self) -> Summary {
        let mut names: Vec<&str> = self.rows.iter().map(|row| row.case.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let case_mean = |name: &str, score: Score| {
            let rows = self.rows.iter().filter(|row| row.case == name);
            Statistic::of(rows.map(|row| score(&row.scores))).mean
        };
        Summary::new(None, |score| names.iter().map(|name| case_mean(name, score)).collect())
    }

    /// All rows with a heading; an undefined score is an empty field.
    pub fn to_csv(&self) -> String {
        let names = ["dice", "iou", "hd95_mm", "assd_mm", "truth_ml", "predicted_ml", "volume_error_ml"];
        let names = names.map(|name| self.units.renamed(name)).join(",");
        let mut text = format!("case,label_id,label,{names}\n");
        for Row { case, label, scores } in &self.rows {
            let numbers = [
                scores.dice,
                scores.iou,
                scores.hd95_mm,
                scores.assd_mm,
                Some(scores.truth_ml),
                Some(scores.predicted_ml),
                Some(scores.volume_error_ml),
            ];
            text += &format!("{},{},{},{}\n", csv_field(case), scores.id, csv_field(label), csv_numbers(&numbers));
        }
        text
    }

    /// The summary with a heading: mean, SD, number of values and of undefined ones for each score.
    pub fn summary_csv(&self) -> String {
        let mut text = String::from("label");
        for name in self.score_names() {
            text += &format!(",{name}_mean,{name}_sd,{name}_n,{name}_undefined");
        }
        text.push('\n');
        for summary in self.summary() {
            text += &csv_field(summary.name());
            for statistic in summary.statistics() {
                let moments = csv_numbers(&[statistic.mean, statistic.sd]);
                text += &format!(",{moments},{},{}", statistic.n, statistic.n_undefined);
            }
            text.push('\n');
        }
        text
    }

    /// An object with `rows`, `summary` and `units`; an undefined score is `null`. Scores are called after their unit.
    pub fn to_json(&self) -> serde_json::Value {
        let json = serde_json::json!({ "units": self.units, "rows": self.rows, "summary": self.summary() });
        renamed(json, self.units)
    }

    /// What the scores of a summary are called.
    fn score_names(&self) -> [String; 5] {
        SCORE_NAMES.map(|name| self.units.renamed(name))
    }

    /// The summary as text for the terminal, mean ± SD, with a line for each score that is undefined somewhere.
    pub fn to_table(&self) -> String {
        let summaries = self.summary();
        let n_cases = self.rows.iter().map(|row| &row.case).collect::<std::collections::BTreeSet<_>>().len();
        let (length, volume) = (self.units.length(), self.units.volume());
        let distances = [format!("HD95 {length}"), format!("ASSD {length}"), format!("Volume error {volume}")];
        let [hd95, assd, error] = distances;
        let mut cells = vec![["Label".to_owned(), "Dice".to_owned(), "IoU".to_owned(), hd95, assd, error]];
        let mut notes = String::new();
        for summary in &summaries {
            let [dice, iou, hd95, assd, volume] = summary.statistics();
            cells.push([
                summary.name().to_owned(),
                dice.to_text(3),
                iou.to_text(3),
                hd95.to_text(2),
                assd.to_text(2),
                volume.to_text(3),
            ]);
            for (name, statistic) in self.score_names().iter().zip(summary.statistics()) {
                if statistic.n_undefined > 0 {
                    let total = statistic.n + statistic.n_undefined;
                    let (n, label) = (statistic.n_undefined, summary.name());
                    writeln!(notes, "{name} of {label} is undefined in {n} of {total} cases, which were left out").ok();
                }
            }
        }
        format!("{}{n_cases} cases, mean ± SD\n{notes}", aligned(&cells))
    }
}

/// One of the scores of [`SCORE_NAMES`].
type Score = fn(&LabelScores) -> Option<f64>;

const SCORE_NAMES: [&str; 5] = ["dice", "iou", "hd95_mm", "assd_mm", "volume_error_ml"];

impl Summary {
    fn new(label: Option<String>, values: impl Fn(Score) -> Vec<Option<f64>>) -> Self {
        let statistic = |score| Statistic::of(values(score));
        Self {
            label,
            dice: statistic(|scores| scores.dice),
            iou: statistic(|scores| scores.iou),
            hd95_mm: statistic(|scores| scores.hd95_mm),
            assd_mm: statistic(|scores| scores.assd_mm),
            volume_error_ml: statistic(|scores| Some(scores.volume_error_ml)),
        }
    }

    /// What the summary is of.
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or("Mean over labels")
    }

    /// In the order of [`SCORE_NAMES`].
    fn statistics(&self) -> [Statistic; 5] {
        [self.dice, self.iou, self.hd95_mm, self.assd_mm, self.volume_error_ml]
    }
}

impl Statistic {
    /// Of all values that are defined.
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Self {
        let values: Vec<Option<f64>> = values.into_iter().collect();
        let defined: Vec<f64> = values.iter().copied().flatten().collect();
        let n = defined.len();
        let mean = (n > 0).then(|| defined.iter().sum::<f64>() / n as f64);
        let sd = mean.filter(|_| n > 1).map(|mean| {
            let squares: f64 = defined.iter().map(|value| (value - mean) * (value - mean)).sum();
            (squares / (n - 1) as f64).sqrt()
        });
        Self { mean, sd, n, n_undefined: values.len() - n }
    }

    /// "0.912 ± 0.034", "0.912" for one value, "-" for none.
    pub fn to_text(&self, decimals: usize) -> String {
        match (self.mean, self.sd) {
            (Some(mean), Some(sd)) => format!("{mean:.decimals$} ± {sd:.decimals$}"),
            (Some(mean), None) => format!("{mean:.decimals$}"),
            (None, _) => "-".to_owned(),
        }
    }
}

/// The same with its keys called after their unit.
fn renamed(json: serde_json::Value, units: Units) -> serde_json::Value {
    use serde_json::Value;
    match json {
        Value::Object(map) => {
            map.into_iter().map(|(key, value)| (units.renamed(&key), renamed(value, units))).collect()
        }
        Value::Array(values) => values.into_iter().map(|value| renamed(value, units)).collect(),
        other => other,
    }
}

fn csv_numbers(numbers: &[Option<f64>]) -> String {
    let fields: Vec<String> =
        numbers.iter().map(|number| number.map_or_else(String::new, |number| format!("{number:.6}"))).collect();
    fields.join(",")
}

/// Lines of columns as wide as their widest cell: the first to the left, the others to the right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        text += &format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            text += &format!("  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Label;

    fn table() -> LabelTable {
        LabelTable { labels: vec![Label::new(1, "Head"), Label::new(2, "Body, bent")] }
    }

    fn scores(id: u16, dice: Option<f64>, hd95_mm: Option<f64>) -> LabelScores {
        LabelScores {
            id,
            dice,
            iou: dice.map(|dice| dice / (2.0 - dice)),
            hd95_mm,
            assd_mm: hd95_mm.map(|mm| mm / 2.0),
            truth_ml: 2.0,
            predicted_ml: 1.5,
            volume_error_ml: -0.5,
        }
    }

    fn report() -> Report {
        let mut report = Report::default();
        report.add(
            "one",
            vec![scores(1, Some(0.8), Some(2.0)), scores(2, Some(0.6), Some(4.0))],
            Units::Millimetres,
            &table(),
        );
        report.add(
            "two",
            vec![scores(1, Some(0.9), Some(1.0)), scores(2, Some(0.0), None)],
            Units::Millimetres,
            &table(),
        );
        report
    }

    #[track_caller]
    fn check(found: Statistic, mean: f64, sd: f64, n: usize, n_undefined: usize) {
        assert!((found.mean.unwrap() - mean).abs() < 1e-12, "{found:?}");
        assert!((found.sd.unwrap_or(0.0) - sd).abs() < 1e-12, "{found:?}");
        assert_eq!((found.n, found.n_undefined), (n, n_undefined));
    }

    #[test]
    fn summaries_are_those_worked_out_by_hand() {
        let summary = report().summary();
        assert_eq!(summary.iter().map(Summary::name).collect::<Vec<_>>(), ["Head", "Body, bent", "Mean over labels"]);
        check(summary[0].dice, 0.85, 0.1 / 2.0_f64.sqrt(), 2, 0);
        check(summary[1].dice, 0.3, 0.6 / 2.0_f64.sqrt(), 2, 0);
        check(summary[1].hd95_mm, 4.0, 0.0, 1, 1);
        assert_eq!(summary[1].hd95_mm.sd, None);
        // Of 0.7 and 0.45, the means of the two cases.
        check(summary[2].dice, 0.575, 0.25 / 2.0_f64.sqrt(), 2, 0);
        check(summary[2].hd95_mm, 2.0, 2.0_f64.sqrt(), 2, 0);
    }

    #[test]
    fn one_label_needs_no_mean_over_labels() {
        let mut report = Report::default();
        report.add("one", vec![scores(1, None, None)], Units::Millimetres, &table());
        let summary = report.summary();
        assert_eq!(summary.len(), 1);
        assert_eq!(summary[0].dice, Statistic { mean: None, sd: None, n: 0, n_undefined: 1 });
        assert!(Report::default().summary().is_empty());
    }

    #[test]
    fn csv_leaves_the_undefined_empty_and_quotes_names() {
        let csv = report().to_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "case,label_id,label,dice,iou,hd95_mm,assd_mm,truth_ml,predicted_ml,volume_error_ml");
        assert_eq!(lines[1], "one,1,Head,0.800000,0.666667,2.000000,1.000000,2.000000,1.500000,-0.500000");
        assert_eq!(lines[4], "two,2,\"Body, bent\",0.000000,0.000000,,,2.000000,1.500000,-0.500000");
        assert_eq!(csv_field("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn summary_csv_has_as_many_fields_in_each_line_as_in_its_heading() {
        let csv = report().summary_csv().replace("\"Body, bent\"", "Body");
        let n_fields: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(n_fields, [21; 4]);
        assert!(csv.contains("Body,0.300000,0.424264,2,0,"), "{csv}");
    }

    #[test]
    fn json_reads_back_as_it_was_and_says_null_for_the_undefined() {
        let json = report().to_json();
        assert!(json["rows"][3]["hd95_mm"].is_null());
        assert_eq!(json["rows"][0]["dice"], 0.8);
        assert_eq!(json["summary"][1]["hd95_mm"]["n_undefined"], 1);
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report());
    }

    #[test]
    fn the_table_lines_up_and_says_what_was_left_out() {
        let expected = "\
Label                      Dice            IoU      HD95 mm      ASSD mm  Volume error mL
Head              0.850 ± 0.071  0.742 ± 0.107  1.50 ± 0.71  0.75 ± 0.35   -0.500 ± 0.000
Body, bent        0.300 ± 0.424  0.214 ± 0.303         4.00         2.00   -0.500 ± 0.000
Mean over labels  0.575 ± 0.177  0.478 ± 0.098  2.00 ± 1.41  1.00 ± 0.71   -0.500 ± 0.000
2 cases, mean ± SD
hd95_mm of Body, bent is undefined in 1 of 2 cases, which were left out
assd_mm of Body, bent is undefined in 1 of 2 cases, which were left out
";
        assert_eq!(report().to_table(), expected);
    }

    #[test]
    fn cases_without_a_scale_are_reported_in_pixels() {
        let mut report = Report::default();
        report.add("one", vec![scores(1, Some(0.8), Some(2.0))], Units::Pixels, &table());
        assert!(report.to_csv().starts_with("case,label_id,label,dice,iou,hd95_px,assd_px,truth_voxels,"));
        assert!(report.summary_csv().contains(",hd95_px_mean,"));
        assert!(report.to_table().contains("HD95 px  ASSD px  Volume error voxels"), "{}", report.to_table());
        let json = report.to_json();
        assert_eq!((json["units"].as_str(), json["rows"][0]["hd95_px"].as_f64()), (Some("pixels"), Some(2.0)));
        assert_eq!(json["summary"][0]["volume_error_voxels"]["mean"], -0.5);
    }

    #[test]
    fn a_label_that_the_table_does_not_know_goes_by_its_number() {
        let mut report = Report::default();
        report.add("one", vec![scores(9, None, None)], Units::Millimetres, &table());
        assert_eq!(report.rows[0].label, "Label 9");
    }
}
