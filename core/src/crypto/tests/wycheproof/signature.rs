//! ECDSA over P-256 with SHA-256 and over P-384 with SHA-384.

use super::{hex, vectors};
use crate::crypto::{Curve, Digest, VerifyingKey};

#[test]
fn ecdsa_p256() {
    check("ecdsa_secp256r1_sha256", Curve::P256, 84);
}

#[test]
fn ecdsa_p384() {
    check("ecdsa_secp384r1_sha384", Curve::P384, 94);
}

fn check(file: &str, curve: Curve, expected: usize) {
    let mut valid = 0;
    for vector in vectors(file) {
        let point = hex(vector.group["publicKey"]["uncompressed"].as_str().unwrap());
        let key = VerifyingKey::from_point(curve, &compressed(&point)).unwrap();
        let mut digest = Digest::new(curve);
        digest.update(&vector.bytes("msg"));
        let verified = key.verify(digest, &vector.bytes("sig"));
        assert_eq!(verified.is_ok(), vector.is_valid(), "{}", vector.name());
        valid += usize::from(vector.is_valid());
    }
    assert_eq!(valid, expected);
}

/// The mark says whether y is odd (SEC 1, section 2.3.3).
fn compressed(point: &[u8]) -> Vec<u8> {
    let (mark, coordinates) = point.split_first().unwrap();
    assert_eq!(*mark, 4);
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    [&[2 + (y.last().unwrap() & 1)], x].concat()
}
