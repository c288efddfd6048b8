//! What the ray caster draws, looked at pixel by pixel on whatever Vulkan there is.

use std::sync::Arc;

use eframe::egui::{Rect, Vec2, pos2};
use eframe::egui_wgpu::{RenderState, wgpu};
use glam::{DAffine3, DMat3, DVec3, dvec3};
use image::RgbaImage;

use super::camera::{Camera, Projection, Side};
use super::canvas::{Canvas, PictureKind, Presenter};
use super::label_field::LabelField;
use super::raycaster::{Detail, ImageTextures, LabelTextures, Look, Raycaster, Scene, world_from_box};
use super::reduced_image::ReducedImage;
use super::{headless, loader};
use crate::domain::{Grid, Label, LabelMap, LabelTable, Scaling, Volume, Voxels, Window};
use crate::monitor::Silent;

const SIZE: [u32; 2] = [160, 120];

/// The GPU, or `None` where there is none and nobody insists (a machine that runs the tests for others does).
fn gpu() -> Option<RenderState> {
    match headless::render_state() {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("CI").is_some() => panic!("pixel tests need a Vulkan driver: {error:#}"),
        Err(error) => {
            eprintln!("skipped, no Vulkan driver: {error:#}");
            None
        }
    }
}

/// A case to draw: labels in the colours of their table, and an image.
#[derive(Default)]
struct Case {
    labels: Option<(LabelMap, LabelTable)>,
    volume: Option<Volume>,
}

impl Case {
    fn grid(&self) -> Grid {
        let labels = self.labels.as_ref().map(|(labels, _)| labels.grid().clone());
        labels.or_else(|| self.volume.as_ref().map(|volume| volume.grid().clone())).unwrap()
    }

    fn projection(&self, side: Side) -> Projection {
        let mut camera = Camera::default();
        camera.fit(world_from_box(&self.grid()));
        camera.look_from(side);
        camera.project(viewport())
    }

    fn look(&self, side: Side) -> Look {
        Look {
            projection: self.projection(side),
            has_surfaces: self.labels.is_some(),
            has_projection: self.labels.is_none(),
            cuts: None,
            window: Window::from_range(0.0, 100.0),
        }
    }

    fn draw(&self, gpu: &RenderState, look: &Look) -> RgbaImage {
        let (device, queue) = (&gpu.device, &gpu.queue);
        let raycaster = Raycaster::new(device, queue);
        let presenter = Presenter::new(device, gpu.target_format);
        let max_edge = loader::max_edge(device);
        let labels = self.labels.as_ref().map(|(labels, _)| {
            let field = LabelField::build(labels, &|_| true, max_edge, &Silent).unwrap().unwrap();
            Arc::new(LabelTextures::upload(device, queue, labels.grid().clone(), field))
        });
        let image = self.volume.as_ref().map(|volume| {
            let image = ReducedImage::build(volume, 0, max_edge, &Silent).unwrap();
            Arc::new(ImageTextures::upload(device, queue, &image))
        });
        let scene = Scene::new(device, &raycaster, self.grid(), labels, image);
        if let (Some(labels), Some((_, table))) = (scene.labels(), &self.labels) {
            scene.set_colors(queue, &labels.colors(table));
        }
        let canvas = Canvas::new(device, &presenter, SIZE);
        let target = headless::target(gpu, SIZE);
        for pass in 0..4 {
            let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let view = scene.view(look, Detail::FINE, pass, SIZE);
            let mut cast = canvas.begin_pass(&mut encoder, PictureKind::Full, SIZE, 0..SIZE[1]);
            scene.draw(&raycaster, queue, &view, pass, &mut cast);
            drop(cast);
            queue.submit([encoder.finish()]);
        }
        canvas.prepare(queue, &presenter, PictureKind::Full, SIZE);
        present(gpu, &canvas, &presenter, &target);
        headless::read_back(gpu, &target).unwrap()
    }
}

