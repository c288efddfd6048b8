//! Controls that several panels share. Each has an accessible name.

mod button;
mod icon;
pub mod plot;
mod range;
mod slider;
mod text;

pub use self::button::{
    command_button, command_icon, command_item, icon_button, main_button, overlay_button, segmented, small_icon,
};
pub use self::icon::{Icon, paint as paint_icon};
pub use self::range::range_histogram;
pub use self::slider::slice_slider;
pub use self::text::{caption_row, fold_heading, named_row, note, section, swatch};
