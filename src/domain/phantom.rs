//! Procedural cases with known truth: for a first look at the program, for tests, and for training without data.
//!
//! Nothing here calls a transcendental function, a hash map or a thread: with `+ - * /` and `sqrt` alone, which IEEE 754
//! fixes to the last bit, equal seeds give equal voxels on every machine.

mod echo;

use glam::{DAffine3, DMat3, DQuat, DVec3};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use super::{Grid, Label, LabelMap, LabelTable, Scaling, Volume, Voxels};

/// Which scene is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhantomKind {
    /// An MR-like volume with two touching structures, a thick head and a bent body, as in the hippocampus.
    #[default]
    TwoBodies,
    /// Frames of a beating heart with four chambers, as in ultrasound, with speckle.
    FourChambers,
}

/// A made-up image with its exact segmentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Phantom {
    /// The image.
    pub volume: Volume,
    /// The truth, on the image's grid.
    pub labels: LabelMap,
    /// Names and colours of the truth's labels.
    pub table: LabelTable,
}

/// Makes the scene `kind` from `seed`; equal arguments give equal voxels, on every machine.
pub fn generate(kind: PhantomKind, seed: u64) -> Phantom {
    match kind {
        PhantomKind::TwoBodies => two_bodies(&mut Dice::new(seed)),
        PhantomKind::FourChambers => echo::four_chambers(&mut Dice::new(seed)),
    }
}

/// Label of the thick anterior end.
const HEAD: u16 = 1;
/// Label of the thinner, bent rest.
const BODY: u16 = 2;

fn two_bodies(dice: &mut Dice) -> Phantom {
    let shape = [(); 3].map(|()| 40 + dice.below(9));
    let origin = DVec3::new(dice.between(-8.0, -4.0), dice.between(-30.0, -26.0), dice.between(-22.0, -18.0));
    let grid = Grid::new(shape, DAffine3::from_translation(origin.round()))
        .expect("a translation is invertible and every size is at least 40");
    let size = DVec3::from_array(shape.map(|n| n as f64));
    let anatomy = Anatomy::new(size, dice);
    let tissues: Vec<Tissue> = voxel_positions(shape).map(|p| anatomy.tissue(p)).collect();

    let intensities = Appearance::new(dice).render(&tissues, shape, dice);
    let ids = tissues
        .iter()
        .map(|tissue| match tissue {
            Tissue::Head => HEAD,
            Tissue::Body => BODY,
            _ => 0,
        })
        .collect();
    let labels = LabelMap::new(grid.clone(), ids).expect("each voxel was given one tissue");
    let volume = Volume::new(grid, Voxels::I16(intensities), Scaling::NONE, 1)
        .expect("one intensity was rendered for each voxel");
    Phantom { volume, labels, table: two_bodies_table() }
}

fn two_bodies_table() -> LabelTable {
    LabelTable { labels: vec![Label::new(HEAD, "Head"), Label::new(BODY, "Body")] }
}

/// Centres of all voxels in memory order, in voxels (here also millimetres).
fn voxel_positions([ni, nj, nk]: [usize; 3]) -> impl Iterator<Item = DVec3> {
    (0..nk)
        .flat_map(move |k| (0..nj).flat_map(move |j| (0..ni).map(move |i| [i, j, k])))
        .map(|p| DVec3::from_array(p.map(|x| x as f64)))
}

/// What a voxel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tissue {
    /// The thick end of the structure.
    Head,
    /// The thin end of the structure.
    Body,
    /// A neighbour in front of the head that looks like it, as the amygdala does.
    Neighbor,
    /// Dark fluid along one side of the structure.
    Fluid,
    /// A bright compartment.
    Bright,
    /// All the rest.
    Background,
}

/// Where each tissue lies. Positions are in millimetres from the first voxel's centre.
struct Anatomy {
    size_mm: DVec3,
    center_mm: DVec3,
    /// Turns world directions into the structure's own: x across, y along it towards the head, z up.
    own_from_world: DMat3,
    half_length_mm: f64,
    head_radius_mm: f64,
    body_radius_mm: f64,
    /// Flattening of the cross-section: height over width.
    height: f64,
    /// How far the ends are displaced across and up, as the parabola of a banana.
    bend_mm: [f64; 2],
    /// Where the head ends, as a fraction of the half length.
    border: f64,
    /// Slope of the plane between head and body across and up, per millimetre.
    tilt: [f64; 2],
    /// Depth of the groove that runs round the structure at the border, as a fraction of its radius.
    groove: f64,
    warp: [SmoothNoise; 3],
    warp_mm: f64,
    bright: SmoothNoise,
    neighbor_mm: DVec3,
    neighbor_radius_mm: f64,
    fluid_gap_mm: f64,
}

