//! The weights of a module as a safetensors file, and back.
//!
//! Keys are the module's field names joined by dots. A file must hold exactly the tensors that the module has, each of its
//! shape: anything else is an error that names the tensor.

use std::collections::{BTreeMap, HashMap};

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::prelude::*;
use burn::tensor::DType;
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Why weights could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Not a safetensors file.
    #[error("the weights are not a whole safetensors file: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// The network has a tensor that the file lacks.
    #[error("the weights lack the tensor {name}, which the network of config.json has")]
    Missing {
        /// Its key.
        name: String,
    },
    /// The file has a tensor that the network lacks.
    #[error("the weights hold the tensor {name}, which the network of config.json does not have")]
    Unknown {
        /// Its key.
        name: String,
    },
    /// Same key, other shape.
    #[error("the tensor {name} has shape {found:?} in the weights and {expected:?} in the network of config.json")]
    Shape {
        /// Its key.
        name: String,
        /// The network's.
        expected: Vec<usize>,
        /// The file's.
        found: Vec<usize>,
    },
    /// Neither f32 nor f16.
    #[error("the tensor {name} is stored as {found:?}; expected F32 or F16")]
    Kind {
        /// Its key.
        name: String,
        /// The file's.
        found: Dtype,
    },
}

/// How exactly weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Bit for bit, for checkpoints.
    Full,
    /// f16, for models that ship.
    Half,
}

/// The weights of `module` as the bytes of a safetensors file.
///
/// # Errors
/// [`WeightsError::Format`] where the library cannot serialise them.
pub fn to_bytes<M: Module>(module: &M, precision: Precision) -> Result<Vec<u8>, WeightsError> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    let dtype = match precision {
        Precision::Full => Dtype::F32,
        Precision::Half => Dtype::F16,
    };
    let encode = |values: &[f32]| -> Vec<u8> {
        match precision {
            Precision::Full => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Precision::Half => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        }
    };
    let encoded: BTreeMap<String, (Vec<usize>, Vec<u8>)> =
        collector.tensors.into_iter().map(|(name, (shape, values))| (name, (shape, encode(&values)))).collect();
    let mut views = Vec::with_capacity(encoded.len());
    for (name, (shape, bytes)) in &encoded {
        views.push((name, TensorView::new(dtype, shape.clone(), bytes)?));
    }
    Ok(safetensors::serialize(views, None)?)
}

/// `module` with the weights of a safetensors file.
///
/// # Errors
/// [`WeightsError`] that names the first tensor that does not fit.
pub fn from_bytes<M: Module>(module: M, bytes: &[u8]) -> Result<M, WeightsError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut loader = Loader { path: Vec::new(), tensors: HashMap::new(), error: None };
    for (name, view) in file.tensors() {
        let values = decode(&name, &view)?;
        loader.tensors.insert(name, (view.shape().to_vec(), values));
    }
    let module = module.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    match loader.tensors.into_keys().min() {
        Some(name) => Err(WeightsError::Unknown { name }),
        None => Ok(module),
    }
}

/// `module` with its parameters numbered in order, so that an optimizer's saved state finds them again.
pub fn number_parameters<M: Module>(module: M) -> M {
    module.map(&mut Numberer { next: 1 })
}

/// `average` moved towards `module`: decay · average + (1 − decay) · module, parameter by parameter.
pub fn move_average<M: Module>(average: M, module: &M, decay: f64) -> M {
    let mut newest = Flattener::default();
    module.visit(&mut newest);
    average.map(&mut Averager { newest: newest.tensors, decay })
}

fn decode(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, WeightsError> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
        Dtype::F16 => Ok(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
        found => Err(WeightsError::Kind { name: name.to_owned(), found }),
    }
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().iter::<f32>().collect();
        self.tensors.insert(self.path.join("."), (shape, values));
    }
}

struct Loader {
    path: Vec<String>,
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
    error: Option<WeightsError>,
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let expected = param.lazy_shape().to_vec();
        let error = match self.tensors.remove(&name) {
            Some((found, values)) if found == expected => {
                let data = TensorData::new(values, found);
                // A leaf like the one that it replaces: with autodiff and a gradient where that had them.
                return param.map(|old| {
                    Tensor::from_data(data, (&old.device(), DType::F32)).set_require_grad(old.is_require_grad())
                });
            }
            Some((found, _)) => WeightsError::Shape { name, expected, found },
            None => WeightsError::Missing { name },
        };
        self.error.get_or_insert(error);
        param
    }
}

struct Numberer {
    next: u64,
}

impl ModuleMapper for Numberer {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = ParamId::from(self.next);
        self.next += 1;
        Param::initialized(id, param.val())
    }
}

#[derive(Default)]
struct Flattener {
    tensors: HashMap<ParamId, Tensor<1>>,
}

impl ModuleVisitor for Flattener {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().without_autodiff();
        let n = tensor.dims().iter().product::<usize>();
        self.tensors.insert(param.id, tensor.reshape([n]));
    }
}

struct Averager {
    newest: HashMap<ParamId, Tensor<1>>,
    decay: f64,
}

impl ModuleMapper for Averager {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(newest) = self.newest.remove(&param.id) else { return param };
        let decay = self.decay;
        param.map(|average| {
            let dims = average.dims();
            average * decay + newest.reshape(dims) * (1.0 - decay)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::ResidualBlock;
    use super::*;

    fn block(seed: u64) -> ResidualBlock {
        let device = Device::flex();
        device.seed(seed);
        ResidualBlock::init([8, 16], 8, Some(4), false, &device)
    }

    #[test]
    fn weights_survive_the_file_bit_for_bit() {
        let bytes = to_bytes(&block(1), Precision::Full).expect("plain tensors serialise");
        let back = from_bytes(block(2), &bytes).expect("the same network");
        assert_eq!(to_bytes(&back, Precision::Full).expect("plain tensors serialise"), bytes);
    }

    #[test]
    fn half_precision_halves_the_file() {
        let full = to_bytes(&block(1), Precision::Full).expect("plain tensors serialise");
        let half = to_bytes(&block(1), Precision::Half).expect("plain tensors serialise");
        assert!(half.len() * 10 < full.len() * 7, "{} against {}", half.len(), full.len());
        assert!(from_bytes(block(2), &half).is_ok());
    }

    #[test]
    fn weights_of_another_network_are_refused_by_name() {
        let bytes = to_bytes(&block(1), Precision::Full).expect("plain tensors serialise");
        let wider = ResidualBlock::init([8, 24], 8, Some(4), false, &Device::flex());
        let error = from_bytes(wider, &bytes).expect_err("the shapes differ").to_string();
        assert!(error.contains("[16") && error.contains("[24"), "{error}");
        let without_time = ResidualBlock::init([8, 16], 8, None, false, &Device::flex());
        let error = from_bytes(without_time, &bytes).expect_err("one tensor too many").to_string();
        assert!(error.contains("time"), "{error}");
        assert!(from_bytes(block(1), b"not a safetensors file").is_err());
    }

    #[test]
    fn average_moves_by_one_minus_the_decay() {
        let one = number_parameters(block(1));
        let other = number_parameters(block(2));
        let average = move_average(one.clone(), &other, 0.75);
        let value = |m: &ResidualBlock| m.conv_in.weight.val().into_data().iter::<f32>().next().unwrap_or(f32::NAN);
        assert!((value(&average) - 0.75 * value(&one) - 0.25 * value(&other)).abs() < 1e-6);
    }
}
