//! Undo and redo against a history told in whole copies.

use proptest::prelude::*;

use super::*;
use crate::domain::paint::{Brush, BrushShape, BrushSize, Canvas};
use crate::domain::{Grid, LabelTable};

const N: usize = 60;

fn blank() -> LabelMap {
    LabelMap::empty(Grid::axis_aligned([5, 4, 3], [1.0; 3]).unwrap())
}

/// The edit that sets one voxel.
fn dot(history: &History, name: &str, position: usize, id: u16) -> Edit {
    let mut stroke = Stroke::new(name, history.labels());
    stroke.set(position, history.labels().id_at(position), id);
    stroke.finish().unwrap()
}

fn with_dots(n: usize) -> History {
    let mut history = History::new(blank());
    for position in 0..n {
        history.apply(dot(&history, &format!("dot {position}"), position, 1));
    }
    history
}

#[test]
fn what_knows_the_labels_by_their_revision_sees_another_grid_and_another_history() {
    let mut history = with_dots(2);
    let (revision, whole) = (history.revision(), VoxelBox([0..5, 0..4, 0..3]));
    history.read_as(|labels| Some(labels.clone()));
    assert!(history.revision() > revision && history.last_change_within(&whole) == history.revision());
    let (revision, edition) = (history.revision(), history.edition());
    let other = with_dots(2).after(&history);
    assert!(other.revision() > revision && other.edition() > edition && !other.is_saved());
    assert_eq!(other.last_change_within(&whole), other.revision());
}

#[test]
fn names_say_what_can_be_undone_and_redone() {
    let mut history = with_dots(2);
    assert_eq!((history.can_undo(), history.can_redo()), (Some("dot 1"), None));
    assert_eq!(history.undo(), Some("dot 1"));
    assert_eq!((history.can_undo(), history.can_redo()), (Some("dot 0"), Some("dot 1")));
    assert_eq!(history.undo(), Some("dot 0"));
    assert_eq!(history.undo(), None);
    assert_eq!(history.redo(), Some("dot 0"));
    assert_eq!(history.redo(), Some("dot 1"));
    assert_eq!(history.redo(), None);
}

#[test]
fn a_new_edit_forgets_what_could_be_redone() {
    let mut history = with_dots(3);
    history.go_to(1);
    history.apply(dot(&history, "other", 9, 2));
    assert_eq!(history.entries().map(|entry| entry.name).collect::<Vec<_>>(), ["dot 0", "other"]);
    assert_eq!(history.redo(), None);
}

#[test]
fn the_panel_shows_what_is_applied() {
    let mut history = with_dots(3);
    history.go_to(2);
    let applied: Vec<bool> = history.entries().map(|entry| entry.is_applied).collect();
    assert_eq!(applied, [true, true, false]);
    history.go_to(99);
    assert_eq!(history.n_applied(), 3);
    history.go_to(0);
    assert_eq!(history.labels(), &blank());
}

#[test]
fn a_gesture_is_shown_at_once_and_undone_as_one() {
    let mut history = History::new(blank());
    for position in 3..7 {
        history.stage(dot(&history, "Brush", position, 1));
        assert_eq!(history.labels().id_at(position), 1);
        assert!(!history.is_saved());
    }
    history.commit();
    assert_eq!(history.entries().map(|entry| (entry.name, entry.n_voxels)).collect::<Vec<_>>(), [("Brush", 4)]);
    assert_eq!(history.undo(), Some("Brush"));
    assert_eq!(history.labels(), &blank());
}

#[test]
fn a_gesture_that_is_given_up_leaves_nothing() {
    let mut history = with_dots(2);
    let before = history.labels().clone();
    history.stage(dot(&history, "Brush", 1, 2));
    history.stage(dot(&history, "Brush", 1, 3));
    history.rollback();
    assert_eq!(history.labels(), &before);
    assert_eq!(history.entries().len(), 2);
}

#[test]
fn undo_ends_a_gesture_and_takes_it_back() {
    let mut history = with_dots(1);
    history.stage(dot(&history, "Brush", 5, 2));
    assert_eq!(history.undo(), Some("Brush"));
    assert_eq!(history.redo(), Some("Brush"));
    assert_eq!(history.labels().id_at(5), 2);
}

