//! What the person has set for the tools, remembered from one start to the next.

use serde::{Deserialize, Serialize};

use crate::domain::scissors::ScissorsMode;

/// Options of the tools beside the brush.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolOptions {
    /// Fill, fill hole and grow reach into the slices beside.
    pub fills_depth: bool,
    /// A region grows no farther from its seed, in millimetres.
    pub grow_radius_mm: f64,
    /// What the scissors do.
    pub scissors: ScissorsMode,
    /// The scissors' outline is clicked corner by corner.
    pub scissors_click: bool,
    /// The scissors cut this many slices on each side; `None` for all.
    pub scissors_slab: Option<usize>,
    /// Copying a slice and filling between slices mean all labels, not the active one alone.
    pub copies_all: bool,
}

impl ToolOptions {
    /// What can be chosen for [`ToolOptions::grow_radius_mm`].
    pub const GROW_RADII_MM: std::ops::RangeInclusive<f64> = 2.0..=300.0;
    /// Voxels at which a region stops growing whatever its radius: 512 MB of bookkeeping at most.
    pub const GROW_MAX_VOXELS: usize = 20_000_000;
}

impl Default for ToolOptions {
    fn default() -> Self {
        Self {
            fills_depth: false,
            grow_radius_mm: 30.0,
            scissors: ScissorsMode::default(),
            scissors_click: false,
            scissors_slab: None,
            copies_all: false,
        }
    }
}
