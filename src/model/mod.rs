//! The networks in Burn. Tensors in, tensors out; every `init` takes the device.

pub mod block;
pub mod config;
pub mod conv;
pub mod denoiser;
pub mod ldseg;
pub mod official;
pub mod preset;
pub mod reference;
pub mod sampler;
pub mod schedule;
pub mod stack;