fn present(gpu: &RenderState, canvas: &Canvas, presenter: &Presenter, target: &wgpu::Texture) {
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let view = target.create_view(&wgpu::TextureViewDescriptor::default());
    let black = wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store };
    let mut pass = encoder
        .begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: black,
            })],
            ..Default::default()
        })
        .forget_lifetime();
    canvas.present(&mut pass, presenter, PictureKind::Full);
    drop(pass);
    gpu.queue.submit([encoder.finish()]);
}

fn viewport() -> Rect {
    Rect::from_min_size(pos2(0.0, 0.0), Vec2::new(SIZE[0] as f32, SIZE[1] as f32))
}

/// Labels given by the world's millimetres.
fn labels_where(grid: &Grid, id: impl Fn(DVec3) -> u16) -> LabelMap {
    let [ni, nj, _] = grid.shape();
    let world = |n: usize| {
        let voxel = dvec3((n % ni) as f64, (n / ni % nj) as f64, (n / (ni * nj)) as f64);
        grid.world_from_voxel().transform_point3(voxel)
    };
    LabelMap::new(grid.clone(), (0..grid.n_voxels()).map(|n| id(world(n))).collect()).unwrap()
}

fn table(colors: &[(u16, [u8; 3])]) -> LabelTable {
    let label = |&(id, color): &(u16, [u8; 3])| Label { color, ..Label::new(id, "body") };
    LabelTable { labels: colors.iter().map(label).collect() }
}

/// Sheared, anisotropic, left-handed in its voxels, far from the origin.
fn odd_grid() -> Grid {
    let matrix = DMat3::from_cols(dvec3(-1.1, 0.1, 0.0), dvec3(0.2, 0.1, 1.4), dvec3(0.3, -2.4, 0.2));
    Grid::new([70, 56, 40], DAffine3::from_mat3_translation(matrix, dvec3(130.0, -40.0, 900.0))).unwrap()
}

fn is_lit(image: &RgbaImage, x: u32, y: u32) -> bool {
    image.get_pixel(x, y).0[..3].iter().any(|&channel| channel > 24)
}

/// Columns and rows between which anything is lit.
fn lit_bounds(image: &RgbaImage) -> [u32; 4] {
    let lit: Vec<(u32, u32)> =
        image.enumerate_pixels().map(|(x, y, _)| (x, y)).filter(|&(x, y)| is_lit(image, x, y)).collect();
    let xs = || lit.iter().map(|p| p.0);
    let ys = || lit.iter().map(|p| p.1);
    [xs().min().unwrap(), xs().max().unwrap(), ys().min().unwrap(), ys().max().unwrap()]
}

#[test]
fn a_ball_on_an_odd_grid_is_a_lit_disc_of_its_own_size_place_and_colour() {
    let Some(gpu) = gpu() else { return };
    let grid = odd_grid();
    let middle = grid.world_from_voxel().transform_point3(dvec3(35.0, 28.0, 20.0));
    let radius_mm = 22.0;
    let labels = labels_where(&grid, |world| u16::from(world.distance(middle) < radius_mm));
    let case = Case { labels: Some((labels, table(&[(1, [220, 40, 30])]))), volume: None };
    for side in Side::ALL {
        let look = case.look(side);
        let image = case.draw(&gpu, &look);
        let [left, right, top, bottom] = lit_bounds(&image).map(f64::from);
        let expected_px = 2.0 * radius_mm / look.projection.mm_per_point;
        assert!(((right - left + 1.0) - expected_px).abs() < 3.0, "{side:?}: width {} not {expected_px}", right - left);
        assert!(
            ((bottom - top + 1.0) - expected_px).abs() < 3.0,
            "{side:?}: height {} not {expected_px}",
            bottom - top
        );
        let center = look.projection.screen_from_world(middle);
        assert!((f64::from(center.x) - (left + right + 1.0) / 2.0).abs() < 1.5);
        assert!((f64::from(center.y) - (top + bottom + 1.0) / 2.0).abs() < 1.5);
        let [r, g, b, _] = image.get_pixel(center.x as u32, center.y as u32).0;
        assert!(r > 150 && g < r / 2 && b < r / 2, "{side:?}: the front is red and well lit, found {:?}", [r, g, b]);
        let rim = image.get_pixel((right - 2.0) as u32, center.y as u32).0[0];
        assert!(r > rim + 20, "{side:?}: the rim is darker than the front: {rim} and {r}");
    }
}

