//! `ldseg sweep size`: time against image size (LDSeg's figure 6b, at 50 steps).

use clap::Args;
use serde_json::json;

use super::{Bench, CaseMonitor, Common};
use crate::config::{SamplerKind, steps_from_text};
use crate::domain::{Grid, Scaling, Volume, Voxels};
use crate::evaluation::steps::StepPlan;
use crate::evaluation::table::Table;
use crate::training::cases::LabelledImage;

/// Arguments of `ldseg sweep size`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Cubes of the given edges are filled with the case again and again, at the model's voxel size, and \
    segmented in one piece whatever the model was trained on: a measurement of time, not of accuracy. Planar models get one \
    slice.\n\n\
    Example:\n  ldseg sweep size --data msd_hippocampus --cases 1 --sizes 16,32,48 --csv size.csv"
)]
pub(super) struct SizeArgs {
    #[command(flatten)]
    common: Common,
    /// Edges in voxels
    #[arg(long, value_delimiter = ',', default_value = "16,24,32,40,48,56,64", value_parser = clap::value_parser!(u16).range(8..=1024))]
    sizes: Vec<u16>,
    /// Numbers of steps K, each 1 to 1000
    #[arg(long, value_delimiter = ',', default_value = "50", value_parser = steps_from_text)]
    steps: Vec<usize>,
    /// Runs of each, all of which are written down; the first one of a size may warm up
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    repeats: u64,
}

pub(super) fn run(args: &SizeArgs) -> anyhow::Result<()> {
    let settings = json!({ "sizes": args.sizes, "steps": args.steps, "repeats": args.repeats });
    let bench = Bench::new("size", &args.common, settings)?;
    let columns = ["model", "edge_voxels", "steps", "case", "repeat", "encode_s", "denoise_s", "decode_s", "total_s"];
    let n_runs = args.repeats * (bench.models.len() * args.sizes.len() * args.steps.len()) as u64;
    let measure = |case_idx: usize, image: &LabelledImage, monitor: &CaseMonitor<'_>, table: &mut Table| {
        let plan = StepPlan {
            samplers: vec![SamplerKind::Ddim],
            steps: args.steps.clone(),
            seed: args.common.seed + case_idx as u64,
        };
        for model in &bench.models {
            let input = &model.segmenter.config().input;
            let is_planar = model.segmenter.config().is_planar();
            for edge in args.sizes.iter().map(|&edge| usize::from(edge)) {
                let shape = [edge, edge, if is_planar { 1 } else { edge }];
                let volume = tiled(&image.volume, shape, input.spacing_mm)?;
                let segmenter = model.segmenter.clone().with_max_shape([shape[2], edge, edge]);
                for repeat in 0..args.repeats {
                    plan.run(&segmenter, (&volume, 0, None), monitor, &mut |run| {
                        let (steps, timing) = (run.steps as f64, run.timing);
                        let mut row = vec![model.name.as_str().into(), (edge as f64).into(), steps.into()];
                        row.extend([image.name.as_str().into(), (repeat as f64).into()]);
                        let seconds = [timing.encode_s, timing.denoise_s, timing.decode_s, timing.total_s()];
                        row.extend(seconds.map(Into::into));
                        table.push(row);
                        monitor.advance();
                    })?;
                }
            }
        }
        Ok(())
    };
    let keys = ["model", "edge_voxels", "steps"];
    let summary = |table: &Table| table.summary(&keys, &["encode_s", "denoise_s", "decode_s", "total_s"]);
    bench.run(Table::new(&columns), n_runs, measure, summary)?;
    Ok(())
}

/// An image of `shape` filled with `volume` again and again, with voxels of `spacing_mm`, or of 1 mm.
fn tiled(volume: &Volume, shape: [usize; 3], spacing_mm: Option<[f64; 3]>) -> anyhow::Result<Volume> {
    let [ni, nj, nk] = volume.grid().shape();
    let values = volume.values(0);
    let at = |position: usize| {
        let [i, j, k] = [position % shape[0], position / shape[0] % shape[1], position / (shape[0] * shape[1])];
        values[volume.grid().index([i % ni, j % nj, k % nk])]
    };
    let tiled = (0..shape.iter().product()).map(at).collect();
    let grid = Grid::axis_aligned(shape, spacing_mm.unwrap_or([1.0; 3]))?;
    Ok(Volume::new(grid, Voxels::F32(tiled), Scaling::default(), 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_repeated_until_the_cube_is_full() {
        let grid = Grid::axis_aligned([2, 1, 1], [3.0; 3]).unwrap();
        let volume = Volume::new(grid, Voxels::F32(vec![5.0, 7.0]), Scaling::default(), 1).unwrap();
        let cube = tiled(&volume, [3, 2, 1], Some([1.0, 1.0, 2.0])).unwrap();
        assert_eq!(cube.values(0), [5.0, 7.0, 5.0, 5.0, 7.0, 5.0]);
        assert_eq!(cube.grid().spacing_mm(), [1.0, 1.0, 2.0]);
    }
}
