//! Where voxels lie in the world: shape, spacing, affine, anatomical orientation, and the planes that cut them.
//!
//! World is NIfTI's: millimetres, +x right, +y anterior, +z superior (RAS+). Voxel indices are `[i, j, k]`, `i` fastest
//! in memory; a voxel's centre lies on its integer index.
//!
//! On the screen an axial slice has anterior on top, a coronal or sagittal one superior. [`Convention`] says which side
//! of the patient is on the left in axial and coronal views. A sagittal view has anterior on the left in both.

use glam::{DAffine3, DMat3, DVec3};

/// The lattice on which a volume or a label map lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    shape: [usize; 3],
    world_from_voxel: DAffine3,
}

/// Why a shape and an affine do not make a [`Grid`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GridError {
    /// One of the three sizes is zero.
    #[error("a volume needs at least one voxel along each axis, found {0:?}")]
    Empty([usize; 3]),
    /// The sizes multiply to more than this machine can count.
    #[error("a volume of {0:?} voxels is larger than memory can address")]
    TooLarge([usize; 3]),
    /// The affine holds NaN or infinity, or maps space onto a plane.
    #[error("the affine cannot be inverted: {0}")]
    Singular(DAffine3),
}

/// One of the three anatomical planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Plane {
    /// Cut across the body: x to the side, y to the front.
    Axial,
    /// Cut from ear to ear: x to the side, z up.
    Coronal,
    /// Cut from nose to neck: y to the side, z up.
    Sagittal,
}

/// Which side of the patient is drawn on the left of the screen in axial and coronal views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Convention {
    /// The patient's right is on the viewer's left, as if facing the patient.
    #[default]
    Radiological,
    /// The patient's left is on the viewer's left.
    Neurological,
}

/// How a plane of voxels is laid on the screen: which voxel axis runs right, which runs down, which goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceAxes {
    /// Voxel axis (0, 1 or 2) along the screen's x.
    pub right: usize,
    /// Voxel axis along the screen's y (downwards).
    pub down: usize,
    /// Voxel axis that the slice number counts.
    pub through: usize,
    /// The voxel index falls as the screen's x grows.
    pub flip_right: bool,
    /// The voxel index falls as the screen's y grows.
    pub flip_down: bool,
}

impl SliceAxes {
    /// The voxel under pixel `[x, y]` of slice `index` of a grid of this `shape`. All must lie inside.
    pub fn voxel(&self, shape: [usize; 3], [x, y]: [usize; 2], index: usize) -> [usize; 3] {
        let mut voxel = [0; 3];
        voxel[self.right] = if self.flip_right { shape[self.right] - 1 - x } else { x };
        voxel[self.down] = if self.flip_down { shape[self.down] - 1 - y } else { y };
        voxel[self.through] = index;
        voxel
    }

    /// The pixel `[x, y]` of voxel `[i, j, k]`, the inverse of [`SliceAxes::voxel`]; the slice is `voxel[self.through]`.
    pub fn pixel(&self, shape: [usize; 3], voxel: [usize; 3]) -> [usize; 2] {
        let (x, y) = (voxel[self.right], voxel[self.down]);
        [
            if self.flip_right { shape[self.right] - 1 - x } else { x },
            if self.flip_down { shape[self.down] - 1 - y } else { y },
        ]
    }

    /// Where a slice lies in memory, for code that copies many pixels.
    pub(in crate::domain) fn walk(&self, shape: [usize; 3], index: usize) -> SliceWalk {
        let strides = [1, shape[0], shape[0] * shape[1]];
        let (width, height) = (shape[self.right], shape[self.down]);
        let signed = |axis: usize, flip: bool| if flip { -(strides[axis] as isize) } else { strides[axis] as isize };
        let start = |axis: usize, flip: bool, size: usize| if flip { (size - 1) * strides[axis] } else { 0 };
        SliceWalk {
            width,
            height,
            start: index * strides[self.through]
                + start(self.right, self.flip_right, width)
                + start(self.down, self.flip_down, height),
            step_right: signed(self.right, self.flip_right),
            step_down: signed(self.down, self.flip_down),
        }
    }
}

/// A slice as positions in memory: pixel `[x, y]` is at `start + x * step_right + y * step_down`.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct SliceWalk {
    /// Pixels along the screen's x.
    pub width: usize,
    /// Pixels along the screen's y.
    pub height: usize,
    start: usize,
    step_right: isize,
    step_down: isize,
}

