//! `ldseg view`: the window with files in it, or a picture of it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::picture::PictureArgs;
use crate::app::{self, Start, offscreen};

/// Pixels of a picture where none are asked for.
pub(super) const DEFAULT_SIZE: [u32; 2] = [1440, 900];

/// Smallest and largest side of a picture: below, panels overlap; above, cards refuse the texture.
const SIDES: std::ops::RangeInclusive<u32> = 320..=8192;

/// Arguments of `ldseg view`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
                        ldseg view scan.nii.gz --labels mask.nii.gz\n  \
                        ldseg view scan.nii.gz --labels mask.nii.gz --screenshot out.png --size 1440x900\n  \
                        ldseg view --sample --segment --screenshot segment.png\n  \
                        ldseg view --screenshot start.png")]
pub(super) struct ViewArgs {
    /// Image; without one the start page is shown
    #[arg(value_name = "FILE", num_args = 0..=2)]
    files: Vec<PathBuf>,
    /// Labels on the image
    #[arg(long, value_name = "LABELS")]
    labels: Option<PathBuf>,
    /// Show the built-in sample
    #[arg(long, conflicts_with = "files")]
    sample: bool,
    #[command(flatten)]
    picture: PictureArgs,
    /// Write a picture of the window instead of opening one
    #[arg(long, value_name = "PNG")]
    screenshot: Option<PathBuf>,
    /// Segment before the picture is taken
    #[arg(long, requires = "screenshot")]
    segment: bool,
    /// Width and height of the picture, in pixels
    #[arg(long, value_name = "WxH", default_value = "1440x900", value_parser = size_from_text, requires = "screenshot")]
    size: [u32; 2],
}

pub(super) fn run(args: &ViewArgs) -> anyhow::Result<()> {
    let mut start = start(&args.files, args.picture);
    start.sample = args.sample;
    if args.labels.is_some() {
        start.labels.clone_from(&args.labels);
    }
    match &args.screenshot {
        Some(png) => take(start, args.size, png, args.segment),
        None => app::run(start),
    }
}

/// What opens for a list of files: an image and the labels on it.
pub(super) fn start(files: &[PathBuf], picture: PictureArgs) -> Start {
    let mut files = files.iter().cloned();
    Start { image: files.next(), labels: files.next(), sample: false, facts: picture.facts() }
}

/// Takes a picture of the window.
pub(super) fn take(start: Start, size: [u32; 2], png: &Path, segment: bool) -> anyhow::Result<()> {
    offscreen::screenshot(start, size, png, segment)
}

fn size_from_text(text: &str) -> Result<[u32; 2], String> {
    let (low, high) = (SIDES.start(), SIDES.end());
    let refused = || format!("expected width x height in pixels, each from {low} to {high}, such as 1440x900");
    let (width, height) = text.split_once(['x', 'X', '×']).ok_or_else(refused)?;
    match (width.trim().parse(), height.trim().parse()) {
        (Ok(width), Ok(height)) if SIDES.contains(&width) && SIDES.contains(&height) => Ok([width, height]),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_numbers_within_reason() {
        assert_eq!(size_from_text("1440x900"), Ok([1440, 900]));
        assert_eq!(size_from_text("800 × 600"), Ok([800, 600]));
        for refused in ["", "1440", "0x0", "9000x100", "-5x700", "axb"] {
            assert!(size_from_text(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_first_file_is_the_image_and_the_second_its_labels() {
        let files = ["scan.nii", "mask.nii"].map(PathBuf::from);
        let picture = PictureArgs::default();
        assert_eq!(start(&files, picture).image.as_deref(), Some(Path::new("scan.nii")));
        assert_eq!(start(&files, picture).labels.as_deref(), Some(Path::new("mask.nii")));
        assert_eq!(start(&[], picture), Start::default());
    }
}
