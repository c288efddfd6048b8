//! One image, one seed, a list of numbers of steps: what changes with K, and what it costs.

use std::time::Instant;

use serde::Serialize;

use crate::config::SamplerKind;
use crate::domain::{LabelMap, Volume};
use crate::model::segment::{Encoded, Segmenter};
use crate::monitor::{Cancelled, Monitor};

/// Where the time of one segmentation went, measured on a device that was waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timing {
    /// Image to embedding. Done once for all numbers of steps.
    pub encode_s: f64,
    /// Noise to latent.
    pub denoise_s: f64,
    /// Latent to labels on the image's grid.
    pub decode_s: f64,
}

impl Timing {
    /// One segmentation, encoding included.
    pub fn total_s(&self) -> f64 {
        self.encode_s + self.denoise_s + self.decode_s
    }
}

/// One run.
#[derive(Clone, Debug)]
pub struct StepRun {
    /// DDIM or DDPM.
    pub sampler: SamplerKind,
    /// K.
    pub steps: usize,
    /// The answer, on the image's grid.
    pub labels: LabelMap,
    /// What it cost.
    pub timing: Timing,
}

/// Runs to compare: every sampler with every number of steps, all from the same noise.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPlan {
    /// DDIM, DDPM or both.
    pub samplers: Vec<SamplerKind>,
    /// Numbers of steps K. 1 decodes pure noise.
    pub steps: Vec<usize>,
    /// Of the noise.
    pub seed: u64,
}

impl StepPlan {
    /// Does all runs on one frame, in the order of the plan; `on_run` gets each as soon as it is done.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn run(
        &self,
        segmenter: &Segmenter,
        image: (&Volume, usize, Option<[usize; 3]>),
        monitor: &dyn Monitor,
        on_run: &mut dyn FnMut(StepRun),
    ) -> Result<(), Cancelled> {
        let (volume, frame, focus) = image;
        let start = Instant::now();
        let encoded = segmenter.encode_image(volume, frame, focus);
        segmenter.wait();
        let encode_s = start.elapsed().as_secs_f64();
        self.run_encoded(segmenter, (&encoded, encode_s), monitor, on_run)
    }

    /// As [`StepPlan::run`], of an image that has been encoded, and the seconds that it took.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn run_encoded(
        &self,
        segmenter: &Segmenter,
        (encoded, encode_s): (&Encoded, f64),
        monitor: &dyn Monitor,
        on_run: &mut dyn FnMut(StepRun),
    ) -> Result<(), Cancelled> {
        for &sampler in &self.samplers {
            for &steps in &self.steps {
                let start = Instant::now();
                let latent = segmenter.latent(encoded, sampler, steps, self.seed, monitor)?;
                segmenter.wait();
                let denoise_s = start.elapsed().as_secs_f64();
                let start = Instant::now();
                // Reading the tensor waits for it.
                let labels = segmenter.restore(encoded, segmenter.decode(latent)).0;
                let decode_s = start.elapsed().as_secs_f64();
                on_run(StepRun { sampler, steps, labels, timing: Timing { encode_s, denoise_s, decode_s } });
            }
        }
        Ok(())
    }

    /// The run with the plan's most steps among those of `sampler`: what the others are compared with where there is no truth.
    /// `None` as long as it is not done, so that no shorter run stands in for it.
    pub fn longest<'a>(&self, runs: &'a [StepRun], sampler: SamplerKind) -> Option<&'a StepRun> {
        let most = self.steps.iter().max()?;
        runs.iter().find(|run| run.sampler == sampler && run.steps == *most)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::domain::phantom::{PhantomKind, generate};
    use crate::evaluation::partners::dice_by_label;
    use crate::model::registry;
    use crate::monitor::Silent;

    #[test]
    fn runs_come_in_order_with_their_times_and_the_longest_agrees_with_itself() {
        let phantom = generate(PhantomKind::TwoBodies, 8);
        let segmenter = registry::find("phantom-3d").unwrap().load(&Device::flex()).unwrap();
        let plan = StepPlan { samplers: vec![SamplerKind::Ddim, SamplerKind::Ddpm], steps: vec![1, 2, 5], seed: 3 };
        let mut runs = Vec::new();
        plan.run(&segmenter, (&phantom.volume, 0, None), &Silent, &mut |run| runs.push(run)).unwrap();
        let found: Vec<_> = runs.iter().map(|run| (run.sampler, run.steps)).collect();
        assert_eq!(found[..3], [1, 2, 5].map(|steps| (SamplerKind::Ddim, steps)));
        assert_eq!(found.len(), 6);
        assert!(runs.iter().all(|run| run.timing.total_s() > 0.0 && run.timing.decode_s > 0.0));
        let best = plan.longest(&runs, SamplerKind::Ddpm).unwrap();
        assert!(plan.longest(&runs[..5], SamplerKind::Ddpm).is_none());
        assert_eq!(best.steps, 5);
        let table = &phantom.table;
        let dice = |a: &LabelMap, b: &LabelMap| dice_by_label((a, table), (b, table));
        assert!(dice(&best.labels, &best.labels).iter().all(|dice| *dice == Some(1.0)));
        // One useful call finds the bodies, none finds nothing.
        let mean = |run: &StepRun| {
            let dice = dice(&run.labels, &phantom.labels);
            dice.iter().map(|dice| dice.unwrap_or(0.0)).sum::<f64>() / dice.len() as f64
        };
        assert!(mean(&runs[1]) > 0.8 && mean(&runs[0]) < 0.4, "{} {}", mean(&runs[1]), mean(&runs[0]));
        // Both samplers start from the same noise, and K = 2 has no step in which to differ.
        assert_eq!(runs[1].labels, runs[4].labels);
    }
}
