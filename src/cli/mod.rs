//! The command line: one file a subcommand. Each builds [`Job`](crate::engine::Job)s, prints what comes of them and
//! knows nothing of how they are done.
//!
//! Results go to standard output, progress and warnings to standard error, so that a pipe gets results alone.

mod completions;
mod demo;
mod devices;
mod evaluate;
mod info;
mod models;
mod output;
mod phantom;
mod picture;
mod report;
mod segment;
mod session;
mod sweep;
mod terminal;
mod train;
mod view;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::app;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "ldseg",
    version,
    about = "Segment medical images by latent diffusion, see how it was done, and correct it",
    long_about = "Segment medical images by latent diffusion, see how it was done, and correct it.\n\n\
                  Without a subcommand the window opens. For research; not a medical device.",
    after_help = "Examples:\n  \
                  ldseg                                  open the window\n  \
                  ldseg scan.nii.gz mask.nii.gz          open an image and labels on it\n  \
                  ldseg segment scan.nii.gz -o mask.nii.gz\n  \
                  ldseg demo                             make a sample, segment it, print the Dice",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    window: WindowArgs,
}

/// What is opened with the window.
#[derive(Debug, Args)]
struct WindowArgs {
    /// An image, and labels on it
    #[arg(value_name = "FILES", num_args = 0..=2)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    picture: picture::PictureArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Segment an image and write the mask on the image's own grid
    Segment(segment::SegmentArgs),
    /// Make a sample, segment it and compare with its known truth: the main job in one go
    Demo(demo::DemoArgs),
    /// Print what an image file says of itself
    Info(info::InfoArgs),
    /// Make an image with known truth
    Phantom(phantom::PhantomArgs),
    /// List the models in this program
    Models(models::ModelsArgs),
    /// Check every device against the CPU and time it
    Devices(devices::DevicesArgs),
    /// Show an image, or take a picture of the window without opening one
    View(view::ViewArgs),
    /// Train a model
    Train(train::TrainArgs),
    /// Score a model on a data set
    Evaluate(evaluate::EvaluateArgs),
    /// Measure what steps, noise, image size or samples do on a data set: the figures of the papers
    Sweep(sweep::SweepArgs),
    /// Write what a model says of an image, and how sure it is, as one HTML page
    Report(report::ReportArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Does what was typed.
///
/// # Errors
/// One that `{:#}` prints as one clear line, for the person who typed.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => app::run(view::start(&cli.window.files, cli.window.picture)),
        Some(Command::Segment(args)) => segment::run(&args),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Info(args)) => info::run(&args),
        Some(Command::Phantom(args)) => phantom::run(&args),
        Some(Command::Models(args)) => models::run(&args),
        Some(Command::Devices(args)) => devices::run(&args),
        Some(Command::View(args)) => view::run(&args),
        Some(Command::Train(args)) => train::run(args),
        Some(Command::Evaluate(args)) => evaluate::run(args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[track_caller]
    fn check_refused(line: &str, expected: ErrorKind) {
        let error = Cli::try_parse_from(line.split_whitespace()).expect_err(line);
        assert_eq!(error.kind(), expected, "{line}: {error}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn files_alone_open_the_window() {
        let cli = Cli::try_parse_from(["ldseg", "scan.nii.gz", "mask.nii.gz"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.window.files.len(), 2);
        let frames = Cli::try_parse_from(["ldseg", "folder", "--frames"]).unwrap();
        assert_eq!(frames.window.picture.facts().is_series, Some(true));
    }

    #[test]
    fn wrong_use_is_refused_before_anything_is_done() {
        check_refused("ldseg segment", ErrorKind::MissingRequiredArgument);
        check_refused("ldseg segment a.nii --steps 0", ErrorKind::ValueValidation);
        check_refused("ldseg segment a.nii --samples 0", ErrorKind::ValueValidation);
        check_refused("ldseg segment a.nii --sampler euler", ErrorKind::InvalidValue);
        check_refused("ldseg segment a.nii --device tpu", ErrorKind::InvalidValue);
        check_refused("ldseg segment a.nii --nonsense", ErrorKind::UnknownArgument);
        check_refused("ldseg segment folder --frames --slices", ErrorKind::ArgumentConflict);
        check_refused("ldseg folder --pixel-mm 0", ErrorKind::ValueValidation);
        check_refused("ldseg view a.nii --size 1024", ErrorKind::ValueValidation);
        check_refused("ldseg phantom --kind cube", ErrorKind::InvalidValue);
        check_refused("ldseg sweep", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
        check_refused("ldseg sweep noise", ErrorKind::MissingRequiredArgument);
        check_refused("ldseg sweep steps --data d --steps 0", ErrorKind::ValueValidation);
        check_refused("ldseg sweep noise --data d --perturbation fog", ErrorKind::InvalidValue);
        check_refused("ldseg report a.nii", ErrorKind::MissingRequiredArgument);
        check_refused("ldseg report a.nii -o r.html --compare 0", ErrorKind::ValueValidation);
        check_refused("ldseg a.nii b.nii c.nii", ErrorKind::TooManyValues);
    }

    #[test]
    fn every_subcommand_has_an_example_in_its_help() {
        for command in Cli::command().get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "`{}` has none:\n{help}", command.get_name());
        }
    }
}
