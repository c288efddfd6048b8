//! How long work reports upward and learns to stop.
//!
//! Work takes a `&dyn Monitor` and calls [`Monitor::report`] at every step that a person could notice. The answer says
//! whether to go on, so cancelling needs no second channel.

/// The ending of work that was told to stop. Not a failure: nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// How far one stage of a piece of work has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, as a person would say it: "Encoding the image".
    pub stage: &'static str,
    /// Units finished so far.
    pub done: u64,
    /// Units in all; 0 where the total is not known.
    pub total: u64,
}

impl Progress {
    /// The part that is finished, 0 to 1, or `None` where the total is not known.
    pub fn fraction(&self) -> Option<f32> {
        (self.total > 0).then(|| (self.done as f64 / self.total as f64).min(1.0) as f32)
    }
}

/// Hears of progress and says whether to go on.
pub trait Monitor {
    /// Reports that `done` of `total` units of `stage` are finished.
    ///
    /// # Errors
    /// [`Cancelled`] when the work is no longer wanted; the caller returns at once.
    fn report(&self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled>;
}

/// Listens to nothing and never stops the work: for tests and for work that is short.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_is_undefined_without_a_total() {
        assert_eq!(Progress { stage: "x", done: 3, total: 0 }.fraction(), None);
        assert_eq!(Progress { stage: "x", done: 3, total: 4 }.fraction(), Some(0.75));
        assert_eq!(Progress { stage: "x", done: 9, total: 4 }.fraction(), Some(1.0));
    }
}
