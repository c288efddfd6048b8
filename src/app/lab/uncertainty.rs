//! The room of uncertainty: where samples differ.

use crate::app::App;

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Uncertain {}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum UncertaintyAction {}

impl App {
    pub(in crate::app) fn act_on_uncertainty(&mut self, action: UncertaintyAction) {
        match action {}
    }
}
