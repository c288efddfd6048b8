//! Writes labels as a segmentation, one segment a label.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use dicom_core::dictionary::DataDictionary;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::mem::InMemElement;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject, Tag};
use glam::DVec3;

use super::LABEL_ID;
use super::color::lab_from_rgb;
use super::frames::{Frame, Packed};
use super::read;
use super::reference::Reference;
use crate::domain::{Grid, Label, LabelMap, LabelTable};
use crate::io::dicom::head::Head;
use crate::io::metaimage::RAS_FROM_LPS;
use crate::io::provenance::utc;
use crate::io::replace::replace;
use crate::io::{Error, ids};
use crate::monitor::Monitor;

/// How far columns and rows may be from perpendicular: the cosine of their angle.
const SKEWED: f64 = 1e-4;

/// The most characters of a long string (LO).
const MAX_NAME: usize = 64;

/// The most characters of a number as text (DS).
const MAX_NUMBER: usize = 16;

/// Writes labels as `.dcm`. With `source`, the file or folder of the DICOM image that they were drawn on, they belong to its patient and
/// study and refer to its slices.
///
/// # Errors
/// [`Error::Segmentation`] where there is no label, or no DICOM image can lie so; what reading `source` again gives; a file that was
/// there before is then untouched, as is an image.
pub(in crate::io) fn write_labels(
    path: &Path,
    labels: &LabelMap,
    table: &LabelTable,
    source: Option<&Path>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let refused = |reason: &str| Error::Segmentation { reason: reason.to_owned(), path: path.to_owned() };
    if path.is_file() && Head::read(path).is_ok_and(|head| !head.is_segmentation()) {
        return Err(refused("a DICOM image has this name; choose another one"));
    }
    let used = labels.used_ids();
    if used.is_empty() {
        return Err(refused("it would hold no segment; label a voxel first, or choose .nii.gz, .nrrd or .mha"));
    }
    let geometry = Geometry::of(labels.grid())
        .ok_or_else(|| refused("rows and columns of the image are not perpendicular; choose .nii.gz, .nrrd or .mha"))?;
    let reference = source.map(|source| Reference::read(source, labels.grid(), monitor)).transpose()?.flatten();
    let packed = Packed::of(labels, &used, monitor)?;
    if u32::try_from(packed.bits.len()).is_err() || labels.grid().shape()[..2].iter().any(|&n| n > 65535) {
        return Err(refused("it would be larger than DICOM allows; choose .nii.gz, .nrrd or .mha"));
    }
    let segments = used.iter().zip(1..).map(|(&id, number)| segment(number, id, table)).collect();
    let mut object = InMemDicomObject::from_element_iter(identity(reference.as_ref()));
    let frames = geometry.per_frame(&packed.frames, reference.as_ref());
    [
        text(tags::ROWS, labels.grid().shape()[1] as u16),
        text(tags::COLUMNS, labels.grid().shape()[0] as u16),
        text(tags::NUMBER_OF_FRAMES, packed.frames.len().to_string()),
        sequence(tags::SEGMENT_SEQUENCE, segments),
        sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![geometry.shared()]),
        sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames),
        DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(packed.bits.into())),
    ]
    .into_iter()
    .chain(dimensions(geometry.is_series))
    .for_each(|element| {
        object.put(element);
    });
    let system = |error: String| Error::writing(path, std::io::Error::other(error));
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let object = object.with_meta(meta).map_err(|error| system(error.to_string()))?;
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).map_err(|error| system(error.to_string()))?;
    let write = |file: &mut File| file.write_all(&bytes).map_err(|error| Error::writing(path, error));
    replace(path, write, |written| {
        let read = read::read_labels_on(written, labels.grid(), monitor);
        ids::check(&[labels], path, read.map(|read| read.volume))
    })
}

/// An element of the type that the standard gives it.
fn text(tag: Tag, value: impl Into<PrimitiveValue>) -> InMemElement {
    let vr = StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr.relaxed());
    DataElement::new(tag, vr, value.into())
}

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> InMemElement {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}

fn item(elements: impl IntoIterator<Item = InMemElement>) -> InMemDicomObject {
    InMemDicomObject::from_element_iter(elements)
}

