//! Where a NIfTI header places its voxels: sform, else qform, else pixdim, as nibabel chooses.

use glam::{DAffine3, DMat3, DQuat, DVec3};

use super::header::names;
use super::layout::{Block, Slot};
use crate::domain::Grid;

/// The description of an image that is no patient's, by which this program knows its own: the standard has no field that says
/// so, and most files without a unit of length are in millimetres.
pub(super) const PICTURE_MARK: &[u8] = b"Picture; without a unit, lengths are in pixels";

/// A grid, and what a person should know about how it was found.
#[derive(Debug)]
pub(super) struct Placed {
    pub grid: Grid,
    pub warnings: Vec<String>,
}

/// Places `shape` voxels in the world by the header's fields.
///
/// # Errors
/// A sentence where the header gives no usable place.
pub(super) fn place(block: &Block, shape: [usize; 3]) -> Result<Placed, String> {
    let layout = block.version.layout();
    let mut warnings = Vec::new();
    let (spacing, qfac) = spacing(block, &mut warnings)?;
    let grid = |affine: DAffine3| Grid::new(shape, affine).map_err(|error| error.to_string());

    let sform = (block.int(layout.sform_code) != 0).then(|| grid(sform(block)));
    let qform = (block.int(layout.qform_code) != 0).then(|| qform(block, spacing, qfac, &mut warnings).and_then(grid));
    let grid = match (sform, qform) {
        (Some(Ok(sform)), qform) => {
            warn_where_apart(&sform, qform, &mut warnings);
            sform
        }
        (Some(Err(reason)), Some(Ok(qform))) => {
            warnings.push(format!("The sform cannot be used ({reason}); the qform was used instead."));
            qform
        }
        (Some(Err(reason)), _) => return Err(reason),
        (None, Some(qform)) => qform?,
        (None, None) => {
            warnings.push(
                "The header does not say where left and right are (sform and qform codes are 0); the orientation shown \
                 is a guess."
                    .to_owned(),
            );
            grid(from_spacing(shape, spacing))?
        }
    };
    in_millimetres(block, grid, warnings).map(|placed| as_picture(block, placed))
}

/// A grid that is said to be a picture's, whose pixels have a size where the header gives a unit of length.
fn as_picture(block: &Block, placed: Placed) -> Placed {
    let layout = block.version.layout();
    if !block.bytes()[layout.descrip.clone()].starts_with(PICTURE_MARK) {
        return placed;
    }
    let is_scaled = !matches!(names(block).xyzt_to_space(), Ok(nifti::Unit::Unknown) | Err(_));
    let pixel_mm = is_scaled.then(|| placed.grid.spacing_mm());
    match Grid::picture(placed.grid.shape(), pixel_mm) {
        Ok(grid) => Placed { grid, ..placed },
        Err(_) => placed,
    }
}

/// Voxel sizes and qfac, made positive and ±1 as nibabel and the C library do.
fn spacing(block: &Block, warnings: &mut Vec<String>) -> Result<(DVec3, f64), String> {
    let pixdim = block.version.layout().pixdim;
    let qfac = if block.float(pixdim) < 0.0 { -1.0 } else { 1.0 };
    let mut spacing = DVec3::ONE;
    let n_dims = block.int(block.version.layout().dim).clamp(1, 3) as usize;
    for axis in 0..n_dims {
        let stored = block.float(pixdim.nth(axis + 1));
        if !stored.is_finite() {
            return Err(format!("the voxel size pixdim[{}] is {stored}", axis + 1));
        }
        spacing[axis] = if stored == 0.0 { 1.0 } else { stored.abs() };
        if stored <= 0.0 {
            warnings.push(format!(
                "The header's voxel size pixdim[{}] is {stored}; {} mm was assumed.",
                axis + 1,
                spacing[axis]
            ));
        }
    }
    Ok((spacing, qfac))
}

fn sform(block: &Block) -> DAffine3 {
    let srow = block.version.layout().srow;
    let at = |row: usize, column: usize| block.float(srow.nth(4 * row + column));
    let column = |c: usize| DVec3::new(at(0, c), at(1, c), at(2, c));
    DAffine3 { matrix3: DMat3::from_cols(column(0), column(1), column(2)), translation: column(3) }
}