impl Anatomy {
    fn new(size_mm: DVec3, dice: &mut Dice) -> Self {
        let mut turn = |most: f64| dice.between(-most, most);
        let own_from_world = DMat3::from_quat(DQuat::from_xyzw(turn(0.2), turn(0.12), turn(0.2), 1.0).normalize());
        let center_mm = (size_mm - 1.0) / 2.0 + DVec3::new(turn(3.0), turn(2.0), turn(3.0));
        let half_length_mm = dice.between(14.0, 17.0);
        let head_radius_mm = dice.between(6.5, 8.5);
        Self {
            size_mm,
            center_mm,
            own_from_world,
            half_length_mm,
            head_radius_mm,
            body_radius_mm: head_radius_mm * dice.between(0.6, 0.72),
            height: dice.between(0.75, 1.0),
            bend_mm: [dice.between(1.5, 4.5), dice.between(-2.0, 2.0)],
            border: dice.between(0.05, 0.3),
            tilt: [dice.between(-0.025, 0.025), dice.between(-0.025, 0.025)],
            groove: dice.between(0.1, 0.22),
            warp: [(); 3].map(|()| SmoothNoise::new(4, dice)),
            warp_mm: dice.between(1.0, 2.0),
            bright: SmoothNoise::new(3, dice),
            neighbor_mm: DVec3::new(dice.between(-2.0, 2.0), half_length_mm + 3.0, dice.between(3.0, 6.0)),
            neighbor_radius_mm: dice.between(4.0, 6.0),
            fluid_gap_mm: dice.between(0.5, 1.5),
        }
    }

    fn tissue(&self, position_mm: DVec3) -> Tissue {
        let in_cube = position_mm / self.size_mm;
        let warp = DVec3::from_array([0, 1, 2].map(|axis| self.warp[axis].at(in_cube)));
        let own = self.own_from_world * (position_mm + self.warp_mm * warp - self.center_mm);
        // Straighten the banana, so that the shape below is one of revolution about y.
        let along = own.y / self.half_length_mm;
        let across = own.x + self.bend_mm[0] * (along * along - 0.3);
        let up = (own.z + self.bend_mm[1] * (along * along - 0.3)) / self.height;

        let past_border = along - self.border - self.tilt[0] * across - self.tilt[1] * up;
        let radius_mm = self.radius_mm(along, past_border);
        let reach = (across * across + up * up) / (radius_mm * radius_mm) + along * along;
        if reach < 1.0 {
            return if past_border > 0.0 { Tissue::Head } else { Tissue::Body };
        }
        if (own - self.neighbor_mm).length() < self.neighbor_radius_mm {
            return Tissue::Neighbor;
        }
        // A sickle beside the structure: inside a larger copy of it that is shifted sideways.
        let beside = across - radius_mm * 0.5 - self.fluid_gap_mm;
        let sickle_mm = radius_mm + 1.0;
        if beside > 0.0 && (beside * beside + up * up) / (sickle_mm * sickle_mm) + along * along < 1.1 {
            return Tissue::Fluid;
        }
        if self.bright.at(in_cube) > 0.12 { Tissue::Bright } else { Tissue::Background }
    }

    fn radius_mm(&self, along: f64, past_border: f64) -> f64 {
        let headness = smooth_step((along + 0.3) / 0.7);
        let radius_mm = self.body_radius_mm + (self.head_radius_mm - self.body_radius_mm) * headness;
        let nearness = smooth_step(1.0 - past_border * past_border / 0.02);
        radius_mm * (1.0 - self.groove * nearness)
    }
}

/// How each tissue looks through the imaginary scanner.
struct Appearance {
    background: f64,
    bright: f64,
    fluid: f64,
    head: f64,
    body: f64,
    neighbor: f64,
    texture: [SmoothNoise; 2],
    bias: SmoothNoise,
    bias_strength: f64,
    noise: f64,
}

