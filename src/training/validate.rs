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
    /// The embedding decoded as it is.
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
    let mut dice: [Vec<f64>; 4] = Default::default();
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
    let mean = |scores: &Vec<f64>| (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
    let [answer, k10, embedding, ceiling] = &dice;
    Ok(Scores { answer: mean(answer), k10: mean(k10), embedding: mean(embedding), ceiling: mean(ceiling) })
}
