//! The bytes of a file, decompressed on the way where it is compressed, with a count of how far the file has been read.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::{GzDecoder, ZlibDecoder};

use crate::io::Error;

/// How much a byte of compressed data can grow at most. Deflate gives 258 bytes for two bits, rounded up; no codec of real
/// pictures gives more.
pub(super) const MAX_INFLATION: u64 = 1040;

/// How much is read from the disk at once.
const DISK_CHUNK: usize = 256 << 10;

/// A file being read from its start.
pub(super) struct Source {
    path: PathBuf,
    file_bytes: u64,
    /// Bytes taken from the file so far, ahead of what has been handed out by what the buffer holds.
    taken: Rc<Cell<u64>>,
    /// Bytes handed out so far, after decompression.
    position: u64,
    /// The compressed data ended before their end mark.
    is_cut: bool,
    bytes: Bytes,
}

enum Bytes {
    Plain(BufReader<Counted>),
    Gzip(Members),
    Zlib(Box<ZlibDecoder<BufReader<Counted>>>),
    /// Only for the moment in which one reader is taken apart to make the next.
    Between,
}

/// How the rest of a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zlib,
}

struct Counted {
    file: File,
    taken: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.taken.set(self.taken.get() + n as u64);
        Ok(n)
    }
}

/// The members of a gzip file, one after the other. Unlike `flate2::bufread::MultiGzDecoder`, padding after the last
/// one is not an error: tape and network copies round sizes up.
enum Members {
    Inside(Box<GzDecoder<BufReader<Counted>>>),
    /// Only for the moment in which one decoder is taken apart to make the next.
    Between,
    Ended {
        trailing: bool,
    },
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let Self::Inside(decoder) = self else { return Ok(0) };
            let n = decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Self::Inside(decoder) = std::mem::replace(self, Self::Between) else { return Ok(0) };
            let mut file = decoder.into_inner();
            let rest = file.fill_buf()?;
            *self = if rest.starts_with(&GZIP_MAGIC[..rest.len().clamp(1, 2)]) {
                Self::Inside(Box::new(GzDecoder::new(file)))
            } else {
                Self::Ended { trailing: !rest.is_empty() }
            };
        }
    }
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

impl Source {
    /// Opens a file; whether it is compressed is seen by its first bytes, not by its name.
    ///
    /// # Errors
    /// What the system reports, and [`Error::Empty`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let reading = |source| Error::reading(path, source);
        let file = File::open(path).map_err(reading)?;
        let metadata = file.metadata().map_err(reading)?;
        let path = path.to_owned();
        if metadata.is_dir() {
            return Err(Error::IsFolder { path });
        }
        if metadata.len() == 0 {
            return Err(Error::Empty { path });
        }
        let taken = Rc::new(Cell::new(0));
        let mut buffered = BufReader::with_capacity(DISK_CHUNK, Counted { file, taken: taken.clone() });
        let start = buffered.fill_buf().map_err(|source| Error::reading(&path, source))?;
        let bytes = if start.starts_with(&GZIP_MAGIC) {
            Bytes::Gzip(Members::Inside(Box::new(GzDecoder::new(buffered))))
        } else {
            Bytes::Plain(buffered)
        };
        Ok(Self { path, file_bytes: metadata.len(), taken, position: 0, is_cut: false, bytes })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size of the file on disk.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// How much of the file has been taken from the disk.
    pub fn taken_bytes(&self) -> u64 {
        self.taken.get().min(self.file_bytes)
    }

    /// Whether the file is compressed.
    pub fn is_compressed(&self) -> bool {
        matches!(self.bytes, Bytes::Gzip(_) | Bytes::Zlib(_))
    }

    /// Decompresses what follows. A file that is compressed as a whole stays as it is.
    pub fn unpack(&mut self, packing: Packing) {
        self.bytes = match (std::mem::replace(&mut self.bytes, Bytes::Between), packing) {
            (Bytes::Plain(file), Packing::Gzip) => Bytes::Gzip(Members::Inside(Box::new(GzDecoder::new(file)))),
            (Bytes::Plain(file), Packing::Zlib) => Bytes::Zlib(Box::new(ZlibDecoder::new(file))),
            (bytes, _) => bytes,
        };
        self.position = 0;
    }

    /// Passes over the next `n` bytes; whether there were so many.
    ///
    /// # Errors
    /// As [`Source::fill`].
    pub fn skip(&mut self, n: u64) -> Result<bool, Error> {
        if n > self.most_left() {
            return Ok(false);
        }
        let mut buffer = vec![0; 1 << 16];
        let mut left = n;
        while left > 0 {
            let step = left.min(buffer.len() as u64) as usize;
            if self.fill(&mut buffer[..step])? < step {
                return Ok(false);
            }
            left -= step as u64;
        }
        Ok(true)
    }

