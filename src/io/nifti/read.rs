//! Reads images. Voxels go straight from the decompressor into the vector of their own type: no second copy is made.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use bytemuck::Pod;
use nifti::NiftiType;

use super::affine::place;
use super::header::{self, Header};
use super::layout::{Block, Version};
use super::source::{Parts, Source};
use crate::domain::{Grid, Volume, Voxels};
use crate::io::Error;
use crate::monitor::Monitor;

/// The largest image that is read: 16 GiB of voxels.
pub const MAX_IMAGE_BYTES: u64 = 16 << 30;

/// The most that is kept of what lies between header and voxels.
const MAX_EXTENSION_BYTES: usize = 64 << 20;

/// Bytes decompressed between two reports: some 5 ms of work.
const CHUNK_BYTES: usize = 2 << 20;

/// The smallest page of memory of the systems that the program runs on.
const PAGE_BYTES: usize = 4096;

/// Images that take less than this are there before anybody could look at a preview.
const MIN_PREVIEWED_BYTES: u64 = 24 << 20;

/// Slices of a preview.
const MAX_PREVIEW_SLICES: usize = 8;

/// An image with the header that it came with.
#[derive(Clone, Debug)]
pub struct ReadVolume {
    /// The image.
    pub volume: Volume,
    /// Its header, to be copied when labels are saved.
    pub header: Header,
    /// What a person should know: which affine was used, that two disagree, that orientation is unknown.
    pub warnings: Vec<String>,
}

/// Reads an image in its stored type. Sizes beyond three become frames, one after the other as they are stored.
///
/// `preview` is called at most once, for images large enough that reading can be noticed, with their first slices.
/// Progress counts bytes of the file.
///
/// # Errors
/// [`Error`], with a sentence for the person who chose the file.
pub fn read_volume(path: &Path, monitor: &dyn Monitor, preview: &mut dyn FnMut(Volume)) -> Result<ReadVolume, Error> {
    let parts = Parts::of(path)?;
    let Opened { mut source, header, mut warnings } = open(&parts)?;
    let voxel_type = header::voxel_type(&header.block, path)?;
    let scaling = header::scaling(&header.block, path)?;
    check_bits(&header.block, voxel_type, &mut warnings);
    if parts.is_pair() {
        source = Source::open(&parts.voxels)?;
        let offset = vox_offset(&header.block, 0, &parts.header)?;
        take(&mut source, offset)?;
    }

    let mut make_preview = |voxels: Voxels, n_slices: usize| {
        let [width, height, _] = header.shape();
        let slab = Grid::new([width, height, n_slices], header.grid.world_from_voxel()).ok();
        if let Some(volume) = slab.and_then(|grid| Volume::new(grid, voxels, scaling, 1).ok()) {
            preview(volume);
        }
    };
    let mut filling = Filling { source: &mut source, header: &header, monitor, preview: &mut make_preview };
    let voxels = filling.voxels(voxel_type)?;
    warnings.extend(source.finish()?);
    let scaling = if matches!(voxels, Voxels::Rgb(_) | Voxels::Rgba(_)) { Default::default() } else { scaling };
    let volume = Volume::new(header.grid.clone(), voxels, scaling, header.n_frames).map_err(|error| Error::Header {
        field: "sizes",
        expected: "voxels for all".into(),
        found: error.to_string(),
        path: path.into(),
    })?;
    Ok(ReadVolume { volume, header, warnings })
}

/// Reads a file's header alone, with what a person should know of it.
///
/// # Errors
/// As [`read_volume`], as far as the header goes.
pub fn read_header(path: &Path) -> Result<(Header, Vec<String>), Error> {
    let opened = open(&Parts::of(path)?)?;
    Ok((opened.header, opened.warnings))
}

/// A file read up to its voxels (or, of a pair, to the end of its header).
struct Opened {
    source: Source,
    header: Header,
    warnings: Vec<String>,
}

fn open(parts: &Parts) -> Result<Opened, Error> {
    let path = &parts.header;
    let mut source = Source::open(path)?;
    let block = header::recognise(&header::first_bytes(&mut source)?, path)?;
    let (shape, n_frames) = header::shape(&block, path)?;
    let placed = place(&block, shape).map_err(|reason| Error::Affine { reason, path: path.clone() })?;
    let mut warnings = placed.warnings;
    if block.int(block.version.layout().dim) > 4 && n_frames > 1 {
        warnings.push(format!("The image has more than four dimensions; its {n_frames} volumes are shown as frames."));
    }
    let mut extensions = Vec::new();
    if !parts.is_pair() {
        // Some writers leave the offset out of single files; the voxels then follow the four extender bytes.
        let header_bytes = block.version.layout().header_bytes as u64;
        let offset = vox_offset(&block, header_bytes + 4, path)?;
        extensions = take(&mut source, offset - header_bytes)?;
    }
    let header = Header { block, extensions, grid: placed.grid, n_frames };
    Ok(Opened { source, header, warnings })
}

