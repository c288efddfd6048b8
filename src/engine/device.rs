//! Which device the networks run on: the window's GPU, another one, or the CPU; and why not the one asked for.
//!
//! A GPU is used only after its check; a software renderer counts as none. Whatever is chosen can be
//! lost, and then the next one is chosen.

use std::fmt;
use std::pin::pin;
use std::task::{Context as Polling, Poll, Waker};

use anyhow::{Context as _, bail};
use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;
use burn::tensor::wgpu::wgpu::{
    Adapter, AdapterInfo, Backends, DeviceDescriptor, DeviceType, Features, Instance, InstanceDescriptor, MemoryHints,
    Queue,
};

pub use super::check::Task;
use super::check::{self, Memory};
use super::job::{DeviceCheck, DeviceReport};
use crate::config::DeviceChoice;
use crate::monitor::{Cancelled, Monitor, Silent};

/// The handles of a device that is open already, such as the window's: the networks then run on that same device.
/// It must have been requested with [`features`] and the adapter's own limits.
#[derive(Clone, Debug)]
pub struct GpuHandles {
    /// The instance that the adapter came from.
    pub instance: Instance,
    /// The physical device.
    pub adapter: Adapter,
    /// The open device.
    pub device: burn::tensor::wgpu::wgpu::Device,
    /// Its queue.
    pub queue: Queue,
}

/// What a device shared with Burn has to be requested with: all that the adapter can do, except what is experimental
/// and what makes buffers slow.
pub fn features(adapter: &Adapter) -> Features {
    adapter.features().difference(Features::MAPPABLE_PRIMARY_BUFFERS.union(Features::all_experimental_mask()))
}

/// A device to run on.
#[derive(Clone, Debug)]
pub struct Selected {
    /// Burn's device.
    pub device: Device,
    /// Its name, as a person would say it.
    pub name: String,
    /// Runs on a GPU.
    pub is_gpu: bool,
    /// Why it is not the one that a person may expect.
    pub warnings: Vec<String>,
}

/// The devices of this machine and what is known of them. Belongs to one thread.
#[derive(Debug)]
pub struct Devices {
    gpus: Vec<Gpu>,
    memory: Memory,
}

/// The device to train on, and its name: the first GPU whose gradients agree with the CPU's, else the CPU.
///
/// # Errors
/// None today; a machine always has its CPU.
pub fn training_device() -> anyhow::Result<(Device, String)> {
    let selected = Devices::new(None).select(DeviceChoice::Auto, Task::Training, &Silent)?;
    for warning in &selected.warnings {
        log::warn!("{warning}");
    }
    Ok((selected.device, selected.name))
}

/// One adapter, opened when it is first needed.
struct Gpu {
    info: AdapterInfo,
    source: Source,
    opened: Option<Device>,
    /// Why it is no longer used.
    lost: Option<String>,
}

enum Source {
    Shared(GpuHandles),
    Found(Instance, Adapter),
}

impl Devices {
    /// The window's device where `shared` is given, else every adapter of the machine, discrete ones first.
    pub fn new(shared: Option<GpuHandles>) -> Self {
        let gpus = match shared {
            Some(handles) => vec![Gpu::new(handles.adapter.get_info(), Source::Shared(handles))],
            None => Self::enumerate(),
        };
        Self { gpus, memory: Memory::load() }
    }

    /// The CPU, whatever else there is. Needs no list of devices and no drivers.
    pub fn cpu() -> Selected {
        Selected::cpu(Vec::new())
    }

    fn enumerate() -> Vec<Gpu> {
        let instance = Instance::new(InstanceDescriptor {
            backends: Backends::PRIMARY,
            ..InstanceDescriptor::new_without_display_handle()
        });
        let adapters = at_once(instance.enumerate_adapters(Backends::PRIMARY)).unwrap_or_default();
        let found = |adapter: Adapter| Gpu::new(adapter.get_info(), Source::Found(instance.clone(), adapter));
        let mut gpus: Vec<Gpu> = adapters.into_iter().map(found).collect();
        gpus.sort_by_key(|gpu| rank(gpu.info.device_type));
        gpus
    }

