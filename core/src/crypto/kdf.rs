//! HKDF (RFC 5869).

use aws_lc_rs::hkdf;

use crate::error::{Error, Result};

/// The hash that a derivation is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What HKDF extracts from a key: several outputs can be expanded from it.
pub(crate) struct Extracted(hkdf::Prk);

impl Extracted {
    /// Extracts. An empty salt is RFC 5869's default: as many zero bytes as the hash is long.
    pub(crate) fn new(hash: Hash, salt: &[u8], key: &[u8]) -> Self {
        let algorithm = match hash {
            Hash::Sha256 => hkdf::HKDF_SHA256,
            Hash::Sha384 => hkdf::HKDF_SHA384,
            Hash::Sha512 => hkdf::HKDF_SHA512,
        };
        Self(hkdf::Salt::new(algorithm, salt).extract(key))
    }

    /// Expands; `info` is the concatenation of its parts.
    pub(crate) fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<()> {
        let failed = |_| Error::config("the key derivation asks for more bytes than HKDF can give");
        self.0.expand(info, OutputLength(out.len())).map_err(failed)?.fill(out).map_err(failed)
    }
}

/// HKDF-SHA-256, extract and expand.
pub(crate) fn hkdf_sha256(salt: &[u8], key: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<()> {
    Extracted::new(Hash::Sha256, salt, key).expand(info, out)
}

struct OutputLength(usize);

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

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
