//! Pictures of one size in a folder, as the slices of one volume, or as frames where they are called so.
//!
//! They follow each other as people count: `img2` comes before `img10`.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::read::{Pages, claim, format, pages};
use crate::domain::{Grid, Scaling, Volume, Voxels};
use crate::io::source::Source;
use crate::io::voxels::check_size;
use crate::io::{Error, ReadVolume};
use crate::monitor::Monitor;

/// Kinds of pictures that are slices; a GIF has frames of its own.
const KINDS: [ImageFormat; 4] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::Bmp];

/// Whether a path is no file, and its last part has `*` for any letters or `?` for one.
pub(in crate::io) fn is_pattern(path: &Path) -> bool {
    let has_letters = path.file_name().is_some_and(|name| name.to_string_lossy().contains(['*', '?']));
    has_letters && !path.exists()
}

/// Reads the pictures of a folder, or those that a pattern fits. All must be of one size and format.
///
/// # Errors
/// [`Error::IsFolder`] for a folder without pictures, [`Error::Frames`] naming the first picture that is unlike the first one,
/// [`Error::TooLarge`] before anything is decoded, and what reading a picture gives.
pub(in crate::io) fn read_volume(path: &Path, monitor: &dyn Monitor) -> Result<ReadVolume, Error> {
    let (pictures, n_others) = listing(path, monitor)?;
    let Some((first, _)) = pictures.first() else {
        let nothing =
            || Error::Frames { reason: "no PNG, JPEG, TIFF or BMP has such a name".into(), path: path.into() };
        return Err(if path.is_dir() { Error::IsFolder { path: path.to_owned() } } else { nothing() });
    };
    let [width, height] = check(&pictures, monitor)?;
    let mut warnings = Vec::new();
    if n_others > 0 {
        warnings.push(format!("{n_others} other files of the folder were left out."));
    }
    let mut all: Option<Voxels> = None;
    for (n, (file, kind)) in pictures.iter().enumerate() {
        monitor.report("Reading pictures", n as u64, pictures.len() as u64)?;
        let page = pages(file, *kind, monitor)?;
        if page.n_pages > 1 {
            return Err(odd(file, first, &format!("it has {} pages", page.n_pages)));
        }
        let Pages { voxels, warnings: said, .. } = page;
        warnings.extend(said.into_iter().filter(|text| !warnings.contains(text)).collect::<Vec<_>>());
        all = Some(match all {
            Some(all) => joined(all, voxels).map_err(|differs| odd(file, first, &differs))?,
            None => voxels,
        });
    }
    let failed = |reason: String| Error::Frames { reason, path: path.to_owned() };
    let grid = Grid::picture([width, height, pictures.len()], None).map_err(|error| failed(error.to_string()))?;
    let voxels = all.unwrap_or(Voxels::U8(Vec::new()));
    let volume = Volume::new(grid, voxels, Scaling::NONE, 1).map_err(|error| failed(error.to_string()))?;
    let volume = match names_frames(&pictures) {
        true => volume.with_time_swapped().unwrap_or(volume),
        false => volume,
    };
    Ok(ReadVolume { volume, header: None, table: None, name: name(path), warnings })
}

/// Whether every picture is called a frame, as the programs that take videos apart do: `frame_0001.png`.
pub(super) fn names_frames(pictures: &[(PathBuf, ImageFormat)]) -> bool {
    let is_frame = |file: &Path| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name.strip_prefix("frame").is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphabetic()))
    };
    pictures.iter().all(|(file, _)| is_frame(file))
}

/// Called after the folder.
fn name(path: &Path) -> Option<String> {
    let folder = folder_of(path).canonicalize().ok()?;
    Some(folder.file_name()?.to_string_lossy().into_owned())
}

/// A folder, or that of a picture or a pattern.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        _ if path.is_dir() => path,
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The pictures in their order, and how many other files there are.
pub(super) fn listing(path: &Path, monitor: &dyn Monitor) -> Result<(Vec<(PathBuf, ImageFormat)>, usize), Error> {
    let pattern = (!path.is_dir()).then(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let folder = folder_of(path);
    let entries = folder.read_dir().map_err(|error| Error::reading(folder, error))?;
    let (mut pictures, mut n_others) = (Vec::new(), 0);
    for entry in entries {
        monitor.report("Looking through the folder", 0, 0)?;
        let file = entry.map_err(|error| Error::reading(folder, error))?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_meant = pattern.as_ref().is_none_or(|pattern| fits(pattern.as_bytes(), name.as_bytes()));
        if !is_meant || name.starts_with('.') || !file.is_file() {
            continue;
        }
        match kind(&file) {
            Some(kind) => pictures.push((file, name, kind)),
            None => n_others += 1,
        }
    }
    pictures.sort_by(|(_, a, _), (_, b, _)| natural(a, b));
    Ok((pictures.into_iter().map(|(file, _, kind)| (file, kind)).collect(), n_others))
}

fn kind(file: &Path) -> Option<ImageFormat> {
    let mut start = [0; 16];
    let n = Source::open(file).and_then(|mut source| source.fill(&mut start)).ok()?;
    format(&start[..n]).filter(|kind| KINDS.contains(kind))
}

/// `*` stands for any letters, `?` for one.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => fits(rest, name) || !name.is_empty() && fits(pattern, &name[1..]),
        ([b'?', rest @ ..], [_, others @ ..]) => fits(rest, others),
        ([a, rest @ ..], [b, others @ ..]) => a == b && fits(rest, others),
        _ => false,
    }
}

