//! `completions` and `man`: pages made of the arguments.

use std::io;

use clap::CommandFactory as _;

use crate::exit::{Exit, Failure, Outcome};
use crate::opt::{Completions, Man, Opt};

pub(super) fn completions(args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Opt::command(), "privet", &mut script);
    write(&script)
}

pub(super) fn man(args: &Man) -> Outcome {
    let failed = |error: io::Error| Failure::io("the manual cannot be written", &error);
    match &args.dir {
        Some(dir) => clap_mangen::generate_to(Opt::command(), dir)
            .map_err(|error| failed(error).at(format!("`{}`", dir.display())))?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Opt::command()).render(&mut page).map_err(failed)?;
            return write(&page);
        }
    }
    Ok(Exit::Done)
}

fn write(bytes: &[u8]) -> Outcome {
    let mut out = io::stdout().lock();
    let result = io::Write::write_all(&mut out, bytes).and_then(|()| io::Write::flush(&mut out));
    result.map_err(|error| Failure::io("standard output", &error))?;
    Ok(Exit::Done)
}
