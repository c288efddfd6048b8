//! What the labels become when a segmentation is accepted. Work done by hand is never lost to a model.

use crate::domain::{LabelMap, LabelTable};

/// Label ids after accepting `prediction`, and the table that names them.
///
/// - Where the model found a structure, it replaces what was there, unless that label is locked.
/// - Where it found none, its own structures from an earlier run go, and all other labels stay.
/// - A model's id that already means something else here is given a free id.
pub fn accepted(
    labels: &LabelMap,
    table: &LabelTable,
    prediction: &LabelMap,
    model_table: &LabelTable,
) -> (Vec<u16>, LabelTable) {
    let mut table = table.clone();
    let mut id_from_model = vec![0_u16; usize::from(u16::MAX) + 1];
    let mut is_models = vec![false; usize::from(u16::MAX) + 1];
    for label in &model_table.labels {
        let id = own_id(&mut table, label);
        id_from_model[usize::from(label.id)] = id;
        is_models[usize::from(id)] = true;
    }
    let mut is_locked = vec![false; usize::from(u16::MAX) + 1];
    for label in table.labels.iter().filter(|label| label.locked) {
        is_locked[usize::from(label.id)] = true;
    }
    let next = |(current, predicted): (u16, u16)| {
        let found = id_from_model[usize::from(predicted)];
        match usize::from(current) {
            now if is_locked[now] => current,
            _ if found != 0 => found,
            now if is_models[now] => 0,
            _ => current,
        }
    };
    (labels.iter().zip(prediction.iter()).map(next).collect(), table)
}

/// The id under which a model's label is kept here.
fn own_id(table: &mut LabelTable, label: &crate::domain::Label) -> u16 {
    match table.get(label.id) {
        Some(known) if known.name == label.name => return label.id,
        None => {
            table.push(label.clone());
            return label.id;
        }
        Some(_) => {}
    }
    if let Some(known) = table.labels.iter().find(|known| known.name == label.name) {
        return known.id;
    }
    let id = table.free_id().unwrap_or(label.id);
    table.push(crate::domain::Label { id, ..label.clone() });
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label};

    fn map(ids: &[u16]) -> LabelMap {
        let grid = Grid::axis_aligned([ids.len(), 1, 1], [1.0; 3]).expect("valid");
        LabelMap::new(grid, ids.to_vec()).expect("fits")
    }

    fn table(names: &[(u16, &str)]) -> LabelTable {
        LabelTable { labels: names.iter().map(|(id, name)| Label::new(*id, *name)).collect() }
    }

    #[track_caller]
    fn check(labels: &[u16], own: &LabelTable, prediction: &[u16], model: &LabelTable, expected: &[u16]) {
        assert_eq!(accepted(&map(labels), own, &map(prediction), model).0, expected);
    }

    #[test]
    fn labels_that_the_model_does_not_know_stay() {
        let own = table(&[(1, "Head"), (7, "Cyst")]);
        check(&[7, 7, 0, 0], &own, &[0, 1, 1, 0], &table(&[(1, "Head")]), &[7, 1, 1, 0]);
    }

    #[test]
    fn an_earlier_result_of_the_same_model_is_replaced() {
        let own = table(&[(1, "Head")]);
        check(&[1, 1, 0], &own, &[0, 1, 1], &own, &[0, 1, 1]);
    }

    #[test]
    fn locked_labels_stay_even_where_the_model_found_something() {
        let mut own = table(&[(1, "Head"), (2, "Body")]);
        own.labels[1].locked = true;
        check(&[2, 2], &own, &[1, 0], &own, &[2, 2]);
    }

    #[test]
    fn an_id_that_means_something_else_here_gets_a_free_one() {
        let own = table(&[(1, "Tumor")]);
        let (ids, after) = accepted(&map(&[1, 0]), &own, &map(&[0, 1]), &table(&[(1, "Head")]));
        assert_eq!(ids, [1, 2]);
        assert_eq!(after.name(2), "Head");
    }
}