/// Where the voxels start, checked. `least` is what an offset of 0 stands for, and the smallest that can be.
fn vox_offset(block: &Block, least: u64, path: &Path) -> Result<u64, Error> {
    let slot = block.version.layout().vox_offset;
    let wrong = |found: String| Error::Header {
        field: "vox_offset",
        expected: format!("a whole number from {least} to the file's size"),
        found,
        path: path.to_owned(),
    };
    let offset = match block.version {
        Version::One => {
            let offset = block.float(slot);
            // Casting NaN, infinity and fractions would hide them.
            if !(0.0..9e15).contains(&offset) || offset.fract() != 0.0 {
                return Err(wrong(offset.to_string()));
            }
            offset as u64
        }
        Version::Two => u64::try_from(block.int(slot)).map_err(|_| wrong(block.int(slot).to_string()))?,
    };
    match offset {
        0 => Ok(least),
        offset if offset < least => Err(wrong(offset.to_string())),
        offset => Ok(offset),
    }
}

/// Takes the next `n` bytes and returns them, or the first of them where they are too many to be kept.
fn take(source: &mut Source, n: u64) -> Result<Vec<u8>, Error> {
    let cut_off = |found: u64, source: &Source| {
        let path = source.path().to_owned();
        Error::CutOff { what: "what precedes the voxels", expected: n, found, path }
    };
    if n > source.most_left() {
        return Err(cut_off(source.most_left(), source));
    }
    let mut kept = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let mut done = 0;
    while done < n {
        let step = (n - done).min(buffer.len() as u64) as usize;
        let filled = source.fill(&mut buffer[..step])?;
        if kept.len() < MAX_EXTENSION_BYTES {
            kept.extend_from_slice(&buffer[..filled]);
        }
        done += filled as u64;
        if filled < step {
            return Err(cut_off(done, source));
        }
    }
    Ok(kept)
}

fn check_bits(block: &Block, voxel_type: NiftiType, warnings: &mut Vec<String>) {
    let bits = block.int(block.version.layout().bitpix);
    let expected = voxel_type.size_of() as i64 * 8;
    if bits != expected {
        warnings.push(format!(
            "The header gives {bits} bits a voxel, {voxel_type:?} has {expected}; the type was believed."
        ));
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
    header: &'a Header,
    monitor: &'a dyn Monitor,
    preview: &'a mut dyn FnMut(Voxels, usize),
}

impl Filling<'_> {
    fn voxels(&mut self, voxel_type: NiftiType) -> Result<Voxels, Error> {
        match voxel_type {
            NiftiType::Uint8 => self.fill(Voxels::U8),
            NiftiType::Int8 => self.fill(Voxels::I8),
            NiftiType::Uint16 => self.fill(Voxels::U16),
            NiftiType::Int16 => self.fill(Voxels::I16),
            NiftiType::Uint32 => self.fill(Voxels::U32),
            NiftiType::Int32 => self.fill(Voxels::I32),
            NiftiType::Uint64 => self.fill(Voxels::U64),
            NiftiType::Int64 => self.fill(Voxels::I64),
            NiftiType::Float32 => self.fill(Voxels::F32),
            NiftiType::Float64 => self.fill(Voxels::F64),
            NiftiType::Rgb24 => self.fill(Voxels::Rgb),
            NiftiType::Rgba32 => self.fill(Voxels::Rgba),
            NiftiType::Complex64 | NiftiType::Complex128 | NiftiType::Complex256 | NiftiType::Float128 => {
                let code = voxel_type as i64;
                Err(Error::Datatype { code, found: "of a type that is not shown", path: self.source.path().to_owned() })
            }
        }
    }

    /// Reads all voxels into a vector that grows no further ahead of the file than the file makes likely.
    fn fill<T: Element>(&mut self, wrap: fn(Vec<T>) -> Voxels) -> Result<Voxels, Error> {
        let n_values = self.header.grid.n_voxels() * self.header.n_frames;
        self.check_size(n_values as u64 * size_of::<T>() as u64)?;
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
        if self.header.block.is_big_endian != cfg!(target_endian = "big") {
            chunk.iter_mut().for_each(|value| *value = value.swapped());
        }
        if let Some(voxels) = first.take(chunk) {
            let n_slices = voxels.len() / self.slice_voxels();
            (self.preview)(voxels, n_slices);
        }
        self.monitor.report("Reading the image", self.source.taken_bytes(), self.source.file_bytes())?;
        Ok(())
    }

    fn check_size(&self, needed: u64) -> Result<(), Error> {
        let path = || self.source.path().to_owned();
        let available = self.source.most_left();
        if needed > available {
            return Err(Error::ClaimsTooMuch { needed, available, path: path() });
        }
        if needed > MAX_IMAGE_BYTES {
            return Err(Error::TooLarge { needed, limit: MAX_IMAGE_BYTES, path: path() });
        }
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
        let [width, height, _] = self.header.shape();
        width * height
    }

    /// How many values a preview has; 0 where the whole image is soon there.
    fn preview_values(&self, n_values: usize, value_bytes: usize) -> usize {
        let [_, _, depth] = self.header.shape();
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
