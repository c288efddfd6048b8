//! TIFF pictures whose pixels are numbers of colours in a palette.
//!
//! The decoder refuses them, so it is told that they are grey: the file is read with another photometric interpretation in each of
//! its directories, and the palette is applied to the grey levels.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::read::{Pages, check_size, grey_or_rgb, open, tiff_limits};
use crate::domain::{Grid, LabelMap, LabelTable};
use crate::io::{Error, ReadLabels};
use crate::monitor::Monitor;

/// The codes of the photometric interpretation: a palette's, and grey where 0 is black.
const PALETTE: u16 = 3;
const GREY: u16 = 1;

/// The pages of one size, as far as they have palettes.
pub(super) struct Paletted {
    size: [usize; 2],
    pages: Vec<Page>,
    warnings: Vec<String>,
}

struct Page {
    /// Of each pixel, row by row.
    indices: Vec<u16>,
    colors: Vec<[u8; 3]>,
}

/// Reads a TIFF; `None` where the pixels of its first page are no numbers of colours.
///
/// # Errors
/// [`Error`]: it cannot be decoded, or would not fit into memory.
pub(super) fn read(path: &Path, monitor: &dyn Monitor) -> Result<Option<Paletted>, Error> {
    let failed = |error: TiffError| Error::Picture { reason: error.to_string(), path: path.to_owned() };
    if !is_paletted(&mut Decoder::new(open(path)?).map_err(failed)?) {
        return Ok(None);
    }
    let grey = AsGrey::new(open(path)?).map_err(|error| Error::reading(path, error))?;
    let mut decoder = Decoder::new(grey).map_err(failed)?.with_limits(tiff_limits());
    let first = decoder.dimensions().map_err(failed)?;
    let size = [first.0 as usize, first.1 as usize];
    let (mut pages, mut warnings) = (Vec::new(), Vec::new());
    loop {
        monitor.report("Reading pages", pages.len() as u64, 0)?;
        let color = decoder.colortype().map_err(failed)?;
        let map = decoder.get_tag_u16_vec(Tag::ColorMap);
        let (ColorType::Gray(n_bits @ (1 | 2 | 4 | 8 | 16)), Ok(map), true) =
            (color, map, decoder.dimensions().map_err(failed)? == first)
        else {
            warnings.push(format!(
                "Page {} of the TIFF is of another size or kind; it and what follows is left out.",
                pages.len() + 1
            ));
            break;
        };
        check_size(path, first.into(), 3 * (pages.len() as u64 + 1))?;
        let indices = unpacked(decoder.read_image().map_err(failed)?, u32::from(n_bits), size);
        let damaged =
            || Error::Picture { reason: "its pixels are no numbers of colours".to_owned(), path: path.to_owned() };
        pages.push(Page { indices: indices.ok_or_else(damaged)?, colors: colors(&map) });
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(failed)?;
    }
    match pages.is_empty() {
        true => Err(Error::Picture { reason: "it has no palette that can be read".to_owned(), path: path.to_owned() }),
        false => Ok(Some(Paletted { size, pages, warnings })),
    }
}

/// Whether the pixels of the page that the decoder is at are numbers of colours.
pub(super) fn is_paletted<R: Read + Seek>(decoder: &mut Decoder<R>) -> bool {
    let code = decoder.find_tag(Tag::PhotometricInterpretation).ok().flatten();
    code.and_then(|code| code.into_u16().ok()) == Some(PALETTE)
}

impl Paletted {
    /// The colours, grey where all are.
    pub fn into_pages(self) -> Pages {
        let color = |page: &Page| -> Vec<[u8; 3]> {
            page.indices.iter().map(|&at| page.colors.get(usize::from(at)).copied().unwrap_or_default()).collect()
        };
        let voxels = grey_or_rgb(self.pages.iter().flat_map(color).collect());
        Pages { size: self.size, n_pages: self.pages.len(), voxels, times: None, warnings: self.warnings }
    }

    /// The numbers as ids of labels, whose colours are the first page's.
    ///
    /// # Errors
    /// A sentence, where the pages are none of one size.
    pub fn into_labels(self) -> Result<ReadLabels, String> {
        let [width, height] = self.size;
        let grid = Grid::picture([width, height, self.pages.len()], None).map_err(|error| error.to_string())?;
        let ids = self.pages.iter().flat_map(|page| page.indices.iter().copied()).collect();
        let labels = LabelMap::new(grid, ids).map_err(|error| error.to_string())?;
        let mut table = LabelTable::with_ids(&labels.used_ids());
        let palette = &self.pages[0].colors;
        for label in &mut table.labels {
            label.color = palette.get(usize::from(label.id)).copied().unwrap_or(label.color);
        }
        Ok(ReadLabels { labels, later: Vec::new(), table: Some(table), warnings: self.warnings })
    }
}

/// All reds, then all greens, then all blues, of 16 bits; some writers give 8.
fn colors(map: &[u16]) -> Vec<[u8; 3]> {
    let n = map.len() / 3;
    let shift = if map.iter().all(|&part| part < 256) { 0 } else { 8 };
    (0..n).map(|at| [0, 1, 2].map(|part| (map[part * n + at] >> shift) as u8)).collect()
}

