//! `decrypt`: what an ESDK message holds, and nothing that is not verified.

use std::io::Cursor;

use privet::message::{CommitmentPolicy, Header, ReadOptions};
use privet::messages;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::encrypt::{context, create, open};
use crate::exit::{Exit, Failure, Outcome};
use crate::opt::Decrypt;
use crate::output::Pending;
use crate::session::Session;

pub(super) async fn run(session: &Session, args: &Decrypt) -> Outcome {
    let keyring = session.whole_keyring().await?;
    let mut options = ReadOptions::new().with_context(context(session));
    if args.allow_uncommitted {
        options = options.with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    }
    let (message, bar) = open(&args.file, session.is_quiet())?;
    let mut message = bar.wrap_async_read(message);
    if args.output.is_none() {
        // Frames of a signed message are from who can decrypt; from whom it says only once its end is verified.
        let (beginning, signs) = peek(&mut message, &options).await?;
        let message = Cursor::new(beginning).chain(message);
        if signs {
            let mut whole = Vec::new();
            message.take(MOST + 1).read_to_end(&mut whole).await.map_err(|error| Failure::io("the input", &error))?;
            if whole.len() as u64 > MOST {
                return Err(Failure::failed(
                    "a signed message of more than 256 MiB is verified before anything comes out: give it a file with `-o`",
                ));
            }
            let opened = messages::decrypt(&keyring, &whole, &options).await?;
            let mut out = tokio::io::stdout();
            let written = async {
                out.write_all(&opened.plaintext).await?;
                out.flush().await
            };
            written.await.map_err(|error| Failure::io("standard output", &error))?;
        } else {
            messages::decrypt_io(&keyring, message, tokio::io::stdout(), &options).await?;
        }
        bar.finish_and_clear();
        return Ok(Exit::Done);
    }
    let (plaintext, pending) = create(args.output.as_deref())?;
    messages::decrypt_io(&keyring, message, plaintext, &options).await?;
    bar.finish_and_clear();
    pending.map_or(Ok(()), Pending::keep)?;
    Ok(Exit::Done)
}

/// Reads the header, to see whether the message is signed. Gives back what was read.
async fn peek(message: &mut (impl AsyncRead + Unpin), options: &ReadOptions) -> Outcome<(Vec<u8>, bool)> {
    let mut beginning = Vec::new();
    loop {
        if let Some(header) = Header::peek(&beginning, options)? {
            return Ok((beginning, header.suite().signs()));
        }
        let read = message.read_buf(&mut beginning).await.map_err(|error| Failure::io("the input", &error))?;
        if read == 0 {
            return Err(Failure::new(Exit::Mismatch, "this is no ESDK message, or it was cut off"));
        }
    }
}

/// The longest signed message that goes to standard output, in bytes.
const MOST: u64 = 256 << 20;
