//! How far two answers agree, label by label, whatever ids their labels have.

use crate::domain::{LabelMap, LabelTable};
use crate::evaluation::partners::dice_by_label;

/// Dice of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelDice {
    /// Its name.
    pub name: String,
    /// `None` where it is in neither.
    pub dice: Option<f64>,
}

/// [Dice of each label](dice_by_label) of the first table, with its name.
pub fn scores(own: (&LabelMap, &LabelTable), other: (&LabelMap, &LabelTable)) -> Vec<LabelDice> {
    let dice = dice_by_label(own, other);
    let named = own.1.labels.iter().zip(dice);
    named.map(|(label, dice)| LabelDice { name: label.name.clone(), dice }).collect()
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
    fn a_label_in_neither_has_no_dice_and_is_left_out_of_the_mean() {
        let table = table(&[(1, "Head"), (2, "Tail")]);
        let scores = scores((&map(&[1, 0]), &table), (&map(&[1, 1]), &table));
        assert_eq!(scores[1], LabelDice { name: "Tail".to_owned(), dice: None });
        assert_eq!(mean(&scores), Some(2.0 / 3.0));
        assert_eq!(mean(&scores[1..]), None);
        assert_eq!(words(&scores), "Head 0.667, Tail in neither");
    }
}
