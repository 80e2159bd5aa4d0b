//! What the header of an item says to whoever has no key.

use super::attribute::Mark;
use super::header::{Header, Version};
use super::table::Suite;
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::Result;

/// What the header of an item says. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Described {
    /// The format's version: 1, or 2 if attributes beside the keys are in the encryption context.
    pub version: u8,
    /// Whether the item is signed, or has tags only.
    pub suite: Suite,
    /// How many attributes are encrypted.
    pub encrypted: usize,
    /// How many are signed and in clear.
    pub signed: usize,
    /// The pairs of the encryption context that are stored.
    pub stored_context: EncryptionContext,
    /// The data key, wrapped for each recipient.
    pub encrypted_data_keys: Vec<EncryptedDataKey>,
}

impl Described {
    /// Reads the bytes of [`HEADER`](super::HEADER).
    ///
    /// # Errors
    ///
    /// `Integrity` if they are no header.
    pub fn read(header: &[u8]) -> Result<Self> {
        let (header, _) = Header::parse(header)?;
        let encrypted = header.legend.iter().filter(|mark| **mark == Mark::Encrypted).count();
        Ok(Self {
            version: if header.version == Version::One { 1 } else { 2 },
            suite: header.suite,
            encrypted,
            signed: header.legend.len() - encrypted,
            stored_context: header.stored,
            encrypted_data_keys: header.edks,
        })
    }
}
