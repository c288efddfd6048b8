//! Dice on the validation cases, by the same code that segments for users.

use super::TrainError;
use super::cases::LabelledImage;
use crate::evaluation::metrics;
use crate::evaluation::route::Route;
use crate::model::segment::Segmenter;
use crate::monitor::{Monitor, Silent};

/// Mean Dice over cases and labels; a label that neither side has is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scores {
    /// Two sampling steps, one call of the denoiser; or the answer of a deterministic network, which has no other score.
    pub answer: Option<f64>,
    /// Ten sampling steps.
    pub k10: Option<f64>,
    /// The embedding decoded as it is, where it can be.
    pub embedding: Option<f64>,
    /// Label → latent → label.
    pub ceiling: Option<f64>,
}

/// Scores a model on `images`.
///
/// # Errors
/// [`TrainError::Cancelled`].
pub fn validate(segmenter: &Segmenter, images: &[LabelledImage], monitor: &dyn Monitor) -> Result<Scores, TrainError> {
    let config = segmenter.config();
    let routes = Route::with_ceiling(config, [Route::ddim(2), Route::ddim(10)]);
    let mut dice = vec![Vec::new(); routes.len()];
    for (done, image) in images.iter().enumerate() {
        monitor.report("Validating", done as u64, images.len() as u64)?;
        let encoded = segmenter.encode_image(&image.volume, 0, None);
        for (scores, route) in dice.iter_mut().zip(&routes) {
            let found = route.answer(segmenter, &encoded, &image.labels, done as u64, &Silent)?;
            let (truth, found) = (image.labels.to_ids(), found.to_ids());
            let labels = config.label_table().labels;
            scores.extend(labels.iter().filter_map(|label| metrics::dice(&truth, &found, label.id)));
        }
    }
    let mut means = Scores::default();
    for (route, scores) in routes.iter().zip(&dice).filter(|(_, scores)| !scores.is_empty()) {
        let place = match route {
            Route::Sampled { steps: 2, .. } | Route::Deterministic => &mut means.answer,
            Route::Sampled { .. } => &mut means.k10,
            Route::Embedding => &mut means.embedding,
            Route::Ceiling => &mut means.ceiling,
        };
        *place = Some(scores.iter().sum::<f64>() / scores.len() as f64);
    }
    Ok(means)
}
