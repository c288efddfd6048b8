//! An edit as bytes and back, for keeping it in a file.
//!
//! Runs ascend, so each is told by its distance from the end of the one before, in as few bytes as the number needs;
//! ids are told only where they change. A brush stroke takes three to four bytes a run, a fifth of what it takes in
//! memory.
//!
//! Bytes come from files, which break: nothing here believes a size, and nothing panics.

use super::{Edit, Run, push_merged};

/// Why bytes are no edit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// They end early.
    #[error("the edit ends after {found} bytes, in the middle of a number or a name")]
    CutOff {
        /// Bytes there are.
        found: usize,
    },
    /// More than 64 bits in a number.
    #[error("the number at byte {at} of the edit is too large")]
    Number {
        /// Where it starts.
        at: usize,
    },
    /// The name is not text.
    #[error("the name of the edit is not UTF-8")]
    Name,
    /// A run that no edit can have.
    #[error("run {index} of the edit is {fault}")]
    Run {
        /// Counted from 0.
        index: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A frame that no image has, or that does not follow on the one before.
    #[error("the edit is of frame {found}, which no image has or which came before")]
    Frame {
        /// Counted from 0.
        found: u64,
    },
    /// An edit that changes nothing.
    #[error("the edit changes nothing")]
    Empty,
    /// Something follows.
    #[error("{n_bytes} bytes follow the end of the edit")]
    Trailing {
        /// How much.
        n_bytes: usize,
    },
}

