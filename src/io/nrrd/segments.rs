//! The names and colours that 3D Slicer keeps in the header of a segmentation, `Segment0_Name:=…`.

use super::header::Header;
use crate::domain::{Label, LabelTable};
use crate::io::Error;

/// The table of a segmentation; `None` where the header names no segments.
///
/// # Errors
/// [`Error::Header`] where segments overlap: one voxel has one label here.
pub(super) fn table(header: &Header) -> Result<Option<LabelTable>, Error> {
    let mut table = LabelTable::default();
    let mut first_layer = None;
    for n in 0.. {
        let get = |field: &str| header.keys.get(&format!("Segment{n}_{field}")).map(|text| text.trim());
        let Some(id) = get("LabelValue") else { break };
        let Some(id) = id.parse::<u16>().ok().filter(|&id| id > 0) else {
            return Err(header.wrong("Segment LabelValue", "1 to 65535", id.to_owned()));
        };
        let layer = get("Layer").unwrap_or("0").to_owned();
        if *first_layer.get_or_insert(layer.clone()) != layer {
            let expected =
                "segments that do not overlap; in 3D Slicer, collapse the labelmap layers or export them as a labelmap";
            return Err(header.wrong("Segment Layer", expected, "segments in several layers".to_owned()));
        }
        let mut label = Label::new(id, get("Name").filter(|name| !name.is_empty()).unwrap_or("Segment"));
        if let Some(color) = get("Color").and_then(color) {
            label.color = color;
        }
        table.push(label);
    }
    Ok((!table.labels.is_empty()).then_some(table))
}

/// `r g b` from 0 to 1.
fn color(text: &str) -> Option<[u8; 3]> {
    let parts: Option<Vec<f64>> = text.split_whitespace().map(|part| part.parse().ok()).collect();
    let byte = |part: f64| (part.clamp(0.0, 1.0) * 255.0).round() as u8;
    match parts?[..] {
        [r, g, b] => Some([r, g, b].map(byte)),
        _ => None,
    }
}

/// The lines that name the labels of `table` as segments, for a map whose ids are `used`.
pub(super) fn lines(table: &LabelTable, extent: [usize; 3]) -> String {
    let [ni, nj, nk] = extent.map(|n| n - 1);
    let mut text = String::from("Segmentation_ContainedRepresentationNames:=Binary labelmap|\n");
    text += "Segmentation_MasterRepresentation:=Binary labelmap\nSegmentation_ReferenceImageExtentOffset:=0 0 0\n";
    for (n, label) in table.labels.iter().enumerate() {
        // A line ends where it ends: what would break it is left out of names.
        let name: String = label.name.chars().filter(|c| !c.is_control()).collect();
        let [r, g, b] = label.color.map(|byte| f64::from(byte) / 255.0);
        text += &format!(
            "Segment{n}_ID:=Segment_{id}\nSegment{n}_Name:={name}\nSegment{n}_LabelValue:={id}\nSegment{n}_Layer:=0\n\
             Segment{n}_Color:={r:.6} {g:.6} {b:.6}\nSegment{n}_Extent:=0 {ni} 0 {nj} 0 {nk}\n",
            id = label.id,
        );
    }
    text
}
