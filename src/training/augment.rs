//! Variations of a training case: one random affine and elastic map for image and labels alike, then changes of intensity
//! for the image alone.

use glam::{DMat3, DVec3, EulerRot};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::config::AugmentSettings;
use crate::model::tensors::{Trilinear, nearest_index};

/// Knots of the coarse lattices along each axis that carry elastic displacement and bias field.
const KNOTS: usize = 5;

/// One case on the model's lattice, x fastest.
#[derive(Clone, Debug)]
pub struct TrainingCase {
    /// Name of its file.
    pub name: String,
    /// Voxels along depth, height, width.
    pub shape: [usize; 3],
    /// Intensities as the network sees them, channel after channel.
    pub image: Vec<f32>,
    /// Class of every voxel.
    pub labels: Vec<u8>,
}

/// A box cut from a case.
#[derive(Clone, Debug)]
pub struct Crop {
    /// Intensities, x fastest, channel after channel.
    pub image: Vec<f32>,
    /// Class of every voxel, x fastest.
    pub labels: Vec<u8>,
}

/// Cuts a box of `crop` (depth, height, width) from the middle of `case`, moved, turned, scaled, bent, mirrored and with other
/// intensities as `settings` and `rng` say. Equal generators give equal boxes.
pub fn augmented_crop(case: &TrainingCase, crop: [usize; 3], settings: &AugmentSettings, rng: &mut impl Rng) -> Crop {
    let [depth, height, width] = crop;
    let map = SpatialMap::draw(case.shape, crop, settings, rng);
    let intensity = IntensityMap::draw(settings, rng);
    let [case_depth, case_height, case_width] = case.shape;
    let channels: Vec<_> = case
        .image
        .chunks_exact(case_depth * case_height * case_width)
        .map(|values| (Trilinear { values, shape: [case_width, case_height, case_depth] }, Stain::draw(settings, rng)))
        .collect();
    let n = depth * height * width;
    let mut out = Crop { image: vec![0.0; n * channels.len()], labels: Vec::with_capacity(n) };
    for z in 0..depth {
        for y in 0..height {
            for x in 0..width {
                let at = DVec3::new(x as f64, y as f64, z as f64);
                let from = map.source(at);
                for (c, (sampler, stain)) in channels.iter().enumerate() {
                    let noise: f32 = StandardNormal.sample(rng);
                    let value = intensity.apply(sampler.at(from), map.knot_position(at), noise);
                    out.image[c * n + out.labels.len()] = stain.apply(value);
                }
                let (j, k) = (nearest_index(from.y, case_height), nearest_index(from.z, case_depth));
                out.labels.push(case.labels[nearest_index(from.x, case_width) + case_width * (j + case_height * k)]);
            }
        }
    }
    out
}

/// Source position for every voxel of the crop.
struct SpatialMap {
    matrix: DMat3,
    crop_middle: DVec3,
    case_middle: DVec3,
    /// Displacement along x, y, z at the knots.
    elastic: [Vec<f32>; 3],
    knots_per_voxel: DVec3,
}

impl SpatialMap {
    fn draw(case: [usize; 3], crop: [usize; 3], settings: &AugmentSettings, rng: &mut impl Rng) -> Self {
        let xyz = |[depth, height, width]: [usize; 3]| DVec3::new(width as f64, height as f64, depth as f64);
        let symmetric = |rng: &mut _, limit: f64| uniform(rng, -limit, limit);
        let angle = |rng: &mut _| symmetric(rng, settings.rotate_deg).to_radians();
        let rotation = DMat3::from_euler(EulerRot::XYZ, angle(rng), angle(rng), angle(rng));
        let scale = 1.0 / (1.0 + symmetric(rng, settings.scale));
        let mut flipped = |chance: f64| if chance > 0.0 && rng.random_bool(chance.min(1.0)) { -1.0 } else { 1.0 };
        let (flip, flip_vertical) = (flipped(settings.flip), flipped(settings.flip_vertical));
        let shift = DVec3::from_array([(); 3].map(|()| symmetric(rng, settings.shift_voxels)));
        // A planar case keeps to its plane.
        let (rotation, shift) =
            if crop[0] == 1 { (DMat3::from_rotation_z(angle(rng)), shift.with_z(0.0)) } else { (rotation, shift) };
        let elastic = [(); 3].map(|()| lattice(rng, settings.elastic_voxels));
        let crop_size = xyz(crop);
        Self {
            matrix: rotation * DMat3::from_diagonal(DVec3::new(flip * scale, flip_vertical * scale, scale)),
            crop_middle: (crop_size - 1.0) / 2.0,
            case_middle: (xyz(case) - 1.0) / 2.0 + shift,
            elastic,
            knots_per_voxel: DVec3::splat((KNOTS - 1) as f64) / (crop_size - 1.0).max(DVec3::ONE),
        }
    }

    fn knot_position(&self, at: DVec3) -> DVec3 {
        at * self.knots_per_voxel
    }

    fn source(&self, at: DVec3) -> DVec3 {
        let knot = self.knot_position(at);
        let bend = |axis: usize| f64::from(Trilinear { values: &self.elastic[axis], shape: [KNOTS; 3] }.at(knot));
        self.case_middle + self.matrix * (at - self.crop_middle + DVec3::new(bend(0), bend(1), bend(2)))
    }
}