fn code(tag: Tag, value: &str, scheme: &str, meaning: &str) -> InMemElement {
    let code = [(tags::CODE_VALUE, value), (tags::CODING_SCHEME_DESIGNATOR, scheme), (tags::CODE_MEANING, meaning)];
    sequence(tag, vec![item(code.map(|(tag, value)| text(tag, value)))])
}

/// A UID that nobody else has (PS3.5, B.2).
fn new_uid() -> String {
    // Keyed by the system's random numbers.
    let half = || u128::from(RandomState::new().hash_one(SystemTime::now()));
    format!("2.25.{}", half() << 64 | half())
}

/// A number as text, as exact as it may be long.
fn decimal(number: f64) -> String {
    let fixed = (0..MAX_NUMBER).map(|digits| format!("{number:.digits$}"));
    let candidates = fixed.chain((0..MAX_NUMBER).map(|digits| format!("{number:.digits$e}")));
    let off = |text: &String| text.parse().map_or(f64::INFINITY, |read: f64| (read - number).abs());
    // Of the most exact ones the first, which is the shortest without an exponent.
    let best = candidates.filter(|text| text.len() <= MAX_NUMBER).min_by(|a, b| off(a).total_cmp(&off(b)));
    best.unwrap_or_else(|| "0".to_owned())
}

fn decimals(tag: Tag, numbers: &[f64]) -> InMemElement {
    text(tag, numbers.iter().map(|&number| decimal(number)).collect::<Vec<_>>().join("\\"))
}

/// Who and what the file is of, and what all segmentations of this program say.
fn identity(reference: Option<&Reference>) -> Vec<InMemElement> {
    let now: String = utc(SystemTime::now()).chars().filter(|c| c.is_ascii_digit()).collect();
    let (date, time) = now.split_at(8);
    let empty = [
        tags::PATIENT_NAME,
        tags::PATIENT_ID,
        tags::PATIENT_BIRTH_DATE,
        tags::PATIENT_SEX,
        tags::STUDY_DATE,
        tags::STUDY_TIME,
        tags::STUDY_ID,
        tags::ACCESSION_NUMBER,
        tags::REFERRING_PHYSICIAN_NAME,
        tags::POSITION_REFERENCE_INDICATOR,
        tags::CONTENT_CREATOR_NAME,
    ];
    let fresh = [tags::STUDY_INSTANCE_UID, tags::FRAME_OF_REFERENCE_UID].map(|tag| text(tag, new_uid()));
    let mut elements: Vec<InMemElement> =
        empty.map(|tag| text(tag, PrimitiveValue::Empty)).into_iter().chain(fresh).collect();
    elements.push(text(tags::LOSSY_IMAGE_COMPRESSION, "00"));
    // Of two elements of one tag the later one counts.
    elements.extend(reference.iter().flat_map(|reference| reference.copied.iter().cloned()));
    let fixed = [
        (tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192"),
        (tags::SOP_CLASS_UID, uids::SEGMENTATION_STORAGE),
        (tags::SOP_INSTANCE_UID, &new_uid()),
        (tags::SERIES_INSTANCE_UID, &new_uid()),
        (tags::MODALITY, "SEG"),
        (tags::SERIES_NUMBER, "1000"),
        (tags::SERIES_DESCRIPTION, "Segmentation"),
        (tags::INSTANCE_NUMBER, "1"),
        (tags::SERIES_DATE, date),
        (tags::SERIES_TIME, time),
        (tags::CONTENT_DATE, date),
        (tags::CONTENT_TIME, time),
        (tags::TIMEZONE_OFFSET_FROM_UTC, "+0000"),
        (tags::MANUFACTURER, "ldseg"),
        (tags::MANUFACTURER_MODEL_NAME, "ldseg"),
        (tags::DEVICE_SERIAL_NUMBER, "1"),
        (tags::SOFTWARE_VERSIONS, env!("CARGO_PKG_VERSION")),
        (tags::IMAGE_TYPE, "DERIVED\\PRIMARY"),
        (tags::CONTENT_LABEL, "SEGMENTATION"),
        (tags::CONTENT_DESCRIPTION, "Labels"),
        (tags::SEGMENTATION_TYPE, "BINARY"),
        (tags::SEGMENTS_OVERLAP, "NO"),
        (tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2"),
    ];
    elements.extend(fixed.map(|(tag, value)| text(tag, value)));
    let numbers = [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::BITS_ALLOCATED, 1),
        (tags::BITS_STORED, 1),
        (tags::HIGH_BIT, 0),
        (tags::PIXEL_REPRESENTATION, 0_u16),
    ];
    elements.extend(numbers.map(|(tag, value)| text(tag, value)));
    elements.extend(reference.filter(|reference| !reference.instances.is_empty()).map(referenced_series));
    elements
}

fn referenced_series(reference: &Reference) -> InMemElement {
    let instances = reference.instances.iter().map(|sop| item(referenced(sop))).collect();
    let series = [
        text(tags::SERIES_INSTANCE_UID, reference.series.as_str()),
        sequence(tags::REFERENCED_INSTANCE_SEQUENCE, instances),
    ];
    sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![item(series)])
}

