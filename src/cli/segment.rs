//! `ldseg segment`: from a file to a mask.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::{Args, ValueEnum as _};
use serde::Serialize;

use super::output::{self, LabelVolume, label_volumes, volumes_text};
use super::picture::PictureArgs;
use super::session::Session;
use crate::config::SegmentSettings;
use crate::domain::{Grid, LabelMap, Units};
use crate::engine::{Job, Opened, Segmentation};
use crate::evaluation::metrics::score;
use crate::evaluation::report::Report;
use crate::io::nifti::write_probabilities;
use crate::io::provenance::{ModelRun, Provenance};
use crate::io::{check_label_path, holds_frames};
use crate::model::registry;

/// Arguments of `ldseg segment`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
                        ldseg segment scan.nii.gz -o mask.nii.gz\n  \
                        ldseg segment scan.nii.gz --samples 20 --seed 1 --probabilities p.nii.gz -o mask.nii.gz\n  \
                        ldseg segment cine.nii.gz --all-frames -o mask.nii.gz\n  \
                        ldseg segment scan.nii.gz --model hippocampus-resunet -o mask.nii.gz\n  \
                        ldseg segment scan.nii.gz --model my-model --reference truth.nii.gz --json")]
pub(super) struct SegmentArgs {
    /// Image to segment: a file, or the folder of a series
    #[arg(value_name = "IN")]
    pub image: PathBuf,
    #[command(flatten)]
    pub picture: PictureArgs,
    #[command(flatten)]
    pub settings: SegmentSettings,
    /// Frame of a time series, from 0
    #[arg(long, default_value_t = 0)]
    pub frame: usize,
    /// Segment every frame: of a GIF or ultrasound into one mask each, of a volume over time, with a model for pictures every
    /// slice of it, into a mask with a fourth axis
    #[arg(long, conflicts_with_all = ["frame", "probabilities"])]
    pub all_frames: bool,
    /// Voxel that the model's box is laid around where the image is larger than it; else the middle
    #[arg(long, num_args = 3, value_names = ["I", "J", "K"])]
    pub focus: Option<Vec<usize>>,
    /// File to write the mask to, on the image's own grid; a folder, `masks/`, for a PNG of each slice
    #[arg(short, long, value_name = "MASK")]
    pub output: Option<PathBuf>,
    /// File to write the labels' probabilities to, one frame a label
    #[arg(long, value_name = "FILE")]
    pub probabilities: Option<PathBuf>,
    /// Labels to compare with: prints Dice, IoU, distances and volume error
    #[arg(long, value_name = "LABELS")]
    pub reference: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    image: &'a Path,
    mask: Option<&'a Path>,
    settings: &'a SegmentSettings,
    /// Steps, sampler, samples and seed of `settings` meant nothing.
    is_deterministic: bool,
    model_sha256: &'a str,
    device: &'a str,
    elapsed_s: f64,
    labels: Vec<LabelVolume>,
    /// The same of each frame, where all were segmented; `labels` are those of the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frames: Vec<Vec<LabelVolume>>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<serde_json::Value>,
}

pub(super) fn run(args: &SegmentArgs) -> anyhow::Result<()> {
    args.output.as_deref().map_or(Ok(()), check_label_path)?;
    let mut session = Session::start()?;
    let opened = session.open(&args.image, args.picture)?;
    let focus = focus(args.focus.as_deref(), opened.volume.grid().shape())?;
    if args.frame >= opened.volume.n_frames() {
        let n_frames = opened.volume.n_frames();
        bail!("expected a frame below {n_frames}, found {}: {}", args.frame, args.image.display());
    }
    // Before the work, so that a reference on another grid costs no segmentation.
    let grid = opened.volume.grid();
    let reference = args.reference.as_ref().map(|path| reference(&mut session, path, args, &opened)).transpose()?;
    if let Some(mask) = args.output.as_ref().filter(|_| args.all_frames && opened.volume.n_frames() > 1)
        && !holds_frames(mask)
    {
        let n_frames = opened.volume.n_frames();
        bail!(
            "expected a name that ends in .nii.gz, .nii, .nrrd or .mha for the masks of {n_frames} frames: {}",
            mask.display()
        );
    }
    // Of a flat image the frames are its slices.
    let all_slices = args.settings.all_slices || args.all_frames && grid.is_series();
    let settings = SegmentSettings { all_frames: args.all_frames, all_slices, ..args.settings.clone() };
    let mut result = session.segment(&opened.volume, args.frame, focus, &settings)?;
    if focus.is_none() && !settings.all_slices && !settings.all_frames && sees_slices(&args.settings.model, grid)? {
        let hint = "The model is one for pictures: the middle slice was segmented. --focus chooses another, --all-slices takes all.";
        result.warnings.push(hint.to_owned());
    }
    save(&mut session, args, &opened, &result)?;
    drop(session);
    print(args, &opened, &result, reference.as_deref())
}

