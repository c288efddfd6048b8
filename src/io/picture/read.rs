//! Decodes pictures.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult};

use super::palette;
use super::size::pixel_mm;
use crate::domain::{FrameTimes, Grid, Scaling, Volume, Voxels};
use crate::io::voxels::{MAX_IMAGE_BYTES, check_size_on_disk};
use crate::io::{Error, ReadVolume};
use crate::monitor::Monitor;

/// The format of a picture, by its first bytes.
pub(in crate::io) fn format(start: &[u8]) -> Option<ImageFormat> {
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif];
    image::guess_format(start).ok().filter(|format| known.contains(format))
}

/// One picture, or several of one size.
pub(super) struct Pages {
    pub size: [usize; 2],
    pub n_pages: usize,
    pub voxels: Voxels,
    /// When they were taken, where they are frames and say so.
    pub times: Option<FrameTimes>,
    pub warnings: Vec<String>,
}

/// Reads a picture. Pages of a TIFF are slices, frames of a GIF are frames.
///
/// # Errors
/// [`Error`]: it cannot be decoded, or would not fit into memory.
pub(in crate::io) fn read_volume(path: &Path, format: ImageFormat, monitor: &dyn Monitor) -> Result<ReadVolume, Error> {
    monitor.report("Reading the picture", 0, 0)?;
    let Pages { size: [width, height], n_pages, voxels, times, mut warnings } = pages(path, format, monitor)?;
    let (n_slices, n_frames) = if format == ImageFormat::Gif { (1, n_pages) } else { (n_pages, 1) };
    let damaged = |reason: String| Error::Picture { reason, path: path.to_owned() };
    let pixel_mm = pixel_mm(path, format).map(|([width_mm, height_mm], place)| {
        warnings.push(format!(
            "A pixel is {width_mm} × {height_mm} mm by the {place}. Where that is wrong, set another pixel size or forget it."
        ));
        [width_mm, height_mm, width_mm]
    });
    let grid = Grid::picture([width, height, n_slices], pixel_mm).map_err(|error| damaged(error.to_string()))?;
    let volume = Volume::new(grid, voxels, Scaling::NONE, n_frames).map_err(|error| damaged(error.to_string()))?;
    let volume = volume.with_frame_times(times);
    Ok(ReadVolume { volume, header: None, table: None, name: None, warnings })
}

/// Everything that a picture holds.
///
/// # Errors
/// As [`read_volume`].
pub(super) fn pages(path: &Path, format: ImageFormat, monitor: &dyn Monitor) -> Result<Pages, Error> {
    match format {
        ImageFormat::Tiff => tiff_pages(path, monitor),
        ImageFormat::Gif => gif_frames(path, monitor),
        _ => single(path),
    }
}

/// Columns and rows of a picture and the bytes that its pixels take, by its header.
///
/// # Errors
/// As [`read_volume`].
pub(super) fn claim(path: &Path, format: ImageFormat) -> Result<([u32; 2], u64), Error> {
    let (size, pixel_bytes) = if format == ImageFormat::Tiff {
        let failed = |error: tiff::TiffError| Error::Picture { reason: error.to_string(), path: path.to_owned() };
        let mut decoder = Decoder::new(open(path)?).map_err(failed)?;
        let size = decoder.dimensions().map_err(failed)?;
        if palette::is_paletted(&mut decoder) {
            (size, 3)
        } else {
            let color = decoder.colortype().map_err(failed)?;
            (size, u64::from(color.bit_depth()).div_ceil(8) * u64::from(color.num_samples()))
        }
    } else {
        let decoder = decoder(path)?;
        (decoder.dimensions(), u64::from(decoder.color_type().bytes_per_pixel()))
    };
    Ok((size.into(), u64::from(size.0) * u64::from(size.1) * pixel_bytes))
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>, Error> {
    File::open(path).map(BufReader::new).map_err(|error| Error::reading(path, error))
}

/// Refuses sizes that the file cannot back, before memory is taken.
pub(super) fn check_size(path: &Path, [width, height]: [u32; 2], pixel_bytes: u64) -> Result<(), Error> {
    check_size_on_disk(path, u64::from(width) * u64::from(height) * pixel_bytes)
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_IMAGE_BYTES);
    limits
}

fn decoder(path: &Path) -> Result<impl ImageDecoder, Error> {
    let mut reader =
        ImageReader::new(open(path)?).with_guessed_format().map_err(|error| Error::reading(path, error))?;
    reader.limits(limits());
    reader.into_decoder().map_err(|error| Error::Picture { reason: error.to_string(), path: path.to_owned() })
}

