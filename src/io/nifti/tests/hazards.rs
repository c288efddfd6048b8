//! Files that are broken, hostile or something else: each is refused with a sentence, or read with a warning.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn refused(sample: &Sample, sentence: &str) {
    let error = sample.read().unwrap_err().to_string();
    assert!(error.contains(sentence), "expected \"{sentence}\" in \"{error}\"");
    assert!(error.ends_with("sample.nii)"), "the path comes last: {error}");
}

#[track_caller]
fn warned(sample: &Sample, sentence: &str) -> ReadVolume {
    let read = sample.read().unwrap();
    assert!(read.warnings.iter().any(|warning| warning.contains(sentence)), "{:?}", read.warnings);
    read
}

#[test]
fn a_plain_file_is_read_without_a_word() {
    for (version, is_big_endian) in
        [(Version::One, false), (Version::One, true), (Version::Two, false), (Version::Two, true)]
    {
        let ReadVolume { volume, warnings, .. } = Sample::of(version, is_big_endian).read().unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(volume.value(0, [4, 3, 2]), Some(59.0));
        assert_eq!(volume.grid().spacing_mm(), [2.0; 3]);
    }
}

#[test]
fn other_formats_are_named() {
    let sample = Sample::new();
    let check = |bytes: &[u8], sentence: &str| {
        let error = read(&sample.put("x.nii.gz", bytes)).unwrap_err().to_string();
        assert!(error.contains(sentence), "expected \"{sentence}\" in \"{error}\"");
    };
    check(b"", "the file is empty");
    check(b"version https://git-lfs.github.com/spec/v1\n", "found a text file; choose an image; a Git LFS");
    check(b"<html><body>404", "found a web page");
    check(b"\x89HDF\r\n\x1a\n....", "found an HDF5 or MINC file");
    check(&vec![0; 1000], "found nothing but zeros");
    check(&gzip(&gzip(&sample.bytes())), "found a file compressed twice");
    check(&sample.bytes()[..200], "the file ends after 200 bytes of header, expected 348");
    check(&[&[92, 1, 0, 0], &[1; 344][..]].concat(), "found an ANALYZE 7.5 header");
    check(b"\x1f\x8bnot really", "the compressed data are damaged");
    let error = read(sample.folder.path()).unwrap_err();
    assert!(matches!(error, Error::IsFolder { .. }), "{error}");
    let error = read(&sample.folder.path().join("none.nii")).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[test]
fn a_header_that_promises_too_much_is_refused_before_memory_is_taken() {
    let mut sample = Sample::new();
    let layout = Version::One.layout();
    for axis in 1..=3 {
        sample.block.set_int(layout.dim.nth(axis), 32767);
    }
    refused(&sample, "the header promises 70362301923326 bytes of voxels, but the file can hold at most 120");
    // A real bomb would fill its promise; the limit is said before that.
    let bomb = sample.put("bomb.nii.gz", &gzip(&[sample.bytes(), vec![0; 64 << 20]].concat()));
    let error = read(&bomb).unwrap_err();
    assert!(matches!(error, Error::ClaimsTooMuch { .. }), "{error}");

    let mut sample = Sample::of(Version::Two, false);
    let layout = Version::Two.layout();
    sample.block.set_int(layout.dim.nth(1), i64::MAX);
    refused(&sample, "the header's sizes (dim) is");
    sample.block.set_int(layout.dim.nth(1), -5);
    refused(&sample, "dim[1] is -5, expected at least 1");
    sample.block.set_int(layout.dim, 200);
    refused(&sample, "number of dimensions (dim[0]) is 200, expected 1 to 7");
}

#[test]
fn an_offset_that_cannot_be_is_refused() {
    let layout = Version::One.layout();
    for offset in [f64::NAN, f64::INFINITY, -352.0, 352.5, 10.0] {
        let mut sample = Sample::new();
        sample.block.set_float(layout.vox_offset, offset);
        refused(&sample, "the header's vox_offset is");
    }
    let mut sample = Sample::new();
    sample.block.set_float(layout.vox_offset, 4096.0);
    refused(&sample, "the file ends after 124 bytes of what precedes the voxels, expected 3748");
    sample.block.set_float(layout.vox_offset, 0.0);
    assert_eq!(sample.read().unwrap().volume.value(0, [1, 0, 0]), Some(1.0));
}

#[test]
fn types_that_are_not_shown_are_refused_and_odd_bits_believed() {
    let layout = Version::One.layout();
    for (code, sentence) in [
        (32, "voxels are complex numbers (NIfTI datatype 32)"),
        (1536, "voxels are 128-bit floats"),
        (1, "voxels are single bits"),
        (77, "voxels are of no known type (NIfTI datatype 77)"),
        (-9510, "voxels are of no known type"),
    ] {
        let mut sample = Sample::new();
        sample.block.set_int(layout.datatype, code);
        refused(&sample, sentence);
    }
    let mut sample = Sample::new();
    sample.block.set_int(layout.bitpix, 64);
    warned(&sample, "The header gives 64 bits a voxel, Int16 has 16");
}

#[test]
fn a_scaling_of_nothing_is_none() {
    let layout = Version::One.layout();
    let mut sample = Sample::new();
    sample.block.set_float(layout.scl_inter, f64::NAN);
    for slope in [0.0, f64::NAN, f64::INFINITY] {
        sample.block.set_float(layout.scl_slope, slope);
        assert_eq!(sample.read().unwrap().volume.value(0, [3, 0, 0]), Some(3.0));
    }
    sample.block.set_float(layout.scl_slope, 0.5);
    refused(&sample, "the header's scl_inter is NaN, expected a finite number");
    sample.block.set_float(layout.scl_inter, 100.0);
    assert_eq!(sample.read().unwrap().volume.value(0, [3, 0, 0]), Some(101.5));
}

#[test]
fn the_affine_used_is_said_where_there_is_doubt() {
    let layout = Version::One.layout();
    let mut sample = Sample::new();
    sample.block.set_int(layout.qform_code, 1);
    assert_eq!(sample.read().unwrap().warnings, Vec::<String>::new());
    sample.block.set_float(layout.qoffset, 30.0);
    let read = warned(&sample, "sform and qform disagree by up to 30.0 mm (axes RAS against RAS); the sform was used");
    assert_eq!(read.volume.grid().world_from_voxel().translation.x, 0.0);

    sample.block.set_float(layout.srow, f64::NAN);
    let read = warned(&sample, "The sform cannot be used (the affine cannot be inverted");
    assert_eq!(read.volume.grid().world_from_voxel().translation.x, 30.0);
    sample.block.set_int(layout.qform_code, 0);
    refused(&sample, "the image cannot be placed in the world: the affine cannot be inverted");

    sample.block.set_int(layout.sform_code, 0);
    let read = warned(&sample, "does not say where left and right are");
    assert_eq!(read.volume.grid().orientation(), ['L', 'A', 'S']);
    sample.block.set_float(layout.pixdim.nth(2), f64::NAN);
    refused(&sample, "the voxel size pixdim[2] is NaN");
}

#[test]
fn voxels_of_size_1_without_an_affine_are_of_unknown_size() {
    let layout = Version::One.layout();
    let mut sample = Sample::new();
    let is_known = |sample: &Sample| sample.read().unwrap().header.has_voxel_size();
    assert!(is_known(&sample));
    sample.block.set_int(layout.sform_code, 0);
    assert!(is_known(&sample), "2 mm is said by pixdim");
    (1..=3).for_each(|axis| sample.block.set_float(layout.pixdim.nth(axis), 1.0));
    assert!(!is_known(&sample));
}

#[test]
fn qfac_mirrors_and_a_long_quaternion_is_shortened() {
    let layout = Version::One.layout();
    let mut sample = Sample::new();
    sample.block.set_int(layout.sform_code, 0);
    sample.block.set_int(layout.qform_code, 1);
    sample.block.set_float(layout.pixdim, -1.0);
    assert_eq!(sample.read().unwrap().volume.grid().orientation(), ['R', 'A', 'I']);
    sample.block.set_float(layout.quatern.nth(2), 2.0);
    let read = warned(&sample, "The qform's quaternion is too long (2.0000)");
    assert_eq!(read.volume.grid().orientation(), ['L', 'P', 'I']);
}

#[test]
fn sizes_in_micrometres_become_millimetres() {
    let mut sample = Sample::new();
    sample.block.set_int(Version::One.layout().xyzt_units, 3);
    let read = warned(&sample, "The header's sizes are in micrometres");
    assert!((read.volume.grid().spacing_mm()[0] - 0.002).abs() < 1e-12);
}

#[test]
fn frames_have_times_where_the_header_gives_their_unit() {
    let layout = Version::One.layout();
    let mut sample = Sample::new();
    sample.block.set_int(layout.dim, 4);
    sample.block.set_int(layout.dim.nth(4), 2);
    sample.block.set_float(layout.pixdim.nth(4), 250.0);
    sample.voxels.extend(sample.voxels.clone());
    let step_s = |sample: &Sample| sample.read().unwrap().volume.frame_times().map(|times| times.duration_s());
    const MM: i64 = 2;
    for (unit, expected) in [(8, Some(250.0)), (16, Some(0.25)), (24, Some(0.00025)), (0, None), (32, None), (48, None)]
    {
        sample.block.set_int(layout.xyzt_units, MM + unit);
        assert_eq!(step_s(&sample), expected, "unit {unit}");
    }
    sample.block.set_int(layout.xyzt_units, MM + 8);
    sample.block.set_float(layout.pixdim.nth(4), 0.0);
    assert_eq!(step_s(&sample), None);
    // What is counted along the fifth axis is no time.
    sample.block.set_int(layout.dim, 5);
    sample.block.set_int(layout.dim.nth(4), 1);
    sample.block.set_int(layout.dim.nth(5), 2);
    sample.block.set_float(layout.pixdim.nth(4), 250.0);
    assert_eq!(step_s(&sample), None);
}

#[test]
fn files_that_were_cut_off_say_where() {
    let sample = Sample::new();
    let bytes = sample.bytes();
    let error = read(&sample.put("cut.nii", &bytes[..400])).unwrap_err().to_string();
    assert!(error.contains("the header promises 120 bytes of voxels, but the file can hold at most 48"), "{error}");
    let long: Vec<u8> =
        bytes.iter().copied().chain((0..100_000u32).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes())).collect();
    let compressed = gzip(&long);
    let mut sample = Sample::new();
    sample.block.set_int(Version::One.layout().dim.nth(3), 9000);
    let whole = gzip(&[sample.bytes(), long.clone()].concat());
    read(&sample.put("whole.nii.gz", &whole)).unwrap();
    let error = read(&sample.put("cut.nii.gz", &whole[..compressed.len() / 2])).unwrap_err().to_string();
    assert!(error.contains("bytes of voxels, expected 360000; it was cut off"), "{error}");
}

