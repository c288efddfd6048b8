//! The head of a report, its images, labels, uncertainty and conditions.

use super::Report;
use super::html::{Escaped, Page, Table, css_color, number};
use super::picture::{RAMP, Slice};
use crate::domain::{Convention, Space, Units};
use crate::evaluation::metrics::{self, LabelScores};
use crate::evaluation::reliability::{NEAR_VOXELS, Reliability};
use crate::evaluation::uncertainty::Uncertainty;

/// Voxels that count as uncertain, in the summary, where their SD is at least this.
const UNCERTAIN_SD: f32 = 0.1;

pub(super) fn head(report: &Report, page: &mut Page, time: &str) {
    let name = Escaped(&report.name);
    page.raw(&format!("<header><p>Segmentation report</p><h1>{name}</h1></header>"));
    page.raw("<p class=\"notice\"><b>Research use only.</b> This is not a medical device and no finding.</p>");
    let grid = report.volume.grid();
    let ([ni, nj, nk], [di, dj, dk]) = (grid.shape(), grid.spacing_mm());
    let mut facts = Vec::new();
    let file = report.path.as_ref().map(|path| path.display().to_string());
    facts.push(("Image", file.unwrap_or_else(|| "made by the program".to_owned())));
    let axes: String = grid.orientation().iter().collect();
    let size = match (grid.space(), grid.units()) {
        (Space::Patient, _) => format!("{ni} × {nj} × {nk} voxels of {di:.2} × {dj:.2} × {dk:.2} mm, axes {axes}"),
        (_, units) => {
            let several = match nk {
                1 => String::new(),
                _ if grid.is_series() => format!(", {nk} frames"),
                _ => format!(", {nk} slices"),
            };
            let pixel = match units {
                Units::Millimetres => format!("of {di:.4} × {dj:.4} mm"),
                Units::Pixels => "whose size is not known".to_owned(),
            };
            format!("{ni} × {nj} pixels {pixel}{several}")
        }
    };
    facts.push(("Size", size));
    if report.volume.n_frames() > 1 {
        facts.push(("Frame", format!("{} of {}", report.frame + 1, report.volume.n_frames())));
    }
    facts.push(("Labels", report.answer.origin.clone()));
    if report.reference.is_some() {
        let is_used = report.truth().is_some();
        let unused = "given, but not on the image's grid: nothing is compared with it";
        facts.push(("Reference", if is_used { "given" } else { unused }.to_owned()));
    }
    facts.push(("Written", format!("{time} by {} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))));
    page.facts(&facts);
}

pub(super) fn images(report: &Report, page: &mut Page) -> anyhow::Result<()> {
    page.heading("Images");
    let grid = report.volume.grid();
    let side = match report.convention {
        _ if grid.space() != Space::Patient => "",
        Convention::Radiological => " The patient's right is on the left of axial and coronal slices.",
        Convention::Neurological => " The patient's left is on the left of axial and coronal slices.",
    };
    let what = if grid.is_series() { "frame" } else { "slice" };
    let which = match report.focus {
        _ if report.shows_pictures() && grid.shape()[2] == 1 => "The picture".to_owned(),
        _ if report.shows_pictures() && report.answer.slice.is_some() => format!("The {what} that was segmented"),
        Some(_) if report.shows_pictures() => format!("The first {what}, the one that was shown, and the last"),
        None if report.shows_pictures() => format!("The first {what}, that with most labelled pixels, and the last"),
        Some([i, j, k]) => format!("The slices through voxel {i}, {j}, {k} (counted from 0)"),
        None => "The slices with most labelled voxels".to_owned(),
    };
    let (low, high) = (report.window.low(), report.window.high());
    let window = match report.volume.is_color() {
        true => String::new(),
        false => format!(", black at {} to white at {}", short(low), short(high)),
    };
    page.note(&format!("{which}{window}.{side}"));
    let slices = Slice::shown(report);
    row(page, "Image", &slices, |slice| slice.image())?;
    row(page, "Labels", &slices, |slice| slice.with_labels(&report.answer.labels, &report.answer.table))?;
    let mut legend = "<div class=\"legend\">".to_owned();
    for label in &report.answer.table.labels {
        legend += &format!("<span>{}{}</span>", super::html::swatch(label.color), Escaped(&label.name));
    }
    page.raw(&(legend + "</div>"));
    if let (Some(truth), Some((_, table))) = (report.truth(), &report.reference) {
        row(page, "Reference", &slices, |slice| slice.with_labels(truth, table))?;
    }
    let maps = report.samples.as_ref().map(|samples| &samples.uncertainty);
    if let Some((maps, sd)) = maps.and_then(|maps| Some((maps, maps.largest_sd()?))) {
        let most = sd.iter().copied().fold(0.0, f32::max);
        let whole = maps.image().on_grid(&sd, report.volume.grid(), 0.0);
        row(page, "Uncertainty: SD of the probability", &slices, |slice| slice.with_map(&whole, most))?;
        let colors: Vec<String> = RAMP.iter().map(|&color| css_color(color)).collect();
        let ramp = format!("<i style=\"background:linear-gradient(90deg,{})\"></i>", colors.join(","));
        page.raw(&format!("<div class=\"ramp\"><span>0</span>{ramp}<span>{most:.3}</span></div>"));
    }
    Ok(())
}

/// A number with as many digits as count.
fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = (3 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 9) as usize;
    format!("{value:.decimals$}")
}

fn row(
    page: &mut Page,
    title: &str,
    slices: &[Slice<'_>],
    picture: impl Fn(&Slice<'_>) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let mut html = format!("<h3>{}</h3><div class=\"slices\">", Escaped(title));
    for slice in slices {
        let sides = ["left", "right", "top", "bottom"].into_iter().zip(slice.letters().into_iter().flatten());
        let letters: String = sides.map(|(side, letter)| format!("<span class=\"{side}\">{letter}</span>")).collect();
        let (src, name) = (picture(slice)?, slice.name());
        let (bar, unit) = slice.bar();
        let alt = Escaped(title);
        html += &format!(
            "<figure><div class=\"slice\"><img src=\"{src}\" alt=\"{name}: {alt}\">{letters}</div>\
             <figcaption>{name}; the bar is {bar} {unit} long</figcaption></figure>"
        );
    }
    page.raw(&(html + "</div>"));
    Ok(())
}

pub(super) fn labels(report: &Report, page: &mut Page) {
    page.heading("Labels");
    let (table, grid) = (&report.answer.table, report.volume.grid());
    let units = grid.units();
    let ids = report.answer.labels.to_ids();
    let Some(truth) = report.truth_for(table, report.answer.slice) else {
        let mut rows = Table::in_units(&["Label", "Voxels", "Volume (mL)"], units);
        for label in &table.labels {
            let n_voxels = ids.iter().filter(|&&id| id == label.id).count();
            let ml = metrics::volume_ml(&ids, label.id, grid);
            rows.push(Some(label.color), [label.name.clone(), n_voxels.to_string(), format!("{ml:.3}")]);
        }
        return page.table(&rows);
    };
    let heads = ["Label", "Dice", "IoU", "HD95 (mm)", "ASSD (mm)", "Volume (mL)", "Reference (mL)", "Difference (mL)"];
    let mut rows = Table::in_units(&heads, units);
    let scores = metrics::score(&truth.to_ids(), &ids, grid, table);
    for (label, scores) in table.labels.iter().zip(scores) {
        let LabelScores { dice, iou, hd95_mm, assd_mm, truth_ml, predicted_ml, volume_error_ml, .. } = scores;
        let first = [label.name.clone(), number(dice, 3), number(iou, 3), number(hd95_mm, 2), number(assd_mm, 2)];
        let last = [predicted_ml, truth_ml].map(|ml| format!("{ml:.3}"));
        rows.push(Some(label.color), first.into_iter().chain(last).chain([format!("{volume_error_ml:+.3}")]));
    }
    page.table(&rows);
    page.note(
        "Dice and IoU run from 0 to 1, 1 being equal. HD95 is the larger of the two directed 95th percentiles of surface \
         distance, ASSD their mean over both directions. A dash stands for what is undefined, such as the Dice of a label that \
         is in neither.",
    );
}

pub(super) fn uncertainty(report: &Report, page: &mut Page) {
    let Some(samples) = &report.samples else { return };
    let maps = &samples.uncertainty;
    page.heading("Uncertainty");
    page.paragraph(&format!(
        "{} samples were drawn from one image, each from its own noise. Where they differ, the model is unsure.",
        maps.n_samples()
    ));
    let units = report.volume.grid().units();
    let heads = ["Label", "Mean volume (mL)", "SD (mL)", "2.5 % (mL)", "Median (mL)", "97.5 % (mL)"];
    let mut rows = Table::in_units(&heads, units);
    for (label, class) in samples.table.labels.iter().zip(1..) {
        let Some(volume) = maps.volume(class) else { continue };
        let numbers = [volume.ml.mean, volume.ml.sd, Some(volume.low_ml), Some(volume.median_ml), Some(volume.high_ml)];
        let cells = numbers.map(|ml| number(ml.map(|ml| units.of_ml(ml)), 3));
        rows.push(Some(label.color), [label.name.clone()].into_iter().chain(cells));
    }
    page.table(&rows);
    let mut facts = Vec::new();
    if let Some(ml) = uncertain_ml(maps) {
        facts.push((
            "Uncertain volume",
            format!("{:.3} {} with an SD of at least {UNCERTAIN_SD}", units.of_ml(ml), units.volume()),
        ));
    }
    if let Some(truth) = report.truth_for(&samples.table, samples.conditions.slice) {
        let grid = report.volume.grid();
        let quality = Reliability::of(maps, &maps.image().within(&truth.to_ids(), grid));
        let both =
            |all, near| format!("{}; within {NEAR_VOXELS} voxels of a label {}", number(all, 3), number(near, 3));
        facts.push(("AUROC of the SD for wrong voxels", both(quality.auroc, quality.auroc_near)));
        facts.push(("Expected calibration error", both(quality.ece, quality.ece_near)));
        let means = [quality.sd_wrong, quality.sd_right].map(|sd| number(sd, 4));
        facts.push(("Mean SD", format!("{} at wrong voxels, {} at right ones", means[0], means[1])));
    }
    page.facts(&facts);
    page.note(
        "The SD is that of the softmax probability over samples, the largest over labels. The interval holds 95 % of the samples' \
         volumes: it says how much this model varies on this image, not how far it is from the truth; an error that all samples \
         share is in none of these numbers.",
    );
    if report.truth().is_some() {
        page.note(
            "AUROC is the chance that a wrong voxel has a larger SD than a right one (0.5: says nothing, 1: always). The \
             calibration error is the mean distance between the stated probability and the share of voxels that are right.",
        );
    }
}

/// The volume of the voxels that samples do not agree on.
fn uncertain_ml(maps: &Uncertainty) -> Option<f64> {
    let sd = maps.largest_sd()?;
    Some(maps.voxels_ml(sd.iter().filter(|&&sd| sd >= UNCERTAIN_SD).count()))
}

pub(super) fn conditions(report: &Report, page: &mut Page) {
    page.heading("How this was made");
    for run in &report.runs {
        page.raw(&format!("<h3>{}</h3>", Escaped(&run.title)));
        let models = run.models.iter().map(|(name, sha256)| ("Model", format!("{name}, SHA-256 {sha256}")));
        let mut facts: Vec<(&str, String)> = models.collect();
        facts.push(("Settings", run.settings.clone()));
        facts.push(("Device", run.device.clone()));
        facts.extend(run.elapsed_s.map(|elapsed_s| ("Time", format!("{elapsed_s:.1} s"))));
        facts.extend(run.warnings.iter().map(|warning| ("Warning", warning.clone())));
        page.facts(&facts);
    }
    if report.runs.is_empty() {
        page.paragraph("No model ran for this report.");
    }
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    page.raw(&format!(
        "<footer>{name} {version}, {os} {arch}. Sample i depends on the seed and i alone, so that a run with the same model, \
         settings and device can be repeated. For research; not a medical device.</footer>"
    ));
}
