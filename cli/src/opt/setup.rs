//! Arguments of the commands that set things up.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Write a commented policy, an example model and a configuration file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet init                      policy.toml, model.rs and privet.toml in this directory
  privet init --local .privet      the same, and a key to work with without AWS
  privet init --dir app --force    in `app`, over what is there")]
pub(crate) struct Init {
    /// Where to write
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Replace files that are there (never keys)
    #[arg(long)]
    pub(crate) force: bool,
}

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet completions bash > ~/.local/share/bash-completion/completions/privet
  privet completions zsh > ~/.zfunc/_privet")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// Print the manual page, or write one for each command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet man | man -l -
  privet man --dir /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Write `privet.1`, `privet-classify.1` and so on to this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