impl SliceWalk {
    /// Fills an image of `width * height` pixels, row by row, with `pixel(stored)`. `voxels` is one whole frame.
    ///
    /// Memory is read in its own order whichever way the slice lies, since reading is what takes the time.
    pub fn fill<T: Copy, P: Copy>(&self, voxels: &[T], image: &mut [P], pixel: impl Fn(T) -> P) {
        let (width, height) = (self.width, self.height);
        debug_assert_eq!(image.len(), width * height);
        if self.step_right.unsigned_abs() <= self.step_down.unsigned_abs() {
            for (y, row) in image.chunks_exact_mut(width).enumerate() {
                let mut at = self.start.wrapping_add_signed(y as isize * self.step_down);
                for out in row {
                    *out = pixel(voxels[at]);
                    at = at.wrapping_add_signed(self.step_right);
                }
            }
        } else {
            for x in 0..width {
                let mut at = self.start.wrapping_add_signed(x as isize * self.step_right);
                for y in 0..height {
                    image[x + y * width] = pixel(voxels[at]);
                    at = at.wrapping_add_signed(self.step_down);
                }
            }
        }
    }
}

impl Grid {
    /// A grid of `shape` voxels placed in the world by `world_from_voxel` (millimetres).
    ///
    /// # Errors
    /// [`GridError`] where a size is 0, the sizes multiply to more than memory, or the affine is not finite or not
    /// invertible.
    pub fn new(shape: [usize; 3], world_from_voxel: DAffine3) -> Result<Self, GridError> {
        if shape.contains(&0) {
            return Err(GridError::Empty(shape));
        }
        let n_voxels = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        if n_voxels.is_none_or(|n| n > isize::MAX as usize) {
            return Err(GridError::TooLarge(shape));
        }
        let m = world_from_voxel.matrix3;
        let unit = DMat3::from_cols(m.x_axis.normalize(), m.y_axis.normalize(), m.z_axis.normalize());
        // Of unit columns, so that neither tiny nor huge voxels look like a flat one.
        let flatness = unit.determinant().abs();
        if !world_from_voxel.is_finite() || !flatness.is_finite() || flatness < 1e-9 {
            return Err(GridError::Singular(world_from_voxel));
        }
        Ok(Self { shape, world_from_voxel })
    }

    /// A grid along the world's axes with its first voxel at the origin.
    ///
    /// # Errors
    /// As [`Grid::new`].
    pub fn axis_aligned(shape: [usize; 3], spacing_mm: [f64; 3]) -> Result<Self, GridError> {
        Self::new(shape, DAffine3::from_scale(DVec3::from_array(spacing_mm)))
    }

    /// Voxels along each axis, `[i, j, k]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Millimetres from voxel indices.
    pub fn world_from_voxel(&self) -> DAffine3 {
        self.world_from_voxel
    }

    /// Voxel indices (fractional) from millimetres.
    pub fn voxel_from_world(&self) -> DAffine3 {
        self.world_from_voxel.inverse()
    }

    /// All voxels.
    pub fn n_voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// Distance between neighbouring voxel centres along each voxel axis, in millimetres.
    pub fn spacing_mm(&self) -> [f64; 3] {
        let m = self.world_from_voxel.matrix3;
        [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()]
    }

    /// Volume of one voxel, in cubic millimetres; right for sheared grids too.
    pub fn voxel_volume_mm3(&self) -> f64 {
        self.world_from_voxel.matrix3.determinant().abs()
    }

    /// Position of voxel `[i, j, k]` in memory. The index must lie inside.
    pub fn index(&self, [i, j, k]: [usize; 3]) -> usize {
        i + self.shape[0] * (j + self.shape[1] * k)
    }

    /// Whether voxel `[i, j, k]` lies inside.
    pub fn contains(&self, voxel: [i64; 3]) -> bool {
        voxel.iter().zip(self.shape).all(|(&v, size)| v >= 0 && (v as u64) < size as u64)
    }

    /// For the world axes x, y, z: the voxel axis nearest to each, and whether its index falls towards right,
    /// anterior, superior (so that it must be flipped to run R, A, S).
    ///
    /// The three voxel axes are always different. Sheared and oblique affines are judged by the nearest rotation.
    pub fn canonical_axes(&self) -> ([usize; 3], [bool; 3]) {
        let rotation = nearest_rotation(self.world_from_voxel.matrix3);
        let (mut axes, mut flips) = ([0; 3], [false; 3]);
        for (voxel_axis, world_axis) in nearest_world_axes(rotation).into_iter().enumerate() {
            axes[world_axis] = voxel_axis;
            flips[world_axis] = rotation.col(voxel_axis)[world_axis] < 0.0;
        }
        (axes, flips)
    }

    /// Towards which side of the patient each voxel index grows, as nibabel's `aff2axcodes`: `['R', 'A', 'S']`.
    pub fn orientation(&self) -> [char; 3] {
        let (axes, flips) = self.canonical_axes();
        let mut codes = ['?'; 3];
        for (world_axis, [positive, negative]) in [['R', 'L'], ['A', 'P'], ['S', 'I']].into_iter().enumerate() {
            codes[axes[world_axis]] = if flips[world_axis] { negative } else { positive };
        }
        codes
    }

