//! The 3D view: labels as surfaces, the image as a maximum intensity projection, or both, from any side.

mod cube;
mod frame;
mod textures;

use std::sync::{Arc, Weak};

use eframe::egui::{
    Align2, Button, FontId, PointerButton, Rect, Response, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};
use eframe::egui_wgpu::RenderState;

use self::textures::{Request, Textures};
use super::overlay::{INSET, scale_bar_ui, shaded_text, strong};
use crate::app::gpu::camera::Camera;
use crate::app::gpu::raycaster::{Look, Scene, world_from_box};
use crate::app::theme::{tokens, type_size};
use crate::app::widgets::segmented;
use crate::domain::{LabelMap, LabelTable, Volume, Window};

/// What the view shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Labels as lit surfaces.
    #[default]
    Surfaces,
    /// The greatest intensity along every line of sight.
    Projection,
    /// Surfaces within the projection.
    Both,
}

impl Mode {
    /// Each mode with the text and the tooltip of its button.
    const CHOICES: [(Self, &str, &str); 3] = [
        (Self::Surfaces, "Surfaces", "Labels as surfaces"),
        (Self::Projection, "MIP", "Maximum intensity projection of the image"),
        (Self::Both, "Both", "Labels within the projection"),
    ];
}

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct View3dInput<'a> {
    /// The image.
    pub volume: &'a Arc<Volume>,
    /// Its frame.
    pub frame: usize,
    /// Which of its intensities are black and white.
    pub window: Window,
    /// The labels; `None` where they are switched off.
    pub labels: Option<&'a Arc<LabelMap>>,
    /// The frame whose mask they are; one and the same where one is for all.
    pub labels_frame: usize,
    /// Changes whenever the labels do.
    pub revision: u64,
    /// What the labels' ids mean.
    pub table: &'a LabelTable,
    /// What to say of the labels beside the view's name: that they are a preview.
    pub note: Option<&'a str>,
    /// The voxel that the slices meet in.
    pub crosshair: [usize; 3],
    /// Lines through that voxel are drawn.
    pub crosshair_visible: bool,
}

/// What the view keeps from frame to frame.
#[derive(Debug, Default)]
pub struct View3d {
    camera: Camera,
    mode: Mode,
    has_slices: bool,
    /// The image that the camera was set up for.
    volume: Weak<Volume>,
    /// What the camera was made to show all of; kept until something else is there to be shown.
    framed: Option<Framed>,
    /// The person has zoomed or panned: the camera is theirs.
    is_framed_by_hand: bool,
    textures: Option<Textures>,
}

/// What the camera shows all of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framed {
    Volume,
    Labels,
}

impl View3d {
    /// Frees everything that belongs to a case; the camera's direction and the mode stay.
    pub fn forget(&mut self) {
        self.volume = Weak::new();
        if let Some(textures) = &mut self.textures {
            textures.forget();
        }
    }

    /// Draws the view into `rect`. Returns the response of the picture, for clicks that mean something to the window.
    pub fn ui(&mut self, ui: &mut Ui, rect: Rect, input: &View3dInput<'_>, gpu: Option<&RenderState>) -> Response {
        let response = ui.interact(rect, ui.scope_id().with("3D view"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "3D view"));
        frame::background_ui(ui, rect);
        let Some(gpu) = gpu else {
            message_ui(ui, rect, "The 3D view needs a GPU driver (Vulkan, Metal or Direct3D 12), and none was found");
            return response;
        };
        self.open(input);
        self.steer(ui, rect, &response);
        if let Err(error) = self.start(ui, gpu) {
            message_ui(ui, rect, &format!("The 3D view could not be started: {error}"));
            return response;
        }
        self.paint(ui, rect, input);
        self.captions_ui(ui, rect, input);
        self.controls_ui(ui, rect);
        response
    }

    /// Sets the view up for another image.
    fn open(&mut self, input: &View3dInput<'_>) {
        if !std::ptr::eq(self.volume.as_ptr(), Arc::as_ptr(input.volume)) {
            self.forget();
            self.volume = Arc::downgrade(input.volume);
            self.framed = None;
            self.is_framed_by_hand = false;
        }
    }

