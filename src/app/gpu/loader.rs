//! Shapes and uploads textures on a thread of its own, so that the window never waits for a large volume.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui_wgpu::{RenderState, wgpu};

use super::callback::Pipelines;
use super::canvas::Presenter;
use super::label_field::LabelField;
use super::raycaster::{ImageTextures, LabelTextures, MAX_EDGE, Raycaster};
use super::reduced_image::ReducedImage;
use crate::domain::{LabelMap, Volume};
use crate::monitor::{Cancelled, Monitor};

/// What the thread is asked for.
#[derive(Debug)]
pub enum Order {
    /// Textures of a label map.
    Labels {
        /// Comes back with the textures.
        ticket: u64,
        /// The map.
        labels: Arc<LabelMap>,
        /// Ids that are left out, ascending.
        hidden: Vec<u16>,
    },
    /// Textures of one frame of a volume.
    Image {
        /// Comes back with the textures.
        ticket: u64,
        /// The volume.
        volume: Arc<Volume>,
        /// The frame.
        frame: usize,
    },
}

/// What the thread has finished.
#[derive(Debug)]
pub enum Loaded {
    /// The compiled shaders; comes first.
    Pipelines(Arc<Pipelines>),
    /// `None` where nothing is labelled.
    Labels(u64, Option<Arc<LabelTextures>>),
    /// An image.
    Image(u64, Arc<ImageTextures>),
}

/// The thread. Dropping it cancels what it is at and waits for it.
#[derive(Debug)]
pub struct Loader {
    orders: Option<Sender<Order>>,
    loaded: Receiver<Loaded>,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop(AtomicBool);

impl Monitor for Stop {
    fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        if self.0.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}

struct Worker {
    device: wgpu::Device,
    queue: wgpu::Queue,
    target_format: wgpu::TextureFormat,
    stop: Arc<Stop>,
    loaded: Sender<Loaded>,
    wake: Box<dyn Fn() + Send>,
}

impl Loader {
    /// Starts the thread, which calls `wake` whenever it has finished something.
    ///
    /// # Errors
    /// Where the system allows no further thread.
    pub fn start(gpu: &RenderState, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (orders, inbox) = unbounded();
        let (outbox, loaded) = unbounded();
        let stop = Arc::new(Stop::default());
        let worker = Worker {
            device: gpu.device.clone(),
            queue: gpu.queue.clone(),
            target_format: gpu.target_format,
            stop: Arc::clone(&stop),
            loaded: outbox,
            wake: Box::new(wake),
        };
        let thread = std::thread::Builder::new().name("ldseg-3d".to_owned()).spawn(move || worker.run(&inbox))?;
        Ok(Self { orders: Some(orders), loaded, stop, thread: Some(thread) })
    }

    /// Asks for textures.
    pub fn order(&self, order: Order) {
        if let Some(Err(error)) = self.orders.as_ref().map(|orders| orders.send(order)) {
            log::error!("the 3D view's thread has ended: {error}");
        }
    }

    /// Whether the thread has come to an unexpected end, such as a lost device.
    pub fn has_failed(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// What has been finished since the last call.
    pub fn poll(&self) -> impl Iterator<Item = Loaded> {
        self.loaded.try_iter()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            log::error!("the 3D view's thread panicked");
        }
    }
}

impl Worker {
    fn run(&self, inbox: &Receiver<Order>) {
        let raycaster = Raycaster::new(&self.device, &self.queue);
        let presenter = Presenter::new(&self.device, self.target_format);
        self.deliver(Loaded::Pipelines(Arc::new(Pipelines { raycaster, presenter })));
        for order in inbox {
            match self.fill(order) {
                Ok(loaded) => self.deliver(loaded),
                Err(Cancelled) => return,
            }
        }
    }

    fn deliver(&self, loaded: Loaded) {
        // Nobody listens any more once the view is gone.
        self.loaded.send(loaded).ok();
        (self.wake)();
    }

    fn fill(&self, order: Order) -> Result<Loaded, Cancelled> {
        let max_edge = max_edge(&self.device);
        Ok(match order {
            Order::Labels { ticket, labels, hidden } => {
                let is_drawn = |id: u16| hidden.binary_search(&id).is_err();
                let field = LabelField::build(&labels, &is_drawn, max_edge, &*self.stop)?;
                let upload = |field| LabelTextures::upload(&self.device, &self.queue, labels.grid().clone(), field);
                Loaded::Labels(ticket, field.map(upload).map(Arc::new))
            }
            Order::Image { ticket, volume, frame } => {
                let image = ReducedImage::build(&volume, frame, max_edge, &*self.stop)?;
                Loaded::Image(ticket, Arc::new(ImageTextures::upload(&self.device, &self.queue, &image)))
            }
        })
    }
}

/// Texels along an edge of a texture on this GPU.
pub fn max_edge(device: &wgpu::Device) -> usize {
    MAX_EDGE.min(device.limits().max_texture_dimension_3d as usize)
}
