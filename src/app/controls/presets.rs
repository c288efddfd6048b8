//! Which keys each preset gives to which command.
//!
//! The other programs' tables list only what differs from the default one. Sources: ITK-SNAP 4.4 `MainImageWindow.ui`,
//! Slicer 5 "Segment editor", OHIF 3 `hotkeyBindings.ts`.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use super::Preset;
use crate::app::command::Command;

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const SHIFT: Modifiers = Modifiers::SHIFT;
const ALT: Modifiers = Modifiers::ALT;
const NONE: Modifiers = Modifiers::NONE;

macro_rules! keys {
    ($(($modifiers:expr, $key:ident)),+) => { const { &[$(KeyboardShortcut::new($modifiers, Key::$key)),+] } };
}

/// The default preset's keys; the first is the one shown.
#[expect(clippy::too_many_lines, reason = "one line a command")]
pub fn default_keys(command: Command) -> &'static [KeyboardShortcut] {
    match command {
        Command::OpenImage => keys![(CTRL, O)],
        Command::OpenLabels => keys![(CTRL_SHIFT, O)],
        Command::CloseCase => keys![(CTRL, W)],
        Command::SaveLabels => keys![(CTRL, S)],
        Command::SaveLabelsAs => keys![(CTRL_SHIFT, S)],
        Command::Quit => keys![(CTRL, Q)],
        Command::Undo => keys![(CTRL, Z)],
        Command::Redo => keys![(CTRL_SHIFT, Z), (CTRL, Y)],
        Command::Segment => keys![(CTRL, Enter)],
        Command::CancelSegment => keys![(CTRL, Period)],
        Command::AcceptPreview => keys![(NONE, Enter)],
        Command::AcceptUnlabelled => keys![(CTRL_SHIFT, Enter)],
        Command::AcceptRegion => keys![(SHIFT, Enter)],
        Command::DiscardPreview => keys![(NONE, Escape)],
        Command::CrosshairTool => keys![(NONE, Num1)],
        Command::WindowTool => keys![(NONE, Num2)],
        Command::BrushTool => keys![(NONE, Num3), (NONE, B)],
        Command::EraserTool => keys![(NONE, Num4), (NONE, E)],
        Command::PolygonTool => keys![(NONE, Num5)],
        Command::LassoTool => keys![(NONE, Num6)],
        Command::LivewireTool => keys![(NONE, Num7)],
        Command::DistanceTool => keys![(NONE, D)],
        Command::AngleTool => keys![(SHIFT, D)],
        Command::AreaTool => keys![(SHIFT, A)],
        Command::BucketTool => keys![(NONE, Num8), (NONE, G)],
        Command::FillHoleTool => keys![(NONE, H)],
        Command::GrowTool => keys![(NONE, Num9), (NONE, R)],
        Command::ScissorsTool => keys![(NONE, Num0), (NONE, S)],
        Command::CopyToNextSlice => keys![(SHIFT, PageUp)],
        Command::CopyToPreviousSlice => keys![(SHIFT, PageDown)],
        Command::FillBetweenSlices => keys![(CTRL, I)],
        Command::SmallerBrush => keys![(NONE, OpenBracket)],
        Command::LargerBrush => keys![(NONE, CloseBracket)],
        Command::NextLabel => keys![(NONE, Period)],
        Command::PreviousLabel => keys![(NONE, Comma)],
        Command::MoveLabelUp => keys![(ALT, ArrowUp)],
        Command::MoveLabelDown => keys![(ALT, ArrowDown)],
        Command::GoToLabel => keys![(NONE, J)],
        Command::IsolateLabel => keys![(SHIFT, L)],
        Command::NewLabel => keys![(NONE, M)],
        Command::NextSlice => keys![(NONE, PageUp), (NONE, ArrowUp)],
        Command::PreviousSlice => keys![(NONE, PageDown), (NONE, ArrowDown)],
        Command::FirstSlice => keys![(NONE, Home)],
        Command::LastSlice => keys![(NONE, End)],
        Command::NextFrame => keys![(NONE, ArrowRight)],
        Command::PreviousFrame => keys![(NONE, ArrowLeft)],
        Command::CopyToNextFrame => keys![(SHIFT, ArrowRight)],
        Command::CopyToPreviousFrame => keys![(SHIFT, ArrowLeft)],
        Command::PlayFrames => keys![(NONE, K)],
        Command::ShowOverTime => keys![(SHIFT, K)],
        Command::EnterAnnotate => keys![(NONE, F2)],
        Command::EnterSteps => keys![(NONE, F3)],
        Command::EnterUncertainty => keys![(NONE, F4)],
        Command::EnterRobustness => keys![(NONE, F5)],
        Command::EnterReference => keys![(NONE, F6)],
        Command::NextComparison => keys![(NONE, Y)],
        Command::NextDifference => keys![(NONE, V)],
        Command::PreviousDifference => keys![(SHIFT, V)],
        Command::DrawSamples => keys![(CTRL, D)],
        Command::NextUncertain => keys![(NONE, Q)],
        Command::FitViews => keys![(NONE, F)],
        Command::CenterViews => keys![(NONE, C)],
        Command::MaximizeView => keys![(NONE, Space)],
        Command::ShowGrid => keys![(CTRL, Num0)],
        Command::ShowAxial => keys![(CTRL, Num1)],
        Command::ShowCoronal => keys![(CTRL, Num2)],
        Command::ShowSagittal => keys![(CTRL, Num3)],
        Command::ShowVolume => keys![(CTRL, Num4)],
        Command::WindowAuto => keys![(NONE, A)],
        Command::WindowFull => keys![(NONE, U)],
        Command::ToggleCrosshair => keys![(NONE, X)],
        Command::ToggleLabels => keys![(NONE, L)],
        Command::TogglePanels => keys![(NONE, P)],
        Command::NextOverlayStyle => keys![(NONE, O)],
        Command::ToggleInterpolation => keys![(NONE, I)],
        Command::ToggleConvention => keys![(NONE, N)],
        Command::ToggleTheme => keys![(NONE, T)],
        Command::ShowShortcuts => keys![(NONE, F1), (NONE, Questionmark)],
        Command::CancelLongEdit
        | Command::LimitToUncertain
        | Command::OpenReference
        | Command::FreezeLabels
        | Command::CloseReference
        | Command::FollowRun
        | Command::CompareSteps
        | Command::SweepDamage
        | Command::PasteLabels
        | Command::LoadMap
        | Command::PreviewOperation
        | Command::ApplyOperation
        | Command::OpenOtherMask
        | Command::CloseOtherMask
        | Command::OpenFolder
        | Command::OpenSample
        | Command::OpenHeart
        | Command::SwapTime
        | Command::OneMaskForAll
        | Command::CopyToFollowingFrames
        | Command::FillBetweenFrames
        | Command::CancelLoading
        | Command::SaveFolder
        | Command::SaveReport
        | Command::CancelReport
        | Command::ShowRecovery
        | Command::ShowStatistics
        | Command::UseReference
        | Command::DeleteLabel
        | Command::RemoveUnusedLabels
        | Command::RecolorSafe
        | Command::RecolorItkSnap
        | Command::OpenLabelNames
        | Command::SaveLabelNames
        | Command::CheckDevices
        | Command::ShowAbout => &[],
    }
}

