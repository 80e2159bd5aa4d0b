//! HMAC-SHA-256 (RFC 2104), and HKDF over it (RFC 5869), at the price of the hash alone.
//!
//! A record takes a dozen HMACs of a block or two each. The AEAD library's HMAC costs as much again as the hash of so
//! little, for contexts that are allocated, copied and wiped at each call; RustCrypto's are values on the stack, wiped
//! when they are dropped. Wycheproof's vectors and the AEAD library itself say that both are the same functions.

use hmac::digest::FixedOutput as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

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
        let mut tag = [0; 32];
        self.tag_into(message, &mut tag);
        tag
    }

    fn tag_into(&self, message: &[u8], tag: &mut [u8; 32]) {
        self.0.clone().chain_update(message).finalize_into(tag.into());
    }
}

/// HKDF-SHA-256, extract and expand. An empty salt is RFC 5869's default; `info` is the concatenation of its parts.
///
/// All that is a key or a part of one is wiped but `out`, which is the caller's.
pub(crate) fn hkdf_sha256(salt: &[u8], key: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<()> {
    if out.len() > 255 * 32 {
        return Err(Error::config("the key derivation asks for more bytes than HKDF can give"));
    }
    // What is extracted first, and then one block of the output after the other.
    let mut block = Zeroizing::new([0; 32]);
    MacKey::new(salt)?.tag_into(key, &mut block);
    let extracted = MacKey::new(&*block)?;
    for (number, piece) in (1_u8..=255).zip(out.chunks_mut(32)) {
        let mut mac = extracted.0.clone();
        if number > 1 {
            mac.update(&*block);
        }
        info.iter().for_each(|part| mac.update(part));
        mac.update(&[number]);
        mac.finalize_into((&mut *block).into());
        piece.iter_mut().zip(&*block).for_each(|(to, from)| *to = *from);
    }
    Ok(())
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

    /// RFC 5869, appendix A: the first and the third vector.
    #[test]
    fn derives_what_the_rfc_derives() {
        let (salt, info): (Vec<u8>, Vec<u8>) = ((0..13).collect(), (0xf0..0xfa).collect());
        for (salt, info, expected) in [
            (&*salt, &*info, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
            (&[], &[], "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
        ] {
            let mut out = [0; 42];
            hkdf_sha256(salt, &[0x0b; 22], &[info], &mut out).unwrap();
            assert_eq!(out.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
        }
    }

    #[test]
    fn as_many_blocks_as_a_byte_counts_and_no_more() {
        let (mut ours, mut theirs) = (vec![0; 255 * 32], vec![0; 255 * 32]);
        hkdf_sha256(b"salt", b"key", &[b"info"], &mut ours).unwrap();
        Extracted::new(Hash::Sha256, b"salt", b"key").expand(&[b"info"], &mut theirs).unwrap();
        assert_eq!(ours, theirs);
        assert!(hkdf_sha256(b"salt", b"key", &[], &mut vec![0; 255 * 32 + 1]).is_err());
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
