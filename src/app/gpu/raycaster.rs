//! The GPU's side of the 3D view: textures of labels and image, and the pipeline that casts rays through them.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use eframe::egui_wgpu::wgpu;
use glam::{DAffine3, DMat3, DVec3};

use super::camera::{Projection, corners};
use super::canvas::PICTURE_FORMAT;
use super::label_field::{LabelField, MARGIN};
use super::reduced_image::ReducedImage;
use crate::domain::{Grid, LabelTable, Window};

/// Width of the texture of label colours; label *n* is at (*n* mod width, *n* / width).
const COLORS_WIDTH: u32 = 256;
/// Edges of textures are kept to this even where a GPU could take more: beyond it a picture gains little and memory
/// grows with the cube.
pub const MAX_EDGE: usize = 256;

/// The pipeline that casts rays.
#[derive(Debug)]
pub struct Raycaster {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    nothing: Nothing,
}

/// Textures of one texel, bound where there are no labels or no image.
#[derive(Debug)]
struct Nothing {
    unit: wgpu::TextureView,
    index: wgpu::TextureView,
    skip: wgpu::TextureView,
    half: wgpu::TextureView,
}

/// A label map on the GPU.
#[derive(Debug)]
pub struct LabelTextures {
    grid: Grid,
    ids: Vec<u16>,
    size: [usize; 3],
    first_voxel: [i64; 3],
    voxels_per_texel: [usize; 3],
    n_channels: usize,
    occupancy: wgpu::TextureView,
    index: wgpu::TextureView,
    skip: wgpu::TextureView,
}

/// One frame of an image on the GPU.
#[derive(Debug)]
pub struct ImageTextures {
    size: [usize; 3],
    voxels_per_texel: [usize; 3],
    range: [f64; 2],
    texels: wgpu::TextureView,
    peaks: wgpu::TextureView,
}

impl LabelTextures {
    /// Uploads a field that was made from labels on `grid`.
    pub fn upload(device: &wgpu::Device, queue: &wgpu::Queue, grid: Grid, field: LabelField) -> Self {
        use wgpu::TextureFormat::{R8Uint, R8Unorm, R16Uint, Rg8Unorm, Rgba8Unorm};
        let format = match field.n_channels {
            1 => R8Unorm,
            2 => Rg8Unorm,
            _ => Rgba8Unorm,
        };
        let upload = |format, size, texels: &[u8]| texture_3d(device, queue, format, size, texels);
        Self {
            occupancy: upload(format, field.size, &field.occupancy),
            index: upload(R16Uint, field.size, bytemuck::cast_slice(&field.index)),
            skip: upload(R8Uint, field.skip_size, &field.skip),
            grid,
            ids: field.ids,
            size: field.size,
            first_voxel: field.first_voxel,
            voxels_per_texel: field.voxels_per_texel,
            n_channels: field.n_channels,
        }
    }

    /// Where the labels' voxels lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Voxels that one texel spans, above 1 where detail was given up.
    pub fn voxels_per_texel(&self) -> [usize; 3] {
        self.voxels_per_texel
    }

    /// The colour and opacity of every label that is drawn, as the texture of colours holds them.
    pub fn colors(&self, table: &LabelTable) -> Vec<[u8; 4]> {
        let color = |&id: &u16| match table.get(id) {
            Some(label) => {
                let [r, g, b] = label.color;
                [r, g, b, (label.opacity.clamp(0.0, 1.0) * 255.0).round() as u8]
            }
            None => {
                let [r, g, b] = LabelTable::palette(usize::from(id) - 1);
                [r, g, b, 255]
            }
        };
        self.ids.iter().map(color).collect()
    }

    /// The part of the world that the labels fill, from the unit cube.
    pub fn world_from_bounds(&self) -> DAffine3 {
        let texels = |a: usize| self.size[a] - 2 * MARGIN;
        let edges: [f64; 3] = std::array::from_fn(|a| (texels(a) * self.voxels_per_texel[a]) as f64);
        let first: [f64; 3] =
            std::array::from_fn(|a| (self.first_voxel[a] + (MARGIN * self.voxels_per_texel[a]) as i64) as f64 - 0.5);
        let voxel_from_bounds = DAffine3::from_scale(DVec3::from_array(edges));
        self.grid.world_from_voxel() * DAffine3::from_translation(DVec3::from_array(first)) * voxel_from_bounds
    }
}

