//! Reads segmentations as label maps: of one bit a pixel, of fractions, and label maps in one frame a slice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, InMemDicomObject};
use glam::{DAffine3, DVec3};

use super::LABEL_ID;
use super::color::rgb_from_lab;
use super::frames::is_set;
use crate::domain::{Grid, Label, LabelTable, Scaling, Volume, Voxels};
use crate::io::dicom::head::{self, Head, Place};
use crate::io::dicom::open::open;
use crate::io::dicom::series::{Frame, columns, patient_grid};
use crate::io::dicom::{name, pixels, series};
use crate::io::metaimage::RAS_FROM_LPS;
use crate::io::voxels::check_size_on_disk;
use crate::io::{Error, ReadVolume};
use crate::monitor::Monitor;

/// How far the pixels of a frame may lie from voxels, in voxels.
const NEAR: f64 = 0.1;

/// Reads labels for an image on `grid`: a segmentation is laid on it, where its frames lie there.
///
/// # Errors
/// As [`series::read_volume`].
pub(in crate::io) fn read_labels_on(path: &Path, grid: &Grid, monitor: &dyn Monitor) -> Result<ReadVolume, Error> {
    if path.is_file() {
        let head = Head::read(path)?;
        if head.is_segmentation() {
            return read_volume(&head, Some(grid), monitor, Vec::new());
        }
    }
    series::read_volume(path, monitor)
}

/// Reads a segmentation as a volume of ids, on `grid` where its frames lie there, else on a grid of its own around its frames.
///
/// # Errors
/// [`Error::Dicom`]: it does not say where its frames lie or what they hold, or has too few pixels; [`Error::ClaimsTooMuch`] and
/// [`Error::TooLarge`].
pub(in crate::io::dicom) fn read_volume(
    head: &Head,
    grid: Option<&Grid>,
    monitor: &dyn Monitor,
    mut warnings: Vec<String>,
) -> Result<ReadVolume, Error> {
    let failed = |reason: &str| Error::Dicom { reason: reason.to_owned(), path: head.path.clone() };
    let object = open(&head.path, None)?;
    let unplaced = || failed("its frames do not say where they lie, or do not lie side by side");
    let times: Option<Vec<usize>> = (0..head.n_frames).map(|frame| time_of(&object, frame)).collect();
    let lies = |grid: &Grid| lies(head, grid, times.as_deref());
    let (grid, lies) = match grid.and_then(|grid| Some((grid.clone(), lies(grid)?))) {
        Some(found) => found,
        None => {
            let grid = own_grid(head, times.as_deref()).ok_or_else(unplaced)?;
            let lies = lies(&grid).ok_or_else(unplaced)?;
            (grid, lies)
        }
    };
    if lies.len() != head.n_frames {
        return Err(unplaced());
    }
    check_size_on_disk(&head.path, 2 * grid.n_voxels() as u64)?;
    let (numbered, table) = segments(&object);
    let stored = Stored::of(&object, head)?;
    let mut ids = vec![0_u16; grid.n_voxels()];
    let [ni, nj] = head.size;
    let mut n_double = 0;
    for (frame, lie) in lies.iter().enumerate() {
        monitor.report("Reading the segmentation", frame as u64, lies.len() as u64)?;
        let id = match stored {
            Stored::Ids(_) => 0,
            _ => segment_of(&object, frame)
                .and_then(|number| numbered.get(&number).copied())
                .ok_or_else(|| failed(&format!("frame {} belongs to no segment", frame + 1)))?,
        };
        for (row, column) in (0..nj).flat_map(|row| (0..ni).map(move |column| (row, column))) {
            // Most pixels of a mask are outside: nothing to place.
            let id = stored.id((frame * nj + row) * ni + column, id);
            if id == 0 {
                continue;
            }
            let voxel = &mut ids[grid.index(lie.voxel([column, row]))];
            match *voxel {
                0 => *voxel = id,
                there => n_double += usize::from(there != id),
            }
        }
    }
    warnings.extend(stored.warning().map(str::to_owned));
    if n_double > 0 {
        warnings.push(format!("{n_double} voxels belong to more than one segment; the first one was kept."));
    }
    let volume = Volume::new(grid, Voxels::U16(ids), Scaling::NONE, 1).map_err(|error| failed(&error.to_string()))?;
    Ok(ReadVolume { volume, header: None, table: Some(table), name: Some(name(head)), warnings })
}

