//! Inference on the CPU backend: the layers that Burn's own code spends nearly all of the time in, on plain slices.
//!
//! None of them has a gradient; [`runs`] says where they may stand in for Burn's.

mod attention;
mod conv;
mod norm;
mod product;

use burn::prelude::*;
use burn::tensor::DType;

pub use self::attention::attend;
pub use self::conv::{Around, Kernel, conv, double};
pub use self::norm::{Norm, group_norm, silu};

/// Whether a layer with `weight` may run here on `x`: on the CPU, in single precision, and nobody asks for a gradient.
pub fn runs<const D: usize, const E: usize>(x: &Tensor<D>, weight: &Tensor<E>) -> bool {
    let device = x.device();
    device == Device::flex()
        && !device.is_autodiff()
        && !weight.is_autodiff()
        && x.dtype() == DType::F32
        && weight.dtype() == DType::F32
}

/// Runs a network on one of the threads that its layers share out their work to: from any other, each layer would wait to be woken.
pub fn on_pool<R: Send>(device: &Device, forward: impl FnOnce() -> R + Send) -> R {
    if *device == Device::flex() { rayon::scope(|_| forward()) } else { forward() }
}

/// Feature maps of a batch, for layers that read them more than once: what a tensor hands out is a copy as soon as two hold it.
#[derive(Clone, Debug)]
pub struct Maps {
    values: Vec<f32>,
    /// Batch, channels, depth, height, width.
    dims: [usize; 5],
}

impl Maps {
    /// Numbers of one channel of one sample.
    fn n_positions(&self) -> usize {
        self.dims[2..].iter().product()
    }
}

impl From<Tensor<5>> for Maps {
    fn from(tensor: Tensor<5>) -> Self {
        let dims = tensor.dims();
        Self { values: values(tensor), dims }
    }
}

impl From<Maps> for Tensor<5> {
    fn from(maps: Maps) -> Self {
        tensor(maps.values, maps.dims)
    }
}

/// What `read` makes of the numbers of a tensor that others may hold too: weights.
fn with_values<const D: usize, T>(tensor: Tensor<D>, read: impl FnOnce(&[f32]) -> T) -> T {
    read(tensor.into_data().convert::<f32>().as_slice().expect("they were just made single precision"))
}

/// The numbers of a tensor, without a copy where it is nobody else's.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("they were just made single precision")
}

/// Numbers as a tensor on the CPU.
fn tensor<const D: usize>(values: Vec<f32>, dims: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, dims), &Device::flex())
}

/// eˣ to 2 units in the last place, as if all below −87 were that and all above 88 were that (Cephes' polynomial: no branch, so
/// that loops over it run in vectors).
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// 1.5·2²³: what is added to it is rounded to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // ln 2 in two parts, the first with few digits, so that the product is exact.
    let rest = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let series = [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];
    let series = series.into_iter().fold(1.987_569_1e-4, |sum, factor| sum * rest + factor);
    let fraction = series * rest * rest + rest + 1.0;
    let power = f32::from_bits((shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23);
    fraction * power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_exponential_is_that_of_the_library(x in -87.0f32..88.0) {
            let expected = x.exp();
            prop_assert!((exp(x) - expected).abs() <= 3e-7 * expected, "{x}: {} for {expected}", exp(x));
        }
    }

    #[test]
    fn training_stays_outside() {
        let device = Device::flex().autodiff();
        let (x, weight) = (Tensor::<5>::zeros([1; 5], &device), Tensor::<1>::zeros([1], &device));
        assert!(!runs(&x, &weight));
        assert!(!runs(&x.clone().inner(), &weight));
        assert!(runs(&x.inner(), &weight.inner()));
    }

    #[test]
    fn the_exponential_of_what_is_far_from_zero_is_nothing_or_large() {
        for x in [88.0, 90.0, 181.0, 300.0, 1e30, f32::INFINITY] {
            assert!(exp(x) > 1e38 && exp(x).is_finite(), "{x}: {}", exp(x));
        }
        assert!(exp(-1e30) < 2e-38);
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
        assert_eq!(exp(0.0), 1.0);
    }
}
