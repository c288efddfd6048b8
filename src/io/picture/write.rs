//! Masks as PNG, and back.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use png::{BitDepth, ColorType, Compression, Encoder, PixelDimensions, Unit};

use super::read::open;
use crate::domain::{Grid, LabelMap, LabelTable};
use crate::io::replace::replace;
use crate::io::voxels::check_size_on_disk;
use crate::io::{Error, ids};
use crate::monitor::Monitor;

/// Writes the labels of one slice as `.png`: of 8 bits with the labels' colours as a palette, background clear, where all ids
/// fit; else of 16 bits.
///
/// # Errors
/// [`Error::Slices`] where there is more than one slice; a file that was there before is then untouched.
pub(in crate::io) fn write_labels(
    path: &Path,
    labels: &LabelMap,
    table: &LabelTable,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let n_slices = labels.grid().shape()[2];
    if n_slices > 1 {
        return Err(Error::Slices { n_slices, path: path.to_owned() });
    }
    write_slice(path, labels, (0, ids::is_wide(labels)), table, monitor)
}

/// As [`write_labels`], slice number `slice` of a stack, of 16 bits where `is_wide`.
///
/// # Errors
/// What the system reports; a file that was there before is then untouched.
pub(super) fn write_slice(
    path: &Path,
    labels: &LabelMap,
    (slice, is_wide): (usize, bool),
    table: &LabelTable,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let [width, height, _] = labels.grid().shape();
    let positions = slice * width * height..(slice + 1) * width * height;
    let mut bytes = Vec::new();
    ids::for_each_bytes_of(labels, positions, is_wide, monitor, &mut |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    })?;
    if is_wide {
        // PNG has the higher byte first.
        bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
    }
    let (color, depth) = kind(is_wide);
    let write = |file: &mut File| {
        let mut file = BufWriter::new(file);
        let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_compression(Compression::Balanced);
        encoder.set_pixel_dims(pixel_dims(labels.grid()));
        encoder.set_color(color);
        encoder.set_depth(depth);
        if !is_wide {
            encoder.set_palette(palette(table));
            encoder.set_trns(vec![0]);
        }
        let encoded = encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes));
        let system = |error| Error::writing(path, error);
        encoded.map_err(|error| system(std::io::Error::other(error)))?;
        file.flush().map_err(system)
    };
    replace(path, write, |written| {
        let wrong = |difference: String| Error::ReadBack { difference, path: path.to_owned() };
        let read = stored(written, &[kind(is_wide)]).map_err(|error| wrong(error.to_string()))?;
        if read.is_some_and(|read| read.bytes == bytes) { Ok(()) } else { Err(wrong("its labels differ".to_owned())) }
    })
}

/// How labels are stored.
fn kind(is_wide: bool) -> (ColorType, BitDepth) {
    if is_wide { (ColorType::Grayscale, BitDepth::Sixteen) } else { (ColorType::Indexed, BitDepth::Eight) }
}

/// Whether a file is a PNG as labels are written.
pub(super) fn is_mask(path: &Path) -> bool {
    stored(path, &[kind(false), kind(true)]).is_ok_and(|read| read.is_some())
}

/// Red, green and blue of ids 0 to 255.
fn palette(table: &LabelTable) -> Vec<u8> {
    let color = |id: u16| match (id, table.get(id)) {
        (0, _) => [0; 3],
        (_, Some(label)) => label.color,
        (_, None) => LabelTable::palette(usize::from(id) - 1),
    };
    (0..256).flat_map(color).collect()
}

/// A PNG as it is stored.
struct Stored {
    bytes: Vec<u8>,
    size: [usize; 2],
    /// Red, green, blue of each index.
    palette: Vec<[u8; 3]>,
}

/// The labels of an indexed PNG with its colours, where other readers see the colours alone; `None` for another kind of PNG.
///
/// # Errors
/// [`Error::Picture`] where it is damaged.
pub(in crate::io) fn read_indexed(path: &Path) -> Result<Option<(LabelMap, LabelTable)>, Error> {
    let damaged = |reason: String| Error::Picture { reason, path: path.to_owned() };
    let Some(Stored { bytes, size: [width, height], palette }) = stored(path, &[kind(false)])? else { return Ok(None) };
    let grid = Grid::picture([width, height, 1], None).map_err(|error| damaged(error.to_string()))?;
    let ids = bytes.into_iter().map(u16::from).collect();
    let labels = LabelMap::new(grid, ids).map_err(|error| damaged(error.to_string()))?;
    let mut table = LabelTable::with_ids(&labels.used_ids());
    for label in &mut table.labels {
        label.color = palette.get(usize::from(label.id)).copied().unwrap_or(label.color);
    }
    Ok(Some((labels, table)))
}

