//! How the window looks: every colour, space and type size, for the dark and the light theme.
//!
//! No other file of the window names a colour. Image views are near-black in both themes, because greys are judged
//! against their surround.

use std::sync::Arc;

use eframe::egui::{
    self, Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, RichText, Shadow,
    Stroke, Style, TextStyle, Theme, Ui, Visuals, style::HandleShape, vec2,
};

use super::inferno::inferno;
use crate::domain::Plane;

/// Distances between things, in points.
pub mod space {
    /// Between a mark and its text.
    pub const TIGHT: f32 = 4.0;
    /// Between the parts of one control.
    pub const SMALL: f32 = 6.0;
    /// Between neighbouring controls.
    pub const MEDIUM: f32 = 10.0;
    /// Between groups, and from a panel's edge to its content.
    pub const LARGE: f32 = 14.0;
    /// Between sections of a page.
    pub const SECTION: f32 = 24.0;
}

/// Heights and widths that several panels share, in points.
pub mod size {
    /// The bar at the top of the window.
    pub const TOP_BAR: f32 = 46.0;
    /// The line at the bottom of the window.
    pub const STATUS_BAR: f32 = 28.0;
    /// The panels left and right of the views.
    pub const SIDE_PANEL: f32 = 288.0;
    /// What lies below the views, at first.
    pub const DOCK: f32 = 260.0;
    /// The strip of tools beside the views.
    pub const PALETTE: f32 = 42.0;
    /// One row of controls.
    pub const ROW: f32 = 26.0;
    /// A button that is only an icon.
    pub const ICON_BUTTON: f32 = 30.0;
    /// The gap between views.
    pub const VIEW_GAP: f32 = 3.0;
    /// Rounding of controls.
    pub const RADIUS: u8 = 5;
    /// Rounding of cards and dialogs.
    pub const CARD_RADIUS: u8 = 8;
}

/// Type sizes, in points.
pub mod type_size {
    /// Captions and notes.
    pub const SMALL: f32 = 11.5;
    /// Everything that is read.
    pub const BODY: f32 = 13.0;
    /// Headings of sections.
    pub const HEADING: f32 = 13.5;
    /// Headings of dialogs.
    pub const DIALOG: f32 = 18.0;
    /// The program's name on the start page.
    pub const DISPLAY: f32 = 34.0;
}

/// What separates drawings from the image under them, whatever its grey: the same in both themes.
pub mod contrast {
    use super::Color32;

    /// Under a line.
    pub const UNDER_LINE: Color32 = Color32::from_black_alpha(160);
    /// Around text.
    pub const AROUND_TEXT: Color32 = Color32::from_black_alpha(190);
    /// Behind an icon under the pointer.
    pub const BEHIND_ICON: Color32 = Color32::from_rgba_premultiplied(28, 28, 28, 28);
    /// Around a square of a label's colour.
    pub const AROUND_SWATCH: Color32 = Color32::from_black_alpha(60);
}

/// How labels differ from a reference: colours that people of all kinds of colour vision tell apart on grey, the same in
/// both themes.
pub mod difference {
    use super::Color32;

    /// Labelled, and not so in the reference.
    pub const ADDED: Color32 = Color32::from_rgb(0, 140, 255);
    /// Labelled in the reference alone.
    pub const REMOVED: Color32 = Color32::from_rgb(225, 80, 0);
    /// Labelled alike.
    pub const KEPT: Color32 = Color32::from_rgb(200, 205, 210);
    /// Labelled in both, but not alike.
    pub const SWAPPED: Color32 = Color32::from_rgb(250, 230, 60);
    /// The reference's outline.
    pub const REFERENCE: Color32 = Color32::from_rgb(255, 255, 255);
}