impl ImageTextures {
    /// Uploads a reduced image.
    pub fn upload(device: &wgpu::Device, queue: &wgpu::Queue, image: &ReducedImage) -> Self {
        let half = wgpu::TextureFormat::R16Float;
        let upload = |size, texels| texture_3d(device, queue, half, size, bytemuck::cast_slice(texels));
        Self {
            texels: upload(image.size, image.texels.as_slice()),
            peaks: upload(image.peak_size, image.peaks.as_slice()),
            size: image.size,
            voxels_per_texel: image.voxels_per_texel,
            range: image.range,
        }
    }

    /// Voxels that one texel spans, above 1 where the image is too large for the GPU.
    pub fn voxels_per_texel(&self) -> [usize; 3] {
        self.voxels_per_texel
    }
}

fn texture_3d(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    format: wgpu::TextureFormat,
    size: [usize; 3],
    texels: &[u8],
) -> wgpu::TextureView {
    let [width, height, depth_or_array_layers] = size.map(|edge| edge as u32);
    let extent = wgpu::Extent3d { width, height, depth_or_array_layers };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("3D volume"),
        size: extent,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let bytes_per_row = format.block_copy_size(None).unwrap_or(1) * width;
    let rows =
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(bytes_per_row), rows_per_image: Some(height) };
    queue.write_texture(texture.as_image_copy(), texels, rows, extent);
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

impl Raycaster {
    /// Compiles the shader.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        use wgpu::TextureSampleType::{Float, Uint};
        use wgpu::TextureViewDimension::{D2, D3};
        let texture = |sample_type, view_dimension| wgpu::BindingType::Texture {
            sample_type,
            view_dimension,
            multisampled: false,
        };
        let module = device.create_shader_module(wgpu::include_wgsl!("raycaster.wgsl"));
        let layout = super::bind_group_layout(
            device,
            "3D ray caster",
            &[
                super::UNIFORM,
                wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                texture(Float { filterable: true }, D3),
                texture(Uint, D3),
                texture(Uint, D3),
                texture(Float { filterable: false }, D2),
                texture(Float { filterable: true }, D3),
                texture(Float { filterable: false }, D3),
            ],
        );
        // Pass n adds 1 / (n + 1) of itself to what the passes before it drew.
        let average = wgpu::BlendComponent {
            src_factor: wgpu::BlendFactor::Constant,
            dst_factor: wgpu::BlendFactor::OneMinusConstant,
            operation: wgpu::BlendOperation::Add,
        };
        let blend = wgpu::BlendState { color: average, alpha: average };
        let one = |format| {
            texture_3d(device, queue, format, [1; 3], &[0; 2][..format.block_copy_size(None).unwrap_or(1) as usize])
        };
        Self {
            pipeline: super::cover_pipeline(device, &module, &layout, "trace", PICTURE_FORMAT, blend),
            layout,
            sampler: super::linear_sampler(device),
            nothing: Nothing {
                unit: one(wgpu::TextureFormat::R8Unorm),
                index: one(wgpu::TextureFormat::R16Uint),
                skip: one(wgpu::TextureFormat::R8Uint),
                half: one(wgpu::TextureFormat::R16Float),
            },
        }
    }
}

/// What is drawn of a scene, and from where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// From where.
    pub projection: Projection,
    /// Labels as surfaces.
    pub has_surfaces: bool,
    /// The image as a maximum intensity projection.
    pub has_projection: bool,
    /// The voxel through which the three slices are laid.
    pub cuts: Option<[f64; 3]>,
    /// Which intensities are black and white.
    pub window: Window,
}

/// How closely rays are sampled: texels between two samples of the labels and of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detail {
    labels: f64,
    image: f64,
}

impl Detail {
    /// For while things move.
    pub const QUICK: Self = Self { labels: 1.2, image: 1.5 };
    /// For a still picture.
    pub const FINE: Self = Self { labels: 0.6, image: 0.6 };
}

/// The uniform buffer of the shader; its fields are explained there.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct View {
    rays: [[f32; 4]; 4],
    label_scale: [f32; 4],
    label_offset: [f32; 4],
    label_size: [f32; 4],
    image_scale: [f32; 4],
    image_size: [f32; 4],
    gradient: [[f32; 4]; 3],
    cuts: [f32; 4],
    window: [f32; 4],
    steps: [f32; 4],
    depth: [f32; 4],
    jitter: [f32; 4],
    layers: [f32; 4],
}