/// One number a pixel; several may share a byte, the first in its high bits, and each row begins with a byte.
fn unpacked(pixels: DecodingResult, n_bits: u32, [width, height]: [usize; 2]) -> Option<Vec<u16>> {
    let bytes = match pixels {
        DecodingResult::U16(indices) => return (indices.len() == width * height).then_some(indices),
        DecodingResult::U8(bytes) => bytes,
        _ => return None,
    };
    let n_row_bytes = (width * n_bits as usize).div_ceil(8);
    let of_row = |row: &[u8]| -> Vec<u16> {
        let index = |x: usize| {
            let first_bit = x as u32 * n_bits;
            let byte = u32::from(row[first_bit as usize / 8]);
            (byte >> (8 - n_bits - first_bit % 8) & ((1 << n_bits) - 1)) as u16
        };
        (0..width).map(index).collect()
    };
    (bytes.len() == n_row_bytes * height).then(|| bytes.chunks_exact(n_row_bytes).flat_map(of_row).collect())
}

/// A TIFF in which every palette is said to be grey levels.
struct AsGrey {
    file: BufReader<File>,
    position: u64,
    /// Where the bytes lie that say it.
    said_at: Vec<u64>,
}

impl AsGrey {
    fn new(mut file: BufReader<File>) -> io::Result<Self> {
        let said_at = interpretations(&mut file)?;
        file.rewind()?;
        Ok(Self { file, position: 0, said_at })
    }
}

impl Read for AsGrey {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        let read = self.position..self.position + n as u64;
        for at in self.said_at.iter().filter(|at| read.contains(at)) {
            buffer[(at - read.start) as usize] = GREY as u8;
        }
        self.position = read.end;
        Ok(n)
    }
}

impl Seek for AsGrey {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

/// Where the low byte of each photometric interpretation lies that is a palette's, by the directories of a classic or a big TIFF.
fn interpretations(file: &mut BufReader<File>) -> io::Result<Vec<u64>> {
    let mut start = [0; 4];
    file.read_exact(&mut start)?;
    let is_big_endian = start[0] == b'M';
    let number = |file: &mut BufReader<File>, n_bytes: usize| -> io::Result<u64> {
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes[..n_bytes])?;
        if is_big_endian {
            bytes[..n_bytes].reverse();
        }
        Ok(u64::from_le_bytes(bytes))
    };
    let is_big = start[2] == 43 || start[3] == 43;
    // Bytes of an offset, of the number of entries, and of an entry.
    let (n_offset, n_count, n_entry) = if is_big { (8, 8, 20) } else { (4, 2, 12) };
    if is_big {
        // The size of offsets, which is 8, and a zero.
        number(file, 4)?;
    }
    let mut found = Vec::new();
    let mut directory = number(file, n_offset)?;
    let mut seen = BTreeSet::new();
    // A chain may go round in a circle.
    while directory != 0 && seen.insert(directory) {
        file.seek(SeekFrom::Start(directory))?;
        let n_entries = number(file, n_count)?;
        let entries = directory.saturating_add(n_count as u64);
        for at in (0..n_entries.min(1 << 16)).map(|n| entries.saturating_add(n * n_entry)) {
            file.seek(SeekFrom::Start(at))?;
            if number(file, 2)? == u64::from(Tag::PhotometricInterpretation.to_u16()) {
                // A value of two bytes lies in its entry.
                let value = at + if is_big { 12 } else { 8 };
                file.seek(SeekFrom::Start(value))?;
                if number(file, 2)? == u64::from(PALETTE) {
                    found.push(value + u64::from(is_big_endian));
                }
            }
        }
        file.seek(SeekFrom::Start(entries.saturating_add(n_entries.saturating_mul(n_entry))))?;
        directory = number(file, n_offset)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tiff::encoder::TiffEncoder;
    use tiff::encoder::colortype::Gray8;

    use super::*;
    use crate::domain::Voxels;
    use crate::io::{read_labels, read_volume};
    use crate::monitor::Silent;

    const COLORS: [[u8; 3]; 4] = [[0, 0, 0], [250, 10, 20], [3, 200, 4], [90, 80, 255]];

    fn map(n_bits: u32) -> Vec<u16> {
        let n = 1_usize << n_bits;
        let part = |at: usize| COLORS.get(at % n).map_or(0, |color| u16::from(color[at / n]) * 257);
        (0..3 * n).map(part).collect()
    }

    /// A TIFF of 8 bits with a page for each of these rows of three.
    fn write(path: &Path, pages: &[[u8; 3]]) {
        let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
        for page in pages {
            let mut image = encoder.new_image::<Gray8>(3, 1).unwrap();
            image.encoder().write_tag(Tag::PhotometricInterpretation, PALETTE).unwrap();
            image.encoder().write_tag(Tag::ColorMap, &map(8)[..]).unwrap();
            image.write_data(page).unwrap();
        }
    }

    /// A TIFF of one page, byte by byte.
    fn packed(n_bits: u16, [width, height]: [u16; 2], rows: &[u8], is_big_endian: bool) -> Vec<u8> {
        let short = |n: u16| if is_big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        let long = |n: u32| if is_big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        let map: Vec<u8> = map(n_bits.into()).into_iter().flat_map(short).collect();
        let pixels_at = 8 + map.len() as u32;
        let directory_at = (pixels_at + rows.len() as u32).next_multiple_of(2);
        let entry = |tag: u16, value: u16| [&short(tag)[..], &short(3), &long(1), &short(value), &[0, 0]].concat();
        let far = |tag: u16, kind: u16, n: usize, value: u32| {
            [&short(tag)[..], &short(kind), &long(n as u32), &long(value)].concat()
        };
        let entries = [
            entry(256, width),
            entry(257, height),
            entry(258, n_bits),
            entry(259, 1),
            entry(262, PALETTE),
            far(273, 4, 1, pixels_at),
            entry(277, 1),
            entry(278, height),
            far(279, 4, 1, rows.len() as u32),
            far(320, 3, map.len() / 2, 8),
        ];
        let start: [&[u8]; 2] = [if is_big_endian { b"MM" } else { b"II" }, &short(42)];
        let mut bytes = [&start.concat()[..], &long(directory_at), &map, rows].concat();
        bytes.resize(directory_at as usize, 0);
        bytes.extend(short(entries.len() as u16));
        bytes.extend(entries.concat());
        bytes.extend(long(0));
        bytes
    }

    #[test]
    fn pages_become_colours_and_their_numbers_labels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        write(&path, &[[0, 1, 2], [3, 3, 0]]);
        let volume = read_volume(&path, &Silent, &mut |_| {}).unwrap().volume;
        let expected = [0, 1, 2, 3, 3, 0].map(|at: usize| COLORS[at]);
        assert_eq!((volume.grid().shape(), volume.voxels()), ([3, 1, 2], &Voxels::Rgb(expected.to_vec())));
        let read = read_labels(&path, &Silent).unwrap();
        assert_eq!(read.labels.to_ids(), [0, 1, 2, 3, 3, 0]);
        assert_eq!(read.table.unwrap().get(2).unwrap().color, COLORS[2]);
    }

