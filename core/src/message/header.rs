//! The header of a message: its fields, and what is refused before any key provider is asked.

use super::id::MessageId;
use super::keys::COMMITMENT_LENGTH;
use super::options::{Limits, ReadOptions};
use super::suite::AlgorithmSuite;
use crate::crypto::{NONCE_LENGTH, TAG_LENGTH, VerifyingKey};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::{EncryptionContext, lp16};
use crate::error::{Error, Result};

mod read;

pub(super) use read::{Parsed, parse};

/// A message's header as it is stored: read, but not authenticated before the message is opened.
pub struct Header {
    pub(super) fields: Fields,
    /// The header body exactly as stored: everything before IV and tag.
    pub(super) body: Vec<u8>,
    pub(super) iv: [u8; NONCE_LENGTH],
    pub(super) tag: [u8; TAG_LENGTH],
    pub(super) verifying_key: Option<VerifyingKey>,
}

impl Header {
    /// Reads the header at the start of these bytes, for a look at it; `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// `Denied` if the commitment policy or a limit does not let it pass; `Integrity` for everything else.
    pub fn peek(bytes: &[u8], options: &ReadOptions) -> Result<Option<Self>> {
        Ok(match parse(bytes, options)? {
            Parsed::Header(header) => Some(*header),
            Parsed::Needs(_) => None,
        })
    }

    /// The algorithm suite.
    #[must_use]
    pub fn suite(&self) -> AlgorithmSuite {
        self.fields.suite
    }

    /// The random id of the message: 16 or 32 bytes.
    #[must_use]
    pub fn message_id(&self) -> &[u8] {
        self.fields.message_id.as_bytes()
    }

    /// The pairs of the encryption context that are stored.
    #[must_use]
    pub fn stored_context(&self) -> &EncryptionContext {
        &self.fields.context
    }

    /// The data key, wrapped once per wrapping key.
    #[must_use]
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] {
        &self.fields.edks
    }

    /// Plaintext bytes of each frame but the last; `None` for a message that is a single block.
    #[must_use]
    pub fn frame_length(&self) -> Option<u32> {
        match self.fields.content {
            Content::Framed(length) => Some(length),
            Content::Single => None,
        }
    }

    /// Bytes of the whole header, authentication included: where the message's body begins.
    #[must_use]
    pub fn length(&self) -> usize {
        self.body.len() + authentication_length(self.suite())
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Header")
            .field("suite", &self.fields.suite)
            .field("context", &self.fields.context)
            .field("encrypted_data_keys", &self.fields.edks)
            .field("content", &self.fields.content)
            .finish_non_exhaustive()
    }
}

/// What the header body says (ESDK message format, sections 4.1 and 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) suite: AlgorithmSuite,
    pub(super) message_id: MessageId,
    pub(super) context: EncryptionContext,
    pub(super) edks: Vec<EncryptedDataKey>,
    pub(super) content: Content,
    pub(super) commitment: Option<[u8; COMMITMENT_LENGTH]>,
}

/// How the body is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Frames of this many plaintext bytes, at least one.
    Framed(u32),
    /// One block: only read, never written.
    Single,
}

impl Fields {
    /// The header body.
    pub(super) fn serialise(&self, limits: &Limits) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(self.expected_length());
        out.push(self.suite.version());
        if self.suite.version() == 1 {
            out.push(TYPE);
        }
        out.extend_from_slice(&self.suite.id().to_be_bytes());
        out.extend_from_slice(self.message_id.as_bytes());
        let length = u16::try_from(self.context.serialised_length());
        let length = length.map_err(|_| Error::input("an encryption context is longer than 65,535 bytes"))?;
        out.extend_from_slice(&length.to_be_bytes());
        self.context.serialise_into(&mut out)?;
        let count = u16::try_from(self.edks.len()).ok().filter(|n| (1..=limits.max_encrypted_data_keys).contains(n));
        let count = count.ok_or_else(|| {
            Error::config("a message has at least one wrapped data key, and not more than the limit says")
        })?;
        out.extend_from_slice(&count.to_be_bytes());
        for edk in &self.edks {
            lp16(edk.provider_id.as_bytes(), &mut out)?;
            lp16(&edk.provider_info, &mut out)?;
            lp16(&edk.ciphertext, &mut out)?;
        }
        let (content_type, frame_length) = match self.content {
            Content::Framed(length) => (FRAMED, length),
            Content::Single => (SINGLE, 0),
        };
        out.push(content_type);
        if self.suite.version() == 1 {
            out.extend_from_slice(&RESERVED);
            out.push(IV_LENGTH);
        }
        out.extend_from_slice(&frame_length.to_be_bytes());
        if let Some(commitment) = &self.commitment {
            out.extend_from_slice(commitment);
        }
        if out.len() + authentication_length(self.suite) > limits.max_header {
            return Err(Error::input("the header is longer than the limit: use a smaller context or fewer keys"));
        }
        Ok(out)
    }

    /// Room for the whole header, its authentication included. More than it takes, never less.
    fn expected_length(&self) -> usize {
        let edk = |edk: &EncryptedDataKey| 6 + edk.provider_id.len() + edk.provider_info.len() + edk.ciphertext.len();
        MAX_FIXED + self.context.serialised_length() + self.edks.iter().map(edk).sum::<usize>()
    }
}

/// Bytes of the header's authentication: IV and tag in format 1, the tag in format 2.
pub(super) fn authentication_length(suite: AlgorithmSuite) -> usize {
    if suite.version() == 1 { NONCE_LENGTH + TAG_LENGTH } else { TAG_LENGTH }
}

/// The pair that carries the public key of a signed message.
pub(super) const PUBLIC_KEY: &str = "aws-crypto-public-key";
/// What names that are not the caller's to use begin with.
pub(super) const RESERVED_PREFIX: &str = "aws-crypto-";

const TYPE: u8 = 0x80;
const FRAMED: u8 = 2;
const SINGLE: u8 = 1;
const RESERVED: [u8; 4] = [0; 4];
const IV_LENGTH: u8 = 12;
/// More bytes than the parts of a header have that are of one length: 102 in format 2.
const MAX_FIXED: usize = 128;

#[cfg(test)]
mod tests;
