//! Models side by side on images that get worse: whoever answers an image can take part.

use super::metrics;
use super::robustness::Perturbation;
use super::route::Route;
use crate::domain::{Grid, LabelMap, LabelTable, OneSlice, Volume};
use crate::model::segment::Segmenter;
use crate::monitor::{Cancelled, Monitor};

/// Answers images in one or more ways.
pub trait Contender {
    /// The model's name.
    fn model(&self) -> &str;

    /// The name of each way.
    fn routes(&self) -> Vec<String>;

    /// What its answers' ids mean.
    fn table(&self) -> LabelTable;

    /// The one slice that it answers of an image on `grid`, where it sees no other of several.
    fn one_slice(&self, _grid: &Grid) -> Option<OneSlice> {
        None
    }

    /// The answer of each way to frame 0 of `volume`, on the image's grid. Equal seeds give equal answers.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    fn answers(&self, volume: &Volume, seed: u64, monitor: &dyn Monitor) -> Result<Vec<LabelMap>, Cancelled>;
}

/// A trained model by any of its [`Route`]s that need no truth; each image is encoded once for all of them.
#[derive(Clone, Debug)]
pub struct RoutedModel {
    /// What it is called.
    pub name: String,
    /// The model.
    pub segmenter: Segmenter,
    /// Its ways.
    pub routes: Vec<Route>,
    /// Where the box lies of an image that is larger than the model's; see [`Segmenter::encode_image`].
    pub focus: Option<[usize; 3]>,
}

impl Contender for RoutedModel {
    fn model(&self) -> &str {
        &self.name
    }

    fn routes(&self) -> Vec<String> {
        self.routes.iter().map(Route::to_string).collect()
    }

    fn table(&self) -> LabelTable {
        self.segmenter.config().label_table()
    }

    fn one_slice(&self, grid: &Grid) -> Option<OneSlice> {
        self.segmenter.one_slice(grid, self.focus)
    }

    fn answers(&self, volume: &Volume, seed: u64, monitor: &dyn Monitor) -> Result<Vec<LabelMap>, Cancelled> {
        let encoded = self.segmenter.encode_image(volume, 0, self.focus);
        // Only the ceiling looks at the truth.
        let nothing = LabelMap::empty(volume.grid().clone());
        let answer = |route: &Route| route.answer(&self.segmenter, &encoded, &nothing, seed, monitor);
        self.routes.iter().map(answer).collect()
    }
}

/// What is done to an image, how strongly and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct NoisePlan {
    /// The damage.
    pub perturbation: Perturbation,
    /// Its strengths.
    pub strengths: Vec<f64>,
    /// Seeds for each strength, at least 1.
    pub repeats: u64,
    /// Repeat r takes seed + r, for the noise and for the sampling alike.
    pub seed: u64,
}

/// One answer to one damaged image.
#[derive(Clone, Debug, PartialEq)]
pub struct NoisyAnswer {
    /// The model's name.
    pub model: String,
    /// The way to the answer.
    pub route: String,
    /// The damage.
    pub perturbation: Perturbation,
    /// Of the damage.
    pub strength: f64,
    /// From 0.
    pub repeat: u64,
    /// For each label of the model's table.
    pub labels: Vec<LabelAgreement>,
}

/// One label of a [`NoisyAnswer`].
#[derive(Clone, Debug, PartialEq)]
pub struct LabelAgreement {
    /// Its name.
    pub name: String,
    /// Dice with the truth; `None` without truth, or where the label is in neither.
    pub dice: Option<f64>,
    /// Dice with the same model's answer to the undamaged image, same way and same sampling noise. Not accuracy: an answer can
    /// be wrong and stay the same. `None` where the label is in neither.
    pub agreement: Option<f64>,
}

impl NoisePlan {
    /// Answers that it asks of each contender for one image, and the undamaged ones beside.
    pub fn n_images(&self) -> u64 {
        self.repeats * (self.strengths.len() as u64 + 1)
    }

