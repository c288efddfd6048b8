//! The file thread's work: images and labels in, labels out, samples made.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::job::{Job, Opened, OpenedLabels, OpenedMap, Outcome};
use super::worker::{Reporter, Runner};
use crate::domain::phantom::{self, PhantomKind};
use crate::domain::{Grid, LabelMap, LabelTable, PictureFacts};
use crate::io::journal::{Recovered, recover_without_image};
use crate::io::provenance::Provenance;
use crate::io::{self, DrawnOn, ReadLabels, ReadVolume, label_table, text};
use crate::monitor::Monitor;

/// Bins of a map's histogram.
const MAP_BINS: usize = 128;

/// Reads and writes; keeps nothing between jobs.
pub(super) struct Files;

impl Runner for Files {
    fn run(&mut self, job: &Job, reporter: &Reporter) -> anyhow::Result<Outcome> {
        match job {
            Job::Open { path, facts } => open(path, *facts, reporter),
            Job::Phantom { kind, seed } => {
                reporter.report("Making the sample", 0, 0)?;
                Ok(make_phantom(*kind, *seed))
            }
            Job::OpenLabels { path, grid, n_frames } => open_labels(path, grid, *n_frames, reporter),
            Job::OpenMap { path, grid } => open_map(path, grid, reporter),
            Job::SaveLabels { path, labels, step_s, table, header, image, provenance } => {
                let image = image.as_deref().map(DrawnOn::File);
                let source = header.as_deref().map(DrawnOn::Nifti).or(image);
                save_labels(path, (labels, *step_s), table, source, provenance, reporter)
            }
            Job::SaveRecovered { journal, path } => save_recovered(journal, path, reporter),
            Job::OpenTable { path } => Ok(Outcome::Table(path.clone(), label_table::read(path)?)),
            Job::WriteReport { path, report } => {
                text::write(path, &report.to_html(reporter)?)?;
                Ok(Outcome::Written(path.clone()))
            }
            Job::WriteText { path, text } => {
                text::write(path, text)?;
                Ok(Outcome::Written(path.clone()))
            }
            Job::WriteBytes { path, bytes } => {
                text::write_bytes(path, bytes)?;
                Ok(Outcome::Written(path.clone()))
            }
            Job::Segment { .. } | Job::Experiment { .. } | Job::CheckDevices => {
                bail!("the file thread was asked to {}, which is the worker's work", job.name())
            }
        }
    }
}

fn open(path: &Path, facts: PictureFacts, reporter: &Reporter) -> anyhow::Result<Outcome> {
    let ReadVolume { volume, header, name, warnings, .. } =
        io::read_volume(path, reporter, &mut |part| reporter.preview(part))?;
    let volume = facts.applied(volume).with_context(|| path.display().to_string())?;
    Ok(Outcome::Opened(Box::new(Opened {
        path: Some(path.to_owned()),
        name: name.unwrap_or_else(|| case_name(path)),
        volume: Arc::new(volume),
        header: header.map(Arc::new),
        reference: None,
        warnings,
    })))
}

fn make_phantom(kind: PhantomKind, seed: u64) -> Outcome {
    let phantom = phantom::generate(kind, seed);
    Outcome::Opened(Box::new(Opened {
        path: None,
        name: format!("Sample {seed}"),
        volume: Arc::new(phantom.volume),
        header: None,
        reference: Some((Arc::new(phantom.labels), phantom.table)),
        warnings: Vec::new(),
    }))
}

fn open_labels(path: &Path, grid: &Grid, n_frames: usize, reporter: &Reporter) -> anyhow::Result<Outcome> {
    let ReadLabels { labels, later, table, mut warnings } = io::read_labels_on(path, grid, n_frames, reporter)?;
    if let Some(difference) = labels.grid().differs_from(grid) {
        bail!("the labels do not lie on the grid of the open image: {difference}: {}", path.display());
    }
    // A file may not know that it is of a picture, or of frames.
    let labels = labels.laid_on(grid);
    let beside = label_table_beside(path);
    let used = || std::iter::once(&labels).chain(&later).flat_map(LabelMap::used_ids).collect::<Vec<_>>();
    let made_up = || table.unwrap_or_else(|| LabelTable::with_ids(&used()));
    let table = if beside.is_file() {
        label_table::read(&beside).unwrap_or_else(|error| {
            warnings.push(format!("the names and colours beside the labels were not read: {error}"));
            made_up()
        })
    } else {
        made_up()
    };
    Ok(Outcome::Labels(Box::new(OpenedLabels { path: path.to_owned(), labels, later, table, warnings })))
}

fn open_map(path: &Path, grid: &Grid, reporter: &Reporter) -> anyhow::Result<Outcome> {
    let ReadVolume { volume, .. } = io::read_volume(path, reporter, &mut |_| {})?;
    if let Some(difference) = volume.grid().differs_from(grid) {
        bail!("the map does not lie on the grid of the open image: {difference}: {}", path.display());
    }
    let (name, values, histogram) = (case_name(path), volume.values(0), volume.histogram(0, MAP_BINS));
    if histogram.high <= histogram.low {
        bail!("the map has the same value everywhere, so that it limits nothing: {}", path.display());
    }
    Ok(Outcome::Map(Box::new(OpenedMap { name, values, histogram })))
}

fn save_recovered(journal: &Path, path: &Path, reporter: &Reporter) -> anyhow::Result<Outcome> {
    let Recovered { header, history, table, model, .. } = recover_without_image(journal)?;
    let edits = history.entries().take(history.n_applied()).map(|entry| entry.name.to_owned()).collect();
    let source = header.image.as_ref().map(|image| image.path.as_path());
    let provenance = Provenance { model, edits, ..Provenance::new(source) };
    let source = source.filter(|path| path.exists()).map(DrawnOn::File);
    save_labels(path, (&history.in_use(), None), &table, source, &provenance, reporter)?;
    Ok(Outcome::Written(path.to_owned()))
}

fn save_labels(
    path: &Path,
    (labels, step_s): (&[Arc<LabelMap>], Option<f64>),
    table: &LabelTable,
    source: Option<DrawnOn<'_>>,
    provenance: &Provenance,
    reporter: &Reporter,
) -> anyhow::Result<Outcome> {
    let frames: Vec<&LabelMap> = labels.iter().map(AsRef::as_ref).collect();
    io::write_frames(path, (&frames, step_s), table, source, reporter)?;
    label_table::write(&label_table_beside(path), table)?;
    provenance.write_beside(path)?;
    Ok(Outcome::Saved(path.to_owned()))
}

/// `scan.nii.gz` is the case `scan`.
fn case_name(path: &Path) -> String {
    stem(path).to_owned()
}

/// The table of `mask.nii.gz` is `mask.label.txt`.
fn label_table_beside(path: &Path) -> std::path::PathBuf {
    path.with_file_name(format!("{}.label.txt", stem(path)))
}

/// A file's name without the ending of its format.
fn stem(path: &Path) -> &str {
    io::stem(path.file_name().and_then(|name| name.to_str()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_its_label_table_beside_it() {
        assert_eq!(label_table_beside(Path::new("d/mask.nii.gz")), Path::new("d/mask.label.txt"));
    }
}
