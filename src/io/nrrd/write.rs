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

/// Writes labels as `.nrrd` or `.seg.nrrd`, compressed. Those of several frames get a fourth axis, of time, with so many seconds
/// between frames where they are known.
///
/// # Errors
/// [`Error`]; a file that was there before is then untouched.
pub(in crate::io) fn write_labels(
    path: &Path,
    (frames, step_s): (&[&LabelMap], Option<f64>),
    table: &LabelTable,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let system = |error| Error::writing(path, error);
    let mut packed = GzEncoder::new(Vec::new(), Compression::new(6));
    let is_wide = ids::for_each_bytes(frames, monitor, &mut |bytes| packed.write_all(bytes).map_err(system))?;
    let packed = packed.finish().map_err(system)?;
    let grid = frames[0].grid();
    // The matrix that mirrors two axes is its own inverse.
    let (matrix, origin) =
        (RAS_FROM_LPS * grid.world_from_voxel().matrix3, RAS_FROM_LPS * grid.world_from_voxel().translation);
    let [ni, nj, nk] = grid.shape();
    let steps = [matrix.x_axis, matrix.y_axis, matrix.z_axis];
    let placed = match frames.len() {
        1 => {
            let [x, y, z] = steps.map(|step| vector(step, ""));
            format!(
                "dimension: 3\nspace: left-posterior-superior\nsizes: {ni} {nj} {nk}\nspace directions: {x} {y} {z}\n\
                 kinds: domain domain domain\nspace origin: {}\n",
                vector(origin, "")
            )
        }
        n_frames => {
            let ([x, y, z], step, unit) =
                (steps.map(|step| vector(step, ",0")), step_s.unwrap_or(1.0), step_s.map_or("", |_| "s"));
            format!(
                "dimension: 4\nspace: left-posterior-superior-time\nsizes: {ni} {nj} {nk} {n_frames}\n\
                 space directions: {x} {y} {z} (0,0,0,{step})\nkinds: domain domain domain time\n\
                 space units: \"mm\" \"mm\" \"mm\" \"{unit}\"\nspace origin: {}\n",
                vector(origin, ",0")
            )
        }
    };
    let kind = if is_wide { "unsigned short" } else { "unsigned char" };
    let mut header = format!("NRRD0004\ntype: {kind}\n{placed}endian: little\nencoding: gzip\n");
    if lower_name(path).ends_with(".seg.nrrd") {
        header += &segments::lines(table, grid.shape());
    }
    header.push('\n');
    let write =
        |file: &mut File| file.write_all(header.as_bytes()).and_then(|()| file.write_all(&packed)).map_err(system);
    replace(path, write, |written| ids::check(frames, path, read_volume(written, monitor).map(|read| read.volume)))
}

/// A vector of the file; `rest` are its parts beyond space.
fn vector(vector: DVec3, rest: &str) -> String {
    format!("({},{},{}{rest})", vector.x, vector.y, vector.z)
}
