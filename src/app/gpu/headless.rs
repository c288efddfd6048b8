//! A GPU without a window: for screenshots and for tests that look at pixels.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use eframe::egui_wgpu::{RenderState, RendererOptions, WgpuConfiguration, WgpuSetup, wgpu};
use image::RgbaImage;

/// Software Vulkan may take long over a large picture; a device that is lost takes forever.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A renderer for pictures in memory, on the best adapter that the machine has, a software one at the least.
///
/// # Errors
/// Where there is no adapter at all: says what to install.
pub fn render_state() -> anyhow::Result<RenderState> {
    let setup = WgpuSetup::without_display_handle();
    let instance = finish(setup.new_instance());
    let configuration = WgpuConfiguration { wgpu_setup: setup, ..Default::default() };
    let options = RendererOptions { dithering: false, ..Default::default() };
    finish(RenderState::create(&configuration, &instance, None, options)).context(
        "no GPU and no software renderer to draw with; on Debian or Ubuntu, `apt install mesa-vulkan-drivers` gives one",
    )
}

/// Runs a future of wgpu's, which are ready almost at once outside of a browser.
fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

/// A texture to draw a picture of `size` pixels into and read it back from.
pub fn target(gpu: &RenderState, [width, height]: [u32; 2]) -> wgpu::Texture {
    gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("screenshot"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: gpu.target_format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// Waits until the GPU has done all that it was given.
///
/// # Errors
/// Where it does not come to an end.
pub fn wait(gpu: &RenderState) -> anyhow::Result<()> {
    let all = wgpu::PollType::Wait { submission_index: None, timeout: Some(TIMEOUT) };
    gpu.device.poll(all).map(|_| ()).context("the GPU did not finish the picture")
}

/// The pixels of a [`target`], as they would be on a screen.
///
/// # Errors
/// Where the GPU does not deliver them.
pub fn read_back(gpu: &RenderState, texture: &wgpu::Texture) -> anyhow::Result<RgbaImage> {
    let (width, height) = (texture.width(), texture.height());
    let bytes_per_row = (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("screenshot"),
        size: u64::from(bytes_per_row) * u64::from(height),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(bytes_per_row), rows_per_image: None };
    let destination = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), destination, texture.size());
    gpu.queue.submit([encoder.finish()]);
    let (sender, receiver) = crossbeam_channel::bounded(1);
    buffer.slice(..).map_async(wgpu::MapMode::Read, move |mapped| drop(sender.send(mapped)));
    wait(gpu)?;
    receiver.try_recv().context("the GPU did not hand the picture back")??;
    let mapped =
        buffer.slice(..).get_mapped_range().map_err(|error| anyhow!("the picture cannot be read: {error:?}"))?;
    let mut pixels: Vec<u8> =
        mapped.chunks_exact(bytes_per_row as usize).flat_map(|row| row[..4 * width as usize].iter().copied()).collect();
    if gpu.target_format.remove_srgb_suffix() == wgpu::TextureFormat::Bgra8Unorm {
        pixels.chunks_exact_mut(4).for_each(|pixel| pixel.swap(0, 2));
    }
    RgbaImage::from_raw(width, height, pixels).context("the picture has the wrong size")
}
