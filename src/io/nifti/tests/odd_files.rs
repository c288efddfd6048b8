//! Real files from other programs, compared with what nibabel reads from them.

use std::collections::BTreeMap;

use nifti::NiftiHeader;
use serde::Deserialize;

use super::*;
use crate::domain::Voxels;

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused { error: String },
    Complex { complex: bool },
    Read(Box<Expected>),
}

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    dtype: String,
    big_endian: bool,
    affine: Vec<f64>,
    axcodes: String,
    slope: f64,
    inter: f64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
    n_not_finite: usize,
    voxels: Vec<(Vec<usize>, Value)>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Value {
    Color(Vec<u8>),
    Number(Option<f64>),
}

fn answers() -> BTreeMap<String, Answer> {
    let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/nifti_odd_nibabel.json"));
    serde_json::from_str(json).unwrap()
}

#[test]
fn every_odd_file_is_read_as_nibabel_reads_it_or_refused_with_a_sentence() {
    let Some(folder) = odd_folder() else { return };
    for (name, answer) in answers() {
        let result = read(&folder.join(&name));
        match answer {
            Answer::Read(expected) => {
                compare(&name, &result.unwrap_or_else(|error| panic!("{name}: {error}")), &expected)
            }
            Answer::Complex { complex } => {
                let error = result.unwrap_err().to_string();
                assert!(complex && error.starts_with("voxels are complex numbers (NIfTI datatype"), "{name}: {error}");
            }
            Answer::Refused { error: theirs } => {
                let ours = result.unwrap_err();
                let is_expected = match theirs.as_str() {
                    "FileNotFoundError" => matches!(ours, Error::MissingMate { .. }),
                    _ => matches!(ours, Error::Header { .. } | Error::Datatype { .. }),
                };
                assert!(is_expected, "{name}: {ours}");
            }
        }
    }
}

fn compare(name: &str, read: &ReadVolume, expected: &Expected) {
    let volume = &read.volume;
    let mut shape = expected.shape.clone();
    shape.resize(shape.len().max(3), 1);
    assert_eq!(volume.grid().shape()[..], shape[..3], "{name}");
    assert_eq!(volume.n_frames(), shape[3..].iter().product::<usize>(), "{name}");
    assert_eq!(volume.voxels().type_name(), expected.dtype, "{name}");
    assert_eq!(read.header.block.is_big_endian, expected.big_endian, "{name}");
    if !volume.is_color() {
        assert_eq!((volume.scaling().slope, volume.scaling().intercept), (expected.slope, expected.inter), "{name}");
    }
    let affine = volume.grid().world_from_voxel();
    for (row, expected) in expected.affine.chunks(4).take(3).enumerate() {
        let m = affine.matrix3;
        let ours = [m.x_axis[row], m.y_axis[row], m.z_axis[row], affine.translation[row]];
        for (ours, theirs) in ours.into_iter().zip(expected) {
            // A qform is stored in 32 bits; beyond those the two programs may round differently.
            assert!((ours - theirs).abs() <= 1e-9 * (1.0 + theirs.abs()), "{name}: {ours} for {theirs}");
        }
    }
    assert_eq!(String::from_iter(volume.grid().orientation()), expected.axcodes, "{name}");
    compare_values(name, volume, expected);
}

/// Equal but for the last bit, which the JSON reader may round differently.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(Some(a)), Value::Number(Some(b))) => (a - b).abs() <= f64::EPSILON * b.abs(),
        _ => ours == theirs,
    }
}

