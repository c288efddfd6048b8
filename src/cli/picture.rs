//! What can be said on the command line of a picture that its file does not say.

use clap::Args;

use crate::domain::PictureFacts;

/// Flags of every subcommand that opens an image.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Of pictures")]
pub(super) struct PictureArgs {
    /// Read pictures that follow each other, in a folder or a file, as frames of time
    #[arg(long = "frames", conflicts_with = "slices")]
    is_series: bool,
    /// Read them as slices
    #[arg(long)]
    slices: bool,
    /// Width and height of a pixel in millimetres; else as the file says it, or lengths are in pixels
    #[arg(long, value_name = "MM", value_parser = length_from_text)]
    pixel_mm: Option<f64>,
}

impl PictureArgs {
    pub(super) fn facts(self) -> PictureFacts {
        let is_series = (self.is_series || self.slices).then_some(self.is_series);
        PictureFacts { is_series, pixel_mm: self.pixel_mm }
    }
}

fn length_from_text(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(mm) if f64::is_finite(mm) && mm > 0.0 => Ok(mm),
        _ => Err("expected a length in millimetres above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_where_no_flag_is_given() {
        assert_eq!(PictureArgs::default().facts(), PictureFacts::default());
        let slices = PictureArgs { slices: true, ..PictureArgs::default() };
        assert_eq!(slices.facts().is_series, Some(false));
        let frames = PictureArgs { is_series: true, pixel_mm: Some(0.5), ..PictureArgs::default() };
        assert_eq!(frames.facts(), PictureFacts { is_series: Some(true), pixel_mm: Some(0.5) });
    }

    #[test]
    fn a_length_is_a_number_above_0() {
        assert_eq!(length_from_text("0.25"), Ok(0.25));
        for refused in ["0", "-1", "inf", "NaN", "1 mm", ""] {
            assert!(length_from_text(refused).is_err(), "{refused}");
        }
    }
}