#[test]
fn an_edit_made_for_older_labels_is_undone_to_what_was_there() {
    let mut history = History::new(blank());
    let stale = dot(&history, "stale", 4, 3);
    history.apply(dot(&history, "first", 4, 1));
    history.apply(stale);
    assert_eq!(history.labels().id_at(4), 3);
    history.undo();
    assert_eq!(history.labels().id_at(4), 1);
}

#[test]
fn saved_is_a_place_in_the_history() {
    let mut history = with_dots(2);
    assert!(!history.is_saved());
    history.mark_saved();
    assert!(history.is_saved());
    history.undo();
    assert!(!history.is_saved());
    history.redo();
    assert!(history.is_saved());
    history.undo();
    history.apply(dot(&history, "other", 1, 1));
    assert!(!history.is_saved(), "as many edits as were saved, but not the same");
    history.undo();
    history.undo();
    assert!(!history.is_saved());
}

#[test]
fn every_change_has_a_revision_of_its_own() {
    let mut history = History::new(blank());
    let mut last = history.revision();
    let mut check = |history: &History| {
        assert!(history.revision() > last);
        last = history.revision();
    };
    history.apply(dot(&history, "a", 0, 1));
    check(&history);
    history.undo();
    check(&history);
    history.redo();
    check(&history);
    history.stage(dot(&history, "b", 1, 1));
    check(&history);
    history.rollback();
    check(&history);
}

#[test]
fn sharing_copies_only_when_both_are_needed() {
    let mut history = with_dots(1);
    let before = std::ptr::from_ref(history.labels());
    drop(history.shared());
    history.apply(dot(&history, "x", 9, 1));
    assert!(std::ptr::eq(before, history.labels()), "nobody else held the labels");
    let held = history.shared();
    history.apply(dot(&history, "y", 10, 1));
    assert_eq!((held.id_at(10), history.labels().id_at(10)), (0, 1));
}

#[test]
fn the_oldest_edits_go_when_the_budget_is_spent_and_the_newest_stays() {
    let mut history = History::with_budget(blank(), 0);
    history.apply(dot(&history, "a", 0, 1));
    history.mark_saved();
    history.apply(dot(&history, "b", 1, 1));
    assert_eq!((history.n_dropped(), history.entries().len()), (1, 1));
    assert_eq!(history.undo(), Some("b"));
    assert!(history.is_saved(), "where the dropped edit ended is where the kept one begins");
    assert_eq!(history.undo(), None);
}

#[test]
fn a_thousand_strokes_fit_the_budget_with_room_to_spare() {
    let grid = Grid::axis_aligned([512, 512, 200], [0.8, 0.8, 1.0]).unwrap();
    let mut history = History::new(LabelMap::empty(grid));
    let brush = |is_ball: bool| Brush {
        shape: BrushShape::Round,
        size: BrushSize::Voxels(41.0),
        through: (!is_ball).then_some(2),
    };
    for stroke_idx in 0..1000_usize {
        // Back and forth over the same organ, mostly in a slice, every fourth time in three dimensions.
        let at = |step: usize| {
            [stroke_idx * 37 % 350 + 50 + 12 * step, stroke_idx * 53 % 350 + 50 + 7 * step, stroke_idx % 160 + 20]
        };
        for step in 0..4 {
            let canvas = Canvas::new(history.labels(), &LabelTable::default());
            let dab = brush(stroke_idx % 4 == 0).draw(&canvas, at(step), at(step + 1), stroke_idx as u16 % 5 + 1);
            if let Some(edit) = dab {
                history.stage(edit);
            }
        }
        history.commit();
    }
    println!("{} strokes take {} of {} bytes", history.entries().len(), history.bytes(), History::BUDGET_BYTES);
    assert_eq!((history.entries().len(), history.n_dropped()), (1000, 0));
    assert!(history.bytes() < History::BUDGET_BYTES / 4, "{} bytes", history.bytes());
}

/// What a person may do.
#[derive(Clone, Debug)]
enum Act {
    Apply(Vec<u16>),
    Stage(Vec<(usize, u16)>),
    Commit,
    Rollback,
    Undo,
    Redo,
    GoTo(usize),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        prop::collection::vec(0..3u16, N).prop_map(Act::Apply),
        prop::collection::vec((0..N, 0..3u16), 1..20).prop_map(Act::Stage),
        Just(Act::Commit),
        Just(Act::Rollback),
        Just(Act::Undo),
        Just(Act::Redo),
        (0..8usize).prop_map(Act::GoTo),
    ]
}

