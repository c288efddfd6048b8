//! From noise to label latent: DDIM and DDPM with K evenly spaced times (Song et al. 2021, eq. 12; LDSeg algorithm 2 as the
//! authors' code runs it).
//!
//! Two things differ from the printed algorithm, and both are needed (see the README, "How it samples"):
//! after every step the latent is standardised again, **each sample by itself** (the authors do it over the whole batch,
//! which makes a result depend on its neighbours), and the step at t = 0, which changes nothing, is skipped.

use burn::prelude::*;
use burn::tensor::DType;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::ldseg::Ldseg;
use super::schedule::Schedule;
use super::stack::standardise_latent;
use crate::config::SamplerKind;
use crate::monitor::{Cancelled, Monitor};

/// How a latent is sampled.
#[derive(Clone, Copy, Debug)]
pub struct Sampler<'a> {
    /// ᾱ, as in training.
    pub schedule: &'a Schedule,
    /// DDIM or DDPM.
    pub kind: SamplerKind,
    /// K: times visited, t = 0 included.
    pub steps: usize,
}

/// The noise of some samples of one run. Sample i depends on (seed, i) alone, whatever the batch is.
#[derive(Debug)]
pub struct NoiseSource {
    streams: Vec<ChaCha8Rng>,
}

impl NoiseSource {
    /// The streams of the samples `indices` under `seed`.
    pub fn new(seed: u64, indices: impl IntoIterator<Item = u64>) -> Self {
        let stream = |index| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(index);
            rng
        };
        Self { streams: indices.into_iter().map(stream).collect() }
    }

    /// Samples in the batch.
    pub fn batch(&self) -> usize {
        self.streams.len()
    }

    /// The next standard normal numbers of every sample.
    ///
    /// # Shapes
    /// `latent` is `[channel, depth, height, width]`; the output has the batch before it.
    pub fn next(&mut self, latent: [usize; 4], device: &Device) -> Tensor<5> {
        let n: usize = latent.iter().product();
        let mut values = Vec::with_capacity(n * self.streams.len());
        for rng in &mut self.streams {
            values.extend((0..n).map(|_| -> f32 { StandardNormal.sample(rng) }));
        }
        let [channels, depth, height, width] = latent;
        let shape = [self.streams.len(), channels, depth, height, width];
        Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
    }
}

impl Sampler<'_> {
    /// Calls of the denoiser in one run.
    pub fn n_calls(&self) -> usize {
        self.steps.saturating_sub(1)
    }

    /// Denoises one latent for each sample of `noise`, conditioned on one image's embedding.
    ///
    /// `on_latent` sees every latent of the way, the first noise included, with the time that it belongs to.
    ///
    /// # Shapes
    /// - embedding: `[1, channel, depth, height, width]`
    /// - output: `[batch, channel, depth, height, width]`, zero mean and unit SD for each sample
    ///
    /// # Errors
    /// [`Cancelled`], within one step.
    pub fn run(
        &self,
        networks: &Ldseg,
        embedding: &Tensor<5>,
        noise: &mut NoiseSource,
        monitor: &dyn Monitor,
        on_latent: &mut dyn FnMut(f64, &Tensor<5>),
    ) -> Result<Tensor<5>, Cancelled> {
        let device = embedding.device();
        let [_, channels, depth, height, width] = embedding.dims();
        let shape = [channels, depth, height, width];
        let embedding = embedding.clone().expand([noise.batch(), channels, depth, height, width]);
        let times = self.schedule.times(self.steps);
        let n_calls = self.n_calls() as u64;

        let mut latent = standardise_latent(noise.next(shape, &device));
        for (done, pair) in times.windows(2).enumerate() {
            monitor.report("Denoising", done as u64, n_calls)?;
            let (now, next) = (pair[0], pair[1]);
            on_latent(now, &latent);
            let predicted = networks.denoiser.forward(latent.clone(), embedding.clone(), &[now]);
            let step = StepWeights::new(self.kind, self.schedule.alpha_bar(now), self.schedule.alpha_bar(next));
            let mut moved = latent * step.latent + predicted * step.predicted;
            if step.fresh > 0.0 {
                moved = moved + noise.next(shape, &device) * step.fresh;
            }
            latent = standardise_latent(moved);
        }
        monitor.report("Denoising", n_calls, n_calls)?;
        on_latent(0.0, &latent);
        Ok(latent)
    }
}

