//! The blocks of our networks and of the denoiser: group norm, residual block, self-attention, time embedding.

use burn::module::Param;
use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::{self, softmax};

use super::config::Init;
use super::conv::{Conv, ConvShape, max_pool};
use super::cpu::{self, Around, Kernel, Maps, Norm};

/// Keras's default, which the authors' weights were trained with; ours share it.
pub const NORM_EPSILON: f64 = 1e-3;

/// x · σ(x).
///
/// # Shapes
/// `[batch, channels, depth, height, width]`, in and out.
pub fn silu(x: Tensor<5>) -> Tensor<5> {
    if cpu::runs(&x, &x) { cpu::silu(x.into()).into() } else { activation::silu(x) }
}

/// Normalisation over groups of channels and all of space (Wu and He 2018), with a scale and shift a channel.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// Scale, `[channels]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub beta: Param<Tensor<1>>,
    groups: usize,
}

impl GroupNorm {
    /// Initialises the layer on `device`.
    pub fn init(channels: usize, groups: usize, device: &Device) -> Self {
        Self {
            gamma: Param::from_tensor(Tensor::ones([channels], device)),
            beta: Param::from_tensor(Tensor::zeros([channels], device)),
            groups,
        }
    }

    /// # Shapes
    /// `[batch, channels, depth, height, width]`, in and out.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        if self.runs_on_cpu(&x) {
            return cpu::group_norm(x.into(), self.on_cpu(false)).into();
        }
        let dims = x.dims();
        let channels = dims[1];
        let rows = x.reshape([dims[0] * self.groups, dims[1..].iter().product::<usize>() / self.groups]);
        let mean = rows.clone().mean_dim(1);
        let centred = rows - mean;
        let variance = centred.clone().powi_scalar(2).mean_dim(1);
        let normalised = centred / (variance + NORM_EPSILON).sqrt();
        let gamma = self.gamma.val().reshape([1, channels, 1, 1, 1]);
        let beta = self.beta.val().reshape([1, channels, 1, 1, 1]);
        normalised.reshape(dims) * gamma + beta
    }

    /// SiLU of [`forward`](Self::forward).
    ///
    /// # Shapes
    /// `[batch, channels, depth, height, width]`, in and out.
    pub fn forward_silu(&self, x: Tensor<5>) -> Tensor<5> {
        if self.runs_on_cpu(&x) { cpu::group_norm(x.into(), self.on_cpu(true)).into() } else { silu(self.forward(x)) }
    }

    fn runs_on_cpu(&self, x: &Tensor<5>) -> bool {
        cpu::runs(x, &self.gamma.val())
    }

    fn on_cpu(&self, silu: bool) -> Norm {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        Norm { gamma, beta, groups: self.groups, epsilon: NORM_EPSILON, silu }
    }
}

/// GroupNorm → SiLU → conv → (+ time) → GroupNorm → SiLU → conv, plus the input: the residual block of DDPM (Ho et al. 2020).
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// Before the first convolution.
    pub norm_in: GroupNorm,
    /// To the block's width.
    pub conv_in: Conv,
    /// The time embedding to one shift a channel; `None` outside the denoiser.
    pub time: Option<Linear>,
    /// Before the second convolution.
    pub norm_out: GroupNorm,
    /// Starts near zero, so that the block starts as the identity.
    pub conv_out: Conv,
    /// Brings the input to the block's width where it differs.
    pub shortcut: Option<Conv>,
}

impl ResidualBlock {
    /// Initialises the block on `device`; `time_dim` is the width of the time embedding, if there is one.
    pub fn init(channels: [usize; 2], groups: usize, time_dim: Option<usize>, planar: bool, device: &Device) -> Self {
        let [channels_in, channels_out] = channels;
        let conv = |from, kernel, init| ConvShape::new(from, channels_out, kernel, planar).init(init, device);
        Self {
            norm_in: GroupNorm::init(channels_in, groups, device),
            conv_in: conv(channels_in, 3, Init::Kaiming),
            time: time_dim.map(|dim| LinearConfig::new(dim, channels_out).init(device)),
            norm_out: GroupNorm::init(channels_out, groups, device),
            conv_out: conv(channels_out, 3, Init::Zero),
            shortcut: (channels_in != channels_out).then(|| conv(channels_in, 1, Init::Kaiming)),
        }
    }

