//! The comparison itself: on a thread of its own, some time after the last change, and stopped when it is no longer wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::Reference;
use crate::app::App;
use crate::app::case::{Case, Preview};
use crate::app::lab::Room;
use crate::domain::{LabelMap, LabelTable, OneSlice};
use crate::evaluation::agreement::Agreement;
use crate::evaluation::partners::Partners;
use crate::monitor::{Cancelled, Monitor};

/// How long after the last change of the labels they are compared again.
const REST: Duration = Duration::from_millis(200);

/// What is compared with the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The labels, at this revision.
    Labels(u64),
    /// The preview of this number.
    Preview(u64),
}

/// What a comparison is of: where two are equal, so are their results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The number of the reference.
    pub reference: u64,
    /// What it was compared with.
    pub subject: Subject,
    /// The number of the partners.
    pub partners: u64,
    /// The place of the only label that is wanted.
    pub only: Option<usize>,
}

/// Which labels are the same, and how the reference's are drawn.
#[derive(Debug, Default)]
pub struct Matched {
    /// Which are the same.
    pub partners: Arc<Partners>,
    /// Counts the changes of the partners.
    pub serial: u64,
    /// The reference's table, its labels in the colours of their partners.
    pub table: LabelTable,
    /// Counts the changes of that table.
    pub table_serial: u64,
    /// The reference and the tables that this is of: the labels' revision of theirs, or a preview's number.
    of: Option<(u64, u64, Option<u64>)>,
}

/// The comparisons of a case.
#[derive(Debug, Default)]
pub struct Comparing {
    /// The newest that has ended.
    pub done: Option<(Key, Agreement)>,
    running: Option<Running>,
    /// What is to be compared, and since when it has not changed.
    waiting: Option<(Key, Instant)>,
}

/// A comparison that is being made. Dropping it stops it.
#[derive(Debug)]
struct Running {
    key: Key,
    is_unwanted: Arc<Unwanted>,
    found: Receiver<Result<Agreement, Cancelled>>,
}

#[derive(Debug, Default)]
struct Unwanted(AtomicBool);

impl Monitor for Unwanted {
    fn report(&self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        if self.0.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.is_unwanted.0.store(true, Ordering::Relaxed);
    }
}

impl Running {
    /// `None` where the system has no thread for it.
    fn start(
        key: Key,
        [reference, labels]: [Arc<LabelMap>; 2],
        slice: Option<OneSlice>,
        partners: Arc<Partners>,
        wake: impl FnOnce() + Send + 'static,
    ) -> Option<Self> {
        let (sender, found) = bounded(1);
        let is_unwanted = Arc::new(Unwanted::default());
        let monitor = Arc::clone(&is_unwanted);
        let thread = std::thread::Builder::new().name("ldseg-reference".to_owned()).spawn(move || {
            // Labels of one slice that a model saw are compared there alone.
            let result = Agreement::of(&reference.seen(slice), &labels, &partners, key.only, &*monitor);
            // Gone before anyone looks, so that changing the labels copies nothing on its account.
            drop(labels);
            // Nobody listens where the case has been closed.
            sender.send(result).ok();
            wake();
        });
        thread.inspect_err(|error| log::error!("the thread that compares labels did not start: {error}")).ok()?;
        Some(Self { key, is_unwanted, found })
    }
}

impl Comparing {
    /// Takes in what has been found, and begins what is wanted once it has stood for a while. How long until then.
    fn follow(&mut self, wanted: Key, may_start: bool, start: impl FnOnce() -> Option<Running>) -> Option<Duration> {
        match self.running.as_ref().map(|running| (running.key, running.found.try_recv())) {
            None | Some((_, Err(TryRecvError::Empty))) => {}
            Some((key, Ok(Ok(agreement)))) => {
                self.done = Some((key, agreement));
                self.running = None;
            }
            Some((_, Ok(Err(Cancelled)) | Err(TryRecvError::Disconnected))) => self.running = None,
        }
        let is_known = |key: Option<Key>| key == Some(wanted);
        if is_known(self.done.as_ref().map(|(key, _)| *key)) || is_known(self.running.as_ref().map(|made| made.key)) {
            self.waiting = None;
            return None;
        }
        if !is_known(self.waiting.map(|(key, _)| key)) {
            // It would answer a question that is no longer asked.
            self.running = None;
            self.waiting = Some((wanted, Instant::now()));
        }
        // Another reference is no series of strokes: nothing is gained by waiting.
        let is_first = self.done.as_ref().is_none_or(|(key, _)| key.reference != wanted.reference);
        let rest = if is_first { Duration::ZERO } else { REST };
        let left = rest.saturating_sub(self.waiting.map_or(Duration::ZERO, |(_, since)| since.elapsed()));
        if !may_start || !left.is_zero() {
            return Some(left.max(Duration::from_millis(20)));
        }
        self.waiting = None;
        self.running = start();
        None
    }
}

