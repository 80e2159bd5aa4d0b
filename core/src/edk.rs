//! A wrapped data key, and its bytes in headers.

use std::fmt;

use crate::encryption_context::lp16;
use crate::error::Result;

/// A data key wrapped by one wrapping key of one provider.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EncryptedDataKey {
    /// Which provider wrapped it: a raw key's namespace, `aws-kms`, ...
    pub provider_id: String,
    /// Which of the provider's keys: a name, an ARN.
    pub provider_info: Vec<u8>,
    /// The wrapped key.
    pub ciphertext: Vec<u8>,
}

impl EncryptedDataKey {
    /// Appends `lp8(provider id) || lp16(provider info) || lp16(ciphertext)` (privet record format, section 4).
    pub(crate) fn write_into(&self, out: &mut Vec<u8>) -> Result<()> {
        let length = u8::try_from(self.provider_id.len())
            .map_err(|_| crate::Error::input("a key provider's id is longer than 255 bytes"))?;
        out.push(length);
        out.extend_from_slice(self.provider_id.as_bytes());
        lp16(&self.provider_info, out)?;
        lp16(&self.ciphertext, out)
    }

    /// Takes one off the front of the bytes; `None` if they are no wrapped key.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first()?;
        let (provider_id, mut rest) = rest.split_at_checked(usize::from(*length))?;
        let provider_id = std::str::from_utf8(provider_id).ok()?.to_owned();
        let mut lp16 = || {
            let (length, after) = rest.split_first_chunk()?;
            let (block, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            rest = after;
            Some(block.to_vec())
        };
        let (provider_info, ciphertext) = (lp16()?, lp16()?);
        *bytes = rest;
        Some(Self { provider_id, provider_info, ciphertext })
    }
}

impl fmt::Debug for EncryptedDataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedDataKey")
            .field("provider_id", &self.provider_id)
            .field("ciphertext_length", &self.ciphertext.len())
            .finish_non_exhaustive()
    }
}