#[test]
fn pairs_are_read_from_either_half() {
    let mut sample = Sample::new();
    let layout = Version::One.layout();
    sample.block.set_text(layout.magic.clone(), b"ni1");
    sample.block.set_float(layout.vox_offset, 0.0);
    let header = sample.put("pair.hdr", sample.block.bytes());
    let error = read(&header).unwrap_err().to_string();
    assert!(error.contains("pair.img is missing"), "{error}");
    let image = sample.put("pair.img.gz", &gzip(&sample.voxels));
    for half in [header, image] {
        assert_eq!(read(&half).unwrap().volume.value(0, [4, 3, 2]), Some(59.0));
    }
}

#[test]
fn reading_stops_when_told_and_shows_its_first_slices_before_the_rest() {
    let mut sample = Sample::new();
    let layout = Version::One.layout();
    for (axis, size) in [512, 512, 60].into_iter().enumerate() {
        sample.block.set_int(layout.dim.nth(axis + 1), size);
    }
    sample.voxels = (0..512 * 512 * 60u32).flat_map(|i| ((i >> 18) as i16).to_le_bytes()).collect();
    let path = sample.put("large.nii.gz", &gzip(&sample.bytes()));
    let stopped = read_volume(&path, &StopAt(3.into()), &mut |_| {}).unwrap_err();
    assert!(stopped.is_cancelled());

    let mut previews = Vec::new();
    let whole = read_volume(&path, &Silent, &mut |preview| previews.push(preview)).unwrap().volume;
    assert_eq!(previews.len(), 1);
    assert_eq!(previews[0].grid().shape(), [512, 512, 8]);
    assert_eq!(previews[0].grid().world_from_voxel(), whole.grid().world_from_voxel());
    assert_eq!(previews[0].value(0, [5, 5, 7]), Some(7.0));
    assert_eq!(whole.value(0, [511, 511, 59]), Some(59.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_header_makes_the_reader_panic(
        is_two: bool,
        is_big_endian: bool,
        is_compressed: bool,
        changes in prop::collection::vec((0usize..540, any::<u8>()), 0..12),
        length in 0usize..800,
    ) {
        let version = if is_two { Version::Two } else { Version::One };
        let sample = Sample::of(version, is_big_endian);
        let mut bytes = sample.bytes();
        let n = bytes.len();
        for (at, value) in changes {
            bytes[at % n] = value;
        }
        bytes.truncate(length);
        let bytes = if is_compressed { gzip(&bytes) } else { bytes };
        let path = sample.put("x.nii", &bytes);
        if let Ok(read) = read(&path) {
            prop_assert!(read.volume.stored_bytes() < 1 << 20);
            read.header.describe();
        }
        let _ = read_labels(&path, &Silent);
    }

    #[test]
    fn no_field_makes_the_reader_panic(field in 0usize..14, bits: u64, is_two: bool) {
        let version = if is_two { Version::Two } else { Version::One };
        let mut sample = Sample::of(version, false);
        let layout = version.layout();
        sample.block.set_int(layout.qform_code, 1);
        let slots = [
            layout.dim, layout.dim.nth(1), layout.dim.nth(4), layout.datatype, layout.pixdim, layout.pixdim.nth(1),
            layout.vox_offset, layout.scl_slope, layout.scl_inter, layout.quatern, layout.qoffset, layout.srow,
            layout.sform_code, layout.xyzt_units,
        ];
        sample.block.set_int(slots[field], bits as i64);
        let _ = sample.read();
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let sample = Sample::new();
        prop_assert!(read(&sample.put("x.nii", &bytes)).is_err());
    }

    #[test]
    fn damage_inside_a_compressed_file_is_never_silent(at in 0usize..1000, flip in 1u8..) {
        let sample = Sample::new();
        let whole = sample.read().unwrap();
        let mut bytes = gzip(&sample.bytes());
        // Past the gzip header, whose name and time mean nothing.
        let at = 10 + at % (bytes.len() - 10);
        bytes[at] ^= flip;
        if let Ok(read) = read(&sample.put("x.nii.gz", &bytes)) {
            prop_assert_eq!(read.volume, whole.volume);
        }
    }
}
