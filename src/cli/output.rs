//! Printing: to standard output, where a reader may have gone away, and warnings to standard error.

use std::io::{self, Write};
use std::path::Path;

use crate::domain::{Grid, LabelMap, LabelTable};

/// Prints a line to standard output.
///
/// # Errors
/// What the system reports; a closed pipe among it, which `println!` would make a panic of.
pub(super) fn line(text: impl AsRef<str>) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", text.as_ref())
}

/// Prints a value as JSON to standard output.
///
/// # Errors
/// As [`line()`].
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(line(serde_json::to_string_pretty(value)?)?)
}

/// Prints warnings to standard error, about one file.
pub(super) fn warnings(warnings: &[String], path: &Path) {
    for warning in warnings {
        eprintln!("ldseg: warning: {warning}: {}", path.display());
    }
}

/// How much of a label there is.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(super) struct LabelVolume {
    pub id: u16,
    pub name: String,
    pub voxels: u64,
    /// `None` where the pixels' size is not known, and of frames of time, which add up to no volume.
    pub volume_ml: Option<f64>,
}

/// The amount of every label of `table` and of any other that occurs, without background.
pub(super) fn label_volumes(labels: &LabelMap, table: &LabelTable) -> Vec<LabelVolume> {
    let counts = labels.counts();
    let mut ids: Vec<u16> = table.labels.iter().map(|label| label.id).chain(counts.keys().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let of = |id| {
        let voxels = counts.get(&id).copied().unwrap_or_default();
        LabelVolume { id, name: table.name(id), voxels, volume_ml: millilitres(voxels, labels.grid()) }
    };
    ids.into_iter().filter(|&id| id != 0).map(of).collect()
}

/// The amounts as a table.
pub(super) fn volumes_text(volumes: &[LabelVolume]) -> String {
    let width = volumes.iter().map(|volume| volume.name.chars().count()).max().unwrap_or_default().max("Label".len());
    let mut text = format!("{:<width$}  {:>10}  {:>10}", "Label", "voxels", "mL");
    for LabelVolume { name, voxels, volume_ml, .. } in volumes {
        let volume = volume_ml.map_or_else(|| "–".to_owned(), |volume| format!("{volume:.3}"));
        text += &format!("\n{name:<width$}  {voxels:>10}  {volume:>10}");
    }
    text
}

fn millilitres(voxels: u64, grid: &Grid) -> Option<f64> {
    (grid.is_scaled() && !grid.is_series()).then(|| voxels as f64 * grid.voxel_volume_mm3() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_without_voxels_are_listed_and_those_without_a_name_too() {
        let grid = Grid::axis_aligned([3, 1, 1], [10.0, 10.0, 10.0]).unwrap();
        let labels = LabelMap::new(grid, vec![0, 7, 7]).unwrap();
        let volumes = label_volumes(&labels, &LabelTable::with_ids(&[2]));
        let found: Vec<_> = volumes.iter().map(|volume| (volume.id, volume.voxels, volume.volume_ml)).collect();
        assert_eq!(found, [(2, 0, Some(0.0)), (7, 2, Some(2.0))]);
        assert_eq!(volumes_text(&volumes).lines().count(), 3);
    }
}
