//! `ldseg completions`: scripts that teach a shell the command line.

use std::io::Write as _;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;

/// Arguments of `ldseg completions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  ldseg completions bash > ~/.local/share/bash-completion/completions/ldseg")]
pub(super) struct CompletionsArgs {
    /// Shell to write the script for
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "ldseg", &mut script);
    Ok(std::io::stdout().lock().write_all(&script)?)
}