/// Numbers in names by their value, the rest by its letters.
fn natural(a: &str, b: &str) -> Ordering {
    let part = |a: &[u8], b: &[u8]| {
        if !(a[0].is_ascii_digit() && b[0].is_ascii_digit()) {
            return a.cmp(b);
        }
        let [a, b] = [a, b].map(|digits| &digits[digits.iter().take_while(|&&digit| digit == b'0').count()..]);
        a.len().cmp(&b.len()).then(a.cmp(b))
    };
    let parts = |name| <[u8]>::chunk_by(name, |a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let pairs = parts(a.as_bytes()).zip(parts(b.as_bytes()));
    let order = pairs.map(|(a, b)| part(a, b)).find(|order| order.is_ne());
    order.unwrap_or_else(|| parts(a.as_bytes()).count().cmp(&parts(b.as_bytes()).count())).then(a.cmp(b))
}

pub(super) fn odd(file: &Path, first: &Path, differs: &str) -> Error {
    let first = first.file_name().unwrap_or_default().to_string_lossy();
    let reason = format!(
        "{differs}, unlike the first one, {first}; move it elsewhere, or name the others by a pattern such as \"img*.png\""
    );
    Error::Frames { reason, path: file.to_owned() }
}

/// The size of all pictures, by their headers.
pub(super) fn check(pictures: &[(PathBuf, ImageFormat)], monitor: &dyn Monitor) -> Result<[usize; 2], Error> {
    let (first, first_kind) = &pictures[0];
    let (size, _) = claim(first, *first_kind)?;
    let mut needed = 0_u64;
    for (n, (file, kind)) in pictures.iter().enumerate() {
        monitor.report("Looking at pictures", n as u64, pictures.len() as u64)?;
        if kind != first_kind {
            return Err(odd(file, first, &format!("it is a {}", format!("{kind:?}").to_uppercase())));
        }
        let (found, n_bytes) = claim(file, *kind)?;
        if found != size {
            return Err(odd(file, first, &format!("it has {} × {} pixels", found[0], found[1])));
        }
        needed = needed.saturating_add(n_bytes);
    }
    check_size(first, needed, u64::MAX)?;
    Ok(size.map(|n| n as usize))
}

/// One more slice behind the others; grey ones among colours become colours.
fn joined(all: Voxels, page: Voxels) -> Result<Voxels, String> {
    let rank = |voxels: &Voxels| match voxels {
        Voxels::U8(_) => 0,
        Voxels::Rgb(_) => 1,
        _ => 2,
    };
    let (mut all, page) = match rank(&all).cmp(&rank(&page)) {
        Ordering::Less => (widened(all, &page), page),
        Ordering::Greater => {
            let page = widened(page, &all);
            (all, page)
        }
        Ordering::Equal => (all, page),
    };
    macro_rules! extend {
        ($($kind:ident),*) => {
            match (&mut all, page) {
                $((Voxels::$kind(all), Voxels::$kind(page)) => all.extend(page),)*
                (all, page) => return Err(format!("its pixels are {}, not {}", page.type_name(), all.type_name())),
            }
        };
    }
    extend!(U8, I8, U16, I16, U32, I32, U64, I64, F32, F64, Rgb, Rgba);
    Ok(all)
}

/// The same colours in the type of `like`, where it holds colours.
fn widened(voxels: Voxels, like: &Voxels) -> Voxels {
    match (voxels, like) {
        (Voxels::U8(grey), Voxels::Rgb(_)) => Voxels::Rgb(grey.into_iter().map(|v| [v; 3]).collect()),
        (Voxels::U8(grey), Voxels::Rgba(_)) => Voxels::Rgba(grey.into_iter().map(|v| [v, v, v, 255]).collect()),
        (Voxels::Rgb(colors), Voxels::Rgba(_)) => {
            Voxels::Rgba(colors.into_iter().map(|[r, g, b]| [r, g, b, 255]).collect())
        }
        (other, _) => other,
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
    use proptest::prelude::*;

    use super::*;
    use crate::io::{read_labels, read_volume as read_any};
    use crate::monitor::Silent;

    fn grey(folder: &Path, name: &str, size: [u32; 2], level: u8) {
        GrayImage::from_pixel(size[0], size[1], Luma([level])).save(folder.join(name)).unwrap();
    }

    fn read(path: &Path) -> Result<ReadVolume, Error> {
        read_any(path, &Silent, &mut |_| {})
    }

    #[test]
    fn pictures_follow_each_other_as_people_count() {
        let folder = tempfile::tempdir().unwrap();
        for n in [10_u8, 2, 1] {
            grey(folder.path(), &format!("img{n}.png"), [3, 2], n);
        }
        std::fs::write(folder.path().join("notes.txt"), "two slices are blurred").unwrap();
        std::fs::write(folder.path().join(".hidden"), "").unwrap();
        let ReadVolume { volume, name, warnings, .. } = read(folder.path()).unwrap();
        assert_eq!(volume.grid().shape(), [3, 2, 3]);
        assert_eq!([0, 1, 2].map(|k| volume.value(0, [2, 1, k])), [1.0, 2.0, 10.0].map(Some));
        assert_eq!(warnings, ["1 other files of the folder were left out."]);
        assert_eq!(name.as_deref(), folder.path().file_name().unwrap().to_str());
        assert_eq!(read_labels(folder.path(), &Silent).unwrap().labels.used_ids(), [1, 2, 10]);
        let some = read(&folder.path().join("img1*.png")).unwrap();
        assert_eq!((some.volume.grid().shape(), some.warnings.len()), ([3, 2, 2], 0));
        let none = read(&folder.path().join("x*.png")).unwrap_err();
        assert!(none.to_string().contains("has such a name"), "{none}");
    }

    #[test]
    fn pictures_that_are_called_frames_are_frames() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["frame_1.png", "Frame2.png", "frame-10.png"] {
            grey(folder.path(), name, [3, 2], 1);
        }
        assert!(read(folder.path()).unwrap().volume.grid().is_series());
        grey(folder.path(), "framework.png", [3, 2], 1);
        let slices = read(folder.path()).unwrap().volume;
        assert_eq!((slices.grid().is_series(), slices.grid().shape()), (false, [3, 2, 4]));
    }

    #[test]
    fn grey_pictures_among_colours_stay_what_they_show() {
        let folder = tempfile::tempdir().unwrap();
        grey(folder.path(), "1.png", [1, 1], 9);
        RgbImage::from_pixel(1, 1, Rgb([1, 2, 3])).save(folder.path().join("2.png")).unwrap();
        grey(folder.path(), "3.png", [1, 1], 8);
        let volume = read(folder.path()).unwrap().volume;
        assert_eq!(volume.voxels(), &Voxels::Rgb(vec![[9; 3], [1, 2, 3], [8; 3]]));
    }

    #[test]
    fn the_first_picture_that_is_unlike_the_others_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["1.png", "2.png", "4.png"] {
            grey(folder.path(), name, [3, 2], 1);
        }
        let odd = |name: &str, expected: &str| {
            let error = read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(name) && error.contains("1.png"), "{error}");
            std::fs::remove_file(folder.path().join(name)).unwrap();
        };
        grey(folder.path(), "3.png", [2, 3], 1);
        odd("3.png", "it has 2 × 3 pixels");
        grey(folder.path(), "3.bmp", [3, 2], 1);
        odd("3.bmp", "it is a BMP");
        let deep = image::ImageBuffer::from_pixel(3, 2, Luma([300_u16]));
        DynamicImage::ImageLuma16(deep).save(folder.path().join("3.png")).unwrap();
        odd("3.png", "its pixels are uint16, not uint8");
        assert!(read(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_without_pictures_is_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(Error::IsFolder { .. })));
    }

    proptest! {
        #[test]
        fn names_have_one_order(names in prop::collection::vec("[a0-9]{0,6}", 3)) {
            let [a, b, c] = [0, 1, 2].map(|n| names[n].as_str());
            prop_assert_eq!(natural(a, b), natural(b, a).reverse());
            if natural(a, b).is_le() && natural(b, c).is_le() {
                prop_assert!(natural(a, c).is_le());
            }
        }

        #[test]
        fn numbers_are_ordered_by_value(a in any::<u32>(), b in any::<u32>()) {
            prop_assert_eq!(natural(&format!("img{a}.png"), &format!("img{b}.png")), a.cmp(&b));
        }

        #[test]
        fn a_name_fits_itself_and_any_part_may_be_left_open(name in "[a-c]{1,6}", at in 0usize..6) {
            let at = at.min(name.len());
            prop_assert!(fits(name.as_bytes(), name.as_bytes()));
            let open = format!("{}*", &name[..at]);
            prop_assert!(fits(open.as_bytes(), name.as_bytes()));
        }
    }
}
