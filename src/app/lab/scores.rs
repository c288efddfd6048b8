//! How far two answers agree, label by label, whatever ids their labels have.

use std::collections::BTreeMap;

use crate::domain::{LabelMap, LabelTable};
use crate::evaluation::partners::ids_in;

/// Dice of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelDice {
    /// Its name.
    pub name: String,
    /// `None` where it is in neither.
    pub dice: Option<f64>,
}

/// Dice of each label of `table` between `labels` and another map, whose labels are matched as
/// [partners](crate::evaluation::partners). Both maps have one shape.
pub fn dice_by_label(
    (labels, table): (&LabelMap, &LabelTable),
    (other, other_table): (&LabelMap, &LabelTable),
) -> Vec<LabelDice> {
    let own = ids_in(table, other_table);
    // By id: voxels of the one, of the other, and of both.
    let mut counts: BTreeMap<u16, [u64; 3]> = table.labels.iter().map(|label| (label.id, [0; 3])).collect();
    let mut last = None;
    let mut mapped = |id: u16| match last {
        Some((known, mapped)) if known == id => mapped,
        _ => {
            let mapped = own.get(&id).copied().unwrap_or(id);
            last = Some((id, mapped));
            mapped
        }
    };
    for (a, b) in labels.iter().zip(other.iter()) {
        if a == 0 && b == 0 {
            continue;
        }
        let b = mapped(b);
        let mut count = |id: u16, which: usize| {
            if let Some(counts) = counts.get_mut(&id) {
                counts[which] += 1;
            }
        };
        count(a, 0);
        count(b, 1);
        if a == b {
            count(a, 2);
        }
    }
    let dice = |id: u16| {
        let [a, b, both] = counts[&id];
        (a + b > 0).then(|| 2.0 * both as f64 / (a + b) as f64)
    };
    table.labels.iter().map(|label| LabelDice { name: label.name.clone(), dice: dice(label.id) }).collect()
}

/// The mean over the labels that are in either answer; `None` where none is.
pub fn mean(scores: &[LabelDice]) -> Option<f64> {
    let known: Vec<f64> = scores.iter().filter_map(|label| label.dice).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The scores in a line: "Anterior 0.912, Posterior 0.898".
pub fn words(scores: &[LabelDice]) -> String {
    let word = |label: &LabelDice| match label.dice {
        Some(dice) => format!("{} {dice:.3}", label.name),
        None => format!("{} in neither", label.name),
    };
    scores.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    fn map(ids: &[u16]) -> LabelMap {
        let grid = Grid::axis_aligned([ids.len(), 1, 1], [1.0; 3]).expect("valid");
        LabelMap::new(grid, ids.to_vec()).expect("valid")
    }

    fn table(labels: &[(u16, &str)]) -> LabelTable {
        let mut table = LabelTable::with_ids(&labels.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        for (id, name) in labels {
            table.get_mut(*id).expect("listed").name = (*name).to_owned();
        }
        table
    }

    #[test]
    fn labels_are_matched_by_name_and_else_by_id() {
        let own = table(&[(1, "Head"), (2, "Tail"), (3, "Neck")]);
        let other = table(&[(7, "tail"), (1, "Head"), (3, "Label 3")]);
        let a = map(&[1, 1, 2, 2, 0, 3]);
        let b = map(&[1, 0, 7, 7, 7, 3]);
        let scores = dice_by_label((&a, &own), (&b, &other));
        let found: Vec<_> = scores.iter().map(|label| label.dice).collect();
        assert_eq!(found, [Some(2.0 / 3.0), Some(0.8), Some(1.0)]);
        assert!(words(&scores).starts_with("Head 0.667, Tail 0.800"));
    }

    #[test]
    fn a_label_in_neither_has_no_dice_and_is_left_out_of_the_mean() {
        let table = table(&[(1, "Head"), (2, "Tail")]);
        let scores = dice_by_label((&map(&[1, 0]), &table), (&map(&[1, 1]), &table));
        assert_eq!(scores[1], LabelDice { name: "Tail".to_owned(), dice: None });
        assert_eq!(mean(&scores), Some(2.0 / 3.0));
        assert_eq!(mean(&scores[1..]), None);
    }
}
