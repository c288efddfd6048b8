//! The parts of a run: one end to end, or two as in LSegDiff (Vu Quoc et al. 2023): first the autoencoder of the labels, then,
//! with that frozen, what finds its latents from an image.

use std::ops::Range;

use crate::config::TrainSettings;

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// All networks, by one loss.
    EndToEnd,
    /// Label encoder and label decoder.
    Autoencoder,
    /// Image encoder and denoiser; label encoder and label decoder are frozen.
    Latent,
}

/// A part of a run, with a learning rate that rises and falls once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub stage: Stage,
    /// From 0.
    pub epochs: Range<usize>,
}

impl Part {
    /// The part that `epoch` belongs to.
    pub fn at(epoch: usize, settings: &TrainSettings) -> Self {
        let Some(share) = settings.two_step else { return Self { stage: Stage::EndToEnd, epochs: 0..settings.epochs } };
        // One epoch at least for each.
        let first = ((settings.epochs as f64 * share).round() as usize).min(settings.epochs - 1).max(1);
        match epoch < first {
            true => Self { stage: Stage::Autoencoder, epochs: 0..first },
            false => Self { stage: Stage::Latent, epochs: first..settings.epochs },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;

    #[track_caller]
    fn check_parts(epochs: usize, two_step: Option<f64>, expected: &[Stage]) {
        let settings = TrainSettings { two_step, ..settings(epochs) };
        let parts: Vec<Part> = (0..epochs).map(|epoch| Part::at(epoch, &settings)).collect();
        assert_eq!(parts.iter().map(|part| part.stage).collect::<Vec<_>>(), expected);
        for (epoch, part) in parts.iter().enumerate() {
            assert!(
                part.epochs.contains(&epoch) && part.epochs.clone().all(|other| parts[other] == *part),
                "{parts:?}"
            );
        }
    }

    #[test]
    fn two_steps_share_the_epochs_and_each_has_one() {
        use Stage::{Autoencoder, EndToEnd, Latent};
        check_parts(2, None, &[EndToEnd, EndToEnd]);
        check_parts(4, Some(0.3), &[Autoencoder, Latent, Latent, Latent]);
        check_parts(4, Some(0.5), &[Autoencoder, Autoencoder, Latent, Latent]);
        check_parts(3, Some(0.0), &[Autoencoder, Latent, Latent]);
        check_parts(3, Some(1.0), &[Autoencoder, Autoencoder, Latent]);
    }
}
