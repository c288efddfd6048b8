//! What the tool is about: volumes, labels and the edits made to them.
//!
//! No files, GPU, threads, widgets or tensors here; every function runs in microseconds or takes a
//! [`Monitor`](crate::monitor::Monitor).

pub mod accept;
pub mod between_frames;
pub mod canvas;
mod change_map;
mod cutout;
pub mod distance;
pub mod edit;
pub mod fill;
mod frame_times;
pub mod frames;
pub mod grid;
pub mod grow;
pub mod history;
mod id_chunks;
pub mod interpolate;
pub mod labels;
pub mod livewire;
pub mod measure;
mod one_label;
pub mod operation;
pub mod over_time;
pub mod paint;
mod palette;
pub mod patch;
pub mod phantom;
mod picture_facts;
pub mod pieces;
mod pixel_size;
pub mod region;
pub mod reshape;
pub mod scissors;
pub mod similar;
pub mod slice_copy;
mod slices;
pub mod table_change;
#[cfg(test)]
mod tools_tests;
mod units;
pub mod volume;
mod voxel_box;
mod voxel_set;

pub use edit::Edit;
pub use frame_times::FrameTimes;
pub use frames::{FrameEdits, FrameLabels};
pub use grid::{Convention, Grid, GridError, Plane, Space};
pub use history::History;
pub use labels::{Label, LabelMap, LabelTable};
pub use palette::Palette;
pub use picture_facts::{PictureFacts, PictureFactsError};
pub use slices::OneSlice;
pub use units::Units;
pub use volume::{Scaling, Volume, Voxels, Window};