/// One step as weights of the latent, of the predicted noise and of fresh noise.
///
/// DDIM's eq. 12: x₀ = (z − √(1−ᾱ) ε)/√ᾱ, z′ = √ᾱ′ x₀ + √(1 − ᾱ′ − σ²) ε + σ·noise. Everything is multiplied by √ᾱ, which
/// the standardisation that follows takes out again, so that nothing is divided by the 2·10⁻⁶ that ᾱ is at the start.
#[derive(Clone, Copy, Debug)]
struct StepWeights {
    latent: f64,
    predicted: f64,
    fresh: f64,
}

impl StepWeights {
    fn new(kind: SamplerKind, now: f64, next: f64) -> Self {
        let eta = match kind {
            SamplerKind::Ddim => 0.0,
            SamplerKind::Ddpm => 1.0,
        };
        // ᾱ = 1 only at t = 0, where nothing is left to do.
        let sigma =
            if now < 1.0 { eta * ((1.0 - next) / (1.0 - now) * (1.0 - now / next)).max(0.0).sqrt() } else { 0.0 };
        let direction = (1.0 - next - sigma * sigma).max(0.0).sqrt();
        Self {
            latent: next.sqrt(),
            predicted: now.sqrt() * direction - (next * (1.0 - now)).sqrt(),
            fresh: now.sqrt() * sigma,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_of_a_sample_does_not_depend_on_its_batch() {
        let device = Device::flex();
        let shape = [2, 1, 3, 4];
        let together = NoiseSource::new(7, 0..3).next(shape, &device);
        let alone = NoiseSource::new(7, [2]).next(shape, &device);
        together.slice([2..3]).into_data().assert_eq(&alone.into_data(), true);
    }

    #[test]
    fn noise_differs_between_samples_and_between_seeds() {
        let device = Device::flex();
        let draw = |seed, index| NoiseSource::new(seed, [index]).next([1, 1, 2, 2], &device).into_data();
        assert_ne!(draw(7, 0), draw(7, 1));
        assert_ne!(draw(7, 0), draw(8, 0));
    }

    #[test]
    fn a_ddim_step_with_the_true_noise_lands_on_the_true_latent() {
        // z = √ᾱ x + √(1−ᾱ) ε with x = 2, ε = −1; the step is scaled by √ᾱ.
        let (now, next) = (0.3f64, 0.8f64);
        let z = now.sqrt() * 2.0 - (1.0 - now).sqrt();
        let step = StepWeights::new(SamplerKind::Ddim, now, next);
        let moved = (step.latent * z - step.predicted) / now.sqrt();
        assert!((moved - (next.sqrt() * 2.0 - (1.0 - next).sqrt())).abs() < 1e-12);
        assert_eq!(step.fresh, 0.0);
    }

    #[test]
    fn a_ddpm_step_keeps_the_variance_of_pure_noise() {
        let (now, next) = (0.3f64, 0.8f64);
        let step = StepWeights::new(SamplerKind::Ddpm, now, next);
        let sigma = step.fresh / now.sqrt();
        let expected = ((1.0 - next) / (1.0 - now) * (1.0 - now / next)).sqrt();
        assert!((sigma - expected).abs() < 1e-12);
    }

    #[test]
    fn first_step_from_almost_pure_noise_stays_finite() {
        let step = StepWeights::new(SamplerKind::Ddpm, 2.43e-6, 1.0);
        assert!(step.latent.is_finite() && step.predicted.is_finite() && step.fresh == 0.0, "{step:?}");
    }
}
