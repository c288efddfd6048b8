//! What the pointer does in a slice view. Each tool is a small state machine, `(state, event) -> (state, effect)`, on
//! numbers: a test draws with coordinates, a view turns the mouse into the same [`PointerEvent`]s, and
//! [`App`](super::App) carries the effects out.

mod brush;
mod limits;
mod navigate;

pub use self::brush::{BrushEffect, BrushLook, SizeUnit, Strokes};
pub use self::limits::Limits;
pub use self::navigate::{
    camera_after_pan, camera_after_zoom, camera_centered, window_after_drag, zoom_of_drag, zoom_of_wheel,
};

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
}

impl Tool {
    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crosshair => "Crosshair",
            Self::Window => "Window/level",
            Self::Brush => "Brush",
            Self::Eraser => "Eraser",
        }
    }

    /// Whether it is drawn with as with a brush.
    pub fn is_brush(self) -> bool {
        matches!(self, Self::Brush | Self::Eraser)
    }

    /// Whether it changes the labels. The right button then erases instead of zooming.
    pub fn paints(self) -> bool {
        self.is_brush()
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
}

impl PointerEvent {
    /// A key's doing, wherever the pointer is.
    pub fn key(kind: PointerKind) -> Self {
        Self { kind, at: [0.0; 2], voxel: None, erases: false, shift: false, alt: false }
    }
}

#[cfg(test)]
pub(in crate::app) mod tests {
    use super::*;

    /// The left button, without keys, over pixel `x`, `y` of slice 3 of a grid along the axes.
    pub(in crate::app) fn left(kind: PointerKind, [x, y]: [f64; 2]) -> PointerEvent {
        let voxel = (x >= 0.0 && y >= 0.0).then_some([x.round() as usize, y.round() as usize, 3]);
        PointerEvent { kind, at: [x, y], voxel, erases: false, shift: false, alt: false }
    }
}