fn padded(v: DVec3, w: f64) -> [f32; 4] {
    [v.x as f32, v.y as f32, v.z as f32, w as f32]
}

fn vec3(v: [usize; 3]) -> DVec3 {
    DVec3::from_array(v.map(|edge| edge as f64))
}

/// The part of the world that a grid's voxels fill, from the unit cube; a voxel reaches half its size beyond its centre.
pub fn world_from_box(grid: &Grid) -> DAffine3 {
    let voxel_from_box = DAffine3::from_translation(DVec3::splat(-0.5)) * DAffine3::from_scale(vec3(grid.shape()));
    grid.world_from_voxel() * voxel_from_box
}

/// Labels and image together, as they are bound to the shader.
#[derive(Debug)]
pub struct Scene {
    grid: Grid,
    labels: Option<Arc<LabelTextures>>,
    image: Option<Arc<ImageTextures>>,
    colors: wgpu::Texture,
    view: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
}

impl Scene {
    /// Binds what there is of a case on `grid`.
    pub fn new(
        device: &wgpu::Device,
        raycaster: &Raycaster,
        grid: Grid,
        labels: Option<Arc<LabelTextures>>,
        image: Option<Arc<ImageTextures>>,
    ) -> Self {
        let n_labels = labels.as_ref().map_or(1, |labels| labels.ids.len().max(1)) as u32;
        let colors = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("3D label colours"),
            size: wgpu::Extent3d {
                width: COLORS_WIDTH,
                height: n_labels.div_ceil(COLORS_WIDTH),
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let colors_view = colors.create_view(&wgpu::TextureViewDescriptor::default());
        let view = super::uniform_buffer(device, size_of::<View>());
        let nothing = &raycaster.nothing;
        let (occupancy, index, skip) = labels
            .as_ref()
            .map_or((&nothing.unit, &nothing.index, &nothing.skip), |l| (&l.occupancy, &l.index, &l.skip));
        let (texels, peaks) = image.as_ref().map_or((&nothing.half, &nothing.half), |i| (&i.texels, &i.peaks));
        let texture = wgpu::BindingResource::TextureView;
        let bind_group = super::bind_group(
            device,
            &raycaster.layout,
            &[
                view.as_entire_binding(),
                wgpu::BindingResource::Sampler(&raycaster.sampler),
                texture(occupancy),
                texture(index),
                texture(skip),
                texture(&colors_view),
                texture(texels),
                texture(peaks),
            ],
        );
        Self { grid, labels, image, colors, view, bind_group }
    }

    /// The labels bound.
    pub fn labels(&self) -> Option<&Arc<LabelTextures>> {
        self.labels.as_ref()
    }

    /// The image bound.
    pub fn image(&self) -> Option<&Arc<ImageTextures>> {
        self.image.as_ref()
    }

    /// Sets the labels' colours and opacities, in the order of [`LabelTextures::colors`].
    pub fn set_colors(&self, queue: &wgpu::Queue, colors: &[[u8; 4]]) {
        let mut texels = vec![[0u8; 4]; (self.colors.width() * self.colors.height()) as usize];
        texels.iter_mut().zip(colors).for_each(|(texel, color)| *texel = *color);
        let rows =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * COLORS_WIDTH), rows_per_image: None };
        queue.write_texture(self.colors.as_image_copy(), bytemuck::cast_slice(&texels), rows, self.colors.size());
    }

    /// What the shader needs to draw pass `pass` of a picture of `size` pixels.
    pub fn view(&self, look: &Look, detail: Detail, pass: u32, size: [u32; 2]) -> View {
        let rays = look.projection.rays_in(world_from_box(&self.grid).inverse());
        let [near_mm, far_mm] = self.depth_mm(&look.projection);
        let mut view = View {
            rays: rays.map(|v| padded(v, 0.0)),
            cuts: look
                .cuts
                .map_or([0.0; 4], |voxel| padded((DVec3::from_array(voxel) + 0.5) / vec3(self.grid.shape()), 1.0)),
            depth: [near_mm as f32, 1.0 / (far_mm - near_mm).max(1e-6) as f32, 0.0, 0.0],
            jitter: jitter(pass, size),
            layers: [f32::from(u8::from(look.has_surfaces)), f32::from(u8::from(look.has_projection)), 0.0, 0.0],
            ..View::zeroed()
        };
        view.window[2] = if look.has_surfaces && self.labels.is_some() { 0.88 } else { 0.0 };
        if let Some(labels) = &self.labels {
            view.set_labels(labels, &look.projection, self.grid.shape(), detail);
        }
        if let Some(image) = &self.image {
            view.set_image(image, &self.grid, look.window, detail);
        }
        view
    }

    /// The nearest and farthest millimetre of what is shown, along the rays.
    fn depth_mm(&self, projection: &Projection) -> [f64; 2] {
        let world_from_box = self.labels.as_ref().map_or_else(|| world_from_box(&self.grid), |l| l.world_from_bounds());
        let depths = corners().map(|corner| -projection.nearness_mm(world_from_box.transform_point3(corner)));
        [depths.into_iter().fold(f64::INFINITY, f64::min), depths.into_iter().fold(f64::NEG_INFINITY, f64::max)]
    }

    /// Draws pass `pass` (from 0) into `render_pass`, averaged with the passes before it.
    pub fn draw(
        &self,
        raycaster: &Raycaster,
        queue: &wgpu::Queue,
        view: &View,
        pass: u32,
        render_pass: &mut wgpu::RenderPass<'static>,
    ) {
        queue.write_buffer(&self.view, 0, bytemuck::bytes_of(view));
        let share = 1.0 / f64::from(pass + 1);
        render_pass.set_pipeline(&raycaster.pipeline);
        render_pass.set_blend_constant(wgpu::Color { r: share, g: share, b: share, a: share });
        render_pass.set_bind_group(0, &self.bind_group, &[]);
        render_pass.draw(0..3, 0..1);
    }
}