fn single(path: &Path) -> Result<Pages, Error> {
    let failed = |error: image::ImageError| Error::Picture { reason: error.to_string(), path: path.to_owned() };
    let decoder = decoder(path)?;
    let (width, height) = decoder.dimensions();
    check_size(path, [width, height], u64::from(decoder.color_type().bytes_per_pixel()))?;
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let mut warnings = Vec::new();
    let voxels = voxels(image, &mut warnings);
    Ok(Pages { size: [width as usize, height as usize], n_pages: 1, voxels, times: None, warnings })
}

/// Grey stays grey, in its own depth; colours are 8 bits a channel; transparency is kept where there is any.
fn voxels(image: DynamicImage, warnings: &mut Vec<String>) -> Voxels {
    if image.color().bytes_per_pixel() / image.color().channel_count() > 1 && image.color().has_color() {
        warnings.push("The picture has more than 8 bits a colour; the lower ones were dropped.".to_owned());
    }
    match image {
        DynamicImage::ImageLuma8(grey) => Voxels::U8(grey.into_raw()),
        DynamicImage::ImageLuma16(grey) => Voxels::U16(grey.into_raw()),
        image if !image.color().has_color() => {
            warnings.push("The picture's transparency was dropped.".to_owned());
            if image.color().bytes_per_pixel() > 2 {
                Voxels::U16(image.into_luma16().into_raw())
            } else {
                Voxels::U8(image.into_luma8().into_raw())
            }
        }
        image if image.color().has_alpha() => {
            let colors = image.into_rgba8();
            if colors.pixels().all(|pixel| pixel.0[3] == 255) {
                grey_or_rgb(colors.pixels().map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect())
            } else {
                Voxels::Rgba(colors.pixels().map(|pixel| pixel.0).collect())
            }
        }
        image => grey_or_rgb(image.into_rgb8().pixels().map(|pixel| pixel.0).collect()),
    }
}

/// Many tools write grey pictures as colours: where the three are the same everywhere, it is a grey one.
pub(super) fn grey_or_rgb(colors: Vec<[u8; 3]>) -> Voxels {
    if colors.iter().all(|[r, g, b]| r == g && g == b) {
        Voxels::U8(colors.into_iter().map(|color| color[0]).collect())
    } else {
        Voxels::Rgb(colors)
    }
}

fn gif_frames(path: &Path, monitor: &dyn Monitor) -> Result<Pages, Error> {
    let failed = |error: image::ImageError| Error::Picture { reason: error.to_string(), path: path.to_owned() };
    let mut decoder = GifDecoder::new(open(path)?).map_err(failed)?;
    decoder.set_limits(limits()).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(path, [width, height], 4)?;
    let mut colors = Vec::new();
    let mut n_pages = 0;
    let mut delays_s = Vec::new();
    for frame in decoder.into_frames() {
        monitor.report("Reading frames", n_pages as u64, 0)?;
        let frame = frame.map_err(failed)?;
        n_pages += 1;
        let needed = n_pages as u64 * u64::from(width) * u64::from(height) * 3;
        if needed > MAX_IMAGE_BYTES {
            return Err(Error::TooLarge { needed, limit: MAX_IMAGE_BYTES, path: path.to_owned() });
        }
        delays_s.push(Duration::from(frame.delay()).as_secs_f64());
        colors.extend(frame.buffer().pixels().map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]));
    }
    let size = [width as usize, height as usize];
    // How long the last one is shown says nothing of when it was taken.
    delays_s.pop();
    let times = FrameTimes::from_steps(delays_s);
    Ok(Pages { size, n_pages, voxels: grey_or_rgb(colors), times, warnings: Vec::new() })
}

fn tiff_pages(path: &Path, monitor: &dyn Monitor) -> Result<Pages, Error> {
    if let Some(paletted) = palette::read(path, monitor)? {
        return Ok(paletted.into_pages());
    }
    let failed = |error: tiff::TiffError| Error::Picture { reason: error.to_string(), path: path.to_owned() };
    let mut decoder = Decoder::new(open(path)?).map_err(failed)?.with_limits(tiff_limits());
    let color = decoder.colortype().map_err(failed)?;
    // CMYK and the like: one page, as colours.
    if !matches!(color, ColorType::Gray(8 | 16 | 32 | 64) | ColorType::RGB(8) | ColorType::RGBA(8)) {
        let mut page = single(path)?;
        if decoder.more_images() {
            page.warnings
                .push("Only the first page of the TIFF is shown: pages of this colour type are not joined.".into());
        }
        return Ok(page);
    }
    let first = decoder.dimensions().map_err(failed)?;
    let (mut values, mut n_pages, mut warnings) = (None, 0_u64, Vec::new());
    loop {
        monitor.report("Reading pages", n_pages, 0)?;
        let (size, kind) = (decoder.dimensions().map_err(failed)?, decoder.colortype().map_err(failed)?);
        if size != first || kind != color {
            warnings.push(format!(
                "Page {} of the TIFF is of another size or kind; it and what follows is left out.",
                n_pages + 1
            ));
            break;
        }
        let pixel_bytes = u64::from(color.bit_depth()) / 8 * u64::from(color.num_samples());
        check_size(path, [first.0, first.1], pixel_bytes * (n_pages + 1))?;
        add_page(&mut values, decoder.read_image().map_err(failed)?, path)?;
        n_pages += 1;
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(failed)?;
    }
    let size = [first.0 as usize, first.1 as usize];
    let voxels = values.map(|values| tiff_voxels(values, color)).unwrap_or(Voxels::U8(Vec::new()));
    Ok(Pages { size, n_pages: n_pages as usize, voxels, times: None, warnings })
}

