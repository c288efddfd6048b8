//! The colour map *inferno* (van der Walt and Smith 2015): equal steps of the value look equally large, lightness rises all
//! the way, and it reads the same to all kinds of colour vision and in greys.

/// Red, green and blue as polynomials of the value, lowest power first: Matt Zucker's fit of the published table, in the
/// public domain.
const POLYNOMIALS: [[f32; 7]; 3] = [
    [0.000_219, 0.106_513, 11.602_49, -41.703_99, 77.162_94, -71.319_43, 25.131_13],
    [0.001_651, 0.563_956, -3.972_854, 17.436_4, -33.402_36, 32.626_06, -12.242_67],
    [-0.019_481, 3.932_712, -15.942_39, 44.354_15, -81.807_31, 73.209_52, -23.070_33],
];

/// The colour of `value`, 0 to 1; what lies beyond has the colour of the end.
pub fn inferno(value: f32) -> [u8; 3] {
    let value = value.clamp(0.0, 1.0);
    POLYNOMIALS.map(|terms| {
        let component = terms.iter().rev().fold(0.0, |sum, term| sum * value + term);
        (component.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::inferno;

    #[test]
    fn it_is_the_published_map() {
        // Matplotlib's table at 0, ¼, ½, ¾ and 1.
        let expected = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
        for (step, expected) in expected.into_iter().enumerate() {
            let found = inferno(step as f32 / 4.0);
            assert!(found.iter().zip(expected).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 8), "{step}: {found:?}");
        }
    }

    #[test]
    fn larger_values_are_lighter() {
        let lightness = |value: f32| {
            let [r, g, b] = inferno(value).map(f32::from);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let steps: Vec<f32> = (0..=32).map(|step| lightness(step as f32 / 32.0)).collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1] + 1.0), "{steps:?}");
        assert_eq!((inferno(-3.0), inferno(7.0)), (inferno(0.0), inferno(1.0)));
    }
}