impl Appearance {
    fn new(dice: &mut Dice) -> Self {
        let gain = dice.between(0.85, 1.15);
        let background = gain * dice.between(390.0, 420.0);
        let body = background + gain * dice.between(70.0, 100.0);
        // The step between the two is modest: about three times the noise, less than the texture's swing.
        let head = body + gain * dice.between(60.0, 85.0);
        Self {
            background,
            bright: gain * dice.between(660.0, 740.0),
            fluid: gain * dice.between(110.0, 170.0),
            head,
            body,
            neighbor: head + gain * dice.between(-15.0, 15.0),
            texture: [SmoothNoise::new(9, dice), SmoothNoise::new(18, dice)],
            bias: SmoothNoise::new(2, dice),
            bias_strength: dice.between(0.04, 0.1),
            noise: gain * dice.between(14.0, 24.0),
        }
    }

    /// Intensities of all voxels: tissue and texture, blurred as a scanner's voxels average, times the bias field,
    /// with Rician noise.
    fn render(&self, tissues: &[Tissue], shape: [usize; 3], dice: &mut Dice) -> Vec<i16> {
        let size = DVec3::from_array(shape.map(|n| n as f64));
        let mut clean: Vec<f64> = tissues.iter().map(|&tissue| self.intensity(tissue)).collect();
        for (value, position) in clean.iter_mut().zip(voxel_positions(shape)) {
            *value += 40.0 * self.texture[0].at(position / size) + 40.0 * self.texture[1].at(position / size);
        }
        blur(&mut clean, shape);
        clean
            .iter()
            .zip(voxel_positions(shape))
            .map(|(value, position)| {
                let bias = 1.0 + self.bias_strength * self.bias.at(position / size);
                let [real, imaginary] = [value * bias + self.noise * dice.normal(), self.noise * dice.normal()];
                (real * real + imaginary * imaginary).sqrt().round().clamp(0.0, 2000.0) as i16
            })
            .collect()
    }

    fn intensity(&self, tissue: Tissue) -> f64 {
        match tissue {
            Tissue::Head => self.head,
            Tissue::Body => self.body,
            Tissue::Neighbor => self.neighbor,
            Tissue::Fluid => self.fluid,
            Tissue::Bright => self.bright,
            Tissue::Background => self.background,
        }
    }
}

/// Blurs with the weights 1 2 1 along each axis; the ends repeat.
fn blur(values: &mut [f64], shape: [usize; 3]) {
    let strides = [1, shape[0], shape[0] * shape[1]];
    for (stride, n) in strides.into_iter().zip(shape) {
        let source = values.to_vec();
        for (position, value) in values.iter_mut().enumerate() {
            let at = position / stride % n;
            let before = if at > 0 { position - stride } else { position };
            let after = if at + 1 < n { position + stride } else { position };
            *value = 0.25 * source[before] + 0.5 * source[position] + 0.25 * source[after];
        }
    }
}