fn compare_values(name: &str, volume: &Volume, expected: &Expected) {
    let [width, height, depth] = volume.grid().shape();
    for (voxel, value) in &expected.voxels {
        let at = |axis: usize| voxel.get(axis).copied().unwrap_or(0);
        // Frames lie one after the other, the fourth axis fastest.
        let frames = voxel.iter().zip(&expected.shape).skip(3).rev().fold(0, |frame, (&i, &n)| frame * n + i);
        let position = [at(0), at(1), at(2)];
        let ours = match volume.color(frames, position) {
            Some(color) => Value::Color(color[..if expected.dtype == "rgb" { 3 } else { 4 }].to_vec()),
            None => Value::Number(volume.value(frames, position).filter(|x| x.is_finite())),
        };
        assert!(same(&ours, value), "{name} at {voxel:?}: {ours:?} for {value:?}");
    }
    let all: Vec<f64> = match volume.voxels() {
        Voxels::Rgb(v) => v.iter().flatten().map(|&x| f64::from(x)).collect(),
        Voxels::Rgba(v) => v.iter().flatten().map(|&x| f64::from(x)).collect(),
        _ => (0..volume.n_frames())
            .flat_map(|frame| (0..width * height * depth).map(move |at| (frame, at)))
            .filter_map(|(frame, at)| volume.value(frame, [at % width, at / width % height, at / (width * height)]))
            .collect(),
    };
    let finite: Vec<f64> = all.iter().copied().filter(|x| x.is_finite()).collect();
    assert_eq!(all.len() - finite.len(), expected.n_not_finite, "{name}");
    let magnitude: f64 = finite.iter().map(|x| x.abs()).sum();
    let sum: f64 = finite.iter().sum();
    // Added up in another order.
    assert!((sum - expected.sum).abs() <= 1e-9 * (1.0 + magnitude), "{name}: sum {sum} for {}", expected.sum);
    let (low, high) = finite.iter().fold((f64::MAX, f64::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    for (ours, theirs) in [(low, expected.min), (high, expected.max)] {
        // serde_json reads a float to within its last digit.
        assert!((ours - theirs.unwrap()).abs() <= 4.0 * f64::EPSILON * ours.abs(), "{name}: {ours} for {theirs:?}");
    }
    if !volume.is_color() && volume.n_frames() == 1 {
        assert_eq!(volume.range(0), Some((low, high)), "{name}");
    }
}

/// The crate that the project does not read voxels with is a second opinion on NIfTI-1 headers.
#[test]
fn nifti_1_headers_say_what_the_nifti_crate_reads_in_them() {
    let Some(folder) = odd_folder() else { return };
    let mut n_compared = 0;
    for name in answers().keys() {
        let Ok((header, _)) = read_header(&folder.join(name)) else { continue };
        let (block, layout) = (&header.block, header.block.version.layout());
        let theirs = NiftiHeader::from_reader(block.bytes()).unwrap();
        let floats = |slot: layout::Slot, n: usize| (0..n).map(|i| block.float(slot.nth(i)) as f32).collect::<Vec<_>>();
        let dim: Vec<u16> = (0..8).map(|i| block.int(layout.dim.nth(i)) as u16).collect();
        assert_eq!(dim, theirs.dim, "{name}");
        assert_eq!(floats(layout.pixdim, 8), theirs.pixdim, "{name}");
        assert_eq!(floats(layout.srow, 12), [theirs.srow_x, theirs.srow_y, theirs.srow_z].concat(), "{name}");
        assert_eq!(floats(layout.quatern, 3), [theirs.quatern_b, theirs.quatern_c, theirs.quatern_d], "{name}");
        assert_eq!(floats(layout.qoffset, 3), [theirs.quatern_x, theirs.quatern_y, theirs.quatern_z], "{name}");
        assert_eq!(floats(layout.intent_p, 3), [theirs.intent_p1, theirs.intent_p2, theirs.intent_p3], "{name}");
        assert_eq!(floats(layout.vox_offset, 1), [theirs.vox_offset], "{name}");
        assert_eq!(block.int(layout.datatype), i64::from(theirs.datatype), "{name}");
        assert_eq!(block.int(layout.qform_code), i64::from(theirs.qform_code), "{name}");
        assert_eq!(block.int(layout.sform_code), i64::from(theirs.sform_code), "{name}");
        assert_eq!(block.int(layout.intent_code), i64::from(theirs.intent_code), "{name}");
        assert_eq!(block.int(layout.xyzt_units) as u8, theirs.xyzt_units, "{name}");
        n_compared += 1;
    }
    assert!(n_compared > 50, "{n_compared}");
}

/// Written by nibabel, see `tests/data/nifti2.py`.
#[test]
fn nifti_2_is_read_in_both_byte_orders() {
    for name in ["nifti2_little_endian.nii.gz", "nifti2_big_endian.nii.gz"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let ReadVolume { volume, header, warnings } = read(&path).unwrap();
        assert_eq!(header.block.version, Version::Two);
        assert_eq!((volume.grid().shape(), volume.n_frames()), ([4, 3, 2], 2));
        assert_eq!(volume.grid().orientation(), ['L', 'A', 'S']);
        assert_eq!(volume.grid().spacing_mm(), [0.5, 0.75, 1.25]);
        assert_eq!(volume.value(1, [3, 2, 1]), Some(47.0 * 0.25 - 10.0));
        assert_eq!(volume.voxels().type_name(), "int16");
        assert_eq!(warnings, Vec::<String>::new());
        assert!(!header.extensions.is_empty());
    }
}
