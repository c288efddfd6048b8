//! Measurements on slices: what was laid where, and what it says.

use std::path::PathBuf;

use super::App;
use super::case::{Case, PLANES};
use super::panels::number;
use super::state::{Purpose, State};
use super::tools::{Outline, OutlineKind, OutlineStep, Place, PointerEvent, PointerKind, Ruler, RulerStep, Tool};
use crate::domain::grid::SliceAxes;
use crate::domain::measure::{RegionStatistics, angle_deg, csv_field, distance_mm, region};
use crate::domain::{Convention, Grid, Plane};
use crate::engine::Job;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Between two points.
    Distance,
    /// At the second of three points.
    Angle,
    /// What a contour encloses.
    Area,
}

/// One measurement, on the slice that it was laid on.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Counts the measurements of a case.
    pub id: u64,
    /// Given by the person, or made up.
    pub name: String,
    /// What is measured.
    pub kind: Kind,
    /// In voxels, centres on whole numbers, all on one slice.
    pub points: Vec<[f64; 3]>,
    /// The voxel axis across its slice.
    pub through: usize,
    /// What it says.
    pub reading: Reading,
}

/// What a measurement says.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The number; `None` for an angle one of whose arms has no length.
    pub value: Option<f64>,
    /// Of the number.
    pub unit: &'static str,
    /// Of an area: what it encloses.
    pub region: Option<RegionStatistics>,
}

impl Reading {
    /// The number with its unit.
    pub fn text(&self) -> String {
        match self.value {
            Some(value) if self.unit == "°" => format!("{value:.1}°"),
            Some(value) => format!("{} {}", number(value), self.unit),
            None => "undefined".to_owned(),
        }
    }

    /// Intensities inside, in words.
    pub fn inside(&self) -> Option<String> {
        let inside = self.region.as_ref()?.intensities?;
        let sd = inside.sd.map_or_else(String::new, |sd| format!(" ± {}", number(sd)));
        Some(format!("{}{sd}  ({} to {})", number(inside.mean), number(inside.min), number(inside.max)))
    }
}

impl Measurement {
    /// The slice that it lies on.
    pub fn index(&self) -> usize {
        self.points.first().map_or(0, |point| point[self.through].round().max(0.0) as usize)
    }

    /// Its points in pixels of a slice that lies on the screen along `axes`.
    pub fn pixels(&self, axes: &SliceAxes, shape: [usize; 3]) -> Vec<[f64; 2]> {
        self.points.iter().map(|point| axes.pixel_at(shape, *point)).collect()
    }
}

impl Case {
    /// What a ruler over these points says now.
    fn reading(&self, kind: Kind, place: Place, points: &[[f64; 3]]) -> Reading {
        let (grid, is_mm) = self.measured_grid();
        let (value, unit, region) = match (kind, points) {
            (Kind::Distance, [a, b, ..]) => (Some(distance_mm(&grid, *a, *b)), if is_mm { "mm" } else { "px" }, None),
            (Kind::Angle, [a, vertex, b, ..]) => (angle_deg(&grid, *a, *vertex, *b), "°", None),
            _ => {
                let shape = grid.shape();
                let vertices: Vec<_> = points.iter().map(|point| place.axes.pixel_at(shape, *point)).collect();
                let mut inside = region(&self.opened.volume, self.frame, &place.axes, place.index, &vertices);
                inside.area_mm2 = crate::domain::measure::area_mm2(&grid, &place.axes, &vertices);
                (Some(inside.area_mm2), if is_mm { "mm²" } else { "px²" }, Some(inside))
            }
        };
        Reading { value, unit, region }
    }

    /// Whether the file says how large its voxels are.
    pub fn has_millimetres(&self) -> bool {
        self.grid().is_scaled() && self.opened.header.as_ref().is_none_or(|header| header.has_voxel_size())
    }

    /// The grid that is measured on, and whether it has millimetres: where a file does not say how large its voxels are,
    /// lengths are in pixels.
    fn measured_grid(&self) -> (Grid, bool) {
        let pixels = || Grid::axis_aligned(self.grid().shape(), [1.0; 3]).ok();
        match (self.has_millimetres(), pixels()) {
            (false, Some(pixels)) => (pixels, false),
            _ => (self.grid().clone(), true),
        }
    }

    /// The measurements on the slice of a view.
    pub fn measurements_at(&self, place: Place) -> impl Iterator<Item = &Measurement> {
        let is_here = move |known: &&Measurement| known.through == place.axes.through && known.index() == place.index;
        self.measurements.iter().filter(is_here)
    }

    fn measure(&mut self, kind: Kind, place: Place, points: &[[f64; 2]]) {
        let shape = self.grid().shape();
        let points: Vec<_> = points.iter().map(|at| place.axes.voxel_at(shape, *at, place.index)).collect();
        let id = self.measurements.iter().map(|known| known.id).max().unwrap_or(0) + 1;
        let n = self.measurements.iter().filter(|known| known.kind == kind).count() + 1;
        let name = match kind {
            Kind::Distance => format!("Distance {n}"),
            Kind::Angle => format!("Angle {n}"),
            Kind::Area => format!("Area {n}"),
        };
        let reading = self.reading(kind, place, &points);
        self.measurements.push(Measurement { id, name, kind, points, through: place.axes.through, reading });
    }

