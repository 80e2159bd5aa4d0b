//! `encrypt`: a file or stream becomes an ESDK message.

use std::path::Path;

use indicatif::ProgressBar;
use privet::EncryptionContext;
use privet::message::WriteOptions;
use privet::messages;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::opt::Encrypt;
use crate::output::{Pending, progress};
use crate::session::Session;
use crate::uri::Source;

pub(super) async fn run(session: &Session, args: Encrypt) -> Outcome {
    let keyring = session.whole_keyring().await?;
    let mut options = WriteOptions::new(context(session)).with_frame_length(args.frame_length);
    if args.signed {
        options = options.signed();
    }
    let (plaintext, bar) = open(&args.file, session.is_quiet())?;
    let plaintext = bar.wrap_async_read(plaintext);
    let (message, pending) = create(args.output.as_deref())?;
    messages::encrypt_io(&keyring, plaintext, message, &options).await?;
    bar.finish_and_clear();
    pending.map_or(Ok(()), Pending::keep)?;
    Ok(Exit::Done)
}

/// The encryption context of the message.
pub(super) fn context(session: &Session) -> EncryptionContext {
    session.context().into_iter().fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value))
}

/// Opens a file or standard input.
pub(super) fn open(source: &Source, is_quiet: bool) -> Outcome<(Box<dyn AsyncRead + Unpin + Send>, ProgressBar)> {
    match source {
        Source::Stdin => Ok((Box::new(tokio::io::stdin()), progress(None, is_quiet))),
        Source::File(path) => {
            let (file, length) = input::open_file(path)?;
            Ok((Box::new(File::from_std(file)), progress(Some(length), is_quiet)))
        }
        other => Err(input::not_a_file(other)),
    }
}

/// Standard output, or a file that gets its name later.
pub(super) fn create(path: Option<&Path>) -> Outcome<(Box<dyn AsyncWrite + Unpin + Send>, Option<Pending>)> {
    let Some(path) = path else { return Ok((Box::new(tokio::io::stdout()), None)) };
    let pending = Pending::new(path)?;
    let file = pending.reopen().map_err(|failure: Failure| failure.at("output"))?;
    Ok((Box::new(File::from_std(file)), Some(pending)))
}