    #[test]
    fn pages_that_are_left_out_of_a_mask_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        let mut encoder = TiffEncoder::new(File::create(&path).unwrap()).unwrap();
        for size in [3, 2] {
            let mut image = encoder.new_image::<Gray8>(size, 1).unwrap();
            image.encoder().write_tag(Tag::PhotometricInterpretation, PALETTE).unwrap();
            image.encoder().write_tag(Tag::ColorMap, &map(8)[..]).unwrap();
            image.write_data(&vec![1; size as usize]).unwrap();
        }
        let read = read_labels(&path, &Silent).unwrap();
        assert_eq!(read.labels.to_ids(), [1, 1, 1]);
        assert!(read.warnings[0].starts_with("Page 2 of the TIFF"), "{:?}", read.warnings);
    }

    #[test]
    fn directories_that_go_round_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        let mut bytes = packed(8, [3, 1], &[0, 1, 2], false);
        let n = bytes.len();
        let directory = bytes[4..8].to_owned();
        bytes[n - 4..].copy_from_slice(&directory);
        std::fs::write(&path, bytes).unwrap();
        let found = interpretations(&mut BufReader::new(File::open(&path).unwrap())).unwrap();
        assert_eq!(found.len(), 1);
        assert!(read(&path, &Silent).is_err(), "more pages than such a file can hold");
    }

    #[test]
    fn a_folder_of_such_pictures_is_a_stack() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("1.tif"), &[[0, 1, 2]]);
        write(&folder.path().join("2.tif"), &[[2, 1, 0]]);
        let volume = read_volume(folder.path(), &Silent, &mut |_| {}).unwrap().volume;
        assert_eq!((volume.grid().shape(), volume.color(0, [0, 0, 1])), ([3, 1, 2], Some([3, 200, 4, 255])));
    }

    proptest! {
        #[test]
        fn numbers_of_few_bits_are_unpacked(
            indices in prop::collection::vec(0_u8..4, 14), n_bits in prop::sample::select(vec![2_u16, 4, 8]), is_big_endian: bool,
        ) {
            let per_byte = 8 / n_bits as usize;
            let pack = |pixels: &[u8]| {
                pixels.iter().enumerate().fold(0_u8, |byte, (at, &index)| byte | index << (8 - n_bits as usize * (at + 1)))
            };
            let rows: Vec<u8> = indices.chunks(7).flat_map(|row| row.chunks(per_byte).map(pack)).collect();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.tif");
            std::fs::write(&path, packed(n_bits, [7, 2], &rows, is_big_endian)).unwrap();
            let read = read(&path, &Silent).unwrap().unwrap();
            let expected: Vec<u16> = indices.iter().map(|&index| u16::from(index)).collect();
            prop_assert_eq!(&read.pages[0].indices, &expected);
            prop_assert_eq!(&read.pages[0].colors[..4], &COLORS);
        }
    }
}
