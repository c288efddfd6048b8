//! DICOM written by pydicom, against SimpleITK: slices in any order, oblique, packed, missing or double, and frames of one file.

use std::path::{Path, PathBuf};

use ldseg::domain::{LabelMap, LabelTable, Space, Volume, Voxels};
use ldseg::io::{DrawnOn, ReadVolume, read_labels, read_labels_on, read_volume, write_labels};
use ldseg::monitor::Silent;
use serde::Deserialize;

use crate::formats::python;

#[derive(Deserialize)]
struct Description {
    size: [usize; 3],
    points: Vec<[f64; 3]>,
    values: Vec<f64>,
}

const PACKAGES: &str = "pydicom, highdicom, SimpleITK";

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
    let Some(said) = python("dicom.py", PACKAGES, &["write".as_ref(), folder.path()]) else { return };
    let expected: Description = serde_json::from_str(&said).unwrap();
    let at = |name: &str| folder.path().join(name);

    for name in ["oblique", "packed", "bare", "enhanced"] {
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
    if python("dicom.py", PACKAGES, &["write".as_ref(), folder.path()]).is_none() {
        return;
    }
    let ReadVolume { volume, name, .. } = open(&folder.path().join("ultrasound/us.dcm"));
    assert_eq!((volume.grid().shape(), volume.grid().is_series()), ([5, 4, 3], true));
    assert_eq!(volume.grid().space(), Space::Picture { is_scaled: true });
    assert_eq!(volume.grid().spacing_mm()[..2], [0.25, 0.5]);
    assert_eq!(volume.color(0, [0, 0, 1]), Some([60, 61, 62, 255]));
    assert_eq!(name.as_deref(), Some("US series 7"));
    let times = |volume: &Volume| volume.frame_times().map(|times| [0, 1, 2].map(|frame| times.of(frame)));
    assert_eq!(times(&volume), Some([0.0, 0.04, 0.08]));
    let beat = open(&folder.path().join("cine")).volume;
    assert_eq!((beat.grid().shape(), beat.value(0, [0, 0, 2])), ([5, 4, 3], Some(-624.0)));
    let found = times(&beat).expect("by their trigger times");
    assert!(found.iter().zip([0.0, 0.035, 0.1]).all(|(found, expected)| (found - expected).abs() < 1e-9), "{found:?}");

    // Masks of frames lie in one place, at their times.
    let (file, mask) = (folder.path().join("ultrasound/us.dcm"), folder.path().join("mask.dcm"));
    let labels = LabelMap::new(volume.grid().clone(), (0..60).map(|at| u16::from(at > 30) * 4).collect()).unwrap();
    write_labels(&mask, &labels, &LabelTable::default(), Some(DrawnOn::File(&file)), &Silent).unwrap();
    let read = read_labels_on(&mask, volume.grid(), 1, &Silent).unwrap().labels;
    assert_eq!((read.grid(), read.to_ids()), (volume.grid(), labels.to_ids()));
    let alone = read_labels(&mask, &Silent).unwrap().labels;
    assert_eq!((alone.grid().is_series(), alone.to_ids()), (true, labels.to_ids()));
    assert_eq!(alone.grid().spacing_mm()[..2], [0.25, 0.5]);
    let said = python("dicom.py", PACKAGES, &["times".as_ref(), &mask]).unwrap();
    assert_eq!(said.trim(), "[[2, 2, [0.0, 0.0, 0.0]], [3, 3, [0.0, 0.0, 0.0]]]");
}

/// What pydicom and highdicom say of a segmentation.
#[derive(Deserialize)]
struct Segmentation {
    /// Of the series' voxels: the numbers of their segments.
    numbers: Vec<u16>,
    names: Vec<String>,
    colors: Vec<[u8; 3]>,
    keeps_patient: bool,
    refers: bool,
}

