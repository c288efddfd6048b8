//! NRRD and MetaImage against SimpleITK, which shares no code with this program: what it writes is read, and what is written
//! it reads, voxel by voxel and millimetre by millimetre.

use std::path::Path;
use std::process::Command;

use ldseg::domain::{Grid, LabelMap, LabelTable, Volume};
use ldseg::io::{read_labels, read_volume, write_labels};
use ldseg::monitor::Silent;
use serde::Deserialize;

use crate::program::repository;

/// What SimpleITK says of a file.
#[derive(Debug, Deserialize)]
struct Description {
    size: [usize; 3],
    points: Vec<[f64; 3]>,
    values: Vec<f64>,
}

/// The voxels that are compared, as in `formats.py`.
const PLACES: [[usize; 3]; 5] = [[0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 2], [4, 3, 2]];

/// Runs `formats.py`; `None` without SimpleITK, which CI has.
fn simple_itk(words: &[&Path]) -> Option<String> {
    let python = std::env::var_os("LDSEG_PYTHON").unwrap_or_else(|| "python3".into());
    let script = repository().join("tests/data/formats.py");
    let has = Command::new(&python).args(["-c", "import SimpleITK"]).output().is_ok_and(|run| run.status.success());
    if !has {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI compares with SimpleITK: LDSEG_PYTHON names a Python that has it"
        );
        eprintln!("skipped: {python:?} has no SimpleITK (LDSEG_PYTHON names another)");
        return None;
    }
    let run = Command::new(python).arg(script).args(words).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Some(String::from_utf8(run.stdout).unwrap())
}

#[track_caller]
fn check(grid: &Grid, values: &dyn Fn([usize; 3]) -> f64, expected: &Description, name: &str) {
    assert_eq!(grid.shape(), expected.size, "{name}");
    for ((place, point), value) in PLACES.iter().zip(&expected.points).zip(&expected.values) {
        let at = grid.world_from_voxel().transform_point3(place.map(|index| index as f64).into()).to_array();
        let apart = (0..3).map(|axis| (at[axis] - point[axis]).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-4, "{name}: voxel {place:?} at {at:?}, by SimpleITK at {point:?}");
        assert_eq!(values(*place), *value, "{name}: voxel {place:?}");
    }
}

#[test]
fn what_simple_itk_writes_is_read_as_it_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    if simple_itk(&["write".as_ref(), folder.path()]).is_none() {
        return;
    }
    let mut n_read = 0;
    for entry in folder.path().read_dir().unwrap() {
        let description = entry.unwrap().path();
        if description.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let expected: Description = serde_json::from_slice(&std::fs::read(&description).unwrap()).unwrap();
        let image = description.with_extension("");
        let volume: Volume = read_volume(&image, &Silent, &mut |_| {}).unwrap().volume;
        let values = |place: [usize; 3]| f64::from(volume.values(0)[volume.grid().index(place)]);
        check(volume.grid(), &values, &expected, &image.display().to_string());
        n_read += 1;
    }
    assert_eq!(n_read, 18);
}

#[test]
fn what_is_written_simple_itk_reads() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("labels-True.nrrd");
    if simple_itk(&["write".as_ref(), folder.path()]).is_none() {
        return;
    }
    let labels: LabelMap = read_labels(&source, &Silent).unwrap().labels;
    let masks = ["a.nrrd", "a.seg.nrrd", "a.mha", "a.nii.gz"].map(|name| folder.path().join(name));
    for mask in &masks {
        write_labels(mask, &labels, &LabelTable::with_ids(&labels.used_ids()), None, &Silent).unwrap();
    }
    let words: Vec<&Path> = std::iter::once(Path::new("read")).chain(masks.iter().map(AsRef::as_ref)).collect();
    let said: Vec<Description> = serde_json::from_str(&simple_itk(&words).unwrap()).unwrap();
    for (mask, expected) in masks.iter().zip(&said) {
        check(labels.grid(), &|place| f64::from(labels.get(place)), expected, &mask.display().to_string());
    }
}
