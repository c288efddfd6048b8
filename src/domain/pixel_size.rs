//! Pictures whose pixels are given a size.

use super::{Grid, Space};

impl Grid {
    /// The same picture with pixels of another size in millimetres, or of none that is known. `None` where it is no picture, or
    /// where no pixel can be so large.
    pub fn with_pixel_mm(&self, pixel_mm: Option<f64>) -> Option<Self> {
        let is_size = pixel_mm.is_none_or(|mm| mm.is_finite() && mm > 0.0);
        (self.space() != Space::Patient && is_size).then_some(())?;
        let [_, _, n_slices] = self.shape();
        // A frame of time has no length.
        let size = |mm| [mm, mm, if self.is_series() { 1.0 } else { mm }];
        let picture = Self::picture(self.shape(), pixel_mm.map(size)).ok()?;
        Some(if self.is_series() { picture.in_time(n_slices) } else { picture })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Grid;

    #[test]
    fn a_series_stays_one_and_its_frames_have_no_length() {
        let series = Grid::picture([4, 3, 1], None).unwrap().in_time(5);
        let scaled = series.with_pixel_mm(Some(0.5)).unwrap();
        assert_eq!((scaled.spacing_mm(), scaled.shape(), scaled.is_series()), ([0.5, 0.5, 1.0], [4, 3, 5], true));
        assert_eq!(scaled.with_pixel_mm(None), Some(series.clone()));
        assert_eq!([f64::NAN, 0.0, -1.0].map(|mm| series.with_pixel_mm(Some(mm))), [None, None, None]);
        assert_eq!(Grid::axis_aligned([4, 3, 1], [1.0; 3]).unwrap().with_pixel_mm(Some(0.5)), None);
    }
}