/// The colours of one theme, named for what they are used for.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// Behind images.
    pub canvas: Color32,
    /// Behind the panels: the window itself and the gaps between views.
    pub backdrop: Color32,
    /// Panels and bars.
    pub surface: Color32,
    /// Cards, fields and buttons on a panel.
    pub raised: Color32,
    /// A control under the pointer.
    pub hovered: Color32,
    /// A control that is pressed.
    pub pressed: Color32,
    /// Lines between surfaces.
    pub border: Color32,
    /// Text that is read first.
    pub text: Color32,
    /// Captions, units, labels of values.
    pub text_weak: Color32,
    /// Text of what cannot be used now.
    pub text_disabled: Color32,
    /// The one colour that says "act here" or "this is chosen".
    pub accent: Color32,
    /// Fill of the main button.
    pub accent_fill: Color32,
    /// Fill of the main button under the pointer.
    pub accent_hovered: Color32,
    /// Fill behind what is chosen.
    pub accent_subtle: Color32,
    /// Text on the main button.
    pub on_accent: Color32,
    /// Attention.
    pub warning: Color32,
    /// Failure.
    pub danger: Color32,
    /// Done.
    pub success: Color32,
    /// Text laid over an image.
    pub overlay_text: Color32,
    /// Quieter text laid over an image.
    pub overlay_weak: Color32,
    /// Measurements over an image.
    pub measurement: Color32,
    /// Behind text laid over an image.
    pub overlay_shade: Color32,
    /// The axial plane: its name and its line in the other views.
    pub axial: Color32,
    /// The coronal plane.
    pub coronal: Color32,
    /// The sagittal plane.
    pub sagittal: Color32,
    /// The 3D view.
    pub volume: Color32,
    /// Bars of the histogram.
    pub histogram: Color32,
    /// Dims the window behind a dialog.
    pub scrim: Color32,
    /// Lines of a chart, told apart with any colour vision.
    pub series: [Color32; 4],
}

/// The dark theme: for reading rooms.
pub const DARK: Tokens = Tokens {
    canvas: Color32::from_rgb(3, 4, 5),
    backdrop: Color32::from_rgb(11, 13, 16),
    surface: Color32::from_rgb(22, 25, 30),
    raised: Color32::from_rgb(33, 37, 44),
    hovered: Color32::from_rgb(43, 49, 58),
    pressed: Color32::from_rgb(52, 59, 70),
    border: Color32::from_rgb(43, 48, 56),
    text: Color32::from_rgb(230, 233, 238),
    text_weak: Color32::from_rgb(156, 165, 178),
    text_disabled: Color32::from_rgb(98, 106, 118),
    accent: Color32::from_rgb(92, 176, 240),
    accent_fill: Color32::from_rgb(31, 111, 178),
    accent_hovered: Color32::from_rgb(40, 127, 200),
    accent_subtle: Color32::from_rgb(27, 58, 84),
    on_accent: Color32::from_rgb(250, 252, 255),
    warning: Color32::from_rgb(232, 178, 74),
    danger: Color32::from_rgb(235, 105, 94),
    success: Color32::from_rgb(86, 190, 136),
    overlay_text: Color32::from_rgb(226, 231, 237),
    overlay_weak: Color32::from_rgb(150, 159, 171),
    measurement: Color32::from_rgb(255, 226, 110),
    overlay_shade: Color32::from_black_alpha(150),
    axial: Color32::from_rgb(238, 116, 104),
    coronal: Color32::from_rgb(99, 194, 128),
    sagittal: Color32::from_rgb(233, 188, 82),
    volume: Color32::from_rgb(126, 170, 236),
    histogram: Color32::from_rgb(118, 130, 146),
    scrim: Color32::from_black_alpha(160),
    series: [
        Color32::from_rgb(86, 180, 233),
        Color32::from_rgb(230, 159, 0),
        Color32::from_rgb(0, 190, 140),
        Color32::from_rgb(213, 130, 180),
    ],
};

/// The light theme: for offices.
pub const LIGHT: Tokens = Tokens {
    canvas: Color32::from_rgb(3, 4, 5),
    backdrop: Color32::from_rgb(205, 210, 217),
    surface: Color32::from_rgb(245, 247, 249),
    raised: Color32::from_rgb(255, 255, 255),
    hovered: Color32::from_rgb(231, 236, 242),
    pressed: Color32::from_rgb(216, 224, 233),
    border: Color32::from_rgb(209, 215, 223),
    text: Color32::from_rgb(24, 29, 36),
    text_weak: Color32::from_rgb(86, 96, 110),
    text_disabled: Color32::from_rgb(150, 158, 169),
    accent: Color32::from_rgb(20, 103, 176),
    accent_fill: Color32::from_rgb(24, 107, 178),
    accent_hovered: Color32::from_rgb(17, 91, 155),
    accent_subtle: Color32::from_rgb(210, 228, 244),
    on_accent: Color32::from_rgb(255, 255, 255),
    warning: Color32::from_rgb(148, 91, 0),
    danger: Color32::from_rgb(190, 50, 42),
    success: Color32::from_rgb(26, 127, 80),
    histogram: Color32::from_rgb(128, 139, 153),
    scrim: Color32::from_black_alpha(110),
    series: [
        Color32::from_rgb(0, 114, 178),
        Color32::from_rgb(200, 90, 0),
        Color32::from_rgb(0, 128, 96),
        Color32::from_rgb(170, 70, 130),
    ],
    ..DARK
};

