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

use super::config::Prediction;
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

    /// Sample `index` under `seed`, once for each of `n` images.
    pub fn repeated(seed: u64, index: u64, n: usize) -> Self {
        Self::new(seed, std::iter::repeat_n(index, n))
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

    /// Denoises one latent for each sample of `noise`, conditioned on one image's embedding, or each on its own.
    ///
    /// `on_latent` sees every latent of the way, the first noise included, with the time that it belongs to.
    ///
    /// # Shapes
    /// - embedding: `[1 or batch, channel, depth, height, width]`
    /// - output: `[batch, channel of the latent, depth, height, width]`, zero mean and unit SD for each sample
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
        let shape = [networks.denoiser.latent_channels(), depth, height, width];
        let embedding = embedding.clone().expand([noise.batch(), channels, depth, height, width]);
        let times = self.schedule.times(self.steps);
        let n_calls = self.n_calls() as u64;

        let mut latent = standardise_latent(noise.next(shape, &device));
        for (done, pair) in times.windows(2).enumerate() {
            monitor.report("Denoising", done as u64, n_calls)?;
            let (now, next) = (pair[0], pair[1]);
            on_latent(now, &latent);
            let output = networks.denoiser.forward(latent.clone(), embedding.clone(), &[now]);
            let (now, next) = (self.schedule.alpha_bar(now), self.schedule.alpha_bar(next));
            let step = StepWeights::new(self.kind, self.schedule.prediction(), now, next);
            let mut moved = latent * step.latent + output * step.output;
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

/// One step as weights of the latent, of the denoiser's output and of fresh noise.
///
/// DDIM's eq. 12: x₀ = (z − √(1−ᾱ) ε)/√ᾱ, z′ = √ᾱ′ x₀ + √(1 − ᾱ′ − σ²) ε + σ·noise. The standardisation that follows takes
/// out any factor, so nothing is divided by the 2·10⁻⁶ that ᾱ is at the start, and the weights are scaled to at most 1.
#[derive(Clone, Copy, Debug)]
struct StepWeights {
    latent: f64,
    output: f64,
    fresh: f64,
}

impl StepWeights {
    /// The step from ᾱ = `now` to ᾱ = `next`.
    fn new(kind: SamplerKind, prediction: Prediction, now: f64, next: f64) -> Self {
        let eta = match kind {
            SamplerKind::Ddim => 0.0,
            SamplerKind::Ddpm => 1.0,
        };
        // ᾱ = 1 only at t = 0, where nothing is left to do.
        let sigma =
            if now < 1.0 { eta * ((1.0 - next) / (1.0 - now) * (1.0 - now / next)).max(0.0).sqrt() } else { 0.0 };
        let direction = (1.0 - next - sigma * sigma).max(0.0).sqrt();
        let (signal, spread) = (now.sqrt(), (1.0 - now).sqrt());
        // √ᾱ z′ = latent · z + noise · ε + fresh · noise
        let (latent, noise, fresh) = (next.sqrt(), signal * direction - next.sqrt() * spread, signal * sigma);
        let (latent, output) = match prediction {
            Prediction::Noise => (latent, noise),
            // ε = √ᾱ v + √(1−ᾱ) z. latent + noise · √(1−ᾱ), written so that two numbers near 1 are never subtracted.
            Prediction::Velocity => (next.sqrt() * now + signal * direction * spread, noise * signal),
        };
        let largest = latent.abs().max(output.abs()).max(fresh);
        Self { latent: latent / largest, output: output / largest, fresh: fresh / largest }
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
        together.narrow(0, 2, 1).into_data().assert_eq(&alone.into_data(), true);
    }

    #[test]
    fn noise_differs_between_samples_and_between_seeds() {
        let device = Device::flex();
        let draw = |seed, index| NoiseSource::new(seed, [index]).next([1, 1, 2, 2], &device).into_data();
        assert_ne!(draw(7, 0), draw(7, 1));
        assert_ne!(draw(7, 0), draw(8, 0));
    }

    /// A step from z = √ᾱ x + √(1−ᾱ) ε with the right answer of the denoiser; DDIM's direction without fresh noise.
    #[track_caller]
    fn check_true_step(prediction: Prediction, now: f64, next: f64) {
        let (x, noise) = (2.0, -1.0);
        let z = now.sqrt() * x + (1.0 - now).sqrt() * noise;
        let output = match prediction {
            Prediction::Noise => noise,
            Prediction::Velocity => now.sqrt() * noise - (1.0 - now).sqrt() * x,
        };
        let step = StepWeights::new(SamplerKind::Ddim, prediction, now, next);
        let expected = next.sqrt() * x + (1.0 - next).sqrt() * noise;
        let moved = step.latent * z + step.output * output;
        // The weights are known up to a factor that does not depend on x and ε.
        let other = step.latent * (1.0 - now).sqrt()
            + step.output * if prediction == Prediction::Noise { 1.0 } else { now.sqrt() };
        let factor = if next < 1.0 { other / (1.0 - next).sqrt() } else { moved / expected };
        assert!((moved - factor * expected).abs() < 1e-9 && factor > 0.0, "{step:?} {moved} {expected} {factor}");
    }

    #[test]
    fn a_ddim_step_with_the_true_answer_lands_on_the_true_latent() {
        for prediction in [Prediction::Noise, Prediction::Velocity] {
            check_true_step(prediction, 0.3, 0.8);
            check_true_step(prediction, 2.43e-6, 0.49);
            check_true_step(prediction, 0.9, 1.0);
        }
    }

    #[test]
    fn noise_and_velocity_are_the_same_step() {
        let (now, next, z, noise): (f64, f64, f64, f64) = (0.3, 0.8, 0.4, -1.1);
        let x = (z - (1.0 - now).sqrt() * noise) / now.sqrt();
        let velocity = now.sqrt() * noise - (1.0 - now).sqrt() * x;
        for kind in [SamplerKind::Ddim, SamplerKind::Ddpm] {
            let a = StepWeights::new(kind, Prediction::Noise, now, next);
            let b = StepWeights::new(kind, Prediction::Velocity, now, next);
            let ratio = (a.latent * z + a.output * noise) / (b.latent * z + b.output * velocity);
            assert!(ratio > 0.0);
            assert!((a.fresh - ratio * b.fresh).abs() < 1e-12);
        }
    }

    #[test]
    fn first_step_from_almost_pure_noise_keeps_its_scale() {
        for prediction in [Prediction::Noise, Prediction::Velocity] {
            let step = StepWeights::new(SamplerKind::Ddpm, prediction, 2.43e-6, 1.0);
            assert!((step.output.abs() - 1.0).abs() < 1e-5 && step.fresh == 0.0, "{step:?}");
        }
    }
}
