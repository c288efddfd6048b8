//! The image: what it is, how bright, and how it is drawn.

use eframe::egui::{Button, ComboBox, DragValue, Id, Slider, Ui, vec2};
use egui_plot::{Bar, BarChart, Plot, Span};

use super::super::action::{Action, Actions};
use super::super::case::{Case, ImageStatistics};
use super::super::command::Command;
use super::super::settings::{Interpolation, Overlay, OverlayStyle};
use super::super::state::State;
use super::super::theme::{caption, space, tokens};
use super::super::widgets::{Icon, caption_row, command_button, named_row, note, section, segmented};
use super::over_time::frames_ui;
use super::status::number;
use crate::domain::{Grid, Space, Window};

/// Windows for computed tomography in Hounsfield units: name, width, level.
const CT_PRESETS: [(&str, f64, f64); 6] = [
    ("Soft tissue", 400.0, 40.0),
    ("Lung", 1500.0, -600.0),
    ("Liver", 150.0, 90.0),
    ("Bone", 2500.0, 480.0),
    ("Brain", 80.0, 40.0),
    ("Mediastinum", 350.0, 50.0),
];

/// Sizes that a pixel can have, in millimetres: of an atom's, and of a thumb's.
const PIXEL_MM: std::ops::RangeInclusive<f64> = 1e-6..=100.0;

/// Height of the histogram, in points.
const HISTOGRAM_HEIGHT: f32 = 72.0;

/// Draws the panel.
pub fn image_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    section(ui, &case.opened.name, |ui| {
        facts_ui(ui, case);
        // A folder of pictures may be either.
        if case.grid().space() != Space::Patient && case.grid().shape()[2] > 1 {
            ui.add_space(space::TIGHT);
            command_button(ui, state, Command::SwapTime, actions);
        }
    });
    if let Some(frames) = case.frames() {
        section(ui, "Time", |ui| frames_ui(ui, state, case, frames, actions));
    }
    if !case.opened.volume.is_color() {
        section(ui, "Window", |ui| window_ui(ui, state, case, actions));
    }
    if case.grid().space() != Space::Patient {
        section(ui, "Pixel size", |ui| pixel_size_ui(ui, case, actions));
    }
    section(ui, "Display", |ui| display_ui(ui, state, actions));
    if !case.opened.warnings.is_empty() {
        section(ui, "Check this file", |ui| {
            for warning in &case.opened.warnings {
                note(ui, Icon::Warning, tokens(ui).warning, warning);
            }
        });
    }
}

fn facts_ui(ui: &mut Ui, case: &Case) {
    let (volume, grid) = (&case.opened.volume, case.grid());
    let [ni, nj, nk] = grid.shape();
    let [si, sj, sk] = grid.spacing_mm();
    // One slice of a patient has a thickness that is worth knowing.
    let is_picture = nk == 1 && matches!(grid.space(), Space::Picture { .. });
    let size = match grid.is_series() {
        true => format!("{ni} × {nj} pixels, {nk} frames"),
        false if is_picture => format!("{ni} × {nj} pixels"),
        false if case.n_masks() > 1 => format!("{ni} × {nj} × {nk} voxels, {} frames", case.n_masks()),
        false => format!("{ni} × {nj} × {nk} voxels"),
    };
    caption_row(ui, "Size", &size);
    let spacing = match grid.is_scaled() {
        true if grid.is_series() || is_picture => format!("{} × {} mm", millimetres(si), millimetres(sj)),
        true => format!("{} × {} × {} mm", millimetres(si), millimetres(sj), millimetres(sk)),
        false => "not known: lengths in pixels".to_owned(),
    };
    caption_row(ui, "Spacing", &spacing);
    caption_row(ui, "Orientation", &orientation(grid));
    caption_row(ui, "Stored as", &stored_as(case));
    if !volume.is_color() {
        caption_row(ui, "Intensities", &intensities(case));
    }
    caption_row(ui, "Memory", &format!("{:.1} MB", volume.stored_bytes() as f64 / 1e6));
    if let Some(path) = &case.opened.path {
        let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        caption_row(ui, "Folder", &folder);
    }
}

/// Towards which sides the axes run, and how oblique.
fn orientation(grid: &Grid) -> String {
    if grid.space() != Space::Patient {
        return "as the picture is stored".to_owned();
    }
    let letters: String = grid.orientation().iter().collect();
    let tilt = grid.obliquity_deg();
    if tilt < 0.05 { letters } else { format!("{letters}, oblique by {tilt:.1}°") }
}

