//! Tests of the whole room: files in, domain out, and back.

mod hazards;
mod labels;
mod odd_files;
mod round_trip;

use std::path::PathBuf;

use super::layout::{Block, Version};
use super::*;
use crate::domain::Volume;
use crate::io::Error;
use crate::monitor::{Cancelled, Monitor, Silent};

/// The labels of a file and what is said of them.
fn read_labels(path: &std::path::Path, monitor: &dyn Monitor) -> Result<(crate::domain::LabelMap, Vec<String>), Error> {
    crate::io::read_labels(path, monitor).map(|read| (read.labels, read.warnings))
}

/// A small file to be bent: 5×4×3 int16 voxels that count up from 0, 2 mm apart, right, anterior, superior.
struct Sample {
    folder: tempfile::TempDir,
    block: Block,
    voxels: Vec<u8>,
}

const SHAPE: [usize; 3] = [5, 4, 3];

impl Sample {
    fn new() -> Self {
        Self::of(Version::One, false)
    }

    fn of(version: Version, is_big_endian: bool) -> Self {
        let layout = version.layout();
        let mut block = Block::new(vec![0; layout.header_bytes], version, is_big_endian);
        let n = layout.header_bytes as i64;
        block.set_int(layout::Slot::SIZE_OF_HEADER, n);
        match version {
            Version::One => {
                block.set_text(layout.magic.clone(), b"n+1");
                block.set_float(layout.vox_offset, n as f64 + 4.0);
            }
            Version::Two => {
                block.set_text(layout.magic.clone(), b"n+2\0\r\n\x1a\n");
                block.set_int(layout.vox_offset, n + 4);
            }
        }
        block.set_int(layout.dim, 3);
        block.set_float(layout.pixdim, 1.0);
        for (axis, size) in SHAPE.into_iter().enumerate() {
            block.set_int(layout.dim.nth(axis + 1), size as i64);
            block.set_float(layout.pixdim.nth(axis + 1), 2.0);
            block.set_float(layout.srow.nth(axis * 5), 2.0);
        }
        block.set_int(layout.sform_code, 1);
        block.set_int(layout.datatype, 4);
        block.set_int(layout.bitpix, 16);
        let voxel = |i: i16| if is_big_endian { i.to_be_bytes() } else { i.to_le_bytes() };
        let voxels = (0..60).flat_map(voxel).collect();
        Self { folder: tempfile::tempdir().unwrap(), block, voxels }
    }

    fn bytes(&self) -> Vec<u8> {
        [self.block.bytes(), &[0; 4], &self.voxels].concat()
    }

    /// Puts any bytes into the sample's folder.
    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn read(&self) -> Result<ReadVolume, Error> {
        read(&self.put("sample.nii", &self.bytes()))
    }
}

fn read(path: &std::path::Path) -> Result<ReadVolume, Error> {
    read_volume(path, &Silent, &mut |_| {})
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Stops the work at its n-th report.
struct StopAt(std::cell::Cell<usize>);

impl Monitor for StopAt {
    fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        if left == 0 { Err(Cancelled) } else { Ok(()) }
    }
}

/// The folder of odd files, or `None` with a line that says so.
fn odd_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LDSEG_DATA").map(|data| PathBuf::from(data).join("nifti_odd"));
    if folder.is_none() {
        eprintln!("skipped: LDSEG_DATA is not set");
    }
    folder
}
