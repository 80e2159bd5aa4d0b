//! Opening an object: whole and verified, or on demand in parts that nothing verifies.

use std::ops::Range;

use zeroize::Zeroizing;

use super::header::Header;
use super::keys::{self, ContentKey, Derivation};
use super::suite::ContentSuite;
use crate::crypto::{self, AeadKey, Secret, TAG_LENGTH};
use crate::error::{Error, Result};

/// An object with its data key, whose commitment is checked.
pub struct Unlocked {
    pub(super) content: Content,
    allows_unauthenticated: bool,
}

pub(super) enum Content {
    Gcm(ContentKey),
    Cbc { data_key: Zeroizing<Vec<u8>>, iv: [u8; 16] },
}

/// A part of an object that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    object: Range<u64>,
    plaintext: Range<u64>,
}

impl Part {
    /// Which bytes of the object to fetch.
    #[must_use]
    pub fn object_range(&self) -> Range<u64> {
        self.object.clone()
    }
}

impl Header {
    /// Goes on with the data key.
    ///
    /// # Errors
    ///
    /// `Integrity` if the object is not committed to this data key; `Config` if it has another length than 32 bytes.
    pub fn unlock(&self, data_key: &Secret) -> Result<Unlocked> {
        let content = match self.suite {
            ContentSuite::CommittingGcm => {
                let derivation = Derivation::new(data_key, &self.seed)?;
                let stored = self.commitment.as_ref().ok_or_else(Error::integrity)?;
                if !crypto::equal(&derivation.commitment()?, stored) {
                    return Err(Error::integrity());
                }
                Content::Gcm(derivation.content_key()?)
            }
            ContentSuite::Gcm => Content::Gcm(keys::used_as_it_is(data_key, &self.seed)?),
            ContentSuite::Cbc => Content::Cbc {
                data_key: Zeroizing::new(data_key.expose().to_vec()),
                iv: self.seed.as_slice().try_into().map_err(|_| Error::integrity())?,
            },
        };
        Ok(Unlocked { content, allows_unauthenticated: self.allows_unauthenticated })
    }
}

impl Unlocked {
    /// The plaintext of the whole body, which is decrypted in place. Nothing comes out before all of it is verified; but
    /// AES-CBC, where the options let it pass, has nothing to verify.
    ///
    /// # Errors
    ///
    /// `Integrity` if it does not authenticate.
    pub fn open(&self, mut body: Vec<u8>) -> Result<Vec<u8>> {
        match &self.content {
            Content::Gcm(key) => {
                if body.len() < TAG_LENGTH {
                    return Err(Error::integrity());
                }
                let length = AeadKey::new(&*key.key)?.open(key.nonce, key.associated_data, &mut body)?.len();
                body.truncate(length);
                Ok(body)
            }
            Content::Cbc { data_key, iv } => crypto::decrypt_cbc(data_key, *iv, body),
        }
    }

    /// Where these bytes of the plaintext are in an object of so many bytes (S3EC object formats, section 5).
    ///
    /// # Errors
    ///
    /// `Denied` unless [`ReadOptions::dangerous_with_unauthenticated_content`] lets parts pass; `Unsupported` for
    /// AES-CBC; `Input` if the range is not within the plaintext; `Integrity` if no object has that length.
    ///
    /// [`ReadOptions::dangerous_with_unauthenticated_content`]: super::ReadOptions::dangerous_with_unauthenticated_content
    pub fn locate(&self, plaintext: Range<u64>, object_length: u64) -> Result<Part> {
        self.gcm_unauthenticated()?;
        let length = object_length.checked_sub(TAG_LENGTH as u64).ok_or_else(Error::integrity)?;
        if plaintext.start > plaintext.end || plaintext.end > length {
            return Err(Error::input("the range is not within the plaintext"));
        }
        // From a block's beginning on, and never the tag.
        let start = plaintext.start - plaintext.start % BLOCK;
        Ok(Part { object: start..plaintext.end.max(start), plaintext })
    }

    /// What the fetched bytes of a part decrypt to: the plaintext of its range, no more and no less.
    ///
    /// # Errors
    ///
    /// `Integrity` if another number of bytes was fetched; as [`locate`](Self::locate).
    ///
    /// # Security
    ///
    /// Nothing is verified: whoever may write to the bucket may have changed it.
    pub fn dangerous_open_part(&self, part: &Part, fetched: &[u8]) -> Result<Vec<u8>> {
        let key = self.gcm_unauthenticated()?;
        if fetched.len() as u64 != part.object.end - part.object.start {
            return Err(Error::integrity());
        }
        let mut plaintext = Vec::new();
        crypto::decrypt_part_unverified(&key.key, key.nonce, part.object.start, fetched, &mut plaintext)?;
        let before = usize::try_from(part.plaintext.start - part.object.start).map_err(|_| Error::integrity())?;
        plaintext.drain(..before.min(plaintext.len()));
        Ok(plaintext)
    }

    pub(super) fn gcm_unauthenticated(&self) -> Result<&ContentKey> {
        match &self.content {
            _ if !self.allows_unauthenticated => Err(Error::denied(
                "parts of an S3EC object cannot be authenticated: read it whole, write it framed, or allow it",
            )),
            Content::Gcm(key) => Ok(key),
            Content::Cbc { .. } => Err(Error::unsupported("an object of AES-CBC is read whole")),
        }
    }
}

impl std::fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unlocked(..)")
    }
}

const BLOCK: u64 = 16;
