//! What the laboratory has found, in files: tables as CSV, plots as PNG.

use std::path::PathBuf;

use crate::app::App;
use crate::app::background::Task;
use crate::app::widgets::plot::Chart;
use crate::engine::Job;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Each run of the comparison of numbers of steps.
    StepsTable,
    /// The plot of Dice against K.
    StepsPlot,
    /// The plot of time against K.
    TimePlot,
    /// Each answer to a damaged image.
    DamageTable,
    /// The plot of Dice against the strength.
    DamagePlot,
}

impl Export {
    /// Whether it is a picture and no table.
    pub fn is_picture(self) -> bool {
        matches!(self, Self::StepsPlot | Self::TimePlot | Self::DamagePlot)
    }

    /// What the file dialog asks.
    pub fn title(self) -> &'static str {
        if self.is_picture() { "Export plot" } else { "Export table" }
    }

    /// What comes after the image's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::StepsTable => "_steps.csv",
            Self::StepsPlot => "_steps_dice.png",
            Self::TimePlot => "_steps_time.png",
            Self::DamageTable => "_robustness.csv",
            Self::DamagePlot => "_robustness.png",
        }
    }
}

impl App {
    /// Writes a table at once, a plot as soon as it is drawn.
    pub(in crate::app) fn write_finding(&mut self, export: Export, path: PathBuf) {
        let Some(case) = &self.state.case else { return };
        let ending = if export.is_picture() { "png" } else { "csv" };
        let path = if path.extension().is_none() { path.with_extension(ending) } else { path };
        let (lab, name) = (&case.lab, &case.opened.name);
        let table = match export {
            Export::StepsTable => lab.steps.comparison.as_ref().map(|comparison| comparison.table_of_runs(name)),
            Export::DamageTable => lab.robustness.sweep.as_ref().map(|sweep| sweep.table_of_answers(name)),
            Export::StepsPlot | Export::TimePlot | Export::DamagePlot => None,
        };
        if let Some(table) = table {
            self.engine.submit(Job::WriteText { path, text: table.to_csv() });
        } else if let Some(chart) = self.chart(export) {
            self.background.submit(Task::Draw { chart: Box::new(chart), path });
        }
    }

    /// The plot that is exported as `export`, where there is one.
    fn chart(&self, export: Export) -> Option<Chart> {
        let case = self.state.case.as_ref()?;
        let (steps, name) = (case.lab.steps.comparison.as_ref(), &case.opened.name);
        match export {
            Export::StepsPlot => Some(steps?.dice_chart(name)),
            Export::TimePlot => Some(steps?.time_chart(name)),
            Export::DamagePlot => Some(case.lab.robustness.sweep.as_ref()?.chart(name)),
            Export::StepsTable | Export::DamageTable => None,
        }
    }
}
