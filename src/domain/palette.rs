//! The colours that labels are given, in two palettes.

use super::LabelTable;
use super::labels::spread_hue;

/// Colours by label number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Palette {
    /// Okabe and Ito's colours, which people of all kinds of colour vision tell apart.
    #[default]
    ColorBlindSafe,
    /// Those of ITK-SNAP's first twelve labels. Red and green come first, which many men cannot tell apart.
    ItkSnap,
}

/// ITK-SNAP's labels 1 to 12.
const ITK_SNAP: [[u8; 3]; 12] = [
    [0xFF, 0x00, 0x00],
    [0x00, 0xFF, 0x00],
    [0x00, 0x00, 0xFF],
    [0xFF, 0xFF, 0x00],
    [0x00, 0xFF, 0xFF],
    [0xFF, 0x00, 0xFF],
    [0xFF, 0xEF, 0xD5],
    [0x00, 0x00, 0xCD],
    [0xCD, 0x85, 0x3F],
    [0xD2, 0xB4, 0x8C],
    [0x66, 0xCD, 0xAA],
    [0x00, 0x00, 0x80],
];

impl Palette {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::ColorBlindSafe, Self::ItkSnap];

    /// Its name in a menu.
    pub fn text(self) -> &'static str {
        match self {
            Self::ColorBlindSafe => "Safe for colour-blind eyes",
            Self::ItkSnap => "As in ITK-SNAP",
        }
    }

    /// The colour of label `id`, which is not 0. Hues are spread evenly after the colours that the palette names.
    pub fn color(self, id: u16) -> [u8; 3] {
        let i = usize::from(id.max(1)) - 1;
        match self {
            Self::ColorBlindSafe => LabelTable::palette(i),
            Self::ItkSnap => ITK_SNAP.get(i).copied().unwrap_or_else(|| spread_hue(i)),
        }
    }
}

impl LabelTable {
    /// Gives every label its colour of a palette.
    pub fn recolor(&mut self, palette: Palette) {
        for label in &mut self.labels {
            label.color = palette.color(label.id);
        }
    }

    /// Moves the label of `id` to a row of the table; to the last one where `row` lies beyond. The others keep their order.
    pub fn move_to(&mut self, id: u16, row: usize) {
        let Some(now) = self.labels.iter().position(|label| label.id == id) else { return };
        let label = self.labels.remove(now);
        self.labels.insert(row.min(self.labels.len()), label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_labels_have_itk_snaps_colours() {
        assert_eq!(Palette::ItkSnap.color(1), [255, 0, 0]);
        assert_eq!(Palette::ItkSnap.color(12), [0, 0, 128]);
    }

    #[test]
    fn recolouring_changes_colours_alone_and_can_be_taken_back_by_the_other_palette() {
        let table = LabelTable::with_ids(&[1, 2, 40, 65535]);
        let mut other = table.clone();
        other.recolor(Palette::ItkSnap);
        assert_eq!((other.name(2), other.labels[1].color), (table.name(2), [0, 255, 0]));
        other.recolor(Palette::ColorBlindSafe);
        assert_eq!(other, table);
    }

    #[test]
    fn a_label_moves_and_the_others_keep_their_order() {
        let ids = |table: &LabelTable| table.labels.iter().map(|label| label.id).collect::<Vec<_>>();
        let mut table = LabelTable::with_ids(&[1, 2, 3, 4]);
        table.move_to(1, 2);
        assert_eq!(ids(&table), [2, 3, 1, 4]);
        table.move_to(4, 0);
        assert_eq!(ids(&table), [4, 2, 3, 1]);
        table.move_to(4, 99);
        assert_eq!(ids(&table), [2, 3, 1, 4]);
        table.move_to(9, 0);
        assert_eq!(ids(&table), [2, 3, 1, 4]);
    }
}
