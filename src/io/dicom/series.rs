//! Slices put together: grouped by series, sorted by place, with gaps and doubles reported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glam::{DAffine3, DMat3, DVec3};

use super::head::{Head, Place, Rescale};
use super::open::start;
use super::{is_dicom, name, pixels, seg};
use crate::domain::{FrameTimes, Grid, Scaling, Volume, Voxels};
use crate::io::metaimage::RAS_FROM_LPS;
use crate::io::{Error, ReadVolume};
use crate::monitor::Monitor;

/// How far, as a part of the usual step, a step may differ from it.
const UNEVEN: f64 = 0.02;

/// How far a slice may lie beside the line of the others, in millimetres.
const BESIDE_MM: f64 = 0.5;

/// The most slices that a gap is filled with.
const MAX_MISSING: usize = 1000;

/// Reads a file with the series that it belongs to, or the largest series of a folder.
///
/// # Errors
/// [`Error`], of the first file that cannot be read.
pub(in crate::io) fn read_volume(path: &Path, monitor: &dyn Monitor) -> Result<ReadVolume, Error> {
    let mut warnings = Vec::new();
    let heads = heads(path, monitor, &mut warnings)?;
    if heads[0].is_segmentation() {
        return seg::read_volume(&heads[0], None, monitor, warnings);
    }
    let name = name(&heads[0]);
    let stack = Stack::of(heads, &mut warnings, path)?;
    let volume = stack.read(monitor, &mut warnings, path)?;
    Ok(ReadVolume { volume, header: None, table: None, name: Some(name), warnings })
}

/// The files that `path` stands for: itself, its series or the largest one of a folder. At least one.
pub(super) fn heads(path: &Path, monitor: &dyn Monitor, warnings: &mut Vec<String>) -> Result<Vec<Head>, Error> {
    let heads = if path.is_dir() { largest_series(path, monitor, warnings)? } else { series_of(path, monitor)? };
    match heads.is_empty() {
        true => Err(Error::Dicom { reason: "the folder has no DICOM images".to_owned(), path: path.to_owned() }),
        false => Ok(heads),
    }
}

/// The DICOM files of a folder, each looked into as it is asked for.
pub(super) fn files(folder: &Path) -> Result<impl Iterator<Item = PathBuf>, Error> {
    let entries = folder.read_dir().map_err(|error| Error::reading(folder, error))?;
    let paths = entries.collect::<Result<Vec<_>, _>>().map_err(|error| Error::reading(folder, error))?;
    Ok(paths
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && start(path).is_ok_and(|start| is_dicom(&start))))
}

/// Every image of a folder by its series.
fn by_series(folder: &Path, monitor: &dyn Monitor, unread: &mut usize) -> Result<BTreeMap<String, Vec<Head>>, Error> {
    let mut files: Vec<PathBuf> = files(folder)?.collect();
    files.sort();
    let mut series: BTreeMap<String, Vec<Head>> = BTreeMap::new();
    for (n, file) in files.iter().enumerate() {
        monitor.report("Looking through the folder", n as u64, files.len() as u64)?;
        match Head::read(file) {
            Ok(head) => series.entry(head.series.clone()).or_default().push(head),
            Err(_) => *unread += 1,
        }
    }
    Ok(series)
}

fn largest_series(folder: &Path, monitor: &dyn Monitor, warnings: &mut Vec<String>) -> Result<Vec<Head>, Error> {
    let mut unread = 0;
    let all = by_series(folder, monitor, &mut unread)?;
    if unread > 0 {
        warnings.push(format!("{unread} DICOM files of the folder hold no image and were left out."));
    }
    let n_images = |heads: &Vec<Head>| heads.iter().map(|head| head.n_frames).sum::<usize>();
    // A mask lies over another series, and may have more frames than it.
    let is_image = |heads: &Vec<Head>| !heads.iter().any(Head::is_segmentation);
    let largest =
        all.iter().max_by_key(|(_, heads)| (is_image(heads), n_images(heads))).map(|(series, _)| series.clone());
    let others: Vec<String> = all
        .iter()
        .filter(|(series, _)| Some(*series) != largest.as_ref())
        .filter_map(|(_, heads)| heads.first().map(|first| format!("{} ({} images)", name(first), n_images(heads))))
        .collect();
    if !others.is_empty() {
        let text = others.join(", ");
        warnings.push(format!("The folder holds other series, too: {text}. Open one of their files to see it."));
    }
    Ok(largest
        .and_then(|largest| all.into_iter().find(|(series, _)| *series == largest))
        .map(|(_, heads)| heads)
        .unwrap_or_default())
}