impl View {
    fn set_labels(&mut self, labels: &LabelTextures, projection: &Projection, shape: [usize; 3], detail: Detail) {
        let voxels_per_texel = vec3(labels.voxels_per_texel);
        let first = DVec3::from_array(labels.first_voxel.map(|v| v as f64));
        self.label_scale = padded(vec3(shape) / voxels_per_texel, 0.0);
        self.label_offset = padded(-first / voxels_per_texel, 0.0);
        self.label_size = padded(vec3(labels.size), labels.n_channels as f64);
        let world_from_texel = labels.grid.world_from_voxel().matrix3 * DMat3::from_diagonal(voxels_per_texel);
        // A gradient turns as a plane does, not as a direction: by the inverse's transpose.
        let view_from_gradient = projection.view_from_world() * world_from_texel.inverse().transpose();
        self.gradient = view_from_gradient.to_cols_array_2d().map(|column| padded(DVec3::from_array(column), 0.0));
        self.steps[0] = (shortest_mm(world_from_texel) * detail.labels) as f32;
    }

    fn set_image(&mut self, image: &ImageTextures, grid: &Grid, window: Window, detail: Detail) {
        let voxels_per_texel = vec3(image.voxels_per_texel);
        self.image_scale = padded(vec3(grid.shape()) / voxels_per_texel, 0.0);
        self.image_size = padded(vec3(image.size), 1.0);
        let [low, high] = image.range;
        let unit = |intensity: f64| ((intensity - low) / (high - low).max(f64::MIN_POSITIVE)) as f32;
        self.window[0] = unit(window.low());
        self.window[1] = unit(window.high());
        let world_from_texel = grid.world_from_voxel().matrix3 * DMat3::from_diagonal(voxels_per_texel);
        self.steps[1] = (shortest_mm(world_from_texel) * detail.image) as f32;
    }
}

fn shortest_mm(world_from_texel: DMat3) -> f64 {
    let DMat3 { x_axis, y_axis, z_axis } = world_from_texel;
    x_axis.length().min(y_axis.length()).min(z_axis.length())
}

/// Where within its pixel pass `pass` looks (Halton's points: every count of passes covers the pixel evenly), and where
/// its first sample lies. The first pass looks at the middle.
fn jitter(pass: u32, size: [u32; 2]) -> [f32; 4] {
    let halton = |base: u32| {
        let (mut n, mut digit, mut value) = (pass, 1.0, 0.0);
        while n > 0 {
            digit /= f64::from(base);
            value += digit * f64::from(n % base);
            n /= base;
        }
        value
    };
    let pixels = |base| if pass == 0 { 0.0 } else { halton(base) - 0.5 };
    let x = pixels(2) * 2.0 / f64::from(size[0]);
    let y = pixels(3) * 2.0 / f64::from(size[1]);
    [x as f32, y as f32, (f64::from(pass) * 0.618_034).fract() as f32, 0.0]
}
