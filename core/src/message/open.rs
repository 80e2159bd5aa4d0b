//! Opening messages: from a header to the keys of its body, and a whole message at once.

use zeroize::Zeroizing;

use super::frame::{FrameCipher, Kind, REGULAR_OVERHEAD, Read, read};
use super::header::{Fields, Header, Parsed, RESERVED_PREFIX, parse};
use super::keys::MessageKeys;
use super::options::{Limits, ReadOptions};
use super::ranges::Layout;
use super::suite::AlgorithmSuite;
use super::{footer, jobs};
use crate::crypto::Secret;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// A whole message that waits for its data key: its header is read, nothing is authenticated yet.
pub struct Message<'a> {
    locked: Locked,
    bytes: &'a [u8],
}

/// Prints its length and no bytes: they hold the encryption context.
impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("locked", &self.locked).field("length", &self.bytes.len()).finish()
    }
}

impl<'a> Message<'a> {
    /// Reads the header of a message.
    ///
    /// # Errors
    ///
    /// `Denied` if the commitment policy or a limit does not let it pass; `Input` if the reader's context uses a
    /// reserved name; `Integrity` for everything else.
    pub fn parse(bytes: &'a [u8], options: &ReadOptions) -> Result<Self> {
        match parse(bytes, options)? {
            Parsed::Header(header) => Ok(Self { locked: Locked::new(header, options)?, bytes }),
            Parsed::Needs(_) => Err(Error::integrity()),
        }
    }

    /// The header and the context to ask key providers with.
    #[must_use]
    pub fn locked(&self) -> &Locked {
        &self.locked
    }

    /// Opens the message with its data key. Nothing is returned before everything is verified, to the last byte.
    ///
    /// # Errors
    ///
    /// `Integrity` if anything does not authenticate; `Config` if the data key's length is not the suite's.
    pub fn open(self, data_key: &Secret) -> Result<Opened> {
        self.open_into(data_key, Vec::new())
    }

    /// The same in the memory of `buffer`, if it is large enough: new memory costs more than the cryptography where
    /// messages are large. What the buffer holds does not matter; it is wiped if the message does not open.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_into(self, data_key: &Secret, buffer: Vec<u8>) -> Result<Opened> {
        let mut plaintext = Zeroizing::new(buffer);
        let threads = self.locked.options.threads;
        let unlocked = self.locked.unlock(data_key)?;
        let header = &unlocked.header;
        let body = self.bytes.get(header.length()..).ok_or_else(Error::integrity)?;
        // Signatures of other makers may be shorter or longer, and what is not framed is read as it comes.
        let layout = Layout::new(header, self.bytes.len() as u64).ok().filter(|_| !header.suite().signs());
        let length = |length: u64| usize::try_from(length).map_err(|_| Error::integrity());
        // Room for all of it, so that no copy of plaintext is left behind by a growing buffer.
        let room = layout.map_or(Ok(body.len()), |layout| length(layout.plaintext_length))?;
        if plaintext.capacity() < room {
            plaintext = Zeroizing::new(vec![0; room]);
        }
        plaintext.resize(room, 0);
        let regular = layout.map_or(Ok(0), |layout| length(layout.regular))?;
        let (mut rest, mut out) = unlocked.open_regular(body, &mut plaintext, regular, threads)?;
        let mut sequence = number(regular)?;
        loop {
            let (last, behind) = unlocked.open_frame(&mut rest, sequence, out)?;
            out = behind;
            if last {
                break;
            }
            sequence = sequence.checked_add(1).ok_or_else(Error::integrity)?;
        }
        let length = room - out.len();
        if let Some(mut digest) = footer::digest(header.suite()) {
            let (signed, _) =
                self.bytes.split_at_checked(self.bytes.len() - rest.len()).ok_or_else(Error::integrity)?;
            let (signature, behind) = footer::read(rest).map_err(|_| Error::integrity())?;
            digest.update(signed);
            footer::verify(header.verifying_key.as_ref(), digest, signature)?;
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(Error::integrity());
        }
        plaintext.truncate(length);
        let plaintext = std::mem::take(&mut *plaintext);
        Ok(Opened { plaintext, suite: header.suite(), context: unlocked.context })
    }
}

/// A message that was opened: all of it is authentic.
///
/// # Security
///
/// The plaintext is the caller's from here on, also to wipe.
pub struct Opened {
    /// The plaintext.
    pub plaintext: Vec<u8>,
    /// The whole encryption context, stored or not.
    pub context: EncryptionContext,
    /// The suite it was written with.
    pub suite: AlgorithmSuite,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("suite", &self.suite).field("context", &self.context).finish_non_exhaustive()
    }
}

