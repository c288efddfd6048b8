//! The pixels of one file.

use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::DefaultDicomObject;
use dicom_pixeldata::{
    DecodedPixelData, PhotometricInterpretation, PixelDecoder, PixelRepresentation, PlanarConfiguration,
};

use super::head::Head;
use super::open::open;
use crate::domain::Voxels;
use crate::io::Error;
use crate::io::voxels::check_size_on_disk;

/// All frames of a file, one after the other, and what a person should know.
pub(super) struct Pixels {
    pub voxels: Voxels,
    pub warning: Option<&'static str>,
}

/// Reads and decodes the pixels of the file that `head` is of.
///
/// # Errors
/// [`Error::Dicom`]: there are none, or they cannot be decoded; [`Error::ClaimsTooMuch`] and [`Error::TooLarge`].
pub(super) fn read(head: &Head) -> Result<Pixels, Error> {
    let path = &head.path;
    let failed = |reason: String| Error::Dicom { reason, path: path.clone() };
    let object = open(path, None)?;
    check_size(&object, head, path)?;
    let decoded = object.decode_pixel_data().map_err(|error| failed(said(&error)))?;
    let size = [decoded.columns() as usize, decoded.rows() as usize];
    let n_values = size[0] * size[1] * decoded.number_of_frames() as usize * usize::from(decoded.samples_per_pixel());
    let n_bytes = n_values * usize::from(decoded.bits_allocated().div_ceil(8));
    if decoded.samples_per_pixel() == 3 && decoded.data().len() < n_bytes {
        let kind = decoded.photometric_interpretation();
        return Err(failed(format!(
            "its colours are stored as {kind:?} without compression, which is not read; export it as RGB"
        )));
    }
    if size != head.size || decoded.number_of_frames() as usize != head.n_frames || decoded.data().len() < n_bytes {
        return Err(failed(format!(
            "its {} bytes of pixels do not fill {size:?} pixels of each frame",
            decoded.data().len()
        )));
    }
    if decoded.samples_per_pixel() == 3 {
        return Ok(Pixels { voxels: colors(&decoded, path)?, warning: None });
    }
    grey(&decoded, n_values, path)
}

/// The whole chain of causes: the first alone says little.
fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn check_size(object: &DefaultDicomObject, head: &Head, path: &Path) -> Result<(), Error> {
    let missing = || Error::Dicom { reason: "it has no pixels".to_owned(), path: path.to_owned() };
    if object.get(tags::PIXEL_DATA).is_none() {
        return Err(missing());
    }
    let value_bytes = if head.samples == 1 { 2 } else { head.samples };
    let needed = [head.size[0], head.size[1], head.n_frames, value_bytes]
        .iter()
        .try_fold(1_u64, |n, &size| n.checked_mul(size as u64))
        .unwrap_or(u64::MAX);
    check_size_on_disk(path, needed)
}

/// Red, green and blue, 8 bits each.
fn colors(decoded: &DecodedPixelData<'_>, path: &Path) -> Result<Voxels, Error> {
    if decoded.bits_allocated() != 8 {
        let reason = format!("its colours have {} bits each, expected 8", decoded.bits_allocated());
        return Err(Error::Dicom { reason, path: path.to_owned() });
    }
    let n_pixels = decoded.columns() as usize * decoded.rows() as usize;
    let in_planes = decoded.planar_configuration() == PlanarConfiguration::PixelFirst;
    let frames = decoded.data().chunks_exact(3 * n_pixels).take(decoded.number_of_frames() as usize);
    let mut colors: Vec<[u8; 3]> = frames
        .flat_map(|frame| {
            let color = move |at: usize| match in_planes {
                true => [frame[at], frame[n_pixels + at], frame[2 * n_pixels + at]],
                false => [frame[3 * at], frame[3 * at + 1], frame[3 * at + 2]],
            };
            (0..n_pixels).map(color)
        })
        .collect();
    match decoded.photometric_interpretation() {
        PhotometricInterpretation::Rgb => {}
        PhotometricInterpretation::YbrFull | PhotometricInterpretation::YbrFull422 => {
            colors.iter_mut().for_each(|color| *color = rgb_from_ybr(*color));
        }
        other => {
            let reason = format!("its colours are {other}, expected RGB or YBR_FULL");
            return Err(Error::Dicom { reason, path: path.to_owned() });
        }
    }
    Ok(Voxels::Rgb(colors))
}

