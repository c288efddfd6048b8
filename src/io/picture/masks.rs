//! Masks of the slices of a stack as a folder with a PNG for each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::folder::{check, folder_of, listing, names_frames, odd};
use super::{read_indexed, write};
use crate::domain::{Grid, Label, LabelMap, LabelTable};
use crate::io::replace::replace_all;
use crate::io::{Error, ReadLabels, ids};
use crate::monitor::Monitor;

/// Writes a PNG of each slice into `folder`, which is made where it is not there. They are called after the pictures that the
/// image was read from, or by their number.
///
/// # Errors
/// [`Error::NoMask`] where other pictures would be lost; until all are written nothing is replaced.
pub(in crate::io) fn write_labels(
    folder: &Path,
    labels: &LabelMap,
    table: &LabelTable,
    image: Option<&Path>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let is_of_image =
        |image: &Path| folder.canonicalize().ok().is_some_and(|to| folder_of(image).canonicalize().ok() == Some(to));
    if image.is_some_and(is_of_image) {
        return Err(Error::NoMask { reason: "the image itself lies in this folder", path: folder.to_owned() });
    }
    let names = names(labels.grid(), image, monitor)?;
    let taken = names.iter().map(|name| folder.join(name)).find(|file| file.exists() && !write::is_mask(file));
    if let Some(path) = taken {
        return Err(Error::NoMask { reason: "one of this name is there and is no mask", path });
    }
    let is_wide = ids::is_wide(labels);
    replace_all(folder, &names, |slice, file| write::write_slice(file, labels, (slice, is_wide), table, monitor))
}

/// A name for each slice.
fn names(grid: &Grid, image: Option<&Path>, monitor: &dyn Monitor) -> Result<Vec<String>, Error> {
    let n_slices = grid.shape()[2];
    if let Some(image) = image.filter(|image| image.is_dir() || super::is_pattern(image)) {
        let (pictures, _) = listing(image, monitor)?;
        let name = |file: &PathBuf| format!("{}.png", file.file_stem().unwrap_or_default().to_string_lossy());
        let names: Vec<String> = pictures.iter().map(|(file, _)| name(file)).collect();
        if names.len() == n_slices && names.iter().collect::<BTreeSet<_>>().len() == n_slices {
            return Ok(names);
        }
    }
    let what = if grid.is_series() { "frame" } else { "slice" };
    Ok((1..=n_slices).map(|n| format!("{what}_{n:04}.png")).collect())
}

/// Whether a picture is one PNG among as many as `grid` has slices: any one of them stands for all of its folder.
pub(in crate::io) fn is_stack(file: &Path, grid: &Grid, monitor: &dyn Monitor) -> bool {
    let n_slices = grid.shape()[2];
    let is_png = |(_, kind): &(PathBuf, ImageFormat)| *kind == ImageFormat::Png;
    n_slices > 1
        && listing(folder_of(file), monitor)
            .is_ok_and(|(pictures, _)| pictures.len() == n_slices && pictures.iter().all(is_png))
}