/// The smallest and the largest; "…" until they are known.
fn intensities(case: &Case) -> String {
    match case.statistics.as_ref().map(|statistics| statistics.range) {
        Some(Some((low, high))) => format!("{} to {}", number(low), number(high)),
        Some(None) => "none that is a number".to_owned(),
        None => "…".to_owned(),
    }
}

/// A length to a micrometre, a short one to a nanometre, without zeros at its end.
fn millimetres(length_mm: f64) -> String {
    let text = if length_mm < 0.1 { format!("{length_mm:.6}") } else { format!("{length_mm:.3}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How large a pixel is: most pictures do not say.
fn pixel_size_ui(ui: &mut Ui, case: &Case, actions: &mut Actions) {
    let known = case.grid().is_scaled().then(|| case.grid().spacing_mm()[0]);
    // What is being entered, until it is set.
    let draft = Id::unique(("pixel size", case.id, known.map(f64::to_bits)));
    let mut mm: f64 = ui.data(|data| data.get_temp(draft)).or(known).unwrap_or(1.0);
    let speed = mm / 100.0;
    ui.horizontal(|ui| {
        let field = DragValue::new(&mut mm)
            .speed(speed)
            .range(PIXEL_MM)
            .suffix(" mm")
            .custom_formatter(|value, _| millimetres(value));
        if ui
            .add(field)
            .on_hover_text("Millimetres that a pixel is wide and high")
            .accessible_name("Pixel size in mm")
            .changed()
        {
            ui.data_mut(|data| data.insert_temp(draft, mm));
        }
        let set = ui.add_enabled(known != Some(mm), Button::new("Set")).accessible_name("Set pixel size");
        if set.on_disabled_hover_text("Pixels have this size").clicked() {
            actions.push(Action::SetPixelSize(Some(mm)));
        }
        let forget = ui.add_enabled(known.is_some(), Button::new("Forget")).accessible_name("Forget pixel size");
        if forget.on_disabled_hover_text("No size is known").clicked() {
            actions.push(Action::SetPixelSize(None));
        }
    });
    ui.label(caption(
        ui,
        if known.is_some() { "Lengths are in millimetres" } else { "Not known: lengths are in pixels" },
    ));
}

fn stored_as(case: &Case) -> String {
    let volume = &case.opened.volume;
    let scaling = volume.scaling();
    let name = volume.voxels().type_name();
    if scaling.slope == 1.0 && scaling.intercept == 0.0 {
        return name.to_owned();
    }
    format!("{name}, × {} + {}", number(scaling.slope), number(scaling.intercept))
}

fn window_ui(ui: &mut Ui, state: &State, case: &Case, actions: &mut Actions) {
    match &case.statistics {
        Some(statistics) => histogram_ui(ui, statistics, case.window),
        None => {
            // As high as the histogram that takes its place.
            ui.allocate_ui(vec2(ui.available_width(), HISTOGRAM_HEIGHT + 24.0), |ui| {
                ui.set_min_height(HISTOGRAM_HEIGHT + 24.0);
                ui.label(caption(ui, "Counting intensities…"));
            });
        }
    }
    ui.add_space(space::TIGHT);
    numbers_ui(ui, case.window, actions);
    ui.add_space(space::TIGHT);
    ui.horizontal(|ui| {
        command_button(ui, state, Command::WindowAuto, actions);
        command_button(ui, state, Command::WindowFull, actions);
        presets_ui(ui, case.window, actions);
    });
}

fn numbers_ui(ui: &mut Ui, window: Window, actions: &mut Actions) {
    let Window { mut width, mut level } = window;
    let speed = (window.width / 200.0).max(1e-9);
    ui.horizontal(|ui| {
        ui.label(caption(ui, "Width"));
        let smallest = (window.width * 1e-3).min(1e-3);
        let width_field = DragValue::new(&mut width)
            .speed(speed)
            .range(smallest..=f64::MAX)
            .custom_formatter(|value, _| number(value));
        let width_field = ui.add(width_field).accessible_name("Window width");
        ui.add_space(space::MEDIUM);
        ui.label(caption(ui, "Level"));
        let level_field = ui
            .add(DragValue::new(&mut level).speed(speed).custom_formatter(|value, _| number(value)))
            .accessible_name("Window level");
        if width_field.changed() || level_field.changed() {
            actions.push(Action::SetWindow(Window { width, level }));
        }
    });
}

fn presets_ui(ui: &mut Ui, window: Window, actions: &mut Actions) {
    let is = |width: f64, level: f64| window == Window { width, level };
    let now = CT_PRESETS.iter().find(|(_, width, level)| is(*width, *level)).map_or("CT", |(name, _, _)| name);
    let combo = ComboBox::from_id_salt("CT window").selected_text(now).width(ui.available_width());
    let response = combo.show_ui(ui, |ui| {
        for (name, width, level) in CT_PRESETS {
            let text = format!("{name}  {width:.0} / {level:.0}");
            if ui.selectable_label(is(width, level), text).clicked() {
                actions.push(Action::SetWindow(Window { width, level }));
            }
        }
    });
    let tooltip = "Windows for CT in Hounsfield units: width / level";
    response.response.accessible_name("CT window").on_hover_text(tooltip);
}

fn histogram_ui(ui: &mut Ui, statistics: &ImageStatistics, window: Window) {
    let tokens = tokens(ui);
    let histogram = &statistics.histogram;
    let n_bins = histogram.counts.len();
    if n_bins == 0 || histogram.high <= histogram.low {
        return;
    }
    let bin_width = (histogram.high - histogram.low) / n_bins as f64;
    // The square root keeps small structures visible beside the background's peak.
    let bars = histogram.counts.iter().enumerate().map(|(i, count)| {
        let middle = histogram.low + (i as f64 + 0.5) * bin_width;
        Bar::new(middle, (*count as f64).sqrt()).width(bin_width).fill(tokens.histogram)
    });
    let bars: Vec<Bar> = bars.collect();
    let reach = Span::new("", window.low()..=window.high())
        .fill(tokens.accent.gamma_multiply(0.16))
        .border_color(tokens.accent)
        .border_width(1.0);
    let plot = Plot::new("histogram")
        .height(HISTOGRAM_HEIGHT)
        .show_axes(false)
        .show_grid(false)
        .show_background(false)
        .show_x(false)
        .show_y(false)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .set_margin_fraction(vec2(0.0, 0.04))
        .default_x_bounds(histogram.low, histogram.high);
    let response = plot.show(ui, |plot| {
        plot.span(reach);
        plot.bar_chart(BarChart::new("", bars).color(tokens.histogram).allow_hover(false));
        plot.set_plot_bounds_x(histogram.low..=histogram.high);
    });
    response.response.accessible_name("Histogram");
    ui.horizontal(|ui| {
        ui.label(caption(ui, number(histogram.low)));
        ui.with_layout(eframe::egui::Layout::right_to_left(eframe::egui::Align::Center), |ui| {
            ui.label(caption(ui, number(histogram.high)));
        });
    });
}

fn display_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let settings = &state.settings;
    let smooth = [
        (Interpolation::Linear, "Smooth", "Blend between voxel centres"),
        (Interpolation::Nearest, "Voxels", "Show each voxel as the box that it is"),
    ];
    named_row(ui, "Image", |ui| {
        if let Some(interpolation) = segmented(ui, "Interpolation", settings.interpolation, &smooth) {
            actions.push(Action::SetInterpolation(interpolation));
        }
    });
    let tooltips = ["Areas and outlines", "Areas only", "Outlines only"];
    let styles: Vec<_> =
        OverlayStyle::ALL.iter().zip(tooltips).map(|(style, tip)| (*style, style.text(), tip)).collect();
    named_row(ui, "Labels", |ui| {
        if let Some(style) = segmented(ui, "Overlay", settings.overlay.style, &styles) {
            actions.push(Action::SetOverlay(Overlay { style, ..settings.overlay }));
        }
    });
    named_row(ui, "Opacity", |ui| {
        let mut percent = settings.overlay.opacity * 100.0;
        ui.spacing_mut().slider_width = 104.0;
        let slider =
            ui.add(Slider::new(&mut percent, 0.0..=100.0).integer().suffix(" %")).accessible_name("Overlay opacity");
        if slider.changed() {
            let overlay = Overlay { opacity: percent / 100.0, ..settings.overlay };
            actions.push(Action::SetOverlay(overlay));
        }
    });
    named_row(ui, "Crosshair", |ui| {
        let mut is_visible = settings.crosshair_visible;
        if ui.checkbox(&mut is_visible, "Show").changed() {
            actions.command(Command::ToggleCrosshair);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::millimetres;

    #[test]
    fn lengths_have_no_needless_zeros() {
        for (length_mm, text) in [(1.0, "1"), (0.8, "0.8"), (0.703_125, "0.703"), (0.000_25, "0.00025"), (10.0, "10")] {
            assert_eq!(millimetres(length_mm), text);
        }
    }
}
