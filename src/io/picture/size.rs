//! How large a picture's pixels are, where its file says so and is to be believed: most programs write the density of a screen
//! or a printer into every file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use image::ImageFormat;
use tiff::decoder::Decoder;
use tiff::tags::Tag;

/// Dots an inch that screens, printers and scanners have; a file with one of them says nothing of what it shows.
const USUAL_DPI: [f64; 21] = [
    72.0, 75.0, 90.0, 96.0, 100.0, 110.0, 120.0, 144.0, 150.0, 180.0, 192.0, 200.0, 220.0, 240.0, 250.0, 300.0, 350.0,
    360.0, 400.0, 600.0, 1200.0,
];
/// Sizes that are believed, in millimetres.
const PIXEL_MM: std::ops::Range<f64> = 1e-6..10.0;

/// The width and height of a pixel in millimetres, and where the file says so.
pub(super) fn pixel_mm(path: &Path, format: ImageFormat) -> Option<([f64; 2], &'static str)> {
    let (mm, place) = match format {
        ImageFormat::Png => (png_mm(path)?, "PNG's pHYs"),
        ImageFormat::Jpeg => (jpeg_mm(path)?, "JPEG's JFIF density"),
        ImageFormat::Tiff => (tiff_mm(path)?, "TIFF's resolution"),
        _ => return None,
    };
    let is_plausible = |mm: f64| {
        let dpi = 25.4 / mm;
        PIXEL_MM.contains(&mm) && !USUAL_DPI.iter().any(|usual| (dpi - usual).abs() < 0.3)
    };
    mm.into_iter().all(is_plausible).then_some((mm, place))
}

fn open(path: &Path) -> Option<BufReader<File>> {
    File::open(path).map(BufReader::new).ok()
}

fn png_mm(path: &Path) -> Option<[f64; 2]> {
    let reader = png::Decoder::new(open(path)?).read_info().ok()?;
    let known = reader.info().pixel_dims?;
    let is_metre = known.unit == png::Unit::Meter && known.xppu > 0 && known.yppu > 0;
    is_metre.then(|| [known.xppu, known.yppu].map(|pixels_a_metre| 1000.0 / f64::from(pixels_a_metre)))
}

/// Of the segment that every JFIF file begins with.
fn jpeg_mm(path: &Path) -> Option<[f64; 2]> {
    let mut start = [0; 18];
    open(path)?.read_exact(&mut start).ok()?;
    let is_jfif = start[..4] == [0xff, 0xd8, 0xff, 0xe0] && &start[6..11] == b"JFIF\0";
    let unit_mm = match start[13] {
        1 => 25.4,
        2 => 10.0,
        _ => return None,
    };
    let density = [14, 16].map(|at| f64::from(u16::from_be_bytes([start[at], start[at + 1]])));
    (is_jfif && !density.contains(&0.0)).then(|| density.map(|pixels| unit_mm / pixels))
}

fn tiff_mm(path: &Path) -> Option<[f64; 2]> {
    let mut decoder = Decoder::new(open(path)?).ok()?;
    let unit = decoder.get_tag_u32(Tag::ResolutionUnit).unwrap_or(2);
    let unit_mm = match unit {
        2 => 25.4,
        3 => 10.0,
        // ImageJ says in words what unit it counts in.
        _ => imagej_unit_mm(&decoder.get_tag_ascii_string(Tag::ImageDescription).ok()?)?,
    };
    let mut mm = |tag: Tag| -> Option<f64> {
        let tiff::decoder::ifd::Value::Rational(pixels, units) = decoder.get_tag(tag).ok()? else { return None };
        (pixels > 0 && units > 0).then(|| unit_mm * f64::from(units) / f64::from(pixels))
    };
    Some([mm(Tag::XResolution)?, mm(Tag::YResolution)?])
}

fn imagej_unit_mm(description: &str) -> Option<f64> {
    let lines = description.strip_prefix("ImageJ=")?;
    match lines.lines().find_map(|line| line.strip_prefix("unit="))?.trim() {
        "nm" => Some(1e-6),
        "um" | "µm" | "micron" | "microns" | "\\u00B5m" => Some(1e-3),
        "mm" => Some(1.0),
        "cm" => Some(10.0),
        "inch" => Some(25.4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tiff::encoder::{Rational, TiffEncoder, colortype};
    use tiff::tags::ResolutionUnit;

    use super::*;

    /// The size that a file says, which `write` writes.
    fn of(format: ImageFormat, write: impl FnOnce(File)) -> Option<[f64; 2]> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        write(File::create(&path).unwrap());
        pixel_mm(&path, format).map(|(mm, _)| mm)
    }

    fn png(pixels_a_metre: u32, unit: png::Unit) -> Option<[f64; 2]> {
        of(ImageFormat::Png, |file| {
            let mut encoder = png::Encoder::new(file, 1, 1);
            encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: pixels_a_metre, yppu: pixels_a_metre, unit }));
            encoder.write_header().unwrap().write_image_data(&[0]).unwrap();
        })
    }

    #[test]
    fn the_density_of_a_screen_or_a_printer_is_no_size() {
        assert_eq!(png(4_000_000, png::Unit::Meter), Some([0.000_25; 2]));
        assert_eq!(png(4_000_000, png::Unit::Unspecified), None);
        // 72, 96 and 300 dots an inch, as whole numbers of pixels a metre.
        for pixels_a_metre in [2835, 3780, 11811, 1] {
            assert_eq!(png(pixels_a_metre, png::Unit::Meter), None, "{pixels_a_metre}");
        }
    }

    fn jfif(unit: u8, [x, y]: [u16; 2]) -> Option<[f64; 2]> {
        of(ImageFormat::Jpeg, |mut file| {
            let mut start = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
            start.extend(b"JFIF\0\x01\x01");
            start.push(unit);
            start.extend([x.to_be_bytes(), y.to_be_bytes()].concat());
            std::io::Write::write_all(&mut file, &start).unwrap();
        })
    }

    #[test]
    fn jpeg_says_it_in_centimetres_or_inches() {
        assert_eq!(jfif(2, [1000, 500]), Some([0.01, 0.02]));
        assert_eq!(jfif(1, [2540, 2540]), Some([0.01, 0.01]));
        assert_eq!([jfif(0, [1000, 1000]), jfif(1, [72, 72]), jfif(2, [0, 5])], [None, None, None]);
    }

    fn tiff(unit: ResolutionUnit, pixels: u32, description: &str) -> Option<[f64; 2]> {
        of(ImageFormat::Tiff, |file| {
            let mut encoder = TiffEncoder::new(file).unwrap();
            let mut image = encoder.new_image::<colortype::Gray8>(1, 1).unwrap();
            image.resolution(unit, Rational { n: pixels, d: 1 });
            if !description.is_empty() {
                image.encoder().write_tag(Tag::ImageDescription, description).unwrap();
            }
            image.write_data(&[0]).unwrap();
        })
    }

    #[test]
    fn tiff_says_it_in_units_and_imagej_in_words() {
        assert_eq!(tiff(ResolutionUnit::Centimeter, 40_000, ""), Some([0.000_25; 2]));
        assert_eq!(tiff(ResolutionUnit::Inch, 300, ""), None);
        assert_eq!(tiff(ResolutionUnit::None, 4, "ImageJ=1.53\nunit=micron\n"), Some([0.000_25; 2]));
        assert_eq!(tiff(ResolutionUnit::None, 4, "another program"), None);
    }
}
