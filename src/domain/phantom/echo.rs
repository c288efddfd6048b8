//! A beating heart with four chambers, as ultrasound from the apex shows it: frames of one cycle with speckle.

use glam::{DVec2, DVec3};

use super::{Dice, Phantom, SmoothNoise, smooth_step};
use crate::domain::{Grid, Label, LabelMap, LabelTable, Scaling, Volume, Voxels};

/// Pixels along each side of a frame.
const SIDE: usize = 160;
/// Frames of one heart beat.
const FRAMES: usize = 24;
/// Names of the labels 1, 2, 3, 4, and their colours.
const CHAMBERS: [(&str, [u8; 3]); 4] = [
    ("Left ventricle", [213, 94, 0]),
    ("Right ventricle", [0, 114, 178]),
    ("Left atrium", [230, 159, 0]),
    ("Right atrium", [86, 180, 233]),
];

/// Frames of one beat, the first in end diastole.
pub(super) fn four_chambers(dice: &mut Dice) -> Phantom {
    let grid = Grid::picture([SIDE, SIDE, 1], None).expect("three sizes above 0").in_time(FRAMES);
    let heart = Heart::new(dice);
    let probe = Probe::new(dice);
    let still = Speckle::new(dice);
    let (mut intensities, mut ids) = (Vec::new(), Vec::new());
    for frame in 0..FRAMES {
        let contraction = contraction(frame as f64 / FRAMES as f64);
        let tissues: Vec<Tissue> = pixels().map(|p| heart.tissue(p, contraction)).collect();
        let fresh = Speckle::new(dice);
        ids.extend(tissues.iter().zip(pixels()).map(|(tissue, p)| match tissue {
            Tissue::Chamber(label) if probe.sees(p) => *label,
            _ => 0,
        }));
        intensities.extend(probe.render(&heart, &tissues, [&still, &fresh]));
    }
    let labels = LabelMap::new(grid.clone(), ids).expect("each pixel was given one tissue");
    let volume = Volume::new(grid, Voxels::U8(intensities), Scaling::NONE, 1)
        .expect("one intensity was rendered for each pixel");
    let label = |(id, (name, color)): (u16, (&str, [u8; 3]))| Label { color, ..Label::new(id, name) };
    Phantom { volume, labels, table: LabelTable { labels: (1..).zip(CHAMBERS).map(label).collect() } }
}

/// Centres of the pixels of a frame, row by row.
fn pixels() -> impl Iterator<Item = DVec2> {
    (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| DVec2::new(x as f64, y as f64)))
}

/// How far the ventricles have contracted at a time of the beat, 0 to 1: quickly in systole, slowly back.
fn contraction(time: f64) -> f64 {
    smooth_step(time / 0.35) - smooth_step((time - 0.42) / 0.43)
}

/// What a pixel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tissue {
    /// Blood of the chamber with this label.
    Chamber(u16),
    Muscle,
    Valve,
    Outside,
}

/// An ellipse, cut by the plane of the valves.
#[derive(Clone, Copy, Debug)]
struct Ellipse {
    middle: DVec2,
    half: DVec2,
}

impl Ellipse {
    /// Below 1 inside.
    fn reach(self, p: DVec2) -> f64 {
        ((p - self.middle) / self.half).length_squared()
    }

    fn grown(self, by: f64) -> Self {
        Self { half: self.half + by, ..self }
    }
}

/// Shapes in the heart's own coordinates, in pixels: x across, y from the apex to the base, the middle of the septum at 0.
struct Heart {
    middle: DVec2,
    /// Cosine and sine of its turn, nearly.
    turn: DVec2,
    /// Of the left and of the right ventricle and atrium at rest.
    ventricles: [Ellipse; 2],
    atria: [Ellipse; 2],
    base: f64,
    wall: f64,
    /// Of the ventricles' width, and of the base's place, at the height of systole.
    squeeze: f64,
    descent: f64,
    warp: [SmoothNoise; 2],
    warp_px: f64,
    texture: SmoothNoise,
    muscle: f64,
    outside: f64,
}

