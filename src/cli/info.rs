//! `ldseg info`: what an image file says of itself and what the program makes of it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output;
use super::picture::PictureArgs;
use super::session::Session;
use crate::domain::{FrameTimes, Space};
use crate::engine::Opened;

/// Arguments of `ldseg info`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  ldseg info scan.nii.gz\n  ldseg info scan.nii.gz --json")]
pub(super) struct InfoArgs {
    /// Image file
    file: PathBuf,
    #[command(flatten)]
    picture: PictureArgs,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Info<'a> {
    file: &'a Path,
    shape: [usize; 3],
    n_frames: usize,
    /// The last of `shape` counts frames of time.
    is_series: bool,
    /// On the mean; `null` where the file does not say when its frames were taken.
    frames_per_second: Option<f64>,
    /// From the first frame to the last one.
    duration_s: Option<f64>,
    spacing_mm: [f64; 3],
    /// Else spacings are in pixels.
    is_scaled: bool,
    orientation: String,
    obliquity_deg: f64,
    /// Rows of the matrix that gives millimetres (RAS+) from voxel indices.
    world_from_voxel: [[f64; 4]; 4],
    stored_type: &'static str,
    stored_bytes: usize,
    /// Smallest and largest finite intensity of the first frame; `null` for colours.
    range: Option<(f64, f64)>,
    header: serde_json::Map<String, serde_json::Value>,
    warnings: &'a [String],
}

pub(super) fn run(args: &InfoArgs) -> anyhow::Result<()> {
    let mut session = Session::start()?;
    let opened = session.open(&args.file, args.picture)?;
    drop(session);
    let info = Info::of(&args.file, &opened);
    if args.json {
        return output::json(&info);
    }
    output::warnings(&opened.warnings, &args.file);
    Ok(output::line(info.to_text())?)
}

impl<'a> Info<'a> {
    fn of(file: &'a Path, opened: &'a Opened) -> Self {
        let (volume, grid) = (&opened.volume, opened.volume.grid());
        let fields = opened.header.iter().flat_map(|header| header.describe());
        let rows = glam::DMat4::from(grid.world_from_voxel()).transpose().to_cols_array_2d();
        Self {
            file,
            shape: grid.shape(),
            n_frames: volume.n_frames(),
            is_series: grid.is_series(),
            frames_per_second: volume.frame_times().map(FrameTimes::frames_per_second),
            duration_s: volume.frame_times().map(FrameTimes::duration_s),
            spacing_mm: grid.spacing_mm(),
            is_scaled: grid.is_scaled(),
            orientation: match grid.space() {
                Space::Patient => grid.orientation().iter().collect(),
                Space::Picture { .. } => "as stored".to_owned(),
            },
            obliquity_deg: grid.obliquity_deg(),
            world_from_voxel: rows,
            stored_type: volume.voxels().type_name(),
            stored_bytes: volume.stored_bytes(),
            range: volume.range(0),
            header: fields.map(|(name, value)| (name, value.into())).collect(),
            warnings: &opened.warnings,
        }
    }

    fn to_text(&self) -> String {
        let [width, height, depth] = self.shape;
        let [x, y, z] = self.spacing_mm;
        let size = match (self.is_series, self.n_frames) {
            (true, _) => format!("{width} × {height}, {depth} frames"),
            (false, 1) => format!("{width} × {height} × {depth}"),
            (false, n_frames) => format!("{width} × {height} × {depth}, {n_frames} frames"),
        };
        let mut lines = vec![
            format!("{}", self.file.display()),
            format!("voxels        {size}"),
            format!(
                "spacing       {x:.4} × {y:.4} × {z:.4} {}",
                if self.is_scaled { "mm" } else { "(not known: pixels)" }
            ),
            format!("orientation   {}, {:.1}° oblique", self.orientation, self.obliquity_deg),
            format!("stored as     {}, {:.1} MB", self.stored_type, self.stored_bytes as f64 / 1e6),
        ];
        if let (Some(rate), Some(duration_s)) = (self.frames_per_second, self.duration_s) {
            lines.insert(2, format!("time          {duration_s:.3} s from first to last frame, {rate:.3} frames/s"));
        }
        lines.extend(self.range.map(|(low, high)| format!("intensities   {low} to {high}")));
        lines.push("mm from voxel".to_owned());
        lines.extend(
            self.world_from_voxel[..3].iter().map(|[a, b, c, d]| format!("  {a:>11.5}{b:>11.5}{c:>11.5}{d:>12.4}")),
        );
        lines.push("header".to_owned());
        let value = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        lines.extend(self.header.iter().map(|(name, text)| format!("  {name:<12}{}", value(text))));
        lines.join("\n")
    }
}