pub(super) fn tiff_limits() -> tiff::decoder::Limits {
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = MAX_IMAGE_BYTES as usize;
    limits.intermediate_buffer_size = MAX_IMAGE_BYTES as usize;
    limits
}

/// Puts one more page behind the others.
fn add_page(pages: &mut Option<DecodingResult>, page: DecodingResult, path: &Path) -> Result<(), Error> {
    use DecodingResult::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    match (pages.as_mut(), page) {
        (None, page) => *pages = Some(page),
        (Some(U8(all)), U8(page)) => all.extend(page),
        (Some(U16(all)), U16(page)) => all.extend(page),
        (Some(U32(all)), U32(page)) => all.extend(page),
        (Some(U64(all)), U64(page)) => all.extend(page),
        (Some(I8(all)), I8(page)) => all.extend(page),
        (Some(I16(all)), I16(page)) => all.extend(page),
        (Some(I32(all)), I32(page)) => all.extend(page),
        (Some(I64(all)), I64(page)) => all.extend(page),
        (Some(F32(all)), F32(page)) => all.extend(page),
        (Some(F64(all)), F64(page)) => all.extend(page),
        _ => {
            let reason = "its pages are of different number types".to_owned();
            return Err(Error::Picture { reason, path: path.to_owned() });
        }
    }
    Ok(())
}