#[test]
fn the_patients_left_is_on_the_right_of_the_anterior_view() {
    let Some(gpu) = gpu() else { return };
    let grid = odd_grid();
    let middle = grid.world_from_voxel().transform_point3(dvec3(35.0, 28.0, 20.0));
    let ball = |world: DVec3, offset: DVec3| world.distance(middle + offset) < 8.0;
    // Green at the patient's left, blue above, red in front.
    let labels = labels_where(&grid, |world| match world {
        w if ball(w, dvec3(-24.0, 0.0, 0.0)) => 1,
        w if ball(w, dvec3(0.0, 0.0, 24.0)) => 2,
        w if ball(w, dvec3(0.0, 24.0, 0.0)) => 3,
        _ => 0,
    });
    let colors = table(&[(1, [0, 220, 0]), (2, [0, 0, 220]), (3, [220, 0, 0])]);
    let case = Case { labels: Some((labels, colors)), volume: None };
    let strongest = |image: &RgbaImage, channel: usize| {
        let mut sum = [0.0; 3];
        for (x, y, pixel) in image.enumerate_pixels() {
            let others = (0..3).filter(|&c| c != channel).map(|c| pixel.0[c]).max().unwrap();
            if pixel.0[channel] > 40 && pixel.0[channel] / 2 > others {
                sum = [sum[0] + f64::from(x), sum[1] + f64::from(y), sum[2] + 1.0];
            }
        }
        assert!(sum[2] > 0.0, "channel {channel} is seen");
        [sum[0] / sum[2], sum[1] / sum[2]]
    };
    let [middle_x, middle_y] = SIZE.map(|edge| f64::from(edge) / 2.0);
    let anterior = case.draw(&gpu, &case.look(Side::Anterior));
    assert!(strongest(&anterior, 1)[0] > middle_x + 10.0, "left is on the right");
    assert!(strongest(&anterior, 2)[1] < middle_y - 10.0, "superior is up");
    let left = case.draw(&gpu, &case.look(Side::Left));
    assert!(strongest(&left, 0)[0] < middle_x - 10.0, "seen from the left, anterior is on the left");
    let inferior = case.draw(&gpu, &case.look(Side::Inferior));
    assert!(strongest(&inferior, 1)[0] > middle_x + 10.0, "from below, left is on the right");
    assert!(strongest(&inferior, 0)[1] < middle_y - 10.0, "and anterior is up");
    let superior = case.draw(&gpu, &case.look(Side::Superior));
    assert!(strongest(&superior, 1)[0] < middle_x - 10.0, "from above, left is on the left");
}

#[test]
fn what_lies_in_front_hides_what_lies_behind_unless_it_is_translucent() {
    let Some(gpu) = gpu() else { return };
    let grid = Grid::axis_aligned([40, 40, 40], [1.0; 3]).unwrap();
    let labels = labels_where(&grid, |w| match (w.x, w.y, w.z) {
        (x, _, z) if (x - 20.0).abs() > 12.0 || (z - 20.0).abs() > 12.0 => 0,
        (_, y, _) if (28.0..34.0).contains(&y) => 1,
        (_, y, _) if (6.0..12.0).contains(&y) => 2,
        _ => 0,
    });
    let mut case = Case { labels: Some((labels, table(&[(1, [230, 0, 0]), (2, [0, 0, 230])]))), volume: None };
    let middle = |case: &Case, side| case.draw(&gpu, &case.look(side)).get_pixel(SIZE[0] / 2, SIZE[1] / 2).0;
    let [r, _, b, _] = middle(&case, Side::Anterior);
    assert!(r > 100 && b < r / 2, "{r} {b}");
    let [r, _, b, _] = middle(&case, Side::Posterior);
    assert!(b > 100 && r < b / 2, "{r} {b}");
    case.labels.as_mut().unwrap().1.labels[0].opacity = 0.3;
    let [r, _, b, _] = middle(&case, Side::Anterior);
    assert!(r > 30 && b > 60, "blue shines through red: {r} {b}");
}

