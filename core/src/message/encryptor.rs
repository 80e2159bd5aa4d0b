//! Writing a message piece by piece, in memory that does not grow with it.

use zeroize::Zeroizing;

use super::footer;
use super::frame::{Kind, REGULAR_OVERHEAD};
use super::out::Out;
use super::seal::{NewMessage, Writing, beyond_bound, too_long};
use crate::crypto::{Digest, Secret};
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};

/// Encrypts a plaintext that comes in pieces.
///
/// The message is complete after [`finish`](Self::finish) and not before: what was written without it is refused by
/// every reader.
#[must_use = "a message is complete only after `finish`"]
pub struct Encryptor {
    writing: Writing,
    /// The header, until it is written.
    header: Vec<u8>,
    /// Plaintext that does not make a frame yet.
    buffer: Zeroizing<Vec<u8>>,
    /// The number of the next frame; `None` once there was none left.
    sequence: Option<u32>,
    digest: Option<Digest>,
    /// Bytes of plaintext that may still come, if there is a bound.
    left: Option<u64>,
}

impl NewMessage {
    /// Writes the message piece by piece, with this data key, wrapped as `edks`.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn encryptor(self, data_key: &Secret, edks: Vec<EncryptedDataKey>) -> Result<Encryptor> {
        let left = self.max_plaintext();
        let mut writing = self.start(data_key, edks)?;
        Ok(Encryptor {
            left,
            digest: footer::digest(writing.suite),
            header: std::mem::take(&mut writing.header),
            buffer: Zeroizing::default(),
            sequence: Some(1),
            writing,
        })
    }
}

impl Encryptor {
    /// Bytes of the whole message with so many bytes of plaintext: what an upload needs to know beforehand.
    ///
    /// # Errors
    ///
    /// `Input` if the plaintext has more than 2^32 - 1 frames.
    pub fn message_length(&self, plaintext_length: u64) -> Result<u64> {
        self.writing.message_length(plaintext_length)
    }

    /// Encrypts more of the plaintext, and appends what is complete of the message. At most one frame is held back.
    ///
    /// # Errors
    ///
    /// `Input` if the plaintext has more than 2^32 - 1 frames, or more bytes than the options say; from then on nothing
    /// goes.
    pub fn push(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.write(plaintext, &mut Out::behind(out))
    }

    /// The same over what `buffer` holds, which grows where it has to: where one buffer serves for the whole message, its
    /// memory is cleared once and not for each piece. Gives what is complete of the message.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_over<'a>(&mut self, plaintext: &[u8], buffer: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        Out::written_over(buffer, |out| self.write(plaintext, out))
    }

    pub(crate) fn write(&mut self, mut plaintext: &[u8], out: &mut Out<'_>) -> Result<()> {
        if let Some(left) = &mut self.left {
            let Some(less) = left.checked_sub(plaintext.len() as u64) else {
                // So that `finish` fails too.
                self.sequence = None;
                return Err(beyond_bound());
            };
            *left = less;
        }
        let start = self.begin(out)?;
        let frame_length = self.writing.frame_length;
        let frames = (self.buffer.len() + plaintext.len()).saturating_sub(1) / frame_length;
        out.reserve(frames.saturating_mul(frame_length.saturating_add(REGULAR_OVERHEAD)));
        // A full frame waits until more follows: it may be the final one.
        while let Some((frame, rest)) =
            plaintext.split_at_checked(frame_length - self.buffer.len()).filter(|(_, rest)| !rest.is_empty())
        {
            if self.buffer.is_empty() {
                self.seal(Kind::Regular, frame, out)?;
            } else {
                let mut buffer = std::mem::take(&mut self.buffer);
                append(&mut buffer, frame, frame_length);
                self.seal(Kind::Regular, &buffer, out)?;
                // Wiped with the last of it: what comes next goes on top.
                buffer.clear();
                self.buffer = buffer;
            }
            plaintext = rest;
        }
        append(&mut self.buffer, plaintext, frame_length);
        self.hash(out, start);
        Ok(())
    }

    /// Appends the end of the message.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn finish(self, out: &mut Vec<u8>) -> Result<()> {
        self.end(&mut Out::behind(out))
    }

    /// The same over what `buffer` holds. Gives the end of the message.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn finish_over(self, buffer: &mut Vec<u8>) -> Result<&[u8]> {
        Out::written_over(buffer, |out| self.end(out))
    }

    pub(crate) fn end(mut self, out: &mut Out<'_>) -> Result<()> {
        let start = self.begin(out)?;
        let buffer = std::mem::take(&mut self.buffer);
        self.seal(Kind::Final, &buffer, out)?;
        self.hash(out, start);
        match (&self.writing.signing_key, &self.digest) {
            (Some(key), Some(digest)) => {
                let mut footer = Vec::new();
                footer::write(self.writing.suite, key, digest, &mut footer)?;
                out.append(&footer)
            }
            (None, None) => Ok(()),
            _ => Err(Error::integrity()),
        }
    }

    /// Writes the header if it was not yet. Gives the place in `out` from which on bytes are to be hashed.
    fn begin(&mut self, out: &mut Out<'_>) -> Result<usize> {
        let start = out.length();
        out.append(&std::mem::take(&mut self.header))?;
        Ok(start)
    }

    fn seal(&mut self, kind: Kind, plaintext: &[u8], out: &mut Out<'_>) -> Result<()> {
        // Taken first, so that whatever fails here leaves no way to go on.
        let sequence = self.sequence.take().ok_or_else(too_long)?;
        self.writing.cipher.seal(kind, sequence, plaintext, out)?;
        self.sequence = sequence.checked_add(1);
        Ok(())
    }

    fn hash(&mut self, out: &Out<'_>, start: usize) {
        if let Some(digest) = &mut self.digest {
            digest.update(out.since(start));
        }
    }
}

impl std::fmt::Debug for Encryptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryptor").field("suite", &self.writing.suite).finish_non_exhaustive()
    }
}

/// Appends plaintext to a buffer of `most` bytes at most. Where it has to grow, what it leaves behind is wiped.
fn append(buffer: &mut Zeroizing<Vec<u8>>, bytes: &[u8], most: usize) {
    let wanted = buffer.len() + bytes.len();
    if wanted > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(wanted.max(buffer.capacity() * 2).min(most.max(wanted))));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_no_further_than_a_frame() {
        let mut buffer = Zeroizing::default();
        for _ in 0..100 {
            append(&mut buffer, &[1], 100);
        }
        assert_eq!((buffer.len(), buffer.capacity()), (100, 100));
    }
}
