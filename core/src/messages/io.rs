//! Messages from readers to writers: files, sockets, pipes.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::stream::{Reader, Work, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::Keyring;
use crate::message::{HeaderReader, Out, ReadOptions, WriteOptions};

/// Encrypts all that the reader gives, and writes the message. Holds one frame at a time. Gives the message's length.
///
/// # Errors
///
/// As [`encrypt`](super::encrypt)'s, or `Io` if reading or writing fails; what was written is then no message.
pub async fn encrypt_io<K, R, W>(keyring: &K, plaintext: R, message: W, options: &WriteOptions) -> Result<u64>
where
    K: Keyring + ?Sized,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    run(plaintext, message, Writer::Start { keyring, options }).await
}

/// Decrypts the message that the reader gives, and writes the plaintext. Holds one frame at a time. Gives the
/// plaintext's length.
///
/// # Errors
///
/// As [`decrypt`](super::decrypt)'s, or `Io` if reading or writing fails.
///
/// # Security
///
/// On an error, what was written is a beginning of the plaintext at most, and with a signature suite not even known to
/// be from who should have signed it: throw it away.
pub async fn decrypt_io<K, R, W>(keyring: &K, message: R, plaintext: W, options: &ReadOptions) -> Result<u64>
where
    K: Keyring + ?Sized,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    run(message, plaintext, Reader::Header { keyring, reader: HeaderReader::new(options) }).await
}

async fn run<R, W>(mut input: R, mut output: W, mut work: impl Work) -> Result<u64>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    // Wiped with the last of it: what comes next goes on top.
    let mut buffer = Zeroizing::new(Vec::new());
    let mut written = 0;
    loop {
        let length = input.read(&mut piece).await.map_err(failed)?;
        if length == 0 {
            break;
        }
        let mut out = Out::over(&mut buffer);
        work = work.push(piece.get(..length).unwrap_or_default(), &mut out).await?;
        output.write_all(out.since(0)).await.map_err(failed)?;
        written += out.since(0).len() as u64;
    }
    let mut out = Out::over(&mut buffer);
    work.finish(&mut out).await?;
    output.write_all(out.since(0)).await.map_err(failed)?;
    output.flush().await.map_err(failed)?;
    Ok(written + out.since(0).len() as u64)
}

fn failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "reading or writing failed").with_source(error)
}

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;