    /// The device for `task` under `choice`: the first GPU that passes its check, else the CPU.
    ///
    /// # Errors
    /// Where a GPU is asked for and none can be used, with the reason for each; [`Cancelled`] between checks.
    pub fn select(&mut self, choice: DeviceChoice, task: Task, monitor: &dyn Monitor) -> anyhow::Result<Selected> {
        if choice == DeviceChoice::Cpu {
            return Ok(Self::cpu());
        }
        let mut refused = Vec::new();
        for gpu in self.gpus.iter_mut().filter(|gpu| !gpu.is_software()) {
            match gpu.usable(task, &mut self.memory, monitor)? {
                Ok(device) => {
                    return Ok(Selected { device, name: gpu.to_string(), is_gpu: true, warnings: refused });
                }
                Err(why) => refused.push(format!("{gpu} is not used: it {why}")),
            }
        }
        match choice {
            DeviceChoice::Gpu if refused.is_empty() => bail!("no GPU was found; choose the CPU, or install its driver"),
            DeviceChoice::Gpu => bail!("no GPU can be used: {}", refused.join("; ")),
            DeviceChoice::Auto | DeviceChoice::Cpu => Ok(Selected::cpu(refused)),
        }
    }

    /// Never uses `selected` again, because of `why`.
    pub fn give_up(&mut self, selected: &Selected, why: &str) {
        for gpu in self.gpus.iter_mut().filter(|gpu| gpu.opened.as_ref() == Some(&selected.device)) {
            gpu.lost = Some(why.to_owned());
        }
    }

    /// Checks and times every device anew, whatever is remembered.
    ///
    /// # Errors
    /// [`Cancelled`] between two devices.
    pub fn report(&mut self, monitor: &dyn Monitor) -> Result<Vec<DeviceReport>, Cancelled> {
        let total = self.gpus.len() as u64 + 1;
        monitor.report("Timing the CPU", 0, total)?;
        let cpu = DeviceReport {
            name: "CPU".to_owned(),
            driver: threads_text(),
            is_software: false,
            check: DeviceCheck::Reference,
            runs_per_s: check::runs_per_s(&Device::flex()),
            preferred: false,
        };
        let mut reports = vec![cpu];
        for (gpu, done) in self.gpus.iter_mut().zip(1..) {
            monitor.report("Checking and timing the GPUs", done, total)?;
            reports.push(gpu.report(&mut self.memory));
        }
        let is_usable = |report: &DeviceReport| !report.is_software && matches!(report.check, DeviceCheck::Agrees(_));
        let preferred = reports.iter().position(is_usable).unwrap_or(0);
        reports[preferred].preferred = true;
        Ok(reports)
    }
}

impl Selected {
    fn cpu(warnings: Vec<String>) -> Self {
        Self { device: Device::flex(), name: format!("CPU ({})", threads_text()), is_gpu: false, warnings }
    }
}

impl Gpu {
    fn new(info: AdapterInfo, source: Source) -> Self {
        Self { info, source, opened: None, lost: None }
    }

    fn is_software(&self) -> bool {
        self.info.device_type == DeviceType::Cpu
    }

    /// The opened device, or what speaks against it, to be said after its name and "it".
    fn usable(
        &mut self,
        task: Task,
        memory: &mut Memory,
        monitor: &dyn Monitor,
    ) -> Result<Result<Device, String>, Cancelled> {
        if let Some(why) = &self.lost {
            return Ok(Err(why.clone()));
        }
        let device = match self.open() {
            Ok(device) => device,
            Err(error) => return Ok(Err(format!("could not be opened ({error:#})"))),
        };
        let identity = self.identity();
        let check = match memory.recall(&identity, task) {
            Some(check) => check.clone(),
            None => {
                monitor.report("Checking the GPU against the CPU", 0, 0)?;
                let check = check::check(&device, task);
                memory.remember(&identity, task, &check);
                check
            }
        };
        Ok(match check {
            DeviceCheck::Agrees(_) | DeviceCheck::Reference => Ok(device),
            DeviceCheck::Disagrees(_) | DeviceCheck::Failed(_) => Err(format!("{check}; a newer driver may help")),
        })
    }

