//! Reading a part of a message: which of its bytes to fetch, and how to open just those frames.

use std::ops::Range;

use zeroize::Zeroizing;

use super::decryptor::LockedStream;
use super::footer;
use super::frame::{FINAL_OVERHEAD, Kind, REGULAR_OVERHEAD, Read, read};
use super::header::{Content, Header};
use super::open::Unlocked;
use super::out::Out;
use crate::crypto::Secret;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// Opens parts of a message.
///
/// # Security
///
/// Each part is verified, and stands where it says. That nothing was cut off the message's end shows only when the end
/// is read: [`plaintext_length`](Self::plaintext_length) is computed from the message's length as it was given, and
/// stands once a part that reaches to it is opened.
pub struct RandomAccess {
    unlocked: Unlocked,
    layout: Layout,
}

/// A part of a message that can be fetched and opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    message: Range<u64>,
    plaintext: Range<u64>,
    first: u64,
}

impl Segment {
    /// Which bytes of the message to fetch.
    #[must_use]
    pub fn message_range(&self) -> Range<u64> {
        self.message.clone()
    }

    /// Which bytes of the plaintext it has.
    #[must_use]
    pub fn plaintext_range(&self) -> Range<u64> {
        self.plaintext.clone()
    }
}

impl LockedStream<'_> {
    /// Goes on with the data key, to read parts. `message_length` is the length of the whole message in bytes.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the message is signed, which parts cannot verify, or is not framed; `Integrity` if the header
    /// does not authenticate or no message has that length.
    pub fn random_access(self, data_key: &Secret, message_length: u64) -> Result<RandomAccess> {
        let header = self.locked().header();
        let layout = Layout::new(header, message_length)?;
        if header.suite().signs() {
            return Err(Error::unsupported("a signed message cannot be read in parts: read it whole"));
        }
        Ok(RandomAccess { unlocked: self.into_locked().unlock(data_key)?, layout })
    }
}

impl Header {
    /// Bytes of the plaintext of a message with this header and so many bytes in all.
    ///
    /// # Errors
    ///
    /// `Integrity` if no message has that length; `Unsupported` if the signature has another length than privet and
    /// AWS's clients write, or the message is not framed.
    pub fn plaintext_length(&self, message_length: u64) -> Result<u64> {
        Layout::new(self, message_length).map(|layout| layout.plaintext_length)
    }
}

impl RandomAccess {
    /// Bytes of the whole plaintext.
    #[must_use]
    pub fn plaintext_length(&self) -> u64 {
        self.layout.plaintext_length
    }

    /// The whole encryption context, stored or not. It is authentic.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.unlocked.context
    }

    /// Where these bytes of the plaintext are in the message.
    ///
    /// # Errors
    ///
    /// `Input` if the range ends before it begins, or behind the plaintext.
    pub fn locate(&self, plaintext: Range<u64>) -> Result<Segment> {
        self.layout.locate(plaintext)
    }

    /// Opens the fetched bytes of a segment: the plaintext of its range, no more and no less.
    ///
    /// # Errors
    ///
    /// `Integrity` if anything does not authenticate.
    pub fn open(&self, segment: &Segment, fetched: &[u8]) -> Result<Vec<u8>> {
        // What was located in another message is another place here.
        if self.locate(segment.plaintext_range())? != *segment {
            return Err(Error::input("the segment is one of another message"));
        }
        let mut plaintext = Zeroizing::new(Vec::new());
        let mut out = Out::behind(&mut plaintext);
        out.reserve(fetched.len());
        let (mut rest, mut index) = (fetched, segment.first);
        while !rest.is_empty() {
            let sequence = u32::try_from(index + 1).map_err(|_| Error::integrity())?;
            let Read::Frame(frame, behind) = read(rest, self.unlocked.header.fields.content, sequence)? else {
                return Err(Error::integrity());
            };
            if (frame.kind == Kind::Final) != (index == self.layout.regular) {
                return Err(Error::integrity());
            }
            self.unlocked.cipher.open(&frame, &mut out)?;
            rest = behind;
            index += 1;
        }
        drop(out);
        // Never below zero: `locate` has just put the range behind the beginning of its first frame.
        let before = segment.plaintext.start - segment.first * self.layout.frame_length;
        let length = segment.plaintext.end - segment.plaintext.start;
        let (before, length) = (place(before)?, place(length)?);
        if length == 0 {
            return if fetched.is_empty() { Ok(Vec::new()) } else { Err(Error::integrity()) };
        }
        if plaintext.len() < before.saturating_add(length) {
            return Err(Error::integrity());
        }
        plaintext.truncate(before + length);
        plaintext.drain(..before);
        Ok(std::mem::take(&mut *plaintext))
    }
}

impl std::fmt::Debug for RandomAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RandomAccess").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// Where the frames of a message are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    header_length: u64,
    frame_length: u64,
    /// The number of regular frames; the final one follows.
    pub(super) regular: u64,
    pub(super) plaintext_length: u64,
    /// Where the final frame ends.
    body_end: u64,
}

impl Layout {
    pub(super) fn new(header: &Header, message_length: u64) -> Result<Self> {
        let Content::Framed(frame_length) = header.fields.content else {
            return Err(Error::unsupported("a message that is not framed cannot be read in parts: read it whole"));
        };
        let header_length = header.length() as u64;
        let frame_length = u64::from(frame_length);
        let body_end = message_length.checked_sub(footer::length(header.suite()) as u64);
        let body = body_end.and_then(|end| end.checked_sub(header_length)).ok_or_else(Error::integrity)?;
        // Regular frames are longer than the range of lengths of a final frame, so there is one answer at most.
        let behind_final = body.checked_sub(FINAL_OVERHEAD as u64).ok_or_else(Error::integrity)?;
        let regular = behind_final / (frame_length + REGULAR_OVERHEAD as u64);
        let last = behind_final % (frame_length + REGULAR_OVERHEAD as u64);
        if last > frame_length || regular >= u64::from(u32::MAX) {
            return Err(Error::integrity());
        }
        let plaintext_length = regular * frame_length + last;
        Ok(Self { header_length, frame_length, regular, plaintext_length, body_end: header_length + body })
    }

    fn locate(&self, plaintext: Range<u64>) -> Result<Segment> {
        if plaintext.start > plaintext.end || plaintext.end > self.plaintext_length {
            return Err(Error::input("the range is not within the plaintext"));
        }
        // Nothing is fetched for nothing.
        if plaintext.is_empty() {
            return Ok(Segment { message: 0..0, first: plaintext.start / self.frame_length, plaintext });
        }
        let first = plaintext.start / self.frame_length;
        let last = (plaintext.end - 1) / self.frame_length;
        let place = |index: u64| self.header_length + index * (self.frame_length + REGULAR_OVERHEAD as u64);
        let end = if last == self.regular { self.body_end } else { place(last + 1) };
        Ok(Segment { message: place(first)..end, plaintext, first })
    }
}

fn place(number: u64) -> Result<usize> {
    usize::try_from(number).map_err(|_| Error::input("the range is longer than memory can be"))
}