/// 0 below 0, 1 above 1, and a cubic without a kink between.
fn smooth_step(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// A field over the unit cube that changes smoothly between random values, -1 to 1, on a lattice.
struct SmoothNoise {
    n_cells: usize,
    lattice: Vec<f64>,
}

impl SmoothNoise {
    fn new(n_cells: usize, dice: &mut Dice) -> Self {
        let n_points = (n_cells + 1) * (n_cells + 1) * (n_cells + 1);
        Self { n_cells, lattice: (0..n_points).map(|_| dice.between(-1.0, 1.0)).collect() }
    }

    /// The field at a point of the unit cube; a point outside takes the border's value.
    fn at(&self, point: DVec3) -> f64 {
        let scaled = point.clamp(DVec3::ZERO, DVec3::ONE) * self.n_cells as f64;
        let cell = scaled.to_array().map(|x| (x as usize).min(self.n_cells - 1));
        let [u, v, w] = [0, 1, 2].map(|axis| smooth_step(scaled[axis] - cell[axis] as f64));
        let n = self.n_cells + 1;
        let first = cell[0] + n * (cell[1] + n * cell[2]);
        let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
        let row = |start: usize| mix(self.lattice[start], self.lattice[start + 1], u);
        let sheet = |start: usize| mix(row(start), row(start + n), v);
        mix(sheet(first), sheet(first + n * n), w)
    }
}

/// The only source of chance: a ChaCha stream, turned into numbers by arithmetic that no library version can change.
struct Dice(ChaCha8Rng);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in 0..1, with 53 random bits.
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from 0 to `n` - 1.
    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// Close to a normal deviate: the sum of twelve uniform ones, which needs no logarithm.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intensities(phantom: &Phantom) -> &[i16] {
        let Voxels::I16(values) = phantom.volume.voxels() else { panic!("stored as i16") };
        values
    }

    /// FNV-1a over the bytes of the image and of the labels.
    fn fingerprint(phantom: &Phantom) -> u64 {
        let image = intensities(phantom).iter().flat_map(|v| v.to_le_bytes());
        let truth = phantom.labels.iter().flat_map(|v| v.to_le_bytes());
        image
            .chain(truth)
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }

    #[test]
    fn voxels_never_change_between_versions_or_machines() {
        assert_eq!(fingerprint(&generate(PhantomKind::TwoBodies, 1)), 6_688_181_104_576_353_396);
        assert_eq!(fingerprint(&generate(PhantomKind::TwoBodies, 2)), 287_423_939_980_103_047);
    }

    #[test]
    fn equal_seeds_give_equal_phantoms_and_others_do_not() {
        let one = generate(PhantomKind::TwoBodies, 7);
        assert_eq!(one, generate(PhantomKind::TwoBodies, 7));
        assert_ne!(one.labels, generate(PhantomKind::TwoBodies, 8).labels);
    }

    #[test]
    fn both_bodies_are_there_and_touch_and_fill_a_few_percent() {
        for seed in 0..20 {
            let phantom = generate(PhantomKind::TwoBodies, seed);
            let ids = phantom.labels.to_ids();
            let [ni, nj, _] = phantom.labels.grid().shape();
            for id in [HEAD, BODY] {
                let fraction = ids.iter().filter(|&&x| x == id).count() as f64 / ids.len() as f64;
                println!("seed {seed} label {id}: {fraction:.4}");
                assert!((0.005..0.06).contains(&fraction), "seed {seed}, label {id}: {fraction}");
            }
            let n_contacts: usize = [1, ni, ni * nj]
                .into_iter()
                .map(|stride| ids.iter().zip(&ids[stride..]).filter(|&(&a, &b)| a + b == 3 && a != 0 && b != 0).count())
                .sum();
            assert!(n_contacts > 50, "seed {seed}: {n_contacts} voxel faces between the two");
            assert!(phantom.table.labels.iter().all(|label| ids.contains(&label.id)));
        }
    }

    #[test]
    fn bodies_stay_clear_of_the_border_of_the_volume() {
        for seed in 0..20 {
            let phantom = generate(PhantomKind::TwoBodies, seed);
            let shape = phantom.labels.grid().shape();
            let on_border = |p: DVec3| (0..3).any(|axis| p[axis] < 1.0 || p[axis] + 1.0 >= shape[axis] as f64);
            let n_cut =
                voxel_positions(shape).zip(phantom.labels.iter()).filter(|&(p, id)| id != 0 && on_border(p)).count();
            assert_eq!(n_cut, 0, "seed {seed}");
        }
    }

    #[test]
    fn the_step_between_the_bodies_can_be_seen_but_is_less_than_the_spread_within() {
        for seed in 0..20 {
            let phantom = generate(PhantomKind::TwoBodies, seed);
            let of = |id: u16| -> Vec<f64> {
                let pairs = intensities(&phantom).iter().zip(phantom.labels.iter());
                pairs.filter(|&(_, x)| x == id).map(|(&v, _)| f64::from(v)).collect()
            };
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let (head, body) = (of(HEAD), of(BODY));
            let deviation = {
                let center = mean(&body);
                (body.iter().map(|v| (v - center) * (v - center)).sum::<f64>() / body.len() as f64).sqrt()
            };
            let effect = (mean(&head) - mean(&body)) / deviation;
            println!("seed {seed}: {:.0} - {:.0}, SD {deviation:.0}, effect {effect:.2}", mean(&head), mean(&body));
            assert!((0.2..2.5).contains(&effect), "seed {seed}: {effect}");
        }
    }

    #[test]
    fn the_name_on_the_command_line_is_the_name_in_files() {
        use clap::ValueEnum as _;
        let kind = PhantomKind::TwoBodies;
        assert_eq!(serde_json::to_string(&kind).unwrap(), "\"two-bodies\"");
        assert_eq!(kind.to_possible_value().unwrap().get_name(), "two-bodies");
    }
}
