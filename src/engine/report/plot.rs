//! Curves as SVG.

use std::fmt::Write as _;

use super::html::{Escaped, css_color, swatch};
use crate::domain::LabelTable;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// What runs along one edge of a plot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// With its unit.
    pub label: &'static str,
    /// Powers of ten are evenly spaced.
    pub is_log: bool,
    /// Lies within the range whatever the values are.
    pub includes: Option<f64>,
}

/// A curve.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// For the legend.
    pub name: String,
    /// From left to right.
    pub points: Vec<Point>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// Along the lower edge.
    pub x: f64,
    /// Along the left edge.
    pub y: f64,
    /// Half the length of the bar around it.
    pub sd: Option<f64>,
}

/// The values of an axis and where they lie.
struct Scale {
    is_log: bool,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(axis: Axis, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let usable = |value: &f64| value.is_finite() && (!axis.is_log || *value > 0.0);
        let values = values.chain(axis.includes).filter(usable);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 2.0) };
        let (low, high) = match axis.is_log {
            true => (low / 1.1, high * 1.1),
            false if low < high => (low, high),
            false => (low - 0.5, high + 0.5),
        };
        Self { is_log: axis.is_log, low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let place = |v: f64| if self.is_log { v.max(f64::MIN_POSITIVE).ln() } else { v };
        let share = (place(value) - place(self.low)) / (place(self.high) - place(self.low));
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round numbers within the range.
    fn ticks(&self) -> Vec<f64> {
        let is_inside = |tick: &f64| *tick >= self.low * (1.0 - 1e-9) - 1e-12 && *tick <= self.high + 1e-9;
        if self.is_log {
            let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
            let all: Vec<f64> = decades.flat_map(|d| [1.0, 2.0, 5.0].map(|m| m * 10_f64.powi(d))).collect();
            return all.into_iter().filter(is_inside).collect();
        }
        let rough = (self.high - self.low) / 5.0;
        let decade = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        (first..first + 8).map(|n| n as f64 * step).filter(is_inside).collect()
    }
}

/// The colour of the curve number `at`: told apart by all kinds of colour vision, and dark enough on white.
pub(super) fn color(at: usize) -> [u8; 3] {
    const ON_WHITE: [usize; 5] = [6, 5, 2, 4, 0];
    LabelTable::palette(ON_WHITE[at % ON_WHITE.len()])
}

/// A plot with its legend.
pub(super) fn figure(title: &str, x: Axis, y: Axis, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    let reach = |p: &Point| [p.y - p.sd.unwrap_or(0.0), p.y + p.sd.unwrap_or(0.0)];
    let across = Scale::new(x, points().map(|p| p.x), LEFT, WIDTH - RIGHT);
    let up = Scale::new(y, points().flat_map(reach), HEIGHT - BOTTOM, TOP);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", Escaped(title));
    grid(&mut svg, &across, &up);
    let (middle, below) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0);
    let (half, label) = ((TOP + HEIGHT - BOTTOM) / 2.0, Escaped(y.label));
    // Writing to a text cannot fail.
    let _ = write!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", Escaped(x.label));
    let turned = format!("transform=\"translate(14 {half}) rotate(-90)\" text-anchor=\"middle\"");
    let _ = write!(svg, "<text {turned}>{label}</text>");
    for (at, series) in series.iter().enumerate() {
        curve(&mut svg, series, &css_color(color(at)), &across, &up);
    }
    svg += "</svg>";
    let mut html = format!("<div><h3>{}</h3>{svg}<div class=\"legend\">", Escaped(title));
    for (at, series) in series.iter().enumerate() {
        let _ = write!(html, "<span>{}{}</span>", swatch(color(at)), Escaped(&series.name));
    }
    html + "</div></div>"
}

fn grid(svg: &mut String, across: &Scale, up: &Scale) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in across.ticks() {
        let (x, text) = (across.at(tick), bottom + 17.0);
        let _ = write!(svg, "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#e3e9ee\"/>");
        let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{text}\" text-anchor=\"middle\">{}</text>", tick_text(tick));
    }
    for tick in up.ticks() {
        let y = up.at(tick);
        let _ = write!(svg, "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#e3e9ee\"/>");
        let (x, text) = (LEFT - 7.0, y + 4.0);
        let _ = write!(svg, "<text x=\"{x}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>", tick_text(tick));
    }
    let _ = write!(svg, "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#8a99a8\"/>");
}

fn curve(svg: &mut String, series: &Series, color: &str, across: &Scale, up: &Scale) {
    let line: Vec<String> = series.points.iter().map(|p| format!("{:.1},{:.1}", across.at(p.x), up.at(p.y))).collect();
    let _ =
        write!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>", line.join(" "));
    for p in &series.points {
        let (x, y) = (across.at(p.x), up.at(p.y));
        if let Some(sd) = p.sd.filter(|sd| *sd > 0.0) {
            let (low, high) = (up.at(p.y - sd), up.at(p.y + sd));
            let _ = write!(svg, "<path d=\"M{x:.1} {low:.1}V{high:.1}\" stroke=\"{color}\" stroke-width=\"1.2\"/>");
        }
        let spread = p.sd.map_or_else(String::new, |sd| format!(" ± {sd:.3}"));
        let says = format!("{}: {} → {:.4}{spread}", series.name, tick_text(p.x), p.y);
        let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.4\" fill=\"{color}\">");
        let _ = write!(svg, "<title>{}</title></circle>", Escaped(&says));
    }
}

/// As few digits as say the number.
fn tick_text(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Axis = Axis { label: "x", is_log: false, includes: None };

    #[test]
    fn ticks_are_round_and_lie_inside() {
        let scale = |axis, low, high| Scale::new(axis, [low, high].into_iter(), 0.0, 1.0);
        assert_eq!(scale(PLAIN, 0.0, 1.0).ticks().len(), 6);
        assert_eq!(
            scale(PLAIN, 0.83, 0.87).ticks().iter().map(|&t| tick_text(t)).collect::<Vec<_>>(),
            ["0.83", "0.84", "0.85", "0.86", "0.87"]
        );
        let log = Axis { is_log: true, ..PLAIN };
        assert_eq!(scale(log, 1.0, 100.0).ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(scale(PLAIN, 2.0, 2.0).at(2.0), 0.5, "one value lies in the middle");
    }

    #[test]
    fn evenly_spaced_powers_are_evenly_spaced() {
        let scale = Scale::new(Axis { is_log: true, ..PLAIN }, [1.0, 100.0].into_iter(), 0.0, 1.0);
        assert!((scale.at(10.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_plot_of_nothing_is_empty_and_names_are_escaped() {
        let series = [Series { name: "<a>".to_owned(), points: Vec::new() }];
        let svg = figure("t", PLAIN, PLAIN, &series);
        let log = Axis { is_log: true, ..PLAIN };
        let nowhere = [Series { name: "0".to_owned(), points: vec![Point { x: 0.0, y: 0.0, sd: None }] }];
        assert!(!figure("t", log, log, &nowhere).contains("NaN"), "zero has no place on a logarithmic axis");
        assert!(svg.contains("&lt;a&gt;") && !svg.contains("NaN") && !svg.contains("<circle"), "{svg}");
    }
}