    /// The point of a measurement under the pointer.
    fn point_under(&self, place: Place, event: &PointerEvent) -> Option<(u64, usize)> {
        let shape = self.grid().shape();
        self.measurements_at(place).find_map(|known| {
            let pixels = known.pixels(&place.axes, shape);
            let is_near = |at: &[f64; 2]| (at[0] - event.at[0]).hypot(at[1] - event.at[1]) <= event.reach;
            pixels.iter().position(is_near).map(|point| (known.id, point))
        })
    }

    fn move_point(&mut self, (id, point): (u64, usize), place: Place, at: [f64; 2]) {
        let shape = self.grid().shape();
        let Some(known) = self.measurements.iter().position(|known| known.id == id) else { return };
        let measurement = &mut self.measurements[known];
        measurement.points[point] = place.axes.voxel_at(shape, at, place.index);
        let (kind, points) = (measurement.kind, measurement.points.clone());
        let reading = self.reading(kind, place, &points);
        self.measurements[known].reading = reading;
    }

    /// Reads all areas again, as another frame is shown.
    pub fn remeasure(&mut self) {
        for at in 0..self.measurements.len() {
            let known = &self.measurements[at];
            let plane = PLANES.into_iter().find(|plane| self.through(*plane).0 == known.through);
            let Some(plane) = plane else { continue };
            // Which side is left does not matter to what is inside.
            let place = Place { plane, axes: self.axes(plane, Convention::default()), index: known.index() };
            let reading = self.reading(known.kind, place, &known.points);
            self.measurements[at].reading = reading;
        }
    }

    /// The table of measurements: a line of heads, then one a measurement, fields apart by `between`.
    fn measurement_table(&self, between: &str, end: &str, field: impl Fn(&str) -> String) -> String {
        let heads = ["Name", "Plane", "Slice", "Value", "Unit", "Perimeter (mm)", "Voxels", "Mean", "SD", "Min", "Max"];
        let units = self.grid().units();
        let rows = self.measurements.iter().map(|known| {
            let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let region = known.reading.region.as_ref();
            let inside = region.and_then(|region| region.intensities);
            let plane = PLANES.into_iter().find(|plane| self.through(*plane).0 == known.through);
            [
                known.name.clone(),
                plane.map_or("", super::case::plane_name).to_owned(),
                (known.index() + 1).to_string(),
                number(known.reading.value),
                known.reading.unit.to_owned(),
                number(region.map(|region| region.perimeter_mm).filter(|_| known.reading.unit == units.area())),
                region.map(|region| region.n_voxels.to_string()).unwrap_or_default(),
                number(inside.map(|inside| inside.mean)),
                number(inside.and_then(|inside| inside.sd)),
                number(inside.map(|inside| inside.min)),
                number(inside.map(|inside| inside.max)),
            ]
        });
        std::iter::once(heads.map(|head| units.renamed(head)))
            .chain(rows)
            .map(|fields| fields.map(|text| field(&text)).join(between) + end)
            .collect()
    }
}

impl App {
    /// Lays a ruler, or moves a point of one that lies there.
    pub(super) fn use_ruler(&mut self, plane: Plane, event: &PointerEvent) {
        let tool = self.state.tool;
        let Some(place) = self.place(plane) else { return };
        let State { case: Some(case), settings, .. } = &mut self.state else { return };
        match (case.grabbed, event.kind) {
            (Some(grabbed), PointerKind::Move) => return case.move_point(grabbed, place, event.at),
            (Some(_), PointerKind::Release | PointerKind::Cancel) => return case.grabbed = None,
            (None, PointerKind::Press) if case.ruler.is_none() && case.outline.is_none() => {
                case.grabbed = case.point_under(place, event);
                if case.grabbed.is_some() {
                    return;
                }
            }
            _ => {}
        }
        if tool.outline(&settings.tools) == Some(OutlineKind::Polygon) {
            return self.use_area(place, event);
        }
        let is_press = event.kind == PointerKind::Press;
        let n_points = if tool == Tool::Angle { 3 } else { 2 };
        let step = match case.ruler.take() {
            Some(ruler) if is_press && ruler.place() != place => RulerStep::Open(Ruler::begin(n_points, place, event)),
            Some(ruler) => ruler.next(event),
            None if is_press => RulerStep::Open(Ruler::begin(n_points, place, event)),
            None => RulerStep::Nothing,
        };
        match step {
            RulerStep::Open(ruler) => case.ruler = Some(ruler),
            RulerStep::Done { place, points } => {
                let kind = if tool == Tool::Angle { Kind::Angle } else { Kind::Distance };
                case.measure(kind, place, &points);
            }
            RulerStep::Nothing => {}
        }
    }

