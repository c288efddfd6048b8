//! What a person knows of a picture that its file does not say.

use super::{Space, Volume};

/// What is said beside the file; what is `None` is as the file has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PictureFacts {
    /// Whether pictures that follow each other are frames of time rather than slices.
    pub is_series: Option<bool>,
    /// How wide and high a pixel is, in millimetres.
    pub pixel_mm: Option<f64>,
}

/// Why it cannot be true of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureFactsError {
    /// It is no stack of pictures.
    #[error(
        "only a stack of pictures can be read as frames or as slices: this image has one slice, or says itself what it is"
    )]
    NoStack,
    /// It is no picture, or that is no size.
    #[error(
        "only the pixels of pictures can be given a size, in millimetres above 0: this image says itself where its voxels lie"
    )]
    NoPixels,
}

impl PictureFacts {
    /// The image as it is with this in mind.
    ///
    /// # Errors
    /// [`PictureFactsError`] where it cannot be true of this image.
    pub fn applied(self, volume: Volume) -> Result<Volume, PictureFactsError> {
        let is_picture = volume.grid().space() != Space::Patient;
        let volume = match self.is_series.filter(|is_series| *is_series != volume.grid().is_series()) {
            Some(_) if is_picture => volume.with_time_swapped().ok_or(PictureFactsError::NoStack)?,
            Some(_) => return Err(PictureFactsError::NoStack),
            None => volume,
        };
        match self.pixel_mm {
            Some(_) => volume.with_pixel_mm(self.pixel_mm).ok_or(PictureFactsError::NoPixels),
            None => Ok(volume),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Scaling, Voxels};

    fn on(grid: Grid) -> Volume {
        let voxels = Voxels::U8(vec![0; grid.n_voxels()]);
        Volume::new(grid, voxels, Scaling::NONE, 1).unwrap()
    }

    #[test]
    fn a_stack_of_pictures_is_what_is_said_of_it() {
        let stack = on(Grid::picture([4, 3, 5], None).unwrap());
        assert_eq!(PictureFacts::default().applied(stack.clone()), Ok(stack.clone()));
        let facts = PictureFacts { is_series: Some(true), pixel_mm: Some(0.5) };
        let frames = facts.applied(stack.clone()).unwrap();
        assert_eq!((frames.grid().is_series(), frames.grid().spacing_mm()), (true, [0.5, 0.5, 1.0]));
        assert_eq!(facts.applied(frames.clone()), Ok(frames), "said twice");
        let slices = PictureFacts { is_series: Some(false), pixel_mm: None }.applied(stack.clone());
        assert_eq!(slices, Ok(stack));
    }

    #[test]
    fn what_an_image_says_of_itself_stays() {
        let patient = on(Grid::axis_aligned([4, 3, 5], [1.0; 3]).unwrap());
        let frames = PictureFacts { is_series: Some(true), pixel_mm: None };
        assert_eq!(frames.applied(patient.clone()), Err(PictureFactsError::NoStack));
        assert_eq!(frames.applied(on(Grid::picture([4, 3, 1], None).unwrap())), Err(PictureFactsError::NoStack));
        let size = PictureFacts { is_series: None, pixel_mm: Some(0.5) };
        assert_eq!(size.applied(patient), Err(PictureFactsError::NoPixels));
    }
}
