//! Pictures of the window without a window: for documents, and for tests that look at the whole.
//!
//! The real interface runs frame by frame on a GPU without a screen until it has nothing left to do, exactly as it would
//! before a person's eyes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use eframe::egui::{self, Context, FullOutput, RawInput, Rect, ViewportId, pos2, vec2};
use eframe::egui_wgpu::{RenderState, ScreenDescriptor, wgpu};
use image::{DynamicImage, ImageFormat, RgbaImage};

use super::gpu::headless;
use super::state::LastRun;
use super::{App, Places, Start};
use crate::engine::Engine;

/// Opening, segmenting and drawing may take this long together: a slow processor at a large volume.
const TIME_LIMIT: Duration = Duration::from_secs(600);
/// A window that wants its next frame later than this is at rest; only messages go then.
const AT_REST: Duration = Duration::from_millis(900);
/// How often a window that waits for something is looked at.
const TICK: Duration = Duration::from_millis(15);

/// Draws the window, opened as `start` says, into a PNG of `size` pixels; with `segment`, after the image has been
/// segmented and the result is shown as a preview.
///
/// # Errors
/// There is nothing to draw with (says what to install), the image does not open or is not segmented, it takes longer
/// than ten minutes, or the file cannot be written.
pub fn screenshot(start: Start, size: [u32; 2], path: &Path, segment: bool) -> anyhow::Result<()> {
    let expects_case = start.image.is_some() || start.sample;
    let mut stage = Stage::new(start, size)?;
    stage.settle()?;
    if expects_case && stage.app.state.case.is_none() {
        bail!("{}", stage.newest_message().unwrap_or_else(|| "the image could not be opened".to_owned()));
    }
    if segment {
        stage.segment()?;
    }
    let picture = DynamicImage::ImageRgba8(stage.picture()?).into_rgb8();
    picture.save_with_format(path, ImageFormat::Png).with_context(|| format!("cannot write {}", path.display()))
}

/// The window, and what it is drawn on.
struct Stage {
    app: App,
    ctx: Context,
    gpu: RenderState,
    target: wgpu::Texture,
    size: [u32; 2],
    started: Instant,
}

impl Stage {
    fn new(start: Start, size: [u32; 2]) -> anyhow::Result<Self> {
        let gpu = headless::render_state()?;
        let longest = gpu.device.limits().max_texture_dimension_2d;
        if size.contains(&0) || size.iter().any(|&edge| edge > longest) {
            bail!("a picture is 1 to {longest} pixels wide and high on this device, not {} × {}", size[0], size[1]);
        }
        let ctx = Context::default();
        let wake = ctx.clone();
        let engine = Engine::start(None, move || wake.request_repaint());
        // Without the person's settings: a picture looks the same on every machine, and leaves no trace in theirs.
        let app = App::with_places(&ctx, Some(gpu.clone()), engine, start, Places::default());
        Ok(Self { target: headless::target(&gpu, size), app, ctx, gpu, size, started: Instant::now() })
    }

    /// Runs frames until nothing moves any more.
    fn settle(&mut self) -> anyhow::Result<()> {
        // What one frame changes, the next one shows, and only the one after can know that nothing followed.
        let mut n_quiet = 0;
        while n_quiet < 3 {
            if self.started.elapsed() > TIME_LIMIT {
                bail!("the window was not ready after {} minutes", TIME_LIMIT.as_secs() / 60);
            }
            let delay = self.frame()?;
            let is_quiet = self.app.is_idle() && delay >= AT_REST;
            n_quiet = if is_quiet { n_quiet + 1 } else { 0 };
            if delay > Duration::ZERO {
                std::thread::sleep(TICK.min(delay));
            }
        }
        Ok(())
    }

    fn segment(&mut self) -> anyhow::Result<()> {
        if !self.app.segment() {
            bail!("there is nothing to segment: give an image, or --sample");
        }
        self.settle()?;
        match &self.app.state.last_run {
            Some(LastRun::Failed(message)) => bail!("{message}"),
            Some(LastRun::Cancelled) => bail!("the segmentation was cancelled"),
            Some(LastRun::Finished { .. }) | None => Ok(()),
        }
    }