/// Where all frames lie on a grid, whose frames of time they may be; `None` where one lies elsewhere.
fn lies(head: &Head, grid: &Grid, times: Option<&[usize]>) -> Option<Vec<Lie>> {
    let of_one_time = grid.of_one_time();
    let lies = head.places.iter().map(|place| Lie::of(place, head, &of_one_time));
    if !grid.is_series() {
        return lies.collect();
    }
    let at = |(lie, &time): (Option<Lie>, &usize)| {
        let Lie { first: [i, j, _], per_column, per_row } = lie?;
        (time < grid.shape()[2]).then_some(Lie { first: [i, j, time as i64], per_column, per_row })
    };
    lies.zip(times?).map(at).collect()
}

/// Where the pixels of a frame lie among the voxels of a grid.
struct Lie {
    first: [i64; 3],
    per_column: [i64; 3],
    per_row: [i64; 3],
}

impl Lie {
    /// `None` where they lie beside the voxels, or outside.
    fn of(place: &Place, head: &Head, grid: &Grid) -> Option<Self> {
        let [dx, dy] = head.pixel_mm?;
        let voxel_from_lps = grid.voxel_from_world() * DAffine3::from_mat3(RAS_FROM_LPS);
        let first = voxel_from_lps.transform_point3(place.origin);
        let right = voxel_from_lps.transform_vector3(place.along_row.normalize() * dx);
        let down = voxel_from_lps.transform_vector3(place.down_column.normalize() * dy);
        let is_step = |step: DVec3| step.round().length_squared() == 1.0;
        let (columns, rows) = ((head.size[0] - 1) as f64, (head.size[1] - 1) as f64);
        let inside = |at: DVec3| grid.contains(at.to_array().map(|index| index as i64));
        let corners = [(0.0, 0.0), (columns, 0.0), (0.0, rows), (columns, rows)];
        let is_near = corners.into_iter().all(|(column, row)| {
            let whole = first.round() + right.round() * column + down.round() * row;
            inside(whole) && whole.distance(first + right * column + down * row) < NEAR
        });
        let whole = |v: DVec3| v.round().to_array().map(|index| index as i64);
        (is_step(right) && is_step(down) && is_near).then(|| Self {
            first: whole(first),
            per_column: whole(right),
            per_row: whole(down),
        })
    }

    fn voxel(&self, [column, row]: [usize; 2]) -> [usize; 3] {
        // Corners lie inside, and so does what is between them.
        std::array::from_fn(|axis| {
            (self.first[axis] + self.per_column[axis] * column as i64 + self.per_row[axis] * row as i64) as usize
        })
    }
}

/// Around all frames, with empty slices where there is none; a series where they say their times.
fn own_grid(head: &Head, times: Option<&[usize]>) -> Option<Grid> {
    let frames = head.places.iter().enumerate().map(|(frame, &place)| Frame { file: 0, frame, place: Some(place) });
    let frames: Vec<Frame> = frames.collect();
    // Slices without a label are left out on purpose: nothing to warn of.
    let columns = columns(&frames, head.slice_mm, &mut Vec::new())?;
    let grid = patient_grid(&columns, *head.places.first()?, head.size, head.pixel_mm).ok()?;
    let n_times = times.and_then(|times| times.iter().max()).filter(|_| columns.slices.len() == 1);
    Some(if let Some(last) = n_times { grid.in_time(last + 1) } else { grid })
}

/// Pixels of all frames.
enum Stored {
    /// One bit each.
    Bits(Vec<u8>),
    /// Inside from this value on.
    Fractions(Vec<u8>, u8),
    /// Ids themselves.
    Ids(Vec<u16>),
}

