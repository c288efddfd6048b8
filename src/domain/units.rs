//! What lengths and volumes on a grid are counted in: millimetres, or pixels where nobody knows how large these are.

use super::Grid;

/// The units of a grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Units {
    /// Millimetres, square millimetres and millilitres.
    #[default]
    Millimetres,
    /// Pixels, and how many of them: a grid without a scale counts each as one millimetre.
    Pixels,
}

impl Grid {
    /// What lengths and volumes on it are counted in.
    pub fn units(&self) -> Units {
        if self.is_scaled() { Units::Millimetres } else { Units::Pixels }
    }

    /// The volume of so many voxels, in the units of [`Units::volume`].
    pub fn volume_of(&self, n_voxels: u64) -> f64 {
        self.units().of_ml(n_voxels as f64 * self.voxel_volume_mm3() / 1000.0)
    }
}

impl Units {
    /// Behind a length.
    pub fn length(self) -> &'static str {
        match self {
            Self::Millimetres => "mm",
            Self::Pixels => "px",
        }
    }

    /// Behind an area.
    pub fn area(self) -> &'static str {
        match self {
            Self::Millimetres => "mm²",
            Self::Pixels => "px²",
        }
    }

    /// Behind the volume of something small, in cubes of a length.
    pub fn cube(self) -> &'static str {
        match self {
            Self::Millimetres => "mm³",
            Self::Pixels => "px³",
        }
    }

    /// Behind a volume.
    pub fn volume(self) -> &'static str {
        match self {
            Self::Millimetres => "mL",
            Self::Pixels => "voxels",
        }
    }

    /// How many of the units of [`Units::volume`] a volume in millilitres is.
    pub fn of_ml(self, ml: f64) -> f64 {
        match self {
            Self::Millimetres => ml,
            Self::Pixels => ml * 1000.0,
        }
    }

    /// The name of a column, which says millimetres by `mm` and millilitres by `ml` or `mL`: `hd95_mm`, `Volume (mL)`.
    pub fn renamed(self, name: &str) -> String {
        let with = |ending: &str, other: &str| Some(format!("{}{other}", name.strip_suffix(ending)?));
        match self {
            Self::Millimetres => None,
            Self::Pixels => with("_mm", "_px")
                .or_else(|| with("_ml", "_voxels"))
                .or_else(|| with("(mm)", "(px)"))
                .or_else(|| with("(mL)", "(voxels)")),
        }
        .unwrap_or_else(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_counted_in_pixels_until_the_size_of_one_is_known() {
        let picture = Grid::picture([9, 9, 4], None).unwrap();
        assert_eq!(picture.units(), Units::Pixels);
        assert_eq!(picture.with_pixel_mm(Some(0.5)).unwrap().units(), Units::Millimetres);
        assert_eq!(picture.volume_of(324), 324.0);
        assert_eq!(Grid::axis_aligned([2; 3], [10.0; 3]).unwrap().volume_of(5), 5.0);
    }

    #[test]
    fn columns_are_called_after_their_unit() {
        for (name, in_pixels) in [
            ("hd95_mm", "hd95_px"),
            ("truth_ml", "truth_voxels"),
            ("Volume (mL)", "Volume (voxels)"),
            ("HD95 (mm)", "HD95 (px)"),
            ("dice", "dice"),
        ] {
            assert_eq!(Units::Pixels.renamed(name), in_pixels);
            assert_eq!(Units::Millimetres.renamed(name), name);
        }
    }
}
