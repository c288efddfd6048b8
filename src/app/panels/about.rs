//! What the program is, and what it is not.

use eframe::egui::{Label, RichText, Ui};

use super::super::theme::{caption, space, strong, tokens, type_size};
use super::super::widgets::{Icon, note};

/// Shown on the start page and in the About dialog.
pub const NOTICE: &str = "For research. Not a medical device; not for diagnosis or treatment. Model output and \
    uncertainty maps can be wrong; uncertainty is the spread of the model's samples, not the chance of error. Check \
    orientation before use.";

/// Draws the dialog's content.
pub fn about_ui(ui: &mut Ui) {
    ui.set_width(440.0);
    ui.label(strong("LDSeg", type_size::DIALOG + 4.0));
    ui.label(caption(ui, format!("Version {}", env!("CARGO_PKG_VERSION"))));
    ui.add_space(space::MEDIUM);
    let text = "Latent diffusion segmentation of medical images. The network describes the label map in a small latent \
        space and finds it by removing noise, step by step, guided by the image. Everything runs on this computer; no \
        image leaves it.";
    ui.add(Label::new(RichText::new(text)).wrap());
    ui.add_space(space::MEDIUM);
    note(ui, Icon::Warning, tokens(ui).warning, NOTICE);
    ui.add_space(space::MEDIUM);
    let method = "Method: F. A. Zaman et al., LDSeg. Typeface: Inter, SIL Open Font License 1.1. LDSeg is free software \
        under the MIT or the Apache 2.0 license.";
    ui.add(Label::new(caption(ui, method)).wrap());
}
