//! What is a label map, and what is not.

use super::*;
use crate::domain::{Grid, Scaling, Voxels};

fn put(sample: &Sample, voxels: Voxels, scaling: Scaling) -> PathBuf {
    let n_frames = voxels.len() / 60;
    let volume = Volume::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), voxels, scaling, n_frames).unwrap();
    let path = sample.folder.path().join("labels.nii.gz");
    write_volume(&path, &volume, None, &Silent).unwrap();
    path
}

#[track_caller]
fn check(voxels: Voxels, expected: Result<u16, &str>) {
    check_scaled(voxels, Scaling::NONE, expected);
}

#[track_caller]
fn check_scaled(voxels: Voxels, scaling: Scaling, expected: Result<u16, &str>) {
    let sample = Sample::new();
    let path = put(&sample, voxels, scaling);
    match (read_labels(&path, &Silent), expected) {
        (Ok((labels, _)), Ok(last)) => assert_eq!(labels.get([4, 3, 2]), last),
        (Err(error), Err(sentence)) => assert!(error.to_string().contains(sentence), "{error}"),
        (Ok(_), Err(sentence)) => panic!("read, expected \"{sentence}\""),
        (Err(error), Ok(_)) => panic!("{error}"),
    }
}

/// Zeros but for one value at voxel [1, 2, 0] and one at the last voxel.
fn with<T: Copy + Default>(inside: T, last: T) -> Vec<T> {
    let mut values = vec![T::default(); 60];
    values[11] = inside;
    values[59] = last;
    values
}

#[test]
fn whole_numbers_of_every_type_are_labels() {
    check(Voxels::U8(with(1, 255)), Ok(255));
    check(Voxels::I8(with(1, 127)), Ok(127));
    check(Voxels::U16(with(1, 65535)), Ok(65535));
    check(Voxels::I16(with(1, 4)), Ok(4));
    check(Voxels::U32(with(1, 65535)), Ok(65535));
    check(Voxels::I32(with(1, 4)), Ok(4));
    check(Voxels::U64(with(1, 4)), Ok(4));
    check(Voxels::I64(with(1, 4)), Ok(4));
    check(Voxels::F32(with(1.0, 65535.0)), Ok(65535));
    check(Voxels::F64(with(1.0, 3.0)), Ok(3));
}

#[test]
fn the_first_voxel_that_is_no_label_is_named() {
    check(Voxels::F32(with(0.25, 0.5)), Err("found 0.25 at voxel [1, 2, 0]; fractions come from interpolation"));
    check(Voxels::F64(with(f64::NAN, 1.0)), Err("found NaN at voxel [1, 2, 0]; replace"));
    check(Voxels::I16(with(-1024, 0)), Err("found -1024 at voxel [1, 2, 0]; ids are never negative"));
    check(Voxels::U32(with(0, 65536)), Err("found 65536 at voxel [4, 3, 2]; give the labels smaller ids"));
    check(Voxels::F32(with(f32::INFINITY, 0.0)), Err("found inf at voxel [1, 2, 0]"));
}

#[test]
fn colours_and_time_series_are_no_labels() {
    check(Voxels::Rgb(vec![[0; 3]; 60]), Err("found colours; open this as an image"));
    check(Voxels::U8(vec![0; 120]), Err("found 2 frames; save one frame as a 3D file"));
}

#[test]
fn a_scaling_is_undone_where_it_gives_whole_numbers() {
    check_scaled(Voxels::U8(with(1, 2)), Scaling { slope: 3.0, intercept: 0.0 }, Ok(6));
    // A tenth is not exact in the header's 32 bits.
    check_scaled(Voxels::I16(with(10, 20)), Scaling { slope: f64::from(0.1f32), intercept: 0.0 }, Ok(2));
    check_scaled(Voxels::U8(with(1, 2)), Scaling { slope: 1.0 / 255.0, intercept: 0.0 }, Err("at voxel [1, 2, 0]"));
}

#[test]
fn the_label_files_of_other_programs_are_read() {
    let Some(folder) = odd_folder() else { return };
    for entry in folder.join("labels").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match read_labels(&path, &Silent) {
            Ok((labels, _)) => assert!(!labels.used_ids().is_empty(), "{name}"),
            Err(error) => assert!(name.contains("seg4d") && error.to_string().contains("11 frames"), "{error}"),
        }
    }
}