/// A history told in whole copies: slow and plainly right.
struct Model {
    states: Vec<Vec<u16>>,
    at: usize,
    open: Option<Vec<u16>>,
}

impl Model {
    fn now(&self) -> &Vec<u16> {
        self.open.as_ref().unwrap_or(&self.states[self.at])
    }

    fn commit(&mut self) {
        if let Some(next) = self.open.take()
            && next != self.states[self.at]
        {
            self.states.truncate(self.at + 1);
            self.states.push(next);
            self.at += 1;
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Stage(dots) => {
                let mut next = self.now().clone();
                dots.iter().for_each(|&(position, id)| next[position] = id);
                self.open = Some(next);
                return;
            }
            Act::Rollback => {
                self.open = None;
                return;
            }
            _ => self.commit(),
        }
        match act {
            Act::Apply(next) => {
                self.open = Some(next.clone());
                self.commit();
            }
            Act::Undo => self.at = self.at.saturating_sub(1),
            Act::Redo => self.at = (self.at + 1).min(self.states.len() - 1),
            Act::GoTo(n) => self.at = (*n).min(self.states.len() - 1),
            _ => {}
        }
    }
}

fn act_on(history: &mut History, act: &Act) {
    match act {
        Act::Apply(next) => {
            if let Some(edit) = Edit::replace("x", history.labels(), next) {
                history.apply(edit);
            } else {
                history.commit();
            }
        }
        Act::Stage(dots) => {
            let mut next = history.labels().to_ids();
            dots.iter().for_each(|&(position, id)| next[position] = id);
            if let Some(edit) = Edit::replace("x", history.labels(), &next) {
                history.stage(edit);
            }
        }
        Act::Commit => history.commit(),
        Act::Rollback => history.rollback(),
        Act::Undo => drop(history.undo().map(str::to_owned)),
        Act::Redo => drop(history.redo().map(str::to_owned)),
        Act::GoTo(n) => history.go_to(*n),
    }
}

proptest! {
    #[test]
    fn whatever_is_done_the_labels_are_bit_for_bit_those_of_a_history_of_copies(
        acts in prop::collection::vec(any_act(), 0..40),
    ) {
        let mut history = History::new(blank());
        let mut model = Model { states: vec![vec![0; N]], at: 0, open: None };
        for act in &acts {
            act_on(&mut history, act);
            model.act(act);
            prop_assert_eq!(&history.labels().to_ids(), model.now());
        }
        history.commit();
        model.commit();
        prop_assert_eq!(history.entries().len() + 1, model.states.len());
        for (n_applied, state) in model.states.iter().enumerate().rev() {
            history.go_to(n_applied);
            prop_assert_eq!(&history.labels().to_ids(), state);
        }
    }
}

const N_FRAMES: usize = 3;

/// What a person may do to the masks of several frames.
#[derive(Clone, Debug)]
enum FrameAct {
    Show(usize),
    Share(bool),
    Apply(Vec<u16>),
    Stage(Vec<(usize, u16)>),
    Several(Vec<(usize, Vec<u16>)>),
    Undo,
    Redo,
    GoTo(usize),
}

fn any_frame_act() -> impl Strategy<Value = FrameAct> {
    let ids = || prop::collection::vec(0..3u16, N);
    prop_oneof![
        3 => (0..N_FRAMES + 1).prop_map(FrameAct::Show),
        1 => any::<bool>().prop_map(FrameAct::Share),
        3 => ids().prop_map(FrameAct::Apply),
        2 => prop::collection::vec((0..N, 0..3u16), 1..20).prop_map(FrameAct::Stage),
        1 => prop::collection::btree_map(0..N_FRAMES, ids(), 1..N_FRAMES + 1)
            .prop_map(|parts| FrameAct::Several(parts.into_iter().collect())),
        2 => Just(FrameAct::Undo),
        2 => Just(FrameAct::Redo),
        1 => (0..8usize).prop_map(FrameAct::GoTo),
    ]
}

