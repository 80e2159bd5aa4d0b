//! The footer: what is hashed of an item, each recipient's tag of it, and the signature.

use super::attribute::{Attribute, Mark};
use super::fields::TYPE_LENGTH;
use super::keys::RECIPIENT_TAG_LENGTH;
use super::path::Paths;
use super::table::Suite;
use crate::crypto::{Curve, Digest, Sha384, SigningKey, VerifyingKey};
use crate::error::{Error, ErrorKind, Result};
use crate::value::{TypeId, Value, serialise_into, serialised_size};

/// The hash of an item as it is stored: the whole header, u64 length of the encryption context, the context, then
/// each signed attribute in path order (DB-ESDK item format, section 8).
pub(super) fn hash(header: &[u8], context: &[u8], attributes: &[Attribute], paths: &Paths) -> Result<[u8; 48]> {
    let mut hash = Sha384::new();
    let mut buffer = Vec::with_capacity(1024);
    hash.update(header);
    hash.update(&(context.len() as u64).to_be_bytes());
    hash.update(context);
    for attribute in attributes {
        paths.write(&attribute.order, &mut buffer);
        match (attribute.mark, &attribute.value) {
            (Mark::Encrypted, Value::B(stored)) => {
                let length = stored.len().checked_sub(TYPE_LENGTH).ok_or_else(Error::integrity)?;
                buffer.extend_from_slice(&(length as u64).to_be_bytes());
                buffer.extend_from_slice(b"ENCRYPTED");
                // Small pieces are hashed together: that costs less than a call each.
                if stored.len() <= SMALL {
                    buffer.extend_from_slice(stored);
                } else {
                    flush(&mut hash, &mut buffer);
                    hash.update(stored);
                }
            }
            (Mark::Encrypted, _) => return Err(Error::integrity()),
            (Mark::Signed | Mark::Context, value) => plaintext(value, &mut buffer)?,
        }
        if buffer.len() > FULL {
            flush(&mut hash, &mut buffer);
        }
    }
    flush(&mut hash, &mut buffer);
    Ok(hash.finish())
}

fn plaintext(value: &Value, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.reserve(LENGTH + WORD + TYPE_LENGTH + serialised_size(value));
    let start = buffer.len();
    buffer.extend_from_slice(&[0; LENGTH]);
    buffer.extend_from_slice(b"PLAINTEXT");
    buffer.extend_from_slice(&TypeId::of(value).0);
    let value_at = buffer.len();
    serialise_into(value, buffer)?;
    let length = ((buffer.len() - value_at) as u64).to_be_bytes();
    if let Some(place) = buffer.get_mut(start..start + LENGTH) {
        place.copy_from_slice(&length);
    }
    Ok(())
}

fn flush(hash: &mut Sha384, buffer: &mut Vec<u8>) {
    hash.update(buffer);
    buffer.clear();
}

/// A signature of what was hashed, which is hashed once more for it.
pub(super) fn sign(key: &SigningKey, hash: &[u8; 48]) -> Result<Vec<u8>> {
    let digest = digest(hash);
    // AWS's clients write this length alone and read no other, as most signatures have it.
    for _ in 0..MAX_TRIES {
        let signature = key.sign(&digest)?;
        if signature.len() == SIGNATURE_LENGTH {
            return Ok(signature);
        }
    }
    Err(Error::new(ErrorKind::Io, "the signature never has its usual length"))
}

/// Checks the signature of what was hashed.
pub(super) fn verify(key: &VerifyingKey, hash: &[u8; 48], signature: &[u8]) -> Result<()> {
    key.verify(digest(hash), signature)
}

fn digest(hash: &[u8; 48]) -> Digest {
    let mut digest = Digest::new(Curve::P384);
    digest.update(hash);
    digest
}

/// The tags in a footer, and the signature, which is empty if the suite has none.
pub(super) fn split(footer: &[u8], suite: Suite, recipients: usize) -> Result<(&[[u8; RECIPIENT_TAG_LENGTH]], &[u8])> {
    let signature_length = match suite {
        Suite::Tags => 0,
        Suite::Signature => SIGNATURE_LENGTH,
    };
    let tags_length = recipients * RECIPIENT_TAG_LENGTH;
    let (tags, signature) = footer.split_at_checked(tags_length).ok_or_else(Error::integrity)?;
    if signature.len() != signature_length {
        return Err(Error::integrity());
    }
    Ok((tags.as_chunks().0, signature))
}

/// DER of two numbers of which one begins with a 1 bit.
const SIGNATURE_LENGTH: usize = 103;
/// So that failing has a chance of 2^-128.
const MAX_TRIES: u32 = 128;
/// Bytes of a length and of the word that follows it.
const LENGTH: usize = 8;
const WORD: usize = 9;
/// Bytes that are copied to be hashed together, and of how many together.
const SMALL: usize = 512;
const FULL: usize = 4096;
