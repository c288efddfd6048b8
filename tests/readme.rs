//! The README's commands exist.

use std::fs;

use clap::Parser;
use ldseg::cli::Cli;

use crate::program::repository;

/// The lines of the README's shell blocks, continuation lines joined.
fn shell_lines(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let joined: Vec<String> = blocks.map(|block| block.replace("\\\n", " ")).collect();
    joined
        .iter()
        .flat_map(|block| block.lines())
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// The arguments of every call of the program in a line, whether by name or through cargo.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" #").next().unwrap_or_default();
    let commands = line.split("&&").flat_map(|part| part.split('|')).flat_map(|part| part.split(';'));
    commands
        .filter_map(|command| {
            let command = command.split('>').next().unwrap_or_default().trim();
            let rest =
                command.strip_prefix("cargo run --release").map(|rest| rest.trim_start().trim_start_matches("--"));
            let rest = rest.or_else(|| command.strip_prefix("ldseg"))?;
            Some(rest.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect())
        })
        .collect()
}

#[test]
fn every_command_in_the_readme_parses() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let calls: Vec<_> = shell_lines(&readme).iter().flat_map(|line| calls(line)).collect();
    assert!(calls.len() >= 8, "the README shows how to use the program, found {calls:?}");
    for call in calls {
        let words = std::iter::once("ldseg".to_owned()).chain(call.iter().cloned());
        assert!(Cli::try_parse_from(words).is_ok(), "the README shows `ldseg {}`", call.join(" "));
    }
}

#[test]
fn every_file_in_the_readme_exists() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for target in targets.filter(|target| !target.starts_with("http") && !target.starts_with('#')) {
        assert!(repository().join(target).exists(), "the README points at {target}");
    }
}

#[test]
fn the_two_commands_run_the_demo_and_the_tests() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let lines = shell_lines(&readme);
    assert_eq!(lines[0], "sh assets/setup.sh && cargo run --release -- demo");
    assert_eq!(lines[1], "sh assets/setup.sh && cargo test --release");
}
