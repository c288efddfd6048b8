//! The 3D view's camera: a turntable round a point of the patient, without perspective, so that millimetres stay
//! millimetres at every depth.
//!
//! Two spaces meet here. *World* is NIfTI's RAS+ millimetres. *View* is millimetres too: x to the right of the screen, y
//! up, z towards the person looking. Both are right-handed, and a turn is all that lies between them, so nothing can
//! appear mirrored.

use eframe::egui::{Pos2, Rect, Vec2, pos2};
use glam::{DAffine3, DMat3, DVec2, DVec3, dvec2, dvec3};

/// A face of the patient's body: the side from which one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the anatomical terms")]
pub enum Side {
    Anterior,
    Posterior,
    Left,
    Right,
    Superior,
    Inferior,
}

impl Side {
    /// All six, in the order in which their buttons stand.
    pub const ALL: [Self; 6] =
        [Self::Anterior, Self::Posterior, Self::Left, Self::Right, Self::Superior, Self::Inferior];

    /// The letter that stands for it on the screen.
    pub fn letter(self) -> &'static str {
        &self.name()[..1]
    }

    /// Its name, as in "From the left".
    pub fn name(self) -> &'static str {
        match self {
            Self::Anterior => "Anterior",
            Self::Posterior => "Posterior",
            Self::Left => "Left",
            Self::Right => "Right",
            Self::Superior => "Superior",
            Self::Inferior => "Inferior",
        }
    }

    /// The direction in the world that leads out of the body through this side.
    pub fn outward(self) -> DVec3 {
        match self {
            Self::Anterior => DVec3::Y,
            Self::Posterior => DVec3::NEG_Y,
            Self::Left => DVec3::NEG_X,
            Self::Right => DVec3::X,
            Self::Superior => DVec3::Z,
            Self::Inferior => DVec3::NEG_Z,
        }
    }

    /// Azimuth and elevation of a camera in front of this side. From above and below, anterior is up.
    fn turn_deg(self) -> [f64; 2] {
        match self {
            Self::Anterior => [0.0, 0.0],
            Self::Posterior => [180.0, 0.0],
            Self::Left => [90.0, 0.0],
            Self::Right => [-90.0, 0.0],
            Self::Superior => [180.0, 90.0],
            Self::Inferior => [0.0, -90.0],
        }
    }
}

/// Where the person stands and how close: what dragging and the wheel change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Round the body: 0 in front of the patient, 90 at the patient's left.
    azimuth_deg: f64,
    /// Above (to 90) or below (to −90) the patient.
    elevation_deg: f64,
    /// 1 shows all of what was fitted.
    zoom: f64,
    /// The world's point in the middle of the view.
    target_mm: DVec3,
    /// Radius of the ball that fills the view at a zoom of 1.
    radius_mm: f64,
}

impl Default for Camera {
    /// In front of the patient, a little to the left and above: the side from which a body reads best.
    fn default() -> Self {
        Self { azimuth_deg: 32.0, elevation_deg: 18.0, zoom: 1.0, target_mm: DVec3::ZERO, radius_mm: 100.0 }
    }
}

/// Points of the screen that a full turn takes.
const POINTS_PER_TURN: f64 = 720.0;
const ZOOM: std::ops::RangeInclusive<f64> = 0.2..=40.0;

impl Camera {
    /// Turns to look from `side`, keeping the zoom and what is in the middle.
    pub fn look_from(&mut self, side: Side) {
        [self.azimuth_deg, self.elevation_deg] = side.turn_deg();
    }

    /// Turns the body under the pointer: what lies in front follows the drag (in points, y down).
    pub fn rotate(&mut self, drag: Vec2) {
        let degrees_per_point = 360.0 / POINTS_PER_TURN;
        self.azimuth_deg = (self.azimuth_deg - f64::from(drag.x) * degrees_per_point).rem_euclid(360.0);
        self.elevation_deg = (self.elevation_deg + f64::from(drag.y) * degrees_per_point).clamp(-90.0, 90.0);
    }

    /// Moves the body with the pointer by `drag` points on a view of `viewport`.
    pub fn pan(&mut self, drag: Vec2, viewport: Rect) {
        let projection = self.project(viewport);
        let mm = dvec2(f64::from(drag.x), f64::from(drag.y)) * projection.mm_per_point;
        self.target_mm -= projection.right * mm.x - projection.up * mm.y;
    }

    /// Magnifies by `factor`, keeping what lies under `pointer` where it is.
    pub fn zoom_at(&mut self, factor: f64, pointer: Pos2, viewport: Rect) {
        let before = self.project(viewport);
        let anchor_mm = before.world_from_screen(pointer);
        self.zoom = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        let after = self.project(viewport);
        self.target_mm += anchor_mm - after.world_from_screen(pointer);
    }