    fn start(&mut self, ui: &Ui, gpu: &RenderState) -> std::io::Result<()> {
        if self.textures.is_none() {
            self.textures = Some(Textures::start(gpu, ui.ctx())?);
        }
        Ok(())
    }

    /// Turns, moves and zooms as the pointer says.
    fn steer(&mut self, ui: &Ui, rect: Rect, response: &Response) {
        if response.dragged_by(PointerButton::Primary) {
            self.camera.rotate(response.drag_delta());
        }
        if response.dragged_by(PointerButton::Middle) || response.dragged_by(PointerButton::Secondary) {
            self.camera.pan(response.drag_delta(), rect);
            self.is_framed_by_hand = true;
        }
        let Some(pointer) = response.hover_pos() else { return };
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        // One notch of a wheel is about 40 points and zooms by an eighth.
        let factor = f64::from(pinch) * (f64::from(scroll) * 0.003).exp();
        if factor != 1.0 {
            self.camera.zoom_at(factor, pointer, rect);
            self.is_framed_by_hand = true;
        }
    }

    /// Shows all of what there is to see, as long as the person has not chosen otherwise.
    fn frame_contents(&mut self, input: &View3dInput<'_>) {
        let labels = self.textures.as_ref().and_then(Textures::scene).and_then(|scene| scene.labels().cloned());
        let (framed, world_from_box) = match (self.mode, labels) {
            (Mode::Surfaces, Some(labels)) if !self.has_slices => (Framed::Labels, labels.world_from_bounds()),
            _ => (Framed::Volume, world_from_box(input.volume.grid())),
        };
        if !self.is_framed_by_hand && self.framed != Some(framed) {
            self.camera.fit(world_from_box);
            self.framed = Some(framed);
        }
    }

    fn paint(&mut self, ui: &mut Ui, rect: Rect, input: &View3dInput<'_>) {
        let has_surfaces = self.mode != Mode::Projection;
        let has_projection = self.mode != Mode::Surfaces;
        // An image without labels is worth more than an empty box.
        let is_bare = self.mode == Mode::Surfaces && self.textures.as_ref().is_some_and(Textures::has_no_labels);
        let has_slices = self.has_slices || is_bare;
        if let Some(textures) = &mut self.textures {
            textures.update(&Request {
                volume: input.volume,
                frame: (has_projection || has_slices).then_some(input.frame),
                labels: input.labels.filter(|_| has_surfaces),
                labels_frame: input.labels_frame,
                revision: input.revision,
                table: input.table,
            });
        }
        self.frame_contents(input);
        let projection = self.camera.project(rect);
        let look = Look {
            projection,
            has_surfaces,
            has_projection,
            cuts: has_slices.then(|| input.crosshair.map(|voxel| voxel as f64)),
            window: input.window,
        };
        let painter = ui.painter_at(rect);
        let grid = input.volume.grid();
        frame::box_ui(&painter, tokens(ui), grid, &projection, frame::Edges::Behind);
        if let Some(textures) = &mut self.textures {
            textures.paint(ui, rect, &look);
        }
        frame::box_ui(&painter, tokens(ui), grid, &projection, frame::Edges::Before);
        if input.crosshair_visible {
            frame::crosshair_ui(&painter, tokens(ui), grid, &projection, input.crosshair);
        }
    }

    fn captions_ui(&self, ui: &Ui, rect: Rect, input: &View3dInput<'_>) {
        let tokens = tokens(ui);
        let painter = ui.painter_at(rect);
        let small = FontId::proportional(type_size::SMALL);
        let corner = rect.min + vec2(INSET, INSET - 2.0);
        let name = shaded_text(&painter, corner, Align2::LEFT_TOP, "3D", strong(type_size::BODY), tokens.volume);
        if let Some(note) = input.note {
            let beside = pos2(name.right() + 8.0, name.bottom() - 1.5);
            shaded_text(&painter, beside, Align2::LEFT_BOTTOM, note, small.clone(), tokens.accent);
        }
        let mut below = name.left_bottom() + vec2(0.0, 36.0);
        for line in self.remarks(input) {
            let line = shaded_text(&painter, below, Align2::LEFT_TOP, &line, small.clone(), tokens.overlay_weak);
            below.y = line.bottom() + 2.0;
        }
        let projection = self.camera.project(rect);
        scale_bar_ui(&painter, tokens, rect, (1.0 / projection.mm_per_point) as f32, "mm");
    }

