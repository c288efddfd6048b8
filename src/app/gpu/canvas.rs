//! The pictures that the ray caster draws into, and how they get onto the screen.
//!
//! A view has two: a quick one of few pixels for while things move, and one at the screen's resolution to which a still
//! view adds samples, frame by frame, until every edge is smooth.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use eframe::egui_wgpu::wgpu;

/// Samples are averaged over many frames, which 8 bits a channel could not hold.
pub const PICTURE_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;

/// Whether a GPU can draw into pictures, average them and show them.
pub fn is_supported(adapter: &wgpu::Adapter) -> bool {
    let features = adapter.get_texture_format_features(PICTURE_FORMAT);
    let needed = wgpu::TextureFormatFeatureFlags::BLENDABLE | wgpu::TextureFormatFeatureFlags::FILTERABLE;
    features.allowed_usages.contains(wgpu::TextureUsages::RENDER_ATTACHMENT) && features.flags.contains(needed)
}

/// How the two pictures are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// Few pixels, for while things move.
    Quick,
    /// Every pixel of the screen, averaged over passes.
    Full,
}

/// Lays pictures on the screen.
#[derive(Debug)]
pub struct Presenter {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    is_linear: bool,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Show {
    filled: [f32; 4],
    screen: [f32; 4],
}

impl Presenter {
    /// For screens of the given format.
    pub fn new(device: &wgpu::Device, target_format: wgpu::TextureFormat) -> Self {
        let module = device.create_shader_module(wgpu::include_wgsl!("canvas.wgsl"));
        let filtered = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: true },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        let layout = super::bind_group_layout(
            device,
            "3D presenter",
            &[super::UNIFORM, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering), filtered],
        );
        let blend = wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING;
        let pipeline = super::cover_pipeline(device, &module, &layout, "present", target_format, blend);
        let sampler = super::linear_sampler(device);
        Self { pipeline, layout, sampler, is_linear: target_format.is_srgb() }
    }
}

/// The two pictures of one view.
#[derive(Debug)]
pub struct Canvas {
    size: [u32; 2],
    quick: Picture,
    full: Picture,
}

#[derive(Debug)]
struct Picture {
    view: wgpu::TextureView,
    show: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
}

impl Canvas {
    /// Pictures for a view of `size` pixels.
    pub fn new(device: &wgpu::Device, presenter: &Presenter, size: [u32; 2]) -> Self {
        let picture = || Picture::new(device, presenter, size);
        Self { size, quick: picture(), full: picture() }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    fn picture(&self, kind: PictureKind) -> &Picture {
        match kind {
            PictureKind::Quick => &self.quick,
            PictureKind::Full => &self.full,
        }
    }

    /// A pass that draws rows `rows` of the `filled` pixels of a picture and keeps the rest.
    pub fn begin_pass(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        kind: PictureKind,
        filled: [u32; 2],
        rows: Range<u32>,
    ) -> wgpu::RenderPass<'static> {
        let mut pass = encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("3D picture"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &self.picture(kind).view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations { load: wgpu::LoadOp::Load, store: wgpu::StoreOp::Store },
                })],
                ..Default::default()
            })
            .forget_lifetime();
        pass.set_viewport(0.0, 0.0, filled[0] as f32, filled[1] as f32, 0.0, 1.0);
        pass.set_scissor_rect(0, rows.start, filled[0], rows.end - rows.start);
        pass
    }

    /// Says which part of a picture is to be shown by the next [`Self::present`].
    pub fn prepare(&self, queue: &wgpu::Queue, presenter: &Presenter, kind: PictureKind, filled: [u32; 2]) {
        let part = |axis: usize, inset: f32| (filled[axis] as f32 - inset) / self.size[axis] as f32;
        let show = Show {
            filled: [part(0, 0.0), part(1, 0.0), part(0, 0.5), part(1, 0.5)],
            screen: [f32::from(u8::from(presenter.is_linear)), 0.0, 0.0, 0.0],
        };
        queue.write_buffer(&self.picture(kind).show, 0, bytemuck::bytes_of(&show));
    }

    /// Draws a picture over the pass's viewport.
    pub fn present(&self, pass: &mut wgpu::RenderPass<'static>, presenter: &Presenter, kind: PictureKind) {
        pass.set_pipeline(&presenter.pipeline);
        pass.set_bind_group(0, &self.picture(kind).bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}

impl Picture {
    fn new(device: &wgpu::Device, presenter: &Presenter, [width, height]: [u32; 2]) -> Self {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("3D picture"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: PICTURE_FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let show = super::uniform_buffer(device, size_of::<Show>());
        let bind_group = super::bind_group(
            device,
            &presenter.layout,
            &[
                show.as_entire_binding(),
                wgpu::BindingResource::Sampler(&presenter.sampler),
                wgpu::BindingResource::TextureView(&view),
            ],
        );
        Self { view, show, bind_group }
    }
}