#[test]
fn labels_become_a_segmentation_of_the_series_that_they_were_drawn_on() {
    let folder = tempfile::tempdir().unwrap();
    if python("dicom.py", PACKAGES, &["write".as_ref(), folder.path()]).is_none() {
        return;
    }
    let series = folder.path().join("oblique");
    let grid = open(&series).volume.grid().clone();
    // Slices 0, 3 and 5 hold no label.
    let id = |at: usize| [0, 2, 300, 17][at % 4] * u16::from([1, 2, 4].contains(&(at / 20)));
    let labels = LabelMap::new(grid.clone(), (0..120).map(id).collect()).unwrap();
    let mut table = LabelTable::with_ids(&[2, 17, 300]);
    table.labels[1].name = "Größe".to_owned();
    let mask = folder.path().join("mask.dcm");
    write_labels(&mask, &labels, &table, Some(DrawnOn::File(&series)), &Silent).unwrap();

    let said = python("dicom.py", PACKAGES, &["read".as_ref(), &mask, &series]).unwrap();
    let said: Segmentation = serde_json::from_str(&said).unwrap();
    let number = |id: u16| [0, 2, 17, 300].iter().position(|&known| known == id).unwrap() as u16;
    assert_eq!(said.numbers, labels.iter().map(number).collect::<Vec<_>>());
    assert_eq!(said.names, table.labels.iter().map(|label| label.name.clone()).collect::<Vec<_>>());
    let apart = |label: usize, part: usize| said.colors[label][part].abs_diff(table.labels[label].color[part]);
    assert!((0..9).all(|at| apart(at / 3, at % 3) <= 2), "{:?}", said.colors);
    assert!(said.keeps_patient && said.refers);

    let read = read_labels_on(&mask, &grid, 1, &Silent).unwrap();
    assert_eq!((read.labels.grid(), read.labels.to_ids()), (&grid, labels.to_ids()));
    assert_eq!(read.table, Some(table.clone()));
    // By itself: from the first slice with a label to the last.
    let alone = read_labels(&mask, &Silent).unwrap();
    assert_eq!(alone.labels.grid().shape(), [5, 4, 4]);
    assert_eq!(alone.labels.to_ids(), labels.to_ids()[20..100]);
    let first = |grid: &ldseg::domain::Grid, k: f64| grid.world_from_voxel().transform_point3([0.0, 0.0, k].into());
    assert!(first(alone.labels.grid(), 3.0).distance(first(&grid, 4.0)) < 1e-9);

    // A mask beside its slices does not take the place of the series, and takes the place of no image.
    let beside = series.join("mask.dcm");
    std::fs::copy(&mask, &beside).unwrap();
    assert_eq!(open(&series).volume.grid(), &grid);
    let error = write_labels(&series.join("IM0.dcm"), &labels, &table, None, &Silent).unwrap_err();
    assert!(error.to_string().contains("a DICOM image has this name"), "{error}");
}

#[test]
fn what_highdicom_segments_is_read_on_the_grid_of_its_series() {
    let folder = tempfile::tempdir().unwrap();
    let series = folder.path().join("oblique");
    if python("dicom.py", PACKAGES, &["write".as_ref(), folder.path()]).is_none() {
        return;
    }
    python("dicom.py", PACKAGES, &["segment".as_ref(), &series, folder.path()]).unwrap();
    let grid = open(&series).volume.grid().clone();
    let id = |at: usize| ((at % 5 + at / 5 % 4 + at / 20) % 3 * usize::from(at >= 20)) as u16;
    let ids: Vec<u16> = (0..120).map(id).collect();
    for (name, said) in [("binary", None), ("labelmap", None), ("fractional", Some("as fractions"))] {
        let read = read_labels_on(&folder.path().join(name).with_extension("dcm"), &grid, 1, &Silent).unwrap();
        assert_eq!((read.labels.grid(), read.labels.to_ids()), (&grid, ids.clone()), "{name}");
        assert!(read.warnings.len() == usize::from(said.is_some()), "{name}: {:?}", read.warnings);
        assert!(said.is_none_or(|said| read.warnings[0].contains(said)), "{name}: {:?}", read.warnings);
        let table = read.table.unwrap();
        assert_eq!((table.name(1), table.name(2)), ("Wand".to_owned(), "Höhle".to_owned()));
        let apart = [200, 30, 40].iter().zip(table.get(1).unwrap().color).map(|(a, b): (&u8, u8)| a.abs_diff(b)).max();
        assert!(name == "labelmap" || apart.is_some_and(|apart| apart <= 2), "{name}: {:?}", table.labels);
    }
    let read = read_labels_on(&folder.path().join("overlapping.dcm"), &grid, 1, &Silent).unwrap();
    assert!(read.labels.iter().zip(ids).all(|(found, id)| found == if id == 1 { 1 } else { 2 }));
    assert!(read.warnings[0].starts_with("33 voxels belong to more than one"), "{:?}", read.warnings);
}

#[test]
fn labels_of_an_image_without_patient_become_a_segmentation_of_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.dcm");
    // The slices run against the normal, as in many NIfTI files.
    let affine = glam::DAffine3::from_scale((0.5, 0.75, -2.0).into());
    let grid = ldseg::domain::Grid::new([9, 3, 4], affine).unwrap();
    let labels = LabelMap::new(grid.clone(), (0..108).map(|at| u16::from(at > 30 && at % 5 == 0)).collect()).unwrap();
    write_labels(&mask, &labels, &LabelTable::default(), None, &Silent).unwrap();
    assert_eq!(read_labels_on(&mask, &grid, 1, &Silent).unwrap().labels.to_ids(), labels.to_ids());
    let alone = read_labels(&mask, &Silent).unwrap().labels;
    assert_eq!(alone.counts().get(&1), labels.counts().get(&1));
    assert!(alone.grid().world_from_voxel().matrix3.determinant() > 0.0);
    let none = write_labels(&mask, &LabelMap::empty(grid), &LabelTable::default(), None, &Silent).unwrap_err();
    assert!(none.to_string().contains("label a voxel first"), "{none}");
}

/// Files of every make and many defects: each opens or is refused with a sentence, and none costs the program its life.
#[test]
fn pydicoms_own_test_files_open_or_are_refused_clearly() {
    let Some(folder) = python("dicom.py", PACKAGES, &["samples".as_ref()]) else { return };
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
