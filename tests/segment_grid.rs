//! A mask lies where its image lies, whatever the image: shape, affine, codes and units, to the last bit.

use std::path::{Path, PathBuf};
use std::process::Command;

use ldseg::io::dataset::{Dataset, Split};
use ldseg::io::{read_labels, read_volume};
use ldseg::monitor::Silent;

use crate::program::{Program, data_folder, repository};

/// Segments `images` with `model` and returns the masks, written to the program's folder.
fn masks(program: &Program, images: &[PathBuf], model: &str) -> Vec<PathBuf> {
    let segment = |(number, image): (usize, &PathBuf)| {
        let mask = program.path(&format!("mask-{number}.nii.gz"));
        let words = ["segment".as_ref(), image.as_os_str(), "--model".as_ref(), model.as_ref()];
        let run = program.run_with(words.into_iter().chain([
            "--device".as_ref(),
            "cpu".as_ref(),
            "-o".as_ref(),
            mask.as_os_str(),
        ]));
        assert_eq!(run.code, Some(0), "{}: {run:#?}", image.display());
        mask
    };
    images.iter().enumerate().map(segment).collect()
}

#[track_caller]
fn check_same_grid(image: &Path, mask: &Path) {
    let volume = read_volume(image, &Silent, &mut |_| {}).unwrap().volume;
    let labels = read_labels(mask, &Silent).unwrap().labels;
    let (expected, found) = (volume.grid(), labels.grid());
    assert_eq!(expected.shape(), found.shape(), "{}", mask.display());
    assert_eq!(expected.world_from_voxel(), found.world_from_voxel(), "{}", mask.display());
}

/// The same question put to nibabel, which shares no code with this program.
fn check_with_nibabel(images: &[PathBuf], masks: &[PathBuf]) {
    // Debian's own Python has Debian's nibabel, whatever other Python comes first in the path.
    let has_nibabel = |python: &&str| {
        Command::new(python).args(["-c", "import nibabel"]).output().is_ok_and(|run| run.status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(has_nibabel) else {
        eprintln!("no Python with nibabel: only this program's own reader compared the grids");
        return;
    };
    let pairs = images.iter().zip(masks).flat_map(|(image, mask)| [image, mask]);
    let script = repository().join("tests/data/check_grid.py");
    let run = Command::new(python).arg(script).args(pairs).output().unwrap();
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
}

fn check_images(program: &Program, images: &[PathBuf], model: &str) {
    let masks = masks(program, images, model);
    for (image, mask) in images.iter().zip(&masks) {
        check_same_grid(image, mask);
    }
    check_with_nibabel(images, &masks);
}

#[test]
fn a_sample_s_mask_lies_on_the_sample() {
    let program = Program::new();
    let (image, _) = program.make_sample(5);
    check_images(&program, &[image], "phantom-3d");
}

#[test]
fn masks_of_the_hippocampus_test_cases_lie_on_their_images() {
    let Some(folder) = data_folder().map(|data| data.join("msd_hippocampus")) else { return };
    let dataset = Dataset::open(&folder).unwrap();
    let images: Vec<PathBuf> = dataset.cases(Split::Test).into_iter().map(|case| case.image).collect();
    assert!(!images.is_empty(), "no test cases in {}", folder.display());
    check_images(&Program::new(), &images, "hippocampus");
}
