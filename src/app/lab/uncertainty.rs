//! The room of uncertainty: where samples differ.

use std::sync::Arc;

use crate::app::App;
use crate::engine::laboratory::SamplesSoFar;

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Uncertain {
    /// The newest samples, of which frame and model they say themselves.
    pub samples: Option<Arc<SamplesSoFar>>,
}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum UncertaintyAction {}

impl App {
    pub(in crate::app) fn act_on_uncertainty(&mut self, action: UncertaintyAction) {
        match action {}
    }
}