    /// Shows all of the box that `world_from_box` makes of the unit cube, in the middle.
    pub fn fit(&mut self, world_from_box: DAffine3) {
        self.target_mm = world_from_box.transform_point3(DVec3::splat(0.5));
        let reach_mm = |corner: DVec3| world_from_box.transform_point3(corner).distance(self.target_mm);
        self.radius_mm = corners().map(reach_mm).into_iter().fold(1e-3, f64::max);
        self.zoom = 1.0;
    }

    /// The camera's map between the world and a view of the screen.
    pub fn project(&self, viewport: Rect) -> Projection {
        let (sin_azimuth, cos_azimuth) = self.azimuth_deg.to_radians().sin_cos();
        let (sin_elevation, cos_elevation) = self.elevation_deg.to_radians().sin_cos();
        let toward = dvec3(-sin_azimuth * cos_elevation, cos_azimuth * cos_elevation, sin_elevation);
        let right = dvec3(-cos_azimuth, -sin_azimuth, 0.0);
        let half_points = f64::from(viewport.width().min(viewport.height())).max(1.0) / 2.0;
        Projection {
            right,
            up: toward.cross(right),
            toward,
            target_mm: self.target_mm,
            mm_per_point: self.radius_mm * 1.04 / self.zoom / half_points,
            center: viewport.center(),
            half_size: viewport.size() / 2.0,
        }
    }
}

/// The eight corners of the unit cube; bit 0 of a corner's number is its x, bit 1 its y, bit 2 its z.
pub fn corners() -> [DVec3; 8] {
    std::array::from_fn(|i| dvec3((i & 1) as f64, ((i >> 1) & 1) as f64, (i >> 2 & 1) as f64))
}

/// One moment of a [`Camera`] on one view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// The world's direction that runs right on the screen; length 1, as the next two.
    pub right: DVec3,
    /// The world's direction that runs up on the screen.
    pub up: DVec3,
    /// The world's direction that leads to the person looking.
    pub toward: DVec3,
    /// The world's point in the middle of the view.
    pub target_mm: DVec3,
    /// How much of the world a point of the screen covers.
    pub mm_per_point: f64,
    center: Pos2,
    half_size: Vec2,
}

impl Projection {
    /// Turns a direction of the world into one of the view.
    pub fn view_from_world(&self) -> DMat3 {
        DMat3::from_cols(self.right, self.up, self.toward).transpose()
    }

    /// Where a point of the world appears, in points.
    pub fn screen_from_world(&self, world_mm: DVec3) -> Pos2 {
        let view = self.view_from_world() * (world_mm - self.target_mm) / self.mm_per_point;
        pos2(self.center.x + view.x as f32, self.center.y - view.y as f32)
    }

    /// How far a point lies towards the person looking, in millimetres before the middle.
    pub fn nearness_mm(&self, world_mm: DVec3) -> f64 {
        self.toward.dot(world_mm - self.target_mm)
    }

    /// The point of the world under a point of the screen, at the depth of the middle.
    pub fn world_from_screen(&self, screen: Pos2) -> DVec3 {
        let offset = (screen - self.center).to_dvec2() * self.mm_per_point;
        self.target_mm + self.right * offset.x - self.up * offset.y
    }

    /// The rays of the view in the coordinates of a box: where the one through the middle starts, how the start moves
    /// from the middle to the right and to the upper edge, and where a ray gets to in one millimetre.
    ///
    /// Rays start on the plane through the middle; points before it have negative distances.
    pub fn rays_in(&self, box_from_world: DAffine3) -> [DVec3; 4] {
        let half_mm = self.half_size.to_dvec2() * self.mm_per_point;
        [
            box_from_world.transform_point3(self.target_mm),
            box_from_world.transform_vector3(self.right * half_mm.x),
            box_from_world.transform_vector3(self.up * half_mm.y),
            box_from_world.transform_vector3(-self.toward),
        ]
    }
}

/// egui's single-precision vector in glam's double precision.
trait ToDVec2 {
    fn to_dvec2(self) -> DVec2;
}