/// A rotation as a quaternion of which the header stores three parts, with sizes from pixdim.
fn qform(block: &Block, spacing: DVec3, qfac: f64, warnings: &mut Vec<String>) -> Result<DAffine3, String> {
    let layout = block.version.layout();
    let vector = |slot: Slot| DVec3::new(block.float(slot), block.float(slot.nth(1)), block.float(slot.nth(2)));
    let (bcd, offset) = (vector(layout.quatern), vector(layout.qoffset));
    if !bcd.is_finite() || !offset.is_finite() {
        return Err("the qform holds a number that is not finite".to_owned());
    }
    let squared = bcd.length_squared();
    if squared > 1.0 + 3.0 * f64::from(f32::EPSILON) {
        warnings.push(format!("The qform's quaternion is too long ({:.4}); it was shortened to 1.", squared.sqrt()));
    }
    // Too long, or as long as rounding makes it: a half turn, with no real part.
    let quaternion = DQuat::from_xyzw(bcd.x, bcd.y, bcd.z, (1.0 - squared).max(0.0).sqrt()).normalize();
    let sizes = DVec3::new(spacing.x, spacing.y, spacing.z * qfac);
    let matrix3 = DMat3::from_quat(quaternion) * DMat3::from_diagonal(sizes);
    Ok(DAffine3 { matrix3, translation: offset })
}

/// The place of an image that does not know its own: its middle at the origin, x to the left, as nibabel.
fn from_spacing(shape: [usize; 3], spacing: DVec3) -> DAffine3 {
    let scale = spacing * DVec3::new(-1.0, 1.0, 1.0);
    let middle = DVec3::from_array(shape.map(|n| (n as f64 - 1.0) / 2.0));
    DAffine3 { matrix3: DMat3::from_diagonal(scale), translation: -middle * scale }
}

/// Warns where sform and qform place the image differently enough to be seen.
fn warn_where_apart(sform: &Grid, qform: Option<Result<Grid, String>>, warnings: &mut Vec<String>) {
    const SEEN_MM: f64 = 0.1;
    let qform = match qform {
        None => return,
        Some(Err(reason)) => {
            warnings.push(format!("The sform was used; the qform cannot be ({reason})."));
            return;
        }
        Some(Ok(qform)) => qform,
    };
    let last = DVec3::from_array(sform.shape().map(|n| n as f64 - 1.0));
    let apart_mm = (0..8)
        .map(|corner| {
            let voxel = last * DVec3::new((corner & 1) as f64, (corner >> 1 & 1) as f64, (corner >> 2) as f64);
            let place = |grid: &Grid| grid.world_from_voxel().transform_point3(voxel);
            place(sform).distance(place(&qform))
        })
        .fold(0.0, f64::max);
    if apart_mm > SEEN_MM {
        let [s, q] = [sform, &qform].map(|grid| String::from_iter(grid.orientation()));
        warnings.push(format!(
            "sform and qform disagree by up to {apart_mm:.1} mm (axes {s} against {q}); the sform was used, other \
             programs may use the qform."
        ));
    }
}

/// The world is in millimetres, whatever unit the header counts in. ITK converts so too; nibabel leaves it to the user.
fn in_millimetres(block: &Block, grid: Grid, mut warnings: Vec<String>) -> Result<Placed, String> {
    let (mm, unit) = match names(block).xyzt_to_space() {
        Ok(nifti::Unit::Meter) => (1e3, "metres"),
        Ok(nifti::Unit::Micron) => (1e-3, "micrometres"),
        _ => return Ok(Placed { grid, warnings }),
    };
    warnings.push(format!("The header's sizes are in {unit}; they were converted to millimetres."));
    let affine = grid.world_from_voxel();
    let affine = DAffine3 { matrix3: affine.matrix3 * mm, translation: affine.translation * mm };
    let grid = Grid::new(grid.shape(), affine).map_err(|error| error.to_string())?;
    Ok(Placed { grid, warnings })
}
