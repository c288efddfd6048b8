//! The engine as the command line uses it: one job at a time, waited for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use crossbeam_channel::{Receiver, bounded};

use super::picture::PictureArgs;
use super::terminal::Terminal;
use crate::config::SegmentSettings;
use crate::domain::{Grid, Volume};
use crate::engine::laboratory::{Experiment, Finding, Subject};
use crate::engine::{Ending, Engine, Event, Job, Opened, OpenedLabels, Outcome, Segmentation, Stamp};
use crate::monitor::Cancelled;

/// How long Ctrl+C may go unnoticed.
const TICK: Duration = Duration::from_millis(100);

/// An engine and the terminal that it reports to.
#[derive(Debug)]
pub(super) struct Session {
    engine: Engine,
    woken: Receiver<()>,
    terminal: Terminal,
}

impl Session {
    /// # Errors
    /// As [`Terminal::new`].
    pub fn start() -> anyhow::Result<Self> {
        let (sender, woken) = bounded(1);
        // Full means that somebody is being woken already.
        let engine = Engine::start(None, move || {
            sender.try_send(()).ok();
        });
        Ok(Self { engine, woken, terminal: Terminal::new()? })
    }

    /// Ctrl+C, and a bar for work outside the engine.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// Reads an image of which this is said, should it be a picture.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn open(&mut self, path: &Path, picture: PictureArgs) -> anyhow::Result<Opened> {
        match self.run(Job::Open { path: path.to_owned(), facts: picture.facts() })? {
            Outcome::Opened(opened) => Ok(*opened),
            _ => bail!("the engine answered a question that was not asked"),
        }
    }

    /// Reads labels that belong on `grid`, of an image of this many frames.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn open_labels(&mut self, path: &Path, grid: &Grid, n_frames: usize) -> anyhow::Result<OpenedLabels> {
        match self.run(Job::OpenLabels { path: path.to_owned(), grid: grid.clone(), n_frames })? {
            Outcome::Labels(labels) => Ok(*labels),
            _ => bail!("the engine answered a question that was not asked"),
        }
    }

    /// Segments one frame.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn segment(
        &mut self,
        volume: &Arc<Volume>,
        frame: usize,
        focus: Option<[usize; 3]>,
        settings: &SegmentSettings,
    ) -> anyhow::Result<Segmentation> {
        let stamp = Stamp { case: 0, frame };
        let volume = Arc::clone(volume);
        match self.run(Job::Segment { stamp, volume, focus, settings: settings.clone() })? {
            Outcome::Segmentation(segmentation) => Ok(*segmentation),
            _ => bail!("the engine answered a question that was not asked"),
        }
    }

    /// Does an experiment. What comes of it, and all that it found on the way but growing samples, which the outcome holds.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn experiment(&mut self, subject: Subject, experiment: Experiment) -> anyhow::Result<(Outcome, Vec<Finding>)> {
        let mut findings = Vec::new();
        let job = Job::Experiment { subject: Box::new(subject), experiment };
        let outcome = self.run_with(job, &mut |finding| {
            if !matches!(finding, Finding::Samples(_)) {
                findings.push(finding);
            }
        })?;
        Ok((outcome, findings))
    }

    /// Waits for a job's ending, drawing its progress; Ctrl+C cancels it.
    ///
    /// # Errors
    /// The job's failure, and [`Cancelled`].
    pub fn run(&mut self, job: Job) -> anyhow::Result<Outcome> {
        self.run_with(job, &mut |_| ())
    }

    fn run_with(&mut self, job: Job, on_finding: &mut dyn FnMut(Finding)) -> anyhow::Result<Outcome> {
        let job = self.engine.submit(job);
        loop {
            // A timeout is as good a reason as a wake to look at the flag.
            self.woken.recv_timeout(TICK).ok();
            if self.terminal.is_interrupted() {
                self.engine.cancel(job);
            }
            for event in self.engine.poll() {
                match event {
                    Event::Progress { progress, .. } => self.terminal.show(&progress),
                    Event::Done { ending, .. } => return outcome(ending),
                    Event::Finding { finding, .. } => on_finding(finding),
                    Event::Preview { .. } => {}
                }
            }
        }
    }
}

fn outcome(ending: Ending) -> anyhow::Result<Outcome> {
    match ending {
        Ending::Finished(outcome) => Ok(outcome),
        Ending::Cancelled => Err(Cancelled.into()),
        Ending::Failed(failure) => {
            log::debug!("{}", failure.details);
            Err(anyhow!(failure.message))
        }
    }
}