/// The file alone where it has frames or no place; else its whole series in the same folder.
fn series_of(path: &Path, monitor: &dyn Monitor) -> Result<Vec<Head>, Error> {
    let head = Head::read(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if head.n_frames > 1 || head.places.is_empty() || head.series.is_empty() || head.is_segmentation() {
        return Ok(vec![head]);
    }
    let mut series = by_series(folder, monitor, &mut 0)?;
    Ok(series.remove(&head.series).unwrap_or_else(|| vec![head]))
}

/// One frame of one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub file: usize,
    pub frame: usize,
    pub place: Option<Place>,
}

/// Frames in the order of the volume.
pub(super) struct Stack {
    pub files: Vec<Head>,
    /// Slice after slice, time after time; `None` where a slice is missing.
    pub frames: Vec<Option<Frame>>,
    n_slices: usize,
    pub grid: Grid,
}

impl Stack {
    pub fn of(mut files: Vec<Head>, warnings: &mut Vec<String>, path: &Path) -> Result<Self, Error> {
        leave_out_others(&mut files, warnings);
        files.sort_by_key(|head| head.instance);
        let frames = (0..files.len()).flat_map(|file| {
            let places = &files[file].places;
            (0..files[file].n_frames).map(move |frame| Frame { file, frame, place: places.get(frame).copied() })
        });
        let frames: Vec<Frame> = frames.collect();
        let is_placed = frames.iter().all(|frame| frame.place.is_some());
        let columns = if is_placed { columns(&frames, None, warnings) } else { None };
        let failed = |reason: String| Error::Dicom { reason, path: path.to_owned() };
        let [ni, nj] = files[0].size;
        let pixel_mm = files[0].pixel_mm;
        match (columns, frames[0].place) {
            (Some(columns), Some(place)) => {
                let grid = patient_grid(&columns, place, [ni, nj], pixel_mm).map_err(failed)?;
                let n_slices = columns.slices.len();
                let frames = in_order(columns, warnings);
                Ok(Self { files, frames, n_slices, grid })
            }
            _ => {
                // Frames of time, as of an ultrasound, or pictures that say nothing of their place.
                let grid = Grid::picture([ni, nj, 1], pixel_mm.map(|[x, y]| [x, y, 1.0]));
                let grid = grid.map_err(|error| failed(error.to_string()))?;
                Ok(Self { files, frames: frames.into_iter().map(Some).collect(), n_slices: 1, grid })
            }
        }
    }

    /// Reads all pixels, one file after the other.
    fn read(self, monitor: &dyn Monitor, warnings: &mut Vec<String>, path: &Path) -> Result<Volume, Error> {
        let failed = |reason: String| Error::Dicom { reason, path: path.to_owned() };
        let n_pixels = self.files[0].size[0] * self.files[0].size[1];
        let mut by_file = Vec::with_capacity(self.files.len());
        for (file, head) in self.files.iter().enumerate() {
            monitor.report("Reading the series", file as u64, self.files.len() as u64)?;
            let read = pixels::read(head)?;
            by_file.push(read.voxels);
            if let Some(warning) = read.warning.filter(|_| file == 0) {
                warnings.push(warning.to_owned());
            }
        }
        let rescale = self.files[0].rescale;
        let is_even = self.files.iter().all(|head| head.rescale == rescale);
        if !is_even {
            by_file = by_file.into_iter().zip(&self.files).map(|(voxels, head)| scaled(voxels, head.rescale)).collect();
        }
        let voxels = gathered(&self.frames, &by_file, n_pixels)
            .ok_or_else(|| failed("its files hold pixels of different types".to_owned()))?;
        let is_color = matches!(voxels, Voxels::Rgb(_));
        let scaling = match is_even && !is_color {
            true => Scaling { slope: rescale.slope, intercept: rescale.intercept },
            false => Scaling::NONE,
        };
        let n_frames = self.frames.len() / self.n_slices;
        let times = self.times();
        let volume = Volume::new(self.grid, voxels, scaling, n_frames).map_err(|error| failed(error.to_string()))?;
        let volume = volume.with_frame_times(times);
        warnings.extend(volume.frame_times().and_then(|_| self.files[0].timing.warning()));
        Ok(volume)
    }

    /// When its frames in time were taken: by the file that holds them all, or by one file each.
    fn times(&self) -> Option<FrameTimes> {
        if let [file] = self.files.as_slice() {
            return file.timing.times.clone();
        }
        let trigger_s = |frame: &Option<Frame>| Some(self.files[frame.as_ref()?.file].timing.trigger_ms? / 1000.0);
        let times: Option<Vec<f64>> = self.frames.iter().step_by(self.n_slices).map(trigger_s).collect();
        FrameTimes::at(&times?)
    }
}

