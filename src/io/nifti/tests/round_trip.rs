//! What is written reads back, and lies where the image lies.

use proptest::prelude::*;

use super::*;
use crate::domain::{Grid, LabelMap, Scaling, Voxels};

/// Byte ranges of what places an image: pixdim, units, both codes, quaternion, offsets and the sform's rows.
fn placing_bytes(block: &Block) -> Vec<u8> {
    let ranges: &[std::ops::Range<usize>] = match block.version {
        Version::One => &[76..108, 123..124, 252..328],
        Version::Two => &[104..168, 344..496, 500..504],
    };
    ranges.iter().flat_map(|range| block.bytes()[range.clone()].iter().copied()).collect()
}

fn sizes(block: &Block) -> Vec<i64> {
    let dim = block.version.layout().dim;
    (1..4.min(block.int(dim) as usize + 1)).map(|i| block.int(dim.nth(i))).collect()
}

fn labels_on(grid: &Grid, highest: u32) -> LabelMap {
    let ids =
        (0..grid.n_voxels() as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 8) % (highest + 1)).map(|id| id as u16);
    LabelMap::new(grid.clone(), ids.collect()).unwrap()
}

#[track_caller]
fn check_labels(header: &Header, highest: u32, folder: &std::path::Path, name: &str) {
    let labels = labels_on(header.grid(), highest);
    let path = folder.join(name);
    write_labels(&path, &labels, Some(header), &Silent).unwrap();
    let (read, _) = read_labels(&path, &Silent).unwrap();
    assert_eq!(read, labels);
    let (written, _) = read_header(&path).unwrap();
    assert_eq!(placing_bytes(&written.block), placing_bytes(&header.block));
    assert_eq!(sizes(&written.block), sizes(&header.block));
    assert_eq!(written.block.version, header.block.version);
    assert_eq!(written.n_frames(), 1);
}

#[test]
fn labels_come_back_under_every_header_that_reads() {
    let folder = tempfile::tempdir().unwrap();
    for (version, is_big_endian) in
        [(Version::One, false), (Version::One, true), (Version::Two, false), (Version::Two, true)]
    {
        let header = Sample::of(version, is_big_endian).read().unwrap().header;
        check_labels(&header, 3, folder.path(), "a.nii");
        check_labels(&header, 65535, folder.path(), "a.nii.gz");
    }
    let Some(odd) = odd_folder() else { return };
    let mut n_written = 0;
    for entry in odd.join("images").read_dir().unwrap() {
        let Ok((header, _)) = read_header(&entry.unwrap().path()) else { continue };
        check_labels(&header, 300, folder.path(), "b.nii.gz");
        n_written += 1;
    }
    assert!(n_written > 45, "{n_written}");
}

