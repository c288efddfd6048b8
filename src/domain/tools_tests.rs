//! Any sequence of edits by all tools can be undone to the first label map and redone to the last, bit for bit.

use proptest::prelude::*;

use super::grow::{GrowSettings, region_grow};
use super::operation::{Operand, Operation};
use super::paint::{Brush, BrushShape, BrushSize, Canvas, PaintOver};
use super::reshape::Smoothing;
use super::scissors::{ScissorsMode, scissors};
use super::slice_copy::{copy_slice, paste};
use super::{Convention, Plane, fill, interpolate};
use super::{Edit, Grid, History, Label, LabelMap, LabelTable, Scaling, Volume, Voxels};
use crate::monitor::Silent;

const SHAPE: [usize; 3] = [11, 9, 7];

/// One use of one tool. Which tool, and where, with what.
#[derive(Clone, Debug)]
struct Gesture {
    tool: usize,
    at: [usize; 3],
    to: [usize; 3],
    id: u16,
    size: f64,
    over: PaintOver,
    through: Option<usize>,
    /// Whether it is a part of a gesture that goes on.
    is_staged: bool,
}

fn any_gesture() -> impl Strategy<Value = Gesture> {
    let voxel = || (0..SHAPE[0], 0..SHAPE[1], 0..SHAPE[2]).prop_map(|(i, j, k)| [i, j, k]);
    let over = prop::sample::select(vec![PaintOver::All, PaintOver::All, PaintOver::Unlabelled, PaintOver::Only(1)]);
    let through = prop::sample::select(vec![None, Some(0), Some(1), Some(2)]);
    (0..N_TOOLS, voxel(), voxel(), 0..5u16, 0.0..9.0, over, through, any::<bool>()).prop_map(
        |(tool, at, to, id, size, over, through, is_staged)| Gesture {
            tool,
            at,
            to,
            id,
            size,
            over,
            through,
            is_staged,
        },
    )
}

const N_TOOLS: usize = 23;

impl Gesture {
    /// The edit that the tool makes of the labels as they are.
    fn edit(&self, labels: &LabelMap, volume: &Volume) -> Option<Edit> {
        // Label 4 is locked.
        let table = LabelTable { labels: vec![Label { locked: true, ..Label::new(4, "locked") }] };
        let canvas = Canvas::new(labels, &table).painting_over(self.over);
        let Self { at, to, id, through, .. } = *self;
        let axis = through.unwrap_or(2);
        let axes = labels.grid().slice_axes(Plane::Coronal, Convention::Radiological);
        let outline = [[0.5, self.size], [8.0, 1.5], [self.size, 5.5]];
        let brush = Brush { shape: BrushShape::Round, size: BrushSize::Voxels(self.size), through };
        let settings = GrowSettings { tolerance: 40.0, through, max_voxels: 200, max_radius_mm: Some(self.size) };
        match self.tool {
            0 => brush.draw(&canvas, at, to, id),
            1 => brush.draw_similar(&canvas, volume, 0, 40.0, at, id),
            2 => region_grow(&canvas, volume, 0, at, &settings, id, &Silent).ok()?.map(|grown| grown.edit),
            3 => fill::bucket(&canvas, at, through, id, &Silent).ok()?,
            4 => fill::fill_hole(&canvas, at, through, id, &Silent).ok()?,
            5 => fill::polygon(&canvas, &axes, at[axes.through], &outline, id),
            6 => scissors(&canvas, &axes, at[1]..to[1], &outline, ScissorsMode::EraseInside, id),
            7 => scissors(&canvas, &axes, at[1]..to[1], &outline, ScissorsMode::EraseOutside, id),
            8 => scissors(&canvas, &axes, 0..9, &outline, ScissorsMode::FillInside, id),
            9 => copy_slice(&canvas, axis, at[axis], to[axis], (id > 2).then_some(id)),
            10 => interpolate::between_slices(&canvas, &[1, 2, id], axis, &Silent).ok()?,
            11 => paste(&canvas, &LabelMap::new(labels.grid().clone(), vec![id; 693]).ok()?, |id| id, "Paste"),
            _ => self.operation().run(labels, &table, id.max(1), &Silent).ok()?.edit,
        }
    }

    /// What is done to the whole label.
    fn operation(&self) -> Operation {
        let other = Operand { map: None, id: 1 + self.at[0] as u16 % 4 };
        match self.tool - 12 {
            0 => Operation::KeepLargest,
            1 => Operation::RemoveIslands(self.size),
            2 => Operation::FillHoles(self.through),
            3 => Operation::Grow(self.size / 3.0),
            4 => Operation::Shrink(self.size / 3.0),
            5 => Operation::Smooth(Smoothing::Median(self.size / 3.0)),
            6 => Operation::Hollow(self.size / 3.0),
            7 => Operation::Union(other),
            8 => Operation::Split,
            9 => Operation::Merge(other.id),
            _ => Operation::Relabel(9),
        }
    }
}

fn volume(values: Vec<u8>) -> Volume {
    let grid = Grid::axis_aligned(SHAPE, [1.0, 1.0, 2.0]).unwrap();
    Volume::new(grid, Voxels::U8(values), Scaling::NONE, 1).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn as_many_undos_give_the_first_labels_and_redos_every_later_ones(
        ids in prop::collection::vec(prop::sample::select(vec![0, 0, 1, 2, 4]), 693),
        values in prop::collection::vec(0..100u8, 693),
        gestures in prop::collection::vec(any_gesture(), 1..40),
    ) {
        let volume = volume(values);
        let first = LabelMap::new(volume.grid().clone(), ids.clone()).unwrap();
        let mut history = History::new(first);
        for gesture in &gestures {
            let Some(edit) = gesture.edit(history.labels(), &volume) else { continue };
            if gesture.is_staged { history.stage(edit) } else { history.apply(edit) }
            let is_locked = |at: usize| ids[at] == 4;
            prop_assert!((0..693).all(|at| (history.labels().id_at(at) == 4) == is_locked(at)), "{:?}", gesture);
        }
        history.commit();
        let mut after = vec![history.labels().to_ids()];
        while history.undo().is_some() {
            after.push(history.labels().to_ids());
        }
        prop_assert_eq!(after.len(), history.entries().count() + 1);
        prop_assert_eq!(after.pop(), Some(ids));
        while let Some(expected) = after.pop() {
            prop_assert!(history.redo().is_some());
            prop_assert_eq!(history.labels().to_ids(), expected);
        }
        prop_assert!(history.redo().is_none());
    }
}