impl Tokens {
    /// The colour that stands for a plane wherever it appears.
    pub fn plane(&self, plane: Plane) -> Color32 {
        match plane {
            Plane::Axial => self.axial,
            Plane::Coronal => self.coronal,
            Plane::Sagittal => self.sagittal,
        }
    }
}

impl Tokens {
    /// The colour of a chart's series; they begin anew after the last.
    pub fn series(&self, index: usize) -> Color32 {
        self.series[index % self.series.len()]
    }
}

/// The colours of the theme in use.
pub fn tokens(ui: &Ui) -> &'static Tokens {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// The colour of a value, 0 to 1, on a map over the image.
pub fn map_color(value: f32) -> Color32 {
    label_color(inferno(value))
}

/// A label's own colour.
pub fn label_color([r, g, b]: [u8; 3]) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// Text in the heading weight.
pub fn strong(text: impl Into<String>, size: f32) -> RichText {
    RichText::new(text).font(FontId::new(size, strong_family()))
}

/// Smaller, quieter text.
pub fn caption(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).size(type_size::SMALL).color(tokens(ui).text_weak)
}

/// The heading weight's family.
pub fn strong_family() -> FontFamily {
    FontFamily::Name("strong".into())
}

/// Gives the context its fonts and both themes.
pub fn install(ctx: &Context) {
    install_fonts(ctx);
    for (theme, tokens) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| set_style(style, theme, tokens));
    }
}

fn install_fonts(ctx: &Context) {
    let mut fonts = FontDefinitions::default();
    let regular = FontData::from_static(include_bytes!("../../assets/fonts/Inter-Regular.otf"));
    let strong = FontData::from_static(include_bytes!("../../assets/fonts/Inter-SemiBold.otf"));
    fonts.font_data.insert("Inter".to_owned(), Arc::new(regular));
    fonts.font_data.insert("Inter SemiBold".to_owned(), Arc::new(strong));
    let fallbacks = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let chain = |first: &str| std::iter::once(first.to_owned()).chain(fallbacks.iter().cloned()).collect::<Vec<_>>();
    fonts.families.insert(FontFamily::Proportional, chain("Inter"));
    fonts.families.insert(strong_family(), chain("Inter SemiBold"));
    ctx.set_fonts(fonts);
}

fn set_style(style: &mut Style, theme: Theme, tokens: &Tokens) {
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(type_size::SMALL)),
        (TextStyle::Body, FontId::proportional(type_size::BODY)),
        (TextStyle::Button, FontId::proportional(type_size::BODY)),
        (TextStyle::Heading, FontId::new(type_size::HEADING, strong_family())),
        (TextStyle::Monospace, FontId::monospace(type_size::SMALL)),
    ]
    .into();
    style.drag_value_text_style = TextStyle::Body;
    style.animation_time = 0.1;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.35;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::SMALL, space::SMALL);
    spacing.button_padding = vec2(10.0, 4.0);
    spacing.interact_size = vec2(36.0, 22.0);
    spacing.combo_width = 120.0;
    spacing.slider_width = 130.0;
    spacing.slider_rail_height = 4.0;
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(18);
    spacing.tooltip_width = 320.0;
    style.visuals = visuals(theme, tokens);
}