    /// # Shapes
    /// - x: `[batch, in, depth, height, width]`
    /// - time: `[batch, time_dim]`, already through SiLU
    /// - output: `[batch, out, depth, height, width]`
    pub fn forward(&self, x: Tensor<5>, time: Option<&Tensor<2>>) -> Tensor<5> {
        let shift = self.time.as_ref().zip(time).map(|(layer, time)| layer.forward(time.clone()));
        if self.conv_in.runs_on_cpu(&x) {
            return self.forward_on_cpu(x, shift);
        }
        let mut h = self.conv_in.forward(self.norm_in.forward_silu(x.clone()));
        if let Some(shift) = shift {
            let [batch, channels, ..] = h.dims();
            let [n_times, _] = shift.dims();
            h = h + shift.reshape([n_times, channels, 1, 1, 1]).expand([batch, channels, 1, 1, 1]);
        }
        let h = self.conv_out.forward(self.norm_out.forward_silu(h));
        match &self.shortcut {
            Some(shortcut) => h + shortcut.forward(x),
            None => h + x,
        }
    }

    fn forward_on_cpu(&self, x: Tensor<5>, shift: Option<Tensor<2>>) -> Tensor<5> {
        let [_, _, size @ ..] = x.dims();
        let conv = |x: &Maps, conv: &Conv, around: Around| cpu::conv(x, &conv.on_cpu(size), around);
        let x = Maps::from(x);
        let h = conv(&x, &self.conv_in, Around { norm: Some(self.norm_in.on_cpu(true)), shift, add: None });
        let skip = self.shortcut.as_ref().map(|shortcut| conv(&x, shortcut, Around::default()));
        let add = Some(skip.as_ref().unwrap_or(&x));
        conv(&h, &self.conv_out, Around { norm: Some(self.norm_out.on_cpu(true)), shift: None, add }).into()
    }
}

/// Self-attention over all positions (Vaswani et al. 2017), added to its input.
#[derive(Module, Debug)]
pub struct Attention {
    /// Before the projections.
    pub norm: GroupNorm,
    /// Queries.
    pub query: Linear,
    /// Keys.
    pub key: Linear,
    /// Values.
    pub value: Linear,
    /// Back to the channels; starts near zero.
    pub project: Linear,
    #[module(skip)]
    shape: AttentionShape,
}

/// What an [`Attention`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Channels in and out.
    pub channels: usize,
    /// Heads, each of channels / heads.
    pub heads: usize,
    /// Groups of the norm.
    pub groups: usize,
    /// The residual is the normalised input, as in the authors' denoiser.
    pub add_to_normalised: bool,
    /// Times that keys and values are pooled.
    pub reduce: usize,
    /// Pooling leaves the depth.
    pub planar: bool,
}

impl Attention {
    /// Initialises the layer on `device`.
    pub fn init(shape: AttentionShape, device: &Device) -> Self {
        let channels = shape.channels;
        let linear = || LinearConfig::new(channels, channels).init(device);
        let mut project = linear();
        project.weight = Param::from_tensor(Tensor::full([channels, channels], 1e-10, device));
        project.bias = Some(Param::from_tensor(Tensor::zeros([channels], device)));
        let norm = GroupNorm::init(channels, shape.groups, device);
        Self { norm, query: linear(), key: linear(), value: linear(), project, shape }
    }

