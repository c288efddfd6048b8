//! Which textures the 3D view has, which it wants, and the frames that it draws with them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Context, PaintCallbackInfo, Rect, Ui};
use eframe::egui_wgpu::{Callback, RenderState, wgpu};

use crate::app::gpu::callback::{Frame, Pipelines, Work};
use crate::app::gpu::canvas::{self, Canvas, PictureKind};
use crate::app::gpu::loader::{Loaded, Loader, Order};
use crate::app::gpu::raycaster::{Detail, ImageTextures, LabelTextures, Look, Scene, View};
use crate::app::gpu::refinement::{Refinement, Step};
use crate::domain::{LabelMap, LabelTable, Volume};

/// Labels that keep changing under a brush are shaped anew once they have rested this long.
const REST: Duration = Duration::from_millis(120);

/// What the view wants to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub volume: &'a Arc<Volume>,
    /// The frame of which an image is wanted; `None` where the mode shows none.
    pub frame: Option<usize>,
    pub labels: Option<&'a Arc<LabelMap>>,
    /// The frame that they are of.
    pub labels_frame: usize,
    pub revision: u64,
    pub table: &'a LabelTable,
}

#[derive(Clone, Debug, PartialEq)]
struct LabelKey {
    /// Tells maps apart that happen to be of one revision; never looked through.
    address: usize,
    revision: u64,
    frame: usize,
    hidden: Vec<u16>,
}

/// Everything on the GPU, and the thread that brings it there.
pub(super) struct Textures {
    gpu: RenderState,
    ctx: Context,
    loader: Loader,
    pipelines: Option<Arc<Pipelines>>,
    labels: Slot<LabelKey, LabelTextures>,
    image: Slot<usize, ImageTextures>,
    scene: Option<Arc<Scene>>,
    colors: Vec<[u8; 4]>,
    canvas: Option<Arc<Canvas>>,
    refinement: Refinement,
    /// What the picture shows; another view starts it anew.
    drawn: Option<View>,
    started: Instant,
}

impl std::fmt::Debug for Textures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Textures").field("labels", &self.labels).field("image", &self.image).finish_non_exhaustive()
    }
}

impl Textures {
    /// Starts the thread on the window's device.
    pub(super) fn start(gpu: &RenderState, ctx: &Context) -> std::io::Result<Self> {
        if !canvas::is_supported(&gpu.adapter) {
            return Err(std::io::Error::other("this GPU cannot draw in half-precision colours"));
        }
        let wake = ctx.clone();
        let is_software = gpu.adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        Ok(Self {
            gpu: gpu.clone(),
            ctx: ctx.clone(),
            loader: Loader::start(gpu, move || wake.request_repaint())?,
            pipelines: None,
            labels: Slot::default(),
            image: Slot::default(),
            scene: None,
            colors: Vec::new(),
            canvas: None,
            refinement: Refinement::new(is_software),
            drawn: None,
            started: Instant::now(),
        })
    }

    /// Frees the case's textures.
    pub(super) fn forget(&mut self) {
        self.labels.forget();
        self.image.forget();
        self.scene = None;
        self.drawn = None;
    }

    /// What is bound now, if anything is.
    pub(super) fn scene(&self) -> Option<&Arc<Scene>> {
        self.scene.as_ref()
    }

    /// Nothing will be made any more.
    pub(super) fn has_failed(&self) -> bool {
        self.loader.has_failed()
    }

    /// Something is being made.
    pub(super) fn is_loading(&self) -> bool {
        self.pipelines.is_none() || self.labels.is_loading() || self.image.is_loading()
    }

    /// There is no label to draw, for certain.
    pub(super) fn has_no_labels(&self) -> bool {
        self.labels.now.is_none() && !self.labels.is_loading()
    }

    /// Takes in what is finished and orders what is missing.
    pub(super) fn update(&mut self, request: &Request<'_>) {
        let mut is_changed = false;
        for loaded in self.loader.poll() {
            is_changed = true;
            match loaded {
                Loaded::Pipelines(pipelines) => self.pipelines = Some(pipelines),
                Loaded::Labels(ticket, textures) => self.labels.receive(ticket, textures),
                Loaded::Image(ticket, textures) => self.image.receive(ticket, Some(textures)),
            }
        }
        is_changed |= self.order_labels(request);
        is_changed |= self.order_image(request);
        if is_changed || self.scene.is_none() {
            self.bind(request);
        }
        self.paint_labels(request.table);
        if self.is_loading() && !self.has_failed() {
            // The thread wakes the window when it is done; until then the window knows that it is not.
            self.ctx.request_repaint_after(REST);
        }
    }

