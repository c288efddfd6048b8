//! A small network of the real ones' layers on fixed numbers, at shapes large enough for the reductions that drivers have
//! been seen to get wrong. What it computes on a device is compared with what it computes on the CPU.
//!
//! Weights and input come from the host, never from the device's own generator.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::DType;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::config::{Init, LayerConfig};
use super::stack::Stack;

const SEED: u64 = 0x1d5e9;
/// Edge of the input: the wrong sums that have been seen began at 64³.
const EDGE: usize = 64;
const CHANNELS: usize = 8;

/// The outputs of the check's network for its fixed input, on `device`.
pub fn forward(device: &Device) -> Vec<f32> {
    network(device).forward(input(device)).into_data().iter::<f32>().collect()
}

/// The gradients of the check's network with respect to its weights, on `device`, which must have autodiff.
pub fn gradients(device: &Device) -> Vec<f32> {
    let network = network(device);
    let loss = network.forward(input(device)).powi_scalar(2).mean();
    let gradients = GradientsParams::from_grads(loss.backward(), &network);
    let mut collector = Collector { gradients, values: Vec::new() };
    network.visit(&mut collector);
    collector.values
}

fn network(device: &Device) -> Stack {
    let conv = |out, kernel, stride| LayerConfig::Conv { out, kernel, stride, groups: 1, init: Init::Kaiming };
    let layers = [
        conv(CHANNELS, 3, 1),
        LayerConfig::GroupNorm { groups: 2 },
        LayerConfig::Silu,
        conv(16, 2, 2),
        LayerConfig::Residual { out: 16, groups: 4 },
        conv(16, 4, 4),
        LayerConfig::Attention { heads: 2, groups: 4, reduce: 1 },
        LayerConfig::ConvTranspose { out: CHANNELS, kernel: 2 },
        LayerConfig::Standardise,
        conv(4, 1, 1),
    ];
    Stack::init(&layers, 1, false, device).map(&mut Filler::new(SEED))
}

fn input(device: &Device) -> Tensor<5> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED + 1);
    let values: Vec<f32> = (0..EDGE.pow(3)).map(|_| StandardNormal.sample(&mut rng)).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, EDGE, EDGE, EDGE]), (device, DType::F32))
}

/// Gives every parameter numbers from the host: kernels with unit gain, everything of rank 1 near 1.
pub(super) struct Filler {
    rng: ChaCha8Rng,
}

impl Filler {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }
}

impl ModuleMapper for Filler {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dims = param.lazy_shape().to_vec();
        let (middle, sd) = match dims.as_slice() {
            [_] => (1.0, 0.1),
            [_, fan_in @ ..] => (0.0, 1.0 / (fan_in.iter().product::<usize>() as f32).sqrt()),
            [] => (1.0, 0.0),
        };
        let number = |rng: &mut ChaCha8Rng| -> f32 { StandardNormal.sample(rng) };
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| middle + sd * number(&mut self.rng)).collect();
        param.map(|old| {
            let data = TensorData::new(values, dims);
            Tensor::from_data(data, (&old.device(), DType::F32)).set_require_grad(old.is_require_grad())
        })
    }
}

struct Collector {
    gradients: GradientsParams,
    values: Vec<f32>,
}

impl Collector {
    fn push<const D: usize>(&mut self, id: ParamId) {
        if let Some(gradient) = self.gradients.remove::<D>(id) {
            self.values.extend(gradient.into_data().iter::<f32>());
        }
    }
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.push::<D>(param.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_backend_agrees_with_itself_and_its_numbers_matter() {
        let values = forward(&Device::flex());
        assert_eq!(values, forward(&Device::flex()));
        assert!(values.iter().all(|value| value.is_finite()));
        let largest = values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 0.1, "{largest}");
    }

    #[test]
    fn every_parameter_has_a_gradient() {
        let device = Device::flex().autodiff();
        let values = gradients(&device);
        assert_eq!(values.len(), network(&device).num_params());
        assert!(values.iter().all(|value| value.is_finite()) && values.iter().any(|value| value.abs() > 1e-6));
    }
}
