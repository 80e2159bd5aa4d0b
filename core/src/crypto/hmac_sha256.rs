//! HMAC-SHA-256 (RFC 2104), and HKDF over it (RFC 5869), at the price of the hash alone.
//!
//! A record takes a dozen HMACs of a block or two each. The AEAD library's HMAC costs as much again as the hash of so
//! little, for contexts that are allocated, copied and wiped at each call; RustCrypto's are values on the stack, wiped
//! when they are dropped. Wycheproof's vectors and the AEAD library itself say that both are the same functions.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::{Error, Result};

/// An HMAC-SHA-256 key, ready for use.
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// The key, of any length.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        // HMAC has no length that it refuses; its interface has.
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| Error::config("the key is of no length that HMAC takes"))
    }

    /// The tag of the message.
    pub(crate) fn tag(&self, message: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }
}

/// HKDF-SHA-256, extract and expand. An empty salt is RFC 5869's default; `info` is the concatenation of its parts.
pub(crate) fn hkdf_sha256(salt: &[u8], key: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<()> {
    Hkdf::<Sha256>::new(Some(salt), key)
        .expand_multi_info(info, out)
        .map_err(|_| Error::config("the key derivation asks for more bytes than HKDF can give"))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    use super::super::{Extracted, Hash};
    use super::*;

    proptest! {
        #[test]
        fn tags_and_keys_are_those_of_the_aead_library(
            key in proptest::collection::vec(any::<u8>(), 0..200),
            message in proptest::collection::vec(any::<u8>(), 0..400),
            split in any::<(usize, usize)>(),
            length in 0..300_usize,
        ) {
            let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
            prop_assert_eq!(&MacKey::new(&key).unwrap().tag(&message)[..], expected.as_ref());
            let (one, rest) = message.split_at(split.0 % (message.len() + 1));
            let (two, three) = rest.split_at(split.1 % (rest.len() + 1));
            let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
            hkdf_sha256(&key, one, &[two, three], &mut ours).unwrap();
            Extracted::new(Hash::Sha256, &key, one).expand(&[rest], &mut theirs).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn every_length_around_the_ends_of_blocks() {
        for length in 0..300 {
            let message: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &message), &message);
            assert_eq!(MacKey::new(&message).unwrap().tag(&message), expected.as_ref(), "{length}");
        }
    }
}
