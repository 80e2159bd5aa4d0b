//! Keys in every form, and what is refused as one.

use super::*;
use crate::error::ErrorKind;

/// Test keys, made with `openssl genpkey`, and converted with `openssl rsa` and `openssl pkey`.
const PKCS8: &str = include_str!("../../../../tests/vectors/rsa/private-pkcs8.pem");
const PKCS1: &str = include_str!("../../../../tests/vectors/rsa/private-pkcs1.pem");
const SPKI: &str = include_str!("../../../../tests/vectors/rsa/public-spki.pem");
const ENCRYPTED: &str = include_str!("../../../../tests/vectors/rsa/private-encrypted.pem");
const SHORT: &str = include_str!("../../../../tests/vectors/rsa/private-1024.pem");
const SHORT_PUBLIC: &str = include_str!("../../../../tests/vectors/rsa/public-1024.pem");
const ELLIPTIC: &str = include_str!("../../../../tests/vectors/rsa/private-p256.pem");

const OAEP: [RsaPadding; 4] =
    [RsaPadding::OaepSha1, RsaPadding::OaepSha256, RsaPadding::OaepSha384, RsaPadding::OaepSha512];

fn der(pem: &str) -> Vec<u8> {
    let mut buffer = vec![0; LONGEST_DER];
    decode_pem(pem.as_bytes(), &mut buffer).unwrap().1.to_vec()
}

fn is_config<T: fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[test]
fn all_forms_of_a_key_are_the_same_key() {
    let secret = Secret::random(32).unwrap();
    let private = [
        RsaPrivateKey::from_pem(PKCS8).unwrap(),
        RsaPrivateKey::from_pem(PKCS1).unwrap(),
        RsaPrivateKey::from_der(&der(PKCS8)).unwrap(),
        RsaPrivateKey::from_der(&der(PKCS1)).unwrap(),
    ];
    let public = [
        RsaPublicKey::from_pem(SPKI).unwrap(),
        RsaPublicKey::from_pem(format!("\n{SPKI}\n\n")).unwrap(),
        RsaPublicKey::from_pem(SPKI.replace('\n', "\r\n")).unwrap(),
        RsaPublicKey::from_der(&der(SPKI)).unwrap(),
        private[1].public_key(),
    ];
    for padding in OAEP {
        for public in &public {
            let ciphertext = public.encrypt(padding, &secret).unwrap();
            for private in &private {
                assert_eq!(private.decrypt(padding, &ciphertext, 32).unwrap().expose(), secret.expose());
            }
        }
    }
}

#[test]
fn no_ciphertext_opens_under_another_padding_or_damaged() {
    let (private, secret) = (RsaPrivateKey::from_pem(PKCS8).unwrap(), Secret::random(32).unwrap());
    for padding in OAEP {
        let ciphertext = private.public_key().encrypt(padding, &secret).unwrap();
        for other in OAEP.into_iter().chain([RsaPadding::Pkcs1]).filter(|other| *other != padding) {
            assert_eq!(private.decrypt(other, &ciphertext, 32).unwrap_err().kind(), ErrorKind::Integrity);
        }
        for at in [0, 1, 100, 255] {
            let mut damaged = ciphertext.clone();
            damaged[at] ^= 1;
            assert_eq!(private.decrypt(padding, &damaged, 32).unwrap_err().kind(), ErrorKind::Integrity);
        }
    }
}

#[test]
fn pkcs1_does_not_write() {
    let public = RsaPublicKey::from_pem(SPKI).unwrap();
    is_config(public.encrypt(RsaPadding::Pkcs1, &Secret::copy_of(&[7; 32])));
}

#[test]
fn a_secret_that_is_too_long_is_refused() {
    let public = RsaPublicKey::from_pem(SPKI).unwrap();
    is_config(public.encrypt(RsaPadding::OaepSha512, &Secret::copy_of(&[7; 127])));
    assert!(public.encrypt(RsaPadding::OaepSha512, &Secret::copy_of(&[7; 126])).is_ok());
}

#[test]
fn what_is_no_usable_key_is_refused() {
    is_config(RsaPrivateKey::from_pem(SHORT));
    is_config(RsaPublicKey::from_pem(SHORT_PUBLIC));
    is_config(RsaPrivateKey::from_pem(ELLIPTIC));
    is_config(RsaPrivateKey::from_pem(SPKI));
    is_config(RsaPublicKey::from_pem(PKCS8));
    assert!(is_config(RsaPrivateKey::from_pem(ENCRYPTED)).contains("encrypted"));
    for text in ["", "not a key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", &PKCS8[..300]] {
        is_config(RsaPrivateKey::from_pem(text));
        is_config(RsaPublicKey::from_pem(text));
    }
    is_config(RsaPrivateKey::from_der(&der(PKCS8)[..500]));
    is_config(RsaPublicKey::from_der(&[]));
    let huge = format!(
        "-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n",
        format!("{}\n", "A".repeat(64)).repeat(200)
    );
    is_config(RsaPrivateKey::from_pem(huge));
}

#[test]
fn keys_print_their_size_only() {
    let private = RsaPrivateKey::from_pem(PKCS8).unwrap();
    assert_eq!(
        format!("{private:?} {:?}", private.public_key()),
        "RsaPrivateKey { bits: 2048, .. } RsaPublicKey { bits: 2048, .. }"
    );
}