impl Case {
    /// The labels that are compared with the reference: the preview where there is one. Their table, and which they are.
    pub fn compared(&self) -> (&LabelMap, &LabelTable, Subject) {
        match &self.preview {
            Some(preview) => (&preview.labels, &preview.table, Subject::Preview(preview.serial)),
            None => (self.history.labels(), &self.table, Subject::Labels(self.history.revision())),
        }
    }

    /// What a comparison would be of now.
    pub fn comparison_key(&self) -> Key {
        let Reference { serial, only, matched, .. } = &self.lab.reference;
        let place = |only: &String| matched.partners.pairs().iter().position(|pair| pair.name == *only);
        Key {
            reference: *serial,
            subject: self.compared().2,
            partners: matched.serial,
            only: only.as_ref().and_then(place),
        }
    }

    /// The newest comparison with the reference in force, and whether it is of the labels as they are.
    pub fn agreement(&self) -> Option<(&Agreement, bool)> {
        let key = self.comparison_key();
        let (of, agreement) = self.lab.reference.comparing.done.as_ref()?;
        (of.reference == key.reference).then_some((agreement, *of == key))
    }

    /// Finds out again which labels are the same.
    fn match_labels(&mut self) {
        let of = (self.lab.reference.serial, self.table_revision, self.preview.as_ref().map(|preview| preview.serial));
        let Some((_, reference)) = self.reference().filter(|_| self.lab.reference.matched.of != Some(of)) else {
            return;
        };
        let (_, labels, _) = self.compared();
        let partners = Partners::of(reference, labels);
        let mut table = reference.clone();
        for pair in partners.pairs() {
            let partner = pair.labels.and_then(|id| labels.get(id));
            if let (Some(partner), Some(own)) = (partner, pair.reference.and_then(|id| table.get_mut(id))) {
                (own.color, own.visible, own.opacity) = (partner.color, partner.visible, partner.opacity);
            }
        }
        let matched = &mut self.lab.reference.matched;
        matched.of = Some(of);
        if *matched.partners != partners {
            matched.partners = Arc::new(partners);
            matched.serial += 1;
        }
        if matched.table != table {
            matched.table = table;
            matched.table_serial += 1;
        }
    }
}

impl App {
    /// Keeps the comparison with the reference up to date while its room is open. Never waits.
    pub(in crate::app) fn follow_reference(&mut self) {
        let (is_open, is_playing) = (self.state.room == Room::Reference, self.state.playing.is_some());
        let Some(case) = self.state.case.as_mut().filter(|case| case.reference().is_some() && is_open) else { return };
        case.match_labels();
        let key = case.comparison_key();
        let Some(reference) = case.reference().map(|(labels, _)| Arc::clone(labels)) else { return };
        let slice = case.preview.as_ref().and_then(Preview::one_slice);
        let labels = case.preview.as_ref().map_or_else(|| case.history.shared(), |preview| Arc::clone(&preview.labels));
        let partners = Arc::clone(&case.lab.reference.matched.partners);
        let (ctx, may_start) = (self.ctx.clone(), !case.strokes.is_painting() && !is_playing);
        let start = || Running::start(key, [reference, labels], slice, partners, move || ctx.request_repaint());
        if let Some(wait) = case.lab.reference.comparing.follow(key, may_start, start) {
            self.ctx.request_repaint_after(wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    fn key(reference: u64, revision: u64) -> Key {
        Key { reference, subject: Subject::Labels(revision), partners: 0, only: None }
    }

    fn start(key: Key) -> Option<Running> {
        let labels = Arc::new(LabelMap::empty(Grid::axis_aligned([4, 4, 4], [1.0; 3]).expect("valid")));
        Running::start(key, [Arc::clone(&labels), labels], None, Arc::default(), || ())
    }

    /// Follows until what is wanted is known; how often something was begun.
    fn settle(comparing: &mut Comparing, wanted: Key) -> usize {
        let (mut n_begun, began) = (0, Instant::now());
        while comparing.done.as_ref().is_none_or(|(key, _)| *key != wanted) {
            assert!(began.elapsed() < Duration::from_secs(20), "it never came");
            let begin = || {
                n_begun += 1;
                start(wanted)
            };
            comparing.follow(wanted, true, begin);
            std::thread::sleep(Duration::from_millis(1));
        }
        n_begun
    }

    #[test]
    fn changes_are_compared_once_they_have_rested() {
        let mut comparing = Comparing::default();
        assert_eq!(settle(&mut comparing, key(1, 0)), 1);
        let changed = Instant::now();
        for revision in 1..5 {
            let wait = comparing.follow(key(1, revision), true, || panic!("the labels are still being changed"));
            assert!(wait.is_some_and(|wait| wait <= REST));
        }
        assert_eq!(settle(&mut comparing, key(1, 4)), 1);
        assert!(changed.elapsed() >= REST);
    }

    #[test]
    fn a_stroke_that_goes_on_is_waited_for_and_another_reference_is_not() {
        let mut comparing = Comparing::default();
        settle(&mut comparing, key(1, 0));
        assert!(comparing.follow(key(2, 0), false, || panic!("a stroke is going on")).is_some());
        assert_eq!(comparing.follow(key(2, 0), true, || start(key(2, 0))), None, "begun at once");
    }
}
