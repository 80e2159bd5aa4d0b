//! What the content of an object is encrypted with: derivation and commitment.

use zeroize::Zeroizing;

use crate::crypto::{self, AeadKey, Extracted, GcmStream, Hash, Secret, TAG_LENGTH};
use crate::error::{Error, Result};

/// The key of the content, its nonce and its associated data.
pub(super) struct ContentKey {
    pub(super) key: Zeroizing<[u8; KEY_LENGTH]>,
    pub(super) nonce: [u8; crypto::NONCE_LENGTH],
    pub(super) associated_data: &'static [u8],
}

impl ContentKey {
    /// The content's message, in pieces.
    pub(super) fn stream(&self) -> Result<GcmStream> {
        GcmStream::new(&self.key, self.nonce, self.associated_data)
    }

    /// Seals the whole content in place, and puts the tag behind it.
    pub(super) fn seal(&self, content: &mut Vec<u8>) -> Result<()> {
        content.reserve_exact(TAG_LENGTH);
        let tag = AeadKey::new(&*self.key)?.seal(self.nonce, self.associated_data, content)?;
        content.extend_from_slice(&tag);
        Ok(())
    }
}

/// The key of an object of format V2: the data key itself.
pub(super) fn used_as_it_is(data_key: &Secret, iv: &[u8]) -> Result<ContentKey> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    copy(data_key.expose(), &mut *key)?;
    Ok(ContentKey { key, nonce: iv.try_into().map_err(|_| Error::integrity())?, associated_data: &[] })
}

/// What the keys of an object of format V3 are derived from (S3EC object formats, section 1).
pub(super) struct Derivation(Extracted);

impl Derivation {
    pub(super) fn new(data_key: &Secret, message_id: &[u8]) -> Result<Self> {
        if data_key.expose().len() != KEY_LENGTH {
            return Err(wrong_length());
        }
        Ok(Self(Extracted::new(Hash::Sha512, message_id, data_key.expose())))
    }

    /// What the object is bound to this data key by.
    pub(super) fn commitment(&self) -> Result<[u8; COMMITMENT_LENGTH]> {
        let mut commitment = [0; COMMITMENT_LENGTH];
        self.0.expand(&[SUITE_ID, b"COMMITKEY"], &mut commitment)?;
        Ok(commitment)
    }

    /// The content's key.
    pub(super) fn content_key(&self) -> Result<ContentKey> {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        self.0.expand(&[SUITE_ID, b"DERIVEKEY"], &mut *key)?;
        Ok(ContentKey { key, nonce: [1; crypto::NONCE_LENGTH], associated_data: SUITE_ID })
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> Result<()> {
    if from.len() != to.len() {
        return Err(wrong_length());
    }
    to.copy_from_slice(from);
    Ok(())
}

fn wrong_length() -> Error {
    Error::config("the data key of an S3EC object has 32 bytes")
}

pub(super) const KEY_LENGTH: usize = 32;
pub(super) const COMMITMENT_LENGTH: usize = 28;
/// The id of `ContentSuite::CommittingGcm`.
const SUITE_ID: &[u8] = &[0x00, 0x73];

#[cfg(test)]
mod tests {
    use super::super::suite::ContentSuite;
    use super::*;

    /// The specification's values (S3EC object formats, section 1).
    #[test]
    fn derives_what_is_specified() {
        let data_key = Secret::copy_of(&(0..32).collect::<Vec<u8>>());
        let message_id: Vec<u8> = (0x20..0x3c).collect();
        let derivation = Derivation::new(&data_key, &message_id).unwrap();
        let (content, commitment) = (derivation.content_key().unwrap(), derivation.commitment().unwrap());
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&commitment), "568b09974ecf2201353e6fbe3708d7ac61bce5d3322415d9f0a8aee5");
        assert_eq!(hex(&*content.key), "08b9e427142f34dcdb3360db13f3d10e5499b1d89313d88adcdb8cb9c55188f4");
        assert_eq!((content.nonce, content.associated_data), ([1; 12], &[0, 0x73][..]));
        assert_eq!(ContentSuite::CommittingGcm.id().to_be_bytes(), SUITE_ID);
    }
}