/// Files of another size than most cannot be in one volume: localizers, reports as pictures.
fn leave_out_others(files: &mut Vec<Head>, warnings: &mut Vec<String>) {
    let kind = |head: &Head| (head.size, head.samples, head.places.is_empty());
    let n_alike = |of: &Head| files.iter().filter(|head| kind(head) == kind(of)).count();
    let Some(most) = files.iter().max_by_key(|head| n_alike(head)).map(kind) else { return };
    let before = files.len();
    files.retain(|head| kind(head) == most);
    if files.len() < before {
        let n_left = before - files.len();
        warnings.push(format!("{n_left} images of the series are of another size or kind and were left out."));
    }
}

/// Frames by their place along the normal.
pub(super) struct Columns {
    /// The slices from the first on, each with its frames in time; empty where one is missing.
    pub slices: Vec<Vec<Frame>>,
    /// Where the first slice lies.
    first: DVec3,
    /// From one slice to the next.
    step: DVec3,
}

/// `None` where the frames are no stack: they lie in one place, or in planes that are not parallel.
///
/// `step_mm` lies between two slices, where the files say so; else what most steps are.
pub(super) fn columns(frames: &[Frame], step_mm: Option<f64>, warnings: &mut Vec<String>) -> Option<Columns> {
    let first = frames.first()?.place?;
    let normal = first.normal().normalize();
    let places = frames.iter().map(|frame| Some((frame.place?.origin.dot(normal), *frame)));
    let mut places: Vec<(f64, Frame)> = places.collect::<Option<_>>()?;
    let is_parallel = |place: &Place| place.normal().normalize().dot(normal) > 0.9999;
    if !places.iter().all(|(_, frame)| frame.place.as_ref().is_some_and(is_parallel)) {
        warnings.push("The slices are not parallel; they are shown one after the other, without a place.".to_owned());
        return None;
    }
    // Stable: frames of one place stay in their order of time.
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut groups: Vec<(f64, Vec<Frame>)> = Vec::new();
    for (at, frame) in places {
        match groups.last_mut() {
            Some((there, group)) if (at - *there).abs() < 1e-3 => group.push(frame),
            _ => groups.push((at, vec![frame])),
        }
    }
    let origin = |group: &(f64, Vec<Frame>)| group.1[0].place.map_or(DVec3::ZERO, |place| place.origin);
    if groups.len() == 1 {
        return Some(Columns {
            first: origin(&groups[0]),
            slices: vec![groups.remove(0).1],
            step: normal * step_mm.unwrap_or(1.0),
        });
    }
    let mut steps: Vec<f64> = groups.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_by(f64::total_cmp);
    let usual = step_mm.unwrap_or(steps[steps.len() / 2]);
    let (start, end) = (origin(&groups[0]), origin(&groups[groups.len() - 1]));
    let along = (end - start) / (groups[groups.len() - 1].0 - groups[0].0);
    warn_of_slant(&groups, start, along, warnings);
    let slices = with_gaps(groups, usual, warnings);
    Some(Columns { slices, first: start, step: along * usual })
}

fn warn_of_slant(groups: &[(f64, Vec<Frame>)], start: DVec3, along: DVec3, warnings: &mut Vec<String>) {
    let beside = |group: &(f64, Vec<Frame>)| {
        let on_line = start + along * (group.0 - groups[0].0);
        group.1[0].place.map_or(0.0, |place| place.origin.distance(on_line))
    };
    let most = groups.iter().map(beside).fold(0.0, f64::max);
    if most > BESIDE_MM {
        warnings.push(format!("The slices do not lie in a line: one is {most:.1} mm beside the others."));
    }
}

/// An empty slice where one is missing; what else is uneven is said.
fn with_gaps(groups: Vec<(f64, Vec<Frame>)>, usual: f64, warnings: &mut Vec<String>) -> Vec<Vec<Frame>> {
    let mut slices: Vec<Vec<Frame>> = Vec::new();
    let (mut missing, mut uneven, mut before): (Vec<usize>, f64, Option<f64>) = (Vec::new(), 0.0, None);
    for (at, group) in groups {
        if let Some(before) = before {
            let n_steps = ((at - before) / usual).round().clamp(1.0, MAX_MISSING as f64);
            uneven = uneven.max(((at - before) / n_steps - usual).abs());
            for _ in 1..n_steps as usize {
                missing.push(slices.len() + 1);
                slices.push(Vec::new());
            }
        }
        slices.push(group);
        before = Some(at);
    }
    if !missing.is_empty() {
        let numbers: Vec<String> = missing.iter().take(10).map(ToString::to_string).collect();
        let more = if missing.len() > 10 { " and more" } else { "" };
        let numbers = numbers.join(", ");
        warnings.push(format!(
            "{} slices are missing (number {numbers}{more}) and shown empty, so that the others keep their place.",
            missing.len()
        ));
    }
    if uneven > UNEVEN * usual {
        warnings
            .push(format!("The slices are not evenly spaced: {usual:.3} mm apart, up to {uneven:.3} mm more or less."));
    }
    slices
}

