//! Messages as streams of pieces.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};

use super::{begin, encryptor};
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::Keyring;
use crate::message::{Decryptor, Encryptor, HeaderProgress, HeaderReader, Out, ReadOptions, WriteOptions};

/// The message of a plaintext that comes in pieces, itself in pieces. Holds one frame at a time.
///
/// The message is whole if the stream ends without an error. If the plaintext ends in an error, so does the message.
///
/// # Errors
///
/// The stream's only error is its last item: as [`encrypt`](super::encrypt)'s, or `Io` if the plaintext's stream fails.
pub fn encrypt_stream<'a, K, S, B, E>(
    keyring: &'a K,
    plaintext: S,
    options: &'a WriteOptions,
) -> impl Stream<Item = Result<Vec<u8>>> + Send + 'a
where
    K: Keyring + ?Sized,
    S: Stream<Item = Result<B, E>> + Send + 'a,
    B: AsRef<[u8]> + Send + 'a,
    E: std::error::Error + Send + Sync + 'static,
{
    run(plaintext, Writer::Start { keyring, options })
}

/// The plaintext of a message that comes in pieces, itself in pieces. Holds one frame at a time.
///
/// # Errors
///
/// The stream's only error is its last item: as [`decrypt`](super::decrypt)'s, or `Io` if the message's stream fails.
///
/// # Security
///
/// What comes out is verified frame by frame, but the message was whole only if the stream ends without an error:
/// nothing final may be done with the plaintext before. See [`Decryptor`].
pub fn decrypt_stream<'a, K, S, B, E>(
    keyring: &'a K,
    message: S,
    options: &'a ReadOptions,
) -> impl Stream<Item = Result<Vec<u8>>> + Send + 'a
where
    K: Keyring + ?Sized,
    S: Stream<Item = Result<B, E>> + Send + 'a,
    B: AsRef<[u8]> + Send + 'a,
    E: std::error::Error + Send + Sync + 'static,
{
    run(message, Reader::Header { keyring, reader: HeaderReader::new(options) })
}

/// Something that takes pieces and gives pieces.
pub(super) trait Work: Sized + Send {
    fn push(self, piece: &[u8], out: &mut Out<'_>) -> impl Future<Output = Result<Self>> + Send;
    fn finish(self, out: &mut Out<'_>) -> impl Future<Output = Result<()>> + Send;
}

fn run<'a, S, B, E, W>(input: S, work: W) -> impl Stream<Item = Result<Vec<u8>>> + Send + 'a
where
    S: Stream<Item = Result<B, E>> + Send + 'a,
    B: AsRef<[u8]> + Send + 'a,
    E: std::error::Error + Send + Sync + 'static,
    W: Work + 'a,
{
    let input: Pin<Box<dyn Stream<Item = Result<B, E>> + Send + 'a>> = Box::pin(input);
    stream::unfold(Some((input, work)), |state| async {
        let (mut input, mut work) = state?;
        let mut out = Vec::new();
        loop {
            match input.next().await {
                Some(Ok(piece)) => {
                    let pushed = work.push(piece.as_ref(), &mut Out::behind(&mut out)).await;
                    match pushed {
                        Ok(next) => work = next,
                        // Frames that this piece completed before are dropped with the error.
                        Err(error) => return Some((Err(error), None)),
                    }
                }
                Some(Err(error)) => {
                    let error = Error::new(ErrorKind::Io, "the stream failed before its end").with_source(error);
                    return Some((Err(error), None));
                }
                None => {
                    let finished = work.finish(&mut Out::behind(&mut out)).await;
                    return match finished {
                        Ok(()) if out.is_empty() => None,
                        Ok(()) => Some((Ok(out), None)),
                        Err(error) => Some((Err(error), None)),
                    };
                }
            }
            if !out.is_empty() {
                return Some((Ok(out), Some((input, work))));
            }
        }
    })
}

/// A message that is being written. The keyring is asked when the stream is, not before.
pub(super) enum Writer<'a, K: ?Sized> {
    Start { keyring: &'a K, options: &'a WriteOptions },
    Body(Box<Encryptor>),
}

impl<K: Keyring + ?Sized> Writer<'_, K> {
    async fn begun(self) -> Result<Box<Encryptor>> {
        match self {
            Self::Start { keyring, options } => Ok(Box::new(encryptor(keyring, options).await?)),
            Self::Body(encryptor) => Ok(encryptor),
        }
    }
}

impl<K: Keyring + ?Sized> Work for Writer<'_, K> {
    async fn push(self, piece: &[u8], out: &mut Out<'_>) -> Result<Self> {
        let mut encryptor = self.begun().await?;
        encryptor.write(piece, out)?;
        Ok(Self::Body(encryptor))
    }

    async fn finish(self, out: &mut Out<'_>) -> Result<()> {
        self.begun().await?.end(out)
    }
}

/// A message that is being read.
pub(super) enum Reader<'a, K: ?Sized> {
    Header { keyring: &'a K, reader: HeaderReader },
    Body(Box<Decryptor>),
}

impl<K: Keyring + ?Sized> Work for Reader<'_, K> {
    async fn push(self, piece: &[u8], out: &mut Out<'_>) -> Result<Self> {
        match self {
            Self::Header { keyring, reader } => match reader.push(piece)? {
                HeaderProgress::NeedsMore(reader) => Ok(Self::Header { keyring, reader }),
                HeaderProgress::Locked(locked) => Ok(Self::Body(Box::new(begin(keyring, locked, out).await?))),
            },
            Self::Body(mut decryptor) => {
                decryptor.write(piece, out)?;
                Ok(Self::Body(decryptor))
            }
        }
    }

    async fn finish(self, _out: &mut Out<'_>) -> Result<()> {
        match self {
            Self::Header { .. } => Err(Error::integrity()),
            Self::Body(decryptor) => decryptor.finish(),
        }
    }
}