    /// Runs all `contenders` on one frame of `volume`, damaged in every way of the plan; `on_answer` gets each answer as it comes.
    /// All contenders see the same damaged images; one that answers a single slice is compared with the truth of that slice. Images that cannot be damaged (no range, colours) give no answers.
    ///
    /// # Errors
    /// [`Cancelled`], within one denoising step.
    pub fn run(
        &self,
        contenders: &[&dyn Contender],
        (volume, frame): (&Volume, usize),
        truth: Option<&LabelMap>,
        monitor: &dyn Monitor,
        on_answer: &mut dyn FnMut(NoisyAnswer),
    ) -> Result<(), Cancelled> {
        let seen = |contender: &&dyn Contender| Some(truth?.seen(contender.one_slice(volume.grid())).to_ids());
        let truths: Vec<Option<Vec<u16>>> = contenders.iter().map(seen).collect();
        for repeat in 0..self.repeats {
            let seed = self.seed + repeat;
            let damaged = |strength| self.perturbation.apply(volume, frame, strength, seed);
            let Some(undamaged) = damaged(0.0) else { return Ok(()) };
            for (contender, truth) in contenders.iter().zip(&truths) {
                let references = contender.answers(&undamaged, seed, monitor)?;
                for &strength in &self.strengths {
                    let Some(image) = damaged(strength) else { continue };
                    let answers = contender.answers(&image, seed, monitor)?;
                    for ((route, answer), reference) in contender.routes().into_iter().zip(answers).zip(&references) {
                        let labels = agreements(&contender.table(), &answer, reference, truth.as_deref());
                        let model = contender.model().to_owned();
                        let perturbation = self.perturbation;
                        on_answer(NoisyAnswer { model, route, perturbation, strength, repeat, labels });
                    }
                }
            }
        }
        Ok(())
    }
}

fn agreements(
    table: &LabelTable,
    answer: &LabelMap,
    reference: &LabelMap,
    truth: Option<&[u16]>,
) -> Vec<LabelAgreement> {
    let (answer, reference) = (answer.to_ids(), reference.to_ids());
    let of = |id| LabelAgreement {
        name: table.name(id),
        dice: truth.and_then(|truth| metrics::dice(truth, &answer, id)),
        agreement: metrics::dice(&reference, &answer, id),
    };
    table.labels.iter().map(|label| of(label.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phantom::{PhantomKind, generate};
    use crate::monitor::Silent;

    /// Says that everything brighter than the middle is label 1.
    struct Threshold;

    impl Contender for Threshold {
        fn model(&self) -> &'static str {
            "threshold"
        }

        fn routes(&self) -> Vec<String> {
            vec!["plain".to_owned(), "again".to_owned()]
        }

        fn table(&self) -> LabelTable {
            LabelTable::with_ids(&[1])
        }

        fn answers(&self, volume: &Volume, _seed: u64, _monitor: &dyn Monitor) -> Result<Vec<LabelMap>, Cancelled> {
            let ids = volume.values(0).iter().map(|&value| u16::from(value > 0.5)).collect();
            let labels = LabelMap::new(volume.grid().clone(), ids).unwrap();
            Ok(vec![labels.clone(), labels])
        }
    }

    #[test]
    fn answers_to_the_undamaged_image_agree_with_themselves_and_noise_pulls_them_apart() {
        let phantom = generate(PhantomKind::TwoBodies, 1);
        // Between 0 and 1, half dark and half bright.
        let values: Vec<f32> = (0..phantom.volume.grid().n_voxels()).map(|at| (at % 2) as f32).collect();
        let truth = values.iter().map(|&value| value as u16).collect();
        let grid = phantom.volume.grid().clone();
        let truth = LabelMap::new(grid.clone(), truth).unwrap();
        let volume =
            Volume::new(grid, crate::domain::Voxels::F32(values), crate::domain::Scaling::default(), 1).unwrap();
        let plan =
            NoisePlan { perturbation: Perturbation::Gaussian, strengths: vec![0.0, 0.2, 0.5], repeats: 2, seed: 4 };
        let mut found = Vec::new();
        plan.run(&[&Threshold], (&volume, 0), Some(&truth), &Silent, &mut |answer| found.push(answer)).unwrap();
        assert_eq!(found.len(), 3 * 2 * 2);
        let dice = |strength: f64| {
            let of = found.iter().filter(|answer| answer.strength == strength);
            let all: Vec<f64> = of.map(|answer| answer.labels[0].dice.unwrap()).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        assert_eq!(dice(0.0), 1.0);
        assert!(dice(0.2) > 0.98 && dice(0.2) < 1.0 && dice(0.5) < 0.9, "{} {}", dice(0.2), dice(0.5));
        assert!(found.iter().all(|answer| answer.labels[0].agreement == answer.labels[0].dice));
        assert_eq!(plan.n_images(), 8);
    }
}
