//! The room of robustness: what noise does to an answer.

use crate::app::App;

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Robustness {}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum RobustnessAction {}

impl App {
    pub(in crate::app) fn act_on_robustness(&mut self, action: RobustnessAction) {
        match action {}
    }
}
