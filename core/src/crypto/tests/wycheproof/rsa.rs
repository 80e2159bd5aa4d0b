//! RSA: OAEP with each hash, and PKCS#1 v1.5, 2,048 bits.

use super::vectors;
use crate::crypto::{RsaPadding, RsaPrivateKey, Secret};
use crate::error::Error;

#[test]
fn oaep_with_sha1() {
    check("rsa_oaep_2048_sha1_mgf1sha1", RsaPadding::OaepSha1, 4);
}

#[test]
fn oaep_with_sha256() {
    check("rsa_oaep_2048_sha256_mgf1sha256", RsaPadding::OaepSha256, 4);
}

#[test]
fn oaep_with_sha384() {
    check("rsa_oaep_2048_sha384_mgf1sha384", RsaPadding::OaepSha384, 4);
}

#[test]
fn oaep_with_sha512() {
    check("rsa_oaep_2048_sha512_mgf1sha512", RsaPadding::OaepSha512, 4);
}

#[test]
fn pkcs1() {
    check("rsa_pkcs1_2048", RsaPadding::Pkcs1, 21);
}

fn check(file: &str, padding: RsaPadding, expected: usize) {
    let mut valid = 0;
    for vector in vectors(file) {
        let key = RsaPrivateKey::from_pem(vector.group["privateKeyPem"].as_str().unwrap()).unwrap();
        let same = RsaPrivateKey::from_der(&vector.bytes("privateKeyPkcs8")).unwrap();
        let (plaintext, ciphertext) = (vector.bytes("msg"), vector.bytes("ct"));
        // We use no labels: what has one must not open.
        let has_label = vector.test["label"].as_str().is_some_and(|label| !label.is_empty());
        if vector.is_valid() && !has_label {
            let opened = |key: &RsaPrivateKey, length| key.decrypt(padding, &ciphertext, length);
            assert_eq!(opened(&key, plaintext.len()).unwrap().expose(), plaintext, "{}", vector.name());
            assert_eq!(opened(&same, plaintext.len()).unwrap().expose(), plaintext, "{}", vector.name());
            for length in [plaintext.len() + 1, plaintext.len() - 1, 300] {
                is_refused(opened(&key, length));
            }
            valid += 1;
        } else {
            is_refused(key.decrypt(padding, &ciphertext, plaintext.len()));
        }
    }
    assert_eq!(valid, expected);
}

/// All failures look alike.
fn is_refused(result: Result<Secret, Error>) {
    let error = result.unwrap_err();
    assert_eq!(format!("{error:?}"), format!("{:?}", Error::integrity()));
}