/// The masks of all frames, and which is for all.
type Frames = (Vec<Vec<u16>>, Option<usize>);

fn frames_of(history: &History) -> Frames {
    let frames = history.frames();
    (frames.masks().iter().map(|mask| mask.to_ids()).collect(), frames.one_for_all())
}

/// The state after an act that makes one; `None` where it makes none.
fn after((masks, one_for_all): &Frames, frame: usize, act: &FrameAct) -> Option<Frames> {
    let (mut next, mut shared) = (masks.clone(), *one_for_all);
    let mask = one_for_all.unwrap_or(frame);
    match act {
        FrameAct::Apply(ids) => next[mask].clone_from(ids),
        FrameAct::Stage(dots) => dots.iter().for_each(|&(position, id)| next[mask][position] = id),
        FrameAct::Several(parts) => parts.iter().for_each(|(mask, ids)| next[*mask].clone_from(ids)),
        FrameAct::Share(is_shared) if *is_shared != one_for_all.is_some() => shared = is_shared.then_some(frame),
        _ => return None,
    }
    let next = (next, shared);
    (next != (masks.clone(), *one_for_all)).then_some(next)
}

fn act_on_frames(history: &mut History, act: &FrameAct) {
    match act {
        FrameAct::Show(frame) => history.show(*frame),
        FrameAct::Share(is_shared) => history.share_mask(*is_shared),
        FrameAct::Apply(next) => {
            Edit::replace("x", history.labels(), next).into_iter().for_each(|edit| history.apply(edit));
        }
        FrameAct::Stage(dots) => {
            let mut next = history.labels().to_ids();
            dots.iter().for_each(|&(position, id)| next[position] = id);
            Edit::replace("x", history.labels(), &next).into_iter().for_each(|edit| history.stage(edit));
            history.commit();
        }
        FrameAct::Several(parts) => {
            let edit = |(mask, ids): &(usize, Vec<u16>)| {
                Some((*mask, Edit::replace("x", &history.frames().masks()[*mask], ids)?))
            };
            let edits = FrameEdits::of_several("x", parts.iter().filter_map(edit).collect());
            edits.into_iter().for_each(|edits| history.apply_to_frames(edits));
        }
        FrameAct::Undo => drop(history.undo().map(str::to_owned)),
        FrameAct::Redo => drop(history.redo().map(str::to_owned)),
        FrameAct::GoTo(n) => history.go_to(*n),
    }
}

proptest! {
    #[test]
    fn whatever_is_done_the_masks_of_all_frames_are_those_of_a_history_of_copies(
        acts in prop::collection::vec(any_frame_act(), 0..40),
    ) {
        let mut history = History::of_frames(FrameLabels::new(vec![blank(); N_FRAMES], None));
        let whole = VoxelBox([0..5, 0..4, 0..3]);
        let mut states = vec![frames_of(&history)];
        let mut at: usize = 0;
        for act in &acts {
            let frame = history.frames().frame();
            let (seen, revision, edition) = (history.labels().to_ids(), history.revision(), history.edition());
            act_on_frames(&mut history, act);
            let before = at;
            match act {
                FrameAct::Undo => at = at.saturating_sub(1),
                FrameAct::Redo => at = (at + 1).min(states.len() - 1),
                FrameAct::GoTo(n) => at = (*n).min(states.len() - 1),
                _ => {
                    if let Some(next) = after(&states[at], frame, act) {
                        states.truncate(at + 1);
                        states.push(next);
                        at += 1;
                    }
                }
            }
            prop_assert_eq!(&frames_of(&history), &states[at]);
            prop_assert_eq!(history.edition() > edition, before != at, "only changes of the masks count");
            if history.labels().to_ids() != seen {
                prop_assert!(history.revision() > revision && history.last_change_within(&whole) > revision);
            }
            if let (FrameAct::Undo, None, true) = (act, states[at].1, before != at) {
                let shown = history.frames().frame();
                let differs = |frame: usize| states[at].0[frame] != states[before].0[frame];
                prop_assert!(differs(shown) || !(0..N_FRAMES).any(differs), "what was undone is seen");
            }
        }
        let changes = history.take_changes();
        prop_assert_eq!(history.entries().len() + 1, states.len());
        prop_assert!(changes.len() >= states.len() - 1);
    }
}
