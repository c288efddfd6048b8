//! Formats against programs that share no code with this one: NRRD and MetaImage against SimpleITK, pictures against Pillow,
//! COCO against pycocotools. What they write is read, and what is written they read, voxel by voxel, millimetre by millimetre.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ldseg::domain::{Grid, LabelMap, LabelTable, Volume};
use ldseg::io::{DrawnOn, read_labels, read_volume, write_frames, write_labels};
use ldseg::monitor::Silent;
use serde::Deserialize;
use serde::de::DeserializeOwned;

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

/// Runs one of the scripts beside; `None` without the package that it needs, which CI has.
pub fn python(script: &str, package: &str, words: &[&Path]) -> Option<String> {
    let python = std::env::var_os("LDSEG_PYTHON").unwrap_or_else(|| "python3".into());
    let import = format!("import {package}");
    let has = Command::new(&python).args(["-c", &import]).output().is_ok_and(|run| run.status.success());
    if !has {
        assert!(std::env::var_os("CI").is_none(), "CI has {package}: LDSEG_PYTHON names a Python that has it");
        eprintln!("skipped: {python:?} has no {package} (LDSEG_PYTHON names another)");
        return None;
    }
    let run = Command::new(python).arg(repository().join("tests/data").join(script)).args(words).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Some(String::from_utf8(run.stdout).unwrap())
}

fn simple_itk(words: &[&Path]) -> Option<String> {
    python("formats.py", "SimpleITK", words)
}

fn pillow(words: &[&Path]) -> Option<String> {
    python("pictures.py", "PIL, pycocotools", words)
}

/// The descriptions that a script has laid beside its files, each with its file.
fn described<T: DeserializeOwned>(folder: &Path) -> Vec<(PathBuf, T)> {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let descriptions = entries.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    descriptions
        .map(|path| (path.with_extension(""), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()))
        .collect()
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
    let described = described::<Description>(folder.path());
    assert_eq!(described.len(), 18);
    for (image, expected) in described {
        let volume: Volume = read_volume(&image, &Silent, &mut |_| {}).unwrap().volume;
        let values = |place: [usize; 3]| f64::from(volume.values(0)[volume.grid().index(place)]);
        check(volume.grid(), &values, &expected, &image.display().to_string());
    }
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

/// What SimpleITK says of a mask of several frames and of the image that it is of.
#[derive(Deserialize)]
struct Frames {
    size: [usize; 4],
    spacing: [f64; 4],
    points: Vec<[f64; 4]>,
    source_points: Vec<[f64; 4]>,
    values: Vec<Vec<u16>>,
}

#[test]
fn masks_of_several_frames_lie_in_space_and_time_where_their_image_does() {
    let folder = tempfile::tempdir().unwrap();
    if simple_itk(&["cine".as_ref(), folder.path()]).is_none() {
        return;
    }
    let image = read_volume(&folder.path().join("cine.nii.gz"), &Silent, &mut |_| {}).unwrap();
    assert_eq!(image.volume.n_frames(), 4);
    let (grid, header) = (image.volume.grid().clone(), image.header.unwrap());
    let mask = |frame: u16| LabelMap::new(grid.clone(), (0..60).map(|at| at % 7 * frame).collect()).unwrap();
    let masks: Vec<LabelMap> = (0..4).map(mask).collect();
    let frames: Vec<&LabelMap> = masks.iter().collect();
    let of_nifti = Some(DrawnOn::Nifti(&header));
    for (name, source, step_s) in [
        ("mask.nii.gz", of_nifti, None),
        ("mask.nii.gz", None, Some(0.03125)),
        ("mask.nrrd", of_nifti, Some(0.03125)),
        ("mask.mha", None, Some(0.03125)),
    ] {
        let path = folder.path().join(name);
        write_frames(&path, (&frames, step_s), &LabelTable::with_ids(&[1]), source, &Silent).unwrap();
        let said: Frames = serde_json::from_str(&simple_itk(&["frames".as_ref(), &path]).unwrap()).unwrap();
        assert_eq!((said.size, said.spacing[3]), ([5, 4, 3, 4], 0.03125));
        for (at, expected) in said.points.iter().flatten().zip(said.source_points.iter().flatten()) {
            assert!((at - expected).abs() < 1e-4, "{:?} for {:?}", said.points, said.source_points);
        }
        for (values, mask) in said.values.iter().zip(&masks) {
            assert_eq!(values, &PLACES.map(|place| mask.get(place)));
        }
    }
}

#[test]
fn frames_of_a_flat_image_keep_the_time_between_them() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::picture([5, 4, 1], Some([0.5, 0.5, 1.0])).unwrap().in_time(3);
    let labels = LabelMap::new(grid, vec![1; 60]).unwrap();
    let path = folder.path().join("mask.nii.gz");
    write_frames(&path, (&[&labels], Some(0.03125)), &LabelTable::with_ids(&[1]), None, &Silent).unwrap();
    let volume = read_volume(&path, &Silent, &mut |_| {}).unwrap().volume;
    assert_eq!(volume.frame_times().map(|times| times.duration_s()), Some(0.0625));
}

