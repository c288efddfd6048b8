//! Where voxels lie in the world: shape, spacing, affine, anatomical orientation, and the planes that cut them.
//!
//! World is NIfTI's: millimetres, +x right, +y anterior, +z superior (RAS+). Voxel indices are `[i, j, k]`, `i` fastest
//! in memory; a voxel's centre lies on its integer index.
//!
//! On the screen an axial slice has anterior on top, a coronal or sagittal one superior. [`Convention`] says which side
//! of the patient is on the left in axial and coronal views. A sagittal view has anterior on the left in both.

use glam::{DAffine3, DMat3, DVec3};

pub use super::voxel_box::VoxelBox;

/// The lattice on which a volume or a label map lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    shape: [usize; 3],
    world_from_voxel: DAffine3,
    space: Space,
    /// The third axis is time.
    is_series: bool,
}

/// What a grid's world is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// A patient's: right, anterior, superior, in millimetres.
    #[default]
    Patient,
    /// A picture's: columns run right and rows down on every screen, and nobody knows the patient's sides.
    Picture {
        /// The size of a pixel is known; else lengths are in pixels.
        is_scaled: bool,
    },
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

    /// The place in the volume of a place in slice `index`, `[x, y]` in pixels; centres lie on whole numbers in both. Any
    /// place, as far outside as may be.
    pub fn voxel_at(&self, shape: [usize; 3], [x, y]: [f64; 2], index: usize) -> [f64; 3] {
        let mut voxel = [index as f64; 3];
        voxel[self.right] = if self.flip_right { shape[self.right] as f64 - 1.0 - x } else { x };
        voxel[self.down] = if self.flip_down { shape[self.down] as f64 - 1.0 - y } else { y };
        voxel
    }

    /// The place in the slice of a place in the volume, the inverse of [`SliceAxes::voxel_at`].
    pub fn pixel_at(&self, shape: [usize; 3], voxel: [f64; 3]) -> [f64; 2] {
        let (x, y) = (voxel[self.right], voxel[self.down]);
        [
            if self.flip_right { shape[self.right] as f64 - 1.0 - x } else { x },
            if self.flip_down { shape[self.down] as f64 - 1.0 - y } else { y },
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
    /// Where its first pixel is.
    pub start: usize,
    /// From a pixel to the one on its right.
    pub step_right: isize,
    /// From a pixel to the one below it.
    pub step_down: isize,
}

impl SliceWalk {
    /// Fills an image of `width * height` pixels, row by row, with `pixel(position in memory)`.
    ///
    /// Memory is read in its own order whichever way the slice lies, since reading is what takes the time.
    pub fn fill<P>(&self, image: &mut [P], pixel: impl Fn(usize) -> P) {
        let (width, height) = (self.width, self.height);
        debug_assert_eq!(image.len(), width * height);
        if self.step_right.unsigned_abs() <= self.step_down.unsigned_abs() {
            for (y, row) in image.chunks_exact_mut(width).enumerate() {
                let mut at = self.start.wrapping_add_signed(y as isize * self.step_down);
                for out in row {
                    *out = pixel(at);
                    at = at.wrapping_add_signed(self.step_right);
                }
            }
        } else {
            for x in 0..width {
                let mut at = self.start.wrapping_add_signed(x as isize * self.step_right);
                for y in 0..height {
                    image[x + y * width] = pixel(at);
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
        Ok(Self { shape, world_from_voxel, space: Space::Patient, is_series: false })
    }

    /// A picture of `[columns, rows, slices]` with pixels of a size in millimetres, where it is known. Placed where ITK places
    /// pictures: the first pixel at the origin, columns to the left of the patient, rows to posterior.
    ///
    /// # Errors
    /// As [`Grid::new`].
    pub fn picture(shape: [usize; 3], pixel_mm: Option<[f64; 3]>) -> Result<Self, GridError> {
        let [x, y, z] = pixel_mm.unwrap_or([1.0; 3]);
        let grid = Self::new(shape, DAffine3::from_scale(DVec3::new(-x, -y, z)))?;
        Ok(Self { space: Space::Picture { is_scaled: pixel_mm.is_some() }, ..grid })
    }

    /// `n_frames` frames of time along the third axis instead of slices, one a step.
    #[must_use]
    pub fn in_time(self, n_frames: usize) -> Self {
        let [width, height, _] = self.shape;
        Self { shape: [width, height, n_frames.max(1)], is_series: true, ..self }
    }

    /// The same with slices along the third axis instead of frames of time.
    #[must_use]
    pub fn in_space(self) -> Self {
        Self { is_series: false, ..self }
    }

    /// The third axis is time.
    pub fn is_series(&self) -> bool {
        self.is_series
    }

    /// The grid of one slice along voxel axis `axis`, in its place; clamped to the last one.
    #[must_use]
    pub fn slice(&self, axis: usize, index: usize) -> Self {
        let mut at = DVec3::ZERO;
        at[axis] = index.min(self.shape[axis] - 1) as f64;
        let mut grid = self.clone();
        grid.shape[axis] = 1;
        grid.world_from_voxel.translation = self.world_from_voxel.transform_point3(at);
        grid
    }

    /// What its world is.
    pub fn space(&self) -> Space {
        self.space
    }

    /// Lengths are in millimetres; in pixels where not.
    pub fn is_scaled(&self) -> bool {
        self.space != Space::Picture { is_scaled: false }
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

    /// The voxel `[i, j, k]` at a position in memory, the inverse of [`Grid::index`].
    pub fn voxel(&self, position: usize) -> [usize; 3] {
        let [ni, nj, _] = self.shape;
        [position % ni, position / ni % nj, position / (ni * nj)]
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
        // A picture is never mirrored.
        let convention = if self.space == Space::Patient { convention } else { Convention::Radiological };
        // Radiological: the screen's x runs towards the patient's left.
        let flip_x = falls_right != (convention == Convention::Radiological);
        let (right, down, through, flip_right, flip_down) = match plane {
            Plane::Axial => (x, y, z, flip_x, !falls_anterior),
            Plane::Coronal => (x, z, y, flip_x, !falls_superior),
            Plane::Sagittal => (y, z, x, !falls_anterior, !falls_superior),
        };
        SliceAxes { right, down, through, flip_right, flip_down }
    }

    /// The sides of the patient at the screen's left, right, top and bottom edge: letters of L R A P S I. `None` for pictures.
    pub fn edge_letters(&self, plane: Plane, convention: Convention) -> Option<[char; 4]> {
        if self.space != Space::Patient {
            return None;
        }
        let [left, right] = match convention {
            Convention::Radiological => ['R', 'L'],
            Convention::Neurological => ['L', 'R'],
        };
        Some(match plane {
            Plane::Axial => [left, right, 'A', 'P'],
            Plane::Coronal => [left, right, 'S', 'I'],
            Plane::Sagittal => ['A', 'P', 'S', 'I'],
        })
    }

    /// `None` where the shapes are equal and the affines place every corner within 0.001 mm of each other; else a
    /// sentence that says how the two differ. Pictures lie wherever others of their shape lie.
    pub fn differs_from(&self, other: &Grid) -> Option<String> {
        if self.shape != other.shape {
            let [[a, b, c], [d, e, f]] = [self.shape, other.shape];
            return Some(format!("{a}×{b}×{c} voxels against {d}×{e}×{f}"));
        }
        if [self, other].into_iter().any(|grid| grid.space != Space::Patient) {
            return None;
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

#[cfg(test)]
mod tests {
    use glam::EulerRot;
    use proptest::prelude::*;

    use super::*;

    fn grid(affine: [[f64; 3]; 3]) -> Grid {
        let matrix3 = DMat3::from_cols_array_2d(&affine).transpose();
        Grid::new([4, 5, 6], DAffine3 { matrix3, translation: DVec3::ZERO }).unwrap()
    }

    #[test]
    fn a_grid_without_voxels_or_without_volume_is_refused() {
        assert_eq!(Grid::axis_aligned([4, 0, 2], [1.0; 3]), Err(GridError::Empty([4, 0, 2])));
        assert!(matches!(Grid::axis_aligned([1; 3], [1.0, 0.0, 1.0]), Err(GridError::Singular(_))));
        assert!(matches!(Grid::axis_aligned([1; 3], [1.0, f64::NAN, 1.0]), Err(GridError::Singular(_))));
        assert!(matches!(Grid::axis_aligned([usize::MAX; 3], [1.0; 3]), Err(GridError::TooLarge(_))));
        assert!(Grid::axis_aligned([1; 3], [1e-9; 3]).is_ok(), "small voxels are voxels");
    }

    #[test]
    fn orientation_names_the_side_to_which_each_index_grows() {
        let cases = [
            ([[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]], "RAS"),
            ([[-1., 0., 0.], [0., -1., 0.], [0., 0., 1.]], "LPS"),
            ([[0., 0., 1.], [-1., 0., 0.], [0., 1., 0.]], "PSR"),
            ([[0., 0., -1.], [1., 0., 0.], [0., -1., 0.]], "AIL"),
            // Oblique by 40 degrees about z.
            ([[0.766, -0.643, 0.], [0.643, 0.766, 0.], [0., 0., 3.]], "RAS"),
        ];
        for (affine, codes) in cases {
            assert_eq!(String::from_iter(grid(affine).orientation()), codes);
        }
    }

    #[test]
    fn obliquity_is_the_angle_to_the_nearest_axis() {
        assert_eq!(grid([[0., 0., -2.], [1., 0., 0.], [0., -3., 0.]]).obliquity_deg(), 0.0);
        let turned = DAffine3 { matrix3: DMat3::from_rotation_z(20f64.to_radians()), translation: DVec3::ZERO };
        assert!((Grid::new([2; 3], turned).unwrap().obliquity_deg() - 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_radiological_axial_slice_has_right_on_the_left_and_anterior_on_top() {
        let axes = Grid::axis_aligned([4, 5, 6], [1.0; 3]).unwrap().slice_axes(Plane::Axial, Convention::Radiological);
        assert_eq!(axes, SliceAxes { right: 0, down: 1, through: 2, flip_right: true, flip_down: true });
        assert_eq!(axes.voxel([4, 5, 6], [0, 0], 2), [3, 4, 2]);
    }

    #[test]
    fn grids_differ_by_shape_or_by_place() {
        let a = Grid::axis_aligned([10, 10, 10], [1.0; 3]).unwrap();
        assert_eq!(a.differs_from(&Grid::axis_aligned([10; 3], [1.00005, 1.0, 1.0]).unwrap()), None);
        let longer = Grid::axis_aligned([10, 10, 11], [1.0; 3]).unwrap();
        assert_eq!(a.differs_from(&longer).as_deref(), Some("10×10×10 voxels against 10×10×11"));
        let wider = Grid::axis_aligned([10; 3], [1.1, 1.0, 1.0]).unwrap();
        assert_eq!(
            a.differs_from(&wider).as_deref(),
            Some("placed up to 0.900 mm apart in the world (axes RAS against RAS)")
        );
    }

    #[test]
    fn inside_is_from_0_to_the_last_voxel() {
        let grid = Grid::axis_aligned([2, 3, 4], [1.0; 3]).unwrap();
        assert!(grid.contains([1, 2, 3]) && grid.contains([0, 0, 0]));
        assert!(!grid.contains([-1, 0, 0]) && !grid.contains([2, 0, 0]) && !grid.contains([0, 0, i64::MAX]));
    }

    /// A place in the world: turned anyhow, mirrored or not, with voxels of any shape.
    fn any_grid() -> impl Strategy<Value = Grid> {
        let angles = prop::array::uniform3(-3.2f64..3.2);
        (angles, prop::array::uniform3(0.2f64..4.0), any::<bool>()).prop_map(|([a, b, c], spacing, is_mirrored)| {
            let mirror = DVec3::new(if is_mirrored { -1.0 } else { 1.0 }, 1.0, 1.0);
            let matrix3 =
                DMat3::from_euler(EulerRot::XYZ, a, b, c) * DMat3::from_diagonal(mirror * DVec3::from_array(spacing));
            Grid::new([4, 5, 6], DAffine3 { matrix3, translation: DVec3::ZERO }).unwrap()
        })
    }

    fn any_view() -> impl Strategy<Value = (Plane, Convention)> {
        (
            prop::sample::select(vec![Plane::Axial, Plane::Coronal, Plane::Sagittal]),
            prop::sample::select(vec![Convention::Radiological, Convention::Neurological]),
        )
    }

    fn direction(letter: char) -> DVec3 {
        match letter {
            'R' => DVec3::X,
            'L' => DVec3::NEG_X,
            'A' => DVec3::Y,
            'P' => DVec3::NEG_Y,
            'S' => DVec3::Z,
            _ => DVec3::NEG_Z,
        }
    }

    proptest! {
        #[test]
        fn going_right_and_down_on_the_screen_goes_where_the_edge_letters_say(
            grid in any_grid(),
            (plane, convention) in any_view(),
        ) {
            let axes = grid.slice_axes(plane, convention);
            let world = |pixel| {
                let voxel = axes.voxel(grid.shape(), pixel, 0).map(|v| v as f64);
                grid.world_from_voxel().transform_point3(DVec3::from_array(voxel))
            };
            let [left, right, top, bottom] = grid.edge_letters(plane, convention).unwrap();
            prop_assert!((world([1, 0]) - world([0, 0])).dot(direction(right)) > 0.0);
            prop_assert!((world([0, 1]) - world([0, 0])).dot(direction(bottom)) > 0.0);
            prop_assert_eq!(direction(left), -direction(right));
            prop_assert_eq!(direction(top), -direction(bottom));
        }

        #[test]
        fn pixels_and_voxels_are_each_others_inverse(
            grid in any_grid(),
            (plane, convention) in any_view(),
            i in 0usize..4,
            j in 0usize..5,
            k in 0usize..6,
        ) {
            let axes = grid.slice_axes(plane, convention);
            let pixel = axes.pixel(grid.shape(), [i, j, k]);
            prop_assert_eq!(axes.voxel(grid.shape(), pixel, [i, j, k][axes.through]), [i, j, k]);
        }

        #[test]
        fn flipped_canonical_axes_run_right_anterior_superior(grid in any_grid()) {
            let (axes, flips) = grid.canonical_axes();
            let mut sorted = axes;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, [0, 1, 2]);
            let codes = grid.orientation();
            for (world_axis, letters) in ["RL", "AP", "SI"].into_iter().enumerate() {
                let code = codes[axes[world_axis]];
                prop_assert_eq!(letters.find(code), Some(usize::from(flips[world_axis])));
            }
        }

        #[test]
        fn the_volume_of_a_voxel_without_shear_is_the_product_of_its_sides(grid in any_grid()) {
            let [a, b, c] = grid.spacing_mm();
            prop_assert!((grid.voxel_volume_mm3() - a * b * c).abs() < 1e-9);
        }
    }
}
