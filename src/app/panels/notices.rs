//! Messages in the lower right corner; failures have their details behind a fold.

use eframe::egui::{
    Align, Align2, Area, CollapsingHeader, Id, Label, Layout, Margin, Order, RichText, Sense, Stroke, Ui, vec2,
};

use super::super::action::{Action, Actions};
use super::super::notice::{Level, Notice, Notices};
use super::super::theme::{card_frame, size, space, tokens, type_size};
use super::super::widgets::{Icon, icon_button, paint_icon};

/// Draws the messages, newest lowest.
pub fn notices_ui(ui: &Ui, notices: &Notices, actions: &mut Actions) {
    if notices.shown().is_empty() {
        return;
    }
    let offset = vec2(-space::LARGE, -size::STATUS_BAR - space::LARGE);
    let area = Area::new(Id::unique("notices")).order(Order::Foreground).anchor(Align2::RIGHT_BOTTOM, offset);
    area.show(ui.ctx(), |ui| {
        ui.spacing_mut().item_spacing.y = space::MEDIUM;
        for notice in notices.shown() {
            notice_ui(ui, notice, actions);
        }
    });
}

fn notice_ui(ui: &mut Ui, notice: &Notice, actions: &mut Actions) {
    let tokens = tokens(ui);
    let (icon, color) = match notice.level {
        Level::Success => (Icon::Check, tokens.success),
        Level::Warning => (Icon::Warning, tokens.warning),
        Level::Error => (Icon::Warning, tokens.danger),
    };
    let frame = card_frame(tokens).stroke(Stroke::new(1.0, color.gamma_multiply(0.6))).inner_margin(Margin::same(10));
    frame.shadow(ui.visuals().popup_shadow).show(ui, |ui| {
        ui.set_width(340.0);
        ui.horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(20.0, 22.0), Sense::hover());
            paint_icon(ui.painter(), rect, 16.0, icon, color);
            ui.vertical(|ui| {
                ui.set_width(278.0);
                ui.add_space(2.0);
                ui.add(Label::new(&notice.message).wrap());
                details_ui(ui, notice);
            });
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                if icon_button(ui, Icon::Close, "Dismiss").clicked() {
                    actions.push(Action::Dismiss(notice.id));
                }
            });
        });
    });
}

fn details_ui(ui: &mut Ui, notice: &Notice) {
    if notice.details.is_empty() || notice.details == notice.message {
        return;
    }
    CollapsingHeader::new(RichText::new("Details").size(type_size::SMALL)).id_salt(notice.id).show(ui, |ui| {
        let text = RichText::new(&notice.details).size(type_size::SMALL).color(tokens(ui).text_weak);
        ui.add(Label::new(text).wrap().selectable(true));
    });
}
