//! Names and colours of labels as text, read and written: ITK-SNAP's label description files and FreeSurfer's colour
//! tables.
//!
//! Reading is tolerant, since people edit these files by hand: Windows line ends, blank lines, a missing header,
//! unquoted names and decimal commas are taken as they are meant.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use super::Error;
use super::replace::replace;
use crate::domain::{Label, LabelTable};

const HEADER: &str = "\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    MSH:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
    0     0    0    0        0  0  0    \"Clear Label\"
";

/// Longer than any table; a larger file is something else.
const MAX_TABLE_BYTES: u64 = 16 << 20;

/// Reads a label table. Background is left out, as are ids above 65535, which no label map can hold.
///
/// # Errors
/// [`Error::Table`] with the line that cannot be understood, and what the system reports.
pub fn read(path: &Path) -> Result<LabelTable, Error> {
    let reading = |source| Error::reading(path, source);
    let n_bytes = std::fs::metadata(path).map_err(reading)?.len();
    if n_bytes > MAX_TABLE_BYTES {
        let found = format!("a file of {n_bytes} bytes");
        return Err(Error::Content { expected: "a label table of a few lines", found, path: path.to_owned() });
    }
    let bytes = std::fs::read(path).map_err(reading)?;
    parse(&String::from_utf8_lossy(&bytes), path)
}

/// Writes an ITK-SNAP label description file. Which labels are locked is not part of the format.
///
/// # Errors
/// What the system reports; a file that was there before is then untouched.
pub fn write(path: &Path, table: &LabelTable) -> Result<(), Error> {
    let text = format(table);
    let write = |file: &mut File| file.write_all(text.as_bytes()).map_err(|error| Error::writing(path, error));
    replace(path, write, |_| Ok(()))
}

/// The text of a table in the format that its file's ending asks for: FreeSurfer's for `.ctab` and `.lut`, else
/// ITK-SNAP's. FreeSurfer's knows no hidden labels and no opacity.
pub fn to_text(path: &Path, table: &LabelTable) -> String {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    if ["ctab", "lut"].contains(&ending.as_str()) { format_freesurfer(table) } else { format(table) }
}

fn format_freesurfer(table: &LabelTable) -> String {
    let mut text =
        "#No. Label Name:                            R   G   B   A\n0   Unknown   0   0   0   0\n".to_owned();
    for Label { id, name, color: [r, g, b], .. } in &table.labels {
        // A name ends at the first space, and alpha is 0 for labels that are seen.
        let name: String = name.chars().map(|c| if c.is_control() || c.is_whitespace() { '-' } else { c }).collect();
        let name = if name.is_empty() { format!("Label-{id}") } else { name };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{id:<5} {name:<36} {r:>3} {g:>3} {b:>3}   0");
    }
    text
}

fn format(table: &LabelTable) -> String {
    let mut text = HEADER.to_owned();
    for Label { id, name, color: [r, g, b], visible, opacity, locked: _ } in &table.labels {
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let (name, shown) = (name.replace('"', "'"), u8::from(*visible));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{id:>5} {r:>5} {g:>4} {b:>4} {opacity:>8} {shown:>2} {shown:>2}    \"{name}\"");
    }
    text
}

fn parse(text: &str, path: &Path) -> Result<LabelTable, Error> {
    let mut table = LabelTable::default();
    let mut n_rows = 0;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let row = parse_snap(line).or_else(|| parse_freesurfer(line));
        let (id, label) = row.ok_or_else(|| Error::Table {
            line: index + 1,
            expected: "IDX R G B A VIS MSH \"LABEL\" (ITK-SNAP) or No. Name R G B A (FreeSurfer)",
            found: line.chars().take(60).collect(),
            path: path.to_owned(),
        })?;
        n_rows += 1;
        match u16::try_from(id) {
            Ok(0) => {}
            Ok(id) => table.push(Label { id, ..label }),
            Err(_) => log::warn!("label id {id} left out, ids end at 65535 ({})", path.display()),
        }
    }
    if n_rows == 0 {
        let found = "no line with a label".to_owned();
        return Err(Error::Content { expected: "a label table", found, path: path.to_owned() });
    }
    Ok(table)
}