impl Heart {
    fn new(dice: &mut Dice) -> Self {
        let lean = dice.between(-0.15, 0.15);
        let septum = dice.between(3.0, 4.5);
        let base = dice.between(18.0, 26.0);
        let side = |dice: &mut Dice, sign: f64, [narrow, wide]: [f64; 2], [short, long]: [f64; 2], y: f64| {
            let half = DVec2::new(dice.between(narrow, wide), dice.between(short, long));
            Ellipse { middle: DVec2::new(sign * (half.x + septum), y), half }
        };
        let ventricles =
            [side(dice, 1.0, [17.0, 22.0], [44.0, 54.0], 4.0), side(dice, -1.0, [14.0, 18.0], [34.0, 42.0], 8.0)];
        let below = base + dice.between(13.0, 17.0);
        let atria =
            [side(dice, 1.0, [15.0, 19.0], [15.0, 19.0], below), side(dice, -1.0, [15.0, 19.0], [15.0, 19.0], below)];
        Self {
            middle: DVec2::new(SIDE as f64 / 2.0 + dice.between(-8.0, 8.0), dice.between(76.0, 84.0)),
            turn: DVec2::new(1.0, lean).normalize(),
            ventricles,
            atria,
            base,
            wall: dice.between(6.0, 9.0),
            squeeze: dice.between(0.18, 0.38),
            descent: dice.between(4.0, 9.0),
            warp: [(); 2].map(|()| SmoothNoise::new(4, dice)),
            warp_px: dice.between(2.0, 4.0),
            texture: SmoothNoise::new(12, dice),
            muscle: dice.between(0.45, 0.65),
            outside: dice.between(0.08, 0.22),
        }
    }

    fn tissue(&self, pixel: DVec2, contraction: f64) -> Tissue {
        let at = in_cube(pixel);
        let bend = DVec2::new(self.warp[0].at(at), self.warp[1].at(at)) * self.warp_px;
        let p = self.turn.rotate(pixel + bend - self.middle);
        // The base comes down towards the apex while the walls come in.
        let base = self.base - self.descent * contraction;
        if p.y < base {
            let stretch = (base + 60.0) / (self.base + 60.0);
            let narrow = |ventricle: Ellipse| Ellipse {
                middle: DVec2::new(
                    ventricle.middle.x * (1.0 - 0.5 * self.squeeze * contraction),
                    ventricle.middle.y * stretch,
                ),
                half: DVec2::new(ventricle.half.x * (1.0 - self.squeeze * contraction), ventricle.half.y * stretch),
            };
            let [left, right] = self.ventricles.map(narrow);
            return match (left.reach(p), right.reach(p)) {
                _ if base - p.y < 2.0 && contraction > 0.1 => self.valve(p, [left, right]),
                (l, _) if l < 1.0 => Tissue::Chamber(1),
                (_, r) if r < 1.0 => Tissue::Chamber(2),
                _ if left.grown(self.wall).reach(p) < 1.0 || right.grown(self.wall * 0.6).reach(p) < 1.0 => {
                    Tissue::Muscle
                }
                _ => Tissue::Outside,
            };
        }
        let fill = 1.0 + 0.12 * contraction;
        let [left, right] = self.atria.map(|atrium| Ellipse { half: atrium.half * fill, ..atrium });
        match (left.reach(p), right.reach(p)) {
            (l, _) if l < 1.0 => Tissue::Chamber(3),
            (_, r) if r < 1.0 => Tissue::Chamber(4),
            _ if left.grown(3.5).reach(p) < 1.0 || right.grown(3.5).reach(p) < 1.0 => Tissue::Muscle,
            _ => Tissue::Outside,
        }
    }

    /// The closed valves, where a ventricle ends at the base.
    fn valve(&self, p: DVec2, ventricles: [Ellipse; 2]) -> Tissue {
        let is_near = ventricles.iter().any(|ventricle| ventricle.grown(self.wall * 0.6).reach(p) < 1.0);
        if is_near { Tissue::Valve } else { Tissue::Outside }
    }

    /// How much of the sound a pixel sends back, 0 to 1.
    fn echo(&self, tissue: Tissue, pixel: DVec2) -> f64 {
        let texture = 1.0 + 0.5 * self.texture.at(in_cube(pixel));
        match tissue {
            Tissue::Chamber(_) => 0.004,
            Tissue::Muscle => self.muscle * texture,
            Tissue::Valve => 0.9,
            Tissue::Outside => self.outside * texture,
        }
    }
}

fn in_cube(pixel: DVec2) -> DVec3 {
    (pixel / SIDE as f64).extend(0.5)
}

/// Where the sound comes from and what it meets.
struct Probe {
    place: DVec2,
    /// Half width of the sector, over its depth.
    opening: f64,
    depth: f64,
    gain: f64,
    /// Sound lost over the whole depth.
    loss: f64,
    /// Ribs: slopes of their middles and half widths.
    shadows: [[f64; 2]; 2],
    noise: f64,
}

impl Probe {
    fn new(dice: &mut Dice) -> Self {
        Self {
            place: DVec2::new(SIDE as f64 / 2.0, -6.0),
            opening: dice.between(0.68, 0.85),
            depth: dice.between(152.0, 166.0),
            gain: dice.between(190.0, 260.0),
            loss: dice.between(0.3, 0.6),
            shadows: [(); 2].map(|()| [dice.between(-0.7, 0.7), dice.between(0.02, 0.09)]),
            noise: dice.between(3.0, 9.0),
        }
    }

