//! Headers by hand, bent ones, and what comes back of what was written.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use glam::{DAffine3, DMat3, DQuat, DVec3};
use proptest::prelude::*;

use crate::domain::{Grid, Label, LabelMap, LabelTable, Voxels};
use crate::io::{Error, ReadVolume, read_labels, read_volume, write_labels};
use crate::monitor::Silent;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of its own folder, which is kept as long as the test runs.
fn file(name: &str, header: &str, voxels: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, [header.as_bytes(), voxels].concat()).unwrap();
    (folder, path)
}

fn read(header: &str, voxels: &[u8]) -> Result<ReadVolume, Error> {
    let (_folder, path) = file("image.nrrd", header, voxels);
    read_volume(&path, &Silent, &mut |_| {})
}

const SHORTS: &str = "NRRD0004\n# a remark\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 1 2\n\
                      space directions: (2,0,0) (0,3,0) (0,0,-4)\nkinds: domain domain domain\nendian: big\n\
                      encoding: gzip\nspace origin: (10,20,30)\n\n";

#[test]
fn a_compressed_big_endian_image_of_another_space_lies_where_it_should() {
    let voxels: Vec<u8> = [-1_i16, 2, 300, 4].into_iter().flat_map(i16::to_be_bytes).collect();
    let ReadVolume { volume, warnings, .. } = read(SHORTS, &gzip(&voxels)).unwrap();
    assert_eq!(volume.voxels(), &Voxels::I16(vec![-1, 2, 300, 4]));
    let affine = volume.grid().world_from_voxel();
    assert_eq!(affine.transform_point3(DVec3::ONE), DVec3::new(-12.0, -23.0, 26.0));
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn frames_that_lie_side_by_side_come_one_after_the_other() {
    let header = "NRRD0005\ntype: uchar\ndimension: 4\nspace: RAS\nsizes: 2 3 1 1\nspace directions: none (1,0,0) (0,1,0) \
                  (0,0,1)\nkinds: list domain domain domain\nencoding: raw\n\n";
    let volume = read(header, &[1, 11, 2, 12, 3, 13]).unwrap().volume;
    let frames = (volume.grid().shape(), volume.grid().is_series());
    assert_eq!((frames, volume.voxels()), (([3, 1, 2], true), &Voxels::U8(vec![1, 2, 3, 11, 12, 13])));
}

#[test]
fn an_axis_of_time_is_frames_with_the_seconds_that_its_unit_says() {
    let named = "NRRD0004\ntype: uchar\ndimension: 4\nspace: LPST\nsizes: 2 1 2 3\nspace directions: (2,0,0,0) (0,3,0,0) \
                 (0,0,4,0) (0,0,0,40)\nspace units: \"mm\" \"mm\" \"mm\" \"ms\"\nencoding: raw\nspace origin: (1,2,3,0)\n\n";
    let voxels: Vec<u8> = (0..12).collect();
    let ReadVolume { volume, warnings, .. } = read(named, &voxels).unwrap();
    assert_eq!((volume.n_frames(), volume.values(2)), (3, vec![8.0, 9.0, 10.0, 11.0]));
    assert_eq!(volume.grid().world_from_voxel().transform_point3(DVec3::ONE), DVec3::new(-3.0, -5.0, 7.0));
    assert_eq!(volume.frame_times().map(|times| times.duration_s()), Some(0.08));
    assert_eq!(warnings, [""; 0]);
    let by_itk =
        named.replace("space: LPST", "space dimension: 4").replace("space units: \"mm\" \"mm\" \"mm\" \"ms\"\n", "");
    let ReadVolume { volume, warnings, .. } = read(&by_itk, &voxels).unwrap();
    assert_eq!(volume.grid().world_from_voxel().transform_point3(DVec3::ONE), DVec3::new(-3.0, -5.0, 7.0));
    assert!((volume.n_frames(), volume.frame_times()) == (3, None) && warnings[0].contains("left and right"));
}

#[test]
fn three_bytes_a_voxel_are_a_colour() {
    let header = "NRRD0005\ntype: uint8\ndimension: 3\nsizes: 3 2 1\nspacings: nan 0.5 0.5\nencoding: raw\n\n";
    let ReadVolume { volume, warnings, .. } = read(header, &[1, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(volume.voxels(), &Voxels::Rgb(vec![[1, 2, 3], [4, 5, 6]]));
    assert_eq!(volume.grid().spacing_mm(), [0.5, 0.5, 1.0]);
    assert!(warnings[0].contains("left and right"), "{warnings:?}");
}

#[test]
fn voxels_beside_their_header_are_found_and_their_start_is_skipped() {
    let header =
        "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 1\nencoding: raw\nbyte skip: -1\ndata file: image.raw\n\n";
    let (folder, path) = file("image.nhdr", header, &[]);
    std::fs::write(folder.path().join("image.raw"), b"header\x07\x09").unwrap();
    let volume = read_volume(&path, &Silent, &mut |_| {}).unwrap().volume;
    assert_eq!(volume.voxels(), &Voxels::U8(vec![7, 9]));
}

#[test]
fn what_cannot_be_read_is_refused_with_the_field_that_is_wrong() {
    let cases = [
        (SHORTS.replace("gzip", "bzip2"), "encoding is bzip2, expected raw or gzip"),
        (SHORTS.replace("type: short", "type: block"), "type is block"),
        (SHORTS.replace("sizes: 2 1 2", "sizes: 2 1"), "dimension is 3"),
        (SHORTS.replace("sizes: 2 1 2", "sizes: 2 0 2"), "at least 1"),
        (SHORTS.replace("sizes: 2 1 2", "sizes: 900000 900000 900000"), "sizes"),
        (SHORTS.replace("sizes: 2 1 2", "sizes: 90000 9000 9"), "can hold at most"),
        (SHORTS.replace("(0,3,0)", "(0,x,0)"), "space directions"),
        (SHORTS.replace("(0,3,0)", "(2,0,0)"), "cannot be placed"),
        (SHORTS.replace("(0,3,0)", "(0,3,0,1)"), "of space and time"),
    ];
    for (header, sentence) in cases {
        let error = read(&header, &gzip(&[0; 8])).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
    let cut = read(SHORTS, &gzip(&[0; 6])).unwrap_err();
    assert!(matches!(cut, Error::CutOff { .. }), "{cut}");
}

#[test]
fn a_segmentation_brings_its_names_and_colours_and_keeps_them() {
    let grid = Grid::axis_aligned([3, 2, 1], [1.0, 2.0, 3.0]).unwrap();
    let labels = LabelMap::new(grid, vec![0, 1, 300, 0, 0, 1]).unwrap();
    let mut liver = Label::new(1, "Liver, left lobe");
    liver.color = [0, 127, 255];
    let table = LabelTable { labels: vec![liver, Label::new(300, "Cyst")] };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.seg.nrrd");
    write_labels(&path, &labels, &table, None, &Silent).unwrap();
    let read = read_labels(&path, &Silent).unwrap();
    assert_eq!((read.labels, read.table), (labels, Some(table)));
}

#[test]
fn segments_that_overlap_are_refused() {
    let header = SHORTS
        .replace("\n\n", "\nSegment0_LabelValue:=1\nSegment0_Layer:=0\nSegment1_LabelValue:=1\nSegment1_Layer:=1\n\n");
    let error = read(&header, &gzip(&[0; 8])).unwrap_err().to_string();
    assert!(error.contains("do not overlap"), "{error}");
}

proptest! {
    /// Whatever the grid and the ids, both formats give back what was written.
    #[test]
    fn labels_come_back_from_every_format(
        ids in prop::collection::vec(prop::sample::select(vec![0_u16, 1, 2, 255, 256, 65535]), 24),
        turn in -3.0..3.0_f64, spacing in prop::array::uniform3(0.1..9.0_f64), origin in prop::array::uniform3(-500.0..500.0_f64),
    ) {
        let rotation = DMat3::from_quat(DQuat::from_axis_angle(DVec3::new(0.36, 0.48, 0.8), turn));
        let affine = DAffine3::from_mat3_translation(rotation * DMat3::from_diagonal(spacing.into()), origin.into());
        let labels = LabelMap::new(Grid::new([4, 3, 2], affine).unwrap(), ids).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.nrrd", "a.mha"] {
            let path = folder.path().join(name);
            write_labels(&path, &labels, &LabelTable::default(), None, &Silent).unwrap();
            let read = read_labels(&path, &Silent).unwrap().labels;
            prop_assert_eq!(read.to_ids(), labels.to_ids());
            prop_assert_eq!(read.grid().differs_from(labels.grid()), None);
        }
    }

    /// Damaged headers end in a result, whatever it is.
    #[test]
    fn no_header_makes_it_panic(at in 0..SHORTS.len(), byte in any::<u8>(), is_meta in any::<bool>()) {
        let mut header = if is_meta { META.as_bytes() } else { SHORTS.as_bytes() }.to_vec();
        let at = at % header.len();
        header[at] = byte;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(if is_meta { "a.mha" } else { "a.nrrd" });
        std::fs::write(&path, [header, vec![0; 8]].concat()).unwrap();
        let _ = read_volume(&path, &Silent, &mut |_| {});
    }
}

const META: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
                    CompressedData = False\nTransformMatrix = 0 1 0 1 0 0 0 0 1\nOffset = 1 2 3\n\
                    ElementSpacing = 2 3 4\nDimSize = 2 1 2\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";

#[test]
fn the_rows_of_a_metaimages_matrix_are_the_axes_of_the_image() {
    let (_folder, path) = file("a.mha", META, &[1, 0, 2, 0, 3, 0, 4, 0]);
    let volume = read_volume(&path, &Silent, &mut |_| {}).unwrap().volume;
    assert_eq!(volume.voxels(), &Voxels::I16(vec![1, 2, 3, 4]));
    let point = volume.grid().world_from_voxel().transform_point3(DVec3::new(1.0, 0.0, 1.0));
    assert_eq!(point, DVec3::new(-1.0, -4.0, 7.0), "the first axis runs to posterior");
}

#[test]
fn a_metaimage_finds_its_voxels_and_says_what_it_cannot_read() {
    let header = META.replace("LOCAL", "a.raw").replace("DimSize = 2 1 2", "DimSize = 2 1 2\nHeaderSize = -1");
    let (folder, path) = file("a.mhd", &header, &[]);
    std::fs::write(folder.path().join("a.raw"), b"some header\x01\0\x02\0\x03\0\x04\0").unwrap();
    assert_eq!(read_volume(&path, &Silent, &mut |_| {}).unwrap().volume.voxels(), &Voxels::I16(vec![1, 2, 3, 4]));
    let cases = [
        (META.replace("MET_SHORT", "MET_STRING"), "ElementType"),
        (META.replace("LOCAL", "LIST"), "one file"),
        (META.replace("DimSize = 2 1 2", "DimSize = 2 1"), "NDims"),
        (META.replace("Offset = 1 2 3", "Offset = 1 2 inf"), "finite"),
        (META.replace("ElementDataFile = LOCAL", ""), "ends in ElementDataFile"),
    ];
    for (header, sentence) in cases {
        let (_folder, path) = file("a.mha", &header, &[0; 8]);
        let error = read_volume(&path, &Silent, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}
