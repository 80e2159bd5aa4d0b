//! What each command does, one file a command.

use std::io::{self, Write};

use crate::exit::{Exit, Failure, Outcome};
use crate::opt::{Command, Opt};
use crate::output::printable;
use crate::session::Session;

mod audit;
mod aws;
mod classify;
mod decrypt;
mod encrypt;
mod init;
mod inspect;
mod inventory;
mod keys;
mod pages;
mod policy;
mod protect;
mod reencrypt;
mod reveal;
mod sample;

/// Runs the command.
pub(crate) async fn run(opt: Opt) -> Outcome {
    let session = Session::new(opt.global)?;
    match opt.command {
        Command::Init(args) => init::run(&session, &args),
        Command::Policy(args) => policy::run(&session, &args.command),
        Command::Inspect(args) => inspect::run(&session, &args),
        Command::Protect(args) => protect::run(&session, &args).await,
        Command::Reveal(args) => reveal::run(&session, args).await,
        Command::Encrypt(args) => encrypt::run(&session, args).await,
        Command::Decrypt(args) => decrypt::run(&session, &args).await,
        Command::Classify(args) => classify::run(&session, &args).await,
        Command::Inventory(args) => inventory::run(&session, &args).await,
        Command::Reencrypt(args) => reencrypt::run(&session, &args).await,
        Command::Audit(args) => audit::run(&session, &args.command),
        Command::Keys(args) => keys::run(&session, args).await,
        Command::Completions(args) => pages::completions(&args),
        Command::Man(args) => pages::man(&args),
    }
}

/// Prints to standard output.
fn print(text: impl std::fmt::Display) -> Outcome<()> {
    line(&printable(&text.to_string()))
}

fn line(text: &str) -> Outcome<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| Failure::io("standard output", &error))
}

/// Prints a line of JSON to standard output.
fn print_json(value: &impl serde::Serialize) -> Outcome<()> {
    let text = serde_json::to_string(value).map_err(|_| Failure::failed("the answer cannot be written as JSON"))?;
    line(&text)
}

/// How a command over many items ends.
fn ended(failed: u64) -> Exit {
    if failed == 0 { Exit::Done } else { Exit::Items }
}
