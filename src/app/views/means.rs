//! Reduced parts of large slices, each pixel the mean of its block, worked out on a thread of its own: until they are there,
//! one voxel stands for each block.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui::Context;

use super::texture::Cut;
use crate::domain::patch::Patch;
use crate::domain::volume::Means;
use crate::domain::{Plane, Volume};

/// Parts that are kept: some 200 MB.
const MAX_KEPT: usize = 192;
/// The window looks again after this long while something is being worked out.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// A part of a slice; the first number tells slices of all volumes apart.
type Name = (u64, Patch);

/// A part to work out.
struct Order {
    name: Name,
    volume: Arc<Volume>,
    frame: usize,
    cut: Cut,
}

/// What the thread is to do.
#[derive(Default)]
struct Desk {
    /// Of the slice shown in each plane, the parts that are missing.
    waiting: HashMap<Plane, Vec<Order>>,
    doing: Option<Name>,
    is_closed: bool,
}

/// The desk, and the bell that says that something is on it.
type Shared = (Mutex<Desk>, Condvar);

/// Reduced parts of the slices that are shown.
#[derive(Default)]
pub struct MeansCache {
    kept: HashMap<Name, Means>,
    /// Oldest first.
    order: VecDeque<Name>,
    worker: Option<Worker>,
    /// Nothing was missing when it was asked last.
    #[cfg(test)]
    pub is_complete: bool,
}

/// The thread. It ends when this is dropped.
struct Worker {
    desk: Arc<Shared>,
    done: Receiver<(Name, Means)>,
}

impl MeansCache {
    /// Frees everything, and gives up what is being worked out.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// A part of slice `slice`, once it has been worked out.
    pub fn get(&self, slice: u64, patch: &Patch) -> Option<&Means> {
        self.kept.get(&(slice, patch.clone()))
    }

    /// Takes in what is done.
    pub fn poll(&mut self) {
        let Some(worker) = &self.worker else { return };
        for (name, means) in worker.done.try_iter() {
            if self.kept.insert(name.clone(), means).is_none() {
                self.order.push_back(name);
            }
        }
        while self.order.len() > MAX_KEPT {
            self.order.pop_front().map(|oldest| self.kept.remove(&oldest));
        }
    }

    /// Says which parts of the slice shown in a plane are wanted; what was wanted there before no longer is.
    pub fn want(
        &mut self,
        ctx: &Context,
        (volume, frame): (&Arc<Volume>, usize),
        (cut, slice): (Cut, u64),
        patches: impl Iterator<Item = Patch>,
    ) {
        let missing: Vec<Name> =
            patches.map(|patch| (slice, patch)).filter(|name| !self.kept.contains_key(name)).collect();
        #[cfg(test)]
        {
            self.is_complete = missing.is_empty();
        }
        if self.worker.is_none() && !missing.is_empty() {
            self.worker = Worker::start(ctx).map_err(|error| log::error!("no thread for tiles: {error}")).ok();
        }
        let Some(worker) = &self.worker else { return };
        if !missing.is_empty() {
            ctx.request_repaint_after(LOOK_AGAIN);
        }
        let order = |name| Order { name, volume: Arc::clone(volume), frame, cut };
        let mut desk = lock(&worker.desk.0);
        // The thread takes from the end.
        let missing = missing.into_iter().rev().filter(|name| desk.doing.as_ref() != Some(name)).map(order).collect();
        desk.waiting.insert(cut.plane, missing);
        drop(desk);
        worker.desk.1.notify_one();
    }
}

impl Worker {
    fn start(ctx: &Context) -> std::io::Result<Self> {
        let desk = Arc::new(Shared::default());
        let (outbox, done) = unbounded();
        let (theirs, ctx) = (Arc::clone(&desk), ctx.clone());
        let thread = std::thread::Builder::new().name("ldseg-tiles".to_owned());
        thread.spawn(move || work(&theirs, &outbox, &ctx))?;
        Ok(Self { desk, done })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        lock(&self.desk.0).is_closed = true;
        self.desk.1.notify_one();
    }
}

/// A thread that panicked left nothing half done behind.
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work((desk, bell): &Shared, outbox: &Sender<(Name, Means)>, ctx: &Context) {
    loop {
        let mut at_desk = lock(desk);
        let order = loop {
            if at_desk.is_closed {
                return;
            }
            if let Some(order) = at_desk.waiting.values_mut().find_map(Vec::pop) {
                break order;
            }
            at_desk = bell.wait(at_desk).unwrap_or_else(PoisonError::into_inner);
        };
        at_desk.doing = Some(order.name.clone());
        drop(at_desk);
        let Order { name, volume, frame, cut } = order;
        let means = volume.patch_means(frame, &cut.axes, cut.index, &name.1);
        // The window may want the volume for itself alone.
        drop(volume);
        let is_heard = outbox.send((name, means)).is_ok();
        lock(desk).doing = None;
        if !is_heard {
            return;
        }
        ctx.request_repaint();
    }
}
