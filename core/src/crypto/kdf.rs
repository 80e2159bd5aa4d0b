//! HKDF (RFC 5869).

use std::sync::LazyLock;

use aws_lc_rs::hmac;

use crate::error::{Error, Result};

/// The hash that a derivation is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// What HKDF extracts from a key: several outputs can be expanded from it.
///
/// The library's own HKDF extracts anew for each output, which costs as much as the output itself. This is RFC 5869
/// over the library's HMAC: one extraction, and a key schedule that all outputs share.
pub(crate) struct Extracted(hmac::Key);

impl Extracted {
    /// Extracts. An empty salt is RFC 5869's default: as many zero bytes as the hash is long.
    pub(crate) fn new(hash: Hash, salt: &[u8], key: &[u8]) -> Self {
        let algorithm = hash.hmac();
        // HMAC fills a key that is shorter than its block with zeros, so an empty one is that default. Its key schedule is
        // always the same.
        let extracted = match (hash, salt) {
            (Hash::Sha512, []) => hmac::sign(&NO_SALT_SHA512, key),
            _ => hmac::sign(&hmac::Key::new(algorithm, salt), key),
        };
        Self(hmac::Key::new(algorithm, extracted.as_ref()))
    }

    /// Expands; `info` is the concatenation of its parts.
    pub(crate) fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<()> {
        let block_length = self.0.algorithm().tag_len();
        if out.len() > 255 * block_length {
            return Err(Error::config("the key derivation asks for more bytes than HKDF can give"));
        }
        let mut previous: Option<hmac::Tag> = None;
        for (number, piece) in (1_u8..=255).zip(out.chunks_mut(block_length)) {
            let mut context = hmac::Context::with_key(&self.0);
            previous.iter().map(hmac::Tag::as_ref).chain(info.iter().copied()).for_each(|part| context.update(part));
            context.update(&[number]);
            let block = context.sign();
            piece.copy_from_slice(block.as_ref().get(..piece.len()).ok_or_else(Error::integrity)?);
            previous = Some(block);
        }
        Ok(())
    }
}

static NO_SALT_SHA512: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA512, &[]));

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 5869 has vectors for SHA-256; those for the longer hashes are of an implementation apart (Python's hmac).
    #[test]
    fn derives_what_others_derive() {
        for (hash, expected) in [(Hash::Sha256, SHA256), (Hash::Sha384, SHA384), (Hash::Sha512, SHA512)] {
            let mut out = [0; 16];
            Extracted::new(hash, b"", b"key").expand(&[b"in", b"fo"], &mut out).unwrap();
            assert_eq!(out, expected, "{hash:?}");
        }
    }

    const SHA256: [u8; 16] = 0xc9bda7518296ef2446f7e425a4132cc4_u128.to_be_bytes();
    const SHA384: [u8; 16] = 0x040e09ab647e74d3550180b73fe88d64_u128.to_be_bytes();
    const SHA512: [u8; 16] = 0x060235f642a302a56fead4bba7174001_u128.to_be_bytes();
}
