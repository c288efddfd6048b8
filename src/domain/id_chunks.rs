//! The ids of a label map in chunks that snapshots share: a snapshot costs microseconds however large the volume, a change
//! copies only the chunks that it touches while a snapshot is held, and what was never labelled takes no memory.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use rayon::prelude::*;

/// Ids in one chunk: small enough that the first dab of a brush copies little, large enough that a volume has few.
const CHUNK: usize = 1 << 14;

type Chunk = [u16; CHUNK];

/// The one chunk that stands wherever there is no label.
static BACKGROUND: LazyLock<Arc<Chunk>> = LazyLock::new(|| Arc::new([0; CHUNK]));

/// One id a voxel, by position in memory.
#[derive(Clone, Debug)]
pub(in crate::domain) struct IdChunks {
    len: usize,
    /// The last one is filled up with zeros.
    chunks: Vec<Arc<Chunk>>,
}

impl IdChunks {
    /// `len` zeros.
    pub fn background(len: usize) -> Self {
        Self { len, chunks: vec![Arc::clone(&BACKGROUND); len.div_ceil(CHUNK)] }
    }

    pub fn from_ids(ids: &[u16]) -> Self {
        let chunk = |ids: &[u16]| {
            if ids.iter().all(|&id| id == 0) {
                return Arc::clone(&BACKGROUND);
            }
            let mut chunk = Arc::clone(&BACKGROUND);
            Arc::make_mut(&mut chunk)[..ids.len()].copy_from_slice(ids);
            chunk
        };
        Self { len: ids.len(), chunks: ids.par_chunks(CHUNK).map(chunk).collect() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, position: usize) -> u16 {
        debug_assert!(position < self.len);
        self.chunks[position / CHUNK][position % CHUNK]
    }

    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().copied()).take(self.len)
    }

    /// Copies the ids from `start` on.
    pub fn copy_to(&self, start: usize, ids: &mut [u16]) {
        let range = start..start + ids.len();
        for (chunk_idx, part) in parts(range) {
            let at = chunk_idx * CHUNK + part.start - start;
            ids[at..at + part.len()].copy_from_slice(&self.chunks[chunk_idx][part]);
        }
    }

    /// Makes `id` of all ids in `range`.
    pub fn fill(&mut self, range: Range<usize>, id: u16) {
        debug_assert!(range.end <= self.len);
        for (chunk_idx, part) in parts(range) {
            Arc::make_mut(&mut self.chunks[chunk_idx])[part].fill(id);
        }
    }

    /// Positions and ids of the chunks in which something was ever labelled.
    pub fn labelled_chunks(&self) -> impl ParallelIterator<Item = (usize, &[u16])> {
        let is_labelled = |chunk_idx: &usize| !Arc::ptr_eq(&self.chunks[*chunk_idx], &BACKGROUND);
        (0..self.chunks.len()).into_par_iter().filter(is_labelled).map(|chunk_idx| self.chunk(chunk_idx))
    }

    /// Positions and ids of the chunks that differ from those of `other`, ascending: first this one's, then the other's.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (usize, &'a [u16], &'a [u16])> {
        let differs = |chunk_idx: &usize| {
            let (a, b) = (&self.chunks[*chunk_idx], &other.chunks[*chunk_idx]);
            !Arc::ptr_eq(a, b) && a != b
        };
        (0..self.chunks.len().min(other.chunks.len())).filter(differs).map(|chunk_idx| {
            let (start, ids) = self.chunk(chunk_idx);
            (start, ids, other.chunk(chunk_idx).1)
        })
    }

    /// Positions and ids of the chunks in which something was ever labelled here or in `other`, ascending: first this one's,
    /// then the other's.
    pub fn either_labelled<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (usize, &'a [u16], &'a [u16])> {
        let is_background = |chunk: &Arc<Chunk>| Arc::ptr_eq(chunk, &BACKGROUND);
        let chunks = self.chunks.iter().zip(&other.chunks).enumerate();
        chunks.filter(move |(_, (a, b))| !(is_background(a) && is_background(b))).map(|(chunk_idx, _)| {
            let (start, ids) = self.chunk(chunk_idx);
            (start, ids, other.chunk(chunk_idx).1)
        })
    }

    fn chunk(&self, chunk_idx: usize) -> (usize, &[u16]) {
        let start = chunk_idx * CHUNK;
        (start, &self.chunks[chunk_idx][..CHUNK.min(self.len - start)])
    }
}

impl PartialEq for IdChunks {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.differing(other).next().is_none()
    }
}

/// The chunks that `range` touches, and which part of each.
fn parts(range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    (range.start / CHUNK..range.end.div_ceil(CHUNK)).map(move |chunk_idx| {
        let start = chunk_idx * CHUNK;
        (chunk_idx, range.start.max(start) - start..range.end.min(start + CHUNK) - start)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const N: usize = 2 * CHUNK + 100;

    fn n_own(chunks: &IdChunks, other: &IdChunks) -> usize {
        chunks.chunks.iter().zip(&other.chunks).filter(|(a, b)| !Arc::ptr_eq(a, b)).count()
    }

    #[test]
    fn a_change_copies_only_the_chunk_that_it_touches() {
        let before = IdChunks::from_ids(&vec![3; N]);
        let mut after = before.clone();
        after.fill(CHUNK..CHUNK + 5, 4);
        assert_eq!(n_own(&after, &before), 1);
        assert_eq!((before.get(CHUNK), after.get(CHUNK)), (3, 4));
        assert_eq!(after.differing(&before).map(|(start, ..)| start).collect::<Vec<_>>(), [CHUNK]);
    }

    #[test]
    fn what_was_never_labelled_is_shared_and_skipped() {
        let mut ids = IdChunks::background(N);
        assert_eq!(ids.labelled_chunks().count(), 0);
        ids.fill(N - 1..N, 7);
        let labelled: Vec<_> = ids.labelled_chunks().map(|(start, ids)| (start, ids.len())).collect();
        assert_eq!(labelled, [(2 * CHUNK, 100)]);
        assert_eq!(n_own(&IdChunks::from_ids(&vec![0; N]), &IdChunks::background(N)), 0);
    }

    proptest! {
        #[test]
        fn chunks_hold_what_a_plain_list_holds(
            fills in prop::collection::vec((0..N, 0..2 * CHUNK, 0..4u16), 0..8), from in 0..N, length in 0..N,
        ) {
            let mut plain = vec![0; N];
            let mut chunks = IdChunks::background(N);
            for (start, length, id) in fills {
                let range = start..(start + length).min(N);
                plain[range.clone()].fill(id);
                chunks.fill(range, id);
            }
            prop_assert!(chunks.iter().eq(plain.iter().copied()));
            prop_assert_eq!(&chunks, &IdChunks::from_ids(&plain));
            prop_assert_eq!(chunks.get(from), plain[from]);
            let mut copy = vec![9; length.min(N - from)];
            chunks.copy_to(from, &mut copy);
            prop_assert_eq!(&copy, &plain[from..from + copy.len()]);
        }
    }
}
