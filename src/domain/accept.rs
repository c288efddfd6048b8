//! What the labels become when a segmentation is accepted, in whole or in part. Work done by hand is never lost to a model.

use super::{Edit, Label, LabelMap, LabelTable, OneSlice, edit::Stroke, voxel_set::VoxelSet};

/// How much of a prediction is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: where the model found a structure it replaces what was there, and where it found none its own structures
    /// of an earlier run go. Other labels stay.
    All,
    /// Only what has no label yet: nothing is replaced and nothing goes.
    Unlabelled,
    /// One structure, by the model's id: it comes and goes as with [`Part::All`], the model's others stay as they are.
    Label(u16),
    /// One connected region: what the model found under this voxel; where it found nothing there, the region of its own
    /// that goes.
    Region([usize; 3]),
}

/// The edit that makes a part of `prediction` part of `labels`, or `None` where that changes nothing, and the table that names
/// the labels then. Both maps have one shape.
///
/// Locked labels neither gain nor lose voxels. A model's id that already means something else here is given a free id.
/// Where the model saw one `slice` alone, the others stay as they are.
pub fn accepted(
    labels: &LabelMap,
    table: &LabelTable,
    (prediction, model_table): (&LabelMap, &LabelTable),
    part: Part,
    slice: Option<OneSlice>,
    name: &str,
) -> (Option<Edit>, LabelTable) {
    let mut table = table.clone();
    let rules = Rules::new(&mut table, model_table, part);
    let mut stroke = Stroke::new(name, labels);
    let was_seen = |at: usize| slice.is_none_or(|slice| slice.holds(labels.grid(), at));
    match part {
        Part::Region(voxel) => {
            rules.accept_region(&mut stroke, labels, prediction, labels.grid().index(voxel), &was_seen);
        }
        Part::All | Part::Unlabelled | Part::Label(_) => {
            for (start, now, found) in labels.id_chunks().either_labelled(prediction.id_chunks()) {
                for (offset, (&now, &found)) in now.iter().zip(found).enumerate() {
                    if (now != 0 || found != 0) && was_seen(start + offset) {
                        stroke.set(start + offset, now, rules.next(now, found));
                    }
                }
            }
        }
    }
    (stroke.finish(), table)
}

/// What a voxel becomes, by its id now and the model's.
struct Rules {
    part: Part,
    /// By the model's id: the id here; 0 where it is not accepted.
    own: Vec<u16>,
    /// By the id here: whether it stands for a structure of the model that is accepted.
    is_models: Vec<bool>,
    is_locked: Vec<bool>,
}

impl Rules {
    /// Adds the model's labels that are accepted to `table`.
    fn new(table: &mut LabelTable, model_table: &LabelTable, part: Part) -> Self {
        const N_IDS: usize = 1 << 16;
        let (mut own, mut is_models, mut is_locked) = (vec![0; N_IDS], vec![false; N_IDS], vec![false; N_IDS]);
        for label in &model_table.labels {
            if matches!(part, Part::Label(only) if only != label.id) {
                continue;
            }
            let id = own_id(table, label);
            own[usize::from(label.id)] = id;
            is_models[usize::from(id)] = true;
        }
        for label in table.labels.iter().filter(|label| label.locked) {
            is_locked[usize::from(label.id)] = true;
        }
        Self { part, own, is_models, is_locked }
    }

    fn next(&self, now: u16, found: u16) -> u16 {
        let own = self.own[usize::from(found)];
        let is_fixed = self.is_locked[usize::from(now)] || self.is_locked[usize::from(own)] && own != 0;
        match (own != 0, self.part) {
            _ if is_fixed => now,
            (true, Part::Unlabelled) if now != 0 => now,
            (true, _) => own,
            (false, Part::Unlabelled) => now,
            (false, _) if self.is_models[usize::from(now)] => 0,
            (false, _) => now,
        }
    }

    fn accept_region(
        &self,
        stroke: &mut Stroke,
        labels: &LabelMap,
        prediction: &LabelMap,
        seed: usize,
        was_seen: &dyn Fn(usize) -> bool,
    ) {
        if !was_seen(seed) {
            return;
        }
        let (now, found) = (labels.id_at(seed), prediction.id_at(seed));
        let mut region = VoxelSet::new(labels.grid().shape());
        if found != 0 {
            region.grow(seed, &[0, 1, 2], |at| prediction.id_at(at) == found && was_seen(at));
        } else {
            region.grow(seed, &[0, 1, 2], |at| labels.id_at(at) == now && prediction.id_at(at) == 0 && was_seen(at));
        }
        for at in region.positions() {
            let now = labels.id_at(at);
            stroke.set(at, now, self.next(now, prediction.id_at(at)));
        }
    }
}

