//! `ldseg phantom`: an image with known truth, as files.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::output;
use super::session::Session;
use crate::domain::phantom::PhantomKind;
use crate::engine::{Job, Outcome};
use crate::io::nifti::write_volume;
use crate::io::provenance::Provenance;

/// Arguments of `ldseg phantom`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  ldseg phantom --kind two-bodies --seed 7 -o image.nii.gz --labels truth.nii.gz")]
pub(super) struct PhantomArgs {
    /// What is shown
    #[arg(long, value_enum, default_value_t)]
    pub kind: PhantomKind,
    /// Equal seeds give equal voxels on every machine
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// File to write the image to
    #[arg(short, long, value_name = "IMAGE")]
    pub output: PathBuf,
    /// File to write the true labels to
    #[arg(long, value_name = "LABELS")]
    pub labels: Option<PathBuf>,
}

pub(super) fn run(args: &PhantomArgs) -> anyhow::Result<()> {
    let mut session = Session::start()?;
    let Outcome::Opened(sample) = session.run(Job::Phantom { kind: args.kind, seed: args.seed })? else {
        bail!("the engine answered a question that was not asked")
    };
    write_volume(&args.output, &sample.volume, None, session.terminal())?;
    if let (Some(path), Some((labels, table))) = (&args.labels, sample.reference) {
        session.run(Job::SaveLabels {
            path: path.clone(),
            labels: vec![Arc::clone(&labels)],
            step_s: None,
            table,
            header: None,
            image: None,
            provenance: Box::new(Provenance::new(Some(&args.output))),
        })?;
    }
    drop(session);
    let [width, height, depth] = sample.volume.grid().shape();
    output::line(format!("{width} × {height} × {depth} voxels, seed {}: {}", args.seed, args.output.display()))?;
    if let Some(path) = &args.labels {
        output::line(format!("Truth: {}", path.display()))?;
    }
    Ok(())
}
