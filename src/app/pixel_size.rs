//! The size of a picture's pixels, which most files do not say: set by the person, or forgotten.

use std::sync::Arc;

use super::App;
use super::case::Case;
use crate::domain::LabelMap;

impl Case {
    /// Gives the pixels of a picture a size in millimetres, or none. Says whether it could: not for what is no picture.
    pub fn set_pixel_mm(&mut self, pixel_mm: Option<f64>) -> bool {
        let before = self.grid().spacing_mm()[0];
        let Some(volume) = self.opened.volume.with_pixel_mm(pixel_mm) else { return false };
        self.opened.volume = Arc::new(volume);
        self.history.read_as(|labels| labels.with_pixel_mm(pixel_mm));
        let scaled = |labels: &mut Arc<LabelMap>| {
            labels.with_pixel_mm(pixel_mm).into_iter().for_each(|with_size| *labels = Arc::new(with_size));
        };
        self.opened.reference.iter_mut().for_each(|(labels, _)| scaled(labels));
        self.other_mask.iter_mut().for_each(|mask| scaled(&mut mask.labels));
        for preview in self.preview.iter_mut().chain(&mut self.parked_previews) {
            scaled(&mut preview.labels);
            preview.frames.iter_mut().for_each(scaled);
        }
        if let Some(chosen) = &mut self.lab.reference.chosen {
            scaled(&mut chosen.labels);
            chosen.frames.iter_mut().for_each(scaled);
        }
        // What is seen stays where it is.
        let growth = (self.grid().spacing_mm()[0] / before) as f32;
        self.cameras.iter_mut().for_each(|camera| camera.pan_mm *= growth);
        self.label_statistics = None;
        self.remeasure();
        true
    }
}

impl App {
    /// Gives the pixels of the open picture another size; the journal knows of it.
    pub(super) fn set_pixel_size(&mut self, pixel_mm: Option<f64>) {
        let is_set = self.state.case.as_mut().is_some_and(|case| case.set_pixel_mm(pixel_mm));
        if is_set {
            // The 3D view holds the old size.
            self.screen.forget();
            if let Some(recorder) = &self.recorder {
                recorder.pixel_size(pixel_mm);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::app::case::tests::sample_case;

    #[test]
    fn the_voxels_of_a_patient_keep_their_size() {
        let mut case = sample_case();
        let before = case.grid().clone();
        assert!(!case.set_pixel_mm(Some(0.5)));
        assert_eq!(case.grid(), &before);
    }
}
