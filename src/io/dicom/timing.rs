//! When frames were taken, by the header of one file.

use dicom_dictionary_std::tags;
use dicom_object::Tag;
use dicom_object::mem::InMemDicomObject;

use super::head::{item, numbers};
use crate::domain::FrameTimes;

/// What a file says of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Timing {
    /// Of its frames.
    pub times: Option<FrameTimes>,
    /// They follow from how fast the file wants its frames to be shown, in frames a second.
    pub shown_per_second: Option<f64>,
    /// Of the file after the R wave, where each frame of a beat is a file of its own, in milliseconds.
    pub trigger_ms: Option<f64>,
}

impl Timing {
    pub fn of(object: &InMemDicomObject, n_frames: usize) -> Self {
        let rate = |tag| first(object, tag).filter(|&rate| rate > 0.0);
        let even = |step_s| FrameTimes::even(n_frames, step_s);
        let times = vector(object, n_frames)
            .or_else(|| even(first(object, tags::FRAME_TIME)? / 1000.0))
            .or_else(|| even(1.0 / rate(tags::CINE_RATE)?))
            .or_else(|| trigger_delays(object, n_frames));
        let shown_per_second = rate(tags::RECOMMENDED_DISPLAY_FRAME_RATE).filter(|_| times.is_none() && n_frames > 1);
        Self {
            times: times.or_else(|| even(1.0 / shown_per_second?)),
            shown_per_second,
            trigger_ms: first(object, tags::TRIGGER_TIME),
        }
    }

    /// What a person should know of where the times come from.
    pub fn warning(&self) -> Option<String> {
        let rate = self.shown_per_second?;
        Some(format!(
            "The file does not say when its frames were taken; their times follow from the {rate} frames a second at which it wants \
             to be shown."
        ))
    }
}

fn first(object: &InMemDicomObject, tag: Tag) -> Option<f64> {
    numbers(object, tag)?.first().copied()
}

/// From the steps to each frame; the first is none.
fn vector(object: &InMemDicomObject, n_frames: usize) -> Option<FrameTimes> {
    let steps_ms = numbers(object, tags::FRAME_TIME_VECTOR).filter(|steps| steps.len() == n_frames)?;
    FrameTimes::from_steps(steps_ms.iter().skip(1).map(|ms| ms / 1000.0))
}

/// Of an enhanced file, whose frames each say how long after the R wave they lie.
fn trigger_delays(object: &InMemDicomObject, n_frames: usize) -> Option<FrameTimes> {
    let of = |frame: usize| {
        let group = item(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame)?;
        let cardiac = item(group, tags::CARDIAC_SYNCHRONIZATION_SEQUENCE, 0)?;
        Some(first(cardiac, tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME)? / 1000.0)
    };
    FrameTimes::at(&(0..n_frames).map(of).collect::<Option<Vec<_>>>()?)
}

#[cfg(test)]
mod tests {
    use dicom_core::{DataElement, PrimitiveValue, VR};

    use super::*;

    fn file(elements: &[(Tag, VR, &str)]) -> InMemDicomObject {
        let element = |&(tag, vr, text): &(Tag, VR, &str)| {
            let texts: Vec<String> = text.split('\\').map(str::to_owned).collect();
            DataElement::new(tag, vr, PrimitiveValue::Strs(texts.into()))
        };
        InMemDicomObject::from_element_iter(elements.iter().map(element))
    }

    const FRAME_TIME: (Tag, VR, &str) = (tags::FRAME_TIME, VR::DS, "40");
    const VECTOR: (Tag, VR, &str) = (tags::FRAME_TIME_VECTOR, VR::DS, "0\\20\\60");
    const CINE_RATE: (Tag, VR, &str) = (tags::CINE_RATE, VR::IS, "50");
    const SHOWN: (Tag, VR, &str) = (tags::RECOMMENDED_DISPLAY_FRAME_RATE, VR::IS, "10");

    fn seconds(elements: &[(Tag, VR, &str)]) -> Option<[f64; 3]> {
        Timing::of(&file(elements), 3).times.map(|times| [0, 1, 2].map(|frame| times.of(frame)))
    }

    #[test]
    fn the_most_exact_time_that_a_file_gives_is_taken() {
        assert_eq!(seconds(&[]), None);
        assert_eq!(seconds(&[SHOWN]), Some([0.0, 0.1, 0.2]));
        assert_eq!(seconds(&[SHOWN, CINE_RATE]), Some([0.0, 0.02, 0.04]));
        assert_eq!(seconds(&[SHOWN, CINE_RATE, FRAME_TIME]), Some([0.0, 0.04, 0.08]));
        assert_eq!(seconds(&[SHOWN, CINE_RATE, FRAME_TIME, VECTOR]), Some([0.0, 0.02, 0.08]));
    }

    #[test]
    fn a_time_that_is_none_is_passed_over() {
        assert_eq!(seconds(&[(tags::FRAME_TIME, VR::DS, "0")]), None);
        assert_eq!(seconds(&[(tags::FRAME_TIME_VECTOR, VR::DS, "0\\20"), FRAME_TIME]), Some([0.0, 0.04, 0.08]));
        assert_eq!(seconds(&[(tags::CINE_RATE, VR::IS, "-3")]), None);
    }

    #[test]
    fn a_rate_for_the_screen_is_no_measured_time_and_said_to_be_none() {
        let warning = |elements: &[_]| Timing::of(&file(elements), 3).warning();
        assert!(warning(&[SHOWN]).is_some_and(|text| text.contains("10 frames a second")));
        assert_eq!(warning(&[SHOWN, FRAME_TIME]), None);
        assert!(Timing::of(&file(&[SHOWN]), 1).warning().is_none(), "a single image has no rate");
    }
}