    /// Runs and draws one frame; returns how long the window could wait for its next one.
    fn frame(&mut self) -> anyhow::Result<Duration> {
        let [width, height] = self.size.map(|edge| edge as f32);
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(width, height))),
            time: Some(self.started.elapsed().as_secs_f64()),
            max_texture_side: Some(self.gpu.device.limits().max_texture_dimension_2d as usize),
            focused: true,
            ..RawInput::default()
        };
        let (ctx, app) = (&self.ctx, &mut self.app);
        let output = ctx.run_ui(input, |ui: &mut egui::Ui| app.frame(ui));
        let delay = output.viewport_output.get(&ViewportId::ROOT).map_or(Duration::MAX, |root| root.repaint_delay);
        self.draw(output)?;
        Ok(delay)
    }

    fn draw(&self, mut output: FullOutput) -> anyhow::Result<()> {
        let RenderState { device, queue, .. } = &self.gpu;
        let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let screen = ScreenDescriptor { size_in_pixels: self.size, pixels_per_point: output.pixels_per_point };
        let mut renderer = self.gpu.renderer.write();
        for (id, images) in output.textures_delta.set.drain() {
            for image in images {
                renderer.update_texture(device, queue, id, &image);
            }
        }
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("screenshot") });
        let mut commands = renderer.update_buffers(device, queue, &mut encoder, &primitives, &screen);
        {
            let mut pass = self.begin_pass(&mut encoder);
            renderer.render(&mut pass, &primitives, &screen);
        }
        for id in output.textures_delta.free.drain() {
            renderer.free_texture(&id);
        }
        drop(renderer);
        commands.push(encoder.finish());
        queue.submit(commands);
        headless::wait(&self.gpu)
    }

    fn begin_pass(&self, encoder: &mut wgpu::CommandEncoder) -> wgpu::RenderPass<'static> {
        let view = self.target.create_view(&wgpu::TextureViewDescriptor::default());
        let clear = wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store };
        encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("screenshot"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: clear,
                })],
                ..Default::default()
            })
            .forget_lifetime()
    }

    fn picture(&self) -> anyhow::Result<RgbaImage> {
        headless::read_back(&self.gpu, &self.target)
    }

    /// What the window says went wrong.
    fn newest_message(&self) -> Option<String> {
        self.app.state.notices.shown().last().map(|notice| notice.message.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phantom::{PhantomKind, generate};
    use crate::io::nifti;
    use crate::monitor::Silent;

    const SIZE: [u32; 2] = [1280, 800];

    /// A picture of the window, or `None` where there is nothing to draw with and nobody insists. The folder
    /// `LDSEG_SCREENSHOTS`, if given, keeps the pictures for people to look at.
    fn picture(name: &str, start: Start, segment: bool) -> Option<RgbaImage> {
        if let Err(error) = headless::render_state() {
            assert!(std::env::var_os("CI").is_none(), "screenshots need a Vulkan driver: {error:#}");
            eprintln!("skipped, no Vulkan driver: {error:#}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let kept = std::env::var_os("LDSEG_SCREENSHOTS").map(std::path::PathBuf::from);
        let path = kept.as_deref().unwrap_or(folder.path()).join(name);
        screenshot(start, SIZE, &path, segment).unwrap();
        let picture = image::open(path).unwrap().into_rgba8();
        assert_eq!([picture.width(), picture.height()], SIZE);
        Some(picture)
    }

    /// Pixels of the picture's lower middle, where the 3D view stands, that are clearly coloured.
    fn n_colored(picture: &RgbaImage) -> usize {
        let in_3d = |x: u32, y: u32| (600..960).contains(&x) && (420..740).contains(&y);
        let is_colored = |[r, g, b, _]: [u8; 4]| r.max(g).max(b) > 90 && r.max(g).max(b) - r.min(g).min(b) > 60;
        picture.enumerate_pixels().filter(|&(x, y, pixel)| in_3d(x, y) && is_colored(pixel.0)).count()
    }

    #[test]
    fn the_start_page_is_drawn() {
        let Some(picture) = picture("start.png", Start::default(), false) else { return };
        let first = *picture.get_pixel(0, 0);
        assert!(picture.pixels().filter(|pixel| **pixel != first).count() > 10_000);
    }

    #[test]
    fn labels_on_an_image_are_drawn_as_surfaces() {
        let folder = tempfile::tempdir().unwrap();
        let (image, labels) = (folder.path().join("image.nii.gz"), folder.path().join("labels.nii.gz"));
        let phantom = generate(PhantomKind::TwoBodies, 7);
        nifti::write_volume(&image, &phantom.volume, None, &Silent).unwrap();
        nifti::write_labels(&labels, &phantom.labels, None, &Silent).unwrap();
        let start = Start { image: Some(image), labels: Some(labels), ..Start::default() };
        let Some(picture) = picture("labels.png", start, false) else { return };
        assert!(n_colored(&picture) > 4_000, "{}", n_colored(&picture));
    }

    #[test]
    fn a_segmentation_is_drawn_as_a_preview() {
        let sample = || Start { sample: true, ..Start::default() };
        let Some(before) = picture("sample.png", sample(), false) else { return };
        let Some(after) = picture("segment.png", sample(), true) else { return };
        assert!(before != after);
    }

    #[test]
    fn an_image_that_does_not_open_is_an_error_that_names_it() {
        if headless::render_state().is_err() {
            return;
        }
        let start = Start { image: Some("/nowhere/scan.nii.gz".into()), ..Start::default() };
        let folder = tempfile::tempdir().unwrap();
        let error = screenshot(start, SIZE, &folder.path().join("none.png"), false).unwrap_err();
        assert!(format!("{error:#}").contains("scan.nii.gz"), "{error:#}");
        assert!(!folder.path().join("none.png").exists());
    }
}