    /// What the person should know of the picture: that it is not ready, that there is nothing to draw, that detail was
    /// given up.
    fn remarks(&self, input: &View3dInput<'_>) -> Vec<String> {
        let Some(textures) = &self.textures else { return Vec::new() };
        let mut lines = Vec::new();
        if textures.has_failed() {
            lines.push("The 3D view has stopped: the graphics device failed".to_owned());
        } else if textures.is_loading() {
            lines.push("Preparing…".to_owned());
        }
        let scene = textures.scene();
        if self.mode == Mode::Surfaces && textures.has_no_labels() {
            let why = if input.labels.is_none() { "Labels are hidden" } else { "No labels yet" };
            lines.push(format!("{why}: the image's slices"));
        }
        lines.extend(scene.into_iter().flat_map(reductions));
        lines
    }

    fn controls_ui(&mut self, ui: &mut Ui, rect: Rect) {
        let corner = rect.min + vec2(INSET - 2.0, 28.0);
        let row = Rect::from_min_size(corner, vec2((rect.width() - 2.0 * INSET).max(0.0), 28.0));
        ui.scope_builder(UiBuilder::new().max_rect(row).id_salt("3D controls"), |ui| {
            ui.horizontal(|ui| {
                if let Some(mode) = segmented(ui, "3D mode", self.mode, &Mode::CHOICES) {
                    self.mode = mode;
                }
                let text = RichText::new("Slices").size(type_size::SMALL + 0.5);
                let button = Button::selectable(self.has_slices, text).frame_when_inactive(true);
                if ui.add(button).on_hover_text("The three slices through the crosshair").clicked() {
                    self.has_slices = !self.has_slices;
                }
            });
        });
        let side = cube::cube_ui(ui, rect, &self.camera.project(rect));
        if let Some(side) = side {
            self.camera.look_from(side);
        }
        if cube::reset_ui(ui, rect) {
            self.is_framed_by_hand = false;
            self.framed = None;
        }
    }
}

/// Says where a texture holds less than the voxels do.
fn reductions(scene: &Arc<Scene>) -> Vec<String> {
    let of = |what: &str, voxels_per_texel: [usize; 3]| {
        let [i, j, k] = voxels_per_texel;
        (i.max(j).max(k) > 1).then(|| format!("{what} reduced {i} × {j} × {k}"))
    };
    let labels = scene.labels().and_then(|labels| of("Labels", labels.voxels_per_texel()));
    let image = scene.image().and_then(|image| of("Image", image.voxels_per_texel()));
    labels.into_iter().chain(image).collect()
}

