//! The footer: a signature over everything before it, in messages of signature suites.

use crate::crypto::{Digest, SigningKey, VerifyingKey};
use crate::encryption_context::lp16;
use crate::error::{Error, ErrorKind, Result};
use crate::message::suite::AlgorithmSuite;

/// The hash of a message that is signed; `None` with a suite that does not sign.
pub(super) fn digest(suite: AlgorithmSuite) -> Option<Digest> {
    suite.curve().map(Digest::new)
}

/// Bytes of the footer that privet writes, its length field included; zero with a suite that does not sign.
pub(super) fn length(suite: AlgorithmSuite) -> usize {
    signature_length(suite).map_or(0, |length| 2 + length)
}

/// Appends the footer: `lp16(signature)`.
pub(super) fn write(suite: AlgorithmSuite, key: &SigningKey, digest: &Digest, out: &mut Vec<u8>) -> Result<()> {
    let wanted = signature_length(suite).ok_or_else(Error::integrity)?;
    // Half of all signatures have the length; so do all that AWS's clients write. It makes a message's length known
    // before it is written, which uploads need.
    for _ in 0..MAX_TRIES {
        let signature = key.sign(digest)?;
        if signature.len() == wanted {
            return lp16(&signature, out);
        }
    }
    Err(Error::new(ErrorKind::Io, "the signature never has its usual length"))
}

/// The footer at the start of these bytes: the signature, of whatever length, and what follows; else how many bytes
/// are needed.
pub(super) fn read(bytes: &[u8]) -> std::result::Result<(&[u8], &[u8]), usize> {
    let (length, rest) = bytes.split_first_chunk().ok_or(2_usize)?;
    let length = usize::from(u16::from_be_bytes(*length));
    rest.split_at_checked(length).ok_or(2 + length)
}

/// Checks the signature of what was hashed.
pub(super) fn verify(key: Option<&VerifyingKey>, digest: Digest, signature: &[u8]) -> Result<()> {
    key.ok_or_else(Error::integrity)?.verify(digest, signature)
}

/// DER of two numbers of which one begins with a 1 bit (ESDK message format, section 4.6).
fn signature_length(suite: AlgorithmSuite) -> Option<usize> {
    match suite.curve()? {
        crate::crypto::Curve::P256 => Some(71),
        crate::crypto::Curve::P384 => Some(103),
    }
}

/// So that failing has a chance of 2^-128.
const MAX_TRIES: u32 = 128;
