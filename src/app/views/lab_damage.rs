//! The damaged image in place of the file's, and the answer to it.

use eframe::egui::{Context, Painter};

use super::lab_steps::{Mask, mask_ui, note_ui};
use super::pointer::View;
use super::texture::{Cut, Layer, SliceCache};
use super::tiles::Picture;
use crate::app::case::Case;
use crate::app::lab::Room;
use crate::app::lab::robustness::words;
use crate::app::state::State;
use crate::engine::laboratory::Damaged;

/// Tells serial numbers of damaged images from those of cases and files.
const DAMAGED: u64 = 1 << 63;

/// The damaged image that the views show; a preview is looked at over the file's.
pub fn shown_damage<'a>(state: &State, case: &'a Case) -> Option<&'a Damaged> {
    let lab = &case.lab.robustness;
    let is_shown = state.room == Room::Robustness && lab.is_live && case.preview.is_none();
    lab.preview.shown.as_deref().filter(|_| is_shown)
}

/// A slice of the damaged image, where it is shown.
pub fn damaged_image(ctx: &Context, view: &View<'_>, cut: Cut, cache: &mut SliceCache) -> Option<Picture> {
    let damaged = shown_damage(view.state, view.case)?;
    let serial = DAMAGED | view.case.lab.robustness.preview.serial;
    let smooth = view.state.settings.interpolation;
    Some(cache.volume(ctx, &damaged.volume, serial, 0, cut, view.case.window, smooth))
}

/// Paints the answer to the damaged image, and says that the image is not the file's.
pub fn damage_ui(painter: &Painter, view: &View<'_>, cut: Cut, cache: &mut SliceCache) {
    let Some(damaged) = shown_damage(view.state, view.case) else { return };
    let serial = view.case.lab.robustness.preview.serial;
    if let Some(answer) = damaged.answers.first() {
        let mask = Mask { layer: Layer::Damage, serial, labels: &answer.labels, table: &answer.table };
        mask_ui(painter, view, cut, &mask, cache);
    }
    let (name, symbol, _) = words(damaged.perturbation);
    note_ui(painter, view, &format!("Damaged image, not the file: {name}, {symbol} = {:.2}", damaged.strength));
}
