//! How long each drawing tool takes on a CT of 512×512×600 voxels, and what its undo step weighs.
//!
//! ```text
//! cargo bench --bench tools
//! ```
//!
//! Prints, for each tool: milliseconds a gesture (median and 99th percentile), voxels changed, bytes of the undo step, and
//! bytes a voxel; then what a thousand strokes weigh together.

use std::error::Error;
use std::time::Instant;

use ldseg::domain::grid::SliceAxes;
use ldseg::domain::grow::{GrowSettings, region_grow};
use ldseg::domain::paint::{Brush, BrushShape, BrushSize, Canvas, IntensityRange};
use ldseg::domain::scissors::{ScissorsMode, scissors};
use ldseg::domain::slice_copy::copy_slice;
use ldseg::domain::{Edit, Grid, History, LabelMap, LabelTable, Scaling, Volume, Voxels, fill};
use ldseg::monitor::Silent;

const SHAPE: [usize; 3] = [512, 512, 600];
const AXIAL: SliceAxes = SliceAxes { right: 0, down: 1, through: 2, flip_right: false, flip_down: false };
const N_GESTURES: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let volume = synthetic_ct()?;
    let table = LabelTable::default();
    println!(
        "{:<34} {:>9} {:>9} {:>10} {:>10} {:>9}",
        "gesture", "median ms", "99 % ms", "voxels", "undo B", "B / voxel"
    );
    brushes(&volume, &table);
    fills(&volume, &table);
    slices(&volume, &table);
    a_thousand_strokes(&volume, &table);
    Ok(())
}

fn brushes(volume: &Volume, table: &LabelTable) {
    for (name, size, through) in [
        ("brush, disc of 41 voxels", BrushSize::Voxels(41.0), Some(2)),
        ("brush, ball of 41 voxels", BrushSize::Voxels(41.0), None),
        ("brush, ball of 30 mm", BrushSize::Mm(30.0), None),
    ] {
        let brush = Brush { shape: BrushShape::Round, size, through };
        measure(name, volume, |labels, at| {
            brush.draw(&Canvas::new(labels, table), at, [at[0] + 6, at[1] + 4, at[2]], 1)
        });
    }
    let brush = Brush { shape: BrushShape::Round, size: BrushSize::Voxels(41.0), through: None };
    measure("  within a range of intensities", volume, |labels, at| {
        let range = IntensityRange { volume, frame: 0, low: 40.0, high: 60.0 };
        brush.draw(&Canvas::new(labels, table).within(range), at, at, 1)
    });
    measure("  adaptive", volume, |labels, at| brush.draw_similar(&Canvas::new(labels, table), volume, 0, 40.0, at, 1));
}

fn fills(volume: &Volume, table: &LabelTable) {
    measure("polygon, 100 pixels across", volume, |labels, [i, j, k]| {
        let circle = |n: usize| (n as f64 * std::f64::consts::TAU / 64.0).sin_cos();
        let vertices: Vec<[f64; 2]> =
            (0..64).map(circle).map(|(sin, cos)| [i as f64 + 50.0 * cos, j as f64 + 50.0 * sin]).collect();
        fill::polygon(&Canvas::new(labels, table), &AXIAL, k, &vertices, 1)
    });
    measure("scissors, through 600 slices", volume, |labels, [i, j, _]| {
        let (x, y) = (i as f64, j as f64);
        let vertices = [[x - 20.5, y - 20.5], [x + 20.5, y - 20.5], [x + 20.5, y + 20.5], [x - 20.5, y + 20.5]];
        scissors(&Canvas::new(labels, table), &AXIAL, 0..600, &vertices, ScissorsMode::FillInside, 1)
    });
    measure("bucket, a slice", volume, |labels, at| {
        fill::bucket(&Canvas::new(labels, table), at, Some(2), 1, &Silent).ok().flatten()
    });
    for (name, through) in [("grow, in a slice", Some(2)), ("grow, 100,000 voxels in space", None)] {
        let settings = GrowSettings { tolerance: 40.0, through, max_voxels: 100_000, max_radius_mm: None };
        measure(name, volume, |labels, at| {
            let grown = region_grow(&Canvas::new(labels, table), volume, 0, at, &settings, 1, &Silent);
            grown.ok().flatten().map(|grown| grown.edit)
        });
    }
}

