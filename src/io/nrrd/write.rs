//! Writes labels: a plain NRRD, or under `.seg.nrrd` a segmentation that 3D Slicer opens with its names and colours.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use glam::DVec3;

use super::{read_volume, segments};
use crate::domain::{LabelMap, LabelTable};
use crate::io::metaimage::RAS_FROM_LPS;
use crate::io::replace::replace;
use crate::io::source::lower_name;
use crate::io::{Error, ids};
use crate::monitor::Monitor;

/// Writes labels as `.nrrd` or `.seg.nrrd`, compressed.
///
/// # Errors
/// [`Error`]; a file that was there before is then untouched.
pub(in crate::io) fn write_labels(
    path: &Path,
    labels: &LabelMap,
    table: &LabelTable,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let system = |error| Error::writing(path, error);
    let mut packed = GzEncoder::new(Vec::new(), Compression::new(6));
    let is_wide = ids::for_each_bytes(labels, monitor, &mut |bytes| packed.write_all(bytes).map_err(system))?;
    let packed = packed.finish().map_err(system)?;
    let grid = labels.grid();
    // The matrix that mirrors two axes is its own inverse.
    let (matrix, origin) =
        (RAS_FROM_LPS * grid.world_from_voxel().matrix3, RAS_FROM_LPS * grid.world_from_voxel().translation);
    let [ni, nj, nk] = grid.shape();
    let mut header = format!(
        "NRRD0004\ntype: {}\ndimension: 3\nspace: left-posterior-superior\nsizes: {ni} {nj} {nk}\n\
         space directions: {} {} {}\nkinds: domain domain domain\nendian: little\nencoding: gzip\nspace origin: {}\n",
        if is_wide { "unsigned short" } else { "unsigned char" },
        vector(matrix.x_axis),
        vector(matrix.y_axis),
        vector(matrix.z_axis),
        vector(origin),
    );
    if lower_name(path).ends_with(".seg.nrrd") {
        header += &segments::lines(table, grid.shape());
    }
    header.push('\n');
    let write =
        |file: &mut File| file.write_all(header.as_bytes()).and_then(|()| file.write_all(&packed)).map_err(system);
    replace(path, write, |written| ids::check(labels, path, read_volume(written, monitor).map(|read| read.volume)))
}

fn vector(vector: DVec3) -> String {
    format!("({},{},{})", vector.x, vector.y, vector.z)
}
