//! Reading a message piece by piece, in memory that does not grow with it.

use zeroize::Zeroizing;

use super::footer;
use super::frame::{FINAL_OVERHEAD, Kind, Read, read};
use super::header::{Header, Parsed, parse};
use super::open::{Locked, Unlocked};
use super::options::ReadOptions;
use super::out::Out;
use crate::crypto::{Digest, Secret};
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// Collects the header of a message that comes in pieces.
pub struct HeaderReader {
    options: ReadOptions,
    buffer: Vec<u8>,
    /// How many bytes the buffer needs before another look at it is worth it.
    needs: usize,
}

/// How far a header is.
#[derive(Debug)]
pub enum HeaderProgress<'a> {
    /// More bytes are needed.
    NeedsMore(HeaderReader),
    /// The header is complete, and the message waits for its data key.
    Locked(LockedStream<'a>),
}

impl HeaderReader {
    /// A reader for one message.
    #[must_use]
    pub fn new(options: &ReadOptions) -> Self {
        Self { options: options.clone(), buffer: Vec::new(), needs: 1 }
    }

    /// Takes more bytes, as many as there are.
    ///
    /// # Errors
    ///
    /// As [`Message::parse`](super::Message::parse), as soon as the bytes show it.
    pub fn push(mut self, bytes: &[u8]) -> Result<HeaderProgress<'_>> {
        let before = self.buffer.len();
        // Most headers are in one piece, and are read where they are. Of what may follow one, little is copied.
        let most = self.options.limits.max_header.saturating_add(1);
        let seen = bytes.get(..most).unwrap_or(bytes);
        if before > 0 {
            self.buffer.extend_from_slice(seen);
        }
        let seen = if before > 0 { self.buffer.as_slice() } else { seen };
        if seen.len() >= self.needs {
            match parse(seen, &self.options)? {
                Parsed::Needs(needs) => self.needs = needs,
                Parsed::Header(header) => {
                    // INVARIANT: it was not complete before these bytes.
                    let rest = header.length().checked_sub(before).and_then(|at| bytes.get(at..));
                    let rest = rest.ok_or_else(Error::integrity)?;
                    let locked = Locked::new(header, &self.options)?;
                    return Ok(HeaderProgress::Locked(LockedStream { locked, rest }));
                }
            }
        }
        if before == 0 {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(HeaderProgress::NeedsMore(self))
    }
}

/// Prints how far it is: the header holds the encryption context.
impl std::fmt::Debug for HeaderReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeaderReader")
            .field("read", &self.buffer.len())
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

/// A message that comes in pieces and waits for its data key.
pub struct LockedStream<'a> {
    locked: Locked,
    /// What came after the header.
    rest: &'a [u8],
}

impl LockedStream<'_> {
    /// The header and the context to ask key providers with.
    #[must_use]
    pub fn locked(&self) -> &Locked {
        &self.locked
    }

    pub(super) fn into_locked(self) -> Locked {
        self.locked
    }

    /// Goes on with the data key. Appends the plaintext that is there already.
    ///
    /// # Errors
    ///
    /// As [`Decryptor::push`]; `Config` if the data key's length is not the suite's.
    pub fn decryptor(self, data_key: &Secret, out: &mut Vec<u8>) -> Result<Decryptor> {
        self.begin(data_key, &mut Out::behind(out))
    }

    /// The same, with the plaintext that is there already over what `buffer` holds, as [`Decryptor::push_over`] has it.
    ///
    /// # Errors
    ///
    /// As [`decryptor`](Self::decryptor).
    pub fn decryptor_over<'a>(self, data_key: &Secret, buffer: &'a mut Vec<u8>) -> Result<(Decryptor, &'a [u8])> {
        let mut decryptor = None;
        let plaintext = Out::written_over(buffer, |out| {
            decryptor = Some(self.begin(data_key, out)?);
            Ok(())
        })?;
        Ok((decryptor.ok_or_else(Error::integrity)?, plaintext))
    }

    pub(crate) fn begin(self, data_key: &Secret, out: &mut Out<'_>) -> Result<Decryptor> {
        let max_frame = self.locked.limits().max_frame;
        let unlocked = self.locked.unlock(data_key)?;
        let mut digest = footer::digest(unlocked.header.suite());
        if let Some(digest) = &mut digest {
            digest.update(&unlocked.header.body);
            if unlocked.header.suite().version() == 1 {
                digest.update(&unlocked.header.iv);
            }
            digest.update(&unlocked.header.tag);
        }
        let mut decryptor = Decryptor {
            unlocked,
            digest,
            stage: Stage::Frame(1),
            max_frame: u64::from(max_frame),
            buffer: Vec::new(),
            needs: 0,
            held: Zeroizing::default(),
        };
        decryptor.write(self.rest, out)?;
        Ok(decryptor)
    }
}

impl std::fmt::Debug for LockedStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LockedStream").field("locked", &self.locked).finish_non_exhaustive()
    }
}