    /// # Shapes
    /// `[batch, channels, depth, height, width]`, in and out.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        if cpu::runs(&x, &self.query.weight.val()) {
            return self.forward_on_cpu(x);
        }
        let dims = x.dims();
        let normalised = self.norm.forward(x.clone());
        let tokens = |map: Tensor<5>| map.flatten::<3>(2, 4).swap_dims(1, 2);
        let (all, seen) = (tokens(normalised.clone()), tokens(self.seen(normalised.clone())));
        let [query, key, value] = [self.query.forward(all), self.key.forward(seen.clone()), self.value.forward(seen)];
        let merged = attend(query, key, value, self.shape.heads);
        let update = self.project.forward(merged).swap_dims(1, 2).reshape(dims);
        update + if self.shape.add_to_normalised { normalised } else { x }
    }

    /// The map that keys and values come from.
    fn seen(&self, normalised: Tensor<5>) -> Tensor<5> {
        (0..self.shape.reduce).fold(normalised, |map, _| max_pool(map, self.shape.planar))
    }

    fn forward_on_cpu(&self, x: Tensor<5>) -> Tensor<5> {
        let dense = |x: &Maps, layer: &Linear, add: Option<&Maps>| {
            let kernel = Kernel::dense(layer.weight.val(), layer.bias.as_ref().map(Param::val));
            cpu::conv(x, &kernel, Around { add, ..Around::default() })
        };
        let x = Maps::from(x);
        let normalised = cpu::group_norm(x.clone(), self.norm.on_cpu(false));
        let seen = Maps::from(self.seen(normalised.clone().into()));
        let [key, value] = [&self.key, &self.value].map(|layer| dense(&seen, layer, None));
        let merged = cpu::attend(&dense(&normalised, &self.query, None), &key, &value, self.shape.heads);
        dense(&merged, &self.project, Some(if self.shape.add_to_normalised { &normalised } else { &x })).into()
    }
}

/// softmax(q kᵀ / √d) v of every head.
///
/// # Shapes
/// `[batch, positions, channels]`; keys and values may be fewer.
fn attend(query: Tensor<3>, key: Tensor<3>, value: Tensor<3>, heads: usize) -> Tensor<3> {
    let [batch, _, channels] = query.dims();
    let head_width = channels / heads;
    let split = |t: Tensor<3>| {
        let n_tokens = t.dims()[1];
        t.reshape([batch, n_tokens, heads, head_width]).swap_dims(1, 2)
    };
    let query = split(query) * (1.0 / (head_width as f64).sqrt());
    let weights = softmax(query.matmul(split(key).swap_dims(2, 3)), 3);
    weights.matmul(split(value)).swap_dims(1, 2).flatten::<3>(2, 3)
}

/// Sine and cosine of the time at falling frequencies, through two dense layers (Ho et al. 2020; LDSeg uses 64 numbers).
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    /// First dense layer.
    pub dense_in: Linear,
    /// Second dense layer.
    pub dense_out: Linear,
    dim: usize,
}

impl TimeEmbedding {
    /// Initialises the layers on `device`; `dim` is even.
    pub fn init(dim: usize, device: &Device) -> Self {
        let linear = || LinearConfig::new(dim, dim).init(device);
        Self { dense_in: linear(), dense_out: linear(), dim }
    }

    /// # Shapes
    /// `times`: one for each sample, 0 … T − 1, may be fractional. Output: `[times, dim]`.
    pub fn forward(&self, times: &[f64], device: &Device) -> Tensor<2> {
        let half = self.dim / 2;
        let row = |&t: &f64| {
            let angle = move |k: usize| t * frequency(k, half);
            (0..half).map(move |k| angle(k).sin()).chain((0..half).map(move |k| angle(k).cos()))
        };
        let values: Vec<f32> = times.iter().flat_map(row).map(|v| v as f32).collect();
        let waves = Tensor::<2>::from_data(TensorData::new(values, [times.len(), self.dim]), device);
        self.dense_out.forward(activation::silu(self.dense_in.forward(waves)))
    }
}

