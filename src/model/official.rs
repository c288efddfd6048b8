//! The weights that the authors of LDSeg published, into the presets `paper-2d` and `paper-3d`.
//!
//! They published six Keras files: label encoder, image encoder and label decoder, in 2D and in 3D, but no denoiser. So
//! the published model cannot be run whole; what there is proves our layers against theirs. The files carry no licence:
//! they are read where a person has them and are no part of this program. `tests/data/official_weights.py` turns them
//! into the safetensors files that [`load`] reads, with Keras's own names and layouts.
//!
//! Keras numbers the layers of each kind in the order in which the code makes them, across all three networks:
//! `conv2d`, `conv2d_1`, … So `Numbering` makes every name by walking our layers in the authors' order, and a weight
//! that is left over is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::{Param, RunningState};
use burn::nn::{BatchNorm, Linear};
use burn::prelude::*;
use safetensors::SafeTensors;

use super::block::{Attention, GroupNorm};
use super::conv::{Conv, ConvTranspose};
use super::ldseg::Ldseg;
use super::reference::{ElementNorm, ImageBlock, PostNormBlock};
use super::stack::{Layer, Stack};

/// Why the published weights were not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the published weights ({})", path.display())]
    Read {
        /// What the system says.
        #[source]
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Not a safetensors file.
    #[error("this is no safetensors file ({})", path.display())]
    Format {
        /// What is wrong with it.
        #[source]
        source: safetensors::SafeTensorError,
        /// The file.
        path: PathBuf,
    },
    /// A weight is not in the file.
    #[error("there is no weight {key:?} of shape {expected:?} ({})", path.display())]
    Missing {
        /// Keras's name.
        key: String,
        /// The shape that our layer needs, in Keras's order.
        expected: Vec<usize>,
        /// The file.
        path: PathBuf,
    },
    /// A weight has another shape, or other numbers than f32.
    #[error("weight {key:?} should be f32 {expected:?}, found {found_type} {found:?} ({})", path.display())]
    Shape {
        /// Keras's name.
        key: String,
        /// The shape that our layer needs, in Keras's order.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
        /// The kind of number in the file.
        found_type: String,
        /// The file.
        path: PathBuf,
    },
    /// The file has weights that none of our layers takes.
    #[error("no layer takes the weights {keys:?} ({})", path.display())]
    LeftOver {
        /// Keras's names.
        keys: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// The network has a layer that the authors' networks do not.
    #[error("layer {index} of the network is none of the authors' kinds ({})", path.display())]
    Layer {
        /// Position in the stack.
        index: usize,
        /// The file.
        path: PathBuf,
    },
}

/// Puts the published weights in the folder `dir` into `networks`, made from the preset `paper-2d` or `paper-3d`. The
/// denoiser, which was not published, stays as it is.
///
/// # Errors
/// [`Error`], where a file is missing or does not fit the networks.
pub fn load(mut networks: Ldseg, dir: &Path, device: &Device) -> Result<Ldseg, Error> {
    let planar = match networks.label_encoder.layers.first() {
        Some(Layer::PostNorm(block)) => block.conv_in.weight.dims()[2] == 1,
        _ => false,
    };
    let suffix = if planar { "" } else { "3D" };
    let mut numbering = Numbering::default();
    let parts = [
        ("labelEncoder", &mut networks.label_encoder),
        ("imageEncoder", &mut networks.image_encoder),
        ("labelDecoder", &mut networks.label_decoder),
    ];
    for (name, stack) in parts {
        let path = dir.join(format!("{name}{suffix}.safetensors"));
        let mut source = Source { weights: read(&path)?, numbering, planar, device, path };
        source.fill(stack)?;
        numbering = source.finish()?;
    }
    Ok(networks)
}

/// A weight as it is in the file; `None` where it is not f32.
struct Weight {
    shape: Vec<usize>,
    found_type: String,
    values: Option<Vec<f32>>,
}

fn read(path: &Path) -> Result<BTreeMap<String, Weight>, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read { source, path: path.to_owned() })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|source| Error::Format { source, path: path.to_owned() })?;
    let weight = |(key, view): (&str, safetensors::tensor::TensorView)| {
        let floats = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let values = (view.dtype() == safetensors::Dtype::F32).then(|| floats.collect());
        (key.to_owned(), Weight { shape: view.shape().to_vec(), found_type: format!("{:?}", view.dtype()), values })
    };
    Ok(file.iter().map(weight).collect())
}