/// Reads the pictures of a folder, or those that a pattern fits, as labels where their pixels are numbers of colours; `None` where
/// those of the first are not. A label has the colour of the first picture in which it occurs.
///
/// # Errors
/// As [`read_folder`](super::read_folder).
pub(in crate::io) fn read_labels(path: &Path, monitor: &dyn Monitor) -> Result<Option<ReadLabels>, Error> {
    let (pictures, _) = listing(path, monitor)?;
    let Some((first, kind)) = pictures.first() else { return Ok(None) };
    if read_indexed(first, *kind, monitor)?.is_none() {
        return Ok(None);
    }
    let [width, height] = check(&pictures, monitor)?;
    let (mut ids, mut table, mut warnings) = (Vec::new(), LabelTable::default(), Vec::new());
    for (n, (file, kind)) in pictures.iter().enumerate() {
        monitor.report("Reading pictures", n as u64, pictures.len() as u64)?;
        let read = read_indexed(file, *kind, monitor)?.filter(|read| read.labels.grid().shape() == [width, height, 1]);
        let read = read.ok_or_else(|| odd(file, first, "it is no single picture of numbers of colours"))?;
        ids.extend(read.labels.iter());
        let found = read.table.unwrap_or_default().labels.into_iter();
        let new: Vec<Label> = found.filter(|label| table.get(label.id).is_none()).collect();
        table.labels.extend(new);
        warnings.extend(read.warnings);
    }
    table.labels.sort_by_key(|label| label.id);
    let failed = |reason: String| Error::Frames { reason, path: path.to_owned() };
    let grid = Grid::picture([width, height, pictures.len()], None).map_err(|error| failed(error.to_string()))?;
    let grid = if names_frames(&pictures) { grid.in_time(pictures.len()) } else { grid };
    let labels = LabelMap::new(grid, ids).map_err(|error| failed(error.to_string()))?;
    Ok(Some(ReadLabels { labels, later: Vec::new(), table: Some(table), warnings }))
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};
    use proptest::prelude::*;

    use super::*;
    use crate::io::{DrawnOn, read_labels, read_labels_on, write_labels};
    use crate::monitor::Silent;

    fn stack(ids: Vec<u16>) -> (LabelMap, LabelTable) {
        let labels = LabelMap::new(Grid::picture([2, 2, ids.len() / 4], None).unwrap(), ids).unwrap();
        let mut table = LabelTable::with_ids(&labels.used_ids());
        table.labels.iter_mut().for_each(|label| label.color = [label.id as u8, 7, 9]);
        (labels, table)
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            folder.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn masks_are_called_after_the_pictures_of_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("images");
        std::fs::create_dir(&images).unwrap();
        for name in ["b2.bmp", "b10.bmp", "a.bmp"] {
            GrayImage::from_pixel(2, 2, Luma([1])).save(images.join(name)).unwrap();
        }
        let (labels, table) = stack(vec![0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0]);
        let masks = folder.path().join("masks/");
        let of = |image| Some(DrawnOn::File(image));
        write_labels(&masks, &labels, &table, of(&images), &Silent).unwrap();
        assert_eq!(files(&masks), ["a.png", "b10.png", "b2.png"]);
        let second = read_labels(&masks.join("b2.png"), &Silent).unwrap();
        assert_eq!((second.labels.to_ids(), second.table.unwrap().labels[0].color), (vec![0, 0, 2, 0], [2, 7, 9]));
        let pattern = images.join("*.bmp");
        write_labels(&masks, &labels, &table, of(&pattern), &Silent).unwrap();
        assert_eq!(files(&masks).len(), 3, "the same names again");
        let error = write_labels(&images, &labels, &table, of(&images), &Silent).unwrap_err();
        assert!(matches!(error, Error::NoMask { .. }), "{error}");
        assert_eq!(files(&images), ["a.bmp", "b10.bmp", "b2.bmp"]);
    }

    #[test]
    fn pictures_that_are_no_masks_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let photo = folder.path().join("slice_0002.png");
        GrayImage::from_pixel(9, 9, Luma([1])).save(&photo).unwrap();
        let (labels, table) = stack(vec![1; 8]);
        let error = write_labels(folder.path(), &labels, &table, None, &Silent).unwrap_err();
        assert!(error.to_string().contains("slice_0002.png"), "{error}");
        assert_eq!(image::image_dimensions(&photo).unwrap(), (9, 9));
        assert_eq!(files(folder.path()).len(), 1);
    }

    #[test]
    fn one_mask_of_a_folder_stands_for_all_of_its_stack() {
        let folder = tempfile::tempdir().unwrap();
        let masks = folder.path().join("masks/");
        let (labels, table) = stack(vec![0, 1, 0, 0, 0, 0, 2, 0]);
        write_labels(&masks, &labels, &table, None, &Silent).unwrap();
        let any = masks.join("slice_0002.png");
        let read = read_labels_on(&any, labels.grid(), 1, &Silent).unwrap();
        assert_eq!((read.labels.to_ids(), read.table), (labels.to_ids(), Some(table)));
        let picture = Grid::picture([2, 2, 1], None).unwrap();
        assert_eq!(read_labels_on(&any, &picture, 1, &Silent).unwrap().labels.to_ids(), [0, 0, 2, 0]);
    }

    #[test]
    fn masks_of_frames_are_frames_again() {
        let folder = tempfile::tempdir().unwrap();
        let (labels, table) = stack(vec![1; 12]);
        let labels = labels.clone().laid_on(&labels.grid().clone().in_time(3));
        write_labels(folder.path(), &labels, &table, None, &Silent).unwrap();
        assert_eq!(files(folder.path())[0], "frame_0001.png");
        assert!(read_labels(folder.path(), &Silent).unwrap().labels.grid().is_series());
    }

    proptest! {
        #[test]
        fn ids_come_back_from_a_folder(ids in prop::collection::vec(prop::sample::select(vec![0_u16, 1, 7, 255, 300]), 8)) {
            let folder = tempfile::tempdir().unwrap();
            let (labels, table) = stack(ids.clone());
            write_labels(folder.path(), &labels, &table, None, &Silent).unwrap();
            prop_assert_eq!(read_labels(folder.path(), &Silent).unwrap().labels.to_ids(), ids);
        }
    }
}
