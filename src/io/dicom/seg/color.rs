//! Colours as DICOM recommends them: CIELab, 16 bits a part (PS3.3, C.10.7.1.1).
//!
//! The standard means the white D50. Pixelmed, DCMTK, dcmjs and highdicom all take sRGB's own, D65, and so does this program: a label
//! has the same colour in each of them.

use glam::{DMat3, DVec3};

/// XYZ of sRGB's primaries.
const XYZ_FROM_RGB: DMat3 = DMat3::from_cols(
    DVec3::new(0.412_456_4, 0.212_672_9, 0.019_333_9),
    DVec3::new(0.357_576_1, 0.715_152_2, 0.119_192),
    DVec3::new(0.180_437_5, 0.072_175, 0.950_304_1),
);

/// Where the cube root gives way to a line, as CIE has it.
const KNEE: f64 = 6.0 / 29.0;

/// The white that the matrix makes of 1, 1, 1.
fn white() -> DVec3 {
    XYZ_FROM_RGB * DVec3::ONE
}

/// L*, a* and b* of an sRGB colour, in 16 bits each.
pub(super) fn lab_from_rgb(rgb: [u8; 3]) -> [u16; 3] {
    let linear = |level: f64| if level <= 0.040_45 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) };
    let xyz = XYZ_FROM_RGB * DVec3::from_array(rgb.map(|level| linear(f64::from(level) / 255.0))) / white();
    let root = |t: f64| if t > KNEE.powi(3) { t.cbrt() } else { t / (3.0 * KNEE * KNEE) + 4.0 / 29.0 };
    let [x, y, z] = xyz.to_array().map(root);
    let shares = [(116.0 * y - 16.0) / 100.0, (500.0 * (x - y) + 128.0) / 255.0, (200.0 * (y - z) + 128.0) / 255.0];
    shares.map(|share| (share.clamp(0.0, 1.0) * 65535.0).round() as u16)
}

/// The nearest sRGB colour.
pub(super) fn rgb_from_lab(lab: [u16; 3]) -> [u8; 3] {
    let [l, a, b] = lab.map(|part| f64::from(part) / 65535.0);
    let y = (l * 100.0 + 16.0) / 116.0;
    let cube = |t: f64| if t > KNEE { t.powi(3) } else { 3.0 * KNEE * KNEE * (t - 4.0 / 29.0) };
    let xyz = DVec3::from_array([y + (a * 255.0 - 128.0) / 500.0, y, y - (b * 255.0 - 128.0) / 200.0].map(cube));
    let linear = XYZ_FROM_RGB.inverse() * (xyz * white());
    let level = |x: f64| if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
    linear.to_array().map(|x| (level(x).clamp(0.0, 1.0) * 255.0).round() as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn black_white_and_red_are_where_they_belong() {
        assert_eq!(lab_from_rgb([0; 3]), [0, 0x8080, 0x8080]);
        assert_eq!(lab_from_rgb([255; 3]), [0xFFFF, 0x8080, 0x8080]);
        // L* 53.24, a* 80.09, b* 67.20 by Lindbloom's calculator.
        let red = [0.5324, (80.09 + 128.0) / 255.0, (67.20 + 128.0) / 255.0].map(|share| share * 65535.0);
        for (found, expected) in lab_from_rgb([255, 0, 0]).into_iter().zip(red) {
            assert!((f64::from(found) - expected).abs() < 5.0, "{found} against {expected}");
        }
    }

    proptest! {
        #[test]
        fn colours_come_back(rgb in any::<[u8; 3]>()) {
            prop_assert_eq!(rgb_from_lab(lab_from_rgb(rgb)), rgb);
        }

        #[test]
        fn any_numbers_are_a_colour(lab in any::<[u16; 3]>()) {
            rgb_from_lab(lab);
        }
    }
}