impl Stored {
    fn of(object: &DefaultDicomObject, head: &Head) -> Result<Self, Error> {
        let failed = |reason: &str| Error::Dicom { reason: reason.to_owned(), path: head.path.clone() };
        let n_pixels = head.size[0] as u64 * head.size[1] as u64 * head.n_frames as u64;
        if head::number(object, tags::BITS_ALLOCATED) == Some(1) {
            let data = object.get(tags::PIXEL_DATA).ok_or_else(|| failed("it has no pixels"))?;
            let bits =
                data.to_bytes().map_err(|_| failed("its pixels of one bit are compressed, which is not read"))?;
            if (bits.len() as u64) < n_pixels.div_ceil(8) {
                return Err(failed(&format!("its {} bytes of pixels do not fill its frames", bits.len())));
            }
            return Ok(Self::Bits(bits.into_owned()));
        }
        let is_label_map = head::text(object, tags::SEGMENTATION_TYPE).as_deref() == Some("LABELMAP");
        match (pixels::read(head)?.voxels, is_label_map) {
            (Voxels::U8(values), true) => Ok(Self::Ids(values.into_iter().map(u16::from).collect())),
            (Voxels::U16(values), true) => Ok(Self::Ids(values)),
            (Voxels::U8(values), false) => {
                let most = head::number(object, tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255).clamp(1, 255) as u8;
                Ok(Self::Fractions(values, most.div_ceil(2)))
            }
            (other, _) => Err(failed(&format!("its segments are stored as {}", other.type_name()))),
        }
    }

    /// The id of pixel `at`, of a frame of segment `of_frame`.
    fn id(&self, at: usize, of_frame: u16) -> u16 {
        match self {
            Self::Bits(bits) => of_frame * u16::from(is_set(bits, at)),
            Self::Fractions(values, least) => of_frame * u16::from(values[at] >= *least),
            Self::Ids(ids) => ids[at],
        }
    }

    fn warning(&self) -> Option<&'static str> {
        let text = "The segments are stored as fractions; voxels of one half and more were taken as inside.";
        matches!(self, Self::Fractions(..)).then_some(text)
    }
}

/// Which frame of time a frame is of, from 0.
fn time_of(object: &InMemDicomObject, frame: usize) -> Option<usize> {
    let group = head::item(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame)?;
    let time = head::number(head::item(group, tags::FRAME_CONTENT_SEQUENCE, 0)?, tags::TEMPORAL_POSITION_INDEX)?;
    // More than any series has: nobody lays out a grid of so many.
    usize::try_from(time - 1).ok().filter(|&time| time < 1 << 20)
}

/// The number of the segment that a frame is of.
fn segment_of(object: &InMemDicomObject, frame: usize) -> Option<i64> {
    let of = |group| {
        head::number(head::item(group, tags::SEGMENT_IDENTIFICATION_SEQUENCE, 0)?, tags::REFERENCED_SEGMENT_NUMBER)
    };
    let own = head::item(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame).and_then(of);
    own.or_else(|| head::item(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0).and_then(of))
}

/// The id of each segment by its number, and what they are called. Ids are the segments' numbers, but for files of this program.
fn segments(object: &InMemDicomObject) -> (BTreeMap<i64, u16>, LabelTable) {
    let items: Vec<&InMemDicomObject> = (0..).map_while(|at| head::item(object, tags::SEGMENT_SEQUENCE, at)).collect();
    let (group, creator, element) = LABEL_ID;
    let own = |item: &&InMemDicomObject| item.private_element(group, creator, element).ok()?.to_int::<u16>().ok();
    let own: Option<Vec<u16>> = items.iter().map(own).collect();
    let is_good = |ids: &Vec<u16>| ids.iter().collect::<BTreeSet<_>>().len() == ids.len() && !ids.contains(&0);
    let own = own.filter(is_good);
    let (mut ids, mut table) = (BTreeMap::new(), LabelTable::default());
    for (at, item) in items.into_iter().enumerate() {
        let Some(number) = head::number(item, tags::SEGMENT_NUMBER) else { continue };
        let id = own.as_ref().map_or(number, |own| i64::from(own[at]));
        let Some(id) = u16::try_from(id).ok().filter(|&id| id > 0) else { continue };
        let mut label =
            Label::new(id, head::text(item, tags::SEGMENT_LABEL).unwrap_or_else(|| format!("Segment {number}")));
        let lab = item.get(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE).and_then(|lab| lab.to_multi_int::<u16>().ok());
        if let Some(&[l, a, b]) = lab.as_deref() {
            label.color = rgb_from_lab([l, a, b]);
        }
        ids.insert(number, id);
        table.push(label);
    }
    (ids, table)
}
