//! The keys of one section of one record, derived from the class's data key.

use zeroize::Zeroizing;

use super::context::RecordContext;
use crate::classification::Classification;
use crate::crypto::{AeadKey, MacKey, Secret, equal, hkdf_sha256};
use crate::error::{Error, Result};

/// What a data key becomes for one record (privet record format, section 3).
pub(super) struct SectionKeys {
    pub(super) field: AeadKey,
    pub(super) commitment: [u8; 32],
    pub(super) tag: MacKey,
}

impl SectionKeys {
    pub(super) fn derive(
        class: Classification,
        data_key: &Secret,
        salt: &[u8; 16],
        context: &RecordContext,
    ) -> Result<Self> {
        if data_key.expose().len() != DATA_KEY_LENGTH {
            return Err(Error::config("a record's data key has 32 bytes"));
        }
        let mut okm = Zeroizing::new([0; 96]);
        hkdf_sha256(salt, data_key.expose(), &[&[class.code()], context.as_bytes()], &mut *okm)?;
        let (field, rest) = okm.split_at(32);
        let (commitment, tag) = rest.split_at(32);
        let commitment = commitment.try_into().map_err(|_| Error::integrity())?;
        Ok(Self { field: AeadKey::new(field)?, commitment, tag: MacKey::new(tag)? })
    }

    /// The keys of a stored section, if its commitment says that data key and context are the ones it was written with.
    pub(super) fn committed(
        class: Classification,
        commitment: &[u8; 32],
        data_key: &Secret,
        salt: &[u8; 16],
        context: &RecordContext,
    ) -> Result<Self> {
        let keys = Self::derive(class, data_key, salt, context)?;
        if equal(&keys.commitment, commitment) { Ok(keys) } else { Err(Error::integrity()) }
    }
}

const DATA_KEY_LENGTH: usize = 32;