#[test]
fn images_of_every_type_come_back_in_it() {
    let grid = Grid::axis_aligned(SHAPE, [0.5, 1.0, 3.0]).unwrap();
    let all = [
        Voxels::U8((0..120).collect()),
        Voxels::I8((-60..60).collect()),
        Voxels::U16((65000..65120).collect()),
        Voxels::I16((-60..60).collect()),
        Voxels::U32((0..120).map(|i| u32::MAX - i).collect()),
        Voxels::I32((-60..60).collect()),
        Voxels::U64((0..120).map(|i| u64::MAX - i).collect()),
        Voxels::I64((-60..60).map(|i| i << 40).collect()),
        Voxels::F32((0..120).map(|i| i as f32 * 0.1).collect()),
        Voxels::F64((0..120).map(|i| f64::from(i) * 0.1).collect()),
        Voxels::Rgb((0..120).map(|i| [i, 2, 3]).collect()),
        Voxels::Rgba((0..120).map(|i| [1, i, 3, 4]).collect()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let big_endian = Sample::of(Version::One, true).read().unwrap().header;
    for voxels in all {
        let volume = Volume::new(grid.clone(), voxels.clone(), Scaling::NONE, 2).unwrap();
        let path = folder.path().join("a.nii.gz");
        write_volume(&path, &volume, None, &Silent).unwrap();
        assert_eq!(read(&path).unwrap().volume, volume);
        let volume = Volume::new(big_endian.grid().clone(), voxels, Scaling::NONE, 2).unwrap();
        write_volume(&path, &volume, Some(&big_endian), &Silent).unwrap();
        let ReadVolume { volume: same, header, .. } = read(&path).unwrap();
        assert_eq!(same, volume);
        assert!(header.block.is_big_endian);
    }
}

#[test]
fn probabilities_read_as_0_to_1_a_frame_a_label() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.nii.gz");
    let grid = Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap();
    let maps = vec![vec![0; 60], vec![51; 60], vec![255; 60]];
    write_probabilities(&path, &grid, &maps, None, &Silent).unwrap();
    let volume = read(&path).unwrap().volume;
    for (frame, expected) in [0.0, 0.2, 1.0].into_iter().enumerate() {
        assert!((volume.value(frame, [1, 2, 1]).unwrap() - expected).abs() < 1e-6);
    }
    let error = write_probabilities(&path, &grid, &[vec![0; 59]], None, &Silent).unwrap_err();
    assert!(matches!(error, Error::OtherGrid { .. }), "{error}");
}

#[test]
fn nothing_of_the_patient_or_of_the_images_values_is_copied() {
    let mut sample = Sample::new();
    let layout = Version::One.layout();
    for text in [&layout.descrip, &layout.aux_file, &layout.analyze_text, &layout.intent_name] {
        sample.block.set_text(text.clone(), b"Doe John");
    }
    sample.block.set_float(layout.scl_slope, 3.0);
    sample.block.set_float(layout.cal_max, 900.0);
    let header = sample.read().unwrap().header;
    let path = sample.folder.path().join("mask.nii");
    write_labels(&path, &labels_on(header.grid(), 2), Some(&header), &Silent).unwrap();
    let written = read_header(&path).unwrap().0.block;
    assert!(!String::from_utf8_lossy(written.bytes()).contains("Doe"));
    assert_eq!((written.float(layout.scl_slope), written.float(layout.scl_inter)), (1.0, 0.0));
    assert_eq!((written.float(layout.cal_max), written.int(layout.intent_code)), (2.0, 1002));
}

#[test]
fn labels_of_another_grid_are_not_written_under_a_header() {
    let sample = Sample::new();
    let header = sample.read().unwrap().header;
    let path = sample.folder.path().join("mask.nii");
    let moved = Grid::axis_aligned(SHAPE, [2.0, 2.0, 2.1]).unwrap();
    let error = write_labels(&path, &LabelMap::empty(moved), Some(&header), &Silent).unwrap_err();
    assert!(error.to_string().contains("placed up to 0.200 mm apart"), "{error}");
    assert!(!path.exists());
    let error = write_labels(&path.with_extension("png"), &LabelMap::empty(header.grid().clone()), None, &Silent);
    assert!(error.unwrap_err().to_string().contains("expected a name ending in .nii or .nii.gz"));
}

#[test]
fn a_save_that_is_stopped_leaves_the_old_file() {
    let sample = Sample::new();
    let path = sample.put("mask.nii.gz", b"old");
    let labels = labels_on(&Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), 2);
    for reports in 0..2 {
        let error = write_labels(&path, &labels, None, &StopAt(reports.into())).unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(sample.folder.path().read_dir().unwrap().count(), 1);
    }
    write_labels(&path, &labels, None, &StopAt(9.into())).unwrap();
    assert_eq!(read_labels(&path, &Silent).unwrap().0, labels);
}

#[test]
fn more_than_16_bits_of_size_makes_a_nifti_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.nii.gz");
    let labels = labels_on(&Grid::axis_aligned([40_000, 1, 2], [1.0; 3]).unwrap(), 2);
    write_labels(&path, &labels, None, &Silent).unwrap();
    assert_eq!(read_header(&path).unwrap().0.block.version, Version::Two);
    assert_eq!(read_labels(&path, &Silent).unwrap().0, labels);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_place_in_the_world_comes_back(
        angles in prop::array::uniform3(-3.1f64..3.1),
        spacing in prop::array::uniform3(0.1f64..5.0),
        offset in prop::array::uniform3(-300f64..300.0),
        is_mirrored: bool,
        shear in prop::option::of(0.01f64..0.4),
    ) {
        let rotation = glam::DMat3::from_euler(glam::EulerRot::XYZ, angles[0], angles[1], angles[2]);
        let mut matrix = rotation * glam::DMat3::from_diagonal(spacing.into());
        if is_mirrored {
            matrix.x_axis = -matrix.x_axis;
        }
        matrix.y_axis += matrix.x_axis * shear.unwrap_or(0.0);
        let affine = glam::DAffine3 { matrix3: matrix, translation: offset.into() };
        let labels = labels_on(&Grid::new([7, 6, 5], affine).unwrap(), 4);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.nii");
        write_labels(&path, &labels, None, &Silent).unwrap();
        let (read, warnings) = read_labels(&path, &Silent).unwrap();
        prop_assert_eq!(read.grid().differs_from(labels.grid()), None);
        prop_assert_eq!(read.to_ids(), labels.to_ids());
        // Where there is a qform it places the mask as the sform does.
        prop_assert_eq!(warnings, Vec::<String>::new());
    }
}

