//! Masks as COCO's JSON: one annotation for each label of each slice, as uncompressed run lengths.
//!
//! Format: <https://cocodataset.org/#format-data>. Runs go down the columns, background first, as the reference code in
//! `pycocotools` has them.

use std::path::Path;

use serde_json::{Value, json};

use crate::domain::{LabelMap, LabelTable};
use crate::io::{Error, stem, text};
use crate::monitor::Monitor;

/// Writes labels as `.coco.json`. Images are named after the file, slices of a stack by their number too.
///
/// # Errors
/// What the system reports; a file that was there before is then untouched.
pub(in crate::io) fn write_labels(
    path: &Path,
    labels: &LabelMap,
    table: &LabelTable,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let [width, height, n_slices] = labels.grid().shape();
    let used = labels.used_ids();
    let name = path.file_name().map(|name| stem(&name.to_string_lossy()).to_owned()).unwrap_or_default();
    let image_name = |slice: usize| if n_slices == 1 { name.clone() } else { format!("{name}, slice {}", slice + 1) };
    let images: Vec<Value> = (0..n_slices)
        .map(|slice| json!({ "id": slice + 1, "file_name": image_name(slice), "width": width, "height": height }))
        .collect();
    let categories: Vec<Value> = used.iter().map(|&id| json!({ "id": id, "name": table.name(id) })).collect();
    let mut annotations = Vec::new();
    for slice in 0..n_slices {
        monitor.report("Writing", slice as u64, n_slices as u64)?;
        let mut ids = vec![0; width * height];
        labels.copy_range(slice * width * height, &mut ids);
        for &id in used.iter().filter(|&&id| ids.contains(&id)) {
            let mut annotation = annotation(&ids, [width, height], id);
            annotation["id"] = json!(annotations.len() + 1);
            annotation["image_id"] = json!(slice + 1);
            annotations.push(annotation);
        }
    }
    let all = json!({ "images": images, "categories": categories, "annotations": annotations });
    text::write(path, &format!("{all:#}\n"))
}

/// The annotation of label `id`, which occurs.
fn annotation(ids: &[u16], [width, height]: [usize; 2], id: u16) -> Value {
    let at = |x: usize, y: usize| ids[x + width * y] == id;
    let columns: Vec<bool> = (0..width).flat_map(|x| (0..height).map(move |y| at(x, y))).collect();
    let area = columns.iter().filter(|inside| **inside).count();
    let column = |x: &usize| (0..height).any(|y| at(*x, y));
    let row = |y: &usize| (0..width).any(|x| at(x, *y));
    let (left, right) = ((0..width).find(column).unwrap_or(0), (0..width).rfind(column).unwrap_or(0));
    let (top, bottom) = ((0..height).find(row).unwrap_or(0), (0..height).rfind(row).unwrap_or(0));
    json!({
        "category_id": id,
        "iscrowd": 1,
        "area": area,
        "bbox": [left, top, right + 1 - left, bottom + 1 - top],
        "segmentation": { "size": [height, width], "counts": counts(&columns) },
    })
}

/// Lengths of runs, of background first, which may be 0 long.
fn counts(inside: &[bool]) -> Vec<usize> {
    let mut counts = Vec::new();
    if inside.first() == Some(&true) {
        counts.push(0);
    }
    counts.extend(inside.chunk_by(|a, b| a == b).map(<[bool]>::len));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label};
    use crate::monitor::Silent;

    #[test]
    fn runs_go_down_the_columns_and_begin_with_background() {
        // 3 × 2: columns (1, 0), (1, 2), (0, 2).
        let labels = LabelMap::new(Grid::picture([3, 2, 1], None).unwrap(), vec![1, 1, 0, 0, 2, 2]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.coco.json");
        let table = LabelTable { labels: vec![Label::new(1, "Cell"), Label::new(2, "Nucleus")] };
        write_labels(&path, &labels, &table, &Silent).unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read["images"], json!([{ "id": 1, "file_name": "cells", "width": 3, "height": 2 }]));
        assert_eq!(read["categories"][1], json!({ "id": 2, "name": "Nucleus" }));
        let [first, second] = [0, 1].map(|n| &read["annotations"][n]);
        assert_eq!(first["segmentation"], json!({ "size": [2, 3], "counts": [0, 1, 1, 1, 3] }));
        assert_eq!((&first["bbox"], &first["area"]), (&json!([0, 0, 2, 1]), &json!(2)));
        assert_eq!(second["segmentation"]["counts"], json!([3, 1, 1, 1]));
        assert_eq!((&second["bbox"], &second["image_id"]), (&json!([1, 1, 2, 1]), &json!(1)));
    }

    #[test]
    fn each_slice_is_an_image() {
        let labels = LabelMap::new(Grid::picture([1, 1, 2], None).unwrap(), vec![0, 5]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack.coco.json");
        write_labels(&path, &labels, &LabelTable::default(), &Silent).unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read["images"][1]["file_name"], "stack, slice 2");
        assert_eq!(
            (read["annotations"].as_array().unwrap().len(), &read["annotations"][0]["image_id"]),
            (1, &json!(2))
        );
    }
}