impl Edit {
    /// The edit in a few bytes a run. The shape of the labels is not among them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.name.len() + 4 * self.runs.len());
        push_number(&mut bytes, self.name.len() as u64);
        bytes.extend_from_slice(self.name.as_bytes());
        push_number(&mut bytes, self.runs.len() as u64);
        let mut end = 0;
        let mut ids = (0, 0);
        for run in &self.runs {
            let is_new = (run.old, run.new) != ids;
            push_number(&mut bytes, ((run.start - end) as u64) << 1 | u64::from(is_new));
            push_number(&mut bytes, u64::from(run.length));
            if is_new {
                ids = (run.old, run.new);
                push_number(&mut bytes, u64::from(run.old));
                push_number(&mut bytes, u64::from(run.new));
            }
            end = run.end();
        }
        bytes
    }

    /// The edit that [`Edit::to_bytes`] told, for labels of `shape`. Takes memory in proportion to `bytes`, whatever
    /// they say.
    ///
    /// # Errors
    /// [`EditError`] where the bytes tell no edit of such labels.
    pub fn from_bytes(bytes: &[u8], shape: [usize; 3]) -> Result<Self, EditError> {
        let n_positions = shape.into_iter().fold(1, usize::saturating_mul);
        let mut reader = Reader { bytes, at: 0 };
        let name = reader.text()?.to_owned();
        let n_runs = reader.number()?;
        let mut runs: Vec<Run> = Vec::new();
        let (mut end, mut ids, mut n_voxels) = (0, (0, 0), 0);
        for index in 0..n_runs {
            let run = reader.run(index, end, ids, n_positions)?;
            (end, ids) = (run.end(), (run.old, run.new));
            n_voxels += run.length as usize;
            push_merged(&mut runs, run);
        }
        if reader.at < bytes.len() {
            return Err(EditError::Trailing { n_bytes: bytes.len() - reader.at });
        }
        if runs.is_empty() {
            return Err(EditError::Empty);
        }
        runs.shrink_to_fit();
        // Tables are put down by themselves, as they are after each change.
        Ok(Self { name, shape, runs, n_voxels, table: None })
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow (LEB128).
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u64, EditError> {
        let (start, mut number) = (self.at, 0);
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(EditError::CutOff { found: self.bytes.len() })?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(EditError::Number { at: start });
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(EditError::Number { at: start })
    }

    fn text(&mut self) -> Result<&'a str, EditError> {
        let cut_off = EditError::CutOff { found: self.bytes.len() };
        let length = usize::try_from(self.number()?).map_err(|_| cut_off.clone())?;
        let end = self.at.checked_add(length).ok_or(cut_off.clone())?;
        let text = self.bytes.get(self.at..end).ok_or(cut_off)?;
        self.at = end;
        std::str::from_utf8(text).map_err(|_| EditError::Name)
    }

    /// The run that follows one that ends at `end` and changes `ids`.
    fn run(&mut self, index: u64, end: usize, ids: (u16, u16), n_positions: usize) -> Result<Run, EditError> {
        let fault = |fault| EditError::Run { index, fault };
        let outside = || fault("outside the labels");
        let head = self.number()?;
        let gap = usize::try_from(head >> 1).map_err(|_| outside())?;
        let start = end.checked_add(gap).ok_or_else(outside)?;
        let length = u32::try_from(self.number()?).map_err(|_| fault("too long"))?;
        if length == 0 {
            return Err(fault("empty"));
        }
        let last = start.checked_add(length as usize).ok_or_else(outside)?;
        if last > n_positions {
            return Err(outside());
        }
        let mut id = || u16::try_from(self.number()?).map_err(|_| fault("of an id above 65535"));
        let (old, new) = if head & 1 == 1 { (id()?, id()?) } else { ids };
        if old == new {
            return Err(fault("without a change"));
        }
        Ok(Run { start, length, old, new })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Grid, LabelMap};

    const SHAPE: [usize; 3] = [7, 5, 4];
    const N: usize = 140;

    fn labels(ids: &[u16]) -> LabelMap {
        LabelMap::new(Grid::axis_aligned(SHAPE, [1.0; 3]).unwrap(), ids.to_vec()).unwrap()
    }

    /// Ids in which neighbours are often equal, so that there are runs.
    fn any_ids() -> impl Strategy<Value = Vec<u16>> {
        let id = prop_oneof![0..4u16, any::<u16>()];
        prop::collection::vec((id, 1..30usize), N)
            .prop_map(|runs| runs.into_iter().flat_map(|(id, n)| std::iter::repeat_n(id, n)).take(N).collect())
    }

    fn any_edit() -> impl Strategy<Value = Edit> {
        (any_ids(), any_ids(), ".{0,20}")
            .prop_filter_map("they differ", |(old, new, name)| Edit::replace(name, &labels(&old), &new))
    }

    #[test]
    fn a_stroke_takes_few_bytes_a_run() {
        let mut ids = vec![0; 512 * 512];
        for row in 0..40 {
            ids[(200 + row) * 512 + 300..][..40].fill(3);
        }
        let blank = LabelMap::empty(Grid::axis_aligned([512, 512, 1], [1.0; 3]).unwrap());
        let edit = Edit::replace("Brush", &blank, &ids).unwrap();
        assert!(edit.to_bytes().len() <= 20 + 3 * 40, "{} bytes", edit.to_bytes().len());
    }

    #[test]
    fn what_is_no_edit_is_refused() {
        let refused = |bytes: &[u8]| Edit::from_bytes(bytes, SHAPE).unwrap_err();
        assert_eq!(refused(&[]), EditError::CutOff { found: 0 });
        assert_eq!(refused(&[1, 0xff, 0]), EditError::Name);
        assert_eq!(refused(&[0, 0]), EditError::Empty);
        assert_eq!(refused(&[0, 1, 1, 2, 0, 1, 9]), EditError::Trailing { n_bytes: 1 });
        assert_eq!(refused(&[0, 1, 1, 0, 0, 1]), EditError::Run { index: 0, fault: "empty" });
        assert_eq!(refused(&[0, 1, 1, 2, 4, 4]), EditError::Run { index: 0, fault: "without a change" });
        assert_eq!(refused(&[0, 1, 0, 2]), EditError::Run { index: 0, fault: "without a change" });
        assert_eq!(refused(&[0, 1, 1, 0x8d, 1, 0, 1]), EditError::Run { index: 0, fault: "outside the labels" });
        assert_eq!(refused(&[0xff; 12]), EditError::Number { at: 0 });
    }

    #[test]
    fn a_size_that_the_bytes_do_not_back_takes_no_memory() {
        let mut bytes = vec![0];
        push_number(&mut bytes, u64::MAX);
        assert!(matches!(Edit::from_bytes(&bytes, SHAPE), Err(EditError::CutOff { .. })));
        let mut bytes = Vec::new();
        push_number(&mut bytes, u64::MAX);
        assert!(matches!(Edit::from_bytes(&bytes, SHAPE), Err(EditError::CutOff { .. })));
    }

    proptest! {
        #[test]
        fn an_edit_comes_back_as_it_was(edit in any_edit()) {
            let bytes = edit.to_bytes();
            prop_assert_eq!(Edit::from_bytes(&bytes, SHAPE), Ok(edit));
        }

        #[test]
        fn an_edit_that_was_cut_off_is_refused(edit in any_edit(), part in 0.0..1.0) {
            let bytes = edit.to_bytes();
            let n = (bytes.len() as f64 * part) as usize;
            prop_assert!(Edit::from_bytes(&bytes[..n], SHAPE).is_err());
        }

        #[test]
        fn whatever_is_read_can_be_carried_out(
            edit in any_edit(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut bytes = edit.to_bytes();
            for (at, byte) in flips {
                *at.get_mut(&mut bytes) = byte;
            }
            if let Ok(edit) = Edit::from_bytes(&bytes, SHAPE) {
                prop_assert!(edit.runs.windows(2).all(|pair| pair[0].end() <= pair[1].start));
                prop_assert!(edit.runs.iter().all(|run| run.length > 0 && run.end() <= N && run.old != run.new));
                prop_assert_eq!(edit.runs.iter().map(|run| run.length as usize).sum::<usize>(), edit.n_voxels());
                prop_assert_eq!(Edit::from_bytes(&edit.to_bytes(), SHAPE), Ok(edit));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Edit::from_bytes(&bytes, SHAPE);
        }
    }
}
