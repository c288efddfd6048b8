//! ᾱ over time: how much of the label latent is left at each time of the diffusion. One type for training and sampling.

use super::config::{DiffusionConfig, Prediction, ScheduleKind};

const BETA_FIRST: f64 = 1e-4;
const BETA_LAST: f64 = 0.02;
const COSINE_OFFSET: f64 = 0.008;

/// ᾱ at every time 0 … T − 1, and between them.
#[derive(Clone, Debug)]
pub struct Schedule {
    kind: ScheduleKind,
    prediction: Prediction,
    alpha_bar: Vec<f64>,
}

impl Schedule {
    /// The schedule that `config` names.
    pub fn new(config: &DiffusionConfig) -> Self {
        let n = config.times;
        let alpha_bar = match config.schedule {
            ScheduleKind::Cosine => (0..n).map(|t| cosine(t as f64, n)).collect(),
            ScheduleKind::Linear => cumulative((0..n).map(|t| lerp(BETA_FIRST, BETA_LAST, t, n))),
            ScheduleKind::Quadratic => {
                cumulative((0..n).map(|t| lerp(BETA_FIRST.sqrt(), BETA_LAST.sqrt(), t, n).powi(2)))
            }
        };
        Self { kind: config.schedule, prediction: config.prediction, alpha_bar }
    }

    /// What the denoiser's output means.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// Times T.
    pub fn n_times(&self) -> usize {
        self.alpha_bar.len()
    }

    /// ᾱ at time `t`, which may lie between two whole times (the paper's steps are not rounded).
    pub fn alpha_bar(&self, t: f64) -> f64 {
        let last = self.n_times() - 1;
        let t = t.clamp(0.0, last as f64);
        if self.kind == ScheduleKind::Cosine {
            return cosine(t, self.n_times());
        }
        let below = t.floor();
        let (low, high) = (self.alpha_bar[below as usize], self.alpha_bar[(below as usize + 1).min(last)]);
        low + (high - low) * (t - below)
    }

    /// The `n_steps` times of a sampling run, latest first and evenly spaced from T − 1 to 0 (LDSeg's code: not rounded).
    pub fn times(&self, n_steps: usize) -> Vec<f64> {
        let last = (self.n_times() - 1) as f64;
        match n_steps {
            0 => Vec::new(),
            1 => vec![0.0],
            n => (0..n).rev().map(|i| last * i as f64 / (n - 1) as f64).collect(),
        }
    }
}

/// LDSeg's code: f(t) = cos²((t/T + s)/(1 + s) · π/2), ᾱ = f(t)/f(0), so that ᾱ at t = 0 is exactly 1.
fn cosine(t: f64, n_times: usize) -> f64 {
    let f = |t: f64| ((t / n_times as f64 + COSINE_OFFSET) / (1.0 + COSINE_OFFSET) * std::f64::consts::FRAC_PI_2).cos();
    (f(t) / f(0.0)).powi(2)
}

fn lerp(from: f64, to: f64, t: usize, n: usize) -> f64 {
    from + (to - from) * t as f64 / (n - 1).max(1) as f64
}

fn cumulative(betas: impl Iterator<Item = f64>) -> Vec<f64> {
    betas
        .scan(1.0, |product, beta| {
            *product *= 1.0 - beta;
            Some(*product)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(kind: ScheduleKind) -> Schedule {
        Schedule::new(&DiffusionConfig { schedule: kind, times: 1000, prediction: Prediction::Noise })
    }

    #[test]
    fn cosine_agrees_with_the_authors_table() {
        let schedule = schedule(ScheduleKind::Cosine);
        for (t, expected) in
            [(0.0, 1.0), (100.0, 0.972), (250.0, 0.847), (500.0, 0.494), (750.0, 0.144), (900.0, 0.0241)]
        {
            assert!((schedule.alpha_bar(t) - expected).abs() < 6e-4, "t = {t}: {}", schedule.alpha_bar(t));
        }
        assert!((schedule.alpha_bar(999.0) / 2.43e-6 - 1.0).abs() < 0.01);
        assert!((schedule.alpha_bar(990.0) / 2.43e-4 - 1.0).abs() < 0.01);
    }

    #[test]
    fn every_schedule_falls_and_stays_within_0_and_1() {
        for kind in [ScheduleKind::Linear, ScheduleKind::Quadratic, ScheduleKind::Cosine] {
            let schedule = schedule(kind);
            let values: Vec<f64> = (0..1999).map(|i| schedule.alpha_bar(f64::from(i) / 2.0)).collect();
            assert!(values.windows(2).all(|pair| pair[0] > pair[1]), "{kind:?}");
            assert!(values.iter().all(|a| (0.0..=1.0).contains(a)), "{kind:?}");
        }
    }

    #[test]
    fn steps_are_counted_as_the_paper_counts_them() {
        let schedule = schedule(ScheduleKind::Cosine);
        assert_eq!(schedule.times(2), [999.0, 0.0]);
        assert_eq!(schedule.times(3), [999.0, 499.5, 0.0]);
        assert_eq!(schedule.times(1), [0.0]);
        assert_eq!(schedule.times(1000).len(), 1000);
    }
}