    /// The largest angle between a voxel axis and the world axis nearest to it, in degrees; 0 for an axis-aligned grid.
    pub fn obliquity_deg(&self) -> f64 {
        let m = self.world_from_voxel.matrix3;
        let (axes, _) = self.canonical_axes();
        let angle = |world_axis: usize| {
            let direction = m.col(axes[world_axis]).normalize();
            let along = direction[world_axis].abs();
            // atan2 keeps its precision at small angles, where acos has none.
            (1.0 - along * along).max(0.0).sqrt().atan2(along).to_degrees()
        };
        (0..3).map(angle).fold(0.0, f64::max)
    }

    /// How a slice nearest to the anatomical `plane` is laid on the screen.
    pub fn slice_axes(&self, plane: Plane, convention: Convention) -> SliceAxes {
        let ([x, y, z], [falls_right, falls_anterior, falls_superior]) = self.canonical_axes();
        // Radiological: the screen's x runs towards the patient's left.
        let flip_x = falls_right != (convention == Convention::Radiological);
        let (right, down, through, flip_right, flip_down) = match plane {
            Plane::Axial => (x, y, z, flip_x, !falls_anterior),
            Plane::Coronal => (x, z, y, flip_x, !falls_superior),
            Plane::Sagittal => (y, z, x, !falls_anterior, !falls_superior),
        };
        SliceAxes { right, down, through, flip_right, flip_down }
    }

    /// The sides of the patient at the screen's left, right, top and bottom edge: letters of L R A P S I.
    pub fn edge_letters(&self, plane: Plane, convention: Convention) -> [char; 4] {
        let [left, right] = match convention {
            Convention::Radiological => ['R', 'L'],
            Convention::Neurological => ['L', 'R'],
        };
        match plane {
            Plane::Axial => [left, right, 'A', 'P'],
            Plane::Coronal => [left, right, 'S', 'I'],
            Plane::Sagittal => ['A', 'P', 'S', 'I'],
        }
    }

    /// `None` where the shapes are equal and the affines place every corner within 0.001 mm of each other; else a
    /// sentence that says how the two differ.
    pub fn differs_from(&self, other: &Grid) -> Option<String> {
        if self.shape != other.shape {
            let [[a, b, c], [d, e, f]] = [self.shape, other.shape];
            return Some(format!("{a}×{b}×{c} voxels against {d}×{e}×{f}"));
        }
        let apart_mm = (0..8)
            .map(|corner| {
                let size = |axis: usize| if corner >> axis & 1 == 1 { (self.shape[axis] - 1) as f64 } else { 0.0 };
                let voxel = DVec3::new(size(0), size(1), size(2));
                self.world_from_voxel.transform_point3(voxel).distance(other.world_from_voxel.transform_point3(voxel))
            })
            .fold(0.0, f64::max);
        (apart_mm > 1e-3).then(|| {
            let [a, b] = [self, other].map(|grid| String::from_iter(grid.orientation()));
            format!("placed up to {apart_mm:.3} mm apart in the world (axes {a} against {b})")
        })
    }
}

/// The orthogonal matrix nearest to `m` with its columns made units: the polar factor, by Newton's iteration.
fn nearest_rotation(m: DMat3) -> DMat3 {
    let mut rotation = DMat3::from_cols(m.x_axis.normalize(), m.y_axis.normalize(), m.z_axis.normalize());
    // Converges quadratically: 100 steps are far beyond what the flattest affine that Grid admits needs.
    for _ in 0..100 {
        let next = (rotation + rotation.inverse().transpose()) * 0.5;
        let change = (next - rotation).to_cols_array().iter().map(|x| x.abs()).fold(0.0, f64::max);
        rotation = next;
        if change < 1e-14 {
            break;
        }
    }
    rotation
}

/// The world axis nearest to each voxel axis, all different; the voxel axis with the clearest direction chooses first,
/// as in nibabel's `io_orientation`.
fn nearest_world_axes(rotation: DMat3) -> [usize; 3] {
    let largest = |voxel_axis: usize| rotation.col(voxel_axis).abs().max_element();
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| largest(b).total_cmp(&largest(a)));
    let mut taken = [false; 3];
    let mut nearest = [0; 3];
    for voxel_axis in order {
        let column = rotation.col(voxel_axis);
        let mut best: Option<usize> = None;
        for world_axis in (0..3).filter(|&axis| !taken[axis]) {
            if best.is_none_or(|axis| column[world_axis].abs() > column[axis].abs()) {
                best = Some(world_axis);
            }
        }
        if let Some(world_axis) = best {
            taken[world_axis] = true;
            nearest[voxel_axis] = world_axis;
        }
    }
    nearest
}
