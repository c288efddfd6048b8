//! Whether a device computes what the CPU backend computes: measured before it is trusted, and remembered.
//!
//! A stock Vulkan driver has been seen to return wrong sums without a word, forward results right and gradients wrong
//! by 90 %. So a network of the real ones' blocks at a large shape runs on the device and on the CPU, and one number
//! says how far apart they are. The verdict holds for one driver version and one version of this program.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::job::DeviceCheck;
use super::worker::panic_text;
use crate::model::probe;

/// The largest difference that is let pass, relative to the largest value of the reference. Right drivers stay below
/// 1e-4 (other orders of summation, fused multiply-add); the wrong sums that have been seen are above 0.1.
pub(super) const TOLERANCE: f64 = 1e-3;

/// Runs longer than this are timed once.
const TIMING_BUDGET_S: f64 = 1.0;

/// What a device is about to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Forward passes only.
    Inference,
    /// Gradients too.
    Training,
}

/// Runs the check's network for `task` on `device` and on the CPU backend and compares them.
pub(super) fn check(device: &Device, task: Task) -> DeviceCheck {
    let forward = compare(|| probe::forward(&Device::flex()), || probe::forward(device));
    match (task, &forward) {
        (Task::Training, DeviceCheck::Agrees(_)) => {
            let cpu = Device::flex().autodiff();
            worse(forward, compare(|| probe::gradients(&cpu), || probe::gradients(&device.clone().autodiff())))
        }
        _ => forward,
    }
}

/// Forward passes of the check's network in a second, once warm; `None` where it cannot run.
pub(super) fn runs_per_s(device: &Device) -> Option<f64> {
    let run = || catch_unwind(AssertUnwindSafe(|| probe::forward(device))).ok().map(drop);
    run()?;
    let start = Instant::now();
    let mut n_runs = 0_u32;
    while n_runs == 0 || start.elapsed().as_secs_f64() < TIMING_BUDGET_S {
        run()?;
        n_runs += 1;
    }
    Some(f64::from(n_runs) / start.elapsed().as_secs_f64())
}

fn compare(reference: impl FnOnce() -> Vec<f32>, tested: impl FnOnce() -> Vec<f32>) -> DeviceCheck {
    let reference = reference();
    // Drivers fail in the middle of a kernel's compilation, which Burn reports as a panic.
    match catch_unwind(AssertUnwindSafe(tested)) {
        Ok(values) => verdict(&reference, &values),
        Err(payload) => DeviceCheck::Failed(panic_text(&*payload).lines().next().unwrap_or_default().to_owned()),
    }
}

fn verdict(reference: &[f32], values: &[f32]) -> DeviceCheck {
    let error = relative_error(reference, values);
    if error <= TOLERANCE { DeviceCheck::Agrees(error) } else { DeviceCheck::Disagrees(error) }
}

/// The largest difference over the largest reference value; infinite where a number is not finite or one is missing.
fn relative_error(reference: &[f32], values: &[f32]) -> f64 {
    if reference.len() != values.len() || !values.iter().all(|value| value.is_finite()) {
        return f64::INFINITY;
    }
    let scale = reference.iter().fold(0.0_f64, |largest, &value| largest.max(f64::from(value).abs()));
    let differences = reference.iter().zip(values).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
    let largest = differences.fold(0.0_f64, f64::max);
    if largest == 0.0 { 0.0 } else { largest / scale }
}

fn worse(a: DeviceCheck, b: DeviceCheck) -> DeviceCheck {
    match (&a, &b) {
        (DeviceCheck::Agrees(error_a), DeviceCheck::Agrees(error_b)) if error_a >= error_b => a,
        _ => b,
    }
}

/// Verdicts of earlier runs, in a JSON file in the person's cache folder.
#[derive(Debug, Default)]
pub(super) struct Memory {
    path: Option<PathBuf>,
    verdicts: BTreeMap<String, DeviceCheck>,
}

impl Memory {
    /// Reads what was remembered in the person's cache folder; empty where there is none, or none that can be read.
    pub fn load() -> Self {
        let folders = directories::ProjectDirs::from("", "", env!("CARGO_PKG_NAME"));
        folders.map(|folders| Self::load_from(folders.cache_dir().join("device-checks.json"))).unwrap_or_default()
    }

