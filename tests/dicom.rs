//! DICOM written by pydicom, against SimpleITK: slices in any order, oblique, packed, missing or double, and frames of one file.

use std::path::{Path, PathBuf};

use ldseg::domain::{Space, Voxels};
use ldseg::io::{ReadVolume, read_volume};
use ldseg::monitor::Silent;
use serde::Deserialize;

use crate::formats::python;

#[derive(Deserialize)]
struct Description {
    size: [usize; 3],
    points: Vec<[f64; 3]>,
    values: Vec<f64>,
}

/// The voxels that are compared, as in `dicom.py`.
const PLACES: [[usize; 3]; 5] = [[0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 5], [4, 3, 2]];

fn open(path: &Path) -> ReadVolume {
    read_volume(path, &Silent, &mut |_| {}).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Says where `read` is not what `expected` says of the whole series, but for the slices `left_out`.
#[track_caller]
fn check(read: &ReadVolume, expected: &Description, left_out: &[usize]) {
    let grid = read.volume.grid();
    assert_eq!(grid.shape(), expected.size);
    for ((place, point), value) in PLACES.iter().zip(&expected.points).zip(&expected.values) {
        let at = grid.world_from_voxel().transform_point3(place.map(|index| index as f64).into()).to_array();
        let apart = (0..3).map(|axis| (at[axis] - point[axis]).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-3, "voxel {place:?} at {at:?}, by SimpleITK at {point:?}");
        if !left_out.contains(&place[2]) {
            assert_eq!(read.volume.value(0, *place), Some(*value), "voxel {place:?}");
        }
    }
    assert_eq!(read.name.as_deref(), Some("CT series 7"), "a series is not called by its patient");
}

#[test]
fn series_are_put_together_as_simple_itk_puts_them() {
    let folder = tempfile::tempdir().unwrap();
    let Some(said) = python("dicom.py", "pydicom, SimpleITK", &["write".as_ref(), folder.path()]) else { return };
    let expected: Description = serde_json::from_str(&said).unwrap();
    let at = |name: &str| folder.path().join(name);

    for name in ["oblique", "packed", "enhanced"] {
        let read = open(&at(name));
        check(&read, &expected, &[]);
        assert_eq!(read.warnings, [""; 0], "{name}");
    }
    check(&open(&at("oblique").join("IM3.dcm")), &expected, &[]);

    let missing = open(&at("missing"));
    check(&missing, &expected, &[2]);
    assert!(missing.warnings[0].contains("number 3"), "{:?}", missing.warnings);
    let empty = missing.volume.value(0, [0, 0, 2]);
    assert_eq!(empty, missing.volume.range(0).map(|(low, _)| low), "a slice that is not there is empty");

    let double = open(&at("double"));
    check(&double, &expected, &[]);
    assert!(double.warnings[0].contains("1 slices lie where"), "{:?}", double.warnings);
}

#[test]
fn frames_of_an_ultrasound_are_time_and_its_pixels_have_their_size() {
    let folder = tempfile::tempdir().unwrap();
    if python("dicom.py", "pydicom, SimpleITK", &["write".as_ref(), folder.path()]).is_none() {
        return;
    }
    let ReadVolume { volume, name, .. } = open(&folder.path().join("ultrasound/us.dcm"));
    assert_eq!((volume.grid().shape(), volume.n_frames()), ([5, 4, 1], 3));
    assert_eq!(volume.grid().space(), Space::Picture { is_scaled: true });
    assert_eq!(volume.grid().spacing_mm()[..2], [0.25, 0.5]);
    assert_eq!(volume.color(1, [0, 0, 0]), Some([60, 61, 62, 255]));
    assert_eq!(name.as_deref(), Some("US series 7"));
}

/// Files of every make and many defects: each opens or is refused with a sentence, and none costs the program its life.
#[test]
fn pydicoms_own_test_files_open_or_are_refused_clearly() {
    let Some(folder) = python("dicom.py", "pydicom, SimpleITK", &["samples".as_ref()]) else { return };
    let files: Vec<PathBuf> = Path::new(folder.trim())
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    let (mut n_opened, mut n_refused) = (0, 0);
    for path in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "dcm")) {
        // Each by itself: the folder is no series.
        let alone = tempfile::tempdir().unwrap();
        let copy = alone.path().join("file.dcm");
        std::fs::copy(path, &copy).unwrap();
        match read_volume(&copy, &Silent, &mut |_| {}) {
            Ok(read) => {
                assert!(!matches!(read.volume.voxels(), Voxels::U8(v) if v.is_empty()));
                n_opened += 1;
            }
            Err(error) => {
                assert!(error.to_string().len() > 40, "{}: {error}", path.display());
                eprintln!("refused: {}: {error}", path.display());
                n_refused += 1;
            }
        }
    }
    eprintln!("{n_opened} opened, {n_refused} refused");
    assert!(n_opened >= 40, "{n_opened} opened, {n_refused} refused");
}
