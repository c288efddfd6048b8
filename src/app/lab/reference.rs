//! The room of reference: how labels differ from a reference.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::App;
use crate::app::case::Case;
use crate::app::files::file_name;
use crate::domain::{LabelMap, LabelTable};
use crate::engine::{Job, JobId, OpenedLabels};

/// What the room knows of a case.
#[derive(Debug, Default)]
pub struct Reference {
    /// The reference that was chosen; without one it is what the image came with.
    pub chosen: Option<Chosen>,
    /// Counts the choices, to tell one reference from the next.
    pub serial: u64,
    /// A mask that is being read.
    pub opening: Option<JobId>,
}

/// A reference that was chosen.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its labels, on the image's grid.
    pub labels: Arc<LabelMap>,
    /// What their ids mean.
    pub table: LabelTable,
    /// Where it comes from.
    pub source: Source,
}

/// Where a reference comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A mask of this name.
    File(String),
    /// The labels as they stood after a change.
    Frozen {
        /// How many changes had been made.
        n_applied: usize,
        /// The last of them; `None` where there was none.
        change: Option<String>,
    },
}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum ReferenceAction {
    /// Read a mask to compare with.
    Open,
    /// Compare with the labels as they stand now.
    Freeze,
    /// Let go of what was chosen.
    Close,
}

impl Case {
    /// What labels are compared with: the reference that was chosen, else the truth that the image came with.
    pub fn reference(&self) -> Option<(&Arc<LabelMap>, &LabelTable)> {
        let chosen = self.lab.reference.chosen.as_ref().map(|chosen| (&chosen.labels, &chosen.table));
        chosen.or(self.opened.reference.as_ref().map(|(labels, table)| (labels, table)))
    }

    /// What it is, for people; `None` without one.
    pub fn reference_name(&self) -> Option<String> {
        match self.lab.reference.chosen.as_ref().map(|chosen| &chosen.source) {
            Some(Source::File(name)) => Some(name.clone()),
            Some(Source::Frozen { change: Some(change), n_applied }) => {
                Some(format!("Labels after change {n_applied}: {change}"))
            }
            Some(Source::Frozen { change: None, .. }) => Some("Labels as they were opened".to_owned()),
            None => self.opened.reference.is_some().then(|| "Known truth of the sample".to_owned()),
        }
    }

    fn choose_reference(&mut self, chosen: Option<Chosen>) {
        self.lab.reference.serial += 1;
        self.lab.reference.chosen = chosen;
    }
}

impl App {
    pub(in crate::app) fn act_on_reference(&mut self, action: ReferenceAction) {
        match action {
            ReferenceAction::Open => self.pick(crate::app::state::Purpose::OpenReference),
            ReferenceAction::Freeze => self.freeze_labels(),
            ReferenceAction::Close => self.with_case(|case| case.choose_reference(None)),
        }
    }

    /// Reads a mask to compare with.
    pub(in crate::app) fn open_reference(&mut self, path: PathBuf) {
        let Some(case) = &mut self.state.case else { return };
        let grid = case.grid().clone();
        case.lab.reference.opening = Some(self.engine.submit(Job::OpenLabels { path, grid }));
    }

    /// Forgets the mask that was being read by `job`. Says whether one was.
    pub(in crate::app) fn end_opening_reference(&mut self, job: JobId) -> bool {
        let opening = self.state.case.as_mut().map(|case| &mut case.lab.reference.opening);
        opening.is_some_and(|opening| opening.take_if(|known| *known == job).is_some())
    }

    /// Compares with a mask from now on.
    pub(in crate::app) fn use_reference_mask(&mut self, opened: OpenedLabels) {
        let source = Source::File(file_name(&opened.path));
        let chosen = Chosen { labels: Arc::new(opened.labels), table: opened.table, source };
        self.with_case(|case| case.choose_reference(Some(chosen)));
    }

    /// Compares with the labels as they stand now; what is changed later does not change them.
    fn freeze_labels(&mut self) {
        self.with_case(|case| {
            case.history.commit();
            let n_applied = case.history.n_applied();
            let last = n_applied.checked_sub(1).and_then(|at| case.history.entry(at));
            let source = Source::Frozen { n_applied, change: last.map(|entry| entry.name.to_owned()) };
            let chosen = Chosen { labels: case.history.shared(), table: case.table.clone(), source };
            case.choose_reference(Some(chosen));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::case::tests::sample_case;

    #[test]
    fn the_reference_chosen_comes_before_the_truth_of_the_sample() {
        let mut case = sample_case();
        assert_eq!(case.reference_name().as_deref(), Some("Known truth of the sample"));
        let empty = Arc::new(LabelMap::empty(case.grid().clone()));
        let source = Source::File("other.nii.gz".to_owned());
        case.choose_reference(Some(Chosen { labels: Arc::clone(&empty), table: LabelTable::default(), source }));
        assert!(Arc::ptr_eq(case.reference().expect("one was chosen").0, &empty));
        assert_eq!(case.reference_name().as_deref(), Some("other.nii.gz"));
        case.choose_reference(None);
        let truth = case.opened.reference.as_ref().map(|(labels, _)| Arc::clone(labels)).expect("the sample's");
        assert!(Arc::ptr_eq(case.reference().expect("the truth again").0, &truth));
    }
}
