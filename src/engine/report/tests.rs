//! What a page says, and what it must not.

use super::*;
use crate::domain::phantom::{PhantomKind, generate};
use crate::domain::{Grid, Plane};
use crate::engine::job::Stamp;
use crate::engine::laboratory::ModelUsed;
use crate::evaluation::contender::LabelAgreement;
use crate::evaluation::robustness::Perturbation;
use crate::evaluation::steps::Timing;
use crate::evaluation::uncertainty::Uncertainty;
use crate::model::segment::{Sample, SampledImage};
use crate::monitor::{Cancelled, Silent};

/// A report of everything, in which the answer is the truth.
fn report() -> Report {
    let phantom = generate(PhantomKind::TwoBodies, 3);
    let labels = Arc::new(phantom.labels);
    let stamp = Stamp { case: 1, frame: 0 };
    let models = vec![ModelUsed { name: "m".to_owned(), sha256: "ab12".repeat(16), table: phantom.table.clone() }];
    let settings = SegmentSettings { seed: 42, samples: 2, ..SegmentSettings::default() };
    let device = "CPU (2 threads)".to_owned();
    let conditions = Conditions { stamp, settings, slice: None, models, device, elapsed_s: 1.5, warnings: Vec::new() };
    let run =
        |steps| StepRun { sampler: SamplerKind::Ddim, steps, labels: (*labels).clone(), timing: Timing::default() };
    let answer = |strength| NoisyAnswer {
        model: "m".to_owned(),
        route: "DDIM K = 2".to_owned(),
        perturbation: Perturbation::Gaussian,
        strength,
        repeat: 0,
        labels: vec![LabelAgreement { name: "a".to_owned(), dice: Some(1.0 - strength), agreement: Some(1.0) }],
    };
    Report {
        name: "case <1> & \"2\"".to_owned(),
        path: Some(PathBuf::from("/tmp/<img src=x>.nii")),
        window: phantom.volume.auto_window(0),
        samples: Some(Arc::new(samples(&phantom.volume, &labels, &conditions))),
        volume: Arc::new(phantom.volume),
        frame: 0,
        focus: None,
        convention: Convention::Radiological,
        answer: Answer {
            origin: "a model".to_owned(),
            labels: Arc::clone(&labels),
            table: phantom.table.clone(),
            slice: None,
        },
        reference: Some((Arc::clone(&labels), phantom.table.clone())),
        runs: vec![Run::of_experiment("Samples", &conditions)],
        steps: vec![run(1), run(2), run(10)],
        steps_table: phantom.table.clone(),
        steps_slice: None,
        robustness: vec![answer(0.0), answer(0.2)],
    }
}

/// Two samples that agree with the labels.
fn samples(volume: &Volume, labels: &LabelMap, conditions: &Conditions) -> SamplesSoFar {
    let (grid, table) = (volume.grid().clone(), conditions.models[0].table.clone());
    let n_classes = table.labels.len() + 1;
    let region = crate::domain::grid::VoxelBox(grid.shape().map(|n| 0..n));
    let classes: Vec<u8> = labels.to_ids().iter().map(|&id| id as u8).collect();
    let mut uncertainty = Uncertainty::new(SampledImage { region, n_classes }, grid.clone());
    for (index, p) in [(0, 1.0), (1, 0.8)] {
        let of = |class: usize| classes.iter().map(move |&own| if usize::from(own) == class { p } else { 1.0 - p });
        let probabilities = (0..n_classes).flat_map(of).collect();
        uncertainty.add(&Sample { index, probabilities, classes: classes.clone() });
    }
    SamplesSoFar { conditions: conditions.clone(), uncertainty, masks: Vec::new(), table, grid }
}

#[test]
fn a_page_says_everything_and_needs_nothing_else() {
    let page = report().to_html(&Silent).unwrap();
    let sha = "ab12".repeat(16);
    let expected = [
        "Uncertainty",
        "Sampling steps",
        "Robustness",
        "not a medical device",
        &sha,
        "seed 42",
        "CPU (2 threads)",
        env!("CARGO_PKG_VERSION"),
        "AUROC",
        "<svg",
        "1.000",
    ];
    for text in expected {
        assert!(page.contains(text), "the page lacks `{text}`");
    }
    assert_eq!(page.matches("data:image/png;base64,").count(), 12, "image, labels, reference and map in three planes");
    for outside in ["http:", "https:", "//www", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "the page holds `{outside}`");
    }
    assert!(!page.contains("NaN") && !page.contains("inf\""), "undefined numbers are dashes");
}

#[test]
fn names_are_text_and_never_html() {
    let page = report().to_html(&Silent).unwrap();
    assert!(page.contains("case &lt;1&gt; &amp; &quot;2&quot;") && !page.contains("case <1>"));
    assert!(page.contains("&lt;img src=x&gt;.nii") && !page.contains("<img src=x"));
}

#[test]
fn what_is_not_there_is_left_out() {
    let all = report();
    let bare =
        Report { reference: None, runs: Vec::new(), samples: None, steps: Vec::new(), robustness: Vec::new(), ..all };
    let page = bare.to_html(&Silent).unwrap();
    for absent in ["Uncertainty", "Sampling steps", "Robustness", "AUROC", "Dice", "<svg"] {
        assert!(!page.contains(absent), "the page holds `{absent}`");
    }
    assert!(page.contains("Volume (mL)") && page.contains("No model ran"));
    assert_eq!(page.matches("data:image/png;base64,").count(), 6);
}