/// What Pillow says of a picture.
#[derive(Deserialize)]
struct Picture {
    size: [usize; 2],
    values: Vec<Vec<f64>>,
}

/// Columns and rows that are compared, as in `pictures.py`.
const PIXELS: [[usize; 2]; 5] = [[0, 0], [6, 0], [0, 4], [6, 4], [3, 2]];

#[test]
fn what_pillow_writes_is_read_as_it_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    if pillow(&["write".as_ref(), folder.path()]).is_none() {
        return;
    }
    let described = described::<Picture>(folder.path());
    assert_eq!(described.len(), 14);
    for (path, expected) in described {
        let volume = read_volume(&path, &Silent, &mut |_| {}).unwrap().volume;
        let name = path.display();
        assert_eq!(volume.grid().shape(), [expected.size[0], expected.size[1], 1], "{name}");
        for ([x, y], expected) in PIXELS.into_iter().zip(&expected.values) {
            let found: Vec<f64> = match (volume.value(0, [x, y, 0]), volume.color(0, [x, y, 0])) {
                (Some(value), _) => vec![value],
                (None, color) => color.unwrap().map(f64::from)[..expected.len()].to_vec(),
            };
            assert_eq!(&found, expected, "{name}: column {x}, row {y}");
        }
    }
}

/// What Pillow and pycocotools say of masks.
#[derive(Deserialize)]
struct Masks {
    deep: Vec<u16>,
    indexed: Vec<u16>,
    palette: [u8; 3],
    /// Area, box as decoded, box as written, by label.
    areas: BTreeMap<u16, (u64, [f64; 4], [f64; 4])>,
}

#[test]
fn masks_of_pictures_are_read_by_pillow_and_pycocotools() {
    let folder = tempfile::tempdir().unwrap();
    let masks = ["deep.png", "indexed.png", "mask.coco.json"].map(|name| folder.path().join(name));
    let grid = Grid::picture([7, 5, 1], None).unwrap();
    let small = LabelMap::new(grid.clone(), (0..35).map(|at| at % 3).collect()).unwrap();
    let large = LabelMap::new(grid, (0..35).map(|at| at * 1800).collect()).unwrap();
    let mut table = LabelTable::with_ids(&[1, 2]);
    table.labels[0].color = [1, 2, 3];
    for (path, labels) in masks.iter().zip([&large, &small, &small]) {
        write_labels(path, labels, &table, None, &Silent).unwrap();
    }
    let words: Vec<&Path> = std::iter::once(Path::new("read")).chain(masks.iter().map(AsRef::as_ref)).collect();
    let Some(said) = pillow(&words) else { return };
    let said: Masks = serde_json::from_str(&said).unwrap();
    let ids = |labels: &LabelMap| PIXELS.map(|[x, y]| labels.get([x, y, 0])).to_vec();
    assert_eq!((said.deep, said.indexed, said.palette), (ids(&large), ids(&small), [1, 2, 3]));
    for (id, (area, decoded, written)) in said.areas {
        assert_eq!(area, small.iter().filter(|other| *other == id).count() as u64);
        assert_eq!(decoded, written, "label {id}");
    }
}

#[test]
fn masks_of_several_slices_are_read_slice_by_slice() {
    let folder = tempfile::tempdir().unwrap();
    let masks = ["deep.tif", "shallow.tiff", "mask.coco.json"].map(|name| folder.path().join(name));
    let grid = Grid::axis_aligned([7, 5, 3], [0.5, 0.5, 2.0]).unwrap();
    let small = LabelMap::new(grid.clone(), (0..105).map(|at| at % 4 * u16::from(at < 70)).collect()).unwrap();
    let large = LabelMap::new(grid, (0..105).map(|at| at * 600).collect()).unwrap();
    for (path, labels) in masks.iter().zip([&large, &small, &small]) {
        write_labels(path, labels, &LabelTable::with_ids(&labels.used_ids()), None, &Silent).unwrap();
    }
    let folders = ["deep", "shallow"].map(|name| folder.path().join(name).join(""));
    for (path, labels) in folders.iter().zip([&large, &small]) {
        write_labels(path, labels, &LabelTable::with_ids(&labels.used_ids()), None, &Silent).unwrap();
    }
    let paths = masks.iter().chain(&folders).map(AsRef::as_ref);
    let words: Vec<&Path> = std::iter::once(Path::new("stack")).chain(paths).collect();
    let Some(said) = pillow(&words) else { return };
    let said: [Vec<u16>; 5] = serde_json::from_str(&said).unwrap();
    assert_eq!(said, [&large, &small, &small, &large, &small].map(LabelMap::to_ids));
}
