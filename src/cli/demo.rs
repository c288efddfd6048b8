//! `ldseg demo`: the main job on a sample that is made on the spot, with the truth to compare with.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::phantom::{self, PhantomArgs};
use super::picture::PictureArgs;
use super::segment::{self, SegmentArgs};
use super::{output, view};
use crate::config::{DeviceChoice, SegmentSettings};
use crate::domain::phantom::PhantomKind;

/// The model that was trained on such samples, never on those from seed 1,000,000 on.
const MODEL: &str = "phantom-3d";

/// Arguments of `ldseg demo`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  ldseg demo\n  ldseg demo --seed 2000003 --out /tmp/sample --screenshot sample.png"
)]
pub(super) struct DemoArgs {
    /// Folder to write image, truth and mask to
    #[arg(long, default_value = "ldseg-demo")]
    out: PathBuf,
    /// Seed of the sample; the model was trained on seeds 0 to 199
    #[arg(long, default_value_t = 2_000_007)]
    seed: u64,
    /// Where the networks run
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Take a picture of the window with the result, too
    #[arg(long, value_name = "PNG")]
    screenshot: Option<PathBuf>,
}

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let [image, truth, mask] = ["image.nii.gz", "truth.nii.gz", "mask.nii.gz"].map(|name| args.out.join(name));
    phantom::run(&PhantomArgs {
        kind: PhantomKind::TwoBodies,
        seed: args.seed,
        output: image.clone(),
        labels: Some(truth.clone()),
    })?;
    output::line("")?;
    segment::run(&SegmentArgs {
        picture: PictureArgs::default(),
        image: image.clone(),
        settings: SegmentSettings { model: MODEL.to_owned(), device: args.device, ..SegmentSettings::default() },
        all_frames: false,
        frame: 0,
        focus: None,
        output: Some(mask.clone()),
        probabilities: None,
        reference: Some(truth),
        json: false,
    })?;
    if let Some(png) = &args.screenshot {
        view::take(view::start(&[image, mask], PictureArgs::default()), view::DEFAULT_SIZE, png, false)?;
        output::line(format!("Picture: {}", png.display()))?;
    }
    Ok(())
}