#[test]
fn a_reference_on_another_grid_is_said_and_not_used() {
    let all = report();
    let elsewhere = Grid::axis_aligned([2, 2, 2], [1.0; 3]).unwrap();
    let reference = Some((Arc::new(LabelMap::empty(elsewhere)), LabelTable::default()));
    let page = Report { reference, robustness: Vec::new(), ..all }.to_html(&Silent).unwrap();
    assert!(page.contains("not on the image&#39;s grid") && page.contains("Agreement with the longest run"));
    assert!(!page.contains("AUROC"));
}

#[test]
fn a_reference_with_other_ids_is_matched_by_name() {
    let mut other = report();
    let ids = other.answer.labels.to_ids().iter().map(|&id| if id == 0 { 0 } else { id + 7 }).collect();
    let labels = LabelMap::new(other.answer.labels.grid().clone(), ids).unwrap();
    let mut table = other.answer.table.clone();
    table.labels.iter_mut().for_each(|label| label.id += 7);
    other.reference = Some((Arc::new(labels), table));
    let (same, other) = (report().to_html(&Silent).unwrap(), other.to_html(&Silent).unwrap());
    let numbers = |page: &str| page[page.find("<h2>Labels").unwrap()..page.find("<h2>Robustness").unwrap()].to_owned();
    assert_eq!(numbers(&same), numbers(&other));
}

#[test]
fn pictures_are_png_of_square_pixels_with_the_patient_s_right_on_the_left() {
    let report = report();
    let slice = picture::Slice::of(&report, Plane::Axial);
    assert_eq!(slice.letters(), Some(['R', 'L', 'A', 'P']));
    let uri = slice.image().unwrap();
    // The first eight bytes of every PNG file.
    assert!(uri.starts_with("data:image/png;base64,iVBORw0KGgo"));
    assert_ne!(uri, slice.with_labels(&report.answer.labels, &report.answer.table).unwrap());
}

#[test]
fn pictures_have_a_bar_of_a_round_length_in_millimetres_or_in_pixels_where_nothing_else_is_known() {
    let mut report = report();
    assert!(report.to_html(&Silent).unwrap().contains("; the bar is 10 mm long"));
    let slice = picture::Slice::of(&report, Plane::Axial);
    let width_mm = f64::from(report.volume.grid().shape()[0] as u32) * report.volume.grid().spacing_mm()[0];
    let bar = slice.with_bar(image::RgbImage::new(420, 420));
    let n_white = bar.pixels().filter(|pixel| pixel.0 == [255; 3]).count();
    assert_eq!(n_white, 3 * (10.0 * 420.0 / width_mm).round() as usize, "three rows of white");
    assert_eq!(slice.with_bar(image::RgbImage::new(5, 5)).dimensions(), (5, 5), "a picture without room for it");

    let grid = Grid::picture([40, 30, 1], None).unwrap();
    let voxels = crate::domain::Voxels::F32((0..1200).map(|at| at as f32).collect());
    report.volume = Arc::new(Volume::new(grid.clone(), voxels, crate::domain::Scaling::default(), 1).unwrap());
    let labels = Arc::new(LabelMap::empty(grid));
    report.answer = Answer { labels, ..report.answer };
    let bare = Report { reference: None, samples: None, steps: Vec::new(), robustness: Vec::new(), ..report };
    let page = bare.to_html(&Silent).unwrap();
    assert!(page.contains("Picture; the bar is 10 px long") && page.contains("The picture, black at"));
    assert_eq!(page.matches("data:image/png;base64,").count(), 2, "the picture, and it with its labels");
    for absent in ["patient&#39;s right", "Axial", "Coronal", "slice 1 of"] {
        assert!(!page.contains(absent), "the page says `{absent}` of a picture");
    }
}

#[test]
fn of_frames_the_first_the_one_shown_and_the_last_are_there() {
    let heart = generate(PhantomKind::FourChambers, 3);
    let answer =
        Answer { origin: "a model".to_owned(), labels: Arc::new(heart.labels), table: heart.table, slice: None };
    let bare = Report { reference: None, samples: None, steps: Vec::new(), robustness: Vec::new(), ..report() };
    let page = Report { volume: Arc::new(heart.volume), answer, focus: Some([80, 80, 12]), ..bare };
    let page = page.to_html(&Silent).unwrap();
    for name in ["Frame 1 of 24", "Frame 13 of 24", "Frame 24 of 24"] {
        assert_eq!(page.matches(&format!("<figcaption>{name}")).count(), 2, "{name}");
    }
    assert_eq!(page.matches("<figcaption>").count(), 6);
}

#[test]
fn with_a_focus_the_pictures_go_through_it() {
    let all = report();
    let busiest = all.to_html(&Silent).unwrap();
    assert!(busiest.contains("The slices with most labelled voxels"));
    let page = Report { focus: Some([3, 5, 8]), ..all }.to_html(&Silent).unwrap();
    assert!(page.contains("The slices through voxel 3, 5, 8"));
    for (plane, number) in [("Sagittal", 4), ("Coronal", 6), ("Axial", 9)] {
        assert!(page.contains(&format!("{plane}, slice {number} of ")), "{plane}");
    }
}

#[test]
fn writing_stops_when_it_is_told_to() {
    struct No;
    impl Monitor for No {
        fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
            Err(Cancelled)
        }
    }
    assert_eq!(report().to_html(&No).unwrap_err().to_string(), Cancelled.to_string());
}