/// f_k = 10000^(−k / (half − 1)).
fn frequency(k: usize, half: usize) -> f64 {
    (-(10_000f64.ln()) * k as f64 / (half - 1) as f64).exp()
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::Distribution;

    use super::*;
    use crate::model::probe::Filler;

    #[test]
    fn slowest_wave_of_the_time_embedding_turns_once_in_ten_thousand() {
        assert!((frequency(31, 32) - 1e-4).abs() < 1e-12);
        assert!((frequency(0, 32) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn group_norm_gives_zero_mean_and_unit_variance_to_each_group() {
        let device = Device::flex();
        let x = Tensor::<5>::random([2, 4, 3, 5, 7], Distribution::Normal(5.0, 3.0), &device);
        let y = GroupNorm::init(4, 2, &device).forward(x).reshape([4, 2 * 3 * 5 * 7]);
        let mean = y.clone().mean_dim(1).abs().max().into_scalar::<f32>();
        let variance = (y.powi_scalar(2).mean_dim(1) - 1.0).abs().max().into_scalar::<f32>();
        assert!(mean < 1e-5 && variance < 1e-2, "{mean} {variance}");
    }

    #[test]
    fn residual_block_and_attention_start_as_the_identity() {
        let device = Device::flex();
        let x = Tensor::<5>::random([2, 8, 2, 3, 4], Distribution::Normal(0.0, 1.0), &device);
        let block = ResidualBlock::init([8, 8], 4, None, false, &device);
        let shape =
            AttentionShape { channels: 8, heads: 2, groups: 4, add_to_normalised: false, reduce: 1, planar: false };
        let attention = Attention::init(shape, &device);
        let y = attention.forward(block.forward(x.clone(), None));
        assert!((y - x).abs().max().into_scalar::<f32>() < 1e-5);
    }

    fn check_equal(answer: Tensor<5>, of_burn: Tensor<5>, what: &str) {
        let (of_burn, largest) = (of_burn.inner(), answer.clone().abs().max().into_scalar::<f32>());
        let difference = (answer - of_burn).abs().max().into_scalar::<f32>();
        assert!(largest > 0.1 && difference < 1e-5 * largest, "{what}: {difference} of {largest}");
    }

    #[test]
    fn blocks_on_the_cpu_give_what_they_give_with_gradients() {
        let (device, autodiff) = (Device::flex(), Device::flex().autodiff());
        for planar in [true, false] {
            let dims = [3, 8, if planar { 1 } else { 4 }, 6, 10];
            let x = Tensor::<5>::random(dims, Distribution::Normal(0.5, 2.0), &device);
            let with_gradients = Tensor::<5>::from_data(x.to_data(), &autodiff);
            for (channels, n_times) in [(8, 0), (16, 1), (8, 3)] {
                let time_dim = (n_times > 0).then_some(12);
                let block = ResidualBlock::init([8, channels], 4, time_dim, planar, &device).map(&mut Filler::new(1));
                let time =
                    time_dim.map(|dim| Tensor::<2>::random([n_times, dim], Distribution::Normal(0.0, 1.0), &device));
                let answer = block.forward(x.clone(), time.as_ref());
                let time = time.map(|time| Tensor::from_data(time.to_data(), &autodiff));
                let of_burn = block.to_device(&autodiff).forward(with_gradients.clone(), time.as_ref());
                check_equal(
                    answer,
                    of_burn,
                    &format!("residual, planar {planar}, {channels} channels, {n_times} times"),
                );
            }
            for (reduce, add_to_normalised) in [(0, false), (1, false), (1, true)] {
                let shape = AttentionShape { channels: 8, heads: 2, groups: 4, add_to_normalised, reduce, planar };
                let attention = Attention::init(shape, &device).map(&mut Filler::new(1));
                let answer = attention.forward(x.clone());
                let of_burn = attention.to_device(&autodiff).forward(with_gradients.clone());
                check_equal(answer, of_burn, &format!("attention, planar {planar}, {shape:?}"));
            }
        }
    }
}
