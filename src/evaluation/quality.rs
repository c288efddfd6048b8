//! Whether an uncertainty can be believed: does it find the errors, do probabilities keep their word, does it rank cases.

/// Equal bins of confidence in [`expected_calibration_error`], as most papers have it.
pub const CALIBRATION_BINS: usize = 15;

/// Area under the receiver operating characteristic of `score` as a detector of what is `positive`: the chance that a positive
/// has a larger score than a negative, ties counting half (Mann and Whitney). `None` where either kind is missing.
///
/// # Panics
/// Where the two differ in length.
pub fn auroc(score: &[f32], positive: &[bool]) -> Option<f64> {
    assert_eq!(score.len(), positive.len(), "one score for each");
    let n_positive = positive.iter().filter(|&&is| is).count() as f64;
    let n_negative = positive.len() as f64 - n_positive;
    let ranks = ranks(&score.iter().map(|&score| f64::from(score)).collect::<Vec<_>>());
    let rank_sum: f64 = ranks.iter().zip(positive).filter(|&(_, &is)| is).map(|(rank, _)| rank).sum();
    let wins = rank_sum - n_positive * (n_positive + 1.0) / 2.0;
    (n_positive > 0.0 && n_negative > 0.0).then(|| wins / (n_positive * n_negative))
}

/// Mean distance between confidence (the largest mean probability) and the share of those that are right, over
/// [`CALIBRATION_BINS`] equal bins weighted by their size (Guo et al. 2017). `None` for no values.
///
/// # Panics
/// Where the two differ in length.
pub fn expected_calibration_error(confidence: &[f32], correct: &[bool]) -> Option<f64> {
    assert_eq!(confidence.len(), correct.len(), "one confidence for each");
    let mut confidences = [0.0; CALIBRATION_BINS];
    let mut n_correct = [0.0; CALIBRATION_BINS];
    for (&confidence, &is_correct) in confidence.iter().zip(correct) {
        let bin = ((confidence * CALIBRATION_BINS as f32) as usize).min(CALIBRATION_BINS - 1);
        confidences[bin] += f64::from(confidence);
        n_correct[bin] += f64::from(u8::from(is_correct));
    }
    // n_b/n · |acc_b − conf_b|: the bins' own sizes cancel.
    let gaps: f64 =
        confidences.iter().zip(n_correct).map(|(confidence, correct): (&f64, f64)| (correct - confidence).abs()).sum();
    (!confidence.is_empty()).then(|| gaps / confidence.len() as f64)
}

/// Spearman's rank correlation, ties with their mean rank. `None` for fewer than two pairs or where one side is constant.
///
/// # Panics
/// Where the two differ in length.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), y.len(), "pairs");
    let (x, y) = (ranks(x), ranks(y));
    let middle = (x.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let scale = (product(&x, &x) * product(&y, &y)).sqrt();
    (scale > 0.0).then(|| product(&x, &y) / scale)
}

/// Ranks from 1; equal values share their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&at| ranks[at] = rank);
        before += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(found: Option<f64>, expected: f64) {
        let found = found.expect("defined");
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn auroc_is_scipys_mann_whitney() {
        let score = [0.1, 0.4, 0.35, 0.8, 0.4, 0.1, 0.9, 0.0];
        check(auroc(&score, &[false, false, true, true, true, false, true, false]), 0.90625);
        check(auroc(&[0.1, 0.2, 0.3], &[false, false, true]), 1.0);
        check(auroc(&[0.5; 3], &[false, true, true]), 0.5);
        assert_eq!(auroc(&[0.5], &[true]), None);
        assert_eq!(auroc(&[], &[]), None);
    }

    #[test]
    fn calibration_error_is_that_of_numpy() {
        let confidence = [0.05, 0.33, 0.34, 0.61, 0.62, 0.99, 1.0, 0.97];
        let correct = [false, true, false, true, true, true, true, false];
        check(expected_calibration_error(&confidence, &correct), 0.34875);
        check(expected_calibration_error(&[0.75; 4], &[true, true, true, false]), 0.0);
        assert_eq!(expected_calibration_error(&[], &[]), None);
    }

    #[test]
    fn rank_correlation_is_scipys() {
        check(spearman(&[1.0, 2.0, 2.0, 4.0, 5.0, 3.0], &[2.0, 1.0, 4.0, 4.0, 6.0, 0.0]), 0.485_294_117_647);
        assert_eq!(spearman(&[1.0], &[1.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[3.0, 3.0]), None);
    }

    proptest! {
        #[test]
        fn auroc_of_the_opposite_score_is_the_rest(
            pairs in prop::collection::vec((0..5_u8, any::<bool>()), 1..40),
        ) {
            let (score, positive): (Vec<f32>, Vec<bool>) = pairs.iter().map(|&(s, is)| (f32::from(s), is)).unzip();
            let opposite: Vec<f32> = score.iter().map(|s| -s).collect();
            if let (Some(a), Some(b)) = (auroc(&score, &positive), auroc(&opposite, &positive)) {
                prop_assert!((a + b - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn ranks_follow_any_rising_map(values in prop::collection::vec(-5.0..5.0_f64, 2..20)) {
            let mapped: Vec<f64> = values.iter().map(|v| v.exp()).collect();
            prop_assert!(spearman(&values, &mapped).is_none_or(|r| (r - 1.0).abs() < 1e-9));
        }
    }
}