    fn order_labels(&mut self, request: &Request<'_>) -> bool {
        let wanted = request.labels.map(|labels| LabelKey {
            address: Arc::as_ptr(labels) as usize,
            revision: request.revision,
            frame: request.labels_frame,
            hidden: hidden_ids(request.table),
        });
        // Frames that are played never rest: what is shown keeps up with them as fast as it is made.
        let is_of_other_frame = self.labels.key.as_ref().is_some_and(|known| known.frame != request.labels_frame);
        let rest = if is_of_other_frame { Duration::ZERO } else { REST };
        let (order, is_changed) = self.labels.want(wanted, Instant::now(), rest);
        if let (Some((ticket, key)), Some(labels)) = (order, request.labels) {
            self.loader.order(Order::Labels { ticket, labels: Arc::clone(labels), hidden: key.hidden });
        }
        is_changed
    }

    fn order_image(&mut self, request: &Request<'_>) -> bool {
        let (order, is_changed) = self.image.want(request.frame, Instant::now(), Duration::ZERO);
        if let Some((ticket, frame)) = order {
            self.loader.order(Order::Image { ticket, volume: Arc::clone(request.volume), frame });
        }
        is_changed
    }

    fn bind(&mut self, request: &Request<'_>) {
        let Some(pipelines) = &self.pipelines else { return };
        let grid = request.volume.grid().clone();
        let (labels, image) = (self.labels.now.clone(), self.image.now.clone());
        self.scene = Some(Arc::new(Scene::new(&self.gpu.device, &pipelines.raycaster, grid, labels, image)));
        self.colors.clear();
        self.drawn = None;
    }

    fn paint_labels(&mut self, table: &LabelTable) {
        let Some((scene, labels)) = self.scene.as_ref().and_then(|scene| Some((scene, scene.labels()?))) else {
            return;
        };
        let colors = labels.colors(table);
        if colors != self.colors {
            scene.set_colors(&self.gpu.queue, &colors);
            self.colors = colors;
            self.drawn = None;
        }
    }

    /// Draws as much of the picture as a frame has time for, and shows it.
    pub(super) fn paint(&mut self, ui: &Ui, rect: Rect, look: &Look) {
        let (Some(pipelines), Some(scene)) = (self.pipelines.clone(), self.scene.clone()) else { return };
        let size = size_in_pixels(ui.ctx(), rect);
        let canvas = match &self.canvas {
            Some(canvas) if canvas.size() == size => Arc::clone(canvas),
            _ => {
                self.drawn = None;
                let canvas = Arc::new(Canvas::new(&self.gpu.device, &pipelines.presenter, size));
                self.canvas.insert(canvas).clone()
            }
        };
        let view = scene.view(look, Detail::FINE, 0, size);
        let is_changed = self.drawn != Some(view);
        self.drawn = Some(view);
        let work = match self.refinement.next(is_changed, size, self.started.elapsed().as_secs_f64()) {
            Step::Quick(filled) => {
                let view = scene.view(look, Detail::QUICK, 0, filled);
                Some(Work { view, pass: 0, kind: PictureKind::Quick, filled, rows: 0..filled[1], scene })
            }
            Step::Refine { pass, rows } => {
                let view = scene.view(look, Detail::FINE, pass, size);
                Some(Work { view, pass, kind: PictureKind::Full, filled: size, rows, scene })
            }
            Step::Wait(seconds) => {
                ui.ctx().request_repaint_after(Duration::from_secs_f64(seconds));
                None
            }
            Step::Done => None,
        };
        if work.is_some() {
            ui.ctx().request_repaint();
        }
        let (shown, shown_size) = self.refinement.shown(size);
        let frame = Frame { pipelines, canvas, work, shown, shown_size };
        ui.painter_at(rect).add(Callback::new_paint_callback(rect, frame));
    }
}

/// The pixels that egui gives a callback on `rect`.
fn size_in_pixels(ctx: &Context, rect: Rect) -> [u32; 2] {
    let pixels_per_point = ctx.pixels_per_point();
    let screen = ctx.content_rect().size() * pixels_per_point;
    let screen_size_px = [screen.x.round() as u32, screen.y.round() as u32];
    let info = PaintCallbackInfo { viewport: rect, clip_rect: rect, pixels_per_point, screen_size_px };
    let viewport = info.viewport_in_pixels();
    [viewport.width_px, viewport.height_px].map(|edge| edge.max(1) as u32)
}

