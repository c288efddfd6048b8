//! LDSeg's loss (algorithm 1): cross-entropy and Dice of the decoded latent, squared error of the predicted noise; and its two
//! halves, for training in two steps.

use burn::module::Module;
use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::config::{DecodedLatent, LossSettings};
use crate::model::config::{NetworkConfig, Prediction};
use crate::model::ldseg::Ldseg;
use crate::model::schedule::Schedule;
use crate::model::stack::standardise_latent;

/// Keeps the Dice of a class that is nowhere in the batch at 1, not at 0/0.
const DICE_SMOOTHING: f64 = 1.0;

/// What one training step of LDSeg sees.
#[derive(Debug)]
pub struct Batch {
    /// `[batch, channel, depth, height, width]`
    pub image: Tensor<5>,
    /// 0 and 1, `[batch, class, depth, height, width]`
    pub one_hot: Tensor<5>,
    /// One for each sample.
    pub times: Vec<f64>,
    /// ᾱ at those times.
    pub alpha_bars: Vec<f64>,
    /// Standard normal, in the latent's shape, drawn for each sample.
    pub noise: Tensor<5>,
    /// Another draw of it, from which a two-step run would start.
    pub first_noise: Tensor<5>,
    /// Samples whose noisy latent is made from the network's own first estimate; one for each.
    pub is_rolled: Vec<bool>,
    /// The step's number: decides which samples have their embedding decoded and which their clean latent.
    pub turn: usize,
}

/// The loss and what it is made of, each a tensor of one number.
#[derive(Debug)]
pub struct Loss {
    /// What is minimised.
    pub total: Tensor<1>,
    /// CE + γ (1 − Dice) of the denoised latent, or of a deterministic network's answer, where that is decoded.
    pub segmentation: Option<Tensor<1>>,
    /// Squared error of what the denoiser predicts, where one is trained.
    pub noise: Option<Tensor<1>>,
    /// CE + γ (1 − Dice) of the embedding, where it has a weight.
    pub embedding: Option<Tensor<1>>,
    /// CE + γ (1 − Dice) of the clean label latent, where it has a weight.
    pub autoencoder: Option<Tensor<1>>,
}

/// The loss of one step of LDSeg's algorithm 1.
pub fn loss(
    networks: &Ldseg,
    config: &NetworkConfig,
    schedule: &Schedule,
    settings: &LossSettings,
    batch: &Batch,
) -> Loss {
    let clean = networks.label_encoder.forward(config.label_tensor(batch.one_hot.clone()));
    let embedding = networks.image_encoder.forward(batch.image.clone());
    let device = clean.device();
    let start = match batch.is_rolled.contains(&true) {
        true => mix_rolled(batch, clean.clone(), first_estimate(networks, &embedding, schedule, batch)),
        false => clean.clone(),
    };
    let denoised = Denoised::new(networks, start, &embedding, schedule.prediction(), batch);
    // The label encoder is not to make latents that are easy to predict, only latents that decode well: no gradient reaches
    // it through the target.
    let noise = denoised.error(clean.clone().detach(), batch);
    let denoised = match settings.decoded {
        DecodedLatent::Printed => denoised.printed(),
        DecodedLatent::Standardised => denoised.standardised(),
    };

    // One pass of the decoder over all latents that have a weight. Embeddings and clean latents take turns, each for half of
    // the samples: decoding is what a step costs most.
    let n = batch.times.len();
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| (i + batch.turn).is_multiple_of(2));
    let mut groups = vec![(denoised, batch.one_hot.clone())];
    let mut add = |latents: Tensor<5>, of: &[usize], is_wanted: bool| -> bool {
        let is_wanted = is_wanted && !of.is_empty();
        if is_wanted {
            groups.push((pick(&latents, of), pick(&batch.one_hot, of)));
        }
        is_wanted
    };
    let decodes_embedding = settings.embedding_weight > 0.0 && config.decodes_embedding();
    let with_embedding = add(standardise_latent(embedding), &even, decodes_embedding);
    let with_autoencoder = add(clean, &odd, settings.autoencoder_weight > 0.0);
    let sizes: Vec<usize> = groups.iter().map(|(latents, _)| latents.dims()[0]).collect();
    let (latents, truths): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    let scores = networks.label_decoder.forward(Tensor::cat(latents, 0)).split_with_sizes(sizes, 0);
    let mut losses = scores.into_iter().zip(truths).map(|(scores, truth)| segmentation_loss(scores, truth, settings));
    let segmentation = losses.next().unwrap_or_else(|| Tensor::zeros([1], &device));
    let embedding = if with_embedding { losses.next() } else { None };
    let autoencoder = if with_autoencoder { losses.next() } else { None };

    let mut total = segmentation.clone() + noise.clone() * settings.noise_weight;
    for (term, weight) in [(&embedding, settings.embedding_weight), (&autoencoder, settings.autoencoder_weight)] {
        if let Some(term) = term {
            total = total + term.clone() * weight;
        }
    }
    Loss { total, segmentation: Some(segmentation), noise: Some(noise), embedding, autoencoder }
}

