//! Line icons, drawn as vectors so that they are sharp at every scale and take the colour of their text.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, epaint::PathShape, pos2};

/// The icons that the window uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Folder,
    Layers,
    Save,
    Undo,
    Redo,
    Crosshair,
    Contrast,
    Brush,
    Eraser,
    Eye,
    EyeOff,
    Lock,
    Unlock,
    Handle,
    More,
    Maximize,
    Restore,
    Fit,
    Grid,
    Sun,
    Moon,
    Help,
    Info,
    Warning,
    Check,
    Close,
    Play,
    Stop,
    Sample,
    Clock,
    Chip,
    Plus,
    Polygon,
    Lasso,
    Livewire,
    Bucket,
    FillHole,
    Grow,
    Scissors,
    Ruler,
    Angle,
    Area,
}

/// A part of an icon on a square of 24 by 24.
enum Mark {
    Line(&'static [(f32, f32)]),
    Closed(&'static [(f32, f32)]),
    Filled(&'static [(f32, f32)]),
    /// Centre, radius, first and last angle (0 is to the right, growing clockwise).
    Arc((f32, f32), f32, f32, f32),
    Dot((f32, f32), f32),
    HalfDisc((f32, f32), f32),
}

use Mark::{Arc, Closed, Dot, Filled, HalfDisc, Line};

/// Paints `icon` into the middle of `rect`, `side` points wide.
pub fn paint(painter: &Painter, rect: Rect, side: f32, icon: Icon, color: Color32) {
    let square = Rect::from_center_size(rect.center(), eframe::egui::Vec2::splat(side));
    let stroke = Stroke::new((side / 12.0).max(1.2), color);
    let at = |(x, y): (f32, f32)| -> Pos2 { pos2(square.left() + x / 24.0 * side, square.top() + y / 24.0 * side) };
    for mark in marks(icon) {
        painter.add(shape(mark, &at, side / 24.0, stroke));
    }
}

fn shape(mark: &Mark, at: &impl Fn((f32, f32)) -> Pos2, scale: f32, stroke: Stroke) -> Shape {
    let points = |points: &[(f32, f32)]| points.iter().map(|point| at(*point)).collect::<Vec<_>>();
    match mark {
        Line(line) => PathShape::line(points(line), stroke).into(),
        Closed(line) => PathShape::closed_line(points(line), stroke).into(),
        Filled(polygon) => Shape::convex_polygon(points(polygon), stroke.color, Stroke::NONE),
        Arc(center, radius, from, to) => PathShape::line(arc(at(*center), radius * scale, *from, *to), stroke).into(),
        Dot(center, radius) => Shape::circle_filled(at(*center), radius * scale, stroke.color),
        HalfDisc(center, radius) => {
            let half = arc(at(*center), radius * scale, -FRAC_PI_2, FRAC_PI_2);
            Shape::convex_polygon(half, stroke.color, Stroke::NONE)
        }
    }
}

fn arc(center: Pos2, radius: f32, from: f32, to: f32) -> Vec<Pos2> {
    let n = 24;
    (0..=n)
        .map(|step| from + (to - from) * step as f32 / n as f32)
        .map(|angle| pos2(center.x + radius * angle.cos(), center.y + radius * angle.sin()))
        .collect()
}

const EYE: Mark = Closed(&[
    (2.0, 12.0),
    (5.5, 7.8),
    (9.0, 6.0),
    (12.0, 5.5),
    (15.0, 6.0),
    (18.5, 7.8),
    (22.0, 12.0),
    (18.5, 16.2),
    (15.0, 18.0),
    (12.0, 18.5),
    (9.0, 18.0),
    (5.5, 16.2),
]);

#[expect(clippy::too_many_lines, reason = "a table, a row an icon")]
fn marks(icon: Icon) -> &'static [Mark] {
    match icon {
        Icon::Folder => &[Closed(&[(3.0, 5.5), (9.0, 5.5), (11.5, 8.5), (21.0, 8.5), (21.0, 19.0), (3.0, 19.0)])],
        Icon::Layers => &[
            Closed(&[(12.0, 3.0), (21.0, 8.0), (12.0, 13.0), (3.0, 8.0)]),
            Line(&[(3.0, 12.5), (12.0, 17.5), (21.0, 12.5)]),
            Line(&[(3.0, 16.5), (12.0, 21.5), (21.0, 16.5)]),
        ],
        Icon::Save => &[
            Line(&[(12.0, 3.5), (12.0, 14.5)]),
            Line(&[(7.5, 10.5), (12.0, 15.0), (16.5, 10.5)]),
            Line(&[(3.5, 15.5), (3.5, 20.0), (20.5, 20.0), (20.5, 15.5)]),
        ],
        Icon::Undo => &[
            Line(&[(8.5, 4.5), (4.0, 9.0), (8.5, 13.5)]),
            Line(&[(4.0, 9.0), (14.5, 9.0)]),
            Arc((14.5, 14.0), 5.0, -FRAC_PI_2, FRAC_PI_2),
            Line(&[(14.5, 19.0), (9.0, 19.0)]),
        ],
        Icon::Redo => &[
            Line(&[(15.5, 4.5), (20.0, 9.0), (15.5, 13.5)]),
            Line(&[(20.0, 9.0), (9.5, 9.0)]),
            Arc((9.5, 14.0), 5.0, FRAC_PI_2, PI + FRAC_PI_2),
            Line(&[(9.5, 19.0), (15.0, 19.0)]),
        ],
        Icon::Crosshair => &[
            Line(&[(12.0, 2.5), (12.0, 9.0)]),
            Line(&[(12.0, 15.0), (12.0, 21.5)]),
            Line(&[(2.5, 12.0), (9.0, 12.0)]),
            Line(&[(15.0, 12.0), (21.5, 12.0)]),
            Dot((12.0, 12.0), 1.3),
        ],
        Icon::Contrast => &[Arc((12.0, 12.0), 8.5, 0.0, TAU), HalfDisc((12.0, 12.0), 8.5)],
        Icon::Brush => &[
            Line(&[(20.5, 3.5), (11.0, 13.0)]),
            Closed(&[
                (10.5, 12.5),
                (12.0, 14.5),
                (11.0, 18.0),
                (8.0, 20.0),
                (3.5, 20.5),
                (5.5, 17.5),
                (6.0, 14.5),
                (8.0, 12.5),
            ]),
        ],
        Icon::Eraser => &[
            Closed(&[(14.0, 3.5), (20.5, 10.0), (11.5, 19.0), (7.5, 19.0), (3.5, 15.0)]),
            Line(&[(9.0, 9.0), (15.0, 15.0)]),
            Line(&[(7.5, 20.5), (20.5, 20.5)]),
        ],
        Icon::Eye => &[EYE, Arc((12.0, 12.0), 3.2, 0.0, TAU)],
        Icon::EyeOff => &[EYE, Line(&[(4.0, 20.0), (20.0, 4.0)])],
        Icon::Lock => &[
            Closed(&[(5.0, 11.0), (19.0, 11.0), (19.0, 20.5), (5.0, 20.5)]),
            Line(&[(8.0, 11.0), (8.0, 7.5)]),
            Arc((12.0, 7.5), 4.0, -PI, 0.0),
            Line(&[(16.0, 7.5), (16.0, 11.0)]),
        ],
        Icon::Unlock => &[
            Closed(&[(5.0, 11.0), (19.0, 11.0), (19.0, 20.5), (5.0, 20.5)]),
            Line(&[(8.0, 11.0), (8.0, 6.5)]),
            Arc((12.0, 6.5), 4.0, -PI, -0.25),
        ],
        Icon::Handle => &[
            Dot((9.0, 5.0), 1.7),
            Dot((15.0, 5.0), 1.7),
            Dot((9.0, 12.0), 1.7),
            Dot((15.0, 12.0), 1.7),
            Dot((9.0, 19.0), 1.7),
            Dot((15.0, 19.0), 1.7),
        ],
        Icon::More => &[Dot((12.0, 5.0), 1.9), Dot((12.0, 12.0), 1.9), Dot((12.0, 19.0), 1.9)],
        Icon::Maximize => &[
            Line(&[(4.0, 9.5), (4.0, 4.0), (9.5, 4.0)]),
            Line(&[(14.5, 4.0), (20.0, 4.0), (20.0, 9.5)]),
            Line(&[(20.0, 14.5), (20.0, 20.0), (14.5, 20.0)]),
            Line(&[(9.5, 20.0), (4.0, 20.0), (4.0, 14.5)]),
        ],
        Icon::Restore => &[
            Line(&[(9.5, 4.0), (9.5, 9.5), (4.0, 9.5)]),
            Line(&[(14.5, 4.0), (14.5, 9.5), (20.0, 9.5)]),
            Line(&[(20.0, 14.5), (14.5, 14.5), (14.5, 20.0)]),
            Line(&[(4.0, 14.5), (9.5, 14.5), (9.5, 20.0)]),
        ],
        Icon::Fit => &[
            Closed(&[(3.5, 5.5), (20.5, 5.5), (20.5, 18.5), (3.5, 18.5)]),
            Line(&[(9.0, 9.5), (6.5, 12.0), (9.0, 14.5)]),
            Line(&[(15.0, 9.5), (17.5, 12.0), (15.0, 14.5)]),
        ],
        Icon::Grid => &[
            Closed(&[(4.0, 4.0), (20.0, 4.0), (20.0, 20.0), (4.0, 20.0)]),
            Line(&[(12.0, 4.0), (12.0, 20.0)]),
            Line(&[(4.0, 12.0), (20.0, 12.0)]),
        ],
        Icon::Sun => &[
            Arc((12.0, 12.0), 4.0, 0.0, TAU),
            Line(&[(12.0, 2.0), (12.0, 4.5)]),
            Line(&[(12.0, 19.5), (12.0, 22.0)]),
            Line(&[(2.0, 12.0), (4.5, 12.0)]),
            Line(&[(19.5, 12.0), (22.0, 12.0)]),
            Line(&[(4.9, 4.9), (6.7, 6.7)]),
            Line(&[(17.3, 17.3), (19.1, 19.1)]),
            Line(&[(4.9, 19.1), (6.7, 17.3)]),
            Line(&[(17.3, 6.7), (19.1, 4.9)]),
        ],
        Icon::Moon => &[Arc((12.0, 12.0), 8.5, -0.35, 3.55 * FRAC_PI_2 - 0.6), Arc((17.0, 7.0), 6.5, 0.75, 3.9)],
        Icon::Help => &[
            Arc((12.0, 12.0), 9.0, 0.0, TAU),
            Arc((12.0, 9.5), 2.8, -PI, 0.6),
            Line(&[(14.2, 11.2), (12.0, 13.0), (12.0, 14.2)]),
            Dot((12.0, 17.2), 1.2),
        ],
        Icon::Info => &[Arc((12.0, 12.0), 9.0, 0.0, TAU), Dot((12.0, 7.6), 1.3), Line(&[(12.0, 11.0), (12.0, 17.0)])],
        Icon::Warning => &[
            Closed(&[(12.0, 3.5), (21.5, 20.0), (2.5, 20.0)]),
            Line(&[(12.0, 9.5), (12.0, 14.0)]),
            Dot((12.0, 17.0), 1.2),
        ],
        Icon::Check => &[Line(&[(4.5, 12.5), (10.0, 18.0), (19.5, 6.5)])],
        Icon::Close => &[Line(&[(5.5, 5.5), (18.5, 18.5)]), Line(&[(18.5, 5.5), (5.5, 18.5)])],
        Icon::Play => &[Filled(&[(7.0, 4.5), (19.5, 12.0), (7.0, 19.5)])],
        Icon::Stop => &[Filled(&[(6.0, 6.0), (18.0, 6.0), (18.0, 18.0), (6.0, 18.0)])],
        Icon::Sample => {
            &[Arc((12.0, 12.0), 8.5, 0.0, TAU), Arc((9.5, 11.0), 2.6, 0.0, TAU), Arc((14.8, 13.0), 2.0, 0.0, TAU)]
        }
        Icon::Clock => &[Arc((12.0, 12.0), 8.5, 0.0, TAU), Line(&[(12.0, 7.0), (12.0, 12.5), (15.5, 14.5)])],
        Icon::Plus => &[Line(&[(12.0, 5.0), (12.0, 19.0)]), Line(&[(5.0, 12.0), (19.0, 12.0)])],
        Icon::Polygon => &[
            Closed(&[(5.0, 8.5), (13.5, 4.0), (20.0, 11.0), (16.5, 19.5), (6.0, 18.0)]),
            Dot((5.0, 8.5), 2.0),
            Dot((13.5, 4.0), 2.0),
            Dot((20.0, 11.0), 2.0),
            Dot((16.5, 19.5), 2.0),
            Dot((6.0, 18.0), 2.0),
        ],
        Icon::Lasso => &[
            Closed(&[
                (12.0, 4.0),
                (16.5, 4.8),
                (19.8, 7.2),
                (20.5, 10.0),
                (18.5, 12.8),
                (14.5, 14.6),
                (9.5, 14.8),
                (5.5, 13.2),
                (3.5, 10.4),
                (4.2, 7.4),
                (7.5, 4.9),
            ]),
            Line(&[(6.8, 13.8), (5.6, 16.0), (7.2, 17.6), (6.6, 20.5)]),
        ],
        Icon::Livewire => &[
            Line(&[(3.5, 18.5), (6.0, 13.0), (9.0, 14.5), (11.5, 9.0), (14.5, 10.5), (17.0, 5.0), (20.5, 5.5)]),
            Dot((3.5, 18.5), 2.2),
            Dot((11.5, 9.0), 2.2),
            Dot((20.5, 5.5), 2.2),
        ],
        Icon::Bucket => &[
            Closed(&[(11.0, 4.5), (19.0, 12.5), (11.5, 20.0), (3.5, 12.0)]),
            Line(&[(8.0, 1.8), (11.0, 4.5)]),
            Line(&[(3.5, 12.0), (19.0, 12.5)]),
            Closed(&[(21.0, 15.5), (22.3, 18.6), (21.0, 20.3), (19.7, 18.6)]),
        ],
        Icon::FillHole => &[Arc((12.0, 12.0), 8.7, 0.0, TAU), Dot((12.0, 12.0), 4.2)],
        Icon::Grow => &[
            Dot((12.0, 12.0), 2.6),
            Line(&[(12.0, 7.0), (12.0, 2.8)]),
            Line(&[(10.0, 4.8), (12.0, 2.8), (14.0, 4.8)]),
            Line(&[(12.0, 17.0), (12.0, 21.2)]),
            Line(&[(10.0, 19.2), (12.0, 21.2), (14.0, 19.2)]),
            Line(&[(7.0, 12.0), (2.8, 12.0)]),
            Line(&[(4.8, 10.0), (2.8, 12.0), (4.8, 14.0)]),
            Line(&[(17.0, 12.0), (21.2, 12.0)]),
            Line(&[(19.2, 10.0), (21.2, 12.0), (19.2, 14.0)]),
        ],
        Icon::Ruler => &[
            Closed(&[(15.5, 2.5), (21.5, 8.5), (8.5, 21.5), (2.5, 15.5)]),
            Line(&[(6.2, 11.8), (8.4, 14.0)]),
            Line(&[(9.3, 8.7), (12.4, 11.8)]),
            Line(&[(12.4, 5.6), (14.6, 7.8)]),
        ],
        Icon::Angle => &[Line(&[(17.5, 4.0), (4.0, 19.5), (21.0, 19.5)]), Arc((4.0, 19.5), 9.5, -0.85, 0.0)],
        Icon::Area => &[
            Closed(&[(5.0, 6.0), (19.0, 4.5), (20.0, 17.5), (8.5, 19.5)]),
            Line(&[(8.0, 10.0), (11.0, 7.0)]),
            Line(&[(9.0, 15.0), (16.0, 8.0)]),
            Line(&[(13.0, 16.5), (17.5, 12.0)]),
        ],
        Icon::Scissors => &[
            Arc((6.0, 6.5), 2.7, 0.0, TAU),
            Arc((6.0, 17.5), 2.7, 0.0, TAU),
            Line(&[(8.2, 8.0), (20.5, 17.5)]),
            Line(&[(8.2, 16.0), (20.5, 6.5)]),
        ],
        Icon::Chip => &[
            Closed(&[(6.5, 6.5), (17.5, 6.5), (17.5, 17.5), (6.5, 17.5)]),
            Line(&[(9.5, 3.0), (9.5, 6.5)]),
            Line(&[(14.5, 3.0), (14.5, 6.5)]),
            Line(&[(9.5, 17.5), (9.5, 21.0)]),
            Line(&[(14.5, 17.5), (14.5, 21.0)]),
            Line(&[(3.0, 9.5), (6.5, 9.5)]),
            Line(&[(3.0, 14.5), (6.5, 14.5)]),
            Line(&[(17.5, 9.5), (21.0, 9.5)]),
            Line(&[(17.5, 14.5), (21.0, 14.5)]),
        ],
    }
}
