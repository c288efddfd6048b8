//! Changes of several frames' masks as bytes and back, for keeping them in a file.
//!
//! Little-endian numbers of 8 bytes: the length of the name and the name; whether, and for which frames, it changes that one
//! mask is for all; then how many parts, and of each its frame, its length and the edit's own bytes. As with an edit, nothing
//! here believes a size, and nothing panics.

use super::FrameEdits;
use crate::domain::Edit;
use crate::domain::edit::EditError;

impl FrameEdits {
    /// Frames are counted up to this: far more than any image has, and too few to fill the memory with their masks.
    pub const MAX_FRAMES: u64 = 1 << 20;

    /// The changes in a few bytes a run.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push(&mut bytes, self.name.len() as u64);
        bytes.extend_from_slice(self.name.as_bytes());
        let frame = |frame: Option<usize>| frame.map_or(0, |frame| frame as u64 + 1);
        let sharing = self.one_for_all.map_or([0; 3], |[before, after]| [1, frame(before), frame(after)]);
        sharing.into_iter().for_each(|number| push(&mut bytes, number));
        push(&mut bytes, self.parts.len() as u64);
        for (mask, edit) in &self.parts {
            let edit = edit.to_bytes();
            push(&mut bytes, *mask as u64);
            push(&mut bytes, edit.len() as u64);
            bytes.extend_from_slice(&edit);
        }
        bytes
    }

    /// The changes that [`FrameEdits::to_bytes`] told, for masks of `shape`.
    ///
    /// # Errors
    /// [`EditError`] where the bytes tell no such changes.
    pub fn from_bytes(bytes: &[u8], shape: [usize; 3]) -> Result<Self, EditError> {
        let mut reader = Reader { bytes, at: 0 };
        let length = reader.number()?;
        let name = std::str::from_utf8(reader.take(length)?).map_err(|_| EditError::Name)?.to_owned();
        let [changes, before, after] = [reader.number()?, reader.frame()?, reader.frame()?];
        let one_for_all = (changes != 0).then_some([before, after].map(|frame| (frame as usize).checked_sub(1)));
        let n_parts = reader.number()?;
        let mut parts: Vec<(usize, Edit)> = Vec::new();
        for _ in 0..n_parts {
            let mask = reader.frame()? as usize;
            if parts.last().is_some_and(|(last, _)| *last >= mask) {
                return Err(EditError::Frame { found: mask as u64 });
            }
            let length = reader.number()?;
            parts.push((mask, Edit::from_bytes(reader.take(length)?, shape)?));
        }
        if reader.at < bytes.len() {
            return Err(EditError::Trailing { n_bytes: bytes.len() - reader.at });
        }
        if parts.is_empty() && one_for_all.is_none() {
            return Err(EditError::Empty);
        }
        Ok(Self { name, parts, one_for_all })
    }
}

fn push(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n_bytes: u64) -> Result<&'a [u8], EditError> {
        let end = usize::try_from(n_bytes).ok().and_then(|n| self.at.checked_add(n));
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(EditError::CutOff { found: self.bytes.len() })?;
        self.at += taken.len();
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, EditError> {
        let number = self.take(8)?;
        Ok(number.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn frame(&mut self) -> Result<u64, EditError> {
        let found = self.number()?;
        if found < FrameEdits::MAX_FRAMES { Ok(found) } else { Err(EditError::Frame { found }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Grid, LabelMap};

    const SHAPE: [usize; 3] = [4, 3, 1];

    fn map(ids: Vec<u16>) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), ids).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_told_comes_back_and_no_less_of_it_does(
            masks in prop::collection::btree_map(0..40usize, prop::collection::vec(0..3u16, 12), 0..4),
            sharing in prop::option::of((prop::option::of(0..40usize), prop::option::of(0..40usize))),
            cut in any::<prop::sample::Index>(),
        ) {
            let empty = LabelMap::empty(map(vec![0; 12]).grid().clone());
            let part = |(mask, ids)| Some((mask, Edit::between("Brush", &empty, &map(ids))?));
            let parts: Vec<_> = masks.into_iter().filter_map(part).collect();
            prop_assume!(!parts.is_empty() || sharing.is_some());
            let one_for_all = sharing.map(|(before, after)| [before, after]);
            let edits = FrameEdits { name: "Größer".to_owned(), parts, one_for_all };
            let bytes = edits.to_bytes();
            prop_assert_eq!(FrameEdits::from_bytes(&bytes, SHAPE), Ok(edits));
            prop_assert!(FrameEdits::from_bytes(&bytes[..cut.index(bytes.len())], SHAPE).is_err());
        }

        #[test]
        fn whatever_is_read_of_damaged_bytes_is_told_again(
            ids in prop::collection::vec(1..3u16, 12), sharing in any::<bool>(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let edit = Edit::between("Brush", &LabelMap::empty(map(vec![0; 12]).grid().clone()), &map(ids));
            let one_for_all = sharing.then_some([None, Some(1)]);
            let edits = FrameEdits { name: "B".to_owned(), parts: vec![(3, edit.unwrap())], one_for_all };
            let mut bytes = edits.to_bytes();
            for (at, byte) in flips {
                *at.get_mut(&mut bytes) = byte;
            }
            if let Ok(read) = FrameEdits::from_bytes(&bytes, SHAPE) {
                prop_assert_eq!(FrameEdits::from_bytes(&read.to_bytes(), SHAPE), Ok(read));
            }
        }
    }
}
