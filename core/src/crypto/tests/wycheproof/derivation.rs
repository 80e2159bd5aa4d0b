//! HKDF and HMAC with SHA-256, SHA-384 and SHA-512.

use aws_lc_rs::hmac;
use sha2::{Sha256, Sha384, Sha512};

use super::{Vector, vectors};
use crate::crypto::{Extracted, Hash, LongMacKey, MacKey, hkdf_sha256};

#[test]
fn hkdf_with_sha256() {
    check_hkdf("hkdf_sha256", Hash::Sha256, rust_crypto_hkdf!(Sha256), (41, 2));
    let ours = |vector: &Vector, out: &mut [u8]| {
        hkdf_sha256(&vector.bytes("salt"), &vector.bytes("ikm"), &[&vector.bytes("info")], out).is_ok()
    };
    check_hkdf("hkdf_sha256", Hash::Sha256, ours, (41, 2));
}

#[test]
fn hkdf_with_sha384() {
    check_hkdf("hkdf_sha384", Hash::Sha384, rust_crypto_hkdf!(Sha384), (39, 2));
}

#[test]
fn hkdf_with_sha512() {
    check_hkdf("hkdf_sha512", Hash::Sha512, rust_crypto_hkdf!(Sha512), (39, 2));
}

#[test]
fn hmac_with_sha256() {
    let ours = |key: &[u8], message: &[u8]| MacKey::new(key).unwrap().tag(message).to_vec();
    check_hmac("hmac_sha256", ours, rust_crypto_hmac!(Sha256));
    check_hmac("hmac_sha256", ours, |key, message| sign(hmac::HMAC_SHA256, key, message));
}

#[test]
fn hmac_with_sha384() {
    let ours = |key: &[u8], message: &[u8]| {
        let (start, end) = message.split_at(message.len() / 2);
        LongMacKey::new(key).tag(&[start, end]).to_vec()
    };
    check_hmac("hmac_sha384", ours, rust_crypto_hmac!(Sha384));
}

/// The library's own: the crypto room has no MAC with this hash.
#[test]
fn hmac_with_sha512() {
    check_hmac("hmac_sha512", |key, message| sign(hmac::HMAC_SHA512, key, message), rust_crypto_hmac!(Sha512));
}

/// Both fill the output, or both say that it is too long; how many vectors were good and bad.
fn check_hkdf(file: &str, hash: Hash, second_opinion: impl Fn(&Vector, &mut [u8]) -> bool, expected: (usize, usize)) {
    let mut seen = (0, 0);
    for vector in vectors(file) {
        let length = vector.number("size");
        let (mut a, mut b) = (vec![0; length], vec![0; length]);
        let ours = Extracted::new(hash, &vector.bytes("salt"), &vector.bytes("ikm"));
        assert_eq!(ours.expand(&[&vector.bytes("info")], &mut a).is_ok(), vector.is_valid(), "{}", vector.name());
        assert_eq!(second_opinion(&vector, &mut b), vector.is_valid(), "{}", vector.name());
        if vector.is_valid() {
            assert!(a == vector.bytes("okm") && a == b, "{}", vector.name());
            seen.0 += 1;
        } else {
            seen.1 += 1;
        }
    }
    assert_eq!(seen, expected);
}

/// Tags may be shorter in the vectors: then they are the beginning of the whole one.
fn check_hmac(file: &str, ours: impl Fn(&[u8], &[u8]) -> Vec<u8>, second_opinion: impl Fn(&[u8], &[u8]) -> Vec<u8>) {
    let vectors = vectors(file);
    assert_eq!(vectors.len(), 87);
    for vector in vectors {
        let (key, message, tag) = (vector.bytes("key"), vector.bytes("msg"), vector.bytes("tag"));
        let whole = ours(&key, &message);
        assert_eq!(whole, second_opinion(&key, &message), "{}", vector.name());
        let is_right = tag.len() == vector.number("tagSize") / 8 && whole.starts_with(&tag);
        assert_eq!(is_right, vector.is_valid(), "{}", vector.name());
    }
}

fn sign(algorithm: hmac::Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
}

macro_rules! rust_crypto_hkdf {
    ($hash:ty) => {
        |vector: &Vector, out: &mut [u8]| {
            let key = ::hkdf::Hkdf::<$hash>::new(Some(&vector.bytes("salt")), &vector.bytes("ikm"));
            key.expand(&vector.bytes("info"), out).is_ok()
        }
    };
}

macro_rules! rust_crypto_hmac {
    ($hash:ty) => {
        |key: &[u8], message: &[u8]| {
            use ::hmac::{KeyInit as _, Mac as _};
            let mut mac = ::hmac::Hmac::<$hash>::new_from_slice(key).unwrap();
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }
    };
}
use {rust_crypto_hkdf, rust_crypto_hmac};
