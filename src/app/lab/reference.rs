//! The room of reference: how labels differ from a reference.

use crate::app::App;

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Reference {}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum ReferenceAction {}

impl App {
    pub(in crate::app) fn act_on_reference(&mut self, action: ReferenceAction) {
        match action {}
    }
}