#[test]
fn a_picture_comes_back_as_one_with_or_without_the_size_of_its_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii.gz");
    for (pixel_mm, unit) in [(None, "8, Unknown"), (Some([0.25, 0.25, 0.25]), "10, Mm")] {
        let picture = |n_slices| Grid::picture([4, 3, n_slices], pixel_mm).unwrap();
        for grid in [picture(1), picture(2), picture(1).in_time(5)] {
            let labels = labels_on(&grid, 3);
            write_labels(&path, &labels, None, &Silent).unwrap();
            assert_eq!(crate::io::read_labels(&path, &Silent).unwrap().labels, labels);
        }
        let units = read_header(&path).unwrap().0.describe().into_iter().find(|(name, _)| name == "xyzt_units");
        assert!(units.is_some_and(|(_, text)| text.starts_with(unit)), "{unit} of the series");
    }
    // Most files without a unit are in millimetres, and of a patient.
    let grid = Grid::new([4, 3, 2], glam::DAffine3::from_scale(glam::DVec3::new(-1.0, -1.0, 1.0))).unwrap();
    write_labels(&path, &labels_on(&grid, 3), None, &Silent).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()), &mut bytes)
        .unwrap();
    bytes[123] = 0;
    let path = folder.path().join("b.nii");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(crate::io::read_labels(&path, &Silent).unwrap().labels.grid(), &grid);
}

#[test]
fn the_frames_of_a_series_lie_where_the_standard_has_time() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::axis_aligned([4, 3, 1], [0.5, 0.5, 8.0]).unwrap().in_time(5);
    let labels = labels_on(&grid, 3);
    let path = folder.path().join("a.nii.gz");
    write_labels(&path, &labels, None, &Silent).unwrap();
    let (header, _) = read_header(&path).unwrap();
    assert_eq!((header.grid().shape(), header.n_frames()), ([4, 3, 1], 5));
    let read = crate::io::read_labels(&path, &Silent).unwrap().labels;
    assert_eq!(read, labels);
    // Under the header that the series itself came with.
    write_labels(&path, &labels, Some(&header), &Silent).unwrap();
    assert_eq!(crate::io::read_labels(&path, &Silent).unwrap().labels, labels);
    let maps = [vec![7; grid.n_voxels()], vec![9; grid.n_voxels()]];
    write_probabilities(&path, &grid, &maps, Some(&header), &Silent).unwrap();
    assert_eq!(read_header(&path).unwrap().0.n_frames(), 10);
}

#[test]
fn masks_of_frames_come_back_under_the_header_of_their_image_and_are_refused_on_another_number() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::axis_aligned([5, 4, 3], [0.5, 2.25, 3.0]).unwrap();
    let path = folder.path().join("cine.nii.gz");
    let volume = Volume::new(grid.clone(), Voxels::I16(vec![7; 4 * 60]), Scaling::NONE, 4).unwrap();
    write_volume(&path, &volume, None, &Silent).unwrap();
    let mut header = read_header(&path).unwrap().0;
    let layout = header.block.version.layout();
    header.block.set_float(layout.pixdim.nth(4), 0.03125);
    for highest in [3, 65535] {
        let frames: Vec<LabelMap> = (0..4).map(|frame| labels_on(&grid, highest - frame)).collect();
        let borrowed: Vec<&LabelMap> = frames.iter().collect();
        let path = folder.path().join("mask.nii.gz");
        write_label_frames(&path, (&borrowed, None), Some(&header), &Silent).unwrap();
        let written = read_header(&path).unwrap().0;
        assert_eq!((placing_bytes(&written.block), written.n_frames()), (placing_bytes(&header.block), 4));
        let read = crate::io::read_labels_on(&path, &grid, 4, &Silent).unwrap();
        assert_eq!(std::iter::once(read.labels).chain(read.later).collect::<Vec<_>>(), frames);
        for (n_frames, sentence) in [(3, "4 frames, where the image has 3"), (1, "save one frame as a 3D file")] {
            let error = crate::io::read_labels_on(&path, &grid, n_frames, &Silent).unwrap_err();
            assert!(error.to_string().contains(sentence), "{error}");
        }
    }
}
