//! The strip of tools beside the views.

use eframe::egui::{Align, Layout, ScrollArea, Sense, Stroke, Ui, scroll_area::ScrollBarVisibility, vec2};

use crate::app::action::Actions;
use crate::app::command::Command;
use crate::app::state::State;
use crate::app::theme::{space, tokens};
use crate::app::widgets::command_icon;

/// Tools that belong together: looking, painting, outlines, fills, cutting, measuring.
const GROUPS: [&[Command]; 6] = [
    &[Command::CrosshairTool, Command::WindowTool],
    &[Command::BrushTool, Command::EraserTool],
    &[Command::PolygonTool, Command::LassoTool, Command::LivewireTool],
    &[Command::BucketTool, Command::FillHoleTool, Command::GrowTool],
    &[Command::ScissorsTool],
    &[Command::DistanceTool, Command::AngleTool, Command::AreaTool],
];

/// Draws the strip. In a window too low for it, it scrolls.
pub fn palette_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let scroll = ScrollArea::vertical().auto_shrink(false).scroll_bar_visibility(ScrollBarVisibility::AlwaysHidden);
    scroll.show(ui, |ui| {
        ui.with_layout(Layout::top_down(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for (i, group) in GROUPS.iter().enumerate() {
                if i > 0 {
                    divider(ui);
                }
                for command in *group {
                    command_icon(ui, state, *command, actions);
                }
            }
        });
    });
}

fn divider(ui: &mut Ui) {
    ui.add_space(space::TIGHT);
    let (rect, _) = ui.allocate_exact_size(vec2(22.0, 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens(ui).border));
    ui.add_space(space::TIGHT);
}