fn slices(volume: &Volume, table: &LabelTable) {
    let brush = Brush { shape: BrushShape::Round, size: BrushSize::Voxels(101.0), through: Some(2) };
    let mut history = History::new(LabelMap::empty(volume.grid().clone()));
    for at in (0..600).map(|k| [256, 256, k]) {
        let edit = brush.draw(&Canvas::new(history.labels(), table), at, at, 1 + (at[2] % 2) as u16);
        edit.into_iter().for_each(|edit| history.apply(edit));
    }
    let labels = history.labels().clone();
    measure_on("copy slice", &labels, |labels, [_, _, k]| copy_slice(&Canvas::new(labels, table), 2, k, k + 1, None));
}

/// Strokes of 40 dabs each, as a hand makes them, through the whole of the history.
fn a_thousand_strokes(volume: &Volume, table: &LabelTable) {
    let brush = Brush { shape: BrushShape::Round, size: BrushSize::Voxels(21.0), through: None };
    let mut history = History::new(LabelMap::empty(volume.grid().clone()));
    for stroke in 0..1000 {
        let start = place(stroke);
        let mut from = start;
        for dab in 1..=40 {
            let to = [start[0] + dab, start[1] + dab * dab / 40, start[2]];
            let edit = brush.draw(&Canvas::new(history.labels(), table), from, to, 1 + (stroke % 5) as u16);
            edit.into_iter().for_each(|edit| history.stage(edit));
            from = to;
        }
        history.commit();
    }
    let mb = history.bytes() as f64 / (1 << 20) as f64;
    println!(
        "\n1000 strokes of 40 dabs, ball of 21 voxels: {} can be undone, {mb:.1} MB of 256 MB",
        history.n_applied()
    );
}

fn measure(name: &str, volume: &Volume, gesture: impl Fn(&LabelMap, [usize; 3]) -> Option<Edit>) {
    measure_on(name, &LabelMap::empty(volume.grid().clone()), gesture);
}

/// Makes gestures one after the other, each on what the ones before left, while somebody else holds a snapshot.
fn measure_on(name: &str, labels: &LabelMap, gesture: impl Fn(&LabelMap, [usize; 3]) -> Option<Edit>) {
    let mut history = History::new(labels.clone());
    let (mut times_ms, mut n_voxels, mut n_bytes) = (Vec::new(), 0, 0);
    for n in 0..N_GESTURES {
        let snapshot = history.shared();
        let started = Instant::now();
        if let Some(edit) = gesture(history.labels(), place(n)) {
            (n_voxels, n_bytes) = (n_voxels + edit.n_voxels(), n_bytes + edit.bytes());
            history.stage(edit);
        }
        times_ms.push(started.elapsed().as_secs_f64() * 1e3);
        history.commit();
        drop(snapshot);
    }
    assert!(n_voxels > 0, "{name} changed nothing");
    times_ms.sort_unstable_by(f64::total_cmp);
    let [median, slow] = [0.5, 0.99].map(|part| times_ms[((N_GESTURES - 1) as f64 * part) as usize]);
    let [voxels, bytes] = [n_voxels, n_bytes].map(|n| n / N_GESTURES);
    let each = n_bytes as f64 / n_voxels as f64;
    println!("{name:<34} {median:>9.2} {slow:>9.2} {voxels:>10} {bytes:>10} {each:>9.2}");
}

/// Somewhere in the body.
fn place(n: usize) -> [usize; 3] {
    [180 + n * 7 % 120, 180 + n * 13 % 110, 60 + n * 29 % 480]
}

/// Air around a cylinder of tissue.
fn synthetic_ct() -> Result<Volume, Box<dyn Error>> {
    let is_inside = |[i, j]: [usize; 2]| {
        let radius = |at: usize| (at as f64 / 512.0 - 0.5) / 0.4;
        radius(i).powi(2) + radius(j).powi(2) < 1.0
    };
    let mut voxels = Vec::with_capacity(SHAPE.iter().product());
    for k in 0..SHAPE[2] {
        for j in 0..SHAPE[1] {
            voxels
                .extend((0..SHAPE[0]).map(|i| if is_inside([i, j]) { 40 + ((i * j + k) % 32) as i16 } else { -1000 }));
        }
    }
    let grid = Grid::axis_aligned(SHAPE, [0.8, 0.8, 1.0])?;
    Ok(Volume::new(grid, Voxels::I16(voxels), Scaling::NONE, 1)?)
}