fn message_ui(ui: &Ui, rect: Rect, text: &str) {
    let font = FontId::proportional(type_size::BODY);
    let galley = ui.painter().layout(text.to_owned(), font, tokens(ui).overlay_weak, (rect.width() - 40.0).max(80.0));
    let at = rect.center() - galley.size() / 2.0;
    ui.painter_at(rect).galley(at, galley, tokens(ui).overlay_weak);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use eframe::egui::{
        Context, Event, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, TouchPhase, ViewportId,
    };
    use glam::DVec3;

    use super::*;
    use crate::app::gpu::headless;
    use crate::app::theme;
    use crate::domain::phantom::{Phantom, PhantomKind, generate};

    /// A 3D view of the sample, driven by events.
    struct Stage {
        ctx: Context,
        gpu: RenderState,
        view: View3d,
        volume: Arc<Volume>,
        labels: Arc<LabelMap>,
        table: LabelTable,
        started: Instant,
    }

    impl Stage {
        /// `None` where there is no Vulkan and nobody insists.
        fn new() -> Option<Self> {
            let gpu = match headless::render_state() {
                Ok(gpu) => gpu,
                Err(error) if std::env::var_os("CI").is_some() => panic!("the test needs a Vulkan driver: {error:#}"),
                Err(error) => {
                    eprintln!("skipped, no Vulkan driver: {error:#}");
                    return None;
                }
            };
            let Phantom { volume, labels, table, .. } = generate(PhantomKind::TwoBodies, 1);
            let ctx = Context::default();
            theme::install(&ctx);
            let (volume, labels) = (Arc::new(volume), Arc::new(labels));
            Some(Self { ctx, gpu, view: View3d::default(), volume, labels, table, started: Instant::now() })
        }

        /// One frame; returns when the next is wanted.
        fn frame(&mut self, events: Vec<Event>) -> Duration {
            let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(500.0, 400.0));
            let time = Some(self.started.elapsed().as_secs_f64());
            let input = RawInput { screen_rect: Some(rect), time, events, ..RawInput::default() };
            let shown = View3dInput {
                volume: &self.volume,
                frame: 0,
                window: self.volume.auto_window(0),
                labels: Some(&self.labels),
                labels_frame: 0,
                revision: 1,
                table: &self.table,
                note: None,
                crosshair: [20, 20, 20],
                crosshair_visible: true,
            };
            let (view, gpu) = (&mut self.view, &self.gpu);
            let output = self.ctx.run_ui(input, |ui| drop(view.ui(ui, rect, &shown, Some(gpu))));
            output.viewport_output[&ViewportId::ROOT].repaint_delay
        }

        fn settle(&mut self) {
            while self.frame(Vec::new()) < Duration::from_secs(3600) {
                assert!(self.started.elapsed() < Duration::from_secs(60), "the view never comes to rest");
                std::thread::sleep(Duration::from_millis(3));
            }
        }

        fn toward(&self) -> DVec3 {
            self.view.camera.project(Rect::from_min_size(pos2(0.0, 0.0), vec2(500.0, 400.0))).toward
        }
    }

    fn press(pos: Pos2, pressed: bool) -> Vec<Event> {
        let button = PointerButton::Primary;
        vec![Event::PointerMoved(pos), Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE }]
    }

    #[test]
    fn a_view_that_shows_nothing_new_wants_no_further_frame() {
        let Some(mut stage) = Stage::new() else { return };
        stage.settle();
        assert!(stage.view.textures.as_ref().is_some_and(|textures| !textures.is_loading()));
        assert!(stage.view.textures.as_ref().and_then(Textures::scene).is_some_and(|scene| scene.labels().is_some()));
    }

    #[test]
    fn dragging_turns_the_body_and_a_click_on_a_letter_faces_its_side() {
        let Some(mut stage) = Stage::new() else { return };
        stage.settle();
        let before = stage.toward();
        stage.frame(press(pos2(200.0, 200.0), true));
        stage.frame(vec![Event::PointerMoved(pos2(260.0, 200.0))]);
        stage.frame(press(pos2(260.0, 200.0), false));
        let turned_deg = before.angle_between(stage.toward()).to_degrees();
        assert!(turned_deg > 15.0, "{turned_deg}");
        // The third of six letters of 20 points in the lower right corner stands for the left.
        let letter = pos2(500.0 - INSET - 20.0 * 3.5, 400.0 - INSET - 6.0);
        stage.frame(press(letter, true));
        stage.frame(press(letter, false));
        assert!(stage.toward().distance(DVec3::NEG_X) < 1e-9, "{}", stage.toward());
    }

    #[test]
    fn the_wheel_zooms_towards_the_pointer() {
        let Some(mut stage) = Stage::new() else { return };
        stage.settle();
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(500.0, 400.0));
        let pointer = pos2(330.0, 150.0);
        stage.frame(vec![Event::PointerMoved(pointer)]);
        let before = stage.view.camera.project(rect);
        stage.frame(vec![Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: vec2(0.0, 3.0),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        }]);
        stage.settle();
        let after = stage.view.camera.project(rect);
        assert!(after.mm_per_point < before.mm_per_point * 0.9);
        assert!(after.world_from_screen(pointer).distance(before.world_from_screen(pointer)) < 1e-6);
    }
}
