//! `ldseg`: latent diffusion segmentation of medical images, as a window and as a command line.
//!
//! # The map
//! From the bottom up. A module knows those above it in this list only as far as the table below says, and
//! `tests/tidy.rs` holds it to that.
//!
//! - [`monitor`]: how long work reports upward and learns to stop.
//! - [`config`]: every knob that a person can set; one struct is flag, saved file and slider.
//! - [`domain`]: what the tool is about: grids, volumes, labels, edits, history, samples with known truth.
//! - [`io`]: bytes ↔ domain, one format a file; errors that say what was expected, what was found, and where.
//! - [`model`]: the networks in Burn: label encoder, image encoder, denoiser, label decoder; schedules and samplers.
//! - [`evaluation`]: overlap, surface distances and volumes; uncertainty, hypotheses, robustness; reports over cases.
//! - [`training`]: training, end to end or in two steps, with checkpoints that survive a kill.
//! - [`engine`]: long work away from the window: jobs in, events out; experiments and reports; which device can be trusted.
//! - [`app`]: the window: state, commands, panels, slice views and the 3D view.
//! - [`cli`]: one file a subcommand, around the same jobs.
//!
//! # Who may import whom
//! | module | may import |
//! | --- | --- |
//! | `monitor` | nothing |
//! | `config` | nothing |
//! | `domain` | `monitor` |
//! | `io` | `domain`, `monitor` |
//! | `model` | `config`, `domain`, `monitor` |
//! | `evaluation` | `config`, `domain`, `model`, `monitor` |
//! | `training` | `config`, `domain`, `evaluation`, `io`, `model`, `monitor` |
//! | `engine` | `config`, `domain`, `evaluation`, `io`, `model`, `monitor`, `training` |
//! | `app` | `config`, `domain`, `engine`, `evaluation`, `io`, `monitor` |
//! | `cli` | `app`, `config`, `domain`, `engine`, `evaluation`, `io`, `model`, `monitor`, `training` |
//!
//! # Invariants
//! - The domain knows no files, GPU, threads, widgets or tensors.
//! - Voxels keep their stored type; labels are never scaled.
//! - [`domain::History`] is the only door to a person's labels; a prediction is a preview beside them until accepted.
//! - Tensors never leave the engine's worker thread; every thread has a name.
//! - Every submitted job ends in exactly one [`engine::Event::Done`].
//! - A GPU is used only after it has agreed with the CPU.
//! - Sample *i* of a segmentation depends on (seed, *i*) alone.
//! - A file is written whole or not at all, and read back before it replaces another.
//! - What is undefined is `None`, never a number with an epsilon.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod evaluation;
pub mod io;
pub mod model;
pub mod monitor;
pub mod training;

/// Networks and volumes come and go in blocks of megabytes, which the system's allocator gives back at once and has zeroed anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