/// How many layers of each kind were named so far.
#[derive(Debug, Default)]
struct Numbering {
    conv: usize,
    conv_transpose: usize,
    batch_norm: usize,
    group_norm: usize,
    attention: usize,
    dense: usize,
}

/// The next name of a kind: `dense`, `dense_1`, `dense_2`, …
fn next_name(kind: &str, counter: &mut usize) -> String {
    let n = *counter;
    *counter += 1;
    if n == 0 { kind.to_owned() } else { format!("{kind}_{n}") }
}

/// The weights of one file, handed out layer by layer.
struct Source<'a> {
    weights: BTreeMap<String, Weight>,
    numbering: Numbering,
    planar: bool,
    device: &'a Device,
    path: PathBuf,
}

impl Source<'_> {
    /// Every weight must have been handed out.
    fn finish(self) -> Result<Numbering, Error> {
        if self.weights.is_empty() {
            return Ok(self.numbering);
        }
        Err(Error::LeftOver { keys: self.weights.into_keys().collect(), path: self.path })
    }

    /// The weight of that name, which must have the shape `expected`.
    fn take<const D: usize>(&mut self, key: String, expected: [usize; D]) -> Result<Tensor<1>, Error> {
        let Some(weight) = self.weights.remove(&key) else {
            return Err(Error::Missing { key, expected: expected.to_vec(), path: self.path.clone() });
        };
        match weight.values {
            Some(values) if weight.shape == expected => Ok(Tensor::from_floats(values.as_slice(), self.device)),
            _ => Err(Error::Shape {
                key,
                expected: expected.to_vec(),
                found: weight.shape,
                found_type: weight.found_type,
                path: self.path.clone(),
            }),
        }
    }

    fn vector(&mut self, key: String, param: &mut Param<Tensor<1>>) -> Result<(), Error> {
        let values = self.take(key, param.dims())?;
        replace(param, values);
        Ok(())
    }

    /// Keras keeps a kernel as \[depth, height, width, in, out] (transposed: out, in), in 2D without the depth; ours is
    /// \[out, in, depth, height, width] (transposed: in, out): the same permutation for both.
    fn kernel(&mut self, layer: &str, param: &mut Param<Tensor<5>>) -> Result<(), Error> {
        let [first, second, depth, height, width] = param.dims();
        let key = format!("{layer}/kernel:0");
        let values = if self.planar {
            self.take(key, [height, width, second, first])?
        } else {
            self.take(key, [depth, height, width, second, first])?
        };
        replace(param, values.reshape([depth, height, width, second, first]).permute([4, 3, 0, 1, 2]));
        Ok(())
    }

    fn conv(&mut self, conv: &mut Conv) -> Result<(), Error> {
        let kind = if self.planar { "conv2d" } else { "conv3d" };
        let name = next_name(kind, &mut self.numbering.conv);
        self.kernel(&name, &mut conv.weight)?;
        self.vector(format!("{name}/bias:0"), &mut conv.bias)
    }

    fn conv_transpose(&mut self, conv: &mut ConvTranspose) -> Result<(), Error> {
        let name = next_name("conv2d_transpose", &mut self.numbering.conv_transpose);
        self.kernel(&name, &mut conv.weight)?;
        self.vector(format!("{name}/bias:0"), &mut conv.bias)
    }

    fn next_batch_norm(&mut self, norm: &mut BatchNorm) -> Result<(), Error> {
        let name = next_name("batch_normalization", &mut self.numbering.batch_norm);
        self.batch_norm(&name, norm)
    }

    fn batch_norm(&mut self, name: &str, norm: &mut BatchNorm) -> Result<(), Error> {
        self.vector(format!("{name}/gamma:0"), &mut norm.gamma)?;
        self.vector(format!("{name}/beta:0"), &mut norm.beta)?;
        let channels = norm.gamma.dims();
        norm.running_mean = RunningState::new(self.take(format!("{name}/moving_mean:0"), channels)?);
        norm.running_var = RunningState::new(self.take(format!("{name}/moving_variance:0"), channels)?);
        Ok(())
    }

    /// `scope` is the layer that holds the norm, with a slash, or nothing.
    fn group_norm(&mut self, scope: &str, norm: &mut GroupNorm) -> Result<(), Error> {
        let name = next_name("group_normalization", &mut self.numbering.group_norm);
        self.vector(format!("{scope}{name}/gamma:0"), &mut norm.gamma)?;
        self.vector(format!("{scope}{name}/beta:0"), &mut norm.beta)
    }

    /// Keras and Burn both keep a dense layer as \[in, out].
    fn dense(&mut self, scope: &str, linear: &mut Linear) -> Result<(), Error> {
        let name = next_name("dense", &mut self.numbering.dense);
        let [channels_in, channels_out] = linear.weight.dims();
        let values = self.take(format!("{scope}{name}/kernel:0"), [channels_in, channels_out])?;
        replace(&mut linear.weight, values.reshape([channels_in, channels_out]));
        match &mut linear.bias {
            Some(bias) => self.vector(format!("{scope}{name}/bias:0"), bias),
            None => Ok(()),
        }
    }

    fn attention(&mut self, attention: &mut Attention) -> Result<(), Error> {
        let scope = next_name("multi_head_attention_block", &mut self.numbering.attention) + "/";
        self.group_norm(&scope, &mut attention.norm)?;
        self.dense(&scope, &mut attention.query)?;
        self.dense(&scope, &mut attention.key)?;
        self.dense(&scope, &mut attention.value)?;
        self.dense(&scope, &mut attention.project)
    }

    fn post_norm_block(&mut self, block: &mut PostNormBlock) -> Result<(), Error> {
        self.conv(&mut block.conv_in)?;
        self.next_batch_norm(&mut block.norm_in)?;
        self.conv(&mut block.conv_out)?;
        self.next_batch_norm(&mut block.norm_out)?;
        self.conv(&mut block.shortcut)?;
        self.next_batch_norm(&mut block.norm_shortcut)
    }

    /// The authors' code makes the shortcut first.
    fn image_block(&mut self, block: &mut ImageBlock) -> Result<(), Error> {
        self.conv(&mut block.shortcut)?;
        self.conv(&mut block.conv_in)?;
        self.conv(&mut block.conv_out)?;
        if let Some(down) = &mut block.down {
            self.conv(down)?;
        }
        self.group_norm("", &mut block.norm)
    }

    /// The end of the label encoder. Keras has the one channel last, in 3D as in 2D.
    fn element_norm(&mut self, norm: &mut ElementNorm) -> Result<(), Error> {
        let [_, depth, height, width] = norm.gamma.dims();
        for (key, param) in [("encoder_output/gamma:0", &mut norm.gamma), ("encoder_output/beta:0", &mut norm.beta)] {
            let values = if self.planar {
                self.take(key.to_owned(), [height, width, 1])?
            } else {
                self.take(key.to_owned(), [depth, height, width, 1])?
            };
            replace(param, values.reshape([1, depth, height, width]));
        }
        Ok(())
    }

    fn fill(&mut self, stack: &mut Stack) -> Result<(), Error> {
        let is_image_encoder = stack.layers.iter().any(|layer| matches!(layer, Layer::Image(_)));
        for (index, layer) in stack.layers.iter_mut().enumerate() {
            match layer {
                Layer::Conv(conv) => self.conv(conv)?,
                Layer::ConvTranspose(conv) => self.conv_transpose(conv)?,
                Layer::PostNorm(block) => self.post_norm_block(block)?,
                Layer::Image(block) => self.image_block(block)?,
                Layer::Attention(attention) => self.attention(attention)?,
                Layer::BatchNorm(norm) if is_image_encoder => self.batch_norm("embedding_output", norm)?,
                Layer::BatchNorm(norm) => self.next_batch_norm(norm)?,
                Layer::ElementNorm(norm) => self.element_norm(norm)?,
                Layer::Plain(_) => {}
                Layer::Residual(_) | Layer::GroupNorm(_) => {
                    return Err(Error::Layer { index, path: self.path.clone() });
                }
            }
        }
        Ok(())
    }
}

