//! The text before the voxels, and what it says once checked.

use std::collections::HashMap;
use std::path::PathBuf;

use glam::{DAffine3, DMat3, DVec3};

use crate::domain::Grid;
use crate::io::Error;
use crate::io::metaimage::RAS_FROM_LPS;
use crate::io::source::Source;
use crate::io::voxels::{Kind, Stored};

/// The longest line of a header that is read; descriptions of segmentations are long.
const MAX_LINE: usize = 1 << 20;

/// The most lines that a header may have.
const MAX_LINES: usize = 100_000;

/// How voxels are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
}

/// The fields of a header, by name.
#[derive(Debug)]
pub(super) struct Header {
    fields: HashMap<String, String>,
    /// Lines of the form `key:=value`.
    pub keys: HashMap<String, String>,
    path: PathBuf,
}

/// How voxels lie in the file and in the world.
#[derive(Debug)]
pub(super) struct Layout {
    pub stored: Stored,
    pub grid: Grid,
    /// The frames are the fastest axis.
    pub frames_first: bool,
    pub warnings: Vec<String>,
}

impl Header {
    /// Reads up to the empty line.
    ///
    /// # Errors
    /// [`Error::Content`] where the file does not begin like an NRRD.
    pub fn read(source: &mut Source) -> Result<Self, Error> {
        let path = source.path().to_owned();
        let magic = source.line(64)?.unwrap_or_default();
        if !magic.starts_with(b"NRRD000") {
            let found = magic.escape_ascii().to_string();
            return Err(Error::Content { expected: "an NRRD header, which begins with NRRD000", found, path });
        }
        let mut header = Self { fields: HashMap::new(), keys: HashMap::new(), path };
        for _ in 0..MAX_LINES {
            let Some(line) = source.line(MAX_LINE)? else { return Ok(header) };
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.is_empty() {
                return Ok(header);
            }
            if line.starts_with('#') {
                continue;
            }
            if let Some((key, value)) = line.split_once(":=") {
                header.keys.insert(key.to_owned(), value.to_owned());
            } else if let Some((field, value)) = line.split_once(':') {
                let is_list = field == "data file" && value.trim().starts_with("LIST");
                header.fields.insert(field.trim().to_lowercase(), value.trim().to_owned());
                if is_list {
                    return Ok(header);
                }
            }
        }
        Err(header.wrong("length", "an empty line before the voxels", "none".to_owned()))
    }

    pub fn wrong(&self, field: &'static str, expected: &str, found: String) -> Error {
        Error::Header { field, expected: expected.to_owned(), found, path: self.path.clone() }
    }

    fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.fields.get(*name)).map(String::as_str)
    }

    fn sizes(&self) -> Result<Vec<usize>, Error> {
        let text = self.get(&["sizes"]).unwrap_or_default();
        let sizes: Option<Vec<usize>> =
            text.split_whitespace().map(|word| word.parse().ok().filter(|&n: &usize| n > 0)).collect();
        let fits = |sizes: &Vec<usize>| {
            let n = sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
            (1..=4).contains(&sizes.len()) && n.is_some_and(|n| n < 1 << 56)
        };
        let sizes = sizes.filter(fits);
        let sizes = sizes.ok_or_else(|| self.wrong("sizes", "1 to 4 sizes of at least 1", text.to_owned()))?;
        match self.get(&["dimension"]) {
            Some(n) if n == sizes.len().to_string() => Ok(sizes),
            other => Err(self.wrong("dimension", "the number of sizes", other.unwrap_or("missing").to_owned())),
        }
    }

    fn kind(&self) -> Result<Kind, Error> {
        let name = self.get(&["type"]).unwrap_or_default();
        Ok(match name {
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => Kind::U8,
            "signed char" | "int8" | "int8_t" => Kind::I8,
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Kind::U16,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Kind::I16,
            "uint" | "unsigned int" | "uint32" | "uint32_t" => Kind::U32,
            "int" | "signed int" | "int32" | "int32_t" => Kind::I32,
            "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Kind::U64,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => Kind::I64,
            "float" => Kind::F32,
            "double" => Kind::F64,
            _ => return Err(self.wrong("type", "an integer type of up to 64 bits, float or double", name.to_owned())),
        })
    }

    pub fn encoding(&self) -> Result<Encoding, Error> {
        match self.get(&["encoding"]) {
            Some("raw") => Ok(Encoding::Raw),
            Some("gzip" | "gz") => Ok(Encoding::Gzip),
            other => Err(self.wrong(
                "encoding",
                "raw or gzip; save the image again with one of these",
                other.unwrap_or("missing").to_owned(),
            )),
        }
    }

    /// The file of the voxels, where it is another one.
    pub fn voxel_file(&self) -> Result<Option<PathBuf>, Error> {
        match self.get(&["data file", "datafile"]) {
            None => Ok(None),
            Some(name) if name.starts_with("LIST") || name.contains('%') => {
                Err(self.wrong("data file", "one file; join the slices into one file first", name.to_owned()))
            }
            Some(name) => Ok(Some(self.path.with_file_name(name))),
        }
    }

    /// Goes to the voxels.
    pub fn skip(&self, source: &mut Source, stored: Stored) -> Result<(), Error> {
        let number = |field: &'static str, names: &[&str]| -> Result<i64, Error> {
            let text = self.get(names).unwrap_or("0");
            text.parse().map_err(|_| self.wrong(field, "a whole number", text.to_owned()))
        };
        for _ in 0..number("line skip", &["line skip", "lineskip"])?.clamp(0, MAX_LINES as i64) {
            source.line(MAX_LINE)?;
        }
        let bytes = number("byte skip", &["byte skip", "byteskip"])?;
        let bytes = u64::try_from(bytes).unwrap_or_else(|_| source.most_left().saturating_sub(stored.n_bytes()));
        if source.skip(bytes)? {
            Ok(())
        } else {
            Err(self.wrong("byte skip", "fewer bytes than the file has", bytes.to_string()))
        }
    }

    /// What each axis is: a step in the world, or none for axes that are none of space.
    fn steps(&self, n_axes: usize) -> Result<Vec<Option<DVec3>>, Error> {
        if let Some(text) = self.get(&["space directions"]) {
            let steps: Option<Vec<Option<DVec3>>> = text.split_whitespace().map(step).collect();
            let is_good = |steps: &Vec<Option<DVec3>>| steps.len() == n_axes;
            let expected = "a vector (x,y,z), of space and time (x,y,z,0) or (0,0,0,t), or none for each axis";
            return steps.filter(is_good).ok_or_else(|| self.wrong("space directions", expected, text.to_owned()));
        }
        let spacings = self.get(&["spacings"]);
        let spacings: Vec<f64> = spacings.map_or_else(
            || vec![1.0; n_axes],
            |text| text.split_whitespace().map(|word| word.parse().unwrap_or(f64::NAN)).collect(),
        );
        if spacings.len() != n_axes {
            return Err(self.wrong("spacings", "one number an axis", format!("{} numbers", spacings.len())));
        }
        // Without directions, what is no number is an axis of something else, as are colours and lists by their kind.
        let kinds: Vec<&str> = self.get(&["kinds"]).unwrap_or_default().split_whitespace().collect();
        let is_space = |axis: usize| {
            let kind = kinds.get(axis).copied().unwrap_or("space");
            matches!(kind, "space" | "domain" | "???" | "none") && spacings[axis].is_finite()
        };
        let mut world = 0;
        Ok((0..n_axes)
            .map(|axis| {
                (is_space(axis) && world < 3).then(|| {
                    world += 1;
                    DVec3::AXES[world - 1] * spacings[axis]
                })
            })
            .collect())
    }

    /// Seconds from frame to frame, where the header says what its time is counted in.
    pub fn frame_step_s(&self) -> Option<f64> {
        let mut steps = self.get(&["space directions"])?.split_whitespace().filter_map(numbers);
        let step = steps.rfind(|step| step.len() == 4 && step[3] != 0.0)?[3];
        let per_second = match self.get(&["space units"])?.split_whitespace().nth(3)? {
            "\"s\"" => 1.0,
            "\"ms\"" => 1e-3,
            _ => return None,
        };
        Some(step * per_second)
    }

    /// From the space of the file to right, anterior, superior, and whether the file says which that is.
    fn ras_from_space(&self) -> Result<(DMat3, bool), Error> {
        let Some(space) = self.get(&["space"]) else {
            // Space and time without a name is what ITK writes, which means its own space.
            let is_itk = self.get(&["space dimension"]) == Some("4");
            return Ok((if is_itk { RAS_FROM_LPS } else { DMat3::IDENTITY }, false));
        };
        let matrix = match space.to_lowercase().as_str() {
            "left-posterior-superior" | "lps" | "left-posterior-superior-time" | "lpst" => RAS_FROM_LPS,
            "right-anterior-superior" | "ras" | "right-anterior-superior-time" | "rast" => DMat3::IDENTITY,
            "left-anterior-superior" | "las" | "left-anterior-superior-time" | "last" => {
                DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0))
            }
            _ => return Ok((DMat3::IDENTITY, false)),
        };
        Ok((matrix, true))
    }

    /// # Errors
    /// [`Error::Header`] and [`Error::Affine`] for what cannot be shown.
    pub fn layout(&self) -> Result<Layout, Error> {
        let sizes = self.sizes()?;
        let steps = self.steps(sizes.len())?;
        let space: Vec<usize> = (0..sizes.len()).filter(|&axis| steps[axis].is_some()).collect();
        let other: Vec<usize> = (0..sizes.len()).filter(|&axis| steps[axis].is_none()).collect();
        let in_row = space.windows(2).all(|pair| pair[1] == pair[0] + 1);
        if space.is_empty() || space.len() > 3 || other.len() > 1 || !in_row {
            let expected = "one to three axes of space in a row, and one more axis at most";
            return Err(self.wrong("axes", expected, format!("{steps:?}")));
        }
        let (mut kind, mut n_frames, mut frames_first) = (self.kind()?, 1, false);
        if let Some(&axis) = other.first() {
            let is_first = axis < space[0];
            match (kind, is_first, sizes[axis]) {
                (Kind::U8, true, 3) => kind = Kind::Rgb,
                (Kind::U8, true, 4) => kind = Kind::Rgba,
                (_, _, n) => (n_frames, frames_first) = (n, is_first && n > 1),
            }
        }
        let size = |i: usize| space.get(i).map_or(1, |&axis| sizes[axis]);
        let stored =
            Stored { kind, shape: [size(0), size(1), size(2)], n_frames, is_big_endian: self.is_big_endian()? };
        let (grid, warnings) = self.grid(stored.shape, space.iter().filter_map(|&axis| steps[axis]).collect())?;
        Ok(Layout { stored, grid, frames_first, warnings })
    }

    fn is_big_endian(&self) -> Result<bool, Error> {
        match self.get(&["endian"]) {
            None | Some("little") => Ok(false),
            Some("big") => Ok(true),
            Some(other) => Err(self.wrong("endian", "little or big", other.to_owned())),
        }
    }

    fn grid(&self, shape: [usize; 3], mut steps: Vec<DVec3>) -> Result<(Grid, Vec<String>), Error> {
        // What is missing stands upright on what is there.
        if steps.len() == 1 {
            steps.push(steps[0].any_orthonormal_vector());
        }
        if steps.len() == 2 {
            steps.push(steps[0].cross(steps[1]).normalize_or(DVec3::Z));
        }
        let origin = self.get(&["space origin"]);
        let origin = origin.map_or(Some(DVec3::ZERO), point);
        let origin =
            origin.ok_or_else(|| self.wrong("space origin", "a vector (x,y,z)", "something else".to_owned()))?;
        let (ras_from_space, is_known) = self.ras_from_space()?;
        let affine = DAffine3::from_mat3_translation(
            ras_from_space * DMat3::from_cols(steps[0], steps[1], steps[2]),
            ras_from_space * origin,
        );
        let unknown = "The header does not say where left and right are; the orientation shown is a guess.";
        let warnings = if is_known { Vec::new() } else { vec![unknown.to_owned()] };
        let failed = |error: crate::domain::grid::GridError| Error::Affine {
            reason: error.to_string(),
            path: self.path.clone(),
        };
        Ok((Grid::new(shape, affine).map_err(failed)?, warnings))
    }
}

/// `(x,y,z)`; of a plane `(x,y)`, of space and time `(x,y,z,t)`.
fn numbers(text: &str) -> Option<Vec<f64>> {
    let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    inside.split(',').map(|part| part.trim().parse().ok().filter(|x: &f64| x.is_finite())).collect()
}

/// Where something is, at whatever time.
fn point(text: &str) -> Option<DVec3> {
    match numbers(text)?[..] {
        [x, y] => Some(DVec3::new(x, y, 0.0)),
        [x, y, z] | [x, y, z, _] => Some(DVec3::new(x, y, z)),
        _ => None,
    }
}

/// A step in space, or none for an axis of something else, of time among them; `None` for a step in both.
fn step(text: &str) -> Option<Option<DVec3>> {
    match text {
        "none" => Some(None),
        _ => match numbers(text)?[..] {
            [0.0, 0.0, 0.0, _] => Some(None),
            [x, y] => Some(Some(DVec3::new(x, y, 0.0))),
            [x, y, z] | [x, y, z, 0.0] => Some(Some(DVec3::new(x, y, z))),
            _ => None,
        },
    }
}