fn referenced([class, instance]: &[String; 2]) -> [InMemElement; 2] {
    let uids = [(tags::REFERENCED_SOP_CLASS_UID, class), (tags::REFERENCED_SOP_INSTANCE_UID, instance)];
    uids.map(|(tag, uid)| text(tag, uid.as_str()))
}

/// Frames are told apart by their segment and their place, or their time in a series.
fn dimensions(is_series: bool) -> [InMemElement; 2] {
    let organization = text(tags::DIMENSION_ORGANIZATION_UID, new_uid());
    let index = |pointer: Tag, group: Tag| {
        let pointers = [(tags::DIMENSION_INDEX_POINTER, pointer), (tags::FUNCTIONAL_GROUP_POINTER, group)];
        let pointers = pointers.map(|(tag, value)| text(tag, PrimitiveValue::Tags(vec![value].into())));
        item(pointers.into_iter().chain([organization.clone()]))
    };
    let indices = vec![
        index(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE),
        match is_series {
            true => index(tags::TEMPORAL_POSITION_INDEX, tags::FRAME_CONTENT_SEQUENCE),
            false => index(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE),
        },
    ];
    [
        sequence(tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![item([organization.clone()])]),
        sequence(tags::DIMENSION_INDEX_SEQUENCE, indices),
    ]
}

fn segment(number: u16, id: u16, table: &LabelTable) -> InMemDicomObject {
    let label = table.get(id).cloned().unwrap_or_else(|| Label::new(id, table.name(id)));
    let name: String = label.name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    let name = name.trim().replace('\\', "/");
    let name = if name.is_empty() { format!("Label {id}") } else { name };
    let mut segment = item([
        text(tags::SEGMENT_NUMBER, number),
        text(tags::SEGMENT_LABEL, name),
        text(tags::SEGMENT_ALGORITHM_TYPE, "SEMIAUTOMATIC"),
        text(tags::SEGMENT_ALGORITHM_NAME, "ldseg"),
        text(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, PrimitiveValue::U16(lab_from_rgb(label.color).to_vec().into())),
        code(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, "91723000", "SCT", "Anatomical structure"),
        code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, "91723000", "SCT", "Anatomical structure"),
    ]);
    let (group, creator, element) = LABEL_ID;
    // The group is odd and has room: there is nothing else in it.
    let _ = segment.put_private_element(group, creator, element, VR::US, PrimitiveValue::from(id));
    segment
}

/// Where slices lie, in the patient's left, posterior, superior.
struct Geometry {
    origin: DVec3,
    /// From one pixel, row and slice to the next.
    steps: [DVec3; 3],
    /// The slices are frames of time, all in the place of the first one.
    is_series: bool,
}

impl Geometry {
    /// `None` where rows and columns are not perpendicular.
    fn of(grid: &Grid) -> Option<Self> {
        let affine = grid.world_from_voxel();
        // The matrix that mirrors two axes is its own inverse.
        let matrix = RAS_FROM_LPS * affine.matrix3;
        let steps = [matrix.x_axis, matrix.y_axis, matrix.z_axis];
        let is_square = steps[0].normalize().dot(steps[1].normalize()).abs() < SKEWED;
        is_square.then_some(Self { origin: RAS_FROM_LPS * affine.translation, steps, is_series: grid.is_series() })
    }