    /// The next line without its end, where one ends within `most` bytes.
    ///
    /// # Errors
    /// As [`Source::fill`].
    pub fn line(&mut self, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut line = Vec::new();
        while line.len() <= most {
            let mut byte = [0];
            if self.fill(&mut byte)? == 0 {
                return Ok((!line.is_empty()).then_some(line));
            }
            if byte[0] == b'\n' {
                line.pop_if(|last| *last == b'\r');
                return Ok(Some(line));
            }
            line.push(byte[0]);
        }
        Ok(None)
    }

    /// The most that the rest of the file can yield, after decompression.
    pub fn most_left(&self) -> u64 {
        let inflation = if self.is_compressed() { MAX_INFLATION } else { 1 };
        self.file_bytes.saturating_mul(inflation).saturating_sub(self.position)
    }

    /// Fills `buffer` as far as the file goes; returns how far.
    ///
    /// # Errors
    /// What the system reports, and [`Error::Damaged`] where the data do not decompress. A compressed file that was cut
    /// off is not an error here: it just ends.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            let step = match &mut self.bytes {
                Bytes::Plain(file) => file.read(&mut buffer[filled..]),
                Bytes::Gzip(members) => members.read(&mut buffer[filled..]),
                Bytes::Zlib(decoder) => decoder.read(&mut buffer[filled..]),
                Bytes::Between => Ok(0),
            };
            match step {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    self.is_cut = true;
                    break;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }

    fn failed(&self, source: std::io::Error) -> Error {
        // What the decoder makes up has no code of the system's.
        if self.is_compressed() && source.raw_os_error().is_none() {
            return Error::Damaged { at: self.taken_bytes(), source, path: self.path.clone() };
        }
        Error::reading(&self.path, source)
    }

    /// Reads on to the file's end, so that a compressed file's checksum is compared, and says what was there beyond
    /// what was expected.
    ///
    /// # Errors
    /// As [`Source::fill`]; a wrong or missing checksum is [`Error::Damaged`].
    pub fn finish(&mut self) -> Result<Option<String>, Error> {
        // Far more than rounding up adds; nobody wants to wait for the rest of a file that holds something else.
        let mut rest = vec![0; 1 << 16];
        let n = self.fill(&mut rest)?;
        if self.is_cut {
            return Err(self.failed(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let more = |n: usize| format!("The file holds {n} bytes or more after its voxels; they were ignored.");
        Ok(match &self.bytes {
            _ if n > 0 => Some(more(n)),
            Bytes::Gzip(Members::Ended { trailing: true }) => Some(more(1)),
            _ => None,
        })
    }
}

/// The file's name in small letters, as far as it is text.
pub(super) fn lower_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read_all(file: &[u8]) -> (Vec<u8>, Result<Option<String>, Error>) {
        let mut temporary = tempfile::NamedTempFile::new().unwrap();
        temporary.write_all(file).unwrap();
        let mut source = Source::open(temporary.path()).unwrap();
        let mut bytes = vec![0; 6];
        let n = source.fill(&mut bytes).unwrap();
        bytes.truncate(n);
        (bytes, source.finish())
    }

    #[test]
    fn all_members_of_a_gzip_file_are_read() {
        let file = [gzip(b"abc"), gzip(b""), gzip(b"def")].concat();
        let (bytes, rest) = read_all(&file);
        assert_eq!((bytes.as_slice(), rest.unwrap()), (&b"abcdef"[..], None));
    }

    #[test]
    fn padding_after_a_gzip_file_is_a_warning() {
        let (bytes, rest) = read_all(&[gzip(b"abcdef"), vec![0; 100]].concat());
        assert_eq!(bytes, b"abcdef");
        assert!(rest.unwrap().is_some());
    }

    #[test]
    fn a_wrong_checksum_is_damage() {
        let mut file = gzip(b"abcdef");
        let crc = file.len() - 8;
        file[crc] ^= 1;
        assert!(matches!(read_all(&file).1, Err(Error::Damaged { .. })));
    }

    #[test]
    fn a_cut_gzip_file_just_ends() {
        let file = gzip(b"abcdef");
        assert!(read_all(&file[..12]).0.len() < 6);
    }

    #[test]
    fn a_missing_checksum_is_damage() {
        let file = gzip(b"abcdef");
        let (bytes, rest) = read_all(&file[..file.len() - 1]);
        assert_eq!(bytes, b"abcdef");
        assert!(matches!(rest, Err(Error::Damaged { .. })));
    }
}