fn visuals(theme: Theme, tokens: &Tokens) -> Visuals {
    let mut visuals = theme.default_visuals();
    visuals.panel_fill = tokens.surface;
    visuals.window_fill = tokens.surface;
    visuals.window_stroke = Stroke::new(1.0, tokens.border);
    visuals.window_corner_radius = CornerRadius::same(size::CARD_RADIUS + 2);
    visuals.menu_corner_radius = CornerRadius::same(size::CARD_RADIUS);
    visuals.window_shadow = Shadow { offset: [0, 10], blur: 30, spread: 0, color: Color32::from_black_alpha(110) };
    visuals.popup_shadow = Shadow { offset: [0, 6], blur: 18, spread: 0, color: Color32::from_black_alpha(90) };
    visuals.extreme_bg_color = tokens.backdrop;
    visuals.faint_bg_color = tokens.raised;
    visuals.code_bg_color = tokens.raised;
    visuals.text_edit_bg_color = Some(tokens.raised);
    visuals.weak_text_color = Some(tokens.text_weak);
    visuals.hyperlink_color = tokens.accent;
    visuals.warn_fg_color = tokens.warning;
    visuals.error_fg_color = tokens.danger;
    visuals.selection.bg_fill = tokens.accent_subtle;
    visuals.selection.stroke = Stroke::new(1.0, tokens.accent);
    visuals.slider_trailing_fill = true;
    visuals.handle_shape = HandleShape::Circle;
    visuals.striped = false;
    visuals.disabled_alpha = 0.45;
    set_widget_states(&mut visuals, tokens);
    visuals
}

fn set_widget_states(visuals: &mut Visuals, tokens: &Tokens) {
    let states = &mut visuals.widgets;
    let radius = CornerRadius::same(size::RADIUS);
    for (state, fill, border, text) in [
        (&mut states.noninteractive, tokens.surface, tokens.border, tokens.text),
        (&mut states.inactive, tokens.raised, tokens.border, tokens.text),
        (&mut states.hovered, tokens.hovered, tokens.border, tokens.text),
        (&mut states.active, tokens.pressed, tokens.accent, tokens.text),
        (&mut states.open, tokens.hovered, tokens.border, tokens.text),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, border);
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = radius;
        state.expansion = 0.0;
    }
    // Rails and check boxes are filled with the inactive colour; they must be seen on a panel.
    states.inactive.bg_fill = tokens.hovered;
    states.hovered.bg_fill = tokens.pressed;
}

/// The frame of a bar or side panel.
pub fn panel_frame(tokens: &Tokens, margin: Margin) -> egui::Frame {
    egui::Frame::new().fill(tokens.surface).inner_margin(margin)
}

/// The frame of a card on a panel.
pub fn card_frame(tokens: &Tokens) -> egui::Frame {
    egui::Frame::new()
        .fill(tokens.raised)
        .stroke(Stroke::new(1.0, tokens.border))
        .corner_radius(CornerRadius::same(size::CARD_RADIUS))
        .inner_margin(Margin::same(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color32) -> f64 {
        let [r, g, b, _] = color.to_array().map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Linear RGB as eyes without red, green or blue cones see it, and as all others do (Machado, Oliveira & Fernandes,
    /// "A physiologically-based model for simulation of color vision deficiency", TVCG 15, 2009).
    const EYES: [[[f64; 3]; 3]; 4] = [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ];

    /// CIE L*a*b* (D65) of a colour as some eyes see it.
    fn lab(color: Color32, eyes: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = [color.r(), color.g(), color.b()].map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        let times = |rows: [[f64; 3]; 3], x: [f64; 3]| rows.map(|row| row[0] * x[0] + row[1] * x[1] + row[2] * x[2]);
        let seen = times(eyes, linear).map(|value| value.clamp(0.0, 1.0));
        let to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
        let [x, y, z] = times(to_xyz, seen);
        let [x, y, z] =
            [x / 0.9505, y, z / 1.089].map(|t| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn all_eyes_tell_the_colours_of_differences_apart() {
        use difference::{ADDED, KEPT, REMOVED, SWAPPED};
        let colors = [ADDED, REMOVED, KEPT, SWAPPED];
        for eyes in EYES {
            for (i, a) in colors.iter().enumerate() {
                for b in &colors[i + 1..] {
                    let (a, b) = (lab(*a, eyes), lab(*b, eyes));
                    let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    assert!(apart > 20.0, "{a:?} and {b:?} are {apart} apart");
                }
            }
        }
    }

    #[test]
    fn text_stands_out_as_wcag_aa_asks() {
        for tokens in [&DARK, &LIGHT] {
            for surface in [tokens.surface, tokens.raised] {
                for text in
                    [tokens.text, tokens.text_weak, tokens.warning, tokens.danger, tokens.success, tokens.accent]
                {
                    assert!(contrast(text, surface) >= 4.5, "{text:?} on {surface:?}: {}", contrast(text, surface));
                }
            }
            assert!(contrast(tokens.on_accent, tokens.accent_fill) >= 4.5);
            assert!(contrast(tokens.overlay_text, tokens.canvas) >= 7.0);
        }
    }
}