/// DICOM PS3.3, C.7.6.3.1.2, solved for red, green and blue.
fn rgb_from_ybr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|value| value.round() as u8)
}

fn grey(decoded: &DecodedPixelData<'_>, n_values: usize, path: &Path) -> Result<Pixels, Error> {
    let is_signed = decoded.pixel_representation() == PixelRepresentation::Signed;
    // Bits above those stored may hold overlays.
    let unused = u32::from(decoded.bits_allocated().saturating_sub(decoded.bits_stored()));
    let shift = unused.min(u32::from(decoded.bits_allocated().saturating_sub(1)));
    let bytes = decoded.data();
    let fours = || bytes.as_chunks::<4>().0.iter().take(n_values);
    let pairs = || bytes.as_chunks::<2>().0.iter().take(n_values);
    let mut voxels = match (decoded.bits_allocated(), is_signed) {
        (8, false) => Voxels::U8(bytes.iter().take(n_values).map(|&v| v << shift >> shift).collect()),
        (8, true) => Voxels::I8(bytes.iter().take(n_values).map(|&v| (v as i8) << shift >> shift).collect()),
        (16, false) => Voxels::U16(pairs().map(|&v| u16::from_ne_bytes(v) << shift >> shift).collect()),
        (16, true) => Voxels::I16(pairs().map(|&v| i16::from_ne_bytes(v) << shift >> shift).collect()),
        (32, false) => Voxels::U32(fours().map(|&v| u32::from_ne_bytes(v)).collect()),
        (32, true) => Voxels::I32(fours().map(|&v| i32::from_ne_bytes(v)).collect()),
        (bits, _) => {
            let reason = format!("its pixels have {bits} bits, expected 8, 16 or 32");
            return Err(Error::Dicom { reason, path: path.to_owned() });
        }
    };
    let is_inverted = *decoded.photometric_interpretation() == PhotometricInterpretation::Monochrome1;
    if is_inverted {
        invert(&mut voxels, decoded.bits_stored());
    }
    let warning =
        is_inverted.then_some("The file shows low values bright (MONOCHROME1); intensities were turned round.");
    Ok(Pixels { voxels, warning })
}

/// High for low, within the bits stored.
fn invert(voxels: &mut Voxels, bits_stored: u16) {
    let most = ((1_u32 << bits_stored.min(16)) - 1) as u16;
    match voxels {
        Voxels::U8(v) => v.iter_mut().for_each(|v| *v = (most as u8).wrapping_sub(*v)),
        Voxels::U16(v) => v.iter_mut().for_each(|v| *v = most.wrapping_sub(*v)),
        Voxels::I8(v) => v.iter_mut().for_each(|v| *v = !*v),
        Voxels::I16(v) => v.iter_mut().for_each(|v| *v = !*v),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ybr_becomes_the_colours_that_it_stands_for() {
        for (ybr, rgb) in [([255, 128, 128], [255; 3]), ([0, 128, 128], [0; 3]), ([76, 85, 255], [254, 0, 0])] {
            assert_eq!(rgb_from_ybr(ybr), rgb);
        }
    }

    #[test]
    fn low_and_high_change_places() {
        let mut voxels = Voxels::U16(vec![0, 4095, 95]);
        invert(&mut voxels, 12);
        assert_eq!(voxels, Voxels::U16(vec![4095, 0, 4000]));
        let mut voxels = Voxels::I16(vec![-32768, 32767, -1]);
        invert(&mut voxels, 16);
        assert_eq!(voxels, Voxels::I16(vec![32767, -32768, 0]));
    }
}
