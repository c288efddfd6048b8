//! The room of reference: how labels differ from a reference.

mod comparing;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::comparing::{Comparing, Matched};
use crate::app::App;
use crate::app::case::Case;
use crate::app::files::file_name;
use crate::app::state::Purpose;
use crate::domain::region::Region;
use crate::domain::{LabelMap, LabelTable};
use crate::engine::{Job, JobId, OpenedLabels};
use crate::evaluation::agreement::Agreement;

/// What the room knows of a case.
#[derive(Debug)]
pub struct Reference {
    /// The reference that was chosen; without one it is what the image came with.
    pub chosen: Option<Chosen>,
    /// Counts the choices, to tell one reference from the next.
    pub serial: u64,
    /// A mask that is being read.
    pub opening: Option<JobId>,
    /// How slices show it.
    pub look: Look,
    /// Its outlines are drawn wherever its areas are not.
    pub outlined: bool,
    /// The 3D view shows it in place of the labels.
    pub in_3d: bool,
    /// Where the divider stands, from 0 at a view's left to 1 at its right.
    pub divider: f32,
    /// The name of the only label that is compared voxel by voxel.
    pub only: Option<String>,
    /// Which of its labels are which of the labels'.
    pub matched: Matched,
    /// The comparisons.
    pub comparing: Comparing,
    /// The difference that was gone to last.
    pub visited: Option<Region>,
}

impl Default for Reference {
    fn default() -> Self {
        Self {
            chosen: None,
            serial: 0,
            opening: None,
            look: Look::default(),
            outlined: true,
            in_3d: false,
            divider: 0.5,
            only: None,
            matched: Matched::default(),
            comparing: Comparing::default(),
            visited: None,
        }
    }
}

/// How slices show a reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// What was added and removed, in colours.
    #[default]
    Difference,
    /// The reference on the left of a divider, the labels on its right.
    Swipe,
    /// The reference in the left half of each view, the labels in the right one.
    SideBySide,
    /// Not at all but for its outlines.
    Off,
}

impl Look {
    /// The one after this.
    fn next(self) -> Self {
        match self {
            Self::Difference => Self::Swipe,
            Self::Swipe => Self::SideBySide,
            Self::SideBySide => Self::Off,
            Self::Off => Self::Difference,
        }
    }
}

/// A reference that was chosen.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its labels, on the image's grid; those of the frame shown.
    pub labels: Arc<LabelMap>,
    /// Those of every frame, where it has a mask for each.
    pub frames: Vec<Arc<LabelMap>>,
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
    /// Show it like this.
    Show(Look),
    /// Show it the next way.
    ShowNext,
    /// Draw its outlines or not.
    Outline(bool),
    /// Show it in the 3D view, or the labels.
    Show3d(bool),
    /// Put the divider there.
    Divide(f32),
    /// Compare this label alone voxel by voxel, or all again.
    Only(Option<String>),
    /// Go to the next smaller difference, or to the next larger one.
    GoTo {
        /// To the larger one.
        back: bool,
    },
    /// Copy the table for a spreadsheet.
    Copy,
    /// Ask where to write the table.
    Export,
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
        let reference = &mut self.lab.reference;
        reference.serial += 1;
        reference.chosen = chosen;
        (reference.visited, reference.only) = (None, None);
    }

    /// Compares with the reference's mask of the frame shown, where it has one for each.
    pub(in crate::app) fn follow_with_reference(&mut self) {
        let reference = &mut self.lab.reference;
        let Some(chosen) = &mut reference.chosen else { return };
        if let Some(labels) = chosen.frames.get(self.frame) {
            chosen.labels = Arc::clone(labels);
            reference.serial += 1;
            reference.visited = None;
        }
    }

    /// The difference after the one that was gone to last, largest first; after the last one the first again.
    fn next_difference(&self, back: bool) -> Option<Region> {
        let regions = &self.agreement()?.0.regions;
        // The regions may be others than those of the last time: what was gone to has its place by its size.
        let place = |region: &Region| (std::cmp::Reverse(region.n_voxels), self.grid().index(region.peak));
        let visited = self.lab.reference.visited.as_ref().map(place);
        let next = match (visited, back) {
            (None, false) => None,
            (None, true) => regions.last(),
            (Some(visited), false) => regions.iter().find(|region| place(region) > visited),
            (Some(visited), true) => regions.iter().rfind(|region| place(region) < visited).or(regions.last()),
        };
        next.or(regions.first()).cloned()
    }
}

