//! `privet`: the command line.

mod config;
mod exit;
mod input;
mod local;
mod opt;
mod output;
mod records;
mod run;
mod session;
mod table;
mod uri;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::exit::{Exit, Failure};
use crate::opt::Opt;

fn main() -> ExitCode {
    let opt = Opt::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::io("the program cannot start", &error))
        .and_then(|runtime| {
            let outcome = runtime.block_on(async {
                tokio::spawn(output::clean_up_on_interrupt());
                run::run(opt).await
            });
            // A read of the terminal that is still waiting must not keep the program.
            runtime.shutdown_background();
            outcome
        });
    let exit = outcome.unwrap_or_else(|failure| {
        if failure.exit != Exit::Done {
            // If nobody can be told, there is still the exit code.
            let _ = writeln!(std::io::stderr(), "error: {}", output::printable(&failure.to_string()));
        }
        failure.exit
    });
    ExitCode::from(exit as u8)
}