/// Every slice at the first time, then at the next.
fn in_order(columns: Columns, warnings: &mut Vec<String>) -> Vec<Option<Frame>> {
    let slices = columns.slices;
    let n_times = slices.iter().map(Vec::len).filter(|&n| n > 0).min().unwrap_or(1);
    let n_double: usize = slices.iter().map(|slice| slice.len().saturating_sub(n_times)).sum();
    if n_double > 0 {
        warnings.push(format!("{n_double} slices lie where another one lies and were left out."));
    }
    (0..n_times).flat_map(|time| slices.iter().map(move |slice| slice.get(time).copied()).collect::<Vec<_>>()).collect()
}

pub(super) fn patient_grid(
    columns: &Columns,
    place: Place,
    [ni, nj]: [usize; 2],
    pixel_mm: Option<[f64; 2]>,
) -> Result<Grid, String> {
    let [x, y] = pixel_mm.unwrap_or([1.0; 2]);
    let matrix = DMat3::from_cols(place.along_row.normalize() * x, place.down_column.normalize() * y, columns.step);
    let affine = DAffine3::from_mat3_translation(RAS_FROM_LPS * matrix, RAS_FROM_LPS * columns.first);
    Grid::new([ni, nj, columns.slices.len()], affine).map_err(|error| error.to_string())
}

/// Intensities, where each file has a scale of its own.
fn scaled(voxels: Voxels, rescale: Rescale) -> Voxels {
    let apply = |value: f64| (value * rescale.slope + rescale.intercept) as f32;
    match voxels {
        Voxels::U8(v) => Voxels::F32(v.into_iter().map(|v| apply(f64::from(v))).collect()),
        Voxels::I8(v) => Voxels::F32(v.into_iter().map(|v| apply(f64::from(v))).collect()),
        Voxels::U16(v) => Voxels::F32(v.into_iter().map(|v| apply(f64::from(v))).collect()),
        Voxels::I16(v) => Voxels::F32(v.into_iter().map(|v| apply(f64::from(v))).collect()),
        Voxels::U32(v) => Voxels::F32(v.into_iter().map(|v| apply(f64::from(v))).collect()),
        Voxels::I32(v) => Voxels::F32(v.into_iter().map(|v| apply(f64::from(v))).collect()),
        other => other,
    }
}

/// All frames in order; empty ones hold the smallest value. `None` where files hold different types.
fn gathered(frames: &[Option<Frame>], by_file: &[Voxels], n_pixels: usize) -> Option<Voxels> {
    fn all<'a, T: Copy + 'a>(
        frames: &[Option<Frame>],
        n_pixels: usize,
        nothing: T,
        of: impl Fn(usize) -> Option<&'a [T]>,
    ) -> Option<Vec<T>> {
        let mut all = Vec::with_capacity(frames.len() * n_pixels);
        for frame in frames {
            match frame {
                Some(Frame { file, frame, .. }) => {
                    all.extend_from_slice(of(*file)?.get(frame * n_pixels..(frame + 1) * n_pixels)?);
                }
                None => all.resize(all.len() + n_pixels, nothing),
            }
        }
        Some(all)
    }
    macro_rules! gather {
        ($($kind:ident: $nothing:expr),*) => {
            match by_file.first()? {
                $(Voxels::$kind(first) => {
                    let nothing = first.iter().copied().reduce($nothing).unwrap_or_default();
                    let of = |file: usize| match by_file.get(file) {
                        Some(Voxels::$kind(v)) => Some(v.as_slice()),
                        _ => None,
                    };
                    Voxels::$kind(all(frames, n_pixels, nothing, of)?)
                })*
                _ => return None,
            }
        };
    }
    Some(
        gather!(U8: u8::min, I8: i8::min, U16: u16::min, I16: i16::min, U32: u32::min, I32: i32::min, F32: f32::min, Rgb: |_, _| [0; 3]),
    )
}
