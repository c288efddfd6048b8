//! Interpolation between drawn slices gives real shapes back: every fourth slice of the hippocampus masks is kept, as if a
//! person had drawn only those.

use ldseg::domain::interpolate::between_slices;
use ldseg::domain::{History, LabelMap, LabelTable, paint::Canvas};
use ldseg::evaluation::metrics::dice;
use ldseg::io::read_labels;
use ldseg::monitor::Silent;

use crate::program::data_folder;

/// The mean Dice of both labels after all but every fourth slice across `axis` were erased and interpolated. Nothing is left
/// out: beyond the last slice that was kept nothing can come back, and that counts.
fn recovered(truth: &LabelMap, axis: usize) -> f64 {
    let (grid, ids) = (truth.grid(), truth.to_ids());
    let kept = |(at, &id): (usize, &u16)| if grid.voxel(at)[axis].is_multiple_of(4) { id } else { 0 };
    let drawn = LabelMap::new(grid.clone(), ids.iter().enumerate().map(kept).collect()).unwrap();
    let edit = between_slices(&Canvas::new(&drawn, &LabelTable::default()), &[1, 2], axis, &Silent).unwrap();
    let mut history = History::new(drawn);
    history.apply(edit.expect("slices to fill"));
    let found = history.labels().to_ids();
    [1, 2].map(|id| dice(&ids, &found, id).unwrap()).iter().sum::<f64>() / 2.0
}

#[test]
fn hippocampi_drawn_in_every_fourth_slice_come_back() {
    let Some(folder) = data_folder() else { return };
    let mut paths: Vec<_> =
        std::fs::read_dir(folder.join("msd_hippocampus/labels")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let masks: Vec<LabelMap> = paths.iter().map(|path| read_labels(path, &Silent).unwrap().labels).collect();
    // Across the second axis the two labels lie one behind the other: each loses what lies beyond its last slice kept.
    for (axis, bar) in [(0, 0.90), (1, 0.86), (2, 0.90)] {
        let mean = masks.iter().map(|mask| recovered(mask, axis)).sum::<f64>() / masks.len() as f64;
        println!("every fourth slice across axis {axis}: mean Dice {mean:.4} over {} masks", masks.len());
        assert!(masks.len() >= 40 && mean >= bar, "mean Dice {mean} across axis {axis}");
    }
}
