//! `ldseg sweep`: what steps, noise, image size and samples do to accuracy and time on a data set, as tables that draw the
//! papers' figures.
//!
//! Files are written anew after each case; Ctrl+C keeps what was done, and the program then says that it was not all (exit 1).

mod noise;
mod samples;
mod size;
mod steps;

use std::cell::Cell as Counter;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::evaluate::SplitName;
use super::terminal::Terminal;
use super::{output, train};
use crate::config::DeviceChoice;
use crate::engine::device::{Devices, Task};
use crate::evaluation::report::Statistic;
use crate::evaluation::table::{Cell, Table};
use crate::model::registry;
use crate::model::segment::Segmenter;
use crate::monitor::{Cancelled, Monitor, Progress};
use crate::training::cases::LabelledImage;

/// The mean over a case's labels goes by this name beside the labels' own.
const MEAN: &str = "mean over labels";

/// Arguments of `ldseg sweep`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    ldseg sweep steps --data msd_hippocampus --csv steps.csv\n  \
    ldseg sweep noise --data msd_hippocampus --csv noise.csv --json noise.json\n  \
    ldseg sweep samples --data msd_hippocampus --samples 8,32,100 --cases 5 --csv samples.csv\n  \
    ldseg sweep size --data msd_hippocampus --cases 1 --csv size.csv")]
pub(super) struct SweepArgs {
    #[command(subcommand)]
    what: Sweep,
}

#[derive(Clone, Debug, Subcommand)]
enum Sweep {
    /// Dice, agreement with the longest run, and time against the number of steps K
    Steps(steps::StepsArgs),
    /// Dice and agreement with the undamaged image against noise, blur, bias field or contrast
    Noise(noise::NoiseArgs),
    /// Time against image size
    Size(size::SizeArgs),
    /// Whether uncertainty over samples points at the errors, and what samples cost
    Samples(samples::SamplesArgs),
}

/// What all sweeps take.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Folder with images, labels and splits.csv; or `phantom` for procedural images
    #[arg(long)]
    data: String,
    /// Which cases
    #[arg(long, value_enum, default_value_t)]
    split: SplitName,
    /// A built-in model or a model folder; may be given more than once
    #[arg(long = "model", value_name = "MODEL", default_value = "hippocampus")]
    models: Vec<String>,
    /// Seed of all noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop after so many cases
    #[arg(long)]
    cases: Option<usize>,
    /// Write every measurement as CSV to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write every measurement, the summary and the settings as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the networks run
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

pub(super) fn run(args: &SweepArgs) -> anyhow::Result<()> {
    match &args.what {
        Sweep::Steps(args) => steps::run(args),
        Sweep::Noise(args) => noise::run(args),
        Sweep::Size(args) => size::run(args),
        Sweep::Samples(args) => samples::run(args),
    }
}

/// A model on the device.
struct LoadedModel {
    name: String,
    sha256: String,
    segmenter: Segmenter,
}

/// A sweep that is going on.
struct Bench<'a> {
    name: &'static str,
    common: &'a Common,
    device: String,
    models: Vec<LoadedModel>,
    images: Vec<LabelledImage>,
    terminal: Terminal,
    /// Settings that this sweep alone has, for the JSON file.
    settings: Value,
}

impl<'a> Bench<'a> {
    fn new(name: &'static str, common: &'a Common, settings: Value) -> anyhow::Result<Self> {
        let terminal = Terminal::new()?;
        let selected = Devices::new(None).select(common.device, Task::Inference, &terminal)?;
        selected.warnings.iter().for_each(|warning| eprintln!("ldseg: warning: {warning}"));
        let load = |name: &String| -> anyhow::Result<LoadedModel> {
            let files = registry::find(name)?;
            let segmenter = files.load(&selected.device)?;
            Ok(LoadedModel { name: files.info().name, sha256: files.sha256(), segmenter })
        };
        let models = common.models.iter().map(load).collect::<Result<_, _>>()?;
        let mut images = train::source(&common.data)?.read(common.split.into())?;
        images.truncate(common.cases.unwrap_or(usize::MAX));
        anyhow::ensure!(!images.is_empty(), "the split {:?} of {} has no cases", common.split, common.data);
        Ok(Self { name, common, device: selected.name, models, images, terminal, settings })
    }

    /// Refuses models that have neither steps nor samples to sweep over.
    fn expect_sampling(&self) -> anyhow::Result<()> {
        match self.models.iter().find(|model| model.segmenter.config().is_deterministic()) {
            Some(model) => {
                anyhow::bail!("{} is deterministic: it has no steps and no samples to sweep over", model.name)
            }
            None => Ok(()),
        }
    }