/// The keys that a preset sets otherwise than the default one; `None` where it leaves the command's keys alone.
pub fn own_keys(preset: Preset, command: Command) -> Option<&'static [KeyboardShortcut]> {
    match preset {
        Preset::Default => None,
        Preset::ItkSnap => itk_snap_keys(command),
        Preset::Slicer => slicer_keys(command),
        Preset::Pacs => pacs_keys(command),
    }
}

fn itk_snap_keys(command: Command) -> Option<&'static [KeyboardShortcut]> {
    Some(match command {
        Command::BrushTool => keys![(NONE, Num4), (NONE, B)],
        Command::EraserTool => keys![(NONE, E)],
        Command::WindowTool => &[],
        Command::SmallerBrush => keys![(NONE, Minus), (NONE, OpenBracket)],
        Command::LargerBrush => keys![(NONE, Plus), (NONE, Equals), (NONE, CloseBracket)],
        Command::NextSlice => keys![(NONE, PageUp), (NONE, ArrowUp)],
        Command::PreviousSlice => keys![(NONE, PageDown), (NONE, ArrowDown)],
        Command::FitViews => keys![(CTRL, F)],
        Command::MaximizeView => keys![(NONE, Pipe), (NONE, Space)],
        Command::WindowAuto => keys![(CTRL, J)],
        Command::ToggleCrosshair => keys![(SHIFT, X), (NONE, X)],
        Command::ToggleLabels => keys![(NONE, S)],
        _ => return None,
    })
}

fn slicer_keys(command: Command) -> Option<&'static [KeyboardShortcut]> {
    Some(match command {
        Command::Undo => keys![(CTRL, Z), (NONE, Z)],
        Command::Redo => keys![(CTRL_SHIFT, Z), (CTRL, Y), (NONE, Y)],
        Command::CrosshairTool => keys![(NONE, Num0)],
        Command::BrushTool => keys![(NONE, Num1)],
        Command::EraserTool => keys![(NONE, Num3)],
        Command::WindowTool => &[],
        Command::NextSlice => keys![(NONE, F), (NONE, ArrowRight), (NONE, ArrowUp), (NONE, PageUp)],
        Command::PreviousSlice => keys![(NONE, B), (NONE, ArrowLeft), (NONE, ArrowDown), (NONE, PageDown)],
        Command::NextFrame => keys![(SHIFT, ArrowRight)],
        Command::PreviousFrame => keys![(SHIFT, ArrowLeft)],
        Command::CopyToNextFrame => keys![(CTRL, ArrowRight)],
        Command::CopyToPreviousFrame => keys![(CTRL, ArrowLeft)],
        Command::PreviousLabel => keys![(NONE, Q), (NONE, Comma)],
        Command::FitViews => keys![(NONE, R)],
        Command::ToggleLabels => keys![(NONE, G)],
        _ => return None,
    })
}

fn pacs_keys(command: Command) -> Option<&'static [KeyboardShortcut]> {
    Some(match command {
        Command::Redo => keys![(CTRL, Y), (CTRL_SHIFT, Z)],
        Command::NewLabel => keys![(NONE, A)],
        Command::WindowAuto => keys![(NONE, Num1)],
        Command::WindowFull => keys![(NONE, Num2)],
        Command::CrosshairTool => keys![(NONE, C)],
        Command::WindowTool => keys![(NONE, Num3)],
        Command::BrushTool => keys![(NONE, B)],
        Command::EraserTool => keys![(NONE, E)],
        Command::CenterViews => &[],
        Command::FitViews => keys![(NONE, Equals), (NONE, F), (NONE, Space)],
        Command::MaximizeView => keys![(NONE, M)],
        _ => return None,
    })
}