/// A change of intensities that span −1 to 1.
struct IntensityMap {
    contrast: f32,
    brightness: f32,
    gamma: f32,
    noise: f32,
    speckle: f32,
    bias: Vec<f32>,
}

impl IntensityMap {
    fn draw(settings: &AugmentSettings, rng: &mut impl Rng) -> Self {
        let symmetric = |rng: &mut _, limit: f64| uniform(rng, -limit, limit) as f32;
        Self {
            contrast: 1.0 + symmetric(rng, settings.contrast),
            brightness: symmetric(rng, settings.contrast / 2.0),
            gamma: symmetric(rng, settings.gamma.ln()).exp(),
            noise: uniform(rng, 0.0, settings.noise) as f32,
            speckle: uniform(rng, 0.0, settings.speckle) as f32,
            bias: lattice(rng, settings.bias / 2.0),
        }
    }

    fn apply(&self, value: f32, knot: DVec3, noise: f32) -> f32 {
        let bias = Trilinear { values: &self.bias, shape: [KNOTS; 3] }.at(knot).exp();
        // Gamma acts on 0 to 1; what lies beyond the percentiles goes on in a straight line.
        let unit = (value + 1.0) / 2.0 * bias * (1.0 + noise * self.speckle);
        let bent = if (0.0..1.0).contains(&unit) { unit.powf(self.gamma) } else { unit };
        (bent * 2.0 - 1.0) * self.contrast + self.brightness + noise * self.noise
    }
}

/// A change of one colour on its own.
struct Stain {
    strength: f32,
    shift: f32,
}

impl Stain {
    fn draw(settings: &AugmentSettings, rng: &mut impl Rng) -> Self {
        let mut symmetric = |limit: f64| uniform(rng, -limit, limit) as f32;
        Self { strength: 1.0 + symmetric(settings.stain), shift: symmetric(settings.stain / 2.0) }
    }

    fn apply(&self, value: f32) -> f32 {
        value * self.strength + self.shift
    }
}

fn lattice(rng: &mut impl Rng, sd: f64) -> Vec<f32> {
    (0..KNOTS * KNOTS * KNOTS).map(|_| -> f64 { StandardNormal.sample(rng) }).map(|v| (v * sd) as f32).collect()
}

fn uniform(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    if high > low { rng.random_range(low..high) } else { low }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const STILL: AugmentSettings = AugmentSettings {
        flip: 0.0,
        flip_vertical: 0.0,
        rotate_deg: 0.0,
        scale: 0.0,
        shift_voxels: 0.0,
        elastic_voxels: 0.0,
        contrast: 0.0,
        gamma: 1.0,
        noise: 0.0,
        bias: 0.0,
        speckle: 0.0,
        stain: 0.0,
    };

    fn case() -> TrainingCase {
        let n = 4 * 6 * 8;
        let image = (0..n).map(|i| i as f32 / n as f32).collect();
        TrainingCase { name: "x".to_owned(), shape: [4, 6, 8], image, labels: (0..n).map(|i| (i % 3) as u8).collect() }
    }

    #[test]
    fn nothing_changes_where_every_range_is_zero() {
        let crop = augmented_crop(&case(), [4, 6, 8], &STILL, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(crop.labels, case().labels);
        for (found, expected) in crop.image.iter().zip(case().image) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn mirror_turns_left_and_right_for_image_and_labels_alike() {
        let flip = AugmentSettings { flip: 1.0, ..STILL };
        let crop = augmented_crop(&case(), [4, 6, 8], &flip, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(crop.labels[0], case().labels[7]);
        assert!((crop.image[0] - case().image[7]).abs() < 1e-6);
    }

    #[test]
    fn a_stain_changes_each_colour_on_its_own() {
        let grey = case();
        let colours = TrainingCase { image: [&grey.image[..], &grey.image].concat(), ..grey };
        let crop = |stain| {
            let settings = AugmentSettings { stain, ..STILL };
            augmented_crop(&colours, [4, 6, 8], &settings, &mut ChaCha8Rng::seed_from_u64(1)).image
        };
        let (still, stained) = (crop(0.0), crop(0.3));
        let n = still.len() / 2;
        assert_eq!(still[..n], still[n..]);
        assert_ne!(stained[..n], stained[n..]);
    }

    #[test]
    fn a_smaller_crop_is_the_middle() {
        let crop = augmented_crop(&case(), [2, 4, 4], &STILL, &mut ChaCha8Rng::seed_from_u64(1));
        let expected = case().image[2 + 8 * (1 + 6)];
        assert!((crop.image[0] - expected).abs() < 1e-6);
    }

    #[test]
    fn equal_seeds_give_equal_crops() {
        let settings =
            AugmentSettings { flip: 0.5, rotate_deg: 12.0, elastic_voxels: 1.0, noise: 0.1, bias: 0.2, ..STILL };
        let draw = |seed| augmented_crop(&case(), [4, 6, 8], &settings, &mut ChaCha8Rng::seed_from_u64(seed)).image;
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