/// Decrypts a message that comes in pieces.
///
/// # Security
///
/// Each frame is given out once its own tag is verified, which says that it is the one to follow, not that the rest
/// will come: only [`finish`](Self::finish) says that the message was whole. With a signature suite, frames before the
/// last one are given out before the signature is verified; whatever is done with them must be undone if `finish` fails.
#[must_use = "a message is whole only if `finish` says so"]
pub struct Decryptor {
    unlocked: Unlocked,
    digest: Option<Digest>,
    stage: Stage,
    max_frame: u64,
    /// The beginning of what comes next.
    buffer: Vec<u8>,
    /// How many bytes the buffer needs before another look at it is worth it.
    needs: usize,
    /// The last frame's plaintext, until the signature is verified.
    held: Zeroizing<Vec<u8>>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The frame with this number.
    Frame(u32),
    Footer,
    End,
    /// Something was refused; nothing goes on from there.
    Refused,
}

impl Decryptor {
    /// The message's header. It is authentic.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.unlocked.header
    }

    /// The whole encryption context, stored or not. It is authentic.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.unlocked.context
    }

    /// Takes more bytes of the message, and appends the plaintext of the frames that are complete and verified. At
    /// most one frame is held back.
    ///
    /// # Errors
    ///
    /// `Integrity` if anything does not authenticate, or bytes follow the message's end; `Denied` if a frame is longer
    /// than the limit. From then on nothing goes.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.write(bytes, &mut Out::behind(out))
    }

    /// The same over what `buffer` holds, which grows where it has to: where one buffer serves for the whole message, its
    /// memory is cleared once and not for each piece. Gives the plaintext of the frames that are complete and verified.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push). What the buffer holds then is no plaintext to go by.
    pub fn push_over<'a>(&mut self, bytes: &[u8], buffer: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        Out::written_over(buffer, |out| self.write(bytes, out))
    }

    pub(crate) fn write(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let advanced = self.advance(bytes, out);
        if advanced.is_err() {
            self.stage = Stage::Refused;
        }
        advanced
    }

    /// Ends the message: an error if it was cut short, or anything was refused before.
    ///
    /// # Errors
    ///
    /// `Integrity`.
    pub fn finish(self) -> Result<()> {
        if self.stage == Stage::End && self.buffer.is_empty() { Ok(()) } else { Err(Error::integrity()) }
    }

    fn advance(&mut self, mut bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let most = self.buffer.len().saturating_add(bytes.len());
        if most >= self.needs {
            // What is sealed is longer than what it seals.
            out.reserve(most.saturating_add(self.held.len()));
        }
        while !self.buffer.is_empty() {
            let missing = self.needs.saturating_sub(self.buffer.len());
            let Some((more, rest)) = bytes.split_at_checked(missing) else {
                self.buffer.extend_from_slice(bytes);
                return Ok(());
            };
            self.buffer.extend_from_slice(more);
            bytes = rest;
            let mut buffer = std::mem::take(&mut self.buffer);
            let left = self.consume(&buffer, out)?.len();
            buffer.drain(..buffer.len() - left);
            self.buffer = buffer;
        }
        // Whole frames are opened where they are, without a copy into the buffer.
        let left = self.consume(bytes, out)?;
        if !left.is_empty() {
            // Once, and no more than the limit lets a frame have.
            self.buffer.reserve_exact(self.needs);
            self.buffer.extend_from_slice(left);
        }
        Ok(())
    }

    /// Takes all that is complete, and gives what is left. If anything is left, `needs` is more than that.
    fn consume<'a>(&mut self, mut bytes: &'a [u8], out: &mut Out<'_>) -> Result<&'a [u8]> {
        loop {
            match self.stage {
                Stage::Frame(sequence) => match read(bytes, self.unlocked.header.fields.content, sequence)? {
                    Read::Needs(needs) => return self.wait(bytes, needs),
                    Read::Frame(frame, rest) => {
                        let last = frame.kind != Kind::Regular;
                        if last && self.digest.is_some() {
                            self.unlocked.cipher.open(&frame, &mut Out::behind(&mut self.held))?;
                        } else {
                            self.unlocked.cipher.open(&frame, out)?;
                        }
                        if let Some(digest) = &mut self.digest {
                            digest.update(bytes.get(..bytes.len() - rest.len()).unwrap_or_default());
                        }
                        bytes = rest;
                        self.stage = match (last, &self.digest) {
                            (false, _) => Stage::Frame(sequence.checked_add(1).ok_or_else(Error::integrity)?),
                            (true, Some(_)) => Stage::Footer,
                            (true, None) => Stage::End,
                        };
                    }
                },
                Stage::Footer => match footer::read(bytes) {
                    Err(needs) => return self.wait(bytes, needs),
                    Ok((signature, rest)) => {
                        let digest = self.digest.take().ok_or_else(Error::integrity)?;
                        footer::verify(self.unlocked.header.verifying_key.as_ref(), digest, signature)?;
                        out.append(&self.held)?;
                        self.held = Zeroizing::default();
                        bytes = rest;
                        self.stage = Stage::End;
                    }
                },
                Stage::End if bytes.is_empty() => return Ok(bytes),
                Stage::End | Stage::Refused => return Err(Error::integrity()),
            }
        }
    }

    fn wait<'a>(&mut self, bytes: &'a [u8], needs: usize) -> Result<&'a [u8]> {
        if needs as u64 > self.max_frame + FINAL_OVERHEAD as u64 {
            return Err(Error::denied("a frame of the message is longer than the limit allows"));
        }
        self.needs = needs;
        Ok(bytes)
    }
}

impl std::fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decryptor").field("header", &self.unlocked.header).finish_non_exhaustive()
    }
}