/// The masks to compare with: one for each that is found.
fn reference(session: &mut Session, path: &Path, args: &SegmentArgs, opened: &Opened) -> anyhow::Result<Vec<LabelMap>> {
    let n_frames = opened.volume.n_frames();
    let labels = session.open_labels(path, opened.volume.grid(), n_frames)?;
    if !args.all_frames {
        return Ok(vec![labels.of_frame(args.frame)]);
    }
    if n_frames > 1 && !labels.has_frames() {
        bail!("expected a reference with a mask for each of {n_frames} frames, found one mask: {}", path.display());
    }
    Ok(labels.into_frames())
}

/// Whether a model takes the slices of an image one by one.
fn sees_slices(model: &str, grid: &Grid) -> anyhow::Result<bool> {
    Ok(grid.slices_axis().is_some() && registry::find(model)?.info().is_planar)
}

/// A voxel inside an image of this shape.
///
/// # Errors
/// The shape, for a voxel outside.
pub(super) fn focus(voxel: Option<&[usize]>, shape: [usize; 3]) -> anyhow::Result<Option<[usize; 3]>> {
    let Some(voxel) = voxel else { return Ok(None) };
    match <[usize; 3]>::try_from(voxel) {
        Ok(voxel) if voxel.iter().zip(shape).all(|(&index, size)| index < size) => Ok(Some(voxel)),
        _ => bail!("expected a voxel inside an image of {shape:?} voxels, found {voxel:?}"),
    }
}

fn save(session: &mut Session, args: &SegmentArgs, opened: &Opened, result: &Segmentation) -> anyhow::Result<()> {
    let header = opened.header.clone();
    if let Some(path) = &args.probabilities {
        let grid = result.labels.grid();
        write_probabilities(path, grid, &result.probabilities, header.as_deref(), session.terminal())?;
    }
    if let Some(path) = &args.output {
        session.run(Job::SaveLabels {
            path: path.clone(),
            labels: masks(result).into_iter().cloned().map(Arc::new).collect(),
            step_s: opened.volume.frame_times().map(|times| times.frames_per_second().recip()),
            table: result.table.clone(),
            header,
            image: Some(args.image.clone()),
            provenance: Box::new(provenance(&args.image, result)),
        })?;
    }
    Ok(())
}

/// The mask, or that of each frame.
fn masks(result: &Segmentation) -> Vec<&LabelMap> {
    if result.frames.is_empty() { vec![&result.labels] } else { result.frames.iter().collect() }
}

fn provenance(image: &Path, result: &Segmentation) -> Provenance {
    let settings = &result.settings;
    let sampler = settings.sampler.to_possible_value().filter(|_| !result.is_deterministic);
    Provenance {
        model: Some(ModelRun {
            model: settings.model.clone(),
            model_sha256: result.model_sha256.clone(),
            seed: settings.seed,
            sampler: sampler.map_or_else(|| "none".to_owned(), |value| value.get_name().to_owned()),
            steps: settings.steps,
            samples: settings.samples,
            device: result.device.clone(),
            which: None,
        }),
        ..Provenance::new(Some(image))
    }
}