    fn use_area(&mut self, place: Place, event: &PointerEvent) {
        let Some(case) = &mut self.state.case else { return };
        let is_press = event.kind == PointerKind::Press;
        let step = match case.outline.take() {
            Some(outline) if is_press && outline.place() != place => {
                OutlineStep::Open(Outline::begin(OutlineKind::Polygon, place, event))
            }
            Some(outline) => outline.next(event, &mut |_, _| Vec::new()),
            None if is_press => OutlineStep::Open(Outline::begin(OutlineKind::Polygon, place, event)),
            None => OutlineStep::Nothing,
        };
        match step {
            OutlineStep::Open(outline) => case.outline = Some(outline),
            OutlineStep::Closed { place, vertices, .. } => case.measure(Kind::Area, place, &vertices),
            OutlineStep::Nothing => {}
        }
    }

    /// Shows the slice that a measurement lies on.
    pub(super) fn show_measurement(&mut self, id: u64) {
        self.with_case(|case| {
            let Some(known) = case.measurements.iter().find(|known| known.id == id) else { return };
            let (shape, n) = (case.grid().shape(), known.points.len() as f64);
            let middle = [0, 1, 2].map(|axis| known.points.iter().map(|point| point[axis]).sum::<f64>() / n);
            case.crosshair = [0, 1, 2].map(|axis| (middle[axis].round().max(0.0) as usize).min(shape[axis] - 1));
        });
    }

    pub(super) fn name_measurement(&mut self, id: u64, name: String) {
        self.with_case(|case| {
            if let Some(known) = case.measurements.iter_mut().find(|known| known.id == id) {
                known.name = name;
            }
        });
    }

    /// Copies the table of measurements for a spreadsheet.
    pub(super) fn copy_measurements(&mut self) {
        let Some(case) = &self.state.case else { return };
        self.ctx.copy_text(case.measurement_table("\t", "\n", |field| field.replace(['\t', '\n', '\r'], " ")));
        self.state.notices.success("Copied the measurements");
    }

    /// Has the table of measurements written.
    pub(super) fn write_measurements(&mut self, path: PathBuf) {
        let Some(case) = &self.state.case else { return };
        let path = if path.extension().is_none() { path.with_extension("csv") } else { path };
        let text = case.measurement_table(",", "\r\n", csv_field);
        self.engine.submit(Job::WriteText { path, text });
    }

    /// Asks where to write the table of measurements.
    pub(super) fn export_measurements(&mut self) {
        self.pick(Purpose::ExportMeasurements);
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::sample_case;
    use super::*;

    fn place(case: &Case, convention: Convention) -> Place {
        Place { plane: Plane::Axial, axes: case.axes(Plane::Axial, convention), index: 20 }
    }

    #[test]
    fn a_measurement_stays_where_it_is_when_left_and_right_change_sides() {
        let mut case = sample_case();
        let radiological = place(&case, Convention::Radiological);
        case.measure(Kind::Distance, radiological, &[[10.0, 12.0], [13.0, 16.0]]);
        let known = &case.measurements[0];
        let spacing = case.grid().spacing_mm();
        let expected = (3.0 * spacing[radiological.axes.right]).hypot(4.0 * spacing[radiological.axes.down]);
        assert!((known.reading.value.expect("a length") - expected).abs() < 1e-9);
        let shape = case.grid().shape();
        assert_eq!(known.pixels(&radiological.axes, shape), [[10.0, 12.0], [13.0, 16.0]]);
        let neurological = place(&case, Convention::Neurological);
        let width = shape[neurological.axes.right] as f64 - 1.0;
        assert_eq!(known.pixels(&neurological.axes, shape), [[width - 10.0, 12.0], [width - 13.0, 16.0]]);
        assert_eq!(case.measurements_at(neurological).count(), 1);
    }

    #[test]
    fn an_area_reads_another_frame_and_moves_with_its_points() {
        let mut case = sample_case();
        let here = place(&case, Convention::Radiological);
        case.measure(Kind::Area, here, &[[10.0, 10.0], [20.0, 10.0], [20.0, 30.0]]);
        let before = case.measurements[0].reading.clone();
        case.remeasure();
        assert_eq!(case.measurements[0].reading, before);
        case.move_point((1, 2), here, [20.0, 20.0]);
        let area = |reading: &Reading| reading.value.expect("an area");
        assert!((area(&before) - 2.0 * area(&case.measurements[0].reading)).abs() < 1e-9);
    }

    #[test]
    fn the_table_has_a_line_a_measurement_and_empty_fields_where_nothing_is_defined() {
        let mut case = sample_case();
        let here = place(&case, Convention::Radiological);
        case.measure(Kind::Angle, here, &[[10.0, 10.0], [20.0, 10.0], [20.0, 30.0]]);
        case.measure(Kind::Area, here, &[[10.0, 10.0], [20.0, 10.0], [20.0, 30.0]]);
        case.measurements[1].name = "Head, left".to_owned();
        let table = case.measurement_table(",", "\r\n", csv_field);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("Angle 1,Axial,21,90,°,,,,,,"), "{}", lines[1]);
        assert!(lines[2].starts_with("\"Head, left\",Axial,21,"), "{}", lines[2]);
    }
}