/// The id under which a model's label is kept here.
fn own_id(table: &mut LabelTable, label: &Label) -> u16 {
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
    table.push(Label { id, ..label.clone() });
    id
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Grid;

    fn map(ids: &[u16]) -> LabelMap {
        let grid = Grid::axis_aligned([ids.len(), 1, 1], [1.0; 3]).expect("valid");
        LabelMap::new(grid, ids.to_vec()).expect("fits")
    }

    fn table(names: &[(u16, &str)]) -> LabelTable {
        LabelTable { labels: names.iter().map(|(id, name)| Label::new(*id, *name)).collect() }
    }

    fn after(
        labels: &[u16],
        own: &LabelTable,
        found: &[u16],
        model: &LabelTable,
        part: Part,
    ) -> (Vec<u16>, LabelTable) {
        let labels = map(labels);
        let (edit, table) = accepted(&labels, own, (&map(found), model), part, None, "Accept");
        (edit.map_or_else(|| labels.to_ids(), |edit| edit.after(&labels).to_ids()), table)
    }

    #[track_caller]
    fn check(labels: &[u16], own: &LabelTable, found: &[u16], model: &LabelTable, part: Part, expected: &[u16]) {
        assert_eq!(after(labels, own, found, model, part).0, expected);
    }

    #[test]
    fn labels_that_the_model_does_not_know_stay() {
        let own = table(&[(1, "Head"), (7, "Cyst")]);
        check(&[7, 7, 0, 0], &own, &[0, 1, 1, 0], &table(&[(1, "Head")]), Part::All, &[7, 1, 1, 0]);
    }

    #[test]
    fn an_earlier_result_of_the_same_model_is_replaced() {
        let own = table(&[(1, "Head")]);
        check(&[1, 1, 0], &own, &[0, 1, 1], &own, Part::All, &[0, 1, 1]);
    }

    #[test]
    fn locked_labels_stay_even_where_the_model_found_something() {
        let mut own = table(&[(1, "Head"), (2, "Body")]);
        own.labels[1].locked = true;
        check(&[2, 2], &own, &[1, 0], &own, Part::All, &[2, 2]);
        check(&[0, 1], &own, &[2, 2], &own, Part::All, &[0, 1]);
    }

    #[test]
    fn an_id_that_means_something_else_here_gets_a_free_one() {
        let own = table(&[(1, "Tumor")]);
        let (ids, named) = after(&[1, 0], &own, &[0, 1], &table(&[(1, "Head")]), Part::All);
        assert_eq!(ids, [1, 2]);
        assert_eq!(named.name(2), "Head");
    }

    #[test]
    fn unlabelled_voxels_alone_can_be_filled() {
        let own = table(&[(1, "Head"), (2, "Body")]);
        check(&[1, 1, 2, 0], &own, &[0, 2, 1, 2], &own, Part::Unlabelled, &[1, 1, 2, 2]);
    }

    #[test]
    fn one_structure_can_be_taken_and_the_others_stay() {
        let own = table(&[(1, "Head"), (2, "Body")]);
        check(&[1, 2, 0, 0, 2], &own, &[0, 1, 1, 2, 0], &own, Part::Label(1), &[0, 1, 1, 0, 2]);
    }

    #[test]
    fn one_region_can_be_taken() {
        let own = table(&[(1, "Head")]);
        check(&[0; 6], &own, &[1, 1, 0, 1, 1, 1], &own, Part::Region([4, 0, 0]), &[0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn one_region_that_the_model_did_not_find_can_go() {
        let own = table(&[(1, "Head"), (7, "Cyst")]);
        let model = table(&[(1, "Head")]);
        check(&[1, 1, 0, 1, 1, 7], &own, &[0, 0, 0, 0, 1, 0], &model, Part::Region([0, 0, 0]), &[0, 0, 0, 1, 1, 7]);
        check(&[1, 7], &own, &[0, 0], &model, Part::Region([1, 0, 0]), &[1, 7]);
    }

    #[test]
    fn what_the_model_did_not_see_stays() {
        let own = table(&[(1, "Head")]);
        let (labels, found) = (map(&[1, 1, 1, 0]), map(&[0, 0, 0, 1]));
        let of_slice = |part, index| {
            let slice = Some(OneSlice { axis: 0, index });
            let (edit, _) = accepted(&labels, &own, (&found, &own), part, slice, "Accept");
            edit.map_or_else(|| labels.to_ids(), |edit| edit.after(&labels).to_ids())
        };
        assert_eq!(of_slice(Part::All, 3), [1, 1, 1, 1]);
        assert_eq!(of_slice(Part::All, 1), [1, 0, 1, 0], "it found nothing there");
        assert_eq!(of_slice(Part::Region([1, 0, 0]), 1), [1, 0, 1, 0], "the rest of the region lies in other slices");
        assert_eq!(of_slice(Part::Region([0, 0, 0]), 1), labels.to_ids());
    }

    fn any_ids() -> impl Strategy<Value = Vec<u16>> {
        prop::collection::vec(prop::sample::select(vec![0, 1, 2, 7]), 30)
    }

    fn any_found() -> impl Strategy<Value = Vec<u16>> {
        prop::collection::vec(0..3u16, 30)
    }

    proptest! {
        #[test]
        fn what_is_taken_becomes_what_the_whole_would_make_of_it(
            ids in any_ids(), found in any_found(),
            part in prop_oneof![Just(Part::Unlabelled), (0..30usize).prop_map(|i| Part::Region([i, 0, 0]))],
        ) {
            let own = table(&[(1, "Head"), (2, "Body"), (7, "Cyst")]);
            let model = table(&[(1, "Head"), (2, "Body")]);
            let whole = after(&ids, &own, &found, &model, Part::All).0;
            let some = after(&ids, &own, &found, &model, part).0;
            for at in 0..30 {
                prop_assert!(some[at] == ids[at] || some[at] == whole[at]);
                prop_assert!(part != Part::Unlabelled || ids[at] == 0 || some[at] == ids[at]);
            }
        }

        #[test]
        fn one_structure_lies_where_the_model_found_it_and_no_other_gains(ids in any_ids(), found in any_found()) {
            let own = table(&[(1, "Head"), (2, "Body"), (7, "Cyst")]);
            let some = after(&ids, &own, &found, &own, Part::Label(2)).0;
            for at in 0..30 {
                prop_assert_eq!(some[at] == 2, found[at] == 2);
                prop_assert!(some[at] == 2 || some[at] == ids[at] || (ids[at], some[at]) == (2, 0));
            }
        }
    }
}