fn print(
    args: &SegmentArgs,
    opened: &Opened,
    result: &Segmentation,
    reference: Option<&[LabelMap]>,
) -> anyhow::Result<()> {
    let warnings: Vec<String> = opened.warnings.iter().chain(&result.warnings).cloned().collect();
    let labels = label_volumes(&result.labels, &result.table);
    let of_frame = |labels: &LabelMap| label_volumes(labels, &result.table);
    let frames: Vec<_> = result.frames.iter().map(of_frame).collect();
    let report = reference.map(|reference| report(&opened.name, reference, result));
    if args.json {
        return output::json(&Summary {
            image: &args.image,
            mask: args.output.as_deref(),
            settings: &result.settings,
            is_deterministic: result.is_deterministic,
            model_sha256: &result.model_sha256,
            device: &result.device,
            elapsed_s: result.elapsed_s,
            labels,
            frames,
            warnings,
            scores: report.map(|report| report.to_json()["rows"].take()),
        });
    }
    output::warnings(&warnings, &args.image);
    let model = &result.settings.model;
    let (way, elapsed_s) = (way(result), result.elapsed_s);
    let volumes = match frames.len() {
        0 => volumes_text(&labels),
        _ => (1..)
            .zip(&frames)
            .map(|(n, of)| format!("Frame {n}\n{}", volumes_text(of)))
            .collect::<Vec<_>>()
            .join("\n\n"),
    };
    output::line(format!("{model} on {}: {way}, {elapsed_s:.2} s\n\n{volumes}", result.device))?;
    if let Some(report) = report {
        output::line(format!("\n{}", scores_text(&report, result.labels.grid())))?;
    }
    if let Some(path) = &args.output {
        output::line(format!("\nMask: {}", path.display()))?;
    }
    Ok(())
}

/// How the answer was found.
fn way(result: &Segmentation) -> String {
    let SegmentSettings { steps, samples, seed, .. } = &result.settings;
    match samples {
        _ if result.is_deterministic => "deterministic".to_owned(),
        1 => format!("K = {steps}, seed {seed}"),
        _ => format!("K = {steps}, {samples} samples, seed {seed}"),
    }
}

fn report(case: &str, reference: &[LabelMap], result: &Segmentation) -> Report {
    let mut report = Report::default();
    let found = masks(result);
    for (n, (reference, found)) in (1..).zip(reference.iter().zip(&found)) {
        let case = if result.frames.is_empty() { case.to_owned() } else { format!("{case}, frame {n}") };
        // A model that saw one slice is not asked for the others.
        let scores = score(&reference.seen(result.slice).to_ids(), &found.to_ids(), found.grid(), &result.table);
        report.add(&case, scores, found.grid().units(), &result.table);
    }
    report
}

/// The scores of one case, or of its frames, a line a label. What is undefined is a dash.
fn scores_text(report: &Report, grid: &Grid) -> String {
    let width = report.rows.iter().map(|row| row.label.chars().count()).max().unwrap_or_default().max("Label".len());
    let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let units = grid.units();
    let distance = format!("HD95 {}", units.length());
    let error = format!("error {}", units.volume());
    // Frames of time add up to no volume, but to a number of pixels.
    let has_volume = units == Units::Pixels || !grid.is_series();
    let mut text = format!("{:<width$}  {:>6}  {:>6}  {distance:>8}  {error:>12}", "Label", "Dice", "IoU");
    let has_frames = report.rows.iter().any(|row| row.case != report.rows[0].case);
    let mut case = "";
    for row in &report.rows {
        let scores = &row.scores;
        if has_frames && row.case != case {
            case = &row.case;
            text += &format!("\n{case}");
        }
        text += &format!(
            "\n{:<width$}  {:>6}  {:>6}  {:>8}  {:>12}",
            row.label,
            cell(scores.dice),
            cell(scores.iou),
            cell(scores.hd95_mm),
            cell(Some(scores.volume_error_ml).filter(|_| has_volume)),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_focus_outside_the_image_is_refused_with_its_size() {
        assert_eq!(focus(None, [4, 5, 6]).unwrap(), None);
        assert_eq!(focus(Some(&[3, 4, 5]), [4, 5, 6]).unwrap(), Some([3, 4, 5]));
        let error = focus(Some(&[4, 0, 0]), [4, 5, 6]).unwrap_err().to_string();
        assert_eq!(error, "expected a voxel inside an image of [4, 5, 6] voxels, found [4, 0, 0]");
    }
}