/// Decodes a PNG of one of these kinds, `None` another one.
fn stored(path: &Path, kinds: &[(ColorType, BitDepth)]) -> Result<Option<Stored>, Error> {
    let damaged = |error: png::DecodingError| Error::Picture { reason: error.to_string(), path: path.to_owned() };
    let mut decoder = png::Decoder::new(open(path)?);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(damaged)?;
    if !kinds.contains(&reader.output_color_type()) {
        return Ok(None);
    }
    let Some(size) = reader.output_buffer_size() else { return Ok(None) };
    check_size_on_disk(path, size as u64)?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(damaged)?;
    bytes.truncate(info.buffer_size());
    let palette = reader.info().palette.as_deref().unwrap_or_default().as_chunks().0.to_vec();
    Ok(Some(Stored { bytes, size: [info.width as usize, info.height as usize], palette }))
}

/// The size of a pixel, to a metre's whole number of them; `None` where it is not known.
fn pixel_dims(grid: &Grid) -> Option<PixelDimensions> {
    let [xppu, yppu] = [0, 1].map(|axis| (1000.0 / grid.spacing_mm()[axis]).round() as u32);
    (grid.is_scaled() && xppu > 0 && yppu > 0).then_some(PixelDimensions { xppu, yppu, unit: Unit::Meter })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Label;
    use crate::io::{read_labels, write_labels};
    use crate::monitor::Silent;

    fn round_trip(ids: Vec<u16>, name: &str) -> Vec<u16> {
        let grid = Grid::picture([3, 4, 1], None).unwrap();
        let labels = LabelMap::new(grid, ids).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write_labels(&path, &labels, &LabelTable::with_ids(&labels.used_ids()), None, &Silent).unwrap();
        let read = read_labels(&path, &Silent).unwrap().labels;
        assert_eq!(read.grid().differs_from(labels.grid()), None);
        read.to_ids()
    }

    #[test]
    fn the_palette_holds_the_labels_colours() {
        let mut label = Label::new(2, "Cell");
        label.color = [9, 8, 7];
        let colors = palette(&LabelTable { labels: vec![label] });
        assert_eq!((colors.len(), &colors[..3], &colors[6..9]), (768, &[0, 0, 0][..], &[9, 8, 7][..]));
    }

    #[test]
    fn colours_come_back_with_the_labels() {
        let labels = LabelMap::new(Grid::picture([2, 1, 1], None).unwrap(), vec![0, 2]).unwrap();
        let mut table = LabelTable::with_ids(&[2]);
        table.labels[0].color = [9, 8, 7];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write_labels(&path, &labels, &table, None, &Silent).unwrap();
        assert_eq!(read_labels(&path, &Silent).unwrap().table.map(|table| table.labels[0].color), Some([9, 8, 7]));
    }

    #[test]
    fn a_header_that_claims_too_much_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut encoder = Encoder::new(File::create(&path).unwrap(), 1_000_000, 2_000_000_000);
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(vec![0; 6]);
        encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[0x78, 0x9c]).unwrap();
        let error = read_labels(&path, &Silent).unwrap_err();
        assert!(matches!(error, Error::ClaimsTooMuch { .. }), "{error}");
    }

    #[test]
    fn a_stack_is_no_picture() {
        let labels = LabelMap::empty(Grid::picture([2, 2, 2], None).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let error = write_labels(&path, &labels, &LabelTable::default(), None, &Silent).unwrap_err();
        assert!(error.to_string().contains("2 slices"), "{error}");
        assert!(!path.exists());
    }

    proptest! {
        #[test]
        fn ids_come_back_from_a_picture(ids in prop::collection::vec(prop::sample::select(vec![0_u16, 1, 7, 255]), 12)) {
            prop_assert_eq!(round_trip(ids.clone(), "a.png"), ids);
        }

        #[test]
        fn large_ids_come_back_too(ids in prop::collection::vec(any::<u16>(), 12)) {
            prop_assert_eq!(round_trip(ids.clone(), "a.png"), ids);
        }
    }
}
