//! What is written beside a saved mask: where its labels come from.

use super::case::{Case, Origin};
use crate::config::SamplerKind;
use crate::io::provenance::{ModelRun, Provenance};

/// The record of a case's labels as they are now.
pub fn of(case: &Case) -> Provenance {
    Provenance {
        model: case.accepted.clone(),
        edits: case.history.entries().take(case.history.n_applied()).map(|entry| entry.name.to_owned()).collect(),
        ..Provenance::new(case.opened.path.as_deref())
    }
}

/// The run of a model that labels come from.
pub fn model_run(origin: &Origin) -> ModelRun {
    let settings = &origin.settings;
    ModelRun {
        model: settings.model.clone(),
        model_sha256: origin.model_sha256.clone(),
        seed: settings.seed,
        sampler: match settings.sampler {
            SamplerKind::Ddim => "ddim".to_owned(),
            SamplerKind::Ddpm => "ddpm".to_owned(),
        },
        steps: settings.steps,
        samples: settings.samples,
        device: origin.device.clone(),
        which: origin.which.clone(),
    }
}
