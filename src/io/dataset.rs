//! A folder of cases with truth: `images/`, `labels/` (or `labels_r1/`, `labels_r2/`, … one a rater) and `splits.csv`,
//! which says for each case's `id` whether it is for training, tuning or reporting.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Error;

/// What a case is for. Tune on [`Split::Val`], report on [`Split::Test`], train on neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For training.
    Train,
    /// For tuning.
    Val,
    /// For reporting.
    Test,
}

/// The files of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFiles {
    /// Its id in `splits.csv`.
    pub name: String,
    /// The image.
    pub image: PathBuf,
    /// The truth; where there are several raters, the first one's.
    pub labels: PathBuf,
    /// The truth of every rater, at least one.
    pub raters: Vec<PathBuf>,
}

/// A folder of cases.
#[derive(Clone, Debug)]
pub struct Dataset {
    cases: Vec<(Split, CaseFiles)>,
}

impl Dataset {
    /// Opens a folder and finds the files of every case in `splits.csv`.
    ///
    /// # Errors
    /// [`Error::Table`] for a line that cannot be understood, [`Error::Content`] for a case without image or labels, and
    /// what the system reports.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("splits.csv");
        let text = std::fs::read_to_string(&path).map_err(|error| Error::reading(&path, error))?;
        let images = files_by_stem(&folder.join("images"))?;
        let raters = rater_folders(folder)?.iter().map(|rater| files_by_stem(rater)).collect::<Result<Vec<_>, _>>()?;
        let mut cases = Vec::new();
        for (name, split) in parse_splits(&text, &path)? {
            let missing = |what: &str| Error::Content {
                expected: "an image and labels for every case",
                found: format!("no {what} for case {name}"),
                path: folder.to_owned(),
            };
            let image = images.get(&name).ok_or_else(|| missing("image"))?.clone();
            let raters: Vec<PathBuf> = raters.iter().filter_map(|rater| rater.get(&name)).cloned().collect();
            let labels = raters.first().ok_or_else(|| missing("labels"))?.clone();
            cases.push((split, CaseFiles { name, image, labels, raters }));
        }
        Ok(Self { cases })
    }

    /// The cases of one split, in the order of `splits.csv`.
    pub fn cases(&self, split: Split) -> Vec<CaseFiles> {
        self.cases.iter().filter(|(of, _)| *of == split).map(|(_, case)| case.clone()).collect()
    }
}

/// `labels`, or one folder a rater, in order.
fn rater_folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut raters = Vec::new();
    for entry in folder.read_dir().map_err(|error| Error::reading(folder, error))? {
        let path = entry.map_err(|error| Error::reading(folder, error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && (name == "labels" || name.starts_with("labels_r")) {
            raters.push(path);
        }
    }
    // r10 comes after r9.
    raters.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(raters)
}

/// The files of a folder by their names without ending.
fn files_by_stem(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut files = BTreeMap::new();
    for entry in folder.read_dir().map_err(|error| Error::reading(folder, error))? {
        let path = entry.map_err(|error| Error::reading(folder, error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = super::stem(&name);
        if stem != name {
            files.insert(stem.to_owned(), path);
        }
    }
    Ok(files)
}

/// Id and split of every line, by the columns that the first line names.
fn parse_splits(text: &str, path: &Path) -> Result<Vec<(String, Split)>, Error> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let wrong = |line: usize, expected: &'static str, found: &str| Error::Table {
        line: line + 1,
        expected,
        found: found.to_owned(),
        path: path.to_owned(),
    };
    let (_, header) = lines.next().unwrap_or_default();
    let columns = fields(header);
    let column = |name: &str| columns.iter().position(|column| column == name);
    let (Some(id), Some(split)) = (column("id"), column("split")) else {
        return Err(wrong(0, "the columns id and split", header));
    };
    let mut rows = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        let row = fields(text);
        let (Some(name), Some(split)) = (row.get(id), row.get(split)) else {
            return Err(wrong(line, "as many fields as columns", text));
        };
        let split = match split.as_str() {
            "train" => Split::Train,
            "val" => Split::Val,
            // GlaS has two test sets, A and B.
            test if test.starts_with("test") => Split::Test,
            other => return Err(wrong(line, "a split train, val or test", other)),
        };
        rows.push((name.clone(), split));
    }
    Ok(rows)
}

/// The fields of a line of CSV; a field in quotes may hold commas, and "" for a quote.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut rest = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = rest.next() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            '"' if is_quoted && rest.peek() == Some(&'"') => field.extend(rest.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields.iter_mut().for_each(|field| *field = field.trim().to_owned());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_may_hold_commas_and_quotes() {
        assert_eq!(fields("a, \"b, \"\"c\"\"\" ,d\r"), ["a", "b, \"c\"", "d"]);
    }

    #[test]
    fn columns_may_stand_in_any_order() {
        let rows = parse_splits("n,split,id\n1,testA,x\n\n2,val,y\n", Path::new("splits.csv")).unwrap();
        assert_eq!(rows, [("x".to_owned(), Split::Test), ("y".to_owned(), Split::Val)]);
        let error = parse_splits("id,split\nx,later\n", Path::new("splits.csv")).unwrap_err();
        assert_eq!(error.to_string(), "line 2: expected a split train, val or test, found \"later\" (splits.csv)");
    }

    #[test]
    fn a_case_without_labels_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["images", "labels"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("splits.csv"), "id,split\na,train\n").unwrap();
        std::fs::write(folder.path().join("images/a.nii.gz"), "x").unwrap();
        let error = Dataset::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("no labels for case a"), "{error}");
    }

    #[test]
    fn the_public_sets_open_with_their_splits() {
        let Some(data) = std::env::var_os("LDSEG_DATA").map(PathBuf::from) else {
            return eprintln!("skipped: LDSEG_DATA is not set");
        };
        let count = |set: &str| {
            let dataset = Dataset::open(&data.join(set)).unwrap();
            [Split::Train, Split::Val, Split::Test].map(|split| dataset.cases(split).len())
        };
        assert_eq!(count("msd_hippocampus"), [174, 29, 27]);
        assert_eq!(count("scd_lv"), [414, 112, 182]);
        let lidc = Dataset::open(&data.join("lidc4")).unwrap();
        assert_eq!(lidc.cases(Split::Val)[0].raters.len(), 4);
    }
}
