//! Inference side by side with PyTorch: the same network, weights, image and noise, stage by stage, and how far the two
//! results lie apart.
//!
//! ```text
//! cargo bench --bench inference -- [model folder or preset] [samples] [steps] [height×width of a picture, such as 512x768]
//! ```
//!
//! A preset has random weights, which take as long as trained ones. The environment variable `LDSEG_PYTHON` names a Python
//! that has PyTorch; without one, ldseg is timed alone.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use burn::module::{Module, ModuleMapper, Param};
use burn::prelude::*;
use burn::tensor::Distribution;
use ldseg::config::SamplerKind;
use ldseg::model::config::{LdsegConfig, ModelConfig};
use ldseg::model::ldseg::Ldseg;
use ldseg::model::preset;
use ldseg::model::sampler::{NoiseSource, Sampler};
use ldseg::model::schedule::Schedule;
use ldseg::model::weights::{Precision, from_bytes, to_bytes};
use ldseg::monitor::Silent;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

const REPEATS: usize = 5;
const STAGES: [&str; 4] = ["embedding", "latent", "scores", "total"];

fn main() -> anyhow::Result<()> {
    // Cargo passes --bench.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let model = args.first().map_or("hippocampus", String::as_str);
    let samples: u64 = args.get(1).map_or(Ok(1), |n| n.parse()).context("samples is no number")?;
    let steps: usize = args.get(2).map_or(Ok(3), |n| n.parse()).context("steps is no number")?;

    let size = args.get(3).map(String::as_str).map(picture_size).transpose()?;

    let device = Device::flex();
    let scratch = tempfile::tempdir()?;
    let (mut config, networks) = load(model, &device)?;
    if let Some([height, width]) = size {
        config.input.crop = [1, height, width];
    }
    std::fs::write(scratch.path().join("config.json"), serde_json::to_vec(&config)?)?;
    std::fs::write(scratch.path().join("weights.safetensors"), to_bytes(&networks, Precision::Full)?)?;

    let inputs = Inputs::new(&config, samples, steps, &device)?;
    let ours = time_ldseg(&config, &networks, &inputs, &scratch.path().join("dump.safetensors"))?;
    let theirs = time_pytorch(scratch.path())?;

    let [_, channels, depth, height, width] = inputs.image.dims();
    println!(
        "{model}: image {channels}×{depth}×{height}×{width}, {samples} samples, {steps} steps, {} threads",
        threads()
    );
    println!("seconds, shortest of {REPEATS}");
    for (i, stage) in STAGES.iter().enumerate() {
        match &theirs {
            Some(report) => {
                let theirs = report["seconds"][stage][0].as_f64().context("PyTorch gave no time")?;
                println!("{stage:10} ldseg {:9.4}   PyTorch {theirs:9.4}   ratio {:5.2}", ours[i], ours[i] / theirs);
            }
            None => println!("{stage:10} ldseg {:9.4}", ours[i]),
        }
    }
    if let Some(report) = theirs {
        println!("largest differences over largest values, and positions of another class: {}", report["differences"]);
    }
    Ok(())
}

fn picture_size(text: &str) -> anyhow::Result<[usize; 2]> {
    let (height, width) = text.split_once('x').with_context(|| format!("{text} is no size such as 512x768"))?;
    Ok([height.parse()?, width.parse()?])
}

/// As many for PyTorch as for ldseg: RAYON_NUM_THREADS, or the machine's.
fn threads() -> usize {
    rayon::current_num_threads()
}

/// A model folder as it is; a preset with random weights.
fn load(model: &str, device: &Device) -> anyhow::Result<(ModelConfig, Ldseg)> {
    let init = |config: &ModelConfig| -> anyhow::Result<Ldseg> {
        Ok(ldseg(config)?.network.init(config.input.channels, config.n_classes(), device))
    };
    let folder = Path::new(model);
    if folder.is_dir() {
        let config: ModelConfig = serde_json::from_slice(&std::fs::read(folder.join("config.json"))?)?;
        let networks = from_bytes(init(&config)?, &std::fs::read(folder.join("weights.safetensors"))?)?;
        return Ok((config, networks));
    }
    let Some(config) = preset::by_name(model) else {
        bail!("{model} is neither a model folder nor one of the presets {:?}", preset::NAMES);
    };
    device.seed(1);
    let networks = init(&config)?.map(&mut Randomise);
    Ok((config, networks))
}

fn ldseg(config: &ModelConfig) -> anyhow::Result<&LdsegConfig> {
    config.ldseg().with_context(|| format!("{} is not LDSeg", config.name))
}

/// Some first values are zero or one, which would hide an error from the comparison.
struct Randomise;

