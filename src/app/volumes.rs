//! The volume of each label in each frame of a volume over time, and the ejection fraction from it.

use super::case::Case;
use super::panels::millilitres;
use crate::domain::measure::csv_field;
use crate::domain::over_time::emptying;
use crate::domain::{Label, Units};

impl Case {
    /// The volume of a label in each frame, 0 where it was not drawn; `None` until the voxels have been counted, and where one
    /// mask is for all frames.
    pub fn volumes(&self, id: u16) -> Option<Vec<f64>> {
        let frames = self.history.frames();
        let volume = |frame| Some(self.grid().volume_of(self.counts.of(frame, id)?));
        frames.in_use().map(volume).collect::<Option<Vec<_>>>().filter(|_| frames.one_for_all().is_none())
    }

    /// What a chamber pumps out: its volume at the end of filling and of emptying, and the part of it that goes.
    pub fn ejection_text(&self, label: &Label) -> Option<String> {
        let volumes = self.volumes(label.id)?;
        let text = |volume: f64| match self.grid().units() {
            Units::Millimetres => millilitres(volume),
            Units::Pixels => format!("{volume:.0} voxels"),
        };
        let n_drawn = volumes.iter().filter(|volume| **volume > 0.0).count();
        let emptying = emptying(&volumes)?;
        let (largest, smallest) = (volumes[emptying.largest], volumes[emptying.smallest]);
        let partly = match volumes.len() - n_drawn {
            0 => String::new(),
            _ => format!(" Drawn in {n_drawn} of {} frames.", volumes.len()),
        };
        Some(format!(
            "{}: largest volume (EDV) {} in frame {}, smallest (ESV) {} in frame {}. Ejection fraction (EDV \u{2212} ESV) / EDV = {:.0} %, \
             stroke volume {}; they mean something of a ventricle.{partly}",
            label.name,
            text(largest),
            emptying.largest + 1,
            text(smallest),
            emptying.smallest + 1,
            100.0 * emptying.fraction,
            text(largest - smallest),
        ))
    }

    /// Voxels and volume of every label in every frame, as CSV; with the frames' times in milliseconds where they are known.
    pub fn volumes_csv(&self) -> String {
        let is_scaled = self.grid().is_scaled();
        let volume = if is_scaled { ",volume_ml" } else { "" };
        let mut text = format!("{},label,name,voxels{volume}\n", self.frame_columns());
        for label in &self.table.labels {
            for (frame, volume) in self.volumes(label.id).into_iter().flatten().enumerate() {
                let n_voxels = self.counts.of(frame, label.id).unwrap_or(0);
                let volume = if is_scaled { format!(",{volume:.6}") } else { String::new() };
                let (at, name) = (self.frame_fields(frame), csv_field(&label.name));
                text += &format!("{at},{},{name},{n_voxels}{volume}\n", label.id);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::edit::Stroke;
    use crate::domain::{FrameTimes, Grid, LabelTable, Scaling, Volume, Voxels};
    use crate::engine::Opened;

    /// A volume of three frames, in which label 1 has 4, 0 and 1 voxels of half a millilitre.
    fn beating() -> Case {
        let grid = Grid::axis_aligned([4, 2, 2], [10.0, 10.0, 5.0]).expect("valid");
        let volume = Volume::new(grid, Voxels::U8(vec![0; 48]), Scaling::NONE, 3).expect("fits");
        let opened = Opened {
            path: None,
            name: "cine".to_owned(),
            volume: Arc::new(volume.with_frame_times(FrameTimes::even(3, 0.04))),
            header: None,
            reference: None,
            warnings: Vec::new(),
        };
        let mut case = Case::new(1, opened);
        case.table = LabelTable::with_ids(&[1]);
        for (frame, n_voxels) in [(0, 4), (2, 1)] {
            case.history.show(frame);
            let mut stroke = Stroke::new("Brush", case.history.labels());
            stroke.set_all(0..n_voxels, 0, 1);
            case.history.apply(stroke.finish().expect("a change"));
        }
        case.history.take_changes().iter().for_each(|change| case.counts.follow(change));
        case
    }

    #[test]
    fn the_ejection_fraction_is_of_true_volumes_of_the_frames_that_were_drawn() {
        let case = beating();
        assert_eq!(case.volumes(1), Some(vec![2.0, 0.0, 0.5]));
        let text = case.emptying_text().expect("two frames are drawn");
        assert!(text.contains("(EDV) 2.00 mL in frame 1, smallest (ESV) 0.50 mL in frame 3"), "{text}");
        assert!(text.contains("= 75 %") && text.contains("stroke volume 1.50 mL"), "{text}");
        assert!(text.ends_with("Drawn in 2 of 3 frames."), "{text}");
        let chart = case.over_time_chart().expect("a chart");
        assert_eq!((chart.title.as_str(), chart.series.len()), ("Volume over time", 1));
        let points: Vec<_> = chart.series[0].points.iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(points, [(0.0, 2.0), (80.0, 0.5)]);
    }

    #[test]
    fn the_table_has_a_row_for_each_label_in_each_frame() {
        let text = beating().over_time_csv().expect("a table");
        let rows = ["0.000,1,Label 1,4,2.000000", "40.000,1,Label 1,0,0.000000", "80.000,1,Label 1,1,0.500000"];
        assert_eq!(
            text,
            format!("frame,time_ms,label,name,voxels,volume_ml\n1,{}\n2,{}\n3,{}\n", rows[0], rows[1], rows[2])
        );
    }

    #[test]
    fn one_mask_for_all_frames_has_no_volume_over_time() {
        let mut case = beating();
        case.history.share_mask(true);
        assert_eq!((case.volumes(1), case.emptying_text()), (None, None));
        assert!(case.over_time_chart().expect("a chart").series.is_empty());
    }
}