fn tiff_voxels(values: DecodingResult, color: ColorType) -> Voxels {
    match (values, color) {
        (DecodingResult::U8(v), ColorType::RGB(_)) => grey_or_rgb(v.as_chunks().0.to_vec()),
        (DecodingResult::U8(v), ColorType::RGBA(_)) => Voxels::Rgba(v.as_chunks().0.to_vec()),
        (DecodingResult::U8(v), _) => Voxels::U8(v),
        (DecodingResult::U16(v), _) => Voxels::U16(v),
        (DecodingResult::U32(v), _) => Voxels::U32(v),
        (DecodingResult::U64(v), _) => Voxels::U64(v),
        (DecodingResult::I8(v), _) => Voxels::I8(v),
        (DecodingResult::I16(v), _) => Voxels::I16(v),
        (DecodingResult::I32(v), _) => Voxels::I32(v),
        (DecodingResult::I64(v), _) => Voxels::I64(v),
        (DecodingResult::F16(v), _) => Voxels::F32(v.into_iter().map(f32::from).collect()),
        (DecodingResult::F32(v), _) => Voxels::F32(v),
        (DecodingResult::F64(v), _) => Voxels::F64(v),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use image::codecs::gif::GifEncoder;
    use image::{Delay, Frame, GrayImage, ImageBuffer, Luma, LumaA, Rgb, Rgba, RgbaImage};
    use tiff::encoder::{TiffEncoder, colortype};

    use super::*;
    use crate::domain::Space;
    use crate::io::read_volume;
    use crate::monitor::Silent;

    /// Reads what `write` puts into a file of this name.
    fn read(name: &str, write: impl FnOnce(&Path)) -> Result<ReadVolume, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join(name);
        write(&path);
        read_volume(&path, &Silent, &mut |_| {})
    }

    fn voxels(name: &str, image: impl Into<DynamicImage>) -> Voxels {
        let image: DynamicImage = image.into();
        read(name, |path| image.save(path).unwrap()).unwrap().volume.into_voxels()
    }

    #[test]
    fn grey_stays_grey_in_its_own_depth_and_rows_run_down() {
        let grey = GrayImage::from_raw(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let ReadVolume { volume, .. } = read("a.png", |path| grey.save(path).unwrap()).unwrap();
        assert_eq!((volume.grid().shape(), volume.voxels()), ([3, 2, 1], &Voxels::U8(vec![1, 2, 3, 4, 5, 6])));
        assert_eq!(volume.grid().space(), Space::Picture { is_scaled: false });
        for convention in [crate::domain::Convention::Radiological, crate::domain::Convention::Neurological] {
            let axes = volume.grid().slice_axes(crate::domain::Plane::Axial, convention);
            assert_eq!((axes.right, axes.down, axes.flip_right, axes.flip_down), (0, 1, false, false));
        }
        let deep = ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![1, 65535]).unwrap();
        assert_eq!(voxels("a.png", deep.clone()), Voxels::U16(vec![1, 65535]));
        assert_eq!(voxels("a.tif", deep), Voxels::U16(vec![1, 65535]));
        assert_eq!(voxels("a.bmp", grey.clone()), Voxels::U8(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(voxels("a.png", DynamicImage::from(grey).into_rgb8()), Voxels::U8(vec![1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn colours_stay_colours_and_transparency_stays_where_there_is_any() {
        let rgb = ImageBuffer::<Rgb<u8>, _>::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(voxels("a.png", rgb), Voxels::Rgb(vec![[1, 2, 3], [4, 5, 6]]));
        let clear = RgbaImage::from_raw(2, 1, vec![1, 2, 3, 9, 4, 5, 6, 255]).unwrap();
        assert_eq!(voxels("a.png", clear), Voxels::Rgba(vec![[1, 2, 3, 9], [4, 5, 6, 255]]));
        let opaque = RgbaImage::from_raw(1, 1, vec![1, 2, 3, 255]).unwrap();
        assert_eq!(voxels("a.tiff", opaque.clone()), Voxels::Rgba(vec![[1, 2, 3, 255]]));
        assert_eq!(voxels("a.png", opaque), Voxels::Rgb(vec![[1, 2, 3]]));
        let shaded = ImageBuffer::<LumaA<u8>, _>::from_raw(1, 1, vec![7, 100]).unwrap();
        let read = read("a.png", |path| shaded.save(path).unwrap()).unwrap();
        assert_eq!((read.volume.voxels(), read.warnings.len()), (&Voxels::U8(vec![7]), 1));
    }

    #[test]
    fn pages_are_slices_and_frames_are_frames() {
        let pages = |path: &Path| {
            let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
            for page in [[-1_i16, 2], [3, 4], [5, 6]] {
                encoder.write_image::<colortype::GrayI16>(2, 1, &page).unwrap();
            }
        };
        let volume = read("a.tif", pages).unwrap().volume;
        assert_eq!((volume.grid().shape(), volume.voxels()), ([2, 1, 3], &Voxels::I16(vec![-1, 2, 3, 4, 5, 6])));
        let frames = |path: &Path| {
            let mut encoder = GifEncoder::new(File::create(path).unwrap());
            for (grey, ms) in [(0, 40), (255, 700)] {
                let frame = RgbaImage::from_pixel(4, 3, Rgba([grey, grey, grey, 255]));
                encoder.encode_frame(Frame::from_parts(frame, 0, 0, Delay::from_numer_denom_ms(ms, 1))).unwrap();
            }
        };
        let volume = read("a.gif", frames).unwrap().volume;
        assert_eq!((volume.grid().shape(), volume.grid().is_series()), ([4, 3, 2], true));
        assert_eq!((volume.value(0, [0, 0, 0]), volume.value(0, [3, 2, 1])), (Some(0.0), Some(255.0)));
        assert_eq!(volume.frame_times(), FrameTimes::even(2, 0.04).as_ref());
    }

    #[test]
    fn a_page_of_another_size_is_left_out_and_said() {
        let pages = |path: &Path| {
            let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
            encoder.write_image::<colortype::Gray8>(2, 1, &[1, 2]).unwrap();
            encoder.write_image::<colortype::Gray8>(1, 1, &[3]).unwrap();
        };
        let read = read("a.tif", pages).unwrap();
        assert_eq!((read.volume.voxels(), read.warnings.len()), (&Voxels::U8(vec![1, 2]), 1));
    }

    #[test]
    fn a_damaged_picture_is_refused_before_memory_is_taken() {
        let grey = GrayImage::from_pixel(8, 8, Luma([1]));
        let mut png = Vec::new();
        DynamicImage::from(grey).write_to(&mut std::io::Cursor::new(&mut png), ImageFormat::Png).unwrap();
        let cut = read("a.png", |path| std::fs::write(path, &png[..png.len() - 20]).unwrap()).unwrap_err();
        assert!(matches!(cut, Error::Picture { .. }), "{cut}");
        // The width of the header, and the checksum after it.
        png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let huge = read("a.png", |path| std::fs::write(path, &png).unwrap()).unwrap_err();
        assert!(matches!(huge, Error::ClaimsTooMuch { .. }), "{huge}");
    }
}
