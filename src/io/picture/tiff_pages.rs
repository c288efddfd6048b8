//! Masks as TIFF, a page for each slice.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use image::ImageFormat;
use tiff::TiffError;
use tiff::encoder::colortype::{Gray8, Gray16};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, TiffKind};

use super::read_volume;
use crate::domain::LabelMap;
use crate::io::replace::replace;
use crate::io::{Error, ids};
use crate::monitor::Monitor;

/// Files from this size on need larger offsets; headers take some of it.
const MAX_PLAIN_BYTES: usize = 4_000_000_000;

/// Writes labels as `.tif`: ids as grey levels of 8 bits where all fit, else of 16.
///
/// # Errors
/// What the system reports; a file that was there before is then untouched.
pub(in crate::io) fn write_labels(path: &Path, labels: &LabelMap, monitor: &dyn Monitor) -> Result<(), Error> {
    let write = |file: &mut File| {
        let mut file = BufWriter::new(file);
        let failed = |error| failed(path, error);
        if labels.grid().n_voxels() > MAX_PLAIN_BYTES / 2 {
            write_pages(TiffEncoder::new_big(&mut file).map_err(failed)?, labels, path, monitor)?;
        } else {
            write_pages(TiffEncoder::new(&mut file).map_err(failed)?, labels, path, monitor)?;
        }
        file.flush().map_err(|error| Error::writing(path, error))
    };
    replace(path, write, |written| {
        let read = read_volume(written, ImageFormat::Tiff, monitor);
        ids::check(&[labels], path, read.map(|read| read.volume))
    })
}

fn write_pages<K: TiffKind>(
    encoder: TiffEncoder<&mut BufWriter<&mut File>, K>,
    labels: &LabelMap,
    path: &Path,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let mut encoder = encoder.with_compression(Compression::Deflate(DeflateLevel::Balanced));
    let [width, height, n_slices] = labels.grid().shape();
    let is_wide = ids::is_wide(labels);
    let mut page = vec![0; width * height];
    for slice in 0..n_slices {
        monitor.report("Writing", slice as u64, n_slices as u64)?;
        labels.copy_range(slice * page.len(), &mut page);
        let (width, height) = (width as u32, height as u32);
        let written = if is_wide {
            encoder.write_image::<Gray16>(width, height, &page)
        } else {
            let narrow: Vec<u8> = page.iter().map(|&id| id as u8).collect();
            encoder.write_image::<Gray8>(width, height, &narrow)
        };
        written.map_err(|error| failed(path, error))?;
    }
    Ok(())
}

fn failed(path: &Path, error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) => Error::writing(path, error),
        other => Error::writing(path, std::io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::{Grid, LabelMap, LabelTable};
    use crate::io::{read_labels, write_labels};
    use crate::monitor::Silent;

    proptest! {
        #[test]
        fn slices_come_back_as_pages(ids in prop::collection::vec(any::<u16>(), 24), most in prop::sample::select(vec![1_u16, 255, 65535])) {
            let ids: Vec<u16> = ids.into_iter().map(|id| id % most).collect();
            let labels = LabelMap::new(Grid::picture([3, 4, 2], None).unwrap(), ids).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.tiff");
            write_labels(&path, &labels, &LabelTable::default(), None, &Silent).unwrap();
            let read = read_labels(&path, &Silent).unwrap().labels;
            prop_assert_eq!((read.grid(), read.to_ids()), (labels.grid(), labels.to_ids()));
        }
    }
}