/// A header that waits for the message's data key, and the context that goes with it.
#[derive(Debug)]
pub struct Locked {
    header: Box<Header>,
    /// Stored pairs and the reader's.
    context: EncryptionContext,
    /// What the header's tag covers beside the header: the reader's pairs that are not stored.
    not_stored: EncryptionContext,
    options: ReadOptions,
}

impl Locked {
    pub(super) fn new(header: Box<Header>, options: &ReadOptions) -> Result<Self> {
        let mut context = header.fields.context.clone();
        let mut not_stored = EncryptionContext::new();
        for (name, value) in options.context.iter() {
            if name.starts_with(RESERVED_PREFIX) {
                return Err(Error::input("names that begin with `aws-crypto-` are reserved in encryption contexts"));
            }
            match context.value(name) {
                Some(stored) if stored == value => {}
                Some(_) => return Err(Error::integrity()),
                None => {
                    context = context.with(name, value);
                    not_stored = not_stored.with(name, value);
                }
            }
        }
        Ok(Self { header, context, not_stored, options: options.clone() })
    }

    /// The header. Not authenticated yet.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The whole context, stored pairs and the reader's: what the data key is bound to.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The commitment policy, as a number for names of cached keys.
    pub(crate) fn policy(&self) -> u8 {
        self.options.policy as u8
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Checks commitment and header tag, in this order.
    pub(super) fn unlock(self, data_key: &Secret) -> Result<Unlocked> {
        let Fields { suite, message_id, commitment, .. } = &self.header.fields;
        self.options.policy.check_read(*suite)?;
        let keys = MessageKeys::committed(*suite, data_key, message_id.as_bytes(), commitment.as_ref())?;
        let Header { body, iv, tag, .. } = &*self.header;
        if self.not_stored.is_empty() {
            keys.aead.open_to(*iv, body, tag, &mut [])?;
        } else {
            keys.aead.open_to(*iv, &[body.as_slice(), &self.not_stored.serialise()?].concat(), tag, &mut [])?;
        }
        let cipher = FrameCipher::new(keys.aead, *message_id);
        Ok(Unlocked { cipher, header: self.header, context: self.context })
    }
}

/// An authentic header, and what opens the frames behind it.
pub(super) struct Unlocked {
    pub(super) cipher: FrameCipher,
    pub(super) header: Box<Header>,
    pub(super) context: EncryptionContext,
}

impl Unlocked {
    /// Opens so many regular frames at the start of the body. Gives what is behind them, of the body and of `out`.
    fn open_regular<'a, 'b>(
        &self,
        body: &'a [u8],
        out: &'b mut [u8],
        regular: usize,
        threads: usize,
    ) -> Result<(&'a [u8], &'b mut [u8])> {
        let Some(frame_length) = self.header.frame_length().and_then(|length| usize::try_from(length).ok()) else {
            return Ok((body, out));
        };
        let sealed_length = frame_length.saturating_add(REGULAR_OVERHEAD);
        let (sealed, rest) =
            body.split_at_checked(regular.saturating_mul(sealed_length)).ok_or_else(Error::integrity)?;
        let (out, rest_out) =
            out.split_at_mut_checked(regular.saturating_mul(frame_length)).ok_or_else(Error::integrity)?;
        let frames = jobs::frames_a_job(frame_length).min(regular.max(1));
        let threads = jobs::threads_for(out.len(), threads);
        let jobs = sealed.chunks(frames * sealed_length).zip(out.chunks_mut(frames * frame_length)).enumerate();
        jobs::run(jobs, threads, |(job, (mut sealed, out))| {
            for (index, out) in out.chunks_mut(frame_length).enumerate() {
                let (last, _) = self.open_frame(&mut sealed, number(job * frames + index)?, out)?;
                if last {
                    return Err(Error::integrity());
                }
            }
            Ok(())
        })?;
        Ok((rest, rest_out))
    }

    /// Opens the frame with this number at the start of `rest`. Whether it is the last, and what is behind it of `out`.
    fn open_frame<'b>(&self, rest: &mut &[u8], sequence: u32, out: &'b mut [u8]) -> Result<(bool, &'b mut [u8])> {
        let Read::Frame(frame, behind) = read(rest, self.header.fields.content, sequence)? else {
            return Err(Error::integrity());
        };
        let (out, rest_out) = out.split_at_mut_checked(frame.plaintext_length()).ok_or_else(Error::integrity)?;
        self.cipher.open_to(&frame, out)?;
        *rest = behind;
        Ok((frame.kind != Kind::Regular, rest_out))
    }
}

/// The number of the frame at this index.
fn number(index: usize) -> Result<u32> {
    u32::try_from(index).ok().and_then(|index| index.checked_add(1)).ok_or_else(Error::integrity)
}