impl App {
    pub(in crate::app) fn act_on_reference(&mut self, action: ReferenceAction) {
        match action {
            ReferenceAction::Open => self.pick(Purpose::OpenReference),
            ReferenceAction::Freeze => self.freeze_labels(),
            ReferenceAction::Close => self.with_case(|case| case.choose_reference(None)),
            ReferenceAction::Show(look) => self.with_reference(|reference| reference.look = look),
            ReferenceAction::ShowNext => self.with_reference(|reference| reference.look = reference.look.next()),
            ReferenceAction::Outline(outlined) => self.with_reference(|reference| reference.outlined = outlined),
            ReferenceAction::Show3d(in_3d) => self.with_reference(|reference| reference.in_3d = in_3d),
            ReferenceAction::Divide(at) => self.with_reference(|reference| reference.divider = at.clamp(0.0, 1.0)),
            ReferenceAction::Only(only) => self.with_reference(|reference| {
                reference.only = only;
                reference.visited = None;
            }),
            ReferenceAction::GoTo { back } => self.go_to_difference(back),
            ReferenceAction::Copy => self.copy_agreement(),
            ReferenceAction::Export => self.pick(Purpose::ExportAgreement),
        }
    }

    fn with_reference(&mut self, change: impl FnOnce(&mut Reference)) {
        self.with_case(|case| change(&mut case.lab.reference));
    }

    fn go_to_difference(&mut self, back: bool) {
        let Some(region) = self.state.case.as_ref().and_then(|case| case.next_difference(back)) else { return };
        let voxel = region.peak;
        self.with_reference(|reference| reference.visited = Some(region));
        self.show_center(voxel);
    }

    fn copy_agreement(&mut self) {
        let Some(text) = self.agreement().map(|agreement| agreement.table().to_tsv()) else { return };
        self.ctx.copy_text(text);
        self.state.notices.success("Copied the table of agreement");
    }

    /// Has the table written.
    pub(in crate::app) fn write_agreement(&mut self, path: PathBuf) {
        let Some(text) = self.agreement().map(|agreement| agreement.table().to_csv()) else { return };
        let path = if path.extension().is_none() { path.with_extension("csv") } else { path };
        self.engine.submit(Job::WriteText { path, text });
    }

    fn agreement(&self) -> Option<&Agreement> {
        self.state.case.as_ref()?.agreement().map(|(agreement, _)| agreement)
    }

    /// Reads a mask to compare with.
    pub(in crate::app) fn open_reference(&mut self, path: PathBuf) {
        let Some(case) = &mut self.state.case else { return };
        let job = case.open_labels_job(path);
        case.lab.reference.opening = Some(self.engine.submit(job));
    }

    /// Forgets the mask that was being read by `job`. Says whether one was.
    pub(in crate::app) fn end_opening_reference(&mut self, job: JobId) -> bool {
        let opening = self.state.case.as_mut().map(|case| &mut case.lab.reference.opening);
        opening.is_some_and(|opening| opening.take_if(|known| *known == job).is_some())
    }

    /// Compares with a mask from now on.
    pub(in crate::app) fn use_reference_mask(&mut self, opened: OpenedLabels) {
        let (source, table) = (Source::File(file_name(&opened.path)), opened.table.clone());
        let mut frames: Vec<Arc<LabelMap>> = opened.into_frames().into_iter().map(Arc::new).collect();
        let labels = Arc::clone(&frames[0]);
        if frames.len() == 1 {
            frames.clear();
        }
        self.with_case(|case| {
            case.choose_reference(Some(Chosen { labels, frames, table, source }));
            case.follow_with_reference();
        });
    }

    /// Compares with the labels as they stand now; what is changed later does not change them.
    fn freeze_labels(&mut self) {
        self.with_case(|case| {
            case.history.commit();
            let n_applied = case.history.n_applied();
            let last = n_applied.checked_sub(1).and_then(|at| case.history.entry(at));
            let source = Source::Frozen { n_applied, change: last.map(|entry| entry.name.to_owned()) };
            let in_use = case.history.in_use();
            let frames = if in_use.len() > 1 { in_use } else { Vec::new() };
            let chosen = Chosen { labels: case.history.shared(), frames, table: case.table.clone(), source };
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
        let (labels, table) = (Arc::clone(&empty), LabelTable::default());
        case.choose_reference(Some(Chosen { labels, frames: Vec::new(), table, source }));
        assert!(Arc::ptr_eq(case.reference().expect("one was chosen").0, &empty));
        assert_eq!(case.reference_name().as_deref(), Some("other.nii.gz"));
        case.choose_reference(None);
        let truth = case.opened.reference.as_ref().map(|(labels, _)| Arc::clone(labels)).expect("the sample's");
        assert!(Arc::ptr_eq(case.reference().expect("the truth again").0, &truth));
    }
}