    /// What holds for all frames.
    fn shared(&self) -> InMemDicomObject {
        let [along_row, down_column, step] = self.steps;
        let normal = along_row.cross(down_column).normalize();
        let apart = step.dot(normal).abs();
        let directions = [along_row.normalize().to_array(), down_column.normalize().to_array()].concat();
        let measures = [
            // Between rows comes first.
            decimals(tags::PIXEL_SPACING, &[down_column.length(), along_row.length()]),
            decimals(tags::SLICE_THICKNESS, &[apart]),
            decimals(tags::SPACING_BETWEEN_SLICES, &[apart]),
        ];
        let orientation = decimals(tags::IMAGE_ORIENTATION_PATIENT, &directions);
        item([
            sequence(tags::PIXEL_MEASURES_SEQUENCE, vec![item(measures)]),
            sequence(tags::PLANE_ORIENTATION_SEQUENCE, vec![item([orientation])]),
        ])
    }

    /// What is said of each frame.
    fn per_frame(&self, frames: &[Frame], reference: Option<&Reference>) -> Vec<InMemDicomObject> {
        let mut slices: Vec<usize> = frames.iter().map(|frame| frame.slice).collect();
        slices.sort_unstable();
        slices.dedup();
        let group = |frame: &Frame| {
            let place = slices.partition_point(|&slice| slice < frame.slice) as u32 + 1;
            let index = PrimitiveValue::U32(vec![u32::from(frame.segment), place].into());
            let mut content = item([text(tags::DIMENSION_INDEX_VALUES, index)]);
            let mut position = self.origin;
            if self.is_series {
                content.put(text(tags::TEMPORAL_POSITION_INDEX, frame.slice as u32 + 1));
            } else {
                position += self.steps[2] * frame.slice as f64;
            }
            let mut group = item([
                sequence(tags::FRAME_CONTENT_SEQUENCE, vec![content]),
                sequence(
                    tags::PLANE_POSITION_SEQUENCE,
                    vec![item([decimals(tags::IMAGE_POSITION_PATIENT, &position.to_array())])],
                ),
                sequence(
                    tags::SEGMENT_IDENTIFICATION_SEQUENCE,
                    vec![item([text(tags::REFERENCED_SEGMENT_NUMBER, frame.segment)])],
                ),
            ]);
            if let Some(derivation) = reference.and_then(|reference| derivation(reference, frame.slice)) {
                group.put(derivation);
            }
            group
        };
        frames.iter().map(group).collect()
    }
}

/// Which slice of the series a frame was drawn on.
fn derivation(reference: &Reference, slice: usize) -> Option<InMemElement> {
    let source = reference.slice(slice)?;
    let mut image = item(referenced(&reference.instances[source.instance]));
    if let Some(frame) = source.frame {
        image.put(text(tags::REFERENCED_FRAME_NUMBER, frame.to_string()));
    }
    image.put(text(tags::SPATIAL_LOCATIONS_PRESERVED, "YES"));
    let purpose = "Source image for image processing operation";
    image.put(code(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, "121322", "DCM", purpose));
    let derivation = item([
        code(tags::DERIVATION_CODE_SEQUENCE, "113076", "DCM", "Segmentation"),
        sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![image]),
    ]);
    Some(sequence(tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_as_exact_as_sixteen_characters_allow() {
        for (number, expected) in [(0.5, "0.5"), (-100.0, "-100"), (0.0, "0"), (-1.0 / 3.0, "-0.3333333333333")] {
            assert_eq!(decimal(number), expected);
        }
        assert_eq!(decimal(1.5e-20), "1.5e-20");
    }

    proptest! {
        #[test]
        fn every_number_fits_and_comes_back(number in -1e5..1e5) {
            let text = decimal(number);
            prop_assert!(text.len() <= MAX_NUMBER);
            prop_assert!((text.parse::<f64>().unwrap() - number).abs() < 1e-8, "{}", text);
        }
    }
}
