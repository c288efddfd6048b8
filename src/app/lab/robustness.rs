//! The room of robustness: what noise does to an answer.

use crate::app::App;
use crate::engine::laboratory::{Conditions, Damaged};
use crate::evaluation::contender::NoisyAnswer;

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Robustness {
    /// Answers that have come so far.
    pub answers: Vec<NoisyAnswer>,
    /// Under what all of them came; `None` until the last has come.
    pub conditions: Option<Box<Conditions>>,
    /// The damaged image that is shown.
    pub damaged: Option<Box<Damaged>>,
}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum RobustnessAction {}

impl App {
    pub(in crate::app) fn act_on_robustness(&mut self, action: RobustnessAction) {
        match action {}
    }
}