    /// Measures case after case into `table`, writes the files after each, and prints `summary` of it at the end. `n_steps` is
    /// how often a case calls [`CaseMonitor::advance`].
    fn run(
        &self,
        mut table: Table,
        n_steps: u64,
        measure: impl Fn(usize, &LabelledImage, &CaseMonitor<'_>, &mut Table) -> anyhow::Result<()>,
        summary: impl Fn(&Table) -> Table,
    ) -> anyhow::Result<Table> {
        let total = n_steps * self.images.len() as u64;
        let mut n_done = 0;
        for (case_idx, image) in self.images.iter().enumerate() {
            let done = Counter::new(case_idx as u64 * n_steps);
            let monitor = CaseMonitor { terminal: &self.terminal, done, total };
            let measured = measure(case_idx, image, &monitor, &mut table);
            self.write(&table, &summary(&table))?;
            match measured {
                Ok(()) => n_done += 1,
                Err(error) if error.is::<Cancelled>() => break,
                Err(error) => return Err(error.context(format!("case {}", image.name))),
            }
        }
        self.terminal.clear();
        let (n_cases, data) = (self.images.len(), &self.common.data);
        let split = format!("{:?}", self.common.split).to_lowercase();
        output::line(format!("{n_done} cases of {data}, {split}, on {}\n", self.device))?;
        output::line(summary(&table).to_text().trim_end())?;
        if n_done < n_cases {
            let kept = format!("stopped in case {} of {n_cases}; what was measured is kept", n_done + 1);
            return Err(anyhow::Error::new(Cancelled).context(kept));
        }
        Ok(table)
    }

    fn write(&self, table: &Table, summary: &Table) -> anyhow::Result<()> {
        if let Some(path) = &self.common.csv {
            write(path, &table.to_csv())?;
        }
        if let Some(path) = &self.common.json {
            let models: Vec<Value> =
                self.models.iter().map(|model| json!({ "name": model.name, "sha256": model.sha256 })).collect();
            let value = json!({
                "sweep": self.name,
                "version": env!("CARGO_PKG_VERSION"),
                "models": models,
                "data": self.common.data,
                "split": format!("{:?}", self.common.split).to_lowercase(),
                "seed": self.common.seed,
                "device": self.device,
                "settings": self.settings,
                "rows": table.to_json(),
                "summary": summary.to_json(),
            });
            write(path, &serde_json::to_string_pretty(&value)?)?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

/// Draws how far the whole sweep is, and passes Ctrl+C on to whatever runs inside.
struct CaseMonitor<'a> {
    terminal: &'a Terminal,
    done: Counter<u64>,
    total: u64,
}

impl CaseMonitor<'_> {
    /// One more of the case's measurements is done.
    fn advance(&self) {
        self.done.set(self.done.get() + 1);
    }
}

impl Monitor for CaseMonitor<'_> {
    fn report(&self, stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        self.terminal.show(&Progress { stage, done: self.done.get(), total: self.total });
        if self.terminal.is_interrupted() { Err(Cancelled) } else { Ok(()) }
    }
}

/// One row for each label and one for their mean: `before`, the label's name, its `numbers`, `after`.
fn push_labels(table: &mut Table, before: &[Cell], labels: &[(String, Vec<Option<f64>>)], after: &[Cell]) {
    let width = labels.first().map_or(0, |(_, numbers)| numbers.len());
    let mean = |column: usize| Statistic::of(labels.iter().map(|(_, numbers)| numbers[column])).mean;
    let means = (MEAN.to_owned(), (0..width).map(mean).collect());
    for (name, numbers) in labels.iter().chain([&means]) {
        let numbers = numbers.iter().map(|&number| Cell::from(number));
        let row = before.iter().cloned().chain([Cell::from(name.as_str())]).chain(numbers).chain(after.iter().cloned());
        table.push(row.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_followed_by_their_mean_without_the_undefined() {
        let mut table = Table::new(&["case", "label", "dice", "agreement", "seconds"]);
        let labels = [("a".to_owned(), vec![Some(0.5), None]), ("b".to_owned(), vec![Some(1.0), Some(0.25)])];
        push_labels(&mut table, &["one".into()], &labels, &[2.0.into()]);
        let expected = "case,label,dice,agreement,seconds\none,a,0.500000,,2\none,b,1,0.250000,2\n\
                        one,mean over labels,0.750000,0.250000,2\n";
        assert_eq!(table.to_csv(), expected);
    }
}
