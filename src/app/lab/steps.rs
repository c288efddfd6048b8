//! The room of steps: numbers of sampling steps.

use crate::app::App;
use crate::engine::laboratory::{Conditions, State, Walked};
use crate::evaluation::steps::StepRun;

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Steps {
    /// Runs that have come so far.
    pub runs: Vec<StepRun>,
    /// Under what all of them ran; `None` until the last has come.
    pub conditions: Option<Box<Conditions>>,
    /// The newest run of which every state is kept.
    pub walked: Option<Box<Walked>>,
    /// The state of it that is shown.
    pub state: Option<Box<State>>,
}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum StepsAction {}

impl App {
    pub(in crate::app) fn act_on_steps(&mut self, action: StepsAction) {
        match action {}
    }
}
