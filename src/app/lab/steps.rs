//! The room of steps: numbers of sampling steps.

use crate::app::App;

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Steps {}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum StepsAction {}

impl App {
    pub(in crate::app) fn act_on_steps(&mut self, action: StepsAction) {
        match action {}
    }
}
