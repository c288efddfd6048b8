//! One frame of the 3D view, within egui's own.

use std::sync::Arc;

use eframe::egui::PaintCallbackInfo;
use eframe::egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};

use super::canvas::{Canvas, PictureKind, Presenter};
use super::raycaster::{Raycaster, Scene, View};

/// What stays the same from case to case.
#[derive(Debug)]
pub struct Pipelines {
    /// Casts rays into pictures.
    pub raycaster: Raycaster,
    /// Lays pictures on the screen.
    pub presenter: Presenter,
}

/// Rays to cast before the picture is shown.
#[derive(Debug)]
pub struct Work {
    /// What to draw.
    pub scene: Arc<Scene>,
    /// From where, and how finely.
    pub view: View,
    /// Which samples of a pixel; 0 replaces what the picture held.
    pub pass: u32,
    /// Into which picture.
    pub kind: PictureKind,
    /// How many of the picture's pixels.
    pub filled: [u32; 2],
    /// Which of their rows.
    pub rows: std::ops::Range<u32>,
}

/// Draws [`Work`] and shows a picture.
#[derive(Debug)]
pub struct Frame {
    /// Shared by all frames.
    pub pipelines: Arc<Pipelines>,
    /// The view's pictures.
    pub canvas: Arc<Canvas>,
    /// What is to be drawn, if anything.
    pub work: Option<Work>,
    /// Which picture is shown.
    pub shown: PictureKind,
    /// How many of its pixels.
    pub shown_size: [u32; 2],
}

impl CallbackTrait for Frame {
    fn prepare(
        &self,
        _device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        _resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(work) = &self.work {
            let mut pass = self.canvas.begin_pass(encoder, work.kind, work.filled, work.rows.clone());
            work.scene.draw(&self.pipelines.raycaster, queue, &work.view, work.pass, &mut pass);
        }
        self.canvas.prepare(queue, &self.pipelines.presenter, self.shown, self.shown_size);
        Vec::new()
    }

    fn paint(&self, _info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, _resources: &CallbackResources) {
        self.canvas.present(pass, &self.pipelines.presenter, self.shown);
    }
}