impl ModuleMapper for Randomise {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| {
            let noise = Tensor::random(value.dims(), Distribution::Uniform(-0.05, 0.05), &value.device());
            value + noise
        })
    }
}

struct Inputs {
    image: Tensor<5>,
    latent: [usize; 4],
    samples: u64,
    steps: usize,
}

impl Inputs {
    /// An image of the size of the model's crop.
    fn new(config: &ModelConfig, samples: u64, steps: usize, device: &Device) -> anyhow::Result<Self> {
        let network = &ldseg(config)?.network;
        let shape = [config.input.crop, network.size_multiple()];
        let [depth, height, width] = [0, 1, 2].map(|axis| shape[0][axis].next_multiple_of(shape[1][axis]));
        let factor = network.downsampling;
        let latent_depth = if network.planar { depth } else { depth / factor };
        device.seed(2);
        let shape = [1, config.input.channels, depth, height, width];
        Ok(Self {
            image: Tensor::random(shape, Distribution::Uniform(0.0, 1.0), device),
            latent: [network.latent_channels, latent_depth, height / factor, width / factor],
            samples,
            steps,
        })
    }

    fn noise(&self) -> NoiseSource {
        NoiseSource::new(3, 0..self.samples)
    }
}

/// The shortest seconds of every stage. What went in and came out is written to `dump`.
fn time_ldseg(config: &ModelConfig, networks: &Ldseg, inputs: &Inputs, dump: &Path) -> anyhow::Result<[f64; 4]> {
    let schedule = Schedule::new(&ldseg(config)?.diffusion);
    let sampler = Sampler { schedule: &schedule, kind: SamplerKind::Ddim, steps: inputs.steps };
    let mut shortest = [f64::INFINITY; 4];
    for round in 0..=REPEATS {
        let started = Instant::now();
        let embedding = networks.image_encoder.forward(inputs.image.clone());
        let encoded = started.elapsed().as_secs_f64();
        let latent = sampler.run(networks, &embedding, &mut inputs.noise(), &Silent, &mut |_, _| {})?;
        let sampled = started.elapsed().as_secs_f64();
        let parts = latent.clone().chunk(inputs.samples as usize, 0);
        let scores: Vec<_> = parts.into_iter().map(|latent| networks.label_decoder.forward(latent)).collect();
        let scores = Tensor::cat(scores, 0);
        let decoded = started.elapsed().as_secs_f64();
        if round == 0 {
            // The first warms up and is not counted.
            let noise = inputs.noise().next(inputs.latent, &inputs.image.device());
            let tensors = [
                ("image", inputs.image.clone()),
                ("noise", noise),
                ("embedding", embedding),
                ("latent", latent),
                ("scores", scores),
            ];
            write_dump(dump, tensors, inputs.steps)?;
            continue;
        }
        let seconds = [encoded, sampled - encoded, decoded - sampled, decoded];
        shortest = [0, 1, 2, 3].map(|i| shortest[i].min(seconds[i]));
    }
    Ok(shortest)
}

fn write_dump(path: &Path, tensors: [(&str, Tensor<5>); 5], steps: usize) -> anyhow::Result<()> {
    let mut encoded = Vec::with_capacity(tensors.len() + 1);
    for (name, tensor) in tensors {
        let shape = tensor.dims().to_vec();
        let bytes: Vec<u8> = tensor.into_data().iter::<f32>().flat_map(f32::to_le_bytes).collect();
        encoded.push((name, shape, bytes));
    }
    encoded.push(("steps", Vec::new(), (steps as f32).to_le_bytes().to_vec()));
    let mut views = Vec::with_capacity(encoded.len());
    for (name, shape, bytes) in &encoded {
        views.push((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
    }
    Ok(safetensors::serialize_to_file(views, None, path)?)
}

/// What `pytorch.py` says of the model folder and dump in `scratch`; `None`, with the reason said, where it does not run.
fn time_pytorch(scratch: &Path) -> anyhow::Result<Option<Value>> {
    let python = std::env::var_os("LDSEG_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pytorch.py");
    let mut command = Command::new(&python);
    command.arg(script).arg(scratch).arg("--against").arg(scratch.join("dump.safetensors")).arg("--json");
    command.args(["--repeats", &REPEATS.to_string(), "--threads", &threads().to_string()]);
    match command.output() {
        Ok(answer) if answer.status.success() => Ok(Some(serde_json::from_slice(&answer.stdout)?)),
        Ok(answer) => {
            eprintln!("PyTorch was not timed: {}", String::from_utf8_lossy(&answer.stderr));
            Ok(None)
        }
        Err(error) => {
            eprintln!("PyTorch was not timed: {error} ({})", python.display());
            Ok(None)
        }
    }
}
