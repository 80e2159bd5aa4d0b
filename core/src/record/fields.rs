//! One sealed value: its bytes, and the escape of clear values that look like one.

use zeroize::Zeroize as _;

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

/// Opens a sealed value with the key of its class, in the memory that it has.
pub(super) fn open_value(
    mut sealed: Vec<u8>,
    class: Classification,
    path: &Path,
    key: &AeadKey,
    scratch: &mut Vec<u8>,
) -> Result<Value> {
    if sealed.len() < LEAST {
        return Err(Error::integrity());
    }
    associated_data(class, path, scratch).map_err(|_| Error::integrity())?;
    let (prefix, ciphertext) = sealed.split_at_mut_checked(PREFIX).ok_or_else(Error::integrity)?;
    let nonce = prefix.get(2..).and_then(|nonce| nonce.try_into().ok()).ok_or_else(Error::integrity)?;
    let plaintext = key.open(nonce, scratch, ciphertext)?;
    let length = plaintext.len();
    let (type_id, bytes) = plaintext.split_first_chunk().ok_or_else(Error::integrity)?;
    let type_id = TypeId(*type_id);
    if type_id == TypeId::S {
        // Most sealed values are texts, and those can stay where they are.
        sealed.truncate(PREFIX + length);
        sealed.drain(..PREFIX + type_id.0.len());
        return String::from_utf8(sealed).map(Value::S).map_err(|error| {
            error.into_bytes().zeroize();
            Error::integrity()
        });
    }
    let value = deserialise(type_id, bytes);
    sealed.zeroize();
    value
}

/// Opens a sealed value and seals it under another key, in its own place. `keys` are the one that it has and the one that
/// it gets. `None` if it does not open, or is a map or a list; then nothing of it is left.
pub(super) fn reseal_value(
    sealed: &mut [u8],
    class: Classification,
    path: &Path,
    keys: (&AeadKey, &AeadKey),
    nonce: [u8; NONCE_LENGTH],
    scratch: &mut Vec<u8>,
) -> Option<()> {
    let done = reseal(sealed, class, path, keys, nonce, scratch);
    if done.is_none() {
        sealed.zeroize();
    }
    done
}

fn reseal(
    sealed: &mut [u8],
    class: Classification,
    path: &Path,
    (old, new): (&AeadKey, &AeadKey),
    nonce: [u8; NONCE_LENGTH],
    scratch: &mut Vec<u8>,
) -> Option<()> {
    if sealed.len() < LEAST {
        return None;
    }
    associated_data(class, path, scratch).ok()?;
    let (prefix, ciphertext) = sealed.split_at_mut_checked(PREFIX)?;
    let place_of_nonce: &mut [u8; NONCE_LENGTH] = prefix.last_chunk_mut()?;
    old.open(*place_of_nonce, scratch, ciphertext).ok()?;
    let (plaintext, place_of_tag) = ciphertext.split_last_chunk_mut::<TAG_LENGTH>()?;
    let (type_id, bytes) = plaintext.split_first_chunk()?;
    let is_leaf = match TypeId(*type_id) {
        TypeId::S => std::str::from_utf8(bytes).is_ok(),
        TypeId::M | TypeId::L => false,
        type_id => deserialise(type_id, bytes).is_ok(),
    };
    if !is_leaf {
        return None;
    }
    *place_of_tag = new.seal(nonce, scratch, plaintext).ok()?;
    *place_of_nonce = nonce;
    Some(())
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
