//! Frames: how the body is cut, numbered, sealed and opened.

use std::io::Write as _;

use zeroize::Zeroize as _;

use super::header::Content;
use super::id::MessageId;
use super::out::Out;
use crate::crypto::{AeadKey, NONCE_LENGTH, TAG_LENGTH};
use crate::error::{Error, Result};

/// What a frame is; each kind has its own words in the associated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Full, with more to follow.
    Regular,
    /// The last one, of any length up to a full frame's.
    Final,
    /// The whole body of a message that is not framed.
    Single,
}

impl Kind {
    /// Bytes of such a frame beside its ciphertext.
    fn overhead(self) -> usize {
        if self == Self::Final { FINAL_OVERHEAD } else { REGULAR_OVERHEAD }
    }

    fn text(self) -> &'static [u8] {
        match self {
            Self::Regular => b"AWSKMSEncryptionClient Frame",
            Self::Final => b"AWSKMSEncryptionClient Final Frame",
            Self::Single => b"AWSKMSEncryptionClient Single Block",
        }
    }
}

/// A frame as it is stored.
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) sequence: u32,
    iv: [u8; NONCE_LENGTH],
    /// The ciphertext and its tag.
    sealed: &'a [u8],
}

impl Frame<'_> {
    /// Bytes of its plaintext.
    pub(super) fn plaintext_length(&self) -> usize {
        self.sealed.len().saturating_sub(TAG_LENGTH)
    }
}

/// What came of reading.
pub(super) enum Read<'a> {
    /// A frame, and the bytes after it.
    Frame(Frame<'a>, &'a [u8]),
    /// At least this many bytes are needed to read on.
    Needs(usize),
}

/// Reads the frame with this number at the start of these bytes. Number, IV and length are checked as soon as they are
/// there, before the rest is waited for.
pub(super) fn read(bytes: &[u8], content: Content, sequence: u32) -> Result<Read<'_>> {
    let mut reader = Reader { bytes, taken: 0 };
    match reader.frame(content, sequence)? {
        Some(frame) => Ok(Read::Frame(frame, reader.bytes)),
        None => Ok(Read::Needs(reader.taken)),
    }
}

/// Seals and opens the frames of one message.
pub(super) struct FrameCipher {
    key: AeadKey,
    message_id: MessageId,
}

impl FrameCipher {
    pub(super) fn new(key: AeadKey, message_id: MessageId) -> Self {
        Self { key, message_id }
    }

    /// Appends the frame with this plaintext: [`Kind::Regular`] or [`Kind::Final`].
    pub(super) fn seal(&self, kind: Kind, sequence: u32, plaintext: &[u8], out: &mut Out<'_>) -> Result<()> {
        out.write(kind.overhead() + plaintext.len(), |out| self.seal_to(kind, sequence, plaintext, out))
    }

    /// Writes the frame with this plaintext to `out`, which is as long as the frame.
    pub(super) fn seal_to(&self, kind: Kind, sequence: u32, plaintext: &[u8], mut out: &mut [u8]) -> Result<()> {
        let iv = iv_of(sequence);
        let length = u32::try_from(plaintext.len()).map_err(|_| Error::input("a frame is longer than 4 GiB"))?;
        let parts: [&[u8]; 4] = [&FINAL_MARK, &sequence.to_be_bytes(), &iv, &length.to_be_bytes()];
        let parts = if kind == Kind::Final { &parts[..] } else { parts.get(1..3).unwrap_or_default() };
        for part in parts {
            out.write_all(part).map_err(|_| Error::integrity())?;
        }
        let (ciphertext, tag) = out.split_at_mut_checked(plaintext.len()).ok_or_else(Error::integrity)?;
        let associated_data = AssociatedData::new(&self.message_id, kind, sequence, plaintext.len())?;
        self.key.seal_to(iv, associated_data.as_bytes(), plaintext, ciphertext, tag)
    }

    /// Appends the plaintext of the frame, or nothing if it does not authenticate.
    pub(super) fn open(&self, frame: &Frame<'_>, out: &mut Out<'_>) -> Result<()> {
        out.write(frame.plaintext_length(), |out| self.open_to(frame, out))
    }

    /// Writes the plaintext of the frame to `out`, which is as long; zeros if it does not authenticate.
    pub(super) fn open_to(&self, frame: &Frame<'_>, out: &mut [u8]) -> Result<()> {
        let associated_data = AssociatedData::new(&self.message_id, frame.kind, frame.sequence, out.len())?;
        let opened = self.key.open_to(frame.iv, associated_data.as_bytes(), frame.sealed, out);
        if opened.is_err() {
            out.zeroize();
        }
        opened
    }
}

/// What a frame is bound to: message id, words of the kind, number, plaintext length (ESDK message format, section 4.4).
/// The message id has its full length, also where it is 32 bytes.
struct AssociatedData {
    bytes: [u8; Self::MAX_LENGTH],
    length: usize,
}

impl AssociatedData {
    const MAX_LENGTH: usize = 32 + 35 + 4 + 8;

