//! Rules of the house that a compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::program::repository;

const MAX_LINES: usize = 600;
const MAX_MEDIAN_LINES: usize = 250;

/// One source file: its path from the repository's root, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

fn sources() -> Vec<Source> {
    files_below("src", &["rs", "wgsl"])
}

fn files_below(folder: &str, endings: &[&str]) -> Vec<Source> {
    let mut folders = vec![repository().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let is_wanted = path.extension().and_then(|e| e.to_str()).is_some_and(|ending| endings.contains(&ending));
            if path.is_dir() {
                folders.push(path);
            } else if is_wanted {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { path: path.strip_prefix(repository()).unwrap().to_owned(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The table in the crate's documentation: module → modules that it may import.
fn import_table() -> BTreeMap<String, BTreeSet<String>> {
    let map = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let code_words =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.map(|row| {
        let (module, rest) = row.split_once('`').unwrap();
        (module.to_owned(), code_words(rest))
    })
    .collect()
}

/// The top-level module that a file belongs to; `None` for `lib.rs` and `main.rs`.
fn module_of(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main"].contains(&module)).then(|| module.to_owned())
}

/// Top-level modules named after `crate::` in code, comments and documentation left out.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let after = code.split("crate::").skip(1);
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    after.map(name).filter(|name| !name.is_empty()).collect()
}

#[track_caller]
fn check_none(complaints: Vec<String>, rule: &str) {
    assert!(complaints.is_empty(), "{rule}:\n{}", complaints.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table = import_table();
    let folders = fs::read_dir(repository().join("src")).unwrap();
    let modules: BTreeSet<String> =
        folders.filter_map(|entry| module_of(&Path::new("src").join(entry.unwrap().file_name()))).collect();
    assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), modules, "the table lists every module, once");
    let mut complaints = Vec::new();
    for Source { path, text } in sources() {
        let Some(module) = module_of(&path) else { continue };
        let known: BTreeSet<_> = imports(&text).intersection(&modules).cloned().collect();
        for import in known.iter().filter(|import| **import != module && !table[&module].contains(*import)) {
            complaints.push(format!("{}: `{module}` may not import `{import}`", path.display()));
        }
    }
    check_none(complaints, "the import table in src/lib.rs");
}

#[test]
fn the_import_table_has_no_cycles() {
    let table = import_table();
    let mut done: BTreeSet<String> = BTreeSet::new();
    while done.len() < table.len() {
        let ready: Vec<_> =
            table.iter().filter(|(name, uses)| !done.contains(*name) && uses.is_subset(&done)).collect();
        assert!(!ready.is_empty(), "a cycle among {:?}", table.keys().filter(|name| !done.contains(*name)));
        done.extend(ready.into_iter().map(|(name, _)| name.clone()));
    }
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<(usize, PathBuf)> =
        sources().into_iter().map(|source| (source.text.lines().count(), source.path)).collect();
    lengths.sort();
    let long: Vec<_> = lengths.iter().filter(|(n, _)| *n > MAX_LINES).collect();
    let complaints = long.into_iter().map(|(n, path)| format!("{}: {n} lines", path.display())).collect();
    check_none(complaints, "no file has more than 600 lines with its tests");
    let median = lengths[lengths.len() / 2].0;
    assert!(median <= MAX_MEDIAN_LINES, "the median file has {median} lines");
}

#[test]
fn every_file_says_what_it_is_for() {
    let complaints = sources()
        .into_iter()
        .filter(|source| source.path.extension().is_some_and(|ending| ending == "rs"))
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path.display().to_string());
    check_none(complaints.collect(), "a file opens with `//!` and what it is for");
}

#[test]
fn no_module_is_a_drawer_for_everything() {
    let drawers = ["utils", "util", "helpers", "helper", "common", "manager", "misc"];
    let is_drawer = |path: &PathBuf| {
        path.iter()
            .filter_map(|part| part.to_str())
            .any(|part| drawers.contains(&part.split('.').next().unwrap_or_default()))
    };
    let complaints = sources().into_iter().map(|source| source.path).filter(is_drawer);
    check_none(complaints.map(|path| path.display().to_string()).collect(), "modules are named for what they do");
}

#[test]
fn colours_are_declared_in_the_theme() {
    // Pictures that a test looks at are data, and so is a colour made of a label's own components.
    let may = |path: &Path| path.ends_with("theme.rs") || path.to_string_lossy().contains("tests");
    let mut complaints = Vec::new();
    for Source { path, text } in sources().into_iter().filter(|source| source.path.starts_with("src/app")) {
        let lines = text.lines().enumerate().filter(|(_, line)| !may(&path) && names_a_colour(line));
        complaints.extend(lines.map(|(at, line)| format!("{}:{}: {}", path.display(), at + 1, line.trim())));
    }
    check_none(complaints, "colours live in src/app/theme.rs");
}

/// Whether a line makes a colour of numbers, or names one of egui's; clear and pure white, which tint nothing, aside.
fn names_a_colour(line: &str) -> bool {
    let made_of_numbers = |rest: &str| {
        let arguments =
            rest.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside);
        arguments.chars().any(|c| c.is_ascii_digit()) && !arguments.chars().any(|c| c.is_ascii_alphabetic())
    };
    let named = ["BLACK", "GRAY", "LIGHT_GRAY", "DARK_GRAY", "RED", "GREEN", "BLUE", "YELLOW", "ORANGE", "GOLD"];
    line.split("Color32::from_").skip(1).any(made_of_numbers)
        || line.split("Color32::").skip(1).any(|rest| named.iter().any(|name| rest.starts_with(name)))
}

#[test]
fn threads_have_names() {
    let complaints = sources().into_iter().filter(|source| source.text.contains("thread::spawn("));
    check_none(
        complaints.map(|source| source.path.display().to_string()).collect(),
        "threads are started by a named std::thread::Builder",
    );
}

#[test]
fn nothing_unfinished_is_left() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "#[ignore"];
    let mut complaints = Vec::new();
    for Source { path, text } in sources().into_iter().chain(files_below("tests", &["rs", "py"])) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                complaints.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    check_none(complaints, "what is here works; what does not is not here");
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let places = ["/root/", "/home/", "/work/", "C:\\Users"];
    let mut files = sources();
    for folder in ["tests", "benches", "assets", ".ci"] {
        files.extend(files_below(folder, &["rs", "py", "sh", "md", ""]));
    }
    let complaints = files
        .into_iter()
        .filter(|source| !source.path.ends_with("tidy.rs"))
        .filter(|source| places.iter().any(|place| source.text.contains(place)))
        .map(|source| source.path.display().to_string());
    check_none(complaints.collect(), "paths come from arguments, the environment or the project itself");
}