/// A line of an ITK-SNAP file; the label's own id is left for the caller to set.
fn parse_snap(line: &str) -> Option<(u32, Label)> {
    let (id, rest) = next_word(line)?;
    let (r, rest) = next_word(rest)?;
    let (g, rest) = next_word(rest)?;
    let (b, rest) = next_word(rest)?;
    let (opacity, rest) = next_word(rest)?;
    let (visible, rest) = next_word(rest)?;
    let (_mesh, rest) = next_word(rest).unwrap_or(("1", ""));
    let opacity: f32 = opacity.replace(',', ".").parse().ok()?;
    let visible: f32 = visible.parse().ok()?;
    let id: u32 = id.parse().ok()?;
    let name = rest.trim().trim_matches('"').trim();
    let label = Label {
        color: [color(r)?, color(g)?, color(b)?],
        visible: visible != 0.0,
        opacity: if opacity.is_finite() { opacity.clamp(0.0, 1.0) } else { 1.0 },
        ..Label::new(1, if name.is_empty() { format!("Label {id}") } else { name.to_owned() })
    };
    Some((id, label))
}

/// A line of a FreeSurfer table. Its alpha is 0 for labels that are seen, so it is not read.
fn parse_freesurfer(line: &str) -> Option<(u32, Label)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, name @ .., r, g, b, _alpha] = words.as_slice() else { return None };
    if name.is_empty() {
        return None;
    }
    let label = Label { color: [color(r)?, color(g)?, color(b)?], ..Label::new(1, name.join(" ")) };
    Some((id.parse().ok()?, label))
}

fn next_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn color(word: &str) -> Option<u8> {
    let level: f64 = word.parse().ok()?;
    (0.0..=255.0).contains(&level).then_some(level.round() as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_text(text: &str) -> Result<LabelTable, Error> {
        parse(text, Path::new("labels.txt"))
    }

    #[test]
    fn a_file_edited_on_windows_without_its_header_is_read() {
        let table =
            read_text("\u{feff}0 0 0 0 0 0 0 \"Clear Label\"\r\n\r\n  2 255 0 10 0,5 1 1 \"Left ventricle\"\r\n")
                .unwrap();
        assert_eq!(table.labels.len(), 1);
        let label = &table.labels[0];
        assert_eq!((label.id, label.name.as_str(), label.color), (2, "Left ventricle", [255, 0, 10]));
        assert_eq!((label.opacity, label.visible), (0.5, true));
    }

    #[test]
    fn names_without_quotes_or_missing_are_read() {
        let table = read_text("1 1 2 3 1 0 0 tumour core\n7 1 2 3 1 1").unwrap();
        assert_eq!(table.labels[0].name, "tumour core");
        assert!(!table.labels[0].visible);
        assert_eq!(table.labels[1].name, "Label 7");
    }

    #[test]
    fn freesurfers_alpha_0_is_opaque() {
        let table = read_text("#No. Label Name: R G B A\n17  Left-Hippocampus  220 216 20 0\n").unwrap();
        let label = table.get(17).unwrap();
        assert_eq!((label.name.as_str(), label.color, label.opacity), ("Left-Hippocampus", [220, 216, 20], 1.0));
    }

    #[test]
    fn a_line_that_is_no_label_is_named() {
        let error = read_text("# x\n1 2 3\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2: expected IDX R G B A"), "{error}");
        assert!(read_text("\n# nothing\n").is_err());
    }

    #[test]
    fn freesurfers_format_is_written_for_its_endings() {
        let mut table = LabelTable::with_ids(&[17, 53]);
        table.labels[0].name = "Left Hippocampus".to_owned();
        let text = to_text(Path::new("brain.ctab"), &table);
        let read = read_text(&text).unwrap();
        assert_eq!((read.name(17).as_str(), read.labels[0].opacity), ("Left-Hippocampus", 1.0));
        assert_eq!(read.labels[1].color, table.labels[1].color);
        assert!(to_text(Path::new("brain.txt"), &table).contains("ITK-SnAP"));
    }

    #[test]
    fn what_is_written_is_read_and_replaces_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.txt");
        for ids in [&[1u16, 2, 65535][..], &[4]] {
            let table = LabelTable::with_ids(ids);
            write(&path, &table).unwrap();
            assert_eq!(read(&path).unwrap(), table);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
            let _ = read_text(&text);
        }

        #[test]
        fn every_table_comes_back(ids in prop::collection::btree_set(1u16.., 1..20), name in "[ -~]{1,20}", opacity in 0f32..=1.0) {
            let ids: Vec<u16> = ids.into_iter().collect();
            let mut table = LabelTable::with_ids(&ids);
            for label in &mut table.labels {
                label.opacity = opacity;
                label.name = format!("x{}y", name.replace('"', "'"));
            }
            prop_assert_eq!(read_text(&format(&table)).unwrap(), table);
        }
    }
}
