//! The views' places: two by two, or one alone.

use eframe::egui::{Rect, Ui, pos2};

use super::Screen;
use super::lab_steps::{runs_ui, shown_runs};
use super::slice::slice_ui;
use crate::app::action::Actions;
use crate::app::case::Case;
use crate::app::state::{Layout, State};
use crate::app::theme::size::VIEW_GAP;
use crate::domain::Plane;

/// What a place shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Slice(Plane),
    Volume,
}

/// Draws the views of the open case into the space that is left.
pub fn grid_ui(ui: &mut Ui, (state, case): (&State, &Case), screen: &mut Screen, actions: &mut Actions) {
    let rect = ui.available_rect_before_wrap();
    if let Some(comparison) = shown_runs(state, case) {
        return runs_ui(ui, rect, comparison, (state, case), screen, actions);
    }
    for (pane, rect) in places(state.layout, rect) {
        match pane {
            Pane::Slice(plane) => {
                slice_ui(ui, rect, plane, (state, case), (&mut screen.slices, &mut screen.wheel), actions);
            }
            Pane::Volume => screen.volume_ui(ui, rect, (state, case), actions),
        }
    }
}

fn places(layout: Layout, rect: Rect) -> Vec<(Pane, Rect)> {
    match layout {
        Layout::Slice(plane) => vec![(Pane::Slice(plane), rect)],
        Layout::Volume => vec![(Pane::Volume, rect)],
        Layout::Grid => {
            let [top_left, top_right, bottom_left, bottom_right] = quarters(rect);
            vec![
                (Pane::Slice(Plane::Axial), top_left),
                (Pane::Slice(Plane::Sagittal), top_right),
                (Pane::Slice(Plane::Coronal), bottom_left),
                (Pane::Volume, bottom_right),
            ]
        }
    }
}

fn quarters(rect: Rect) -> [Rect; 4] {
    let half = VIEW_GAP / 2.0;
    let (x, y) = (rect.center().x.round(), rect.center().y.round());
    let of = |left, top, right, bottom| Rect::from_min_max(pos2(left, top), pos2(right, bottom));
    [
        of(rect.left(), rect.top(), x - half, y - half),
        of(x + half, rect.top(), rect.right(), y - half),
        of(rect.left(), y + half, x - half, rect.bottom()),
        of(x + half, y + half, rect.right(), rect.bottom()),
    ]
}

#[cfg(test)]
mod tests {
    use eframe::egui::vec2;

    use super::*;

    #[test]
    fn views_fill_the_space_without_overlapping() {
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(801.0, 603.0));
        let quarters = quarters(rect);
        for (i, a) in quarters.iter().enumerate() {
            assert!(rect.contains_rect(*a));
            assert!(quarters[i + 1..].iter().all(|b| !a.intersects(*b)));
        }
        assert_eq!(places(Layout::Volume, rect), [(Pane::Volume, rect)]);
    }
}
