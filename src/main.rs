//! The program: parse the command line, start the log, hand over.

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;
use ldseg::cli::{self, Cli};

/// Quiet about what libraries only mention; `RUST_LOG` says otherwise.
const DEFAULT_LOG: &str = "error,ldseg=warn";

/// Exit 0: done. 1: failed, with one message on standard error. 2: wrong use, which the parser answers itself.
fn main() -> ExitCode {
    let cli = Cli::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(DEFAULT_LOG)).init();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever was reading has seen enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ldseg: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
