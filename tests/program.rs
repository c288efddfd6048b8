//! Runs the real binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A scratch folder with the program in it.
pub struct Program {
    folder: TempDir,
}

/// What the program did.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A file in the scratch folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the scratch folder.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Names of all files in the scratch folder, sorted; the program's own caches and settings left out.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".home");
        names.sort();
        names
    }

    /// Runs `ldseg` with the words of `line`, in the scratch folder.
    pub fn run(&self, line: &str) -> Run {
        self.run_with(line.split_whitespace())
    }

    /// Runs `ldseg` with these arguments, in the scratch folder.
    pub fn run_with<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.command().args(arguments).output().unwrap().into()
    }

    /// `ldseg` in the scratch folder, with caches and settings of its own.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ldseg"));
        let home = self.folder.path().join(".home");
        command.current_dir(self.folder.path()).env_remove("RUST_LOG").env("HOME", &home);
        for variable in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(variable, home.join(variable));
        }
        command
    }

    /// Runs a line that has to succeed.
    #[track_caller]
    pub fn succeed(&self, line: &str) -> Run {
        let run = self.run(line);
        assert_eq!(run.code, Some(0), "`ldseg {line}`: {run:#?}");
        run
    }

    /// Makes the sample with this seed: `image.nii.gz` and `truth.nii.gz`.
    pub fn make_sample(&self, seed: u64) -> (PathBuf, PathBuf) {
        self.succeed(&format!("phantom --seed {seed} -o image.nii.gz --labels truth.nii.gz"));
        (self.path("image.nii.gz"), self.path("truth.nii.gz"))
    }
}

impl Run {
    /// The JSON on standard output.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The folder of public data sets, where the machine has it.
pub fn data_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LDSEG_DATA").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("LDSEG_DATA names no folder of data sets: skipped");
    }
    folder
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