    fn load_from(path: PathBuf) -> Self {
        // A missing or damaged memory costs one more check, nothing else.
        let verdicts = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path: Some(path), verdicts }
    }

    /// The verdict on `device`, a text that names hardware, driver and version.
    pub fn recall(&self, device: &str, task: Task) -> Option<&DeviceCheck> {
        self.verdicts.get(&key(device, task))
    }

    /// Remembers a verdict. A check that could not run is not remembered: the next try may have more memory free.
    pub fn remember(&mut self, device: &str, task: Task, check: &DeviceCheck) {
        if matches!(check, DeviceCheck::Agrees(_) | DeviceCheck::Disagrees(_)) {
            // JSON has no infinity.
            let check = match check {
                DeviceCheck::Disagrees(error) => DeviceCheck::Disagrees(error.min(f64::MAX)),
                check => check.clone(),
            };
            self.verdicts.insert(key(device, task), check);
            if let Err(error) = self.save() {
                log::warn!("the device check is not remembered: {error:#}");
            }
        }
    }

    fn save(&self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let folder = path.parent().context("the cache file has no folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Written beside and renamed: another copy of the program may be reading.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, &self.verdicts)?;
        file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }
}

fn key(device: &str, task: Task) -> String {
    format!("{device} | {} {} | {task:?}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_agree_and_large_ones_do_not() {
        assert_eq!(verdict(&[1.0, -2.0], &[1.0, -2.0]), DeviceCheck::Agrees(0.0));
        assert!(matches!(verdict(&[1.0, -2.0], &[1.0, -2.0001]), DeviceCheck::Agrees(error) if error > 0.0));
        assert!(matches!(verdict(&[1.0, -2.0], &[1.1, -2.0]), DeviceCheck::Disagrees(_)));
    }

    #[test]
    fn what_is_not_a_number_disagrees_without_bound() {
        assert_eq!(verdict(&[1.0], &[f32::NAN]), DeviceCheck::Disagrees(f64::INFINITY));
        assert_eq!(verdict(&[1.0], &[]), DeviceCheck::Disagrees(f64::INFINITY));
        assert_eq!(verdict(&[0.0], &[0.5]), DeviceCheck::Disagrees(f64::INFINITY));
    }

    #[test]
    fn a_panic_in_the_tested_network_is_a_failed_check() {
        let check = compare(|| vec![1.0], || panic!("shader does not compile"));
        assert_eq!(check, DeviceCheck::Failed("shader does not compile".to_owned()));
    }

    #[test]
    fn the_cpu_agrees_with_itself_for_both_tasks() {
        assert_eq!(check(&Device::flex(), Task::Inference), DeviceCheck::Agrees(0.0));
        assert!(matches!(check(&Device::flex(), Task::Training), DeviceCheck::Agrees(error) if error < 1e-6));
    }

    #[test]
    fn verdicts_are_remembered_by_device_and_task() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache").join("checks.json");
        let mut memory = Memory::load_from(path.clone());
        memory.remember("card, driver 1", Task::Inference, &DeviceCheck::Agrees(1e-6));
        memory.remember("card, driver 2", Task::Inference, &DeviceCheck::Disagrees(f64::INFINITY));
        memory.remember("card, driver 3", Task::Inference, &DeviceCheck::Failed("out of memory".to_owned()));
        let memory = Memory::load_from(path);
        assert_eq!(memory.recall("card, driver 1", Task::Inference), Some(&DeviceCheck::Agrees(1e-6)));
        assert_eq!(memory.recall("card, driver 1", Task::Training), None);
        assert!(matches!(memory.recall("card, driver 2", Task::Inference), Some(DeviceCheck::Disagrees(_))));
        assert_eq!(memory.recall("card, driver 3", Task::Inference), None);
    }

    #[test]
    fn a_damaged_memory_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checks.json");
        fs::write(&path, "{ not json").unwrap();
        assert!(Memory::load_from(path).verdicts.is_empty());
    }
}
