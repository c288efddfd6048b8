//! Reads label maps: images whose values are whole numbers, in whichever type they were stored.

use std::path::Path;

use rayon::prelude::*;

use super::read::{ReadVolume, read_volume};
use crate::domain::{Grid, LabelMap, Scaling, Voxels};
use crate::io::Error;
use crate::monitor::Monitor;

/// How far a float may lie from the whole number that it stands for, after scaling in 32 bits.
const ROUNDING: f64 = 1e-4;

/// Reads a label map and what a person should know about the file.
///
/// Masks stored as floats are accepted where every value is whole. A scaling in the header is applied, as every other
/// program does, and must give whole numbers too.
///
/// # Errors
/// As [`super::read_volume`], and [`Error::NotLabel`] for the first voxel that is no id, [`Error::NotLabelMap`] for
/// colours and time series.
pub fn read_labels(path: &Path, monitor: &dyn Monitor) -> Result<(LabelMap, Vec<String>), Error> {
    let ReadVolume { volume, header, mut warnings } = read_volume(path, monitor, &mut |_| {})?;
    let refused = |found: &str| Error::NotLabelMap { found: found.to_owned(), path: path.to_owned() };
    if volume.n_frames() > 1 {
        let frames = format!("{} frames; save one frame as a 3D file, or open this as an image", volume.n_frames());
        return Err(refused(&frames));
    }
    let scaling = volume.scaling();
    if scaling != Scaling::NONE {
        let Scaling { slope, intercept } = scaling;
        warnings.push(format!("The labels are stored scaled (slope {slope}, intercept {intercept}); this was undone."));
    }
    let voxels = volume.into_voxels();
    let grid = header.grid;
    let ids = match voxels {
        Voxels::U16(ids) if scaling == Scaling::NONE => ids,
        Voxels::U8(ids) if scaling == Scaling::NONE => ids.into_iter().map(u16::from).collect(),
        Voxels::U8(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::I8(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::U16(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::I16(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::U32(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::I32(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::U64(v) => ids(&v, |x| x as f64, scaling, &grid, path)?,
        Voxels::I64(v) => ids(&v, |x| x as f64, scaling, &grid, path)?,
        Voxels::F32(v) => ids(&v, f64::from, scaling, &grid, path)?,
        Voxels::F64(v) => ids(&v, |x| x, scaling, &grid, path)?,
        Voxels::Rgb(_) | Voxels::Rgba(_) => return Err(refused("colours; open this as an image")),
    };
    let n_found = ids.len();
    let labels = LabelMap::new(grid, ids).map_err(|_| refused(&format!("{n_found} values")))?;
    Ok((labels, warnings))
}

/// Turns stored values into ids.
fn ids<T: Copy + Sync>(
    stored: &[T],
    number: impl Fn(T) -> f64 + Sync,
    scaling: Scaling,
    grid: &Grid,
    path: &Path,
) -> Result<Vec<u16>, Error> {
    let id = |at: usize| {
        let value = scaling.apply(number(stored[at]));
        let whole = value.round();
        let is_id = (0.0..=65535.0).contains(&whole) && (value - whole).abs() <= ROUNDING;
        is_id.then_some(whole as u16).ok_or((at, value))
    };
    let read: Result<Vec<u16>, (usize, f64)> = (0..stored.len()).into_par_iter().map(id).collect();
    read.map_err(|found| {
        // The threads race: look again for the first.
        let (at, value) = (0..stored.len()).find_map(|at| id(at).err()).unwrap_or(found);
        let [width, height, _] = grid.shape();
        let voxel = [at % width, at / width % height, at / (width * height)];
        Error::NotLabel { value, voxel, advice: advice(value), path: path.to_owned() }
    })
}

fn advice(value: f64) -> &'static str {
    if value.is_nan() {
        "replace values that are not numbers by 0"
    } else if value < 0.0 {
        "ids are never negative: is this an image?"
    } else if value > 65535.0 {
        "give the labels smaller ids"
    } else {
        "fractions come from interpolation: resample masks with the nearest neighbour, or open this as an image"
    }
}