    fn new(message_id: &MessageId, kind: Kind, sequence: u32, length: usize) -> Result<Self> {
        let mut bytes = [0; Self::MAX_LENGTH];
        let mut rest = bytes.as_mut_slice();
        let (sequence, length) = (sequence.to_be_bytes(), (length as u64).to_be_bytes());
        for part in [message_id.as_bytes(), kind.text(), &sequence, &length] {
            rest.write_all(part).map_err(|_| Error::integrity())?;
        }
        let length = Self::MAX_LENGTH - rest.len();
        Ok(Self { bytes, length })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The IV of a frame: its number as 12 bytes.
fn iv_of(sequence: u32) -> [u8; NONCE_LENGTH] {
    let [a, b, c, d] = sequence.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

struct Reader<'a> {
    bytes: &'a [u8],
    taken: usize,
}

impl<'a> Reader<'a> {
    /// The frame; `None` if there are less than `taken` bytes.
    fn frame(&mut self, content: Content, expected: u32) -> Result<Option<Frame<'a>>> {
        let Content::Framed(frame_length) = content else { return self.single() };
        let Some(mut number) = self.array() else { return Ok(None) };
        let last = number == FINAL_MARK;
        if last {
            let Some(behind_mark) = self.array() else { return Ok(None) };
            number = behind_mark;
        }
        let sequence = u32::from_be_bytes(number);
        demand(sequence == expected)?;
        let Some(iv) = self.array() else { return Ok(None) };
        demand(iv == iv_of(sequence))?;
        let mut length = frame_length;
        if last {
            let Some(stated) = self.array() else { return Ok(None) };
            length = u32::from_be_bytes(stated);
            demand(length <= frame_length)?;
        }
        let kind = if last { Kind::Final } else { Kind::Regular };
        Ok(self.sealed(length.into())?.map(|sealed| Frame { kind, sequence, iv, sealed }))
    }

    fn single(&mut self) -> Result<Option<Frame<'a>>> {
        let Some(iv) = self.array() else { return Ok(None) };
        let Some(length) = self.array() else { return Ok(None) };
        let length = u64::from_be_bytes(length);
        demand(length <= MAX_SINGLE_BLOCK)?;
        Ok(self.sealed(length)?.map(|sealed| Frame { kind: Kind::Single, sequence: 1, iv, sealed }))
    }

    fn sealed(&mut self, length: u64) -> Result<Option<&'a [u8]>> {
        let length = usize::try_from(length).ok().and_then(|length| length.checked_add(TAG_LENGTH));
        Ok(self.take(length.ok_or_else(Error::integrity)?))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        self.taken = self.taken.saturating_add(length);
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(bytes)
    }
}

fn demand(holds: bool) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::integrity()) }
}

/// Bytes of a regular frame beside its ciphertext: number, IV, tag.
pub(super) const REGULAR_OVERHEAD: usize = 4 + NONCE_LENGTH + TAG_LENGTH;
/// Bytes of a final frame beside its ciphertext: mark, number, IV, length, tag.
pub(super) const FINAL_OVERHEAD: usize = 4 + 4 + NONCE_LENGTH + 4 + TAG_LENGTH;

const FINAL_MARK: [u8; 4] = [0xff; 4];
/// What AES-GCM can take at once.
const MAX_SINGLE_BLOCK: u64 = (1 << 36) - 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher() -> FrameCipher {
        FrameCipher::new(AeadKey::new(&[1; 32]).unwrap(), MessageId::of(&[2; 32]).unwrap())
    }

    fn sealed(kind: Kind, sequence: u32, plaintext: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        cipher().seal(kind, sequence, plaintext, &mut Out::behind(&mut out)).unwrap();
        out
    }

    #[test]
    fn opens_what_it_seals() {
        for (kind, overhead) in [(Kind::Regular, REGULAR_OVERHEAD), (Kind::Final, FINAL_OVERHEAD)] {
            let mut bytes = sealed(kind, 7, b"abcd");
            assert_eq!(bytes.len(), overhead + 4);
            bytes.push(9);
            let Read::Frame(frame, rest) = read(&bytes, Content::Framed(4), 7).unwrap() else { panic!() };
            let mut out = b"before ".to_vec();
            cipher().open(&frame, &mut Out::behind(&mut out)).unwrap();
            assert_eq!((out.as_slice(), rest, frame.kind), (&b"before abcd"[..], &[9][..], kind));
        }
    }

    #[test]
    fn a_part_needs_more_and_nothing_wrong_is_waited_for() {
        for kind in [Kind::Regular, Kind::Final] {
            let bytes = sealed(kind, 7, b"abcd");
            for length in 0..bytes.len() {
                let Read::Needs(more) = read(&bytes[..length], Content::Framed(4), 7).unwrap() else { panic!() };
                assert!((length + 1..=bytes.len()).contains(&more));
            }
            // Out of order: known after mark and number alone.
            let known = bytes.len() - 4 - TAG_LENGTH - if kind == Kind::Final { 16 } else { 12 };
            assert!(read(&bytes[..known], Content::Framed(4), 8).is_err());
        }
        // A final frame longer than a full one.
        assert!(read(&sealed(Kind::Final, 1, b"abcde")[..24], Content::Framed(4), 1).is_err());
    }

    #[test]
    fn a_frame_that_does_not_authenticate_leaves_nothing_behind() {
        let mut bytes = sealed(Kind::Regular, 1, b"abcd");
        *bytes.last_mut().unwrap() ^= 1;
        let Read::Frame(frame, _) = read(&bytes, Content::Framed(4), 1).unwrap() else { panic!() };
        let mut out = b"before".to_vec();
        assert!(cipher().open(&frame, &mut Out::behind(&mut out)).is_err());
        assert_eq!(out, b"before");
    }

    #[test]
    fn no_length_overflows() {
        let mut bytes = vec![0; NONCE_LENGTH];
        bytes.extend_from_slice(&u64::MAX.to_be_bytes());
        assert!(read(&bytes, Content::Single, 1).is_err());
        bytes.truncate(NONCE_LENGTH);
        bytes.extend_from_slice(&MAX_SINGLE_BLOCK.to_be_bytes());
        assert!(matches!(read(&bytes, Content::Single, 1), Ok(Read::Needs(_))));
    }
}
