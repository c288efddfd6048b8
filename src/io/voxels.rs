//! Voxels on their way from a file into the vector of their own type: no second copy is made.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use bytemuck::Pod;

use super::Error;
use super::source::{MAX_INFLATION, Source};
use crate::domain::Voxels;
use crate::monitor::Monitor;

/// The largest image that is read: 16 GiB of voxels.
pub const MAX_IMAGE_BYTES: u64 = 16 << 30;

/// Bytes decompressed between two reports: some 5 ms of work.
const CHUNK_BYTES: usize = 2 << 20;

/// The smallest page of memory of the systems that the program runs on.
const PAGE_BYTES: usize = 4096;

/// Images that take less than this are there before anybody could look at a preview.
const MIN_PREVIEWED_BYTES: u64 = 24 << 20;

/// Slices of a preview.
const MAX_PREVIEW_SLICES: usize = 8;

/// The type of a stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    Rgb,
    Rgba,
}

/// How voxels lie in a file, one frame after the other, the first axis fastest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub kind: Kind,
    pub shape: [usize; 3],
    pub n_frames: usize,
    pub is_big_endian: bool,
}

/// Refuses voxels that a file cannot back or memory should not hold, before any is taken. `available` is the most that the file
/// can give, after decompression.
///
/// # Errors
/// [`Error::ClaimsTooMuch`], [`Error::TooLarge`].
pub(super) fn check_size(path: &Path, needed: u64, available: u64) -> Result<(), Error> {
    if needed > available {
        return Err(Error::ClaimsTooMuch { needed, available, path: path.to_owned() });
    }
    if needed > MAX_IMAGE_BYTES {
        return Err(Error::TooLarge { needed, limit: MAX_IMAGE_BYTES, path: path.to_owned() });
    }
    Ok(())
}

/// As [`check_size`], of a file whose decompression is left to others.
///
/// # Errors
/// As [`check_size`], and what the system reports.
pub(super) fn check_size_on_disk(path: &Path, needed: u64) -> Result<(), Error> {
    let file_bytes = path.metadata().map_err(|error| Error::reading(path, error))?.len();
    check_size(path, needed, file_bytes.saturating_mul(MAX_INFLATION))
}

impl Stored {
    /// Bytes of all voxels.
    pub fn n_bytes(self) -> u64 {
        let value_bytes = match self.kind {
            Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 => 2,
            Kind::Rgb => 3,
            Kind::U32 | Kind::I32 | Kind::F32 | Kind::Rgba => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        };
        self.shape.iter().product::<usize>() as u64 * self.n_frames as u64 * value_bytes
    }
}

/// Reads all voxels from where `source` stands. `preview` is called at most once, for images large enough that reading can
/// be noticed, with their first slices and how many they are. Progress counts bytes of the file.
///
/// # Errors
/// [`Error`]: the file cannot hold so many, ends early, or does not decompress; memory has run out.
pub(super) fn read(
    source: &mut Source,
    stored: Stored,
    monitor: &dyn Monitor,
    preview: &mut dyn FnMut(Voxels, usize),
) -> Result<Voxels, Error> {
    let mut filling = Filling { source, stored, monitor, preview };
    match stored.kind {
        Kind::U8 => filling.fill(Voxels::U8),
        Kind::I8 => filling.fill(Voxels::I8),
        Kind::U16 => filling.fill(Voxels::U16),
        Kind::I16 => filling.fill(Voxels::I16),
        Kind::U32 => filling.fill(Voxels::U32),
        Kind::I32 => filling.fill(Voxels::I32),
        Kind::U64 => filling.fill(Voxels::U64),
        Kind::I64 => filling.fill(Voxels::I64),
        Kind::F32 => filling.fill(Voxels::F32),
        Kind::F64 => filling.fill(Voxels::F64),
        Kind::Rgb => filling.fill(Voxels::Rgb),
        Kind::Rgba => filling.fill(Voxels::Rgba),
    }
}

/// A type of voxel as it lies in the file.
trait Element: Pod + Send {
    /// The value with its bytes in reverse order.
    fn swapped(self) -> Self;
}

macro_rules! element {
    ($($t:ty: $swap:expr),* $(,)?) => { $(impl Element for $t {
        #[inline]
        fn swapped(self) -> Self {
            let swap: fn($t) -> $t = $swap;
            swap(self)
        }
    })* };
}
element! {
    u8: |x| x,
    i8: |x| x,
    u16: u16::swap_bytes,
    i16: i16::swap_bytes,
    u32: u32::swap_bytes,
    i32: i32::swap_bytes,
    u64: u64::swap_bytes,
    i64: i64::swap_bytes,
    f32: |x| f32::from_bits(x.to_bits().swap_bytes()),
    f64: |x| f64::from_bits(x.to_bits().swap_bytes()),
    [u8; 3]: |x| x,
    [u8; 4]: |x| x,
}

/// The voxels of one file on their way into memory.
struct Filling<'a> {
    source: &'a mut Source,
    stored: Stored,
    monitor: &'a dyn Monitor,
    preview: &'a mut dyn FnMut(Voxels, usize),
}

