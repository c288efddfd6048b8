//! The window on the screen: eframe's window and the device that it shares with the networks.

use std::sync::Arc;

use anyhow::Context as _;
use eframe::egui::{self, ViewportBuilder, vec2};
use eframe::egui_wgpu::{RenderState, WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew};
use eframe::{NativeOptions, Renderer, wgpu};

use super::{App, Start};
use crate::engine::{Engine, GpuHandles, device};

/// Opens the window and returns when it has closed.
///
/// # Errors
/// There is no screen, or nothing that can draw on it.
pub fn run(start: Start) -> anyhow::Result<()> {
    let options = NativeOptions {
        viewport: ViewportBuilder::default()
            .with_app_id("ldseg")
            .with_title("LDSeg")
            .with_inner_size(vec2(1440.0, 900.0))
            .with_min_inner_size(vec2(1100.0, 680.0))
            .with_drag_and_drop(true),
        renderer: Renderer::Wgpu,
        wgpu_options: WgpuConfiguration { wgpu_setup: setup(), ..WgpuConfiguration::default() },
        ..NativeOptions::default()
    };
    eframe::run_native("LDSeg", options, Box::new(move |creation| Ok(Box::new(open(creation, start)))))
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context(
            "could not open the window: it needs a screen (X11 or Wayland) and a Vulkan, Metal, Direct3D 12 or OpenGL \
             driver; on Linux, mesa-vulkan-drivers draws without a graphics card",
        )
}

fn open(creation: &eframe::CreationContext<'_>, start: Start) -> App {
    let gpu = creation.wgpu_render_state.clone();
    let ctx = creation.egui_ctx.clone();
    let wake = ctx.clone();
    let engine = Engine::start(gpu.as_ref().map(handles), move || wake.request_repaint());
    App::new(&ctx, gpu, engine, start)
}

/// What the networks need of the window's device.
pub(super) fn handles(state: &RenderState) -> GpuHandles {
    GpuHandles {
        instance: state.instance.clone(),
        adapter: state.adapter.clone(),
        device: state.device.clone(),
        queue: state.queue.clone(),
    }
}

/// A device that can do all that the adapter can, since the networks need more than drawing does.
fn setup() -> WgpuSetup {
    WgpuSetup::CreateNew(WgpuSetupCreateNew {
        device_descriptor: Arc::new(|adapter: &wgpu::Adapter| wgpu::DeviceDescriptor {
            label: Some("ldseg"),
            required_features: device::features(adapter),
            required_limits: adapter.limits(),
            ..wgpu::DeviceDescriptor::default()
        }),
        ..WgpuSetupCreateNew::without_display_handle()
    })
}

impl App {
    /// Runs one frame without a window: for pictures and tests.
    pub fn frame(&mut self, ui: &mut egui::Ui) {
        self.poll();
        self.draw(ui);
    }
}