/// The first of two steps: label encoder and label decoder alone.
pub fn autoencoder_loss(networks: &Ldseg, config: &NetworkConfig, settings: &LossSettings, one_hot: Tensor<5>) -> Loss {
    let latent = networks.label_encoder.forward(config.label_tensor(one_hot.clone()));
    let total = segmentation_loss(networks.label_decoder.forward(latent), one_hot, settings);
    Loss { total: total.clone(), segmentation: None, noise: None, embedding: None, autoencoder: Some(total) }
}

/// The second of two steps: image encoder and denoiser, which see of the labels nothing but finished latents.
pub fn latent_loss(networks: &Ldseg, config: &NetworkConfig, schedule: &Schedule, batch: &Batch) -> Loss {
    // As those who segment use it: no gradient, and running statistics stay what they were.
    let label_encoder = networks.label_encoder.clone().valid();
    let labels = config.label_tensor(batch.one_hot.clone());
    let clean = label_encoder.forward(labels.without_autodiff()).autodiff();
    let embedding = networks.image_encoder.forward(batch.image.clone());
    let denoised = Denoised::new(networks, clean.clone(), &embedding, schedule.prediction(), batch);
    let total = denoised.error(clean, batch);
    Loss { total: total.clone(), segmentation: None, noise: Some(total), embedding: None, autoencoder: None }
}

/// A noisy latent, and what the denoiser says of it.
#[derive(Clone, Debug)]
struct Denoised {
    prediction: Prediction,
    noisy: Tensor<5>,
    output: Tensor<5>,
    /// √ᾱ, `[batch, 1, 1, 1, 1]`
    signal: Tensor<5>,
    /// √(1−ᾱ), `[batch, 1, 1, 1, 1]`
    spread: Tensor<5>,
}

impl Denoised {
    /// `start` with the noise and at the times of `batch`.
    fn new(networks: &Ldseg, start: Tensor<5>, embedding: &Tensor<5>, prediction: Prediction, batch: &Batch) -> Self {
        let (signal, spread) = signal_and_spread(&batch.alpha_bars, &start.device());
        let noisy = start * signal.clone() + batch.noise.clone() * spread.clone();
        let output = networks.denoiser.forward(noisy.clone(), embedding.clone(), &batch.times);
        Self { prediction, noisy, output, signal, spread }
    }

    /// The mean squared error of the denoiser's output, where `clean` is the true latent.
    fn error(&self, clean: Tensor<5>, batch: &Batch) -> Tensor<1> {
        let noise = batch.noise.clone();
        let target = match self.prediction {
            Prediction::Noise => noise,
            Prediction::Velocity => noise * self.signal.clone() - clean * self.spread.clone(),
        };
        mean_of_true((self.output.clone() - target).powi_scalar(2), &batch.is_rolled)
    }

    /// The standardised label latent that the output stands for.
    fn standardised(self) -> Tensor<5> {
        let Self { prediction, noisy, output, signal, spread } = self;
        standardise_latent(match prediction {
            Prediction::Noise => noisy - output * spread,
            Prediction::Velocity => noisy * signal - output * spread,
        })
    }

    /// z_t − ε̂ (the paper's eq. 12).
    fn printed(self) -> Tensor<5> {
        let Self { prediction, noisy, output, signal, spread } = self;
        match prediction {
            Prediction::Noise => noisy - output,
            Prediction::Velocity => noisy.clone() - (output * signal + noisy * spread),
        }
    }
}

/// √ᾱ and √(1−ᾱ) of each sample, `[batch, 1, 1, 1, 1]`.
fn signal_and_spread(alpha_bars: &[f64], device: &Device) -> (Tensor<5>, Tensor<5>) {
    let column = |value: fn(f64) -> f64| {
        let values: Vec<f32> = alpha_bars.iter().map(|&a| value(a) as f32).collect();
        Tensor::from_data(TensorData::new(values, [alpha_bars.len(), 1, 1, 1, 1]), device)
    };
    (column(f64::sqrt), column(|a| (1.0 - a).sqrt()))
}

/// What a two-step run would say, without a gradient.
fn first_estimate(networks: &Ldseg, embedding: &Tensor<5>, schedule: &Schedule, batch: &Batch) -> Tensor<5> {
    let last = (schedule.n_times() - 1) as f64;
    let noisy = standardise_latent(batch.first_noise.clone());
    let output = networks.denoiser.forward(noisy.clone(), embedding.clone(), &[last]);
    let alpha_bars = vec![schedule.alpha_bar(last); batch.times.len()];
    let (signal, spread) = signal_and_spread(&alpha_bars, &noisy.device());
    Denoised { prediction: schedule.prediction(), noisy, output, signal, spread }.standardised().detach()
}

/// `rolled` for the samples that are, `clean` for the others.
fn mix_rolled(batch: &Batch, clean: Tensor<5>, rolled: Tensor<5>) -> Tensor<5> {
    let share = mask(&batch.is_rolled, &clean.device());
    clean * (share.clone() * -1.0 + 1.0) + rolled * share
}

