//! A chart of a few series with their spread: drawn in the window, and into a picture for documents.

use std::ops::RangeInclusive;

use eframe::egui::{Align2, CentralPanel, Color32, Frame, Margin, Response, Role, Ui, WidgetInfo, vec2};
use egui_plot::{
    ColorConflictHandling, Corner, GridInput, GridMark, HoverPosition, Legend, Line, LineStyle, Plot, PlotPoint,
    PlotPoints, PlotResponse, Points, VLine,
};

use super::swatch;
use crate::app::theme::{Tokens, caption, strong, tokens, type_size};

/// Space left free around the data on an axis, as a part of their range.
const MARGIN: f32 = 0.06;
/// The size of a chart's picture in points.
const PICTURE: [f32; 2] = [760.0, 480.0];

/// Series over one pair of axes. What it shows and what it does not is said in its title and its axes' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Above the chart; also its accessible name.
    pub title: String,
    /// Under what the values were found, for the picture: image, model, seed, device.
    pub note: String,
    /// Across.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// Where the names of the series stand.
    pub legend: Place,
    /// Where a line marks what is shown elsewhere, across.
    pub cursor: Option<f64>,
    /// In the order of the legend.
    pub series: Vec<Series>,
}

/// A place for the names of series that none of them runs through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Beneath lines that rise towards the right.
    #[default]
    BottomRight,
    /// Above lines that fall towards the right.
    TopRight,
    /// Beside the title, for lines that run anywhere.
    Above,
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What is counted along it, with its unit.
    pub name: String,
    /// Powers of ten are equally far apart; values are positive.
    pub is_log: bool,
    /// Always shown.
    pub includes: Vec<f64>,
}

/// One line of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// In the legend.
    pub name: String,
    /// Which of the theme's colours of series.
    pub color: usize,
    /// The colour of what it is about, such as a label, instead.
    pub own_color: Option<[u8; 3]>,
    /// Drawn with dashes.
    pub is_dashed: bool,
    /// In ascending order of `x`.
    pub points: Vec<Point>,
}

/// One value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// The standard deviation of `y`, drawn as a bar; `None` where there is none to know.
    pub sd: Option<f64>,
    /// What is said of it under the pointer.
    pub words: String,
}

impl Axis {
    /// An axis of equal steps.
    pub fn linear(name: &str, includes: &[f64]) -> Self {
        Self { name: name.to_owned(), is_log: false, includes: includes.to_vec() }
    }

    /// An axis on which powers of ten are equally far apart.
    pub fn log(name: &str, includes: &[f64]) -> Self {
        Self { name: name.to_owned(), is_log: true, includes: includes.to_vec() }
    }

    /// Where a value lies; below every value where a logarithm has none.
    fn place(&self, value: f64) -> f64 {
        if self.is_log { value.max(1e-6).log10() } else { value }
    }

    fn marks(&self, input: GridInput) -> Vec<GridMark> {
        if !self.is_log {
            return egui_plot::log_grid_spacer(10)(input);
        }
        let (low, high) = input.bounds;
        let decades = (low.floor() as i32).max(-6)..=(high.ceil() as i32).min(9);
        let within = |decade: i32| (1..10).map(move |digit| (decade, digit));
        let mark = |(decade, digit): (i32, i32)| {
            let step_size = if digit == 1 { 1.0 } else { 0.25 };
            GridMark { value: f64::from(decade) + f64::from(digit).log10(), step_size }
        };
        decades.flat_map(within).map(mark).filter(|mark| (low..=high).contains(&mark.value)).collect()
    }

    fn text(&self, mark: GridMark, range: &RangeInclusive<f64>) -> String {
        if !self.is_log {
            let digits = (-mark.step_size.log10().floor()).clamp(0.0, 6.0) as usize;
            return format!("{:.digits$}", mark.value);
        }
        let value = 10.0_f64.powf(mark.value);
        let digit = (value / 10.0_f64.powf(mark.value.floor() + 1e-9)).round() as i32;
        let is_wide = range.end() - range.start() > 4.0;
        let is_named = mark.step_size == 1.0 || !is_wide && matches!(digit, 2 | 5);
        if is_named { round(value) } else { String::new() }
    }
}

/// A number of one digit, without more zeros than it needs.
fn round(value: f64) -> String {
    let digits = (-value.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}

/// Draws a chart of `height` points over the width that there is. The wheel with the control key zooms, a double click shows all
/// again. Says where it was clicked, across.
pub fn chart_ui(ui: &mut Ui, chart: &Chart, height: f32) -> Option<f64> {
    let head = head_ui(ui, chart, type_size::BODY).on_hover_text(&chart.note);
    let height = (height - ui.spacing().item_spacing.y - head.rect.height()).max(90.0);
    let PlotResponse { response, transform, .. } = plot_ui(ui, chart, height, false);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Plot: {}", chart.title)));
    let at = response.interact_pointer_pos().filter(|_| response.clicked())?;
    Some(transform.value_from_position(at).x)
}

/// The title, and beside it the names of the series where they have their place there.
fn head_ui(ui: &mut Ui, chart: &Chart, size: f32) -> Response {
    ui.horizontal_wrapped(|ui| {
        let title = ui.label(strong(chart.title.as_str(), size));
        for series in chart.series.iter().filter(|_| chart.legend == Place::Above) {
            swatch(ui, series.color(tokens(ui)));
            ui.label(caption(ui, series.name.as_str()));
        }
        title
    })
    .response
}

/// Draws a chart with all that a reader needs, for [`crate::app::picture::png`].
pub fn page_ui(ui: &mut Ui, chart: &Chart) {
    let frame = Frame::new().fill(tokens(ui).raised).inner_margin(Margin::same(18));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        head_ui(ui, chart, type_size::DIALOG);
        ui.label(caption(ui, chart.note.as_str()));
        plot_ui(ui, chart, ui.available_height() - 4.0, true);
    });
}