    fn report(&mut self, memory: &mut Memory) -> DeviceReport {
        let (check, runs_per_s) = match self.open() {
            Ok(device) => {
                let check = check::check(&device, Task::Inference);
                memory.remember(&self.identity(), Task::Inference, &check);
                let can_run = !matches!(check, DeviceCheck::Failed(_));
                (check, can_run.then(|| check::runs_per_s(&device)).flatten())
            }
            Err(error) => (DeviceCheck::Failed(format!("{error:#}")), None),
        };
        DeviceReport {
            name: self.info.name.clone(),
            driver: self.driver(),
            is_software: self.is_software(),
            check,
            runs_per_s,
            preferred: false,
        }
    }

    fn open(&mut self) -> anyhow::Result<Device> {
        if let Some(device) = &self.opened {
            return Ok(device.clone());
        }
        let handles = match &self.source {
            Source::Shared(handles) => handles.clone(),
            Source::Found(instance, adapter) => request(instance, adapter)?,
        };
        let backend = handles.adapter.get_info().backend;
        let GpuHandles { instance, adapter, device, queue } = handles;
        let setup = WgpuSetup { instance, adapter, device, queue, backend };
        let device = Device::wgpu_options().setup(setup).init()?;
        Ok(self.opened.insert(device).clone())
    }

    /// Hardware, driver and version: what a verdict holds for.
    fn identity(&self) -> String {
        format!("{} | {:x}:{:x} | {}", self.info.name, self.info.vendor, self.info.device, self.driver())
    }

    fn driver(&self) -> String {
        let parts = [self.info.backend.to_string(), self.info.driver.clone(), self.info.driver_info.clone()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.info.name, self.info.backend)
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("info", &self.info).field("lost", &self.lost).finish_non_exhaustive()
    }
}

/// What a status bar says before the first job has chosen a device.
pub(super) fn line_before_first_use(shared: Option<&GpuHandles>) -> String {
    match shared.map(|handles| handles.adapter.get_info()) {
        Some(info) if info.device_type != DeviceType::Cpu => {
            format!("{} ({}), not checked yet", info.name, info.backend)
        }
        _ => Devices::cpu().name,
    }
}

fn request(instance: &Instance, adapter: &Adapter) -> anyhow::Result<GpuHandles> {
    let descriptor = DeviceDescriptor {
        label: Some("ldseg networks"),
        required_features: features(adapter),
        required_limits: adapter.limits(),
        memory_hints: MemoryHints::MemoryUsage,
        ..DeviceDescriptor::default()
    };
    let (device, queue) = at_once(adapter.request_device(&descriptor)).context("the driver did not answer")??;
    Ok(GpuHandles { instance: instance.clone(), adapter: adapter.clone(), device, queue })
}

/// wgpu's futures are ready when they are first polled, except in a browser.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Polling::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn rank(kind: DeviceType) -> u8 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn threads_text() -> String {
    match rayon::current_num_threads() {
        1 => "1 thread".to_owned(),
        n_threads => format!("{n_threads} threads"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        let mut devices = Devices { gpus: Vec::new(), memory: Memory::default() };
        let selected = devices.select(DeviceChoice::Cpu, Task::Training, &Silent).unwrap();
        assert!(!selected.is_gpu && selected.name.starts_with("CPU ("));
    }

    #[test]
    fn a_machine_without_a_gpu_runs_on_the_cpu_and_does_not_complain() {
        let mut devices = Devices { gpus: Vec::new(), memory: Memory::default() };
        assert!(devices.select(DeviceChoice::Auto, Task::Inference, &Silent).unwrap().warnings.is_empty());
        let error = devices.select(DeviceChoice::Gpu, Task::Inference, &Silent).unwrap_err();
        assert!(error.to_string().starts_with("no GPU was found"), "{error}");
    }
}