/// 1 where `flags` is set, `[batch, 1, 1, 1, 1]`.
fn mask(flags: &[bool], device: &Device) -> Tensor<5> {
    let values: Vec<f32> = flags.iter().map(|&flag| f32::from(u8::from(flag))).collect();
    Tensor::from_data(TensorData::new(values, [flags.len(), 1, 1, 1, 1]), device)
}

/// The mean over the samples that started from the truth; 0 where none did. No one step can mend a latent that was made
/// from another one, so the squared error says nothing there.
fn mean_of_true(squares: Tensor<5>, is_rolled: &[bool]) -> Tensor<1> {
    let n_true = is_rolled.iter().filter(|&&rolled| !rolled).count();
    let each = squares.dims()[1..].iter().product::<usize>();
    let kept = mask(is_rolled, &squares.device()) * -1.0 + 1.0;
    (squares * kept).sum() * (1.0 / (n_true * each).max(1) as f64)
}

/// Some samples of a batch.
fn pick(batch: &Tensor<5>, samples: &[usize]) -> Tensor<5> {
    Tensor::cat(samples.iter().map(|&i| batch.clone().narrow(0, i, 1)).collect(), 0)
}

/// Cross-entropy plus γ (1 − mean Dice of the structures, pooled over the batch or image by image; background is left to the
/// cross-entropy).
///
/// # Shapes
/// scores and one-hot: `[batch, class, depth, height, width]`
pub fn segmentation_loss(scores: Tensor<5>, one_hot: Tensor<5>, settings: &LossSettings) -> Tensor<1> {
    let [batch, n_classes, depth, height, width] = scores.dims();
    let n_voxels = depth * height * width;
    let log_probability = log_softmax(scores, 1);
    let cross_entropy = (log_probability.clone() * one_hot.clone()).sum() * (-1.0 / (batch * n_voxels) as f64);
    let sums = |t: Tensor<5>| {
        let by_image = t.reshape([batch, n_classes, n_voxels]).sum_dim(2);
        if settings.dice_by_image { by_image } else { by_image.sum_dim(0) }
    };
    let probability = log_probability.exp();
    let overlap = sums(probability.clone() * one_hot.clone());
    let sizes = sums(probability + one_hot);
    let dice = (overlap * 2.0 + DICE_SMOOTHING) / (sizes + DICE_SMOOTHING);
    let structures = dice.narrow(1, 1, n_classes - 1).mean();
    cross_entropy + (structures * -1.0 + 1.0) * settings.dice_weight
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        loss: LossSettings,
    }

    /// The settings that the command line's `flags` mean.
    fn settings(flags: &[&str]) -> LossSettings {
        Flags::parse_from([&["train"], flags].concat()).loss
    }

    /// Two classes over four voxels in a row.
    fn tensor(class_0: [f32; 4], class_1: [f32; 4]) -> Tensor<5> {
        let values: Vec<f32> = class_0.into_iter().chain(class_1).collect();
        Tensor::from_data(TensorData::new(values, [1, 2, 1, 1, 4]), &Device::flex())
    }

    #[test]
    fn a_sure_and_right_answer_costs_nothing() {
        let truth = tensor([1., 1., 0., 0.], [0., 0., 1., 1.]);
        let loss = segmentation_loss(truth.clone() * 60.0, truth, &settings(&[])).into_scalar::<f32>();
        assert!(loss.abs() < 1e-5, "{loss}");
    }

    #[test]
    fn an_undecided_answer_costs_what_a_hand_computes() {
        // CE = ln 2; Dice = (2·2·½ + 1)/(2 + 2 + 1) = 3/5.
        let truth = tensor([1., 1., 0., 0.], [0., 0., 1., 1.]);
        let loss = segmentation_loss(truth.zeros_like(), truth, &settings(&[])).into_scalar::<f32>();
        assert!((loss - (2f32.ln() + 2.0 * 0.4)).abs() < 1e-5, "{loss}");
    }

    #[test]
    fn by_image_a_missed_small_structure_costs_as_much_as_a_large_one() {
        // The first image holds three voxels of the structure, all found; the second holds one, missed.
        let truth = Tensor::cat(
            vec![tensor([1., 0., 0., 0.], [0., 1., 1., 1.]), tensor([1., 1., 1., 0.], [0., 0., 0., 1.])],
            0,
        );
        let answer = Tensor::cat(
            vec![tensor([1., 0., 0., 0.], [0., 1., 1., 1.]), tensor([1., 1., 1., 1.], [0., 0., 0., 0.])],
            0,
        );
        let dice_term = |flags: &[&str]| {
            let of = |weight: &'static str| {
                let flags = [&["--dice-weight", weight], flags].concat();
                segmentation_loss(answer.clone() * 60.0, truth.clone(), &settings(&flags)).into_scalar::<f32>()
            };
            of("1") - of("0")
        };
        // Pooled: 1 − (2·3 + 1)/(3 + 4 + 1). By image: the mean of 0 and 1 − 1/(0 + 1 + 1).
        assert!((dice_term(&[]) - 0.125).abs() < 1e-5);
        assert!((dice_term(&["--dice-by-image"]) - 0.25).abs() < 1e-5);
    }
}