/// The ids that are not to be drawn, ascending.
fn hidden_ids(table: &LabelTable) -> Vec<u16> {
    let is_hidden = |label: &&crate::domain::Label| !label.visible || label.opacity <= 0.0;
    let mut hidden: Vec<u16> = table.labels.iter().filter(is_hidden).map(|label| label.id).collect();
    hidden.sort_unstable();
    hidden
}

/// One kind of texture: what is there, what it shows, and what has been ordered.
#[derive(Debug)]
struct Slot<K, T> {
    now: Option<Arc<T>>,
    /// What `now` was made from; `now` may be nothing even then.
    key: Option<K>,
    ordered: Option<(u64, K)>,
    /// What is wanted, and since when.
    wanted: Option<(K, Instant)>,
    n_orders: u64,
}

impl<K, T> Default for Slot<K, T> {
    fn default() -> Self {
        Self { now: None, key: None, ordered: None, wanted: None, n_orders: 0 }
    }
}

impl<K: Clone + PartialEq, T> Slot<K, T> {
    /// Frees what there is; what has been ordered will not be taken.
    fn forget(&mut self) {
        *self = Self { n_orders: self.n_orders, ..Self::default() };
    }

    fn is_loading(&self) -> bool {
        self.ordered.is_some() || self.wanted.as_ref().is_some_and(|(key, _)| Some(key) != self.key.as_ref())
    }

    /// Says what is wanted at `now`. Returns an order to be given, and whether what there is has gone.
    ///
    /// One order at a time. The first is given at once; later ones when the wish has not changed for `rest`.
    fn want(&mut self, key: Option<K>, now: Instant, rest: Duration) -> (Option<(u64, K)>, bool) {
        let Some(key) = key else {
            let had_any = self.now.is_some();
            self.forget();
            return (None, had_any);
        };
        let since = match &self.wanted {
            Some((wanted, since)) if *wanted == key => *since,
            _ => now,
        };
        self.wanted = Some((key.clone(), since));
        let is_there = self.key.as_ref() == Some(&key);
        let has_rested = self.key.is_none() || now.duration_since(since) >= rest;
        if is_there || self.ordered.is_some() || !has_rested {
            return (None, false);
        }
        self.n_orders += 1;
        self.ordered = Some((self.n_orders, key.clone()));
        (Some((self.n_orders, key)), false)
    }

    /// Takes what was ordered, unless it has been forgotten since.
    fn receive(&mut self, ticket: u64, textures: Option<Arc<T>>) {
        if let Some((_, key)) = self.ordered.take_if(|(ordered, _)| *ordered == ticket) {
            self.now = textures;
            self.key = Some(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_order_is_given_at_once_and_only_once() {
        let mut slot = Slot::<u32, ()>::default();
        let now = Instant::now();
        assert_eq!(slot.want(Some(1), now, REST).0, Some((1, 1)));
        assert_eq!(slot.want(Some(1), now + REST, REST).0, None);
        slot.receive(1, Some(Arc::new(())));
        assert!(slot.now.is_some() && !slot.is_loading());
        assert_eq!(slot.want(Some(1), now + 2 * REST, REST).0, None);
    }

    #[test]
    fn changes_in_quick_succession_become_one_order() {
        let mut slot = Slot::<u32, ()>::default();
        let start = Instant::now();
        slot.want(Some(0), start, REST);
        slot.receive(1, Some(Arc::new(())));
        for change in 1..20 {
            assert_eq!(slot.want(Some(change), start + REST / 4 * change, REST).0, None);
        }
        assert_eq!(slot.want(Some(19), start + REST * 6, REST).0, Some((2, 19)));
    }

    #[test]
    fn what_never_rests_is_ordered_one_after_the_other_where_nothing_is_to_rest() {
        let mut slot = Slot::<u32, ()>::default();
        let start = Instant::now();
        slot.want(Some(0), start, Duration::ZERO);
        let at = |step: u32| start + REST / 10 * step;
        assert_eq!(slot.want(Some(1), at(1), Duration::ZERO).0, None, "one at a time");
        slot.receive(1, Some(Arc::new(())));
        assert_eq!(slot.want(Some(2), at(2), Duration::ZERO).0, Some((2, 2)));
    }

    #[test]
    fn what_was_ordered_for_another_case_is_not_taken() {
        let mut slot = Slot::<u32, ()>::default();
        let now = Instant::now();
        slot.want(Some(1), now, REST);
        slot.forget();
        assert_eq!(slot.want(Some(1), now, REST).0, Some((2, 1)));
        slot.receive(1, Some(Arc::new(())));
        assert!(slot.now.is_none() && slot.is_loading());
        slot.receive(2, None);
        assert!(slot.now.is_none() && !slot.is_loading());
    }
}