impl Filling<'_> {
    /// Reads all voxels into a vector that grows no further ahead of the file than the file makes likely.
    fn fill<T: Element>(&mut self, wrap: fn(Vec<T>) -> Voxels) -> Result<Voxels, Error> {
        let n_values = self.stored.shape.iter().product::<usize>() * self.stored.n_frames;
        check_size(self.source.path(), n_values as u64 * size_of::<T>() as u64, self.source.most_left())?;
        let mut values = self.first_room::<T>(n_values)?;
        let mut first = First { values: Vec::new(), n_values: self.preview_values(n_values, size_of::<T>()), wrap };
        let mut done = 0;
        loop {
            self.fill_room(&mut values[done..], done, n_values, &mut first)?;
            done = values.len();
            if done == n_values {
                return Ok(wrap(values));
            }
            let more = done.min(n_values - done);
            values.try_reserve_exact(more).map_err(|_| self.out_of_memory::<T>(done + more))?;
            values.resize(done + more, T::zeroed());
        }
    }

    /// Fills `room`, which starts at value `done` of `n_values`.
    ///
    /// The system hands out memory page by page when it is first touched, which takes half as long as decompressing
    /// into it: a second thread touches the pages a few chunks ahead of this one.
    fn fill_room<T: Element>(
        &mut self,
        room: &mut [T],
        done: usize,
        n_values: usize,
        first: &mut First<T>,
    ) -> Result<(), Error> {
        const CHUNKS_AHEAD: usize = 4;
        let chunk_values = CHUNK_BYTES / size_of::<T>();
        let path = self.source.path().to_owned();
        let mut fill = |(n, chunk): (usize, &mut [T])| self.fill_chunk(chunk, done + n * chunk_values, n_values, first);
        let mut chunks = room.chunks_mut(chunk_values).enumerate();
        if chunks.len() <= CHUNKS_AHEAD {
            return chunks.try_for_each(fill);
        }
        std::thread::scope(|scope| {
            let (touched, ready) = sync_channel(CHUNKS_AHEAD);
            let touch = move || {
                chunks.try_for_each(|(n, chunk)| {
                    chunk.iter_mut().step_by(PAGE_BYTES / size_of::<T>()).for_each(|value| *value = T::zeroed());
                    touched.send((n, chunk))
                })
            };
            let name = "ldseg-pages".to_owned();
            let started = std::thread::Builder::new().name(name).spawn_scoped(scope, touch);
            started.map_err(|error| Error::reading(&path, error))?;
            // Where filling fails, dropping the receiver ends the other thread.
            ready.into_iter().try_for_each(&mut fill)
        })
    }

    /// Fills one chunk, which starts at value `start` of `n_values`.
    fn fill_chunk<T: Element>(
        &mut self,
        chunk: &mut [T],
        start: usize,
        n_values: usize,
        first: &mut First<T>,
    ) -> Result<(), Error> {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(chunk);
        let filled = self.source.fill(bytes)?;
        if filled < bytes.len() {
            return Err(Error::CutOff {
                what: "voxels",
                expected: (n_values * size_of::<T>()) as u64,
                found: (start * size_of::<T>() + filled) as u64,
                path: self.source.path().to_owned(),
            });
        }
        if self.stored.is_big_endian != cfg!(target_endian = "big") {
            chunk.iter_mut().for_each(|value| *value = value.swapped());
        }
        if let Some(voxels) = first.take(chunk) {
            let n_slices = voxels.len() / self.slice_voxels();
            (self.preview)(voxels, n_slices);
        }
        self.monitor.report("Reading the image", self.source.taken_bytes(), self.source.file_bytes())?;
        Ok(())
    }

    /// Room for the first values, of which no memory is taken before they are touched. A plain file backs all its voxels;
    /// a compressed one as many as a usual ratio of compression gives, and what goes beyond doubles the room each time.
    fn first_room<T: Element>(&self, n_values: usize) -> Result<Vec<T>, Error> {
        const USUAL_RATIO: u64 = 32;
        let likely = if self.source.is_compressed() {
            (self.source.file_bytes() * USUAL_RATIO / size_of::<T>() as u64) as usize
        } else {
            n_values
        };
        let n_values = likely.max(CHUNK_BYTES).min(n_values);
        bytemuck::allocation::try_zeroed_vec(n_values).map_err(|()| self.out_of_memory::<T>(n_values))
    }

    fn out_of_memory<T>(&self, n_values: usize) -> Error {
        Error::OutOfMemory { needed: n_values as u64 * size_of::<T>() as u64, path: self.source.path().to_owned() }
    }

    fn slice_voxels(&self) -> usize {
        let [width, height, _] = self.stored.shape;
        width * height
    }

    /// How many values a preview has; 0 where the whole image is soon there.
    fn preview_values(&self, n_values: usize, value_bytes: usize) -> usize {
        let [_, _, depth] = self.stored.shape;
        let n_preview = depth.min(MAX_PREVIEW_SLICES) * self.slice_voxels();
        let is_long = n_values as u64 * value_bytes as u64 >= MIN_PREVIEWED_BYTES;
        if is_long && n_preview < n_values { n_preview } else { 0 }
    }
}

/// The values of a preview, gathered as they come.
struct First<T> {
    values: Vec<T>,
    /// How many are wanted; 0 once they have been handed over.
    n_values: usize,
    wrap: fn(Vec<T>) -> Voxels,
}

impl<T: Element> First<T> {
    /// Takes what is wanted of a chunk; returns the preview when it is complete.
    fn take(&mut self, chunk: &[T]) -> Option<Voxels> {
        let wanted = self.n_values - self.values.len();
        self.values.extend_from_slice(&chunk[..wanted.min(chunk.len())]);
        if self.n_values == 0 || self.values.len() < self.n_values {
            return None;
        }
        self.n_values = 0;
        Some((self.wrap)(std::mem::take(&mut self.values)))
    }
}
