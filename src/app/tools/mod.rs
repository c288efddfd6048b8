//! What the pointer does in a slice view. Each tool is a small state machine, `(state, event) -> (state, effect)`, on
//! numbers: a test draws with coordinates, a view turns the mouse into the same [`PointerEvent`]s, and
//! [`App`](super::App) carries the effects out.

mod brush;
mod limits;
mod navigate;
mod options;
mod outline;
mod ruler;

pub use self::brush::{BrushEffect, BrushLook, SizeUnit, Strokes};
pub use self::limits::{Limits, ValueMap};
pub use self::navigate::{
    camera_after_pan, camera_after_zoom, camera_centered, window_after_drag, zoom_of_drag, zoom_of_wheel,
};
pub use self::options::ToolOptions;
pub use self::outline::{Outline, OutlineKind, OutlineStep, Place};
pub use self::ruler::{Ruler, RulerStep};

use super::widgets::Icon;

/// What the left button does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Moves the crosshair.
    #[default]
    Crosshair,
    /// Changes contrast and brightness.
    Window,
    /// Paints the active label.
    Brush,
    /// Takes labels away.
    Eraser,
    /// Fills an outline that is clicked corner by corner.
    Polygon,
    /// Fills an outline drawn freehand.
    Lasso,
    /// Fills an outline that follows the image between clicks.
    Livewire,
    /// Fills what has one label and hangs together.
    Bucket,
    /// Fills background that labels enclose.
    FillHole,
    /// Fills what looks like the voxel under the pointer and hangs together with it.
    Grow,
    /// Cuts through many slices along an outline.
    Scissors,
    /// Measures a length.
    Distance,
    /// Measures an angle.
    Angle,
    /// Measures what a contour encloses.
    Area,
}

impl Tool {
    /// Its name on the screen, and what it does in one sentence.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Crosshair => ("Crosshair", "Click or drag to move the crosshair"),
            Self::Window => ("Window/level", "Drag: left-right for contrast, up-down for brightness; or hold W"),
            Self::Brush => ("Brush", "Drag to paint the active label; the right button erases"),
            Self::Eraser => ("Eraser", "Drag to take labels away; locked labels stay"),
            Self::Polygon => ("Polygon", "Click corner by corner; Enter, a double click or the first corner fills it"),
            Self::Lasso => ("Lasso", "Drag around what is to be filled"),
            Self::Livewire => ("Livewire", "Click along an edge: the line between clicks follows it"),
            Self::Bucket => ("Fill", "Click to give what hangs together the active label"),
            Self::FillHole => ("Fill hole", "Click into background that labels enclose on all sides"),
            Self::Grow => ("Region growing", "Click to label what looks alike and hangs together"),
            Self::Distance => ("Distance", "Drag, or click at both ends"),
            Self::Angle => ("Angle", "Click an arm's end, the vertex and the other arm's end"),
            Self::Area => ("Area", "Click corners; Enter, a double click or the first corner closes"),
            Self::Scissors => ("Scissors", "Draw an outline: it cuts through many slices"),
        }
    }

    /// Its mark in the palette.
    pub fn icon(self) -> Icon {
        match self {
            Self::Crosshair => Icon::Crosshair,
            Self::Window => Icon::Contrast,
            Self::Brush => Icon::Brush,
            Self::Eraser => Icon::Eraser,
            Self::Polygon => Icon::Polygon,
            Self::Lasso => Icon::Lasso,
            Self::Livewire => Icon::Livewire,
            Self::Bucket => Icon::Bucket,
            Self::FillHole => Icon::FillHole,
            Self::Grow => Icon::Grow,
            Self::Scissors => Icon::Scissors,
            Self::Distance => Icon::Ruler,
            Self::Angle => Icon::Angle,
            Self::Area => Icon::Area,
        }
    }

    /// Whether it is drawn with as with a brush.
    pub fn is_brush(self) -> bool {
        matches!(self, Self::Brush | Self::Eraser)
    }

    /// Whether a click of it fills from the voxel under the pointer.
    pub fn fills(self) -> bool {
        matches!(self, Self::Bucket | Self::FillHole | Self::Grow)
    }

    /// How its outline is drawn, where it has one.
    pub fn outline(self, options: &ToolOptions) -> Option<OutlineKind> {
        match self {
            Self::Scissors if options.scissors_click => Some(OutlineKind::Polygon),
            Self::Scissors => Some(OutlineKind::Freehand),
            Self::Polygon | Self::Area => Some(OutlineKind::Polygon),
            Self::Lasso => Some(OutlineKind::Freehand),
            Self::Livewire => Some(OutlineKind::Livewire),
            _ => None,
        }
    }

    /// Whether it changes the labels. The right button then erases instead of zooming.
    pub fn paints(self) -> bool {
        !matches!(self, Self::Crosshair | Self::Window) && !self.measures()
    }

    /// Whether it measures.
    pub fn measures(self) -> bool {
        matches!(self, Self::Distance | Self::Angle | Self::Area)
    }

    /// Whether the left button in a slice view is its own.
    pub fn takes_events(self) -> bool {
        self.paints() || self.measures()
    }
}

/// What the pointer or a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerKind {
    /// A button went down.
    Press,
    /// The pointer moved, with or without a button.
    Move,
    /// The button went up.
    Release,
    /// The second press of a double click came after the first one's release.
    Double,
    /// Finish what was begun.
    Confirm,
    /// Take the last part of what was begun back.
    Back,
    /// Give what was begun up.
    Cancel,
}

/// One event in a slice view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointerEvent {
    /// What happened.
    pub kind: PointerKind,
    /// Where, in pixels of the slice: the middle of the first one is 0, 0. May lie outside.
    pub at: [f64; 2],
    /// The voxel under the pointer, `None` outside the slice.
    pub voxel: Option<[usize; 3]>,
    /// The button is the one that erases.
    pub erases: bool,
    /// Shift is held.
    pub shift: bool,
    /// Alt is held.
    pub alt: bool,
    /// How near to a corner, in pixels of the slice, the pointer is on it.
    pub reach: f64,
}

impl PointerEvent {
    /// A key's doing, wherever the pointer is.
    pub fn key(kind: PointerKind) -> Self {
        Self { kind, at: [0.0; 2], voxel: None, erases: false, shift: false, alt: false, reach: 0.0 }
    }
}

/// Between two places in a slice, in pixels.
fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
pub(in crate::app) mod tests {
    use super::*;
    use crate::domain::{Plane, grid::SliceAxes};

    /// Slice 3 of a grid along the axes.
    pub(in crate::app) const PLACE: Place = Place {
        plane: Plane::Axial,
        axes: SliceAxes { right: 0, down: 1, through: 2, flip_right: false, flip_down: false },
        index: 3,
    };

    /// The left button, without keys, over pixel `x`, `y` of slice 3 of a grid along the axes.
    pub(in crate::app) fn left(kind: PointerKind, [x, y]: [f64; 2]) -> PointerEvent {
        let voxel = (x >= 0.0 && y >= 0.0).then_some([x.round() as usize, y.round() as usize, 3]);
        PointerEvent { kind, at: [x, y], voxel, erases: false, shift: false, alt: false, reach: 1.0 }
    }
}