#[test]
fn a_bright_voxel_appears_in_the_projection_where_the_camera_puts_it() {
    let Some(gpu) = gpu() else { return };
    let grid = odd_grid();
    for voxel in [[5usize, 6, 7], [60, 50, 30], [20, 45, 3]] {
        let mut stored = vec![0i16; grid.n_voxels()];
        stored[grid.index(voxel)] = 100;
        let volume = Volume::new(grid.clone(), Voxels::I16(stored), Scaling::NONE, 1).unwrap();
        let case = Case { labels: None, volume: Some(volume) };
        let world = grid.world_from_voxel().transform_point3(DVec3::from_array(voxel.map(|v| v as f64)));
        for side in [Side::Anterior, Side::Left, Side::Superior] {
            let look = case.look(side);
            let image = case.draw(&gpu, &look);
            let brightest = image.enumerate_pixels().max_by_key(|(_, _, pixel)| pixel.0[0]).unwrap();
            let expected = look.projection.screen_from_world(world);
            let found = pos2(brightest.0 as f32 + 0.5, brightest.1 as f32 + 0.5);
            assert!((found - expected).length() < 2.0, "{side:?} {voxel:?}: found {found:?}, expected {expected:?}");
            assert!(brightest.2.0[0] > 50, "{side:?} {voxel:?}: as dark as {}", brightest.2.0[0]);
        }
    }
}

#[test]
fn the_window_sets_black_and_white_of_the_projection() {
    let Some(gpu) = gpu() else { return };
    let grid = Grid::axis_aligned([24, 24, 24], [1.0; 3]).unwrap();
    let stored = (0..24 * 24 * 24).map(|n| if n / 24 % 24 / 4 == 2 { 40 } else { -1000 }).collect();
    let volume = Volume::new(grid, Voxels::I16(stored), Scaling::NONE, 1).unwrap();
    let case = Case { labels: None, volume: Some(volume) };
    for (window, expected) in [((0.0, 80.0), 128), ((-1000.0, 40.0), 255), ((40.0, 90.0), 0)] {
        let look = Look { window: Window::from_range(window.0, window.1), ..case.look(Side::Anterior) };
        let found = case.draw(&gpu, &look).get_pixel(SIZE[0] / 2, SIZE[1] / 2).0[0];
        assert!(found.abs_diff(expected) < 16, "{window:?}: {found} not {expected}");
    }
}

#[test]
fn slices_lie_where_the_crosshair_is() {
    let Some(gpu) = gpu() else { return };
    let grid = Grid::axis_aligned([40, 40, 40], [1.0; 3]).unwrap();
    // A bright body only in slice k = 10.
    let stored = (0..40 * 40 * 40).map(|n| if n / 1600 == 10 { 100 } else { 0 }).collect();
    let volume = Volume::new(grid, Voxels::U8(stored), Scaling::NONE, 1).unwrap();
    let case = Case { labels: None, volume: Some(volume) };
    let base = Look { has_projection: false, ..case.look(Side::Superior) };
    let at = |k: f64| {
        let look = Look { cuts: Some([2.0, 2.0, k]), ..base };
        case.draw(&gpu, &look).get_pixel(SIZE[0] / 2, SIZE[1] / 2).0[0]
    };
    assert!(at(10.0) > 240);
    assert!(at(20.0) < 10);
}
