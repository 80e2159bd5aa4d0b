//! One sealed value: its bytes, and the escape of clear values that look like one.

use zeroize::Zeroizing;

use crate::classification::Classification;
use crate::crypto::{AeadKey, NONCE_LENGTH, TAG_LENGTH};
use crate::error::{Error, Result};
use crate::value::{Path, TypeId, Value, deserialise, serialise_into, serialised_size};

/// Seals a value (privet record format, section 5). `scratch` is reused between fields for the associated data.
pub(super) fn seal_value(
    value: &Value,
    class: Classification,
    path: &Path,
    key: &AeadKey,
    nonce: [u8; NONCE_LENGTH],
    scratch: &mut Vec<u8>,
) -> Result<Vec<u8>> {
    associated_data(class, path, scratch)?;
    // Room for everything, so that no plaintext is left behind in a buffer that grew. Numbers may need more: see below.
    let mut out = Vec::with_capacity(PREFIX + 2 + serialised_size(value) + TAG_LENGTH);
    out.extend_from_slice(&[MARKER, class.code()]);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&TypeId::of(value).0);
    serialise_into(value, &mut out)?;
    let plaintext = out.get_mut(PREFIX..).ok_or_else(Error::integrity)?;
    let tag = key.seal(nonce, scratch, plaintext)?;
    out.extend_from_slice(&tag);
    Ok(out)
}

/// Opens a sealed value with the key of its class.
pub(super) fn open_value(
    sealed: &[u8],
    class: Classification,
    path: &Path,
    key: &AeadKey,
    scratch: &mut Vec<u8>,
) -> Result<Value> {
    if sealed.len() < LEAST {
        return Err(Error::integrity());
    }
    let (prefix, ciphertext) = sealed.split_at_checked(PREFIX).ok_or_else(Error::integrity)?;
    let nonce = prefix.get(2..).and_then(|nonce| nonce.try_into().ok()).ok_or_else(Error::integrity)?;
    associated_data(class, path, scratch).map_err(|_| Error::integrity())?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let plaintext = key.open(nonce, scratch, &mut buffer)?;
    let (type_id, bytes) = plaintext.split_first_chunk().ok_or_else(Error::integrity)?;
    deserialise(TypeId(*type_id), bytes)
}

/// What a stored `B` is.
pub(super) enum Stored<'a> {
    /// A value sealed under this class.
    Sealed(Classification),
    /// A clear value, with its escape taken off.
    Clear(&'a [u8]),
}

pub(super) fn look_at(bytes: &[u8]) -> Result<Stored<'_>> {
    match bytes {
        [MARKER, 0, clear @ ..] => Ok(Stored::Clear(clear)),
        [MARKER, code, ..] => Classification::from_code(*code).map(Stored::Sealed).ok_or_else(Error::integrity),
        [MARKER] => Err(Error::integrity()),
        clear => Ok(Stored::Clear(clear)),
    }
}

/// The class that a stored value is sealed under; `None` if it is in clear.
///
/// This looks at the first two bytes only: it says what the value claims to be, not that it opens.
#[must_use]
pub fn sealed_class(stored: &Value) -> Option<Classification> {
    match stored {
        Value::B(bytes) => match look_at(bytes) {
            Ok(Stored::Sealed(class)) => Some(class),
            _ => None,
        },
        _ => None,
    }
}

/// A clear value as it is stored in an item: bytes that start like a sealed value have an escape in front.
#[must_use]
pub fn escaped(mut value: Value) -> Value {
    super::seal::escape_clear(&mut value, super::Form::Item);
    value
}

/// Puts the escape in front of clear bytes that start like a sealed value.
pub(super) fn escape(bytes: &mut Vec<u8>) {
    if bytes.first() == Some(&MARKER) {
        bytes.splice(0..0, [MARKER, 0]);
    }
}

fn associated_data(class: Classification, path: &Path, out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    out.extend_from_slice(&[MARKER, class.code()]);
    path.encode_into(out)
}

/// The first byte of every sealed value.
const MARKER: u8 = 0xe1;
/// Marker, class, nonce.
const PREFIX: usize = 2 + NONCE_LENGTH;
/// A sealed empty value.
const LEAST: usize = PREFIX + 2 + TAG_LENGTH;