impl ToDVec2 for Vec2 {
    fn to_dvec2(self) -> DVec2 {
        dvec2(f64::from(self.x), f64::from(self.y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewport() -> Rect {
        Rect::from_min_size(pos2(100.0, 50.0), Vec2::new(400.0, 300.0))
    }

    fn from_side(side: Side) -> Projection {
        let mut camera = Camera::default();
        camera.look_from(side);
        camera.project(viewport())
    }

    #[track_caller]
    fn check_close(found: DVec3, expected: DVec3) {
        assert!(found.distance(expected) < 1e-9, "found {found}, expected {expected}");
    }

    /// (side, what runs right, what runs up): as every anatomy atlas and ITK-SNAP, 3D Slicer and MITK draw them.
    #[test]
    fn standard_views_show_the_anatomy_unmirrored() {
        use Side::{Anterior, Inferior, Left, Posterior, Right, Superior};
        for (side, right, up) in [
            (Anterior, Left, Superior),
            (Posterior, Right, Superior),
            (Left, Posterior, Superior),
            (Right, Anterior, Superior),
            (Superior, Right, Anterior),
            (Inferior, Left, Anterior),
        ] {
            let projection = from_side(side);
            check_close(projection.toward, side.outward());
            check_close(projection.right, right.outward());
            check_close(projection.up, up.outward());
        }
    }

    #[test]
    fn the_view_is_right_handed_from_everywhere() {
        for azimuth_deg in (0..360).step_by(15) {
            for elevation_deg in (-90..=90).step_by(15) {
                let camera = Camera {
                    azimuth_deg: f64::from(azimuth_deg),
                    elevation_deg: f64::from(elevation_deg),
                    ..Camera::default()
                };
                let view_from_world = camera.project(viewport()).view_from_world();
                assert!((view_from_world.determinant() - 1.0).abs() < 1e-12);
                check_close(view_from_world * view_from_world.transpose() * DVec3::ONE, DVec3::ONE);
            }
        }
    }

    #[test]
    fn from_the_front_the_anterior_left_superior_corner_is_nearest_right_and_up() {
        let projection = from_side(Side::Anterior);
        let corner = dvec3(-10.0, 20.0, 30.0); // left, anterior, superior
        let screen = projection.screen_from_world(corner);
        assert!(screen.x > viewport().center().x, "the patient's left is on the right of the screen");
        assert!(screen.y < viewport().center().y);
        let nearest = corners()
            .map(|c| c * 2.0 - 1.0)
            .into_iter()
            .max_by(|a, b| projection.nearness_mm(*a).total_cmp(&projection.nearness_mm(*b)));
        assert_eq!(nearest.map(|corner| corner.y), Some(1.0));
    }

    #[test]
    fn the_front_follows_the_drag() {
        let mut camera = Camera { azimuth_deg: 0.0, elevation_deg: 0.0, ..Camera::default() };
        let nose = dvec3(0.0, 80.0, 0.0);
        let before = camera.project(viewport()).screen_from_world(nose);
        camera.rotate(Vec2::new(20.0, 10.0));
        let after = camera.project(viewport()).screen_from_world(nose);
        assert!(after.x > before.x && after.y > before.y, "{before:?} to {after:?}");
    }

    #[test]
    fn zoom_keeps_what_is_under_the_pointer() {
        let mut camera = Camera::default();
        let pointer = pos2(390.0, 90.0);
        let before = camera.project(viewport()).world_from_screen(pointer);
        camera.zoom_at(3.0, pointer, viewport());
        check_close(camera.project(viewport()).world_from_screen(pointer), before);
    }

    #[test]
    fn pan_moves_the_body_with_the_pointer() {
        let mut camera = Camera::default();
        let point = dvec3(3.0, 4.0, 5.0);
        let before = camera.project(viewport()).screen_from_world(point);
        camera.pan(Vec2::new(17.0, -9.0), viewport());
        let moved = camera.project(viewport()).screen_from_world(point) - before;
        assert!((moved - Vec2::new(17.0, -9.0)).length() < 1e-3, "{moved:?}");
    }

    #[test]
    fn a_fitted_oblique_box_lies_inside_the_view_from_everywhere() {
        let world_from_box = DAffine3::from_mat3_translation(
            DMat3::from_cols(dvec3(120.0, 30.0, 0.0), dvec3(-20.0, 90.0, 25.0), dvec3(10.0, -15.0, 60.0)),
            dvec3(-300.0, 40.0, 1000.0),
        );
        let mut camera = Camera::default();
        camera.fit(world_from_box);
        for azimuth_deg in 0..36 {
            camera.azimuth_deg = f64::from(azimuth_deg) * 10.0;
            let projection = camera.project(viewport());
            for corner in corners() {
                assert!(viewport().contains(projection.screen_from_world(world_from_box.transform_point3(corner))));
            }
        }
    }

    #[test]
    fn rays_meet_the_points_that_are_drawn_under_them_in_a_sheared_box() {
        let world_from_box = DAffine3::from_mat3_translation(
            DMat3::from_cols(dvec3(-80.0, 5.0, 2.0), dvec3(11.0, 70.0, -9.0), dvec3(3.0, 14.0, 50.0)),
            dvec3(12.0, -7.0, 33.0),
        );
        let mut camera = Camera::default();
        camera.fit(world_from_box);
        let projection = camera.project(viewport());
        let [start, across, upward, ahead] = projection.rays_in(world_from_box.inverse());
        for corner in corners() {
            let world = world_from_box.transform_point3(corner);
            let offset = projection.screen_from_world(world) - viewport().center();
            let ndc = dvec2(f64::from(offset.x) / 200.0, -f64::from(offset.y) / 150.0);
            let distance_mm = -projection.nearness_mm(world);
            let met = start + across * ndc.x + upward * ndc.y + ahead * distance_mm;
            assert!(met.distance(corner) < 1e-5, "{met} is not {corner}");
        }
    }
}