/// A new value under the parameter's old name.
fn replace<const D: usize>(param: &mut Param<Tensor<D>>, value: Tensor<D>) {
    *param = Param::initialized(param.id, value).set_require_grad(true);
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use burn::tensor::DType;
    use tempfile::TempDir;

    use super::*;
    use crate::model::config::ModelConfig;
    use crate::model::preset::{paper_2d, paper_3d};
    use crate::model::reference::standardise;

    /// The tables were measured with the authors' code in TensorFlow and are printed to three digits.
    const TOLERANCE: f64 = 1e-3;

    /// The published weights and cases as safetensors; `None`, with the reason said, where this machine lacks them.
    fn converted() -> Option<TempDir> {
        let Some(data) = std::env::var_os("LDSEG_DATA").map(PathBuf::from) else {
            eprintln!("skipped: LDSEG_DATA names no data folder");
            return None;
        };
        if !data.join("ldseg_official").is_dir() {
            eprintln!("skipped: LDSEG_DATA has no folder ldseg_official");
            return None;
        }
        let out = TempDir::new().expect("the system has a folder for scratch files");
        let python = std::env::var_os("LDSEG_PYTHON").unwrap_or_else(|| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/official_weights.py");
        let answer = match Command::new(&python).arg(script).arg(data).arg(out.path()).output() {
            Ok(answer) if answer.status.success() => return Some(out),
            Ok(answer) => String::from_utf8_lossy(&answer.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        assert!(std::env::var_os("CI").is_none(), "cannot convert the published weights with {python:?}: {answer}");
        eprintln!(
            "skipped: cannot convert the published weights with {python:?} (LDSEG_PYTHON names another): {answer}"
        );
        None
    }

    /// A case as the authors' code prepares it.
    struct Case {
        /// `[1, channel, depth, height, width]`
        image: Tensor<5>,
        /// `[1, 1, depth, height, width]`, ids as numbers.
        label: Tensor<5>,
        truth: Vec<u8>,
    }

    impl Case {
        fn read(path: &Path, name: &str, device: &Device) -> Self {
            let bytes = std::fs::read(path).expect("the script has written the cases");
            let file = SafeTensors::deserialize(&bytes).expect("the script writes safetensors");
            let image = file.tensor(&format!("{name}/image")).expect("every case has an image");
            let label = file.tensor(&format!("{name}/label")).expect("every case has a label map");
            let floats: Vec<f32> =
                image.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            let ids: Vec<f32> = label.data().iter().map(|&id| f32::from(id)).collect();
            let [depth, height, width] = *label.shape() else { panic!("a label map has three axes") };
            let tensor = |values: Vec<f32>, channels| {
                let data = TensorData::new(values, [1, channels, depth, height, width]);
                Tensor::from_data(data, (device, DType::F32))
            };
            Self { image: tensor(floats, image.shape()[0]), label: tensor(ids, 1), truth: label.data().to_vec() }
        }

        fn fraction(&self) -> f64 {
            self.truth.iter().filter(|&&id| id > 0).count() as f64 / self.truth.len() as f64
        }

        /// Dice overlap of the positions whose id `belongs`.
        fn dice(&self, ids: &[u8], belongs: impl Fn(u8) -> bool) -> f64 {
            let both = self.truth.iter().zip(ids).filter(|&(&a, &b)| belongs(a) && belongs(b)).count();
            let sizes = [&self.truth[..], ids].map(|ids| ids.iter().filter(|&&id| belongs(id)).count());
            2.0 * both as f64 / (sizes[0] + sizes[1]) as f64
        }
    }

    fn networks(config: &ModelConfig, dir: &Path, device: &Device) -> Ldseg {
        let network = &config.ldseg().expect("the authors' networks are LDSeg's").network;
        let networks = network.init(config.input.channels, config.n_classes(), device);
        load(networks, dir, device).expect("the published weights fit the presets")
    }

    fn decode(networks: &Ldseg, latent: Tensor<5>) -> Vec<u8> {
        let ids = networks.label_decoder.forward(latent).argmax(1).into_data();
        ids.iter::<i64>().map(|id| u8::try_from(id).expect("there are three classes at most")).collect()
    }

    fn values(latent: &Tensor<5>) -> Vec<f64> {
        latent.to_data().iter::<f64>().collect()
    }

    /// Mean and SD.
    fn moments(values: &[f64]) -> [f64; 2] {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        [mean, variance.sqrt()]
    }

    fn correlation(a: &[f64], b: &[f64]) -> f64 {
        let ([mean_a, sd_a], [mean_b, sd_b]) = (moments(a), moments(b));
        let product = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>();
        product / a.len() as f64 / sd_a / sd_b
    }

    /// Mean, SD, smallest and largest of the latent, mean and SD of the embedding, correlation of the two.
    fn statistics(latent: &Tensor<5>, embedding: &Tensor<5>) -> [f64; 7] {
        let (latent, embedding) = (values(latent), values(embedding));
        let [mean, sd] = moments(&latent);
        let smallest = latent.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = latent.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [embedding_mean, embedding_sd] = moments(&embedding);
        [mean, sd, smallest, largest, embedding_mean, embedding_sd, correlation(&latent, &embedding)]
    }

    #[track_caller]
    fn check(name: &str, found: &[f64], expected: &[f64]) {
        println!("{name}: found {found:.4?}, expected {expected:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= TOLERANCE, "{name}: found {found:.4}, expected {expected}");
        }
    }

    /// What the authors' networks give for a GlaS case.
    struct Gland {
        fraction: f64,
        statistics: [f64; 7],
        /// Dice of the round trip, the same with the latent standardised, and of the standardised embedding.
        dice: [f64; 3],
    }

    const GLANDS: [Gland; 5] = [
        Gland {
            fraction: 0.5107,
            statistics: [0.025, 1.174, -1.747, 1.318, 0.157, 0.789, 0.650],
            dice: [0.9849, 0.9843, 0.857],
        },
        Gland {
            fraction: 0.6784,
            statistics: [0.028, 1.172, -1.358, 1.715, -0.192, 1.012, 0.701],
            dice: [0.9819, 0.9828, 0.874],
        },
        Gland {
            fraction: 0.5670,
            statistics: [0.029, 1.171, -1.621, 1.464, -0.118, 0.800, 0.664],
            dice: [0.9814, 0.9812, 0.902],
        },
        Gland {
            fraction: 0.4313,
            statistics: [0.028, 1.174, -1.920, 1.181, 0.090, 0.680, 0.713],
            dice: [0.9814, 0.9801, 0.919],
        },
        Gland {
            fraction: 0.6022,
            statistics: [0.027, 1.174, -1.409, 1.586, -0.034, 0.776, 0.600],
            dice: [0.9874, 0.9875, 0.847],
        },
    ];

    #[test]
    fn planar_preset_gives_what_the_authors_networks_give() {
        let Some(dir) = converted() else { return };
        let device = Device::flex();
        let networks = networks(&paper_2d(), dir.path(), &device);
        for (i, expected) in GLANDS.iter().enumerate() {
            let name = format!("case{}", i + 1);
            let case = Case::read(&dir.path().join("glas.safetensors"), &name, &device);
            assert_eq!(format!("{:.4}", case.fraction()), format!("{:.4}", expected.fraction), "{name}");
            let latent = networks.label_encoder.forward(case.label.clone());
            let embedding = networks.image_encoder.forward(case.image.clone());
            check(&name, &statistics(&latent, &embedding), &expected.statistics);
            let latents = [latent.clone(), standardise(latent, 0.0), standardise(embedding, 0.0)];
            let dice = latents.map(|latent| case.dice(&decode(&networks, latent), |id| id > 0));
            check(&name, &dice, &expected.dice);
        }
    }

    /// What the authors' networks give for a knee.
    struct Knee {
        statistics: [f64; 7],
        /// Dice of classes 1, 2 and both together: of the round trip and of the standardised embedding, whose sign is
        /// the other way round.
        round_trip: [f64; 3],
        embedding: [f64; 3],
    }

    const KNEES: [Knee; 2] = [
        Knee {
            statistics: [-0.042, 0.804, -0.895, 3.464, -0.075, 0.634, -0.962],
            round_trip: [0.962, 0.953, 0.957],
            embedding: [0.953, 0.958, 0.957],
        },
        Knee {
            statistics: [-0.039, 0.806, -0.815, 3.382, -0.078, 0.644, -0.965],
            round_trip: [0.970, 0.963, 0.967],
            embedding: [0.958, 0.960, 0.962],
        },
    ];

    #[test]
    fn volumetric_preset_gives_what_the_authors_networks_give() {
        let Some(dir) = converted() else { return };
        let cases = dir.path().join("knee.safetensors");
        if !cases.exists() {
            eprintln!("skipped: LDSEG_DATA has no folder knee_oai");
            return;
        }
        let device = Device::flex();
        let networks = networks(&paper_3d(), dir.path(), &device);
        let slow = std::env::var_os("LDSEG_SLOW").is_some();
        if !slow {
            eprintln!("the first case without decoding alone: LDSEG_SLOW=1 does both, decoding too, in minutes");
        }
        for (i, expected) in KNEES.iter().enumerate().take(if slow { KNEES.len() } else { 1 }) {
            let name = format!("case{}", i + 1);
            let case = Case::read(&cases, &name, &device);
            let started = std::time::Instant::now();
            let latent = networks.label_encoder.forward(case.label.clone());
            println!("label encoder {:.1?}", started.elapsed());
            let embedding = networks.image_encoder.forward(case.image.clone());
            println!("image encoder {:.1?}", started.elapsed());
            check(&name, &statistics(&latent, &embedding), &expected.statistics);
            if slow {
                for (latent, expected) in
                    [(latent, expected.round_trip), (-standardise(embedding, 0.0), expected.embedding)]
                {
                    let ids = decode(&networks, latent);
                    println!("label decoder {:.1?}", started.elapsed());
                    let dice =
                        [case.dice(&ids, |id| id == 1), case.dice(&ids, |id| id == 2), case.dice(&ids, |id| id > 0)];
                    check(&name, &dice, &expected);
                }
            }
        }
    }

    #[test]
    fn weights_of_another_shape_are_named() {
        let device = Device::flex();
        let dir = TempDir::new().expect("the system has a folder for scratch files");
        let path = dir.path().join("labelEncoder.safetensors");
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 2], &[0; 8])
            .expect("eight bytes are two numbers");
        safetensors::serialize_to_file([("conv2d/kernel:0", view)], None, &path).expect("the folder is writable");
        let config = paper_2d();
        let network = &config.ldseg().expect("the authors' networks are LDSeg's").network;
        let networks = network.init(config.input.channels, config.n_classes(), &device);
        let error = load(networks, dir.path(), &device).expect_err("the shapes differ");
        let text = error.to_string();
        assert!(text.contains("\"conv2d/kernel:0\" should be f32 [3, 3, 1, 16], found F32 [1, 2]"), "{text}");
    }
}
