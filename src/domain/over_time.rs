//! What each label measures in each frame of a series, and how much of itself a chamber pumps out.

use std::collections::BTreeMap;

use super::LabelMap;

/// One label in one frame. Lengths are in millimetres, or in pixels where the size of these is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrameMeasure {
    /// Pixels.
    pub n_pixels: u64,
    /// Their area.
    pub area: f64,
    /// The longest straight line between two of its corners (maximum Feret diameter).
    pub long_axis: f64,
}

impl FrameMeasure {
    /// The volume of a body of revolution with this section through its axis: V = 8 A² / (3 π L), the single-plane area-length method
    /// (Lang et al. 2015, recommendations of the ASE and EACVI); 0 of an empty section.
    pub fn revolved_volume(&self) -> f64 {
        if self.long_axis > 0.0 {
            8.0 * self.area * self.area / (3.0 * std::f64::consts::PI * self.long_axis)
        } else {
            0.0
        }
    }
}

/// The frames of the largest and the smallest value of a beat, and what is lost between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emptying {
    /// Frame of the largest value.
    pub largest: usize,
    /// Frame of the smallest value.
    pub smallest: usize,
    /// (largest − smallest) / largest.
    pub fraction: f64,
}

/// How a value falls over the frames in which it is above 0; `None` where there are fewer than two: a frame without it is taken for
/// one that nobody has drawn on.
pub fn emptying(values: &[f64]) -> Option<Emptying> {
    let drawn = || (0..values.len()).filter(|frame| values[*frame] > 0.0);
    let by_value = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]);
    // The first of several that are equally large.
    let (largest, smallest) = (drawn().rev().max_by(by_value)?, drawn().min_by(by_value)?);
    let fraction = (values[largest] - values[smallest]) / values[largest];
    (drawn().count() > 1).then_some(Emptying { largest, smallest, fraction })
}

/// Every label that is somewhere, in each frame: slices along the third axis.
pub fn over_time(labels: &LabelMap) -> BTreeMap<u16, Vec<FrameMeasure>> {
    let grid = labels.grid();
    let [width, height, n_frames] = grid.shape();
    let [across, down, _] = grid.spacing_mm();
    let is_labelled = labels.labelled_slices(2);
    let mut measures: BTreeMap<u16, Vec<FrameMeasure>> = BTreeMap::new();
    let mut ids = vec![0; width * height];
    for frame in (0..n_frames).filter(|frame| is_labelled[*frame]) {
        labels.copy_range(frame * width * height, &mut ids);
        let mut rows: BTreeMap<u16, Outline> = BTreeMap::new();
        for (y, row) in ids.chunks_exact(width).enumerate() {
            for (x, &id) in row.iter().enumerate().filter(|(_, id)| **id != 0) {
                rows.entry(id).or_default().add(x, y);
            }
        }
        for (id, outline) in rows {
            let long_axis = outline.long_axis([across, down]);
            let measure =
                FrameMeasure { n_pixels: outline.n_pixels, area: outline.n_pixels as f64 * across * down, long_axis };
            measures.entry(id).or_insert_with(|| vec![FrameMeasure::default(); n_frames])[frame] = measure;
        }
    }
    measures
}

/// The first and the last pixel of a label in each row that it is in.
#[derive(Default)]
struct Outline {
    n_pixels: u64,
    rows: Vec<(usize, usize, usize)>,
}

impl Outline {
    /// Pixels come row by row, from the left.
    fn add(&mut self, x: usize, y: usize) {
        self.n_pixels += 1;
        match self.rows.last_mut() {
            Some((row, _, last)) if *row == y => *last = x,
            _ => self.rows.push((y, x, x)),
        }
    }

    /// Between the corners of its pixels.
    fn long_axis(&self, [across, down]: [f64; 2]) -> f64 {
        let corners: Vec<[f64; 2]> = self
            .rows
            .iter()
            .flat_map(|&(y, first, last)| {
                [(first, y), (last + 1, y), (first, y + 1), (last + 1, y + 1)]
                    .map(|(x, y)| [x as f64 * across, y as f64 * down])
            })
            .collect();
        let mut longest: f64 = 0.0;
        for (i, a) in corners.iter().enumerate() {
            for b in &corners[i + 1..] {
                longest = longest.max((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2));
            }
        }
        longest.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    #[test]
    fn a_rectangle_has_its_area_and_its_diagonal_in_each_frame() {
        let grid = Grid::picture([6, 5, 1], Some([0.5, 2.0, 1.0])).unwrap().in_time(3);
        let mut ids = vec![0; 90];
        for (x, y) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)] {
            ids[30 + 6 * y + x] = 4;
        }
        let measures = over_time(&LabelMap::new(grid, ids).unwrap());
        let of = &measures[&4];
        assert_eq!((of[0], of[2]), (FrameMeasure::default(), FrameMeasure::default()));
        assert_eq!((of[1].n_pixels, of[1].area), (6, 6.0));
        assert!((of[1].long_axis - (1.5f64 * 1.5 + 16.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn half_an_ellipse_revolved_is_half_an_ellipsoid() {
        // A = π a b / 2 with a half axis a along the revolution, cut at the middle: L = a, V = 2/3 π a b².
        let (a, b) = (40.0, 15.0);
        let measure = FrameMeasure { n_pixels: 1, area: std::f64::consts::PI * a * b / 2.0, long_axis: a };
        assert!((measure.revolved_volume() / (2.0 / 3.0 * std::f64::consts::PI * a * b * b) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_lost_is_a_share_of_the_largest() {
        let emptying = emptying(&[10.0, 8.0, 4.0, 6.0, 10.0]).unwrap();
        assert_eq!((emptying.largest, emptying.smallest), (0, 2));
        assert!((emptying.fraction - 0.6).abs() < 1e-12);
        assert_eq!(super::emptying(&[0.0, 7.0, 0.0]), None, "one frame alone empties nothing");
        assert_eq!(
            super::emptying(&[0.0, 8.0, 0.0, 6.0]).unwrap().smallest,
            3,
            "a frame that nobody drew on is not empty"
        );
        assert_eq!(super::emptying(&[]), None);
    }
}