    /// How far across the sector, -1 to 1, and how deep, 0 to 1.
    fn beam(&self, pixel: DVec2) -> [f64; 2] {
        let from = pixel - self.place;
        [from.x / from.y / self.opening, from.length() / self.depth]
    }

    fn sees(&self, pixel: DVec2) -> bool {
        let [across, deep] = self.beam(pixel);
        across.abs() < 1.0 && deep < 1.0
    }

    /// A frame: the envelope of the echoes, compressed as scanners do.
    fn render(&self, heart: &Heart, tissues: &[Tissue], [still, fresh]: [&Speckle; 2]) -> Vec<u8> {
        let level = |(at, (&tissue, pixel)): (usize, (&Tissue, DVec2))| {
            if !self.sees(pixel) {
                return 0;
            }
            let [across, deep] = self.beam(pixel);
            // Walls along the beam send little back.
            let lateral = 1.0 - 0.35 * across * across;
            let shadow = |&[middle, half]: &[f64; 2]| 0.55 + 0.45 * smooth_step(((across - middle) / half).abs() - 0.5);
            let shade: f64 = self.shadows.iter().map(shadow).product();
            let envelope = still.mixed(fresh, at) * heart.echo(tissue, pixel).sqrt();
            let loudness = envelope * lateral * shade * (1.0 - self.loss * deep);
            (self.gain * loudness.sqrt() + self.noise * (fresh.in_phase[at] - 1.0)).round().clamp(0.0, 255.0) as u8
        };
        tissues.iter().zip(pixels()).enumerate().map(level).collect()
    }
}

/// What the many small scatterers of a pixel send back together: two fields of noise, smooth over a pixel or two.
struct Speckle {
    in_phase: Vec<f64>,
    in_quadrature: Vec<f64>,
}

impl Speckle {
    fn new(dice: &mut Dice) -> Self {
        let mut field = || {
            let mut values: Vec<f64> = (0..SIDE * SIDE).map(|_| dice.normal()).collect();
            super::blur(&mut values, [SIDE, SIDE, 1]);
            // What the blur takes of the spread: (1² + 2² + 1²)/4² along each axis.
            values.iter_mut().for_each(|value| *value /= 0.375);
            values
        };
        Self { in_phase: field(), in_quadrature: field() }
    }

    /// The envelope where most of the scatterers stay from frame to frame; 1 in the mean square.
    fn mixed(&self, fresh: &Self, at: usize) -> f64 {
        let mix = |still: f64, fresh: f64| 0.8 * still + 0.6 * fresh;
        let (a, b) = (mix(self.in_phase[at], fresh.in_phase[at]), mix(self.in_quadrature[at], fresh.in_quadrature[at]));
        ((a * a + b * b) / 2.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PhantomKind, generate};

    /// Pixels of a label in each frame.
    fn areas(seed: u64, id: u16) -> Vec<usize> {
        let ids = generate(PhantomKind::FourChambers, seed).labels.to_ids();
        ids.chunks(super::SIDE * super::SIDE).map(|frame| frame.iter().filter(|&&x| x == id).count()).collect()
    }

    #[test]
    fn every_chamber_is_in_every_frame() {
        for seed in 0..6 {
            for id in 1..=4 {
                assert!(areas(seed, id).iter().all(|&n| n > 300), "seed {seed}, label {id}: {:?}", areas(seed, id));
            }
        }
    }

    #[test]
    fn the_ventricle_empties_and_fills_again() {
        for seed in 0..6 {
            let areas = areas(seed, 1);
            let smallest = areas.iter().enumerate().min_by_key(|(_, n)| **n).unwrap().0;
            assert!((7..=11).contains(&smallest), "end systole in frame {smallest}");
            let share = areas[smallest] as f64 / areas[0] as f64;
            assert!((0.45..0.85).contains(&share), "seed {seed}: {share}");
            assert!(areas[23] as f64 > 0.9 * areas[0] as f64);
        }
    }

    #[test]
    fn blood_is_dark_and_muscle_is_not() {
        let phantom = generate(PhantomKind::FourChambers, 1);
        let values = phantom.volume.values(0);
        let mean = |is_blood: bool| {
            let of = values.iter().zip(phantom.labels.iter()).filter(|(v, id)| (*id != 0) == is_blood && **v > 0.0);
            let (sum, n) = of.fold((0.0, 0), |(sum, n), (v, _)| (sum + f64::from(*v), n + 1));
            sum / f64::from(n)
        };
        assert!(mean(true) * 1.5 < mean(false), "{} and {}", mean(true), mean(false));
    }

    #[test]
    fn frames_never_change_between_versions_or_machines() {
        let phantom = generate(PhantomKind::FourChambers, 1);
        let bytes = phantom.volume.values(0).into_iter().map(|v| v as u8).chain(phantom.labels.iter().map(|v| v as u8));
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        assert_eq!(hash, 9_109_930_972_444_837_319);
    }
}
