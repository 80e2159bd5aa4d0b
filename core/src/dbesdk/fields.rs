//! One encrypted attribute.

use zeroize::Zeroizing;

use crate::crypto::{AeadKey, NONCE_LENGTH, TAG_LENGTH};
use crate::error::{Error, Result};
use crate::value::{TypeId, Value, deserialise, serialise_into, serialised_size};

/// Type, then the value sealed with its path as associated data (DB-ESDK item format, section 7).
pub(super) fn encrypt(value: &Value, key: &AeadKey, nonce: [u8; NONCE_LENGTH], path: &[u8]) -> Result<Vec<u8>> {
    // Room for everything, so that no plaintext is left behind in a buffer that grew.
    let mut out = Vec::with_capacity(TYPE_LENGTH + serialised_size(value) + TAG_LENGTH);
    out.extend_from_slice(&TypeId::of(value).0);
    serialise_into(value, &mut out)?;
    let plaintext = out.get_mut(TYPE_LENGTH..).ok_or_else(Error::integrity)?;
    let tag = key.seal(nonce, path, plaintext)?;
    out.extend_from_slice(&tag);
    Ok(out)
}

/// The value behind these bytes.
pub(super) fn decrypt(stored: &[u8], key: &AeadKey, nonce: [u8; NONCE_LENGTH], path: &[u8]) -> Result<Value> {
    let (type_id, sealed) = stored.split_first_chunk().ok_or_else(Error::integrity)?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    deserialise(TypeId(*type_id), key.open(nonce, path, &mut buffer)?)
}

pub(super) const TYPE_LENGTH: usize = 2;
/// An encrypted value that has no bytes.
pub(super) const LEAST: usize = TYPE_LENGTH + TAG_LENGTH;
