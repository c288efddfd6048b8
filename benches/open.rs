//! How long a CT takes to open and its slices to draw: 512×512×600 int16, compressed, against inflating the same file
//! with the same library and throwing the bytes away.
//!
//! ```text
//! cargo bench --bench open
//! ```
//!
//! Prints seconds (the best of three), the peak of memory, and milliseconds a slice in each plane.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Instant;

use flate2::bufread::MultiGzDecoder;
use ldseg::domain::{Convention, Grid, LabelMap, Plane, Scaling, Volume, Voxels};
use ldseg::io::nifti::{read_volume, write_labels, write_volume};
use ldseg::io::read_labels;
use ldseg::monitor::Silent;

const SHAPE: [usize; 3] = [512, 512, 600];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (image, mask) = (folder.path().join("ct.nii.gz"), folder.path().join("mask.nii.gz"));
    let n_raw = (SHAPE.iter().product::<usize>() * 2) as u64;
    if let Some(image) = std::env::args().nth(2).filter(|_| std::env::args().nth(1).as_deref() == Some("--peak")) {
        let volume = read_volume(Path::new(&image), &Silent, &mut |_| {})?.volume;
        println!("peak of memory while opening: {:.2} times the voxels", peak(volume.stored_bytes() as u64));
        return Ok(());
    }
    let seconds = best_of(1, || write_volume(&image, &synthetic_ct()?, None, &Silent).map_err(Into::into))?;
    println!("write and check the image   {seconds:6.2} s, {} MB", image.metadata()?.len() >> 20);

    let inflate = best_of(5, || {
        assert!(inflate(&image)? > n_raw);
        Ok(())
    })?;
    println!("inflate it                  {inflate:6.2} s");
    let mut first_slices = f64::INFINITY;
    let open = best_of(5, || {
        let started = Instant::now();
        let mut preview = |_| first_slices = first_slices.min(started.elapsed().as_secs_f64());
        Ok(read_volume(&image, &Silent, &mut preview)?)
    })?;
    println!("open it                     {open:6.2} s, {:.2} times as long", open / inflate);
    println!("first slices shown after    {first_slices:6.3} s");

    let volume = read_volume(&image, &Silent, &mut |_| {})?.volume;
    for plane in [Plane::Axial, Plane::Coronal, Plane::Sagittal] {
        let axes = volume.grid().slice_axes(plane, Convention::Radiological);
        let window = volume.auto_window(0);
        let mut slice = 0;
        let seconds = best_of(40, || {
            slice += 7;
            Ok(volume.slice_rgba(0, &axes, slice, window))
        })?;
        println!("draw a slice, {:<9}    {:6.2} ms", format!("{plane:?}"), seconds * 1e3);
    }
    println!("automatic window            {:6.2} ms", best_of(3, || Ok(volume.auto_window(0)))? * 1e3);

    let labels = blob(volume.grid().clone())?;
    drop(volume);
    println!("write and check labels      {:6.2} s", best_of(1, || Ok(write_labels(&mask, &labels, None, &Silent)?))?);
    println!("read labels                 {:6.2} s", best_of(3, || Ok(read_labels(&mask, &Silent)?))?);

    // In a process of its own, whose peak is that of opening alone.
    let own = std::process::Command::new(std::env::current_exe()?).arg("--peak").arg(&image).output()?;
    print!("{}", String::from_utf8_lossy(&own.stdout));
    Ok(())
}

/// Seconds of the fastest of `n` runs, without dropping what they return.
fn best_of<T>(n: usize, mut run: impl FnMut() -> Result<T, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut best = f64::INFINITY;
    for _ in 0..n {
        let started = Instant::now();
        let result = run()?;
        best = best.min(started.elapsed().as_secs_f64());
        drop(result);
    }
    Ok(best)
}

/// Decompresses a file into one small buffer; returns the bytes.
fn inflate(path: &Path) -> std::io::Result<u64> {
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(256 << 10, File::open(path)?));
    let mut buffer = vec![0; 1 << 20];
    let mut n_bytes = 0;
    loop {
        match decoder.read(&mut buffer)? {
            0 => return Ok(n_bytes),
            n => n_bytes += n as u64,
        }
    }
}

/// The largest that this process has been, in units of `n_bytes`; NaN where the system does not say.
fn peak(n_bytes: u64) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) * 1024.0 / n_bytes as f64
}

/// Air around an ellipsoid of tissue, with noise of some 20 HU.
fn synthetic_ct() -> Result<Volume, Box<dyn Error>> {
    let mut state = 1u32;
    let mut voxels = Vec::with_capacity(SHAPE.iter().product());
    for k in 0..SHAPE[2] {
        for j in 0..SHAPE[1] {
            for i in 0..SHAPE[0] {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 26) as i16 - 32;
                voxels.push(if inside([i, j, k]) { 40 + noise } else { -1000 + noise / 8 });
            }
        }
    }
    let grid = Grid::axis_aligned(SHAPE, [0.8, 0.8, 1.0])?;
    Ok(Volume::new(grid, Voxels::I16(voxels), Scaling::NONE, 1)?)
}

fn inside(voxel: [usize; 3]) -> bool {
    let radius = |axis: usize| (voxel[axis] as f64 / SHAPE[axis] as f64 - 0.5) / 0.4;
    radius(0).powi(2) + radius(1).powi(2) < 1.0 && radius(2).abs() < 1.2
}

fn blob(grid: Grid) -> Result<LabelMap, Box<dyn Error>> {
    let [width, height, depth] = grid.shape();
    let mut ids = Vec::with_capacity(grid.n_voxels());
    for k in 0..depth {
        for j in 0..height {
            ids.extend((0..width).map(|i| u16::from(inside([i, j, k]) && (i / 64 + j / 64 + k / 64) % 3 == 0)));
        }
    }
    Ok(LabelMap::new(grid, ids)?)
}
