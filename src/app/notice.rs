//! Messages to the person: short ones that go by themselves, and failures that stay until they are read.

use std::time::{Duration, Instant};

use crate::engine::Failure;

/// How long a message stays that needs no answer.
const LIFE: Duration = Duration::from_secs(6);
/// Messages on the screen at most; the oldest go first.
const N_SHOWN: usize = 5;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something was done.
    Success,
    /// The person should know.
    Warning,
    /// Something did not work.
    Error,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Names it until it is dismissed.
    pub id: u64,
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub message: String,
    /// What an expert wants to see; may be empty.
    pub details: String,
    born: Instant,
}

/// The messages on the screen, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    shown: Vec<Notice>,
    n_made: u64,
}

impl Notices {
    /// Says that something was done; goes by itself.
    pub fn success(&mut self, message: impl Into<String>) {
        self.push(Level::Success, message.into(), String::new());
    }

    /// Says something that the person should know; stays until dismissed.
    pub fn warning(&mut self, message: impl Into<String>) {
        self.push(Level::Warning, message.into(), String::new());
    }

    /// Says what did not work; stays until dismissed.
    pub fn failure(&mut self, failure: Failure) {
        self.push(Level::Error, failure.message, failure.details);
    }

    /// Says what did not work; stays until dismissed.
    pub fn error(&mut self, message: impl Into<String>) {
        self.push(Level::Error, message.into(), String::new());
    }

    /// Takes a message off the screen.
    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|notice| notice.id != id);
    }

    /// The messages to draw.
    pub fn shown(&self) -> &[Notice] {
        &self.shown
    }

    /// Drops messages whose time is up; returns when the next one's will be.
    pub fn expire(&mut self, now: Instant) -> Option<Duration> {
        self.shown.retain(|notice| notice.stays() || now.duration_since(notice.born) < LIFE);
        let passing = self.shown.iter().filter(|notice| !notice.stays());
        passing.map(|notice| LIFE.saturating_sub(now.duration_since(notice.born))).min()
    }

    fn push(&mut self, level: Level, message: String, details: String) {
        let message = capitalized(&message);
        // The same sentence twice is one message: say it again, as the newest.
        self.shown.retain(|notice| notice.message != message);
        if self.shown.len() == N_SHOWN {
            self.shown.remove(0);
        }
        self.n_made += 1;
        self.shown.push(Notice { id: self.n_made, level, message, details, born: Instant::now() });
    }
}

/// Errors begin in lower case, as parts of a chain; messages are sentences.
fn capitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Notice {
    fn stays(&self) -> bool {
        self.level != Level::Success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stay_and_successes_pass() {
        let mut notices = Notices::default();
        notices.success("Saved");
        notices.failure(Failure { message: "No".to_owned(), details: "disk full".to_owned() });
        assert!(notices.expire(Instant::now()).is_some());
        assert_eq!(notices.expire(Instant::now() + LIFE), None);
        let left: Vec<_> = notices.shown().iter().map(|notice| notice.message.as_str()).collect();
        assert_eq!(left, ["No"]);
    }

    #[test]
    fn messages_begin_with_a_capital() {
        assert_eq!(capitalized("the file is damaged"), "The file is damaged");
        assert_eq!(capitalized(""), "");
    }

    #[test]
    fn the_same_sentence_is_shown_once() {
        let mut notices = Notices::default();
        notices.warning("Slow disk");
        notices.warning("Slow disk");
        assert_eq!(notices.shown().len(), 1);
    }
}