/// The size of the page in points.
pub fn page_size() -> [f32; 2] {
    PICTURE
}

fn plot_ui(ui: &mut Ui, chart: &Chart, height: f32, is_still: bool) -> PlotResponse<()> {
    let tokens = tokens(ui);
    let words = |hover: &HoverPosition<'_>| {
        let HoverPosition::NearDataPoint { plot_name, index, .. } = hover else { return None };
        let series = chart.series.iter().find(|series| series.name == **plot_name)?;
        Some(format!("{}\n{}", series.name, series.points.get(*index)?.words))
    };
    let corner = match chart.legend {
        Place::BottomRight => Some(Corner::RightBottom),
        Place::TopRight => Some(Corner::RightTop),
        Place::Above => None,
    };
    let mut plot = Plot::new(("chart", chart.title.as_str(), is_still))
        .height(height)
        .set_margin_fraction(vec2(MARGIN, MARGIN))
        .allow_scroll(false)
        .allow_drag(!is_still)
        .allow_zoom(!is_still)
        .allow_boxed_zoom(false)
        .show_crosshair(false)
        .grid_color(tokens.border)
        .x_axis_label(caption(ui, chart.x.name.as_str()))
        .y_axis_label(caption(ui, chart.y.name.as_str()))
        .x_grid_spacer(|input| chart.x.marks(input))
        .y_grid_spacer(|input| chart.y.marks(input))
        .x_axis_formatter(|mark, range| chart.x.text(mark, range))
        .y_axis_formatter(|mark, range| chart.y.text(mark, range))
        .label_formatter(words);
    if let Some(corner) = corner {
        let legend = Legend::default().position(corner).follow_insertion_order(true).background_alpha(0.85);
        // The line and the bars of its spread are one series.
        plot = plot.legend(legend.color_conflict_handling(ColorConflictHandling::PickFirst));
    }
    for value in &chart.x.includes {
        plot = plot.include_x(chart.x.place(*value));
    }
    for value in &chart.y.includes {
        plot = plot.include_y(chart.y.place(*value));
    }
    plot.show(ui, |plot| {
        for series in &chart.series {
            series_ui(plot, chart, series, tokens);
        }
        if let Some(x) = chart.cursor {
            plot.vline(VLine::new("cursor", chart.x.place(x)).color(tokens.text_weak).width(1.0).allow_hover(false));
        }
    })
}

impl Series {
    fn color(&self, tokens: &Tokens) -> Color32 {
        match self.own_color {
            Some([red, green, blue]) => Color32::from_rgb(red, green, blue),
            None => tokens.series(self.color),
        }
    }
}

fn series_ui<'a>(plot: &mut egui_plot::PlotUi<'a>, chart: &'a Chart, series: &'a Series, tokens: &Tokens) {
    let color = series.color(tokens);
    let place = |x: f64, y: f64| PlotPoint::new(chart.x.place(x), chart.y.place(y));
    let at: Vec<PlotPoint> = series.points.iter().map(|point| place(point.x, point.y)).collect();
    let style = if series.is_dashed { LineStyle::dashed_dense() } else { LineStyle::Solid };
    let name = series.name.as_str();
    plot.line(Line::new(name, PlotPoints::Owned(at.clone())).color(color).width(1.6).style(style).allow_hover(false));
    for point in &series.points {
        let Some(sd) = point.sd.filter(|sd| *sd > 0.0) else { continue };
        let ends = [point.y - sd, point.y + sd].map(|y| place(point.x, y));
        let bar = Line::new(name, PlotPoints::Owned(ends.to_vec())).color(color.gamma_multiply(0.6)).width(3.5);
        plot.line(bar.allow_hover(false).id((name, "sd", point.x.to_bits())));
    }
    plot.points(Points::new(name, PlotPoints::Owned(at)).color(color).radius(3.5).filled(true));
}

/// Says in the middle of the space what will be drawn here.
pub fn chart_to_come_ui(ui: &mut Ui, text: &str, height: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), eframe::egui::Sense::hover());
    let font = eframe::egui::FontId::proportional(type_size::SMALL);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, font, tokens(ui).text_weak);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_equally_far_apart_and_named() {
        let axis = Axis::log("K", &[]);
        assert_eq!(axis.place(1000.0) - axis.place(100.0), axis.place(10.0) - axis.place(1.0));
        let marks = axis.marks(GridInput { bounds: (0.0, 3.0), base_step_size: 0.1 });
        let named: Vec<String> = marks.iter().map(|mark| axis.text(*mark, &(0.0..=3.0))).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        assert_eq!(named, ["1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"]);
    }

    #[test]
    fn small_numbers_keep_their_digit() {
        let axis = Axis::log("s", &[]);
        let texts: Vec<String> =
            [-2.0, -1.0, 0.0].map(|value| axis.text(GridMark { value, step_size: 1.0 }, &(-2.0..=0.0))).into();
        assert_eq!(texts, ["0.01", "0.1", "1"]);
    }
}
