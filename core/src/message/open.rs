//! Opening messages: from a header to the keys of its body, and a whole message at once.

use zeroize::Zeroizing;

use super::footer;
use super::frame::{FrameCipher, Kind, Read, read};
use super::header::{Fields, Header, Parsed, RESERVED_PREFIX, parse};
use super::keys::MessageKeys;
use super::options::{Limits, ReadOptions};
use super::suite::AlgorithmSuite;
use crate::crypto::Secret;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// A whole message that waits for its data key: its header is read, nothing is authenticated yet.
#[derive(Debug)]
pub struct Message<'a> {
    locked: Locked,
    bytes: &'a [u8],
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
        let unlocked = self.locked.unlock(data_key)?;
        let header = &unlocked.header;
        let mut rest = self.bytes.get(header.length()..).ok_or_else(Error::integrity)?;
        // Room for all of it, so that no copy of plaintext is left behind by a growing buffer. Signatures of other
        // makers may be some bytes shorter or longer.
        let length =
            header.plaintext_length(self.bytes.len() as u64).ok().and_then(|length| usize::try_from(length).ok());
        let room = length.map_or(rest.len(), |length| length.saturating_add(64).min(rest.len()));
        let mut plaintext = Zeroizing::new(Vec::with_capacity(room));
        let mut scratch = Vec::new();
        let mut sequence = 1;
        loop {
            let Read::Frame(frame, behind) = read(rest, header.fields.content, sequence)? else {
                return Err(Error::integrity());
            };
            unlocked.cipher.open(&frame, &mut scratch, &mut plaintext)?;
            rest = behind;
            if frame.kind != Kind::Regular {
                break;
            }
            sequence = sequence.checked_add(1).ok_or_else(Error::integrity)?;
        }
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

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Checks commitment and header tag, in this order.
    pub(super) fn unlock(self, data_key: &Secret) -> Result<Unlocked> {
        let Fields { suite, message_id, commitment, .. } = &self.header.fields;
        self.options.policy.check_read(*suite)?;
        let keys = MessageKeys::committed(*suite, data_key, message_id, commitment.as_ref())?;
        let mut associated_data = self.header.body.clone();
        associated_data.extend_from_slice(&self.not_stored.serialise()?);
        keys.aead.open(self.header.iv, &associated_data, &mut self.header.tag.clone())?;
        let cipher = FrameCipher::new(keys.aead, message_id);
        Ok(Unlocked { cipher, header: self.header, context: self.context })
    }
}

/// An authentic header, and what opens the frames behind it.
pub(super) struct Unlocked {
    pub(super) cipher: FrameCipher,
    pub(super) header: Box<Header>,
    pub(super) context: EncryptionContext,
}
