//! ECDSA over P-256 with SHA-256 and over P-384 with SHA-384: the library's own verification.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, UnparsedPublicKey, VerificationAlgorithm};

use super::{hex, vectors};

#[test]
fn ecdsa_p256() {
    check("ecdsa_secp256r1_sha256", &ECDSA_P256_SHA256_ASN1, 84);
}

#[test]
fn ecdsa_p384() {
    check("ecdsa_secp384r1_sha384", &ECDSA_P384_SHA384_ASN1, 94);
}

fn check(file: &str, algorithm: &'static dyn VerificationAlgorithm, expected: usize) {
    let mut valid = 0;
    for vector in vectors(file) {
        let point = hex(vector.group["publicKey"]["uncompressed"].as_str().unwrap());
        let verified = UnparsedPublicKey::new(algorithm, point).verify(&vector.bytes("msg"), &vector.bytes("sig"));
        assert_eq!(verified.is_ok(), vector.is_valid(), "{}", vector.name());
        valid += usize::from(vector.is_valid());
    }
    assert_eq!(valid, expected);
}
